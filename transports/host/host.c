/*
 * The process singleton of real processes, and the only home of process globals, getenv() and
 * pthread_atfork().
 *
 * Environment: GEMEL_EMBEDDED, a directory (or "mem"), for a system inside the process; else
 * GEMEL_SYSTEM, the path of the system file (default /etc/gemel/system.yml).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daos.h"
#include "transports/host/attach.h"
#include "transports/host/embed.h"

#define SYSTEM_FILE_DEFAULT "/etc/gemel/system.yml"
#define ERR_BYTES 512
#define GROUPS_MAX 256

enum host_mode { HOST_OFF = 0, HOST_ENGINES, HOST_EMBEDDED };

struct host {
	pthread_mutex_t init_lock;	/* init, fini and fork */
	pthread_mutex_t lock;		/* host_ops.lock */
	uint32_t init_count;
	enum host_mode mode;
	struct process proc;
	struct sysfile *sys;
	struct attach_opts attach;
	struct embed *embed;
	bool embed_lost;		/* this is a child: the system is its parent's */
	uint32_t stream_seq;
	struct list streams;		/* under the lock; all, in a child also its parent's */
	struct list zombies;		/* streams that were closed from their own callbacks */
	struct embed *embed_parents;	/* in a child: the system that it lost */
	bool fork_hooked;
};

static struct host host = {
	.init_lock = PTHREAD_MUTEX_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

struct process *host_self(void)
{
	return host.init_count > 0 ? &host.proc : NULL;
}

/* ---- streams of an embedded system ---------------------------------------------------------- */

struct embed_client {
	struct cl_stream client;
	struct local_stream *ls;
	struct list link;
};

/* A child of fork() cannot free its parent's streams, but it knows where they are. */
static void stream_known(struct host *h, struct list *link)
{
	(void)pthread_mutex_lock(&h->lock);
	list_add_tail(&h->streams, link);
	(void)pthread_mutex_unlock(&h->lock);
}

static void stream_unknown(struct host *h, struct list *link)
{
	(void)pthread_mutex_lock(&h->lock);
	list_del(link);
	(void)pthread_mutex_unlock(&h->lock);
}

static int embed_client_open(struct host *h, struct process *p, struct cl_stream **ret_stream)
{
	struct embed_client *c;
	char name[48];
	bool inside;
	int rc;

	if (h->embed_lost)
		return -DER_BUSY;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -DER_NOMEM;
	/* All streams share a loop: nobody may step it while it changes. A callback is the step. */
	inside = seat_inside(embed_seat(h->embed));
	if (!inside)
		seat_enter(embed_seat(h->embed));
	(void)snprintf(name, sizeof(name), "client%u/0", h->stream_seq++);
	rc = local_stream_create(embed_world(h->embed), name, &c->ls);
	if (rc == 0)
		rc = cl_stream_init(&c->client, p, local_stream_rt(c->ls));
	if (rc != 0 && c->ls != NULL)
		local_stream_kill(c->ls);
	if (!inside)
		seat_exit(embed_seat(h->embed));
	if (rc != 0) {
		free(c);
		return rc;
	}
	c->client.host = c;
	stream_known(h, &c->link);
	*ret_stream = &c->client;
	return 0;
}

static void client_stop(void *arg)
{
	cl_stream_stop(arg);
}

static void embed_client_close(struct host *h, struct cl_stream *s)
{
	struct embed_client *c = container_of(s, struct embed_client, client);
	struct seat *seat = embed_seat(h->embed);

	stream_unknown(h, &c->link);
	seat_run_rt(seat, s->rt, client_stop, s);
	seat_enter(seat);
	seat_drain(seat, s->rt);
	cl_stream_fini(s);
	(void)local_stream_close(c->ls);
	seat_exit(seat);
	free(c);
}

/* ---- host_ops ------------------------------------------------------------------------------- */

static struct seat *seat_of(struct host *h, struct cl_stream *s)
{
	if (h->mode == HOST_EMBEDDED)
		return embed_seat(h->embed);
	return attach_stream_seat(s->host);
}

static int op_stream_open(void *ctx, struct process *p, struct cl_stream **ret_stream)
{
	struct attach_stream *as;
	struct host *h = ctx;
	int rc;

	if (h->mode == HOST_EMBEDDED)
		return embed_client_open(h, p, ret_stream);
	rc = attach_stream_open(p, h->sys, &h->attach, &as);
	if (rc != 0)
		return rc;
	stream_known(h, attach_stream_link(as));
	*ret_stream = attach_stream_client(as);
	return 0;
}

/* A stream that a callback wants to end cannot be taken apart below that callback's feet. It is kept for
 * the end of the library. */
struct zombie {
	struct list link;
	struct cl_stream *s;
};

static void zombie_add(struct host *h, struct cl_stream *s)
{
	struct zombie *z = calloc(1, sizeof(*z));

	if (z == NULL)
		return;	/* the stream is lost, and with it some memory */
	z->s = s;
	(void)pthread_mutex_lock(&h->lock);
	list_add_tail(&h->zombies, &z->link);
	(void)pthread_mutex_unlock(&h->lock);
}

static void op_stream_close(void *ctx, struct cl_stream *s)
{
	struct host *h = ctx;

	if (h->embed_lost)
		return;	/* a copy of the parent's: not ours to touch */
	if (seat_inside(seat_of(h, s))) {
		zombie_add(h, s);
		return;
	}
	if (h->mode == HOST_EMBEDDED) {
		embed_client_close(h, s);
		return;
	}
	stream_unknown(h, attach_stream_link(s->host));
	attach_stream_close(s->host);
}

static void op_run(void *ctx, struct cl_stream *s, struct cl_task *t)
{
	seat_run(seat_of(ctx, s), s, t);
}

static void op_post(void *ctx, struct cl_stream *s, struct cl_task *t)
{
	seat_post(seat_of(ctx, s), s, t);
}

static void op_lock(void *ctx)
{
	(void)pthread_mutex_lock(&((struct host *)ctx)->lock);
}

static void op_unlock(void *ctx)
{
	(void)pthread_mutex_unlock(&((struct host *)ctx)->lock);
}

static void *op_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return calloc(1, bytes);
}

static void op_free(void *ctx, void *ptr)
{
	(void)ctx;
	free(ptr);
}

/* One process holds one copy: nobody to share with. */
static const void *op_share(void *ctx, const void *data, size_t bytes)
{
	void *copy = malloc(bytes);

	(void)ctx;
	if (copy != NULL)
		memcpy(copy, data, bytes);
	return copy;
}

static void op_unshare(void *ctx, const void *shared)
{
	(void)ctx;
	free((void *)(uintptr_t)shared);
}

static int op_resolve(void *ctx, struct rpc_ep ep, char *ret_uri)
{
	const struct sysfile_rank *r;
	struct host *h = ctx;

	if (h->mode == HOST_EMBEDDED)
		return embed_resolve(h->embed, ep, ret_uri);
	r = sysfile_find(h->sys, ep.rank);
	if (r == NULL || ep.tag > r->targets)
		return -DER_NONEXIST;
	return sysfile_uri(r->uri, ep.tag, ret_uri);
}

static uint32_t op_leader(void *ctx)
{
	struct host *h = ctx;

	return h->mode == HOST_EMBEDDED ? 0 : h->sys->ranks[0].rank;
}

static const char *op_system(void *ctx)
{
	struct host *h = ctx;

	return h->mode == HOST_EMBEDDED ? EMBED_SYSTEM : h->sys->name;
}

static const char *op_env(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static uint32_t op_creds(void *ctx, uint32_t *ret_uid, uint32_t *ret_gid, uint32_t cap,
			 uint32_t *gids)
{
	gid_t all[GROUPS_MAX];
	int n = getgroups(GROUPS_MAX, all);
	uint32_t nr = 0;

	(void)ctx;
	*ret_uid = geteuid();
	*ret_gid = getegid();
	while (n > 0 && nr < (uint32_t)n && nr < cap) {
		gids[nr] = all[nr];
		nr++;
	}
	return nr;
}

static bool op_phantom(void *ctx, void *ptr, uint64_t bytes, uint32_t access, struct bseg *ret_seg)
{
	(void)ctx;
	(void)ptr;
	(void)bytes;
	(void)access;
	(void)ret_seg;
	return false;
}

static const struct host_ops real_ops = {
	.stream_open = op_stream_open,
	.stream_close = op_stream_close,
	.run = op_run,
	.post = op_post,
	.lock = op_lock,
	.unlock = op_unlock,
	.alloc = op_alloc,
	.free = op_free,
	.share = op_share,
	.unshare = op_unshare,
	.resolve = op_resolve,
	.leader = op_leader,
	.system = op_system,
	.env = op_env,
	.creds = op_creds,
	.phantom = op_phantom,
};

/* ---- fork ----------------------------------------------------------------------------------- */

/* Tables must not be in the middle of a change when they are copied. */
static void fork_prepare(void)
{
	(void)pthread_mutex_lock(&host.init_lock);
	(void)pthread_mutex_lock(&host.lock);
}

static void fork_parent(void)
{
	(void)pthread_mutex_unlock(&host.lock);
	(void)pthread_mutex_unlock(&host.init_lock);
}

/* The child has copies of the parent's streams; using them would speak with the parent's voice. It
 * forgets them, and opens its own when it makes a call. */
static void fork_child(void)
{
	(void)pthread_mutex_init(&host.lock, NULL);
	(void)pthread_mutex_init(&host.init_lock, NULL);
	if (host.init_count == 0)
		return;
	process_forked(&host.proc);
	list_init(&host.zombies);
	host.embed_lost = host.mode == HOST_EMBEDDED;
	if (host.embed_lost) {
		embed_forked(host.embed);
		host.embed_parents = host.embed;
	}
}

/* ---- init and fini -------------------------------------------------------------------------- */

static void complain(const char *what)
{
	(void)fprintf(stderr, "gemel: %s\n", what);
}

static int number_env(const char *name, uint32_t max, uint32_t *ret_v)
{
	const char *s = getenv(name);
	char err[ERR_BYTES];
	unsigned long v;
	char *end;

	if (s == NULL || s[0] == 0)
		return 0;
	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno != 0 || *end != 0 || v == 0 || v > max) {
		(void)snprintf(err, sizeof(err), "%s=%s: not a number in 1…%u", name, s, max);
		complain(err);
		return -DER_INVAL;
	}
	*ret_v = (uint32_t)v;
	return 0;
}

static int start_embedded(struct host *h, const char *dir)
{
	struct embed_opts opts = { .dir = dir, .pool = getenv("GEMEL_POOL") };
	char err[ERR_BYTES];
	int rc;

	rc = number_env("GEMEL_EMBEDDED_TARGETS", EMBED_TARGETS_MAX, &opts.targets);
	if (rc != 0)
		return rc;
	rc = embed_open(&opts, err, sizeof(err), &h->embed);
	if (rc != 0)
		complain(err);
	h->mode = HOST_EMBEDDED;
	h->embed_lost = false;
	return rc;
}

static int start_engines(struct host *h)
{
	const char *path = getenv("GEMEL_SYSTEM");
	char err[ERR_BYTES];
	int rc;

	if (path == NULL || path[0] == 0)
		path = SYSTEM_FILE_DEFAULT;
	rc = sysfile_load(path, err, sizeof(err), &h->sys);
	if (rc != 0) {
		complain(err);
		complain("set GEMEL_SYSTEM to the system file, or GEMEL_EMBEDDED to a directory");
		return rc;
	}
	sysfile_limit_providers(h->sys);
	h->attach = (struct attach_opts){ .interface = getenv("D_INTERFACE"),
					  .domain = getenv("D_DOMAIN") };
	h->mode = HOST_ENGINES;
	return 0;
}

static int start(struct host *h)
{
	const char *dir = getenv("GEMEL_EMBEDDED");
	int rc;

	if (!h->fork_hooked) {
		if (pthread_atfork(fork_prepare, fork_parent, fork_child) != 0)
			return -DER_NOMEM;
		h->fork_hooked = true;
	}
	process_init(&h->proc, &real_ops, h);
	if (h->streams.next == NULL)
		list_init(&h->streams);
	list_init(&h->zombies);
	rc = dir != NULL && dir[0] != 0 ? start_embedded(h, dir) : start_engines(h);
	if (rc != 0)
		h->mode = HOST_OFF;
	return rc;
}

int host_init(void)
{
	int rc = 0;

	(void)pthread_mutex_lock(&host.init_lock);
	if (host.init_count == 0)
		rc = start(&host);
	if (rc == 0)
		host.init_count++;
	(void)pthread_mutex_unlock(&host.init_lock);
	return rc;
}

static void stop(struct host *h)
{
	struct cl_stream *s = h->proc.main;

	if (s != NULL)
		h->proc.host->stream_close(h, s);
	h->proc.main = NULL;
	process_fini(&h->proc);
	while (!list_empty(&h->zombies)) {
		struct zombie *z = list_first(&h->zombies, struct zombie, link);

		list_del(&z->link);
		op_stream_close(h, z->s);
		free(z);
	}
	if (!h->embed_lost)
		embed_close(h->embed);
	h->embed = NULL;
	sysfile_free(h->sys);
	h->sys = NULL;
	h->mode = HOST_OFF;
}

int host_fini(void)
{
	int rc = 0;

	(void)pthread_mutex_lock(&host.init_lock);
	if (host.init_count == 0)
		rc = -DER_UNINIT;
	else if (host.init_count == 1)
		stop(&host);
	if (rc == 0)
		host.init_count--;
	(void)pthread_mutex_unlock(&host.init_lock);
	return rc;
}

int daos_reinit(void)
{
	struct cl_stream *s;

	return host_self() == NULL ? -DER_UNINIT : process_main(&host.proc, &s);
}

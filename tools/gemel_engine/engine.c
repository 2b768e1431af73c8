#include "tools/gemel_engine/engine.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/node/node.h"
#include "transports/loop/loop.h"
#include "transports/loop/os.h"
#include "transports/ofi/ofi.h"
#include "transports/uring/uring.h"

#define STACK_BYTES (64u << 10)
#define SYS_BYTES (256ull << 20)
#define PATH_BYTES 4096

/* A stream and its thread. */
struct worker {
	struct engine *e;
	uint32_t tag;
	pthread_t thread;
	bool thread_made;
	struct loop loop;
	struct loop_stream place;
	struct loop_src net_src;
	struct loop_src blk_src;
	struct rt rt;
	struct os_misc misc;
	struct ult_stacks *stacks;
	struct ofi *ofi;
	struct uring *uring;
	struct rt_dev *dev;
	struct node_sys *sys;
	struct node_tgt *tgt;
	bool loop_made;
	bool rt_made;
	struct loop_msg msg;
	bool starting;		/* what msg asks for */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;		/* under the lock: the start or stop has ended */
	int rc;
};

struct engine {
	struct engine_opts opts;
	struct node_opts node;
	struct rpc_limits limits;
	struct worker *workers;
	uint32_t worker_count;
	int log_fd;
	uint32_t *ranks;
	uint32_t *target_counts;
	char *err;
	size_t err_cap;
};

static int resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	struct engine *e = arg;
	const struct sysfile_rank *r = sysfile_find(e->opts.node->system, ep.rank);

	if (r == NULL || ep.tag > r->targets)
		return -DER_NONEXIST;
	return sysfile_uri(r->uri, ep.tag, ret_uri);
}

static int complain(struct worker *w, const char *what, int rc)
{
	struct engine *e = w->e;

	if (e->err[0] == 0)
		(void)snprintf(e->err, e->err_cap, "rank %u, %s %u: %s: %s", e->node.rank,
			       w->tag == 0 ? "system stream" : "target",
			       w->tag == 0 ? 0 : w->tag - 1, what, err_name(rc));
	return rc;
}

/* ---- what a stream is made of --------------------------------------------------------------- */

static int net_poll(void *ctx)
{
	return ofi_poll(ctx);
}

static int net_fd(void *ctx)
{
	return ofi_fd(ctx);
}

static int net_arm(void *ctx)
{
	return ofi_arm(ctx);
}

static const struct loop_src_ops net_src_ops = { .poll = net_poll, .fd = net_fd, .arm = net_arm };

static int worker_net(struct worker *w)
{
	const struct engine_config *c = w->e->opts.engine;
	struct ofi_opts o = {
		.interface = c->fabric_iface,
		.domain = c->fabric_domain,
		.auth_key = c->fabric_auth_key,
		.numa_node = c->pinned_numa_node != NULL ? (int)*c->pinned_numa_node + 1 : 0,
		.misc = &os_misc_ops,
		.misc_ctx = &w->misc,
	};
	struct sysfile_addr addr;
	char uri[RT_URI_MAX];
	int rc;

	rc = sysfile_uri(c->addr->uri, (uint16_t)w->tag, uri);
	if (rc == 0)
		rc = sysfile_addr(uri, &addr);
	if (rc != 0)
		return complain(w, "uri", rc);
	o.provider = addr.provider;
	o.host = addr.host;
	o.port = addr.port;
	rc = ofi_open(&o, &w->rt, &w->ofi);
	return rc != 0 ? complain(w, uri, rc) : 0;
}

/* Targets have a device unless they live in memory; the system stream has one on the leader. */
static bool worker_wants_dev(const struct worker *w)
{
	return w->e->opts.engine->storage.kind != STORAGE_RAM &&
	       (w->tag > 0 || w->e->node.rank == w->e->node.leader_rank);
}

static int worker_make(struct worker *w)
{
	struct engine *e = w->e;
	struct rt_ops ops = {
		.time = &os_time_ops, .net = &ofi_net_ops, .misc = &os_misc_ops,
		.misc_ctx = &w->misc,
	};
	struct rt_opts rt_opts = { .id = (uint64_t)e->node.rank << 16 | w->tag,
				   .stack_bytes = STACK_BYTES,
				   .log_level = e->opts.engine->log_level };
	struct loop_opts loop_opts = { .mode = e->opts.crowded ? LOOP_MODE_BLOCK : LOOP_MODE_SPIN };
	int rc;

	rc = loop_init(&w->loop, &loop_opts);
	if (rc != 0)
		return complain(w, "loop", rc);
	w->loop_made = true;
	w->stacks = ult_stacks_create(STACK_BYTES);
	if (w->stacks == NULL)
		return complain(w, "stacks", -DER_NOMEM);
	rc = worker_net(w);
	if (rc != 0)
		return rc;
	ops.net_ctx = w->ofi;
	if (worker_wants_dev(w)) {
		rc = uring_create(&ops, NULL, &w->uring);
		if (rc != 0)
			return complain(w, uring_strerror(rc), rc);
		uring_bind(w->uring, &ops);
	}
	rt_opts.stacks = w->stacks;
	rt_init(&w->rt, &ops, &rt_opts);
	w->rt_made = true;
	loop_stream_add(&w->loop, &w->place, &w->rt);
	w->net_src = (struct loop_src){ .ops = &net_src_ops, .ctx = w->ofi };
	rc = loop_src_add(&w->place, &w->net_src, LOOP_SRC_NET);
	if (rc == 0 && w->uring != NULL) {
		w->blk_src = (struct loop_src){ .ops = &uring_src_ops, .ctx = w->uring };
		rc = loop_src_add(&w->place, &w->blk_src, LOOP_SRC_BLK);
	}
	return rc;
}

static void worker_unmake(struct worker *w)
{
	if (w->rt_made) {
		if (w->net_src.loop != NULL)
			loop_src_del(&w->net_src);
		if (w->blk_src.loop != NULL)
			loop_src_del(&w->blk_src);
		loop_stream_del(&w->place);
		ofi_stop(w->ofi);
		rt_fini(&w->rt);
	}
	ofi_close(w->ofi);
	uring_destroy(w->uring);
	ult_stacks_destroy(w->stacks);
	if (w->loop_made)
		loop_fini(&w->loop);
	(void)os_misc_fini(&w->misc);
}

/* ---- devices and services, on a ULT --------------------------------------------------------- */

static int worker_dev(struct worker *w)
{
	const struct engine_storage *s = &w->e->opts.engine->storage;
	bool format = w->e->opts.format;
	char path[PATH_BYTES];
	const char *name = path;
	uint64_t bytes = w->tag == 0 ? SYS_BYTES : s->bytes;
	uint32_t flags = 0;
	char what[PATH_BYTES + 64];
	int pid;
	int rc;

	if (!worker_wants_dev(w))
		return 0;
	if (s->kind == STORAGE_KDEV) {
		name = w->tag == 0 ? s->meta_device : s->bdev_list[w->tag - 1];
		bytes = 0;	/* all of it */
	} else {
		if (w->tag == 0)
			(void)snprintf(path, sizeof(path), "%s/sys", s->path);
		else
			(void)snprintf(path, sizeof(path), "%s/target.%u", s->path, w->tag - 1);
		flags = format ? RT_DEV_CREATE : 0;
	}
	rc = rt_dev_open(&w->rt, name, bytes, flags, &w->dev);
	if (rc == 0)
		return 0;
	(void)snprintf(what, sizeof(what), "%s", name);
	if (rc == -DER_BUSY && uring_dev_owner(name, &pid) == 0)
		(void)snprintf(what, sizeof(what), "%s is in use by pid %d", name, pid);
	else if (rc == -DER_NONEXIST && !format)
		(void)snprintf(what, sizeof(what), "%s is not there (start once with --format)",
			       name);
	return complain(w, what, rc);
}

static int worker_serve(struct worker *w)
{
	struct engine *e = w->e;
	const struct sysfile *sys = e->opts.node->system;
	struct node_ranks ranks = { .nr = sys->nr, .ranks = e->ranks,
				    .target_counts = e->target_counts };
	uint32_t flags = e->opts.force ? VOS_FORMAT_FORCE : 0;
	int rc;

	rc = worker_dev(w);
	if (rc != 0)
		return rc;
	if (e->opts.format && w->dev != NULL) {
		if (w->tag == 0)
			rc = node_sys_format(&w->rt, &e->node, w->dev, &ranks, flags);
		else
			rc = node_tgt_format(&w->rt, &e->node, w->dev, w->tag - 1, flags);
		if (rc != 0)
			return complain(w,
					rc == -DER_EXIST ? "a store is there; --force loses it"
							 : "format",
					rc);
	}
	if (w->tag == 0)
		rc = node_sys_start(&w->rt, &e->node, w->dev, w->dev == NULL ? &ranks : NULL,
				    &w->sys);
	else
		rc = node_tgt_start(&w->rt, &e->node, w->dev, w->tag - 1, &w->tgt);
	return rc != 0 ? complain(w, "start", rc) : 0;
}

static void worker_done(struct worker *w, int rc)
{
	(void)pthread_mutex_lock(&w->lock);
	w->rc = rc;
	w->done = true;
	(void)pthread_cond_signal(&w->cond);
	(void)pthread_mutex_unlock(&w->lock);
}

static void worker_ult(void *arg)
{
	struct worker *w = arg;
	int rc = 0;

	if (w->starting) {
		rc = worker_serve(w);
	} else {
		node_sys_stop(w->sys);
		node_tgt_stop(w->tgt);
		rt_dev_close(&w->rt, w->dev);
		loop_stop(&w->loop);
	}
	worker_done(w, rc);
}

static void worker_msg(struct loop_msg *msg)
{
	struct worker *w = container_of(msg, struct worker, msg);
	struct ult_opts opts = { .name = "engine" };
	int rc = rt_spawn(&w->rt, worker_ult, w, &opts);

	if (rc != 0) {
		if (!w->starting)
			loop_stop(&w->loop);
		worker_done(w, rc);
	}
}

/* Have the worker's thread start or stop its services, and wait for it. */
static int worker_ask(struct worker *w, bool start)
{
	w->starting = start;
	w->done = false;
	w->msg.fn = worker_msg;
	(void)loop_post(&w->loop, &w->msg);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->done)
		(void)pthread_cond_wait(&w->cond, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
	return w->rc;
}

/* ---- threads -------------------------------------------------------------------------------- */

static void worker_pin(const struct worker *w)
{
	const uint32_t *first = w->e->opts.engine->first_core;
	cpu_set_t set;

	if (first == NULL)
		return;
	CPU_ZERO(&set);
	CPU_SET((*first + w->tag) % (uint32_t)CPU_SETSIZE, &set);
	/* A core that is not there is no reason not to serve. */
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	worker_pin(w);
	loop_run(&w->loop);
	/* ULTs that ended with the stop have their last steps to run. */
	while (w->rt.ult_count > 0)
		(void)loop_step(&w->loop, LOOP_POLL);
	return NULL;
}

static int worker_start(struct worker *w)
{
	struct os_misc_opts misc = { .log_fd = w->e->log_fd };
	char tag[48];
	int rc;

	(void)snprintf(tag, sizeof(tag), "rank %u/%u", w->e->node.rank, w->tag);
	misc.log_tag = tag;
	os_misc_init(&w->misc, &misc);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->cond, NULL);
	rc = worker_make(w);
	if (rc != 0)
		return rc;
	if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
		return complain(w, "thread", -DER_NOMEM);
	w->thread_made = true;
	return worker_ask(w, true);
}

static void worker_stop(struct worker *w)
{
	if (w->thread_made) {
		(void)worker_ask(w, false);
		(void)pthread_join(w->thread, NULL);
	}
	worker_unmake(w);
	(void)pthread_cond_destroy(&w->cond);
	(void)pthread_mutex_destroy(&w->lock);
}

/* ---- the engine ----------------------------------------------------------------------------- */

static int engine_ranks(struct engine *e)
{
	const struct sysfile *sys = e->opts.node->system;
	uint32_t i;

	e->ranks = calloc(sys->nr, sizeof(*e->ranks));
	e->target_counts = calloc(sys->nr, sizeof(*e->target_counts));
	if (e->ranks == NULL || e->target_counts == NULL)
		return -DER_NOMEM;
	for (i = 0; i < sys->nr; i++) {
		e->ranks[i] = sys->ranks[i].rank;
		e->target_counts[i] = sys->ranks[i].targets;
	}
	return 0;
}

static int engine_prepare(struct engine *e)
{
	const struct engine_config *c = e->opts.engine;
	int rc = engine_ranks(e);

	if (rc != 0)
		return rc;
	if (c->log_file != NULL) {
		rc = os_log_open(c->log_file, &e->log_fd);
		if (rc != 0) {
			(void)snprintf(e->err, e->err_cap, "log_file: %s: %s", c->log_file,
				       err_name(rc));
			return rc;
		}
	}
	if (e->opts.format && c->storage.kind == STORAGE_FILE &&
	    mkdir(c->storage.path, 0700) != 0 && errno != EEXIST) {
		rc = err_from_errno(errno);
		(void)snprintf(e->err, e->err_cap, "storage: path: %s: %s", c->storage.path,
			       err_name(rc));
		return rc;
	}
	e->limits = rpc_limits_default();
	if (c->crt_timeout != 0)
		e->limits.call_timeout_ns = (uint64_t)c->crt_timeout * 1000000000ull;
	e->node = (struct node_opts){
		.system = e->opts.node->name,
		.pool = e->opts.pool,
		.rank = c->rank,
		.leader_rank = e->opts.node->system->ranks[0].rank,
		.limits = &e->limits,
		.resolve = resolve,
		.arg = e,
	};
	e->workers = calloc(c->targets + 1u, sizeof(*e->workers));
	return e->workers == NULL ? -DER_NOMEM : 0;
}

int engine_start(const struct engine_opts *opts, char *err, size_t err_cap,
		 struct engine **ret_engine)
{
	struct engine *e = calloc(1, sizeof(*e));
	uint32_t i;
	int rc;

	err[0] = 0;
	if (e == NULL)
		return -DER_NOMEM;
	e->opts = *opts;
	e->err = err;
	e->err_cap = err_cap;
	rc = engine_prepare(e);
	for (i = 0; i <= opts->engine->targets && rc == 0; i++) {
		e->workers[i].e = e;
		e->workers[i].tag = i;
		e->worker_count++;
		rc = worker_start(&e->workers[i]);
	}
	if (rc != 0) {
		if (err[0] == 0)
			(void)snprintf(err, err_cap, "rank %u: %s", opts->engine->rank,
				       err_name(rc));
		engine_stop(e);
		return rc;
	}
	*ret_engine = e;
	return 0;
}

void engine_stop(struct engine *e)
{
	uint32_t i;

	if (e == NULL)
		return;
	for (i = e->worker_count; i-- > 0;)
		worker_stop(&e->workers[i]);
	if (e->log_fd > 0)
		(void)close(e->log_fd);
	free(e->workers);
	free(e->ranks);
	free(e->target_counts);
	free(e);
}

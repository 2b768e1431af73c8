#include "transports/host/embed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/node/node.h"

#define DEV_BYTES_MIN (64ull << 20)
#define DEV_BYTES_MAX (1ull << 40)
#define SYS_BYTES (256ull << 20)
#define PATH_BYTES 4096

struct embed_stream {
	struct embed *e;
	struct local_stream *ls;
	struct rt_dev *dev;
	struct node_sys *sys;	/* one of the two */
	struct node_tgt *tgt;
	uint32_t tag;		/* 0: the system stream */
	bool format;
	int rc;
};

struct embed {
	struct local_world *world;
	struct seat seat;
	bool seat_made;
	struct node_opts node;
	char *dir;		/* NULL: in memory */
	char *pool;
	int lock_fd;
	uint64_t dev_bytes;
	uint32_t targets;
	uint32_t stream_count;	/* targets + 1, once they exist */
	struct embed_stream *streams;
	char *err;
	size_t err_cap;
};

struct seat *embed_seat(struct embed *e)
{
	return &e->seat;
}

struct local_world *embed_world(struct embed *e)
{
	return e->world;
}

int embed_resolve(struct embed *e, struct rpc_ep ep, char *ret_uri)
{
	if (ep.rank != 0 || ep.tag > e->targets)
		return -DER_NONEXIST;
	(void)snprintf(ret_uri, RT_URI_MAX, LOCAL_URI_PREFIX "engine/%u", ep.tag);
	return 0;
}

static int resolve_cb(void *arg, struct rpc_ep ep, char *ret_uri)
{
	return embed_resolve(arg, ep, ret_uri);
}

/* ---- the directory -------------------------------------------------------------------------- */

static int program_name(char *dst, size_t cap)
{
	FILE *f = fopen("/proc/self/comm", "re");
	int rc = -DER_NONEXIST;

	(void)snprintf(dst, cap, "?");
	if (f == NULL)
		return rc;
	if (fgets(dst, (int)cap, f) != NULL) {
		dst[strcspn(dst, "\n")] = 0;
		rc = 0;
	}
	(void)fclose(f);
	return rc;
}

/* Take the lock file, and write into it who we are; or say who has it. */
static int dir_lock(struct embed *e)
{
	char path[PATH_BYTES];
	char text[128] = "";
	char name[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/lock", e->dir);
	e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (e->lock_fd < 0) {
		(void)snprintf(e->err, e->err_cap, "%s: %s", path, strerror(errno));
		return err_from_errno(errno);
	}
	if (flock(e->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		n = pread(e->lock_fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = 0;
		text[strcspn(text, "\n")] = 0;
		(void)snprintf(e->err, e->err_cap, "%s is in use by %s", e->dir,
			       text[0] != 0 ? text : "another process");
		(void)close(e->lock_fd);
		e->lock_fd = -1;
		return -DER_BUSY;
	}
	(void)program_name(name, sizeof(name));
	n = snprintf(text, sizeof(text), "pid %d (%s)\n", (int)getpid(), name);
	/* Only for people to read: without it the lock works as well. */
	if (ftruncate(e->lock_fd, 0) == 0 && pwrite(e->lock_fd, text, (size_t)n, 0) != n)
		(void)ftruncate(e->lock_fd, 0);
	return 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* How many targets the directory has: from its files. 0: none yet. */
static uint32_t dir_targets(const struct embed *e)
{
	char path[PATH_BYTES];
	uint32_t n = 0;

	while (n < EMBED_TARGETS_MAX) {
		(void)snprintf(path, sizeof(path), "%s/target.%u", e->dir, n);
		if (!exists(path))
			break;
		n++;
	}
	return n;
}

/* Files are sparse; their size is what the file system can give to each of them. */
static int dir_space(struct embed *e)
{
	struct statvfs st;
	uint64_t bytes;

	if (statvfs(e->dir, &st) != 0)
		return err_from_errno(errno);
	bytes = (uint64_t)st.f_bavail * st.f_frsize;
	if (bytes < SYS_BYTES + DEV_BYTES_MIN * e->targets) {
		(void)snprintf(e->err, e->err_cap, "%s: %llu MiB free, %llu MiB are needed", e->dir,
			       (unsigned long long)(bytes >> 20),
			       (unsigned long long)((SYS_BYTES + DEV_BYTES_MIN * e->targets) >>
						    20));
		return -DER_NOSPACE;
	}
	bytes = (bytes - SYS_BYTES) / e->targets;
	e->dev_bytes = align_down(min_u64(bytes, DEV_BYTES_MAX), 1ull << 20);
	return 0;
}

/* A directory with other things in it was meant for something else. */
static int dir_ours(struct embed *e)
{
	static const char *const names[] = { ".", "..", "lock", "sys", "sys.new" };
	DIR *dir = opendir(e->dir);
	struct dirent *d;
	int rc = 0;

	if (dir == NULL)
		return err_from_errno(errno);
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		bool known = strncmp(d->d_name, "target.", 7) == 0;
		size_t i;

		for (i = 0; i < ARRAY_COUNT(names) && !known; i++)
			known = strcmp(d->d_name, names[i]) == 0;
		if (!known) {
			(void)snprintf(e->err, e->err_cap,
				       "%s: holds \"%s\": not a directory of "
				       "an embedded system",
				       e->dir, d->d_name);
			rc = -DER_INVAL;
		}
	}
	(void)closedir(dir);
	return rc;
}

/* Names in the directory are durable like what the files hold. */
static int dir_sync(const struct embed *e)
{
	int fd = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return err_from_errno(errno);
	if (fsync(fd) != 0)
		rc = err_from_errno(errno);
	(void)close(fd);
	return rc;
}

/* A system is complete when its sys file is there: until then it is sys.new. *ret_format: make it. */
static int dir_open(struct embed *e, const struct embed_opts *opts, bool *ret_format)
{
	char path[PATH_BYTES];
	uint32_t there;
	bool begun;
	int rc;

	if (mkdir(e->dir, 0700) != 0 && errno != EEXIST) {
		(void)snprintf(e->err, e->err_cap, "%s: %s", e->dir, strerror(errno));
		return err_from_errno(errno);
	}
	rc = dir_ours(e);
	if (rc == 0)
		rc = dir_lock(e);
	if (rc != 0)
		return rc;
	there = dir_targets(e);
	(void)snprintf(path, sizeof(path), "%s/sys.new", e->dir);
	begun = exists(path);
	(void)snprintf(path, sizeof(path), "%s/sys", e->dir);
	*ret_format = !exists(path);
	e->targets = *ret_format ? opts->targets : there;
	if (*ret_format && there > 0 && !begun) {
		(void)snprintf(e->err, e->err_cap,
			       "%s: target.0 is there, but no sys: remove the "
			       "directory to begin anew",
			       e->dir);
		return -DER_INVAL;
	}
	if (!*ret_format && there == 0) {
		(void)snprintf(e->err, e->err_cap, "%s: sys is there, but no target.0", e->dir);
		return -DER_INVAL;
	}
	return *ret_format ? dir_space(e) : 0;
}

/* ---- streams -------------------------------------------------------------------------------- */

static int stream_dev(struct embed_stream *s)
{
	struct embed *e = s->e;
	struct rt *rt = local_stream_rt(s->ls);
	char path[PATH_BYTES];
	int rc;

	if (e->dir == NULL)
		return 0;
	if (s->tag == 0)
		(void)snprintf(path, sizeof(path), "%s/sys%s", e->dir, s->format ? ".new" : "");
	else
		(void)snprintf(path, sizeof(path), "%s/target.%u", e->dir, s->tag - 1);
	if (s->format)
		(void)unlink(path);	/* what an interrupted start left */
	rc = rt_dev_open(rt, path, s->tag == 0 ? SYS_BYTES : e->dev_bytes,
			 s->format ? RT_DEV_CREATE : 0, &s->dev);
	if (rc != 0)
		(void)snprintf(e->err, e->err_cap, "%s: %s", path, err_name(rc));
	return rc;
}

static void stream_start(void *arg)
{
	struct embed_stream *s = arg;
	struct embed *e = s->e;
	struct rt *rt = local_stream_rt(s->ls);
	uint32_t rank = 0;
	struct node_ranks ranks = { .nr = 1, .ranks = &rank, .target_counts = &e->targets };

	s->rc = stream_dev(s);
	if (s->rc != 0)
		return;
	if (s->tag == 0) {
		if (s->dev != NULL && s->format)
			s->rc = node_sys_format(rt, &e->node, s->dev, &ranks, VOS_FORMAT_FORCE);
		if (s->rc == 0)
			s->rc = node_sys_start(rt, &e->node, s->dev, s->dev == NULL ? &ranks : NULL,
					       &s->sys);
	} else {
		if (s->dev != NULL && s->format)
			s->rc = node_tgt_format(rt, &e->node, s->dev, s->tag - 1, VOS_FORMAT_FORCE);
		if (s->rc == 0)
			s->rc = node_tgt_start(rt, &e->node, s->dev, s->tag - 1, &s->tgt);
	}
	if (s->rc != 0)
		(void)snprintf(e->err, e->err_cap, "%s/%s: %s", e->dir != NULL ? e->dir : "mem",
			       s->tag == 0 ? "sys" : "target", err_name(s->rc));
}

static void stream_stop(void *arg)
{
	struct embed_stream *s = arg;
	struct rt *rt = local_stream_rt(s->ls);

	node_sys_stop(s->sys);
	node_tgt_stop(s->tgt);
	rt_dev_close(rt, s->dev);
}

static int stream_open(struct embed *e, uint32_t tag, bool format)
{
	struct embed_stream *s = &e->streams[tag];
	char name[32];
	int rc;

	*s = (struct embed_stream){ .e = e, .tag = tag, .format = format };
	(void)snprintf(name, sizeof(name), "engine/%u", tag);
	rc = local_stream_create(e->world, name, &s->ls);
	if (rc != 0)
		return rc;
	e->stream_count++;	/* nobody else knows of the world yet: no need to be alone */
	seat_run_rt(&e->seat, local_stream_rt(s->ls), stream_start, s);
	return s->rc;
}

static int streams_open(struct embed *e, bool format)
{
	uint32_t i;
	int rc = 0;

	e->streams = calloc(e->targets + 1u, sizeof(*e->streams));
	if (e->streams == NULL)
		return -DER_NOMEM;
	for (i = 0; i <= e->targets && rc == 0; i++)
		rc = stream_open(e, i, format);
	if (rc == 0 && format && e->dir != NULL) {	/* complete: now it is there */
		char from[PATH_BYTES];
		char to[PATH_BYTES];

		(void)snprintf(from, sizeof(from), "%s/sys.new", e->dir);
		(void)snprintf(to, sizeof(to), "%s/sys", e->dir);
		if (rename(from, to) != 0)
			rc = err_from_errno(errno);
		if (rc == 0)
			rc = dir_sync(e);
	}
	return rc;
}

/* ---- open and close ------------------------------------------------------------------------- */

static int embed_make(struct embed *e, const struct embed_opts *opts)
{
	bool format = true;
	int rc = 0;

	e->pool = strdup(opts->pool != NULL ? opts->pool : EMBED_POOL);
	if (strcmp(opts->dir, "mem") != 0)
		e->dir = strdup(opts->dir);
	if (e->pool == NULL || (e->dir == NULL && strcmp(opts->dir, "mem") != 0))
		return -DER_NOMEM;
	e->targets = opts->targets;
	if (e->dir != NULL)
		rc = dir_open(e, opts, &format);
	if (rc == 0)
		rc = local_world_create(NULL, &e->world);
	if (rc != 0)
		return rc;
	seat_init(&e->seat, local_world_loop(e->world));
	e->seat_made = true;
	e->node = (struct node_opts){ .system = EMBED_SYSTEM, .pool = e->pool,
				      .resolve = resolve_cb, .arg = e };
	return streams_open(e, format);
}

int embed_open(const struct embed_opts *opts, char *err, size_t err_cap, struct embed **ret_embed)
{
	struct embed_opts o = *opts;
	struct embed *e;
	int rc;

	ASSERT(err_cap > 0);
	err[0] = 0;
	if (o.targets == 0)
		o.targets = EMBED_TARGETS;
	if (o.targets > EMBED_TARGETS_MAX || strlen(o.dir) > PATH_BYTES - 32) {
		(void)snprintf(err, err_cap, "more than %u targets, or a path too long",
			       EMBED_TARGETS_MAX);
		return -DER_INVAL;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -DER_NOMEM;
	e->lock_fd = -1;
	e->err = err;
	e->err_cap = err_cap;
	rc = embed_make(e, &o);
	if (rc != 0) {
		if (err[0] == 0)
			(void)snprintf(err, err_cap, "%s: %s", o.dir, err_name(rc));
		embed_close(e);
		return rc;
	}
	*ret_embed = e;
	return 0;
}

void embed_forked(struct embed *e)
{
	if (e->lock_fd >= 0)
		(void)close(e->lock_fd);
	e->lock_fd = -1;
}

void embed_close(struct embed *e)
{
	uint32_t i;

	if (e == NULL)
		return;
	/* Targets last to first, then the service: nobody calls one that is gone. */
	for (i = e->stream_count; i-- > 0;)
		seat_run_rt(&e->seat, local_stream_rt(e->streams[i].ls), stream_stop,
			    &e->streams[i]);
	for (i = 0; i < e->stream_count; i++) {
		seat_enter(&e->seat);
		seat_drain(&e->seat, local_stream_rt(e->streams[i].ls));
		(void)local_stream_close(e->streams[i].ls);
		seat_exit(&e->seat);
	}
	if (e->seat_made)
		seat_fini(&e->seat);
	local_world_destroy(e->world);
	free(e->streams);
	if (e->lock_fd >= 0)
		(void)close(e->lock_fd);	/* and with it the lock */
	free(e->dir);
	free(e->pool);
	free(e);
}

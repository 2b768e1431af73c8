/* Worlds, streams, addresses and the two drivers of the local backend. */
#include "transports/local/local_int.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ULT_STACK_BYTES 65536u
#define THREAD_STACK_BYTES (4u << 20)	/* mapped, touched as needed: the streams' large stacks */
#define VIRTUAL_EPOCH_NS 1000000000u	/* the virtual clock does not start at 0, nor wall time */
#define VIRTUAL_WALL_NS 1700000000000000000u

/* ---- clocks ------------------------------------------------------------------------------- */

static uint64_t virtual_now_ns(void *ctx)
{
	struct local_world *w = ctx;

	return w->virtual_ns;
}

static uint64_t virtual_wall_ns(void *ctx)
{
	struct local_world *w = ctx;

	return VIRTUAL_WALL_NS + w->virtual_ns;
}

static const struct rt_time_ops virtual_time_ops = {
	.now_ns = virtual_now_ns,
	.wall_ns = virtual_wall_ns,
};

uint64_t local_world_now_ns(struct local_world *w)
{
	return (w->opts.flags & LOCAL_VIRTUAL) ? w->virtual_ns : os_mono_ns();
}

/* ---- shared memory and ports -------------------------------------------------------------- */

void *local_shared_alloc(struct local_stream *s, size_t bytes)
{
	struct arena *a = &s->misc.arena;
	void *ptr;

	if (a->fail_at != 0 && --a->fail_at == 0)
		return NULL;
	ptr = calloc(1, bytes);
	if (ptr != NULL)
		s->shared_made++;
	return ptr;
}

void local_shared_free(struct local_world *w, struct local_stream *s, void *ptr)
{
	if (s != NULL) {
		s->shared_freed++;
	} else {
		pthread_mutex_lock(&w->lock);
		w->shared_freed++;
		pthread_mutex_unlock(&w->lock);
	}
	free(ptr);
}

struct local_port *local_port_get(struct local_port *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void local_port_put(struct local_port *p)
{
	if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	loop_fini(&p->own_loop);
	free(p);
}

static struct local_port *port_find_locked(struct local_world *w, const char *name)
{
	struct list *pos;

	list_for_each(pos, &w->ports) {
		struct local_port *p = list_entry(pos, struct local_port, link);

		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

struct local_port *local_port_find(struct local_world *w, const char *name)
{
	struct local_port *p;

	pthread_mutex_lock(&w->lock);
	p = port_find_locked(w, name);
	if (p != NULL)
		local_port_get(p);
	pthread_mutex_unlock(&w->lock);
	return p;
}

bool local_port_post(struct local_port *p, struct loop_msg *msg)
{
	if (atomic_load_explicit(&p->dead, memory_order_acquire))
		return false;
	return loop_post(p->loop, msg);
}

bool local_port_post_dying(struct local_port *p, struct loop_msg *msg)
{
	return loop_post(p->loop, msg);
}

/* Message: some stream died. */
static void port_scan(struct loop_msg *msg)
{
	struct local_port *p = container_of(msg, struct local_port, scan_msg);

	(void)atomic_exchange(&p->scan_queued, false);	/* sees what its last setter had done */
	if (!atomic_load_explicit(&p->dead, memory_order_acquire))
		local_net_scan(p->stream);
	local_port_put(p);
}

/* Tell every live stream that one died; their own drivers look through their calls. */
static void ports_broadcast(struct local_world *w)
{
	struct list *pos;

	pthread_mutex_lock(&w->lock);
	list_for_each(pos, &w->ports) {
		struct local_port *p = list_entry(pos, struct local_port, link);

		if (atomic_exchange(&p->scan_queued, true))
			continue;
		local_port_get(p);
		if (!local_port_post(p, &p->scan_msg))
			local_port_put(p);
	}
	pthread_mutex_unlock(&w->lock);
}

/* ---- worlds ------------------------------------------------------------------------------- */

int local_world_create(const struct local_opts *opts, struct local_world **ret_world)
{
	struct loop_opts lo = { 0 };
	struct local_world *w = calloc(1, sizeof(*w));
	int rc = -DER_NOMEM;

	if (w == NULL)
		return -DER_NOMEM;
	if (opts != NULL)
		w->opts = *opts;
	if (w->opts.stack_bytes == 0)
		w->opts.stack_bytes = ULT_STACK_BYTES;
	if (w->opts.dev_align == 0)
		w->opts.dev_align = LOCAL_DEV_ALIGN;
	ASSERT(w->opts.dev_align >= 512 && (w->opts.dev_align & (w->opts.dev_align - 1)) == 0);
	ASSERT(w->opts.driver == LOCAL_SINGLE || !(w->opts.flags & LOCAL_VIRTUAL));
	w->virtual_ns = VIRTUAL_EPOCH_NS;
	list_init(&w->ports);
	list_init(&w->memdevs);
	pthread_mutex_init(&w->lock, NULL);
	if (w->opts.driver == LOCAL_SINGLE) {
		lo.mode = (w->opts.flags & LOCAL_BLOCK) ? LOOP_MODE_BLOCK : LOOP_MODE_SPIN;
		rc = loop_init(&w->loop, &lo);
		if (rc != 0)
			goto out;
		rc = -DER_NOMEM;
		w->stacks = ult_stacks_create(w->opts.stack_bytes);
		if (w->stacks == NULL)
			goto out;
	}
	*ret_world = w;
	w = NULL;
	rc = 0;
out:
	local_world_destroy(w);
	return rc;
}

void local_world_destroy(struct local_world *w)
{
	if (w == NULL)
		return;
	ASSERT(w->streams == 0 && list_empty(&w->ports));
	if (w->opts.driver == LOCAL_SINGLE && w->loop.fds != NULL)
		loop_close(&w->loop);	/* messages to streams that are gone */
	loop_fini(&w->loop);
	ult_stacks_destroy(w->stacks);
	local_memdevs_destroy(w);
	ASSERT(w->shared_made == w->shared_freed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct loop *local_world_loop(struct local_world *w)
{
	ASSERT(w->opts.driver == LOCAL_SINGLE);
	return &w->loop;
}

int local_world_step(struct local_world *w)
{
	return loop_step(local_world_loop(w), LOOP_POLL);
}

/* Let time pass until @next_ns. */
static void world_pass_time(struct local_world *w, uint64_t next_ns)
{
	if (w->opts.flags & LOCAL_VIRTUAL)
		w->virtual_ns = next_ns;
	else
		(void)loop_step_until(&w->loop, next_ns);	/* counted by the next round */
}

int local_world_run_until(struct local_world *w, bool (*pred)(void *arg), void *arg,
			  uint64_t deadline_ns)
{
	bool alone = pred == NULL || (w->opts.flags & LOCAL_VIRTUAL);

	for (;;) {
		int n = local_world_step(w);
		uint64_t now_ns, next_ns;

		if (pred != NULL && pred(arg))
			return 0;
		now_ns = local_world_now_ns(w);
		if (deadline_ns != RT_NEVER && now_ns >= deadline_ns)
			return -DER_TIMEDOUT;
		if (n > 0)
			continue;
		next_ns = min_u64(loop_next_ns(&w->loop), deadline_ns);
		if (next_ns <= now_ns)
			continue;
		if (next_ns == RT_NEVER && alone)
			return -DER_TIMEDOUT;	/* nothing is left */
		world_pass_time(w, next_ns);
	}
}

void local_world_run(struct local_world *w)
{
	(void)local_world_run_until(w, NULL, NULL, RT_NEVER);	/* always "nothing is left" */
}

void local_world_query(struct local_world *w, struct local_stats *ret_stats)
{
	struct local_stats st = { .memdev_bytes = local_memdevs_bytes(w) };
	uint64_t made, freed;
	struct list *pos;

	pthread_mutex_lock(&w->lock);
	made = w->shared_made;
	freed = w->shared_freed;
	list_for_each(pos, &w->ports) {
		struct local_port *p = list_entry(pos, struct local_port, link);

		made += p->stream->shared_made;
		freed += p->stream->shared_freed;
	}
	st.streams = w->streams;
	pthread_mutex_unlock(&w->lock);
	st.live_messages = made - freed;
	*ret_stats = st;
}

/* ---- streams ------------------------------------------------------------------------------ */

static struct local_port *port_create(struct local_world *w, const char *name)
{
	struct loop_opts lo = { 0 };
	struct local_port *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	memcpy(p->name, name, strlen(name));
	p->world = w;
	p->scan_msg.fn = port_scan;
	list_init(&p->link);
	atomic_init(&p->refs, 1);
	if (w->opts.driver == LOCAL_SINGLE) {
		p->loop = &w->loop;
		return p;
	}
	lo.mode = (w->opts.flags & LOCAL_BLOCK) ? LOOP_MODE_BLOCK : LOOP_MODE_SPIN;
	if (loop_init(&p->own_loop, &lo) != 0) {
		free(p);
		return NULL;
	}
	p->loop = &p->own_loop;
	return p;
}

static void stream_init_rt(struct local_stream *s, uint64_t id)
{
	struct local_world *w = s->world;
	bool is_virtual = (w->opts.flags & LOCAL_VIRTUAL) != 0;
	struct os_misc_opts mo = {
		.flags = (w->opts.flags & LOCAL_SEEDED) ? OS_SEEDED : 0,
		.seed = mix64_2(w->opts.seed, id),
		.log_fd = w->opts.log_fd,
		.log_tag = s->port->name,
		.time = is_virtual ? &virtual_time_ops : NULL,
		.time_ctx = w,
	};
	struct rt_ops ops = {
		.time = is_virtual ? &virtual_time_ops : &os_time_ops,
		.net = &local_net_ops,
		.blk = &local_blk_ops,
		.misc = &os_misc_ops,
		.time_ctx = w,
		.net_ctx = s,
		.blk_ctx = s,
		.misc_ctx = &s->misc,
	};
	struct rt_opts ro = {
		.id = id,
		.stack_bytes = w->opts.stack_bytes,
		.ult_max = w->opts.ult_max,
		.stacks = s->own_stacks != NULL ? s->own_stacks : w->stacks,
		.log_level = w->opts.log_level,
		.paint_stacks = (w->opts.flags & LOCAL_PAINT) != 0,
	};

	os_misc_init(&s->misc, &mo);
	rt_init(&s->rt, &ops, &ro);
}

static struct local_stream *stream_alloc(struct local_world *w, const char *name)
{
	struct local_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->world = w;
	list_init(&s->calls);
	list_init(&s->finished);
	list_init(&s->ins);
	list_init(&s->bulks);
	list_init(&s->applies);
	list_init(&s->peers);
	list_init(&s->ios);
	list_init(&s->devs);
	memcpy(s->uri, LOCAL_URI_PREFIX, strlen(LOCAL_URI_PREFIX));
	memcpy(s->uri + strlen(LOCAL_URI_PREFIX), name, strlen(name));
	if (w->opts.driver == LOCAL_THREADS)
		s->own_stacks = ult_stacks_create(w->opts.stack_bytes);
	s->port = port_create(w, name);
	if (s->port == NULL || (w->opts.driver == LOCAL_THREADS && s->own_stacks == NULL)) {
		ult_stacks_destroy(s->own_stacks);
		local_port_put(s->port);
		free(s);
		return NULL;
	}
	s->port->stream = s;
	return s;
}

/* Release what is left of a stream whose rt is finished or killed. */
static void stream_free(struct local_stream *s)
{
	loop_src_del(&s->net_src);
	loop_src_del(&s->blk_src);
	if (s->place.loop != NULL)
		loop_stream_del(&s->place);
	ult_stacks_destroy(s->own_stacks);
	s->port->stream = NULL;
	local_port_put(s->port);
	free(s);
}

static int stream_publish(struct local_world *w, struct local_stream *s)
{
	int rc = 0;

	pthread_mutex_lock(&w->lock);
	if (port_find_locked(w, s->port->name) != NULL) {
		rc = -DER_EXIST;
	} else {
		list_add_tail(&w->ports, &s->port->link);
		w->streams++;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int local_stream_create(struct local_world *w, const char *name, struct local_stream **ret_stream)
{
	size_t bytes = strnlen(name, RT_URI_MAX);
	struct local_stream *s;
	uint64_t id;
	int rc;

	if (bytes == 0 || bytes + strlen(LOCAL_URI_PREFIX) >= RT_URI_MAX)
		return -DER_INVAL;
	s = stream_alloc(w, name);
	if (s == NULL)
		return -DER_NOMEM;
	loop_stream_add(s->port->loop, &s->place, &s->rt);
	s->blk_src = (struct loop_src){ .ops = &local_blk_src_ops, .ctx = s };
	s->net_src = (struct loop_src){ .ops = &local_net_src_ops, .ctx = s };
	rc = loop_src_add(&s->place, &s->blk_src, LOOP_SRC_BLK);
	if (rc == 0)
		rc = loop_src_add(&s->place, &s->net_src, LOOP_SRC_NET);
	if (rc == 0) {
		pthread_mutex_lock(&w->lock);
		id = ++w->next_id;
		pthread_mutex_unlock(&w->lock);
		stream_init_rt(s, id);
		rc = stream_publish(w, s);
		if (rc != 0)
			rt_fini(&s->rt);
	}
	if (rc != 0) {
		stream_free(s);
		return rc;
	}
	*ret_stream = s;
	return 0;
}

struct rt *local_stream_rt(struct local_stream *s)
{
	return &s->rt;
}

const char *local_stream_uri(const struct local_stream *s)
{
	return s->uri;
}

struct os_misc *local_stream_misc(struct local_stream *s)
{
	return &s->misc;
}

struct loop_stream *local_stream_place(struct local_stream *s)
{
	return &s->place;
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *stream_thread(void *arg)
{
	struct local_stream *s = arg;

	/* The default slack of 50 us would stretch short sleeps; a refusal only costs latency. */
	(void)prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
	loop_run(s->port->loop);
	return NULL;
}

/* With more streams than CPUs, spinning steals from the others. */
static void crowd_update(struct local_world *w)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct list *pos;
	bool crowded;

	pthread_mutex_lock(&w->lock);
	crowded = cpus > 0 && w->streams > (uint64_t)cpus;
	list_for_each(pos, &w->ports)
		loop_crowded(list_entry(pos, struct local_port, link)->loop, crowded);
	pthread_mutex_unlock(&w->lock);
}

int local_stream_start(struct local_stream *s)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	ASSERT(s->world->opts.driver == LOCAL_THREADS && !s->running);
	crowd_update(s->world);
	err = pthread_attr_init(&attr);
	if (err != 0)
		return -DER_NOMEM;
	err = pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	ASSERT(err == 0);
	/* Signals belong to the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, &attr, stream_thread, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err != 0)
		return -DER_NOMEM;
	s->running = true;
	return 0;
}

void local_stream_stop(struct local_stream *s)
{
	int err;

	if (!s->running)
		return;
	loop_stop(s->port->loop);
	err = pthread_join(s->thread, NULL);
	ASSERT(err == 0);
	s->running = false;
}

struct post {
	struct loop_msg msg;
	struct local_port *port;
	void (*fn)(struct rt *rt, void *arg);
	void *arg;
};

static void post_run(struct loop_msg *msg)
{
	struct post *p = container_of(msg, struct post, msg);

	if (!atomic_load_explicit(&p->port->dead, memory_order_acquire))
		p->fn(&p->port->stream->rt, p->arg);
	local_port_put(p->port);
	free(p);
}

int local_stream_post(struct local_stream *s, void (*fn)(struct rt *rt, void *arg), void *arg)
{
	struct post *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -DER_NOMEM;
	*p = (struct post){ .msg.fn = post_run, .port = local_port_get(s->port), .fn = fn,
			    .arg = arg };
	if (local_port_post(s->port, &p->msg))
		return 0;
	local_port_put(p->port);
	free(p);
	return -DER_UNREACH;
}

/* ---- the end of a stream ------------------------------------------------------------------ */

/* From here on nobody finds it, and what arrives is dropped. */
static void stream_unpublish(struct local_stream *s)
{
	struct local_world *w = s->world;

	ASSERT(s->port->loop->active == NULL || s->port->loop->active != &s->place);
	s->closing = true;
	pthread_mutex_lock(&w->lock);
	atomic_store(&s->port->dead, true);
	list_del(&s->port->link);
	pthread_mutex_unlock(&w->lock);
}

/* The stream is quiet or revoked: drop the rest and tell the others. */
static void stream_end(struct local_stream *s)
{
	struct local_world *w = s->world;

	pthread_mutex_lock(&w->lock);
	w->streams--;
	w->shared_made += s->shared_made;
	w->shared_freed += s->shared_freed;
	pthread_mutex_unlock(&w->lock);
	stream_free(s);
	ports_broadcast(w);
	if (w->opts.driver == LOCAL_THREADS)
		crowd_update(w);
}

/* One round of this stream alone. */
static void stream_turn(struct local_stream *s)
{
	(void)rt_run(&s->rt, LOOP_RUN_MAX);	/* what was handled shows in quiet() */
	(void)local_blk_src_ops.poll(s);
	(void)local_net_src_ops.poll(s);
}

int local_stream_close(struct local_stream *s)
{
	bool threads = s->world->opts.driver == LOCAL_THREADS;
	uint32_t left;

	local_stream_stop(s);
	stream_unpublish(s);
	do {
		local_net_cancel_all(s);
		stream_turn(s);
		if (threads)
			(void)loop_mailbox(s->port->loop, LOOP_POLL);
	} while (!local_net_quiet(s) || s->ios_count > 0 || rt_next_ns(&s->rt) == 0);
	if (threads)
		loop_close(s->port->loop);
	left = local_net_drop(s) + local_blk_drop(s);
	rt_fini(&s->rt);
	if (os_misc_fini(&s->misc) != 0)
		left++;
	stream_end(s);
	return left == 0 ? 0 : -DER_BUSY;
}

void local_stream_kill(struct local_stream *s)
{
	bool threads = s->world->opts.driver == LOCAL_THREADS;

	local_stream_stop(s);
	stream_unpublish(s);
	while (!local_net_revoke_all(s)) {
		ASSERT(threads);	/* else nobody can be inside */
		(void)loop_mailbox(s->port->loop, LOOP_SLEEP);
	}
	if (threads)
		loop_close(s->port->loop);
	(void)local_net_drop(s);	/* a crash: nothing had to be released */
	(void)local_blk_drop(s);
	rt_kill(&s->rt);
	(void)os_misc_fini(&s->misc);
	stream_end(s);
}

#include "sim/process.h"

#include "daos.h"
#include "sim/sim_int.h"

/* Event queues take tags from here on. */
#define EQ_TAG_FIRST (SIM_TAG_MAX / 2)

struct sim_proc {
	struct process proc;	/* first: what ULTs carry */
	struct sim *sim;
	struct sim_proc_opts opts;
	struct sim_stream *st;
	struct cl_stream main;
	bool main_open;
	uint32_t init_count;
};

/* A stream beside the main one. */
struct extra {
	struct cl_stream client;
	struct sim_stream *st;
};

static struct sim_proc *proc_self(void)
{
	struct rt *rt = sim_current_rt();

	return rt == NULL ? NULL : rt_process(rt);
}

struct process *host_self(void)
{
	struct sim_proc *p = proc_self();

	return p != NULL && p->init_count > 0 ? &p->proc : NULL;
}

/* ---- running code on streams -------------------------------------------------------------- */

struct remote_run {
	struct cl_task *task;
	struct rt *caller;
	struct rt_event done;
};

static struct sim_stream *stream_of(struct rt *rt)
{
	return container_of(rt, struct sim_stream, rt);
}

static void remote_ult(void *arg)
{
	struct remote_run *r = arg;

	r->task->fn(r->task);
	rt_event_set(r->caller, &r->done, 0);
	sim_stream_kick(stream_of(r->caller));
}

static void spawn_on(struct sim_proc *p, struct cl_stream *s, void (*fn)(void *arg), void *arg)
{
	struct ult_opts opts = { .process = p, .stack_bytes = SIM_PROGRAM_STACK_BYTES };
	int rc = sim_spawn(stream_of(s->rt), fn, arg, &opts);

	ASSERT(rc == 0);	/* bounded by the program's own events */
}

static void op_run(void *ctx, struct cl_stream *s, struct cl_task *t)
{
	struct rt *rt = sim_current_rt();
	struct remote_run r = { .task = t, .caller = rt };

	ASSERT(rt != NULL && rt_self(rt) != NULL);
	t->stream = s;
	if (rt == s->rt) {
		t->fn(t);
		return;
	}
	rt_event_init(&r.done);
	spawn_on(ctx, s, remote_ult, &r);
	(void)rt_event_wait(rt, &r.done, RT_NEVER);
}

static void post_ult(void *arg)
{
	struct cl_task *t = arg;

	t->fn(t);
}

static void op_post(void *ctx, struct cl_stream *s, struct cl_task *t)
{
	t->stream = s;
	spawn_on(ctx, s, post_ult, t);
}

/* ---- streams ------------------------------------------------------------------------------ */

static uint32_t free_tag(const struct sim_proc *p)
{
	const struct sim_node *node = &p->sim->nodes[p->opts.node_idx];
	uint32_t tag = EQ_TAG_FIRST;

	while (tag < node->tag_cap && node->by_tag[tag] != NULL)
		tag++;
	return tag;
}

static int extra_open(struct sim_proc *p, struct cl_stream **ret_stream)
{
	struct sim_stream_opts opts = {
		.node_idx = p->opts.node_idx,
		.tag = free_tag(p),
		.nic_idx = p->opts.nic_idx,
		.process = p,
	};
	struct extra *x = rt_alloc(&p->st->rt, sizeof(*x));
	int rc;

	if (x == NULL)
		return -DER_NOMEM;
	rc = sim_stream_create(p->sim, &opts, &x->st);
	if (rc == 0)
		rc = cl_stream_init(&x->client, &p->proc, &x->st->rt);
	if (rc != 0) {
		if (x->st != NULL)
			sim_stream_destroy(x->st);
		rt_free(&p->st->rt, x);
		return rc;
	}
	x->client.host = x;
	*ret_stream = &x->client;
	return 0;
}

static int op_stream_open(void *ctx, struct process *proc, struct cl_stream **ret_stream)
{
	struct sim_proc *p = ctx;
	int rc;

	if (p->main_open)
		return extra_open(p, ret_stream);
	rc = cl_stream_init(&p->main, proc, &p->st->rt);
	if (rc != 0)
		return rc;
	p->main_open = true;
	*ret_stream = &p->main;
	return 0;
}

static void stop_task(struct cl_task *t)
{
	cl_stream_stop(t->stream);
}

static void op_stream_close(void *ctx, struct cl_stream *s)
{
	struct sim_proc *p = ctx;
	struct cl_task stop = { .fn = stop_task };
	struct extra *x = s->host;

	op_run(ctx, s, &stop);
	if (s == &p->main) {
		cl_stream_fini(s);
		s->rt->process = p;
		p->main_open = false;
		return;
	}
	while (s->rt->ult_count > 0)	/* those that the stop has woken */
		rt_sleep_ns(sim_current_rt(), 1000);
	cl_stream_fini(s);
	sim_stream_destroy(x->st);
	rt_free(&p->st->rt, x);
}

/* ---- the rest of host_ops ----------------------------------------------------------------- */

/* One thread: nothing can come between lock and unlock. */
static void op_lock(void *ctx)
{
	(void)ctx;
}

static void *op_alloc(void *ctx, size_t bytes)
{
	return rt_alloc(&((struct sim_proc *)ctx)->st->rt, bytes);
}

static void op_free(void *ctx, void *ptr)
{
	rt_free(&((struct sim_proc *)ctx)->st->rt, ptr);
}

static const void *op_share(void *ctx, const void *data, size_t bytes)
{
	struct sim_proc *p = ctx;

	return share_get(p->sim->shared, &p->sim->nodes[p->opts.node_idx].shared, data, bytes);
}

static void op_unshare(void *ctx, const void *shared)
{
	struct sim_proc *p = ctx;

	share_put(p->sim->shared, &p->sim->nodes[p->opts.node_idx].shared, shared);
}

static int op_resolve(void *ctx, struct rpc_ep ep, char *ret_uri)
{
	return sim_system_resolve(((struct sim_proc *)ctx)->opts.system, ep, ret_uri);
}

static uint32_t op_leader(void *ctx)
{
	(void)ctx;
	return 0;
}

static const char *op_system(void *ctx)
{
	(void)ctx;
	return SIM_SYSTEM_NAME;
}

static const char *op_env(void *ctx, const char *name)
{
	const char *const *env = ((struct sim_proc *)ctx)->opts.env;
	size_t len = strlen(name);

	for (; env != NULL && *env != NULL; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	}
	return NULL;
}

static bool op_phantom(void *ctx, void *ptr, uint64_t bytes, uint32_t access, struct bseg *ret_seg)
{
	const struct sim_proc_opts *o = &((struct sim_proc *)ctx)->opts;

	return o->phantom != NULL && o->phantom(o->arg, ptr, bytes, access, ret_seg);
}

static const struct host_ops sim_host_ops = {
	.stream_open = op_stream_open,
	.stream_close = op_stream_close,
	.run = op_run,
	.post = op_post,
	.lock = op_lock,
	.unlock = op_lock,
	.alloc = op_alloc,
	.free = op_free,
	.share = op_share,
	.unshare = op_unshare,
	.resolve = op_resolve,
	.leader = op_leader,
	.system = op_system,
	.env = op_env,
	.phantom = op_phantom,
};

int host_init(void)
{
	struct sim_proc *p = proc_self();

	if (p == NULL)
		return -DER_UNINIT;	/* no simulated program runs here */
	if (p->init_count == 0)
		process_init(&p->proc, &sim_host_ops, p);
	p->init_count++;
	return 0;
}

int host_fini(void)
{
	struct sim_proc *p = proc_self();

	if (p == NULL || p->init_count == 0)
		return -DER_UNINIT;
	if (p->init_count == 1) {
		if (p->proc.main != NULL)
			op_stream_close(p, p->proc.main);
		p->proc.main = NULL;
		process_fini(&p->proc);
	}
	p->init_count--;
	return 0;
}

/* ---- public ------------------------------------------------------------------------------- */

int sim_proc_create(struct sim *sim, const struct sim_proc_opts *opts, struct sim_proc **ret_proc)
{
	struct sim_stream_opts so = {
		.node_idx = opts->node_idx, .tag = opts->tag, .nic_idx = opts->nic_idx,
	};
	struct sim_stream *st;
	struct sim_proc *p;
	int rc;

	if (opts->tag >= EQ_TAG_FIRST)
		return -DER_INVAL;
	rc = sim_stream_create(sim, &so, &st);
	if (rc != 0)
		return rc;
	p = rt_alloc(&st->rt, sizeof(*p));
	if (p == NULL) {
		sim_stream_destroy(st);
		return -DER_NOMEM;
	}
	p->sim = sim;
	p->opts = *opts;
	p->st = st;
	st->rt.process = p;
	*ret_proc = p;
	return 0;
}

void sim_proc_destroy(struct sim_proc *p)
{
	struct sim_stream *st = p->st;

	ASSERT(p->init_count == 0);
	rt_free(&st->rt, p);
	sim_stream_destroy(st);
}

struct sim_stream *sim_proc_stream(struct sim_proc *p)
{
	return p->st;
}

int sim_proc_start(struct sim_proc *p, void (*fn)(void *arg), void *arg)
{
	struct ult_opts opts = { .process = p, .stack_bytes = SIM_PROGRAM_STACK_BYTES,
				 .name = "program" };

	return sim_spawn(p->st, fn, arg, &opts);
}

/* fork() does not exist here: there is nothing to do anew. */
int daos_reinit(void)
{
	struct process *p = host_self();
	struct cl_stream *s;

	return p == NULL ? -DER_UNINIT : process_main(p, &s);
}

#include "tools/gemel_sim/team.h"

#include <stdio.h>
#include <stdlib.h>

enum meet { MEET_BARRIER, MEET_BCAST, MEET_REDUCE };

struct rank {
	struct wl_env env;
	struct team *team;
	struct sim_proc *proc;
	uint32_t node_idx;
	uint32_t life;		/* of the node, when the rank was made */
	char host[24];
	bool ended;
	bool dead;
	int rc;
	/* While it waits in a meeting; what is pointed at lies on its stack. */
	bool waiting;
	struct rt_event met;
	void *data;
};

struct team {
	struct team_opts opts;
	struct rank *ranks;
	uint32_t running;
	uint32_t ended;
	bool gone;		/* a rank that the others may wait for */
	bool stop;
	/* The meeting in progress. */
	uint32_t arrived;
	enum meet kind;
	enum wl_reduce op;
	uint32_t nr;		/* values, or the root of a broadcast */
	size_t bytes;
};

static struct rank *rank_of(struct wl_env *env)
{
	return container_of(env, struct rank, env);
}

static struct rt *rt_of(const struct rank *r)
{
	return sim_stream_rt(sim_proc_stream(r->proc));
}

/* ---- meetings ----------------------------------------------------------------------------- */

/* A tree of messages: one latency and the CPU time of both ends for each level. */
static uint64_t meet_ns(const struct team *t)
{
	const struct sim_profile *p = sim_profile_of(t->opts.sim);
	uint64_t hop = p->costs[RT_COST_RPC_SEND].base_ns + p->costs[RT_COST_RPC_RECV].base_ns;
	uint64_t levels = 0;

	hop += p->topo == PROFILE_STAR ? p->backbone_latency_ns + 2 * p->nic_latency_ns
				       : p->local_latency_ns;
	while (1ull << levels < t->opts.size)
		levels++;
	return hop * levels;
}

static void wake(struct team *t, struct rank *r, int rc)
{
	(void)t;
	if (!r->waiting || r->dead)
		return;
	r->waiting = false;
	rt_event_set(rt_of(r), &r->met, rc);
	sim_stream_kick(sim_proc_stream(r->proc));
}

static void wake_all(struct team *t, int rc)
{
	t->arrived = 0;
	for (uint32_t i = 0; i < t->opts.size; i++)
		wake(t, &t->ranks[i], rc);
}

static double combine(enum wl_reduce op, double a, double b)
{
	if (op == WL_SUM)
		return a + b;
	if (op == WL_MIN)
		return b < a ? b : a;
	return b > a ? b : a;
}

/* In the order of ranks, so that the sum does not depend on who came when. */
static void reduce(struct team *t)
{
	double sum[WL_REDUCE_MAX];

	memcpy(sum, t->ranks[0].data, t->nr * sizeof(*sum));
	for (uint32_t r = 1; r < t->opts.size; r++) {
		const double *v = t->ranks[r].data;

		for (uint32_t i = 0; i < t->nr; i++)
			sum[i] = combine(t->op, sum[i], v[i]);
	}
	for (uint32_t r = 0; r < t->opts.size; r++)
		memcpy(t->ranks[r].data, sum, t->nr * sizeof(*sum));
}

static void meeting_ends(struct sim *sim, void *arg)
{
	struct team *t = arg;

	(void)sim;
	team_look(t);
	if (t->gone || t->arrived < t->opts.size)	/* it was broken off meanwhile */
		return;
	if (t->kind == MEET_REDUCE)
		reduce(t);
	for (uint32_t r = 0; t->kind == MEET_BCAST && r < t->opts.size; r++) {
		if (r != t->nr)
			memcpy(t->ranks[r].data, t->ranks[t->nr].data, t->bytes);
	}
	wake_all(t, 0);
}

static int meet(struct rank *r, enum meet kind, enum wl_reduce op, uint32_t nr, void *data,
		size_t bytes)
{
	struct team *t = r->team;
	struct rt *rt = rt_of(r);

	if (t->gone || t->ended > 0)
		return -DER_CANCELED;
	ASSERT(t->arrived == 0 || (t->kind == kind && t->nr == nr));
	t->kind = kind;
	t->op = op;
	t->nr = nr;
	t->bytes = bytes;
	r->data = data;
	r->waiting = true;
	rt_event_init(&r->met);
	if (++t->arrived == t->opts.size &&
	    sim_at(t->opts.sim, rt_now_ns(rt) + meet_ns(t), meeting_ends, t) != 0) {
		t->gone = true;
		wake_all(t, -DER_NOMEM);
	}
	return rt_event_wait(rt, &r->met, RT_NEVER);
}

/* ---- wl_env ------------------------------------------------------------------------------- */

static int env_barrier(struct wl_env *env)
{
	return meet(rank_of(env), MEET_BARRIER, WL_MIN, 0, NULL, 0);
}

static int env_bcast(struct wl_env *env, void *data, size_t bytes, uint32_t root)
{
	return meet(rank_of(env), MEET_BCAST, WL_MIN, root, data, bytes);
}

static int env_reduce(struct wl_env *env, enum wl_reduce op, double *v, uint32_t nr)
{
	return meet(rank_of(env), MEET_REDUCE, op, nr, v, 0);
}

static uint64_t env_now_ns(struct wl_env *env)
{
	return rt_now_ns(rt_of(rank_of(env)));
}

static uint64_t env_wall_ns(struct wl_env *env)
{
	return rt_wall_ns(rt_of(rank_of(env)));
}

static void *env_alloc(struct wl_env *env, size_t bytes)
{
	return rt_alloc_aligned(rt_of(rank_of(env)), bytes, 4096);
}

static void *env_alloc_data(struct wl_env *env, size_t bytes)
{
	struct phantom *p = rank_of(env)->team->opts.phantom;

	return p != NULL ? phantom_alloc(p, bytes) : env_alloc(env, bytes);
}

static void env_free(struct wl_env *env, void *ptr)
{
	struct rank *r = rank_of(env);
	struct bseg seg;

	if (r->team->opts.phantom != NULL &&
	    phantom_segment(r->team->opts.phantom, ptr, 0, RT_ACCESS_WRITE, &seg))
		phantom_free(r->team->opts.phantom, ptr);
	else
		rt_free(rt_of(r), ptr);
}

static void env_fill(struct wl_env *env, void *ptr, size_t bytes, uint64_t gen, uint64_t start)
{
	struct phantom *p = rank_of(env)->team->opts.phantom;

	if (p == NULL)
		gen_fill(gen, start, ptr, bytes);
	else
		ASSERT(phantom_fill(p, ptr, bytes, gen, start) == 0);
}

static uint64_t env_verify(struct wl_env *env, const void *ptr, size_t bytes, uint64_t gen,
			   uint64_t start, uint64_t *ret_first)
{
	struct phantom *p = rank_of(env)->team->opts.phantom;

	if (p == NULL)
		return wl_bytes_verify(env, ptr, bytes, gen, start, ret_first);
	return phantom_verify(p, ptr, bytes, gen, start, ret_first);
}

static void env_write(struct wl_env *env, enum wl_out out, const char *text, size_t len)
{
	const struct team_opts *o = &rank_of(env)->team->opts;

	o->write(o->arg, out, text, len);
}

static bool env_stopped(struct wl_env *env)
{
	const struct team *t = rank_of(env)->team;

	return t->stop || t->gone;
}

static const char *env_var(struct wl_env *env, const char *name)
{
	const char *const *v = rank_of(env)->team->opts.env;
	size_t len = strlen(name);

	for (; v != NULL && *v != NULL; v++) {
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
			return *v + len + 1;
	}
	return NULL;
}

static const struct wl_env_ops env_ops = {
	.barrier = env_barrier,
	.bcast = env_bcast,
	.reduce = env_reduce,
	.now_ns = env_now_ns,
	.wall_ns = env_wall_ns,
	.alloc = env_alloc,
	.alloc_data = env_alloc_data,
	.free = env_free,
	.fill = env_fill,
	.verify = env_verify,
	.write = env_write,
	.stopped = env_stopped,
	.var = env_var,
};

/* ---- ranks -------------------------------------------------------------------------------- */

static bool phantom_cb(void *arg, void *ptr, uint64_t bytes, uint32_t access, struct bseg *ret_seg)
{
	return phantom_segment(arg, ptr, bytes, access, ret_seg);
}

static void rank_main(void *arg)
{
	struct rank *r = arg;
	struct team *t = r->team;

	r->rc = t->opts.main(&r->env, t->opts.argc, t->opts.argv);
	r->ended = true;
	t->ended++;
	t->running--;
	if (t->arrived > 0) {	/* the others wait for one who will not come */
		t->gone = true;
		wake_all(t, -DER_CANCELED);
	}
	if (t->running == 0)
		sim_stop(t->opts.sim);
}

/* Ranks fill the client nodes one after another. */
static int rank_create(struct team *t, uint32_t i, uint32_t per_node)
{
	const struct sim_profile *p = sim_profile_of(t->opts.sim);
	struct rank *r = &t->ranks[i];
	struct sim_proc_opts opts = {
		.node_idx = p->server_count + i / per_node,
		.tag = i % per_node,
		.nic_idx = i % per_node % p->nic_count,
		.system = t->opts.system,
		.env = t->opts.env,
		.phantom = t->opts.phantom != NULL ? phantom_cb : NULL,
		.arg = t->opts.phantom,
	};

	r->team = t;
	r->node_idx = opts.node_idx;
	r->life = sim_node_life(t->opts.sim, r->node_idx);
	(void)snprintf(r->host, sizeof(r->host), "node%u", r->node_idx);
	r->env = (struct wl_env){
		.ops = &env_ops,
		.rank = i,
		.size = t->opts.size,
		.node_ranks = per_node,
		.host = r->host,
	};
	return sim_proc_create(t->opts.sim, &opts, &r->proc);
}

int team_create(const struct team_opts *opts, struct team **ret_team)
{
	const struct sim_profile *p = sim_profile_of(opts->sim);
	uint32_t clients = p->node_count - p->server_count, per_node;
	struct team *t;
	int rc = 0;

	if (clients == 0 || opts->size == 0)
		return -DER_INVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -DER_NOMEM;
	t->opts = *opts;
	t->ranks = calloc(opts->size, sizeof(*t->ranks));
	if (t->ranks == NULL)
		rc = -DER_NOMEM;
	per_node = (opts->size + clients - 1) / clients;
	for (uint32_t i = 0; i < opts->size && rc == 0; i++)
		rc = rank_create(t, i, per_node);
	if (rc != 0) {
		team_destroy(t);
		return rc;
	}
	*ret_team = t;
	return 0;
}

int team_start(struct team *t)
{
	int rc = 0;

	for (uint32_t i = 0; i < t->opts.size && rc == 0; i++) {
		rc = sim_proc_start(t->ranks[i].proc, rank_main, &t->ranks[i]);
		if (rc == 0)
			t->running++;
	}
	return rc;
}

void team_look(struct team *t)
{
	uint32_t died = 0;

	for (uint32_t i = 0; i < t->opts.size; i++) {
		struct rank *r = &t->ranks[i];

		if (r->dead || sim_node_life(t->opts.sim, r->node_idx) == r->life)
			continue;
		r->dead = true;
		died++;
		if (!r->ended)
			t->running--;
	}
	if (died == 0)
		return;
	t->gone = true;
	wake_all(t, -DER_CANCELED);
	if (t->running == 0)
		sim_stop(t->opts.sim);
}

void team_stop(struct team *t)
{
	t->stop = true;
}

uint32_t team_running(const struct team *t)
{
	return t->running;
}

int team_result(const struct team *t)
{
	bool died = false;

	for (uint32_t i = 0; i < t->opts.size; i++) {
		if (t->ranks[i].ended && t->ranks[i].rc != 0)
			return t->ranks[i].rc;
		died |= t->ranks[i].dead;
	}
	return died ? 1 : 0;
}

void team_destroy(struct team *t)
{
	if (t == NULL)
		return;
	free(t->ranks);
	free(t);
}

/* The world: calendar, streams, nodes, and the time and misc operations of the seam. */
#include "sim/sim_int.h"

#include <stdio.h>
#include <stdlib.h>

/* A stream that takes this many turns without time passing is in a loop that never ends. */
#define TURNS_MAX (1u << 24)
/* Number of the world itself in the order of events: before every stream. */
#define WORLD_STREAM 0

static struct sim *the_world;
static _Thread_local struct rt *current_rt;

struct rt *sim_current_rt(void)
{
	return current_rt;
}

/* ---- memory of the world ------------------------------------------------------------------ */

static uint32_t mem_class(size_t bytes)
{
	uint32_t c = 0;

	while ((size_t)64 << c < bytes)
		c++;
	return c;
}

void *sim_mem_get(struct sim *sim, size_t bytes)
{
	uint32_t c = mem_class(bytes);
	void *p;

	ASSERT(c < SIM_MEM_CLASSES);
#ifndef __SANITIZE_ADDRESS__	/* under ASan each block is its own, so that late use is seen */
	p = sim->mem_free[c];
	if (p != NULL) {
		memcpy(&sim->mem_free[c], p, sizeof(p));
		return p;
	}
#else
	(void)sim;
#endif
	return malloc((size_t)64 << c);
}

void sim_mem_put(struct sim *sim, void *ptr, size_t bytes)
{
#ifndef __SANITIZE_ADDRESS__
	uint32_t c = mem_class(bytes);

	memcpy(ptr, &sim->mem_free[c], sizeof(void *));
	sim->mem_free[c] = ptr;
#else
	(void)sim;
	(void)bytes;
	free(ptr);
#endif
}

static void mem_fini(struct sim *sim)
{
	for (int c = 0; c < SIM_MEM_CLASSES; c++) {
		while (sim->mem_free[c] != NULL) {
			void *p = sim->mem_free[c];

			memcpy(&sim->mem_free[c], p, sizeof(p));
			free(p);
		}
	}
}

/* ---- digest ------------------------------------------------------------------------------- */

void sim_digest_event(struct sim *sim, uint64_t at_ns, uint32_t stream, enum sim_item_kind kind,
		      uint64_t a, uint64_t b)
{
	uint64_t h = sim->digest;

	h = mix64(h ^ at_ns);
	h = mix64(h ^ ((uint64_t)stream << 8 | (uint64_t)kind));
	h = mix64(h ^ a);
	h = mix64(h ^ b);
	sim->digest = h;
	if (sim->opts.trace != NULL) {
		char line[128];

		snprintf(line, sizeof(line), "%llu %u %d %llx %llx", (unsigned long long)at_ns,
			 stream, (int)kind, (unsigned long long)a, (unsigned long long)b);
		sim->opts.trace(sim->opts.trace_arg, line);
	}
}

void sim_digest_add(struct sim *sim, const char *what, uint64_t value)
{
	sim_digest_event(sim, sim->now_ns, WORLD_STREAM, SIM_ITEM_USER,
			 hash_bytes(what, strlen(what), 0), value);
}

uint64_t sim_digest(const struct sim *sim)
{
	return sim->digest;
}

/* ---- operations of the seam --------------------------------------------------------------- */

static uint64_t op_now_ns(void *ctx)
{
	return sim_stream_now(ctx);
}

static uint64_t op_wall_ns(void *ctx)
{
	struct sim_stream *st = ctx;

	return st->sim->opts.wall_base_ns + sim_stream_now(st);
}

static void *op_alloc(void *ctx, size_t bytes, size_t align)
{
	struct sim_stream *st = ctx;
	struct sim_node *node = &st->sim->nodes[st->node_idx];
	void *p = align <= 16 ? pool_alloc(st->sim->pool, &node->blocks, bytes) : NULL;

	if (p == NULL)
		return arena_alloc(&node->arena, bytes, align);
	node->block_bytes += pool_block_bytes(bytes);
	return p;
}

static void op_free(void *ctx, void *ptr)
{
	struct sim_stream *st = ctx;
	struct sim_node *node = &st->sim->nodes[st->node_idx];
	size_t bytes;

	if (ptr != NULL && pool_free(st->sim->pool, ptr, &bytes))
		node->block_bytes -= bytes;
	else
		arena_free(&node->arena, ptr);
}

static void op_entropy(void *ctx, void *dst, size_t bytes)
{
	struct sim_stream *st = ctx;

	prng_fill(&st->entropy, dst, bytes);
}

static void op_log(void *ctx, enum rt_level level, const char *line)
{
	static const char letters[] = "?EWID";
	struct sim_stream *st = ctx;
	struct sim *sim = st->sim;
	uint64_t now = sim_stream_now(st);
	char text[1200];

	sim_digest_event(sim, now, st->id, SIM_ITEM_LOG, (uint64_t)level,
			 hash_bytes(line, strlen(line), 0));
	if (sim->opts.log == NULL)
		return;
	snprintf(text, sizeof(text), "%llu.%09llu n%u/%u %c %s",
		 (unsigned long long)(now / 1000000000), (unsigned long long)(now % 1000000000),
		 st->node_idx, st->tag, letters[level <= RT_LOG_DEBUG ? level : 0], line);
	sim->opts.log(sim->opts.log_arg, text);
}

static void op_charge(void *ctx, enum rt_cost kind, uint64_t units)
{
	struct sim_stream *st = ctx;
	const struct profile_cost *c = &st->sim->profile->costs[kind];
	unsigned __int128 ns = (unsigned __int128)units * c->unit_q20 >> 20;

	st->clock_ns = sim_stream_now(st) + c->base_ns + (uint64_t)ns;
}

static const struct rt_time_ops time_ops = { .now_ns = op_now_ns, .wall_ns = op_wall_ns };
static const struct rt_misc_ops misc_ops = {
	.alloc = op_alloc,
	.free = op_free,
	.entropy = op_entropy,
	.log = op_log,
	.charge = op_charge,
};

/* ---- a stream's turns --------------------------------------------------------------------- */

void sim_plan(struct sim *sim, struct sim_ev *ev, uint64_t at_ns, uint32_t stream, sim_ev_fn fn)
{
	ev->fn = fn;
	wheel_add(sim->wheel, ev, max_u64(at_ns, sim->now_ns), stream);
}

static void stream_turns(struct sim_stream *st);

static void stream_woken(struct sim_ev *ev)
{
	stream_turns(container_of(ev, struct sim_stream, wake));
}

/* Wake @st at @at_ns at the latest. */
static void wake_by(struct sim_stream *st, uint64_t at_ns)
{
	struct sim *sim = st->sim;

	at_ns = max_u64(at_ns, sim->now_ns);
	if (wheel_planned(&st->wake)) {
		if (st->wake.at_ns <= at_ns)
			return;
		wheel_del(sim->wheel, &st->wake);
	}
	sim_plan(sim, &st->wake, at_ns, st->id, stream_woken);
}

/* When the stream can go on: SIM_NEVER when it has nothing to do. */
static uint64_t stream_next(struct sim_stream *st)
{
	uint64_t next = rt_next_ns(&st->rt);

	if (st->inbox != NULL)
		return st->clock_ns;
	return next == RT_NEVER ? SIM_NEVER : max_u64(next, st->clock_ns);
}

static bool deliver_one(struct sim_stream *st)
{
	struct sim_item *item = st->inbox;

	if (item == NULL)
		return false;
	st->inbox = item->next;
	if (st->inbox == NULL)
		st->inbox_tail = &st->inbox;
	st->sim->stats.deliveries++;
	item->deliver(st, item);
	return true;
}

/*
 * Let the stream work as long as its clock stands at the present: hand it one item, run one ULT,
 * and so on. A charge moves its clock ahead, and it goes on when the world gets there: what
 * arrives meanwhile takes its place in the queue.
 */
static void stream_turns(struct sim_stream *st)
{
	struct sim *sim = st->sim;
	uint32_t turns = 0;
	uint64_t next;

	ASSERT(sim->running == NULL);
	sim->running = st;
	current_rt = &st->rt;
	if (st->clock_ns < sim->now_ns)
		st->clock_ns = sim->now_ns;
	while (st->clock_ns <= sim->now_ns) {
		bool work = deliver_one(st);
		uint32_t ran = rt_run(&st->rt, 1);

		if (ran > 0) {
			sim_digest_event(sim, st->clock_ns, st->id, SIM_ITEM_TURN, ran, 0);
			st->clock_ns += sim->profile->switch_ns;
		}
		if (!work && ran == 0)
			break;
		if (wheel_planned(&sim->nodes[st->node_idx].crash_ev))
			break;	/* the turn that asked for the crash is the last */
		ASSERT(++turns < TURNS_MAX);
	}
	current_rt = NULL;
	sim->running = NULL;
	next = stream_next(st);
	if (next != SIM_NEVER)
		wake_by(st, next);
}

void sim_push(struct sim_stream *st, struct sim_item *item)
{
	struct sim *sim = st->sim;

	item->next = NULL;
	*st->inbox_tail = item;
	st->inbox_tail = &item->next;
	if (sim->running == NULL && st->clock_ns <= sim->now_ns)
		stream_turns(st);
	else if (sim->running != st)
		wake_by(st, st->clock_ns);
}

/* As sim_push(), but the stream is entered from the calendar in any case. */
static void sim_push_later(struct sim_stream *st, struct sim_item *item)
{
	item->next = NULL;
	*st->inbox_tail = item;
	st->inbox_tail = &item->next;
	if (st->sim->running != st)
		wake_by(st, st->clock_ns);
}

void sim_stream_kick(struct sim_stream *st)
{
	uint64_t next;

	if (st->sim->running == st)
		return;
	next = stream_next(st);
	if (next != SIM_NEVER)
		wake_by(st, next);
}

int sim_spawn(struct sim_stream *st, void (*fn)(void *arg), void *arg, const struct ult_opts *opts)
{
	int rc = rt_spawn(&st->rt, fn, arg, opts);

	sim_stream_kick(st);
	return rc;
}

struct post {
	struct sim_item item;
	void (*fn)(struct rt *rt, void *arg);
	void *arg;
};

static void post_deliver(struct sim_stream *st, struct sim_item *item)
{
	struct post p = *container_of(item, struct post, item);

	sim_mem_put(st->sim, container_of(item, struct post, item), sizeof(p));
	p.fn(&st->rt, p.arg);
}

static void post_drop(struct sim *sim, struct sim_item *item)
{
	sim_mem_put(sim, container_of(item, struct post, item), sizeof(struct post));
}

int sim_post(struct sim_stream *st, void (*fn)(struct rt *rt, void *arg), void *arg)
{
	struct post *p = sim_mem_get(st->sim, sizeof(*p));

	if (p == NULL)
		return -DER_NOMEM;
	*p = (struct post){ { NULL, post_deliver, post_drop }, fn, arg };
	sim_push_later(st, &p->item);
	return 0;
}

/* ---- streams ------------------------------------------------------------------------------ */

static int tag_reserve(struct sim_node *node, uint32_t tag)
{
	struct sim_stream **by_tag;
	uint32_t cap = node->tag_cap == 0 ? 4 : node->tag_cap;

	while (cap <= tag)
		cap *= 2;
	if (cap == node->tag_cap)
		return 0;
	by_tag = realloc(node->by_tag, cap * sizeof(by_tag[0]));
	if (by_tag == NULL)
		return -DER_NOMEM;
	memset(by_tag + node->tag_cap, 0, (cap - node->tag_cap) * sizeof(by_tag[0]));
	node->by_tag = by_tag;
	node->tag_cap = cap;
	return 0;
}

static int stream_check(const struct sim *sim, const struct sim_stream_opts *o)
{
	const struct sim_node *node;

	if (o->node_idx >= sim->node_count || o->tag >= SIM_TAG_MAX ||
	    o->nic_idx >= sim->profile->nic_count)
		return -DER_INVAL;
	node = &sim->nodes[o->node_idx];
	if (!node->up)
		return -DER_UNREACH;
	if (o->tag < node->tag_cap && node->by_tag[o->tag] != NULL)
		return -DER_EXIST;
	return 0;
}

static void stream_bind(struct sim_stream *st, const struct sim_stream_opts *o)
{
	const struct sim *sim = st->sim;
	const struct rt_ops ops = {
		.time = &time_ops, .net = &sim_net_ops, .blk = &sim_blk_ops, .misc = &misc_ops,
		.time_ctx = st, .net_ctx = st, .blk_ctx = st, .misc_ctx = st,
	};
	const struct rt_opts rt_opts = {
		.id = st->id,
		.stack_bytes = sim->opts.stack_bytes,
		.ult_max = o->ult_max,
		.stacks = sim->stacks,
		.log_level = sim->opts.log_level,
		.paint_stacks = sim->opts.paint_stacks,
	};

	rt_init(&st->rt, &ops, &rt_opts);
	st->rt.process = o->process;
}

int sim_stream_create(struct sim *sim, const struct sim_stream_opts *opts,
		      struct sim_stream **ret_stream)
{
	struct sim_node *node;
	struct sim_stream *st;
	uint64_t seed;
	int rc = stream_check(sim, opts);

	if (rc != 0)
		return rc;
	node = &sim->nodes[opts->node_idx];
	rc = tag_reserve(node, opts->tag);
	if (rc != 0)
		return rc;
	st = calloc(1, sizeof(*st));
	if (st == NULL)
		return -DER_NOMEM;
	st->sim = sim;
	st->clock_ns = sim->now_ns;
	st->inbox_tail = &st->inbox;
	list_init(&st->ins);
	st->node_idx = opts->node_idx;
	st->life = node->life;
	st->tag = opts->tag;
	st->nic_idx = opts->nic_idx;
	st->id = ++sim->next_stream_id;
	ASSERT(st->id < WHEEL_STREAM_MAX);
	/* A restarted node draws other numbers than before, but the same in every run. */
	seed = mix64_2(sim->opts.seed, mix64_2((uint64_t)st->node_idx << 32 | st->tag, st->life));
	prng_seed(&st->entropy, seed);
	stream_bind(st, opts);
	node->by_tag[st->tag] = st;
	list_add_tail(&node->streams, &st->link);
	*ret_stream = st;
	return 0;
}

static void stream_free(struct sim_stream *st)
{
	struct sim_node *node = &st->sim->nodes[st->node_idx];

	wheel_del(st->sim->wheel, &st->wake);
	while (st->inbox != NULL) {
		struct sim_item *item = st->inbox;

		st->inbox = item->next;
		item->drop(st->sim, item);
	}
	sim_net_stream_end(st);
	list_del(&st->link);
	node->by_tag[st->tag] = NULL;
	free(st);
}

void sim_stream_destroy(struct sim_stream *st)
{
	ASSERT(st->sim->running != st);
	ASSERT(st->ops_out == 0);
	rt_fini(&st->rt);
	stream_free(st);
}

struct rt *sim_stream_rt(struct sim_stream *st)
{
	return &st->rt;
}

void sim_uri(uint32_t node_idx, uint32_t tag, char *ret_uri)
{
	snprintf(ret_uri, RT_URI_MAX, "sim:%u/%u", node_idx, tag);
}

/* ---- nodes -------------------------------------------------------------------------------- */

static void node_crash(struct sim *sim, struct sim_node *node)
{
	if (!node->up)
		return;
	sim_digest_event(sim, sim->now_ns, WORLD_STREAM, SIM_ITEM_CRASH, node->idx, node->life);
	node->up = false;
	node->life++;
	while (!list_empty(&node->streams)) {
		struct sim_stream *st = list_first(&node->streams, struct sim_stream, link);

		rt_kill(&st->rt);
		stream_free(st);
	}
	sim_net_crash(sim, node);
	sim_blk_crash(sim, node);
	share_drop(sim->shared, &node->shared);
	arena_drop(&node->arena);
	pool_drop(sim->pool, &node->blocks);
	node->block_bytes = 0;
}

static void crash_event(struct sim_ev *ev)
{
	struct sim_node *node = container_of(ev, struct sim_node, crash_ev);

	node_crash(node->sim, node);
}

void sim_node_crash(struct sim *sim, uint32_t node_idx)
{
	struct sim_node *node;

	ASSERT(node_idx < sim->node_count);
	node = &sim->nodes[node_idx];
	if (sim->running == NULL)
		node_crash(sim, node);
	else if (!wheel_planned(&node->crash_ev))
		sim_plan(sim, &node->crash_ev, sim->now_ns, WORLD_STREAM, crash_event);
}

void sim_node_restart(struct sim *sim, uint32_t node_idx, sim_boot_fn boot, void *arg)
{
	struct sim_node *node;

	ASSERT(node_idx < sim->node_count && sim->running == NULL);
	node = &sim->nodes[node_idx];
	ASSERT(!node->up);
	sim_digest_event(sim, sim->now_ns, WORLD_STREAM, SIM_ITEM_RESTART, node_idx, node->life);
	node->up = true;
	boot(sim, node_idx, arg);
}

bool sim_node_up(const struct sim *sim, uint32_t node_idx)
{
	return node_idx < sim->node_count && sim->nodes[node_idx].up;
}

uint32_t sim_node_life(const struct sim *sim, uint32_t node_idx)
{
	return sim->nodes[node_idx].life;
}

size_t sim_node_bytes(const struct sim *sim, uint32_t node_idx)
{
	return sim->nodes[node_idx].arena.bytes + sim->nodes[node_idx].block_bytes;
}

static int nodes_create(struct sim *sim)
{
	sim->shared = share_table_create();
	if (sim->shared == NULL)
		return -DER_NOMEM;
	sim->node_count = sim->profile->node_count;
	sim->nodes = calloc(sim->node_count, sizeof(sim->nodes[0]));
	if (sim->nodes == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < sim->node_count; i++) {
		struct sim_node *n = &sim->nodes[i];

		n->idx = i;
		n->life = 1;
		n->up = true;
		n->sim = sim;
		arena_init(&n->arena);
		list_init(&n->blocks);
		share_holder_init(&n->shared);
		list_init(&n->streams);
		list_init(&n->calls_from);
		list_init(&n->calls_to);
		list_init(&n->devs);
		list_init(&n->ssds);
	}
	return 0;
}

/* ---- the loop ----------------------------------------------------------------------------- */

static uint64_t engine_next(void *arg)
{
	struct sim *sim = arg;
	uint64_t next;

	if (sim->stopping)
		return SG_NEVER;
	next = wheel_next_ns(sim->wheel);
	return next == WHEEL_NEVER || next > sim->until_ns ? SG_NEVER : next;
}

/* SimGrid's time is @to_ns: all events of that quantum happen, each at its own date. */
static void engine_advance(void *arg, uint64_t to_ns)
{
	struct sim *sim = arg;
	uint64_t limit = min_u64(to_ns | (WHEEL_QUANTUM_NS - 1), sim->until_ns);
	struct sim_ev *ev;

	sim->now_ns = max_u64(sim->now_ns, to_ns);
	while (!sim->stopping && (ev = wheel_pop(sim->wheel, limit)) != NULL) {
		ASSERT(ev->at_ns >= sim->now_ns || ev->at_ns >= to_ns);
		sim->now_ns = ev->at_ns;
		sim->stats.events++;
		ev->fn(ev);
	}
}

enum sim_end sim_run(struct sim *sim, uint64_t until_ns)
{
	ASSERT(sim->running == NULL && until_ns >= sim->now_ns);
	sim->until_ns = until_ns;
	sim->stopping = false;
	for (uint32_t i = 0; i < sim->node_count; i++) {
		struct list *pos;

		list_for_each(pos, &sim->nodes[i].streams)
			sim_stream_kick(list_entry(pos, struct sim_stream, link));
	}
	sg_engine_run(sim->engine);
	if (sim->stopping)
		return SIM_END_STOPPED;
	if (until_ns != SIM_NEVER)
		sim->now_ns = until_ns;
	return wheel_count(sim->wheel) == 0 ? SIM_END_IDLE : SIM_END_TIME;
}

void sim_stop(struct sim *sim)
{
	sim->stopping = true;
}

uint64_t sim_now_ns(const struct sim *sim)
{
	return sim->now_ns;
}

const struct sim_profile *sim_profile_of(const struct sim *sim)
{
	return sim->profile;
}

void sim_stats_query(const struct sim *sim, struct sim_stats *ret_stats)
{
	struct ult_stacks_stats stacks;

	ult_stacks_query(sim->stacks, &stacks);
	*ret_stats = sim->stats;
	ret_stats->engine_steps = sg_engine_steps(sim->engine);
	ret_stats->stacks_bytes = stacks.mapped_bytes;
}

struct at_event {
	struct sim_ev ev;
	struct sim *sim;
	void (*fn)(struct sim *sim, void *arg);
	void *arg;
};

static void at_fire(struct sim_ev *ev)
{
	struct at_event *at = container_of(ev, struct at_event, ev);
	struct at_event a = *at;

	sim_mem_put(at->sim, at, sizeof(*at));
	a.fn(a.sim, a.arg);
}

int sim_at(struct sim *sim, uint64_t at_ns, void (*fn)(struct sim *sim, void *arg), void *arg)
{
	struct at_event *at = sim_mem_get(sim, sizeof(*at));

	if (at == NULL)
		return -DER_NOMEM;
	*at = (struct at_event){ .sim = sim, .fn = fn, .arg = arg };
	sim_plan(sim, &at->ev, at_ns, WORLD_STREAM, at_fire);
	return 0;
}

/* ---- birth and death ---------------------------------------------------------------------- */

static int world_open(struct sim *sim)
{
	static const struct sg_ops ops = { .next_ns = engine_next, .advance = engine_advance };
	int rc;

	sim->wheel = wheel_create();
	sim->pool = pool_create();
	sim->stacks = ult_stacks_create(sim->opts.stack_bytes);
	if (sim->wheel == NULL || sim->stacks == NULL)
		return -DER_NOMEM;
	rc = nodes_create(sim);
	if (rc == 0)
		rc = sim_topo_create(sim->profile, &sim->topo);
	if (rc == 0)
		rc = sg_engine_create(sim->topo->ops->zone, &ops, sim, &sim->engine);
	if (rc == 0)
		rc = sim->topo->ops->platform(sim->topo, sim->engine);
	if (rc == 0)
		rc = sg_engine_seal(sim->engine);
	return rc;
}

int sim_create(const struct sim_opts *opts, struct sim **ret_sim)
{
	struct sim *sim;
	int rc;

	if (the_world != NULL)
		return -DER_BUSY;
	sim = calloc(1, sizeof(*sim));
	if (sim == NULL)
		return -DER_NOMEM;
	sim->opts = *opts;
	sim->profile = opts->profile;
	if (sim->opts.stack_bytes == 0)
		sim->opts.stack_bytes = SIM_STACK_BYTES;
	sim->digest = mix64(opts->seed);
	list_init(&sim->faults);
	list_init(&sim->plans);
	list_init(&sim->call_slabs);
	rc = world_open(sim);
	if (rc != 0) {
		sim_destroy(sim);
		return rc;
	}
	the_world = sim;
	*ret_sim = sim;
	return 0;
}

/* What is in flight owns memory: with every node dead, each event only cleans up after itself. */
static void drain(struct sim *sim)
{
	struct sim_ev *ev;

	while ((ev = wheel_pop(sim->wheel, WHEEL_LIMIT_NS)) != NULL) {
		sim->now_ns = max_u64(sim->now_ns, ev->at_ns);
		if (ev->fn == at_fire)
			sim_mem_put(sim, container_of(ev, struct at_event, ev),
				    sizeof(struct at_event));
		else
			ev->fn(ev);
	}
}

static void nodes_destroy(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->node_count; i++) {
		node_crash(sim, &sim->nodes[i]);
		free(sim->nodes[i].by_tag);
	}
}

void sim_destroy(struct sim *sim)
{
	if (sim == NULL)
		return;
	ASSERT(sim->running == NULL);
	if (sim->nodes != NULL) {
		nodes_destroy(sim);
		drain(sim);
		for (uint32_t i = 0; i < sim->node_count; i++) {
			sim_blk_fini(sim, &sim->nodes[i]);
			share_drop(sim->shared, &sim->nodes[i].shared);
		}
	}
	share_table_destroy(sim->shared);
	sim_fault_fini(sim);
	sim_net_fini(sim);
	sg_engine_destroy(sim->engine);
	sim_topo_destroy(sim->topo);
	ult_stacks_destroy(sim->stacks);
	wheel_destroy(sim->wheel);
	mem_fini(sim);
	pool_destroy(sim->pool);
	free(sim->nodes);
	free(sim);
	the_world = NULL;
}

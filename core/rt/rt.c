/* Scheduler of one stream: ready queue, switches, timers, the large stack. */
#include "core/rt/rt_drive.h"
#include "core/rt/ult_int.h"

#include <stdarg.h>
#include <stdio.h>

#ifdef BASE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef BASE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define ULT_MAX_DEFAULT 65536u
#define PAINT_WORD 0x7061696e7473746bULL
#define LOG_LINE_BYTES 1024

#define STACK_COLORS 16u
#define STACK_COLOR_BYTES 64u

/* Room between a ULT's first frame and its control block at the top of the stack. */
#define ULT_TOP_BYTES align_up(sizeof(struct ult), 64)

/* ---- init and fini ------------------------------------------------------------------------ */

void rt_init(struct rt *rt, const struct rt_ops *ops, const struct rt_opts *opts)
{
	uint64_t seed = 0;
	int i;

	ASSERT(opts->stacks != NULL);
	*rt = (struct rt){
		.ops = *ops,
		.stacks = opts->stacks,
		.ult_max = opts->ult_max != 0 ? opts->ult_max : ULT_MAX_DEFAULT,
		.paint = opts->paint_stacks,
		.log_level = opts->log_level != 0 ? opts->log_level : RT_LOG_WARN,
		.id = opts->id,
	};
	rt->stack_bytes = opts->stack_bytes;
	list_init(&rt->ready);
	list_init(&rt->ults);
	heap_init(&rt->timers);
	ops->misc->entropy(ops->misc_ctx, &seed, sizeof(seed));
	for (i = 0; i < RT_STREAM_COUNT; i++)
		prng_seed(&rt->rand[i], mix64_2(seed, (uint64_t)i));
}

void rt_fini(struct rt *rt)
{
	ASSERT(rt->current == NULL && rt->ult_count == 0 && heap_min(&rt->timers) == NULL);
	rt_iomem_fini(rt);
}

static void ult_free(struct ult *u)
{
	struct ult_stacks *stacks = u->rt->stacks;

	list_del(&u->all);
	u->rt->ult_count--;
#ifdef BASE_TSAN
	__tsan_destroy_fiber(u->tsan_fiber);
#endif
	ult_stack_put(stacks, u->stack, u->stack_bytes);
}

void rt_kill(struct rt *rt)
{
	struct list *pos;
	struct list *tmp;

	ASSERT(rt->current == NULL);
	list_for_each_safe(pos, tmp, &rt->ults)
		ult_free(list_entry(pos, struct ult, all));
	list_init(&rt->ready);
	rt->turn_last = NULL;
	heap_init(&rt->timers);
	rt->iomem = NULL;	/* its memory went with the node's arena */
}

/* ---- switching ---------------------------------------------------------------------------- */

/*
 * A ULT that leaves goes straight to the next one of this turn, and to the scheduler only when there is
 * none, when it ends, or when it needs the large stack. So a switch costs one jump. Whoever arrives
 * saves the context of whom it came from.
 */

/* From the scheduler into @u, until some ULT comes back; returns that one. */
static struct ult *ult_enter(struct rt *rt, struct ult *u)
{
	struct fctx_transfer t;
#ifdef BASE_ASAN
	void *fake = NULL;

	__sanitizer_start_switch_fiber(&fake, u->stack, u->stack_bytes);
#endif
#ifdef BASE_TSAN
	rt->san_sched_stack = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(u->tsan_fiber, 0);
#endif
	rt->current = u;
	t = jump_fcontext(u->fctx, u);
	u = rt->current;
	rt->current = NULL;
#ifdef BASE_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
	u->fctx = t.fctx;
	return u;
}

/* First thing on @u's stack after a jump to it. */
static inline void ult_arrive(struct ult *u, struct fctx_transfer t)
{
	struct rt *rt = u->rt;
	struct ult *from = rt->switch_from;

	if (from != NULL) {
		from->fctx = t.fctx;
		rt->switch_from = NULL;
#ifdef BASE_ASAN
		__sanitizer_finish_switch_fiber(u->san_fake_stack, NULL, NULL);
#endif
	} else {
		rt->sched_fctx = t.fctx;
#ifdef BASE_ASAN
		__sanitizer_finish_switch_fiber(u->san_fake_stack,
						(const void **)&rt->san_sched_stack,
						&rt->san_sched_bytes);
#endif
	}
}

/* Take the next ULT of this turn off the ready queue; NULL: the turn is over. */
static inline struct ult *turn_next(struct rt *rt)
{
	struct list *link = rt->ready.next;

	if (rt->turn_last == NULL)
		return NULL;
	if (link == rt->turn_last || --rt->turn_left == 0)
		rt->turn_last = NULL;
	list_del(link);
	rt->turn_count++;
	return list_entry(link, struct ult, link);
}

/* From a ULT back to the scheduler. */
static void ult_to_sched(struct ult *u, bool last)
{
	struct rt *rt = u->rt;
#ifdef BASE_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &u->san_fake_stack, rt->san_sched_stack,
				       rt->san_sched_bytes);
#else
	(void)last;
#endif
#ifdef BASE_TSAN
	__tsan_switch_to_fiber(rt->san_sched_stack, 0);
#endif
	ult_arrive(u, jump_fcontext(rt->sched_fctx, NULL));
}

/* The running ULT is in some queue, or parked: let others run. */
static void ult_leave(struct ult *u)
{
	struct rt *rt = u->rt;
	struct ult *next = turn_next(rt);

	if (next == NULL) {
		ult_to_sched(u, false);
		return;
	}
	if (next == u)	/* it yielded, and is itself the last of the turn */
		return;
	rt->switch_from = u;
	rt->current = next;
#ifdef BASE_ASAN
	__sanitizer_start_switch_fiber(&u->san_fake_stack, next->stack, next->stack_bytes);
#endif
#ifdef BASE_TSAN
	__tsan_switch_to_fiber(next->tsan_fiber, 0);
#endif
	ult_arrive(u, jump_fcontext(next->fctx, next));
}

static void ult_main(struct fctx_transfer t)
{
	struct ult *u = t.data;

	ult_arrive(u, t);
	u->fn(u->arg);
	u->finished = true;
	ult_to_sched(u, true);
	base_assert_fail(__FILE__, __LINE__, __func__, "a finished ULT stays finished");
}

static void stack_paint(char *stack, size_t bytes)
{
	uint64_t *w = (uint64_t *)(void *)stack;
	size_t i;

	for (i = 0; i < bytes / sizeof(*w); i++)
		w[i] = PAINT_WORD;
}

/* Bytes of the stack that were ever written since it was painted. */
static uint32_t stack_used(const char *stack, size_t bytes)
{
	const uint64_t *w = (const uint64_t *)(const void *)stack;
	size_t i = 0;

	while (i < bytes / sizeof(*w) && w[i] == PAINT_WORD)
		i++;
	return (uint32_t)(bytes - i * sizeof(*w));
}

/* Stacks lie at multiples of their size: without an offset of its own, the hot end of each would fall
 * into the same few cache sets, and a dozen ULTs would already evict each other. */
static size_t stack_color(const char *stack, uint32_t bytes)
{
	return (size_t)((uintptr_t)stack / bytes % STACK_COLORS) * STACK_COLOR_BYTES;
}

int rt_spawn(struct rt *rt, void (*fn)(void *arg), void *arg, const struct ult_opts *opts)
{
	uint32_t want = opts != NULL && opts->stack_bytes != 0 ? opts->stack_bytes
							       : rt->stack_bytes;
	uint32_t bytes;
	struct ult *u;
	char *stack;

	if (rt->ult_count >= rt->ult_max)
		return -DER_NOMEM;
	stack = ult_stack_get(rt->stacks, want, &bytes);
	if (stack == NULL)
		return -DER_NOMEM;
	u = (struct ult *)(void *)(stack + bytes - ULT_TOP_BYTES - stack_color(stack, bytes));
	*u = (struct ult){
		.rt = rt,
		.fn = fn,
		.arg = arg,
		.stack = stack,
		.stack_bytes = bytes,
	};
	if (opts != NULL) {
		u->name = opts->name;
		u->process = opts->process;
	}
	if (u->process == NULL)
		u->process = rt->current != NULL ? rt->current->process : rt->process;
	if (rt->paint)
		stack_paint(stack, (size_t)((char *)u - stack));
	u->fctx = make_fcontext(u, (size_t)((char *)u - stack), ult_main);
#ifdef BASE_TSAN
	u->tsan_fiber = __tsan_create_fiber(0);
#endif
	list_add_tail(&rt->ults, &u->all);
	list_add_tail(&rt->ready, &u->link);
	rt->ult_count++;
	return 0;
}

static void ult_reap(struct rt *rt, struct ult *u)
{
	if (rt->paint) {
		size_t bytes = (size_t)((char *)u - u->stack);
		uint32_t used = stack_used(u->stack, bytes);

		ASSERT(used < bytes);
		if (used > rt->stack_peak_bytes)
			rt->stack_peak_bytes = used;
		if (rt->on_stack_used != NULL)
			rt->on_stack_used(rt, u->name != NULL ? u->name : "ult", used);
	}
	ult_free(u);
}

/* Run @u and whoever it switches to, until one comes back for good. */
static void rt_step(struct rt *rt, struct ult *u)
{
	u = ult_enter(rt, u);
	while (rt->big_fn != NULL) {	/* it asked for the large stack: ours */
		rt->big_fn(rt->big_arg);
		rt->big_fn = NULL;
		u = ult_enter(rt, u);
	}
	if (u->finished)
		ult_reap(rt, u);
}

static uint32_t rt_run_timers(struct rt *rt)
{
	struct heap_node *n = heap_min(&rt->timers);
	uint32_t count = 0;
	uint64_t now;

	if (n == NULL)
		return 0;
	now = rt_now_ns(rt);
	while (n != NULL && n->key <= now) {
		struct rt_timer *t = container_of(n, struct rt_timer, node);

		heap_remove(&rt->timers, n);
		t->armed = false;
		t->fn(t);
		count++;
		n = heap_min(&rt->timers);
	}
	return count;
}

uint32_t rt_run(struct rt *rt, uint32_t max_switches)
{
	uint32_t timers;
	struct ult *u;

	ASSERT(rt->current == NULL);
	timers = rt_run_timers(rt);
	if (list_empty(&rt->ready) || (max_switches != 0 && timers >= max_switches))
		return timers;
	/* One turn for those that are ready now: a ULT that yields lets the driver poll, too. */
	rt->turn_last = rt->ready.prev;
	rt->turn_left = max_switches != 0 ? max_switches - timers : UINT32_MAX;
	rt->turn_count = 0;
	while ((u = turn_next(rt)) != NULL)
		rt_step(rt, u);
	return timers + rt->turn_count;
}

uint64_t rt_next_ns(struct rt *rt)
{
	struct heap_node *n = heap_min(&rt->timers);

	if (!list_empty(&rt->ready))
		return 0;
	return n != NULL ? n->key : RT_NEVER;
}

void *rt_process(struct rt *rt)
{
	return rt->current != NULL ? rt->current->process : rt->process;
}

void rt_yield(struct rt *rt)
{
	struct ult *u = rt->current;

	ASSERT(u != NULL);
	list_add_tail(&rt->ready, &u->link);
	ult_leave(u);
}

/* ---- wait queues -------------------------------------------------------------------------- */

void rt_waitq_init(struct rt_waitq *q)
{
	list_init(&q->waiters);
}

static void ult_wake(struct rt *rt, struct ult *u, int rc)
{
	ASSERT(u->waitq != NULL);
	u->waitq = NULL;
	u->wake_rc = rc;
	rt_timer_cancel(rt, &u->timer);
	list_del(&u->link);
	list_add_tail(&rt->ready, &u->link);
}

static void wait_expired(struct rt_timer *t)
{
	struct ult *u = container_of(t, struct ult, timer);

	ult_wake(u->rt, u, -DER_TIMEDOUT);
}

int rt_wait(struct rt *rt, struct rt_waitq *q, uint64_t deadline_ns)
{
	struct ult *u = rt->current;

	ASSERT(u != NULL);
	if (deadline_ns != RT_NEVER) {
		u->timer.fn = wait_expired;
		rt_timer_arm(rt, &u->timer, deadline_ns);
	}
	u->waitq = q;
	list_add_tail(&q->waiters, &u->link);
	ult_leave(u);
	return u->wake_rc;
}

bool rt_wake_one(struct rt *rt, struct rt_waitq *q)
{
	if (list_empty(&q->waiters))
		return false;
	ult_wake(rt, list_first(&q->waiters, struct ult, link), 0);
	return true;
}

uint32_t rt_wake_all(struct rt *rt, struct rt_waitq *q)
{
	uint32_t count = 0;

	while (rt_wake_one(rt, q))
		count++;
	return count;
}

void rt_sleep_until(struct rt *rt, uint64_t deadline_ns)
{
	struct rt_waitq q;
	int rc;

	rt_waitq_init(&q);
	rc = rt_wait(rt, &q, deadline_ns);
	ASSERT(rc == -DER_TIMEDOUT);
}

/* ---- timers ------------------------------------------------------------------------------- */

void rt_timer_arm(struct rt *rt, struct rt_timer *t, uint64_t deadline_ns)
{
	rt_timer_cancel(rt, t);
	heap_insert(&rt->timers, &t->node, deadline_ns);
	t->armed = true;
}

void rt_timer_cancel(struct rt *rt, struct rt_timer *t)
{
	if (!t->armed)
		return;
	heap_remove(&rt->timers, &t->node);
	t->armed = false;
}

/* ---- large stack and logs ----------------------------------------------------------------- */

void rt_on_big_stack(struct rt *rt, void (*fn)(void *arg), void *arg)
{
	struct ult *u = rt->current;

	if (u == NULL) {	/* scheduler context is on it already */
		fn(arg);
		return;
	}
	rt->big_fn = fn;
	rt->big_arg = arg;
	ult_to_sched(u, false);
}

struct log_args {
	struct rt *rt;
	enum rt_level level;
	const char *module;
	const char *fmt;
	va_list ap;
};

static void log_format(void *arg)
{
	struct log_args *a = arg;
	char line[LOG_LINE_BYTES];
	int n = snprintf(line, sizeof(line), "%s: ", a->module);

	if (n > 0 && (size_t)n < sizeof(line))
		(void)vsnprintf(line + n, sizeof(line) - (size_t)n, a->fmt, a->ap);
	a->rt->ops.misc->log(a->rt->ops.misc_ctx, a->level, line);
}

void rt_log(struct rt *rt, enum rt_level level, const char *module, const char *fmt, ...)
{
	struct log_args a = { .rt = rt, .level = level, .module = module, .fmt = fmt };

	va_start(a.ap, fmt);
	rt_on_big_stack(rt, log_format, &a);
	va_end(a.ap);
}

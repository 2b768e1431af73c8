/* rt: ULTs, wait queues, timers, the large stack, kill, pooled io memory; on a clock of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/rt/rt_drive.h"

struct world {
	struct rt rt;
	struct arena arena;
	struct ult_stacks *stacks;
	uint64_t now_ns;
	char log[4096];
	uint32_t mem_added;
	uint32_t mem_deleted;
	int mem_rc;
};

static uint64_t w_now(void *ctx)
{
	return ((struct world *)ctx)->now_ns;
}

static void *w_alloc(void *ctx, size_t bytes, size_t align)
{
	return arena_alloc(&((struct world *)ctx)->arena, bytes, align);
}

static void w_free(void *ctx, void *ptr)
{
	arena_free(&((struct world *)ctx)->arena, ptr);
}

static void w_entropy(void *ctx, void *dst, size_t bytes)
{
	(void)ctx;
	memset(dst, 1, bytes);
}

static void w_log(void *ctx, enum rt_level level, const char *line)
{
	struct world *w = ctx;

	(void)level;
	strncat(w->log, line, sizeof(w->log) - strlen(w->log) - 1);
	strncat(w->log, "\n", sizeof(w->log) - strlen(w->log) - 1);
}

static void w_charge(void *ctx, enum rt_cost kind, uint64_t units)
{
	(void)ctx;
	(void)kind;
	(void)units;
}

static int w_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct world *w = ctx;

	(void)ptr;
	(void)bytes;
	if (w->mem_rc != 0)
		return w->mem_rc;
	w->mem_added++;
	return 0;
}

static void w_mem_del(void *ctx, void *ptr, size_t bytes)
{
	(void)ptr;
	(void)bytes;
	((struct world *)ctx)->mem_deleted++;
}

static const struct rt_time_ops time_ops = { .now_ns = w_now, .wall_ns = w_now };
static const struct rt_net_ops net_ops = { .mem_add = w_mem_add, .mem_del = w_mem_del };
static const struct rt_misc_ops misc_ops = {
	.alloc = w_alloc, .free = w_free, .entropy = w_entropy, .log = w_log, .charge = w_charge,
};

static void world_open(struct world *w, bool paint)
{
	struct rt_ops ops = { .time = &time_ops, .net = &net_ops, .misc = &misc_ops,
			      .time_ctx = w, .net_ctx = w, .misc_ctx = w };
	struct rt_opts opts = { .stack_bytes = 16384, .paint_stacks = paint };

	*w = (struct world){ 0 };
	arena_init(&w->arena);
	w->stacks = ult_stacks_create(16384);
	assert_non_null(w->stacks);
	opts.stacks = w->stacks;
	rt_init(&w->rt, &ops, &opts);
	w->rt.process = w;
}

static void world_close(struct world *w)
{
	rt_fini(&w->rt);
	assert_int_equal(w->arena.count, 0);
	ult_stacks_destroy(w->stacks);
}

/* Run until nothing is left to do, letting time jump from timer to timer. */
static void world_run(struct world *w)
{
	for (;;) {
		uint64_t next;

		(void)rt_run(&w->rt, 0);
		next = rt_next_ns(&w->rt);
		if (next == RT_NEVER)
			return;
		w->now_ns = max_u64(w->now_ns, next);
	}
}

struct job {
	struct world *w;
	char name;
	int rounds;
	int rc;
	uint64_t ns;
	struct rt_event *ev;
	struct rt_mutex *mutex;
	struct rt_sem *sem;
	struct rt_waitq *q;
};

static void note(struct world *w, char c)
{
	size_t n = strlen(w->log);

	w->log[n] = c;
	w->log[n + 1] = 0;
}

static void yielder(void *arg)
{
	struct job *j = arg;
	int i;

	for (i = 0; i < j->rounds; i++) {
		note(j->w, j->name);
		rt_yield(&j->w->rt);
	}
}

static void test_yield_order(void **state)
{
	struct world w;
	struct job a = { .w = &w, .name = 'a', .rounds = 3 };
	struct job b = { .w = &w, .name = 'b', .rounds = 2 };

	(void)state;
	world_open(&w, false);
	assert_int_equal(rt_spawn(&w.rt, yielder, &a, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, yielder, &b, NULL), 0);
	assert_int_equal(rt_next_ns(&w.rt), 0);
	world_run(&w);
	assert_string_equal(w.log, "ababa");
	world_close(&w);
}

static void sleeper(void *arg)
{
	struct job *j = arg;

	rt_sleep_ns(&j->w->rt, j->ns);
	note(j->w, j->name);
}

static void test_sleep_order(void **state)
{
	struct world w;
	struct job jobs[] = {
		{ .w = &w, .name = 'c', .ns = 30 },
		{ .w = &w, .name = 'a', .ns = 10 },
		{ .w = &w, .name = 'b', .ns = 10 },
		{ .w = &w, .name = 'd', .ns = 30 },
	};
	size_t i;

	(void)state;
	world_open(&w, false);
	for (i = 0; i < ARRAY_COUNT(jobs); i++)
		assert_int_equal(rt_spawn(&w.rt, sleeper, &jobs[i], NULL), 0);
	world_run(&w);
	assert_string_equal(w.log, "abcd");	/* by time, ties in order of arming */
	assert_int_equal(w.now_ns, 30);
	world_close(&w);
}

static void waiter(void *arg)
{
	struct job *j = arg;

	j->rc = rt_event_wait(&j->w->rt, j->ev, j->ns);
	note(j->w, j->name);
}

static void setter(void *arg)
{
	struct job *j = arg;

	rt_sleep_until(&j->w->rt, j->ns);
	rt_event_set(&j->w->rt, j->ev, -DER_CSUM);
	rt_event_set(&j->w->rt, j->ev, 0);	/* ignored */
}

static void test_event(void **state)
{
	struct world w;
	struct rt_event ev;
	struct job early = { .w = &w, .name = 'e', .ev = &ev, .ns = 50 };
	struct job late = { .w = &w, .name = 'l', .ev = &ev, .ns = RT_NEVER };
	struct job tie = { .w = &w, .name = 't', .ev = &ev, .ns = 100 };
	struct job set = { .w = &w, .ev = &ev, .ns = 100 };

	(void)state;
	world_open(&w, false);
	rt_event_init(&ev);
	assert_int_equal(rt_spawn(&w.rt, setter, &set, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, waiter, &early, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, waiter, &late, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, waiter, &tie, NULL), 0);
	world_run(&w);
	assert_int_equal(early.rc, -DER_TIMEDOUT);
	assert_int_equal(late.rc, -DER_CSUM);
	assert_int_equal(tie.rc, -DER_CSUM);	/* expired and set in one round: the event wins */
	world_close(&w);
}

static void locker(void *arg)
{
	struct job *j = arg;
	int i;

	for (i = 0; i < j->rounds; i++) {
		rt_mutex_lock(&j->w->rt, j->mutex);
		note(j->w, j->name);
		rt_yield(&j->w->rt);
		note(j->w, j->name);
		rt_mutex_unlock(&j->w->rt, j->mutex);
	}
}

static void test_mutex_fair(void **state)
{
	struct world w;
	struct rt_mutex m;
	struct job a = { .w = &w, .name = 'a', .rounds = 2, .mutex = &m };
	struct job b = { .w = &w, .name = 'b', .rounds = 2, .mutex = &m };

	(void)state;
	world_open(&w, false);
	rt_mutex_init(&m);
	assert_int_equal(rt_spawn(&w.rt, locker, &a, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, locker, &b, NULL), 0);
	world_run(&w);
	assert_string_equal(w.log, "aabbaabb");
	assert_null(m.owner);
	world_close(&w);
}

static void taker(void *arg)
{
	struct job *j = arg;

	j->rc = rt_sem_take(&j->w->rt, j->sem, j->ns);
	note(j->w, j->name);
	if (j->rc != 0)
		return;
	rt_sleep_ns(&j->w->rt, 10);
	rt_sem_give(&j->w->rt, j->sem);
}

static void test_sem(void **state)
{
	struct world w;
	struct rt_sem s;
	struct job jobs[] = {
		{ .w = &w, .name = 'a', .sem = &s, .ns = RT_NEVER },
		{ .w = &w, .name = 'b', .sem = &s, .ns = RT_NEVER },
		{ .w = &w, .name = 'c', .sem = &s, .ns = 5 },
		{ .w = &w, .name = 'd', .sem = &s, .ns = RT_NEVER },
	};
	size_t i;

	(void)state;
	world_open(&w, false);
	rt_sem_init(&s, 2);
	for (i = 0; i < ARRAY_COUNT(jobs); i++)
		assert_int_equal(rt_spawn(&w.rt, taker, &jobs[i], NULL), 0);
	world_run(&w);
	assert_string_equal(w.log, "abcd");
	assert_int_equal(jobs[2].rc, -DER_TIMEDOUT);
	assert_int_equal(s.value, 2);
	assert_true(rt_sem_try(&s));
	assert_true(rt_sem_try(&s));
	assert_false(rt_sem_try(&s));
	world_close(&w);
}

static void cond_waiter(void *arg)
{
	struct job *j = arg;

	rt_mutex_lock(&j->w->rt, j->mutex);
	j->rc = rt_cond_wait(&j->w->rt, j->q, j->mutex, j->ns);
	note(j->w, j->name);
	rt_mutex_unlock(&j->w->rt, j->mutex);
}

static void test_cond(void **state)
{
	struct world w;
	struct rt_mutex m;
	struct rt_waitq q;
	struct job a = { .w = &w, .name = 'a', .mutex = &m, .q = &q, .ns = 10 };
	struct job b = { .w = &w, .name = 'b', .mutex = &m, .q = &q, .ns = RT_NEVER };

	(void)state;
	world_open(&w, false);
	rt_mutex_init(&m);
	rt_waitq_init(&q);
	assert_int_equal(rt_spawn(&w.rt, cond_waiter, &a, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, cond_waiter, &b, NULL), 0);
	world_run(&w);
	assert_string_equal(w.log, "a");
	assert_int_equal(a.rc, -DER_TIMEDOUT);
	assert_int_equal(rt_wake_all(&w.rt, &q), 1);
	world_run(&w);
	assert_int_equal(b.rc, 0);
	assert_string_equal(w.log, "ab");
	world_close(&w);
}

static void deep(void *arg)
{
	volatile char big[200000];
	struct job *j = arg;

	memset((void *)(uintptr_t)big, j->name, sizeof(big));
	j->rc = big[199999];
}

static void big_user(void *arg)
{
	struct job *j = arg;

	rt_on_big_stack(&j->w->rt, deep, j);
	rt_log(&j->w->rt, RT_LOG_INFO, "test", "name=%c n=%d", j->name, 42);
	rt_yield(&j->w->rt);
	rt_on_big_stack(&j->w->rt, deep, j);
}

static void test_big_stack_and_log(void **state)
{
	struct world w;
	struct job a = { .w = &w, .name = 'x' };

	(void)state;
	world_open(&w, false);
	assert_int_equal(rt_spawn(&w.rt, big_user, &a, NULL), 0);
	world_run(&w);
	assert_int_equal(a.rc, 'x');
	assert_string_equal(w.log, "test: name=x n=42\n");
	world_close(&w);
}

static void stack_user(void *arg)
{
	volatile char b[6000];
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(b); i++)
		b[i] = 1;
}

static uint32_t painted_bytes;

static void stack_report(struct rt *rt, const char *name, uint32_t bytes)
{
	(void)rt;
	assert_string_equal(name, "user");
	painted_bytes = bytes;
}

static void test_stack_paint(void **state)
{
	struct world w;
	struct ult_opts opts = { .name = "user" };

	(void)state;
	world_open(&w, true);
	w.rt.on_stack_used = stack_report;
	assert_int_equal(rt_spawn(&w.rt, stack_user, NULL, &opts), 0);
	world_run(&w);
	assert_in_range(painted_bytes, 6000, 16384 * 4);
	assert_int_equal(w.rt.stack_peak_bytes, painted_bytes);
	world_close(&w);
}

static void test_limits(void **state)
{
	struct world w;
	struct job a = { .w = &w, .name = 'a', .rounds = 1 };
	struct ult_opts huge = { .stack_bytes = 1u << 30 };
	struct ult_opts mid = { .stack_bytes = 100000 };

	(void)state;
	world_open(&w, false);
	assert_int_equal(rt_spawn(&w.rt, yielder, &a, &huge), -DER_NOMEM);
	assert_int_equal(rt_spawn(&w.rt, yielder, &a, &mid), 0);
	w.rt.ult_max = 1;
	assert_int_equal(rt_spawn(&w.rt, yielder, &a, NULL), -DER_NOMEM);
	world_run(&w);
	assert_int_equal(w.rt.ult_count, 0);
	world_close(&w);
}

static void test_stacks_reused(void **state)
{
	struct world w;
	struct job a = { .w = &w, .name = 'a', .rounds = 0 };
	struct ult_stacks_stats st;
	int i;

	(void)state;
	world_open(&w, false);
	for (i = 0; i < 10000; i++) {
		assert_int_equal(rt_spawn(&w.rt, yielder, &a, NULL), 0);
		world_run(&w);
	}
	ult_stacks_query(w.stacks, &st);
	assert_int_equal(st.idle, 1);
	assert_int_equal(st.in_use, 0);
	world_close(&w);
}

static void test_kill(void **state)
{
	struct world w;
	struct rt_event ev;
	struct job a = { .w = &w, .name = 'a', .ev = &ev, .ns = 1000 };
	struct job b = { .w = &w, .name = 'b', .rounds = 5 };
	struct ult_stacks_stats st;

	(void)state;
	world_open(&w, false);
	rt_event_init(&ev);
	assert_int_equal(rt_spawn(&w.rt, waiter, &a, NULL), 0);
	(void)rt_run(&w.rt, 0);
	assert_int_equal(rt_spawn(&w.rt, yielder, &b, NULL), 0);
	assert_int_equal(rt_run(&w.rt, 1), 1);
	rt_kill(&w.rt);
	ult_stacks_query(w.stacks, &st);
	assert_int_equal(st.in_use, 0);
	assert_int_equal(rt_next_ns(&w.rt), RT_NEVER);
	world_run(&w);
	assert_string_equal(w.log, "b");
	world_close(&w);
}

static void test_iomem(void **state)
{
	struct world w;
	void *p[40];
	size_t i;

	(void)state;
	world_open(&w, false);
	for (i = 0; i < ARRAY_COUNT(p); i++) {
		p[i] = rt_iomem_get(&w.rt, 5000);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 4096, 0);
		memset(p[i], (int)i, 8192);
	}
	for (i = 0; i < ARRAY_COUNT(p); i++) {
		assert_int_equal(((uint8_t *)p[i])[8191], i);
		rt_iomem_put(&w.rt, p[i], 5000);
	}
	assert_null(rt_iomem_get(&w.rt, (4u << 20) + 1));
	p[0] = rt_iomem_get(&w.rt, 4u << 20);
	assert_non_null(p[0]);
	rt_iomem_put(&w.rt, p[0], 4u << 20);
	w.mem_rc = -DER_NOMEM;
	assert_null(rt_iomem_get(&w.rt, 65536));
	rt_fini(&w.rt);
	assert_int_equal(w.mem_added, w.mem_deleted);
	assert_int_equal(w.arena.count, 0);
	ult_stacks_destroy(w.stacks);
}

/* Every allocation of the pool fails once; nothing leaks and the pool still works after. */
static void test_iomem_oom(void **state)
{
	uint64_t n;

	(void)state;
	for (n = 1;; n++) {
		struct world w;
		void *p;
		bool done;

		world_open(&w, false);
		w.arena.fail_at = n;
		p = rt_iomem_get(&w.rt, 4096);
		done = w.arena.fail_at != 0;
		if (!done) {
			assert_null(p);
			p = rt_iomem_get(&w.rt, 4096);
		}
		assert_non_null(p);
		rt_iomem_put(&w.rt, p, 4096);
		world_close(&w);
		if (done)
			break;
	}
	assert_true(n > 3);
}

static void process_reader(void *arg)
{
	struct job *j = arg;

	j->rc = rt_process(&j->w->rt) == (void *)j->w;
}

static void test_process_inherited(void **state)
{
	struct world w;
	struct job a = { .w = &w };
	struct ult_opts other = { .process = &a };

	(void)state;
	world_open(&w, false);
	assert_int_equal(rt_spawn(&w.rt, process_reader, &a, NULL), 0);
	world_run(&w);
	assert_int_equal(a.rc, 1);
	assert_int_equal(rt_spawn(&w.rt, process_reader, &a, &other), 0);
	world_run(&w);
	assert_int_equal(a.rc, 0);
	world_close(&w);
}

static void test_rand_streams_independent(void **state)
{
	struct world w;
	struct world v;
	int i;

	(void)state;
	world_open(&w, false);
	world_open(&v, false);
	for (i = 0; i < 5; i++)
		(void)rt_rand(&v.rt, RT_STREAM_JITTER);
	assert_int_equal(rt_rand(&w.rt, RT_STREAM_PROTOCOL), rt_rand(&v.rt, RT_STREAM_PROTOCOL));
	assert_int_not_equal(rt_rand(&w.rt, RT_STREAM_JITTER), rt_rand(&v.rt, RT_STREAM_JITTER));
	world_close(&w);
	world_close(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yield_order),
		cmocka_unit_test(test_sleep_order),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_mutex_fair),
		cmocka_unit_test(test_sem),
		cmocka_unit_test(test_cond),
		cmocka_unit_test(test_big_stack_and_log),
		cmocka_unit_test(test_stack_paint),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_stacks_reused),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_iomem),
		cmocka_unit_test(test_iomem_oom),
		cmocka_unit_test(test_process_inherited),
		cmocka_unit_test(test_rand_streams_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

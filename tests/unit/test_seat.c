/* Threads that take turns in driving one loop: nobody waits for ever, nothing runs twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transports/host/seat.h"
#include "transports/local/local.h"

#define THREADS 7u
#define ROUNDS 1500u

struct bed {
	struct local_world *world;
	struct seat seat;
	struct local_stream *ls[2];
	struct cl_stream s[2];	/* only their rt is used */
	uint64_t inside;	/* touched by ULTs and those alone in the seat: no lock */
	uint64_t ran;
	atomic_uint posted;	/* tasks that nobody waits for, still to run */
	uint32_t stream_seq;
};

static void bed_open(struct bed *b, uint32_t flags)
{
	struct local_opts opts = { .flags = flags };
	uint32_t i;

	*b = (struct bed){ .stream_seq = 2 };
	assert_int_equal(local_world_create(&opts, &b->world), 0);
	seat_init(&b->seat, local_world_loop(b->world));
	for (i = 0; i < 2; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "s%u/0", i);
		assert_int_equal(local_stream_create(b->world, name, &b->ls[i]), 0);
		b->s[i].rt = local_stream_rt(b->ls[i]);
	}
}

static void bed_close(struct bed *b)
{
	uint32_t i;

	for (i = 0; i < 2; i++) {
		seat_enter(&b->seat);
		seat_drain(&b->seat, b->s[i].rt);
		assert_int_equal(local_stream_close(b->ls[i]), 0);
		seat_exit(&b->seat);
	}
	seat_wait_empty(&b->seat);
	seat_fini(&b->seat);
	local_world_destroy(b->world);
}

struct task {
	struct cl_task t;
	struct bed *b;
	uint32_t n;
	bool posted;
};

/* Of varying length, some with a sleep, so that the driver goes to sleep with work of others open. */
static void task_fn(struct cl_task *t)
{
	struct task *k = container_of(t, struct task, t);
	struct bed *b = k->b;
	uint32_t i;

	b->inside++;
	for (i = 0; i < k->n % 5; i++)
		rt_yield(t->stream->rt);
	if (k->n % 3 == 0)
		rt_sleep_ns(t->stream->rt, 20000 + k->n % 7 * 10000);
	b->inside--;
	b->ran++;
	if (k->posted) {
		(void)atomic_fetch_sub(&b->posted, 1);
		free(k);
	}
}

struct worker {
	pthread_t thread;
	struct bed *b;
	uint32_t seed;
};

static void *blocking(void *arg)
{
	struct worker *w = arg;
	uint32_t i;

	for (i = 0; i < ROUNDS; i++) {
		struct task k = { .t = { .fn = task_fn }, .b = w->b, .n = w->seed * 31 + i };

		seat_run(&w->b->seat, &w->b->s[(w->seed + i) % 2], &k.t);
	}
	return NULL;
}

static void *posting(void *arg)
{
	struct worker *w = arg;
	uint32_t i;

	for (i = 0; i < ROUNDS; i++) {
		struct task *k = calloc(1, sizeof(*k));

		if (k == NULL)
			abort();
		*k = (struct task){ .t = { .fn = task_fn }, .b = w->b, .n = i, .posted = true };
		(void)atomic_fetch_add(&w->b->posted, 1);
		seat_post(&w->b->seat, &w->b->s[i % 2], &k->t);
	}
	return NULL;
}

/* Adds streams to the loop and takes them off: alone. */
static void *alone(void *arg)
{
	struct worker *w = arg;
	struct bed *b = w->b;
	uint32_t i;

	for (i = 0; i < ROUNDS / 4; i++) {
		struct local_stream *ls;
		char name[32];

		seat_enter(&b->seat);
		(void)snprintf(name, sizeof(name), "x%u/0", b->stream_seq++);
		if (local_stream_create(b->world, name, &ls) != 0)
			abort();
		seat_exit(&b->seat);
		seat_enter(&b->seat);
		if (local_stream_close(ls) != 0)
			abort();
		seat_exit(&b->seat);
	}
	return NULL;
}

static void stress(uint32_t flags)
{
	static void *(*const fns[THREADS])(void *arg) = { blocking, blocking, blocking, blocking,
							  posting,  alone,    alone };
	struct worker w[THREADS];
	uint64_t want = 0;
	struct bed b;
	uint32_t i;

	bed_open(&b, flags);
	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .b = &b, .seed = i };
		assert_int_equal(pthread_create(&w[i].thread, NULL, fns[i], &w[i]), 0);
		want += fns[i] != alone ? ROUNDS : 0;
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
	/* What was posted goes on with the next who comes. */
	while (atomic_load(&b.posted) > 0) {
		struct worker one = { .b = &b };

		want += ROUNDS;
		(void)blocking(&one);
	}
	assert_int_equal(b.ran, want);
	assert_int_equal(b.inside, 0);
	bed_close(&b);
}

static void test_spin(void **state)
{
	(void)state;
	stress(0);
}

static void test_block(void **state)
{
	(void)state;
	stress(LOCAL_BLOCK);
}

/* From inside of a task: on the same stream a plain call, on another one a ULT that is waited for. */
struct outer {
	struct cl_task t;
	struct bed *b;
	struct task in[2];
};

static void outer_fn(struct cl_task *t)
{
	struct outer *o = container_of(t, struct outer, t);
	uint32_t i;

	assert_true(seat_inside(&o->b->seat));
	for (i = 0; i < 2; i++) {
		o->in[i] = (struct task){ .t = { .fn = task_fn }, .b = o->b, .n = 3 };
		seat_run(&o->b->seat, &o->b->s[i], &o->in[i].t);
		assert_ptr_equal(o->in[i].t.stream, &o->b->s[i]);
	}
}

static void test_nested(void **state)
{
	struct outer o = { .t = { .fn = outer_fn } };
	struct bed b;

	(void)state;
	bed_open(&b, 0);
	o.b = &b;
	assert_false(seat_inside(&b.seat));
	seat_run(&b.seat, &b.s[0], &o.t);
	assert_int_equal(b.ran, 2);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spin),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Cost of a switch and of a short life of a user-level thread, against a bare pair of
 * jump_fcontext(): there and back again. A yield is the same pair, out of the ULT and into the next.
 */
#include "core/rt/rt_drive.h"
#include "core/rt/ult_int.h"
#include "tests/bench/bench.h"

#include <stdlib.h>

#define BATCH 102400u
#define YIELDERS 16u	/* enough that a turn of the loop is mostly switches, as under load */
#define PAIR "unit=ns peer=\"a pair of jump_fcontext\""

struct stream {
	struct rt rt;
	struct arena arena;
	struct ult_stacks *stacks;
	uint64_t ran;
};

static uint64_t s_now(void *ctx)
{
	(void)ctx;
	return bench_now_ns();
}

static void *s_alloc(void *ctx, size_t bytes, size_t align)
{
	return arena_alloc(&((struct stream *)ctx)->arena, bytes, align);
}

static void s_free(void *ctx, void *ptr)
{
	arena_free(&((struct stream *)ctx)->arena, ptr);
}

static void s_entropy(void *ctx, void *dst, size_t bytes)
{
	(void)ctx;
	memset(dst, 1, bytes);
}

static const struct rt_time_ops time_ops = { .now_ns = s_now, .wall_ns = s_now };
static const struct rt_net_ops net_ops = { 0 };
static const struct rt_misc_ops misc_ops = {
	.alloc = s_alloc,
	.free = s_free,
	.entropy = s_entropy,
};

static int stream_open(struct stream *s)
{
	struct rt_ops ops = { .time = &time_ops, .net = &net_ops, .misc = &misc_ops };
	struct rt_opts opts = { .stack_bytes = 65536 };

	*s = (struct stream){ 0 };
	ops.time_ctx = ops.net_ctx = ops.misc_ctx = s;
	arena_init(&s->arena);
	s->stacks = ult_stacks_create(65536);
	if (s->stacks == NULL) {
		(void)fprintf(stderr, "no memory for stacks\n");
		return -1;
	}
	opts.stacks = s->stacks;
	rt_init(&s->rt, &ops, &opts);
	return 0;
}

static void stream_close(struct stream *s)
{
	rt_fini(&s->rt);
	ult_stacks_destroy(s->stacks);
	arena_drop(&s->arena);
}

static void yielder(void *arg)
{
	struct stream *s = arg;

	for (uint32_t i = 0; i < BATCH / YIELDERS; i++) {
		s->ran++;
		rt_yield(&s->rt);
	}
}

static void short_life(void *arg)
{
	struct stream *s = arg;

	s->ran++;
}

/* One batch of operations; the count is checked, so that a batch that ran less is no fast batch. */
static int switch_batch(struct stream *s)
{
	for (uint32_t i = 0; i < YIELDERS; i++)
		if (rt_spawn(&s->rt, yielder, s, NULL) != 0)
			return -1;
	while (rt_next_ns(&s->rt) == 0)
		(void)rt_run(&s->rt, 0);
	return 0;
}

static int spawn_batch(struct stream *s)
{
	for (uint32_t i = 0; i < BATCH; i++) {
		if (rt_spawn(&s->rt, short_life, s, NULL) != 0)
			return -1;
		(void)rt_run(&s->rt, 0);
	}
	return 0;
}

static int measure(int (*batch)(struct stream *s), struct bench_result *ret_result)
{
	struct stream s;
	uint64_t batches = 0;
	uint64_t start;
	uint64_t ns;
	int rc;

	if (stream_open(&s) != 0)
		return -1;
	rc = batch(&s);			/* warm-up */
	s.ran = 0;
	start = bench_now_ns();
	do {
		rc = rc == 0 ? batch(&s) : rc;
		batches++;
		ns = bench_now_ns() - start;
	} while (rc == 0 && ns < BENCH_ROUND_NS);
	stream_close(&s);
	if (rc != 0 || s.ran != batches * BATCH) {
		(void)fprintf(stderr, "%llu operations ran, not %llu\n", (unsigned long long)s.ran,
			      (unsigned long long)(batches * BATCH));
		return -1;
	}
	ret_result->value = (double)ns / (double)s.ran;
	return 0;
}

static int switch_us(struct bench_result *ret_result)
{
	return measure(switch_batch, ret_result);
}

static int spawn_us(struct bench_result *ret_result)
{
	return measure(spawn_batch, ret_result);
}

static void bare_loop(struct fctx_transfer t)
{
	for (;;) {
		++*(uint64_t *)t.data;
		t = jump_fcontext(t.fctx, t.data);
	}
}

static int bare_pair(struct bench_result *ret_result)
{
	char *stack = malloc(65536);
	uint64_t count = 0;
	uint64_t pairs = 0;
	struct fctx_transfer t = { 0 };
	uint64_t start;
	uint64_t ns;

	if (stack == NULL) {
		(void)fprintf(stderr, "no memory for a stack\n");
		return -1;
	}
	t.fctx = make_fcontext(stack + 65536, 65536, bare_loop);
	start = bench_now_ns();
	do {
		for (uint32_t i = 0; i < BATCH; i++)
			t = jump_fcontext(t.fctx, &count);
		pairs += BATCH;
		ns = bench_now_ns() - start;
	} while (ns < BENCH_ROUND_NS);
	free(stack);
	if (count != pairs) {
		(void)fprintf(stderr, "the context ran %llu times\n", (unsigned long long)count);
		return -1;
	}
	ret_result->value = (double)ns / (double)pairs;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct bench_row rows[] = {
		{ "ult_switch", "kind=ratio_max limit=3 " PAIR, switch_us, bare_pair },
		{ "ult_spawn", "kind=ratio_max limit=15 " PAIR, spawn_us, bare_pair },
	};

	return bench_main(rows, ARRAY_COUNT(rows), argc, argv);
}

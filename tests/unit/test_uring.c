/* The io_uring block devices: opening and locking, the contract of struct rt_io, limits. */
#include <sys/wait.h>

#include "tests/lib/blk_conformance.h"
#include "tests/unit/uring_world.h"
#include "transports/loop/os.h"

/* ---- opening ------------------------------------------------------------------------------ */

static void test_open(void **state)
{
	struct world w;
	struct stat st;
	char *a = pages(PAGE), *b = pages(PAGE);

	(void)state;
	assert_int_equal(world_make(&w, NULL), 0);
	uring_bind(w.u, &w.ops);
	assert_int_equal(dev_open(&w, 0, 0), -DER_NONEXIST);
	assert_int_equal(dev_open(&w, 0, RT_DEV_CREATE), -DER_INVAL);
	assert_int_equal(dev_open(&w, 1ull << 62, RT_DEV_CREATE), -DER_NOSPACE);
	assert_int_equal(stat(w.path, &st), -1);	/* nothing is left of what failed */

	assert_int_equal(dev_open(&w, MIB, RT_DEV_CREATE), 0);
	assert_int_equal(w.dev->bytes, MIB);
	assert_true(w.dev->align >= 512 && (w.dev->align & (w.dev->align - 1)) == 0);
	assert_int_equal(stat(w.path, &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 >= MIB);	/* reserved, not sparse */
	gen_fill(1, 0, a, PAGE);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 8192, a, PAGE), 0);
	dev_close(&w);

	/* What exists keeps its size and content. */
	assert_int_equal(dev_open(&w, 4 * MIB, RT_DEV_CREATE), 0);
	assert_int_equal(w.dev->bytes, MIB);
	assert_int_equal(op_run(&w, RT_IO_READ, 8192, b, PAGE), 0);
	assert_memory_equal(a, b, PAGE);
	dev_close(&w);

	assert_int_equal(dev_open(&w, 0, RT_DEV_RDONLY), 0);
	assert_int_equal(op_run(&w, RT_IO_READ, 8192, b, PAGE), 0);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, b, PAGE), -DER_NO_PERM);
	assert_int_equal(op_run(&w, RT_IO_FLUSH, 0, NULL, 0), -DER_NO_PERM);
	dev_close(&w);

	/* A file whose making was cut short is made anew, but only by who may create. */
	assert_int_equal(truncate(w.path, 0), 0);
	assert_int_equal(dev_open(&w, 0, 0), -DER_INVAL);
	assert_int_equal(dev_open(&w, MIB, RT_DEV_CREATE), 0);
	assert_int_equal(w.dev->bytes, MIB);
	dev_close(&w);

	snprintf(w.path, sizeof(w.path), "%s", dir);
	assert_int_equal(dev_open(&w, 0, 0), -DER_INVAL);
	snprintf(w.path, sizeof(w.path), "/dev/null");
	assert_int_equal(dev_open(&w, 0, 0), -DER_INVAL);
	snprintf(w.path, sizeof(w.path), "%s/dev", dir);
	free(a);
	free(b);
	world_close(&w);
}

static void test_lock(void **state)
{
	struct rt_dev *second;
	struct world w;
	int pid = 0, status;
	pid_t child;

	(void)state;
	world_open(&w, NULL, MIB);
	assert_int_equal(w.ops.blk->dev_open(w.ops.blk_ctx, w.path, 0, 0, &second), -DER_BUSY);
	assert_int_equal(w.ops.blk->dev_open(w.ops.blk_ctx, w.path, MIB, RT_DEV_CREATE, &second),
			 -DER_BUSY);
	assert_int_equal(w.ops.blk->dev_open(w.ops.blk_ctx, w.path, 0, RT_DEV_RDONLY, &second),
			 -DER_BUSY);
	assert_int_equal(access(w.path, F_OK), 0);
	assert_int_equal(uring_dev_owner(w.path, &pid), 0);
	assert_int_equal(pid, getpid());

	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct world other;
		int rc = world_make(&other, NULL);

		uring_bind(other.u, &other.ops);
		if (rc == 0)
			rc = dev_open(&other, 0, 0);
		_exit(rc == -DER_BUSY && uring_dev_owner(other.path, &pid) == 0 && pid == getppid()
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);

	dev_close(&w);
	assert_int_equal(uring_dev_owner(w.path, &pid), -DER_NONEXIST);
	assert_int_equal(dev_open(&w, 0, 0), 0);
	world_close(&w);
}

/* ---- transfers ---------------------------------------------------------------------------- */

static void test_invalid(void **state)
{
	struct world w;
	struct op op = { 0 };
	char *p = pages(2 * PAGE);
	struct bseg seg, runs[4];
	struct bsink sink;

	(void)state;
	bsink_init(&sink, PAGE, runs, 4);
	world_open(&w, NULL, MIB);
	assert_int_equal(op_run(&w, RT_IO_READ, 1, p, PAGE), -DER_INVAL);
	assert_int_equal(op_run(&w, RT_IO_WRITE, w.dev->align / 2, p, PAGE), -DER_INVAL);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, p, PAGE - 1), -DER_INVAL);
	assert_int_equal(op_run(&w, RT_IO_READ, MIB, p, PAGE), -DER_INVAL);
	assert_int_equal(op_run(&w, RT_IO_WRITE, MIB - PAGE, p, 2 * PAGE), -DER_INVAL);
	assert_int_equal(op_run(&w, RT_IO_WRITE, -(uint64_t)PAGE, p, 2 * PAGE), -DER_INVAL);
	assert_int_equal(op_run(&w, RT_IO_TRIM, 0, p, 100), -DER_INVAL);
	assert_int_equal(op_run(&w, 0, 0, p, PAGE), -DER_INVAL);
	assert_int_equal(op_run(&w, 9, 0, p, PAGE), -DER_INVAL);
	op.io.op = RT_IO_WRITE;
	op.io.off = 0;
	op.io.buf = buf_from_sink(&seg, &sink, 0, PAGE);
	assert_int_equal(op_submit(&w, &op), -DER_INVAL);
	op.io.op = RT_IO_READ;
	assert_int_equal(op_submit(&w, &op), -DER_INVAL);
	op.io.buf = buf_from_gen(&seg, 7, 0, PAGE);
	assert_int_equal(op_submit(&w, &op), -DER_INVAL);
	assert_int_equal(uring_poll(w.u), 0);
	assert_int_equal(op.runs, 0);
	assert_int_equal(op_run(&w, RT_IO_READ, MIB, p, 0), 0);
	free(p);
	world_close(&w);
}

/* Cut [ptr, ptr + bytes) into up to @cap segments; multiples of @grain. */
static struct buf cut(struct prng *rnd, char *ptr, uint64_t bytes, uint64_t grain,
		      struct bseg *segs, uint32_t cap)
{
	struct buf buf = { .segs = segs, .bytes = bytes };
	uint64_t at = 0, len;

	while (at < bytes) {
		len = grain * (1 + prng_below(rnd, 9));
		if (buf.nr + 1 == cap || len > bytes - at)
			len = bytes - at;
		segs[buf.nr++] = (struct bseg){ .kind = BSEG_BYTES, .ptr = ptr + at, .bytes = len };
		at += len;
	}
	return buf;
}

/* Random transfers of all layouts against a plain array. */
static void random_transfers(struct world *w, uint64_t seed, int rounds)
{
	enum { SEGS = 700 };
	uint64_t dev_bytes = w->dev->bytes, align = w->dev->align, off, len, grain;
	char *model = calloc(1, dev_bytes), *mem = pages(2 * MIB), *base;
	struct bseg *segs = calloc(SEGS, sizeof(*segs));
	struct op op = { 0 };
	struct prng rnd;
	int i;

	prng_seed(&rnd, seed);
	assert_int_equal(op_run(w, RT_IO_WRITE, 0, model, dev_bytes), 0);
	for (i = 0; i < rounds; i++) {
		len = align * (1 + prng_below(&rnd, prng_below(&rnd, 4) == 0 ? MIB / align : 16));
		off = align * prng_below(&rnd, (dev_bytes - len) / align + 1);
		base = mem + (prng_below(&rnd, 2) == 0 ? 0 : prng_below(&rnd, PAGE));
		grain = prng_below(&rnd, 2) == 0 ? align : 1 + prng_below(&rnd, 5000);
		op.io.off = off;
		op.io.op = prng_below(&rnd, 2) == 0 ? RT_IO_READ : RT_IO_WRITE;
		op.io.buf = cut(&rnd, base, len, grain, segs, SEGS);
		if (op.io.op == RT_IO_WRITE) {
			gen_fill(seed + (uint64_t)i, off, base, len);
			memcpy(model + off, base, len);
		}
		assert_int_equal(op_submit(w, &op), 0);
		assert_int_equal(op_wait(w, &op), 0);
		assert_memory_equal(base, model + off, len);
	}
	base = pages(dev_bytes);
	assert_int_equal(op_run(w, RT_IO_READ, 0, base, dev_bytes), 0);
	assert_memory_equal(base, model, dev_bytes);
	free(base);
	free(segs);
	free(mem);
	free(model);
}

static void test_random(void **state)
{
	struct uring_opts opts = { .bounce_bytes = 16384, .bounce_count = 2 };
	struct world w;

	(void)state;
	world_open(&w, &opts, 4 * MIB);
	assert_true(info(&w).direct);
	random_transfers(&w, 11, 150);
	assert_true(stats(&w).bounced > 0);
	world_close(&w);

	opts.flags = URING_BUFFERED;
	world_open(&w, &opts, 4 * MIB);
	assert_false(info(&w).direct);
	assert_int_equal(info(&w).mem_align, 1);
	random_transfers(&w, 12, 150);
	assert_int_equal(stats(&w).bounced, 0);
	world_close(&w);
}

/* Whatever the file system of /dev/shm says of O_DIRECT, its files serve. */
static void test_memory_fs(void **state)
{
	struct world w;

	(void)state;
	assert_int_equal(world_make(&w, NULL), 0);
	uring_bind(w.u, &w.ops);
	snprintf(w.path, sizeof(w.path), "/dev/shm/test_uring.%d", getpid());
	assert_int_equal(dev_open(&w, MIB, RT_DEV_CREATE), 0);
	random_transfers(&w, 13, 30);
	assert_int_equal(op_run(&w, RT_IO_FLUSH, 0, NULL, 0), 0);
	world_close(&w);
}

/* ---- batches and limits ------------------------------------------------------------------- */

static void batch_run(struct world *w, struct op *ops, uint32_t nr, char *mem, size_t stride,
		      enum rt_io_op kind)
{
	uint64_t before = op_order;
	uint32_t i;

	for (i = 0; i < nr; i++)
		assert_int_equal(op_start(w, &ops[i], kind, i * PAGE, mem + i * stride, PAGE), 0);
	assert_int_equal(op_order, before);
	for (i = 0; i < nr; i++)
		assert_int_equal(op_wait(w, &ops[i]), 0);
	assert_int_equal(op_order, before + nr);
	assert_int_equal(uring_poll(w->u), 0);
	assert_true(uring_arm(w->u));
}

static void test_batch(void **state)
{
	struct op ops[64] = { 0 };
	char *mem = pages(64 * PAGE), *back = pages(64 * PAGE);
	struct world w;
	uint32_t i;

	(void)state;
	gen_fill(3, 0, mem, 64 * PAGE);
	world_open(&w, NULL, MIB);
	for (i = 0; i < 64; i++)
		assert_int_equal(op_start(&w, &ops[i], RT_IO_WRITE, i * PAGE, mem + i * PAGE, PAGE),
				 0);
	assert_int_equal(stats(&w).enters, 0);
	assert_false(uring_arm(w.u));
	(void)uring_poll(w.u);
	assert_int_equal(stats(&w).enters, 1);
	assert_int_equal(stats(&w).sqes, 64);
	for (i = 0; i < 64; i++)
		assert_int_equal(op_wait(&w, &ops[i]), 0);
	batch_run(&w, ops, 64, back, PAGE, RT_IO_READ);
	assert_memory_equal(mem, back, 64 * PAGE);
	free(mem);
	free(back);
	world_close(&w);
}

static void test_full_ring(void **state)
{
	struct uring_opts opts = { .depth = 4 };
	struct op *ops = calloc(250, sizeof(*ops));
	char *mem = pages(250 * PAGE), *back = pages(250 * PAGE);
	struct world w;

	(void)state;
	gen_fill(4, 0, mem, 250 * PAGE);
	world_open(&w, &opts, MIB);
	batch_run(&w, ops, 250, mem, PAGE, RT_IO_WRITE);
	assert_true(stats(&w).enters >= 250 / 4);
	batch_run(&w, ops, 250, back, PAGE, RT_IO_READ);
	assert_memory_equal(mem, back, 250 * PAGE);
	free(ops);
	free(mem);
	free(back);
	world_close(&w);
}

/* One bounce buffer and 100 requests that each need it; aligned ones are not held up. */
static void test_bounce_limit(void **state)
{
	struct uring_opts opts = { .bounce_bytes = PAGE, .bounce_count = 1 };
	struct op *ops = calloc(100, sizeof(*ops)), plain = { 0 };
	char *mem = pages(101 * PAGE), *back = pages(101 * PAGE), *big = pages(16 * PAGE);
	struct world w;
	uint32_t i;

	(void)state;
	gen_fill(5, 0, mem + 3, 100 * PAGE);
	world_open(&w, &opts, MIB);
	batch_run(&w, ops, 100, mem + 3, PAGE, RT_IO_WRITE);
	assert_int_equal(stats(&w).bounce_made, 1);
	assert_true(stats(&w).bounce_waits > 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(
			op_start(&w, &ops[i], RT_IO_READ, i * PAGE, back + 3 + i * PAGE, PAGE), 0);
	assert_int_equal(op_start(&w, &plain, RT_IO_READ, 0, big, PAGE), 0);
	assert_int_equal(op_wait(&w, &plain), 0);
	assert_int_equal(ops[99].runs, 0);
	assert_int_equal(op_wait(&w, &ops[99]), 0);
	assert_memory_equal(mem + 3, back + 3, 100 * PAGE);
	assert_memory_equal(mem + 3, big, PAGE);

	/* Larger than the buffer: in steps. */
	assert_int_equal(op_run(&w, RT_IO_READ, PAGE, big + 1, 15 * PAGE), 0);
	assert_memory_equal(mem + 3 + PAGE, big + 1, 15 * PAGE);
	assert_int_equal(stats(&w).bounce_made, 1);
	free(ops);
	free(mem);
	free(back);
	free(big);
	world_close(&w);
}

static void test_registered(void **state)
{
	char *a = pages(MIB), *b = pages(MIB), *c = pages(MIB);
	struct world w;
	int i;

	(void)state;
	world_open(&w, NULL, MIB);
	for (i = 0; i < 3; i++) {
		assert_int_equal(w.ops.blk->mem_add(w.ops.blk_ctx, b, MIB), 0);
		assert_int_equal(w.ops.blk->mem_add(w.ops.blk_ctx, a, MIB), 0);
		assert_int_equal(stats(&w).mem_refused, 0);
		registered_io(&w, a, true);
		registered_io(&w, b + MIB - 8 * PAGE, true);
		registered_io(&w, c, false);
		w.ops.blk->mem_del(w.ops.blk_ctx, b, MIB);
		registered_io(&w, a, true);
		registered_io(&w, b, false);
		w.ops.blk->mem_del(w.ops.blk_ctx, a, MIB);
		registered_io(&w, a, false);
	}
	/* More pieces than the table has room for: the rest is used unregistered. */
	for (i = 0; i < (int)URING_CHUNKS_MAX; i++)
		assert_int_equal(uring_mem_add(w.u, a + i * 512, 512), 0);
	assert_int_equal(stats(&w).mem_refused, 0);
	assert_int_equal(uring_mem_add(w.u, b, MIB), 0);
	assert_int_equal(stats(&w).mem_refused, 1);
	registered_io(&w, b, false);
	uring_mem_del(w.u, b, MIB);
	for (i = 0; i < (int)URING_CHUNKS_MAX; i++)
		uring_mem_del(w.u, a + i * 512, 512);
	assert_int_equal(w.u->chunk_nr, 0);
	world_close(&w);
	free(a);
	free(b);
	free(c);
}

/* ---- the suite of all block backends, on a stream's loop ---------------------------------- */

struct stream {
	struct os_misc misc;
	struct loop loop;
	struct loop_stream on_loop;
	struct loop_src src;
	struct rt rt;
	struct ult_stacks *stacks;
	struct uring *u;
	const struct uring_opts *opts;
	char path[128];
};

static void stream_open(void *arg, struct blk_conf *ret_conf)
{
	struct rt_ops ops = { .time = &os_time_ops, .misc = &os_misc_ops };
	struct rt_opts opts = { .stack_bytes = 65536 };
	struct stream *s = arg;

	os_misc_init(&s->misc, NULL);
	ops.misc_ctx = &s->misc;
	assert_int_equal(uring_create(&ops, s->opts, &s->u), 0);
	uring_bind(s->u, &ops);
	opts.stacks = s->stacks = ult_stacks_create(65536);
	rt_init(&s->rt, &ops, &opts);
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	loop_stream_add(&s->loop, &s->on_loop, &s->rt);
	s->src = (struct loop_src){ .ops = &uring_src_ops, .ctx = s->u };
	assert_int_equal(loop_src_add(&s->on_loop, &s->src, LOOP_SRC_BLK), 0);
	snprintf(s->path, sizeof(s->path), "%s/conf", dir);
	(void)unlink(s->path);
	*ret_conf = (struct blk_conf){
		.rt = &s->rt,
		.name = s->path,
		.bytes = 8 * MIB,
		.ctx = s,
	};
}

static void stream_post(struct blk_conf *c, void (*fn)(struct rt *rt, void *arg), void *arg)
{
	fn(c->rt, arg);
}

static bool stream_drive(struct blk_conf *c, bool (*pred)(void *arg), void *arg)
{
	struct stream *s = c->ctx;

	return loop_run_until(&s->loop, pred, arg, os_mono_ns() + 60000000000ull) == 0;
}

static bool nobody_lives(void *arg)
{
	return ((struct stream *)arg)->rt.ult_count == 0;
}

static int stream_close(struct blk_conf *c)
{
	struct stream *s = c->ctx;

	assert_int_equal(loop_run_until(&s->loop, nobody_lives, s, RT_NEVER), 0);
	loop_src_del(&s->src);
	loop_stream_del(&s->on_loop);
	rt_fini(&s->rt);
	loop_fini(&s->loop);
	uring_destroy(s->u);
	ult_stacks_destroy(s->stacks);
	(void)unlink(s->path);
	return os_misc_fini(&s->misc) == 0 ? 0 : -1;
}

static void test_conformance(void **state)
{
	static const struct uring_opts kinds[] = {
		{ 0 },
		{ .flags = URING_BUFFERED },
		{ .flags = URING_ANY_THREAD, .depth = 2, .bounce_bytes = 4096, .bounce_count = 1 },
	};
	struct stream s = { 0 };
	struct blk_conf_factory f = {
		.arg = &s,
		.open = stream_open,
		.post = stream_post,
		.drive = stream_drive,
		.close = stream_close,
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		s = (struct stream){ .opts = &kinds[i] };
		blk_conformance_run(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_memory_fs),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_bounce_limit),
		cmocka_unit_test(test_registered),
		cmocka_unit_test(test_conformance),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}

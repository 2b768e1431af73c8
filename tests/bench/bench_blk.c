/*
 * A file on the disk through the seam, 32 ULTs that each wait for their own transfer, against fio's
 * io_uring engine at the same depth, size and file, with registered buffers on both sides.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "transports/loop/loop.h"
#include "transports/loop/os.h"
#include "transports/uring/uring.h"

#define DEPTH 32u
#define FILE_BYTES (256ull << 20)
#define WARM_NS 200000000ull
#define GEN 42u

/** What a row moves. */
struct work {
	enum rt_io_op op;
	uint32_t bytes;
	bool random;
	const char *fio_rw;
};

static const struct work seq_read = { RT_IO_READ, 128u << 10, false, "read" };
static const struct work seq_write = { RT_IO_WRITE, 128u << 10, false, "write" };
static const struct work rand_read = { RT_IO_READ, 4096, true, "randread" };
static const struct work rand_write = { RT_IO_WRITE, 4096, true, "randwrite" };

struct bench {
	const struct work *work;
	struct os_misc misc;
	struct loop loop;
	struct loop_stream on_loop;
	struct loop_src src;
	struct rt rt;
	struct ult_stacks *stacks;
	struct uring *u;
	struct rt_dev *dev;
	char path[128];
	uint64_t next;		/* sequential: the next block */
	uint64_t count;
	uint64_t until_ns;
	uint64_t checked;
	int rc;
};

static int bench_open(struct bench *b, const struct work *work)
{
	struct rt_ops ops = { .time = &os_time_ops, .misc = &os_misc_ops };
	struct rt_opts opts = { .stack_bytes = 65536 };
	int rc;

	*b = (struct bench){ .work = work };
	os_misc_init(&b->misc, NULL);
	ops.misc_ctx = &b->misc;
	rc = uring_create(&ops, NULL, &b->u);
	if (rc != 0) {
		(void)fprintf(stderr, "bench_blk: %s\n", uring_strerror(rc));
		return rc;
	}
	uring_bind(b->u, &ops);
	opts.stacks = b->stacks = ult_stacks_create(65536);
	rt_init(&b->rt, &ops, &opts);
	rc = loop_init(&b->loop, NULL);
	if (rc != 0)
		return rc;
	loop_stream_add(&b->loop, &b->on_loop, &b->rt);
	b->src = (struct loop_src){ .ops = &uring_src_ops, .ctx = b->u };
	rc = loop_src_add(&b->on_loop, &b->src, LOOP_SRC_BLK);
	if (rc != 0)
		return rc;
	(void)snprintf(b->path, sizeof(b->path), "/var/tmp/gemel_bench_blk.%d", (int)getpid());
	rc = rt_dev_open(&b->rt, b->path, FILE_BYTES, RT_DEV_CREATE, &b->dev);
	if (rc != 0)
		(void)fprintf(stderr, "bench_blk: %s: %s\n", b->path, err_name(rc));
	return rc;
}

static void bench_close(struct bench *b)
{
	rt_dev_close(&b->rt, b->dev);
	loop_src_del(&b->src);
	loop_stream_del(&b->on_loop);
	rt_fini(&b->rt);
	loop_fini(&b->loop);
	uring_destroy(b->u);
	ult_stacks_destroy(b->stacks);
	(void)os_misc_fini(&b->misc);
	(void)unlink(b->path);
}

static bool nobody_lives(void *arg)
{
	return ((struct bench *)arg)->rt.ult_count == 0;
}

static int ults_run(struct bench *b, void (*fn)(void *arg), uint32_t nr)
{
	uint32_t i;

	b->rc = 0;
	for (i = 0; i < nr && b->rc == 0; i++)
		b->rc = rt_spawn(&b->rt, fn, b, NULL);
	(void)loop_run_until(&b->loop, nobody_lives, b, RT_NEVER);	/* all of them end */
	if (b->rc != 0)
		(void)fprintf(stderr, "bench_blk: %s\n", err_name(b->rc));
	return b->rc;
}

/* Content for the whole file, durable, so that both sides read and overwrite written blocks. */
static void fill_ult(void *arg)
{
	const uint64_t step = 4u << 20;
	struct bench *b = arg;
	struct bseg seg;
	struct buf buf;
	uint64_t off;
	void *mem = rt_iomem_get(&b->rt, step);

	if (mem == NULL)
		b->rc = -DER_NOMEM;
	for (off = 0; b->rc == 0 && off < FILE_BYTES; off += step) {
		gen_fill(GEN, off, mem, step);
		buf = buf_from_bytes(&seg, mem, step);
		b->rc = rt_io(&b->rt, b->dev, RT_IO_WRITE, off, &buf);
	}
	if (b->rc == 0)
		b->rc = rt_io(&b->rt, b->dev, RT_IO_FLUSH, 0, NULL);
	rt_iomem_put(&b->rt, mem, step);
}

static void work_ult(void *arg)
{
	struct bench *b = arg;
	const struct work *w = b->work;
	uint64_t blocks = FILE_BYTES / w->bytes, block;
	uint8_t *mem = rt_iomem_get(&b->rt, w->bytes), *want = rt_alloc(&b->rt, w->bytes);
	struct bseg seg;
	struct buf buf = buf_from_bytes(&seg, mem, w->bytes);
	int rc = mem != NULL && want != NULL ? 0 : -DER_NOMEM;

	while (rc == 0 && b->rc == 0 && rt_now_ns(&b->rt) < b->until_ns) {
		block = w->random ? rt_rand(&b->rt, RT_STREAM_TEST) % blocks : b->next++ % blocks;
		if (w->op == RT_IO_WRITE)
			memcpy(mem, &block, sizeof(block));
		rc = rt_io(&b->rt, b->dev, w->op, block * w->bytes, &buf);
		b->count++;
		if (w->op == RT_IO_READ && b->count % 1000 == 1) {
			gen_fill(GEN, block * w->bytes, want, w->bytes);
			if (memcmp(mem, want, w->bytes) != 0)
				rc = -DER_CSUM;
			b->checked++;
		}
	}
	if (rc != 0)
		b->rc = rc;
	rt_iomem_put(&b->rt, mem, w->bytes);
	rt_free(&b->rt, want);
}

static int run_us(const struct work *w, struct bench_result *ret_result)
{
	struct uring_dev_info info;
	struct uring_stats st;
	uint64_t start, cpu;
	struct bench b;
	int rc;

	rc = bench_open(&b, w);
	if (rc != 0)
		return rc;
	rc = ults_run(&b, fill_ult, 1);
	b.until_ns = bench_now_ns() + WARM_NS;
	if (rc == 0)
		rc = ults_run(&b, work_ult, DEPTH);
	b.count = 0;
	start = bench_now_ns();
	cpu = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	b.until_ns = start + 2 * BENCH_ROUND_NS;
	if (rc == 0)
		rc = ults_run(&b, work_ult, DEPTH);
	cpu = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	start = bench_now_ns() - start;
	if (rc == 0 && b.count > 0) {
		uring_dev_query(b.dev, &info);
		uring_query(b.u, &st);
		ret_result->value = (double)b.count / ((double)start / 1e9);
		if (!w->random)
			ret_result->value *= (double)w->bytes / (1 << 20);
		ret_result->cpu_us_per_op = (double)cpu / 1e3 / (double)b.count;
		(void)snprintf(ret_result->note, sizeof(ret_result->note),
			       "%s, %.1f operations per system call, %.0f%% fixed",
			       info.direct ? "direct" : "buffered",
			       (double)st.sqes / (double)st.enters,
			       100.0 * (double)st.fixed / (double)st.sqes);
	}
	bench_close(&b);
	return rc;
}

/* fio's "terse" line, version 3: from field 6 on reads, from field 47 on writes: KiB in all, KiB/s,
 * operations/s, ms; fields 88 and 89 the CPU in percent, as "1.5%". */
static int fio_parse(char *line, const struct work *w, struct bench_result *ret_result)
{
	double field[90] = { 0 }, cpu;
	char *at = line, *word;
	int nr = 0, base = w->op == RT_IO_READ ? 6 : 47;

	while ((word = strsep(&at, ";")) != NULL && nr < 89)
		field[++nr] = strtod(word, NULL);
	if (nr < 89 || field[5] != 0 || field[base + 2] <= 0)
		return -1;
	ret_result->value = w->random ? field[base + 2] : field[base + 1] / 1024;
	cpu = (field[88] + field[89]) / 100;
	ret_result->cpu_us_per_op = cpu * 1e6 / field[base + 2];
	return 0;
}

static int run_peer(const struct work *w, struct bench_result *ret_result)
{
	struct bench b;
	char cmd[512], line[4096];
	bool direct = false;
	FILE *f;
	int rc;

	rc = bench_open(&b, w);
	if (rc != 0)
		return rc;
	rc = ults_run(&b, fill_ult, 1);
	if (rc == 0) {
		struct uring_dev_info info;

		uring_dev_query(b.dev, &info);
		direct = info.direct;
	}
	(void)snprintf(cmd, sizeof(cmd),
		       "fio --name=peer --filename=%s --size=%llu --ioengine=io_uring --direct=%d "
		       "--fixedbufs=1 --registerfiles=1 --iodepth=%u --iodepth_batch_submit=%u "
		       "--iodepth_batch_complete_min=1 --iodepth_batch_complete_max=%u "
		       "--rw=%s --bs=%u --norandommap=1 --randrepeat=0 --time_based=1 "
		       "--ramp_time=200ms --runtime=1 --thread=1 "
		       "--output-format=terse --terse-version=3 2>/dev/null",
		       b.path, (unsigned long long)FILE_BYTES, direct, DEPTH, DEPTH, DEPTH,
		       w->fio_rw, w->bytes);
	f = rc == 0 ? popen(cmd, "r") : NULL;
	if (f != NULL) {
		rc = -1;
		while (fgets(line, sizeof(line), f) != NULL)
			if (line[0] == '3' && line[1] == ';')
				rc = fio_parse(line, w, ret_result);
		if (pclose(f) != 0)
			rc = -1;
	}
	if (f == NULL || rc != 0)
		(void)fprintf(stderr, "bench_blk: fio did not measure (is it installed?)\n");
	bench_close(&b);
	return rc != 0 || f == NULL ? -1 : 0;
}

#define ROW(name)                                                                                  \
	static int name##_us(struct bench_result *ret_result)                                      \
	{                                                                                          \
		return run_us(&name, ret_result);                                                  \
	}                                                                                          \
	static int name##_peer(struct bench_result *ret_result)                                    \
	{                                                                                          \
		return run_peer(&name, ret_result);                                                \
	}

ROW(seq_read)
ROW(seq_write)
ROW(rand_read)
ROW(rand_write)

#define LIMIT "kind=ratio_min limit=0.95 unit="
#define PEER "peer=\"fio, io_uring, registered buffers and files\""

int main(int argc, char **argv)
{
	static const struct bench_row rows[] = {
		{ "blk_seq", LIMIT "MiB/s " PEER, seq_read_us, seq_read_peer },
		{ "blk_rand", LIMIT "op/s " PEER, rand_read_us, rand_read_peer },
		{ "blk_seq_write", LIMIT "MiB/s " PEER, seq_write_us, seq_write_peer },
		{ "blk_rand_write", LIMIT "op/s " PEER, rand_write_us, rand_write_peer },
	};

	return bench_main(rows, ARRAY_COUNT(rows), argc, argv);
}

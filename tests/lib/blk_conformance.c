#include "tests/lib/blk_conformance.h"

#include <stdatomic.h>
#include <stdio.h>

#define REGION_BYTES (1u << 20)
#define WAIT_NS 20000000000ull

struct device {
	struct blk_conf conf;
	const struct blk_conf_factory *f;
	struct rt *rt;
	struct rt_dev *dev;
	uint32_t align;
	void (*script)(struct device *d);
	atomic_bool finished;
};

static void *take(struct device *d, size_t bytes)
{
	void *p = rt_alloc(d->rt, bytes);

	ASSERT(p != NULL);
	return p;
}

static int open_dev(struct device *d, uint32_t flags)
{
	return rt_dev_open(d->rt, d->conf.name, d->conf.bytes, flags, &d->dev);
}

static void close_dev(struct device *d)
{
	rt_dev_close(d->rt, d->dev);
	d->dev = NULL;
}

static int rw(struct device *d, enum rt_io_op op, uint64_t off, void *mem, uint64_t bytes)
{
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, bytes);

	return rt_io(d->rt, d->dev, op, off, &b);
}

static void write_ok(struct device *d, uint64_t off, void *mem, uint64_t bytes)
{
	int rc = rw(d, RT_IO_WRITE, off, mem, bytes);

	ASSERT(rc == 0);
}

static void read_ok(struct device *d, uint64_t off, void *mem, uint64_t bytes)
{
	int rc = rw(d, RT_IO_READ, off, mem, bytes);

	ASSERT(rc == 0);
}

static void flush_ok(struct device *d)
{
	int rc = rt_io(d->rt, d->dev, RT_IO_FLUSH, 0, NULL);

	ASSERT(rc == 0);
}

static void noise(uint8_t *p, uint64_t seed, uint64_t bytes)
{
	gen_fill(seed | 1, 0, p, bytes);
}

/* ---- cases -------------------------------------------------------------------------------- */

static void case_open(struct device *d)
{
	struct rt_dev *first = d->dev, *second = NULL;
	int rc;

	ASSERT(first->bytes >= d->conf.bytes && first->bytes % first->align == 0);
	ASSERT(first->align >= 512 && (first->align & (first->align - 1)) == 0);
	rc = rt_dev_open(d->rt, d->conf.name, d->conf.bytes, 0, &second);
	ASSERT(rc == -DER_BUSY && second == NULL);
	close_dev(d);
	rc = open_dev(d, 0);	/* the lock went with it */
	ASSERT(rc == 0 && d->dev->bytes >= d->conf.bytes);
	if (!(d->f->flags & BLK_CONF_EXISTS)) {
		char name[512];
		int n = snprintf(name, sizeof(name), "%s.absent", d->conf.name);

		ASSERT(n > 0 && (size_t)n < sizeof(name));
		rc = rt_dev_open(d->rt, name, d->conf.bytes, 0, &second);
		ASSERT(rc == -DER_NONEXIST);
	}
}

static void case_fresh(struct device *d)
{
	uint8_t *mem = take(d, REGION_BYTES);

	if (!(d->f->flags & BLK_CONF_EXISTS)) {
		memset(mem, 0xff, REGION_BYTES);
		read_ok(d, d->dev->bytes - REGION_BYTES, mem, REGION_BYTES);
		for (uint32_t i = 0; i < REGION_BYTES; i++)
			ASSERT(mem[i] == 0);
	}
	rt_free(d->rt, mem);
}

static void case_rw(struct device *d)
{
	uint64_t a = d->align, last = d->dev->bytes - a;
	uint8_t *w = take(d, REGION_BYTES), *r = take(d, REGION_BYTES);
	uint8_t *pooled = rt_iomem_get(d->rt, 65536);
	int rc;

	ASSERT(pooled != NULL);
	noise(w, 1, REGION_BYTES);
	write_ok(d, 0, w, a);
	write_ok(d, last, w + a, a);
	write_ok(d, REGION_BYTES - a, w, REGION_BYTES - a);
	memcpy(pooled, w, 65536);
	write_ok(d, 2 * REGION_BYTES, pooled, 65536);
	flush_ok(d);
	close_dev(d);
	rc = open_dev(d, 0);
	ASSERT(rc == 0);
	read_ok(d, 0, r, a);
	ASSERT(memcmp(r, w, a) == 0);
	read_ok(d, last, r, a);
	ASSERT(memcmp(r, w + a, a) == 0);
	read_ok(d, REGION_BYTES - a, r, REGION_BYTES - a);
	ASSERT(memcmp(r, w, REGION_BYTES - a) == 0);
	memset(pooled, 0, 65536);
	read_ok(d, 2 * REGION_BYTES, pooled, 65536);
	ASSERT(memcmp(pooled, w, 65536) == 0);
	rt_iomem_put(d->rt, pooled, 65536);
	rt_free(d->rt, w);
	rt_free(d->rt, r);
}

/* Segments of any length and address, as long as their sum is aligned. */
static void case_segments(struct device *d)
{
	static const uint32_t cuts[] = { 0, 1, 513, 4096, 4097, 9000, 65536 };
	uint8_t *w = take(d, 65536 + 16), *r = take(d, 65536 + 16);
	struct bseg segs[ARRAY_COUNT(cuts)];
	struct buf b = { .segs = segs, .nr = ARRAY_COUNT(cuts) - 1, .bytes = 65536 };
	int rc;

	noise(w, 2, 65536 + 16);
	for (uint32_t i = 0; i + 1 < ARRAY_COUNT(cuts); i++)
		(void)buf_from_bytes(&segs[i], w + 3 + cuts[i], cuts[i + 1] - cuts[i]);
	rc = rt_io(d->rt, d->dev, RT_IO_WRITE, REGION_BYTES, &b);
	ASSERT(rc == 0);
	read_ok(d, REGION_BYTES, r, 65536);
	ASSERT(memcmp(r, w + 3, 65536) == 0);
	memset(r, 0, 65536 + 16);
	for (uint32_t i = 0; i + 1 < ARRAY_COUNT(cuts); i++)
		(void)buf_from_bytes(&segs[i], r + 5 + cuts[i], cuts[i + 1] - cuts[i]);
	rc = rt_io(d->rt, d->dev, RT_IO_READ, REGION_BYTES, &b);
	ASSERT(rc == 0 && memcmp(r + 5, w + 3, 65536) == 0);
	rt_free(d->rt, w);
	rt_free(d->rt, r);
}

static void case_limits(struct device *d)
{
	uint64_t a = d->align, end = d->dev->bytes;
	uint8_t *mem = take(d, 2 * a), *back = take(d, 2 * a);

	noise(mem, 3, 2 * a);
	write_ok(d, end - 2 * a, mem, 2 * a);
	for (int op = RT_IO_READ; op <= RT_IO_WRITE; op++) {
		enum rt_io_op o = (enum rt_io_op)op;

		ASSERT(rw(d, o, 1, mem, a) == -DER_INVAL);
		ASSERT(rw(d, o, 0, mem, a - 1) == -DER_INVAL);
		ASSERT(rw(d, o, end, mem, a) == -DER_INVAL);
		ASSERT(rw(d, o, end - a, mem, 2 * a) == -DER_INVAL);
		ASSERT(rw(d, o, UINT64_MAX - a + 1, mem, a) == -DER_INVAL);
	}
	read_ok(d, end - 2 * a, back, 2 * a);
	ASSERT(memcmp(back, mem, 2 * a) == 0);
	rt_free(d->rt, mem);
	rt_free(d->rt, back);
}

struct one_io {
	struct rt_io io;
	struct rt_event ev;
	struct rt *rt;
	struct bseg seg;
	uint32_t dones;
	bool submitting;
	int rc;
};

static void one_done(struct rt_io *io, int rc)
{
	struct one_io *o = container_of(io, struct one_io, io);

	ASSERT(!o->submitting && o->dones == 0 && o->rt->current == NULL);
	o->dones++;
	o->rc = rc;
	rt_event_set(o->rt, &o->ev, 0);
}

static void one_start(struct device *d, struct one_io *o)
{
	int rc;

	o->rt = d->rt;
	o->io.done = one_done;
	o->io.dev = d->dev;
	rt_event_init(&o->ev);
	do {
		o->submitting = true;
		rc = rt_io_submit(d->rt, &o->io);
		o->submitting = false;
		if (rc == -DER_AGAIN)
			rt_yield(d->rt);
	} while (rc == -DER_AGAIN);
	ASSERT(rc == 0);
}

static void one_wait(struct one_io *o)
{
	int rc = rt_event_wait(o->rt, &o->ev, rt_now_ns(o->rt) + WAIT_NS);

	ASSERT(rc == 0 && o->dones == 1 && o->rc == 0);
}

static void case_many(struct device *d)
{
	const uint32_t count = 200;
	uint64_t a = d->align;
	struct one_io *ios = take(d, (count + 1) * sizeof(*ios));
	uint8_t *w = take(d, count * a), *r = take(d, count * a);
	uint32_t i;

	noise(w, 4, count * a);
	for (i = 0; i < count; i++) {
		ios[i].io = (struct rt_io){ .op = RT_IO_WRITE, .off = i * a };
		ios[i].io.buf = buf_from_bytes(&ios[i].seg, w + i * a, a);
		one_start(d, &ios[i]);
	}
	for (i = 0; i < count; i++)
		one_wait(&ios[i]);
	ios[count].io = (struct rt_io){ .op = RT_IO_FLUSH };
	one_start(d, &ios[count]);
	memset(ios, 0, count * sizeof(*ios));
	for (i = 0; i < count; i++) {	/* backwards, while the flush is on its way */
		uint32_t at = count - 1 - i;

		ios[i].io = (struct rt_io){ .op = RT_IO_READ, .off = at * a };
		ios[i].io.buf = buf_from_bytes(&ios[i].seg, r + at * a, a);
		one_start(d, &ios[i]);
	}
	for (i = 0; i <= count; i++)
		one_wait(&ios[i]);
	ASSERT(memcmp(r, w, count * a) == 0);
	for (i = 0; i <= count; i++)
		ASSERT(ios[i].dones == 1);
	rt_free(d->rt, ios);
	rt_free(d->rt, w);
	rt_free(d->rt, r);
}

static void case_trim(struct device *d)
{
	uint64_t a = d->align;
	uint8_t *w = take(d, 65536), *r = take(d, 65536);
	struct buf range = { .bytes = 65536 - 2 * a };
	int rc;

	noise(w, 5, 65536);
	write_ok(d, 0, w, 65536);
	rc = rt_io(d->rt, d->dev, RT_IO_TRIM, a, &range);
	ASSERT(rc == 0);
	read_ok(d, 0, r, 65536);	/* readable, whatever it says in the middle */
	ASSERT(memcmp(r, w, a) == 0);
	ASSERT(memcmp(r + 65536 - a, w + 65536 - a, a) == 0);
	write_ok(d, a, w, 65536 - 2 * a);
	read_ok(d, a, r, 65536 - 2 * a);
	ASSERT(memcmp(r, w, 65536 - 2 * a) == 0);
	rt_free(d->rt, w);
	rt_free(d->rt, r);
}

static void case_rdonly(struct device *d)
{
	uint64_t a = d->align;
	uint8_t *w = take(d, a), *r = take(d, a);
	int rc;

	noise(w, 6, a);
	write_ok(d, a, w, a);
	flush_ok(d);
	close_dev(d);
	rc = open_dev(d, RT_DEV_RDONLY);
	ASSERT(rc == 0);
	read_ok(d, a, r, a);
	ASSERT(memcmp(r, w, a) == 0);
	ASSERT(rw(d, RT_IO_WRITE, a, r, a) != 0);
	close_dev(d);
	rc = open_dev(d, 0);
	ASSERT(rc == 0);
	rt_free(d->rt, w);
	rt_free(d->rt, r);
}

/* Phantom content reads as the bytes that it stands for, also beside and under real bytes. */
static void case_phantoms(struct device *d)
{
	uint64_t a = d->align, size = 1536 * 1024;
	uint8_t *want = take(d, size), *got = take(d, size);
	struct bseg segs[3];
	struct buf b = { .segs = segs, .nr = 3, .bytes = size };
	int rc;

	noise(want, 7, size);
	gen_fill(1234, 50, want + 1000, size - 2000);
	(void)buf_from_bytes(&segs[0], want, 1000);
	(void)buf_from_gen(&segs[1], 1234, 50, size - 2000);
	(void)buf_from_bytes(&segs[2], want + size - 1000, 1000);
	rc = rt_io(d->rt, d->dev, RT_IO_WRITE, a, &b);
	ASSERT(rc == 0);
	read_ok(d, a, got, size);
	ASSERT(memcmp(got, want, size) == 0);
	noise(want + 8 * a, 8, a);
	write_ok(d, 9 * a, want + 8 * a, a);
	read_ok(d, a, got, size);
	ASSERT(memcmp(got, want, size) == 0);
	b = buf_from_gen(&segs[0], 0, 0, 2 * a);
	memset(want + 4 * a, 0, 2 * a);
	rc = rt_io(d->rt, d->dev, RT_IO_WRITE, 5 * a, &b);
	ASSERT(rc == 0);
	read_ok(d, a, got, size);
	ASSERT(memcmp(got, want, size) == 0);
	rt_free(d->rt, want);
	rt_free(d->rt, got);
}

static void case_runs(struct device *d)
{
	uint64_t a = d->align, size = 2 * REGION_BYTES;
	struct bseg seg, sink_seg, runs[64];
	struct bsink sink;
	struct buf b = buf_from_gen(&seg, 77, 123, size);
	struct buf got;
	int rc;

	if (!(d->f->flags & BLK_CONF_RUNS))
		return;
	rc = rt_io(d->rt, d->dev, RT_IO_WRITE, a, &b);
	ASSERT(rc == 0);
	bsink_init(&sink, size, runs, ARRAY_COUNT(runs));
	got = buf_from_sink(&sink_seg, &sink, 0, size);
	rc = rt_io(d->rt, d->dev, RT_IO_READ, a, &got);
	ASSERT(rc == 0);
	got = bsink_buf(&sink);
	ASSERT(got.nr == 1 && buf_fingerprint(&got, 0, size) == buf_fingerprint(&b, 0, size));
	/* Another run into the middle leaves both sides exact. */
	b = buf_from_gen(&seg, 78, 0, REGION_BYTES);
	rc = rt_io(d->rt, d->dev, RT_IO_WRITE, 8 * a, &b);
	ASSERT(rc == 0);
	bsink_init(&sink, size, runs, ARRAY_COUNT(runs));
	got = buf_from_sink(&sink_seg, &sink, 0, size);
	rc = rt_io(d->rt, d->dev, RT_IO_READ, a, &got);
	got = bsink_buf(&sink);
	ASSERT(rc == 0 && got.nr == 3);
	ASSERT(runs[0].gen == 77 && runs[0].start == 123 && runs[0].bytes == 7 * a);
	ASSERT(runs[1].gen == 78 && runs[1].start == 0 && runs[1].bytes == REGION_BYTES);
	ASSERT(runs[2].gen == 77 && runs[2].start == 123 + 7 * a + REGION_BYTES);
}

/* Random reads and writes of bytes and phantoms against a plain array. */
static void case_random(struct device *d)
{
	uint64_t a = d->align, units = 3 * REGION_BYTES / 2 / a;
	uint8_t *model = take(d, units * a), *mem = take(d, 64 * a);
	struct prng p;

	prng_seed(&p, 20240607);
	for (uint64_t at = 0; at < units; at += 64)
		write_ok(d, at * a, model + at * a, min_u64(64, units - at) * a);
	for (uint32_t i = 0; i < 1500; i++) {
		uint64_t off = prng_below(&p, units) * a;
		uint64_t bytes = min_u64((1 + prng_below(&p, 64)) * a, units * a - off);
		uint64_t kind = prng_below(&p, 4);
		uint64_t gen = prng_below(&p, 5) == 0 ? 0 : prng_next(&p);
		struct bseg seg;
		struct buf b = buf_from_gen(&seg, gen, i, bytes);

		if (kind < 2) {
			read_ok(d, off, mem, bytes);
			ASSERT(memcmp(mem, model + off, bytes) == 0);
		} else {
			int rc;

			gen_fill(gen, i, model + off, bytes);
			if (kind == 2)
				b = buf_from_bytes(&seg, model + off, bytes);
			rc = rt_io(d->rt, d->dev, RT_IO_WRITE, off, &b);
			ASSERT(rc == 0);
		}
	}
	rt_free(d->rt, model);
	rt_free(d->rt, mem);
}

static const struct {
	const char *name;
	void (*script)(struct device *d);
} cases[] = {
	{ "open", case_open },
	{ "fresh", case_fresh },
	{ "rw", case_rw },
	{ "segments", case_segments },
	{ "limits", case_limits },
	{ "many", case_many },
	{ "trim", case_trim },
	{ "rdonly", case_rdonly },
	{ "phantoms", case_phantoms },
	{ "runs", case_runs },
	{ "random", case_random },
};

/* ---- running a case ----------------------------------------------------------------------- */

static void device_ult(void *arg)
{
	struct device *d = arg;
	bool exists = (d->f->flags & BLK_CONF_EXISTS) != 0;
	int rc;

	if (!exists) {
		rc = open_dev(d, 0);
		ASSERT(rc == -DER_NONEXIST && d->dev == NULL);
	}
	rc = open_dev(d, exists ? 0 : RT_DEV_CREATE);
	ASSERT(rc == 0);
	d->align = d->dev->align;
	d->script(d);
	close_dev(d);
	rt_dev_close(d->rt, NULL);
	atomic_store(&d->finished, true);
	if (d->f->notify != NULL)
		d->f->notify(&d->conf);
}

static void start_device(struct rt *rt, void *arg)
{
	int rc = rt_spawn(rt, device_ult, arg, NULL);

	ASSERT(rc == 0);
}

static bool is_finished(void *arg)
{
	return atomic_load(&((struct device *)arg)->finished);
}

void blk_conformance_run(const struct blk_conf_factory *f)
{
	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct device d = { .f = f, .script = cases[i].script };
		bool ok;
		int rc;

		fprintf(stderr, "blk conformance: %s\n", cases[i].name);
		f->open(f->arg, &d.conf);
		d.rt = d.conf.rt;
		f->post(&d.conf, start_device, &d);
		ok = f->drive(&d.conf, is_finished, &d);
		ASSERT(ok);
		rc = f->close(&d.conf);
		ASSERT(rc == 0);
	}
}

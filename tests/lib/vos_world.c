#include "tests/lib/vos_world.h"

#include <string.h>

static uint64_t w_now(void *ctx)
{
	(void)ctx;
	return 1;
}

static void *w_alloc(void *ctx, size_t bytes, size_t align)
{
	return arena_alloc(&((struct vw *)ctx)->arena, bytes, align);
}

static void w_free(void *ctx, void *ptr)
{
	arena_free(&((struct vw *)ctx)->arena, ptr);
}

static void w_entropy(void *ctx, void *dst, size_t bytes)
{
	struct vw *w = ctx;
	struct prng p;

	prng_seed(&p, w->seed++);
	prng_fill(&p, dst, bytes);
}

static void w_log(void *ctx, enum rt_level level, const char *line)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "%s\n", line);
}

static void w_charge(void *ctx, enum rt_cost kind, uint64_t units)
{
	((struct vw *)ctx)->charged[kind] += units;
}

static int w_submit(void *ctx, struct rt_io *io)
{
	struct vw *w = ctx;

	if (w->queue_nr == ARRAY_COUNT(w->queue))
		return -DER_AGAIN;
	w->queue[w->queue_nr++] = io;
	return 0;
}

static const struct rt_time_ops time_ops = { .now_ns = w_now, .wall_ns = w_now };
static const struct rt_net_ops net_ops = { 0 };
static const struct rt_blk_ops blk_ops = { .submit = w_submit };
static const struct rt_misc_ops misc_ops = { .alloc = w_alloc, .free = w_free,
					     .entropy = w_entropy, .log = w_log,
					     .charge = w_charge };

static void make_rt(struct vw *w)
{
	struct rt_ops ops = { .time = &time_ops, .net = &net_ops, .blk = &blk_ops,
			      .misc = &misc_ops, .time_ctx = w, .net_ctx = w, .blk_ctx = w,
			      .misc_ctx = w };
	struct rt_opts opts = { .id = 1, .stacks = w->stacks, .paint_stacks = w->paint };

	rt_init(&w->rt, &ops, &opts);
}

void vw_init(struct vw *w, uint64_t dev_bytes, uint32_t align, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	arena_init(&w->arena);
	w->stacks = ult_stacks_create(64u << 10);
	CHECK(w->stacks != NULL);
	w->dev.dev = (struct rt_dev){ .bytes = dev_bytes, .align = align, .opt_bytes = 65536 };
	w->dev.mem = calloc(1, dev_bytes + 1);
	CHECK(w->dev.mem != NULL);
	make_rt(w);
}

static void forget_pending(struct vw_dev *d)
{
	while (d->pending_nr > 0) {
		d->pending_nr--;
		free(d->pending[d->pending_nr].old);
		free(d->pending[d->pending_nr].data);
	}
}

void vw_fini(struct vw *w)
{
	rt_fini(&w->rt);
	CHECK(w->arena.count == 0);
	ult_stacks_destroy(w->stacks);
	forget_pending(&w->dev);
	free(w->dev.pending);
	free(w->dev.runs);
	free(w->dev.mem);
}

/* ---- the device ------------------------------------------------------------------------- */

/* Phantoms in [off, off + bytes) end. */
static void cut_runs(struct vw_dev *d, uint64_t off, uint64_t bytes)
{
	uint32_t nr = d->run_nr;
	uint32_t i;
	struct vw_run *old = d->runs;

	d->runs = malloc((nr * 2 + 1) * sizeof(*old));
	CHECK(d->runs != NULL);
	d->run_nr = 0;
	for (i = 0; i < nr; i++) {
		struct vw_run r = old[i];
		uint64_t end = r.off + r.seg.bytes;

		if (r.off < off) {
			d->runs[d->run_nr] = r;
			d->runs[d->run_nr++].seg.bytes = min_u64(end, off) - r.off;
		}
		if (end > off + bytes) {
			uint64_t skip = r.off < off + bytes ? off + bytes - r.off : 0;

			r.off += skip;
			r.seg.bytes -= skip;
			r.seg.start += r.seg.gen == 0 ? 0 : skip;
			d->runs[d->run_nr++] = r;
		}
	}
	free(old);
}

static void track(struct vw_dev *d, uint64_t off, const struct buf *b)
{
	uint64_t bytes = b->bytes;
	struct bseg seg;
	struct buf dst;
	struct vw_write *p;

	if (d->pending_nr == d->pending_cap) {
		d->pending_cap = d->pending_cap * 2 + 16;
		d->pending = realloc(d->pending, d->pending_cap * sizeof(*d->pending));
		CHECK(d->pending != NULL);
	}
	p = &d->pending[d->pending_nr++];
	*p = (struct vw_write){ .off = off, .bytes = bytes, .old = malloc(bytes),
				.data = malloc(bytes) };
	CHECK(p->old != NULL && p->data != NULL);
	memcpy(p->old, d->mem + off, bytes);
	dst = buf_from_bytes(&seg, p->data, bytes);
	CHECK(buf_copy(&dst, 0, b, 0, bytes) == 0);
}

static void put_seg(struct vw_dev *d, uint64_t off, const struct bseg *s)
{
	cut_runs(d, off, s->bytes);
	if (s->kind == BSEG_BYTES) {
		memcpy(d->mem + off, s->ptr, s->bytes);
		return;
	}
	CHECK(s->kind == BSEG_GEN && !d->track);
	d->runs = realloc(d->runs, (d->run_nr + 1) * sizeof(*d->runs));
	CHECK(d->runs != NULL);
	d->runs[d->run_nr++] = (struct vw_run){ .off = off, .seg = *s };
}

static void get_seg(struct vw_dev *d, uint64_t off, const struct bseg *s)
{
	struct buf dst = { .segs = (struct bseg *)(uintptr_t)s, .nr = 1, .bytes = s->bytes };
	struct bseg seg;
	struct buf src = buf_from_bytes(&seg, d->mem + off, s->bytes);
	uint32_t i;

	/* A sink gets bytes where no run covers it. */
	CHECK(buf_copy(&dst, 0, &src, 0, s->bytes) == 0);
	for (i = 0; i < d->run_nr; i++) {
		const struct vw_run *r = &d->runs[i];
		uint64_t a = max_u64(off, r->off);
		uint64_t b = min_u64(off + s->bytes, r->off + r->seg.bytes);

		if (a >= b)
			continue;
		src = (struct buf){ .segs = (struct bseg *)(uintptr_t)&r->seg, .nr = 1,
				    .bytes = r->seg.bytes };
		CHECK(buf_copy(&dst, a - off, &src, a - r->off, b - a) == 0);
	}
}

static int perform(struct vw_dev *d, struct rt_io *io)
{
	uint64_t off = io->off;
	uint32_t i;

	if (io->op == RT_IO_FLUSH) {
		d->flushes++;
		forget_pending(d);
		return 0;
	}
	if (off % d->dev.align != 0 || io->buf.bytes % d->dev.align != 0 ||
	    off + io->buf.bytes > d->dev.bytes)
		return -DER_INVAL;
	d->writes += io->op == RT_IO_WRITE;
	if (d->track && io->op == RT_IO_WRITE)
		track(d, off, &io->buf);
	for (i = 0; i < io->buf.nr; i++) {
		if (io->op == RT_IO_WRITE)
			put_seg(d, off, &io->buf.segs[i]);
		else
			get_seg(d, off, &io->buf.segs[i]);
		off += io->buf.segs[i].bytes;
	}
	return 0;
}

/* Perform what is queued; how many. */
static uint32_t pump(struct vw *w)
{
	struct vw_dev *d = &w->dev;
	uint32_t done = 0;

	while (w->queue_nr > 0) {
		struct rt_io *io = w->queue[0];
		int rc;

		d->ios++;
		if (d->die_at != 0 && d->ios >= d->die_at) {
			/* Amid a write: it may be there in part. */
			if (d->ios == d->die_at && io->op == RT_IO_WRITE)
				(void)perform(d, io);
			w->queue_nr = 0;
			return done;
		}
		memmove(w->queue, w->queue + 1, --w->queue_nr * sizeof(w->queue[0]));
		rc = d->fail_at != 0 && d->ios == d->fail_at ? -DER_NVME_IO : perform(d, io);
		io->done(io, rc);
		done++;
	}
	return done;
}

struct script {
	struct vw *w;
	void (*fn)(struct vw *w, void *arg);
	void *arg;
	bool over;
};

static void run_script(void *arg)
{
	struct script *s = arg;

	s->fn(s->w, s->arg);
	s->over = true;
}

void vw_drain(struct vw *w)
{
	while (rt_run(&w->rt, 0) + pump(w) > 0)
		;
}

bool vw_script(struct vw *w, void (*fn)(struct vw *w, void *arg), void *arg)
{
	struct script s = { .w = w, .fn = fn, .arg = arg };

	CHECK(rt_spawn(&w->rt, run_script, &s, NULL) == 0);
	vw_drain(w);
	return s.over;
}

void vw_crash(struct vw *w, struct prng *rand)
{
	struct vw_dev *d = &w->dev;
	uint32_t i;
	uint64_t s;

	rt_kill(&w->rt);
	w->queue_nr = 0;
	arena_drop(&w->arena);
	/* Back to the last flush, then forward by what the device had written by itself. */
	for (i = d->pending_nr; rand != NULL && i > 0; i--)
		memcpy(d->mem + d->pending[i - 1].off, d->pending[i - 1].old,
		       d->pending[i - 1].bytes);
	for (i = 0; rand != NULL && i < d->pending_nr; i++) {
		const struct vw_write *p = &d->pending[i];
		uint64_t mode = prng_below(rand, 4);

		/* None, all, or a coin for each sector. Sectors are the device's, not the
		 * write's. */
		for (s = 0; s < p->bytes && mode != 0;) {
			uint64_t n = min_u64(512 - (p->off + s) % 512, p->bytes - s);

			if (mode == 1 || prng_below(rand, 2) == 0)
				memcpy(d->mem + p->off + s, p->data + s, n);
			s += n;
		}
	}
	forget_pending(d);
	d->die_at = 0;
	d->fail_at = 0;
	make_rt(w);
}

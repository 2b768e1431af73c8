#include "core/base/buf.h"

#include "core/base/prng.h"

struct buf buf_from_bytes(struct bseg *seg, const void *ptr, uint64_t bytes)
{
	/* A buf is a source or a destination by its use; const ends here, once. */
	*seg = (struct bseg){ .kind = BSEG_BYTES, .ptr = (void *)(uintptr_t)ptr, .bytes = bytes };
	return (struct buf){ .segs = seg, .nr = 1, .bytes = bytes };
}

struct buf buf_from_gen(struct bseg *seg, uint64_t gen, uint64_t start, uint64_t bytes)
{
	*seg = (struct bseg){ .kind = BSEG_GEN, .gen = gen, .start = start, .bytes = bytes };
	return (struct buf){ .segs = seg, .nr = 1, .bytes = bytes };
}

struct buf buf_from_sink(struct bseg *seg, struct bsink *sink, uint64_t off, uint64_t bytes)
{
	ASSERT(off <= sink->bytes && bytes <= sink->bytes - off);
	*seg = (struct bseg){ .kind = BSEG_SINK, .sink = sink, .start = off, .bytes = bytes };
	return (struct buf){ .segs = seg, .nr = 1, .bytes = bytes };
}

/* A walk over the segments of a buf. */
struct cursor {
	const struct buf *b;
	uint32_t idx;
	uint64_t off;		/* into segs[idx] */
};

static struct cursor cursor_at(const struct buf *b, uint64_t off)
{
	struct cursor c = { .b = b };

	while (c.idx < b->nr && off >= b->segs[c.idx].bytes) {
		off -= b->segs[c.idx].bytes;
		c.idx++;
	}
	c.off = off;
	return c;
}

/* The piece at the cursor, at most @max bytes of it, as a segment of its own. */
static struct bseg cursor_piece(const struct cursor *c, uint64_t max)
{
	struct bseg s = c->b->segs[c->idx];

	s.bytes = min_u64(s.bytes - c->off, max);
	if (s.kind == BSEG_BYTES)
		s.ptr = (char *)s.ptr + c->off;
	else if (s.kind != BSEG_GEN || s.gen != 0)
		s.start += c->off;
	return s;
}

static void cursor_advance(struct cursor *c, uint64_t bytes)
{
	c->off += bytes;
	while (c->idx < c->b->nr && c->off >= c->b->segs[c->idx].bytes) {
		c->off -= c->b->segs[c->idx].bytes;
		c->idx++;
	}
}

static bool range_ok(const struct buf *b, uint64_t off, uint64_t bytes)
{
	return off <= b->bytes && bytes <= b->bytes - off;
}

int buf_slice(const struct buf *src, uint64_t off, uint64_t bytes, struct bseg *segs, uint32_t cap,
	      struct buf *ret_slice)
{
	struct cursor c;
	uint64_t left = bytes;
	uint32_t nr = 0;

	if (!range_ok(src, off, bytes))
		return -DER_INVAL;
	c = cursor_at(src, off);
	while (left > 0) {
		if (nr == cap)
			return -DER_TRUNC;
		segs[nr] = cursor_piece(&c, left);
		cursor_advance(&c, segs[nr].bytes);
		left -= segs[nr].bytes;
		nr++;
	}
	*ret_slice = (struct buf){ .segs = segs, .nr = nr, .bytes = bytes };
	return 0;
}

uint32_t buf_slice_count(const struct buf *src, uint64_t off, uint64_t bytes)
{
	struct cursor c;
	uint32_t nr = 0;

	if (!range_ok(src, off, bytes))
		return 0;
	c = cursor_at(src, off);
	while (bytes > 0) {
		uint64_t n = cursor_piece(&c, bytes).bytes;

		cursor_advance(&c, n);
		bytes -= n;
		nr++;
	}
	return nr;
}

int buf_append(struct buf *dst, uint32_t cap, const struct buf *src)
{
	if (src->nr > cap || dst->nr > cap - src->nr)
		return -DER_TRUNC;
	if (src->nr > 0)
		memcpy(dst->segs + dst->nr, src->segs, src->nr * sizeof(*src->segs));
	dst->nr += src->nr;
	dst->bytes += src->bytes;
	return 0;
}

/* ---- generators --------------------------------------------------------------------------- */

/* Word @idx (8 bytes) of a generator's stream: random access, no period that a workload can hit. */
static uint64_t gen_word(uint64_t gen, uint64_t idx)
{
	return gen == 0 ? 0 : mix64(gen + idx * 0xd1342543de82ef95ULL);
}

void gen_fill(uint64_t gen, uint64_t start, void *dst, uint64_t bytes)
{
	uint8_t *d = dst;
	uint64_t idx = start / 8;
	uint64_t skip = start % 8;
	uint64_t w;

	if (gen == 0) {
		memset(dst, 0, bytes);
		return;
	}
	if (skip != 0 && bytes > 0) {
		uint64_t n = min_u64(8 - skip, bytes);

		w = gen_word(gen, idx++);
		memcpy(d, (uint8_t *)&w + skip, n);
		d += n;
		bytes -= n;
	}
	for (; bytes >= 8; bytes -= 8, d += 8) {
		w = gen_word(gen, idx++);
		memcpy(d, &w, 8);
	}
	if (bytes > 0) {
		w = gen_word(gen, idx);
		memcpy(d, &w, bytes);
	}
}

/* ---- sinks -------------------------------------------------------------------------------- */

void bsink_init(struct bsink *s, uint64_t bytes, struct bseg *runs, uint32_t cap)
{
	*s = (struct bsink){ .bytes = bytes, .runs = runs, .cap = cap };
}

struct buf bsink_buf(const struct bsink *s)
{
	return (struct buf){ .segs = s->runs, .nr = s->nr, .bytes = s->nr > 0 ? s->bytes : 0 };
}

static bool run_follows(const struct bseg *a, const struct bseg *b)
{
	return a->gen == b->gen && a->flags == b->flags &&
	       (a->gen == 0 || a->start + a->bytes == b->start);
}

/* Drop a run that continues its predecessor. */
static void bsink_join(struct bsink *s, uint32_t idx)
{
	if (idx == 0 || idx >= s->nr || !run_follows(&s->runs[idx - 1], &s->runs[idx]))
		return;
	s->runs[idx - 1].bytes += s->runs[idx].bytes;
	memmove(&s->runs[idx], &s->runs[idx + 1], (s->nr - idx - 1) * sizeof(*s->runs));
	s->nr--;
}

static int bsink_room(struct bsink *s, uint32_t extra)
{
	if (s->cap - s->nr >= extra)
		return 0;
	if (s->grow == NULL)
		return -DER_NOMEM;
	return s->grow(s, s->nr + extra + s->cap);
}

/* Cut the run that straddles @off, so that a run starts there; returns its index. */
static uint32_t bsink_cut(struct bsink *s, uint64_t off)
{
	uint64_t at = 0;
	uint32_t i;
	struct bseg *r;

	for (i = 0; i < s->nr && at + s->runs[i].bytes <= off; i++)
		at += s->runs[i].bytes;
	if (at == off || i == s->nr)
		return i;
	memmove(&s->runs[i + 1], &s->runs[i], (s->nr - i) * sizeof(*s->runs));
	s->nr++;
	r = &s->runs[i];
	r[0].bytes = off - at;
	r[1].bytes -= r[0].bytes;
	if (r[1].gen != 0)
		r[1].start += r[0].bytes;
	return i + 1;
}

/* Replace [off, off + run.bytes) of the sink's content by @run. */
static int bsink_put(struct bsink *s, uint64_t off, struct bseg run)
{
	uint32_t first;
	uint32_t last;
	int rc;

	ASSERT(run.kind == BSEG_GEN && off + run.bytes <= s->bytes);
	rc = bsink_room(s, 3);
	if (rc != 0)
		return rc;
	if (s->nr == 0)
		s->runs[s->nr++] = (struct bseg){ .kind = BSEG_GEN, .bytes = s->bytes };
	first = bsink_cut(s, off);
	last = bsink_cut(s, off + run.bytes);
	ASSERT(last > first);
	s->runs[first] = run;
	memmove(&s->runs[first + 1], &s->runs[last], (s->nr - last) * sizeof(*s->runs));
	s->nr -= last - first - 1;
	bsink_join(s, first + 1);
	bsink_join(s, first);
	return 0;
}

static bool all_zero(const uint8_t *p, uint64_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* What a sink records for a segment of a source. */
static struct bseg sink_run(const struct bseg *src)
{
	struct bseg run = *src;

	if (src->kind == BSEG_GEN)
		return run;
	run = (struct bseg){ .kind = BSEG_GEN, .bytes = src->bytes };
	/* Bytes have no generator; one made from their hash never equals a workload's. */
	if (!all_zero(src->ptr, src->bytes))
		run.gen = hash_bytes(src->ptr, src->bytes, 0x6279746573ULL) | 1;
	return run;
}

/* ---- copy, zero, compare ------------------------------------------------------------------ */

static int copy_piece(const struct bseg *d, const struct bseg *s)
{
	if (s->kind == BSEG_SINK)
		return -DER_INVAL;
	switch (d->kind) {
	case BSEG_BYTES:
		if (s->kind == BSEG_BYTES)
			memmove(d->ptr, s->ptr, s->bytes);
		else
			gen_fill(s->gen, s->start, d->ptr, s->bytes);
		return 0;
	case BSEG_SINK:
		return bsink_put(d->sink, d->start, sink_run(s));
	case BSEG_GEN:
	default:
		return -DER_INVAL;	/* content that nobody stores cannot be written to */
	}
}

/* A sink as a source is its recorded runs. */
static int copy_from_sink(const struct buf *dst, uint64_t dst_off, const struct bseg *s)
{
	struct bseg zero = { .kind = BSEG_GEN, .bytes = s->sink->bytes };
	struct buf runs = bsink_buf(s->sink);

	if (s->sink->nr == 0)
		runs = (struct buf){ .segs = &zero, .nr = 1, .bytes = zero.bytes };
	return buf_copy(dst, dst_off, &runs, s->start, s->bytes);
}

int buf_copy(const struct buf *dst, uint64_t dst_off, const struct buf *src, uint64_t src_off,
	     uint64_t bytes)
{
	struct cursor d;
	struct cursor s;

	if (!range_ok(dst, dst_off, bytes) || !range_ok(src, src_off, bytes))
		return -DER_INVAL;
	d = cursor_at(dst, dst_off);
	s = cursor_at(src, src_off);
	while (bytes > 0) {
		struct bseg ps = cursor_piece(&s, bytes);
		struct bseg pd = cursor_piece(&d, ps.bytes);
		int rc;

		ps.bytes = pd.bytes;
		if (ps.kind == BSEG_SINK)
			rc = copy_from_sink(dst, dst_off, &ps);
		else
			rc = copy_piece(&pd, &ps);
		if (rc != 0)
			return rc;
		cursor_advance(&s, ps.bytes);
		cursor_advance(&d, ps.bytes);
		dst_off += ps.bytes;
		bytes -= ps.bytes;
	}
	return 0;
}

int buf_zero(const struct buf *dst, uint64_t off, uint64_t bytes)
{
	struct bseg seg;
	struct buf zero = buf_from_gen(&seg, 0, 0, bytes);

	return buf_copy(dst, off, &zero, 0, bytes);
}

void *buf_ptr(const struct buf *b, uint64_t off, uint64_t bytes)
{
	struct cursor c;
	struct bseg s;

	if (!range_ok(b, off, bytes) || b->nr == 0)
		return NULL;
	c = cursor_at(b, off);
	if (c.idx == b->nr)
		return NULL;
	s = cursor_piece(&c, bytes);
	return s.kind == BSEG_BYTES && s.bytes == bytes ? s.ptr : NULL;
}

bool buf_is_bytes(const struct buf *b)
{
	uint32_t i;

	for (i = 0; i < b->nr; i++)
		if (b->segs[i].kind != BSEG_BYTES)
			return false;
	return true;
}

bool buf_is_phantom(const struct buf *b)
{
	uint32_t i;

	for (i = 0; i < b->nr; i++)
		if (b->segs[i].kind == BSEG_BYTES)
			return false;
	return true;
}

static bool piece_equal(const struct bseg *a, const struct bseg *b)
{
	uint8_t ta[256];
	uint8_t tb[256];
	uint64_t at = 0;

	if (a->kind == BSEG_BYTES && b->kind == BSEG_BYTES)
		return memcmp(a->ptr, b->ptr, a->bytes) == 0;
	if (a->kind == BSEG_GEN && b->kind == BSEG_GEN)
		return a->gen == b->gen && (a->gen == 0 || a->start == b->start);
	while (at < a->bytes) {
		uint64_t n = min_u64(sizeof(ta), a->bytes - at);
		struct bseg da;
		struct bseg db;
		struct buf ba = buf_from_bytes(&da, ta, n);
		struct buf bb = buf_from_bytes(&db, tb, n);
		struct buf sa = { .segs = (struct bseg *)(uintptr_t)a, .nr = 1, .bytes = a->bytes };
		struct buf sb = { .segs = (struct bseg *)(uintptr_t)b, .nr = 1, .bytes = b->bytes };

		if (buf_copy(&ba, 0, &sa, at, n) != 0 || buf_copy(&bb, 0, &sb, at, n) != 0 ||
		    memcmp(ta, tb, n) != 0)
			return false;
		at += n;
	}
	return true;
}

bool buf_equal(const struct buf *a, const struct buf *b)
{
	struct cursor ca;
	struct cursor cb;
	uint64_t left = a->bytes;

	if (a->bytes != b->bytes)
		return false;
	ca = cursor_at(a, 0);
	cb = cursor_at(b, 0);
	while (left > 0) {
		struct bseg pa = cursor_piece(&ca, left);
		struct bseg pb = cursor_piece(&cb, pa.bytes);

		pa.bytes = pb.bytes;
		if (!piece_equal(&pa, &pb))
			return false;
		cursor_advance(&ca, pa.bytes);
		cursor_advance(&cb, pa.bytes);
		left -= pa.bytes;
	}
	return true;
}

/* Fingerprint of phantoms: runs are joined where one continues the other, then mixed. */
struct fp_state {
	uint64_t h;
	struct bseg run;
};

static void fp_flush(struct fp_state *f)
{
	if (f->run.bytes == 0)
		return;
	f->h = mix64_2(f->h ^ f->run.gen, f->run.gen == 0 ? 0 : f->run.start);
	f->h = mix64_2(f->h, f->run.bytes);
	f->run.bytes = 0;
}

static void fp_gen(struct fp_state *f, const struct bseg *p)
{
	if (f->run.bytes > 0 && run_follows(&f->run, p)) {
		f->run.bytes += p->bytes;
		return;
	}
	fp_flush(f);
	f->run = *p;
}

/* Bytes are hashed per 64-byte block of the range's own offsets, so that cuts do not show. */
static void fp_bytes(struct fp_state *f, uint8_t *blk, uint64_t *fill, const uint8_t *p, uint64_t n)
{
	while (n > 0) {
		uint64_t m = min_u64(n, 64 - *fill);

		memcpy(blk + *fill, p, m);
		*fill += m;
		p += m;
		n -= m;
		if (*fill == 64) {
			f->h = hash_bytes(blk, 64, f->h);
			*fill = 0;
		}
	}
}

uint64_t buf_fingerprint(const struct buf *b, uint64_t off, uint64_t bytes)
{
	struct fp_state f = { .h = mix64(bytes) };
	uint8_t blk[64];
	uint64_t fill = 0;
	struct cursor c;

	ASSERT(range_ok(b, off, bytes));
	c = cursor_at(b, off);
	while (bytes > 0) {
		struct bseg p = cursor_piece(&c, bytes);

		ASSERT(p.kind != BSEG_SINK);
		if (p.kind == BSEG_BYTES) {
			fp_flush(&f);
			fp_bytes(&f, blk, &fill, p.ptr, p.bytes);
		} else {
			if (fill > 0)
				f.h = hash_bytes(blk, fill, f.h);
			fill = 0;
			fp_gen(&f, &p);
		}
		cursor_advance(&c, p.bytes);
		bytes -= p.bytes;
	}
	fp_flush(&f);
	if (fill > 0)
		f.h = hash_bytes(blk, fill, f.h);
	return f.h;
}

int buf_corrupt(struct buf *b, uint32_t cap, uint64_t off)
{
	struct cursor c;
	struct bseg whole;
	struct bseg parts[3];
	uint32_t n = 0;

	if (off >= b->bytes)
		return -DER_INVAL;
	c = cursor_at(b, off);
	whole = b->segs[c.idx];
	if (whole.kind == BSEG_SINK)
		return -DER_INVAL;
	if (whole.kind == BSEG_BYTES) {
		((uint8_t *)whole.ptr)[c.off] ^= 1;
		return 0;
	}
	if (c.off > 0) {
		parts[n] = whole;
		parts[n++].bytes = c.off;
	}
	parts[n] = (struct bseg){ .kind = BSEG_GEN, .gen = mix64(whole.gen) | 1,
				  .start = whole.start + c.off, .bytes = 1 };
	n++;
	if (c.off + 1 < whole.bytes) {
		parts[n] = whole;
		parts[n].bytes = whole.bytes - c.off - 1;
		if (whole.gen != 0)
			parts[n].start += c.off + 1;
		n++;
	}
	if (b->nr - 1 + n > cap)
		return -DER_TRUNC;
	memmove(&b->segs[c.idx + n], &b->segs[c.idx + 1], (b->nr - c.idx - 1) * sizeof(*b->segs));
	memcpy(&b->segs[c.idx], parts, n * sizeof(*parts));
	b->nr += n - 1;
	return 0;
}

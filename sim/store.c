/*
 * Content of devices. The space is cut into regions of 4 MiB, found by hashing; a region has a
 * sorted array of extents without overlap. Bytes are copied once, into a counted block; cutting
 * an extent, and remembering what a write replaced, only takes references.
 */
#include "sim/store.h"
#include "core/base/list.h"

#include <stdlib.h>

#define REGION_SHIFT 22
#define REGION_BYTES (1u << REGION_SHIFT)

struct block {
	uint32_t refs;
	uint32_t bytes;
	char data[];
};

/* Content of [off, off + len) of a region: bytes of a block, or positions of a generator. */
struct extent {
	uint32_t off;
	uint32_t len;
	struct block *block;	/* NULL: phantom */
	uint64_t gen;
	uint64_t start;		/* in the block or in the generator's stream */
};

struct region {
	uint64_t idx;
	uint32_t nr;
	uint32_t cap;
	struct extent *ext;
};

/* What one write replaced; taken back in reverse order. */
struct undo {
	struct list link;
	struct undo *next_spare;
	uint64_t seq;
	uint64_t off;
	uint64_t bytes;
	uint32_t nr;
	uint32_t cap;
	struct extent *ext;	/* offsets relative to @off, below REGION_BYTES pieces */
	uint64_t *base;		/* of each extent: its absolute offset */
};

struct store {
	struct region **table;	/* open addressing; cap is a power of two */
	uint32_t table_cap;
	uint32_t table_nr;
	uint64_t seq;
	struct list undo;
	struct undo *spare;
	struct store_stats stats;
};

/* ---- blocks and regions ------------------------------------------------------------------- */

static struct block *block_ref(struct block *b)
{
	if (b != NULL)
		b->refs++;
	return b;
}

static void block_unref(struct store *s, struct block *b)
{
	if (b != NULL && --b->refs == 0) {
		s->stats.bytes -= b->bytes;
		free(b);
	}
}

static uint32_t table_slot(const struct store *s, uint64_t idx)
{
	uint32_t i = (uint32_t)mix64(idx) & (s->table_cap - 1);

	while (s->table[i] != NULL && s->table[i]->idx != idx)
		i = (i + 1) & (s->table_cap - 1);
	return i;
}

static struct region *region_find(const struct store *s, uint64_t idx)
{
	return s->table_cap == 0 ? NULL : s->table[table_slot(s, idx)];
}

static int table_grow(struct store *s)
{
	uint32_t old_cap = s->table_cap, cap = old_cap == 0 ? 4 : old_cap * 2;
	struct region **old = s->table, **table = calloc(cap, sizeof(table[0]));

	if (table == NULL)
		return -DER_NOMEM;
	s->table = table;
	s->table_cap = cap;
	for (uint32_t i = 0; i < old_cap; i++) {
		if (old[i] != NULL)
			table[table_slot(s, old[i]->idx)] = old[i];
	}
	free(old);
	return 0;
}

static struct region *region_get(struct store *s, uint64_t idx)
{
	struct region *r = region_find(s, idx);

	if (r != NULL)
		return r;
	if ((s->table_nr + 1) * 4 > s->table_cap * 3 && table_grow(s) != 0)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->idx = idx;
	s->table[table_slot(s, idx)] = r;
	s->table_nr++;
	return r;
}

static int region_reserve(struct region *r, uint32_t nr)
{
	uint32_t cap = r->cap == 0 ? 4 : r->cap;
	struct extent *ext;

	while (cap < nr)
		cap *= 2;
	if (cap == r->cap)
		return 0;
	ext = realloc(r->ext, cap * sizeof(ext[0]));
	if (ext == NULL)
		return -DER_NOMEM;
	r->ext = ext;
	r->cap = cap;
	return 0;
}

/* First extent that ends behind @off. */
static uint32_t region_first(const struct region *r, uint32_t off)
{
	uint32_t lo = 0, hi = r->nr;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (r->ext[mid].off + r->ext[mid].len <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The part of @e in [from, to), with a reference of its own. */
static struct extent extent_cut(const struct extent *e, uint32_t from, uint32_t to)
{
	struct extent cut = *e;

	if (from > e->off) {
		cut.start += from - e->off;
		cut.off = from;
	}
	cut.len = (uint32_t)min_u64(to, e->off + e->len) - cut.off;
	(void)block_ref(cut.block);
	return cut;
}

/* Cut [from, to) out of @r, which has room for two more extents. Returns where it was. */
static uint32_t region_clear(struct store *s, struct region *r, uint32_t from, uint32_t to)
{
	uint32_t i = region_first(r, from), j = i, keep = 0;
	struct extent rest[2];

	while (j < r->nr && r->ext[j].off < to)
		j++;
	if (i == j)
		return i;
	if (r->ext[i].off < from)
		rest[keep++] = extent_cut(&r->ext[i], 0, from);
	if (r->ext[j - 1].off + r->ext[j - 1].len > to)
		rest[keep++] = extent_cut(&r->ext[j - 1], to, REGION_BYTES);
	for (uint32_t k = i; k < j; k++)
		block_unref(s, r->ext[k].block);
	memmove(&r->ext[i + keep], &r->ext[j], (r->nr - j) * sizeof(r->ext[0]));
	memcpy(&r->ext[i], rest, keep * sizeof(rest[0]));
	s->stats.extents += keep;
	s->stats.extents -= j - i;
	r->nr = r->nr - (j - i) + keep;
	/* Behind a kept head, before a kept tail. */
	return keep > 0 && rest[0].off < from ? i + 1 : i;
}

/* Phantom content that continues its left neighbour becomes part of it. */
static bool extend_left(struct region *r, uint32_t at, const struct extent *e)
{
	struct extent *left;

	if (at == 0 || e->block != NULL)
		return false;
	left = &r->ext[at - 1];
	if (left->block != NULL || left->off + left->len != e->off || left->gen != e->gen ||
	    (e->gen != 0 && left->start + left->len != e->start))
		return false;
	left->len += e->len;
	return true;
}

/* Set one extent; takes a reference to its block. */
static int region_set(struct store *s, struct region *r, struct extent e)
{
	uint32_t at;

	if (region_reserve(r, r->nr + 3) != 0)
		return -DER_NOMEM;
	at = region_clear(s, r, e.off, e.off + e.len);
	if (e.block == NULL && e.gen == 0)
		return 0;	/* zeros are what nothing is */
	if (extend_left(r, at, &e))
		return 0;
	memmove(&r->ext[at + 1], &r->ext[at], (r->nr - at) * sizeof(r->ext[0]));
	(void)block_ref(e.block);
	r->ext[at] = e;
	r->nr++;
	s->stats.extents++;
	return 0;
}

/* Set content that may span regions; takes references to @block. */
static int set_span(struct store *s, uint64_t off, uint64_t bytes, struct block *block,
		    uint64_t gen, uint64_t start)
{
	int rc = 0;

	while (bytes > 0 && rc == 0) {
		uint32_t in = (uint32_t)(off & (REGION_BYTES - 1));
		uint32_t n = (uint32_t)min_u64(bytes, REGION_BYTES - in);
		struct region *r = region_get(s, off >> REGION_SHIFT);

		rc = r == NULL ? -DER_NOMEM
			       : region_set(s, r, (struct extent){ in, n, block, gen, start });
		off += n;
		start += n;
		bytes -= n;
	}
	return rc;
}

/* ---- undo --------------------------------------------------------------------------------- */

static int undo_add(struct undo *u, uint64_t base, struct extent e)
{
	if (u->nr == u->cap) {
		uint32_t cap = u->cap == 0 ? 2 : u->cap * 2;
		struct extent *ext = realloc(u->ext, cap * sizeof(ext[0]));
		uint64_t *bases;

		if (ext == NULL)
			return -DER_NOMEM;
		u->ext = ext;
		bases = realloc(u->base, cap * sizeof(bases[0]));
		if (bases == NULL)
			return -DER_NOMEM;
		u->base = bases;
		u->cap = cap;
	}
	u->ext[u->nr] = e;
	u->base[u->nr] = base;
	u->nr++;
	return 0;
}

static struct undo *undo_get(struct store *s)
{
	struct undo *u = s->spare;

	if (u == NULL)
		return calloc(1, sizeof(*u));
	s->spare = u->next_spare;
	u->nr = 0;
	return u;
}

/* Forget @u; its memory serves the next write. */
static void undo_put(struct store *s, struct undo *u)
{
	for (uint32_t i = 0; i < u->nr; i++)
		block_unref(s, u->ext[i].block);
	list_del(&u->link);
	u->next_spare = s->spare;
	s->spare = u;
	s->stats.volatile_writes--;
}

/* Remember what [off, off + bytes) holds, as the newest write. */
static int undo_take(struct store *s, uint64_t off, uint64_t bytes)
{
	struct undo *u = undo_get(s);
	uint64_t end = off + bytes;
	int rc = 0;

	if (u == NULL)
		return -DER_NOMEM;
	u->seq = ++s->seq;
	u->off = off;
	u->bytes = bytes;
	list_add_tail(&s->undo, &u->link);
	s->stats.volatile_writes++;
	for (uint64_t idx = off >> REGION_SHIFT; idx << REGION_SHIFT < end && rc == 0; idx++) {
		const struct region *r = region_find(s, idx);
		uint64_t base = idx << REGION_SHIFT;
		uint32_t from = (uint32_t)(max_u64(off, base) - base);
		uint32_t to = (uint32_t)(min_u64(end, base + REGION_BYTES) - base);

		if (r == NULL)
			continue;
		for (uint32_t i = region_first(r, from); i < r->nr && r->ext[i].off < to && rc == 0;
		     i++) {
			struct extent cut = extent_cut(&r->ext[i], from, to);

			rc = undo_add(u, base + cut.off, cut);
			if (rc != 0)
				block_unref(s, cut.block);
		}
	}
	if (rc != 0)
		undo_put(s, u);
	return rc;
}

static int undo_apply(struct store *s, const struct undo *u)
{
	int rc = set_span(s, u->off, u->bytes, NULL, 0, 0);

	for (uint32_t i = 0; i < u->nr && rc == 0; i++)
		rc = set_span(s, u->base[i], u->ext[i].len, u->ext[i].block, u->ext[i].gen,
			      u->ext[i].start);
	return rc;
}

/* ---- public ------------------------------------------------------------------------------- */

struct store *store_create(void)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s != NULL)
		list_init(&s->undo);
	return s;
}

void store_destroy(struct store *s)
{
	if (s == NULL)
		return;
	store_commit(s, UINT64_MAX);
	while (s->spare != NULL) {
		struct undo *u = s->spare;

		s->spare = u->next_spare;
		free(u->ext);
		free(u->base);
		free(u);
	}
	for (uint32_t i = 0; i < s->table_cap; i++) {
		struct region *r = s->table[i];

		if (r == NULL)
			continue;
		for (uint32_t k = 0; k < r->nr; k++)
			block_unref(s, r->ext[k].block);
		free(r->ext);
		free(r);
	}
	free(s->table);
	free(s);
}

static int write_bytes(struct store *s, uint64_t off, const void *ptr, uint64_t bytes)
{
	/* Pieces of one region at most, so that a block's size fits and old ones can be freed. */
	while (bytes > 0) {
		uint32_t n = (uint32_t)min_u64(bytes, REGION_BYTES);
		struct block *b = malloc(sizeof(*b) + n);
		int rc;

		if (b == NULL)
			return -DER_NOMEM;
		b->refs = 1;
		b->bytes = n;
		memcpy(b->data, ptr, n);
		s->stats.bytes += n;
		rc = set_span(s, off, n, b, 0, 0);
		block_unref(s, b);
		if (rc != 0)
			return rc;
		ptr = (const char *)ptr + n;
		off += n;
		bytes -= n;
	}
	return 0;
}

static int write_sink(struct store *s, uint64_t off, const struct bseg *seg)
{
	uint64_t pos = 0, end = seg->start + seg->bytes;
	int rc = set_span(s, off, seg->bytes, NULL, 0, 0);	/* a sink without runs is zeros */

	for (uint32_t i = 0; i < seg->sink->nr && rc == 0; i++) {
		const struct bseg *run = &seg->sink->runs[i];
		uint64_t from = max_u64(pos, seg->start), to = min_u64(pos + run->bytes, end);

		if (from < to)
			rc = set_span(s, off + from - seg->start, to - from, NULL, run->gen,
				      run->start + (from - pos));
		pos += run->bytes;
	}
	return rc;
}

int store_write(struct store *s, uint64_t off, const struct buf *src)
{
	int rc = undo_take(s, off, src->bytes);

	for (uint32_t i = 0; i < src->nr && rc == 0; i++) {
		const struct bseg *seg = &src->segs[i];

		if (seg->kind == BSEG_BYTES)
			rc = write_bytes(s, off, seg->ptr, seg->bytes);
		else if (seg->kind == BSEG_GEN)
			rc = set_span(s, off, seg->bytes, NULL, seg->gen, seg->start);
		else
			rc = write_sink(s, off, seg);
		off += seg->bytes;
	}
	return rc;
}

int store_punch(struct store *s, uint64_t off, uint64_t bytes)
{
	int rc = undo_take(s, off, bytes);

	return rc != 0 ? rc : set_span(s, off, bytes, NULL, 0, 0);
}

static int read_extent(const struct buf *dst, uint64_t dst_off, const struct extent *e,
		       uint64_t skip, uint64_t bytes)
{
	struct bseg seg;
	struct buf src;

	if (e->block != NULL)
		src = buf_from_bytes(&seg, e->block->data + e->start + skip, bytes);
	else
		src = buf_from_gen(&seg, e->gen, e->start + skip, bytes);
	return buf_copy(dst, dst_off, &src, 0, bytes);
}

/* Read [from, to) of region @idx to @dst at @dst_off. */
static int read_region(const struct store *s, uint64_t idx, uint32_t from, uint32_t to,
		       const struct buf *dst, uint64_t dst_off)
{
	const struct region *r = region_find(s, idx);
	uint32_t i = r == NULL ? 0 : region_first(r, from), pos = from;
	int rc = 0;

	while (pos < to && rc == 0) {
		const struct extent *e = r != NULL && i < r->nr && r->ext[i].off < to ? &r->ext[i++]
										      : NULL;
		uint32_t hole_end = e != NULL ? (uint32_t)max_u64(e->off, pos) : to;
		uint32_t end;

		if (hole_end > pos)
			rc = buf_zero(dst, dst_off + pos - from, hole_end - pos);
		pos = hole_end;
		if (e == NULL || rc != 0)
			continue;
		end = (uint32_t)min_u64(e->off + e->len, to);
		rc = read_extent(dst, dst_off + pos - from, e, pos - e->off, end - pos);
		pos = end;
	}
	return rc;
}

int store_read(const struct store *s, uint64_t off, const struct buf *dst)
{
	uint64_t done = 0;
	int rc = 0;

	while (done < dst->bytes && rc == 0) {
		uint32_t in = (uint32_t)((off + done) & (REGION_BYTES - 1));
		uint32_t n = (uint32_t)min_u64(dst->bytes - done, REGION_BYTES - in);

		rc = read_region(s, (off + done) >> REGION_SHIFT, in, in + n, dst, done);
		done += n;
	}
	return rc;
}

uint64_t store_mark(const struct store *s)
{
	return s->seq;
}

void store_commit(struct store *s, uint64_t mark)
{
	while (!list_empty(&s->undo)) {
		struct undo *u = list_first(&s->undo, struct undo, link);

		if (u->seq > mark)
			break;
		undo_put(s, u);
	}
}

/* ---- loss of power ------------------------------------------------------------------------ */

/* A write that was taken back, with the content that it had. */
struct lost {
	uint64_t off;
	uint64_t bytes;
	struct undo content;	/* only ext, base, nr, cap */
};

static void lost_free(struct store *s, struct lost *l)
{
	for (uint32_t i = 0; i < l->content.nr; i++)
		block_unref(s, l->content.ext[i].block);
	free(l->content.ext);
	free(l->content.base);
}

/* Set [from, to) to what the lost write had there. */
static void restore(struct store *s, const struct lost *l, uint64_t from, uint64_t to)
{
	int rc = set_span(s, from, to - from, NULL, 0, 0);

	for (uint32_t i = 0; i < l->content.nr && rc == 0; i++) {
		const struct extent *e = &l->content.ext[i];
		uint64_t a = max_u64(from, l->content.base[i]);
		uint64_t b = min_u64(to, l->content.base[i] + e->len);

		if (a < b)
			rc = set_span(s, a, b - a, e->block, e->gen,
				      e->start + (a - l->content.base[i]));
	}
	ASSERT(rc == 0);	/* a simulated crash cannot half happen */
}

/* Take back the newest write and keep what it had written in @l. */
static void take_back(struct store *s, struct lost *l)
{
	struct undo *u = list_entry(s->undo.prev, struct undo, link), *now;
	int rc = undo_take(s, u->off, u->bytes);	/* the content as it is */

	ASSERT(rc == 0);
	now = list_entry(s->undo.prev, struct undo, link);
	l->off = u->off;
	l->bytes = u->bytes;
	l->content = *now;
	now->nr = 0;
	now->cap = 0;
	now->ext = NULL;
	now->base = NULL;
	undo_put(s, now);
	rc = undo_apply(s, u);
	ASSERT(rc == 0);
	undo_put(s, u);
}

static void survive(struct store *s, const struct lost *l, uint32_t ppm, uint32_t block_bytes,
		    struct prng *rand)
{
	uint64_t end = l->off + l->bytes;

	for (uint64_t at = l->off; at < end;) {
		uint64_t next = min_u64(align_down(at, block_bytes) + block_bytes, end);

		if (prng_below(rand, 1000000) < ppm)
			restore(s, l, at, next);
		at = next;
	}
}

void store_crash(struct store *s, uint32_t survive_ppm, uint32_t block_bytes, struct prng *rand)
{
	uint64_t nr = s->stats.volatile_writes;
	struct lost *all = nr == 0 ? NULL : calloc(nr, sizeof(all[0]));

	ASSERT(nr == 0 || all != NULL);
	for (uint64_t i = nr; i-- > 0;)
		take_back(s, &all[i]);
	ASSERT(list_empty(&s->undo));
	for (uint64_t i = 0; i < nr; i++) {
		if (survive_ppm > 0)
			survive(s, &all[i], survive_ppm, block_bytes, rand);
		lost_free(s, &all[i]);
	}
	free(all);
}

void store_query(const struct store *s, struct store_stats *ret_stats)
{
	*ret_stats = s->stats;
}

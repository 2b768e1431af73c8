/*
 * Superblock and replay.
 *
 * The log ends at the first record that is not the next one: whole, of this format, with the next
 * sequence number, of the current batch or the first of the next. Was it cut off by a crash, or
 * is it damage? The batch after it tells: it is written only when all before it is durable. So a
 * batch that follows a broken one is proof of damage (-DER_CSUM); else the end is the end.
 *
 * What a crash left behind the end stays on the device. It cannot be taken for new records later:
 * each open has a random life number, and a batch is of one life.
 */
#include "core/csum/csum.h"
#include "core/vos/vos_simple_int.h"

#define WINDOW_BYTES (64u << 10)
#define HUNT_BYTES   (2u << 20) /* how far behind a broken batch the next is looked for */

/* ---- superblock ------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *p, size_t bytes)
{
	return p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0;
}

int vs_sb_parse(const uint8_t *mem, struct vs_sb *ret_sb)
{
	static const uint32_t zero;
	size_t at = offsetof(struct vs_sb, crc);
	struct vs_sb sb;
	uint32_t crc;

	if (all_zero(mem, VS_SB_BYTES))
		return -DER_UNINIT;
	memcpy(&sb, mem, sizeof(sb));
	if (sb.magic != VS_SB_MAGIC)
		return -DER_NOTYPE;
	crc = csum_crc32c(0, mem, at);
	crc = csum_crc32c(crc, &zero, sizeof(zero));
	crc = csum_crc32c(crc, mem + at + sizeof(zero), VS_SB_BYTES - at - sizeof(zero));
	if (crc != sb.crc)
		return -DER_DF_INVAL;
	if (sb.version > VS_SB_VERSION)
		return -DER_DF_INCOMPT;
	*ret_sb = sb;
	return 0;
}

/* Which of two verdicts says more: a good copy, then the one that knows most about the store. */
static int rank(int rc)
{
	switch (rc) {
	case 0:
		return 4;
	case -DER_DF_INCOMPT:
		return 3;
	case -DER_DF_INVAL:
		return 2;
	case -DER_NOTYPE:
		return 1;
	default:
		return 0;
	}
}

int vs_sb_load(struct rt *rt, const struct vos_home *home, struct vs_sb *ret_sb)
{
	size_t stride = align_up(VS_SB_BYTES, home->dev->align);
	uint8_t *mem;
	struct bseg seg;
	struct buf b;
	int verdict = -DER_UNINIT;
	uint64_t i;
	int rc = 0;

	if (home->bytes < 2 * stride)
		return -DER_TRUNC;
	mem = rt_alloc_aligned(rt, stride, 4096);
	if (mem == NULL)
		return -DER_NOMEM;
	b = buf_from_bytes(&seg, mem, stride);
	for (i = 0; rc == 0 && verdict != 0 && i < 2; i++) {
		int one;

		rc = rt_io(rt, home->dev, RT_IO_READ, home->off + i * stride, &b);
		one = rc == 0 ? vs_sb_parse(mem, ret_sb) : rc;
		if (rank(one) > rank(verdict))
			verdict = one;
	}
	rt_free(rt, mem);
	return rc != 0 ? rc : verdict;
}

/* ---- reading the log -------------------------------------------------------------------- */

struct reader {
	struct vos *v;
	uint8_t *win;		/* bytes [win_off, win_off + win_len) of the device */
	size_t win_cap;
	uint64_t win_off;
	size_t win_len;
	uint8_t *scratch;	/* two blocks, for the ends of reads of payload */
	uint64_t payload_off;	/* of the current record */
	/* Where the replay stands. */
	uint64_t pos;
	uint64_t seq;		/* of the last record */
	uint64_t batch_no;
	uint64_t batch_end;
	uint32_t life;
};

/* [off, off + bytes) of the device as contiguous memory, valid until the next call. */
static int look(struct reader *r, uint64_t off, size_t bytes, const uint8_t **ret_ptr)
{
	struct vos *v = r->v;
	uint64_t align = v->home.dev->align;
	uint64_t from = align_down(off, align);
	uint64_t to = min_u64(align_up(max_u64(off + bytes, from + WINDOW_BYTES), align),
			      v->log.end);
	struct bseg seg;
	struct buf b;
	int rc;

	ASSERT(off + bytes <= v->log.end);
	if (off >= r->win_off && off + bytes <= r->win_off + r->win_len) {
		*ret_ptr = r->win + (off - r->win_off);
		return 0;
	}
	r->win_len = 0;
	if (to - from > r->win_cap) {
		uint8_t *mem = vs_alloc(v, to - from);

		if (mem == NULL)
			return -DER_NOMEM;
		vs_free(v, r->win, r->win_cap);
		r->win = mem;
		r->win_cap = to - from;
	}
	b = buf_from_bytes(&seg, r->win, to - from);
	rc = rt_io(v->rt, v->home.dev, RT_IO_READ, from, &b);
	if (rc != 0)
		return rc;
	r->win_off = from;
	r->win_len = to - from;
	*ret_ptr = r->win + (off - from);
	return 0;
}

/* Payload goes straight to where it belongs, so that phantoms stay what they are. */
static int read_payload(void *arg, uint64_t off, const struct buf *dst)
{
	struct reader *r = arg;
	struct vos *v = r->v;
	uint64_t align = v->home.dev->align;
	uint64_t from = r->payload_off + off;
	uint64_t lead = from & (align - 1);
	uint64_t tail = align_up(from + dst->bytes, align) - (from + dst->bytes);
	struct bseg ends[2];
	struct buf part;
	struct buf b = { 0 };
	int rc;

	b.segs = vs_alloc(v, (dst->nr + 2) * sizeof(*b.segs));
	if (b.segs == NULL)
		return -DER_NOMEM;
	if (lead > 0) {
		part = buf_from_bytes(&ends[0], r->scratch, lead);
		(void)buf_append(&b, dst->nr + 2, &part);
	}
	(void)buf_append(&b, dst->nr + 2, dst);
	if (tail > 0) {
		part = buf_from_bytes(&ends[1], r->scratch + align, tail);
		(void)buf_append(&b, dst->nr + 2, &part);
	}
	rc = rt_io(v->rt, v->home.dev, RT_IO_READ, from - lead, &b);
	vs_free(v, b.segs, (dst->nr + 2) * sizeof(*b.segs));
	return rc;
}

/* A whole record of this format at @off? Its head, and its metadata until the next look(). False in
 * *ret_yes when it is none. */
static int look_record(struct reader *r, uint64_t off, struct vs_rec_head *ret_head,
		       struct bytes *ret_meta, bool *ret_yes)
{
	struct vos *v = r->v;
	const size_t skip = offsetof(struct vs_rec_head, gen);
	struct vs_rec_head h;
	const uint8_t *p;
	uint64_t body;
	int rc;

	*ret_yes = false;
	if (off > v->log.end || v->log.end - off < sizeof(h))
		return 0;
	rc = look(r, off, sizeof(h), &p);
	if (rc != 0)
		return rc;
	memcpy(&h, p, sizeof(h));
	if (h.magic != VS_REC_MAGIC || h.gen != v->log.gen || h.meta_bytes > VS_META_MAX)
		return 0;
	body = sizeof(h) + align_up(h.meta_bytes, 8);
	if (h.total_bytes > v->log.end - off || h.total_bytes < body ||
	    h.payload_bytes > h.total_bytes - body || h.total_bytes % 8 != 0)
		return 0;
	rc = look(r, off, sizeof(h) + h.meta_bytes, &p);
	if (rc != 0)
		return rc;
	if (csum_crc32c(0, p + skip, sizeof(h) - skip + h.meta_bytes) != h.crc)
		return 0;
	*ret_head = h;
	*ret_meta = (struct bytes){ .ptr = p + sizeof(h), .len = h.meta_bytes };
	*ret_yes = true;
	return 0;
}

/* Is it the one after the last? */
static bool is_next(const struct reader *r, const struct vs_rec_head *h)
{
	if (h->seq != r->seq + 1)
		return false;
	if ((h->flags & VS_REC_FIRST) != 0)
		return h->batch_no == r->batch_no + 1 && h->batch_bytes >= h->total_bytes;
	return h->batch_no == r->batch_no && h->life == r->life &&
	       r->pos + h->total_bytes <= r->batch_end;
}

/* Apply the record at r->pos and move behind it; *ret_yes false at the end of the log. */
static int replay_one(struct reader *r, bool *ret_yes)
{
	struct vs_payload pl = { .read = read_payload, .arg = r };
	struct vs_rec_head h;
	struct bytes meta;
	bool yes;
	int rc = look_record(r, r->pos, &h, &meta, &yes);

	*ret_yes = false;
	if (rc != 0 || !yes || !is_next(r, &h))
		return rc;
	pl.bytes = h.payload_bytes;
	pl.fp = h.payload_fp;
	r->payload_off = r->pos + sizeof(h) + align_up(h.meta_bytes, 8);
	rc = vs_record_apply(r->v, (enum vs_kind)h.kind, h.seq, meta, &pl);
	if (rc == -DER_TRUNC)
		return 0;	/* the payload is not there: cut off */
	if (rc != 0)
		return rc;
	if ((h.flags & VS_REC_FIRST) != 0) {
		r->batch_no = h.batch_no;
		r->batch_end = r->pos + h.batch_bytes;
		r->life = h.life;
	}
	r->seq = h.seq;
	r->pos += h.total_bytes;
	*ret_yes = true;
	return 0;
}

/* ---- where it ends ---------------------------------------------------------------------- */

/* Is there a first record of batch @no or a later one at @off? */
static int batch_at(struct reader *r, uint64_t off, uint64_t no, bool *ret_yes)
{
	struct vs_rec_head h;
	struct bytes meta;
	int rc = look_record(r, off, &h, &meta, ret_yes);

	if (rc == 0 && *ret_yes)
		*ret_yes = (h.flags & VS_REC_FIRST) != 0 && h.batch_no >= no;
	return rc;
}

/* A batch behind the broken one that begins at r->pos? */
static int hunt(struct reader *r, bool *ret_yes)
{
	uint64_t end = min_u64(r->pos + HUNT_BYTES, r->v->log.end);
	struct vs_rec_head h;
	uint64_t off;
	const uint8_t *p;
	int rc;

	*ret_yes = false;
	if (end - r->pos < sizeof(h))
		return 0;
	rc = look(r, r->pos, sizeof(h), &p);
	if (rc != 0 || all_zero(p, sizeof(h)))
		return rc;	/* nothing was ever written there */
	memcpy(&h, p, sizeof(h));
	if (h.magic == VS_REC_MAGIC && h.batch_bytes <= r->v->log.end - r->pos) {
		rc = batch_at(r, r->pos + h.batch_bytes, r->batch_no + 2, ret_yes);
		if (rc != 0 || *ret_yes)
			return rc;
	}
	for (off = r->pos + 8; off + sizeof(h) <= end; off += 8) {
		uint32_t magic;

		rc = look(r, off, sizeof(magic), &p);
		if (rc != 0)
			return rc;
		memcpy(&magic, p, sizeof(magic));
		if (magic != VS_REC_MAGIC)
			continue;
		rc = batch_at(r, off, r->batch_no + 2, ret_yes);
		if (rc != 0 || *ret_yes)
			return rc;
	}
	return 0;
}

static int check_end(struct reader *r)
{
	bool later = false;
	int rc;

	if (r->pos < r->batch_end)
		rc = batch_at(r, r->batch_end, r->batch_no + 1, &later);
	else
		rc = hunt(r, &later);
	return rc == 0 && later ? -DER_CSUM : rc;
}

/* New records go behind the last; its block is written again with what it holds. */
static int resume(struct reader *r)
{
	struct vos *v = r->v;
	struct vs_log *l = &v->log;
	struct vs_batch *b = &l->fill;
	const uint8_t *p;
	int rc;

	b->pos = r->pos;
	b->lead = r->pos & (v->home.dev->align - 1);
	l->batch_no = r->batch_no + 1;
	l->next_seq = r->seq + 1;
	l->durable_seq = r->seq;
	l->life = (uint32_t)rt_rand(v->rt, RT_STREAM_ID) | 1;
	if (b->lead == 0)
		return 0;
	rc = look(r, r->pos - b->lead, b->lead, &p);
	if (rc != 0)
		return rc;
	b->cap = 2 * (size_t)v->home.dev->align;
	b->mem = vs_alloc(v, b->cap);
	if (b->mem == NULL)
		return -DER_NOMEM;
	memcpy(b->mem, p, b->lead);
	b->len = b->lead;
	return 0;
}

int vs_replay(struct vos *v)
{
	struct reader r = { .v = v, .pos = v->log.begin, .batch_end = v->log.begin };
	size_t scratch_bytes = 2 * (size_t)v->home.dev->align;
	bool more = true;
	int rc = 0;

	r.scratch = vs_alloc(v, scratch_bytes);
	if (r.scratch == NULL)
		return -DER_NOMEM;
	while (rc == 0 && more)
		rc = replay_one(&r, &more);
	if (rc == 0)
		rc = check_end(&r);
	if (rc == 0)
		rc = resume(&r);
	vs_free(v, r.win, r.win_cap);
	vs_free(v, r.scratch, scratch_bytes);
	return rc;
}

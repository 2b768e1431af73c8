/*
 * The log: records are appended to a batch in memory; the first that waits for durability writes
 * the batch and flushes, while the next one fills. One batch is on its way at a time, so that a
 * batch on the device proves all earlier ones durable.
 *
 * A batch begins where the last one ended, usually within a block. That block is written again with
 * the same bytes in front; a device that tears writes at its sectors (512 bytes) leaves them be.
 */
#include "core/csum/csum.h"
#include "core/vos/vos_simple_int.h"

#define VS_SPARE_MAX (16u << 10) /* larger buffers are given back after use */

static size_t dev_align(const struct vos *v)
{
	return v->home.dev->align;
}

void vs_log_init(struct vos *v)
{
	struct vs_log *l = &v->log;

	rt_waitq_init(&l->wait);
	l->next_seq = 1;
	l->batch_no = 1;
}

static void drop_refs(struct vos *v, struct vs_batch *b, uint32_t from)
{
	while (b->ref_nr > from)
		vs_val_put(v, b->refs[--b->ref_nr].val);
}

static void batch_fini(struct vos *v, struct vs_batch *b)
{
	drop_refs(v, b, 0);
	vs_free(v, b->refs, b->ref_cap * sizeof(*b->refs));
	vs_free(v, b->mem, b->cap);
	*b = (struct vs_batch){ 0 };
}

void vs_log_fini(struct vos *v)
{
	batch_fini(v, &v->log.fill);
	vs_free(v, v->log.spare, v->log.spare_cap);
	vs_free(v, v->log.segs, v->log.segs_cap * sizeof(*v->log.segs));
}

uint64_t vs_log_left(const struct vos *v, bool urgent)
{
	const struct vs_log *l = &v->log;
	uint64_t size = l->end - l->begin;
	uint64_t keep = urgent ? 0 : l->reserved + min_u64(size / 8, 64u << 10);
	uint64_t used = l->fill.pos - l->begin + l->fill.bytes + keep;

	return used < size ? size - used : 0;
}

/* ---- records ---------------------------------------------------------------------------- */

/* Room for @bytes more in the batch, and for the padding of its last block. */
static int batch_room(struct vos *v, size_t bytes)
{
	struct vs_batch *b = &v->log.fill;
	size_t need = b->len + bytes + dev_align(v);
	size_t cap = b->cap == 0 ? 2 * dev_align(v) : b->cap;
	uint8_t *mem;

	if (need <= b->cap)
		return 0;
	while (cap < need)
		cap *= 2;
	mem = vs_alloc(v, cap);
	if (mem == NULL)
		return -DER_NOMEM;
	if (b->len > 0)
		memcpy(mem, b->mem, b->len);
	vs_free(v, b->mem, b->cap);
	b->mem = mem;
	b->cap = cap;
	return 0;
}

void vs_rec_begin(struct vos *v)
{
	struct vs_log *l = &v->log;
	struct vs_rec_head head = { 0 };

	l->err = 0;
	if (!vs_has_log(v))
		return;
	if (l->spare == NULL) {
		l->spare_cap = 2 * dev_align(v);
		l->spare = vs_alloc(v, l->spare_cap);
		if (l->spare == NULL)
			l->err = -DER_NOMEM;
	}
	l->save = l->fill;
	vs_rec_raw(v, &head, sizeof(head));
}

void vs_rec_raw(struct vos *v, const void *ptr, size_t bytes)
{
	struct vs_log *l = &v->log;

	if (!vs_has_log(v) || l->err != 0 || bytes == 0)
		return;
	if (l->fill.len - l->save.len + bytes > VS_META_MAX)
		l->err = -DER_OVERFLOW;
	else
		l->err = batch_room(v, bytes);
	if (l->err != 0)
		return;
	memcpy(l->fill.mem + l->fill.len, ptr, bytes);
	l->fill.len += bytes;
}

void vs_rec_buf(struct vos *v, const struct buf *b)
{
	struct vs_log *l = &v->log;
	struct bseg seg;
	struct buf dst;

	if (!vs_has_log(v) || l->err != 0)
		return;
	l->err = batch_room(v, b->bytes);
	if (l->err != 0)
		return;
	dst = buf_from_bytes(&seg, l->fill.mem + l->fill.len, b->bytes);
	l->err = buf_copy(&dst, 0, b, 0, b->bytes);
	l->fill.len += b->bytes;
}

/* Zeros, so that @pos + what was appended since is a multiple of @align. */
static void pad(struct vos *v, uint64_t pos, uint64_t align)
{
	static const uint8_t zeros[512];
	uint64_t left = align_up(pos, align) - pos;

	while (left > 0 && v->log.err == 0) {
		uint64_t n = min_u64(left, sizeof(zeros));

		vs_rec_raw(v, zeros, n);
		left -= n;
	}
}

bool vs_val_inline(const struct vos *v, const struct vs_val *val)
{
	return val->buf.bytes <= v->opts.data_threshold_bytes && buf_is_bytes(&val->buf);
}

uint64_t vs_payload_fp(uint32_t nr, struct vs_val *const *vals, uint64_t *ret_bytes)
{
	uint64_t fp = 0;
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		fp = mix64_2(fp, buf_fingerprint(&vals[i]->buf, 0, vals[i]->buf.bytes));
		bytes += vals[i]->buf.bytes;
	}
	*ret_bytes = bytes;
	return fp;
}

static int add_refs(struct vos *v, uint32_t nr, struct vs_val *const *vals)
{
	struct vs_batch *b = &v->log.fill;
	uint32_t i;

	if (vs_grow(v, &b->refs, &b->ref_cap, b->ref_nr + nr, sizeof(*b->refs)) != 0)
		return -DER_NOMEM;
	for (i = 0; i < nr; i++) {
		b->refs[b->ref_nr++] = (struct vs_log_ref){ .at = b->len, .val = vals[i] };
		vals[i]->refs++;
		b->val_segs += vals[i]->buf.nr;
	}
	/* Each ref is followed by a stretch of mem; one more in front, one for the padding. */
	return vs_grow(v, &v->log.segs, &v->log.segs_cap, b->val_segs + b->ref_nr + 2,
		       sizeof(*v->log.segs));
}

static uint32_t head_crc(const uint8_t *rec, uint32_t meta_bytes)
{
	size_t skip = offsetof(struct vs_rec_head, gen);

	return csum_crc32c(0, rec + skip, sizeof(struct vs_rec_head) - skip + meta_bytes);
}

/* Back to before the record; memory that grew meanwhile stays. */
static void rewind_fill(struct vos *v)
{
	struct vs_batch *b = &v->log.fill;
	struct vs_batch *s = &v->log.save;

	drop_refs(v, b, s->ref_nr);
	b->len = s->len;
	b->nr = s->nr;
	b->val_segs = s->val_segs;
	b->bytes = s->bytes;
	b->last_seq = s->last_seq;
}

void vs_rec_undo(struct vos *v)
{
	v->log.next_seq--;
	if (vs_has_log(v))
		rewind_fill(v);
}

/* Is it of the kind that must work on a full device? */
static bool urgent_kind(enum vs_kind kind)
{
	return kind != VS_REC_UPDATE && kind != VS_REC_CREATE && kind != VS_REC_SNAPS;
}

int vs_rec_end(struct vos *v, enum vs_kind kind, uint32_t nr, struct vs_val *const *vals,
	       uint64_t *ret_seq)
{
	struct vs_log *l = &v->log;
	struct vs_batch *b = &l->fill;
	struct vs_rec_head h = { .magic = VS_REC_MAGIC, .gen = l->gen, .seq = l->next_seq,
				 .batch_no = l->batch_no, .life = l->life, .kind = (uint16_t)kind };
	uint64_t pos = b->pos + b->bytes;

	if (!vs_has_log(v)) {
		*ret_seq = l->next_seq++;
		return 0;
	}
	h.flags = b->nr == 0 ? VS_REC_FIRST : 0;
	if (l->err == 0)
		h.meta_bytes = (uint32_t)(b->len - l->save.len - sizeof(h));
	pad(v, b->len - l->save.len, 8);
	if (l->err == 0)
		h.total_bytes = b->len - l->save.len;
	if (nr > 0 && l->err == 0) {
		h.payload_fp = vs_payload_fp(nr, vals, &h.payload_bytes);
		h.total_bytes += h.payload_bytes;
		l->err = add_refs(v, nr, vals);
		pad(v, pos + h.total_bytes, dev_align(v));
		h.total_bytes = align_up(pos + h.total_bytes, dev_align(v)) - pos;
	}
	if (l->err == 0 && nr == 0 && l->segs == NULL)
		l->err = add_refs(v, 0, NULL);
	if (l->err == 0 && h.total_bytes > vs_log_left(v, urgent_kind(kind)))
		l->err = -DER_NOSPACE;
	if (l->err != 0) {
		rewind_fill(v);
		return l->err;
	}
	memcpy(b->mem + l->save.len, &h, sizeof(h));
	h.crc = head_crc(b->mem + l->save.len, h.meta_bytes);
	memcpy(b->mem + l->save.len, &h, sizeof(h));
	b->bytes += h.total_bytes;
	b->nr++;
	b->last_seq = h.seq;
	l->next_seq++;
	*ret_seq = h.seq;
	return 0;
}

/* ---- writing ---------------------------------------------------------------------------- */

/* The first record learns how long the batch became. */
static void seal_batch(struct vs_batch *b)
{
	uint8_t *rec = b->mem + b->lead;
	struct vs_rec_head h;

	memcpy(&h, rec, sizeof(h));
	ASSERT(h.magic == VS_REC_MAGIC && (h.flags & VS_REC_FIRST) != 0);
	h.batch_bytes = b->bytes;
	memcpy(rec, &h, sizeof(h));
	h.crc = head_crc(rec, h.meta_bytes);
	memcpy(rec, &h, sizeof(h));
}

static void add_mem(struct buf *out, const struct vs_batch *b, size_t from, size_t to)
{
	if (to == from)
		return;
	(void)buf_from_bytes(&out->segs[out->nr++], b->mem + from, to - from);
	out->bytes += to - from;
}

/* The write: mem and payloads in turn, up to the end of the last block. */
static struct buf batch_buf(struct vos *v, struct vs_batch *b)
{
	struct buf out = { .segs = v->log.segs };
	size_t at = 0;
	uint64_t total = b->lead + b->bytes;
	size_t fill = align_up(total, dev_align(v)) - total;
	uint32_t i;

	ASSERT(b->len + fill <= b->cap);
	memset(b->mem + b->len, 0, fill);
	for (i = 0; i < b->ref_nr; i++) {
		int rc;

		add_mem(&out, b, at, b->refs[i].at);
		at = b->refs[i].at;
		rc = buf_append(&out, v->log.segs_cap, &b->refs[i].val->buf);
		ASSERT(rc == 0);
	}
	add_mem(&out, b, at, b->len + fill);
	ASSERT(out.nr <= v->log.segs_cap && out.bytes == total + fill);
	return out;
}

/* Start the next batch behind @old. Cannot fail: the spare is there. */
static void next_batch(struct vos *v, const struct vs_batch *old)
{
	struct vs_log *l = &v->log;
	struct vs_batch *b = &l->fill;

	ASSERT(l->spare != NULL);
	*b = (struct vs_batch){ .mem = l->spare, .cap = l->spare_cap };
	l->spare = NULL;
	l->spare_cap = 0;
	b->pos = old->pos + old->bytes;
	b->lead = b->pos & (dev_align(v) - 1);
	b->len = b->lead;
	ASSERT(b->lead <= old->len);
	memcpy(b->mem, old->mem + old->len - b->lead, b->lead);
	l->batch_no++;
}

/* Write what has gathered, and flush. Blocks: yes. */
static void write_batch(struct vos *v)
{
	struct vs_log *l = &v->log;
	struct vs_batch b = l->fill;
	uint32_t segs_cap = l->segs_cap;
	struct buf out;
	int rc;

	seal_batch(&b);
	out = batch_buf(v, &b);
	l->segs = NULL;		/* the next batch has its own */
	l->segs_cap = 0;
	next_batch(v, &b);
	l->writing = true;
	rc = rt_io(v->rt, v->home.dev, RT_IO_WRITE, b.pos - b.lead, &out);
#ifndef GEMEL_SABOTAGE_VOS_NO_FLUSH
	if (rc == 0)
		rc = rt_io(v->rt, v->home.dev, RT_IO_FLUSH, 0, NULL);
#endif
	l->writing = false;
	if (rc == 0)
		l->durable_seq = b.last_seq;
	else
		l->failed = true;
	vs_free(v, out.segs, segs_cap * sizeof(*out.segs));
	if (l->spare == NULL && b.cap <= VS_SPARE_MAX) {
		l->spare = b.mem;
		l->spare_cap = b.cap;
		b.mem = NULL;
		b.cap = 0;
	}
	batch_fini(v, &b);
	(void)rt_wake_all(v->rt, &l->wait);
}

int vs_log_wait(struct vos *v, uint64_t seq)
{
	struct vs_log *l = &v->log;

	if (!vs_has_log(v))
		return 0;
	while (!l->failed && l->durable_seq < seq) {
		if (l->writing)
			(void)rt_wait(v->rt, &l->wait, RT_NEVER);	/* the loop looks again */
		else
			write_batch(v);
	}
	return l->failed ? -DER_NVME_IO : 0;
}

int vs_log_enter(struct vos *v)
{
	struct vs_log *l = &v->log;

	while (vs_has_log(v) && !l->failed &&
	       (l->fill.nr >= v->opts.group_max_ops || l->fill.bytes >= v->opts.group_max_bytes)) {
		if (l->writing)
			(void)rt_wait(v->rt, &l->wait, RT_NEVER);	/* the loop looks again */
		else
			write_batch(v);
	}
	return l->failed ? -DER_NVME_IO : 0;
}

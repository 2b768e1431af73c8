/* Values: content by reference, of real bytes, of phantoms, or pieces of both in a row. */
#include "core/vos/vos_simple_int.h"

static int piece_grow(struct bsink *sink, uint32_t cap)
{
	struct vs_piece *p = sink->grow_arg;

	return vs_grow(p->v, &sink->runs, &sink->cap, cap, sizeof(*sink->runs));
}

/* Values of bytes in one piece have their bytes behind the struct: one allocation. */
static int val_one(struct vos *v, uint64_t bytes, struct vs_val **ret_val)
{
	size_t head = sizeof(struct vs_val) + sizeof(struct vs_piece);
	struct vs_val *val;

	if (bytes > SIZE_MAX - head)
		return -DER_NOMEM;
	val = vs_alloc(v, head + bytes);
	if (val == NULL)
		return -DER_NOMEM;
	val->refs = 1;
	val->nr = 1;
	val->alloc_bytes = head + bytes;
	val->pieces[0] = (struct vs_piece){ .bytes = bytes, .mem = (char *)val + head };
	*ret_val = val;
	return 0;
}

int vs_val_pieces(struct vos *v, uint32_t nr, const struct vs_piece *pieces,
		  struct vs_val **ret_val)
{
	struct vs_val *val;
	uint32_t i;

	if (nr == 1 && !pieces[0].phantom)
		return val_one(v, pieces[0].bytes, ret_val);
	val = vs_alloc(v, sizeof(*val) + nr * sizeof(*pieces));
	if (val == NULL)
		return -DER_NOMEM;
	val->refs = 1;
	val->nr = nr;
	val->alloc_bytes = sizeof(*val) + nr * sizeof(*pieces);
	for (i = 0; i < nr; i++) {
		struct vs_piece *p = &val->pieces[i];

		*p = (struct vs_piece){ .bytes = pieces[i].bytes, .phantom = pieces[i].phantom,
					.v = v };
		bsink_init(&p->sink, p->bytes, NULL, 0);
		p->sink.grow = piece_grow;
		p->sink.grow_arg = p;
		if (p->phantom)
			continue;
		p->mem = vs_alloc(v, p->bytes);
		if (p->mem == NULL) {
			vs_val_put(v, val);
			return -DER_NOMEM;
		}
	}
	*ret_val = val;
	return 0;
}

int vs_val_create(struct vos *v, uint64_t bytes, bool phantom, struct vs_val **ret_val)
{
	struct vs_piece p = { .bytes = bytes, .phantom = phantom };

	return vs_val_pieces(v, 1, &p, ret_val);
}

/* The pieces of @src: neighbours of one kind are one. Returns how many; fills @pieces unless
 * NULL. */
static uint32_t pieces_of(const struct buf *src, struct vs_piece *pieces)
{
	uint32_t nr = 0;
	bool last = false;
	uint32_t i;

	for (i = 0; i < src->nr; i++) {
		struct buf one = { .segs = &src->segs[i], .nr = 1, .bytes = src->segs[i].bytes };
		bool phantom = !buf_is_bytes(&one);

		if (one.bytes == 0)
			continue;
		if (nr == 0 || phantom != last) {
			nr++;
			if (pieces != NULL)
				pieces[nr - 1] = (struct vs_piece){ .phantom = phantom };
		}
		if (pieces != NULL)
			pieces[nr - 1].bytes += one.bytes;
		last = phantom;
	}
	return nr;
}

int vs_val_copy(struct vos *v, const struct buf *src, struct vs_val **ret_val)
{
	uint32_t nr = pieces_of(src, NULL);
	struct vs_piece one = { 0 };
	struct vs_piece *pieces = &one;
	struct bseg seg;
	struct bseg *segs = &seg;
	struct vs_val *val = NULL;
	struct buf dst;
	int rc = -DER_NOMEM;

	if (nr > 1) {
		pieces = vs_alloc(v, nr * sizeof(*pieces));
		segs = vs_alloc(v, nr * sizeof(*segs));
	}
	if (pieces == NULL || segs == NULL)
		goto out;
	(void)pieces_of(src, pieces);
	rc = vs_val_pieces(v, nr == 0 ? 1 : nr, pieces, &val);
	if (rc != 0)
		goto out;
	vs_val_dst(val, segs, &dst);
	rc = buf_copy(&dst, 0, src, 0, src->bytes);
	if (rc == 0)
		rc = vs_val_seal(v, val);
	if (rc != 0)
		goto out;
	*ret_val = val;
	val = NULL;
out:
	vs_val_put(v, val);
	if (nr > 1) {
		vs_free(v, pieces, nr * sizeof(*pieces));
		vs_free(v, segs, nr * sizeof(*segs));
	}
	return rc;
}

void vs_val_dst(struct vs_val *val, struct bseg *segs, struct buf *ret_buf)
{
	struct buf b = { .segs = segs, .nr = val->nr };
	uint32_t i;

	for (i = 0; i < val->nr; i++) {
		struct vs_piece *p = &val->pieces[i];

		if (p->phantom)
			(void)buf_from_sink(&segs[i], &p->sink, 0, p->bytes);
		else
			(void)buf_from_bytes(&segs[i], p->mem, p->bytes);
		b.bytes += p->bytes;
	}
	*ret_buf = b;
}

/* What nobody wrote of a phantom reads as zeros. */
static int sink_settle(struct vs_piece *p)
{
	struct bseg seg;
	struct buf b;

	if (!p->phantom || p->sink.nr > 0 || p->bytes == 0)
		return 0;
	b = buf_from_sink(&seg, &p->sink, 0, p->bytes);
	return buf_zero(&b, 0, p->bytes);
}

int vs_val_seal(struct vos *v, struct vs_val *val)
{
	uint32_t nr = 0;
	uint32_t i;
	struct bseg *segs = &val->seg;

	for (i = 0; i < val->nr; i++) {
		int rc = sink_settle(&val->pieces[i]);

		if (rc != 0)
			return rc;
		nr += val->pieces[i].phantom ? val->pieces[i].sink.nr : 1;
	}
	if (nr > 1) {
		segs = vs_alloc(v, nr * sizeof(*segs));
		if (segs == NULL)
			return -DER_NOMEM;
		val->segs_cap = nr;
	}
	val->buf = (struct buf){ .segs = segs };
	for (i = 0; i < val->nr; i++) {
		struct vs_piece *p = &val->pieces[i];
		struct bseg one;
		struct buf part = p->phantom ? bsink_buf(&p->sink)
					     : buf_from_bytes(&one, p->mem, p->bytes);
		int rc = buf_append(&val->buf, nr, &part);

		ASSERT(rc == 0);
	}
	return 0;
}

void vs_val_put(struct vos *v, struct vs_val *val)
{
	uint32_t i;

	if (val == NULL)
		return;
	ASSERT(val->refs > 0);
	if (--val->refs > 0)
		return;
	for (i = 0; i < val->nr; i++) {
		struct vs_piece *p = &val->pieces[i];

		vs_free(v, p->sink.runs, p->sink.cap * sizeof(*p->sink.runs));
		if (val->nr > 1 && !p->phantom)
			vs_free(v, p->mem, p->bytes);
	}
	if (val->segs_cap > 0)
		vs_free(v, val->buf.segs, val->segs_cap * sizeof(*val->buf.segs));
	vs_free(v, val, val->alloc_bytes);
}

int vs_csum_copy(struct vos *v, const struct vos_csum *src, struct vs_csum **ret_csum)
{
	struct vs_csum *c;

	if (src == NULL || src->type == 0) {
		*ret_csum = NULL;
		return 0;
	}
	c = vs_alloc(v, sizeof(*c) + src->sums.len);
	if (c == NULL)
		return -DER_NOMEM;
	c->c = *src;
	c->c.sums.ptr = c->sums;
	if (src->sums.len > 0)
		memcpy(c->sums, src->sums.ptr, src->sums.len);
	*ret_csum = c;
	return 0;
}

void vs_csum_free(struct vos *v, struct vs_csum *c)
{
	if (c != NULL)
		vs_free(v, c, sizeof(*c) + c->c.sums.len);
}

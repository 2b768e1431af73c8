/* What the interposers share. */
#include "transports/wrap/wrap_int.h"

#include <stdlib.h>

/* What a sink segment holds, as runs: a slice of the sink's own, or zeros where nothing came. */
static struct buf sink_runs(const struct bseg *seg, struct bseg *zero)
{
	struct buf runs = bsink_buf(seg->sink);

	return runs.nr > 0 ? runs : buf_from_gen(zero, 0, 0, seg->sink->bytes);
}

static uint32_t clone_count(const struct bseg *seg)
{
	struct bseg zero;
	struct buf runs;

	if (seg->kind != BSEG_SINK)
		return 1;
	runs = sink_runs(seg, &zero);
	return buf_slice_count(&runs, seg->start, seg->bytes);
}

/* Append the content of @seg to @out, which has @cap slots; bytes go to @at. Returns its new
 * end. */
static char *clone_seg(const struct bseg *seg, struct buf *out, uint32_t cap, char *at)
{
	struct bseg zero;
	struct buf runs, slice;
	int rc;

	if (seg->kind == BSEG_SINK) {
		runs = sink_runs(seg, &zero);
		rc = buf_slice(&runs, seg->start, seg->bytes, out->segs + out->nr, cap - out->nr,
			       &slice);
		ASSERT(rc == 0);
		out->nr += slice.nr;
		return at;
	}
	out->segs[out->nr] = *seg;
	if (seg->kind == BSEG_BYTES) {
		if (seg->bytes > 0)
			memcpy(at, seg->ptr, seg->bytes);
		out->segs[out->nr].ptr = at;
		at += seg->bytes;
	}
	out->nr++;
	return at;
}

int wrap_buf_clone(struct rt *rt, const struct buf *src, uint32_t spare, struct buf *ret_copy)
{
	struct buf out = { .bytes = src->bytes };
	size_t segs_bytes, bytes = 0;
	uint32_t cap = spare;
	char *at;

	for (uint32_t i = 0; i < src->nr; i++) {
		cap += clone_count(&src->segs[i]);
		if (src->segs[i].kind == BSEG_BYTES)
			bytes += src->segs[i].bytes;
	}
	segs_bytes = (size_t)cap * sizeof(struct bseg);
	out.segs = rt != NULL ? rt_alloc(rt, segs_bytes + bytes + 1)
			      : calloc(1, segs_bytes + bytes + 1);
	if (out.segs == NULL)
		return -DER_NOMEM;
	at = (char *)out.segs + segs_bytes;
	for (uint32_t i = 0; i < src->nr; i++)
		at = clone_seg(&src->segs[i], &out, cap, at);
	*ret_copy = out;
	return 0;
}

void wrap_buf_free(struct rt *rt, struct buf *copy)
{
	if (rt != NULL)
		rt_free(rt, copy->segs);
	else
		free(copy->segs);
	*copy = BUF_EMPTY;
}

void wrap_buf_damage(struct buf *b, uint32_t cap, uint64_t off, uint64_t salt)
{
	struct bseg seg;
	struct buf other = buf_from_gen(&seg, mix64(salt) | 1, off, 1);

	if (off >= b->bytes || buf_corrupt(b, cap, off) == 0)
		return;
	/* A destination of phantoms: overwrite a byte of what it recorded. */
	(void)buf_copy(b, off, &other, 0, 1);	/* a full sink stays whole */
}

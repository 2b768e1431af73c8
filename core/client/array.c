/*
 * Arrays. A range is cut at the borders of chunks; each piece is one update or fetch of one chunk, many
 * of them at a time. Chunk c is dkey c + 1 (0 is kept for attributes), as the object type's integer
 * dkeys want it; its cells are the records of one akey.
 */
#include "core/client/client_int.h"

/* Pieces in flight at once from one call. */
#define WINDOW 64u

static const char array_akey[1] = "";

static void array_free(struct process *p, struct cl_ref *ref)
{
	struct cl_array *a = container_of(ref, struct cl_array, ref);

	cl_put(p, &a->obj->ref);
	process_free(p, a);
}

int cl_array_open(struct process *p, struct cl_obj *o, uint64_t cell_bytes, uint64_t chunk_cells,
		  struct cl_array **ret_array)
{
	struct cl_array *a;

	if (cell_bytes == 0 || chunk_cells == 0 || chunk_cells > (1ull << 50) / cell_bytes ||
	    !daos_is_dkey_uint64_type((enum daos_otype_t)o->attr.type))
		return -DER_INVAL;
	a = process_alloc(p, sizeof(*a));
	if (a == NULL)
		return -DER_NOMEM;
	cl_ref_init(&a->ref, DAOS_HTYPE_ARRAY, array_free);
	cl_get(p, &o->ref);
	a->obj = o;
	a->cell_bytes = cell_bytes;
	a->chunk_cells = chunk_cells;
	*ret_array = a;
	return 0;
}

/* One piece of a transfer: cells of one chunk, and the part of the caller's memory. */
struct piece {
	uint64_t dkey_val;
	daos_key_t dkey;
	daos_recx_t recx;
	daos_iod_t iod;
	d_sg_list_t sgl;
	struct cl_rw *rw;
	uint64_t cell;		/* first cell, in the array */
	int start_rc;
};

struct transfer {
	struct cl_array *a;
	bool write;
	uint32_t flags;		/* enum cl_array_flags */
	uint32_t nr;
	const daos_range_t *ranges;
	d_sg_list_t *sgl;
	/* Where the next piece begins. */
	uint32_t range;
	uint64_t range_off;	/* cells done of it */
	uint32_t iov;
	uint64_t iov_off;
	d_iov_t *iovs;		/* room for the pieces' vectors */
	uint32_t iovs_cap;
	uint32_t iovs_used;
	uint64_t missed_end;	/* end of the last range in which something was missing */
};

static int ranges_check(const struct cl_array *a, uint32_t nr, const daos_range_t *ranges,
			uint64_t *ret_cells)
{
	uint64_t limit = (1ull << 62) / a->cell_bytes;
	uint64_t sum = 0;
	uint32_t i;

	if (nr == 0 || ranges == NULL)
		return -DER_INVAL;
	for (i = 0; i < nr; i++) {
		if (ranges[i].rg_idx > limit || ranges[i].rg_len > limit - ranges[i].rg_idx ||
		    ranges[i].rg_len > limit - sum)
			return -DER_INVAL;
		sum += ranges[i].rg_len;
	}
	*ret_cells = sum;
	return 0;
}

/* Cut the next @bytes of the caller's memory into the piece's own vectors. */
static int piece_memory(struct transfer *t, struct piece *pc, uint64_t bytes)
{
	pc->sgl = (d_sg_list_t){ .sg_iovs = &t->iovs[t->iovs_used] };
	while (bytes > 0) {
		const d_iov_t *src = &t->sgl->sg_iovs[t->iov];
		uint64_t have = t->write ? src->iov_len : src->iov_buf_len;
		uint64_t n = min_u64(have - t->iov_off, bytes);

		if (n > 0) {
			if (t->iovs_used == t->iovs_cap)
				return -DER_TRUNC;
			d_iov_set(&t->iovs[t->iovs_used++], (char *)src->iov_buf + t->iov_off, n);
			pc->sgl.sg_nr++;
		}
		t->iov_off += n;
		bytes -= n;
		if (t->iov_off == have) {
			t->iov++;
			t->iov_off = 0;
		}
	}
	return 0;
}

/* The next piece, false at the end. */
static bool piece_next(struct transfer *t, struct piece *pc)
{
	const daos_range_t *r;
	uint64_t cell;
	uint64_t in_chunk;
	uint64_t n;

	while (t->range < t->nr && t->range_off == t->ranges[t->range].rg_len) {
		t->range++;
		t->range_off = 0;
	}
	if (t->range == t->nr)
		return false;
	r = &t->ranges[t->range];
	cell = r->rg_idx + t->range_off;
	in_chunk = cell % t->a->chunk_cells;
	n = min_u64(t->a->chunk_cells - in_chunk, r->rg_len - t->range_off);
	*pc = (struct piece){
		.dkey_val = cell / t->a->chunk_cells + 1,
		.recx = { .rx_idx = in_chunk, .rx_nr = n },
		.cell = cell,
	};
	d_iov_set(&pc->dkey, &pc->dkey_val, sizeof(pc->dkey_val));
	pc->iod = (daos_iod_t){ .iod_type = DAOS_IOD_ARRAY, .iod_size = t->a->cell_bytes,
				.iod_nr = 1, .iod_recxs = &pc->recx };
	d_iov_set(&pc->iod.iod_name, (void *)(uintptr_t)array_akey, sizeof(array_akey));
	t->range_off += n;
	return true;
}

static int piece_start(struct cl_stream *s, struct rpc_group *g, struct transfer *t,
		       struct piece *pc)
{
	int rc = piece_memory(t, pc, pc->recx.rx_nr * t->a->cell_bytes);

	if (rc != 0)
		return rc;
	if (t->write)
		return cl_update_start(s, g, t->a->obj, 0, &pc->dkey, 1, &pc->iod, &pc->sgl,
				       &pc->rw);
	rc = cl_fetch_start(s, g, t->a->obj, DAOS_EPOCH_MAX, 0, &pc->dkey, 1, &pc->iod, &pc->sgl,
			    NULL, &pc->rw);
	if (rc == 0 && (t->flags & CL_ARRAY_ZERO_HOLES))
		cl_rw_zero_holes(pc->rw);
	return rc;
}

static int piece_end(struct cl_stream *s, struct transfer *t, struct piece *pc)
{
	int rc = pc->start_rc;

	if (pc->rw == NULL)
		return rc;
	rc = cl_rw_finish(s, pc->rw);
	if (rc == 0 && !t->write && cl_rw_missed(pc->rw))
		t->missed_end = max_u64(t->missed_end, pc->cell + pc->recx.rx_nr);
	cl_rw_free(s, pc->rw);
	return rc;
}

/* As many pieces as fit the window: start all, wait for all, end all. *ret_more: some are left. */
static int transfer_window(struct cl_stream *s, struct transfer *t, struct piece *pieces,
			   uint32_t window, bool *ret_more)
{
	struct rpc_group g;
	uint32_t n = 0;
	uint32_t i;
	int rc = 0;

	rpc_group_init(&g, s->rpc);
	t->iovs_used = 0;
	while (n < window && rc == 0 && piece_next(t, &pieces[n])) {
		rc = piece_start(s, &g, t, &pieces[n]);
		pieces[n].start_rc = rc;
		n++;
	}
	*ret_more = n == window;
	(void)rpc_group_wait(&g);
	for (i = 0; i < n; i++) {
		int one = piece_end(s, t, &pieces[i]);

		if (rc == 0)
			rc = one;
	}
	return rc;
}

static int transfer(struct cl_stream *s, struct transfer *t)
{
	uint64_t chunks = 0;
	struct piece *pieces;
	uint32_t window;
	uint64_t room;
	uint64_t cells;
	uint32_t i;
	bool more = true;
	int rc;

	rc = ranges_check(t->a, t->nr, t->ranges, &cells);
	if (rc != 0 || cells == 0)
		return rc;
	room = 0;
	for (i = 0; t->sgl != NULL && i < t->sgl->sg_nr; i++)
		room += t->write ? t->sgl->sg_iovs[i].iov_len : t->sgl->sg_iovs[i].iov_buf_len;
	if (room < cells * t->a->cell_bytes)
		return -DER_REC2BIG;
	for (i = 0; i < t->nr && chunks < WINDOW; i++)
		chunks += t->ranges[i].rg_len / t->a->chunk_cells + 2;
	window = (uint32_t)min_u64(chunks, WINDOW);
	/* A piece has a vector of its own for each of the caller's, and one cut at each end. */
	t->iovs_cap = t->sgl->sg_nr + 2 * window;
	pieces = rt_alloc(s->rt, window * sizeof(*pieces) + t->iovs_cap * sizeof(d_iov_t));
	if (pieces == NULL)
		return -DER_NOMEM;
	t->iovs = (d_iov_t *)(pieces + window);
	while (rc == 0 && more)
		rc = transfer_window(s, t, pieces, window, &more);
	rt_free(s->rt, pieces);
	return rc;
}

int cl_array_write(struct cl_stream *s, struct cl_array *a, uint32_t nr, const daos_range_t *ranges,
		   d_sg_list_t *sgl)
{
	struct transfer t = { .a = a, .write = true, .nr = nr, .ranges = ranges, .sgl = sgl };

	return transfer(s, &t);
}

/* Cells of the ranges that lie at or behind @size. */
static uint64_t cells_behind(uint32_t nr, const daos_range_t *ranges, uint64_t size)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		uint64_t end = ranges[i].rg_idx + ranges[i].rg_len;

		if (end > size)
			sum += end - max_u64(size, ranges[i].rg_idx);
	}
	return sum;
}

int cl_array_read(struct cl_stream *s, struct cl_array *a, uint32_t nr, const daos_range_t *ranges,
		  d_sg_list_t *sgl, uint32_t flags, uint64_t *ret_short)
{
	struct transfer t = { .a = a, .flags = flags, .nr = nr, .ranges = ranges, .sgl = sgl };
	uint64_t size;
	int rc;

	rc = transfer(s, &t);
	if (rc != 0 || ret_short == NULL)
		return rc;
	*ret_short = 0;
	if (t.missed_end == 0)
		return 0;
	/* Something is missing: holes inside, or the end; only the array's size can tell. */
	rc = cl_array_size(s, a, &size);
	if (rc == 0)
		*ret_short = cells_behind(nr, ranges, size);
	return rc;
}

int cl_array_size(struct cl_stream *s, struct cl_array *a, uint64_t *ret_cells)
{
	return cl_array_stat(s, a, ret_cells, NULL);
}

int cl_array_stat(struct cl_stream *s, struct cl_array *a, uint64_t *ret_cells, uint64_t *ret_epoch)
{
	uint64_t dkey_val = 0;
	daos_key_t dkey;
	daos_key_t akey;
	daos_recx_t recx = { 0 };
	int rc;

	d_iov_set(&dkey, &dkey_val, sizeof(dkey_val));
	d_iov_set(&akey, (void *)(uintptr_t)array_akey, sizeof(array_akey));
	rc = cl_query_key_epoch(s, a->obj, DAOS_EPOCH_MAX,
				DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_RECX, &dkey, &akey, &recx,
				NULL, ret_epoch);
	if (rc != 0)
		return rc;
	if (dkey.iov_len == 0 || dkey_val == 0)	/* nothing, or attributes only */
		*ret_cells = 0;
	else
		*ret_cells = (dkey_val - 1) * a->chunk_cells + recx.rx_idx + recx.rx_nr;
	return 0;
}

/* Punch the cells of one piece. A whole chunk goes as well by its cells: what has no record left is no
 * longer there, and pieces of one kind can all be under way at once. */
static int punch_start(struct cl_stream *s, struct rpc_group *g, struct cl_array *a,
		       struct piece *pc)
{
	pc->iod.iod_size = 0;
	return cl_update_start(s, g, a->obj, 0, &pc->dkey, 1, &pc->iod, NULL, &pc->rw);
}

/* The next piece in front of @size: behind the end there is nothing to punch, however far a range goes. */
static bool punch_next(struct transfer *t, uint64_t size, struct piece *pc)
{
	while (piece_next(t, pc)) {
		if (pc->cell < size)
			return true;
		t->range_off = t->ranges[t->range].rg_len;
	}
	return false;
}

static int punch_window(struct cl_stream *s, struct transfer *t, uint64_t size,
			struct piece *pieces, bool *ret_more)
{
	struct rpc_group g;
	uint32_t n = 0;
	uint32_t i;
	int rc = 0;

	rpc_group_init(&g, s->rpc);
	while (n < WINDOW && rc == 0 && punch_next(t, size, &pieces[n])) {
		/* A piece's iod points into the piece. */
		rc = punch_start(s, &g, t->a, &pieces[n]);
		pieces[n++].start_rc = rc;
	}
	*ret_more = n == WINDOW;
	(void)rpc_group_wait(&g);
	for (i = 0; i < n; i++) {
		int one = pieces[i].start_rc != 0 ? pieces[i].start_rc : cl_rw_end(s, pieces[i].rw);

		if (rc == 0)
			rc = one;
	}
	return rc;
}

int cl_array_punch(struct cl_stream *s, struct cl_array *a, uint32_t nr, const daos_range_t *ranges)
{
	struct transfer t = { .a = a, .write = true, .nr = nr, .ranges = ranges };
	struct piece *pieces;
	bool more = true;
	uint64_t size;
	uint64_t cells;
	int rc;

	rc = ranges_check(a, nr, ranges, &cells);
	if (rc == 0)
		rc = cl_array_size(s, a, &size);
	if (rc != 0)
		return rc;
	pieces = rt_alloc(s->rt, WINDOW * sizeof(*pieces));
	if (pieces == NULL)
		return -DER_NOMEM;
	while (rc == 0 && more)
		rc = punch_window(s, &t, size, pieces, &more);
	rt_free(s->rt, pieces);
	return rc;
}

static int cell_zero(struct cl_stream *s, struct cl_array *a, uint64_t cell)
{
	daos_range_t range = { .rg_idx = cell, .rg_len = 1 };
	void *zero = rt_alloc(s->rt, a->cell_bytes);
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	int rc;

	if (zero == NULL)
		return -DER_NOMEM;
	d_iov_set(&iov, zero, a->cell_bytes);
	rc = cl_array_write(s, a, 1, &range, &sgl);
	rt_free(s->rt, zero);
	return rc;
}

int cl_array_set_size(struct cl_stream *s, struct cl_array *a, uint64_t cells)
{
	uint64_t size;
	daos_range_t rest;
	int rc;

	rc = cl_array_size(s, a, &size);
	if (rc != 0 || size == cells)
		return rc;
	if (size > cells) {
		rest = (daos_range_t){ .rg_idx = cells, .rg_len = size - cells };
		/* Round the end up to its chunk, so that the last chunk goes as a whole. */
		rest.rg_len += (a->chunk_cells - size % a->chunk_cells) % a->chunk_cells;
		rc = cl_array_punch(s, a, 1, &rest);
		if (rc == 0)
			rc = cl_array_size(s, a, &size);
		if (rc != 0 || size == cells)
			return rc;
	}
	/* The size is where the last cell ends: one of zeros makes it so. */
	return cells > 0 ? cell_zero(s, a, cells - 1) : 0;
}

/*
 * Fetches of which one reply cannot list all the pieces found: fetched in parts of one extent each.
 * The parts are halved until their lists fit, and doubled after each that did.
 */
#include "core/client/rw_int.h"

struct split {
	struct cl_stream *s;
	struct cl_rw *rw;	/* the whole fetch */
	uint32_t i;		/* iod at work */
	uint64_t rec_bytes;
	uint64_t room_bytes;	/* of the iod's sgl */
	uint64_t end;		/* end of the last record found, in the room */
	uint32_t iom_cap;	/* entries of an iom that this made */
	d_iov_t *iovs;
};

/* [off, off + bytes) of the iod's memory, in sp->iovs. */
static d_sg_list_t sgl_cut(struct split *sp, uint64_t off, uint64_t bytes)
{
	const d_sg_list_t *sgl = &sp->rw->sgls[sp->i];
	d_sg_list_t cut = { .sg_iovs = sp->iovs };
	uint32_t i;

	for (i = 0; i < sgl->sg_nr && bytes > 0; i++) {
		const d_iov_t *iov = &sgl->sg_iovs[i];
		uint64_t n;

		if (off >= iov->iov_buf_len) {
			off -= iov->iov_buf_len;
			continue;
		}
		n = min_u64(iov->iov_buf_len - off, bytes);
		d_iov_set(&cut.sg_iovs[cut.sg_nr++], (char *)iov->iov_buf + off, n);
		bytes -= n;
		off = 0;
	}
	return cut;
}

/* One more piece for the program's map. Pieces that touch across two parts are one. */
static int iom_add(struct split *sp, daos_iom_t *iom, const struct recx *p)
{
	daos_recx_t *hi = &iom->iom_recx_hi;
	bool detail = iom->iom_flags & DAOS_IOMF_DETAIL;
	uint32_t nr = iom->iom_nr_out;

	if (nr > 0 && hi->rx_idx + hi->rx_nr == p->idx) {
		hi->rx_nr += p->nr;
		if (nr == 1)
			iom->iom_recx_lo = *hi;
		if (detail && nr <= iom->iom_nr)
			iom->iom_recxs[nr - 1] = *hi;
		return 0;
	}
	*hi = (daos_recx_t){ p->idx, p->nr };
	if (nr == 0)
		iom->iom_recx_lo = *hi;
	iom->iom_nr_out++;
	if (!detail)
		return 0;
	if (nr == sp->iom_cap && (sp->iom_cap > 0 || iom->iom_recxs == NULL)) {
		uint32_t cap = (uint32_t)max_u64(64, nr * 2ull);
		daos_recx_t *v = d_realloc(iom->iom_recxs, cap * sizeof(*v));

		if (v == NULL)
			return -DER_NOMEM;
		iom->iom_recxs = v;
		iom->iom_nr = cap;
		sp->iom_cap = cap;
	}
	if (nr < iom->iom_nr)
		iom->iom_recxs[nr] = *hi;
	return 0;
}

/* What a part found: its end, its pieces. */
static int part_take(struct split *sp, struct cl_rw *part, uint64_t off)
{
	daos_iom_t *ioms = sp->rw->ioms;
	const struct recx *v;
	uint32_t nr;
	uint32_t k;
	int rc = 0;

	rw_present(part, 0, &v, &nr);
	if (nr > 0)
		sp->end = off + (v[nr - 1].idx + v[nr - 1].nr - part->iods[0].iod_recxs[0].rx_idx) *
					sp->rec_bytes;
	sp->rw->missed |= part->missed;
	for (k = 0; k < nr && ioms != NULL && rc == 0; k++)
		rc = iom_add(sp, &ioms[sp->i], &v[k]);
	return rc;
}

/* Fetch records @recx, whose place in the room is @off. */
static int part_fetch(struct split *sp, daos_recx_t recx, uint64_t off)
{
	struct cl_rw *rw = sp->rw;
	daos_iod_t iod = rw->iods[sp->i];
	struct cl_rw *part = NULL;
	d_sg_list_t sgl = { 0 };
	struct rpc_group g;
	int rc;

	iod.iod_nr = 1;
	iod.iod_recxs = &recx;
	if (rw->sgls != NULL)
		sgl = sgl_cut(sp, off, recx.rx_nr * sp->rec_bytes);
	rpc_group_init(&g, sp->s->rpc);
	rc = cl_fetch_start(sp->s, &g, rw->obj, rw->epoch, rw->flags, rw->dkey, 1, &iod, &sgl, NULL,
			    &part);
	if (rc != 0)
		return rc;
	part->part = true;
	part->zero_holes = rw->zero_holes;
	(void)rpc_group_wait(&g);
	rc = cl_rw_finish(sp->s, part);
	if (rc == 0)
		rc = part_take(sp, part, off);
	cl_rw_free(sp->s, part);
	return rc;
}

static int split_recx(struct split *sp, const daos_recx_t *want, uint64_t off, uint64_t *step)
{
	uint64_t at = 0;

	while (at < want->rx_nr) {
		daos_recx_t recx = { want->rx_idx + at, min_u64(*step, want->rx_nr - at) };
		int rc = part_fetch(sp, recx, off + at * sp->rec_bytes);

		if (rc == -DER_OVERFLOW && recx.rx_nr > 1) {
			*step = recx.rx_nr / 2;
			continue;
		}
		if (rc != 0)
			return rc;
		at += recx.rx_nr;
		*step = *step > UINT64_MAX / 2 ? UINT64_MAX : *step * 2;
	}
	return 0;
}

static int split_array(struct split *sp)
{
	const daos_iod_t *iod = &sp->rw->iods[sp->i];
	uint64_t step = UINT64_MAX;
	uint64_t off = 0;
	uint32_t k;
	int rc = 0;

	for (k = 0; k < iod->iod_nr && rc == 0; k++) {
		uint64_t bytes = iod->iod_recxs[k].rx_nr * sp->rec_bytes;

		if (sp->rw->sgls != NULL && off + bytes > sp->room_bytes)
			return -DER_REC2BIG;
		rc = split_recx(sp, &iod->iod_recxs[k], off, &step);
		off += bytes;
	}
	return rc;
}

/* Everything of one iod, as fetch of a single akey would do it. */
static int split_iod(struct split *sp)
{
	struct cl_rw *rw = sp->rw;
	uint32_t i = sp->i;
	int rc;

	if (rw->ioms != NULL) {
		rw->ioms[i].iom_nr_out = 0;
		rw->ioms[i].iom_type = rw->iods[i].iod_type;
		rw->ioms[i].iom_size = rw->iods[i].iod_size;
	}
	if (rw->iods[i].iod_type != DAOS_IOD_ARRAY || sp->rec_bytes == 0) {
		struct cl_rw *one = NULL;
		struct rpc_group g;

		rpc_group_init(&g, sp->s->rpc);
		rc = cl_fetch_start(sp->s, &g, rw->obj, rw->epoch, rw->flags, rw->dkey, 1,
				    &rw->iods[i], rw->sgls != NULL ? &rw->sgls[i] : NULL,
				    rw->ioms != NULL ? &rw->ioms[i] : NULL, &one);
		if (rc != 0)
			return rc;
		one->part = true;
		one->zero_holes = rw->zero_holes;
		(void)rpc_group_wait(&g);
		rc = cl_rw_finish(sp->s, one);
		rw->missed |= one->missed;
		cl_rw_free(sp->s, one);
		return rc;
	}
	rc = split_array(sp);
	if (rc == 0 && rw->sgls != NULL)
		rw_sgl_filled(&rw->sgls[i], rw->zero_holes ? sp->room_bytes : sp->end);
	return rc;
}

int rw_split(struct cl_stream *s, struct cl_rw *rw)
{
	struct split sp = { .s = s, .rw = rw };
	uint32_t iovs = 1;
	uint32_t i;
	int rc = 0;

	MARK(s->rt, "client_fetch_split");
	for (i = 0; rw->sgls != NULL && i < rw->nr; i++)
		iovs = (uint32_t)max_u64(iovs, rw->sgls[i].sg_nr);
	sp.iovs = rt_alloc(s->rt, iovs * sizeof(*sp.iovs));
	if (sp.iovs == NULL)
		return -DER_NOMEM;
	for (i = 0; i < rw->nr && rc == 0; i++) {
		sp.i = i;
		sp.rec_bytes = rw->rep.fe.iods.v[i].size;
		sp.room_bytes = rw->wiods[i].bytes;
		sp.end = 0;
		sp.iom_cap = 0;
		rc = split_iod(&sp);
	}
	rt_free(s->rt, sp.iovs);
	return rc;
}

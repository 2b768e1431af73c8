/*
 * Updates and fetches: from iods and sgls to one request to the shard of the dkey, and back.
 *
 * Payload of up to INLINE_BYTES travels inside the messages. Larger memory of the application is
 * exposed for the time of the call, unless it is too segmented: then it goes through a pooled buffer.
 */
#include "core/client/rw_int.h"

#define INLINE_BYTES 8192u

/* ---- preparation ---------------------------------------------------------------------------- */

static uint64_t iod_records(const daos_iod_t *iod)
{
	uint64_t sum = 0;
	uint32_t i;

	if (iod->iod_type == DAOS_IOD_SINGLE)
		return 1;
	for (i = 0; i < iod->iod_nr; i++)
		sum += iod->iod_recxs[i].rx_nr;
	return sum;
}

static bool key_ok(const daos_key_t *key)
{
	return key->iov_len <= WIRE_KEY_MAX && (key->iov_len == 0 || key->iov_buf != NULL);
}

static int iod_check(const daos_iod_t *iod)
{
	uint32_t i;

	if (!key_ok(&iod->iod_name))
		return iod->iod_name.iov_len > WIRE_KEY_MAX ? -DER_KEY2BIG : -DER_INVAL;
	if (iod->iod_type != DAOS_IOD_SINGLE && iod->iod_type != DAOS_IOD_ARRAY)
		return -DER_INVAL;
	if (iod->iod_type == DAOS_IOD_SINGLE)
		return 0;
	if (iod->iod_nr == 0 || iod->iod_nr > WIRE_RECXS_MAX || iod->iod_recxs == NULL)
		return -DER_INVAL;
	for (i = 0; i < iod->iod_nr; i++) {
		const daos_recx_t *r = &iod->iod_recxs[i];

		/* Sizes are added up below: no sum of them may wrap. */
		if (r->rx_nr == 0 || r->rx_nr > UINT64_MAX - r->rx_idx || r->rx_nr > 1ull << 50 ||
		    (iod->iod_size > 0 && r->rx_nr > (1ull << 50) / iod->iod_size))
			return -DER_INVAL;
	}
	return iod->iod_size > 1ull << 50 ? -DER_INVAL : 0;
}

static uint64_t sgl_bytes(const d_sg_list_t *sgl, bool room)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; sgl != NULL && i < sgl->sg_nr; i++)
		sum += room ? sgl->sg_iovs[i].iov_buf_len : sgl->sg_iovs[i].iov_len;
	return sum;
}

/* Bytes of iod @i that are sent, or that there is room for. */
static int iod_bytes(const struct cl_rw *rw, uint32_t i, uint64_t *ret_bytes)
{
	const daos_iod_t *iod = &rw->iods[i];
	const d_sg_list_t *sgl = rw->sgls != NULL ? &rw->sgls[i] : NULL;
	uint64_t need = iod->iod_size * iod_records(iod);

	if (!rw->update) {	/* iod_size may be wrong: the room is what there is */
		*ret_bytes = sgl_bytes(sgl, true);
		return 0;
	}
	if (sgl_bytes(sgl, false) < need)
		return -DER_REC2BIG;
	*ret_bytes = need;
	return 0;
}

/* Append the first @bytes of @sgl's memory to rw->user. */
static int user_append(struct cl_stream *s, struct cl_rw *rw, const d_sg_list_t *sgl,
		       uint64_t bytes)
{
	struct process *p = s->proc;
	uint32_t access = rw->update ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	uint32_t i;

	for (i = 0; bytes > 0; i++) {
		const d_iov_t *iov = &sgl->sg_iovs[i];
		uint64_t n = min_u64(rw->update ? iov->iov_len : iov->iov_buf_len, bytes);
		struct bseg *seg = &rw->user.segs[rw->user.nr];

		if (n == 0)
			continue;
		if (iov->iov_buf == NULL)
			return -DER_INVAL;
		if (!p->host->phantom(p->host_ctx, iov->iov_buf, n, access, seg))
			(void)buf_from_bytes(seg, iov->iov_buf, n);
		rw->user.nr++;
		rw->user.bytes += n;
		bytes -= n;
	}
	return 0;
}

static void wire_iod_fill(struct wire_iod *w, const daos_iod_t *iod, uint64_t bytes)
{
	static_assert(sizeof(daos_recx_t) == sizeof(struct recx), "recxs pass through");
	*w = (struct wire_iod){
		.name = { .ptr = iod->iod_name.iov_buf, .len = (uint32_t)iod->iod_name.iov_len },
		.type = (uint32_t)iod->iod_type,
		.size = iod->iod_size,
		.flags = iod->iod_flags,
		.bytes = bytes,
	};
	if (iod->iod_type == DAOS_IOD_ARRAY) {
		w->recxs.v = (const struct recx *)iod->iod_recxs;
		w->recxs.nr = iod->iod_nr;
	}
}

/* Too many segments for an exposure: one pooled buffer stands in for them. */
static int rw_bounce(struct cl_stream *s, struct cl_rw *rw)
{
	uint64_t bytes = rw->user.bytes;

	rw->bounce = rt_iomem_get(s->rt, bytes);
	rw->pooled = rw->bounce != NULL;
	if (!rw->pooled)
		rw->bounce = rt_alloc_aligned(s->rt, bytes, 4096);
	if (rw->bounce == NULL)
		return -DER_NOSPACE;
	rw->bounce_bytes = bytes;
	rw->wire = buf_from_bytes(&rw->bounce_seg, rw->bounce, bytes);
	rt_charge(s->rt, RT_COST_COPY, bytes);
	/* A fetch copies in as well: holes come back as they were. */
	return buf_copy(&rw->wire, 0, &rw->user, 0, bytes);
}

static int rw_prepare(struct cl_stream *s, struct cl_rw *rw)
{
	uint32_t i;
	int rc;

	for (i = 0; i < rw->nr; i++) {
		uint64_t bytes = 0;

		rc = iod_check(&rw->iods[i]);
		if (rc == 0)
			rc = iod_bytes(rw, i, &bytes);
		if (rc == 0 && bytes > 0)
			rc = user_append(s, rw, &rw->sgls[i], bytes);
		if (rc != 0)
			return rc;
		wire_iod_fill(&rw->wiods[i], &rw->iods[i], bytes);
	}
	rw->wire = rw->user;
	if (rw->user.bytes > INLINE_BYTES && rw->user.nr > RT_EXPOSE_MAX_SEGS)
		return rw_bounce(s, rw);
	return 0;
}

static struct cl_rw *rw_alloc(struct cl_stream *s, uint32_t nr, const d_sg_list_t *sgls)
{
	size_t segs = 1;
	struct cl_rw *rw;
	uint32_t i;

	for (i = 0; sgls != NULL && i < nr; i++)
		segs += sgls[i].sg_nr;
	rw = rt_alloc(s->rt, sizeof(*rw) + nr * sizeof(*rw->wiods) + segs * sizeof(struct bseg));
	if (rw == NULL)
		return NULL;
	rw->wiods = (struct wire_iod *)(rw + 1);
	rw->user.segs = (struct bseg *)(rw->wiods + nr);
	return rw;
}

static void rw_free(struct cl_stream *s, struct cl_rw *rw)
{
	rpc_call_fini(s->rpc, &rw->call);
	if (rw->pooled)
		rt_iomem_put(s->rt, rw->bounce, rw->bounce_bytes);
	else
		rt_free(s->rt, rw->bounce);
	rt_free(s->rt, rw);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Fill the call and hand it to @g. The request structure is read before this returns. */
static int rw_send(struct cl_stream *s, struct rpc_group *g, struct cl_rw *rw)
{
	struct cl_obj *o = rw->obj;
	uint32_t shard = cl_dkey_shard(o, rw->dkey);
	struct bytes dkey = { .ptr = rw->dkey->iov_buf, .len = (uint32_t)rw->dkey->iov_len };
	struct wire_obj_update_req up = { .pool = o->cont->pool->uid, .cont = o->cont->uid,
					  .cont_handle = o->cont->handle, .oid = o->oid,
					  .flags = rw->flags & DAOS_COND_MASK, .shard = shard,
					  .dkey = dkey };
	struct wire_obj_fetch_req fe;
	int rc;

	rw->call = (struct rpc_call){ .op = rw->update ? WIRE_OBJ_UPDATE : WIRE_OBJ_FETCH,
				      .rep = &rw->rep, .retry = &s->retry,
				      .arg = o->cont->pool };
	rc = cl_shard_ep(s, o, shard, &rw->call.ep, &rw->call.map_version);
	if (rc != 0)
		return rc;
	if (rw->wire.bytes > INLINE_BYTES) {
		rw->call.expose = &rw->wire;
		rw->call.access = rw->update ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	} else if (rw->update) {
		rw->call.payload = rw->wire;
	}
	if (rw->update) {
		up.iods.v = rw->wiods;
		up.iods.nr = rw->nr;
		rw->call.req = &up;
	} else {
		fe = (struct wire_obj_fetch_req){ .pool = up.pool, .cont = up.cont,
						  .cont_handle = up.cont_handle, .oid = up.oid,
						  .flags = up.flags, .epoch = rw->epoch,
						  .shard = shard, .dkey = dkey };
		fe.iods.v = rw->wiods;
		fe.iods.nr = rw->nr;
		rw->call.req = &fe;
	}
	rc = rpc_group_send(g, &rw->call);
	if (rc == -DER_OVERFLOW && rw->update && rw->call.expose == NULL && rw->wire.bytes > 0) {
		/* Long keys and the payload do not fit one message: expose it after all. */
		rw->call.payload = BUF_EMPTY;
		rw->call.expose = &rw->wire;
		rw->call.access = RT_ACCESS_READ;
		rc = rpc_group_send(g, &rw->call);
	}
	return rc;
}

static int rw_start(struct cl_stream *s, struct rpc_group *g, struct cl_rw *rw,
		    struct cl_rw **ret_rw)
{
	int rc;

	if (rw == NULL)
		return -DER_NOMEM;
	rc = rw_prepare(s, rw);
	if (rc == 0)
		rc = rw_send(s, g, rw);
	if (rc != 0) {
		rw_free(s, rw);
		return rc;
	}
	*ret_rw = rw;
	return 0;
}

static int args_check(const struct cl_obj *o, const daos_key_t *dkey, uint32_t nr,
		      const daos_iod_t *iods)
{
	if (o == NULL || dkey == NULL || nr == 0 || nr > WIRE_IODS_MAX || iods == NULL ||
	    dkey->iov_len == 0 || dkey->iov_buf == NULL)
		return -DER_INVAL;
	return dkey->iov_len > WIRE_KEY_MAX ? -DER_KEY2BIG : 0;
}

int cl_update_start(struct cl_stream *s, struct rpc_group *g, struct cl_obj *o, uint64_t flags,
		    const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls,
		    struct cl_rw **ret_rw)
{
	struct cl_rw *rw;
	int rc = args_check(o, dkey, nr, iods);

	if (rc == 0 && !(o->mode & DAOS_OO_RW))
		rc = -DER_NO_PERM;
	if (rc != 0)
		return rc;
	rw = rw_alloc(s, nr, sgls);
	if (rw != NULL) {
		rw->update = true;
		rw->obj = o;
		rw->flags = flags;
		rw->dkey = dkey;
		rw->nr = nr;
		rw->iods = iods;
		rw->sgls = sgls;
	}
	return rw_start(s, g, rw, ret_rw);
}

int cl_fetch_start(struct cl_stream *s, struct rpc_group *g, struct cl_obj *o, uint64_t epoch,
		   uint64_t flags, const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods,
		   d_sg_list_t *sgls, daos_iom_t *ioms, struct cl_rw **ret_rw)
{
	struct cl_rw *rw;
	int rc = args_check(o, dkey, nr, iods);

	if (rc != 0)
		return rc;
	rw = rw_alloc(s, nr, sgls);
	if (rw != NULL) {
		rw->obj = o;
		rw->flags = flags;
		rw->epoch = epoch;
		rw->dkey = dkey;
		rw->nr = nr;
		rw->iods = iods;
		rw->sgls = sgls;
		rw->ioms = ioms;
	}
	return rw_start(s, g, rw, ret_rw);
}

void cl_rw_zero_holes(struct cl_rw *rw)
{
	rw->zero_holes = true;
}

bool cl_rw_missed(const struct cl_rw *rw)
{
	return rw->missed;
}

/* ---- what a fetch brought ------------------------------------------------------------------- */

void rw_present(const struct cl_rw *rw, uint32_t i, const struct recx **ret_v, uint32_t *ret_nr)
{
	const struct wire_iod_rep *r = &rw->rep.fe.iods.v[i];

	if (r->size == 0) {
		*ret_v = NULL;
		*ret_nr = 0;
	} else if (r->flags & WIRE_IOD_FULL) {
		*ret_v = rw->wiods[i].recxs.v;
		*ret_nr = rw->wiods[i].recxs.nr;
	} else {
		*ret_v = r->present.v;
		*ret_nr = r->present.nr;
	}
}

struct scatter {
	struct cl_rw *rw;
	const struct buf *data;	/* inline payload, or NULL: already in place */
	uint64_t data_off;
	uint64_t room_off;	/* of the iod in rw->wire */
	uint64_t room_bytes;
	uint64_t rec_bytes;
	uint64_t end;		/* end of the last record found, in the room */
};

static int scatter_hole(struct scatter *sc, uint64_t off, uint64_t end)
{
	sc->rw->missed = true;
	end = min_u64(end, sc->room_bytes);
	if (!sc->rw->zero_holes || off >= end)
		return 0;
	return buf_zero(&sc->rw->wire, sc->room_off + off, end - off);
}

/* Place the pieces of @want that were found, from present[*at] on; @base is its offset in the room. */
static int scatter_recx(struct scatter *sc, const struct recx *want, uint64_t base,
			const struct recx *present, uint32_t nr, uint32_t *at)
{
	uint64_t idx = want->idx;
	uint64_t end = want->idx + want->nr;
	int rc = 0;

	while (rc == 0 && *at < nr && present[*at].idx >= idx && present[*at].nr <= end - idx &&
	       present[*at].idx <= end - present[*at].nr) {
		const struct recx *p = &present[*at];
		uint64_t off = base + (p->idx - want->idx) * sc->rec_bytes;
		uint64_t bytes = p->nr * sc->rec_bytes;

		if (p->idx > idx)
			rc = scatter_hole(sc, base + (idx - want->idx) * sc->rec_bytes, off);
		if (off > sc->room_bytes || bytes > sc->room_bytes - off)
			return -DER_REC2BIG;
		if (rc == 0 && sc->data != NULL)
			rc = buf_copy(&sc->rw->wire, sc->room_off + off, sc->data, sc->data_off,
				      bytes);
		sc->data_off += bytes;
		sc->end = off + bytes;
		idx = p->idx + p->nr;
		(*at)++;
	}
	if (rc == 0 && idx < end)
		rc = scatter_hole(sc, base + (idx - want->idx) * sc->rec_bytes,
				  base + want->nr * sc->rec_bytes);
	return rc;
}

static int scatter_iod(struct scatter *sc, uint32_t i)
{
	const struct wire_iod *w = &sc->rw->wiods[i];
	const struct wire_iod_rep *r = &sc->rw->rep.fe.iods.v[i];
	const struct recx *present;
	uint64_t base = 0;
	uint32_t nr;
	uint32_t at = 0;
	uint32_t k;
	int rc = 0;

	if (w->bytes == 0)
		return 0;	/* only sizes were asked for */
	if (w->type == DAOS_IOD_SINGLE) {
		if (r->size > w->bytes)
			return -DER_REC2BIG;
		sc->end = r->size;
		if (sc->data != NULL && r->size > 0)
			rc = buf_copy(&sc->rw->wire, sc->room_off, sc->data, sc->data_off, r->size);
		sc->data_off += r->size;
		return rc;
	}
	/* Nothing is there: the record size that the caller believes in tells how much is a hole. */
	sc->rec_bytes = r->size != 0 ? r->size : w->size;
	rw_present(sc->rw, i, &present, &nr);
	for (k = 0; k < w->recxs.nr && rc == 0; k++) {
		rc = scatter_recx(sc, &w->recxs.v[k], base, present, nr, &at);
		base += w->recxs.v[k].nr * sc->rec_bytes;
	}
	return rc == 0 && at != nr ? -DER_PROTO : rc;
}

void rw_sgl_filled(d_sg_list_t *sgl, uint64_t bytes)
{
	uint32_t i;

	sgl->sg_nr_out = 0;
	for (i = 0; i < sgl->sg_nr; i++) {
		d_iov_t *iov = &sgl->sg_iovs[i];

		iov->iov_len = min_u64(iov->iov_buf_len, bytes);
		bytes -= iov->iov_len;
		if (iov->iov_len > 0)
			sgl->sg_nr_out = i + 1;
	}
}

static int iom_fill(const struct cl_rw *rw, uint32_t i)
{
	daos_iom_t *iom = &rw->ioms[i];
	const struct recx *present;
	uint32_t nr;
	uint32_t k;

	rw_present(rw, i, &present, &nr);
	iom->iom_type = rw->iods[i].iod_type;
	iom->iom_size = rw->rep.fe.iods.v[i].size;
	iom->iom_nr_out = nr;
	if (nr == 0 || iom->iom_type != DAOS_IOD_ARRAY)
		return 0;
	iom->iom_recx_lo = (daos_recx_t){ present[0].idx, present[0].nr };
	iom->iom_recx_hi = (daos_recx_t){ present[nr - 1].idx, present[nr - 1].nr };
	if (!(iom->iom_flags & DAOS_IOMF_DETAIL))
		return 0;
	if (iom->iom_recxs == NULL && iom->iom_nr == 0) {	/* the caller frees it */
		iom->iom_recxs = d_calloc(nr, sizeof(*iom->iom_recxs));
		if (iom->iom_recxs == NULL)
			return -DER_NOMEM;
		iom->iom_nr = nr;
	}
	for (k = 0; k < nr && k < iom->iom_nr; k++)
		iom->iom_recxs[k] = (daos_recx_t){ present[k].idx, present[k].nr };
	return 0;
}

/* A fetch answered: sizes, data, holes, maps. */
static int fetch_finish(struct cl_stream *s, struct cl_rw *rw)
{
	const struct wire_obj_fetch_rep *rep = &rw->rep.fe;
	const struct buf *data = rep->placed == WIRE_PLACED_INLINE ? &rw->call.rep_payload : NULL;
	struct scatter sc = { .rw = rw, .data = data };
	uint32_t i;
	int rc = 0;

	if (rep->iods.nr != rw->nr)
		return -DER_PROTO;
	for (i = 0; i < rw->nr && rc == 0; i++) {
		const struct wire_iod_rep *r = &rep->iods.v[i];

		rw->iods[i].iod_size = r->size;
		sc.room_bytes = rw->wiods[i].bytes;
		sc.end = 0;
		rc = scatter_iod(&sc, i);
		if (rc == 0 && r->size > 0 && rw->sgls != NULL)
			rw_sgl_filled(&rw->sgls[i], rw->zero_holes ? sc.room_bytes : sc.end);
		if (rc == 0 && rw->ioms != NULL)
			rc = iom_fill(rw, i);
		sc.room_off += sc.room_bytes;
	}
	if (rc == 0 && rw->bounce != NULL) {
		rt_charge(s->rt, RT_COST_COPY, rw->user.bytes);
		rc = buf_copy(&rw->user, 0, &rw->wire, 0, rw->user.bytes);
	}
	return rc;
}

/* The true sizes come with -DER_REC2BIG and -DER_OVERFLOW too. */
static void fetch_sizes(struct cl_rw *rw)
{
	uint32_t i;

	if (!rw->call.has_rep || rw->rep.fe.iods.nr != rw->nr)
		return;
	for (i = 0; i < rw->nr; i++)
		rw->iods[i].iod_size = rw->rep.fe.iods.v[i].size;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* A newer map may place the shard elsewhere, or say that it is lost: once more with that. */
static int rw_retry(struct cl_stream *s, struct cl_rw *rw, int rc)
{
	uint32_t tries = 0;

	while (cl_map_retry(s, rw->obj, cl_dkey_shard(rw->obj, rw->dkey), &rw->call, &tries, &rc)) {
		struct rpc_group g;

		rpc_call_fini(s->rpc, &rw->call);
		rpc_group_init(&g, s->rpc);
		rc = rw_send(s, &g, rw);
		if (rc != 0)
			return rc;
		rc = rpc_group_wait(&g);
	}
	return rc;
}

int cl_rw_finish(struct cl_stream *s, struct cl_rw *rw)
{
	int rc = rw->call.rc;

	if (rc != 0)
		rc = rw_retry(s, rw, rc);
	if (rw->update)
		return rc;
	if (rc == -DER_REC2BIG || rc == -DER_OVERFLOW)
		fetch_sizes(rw);
	if (rc == -DER_OVERFLOW && rw->call.has_rep && !rw->part)
		return rw_split(s, rw);
	return rc == 0 ? fetch_finish(s, rw) : rc;
}

int cl_rw_end(struct cl_stream *s, struct cl_rw *rw)
{
	int rc;

	if (rw == NULL)
		return 0;
	rc = cl_rw_finish(s, rw);
	rw_free(s, rw);
	return rc;
}

void cl_rw_free(struct cl_stream *s, struct cl_rw *rw)
{
	rw_free(s, rw);
}

int cl_update(struct cl_stream *s, struct cl_obj *o, uint64_t flags, const daos_key_t *dkey,
	      uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls)
{
	struct rpc_group g;
	struct cl_rw *rw;
	int rc;

	rpc_group_init(&g, s->rpc);
	rc = cl_update_start(s, &g, o, flags, dkey, nr, iods, sgls, &rw);
	if (rc != 0)
		return rc;
	(void)rpc_group_wait(&g);	/* the call has its own result */
	return cl_rw_end(s, rw);
}

int cl_fetch(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, uint64_t flags,
	     const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls,
	     daos_iom_t *ioms)
{
	struct rpc_group g;
	struct cl_rw *rw;
	int rc;

	rpc_group_init(&g, s->rpc);
	rc = cl_fetch_start(s, &g, o, epoch, flags, dkey, nr, iods, sgls, ioms, &rw);
	if (rc != 0)
		return rc;
	(void)rpc_group_wait(&g);
	return cl_rw_end(s, rw);
}

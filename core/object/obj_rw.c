/* Update, fetch and punch. */
#include "core/object/obj_int.h"

/* ---- update --------------------------------------------------------------------------------- */

static uint64_t wire_iod_records(const struct wire_iod *w)
{
	uint64_t sum = 0;
	uint32_t i;

	if (w->type == VOS_SINGLE)
		return 1;
	for (i = 0; i < w->recxs.nr; i++) {
		if (w->recxs.v[i].nr > UINT64_MAX - sum)
			return UINT64_MAX;
		sum += w->recxs.v[i].nr;
	}
	return sum;
}

/* A message's iods as the store takes them. @bufs: NULL, or one slot for each. */
static int iods_load(struct rpc_req *req, const struct wire_iod *w, uint32_t nr, struct buf *bufs,
		     struct vos_iod **ret_iods)
{
	struct vos_iod *iods = rpc_req_alloc(req, nr * sizeof(*iods));
	uint32_t i;

	if (iods == NULL)
		return -DER_NOMEM;
	if (nr == 0)
		return -DER_INVAL;
	for (i = 0; i < nr; i++) {
		if (w[i].type != VOS_SINGLE && w[i].type != VOS_ARRAY)
			return -DER_INVAL;
		iods[i] = (struct vos_iod){
			.akey = w[i].name,
			.type = (enum vos_type)w[i].type,
			.size = w[i].size,
			.flags = w[i].flags,
			.nr = w[i].type == VOS_ARRAY ? w[i].recxs.nr : 0,
			.recxs = w[i].recxs.v,
			.buf = bufs != NULL ? &bufs[i] : NULL,
		};
	}
	*ret_iods = iods;
	return 0;
}

/* Bytes of payload that the iods need; they must be what the message promises. */
static int update_bytes(const struct wire_obj_update_req *in, uint64_t *ret_bytes)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < in->iods.nr; i++) {
		const struct wire_iod *w = &in->iods.v[i];
		uint64_t records = wire_iod_records(w);

		if (w->size != 0 && records > UINT64_MAX / w->size)
			return -DER_INVAL;
		if (w->bytes != w->size * records || w->bytes > UINT64_MAX - sum)
			return -DER_INVAL;
		sum += w->bytes;
	}
	if (sum > OBJ_UPDATE_BYTES_MAX)
		return -DER_OVERFLOW;
	*ret_bytes = sum;
	return 0;
}

static struct vos_op update_op(const struct wire_obj_update_req *in, uint64_t epoch)
{
	return (struct vos_op){ .oid = in->oid, .dkey = in->dkey, .epoch = epoch,
				.flags = in->flags & DAOS_COND_MASK };
}

/* Payload came with the message: slice it. */
static int update_inline(struct rpc_req *req, struct obj_svc *svc, struct obj_cont *c,
			 uint64_t *ret_epoch)
{
	const struct wire_obj_update_req *in = req->body;
	struct buf *bufs = rpc_req_alloc(req, in->iods.nr * sizeof(*bufs));
	struct vos_iod *iods;
	uint64_t off = 0;
	uint32_t tries;
	uint32_t i;
	int rc;

	if (bufs == NULL)
		return -DER_NOMEM;
	rc = iods_load(req, in->iods.v, in->iods.nr, bufs, &iods);
	for (i = 0; i < in->iods.nr && rc == 0; i++) {
		uint64_t bytes = in->iods.v[i].bytes;
		uint32_t nr = buf_slice_count(&req->payload, off, bytes);
		struct bseg *segs = rpc_req_alloc(req, (nr + 1) * sizeof(*segs));

		if (segs == NULL)
			return -DER_NOMEM;
		rc = buf_slice(&req->payload, off, bytes, segs, nr, &bufs[i]);
		off += bytes;
	}
	for (tries = 0; rc == 0 && tries < OBJ_EPOCH_TRIES; tries++) {
		struct vos_op op = update_op(in, obj_epoch(svc, in->epoch));

		rc = vos_update(c->vc, &op, in->iods.nr, iods);
		*ret_epoch = op.epoch;
		if (rc != -DER_TX_RESTART || in->epoch != 0)
			break;
		rc = 0;
	}
	return tries == OBJ_EPOCH_TRIES ? -DER_TX_RESTART : rc;
}

static int update_pull(struct rpc_req *req, struct vos_update *u, uint32_t nr)
{
	uint64_t off = 0;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < nr && rc == 0; i++) {
		const struct buf *dst = vos_update_buf(u, i);

		if (dst->bytes > 0)
			rc = rpc_req_bulk_get(req, off, dst);
		off += dst->bytes;
	}
	return rc;
}

/* Payload is in the client's memory: pull it to where the store wants it. */
static int update_bulk(struct rpc_req *req, struct obj_svc *svc, struct obj_cont *c,
		       uint64_t *ret_epoch)
{
	const struct wire_obj_update_req *in = req->body;
	struct vos_iod *iods;
	uint32_t tries;
	int rc;

	rc = iods_load(req, in->iods.v, in->iods.nr, NULL, &iods);
	for (tries = 0; rc == 0 && tries < OBJ_EPOCH_TRIES; tries++) {
		struct vos_op op = update_op(in, obj_epoch(svc, in->epoch));
		struct vos_update *u;

		if (req->access & RT_ACCESS_PHANTOM)
			op.flags |= VOS_PHANTOM;
		rc = vos_update_begin(c->vc, &op, in->iods.nr, iods, &u);
		if (rc == 0) {
			rc = update_pull(req, u, in->iods.nr);
			if (rc == 0)
				rc = vos_update_end(u, VOS_COMMIT);
			else
				(void)vos_update_end(u, VOS_CANCEL);
		}
		*ret_epoch = op.epoch;
		if (rc != -DER_TX_RESTART || in->epoch != 0)
			break;
		rc = 0;
	}
	return tries == OBJ_EPOCH_TRIES ? -DER_TX_RESTART : rc;
}

int obj_update_handler(struct rpc_req *req)
{
	const struct wire_obj_update_req *in = req->body;
	struct wire_obj_update_rep *rep = rpc_req_rep(req);
	struct obj_svc *svc;
	struct obj_cont *c;
	uint64_t bytes;
	int rc;

	rc = update_bytes(in, &bytes);
	if (rc != 0)
		return rc;
	rc = obj_begin(req, &in->pool, &in->cont, &svc, &c);
	if (rc != 0)
		return rc;
	if (req->payload.bytes == bytes)
		rc = update_inline(req, svc, c, &rep->epoch);
	else if (req->payload.bytes == 0 && req->expose_bytes >= bytes)
		rc = update_bulk(req, svc, c, &rep->epoch);
	else
		rc = -DER_INVAL;
	obj_cont_put(svc, c);
	return rc == 0 ? rpc_reply(req, 0, rep, NULL) : rc;
}

/* ---- fetch ---------------------------------------------------------------------------------- */

/* The pieces found as a list of records, joined where they touch within one extent asked for. */
static int present_list(struct rpc_req *req, const struct vos_got *got, struct wire_iod_rep *rep)
{
	struct recx *v = rpc_req_alloc(req, (got->nr + 1) * sizeof(*v));
	uint32_t last_idx = 0;
	uint32_t nr = 0;
	uint32_t i;

	if (v == NULL)
		return -DER_NOMEM;
	for (i = 0; i < got->nr; i++) {
		const struct vos_ext *e = &got->exts[i];

		if (nr > 0 && e->recx_idx == last_idx &&
		    v[nr - 1].idx + v[nr - 1].nr == e->recx.idx)
			v[nr - 1].nr += e->recx.nr;
		else
			v[nr++] = e->recx;
		last_idx = e->recx_idx;
	}
	rep->present.v = v;
	rep->present.nr = nr;
	return nr > WIRE_RECXS_MAX ? -DER_OVERFLOW : 0;	/* the client asks for parts of it */
}

/* True when the joined pieces are exactly the extents asked for. */
static bool present_full(const struct wire_iod *w, const struct wire_iod_rep *rep)
{
	uint32_t i;

	if (rep->present.nr != w->recxs.nr)
		return false;
	for (i = 0; i < w->recxs.nr; i++)
		if (rep->present.v[i].idx != w->recxs.v[i].idx ||
		    rep->present.v[i].nr != w->recxs.v[i].nr)
			return false;
	return true;
}

/* What one akey's answer says; -DER_REC2BIG when the room is too small. */
static int iod_answer(struct rpc_req *req, const struct wire_iod *w, const struct vos_got *got,
		      struct wire_iod_rep *rep)
{
	uint64_t end = 0;
	int rc = 0;

	*rep = (struct wire_iod_rep){ .size = got->size };
	if (w->type == VOS_ARRAY && got->nr > 0) {
		rc = present_list(req, got, rep);
		end = got->exts[got->nr - 1].req_off + got->exts[got->nr - 1].recx.nr * got->size;
		if (rc == 0 && present_full(w, rep)) {
			rep->flags = WIRE_IOD_FULL;
			rep->present.nr = 0;
		}
	} else if (w->type == VOS_SINGLE) {
		end = got->size;
	}
	if (w->bytes == 0)	/* only the size is wanted */
		return rc;
	rep->bytes = got->data.bytes;
	return rc == 0 && end > w->bytes ? -DER_REC2BIG : rc;
}

struct fetch {
	struct rpc_req *req;
	const struct wire_obj_fetch_req *in;
	struct wire_obj_fetch_rep *rep;
	struct wire_iod_rep *iods;
	struct vos_fetch *vf;
	uint64_t bytes;		/* of data to send */
};

static int fetch_answer(struct fetch *f)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < f->in->iods.nr; i++) {
		int one = iod_answer(f->req, &f->in->iods.v[i], vos_fetch_got(f->vf, i),
				     &f->iods[i]);

		/* All sizes are reported even when one room is too small. */
		if (rc == 0)
			rc = one;
		f->bytes += f->iods[i].bytes;
	}
	f->rep->iods.v = f->iods;
	f->rep->iods.nr = f->in->iods.nr;
	return rc;
}

/* Put one akey's data to its room in the client's memory; in one transfer if it has no holes. */
static int iod_put(struct fetch *f, uint32_t i, uint64_t room_off)
{
	const struct vos_got *got = vos_fetch_got(f->vf, i);
	uint32_t k;
	int rc = 0;

	if (f->iods[i].bytes == 0)
		return 0;
	if (f->in->iods.v[i].type == VOS_SINGLE || (f->iods[i].flags & WIRE_IOD_FULL))
		return rpc_req_bulk_put(f->req, room_off, &got->data);
	for (k = 0; k < got->nr && rc == 0; k++) {
		const struct vos_ext *e = &got->exts[k];
		uint64_t bytes = e->recx.nr * got->size;
		uint32_t nr = buf_slice_count(&got->data, e->data_off, bytes);
		struct bseg *segs = rpc_req_alloc(f->req, nr * sizeof(*segs));
		struct buf piece;

		if (segs == NULL)
			return -DER_NOMEM;
		rc = buf_slice(&got->data, e->data_off, bytes, segs, nr, &piece);
		if (rc == 0)
			rc = rpc_req_bulk_put(f->req, room_off + e->req_off, &piece);
	}
	return rc;
}

static int fetch_put(struct fetch *f)
{
	uint64_t room_off = 0;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < f->in->iods.nr && rc == 0; i++) {
		rc = iod_put(f, i, room_off);
		room_off += f->in->iods.v[i].bytes;
	}
	f->rep->placed = WIRE_PLACED_BULK;
	return rc != 0 ? rc : rpc_reply(f->req, 0, f->rep, NULL);
}

static int fetch_inline(struct fetch *f)
{
	struct buf all = BUF_EMPTY;
	uint32_t cap = 0;
	uint32_t i;

	for (i = 0; i < f->in->iods.nr; i++)
		if (f->iods[i].bytes > 0)
			cap += vos_fetch_got(f->vf, i)->data.nr;
	all.segs = rpc_req_alloc(f->req, (cap + 1) * sizeof(*all.segs));
	if (all.segs == NULL)
		return -DER_NOMEM;
	for (i = 0; i < f->in->iods.nr; i++)
		if (f->iods[i].bytes > 0)
			(void)buf_append(&all, cap, &vos_fetch_got(f->vf, i)->data);
	f->rep->placed = all.bytes > 0 ? WIRE_PLACED_INLINE : WIRE_PLACED_NONE;
	return rpc_reply(f->req, 0, f->rep, &all);
}

/* An answer without data: sizes only. */
static int fetch_refuse(struct fetch *f, int rc)
{
	uint32_t i;

	for (i = 0; i < f->in->iods.nr; i++) {
		f->iods[i].bytes = 0;
		f->iods[i].present.nr = 0;
	}
	f->rep->placed = WIRE_PLACED_NONE;
	return rpc_reply(f->req, rc, f->rep, NULL);
}

static int fetch_send(struct fetch *f)
{
	uint64_t room = rpc_reply_room(f->req, f->rep);

	if (f->bytes <= room && room > 0)
		return fetch_inline(f);
	/* The list of what was found, or that and the data, is too long for a message. */
	if (room == 0 || f->req->expose_bytes == 0)
		return fetch_refuse(f, -DER_OVERFLOW);
	return fetch_put(f);
}

static int fetch_serve(struct fetch *f, struct obj_cont *c)
{
	const struct wire_obj_fetch_req *in = f->in;
	struct vos_op op = { .oid = in->oid, .dkey = in->dkey, .epoch = in->epoch,
			     .flags = in->flags & DAOS_COND_MASK };
	struct vos_iod *iods;
	int rc;

	f->iods = rpc_req_alloc(f->req, in->iods.nr * sizeof(*f->iods));
	if (f->iods == NULL)
		return -DER_NOMEM;
	rc = iods_load(f->req, in->iods.v, in->iods.nr, NULL, &iods);
	if (rc == 0)
		rc = vos_fetch_begin(c->vc, &op, in->iods.nr, iods, &f->vf);
	if (rc != 0)
		return rc;
	rc = fetch_answer(f);
	f->rep->epoch = in->epoch;
	if (rc == -DER_REC2BIG || rc == -DER_OVERFLOW)
		rc = fetch_refuse(f, rc);
	else if (rc == 0)
		rc = fetch_send(f);
	vos_fetch_end(f->vf);
	return rc;
}

int obj_fetch_handler(struct rpc_req *req)
{
	struct fetch f = { .req = req, .in = req->body, .rep = rpc_req_rep(req) };
	struct obj_svc *svc;
	struct obj_cont *c;
	int rc;

	rc = obj_begin(req, &f.in->pool, &f.in->cont, &svc, &c);
	if (rc != 0)
		return rc;
	rc = fetch_serve(&f, c);
	obj_cont_put(svc, c);
	return rc;
}

/* ---- punch ---------------------------------------------------------------------------------- */

static int punch_once(struct rpc_req *req, struct obj_cont *c, uint64_t epoch)
{
	const struct wire_obj_punch_req *in = req->body;
	struct vos_op op = { .oid = in->oid, .epoch = epoch, .flags = in->flags & DAOS_COND_MASK };
	struct bytes *akeys;
	uint32_t i;

	if (in->what == WIRE_WHAT_OBJ)
		return vos_punch_obj(c->vc, &op);
	if (in->dkeys.nr != 1)
		return -DER_INVAL;
	op.dkey = in->dkeys.v[0].key;
	if (in->what == WIRE_WHAT_DKEY)
		return vos_punch_dkey(c->vc, &op);
	if (in->what != WIRE_WHAT_AKEY || in->akeys.nr == 0)
		return -DER_INVAL;
	akeys = rpc_req_alloc(req, in->akeys.nr * sizeof(*akeys));
	if (akeys == NULL)
		return -DER_NOMEM;
	for (i = 0; i < in->akeys.nr; i++)
		akeys[i] = in->akeys.v[i].key;
	return vos_punch_akeys(c->vc, &op, in->akeys.nr, akeys);
}

int obj_punch_handler(struct rpc_req *req)
{
	const struct wire_obj_punch_req *in = req->body;
	struct wire_obj_punch_rep *rep = rpc_req_rep(req);
	struct obj_svc *svc;
	struct obj_cont *c;
	uint32_t tries = 0;
	int rc;

	rc = obj_begin(req, &in->pool, &in->cont, &svc, &c);
	if (rc != 0)
		return rc;
	do {
		rep->epoch = obj_epoch(svc, in->epoch);
		rc = punch_once(req, c, rep->epoch);
	} while (rc == -DER_TX_RESTART && in->epoch == 0 && ++tries < OBJ_EPOCH_TRIES);
	obj_cont_put(svc, c);
	return rc == 0 ? rpc_reply(req, 0, rep, NULL) : rc;
}

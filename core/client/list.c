/*
 * Listings: keys and records, shard after shard. The public anchor holds the shard's number in da_shard
 * and the store's own anchor in da_buf, so it can be passed on to another process.
 */
#include "core/client/client_int.h"

static_assert(DAOS_ANCHOR_BUF_MAX <= WIRE_ANCHOR_MAX, "an anchor fits a message");

#define LIST_INLINE_BYTES 8192u
#define LIST_ENTRIES_MAX 1024u	/* of one answer; a reply of recxs is 32 bytes an entry */
#define RECX_ENTRIES_MAX 256u

struct listing {
	struct cl_obj *obj;
	struct wire_obj_enum_req req;
	struct wire_obj_enum_rep rep;
	struct rpc_call call;
	daos_anchor_t *anchor;
	uint32_t shards_end;	/* the listing ends before this shard */
	struct buf keys;	/* room for keys */
};

static void anchor_load(struct listing *l)
{
	const daos_anchor_t *a = l->anchor;

	l->req.anchor = (struct bytes){ .ptr = a->da_buf,
					.len = a->da_type == DAOS_ANCHOR_TYPE_ZERO
						       ? 0
						       : DAOS_ANCHOR_BUF_MAX };
}

/* Stand where the answer left off; behind a shard's end, at the begin of the next one. */
static int anchor_store(struct listing *l)
{
	daos_anchor_t *a = l->anchor;

	if (l->rep.eof) {
		memset(a->da_buf, 0, sizeof(a->da_buf));
		a->da_shard++;
		a->da_type = a->da_shard >= l->shards_end ? DAOS_ANCHOR_TYPE_EOF
							  : DAOS_ANCHOR_TYPE_ZERO;
		return 0;
	}
	if (l->rep.anchor.len != DAOS_ANCHOR_BUF_MAX)
		return -DER_PROTO;
	memcpy(a->da_buf, l->rep.anchor.ptr, DAOS_ANCHOR_BUF_MAX);
	a->da_type = DAOS_ANCHOR_TYPE_HKEY;
	return 0;
}

/* One answer from the shard that the anchor stands in. The caller finishes the call. */
static int list_once(struct cl_stream *s, struct listing *l)
{
	anchor_load(l);
	l->req.shard = l->anchor->da_shard * l->obj->attr.group_size;
	l->call = (struct rpc_call){ .op = WIRE_OBJ_ENUM, .req = &l->req, .rep = &l->rep };
	if (l->keys.bytes > LIST_INLINE_BYTES) {
		l->call.expose = &l->keys;
		l->call.access = RT_ACCESS_WRITE;
	}
	return cl_shard_call(s, l->obj, l->req.shard, &l->call);
}

static bool anchor_ok(const struct listing *l)
{
	const daos_anchor_t *a = l->anchor;

	return a->da_shard < l->shards_end &&
	       (a->da_type == DAOS_ANCHOR_TYPE_ZERO || a->da_type == DAOS_ANCHOR_TYPE_HKEY ||
		a->da_type == DAOS_ANCHOR_TYPE_KEY);
}

static void listing_init(struct listing *l, struct cl_obj *o, uint64_t epoch,
			 const daos_key_t *dkey, daos_anchor_t *anchor)
{
	*l = (struct listing){
		.obj = o,
		.anchor = anchor,
		.req = { .pool = o->cont->pool->uid, .cont = o->cont->uid,
			 .cont_handle = o->cont->handle, .oid = o->oid, .epoch = epoch,
			 .dkey = { .ptr = "" }, .akey = { .ptr = "" } },
	};
	if (dkey == NULL) {
		l->shards_end = o->attr.group_count;
		return;
	}
	/* All under a dkey is on its shard. */
	l->req.dkey = (struct bytes){ .ptr = dkey->iov_buf, .len = (uint32_t)dkey->iov_len };
	if (anchor->da_type == DAOS_ANCHOR_TYPE_ZERO)
		anchor->da_shard = (uint16_t)(cl_dkey_shard(o, dkey) / o->attr.group_size);
	l->shards_end = anchor->da_shard + 1u;
}

static bool key_given(const daos_key_t *key)
{
	return key->iov_len <= WIRE_KEY_MAX && (key->iov_len == 0 || key->iov_buf != NULL);
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* Keys are packed from the begin, so the room may end where memory is too segmented to be exposed. */
static int keys_room(struct cl_stream *s, d_sg_list_t *sgl, struct buf *ret_room)
{
	uint32_t cap = (uint32_t)min_u64(sgl->sg_nr, RT_EXPOSE_MAX_SEGS);
	struct buf room = { .segs = rt_alloc(s->rt, (cap + 1) * sizeof(struct bseg)) };
	uint32_t i;
	int rc = 0;

	if (room.segs == NULL)
		return -DER_NOMEM;
	*ret_room = room;	/* to be freed in any case */
	for (i = 0; i < sgl->sg_nr && room.nr < cap && rc == 0; i++) {
		if (sgl->sg_iovs[i].iov_buf_len == 0)
			continue;
		rc = sgl->sg_iovs[i].iov_buf == NULL ? -DER_INVAL : 0;
		(void)buf_from_bytes(&room.segs[room.nr++], sgl->sg_iovs[i].iov_buf,
				     sgl->sg_iovs[i].iov_buf_len);
		room.bytes += sgl->sg_iovs[i].iov_buf_len;
	}
	if (rc == 0)
		*ret_room = room;
	return rc;
}

static int keys_take(struct listing *l, uint32_t *nr, daos_key_desc_t *kds)
{
	uint64_t bytes = 0;
	uint32_t i;

	if (l->rep.key_lens.nr > *nr)
		return -DER_PROTO;
	for (i = 0; i < l->rep.key_lens.nr; i++) {
		kds[i] = (daos_key_desc_t){ .kd_key_len = l->rep.key_lens.v[i] };
		bytes += l->rep.key_lens.v[i];
	}
	*nr = l->rep.key_lens.nr;
	if (bytes > l->keys.bytes)
		return -DER_PROTO;
	if (l->rep.placed == WIRE_PLACED_INLINE)
		return buf_copy(&l->keys, 0, &l->call.rep_payload, 0, bytes);
	return 0;
}

static void sgl_set(d_sg_list_t *sgl, const daos_key_desc_t *kds, uint32_t nr)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < nr; i++)
		bytes += kds[i].kd_key_len;
	sgl->sg_nr_out = 0;
	for (i = 0; i < sgl->sg_nr; i++) {
		sgl->sg_iovs[i].iov_len = min_u64(bytes, sgl->sg_iovs[i].iov_buf_len);
		bytes -= sgl->sg_iovs[i].iov_len;
		if (sgl->sg_iovs[i].iov_len > 0)
			sgl->sg_nr_out = i + 1;
	}
}

int cl_list_keys(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, const daos_key_t *dkey,
		 uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor)
{
	struct listing *l;
	uint32_t got = 0;
	int rc;

	if (nr == NULL || *nr == 0 || kds == NULL || sgl == NULL || anchor == NULL ||
	    (dkey != NULL && !key_given(dkey)))
		return -DER_INVAL;
	if (anchor->da_type == DAOS_ANCHOR_TYPE_EOF) {
		*nr = 0;
		return 0;
	}
	l = rt_alloc(s->rt, sizeof(*l));
	if (l == NULL)
		return -DER_NOMEM;
	listing_init(l, o, epoch, dkey, anchor);
	rc = anchor_ok(l) ? keys_room(s, sgl, &l->keys) : -DER_INVAL;
	l->req.what = dkey == NULL ? WIRE_WHAT_DKEY : WIRE_WHAT_AKEY;
	l->req.nr = (uint32_t)min_u64(*nr, LIST_ENTRIES_MAX);
	l->req.room_bytes = l->keys.bytes;
	/* A shard may have nothing (more): go on until something was found or the end is reached. */
	while (rc == 0 && got == 0 && anchor->da_type != DAOS_ANCHOR_TYPE_EOF) {
		rc = list_once(s, l);
		got = *nr;
		if (rc == 0)
			rc = keys_take(l, &got, kds);
		if (rc == 0)
			rc = anchor_store(l);
		if (rc == -DER_KEY2BIG && l->call.has_rep)
			kds[0].kd_key_len = l->rep.need_bytes;
		rpc_call_fini(s->rpc, &l->call);
	}
	if (rc == 0) {
		*nr = got;
		sgl_set(sgl, kds, got);
	}
	rt_free(s->rt, l->keys.segs);
	rt_free(s->rt, l);
	return rc;
}

/* ---- records -------------------------------------------------------------------------------- */

static int recxs_take(struct listing *l, daos_size_t *size, uint32_t *nr, daos_recx_t *recxs,
		      daos_epoch_range_t *eprs)
{
	const struct wire_obj_enum_rep *r = &l->rep;
	uint32_t i;

	if (r->recxs.nr > *nr || r->epochs.nr != r->recxs.nr || r->rec_bytes.nr != r->recxs.nr)
		return -DER_PROTO;
	for (i = 0; i < r->recxs.nr; i++) {
		if (recxs != NULL)
			recxs[i] = (daos_recx_t){ r->recxs.v[i].idx, r->recxs.v[i].nr };
		if (eprs != NULL)
			eprs[i] = (daos_epoch_range_t){ r->epochs.v[i], DAOS_EPOCH_MAX };
		if (size != NULL)
			*size = r->rec_bytes.v[i];
	}
	*nr = r->recxs.nr;
	return 0;
}

int cl_list_recxs(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, const daos_key_t *dkey,
		  const daos_key_t *akey, daos_size_t *size, daos_iod_type_t type, uint32_t *nr,
		  daos_recx_t *recxs, daos_epoch_range_t *eprs, daos_anchor_t *anchor,
		  bool incr_order)
{
	struct listing *l;
	int rc;

	if (dkey == NULL || akey == NULL || nr == NULL || *nr == 0 || anchor == NULL ||
	    !key_given(dkey) || !key_given(akey))
		return -DER_INVAL;
	if (anchor->da_type == DAOS_ANCHOR_TYPE_EOF) {
		*nr = 0;
		return 0;
	}
	l = rt_alloc(s->rt, sizeof(*l));
	if (l == NULL)
		return -DER_NOMEM;
	listing_init(l, o, epoch, dkey, anchor);
	l->req.akey = (struct bytes){ .ptr = akey->iov_buf, .len = (uint32_t)akey->iov_len };
	l->req.what = WIRE_WHAT_RECX;
	l->req.type = (uint32_t)type;
	l->req.nr = (uint32_t)min_u64(*nr, RECX_ENTRIES_MAX);
	if (!incr_order)
		l->req.flags = WIRE_ENUM_REVERSE;
	rc = anchor_ok(l) ? list_once(s, l) : -DER_INVAL;
	if (rc == 0)
		rc = recxs_take(l, size, nr, recxs, eprs);
	if (rc == 0)
		rc = anchor_store(l);
	rpc_call_fini(s->rpc, &l->call);
	rt_free(s->rt, l);
	return rc;
}

/* Listings and key queries. */
#include "core/object/obj_int.h"

/* A reply's entries: keys go on in the next one; 32 bytes of body for a record. */
#define ENUM_KEYS_MAX 1024u
#define ENUM_RECS_MAX 256u
#define ENUM_KEY_BYTES_MAX 65536u

struct collect {
	struct wire_obj_enum_rep *rep;
	uint32_t nr;
	uint32_t nr_max;
	uint32_t *key_lens;
	struct recx *recxs;
	uint64_t *rec_bytes;
	uint64_t *epochs;
	struct oid *oids;
	char *keys;
	uint64_t keys_cap;
	uint64_t keys_used;
	uint64_t need;		/* the first key does not fit: what it needs */
};

static int collect_key(struct collect *c, const struct vos_entry *e)
{
	if (e->key.len > c->keys_cap - c->keys_used) {
		if (c->nr == 0)
			c->need = e->key.len;
		return VOS_ITER_UNDO;
	}
	if (e->key.len > 0)
		memcpy(c->keys + c->keys_used, e->key.ptr, e->key.len);
	c->keys_used += e->key.len;
	c->key_lens[c->nr] = e->key.len;
	return VOS_ITER_NEXT;
}

static int collect_entry(void *arg, const struct vos_entry *e)
{
	struct collect *c = arg;
	int want = VOS_ITER_NEXT;

	if (c->nr == c->nr_max)
		return VOS_ITER_UNDO;
	switch (e->type) {
	case VOS_ITER_OBJ:
		c->oids[c->nr] = e->oid;
		break;
	case VOS_ITER_DKEY:
	case VOS_ITER_AKEY:
		want = collect_key(c, e);
		break;
	default:
		c->recxs[c->nr] = e->recx;
		c->rec_bytes[c->nr] = e->size;
		c->epochs[c->nr] = e->epoch;
		break;
	}
	if (want == VOS_ITER_NEXT)
		c->nr++;
	return want;
}

static int iter_type(const struct wire_obj_enum_req *in, enum vos_iter_type *ret_type)
{
	switch (in->what) {
	case WIRE_WHAT_OBJ:
		*ret_type = VOS_ITER_OBJ;
		return 0;
	case WIRE_WHAT_DKEY:
		*ret_type = VOS_ITER_DKEY;
		return 0;
	case WIRE_WHAT_AKEY:
		*ret_type = VOS_ITER_AKEY;
		return 0;
	case WIRE_WHAT_RECX:
		if (in->type != VOS_SINGLE && in->type != VOS_ARRAY)
			return -DER_INVAL;
		*ret_type = in->type == VOS_SINGLE ? VOS_ITER_SINGLE : VOS_ITER_RECX;
		return 0;
	default:
		return -DER_INVAL;
	}
}

/* Room for what one reply may list. */
static int collect_alloc(struct rpc_req *req, const struct wire_obj_enum_req *in, struct collect *c)
{
	bool keys = in->what == WIRE_WHAT_DKEY || in->what == WIRE_WHAT_AKEY;
	uint32_t n = (uint32_t)min_u64(in->nr, keys ? ENUM_KEYS_MAX : ENUM_RECS_MAX);

	if (n == 0)
		return -DER_INVAL;
	c->nr_max = n;
	if (keys) {
		uint64_t room = in->room_bytes;

		if (req->expose_bytes == 0)
			room = min_u64(room, RT_MSG_MAX_BYTES / 2);
		c->keys_cap = min_u64(room, ENUM_KEY_BYTES_MAX);
		c->key_lens = rpc_req_alloc(req, n * sizeof(*c->key_lens));
		c->keys = rpc_req_alloc(req, c->keys_cap + 1);
		return c->key_lens == NULL || c->keys == NULL ? -DER_NOMEM : 0;
	}
	if (in->what == WIRE_WHAT_OBJ) {
		c->oids = rpc_req_alloc(req, n * sizeof(*c->oids));
		return c->oids == NULL ? -DER_NOMEM : 0;
	}
	c->recxs = rpc_req_alloc(req, n * sizeof(*c->recxs));
	c->rec_bytes = rpc_req_alloc(req, n * sizeof(*c->rec_bytes));
	c->epochs = rpc_req_alloc(req, n * sizeof(*c->epochs));
	return c->recxs == NULL || c->rec_bytes == NULL || c->epochs == NULL ? -DER_NOMEM : 0;
}

static int enum_reply(struct rpc_req *req, struct collect *c, const struct vos_anchor *anchor)
{
	struct wire_obj_enum_rep *rep = c->rep;
	struct bseg seg;
	struct buf keys = buf_from_bytes(&seg, c->keys, c->keys_used);
	int rc = 0;

	rep->eof = vos_anchor_is_end(anchor);
	rep->anchor = (struct bytes){ .ptr = anchor->b, .len = VOS_ANCHOR_BYTES };
	if (c->nr == 0 && c->need > 0) {
		rep->need_bytes = c->need;
		return rpc_reply(req, -DER_KEY2BIG, rep, NULL);
	}
	rep->key_lens.v = c->key_lens;
	rep->key_lens.nr = c->key_lens != NULL ? c->nr : 0;
	rep->recxs.v = c->recxs;
	rep->rec_bytes.v = c->rec_bytes;
	rep->epochs.v = c->epochs;
	rep->recxs.nr = rep->rec_bytes.nr = rep->epochs.nr = c->recxs != NULL ? c->nr : 0;
	rep->oids.v = c->oids;
	rep->oids.nr = c->oids != NULL ? c->nr : 0;
	if (c->keys_used == 0)
		return rpc_reply(req, 0, rep, NULL);
	if (c->keys_used <= rpc_reply_room(req, rep)) {
		rep->placed = WIRE_PLACED_INLINE;
		return rpc_reply(req, 0, rep, &keys);
	}
	rep->placed = WIRE_PLACED_BULK;
	rc = rpc_req_bulk_put(req, 0, &keys);
	return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
}

static int enum_serve(struct rpc_req *req, struct obj_cont *oc)
{
	const struct wire_obj_enum_req *in = req->body;
	struct vos_op op = { .oid = in->oid, .dkey = in->dkey, .epoch = in->epoch };
	struct vos_iter it = { .op = &op, .akey = in->akey,
			       .flags = (in->flags & WIRE_ENUM_REVERSE) ? VOS_ITER_REVERSE : 0 };
	struct collect c = { .rep = rpc_req_rep(req) };
	struct vos_anchor *anchor = rpc_req_alloc(req, sizeof(*anchor));
	int rc;

	if (anchor == NULL)
		return -DER_NOMEM;
	if (in->anchor.len != 0 && in->anchor.len != VOS_ANCHOR_BYTES)
		return -DER_INVAL;
	if (in->anchor.len != 0)
		memcpy(anchor->b, in->anchor.ptr, VOS_ANCHOR_BYTES);
	rc = iter_type(in, &it.type);
	if (rc == 0)
		rc = collect_alloc(req, in, &c);
	if (rc == 0)
		rc = vos_iterate(oc->vc, &it, anchor, collect_entry, &c);
	return rc != 0 ? rc : enum_reply(req, &c, anchor);
}

int obj_enum_handler(struct rpc_req *req)
{
	const struct wire_obj_enum_req *in = req->body;
	struct obj_svc *svc;
	struct obj_cont *c;
	int rc;

	rc = obj_begin(req, &in->pool, &in->cont, &svc, &c);
	if (rc != 0)
		return rc;
	rc = enum_serve(req, c);
	obj_cont_put(svc, c);
	return rc;
}

/* ---- queries -------------------------------------------------------------------------------- */

static int query_serve(struct rpc_req *req, struct obj_cont *c)
{
	const struct wire_obj_query_key_req *in = req->body;
	struct wire_obj_query_key_rep *rep = rpc_req_rep(req);
	struct vos_op op = { .oid = in->oid, .dkey = in->dkey, .epoch = in->epoch };
	struct vos_key_query *q = rpc_req_alloc(req, sizeof(*q));
	int rc;

	if (q == NULL)
		return -DER_NOMEM;
	rc = vos_obj_epoch_max(c->vc, in->oid, &rep->max_epoch);
	if (rc != 0 || in->flags == 0)
		return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
	*q = (struct vos_key_query){ .flags = (uint32_t)in->flags, .akey_name = in->akey };
	rc = vos_query_key(c->vc, &op, q);
	if (rc == -DER_NONEXIST)	/* an answer with empty keys: nothing is on this shard */
		return rpc_reply(req, 0, rep, NULL);
	if (rc != 0)
		return rc;
	if (in->flags & DAOS_GET_DKEY)
		rep->dkey = (struct bytes){ .ptr = &q->dkey, .len = sizeof(q->dkey) };
	if (in->flags & DAOS_GET_AKEY)
		rep->akey = (struct bytes){ .ptr = &q->akey, .len = sizeof(q->akey) };
	rep->recx_idx = q->recx.idx;
	rep->recx_nr = q->recx.nr;
	rep->rec_bytes = q->size;
	return rpc_reply(req, 0, rep, NULL);
}

int obj_query_key_handler(struct rpc_req *req)
{
	const struct wire_obj_query_key_req *in = req->body;
	struct obj_svc *svc;
	struct obj_cont *c;
	int rc;

	rc = obj_begin(req, &in->pool, &in->cont, &svc, &c);
	if (rc != 0)
		return rc;
	rc = query_serve(req, c);
	obj_cont_put(svc, c);
	return rc;
}

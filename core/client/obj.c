/* Objects: ids, punches, listings, queries. */
#include "core/client/client_int.h"

#include "daos_obj_class.h"

/* ---- ids and handles ------------------------------------------------------------------------ */

/* Groups that a sharding hint asks for, of @targets; the percentages are the public ones. */
static uint32_t hint_groups(daos_oclass_hints_t hints, enum daos_otype_t type, uint32_t targets)
{
	uint32_t shd = hints & DAOS_OCH_SHD_MASK;

	if (shd == DAOS_OCH_SHD_TINY)
		return 1;
	if (shd == DAOS_OCH_SHD_REG)
		return (uint32_t)min_u64(targets, max_u64(128, targets * 25ull / 100));
	if (shd == DAOS_OCH_SHD_HI)
		return (uint32_t)min_u64(targets, max_u64(256, targets * 50ull / 100));
	if (shd == DAOS_OCH_SHD_EXT)
		return (uint32_t)min_u64(targets, max_u64(1024, targets * 70ull / 100));
	if (shd == DAOS_OCH_SHD_MAX)
		return MAX_NUM_GROUPS;
	return daos_is_array_type(type) || daos_is_kv_type(type) ? MAX_NUM_GROUPS : 1;
}

int cl_oid_generate(struct process *p, struct cl_cont *cont, daos_obj_id_t *oid,
		    enum daos_otype_t type, daos_oclass_id_t cid, daos_oclass_hints_t hints)
{
	struct cl_map *map = cl_map_get(p, cont->pool);
	uint32_t groups = cid & MAX_NUM_GROUPS;
	uint8_t redun = (uint8_t)(cid >> OC_REDUN_SHIFT);
	uint32_t count = 0;
	int rc;

	if (map == NULL)
		return -DER_UNINIT;
	if (cid == OC_UNKNOWN) {
		redun = OR_RP_1;
		groups = hint_groups(hints, type, map->pmap->target_count);
	}
	rc = daos_otype_t_is_valid(type) ? place_group_count(map->pmap, redun, groups, &count)
					 : -DER_INVAL;
	cl_map_put(p, map);
	if (rc != 0)
		return rc;
	oid->hi &= UINT32_MAX;
	oid->hi |= (uint64_t)type << OID_FMT_TYPE_SHIFT | (uint64_t)redun << OID_FMT_CLASS_SHIFT |
		   (uint64_t)count << OID_FMT_META_SHIFT;
	return 0;
}

static void obj_free(struct process *p, struct cl_ref *ref)
{
	struct cl_obj *o = container_of(ref, struct cl_obj, ref);

	cl_put(p, &o->cont->ref);
	process_free(p, o);
}

int cl_obj_open(struct process *p, struct cl_cont *cont, struct oid oid, uint32_t mode,
		struct cl_obj **ret_obj)
{
	struct place_attr attr;
	struct cl_obj *o;
	int rc;

	if (!(mode & (DAOS_OO_RO | DAOS_OO_RW)))
		return -DER_INVAL;
	if ((mode & DAOS_OO_RW) && !(cont->flags & (DAOS_COO_RW | DAOS_COO_EX)))
		return -DER_NO_PERM;
	rc = place_attr(oid, &attr);
	if (rc != 0)
		return rc;
	o = process_alloc(p, sizeof(*o));
	if (o == NULL)
		return -DER_NOMEM;
	cl_ref_init(&o->ref, DAOS_HTYPE_OBJ, obj_free);
	cl_get(p, &cont->ref);
	o->cont = cont;
	o->oid = oid;
	o->attr = attr;
	o->mode = mode;
	*ret_obj = o;
	return 0;
}

/* ---- one call per shard --------------------------------------------------------------------- */

/* A call to every group's first shard, @nr of them at a time, so that wide objects stay bounded. */
#define FANOUT_MAX 64u

struct fan {
	struct rpc_call call;
	union {
		struct wire_obj_punch_rep punch;
		struct wire_obj_query_key_rep query;
	} rep;
	uint32_t shard;
	uint32_t tries;
	int rc;
	bool live;		/* part of the round that runs */
	bool sent;
	bool again;
};

typedef void (*fan_fn)(void *arg, struct fan *f);

/* What goes to every shard: a request, whose member *shard says to which. */
struct fan_req {
	struct cl_obj *obj;
	uint16_t op;
	void *req;
	uint32_t *shard;
	fan_fn each;		/* sees every answer, in order */
	void *arg;
	uint32_t done;		/* shards that answered 0 */
};

static void fan_send(struct cl_stream *s, struct rpc_group *g, struct fan_req *fr, struct fan *f)
{
	f->call = (struct rpc_call){ .op = fr->op, .req = fr->req, .rep = &f->rep,
				     .retry = &s->retry, .arg = fr->obj->cont->pool };
	f->again = false;
	*fr->shard = f->shard;
	f->rc = cl_shard_ep(s, fr->obj, f->shard, &f->call.ep, &f->call.map_version);
	if (f->rc == 0)
		f->rc = rpc_group_send(g, &f->call);
	f->sent = f->rc == 0;
}

/* The call of @f has ended, or did not start. */
static void fan_take(struct cl_stream *s, struct fan_req *fr, struct fan *f)
{
	if (f->sent)
		f->rc = f->call.rc;
	if (f->rc == 0) {
		fr->done++;
		if (fr->each != NULL)
			fr->each(fr->arg, f);
	} else {
		f->again = cl_map_retry(s, fr->obj, f->shard, &f->call, &f->tries, &f->rc);
	}
	rpc_call_fini(s->rpc, &f->call);
}

/* One window: all of it at once, then those that a newer map may help, until none is left. */
static void fan_window(struct cl_stream *s, struct fan_req *fr, struct fan *fans, uint32_t nr)
{
	bool more = true;
	uint32_t i;

	while (more) {
		struct rpc_group g;

		rpc_group_init(&g, s->rpc);
		for (i = 0; i < nr; i++) {
			fans[i].live = fans[i].again;
			if (fans[i].live)
				fan_send(s, &g, fr, &fans[i]);
		}
		(void)rpc_group_wait(&g);	/* each call has its own result */
		more = false;
		for (i = 0; i < nr; i++) {
			if (fans[i].live)
				fan_take(s, fr, &fans[i]);
			more = more || fans[i].again;
		}
	}
}

/* Returns the first failure. What is missing on some shards is not missing: -DER_NONEXIST is that of
 * all of them. */
static int fan_out(struct cl_stream *s, struct fan_req *fr)
{
	uint32_t groups = fr->obj->attr.group_count;
	uint32_t width = (uint32_t)min_u64(groups, FANOUT_MAX);
	struct fan *fans = rt_alloc(s->rt, width * sizeof(*fans));
	bool missing = false;
	uint32_t first;
	int rc = 0;

	if (fans == NULL)
		return -DER_NOMEM;
	for (first = 0; first < groups && rc == 0; first += width) {
		uint32_t n = (uint32_t)min_u64(width, groups - first);
		uint32_t i;

		for (i = 0; i < n; i++)
			fans[i] = (struct fan){ .again = true,
						.shard = (first + i) * fr->obj->attr.group_size };
		fan_window(s, fr, fans, n);
		for (i = 0; i < n; i++) {
			if (fans[i].rc == -DER_NONEXIST)
				missing = true;
			else if (rc == 0)
				rc = fans[i].rc;
		}
	}
	rt_free(s->rt, fans);
	return rc == 0 && missing && fr->done == 0 ? -DER_NONEXIST : rc;
}

/* ---- punches -------------------------------------------------------------------------------- */

static struct bytes key_bytes(const daos_key_t *key)
{
	if (key == NULL)
		return (struct bytes){ .ptr = "" };
	return (struct bytes){ .ptr = key->iov_buf, .len = (uint32_t)key->iov_len };
}

static int keys_check(uint32_t nr, const daos_key_t *keys)
{
	uint32_t i;

	if (nr == 0 || nr > WIRE_IODS_MAX || keys == NULL)
		return -DER_INVAL;
	for (i = 0; i < nr; i++) {
		if (keys[i].iov_len > WIRE_KEY_MAX)
			return -DER_KEY2BIG;
		if (keys[i].iov_buf == NULL && keys[i].iov_len > 0)
			return -DER_INVAL;
	}
	return 0;
}

static struct wire_obj_punch_req punch_req(const struct cl_obj *o, uint64_t flags, uint32_t what)
{
	return (struct wire_obj_punch_req){
		.pool = o->cont->pool->uid,
		.cont = o->cont->uid,
		.cont_handle = o->cont->handle,
		.oid = o->oid,
		.flags = flags,
		.what = what,
	};
}

int cl_punch_obj(struct cl_stream *s, struct cl_obj *o, uint64_t flags)
{
	struct wire_obj_punch_req req = punch_req(o, flags, WIRE_WHAT_OBJ);

	struct fan_req fr = { .obj = o, .op = WIRE_OBJ_PUNCH, .req = &req, .shard = &req.shard };

	if (!(o->mode & DAOS_OO_RW))
		return -DER_NO_PERM;
	return fan_out(s, &fr);
}

/* A punch of keys goes to the one shard of its dkey. */
static int punch_keys(struct cl_stream *s, struct cl_obj *o, uint64_t flags, const daos_key_t *dkey,
		      uint32_t nr, const daos_key_t *akeys)
{
	struct wire_obj_punch_req req = punch_req(o, flags,
						  nr > 0 ? WIRE_WHAT_AKEY : WIRE_WHAT_DKEY);
	struct wire_key d = { .key = key_bytes(dkey) };
	struct wire_key *a = NULL;
	struct rpc_call call = { .op = WIRE_OBJ_PUNCH, .req = &req };
	uint32_t i;
	int rc;

	if (!(o->mode & DAOS_OO_RW))
		return -DER_NO_PERM;
	req.dkeys.v = &d;
	req.dkeys.nr = 1;
	if (nr > 0) {
		a = rt_alloc(s->rt, nr * sizeof(*a));
		if (a == NULL)
			return -DER_NOMEM;
		for (i = 0; i < nr; i++)
			a[i].key = key_bytes(&akeys[i]);
		req.akeys.v = a;
		req.akeys.nr = nr;
	}
	req.shard = cl_dkey_shard(o, dkey);
	rc = cl_shard_call(s, o, req.shard, &call);
	rpc_call_fini(s->rpc, &call);
	rt_free(s->rt, a);
	return rc;
}

int cl_punch_dkeys(struct cl_stream *s, struct cl_obj *o, uint64_t flags, uint32_t nr,
		   const daos_key_t *dkeys)
{
	int rc = keys_check(nr, dkeys);

	if (rc != 0)
		return rc;
	if (nr != 1)	/* several dkeys are several shards: no one punch of them all */
		return -DER_INVAL;
	return punch_keys(s, o, flags, dkeys, 0, NULL);
}

int cl_punch_akeys(struct cl_stream *s, struct cl_obj *o, uint64_t flags, const daos_key_t *dkey,
		   uint32_t nr, const daos_key_t *akeys)
{
	int rc = keys_check(1, dkey);

	if (rc == 0)
		rc = keys_check(nr, akeys);
	return rc != 0 ? rc : punch_keys(s, o, flags, dkey, nr, akeys);
}

/* ---- query ---------------------------------------------------------------------------------- */

struct best {
	uint64_t flags;
	bool found;
	uint64_t dkey;
	struct wire_obj_query_key_rep rep;	/* its numbers only */
	uint64_t akey;
	bool has_akey;
	uint64_t max_epoch;	/* over all shards */
};

static uint64_t key_u64(struct bytes b)
{
	uint64_t v = 0;

	if (b.len == sizeof(v))
		memcpy(&v, b.ptr, sizeof(v));
	return v;
}

static void best_see(void *arg, struct fan *f)
{
	const struct wire_obj_query_key_rep *r = &f->rep.query;
	struct best *b = arg;
	uint64_t dkey = key_u64(r->dkey);

	b->max_epoch = max_u64(b->max_epoch, r->max_epoch);
	if ((b->flags & DAOS_GET_DKEY) && r->dkey.len == 0)
		return;	/* nothing on that shard */
	if (b->found && ((b->flags & DAOS_GET_MAX) ? dkey <= b->dkey : dkey >= b->dkey))
		return;
	b->found = true;
	b->dkey = dkey;
	b->rep = *r;
	b->akey = key_u64(r->akey);
	b->has_akey = r->akey.len == sizeof(b->akey);
}

static void key_set_u64(daos_key_t *key, uint64_t v)
{
	if (key == NULL || key->iov_buf == NULL || key->iov_buf_len < sizeof(v))
		return;
	memcpy(key->iov_buf, &v, sizeof(v));
	key->iov_len = sizeof(v);
}

static int query_check(uint64_t flags, const daos_key_t *dkey, const daos_key_t *akey)
{
	uint64_t what = flags & (DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX);
	bool max = flags & DAOS_GET_MAX;
	bool min = flags & DAOS_GET_MIN;

	if (what == 0 || max == min)
		return -DER_INVAL;
	if (dkey == NULL || ((flags & DAOS_GET_DKEY) && dkey->iov_buf_len < sizeof(uint64_t)))
		return -DER_INVAL;
	if ((flags & (DAOS_GET_AKEY | DAOS_GET_RECX)) && akey == NULL)
		return -DER_INVAL;
	return 0;
}

static void best_store(const struct best *b, daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx)
{
	if (!b->found) {
		dkey->iov_len = (b->flags & DAOS_GET_DKEY) ? 0 : dkey->iov_len;
		if (recx != NULL)
			*recx = (daos_recx_t){ 0 };
		return;
	}
	if (b->flags & DAOS_GET_DKEY)
		key_set_u64(dkey, b->dkey);
	if ((b->flags & DAOS_GET_AKEY) && b->has_akey)
		key_set_u64(akey, b->akey);
	if (recx != NULL)
		*recx = (daos_recx_t){ b->rep.recx_idx, b->rep.recx_nr };
}

static struct wire_obj_query_key_req query_req(const struct cl_obj *o, uint64_t epoch,
					       uint64_t flags)
{
	return (struct wire_obj_query_key_req){
		.pool = o->cont->pool->uid, .cont = o->cont->uid,
		.cont_handle = o->cont->handle, .oid = o->oid, .epoch = epoch, .flags = flags,
		.dkey = { .ptr = "" }, .akey = { .ptr = "" },
	};
}

int cl_query_key_epoch(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, uint64_t flags,
		       daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx,
		       uint64_t *ret_rec_bytes, uint64_t *ret_epoch)
{
	struct wire_obj_query_key_req req = query_req(o, epoch, flags);
	struct best b = { .flags = flags };
	int rc = query_check(flags, dkey, akey);

	if (rc != 0)
		return rc;
	if (!(flags & DAOS_GET_DKEY))
		req.dkey = key_bytes(dkey);
	if (!(flags & DAOS_GET_AKEY))
		req.akey = key_bytes(akey);
	if (flags & DAOS_GET_DKEY) {
		struct fan_req fr = { .obj = o, .op = WIRE_OBJ_QUERY_KEY, .req = &req,
				      .shard = &req.shard, .each = best_see, .arg = &b };

		rc = fan_out(s, &fr);
	} else {
		struct fan one = { .call = { .op = WIRE_OBJ_QUERY_KEY, .req = &req,
					     .rep = &one.rep } };

		req.shard = cl_dkey_shard(o, dkey);
		rc = cl_shard_call(s, o, req.shard, &one.call);
		if (rc == 0)
			best_see(&b, &one);
		rpc_call_fini(s->rpc, &one.call);
	}
	if (rc != 0)
		return rc;
	best_store(&b, dkey, akey, recx);
	if (ret_rec_bytes != NULL)
		*ret_rec_bytes = b.found ? b.rep.rec_bytes : 0;
	if (ret_epoch != NULL)
		*ret_epoch = b.max_epoch;
	return 0;
}

int cl_query_key(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, uint64_t flags,
		 daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx, uint64_t *ret_rec_bytes)
{
	return cl_query_key_epoch(s, o, epoch, flags, dkey, akey, recx, ret_rec_bytes, NULL);
}

int cl_obj_epoch_max(struct cl_stream *s, struct cl_obj *o, uint64_t *ret_epoch)
{
	struct wire_obj_query_key_req req = query_req(o, DAOS_EPOCH_MAX, 0);
	struct best b = { 0 };
	struct fan_req fr = { .obj = o, .op = WIRE_OBJ_QUERY_KEY, .req = &req, .shard = &req.shard,
			      .each = best_see, .arg = &b };
	int rc = fan_out(s, &fr);

	if (rc == 0)
		*ret_epoch = b.max_epoch;
	return rc;
}

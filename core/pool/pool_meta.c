/* Tables over a store: table = object, key = dkey, value = the single value of one akey. */
#include "core/pool/pool_svc.h"

struct pool_meta {
	struct rt *rt;
	struct hlc *hlc;
	struct vos_cont *vc;
};

static const struct uid meta_uid = { "gemel-pool-meta" };
static const char meta_akey[] = "v";

int pool_meta_open(struct rt *rt, struct vos *vos, struct hlc *hlc, struct pool_meta **ret_meta)
{
	struct pool_meta *m;
	struct vos_cont *vc;
	int rc;

	rc = vos_cont_open(vos, &meta_uid, &vc);
	if (rc == -DER_NONEXIST) {
		rc = vos_cont_create(vos, &meta_uid);
		if (rc == 0)
			rc = vos_cont_open(vos, &meta_uid, &vc);
	}
	if (rc != 0)
		return rc;
	m = rt_alloc(rt, sizeof(*m));
	if (m == NULL) {
		vos_cont_close(vc);
		return -DER_NOMEM;
	}
	*m = (struct pool_meta){ .rt = rt, .hlc = hlc, .vc = vc };
	*ret_meta = m;
	return 0;
}

void pool_meta_close(struct pool_meta *m)
{
	if (m == NULL)
		return;
	vos_cont_close(m->vc);
	rt_free(m->rt, m);
}

static struct vos_op meta_op(struct pool_meta *m, enum pool_table table, struct bytes key)
{
	return (struct vos_op){
		.oid = { .lo = (uint64_t)table,
			 .hi = (uint64_t)DAOS_OT_MULTI_LEXICAL << OID_FMT_TYPE_SHIFT },
		.dkey = key,
		.epoch = hlc_now(m->hlc, rt_wall_ns(m->rt)),
	};
}

int pool_meta_put(struct pool_meta *m, enum pool_table table, struct bytes key, struct bytes value)
{
	struct vos_op op = meta_op(m, table, key);
	struct bseg seg;
	struct buf buf = buf_from_bytes(&seg, value.ptr, value.len);
	struct vos_iod iod = {
		.akey = { .ptr = meta_akey, .len = sizeof(meta_akey) - 1 },
		.type = VOS_SINGLE,
		.size = value.len,
		.buf = &buf,
	};

	ASSERT(value.len > 0);
	return vos_update(m->vc, &op, 1, &iod);
}

int pool_meta_del(struct pool_meta *m, enum pool_table table, struct bytes key)
{
	struct vos_op op = meta_op(m, table, key);

	return vos_punch_dkey(m->vc, &op);
}

/* ---- walk ----------------------------------------------------------------------------------- */

struct meta_key {
	struct pool_meta *m;
	char *key;
	uint32_t len;
	bool found;
	int rc;
};

/* Take one key per call: values are fetched outside of the iteration, which must not park. */
static int take_key(void *arg, const struct vos_entry *e)
{
	struct meta_key *k = arg;

	k->key = rt_alloc(k->m->rt, e->key.len + 1u);
	if (k->key == NULL)
		return -DER_NOMEM;
	memcpy(k->key, e->key.ptr, e->key.len);
	k->len = e->key.len;
	k->found = true;
	return VOS_ITER_STOP;
}

static int walk_value(struct pool_meta *m, enum pool_table table, struct bytes key, pool_meta_fn fn,
		      void *arg)
{
	struct vos_op op = meta_op(m, table, key);
	struct vos_iod iod = {
		.akey = { .ptr = meta_akey, .len = sizeof(meta_akey) - 1 },
		.type = VOS_SINGLE,
	};
	struct vos_fetch *f;
	const struct vos_got *got;
	struct bytes value;
	void *copy;
	int rc;

	op.epoch = VOS_EPOCH_MAX;
	rc = vos_fetch_begin(m->vc, &op, 1, &iod, &f);
	if (rc != 0)
		return rc;
	got = vos_fetch_got(f, 0);
	copy = rt_alloc(m->rt, got->size + 1);
	if (copy == NULL) {
		rc = -DER_NOMEM;
	} else if (got->size > 0) {
		struct bseg seg;
		struct buf dst = buf_from_bytes(&seg, copy, got->size);

		rc = buf_copy(&dst, 0, &got->data, 0, got->size);
	}
	value = (struct bytes){ .ptr = copy, .len = (uint32_t)got->size };
	vos_fetch_end(f);
	if (rc == 0 && value.len > 0)
		rc = fn(arg, key, value);
	rt_free(m->rt, copy);
	return rc;
}

int pool_meta_walk(struct pool_meta *m, enum pool_table table, pool_meta_fn fn, void *arg)
{
	struct vos_op op = meta_op(m, table, (struct bytes){ .ptr = "" });
	struct vos_iter it = { .type = VOS_ITER_DKEY, .op = &op };
	struct vos_anchor anchor = { { 0 } };
	int rc = 0;

	op.epoch = VOS_EPOCH_MAX;
	while (rc == 0 && !vos_anchor_is_end(&anchor)) {
		struct meta_key k = { .m = m };

		rc = vos_iterate(m->vc, &it, &anchor, take_key, &k);
		if (rc == 0 && k.found)
			rc = walk_value(m, table, (struct bytes){ .ptr = k.key, .len = k.len }, fn,
					arg);
		rt_free(m->rt, k.key);
	}
	return rc;
}

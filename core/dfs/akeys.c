/* All that stands under an entry, to copy it to another name. */
#include "core/dfs/dfs_int.h"

/* Akeys of one message: their number, and the bytes of their names, so that a request fits. */
#define BATCH_KEYS	32u
#define BATCH_BYTES	6144u

#define LIST_KEYS	32u
#define LIST_BYTES	(LIST_KEYS * (DFS_AKEY_MAX + 1u))

static struct dfs_akey *akeys_add(struct cl_stream *s, struct dfs_akeys *keys)
{
	if (keys->nr == keys->cap) {
		uint32_t cap = keys->cap == 0 ? 4 : keys->cap * 2;
		struct dfs_akey *v = rt_alloc(s->rt, cap * sizeof(*v));

		if (v == NULL)
			return NULL;
		if (keys->nr > 0)
			memcpy(v, keys->v, keys->nr * sizeof(*v));
		rt_free(s->rt, keys->v);
		keys->v = v;
		keys->cap = cap;
	}
	return &keys->v[keys->nr++];
}

void dfs_akeys_free(struct cl_stream *s, struct dfs_akeys *keys)
{
	uint32_t i;

	for (i = 0; i < keys->nr; i++)
		rt_free(s->rt, keys->v[i].val);
	rt_free(s->rt, keys->v);
	*keys = (struct dfs_akeys){ 0 };
}

static int akeys_take(struct cl_stream *s, struct dfs_akeys *keys, const char *buf, uint32_t nr,
		      const daos_key_desc_t *kds)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		size_t len = kds[i].kd_key_len;
		struct dfs_akey *k;

		if (len > DFS_AKEY_MAX)
			return -DER_DF_INVAL;
		if (len != sizeof(DFS_AKEY_INODE) - 1 || memcmp(buf, DFS_AKEY_INODE, len) != 0) {
			k = akeys_add(s, keys);
			if (k == NULL)
				return -DER_NOMEM;
			memcpy(k->name, buf, len);
		}
		buf += len;
	}
	return 0;
}

static int akeys_list(struct cl_stream *s, struct cl_obj *dir, const daos_key_t *dkey,
		      struct dfs_akeys *keys)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t *kds = rt_alloc(s->rt, LIST_KEYS * sizeof(*kds) + LIST_BYTES);
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	int rc = kds == NULL ? -DER_NOMEM : 0;

	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		char *buf = (char *)(kds + LIST_KEYS);	/* behind the descriptions */
		uint32_t nr = LIST_KEYS;

		d_iov_set(&iov, buf, LIST_BYTES);
		rc = cl_list_keys(s, dir, DAOS_EPOCH_MAX, dkey, &nr, kds, &sgl, &anchor);
		if (rc == 0)
			rc = akeys_take(s, keys, buf, nr, kds);
	}
	rt_free(s->rt, kds);
	return rc;
}

/* Akeys of one request. */
struct batch {
	daos_iod_t iods[BATCH_KEYS];
	d_sg_list_t sgls[BATCH_KEYS];
	d_iov_t iovs[BATCH_KEYS];
	uint32_t nr;
	uint32_t name_bytes;
};

static bool batch_full(const struct batch *b)
{
	return b->nr == BATCH_KEYS || b->name_bytes + DFS_AKEY_MAX > BATCH_BYTES;
}

static void batch_add(struct batch *b, const char *name, void *val, uint64_t bytes)
{
	uint32_t i = b->nr++;
	size_t len = strlen(name);

	b->iods[i] = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = bytes, .iod_nr = 1 };
	d_iov_set(&b->iods[i].iod_name, (void *)(uintptr_t)name, len);
	d_iov_set(&b->iovs[i], val, bytes);
	b->sgls[i] = (d_sg_list_t){ .sg_nr = val != NULL ? 1 : 0, .sg_iovs = &b->iovs[i] };
	b->name_bytes += (uint32_t)len;
}

/* Values of the akeys from @first on, as many as fit a request. */
static int values_fetch(struct cl_stream *s, struct cl_obj *dir, const daos_key_t *dkey,
			struct batch *b, struct dfs_akeys *keys, uint32_t first)
{
	uint32_t i;
	int rc;

	b->nr = 0;
	b->name_bytes = 0;
	for (i = first; i < keys->nr && !batch_full(b); i++)
		batch_add(b, keys->v[i].name, NULL, 0);
	rc = cl_fetch(s, dir, DAOS_EPOCH_MAX, 0, dkey, b->nr, b->iods, NULL, NULL);
	for (i = 0; i < b->nr && rc == 0; i++) {
		struct dfs_akey *k = &keys->v[first + i];

		k->bytes = b->iods[i].iod_size;
		k->val = rt_alloc(s->rt, k->bytes + 1);
		if (k->val == NULL)
			return -DER_NOMEM;
		d_iov_set(&b->iovs[i], k->val, k->bytes);
		b->sgls[i].sg_nr = 1;
	}
	if (rc == 0)
		rc = cl_fetch(s, dir, DAOS_EPOCH_MAX, 0, dkey, b->nr, b->iods, b->sgls, NULL);
	for (i = 0; i < b->nr && rc == 0; i++)
		if (b->iods[i].iod_size != keys->v[first + i].bytes)
			rc = -DER_STALE;	/* somebody changes it; the caller may try again */
	return rc;
}

int dfs_akeys_load(struct cl_stream *s, struct cl_obj *dir, const char *name, bool values,
		   struct dfs_akeys *ret_keys)
{
	struct dfs_akeys keys = { 0 };
	struct batch *b = NULL;
	daos_key_t dkey;
	uint32_t at = 0;
	int rc;

	d_iov_set(&dkey, (void *)(uintptr_t)name, strlen(name));
	rc = akeys_list(s, dir, &dkey, &keys);
	if (rc == 0 && values && keys.nr > 0) {
		b = rt_alloc(s->rt, sizeof(*b));
		rc = b == NULL ? -DER_NOMEM : 0;
	}
	while (rc == 0 && b != NULL && at < keys.nr) {
		rc = values_fetch(s, dir, &dkey, b, &keys, at);
		at += b->nr;
	}
	rt_free(s->rt, b);
	if (rc != 0) {
		dfs_akeys_free(s, &keys);
		return rc;
	}
	*ret_keys = keys;
	return 0;
}

static bool akeys_have(const struct dfs_akeys *keys, const char *name)
{
	uint32_t i;

	for (i = 0; i < keys->nr; i++)
		if (strcmp(keys->v[i].name, name) == 0)
			return true;
	return false;
}

struct replace {
	struct cl_stream *s;
	struct cl_obj *dir;
	daos_key_t dkey;
	uint64_t cond;		/* of the next request */
	struct batch *b;
	int rc;
};

static void replace_flush(struct replace *r)
{
	if (r->rc == 0 && r->b->nr > 0)
		r->rc = cl_update(r->s, r->dir, r->cond, &r->dkey, r->b->nr, r->b->iods,
				  r->b->sgls);
	/* What follows belongs to the entry that is there now. */
	r->cond = DAOS_COND_DKEY_UPDATE;
	r->b->nr = 0;
	r->b->name_bytes = 0;
}

static void replace_add(struct replace *r, const struct dfs_akey *k, bool punch)
{
	if (batch_full(r->b))
		replace_flush(r);
	batch_add(r->b, k->name, punch ? NULL : k->val, punch ? 0 : k->bytes);
}

int dfs_entry_replace(struct cl_stream *s, struct cl_obj *dir, const char *name, uint64_t cond,
		      const struct dfs_inode *in, const struct dfs_akeys *keys,
		      const struct dfs_akeys *old)
{
	struct replace r = { .s = s, .dir = dir, .cond = cond };
	daos_recx_t recx = { .rx_nr = DFS_INODE_BYTES };
	uint8_t raw[DFS_INODE_BYTES];
	uint32_t i;

	r.b = rt_alloc(s->rt, sizeof(*r.b));
	if (r.b == NULL)
		return -DER_NOMEM;
	d_iov_set(&r.dkey, (void *)(uintptr_t)name, strlen(name));
	dfs_inode_encode(in, raw);
	batch_add(r.b, DFS_AKEY_INODE, raw, sizeof(raw));
	r.b->iods[0].iod_type = DAOS_IOD_ARRAY;
	r.b->iods[0].iod_size = 1;
	r.b->iods[0].iod_recxs = &recx;
	for (i = 0; i < keys->nr; i++)
		replace_add(&r, &keys->v[i], false);
	for (i = 0; old != NULL && i < old->nr; i++)
		if (!akeys_have(keys, old->v[i].name))
			replace_add(&r, &old->v[i], true);
	replace_flush(&r);
	rt_free(s->rt, r.b);
	return r.rc;
}

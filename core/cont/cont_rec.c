/*
 * A container's record on media, little-endian: format u32, prop_nr u32, oid_next u64, otime u64,
 * mtime u64, then per property type u32, len u32, val u64 and len bytes.
 */
#include "core/cont/cont_int.h"

#define REC_FORMAT 1u
#define REC_HEAD_BYTES 32u
#define REC_PROP_BYTES 16u

const struct cont_prop *cont_prop_find(const struct cont *c, uint32_t type)
{
	uint32_t i;

	for (i = 0; i < c->prop_nr; i++)
		if (c->props[i].type == type)
			return &c->props[i];
	return NULL;
}

int cont_prop_set(struct rt *rt, struct cont *c, const struct wire_prop *w)
{
	struct cont_prop *p = (struct cont_prop *)(uintptr_t)cont_prop_find(c, w->type);
	char *str = NULL;

	if (w->str.len > 0) {
		str = rt_alloc(rt, w->str.len + 1u);
		if (str == NULL)
			return -DER_NOMEM;
		memcpy(str, w->str.ptr, w->str.len);
	}
	if (p == NULL) {
		if (c->prop_nr == WIRE_PROPS_MAX) {
			rt_free(rt, str);
			return -DER_NOSPACE;
		}
		p = &c->props[c->prop_nr++];
		*p = (struct cont_prop){ 0 };
	}
	rt_free(rt, p->str);
	*p = (struct cont_prop){ .type = w->type, .len = w->str.len, .val = w->val, .str = str };
	return 0;
}

void cont_free(struct rt *rt, struct cont *c)
{
	uint32_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->prop_nr; i++)
		rt_free(rt, c->props[i].str);
	rt_free(rt, c);
}

static size_t rec_bytes(const struct cont *c)
{
	size_t bytes = REC_HEAD_BYTES;
	uint32_t i;

	for (i = 0; i < c->prop_nr; i++)
		bytes += REC_PROP_BYTES + c->props[i].len;
	return bytes;
}

static uint8_t *put(uint8_t *dst, const void *src, size_t n)
{
	if (n > 0)
		memcpy(dst, src, n);
	return dst + n;
}

int cont_rec_put(struct cont_svc *svc, const struct cont *c)
{
	uint32_t head[2] = { REC_FORMAT, c->prop_nr };
	uint64_t nums[3] = { c->oid_next, c->otime, c->mtime };
	size_t bytes = rec_bytes(c);
	uint8_t *mem = rt_alloc(svc->rt, bytes);
	uint8_t *at = mem;
	uint32_t i;
	int rc;

	if (mem == NULL)
		return -DER_NOMEM;
	at = put(at, head, sizeof(head));
	at = put(at, nums, sizeof(nums));
	for (i = 0; i < c->prop_nr; i++) {
		const struct cont_prop *p = &c->props[i];

		at = put(at, &p->type, sizeof(p->type));
		at = put(at, &p->len, sizeof(p->len));
		at = put(at, &p->val, sizeof(p->val));
		at = put(at, p->str, p->len);
	}
	ASSERT((size_t)(at - mem) == bytes);
	rc = pool_meta_put(pool_svc_meta(svc->pool), POOL_T_CONT,
			   (struct bytes){ .ptr = c->uid.b, .len = sizeof(c->uid) },
			   (struct bytes){ .ptr = mem, .len = (uint32_t)bytes });
	rt_free(svc->rt, mem);
	return rc;
}

int cont_rec_del(struct cont_svc *svc, const struct cont *c)
{
	return pool_meta_del(pool_svc_meta(svc->pool), POOL_T_CONT,
			     (struct bytes){ .ptr = c->uid.b, .len = sizeof(c->uid) });
}

int cont_rec_load(struct rt *rt, struct bytes key, struct bytes value, struct cont **ret_cont)
{
	const uint8_t *v = value.ptr;
	uint32_t at = REC_HEAD_BYTES;
	uint32_t head[2];
	uint64_t nums[3];
	struct cont *c;
	uint32_t i;
	int rc = 0;

	if (key.len != sizeof(c->uid) || value.len < REC_HEAD_BYTES)
		return -DER_DF_INVAL;
	memcpy(head, v, sizeof(head));
	memcpy(nums, v + sizeof(head), sizeof(nums));
	if (head[0] != REC_FORMAT || head[1] > WIRE_PROPS_MAX)
		return -DER_DF_INVAL;
	c = rt_alloc(rt, sizeof(*c));
	if (c == NULL)
		return -DER_NOMEM;
	memcpy(c->uid.b, key.ptr, sizeof(c->uid));
	c->oid_next = nums[0];
	c->otime = nums[1];
	c->mtime = nums[2];
	for (i = 0; i < head[1] && rc == 0; i++) {
		struct wire_prop w = { 0 };

		if (value.len - at < REC_PROP_BYTES) {
			rc = -DER_DF_INVAL;
			break;
		}
		memcpy(&w.type, v + at, sizeof(w.type));
		memcpy(&w.str.len, v + at + 4, sizeof(w.str.len));
		memcpy(&w.val, v + at + 8, sizeof(w.val));
		at += REC_PROP_BYTES;
		if (w.str.len > value.len - at || w.str.len > WIRE_PROP_STR_MAX) {
			rc = -DER_DF_INVAL;
			break;
		}
		w.str.ptr = v + at;
		at += w.str.len;
		rc = cont_prop_set(rt, c, &w);
	}
	if (rc == 0 && at != value.len)
		rc = -DER_DF_INVAL;
	if (rc != 0) {
		cont_free(rt, c);
		return rc;
	}
	*ret_cont = c;
	return 0;
}

int cont_props_reply(struct rpc_req *req, const struct cont *c, const struct wire_prop **ret_v,
		     uint32_t *ret_nr)
{
	struct wire_prop *v = rpc_req_alloc(req, (c->prop_nr + 1) * sizeof(*v));
	uint32_t i;

	if (v == NULL)
		return -DER_NOMEM;
	for (i = 0; i < c->prop_nr; i++)
		v[i] = (struct wire_prop){
			.type = c->props[i].type,
			.val = c->props[i].val,
			.str = { .ptr = c->props[i].str, .len = c->props[i].len },
		};
	*ret_v = v;
	*ret_nr = c->prop_nr;
	return 0;
}

/* Records as bytes, the writing side; vos_simple_decode.c reads them. Little-endian, no padding. */
#include "core/vos/vos_simple_int.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are written as they are");

static void put_id(struct vos *v, const struct vos_dtx_id *id)
{
	vs_rec_raw(v, id->client.b, sizeof(id->client.b));
	vs_rec_u64(v, id->hlc);
}

static void put_oid(struct vos *v, struct oid oid)
{
	vs_rec_u64(v, oid.lo);
	vs_rec_u64(v, oid.hi);
}

static void put_csum(struct vos *v, const struct vos_csum *c)
{
	vs_rec_u16(v, c->type);
	vs_rec_u16(v, c->len);
	vs_rec_u32(v, c->chunk_bytes);
	vs_rec_bytes(v, c->sums);
}

/* Where the content is: in here, or as payload, in pieces of bytes and phantoms. */
static void put_val(struct vos *v, const struct vs_val *val)
{
	uint32_t i;

	vs_rec_u64(v, val->buf.bytes);
	if (vs_val_inline(v, val)) {
		vs_rec_u32(v, 0);
		vs_rec_buf(v, &val->buf);
		return;
	}
	vs_rec_u32(v, val->nr);
	for (i = 0; i < val->nr; i++) {
		vs_rec_u8(v, val->pieces[i].phantom);
		vs_rec_u64(v, val->pieces[i].bytes);
	}
}

static void put_put(struct vos *v, const struct vs_put *p)
{
	uint32_t nr = p->type == VOS_ARRAY ? p->nr : 1;
	uint32_t i;

	vs_rec_bytes(v, p->akey);
	vs_rec_u8(v, (uint8_t)p->type);
	vs_rec_u64(v, p->size);
	if (p->type == VOS_ARRAY) {
		vs_rec_u32(v, p->nr);
		for (i = 0; i < p->nr; i++) {
			vs_rec_u64(v, p->recxs[i].idx);
			vs_rec_u64(v, p->recxs[i].nr);
		}
	}
	if (p->val == NULL)
		return;
	vs_rec_u8(v, p->csums != NULL);
	for (i = 0; p->csums != NULL && i < nr; i++)
		put_csum(v, &p->csums[i]);
	put_val(v, p->val);
}

int vs_log_change(struct vs_cont *c, enum vs_kind kind, const struct vs_change *ch,
		  uint64_t *ret_seq)
{
	struct vs_val *some[8];
	struct vs_val **vals = some;
	struct vos *v = c->v;
	uint32_t nr = 0;
	uint32_t i;
	int rc;

	if (ch->nr > ARRAY_COUNT(some)) {
		vals = vs_alloc(v, ch->nr * sizeof(*vals));
		if (vals == NULL)
			return -DER_NOMEM;
	}
	vs_rec_begin(v);
	vs_rec_raw(v, c->uid.b, sizeof(c->uid.b));
	put_oid(v, ch->oid);
	vs_rec_u64(v, ch->ver.epoch);
	vs_rec_u16(v, ch->ver.minor);
	vs_rec_u8(v, ch->has_dtx);
	if (ch->has_dtx) {
		put_id(v, &ch->dtx.id);
		vs_rec_bytes(v, ch->dtx.info);
	}
	vs_rec_u8(v, ch->dkey.ptr != NULL);
	if (ch->dkey.ptr != NULL)
		vs_rec_bytes(v, ch->dkey);
	vs_rec_u32(v, ch->nr);
	for (i = 0; i < ch->nr; i++) {
		if (kind == VS_REC_PUNCH)
			vs_rec_bytes(v, ch->puts[i].akey);
		else
			put_put(v, &ch->puts[i]);
		if (vs_has_log(v) && ch->puts[i].val != NULL && !vs_val_inline(v, ch->puts[i].val))
			vals[nr++] = ch->puts[i].val;
	}
	rc = vs_rec_end(v, kind, nr, vals, ret_seq);
	if (vals != some)
		vs_free(v, vals, ch->nr * sizeof(*vals));
	return rc;
}

int vs_log_uid(struct vos *v, enum vs_kind kind, const struct uid *uid, uint64_t *ret_seq)
{
	vs_rec_begin(v);
	vs_rec_raw(v, uid->b, sizeof(uid->b));
	return vs_rec_end(v, kind, 0, NULL, ret_seq);
}

int vs_log_snaps(struct vs_cont *c, uint32_t nr, const uint64_t *epochs, uint64_t *ret_seq)
{
	vs_rec_begin(c->v);
	vs_rec_raw(c->v, c->uid.b, sizeof(c->uid.b));
	vs_rec_u32(c->v, nr);
	vs_rec_raw(c->v, epochs, nr * sizeof(*epochs));
	return vs_rec_end(c->v, VS_REC_SNAPS, 0, NULL, ret_seq);
}

int vs_log_ids(struct vs_cont *c, enum vs_kind kind, uint32_t nr, const struct vos_dtx_id *ids,
	       uint64_t *ret_seq)
{
	uint32_t i;

	vs_rec_begin(c->v);
	vs_rec_raw(c->v, c->uid.b, sizeof(c->uid.b));
	vs_rec_u32(c->v, nr);
	for (i = 0; i < nr; i++)
		put_id(c->v, &ids[i]);
	return vs_rec_end(c->v, kind, 0, NULL, ret_seq);
}

int vs_log_forget(struct vs_cont *c, uint64_t hlc, uint64_t *ret_seq)
{
	vs_rec_begin(c->v);
	vs_rec_raw(c->v, c->uid.b, sizeof(c->uid.b));
	vs_rec_u64(c->v, hlc);
	return vs_rec_end(c->v, VS_REC_FORGET, 0, NULL, ret_seq);
}

int vs_log_sweep(struct vs_cont *c, enum vs_kind kind, const struct vs_sweep *s, uint64_t *ret_seq)
{
	vs_rec_begin(c->v);
	vs_rec_raw(c->v, c->uid.b, sizeof(c->uid.b));
	vs_rec_u8(c->v, s->has_oid);
	put_oid(c->v, s->oid);
	vs_rec_u64(c->v, s->range.lo);
	vs_rec_u64(c->v, s->range.hi);
	vs_rec_u32(c->v, s->credits);
	vs_rec_raw(c->v, s->anchor.b, sizeof(s->anchor.b));
	return vs_rec_end(c->v, kind, 0, NULL, ret_seq);
}

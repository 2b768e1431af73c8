/*
 * Records as bytes, the reading side. The bytes passed their checksum, but are trusted no more than
 * that: every length is held against what is left, and every change against the rules of the calls
 * that make such changes. What breaks them is -DER_CSUM: damage that the checksum missed, or a
 * record that this software never wrote.
 */
#include "core/vos/vos_simple_int.h"

struct dec {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static const void *get_raw(struct dec *d, size_t bytes)
{
	const uint8_t *p = d->p;

	if (d->bad || bytes > d->left) {
		d->bad = true;
		return NULL;
	}
	d->p += bytes;
	d->left -= bytes;
	return p;
}

static void get_to(struct dec *d, void *dst, size_t bytes)
{
	const void *p = get_raw(d, bytes);

	if (p != NULL)
		memcpy(dst, p, bytes);
	else
		memset(dst, 0, bytes);
}

static uint8_t get_u8(struct dec *d)
{
	uint8_t x;

	get_to(d, &x, sizeof(x));
	return x;
}

static uint16_t get_u16(struct dec *d)
{
	uint16_t x;

	get_to(d, &x, sizeof(x));
	return x;
}

static uint32_t get_u32(struct dec *d)
{
	uint32_t x;

	get_to(d, &x, sizeof(x));
	return x;
}

static uint64_t get_u64(struct dec *d)
{
	uint64_t x;

	get_to(d, &x, sizeof(x));
	return x;
}

static struct bytes get_bytes(struct dec *d, uint32_t max)
{
	struct bytes b = { .len = get_u32(d) };

	if (b.len > max)
		d->bad = true;
	b.ptr = get_raw(d, b.len);
	if (d->bad)
		b = (struct bytes){ 0 };
	return b;
}

static struct oid get_oid(struct dec *d)
{
	struct oid oid = { .lo = get_u64(d) };

	oid.hi = get_u64(d);
	return oid;
}

static struct vos_dtx_id get_id(struct dec *d)
{
	struct vos_dtx_id id;

	get_to(d, id.client.b, sizeof(id.client.b));
	id.hlc = get_u64(d);
	return id;
}

/* ---- updates and punches ---------------------------------------------------------------- */

/* Memory that one change needs while it is decoded and applied. */
struct work {
	struct vos *v;
	struct vs_change ch;
	struct vs_put puts[VOS_AKEY_MAX];
	struct vos_iod iods[VOS_AKEY_MAX];	/* for the checks */
	struct bytes names[VOS_AKEY_MAX];	/* likewise, of punches */
	struct vs_val *vals[VOS_AKEY_MAX];	/* those with payload */
	uint32_t val_nr;
	uint64_t payload_bytes;
};

static void work_free(struct work *w)
{
	uint32_t i;

	if (w == NULL)
		return;
	for (i = 0; i < VOS_AKEY_MAX; i++) {
		struct vs_put *p = &w->puts[i];
		uint32_t nr = p->type == VOS_ARRAY ? p->nr : 1;

		vs_free(w->v, (void *)(uintptr_t)p->recxs, p->nr * sizeof(*p->recxs));
		vs_free(w->v, (void *)(uintptr_t)p->csums, nr * sizeof(*p->csums));
		vs_val_put(w->v, p->val);
	}
	vs_free(w->v, w, sizeof(*w));
}

static int get_recxs(struct work *w, struct dec *d, struct vs_put *p)
{
	uint32_t nr = get_u32(d);
	struct recx *r;
	uint32_t i;

	if (d->bad || nr == 0 || nr > VOS_RECX_MAX || nr > d->left / 16)
		return -DER_CSUM;
	r = vs_alloc(w->v, nr * sizeof(*r));
	if (r == NULL)
		return -DER_NOMEM;
	p->nr = nr;
	p->recxs = r;
	for (i = 0; i < nr; i++) {
		r[i].idx = get_u64(d);
		r[i].nr = get_u64(d);
	}
	return 0;
}

static int get_csums(struct work *w, struct dec *d, struct vs_put *p)
{
	uint32_t nr = p->type == VOS_ARRAY ? p->nr : 1;
	struct vos_csum *c = vs_alloc(w->v, nr * sizeof(*c));
	uint32_t i;

	if (c == NULL)
		return -DER_NOMEM;
	p->csums = c;
	for (i = 0; i < nr; i++) {
		c[i].type = get_u16(d);
		c[i].len = get_u16(d);
		c[i].chunk_bytes = get_u32(d);
		c[i].sums = get_bytes(d, VOS_CSUM_MAX_BYTES);
	}
	return d->bad ? -DER_CSUM : 0;
}

/* The pieces of a value whose content is payload: one allocation, as large as the record says; the
 * payload of the record has been held against the device before. */
static int get_pieces(struct work *w, struct dec *d, struct vs_put *p, uint32_t nr, uint64_t bytes,
		      uint64_t room)
{
	struct vs_piece one;
	struct vs_piece *pieces = &one;
	uint64_t sum = 0;
	uint32_t i;
	int rc;

	if (nr > d->left / 9 || bytes > room)
		return -DER_CSUM;
	if (nr > 1) {
		pieces = vs_alloc(w->v, nr * sizeof(*pieces));
		if (pieces == NULL)
			return -DER_NOMEM;
	}
	for (i = 0; i < nr; i++) {
		uint8_t phantom = get_u8(d);

		pieces[i] = (struct vs_piece){ .phantom = phantom != 0, .bytes = get_u64(d) };
		if (phantom > 1 || pieces[i].bytes > bytes - sum)
			d->bad = true;
		else
			sum += pieces[i].bytes;
	}
	rc = d->bad || sum != bytes ? -DER_CSUM : vs_val_pieces(w->v, nr, pieces, &p->val);
	if (nr > 1)
		vs_free(w->v, pieces, nr * sizeof(*pieces));
	if (rc == 0)
		w->vals[w->val_nr++] = p->val;
	return rc;
}

static int get_val(struct work *w, struct dec *d, struct vs_put *p, uint64_t room)
{
	uint64_t bytes = get_u64(d);
	uint32_t nr = get_u32(d);
	struct bseg seg;
	struct buf src;
	int rc;

	if (d->bad || bytes == 0)
		return -DER_CSUM;
	if (nr == 0) {
		const void *ptr = get_raw(d, bytes);

		if (ptr == NULL)
			return -DER_CSUM;
		src = buf_from_bytes(&seg, ptr, bytes);
		return vs_val_copy(w->v, &src, &p->val);
	}
	rc = get_pieces(w, d, p, nr, bytes, room - w->payload_bytes);
	if (rc == 0)
		w->payload_bytes += bytes;
	return rc;
}

static int get_put(struct work *w, struct dec *d, uint32_t idx, uint64_t room)
{
	struct vs_put *p = &w->puts[idx];
	uint64_t bytes = 0;
	uint64_t need;
	uint32_t i;
	int rc = 0;

	p->akey = get_bytes(d, VOS_KEY_MAX_BYTES);
	p->type = (enum vos_type)get_u8(d);
	p->size = get_u64(d);
	if (d->bad || (p->type != VOS_SINGLE && p->type != VOS_ARRAY))
		return -DER_CSUM;
	if (p->type == VOS_ARRAY)
		rc = get_recxs(w, d, p);
	if (rc == 0 && p->size > 0 && get_u8(d) != 0)
		rc = get_csums(w, d, p);
	if (rc == 0 && p->size > 0)
		rc = get_val(w, d, p, room);
	for (i = 0; rc == 0 && p->size > 0 && i < p->val->nr; i++)
		bytes += p->val->pieces[i].bytes;
	w->iods[idx] = (struct vos_iod){ .akey = p->akey, .type = p->type, .size = p->size,
					 .nr = p->nr, .recxs = p->recxs, .csums = p->csums };
	if (rc == 0 && (vs_iod_bytes(&w->iods[idx], &need) != 0 || need != bytes))
		rc = p->size > 0 ? -DER_CSUM : 0;
	return rc;
}

static void get_head(struct dec *d, struct vs_change *ch)
{
	ch->oid = get_oid(d);
	ch->ver.epoch = get_u64(d);
	ch->ver.minor = get_u16(d);
	ch->has_dtx = get_u8(d) != 0;
	if (ch->has_dtx) {
		ch->dtx.id = get_id(d);
		ch->dtx.info = get_bytes(d, VOS_INFO_MAX_BYTES);
	}
	if (get_u8(d) != 0)
		ch->dkey = get_bytes(d, VOS_KEY_MAX_BYTES);
	ch->nr = get_u32(d);
	if (ch->nr > VOS_AKEY_MAX)
		d->bad = true;
}

/* The rules that live calls obey. */
static int check_work(struct vs_cont *c, struct work *w, enum vs_kind kind)
{
	struct vs_change *ch = &w->ch;
	struct vos_op op = { .oid = ch->oid, .dkey = ch->dkey };
	struct vs_dtx *dtx = ch->has_dtx ? vs_dtx_find(c, &ch->dtx.id) : NULL;
	int rc;

	if (ch->ver.epoch == 0 || ch->ver.epoch == VOS_EPOCH_MAX)
		return -DER_CSUM;
	if (dtx != NULL && dtx->state != VOS_DTX_PREPARED)
		return -DER_CSUM;
	if (kind == VS_REC_UPDATE)
		rc = vs_check_iods(&op, ch->nr, w->iods);
	else if (ch->nr > 0 && ch->dkey.ptr == NULL)
		rc = -DER_CSUM;
	else
		rc = vs_check_names(&op, ch->nr, w->names);
	if (rc == 0 && kind == VS_REC_UPDATE)
		rc = vs_check_overlaps(w->v, ch->nr, w->iods);
	return rc == 0 || rc == -DER_NOMEM ? rc : -DER_CSUM;
}

static int read_payload(struct work *w, const struct vs_payload *pl)
{
	uint64_t off = 0;
	uint64_t bytes;
	uint32_t i;
	int rc = 0;

	if (w->payload_bytes != pl->bytes)
		return -DER_CSUM;
	for (i = 0; rc == 0 && i < w->val_nr; i++) {
		struct vs_val *val = w->vals[i];
		struct bseg one;
		struct bseg *segs = &one;
		struct buf dst;

		if (val->nr > 1)
			segs = vs_alloc(w->v, val->nr * sizeof(*segs));
		if (segs == NULL)
			return -DER_NOMEM;
		vs_val_dst(val, segs, &dst);
		rc = pl->read(pl->arg, off, &dst);
		off += dst.bytes;
		if (val->nr > 1)
			vs_free(w->v, segs, val->nr * sizeof(*segs));
		if (rc == 0)
			rc = vs_val_seal(w->v, val);
	}
	if (rc == 0 && w->val_nr > 0 && vs_payload_fp(w->val_nr, w->vals, &bytes) != pl->fp)
		rc = -DER_TRUNC;
	return rc;
}

static int apply_change(struct vs_cont *c, enum vs_kind kind, uint64_t seq, struct dec *d,
			const struct vs_payload *pl)
{
	struct work *w = vs_alloc(c->v, sizeof(*w));
	uint32_t i;
	int rc = 0;

	if (w == NULL)
		return -DER_NOMEM;
	w->v = c->v;
	w->ch.puts = w->puts;
	get_head(d, &w->ch);
	w->ch.ver.seq = seq;
	for (i = 0; rc == 0 && !d->bad && i < w->ch.nr; i++) {
		if (kind == VS_REC_PUNCH)
			w->puts[i].akey = get_bytes(d, VOS_KEY_MAX_BYTES);
		else
			rc = get_put(w, d, i, pl->bytes);
		w->names[i] = w->puts[i].akey;
	}
	if (rc == 0 && (d->bad || d->left > 0))
		rc = -DER_CSUM;
	if (rc == 0)
		rc = check_work(c, w, kind);
	if (rc == 0)
		rc = read_payload(w, pl);
	if (rc == 0)
		rc = kind == VS_REC_UPDATE ? vs_apply_update(c, &w->ch) : vs_apply_punch(c, &w->ch);
	work_free(w);
	return rc;
}

/* ---- the rest --------------------------------------------------------------------------- */

static int apply_snaps(struct vs_cont *c, struct dec *d)
{
	uint32_t nr = get_u32(d);
	uint64_t *epochs;
	uint32_t i;
	int rc;

	if (d->bad || nr != d->left / sizeof(*epochs) || d->left % sizeof(*epochs) != 0)
		return -DER_CSUM;
	epochs = vs_alloc(c->v, nr * sizeof(*epochs) + 1);
	if (epochs == NULL)
		return -DER_NOMEM;
	get_to(d, epochs, nr * sizeof(*epochs));
	rc = 0;
	for (i = 1; i < nr; i++)
		if (epochs[i - 1] >= epochs[i])
			rc = -DER_CSUM;
	if (rc == 0)
		rc = vs_apply_snaps(c, nr, epochs);
	vs_free(c->v, epochs, nr * sizeof(*epochs) + 1);
	return rc;
}

static int apply_ids(struct vs_cont *c, enum vs_kind kind, uint64_t seq, struct dec *d)
{
	uint32_t nr = get_u32(d);
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < nr; i++) {
		struct vos_dtx_id id = get_id(d);
		struct vs_dtx *dtx;

		if (d->bad)
			return -DER_CSUM;
		dtx = vs_dtx_find(c, &id);
		if (kind == VS_REC_COMMIT && (dtx == NULL || dtx->state != VOS_DTX_PREPARED))
			return -DER_CSUM;
		if (kind == VS_REC_ABORT && dtx != NULL && dtx->state != VOS_DTX_PREPARED)
			return -DER_CSUM;
		if (kind == VS_REC_COMMIT)
			vs_apply_commit(c, dtx, seq);
		else
			rc = vs_apply_abort(c, &id, seq);
	}
	return rc == 0 && (d->bad || d->left > 0) ? -DER_CSUM : rc;
}

static int apply_sweep(struct vs_cont *c, enum vs_kind kind, uint64_t seq, struct dec *d)
{
	struct vs_sweep s = { .has_oid = get_u8(d) != 0 };
	struct vos_anchor end;
	int rc;

	s.oid = get_oid(d);
	s.range.lo = get_u64(d);
	s.range.hi = get_u64(d);
	s.credits = get_u32(d);
	get_to(d, s.anchor.b, sizeof(s.anchor.b));
	if (d->bad || d->left > 0)
		return -DER_CSUM;
	rc = kind == VS_REC_AGGREGATE ? vs_apply_aggregate(c, &s, seq, &end)
				      : vs_apply_discard(c, &s, seq, &end);
	return rc == -DER_INVAL ? -DER_CSUM : rc;
}

static void destroy(struct vos *v, struct vs_cont *c)
{
	vs_tree_erase(&v->conts, &c->node);
	(void)vs_cont_drain(v, c, UINT64_MAX);	/* all of it */
	vs_cont_free(v, c);
}

int vs_record_apply(struct vos *v, enum vs_kind kind, uint64_t seq, struct bytes meta,
		    const struct vs_payload *pl)
{
	struct dec d = { .p = meta.ptr, .left = meta.len };
	struct vs_cont *c;
	struct uid uid;
	uint64_t hlc;

	if (kind != VS_REC_UPDATE && pl->bytes != 0)
		return -DER_CSUM;
	get_to(&d, uid.b, sizeof(uid.b));
	c = d.bad ? NULL : vs_cont_find(v, &uid);
	if (d.bad || (c == NULL) != (kind == VS_REC_CREATE))
		return -DER_CSUM;
	switch (kind) {
	case VS_REC_UPDATE:
	case VS_REC_PUNCH:
		return apply_change(c, kind, seq, &d, pl);
	case VS_REC_CREATE:
		return d.left > 0 ? -DER_CSUM : vs_cont_add(v, &uid, &c);
	case VS_REC_DESTROY:
		if (d.left > 0)
			return -DER_CSUM;
		destroy(v, c);
		return 0;
	case VS_REC_SNAPS:
		return apply_snaps(c, &d);
	case VS_REC_AGGREGATE:
	case VS_REC_DISCARD:
		return apply_sweep(c, kind, seq, &d);
	case VS_REC_COMMIT:
	case VS_REC_ABORT:
		return apply_ids(c, kind, seq, &d);
	case VS_REC_FORGET:
		hlc = get_u64(&d);
		if (d.bad || d.left > 0)
			return -DER_CSUM;
		vs_apply_forget(c, hlc);
		return 0;
	case VS_REC_KINDS:
	default:
		return -DER_CSUM;
	}
}

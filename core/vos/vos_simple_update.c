/* Updates and punches: check, record, apply, wait until durable. Between the check and the record
 * nothing parks, so what was checked still holds. */
#include "core/vos/vos_simple_int.h"

struct vos_update {
	struct vs_cont *c;
	const struct vos_op *op;
	const struct vos_iod *iods;
	uint32_t nr;
	uint64_t reserved;
	struct vs_val **vals;	/* behind dst */
	struct dst {
		struct bseg seg;
		struct buf buf;
	} dst[];
};

/* A small update's part of a record besides keys, value and padding; see struct vos_space. */
#define RECORD_BYTES 192u

static size_t update_bytes(uint32_t nr)
{
	return sizeof(struct vos_update) + nr * (sizeof(struct dst) + sizeof(struct vs_val *));
}

static void update_free(struct vos_update *u)
{
	struct vos *v = u->c->v;
	uint32_t i;

	v->log.reserved -= u->reserved;
	for (i = 0; i < u->nr; i++)
		vs_val_put(v, u->vals[i]);
	vs_free(v, u, update_bytes(u->nr));
}

/* Form of the call, content sizes, limits. *ret_bytes: of all content. */
static int check_form(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		      const struct vos_iod *iods, bool with_buf, uint64_t *ret_bytes)
{
	uint64_t sum = 0;
	uint32_t i;
	int rc = vs_check_iods(op, nr, iods);

	if (rc == 0)
		rc = vs_check_overlaps(c->v, nr, iods);
	for (i = 0; rc == 0 && i < nr; i++) {
		uint64_t bytes;

		rc = vs_iod_bytes(&iods[i], &bytes);
		if (rc == 0 && with_buf && bytes > 0 &&
		    (iods[i].buf == NULL || iods[i].buf->bytes != bytes))
			rc = -DER_INVAL;
		if (rc == 0 && __builtin_add_overflow(sum, bytes, &sum))
			rc = -DER_INVAL;
	}
	if (rc != 0)
		return rc;
	if (c->v->opts.mem_max_bytes != 0 &&
	    (sum > c->v->opts.mem_max_bytes || c->v->mem_bytes > c->v->opts.mem_max_bytes - sum))
		return -DER_NOSPACE;
	*ret_bytes = sum;
	return 0;
}

/* Record and apply; the values are in @vals. Returns the sequence number. */
static int commit(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		  const struct vos_iod *iods, struct vs_val *const *vals, uint64_t *ret_seq)
{
	struct vs_change ch = { .oid = op->oid, .dkey = op->dkey, .flags = op->flags, .nr = nr };
	struct vs_put one;
	uint32_t i;
	int rc;

	ch.puts = nr == 1 ? &one : vs_alloc(c->v, nr * sizeof(*ch.puts));
	if (ch.puts == NULL)
		return -DER_NOMEM;
	for (i = 0; i < nr; i++)
		ch.puts[i] = (struct vs_put){ .akey = iods[i].akey, .type = iods[i].type,
					      .size = iods[i].size, .nr = iods[i].nr,
					      .recxs = iods[i].recxs, .csums = iods[i].csums,
					      .val = vals[i] };
	ch.ver = (struct vs_ver){ .epoch = op->epoch, .minor = op->minor };
	ch.has_dtx = op->dtx != NULL;
	if (ch.has_dtx)
		ch.dtx = *op->dtx;
	rc = vs_log_change(c, VS_REC_UPDATE, &ch, &ch.ver.seq);
	if (rc == 0) {
		rc = vs_apply_update(c, &ch);
		if (rc != 0)
			vs_rec_undo(c->v);
	}
	if (rc == 0)
		*ret_seq = ch.ver.seq;
	if (nr > 1)
		vs_free(c->v, ch.puts, nr * sizeof(*ch.puts));
	return rc;
}

static int finish(struct vs_cont *c, const struct vos_op *op, uint64_t seq)
{
	return (op->flags & VOS_LAZY) != 0 ? 0 : vs_log_wait(c->v, seq);
}

/* The refusal @rc tells something of the object: not before that is durable. */
static int refuse(struct vs_cont *c, struct oid oid, int rc)
{
	const struct vs_obj *o = vs_obj_find(c, oid);
	int wait = 0;

	if (rc != -DER_TX_RESTART)
		wait = vs_log_wait(c->v, max_u64(c->gone_seq, o == NULL ? 0 : o->last_seq));
	return wait != 0 ? wait : rc;
}

static int copy_vals(struct vos *v, uint32_t nr, const struct vos_iod *iods, struct vs_val **vals)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < nr; i++)
		if (iods[i].size > 0)
			rc = vs_val_copy(v, iods[i].buf, &vals[i]);
	return rc;
}

int vos_update(struct vos_cont *cont, const struct vos_op *op, uint32_t nr,
	       const struct vos_iod *iods)
{
	struct vs_cont *c = cont->c;
	struct vs_val *one = NULL;
	struct vs_val **vals = &one;
	uint64_t bytes;
	uint64_t seq;
	uint32_t i;
	int rc = check_form(c, op, nr, iods, true, &bytes);

	if (rc == 0)
		rc = vs_log_enter(c->v);
	if (rc != 0)
		return rc;
	rc = vs_check_update(c, op, nr, iods);
	if (rc != 0)
		return refuse(c, op->oid, rc);
	if (nr > 1) {
		vals = vs_alloc(c->v, nr * sizeof(struct vs_val *));
		if (vals == NULL)
			return -DER_NOMEM;
	}
	rc = copy_vals(c->v, nr, iods, vals);
	if (rc == 0)
		rc = commit(c, op, nr, iods, vals, &seq);
	for (i = 0; i < nr; i++)
		vs_val_put(c->v, vals[i]);
	if (nr > 1)
		vs_free(c->v, vals, nr * sizeof(struct vs_val *));
	if (rc != 0)
		return rc;
	rt_charge(c->v->rt, RT_COST_VOS_UPDATE, bytes);
	return finish(c, op, seq);
}

/* ---- in two steps ----------------------------------------------------------------------- */

/* Room in the log for the whole record, so that the end does not lack it. */
static int reserve(struct vos_update *u, uint64_t bytes)
{
	struct vos *v = u->c->v;
	uint64_t align = vs_has_log(v) ? v->home.dev->align : 1;
	uint64_t need = RECORD_BYTES + u->op->dkey.len + 2 * align;
	uint32_t i;
	uint32_t k;

	if (u->op->dtx != NULL)
		need += u->op->dtx->info.len;
	for (i = 0; i < u->nr; i++) {
		const struct vos_iod *iod = &u->iods[i];
		uint32_t nr = iod->type == VOS_ARRAY ? iod->nr : 1;

		need += 64 + iod->akey.len + 16ULL * iod->nr + 64;
		for (k = 0; iod->csums != NULL && k < nr; k++)
			need += 16 + iod->csums[k].sums.len;
	}
	if (__builtin_add_overflow(need, bytes, &need))
		return -DER_NOSPACE;
	if (vs_has_log(v) && need > vs_log_left(v, false))
		return -DER_NOSPACE;
	v->log.reserved += need;
	u->reserved = need;
	return 0;
}

static int make_dsts(struct vos_update *u)
{
	struct vos *v = u->c->v;
	bool phantom = (u->op->flags & VOS_PHANTOM) != 0;
	uint32_t i;

	for (i = 0; i < u->nr; i++) {
		struct dst *d = &u->dst[i];
		uint64_t bytes = 0;
		int rc;

		if (u->iods[i].size == 0)
			continue;
		rc = vs_iod_bytes(&u->iods[i], &bytes);
		ASSERT(rc == 0);
		rc = vs_val_create(v, bytes, phantom, &u->vals[i]);
		if (rc != 0)
			return rc;
		vs_val_dst(u->vals[i], &d->seg, &d->buf);
	}
	return 0;
}

int vos_update_begin(struct vos_cont *cont, const struct vos_op *op, uint32_t nr,
		     const struct vos_iod *iods, struct vos_update **ret_update)
{
	struct vs_cont *c = cont->c;
	struct vos_update *u;
	struct vos_op quiet;
	uint64_t bytes;
	int rc = check_form(c, op, nr, iods, false, &bytes);

	if (rc == 0)
		rc = vs_log_enter(c->v);
	if (rc != 0)
		return rc;
	u = vs_alloc(c->v, update_bytes(nr));
	if (u == NULL)
		return -DER_NOMEM;
	u->c = c;
	u->op = op;
	u->iods = iods;
	u->nr = nr;
	u->vals = (struct vs_val **)(void *)(u->dst + nr);
	/* The end leaves the timestamps; left here they would be in its own way. */
	quiet = *op;
	quiet.flags |= VOS_NO_READ_TS;
	rc = vs_check_update(c, &quiet, nr, iods);
	if (rc != 0) {
		/* The answer to a condition is a read, here as in vos_update(). */
		if (rc != -DER_NOMEM)
			rc = vs_check_update(c, op, nr, iods);
		ASSERT(rc != 0);
		update_free(u);
		return refuse(c, op->oid, rc);
	}
	rc = reserve(u, bytes);
	if (rc == 0)
		rc = make_dsts(u);
	if (rc != 0) {
		update_free(u);
		return rc;
	}
	*ret_update = u;
	return 0;
}

const struct buf *vos_update_buf(struct vos_update *u, uint32_t idx)
{
	ASSERT(idx < u->nr);
	return &u->dst[idx].buf;
}

int vos_update_end(struct vos_update *u, enum vos_update_fate fate)
{
	struct vs_cont *c = u->c;
	const struct vos_op *op = u->op;
	uint64_t bytes = 0;
	uint64_t seq = 0;
	uint32_t i;
	int rc = fate == VOS_COMMIT ? vs_log_enter(c->v) : 0;

	if (fate == VOS_COMMIT && rc == 0) {
		rc = vs_check_update(c, op, u->nr, u->iods);
		if (rc != 0)
			rc = refuse(c, op->oid, rc);
	}
	for (i = 0; fate == VOS_COMMIT && rc == 0 && i < u->nr; i++) {
		if (u->vals[i] != NULL) {
			rc = vs_val_seal(c->v, u->vals[i]);
			bytes += u->dst[i].buf.bytes;
		}
	}
	if (fate == VOS_COMMIT && rc == 0) {
		c->v->log.reserved -= u->reserved;
		u->reserved = 0;
		rc = commit(c, op, u->nr, u->iods, u->vals, &seq);
	}
	update_free(u);
	if (fate != VOS_COMMIT || rc != 0)
		return rc;
	rt_charge(c->v->rt, RT_COST_VOS_UPDATE, bytes);
	return finish(c, op, seq);
}

/* ---- punches ---------------------------------------------------------------------------- */

static int punch(struct vs_cont *c, const struct vos_op *op, uint32_t nr, const struct bytes *akeys)
{
	struct vs_change ch = { .oid = op->oid, .dkey = op->dkey, .flags = op->flags, .nr = nr };
	uint32_t i;
	int rc = vs_log_enter(c->v);

	if (rc != 0)
		return rc;
	rc = vs_check_punch(c, op, nr, akeys);
	if (rc != 0)
		return refuse(c, op->oid, rc);
	if (nr > 0) {
		ch.puts = vs_alloc(c->v, nr * sizeof(*ch.puts));
		if (ch.puts == NULL)
			return -DER_NOMEM;
	}
	for (i = 0; i < nr; i++)
		ch.puts[i].akey = akeys[i];
	ch.ver = (struct vs_ver){ .epoch = op->epoch, .minor = op->minor };
	ch.has_dtx = op->dtx != NULL;
	if (ch.has_dtx)
		ch.dtx = *op->dtx;
	rc = vs_log_change(c, VS_REC_PUNCH, &ch, &ch.ver.seq);
	if (rc == 0) {
		rc = vs_apply_punch(c, &ch);
		if (rc != 0)
			vs_rec_undo(c->v);
	}
	if (nr > 0)
		vs_free(c->v, ch.puts, nr * sizeof(*ch.puts));
	if (rc != 0)
		return rc;
	rt_charge(c->v->rt, RT_COST_VOS_PUNCH, nr == 0 ? 1 : nr);
	return finish(c, op, ch.ver.seq);
}

int vos_punch_obj(struct vos_cont *cont, const struct vos_op *op)
{
	struct vos_op whole = *op;

	whole.dkey = (struct bytes){ 0 };
	return punch(cont->c, &whole, 0, NULL);
}

int vos_punch_dkey(struct vos_cont *cont, const struct vos_op *op)
{
	return op->dkey.ptr == NULL ? -DER_INVAL : punch(cont->c, op, 0, NULL);
}

int vos_punch_akeys(struct vos_cont *cont, const struct vos_op *op, uint32_t nr,
		    const struct bytes *akeys)
{
	if (op->dkey.ptr == NULL || nr == 0 || akeys == NULL)
		return -DER_INVAL;
	return punch(cont->c, op, nr, akeys);
}

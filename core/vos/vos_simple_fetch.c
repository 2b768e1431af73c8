/* Fetches: find the pieces, pin their values, and (vos_fetch) copy. */
#include "core/vos/vos_simple_int.h"

struct fetched {
	struct vos_got got;
	struct vos_ext *exts;
	struct vs_val **vals;	/* pinned, one per piece */
	struct bseg *segs;
	uint32_t seg_cap;
	uint32_t cap;		/* pieces */
	/* Most fetches find one piece of one segment. */
	struct vos_ext one_ext;
	struct vs_val *one_val;
	struct bseg one_seg;
};

struct vos_fetch {
	struct vos *v;
	uint32_t nr;
	struct fetched of[];
};

static size_t fetch_bytes(uint32_t nr)
{
	return sizeof(struct vos_fetch) + nr * sizeof(struct fetched);
}

static void fetched_free(struct vos *v, struct fetched *f)
{
	uint32_t i;

	for (i = 0; i < f->got.nr; i++)
		vs_val_put(v, f->vals[i]);
	if (f->cap > 1) {
		vs_free(v, f->exts, f->cap * sizeof(*f->exts));
		vs_free(v, f->vals, f->cap * sizeof(*f->vals));
	}
	if (f->seg_cap > 1)
		vs_free(v, f->segs, f->seg_cap * sizeof(*f->segs));
}

void vos_fetch_end(struct vos_fetch *f)
{
	uint32_t i;

	if (f == NULL)
		return;
	for (i = 0; i < f->nr; i++)
		fetched_free(f->v, &f->of[i]);
	vs_free(f->v, f, fetch_bytes(f->nr));
}

const struct vos_got *vos_fetch_got(struct vos_fetch *f, uint32_t idx)
{
	ASSERT(idx < f->nr);
	return &f->of[idx].got;
}

/* Room for @nr pieces. */
static int make_room(struct vos *v, struct fetched *f, uint32_t nr)
{
	if (nr <= 1) {
		f->exts = &f->one_ext;
		f->vals = &f->one_val;
		f->cap = nr;
		return 0;
	}
	f->exts = vs_alloc(v, nr * sizeof(*f->exts));
	f->vals = vs_alloc(v, nr * sizeof(*f->vals));
	f->cap = nr;
	return f->exts == NULL || f->vals == NULL ? -DER_NOMEM : 0;
}

/* The content of the pieces, back to back. */
static int gather(struct vos *v, struct fetched *f)
{
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; i < f->got.nr; i++) {
		const struct vos_ext *e = &f->exts[i];

		nr += buf_slice_count(&f->vals[i]->buf, e->data_off, e->recx.nr * f->got.size);
	}
	f->segs = nr > 1 ? vs_alloc(v, nr * sizeof(*f->segs)) : &f->one_seg;
	if (f->segs == NULL)
		return -DER_NOMEM;
	f->seg_cap = nr;
	f->got.data = (struct buf){ .segs = f->segs };
	for (i = 0; i < f->got.nr; i++) {
		struct vos_ext *e = &f->exts[i];
		struct buf *d = &f->got.data;
		struct buf part;
		int rc = buf_slice(&f->vals[i]->buf, e->data_off, e->recx.nr * f->got.size,
				   d->segs + d->nr, nr - d->nr, &part);

		ASSERT(rc == 0);
		e->data_off = d->bytes;
		d->nr += part.nr;
		d->bytes += part.bytes;
	}
	f->got.exts = f->exts;
	return 0;
}

/* data_off is the offset in the value until gather(). */
static void add_piece(struct fetched *f, const struct vos_ext *e, struct vs_val *val,
		      const struct vs_csum *csum)
{
	struct vos_ext *x = &f->exts[f->got.nr];

	ASSERT(f->got.nr < f->cap);
	*x = *e;
	if (csum != NULL)
		x->csum = csum->c;
	f->vals[f->got.nr++] = val;
	val->refs++;
	f->got.epoch = max_u64(f->got.epoch, e->epoch);
}

static int find_single(struct vos *v, struct vs_akey *a, const struct vs_view *w, struct fetched *f)
{
	const struct vs_single *s;
	struct vos_ext e = { .recx = { 0, 1 }, .stored = { 0, 1 } };
	int rc = vs_single_see(a, w, false, &s);

	if (rc != 0 || s == NULL)
		return rc;
	rc = make_room(v, f, 1);
	if (rc != 0)
		return rc;
	e.epoch = s->ver.epoch;
	e.minor = s->ver.minor;
	f->got.size = s->val->buf.bytes;
	add_piece(f, &e, s->val, s->csum);
	return 0;
}

static void add_spans(struct fetched *f, const struct vos_iod *iod, uint32_t idx, uint64_t req_off,
		      const struct vs_span *s, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		const struct vs_ext *x = s[i].ext;
		struct vos_ext e = {
			.recx = { s[i].idx, s[i].last - s[i].idx + 1 },
			.stored = { x->idx, x->last - x->idx + 1 },
			.recx_idx = idx, .epoch = x->ver.epoch, .minor = x->ver.minor,
			.req_off = req_off + (s[i].idx - iod->recxs[idx].idx) * f->got.size,
			.data_off = x->off + (s[i].idx - x->idx) * f->got.size,
		};

		add_piece(f, &e, x->val, x->csum);
	}
}

static int find_array(struct vos *v, struct vs_akey *a, const struct vs_view *w,
		      const struct vos_iod *iod, struct fetched *f)
{
	struct vs_spans s = { 0 };
	uint32_t *ends = vs_alloc(v, iod->nr * sizeof(*ends));	/* of each extent's spans */
	uint64_t off = 0;
	uint64_t n;
	uint32_t i;
	int rc = ends == NULL ? -DER_NOMEM : 0;

	for (i = 0; rc == 0 && i < iod->nr; i++) {
		struct vs_ask ask = { .lo = iod->recxs[i].idx, .enough = UINT32_MAX };

		ask.last = ask.lo + iod->recxs[i].nr - 1;
		s.base = s.nr;	/* do not join what the extent before found */
		rc = vs_exts_see(v, a, w, &ask, &s);
		ends[i] = s.nr;
	}
	for (i = 0; rc == 0 && i < s.nr; i++)
		if (s.v[i].ext->rec_bytes != s.v[0].ext->rec_bytes)
			rc = -DER_INVAL;	/* two incarnations that a discard has joined */
	if (rc == 0)
		rc = make_room(v, f, s.nr);
	if (rc == 0 && s.nr > 0)
		f->got.size = s.v[0].ext->rec_bytes;
	for (i = 0; rc == 0 && i < iod->nr; i++) {
		uint32_t from = i == 0 ? 0 : ends[i - 1];

		if (s.nr > 0)
			add_spans(f, iod, i, off, s.v + from, ends[i] - from);
		if (__builtin_mul_overflow(iod->recxs[i].nr, f->got.size, &n) ||
		    __builtin_add_overflow(off, n, &off))
			rc = -DER_INVAL;
	}
	vs_spans_free(v, &s);
	if (ends != NULL)
		vs_free(v, ends, iod->nr * sizeof(*ends));
	return rc;
}

/* Nothing of the type asked for: -DER_NO_PERM when something of the other is there. */
static int other_type(struct vos *v, struct vs_akey *a, const struct vs_view *w,
		      const struct vos_iod *iod)
{
	struct vs_ask ask = { .last = UINT64_MAX, .enough = 1, .exists = true };
	struct vs_spans s = { 0 };
	const struct vs_single *x = NULL;
	int rc = 0;

	if (iod->type == VOS_ARRAY && a->single_nr > 0)
		rc = vs_single_see(a, w, true, &x);
	if (iod->type == VOS_SINGLE && a->exts.count > 0)
		rc = vs_exts_see(v, a, w, &ask, &s);
	if (rc == 0 && (x != NULL || s.nr > 0))
		rc = -DER_NO_PERM;
	vs_spans_free(v, &s);
	return rc;
}

/* ---- the uncertain future (op.bound) ---------------------------------------------------- */

static bool plog_between(const struct vs_plog *p, const struct vos_op *op)
{
	uint32_t i;

	for (i = p->nr; i > 0 && p->v[i - 1].ver.epoch > op->epoch; i--)
		if (p->v[i - 1].ver.epoch <= op->bound)
			return true;
	return false;
}

static bool akey_between(const struct vs_akey *a, const struct vos_op *op,
			 const struct vos_iod *iod)
{
	uint32_t i;

	for (i = a->single_nr; i > 0 && a->singles[i - 1].ver.epoch > op->epoch; i--)
		if (a->singles[i - 1].ver.epoch <= op->bound)
			return true;
	if (a->vmax.epoch <= op->epoch)
		return false;
	for (i = 0; iod->type == VOS_ARRAY && i < iod->nr; i++) {
		uint64_t last = iod->recxs[i].idx + iod->recxs[i].nr - 1;
		struct vs_ext *e = NULL;

		while ((e = vs_ext_overlap(&a->exts, iod->recxs[i].idx, last, e)) != NULL)
			if (e->ver.epoch > op->epoch && e->ver.epoch <= op->bound)
				return true;
	}
	return false;
}

static int check_bound(struct vs_obj *o, struct vs_dkey *d, const struct vos_op *op, uint32_t nr,
		       const struct vos_iod *iods)
{
	uint32_t i;

	if (op->bound <= op->epoch || o == NULL)
		return 0;
	if (plog_between(&o->punches, op) || (d != NULL && plog_between(&d->punches, op)))
		return -DER_TX_RESTART;
	for (i = 0; d != NULL && i < nr; i++) {
		struct vs_akey *a = vs_akey_find(d, iods[i].akey);

		if (a != NULL && (plog_between(&a->punches, op) || akey_between(a, op, &iods[i])))
			return -DER_TX_RESTART;
	}
	return 0;
}

/* ---- checksums -------------------------------------------------------------------------- */

/* Whole stored extents are checked: all chunks of them are whole. */
static int verify(struct vos *v, const struct fetched *f)
{
	uint32_t i;

	for (i = 0; i < f->got.nr; i++) {
		const struct vos_ext *e = &f->exts[i];
		const struct buf *all = &f->vals[i]->buf;
		uint64_t off = e->data_off - (e->recx.idx - e->stored.idx) * f->got.size;
		uint64_t bytes = e->stored.nr * f->got.size;
		uint32_t nr = buf_slice_count(all, off, bytes);
		struct bseg one;
		struct bseg *segs = &one;
		struct buf part;
		int rc;

		if (e->csum.type == 0)
			continue;
		if (nr > 1)
			segs = vs_alloc(v, nr * sizeof(*segs));
		if (segs == NULL)
			return -DER_NOMEM;
		rc = buf_slice(all, off, bytes, segs, nr, &part);
		if (rc == 0)
			rc = v->opts.verify(v->opts.verify_arg, &e->csum, e->stored, f->got.size,
					    &part);
		if (nr > 1)
			vs_free(v, segs, nr * sizeof(*segs));
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* ---- the calls -------------------------------------------------------------------------- */

static int fetch_akey(struct vos *v, struct vs_dkey *d, const struct vs_view *w,
		      const struct vos_op *op, const struct vos_iod *iod, struct fetched *f)
{
	struct vs_akey *a = d == NULL ? NULL : vs_akey_find(d, iod->akey);
	int rc;

	if (a == NULL)
		return 0;
	if (iod->type == VOS_SINGLE)
		rc = find_single(v, a, w, f);
	else
		rc = find_array(v, a, w, iod, f);
	if (rc == 0 && f->got.nr == 0)
		rc = other_type(v, a, w, iod);
	if (rc == 0 && (op->flags & VOS_VERIFY) != 0)
		rc = verify(v, f);
	return rc == 0 ? gather(v, f) : rc;
}

static int check_fetch(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		       const struct vos_iod *iods)
{
	const uint64_t allowed = DAOS_COND_DKEY_FETCH | DAOS_COND_AKEY_FETCH | DAOS_COND_PER_AKEY;
	struct vs_path p = { .oid = op->oid, .dkey = op->dkey, .has_akey = true };
	uint32_t i;
	int rc = vs_check_iods(op, nr, iods);

	if (rc == 0 && (op->flags & DAOS_COND_MASK & ~allowed) != 0)
		rc = -DER_INVAL;
	if (rc == 0 && (op->flags & VOS_VERIFY) != 0 && c->v->opts.verify == NULL)
		rc = -DER_NOSYS;
	if (rc == 0)
		rc = vs_check_read(c, op->epoch);
	for (i = 0; rc == 0 && i < nr; i++) {
		p.akey = iods[i].akey;
		rc = vs_ts_read(c, op, &p);
	}
	return rc;
}

int vos_fetch_begin(struct vos_cont *cont, const struct vos_op *op, uint32_t nr,
		    const struct vos_iod *iods, struct vos_fetch **ret_fetch)
{
	struct vs_cont *c = cont->c;
	struct vos_fetch *f;
	struct vs_view w;
	struct vs_obj *o;
	struct vs_dkey *d;
	uint64_t seq;
	uint64_t bytes = 0;
	uint32_t i;
	int rc = check_fetch(c, op, nr, iods);

	if (rc != 0)
		return rc;
	f = vs_alloc(c->v, fetch_bytes(nr));
	if (f == NULL)
		return -DER_NOMEM;
	f->v = c->v;
	f->nr = nr;
	w = vs_view_of(c, op);
	o = vs_obj_find(c, op->oid);
	d = o == NULL ? NULL : vs_dkey_find(o, op->dkey);
	seq = max_u64(c->gone_seq, o == NULL ? 0 : o->last_seq);
	rc = check_bound(o, d, op, nr, iods);
	if (rc == 0)
		rc = vs_check_conds(c, d, &w, op, nr, iods);
	for (i = 0; rc == 0 && i < nr; i++) {
		rc = fetch_akey(c->v, d, &w, op, &iods[i], &f->of[i]);
		bytes += f->of[i].got.data.bytes;
	}
	rt_charge(c->v->rt, RT_COST_VOS_FETCH, bytes);
	/* What was pinned stays; what was seen must be durable before anybody hears of it. */
	if (vs_log_wait(c->v, seq) != 0)
		rc = -DER_NVME_IO;
	if (rc != 0) {
		vos_fetch_end(f);
		return rc;
	}
	*ret_fetch = f;
	return 0;
}

static bool fits(const struct fetched *f, const struct buf *dst)
{
	uint32_t i;

	for (i = 0; i < f->got.nr; i++)
		if (f->exts[i].req_off + f->exts[i].recx.nr * f->got.size > dst->bytes)
			return false;
	return true;
}

static int copy_out(const struct fetched *f, const struct buf *dst)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < f->got.nr; i++)
		rc = buf_copy(dst, f->exts[i].req_off, &f->got.data, f->exts[i].data_off,
			      f->exts[i].recx.nr * f->got.size);
	return rc;
}

int vos_fetch(struct vos_cont *cont, const struct vos_op *op, uint32_t nr,
	      const struct vos_iod *iods, struct vos_got *ret_got)
{
	struct vos_fetch *f;
	uint32_t i;
	int rc = vos_fetch_begin(cont, op, nr, iods, &f);

	if (rc != 0)
		return rc;
	for (i = 0; i < nr; i++)
		ret_got[i] = (struct vos_got){ .size = f->of[i].got.size,
					       .epoch = f->of[i].got.epoch,
					       .nr = f->of[i].got.nr };
	for (i = 0; i < nr; i++)
		if (iods[i].buf != NULL && !fits(&f->of[i], iods[i].buf))
			rc = -DER_REC2BIG;
	for (i = 0; rc == 0 && i < nr; i++)
		if (iods[i].buf != NULL)
			rc = copy_out(&f->of[i], iods[i].buf);
	vos_fetch_end(f);
	return rc;
}

/* What a call asks for: is it well-formed, is it allowed now? Nothing here changes the store. */
#include "core/vos/vos_simple_int.h"

#define AKEY_CONDS (DAOS_COND_AKEY_INSERT | DAOS_COND_AKEY_UPDATE | DAOS_COND_AKEY_FETCH)
#define VS_FLAGS                                                                                   \
	(VOS_NO_READ_TS | VOS_REBUILD | VOS_LAZY | VOS_PHANTOM | VOS_VERIFY |                      \
	 (uint64_t)DAOS_COND_MASK)

int vs_check_op(const struct vos_op *op, bool dkey)
{
	enum vs_order dk;
	enum vs_order ak;
	bool flat;

	if ((op->flags & ~VS_FLAGS) != 0 || vs_oid_orders(op->oid, &dk, &ak, &flat) != 0)
		return -DER_INVAL;
	if (op->dtx != NULL && op->dtx->info.len > VOS_INFO_MAX_BYTES)
		return -DER_OVERFLOW;
	return dkey ? vs_key_check(dk, op->dkey, false) : 0;
}

/* ---- form of iods ----------------------------------------------------------------------- */

static bool akey_again(const struct vos_iod *iods, uint32_t idx)
{
	const struct bytes *a = &iods[idx].akey;
	uint32_t i;

	for (i = 0; i < idx; i++) {
		const struct bytes *b = &iods[i].akey;

		if (a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0))
			return true;
	}
	return false;
}

static int check_recxs(const struct vos_iod *iod)
{
	uint32_t i;

	if (iod->nr == 0 || iod->recxs == NULL)
		return -DER_INVAL;
	if (iod->nr > VOS_RECX_MAX)
		return -DER_OVERFLOW;
	for (i = 0; i < iod->nr; i++) {
		const struct recx *r = &iod->recxs[i];

		if (r->nr == 0 || r->idx > UINT64_MAX - (r->nr - 1))
			return -DER_INVAL;
	}
	return 0;
}

int vs_iod_bytes(const struct vos_iod *iod, uint64_t *ret_bytes)
{
	uint64_t sum = iod->type == VOS_ARRAY ? 0 : iod->size;
	uint64_t n;
	uint32_t i;

	for (i = 0; iod->type == VOS_ARRAY && i < iod->nr; i++)
		if (__builtin_mul_overflow(iod->recxs[i].nr, iod->size, &n) ||
		    __builtin_add_overflow(sum, n, &sum))
			return -DER_INVAL;
	*ret_bytes = sum;
	return 0;
}

static int check_csums(const struct vos_iod *iod)
{
	uint32_t nr = iod->type == VOS_ARRAY ? iod->nr : 1;
	uint32_t i;

	for (i = 0; iod->csums != NULL && i < nr; i++)
		if (iod->csums[i].sums.len > VOS_CSUM_MAX_BYTES)
			return -DER_OVERFLOW;
	return 0;
}

int vs_check_iods(const struct vos_op *op, uint32_t nr, const struct vos_iod *iods)
{
	enum vs_order dk;
	enum vs_order ak;
	bool flat;
	uint32_t i;
	int rc = vs_check_op(op, true);

	if (rc != 0)
		return rc;
	if (nr == 0 || iods == NULL)
		return -DER_INVAL;
	if (nr > VOS_AKEY_MAX)
		return -DER_OVERFLOW;
	(void)vs_oid_orders(op->oid, &dk, &ak, &flat);	/* was checked */
	for (i = 0; i < nr; i++) {
		rc = vs_key_check(ak, iods[i].akey, flat);
		if (rc == 0 && iods[i].type != VOS_SINGLE && iods[i].type != VOS_ARRAY)
			rc = -DER_INVAL;
		if (rc == 0 && akey_again(iods, i))
			rc = -DER_NO_PERM;
		if (rc == 0 && iods[i].type == VOS_ARRAY)
			rc = check_recxs(&iods[i]);
		if (rc == 0)
			rc = check_csums(&iods[i]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Sort by index: a heap, in place. */
static void sift(struct recx *r, uint32_t at, uint32_t nr)
{
	struct recx x = r[at];
	uint32_t c;

	for (c = 2 * at + 1; c < nr; c = 2 * at + 1) {
		if (c + 1 < nr && r[c + 1].idx > r[c].idx)
			c++;
		if (r[c].idx <= x.idx)
			break;
		r[at] = r[c];
		at = c;
	}
	r[at] = x;
}

static void sort_recxs(struct recx *r, uint32_t nr)
{
	uint32_t i;

	for (i = nr / 2; i > 0; i--)
		sift(r, i - 1, nr);
	for (i = nr; i > 1; i--) {
		struct recx top = r[0];

		r[0] = r[i - 1];
		r[i - 1] = top;
		sift(r, 0, i - 1);
	}
}

static bool ascending(const struct recx *r, uint32_t nr)
{
	uint32_t i;

	for (i = 1; i < nr; i++)
		if (r[i - 1].idx + r[i - 1].nr - 1 >= r[i].idx)
			return false;
	return true;
}

int vs_check_overlaps(struct vos *v, uint32_t nr, const struct vos_iod *iods)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		const struct vos_iod *iod = &iods[i];
		struct recx *sorted;
		bool ok;

		if (iod->type != VOS_ARRAY || ascending(iod->recxs, iod->nr))
			continue;
		sorted = vs_alloc(v, iod->nr * sizeof(*sorted));
		if (sorted == NULL)
			return -DER_NOMEM;
		memcpy(sorted, iod->recxs, iod->nr * sizeof(*sorted));
		sort_recxs(sorted, iod->nr);
		ok = ascending(sorted, iod->nr);
		vs_free(v, sorted, iod->nr * sizeof(*sorted));
		if (!ok)
			return -DER_NO_PERM;
	}
	return 0;
}

/* ---- views ------------------------------------------------------------------------------ */

struct vs_view vs_view_of(struct vs_cont *c, const struct vos_op *op)
{
	struct vs_view w = { .epoch = op->epoch, .busy = op->busy };

	if (op->dtx != NULL)
		w.me = vs_dtx_find(c, &op->dtx->id);
	return w;
}

bool vs_is_snap(const struct vs_cont *c, uint64_t epoch)
{
	uint32_t lo = 0;
	uint32_t hi = c->snap_nr;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->snaps[mid] < epoch)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->snap_nr && c->snaps[lo] == epoch;
}

int vs_check_read(const struct vs_cont *c, uint64_t epoch)
{
	return epoch >= c->agg_epoch || vs_is_snap(c, epoch) ? 0 : -DER_TX_RESTART;
}

/* May this transaction still prepare? */
static int check_dtx(const struct vs_view *w)
{
	if (w->me == NULL || w->me->state == VOS_DTX_PREPARED)
		return 0;
	return w->me->state == VOS_DTX_COMMITTED ? -DER_ALREADY : -DER_CANCELED;
}

/* ---- conditions ------------------------------------------------------------------------- */

static int cond_flags(uint64_t flags, bool per_akey)
{
	uint64_t ins = flags & (DAOS_COND_DKEY_INSERT | DAOS_COND_AKEY_INSERT);
	uint64_t upd = flags & (DAOS_COND_DKEY_UPDATE | DAOS_COND_AKEY_UPDATE);

	if ((ins & DAOS_COND_DKEY_INSERT) != 0 && (upd & DAOS_COND_DKEY_UPDATE) != 0)
		return -DER_INVAL;
	if ((ins & DAOS_COND_AKEY_INSERT) != 0 && (upd & DAOS_COND_AKEY_UPDATE) != 0)
		return -DER_INVAL;
	return per_akey && (flags & AKEY_CONDS) != 0 ? -DER_INVAL : 0;
}

/* The key must be there (@want) or must not. */
static int want(bool there, bool must)
{
	if (there == must)
		return 0;
	return must ? -DER_NONEXIST : -DER_EXIST;
}

static int cond_dkey(struct vs_cont *c, struct vs_dkey *d, const struct vs_view *w,
		     const struct vos_op *op, bool must)
{
	struct vs_path p = { .oid = op->oid, .dkey = op->dkey };
	bool there = false;
	int rc = vs_ts_read(c, op, &p);

	if (rc == 0 && d != NULL)
		rc = vs_dkey_exists(c->v, d, w, &there);
	return rc != 0 ? rc : want(there, must);
}

static int cond_akey(struct vs_cont *c, struct vs_dkey *d, const struct vs_view *w,
		     const struct vos_op *op, struct bytes akey, bool must)
{
	struct vs_path p = { .oid = op->oid, .dkey = op->dkey, .akey = akey, .has_akey = true };
	struct vs_akey *a = d == NULL ? NULL : vs_akey_find(d, akey);
	bool there = false;
	int rc = vs_ts_read(c, op, &p);

	if (rc == 0 && a != NULL)
		rc = vs_akey_exists(c->v, a, w, &there);
	return rc != 0 ? rc : want(there, must);
}

int vs_check_conds(struct vs_cont *c, struct vs_dkey *d, const struct vs_view *w,
		   const struct vos_op *op, uint32_t nr, const struct vos_iod *iods)
{
	bool per_akey = (op->flags & DAOS_COND_PER_AKEY) != 0;
	uint32_t i;
	int rc = cond_flags(op->flags, per_akey);

	if (rc == 0 && (op->flags & DAOS_COND_DKEY_INSERT) != 0)
		rc = cond_dkey(c, d, w, op, false);
	if (rc == 0 && (op->flags & (DAOS_COND_DKEY_UPDATE | DAOS_COND_DKEY_FETCH)) != 0)
		rc = cond_dkey(c, d, w, op, true);
	for (i = 0; rc == 0 && i < nr; i++) {
		uint64_t f = per_akey ? iods[i].flags : op->flags;

		rc = cond_flags(f, false);
		if (rc == 0 && (f & DAOS_COND_AKEY_INSERT) != 0)
			rc = cond_akey(c, d, w, op, iods[i].akey, false);
		if (rc == 0 && (f & (DAOS_COND_AKEY_UPDATE | DAOS_COND_AKEY_FETCH)) != 0)
			rc = cond_akey(c, d, w, op, iods[i].akey, true);
	}
	return rc;
}

/* ---- types and record sizes ------------------------------------------------------------- */

/* The incarnation that an update of @ver falls into: between two punches of any level. */
struct window {
	struct vs_ver lo;
	struct vs_ver hi;		/* epoch 0: open */
	struct vs_ver hot_lo;		/* others' prepared punches that would narrow it */
	struct vs_ver hot_hi;
	const struct vs_dtx *hot_lo_dtx;
	const struct vs_dtx *hot_hi_dtx;
};

static void narrow(struct window *win, const struct vs_plog *p, const struct vs_ver *ver,
		   const struct vs_view *w)
{
	uint32_t i;

	for (i = 0; i < p->nr; i++) {
		const struct vs_punch *e = &p->v[i];
		bool below = vs_ver_cmp(&e->ver, ver) < 0;
		bool other = vs_other(e->dtx, w);
		struct vs_ver *lo = other ? &win->hot_lo : &win->lo;
		struct vs_ver *hi = other ? &win->hot_hi : &win->hi;

		if (below && vs_ver_cmp(&e->ver, lo) > 0) {
			*lo = e->ver;
			if (other)
				win->hot_lo_dtx = e->dtx;
		}
		if (!below && (hi->epoch == 0 || vs_ver_cmp(&e->ver, hi) < 0)) {
			*hi = e->ver;
			if (other)
				win->hot_hi_dtx = e->dtx;
		}
	}
}

/* An entry of another type or size: in the window, and for certain? */
static int clash(const struct window *win, const struct vs_ver *at, const struct vs_dtx *dtx,
		 const struct vs_view *w, int verdict)
{
	if (vs_ver_cmp(at, &win->lo) < 0 || (win->hi.epoch != 0 && vs_ver_cmp(at, &win->hi) > 0))
		return 0;
	if (vs_other(dtx, w))
		return vs_busy(w, dtx);
	if (vs_ver_cmp(at, &win->hot_lo) < 0)
		return vs_busy(w, win->hot_lo_dtx);
	if (win->hot_hi.epoch != 0 && vs_ver_cmp(at, &win->hot_hi) > 0)
		return vs_busy(w, win->hot_hi_dtx);
	return verdict;
}

static int worse(int a, int b)
{
	return a == 0 || a == -DER_INPROGRESS ? (b == 0 ? a : b) : a;
}

static int check_type(struct vs_akey *a, const struct vs_ver *ver, const struct vs_view *w,
		      const struct vos_iod *iod)
{
	bool array = iod->type == VOS_ARRAY;
	struct window win = { 0 };
	struct vs_node *n;
	uint32_t i;
	int rc = 0;

	if (!a->mixed && (a->type == VOS_NONE ||
			  (a->type == iod->type &&
			   (!array || iod->size == 0 || a->size == 0 || a->size == iod->size))))
		return 0;
	narrow(&win, &a->dkey->obj->punches, ver, w);
	narrow(&win, &a->dkey->punches, ver, w);
	narrow(&win, &a->punches, ver, w);
	for (i = 0; array && i < a->single_nr; i++)
		if (a->singles[i].val != NULL)
			rc = worse(rc, clash(&win, &a->singles[i].ver, a->singles[i].dtx, w,
					     -DER_NO_PERM));
	for (n = vs_tree_first(&a->exts); n != NULL; n = vs_tree_next(n)) {
		struct vs_ext *e = container_of(n, struct vs_ext, node);

		if (e->val == NULL || (array && (iod->size == 0 || iod->size == e->rec_bytes)))
			continue;
		rc = worse(rc, clash(&win, &e->ver, e->dtx, w, array ? -DER_INVAL : -DER_NO_PERM));
	}
	return rc;
}

/* ---- equal versions --------------------------------------------------------------------- */

static bool plog_meets(const struct vs_plog *p, const struct vs_ver *ver, const struct vs_dtx *me)
{
	uint32_t i = vs_plog_above(p, ver);

	for (; i > 0 && vs_ver_same(&p->v[i - 1].ver, ver); i--)
		if (me == NULL || p->v[i - 1].dtx != me)
			return true;
	return false;
}

/* Does the akey hold an equal version of another writer? [idx, last] for arrays. */
static bool akey_meets(const struct vs_akey *a, const struct vs_ver *ver, const struct vs_dtx *me,
		       bool singles, const struct recx *r)
{
	uint64_t idx = r == NULL ? 0 : r->idx;
	uint64_t last = r == NULL ? UINT64_MAX : r->idx + r->nr - 1;
	struct vs_ext *e = NULL;
	uint32_t i;

	if (vs_ver_cmp(&a->vmax, ver) < 0 && !vs_ver_same(&a->vmax, ver))
		return false;
	for (i = singles ? vs_single_above(a, ver) : 0;
	     i > 0 && vs_ver_same(&a->singles[i - 1].ver, ver); i--)
		if (me == NULL || a->singles[i - 1].dtx != me)
			return true;
	if (singles && r != NULL)
		return false;
	while ((e = vs_ext_overlap(&a->exts, idx, last, e)) != NULL)
		if (vs_ver_same(&e->ver, ver) && (me == NULL || e->dtx != me))
			return true;
	return false;
}

static bool update_meets(struct vs_obj *o, struct vs_dkey *d, const struct vs_ver *ver,
			 const struct vs_dtx *me, uint32_t nr, const struct vos_iod *iods)
{
	static const struct recx no_recx = { .nr = 1 };
	uint32_t i;
	uint32_t k;

	if (o == NULL)
		return false;
	if (plog_meets(&o->punches, ver, me) || (d != NULL && plog_meets(&d->punches, ver, me)))
		return true;
	for (i = 0; d != NULL && i < nr; i++) {
		struct vs_akey *a = vs_akey_find(d, iods[i].akey);

		if (a == NULL)
			continue;
		if (plog_meets(&a->punches, ver, me))
			return true;
		if (iods[i].type == VOS_SINGLE && akey_meets(a, ver, me, true, &no_recx))
			return true;
		for (k = 0; iods[i].type == VOS_ARRAY && k < iods[i].nr; k++)
			if (akey_meets(a, ver, me, false, &iods[i].recxs[k]))
				return true;
	}
	return false;
}

static bool dkey_meets(const struct vs_dkey *d, const struct vs_ver *ver, const struct vs_dtx *me)
{
	struct vs_node *n;

	if (vs_ver_cmp(&d->vmax, ver) < 0 && !vs_ver_same(&d->vmax, ver))
		return false;
	for (n = vs_tree_first(&d->akeys); n != NULL; n = vs_tree_next(n)) {
		struct vs_key *k = container_of(n, struct vs_key, node);

		if (akey_meets(container_of(k, struct vs_akey, key), ver, me, true, NULL))
			return true;
	}
	return false;
}

static bool obj_meets(const struct vs_obj *o, const struct vs_ver *ver, const struct vs_dtx *me)
{
	struct vs_node *n;

	if (vs_ver_cmp(&o->vmax, ver) < 0 && !vs_ver_same(&o->vmax, ver))
		return false;
	for (n = vs_tree_first(&o->dkeys); n != NULL; n = vs_tree_next(n)) {
		struct vs_key *k = container_of(n, struct vs_key, node);

		if (dkey_meets(container_of(k, struct vs_dkey, key), ver, me))
			return true;
	}
	return false;
}

/* ---- whole calls ------------------------------------------------------------------------ */

static int check_epoch(const struct vs_cont *c, const struct vos_op *op)
{
	if (op->epoch == 0 || op->epoch == VOS_EPOCH_MAX)
		return -DER_INVAL;
	return op->epoch <= c->agg_epoch && (op->flags & VOS_REBUILD) == 0 ? -DER_TX_RESTART : 0;
}

/* As arrived now: above all entries of an equal version. */
static struct vs_ver ver_of(const struct vos_op *op)
{
	return (struct vs_ver){ .epoch = op->epoch, .minor = op->minor, .seq = UINT64_MAX };
}

static int check_ts(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		    const struct vos_iod *iods)
{
	struct vs_path p = { .oid = op->oid, .dkey = op->dkey, .has_akey = true };
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < nr; i++) {
		p.akey = iods[i].akey;
		rc = vs_ts_write(c, op, &p);
	}
	return rc;
}

int vs_check_update(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		    const struct vos_iod *iods)
{
	const uint64_t allowed = DAOS_COND_DKEY_INSERT | DAOS_COND_DKEY_UPDATE |
				 DAOS_COND_AKEY_INSERT | DAOS_COND_AKEY_UPDATE | DAOS_COND_PER_AKEY;
	struct vs_view w = vs_view_of(c, op);
	struct vs_ver ver = ver_of(op);
	struct vs_obj *o = vs_obj_find(c, op->oid);
	struct vs_dkey *d = o == NULL ? NULL : vs_dkey_find(o, op->dkey);
	uint32_t i;
	int rc = check_epoch(c, op);

	if ((op->flags & DAOS_COND_MASK & ~allowed) != 0)
		return -DER_INVAL;
	if (rc == 0)
		rc = check_dtx(&w);
	if (rc == 0 && (op->flags & VOS_REBUILD) == 0)
		rc = check_ts(c, op, nr, iods);
	if (rc == 0 && (op->flags & VOS_REBUILD) == 0 && update_meets(o, d, &ver, w.me, nr, iods))
		rc = -DER_TX_RESTART;
	if (rc == 0 && (op->flags & VOS_REBUILD) == 0)
		rc = vs_check_conds(c, d, &w, op, nr, iods);
	for (i = 0; rc == 0 && d != NULL && i < nr; i++) {
		struct vs_akey *a = vs_akey_find(d, iods[i].akey);

		if (a != NULL)
			rc = check_type(a, &ver, &w, &iods[i]);
	}
	return rc;
}

/* DAOS_COND_PUNCH of what op names. */
static int cond_punch(struct vs_cont *c, const struct vs_view *w, const struct vos_op *op,
		      struct vs_obj *o, uint32_t nr, const struct bytes *akeys)
{
	struct vs_dkey *d = o == NULL || op->dkey.ptr == NULL ? NULL : vs_dkey_find(o, op->dkey);
	struct vs_path p = { .oid = op->oid };
	struct vs_floor f = { 0 };
	bool there = false;
	uint32_t i;
	int rc = 0;

	if (op->dkey.ptr == NULL) {
		rc = vs_ts_read(c, op, &p);
		if (rc == 0 && o != NULL)
			rc = vs_obj_exists(c->v, o, w, &there);
		if (rc == 0 && o != NULL && !there) {
			vs_floor_add(&f, &o->punches, w);
			there = f.floor.epoch != 0;
		}
		return rc != 0 ? rc : want(there, true);
	}
	if (nr == 0)
		return cond_dkey(c, d, w, op, true);
	for (i = 0; rc == 0 && i < nr; i++)
		rc = cond_akey(c, d, w, op, akeys[i], true);
	return rc;
}

int vs_check_names(const struct vos_op *op, uint32_t nr, const struct bytes *akeys)
{
	enum vs_order dk;
	enum vs_order ak;
	bool flat;
	uint32_t i;
	uint32_t k;
	int rc = vs_check_op(op, op->dkey.ptr != NULL);

	if (rc != 0)
		return rc;
	if (nr > VOS_AKEY_MAX)
		return -DER_OVERFLOW;
	(void)vs_oid_orders(op->oid, &dk, &ak, &flat);	/* was checked */
	for (i = 0; i < nr; i++) {
		rc = vs_key_check(ak, akeys[i], flat);
		if (rc != 0)
			return rc;
		for (k = 0; k < i; k++)
			if (akeys[k].len == akeys[i].len &&
			    (akeys[i].len == 0 ||
			     memcmp(akeys[k].ptr, akeys[i].ptr, akeys[i].len) == 0))
				return -DER_NO_PERM;
	}
	return (op->flags & DAOS_COND_MASK & ~(uint64_t)DAOS_COND_PUNCH) != 0 ? -DER_INVAL : 0;
}

/* Read timestamps and equal versions. */
static int punch_conflicts(struct vs_cont *c, const struct vos_op *op, const struct vs_view *w,
			   uint32_t nr, const struct bytes *akeys)
{
	struct vs_path p = { .oid = op->oid, .dkey = op->dkey, .has_akey = nr > 0 };
	struct vs_obj *o = vs_obj_find(c, op->oid);
	struct vs_dkey *d = o == NULL || p.dkey.ptr == NULL ? NULL : vs_dkey_find(o, p.dkey);
	struct vs_ver ver = ver_of(op);
	bool meets = false;
	uint32_t i = 0;

	do {
		struct vs_akey *a = NULL;

		if (nr > 0)
			p.akey = akeys[i];
		if (vs_ts_write(c, op, &p) != 0)
			return -DER_TX_RESTART;
		if (nr > 0 && d != NULL)
			a = vs_akey_find(d, akeys[i]);
		if (a != NULL)
			meets = meets || plog_meets(&a->punches, &ver, w->me) ||
				akey_meets(a, &ver, w->me, true, NULL);
	} while (++i < nr);
	if (nr == 0 && d != NULL)
		meets = plog_meets(&d->punches, &ver, w->me) || dkey_meets(d, &ver, w->me);
	if (nr == 0 && p.dkey.ptr == NULL && o != NULL)
		meets = plog_meets(&o->punches, &ver, w->me) || obj_meets(o, &ver, w->me);
	return meets ? -DER_TX_RESTART : 0;
}

int vs_check_punch(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		   const struct bytes *akeys)
{
	struct vs_view w = vs_view_of(c, op);
	int rc = vs_check_names(op, nr, akeys);

	if (rc == 0)
		rc = check_epoch(c, op);
	if (rc == 0)
		rc = check_dtx(&w);
	if (rc == 0 && (op->flags & VOS_REBUILD) == 0)
		rc = punch_conflicts(c, op, &w, nr, akeys);
	if (rc == 0 && (op->flags & VOS_REBUILD) == 0 && (op->flags & DAOS_COND_PUNCH) != 0)
		rc = cond_punch(c, &w, op, vs_obj_find(c, op->oid), nr, akeys);
	return rc;
}

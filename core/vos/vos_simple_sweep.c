/*
 * Aggregation and discard: walks over the dkeys of a container, a part of it per call. Each step
 * is a record of the log with all that it depends on, so that replay repeats it.
 */
#include "core/vos/vos_simple_int.h"

/* In anchors: whose they are. */
#define CHECK_AGGREGATE 0xa66e6a7eu
#define CHECK_DISCARD	0xd15ca4d5u

struct sweep {
	struct vs_cont *c;
	struct vos *v;
	struct vos_range range;
	bool discard;
	uint64_t seq;
	uint64_t credits;
};

static bool inside(const struct sweep *s, const struct vs_ver *ver)
{
	return ver->epoch >= s->range.lo && ver->epoch <= s->range.hi;
}

/* ---- aggregation of one akey ------------------------------------------------------------ */

static bool counts(const struct vs_ver *ver, const struct vs_dtx *dtx, uint64_t epoch,
		   const struct vs_floor *f)
{
	return ver->epoch <= epoch && dtx == NULL && vs_ver_cmp(ver, &f->floor) > 0;
}

/* Mark what a reader at @epoch sees, holes included. */
static int mark_at(struct sweep *s, struct vs_akey *a, uint64_t epoch)
{
	struct vs_view w = { .epoch = epoch };
	struct vs_floor f = vs_floor_of(a, &w);
	struct vs_ver top = { .epoch = epoch, .minor = UINT16_MAX, .seq = UINT64_MAX };
	struct vs_tree tmp = { 0 };
	struct vs_node *n;
	uint32_t i;
	int rc = 0;

	for (i = vs_single_above(a, &top); i > 0; i--)
		if (a->singles[i - 1].dtx == NULL) {
			a->singles[i - 1].keep |= counts(&a->singles[i - 1].ver, NULL, epoch, &f);
			break;
		}
	for (n = vs_tree_first(&a->exts); rc == 0 && n != NULL; n = vs_tree_next(n)) {
		struct vs_ext *e = container_of(n, struct vs_ext, node);

		if (counts(&e->ver, e->dtx, epoch, &f))
			rc = vs_part_put(s->v, &tmp, e, e->idx, e->last, false);
	}
	for (n = vs_tree_first(&tmp); rc == 0 && n != NULL; n = vs_tree_next(n))
		container_of(n, struct vs_part, node)->ext->keep = true;
	vs_parts_drop(s->v, &tmp, false);
	return rc;
}

/* Present, snapshots, and what the sweep does not touch. */
static int mark(struct sweep *s, struct vs_akey *a)
{
	struct vs_node *n;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < a->single_nr; i++)
		a->singles[i].keep = !inside(s, &a->singles[i].ver) || a->singles[i].dtx != NULL;
	for (n = vs_tree_first(&a->exts); n != NULL; n = vs_tree_next(n)) {
		struct vs_ext *e = container_of(n, struct vs_ext, node);

		e->keep = !inside(s, &e->ver) || e->dtx != NULL;
	}
	for (i = 0; rc == 0 && i < s->c->snap_nr; i++)
		if (s->c->snaps[i] >= s->range.lo && s->c->snaps[i] < s->range.hi)
			rc = mark_at(s, a, s->c->snaps[i]);
	return rc == 0 ? mark_at(s, a, s->range.hi) : rc;
}

static void sweep_singles(struct sweep *s, struct vs_akey *a)
{
	bool data = false;	/* something older to hide is still there */
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; i < a->single_nr; i++) {
		struct vs_single *x = &a->singles[i];
		bool hole = x->val == NULL && inside(s, &x->ver) && x->dtx == NULL;

		if (x->keep && (!hole || data)) {
			data = data || x->val != NULL;
			a->singles[nr++] = *x;
		} else {
			vs_val_put(s->v, x->val);
			vs_csum_free(s->v, x->csum);
		}
	}
	a->single_nr = nr;
	vs_fit(s->v, &a->singles, &a->single_cap, nr, sizeof(*a->singles));
}

/* Does the punch @e hide any older data that is still there? */
static bool hides(const struct vs_akey *a, const struct vs_ext *e)
{
	struct vs_ext *x = NULL;

	while ((x = vs_ext_overlap(&a->exts, e->idx, e->last, x)) != NULL)
		if (x->val != NULL && vs_ver_cmp(&x->ver, &e->ver) < 0)
			return true;
	return false;
}

static void sweep_exts(struct sweep *s, struct vs_akey *a, bool holes)
{
	struct vs_node *n = vs_tree_first(&a->exts);

	while (n != NULL) {
		struct vs_node *next = vs_tree_next(n);
		struct vs_ext *e = container_of(n, struct vs_ext, node);
		bool hole = e->val == NULL && inside(s, &e->ver) && e->dtx == NULL;

		if (!holes && !e->keep)
			vs_ext_del(s->v, a, e);
		else if (holes && hole && !hides(a, e))
			vs_ext_del(s->v, a, e);
		n = next;
	}
}

/* Version of the oldest entry, epoch UINT64_MAX when there is none. */
static struct vs_ver oldest(const struct vs_akey *a)
{
	struct vs_ver min = { .epoch = UINT64_MAX, .seq = UINT64_MAX };
	struct vs_node *n;

	if (a->single_nr > 0)
		min = a->singles[0].ver;
	for (n = vs_tree_first(&a->exts); n != NULL; n = vs_tree_next(n)) {
		const struct vs_ext *e = container_of(n, struct vs_ext, node);

		if (vs_ver_cmp(&e->ver, &min) < 0)
			min = e->ver;
	}
	return min;
}

/* Drop punches in range: all (discard), or those with nothing older than them left to hide. */
static void sweep_plog(struct sweep *s, struct vs_plog *p, const struct vs_ver *min)
{
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; i < p->nr; i++) {
		bool idle = s->discard || vs_ver_cmp(&p->v[i].ver, min) < 0;

		if (!inside(s, &p->v[i].ver) || p->v[i].dtx != NULL || !idle)
			p->v[nr++] = p->v[i];
	}
	p->nr = nr;
	vs_fit(s->v, &p->v, &p->cap, nr, sizeof(*p->v));
}

static int aggregate_akey(struct sweep *s, struct vs_akey *a)
{
	struct vs_ver min;
	int rc = mark(s, a);

	if (rc != 0)
		return rc;
	sweep_singles(s, a);
	sweep_exts(s, a, false);
	sweep_exts(s, a, true);
	min = oldest(a);
	sweep_plog(s, &a->punches, &min);
	return 0;
}

/* ---- discard of one akey ---------------------------------------------------------------- */

static void discard_akey(struct sweep *s, struct vs_akey *a)
{
	struct vs_node *n = vs_tree_first(&a->exts);
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; i < a->single_nr; i++) {
		struct vs_single *x = &a->singles[i];

		if (inside(s, &x->ver) && x->dtx == NULL) {
			vs_val_put(s->v, x->val);
			vs_csum_free(s->v, x->csum);
		} else {
			a->singles[nr++] = *x;
		}
	}
	a->single_nr = nr;
	vs_fit(s->v, &a->singles, &a->single_cap, nr, sizeof(*a->singles));
	while (n != NULL) {
		struct vs_node *next = vs_tree_next(n);
		struct vs_ext *e = container_of(n, struct vs_ext, node);

		if (inside(s, &e->ver) && e->dtx == NULL)
			vs_ext_del(s->v, a, e);
		n = next;
	}
	sweep_plog(s, &a->punches, NULL);
}

/* ---- the walk --------------------------------------------------------------------------- */

static struct vs_ver dkey_oldest(const struct vs_dkey *d)
{
	struct vs_ver min = { .epoch = UINT64_MAX, .seq = UINT64_MAX };
	struct vs_node *n;

	for (n = vs_tree_first(&d->akeys); n != NULL; n = vs_tree_next(n)) {
		struct vs_key *k = container_of(n, struct vs_key, node);
		struct vs_ver m = oldest(container_of(k, struct vs_akey, key));

		if (vs_ver_cmp(&m, &min) < 0)
			min = m;
	}
	return min;
}

static int sweep_dkey(struct sweep *s, struct vs_dkey *d)
{
	struct vs_node *n = vs_tree_first(&d->akeys);
	struct vs_ver min;
	int rc = 0;

	while (rc == 0 && n != NULL) {
		struct vs_node *next = vs_tree_next(n);
		struct vs_key *k = container_of(n, struct vs_key, node);
		struct vs_akey *a = container_of(k, struct vs_akey, key);
		uint64_t cost = 1 + a->single_nr + a->exts.count;

		s->credits -= min_u64(s->credits, cost);
		if (s->discard)
			discard_akey(s, a);
		else
			rc = aggregate_akey(s, a);
		(void)vs_akey_prune(s->v, a);
		n = next;
	}
	if (rc != 0)
		return rc;
	s->credits -= min_u64(s->credits, 1);
	min = d->punches.nr > 0 ? dkey_oldest(d) : (struct vs_ver){ 0 };
	sweep_plog(s, &d->punches, &min);
	(void)vs_dkey_prune(s->v, d);
	return 0;
}

/* After the last dkey of an object: its punches. */
static void finish_obj(struct sweep *s, struct vs_obj *o)
{
	struct vs_ver min = { .epoch = UINT64_MAX, .seq = UINT64_MAX };
	struct vs_node *n;

	for (n = o->punches.nr > 0 && !s->discard ? vs_tree_first(&o->dkeys) : NULL; n != NULL;
	     n = vs_tree_next(n)) {
		struct vs_key *k = container_of(n, struct vs_key, node);
		struct vs_ver m = dkey_oldest(container_of(k, struct vs_dkey, key));

		if (vs_ver_cmp(&m, &min) < 0)
			min = m;
	}
	sweep_plog(s, &o->punches, &min);
	(void)vs_obj_prune(s->v, o);
}

/* The dkeys of @o behind @from (NULL: all) while credits last; at the last one *ret_done. */
static int sweep_obj(struct sweep *s, struct vs_obj *o, const struct vs_anchor *from,
		     struct vs_anchor *at, bool *ret_done)
{
	struct vs_node *n = vs_tree_first(&o->dkeys);
	struct vs_key *k = n == NULL ? NULL : container_of(n, struct vs_key, node);
	int rc;

	if (s->discard) {
		o->epoch_stale = true;
		o->last_seq = s->seq;
	}
	if (from != NULL)
		k = vs_anchor_seek(&o->dkeys, from, false);
	at->oid = o->oid;
	while (k != NULL && s->credits > 0) {
		n = vs_tree_next(&k->node);
		vs_anchor_set_key(at, k);
		rc = sweep_dkey(s, container_of(k, struct vs_dkey, key));
		if (rc != 0)
			return rc;
		k = n == NULL ? NULL : container_of(n, struct vs_key, node);
	}
	*ret_done = k == NULL;
	if (k == NULL) {
		s->credits -= min_u64(s->credits, 1);
		finish_obj(s, o);
	}
	return 0;
}

/* Anchor of a sweep: state INSIDE, behind dkey @key of @oid. */
static int sweep_all(struct sweep *s, const struct vs_sweep *what, struct vos_anchor *ret_anchor)
{
	uint32_t check = s->discard ? CHECK_DISCARD : CHECK_AGGREGATE;
	struct vs_anchor from;
	struct vs_anchor at = { .state = VOS_ANCHOR_INSIDE, .check = check };
	struct vs_obj *o;
	bool inner;
	bool done = true;
	int rc;

	vs_anchor_load(&what->anchor, &from);
	inner = from.state == VOS_ANCHOR_INSIDE;
	if (from.state >= VOS_ANCHOR_END || (inner && from.check != check))
		return -DER_INVAL;
	if (!inner)
		from.oid = what->has_oid ? what->oid : (struct oid){ 0 };
	if (what->has_oid)
		o = vs_obj_find(s->c, what->oid);
	else
		o = vs_obj_beside(s->c, from.oid, false, true);
	while (o != NULL && s->credits > 0) {
		bool here = inner && oid_equal(o->oid, from.oid);
		struct oid oid = o->oid;

		rc = sweep_obj(s, o, here ? &from : NULL, &at, &done);
		if (rc != 0)
			return rc;
		if (!done)
			break;
		o = what->has_oid ? NULL : vs_obj_beside(s->c, oid, false, false);
		/* Should credits end here: the next object begins at its begin. */
		if (o != NULL)
			at = (struct vs_anchor){ .state = VOS_ANCHOR_INSIDE, .check = check,
						 .oid = o->oid };
	}
	if (o == NULL)
		at = (struct vs_anchor){ .state = VOS_ANCHOR_END, .check = check };
	vs_anchor_save(&at, ret_anchor);
	return 0;
}

int vs_apply_aggregate(struct vs_cont *c, const struct vs_sweep *what, uint64_t seq,
		       struct vos_anchor *ret_anchor)
{
	struct sweep s = { .c = c, .v = c->v, .range = what->range, .seq = seq,
			   .credits = max_u64(what->credits, 1) };

	c->agg_epoch = max_u64(c->agg_epoch, what->range.hi);
	return sweep_all(&s, what, ret_anchor);
}

int vs_apply_discard(struct vs_cont *c, const struct vs_sweep *what, uint64_t seq,
		     struct vos_anchor *ret_anchor)
{
	struct sweep s = { .c = c, .v = c->v, .range = what->range, .seq = seq, .discard = true,
			   .credits = max_u64(what->credits, 1) };

	c->gone_seq = seq;
	c->last_seq = seq;
	return sweep_all(&s, what, ret_anchor);
}

/* ---- the calls -------------------------------------------------------------------------- */

/* An anchor that a sweep of this kind made, before anything is written about it. */
static int check_sweep(const struct vs_sweep *s, bool discard)
{
	struct vs_anchor a;

	vs_anchor_load(&s->anchor, &a);
	if (s->range.lo > s->range.hi || a.state > VOS_ANCHOR_END)
		return -DER_INVAL;
	if (a.state != VOS_ANCHOR_BEGIN && a.check != (discard ? CHECK_DISCARD : CHECK_AGGREGATE))
		return -DER_INVAL;
	return 0;
}

static int run_sweep(struct vs_cont *c, enum vs_kind kind, const struct vs_sweep *s,
		     struct vos_anchor *anchor)
{
	struct vos_anchor end;
	uint64_t seq;
	int rc = vs_log_sweep(c, kind, s, &seq);

	if (rc != 0)
		return rc;
	/* When memory runs out amid it, what was freed is freed; replay will do the rest. */
	if (kind == VS_REC_AGGREGATE)
		rc = vs_apply_aggregate(c, s, seq, &end);
	else
		rc = vs_apply_discard(c, s, seq, &end);
	if (rc == 0)
		rc = vs_log_wait(c->v, seq);
	if (rc == 0)
		*anchor = end;
	return rc;
}

static uint64_t oldest_prepared(const struct vs_cont *c)
{
	uint64_t epoch = UINT64_MAX;
	struct vs_node *n;

	for (n = c->prepared > 0 ? vs_tree_first(&c->dtxs) : NULL; n != NULL; n = vs_tree_next(n)) {
		const struct vs_dtx *d = container_of(n, struct vs_dtx, node);

		if (d->state == VOS_DTX_PREPARED)
			epoch = min_u64(epoch, d->epoch);
	}
	return epoch;
}

int vos_aggregate(struct vos_cont *cont, struct vos_range range, uint32_t credits,
		  struct vos_anchor *anchor)
{
	struct vs_cont *c = cont->c;
	struct vs_sweep s = { .range = range, .credits = credits, .anchor = *anchor };
	int rc = check_sweep(&s, false);

	if (rc == 0 && (range.hi == 0 || range.hi == VOS_EPOCH_MAX))
		rc = -DER_INVAL;
	if (rc == 0)
		rc = vs_log_enter(c->v);
	if (rc != 0 || vos_anchor_is_end(anchor))
		return rc;
	s.range.hi = min_u64(s.range.hi, oldest_prepared(c) - 1);
	if (s.range.hi < s.range.lo || s.range.hi == 0) {
		struct vs_anchor end = { .state = VOS_ANCHOR_END, .check = CHECK_AGGREGATE };

		vs_anchor_save(&end, anchor);
		return 0;
	}
	return run_sweep(c, VS_REC_AGGREGATE, &s, anchor);
}

int vos_discard(struct vos_cont *cont, const struct oid *oid, struct vos_range range,
		uint32_t credits, struct vos_anchor *anchor)
{
	struct vs_cont *c = cont->c;
	struct vs_sweep s = { .has_oid = oid != NULL, .range = range, .credits = credits,
			      .anchor = *anchor };
	int rc = check_sweep(&s, true);

	if (oid != NULL)
		s.oid = *oid;
	if (rc == 0)
		rc = vs_log_enter(c->v);
	if (rc != 0 || vos_anchor_is_end(anchor))
		return rc;
	return run_sweep(c, VS_REC_DISCARD, &s, anchor);
}

int vos_snapshots_set(struct vos_cont *cont, uint32_t nr, const uint64_t *epochs)
{
	struct vs_cont *c = cont->c;
	uint64_t seq;
	uint32_t i;
	int rc;

	for (i = 0; i < nr; i++) {
		if (i > 0 && epochs[i - 1] >= epochs[i])
			return -DER_INVAL;
		if (epochs[i] < c->agg_epoch && !vs_is_snap(c, epochs[i]))
			return -DER_TX_RESTART;
	}
	rc = vs_log_enter(c->v);
	if (rc == 0)
		rc = vs_log_snaps(c, nr, epochs, &seq);
	if (rc != 0)
		return rc;
	rc = vs_apply_snaps(c, nr, epochs);
	if (rc != 0) {
		vs_rec_undo(c->v);
		return rc;
	}
	return vs_log_wait(c->v, seq);
}

int vos_snapshots_get(struct vos_cont *cont, uint32_t cap, uint64_t *epochs, uint32_t *ret_nr)
{
	struct vs_cont *c = cont->c;

	if (c->v->log.failed)
		return -DER_NVME_IO;
	if (cap > 0 && c->snap_nr > 0)
		memcpy(epochs, c->snaps, min_u64(cap, c->snap_nr) * sizeof(*epochs));
	*ret_nr = c->snap_nr;
	return 0;
}

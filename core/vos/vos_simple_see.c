/*
 * What a reader sees of an akey, and whether keys exist.
 *
 * For each record (the single value is one record) the entries at or below the reader's epoch are
 * looked at from the newest to the oldest, punches of all levels among them. The first that
 * counts, committed or the reader's own, decides. An entry that another transaction has prepared
 * is in the way if the answer would be another one with it: a write always, a punch if it hides
 * data. Where only existence is asked for, a write over data that is certain is not.
 */
#include "core/vos/vos_simple_int.h"

int vs_busy(const struct vs_view *w, const struct vs_dtx *dtx)
{
	ASSERT(dtx != NULL);
	if (w->busy != NULL)
		*w->busy = dtx->id;
	return -DER_INPROGRESS;
}

/* Above all entries of an epoch. */
static struct vs_ver ver_top(uint64_t epoch)
{
	return (struct vs_ver){ .epoch = epoch, .minor = UINT16_MAX, .seq = UINT64_MAX };
}

void vs_floor_add(struct vs_floor *f, const struct vs_plog *p, const struct vs_view *w)
{
	struct vs_ver top = ver_top(w->epoch);
	uint32_t i = vs_plog_above(p, &top);

	for (; i > 0; i--) {
		const struct vs_punch *e = &p->v[i - 1];

		if (!vs_other(e->dtx, w)) {
			if (vs_ver_cmp(&e->ver, &f->floor) > 0)
				f->floor = e->ver;
			return;
		}
		if (vs_ver_cmp(&e->ver, &f->hot) > 0) {
			f->hot = e->ver;
			f->hot_dtx = e->dtx;
		}
	}
}

struct vs_floor vs_floor_of(const struct vs_akey *a, const struct vs_view *w)
{
	struct vs_floor f = { 0 };

	vs_floor_add(&f, &a->dkey->obj->punches, w);
	vs_floor_add(&f, &a->dkey->punches, w);
	vs_floor_add(&f, &a->punches, w);
	return f;
}

int vs_single_see(const struct vs_akey *a, const struct vs_view *w, bool exists,
		  const struct vs_single **ret_s)
{
	struct vs_floor f = vs_floor_of(a, w);
	struct vs_ver top = ver_top(w->epoch);
	const struct vs_dtx *hole = NULL;	/* another's punch that would hide the rest */
	const struct vs_dtx *maybe = NULL;	/* another's write */
	const struct vs_single *s = NULL;
	uint32_t i;

	*ret_s = NULL;
	for (i = vs_single_above(a, &top); i > 0; i--) {
		s = &a->singles[i - 1];
		if (vs_ver_cmp(&s->ver, &f.floor) < 0)
			break;
		if (!vs_other(s->dtx, w)) {
			if (s->val == NULL)
				break;
			if (vs_ver_cmp(&s->ver, &f.hot) < 0)
				return vs_busy(w, f.hot_dtx);
			if (hole != NULL)
				return vs_busy(w, hole);
			*ret_s = s;
			return 0;
		}
		if (s->val != NULL && !exists)
			return vs_busy(w, s->dtx);
		if (s->val != NULL && maybe == NULL)
			maybe = s->dtx;
		if (s->val == NULL && hole == NULL)
			hole = s->dtx;
	}
	return maybe != NULL ? vs_busy(w, maybe) : 0;
}

/* ---- extents ---------------------------------------------------------------------------- */

void vs_spans_free(struct vos *v, struct vs_spans *s)
{
	vs_free(v, s->v, s->cap * sizeof(*s->v));
	*s = (struct vs_spans){ 0 };
}

static int span_add(struct vos *v, struct vs_spans *s, struct vs_ext *e, uint64_t idx,
		    uint64_t last, bool rev)
{
	struct vs_span *p = s->nr > s->base ? &s->v[s->nr - 1] : NULL;

	if (p != NULL && p->ext == e && !rev && p->last + 1 == idx) {
		p->last = last;
		return 0;
	}
	if (p != NULL && p->ext == e && rev && last + 1 == p->idx) {
		p->idx = idx;
		return 0;
	}
	if (vs_grow(v, &s->v, &s->cap, s->nr + 1, sizeof(*s->v)) != 0)
		return -DER_NOMEM;
	s->v[s->nr++] = (struct vs_span){ .idx = idx, .last = last, .ext = e };
	return 0;
}

struct look {
	struct vos *v;
	struct vs_akey *a;
	const struct vs_view *w;
	const struct vs_ask *ask;
	struct vs_floor f;
	const struct vs_dtx *maybe;	/* asked for existence: who would decide */
	struct vs_spans *spans;
};

/* @dtx is in the way of some records: the end, unless others may answer. */
static int meet(struct look *l, const struct vs_dtx *dtx)
{
	if (!l->ask->exists)
		return vs_busy(l->w, dtx);
	l->maybe = dtx;
	return 0;
}

/* Paint what counts of [lo, last] into @tmp. */
static int paint(struct look *l, uint64_t lo, uint64_t last, struct vs_tree *tmp)
{
	struct vs_ext *e = NULL;
	int rc = 0;

	while (rc == 0 && (e = vs_ext_overlap(&l->a->exts, lo, last, e)) != NULL) {
		if (e->ver.epoch > l->w->epoch || vs_other(e->dtx, l->w) ||
		    vs_ver_cmp(&e->ver, &l->f.floor) < 0)
			continue;
		rc = vs_part_put(l->v, tmp, e, max_u64(lo, e->idx), min_u64(last, e->last), false);
	}
	return rc;
}

/* Would the prepared extent @e of another change what @tmp shows of [lo, last]? */
static bool in_the_way(const struct look *l, const struct vs_tree *tmp, const struct vs_ext *e,
		       uint64_t lo, uint64_t last)
{
	uint64_t at = max_u64(lo, e->idx);
	uint64_t end = min_u64(last, e->last);
	bool data = e->val != NULL;

	for (;;) {
		struct vs_part *p = vs_part_at(tmp, at);

		if (p == NULL || p->idx > at) {
			if (data)
				return true;
			if (p == NULL || p->idx > end)
				return false;
		}
		if (vs_ver_cmp(&p->ext->ver, &e->ver) < 0) {
			bool below = p->ext->val != NULL;

			if (l->ask->exists ? data != below : data || below)
				return true;
		}
		if (p->last >= end)
			return false;
		at = p->last + 1;
	}
}

static bool others(const struct look *l, const struct vs_ext *e)
{
	return e->ver.epoch <= l->w->epoch && vs_other(e->dtx, l->w) &&
	       vs_ver_cmp(&e->ver, &l->f.floor) > 0;
}

/* What is painted, as spans. */
static int harvest(struct look *l, const struct vs_tree *tmp)
{
	bool rev = l->ask->rev;
	struct vs_node *n = rev ? vs_tree_last(tmp) : vs_tree_first(tmp);
	int rc = 0;

	while (rc == 0 && n != NULL) {
		struct vs_part *p = container_of(n, struct vs_part, node);

		if (p->ext->val != NULL && vs_ver_cmp(&p->ext->ver, &l->f.hot) < 0)
			rc = meet(l, l->f.hot_dtx);
		else if (p->ext->val != NULL)
			rc = span_add(l->v, l->spans, p->ext, p->idx, p->last, rev);
		n = rev ? vs_tree_prev(n) : vs_tree_next(n);
	}
	return rc;
}

/* The long way, from all versions, for a range where the index shows something too new. */
static int resolve(struct look *l, uint64_t lo, uint64_t last)
{
	struct vs_tree tmp = { 0 };
	struct vs_ext *e = NULL;
	int rc = paint(l, lo, last, &tmp);

	while (rc == 0 && (e = vs_ext_overlap(&l->a->exts, lo, last, e)) != NULL)
		if (others(l, e) && in_the_way(l, &tmp, e, lo, last))
			rc = meet(l, e->dtx);
	/* Still here with a punch in the way: what it would hide is not certain. */
	while (rc == 0 && l->ask->exists && (e = vs_ext_overlap(&l->a->exts, lo, last, e)) != NULL)
		if (others(l, e) && e->val == NULL)
			rc = vs_part_put(l->v, &tmp, e, max_u64(lo, e->idx), min_u64(last, e->last),
					 false);
	if (rc == 0)
		rc = harvest(l, &tmp);
	vs_parts_drop(l->v, &tmp, false);
	return rc;
}

static bool too_new(const struct look *l, const struct vs_part *p)
{
	return p->ext->ver.epoch > l->w->epoch || vs_other(p->ext->dtx, l->w);
}

static struct vs_part *part_step(const struct vs_part *p, bool rev)
{
	struct vs_node *n = rev ? vs_tree_prev(&p->node) : vs_tree_next(&p->node);

	return n == NULL ? NULL : container_of(n, struct vs_part, node);
}

static bool adjoins(const struct vs_part *a, const struct vs_part *b, bool rev)
{
	return rev ? b->last + 1 == a->idx : a->last + 1 == b->idx;
}

/* One part, or a row of parts that are too new; returns the last one handled. */
static int see_part(struct look *l, struct vs_part *p, uint64_t lo, uint64_t last,
		    struct vs_part **ret_done)
{
	uint64_t a = max_u64(p->idx, lo);
	uint64_t b = min_u64(p->last, last);
	bool rev = l->ask->rev;
	struct vs_part *n;

	*ret_done = p;
	if (!too_new(l, p)) {
		if (p->ext->val == NULL || vs_ver_cmp(&p->ext->ver, &l->f.floor) < 0)
			return 0;
		if (vs_ver_cmp(&p->ext->ver, &l->f.hot) < 0)
			return meet(l, l->f.hot_dtx);
		return span_add(l->v, l->spans, p->ext, a, b, rev);
	}
	for (n = part_step(p, rev); n != NULL && adjoins(p, n, rev) && too_new(l, n);
	     n = part_step(p, rev)) {
		if (n->idx > last || n->last < lo)
			break;
		a = min_u64(a, max_u64(n->idx, lo));
		b = max_u64(b, min_u64(n->last, last));
		p = n;
		*ret_done = n;
	}
	return resolve(l, a, b);
}

int vs_exts_see(struct vos *v, struct vs_akey *a, const struct vs_view *w, const struct vs_ask *ask,
		struct vs_spans *spans)
{
	struct look l = { .v = v, .a = a, .w = w, .ask = ask, .spans = spans };
	struct vs_part *p;
	int rc;

	ASSERT(ask->last >= ask->lo);
	l.f = vs_floor_of(a, w);
	/* All of it is older than the punch: nothing to look for, however much there is. */
	if (vs_ver_cmp(&a->vmax, &l.f.floor) < 0)
		return 0;
	rc = vs_index_ensure(v, a);
	if (rc != 0)
		return rc;
	p = ask->rev ? vs_part_below(&a->index, ask->last) : vs_part_at(&a->index, ask->lo);
	while (p != NULL && p->idx <= ask->last && p->last >= ask->lo && spans->nr < ask->enough) {
		rc = see_part(&l, p, ask->lo, ask->last, &p);
		if (rc != 0)
			return rc;
		p = part_step(p, ask->rev);
	}
	return spans->nr == 0 && l.maybe != NULL ? vs_busy(w, l.maybe) : 0;
}

/* ---- existence -------------------------------------------------------------------------- */

int vs_akey_exists(struct vos *v, struct vs_akey *a, const struct vs_view *w, bool *ret_yes)
{
	struct vs_ask ask = { .last = UINT64_MAX, .enough = 1, .exists = true };
	struct vs_spans spans = { 0 };
	const struct vs_single *s = NULL;
	int busy = 0;
	int rc = 0;

	if (a->single_nr > 0)
		busy = vs_single_see(a, w, true, &s);
	if (s == NULL && a->exts.count > 0)
		rc = vs_exts_see(v, a, w, &ask, &spans);
	if (rc == 0 && s == NULL && spans.nr == 0)
		rc = busy;
	if (rc == 0)
		*ret_yes = s != NULL || spans.nr > 0;
	vs_spans_free(v, &spans);
	return rc;
}

/* Newest punch of a node and its parents that counts; below it nothing is seen. */
static bool hidden(const struct vs_ver *vmax, const struct vs_floor *f)
{
	return vs_ver_cmp(vmax, &f->floor) < 0;
}

int vs_dkey_exists(struct vos *v, struct vs_dkey *d, const struct vs_view *w, bool *ret_yes)
{
	struct vs_floor f = { 0 };
	struct vs_node *n;
	bool yes = false;
	int busy = 0;

	vs_floor_add(&f, &d->obj->punches, w);
	vs_floor_add(&f, &d->punches, w);
	for (n = hidden(&d->vmax, &f) ? NULL : vs_tree_first(&d->akeys); n != NULL && !yes;
	     n = vs_tree_next(n)) {
		struct vs_key *k = container_of(n, struct vs_key, node);
		int rc = vs_akey_exists(v, container_of(k, struct vs_akey, key), w, &yes);

		/* Another akey may make it exist whatever becomes of this one. */
		if (rc == -DER_INPROGRESS)
			busy = rc;
		else if (rc != 0)
			return rc;
	}
	if (!yes && busy != 0)
		return busy;
	*ret_yes = yes;
	return 0;
}

int vs_obj_exists(struct vos *v, struct vs_obj *o, const struct vs_view *w, bool *ret_yes)
{
	struct vs_floor f = { 0 };
	struct vs_node *n;
	bool yes = false;
	int busy = 0;

	vs_floor_add(&f, &o->punches, w);
	for (n = hidden(&o->vmax, &f) ? NULL : vs_tree_first(&o->dkeys); n != NULL && !yes;
	     n = vs_tree_next(n)) {
		struct vs_key *k = container_of(n, struct vs_key, node);
		int rc = vs_dkey_exists(v, container_of(k, struct vs_dkey, key), w, &yes);

		if (rc == -DER_INPROGRESS)
			busy = rc;
		else if (rc != 0)
			return rc;
	}
	if (!yes && busy != 0)
		return busy;
	*ret_yes = yes;
	return 0;
}

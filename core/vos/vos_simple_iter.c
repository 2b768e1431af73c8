/* Iteration: over keys, versions, extents, punches; each from a place that outlives the call. */
#include "core/vos/vos_simple_int.h"

#define SPANS_AT_ONCE 64u

struct walk {
	struct vs_cont *c;
	struct vos *v;
	const struct vos_iter *it;
	struct vs_view w;
	bool rev;
	bool versions;
	struct vs_anchor a;	/* behind the last entry taken */
	vos_iter_fn fn;
	void *arg;
	uint64_t count;
	uint64_t seq;		/* what was seen is durable with it */
};

/* Offer @e, which ends at @behind. True: go on. False: stop, with *ret_rc. */
static bool give(struct walk *k, const struct vos_entry *e, const struct vs_anchor *behind,
		 int *ret_rc)
{
	int want = k->fn(k->arg, e);

	k->count++;
	*ret_rc = want == VOS_ITER_STOP || want == VOS_ITER_UNDO ? 0 : want;
	if (want == VOS_ITER_NEXT || want == VOS_ITER_STOP) {
		k->a = *behind;
		k->a.state = VOS_ANCHOR_INSIDE;
	}
	return want == VOS_ITER_NEXT;
}

static int at_end(struct walk *k)
{
	k->a.state = VOS_ANCHOR_END;
	return 0;
}

static bool in_range(const struct walk *k, uint64_t epoch)
{
	return epoch >= k->it->epoch_lo && epoch <= k->w.epoch;
}

/* ---- keys ------------------------------------------------------------------------------- */

static bool plog_touched(const struct walk *k, const struct vs_plog *p)
{
	uint32_t i;

	for (i = p->nr; i > 0; i--)
		if (in_range(k, p->v[i - 1].ver.epoch))
			return true;
	return false;
}

static bool akey_touched(const struct walk *k, const struct vs_akey *a)
{
	struct vs_node *n;
	uint32_t i;

	if (plog_touched(k, &a->punches))
		return true;
	if (a->vmax.epoch < k->it->epoch_lo)
		return false;
	for (i = a->single_nr; i > 0; i--)
		if (in_range(k, a->singles[i - 1].ver.epoch))
			return true;
	for (n = vs_tree_first(&a->exts); n != NULL; n = vs_tree_next(n))
		if (in_range(k, container_of(n, struct vs_ext, node)->ver.epoch))
			return true;
	return false;
}

static bool dkey_touched(const struct walk *k, const struct vs_dkey *d)
{
	struct vs_node *n;

	if (plog_touched(k, &d->punches))
		return true;
	for (n = vs_tree_first(&d->akeys); n != NULL; n = vs_tree_next(n)) {
		struct vs_key *key = container_of(n, struct vs_key, node);

		if (akey_touched(k, container_of(key, struct vs_akey, key)))
			return true;
	}
	return false;
}

static bool obj_touched(const struct walk *k, const struct vs_obj *o)
{
	struct vs_node *n;

	if (plog_touched(k, &o->punches))
		return true;
	for (n = vs_tree_first(&o->dkeys); n != NULL; n = vs_tree_next(n)) {
		struct vs_key *key = container_of(n, struct vs_key, node);

		if (dkey_touched(k, container_of(key, struct vs_dkey, key)))
			return true;
	}
	return false;
}

static int akey_entry(struct walk *k, struct vs_akey *a, struct vos_entry *e, bool *ret_yes)
{
	const struct vs_single *s = NULL;
	int rc = 0;

	e->value = a->type;
	e->size = a->type == VOS_ARRAY ? a->size : 0;
	if (k->versions) {
		*ret_yes = akey_touched(k, a);
		return 0;
	}
	rc = vs_akey_exists(k->v, a, &k->w, ret_yes);
	if (rc != 0 || !*ret_yes || !a->mixed)
		return rc;
	/* Whichever of its types is there now. */
	if (vs_single_see(a, &k->w, true, &s) == 0 && s != NULL) {
		e->value = VOS_SINGLE;
		e->size = 0;
	} else {
		e->value = VOS_ARRAY;
		e->size = a->size;
	}
	return 0;
}

static int dkey_entry(struct walk *k, struct vs_dkey *d, bool *ret_yes)
{
	if (!k->versions)
		return vs_dkey_exists(k->v, d, &k->w, ret_yes);
	*ret_yes = dkey_touched(k, d);
	return 0;
}

static int walk_keys(struct walk *k, const struct vs_tree *t)
{
	struct vs_node *n = k->rev ? vs_tree_last(t) : vs_tree_first(t);
	struct vs_key *key = n == NULL ? NULL : container_of(n, struct vs_key, node);
	struct vs_anchor behind = k->a;

	if (k->a.state != VOS_ANCHOR_BEGIN)
		key = vs_anchor_seek(t, &k->a, k->rev);
	while (key != NULL) {
		struct vos_entry e = { .type = k->it->type, .key = key->name,
				       .oid = k->it->op->oid };
		bool yes = false;
		int rc;

		if (k->it->type == VOS_ITER_DKEY)
			rc = dkey_entry(k, container_of(key, struct vs_dkey, key), &yes);
		else
			rc = akey_entry(k, container_of(key, struct vs_akey, key), &e, &yes);
		if (rc != 0)
			return rc;
		vs_anchor_set_key(&behind, key);
		if (yes && !give(k, &e, &behind, &rc))
			return rc;
		n = k->rev ? vs_tree_prev(&key->node) : vs_tree_next(&key->node);
		key = n == NULL ? NULL : container_of(n, struct vs_key, node);
	}
	return at_end(k);
}

static int walk_objs(struct walk *k)
{
	struct vs_anchor behind = k->a;
	struct vs_obj *o;

	if (k->a.state == VOS_ANCHOR_BEGIN) {
		uint64_t edge = k->rev ? UINT64_MAX : 0;

		o = vs_obj_beside(k->c, (struct oid){ edge, edge }, k->rev, true);
	} else {
		o = vs_obj_beside(k->c, k->a.oid, k->rev, false);
	}
	while (o != NULL) {
		struct vos_entry e = { .type = VOS_ITER_OBJ, .oid = o->oid };
		bool yes = k->versions && obj_touched(k, o);
		int rc = k->versions ? 0 : vs_obj_exists(k->v, o, &k->w, &yes);

		if (rc != 0)
			return rc;
		behind.oid = o->oid;
		if (yes && !give(k, &e, &behind, &rc))
			return rc;
		o = vs_obj_beside(k->c, o->oid, k->rev, false);
	}
	return at_end(k);
}

/* ---- entries ---------------------------------------------------------------------------- */

static struct vs_ver anchor_ver(const struct vs_anchor *a)
{
	return (struct vs_ver){ .epoch = a->epoch, .minor = a->minor, .seq = a->seq };
}

static struct vs_anchor entry_anchor(const struct walk *k, uint64_t idx, const struct vs_ver *ver)
{
	struct vs_anchor a = { .check = k->a.check, .idx = idx };

	a.epoch = ver->epoch;
	a.minor = ver->minor;
	a.seq = ver->seq;
	return a;
}

static void entry_ver(struct vos_entry *e, const struct vs_ver *ver, const struct vs_dtx *dtx)
{
	e->epoch = ver->epoch;
	e->minor = ver->minor;
	if (dtx != NULL) {
		e->flags |= VOS_ENTRY_PREPARED;
		e->dtx = dtx->id;
	}
}

static struct vos_entry single_entry(const struct walk *k, const struct vs_single *s)
{
	struct vos_entry e = { .type = VOS_ITER_SINGLE, .oid = k->it->op->oid,
			       .value = VOS_SINGLE };

	entry_ver(&e, &s->ver, s->dtx);
	if (s->val == NULL)
		e.flags |= VOS_ENTRY_HOLE;
	else
		e.size = s->val->buf.bytes;
	if (s->csum != NULL)
		e.csum = s->csum->c;
	return e;
}

/* First index to look at in an array sorted by version, given the first above the anchor's. */
static uint32_t start_idx(const struct walk *k, uint32_t nr, uint32_t above, bool at_anchor)
{
	if (k->a.state == VOS_ANCHOR_BEGIN)
		return k->rev ? nr : 0;
	if (!k->rev)
		return above;
	return at_anchor ? above - 1 : above;
}

static int walk_singles(struct walk *k, struct vs_akey *a)
{
	struct vs_ver ver = anchor_ver(&k->a);
	uint32_t above = vs_single_above(a, &ver);
	bool at = above > 0 && vs_ver_cmp(&a->singles[above - 1].ver, &ver) == 0;
	uint32_t i = start_idx(k, a->single_nr, above, at);
	const struct vs_single *s = NULL;
	int rc = 0;

	if (!k->versions) {
		if (k->a.state == VOS_ANCHOR_BEGIN)
			rc = vs_single_see(a, &k->w, false, &s);
		if (rc == 0 && s != NULL) {
			struct vos_entry e = single_entry(k, s);
			struct vs_anchor behind = entry_anchor(k, 0, &s->ver);

			if (!give(k, &e, &behind, &rc))
				return rc;
		}
		return rc != 0 ? rc : at_end(k);
	}
	/* @i is a place between entries: the next is at it, or (reverse) below it. */
	while (k->rev ? i > 0 : i < a->single_nr) {
		struct vos_entry e;
		struct vs_anchor behind;

		s = &a->singles[k->rev ? --i : i++];
		if (!in_range(k, s->ver.epoch))
			continue;
		e = single_entry(k, s);
		behind = entry_anchor(k, 0, &s->ver);
		if (!give(k, &e, &behind, &rc))
			return rc;
	}
	return at_end(k);
}

static int walk_punches(struct walk *k, const struct vs_plog *p)
{
	struct vs_ver ver = anchor_ver(&k->a);
	uint32_t above = vs_plog_above(p, &ver);
	bool at = above > 0 && vs_ver_cmp(&p->v[above - 1].ver, &ver) == 0;
	uint32_t i = start_idx(k, p->nr, above, at);
	int rc = 0;

	while (k->rev ? i > 0 : i < p->nr) {
		const struct vs_punch *x = &p->v[k->rev ? --i : i++];
		struct vos_entry e = { .type = VOS_ITER_PUNCH, .oid = k->it->op->oid };
		struct vs_anchor behind = entry_anchor(k, 0, &x->ver);

		if (!in_range(k, x->ver.epoch))
			continue;
		entry_ver(&e, &x->ver, x->dtx);
		if (!give(k, &e, &behind, &rc))
			return rc;
	}
	return at_end(k);
}

static struct vos_entry ext_entry(const struct walk *k, const struct vs_ext *x, uint64_t idx,
				  uint64_t last)
{
	struct vos_entry e = { .type = VOS_ITER_RECX, .oid = k->it->op->oid, .value = VOS_ARRAY };

	entry_ver(&e, &x->ver, x->dtx);
	e.recx = (struct recx){ idx, last - idx + 1 };
	e.stored = (struct recx){ x->idx, x->last - x->idx + 1 };
	e.size = x->rec_bytes;
	if (x->val == NULL)
		e.flags |= VOS_ENTRY_HOLE;
	if (x->csum != NULL)
		e.csum = x->csum->c;
	return e;
}

/* The records still to look at; false: none. */
static bool rest_of(const struct walk *k, uint64_t *lo, uint64_t *last)
{
	*lo = k->it->range.nr == 0 ? 0 : k->it->range.idx;
	*last = k->it->range.nr == 0 ? UINT64_MAX : *lo + k->it->range.nr - 1;
	if (k->a.state == VOS_ANCHOR_BEGIN)
		return true;
	if (k->rev) {
		if (k->a.idx <= *lo)
			return false;
		*last = min_u64(*last, k->a.idx - 1);
	} else {
		if (k->a.idx >= *last)
			return false;
		*lo = max_u64(*lo, k->a.idx + 1);
	}
	return *lo <= *last;
}

/* The anchor's idx is the last record reported, in the direction of the walk. */
static int walk_visible(struct walk *k, struct vs_akey *a)
{
	struct vs_ask ask = { .enough = SPANS_AT_ONCE + 1, .rev = k->rev };
	struct vs_spans spans = { 0 };
	bool on = true;
	bool more = true;
	uint32_t i;
	int rc = 0;

	while (on && more && rest_of(k, &ask.lo, &ask.last)) {
		spans.nr = 0;
		rc = vs_exts_see(k->v, a, &k->w, &ask, &spans);
		if (rc != 0)
			break;
		/* The last of a full load may go on behind it. */
		more = spans.nr > SPANS_AT_ONCE;
		for (i = 0; on && i < spans.nr - (more ? 1 : 0); i++) {
			struct vs_span *s = &spans.v[i];
			struct vos_entry e = ext_entry(k, s->ext, s->idx, s->last);
			struct vs_anchor behind = entry_anchor(k, k->rev ? s->idx : s->last,
							       &s->ext->ver);

			on = give(k, &e, &behind, &rc);
		}
	}
	vs_spans_free(k->v, &spans);
	return rc != 0 || !on ? rc : at_end(k);
}

/* First extent behind the anchor. */
static struct vs_node *ext_seek(const struct walk *k, const struct vs_akey *a)
{
	struct vs_ver ver = anchor_ver(&k->a);
	struct vs_node *n = a->exts.root;
	struct vs_node *best = NULL;

	if (k->a.state == VOS_ANCHOR_BEGIN)
		return k->rev ? vs_tree_last(&a->exts) : vs_tree_first(&a->exts);
	while (n != NULL) {
		int c = vs_ext_cmp(k->a.idx, &ver, container_of(n, struct vs_ext, node));
		bool fits = k->rev ? c > 0 : c < 0;

		if (fits)
			best = n;
		n = fits == k->rev ? n->right : n->left;
	}
	return best;
}

static int walk_extents(struct walk *k, struct vs_akey *a)
{
	uint64_t lo = k->it->range.nr == 0 ? 0 : k->it->range.idx;
	uint64_t last = k->it->range.nr == 0 ? UINT64_MAX : lo + k->it->range.nr - 1;
	struct vs_node *n;
	int rc = 0;

	for (n = ext_seek(k, a); n != NULL; n = k->rev ? vs_tree_prev(n) : vs_tree_next(n)) {
		const struct vs_ext *x = container_of(n, struct vs_ext, node);
		struct vos_entry e;
		struct vs_anchor behind;

		if (!in_range(k, x->ver.epoch) || x->idx > last || x->last < lo)
			continue;
		e = ext_entry(k, x, x->idx, x->last);
		behind = entry_anchor(k, x->idx, &x->ver);
		if (!give(k, &e, &behind, &rc))
			return rc;
	}
	return at_end(k);
}

/* ---- the call --------------------------------------------------------------------------- */

static int walk_obj(struct walk *k, struct vs_obj *o)
{
	const struct vos_iter *it = k->it;
	struct vs_dkey *d = NULL;
	struct vs_akey *a = NULL;

	if (it->type == VOS_ITER_DKEY)
		return walk_keys(k, &o->dkeys);
	if (it->type == VOS_ITER_PUNCH && it->op->dkey.ptr == NULL)
		return walk_punches(k, &o->punches);
	d = vs_dkey_find(o, it->op->dkey);
	if (d == NULL)
		return at_end(k);
	if (it->type == VOS_ITER_AKEY)
		return walk_keys(k, &d->akeys);
	if (it->type == VOS_ITER_PUNCH && it->akey.ptr == NULL)
		return walk_punches(k, &d->punches);
	a = vs_akey_find(d, it->akey);
	if (a == NULL)
		return at_end(k);
	switch (it->type) {
	case VOS_ITER_SINGLE:
		return walk_singles(k, a);
	case VOS_ITER_PUNCH:
		return walk_punches(k, &a->punches);
	case VOS_ITER_RECX:
	default:
		return k->versions ? walk_extents(k, a) : walk_visible(k, a);
	}
}

/* How deep the iteration goes: keys that it names. */
static struct vs_path path_of(const struct vos_iter *it)
{
	struct vs_path p = { .oid = it->op->oid };

	if (it->type == VOS_ITER_AKEY || it->type > VOS_ITER_AKEY)
		p.dkey = it->op->dkey;
	if (p.dkey.ptr != NULL && it->type > VOS_ITER_AKEY &&
	    (it->type != VOS_ITER_PUNCH || it->akey.ptr != NULL)) {
		p.akey = it->akey;
		p.has_akey = true;
	}
	return p;
}

static int check_iter(const struct vos_iter *it, const struct vs_path *p)
{
	enum vs_order dk;
	enum vs_order ak;
	bool flat;
	int rc;

	if (it->type < VOS_ITER_OBJ || it->type > VOS_ITER_PUNCH ||
	    (it->flags & ~(uint32_t)(VOS_ITER_REVERSE | VOS_ITER_VERSIONS)) != 0)
		return -DER_INVAL;
	if (it->range.nr > 0 && it->range.idx > UINT64_MAX - (it->range.nr - 1))
		return -DER_INVAL;
	if (it->type == VOS_ITER_OBJ)
		return 0;
	rc = vs_check_op(it->op, p->dkey.ptr != NULL ||
					 (it->type > VOS_ITER_DKEY && it->type != VOS_ITER_PUNCH));
	if (rc == 0 && p->has_akey) {
		(void)vs_oid_orders(it->op->oid, &dk, &ak, &flat);	/* was checked */
		rc = vs_key_check(ak, p->akey, flat);
	}
	return rc;
}

/* Anchors of one iteration do not fit another. */
static uint32_t check_of(const struct vos_iter *it, const struct vs_path *p)
{
	uint64_t h = mix64_2((uint64_t)it->type << 32 | it->flags, p->oid.hi ^ mix64(p->oid.lo));

	if (it->type == VOS_ITER_OBJ)
		return it->flags + 1;
	h = hash_bytes(p->dkey.ptr, p->dkey.len, h);
	h = hash_bytes(p->akey.ptr, p->akey.len, h);
	return (uint32_t)(h ^ h >> 32);
}

int vos_iterate(struct vos_cont *cont, const struct vos_iter *it, struct vos_anchor *anchor,
		vos_iter_fn fn, void *arg)
{
	struct vs_cont *c = cont->c;
	struct vs_path p = path_of(it);
	struct walk k = { .c = c, .v = c->v, .it = it, .fn = fn, .arg = arg };
	struct vs_obj *o;
	int rc = check_iter(it, &p);
	int wait;

	if (rc != 0)
		return rc;
	k.w = vs_view_of(c, it->op);
	k.rev = (it->flags & VOS_ITER_REVERSE) != 0;
	k.versions = (it->flags & VOS_ITER_VERSIONS) != 0;
	vs_anchor_load(anchor, &k.a);
	if (k.a.state == VOS_ANCHOR_BEGIN)
		k.a = (struct vs_anchor){ .check = check_of(it, &p) };
	if (k.a.state > VOS_ANCHOR_END || k.a.check != check_of(it, &p))
		return -DER_INVAL;
	if (k.a.state == VOS_ANCHOR_END)
		return 0;
	if (!k.versions)
		rc = vs_check_read(c, it->op->epoch);
	if (rc == 0 && it->type == VOS_ITER_OBJ)
		vs_ts_read_cont(c, it->op);
	else if (rc == 0)
		rc = vs_ts_read(c, it->op, &p);
	if (rc != 0)
		return rc;
	k.seq = c->gone_seq;
	if (it->type == VOS_ITER_OBJ) {
		k.seq = c->last_seq;
		rc = walk_objs(&k);
	} else {
		o = vs_obj_find(c, it->op->oid);
		if (o != NULL)
			k.seq = max_u64(k.seq, o->last_seq);
		rc = o == NULL ? at_end(&k) : walk_obj(&k, o);
	}
	rt_charge(c->v->rt, RT_COST_VOS_ENUM, k.count);
	wait = vs_log_wait(c->v, k.seq);
	if (wait != 0)
		return wait;
	vs_anchor_save(&k.a, anchor);
	return rc;
}

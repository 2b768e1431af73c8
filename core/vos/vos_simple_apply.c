/*
 * Changes to the store in memory: the same code serves live calls and replay. Nothing here decides
 * whether a change is allowed. An update or punch that fails leaves no trace: all that it added
 * carries its sequence number and is taken out again.
 */
#include "core/vos/vos_simple_int.h"

/* ---- transactions ----------------------------------------------------------------------- */

static struct vs_dtx *dtx_of(struct vs_node *n)
{
	return n == NULL ? NULL : container_of(n, struct vs_dtx, node);
}

static int id_cmp(const struct vos_dtx_id *a, const struct vos_dtx_id *b)
{
	int c = memcmp(a->client.b, b->client.b, sizeof(a->client.b));

	return c != 0 ? c : vs_cmp_u64(a->hlc, b->hlc);
}

struct vs_dtx *vs_dtx_find(struct vs_cont *c, const struct vos_dtx_id *id)
{
	struct vs_node *n = c->dtxs.root;

	while (n != NULL) {
		int cmp = id_cmp(id, &dtx_of(n)->id);

		if (cmp == 0)
			return dtx_of(n);
		n = cmp < 0 ? n->left : n->right;
	}
	return NULL;
}

int vs_dtx_make(struct vs_cont *c, const struct vos_dtx_id *id, struct vs_dtx **ret_dtx)
{
	struct vs_node **link = &c->dtxs.root;
	struct vs_node *up = NULL;
	struct vs_dtx *d;

	while (*link != NULL) {
		int cmp = id_cmp(id, &dtx_of(*link)->id);

		if (cmp == 0) {
			*ret_dtx = dtx_of(*link);
			return 0;
		}
		up = *link;
		link = cmp < 0 ? &up->left : &up->right;
	}
	d = vs_alloc(c->v, sizeof(*d));
	if (d == NULL)
		return -DER_NOMEM;
	d->id = *id;
	d->state = VOS_DTX_PREPARED;
	c->prepared++;
	vs_tree_link(&c->dtxs, &d->node, up, link);
	*ret_dtx = d;
	return 0;
}

/* It is decided: what only a prepared transaction needs goes. */
static void dtx_settle(struct vs_cont *c, struct vs_dtx *d, enum vos_dtx_state state)
{
	struct vos *v = c->v;

	ASSERT(d->state == VOS_DTX_PREPARED && c->prepared > 0);
	c->prepared--;
	d->state = state;
	vs_free(v, d->ents, d->cap * sizeof(*d->ents));
	d->ents = NULL;
	d->nr = 0;
	d->cap = 0;
}

void vs_dtx_drop(struct vs_cont *c, struct vs_dtx *d)
{
	struct vos *v = c->v;

	if (d->state == VOS_DTX_PREPARED)
		dtx_settle(c, d, VOS_DTX_ABORTED);
	vs_tree_erase(&c->dtxs, &d->node);
	vs_free(v, (void *)(uintptr_t)d->info.ptr, d->info.len);
	vs_free(v, d, sizeof(*d));
}

/* The change's transaction, with room for @room more entries; NULL in *ret_dtx when it has none. */
static int change_dtx(struct vs_cont *c, const struct vs_change *ch, uint64_t room,
		      struct vs_dtx **ret_dtx)
{
	struct vos *v = c->v;
	struct vs_dtx *d = NULL;
	void *info;
	int rc;

	*ret_dtx = NULL;
	if (!ch->has_dtx)
		return 0;
	rc = vs_dtx_make(c, &ch->dtx.id, &d);
	if (rc != 0)
		return rc;
	if (d->seq == 0) {
		d->epoch = ch->ver.epoch;
		d->oid = ch->oid;
		if (ch->dtx.info.len > 0) {
			info = vs_alloc(v, ch->dtx.info.len);
			if (info == NULL)
				goto nomem;
			memcpy(info, ch->dtx.info.ptr, ch->dtx.info.len);
			d->info = (struct bytes){ .ptr = info, .len = ch->dtx.info.len };
		}
	}
	if (vs_grow(v, &d->ents, &d->cap, d->nr + (uint32_t)room, sizeof(*d->ents)) != 0)
		goto nomem;
	*ret_dtx = d;
	return 0;
nomem:
	if (d->seq == 0)
		vs_dtx_drop(c, d);
	return -DER_NOMEM;
}

static void dtx_note(struct vs_dtx *d, const struct vs_dent *e)
{
	if (d == NULL)
		return;
	ASSERT(d->nr < d->cap);
	d->ents[d->nr++] = *e;
}

/* ---- updates ---------------------------------------------------------------------------- */

static int put_single(struct vos *v, struct vs_akey *a, const struct vs_change *ch,
		      const struct vs_put *p, struct vs_dtx *d)
{
	struct vs_single s = { .ver = ch->ver, .dtx = d, .val = p->val };
	int rc = vs_csum_copy(v, p->val == NULL ? NULL : p->csums, &s.csum);

	if (rc == 0)
		rc = vs_single_add(v, a, &s);
	if (rc != 0) {
		vs_csum_free(v, s.csum);
		return rc;
	}
	if (p->val != NULL)
		p->val->refs++;
	return 0;
}

static int put_array(struct vos *v, struct vs_akey *a, const struct vs_change *ch,
		     const struct vs_put *p, struct vs_dtx *d)
{
	uint64_t off = 0;
	uint32_t i;

	for (i = 0; i < p->nr; i++) {
		struct vs_ext e = { .idx = p->recxs[i].idx,
				    .last = p->recxs[i].idx + p->recxs[i].nr - 1,
				    .ver = ch->ver, .dtx = d, .val = p->val, .off = off,
				    .rec_bytes = p->size };
		const struct vos_csum *cs = p->csums == NULL ? NULL : &p->csums[i];
		int rc = vs_csum_copy(v, p->val == NULL ? NULL : cs, &e.csum);

		if (rc == 0)
			rc = vs_ext_add(v, a, &e);
		if (rc != 0) {
			vs_csum_free(v, e.csum);
			return rc;
		}
		if (p->val != NULL)
			p->val->refs++;
		off += p->recxs[i].nr * p->size;
	}
	return 0;
}

/* Take out what record @ch->ver.seq added to an akey. */
static void unput(struct vos *v, struct vs_akey *a, const struct vs_change *ch,
		  const struct vs_put *p)
{
	uint32_t i;

	if (p->type == VOS_SINGLE) {
		i = vs_single_above(a, &ch->ver);
		if (i > 0 && vs_ver_cmp(&a->singles[i - 1].ver, &ch->ver) == 0)
			vs_single_del(v, a, i - 1);
		return;
	}
	for (i = 0; i < p->nr; i++) {
		struct vs_ext *e = vs_ext_find(a, p->recxs[i].idx, &ch->ver);

		if (e != NULL)
			vs_ext_del(v, a, e);
	}
}

static void undo_update(struct vos *v, struct vs_obj *o, struct vs_dkey *d,
			const struct vs_change *ch)
{
	uint32_t i;

	for (i = 0; d != NULL && i < ch->nr; i++) {
		struct vs_akey *a = vs_akey_find(d, ch->puts[i].akey);

		if (a != NULL) {
			unput(v, a, ch, &ch->puts[i]);
			(void)vs_akey_prune(v, a);
		}
	}
	if (d != NULL)
		(void)vs_dkey_prune(v, d);
	if (o != NULL)
		(void)vs_obj_prune(v, o);
}

static void raise(struct vs_ver *max, const struct vs_ver *ver)
{
	if (vs_ver_cmp(max, ver) < 0)
		*max = *ver;
}

/* Does the new entry replace this one? Not if only one of them may go away by an abort. So a key
 * that a prepared transaction names is never empty before its end. */
static bool replaces(const struct vs_change *ch, const struct vs_dtx *dtx, const struct vs_ver *ver,
		     const struct vs_dtx *old_dtx)
{
	return vs_ver_same(ver, &ch->ver) && ver->seq < ch->ver.seq && old_dtx == dtx;
}

/* Entries of an equal version that the new ones replace whole. */
static void drop_replaced(struct vos *v, struct vs_akey *a, const struct vs_change *ch,
			  const struct vs_put *p, const struct vs_dtx *dtx)
{
	struct vs_ver low = { .epoch = ch->ver.epoch, .minor = ch->ver.minor };
	uint32_t i;

	if (p->type == VOS_SINGLE) {
		i = vs_single_above(a, &low);
		while (a->singles[i].ver.seq != ch->ver.seq) {
			if (replaces(ch, dtx, &a->singles[i].ver, a->singles[i].dtx))
				vs_single_del(v, a, i);
			else
				i++;
		}
		return;
	}
	for (i = 0; i < p->nr; i++) {
		uint64_t last = p->recxs[i].idx + p->recxs[i].nr - 1;
		struct vs_ext *e = vs_ext_overlap(&a->exts, p->recxs[i].idx, last, NULL);

		while (e != NULL) {
			struct vs_ext *next = vs_ext_overlap(&a->exts, p->recxs[i].idx, last, e);

			if (replaces(ch, dtx, &e->ver, e->dtx) && e->idx >= p->recxs[i].idx &&
			    e->last <= last)
				vs_ext_del(v, a, e);
			e = next;
		}
	}
}

/* All entries are in: what follows cannot fail. */
static void settle_update(struct vs_cont *c, struct vs_dkey *d, const struct vs_change *ch,
			  struct vs_dtx *dtx)
{
	struct vs_obj *o = d->obj;
	uint32_t i;
	uint32_t k;

	for (i = 0; i < ch->nr; i++) {
		const struct vs_put *p = &ch->puts[i];
		struct vs_akey *a = vs_akey_find(d, p->akey);
		struct vs_dent ent = { .owner = a, .obj = o, .ver = ch->ver };
		bool other = a->type != VOS_NONE && a->type != p->type;

		if (p->type == VOS_ARRAY && p->size != 0 && a->size != 0 && a->size != p->size)
			other = true;
		a->mixed = a->mixed || other;
		a->type = p->type;
		if (p->size != 0 && p->type == VOS_ARRAY)
			a->size = p->size;
		if (vs_ver_cmp(&a->vmax, &ch->ver) > 0 || vs_ver_same(&a->vmax, &ch->ver))
			drop_replaced(c->v, a, ch, p, dtx);
		raise(&a->vmax, &ch->ver);
		dtx_note(p->type == VOS_SINGLE ? dtx : NULL, &ent);
		for (k = 0; p->type == VOS_ARRAY && k < p->nr; k++) {
			ent.idx = p->recxs[k].idx;
			dtx_note(dtx, &ent);
		}
	}
	raise(&d->vmax, &ch->ver);
	raise(&o->vmax, &ch->ver);
}

static void settle_obj(struct vs_cont *c, struct vs_obj *o, const struct vs_change *ch,
		       struct vs_dtx *dtx)
{
	o->last_seq = ch->ver.seq;
	c->last_seq = ch->ver.seq;
	if (dtx != NULL) {
		dtx->seq = ch->ver.seq;
		dtx->epoch = min_u64(dtx->epoch, ch->ver.epoch);
		return;
	}
	o->epoch_max = max_u64(o->epoch_max, ch->ver.epoch);
	c->epoch_max = max_u64(c->epoch_max, ch->ver.epoch);
}

int vs_apply_update(struct vs_cont *c, const struct vs_change *ch)
{
	struct vos *v = c->v;
	struct vs_dtx *dtx = NULL;
	struct vs_obj *o = NULL;
	struct vs_dkey *d = NULL;
	uint64_t room = 0;
	uint32_t i;
	int rc;

	for (i = 0; i < ch->nr; i++)
		room += ch->puts[i].type == VOS_ARRAY ? ch->puts[i].nr : 1;
	rc = change_dtx(c, ch, room, &dtx);
	if (rc != 0)
		return rc;
	rc = vs_obj_make(c, ch->oid, &o);
	if (rc == 0)
		rc = vs_dkey_make(o, ch->dkey, &d);
	for (i = 0; rc == 0 && i < ch->nr; i++) {
		const struct vs_put *p = &ch->puts[i];
		struct vs_akey *a;

		rc = vs_akey_make(d, p->akey, &a);
		if (rc == 0 && p->type == VOS_SINGLE)
			rc = put_single(v, a, ch, p, dtx);
		else if (rc == 0)
			rc = put_array(v, a, ch, p, dtx);
	}
	if (rc != 0) {
		undo_update(v, o, d, ch);
		if (dtx != NULL && dtx->seq == 0)
			vs_dtx_drop(c, dtx);
		return rc;
	}
	settle_update(c, d, ch, dtx);
	settle_obj(c, o, ch, dtx);
	return 0;
}

/* ---- punches ---------------------------------------------------------------------------- */

struct punch_at {
	enum vs_level level;
	void *owner;
	struct vs_plog *log;
};

static int punch_one(struct vs_cont *c, struct vs_obj *o, const struct punch_at *at,
		     const struct vs_change *ch, struct vs_dtx *dtx)
{
	struct vs_punch p = { .ver = ch->ver, .dtx = dtx };
	struct vs_dent ent = { .level = at->level, .owner = at->owner, .obj = o, .ver = ch->ver };
	int rc = vs_plog_add(c->v, at->log, &p);

	if (rc == 0)
		dtx_note(dtx, &ent);
	return rc;
}

/* Take the punch of @ch out again. */
static void unpunch(struct vs_plog *p, const struct vs_change *ch)
{
	uint32_t i = vs_plog_above(p, &ch->ver);

	if (i > 0 && vs_ver_cmp(&p->v[i - 1].ver, &ch->ver) == 0)
		vs_plog_del(p, i - 1);
}

/* Punches of an equal version below the one of @ch do nothing more. */
static void repunch(struct vs_plog *p, const struct vs_change *ch, const struct vs_dtx *dtx)
{
	uint32_t i = vs_plog_above(p, &ch->ver);

	for (; i > 0 && vs_ver_same(&p->v[i - 1].ver, &ch->ver); i--)
		if (replaces(ch, dtx, &p->v[i - 1].ver, p->v[i - 1].dtx))
			vs_plog_del(p, i - 1);
}

static void undo_akeys(struct vos *v, struct vs_dkey *d, const struct vs_change *ch)
{
	uint32_t i;

	for (i = 0; d != NULL && i < ch->nr; i++) {
		struct vs_akey *a = vs_akey_find(d, ch->puts[i].akey);

		if (a == NULL)
			continue;
		unpunch(&a->punches, ch);
		(void)vs_akey_prune(v, a);
	}
}

int vs_apply_punch(struct vs_cont *c, const struct vs_change *ch)
{
	struct vos *v = c->v;
	struct vs_dtx *dtx = NULL;
	struct vs_obj *o = NULL;
	struct vs_dkey *d = NULL;
	struct punch_at at;
	uint32_t i;
	uint32_t old_nr;
	int rc = change_dtx(c, ch, ch->nr == 0 ? 1 : ch->nr, &dtx);

	if (rc != 0)
		return rc;
	old_nr = dtx == NULL ? 0 : dtx->nr;
	rc = vs_obj_make(c, ch->oid, &o);
	if (rc == 0 && ch->dkey.ptr != NULL)
		rc = vs_dkey_make(o, ch->dkey, &d);
	if (rc == 0 && ch->nr == 0) {
		at = d == NULL ? (struct punch_at){ VS_LEVEL_OBJ, o, &o->punches }
			       : (struct punch_at){ VS_LEVEL_DKEY, d, &d->punches };
		rc = punch_one(c, o, &at, ch, dtx);
		if (rc == 0)
			repunch(at.log, ch, dtx);
	}
	for (i = 0; rc == 0 && i < ch->nr; i++) {
		struct vs_akey *a;

		rc = vs_akey_make(d, ch->puts[i].akey, &a);
		if (rc != 0)
			break;
		at = (struct punch_at){ VS_LEVEL_AKEY, a, &a->punches };
		rc = punch_one(c, o, &at, ch, dtx);
	}
	if (rc == 0) {
		for (i = 0; i < ch->nr; i++)
			repunch(&vs_akey_find(d, ch->puts[i].akey)->punches, ch, dtx);
		settle_obj(c, o, ch, dtx);
		return 0;
	}
	undo_akeys(v, d, ch);
	if (d != NULL)
		(void)vs_dkey_prune(v, d);
	if (o != NULL)
		(void)vs_obj_prune(v, o);
	if (dtx != NULL)
		dtx->nr = old_nr;
	if (dtx != NULL && dtx->seq == 0)
		vs_dtx_drop(c, dtx);
	return rc;
}

/* ---- commit, abort ---------------------------------------------------------------------- */

static struct vs_plog *ent_log(const struct vs_dent *e)
{
	if (e->level == VS_LEVEL_OBJ)
		return &((struct vs_obj *)e->owner)->punches;
	if (e->level == VS_LEVEL_DKEY)
		return &((struct vs_dkey *)e->owner)->punches;
	return &((struct vs_akey *)e->owner)->punches;
}

/* Index of the entry of exactly @ver, or UINT32_MAX when it was replaced since. */
static uint32_t punch_find(const struct vs_plog *p, const struct vs_ver *ver)
{
	uint32_t i = vs_plog_above(p, ver);

	return i > 0 && vs_ver_cmp(&p->v[i - 1].ver, ver) == 0 ? i - 1 : UINT32_MAX;
}

static uint32_t single_find(const struct vs_akey *a, const struct vs_ver *ver)
{
	uint32_t i = vs_single_above(a, ver);

	return i > 0 && vs_ver_cmp(&a->singles[i - 1].ver, ver) == 0 ? i - 1 : UINT32_MAX;
}

static void commit_ent(const struct vs_dent *e)
{
	struct vs_akey *a = e->owner;
	struct vs_ext *x;
	uint32_t i;

	if (e->level != 0) {
		i = punch_find(ent_log(e), &e->ver);
		if (i != UINT32_MAX)
			ent_log(e)->v[i].dtx = NULL;
		return;
	}
	i = single_find(a, &e->ver);
	if (i != UINT32_MAX)
		a->singles[i].dtx = NULL;
	x = vs_ext_find(a, e->idx, &e->ver);
	if (x != NULL)
		x->dtx = NULL;
}

/* Free the owner of a removed entry, and its parents, where they hold nothing now. */
static void prune_owner(struct vos *v, const struct vs_dent *e)
{
	struct vs_dkey *d = e->level == VS_LEVEL_DKEY ? e->owner : NULL;

	if (e->level == VS_LEVEL_AKEY || e->level == 0) {
		struct vs_akey *a = e->owner;

		d = a->dkey;
		(void)vs_akey_prune(v, a);
	}
	if (d != NULL)
		(void)vs_dkey_prune(v, d);
	(void)vs_obj_prune(v, e->obj);
}

static void abort_ent(struct vos *v, const struct vs_dent *e)
{
	struct vs_akey *a = e->owner;
	struct vs_ext *x;
	uint32_t i;

	if (e->level != 0) {
		i = punch_find(ent_log(e), &e->ver);
		if (i != UINT32_MAX)
			vs_plog_del(ent_log(e), i);
	} else {
		i = single_find(a, &e->ver);
		if (i != UINT32_MAX)
			vs_single_del(v, a, i);
		x = vs_ext_find(a, e->idx, &e->ver);
		if (x != NULL)
			vs_ext_del(v, a, x);
	}
	/* Later entries of the transaction keep what they name; see replaces(). */
	prune_owner(v, e);
}

void vs_apply_commit(struct vs_cont *c, struct vs_dtx *d, uint64_t seq)
{
	uint32_t i;

	for (i = 0; i < d->nr; i++) {
		struct vs_dent *e = &d->ents[i];

		commit_ent(e);
		e->obj->last_seq = seq;
		e->obj->epoch_max = max_u64(e->obj->epoch_max, e->ver.epoch);
		c->epoch_max = max_u64(c->epoch_max, e->ver.epoch);
	}
	d->seq = seq;
	c->last_seq = seq;
	dtx_settle(c, d, VOS_DTX_COMMITTED);
}

int vs_apply_abort(struct vs_cont *c, const struct vos_dtx_id *id, uint64_t seq)
{
	struct vs_dtx *d;
	uint32_t i;
	int rc = vs_dtx_make(c, id, &d);

	if (rc != 0)
		return rc;
	for (i = 0; i < d->nr; i++) {
		d->ents[i].obj->last_seq = seq;
		abort_ent(c->v, &d->ents[i]);
	}
	d->seq = seq;
	c->last_seq = seq;
	c->gone_seq = seq;
	dtx_settle(c, d, VOS_DTX_ABORTED);
	return 0;
}

void vs_apply_forget(struct vs_cont *c, uint64_t hlc)
{
	struct vs_node *n = vs_tree_first(&c->dtxs);

	while (n != NULL) {
		struct vs_node *next = vs_tree_next(n);
		struct vs_dtx *d = dtx_of(n);

		if (d->state != VOS_DTX_PREPARED && d->id.hlc <= hlc)
			vs_dtx_drop(c, d);
		n = next;
	}
}

int vs_apply_snaps(struct vs_cont *c, uint32_t nr, const uint64_t *epochs)
{
	uint64_t *s = NULL;

	if (nr > 0) {
		s = vs_alloc(c->v, nr * sizeof(*s));
		if (s == NULL)
			return -DER_NOMEM;
		memcpy(s, epochs, nr * sizeof(*s));
	}
	vs_free(c->v, c->snaps, c->snap_nr * sizeof(*s));
	c->snaps = s;
	c->snap_nr = nr;
	return 0;
}

/* Lowest and highest keys and records. */
#include "core/vos/vos_simple_int.h"

struct quest {
	struct vs_cont *c;
	struct vs_view w;
	const struct vos_op *op;
	struct vos_key_query *q;
	bool max;
	uint64_t seq;
};

/* The first or last run of visible records. */
static int find_run(struct quest *x, struct vs_akey *a)
{
	struct vs_ask ask = { .last = UINT64_MAX, .enough = 16, .rev = x->max };
	struct vs_spans s = { 0 };
	struct vs_span run = { 0 };
	bool more = true;
	uint32_t i;
	int rc = 0;

	while (more) {
		s.nr = 0;
		rc = vs_exts_see(x->c->v, a, &x->w, &ask, &s);
		if (rc != 0)
			break;
		more = s.nr == ask.enough;
		for (i = 0; i < s.nr; i++) {
			struct vs_span *p = &s.v[i];

			if (run.ext == NULL) {
				run = *p;
			} else if (x->max && p->last + 1 == run.idx) {
				run.idx = p->idx;
			} else if (!x->max && run.last + 1 == p->idx) {
				run.last = p->last;
			} else {
				more = false;
				break;
			}
		}
		if (x->max && run.idx > 0)
			ask.last = run.idx - 1;
		else if (!x->max && run.last < UINT64_MAX)
			ask.lo = run.last + 1;
		else
			more = false;
	}
	vs_spans_free(x->c->v, &s);
	if (rc == 0 && run.ext == NULL)
		rc = -DER_NONEXIST;
	if (rc == 0) {
		x->q->recx = (struct recx){ run.idx, run.last - run.idx + 1 };
		x->q->size = run.ext->rec_bytes;
	}
	return rc;
}

static int try_akey(struct quest *x, struct vs_akey *a)
{
	bool yes = false;
	int rc;

	if ((x->q->flags & DAOS_GET_RECX) != 0)
		return find_run(x, a);
	rc = vs_akey_exists(x->c->v, a, &x->w, &yes);
	return rc != 0 ? rc : yes ? 0 : -DER_NONEXIST;
}

static int try_dkey(struct quest *x, struct vs_dkey *d)
{
	struct vs_node *n;
	struct vs_akey *a;
	bool yes = false;
	int rc = -DER_NONEXIST;

	if ((x->q->flags & (DAOS_GET_AKEY | DAOS_GET_RECX)) == 0) {
		rc = vs_dkey_exists(x->c->v, d, &x->w, &yes);
		return rc != 0 ? rc : yes ? 0 : -DER_NONEXIST;
	}
	if ((x->q->flags & DAOS_GET_AKEY) == 0) {
		a = vs_akey_find(d, x->q->akey_name);
		return a == NULL ? -DER_NONEXIST : try_akey(x, a);
	}
	n = x->max ? vs_tree_last(&d->akeys) : vs_tree_first(&d->akeys);
	while (n != NULL && rc == -DER_NONEXIST) {
		struct vs_key *k = container_of(n, struct vs_key, node);

		rc = try_akey(x, container_of(k, struct vs_akey, key));
		if (rc == 0)
			x->q->akey = k->order;
		n = x->max ? vs_tree_prev(n) : vs_tree_next(n);
	}
	return rc;
}

static int try_obj(struct quest *x, struct vs_obj *o)
{
	struct vs_node *n;
	struct vs_dkey *d;
	int rc = -DER_NONEXIST;

	if ((x->q->flags & DAOS_GET_DKEY) == 0) {
		d = vs_dkey_find(o, x->op->dkey);
		return d == NULL ? -DER_NONEXIST : try_dkey(x, d);
	}
	n = x->max ? vs_tree_last(&o->dkeys) : vs_tree_first(&o->dkeys);
	while (n != NULL && rc == -DER_NONEXIST) {
		struct vs_key *k = container_of(n, struct vs_key, node);

		rc = try_dkey(x, container_of(k, struct vs_dkey, key));
		if (rc == 0)
			x->q->dkey = k->order;
		n = x->max ? vs_tree_prev(n) : vs_tree_next(n);
	}
	return rc;
}

static int check_query(const struct vos_op *op, const struct vos_key_query *q, struct vs_path *p)
{
	const uint32_t what = DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX;
	bool dkey = (q->flags & DAOS_GET_DKEY) == 0;
	bool named = (q->flags & DAOS_GET_AKEY) == 0 && (q->flags & DAOS_GET_RECX) != 0;
	enum vs_order dk;
	enum vs_order ak;
	bool flat;
	int rc = vs_check_op(op, dkey);

	if (rc != 0)
		return rc;
	(void)vs_oid_orders(op->oid, &dk, &ak, &flat);	/* was checked */
	if ((q->flags & what) == 0 || (q->flags & ~(what | DAOS_GET_MIN | DAOS_GET_MAX)) != 0 ||
	    ((q->flags & DAOS_GET_MIN) != 0) == ((q->flags & DAOS_GET_MAX) != 0))
		return -DER_INVAL;
	if ((!dkey && dk != VS_ORDER_UINT) ||
	    ((q->flags & DAOS_GET_AKEY) != 0 && ak != VS_ORDER_UINT))
		return -DER_INVAL;
	*p = (struct vs_path){ .oid = op->oid };
	if (dkey)
		p->dkey = op->dkey;
	if (dkey && named) {
		p->akey = q->akey_name;
		p->has_akey = true;
	}
	return named ? vs_key_check(ak, q->akey_name, flat) : 0;
}

int vos_query_key(struct vos_cont *cont, const struct vos_op *op, struct vos_key_query *query)
{
	struct vs_cont *c = cont->c;
	struct vos_key_query q = *query;
	struct quest x = { .c = c, .op = op, .q = &q, .max = (q.flags & DAOS_GET_MAX) != 0 };
	struct vs_path p;
	struct vs_obj *o;
	int rc = check_query(op, &q, &p);
	int wait;

	if (rc == 0)
		rc = vs_check_read(c, op->epoch);
	if (rc == 0)
		rc = vs_ts_read(c, op, &p);
	if (rc != 0)
		return rc;
	x.w = vs_view_of(c, op);
	o = vs_obj_find(c, op->oid);
	x.seq = max_u64(c->gone_seq, o == NULL ? 0 : o->last_seq);
	rc = o == NULL ? -DER_NONEXIST : try_obj(&x, o);
	rt_charge(c->v->rt, RT_COST_VOS_ENUM, 1);
	wait = vs_log_wait(c->v, x.seq);
	if (wait != 0)
		return wait;
	if (rc == 0)
		*query = q;
	return rc;
}

/* ---- newest epoch of an object ---------------------------------------------------------- */

static uint64_t plog_newest(const struct vs_plog *p)
{
	uint32_t i;

	for (i = p->nr; i > 0; i--)
		if (p->v[i - 1].dtx == NULL)
			return p->v[i - 1].ver.epoch;
	return 0;
}

static uint64_t akey_newest(const struct vs_akey *a)
{
	uint64_t e = plog_newest(&a->punches);
	struct vs_node *n;
	uint32_t i;

	for (i = 0; i < a->single_nr; i++)
		if (a->singles[i].dtx == NULL)
			e = max_u64(e, a->singles[i].ver.epoch);
	for (n = vs_tree_first(&a->exts); n != NULL; n = vs_tree_next(n)) {
		const struct vs_ext *x = container_of(n, struct vs_ext, node);

		if (x->dtx == NULL)
			e = max_u64(e, x->ver.epoch);
	}
	return e;
}

/* After a discard: count anew. */
static uint64_t obj_newest(const struct vs_obj *o)
{
	uint64_t e = plog_newest(&o->punches);
	struct vs_node *n;
	struct vs_node *m;

	for (n = vs_tree_first(&o->dkeys); n != NULL; n = vs_tree_next(n)) {
		struct vs_key *k = container_of(n, struct vs_key, node);
		struct vs_dkey *d = container_of(k, struct vs_dkey, key);

		e = max_u64(e, plog_newest(&d->punches));
		for (m = vs_tree_first(&d->akeys); m != NULL; m = vs_tree_next(m)) {
			k = container_of(m, struct vs_key, node);
			e = max_u64(e, akey_newest(container_of(k, struct vs_akey, key)));
		}
	}
	return e;
}

int vos_obj_epoch_max(struct vos_cont *cont, struct oid oid, uint64_t *ret_epoch)
{
	struct vs_cont *c = cont->c;
	struct vs_obj *o = vs_obj_find(c, oid);
	uint64_t epoch = 0;
	int rc;

	if (o != NULL && o->epoch_stale) {
		o->epoch_max = obj_newest(o);
		o->epoch_stale = false;
	}
	if (o != NULL)
		epoch = o->epoch_max;
	rc = vs_log_wait(c->v, max_u64(c->gone_seq, o == NULL ? 0 : o->last_seq));
	if (rc == 0)
		*ret_epoch = epoch;
	return rc;
}

#include "tests/lib/vos_model.h"

#include "tests/lib/vos_world.h"

uint64_t m_rec_idx(uint32_t rec)
{
	return rec < M_HIGH ? rec : UINT64_MAX - (M_RECS - 1 - rec);
}

static int cmp(const struct m_op *a, const struct m_op *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Does @op say anything about the record? */
static bool covers(const struct m_op *op, int obj, int dkey, int akey, uint32_t rec)
{
	if (op->gone || op->obj != obj)
		return false;
	if (op->kind == M_PUNCH)
		return op->dkey == M_NONE ||
		       (op->dkey == dkey && (op->akey == M_NONE || op->akey == akey));
	return op->dkey == dkey && op->akey == akey && rec >= op->lo && rec < op->hi;
}

/* The newest change of the record below @under (NULL: of all) that the view can see. */
static const struct m_op *newest(const struct m *m, int obj, int dkey, int akey, uint32_t rec,
				 uint64_t epoch, const struct m_op *under)
{
	const struct m_op *best = NULL;
	uint32_t i;

	for (i = 0; i < m->nr; i++) {
		const struct m_op *op = &m->ops[i];

		if (!covers(op, obj, dkey, akey, rec) || op->epoch > epoch)
			continue;
		if (under != NULL && cmp(op, under) >= 0)
			continue;
		if (best == NULL || cmp(op, best) > 0)
			best = op;
	}
	return best;
}

enum m_seen m_record(const struct m *m, int obj, int dkey, int akey, uint32_t rec, struct m_view w,
		     bool exists, const struct m_op **ret_op)
{
	const struct m_op *op = NULL;
	bool write = false;	/* of another, prepared, on top */
	bool punch = false;

	while ((op = newest(m, obj, dkey, akey, rec, w.epoch, op)) != NULL) {
		if (op->dtx != M_NONE && op->dtx != w.me) {
			if (op->kind == M_WRITE && !exists)
				return M_BUSY;
			if (op->kind == M_WRITE)
				write = true;
			else
				punch = true;
			continue;
		}
		if (op->kind != M_WRITE)
			break;
		if (punch)
			return M_BUSY;
		if (ret_op != NULL)
			*ret_op = op;
		return M_FOUND;
	}
	return write ? M_BUSY : M_ABSENT;
}

static enum m_seen either(enum m_seen a, enum m_seen b)
{
	if (a == M_FOUND || b == M_FOUND)
		return M_FOUND;
	return a == M_BUSY || b == M_BUSY ? M_BUSY : M_ABSENT;
}

enum m_seen m_type_exists(const struct m *m, int obj, int dkey, int akey, bool array,
			  struct m_view w)
{
	enum m_seen s = M_ABSENT;
	uint32_t r;

	if (!array)
		return m_record(m, obj, dkey, akey, M_SINGLE, w, true, NULL);
	for (r = 0; r < M_RECS && s != M_FOUND; r++)
		s = either(s, m_record(m, obj, dkey, akey, r, w, true, NULL));
	return s;
}

enum m_seen m_akey_exists(const struct m *m, int obj, int dkey, int akey, struct m_view w)
{
	return either(m_type_exists(m, obj, dkey, akey, false, w),
		      m_type_exists(m, obj, dkey, akey, true, w));
}

enum m_seen m_dkey_exists(const struct m *m, int obj, int dkey, struct m_view w)
{
	enum m_seen s = M_ABSENT;
	int a;

	for (a = 0; a < (int)M_AKEYS; a++)
		s = either(s, m_akey_exists(m, obj, dkey, a, w));
	return s;
}

enum m_seen m_obj_exists(const struct m *m, int obj, struct m_view w)
{
	enum m_seen s = M_ABSENT;
	int d;

	for (d = 0; d < (int)M_DKEYS; d++)
		s = either(s, m_dkey_exists(m, obj, d, w));
	return s;
}

bool m_obj_punched(const struct m *m, int obj, struct m_view w)
{
	uint32_t i;

	for (i = 0; i < m->nr; i++) {
		const struct m_op *op = &m->ops[i];

		if (!op->gone && op->obj == obj && op->kind == M_PUNCH && op->dkey == M_NONE &&
		    op->epoch <= w.epoch && (op->dtx == M_NONE || op->dtx == w.me))
			return true;
	}
	return false;
}

/* ---- read timestamps -------------------------------------------------------------------- */

static void note(uint64_t *epoch, int *who, struct m_view w)
{
	if (w.epoch > *epoch) {
		*epoch = w.epoch;
		*who = w.me;
	} else if (w.epoch == *epoch && *who != w.me) {
		*who = M_NONE;
	}
}

static bool blocked(uint64_t epoch, int who, struct m_view w)
{
	if (epoch == 0 || epoch < w.epoch)
		return false;
	return epoch > w.epoch || w.me == M_NONE || who != w.me;
}

static void note_any(struct m_ts *t, struct m_view w)
{
	note(&t->any, &t->any_who, w);
}

static void note_all(struct m_ts *t, struct m_view w)
{
	note(&t->all, &t->all_who, w);
}

void m_ts_read(struct m *m, int obj, int dkey, int akey, struct m_view w)
{
	struct m_ts *last = &m->ts_cont;

	if (w.epoch == VOS_EPOCH_MAX)
		return;
	if (obj != M_NONE) {
		last = &m->ts_obj[obj];
		note_any(last, w);
	}
	if (dkey != M_NONE) {
		last = &m->ts_dkey[obj][dkey];
		note_any(last, w);
	}
	if (akey != M_NONE) {
		last = &m->ts_akey[obj][dkey][akey];
		note_any(last, w);
	}
	note_all(last, w);
}

bool m_ts_blocks(const struct m *m, int obj, int dkey, int akey, struct m_view w)
{
	const struct m_ts *o = &m->ts_obj[obj];
	const struct m_ts *d;
	const struct m_ts *a;

	if (blocked(m->ts_cont.all, m->ts_cont.all_who, w))
		return true;
	if (dkey == M_NONE)
		return blocked(o->any, o->any_who, w);
	d = &m->ts_dkey[obj][dkey];
	if (blocked(o->all, o->all_who, w))
		return true;
	if (akey == M_NONE)
		return blocked(d->any, d->any_who, w);
	a = &m->ts_akey[obj][dkey][akey];
	return blocked(d->all, d->all_who, w) || blocked(a->any, a->any_who, w);
}

/* ---- conflicts -------------------------------------------------------------------------- */

bool m_is_snap(const struct m *m, uint64_t epoch)
{
	uint32_t i;

	for (i = 0; i < m->snap_nr; i++)
		if (m->snaps[i] == epoch)
			return true;
	return false;
}

/* Is @b at or below what @a, a punch, names? */
static bool under(const struct m_op *a, const struct m_op *b)
{
	return a->obj == b->obj &&
	       (a->dkey == M_NONE ||
		(a->dkey == b->dkey && (a->akey == M_NONE || a->akey == b->akey)));
}

bool m_meets(const struct m *m, const struct m_op *op)
{
	uint32_t i;

	for (i = 0; i < m->nr; i++) {
		const struct m_op *x = &m->ops[i];

		if (x->gone || x->epoch != op->epoch || x->minor != op->minor)
			continue;
		if (op->dtx != M_NONE && x->dtx == op->dtx)
			continue;
		if (op->kind == M_PUNCH && x->kind == M_PUNCH) {
			if (x->obj == op->obj && x->dkey == op->dkey && x->akey == op->akey)
				return true;
		} else if (op->kind == M_PUNCH) {
			if (under(op, x))
				return true;
		} else if (x->kind == M_PUNCH) {
			if (under(x, op))
				return true;
		} else if (x->obj == op->obj && x->dkey == op->dkey && x->akey == op->akey &&
			   x->lo < op->hi && op->lo < x->hi) {
			return true;
		}
	}
	return false;
}

/* Is there a punch of the akey between the two versions? Of the view's (@others false) or not. */
static bool parted(const struct m *m, const struct m_op *x, const struct m_op *op, bool others)
{
	const struct m_op *lo = cmp(x, op) < 0 ? x : op;
	const struct m_op *hi = lo == x ? op : x;
	uint32_t i;

	for (i = 0; i < m->nr; i++) {
		const struct m_op *p = &m->ops[i];
		bool other = p->dtx != M_NONE && p->dtx != op->dtx;

		if (!p->gone && p->kind == M_PUNCH && under(p, op) && other == others &&
		    cmp(p, lo) > 0 && cmp(p, hi) < 0)
			return true;
	}
	return false;
}

int m_type(const struct m *m, const struct m_op *op)
{
	bool single = op->lo == M_SINGLE;
	bool busy = false;
	bool size = false;
	uint32_t i;

	for (i = 0; i < m->nr; i++) {
		const struct m_op *x = &m->ops[i];
		bool x_single = x->lo == M_SINGLE;

		if (x->gone || x->kind != M_WRITE || x->obj != op->obj || x->dkey != op->dkey ||
		    x->akey != op->akey)
			continue;
		if (x_single == single && (single || op->kind == M_HOLE || op->size == x->size))
			continue;
		if (parted(m, x, op, false))
			continue;
		if ((x->dtx != M_NONE && x->dtx != op->dtx) || parted(m, x, op, true))
			busy = true;
		else if (x_single != single)
			return -DER_NO_PERM;
		else
			size = true;
	}
	return size ? -DER_INVAL : busy ? -DER_INPROGRESS : 0;
}

/* ---- changes ---------------------------------------------------------------------------- */

void m_add(struct m *m, const struct m_op *op)
{
	CHECK(m->nr < M_OPS);
	m->ops[m->nr++] = *op;
}

void m_commit(struct m *m, int dtx)
{
	uint32_t i;

	for (i = 0; i < m->nr; i++)
		if (m->ops[i].dtx == dtx)
			m->ops[i].dtx = M_NONE;
}

void m_abort(struct m *m, int dtx)
{
	uint32_t i;

	for (i = 0; i < m->nr; i++)
		if (m->ops[i].dtx == dtx)
			m->ops[i].gone = true;
}

void m_discard(struct m *m, int obj, uint64_t lo, uint64_t hi)
{
	uint32_t i;

	for (i = 0; i < m->nr; i++)
		if ((obj == M_NONE || m->ops[i].obj == obj) && m->ops[i].dtx == M_NONE &&
		    m->ops[i].epoch >= lo && m->ops[i].epoch <= hi)
			m->ops[i].gone = true;
}

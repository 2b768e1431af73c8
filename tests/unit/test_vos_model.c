/*
 * vos against the model of tests/lib/vos_model.h: random calls, each answer compared.
 *
 *     test_vos_model [SEEDS [FIRST [STEPS]]]
 *
 * A run is reproduced by its seed. Half of the runs close and open the store again and again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/vos_model.h"
#include "tests/lib/vos_world.h"

static uint64_t g_seeds = 60;
static uint64_t g_first = 1;
static uint64_t g_steps = 250;

enum habit {
	H_TYPES = 1,	/* change types and record sizes */
	H_AGGREGATE = 2,
	H_DISCARD = 4,
	H_DTX = 8,
	H_REOPEN = 16,
	H_PAST = 32,	/* write below newer epochs */
};

struct run {
	struct vw *w;
	struct vos *v;
	struct vos_cont *c;
	struct vos_home home;
	struct vos_opts opts;
	struct prng p;
	uint32_t habits;
	struct m m;
	uint64_t now;	/* newest epoch */
	struct dtx {
		bool live;
		uint64_t epoch;
		uint16_t minor;
		struct vos_dtx d;
	} dtx[M_DTXS];
	uint64_t answers;
	uint64_t busy;
	uint64_t restarts;
	uint64_t dtx_count;
};

static const uint8_t obj_type[M_OBJS] = { DAOS_OT_MULTI_HASHED, DAOS_OT_MULTI_UINT64,
					  DAOS_OT_MULTI_LEXICAL };
static const char *const names[4] = { "b", "",
				      "abcdefgh-long-0123456789-0123456789-0123456789-"
				      "0123456789-0123456789-one",
				      "abcdefgh-long-0123456789-0123456789-0123456789-"
				      "0123456789-0123456789-two" };
static const uint64_t numbers[4] = { 7, 0, UINT64_MAX, 256 };

static struct bytes key_of(int obj, int key)
{
	if (obj_type[obj] == DAOS_OT_MULTI_UINT64)
		return (struct bytes){ .ptr = &numbers[key], .len = 8 };
	/* Not empty: that is for flat objects. */
	if (names[key][0] == 0)
		return (struct bytes){ .ptr = "bb", .len = 2 };
	return (struct bytes){ .ptr = names[key], .len = (uint32_t)strlen(names[key]) };
}

static int key_number(int obj, struct bytes b, int max)
{
	int i;

	for (i = 0; i < max; i++) {
		struct bytes k = key_of(obj, i);

		if (k.len == b.len && memcmp(k.ptr, b.ptr, k.len) == 0)
			return i;
	}
	CHECK(max < 0);	/* a key that nobody wrote */
	return M_NONE;
}

static struct oid oid_of(int obj)
{
	return (struct oid){ .lo = (uint64_t)(2 - obj), .hi = (uint64_t)obj_type[obj] << 56 };
}

static uint32_t below(struct run *r, uint32_t n)
{
	return (uint32_t)prng_below(&r->p, n);
}

/* ---- who and when ----------------------------------------------------------------------- */

static struct vos_op make_op(struct run *r, int obj, int dkey, struct m_view w)
{
	struct vos_op op = { .oid = oid_of(obj), .epoch = w.epoch };

	if (dkey != M_NONE)
		op.dkey = key_of(obj, dkey);
	if (w.me != M_NONE)
		op.dtx = &r->dtx[w.me].d;
	return op;
}

static int pick_dtx(struct run *r)
{
	int i = (int)below(r, M_DTXS);
	struct dtx *d = &r->dtx[i];

	if ((r->habits & H_DTX) == 0 || below(r, 3) != 0)
		return M_NONE;
	if (!d->live) {
		memset(d, 0, sizeof(*d));
		d->live = true;
		d->epoch = r->now = r->now + 1 + below(r, 3);
		d->d.id.hlc = ++r->dtx_count;
		d->d.id.client.b[0] = (uint8_t)i;
		d->d.info = (struct bytes){ .ptr = "who", .len = 3 };
	}
	return i;
}

static struct m_view pick_write(struct run *r)
{
	struct m_view w = { .me = pick_dtx(r) };

	if (w.me != M_NONE)
		w.epoch = r->dtx[w.me].epoch;
	else if ((r->habits & H_PAST) != 0 && below(r, 3) == 0)
		w.epoch = 1 + prng_below(&r->p, r->now);
	else
		w.epoch = r->now = r->now + 1 + below(r, 3);
	return w;
}

static struct m_view pick_read(struct run *r)
{
	struct m_view w = { .me = M_NONE };
	uint32_t i = below(r, M_DTXS);

	switch (below(r, 4)) {
	case 0:
		w.epoch = VOS_EPOCH_MAX;
		break;
	case 1:
		w.epoch = r->now;
		break;
	default:
		w.epoch = 1 + prng_below(&r->p, r->now);
	}
	if (r->dtx[i].live && below(r, 2) == 0)
		w = (struct m_view){ .epoch = r->dtx[i].epoch, .me = (int)i };
	if (r->m.snap_nr > 0 && below(r, 8) == 0)
		w = (struct m_view){ .epoch = r->m.snaps[below(r, r->m.snap_nr)], .me = M_NONE };
	return w;
}

static bool may_read(const struct run *r, struct m_view w)
{
	return w.epoch >= r->m.agg || m_is_snap(&r->m, w.epoch);
}

static int rc_of(enum m_seen s)
{
	return s == M_BUSY ? -DER_INPROGRESS : 0;
}

static void expect(struct run *r, const char *what, int got, int want)
{
	r->answers++;
	r->busy += want == -DER_INPROGRESS;
	r->restarts += want == -DER_TX_RESTART;
	if (got == want)
		return;
	fprintf(stderr, "%s: %s, the model says %s (after %u changes)\n", what, err_name(got),
		err_name(want), r->m.nr);
	abort();
}

/* ---- writing ---------------------------------------------------------------------------- */

static uint8_t content_byte(uint64_t content, uint32_t rec, uint64_t at)
{
	return (uint8_t)(mix64_2(content * 64 + rec, at) | 1);
}

/* One akey of an update, for both sides. */
struct part {
	struct vos_iod iod;
	struct recx recxs[3];
	struct m_op ops[3];
	uint32_t nr;
	uint8_t bytes[64 * 8];
	struct bseg seg;
	struct buf buf;
};

static uint64_t size_of(struct run *r, int akey, bool array)
{
	if (!array)
		return 1 + below(r, 40);
	if ((r->habits & H_TYPES) != 0 && below(r, 6) == 0)
		return 5;
	return (uint64_t)akey + 1;
}

static void fill(struct part *p)
{
	uint64_t at = 0;
	uint32_t i;

	for (i = 0; i < p->nr; i++) {
		const struct m_op *op = &p->ops[i];
		uint32_t rec;
		uint64_t b;

		for (rec = op->lo; rec < op->hi; rec++)
			for (b = 0; b < p->iod.size; b++)
				p->bytes[at++] = content_byte(op->content, rec, b);
	}
	p->buf = buf_from_bytes(&p->seg, p->bytes, at);
	p->iod.buf = &p->buf;
}

static void pick_extents(struct run *r, struct part *p)
{
	uint32_t at = below(r, 2) == 0 ? below(r, M_HIGH / 2) : below(r, M_RECS - 1);
	uint32_t i;

	p->nr = 0;
	for (i = 0; i < 1 + below(r, 3) && at < M_RECS; i++) {
		uint32_t end = at + 1 + below(r, 9);
		struct m_op *op = &p->ops[p->nr];

		if (at < M_HIGH && end > M_HIGH)
			end = M_HIGH;
		end = end > M_RECS ? M_RECS : end;
		op->lo = at;
		op->hi = end;
		p->recxs[p->nr++] = (struct recx){ m_rec_idx(at), end - at };
		at = end + below(r, 4);
	}
	if (p->nr == 2 && below(r, 4) == 0) {	/* the order of extents is the caller's */
		struct m_op op = p->ops[0];
		struct recx x = p->recxs[0];

		p->ops[0] = p->ops[1];
		p->ops[1] = op;
		p->recxs[0] = p->recxs[1];
		p->recxs[1] = x;
	}
}

static void make_part(struct run *r, int obj, int dkey, int akey, struct m_view w, uint16_t minor,
		      struct part *p)
{
	bool array = (r->habits & H_TYPES) != 0 ? below(r, 4) == 0 : false;
	uint32_t i;

	array = array != (akey > 0);
	memset(p, 0, sizeof(*p));
	p->iod = (struct vos_iod){ .akey = key_of(obj, akey),
				   .type = array ? VOS_ARRAY : VOS_SINGLE };
	if (below(r, 5) != 0)
		p->iod.size = size_of(r, akey, array);
	if (array) {
		pick_extents(r, p);
		p->iod.nr = p->nr;
		p->iod.recxs = p->recxs;
	} else {
		p->nr = 1;
		p->ops[0].lo = M_SINGLE;
		p->ops[0].hi = M_SINGLE + 1;
	}
	for (i = 0; i < p->nr; i++) {
		struct m_op *op = &p->ops[i];

		op->kind = p->iod.size > 0 ? M_WRITE : M_HOLE;
		op->obj = obj;
		op->dkey = dkey;
		op->akey = akey;
		op->size = p->iod.size;
		op->content = prng_next(&r->p) >> 8;
		op->epoch = w.epoch;
		op->minor = minor;
		op->dtx = w.me;
		op->seq = UINT64_MAX;
	}
	fill(p);
}

/* 0, or what a condition gives; leaves its read timestamp. */
static int cond(struct run *r, uint64_t flags, uint64_t ins, uint64_t upd, int obj, int dkey,
		int akey, struct m_view w)
{
	enum m_seen s;

	if ((flags & (ins | upd)) == 0)
		return 0;
	m_ts_read(&r->m, obj, dkey, akey, w);
	s = akey == M_NONE ? m_dkey_exists(&r->m, obj, dkey, w)
			   : m_akey_exists(&r->m, obj, dkey, akey, w);
	if (s == M_BUSY)
		return -DER_INPROGRESS;
	if ((flags & ins) != 0)
		return s == M_FOUND ? -DER_EXIST : 0;
	return s == M_FOUND ? 0 : -DER_NONEXIST;
}

static int model_update(struct run *r, const struct vos_op *op, struct m_view w, int obj, int dkey,
			uint32_t nr, struct part *parts)
{
	uint32_t i;
	uint32_t k;
	int rc = 0;

	if (w.epoch <= r->m.agg)
		return -DER_TX_RESTART;
	for (i = 0; i < nr; i++) {
		if (m_ts_blocks(&r->m, obj, dkey, parts[i].ops[0].akey, w))
			return -DER_TX_RESTART;
		for (k = 0; k < parts[i].nr; k++)
			if (m_meets(&r->m, &parts[i].ops[k]))
				rc = -DER_TX_RESTART;
	}
	if (rc == 0)
		rc = cond(r, op->flags, DAOS_COND_DKEY_INSERT, DAOS_COND_DKEY_UPDATE, obj, dkey,
			  M_NONE, w);
	for (i = 0; rc == 0 && i < nr; i++)
		rc = cond(r, (op->flags & DAOS_COND_PER_AKEY) != 0 ? parts[i].iod.flags : op->flags,
			  DAOS_COND_AKEY_INSERT, DAOS_COND_AKEY_UPDATE, obj, dkey,
			  parts[i].ops[0].akey, w);
	for (i = 0; rc == 0 && i < nr; i++)
		rc = m_type(&r->m, &parts[i].ops[0]);
	return rc;
}

static uint64_t pick_conds(struct run *r, uint32_t nr, struct part *parts)
{
	static const uint64_t dk[] = { 0, 0, 0, DAOS_COND_DKEY_INSERT, DAOS_COND_DKEY_UPDATE };
	static const uint64_t ak[] = { 0, 0, 0, DAOS_COND_AKEY_INSERT, DAOS_COND_AKEY_UPDATE };
	uint64_t flags;
	uint32_t i;

	if (below(r, 3) != 0)
		return 0;
	flags = dk[below(r, 5)];
	if (below(r, 2) == 0)
		return flags | ak[below(r, 5)];
	for (i = 0; i < nr; i++)
		parts[i].iod.flags = ak[below(r, 5)];
	return flags | DAOS_COND_PER_AKEY;
}

static int two_steps(struct run *r, const struct vos_op *op, uint32_t nr,
		     const struct vos_iod *iods)
{
	struct vos_update *u;
	uint32_t i;
	int rc = vos_update_begin(r->c, op, nr, iods, &u);

	if (rc != 0)
		return rc;
	for (i = 0; i < nr; i++)
		if (iods[i].size > 0)
			CHECK_RC(buf_copy(vos_update_buf(u, i), 0, iods[i].buf, 0,
					  iods[i].buf->bytes),
				 0);
	if (below(r, 8) == 0) {	/* given up, and begun again */
		CHECK_RC(vos_update_end(u, VOS_CANCEL), 0);
		return two_steps(r, op, nr, iods);
	}
	return vos_update_end(u, VOS_COMMIT);
}

static void do_update(struct run *r)
{
	struct m_view w = pick_write(r);
	int obj = (int)below(r, M_OBJS);
	int dkey = (int)below(r, M_DKEYS);
	int akey = (int)below(r, M_AKEYS);
	uint32_t nr = 1 + below(r, M_AKEYS);
	uint16_t minor = w.me == M_NONE ? 0 : ++r->dtx[w.me].minor;
	struct vos_op op = make_op(r, obj, dkey, w);
	struct part parts[M_AKEYS];
	struct vos_iod iods[M_AKEYS];
	uint32_t i;
	uint32_t k;
	int want;
	int rc;

	for (i = 0; i < nr; i++)
		make_part(r, obj, dkey, (akey + (int)i) % (int)M_AKEYS, w, minor, &parts[i]);
	op.minor = minor;
	op.flags = pick_conds(r, nr, parts);
	if (below(r, 4) == 0)
		op.flags |= VOS_LAZY;
	for (i = 0; i < nr; i++)
		iods[i] = parts[i].iod;
	want = model_update(r, &op, w, obj, dkey, nr, parts);
	rc = below(r, 3) == 0 ? two_steps(r, &op, nr, iods) : vos_update(r->c, &op, nr, iods);
	expect(r, "update", rc, want);
	if (rc != 0)
		return;
	r->m.seq++;
	for (i = 0; i < nr; i++)
		for (k = 0; k < parts[i].nr; k++) {
			parts[i].ops[k].seq = r->m.seq;
			m_add(&r->m, &parts[i].ops[k]);
		}
}

static int model_punch(struct run *r, const struct m_op *op, struct m_view w, bool conditional)
{
	enum m_seen s;

	if (w.epoch <= r->m.agg || m_ts_blocks(&r->m, op->obj, op->dkey, op->akey, w) ||
	    m_meets(&r->m, op))
		return -DER_TX_RESTART;
	if (!conditional)
		return 0;
	m_ts_read(&r->m, op->obj, op->dkey, op->akey, w);
	if (op->dkey == M_NONE) {
		s = m_obj_exists(&r->m, op->obj, w);
		if (s == M_ABSENT && m_obj_punched(&r->m, op->obj, w))
			s = M_FOUND;
	} else if (op->akey == M_NONE) {
		s = m_dkey_exists(&r->m, op->obj, op->dkey, w);
	} else {
		s = m_akey_exists(&r->m, op->obj, op->dkey, op->akey, w);
	}
	return s == M_BUSY ? -DER_INPROGRESS : s == M_FOUND ? 0 : -DER_NONEXIST;
}

static void do_punch(struct run *r)
{
	struct m_view w = pick_write(r);
	uint32_t level = below(r, 6);
	/* Aggregation forgets that an object was punched, so the condition is of use without it. */
	bool conditional = below(r, 3) == 0 && (level > 0 || (r->habits & H_AGGREGATE) == 0);
	struct m_op x = { .kind = M_PUNCH, .obj = (int)below(r, M_OBJS), .dkey = M_NONE,
			  .akey = M_NONE, .epoch = w.epoch, .dtx = w.me, .seq = UINT64_MAX };
	struct vos_op op;
	struct bytes akey;
	int want;
	int rc;

	x.minor = w.me == M_NONE ? 0 : ++r->dtx[w.me].minor;
	if (level > 0)
		x.dkey = (int)below(r, M_DKEYS);
	if (level > 2)
		x.akey = (int)below(r, M_AKEYS);
	op = make_op(r, x.obj, x.dkey, w);
	op.minor = (uint16_t)x.minor;
	op.flags = conditional ? DAOS_COND_PUNCH : 0;
	want = model_punch(r, &x, w, conditional);
	if (x.dkey == M_NONE) {
		rc = vos_punch_obj(r->c, &op);
	} else if (x.akey == M_NONE) {
		rc = vos_punch_dkey(r->c, &op);
	} else {
		akey = key_of(x.obj, x.akey);
		rc = vos_punch_akeys(r->c, &op, 1, &akey);
	}
	expect(r, "punch", rc, want);
	if (rc != 0)
		return;
	x.seq = ++r->m.seq;
	m_add(&r->m, &x);
}

/* ---- reading ---------------------------------------------------------------------------- */

static void check_content(const struct part *p, const uint8_t *got, const struct m_op *const *shown)
{
	uint64_t at = 0;
	uint32_t i;
	uint32_t n = 0;

	for (i = 0; i < p->nr; i++) {
		uint32_t rec;

		for (rec = p->ops[i].lo; rec < p->ops[i].hi; rec++, n++) {
			const struct m_op *op = shown[n];
			uint64_t size = p->iod.size;
			uint64_t b;

			for (b = 0; b < size; b++, at++)
				CHECK(got[at] ==
				      (op == NULL ? 0 : content_byte(op->content, rec, b)));
		}
	}
}

/* What the model says of one iod: verdict; per record what shows; the size. */
static int model_fetch(struct run *r, const struct part *p, int obj, int dkey, struct m_view w,
		       const struct m_op **shown, uint64_t *ret_size)
{
	int akey = p->ops[0].akey;
	bool array = p->iod.type == VOS_ARRAY;
	uint32_t n = 0;
	uint32_t i;
	int rc = 0;

	*ret_size = 0;
	for (i = 0; i < p->nr; i++) {
		uint32_t rec;

		for (rec = p->ops[i].lo; rec < p->ops[i].hi; rec++, n++) {
			shown[n] = NULL;
			if (m_record(&r->m, obj, dkey, akey, rec, w, false, &shown[n]) == M_BUSY)
				rc = -DER_INPROGRESS;
			if (shown[n] != NULL)
				*ret_size = shown[n]->size;
		}
	}
	if (rc != 0 || *ret_size != 0)
		return rc;
	switch (m_type_exists(&r->m, obj, dkey, akey, !array, w)) {
	case M_FOUND:
		return -DER_NO_PERM;
	case M_BUSY:
		return -DER_INPROGRESS;
	default:
		return 0;
	}
}

static void do_fetch(struct run *r)
{
	struct m_view w = pick_read(r);
	int obj = (int)below(r, M_OBJS);
	int dkey = (int)below(r, M_DKEYS);
	int akey = (int)below(r, M_AKEYS);
	struct vos_op op = make_op(r, obj, dkey, w);
	const struct m_op *shown[3 * M_RECS];
	struct part p;
	uint8_t got[sizeof(p.bytes)] = { 0 };
	struct vos_got g;
	int want = may_read(r, w) ? 0 : -DER_TX_RESTART;
	int rc;

	make_part(r, obj, dkey, akey, w, 0, &p);
	if (below(r, 6) == 0)
		op.flags = DAOS_COND_AKEY_FETCH;
	p.buf = buf_from_bytes(&p.seg, got, sizeof(got));
	p.iod.size = 77;	/* not looked at */
	if (want == 0) {
		m_ts_read(&r->m, obj, dkey, akey, w);
		want = cond(r, op.flags, 0, DAOS_COND_AKEY_FETCH, obj, dkey, akey, w);
	}
	if (want == 0)
		want = model_fetch(r, &p, obj, dkey, w, shown, &p.iod.size);
	rc = vos_fetch(r->c, &op, 1, &p.iod, &g);
	expect(r, "fetch", rc, want);
	if (rc != 0)
		return;
	CHECK(g.size == p.iod.size);
	check_content(&p, got, shown);
}

/* ---- listing ---------------------------------------------------------------------------- */

struct listing {
	struct run *r;
	int obj;
	int dkey;
	enum vos_iter_type type;
	int seen[M_DKEYS];
	int order[64];
	uint32_t nr;
	uint32_t stop_after;	/* entries; 0: none */
	struct bytes last;
};

static int on_key(void *arg, const struct vos_entry *e)
{
	struct listing *l = arg;
	int k;

	if (l->type == VOS_ITER_OBJ) {
		for (k = 0; k < (int)M_OBJS; k++)
			if (oid_equal(oid_of(k), e->oid))
				break;
	} else {
		k = key_number(l->obj, e->key, l->type == VOS_ITER_DKEY ? M_DKEYS : M_AKEYS);
	}
	if (below(l->r, 5) == 0)
		return VOS_ITER_UNDO;
	CHECK(l->nr < ARRAY_COUNT(l->order));
	l->seen[k]++;
	l->order[l->nr++] = k;
	return l->stop_after != 0 && l->nr % l->stop_after == 0 ? VOS_ITER_STOP : VOS_ITER_NEXT;
}

/* Does key @a come before @b? */
static bool before(const struct listing *l, int a, int b)
{
	struct bytes x;
	struct bytes y;
	int c;

	if (l->type == VOS_ITER_OBJ)
		return obj_type[a] < obj_type[b];
	if (obj_type[l->obj] == DAOS_OT_MULTI_UINT64)
		return numbers[a] < numbers[b];
	x = key_of(l->obj, a);
	y = key_of(l->obj, b);
	if (obj_type[l->obj] == DAOS_OT_MULTI_HASHED)
		return vos_key_hash(x) < vos_key_hash(y);
	c = memcmp(x.ptr, y.ptr, min_u64(x.len, y.len));
	return c != 0 ? c < 0 : x.len < y.len;
}

static enum m_seen key_exists(const struct listing *l, int k, struct m_view w)
{
	if (l->type == VOS_ITER_OBJ)
		return m_obj_exists(&l->r->m, k, w);
	if (l->type == VOS_ITER_DKEY)
		return m_dkey_exists(&l->r->m, l->obj, k, w);
	return m_akey_exists(&l->r->m, l->obj, l->dkey, k, w);
}

static int key_count(const struct listing *l)
{
	return l->type == VOS_ITER_OBJ ? M_OBJS : l->type == VOS_ITER_DKEY ? M_DKEYS : M_AKEYS;
}

/* The keys in the order of the iteration. */
static void sorted(const struct listing *l, bool rev, int *order)
{
	int n = key_count(l);
	int i;
	int k;

	for (i = 0; i < n; i++) {
		for (k = i; k > 0 && before(l, i, order[k - 1]) != rev; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
}

static void do_update(struct run *r);
static void do_punch(struct run *r);

static void pick_listing(struct run *r, struct listing *l)
{
	memset(l, 0, sizeof(*l));
	l->r = r;
	l->obj = (int)below(r, M_OBJS);
	l->dkey = (int)below(r, M_DKEYS);
	l->type = (enum vos_iter_type)(VOS_ITER_OBJ + below(r, 3));
	l->stop_after = below(r, 3);
}

/* Nothing changes while it goes on: exactly what exists, in order, up to the first busy key. */
static void do_list(struct run *r)
{
	struct m_view w = pick_read(r);
	struct listing l;
	struct vos_op op;
	struct vos_iter it;
	struct vos_anchor a = { 0 };
	bool rev = below(r, 2) == 0;
	int order[M_DKEYS];
	uint32_t n = 0;
	int want = 0;
	int rc = 0;
	int i;

	pick_listing(r, &l);
	op = make_op(r, l.obj, l.type == VOS_ITER_AKEY ? l.dkey : M_NONE, w);
	it = (struct vos_iter){ .type = l.type, .op = &op, .flags = rev ? VOS_ITER_REVERSE : 0 };
	while (rc == 0 && !vos_anchor_is_end(&a))
		rc = vos_iterate(r->c, &it, &a, on_key, &l);
	sorted(&l, rev, order);
	if (!may_read(r, w)) {
		expect(r, "list", rc, -DER_TX_RESTART);
		return;
	}
	m_ts_read(&r->m, l.type == VOS_ITER_OBJ ? M_NONE : l.obj,
		  l.type == VOS_ITER_AKEY ? l.dkey : M_NONE, M_NONE, w);
	for (i = 0; want == 0 && i < key_count(&l); i++) {
		enum m_seen s = key_exists(&l, order[i], w);

		want = rc_of(s);
		if (s == M_FOUND) {
			CHECK(n < l.nr && l.order[n] == order[i]);
			n++;
		}
	}
	CHECK(n == l.nr);
	expect(r, "list", rc, want);
}

/* Changes between the calls: what exists all the time comes exactly once, in order. */
static void do_list_moving(struct run *r)
{
	struct m_view w = { .epoch = VOS_EPOCH_MAX, .me = M_NONE };
	struct listing l;
	struct vos_op op;
	struct vos_iter it;
	struct vos_anchor a = { 0 };
	bool always[M_DKEYS];
	uint32_t i;
	int k;
	int rc;

	pick_listing(r, &l);
	l.stop_after = 1;
	op = make_op(r, l.obj, l.type == VOS_ITER_AKEY ? l.dkey : M_NONE, w);
	it = (struct vos_iter){ .type = l.type, .op = &op };
	for (k = 0; k < key_count(&l); k++)
		always[k] = key_exists(&l, k, w) == M_FOUND;
	while (!vos_anchor_is_end(&a)) {
		rc = vos_iterate(r->c, &it, &a, on_key, &l);
		if (rc == -DER_INPROGRESS)
			return;
		CHECK(rc == 0);
		if (below(r, 2) == 0)
			do_update(r);
		else if (below(r, 2) == 0)
			do_punch(r);
		for (k = 0; k < key_count(&l); k++)
			always[k] = always[k] && key_exists(&l, k, w) == M_FOUND;
	}
	for (i = 1; i < l.nr; i++)
		CHECK(before(&l, l.order[i - 1], l.order[i]));
	for (k = 0; k < key_count(&l); k++) {
		CHECK(l.seen[k] <= 1);
		CHECK(!always[k] || l.seen[k] == 1);
	}
	r->answers++;
}

struct recs {
	struct run *r;
	struct vos_entry e[128];
	uint32_t nr;
	uint32_t stop_after;
};

static int on_recx(void *arg, const struct vos_entry *e)
{
	struct recs *x = arg;

	CHECK(x->nr < ARRAY_COUNT(x->e));
	x->e[x->nr++] = *e;
	return x->stop_after != 0 && x->nr % x->stop_after == 0 ? VOS_ITER_STOP : VOS_ITER_NEXT;
}

static uint32_t rec_number(uint64_t idx)
{
	return idx < M_HIGH ? (uint32_t)idx : (uint32_t)(M_RECS - 1 - (UINT64_MAX - idx));
}

static void do_list_recx(struct run *r)
{
	struct m_view w = pick_read(r);
	int obj = (int)below(r, M_OBJS);
	int dkey = (int)below(r, M_DKEYS);
	int akey = (int)below(r, M_AKEYS);
	struct vos_op op = make_op(r, obj, dkey, w);
	bool rev = below(r, 2) == 0;
	struct vos_iter it = { .type = VOS_ITER_RECX, .op = &op, .akey = key_of(obj, akey),
			       .flags = rev ? VOS_ITER_REVERSE : 0 };
	struct recs x = { .r = r, .stop_after = below(r, 4) };
	struct vos_anchor a = { 0 };
	bool shown[M_RECS] = { false };
	bool busy = false;
	uint32_t i;
	uint32_t rec;
	int rc = 0;

	while (rc == 0 && !vos_anchor_is_end(&a))
		rc = vos_iterate(r->c, &it, &a, on_recx, &x);
	if (!may_read(r, w)) {
		expect(r, "list_recx", rc, -DER_TX_RESTART);
		return;
	}
	m_ts_read(&r->m, obj, dkey, akey, w);
	for (i = 0; i < x.nr; i++) {
		const struct recx *v = &x.e[i].recx;

		if (i > 0 && !rev)
			CHECK(v->idx > x.e[i - 1].recx.idx);
		if (i > 0 && rev)
			CHECK(v->idx < x.e[i - 1].recx.idx);
		for (rec = rec_number(v->idx); rec < rec_number(v->idx) + v->nr; rec++) {
			const struct m_op *o = NULL;

			CHECK(!shown[rec]);
			shown[rec] = true;
			CHECK(m_record(&r->m, obj, dkey, akey, rec, w, false, &o) == M_FOUND);
			CHECK(o->epoch == x.e[i].epoch && o->size == x.e[i].size &&
			      o->minor == x.e[i].minor && m_rec_idx(o->lo) == x.e[i].stored.idx);
		}
	}
	for (rec = 0; rec < M_RECS; rec++) {
		enum m_seen s = m_record(&r->m, obj, dkey, akey, rec, w, false, NULL);

		busy = busy || s == M_BUSY;
		CHECK(rc != 0 || (s == M_FOUND) == shown[rec]);
	}
	expect(r, "list_recx", rc, busy ? -DER_INPROGRESS : 0);
}

/* All entries of an akey, whatever shows. Not with aggregation: it may or may not have been
 * there. */
static void do_versions(struct run *r)
{
	int obj = (int)below(r, M_OBJS);
	int dkey = (int)below(r, M_DKEYS);
	int akey = (int)below(r, M_AKEYS);
	struct vos_op op = make_op(r, obj, dkey, (struct m_view){ .epoch = 1 + below(r, 400),
								  .me = M_NONE });
	struct vos_iter it = { .type = below(r, 2) == 0 ? VOS_ITER_RECX : VOS_ITER_SINGLE,
			       .op = &op, .akey = key_of(obj, akey), .epoch_lo = below(r, 200),
			       .flags = VOS_ITER_VERSIONS | (below(r, 2) == 0 ? VOS_ITER_REVERSE
									     : 0) };
	struct recs *x = calloc(1, sizeof(*x));
	struct vos_anchor a = { 0 };
	uint32_t want = 0;
	uint32_t i;
	uint32_t k;

	CHECK(x != NULL);
	x->r = r;
	x->stop_after = below(r, 4);
	op.flags = VOS_NO_READ_TS;
	while (!vos_anchor_is_end(&a))
		CHECK_RC(vos_iterate(r->c, &it, &a, on_recx, x), 0);
	for (i = 0; i < r->m.nr; i++) {
		const struct m_op *o = &r->m.ops[i];
		uint32_t found = 0;

		if (o->gone || o->kind == M_PUNCH || o->obj != obj || o->dkey != dkey ||
		    o->akey != akey || o->epoch < it.epoch_lo || o->epoch > op.epoch ||
		    (o->lo == M_SINGLE) != (it.type == VOS_ITER_SINGLE))
			continue;
		want++;
		for (k = 0; k < x->nr; k++)
			found += x->e[k].epoch == o->epoch && x->e[k].minor == o->minor &&
				 ((x->e[k].flags & VOS_ENTRY_HOLE) != 0) == (o->kind == M_HOLE) &&
				 ((x->e[k].flags & VOS_ENTRY_PREPARED) != 0) ==
					 (o->dtx != M_NONE) &&
				 (o->lo == M_SINGLE || x->e[k].recx.idx == m_rec_idx(o->lo));
		CHECK(found == 1);
	}
	CHECK(want == x->nr);
	r->answers++;
	free(x);
}

static void do_query(struct run *r)
{
	struct m_view w = pick_read(r);
	struct vos_op op = make_op(r, 1, (int)below(r, M_DKEYS), w);
	bool max = below(r, 2) == 0;
	struct vos_key_query q = { .flags = (max ? DAOS_GET_MAX : DAOS_GET_MIN) | DAOS_GET_DKEY };
	struct listing l = { .r = r, .obj = 1, .type = VOS_ITER_DKEY };
	int order[M_DKEYS];
	int want = -DER_NONEXIST;
	int i;
	int rc;

	rc = vos_query_key(r->c, &op, &q);
	if (!may_read(r, w)) {
		expect(r, "query", rc, -DER_TX_RESTART);
		return;
	}
	m_ts_read(&r->m, 1, M_NONE, M_NONE, w);
	sorted(&l, max, order);
	for (i = 0; want == -DER_NONEXIST && i < (int)M_DKEYS; i++) {
		enum m_seen s = m_dkey_exists(&r->m, 1, order[i], w);

		if (s != M_ABSENT)
			want = rc_of(s);
		if (s == M_FOUND)
			CHECK(rc == 0 && q.dkey == numbers[order[i]]);
	}
	expect(r, "query", rc, want);
}

/* ---- the rest --------------------------------------------------------------------------- */

static void do_decide(struct run *r)
{
	uint32_t i = below(r, M_DTXS);
	struct dtx *d = &r->dtx[i];
	enum vos_dtx_state st;
	bool known;

	if (!d->live)
		return;
	known = vos_dtx_status(r->c, &d->d.id, &st) == 0;
	if (below(r, 3) > 0) {
		expect(r, "commit", vos_dtx_commit(r->c, 1, &d->d.id), known ? 0 : -DER_NONEXIST);
		m_commit(&r->m, (int)i);
	} else {
		expect(r, "abort", vos_dtx_abort(r->c, &d->d.id), 0);
		m_abort(&r->m, (int)i);
		expect(r, "commit aborted", vos_dtx_commit(r->c, 1, &d->d.id), -DER_CANCELED);
	}
	d->live = false;
	/* Its timestamps stay, but their reader is nobody we will see again. */
	{
		struct m *m = &r->m;
		struct m_ts *t[] = { &m->ts_cont, m->ts_obj, &m->ts_dkey[0][0],
				     &m->ts_akey[0][0][0] };
		uint32_t n[] = { 1, M_OBJS, M_OBJS * M_DKEYS, M_OBJS * M_DKEYS * M_AKEYS };
		uint32_t k;
		uint32_t j;

		for (k = 0; k < 4; k++)
			for (j = 0; j < n[k]; j++) {
				if (t[k][j].all_who == (int)i)
					t[k][j].all_who = 100;
				if (t[k][j].any_who == (int)i)
					t[k][j].any_who = 100;
			}
	}
}

static void do_snaps(struct run *r)
{
	uint64_t s[8];
	uint32_t nr = 0;
	uint32_t i;

	/* Keep some, add one of now. */
	for (i = 0; i < r->m.snap_nr; i++)
		if (below(r, 3) != 0)
			s[nr++] = r->m.snaps[i];
	if (nr < 8 && (nr == 0 || s[nr - 1] < r->now) && r->now >= r->m.agg)
		s[nr++] = r->now;
	expect(r, "snapshots", vos_snapshots_set(r->c, nr, s), 0);
	memcpy(r->m.snaps, s, sizeof(s));
	r->m.snap_nr = nr;
}

static void do_aggregate(struct run *r)
{
	struct vos_range range = { .lo = 0, .hi = 1 + prng_below(&r->p, r->now) };
	struct vos_anchor a = { 0 };
	uint64_t hi = range.hi;
	uint32_t rounds = 0;
	uint32_t i;

	for (i = 0; i < r->m.nr; i++)
		if (!r->m.ops[i].gone && r->m.ops[i].dtx != M_NONE)
			hi = min_u64(hi, r->m.ops[i].epoch - 1);
	do {
		CHECK_RC(vos_aggregate(r->c, range, 1 + below(r, 20), &a), 0);
		CHECK(++rounds < 1000);
		if (hi > 0)
			r->m.agg = max_u64(r->m.agg, hi);
		if (below(r, 4) == 0)
			do_fetch(r);
	} while (!vos_anchor_is_end(&a));
	r->answers++;
}

static void do_discard(struct run *r)
{
	int obj = (int)below(r, M_OBJS + 1) - 1;
	struct oid oid = obj < 0 ? (struct oid){ 0 } : oid_of(obj);
	struct vos_range range = { .lo = 1 + prng_below(&r->p, r->now) };
	struct vos_anchor a = { 0 };

	range.hi = range.lo + below(r, 8);
	if (range.lo <= r->m.agg)
		return;
	do
		CHECK_RC(vos_discard(r->c, obj < 0 ? NULL : &oid, range, 1 + below(r, 9), &a), 0);
	while (!vos_anchor_is_end(&a));
	m_discard(&r->m, obj < 0 ? M_NONE : obj, range.lo, range.hi);
	r->answers++;
}

static void forget_ts(struct m *m)
{
	memset(&m->ts_cont, 0, sizeof(m->ts_cont));
	memset(m->ts_obj, 0, sizeof(m->ts_obj));
	memset(m->ts_dkey, 0, sizeof(m->ts_dkey));
	memset(m->ts_akey, 0, sizeof(m->ts_akey));
}

static void do_reopen(struct run *r)
{
	struct uid uid = { { 1 } };

	vos_cont_close(r->c);
	vos_close(r->v);
	CHECK_RC(vos_open(&r->w->rt, &r->home, &r->opts, &r->v), 0);
	CHECK_RC(vos_cont_open(r->v, &uid, &r->c), 0);
	forget_ts(&r->m);
}

static void step(struct run *r)
{
	uint32_t x = below(r, 100);

	if (x < 34)
		do_update(r);
	else if (x < 44)
		do_punch(r);
	else if (x < 64)
		do_fetch(r);
	else if (x < 72)
		do_list(r);
	else if (x < 74)
		do_list_moving(r);
	else if (x < 80)
		do_list_recx(r);
	else if (x < 84)
		do_query(r);
	else if (x < 90)
		do_decide(r);
	else if (x < 92 && (r->habits & H_AGGREGATE) == 0)
		do_versions(r);
	else if (x < 94)
		do_snaps(r);
	else if (x < 96 && (r->habits & H_AGGREGATE) != 0)
		do_aggregate(r);
	else if (x < 97 && (r->habits & H_DISCARD) != 0)
		do_discard(r);
	else if (x < 99 && (r->habits & H_REOPEN) != 0)
		do_reopen(r);
}

static void script(struct vw *w, void *arg)
{
	struct run *r = arg;
	struct uid uid = { { 1 } };
	uint64_t i;

	r->w = w;
	r->home = (struct vos_home){ .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
	r->opts = (struct vos_opts){ .ts_slots = 1u << 16, .group_max_ops = 1 + below(r, 9) };
	CHECK_RC(vos_format(&w->rt, &r->home, &r->opts, 0), 0);
	CHECK_RC(vos_open(&w->rt, &r->home, &r->opts, &r->v), 0);
	CHECK_RC(vos_cont_create(r->v, &uid), 0);
	CHECK_RC(vos_cont_open(r->v, &uid, &r->c), 0);
	for (i = 0; i < g_steps && r->m.nr < M_OPS - 16; i++)
		step(r);
	vos_cont_close(r->c);
	vos_close(r->v);
}

static void test_model(void **state)
{
	static const uint32_t habits[] = {
		H_DTX | H_REOPEN | H_PAST | H_DISCARD,
		H_DTX | H_AGGREGATE | H_PAST | H_REOPEN,
		H_DTX | H_TYPES | H_PAST | H_REOPEN,
		H_AGGREGATE | H_DISCARD | H_REOPEN,
		H_PAST,
		H_DTX | H_AGGREGATE | H_DISCARD | H_PAST,
	};
	static const uint32_t aligns[] = { 8, 512, 4096 };
	struct run *r = malloc(sizeof(*r));
	uint64_t answers = 0;
	uint64_t busy = 0;
	uint64_t restarts = 0;
	uint64_t s;

	(void)state;
	assert_non_null(r);
	for (s = g_first; s < g_first + g_seeds; s++) {
		struct vw *w = malloc(sizeof(*w));

		assert_non_null(w);
		fprintf(stderr, "\rseed=%llu ", (unsigned long long)s);
		memset(r, 0, sizeof(*r));
		prng_seed(&r->p, s);
		r->habits = habits[s % ARRAY_COUNT(habits)];
		r->now = 5;
		vw_init(w, 8u << 20, aligns[s % 3], s);
		assert_true(vw_script(w, script, r));
		answers += r->answers;
		busy += r->busy;
		restarts += r->restarts;
		vw_fini(w);
		free(w);
	}
	fprintf(stderr, "\nmodel seeds=%llu answers=%llu inprogress=%llu restarts=%llu\n",
		(unsigned long long)g_seeds, (unsigned long long)answers, (unsigned long long)busy,
		(unsigned long long)restarts);
	/* The paths that matter were taken. */
	assert_true(g_steps * g_seeds < 5000 || (busy > 20 && restarts > 100));
	free(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	if (argc > 1)
		g_seeds = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		g_first = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		g_steps = strtoull(argv[3], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

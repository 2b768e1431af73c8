/* vos: what the calls answer, one by one. Random operations: test_vos_model.c; crashes:
 * test_vos_log.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/vos/vos.h"
#include "tests/lib/vos_world.h"

#define MIB (1ull << 20)

struct fix {
	struct vw w;
	struct vos *v;
	struct vos_cont *c;
	struct uid uid;
	bool volatile_store;
};

static struct vos_home home_of(struct vw *w)
{
	return (struct vos_home){ .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
}

static void open_store(struct fix *f, const struct vos_opts *opts)
{
	struct vos_home h = home_of(&f->w);

	if (f->volatile_store)
		h = (struct vos_home){ 0 };
	else
		CHECK_RC(vos_format(&f->w.rt, &h, opts, 0), 0);
	CHECK_RC(vos_open(&f->w.rt, &h, opts, &f->v), 0);
	memset(f->uid.b, 7, sizeof(f->uid.b));
	CHECK_RC(vos_cont_create(f->v, &f->uid), 0);
	CHECK_RC(vos_cont_open(f->v, &f->uid, &f->c), 0);
}

static void close_store(struct fix *f)
{
	vos_cont_close(f->c);
	vos_close(f->v);
}

static struct bytes str(const char *s)
{
	return (struct bytes){ .ptr = s, .len = (uint32_t)strlen(s) };
}

static struct vos_op op_at(uint64_t epoch, const char *dkey)
{
	return (struct vos_op){ .oid = { .lo = 1 }, .dkey = str(dkey), .epoch = epoch };
}

static int put(struct fix *f, const struct vos_op *op, const char *akey, const char *val)
{
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, val, strlen(val));
	struct vos_iod iod = { .akey = str(akey), .type = VOS_SINGLE, .size = b.bytes, .buf = &b };

	return vos_update(f->c, op, 1, &iod);
}

/* The value as text; "" when nothing is there, or the call failed. */
static int get(struct fix *f, const struct vos_op *op, const char *akey, char *val)
{
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, val, 64);
	struct vos_iod iod = { .akey = str(akey), .type = VOS_SINGLE, .buf = &b };
	struct vos_got got;
	int rc;

	memset(val, 0, 64);
	rc = vos_fetch(f->c, op, 1, &iod, &got);
	return rc;
}

static int stop_at_once(void *arg, const struct vos_entry *e)
{
	(void)arg;
	(void)e;
	return VOS_ITER_STOP;
}
#define EXPECT(f, op, akey, want)                                                                  \
	do {                                                                                       \
		char val_[64];                                                                     \
		CHECK_RC(get(f, op, akey, val_), 0);                                               \
		CHECK(strcmp(val_, want) == 0);                                                    \
	} while (0)

/* Run @fn on stores of several kinds of device, and one without. */
static void on_stores(void (*fn)(struct vw *w, void *arg))
{
	static const uint32_t aligns[] = { 1, 4096, 0 };
	uint32_t i;

	for (i = 0; i < ARRAY_COUNT(aligns); i++) {
		struct fix f = { .volatile_store = aligns[i] == 0 };

		vw_init(&f.w, 4 * MIB, aligns[i] == 0 ? 512 : aligns[i], 1);
		assert_true(vw_script(&f.w, fn, &f));
		if (aligns[i] == 0)
			assert_true(f.w.dev.ios == 0);
		vw_fini(&f.w);
	}
}

/* ---- versions and existence ------------------------------------------------------------- */

static void versions(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	uint64_t epoch;

	(void)w;
	open_store(f, NULL);
	CHECK_RC(vos_obj_epoch_max(f->c, op.oid, &epoch), 0);
	CHECK(epoch == 0);
	CHECK_RC(put(f, &op, "a", "ten"), 0);
	op.epoch = 20;
	CHECK_RC(put(f, &op, "a", "twenty"), 0);
	op.epoch = 15;
	CHECK_RC(put(f, &op, "a", "fifteen"), 0);	/* out of order */
	CHECK_RC(vos_obj_epoch_max(f->c, op.oid, &epoch), 0);
	CHECK(epoch == 20);
	op.epoch = 9;
	EXPECT(f, &op, "a", "");
	op.epoch = 14;
	EXPECT(f, &op, "a", "ten");
	op.epoch = 15;
	EXPECT(f, &op, "a", "fifteen");
	op.epoch = VOS_EPOCH_MAX;
	EXPECT(f, &op, "a", "twenty");
	EXPECT(f, &op, "b", "");
	op.dkey = str("other");
	EXPECT(f, &op, "a", "");
	/* A punch in the past hides what is older, and only that. */
	op = op_at(17, "d");
	CHECK_RC(vos_punch_dkey(f->c, &op), 0);
	EXPECT(f, &op, "a", "");
	op.epoch = 16;
	EXPECT(f, &op, "a", "fifteen");
	op.epoch = 30;
	EXPECT(f, &op, "a", "twenty");
	op.epoch = 31;
	CHECK_RC(vos_punch_obj(f->c, &op), 0);
	op.epoch = 40;
	EXPECT(f, &op, "a", "");
	CHECK_RC(vos_obj_epoch_max(f->c, op.oid, &epoch), 0);
	CHECK(epoch == 31);
	op.epoch = 41;
	CHECK_RC(put(f, &op, "a", "back"), 0);
	op.epoch = VOS_EPOCH_MAX;
	EXPECT(f, &op, "a", "back");
	close_store(f);
}

static void test_versions(void **state)
{
	(void)state;
	on_stores(versions);
}

/* ---- arrays ----------------------------------------------------------------------------- */

static int put_array(struct fix *f, const struct vos_op *op, uint64_t idx, uint64_t nr,
		     uint64_t size, char fill)
{
	char mem[512] = "";
	struct bseg seg;
	struct recx r = { idx, nr };
	struct buf b = buf_from_bytes(&seg, mem, nr * size);
	struct vos_iod iod = { .akey = str("arr"), .type = VOS_ARRAY, .size = size, .nr = 1,
			       .recxs = &r, .buf = &b };

	CHECK(nr * size <= sizeof(mem));
	memset(mem, fill, sizeof(mem));
	return vos_update(f->c, op, 1, &iod);
}

static void arrays(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct recx r[2] = { { 0, 20 }, { 30, 5 } };
	char mem[100] = "";
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, 50);
	struct vos_iod iod = { .akey = str("arr"), .type = VOS_ARRAY, .size = 99, .nr = 2,
			       .recxs = r, .buf = &b };
	const struct vos_got *g;
	struct vos_fetch *ft;
	struct vos_got got;

	(void)w;
	open_store(f, NULL);
	CHECK_RC(put_array(f, &op, 5, 10, 2, 'a'), 0);
	op.epoch = 20;
	CHECK_RC(put_array(f, &op, 8, 2, 2, 'b'), 0);
	CHECK_RC(put_array(f, &op, 32, 10, 2, 'c'), 0);
	op.epoch = 30;
	CHECK_RC(put_array(f, &op, 12, 1, 0, 0), 0);	/* a punch of one record */
	op.epoch = 40;
	memset(mem, '.', sizeof(mem));
	CHECK_RC(vos_fetch(f->c, &op, 1, &iod, &got), 0);
	CHECK(got.size == 2 && got.exts == NULL && got.nr == 5 && got.epoch == 20);
	/* Holes leave the buffer as it was. */
	CHECK(memcmp(mem, "..........aaaaaabbbbaaaa..aaaa..............cccccc", 50) == 0);
	CHECK_RC(vos_fetch_begin(f->c, &op, 1, &iod, &ft), 0);
	g = vos_fetch_got(ft, 0);
	CHECK(g->nr == 5 && g->data.bytes == 2 * (3 + 2 + 2 + 2 + 3));
	CHECK(g->exts[1].recx.idx == 8 && g->exts[1].recx.nr == 2 && g->exts[1].stored.nr == 2 &&
	      g->exts[1].epoch == 20 && g->exts[1].req_off == 16 && g->exts[1].data_off == 6);
	CHECK(g->exts[4].recx.idx == 32 && g->exts[4].recx.nr == 3 && g->exts[4].recx_idx == 1 &&
	      g->exts[4].stored.nr == 10 && g->exts[4].req_off == 44);
	/* What is pinned stays, whatever happens to the array. */
	op.epoch = 50;
	CHECK_RC(vos_punch_obj(f->c, &op), 0);
	CHECK_RC(vos_discard(f->c, NULL, (struct vos_range){ 1, 60 }, 1000,
			     &(struct vos_anchor){ 0 }),
		 0);
	b = buf_from_bytes(&seg, mem, 24);
	CHECK_RC(buf_copy(&b, 0, &g->data, 0, 24), 0);
	CHECK(memcmp(mem, "aaaaaabbbbaaaaaaaacccccc", 24) == 0);
	vos_fetch_end(ft);
	vos_fetch_end(NULL);
	close_store(f);
}

static void test_arrays(void **state)
{
	(void)state;
	on_stores(arrays);
}

static void sizes(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct recx r = { 0, 10 };
	char mem[64] = "";
	struct bseg segs[2];
	struct buf b[2] = { buf_from_bytes(&segs[0], mem, 4), buf_from_bytes(&segs[1], mem, 9) };
	struct vos_iod iods[2] = {
		{ .akey = str("one"), .type = VOS_SINGLE, .buf = &b[0] },
		{ .akey = str("arr"), .type = VOS_ARRAY, .nr = 1, .recxs = &r, .buf = &b[1] },
	};
	struct vos_got g[2];

	(void)w;
	open_store(f, NULL);
	CHECK_RC(put(f, &op, "one", "hello"), 0);
	CHECK_RC(put_array(f, &op, 2, 3, 2, 'x'), 0);
	op.epoch = 20;
	memset(mem, 0, sizeof(mem));
	CHECK_RC(vos_fetch(f->c, &op, 2, iods, g), -DER_REC2BIG);
	CHECK(g[0].size == 5 && g[1].size == 2);
	b[0] = buf_from_bytes(&segs[0], mem, 5);
	CHECK_RC(vos_fetch(f->c, &op, 2, iods, g), -DER_REC2BIG);
	/* Room for what is visible is room enough. */
	b[1] = buf_from_bytes(&segs[1], mem + 20, 10);
	CHECK_RC(vos_fetch(f->c, &op, 2, iods, g), 0);
	CHECK(memcmp(mem, "hello", 5) == 0 && memcmp(mem + 24, "xxxxxx", 6) == 0);
	/* Size queries. */
	iods[0].buf = NULL;
	iods[1].buf = NULL;
	CHECK_RC(vos_fetch(f->c, &op, 2, iods, g), 0);
	CHECK(g[0].size == 5 && g[1].size == 2);
	r = (struct recx){ 5, 100 };
	iods[0].akey = str("none");
	CHECK_RC(vos_fetch(f->c, &op, 2, iods, g), 0);
	CHECK(g[0].size == 0 && g[1].size == 0 && g[0].nr == 0);
	close_store(f);
}

static void test_sizes(void **state)
{
	(void)state;
	on_stores(sizes);
}

/* ---- what is refused -------------------------------------------------------------------- */

static void bad_forms(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct vos_op o;
	static char big[VOS_KEY_MAX_BYTES + 1];
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, big, 8);
	struct recx r[3] = { { 0, 4 }, { 10, 2 }, { 3, 2 } };
	struct vos_csum cs = { .type = 1, .sums = { big, VOS_CSUM_MAX_BYTES + 1 } };
	struct vos_iod one = { .akey = str("a"), .type = VOS_SINGLE, .size = 8, .buf = &b };
	struct vos_iod arr = { .akey = str("a"), .type = VOS_ARRAY, .size = 2, .nr = 1, .recxs = r,
			       .buf = &b };
	struct vos_iod many[VOS_AKEY_MAX + 1];
	struct vos_iod x;
	struct vos_dtx dtx = { .info = { big, VOS_INFO_MAX_BYTES + 1 } };
	struct vos_got got;
	struct bytes names[2] = { str("a"), str("a") };

#define BAD_OP(rc, ...)                                                                            \
	do {                                                                                       \
		o = op;                                                                            \
		__VA_ARGS__;                                                                       \
		CHECK_RC(vos_update(f->c, &o, 1, &one), rc);                                       \
	} while (0)
#define BAD_IOD(rc, iod, ...)                                                                      \
	do {                                                                                       \
		struct vos_update *u_ = NULL;                                                      \
		x = iod;                                                                           \
		__VA_ARGS__;                                                                       \
		CHECK_RC(vos_update(f->c, &op, 1, &x), rc);                                        \
		if (x.buf != NULL && x.buf->bytes == 8)                                            \
			CHECK_RC(vos_update_begin(f->c, &op, 1, &x, &u_), rc);                     \
		CHECK(u_ == NULL);                                                                 \
	} while (0)

	(void)w;
	open_store(f, NULL);
	BAD_OP(-DER_INVAL, o.epoch = 0);
	BAD_OP(-DER_INVAL, o.epoch = VOS_EPOCH_MAX);
	BAD_OP(-DER_INVAL, o.dkey.len = 0);
	BAD_OP(-DER_INVAL, o.dkey.ptr = NULL);
	BAD_OP(-DER_KEY2BIG, o.dkey = ((struct bytes){ big, sizeof(big) }));
	BAD_OP(-DER_INVAL, o.oid.hi = (uint64_t)DAOS_OT_MULTI_UINT64 << 56);
	BAD_OP(-DER_INVAL, o.oid.hi = 99ull << 56);
	BAD_OP(-DER_INVAL, o.flags = 1ull << 60);
	BAD_OP(-DER_INVAL, o.flags = DAOS_COND_PUNCH);
	BAD_OP(-DER_INVAL, o.flags = DAOS_COND_DKEY_FETCH);
	BAD_OP(-DER_INVAL, o.flags = DAOS_COND_DKEY_INSERT | DAOS_COND_DKEY_UPDATE);
	BAD_OP(-DER_INVAL, o.flags = DAOS_COND_AKEY_INSERT | DAOS_COND_AKEY_UPDATE);
	BAD_OP(-DER_INVAL, o.flags = DAOS_COND_AKEY_INSERT | DAOS_COND_PER_AKEY);
	BAD_OP(-DER_OVERFLOW, o.dtx = &dtx);
	BAD_IOD(-DER_INVAL, one, x.akey.len = 0);
	BAD_IOD(-DER_KEY2BIG, one, x.akey = ((struct bytes){ big, sizeof(big) }));
	BAD_IOD(-DER_INVAL, one, x.type = VOS_NONE);
	BAD_IOD(-DER_INVAL, one, x.type = (enum vos_type)3);
	BAD_IOD(-DER_OVERFLOW, one, x.csums = &cs);
	BAD_IOD(-DER_INVAL, arr, x.nr = 0);
	BAD_IOD(-DER_INVAL, arr, x.recxs = NULL);
	BAD_IOD(-DER_OVERFLOW, arr, x.nr = VOS_RECX_MAX + 1);
	BAD_IOD(-DER_INVAL, arr, r[0].nr = 0);
	r[0] = (struct recx){ UINT64_MAX, 2 };
	BAD_IOD(-DER_INVAL, arr, );
	r[0] = (struct recx){ 0, 1ull << 62 };
	BAD_IOD(-DER_INVAL, arr, x.size = 1ull << 3);
	r[0] = (struct recx){ 0, 4 };
	BAD_IOD(-DER_NO_PERM, arr, (x.nr = 3, x.size = 1));
	x = one;
	x.size = 7;	/* not what the buffer has */
	CHECK_RC(vos_update(f->c, &op, 1, &x), -DER_INVAL);
	x.buf = NULL;
	CHECK_RC(vos_update(f->c, &op, 1, &x), -DER_INVAL);
	CHECK_RC(vos_update(f->c, &op, 0, &one), -DER_INVAL);
	many[0] = one;
	many[1] = one;
	CHECK_RC(vos_update(f->c, &op, 2, many), -DER_NO_PERM);
	CHECK_RC(vos_fetch(f->c, &op, 2, many, &got), -DER_NO_PERM);
	CHECK_RC(vos_update(f->c, &op, VOS_AKEY_MAX + 1, many), -DER_OVERFLOW);
	CHECK_RC(vos_fetch(f->c, &op, VOS_AKEY_MAX + 1, many, &got), -DER_OVERFLOW);
	CHECK_RC(vos_punch_akeys(f->c, &op, 2, names), -DER_NO_PERM);
	CHECK_RC(vos_punch_akeys(f->c, &op, VOS_AKEY_MAX + 1, names), -DER_OVERFLOW);
	CHECK_RC(vos_punch_akeys(f->c, &op, 0, NULL), -DER_INVAL);
	o = op;
	o.dkey.ptr = NULL;
	CHECK_RC(vos_punch_dkey(f->c, &o), -DER_INVAL);
	o = op;
	o.flags = DAOS_COND_DKEY_UPDATE;
	CHECK_RC(vos_punch_dkey(f->c, &o), -DER_INVAL);
	CHECK_RC(vos_fetch(f->c, &o, 1, &one, &got), -DER_INVAL);
	o.flags = VOS_VERIFY;
	CHECK_RC(vos_fetch(f->c, &o, 1, &one, &got), -DER_NOSYS);
	/* None of it left anything. */
	{
		struct vos_cont_info info;

		CHECK_RC(vos_cont_query(f->c, &info), 0);
		CHECK(info.objects == 0 && info.epoch_max == 0);
	}
	/* Flat objects have a value without akey. */
	o = op;
	o.oid.hi = (uint64_t)DAOS_OT_KV_LEXICAL << 56;
	x = one;
	x.akey = (struct bytes){ 0 };
	CHECK_RC(vos_update(f->c, &o, 1, &x), 0);
	CHECK_RC(vos_fetch(f->c, &o, 1, &x, &got), 0);
	CHECK(got.size == 8);
	close_store(f);
}

static void test_bad_forms(void **state)
{
	(void)state;
	on_stores(bad_forms);
}

static void conditions(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct vos_op o;
	struct bytes name = str("b");
	struct bseg seg;
	char mem[1] = { 'v' };
	struct buf b = buf_from_bytes(&seg, mem, 1);
	struct vos_iod two[2] = {
		{ .akey = str("a"), .type = VOS_SINGLE, .size = 1, .buf = &b },
		{ .akey = str("b"), .type = VOS_SINGLE, .size = 1, .buf = &b },
	};
	struct vos_got g[2];
	uint64_t epoch = 10;
	char val[64];

#define COND(call, fl, rc)                                                                         \
	do {                                                                                       \
		o = op;                                                                            \
		o.epoch = ++epoch;                                                                 \
		o.flags = fl;                                                                      \
		CHECK_RC(call, rc);                                                                \
	} while (0)

	(void)w;
	open_store(f, NULL);
	COND(put(f, &o, "a", "1"), DAOS_COND_DKEY_UPDATE, -DER_NONEXIST);
	COND(put(f, &o, "a", "1"), DAOS_COND_AKEY_UPDATE, -DER_NONEXIST);
	COND(get(f, &o, "a", val), DAOS_COND_DKEY_FETCH, -DER_NONEXIST);
	COND(get(f, &o, "a", val), DAOS_COND_AKEY_FETCH, -DER_NONEXIST);
	COND(vos_punch_obj(f->c, &o), DAOS_COND_PUNCH, -DER_NONEXIST);
	COND(put(f, &o, "a", "1"), DAOS_COND_DKEY_INSERT | DAOS_COND_AKEY_INSERT, 0);
	COND(put(f, &o, "a", "1"), DAOS_COND_DKEY_INSERT, -DER_EXIST);
	COND(put(f, &o, "a", "1"), DAOS_COND_AKEY_INSERT, -DER_EXIST);
	COND(put(f, &o, "a", "2"), DAOS_COND_AKEY_UPDATE | DAOS_COND_DKEY_UPDATE, 0);
	COND(get(f, &o, "a", val), DAOS_COND_AKEY_FETCH, 0);
	COND(get(f, &o, "b", val), DAOS_COND_AKEY_FETCH, -DER_NONEXIST);
	COND(vos_punch_akeys(f->c, &o, 1, &name), DAOS_COND_PUNCH, -DER_NONEXIST);
	/* One akey may, the other must not. */
	two[0].flags = DAOS_COND_AKEY_UPDATE;
	two[1].flags = DAOS_COND_AKEY_INSERT;
	COND(vos_update(f->c, &o, 2, two), DAOS_COND_PER_AKEY, 0);
	COND(vos_update(f->c, &o, 2, two), DAOS_COND_PER_AKEY, -DER_EXIST);
	two[0].flags = DAOS_COND_AKEY_FETCH;
	two[1].flags = 0;
	two[1].akey = str("z");
	COND(vos_fetch(f->c, &o, 2, two, g), DAOS_COND_PER_AKEY, 0);
	COND(vos_fetch(f->c, &o, 2, two, g), DAOS_COND_AKEY_FETCH, -DER_NONEXIST);
	/* The last akey takes its dkey along. */
	COND(vos_punch_akeys(f->c, &o, 1, &name), DAOS_COND_PUNCH, 0);
	name = str("a");
	COND(vos_punch_akeys(f->c, &o, 1, &name), DAOS_COND_PUNCH, 0);
	COND(vos_punch_dkey(f->c, &o), DAOS_COND_PUNCH, -DER_NONEXIST);
	COND(put(f, &o, "a", "3"), DAOS_COND_DKEY_UPDATE, -DER_NONEXIST);
	COND(put(f, &o, "a", "3"), DAOS_COND_DKEY_INSERT, 0);
	COND(vos_punch_dkey(f->c, &o), DAOS_COND_PUNCH, 0);
	COND(put(f, &o, "a", "3"), 0, 0);
	COND(vos_punch_obj(f->c, &o), DAOS_COND_PUNCH, 0);
	COND(vos_punch_obj(f->c, &o), DAOS_COND_PUNCH, 0);	/* punched before */
	close_store(f);
}

static void test_conditions(void **state)
{
	(void)state;
	on_stores(conditions);
}

static void types(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct recx r = { 0, 4 };
	struct vos_iod arr = { .akey = str("a"), .type = VOS_ARRAY, .nr = 1, .recxs = &r };
	struct bytes name = str("arr");
	struct vos_got got;
	char val[64];

	(void)w;
	open_store(f, NULL);
	CHECK_RC(put(f, &op, "a", "single"), 0);
	CHECK_RC(put_array(f, &op, 0, 4, 2, 'x'), 0);
	op.epoch = 20;
	op.flags = VOS_NO_READ_TS;
	CHECK_RC(put(f, &op, "arr", "single"), -DER_NO_PERM);
	CHECK_RC(put_array(f, &op, 0, 4, 3, 'x'), -DER_INVAL);
	CHECK_RC(vos_update(f->c, &op, 1, &arr), -DER_NO_PERM);	/* punch of records */
	CHECK_RC(vos_fetch(f->c, &op, 1, &arr, &got), -DER_NO_PERM);
	CHECK_RC(get(f, &op, "arr", val), -DER_NO_PERM);
	/* After a punch it may be something else; before it, it is what it was. */
	op.epoch = 30;
	CHECK_RC(vos_punch_akeys(f->c, &op, 1, &name), 0);
	op.epoch = 40;
	CHECK_RC(put(f, &op, "arr", "single"), 0);
	op.epoch = 50;
	CHECK_RC(put_array(f, &op, 0, 4, 2, 'x'), -DER_NO_PERM);
	op.flags = VOS_NO_READ_TS;
	EXPECT(f, &op, "arr", "single");
	arr.akey = str("arr");
	op.epoch = 25;
	CHECK_RC(vos_fetch(f->c, &op, 1, &arr, &got), 0);
	CHECK(got.size == 2);
	CHECK_RC(get(f, &op, "arr", val), -DER_NO_PERM);
	op.epoch = 26;
	CHECK_RC(put_array(f, &op, 0, 4, 2, 'y'), 0);
	op.epoch = 27;
	CHECK_RC(put_array(f, &op, 0, 4, 1, 'y'), -DER_INVAL);
	close_store(f);
}

static void test_types(void **state)
{
	(void)state;
	on_stores(types);
}

/* ---- read timestamps, equal versions ---------------------------------------------------- */

static void restarts(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_opts opts = { .epoch_floor = 5, .ts_slots = 1u << 14 };
	struct vos_dtx t1 = { .id = { .hlc = 1 } };
	struct vos_dtx t2 = { .id = { .hlc = 2 } };
	struct vos_op op = op_at(5, "d");
	struct vos_op rd = op_at(50, "d");
	struct vos_anchor a = { 0 };
	struct vos_iter it = { .type = VOS_ITER_DKEY, .op = &rd };
	struct bytes name = str("a");
	char val[64];

	(void)w;
	open_store(f, &opts);
	CHECK_RC(put(f, &op, "a", "x"), -DER_TX_RESTART);	/* the floor */
	op.flags = VOS_REBUILD;
	CHECK_RC(put(f, &op, "a", "x"), 0);
	op.flags = 0;
	CHECK_RC(get(f, &rd, "a", val), 0);
	op.epoch = 49;
	CHECK_RC(put(f, &op, "a", "y"), -DER_TX_RESTART);
	CHECK_RC(vos_punch_akeys(f->c, &op, 1, &name), -DER_TX_RESTART);
	CHECK_RC(vos_punch_dkey(f->c, &op), -DER_TX_RESTART);
	CHECK_RC(vos_punch_obj(f->c, &op), -DER_TX_RESTART);
	CHECK_RC(put(f, &op, "b", "y"), 0);	/* another akey was not read */
	op.epoch = 50;
	CHECK_RC(put(f, &op, "a", "y"), -DER_TX_RESTART);
	op.dtx = &t1;
	CHECK_RC(put(f, &op, "a", "y"), -DER_TX_RESTART);
	/* Who alone read at an epoch may write at it. */
	rd.epoch = 60;
	rd.dtx = &t1;
	CHECK_RC(get(f, &rd, "a", val), 0);
	op.epoch = 60;
	CHECK_RC(put(f, &op, "a", "y"), 0);
	rd.epoch = 70;
	CHECK_RC(get(f, &rd, "c", val), 0);
	rd.dtx = &t2;
	CHECK_RC(get(f, &rd, "c", val), 0);
	op.epoch = 70;
	CHECK_RC(put(f, &op, "c", "y"), -DER_TX_RESTART);	/* two read */
	op.dtx = NULL;
	CHECK_RC(vos_dtx_commit(f->c, 1, &t1.id), 0);
	/* A listing depends on everything below. */
	rd = op_at(80, "d");
	while (!vos_anchor_is_end(&a))
		CHECK_RC(vos_iterate(f->c, &it, &a, stop_at_once, NULL), 0);
	op.epoch = 79;
	op.dkey = str("new");
	CHECK_RC(put(f, &op, "a", "y"), -DER_TX_RESTART);
	op.oid.lo = 77;
	CHECK_RC(put(f, &op, "a", "y"), 0);	/* another object */
	it.type = VOS_ITER_OBJ;
	rd.epoch = 90;
	memset(&a, 0, sizeof(a));
	CHECK_RC(vos_iterate(f->c, &it, &a, stop_at_once, NULL), 0);
	op.epoch = 89;
	op.oid.lo = 78;
	CHECK_RC(put(f, &op, "a", "y"), -DER_TX_RESTART);
	/* Reads of the newest and unrecorded reads stand in nobody's way. */
	rd.epoch = VOS_EPOCH_MAX;
	CHECK_RC(get(f, &rd, "a", val), 0);
	rd.epoch = 1000;
	rd.flags = VOS_NO_READ_TS;
	CHECK_RC(get(f, &rd, "a", val), 0);
	op = op_at(100, "d");
	CHECK_RC(put(f, &op, "a", "z"), 0);
	close_store(f);
}

static void test_restarts(void **state)
{
	(void)state;
	on_stores(restarts);
}

static void equal_versions(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_dtx t1 = { .id = { .hlc = 1 } };
	struct vos_op op = op_at(10, "d");
	struct bytes name = str("arr");

	(void)w;
	open_store(f, NULL);
	CHECK_RC(put(f, &op, "a", "x"), 0);
	CHECK_RC(put(f, &op, "a", "y"), -DER_TX_RESTART);
	CHECK_RC(vos_punch_dkey(f->c, &op), -DER_TX_RESTART);
	CHECK_RC(vos_punch_obj(f->c, &op), -DER_TX_RESTART);
	CHECK_RC(put_array(f, &op, 0, 5, 1, 'x'), 0);
	CHECK_RC(put_array(f, &op, 5, 5, 1, 'x'), 0);	/* other records */
	CHECK_RC(put_array(f, &op, 4, 5, 1, 'x'), -DER_TX_RESTART);
	CHECK_RC(vos_punch_akeys(f->c, &op, 1, &name), -DER_TX_RESTART);
	op.minor = 1;
	CHECK_RC(put(f, &op, "a", "minor"), 0);
	EXPECT(f, &op, "a", "minor");
	op.flags = VOS_REBUILD;
	CHECK_RC(put(f, &op, "a", "again"), 0);
	CHECK_RC(put_array(f, &op, 0, 5, 1, 'y'), 0);
	CHECK_RC(put_array(f, &op, 0, 5, 1, 'y'), 0);
	EXPECT(f, &op, "a", "again");
	op.flags = 0;
	op.minor = 0;
	op.epoch = 20;
	CHECK_RC(vos_punch_dkey(f->c, &op), 0);
	CHECK_RC(vos_punch_dkey(f->c, &op), -DER_TX_RESTART);
	CHECK_RC(put(f, &op, "a", "x"), -DER_TX_RESTART);
	/* A prepared transaction may say the same thing again. */
	op.epoch = 30;
	op.dtx = &t1;
	CHECK_RC(put(f, &op, "a", "once"), 0);
	CHECK_RC(put(f, &op, "a", "twice"), 0);
	CHECK_RC(vos_dtx_commit(f->c, 1, &t1.id), 0);
	op.dtx = NULL;
	EXPECT(f, &op, "a", "twice");
	close_store(f);
}

static void test_equal_versions(void **state)
{
	(void)state;
	on_stores(equal_versions);
}

/* ---- transactions ----------------------------------------------------------------------- */

static int note_dtx(void *arg, const struct vos_dtx_info *info)
{
	struct vos_dtx_info *x = arg;

	x[info->id.hlc - 1] = *info;
	CHECK(info->info.len == 0 || memcmp(info->info.ptr, "info", 4) == 0);
	return VOS_ITER_STOP;
}

static void transactions(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_dtx t[3] = { { .id = { .hlc = 1 }, .info = str("info") }, { .id = { .hlc = 2 } },
				{ .id = { .hlc = 3 } } };
	struct vos_dtx_id ids[3] = { t[0].id, t[1].id, t[2].id };
	struct vos_dtx_info info[3] = { 0 };
	struct vos_dtx_id who = { 0 };
	struct vos_op op = op_at(10, "d");
	struct vos_op rd = op_at(20, "d");
	struct vos_key_query q = { .flags = DAOS_GET_MAX | DAOS_GET_RECX, .akey_name = str("arr") };
	struct vos_iter it = { .type = VOS_ITER_DKEY, .op = &rd };
	struct vos_anchor a = { 0 };
	enum vos_dtx_state st;
	char val[64];
	int n = 0;

	(void)w;
	open_store(f, NULL);
	op.dtx = &t[0];
	rd.busy = &who;
	rd.flags = VOS_NO_READ_TS;
	CHECK_RC(put(f, &op, "a", "mine"), 0);
	CHECK_RC(put_array(f, &op, 3, 5, 1, 'x'), 0);
	CHECK_RC(get(f, &rd, "a", val), -DER_INPROGRESS);
	CHECK(who.hlc == 1);
	CHECK_RC(vos_query_key(f->c, &rd, &q), -DER_INPROGRESS);
	CHECK_RC(vos_iterate(f->c, &it, &a, stop_at_once, NULL), -DER_INPROGRESS);
	rd.epoch = 9;
	EXPECT(f, &rd, "a", "");	/* before it */
	rd.epoch = 20;
	rd.dtx = &t[0];
	EXPECT(f, &rd, "a", "mine");
	rd.dtx = NULL;
	/* Conditions, and types, that depend on it. */
	op.dtx = NULL;
	op.epoch = 25;
	op.flags = DAOS_COND_AKEY_INSERT | VOS_NO_READ_TS;
	CHECK_RC(put(f, &op, "a", "x"), -DER_INPROGRESS);
	op.flags = VOS_NO_READ_TS;
	CHECK_RC(put_array(f, &op, 3, 5, 2, 'x'), -DER_INPROGRESS);
	CHECK_RC(put(f, &op, "a", "newer"), 0);	/* a blind write does not */
	EXPECT(f, &op, "a", "newer");
	CHECK_RC(vos_dtx_status(f->c, &ids[0], &st), 0);
	CHECK(st == VOS_DTX_PREPARED);
	CHECK_RC(vos_dtx_status(f->c, &ids[1], &st), -DER_NONEXIST);
	CHECK_RC(vos_dtx_commit(f->c, 2, ids), -DER_NONEXIST);	/* the first is committed */
	CHECK_RC(vos_dtx_commit(f->c, 1, ids), 0);
	CHECK_RC(vos_dtx_abort(f->c, &ids[0]), -DER_ALREADY);
	EXPECT(f, &rd, "a", "mine");
	op.dtx = &t[0];
	CHECK_RC(put(f, &op, "b", "late"), -DER_ALREADY);
	CHECK_RC(vos_punch_obj(f->c, &op), -DER_ALREADY);
	CHECK_RC(vos_dtx_abort(f->c, &ids[1]), 0);
	CHECK_RC(vos_dtx_abort(f->c, &ids[1]), 0);
	CHECK_RC(vos_dtx_commit(f->c, 1, &ids[1]), -DER_CANCELED);
	op.dtx = &t[1];
	CHECK_RC(put(f, &op, "b", "late"), -DER_CANCELED);
	CHECK_RC(vos_punch_dkey(f->c, &op), -DER_CANCELED);
	op.dtx = &t[2];
	op.epoch = 30;
	CHECK_RC(vos_punch_obj(f->c, &op), 0);
	memset(&a, 0, sizeof(a));
	for (n = 0; !vos_anchor_is_end(&a); n++)
		CHECK_RC(vos_dtx_list(f->c, &a, note_dtx, info), 0);
	CHECK(n == 4);
	CHECK(info[0].state == VOS_DTX_COMMITTED && info[1].state == VOS_DTX_ABORTED &&
	      info[2].state == VOS_DTX_PREPARED && info[2].mutations == 1 && info[2].epoch == 30 &&
	      info[0].info.len == 4 && info[2].oid.lo == 1);
	memset(&a, 0, sizeof(a));
	a.b[0] = 9;
	CHECK_RC(vos_dtx_list(f->c, &a, note_dtx, info), -DER_INVAL);
	CHECK_RC(vos_dtx_forget(f->c, 3), 0);
	CHECK_RC(vos_dtx_status(f->c, &ids[0], &st), -DER_NONEXIST);
	CHECK_RC(vos_dtx_status(f->c, &ids[2], &st), 0);
	CHECK_RC(vos_dtx_abort(f->c, &ids[2]), 0);
	rd.epoch = 40;
	EXPECT(f, &rd, "a", "newer");
	close_store(f);
}

static void test_transactions(void **state)
{
	(void)state;
	on_stores(transactions);
}

/* ---- listings --------------------------------------------------------------------------- */

struct names {
	char text[256];
	int want;
};

static int add_name(void *arg, const struct vos_entry *e)
{
	struct names *n = arg;

	if (n->want < 0 || n->want > 2)
		return n->want;
	strncat(n->text, e->key.ptr, e->key.len);
	return n->want;
}

static void listings(struct vw *w, void *arg)
{
	static const char *const dkeys[] = { "m", "c", "zz", "z", "a" };
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct vos_op rd = op_at(VOS_EPOCH_MAX, "d");
	struct vos_iter it = { .type = VOS_ITER_DKEY, .op = &rd };
	struct vos_anchor a = { 0 };
	struct vos_anchor b;
	struct names n = { .text = "" };
	uint32_t i;

	(void)w;
	open_store(f, NULL);
	op.oid.hi = rd.oid.hi = (uint64_t)DAOS_OT_DKEY_LEXICAL << 56;
	for (i = 0; i < ARRAY_COUNT(dkeys); i++) {
		op.dkey = str(dkeys[i]);
		op.epoch++;
		CHECK_RC(put(f, &op, "x", dkeys[i]), 0);
	}
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);
	CHECK(strcmp(n.text, "acmzzz") == 0 && vos_anchor_is_end(&a));
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);	/* the end stays the end */
	CHECK(strcmp(n.text, "acmzzz") == 0);
	n.text[0] = 0;
	memset(&a, 0, sizeof(a));
	it.flags = VOS_ITER_REVERSE;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);
	CHECK(strcmp(n.text, "zzzmca") == 0);
	/* Stop, undo, and the caller's own words. */
	n = (struct names){ .want = VOS_ITER_STOP };
	it.flags = 0;
	memset(&a, 0, sizeof(a));
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);
	b = a;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);
	CHECK(strcmp(n.text, "ac") == 0);
	n.want = VOS_ITER_UNDO;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);
	n.want = -DER_KEY2BIG;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), -DER_KEY2BIG);
	n.want = 17;
	CHECK(vos_iterate(f->c, &it, &a, add_name, &n) == 17);
	/* An anchor may be used again; the entry that it names may be gone. */
	op.dkey = str("a");
	op.epoch = 100;
	CHECK_RC(vos_punch_dkey(f->c, &op), 0);
	CHECK_RC(vos_aggregate(f->c, (struct vos_range){ 0, 100 }, 1000, &(struct vos_anchor){ 0 }),
		 0);
	n = (struct names){ .want = VOS_ITER_NEXT };
	CHECK_RC(vos_iterate(f->c, &it, &b, add_name, &n), 0);
	CHECK(strcmp(n.text, "cmzzz") == 0);
	/* Anchors of something else. */
	memset(&a, 0, sizeof(a));
	n.want = VOS_ITER_STOP;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);
	it.type = VOS_ITER_AKEY;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), -DER_INVAL);
	it.type = VOS_ITER_DKEY;
	it.flags = VOS_ITER_REVERSE;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), -DER_INVAL);
	it.flags = 0;
	rd.oid.lo = 99;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), -DER_INVAL);
	memset(&a, 0xff, sizeof(a));
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), -DER_INVAL);
	memset(&a, 0, sizeof(a));
	it.type = (enum vos_iter_type)9;
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), -DER_INVAL);
	it.type = VOS_ITER_DKEY;
	rd.epoch = 50;	/* below what was aggregated */
	CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), -DER_TX_RESTART);
	close_store(f);
}

static void test_listings(void **state)
{
	(void)state;
	on_stores(listings);
}

/* Long keys that differ behind what an anchor holds, taken one by one, some removed on the way. */
static void long_keys(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct vos_op rd = op_at(VOS_EPOCH_MAX, "d");
	struct vos_iter it = { .type = VOS_ITER_DKEY, .op = &rd };
	struct vos_anchor a = { 0 };
	struct names n = { .want = VOS_ITER_STOP };
	char name[120];
	int seen = 0;
	int i;

	(void)w;
	open_store(f, NULL);
	op.oid.hi = rd.oid.hi = (uint64_t)DAOS_OT_DKEY_LEXICAL << 56;
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%0100d", i);
		op.dkey = str(name);
		op.epoch++;
		CHECK_RC(put(f, &op, "x", "v"), 0);
	}
	while (!vos_anchor_is_end(&a)) {
		n.text[0] = 0;
		CHECK_RC(vos_iterate(f->c, &it, &a, add_name, &n), 0);
		if (n.text[0] == 0)
			continue;
		snprintf(name, sizeof(name), "%0100d", seen);
		CHECK(strcmp(n.text, name) == 0);
		/* Punched, but not yet aggregated away: the place is known. */
		op.dkey = str(name);
		op.epoch++;
		CHECK_RC(vos_punch_dkey(f->c, &op), 0);
		seen++;
	}
	CHECK(seen == 20);
	close_store(f);
}

static void test_long_keys(void **state)
{
	(void)state;
	on_stores(long_keys);
}

static void queries(struct vw *w, void *arg)
{
	static const uint64_t keys[] = { 5, 1000, 0, 77 };
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct vos_key_query q;
	uint64_t key;
	uint64_t akey = 3;
	struct recx r = { 10, 5 };
	char mem[16] = "";
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, 10);
	struct vos_iod iod = { .akey = { &akey, 8 }, .type = VOS_ARRAY, .size = 2, .nr = 1,
			       .recxs = &r, .buf = &b };
	uint32_t i;

#define QUERY(fl, rc)                                                                              \
	do {                                                                                       \
		q.flags = fl;                                                                      \
		CHECK_RC(vos_query_key(f->c, &op, &q), rc);                                        \
	} while (0)

	(void)w;
	open_store(f, NULL);
	memset(&q, 0, sizeof(q));
	op.oid.hi = (uint64_t)DAOS_OT_MULTI_UINT64 << 56;
	op.dkey = (struct bytes){ &key, 8 };
	QUERY(DAOS_GET_MAX | DAOS_GET_DKEY, -DER_NONEXIST);
	for (i = 0; i < ARRAY_COUNT(keys); i++) {
		key = keys[i];
		akey = 3 + i;
		r.idx = 10 * i;
		op.epoch = 20 + i;
		CHECK_RC(vos_update(f->c, &op, 1, &iod), 0);
	}
	op.epoch = 30;
	QUERY(DAOS_GET_MAX | DAOS_GET_DKEY, 0);
	CHECK(q.dkey == 1000);
	QUERY(DAOS_GET_MIN | DAOS_GET_DKEY, 0);
	CHECK(q.dkey == 0);
	QUERY(DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX, 0);
	CHECK(q.dkey == 1000 && q.akey == 4 && q.recx.idx == 10 && q.recx.nr == 5 && q.size == 2);
	key = 77;
	QUERY(DAOS_GET_MIN | DAOS_GET_AKEY, 0);
	CHECK(q.akey == 6);
	/* The akey decides which dkey answers. */
	akey = 3;
	q.akey_name = (struct bytes){ &akey, 8 };
	QUERY(DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_RECX, 0);
	CHECK(q.dkey == 5);
	key = 5;
	QUERY(DAOS_GET_MAX | DAOS_GET_RECX, 0);
	CHECK(q.recx.idx == 0 && q.recx.nr == 5);
	key = 6;
	QUERY(DAOS_GET_MAX | DAOS_GET_RECX, -DER_NONEXIST);
	QUERY(DAOS_GET_MAX, -DER_INVAL);
	QUERY(DAOS_GET_DKEY, -DER_INVAL);
	QUERY(DAOS_GET_MAX | DAOS_GET_MIN | DAOS_GET_DKEY, -DER_INVAL);
	QUERY(DAOS_GET_MAX | DAOS_GET_DKEY | 1024, -DER_INVAL);
	op.oid.hi = (uint64_t)DAOS_OT_DKEY_UINT64 << 56;
	QUERY(DAOS_GET_MAX | DAOS_GET_AKEY, -DER_INVAL);
	op.oid.hi = 0;
	QUERY(DAOS_GET_MAX | DAOS_GET_DKEY, -DER_INVAL);
	op.oid.hi = (uint64_t)DAOS_OT_MULTI_UINT64 << 56;
	op.epoch = 40;
	CHECK_RC(vos_aggregate(f->c, (struct vos_range){ 0, 40 }, 1000, &(struct vos_anchor){ 0 }),
		 0);
	op.epoch = 30;
	QUERY(DAOS_GET_MAX | DAOS_GET_DKEY, -DER_TX_RESTART);
	close_store(f);
}

static void test_queries(void **state)
{
	(void)state;
	on_stores(queries);
}

/* ---- history ---------------------------------------------------------------------------- */

static void history(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct vos_op rd = op_at(10, "d");
	uint64_t snaps[2] = { 30, 20 };
	uint64_t got[4];
	struct vos_anchor a = { 0 };
	struct vos_space before;
	struct vos_space after;
	struct bseg seg;
	struct recx r = { 0, 4 };
	char mem[4] = { 'a', 'b', 'c', 'd' };
	struct buf b = buf_from_bytes(&seg, mem, 4);
	struct vos_iod iod = { .akey = str("arr"), .type = VOS_ARRAY, .size = 1, .nr = 1,
			       .recxs = &r, .buf = &b };
	struct vos_got g;
	char val[64];
	uint32_t nr;
	int i;

	(void)w;
	open_store(f, NULL);
	rd.flags = VOS_NO_READ_TS;
	for (i = 1; i <= 1000; i++) {
		op.epoch = (uint64_t)i;
		snprintf(val, sizeof(val), "v%d", i);
		CHECK_RC(put(f, &op, "a", val), 0);
		CHECK_RC(vos_update(f->c, &op, 1, &iod), 0);
	}
	CHECK_RC(vos_snapshots_set(f->c, 2, snaps), -DER_INVAL);
	snaps[0] = 10;
	CHECK_RC(vos_snapshots_set(f->c, 2, snaps), 0);
	CHECK_RC(vos_snapshots_get(f->c, 1, got, &nr), 0);
	CHECK(nr == 2 && got[0] == 10);
	CHECK_RC(vos_query(f->v, &before), 0);
	while (!vos_anchor_is_end(&a))
		CHECK_RC(vos_aggregate(f->c, (struct vos_range){ 0, 900 }, 10, &a), 0);
	CHECK_RC(vos_query(f->v, &after), 0);
	/* 1,800 of 2,000 entries are gone, and their memory. */
	CHECK(after.mem_bytes < before.mem_bytes / 4);
	for (i = 5; i <= 1000; i += 5) {
		rd.epoch = (uint64_t)i;
		snprintf(val, sizeof(val), "v%d", i);
		if (i == 10 || i == 20 || i >= 900)
			EXPECT(f, &rd, "a", val);
		else
			CHECK_RC(get(f, &rd, "a", val), -DER_TX_RESTART);
	}
	rd.epoch = 950;
	CHECK_RC(vos_fetch(f->c, &rd, 1, &iod, &g), 0);
	CHECK(g.size == 1 && g.epoch == 950);
	op.epoch = 900;
	op.minor = 1;
	CHECK_RC(put(f, &op, "a", "late"), -DER_TX_RESTART);
	CHECK_RC(vos_punch_obj(f->c, &op), -DER_TX_RESTART);
	op.flags = VOS_REBUILD;
	CHECK_RC(put(f, &op, "a", "rebuilt"), 0);
	snaps[1] = 21;
	CHECK_RC(vos_snapshots_set(f->c, 2, snaps), -DER_TX_RESTART);
	CHECK_RC(vos_aggregate(f->c, (struct vos_range){ 5, 4 }, 1, &a), -DER_INVAL);
	memset(&a, 1, sizeof(a));
	CHECK_RC(vos_aggregate(f->c, (struct vos_range){ 0, 4 }, 1, &a), -DER_INVAL);
	CHECK_RC(vos_discard(f->c, NULL, (struct vos_range){ 0, 4 }, 1, &a), -DER_INVAL);
	memset(&a, 0, sizeof(a));
	CHECK_RC(vos_aggregate(f->c, (struct vos_range){ 0, VOS_EPOCH_MAX }, 1, &a), -DER_INVAL);
	/* A read that may be about to change: in (epoch, bound]. */
	rd.epoch = 950;
	rd.bound = 951;
	CHECK_RC(get(f, &rd, "a", val), -DER_TX_RESTART);
	CHECK_RC(vos_fetch(f->c, &rd, 1, &iod, &g), -DER_TX_RESTART);
	rd.epoch = 1000;
	rd.bound = 2000;
	EXPECT(f, &rd, "a", "v1000");
	close_store(f);
}

static void test_history(void **state)
{
	(void)state;
	on_stores(history);
}

/* One extent overwritten again and again: no slower at the end, and one extent's worth
 * afterwards. */
static void overwrites(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(1, "d");
	struct vos_space sp;
	struct vos_anchor a = { 0 };
	int i;

	(void)w;
	f->volatile_store = true;
	open_store(f, NULL);
	for (i = 1; i <= 100000; i++) {
		op.epoch = (uint64_t)i;
		CHECK_RC(put_array(f, &op, 100, 50, 1, 'x'), 0);
		op.minor = 1;
		CHECK_RC(put_array(f, &op, 120, 50, 1, 'x'), 0);
		op.minor = 0;
	}
	CHECK_RC(vos_aggregate(f->c, (struct vos_range){ 0, 200000 }, UINT32_MAX, &a), 0);
	CHECK_RC(vos_query(f->v, &sp), 0);
	CHECK(sp.mem_bytes < 4096);
	close_store(f);
}

static void test_overwrites(void **state)
{
	struct fix f = { 0 };

	(void)state;
	vw_init(&f.w, MIB, 512, 1);
	assert_true(vw_script(&f.w, overwrites, &f));
	vw_fini(&f.w);
}

/* ---- checksums -------------------------------------------------------------------------- */

static int verify(void *arg, const struct vos_csum *csum, struct recx recx, uint64_t rec_bytes,
		  const struct buf *content)
{
	uint8_t sum = 0;
	uint64_t i;

	CHECK(csum->type == 9 && csum->sums.len == 1 && content->bytes == recx.nr * rec_bytes);
	for (i = 0; i < content->bytes; i++)
		sum = (uint8_t)(sum + *(uint8_t *)buf_ptr(content, i, 1));
	(*(int *)arg)++;
	return sum == *(const uint8_t *)csum->sums.ptr ? 0 : -DER_CSUM;
}

static void checksums(struct vw *w, void *arg)
{
	struct fix *f = arg;
	int calls = 0;
	struct vos_opts opts = { .verify = verify, .verify_arg = &calls };
	struct vos_op op = op_at(10, "d");
	uint8_t sums[2] = { 1 + 2 + 3 + 4, 5 + 6 };
	uint8_t data[6] = { 1, 2, 3, 4, 5, 6 };
	struct recx r[2] = { { 0, 4 }, { 10, 2 } };
	struct recx part = { 1, 1 };
	struct vos_csum cs[2] = {
		{ .type = 9, .len = 1, .sums = { &sums[0], 1 } },
		{ .type = 9, .len = 1, .sums = { &sums[1], 1 } },
	};
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, data, 6);
	struct vos_iod iod = { .akey = str("arr"),
			       .type = VOS_ARRAY,
			       .size = 1,
			       .nr = 2,
			       .recxs = r,
			       .csums = cs,
			       .buf = &b };
	struct vos_iod one = {
		.akey = str("one"), .type = VOS_SINGLE, .size = 6, .csums = cs, .buf = &b
	};
	struct vos_fetch *ft;
	int pass;

	(void)w;
	open_store(f, &opts);
	CHECK_RC(vos_update(f->c, &op, 1, &iod), 0);
	sums[0] = 21;
	CHECK_RC(vos_update(f->c, &op, 1, &one), 0);
	op.epoch = 20;
	op.flags = VOS_VERIFY;
	for (pass = 0; pass < 2; pass++) {
		struct vos_iod ask = iod;

		ask.nr = 1;
		ask.recxs = &part;
		CHECK_RC(vos_fetch_begin(f->c, &op, 1, &ask, &ft), 0);
		CHECK(vos_fetch_got(ft, 0)->exts[0].csum.type == 9);
		CHECK(*(const uint8_t *)vos_fetch_got(ft, 0)->exts[0].csum.sums.ptr == 10);
		vos_fetch_end(ft);
		CHECK_RC(vos_fetch_begin(f->c, &op, 1, &one, &ft), 0);
		vos_fetch_end(ft);
		CHECK(calls == 2 * (pass + 1));
		if (f->volatile_store)
			continue;
		close_store(f);
		CHECK_RC(vos_open(&w->rt, &(struct vos_home){ .dev = &w->dev.dev,
							      .bytes = w->dev.dev.bytes },
				  &opts, &f->v), 0);
		CHECK_RC(vos_cont_open(f->v, &f->uid, &f->c), 0);
	}
	sums[1] = 0;	/* wrong from the start */
	op.flags = 0;
	op.epoch = 30;
	CHECK_RC(vos_update(f->c, &op, 1, &iod), 0);
	op.flags = VOS_VERIFY;
	op.epoch = 31;
	CHECK_RC(vos_fetch_begin(f->c, &op, 1, &iod, &ft), -DER_CSUM);
	close_store(f);
}

static void test_checksums(void **state)
{
	(void)state;
	on_stores(checksums);
}

/* ---- containers ------------------------------------------------------------------------- */

static void containers(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_op op = op_at(10, "d");
	struct uid uids[3] = { { { 9 } }, { { 1 } }, { { 5 } } };
	struct uid got[8];
	struct vos_cont *c[2];
	struct vos_space sp;
	uint64_t left;
	uint32_t nr;
	int i;

	(void)w;
	open_store(f, NULL);
	for (i = 0; i < 3; i++)
		CHECK_RC(vos_cont_create(f->v, &uids[i]), 0);
	CHECK_RC(vos_cont_create(f->v, &uids[1]), -DER_EXIST);
	CHECK_RC(vos_cont_open(f->v, &(struct uid){ { 99 } }, &c[0]), -DER_NONEXIST);
	CHECK_RC(vos_cont_destroy(f->v, &(struct uid){ { 99 } }), -DER_NONEXIST);
	CHECK_RC(vos_cont_list(f->v, NULL, 8, got, &nr), 0);
	CHECK(nr == 4 && got[0].b[0] == 1 && got[1].b[0] == 5 && got[2].b[0] == 7);
	CHECK_RC(vos_cont_list(f->v, &got[1], 1, got, &nr), 0);
	CHECK(nr == 1 && got[0].b[0] == 7);
	for (i = 0; i < 200; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		op.dkey = str(name);
		op.oid.lo = (uint64_t)i / 10;
		op.epoch++;
		CHECK_RC(put(f, &op, "a", name), 0);
	}
	CHECK_RC(vos_cont_open(f->v, &f->uid, &c[0]), 0);
	vos_cont_close(f->c);
	CHECK_RC(vos_cont_destroy(f->v, &f->uid), -DER_BUSY);
	vos_cont_close(c[0]);
	vos_cont_close(NULL);
	CHECK_RC(vos_cont_destroy(f->v, &f->uid), 0);
	CHECK_RC(vos_cont_open(f->v, &f->uid, &c[0]), -DER_NONEXIST);
	/* The same name again is another container. */
	CHECK_RC(vos_cont_create(f->v, &f->uid), 0);
	CHECK_RC(vos_cont_open(f->v, &f->uid, &f->c), 0);
	op.dkey = str("199");
	EXPECT(f, &op, "a", "");
	CHECK_RC(vos_query(f->v, &sp), 0);
	CHECK(sp.gc_entries > 0 && sp.conts == 4);
	for (i = 0, left = 1; left > 0; i++)
		CHECK_RC(vos_gc(f->v, 50, &left), 0);
	CHECK(i > 5 && i < 50);
	CHECK_RC(vos_query(f->v, &sp), 0);
	CHECK(sp.gc_entries == 0);
	close_store(f);
	vos_close(NULL);
}

static void test_containers(void **state)
{
	(void)state;
	on_stores(containers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_bad_forms),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_equal_versions),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_listings),
		cmocka_unit_test(test_long_keys),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_overwrites),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

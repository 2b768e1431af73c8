/* vos on a device: what a power cut, damage, a full log, a failing device and lack of memory
 * leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/csum/csum.h"
#include "core/vos/vos.h"
#include "tests/lib/vos_world.h"

#define MIB (1ull << 20)

static const struct uid cont_uid = { { 3 } };

struct store {
	struct vw *w;
	struct vos_home home;
	struct vos *v;
	struct vos_cont *c;
};

static struct bytes str(const char *s)
{
	return (struct bytes){ .ptr = s, .len = (uint32_t)strlen(s) };
}

static int open_again(struct store *s, const struct vos_opts *opts)
{
	int rc;

	s->home = (struct vos_home){ .dev = &s->w->dev.dev, .bytes = s->w->dev.dev.bytes };
	rc = vos_open(&s->w->rt, &s->home, opts, &s->v);
	return rc == 0 ? vos_cont_open(s->v, &cont_uid, &s->c) : rc;
}

static void open_new(struct store *s, struct vw *w, const struct vos_opts *opts)
{
	s->w = w;
	s->home = (struct vos_home){ .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
	CHECK_RC(vos_format(&w->rt, &s->home, opts, VOS_FORMAT_FORCE), 0);
	CHECK_RC(vos_open(&w->rt, &s->home, opts, &s->v), 0);
	CHECK_RC(vos_cont_create(s->v, &cont_uid), 0);
	CHECK_RC(vos_cont_open(s->v, &cont_uid, &s->c), 0);
}

static void close_it(struct store *s)
{
	vos_cont_close(s->c);
	vos_close(s->v);
}

/* Value number @n: its bytes follow from it. */
static void make_val(uint8_t *val, uint64_t n, size_t bytes)
{
	gen_fill(mix64(n) | 1, 0, val, bytes);
}

static int put_n(struct store *s, uint64_t n, uint64_t epoch, size_t bytes, uint64_t flags)
{
	/* Memory of the stream: a power cut may take the caller away. */
	uint8_t *val = rt_alloc(&s->w->rt, bytes);
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, val, bytes);
	struct recx r = { n, 1 };
	struct vos_iod iods[2] = {
		{ .akey = str("single"), .type = VOS_SINGLE, .size = bytes, .buf = &b },
		{ .akey = str("array"), .type = VOS_ARRAY, .size = bytes, .nr = 1, .recxs = &r,
		  .buf = &b },
	};
	struct vos_op op = { .oid = { .lo = 5 }, .dkey = { &n, sizeof(n) }, .epoch = epoch,
			     .flags = flags };
	int rc;

	CHECK(val != NULL);
	make_val(val, n, bytes);
	rc = vos_update(s->c, &op, 2, iods);
	rt_free(&s->w->rt, val);
	return rc;
}

/* Is value @n there? Both halves of the update, or none. */
static bool has_n(struct store *s, uint64_t n, size_t bytes)
{
	uint8_t *want = malloc(bytes);
	uint8_t *got = calloc(2, bytes);
	struct bseg segs[2];
	struct buf b[2] = { buf_from_bytes(&segs[0], got, bytes),
			    buf_from_bytes(&segs[1], got + bytes, bytes) };
	struct recx r = { n, 1 };
	struct vos_iod iods[2] = {
		{ .akey = str("single"), .type = VOS_SINGLE, .buf = &b[0] },
		{ .akey = str("array"), .type = VOS_ARRAY, .nr = 1, .recxs = &r, .buf = &b[1] },
	};
	struct vos_op op = { .oid = { .lo = 5 }, .dkey = { &n, sizeof(n) },
			     .epoch = VOS_EPOCH_MAX };
	struct vos_got g[2];
	bool there;

	CHECK(want != NULL && got != NULL);
	CHECK_RC(vos_fetch(s->c, &op, 2, iods, g), 0);
	CHECK(g[0].size == g[1].size);
	there = g[0].size != 0;
	make_val(want, n, bytes);
	if (there)
		CHECK(g[0].size == bytes && memcmp(got, want, bytes) == 0 &&
		      memcmp(got + bytes, want, bytes) == 0);
	free(want);
	free(got);
	return there;
}

/* ---- power cuts ------------------------------------------------------------------------- */

#define WRITERS 6
#define VALUES	400

struct cut {
	struct store s;
	struct prng p;
	uint64_t next;			/* number of the next value */
	uint64_t last;			/* stop there */
	uint32_t alive;
	bool begun[VALUES];
	bool acked[VALUES];
	size_t bytes[VALUES];
};

static void writer(void *arg)
{
	struct cut *c = arg;

	while (c->next < c->last) {
		uint64_t n = c->next++;

		c->begun[n] = true;
		CHECK_RC(put_n(&c->s, n, n + 1, c->bytes[n], 0), 0);
		c->acked[n] = true;
	}
	c->alive--;
}

static void start_writers(struct vw *w, void *arg)
{
	struct cut *c = arg;
	int i;

	if (c->next == 0)
		open_new(&c->s, w, NULL);
	else
		CHECK_RC(open_again(&c->s, NULL), 0);
	/* From here on the power may fail. */
	w->dev.track = true;
	w->dev.die_at = w->dev.ios + 1 + prng_below(&c->p, 30);
	c->last = min_u64(c->next + 40, VALUES);
	c->alive = WRITERS;
	for (i = 0; i < WRITERS; i++)
		CHECK(rt_spawn(&w->rt, writer, c, NULL) == 0);
}

static void check_after_cut(struct vw *w, void *arg)
{
	struct cut *c = arg;
	uint64_t n;

	(void)w;
	CHECK_RC(open_again(&c->s, NULL), 0);
	for (n = 0; n < c->next; n++) {
		bool there = has_n(&c->s, n, c->bytes[n]);

		CHECK(there || !c->acked[n]);
		/* What is there now stays: it was shown. */
		c->acked[n] = there;
	}
	close_it(&c->s);
}

static void test_power_cut(void **state)
{
	static const uint32_t aligns[] = { 8, 512, 4096 };
	struct cut *c = malloc(sizeof(*c));
	uint64_t lost = 0;
	uint64_t seed;

	(void)state;
	assert_non_null(c);
	for (seed = 1; seed <= 20; seed++) {
		struct vw *w = malloc(sizeof(*w));
		uint64_t n;

		assert_non_null(w);
		memset(c, 0, sizeof(*c));
		prng_seed(&c->p, seed);
		for (n = 0; n < VALUES; n++)
			c->bytes[n] = 1 + prng_below(&c->p, prng_below(&c->p, 4) == 0 ? 9000 : 300);
		vw_init(w, 16 * MIB, aligns[seed % 3], seed);
		while (c->next < VALUES) {
			w->dev.track = false;
			assert_true(vw_script(w, start_writers, c));
			vw_crash(w, &c->p);
			w->dev.track = false;
			assert_true(vw_script(w, check_after_cut, c));
			if (c->next < VALUES)
				vw_crash(w, NULL);
		}
		for (n = 0; n < VALUES; n++)
			lost += !c->acked[n];
		vw_fini(w);
		free(w);
	}
	/* Unacknowledged ones do get lost, or the device was too kind. */
	assert_true(lost > 30);
	free(c);
}

/* Where record @nr (0: the first) begins behind @from. */
static uint64_t record_at(const struct vw *w, uint64_t from, int nr)
{
	for (;; from += 8) {
		CHECK(from < w->dev.dev.bytes);
		if (memcmp(w->dev.mem + from, "VREC", 4) == 0 && nr-- == 0)
			return from;
	}
}

/* Two records in one batch; the first is lost, the second is on the device. They are gone, then; a
 * later batch of the same size that is cut the other way round must not bring the second back. */
static void stale(struct vw *w, void *arg)
{
	size_t size = w->dev.dev.bytes;
	uint8_t *empty = malloc(size);
	struct store s;
	uint64_t r1;
	uint64_t r2;

	(void)arg;
	CHECK(empty != NULL);
	open_new(&s, w, NULL);
	memcpy(empty, w->dev.mem, size);
	CHECK_RC(put_n(&s, 1, 1, 64, VOS_LAZY), 0);
	CHECK_RC(put_n(&s, 2, 2, 64, VOS_LAZY), 0);
	close_it(&s);
	r1 = record_at(w, 8192, 1);	/* behind the container's */
	r2 = record_at(w, r1 + 8, 0);
	memcpy(empty + r2, w->dev.mem + r2, 2 * (r2 - r1));
	memcpy(w->dev.mem, empty, size);
	CHECK_RC(open_again(&s, NULL), 0);
	CHECK(!has_n(&s, 1, 64) && !has_n(&s, 2, 64));
	CHECK_RC(put_n(&s, 3, 3, 64, VOS_LAZY), 0);
	CHECK_RC(put_n(&s, 4, 4, 64, VOS_LAZY), 0);
	close_it(&s);
	CHECK(record_at(w, r1, 1) == r2);
	memcpy(w->dev.mem + r2, empty + r2, 2 * (r2 - r1));
	CHECK_RC(open_again(&s, NULL), 0);
	CHECK(has_n(&s, 3, 64) && !has_n(&s, 4, 64) && !has_n(&s, 2, 64));
	close_it(&s);
	free(empty);
}

static void test_stale(void **state)
{
	struct vw w;

	(void)state;
	vw_init(&w, MIB, 8, 1);
	assert_true(vw_script(&w, stale, NULL));
	vw_fini(&w);
}

/* ---- group commit, and what readers may know -------------------------------------------- */

static void start_many(struct vw *w, void *arg)
{
	struct cut *c = arg;
	int i;

	open_new(&c->s, w, NULL);
	c->last = VALUES;
	c->alive = 16;
	for (i = 0; i < VALUES; i++)
		c->bytes[i] = 64;
	for (i = 0; i < 16; i++)
		CHECK(rt_spawn(&w->rt, writer, c, NULL) == 0);
}

static void finish_many(struct vw *w, void *arg)
{
	struct cut *c = arg;

	(void)w;
	CHECK(c->alive == 0);
	close_it(&c->s);
}

static void test_group_commit(void **state)
{
	struct cut *c = calloc(1, sizeof(*c));
	struct vw w;

	(void)state;
	assert_non_null(c);
	vw_init(&w, 4 * MIB, 512, 1);
	assert_true(vw_script(&w, start_many, c));
	assert_true(vw_script(&w, finish_many, c));
	/* 16 writers share: not one flush each, and not one for all. */
	assert_true(w.dev.flushes < VALUES / 8 + 10);
	assert_true(w.dev.flushes > VALUES / 20);
	vw_fini(&w);
	free(c);
}

struct early {
	struct store s;
	int refused;		/* by a condition */
	bool wrote;
	bool read;
	bool there;
};

static void early_writer(void *arg)
{
	struct early *e = arg;

	CHECK_RC(put_n(&e->s, 1, 10, 64, 0), 0);
	e->wrote = true;
}

static void early_reader(void *arg)
{
	struct early *e = arg;

	e->there = has_n(&e->s, 1, 64);
	e->read = true;
}

static void early_inserter(void *arg)
{
	struct early *e = arg;

	e->refused = put_n(&e->s, 1, 11, 64, DAOS_COND_DKEY_INSERT);
}

static void early_open(struct vw *w, void *arg)
{
	open_new(&((struct early *)arg)->s, w, NULL);
}

static void early_close(struct vw *w, void *arg)
{
	(void)w;
	close_it(&((struct early *)arg)->s);
}

static void test_read_waits(void **state)
{
	struct early e = { 0 };
	struct vw w;

	(void)state;
	vw_init(&w, MIB, 512, 1);
	assert_true(vw_script(&w, early_open, &e));
	assert_int_equal(rt_spawn(&w.rt, early_writer, &e, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, early_reader, &e, NULL), 0);
	assert_int_equal(rt_spawn(&w.rt, early_inserter, &e, NULL), 0);
	(void)rt_run(&w.rt, 0);
	/* They have seen the value, but it is not durable, so they say nothing. */
	assert_true(e.there == false && !e.read && !e.wrote && w.queue_nr == 1);
	assert_int_equal(e.refused, 0);
	vw_drain(&w);
	assert_true(e.there && e.read && e.wrote);
	assert_int_equal(e.refused, -DER_EXIST);
	assert_true(vw_script(&w, early_close, &e));
	vw_fini(&w);
}

static void lazy(struct vw *w, void *arg)
{
	struct store s;
	uint64_t flushes;
	uint64_t n;

	(void)arg;
	open_new(&s, w, NULL);
	flushes = w->dev.flushes;
	for (n = 0; n < 100; n++)
		CHECK_RC(put_n(&s, n, n + 1, 32, VOS_LAZY), 0);
	CHECK(w->dev.flushes == flushes);
	CHECK_RC(vos_sync(s.v), 0);
	CHECK(w->dev.flushes == flushes + 1);
	/* More than a batch holds: the callers write it themselves. */
	for (n = 100; n < 700; n++)
		CHECK_RC(put_n(&s, n, n + 1, 32, VOS_LAZY), 0);
	CHECK(w->dev.flushes == flushes + 3);
	close_it(&s);
	CHECK_RC(open_again(&s, NULL), 0);
	for (n = 0; n < 700; n++)
		CHECK(has_n(&s, n, 32));
	close_it(&s);
}

static void test_lazy(void **state)
{
	struct vw w;

	(void)state;
	vw_init(&w, 4 * MIB, 4096, 1);
	assert_true(vw_script(&w, lazy, NULL));
	vw_fini(&w);
}

/* ---- damage ----------------------------------------------------------------------------- */

static int try_open(struct vw *w, const struct vos_opts *opts, uint64_t bytes)
{
	struct vos_home h = { .dev = &w->dev.dev, .bytes = bytes };
	size_t size = w->dev.dev.bytes;
	uint8_t *before = malloc(size);
	struct vos *v = NULL;
	int rc;

	CHECK(before != NULL);
	memcpy(before, w->dev.mem, size);
	rc = vos_open(&w->rt, &h, opts, &v);
	CHECK(memcmp(before, w->dev.mem, size) == 0);
	CHECK((rc == 0) == (v != NULL));
	vos_close(v);
	CHECK(memcmp(before, w->dev.mem, size) == 0);
	free(before);
	return rc;
}

static void set_version(uint8_t *sb, uint32_t version)
{
	uint32_t crc = 0;

	memcpy(sb + 8, &version, 4);
	memcpy(sb + 12, &crc, 4);
	crc = csum_crc32c(0, sb, 4096);
	memcpy(sb + 12, &crc, 4);
}

static void superblocks(struct vw *w, void *arg)
{
	struct vos_opts mine = { .id = { { 1 } } };
	struct vos_opts other = { .id = { { 2 } } };
	struct vos_home h = { .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
	struct vos_home bad = h;
	uint8_t *mem = w->dev.mem;
	uint64_t all = h.bytes;

	(void)arg;
	CHECK_RC(try_open(w, NULL, all), -DER_UNINIT);
	memset(mem, 'x', 5000);
	CHECK_RC(try_open(w, NULL, all), -DER_NOTYPE);
	CHECK_RC(vos_format(&w->rt, &h, &mine, 0), 0);
	CHECK_RC(vos_format(&w->rt, &h, &mine, 0), -DER_EXIST);
	CHECK_RC(vos_format(&w->rt, &h, &mine, VOS_FORMAT_FORCE), 0);
	CHECK_RC(vos_format(&w->rt, &h, &mine, 8), -DER_INVAL);
	bad.off = 100;
	CHECK_RC(vos_format(&w->rt, &bad, &mine, 0), -DER_INVAL);
	bad = h;
	bad.bytes = 16384;
	CHECK_RC(vos_format(&w->rt, &bad, &mine, VOS_FORMAT_FORCE), -DER_NOSPACE);
	bad.bytes = all + 4096;
	CHECK_RC(vos_format(&w->rt, &bad, &mine, VOS_FORMAT_FORCE), -DER_INVAL);
	CHECK_RC(try_open(w, NULL, all), 0);
	CHECK_RC(try_open(w, &mine, all), 0);
	CHECK_RC(try_open(w, &other, all), -DER_ID_MISMATCH);
	CHECK_RC(try_open(w, &mine, all - 4096), -DER_TRUNC);
	CHECK_RC(try_open(w, &mine, 4096), -DER_TRUNC);
	mem[20] ^= 1;	/* one copy is enough */
	CHECK_RC(try_open(w, &mine, all), 0);
	mem[4096 + 4000] ^= 1;
	CHECK_RC(try_open(w, &mine, all), -DER_DF_INVAL);
	mem[20] ^= 1;
	set_version(mem, 2);
	CHECK_RC(try_open(w, &mine, all), -DER_DF_INCOMPT);
	set_version(mem, 1);
	CHECK_RC(try_open(w, &mine, all), 0);
}

static void test_superblocks(void **state)
{
	struct vw w;

	(void)state;
	vw_init(&w, MIB, 4096, 1);
	assert_true(vw_script(&w, superblocks, NULL));
	vw_fini(&w);
}

static void damage(struct vw *w, void *arg)
{
	uint32_t align = w->dev.dev.align;
	uint64_t begin = 2 * align_up(4096, align);
	struct prng p;
	struct store s;
	uint64_t used;
	uint64_t n;
	int i;

	(void)arg;
	prng_seed(&p, 1);
	open_new(&s, w, NULL);
	for (n = 0; n < 20; n++)
		CHECK_RC(put_n(&s, n, n + 1, n == 7 ? 20000 : 500, 0), 0);
	close_it(&s);
	for (used = w->dev.dev.bytes; w->dev.mem[used - 1] == 0; used--)
		;
	/* Any bit of a record that others follow. The last batch cannot be told from a cut. */
	for (i = 0; i < 200; i++) {
		uint64_t at = begin + prng_below(&p, used - 2 * align - begin - 2000);
		uint8_t old = w->dev.mem[at];
		int rc;

		w->dev.mem[at] ^= (uint8_t)(1u << prng_below(&p, 8));
		rc = try_open(w, NULL, w->dev.dev.bytes);
		/* Padding is nobody's. */
		CHECK(rc == -DER_CSUM || (rc == 0 && old == 0));
		w->dev.mem[at] = old;
	}
	/* In the last record: it is gone, the others are there, and the log goes on. */
	w->dev.mem[used - 30] ^= 1;
	CHECK_RC(open_again(&s, NULL), 0);
	for (n = 0; n < 20; n++)
		CHECK(has_n(&s, n, n == 7 ? 20000 : 500) == (n < 19));
	CHECK_RC(put_n(&s, 19, 100, 500, 0), 0);
	CHECK_RC(put_n(&s, 20, 101, 500, 0), 0);
	close_it(&s);
	CHECK_RC(open_again(&s, NULL), 0);
	for (n = 0; n < 21; n++)
		CHECK(has_n(&s, n, n == 7 ? 20000 : 500));
	close_it(&s);
	/* Formatted anew, nothing old comes back. */
	open_new(&s, w, NULL);
	close_it(&s);
	CHECK_RC(open_again(&s, NULL), 0);
	CHECK(!has_n(&s, 3, 500));
	close_it(&s);
}

static void test_damage(void **state)
{
	static const uint32_t aligns[] = { 8, 512, 4096 };
	uint32_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(aligns); i++) {
		struct vw w;

		vw_init(&w, MIB, aligns[i], 1);
		assert_true(vw_script(&w, damage, NULL));
		vw_fini(&w);
	}
}

/* ---- a full log, a failing device ------------------------------------------------------- */

static void fill_up(struct vw *w, void *arg)
{
	struct vos_op op = { .oid = { .lo = 5 }, .epoch = 1 };
	struct vos_anchor a = { 0 };
	struct vos_space sp;
	struct store s;
	uint64_t n = 0;
	uint64_t k;
	uint64_t last;
	struct vos_update *u;
	struct vos_iod iod = { .akey = str("a"), .type = VOS_SINGLE };
	int rc;

	(void)arg;
	open_new(&s, w, NULL);
	do
		rc = put_n(&s, n, n + 1, 1 + (n * 37) % 700, 0);
	while (rc == 0 && ++n < 100000);
	CHECK_RC(rc, -DER_NOSPACE);
	CHECK(n > 200);
	/* What was written is there; what made room can still be said. */
	CHECK(!has_n(&s, n, 1));
	for (k = 0; k < n; k++)
		CHECK(has_n(&s, k, 1 + (k * 37) % 700));
	op.dkey = (struct bytes){ &k, sizeof(k) };
	k = 0;
	op.epoch = n + 10;
	CHECK_RC(vos_punch_dkey(s.c, &op), 0);
	CHECK(!has_n(&s, 0, 1));
	CHECK_RC(vos_aggregate(s.c, (struct vos_range){ 0, n + 10 }, UINT32_MAX, &a), 0);
	close_it(&s);
	CHECK_RC(open_again(&s, NULL), 0);
	CHECK(!has_n(&s, 0, 1));
	for (k = 1; k < n; k++)
		CHECK(has_n(&s, k, 1 + (k * 37) % 700));
	close_it(&s);
	/* Free space is space: at every level, a value of that size fits. */
	for (last = 0; last < 40; last++) {
		open_new(&s, w, NULL);
		for (k = 0; k < last * 5; k++)
			CHECK_RC(put_n(&s, k, k + 1, 1 + (k * 131) % 3000, 0), 0);
		CHECK_RC(vos_query(s.v, &sp), 0);
		CHECK(sp.total_bytes[VOS_MEDIA_DATA] > sp.free_bytes[VOS_MEDIA_DATA]);
		if (sp.free_bytes[VOS_MEDIA_DATA] < 10)
			break;
		iod.size = sp.free_bytes[VOS_MEDIA_DATA];
		op.epoch = 5000;
		CHECK_RC(vos_update_begin(s.c, &op, 1, &iod, &u), 0);
		/* It is spoken for. */
		CHECK_RC(put_n(&s, 9999, 9999, 20000, 0), -DER_NOSPACE);
		CHECK_RC(vos_update_end(u, VOS_COMMIT), 0);
		CHECK_RC(vos_query(s.v, &sp), 0);
		CHECK(sp.free_bytes[VOS_MEDIA_DATA] < 65536);
		close_it(&s);
		CHECK_RC(open_again(&s, NULL), 0);
		close_it(&s);
	}
	CHECK(last > 10);
	close_it(&s);
}

static void test_full(void **state)
{
	static const uint32_t aligns[] = { 8, 4096 };
	uint32_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(aligns); i++) {
		struct vw w;

		vw_init(&w, MIB / 2, aligns[i], 1);
		assert_true(vw_script(&w, fill_up, NULL));
		vw_fini(&w);
	}
}

static int count_keys(void *arg, const struct vos_entry *e)
{
	(void)e;
	(*(uint32_t *)arg)++;
	return VOS_ITER_NEXT;
}

static int no_dtx(void *arg, const struct vos_dtx_info *info)
{
	(void)arg;
	(void)info;
	return VOS_ITER_NEXT;
}

static void failing(struct vw *w, void *arg)
{
	uint64_t after = *(uint64_t *)arg;
	struct vos_dtx_id id = { .hlc = 1 };
	struct vos_key_query q = { .flags = DAOS_GET_MAX | DAOS_GET_RECX, .akey_name = str("a") };
	struct vos_op op = { .oid = { .lo = 5 }, .dkey = str("d"), .epoch = 50 };
	struct vos_anchor a = { 0 };
	struct vos_cont_info info;
	struct vos_space sp;
	struct vos_iod iod = { .akey = str("a"), .type = VOS_SINGLE };
	struct vos_iter it = { .type = VOS_ITER_DKEY, .op = &op };
	struct vos_got g;
	struct vos_cont *c2;
	struct store s;
	uint32_t nr;

	open_new(&s, w, NULL);
	CHECK_RC(put_n(&s, 1, 1, 64, 0), 0);
	w->dev.fail_at = w->dev.ios + after;	/* its write, or its flush */
	CHECK_RC(put_n(&s, 2, 2, 64, 0), -DER_NVME_IO);
	w->dev.fail_at = 0;
	/* It has stopped, whatever the device says now. */
	CHECK_RC(put_n(&s, 3, 3, 64, 0), -DER_NVME_IO);
	CHECK_RC(vos_punch_obj(s.c, &op), -DER_NVME_IO);
	CHECK_RC(vos_obj_epoch_max(s.c, op.oid, &op.epoch), -DER_NVME_IO);
	CHECK_RC(vos_query(s.v, &sp), -DER_NVME_IO);
	CHECK_RC(vos_cont_query(s.c, &info), -DER_NVME_IO);
	CHECK_RC(vos_cont_create(s.v, &(struct uid){ { 9 } }), -DER_NVME_IO);
	CHECK_RC(vos_cont_open(s.v, &cont_uid, &c2), -DER_NVME_IO);
	CHECK_RC(vos_cont_list(s.v, NULL, 0, NULL, &nr), -DER_NVME_IO);
	CHECK_RC(vos_aggregate(s.c, (struct vos_range){ 0, 9 }, 1, &a), -DER_NVME_IO);
	CHECK_RC(vos_gc(s.v, 1, &op.epoch), -DER_NVME_IO);
	CHECK_RC(vos_snapshots_get(s.c, 0, NULL, &nr), -DER_NVME_IO);
	CHECK_RC(vos_snapshots_set(s.c, 0, NULL), -DER_NVME_IO);
	op.epoch = 50;
	CHECK_RC(vos_query_key(s.c, &op, &q), -DER_NVME_IO);
	CHECK_RC(vos_fetch(s.c, &op, 1, &iod, &g), -DER_NVME_IO);
	CHECK_RC(vos_iterate(s.c, &it, &a, count_keys, &nr), -DER_NVME_IO);
	CHECK_RC(vos_discard(s.c, NULL, (struct vos_range){ 0, 9 }, 1, &a), -DER_NVME_IO);
	CHECK_RC(vos_dtx_forget(s.c, 1), -DER_NVME_IO);
	CHECK_RC(vos_dtx_list(s.c, &a, no_dtx, NULL), -DER_NVME_IO);
	CHECK_RC(vos_dtx_commit(s.c, 1, &id), -DER_NVME_IO);
	CHECK_RC(vos_dtx_abort(s.c, &id), -DER_NVME_IO);
	CHECK_RC(vos_sync(s.v), -DER_NVME_IO);
	close_it(&s);
	CHECK_RC(open_again(&s, NULL), 0);
	CHECK(has_n(&s, 1, 64));
	CHECK_RC(put_n(&s, 3, 3, 64, 0), 0);
	close_it(&s);
	w->dev.fail_at = w->dev.ios + 1;
	CHECK_RC(open_again(&s, NULL), -DER_NVME_IO);
	w->dev.fail_at = w->dev.ios + 2;
	CHECK_RC(open_again(&s, NULL), -DER_NVME_IO);
}

static void test_failing_device(void **state)
{
	uint64_t after;

	(void)state;
	for (after = 1; after <= 2; after++) {
		struct vw w;

		vw_init(&w, MIB, 4096, 1);
		assert_true(vw_script(&w, failing, &after));
		vw_fini(&w);
	}
}

/* ---- memory ----------------------------------------------------------------------------- */

static uint64_t g_nomem;

/* A call that failed for want of memory changed nothing: again, it does what it should. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		int r_ = (call);                                                                   \
		if (r_ == -DER_NOMEM) {                                                            \
			g_nomem++;                                                                 \
			r_ = (call);                                                               \
		}                                                                                  \
		if (r_ != 0) {                                                                     \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call,              \
				err_name(r_));                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static int list_keys(struct store *s, enum vos_iter_type type, struct vos_op *op, const char *akey,
		     uint32_t *ret_nr)
{
	struct vos_iter it = { .type = type, .op = op, .akey = str(akey) };
	struct vos_anchor a = { 0 };
	uint32_t nr = 0;
	int rc = vos_iterate(s->c, &it, &a, count_keys, &nr);

	if (rc == 0)
		*ret_nr = nr;
	return rc;
}

/* One of everything. */
static void busy_day(struct store *s)
{
	struct vos_dtx dtx = { .id = { .hlc = 77 }, .info = str("participants") };
	struct vos_dtx_id id2 = { .hlc = 78 };
	struct vos_op op = { .oid = { .lo = 6 }, .dkey = str("d"), .epoch = 10, .dtx = &dtx };
	uint8_t big[6000];
	struct bseg segs[3];
	struct buf b[3];
	struct recx r[3] = { { 0, 10 }, { 20, 10 }, { 5, 3 } };
	struct vos_csum cs[3] = { { .type = 2, .len = 4, .sums = { "abcd", 4 } },
				  { .type = 2, .len = 4, .sums = { "efgh", 4 } } };
	struct vos_iod iods[3] = {
		{ .akey = str("x"), .type = VOS_ARRAY, .size = 4, .nr = 2, .recxs = r,
		  .csums = cs, .buf = &b[0] },
		{ .akey = str("y"), .type = VOS_SINGLE, .size = sizeof(big), .buf = &b[1] },
		{ .akey = str("z"), .type = VOS_SINGLE },
	};
	struct vos_iod over = { .akey = str("x"), .type = VOS_ARRAY, .size = 4, .nr = 1,
				.recxs = &r[2], .buf = &b[2] };
	struct bytes names[2] = { str("y"), str("z") };
	struct vos_anchor a = { 0 };
	struct vos_update *u = NULL;
	struct vos_got g[3];
	uint64_t snap = 12;
	uint64_t epoch;
	uint32_t nr = 0;

	memset(big, 5, sizeof(big));
	b[0] = buf_from_bytes(&segs[0], big, 80);
	b[1] = buf_from_bytes(&segs[1], big, sizeof(big));
	b[2] = buf_from_bytes(&segs[2], big, 12);
	TRY(vos_update(s->c, &op, 3, iods));
	TRY(list_keys(s, VOS_ITER_AKEY, &op, "", &nr));
	CHECK(nr == 2);
	TRY(vos_dtx_commit(s->c, 1, &dtx.id));
	op.dtx = NULL;
	op.epoch = 11;
	op.flags = VOS_NO_READ_TS;
	TRY(vos_update(s->c, &op, 1, &over));
	TRY(vos_snapshots_set(s->c, 1, &snap));
	op.epoch = 20;
	TRY(vos_update_begin(s->c, &op, 1, &over, &u));
	TRY(buf_copy(vos_update_buf(u, 0), 0, &b[2], 0, 12));
	/* The end gives up @u; a failed one is begun again. */
	if (vos_update_end(u, VOS_COMMIT) != 0) {
		g_nomem++;
		TRY(vos_update_begin(s->c, &op, 1, &over, &u));
		TRY(vos_update_end(u, VOS_COMMIT));
	}
	op.epoch = 15;
	iods[0].buf = NULL;
	iods[1].buf = &b[1];
	op.flags = 0;
	TRY(vos_fetch(s->c, &op, 3, iods, g));
	CHECK(g[0].size == 4 && g[0].nr == 4 && g[1].size == sizeof(big) && g[2].size == 0);
	TRY(list_keys(s, VOS_ITER_RECX, &op, "x", &nr));
	CHECK(nr == 4);
	op.epoch = 30;
	op.flags = VOS_NO_READ_TS;
	TRY(vos_punch_akeys(s->c, &op, 2, names));
	op.epoch = 31;
	dtx.id.hlc = 79;
	op.dtx = &dtx;
	TRY(vos_punch_obj(s->c, &op));
	TRY(vos_dtx_abort(s->c, &dtx.id));
	TRY(vos_dtx_abort(s->c, &id2));
	op.dtx = NULL;
	op.epoch = 32;
	TRY(vos_punch_dkey(s->c, &op));
	TRY(vos_obj_epoch_max(s->c, op.oid, &epoch));
	CHECK(epoch == 32);
	TRY(vos_aggregate(s->c, (struct vos_range){ 0, 40 }, UINT32_MAX, &a));
	op.epoch = 12;
	TRY(vos_fetch(s->c, &op, 3, iods, g));
	CHECK(g[0].nr == 4);
	op.epoch = 50;
	TRY(vos_fetch(s->c, &op, 3, iods, g));
	CHECK(g[0].nr == 0 && g[1].size == 0);
	memset(&a, 0, sizeof(a));
	TRY(vos_discard(s->c, NULL, (struct vos_range){ 32, 32 }, UINT32_MAX, &a));
	TRY(vos_fetch(s->c, &op, 3, iods, g));
	CHECK(g[0].nr == 4 && g[1].size == 0);
	TRY(vos_dtx_forget(s->c, 100));
}

static void nomem(struct vw *w, void *arg)
{
	struct store s = { .w = w };
	struct vos_cont_info info;
	struct vos_got g;
	struct vos_op op = { .oid = { .lo = 6 }, .dkey = str("d"), .epoch = 50 };
	struct recx r = { 0, 30 };
	struct vos_iod iod = { .akey = str("x"), .type = VOS_ARRAY, .nr = 1, .recxs = &r };

	s.home = (struct vos_home){ .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
	w->arena.fail_at = *(uint64_t *)arg;
	g_nomem = 0;
	TRY(vos_format(&w->rt, &s.home, NULL, VOS_FORMAT_FORCE));
	TRY(vos_open(&w->rt, &s.home, NULL, &s.v));
	TRY(vos_cont_create(s.v, &cont_uid));
	TRY(vos_cont_open(s.v, &cont_uid, &s.c));
	busy_day(&s);
	close_it(&s);
	TRY(vos_open(&w->rt, &s.home, NULL, &s.v));
	TRY(vos_cont_open(s.v, &cont_uid, &s.c));
	CHECK_RC(vos_cont_query(s.c, &info), 0);
	CHECK(info.objects == 1 && info.prepared == 0 && info.snapshots == 1 &&
	      info.agg_epoch == 40);
	TRY(vos_fetch(s.c, &op, 1, &iod, &g));
	CHECK(g.nr == 4);
	close_it(&s);
}

static void test_nomem(void **state)
{
	uint64_t n;

	(void)state;
	for (n = 1; n < 5000; n++) {
		struct vw w;
		bool hit;

		vw_init(&w, MIB / 2, 512, 1);
		assert_true(vw_script(&w, nomem, &n));
		hit = w.arena.fail_at == 0;
		/* Giving memory back early may fail in silence; every other failure was told. */
		vw_fini(&w);
		if (!hit)
			break;
	}
	assert_true(n > 150 && n < 5000);
}

static void small(struct vw *w, void *arg)
{
	struct vos_home h = { .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
	struct vos *v;

	(void)arg;
	CHECK_RC(vos_format(&w->rt, &h, NULL, 0), 0);
	CHECK_RC(vos_open(&w->rt, &h, NULL, &v), 0);
	CHECK(w->arena.bytes < 2048);
	CHECK_RC(vos_cont_create(v, &cont_uid), 0);
	CHECK_RC(vos_sync(v), 0);
	vos_close(v);
	CHECK_RC(vos_open(&w->rt, &h, NULL, &v), 0);
	CHECK(w->arena.bytes < 8192);
	vos_close(v);
}

static void test_idle_memory(void **state)
{
	struct vw w;

	(void)state;
	vw_init(&w, MIB, 512, 1);
	assert_true(vw_script(&w, small, NULL));
	vw_fini(&w);
}

static void plain_day(struct vw *w, void *arg)
{
	(void)w;
	busy_day(arg);
}

static void reopen(struct vw *w, void *arg)
{
	(void)w;
	close_it(arg);
	CHECK_RC(open_again(arg, NULL), 0);
	close_it(arg);
}

static void open_for(struct vw *w, void *arg)
{
	open_new(arg, w, NULL);
}

/* Stacks are small in simulation. Sanitizers and -O0 have frames of their own making. */
static void test_stack(void **state)
{
	uint32_t peak[3];
	struct store s;
	struct vw w;

	(void)state;
	vw_init(&w, MIB, 512, 1);
	w.paint = true;
	vw_crash(&w, NULL);
	assert_true(vw_script(&w, open_for, &s));
	peak[0] = w.rt.stack_peak_bytes;
	assert_true(vw_script(&w, plain_day, &s));
	peak[1] = w.rt.stack_peak_bytes;
	assert_true(vw_script(&w, reopen, &s));
	peak[2] = w.rt.stack_peak_bytes;
	fprintf(stderr, "stack: format and open %u, calls %u (6000 are the test's), replay %u\n",
		peak[0], peak[1], peak[2]);
	assert_true(peak[0] > 0 && peak[0] < 16384);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
	assert_true(peak[1] < 6000 + 5 * 1024);
	assert_true(peak[2] < 6000 + 5 * 1024);
#endif
	vw_fini(&w);
}

/* Limits of memory are said, not met. */
static void limited(struct vw *w, void *arg)
{
	struct vos_opts opts = { .mem_max_bytes = 200000 };
	struct vos_space sp;
	struct store s;
	uint64_t n = 0;
	int rc;

	(void)arg;
	open_new(&s, w, &opts);
	do
		rc = put_n(&s, n, n + 1, 5000, 0);
	while (rc == 0 && ++n < 1000);
	CHECK_RC(rc, -DER_NOSPACE);
	CHECK(n > 5 && n < 40);
	CHECK_RC(vos_query(s.v, &sp), 0);
	CHECK(sp.total_bytes[VOS_MEDIA_META] == 200000);
	CHECK(sp.free_bytes[VOS_MEDIA_META] < 10000);
	close_it(&s);
}

static void test_memory_limit(void **state)
{
	struct vw w;

	(void)state;
	vw_init(&w, MIB, 512, 1);
	assert_true(vw_script(&w, limited, NULL));
	vw_fini(&w);
}

/* ---- phantoms --------------------------------------------------------------------------- */

#define GEN 0x5eedull

/* The same calls with bytes and with phantoms. What they answer is put into @log. */
static void either_way(struct store *s, bool phantom, uint64_t *log, uint32_t *ret_nr)
{
	uint64_t size = 100000;
	uint8_t *mem = malloc(size);
	struct recx r[3] = { { 0, size }, { size / 2, 777 }, { 10, 5000 } };
	uint32_t nr = 0;
	uint32_t i;
	int pass;

	CHECK(mem != NULL);
	for (i = 0; i < 3; i++) {
		struct vos_op op = { .oid = { .lo = 9 }, .dkey = str("d"), .epoch = 10 + i,
				     .flags = phantom ? VOS_PHANTOM : 0 };
		struct bseg seg;
		struct buf b = buf_from_gen(&seg, GEN + i, 5 * i, r[i].nr);
		struct vos_iod iod = { .akey = str("a"), .type = VOS_ARRAY, .size = 1, .nr = 1,
				       .recxs = &r[i], .buf = &b };
		struct vos_update *u;

		if (!phantom) {
			gen_fill(GEN + i, 5 * i, mem, r[i].nr);
			b = buf_from_bytes(&seg, mem, r[i].nr);
		}
		if (i == 1) {
			log[nr++] = (uint64_t)vos_update_begin(s->c, &op, 1, &iod, &u);
			CHECK_RC(buf_copy(vos_update_buf(u, 0), 0, &b, 0, b.bytes), 0);
			log[nr++] = (uint64_t)vos_update_end(u, VOS_COMMIT);
		} else {
			log[nr++] = (uint64_t)vos_update(s->c, &op, 1, &iod);
		}
	}
	for (pass = 0; pass < 2; pass++) {
		struct vos_op op = { .oid = { .lo = 9 }, .dkey = str("d"), .epoch = 99 };
		struct vos_iod iod = { .akey = str("a"), .type = VOS_ARRAY, .nr = 1, .recxs = r };
		const struct vos_got *g;
		struct vos_fetch *f;
		struct bseg seg;
		struct buf b;

		CHECK_RC(vos_fetch_begin(s->c, &op, 1, &iod, &f), 0);
		g = vos_fetch_got(f, 0);
		log[nr++] = g->nr;
		log[nr++] = g->data.bytes;
		CHECK(buf_is_bytes(&g->data) == !phantom);
		for (i = 0; i < g->nr; i++)
			log[nr++] = mix64_2(g->exts[i].recx.idx, g->exts[i].recx.nr);
		/* The content, as bytes in both worlds. */
		b = buf_from_bytes(&seg, mem, size);
		CHECK_RC(buf_copy(&b, 0, &g->data, 0, size), 0);
		log[nr++] = hash_bytes(mem, size, 1);
		vos_fetch_end(f);
		close_it(s);
		CHECK_RC(open_again(s, NULL), 0);
	}
	free(mem);
	*ret_nr = nr;
}

static void phantoms(struct vw *w, void *arg)
{
	uint64_t log[2][64];
	uint32_t nr[2];
	struct store s;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		open_new(&s, w, NULL);
		either_way(&s, i == 1, log[i], &nr[i]);
		close_it(&s);
	}
	CHECK(nr[0] == nr[1] && memcmp(log[0], log[1], nr[0] * sizeof(log[0][0])) == 0);
	/* A corrupted run on the device shows. */
	w->dev.runs[w->dev.run_nr / 2].seg.gen ^= 4;
	CHECK_RC(try_open(w, NULL, w->dev.dev.bytes), -DER_CSUM);
}

/* Bytes and phantoms in one value, and a sink as source. */
static void mixed(struct vw *w, void *arg)
{
	uint8_t head[100];
	uint8_t back[400];
	uint8_t want[400];
	struct bseg runs[8];
	struct bsink sink;
	struct bseg segs[3];
	struct bseg seg;
	struct buf b;
	struct buf dst;
	struct store s;
	struct vos_op op = { .oid = { .lo = 9 }, .dkey = str("d"), .epoch = 10 };
	struct vos_iod iod = { .akey = str("a"), .type = VOS_SINGLE, .size = 400, .buf = &b };
	struct vos_got g;
	int pass;

	(void)arg;
	open_new(&s, w, NULL);
	memset(head, 7, sizeof(head));
	bsink_init(&sink, 200, runs, 8);
	dst = buf_from_sink(&seg, &sink, 0, 200);
	b = buf_from_gen(&segs[0], 99, 0, 200);
	CHECK_RC(buf_copy(&dst, 0, &b, 0, 200), 0);
	(void)buf_from_bytes(&segs[0], head, 100);
	(void)buf_from_sink(&segs[1], &sink, 0, 200);
	(void)buf_from_bytes(&segs[2], head, 100);
	b = (struct buf){ .segs = segs, .nr = 3, .bytes = 400 };
	memset(want, 7, sizeof(want));
	gen_fill(99, 0, want + 100, 200);
	CHECK_RC(vos_update(s.c, &op, 1, &iod), 0);
	for (pass = 0; pass < 2; pass++) {
		b = buf_from_bytes(&seg, back, 400);
		CHECK_RC(vos_fetch(s.c, &op, 1, &iod, &g), 0);
		CHECK(g.size == 400 && memcmp(back, want, 400) == 0);
		close_it(&s);
		CHECK_RC(open_again(&s, NULL), 0);
	}
	close_it(&s);
}

static void test_phantoms(void **state)
{
	static const uint32_t aligns[] = { 8, 4096 };
	uint32_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(aligns); i++) {
		struct vw w;

		vw_init(&w, MIB, aligns[i], 1);
		assert_true(vw_script(&w, phantoms, NULL));
		vw_fini(&w);
		vw_init(&w, MIB, aligns[i], 1);
		assert_true(vw_script(&w, mixed, NULL));
		vw_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_cut),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_group_commit),
		cmocka_unit_test(test_read_waits),
		cmocka_unit_test(test_lazy),
		cmocka_unit_test(test_superblocks),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_failing_device),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_idle_memory),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_phantoms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

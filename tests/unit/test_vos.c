/* vos: what the calls answer, one by one. Random operations: test_vos_model.c; crashes: test_vos_log.c. */
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
};

static struct vos_home home_of(struct vw *w)
{
	return (struct vos_home){ .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
}

static void open_store(struct fix *f, const struct vos_opts *opts)
{
	struct vos_home h = home_of(&f->w);

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

/* The value as text; "" when nothing is there. */
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

static void smoke(struct vw *w, void *arg)
{
	struct fix *f = arg;
	struct vos_home h = home_of(w);
	struct vos_op op = op_at(10, "d");
	char val[64];

	open_store(f, NULL);
	CHECK_RC(put(f, &op, "a", "hello"), 0);
	op.epoch = 20;
	CHECK_RC(put(f, &op, "a", "world!"), 0);
	op.epoch = 15;
	CHECK_RC(get(f, &op, "a", val), 0);
	CHECK(strcmp(val, "hello") == 0);
	op.epoch = VOS_EPOCH_MAX;
	CHECK_RC(get(f, &op, "a", val), 0);
	CHECK(strcmp(val, "world!") == 0);
	close_store(f);
	CHECK_RC(vos_open(&w->rt, &h, NULL, &f->v), 0);
	CHECK_RC(vos_cont_open(f->v, &f->uid, &f->c), 0);
	CHECK_RC(get(f, &op, "a", val), 0);
	CHECK(strcmp(val, "world!") == 0);
	close_store(f);
}

static void test_smoke(void **state)
{
	static const uint32_t aligns[] = { 1, 512, 4096 };
	uint32_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(aligns); i++) {
		struct fix f = { 0 };

		vw_init(&f.w, MIB, aligns[i], 1);
		assert_true(vw_script(&f.w, smoke, &f));
		vw_fini(&f.w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smoke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

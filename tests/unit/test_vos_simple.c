/* The simple body under its own names: all of them are there, and it works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/vos/vos_simple.h"
#include "tests/lib/vos_world.h"

#define MEMBER(name) __typeof__(vos_##name) *name;
struct calls {
	VOS_CALLS(MEMBER)
};

#define FILL(name) .name = vos_simple_##name,
static const struct calls simple = { VOS_CALLS(FILL) };

static void script(struct vw *w, void *arg)
{
	struct vos_home home = { .dev = &w->dev.dev, .bytes = w->dev.dev.bytes };
	struct uid uid = { { 1 } };
	struct vos_op op = { .oid = { .lo = 1 }, .dkey = { "d", 1 }, .epoch = 10 };
	char text[6] = "hello";
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, text, 5);
	struct vos_iod iod = { .akey = { "a", 1 }, .type = VOS_SINGLE, .size = 5, .buf = &b };
	struct vos_got got;
	struct vos_cont *c;
	struct vos *v;

	(void)arg;
	CHECK_RC(simple.format(&w->rt, &home, NULL, 0), 0);
	CHECK_RC(simple.open(&w->rt, &home, NULL, &v), 0);
	CHECK_RC(simple.cont_create(v, &uid), 0);
	CHECK_RC(simple.cont_open(v, &uid, &c), 0);
	CHECK_RC(simple.update(c, &op, 1, &iod), 0);
	memset(text, 0, sizeof(text));
	CHECK_RC(simple.fetch(c, &op, 1, &iod, &got), 0);
	CHECK(strcmp(text, "hello") == 0);
	simple.cont_close(c);
	simple.close(v);
}

static void test_names(void **state)
{
	struct vw w;

	(void)state;
	vw_init(&w, 1u << 20, 512, 1);
	assert_true(vw_script(&w, script, NULL));
	vw_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

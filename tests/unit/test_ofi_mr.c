/* Registrations in the shapes that verbs and cxi ask for, over a domain that writes down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transports/ofi/bare.h"

static uint8_t mem[4096];

/* Every combination of the bits that matter for exposed memory. */
static void test_expose_all_modes(void **state)
{
	uint32_t bits;

	(void)state;
	for (bits = 0; bits < 32; bits++) {
		struct fake_mr *f = fake_mr_create(bits, 8);
		bool bind = (bits & FAKE_MR_ENDPOINT) != 0;
		const struct fake_reg *r;
		struct fake_mr_seg seg;

		assert_int_equal(fake_mr_expose(f, mem + 8, 100, &seg), 0);
		assert_int_equal(fake_mr_count(f), 1);
		r = fake_mr_reg(f, 0);
		assert_ptr_equal(r->ptr, mem + 8);
		assert_int_equal(r->bytes, 100);
		assert_true(r->remote);
		assert_int_equal(r->binds, bind ? 1 : 0);
		assert_int_equal(r->enables, bind ? 1 : 0);
		/* The key is the one that is valid once enabled; ours is asked for only when wanted. */
		assert_true(seg.key == r->key);
		assert_true((r->asked_key == 0) == ((bits & FAKE_MR_PROV_KEY) != 0));
		assert_true(seg.addr ==
			    ((bits & FAKE_MR_VIRT_ADDR) != 0 ? (uintptr_t)(mem + 8) : 0));
		assert_int_equal(seg.bytes, 100);
		assert_int_equal(r->closes, 0);
		fake_mr_unexpose(f);
		assert_int_equal(r->closes, 1);
		fake_mr_destroy(f);
	}
}

static void test_keys(void **state)
{
	struct fake_mr *f = fake_mr_create(0, 2);
	struct fake_mr_seg a;
	struct fake_mr_seg b;

	(void)state;
	fake_mr_fail(f, 3, 0);	/* taken keys are drawn anew */
	assert_int_equal(fake_mr_expose(f, mem, 10, &a), 0);
	assert_true(a.key <= UINT16_MAX);
	assert_int_equal(fake_mr_expose(f, mem, 10, &b), 0);
	assert_true(a.key != b.key);
	fake_mr_fail(f, 100, 0);	/* but not for ever */
	assert_int_equal(fake_mr_expose(f, mem, 10, &b), -DER_HG);
	assert_int_equal(fake_mr_count(f), 2);
	fake_mr_destroy(f);
}

static void test_bind_fails(void **state)
{
	struct fake_mr *f = fake_mr_create(FAKE_MR_ENDPOINT | FAKE_MR_PROV_KEY, 8);
	struct fake_mr_seg seg;

	(void)state;
	fake_mr_fail(f, 0, 1);
	assert_int_equal(fake_mr_expose(f, mem, 10, &seg), -DER_HG);
	assert_int_equal(fake_mr_reg(f, 0)->closes, 1);	/* not left behind */
	assert_int_equal(fake_mr_expose(f, mem, 10, &seg), 0);
	fake_mr_destroy(f);
}

/* Local memory: nothing without FI_MR_LOCAL; from a pool without a further registration; else for the
 * one operation. */
static void test_local(void **state)
{
	struct fake_mr *f = fake_mr_create(0, 8);
	void *desc = &desc;

	(void)state;
	assert_int_equal(fake_mr_use(f, mem, 10, &desc), 0);
	assert_null(desc);
	assert_int_equal(fake_mr_count(f), 0);
	fake_mr_destroy(f);

	f = fake_mr_create(FAKE_MR_LOCAL | FAKE_MR_ENDPOINT, 8);
	assert_int_equal(fake_mr_pool(f, mem + 100, 200), 0);
	assert_false(fake_mr_reg(f, 0)->remote);	/* no peer may reach a pool */
	assert_int_equal(fake_mr_use(f, mem + 100, 200, &desc), 0);
	assert_ptr_equal(desc, fake_mr_desc(f, 0));
	assert_int_equal(fake_mr_use(f, mem + 299, 1, &desc), 0);
	assert_ptr_equal(desc, fake_mr_desc(f, 0));
	assert_int_equal(fake_mr_count(f), 1);
	assert_int_equal(fake_mr_use(f, mem + 299, 2, &desc), 0);	/* sticks out behind */
	assert_int_equal(fake_mr_count(f), 2);
	assert_ptr_equal(desc, fake_mr_desc(f, 1));
	assert_int_equal(fake_mr_reg(f, 1)->binds, 1);
	assert_int_equal(fake_mr_reg(f, 1)->closes, 1);
	assert_int_equal(fake_mr_use(f, mem + 99, 2, &desc), 0);	/* and in front */
	assert_int_equal(fake_mr_count(f), 3);
	assert_int_equal(fake_mr_reg(f, 0)->closes, 0);
	fake_mr_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expose_all_modes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_bind_fails),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

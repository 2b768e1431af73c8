/*
 * epoch: the hybrid clock increases, follows the wall, learns of others, refuses those too far
 * ahead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/prng.h"
#include "core/epoch/epoch.h"

#define T0 (1700000000ULL * 1000000000ULL)	/* 2023-11-14 */

static void test_units(void **state)
{
	(void)state;
	assert_int_equal(hlc_from_wall_ns(0), 0);
	assert_int_equal(hlc_from_wall_ns(HLC_START_NS), 0);
	/* One second after the start: 16e9, its low 18 bits cleared. */
	assert_true(hlc_from_wall_ns(HLC_START_NS + 1000000000) == (16000000000ULL & ~0x3ffffULL));
	assert_int_equal(hlc_to_wall_ns(16), HLC_START_NS + 1);
	assert_int_equal(hlc_from_ns(1), 16);
	assert_int_equal(hlc_to_ns(hlc_from_ns(123456789)), 123456789);
	assert_true(hlc_from_ns(UINT64_MAX) == UINT64_MAX);
	/* 2057 and later stay at the end. */
	assert_true(hlc_from_wall_ns(UINT64_MAX) == (UINT64_MAX & ~HLC_LOGICAL_MASK));
	/* A time survives to the tick of 16,384 ns. */
	assert_true(hlc_to_wall_ns(hlc_from_wall_ns(T0)) <= T0);
	assert_true(T0 - hlc_to_wall_ns(hlc_from_wall_ns(T0)) < 16384);
}

static void test_now(void **state)
{
	struct hlc c = { 0 };
	uint64_t last = 0, wall = T0, e;
	struct prng p;
	int i;

	(void)state;
	prng_seed(&p, 3);
	for (i = 0; i < 20000; i++) {
		/* The wall clock runs, stands, and steps back. */
		if (prng_below(&p, 10) == 0)
			wall += prng_below(&p, 100000);
		if (prng_below(&p, 100) == 0)
			wall -= prng_below(&p, 1000000);
		e = hlc_now(&c, wall);
		assert_true(e > last);
		assert_true(e >= hlc_from_wall_ns(wall));
		last = e;
	}
	/* The counter overflows into the time rather than repeating a value. */
	for (i = 0; i < (1 << HLC_LOGICAL_BITS) + 10; i++) {
		e = hlc_now(&c, wall);
		assert_true(e == last + 1 || i == 0);
		last = e;
	}
}

static void test_recv(void **state)
{
	struct hlc a = { 0 }, b = { .offset_max_ns = 1000000 };
	uint64_t ea, eb;

	(void)state;
	ea = hlc_now(&a, T0 + 900000);
	assert_int_equal(hlc_recv(&b, ea, T0), 0);
	eb = hlc_now(&b, T0);
	assert_true(eb > ea);
	/* Behind is fine, however far; it changes nothing. */
	assert_int_equal(hlc_recv(&b, 1, T0), 0);
	assert_true(hlc_now(&b, T0) == eb + 1);
	/* Too far ahead is refused, and not learnt. */
	ea = hlc_now(&a, T0 + 1100000);
	assert_int_equal(hlc_recv(&b, ea, T0), -DER_HLC_SYNC);
	assert_true(hlc_now(&b, T0) == eb + 2);
	assert_int_equal(hlc_recv(&b, UINT64_MAX, T0), -DER_HLC_SYNC);
	assert_int_equal(hlc_recv(&b, UINT64_MAX, UINT64_MAX), -DER_HLC_SYNC);
	/* The default offset is a second. */
	assert_int_equal(hlc_recv(&a, hlc_from_wall_ns(T0 + 999000000), T0), 0);
	assert_int_equal(hlc_recv(&a, hlc_from_wall_ns(T0 + 1001000000), T0), -DER_HLC_SYNC);
}

/* Messages between clocks with offset and drift: what happened before has the smaller epoch. */
static void test_causality(void **state)
{
	struct hlc c[8] = { 0 };
	uint64_t seen[8] = { 0 };
	struct prng p;
	uint64_t t = T0, e;
	int i, from, to;

	(void)state;
	prng_seed(&p, 4);
	for (i = 0; i < 100000; i++) {
		t += prng_below(&p, 2000);
		from = (int)prng_below(&p, 8);
		to = (int)prng_below(&p, 8);
		e = hlc_now(&c[from], t + (uint64_t)from * 50000000);
		assert_true(e > seen[from]);
		seen[from] = e;
		assert_int_equal(hlc_recv(&c[to], e, t + (uint64_t)to * 50000000), 0);
		if (e > seen[to])
			seen[to] = e;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_now),
		cmocka_unit_test(test_recv),
		cmocka_unit_test(test_causality),
	};

	return cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}

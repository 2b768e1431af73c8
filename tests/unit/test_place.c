/* pmap and place: encodings survive and refuse damage; layouts are valid, balanced and stable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/prng.h"
#include "core/place/place.h"
#include "daos_obj.h"

static struct pmap *make_map(uint32_t ranks, uint32_t per_rank)
{
	struct uid pool = { { 1, 2, 3 } };
	uint32_t *r = calloc(ranks, sizeof(*r));
	uint32_t *t = calloc(ranks, sizeof(*t));
	struct pmap *map = calloc(1, pmap_bytes(ranks * per_rank));
	uint32_t i;

	for (i = 0; i < ranks; i++) {
		r[i] = i;
		t[i] = per_rank;
	}
	pmap_make(&pool, r, t, ranks, map);
	free(r);
	free(t);
	return map;
}

static void test_map_round_trip(void **state)
{
	struct pmap *map = make_map(5, 3);
	struct pmap *back = calloc(1, pmap_bytes(15));
	size_t bytes = pmap_encoded_bytes(15);
	uint8_t *enc = malloc(bytes);
	uint32_t count;
	uint32_t target;
	size_t i;

	(void)state;
	assert_int_equal(pmap_find(map, 4, 2, &target), 0);
	map->version++;
	pmap_set_state(map, target, PMAP_DOWN);
	assert_int_equal(pmap_count(map, PMAP_DOWN), 1);
	assert_int_equal(pmap_find(map, 4, 3, &target), -DER_NONEXIST);
	pmap_encode(map, enc);
	assert_int_equal(pmap_decode_count(enc, bytes, &count), 0);
	assert_int_equal(count, 15);
	assert_int_equal(pmap_decode(enc, bytes, back), 0);
	assert_memory_equal(back, map, pmap_bytes(15));
	for (i = 0; i < bytes; i++) {	/* any damaged byte is noticed */
		enc[i] ^= 0x10;
		assert_int_equal(pmap_decode(enc, bytes, back), -DER_PROTO);
		enc[i] ^= 0x10;
		assert_int_equal(pmap_decode(enc, i, back), -DER_PROTO);
	}
	free(map);
	free(back);
	free(enc);
}

static struct oid make_oid(uint64_t lo, enum daos_otype_t type, uint32_t redun, uint64_t groups)
{
	return (struct oid){ .lo = lo, .hi = (uint64_t)type << OID_FMT_TYPE_SHIFT |
					    (uint64_t)redun << OID_FMT_CLASS_SHIFT |
					    groups << OID_FMT_META_SHIFT };
}

static void test_attr(void **state)
{
	struct place_attr a;

	(void)state;
	assert_int_equal(place_attr(make_oid(1, DAOS_OT_MULTI_HASHED, OR_RP_1, 4), &a), 0);
	assert_int_equal(a.group_count, 4);
	assert_int_equal(a.group_size, 1);
	assert_int_equal(place_attr(make_oid(1, DAOS_OT_MULTI_HASHED, OR_RP_1, 0), &a), -DER_INVAL);
	assert_int_equal(place_attr(make_oid(1, DAOS_OT_MULTI_HASHED, 0, 1), &a), -DER_INVAL);
	assert_int_equal(place_attr(make_oid(1, (enum daos_otype_t)200, OR_RP_1, 1), &a),
			 -DER_INVAL);
	assert_int_equal(place_attr(make_oid(1, DAOS_OT_MULTI_HASHED, OR_RP_2, 1), &a),
			 -DER_NOTSUPPORTED);
}

static void test_layout(void **state)
{
	struct pmap *map = make_map(8, 4);
	uint64_t load[32] = { 0 };
	uint64_t lo;
	uint32_t t;

	(void)state;
	for (lo = 0; lo < 20000; lo++) {
		struct oid oid = make_oid(lo, DAOS_OT_MULTI_HASHED, OR_RP_1, 8);
		struct place_attr a;
		uint32_t ranks = 0;
		uint32_t s;

		assert_int_equal(place_attr(oid, &a), 0);
		for (s = 0; s < 8; s++) {
			assert_int_equal(place_shard(map, oid, &a, s, &t), 0);
			load[t]++;
			ranks |= 1u << map->targets[t].rank;
		}
		assert_int_equal(ranks, 0xff);	/* eight shards, eight ranks */
	}
	for (t = 0; t < 32; t++)	/* mean 5,000 */
		assert_in_range(load[t], 4500, 5500);
	free(map);
}

static void test_lost_shard(void **state)
{
	struct pmap *map = make_map(2, 2);
	struct oid oid = make_oid(7, DAOS_OT_MULTI_HASHED, OR_RP_1, 4);
	struct place_attr a;
	uint32_t lost = 0;
	uint32_t s;
	uint32_t t;

	(void)state;
	assert_int_equal(place_attr(oid, &a), 0);
	map->version++;
	pmap_set_state(map, 3, PMAP_DOWN);
	for (s = 0; s < 4; s++) {
		int rc = place_shard(map, oid, &a, s, &t);

		assert_int_equal(rc, t == 3 ? -DER_DATA_LOSS : 0);
		lost += rc != 0;
	}
	assert_int_equal(lost, 1);
	free(map);
}

static void test_dkey_group(void **state)
{
	struct oid file = make_oid(1, DAOS_OT_ARRAY_BYTE, OR_RP_1, 16);
	struct oid dir = make_oid(1, DAOS_OT_MULTI_HASHED, OR_RP_1, 16);
	uint64_t hits[16] = { 0 };
	struct place_attr a;
	uint64_t i;

	(void)state;
	assert_int_equal(place_attr(file, &a), 0);
	for (i = 0; i < 160; i++)
		hits[place_dkey_group(&a, place_dkey_hash(file, &i, sizeof(i)))]++;
	for (i = 0; i < 16; i++)
		assert_int_equal(hits[i], 10);
	assert_int_equal(place_attr(dir, &a), 0);
	memset(hits, 0, sizeof(hits));
	for (i = 0; i < 16000; i++)
		hits[place_dkey_group(&a, place_dkey_hash(dir, &i, sizeof(i)))]++;
	for (i = 0; i < 16; i++)
		assert_in_range(hits[i], 850, 1150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_round_trip), cmocka_unit_test(test_attr),
		cmocka_unit_test(test_layout),	       cmocka_unit_test(test_lost_shard),
		cmocka_unit_test(test_dkey_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

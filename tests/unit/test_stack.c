/* The whole stack in one process: pools, containers and objects as a program sees them. */
#include "tests/unit/stack_bed.h"

#include "daos_obj_class.h"

/* ---- pools and containers ------------------------------------------------------------------- */

static void pools(struct bed *b)
{
	daos_pool_info_t info = { .pi_bits = DPI_SPACE };
	d_rank_list_t *ranks = NULL;
	daos_handle_t poh;
	daos_handle_t ro;
	daos_handle_t ex;

	(void)b;
	CHECK_RC(daos_pool_connect2("nosuch", NULL, DAOS_PC_RW, &poh, NULL, NULL), -DER_NONEXIST);
	CHECK_RC(daos_pool_connect2(BED_POOL, "nosuch", DAOS_PC_RW, &poh, NULL, NULL),
		 -DER_NONEXIST);
	CHECK_RC(daos_pool_connect2(BED_POOL, NULL, 0, &poh, NULL, NULL), -DER_INVAL);
	CHECK_RC(daos_pool_connect2("", NULL, DAOS_PC_RW, &poh, NULL, NULL), -DER_INVAL);
	CHECK_RC(daos_pool_connect2(BED_POOL, BED_SYSTEM, DAOS_PC_RW, &poh, &info, NULL), 0);
	CHECK_EQ(info.pi_ntargets, 4);
	CHECK_EQ(info.pi_nnodes, 1);
	CHECK_EQ(info.pi_ndisabled, 0);
	CHECK_EQ(info.pi_map_ver, 1);
	CHECK_EQ(info.pi_space.ps_ntargets, 4);
	CHECK_RC(daos_pool_connect2(BED_POOL, NULL, DAOS_PC_EX, &ex, NULL, NULL), -DER_BUSY);
	CHECK_RC(daos_pool_connect2(BED_POOL, NULL, DAOS_PC_RO, &ro, NULL, NULL), 0);
	CHECK_RC(daos_cont_create_with_label(ro, "c", NULL, NULL, NULL), -DER_NO_PERM);
	CHECK_RC(daos_pool_disconnect(ro, NULL), 0);
	info = (daos_pool_info_t){ .pi_bits = DPI_ENGINES_ENABLED };
	CHECK_RC(daos_pool_query(poh, &ranks, &info, NULL, NULL), 0);
	CHECK_EQ(ranks->rl_nr, 1);
	CHECK_EQ(ranks->rl_ranks[0], 0);
	d_rank_list_free(ranks);
	CHECK_RC(daos_pool_disconnect(poh, NULL), 0);
	CHECK_RC(daos_pool_disconnect(poh, NULL), -DER_NO_HDL);
	CHECK_RC(daos_pool_query(poh, NULL, &info, NULL, NULL), -DER_NO_HDL);
	CHECK_RC(daos_pool_connect2(BED_POOL, NULL, DAOS_PC_EX, &ex, NULL, NULL), 0);
	CHECK_RC(daos_pool_connect2(BED_POOL, NULL, DAOS_PC_RO, &ro, NULL, NULL), -DER_BUSY);
	CHECK_RC(daos_pool_disconnect(ex, NULL), 0);
}

static void test_pools(void **state)
{
	(void)state;
	bed_once(pools);
}

static void containers(struct bed *b)
{
	char label[DAOS_PROP_LABEL_MAX_LEN + 2];
	daos_cont_info_t info;
	daos_handle_t poh;
	daos_handle_t coh;
	daos_handle_t two;
	uint64_t first;
	uint64_t next;
	char text[40];
	uuid_t uuid;

	(void)b;
	CHECK_RC(daos_pool_connect2(BED_POOL, NULL, DAOS_PC_RW, &poh, NULL, NULL), 0);
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = 0;
	CHECK_RC(daos_cont_create_with_label(poh, label, NULL, NULL, NULL), -DER_INVAL);
	CHECK_RC(daos_cont_create_with_label(poh, "a b", NULL, NULL, NULL), -DER_INVAL);
	CHECK_RC(daos_cont_create_with_label(poh, "one", NULL, &uuid, NULL), 0);
	CHECK_RC(daos_cont_create_with_label(poh, "one", NULL, NULL, NULL), -DER_EXIST);
	CHECK_RC(daos_cont_open2(poh, "nosuch", DAOS_COO_RW, &coh, NULL, NULL), -DER_NONEXIST);
	CHECK_RC(daos_cont_open2(poh, "one", 0, &coh, NULL, NULL), -DER_INVAL);
	pool_uid_print((struct uid *)(void *)uuid, text);
	CHECK_RC(daos_cont_open2(poh, text, DAOS_COO_RW, &coh, &info, NULL), 0);
	CHECK(memcmp(info.ci_uuid, uuid, sizeof(uuid)) == 0);
	CHECK_EQ(info.ci_nhandles, 1);
	CHECK_RC(daos_cont_open2(poh, "one", DAOS_COO_RO, &two, &info, NULL), 0);
	CHECK_EQ(info.ci_nhandles, 2);
	CHECK_RC(daos_cont_close(two, NULL), 0);
	CHECK_RC(daos_cont_open2(poh, "one", DAOS_COO_EX, &two, NULL, NULL), -DER_BUSY);
	CHECK_RC(daos_cont_destroy2(poh, "one", 0, NULL), -DER_BUSY);
	CHECK_RC(daos_cont_alloc_oids(coh, 0, &first, NULL), -DER_INVAL);
	CHECK_RC(daos_cont_alloc_oids(coh, 3, &first, NULL), 0);
	CHECK_RC(daos_cont_alloc_oids(coh, 5000, &next, NULL), 0);
	CHECK(next >= first + 3 || next + 5000 <= first);
	CHECK_RC(daos_cont_query(coh, &info, NULL, NULL), 0);
	CHECK_EQ(info.ci_nhandles, 1);
	CHECK_RC(daos_cont_close(coh, NULL), 0);
	CHECK_RC(daos_cont_close(coh, NULL), -DER_NO_HDL);
	CHECK_RC(daos_cont_query(coh, &info, NULL, NULL), -DER_NO_HDL);
	CHECK_RC(daos_cont_destroy2(poh, "one", 0, NULL), 0);
	CHECK_RC(daos_cont_destroy2(poh, "one", 0, NULL), -DER_NONEXIST);
	CHECK_RC(daos_cont_open2(poh, "one", DAOS_COO_RW, &coh, NULL, NULL), -DER_NONEXIST);
	CHECK_RC(daos_pool_disconnect(poh, NULL), 0);
}

static void test_containers(void **state)
{
	(void)state;
	bed_once(containers);
}

/* ---- values --------------------------------------------------------------------------------- */

static void fill(void *dst, size_t bytes, uint64_t seed)
{
	gen_fill(seed, 0, dst, bytes);
}

static void singles(struct bed *b)
{
	static char big[300000];
	static char back[300000];
	daos_handle_t oh;
	size_t n;
	char v[16];

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	memset(v, 'z', sizeof(v));
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), 0, &n), 0);
	CHECK_EQ(n, 0);
	CHECK(v[0] == 'z');
	CHECK_RC(bed_put(oh, "d", "a", "hello", 5, 0), 0);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), 0, &n), 0);
	CHECK_EQ(n, 5);
	CHECK(memcmp(v, "helloz", 6) == 0);
	/* Only the size. */
	CHECK_RC(bed_get(oh, "d", "a", NULL, 0, 0, &n), 0);
	CHECK_EQ(n, 5);
	CHECK_RC(bed_get(oh, "d", "a", v, 4, 0, &n), -DER_REC2BIG);
	CHECK_EQ(n, 5);
	/* Larger than a message: it goes by bulk, both ways. */
	fill(big, sizeof(big), 1);
	CHECK_RC(bed_put(oh, "d", "big", big, sizeof(big), 0), 0);
	CHECK_RC(bed_get(oh, "d", "big", back, sizeof(back), 0, &n), 0);
	CHECK_EQ(n, sizeof(big));
	CHECK(memcmp(big, back, sizeof(big)) == 0);
	CHECK_RC(bed_get(oh, "d", "big", back, sizeof(back) - 1, 0, &n), -DER_REC2BIG);
	CHECK_EQ(n, sizeof(big));
	CHECK_RC(bed_put(oh, "d", "a", NULL, 0, 0), 0);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), 0, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	CHECK_RC(bed_put(oh, "d", "a", "x", 1, 0), -DER_NO_HDL);
	bed_disconnect(b);
}

static void test_singles(void **state)
{
	(void)state;
	bed_once(singles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_singles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

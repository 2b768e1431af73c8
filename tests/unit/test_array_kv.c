/* The public arrays and key-value stores, over a whole system. */
#include "tests/unit/stack_bed.h"

/* ---- key-value stores ----------------------------------------------------------------------- */

static daos_handle_t kv_open(struct bed *b, uint64_t n, enum daos_otype_t type, unsigned int mode)
{
	daos_obj_id_t oid = { .lo = n };
	daos_handle_t kv;

	CHECK_RC(daos_obj_generate_oid2(b->coh, &oid, type, 0, 0, 0), 0);
	CHECK_RC(daos_kv_open(b->coh, oid, mode, &kv, NULL), 0);
	return kv;
}

static void kv_values(struct bed *b)
{
	daos_obj_id_t plain = { .lo = 9 };
	daos_handle_t kv;
	daos_handle_t ro;
	daos_size_t size;
	char big[20000];
	char back[20000];
	char v[8];

	bed_connect(b);
	CHECK_RC(daos_obj_generate_oid2(b->coh, &plain, DAOS_OT_MULTI_HASHED, 0, 0, 0), 0);
	CHECK_RC(daos_kv_open(b->coh, plain, DAOS_OO_RW, &kv, NULL), -DER_INVAL);
	CHECK_RC(daos_kv_open(b->poh, plain, DAOS_OO_RW, &kv, NULL), -DER_INVAL);
	kv = kv_open(b, 1, DAOS_OT_KV_HASHED, DAOS_OO_RW);
	size = sizeof(v);
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, "key", &size, v, NULL), 0);
	CHECK_EQ(size, 0);
	size = sizeof(v);
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, DAOS_COND_KEY_GET, "key", &size, v, NULL),
		 -DER_NONEXIST);
	CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, DAOS_COND_KEY_UPDATE, "key", 3, "abc", NULL),
		 -DER_NONEXIST);
	CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, DAOS_COND_KEY_INSERT, "key", 3, "abc", NULL), 0);
	CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, DAOS_COND_KEY_INSERT, "key", 3, "xyz", NULL),
		 -DER_EXIST);
	size = sizeof(v);
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, "key", &size, v, NULL), 0);
	CHECK(size == 3 && memcmp(v, "abc", 3) == 0);
	size = 2;
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, "key", &size, v, NULL), -DER_REC2BIG);
	CHECK_EQ(size, 3);
	size = DAOS_REC_ANY;
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, "key", &size, NULL, NULL), 0);
	CHECK_EQ(size, 3);
	size = 0;
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, "key", &size, v, NULL), 0);
	CHECK_EQ(size, 3);
	memset(big, 'B', sizeof(big));
	CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, 0, "key", sizeof(big), big, NULL), 0);
	size = sizeof(back);
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, "key", &size, back, NULL), 0);
	CHECK(size == sizeof(big) && memcmp(big, back, sizeof(big)) == 0);
	CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, 0, "", 1, "v", NULL), -DER_INVAL);
	CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, 0, "k", 0, "v", NULL), -DER_INVAL);
	CHECK_RC(daos_kv_put(kv, kv, 0, "k", 1, "v", NULL), -DER_NO_HDL);
	CHECK_RC(daos_kv_remove(kv, DAOS_TX_NONE, 0, "nosuch", NULL), 0);
	CHECK_RC(daos_kv_remove(kv, DAOS_TX_NONE, DAOS_COND_KEY_REMOVE, "nosuch", NULL),
		 -DER_NONEXIST);
	CHECK_RC(daos_kv_remove(kv, DAOS_TX_NONE, DAOS_COND_KEY_REMOVE, "key", NULL), 0);
	size = sizeof(v);
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, "key", &size, v, NULL), 0);
	CHECK_EQ(size, 0);
	ro = kv_open(b, 1, DAOS_OT_KV_HASHED, DAOS_OO_RO);
	CHECK_RC(daos_kv_put(ro, DAOS_TX_NONE, 0, "k", 1, "v", NULL), -DER_NO_PERM);
	CHECK_RC(daos_kv_close(ro, NULL), 0);
	CHECK_RC(daos_kv_close(ro, NULL), -DER_NO_HDL);
	CHECK_RC(daos_obj_close(kv, NULL), -DER_NO_HDL);	/* another kind of handle */
	CHECK_RC(daos_kv_close(kv, NULL), 0);
	bed_disconnect(b);
}

static void test_kv_values(void **state)
{
	(void)state;
	bed_once(kv_values);
}

#define KEYS 300u

static uint32_t kv_count(daos_handle_t kv)
{
	static bool seen[KEYS];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[40];
	char buf[1024];
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	uint32_t total = 0;

	memset(seen, 0, sizeof(seen));
	while (!daos_anchor_is_eof(&anchor)) {
		char *at = buf;
		uint32_t nr = 40;
		uint32_t i;

		d_iov_set(&iov, buf, sizeof(buf));
		CHECK_RC(daos_kv_list(kv, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), 0);
		for (i = 0; i < nr; i++) {
			char name[16] = "";
			unsigned int n;

			CHECK(kds[i].kd_key_len < sizeof(name));
			memcpy(name, at, kds[i].kd_key_len);
			CHECK(sscanf(name, "key-%u", &n) == 1 && n < KEYS && !seen[n]);
			seen[n] = true;
			at += kds[i].kd_key_len;
		}
		total += nr;
	}
	return total;
}

static void kv_keys(struct bed *b)
{
	const uint64_t big = 1ull << 40;
	daos_handle_t kv;
	daos_size_t size;
	char name[16];
	uint32_t v;
	uint32_t i;

	bed_connect(b);
	kv = kv_open(b, 2, DAOS_OT_KV_HASHED, DAOS_OO_RW);
	CHECK_EQ(kv_count(kv), 0);
	for (i = 0; i < KEYS; i++) {
		(void)snprintf(name, sizeof(name), "key-%u", i);
		CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, 0, name, sizeof(i), &i, NULL), 0);
	}
	CHECK_EQ(kv_count(kv), KEYS);
	for (i = 0; i < KEYS; i++) {
		(void)snprintf(name, sizeof(name), "key-%u", i);
		size = sizeof(v);
		CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, name, &size, &v, NULL), 0);
		CHECK(size == sizeof(v) && v == i);
	}
	CHECK_RC(daos_kv_remove(kv, DAOS_TX_NONE, 0, "key-7", NULL), 0);
	CHECK_EQ(kv_count(kv), KEYS - 1);
	CHECK_RC(daos_kv_destroy(kv, DAOS_TX_NONE, NULL), 0);
	CHECK_EQ(kv_count(kv), 0);
	CHECK_RC(daos_kv_close(kv, NULL), 0);
	/* Integers for keys. */
	kv = kv_open(b, 3, DAOS_OT_KV_UINT64, DAOS_OO_RW);
	CHECK_RC(daos_kv_put(kv, DAOS_TX_NONE, 0, (const char *)&big, 3, "int", NULL), 0);
	size = sizeof(name);
	CHECK_RC(daos_kv_get(kv, DAOS_TX_NONE, 0, (const char *)&big, &size, name, NULL), 0);
	CHECK(size == 3 && memcmp(name, "int", 3) == 0);
	CHECK_RC(daos_kv_close(kv, NULL), 0);
	bed_disconnect(b);
}

static void test_kv_keys(void **state)
{
	(void)state;
	bed_once(kv_keys);
}

/* ---- arrays --------------------------------------------------------------------------------- */

static void array_opens(struct bed *b)
{
	daos_obj_id_t kept = { .lo = 1 };
	daos_obj_id_t given = { .lo = 2 };
	daos_obj_id_t bytes = { .lo = 3 };
	daos_size_t chunk;
	daos_size_t cell;
	daos_handle_t oh;
	daos_handle_t two;
	char mem[256];
	d_iov_t glob = { 0 };

	bed_connect(b);
	CHECK_RC(daos_array_generate_oid(b->coh, &kept, true, OC_SX, 0, 0), 0);
	CHECK_RC(daos_array_generate_oid(b->coh, &given, false, OC_S1, 0, 0), 0);
	CHECK_RC(daos_obj_generate_oid2(b->coh, &bytes, DAOS_OT_ARRAY_BYTE, 0, 0, 0), 0);
	CHECK_RC(daos_array_open(b->coh, kept, DAOS_TX_NONE, DAOS_OO_RW, &cell, &chunk, &oh, NULL),
		 -DER_NONEXIST);
	CHECK_RC(daos_array_create(b->coh, kept, DAOS_TX_NONE, 0, 16, &oh, NULL), -DER_INVAL);
	CHECK_RC(daos_array_create(b->coh, given, DAOS_TX_NONE, 8, 16, &oh, NULL), -DER_INVAL);
	CHECK_RC(daos_array_create(b->coh, kept, DAOS_TX_NONE, 8, 16, &oh, NULL), 0);
	CHECK_RC(daos_array_create(b->coh, kept, DAOS_TX_NONE, 4, 32, &two, NULL), -DER_EXIST);
	CHECK_RC(daos_array_get_attr(oh, &chunk, &cell), 0);
	CHECK(chunk == 16 && cell == 8);
	CHECK_RC(daos_array_open(b->coh, kept, DAOS_TX_NONE, DAOS_OO_RO, &cell, &chunk, &two, NULL),
		 0);
	CHECK(chunk == 16 && cell == 8);
	CHECK_RC(daos_array_set_size(two, DAOS_TX_NONE, 5, NULL), -DER_NO_PERM);
	CHECK_RC(daos_array_close(two, NULL), 0);
	CHECK_RC(daos_array_close(two, NULL), -DER_NO_HDL);
	CHECK_RC(daos_array_open(b->coh, given, DAOS_TX_NONE, DAOS_OO_RW, &cell, &chunk, &two,
				 NULL),
		 -DER_INVAL);
	CHECK_RC(daos_array_open_with_attr(b->coh, bytes, DAOS_TX_NONE, DAOS_OO_RW, 2, 64, &two,
					   NULL),
		 -DER_INVAL);
	/* For another process. */
	CHECK_RC(daos_array_local2global(oh, &glob), 0);
	CHECK(glob.iov_buf_len > 0 && glob.iov_buf_len <= sizeof(mem));
	d_iov_set(&glob, mem, 4);
	CHECK_RC(daos_array_local2global(oh, &glob), -DER_TRUNC);
	glob.iov_buf = mem;
	CHECK_RC(daos_array_local2global(oh, &glob), 0);
	CHECK_RC(daos_array_global2local(b->coh, glob, 0, &two), 0);
	CHECK_RC(daos_array_get_attr(two, &chunk, &cell), 0);
	CHECK(chunk == 16 && cell == 8);
	CHECK_RC(daos_array_set_size(two, DAOS_TX_NONE, 5, NULL), 0);
	CHECK_RC(daos_array_close(two, NULL), 0);
	mem[0] ^= 1;
	CHECK_RC(daos_array_global2local(b->coh, glob, 0, &two), -DER_INVAL);
	CHECK_RC(daos_array_destroy(oh, DAOS_TX_NONE, NULL), 0);
	CHECK_RC(daos_array_close(oh, NULL), 0);
	CHECK_RC(daos_array_open(b->coh, kept, DAOS_TX_NONE, DAOS_OO_RW, &cell, &chunk, &oh, NULL),
		 -DER_NONEXIST);
	bed_disconnect(b);
}

static void test_array_opens(void **state)
{
	(void)state;
	bed_once(array_opens);
}

static void array_io(struct bed *b)
{
	daos_obj_id_t oid = { .lo = 1 };
	daos_range_t rg[2] = { { 10, 30 }, { 100, 5 } };
	daos_array_iod_t iod = { .arr_nr = 2, .arr_rgs = rg };
	daos_array_stbuf_t st;
	uint64_t out[40];
	uint64_t in[40];
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_size_t size;
	daos_handle_t oh;
	uint32_t i;

	bed_connect(b);
	CHECK_RC(daos_array_generate_oid(b->coh, &oid, false, OC_SX, 0, 0), 0);
	CHECK_RC(daos_array_open_with_attr(b->coh, oid, DAOS_TX_NONE, DAOS_OO_RW, 8, 16, &oh, NULL),
		 0);
	CHECK_RC(daos_array_stat(oh, DAOS_TX_NONE, &st, NULL), 0);
	CHECK(st.st_size == 0 && st.st_max_epoch == 0);
	for (i = 0; i < 40; i++)
		out[i] = 1000 + i;
	d_iov_set(&iov, out, 35 * 8);
	CHECK_RC(daos_array_write(oh, DAOS_TX_NONE, &iod, &sgl, NULL), 0);
	CHECK_RC(daos_array_get_size(oh, DAOS_TX_NONE, &size, NULL), 0);
	CHECK_EQ(size, 105);
	CHECK_RC(daos_array_stat(oh, DAOS_TX_NONE, &st, NULL), 0);
	CHECK(st.st_size == 105 && st.st_max_epoch > 0);
	/* Holes keep what is in the caller's memory; what is behind the end is counted. */
	rg[0] = (daos_range_t){ 38, 4 };
	rg[1] = (daos_range_t){ 103, 4 };
	memset(in, 0xee, sizeof(in));
	d_iov_set(&iov, in, 8 * 8);
	CHECK_RC(daos_array_read(oh, DAOS_TX_NONE, &iod, &sgl, NULL), 0);
	CHECK_EQ(iod.arr_nr_short_read, 2);
	CHECK_EQ(iod.arr_nr_read, 6);
	CHECK(in[0] == 1028 && in[1] == 1029 && in[4] == 1033 && in[5] == 1034);
	CHECK(in[2] == 0xeeeeeeeeeeeeeeee && in[6] == 0xeeeeeeeeeeeeeeee);
	d_iov_set(&iov, in, 7 * 8);
	CHECK_RC(daos_array_read(oh, DAOS_TX_NONE, &iod, &sgl, NULL), -DER_REC2BIG);
	CHECK_RC(daos_array_write(oh, DAOS_TX_NONE, &iod, &sgl, NULL), -DER_REC2BIG);
	iod.arr_nr = 0;
	CHECK_RC(daos_array_read(oh, DAOS_TX_NONE, &iod, &sgl, NULL), -DER_INVAL);
	iod = (daos_array_iod_t){ .arr_nr = 1, .arr_rgs = rg };
	rg[0] = (daos_range_t){ 12, 10 };
	CHECK_RC(daos_array_punch(oh, DAOS_TX_NONE, &iod, NULL), 0);
	CHECK_RC(daos_array_get_size(oh, DAOS_TX_NONE, &size, NULL), 0);
	CHECK_EQ(size, 105);
	CHECK_RC(daos_array_set_size(oh, DAOS_TX_NONE, 20, NULL), 0);
	CHECK_RC(daos_array_get_size(oh, DAOS_TX_NONE, &size, NULL), 0);
	CHECK_EQ(size, 20);
	rg[0] = (daos_range_t){ 10, 2 };
	d_iov_set(&iov, in, 16);
	CHECK_RC(daos_array_read(oh, DAOS_TX_NONE, &iod, &sgl, NULL), 0);
	CHECK(in[0] == 1000 && in[1] == 1001 && iod.arr_nr_short_read == 0);
	CHECK_RC(daos_array_set_size(oh, DAOS_TX_NONE, 1000, NULL), 0);
	CHECK_RC(daos_array_get_size(oh, DAOS_TX_NONE, &size, NULL), 0);
	CHECK_EQ(size, 1000);
	CHECK_RC(daos_array_update_chunk_size(oh, 0), -DER_INVAL);
	CHECK_RC(daos_array_destroy(oh, DAOS_TX_NONE, NULL), 0);
	CHECK_RC(daos_array_get_size(oh, DAOS_TX_NONE, &size, NULL), 0);
	CHECK_EQ(size, 0);
	CHECK_RC(daos_array_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_array_io(void **state)
{
	(void)state;
	bed_once(array_io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kv_values),
		cmocka_unit_test(test_kv_keys),
		cmocka_unit_test(test_array_opens),
		cmocka_unit_test(test_array_io),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* ---- arrays under an akey ------------------------------------------------------------------- */

static void extents(struct bed *b)
{
	daos_handle_t oh;
	char v[64];
	daos_recx_t recx = { .rx_idx = 0, .rx_nr = 4 };
	daos_iod_t iod = { .iod_type = DAOS_IOD_ARRAY, .iod_nr = 1, .iod_recxs = &recx };
	daos_key_t key;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S2);
	CHECK_RC(bed_write(oh, "d", "a", 2, 10, 4, "aabbccdd"), 0);
	memset(v, 'z', sizeof(v));
	/* Holes leave the caller's bytes as they were. */
	CHECK_RC(bed_read(oh, "d", "a", 2, 8, 8, v), 0);
	CHECK(memcmp(v, "zzzzaabbccddzzzz", 16) == 0);
	memset(v, 'z', sizeof(v));
	CHECK_RC(bed_read(oh, "d", "a", 2, 0, 4, v), 0);
	CHECK(memcmp(v, "zzzzzzzz", 8) == 0);
	/* A hole in the middle, newer over older. */
	CHECK_RC(bed_write(oh, "d", "a", 2, 16, 1, "ee"), 0);
	CHECK_RC(bed_write(oh, "d", "a", 2, 11, 1, "BB"), 0);
	memset(v, 'z', sizeof(v));
	CHECK_RC(bed_read(oh, "d", "a", 2, 10, 7, v), 0);
	CHECK(memcmp(v, "aaBBccddzzzzee", 14) == 0);
	/* Size 0 writes a hole. */
	CHECK_RC(bed_write(oh, "d", "a", 0, 12, 1, NULL), 0);
	memset(v, 'z', sizeof(v));
	CHECK_RC(bed_read(oh, "d", "a", 2, 10, 4, v), 0);
	CHECK(memcmp(v, "aaBBzzdd", 8) == 0);
	CHECK_RC(bed_write(oh, "d", "a", 3, 0, 1, "xyz"), -DER_INVAL);
	/* Only sizes: a record's where there is one, 0 for a hole. */
	bed_key(&key, "d");
	bed_key(&iod.iod_name, "a");
	recx.rx_idx = 10;
	CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, NULL, NULL, NULL), 0);
	CHECK_EQ(iod.iod_size, 2);
	recx.rx_idx = 0;
	iod.iod_size = 0;
	CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, NULL, NULL, NULL), 0);
	CHECK_EQ(iod.iod_size, 0);
	/* A wrong record size is put right where the room suffices, reported where not. */
	memset(v, 'z', sizeof(v));
	{
		d_iov_t iov;
		d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };

		recx = (daos_recx_t){ .rx_idx = 10, .rx_nr = 2 };
		d_iov_set(&iov, v, 4);
		iod.iod_size = 1;
		CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL, NULL), 0);
		CHECK_EQ(iod.iod_size, 2);
		CHECK_EQ(iov.iov_len, 4);
		CHECK(memcmp(v, "aaBBz", 5) == 0);
		iod.iod_size = 1;
		d_iov_set(&iov, v, 3);
		CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL, NULL),
			 -DER_REC2BIG);
		CHECK_EQ(iod.iod_size, 2);
		/* Nothing there: the length says so. */
		recx.rx_idx = 1000;
		d_iov_set(&iov, v, 4);
		CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL, NULL), 0);
		CHECK_EQ(iod.iod_size, 0);
		CHECK_EQ(iov.iov_len, 4);
	}
	CHECK_RC(bed_put(oh, "d", "a", "x", 1, 0), -DER_NO_PERM);
	CHECK_RC(bed_put(oh, "d", "single", "x", 1, 0), 0);
	CHECK_RC(bed_write(oh, "d", "single", 1, 0, 1, "x"), -DER_NO_PERM);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_extents(void **state)
{
	(void)state;
	bed_once(extents);
}

/* Many akeys and many extents in one call, every value cut over several pieces of memory. */
static void many(struct bed *b)
{
	enum { KEYS = 20, RECXS = 30, REC = 3 };
	static daos_recx_t recxs[KEYS][RECXS];
	static char names[KEYS][8];
	static char data[KEYS][RECXS * 5 * REC];
	static char back[KEYS][RECXS * 5 * REC];
	static d_iov_t iovs[KEYS][3];
	static daos_iod_t iods[KEYS];
	static d_sg_list_t sgls[KEYS];
	daos_handle_t oh;
	daos_key_t key;
	int i;
	int k;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	bed_key(&key, "d");
	for (i = 0; i < KEYS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "k%d", i);
		fill(data[i], sizeof(data[i]), (uint64_t)i + 1);
		for (k = 0; k < RECXS; k++)
			recxs[i][k] = (daos_recx_t){ .rx_idx = (uint64_t)k * 10, .rx_nr = 5 };
		iods[i] = (daos_iod_t){ .iod_type = DAOS_IOD_ARRAY, .iod_size = REC,
					.iod_nr = RECXS, .iod_recxs = recxs[i] };
		bed_key(&iods[i].iod_name, names[i]);
		d_iov_set(&iovs[i][0], data[i], 7);
		d_iov_set(&iovs[i][1], data[i] + 7, 0);
		d_iov_set(&iovs[i][2], data[i] + 7, sizeof(data[i]) - 7);
		sgls[i] = (d_sg_list_t){ .sg_nr = 3, .sg_iovs = iovs[i] };
	}
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, KEYS, iods, sgls, NULL), 0);
	memset(back, 0, sizeof(back));
	for (i = 0; i < KEYS; i++) {
		d_iov_set(&iovs[i][0], back[i], 100);
		d_iov_set(&iovs[i][1], back[i] + 100, 11);
		d_iov_set(&iovs[i][2], back[i] + 111, sizeof(back[i]) - 111);
		iods[i].iod_size = DAOS_REC_ANY;
	}
	CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, KEYS, iods, sgls, NULL, NULL), 0);
	CHECK(memcmp(data, back, sizeof(data)) == 0);
	for (i = 0; i < KEYS; i++)
		CHECK_EQ(iods[i].iod_size, REC);
	/* The same akey twice. */
	iods[1].iod_name = iods[0].iod_name;
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 2, iods, sgls, NULL), -DER_NO_PERM);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_many(void **state)
{
	(void)state;
	bed_once(many);
}

/* More pieces of memory than can be exposed: a bounce buffer, both ways; holes stay as they were. */
static void segmented(struct bed *b)
{
	enum { PIECES = 500, PIECE = 100, BYTES = PIECES * PIECE };
	static char data[BYTES];
	static char back[BYTES];
	static d_iov_t iovs[PIECES];
	d_sg_list_t sgl = { .sg_nr = PIECES, .sg_iovs = iovs };
	daos_recx_t recx = { .rx_idx = 0, .rx_nr = BYTES };
	daos_iod_t iod = { .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1,
			   .iod_recxs = &recx };
	daos_handle_t oh;
	daos_key_t key;
	int i;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	bed_key(&key, "d");
	bed_key(&iod.iod_name, "a");
	fill(data, sizeof(data), 1);
	for (i = 0; i < PIECES; i++)
		d_iov_set(&iovs[i], data + i * PIECE, PIECE);
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), 0);
	CHECK_RC(bed_write(oh, "d", "a", 0, 20000, 100, NULL), 0);
	memset(back, 'z', sizeof(back));
	memset(data + 20000, 'z', 100);
	for (i = 0; i < PIECES; i++)
		d_iov_set(&iovs[i], back + i * PIECE, PIECE);
	CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL, NULL), 0);
	CHECK(memcmp(data, back, sizeof(data)) == 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_segmented(void **state)
{
	(void)state;
	bed_once(segmented);
}

/* More pieces found than one reply can list: the read is cut up, nobody notices. */
static void fragmented(struct bed *b)
{
	enum { N = 9000 };
	static daos_recx_t recxs[900];
	static char data[N];
	static char back[N];
	static char want[N];
	daos_iod_t iod = { .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_recxs = recxs };
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_recx_t all = { .rx_idx = 0, .rx_nr = N };
	daos_handle_t oh;
	daos_key_t key;
	uint32_t at;
	uint32_t k;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	bed_key(&key, "d");
	bed_key(&iod.iod_name, "a");
	fill(data, sizeof(data), 1);
	memset(want, 'z', sizeof(want));
	for (at = 0; at < N; at += 1800) {
		for (k = 0; k < 900; k++) {
			recxs[k] = (daos_recx_t){ .rx_idx = at + 2 * k, .rx_nr = 1 };
			want[at + 2 * k] = data[k];
		}
		iod.iod_nr = 900;
		d_iov_set(&iov, data, 900);
		CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), 0);
	}
	memset(back, 'z', sizeof(back));
	iod.iod_nr = 1;
	iod.iod_recxs = &all;
	d_iov_set(&iov, back, N);
	CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL, NULL), 0);
	CHECK(memcmp(want, back, N) == 0);
	CHECK_EQ(iod.iod_size, 1);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_fragmented(void **state)
{
	(void)state;
	bed_once(fragmented);
}

/* ---- conditions and punches ----------------------------------------------------------------- */

static void conditions(struct bed *b)
{
	daos_handle_t oh;
	daos_key_t key;
	daos_key_t keys[2];
	size_t n;
	char v[8];

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S4);
	CHECK_RC(bed_put(oh, "d", "a", "1", 1, DAOS_COND_DKEY_UPDATE), -DER_NONEXIST);
	CHECK_RC(bed_put(oh, "d", "a", "1", 1, DAOS_COND_DKEY_INSERT), 0);
	CHECK_RC(bed_put(oh, "d", "b", "1", 1, DAOS_COND_DKEY_INSERT), -DER_EXIST);
	CHECK_RC(bed_put(oh, "d", "a", "2", 1, DAOS_COND_AKEY_INSERT), -DER_EXIST);
	CHECK_RC(bed_put(oh, "d", "b", "2", 1, DAOS_COND_AKEY_UPDATE), -DER_NONEXIST);
	CHECK_RC(bed_put(oh, "d", "a", "3", 1, DAOS_COND_AKEY_UPDATE), 0);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), DAOS_COND_AKEY_FETCH, &n), 0);
	CHECK(n == 1 && v[0] == '3');
	CHECK_RC(bed_get(oh, "d", "x", v, sizeof(v), DAOS_COND_AKEY_FETCH, &n), -DER_NONEXIST);
	CHECK_RC(bed_get(oh, "e", "x", v, sizeof(v), DAOS_COND_DKEY_FETCH, &n), -DER_NONEXIST);
	bed_key(&key, "none");
	CHECK_RC(daos_obj_punch_dkeys(oh, DAOS_TX_NONE, DAOS_COND_PUNCH, 1, &key, NULL),
		 -DER_NONEXIST);
	CHECK_RC(daos_obj_punch_dkeys(oh, DAOS_TX_NONE, 0, 1, &key, NULL), 0);
	bed_key(&keys[0], "d");
	bed_key(&keys[1], "e");
	CHECK_RC(daos_obj_punch_dkeys(oh, DAOS_TX_NONE, 0, 2, keys, NULL), -DER_INVAL);
	bed_key(&key, "d");
	bed_key(&keys[0], "a");
	bed_key(&keys[1], "b");
	CHECK_RC(bed_put(oh, "d", "b", "4", 1, 0), 0);
	CHECK_RC(daos_obj_punch_akeys(oh, DAOS_TX_NONE, 0, &key, 2, keys, NULL), 0);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), 0, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), DAOS_COND_DKEY_FETCH, &n), -DER_NONEXIST);
	CHECK_RC(bed_put(oh, "d", "a", "5", 1, 0), 0);
	CHECK_RC(bed_put(oh, "f", "a", "5", 1, 0), 0);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, 0, NULL), 0);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), 0, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_RC(bed_get(oh, "f", "a", v, sizeof(v), 0, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_conditions(void **state)
{
	(void)state;
	bed_once(conditions);
}

/* An object that was punched: COND_PUNCH answers 0, and that of one that never was, too few shards or
 * many, the one error. */
static void cond_punch_object(struct bed *b)
{
	daos_handle_t oh;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, DAOS_COND_PUNCH, NULL), -DER_NONEXIST);
	CHECK_RC(bed_put(oh, "d", "a", "5", 1, 0), 0);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, DAOS_COND_PUNCH, NULL), 0);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, DAOS_COND_PUNCH, NULL), 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	/* One dkey is on one of four shards; the object exists all the same. */
	oh = bed_obj(b, 2, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, DAOS_COND_PUNCH, NULL), -DER_NONEXIST);
	CHECK_RC(bed_put(oh, "d", "a", "5", 1, 0), 0);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, DAOS_COND_PUNCH, NULL), 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_cond_punch_object(void **state)
{
	(void)state;
	bed_once(cond_punch_object);
}

/* ---- listings ------------------------------------------------------------------------------- */

/* All keys by calls of @nr entries and @room bytes. Each exactly once. */
static uint32_t list_all(daos_handle_t oh, const char *dkey, uint32_t nr, size_t room,
			 uint8_t *seen, const char *prefix)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t *kds = calloc(nr, sizeof(*kds));
	char *mem = calloc(1, room);
	uint32_t sum = 0;
	daos_key_t key;

	CHECK(kds != NULL && mem != NULL);
	if (dkey != NULL)
		bed_key(&key, dkey);
	while (!daos_anchor_is_eof(&anchor)) {
		d_iov_t iov;
		d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
		uint32_t n = nr;
		char *at = mem;
		uint32_t i;

		d_iov_set(&iov, mem, room);
		if (dkey == NULL)
			CHECK_RC(daos_obj_list_dkey(oh, DAOS_TX_NONE, &n, kds, &sgl, &anchor, NULL),
				 0);
		else
			CHECK_RC(daos_obj_list_akey(oh, DAOS_TX_NONE, &key, &n, kds, &sgl, &anchor,
						    NULL),
				 0);
		CHECK(n <= nr);
		for (i = 0; i < n; i++) {
			char text[64];
			size_t len = strlen(prefix);
			unsigned long k;

			CHECK(kds[i].kd_key_len < sizeof(text));
			memcpy(text, at, kds[i].kd_key_len);
			text[kds[i].kd_key_len] = 0;
			at += kds[i].kd_key_len;
			CHECK(strncmp(text, prefix, len) == 0);
			k = strtoul(text + len, NULL, 10);
			CHECK(seen[k] == 0);
			seen[k] = 1;
		}
		CHECK((size_t)(at - mem) <= room);
		sum += n;
	}
	free(mem);
	free(kds);
	return sum;
}

static void list_class(struct bed *b, uint64_t n, enum daos_otype_t type, daos_oclass_id_t cid)
{
	enum { KEYS = 1500 };
	static const struct {
		uint32_t nr;
		size_t room;
	} cuts[] = {
		{ 2000, 100000 }, { 7, 4096 }, { 100, 40 }, { 1, 20 }, { 1024, 8000 },
	};
	uint8_t seen[KEYS];
	daos_handle_t oh = bed_obj(b, n, type, cid);
	char name[32];
	uint32_t i;

	for (i = 0; i < KEYS; i++) {
		(void)snprintf(name, sizeof(name), "key%u", i);
		CHECK_RC(bed_put(oh, name, "a", "v", 1, 0), 0);
	}
	for (i = 0; i < ARRAY_COUNT(cuts); i++) {
		memset(seen, 0, sizeof(seen));
		CHECK_EQ(list_all(oh, NULL, cuts[i].nr, cuts[i].room, seen, "key"), KEYS);
	}
	CHECK_RC(daos_obj_close(oh, NULL), 0);
}

static void listings(struct bed *b)
{
	uint8_t seen[300] = { 0 };
	daos_handle_t oh;
	char name[16];
	uint32_t i;

	bed_connect(b);
	list_class(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	list_class(b, 2, DAOS_OT_MULTI_LEXICAL, OC_S8);
	list_class(b, 3, DAOS_OT_MULTI_HASHED, OC_S32);
	list_class(b, 4, DAOS_OT_MULTI_HASHED, OC_SX);
	oh = bed_obj(b, 5, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_EQ(list_all(oh, NULL, 10, 100, seen, "key"), 0);
	for (i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "a%u", i);
		CHECK_RC(bed_put(oh, "d", name, "v", 1, 0), 0);
	}
	CHECK_EQ(list_all(oh, "d", 17, 1000, seen, "a"), 300);
	memset(seen, 0, sizeof(seen));
	CHECK_EQ(list_all(oh, "e", 17, 1000, seen, "a"), 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_listings(void **state)
{
	struct bed_opts opts = { .targets = 40 };
	struct bed *b = bed_new(&opts);

	(void)state;
	bed_run(b, listings);
	bed_end(b);
}

static void key_too_big(struct bed *b)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[4];
	char room[64];
	char name[41];
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_handle_t oh;
	uint32_t nr = 4;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	CHECK_RC(bed_put(oh, name, "a", "v", 1, 0), 0);
	d_iov_set(&iov, room, 39);
	CHECK_RC(daos_obj_list_dkey(oh, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), -DER_KEY2BIG);
	CHECK_EQ(nr, 4);
	CHECK_EQ(kds[0].kd_key_len, 40);
	/* With the room that was asked for it goes on where it stood. */
	d_iov_set(&iov, room, 40);
	CHECK_RC(daos_obj_list_dkey(oh, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), 0);
	CHECK_EQ(nr, 1);
	CHECK(memcmp(room, name, 40) == 0);
	/* The last akey takes its dkey along. */
	{
		daos_key_t key;
		daos_key_t akey;

		bed_key(&key, name);
		bed_key(&akey, "a");
		CHECK_RC(daos_obj_punch_akeys(oh, DAOS_TX_NONE, 0, &key, 1, &akey, NULL), 0);
	}
	memset(&anchor, 0, sizeof(anchor));
	nr = 4;
	CHECK_RC(daos_obj_list_dkey(oh, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), 0);
	CHECK_EQ(nr, 0);
	CHECK(daos_anchor_is_eof(&anchor));
	/* At the end it stays at the end. */
	nr = 4;
	CHECK_RC(daos_obj_list_dkey(oh, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), 0);
	CHECK_EQ(nr, 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_key_too_big(void **state)
{
	(void)state;
	bed_once(key_too_big);
}

/* Keys into many small pieces of memory, more than can be exposed. */
static void list_segmented(struct bed *b)
{
	enum { PIECES = 300, PIECE = 37, KEYS = 200 };
	static char mem[PIECES * PIECE];
	static d_iov_t iovs[PIECES];
	static daos_key_desc_t kds[KEYS];
	d_sg_list_t sgl = { .sg_nr = PIECES, .sg_iovs = iovs };
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	uint32_t sum = 0;
	daos_handle_t oh;
	char name[32];
	uint32_t nr;
	uint32_t i;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	for (i = 0; i < KEYS; i++) {
		(void)snprintf(name, sizeof(name), "a-rather-long-name-%u", i);
		CHECK_RC(bed_put(oh, name, "a", "v", 1, 0), 0);
	}
	while (!daos_anchor_is_eof(&anchor)) {
		for (i = 0; i < PIECES; i++)
			d_iov_set(&iovs[i], mem + i * PIECE, PIECE);
		nr = KEYS;
		CHECK_RC(daos_obj_list_dkey(oh, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), 0);
		CHECK(nr == 0 || memcmp(mem, "a-rather-long-name-", 19) == 0);
		sum += nr;
	}
	CHECK_EQ(sum, KEYS);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_list_segmented(void **state)
{
	(void)state;
	bed_once(list_segmented);
}

static void list_recxs(struct bed *b)
{
	daos_epoch_range_t eprs[4];
	daos_recx_t recxs[4];
	daos_handle_t oh;
	daos_key_t dkey;
	daos_key_t akey;
	uint64_t last = 0;
	uint32_t sum = 0;
	uint32_t i;
	int up;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	for (i = 0; i < 10; i++)
		CHECK_RC(bed_write(oh, "d", "a", 1, i * 10, 3, "abc"), 0);
	bed_key(&dkey, "d");
	bed_key(&akey, "a");
	for (up = 1; up >= 0; up--) {
		daos_anchor_t anchor = DAOS_ANCHOR_INIT;

		sum = 0;
		while (!daos_anchor_is_eof(&anchor)) {
			daos_size_t size = 0;
			uint32_t nr = 4;

			CHECK_RC(daos_obj_list_recx(oh, DAOS_TX_NONE, &dkey, &akey, &size, &nr,
						    recxs, eprs, &anchor, up != 0, NULL),
				 0);
			for (i = 0; i < nr; i++) {
				CHECK_EQ(recxs[i].rx_nr, 3);
				CHECK(sum == 0 ||
				      (up ? recxs[i].rx_idx > last : recxs[i].rx_idx < last));
				last = recxs[i].rx_idx;
				sum++;
				CHECK_EQ(size, 1);
			}
		}
		CHECK_EQ(sum, 10);
	}
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_list_recxs(void **state)
{
	(void)state;
	bed_once(list_recxs);
}

/* ---- queries of keys ------------------------------------------------------------------------ */

static int query(daos_handle_t oh, uint64_t flags, uint64_t *dkey, uint64_t *akey,
		 daos_recx_t *recx, size_t *dkey_len)
{
	daos_key_t d;
	daos_key_t a;
	int rc;

	d_iov_set(&d, dkey, sizeof(*dkey));
	d_iov_set(&a, akey, sizeof(*akey));
	rc = daos_obj_query_key(oh, DAOS_TX_NONE, flags, &d, &a, recx, NULL);
	*dkey_len = d.iov_len;
	return rc;
}

static void queries(struct bed *b)
{
	daos_recx_t recx = { 9, 9 };
	daos_recx_t one = { .rx_idx = 5, .rx_nr = 2 };
	uint64_t dkey = 77;
	uint64_t akey = 0;
	daos_iod_t iod = { .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1,
			   .iod_recxs = &one };
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_handle_t oh;
	daos_key_t d;
	size_t len;
	uint64_t i;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_UINT64, OC_SX);
	CHECK_RC(query(oh, DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX, &dkey,
		       &akey, &recx, &len),
		 0);
	CHECK_EQ(len, 0);
	CHECK_EQ(recx.rx_nr, 0);
	d_iov_set(&iov, (void *)(uintptr_t) "xy", 2);
	for (i = 10; i < 30; i++) {
		akey = i * 3;
		d_iov_set(&d, &i, sizeof(i));
		d_iov_set(&iod.iod_name, &akey, sizeof(akey));
		CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &d, 1, &iod, &sgl, NULL), 0);
	}
	CHECK_RC(query(oh, DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX, &dkey,
		       &akey, &recx, &len),
		 0);
	CHECK_EQ(dkey, 29);
	CHECK_EQ(akey, 87);
	CHECK_EQ(recx.rx_idx, 5);
	CHECK_EQ(recx.rx_nr, 2);
	CHECK_RC(query(oh, DAOS_GET_MIN | DAOS_GET_DKEY, &dkey, &akey, NULL, &len), 0);
	CHECK_EQ(dkey, 10);
	dkey = 12;
	CHECK_RC(query(oh, DAOS_GET_MIN | DAOS_GET_AKEY, &dkey, &akey, NULL, &len), 0);
	CHECK_EQ(akey, 36);
	akey = 36;
	CHECK_RC(query(oh, DAOS_GET_MAX | DAOS_GET_RECX, &dkey, &akey, &recx, &len), 0);
	CHECK_EQ(recx.rx_idx, 5);
	CHECK_RC(query(oh, DAOS_GET_MAX | DAOS_GET_MIN | DAOS_GET_RECX, &dkey, &akey, &recx, &len),
		 -DER_INVAL);
	CHECK_RC(query(oh, DAOS_GET_MAX, &dkey, &akey, &recx, &len), -DER_INVAL);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	/* Keys that are given need not be integers. */
	oh = bed_obj(b, 2, DAOS_OT_MULTI_HASHED, OC_S1);
	CHECK_RC(bed_write(oh, "name", "text", 1, 40, 3, "abc"), 0);
	{
		daos_key_t a;

		bed_key(&d, "name");
		bed_key(&a, "text");
		CHECK_RC(daos_obj_query_key(oh, DAOS_TX_NONE, DAOS_GET_MAX | DAOS_GET_RECX, &d, &a,
					    &recx, NULL),
			 0);
		CHECK_EQ(recx.rx_idx, 40);
		CHECK_EQ(recx.rx_nr, 3);
	}
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_queries(void **state)
{
	(void)state;
	bed_once(queries);
}

/* ---- refused -------------------------------------------------------------------------------- */

static void refused(struct bed *b)
{
	static char key_mem[WIRE_KEY_MAX + 1];
	daos_handle_t oh;
	daos_handle_t ro;
	daos_obj_id_t oid = { .lo = 9 };
	daos_iod_t iod = { .iod_type = DAOS_IOD_SINGLE, .iod_size = 1, .iod_nr = 1 };
	daos_key_t key;
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_recx_t recx = { .rx_idx = UINT64_MAX, .rx_nr = 2 };

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	d_iov_set(&iov, (void *)(uintptr_t) "v", 1);
	bed_key(&iod.iod_name, "a");
	d_iov_set(&key, key_mem, sizeof(key_mem));
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), -DER_KEY2BIG);
	key.iov_len = 0;
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), -DER_INVAL);
	bed_key(&key, "d");
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 0, &iod, &sgl, NULL), -DER_INVAL);
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, NULL, &sgl, NULL), -DER_INVAL);
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, NULL, NULL), -DER_REC2BIG);
	iod.iod_type = 7;
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), -DER_INVAL);
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_recxs = &recx;
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), -DER_INVAL);
	recx = (daos_recx_t){ .rx_idx = 0, .rx_nr = 0 };
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), -DER_INVAL);
	recx.rx_nr = 2;
	CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), -DER_REC2BIG);
	/* A long key and a payload that just fits a message do not fit it together. */
	{
		static char v[8192];
		static char back[8192];

		memset(key_mem, 'k', sizeof(key_mem));
		d_iov_set(&key, key_mem, WIRE_KEY_MAX);
		fill(v, sizeof(v), 3);
		iod.iod_type = DAOS_IOD_SINGLE;
		iod.iod_size = sizeof(v);
		d_iov_set(&iov, v, sizeof(v));
		CHECK_RC(daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL), 0);
		d_iov_set(&iov, back, sizeof(back));
		CHECK_RC(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL, NULL), 0);
		CHECK(memcmp(v, back, sizeof(v)) == 0);
	}
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	CHECK_RC(daos_obj_open(b->coh, oid, DAOS_OO_RW, &oh, NULL), -DER_INVAL);
	CHECK_RC(daos_obj_generate_oid2(b->coh, &oid, DAOS_OT_MULTI_HASHED, OC_RP_2GX, 0, 0),
		 -DER_NOTSUPPORTED);
	CHECK_RC(daos_obj_generate_oid2(b->coh, &oid, 200, OC_S1, 0, 0), -DER_INVAL);
	CHECK_RC(daos_obj_generate_oid2(b->coh, &oid, DAOS_OT_MULTI_HASHED, OC_S1, 0, 0), 0);
	CHECK_RC(daos_obj_open(b->coh, oid, 0, &oh, NULL), -DER_INVAL);
	CHECK_RC(daos_obj_open(b->coh, oid, DAOS_OO_RO, &oh, NULL), 0);
	CHECK_RC(bed_put(oh, "d", "a", "v", 1, 0), -DER_NO_PERM);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, 0, NULL), -DER_NO_PERM);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	CHECK_RC(daos_cont_open2(b->poh, "cont", DAOS_COO_RO, &ro, NULL, NULL), 0);
	CHECK_RC(daos_obj_open(ro, oid, DAOS_OO_RW, &oh, NULL), -DER_NO_PERM);
	CHECK_RC(daos_cont_close(ro, NULL), 0);
	bed_disconnect(b);
}

static void test_refused(void **state)
{
	(void)state;
	bed_once(refused);
}

/* A container that is destroyed takes its objects along; requests under way end in order. */
static void destroyed(struct bed *b)
{
	daos_handle_t oh;
	size_t n;
	char v[8];

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_RC(bed_put(oh, "d", "a", "v", 1, 0), 0);
	CHECK_RC(daos_cont_destroy2(b->poh, "cont", 1, NULL), 0);
	CHECK_RC(bed_put(oh, "d", "a", "v", 1, 0), -DER_NONEXIST);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), 0, &n), -DER_NONEXIST);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	CHECK_RC(daos_cont_close(b->coh, NULL), 0);
	CHECK_RC(daos_cont_create_with_label(b->poh, "cont", NULL, NULL, NULL), 0);
	CHECK_RC(daos_cont_open2(b->poh, "cont", DAOS_COO_RW, &b->coh, NULL, NULL), 0);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_RC(bed_get(oh, "d", "a", v, sizeof(v), 0, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_destroyed(void **state)
{
	(void)state;
	bed_once(destroyed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_singles),
		cmocka_unit_test(test_extents),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_segmented),
		cmocka_unit_test(test_fragmented),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_cond_punch_object),
		cmocka_unit_test(test_listings),
		cmocka_unit_test(test_key_too_big),
		cmocka_unit_test(test_list_segmented),
		cmocka_unit_test(test_list_recxs),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_destroyed),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

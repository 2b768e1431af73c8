/*
 * Sizes, offsets and numbers of the public headers: programs are compiled against them, so they are
 * asserted at compile time, from lists written independently of the headers. What has behaviour,
 * the inline functions, runs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <daos.h>
#include <daos_fs.h>
#include <daos_fs_sys.h>
#include <daos_task.h>
#include <daos_uns.h>
#include <gurt/common.h>
#include <gurt/hash.h>

#define SIZE(type, bytes)	_Static_assert(sizeof(type) == (bytes), #type)
#define AT(type, member, off)	_Static_assert(offsetof(type, member) == (off), #type "." #member)
#define NUM(name, value)	_Static_assert((name) == (value), #name)

SIZE(daos_handle_t, 8);
SIZE(daos_size_t, 8);
SIZE(daos_off_t, 8);
SIZE(daos_epoch_t, 8);
SIZE(daos_oclass_id_t, 4);
SIZE(daos_oclass_hints_t, 2);
SIZE(daos_cont_layout_t, 2);
SIZE(d_rank_t, 4);
SIZE(d_iov_t, 24);
SIZE(daos_key_t, 24);
SIZE(d_sg_list_t, 16);
SIZE(d_rank_list_t, 16);
SIZE(daos_obj_id_t, 16);
SIZE(daos_recx_t, 16);
SIZE(daos_iod_t, 64);
SIZE(daos_iom_t, 64);
SIZE(daos_key_desc_t, 16);
SIZE(daos_anchor_t, 120);
SIZE(daos_event_t, 176);
SIZE(daos_epoch_range_t, 16);
SIZE(daos_prop_t, 16);
SIZE(struct daos_prop_entry, 16);
SIZE(daos_pool_info_t, 192);
SIZE(struct daos_pool_space, 88);
SIZE(struct daos_rebuild_status, 56);
SIZE(daos_cont_info_t, 48);
SIZE(daos_target_info_t, 48);
SIZE(struct daos_oclass_attr, 24);
SIZE(daos_range_t, 16);
SIZE(daos_array_iod_t, 32);
SIZE(daos_array_stbuf_t, 16);
SIZE(dfs_attr_t, 176);
SIZE(dfs_iod_t, 16);
SIZE(dfs_obj_info_t, 40);
SIZE(struct duns_attr_t, 480);
SIZE(struct daos_acl, 8);
SIZE(struct daos_ace, 32);
SIZE(struct d_hash_table, 96);
SIZE(d_hash_table_ops_t, 64);
SIZE(d_list_t, 16);
SIZE(struct daos_sys_info, 4256);
SIZE(tse_task_t, 1024);
SIZE(tse_sched_t, 400);

AT(daos_obj_id_t, lo, 0);
AT(daos_obj_id_t, hi, 8);
AT(daos_iod_t, iod_type, 24);
AT(daos_iod_t, iod_size, 32);
AT(daos_iod_t, iod_flags, 40);
AT(daos_iod_t, iod_nr, 48);
AT(daos_iod_t, iod_recxs, 56);
AT(daos_iom_t, iom_nr, 4);
AT(daos_iom_t, iom_size, 16);
AT(daos_iom_t, iom_recx_lo, 24);
AT(daos_iom_t, iom_recxs, 56);
AT(daos_anchor_t, da_sub_anchors, 8);
AT(daos_anchor_t, da_buf, 16);
AT(daos_event_t, ev_private, 8);
AT(daos_event_t, ev_debug, 168);
AT(daos_pool_info_t, pi_bits, 40);
AT(daos_pool_info_t, pi_space, 48);
AT(daos_pool_info_t, pi_rebuild_st, 136);
AT(daos_cont_info_t, ci_lsnapshot, 16);
AT(daos_cont_info_t, ci_md_mtime, 40);
AT(struct daos_prop_entry, dpe_val, 8);
AT(dfs_attr_t, da_props, 24);
AT(dfs_attr_t, da_hints, 44);
AT(dfs_obj_info_t, doi_oid, 24);
AT(struct d_hash_table, ht_bits, 56);
AT(struct d_hash_table, ht_priv, 64);
AT(struct d_hash_table, ht_ops, 72);

NUM(DAOS_API_VERSION_MAJOR, 2);
NUM(DAOS_API_VERSION_MINOR, 8);
NUM(DAOS_API_VERSION_FIX, 0);

/* Errors: name and number. */
#define ERRORS(E)									\
	E(NO_PERM, 1001) E(NO_HDL, 1002) E(INVAL, 1003) E(EXIST, 1004) E(NONEXIST, 1005)	\
	E(UNREACH, 1006) E(NOSPACE, 1007) E(ALREADY, 1008) E(NOMEM, 1009) E(NOSYS, 1010)	\
	E(TIMEDOUT, 1011) E(BUSY, 1012) E(AGAIN, 1013) E(PROTO, 1014) E(UNINIT, 1015)	\
	E(TRUNC, 1016) E(OVERFLOW, 1017) E(CANCELED, 1018) E(OOG, 1019) E(HG, 1020)	\
	E(UNREG, 1021) E(ADDRSTR_GEN, 1022) E(PMIX, 1023) E(IVCB_FORWARD, 1024)		\
	E(MISC, 1025) E(BADPATH, 1026) E(NOTDIR, 1027) E(CORPC_INCOMPLETE, 1028)	\
	E(NO_RAS_RANK, 1029) E(NOTATTACH, 1030) E(MISMATCH, 1031) E(EXCLUDED, 1032)	\
	E(NOREPLY, 1033) E(DOS, 1034) E(BAD_TARGET, 1035) E(GRPVER, 1036)		\
	E(HLC_SYNC, 1037) E(NO_SHMEM, 1038) E(ADD_METRIC_FAILED, 1039)			\
	E(DURATION_MISMATCH, 1040) E(OP_NOT_PERMITTED, 1041) E(EXCEEDS_PATH_LEN, 1042)	\
	E(METRIC_NOT_FOUND, 1043) E(SHMEM_PERMS, 1044) E(HG_FATAL, 1045)		\
	E(QUOTA_LIMIT, 1046)								\
	E(IO, 2001) E(FREE_MEM, 2002) E(ENOENT, 2003) E(NOTYPE, 2004) E(NOSCHEMA, 2005)	\
	E(NOLOCAL, 2006) E(STALE, 2007) E(NOTLEADER, 2008) E(TGT_CREATE, 2009)		\
	E(EP_RO, 2010) E(EP_OLD, 2011) E(KEY2BIG, 2012) E(REC2BIG, 2013)		\
	E(IO_INVAL, 2014) E(EQ_BUSY, 2015) E(DOMAIN, 2016) E(SHUTDOWN, 2017)		\
	E(INPROGRESS, 2018) E(NOTAPPLICABLE, 2019) E(NOTREPLICA, 2020) E(CSUM, 2021)	\
	E(DF_INVAL, 2022) E(DF_INCOMPT, 2023) E(REC_SIZE, 2024) E(TX_RESTART, 2025)	\
	E(DATA_LOSS, 2026) E(OP_CANCELED, 2027) E(TX_BUSY, 2028)			\
	E(AGENT_INCOMPAT, 2029) E(NEED_TX, 2030) E(RF, 2031) E(FETCH_AGAIN, 2032)	\
	E(TX_UNCERTAIN, 2033) E(AGENT_COMM, 2034) E(ID_MISMATCH, 2035)			\
	E(TGT_RETRY, 2036) E(NOTSUPPORTED, 2037) E(CONTROL_INCOMPAT, 2038)		\
	E(NO_SERVICE, 2039) E(TX_ID_REUSED, 2040) E(UPDATE_AGAIN, 2041)			\
	E(NVME_IO, 2042) E(NO_CERT, 2043) E(BAD_CERT, 2044)				\
	E(VOS_PARTIAL_UPDATE, 2045) E(CHKPT_BUSY, 2046) E(DIV_BY_ZERO, 2047)		\
	E(OVERLOAD_RETRY, 2048) E(NOT_RESUME, 2049) E(CONT_NONEXIST, 2050)		\
	E(CONT_DESTROYING, 2051) E(IGNORE, 2052)

#define ERROR_NUM(name, value)	NUM(DER_##name, value);
ERRORS(ERROR_NUM)
NUM(DER_SUCCESS, 0);
NUM(DER_ERR_GURT_BASE, 1000);
NUM(DER_ERR_DAOS_BASE, 2000);
NUM(DER_ERR_GURT_LIMIT, 1047);
NUM(DER_LAST_VALID, 2053);
NUM(DER_UNKNOWN, 501000);
NUM(DER_EVICTED, 1032);

/* Classes: method, numbers of groups. */
#define FAMILY(name, redun)								\
	NUM(name##1, (redun) << 24 | 1); NUM(name##2, (redun) << 24 | 2);		\
	NUM(name##4, (redun) << 24 | 4); NUM(name##6, (redun) << 24 | 6);		\
	NUM(name##8, (redun) << 24 | 8); NUM(name##12, (redun) << 24 | 12);		\
	NUM(name##16, (redun) << 24 | 16); NUM(name##32, (redun) << 24 | 32);		\
	NUM(name##X, (redun) << 24 | 65535)
FAMILY(OC_S, 1);
FAMILY(OC_RP_2G, 8);
FAMILY(OC_RP_3G, 9);
FAMILY(OC_RP_4G, 10);
FAMILY(OC_RP_5G, 11);
FAMILY(OC_RP_6G, 12);
FAMILY(OC_EC_2P1G, 32);
FAMILY(OC_EC_2P2G, 33);
FAMILY(OC_EC_4P1G, 34);
FAMILY(OC_EC_4P2G, 35);
FAMILY(OC_EC_8P1G, 36);
FAMILY(OC_EC_8P2G, 37);
FAMILY(OC_EC_16P1G, 38);
FAMILY(OC_EC_16P2G, 39);
FAMILY(OC_EC_4P3G, 40);
FAMILY(OC_EC_8P3G, 41);
FAMILY(OC_EC_16P3G, 42);
NUM(OC_RP_12G1, 14 << 24 | 1);
NUM(OC_RP_16G1, 15 << 24 | 1);
NUM(OC_RP_24G1, 16 << 24 | 1);
NUM(OC_RP_32G1, 17 << 24 | 1);
NUM(OC_RP_48G1, 18 << 24 | 1);
NUM(OC_RP_64G1, 19 << 24 | 1);
NUM(OC_RP_128G1, 20 << 24 | 1);
/* and some written out */
NUM(OC_S1, 0x1000001);
NUM(OC_SX, 0x100ffff);
NUM(OC_RP_2G1, 0x8000001);
NUM(OC_RP_2GX, 0x800ffff);
NUM(OC_RP_3G1, 0x9000001);
NUM(OC_EC_2P1G1, 0x20000001);
NUM(OC_EC_4P2GX, 0x2300ffff);
NUM(OC_EC_8P2G1, 0x25000001);
NUM(OC_EC_16P3GX, 0x2a00ffff);
NUM(OR_RP_8, 13);
NUM(OC_BACK_COMPAT, 50);
NUM(OC_TINY, 51);
NUM(OC_MAX, 54);
NUM(OC_RP_TINY, 60);
NUM(OC_RP_MAX, 63);
NUM(OC_RP_SF_TINY, 70);
NUM(OC_RP_SF_MAX, 73);
NUM(OC_RP_XSF, 80);
NUM(OC_EC_TINY, 100);
NUM(OC_EC_MAX, 103);
NUM(OC_RESERVED, 1 << 30);
NUM(MAX_NUM_GROUPS, 65535);
NUM(MAX_OBJ_CLASS_NAME_LEN, 24);

NUM(DAOS_OT_MULTI_HASHED, 0);
NUM(DAOS_OT_OIT, 1);
NUM(DAOS_OT_DKEY_UINT64, 2);
NUM(DAOS_OT_AKEY_UINT64, 3);
NUM(DAOS_OT_MULTI_UINT64, 4);
NUM(DAOS_OT_DKEY_LEXICAL, 5);
NUM(DAOS_OT_AKEY_LEXICAL, 6);
NUM(DAOS_OT_MULTI_LEXICAL, 7);
NUM(DAOS_OT_KV_HASHED, 8);
NUM(DAOS_OT_KV_UINT64, 9);
NUM(DAOS_OT_KV_LEXICAL, 10);
NUM(DAOS_OT_ARRAY, 11);
NUM(DAOS_OT_ARRAY_ATTR, 12);
NUM(DAOS_OT_ARRAY_BYTE, 13);
NUM(DAOS_OT_OIT_V2, 14);
NUM(DAOS_OT_MAX, 14);

NUM(OID_FMT_TYPE_SHIFT, 56);
NUM(OID_FMT_CLASS_SHIFT, 48);
NUM(OID_FMT_META_SHIFT, 32);
NUM(OID_FMT_TYPE_MASK, 0xff00000000000000);
NUM(OID_FMT_CLASS_MASK, 0x00ff000000000000);
NUM(OID_FMT_META_MASK, 0x0000ffff00000000);

NUM(DAOS_PC_RO, 1);
NUM(DAOS_PC_RW, 2);
NUM(DAOS_PC_EX, 4);
NUM(DAOS_COO_RO, 1);
NUM(DAOS_COO_RW, 2);
NUM(DAOS_COO_EX, 4);
NUM(DAOS_COO_FORCE, 8);
NUM(DAOS_COO_RO_MDSTATS, 16);
NUM(DAOS_COO_EVICT, 32);
NUM(DAOS_COO_EVICT_ALL, 64);
NUM(DAOS_COO_NEW_LAYOUT, 128);
NUM(DAOS_OO_RO, 2);
NUM(DAOS_OO_RW, 4);
NUM(DAOS_OO_EXCL, 8);
NUM(DAOS_OO_IO_RAND, 16);
NUM(DAOS_OO_IO_SEQ, 32);
NUM(DAOS_COND_PUNCH, 1);
NUM(DAOS_COND_DKEY_INSERT, 2);
NUM(DAOS_COND_DKEY_UPDATE, 4);
NUM(DAOS_COND_DKEY_FETCH, 8);
NUM(DAOS_COND_AKEY_INSERT, 16);
NUM(DAOS_COND_AKEY_UPDATE, 32);
NUM(DAOS_COND_AKEY_FETCH, 64);
NUM(DAOS_COND_PER_AKEY, 128);
NUM(DAOS_COND_KEY_INSERT, 2);
NUM(DAOS_COND_KEY_UPDATE, 4);
NUM(DAOS_COND_KEY_GET, 8);
NUM(DAOS_COND_KEY_REMOVE, 1);
NUM(DAOS_GET_MAX, 1);
NUM(DAOS_GET_MIN, 2);
NUM(DAOS_GET_DKEY, 4);
NUM(DAOS_GET_AKEY, 8);
NUM(DAOS_GET_RECX, 16);
NUM(DAOS_OCH_RDD_EC, 8);
NUM(DAOS_OCH_SHD_DEF, 16);
NUM(DAOS_OCH_SHD_MAX, 512);
NUM(DPI_SPACE, 1);
NUM(DPI_REBUILD_STATUS, 2);
NUM(DPI_ENGINES_ENABLED, 4);
NUM(DPI_ENGINES_DISABLED, 8);
NUM(DPI_ENGINES_DEAD, 16);
NUM(DPI_REBUILD_MAX_LAYOUT_VER, 32);
NUM(DPI_SELF_HEAL_POLICY, 64);
NUM(DPI_ALL, -1);
NUM(DAOS_MEDIA_SCM, 0);
NUM(DAOS_MEDIA_NVME, 1);
NUM(DAOS_IOD_SINGLE, 1);
NUM(DAOS_IOD_ARRAY, 2);
NUM(DAOS_IOMF_DETAIL, 1);
NUM(DAOS_ANCHOR_TYPE_EOF, 3);
NUM(DAOS_EVS_ABORTED, 3);
NUM(DAOS_EQ_WAIT, -1);
NUM(DAOS_EQ_DESTROY_FORCE, 1);
NUM(DAOS_OPC_POOL_CONNECT, 5);
NUM(DAOS_OPC_CONT_CREATE, 18);
NUM(DAOS_OPC_TX_OPEN, 37);
NUM(DAOS_OPC_OBJ_OPEN, 46);
NUM(DAOS_OPC_OBJ_UPDATE, 55);
NUM(DAOS_OPC_ARRAY_CREATE, 60);
NUM(DAOS_OPC_KV_OPEN, 70);
NUM(DUNS_NO_PREFIX, 1);
NUM(DUNS_NO_REVERSE_LOOKUP, 2);
NUM(DUNS_NO_CHECK_PATH, 4);
NUM(DFS_BALANCED, 4);
NUM(DFS_RELAXED, 0);
NUM(DFS_DEFAULT_CHUNK_SIZE, 1 << 20);
NUM(DFS_SYS_NO_CACHE, 1);
NUM(DFS_SYS_NO_LOCK, 2);
NUM(DAOS_SUPER_MAGIC, 0xDA05AD10);
NUM(CRT_NO_RANK, UINT32_MAX);

NUM(DAOS_PROP_PO_LABEL, 1);
NUM(DAOS_PROP_PO_OWNER, 6);
NUM(DAOS_PROP_PO_EC_CELL_SZ, 9);
NUM(DAOS_PROP_PO_REDUN_FAC, 11);
NUM(DAOS_PROP_PO_SCRUB_MODE, 16);
NUM(DAOS_PROP_PO_PERF_DOMAIN, 21);
NUM(DAOS_PROP_PO_REINT_MODE, 25);
NUM(DAOS_PROP_PO_SVC_OPS_ENTRY_AGE, 27);
NUM(DAOS_PROP_PO_NUM, 27);
NUM(DAOS_PROP_CO_LABEL, 0x1001);
NUM(DAOS_PROP_CO_REDUN_FAC, 0x1007);
NUM(DAOS_PROP_CO_ACL, 0x100a);
NUM(DAOS_PROP_CO_ROOTS, 0x1011);
NUM(DAOS_PROP_CO_EC_CELL_SZ, 0x1014);
NUM(DAOS_PROP_CO_PERF_DOMAIN, 0x101a);
NUM(DAOS_PROP_CO_NUM, 26);
NUM(DAOS_PROP_CO_LAYOUT_UNKOWN, 0);
NUM(DAOS_PROP_CO_LAYOUT_METEO, 8);
NUM(DAOS_PROP_CO_CSUM_ADLER32, 7);
NUM(DAOS_PROP_CO_REDUN_DEFAULT, 2);

static void names_of_errors(void **state)
{
	(void)state;
#define ERROR_NAME(name, value)					\
	assert_string_equal(d_errstr(-(value)), "DER_" #name);	\
	assert_string_equal(d_errstr(value), "DER_" #name);	\
	assert_true(strlen(d_errdesc(-(value))) > 0);
	ERRORS(ERROR_NAME)
	assert_string_equal(d_errstr(0), "DER_SUCCESS");
	assert_string_equal(d_errdesc(0), "Success");
	assert_string_equal(d_errdesc(-1005), "The specified entity does not exist");
	assert_string_equal(d_errstr(1000), "DER_UNKNOWN");
	assert_string_equal(d_errstr(1047), "DER_UNKNOWN");
	assert_string_equal(d_errstr(2000), "DER_UNKNOWN");
	assert_string_equal(d_errstr(-2053), "DER_UNKNOWN");
	assert_string_equal(d_errstr(INT_MIN), "DER_UNKNOWN");
	assert_string_equal(d_errdesc(-77), "Unknown error code -77");
}

static void object_ids(void **state)
{
	daos_obj_id_t oid = { .lo = 5, .hi = 0x0d23001012345678 };
	uint64_t type;

	(void)state;
	assert_int_equal(daos_obj_id2type(oid), DAOS_OT_ARRAY_BYTE);
	assert_int_equal(daos_obj_id2ord(oid), OR_RS_4P2);
	assert_int_equal(daos_obj_id2grp_nr(oid), 16);
	assert_int_equal(daos_obj_id2class(oid), OC_EC_4P2G16);
	assert_false(daos_obj_id_is_nil(oid));
	assert_true(daos_obj_id_is_nil(DAOS_OBJ_NIL));

	daos_obj_oid_cycle(&oid);
	assert_int_equal(oid.lo, 5);
	assert_int_equal(oid.hi, 0x12345678U + 999999937U);

	for (type = 0; type < 256; type++) {
		bool array = type >= 11 && type <= 13;

		oid.hi = type << 56;
		assert_int_equal(daos_is_array(oid), array);
		assert_int_equal(daos_is_kv(oid), type >= 8 && type <= 10);
		assert_int_equal(daos_is_dkey_uint64(oid),
				 array || type == 2 || type == 4 || type == 9);
		assert_int_equal(daos_is_akey_uint64(oid), type == 3 || type == 4);
		assert_int_equal(daos_is_dkey_lexical(oid), type == 5 || type == 7 || type == 10);
		assert_int_equal(daos_is_akey_lexical(oid), type == 6 || type == 7);
		assert_int_equal(daos_otype_t_is_valid((enum daos_otype_t)type), type <= 14);
	}
}

static void labels(void **state)
{
	char label[130];

	(void)state;
	memset(label, 'x', sizeof(label));
	label[127] = '\0';
	assert_true(daos_label_is_valid(label));
	label[127] = 'x';
	label[128] = '\0';
	assert_false(daos_label_is_valid(label));
	assert_false(daos_label_is_valid(NULL));
	assert_false(daos_label_is_valid(""));
	assert_false(daos_label_is_valid("a b"));
	assert_false(daos_label_is_valid("a/b"));
	assert_false(daos_label_is_valid("\xc3\xa4"));
	assert_true(daos_label_is_valid("."));
	assert_true(daos_label_is_valid("-x"));
	assert_true(daos_label_is_valid("Pool_1:a.b-c"));
	assert_false(daos_label_is_valid("123e4567-e89b-12d3-a456-426614174000"));
	assert_false(daos_label_is_valid("123E4567-E89B-12D3-A456-426614174000"));
	assert_true(daos_label_is_valid("123e4567-e89b-12d3-a456-42661417400g"));
	assert_true(daos_label_is_valid("123e4567-e89b-12d3-a456-4266141740001"));

	assert_true(daos_is_valid_uuid_string("123E4567-e89b-12d3-a456-426614174000/x", 0));
	assert_false(daos_is_valid_uuid_string("123E4567-e89b-12d3-a456-426614174000", 1));
	assert_false(daos_is_valid_uuid_string("123e4567-e89b", 0));
}

static void small_inlines(void **state)
{
	struct daos_co_status status = { 0 };
	daos_anchor_t anchor;
	char bytes[3];
	daos_key_t key;

	(void)state;
	memset(&anchor, 0xff, sizeof(anchor));
	assert_int_equal(daos_anchor_init(&anchor, 0), 0);
	assert_int_equal(anchor.da_type, DAOS_ANCHOR_TYPE_ZERO);
	assert_false(daos_anchor_is_eof(&anchor));
	anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
	assert_true(daos_anchor_is_eof(&anchor));

	d_iov_set(&key, bytes, sizeof(bytes));
	assert_ptr_equal(key.iov_buf, bytes);
	assert_int_equal(key.iov_len, 3);
	assert_int_equal(key.iov_buf_len, 3);
	assert_false(daos_key_is_null(key));
	d_iov_set(&key, NULL, 0);
	assert_true(daos_key_is_null(key));

	daos_prop_val_2_co_status(0x0001000200000003, &status);
	assert_int_equal(status.dcs_flags, 1);
	assert_int_equal(status.dcs_status, 2);
	assert_int_equal(status.dcs_pm_ver, 3);
	assert_true(daos_prop_co_status_2_val(&status) == 0x0001000200000003);
	assert_true(daos_rf_is_valid(4));
	assert_false(daos_rf_is_valid(5));
	assert_string_equal(daos_pool_cont_filter_func_str(PCF_FUNC_GE), ">=");
	assert_string_equal(daos_pool_cont_filter_key_str(PCF_KEY_MAX), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_errors),
		cmocka_unit_test(object_ids),
		cmocka_unit_test(labels),
		cmocka_unit_test(small_inlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

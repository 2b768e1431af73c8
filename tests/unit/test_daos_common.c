/* The helpers of libdaos that need no system. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "daos.h"
#include "daos/common.h"
#include "daos_security.h"
#include "gurt/common.h"

/* ---- errors, ranks, times ------------------------------------------------------------------- */

static void test_errno(void **state)
{
	(void)state;
	assert_int_equal(daos_der2errno(0), 0);
	assert_int_equal(daos_der2errno(-DER_NONEXIST), ENOENT);
	assert_int_equal(daos_der2errno(DER_NONEXIST), ENOENT);
	assert_int_equal(daos_der2errno(-DER_NO_PERM), EPERM);
	assert_int_equal(daos_der2errno(-DER_EXIST), EEXIST);
	assert_int_equal(daos_der2errno(-DER_NOSPACE), ENOSPC);
	assert_int_equal(daos_der2errno(-DER_NO_HDL), EINVAL);
	assert_int_equal(daos_der2errno(-DER_TIMEDOUT), ETIMEDOUT);
	assert_int_equal(daos_der2errno(-DER_TX_RESTART), ERESTART);
	assert_int_equal(daos_der2errno(-DER_CSUM), EIO);
	assert_int_equal(daos_der2errno(-999999), EIO);
	assert_int_equal(daos_errno2der(0), 0);
	assert_int_equal(daos_errno2der(ENOENT), -DER_NONEXIST);
	assert_int_equal(daos_errno2der(EEXIST), -DER_EXIST);
	assert_int_equal(daos_errno2der(EDOM), -DER_MISC);
}

static void test_ranks(void **state)
{
	d_rank_list_t *list = daos_rank_list_parse("0:1:2", ":");

	(void)state;
	assert_non_null(list);
	assert_int_equal(list->rl_nr, 3);
	assert_int_equal(list->rl_ranks[2], 2);
	d_rank_list_free(list);
	list = daos_rank_list_parse("7,9;4000000000", ",;");
	assert_non_null(list);
	assert_int_equal(list->rl_nr, 3);
	assert_int_equal(list->rl_ranks[2], 4000000000u);
	d_rank_list_free(list);
	assert_null(daos_rank_list_parse("", ":"));
	assert_null(daos_rank_list_parse("1:", ":"));
	assert_null(daos_rank_list_parse(":1", ":"));
	assert_null(daos_rank_list_parse("1:x", ":"));
	assert_null(daos_rank_list_parse("1,2", ":"));
	assert_null(daos_rank_list_parse("-1", ":"));
	assert_null(daos_rank_list_parse("4294967295", ":"));
	assert_null(daos_rank_list_parse("99999999999999999999999", ":"));
	assert_null(daos_rank_list_parse(NULL, ":"));
}

static void test_times(void **state)
{
	struct timespec ts;
	time_t t;

	(void)state;
	assert_int_equal(daos_hlc2timespec(16ull * 1500000000ull, &ts), 0);
	assert_int_equal(ts.tv_sec, 1609459201);
	assert_int_equal(ts.tv_nsec, 500000000);
	assert_int_equal(daos_hlc2timestamp(16ull * 1500000000ull, &t), 0);
	assert_int_equal(t, 1609459201);
	assert_int_equal(daos_hlc2timestamp(1, NULL), -DER_INVAL);
	assert_int_equal(daos_hlc2timespec(1, NULL), -DER_INVAL);
}

/* ---- classes -------------------------------------------------------------------------------- */

static void test_oclass_names(void **state)
{
	static const struct {
		const char *name;
		uint32_t id;
	} pairs[] = {
		{ "S1", 0x1000001 },	    { "S2", OC_S2 },		 { "SX", 0x100ffff },
		{ "S12", OC_S12 },	    { "S7", 0x1000007 },	 { "RP_2G1", 0x8000001 },
		{ "RP_2GX", 0x800ffff },    { "RP_3G1", 0x9000001 },	 { "RP_6G32", OC_RP_6G32 },
		{ "RP_128G1", OC_RP_128G1 }, { "EC_2P1G1", 0x20000001 }, { "EC_4P2GX", 0x2300ffff },
		{ "EC_8P2G1", 0x25000001 }, { "EC_16P3GX", 0x2a00ffff }, { "RP_XSF", OC_RP_XSF },
		{ "EC_8P3G100", 0x29000064 }, { "SMALL", OC_SMALL },
		{ "RP_SF_MAX", OC_RP_SF_MAX },
		{ "UNKNOWN", OC_UNKNOWN },
	};
	char name[MAX_OBJ_CLASS_NAME_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(daos_oclass_name2id(pairs[i].name), pairs[i].id);
		assert_int_equal(daos_oclass_id2name(pairs[i].id, name), 0);
		assert_string_equal(name, pairs[i].name);
	}
}

static void test_oclass_refused(void **state)
{
	static const char *const bad[] = { "",	       "S",	"S0",	  "S01",
					   "s1",       "SX1",	"S65535", "S-1",
					   "RP_2",     "RP_2G", "RP_7G1", "EC_2P3G1",
					   "EC_3P1G1", "OC_S1", "S1 ",	  "RP_2G1x" };
	static const uint32_t ids[] = { OBJ_CLASS_DEF(OR_RP_2, 0), OBJ_CLASS_DEF(2u, 1),
					OC_RESERVED, 49 };
	char name[MAX_OBJ_CLASS_NAME_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(daos_oclass_name2id(bad[i]), OC_UNKNOWN);
	assert_int_equal(daos_oclass_name2id(NULL), OC_UNKNOWN);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_int_equal(daos_oclass_id2name(ids[i], name), -1);
}

/* Every name in the list is a class, and there are as many as are said to be. */
static void test_oclass_list(void **state)
{
	ssize_t need = daos_oclass_names_list(1, (char[1]){ 'x' });
	char *str = malloc((size_t)need);
	char small[8];
	char *save = NULL;
	char *p;
	int nr = 0;

	(void)state;
	assert_int_equal(daos_oclass_nr(0), 9 + 45 + 88 + 1);
	assert_int_equal(daos_oclass_names_list((size_t)need, str), need);
	assert_int_equal(strlen(str) + 1, need);
	for (p = strtok_r(str, ", ", &save); p != NULL; p = strtok_r(NULL, ", ", &save)) {
		assert_int_not_equal(daos_oclass_name2id(p), OC_UNKNOWN);
		nr++;
	}
	assert_int_equal(nr, daos_oclass_nr(0));
	assert_int_equal(daos_oclass_names_list(sizeof(small), small), need);
	assert_string_equal(small, "S1, S2,");
	assert_int_equal(daos_oclass_names_list(0, small), -DER_INVAL);
	assert_int_equal(daos_oclass_names_list(5, NULL), -DER_INVAL);
	free(str);
}

/* ---- properties ----------------------------------------------------------------------------- */

static void test_prop_values(void **state)
{
	struct daos_prop_co_roots roots = { .cr_oids = { { 1, 2 }, { 3, 4 } } };
	daos_prop_t *p = daos_prop_alloc(3);
	struct daos_prop_entry *e;

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->dpp_nr, 3);
	p->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	p->dpp_entries[1].dpe_type = DAOS_PROP_CO_ROOTS;
	p->dpp_entries[2].dpe_type = DAOS_PROP_CO_REDUN_FAC;
	p->dpp_entries[0].dpe_flags = DAOS_PROP_ENTRY_NOT_SET;
	assert_false(daos_prop_is_set(&p->dpp_entries[0]));
	assert_int_equal(daos_prop_set_str(p, DAOS_PROP_CO_LABEL, "labelled", 5), 0);
	assert_true(daos_prop_is_set(&p->dpp_entries[0]));
	assert_string_equal(p->dpp_entries[0].dpe_str, "label");
	assert_int_equal(daos_prop_set_str(p, DAOS_PROP_CO_LABEL, "again", 5), 0);
	assert_string_equal(p->dpp_entries[0].dpe_str, "again");
	assert_int_equal(daos_prop_set_ptr(p, DAOS_PROP_CO_ROOTS, &roots, sizeof(roots)), 0);
	e = daos_prop_entry_get(p, DAOS_PROP_CO_ROOTS);
	assert_ptr_not_equal(e->dpe_val_ptr, &roots);
	assert_memory_equal(e->dpe_val_ptr, &roots, sizeof(roots));
	assert_int_equal(daos_prop_set_str(p, DAOS_PROP_CO_OWNER, "o", 1), -DER_NONEXIST);
	assert_int_equal(daos_prop_set_str(p, DAOS_PROP_CO_REDUN_FAC, "o", 1), -DER_INVAL);
	assert_int_equal(daos_prop_set_ptr(p, DAOS_PROP_CO_LABEL, "o", 1), -DER_INVAL);
	assert_int_equal(daos_prop_set_byteval(p, DAOS_PROP_CO_LABEL, "o", 1), -DER_INVAL);
	assert_null(daos_prop_entry_get(p, DAOS_PROP_CO_CSUM));
	assert_null(daos_prop_entry_get(NULL, DAOS_PROP_CO_CSUM));
	daos_prop_free(p);
	daos_prop_free(NULL);
	assert_null(daos_prop_alloc(DAOS_PROP_ENTRIES_MAX_NR + 1));
}

static void test_prop_merge(void **state)
{
	daos_prop_t *a = daos_prop_alloc(2);
	daos_prop_t *b = daos_prop_alloc(2);
	daos_prop_t *none = daos_prop_alloc(0);
	daos_prop_t *m;

	(void)state;
	a->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	a->dpp_entries[1].dpe_type = DAOS_PROP_CO_CSUM;
	a->dpp_entries[1].dpe_val = DAOS_PROP_CO_CSUM_CRC16;
	b->dpp_entries[0].dpe_type = DAOS_PROP_CO_CSUM;
	b->dpp_entries[0].dpe_val = DAOS_PROP_CO_CSUM_CRC64;
	b->dpp_entries[1].dpe_type = DAOS_PROP_PO_SVC_LIST;
	b->dpp_entries[1].dpe_val_ptr = daos_rank_list_parse("3,4", ",");
	assert_int_equal(daos_prop_set_str(a, DAOS_PROP_CO_LABEL, "one", 3), 0);
	assert_int_equal(daos_prop_merge2(a, b, &m), 0);
	assert_int_equal(m->dpp_nr, 3);
	assert_int_equal(daos_prop_entry_get(m, DAOS_PROP_CO_CSUM)->dpe_val,
			 DAOS_PROP_CO_CSUM_CRC64);
	assert_string_equal(daos_prop_entry_get(m, DAOS_PROP_CO_LABEL)->dpe_str, "one");
	daos_prop_free(a);	/* the result has copies of its own */
	daos_prop_free(b);
	assert_int_equal(
		((d_rank_list_t *)daos_prop_entry_get(m, DAOS_PROP_PO_SVC_LIST)->dpe_val_ptr)
			->rl_ranks[1],
		4);
	a = daos_prop_merge(m, none);
	assert_int_equal(a->dpp_nr, 3);
	daos_prop_free(a);
	assert_null(daos_prop_merge(none, NULL));
	assert_int_equal(daos_prop_merge2(none, NULL, NULL), -DER_INVAL);
	daos_prop_free(m);
	daos_prop_free(none);
}

static void test_prop_text(void **state)
{
	static const char *const bad[] = { "",
					   ";",
					   "rd_fac",
					   "rd_fac:5",
					   "rd_fac:x",
					   "cksum:md5",
					   "unknown:1",
					   "label:a b",
					   "rd_fac:1;rf:2",
					   "ec_cell_sz:1",
					   "ec_cell_sz:1T" };
	static const char text[] = "label:tank;rd_fac:2;cksum:crc32;ec_cell_sz:64k;rd_lvl:rank";
	daos_prop_t *p = NULL;
	size_t i;

	(void)state;
	assert_int_equal(daos_prop_from_str(text, sizeof(text), &p), 0);
	assert_int_equal(p->dpp_nr, 5);
	assert_string_equal(daos_prop_entry_get(p, DAOS_PROP_CO_LABEL)->dpe_str, "tank");
	assert_int_equal(daos_prop_entry_get(p, DAOS_PROP_CO_REDUN_FAC)->dpe_val, 2);
	assert_int_equal(daos_prop_entry_get(p, DAOS_PROP_CO_CSUM)->dpe_val,
			 DAOS_PROP_CO_CSUM_CRC32);
	assert_int_equal(daos_prop_entry_get(p, DAOS_PROP_CO_EC_CELL_SZ)->dpe_val, 65536);
	assert_int_equal(daos_prop_entry_get(p, DAOS_PROP_CO_REDUN_LVL)->dpe_val,
			 DAOS_PROP_CO_REDUN_RANK);
	daos_prop_free(p);
	assert_int_equal(daos_prop_from_str("rd_fac:3;cksum:nonsense", 8, &p), 0);	/* cut */
	assert_int_equal(p->dpp_nr, 1);
	daos_prop_free(p);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(daos_prop_from_str(bad[i], strlen(bad[i]), &p), -DER_INVAL);
	assert_int_equal(daos_prop_from_str(NULL, 3, &p), -DER_INVAL);
}

/* ---- access control lists ------------------------------------------------------------------- */

static struct daos_ace *ace(enum daos_acl_principal_type type, const char *name, uint64_t perms)
{
	struct daos_ace *e = daos_ace_create(type, name);

	assert_non_null(e);
	e->dae_access_types = DAOS_ACL_ACCESS_ALLOW;
	e->dae_allow_perms = perms;
	return e;
}

static void test_acl(void **state)
{
	struct daos_ace *e[4] = {
		ace(DAOS_ACL_EVERYONE, NULL, DAOS_ACL_PERM_READ),
		ace(DAOS_ACL_USER, "bob@", DAOS_ACL_PERM_WRITE),
		ace(DAOS_ACL_OWNER, NULL, DAOS_ACL_PERM_CONT_ALL),
		ace(DAOS_ACL_USER, "alice@", DAOS_ACL_PERM_READ),
	};
	struct daos_acl *acl = daos_acl_create(e, 4);
	struct daos_acl *copy;
	struct daos_ace *f;
	uint32_t i;
	ssize_t len;

	(void)state;
	assert_non_null(acl);
	assert_int_equal(daos_acl_validate(acl), 0);
	f = daos_acl_get_next_ace(acl, NULL);
	assert_string_equal(daos_ace_get_principal_str(f), "OWNER@");
	f = daos_acl_get_next_ace(acl, f);
	assert_string_equal(daos_ace_get_principal_str(f), "bob@");
	assert_int_equal(daos_acl_get_ace_for_principal(acl, DAOS_ACL_USER, "alice@", &f), 0);
	assert_int_equal(f->dae_allow_perms, DAOS_ACL_PERM_READ);
	assert_int_equal(daos_acl_get_ace_for_principal(acl, DAOS_ACL_USER, "carol@", &f),
			 -DER_NONEXIST);
	copy = daos_acl_dup(acl);
	len = daos_acl_get_size(copy);
	assert_int_equal(len, daos_acl_get_size(acl));
	e[3]->dae_allow_perms = DAOS_ACL_PERM_WRITE;	/* replaces alice's */
	assert_int_equal(daos_acl_add_ace(&acl, e[3]), 0);
	assert_int_equal(daos_acl_get_size(acl), len);
	assert_int_equal(daos_acl_get_ace_for_principal(acl, DAOS_ACL_USER, "alice@", &f), 0);
	assert_int_equal(f->dae_allow_perms, DAOS_ACL_PERM_WRITE);
	assert_int_equal(daos_acl_remove_ace(&acl, DAOS_ACL_USER, "bob@"), 0);
	assert_int_equal(daos_acl_remove_ace(&acl, DAOS_ACL_USER, "bob@"), -DER_NONEXIST);
	assert_int_equal(daos_acl_validate(acl), 0);
	copy->dal_len -= 8;	/* cut off */
	assert_int_equal(daos_acl_validate(copy), -DER_INVAL);
	copy->dal_len += 8;
	daos_acl_get_next_ace(copy, NULL)->dae_principal_type = DAOS_ACL_EVERYONE;
	assert_int_equal(daos_acl_validate(copy), -DER_INVAL);
	for (i = 0; i < 4; i++)
		daos_ace_free(e[i]);
	daos_acl_free(acl);
	daos_acl_free(copy);
}

static void test_ace_refused(void **state)
{
	struct daos_ace *e = ace(DAOS_ACL_GROUP, "staff@site", DAOS_ACL_PERM_READ);
	struct daos_ace *two[2] = { e, e };

	(void)state;
	assert_null(daos_ace_create(DAOS_ACL_USER, "nobody"));
	assert_null(daos_ace_create(DAOS_ACL_USER, "@"));
	assert_null(daos_ace_create(DAOS_ACL_USER, NULL));
	assert_null(daos_ace_create(NUM_DAOS_ACL_TYPES, NULL));
	assert_true(daos_ace_is_valid(e));
	assert_null(daos_acl_create(two, 2));
	e->dae_audit_perms = DAOS_ACL_PERM_READ;	/* of a kind that it does not have */
	assert_false(daos_ace_is_valid(e));
	e->dae_access_types |= DAOS_ACL_ACCESS_AUDIT;	/* it does not say when */
	assert_false(daos_ace_is_valid(e));
	e->dae_access_flags |= DAOS_ACL_FLAG_ACCESS_FAIL;
	assert_true(daos_ace_is_valid(e));
	e->dae_access_flags &= (uint16_t)~DAOS_ACL_FLAG_GROUP;
	assert_false(daos_ace_is_valid(e));
	daos_ace_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errno),	     cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_times),	     cmocka_unit_test(test_oclass_names),
		cmocka_unit_test(test_oclass_refused), cmocka_unit_test(test_oclass_list),
		cmocka_unit_test(test_prop_values),  cmocka_unit_test(test_prop_merge),
		cmocka_unit_test(test_prop_text),    cmocka_unit_test(test_acl),
		cmocka_unit_test(test_ace_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

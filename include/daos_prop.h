/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Properties of pools and containers: a list of typed entries, passed to create and set calls and
 * filled in by query calls.
 *
 * A list and everything its entries point to is allocated by this module's functions and freed by
 * daos_prop_free(). Which member of an entry's union is valid follows from its type: labels and
 * owners are strings, ACLs, rank lists and roots are pointers, all others are numbers.
 */
#ifndef DAOS_PROP_H
#define DAOS_PROP_H

#include <ctype.h>

#include <daos_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Properties of a pool, strictly between MIN and MAX. */
enum daos_pool_props {
	DAOS_PROP_PO_MIN = 0,
	/** string: name of the pool */
	DAOS_PROP_PO_LABEL,
	/** struct daos_acl *: who may do what */
	DAOS_PROP_PO_ACL,
	/** percent of each target that is kept free for rebuild */
	DAOS_PROP_PO_SPACE_RB,
	/** DAOS_SELF_HEAL_* bits */
	DAOS_PROP_PO_SELF_HEAL,
	/** DAOS_RECLAIM_*: when space of overwritten data is reclaimed */
	DAOS_PROP_PO_RECLAIM,
	/** strings: user@ and group@ that own the pool */
	DAOS_PROP_PO_OWNER,
	DAOS_PROP_PO_OWNER_GROUP,
	/** d_rank_list_t *: ranks of the pool service */
	DAOS_PROP_PO_SVC_LIST,
	/** bytes of an erasure-coded cell */
	DAOS_PROP_PO_EC_CELL_SZ,
	/** bytes from which on a value is stored apart from the metadata */
	DAOS_PROP_PO_DATA_THRESH,
	/** failures that the pool's containers survive by default, 0 to 4 */
	DAOS_PROP_PO_REDUN_FAC,
	/** shards of one group per performance domain, for erasure-coded and replicated objects */
	DAOS_PROP_PO_EC_PDA,
	DAOS_PROP_PO_RP_PDA,
	/** version of the durable format, and DAOS_UPGRADE_STATUS_* */
	DAOS_PROP_PO_GLOBAL_VERSION,
	DAOS_PROP_PO_UPGRADE_STATUS,
	/** DAOS_SCRUB_MODE_*; seconds of a round; errors before a target is excluded, 0 = never */
	DAOS_PROP_PO_SCRUB_MODE,
	DAOS_PROP_PO_SCRUB_FREQ,
	DAOS_PROP_PO_SCRUB_THRESH,
	/** failures that the pool service survives, 0 to 4 */
	DAOS_PROP_PO_SVC_REDUN_FAC,
	/** version of the layout algorithm */
	DAOS_PROP_PO_OBJ_VERSION,
	/** DAOS_PROP_PERF_DOMAIN_* */
	DAOS_PROP_PO_PERF_DOMAIN,
	/** DAOS_CHECKPOINT_*; seconds between checkpoints; percent of the log that triggers one */
	DAOS_PROP_PO_CHECKPOINT_MODE,
	DAOS_PROP_PO_CHECKPOINT_FREQ,
	DAOS_PROP_PO_CHECKPOINT_THRESH,
	/** DAOS_REINT_MODE_* */
	DAOS_PROP_PO_REINT_MODE,
	/** does the service remember operations against repetition, and for how many seconds */
	DAOS_PROP_PO_SVC_OPS_ENABLED,
	DAOS_PROP_PO_SVC_OPS_ENTRY_AGE,
	DAOS_PROP_PO_MAX,
};

#define DAOS_PROP_PO_NUM	(DAOS_PROP_PO_MAX - DAOS_PROP_PO_MIN - 1)

/** Limits and defaults of pool properties. */
#define DAOS_PROP_PO_EC_CELL_SZ_MIN		(1UL << 10)
#define DAOS_PROP_PO_EC_CELL_SZ_MAX		(1UL << 30)
#define DAOS_PROP_PO_REDUN_FAC_MAX		4
#define DAOS_PROP_PO_REDUN_FAC_DEFAULT		0
#define DAOS_PROP_PO_SVC_REDUN_FAC_MAX		4
#define DAOS_PROP_PO_SVC_REDUN_FAC_DEFAULT	2
#define DAOS_PROP_PDA_MAX			((uint32_t)-1)
#define DAOS_PROP_PO_EC_PDA_DEFAULT		((uint32_t)1)
#define DAOS_PROP_PO_RP_PDA_DEFAULT		DAOS_PROP_PDA_MAX
#define DAOS_PROP_PO_SCRUB_MODE_DEFAULT		DAOS_SCRUB_MODE_OFF
/** one week */
#define DAOS_PROP_PO_SCRUB_FREQ_DEFAULT		604800
#define DAOS_PROP_PO_SCRUB_THRESH_DEFAULT	0
#define DAOS_PROP_PO_CHECKPOINT_MODE_DEFAULT	DAOS_CHECKPOINT_TIMED
#define DAOS_PROP_PO_CHECKPOINT_FREQ_DEFAULT	5
#define DAOS_PROP_PO_CHECKPOINT_FREQ_MIN	1
#define DAOS_PROP_PO_CHECKPOINT_FREQ_MAX	(1 << 20)
#define DAOS_PROP_PO_CHECKPOINT_THRESH_DEFAULT	50
#define DAOS_PROP_PO_CHECKPOINT_THRESH_MIN	10
#define DAOS_PROP_PO_CHECKPOINT_THRESH_MAX	75
#define DAOS_PROP_PO_REINT_MODE_DEFAULT		DAOS_REINT_MODE_DATA_SYNC
#define DAOS_PROP_PO_PERF_DOMAIN_DEFAULT	DAOS_PROP_PERF_DOMAIN_ROOT
#define DAOS_PROP_CO_PERF_DOMAIN_DEFAULT	DAOS_PROP_PERF_DOMAIN_ROOT

/** DAOS_PROP_PO_SELF_HEAL */
#define DAOS_SELF_HEAL_AUTO_EXCLUDE	(1U << 0)
#define DAOS_SELF_HEAL_AUTO_REBUILD	(1U << 1)
#define DAOS_SELF_HEAL_DELAY_REBUILD	(1U << 2)

enum {
	DAOS_RECLAIM_DISABLED	= 0,
	DAOS_RECLAIM_LAZY	= 1,
	DAOS_RECLAIM_SNAPSHOT	= 2,
	DAOS_RECLAIM_BATCH	= 3,
	DAOS_RECLAIM_TIME	= 4,
};

enum {
	DAOS_UPGRADE_STATUS_NOT_STARTED	= 0,
	DAOS_UPGRADE_STATUS_IN_PROGRESS	= 1,
	DAOS_UPGRADE_STATUS_COMPLETED	= 2,
	DAOS_UPGRADE_STATUS_FAILED	= 3,
};

enum {
	DAOS_SCRUB_MODE_OFF	= 0,
	DAOS_SCRUB_MODE_LAZY	= 1,
	DAOS_SCRUB_MODE_TIMED	= 2,
	DAOS_SCRUB_MODE_INVALID	= 3,
};

enum {
	DAOS_CHECKPOINT_DISABLED	= 0,
	DAOS_CHECKPOINT_TIMED		= 1,
	DAOS_CHECKPOINT_LAZY		= 2,
};

enum {
	/** a returning target is wiped and rebuilt */
	DAOS_REINT_MODE_DATA_SYNC	= 0,
	/** a returning target is used as it is; the pool is read only */
	DAOS_REINT_MODE_NO_DATA_SYNC	= 1,
	/** a returning target gets what it missed */
	DAOS_REINT_MODE_INCREMENTAL	= 2,
};

enum {
	DAOS_PROP_PERF_DOMAIN_GROUP	= 3,
	DAOS_PROP_PERF_DOMAIN_ROOT	= 255,
};

/** Properties of a container, strictly between MIN and MAX. */
enum daos_cont_props {
	DAOS_PROP_CO_MIN = 0x1000,
	/** string: name of the container */
	DAOS_PROP_CO_LABEL,
	/** DAOS_PROP_CO_LAYOUT_*, and a version that only the layout's library reads */
	DAOS_PROP_CO_LAYOUT_TYPE,
	DAOS_PROP_CO_LAYOUT_VER,
	/** DAOS_PROP_CO_CSUM_*; bytes per checksum; verified by the server too (_CSUM_SV_*) */
	DAOS_PROP_CO_CSUM,
	DAOS_PROP_CO_CSUM_CHUNK_SIZE,
	DAOS_PROP_CO_CSUM_SERVER_VERIFY,
	/** DAOS_PROP_CO_REDUN_RF*: failures that must lose nothing */
	DAOS_PROP_CO_REDUN_FAC,
	/** DAOS_PROP_CO_REDUN_RANK, _NODE, ...: what fails as one */
	DAOS_PROP_CO_REDUN_LVL,
	DAOS_PROP_CO_SNAPSHOT_MAX,
	/** struct daos_acl * */
	DAOS_PROP_CO_ACL,
	/** DAOS_PROP_CO_COMPRESS_* */
	DAOS_PROP_CO_COMPRESS,
	/** DAOS_PROP_CO_ENCRYPT_* */
	DAOS_PROP_CO_ENCRYPT,
	/** strings */
	DAOS_PROP_CO_OWNER,
	DAOS_PROP_CO_OWNER_GROUP,
	/** DAOS_PROP_CO_DEDUP_*, and bytes from which on it is tried */
	DAOS_PROP_CO_DEDUP,
	DAOS_PROP_CO_DEDUP_THRESHOLD,
	/** struct daos_prop_co_roots *: objects from which all others are found */
	DAOS_PROP_CO_ROOTS,
	/** struct daos_co_status packed by DAOS_PROP_CO_STATUS_VAL() */
	DAOS_PROP_CO_STATUS,
	/** first object number not handed out by daos_cont_alloc_oids() */
	DAOS_PROP_CO_ALLOCED_OID,
	/** like the pool's */
	DAOS_PROP_CO_EC_CELL_SZ,
	DAOS_PROP_CO_EC_PDA,
	DAOS_PROP_CO_RP_PDA,
	DAOS_PROP_CO_GLOBAL_VERSION,
	/** not 0: the scrubber leaves the container out */
	DAOS_PROP_CO_SCRUBBER_DISABLED,
	DAOS_PROP_CO_OBJ_VERSION,
	DAOS_PROP_CO_PERF_DOMAIN,
	DAOS_PROP_CO_MAX,
};

#define DAOS_PROP_CO_NUM	(DAOS_PROP_CO_MAX - DAOS_PROP_CO_MIN - 1)

/** The objects from which a container's library finds all others: superblock, root, ... */
struct daos_prop_co_roots {
	daos_obj_id_t	cr_oids[4];
};

/** What a container holds, one of DAOS_PROP_CO_LAYOUT_*. */
typedef uint16_t daos_cont_layout_t;

enum {
	DAOS_PROP_CO_LAYOUT_UNKNOWN	= 0,
	DAOS_PROP_CO_LAYOUT_UNKOWN	= 0,
	DAOS_PROP_CO_LAYOUT_POSIX	= 1,
	DAOS_PROP_CO_LAYOUT_HDF5	= 2,
	DAOS_PROP_CO_LAYOUT_PYTHON	= 3,
	DAOS_PROP_CO_LAYOUT_SPARK	= 4,
	DAOS_PROP_CO_LAYOUT_DATABASE	= 5,
	DAOS_PROP_CO_LAYOUT_ROOT	= 6,
	DAOS_PROP_CO_LAYOUT_SEISMIC	= 7,
	DAOS_PROP_CO_LAYOUT_METEO	= 8,
	DAOS_PROP_CO_LAYOUT_MAX,
};

enum {
	DAOS_PROP_CO_CSUM_OFF		= 0,
	DAOS_PROP_CO_CSUM_CRC16		= 1,
	DAOS_PROP_CO_CSUM_CRC32		= 2,
	DAOS_PROP_CO_CSUM_CRC64		= 3,
	DAOS_PROP_CO_CSUM_SHA1		= 4,
	DAOS_PROP_CO_CSUM_SHA256	= 5,
	DAOS_PROP_CO_CSUM_SHA512	= 6,
	DAOS_PROP_CO_CSUM_ADLER32	= 7,
};

enum {
	DAOS_PROP_CO_CSUM_SV_OFF	= 0,
	DAOS_PROP_CO_CSUM_SV_ON		= 1,
};

enum {
	DAOS_PROP_CO_DEDUP_OFF		= 0,
	DAOS_PROP_CO_DEDUP_MEMCMP	= 1,
	DAOS_PROP_CO_DEDUP_HASH		= 2,
};

enum {
	DAOS_PROP_CO_COMPRESS_OFF	= 0,
	DAOS_PROP_CO_COMPRESS_LZ4	= 1,
	DAOS_PROP_CO_COMPRESS_DEFLATE	= 2,
	DAOS_PROP_CO_COMPRESS_DEFLATE1	= 3,
	DAOS_PROP_CO_COMPRESS_DEFLATE2	= 4,
	DAOS_PROP_CO_COMPRESS_DEFLATE3	= 5,
	DAOS_PROP_CO_COMPRESS_DEFLATE4	= 6,
};

enum {
	DAOS_PROP_CO_ENCRYPT_OFF		= 0,
	DAOS_PROP_CO_ENCRYPT_AES_XTS128		= 1,
	DAOS_PROP_CO_ENCRYPT_AES_XTS256		= 2,
	DAOS_PROP_CO_ENCRYPT_AES_CBC128		= 3,
	DAOS_PROP_CO_ENCRYPT_AES_CBC192		= 4,
	DAOS_PROP_CO_ENCRYPT_AES_CBC256		= 5,
	DAOS_PROP_CO_ENCRYPT_AES_GCM128		= 6,
	DAOS_PROP_CO_ENCRYPT_AES_GCM256		= 7,
};

enum {
	DAOS_PROP_CO_REDUN_RF0	= 0,
	DAOS_PROP_CO_REDUN_RF1	= 1,
	DAOS_PROP_CO_REDUN_RF2	= 2,
	DAOS_PROP_CO_REDUN_RF3	= 3,
	DAOS_PROP_CO_REDUN_RF4	= 4,
};

/** Levels of fault domains; those from FAULT on are the administrator's. */
enum {
	DAOS_PROP_CO_REDUN_MIN		= 1,
	DAOS_PROP_CO_REDUN_RANK		= 1,
	DAOS_PROP_CO_REDUN_NODE		= 2,
	DAOS_PROP_CO_REDUN_FAULT	= 3,
	DAOS_PROP_CO_REDUN_MAX		= 254,
};

#define DAOS_PROP_CO_REDUN_DEFAULT	DAOS_PROP_CO_REDUN_NODE

enum {
	DAOS_PROP_CO_HEALTHY	= 0,
	/** more failures than the redundancy factor: data may be lost */
	DAOS_PROP_CO_UNCLEAN	= 1,
};

/** dcs_flags: turn UNCLEAN back into HEALTHY. */
#define DAOS_PROP_CO_CLEAR	0x1

/** Health of a container, and the pool map version at which it was found. */
struct daos_co_status {
	uint16_t	dcs_status;
	uint16_t	dcs_flags;
	uint32_t	dcs_pm_ver;
};

/** Flags in the top 16 bits, status in the next 16, map version below. */
#define DAOS_PROP_CO_STATUS_VAL(status, flag, pm_ver)					\
	((uint64_t)(flag) << 48 | ((uint64_t)(status) & 0xffff) << 32 | (uint64_t)(pm_ver))

static inline uint64_t daos_prop_co_status_2_val(struct daos_co_status *co_status)
{
	return DAOS_PROP_CO_STATUS_VAL(co_status->dcs_status, co_status->dcs_flags,
				       co_status->dcs_pm_ver);
}

static inline void daos_prop_val_2_co_status(uint64_t val, struct daos_co_status *co_status)
{
	co_status->dcs_pm_ver = (uint32_t)val;
	co_status->dcs_status = (uint16_t)(val >> 32);
	co_status->dcs_flags = (uint16_t)(val >> 48);
}

/** Is @rf a redundancy factor a container can have? */
static inline bool daos_rf_is_valid(unsigned long long rf)
{
	return rf <= DAOS_PROP_PO_REDUN_FAC_MAX;
}

/** Is @svc_rf a redundancy factor a pool service can have? */
static inline bool daos_svc_rf_is_valid(uint64_t svc_rf)
{
	return svc_rf <= DAOS_PROP_PO_SVC_REDUN_FAC_MAX;
}

/** Longest label, terminator not counted, and a buffer for it. */
#define DAOS_PROP_LABEL_MAX_LEN		127
#define DAOS_PROP_MAX_LABEL_BUF_LEN	(DAOS_PROP_LABEL_MAX_LEN + 1)

/** What a query answers for a label that was never set. */
#define DAOS_PROP_PO_LABEL_DEFAULT	"pool_label_not_set"
#define DAOS_PROP_CO_LABEL_DEFAULT	"container_label_not_set"

/** Is @label 1 to 127 characters of [A-Za-z0-9.:_-], and not a UUID? */
static inline bool daos_label_is_valid(const char *label)
{
	size_t i;

	if (label == NULL || label[0] == '\0')
		return false;
	for (i = 0; label[i] != '\0'; i++) {
		if (i == DAOS_PROP_LABEL_MAX_LEN)
			return false;
		if (!isalnum((unsigned char)label[i]) && strchr(".:_-", label[i]) == NULL)
			return false;
	}
	return i != DAOS_UUID_STR_SIZE - 1 || !daos_is_valid_uuid_string(label, 0);
}

/** Is @perf_domain the name of a performance domain, "root" or "group"? */
static inline bool daos_perf_domain_is_valid(const char *perf_domain)
{
	return strcmp(perf_domain, "root") == 0 || strcmp(perf_domain, "group") == 0;
}

/** Bits of daos_prop_entry.dpe_flags. */
enum {
	/** asked for, but the pool or container does not have it */
	DAOS_PROP_ENTRY_NOT_SET	= 1 << 0,
};

/** One property. */
struct daos_prop_entry {
	/** enum daos_pool_props or enum daos_cont_props */
	uint32_t	dpe_type;
	uint16_t	dpe_flags;
	uint16_t	dpe_reserv;
	union {
		uint64_t	 dpe_val;
		d_string_t	 dpe_str;
		void		*dpe_val_ptr;
	};
};

/** Most entries in a list. */
#define DAOS_PROP_ENTRIES_MAX_NR	128

/** A list of properties. */
typedef struct {
	uint32_t		 dpp_nr;
	uint32_t		 dpp_reserv;
	struct daos_prop_entry	*dpp_entries;
} daos_prop_t;

/**
 * A list of @entries_nr zeroed entries; for a query, 0 entries ask for everything.
 * Returns NULL for too many entries or out of memory. Free with daos_prop_free().  Blocks: no.
 */
daos_prop_t *daos_prop_alloc(uint32_t entries_nr);

/** Free a list with all that its entries own. Accepts NULL.  Blocks: no. */
void daos_prop_free(daos_prop_t *prop);

/** Free the entries and what they own, not the list itself.  Blocks: no. */
void daos_prop_fini(daos_prop_t *prop);

/**
 * A new list with the entries of both; where both have a type, the one of @new_prop. NULL if out of
 * memory or if the result is empty. The arguments are left alone.  Blocks: no.
 */
daos_prop_t *daos_prop_merge(daos_prop_t *old_prop, daos_prop_t *new_prop);

/** Like daos_prop_merge(), with an error code.  Errors: -DER_INVAL, -DER_NOMEM.  Blocks: no. */
int daos_prop_merge2(daos_prop_t *old_prop, daos_prop_t *new_prop, daos_prop_t **out_prop);

/** The entry of @type, owned by @prop, or NULL.  Blocks: no. */
struct daos_prop_entry *daos_prop_entry_get(daos_prop_t *prop, uint32_t type);

/** Does the entry's value need freeing because it is a string, a structure, or bytes? */
bool daos_prop_has_str(struct daos_prop_entry *entry);
bool daos_prop_has_ptr(struct daos_prop_entry *entry);
bool daos_prop_has_byteval(struct daos_prop_entry *entry);

/** Does the entry carry a value (DAOS_PROP_ENTRY_NOT_SET is clear)? */
bool daos_prop_is_set(struct daos_prop_entry *entry);

/**
 * Set a value, freeing the former one; the value is copied. The daos_prop_set_* form finds the
 * entry of @type.
 * Errors: -DER_INVAL, -DER_NONEXIST (no such entry), -DER_NOMEM.  Blocks: no.
 */
int daos_prop_set_str(daos_prop_t *prop, uint32_t type, const char *str, daos_size_t len);
int daos_prop_entry_set_str(struct daos_prop_entry *entry, const char *str, daos_size_t len);
int daos_prop_set_ptr(daos_prop_t *prop, uint32_t type, const void *ptr, daos_size_t size);
int daos_prop_entry_set_ptr(struct daos_prop_entry *entry, const void *ptr, daos_size_t size);
int daos_prop_set_byteval(daos_prop_t *prop, uint32_t type, const void *data, size_t len);
int daos_prop_entry_set_byteval(struct daos_prop_entry *entry, const void *data, size_t len);

/**
 * Copy the value of one entry into another, which must be empty.
 * Errors: -DER_INVAL, -DER_NOMEM.  Blocks: no.
 */
int daos_prop_entry_dup_ptr(struct daos_prop_entry *entry_dst, struct daos_prop_entry *entry_src,
			    size_t len);
int daos_prop_entry_dup_co_roots(struct daos_prop_entry *dst, struct daos_prop_entry *src);
int daos_prop_entry_dup_byteval(struct daos_prop_entry *entry_dst,
				struct daos_prop_entry *entry_src);

/**
 * 0 if both entries hold equal ACLs.
 * Errors: -DER_INVAL, -DER_MISMATCH.  Blocks: no.
 */
int daos_prop_entry_cmp_acl(struct daos_prop_entry *entry1, struct daos_prop_entry *entry2);

/**
 * Parse container properties as the command line takes them, "rd_fac:1;csum:crc32", from at most
 * @len characters of @str. Free the list with daos_prop_free().
 * Errors: -DER_INVAL, -DER_NOMEM.  Blocks: no.
 */
int daos_prop_from_str(const char *str, daos_size_t len, daos_prop_t **prop);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_PROP_H */

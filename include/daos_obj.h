/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Objects: identifiers, and reading, writing, punching and listing of their keys and values.
 *
 * An object maps a distribution key (dkey) to attribute keys (akey), and each akey to one single
 * value or to a sparse array of equally sized records. All akeys of a dkey lie on the same targets
 * and are updated together: one update is atomic over all its akeys. An akey keeps the kind of
 * value of its first update.
 *
 * @th is a transaction, or DAOS_TX_NONE to let the call be one of its own. @ev: daos_event.h.
 * Calls of this file may return, besides what each one says: -DER_NO_HDL (bad handle),
 * -DER_INVAL, -DER_NOMEM, -DER_UNREACH, -DER_TIMEDOUT, -DER_RF (more failures than the container
 * survives), -DER_TX_RESTART (within a transaction, conflict with another).
 */
#ifndef DAOS_OBJ_H
#define DAOS_OBJ_H

#include <daos_types.h>
#include <daos_event.h>
#include <daos_obj_class.h>
#include <daos_prop.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Programs are compiled against the "2" symbol; the plain one is exported as well. */
#define daos_obj_generate_oid	daos_obj_generate_oid2

#define DAOS_OBJ_NIL	((daos_obj_id_t){0, 0})

/**
 * The library's half of daos_obj_id_t.hi, from the top: 8 bits type, 8 bits redundancy method,
 * 16 bits number of groups.
 */
#define OID_FMT_INTR_BITS	32
#define OID_FMT_TYPE_BITS	8
#define OID_FMT_CLASS_BITS	8
#define OID_FMT_META_BITS	16

#define OID_FMT_TYPE_SHIFT	(64 - OID_FMT_TYPE_BITS)
#define OID_FMT_CLASS_SHIFT	(OID_FMT_TYPE_SHIFT - OID_FMT_CLASS_BITS)
#define OID_FMT_META_SHIFT	(OID_FMT_CLASS_SHIFT - OID_FMT_META_BITS)

#define OID_FMT_TYPE_MAX	((1ULL << OID_FMT_TYPE_BITS) - 1)
#define OID_FMT_CLASS_MAX	((1ULL << OID_FMT_CLASS_BITS) - 1)
#define OID_FMT_META_MAX	((1ULL << OID_FMT_META_BITS) - 1)

#define OID_FMT_TYPE_MASK	(OID_FMT_TYPE_MAX << OID_FMT_TYPE_SHIFT)
#define OID_FMT_CLASS_MASK	(OID_FMT_CLASS_MAX << OID_FMT_CLASS_SHIFT)
#define OID_FMT_META_MASK	(OID_FMT_META_MAX << OID_FMT_META_SHIFT)

/**
 * What an object is used for, and how its keys are ordered: hashed (any bytes, no useful order),
 * 64-bit integers, or lexically.
 */
enum daos_otype_t {
	DAOS_OT_MULTI_HASHED	= 0,
	/** table of the objects of a snapshot */
	DAOS_OT_OIT		= 1,
	DAOS_OT_DKEY_UINT64	= 2,
	DAOS_OT_AKEY_UINT64	= 3,
	DAOS_OT_MULTI_UINT64	= 4,
	DAOS_OT_DKEY_LEXICAL	= 5,
	DAOS_OT_AKEY_LEXICAL	= 6,
	DAOS_OT_MULTI_LEXICAL	= 7,
	/** key-value stores: no akeys, see daos_kv.h */
	DAOS_OT_KV_HASHED	= 8,
	DAOS_OT_KV_UINT64	= 9,
	DAOS_OT_KV_LEXICAL	= 10,
	/** arrays (daos_array.h): attributes in the object, given at open, one byte per cell */
	DAOS_OT_ARRAY		= 11,
	DAOS_OT_ARRAY_ATTR	= 12,
	DAOS_OT_ARRAY_BYTE	= 13,
	DAOS_OT_OIT_V2		= 14,
	DAOS_OT_MAX		= 14,
};

static inline bool daos_otype_t_is_valid(enum daos_otype_t type)
{
	return type <= DAOS_OT_MAX;
}

/** Can @pa_domain be a container's redundancy level? */
static inline bool daos_pa_domain_is_valid(uint32_t pa_domain)
{
	return pa_domain >= DAOS_PROP_CO_REDUN_RANK && pa_domain <= DAOS_PROP_CO_REDUN_FAULT;
}

static inline enum daos_otype_t daos_obj_id2type(daos_obj_id_t oid)
{
	return (enum daos_otype_t)(oid.hi >> OID_FMT_TYPE_SHIFT);
}

/** Is @type one of the bits of @set? Types below 32 only. */
#define DAOS_OT_BIT(type)	(1U << (type))
#define DAOS_OT_IN(type, set)	((unsigned int)(type) < 32 && ((set) & DAOS_OT_BIT(type)) != 0)

static inline bool daos_is_dkey_lexical_type(enum daos_otype_t type)
{
	return DAOS_OT_IN(type, DAOS_OT_BIT(DAOS_OT_DKEY_LEXICAL) |
					DAOS_OT_BIT(DAOS_OT_MULTI_LEXICAL) |
					DAOS_OT_BIT(DAOS_OT_KV_LEXICAL));
}

static inline bool daos_is_akey_lexical_type(enum daos_otype_t type)
{
	return DAOS_OT_IN(type,
			  DAOS_OT_BIT(DAOS_OT_AKEY_LEXICAL) | DAOS_OT_BIT(DAOS_OT_MULTI_LEXICAL));
}

static inline bool daos_is_array_type(enum daos_otype_t type)
{
	return DAOS_OT_IN(type, DAOS_OT_BIT(DAOS_OT_ARRAY) | DAOS_OT_BIT(DAOS_OT_ARRAY_ATTR) |
					DAOS_OT_BIT(DAOS_OT_ARRAY_BYTE));
}

static inline bool daos_is_kv_type(enum daos_otype_t type)
{
	return DAOS_OT_IN(type, DAOS_OT_BIT(DAOS_OT_KV_HASHED) | DAOS_OT_BIT(DAOS_OT_KV_UINT64) |
					DAOS_OT_BIT(DAOS_OT_KV_LEXICAL));
}

/** The dkeys of arrays are chunk numbers, hence integers too. */
static inline bool daos_is_dkey_uint64_type(enum daos_otype_t type)
{
	return daos_is_array_type(type) ||
	       DAOS_OT_IN(type, DAOS_OT_BIT(DAOS_OT_DKEY_UINT64) |
					DAOS_OT_BIT(DAOS_OT_MULTI_UINT64) |
					DAOS_OT_BIT(DAOS_OT_KV_UINT64));
}

static inline bool daos_is_akey_uint64_type(enum daos_otype_t type)
{
	return DAOS_OT_IN(type,
			  DAOS_OT_BIT(DAOS_OT_AKEY_UINT64) | DAOS_OT_BIT(DAOS_OT_MULTI_UINT64));
}

static inline bool daos_is_dkey_lexical(daos_obj_id_t oid)
{
	return daos_is_dkey_lexical_type(daos_obj_id2type(oid));
}

static inline bool daos_is_akey_lexical(daos_obj_id_t oid)
{
	return daos_is_akey_lexical_type(daos_obj_id2type(oid));
}

static inline bool daos_is_dkey_uint64(daos_obj_id_t oid)
{
	return daos_is_dkey_uint64_type(daos_obj_id2type(oid));
}

static inline bool daos_is_akey_uint64(daos_obj_id_t oid)
{
	return daos_is_akey_uint64_type(daos_obj_id2type(oid));
}

static inline bool daos_is_array(daos_obj_id_t oid)
{
	return daos_is_array_type(daos_obj_id2type(oid));
}

static inline bool daos_is_kv(daos_obj_id_t oid)
{
	return daos_is_kv_type(daos_obj_id2type(oid));
}

/** Redundancy method of an identifier. */
static inline enum daos_obj_redun daos_obj_id2ord(daos_obj_id_t oid)
{
	return (enum daos_obj_redun)((oid.hi & OID_FMT_CLASS_MASK) >> OID_FMT_CLASS_SHIFT);
}

/** Number of redundancy groups of an identifier. */
static inline uint32_t daos_obj_id2grp_nr(daos_obj_id_t oid)
{
	return (uint32_t)((oid.hi & OID_FMT_META_MASK) >> OID_FMT_META_SHIFT);
}

/** Class of an identifier, with the number of groups it was resolved to. */
static inline daos_oclass_id_t daos_obj_id2class(daos_obj_id_t oid)
{
	return (daos_oclass_id_t)daos_obj_id2ord(oid) << OC_REDUN_SHIFT | daos_obj_id2grp_nr(oid);
}

static inline bool daos_obj_id_is_nil(daos_obj_id_t oid)
{
	return oid.lo == 0 && oid.hi == 0;
}

/**
 * Step the caller's 32 bits of oid->hi through all their values, in an order that does not look
 * consecutive (the step is a prime), and clear the library's half.
 */
static inline void daos_obj_oid_cycle(daos_obj_id_t *oid)
{
	oid->hi = (oid->hi + 999999937) & UINT32_MAX;
}

/** Bits of the flags argument that are conditions; the rest is the library's. */
#define IO_FLAGS_COND_BITS	8

/**
 * Conditions. FETCH, UPDATE and PUNCH ask that the key exists, else the call does nothing and
 * gives -DER_NONEXIST; INSERT asks that it does not, else -DER_EXIST.
 */
enum {
	DAOS_COND_PUNCH		= 1 << 0,
	DAOS_COND_DKEY_INSERT	= 1 << 1,
	DAOS_COND_DKEY_UPDATE	= 1 << 2,
	DAOS_COND_DKEY_FETCH	= 1 << 3,
	DAOS_COND_AKEY_INSERT	= 1 << 4,
	DAOS_COND_AKEY_UPDATE	= 1 << 5,
	DAOS_COND_AKEY_FETCH	= 1 << 6,
	/** akey conditions are in each iod_flags instead */
	DAOS_COND_PER_AKEY	= 1 << 7,
	DAOS_COND_MASK		= (1 << IO_FLAGS_COND_BITS) - 1,
};

/** Open modes of objects. */
enum {
	DAOS_OO_RO	= 1 << 1,
	DAOS_OO_RW	= 1 << 2,
	DAOS_OO_EXCL	= 1 << 3,
	/** hints */
	DAOS_OO_IO_RAND	= 1 << 4,
	DAOS_OO_IO_SEQ	= 1 << 5,
};

/** Answer of daos_obj_query(). */
struct daos_obj_attr {
	/** rank of the first shard */
	d_rank_t		 oa_rank;
	struct daos_oclass_attr	*oa_oa;
};

/** @rx_nr consecutive records of an array from index @rx_idx on. */
typedef struct {
	uint64_t	rx_idx;
	uint64_t	rx_nr;
} daos_recx_t;

/** Kind of the value of an akey. */
typedef enum {
	/** a dkey, or unknown */
	DAOS_IOD_NONE	= 0,
	/** one value, replaced as a whole */
	DAOS_IOD_SINGLE	= 1,
	/** an array of records of one size */
	DAOS_IOD_ARRAY	= 2,
} daos_iod_type_t;

/** Which part of one akey to read or write. */
typedef struct {
	daos_key_t	 iod_name;
	daos_iod_type_t	 iod_type;
	/**
	 * Bytes of the single value or of one record. A fetch may say DAOS_REC_ANY and gets the
	 * true size back, 0 if there is nothing. An update with size 0 punches.
	 */
	daos_size_t	 iod_size;
	/** DAOS_COND_AKEY_*, if the call has DAOS_COND_PER_AKEY */
	uint64_t	 iod_flags;
	/** number of extents; 1 for a single value */
	uint32_t	 iod_nr;
	/** extents of an array, ignored for a single value */
	daos_recx_t	*iod_recxs;
} daos_iod_t;

/** daos_iom_t.iom_flags: list the extents, not only the lowest and the highest. */
#define DAOS_IOMF_DETAIL	0x1U

/** What a fetch found of one akey. */
typedef struct {
	daos_iod_type_t	 iom_type;
	/** room in @iom_recxs; 0 and no @iom_recxs: the library allocates, the caller frees */
	uint32_t	 iom_nr;
	/** extents found, which may exceed @iom_nr */
	uint32_t	 iom_nr_out;
	uint32_t	 iom_flags;
	/** bytes of the single value or of one record */
	daos_size_t	 iom_size;
	/** first and last extent found in the range asked for */
	daos_recx_t	 iom_recx_lo;
	daos_recx_t	 iom_recx_hi;
	daos_recx_t	*iom_recxs;
} daos_iom_t;

enum {
	/** iod_size of a fetch: whatever the size is */
	DAOS_REC_ANY	= 0,
};

/** Flags of daos_obj_query_key(): either MAX or MIN, and what to find. */
enum {
	DAOS_GET_MAX	= 1 << 0,
	DAOS_GET_MIN	= 1 << 1,
	DAOS_GET_DKEY	= 1 << 2,
	DAOS_GET_AKEY	= 1 << 3,
	DAOS_GET_RECX	= 1 << 4,
};

/** One key of a listing; the keys themselves stand one after the other in the buffer. */
typedef struct {
	daos_size_t	kd_key_len;
	/** daos_iod_type_t of an akey's value */
	uint32_t	kd_val_type;
} daos_key_desc_t;

/** Hints for the choice of a class: one of RDD (redundancy) and one of SHD (number of groups). */
#define DAOS_OCH_RDD_BITS	4
#define DAOS_OCH_SHD_BITS	6
#define DAOS_OCH_RDD_SHIFT	0
#define DAOS_OCH_SHD_SHIFT	DAOS_OCH_RDD_BITS
#define DAOS_OCH_RDD_MAX_VAL	((1ULL << DAOS_OCH_RDD_BITS) - 1)
#define DAOS_OCH_SHD_MAX_VAL	((1ULL << DAOS_OCH_SHD_BITS) - 1)
#define DAOS_OCH_RDD_MASK	(DAOS_OCH_RDD_MAX_VAL << DAOS_OCH_RDD_SHIFT)
#define DAOS_OCH_SHD_MASK	(DAOS_OCH_SHD_MAX_VAL << DAOS_OCH_SHD_SHIFT)

enum {
	/** from the container's redundancy factor; none; replicas; erasure code */
	DAOS_OCH_RDD_DEF	= 1 << 0,
	DAOS_OCH_RDD_NO		= 1 << 1,
	DAOS_OCH_RDD_RP		= 1 << 2,
	DAOS_OCH_RDD_EC		= 1 << 3,
	/** MAX for arrays and key-value stores, else TINY */
	DAOS_OCH_SHD_DEF	= 1 << 4,
	/** one group */
	DAOS_OCH_SHD_TINY	= 1 << 5,
	/** a quarter, half, 70 % of the targets, at least 128, 256, 1024 if there are so many */
	DAOS_OCH_SHD_REG	= 1 << 6,
	DAOS_OCH_SHD_HI		= 1 << 7,
	DAOS_OCH_SHD_EXT	= 1 << 8,
	/** all targets */
	DAOS_OCH_SHD_MAX	= 1 << 9,
};

/**
 * Fill in the library's half of @oid, whose lower 96 bits the caller has set, for an object of
 * @type. With @cid OC_UNKNOWN the class follows from @hints, and without hints from the container's
 * properties. @args is 0. No object is created: objects exist when they are written.
 * Errors: -DER_INVAL (unknown class or type, class larger than the system).  Blocks: no.
 */
int daos_obj_generate_oid(daos_handle_t coh, daos_obj_id_t *oid, enum daos_otype_t type,
			  daos_oclass_id_t cid, daos_oclass_hints_t hints, uint32_t args);

/**
 * Open an object, whether or not anything was ever written to it.
 * @mode: DAOS_OO_RO or DAOS_OO_RW, with hints. Close the handle with daos_obj_close().
 * Errors: -DER_NO_PERM (writing through a read-only container).  Blocks: yes, unless @ev.
 */
int daos_obj_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh,
		  daos_event_t *ev);

/** Close an object.  Errors: -DER_NO_HDL.  Blocks: yes, unless @ev. */
int daos_obj_close(daos_handle_t oh, daos_event_t *ev);

/**
 * Remove all keys of an object. @flags: 0 or DAOS_COND_PUNCH.
 * Errors: -DER_NO_PERM, -DER_NONEXIST (condition).  Blocks: yes, unless @ev.
 */
int daos_obj_punch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_event_t *ev);

/**
 * Remove @nr dkeys with all their akeys.
 * Errors: -DER_NO_PERM, -DER_NONEXIST (condition).  Blocks: yes, unless @ev.
 */
int daos_obj_punch_dkeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, unsigned int nr,
			 daos_key_t *dkeys, daos_event_t *ev);

/**
 * Remove @nr akeys of one dkey. A dkey without akeys is no longer listed.
 * Errors: -DER_NO_PERM, -DER_NONEXIST (condition).  Blocks: yes, unless @ev.
 */
int daos_obj_punch_akeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
			 unsigned int nr, daos_key_t *akeys, daos_event_t *ev);

/**
 * Attributes of an object, and the ranks that hold it in order of shards. Either may be NULL.
 * Blocks: yes, unless @ev.
 */
int daos_obj_query(daos_handle_t oh, struct daos_obj_attr *oa, d_rank_list_t *ranks,
		   daos_event_t *ev);

/**
 * Read from @nr akeys of one dkey. sgls[i] receives, one after the other, what iods[i] asks for;
 * without @sgls only the sizes are found out. Each sg_nr_out, iov_len and iod_size is set. Holes
 * leave the caller's bytes as they are. A key that does not exist is no error: its iod_size is 0.
 * @ioms: NULL, or @nr maps of what was found.
 * Errors: -DER_REC2BIG (sgl too short; iod_size has the true size), -DER_NONEXIST (condition),
 *	-DER_CSUM, -DER_DATA_LOSS.  Blocks: yes, unless @ev.
 */
int daos_obj_fetch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
		   unsigned int nr, daos_iod_t *iods, d_sg_list_t *sgls, daos_iom_t *ioms,
		   daos_event_t *ev);

/**
 * Write to @nr akeys of one dkey, all or none of them. sgls[i] holds, one after the other, the
 * bytes for iods[i]. When the call returns 0 the data is durable.
 * Errors: -DER_REC2BIG (sgl shorter than the extents), -DER_NO_PERM (handle is read only, wrong
 *	kind of value, an akey named twice), -DER_EXIST and -DER_NONEXIST (conditions),
 *	-DER_NOSPACE.  Blocks: yes, unless @ev.
 */
int daos_obj_update(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
		    unsigned int nr, daos_iod_t *iods, d_sg_list_t *sgls, daos_event_t *ev);

/**
 * List the dkeys. @nr: entries in @kds, then keys found. @sgl receives the keys one after the
 * other, kds[i] their lengths. Repeat with the same @anchor until daos_anchor_is_eof(); 0 keys are
 * not the end. Keys present during the whole listing are seen exactly once.
 * Errors: -DER_KEY2BIG (not even one key fits; kds[0].kd_key_len has the size to offer).
 * Blocks: yes, unless @ev.
 */
int daos_obj_list_dkey(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds,
		       d_sg_list_t *sgl, daos_anchor_t *anchor, daos_event_t *ev);

/** List the akeys of one dkey, like daos_obj_list_dkey(). */
int daos_obj_list_akey(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, uint32_t *nr,
		       daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor,
		       daos_event_t *ev);

/**
 * List the extents of an array, rising or falling. @size: bytes of a record. @nr: room in @recxs
 * and @eprs, then entries found. An anchor keeps the order it began with.
 * Blocks: yes, unless @ev.
 */
int daos_obj_list_recx(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, daos_key_t *akey,
		       daos_size_t *size, uint32_t *nr, daos_recx_t *recxs,
		       daos_epoch_range_t *eprs, daos_anchor_t *anchor, bool incr_order,
		       daos_event_t *ev);

/**
 * Largest or smallest integer dkey, akey and array index. What is not asked for with DAOS_GET_DKEY
 * or _AKEY is given by the caller. @recx gets the extent at the end found, with rx_nr 0 if none.
 * Blocks: yes, unless @ev.
 */
int daos_obj_query_key(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
		       daos_key_t *akey, daos_recx_t *recx, daos_event_t *ev);

/** Epoch of the last change of an object.  Blocks: yes, unless @ev. */
int daos_obj_query_max_epoch(daos_handle_t oh, daos_handle_t th, daos_epoch_t *epoch,
			     daos_event_t *ev);

/**
 * Compare the replicas, or data and parity, of an object at @epoch (DAOS_EPOCH_MAX: now).
 * Errors: -DER_MISMATCH.  Blocks: yes.
 */
int daos_obj_verify(daos_handle_t coh, daos_obj_id_t oid, daos_epoch_t epoch);

/**
 * Divide an enumeration of the dkeys among several anchors. @nr: 0 to be told a good number, or the
 * size of @anchors, which may be NULL.  Blocks: no.
 */
int daos_obj_anchor_split(daos_handle_t oh, uint32_t *nr, daos_anchor_t *anchors);

/** Make @anchor the @index-th part of an enumeration split before.  Blocks: no. */
int daos_obj_anchor_set(daos_handle_t oh, uint32_t index, daos_anchor_t *anchor);

/** Let @anchor start at a dkey, or with @akey not NULL at an akey.  Blocks: yes, unless @ev. */
int daos_obj_key2anchor(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, daos_key_t *akey,
			daos_anchor_t *anchor, daos_event_t *ev);

/**
 * Open the table of all objects in the snapshot @epoch of a container.
 * Errors: -DER_NONEXIST (no such snapshot or no table).  Blocks: yes, unless @ev.
 */
int daos_oit_open(daos_handle_t coh, daos_epoch_t epoch, daos_handle_t *oh, daos_event_t *ev);

/** Close the table.  Blocks: yes, unless @ev. */
int daos_oit_close(daos_handle_t oh, daos_event_t *ev);

/** List identifiers. @oids_nr: room in @oids, then entries found.  Blocks: yes, unless @ev. */
int daos_oit_list(daos_handle_t oh, daos_obj_id_t *oids, uint32_t *oids_nr, daos_anchor_t *anchor,
		  daos_event_t *ev);

/** Longest marker. */
#define DAOS_OIT_MARKER_MAX_LEN	32

/**
 * Attach a few bytes to an identifier in the table; @marker NULL removes them.
 * Errors: -DER_NONEXIST (not in the table), -DER_INVAL (empty or too long).
 * Blocks: yes, unless @ev.
 */
int daos_oit_mark(daos_handle_t oh, daos_obj_id_t oid, d_iov_t *marker, daos_event_t *ev);

/** Like daos_oit_list(), without the identifiers that carry a marker. */
int daos_oit_list_unmarked(daos_handle_t oh, daos_obj_id_t *oids, uint32_t *oids_nr,
			   daos_anchor_t *anchor, daos_event_t *ev);

/** Called with an identifier and its marker or NULL: > 0 list it, 0 skip it, < 0 stop with that. */
typedef int(daos_oit_filter_cb)(daos_obj_id_t oid, d_iov_t *marker);

/** Like daos_oit_list(), of the identifiers that @filter picks. */
int daos_oit_list_filter(daos_handle_t oh, daos_obj_id_t *oids, uint32_t *oids_nr,
			 daos_anchor_t *anchor, daos_oit_filter_cb *filter, daos_event_t *ev);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_OBJ_H */

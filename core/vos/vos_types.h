/**
 * The plain values of vos.h: where and when an operation takes place, what it reads and writes,
 * what it answers. Nothing here owns memory; who owns what stands at the calls in vos.h.
 *
 * Versions. Every mutation carries (epoch, minor): the epoch orders transactions, the minor orders
 * the mutations of one transaction (1, 2, 3, …; 0 for a lone one). "Version" below is that pair,
 * compared epoch first. A read at an epoch sees all minors of it.
 *
 * Existence. A record exists at a version if the newest write or punch that covers it, at any
 * level and at or below that version, is a write. An akey exists if one of its records or its
 * single value does, a dkey if one of its akeys does, an object if one of its dkeys does. Nothing
 * else is remembered of a key; so punched things reappear by later writes only, and the last akey
 * to go takes its dkey along.
 *
 * Equal versions. One key is written by one transaction per version. A second mutation that meets
 * an equal version of the same records or value, or of a punch above or below them, answers
 * -DER_TX_RESTART, with two exceptions: the same prepared transaction replaces what it wrote, and
 * VOS_REBUILD replaces it in any case (history that is copied twice stays the same).
 */
#ifndef GEMEL_VOS_TYPES_H
#define GEMEL_VOS_TYPES_H

#include "core/base/buf.h"
#include "daos_obj.h"

struct blob;
struct rt_dev;

#define VOS_EPOCH_MAX	   UINT64_MAX /**< "the newest": such reads leave no read timestamp */
#define VOS_KEY_MAX_BYTES  8192u      /**< of a dkey or akey; longer is -DER_KEY2BIG */
#define VOS_AKEY_MAX	   128u	      /**< akeys in one call */
#define VOS_RECX_MAX	   4096u      /**< extents of one akey in one call */
#define VOS_CSUM_MAX_BYTES 65536u     /**< checksums of one value or extent */
#define VOS_INFO_MAX_BYTES 4096u      /**< vos_dtx.info */

/* ---- the store -------------------------------------------------------------------------- */

/**
 * Where a store lives: bytes [off, off + bytes) of @dev, multiples of its align. With @blob,
 * further regions are leased from it as the store grows, and [off, off + bytes) is the first of
 * them. @dev NULL: the store is in memory only and ends with vos_close(); no call of it waits.
 */
struct vos_home {
	struct rt_dev *dev;
	uint64_t off;
	uint64_t bytes;
	struct blob *blob;	/**< NULL: a fixed region */
};

/**
 * Checks the content of one or more whole chunks. Chunks begin at multiples of
 * max(1, chunk_bytes / @rec_bytes) records of the array (of chunk_bytes bytes of a single value;
 * chunk_bytes 0: one chunk), and at the extent's begin. Returns 0 or -DER_CSUM. Does not park.
 */
struct vos_csum;
typedef int (*vos_verify_fn)(void *arg, const struct vos_csum *csum, struct recx recx,
			     uint64_t rec_bytes, const struct buf *content);

/** Limits and habits; zero stands for the default in the comment. */
struct vos_opts {
	struct uid id;			/**< of the store; format records it, open compares it */
	uint64_t mem_max_bytes;		/**< of metadata and values kept in memory; no limit */
	uint32_t data_threshold_bytes;	/**< larger values leave the metadata; 4096 */
	uint32_t group_max_ops;		/**< log records behind one flush; 256 */
	uint32_t group_max_bytes;	/**< bytes behind one flush, or one record; 1 MiB */
	uint32_t ts_slots;		/**< memory for read timestamps, 32 bytes each; 1024. Fewer
					 *   slots give more needless -DER_TX_RESTART */
	/** Writes at or below it get -DER_TX_RESTART: read timestamps do not survive a restart, so
	 * an engine gives the present here. VOS_REBUILD is exempt. */
	uint64_t epoch_floor;
	vos_verify_fn verify;		/**< for VOS_VERIFY; NULL: that flag is -DER_NOSYS */
	void *verify_arg;
};

enum vos_format_flags {
	VOS_FORMAT_FORCE = 1,	/**< also over a store that is there */
};

/** As DAOS_MEDIA_SCM and DAOS_MEDIA_NVME. */
enum vos_media { VOS_MEDIA_META = 0, VOS_MEDIA_DATA, VOS_MEDIA_COUNT };

/**
 * Space. What free_bytes says can be written: the overhead of the next updates is taken off for the
 * values that are there, and one update's for its own (a store of tiny values pays more: see
 * record_bytes).
 */
struct vos_space {
	uint64_t total_bytes[VOS_MEDIA_COUNT];
	uint64_t free_bytes[VOS_MEDIA_COUNT];
	uint32_t record_bytes;	/**< most that one small update takes besides keys and value */
	uint64_t mem_bytes;	/**< memory that the store holds now */
	uint64_t conts;
	uint64_t gc_entries;	/**< of destroyed containers, not yet freed */
};

struct vos_cont_info {
	struct uid uid;
	uint64_t objects;	/**< with anything stored, punched ones included */
	uint64_t epoch_max;	/**< newest committed mutation, 0: none */
	uint64_t agg_epoch;	/**< aggregated up to here */
	uint32_t snapshots;
	uint32_t prepared;	/**< transactions neither committed nor aborted */
};

/* ---- operations ------------------------------------------------------------------------- */

/** A transaction: its client and the clock of its begin. All zero is none. */
struct vos_dtx_id {
	struct uid client;
	uint64_t hlc;
};

/** A transaction as its first mutation records it. */
struct vos_dtx {
	struct vos_dtx_id id;
	struct bytes info;	/**< the caller's: participants, leader; VOS_INFO_MAX_BYTES */
};

/** Besides DAOS_COND_*, which are the lower bits. */
#define VOS_NO_READ_TS (1ULL << 32) /**< reads: leave no read timestamp (scans, rebuild) */
#define VOS_REBUILD    (1ULL << 33) /**< mutations: copy history; see vos_update() */
#define VOS_LAZY       (1ULL << 34) /**< mutations: return when ordered; vos_sync() makes durable */
#define VOS_PHANTOM    (1ULL << 35) /**< vos_update_begin(): content will be phantoms */
#define VOS_VERIFY     (1ULL << 36) /**< fetches: check what is read against its checksums */

/** Where, when and as whom. Lives, keys included, until the call (or its _end) returns. */
struct vos_op {
	struct oid oid;
	struct bytes dkey;
	uint64_t epoch;
	uint64_t bound;	/**< fetches: a write of what is read, in (epoch, bound], is
			 *   -DER_TX_RESTART: it may be older by its writer's clock. 0: none */
	uint64_t flags;
	uint16_t minor;
	const struct vos_dtx *dtx;	/**< NULL: committed at once, reads see committed only */
	struct vos_dtx_id *busy;	/**< NULL, or set with -DER_INPROGRESS: who is prepared */
};

/** Same numbers as daos_iod_type_t. */
enum vos_type { VOS_NONE = 0, VOS_SINGLE = 1, VOS_ARRAY = 2 };

/** Checksums of one value or extent; the store keeps them and looks at the lengths only. */
struct vos_csum {
	uint16_t type;		/**< 0: none */
	uint16_t len;		/**< bytes of one checksum */
	uint32_t chunk_bytes;	/**< content behind one checksum; 0: all */
	struct bytes sums;
};

/** What to read or write of one akey. */
struct vos_iod {
	struct bytes akey;	/**< may be empty in flat key-value objects */
	enum vos_type type;
	uint64_t size;		/**< of the single value or of one record; update: 0 punches them */
	uint64_t flags;		/**< DAOS_COND_AKEY_*, when the op has DAOS_COND_PER_AKEY */
	uint32_t nr;		/**< arrays: extents, 1…VOS_RECX_MAX */
	const struct recx *recxs;
	const struct vos_csum *csums;	/**< updates: one per extent, one for a value; NULL: none */
	/** Updates: the records of all extents, in order. Fetches: room for them, in the same
	 * layout; NULL asks for the size only. Not used by the two-step forms. */
	const struct buf *buf;
};

/** One piece of an array (or the single value) that a fetch found. */
struct vos_ext {
	struct recx recx;	/**< the visible piece; {0, 1} for a single value */
	struct recx stored;	/**< the extent as it was written */
	uint32_t recx_idx;	/**< which of the iod's extents asked for it */
	uint16_t minor;
	uint64_t epoch;
	uint64_t req_off;	/**< where it goes in the layout of the request, bytes */
	uint64_t data_off;	/**< where it begins in vos_got.data, bytes */
	struct vos_csum csum;	/**< of @stored; type 0: none */
};

/** What a fetch found of one akey. */
struct vos_got {
	uint64_t size;		/**< true size of the value or record; 0: nothing is there */
	uint64_t epoch;		/**< newest version among what was found */
	uint32_t nr;		/**< pieces found, sorted by (recx_idx, idx); gaps are holes */
	const struct vos_ext *exts;	/**< NULL from vos_fetch() */
	struct buf data;		/**< of the pieces, back to back; empty from vos_fetch() */
};

/* ---- iteration -------------------------------------------------------------------------- */

/** Zero is the begin. May be copied, sent and used in another process of the same store. */
#define VOS_ANCHOR_BYTES 104u

struct vos_anchor {
	uint8_t b[VOS_ANCHOR_BYTES];
};

enum vos_anchor_state { VOS_ANCHOR_BEGIN = 0, VOS_ANCHOR_INSIDE, VOS_ANCHOR_END };

static inline bool vos_anchor_is_end(const struct vos_anchor *a)
{
	return a->b[0] == VOS_ANCHOR_END;
}

enum vos_iter_type {
	VOS_ITER_OBJ = 1, /**< objects, by (hi, lo) */
	VOS_ITER_DKEY,	  /**< of an object, in the order of its type */
	VOS_ITER_AKEY,	  /**< of a dkey, in the order of its type */
	VOS_ITER_SINGLE,  /**< versions of a single value, by version */
	VOS_ITER_RECX,	  /**< extents, by index, then by version */
	VOS_ITER_PUNCH,	  /**< punches by version: of the akey, else the dkey, else the object */
};

enum vos_iter_flags {
	VOS_ITER_REVERSE = 1, /**< from the end */
	/**
	 * Everything stored in [epoch_lo, op.epoch], whether visible or not: keys touched in that
	 * range; all versions of values and extents, holes and prepared ones included. Without it:
	 * what exists at op.epoch, with one version of a value and the visible pieces of extents.
	 */
	VOS_ITER_VERSIONS = 2,
};

struct vos_iter {
	enum vos_iter_type type;
	uint32_t flags;		/**< enum vos_iter_flags */
	const struct vos_op *op;	/**< oid, dkey as @type needs; epoch, dtx, flags, busy */
	struct bytes akey;	/**< VOS_ITER_SINGLE, _RECX, _PUNCH */
	uint64_t epoch_lo;	/**< lower end of VOS_ITER_VERSIONS */
	struct recx range;	/**< VOS_ITER_RECX: only pieces in it; nr 0: all */
};

enum vos_entry_flags {
	VOS_ENTRY_HOLE = 1,	/**< a punch of records or of the value */
	VOS_ENTRY_PREPARED = 2,	/**< not committed; @dtx says whose */
};

/** One entry of an iteration. Pointers in it are valid inside the callback only. */
struct vos_entry {
	enum vos_iter_type type;
	uint32_t flags;		/**< enum vos_entry_flags */
	struct oid oid;		/**< objects */
	struct bytes key;	/**< dkeys, akeys */
	enum vos_type value;	/**< akeys: type of the newest entry */
	uint64_t size;		/**< values: bytes; extents, akeys of arrays: bytes of a record */
	struct recx recx;	/**< extents: the piece, or with VERSIONS as stored */
	struct recx stored;
	uint64_t epoch;		/**< values, extents, punches */
	uint16_t minor;
	struct vos_csum csum;
	struct vos_dtx_id dtx;
};

/** What the callback of an iteration wants next. Other values are returned to the caller. */
enum vos_iter_want {
	VOS_ITER_NEXT = 0,
	VOS_ITER_STOP = 1,	/**< took this entry, return */
	VOS_ITER_UNDO = 2,	/**< did not take it: return, the next call begins with it */
};

/** Must not park and must not call the store. */
typedef int (*vos_iter_fn)(void *arg, const struct vos_entry *entry);

/** Question (in) and answer (out) of vos_query_key(). */
struct vos_key_query {
	uint32_t flags;		/**< DAOS_GET_* */
	struct bytes akey_name;	/**< in, unless DAOS_GET_AKEY; the dkey in is op.dkey */
	uint64_t dkey;		/**< out of DAOS_GET_DKEY */
	uint64_t akey;		/**< out of DAOS_GET_AKEY */
	struct recx recx;	/**< out of DAOS_GET_RECX: the last or first run without a hole */
	uint64_t size;		/**< out of DAOS_GET_RECX: bytes of a record */
};

enum vos_dtx_state {
	VOS_DTX_PREPARED = 1,
	VOS_DTX_COMMITTED,
	VOS_DTX_ABORTED,
};

struct vos_dtx_info {
	struct vos_dtx_id id;
	enum vos_dtx_state state;
	uint64_t epoch;		/**< of its mutations */
	uint32_t mutations;	/**< entries still prepared */
	struct oid oid;		/**< of the first mutation */
	struct bytes info;	/**< as its first mutation gave it; valid inside the callback */
};

#endif

/**
 * vos: one target's versioned object store.
 *
 * A store holds containers; a container maps object -> dkey -> akey -> a single value or a sparse
 * array of equal records, and keeps every version until aggregation. Reads are at any epoch. The
 * header of vos_types.h defines versions, existence and what happens at equal versions.
 *
 * Durability. A mutation that returned 0 is durable, together with everything it could see;
 * callers on different ULTs share flushes. With VOS_LAZY it is only ordered. What a read returned
 * is durable too. A mutation is atomic: all of it or nothing, after a crash as well. When a write
 * or flush of the log failed, the store has stopped: every call returns -DER_NVME_IO until it is
 * opened anew.
 *
 * Concurrency control. A fetch, an iteration, a query, a condition leaves a read timestamp at its
 * epoch, per object, dkey and akey, in bounded memory that may forget details but never a read. A
 * write or punch below a read that it would have changed answers -DER_TX_RESTART; at the same
 * epoch too, unless reader and writer are the same transaction. Writes do not restart writes, but
 * see "Equal versions". The caller takes a new epoch and tries again.
 *
 * Transactions. A mutation with op.dtx is prepared: durable, and visible to reads with the same
 * op.dtx only. Another's read whose answer would depend on it returns -DER_INPROGRESS and names the
 * transaction in op.busy; so does a mutation whose conditions or type check depend on it.
 *
 * Errors that every call on a store may give: -DER_NOMEM, -DER_NVME_IO (stopped, or the device
 * failed), -DER_INVAL (argument outside what is documented). A failed call changed nothing.
 *
 * One stream owns a store; its ULTs may be in it at the same time. Pointers in arguments belong to
 * the caller and live until the call returns, or the matching _end does.
 */
#ifndef GEMEL_VOS_H
#define GEMEL_VOS_H

#include "core/rt/rt.h"
#include "core/vos/vos_types.h"

struct vos;
struct vos_cont;
struct vos_update;
struct vos_fetch;

/* ---- store ------------------------------------------------------------------------------ */

/**
 * Make an empty store. @opts may be NULL; @flags: enum vos_format_flags.  Blocks: yes.
 * Errors: -DER_EXIST (a store is there, no FORCE), -DER_NOSPACE (region too small).
 */
int vos_format(struct rt *rt, const struct vos_home *home, const struct vos_opts *opts,
	       uint32_t flags);

/**
 * Open the store, replaying what a crash left. Nothing on the device changes when it fails. @opts
 * may be NULL. With home->dev NULL the store begins empty. Owns: @home's device stays the caller's
 * and open until vos_close().  Blocks: yes.
 * Errors: -DER_UNINIT (blank), -DER_NOTYPE (something else is there), -DER_DF_INCOMPT (a newer
 * version's store), -DER_DF_INVAL (superblock damaged), -DER_TRUNC (region smaller than formatted),
 * -DER_ID_MISMATCH (another store's id), -DER_CSUM (log damaged before its end).
 */
int vos_open(struct rt *rt, const struct vos_home *home, const struct vos_opts *opts,
	     struct vos **ret_vos);

/** Make everything durable, where the device allows it, and free the memory. No call is under way,
 * no container is open. NULL is accepted.  Blocks: yes. */
void vos_close(struct vos *v);

/** Wait until every mutation that was ordered before is durable.  Blocks: yes. */
int vos_sync(struct vos *v);

/** Blocks: no. */
int vos_query(struct vos *v, struct vos_space *ret_space);

/** Free at most @credits entries of destroyed containers; 0 in @ret_left: none are left.
 * Blocks: no. */
int vos_gc(struct vos *v, uint32_t credits, uint64_t *ret_left);

/* ---- containers ------------------------------------------------------------------------- */

/** Errors: -DER_EXIST, -DER_NOSPACE.  Blocks: yes. */
int vos_cont_create(struct vos *v, const struct uid *uid);

/** Its content is gone at once; vos_gc() frees the memory. Errors: -DER_NONEXIST, -DER_BUSY (open),
 * -DER_NOSPACE.  Blocks: yes. */
int vos_cont_destroy(struct vos *v, const struct uid *uid);

/** Each open needs a close. Errors: -DER_NONEXIST.  Blocks: no. */
int vos_cont_open(struct vos *v, const struct uid *uid, struct vos_cont **ret_cont);

/** No call on @c is under way. NULL is accepted.  Blocks: no. */
void vos_cont_close(struct vos_cont *c);

int vos_cont_query(struct vos_cont *c, struct vos_cont_info *ret_info);

/** Copy at most @cap uids, sorted, from the first above @after (NULL: from the first).
 * Blocks: no. */
int vos_cont_list(struct vos *v, const struct uid *after, uint32_t cap, struct uid *uids,
		  uint32_t *ret_nr);

/* ---- writing ---------------------------------------------------------------------------- */

/**
 * Write (iod.size > 0) or punch (iod.size 0) single values and extents of akeys of one dkey, all or
 * nothing. Conditions: DAOS_COND_DKEY_INSERT, _DKEY_UPDATE, _AKEY_INSERT, _AKEY_UPDATE, _PER_AKEY.
 *
 * Type and record size are judged per incarnation: between two punches that cover the akey, it has
 * one type and one record size.
 *
 * VOS_REBUILD copies history: no conditions, no read timestamps, no aggregation boundary, an equal
 * version is replaced.
 *
 * Errors: -DER_EXIST, -DER_NONEXIST (conditions); -DER_NO_PERM (other value type, the same akey
 * twice, extents that overlap each other); -DER_INVAL (other record size; epoch 0 or
 * VOS_EPOCH_MAX; empty key; integer key not of 8 bytes; extent empty or past 2^64; buffer not of
 * the size); -DER_KEY2BIG; -DER_OVERFLOW (a limit of vos_types.h); -DER_TX_RESTART (read above, at
 * or below the aggregation boundary or the floor, equal version); -DER_INPROGRESS;
 * -DER_ALREADY (op.dtx is committed), -DER_CANCELED (op.dtx was aborted); -DER_NOSPACE.
 * Blocks: yes.
 */
int vos_update(struct vos_cont *c, const struct vos_op *op, uint32_t nr,
	       const struct vos_iod *iods);

/**
 * The same in two steps, for payload that arrives by transfer: reserve space, let the caller fill
 * vos_update_buf(), then vos_update_end(). Conditions and conflicts are checked here, to spare a
 * transfer, and again by the end. @op, @iods and all they point to live until the end.
 * Errors: as vos_update().  Blocks: yes.
 */
int vos_update_begin(struct vos_cont *c, const struct vos_op *op, uint32_t nr,
		     const struct vos_iod *iods, struct vos_update **ret_update);

/** Destination of iod @idx: all its extents in order, empty for a punch. Valid until the end. The
 * segments may be sliced, not changed. */
const struct buf *vos_update_buf(struct vos_update *u, uint32_t idx);

enum vos_update_fate { VOS_COMMIT = 1, VOS_CANCEL };

/** Apply or give up; @u is gone in both cases, also when it fails. CANCEL returns 0.
 * Errors: as vos_update(), but -DER_NOSPACE.  Blocks: yes. */
int vos_update_end(struct vos_update *u, enum vos_update_fate fate);

/**
 * Punch op.oid whole; all of op.dkey; the akeys named. What they hold above the version stays.
 * DAOS_COND_PUNCH: -DER_NONEXIST when the object, the dkey, or one of the akeys does not exist; an
 * object that was punched before is no error. A punch of what never was leaves its mark for writes
 * at older epochs that come later.
 * Errors: as vos_update().  Blocks: yes.
 */
int vos_punch_obj(struct vos_cont *c, const struct vos_op *op);
int vos_punch_dkey(struct vos_cont *c, const struct vos_op *op);
int vos_punch_akeys(struct vos_cont *c, const struct vos_op *op, uint32_t nr,
		    const struct bytes *akeys);

/* ---- reading ---------------------------------------------------------------------------- */

/**
 * Read @nr akeys of one dkey at op.epoch into iod.buf. What is not there is answered by size 0 and
 * is no error; holes leave the buffer as it was. iod.size is not looked at. @ret_got has @nr
 * entries; its sizes are set with -DER_REC2BIG too. A size query (no buf) of an array answers the
 * record size if the range asked holds a record, else 0.
 * Conditions: DAOS_COND_DKEY_FETCH, _AKEY_FETCH, _PER_AKEY.
 * Errors: -DER_REC2BIG (a buffer is shorter than what is visible needs), -DER_NONEXIST
 * (conditions), -DER_NO_PERM (other value type, the same akey twice), -DER_INPROGRESS,
 * -DER_TX_RESTART (a write in (epoch, bound]; below the aggregation boundary and no snapshot),
 * -DER_CSUM (VOS_VERIFY), -DER_NOSYS (VOS_VERIFY and no verifier), -DER_KEY2BIG, -DER_OVERFLOW.
 * Blocks: yes.
 */
int vos_fetch(struct vos_cont *c, const struct vos_op *op, uint32_t nr, const struct vos_iod *iods,
	      struct vos_got *ret_got);

/**
 * The same without a copy: the pieces found and their content, pinned until vos_fetch_end().
 * Errors: as vos_fetch(), but -DER_REC2BIG.  Blocks: yes.
 */
int vos_fetch_begin(struct vos_cont *c, const struct vos_op *op, uint32_t nr,
		    const struct vos_iod *iods, struct vos_fetch **ret_fetch);

/** What iod @idx found. Valid until the end. */
const struct vos_got *vos_fetch_got(struct vos_fetch *f, uint32_t idx);

/** NULL is accepted.  Blocks: no. */
void vos_fetch_end(struct vos_fetch *f);

/**
 * Call @fn for entries from @anchor on, which then stands behind the last one taken, or at the
 * end (vos_anchor_is_end()). The anchor stays good whatever happens to the entries between two
 * calls: an entry that is there all the time is reported exactly once. (Keys over 64 bytes that
 * aggregation removed meanwhile: others that begin with the same 64 bytes may be reported twice.)
 *
 * Orders: integers by value; lexical by memcmp, shorter first; hashed by (vos_key_hash(), memcmp).
 * An object type's key types are those of daos_obj.h.
 * Errors: what @fn returned; -DER_INPROGRESS and -DER_TX_RESTART as vos_fetch(), the anchor then
 * stands behind the last entry taken; -DER_INVAL (not an anchor of this iteration).  Blocks: yes.
 */
int vos_iterate(struct vos_cont *c, const struct vos_iter *it, struct vos_anchor *anchor,
		vos_iter_fn fn, void *arg);

/** The order of hashed keys; stable, also between versions of the software. */
uint64_t vos_key_hash(struct bytes key);

/**
 * Lowest or highest (DAOS_GET_MIN, _MAX) integer dkey and akey and the first or last visible
 * records that exist at op.epoch. What is not asked for is given: op.dkey without GET_DKEY,
 * query->akey_name without GET_AKEY. With several of them, the first dkey answers in whose akey
 * something is found.
 * Errors: -DER_NONEXIST (nothing there), -DER_INVAL (flags; keys that are not integers),
 * -DER_INPROGRESS, -DER_TX_RESTART.  Blocks: yes.
 */
int vos_query_key(struct vos_cont *c, const struct vos_op *op, struct vos_key_query *query);

/** Newest committed mutation of the object, punches included; 0: none, or none that aggregation
 * left.  Blocks: yes. */
int vos_obj_epoch_max(struct vos_cont *c, struct oid oid, uint64_t *ret_epoch);

/* ---- history ---------------------------------------------------------------------------- */

/** The epochs that aggregation must keep readable, sorted, without doubles; replaces the former
 * set. Errors: -DER_TX_RESTART (a new one below the aggregation boundary), -DER_NOSPACE.
 * Blocks: yes. */
int vos_snapshots_set(struct vos_cont *c, uint32_t nr, const uint64_t *epochs);

/** Copies at most @cap; @ret_nr is how many there are.  Blocks: no. */
int vos_snapshots_get(struct vos_cont *c, uint32_t cap, uint64_t *epochs, uint32_t *ret_nr);

/** Epochs lo…hi, both included. */
struct vos_range {
	uint64_t lo;
	uint64_t hi;
};

/**
 * Free what in @range neither hi, nor later epochs, nor a snapshot sees. Works for about @credits
 * entries and returns 0; call again with the same @anchor until it is at its end. Reads below hi
 * that are no snapshots then answer -DER_TX_RESTART, as do writes at or below hi; both from the
 * first call on. Readers meanwhile see no difference otherwise.
 * hi is lowered below the oldest prepared transaction, for each call.
 * Errors: -DER_NOSPACE.  Blocks: yes.
 */
int vos_aggregate(struct vos_cont *c, struct vos_range range, uint32_t credits,
		  struct vos_anchor *anchor);

/**
 * Forget every mutation in @range, of @oid or (NULL) of all objects, as if it had never been: undo
 * for rebuild. Prepared ones are not touched. Credits and anchor as in vos_aggregate().
 * Errors: -DER_NOSPACE.  Blocks: yes.
 */
int vos_discard(struct vos_cont *c, const struct oid *oid, struct vos_range range, uint32_t credits,
		struct vos_anchor *anchor);

/* ---- transactions ----------------------------------------------------------------------- */

/**
 * Make the prepared entries of @nr transactions visible, at the epochs they were prepared with.
 * One that is committed already counts as done. Those found are committed even if one is not.
 * Errors: -DER_NONEXIST (one is unknown), -DER_CANCELED (one was aborted), -DER_NOSPACE.
 * Blocks: yes.
 */
int vos_dtx_commit(struct vos_cont *c, uint32_t nr, const struct vos_dtx_id *ids);

/** Remove its prepared entries. Remembered, also of one that is unknown, so that a late prepare is
 * refused. Errors: -DER_ALREADY (committed), -DER_NOSPACE.  Blocks: yes. */
int vos_dtx_abort(struct vos_cont *c, const struct vos_dtx_id *id);

/** Errors: -DER_NONEXIST (never seen, or forgotten).  Blocks: yes. */
int vos_dtx_status(struct vos_cont *c, const struct vos_dtx_id *id, enum vos_dtx_state *ret_state);

/** As vos_iterate(), by id. Forgotten ones are missing.  Blocks: yes. */
typedef int (*vos_dtx_fn)(void *arg, const struct vos_dtx_info *info);
int vos_dtx_list(struct vos_cont *c, struct vos_anchor *anchor, vos_dtx_fn fn, void *arg);

/** Forget the outcome of transactions whose id's hlc is at or below @hlc; prepared ones stay.
 * Errors: -DER_NOSPACE.  Blocks: yes. */
int vos_dtx_forget(struct vos_cont *c, uint64_t hlc);

#endif

/**
 * The meaning of vos.h, as slowly and plainly as possible: a list of all changes, and answers by
 * looking at each of them, record by record. No trees, no index, no state derived from the
 * changes but read timestamps. What vos_types.h says in words, this says in loops.
 *
 * The universe is small: M_OBJS objects, M_DKEYS dkeys, M_AKEYS akeys, M_RECS records of an
 * array, of which the last ones lie at the very end of the index space. Keys are numbers here.
 */
#ifndef GEMEL_TESTS_LIB_VOS_MODEL_H
#define GEMEL_TESTS_LIB_VOS_MODEL_H

#include "core/vos/vos.h"

#define M_OBJS	3u
#define M_DKEYS 4u
#define M_AKEYS 3u
#define M_RECS	48u
#define M_HIGH	40u	/* records from here on are the last of the index space */
#define M_SINGLE M_RECS /* the record number of the single value */
#define M_DTXS	4u
#define M_OPS	4096u
#define M_NONE	-1

enum m_kind { M_WRITE = 1, M_HOLE, M_PUNCH };

/* One change of one akey's extent, or one punch. */
struct m_op {
	enum m_kind kind;
	int obj;
	int dkey;	/* M_NONE: punch of the object */
	int akey;	/* M_NONE: punch of the dkey */
	uint32_t lo;	/* records lo … hi - 1, or M_SINGLE … M_SINGLE */
	uint32_t hi;
	uint64_t size;	/* of the value or record */
	uint64_t content;
	uint64_t epoch;
	uint32_t minor;
	uint64_t seq;
	int dtx;	/* prepared by; M_NONE: committed */
	bool gone;	/* aborted, discarded */
};

struct m_ts {
	uint64_t all, any;
	int all_who, any_who;
};

struct m {
	struct m_op ops[M_OPS];
	uint32_t nr;
	uint64_t seq;
	uint64_t agg;
	uint64_t snaps[8];
	uint32_t snap_nr;
	struct m_ts ts_cont;
	struct m_ts ts_obj[M_OBJS];
	struct m_ts ts_dkey[M_OBJS][M_DKEYS];
	struct m_ts ts_akey[M_OBJS][M_DKEYS][M_AKEYS];
};

enum m_seen { M_ABSENT = 0, M_FOUND, M_BUSY };

/* Who asks, and when. */
struct m_view {
	uint64_t epoch;
	int me;
};

uint64_t m_rec_idx(uint32_t rec);

/* One record: which write shows? @exists: only whether. */
enum m_seen m_record(const struct m *m, int obj, int dkey, int akey, uint32_t rec, struct m_view w,
		     bool exists, const struct m_op **ret_op);
enum m_seen m_akey_exists(const struct m *m, int obj, int dkey, int akey, struct m_view w);
enum m_seen m_type_exists(const struct m *m, int obj, int dkey, int akey, bool array,
			  struct m_view w);
enum m_seen m_dkey_exists(const struct m *m, int obj, int dkey, struct m_view w);
enum m_seen m_obj_exists(const struct m *m, int obj, struct m_view w);
bool m_obj_punched(const struct m *m, int obj, struct m_view w);

/* Read timestamps; levels by M_NONE. */
void m_ts_read(struct m *m, int obj, int dkey, int akey, struct m_view w);
bool m_ts_blocks(const struct m *m, int obj, int dkey, int akey, struct m_view w);

bool m_is_snap(const struct m *m, uint64_t epoch);

/* An equal version of another writer where @op would go? */
bool m_meets(const struct m *m, const struct m_op *op);

/* Verdict on type and record size of a write or hole. */
int m_type(const struct m *m, const struct m_op *op);

void m_add(struct m *m, const struct m_op *op);
void m_commit(struct m *m, int dtx);
void m_abort(struct m *m, int dtx);
void m_discard(struct m *m, int obj, uint64_t lo, uint64_t hi);

#endif

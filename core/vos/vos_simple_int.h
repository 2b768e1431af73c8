/**
 * Internals of the simple body of vos.h: everything in memory, plus a log of operations. Symbols
 * begin with vs_. The README of the folder says why it is as it is.
 *
 * Ownership is a tree: store -> container -> object -> dkey -> akey -> versions and extents. Values
 * are reference-counted; a pinned value outlives its entry. Everything comes from vs_alloc().
 *
 * Order of entries: version, then arrival (the sequence number of the log record); see struct
 * vs_ver.
 */
#ifndef GEMEL_VOS_SIMPLE_INT_H
#define GEMEL_VOS_SIMPLE_INT_H

#include "core/vos/vos.h"

/* ---- balanced tree ---------------------------------------------------------------------- */

/* Intrusive AVL tree with parent pointers. Owners descend by themselves and link; max is the
 * largest own in the subtree, for interval queries. */
struct vs_node {
	struct vs_node *left;
	struct vs_node *right;
	struct vs_node *up;
	uint64_t own;
	uint64_t max;
	int32_t height;
};

struct vs_tree {
	struct vs_node *root;
	uint64_t count;
};

void vs_tree_link(struct vs_tree *t, struct vs_node *n, struct vs_node *up, struct vs_node **link);
void vs_tree_erase(struct vs_tree *t, struct vs_node *n);
struct vs_node *vs_tree_first(const struct vs_tree *t);
struct vs_node *vs_tree_last(const struct vs_tree *t);
struct vs_node *vs_tree_next(const struct vs_node *n);
struct vs_node *vs_tree_prev(const struct vs_node *n);

/* ---- entries ---------------------------------------------------------------------------- */

struct vs_ver {
	uint64_t epoch;
	uint64_t seq;
	uint16_t minor;
};

static inline int vs_cmp_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static inline bool vs_ver_same(const struct vs_ver *a, const struct vs_ver *b)
{
	return a->epoch == b->epoch && a->minor == b->minor;
}

static inline int vs_ver_cmp(const struct vs_ver *a, const struct vs_ver *b)
{
	int c = vs_cmp_u64(a->epoch, b->epoch);

	if (c == 0)
		c = vs_cmp_u64(a->minor, b->minor);
	return c != 0 ? c : vs_cmp_u64(a->seq, b->seq);
}

/* Content of one iod: bytes, phantoms, or pieces of both. */
struct vs_piece {
	bool phantom;
	uint64_t bytes;
	void *mem;		/* real bytes */
	struct bsink sink;	/* phantom */
	struct vos *v;
};

struct vs_val {
	uint32_t refs;
	uint32_t nr;		/* pieces */
	size_t alloc_bytes;
	struct buf buf;		/* the content; set by vs_val_seal() */
	struct bseg seg;	/* of a value of one piece of bytes */
	uint32_t segs_cap;	/* > 0: buf.segs is an array of ours */
	struct vs_piece pieces[];
};

struct vs_csum {
	struct vos_csum c;	/* c.sums.ptr points at sums */
	uint8_t sums[];
};

struct vs_punch {
	struct vs_ver ver;
	struct vs_dtx *dtx;	/* not NULL: prepared */
};

struct vs_plog {
	struct vs_punch *v;	/* sorted */
	uint32_t nr;
	uint32_t cap;
};

struct vs_single {
	struct vs_ver ver;
	struct vs_dtx *dtx;
	struct vs_val *val;	/* NULL: punched */
	struct vs_csum *csum;
	bool keep;
};

struct vs_ext {
	struct vs_node node;	/* by (idx, ver); own = last */
	uint64_t idx;
	uint64_t last;
	struct vs_ver ver;
	struct vs_dtx *dtx;
	struct vs_val *val;	/* NULL: punched */
	uint64_t off;		/* of its content in the value */
	uint64_t rec_bytes;
	struct vs_csum *csum;
	uint64_t parts;		/* of the akey's index that are this extent */
	bool keep;
};

/* Part of an index: these records are shown by that extent. Parts of a tree do not overlap. */
struct vs_part {
	struct vs_node node;	/* by idx */
	uint64_t idx;
	uint64_t last;
	struct vs_ext *ext;
};

struct vs_key {
	struct vs_node node;	/* by (order, bytes) */
	uint64_t order;
	struct bytes name;
};

struct vs_akey {
	struct vs_key key;
	struct vs_dkey *dkey;
	struct vs_plog punches;
	struct vs_ver vmax;	/* at or above its newest entry */
	enum vos_type type;	/* of the newest arrival */
	bool mixed;		/* holds more than one type or record size */
	bool index_bad;
	uint64_t size;		/* of the newest arrival's records */
	struct vs_single *singles;	/* sorted by ver */
	uint32_t single_nr;
	uint32_t single_cap;
	struct vs_tree exts;
	struct vs_tree index;	/* newest extent of each record, prepared ones included */
};

struct vs_dkey {
	struct vs_key key;
	struct vs_obj *obj;
	struct vs_plog punches;
	struct vs_ver vmax;
	struct vs_tree akeys;
	struct vs_akey *hint;	/* found last */
};

enum vs_order { VS_ORDER_HASH = 0, VS_ORDER_UINT, VS_ORDER_LEX };

struct vs_obj {
	struct vs_node node;	/* by oid */
	struct oid oid;
	struct vs_cont *cont;
	struct vs_plog punches;
	struct vs_ver vmax;
	struct vs_tree dkeys;
	struct vs_dkey *hint;	/* found last: one call looks for the same key several times */
	uint64_t last_seq;	/* newest record about it */
	uint64_t epoch_max;	/* committed */
	bool epoch_stale;	/* epoch_max must be counted anew */
	bool flat;
	enum vs_order dkey_order;
	enum vs_order akey_order;
};

enum vs_level { VS_LEVEL_OBJ = 1, VS_LEVEL_DKEY, VS_LEVEL_AKEY };

/* Where a prepared entry is: enough to find it again. */
struct vs_dent {
	enum vs_level level;	/* of a punch; 0: value or extent of the akey */
	void *owner;		/* object, dkey or akey */
	struct vs_obj *obj;
	struct vs_ver ver;
	uint64_t idx;
};

struct vs_dtx {
	struct vs_node node;	/* by id */
	struct vos_dtx_id id;
	enum vos_dtx_state state;
	uint64_t epoch;
	uint64_t seq;		/* newest record about it */
	struct oid oid;
	struct bytes info;
	struct vs_dent *ents;
	uint32_t nr;
	uint32_t cap;
};

/* ---- store ------------------------------------------------------------------------------ */

struct vs_cont {
	struct vs_node node;	/* by uid */
	struct vos *v;
	struct uid uid;
	uint64_t salt;		/* hash of uid */
	uint32_t opens;
	uint32_t prepared;
	struct vs_tree objs;
	struct vs_tree dtxs;
	uint64_t *snaps;
	uint32_t snap_nr;
	uint64_t agg_epoch;
	uint64_t epoch_max;
	uint64_t read_all;	/* epoch of the newest listing of objects */
	uint64_t read_who;
	uint64_t last_seq;
	uint64_t gone_seq;	/* newest record that removed entries */
	struct vs_cont *dead_next;
};

struct vos_cont {
	struct vs_cont *c;
	struct vos *v;
};

/* Read timestamps of one node: of reads that depend on all below it, and on anything below it. */
struct vs_ts {
	uint64_t all;
	uint64_t all_who;
	uint64_t any;
	uint64_t any_who;
};

struct vs_log_ref {
	size_t at;		/* offset in mem that its content follows */
	struct vs_val *val;
};

/* Records that wait for one write and one flush. mem begins with @lead bytes that are durable
 * already: the block that the batch begins in is written again as it was. */
struct vs_batch {
	uint8_t *mem;		/* heads, metadata, small values, padding */
	size_t len;
	size_t cap;
	size_t lead;
	struct vs_log_ref *refs;
	uint32_t ref_nr;
	uint32_t ref_cap;
	uint32_t nr;		/* records */
	uint32_t val_segs;	/* of all refs */
	uint64_t pos;		/* on the device, where its first record begins */
	uint64_t bytes;		/* of its records */
	uint64_t last_seq;
};

struct vs_log {
	uint64_t gen;		/* of the format */
	uint32_t life;		/* of this open */
	uint64_t begin;		/* offsets on the device */
	uint64_t end;
	uint64_t reserved;	/* by updates between begin and end */
	uint64_t batch_no;	/* of the batch being filled */
	uint64_t next_seq;
	uint64_t durable_seq;	/* all records up to it are durable */
	struct vs_batch fill;
	struct vs_batch save;	/* of fill, before the record being made */
	int err;		/* of the record being made */
	uint8_t *spare;		/* mem of the next batch: the change to it cannot fail */
	size_t spare_cap;
	struct bseg *segs;	/* room for the segments of fill */
	uint32_t segs_cap;
	bool writing;
	bool failed;
	struct rt_waitq wait;
};

struct vos {
	struct rt *rt;
	struct vos_home home;
	struct vos_opts opts;
	struct vs_tree conts;
	struct vs_cont *dead;	/* destroyed, to be freed by gc */
	struct vs_ts *ts;
	uint64_t mem_bytes;
	struct vs_log log;
};

void *vs_alloc(struct vos *v, size_t bytes);
void vs_free(struct vos *v, void *ptr, size_t bytes);

/* Make room for @need entries in an array; keeps it on failure. */
int vs_grow(struct vos *v, void *array_ptr, uint32_t *cap, uint32_t need, size_t entry_bytes);

/* Give back most of an array that became much too large. */
void vs_fit(struct vos *v, void *array_ptr, uint32_t *cap, uint32_t nr, size_t entry_bytes);

/* ---- values (vos_simple_val.c) ---------------------------------------------------------- */

int vs_val_create(struct vos *v, uint64_t bytes, bool phantom, struct vs_val **ret_val);
int vs_val_pieces(struct vos *v, uint32_t nr, const struct vs_piece *pieces,
		  struct vs_val **ret_val);
int vs_val_copy(struct vos *v, const struct buf *src, struct vs_val **ret_val);
/* Destinations to fill before the seal: one segment for each piece. */
void vs_val_dst(struct vs_val *val, struct bseg *segs, struct buf *ret_buf);
int vs_val_seal(struct vos *v, struct vs_val *val);
void vs_val_put(struct vos *v, struct vs_val *val);
int vs_csum_copy(struct vos *v, const struct vos_csum *src, struct vs_csum **ret_csum);
void vs_csum_free(struct vos *v, struct vs_csum *c);

/* ---- keys (vos_simple_key.c) ------------------------------------------------------------ */

uint64_t vs_key_order(enum vs_order how, struct bytes name);
int vs_key_cmp(uint64_t order, struct bytes name, const struct vs_key *k);

struct vs_cont *vs_cont_find(struct vos *v, const struct uid *uid);
int vs_cont_add(struct vos *v, const struct uid *uid, struct vs_cont **ret_cont);
struct vs_obj *vs_obj_find(struct vs_cont *c, struct oid oid);
struct vs_dkey *vs_dkey_find(struct vs_obj *o, struct bytes name);
struct vs_akey *vs_akey_find(struct vs_dkey *d, struct bytes name);
int vs_obj_make(struct vs_cont *c, struct oid oid, struct vs_obj **ret_obj);
int vs_dkey_make(struct vs_obj *o, struct bytes name, struct vs_dkey **ret_dkey);
int vs_akey_make(struct vs_dkey *d, struct bytes name, struct vs_akey **ret_akey);
/* Free a node that holds nothing, and then its parents likewise. True: freed. */
bool vs_akey_prune(struct vos *v, struct vs_akey *a);
bool vs_dkey_prune(struct vos *v, struct vs_dkey *d);
bool vs_obj_prune(struct vos *v, struct vs_obj *o);
/* Free some of a destroyed container; the credits left. */
uint64_t vs_cont_drain(struct vos *v, struct vs_cont *c, uint64_t credits);
bool vs_cont_drained(const struct vs_cont *c);
/* It is in no tree and drained. */
void vs_cont_free(struct vos *v, struct vs_cont *c);

int vs_oid_orders(struct oid oid, enum vs_order *ret_dkey, enum vs_order *ret_akey, bool *ret_flat);
int vs_key_check(enum vs_order how, struct bytes name, bool may_be_empty);

/* ---- what a reader sees (vos_simple_see.c) ---------------------------------------------- */

struct vs_view {
	uint64_t epoch;
	const struct vs_dtx *me;
	struct vos_dtx_id *busy;	/* may be NULL */
};

/* What punches of the key and its parents leave: newest that counts, newest of others' prepared. */
struct vs_floor {
	struct vs_ver floor;
	struct vs_ver hot;
	const struct vs_dtx *hot_dtx;
};

/* Visible records [idx, last] of one extent. */
struct vs_span {
	uint64_t idx;
	uint64_t last;
	struct vs_ext *ext;
};

struct vs_spans {
	struct vs_span *v;
	uint32_t nr;
	uint32_t cap;
	uint32_t base;		/* those below it are not joined with new ones */
};

static inline bool vs_other(const struct vs_dtx *dtx, const struct vs_view *w)
{
	return dtx != NULL && dtx != w->me;
}

int vs_busy(const struct vs_view *w, const struct vs_dtx *dtx);
void vs_floor_add(struct vs_floor *f, const struct vs_plog *p, const struct vs_view *w);
struct vs_floor vs_floor_of(const struct vs_akey *a, const struct vs_view *w);
/* What to look for in an array. */
struct vs_ask {
	uint64_t lo;
	uint64_t last;
	uint32_t enough;	/* stop when so many spans are there */
	bool rev;		/* from the end */
	bool exists;		/* whether, not what */
};

/* The single value shown, or NULL. */
int vs_single_see(const struct vs_akey *a, const struct vs_view *w, bool exists,
		  const struct vs_single **ret_s);
/* Append the visible spans. */
int vs_exts_see(struct vos *v, struct vs_akey *a, const struct vs_view *w, const struct vs_ask *ask,
		struct vs_spans *spans);
void vs_spans_free(struct vos *v, struct vs_spans *s);
int vs_akey_exists(struct vos *v, struct vs_akey *a, const struct vs_view *w, bool *ret_yes);
int vs_dkey_exists(struct vos *v, struct vs_dkey *d, const struct vs_view *w, bool *ret_yes);
int vs_obj_exists(struct vos *v, struct vs_obj *o, const struct vs_view *w, bool *ret_yes);

/* ---- entries of an akey (vos_simple_ent.c) ---------------------------------------------- */

struct vs_ext *vs_ext_overlap(const struct vs_tree *t, uint64_t idx, uint64_t last,
			      const struct vs_ext *after);
int vs_ext_cmp(uint64_t idx, const struct vs_ver *ver, const struct vs_ext *e);
struct vs_ext *vs_ext_find(const struct vs_akey *a, uint64_t idx, const struct vs_ver *ver);
int vs_ext_add(struct vos *v, struct vs_akey *a, const struct vs_ext *tmpl);
void vs_ext_del(struct vos *v, struct vs_akey *a, struct vs_ext *e);
int vs_single_add(struct vos *v, struct vs_akey *a, const struct vs_single *tmpl);
void vs_single_del(struct vos *v, struct vs_akey *a, uint32_t idx);
/* First single above @ver, by binary search. */
uint32_t vs_single_above(const struct vs_akey *a, const struct vs_ver *ver);
int vs_plog_add(struct vos *v, struct vs_plog *p, const struct vs_punch *tmpl);
void vs_plog_del(struct vs_plog *p, uint32_t idx);
uint32_t vs_plog_above(const struct vs_plog *p, const struct vs_ver *ver);
/* Show @e in [idx, last] of an index where it is the newest. */
int vs_part_put(struct vos *v, struct vs_tree *index, struct vs_ext *e, uint64_t idx, uint64_t last,
		bool count);
void vs_parts_drop(struct vos *v, struct vs_tree *index, bool count);
int vs_index_ensure(struct vos *v, struct vs_akey *a);
struct vs_part *vs_part_at(const struct vs_tree *index, uint64_t idx);
struct vs_part *vs_part_below(const struct vs_tree *index, uint64_t last);

/* ---- changes (vos_simple_apply.c) ------------------------------------------------------- */

/* One akey of an update that is ready to apply. */
struct vs_put {
	struct bytes akey;
	enum vos_type type;
	uint64_t size;		/* 0: punch */
	uint32_t nr;
	const struct recx *recxs;
	const struct vos_csum *csums;	/* NULL, or nr (1 for a single value) */
	struct vs_val *val;	/* NULL: punch */
};

struct vs_change {
	struct oid oid;
	struct bytes dkey;	/* ptr NULL: the object */
	struct vs_ver ver;
	uint64_t flags;		/* VOS_REBUILD */
	struct vos_dtx dtx;
	bool has_dtx;
	uint32_t nr;		/* punches: 0 = the dkey or object */
	struct vs_put *puts;	/* of punches: names only */
};

int vs_apply_update(struct vs_cont *c, const struct vs_change *ch);
int vs_apply_punch(struct vs_cont *c, const struct vs_change *ch);
struct vs_dtx *vs_dtx_find(struct vs_cont *c, const struct vos_dtx_id *id);
int vs_dtx_make(struct vs_cont *c, const struct vos_dtx_id *id, struct vs_dtx **ret_dtx);
void vs_dtx_drop(struct vs_cont *c, struct vs_dtx *d);
void vs_apply_commit(struct vs_cont *c, struct vs_dtx *d, uint64_t seq);
int vs_apply_abort(struct vs_cont *c, const struct vos_dtx_id *id, uint64_t seq);
void vs_apply_forget(struct vs_cont *c, uint64_t hlc);
int vs_apply_snaps(struct vs_cont *c, uint32_t nr, const uint64_t *epochs);

/* ---- checks (vos_simple_check.c) -------------------------------------------------------- */

int vs_check_op(const struct vos_op *op, bool dkey);
int vs_check_iods(const struct vos_op *op, uint32_t nr, const struct vos_iod *iods);
/* Bytes of the content of @iod; -DER_INVAL: more than 2^64. */
int vs_iod_bytes(const struct vos_iod *iod, uint64_t *ret_bytes);
int vs_check_names(const struct vos_op *op, uint32_t nr, const struct bytes *akeys);
/* -DER_NO_PERM when extents of one iod overlap. */
int vs_check_overlaps(struct vos *v, uint32_t nr, const struct vos_iod *iods);
int vs_check_update(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		    const struct vos_iod *iods);
int vs_check_punch(struct vs_cont *c, const struct vos_op *op, uint32_t nr,
		   const struct bytes *akeys);
int vs_check_read(const struct vs_cont *c, uint64_t epoch);
struct vs_view vs_view_of(struct vs_cont *c, const struct vos_op *op);
bool vs_is_snap(const struct vs_cont *c, uint64_t epoch);
int vs_check_conds(struct vs_cont *c, struct vs_dkey *d, const struct vs_view *w,
		   const struct vos_op *op, uint32_t nr, const struct vos_iod *iods);

/* Read timestamps: depth of @names is how far down the node is. */
struct vs_path {
	struct oid oid;
	struct bytes dkey;	/* ptr NULL: the object */
	struct bytes akey;	/* ptr NULL and no has_akey: the dkey */
	bool has_akey;
};

int vs_ts_read(struct vs_cont *c, const struct vos_op *op, const struct vs_path *p);
void vs_ts_read_cont(struct vs_cont *c, const struct vos_op *op);
int vs_ts_write(struct vs_cont *c, const struct vos_op *op, const struct vs_path *p);

/* ---- log (vos_simple_log.c, vos_simple_rec.c, vos_simple_replay.c) ---------------------- */

enum vs_kind {
	VS_REC_UPDATE = 1,
	VS_REC_PUNCH,
	VS_REC_CREATE,
	VS_REC_DESTROY,
	VS_REC_SNAPS,
	VS_REC_AGGREGATE,
	VS_REC_DISCARD,
	VS_REC_COMMIT,
	VS_REC_ABORT,
	VS_REC_FORGET,
	VS_REC_KINDS
};

#define VS_REC_MAGIC 0x43455256u /* "VREC" */
#define VS_REC_FIRST 1u		 /* of its batch */

/* Head of a record; metadata and zeros up to a multiple of 8 follow, then the payload that is not
 * in the metadata, then zeros: up to a multiple of 8, after a payload up to the device's
 * alignment. */
struct vs_rec_head {
	uint32_t magic;
	uint32_t crc;		/* crc32c of the rest of the head and the metadata */
	uint64_t gen;
	uint64_t seq;
	uint64_t batch_no;
	uint64_t batch_bytes;	/* first of a batch: all of its records */
	uint64_t total_bytes;	/* of the record */
	uint64_t payload_bytes;
	uint64_t payload_fp;	/* its buf_fingerprint() */
	uint32_t life;
	uint32_t meta_bytes;
	uint16_t kind;
	uint16_t flags;
	uint32_t zero;
};

static_assert(sizeof(struct vs_rec_head) == 80, "on media");

#define VS_META_MAX (16u << 20) /* of one record: more is -DER_OVERFLOW */

#define VS_SB_MAGIC 0x31534f564c4d4547ULL /* "GEMLVOS1" */
#define VS_SB_VERSION 1u
#define VS_SB_BYTES 4096u

struct vs_sb {
	uint64_t magic;
	uint32_t version;
	uint32_t crc;		/* of all VS_SB_BYTES with this field 0 */
	struct uid id;
	uint64_t gen;
	uint64_t bytes;		/* of the region */
	uint64_t log_off;	/* in the region */
};

static_assert(sizeof(struct vs_sb) == 56, "on media");

static inline bool vs_has_log(const struct vos *v)
{
	return v->home.dev != NULL;
}

void vs_log_init(struct vos *v);
void vs_log_fini(struct vos *v);

/* Before a mutation, while nothing is decided yet: is there room in the batch? Blocks: yes. */
int vs_log_enter(struct vos *v);

/* Wait until record @seq is durable. Blocks: yes. */
int vs_log_wait(struct vos *v, uint64_t seq);

/* Bytes that records may still take, of updates or (@urgent) of what makes room or ends things. */
uint64_t vs_log_left(const struct vos *v, bool urgent);

/* Make a record: begin, the values of its metadata, end. The end appends the payloads of @nr values
 * (those not NULL) and gives the record its sequence number. Errors (of the end, which takes back
 * all): -DER_NOMEM, -DER_NOSPACE, -DER_OVERFLOW. vs_rec_undo() takes back the last record made,
 * as long as nothing parked since. */
void vs_rec_begin(struct vos *v);
void vs_rec_raw(struct vos *v, const void *ptr, size_t bytes);
void vs_rec_buf(struct vos *v, const struct buf *b);
int vs_rec_end(struct vos *v, enum vs_kind kind, uint32_t nr, struct vs_val *const *vals,
	       uint64_t *ret_seq);
void vs_rec_undo(struct vos *v);

static inline void vs_rec_u8(struct vos *v, uint8_t x)
{
	vs_rec_raw(v, &x, sizeof(x));
}

static inline void vs_rec_u16(struct vos *v, uint16_t x)
{
	vs_rec_raw(v, &x, sizeof(x));
}

static inline void vs_rec_u32(struct vos *v, uint32_t x)
{
	vs_rec_raw(v, &x, sizeof(x));
}

static inline void vs_rec_u64(struct vos *v, uint64_t x)
{
	vs_rec_raw(v, &x, sizeof(x));
}

static inline void vs_rec_bytes(struct vos *v, struct bytes b)
{
	vs_rec_u32(v, b.len);
	vs_rec_raw(v, b.ptr, b.len);
}

uint64_t vs_payload_fp(uint32_t nr, struct vs_val *const *vals, uint64_t *ret_bytes);

/* Records of one kind. Errors as vs_rec_end(). */
int vs_log_change(struct vs_cont *c, enum vs_kind kind, const struct vs_change *ch,
		  uint64_t *ret_seq);
int vs_log_uid(struct vos *v, enum vs_kind kind, const struct uid *uid, uint64_t *ret_seq);
int vs_log_snaps(struct vs_cont *c, uint32_t nr, const uint64_t *epochs, uint64_t *ret_seq);
int vs_log_ids(struct vs_cont *c, enum vs_kind kind, uint32_t nr, const struct vos_dtx_id *ids,
	       uint64_t *ret_seq);
int vs_log_forget(struct vs_cont *c, uint64_t hlc, uint64_t *ret_seq);

/* A step of aggregation or discard: what it did depends on nothing else. */
struct vs_sweep {
	bool has_oid;		/* discard: of this object only */
	struct oid oid;
	struct vos_range range;
	uint32_t credits;
	struct vos_anchor anchor;	/* where it began */
};

int vs_log_sweep(struct vs_cont *c, enum vs_kind kind, const struct vs_sweep *s, uint64_t *ret_seq);

/* Small values stand in the metadata of their record. */
bool vs_val_inline(const struct vos *v, const struct vs_val *val);

/* ---- sweeps (vos_simple_sweep.c) -------------------------------------------------------- */

int vs_apply_aggregate(struct vs_cont *c, const struct vs_sweep *s, uint64_t seq,
		       struct vos_anchor *ret_anchor);
int vs_apply_discard(struct vs_cont *c, const struct vs_sweep *s, uint64_t seq,
		     struct vos_anchor *ret_anchor);

/* ---- anchors (vos_simple_anchor.c) ------------------------------------------------------ */

#define VS_ANCHOR_KEY 64u

/* What is behind struct vos_anchor. */
struct vs_anchor {
	uint8_t state;		/* enum vos_anchor_state */
	uint8_t zero;
	uint16_t minor;
	uint32_t check;		/* of the iteration it belongs to */
	union {
		struct {	/* keys; sweeps */
			uint64_t order;
			struct oid oid;
			uint32_t key_len;
			uint32_t key_hash;	/* of a key that does not fit */
			uint8_t key[VS_ANCHOR_KEY];
		};
		struct {	/* entries */
			uint64_t idx;
			uint64_t epoch;
			uint64_t seq;
		};
		struct vos_dtx_id dtx;
	};
};

static_assert(sizeof(struct vs_anchor) == VOS_ANCHOR_BYTES, "the public size");

void vs_anchor_load(const struct vos_anchor *from, struct vs_anchor *ret_anchor);
void vs_anchor_save(const struct vs_anchor *from, struct vos_anchor *ret_anchor);
void vs_anchor_set_key(struct vs_anchor *a, const struct vs_key *k);
/* First key behind the anchor's (@rev: before it). */
struct vs_key *vs_anchor_seek(const struct vs_tree *t, const struct vs_anchor *a, bool rev);
struct vs_obj *vs_obj_beside(struct vs_cont *c, struct oid oid, bool rev, bool or_equal);

/* ---- replay (vos_simple_replay.c, vos_simple_decode.c) ---------------------------------- */

/* Fills a value from the payload of a record. */
typedef int (*vs_payload_fn)(void *arg, uint64_t off, const struct buf *dst);

struct vs_payload {
	vs_payload_fn read;
	void *arg;
	uint64_t bytes;
	uint64_t fp;
};

/* Decode the metadata of one record and apply it. Errors: -DER_CSUM (not a record that we wrote),
 * -DER_TRUNC (the payload is not what was written), -DER_NOMEM, what @pl->read gives. */
int vs_record_apply(struct vos *v, enum vs_kind kind, uint64_t seq, struct bytes meta,
		    const struct vs_payload *pl);

/* Verdict on one copy of a superblock: 0, -DER_UNINIT, -DER_NOTYPE, -DER_DF_INVAL,
 * -DER_DF_INCOMPT. */
int vs_sb_parse(const uint8_t *mem, struct vs_sb *ret_sb);
int vs_sb_load(struct rt *rt, const struct vos_home *home, struct vs_sb *ret_sb);
int vs_replay(struct vos *v);

#endif

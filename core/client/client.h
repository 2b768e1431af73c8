/**
 * client: pools, containers and objects as a program sees them, over RPC. The blocking functions here
 * run on a ULT of a client stream and are what the public API, libdfs and the tools are made of; the
 * public functions (api_*.c) only turn handles into these objects and calls into tasks.
 *
 * Types of the public headers are used where they are the natural ones (iods, sgls, anchors).
 */
#ifndef GEMEL_CLIENT_CLIENT_H
#define GEMEL_CLIENT_CLIENT_H

#include "core/client/process.h"
#include "core/place/place.h"
#include "daos_array.h"
#include "daos_cont.h"
#include "daos_obj.h"
#include "daos_pool.h"
#include "daos_prop.h"

/** One client stream. The host owns its memory and its driving. */
struct cl_stream {
	struct process *proc;
	struct rt *rt;
	struct rpc *rpc;
	struct hlc hlc;
	struct rpc_retry retry;	/**< of all its calls */
	struct rt_waitq events;	/**< woken when an event of this stream completes */
	void *host;		/**< the host's */
};

/** Make the RPC side of a stream whose rt is bound. Errors: -DER_NOMEM. Blocks: no. */
int cl_stream_init(struct cl_stream *s, struct process *p, struct rt *rt);

/** Cancel what is in flight. On a ULT of @s. Blocks: yes. */
void cl_stream_stop(struct cl_stream *s);

/** After stop. Blocks: no. */
void cl_stream_fini(struct cl_stream *s);

/* ---- pools ---------------------------------------------------------------------------------- */

/** A version of the map, as this process holds it; its content is shared with the world's others. */
struct cl_map {
	uint32_t refs;			/* under the lock */
	const struct pmap *pmap;
};

struct cl_pool {
	struct cl_ref ref;
	struct uid uid;
	struct uid handle;
	uint32_t flags;			/**< DAOS_PC_* */
	bool shared;			/**< another process's (global2local, fork): closing it
					     closes nothing remote */
	char label[DAOS_PROP_LABEL_MAX_LEN + 1];
	struct cl_map *map;		/* under the lock; newest known */
	bool refreshing;		/* under the lock; a newer map is being fetched */
	uint64_t asked_ns;		/* under the lock; when it was last asked for for a lost shard */
};

/** @pool: label or UUID. One reference to the caller. Blocks: yes. */
int cl_pool_connect(struct cl_stream *s, const char *pool, uint32_t flags,
		    struct cl_pool **ret_pool);
int cl_pool_disconnect(struct cl_stream *s, struct cl_pool *pool);	/**< Blocks: yes. */

/** @info may be NULL; its pi_bits say what to ask for. Blocks: yes. */
int cl_pool_query(struct cl_stream *s, struct cl_pool *pool, daos_pool_info_t *info,
		  daos_prop_t *prop);

/** The newest map known, counted: cl_map_put(). Never NULL once connected. Blocks: no. */
struct cl_map *cl_map_get(struct process *p, struct cl_pool *pool);
void cl_map_put(struct process *p, struct cl_map *map);

/** See to a map newer than @have. Errors: -DER_AGAIN (there is none). Blocks: yes. */
int cl_map_refresh(struct cl_stream *s, struct cl_pool *pool, uint32_t have);

/** Set the state (enum pmap_state) of targets @idxs of @rank, none: of all its targets, and fetch the new
 * map. For tests, until the administration's commands do it. Blocks: yes. */
int cl_pool_set_targets(struct cl_stream *s, struct cl_pool *pool, uint32_t rank, uint32_t nr,
			const uint32_t *idxs, uint32_t state);

/* ---- containers ----------------------------------------------------------------------------- */

struct cl_cont {
	struct cl_ref ref;
	struct cl_pool *pool;		/**< counted */
	struct uid uid;
	struct uid handle;
	uint32_t flags;			/**< DAOS_COO_* */
	bool shared;
	char label[DAOS_PROP_LABEL_MAX_LEN + 1];
	uint32_t redun_fac;
	uint64_t oid_next;		/* under the lock: ids of the last block not yet given out */
	uint64_t oid_left;
};

/** @uid is in and out: all zero lets one be chosen. @label, @prop may be NULL. Blocks: yes. */
int cl_cont_create(struct cl_stream *s, struct cl_pool *pool, const char *label, daos_prop_t *prop,
		   struct uid *uid);
int cl_cont_open(struct cl_stream *s, struct cl_pool *pool, const char *cont, uint32_t flags,
		 daos_cont_info_t *info, struct cl_cont **ret_cont);
int cl_cont_close(struct cl_stream *s, struct cl_cont *cont);
int cl_cont_destroy(struct cl_stream *s, struct cl_pool *pool, const char *cont, bool force);

/** @info, @prop may be NULL; entries of @prop with no type asked for: all are filled. */
int cl_cont_query(struct cl_stream *s, struct cl_cont *cont, daos_cont_info_t *info,
		  daos_prop_t *prop);
int cl_cont_set_prop(struct cl_stream *s, struct cl_cont *cont, const daos_prop_t *prop);

/** @nr consecutive ids, unique in the container, for the caller's part of object ids. */
int cl_cont_alloc_oids(struct cl_stream *s, struct cl_cont *cont, uint64_t nr, uint64_t *ret_first);

/* ---- objects -------------------------------------------------------------------------------- */

struct cl_obj {
	struct cl_ref ref;
	struct cl_cont *cont;		/**< counted */
	struct oid oid;
	struct place_attr attr;
	uint32_t mode;			/**< DAOS_OO_* */
};

/**
 * Fill in the library's half of @oid; @cid 0 (OC_UNKNOWN) chooses by @hints, type and redundancy factor.
 * Errors: -DER_INVAL, -DER_NOTSUPPORTED. Blocks: no.
 */
int cl_oid_generate(struct process *p, struct cl_cont *cont, daos_obj_id_t *oid,
		    enum daos_otype_t type, daos_oclass_id_t cid, daos_oclass_hints_t hints);

/** One reference to the caller. Nothing is sent. Errors: -DER_INVAL, -DER_NO_PERM. Blocks: no. */
int cl_obj_open(struct process *p, struct cl_cont *cont, struct oid oid, uint32_t mode,
		struct cl_obj **ret_obj);

static inline struct oid cl_oid(daos_obj_id_t oid)
{
	return (struct oid){ .lo = oid.lo, .hi = oid.hi };
}

/** Meanings as daos_obj_update() and daos_obj_fetch(). @epoch: DAOS_EPOCH_MAX is the latest. */
int cl_update(struct cl_stream *s, struct cl_obj *o, uint64_t flags, const daos_key_t *dkey,
	      uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls);
int cl_fetch(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, uint64_t flags,
	     const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls,
	     daos_iom_t *ioms);

/**
 * Updates and fetches of which many run at once from one ULT: start each (all memory given lives until
 * cl_rw_end()), wait for all, then end each. Blocks: start may, to find room in the peer's queue.
 */
struct cl_rw;
int cl_update_start(struct cl_stream *s, struct rpc_group *g, struct cl_obj *o, uint64_t flags,
		    const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls,
		    struct cl_rw **ret_rw);
int cl_fetch_start(struct cl_stream *s, struct rpc_group *g, struct cl_obj *o, uint64_t epoch,
		   uint64_t flags, const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods,
		   d_sg_list_t *sgls, daos_iom_t *ioms, struct cl_rw **ret_rw);

/** After the group's wait: the result of one; retries with a newer map if that can help. NULL is
 * accepted (0). Frees @rw. Blocks: yes. */
int cl_rw_end(struct cl_stream *s, struct cl_rw *rw);

int cl_punch_obj(struct cl_stream *s, struct cl_obj *o, uint64_t flags);
int cl_punch_dkeys(struct cl_stream *s, struct cl_obj *o, uint64_t flags, uint32_t nr,
		   const daos_key_t *dkeys);
int cl_punch_akeys(struct cl_stream *s, struct cl_obj *o, uint64_t flags, const daos_key_t *dkey,
		   uint32_t nr, const daos_key_t *akeys);

/** Meanings as daos_obj_list_dkey() and _akey() (@dkey NULL: dkeys). */
int cl_list_keys(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, const daos_key_t *dkey,
		 uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor);

/** Meanings as daos_obj_list_recx(). */
int cl_list_recxs(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, const daos_key_t *dkey,
		  const daos_key_t *akey, daos_size_t *size, daos_iod_type_t type, uint32_t *nr,
		  daos_recx_t *recxs, daos_epoch_range_t *eprs, daos_anchor_t *anchor,
		  bool incr_order);

/** Meanings as daos_obj_query_key(); integer dkeys and akeys are read and written through the keys. */
int cl_query_key(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, uint64_t flags,
		 daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx, uint64_t *ret_rec_bytes);

/** The same, with the epoch of the newest change of the object on the shards asked; may be NULL. */
int cl_query_key_epoch(struct cl_stream *s, struct cl_obj *o, uint64_t epoch, uint64_t flags,
		       daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx,
		       uint64_t *ret_rec_bytes, uint64_t *ret_epoch);

/** Epoch of the newest change of the object, 0 if there was none. */
int cl_obj_epoch_max(struct cl_stream *s, struct cl_obj *o, uint64_t *ret_epoch);

/* ---- arrays --------------------------------------------------------------------------------- */

/** A one-dimensional array of cells over an object: dkey = chunk number + 1, one akey. */
struct cl_array {
	struct cl_ref ref;
	struct cl_obj *obj;		/**< counted */
	uint64_t cell_bytes;
	uint64_t chunk_cells;
};

/** One reference to the caller, who may give up his of @o. Errors: -DER_INVAL (sizes, dkeys that are no
 * integers), -DER_NOMEM. Blocks: no. */
int cl_array_open(struct process *p, struct cl_obj *o, uint64_t cell_bytes, uint64_t chunk_cells,
		  struct cl_array **ret_array);

/** Ranges are in cells; sgl holds the bytes of all of them in order. */
int cl_array_write(struct cl_stream *s, struct cl_array *a, uint32_t nr, const daos_range_t *ranges,
		   d_sg_list_t *sgl);

enum cl_array_flags {
	CL_ARRAY_ZERO_HOLES = 1,	/**< reads: holes and what lies past the end become zeros */
};

/** Holes and what lies past the end leave the bytes as they are, unless ZERO_HOLES. @ret_short: how many
 * of the cells asked for lie at or behind the array's end; may be NULL, which spares a query. */
int cl_array_read(struct cl_stream *s, struct cl_array *a, uint32_t nr, const daos_range_t *ranges,
		  d_sg_list_t *sgl, uint32_t flags, uint64_t *ret_short);
int cl_array_size(struct cl_stream *s, struct cl_array *a, uint64_t *ret_cells);

/** The size with the epoch of the newest change, for the price of the size. */
int cl_array_stat(struct cl_stream *s, struct cl_array *a, uint64_t *ret_cells,
		  uint64_t *ret_epoch);
int cl_array_set_size(struct cl_stream *s, struct cl_array *a, uint64_t cells);
int cl_array_punch(struct cl_stream *s, struct cl_array *a, uint32_t nr,
		   const daos_range_t *ranges);

/* ---- calls, with and without an event ------------------------------------------------------- */

/**
 * How a public function runs: @fn on the stream of @ev's queue, or at once when @ev is NULL. @args is
 * copied (@bytes, at most CL_ARGS_MAX). Returns @fn's result, or 0 with the result in the event.
 */
#define CL_ARGS_MAX 192u
typedef int (*cl_fn)(struct cl_stream *s, void *args);
int cl_call(cl_fn fn, const void *args, size_t bytes, daos_event_t *ev);

/* ---- small things --------------------------------------------------------------------------- */

/** Parse a UUID; false if @str is none. */
bool cl_uid_parse(const char *str, struct uid *ret_uid);

/** A random version-4 UUID. */
struct uid cl_uid_make(struct rt *rt);

#endif

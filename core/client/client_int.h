/** Internals that the files of core/client share. */
#ifndef GEMEL_CLIENT_CLIENT_INT_H
#define GEMEL_CLIENT_CLIENT_INT_H

#include "core/client/client.h"
#include "gurt/common.h"

/** One call to the pool service's rank, blocking; @rep may be NULL. */
struct sys_call {
	struct rpc_call call;
};

/** Start from zero; fills the address and calls. rpc_call_fini() with the call. Blocks: yes. */
int cl_sys_call(struct cl_stream *s, struct sys_call *c, uint16_t op, const void *req, void *rep);

/** Objects with one reference, to be filled; NULL: no memory. */
struct cl_pool *cl_pool_make(struct process *p);
struct cl_cont *cl_cont_make(struct process *p, struct cl_pool *pool);

/** Copy a wire string to a C string of @cap bytes, cut to fit. */
void cl_str_copy(char *dst, size_t cap, struct bytes src);

/** Properties of the public API to wire form, in memory of @s (rt_free). Errors: -DER_INVAL (label not
 * valid, unknown type), -DER_NOMEM. */
int cl_props_to_wire(struct cl_stream *s, const daos_prop_t *prop, struct wire_prop **ret_v,
		     uint32_t *ret_nr);

/** Answer a query: entries of @prop that name a type get its value; @prop with 0 entries: all.
 * Strings are duplicated for daos_prop_free(). Errors: -DER_NOMEM. */
int cl_props_from_wire(const struct wire_prop *v, uint32_t nr, daos_prop_t *prop);

/** Value of the number property @type, or @dflt. */
uint64_t cl_props_val(const struct wire_prop *v, uint32_t nr, uint32_t type, uint64_t dflt);

/** Where shard @shard lives, by the newest map, and that map's version. Errors: -DER_DATA_LOSS.
 * Blocks: yes. */
int cl_shard_ep(struct cl_stream *s, struct cl_obj *o, uint32_t shard, struct rpc_ep *ret_ep,
		uint32_t *ret_version);

/** The shard that a dkey's operations go to. */
uint32_t cl_dkey_shard(const struct cl_obj *o, const daos_key_t *dkey);

/**
 * @call to @shard failed with *@rc: is it to be sent again, placed by a newer map that was fetched
 * meanwhile? False leaves the result in *@rc: another one when the map says that the shard is lost.
 * @tries counts, from 0.  Blocks: yes.
 */
bool cl_map_retry(struct cl_stream *s, struct cl_obj *o, uint32_t shard,
		  const struct rpc_call *call, uint32_t *tries, int *rc);

/** Send @call, whose request names @shard, to where that lives, and wait; with a newer map where that
 * helps. Returns its result. rpc_call_fini() with the call.  Blocks: yes. */
int cl_shard_call(struct cl_stream *s, struct cl_obj *o, uint32_t shard, struct rpc_call *call);

/** Fill the holes of a fetch with zeros; to be called between its start and its end. */
void cl_rw_zero_holes(struct cl_rw *rw);

/** The two halves of cl_rw_end(), for those who look between them. */
int cl_rw_finish(struct cl_stream *s, struct cl_rw *rw);
void cl_rw_free(struct cl_stream *s, struct cl_rw *rw);

/** After cl_rw_finish(): some record asked for was not there. */
bool cl_rw_missed(const struct cl_rw *rw);

/** Run @fn on @s and return its result. From a ULT of @s it is a plain call. */
int cl_run(struct process *p, struct cl_stream *s, cl_fn fn, void *args);

/** Put @ev in flight on the stream it belongs to. Errors: -DER_INVAL (not initialised), -DER_NO_PERM (in
 * flight, or a parent), -DER_NONEXIST (its queue is gone). */
int ev_launch(struct process *p, daos_event_t *ev, struct cl_stream **ret_stream);

/** On a ULT of the event's stream: it is done. @ev is the program's after this. */
void ev_complete(struct cl_stream *s, daos_event_t *ev, int rc);

#endif

/** Internals that the files of core/client share. */
#ifndef GEMEL_CLIENT_CLIENT_INT_H
#define GEMEL_CLIENT_CLIENT_INT_H

#include "core/client/client.h"

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

#endif

/**
 * Internals of core/cont: cont_rec.c turns a container to bytes and back, cont_svc.c serves.
 */
#ifndef GEMEL_CONT_CONT_INT_H
#define GEMEL_CONT_CONT_INT_H

#include "core/cont/cont_svc.h"
#include "daos_cont.h"
#include "daos_prop.h"

/** A property; str is the container's own memory, NULL for numbers. */
struct cont_prop {
	uint32_t type;
	uint32_t len;
	uint64_t val;
	char *str;
};

struct cont {
	struct list link;
	struct uid uid;
	uint64_t oid_next;	/**< first object id not yet given out */
	uint64_t otime;		/**< hybrid clock of the last open */
	uint64_t mtime;
	uint32_t handle_count;
	uint32_t prop_nr;
	uint32_t users;		/**< requests that wait for the store and come back to it */
	bool closed;		/**< being created or destroyed: not to be opened */
	struct cont_prop props[WIRE_PROPS_MAX];
};

struct cont_hdl {
	struct list link;
	struct uid uid;
	struct cont *cont;
	uint64_t flags;		/**< DAOS_COO_* */
};

struct cont_svc {
	struct rt *rt;
	struct pool_svc *pool;
	struct list conts;
	struct list handles;
	struct rt_waitq idle;	/**< woken when a container loses its last user */
};

/** Set or replace; strings are copied. Errors: -DER_NOMEM, -DER_NOSPACE (too many). */
int cont_prop_set(struct rt *rt, struct cont *c, const struct wire_prop *w);
const struct cont_prop *cont_prop_find(const struct cont *c, uint32_t type);
void cont_free(struct rt *rt, struct cont *c);

/** Make @c durable. Blocks: yes. */
int cont_rec_put(struct cont_svc *svc, const struct cont *c);
int cont_rec_del(struct cont_svc *svc, const struct cont *c);

/** All properties for a reply, in @req's memory. Errors: -DER_NOMEM. */
int cont_props_reply(struct rpc_req *req, const struct cont *c, const struct wire_prop **ret_v,
		     uint32_t *ret_nr);

/** A container from its record. Errors: -DER_DF_INVAL, -DER_NOMEM. */
int cont_rec_load(struct rt *rt, struct bytes key, struct bytes value, struct cont **ret_cont);

#endif

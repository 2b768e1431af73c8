/**
 * object: the service of one target: updates, fetches, punches, listings and queries from clients, each
 * turned into calls on the target's store.
 *
 * The server picks the epoch of a write that names none, from the target's hybrid clock; a write that
 * the store refuses for its epoch is tried again at a later one.
 *
 * Containers: a target meets a container with the first request for it. If its store does not have it
 * yet, the pool service is asked once whether it exists. So creating a container touches no target.
 */
#ifndef GEMEL_OBJECT_OBJ_SVC_H
#define GEMEL_OBJECT_OBJ_SVC_H

#include "core/rpc/rpc.h"
#include "core/vos/vos.h"

struct obj_svc;

struct obj_svc_opts {
	struct vos *vos;		/**< open; stays the caller's */
	struct uid pool;
	struct hlc *hlc;		/**< the target's; also given to its rpc */
	uint32_t leader_rank;		/**< where the pool service is: tag 0 of that rank */
	/** As struct rpc_opts.resolve, of which obj_svc_resolve() is the one to give. */
	int (*resolve)(void *arg, struct rpc_ep ep, char *ret_uri);
	void *arg;
};

/** Handlers of a target's rpc, which must be created with the service as its arg. */
extern const struct rpc_handler obj_handlers[];
extern const uint32_t obj_handlers_nr;

/** Errors: -DER_NOMEM.  Blocks: no. */
int obj_svc_create(struct rt *rt, const struct obj_svc_opts *opts, struct obj_svc **ret_svc);

/** After rpc_create(): the rpc through which the service asks others; asks for the map's version
 * at once. Errors: -DER_NOMEM.  Blocks: no. */
int obj_svc_start(struct obj_svc *svc, struct rpc *rpc);

/** For struct rpc_opts: asks opts.resolve. */
int obj_svc_resolve(void *svc, struct rpc_ep ep, char *ret_uri);

/** After rpc_stop(): ends background work and closes containers. Blocks: yes. NULL is accepted. */
void obj_svc_destroy(struct obj_svc *svc);

#endif

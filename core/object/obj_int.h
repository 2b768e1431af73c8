/**
 * Internals of core/object: the service, its containers, and what its handlers share.
 *
 *	obj_svc.c	the service, containers, space, destruction
 *	obj_rw.c	update, fetch, punch
 *	obj_enum.c	listings and key queries
 */
#ifndef GEMEL_OBJECT_OBJ_INT_H
#define GEMEL_OBJECT_OBJ_INT_H

#include "core/object/obj_svc.h"

struct obj_cont {
	struct list link;
	struct uid uid;
	struct vos_cont *vc;
	uint32_t users;		/* requests that work on it */
	bool opening;		/* its first request is asking whether it exists */
	bool dying;		/* being destroyed: no new users */
};

struct obj_svc {
	struct rt *rt;
	struct rpc *rpc;
	struct vos *vos;
	struct uid pool;
	struct hlc *hlc;
	uint32_t leader_rank;
	uint32_t map_version;
	int (*resolve)(void *arg, struct rpc_ep ep, char *ret_uri);
	void *arg;
	struct list conts;
	struct rt_waitq idle;	/* woken when a container changes: opened, gone, without users */
	bool gc_running;
	bool asking;		/* for the map's version */
	bool stopping;
};

/**
 * Begin a client's request: the service, and the container for it, obj_cont_put(). A request that was
 * placed by an older map than this target has heard of is refused, so that its sender looks again
 * where the shard lives.
 * Errors: -DER_STALE, -DER_NONEXIST (pool or container), those of asking the pool service. Blocks: yes.
 */
int obj_begin(struct rpc_req *req, const struct uid *pool, const struct uid *cont,
	      struct obj_svc **ret_svc, struct obj_cont **ret_cont);
void obj_cont_put(struct obj_svc *svc, struct obj_cont *cont);

/** The service of a request; notes the map version for its reply. */
static inline struct obj_svc *obj_svc_of(struct rpc_req *req)
{
	struct obj_svc *svc = rpc_arg(req->rpc);

	req->rep_map_version = svc->map_version;
	return svc;
}

/** The epoch of a write that names none. */
static inline uint64_t obj_epoch(struct obj_svc *svc, uint64_t asked)
{
	return asked != 0 ? asked : hlc_now(svc->hlc, rt_wall_ns(svc->rt));
}

/** How often a write whose epoch the server picks is tried before the client hears -DER_TX_RESTART. */
#define OBJ_EPOCH_TRIES 8u

/** Payload of one update: what a message claims is reserved before it is pulled. */
#define OBJ_UPDATE_BYTES_MAX (4ull << 30)

int obj_update_handler(struct rpc_req *req);
int obj_fetch_handler(struct rpc_req *req);
int obj_punch_handler(struct rpc_req *req);
int obj_enum_handler(struct rpc_req *req);
int obj_query_key_handler(struct rpc_req *req);
int obj_sync_handler(struct rpc_req *req);
int tgt_map_handler(struct rpc_req *req);
int tgt_space_handler(struct rpc_req *req);
int tgt_cont_destroy_handler(struct rpc_req *req);

#endif

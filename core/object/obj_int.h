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
	struct rt_waitq idle;	/* woken when a container loses its last user */
	bool gc_running;
	bool stopping;
};

/** A container for one request: obj_cont_put(). Errors: -DER_NONEXIST (pool or container), and those
 * of asking the pool service.  Blocks: yes. */
int obj_cont_get(struct obj_svc *svc, const struct uid *pool, const struct uid *cont,
		 struct obj_cont **ret_cont);
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

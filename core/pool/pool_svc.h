/**
 * pool: the service of a pool on the system stream of the lowest rank: the versioned pool map, handles,
 * space. It answers the RPCs that the replicated pool service will keep; until that exists there is
 * one copy of its state, in a small store of its own (pool_meta), and its loss is the pool's loss.
 */
#ifndef GEMEL_POOL_POOL_SVC_H
#define GEMEL_POOL_POOL_SVC_H

#include "core/pmap/pmap.h"
#include "core/rpc/rpc.h"
#include "core/vos/vos.h"

#define POOL_LABEL_MAX 127u

struct pool_svc;
struct cont_svc;

/* ---- durable tables ------------------------------------------------------------------------- */

/** Tables of key and value in the service's own store. A put is durable when it returns 0. */
struct pool_meta;

enum pool_table {
	POOL_T_POOL = 1,	/**< one entry: the pool itself */
	POOL_T_HANDLE,		/**< pool handles: uid -> flags */
	POOL_T_CONT,		/**< containers: uid -> record */
	POOL_T_CONT_HANDLE,	/**< container handles: uid -> container, flags */
};

/** @hlc: clock of the stream. Makes the store's container when it is missing. Blocks: yes. */
int pool_meta_open(struct rt *rt, struct vos *vos, struct hlc *hlc, struct pool_meta **ret_meta);
void pool_meta_close(struct pool_meta *m);

/** Errors: those of vos_update().  Blocks: yes. */
int pool_meta_put(struct pool_meta *m, enum pool_table table, struct bytes key, struct bytes value);
/** Removing what is not there is no error.  Blocks: yes. */
int pool_meta_del(struct pool_meta *m, enum pool_table table, struct bytes key);

/** Called for each entry; not 0 ends the walk and is returned. */
typedef int (*pool_meta_fn)(void *arg, struct bytes key, struct bytes value);
int pool_meta_walk(struct pool_meta *m, enum pool_table table, pool_meta_fn fn, void *arg);

/* ---- the service ---------------------------------------------------------------------------- */

struct pool_svc_opts {
	struct pool_meta *meta;
	struct hlc *hlc;
	uint32_t rank;			/**< this one */
	/** As struct rpc_opts.resolve, of which pool_svc_resolve() is the one to give. */
	int (*resolve)(void *arg, struct rpc_ep ep, char *ret_uri);
	void *arg;
};

/** Write a new pool's record; @map has version 1. Errors: -DER_EXIST.  Blocks: yes. */
int pool_svc_format(struct rt *rt, struct pool_meta *meta, const char *label,
		    const struct pmap *map);

/** Load. Errors: -DER_NONEXIST (no pool was made), -DER_DF_INVAL (record damaged). Blocks: yes. */
int pool_svc_open(struct rt *rt, const struct pool_svc_opts *opts, struct pool_svc **ret_svc);

/** After rpc_stop(): ends work that is no request. NULL is accepted.  Blocks: yes. */
void pool_svc_stop(struct pool_svc *svc);

/** Frees the memory. NULL is accepted.  Blocks: no. */
void pool_svc_close(struct pool_svc *svc);

/** The rpc of the stream, created with the service as its arg. */
void pool_svc_set_rpc(struct pool_svc *svc, struct rpc *rpc);

/** For struct rpc_opts: asks opts.resolve. */
int pool_svc_resolve(void *svc, struct rpc_ep ep, char *ret_uri);

/** Handlers of the system stream's rpc; those of core/cont are further ones. */
extern const struct rpc_handler pool_handlers[];
extern const uint32_t pool_handlers_nr;

/* ---- for core/cont -------------------------------------------------------------------------- */

struct rt *pool_svc_rt(struct pool_svc *svc);
struct rpc *pool_svc_rpc(struct pool_svc *svc);
struct pool_meta *pool_svc_meta(struct pool_svc *svc);
struct hlc *pool_svc_hlc(struct pool_svc *svc);
const struct uid *pool_svc_uid(struct pool_svc *svc);
const struct pmap *pool_svc_map(struct pool_svc *svc);
struct cont_svc *pool_svc_cont(struct pool_svc *svc);
void pool_svc_set_cont(struct pool_svc *svc, struct cont_svc *cont);

/** The pool service of a request; notes the map version for its reply. */
struct pool_svc *pool_svc_of(struct rpc_req *req);

/**
 * One call to every target in service, with the same request, @width at a time. @each may be NULL; it
 * sees each answer. Returns the first failure; all targets are called all the same.  Blocks: yes.
 */
typedef void (*pool_each_fn)(void *arg, uint32_t target, int rc, const void *rep);
int pool_svc_call_targets(struct pool_svc *svc, uint16_t op, const void *req, size_t rep_bytes,
			  pool_each_fn each, void *arg);

/** True when @handle is a handle of the pool. @ret_flags (DAOS_PC_*) may be NULL. */
bool pool_svc_handle(struct pool_svc *svc, const struct uid *handle, uint64_t *ret_flags);

/** Text of a uid, 36 characters and a NUL. */
void pool_uid_print(const struct uid *uid, char *dst);

#endif

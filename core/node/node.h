/**
 * node: what makes a stream a part of an engine: the system stream of a rank, and its targets. Every world
 * starts an engine through these calls, each on a ULT of the stream concerned.
 *
 * So far a system has one pool, made when the engines are formatted: its service and its map live on the
 * system stream of the lowest rank, which has a small store for them; the other ranks' system streams
 * answer PING. The pool's identity follows from the names of system and pool, so that all targets
 * agree on it without talking.
 */
#ifndef GEMEL_NODE_NODE_H
#define GEMEL_NODE_NODE_H

#include "core/cont/cont_svc.h"
#include "core/object/obj_svc.h"

struct node_sys;
struct node_tgt;

/** What all streams of an engine are told. Outlives them. */
struct node_opts {
	const char *system;		/**< name of the system */
	const char *pool;		/**< label of the pool */
	uint32_t rank;
	uint32_t leader_rank;		/**< the lowest rank of the system */
	const struct rpc_limits *limits;	/**< NULL: defaults */
	/** As struct rpc_opts.resolve. */
	int (*resolve)(void *arg, struct rpc_ep ep, char *ret_uri);
	void *arg;
};

/** Identity of pool @pool of system @system. */
struct uid node_pool_uid(const char *system, const char *pool);

/** Make an empty store for target @idx on @dev. @flags: enum vos_format_flags. Errors: those of
 * vos_format().  Blocks: yes. */
int node_tgt_format(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev, uint32_t idx,
		    uint32_t flags);

/**
 * Open the store on @dev (NULL: in memory, empty) and serve. @opts and @dev stay the caller's.
 * Errors: those of vos_open(), -DER_NOMEM.  Blocks: yes.
 */
int node_tgt_start(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev, uint32_t idx,
		   struct node_tgt **ret_tgt);

/** Stop serving, make all durable, release. NULL is accepted.  Blocks: yes. */
void node_tgt_stop(struct node_tgt *tgt);

struct rpc *node_tgt_rpc(struct node_tgt *tgt);
struct vos *node_tgt_vos(struct node_tgt *tgt);

/** Ranks of the system, for the first map. */
struct node_ranks {
	uint32_t nr;
	const uint32_t *ranks;		/**< ascending */
	const uint32_t *target_counts;
};

/** On the leader: make the store of the pool service and, in it, the pool. Blocks: yes. */
int node_sys_format(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev,
		    const struct node_ranks *ranks, uint32_t flags);

/**
 * Serve on a system stream; @dev is the leader's store (NULL: in memory), NULL elsewhere. With
 * @make not NULL a pool that is not there yet is made (a store in memory always begins empty).
 * Errors: those of vos_open(), -DER_NONEXIST (no pool was formatted), -DER_DF_INVAL.  Blocks: yes.
 */
int node_sys_start(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev,
		   const struct node_ranks *make, struct node_sys **ret_sys);
void node_sys_stop(struct node_sys *sys);

struct rpc *node_sys_rpc(struct node_sys *sys);

#endif

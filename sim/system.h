/**
 * system: storage engines on the storage nodes of a simulated world, wired from core/node as real
 * ones are. Rank r is engine r % engines_per_node of node r / engines_per_node; each engine has a
 * system stream and its targets, and a drive's space is shared evenly by the targets that live on
 * it.
 */
#ifndef GEMEL_SIM_SYSTEM_H
#define GEMEL_SIM_SYSTEM_H

#include "core/node/node.h"
#include "sim/sim.h"

struct sim_system;

#define SIM_SYSTEM_NAME "gemel"
#define SIM_POOL "pool"

struct sim_system_opts {
	const char *pool;	/**< label of the pool; NULL: SIM_POOL */
	uint32_t targets;	/**< per engine; 0: the profile's */
	bool memory;		/**< stores in memory, without drives: nothing survives a crash */
	const struct rpc_limits *limits;	/**< NULL: defaults */
};

/** Blocks: no. Nothing runs yet. Errors: -DER_NOMEM, -DER_INVAL. */
int sim_system_create(struct sim *sim, const struct sim_system_opts *opts,
		      struct sim_system **ret_system);

/**
 * Format and start every engine, and let time pass until all of them serve. Not from inside a
 * stream. Errors: those of node_tgt_format() and node_tgt_start(), told in @err.
 */
int sim_system_start(struct sim_system *s, char *err, size_t err_cap);

/** Stop every engine that runs, in order, and let time pass until all have stopped. */
void sim_system_stop(struct sim_system *s);

/** After the world: only memory. NULL is accepted. */
void sim_system_destroy(struct sim_system *s);

/** A node comes back: open what its drives hold and serve. For sim_node_restart() and
 * sim_fault_crash(); @arg is the system. A failure is logged and the stream stays away. */
void sim_system_boot(struct sim *sim, uint32_t node_idx, void *arg);

/** URI of a stream of the system. Errors: -DER_NONEXIST. */
int sim_system_resolve(void *system, struct rpc_ep ep, char *ret_uri);

uint32_t sim_system_ranks(const struct sim_system *s);
uint32_t sim_system_targets(const struct sim_system *s);	/**< of one engine */

#endif

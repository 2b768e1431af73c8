/**
 * process: what a simulated program is to the public API: the third supplier of host_self(), beside
 * real processes and embedded ones. A process has a stream of its own, on which its program runs as
 * a ULT and from which it makes its calls; each event queue has one more.
 *
 * Memory comes from the node's arena, so a process ends with its node.
 */
#ifndef GEMEL_SIM_PROCESS_H
#define GEMEL_SIM_PROCESS_H

#include "core/client/client.h"
#include "sim/system.h"

/** Stack of a program's ULT: programs print. Only what they touch is resident. */
#define SIM_PROGRAM_STACK_BYTES 65536u

struct sim_proc;

struct sim_proc_opts {
	uint32_t node_idx;
	uint32_t tag;		/**< of its main stream */
	uint32_t nic_idx;
	struct sim_system *system;	/**< what daos_init() attaches to */
	/** NAME=VALUE, ends with NULL; static or outlives the process. May be NULL. */
	const char *const *env;
	/** As struct host_ops.phantom; NULL: all memory is real. */
	bool (*phantom)(void *arg, void *ptr, uint64_t bytes, uint32_t access,
			struct bseg *ret_seg);
	void *arg;
};

/** Owned by the node: gone when it crashes. Errors: as sim_stream_create(). */
int sim_proc_create(struct sim *sim, const struct sim_proc_opts *opts, struct sim_proc **ret_proc);

/** The program has returned and called daos_fini() as often as daos_init(). Not from inside it. */
void sim_proc_destroy(struct sim_proc *p);

struct sim_stream *sim_proc_stream(struct sim_proc *p);

/** Run @fn(@arg) as the process's program. Errors: -DER_NOMEM. */
int sim_proc_start(struct sim_proc *p, void (*fn)(void *arg), void *arg);

#endif

/**
 * Start the ranks of a workload on this machine: threads of this process, forked processes, or what
 * mpirun has started already.
 *
 * A rank that dies stops all others within WL_GRACE_S seconds, and what happened is said on
 * standard error. Ctrl-C sets wl_stopped() on all ranks, which then end by themselves; a second
 * one kills. SIGTERM is a Ctrl-C with the same grace.
 */
#ifndef GEMEL_WORKLOADS_COMMON_WL_LAUNCH_H
#define GEMEL_WORKLOADS_COMMON_WL_LAUNCH_H

#include "workloads/common/wl_env.h"

/** What a rank that does not stop by itself is given before it is killed. */
#define WL_GRACE_S 5u
/** Exit code after Ctrl-C. */
#define WL_EXIT_INTERRUPTED 130

enum wl_kind { WL_THREADS = 0, WL_PROCESSES };

struct wl_job {
	const char *name;	/**< of the program, begins its complaints */
	int (*main)(struct wl_env *env, int argc, char **argv);
	int argc;
	char **argv;
	uint32_t size;		/**< ranks; 0: 1, or all that mpirun started */
	enum wl_kind kind;	/**< where mpirun did not start us */
	uint32_t grace_ms;	/**< 0: WL_GRACE_S */
};

/** Run @job on ranks of its own kind. Returns the exit code of the program.  Blocks: yes. */
int wl_run_local(const struct wl_job *job);

/** True when this process was started by mpirun and the program was built with MPI. */
bool wl_mpi_started(void);

/** Run @job as one rank of MPI; ranks beyond its size idle. Returns the exit code. Blocks: yes. */
int wl_run_mpi(const struct wl_job *job);

/**
 * Run @job where it belongs: with MPI if started so, else as threads when GEMEL_EMBEDDED is set
 * (one process may use its directory), else as processes. Returns the exit code.  Blocks: yes.
 */
int wl_run(struct wl_job *job);

#endif

/**
 * team: the ranks of a workload in a simulated world. Each is a process of its own on a client
 * node, its program a ULT; together they supply what workloads/common asks of a world (struct
 * wl_env).
 *
 * Ranks meet (barrier, broadcast, reduce) at the date at which the last has come, plus what a
 * tree of messages of the profile's latency takes. Meetings do not load the network.
 */
#ifndef GEMEL_TOOLS_GEMEL_SIM_TEAM_H
#define GEMEL_TOOLS_GEMEL_SIM_TEAM_H

#include "sim/phantom.h"
#include "sim/process.h"
#include "workloads/common/wl_env.h"

struct team;

struct team_opts {
	struct sim *sim;
	struct sim_system *system;
	struct phantom *phantom;	/**< NULL: buffers hold bytes */
	uint32_t size;
	int (*main)(struct wl_env *env, int argc, char **argv);
	int argc;
	char **argv;
	const char *const *env;		/**< as struct sim_proc_opts.env */
	void (*write)(void *arg, enum wl_out out, const char *text, size_t len);
	void *arg;
};

/** Make the ranks; nothing runs yet. Errors: those of sim_proc_create(), -DER_INVAL (no client
 * node, no rank). @opts->sim and all that is pointed at outlive the team. */
int team_create(const struct team_opts *opts, struct team **ret_team);

/** Let the ranks run as time passes; the world stops (sim_stop()) when the last has ended. */
int team_start(struct team *t);

/** Notice ranks whose node has died, and tell the others; between two slices of time. */
void team_look(struct team *t);

/** Ask all ranks for an early end. */
void team_stop(struct team *t);

/** Ranks that have not ended, and live. */
uint32_t team_running(const struct team *t);

/** Exit code: of the first rank whose own is not 0; 1 when a rank died. */
int team_result(const struct team *t);

/** After the world, which ends the processes: a program that failed half-way leaves things open.
 * NULL is accepted. */
void team_destroy(struct team *t);

#endif

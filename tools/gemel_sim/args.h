/** The command line of gemel_sim. */
#ifndef GEMEL_TOOLS_GEMEL_SIM_ARGS_H
#define GEMEL_TOOLS_GEMEL_SIM_ARGS_H

#include <stdint.h>

#include "core/base/base.h"

/** What was built: part of what makes a run repeatable. */
extern const char gemel_sim_commit[];

struct args {
	const char *profile;
	const char *scenario;	/**< NULL: none */
	uint64_t seed;
	bool seed_given;
	uint32_t nodes;		/**< storage nodes; 0: as the profile says */
	uint32_t clients;	/**< client nodes; 0: as the profile says */
	uint32_t ranks;		/**< 0: as the scenario or the workload says, else 1 */
	bool json;
	bool phantom;
	bool memory;
	const char *trace;	/**< file for what enters the digest */
	bool help;
	char **workload;	/**< words after "--"; NULL: none */
	int workload_argc;
};

/** Complaints go to standard error. Errors: -DER_INVAL. */
int args_parse(int argc, char **argv, struct args *ret_args);
void args_help(void);

#endif

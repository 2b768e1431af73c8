/**
 * scenario: what happens to a simulated system while a workload runs, from a YAML file:
 *
 *	name: lossy
 *	seed: 7                  # optional, --seed overrides
 *	ranks: 8                 # optional, --ranks overrides
 *	workload: "ior -a DFS …" # optional, the command line overrides; words between blanks
 *	faults:
 *	- { kind: crash, node: 2, at: 10 ms, down: 5 ms }        # without down: for ever
 *	- { kind: loss, from: 0 ms, to: 1 s, share: 0.01, src: 0, dst: 4 }
 *	- { kind: delay, from: 0 ms, to: 1 s, share: 0.05, min: 1 us, max: 1 ms }
 *	- { kind: corrupt, from: 0 ms, to: 1 s, share: 0.01 }  # a bit of a transfer
 *	- { kind: partition, from: 1 ms, to: 2 ms, nodes: [ 0, 1 ] }
 *	- { kind: disk_slow, from: 0 s, to: 1 s, node: 1, share: 0.5, factor: 8 }
 *	- { kind: disk_fail, … }   disk_torn, disk_corrupt: as disk_slow, without factor
 *
 * Dates count from the start of the workload. Storage nodes come first, then client nodes. src, dst
 * and node may be left out for all; share is a probability.
 */
#ifndef GEMEL_TOOLS_GEMEL_SIM_SCENARIO_H
#define GEMEL_TOOLS_GEMEL_SIM_SCENARIO_H

#include "sim/sim.h"
#include "sim/yaml_load.h"

struct scenario;

/** @ret_error of YAML_ERROR_MAX bytes. Errors: -DER_INVAL and those of yaml_read(), told. */
int scenario_load(const char *path, char *ret_error, struct scenario **ret_scenario);
int scenario_parse(const char *name, const char *text, size_t bytes, char *ret_error,
		   struct scenario **ret_scenario);

/** NULL is accepted. */
void scenario_free(struct scenario *s);

const char *scenario_name(const struct scenario *s);

/** False: the file does not say. */
bool scenario_seed(const struct scenario *s, uint64_t *ret_seed);
bool scenario_ranks(const struct scenario *s, uint32_t *ret_ranks);

/** The workload's words, ending with NULL; owned by @s. NULL: none. */
char **scenario_workload(const struct scenario *s, int *ret_argc);

/** Plan everything from the present date on. @boot brings a node back. Errors: -DER_NOMEM;
 * -DER_INVAL with @ret_error: the system has no such node. */
int scenario_plan(const struct scenario *s, struct sim *sim, sim_boot_fn boot, void *arg,
		  char *ret_error);

#endif

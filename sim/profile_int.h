/** What the two halves of the profile reader share: the file as libcyaml loads it (profile.c),
 * and its conversion into numbers (profile_build.c). */
#ifndef GEMEL_SIM_PROFILE_INT_H
#define GEMEL_SIM_PROFILE_INT_H

#include "sim/profile.h"
#include "sim/yaml_load.h"

struct raw_link {
	char *name;
	char *bandwidth;
	char *latency;
};

struct raw_route {
	char *from;
	char *to;
	char **links;
	uint32_t links_count;
};

struct raw_nic {
	uint32_t count;
	char *bandwidth;
	char *latency;
};

struct raw_topology {
	enum profile_topo kind;
	uint32_t servers;
	uint32_t clients;
	char *backbone_latency;
	struct raw_nic *nic;
	char **hosts;
	uint32_t hosts_count;
	struct raw_link *links;
	uint32_t links_count;
	struct raw_route *routes;
	uint32_t routes_count;
};

struct raw_network {
	char *chunk;
	char *overhead;
	char *local_bandwidth;
	char *local_latency;
	char *detect;
};

struct raw_ssd {
	char *name;
	uint32_t count;
	char *capacity;
	char *read_bandwidth;
	char *write_bandwidth;
	char *read_latency;
	char *write_latency;
	char *flush_latency;
	char *read_iops;
	char *write_iops;
	uint32_t queue_depth;
	char *block;
};

struct raw_server {
	uint32_t engines;
	uint32_t targets;
	struct raw_ssd *ssd;
	uint32_t ssd_count;
};

struct raw_cost {
	char *base;
	char *per_unit;
};

struct raw_cpu {
	char *turn;
	struct raw_cost costs[RT_COST_COUNT];
};

struct raw_profile {
	char *name;
	struct raw_topology topology;
	struct raw_network network;
	struct raw_server server;
	struct raw_cpu cpu;
};

/** Names of the costs in the file, by enum rt_cost. */
extern const char *const profile_cost_names[RT_COST_COUNT];

/** Convert and cross-check. Errors: -DER_INVAL (told through @doc), -DER_NOMEM. */
int profile_build(struct yaml_doc *doc, const struct raw_profile *raw,
		  struct sim_profile **ret_profile);

#endif

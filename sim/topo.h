/**
 * topo: which links a message crosses. A topology owns a table of links, each of them one direction
 * of a wire with a bandwidth, a latency and the date until which it is taken, and answers with a
 * path for a pair of network interfaces. Users see only the vtable, so that another shape (a
 * dragonfly that picks minimal or detour paths by backlog) is a new file and nothing else.
 *
 * The same hosts, links and routes exist on SimGrid's platform.
 */
#ifndef GEMEL_SIM_TOPO_H
#define GEMEL_SIM_TOPO_H

#include "core/base/base.h"
#include "sim/engine.h"
#include "sim/profile.h"

#define SIM_PATH_MAX PROFILE_ROUTE_MAX

struct sim_link {
	uint64_t free_ns;	/**< the date from which it is idle */
	uint64_t bytes_per_s;
	uint64_t latency_ns;
	uint64_t busy_ns;	/**< statistics: time taken */
	uint64_t bytes;
};

struct sim_path {
	uint32_t link_count;	/**< 0: there is no way */
	uint32_t links[SIM_PATH_MAX];
};

/** A network interface: node and number on it. */
struct sim_end_point {
	uint32_t node_idx;
	uint32_t nic_idx;
};

struct sim_topo;

struct sim_topo_ops {
	/** The path for one message or chunk of @flow. Reads links, changes nothing. Blocks: no. */
	void (*path)(const struct sim_topo *topo, struct sim_end_point src,
		     struct sim_end_point dst, uint64_t flow, struct sim_path *ret_path);
	/** Add hosts, links and routes to the engine. Errors: as sg_engine_host(). */
	int (*platform)(const struct sim_topo *topo, struct sg_engine *engine);
	void (*destroy)(struct sim_topo *topo);
	enum sg_zone zone;
};

/** The head of every topology. */
struct sim_topo {
	const struct sim_topo_ops *ops;
	const struct sim_profile *profile;
	struct sim_link *links;
	uint32_t link_count;
};

/** The topology that the profile asks for. Errors: -DER_NOMEM. */
int sim_topo_create(const struct sim_profile *profile, struct sim_topo **ret_topo);

/** NULL is accepted. */
void sim_topo_destroy(struct sim_topo *topo);

/** Time that @bytes take on a link of @bytes_per_s, rounded up. */
static inline uint64_t sim_wire_ns(uint64_t bytes, uint64_t bytes_per_s)
{
	if (bytes < 1ULL << 33)		/* the product fits into 64 bits */
		return (bytes * 1000000000 + bytes_per_s - 1) / bytes_per_s;
	return (uint64_t)(((unsigned __int128)bytes * 1000000000 + bytes_per_s - 1) / bytes_per_s);
}

#endif

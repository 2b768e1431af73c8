/**
 * profile: what a simulated system is made of, read from hw_profiles/NAME.yaml.
 *
 * The file is checked by schema: an unknown or missing key, a number without its unit or with a
 * wrong one is an error that names file, line and key. Quantities are strings with a unit
 * ("25 GB/s", "350 ns"), so that no figure can be misread; here they are plain integers. No figure
 * of a machine stands in code, and none has a default: what a profile does not say does not exist.
 */
#ifndef GEMEL_SIM_PROFILE_H
#define GEMEL_SIM_PROFILE_H

#include "core/rt/rt.h"

#define PROFILE_NAME_MAX 32
#define PROFILE_NODES_MAX 65536u
#define PROFILE_LINKS_MAX 65536u
#define PROFILE_ROUTE_MAX 8u

enum profile_topo { PROFILE_STAR, PROFILE_GENERIC };

struct profile_link {
	char name[PROFILE_NAME_MAX];
	uint64_t bytes_per_s;	/**< in each direction */
	uint64_t latency_ns;
};

/** One direction of one link. */
struct profile_hop {
	uint32_t link_idx;
	bool down;
};

/** From one host to another; the way back mirrors it unless it has a route of its own. */
struct profile_route {
	uint32_t src_idx;
	uint32_t dst_idx;
	uint32_t hop_count;
	struct profile_hop hops[PROFILE_ROUTE_MAX];
};

/** One kind of block device; a node has @count of them, named NAME0, NAME1, … */
struct profile_ssd {
	char name[PROFILE_NAME_MAX];
	uint32_t count;
	uint64_t capacity_bytes;
	uint64_t read_bytes_per_s;
	uint64_t write_bytes_per_s;
	uint64_t read_latency_ns;
	uint64_t write_latency_ns;
	uint64_t flush_latency_ns;
	uint64_t read_iops;
	uint64_t write_iops;
	uint32_t queue_depth;	/**< commands that the device works on at a time */
	uint32_t block_bytes;	/**< offsets and sizes are multiples of it */
};

/** CPU time of a kind of work: base + units * per_unit. */
struct profile_cost {
	uint64_t base_ns;
	uint64_t unit_q20;	/**< nanoseconds per unit, times 2^20 */
};

struct sim_profile {
	char name[PROFILE_NAME_MAX];
	/* topology */
	enum profile_topo topo;
	uint32_t node_count;	/**< storage nodes first, then client nodes */
	uint32_t server_count;
	uint64_t backbone_latency_ns;	/**< star */
	struct profile_link *links;	/**< generic */
	uint32_t link_count;
	struct profile_route *routes;	/**< generic; sorted by (src, dst) */
	uint32_t route_count;
	char (*hosts)[PROFILE_NAME_MAX];	/**< generic: node_count names */
	/* network interfaces */
	uint32_t nic_count;	/**< per node, star */
	uint64_t nic_bytes_per_s;
	uint64_t nic_latency_ns;
	uint64_t chunk_bytes;	/**< large transfers share links in pieces of it */
	uint64_t message_bytes;	/**< added to each message and chunk on the wire */
	uint64_t local_bytes_per_s;	/**< between streams of one node */
	uint64_t local_latency_ns;
	uint64_t detect_ns;	/**< until a crashed peer is known to be dead */
	/* storage nodes */
	uint32_t engines_per_node;
	uint32_t targets_per_engine;
	struct profile_ssd *ssds;
	uint32_t ssd_count;
	/* CPU */
	uint64_t switch_ns;	/**< each turn of a stream's scheduler */
	struct profile_cost costs[RT_COST_COUNT];
};

#define PROFILE_ERROR_MAX 512

/**
 * Parse @text, called @name in errors. Owned by the caller: profile_free().
 * @ret_error, of PROFILE_ERROR_MAX bytes, gets "NAME:LINE: KEY: what is wrong" on error.
 * Errors: -DER_INVAL (does not fit the schema), -DER_NOMEM.  Blocks: no.
 */
int profile_parse(const char *name, const char *text, size_t bytes, char *ret_error,
		  struct sim_profile **ret_profile);

/** As profile_parse() on a file. Errors: also -DER_NONEXIST, -DER_NO_PERM, -DER_IO. */
int profile_load(const char *path, char *ret_error, struct sim_profile **ret_profile);

/** A star of @server_count storage and @client_count client nodes made of @base's parts; the file's
 * own counts are replaced. Errors: -DER_INVAL (generic topology, too many nodes). */
int profile_resize(struct sim_profile *profile, uint32_t server_count, uint32_t client_count);

/** The route that the file gives from @src_idx to @dst_idx, or NULL. Generic topologies. */
const struct profile_route *profile_route_find(const struct sim_profile *profile, uint32_t src_idx,
					       uint32_t dst_idx);

/** NULL is accepted. */
void profile_free(struct sim_profile *profile);

enum profile_unit {
	PROFILE_BYTES,		/**< "64 KiB", "1.5 TB" -> bytes */
	PROFILE_BANDWIDTH,	/**< "25 GB/s", "200 Gb/s" -> bytes per second */
	PROFILE_TIME,		/**< "350 ns", "1.5 us" -> nanoseconds */
	PROFILE_TIME_FINE,	/**< "0.05 ns" -> nanoseconds times 2^20 */
	PROFILE_RATE,		/**< "260 k/s", "1.45 M/s" -> per second */
};

/**
 * A number, at most one space, a unit of the kind asked for; nothing else. The value must be exact
 * in the integer that it becomes, except for PROFILE_TIME_FINE, which rounds to nearest.
 * Errors: -DER_INVAL.
 */
int profile_quantity(const char *text, enum profile_unit unit, uint64_t *ret_value);

#endif

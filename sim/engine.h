/**
 * engine: the only door to SimGrid. It owns the engine and the platform (hosts, links, routes), and
 * registers one Model that asks our calendar for the next date and, when SimGrid's time gets there,
 * lets the calendar run.
 *
 * No actor exists in it. C outside, C++ inside; no exception leaves it. It includes nothing of
 * core, so that both languages can read it.
 */
#ifndef GEMEL_SIM_ENGINE_H
#define GEMEL_SIM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "daos_errno.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sg_engine;

#define SG_NEVER UINT64_MAX

struct sg_ops {
	/** Date of the next thing to do, SG_NEVER to end the run. No side effects. */
	uint64_t (*next_ns)(void *arg);
	/** SimGrid's time is @to_ns, which next_ns() had named. */
	void (*advance)(void *arg, uint64_t to_ns);
};

enum sg_zone {
	SG_STAR,	/**< each host has one route, to the middle */
	SG_FULL,	/**< a route for each pair of hosts, in each direction */
};

/** An engine with an empty platform. Errors: -DER_BUSY (there is one already), -DER_NOMEM,
 * -DER_MISC (SimGrid refused). */
int sg_engine_create(enum sg_zone zone, const struct sg_ops *ops, void *arg,
		     struct sg_engine **ret_engine);

/** One direction of a link, in a route. */
struct sg_hop {
	uint32_t link_idx;
	bool down;
};

/** Hosts and links are numbered from 0 in the order in which they are added; a link is full duplex.
 * Errors: -DER_NOMEM, -DER_MISC. The same for the next three. */
int sg_engine_host(struct sg_engine *e, const char *name);
int sg_engine_link(struct sg_engine *e, const char *name, uint64_t bytes_per_s,
		   uint64_t latency_ns);

/** From @src to @dst; in a star, @dst is ignored and the route serves both directions. */
int sg_engine_route(struct sg_engine *e, uint32_t src, uint32_t dst, const struct sg_hop *hops,
		    uint32_t hop_count);

/** The platform is complete; before the first run. */
int sg_engine_seal(struct sg_engine *e);

/** NULL is accepted. */
void sg_engine_destroy(struct sg_engine *e);

/** Run SimGrid's loop until next_ns() says SG_NEVER. May be called again. */
void sg_engine_run(struct sg_engine *e);

/** Seconds since the engine was made, by SimGrid. */
double sg_engine_clock(const struct sg_engine *e);

uint64_t sg_engine_steps(const struct sg_engine *e);

/** The route that SimGrid found between two hosts: links crossed, sum of their latencies.
 * Errors: -DER_NONEXIST. */
int sg_engine_route_get(const struct sg_engine *e, uint32_t src, uint32_t dst, uint32_t *ret_links,
			double *ret_latency_s);

/** One transfer of SimGrid's own max-min network model. */
struct sg_flow {
	uint32_t src;
	uint32_t dst;
	uint64_t bytes;
	double end_s;		/**< result: when it was complete, after the common start */
};

/** Run @nr flows at once with SimGrid's native model and actors; for comparisons of fidelity.
 * Errors: -DER_MISC. */
int sg_engine_native(struct sg_engine *e, struct sg_flow *flows, uint32_t nr);

#ifdef __cplusplus
}
#endif

#endif

/**
 * The side of a stream that its driver sees: the loop that owns the thread (real), or the event loop
 * of the simulator. Core itself never includes this header; backends, programs and tests do.
 *
 * A driver makes a stream with rt_init(), then alternates rt_run() with polling of its backends, and
 * sleeps until rt_next_ns() at the latest. Calls of one stream are never concurrent.
 */
#ifndef GEMEL_RT_RT_DRIVE_H
#define GEMEL_RT_RT_DRIVE_H

#include "core/rt/rt.h"

struct rt_opts {
	uint64_t id;
	uint32_t stack_bytes;	/**< default of ULTs: 64 KiB real, 16 KiB simulated; times 4 under ASan */
	uint32_t ult_max;	/**< 0: 65,536 */
	struct ult_stacks *stacks;	/**< shared by the streams of one thread */
	enum rt_level log_level;	/**< 0: RT_LOG_WARN */
	bool paint_stacks;
};

/** Bind @rt to @ops. Random streams are seeded from misc->entropy. */
void rt_init(struct rt *rt, const struct rt_ops *ops, const struct rt_opts *opts);

/** Release what the stream holds; no ULT is alive, no timer armed (asserted). */
void rt_fini(struct rt *rt);

/** Drop a crashed node's stream: every ULT's stack returns to the pool, nothing of theirs runs. */
void rt_kill(struct rt *rt);

/** Unregister and free the pooled io memory; none is in use (asserted). Part of rt_fini(); backends
 * that close before it call it first. */
void rt_iomem_fini(struct rt *rt);

/** Run expired timers, then each ULT that is ready now once, but at most @max_switches of both (0: all).
 * Those that become ready meanwhile wait for the next call, so that a driver polls between two turns.
 * Returns how many ran. */
uint32_t rt_run(struct rt *rt, uint32_t max_switches);

/** When the stream next has something to do by itself: 0 now, RT_NEVER nothing. */
uint64_t rt_next_ns(struct rt *rt);

/** Memory of ULT stacks, reused last-in first-out, MADV_NOHUGEPAGE. One per thread. */
struct ult_stacks *ult_stacks_create(uint32_t default_bytes);
void ult_stacks_destroy(struct ult_stacks *s);

struct ult_stacks_stats {
	uint64_t mapped_bytes;
	uint32_t in_use;
	uint32_t idle;
};

void ult_stacks_query(const struct ult_stacks *s, struct ult_stacks_stats *ret_stats);

#endif

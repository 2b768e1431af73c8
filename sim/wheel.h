/**
 * wheel: the calendar of a simulated world. Integer nanoseconds; buckets of 1,024 ns that are
 * sorted only when they are reached, so that the dates inside a bucket stay exact and far events
 * cost a list insertion.
 *
 * Order is total and independent of addresses: (date, stream, order of insertion). Three levels of
 * aligned windows (67 ms, 275 s, 13 days); an event moves down at most twice in its life. Buckets
 * are intrusive lists: they own no memory, so there is nothing to trim.
 *
 * Not for use by several threads. It knows nothing of streams, engines or SimGrid.
 */
#ifndef GEMEL_SIM_WHEEL_H
#define GEMEL_SIM_WHEEL_H

#include "core/base/base.h"

#define WHEEL_QUANTUM_SHIFT 10
#define WHEEL_QUANTUM_NS (1ULL << WHEEL_QUANTUM_SHIFT)
/** Dates lie below it: 13 days of simulated time. */
#define WHEEL_LIMIT_NS (1ULL << 50)
#define WHEEL_NEVER UINT64_MAX
/** Streams are numbered below it; larger numbers would not fit into the order of events. */
#define WHEEL_STREAM_MAX (1u << 24)

struct sim_ev;
typedef void (*sim_ev_fn)(struct sim_ev *ev);

/** One planned event, embedded in what it is about. Zero it before first use. */
struct sim_ev {
	struct sim_ev *next;
	struct sim_ev **pprev;	/**< the pointer that points here, while in a bucket */
	uint64_t at_ns;
	uint64_t order;		/**< stream (24 bits) and insertion (40 bits) */
	sim_ev_fn fn;		/**< the owner's; the wheel does not call it */
	uint32_t where;		/**< 0: idle, 1: bucket, else position in the heap plus 2 */
	uint32_t tag;		/**< the owner's */
};

struct wheel;

/** NULL: no memory. */
struct wheel *wheel_create(void);

/** Events that are still planned are forgotten, not freed. NULL is accepted. */
void wheel_destroy(struct wheel *w);

/** Plan the idle @ev for @at_ns, not before the date of the last pop nor the last peek's. */
void wheel_add(struct wheel *w, struct sim_ev *ev, uint64_t at_ns, uint32_t stream);

/** Take @ev out; harmless when it is idle. */
void wheel_del(struct wheel *w, struct sim_ev *ev);

static inline bool wheel_planned(const struct sim_ev *ev)
{
	return ev->where != 0;
}

/**
 * A date that no planned event precedes and that progress can be made at: the date of the next
 * event's bucket, or the event's own once the bucket is open. WHEEL_NEVER when nothing is planned.
 */
uint64_t wheel_next_ns(struct wheel *w);

/** The next event if its date is at most @limit_ns, now idle; else NULL. */
struct sim_ev *wheel_pop(struct wheel *w, uint64_t limit_ns);

/** Events planned now. */
uint64_t wheel_count(const struct wheel *w);

#endif

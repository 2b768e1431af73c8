/**
 * epoch: the hybrid logical clock that stamps every change. Pure: the caller brings the wall clock.
 *
 * An epoch is 64 bits in the unit of the public API: 16 per nanosecond since 2021-01-01 00:00:00
 * UTC (so it ends in 2057); the low 18 bits are a logical counter that the wall clock does not
 * fill. So one tick of physical time is 2^18 / 16 ns = 16,384 ns, and within a tick the counter
 * orders events.
 *
 * Invariants: values from one clock strictly increase, whatever the wall clock does; a value taken
 * after receiving an epoch is above it. Two clocks make the same value only by accident: an epoch
 * alone is not an identity.
 * Source: Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical Physical Clocks" (2014).
 */
#ifndef GEMEL_EPOCH_EPOCH_H
#define GEMEL_EPOCH_EPOCH_H

#include "core/base/base.h"

#define EPOCH_MAX	UINT64_MAX	/**< "the latest" of a read */
#define HLC_PER_NS	16ULL
#define HLC_LOGICAL_BITS 18
#define HLC_LOGICAL_MASK ((1ULL << HLC_LOGICAL_BITS) - 1)
/** 2021-01-01 00:00:00 UTC in seconds since 1970. */
#define HLC_START_S	1609459200ULL
#define HLC_START_NS	(HLC_START_S * 1000000000ULL)
/** Default of the largest offset between two wall clocks of a system. */
#define HLC_OFFSET_MAX_NS 1000000000ULL

/** One stream's clock. Plain value; zero but for offset_max_ns is a good start. */
struct hlc {
	uint64_t last;		/**< largest value made or received */
	uint64_t offset_max_ns;	/**< refuse values further ahead; 0: HLC_OFFSET_MAX_NS */
};

/** The next value, above every earlier one; @wall_ns is nanoseconds since 1970. */
uint64_t hlc_now(struct hlc *c, uint64_t wall_ns);

/**
 * Learn of @remote, an epoch from another clock: later values of @c are above it.
 * Errors: -DER_HLC_SYNC (its physical part is more than offset_max_ns ahead of @wall_ns; @c is
 * unchanged).
 */
int hlc_recv(struct hlc *c, uint64_t remote, uint64_t wall_ns);

/** Physical part of the epoch of a wall clock; 0 for times before 2021, the last one after 2057. */
uint64_t hlc_from_wall_ns(uint64_t wall_ns);

/** Nanoseconds since 1970 of an epoch; the logical counter counts as time (below 16,384 ns). */
uint64_t hlc_to_wall_ns(uint64_t epoch);

/** Durations (no start time): nanoseconds to the unit, saturating, and back. */
uint64_t hlc_from_ns(uint64_t ns);
uint64_t hlc_to_ns(uint64_t hlc);

#endif

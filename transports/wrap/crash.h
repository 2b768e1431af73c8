/**
 * crash: an interposer that gives devices a volatile write cache and takes the power away.
 *
 * Writes stay in the cache until a flush; reads see them. A flush forwards the writes that were
 * acknowledged before it and then flushes the device. At a power loss every write that no flush has
 * made durable is kept, dropped or torn at 512-byte sectors, the survivors in any order; what
 * survives is written to the device when it is next opened.
 *
 * The cache belongs to no stream: it outlives the crash of the one that used it. Timing of writes
 * is not that of the device. Works over any backend, through the operation tables only.
 */
#ifndef GEMEL_TRANSPORTS_WRAP_CRASH_H
#define GEMEL_TRANSPORTS_WRAP_CRASH_H

#include "core/rt/rt.h"

struct crash_disk;

#define CRASH_SECTOR_BYTES 512u

struct crash_opts {
	uint64_t seed;
	uint64_t write_ns;	/**< how long a write takes */
	/* Weights of the fates of an unflushed write; all zero: 1 each. */
	uint32_t keep;
	uint32_t drop;
	uint32_t tear;
};

struct crash_stats {
	uint64_t pending;	/**< writes not durable now */
	uint64_t kept;		/**< at power losses so far */
	uint64_t dropped;
	uint64_t torn;
	uint64_t replayed;	/**< fragments written at openings */
};

/** @opts may be NULL. Memory comes from the C library. Errors: -DER_NOMEM. Blocks: no. */
int crash_disk_create(const struct crash_opts *opts, struct crash_disk **ret_disk);

/** No device is open through it. NULL is accepted. */
void crash_disk_destroy(struct crash_disk *cd);

/** Put it below @rt, one stream at a time, before that opens its devices. Blocks: no. */
void crash_disk_attach(struct crash_disk *cd, struct rt *rt);

/** Take it off: it is the outermost interposer and no device is open. */
void crash_disk_detach(struct crash_disk *cd);

/** The power fails. The stream it was attached to was killed before; it is attached to none now. */
void crash_disk_power_loss(struct crash_disk *cd);

void crash_disk_query(const struct crash_disk *cd, struct crash_stats *ret_stats);

#endif

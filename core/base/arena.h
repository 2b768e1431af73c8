/**
 * Memory of one node. Every allocation is counted and linked, so that the memory of a node that
 * crashes in simulation can be dropped as a whole, with no destructor run, and so that a leak is
 * seen at a clean end. Not thread-safe: an arena belongs to the streams of one thread; streams on
 * threads of their own have an arena each.
 *
 * An out-of-memory sweep sets fail_at: the fail_at-th allocation from then on returns NULL.
 */
#ifndef GEMEL_BASE_ARENA_H
#define GEMEL_BASE_ARENA_H

#include "core/base/list.h"

struct arena {
	struct list blocks;
	size_t bytes;		/**< held now, headers included */
	size_t peak_bytes;
	uint64_t count;		/**< blocks held now */
	uint64_t fail_at;	/**< 0: never fail; n: fail the n-th allocation from now, once */
	size_t limit_bytes;	/**< 0: none; else allocations beyond it fail */
};

void arena_init(struct arena *a);

/** Free everything that is still allocated. The arena stays usable. */
void arena_drop(struct arena *a);

/** @align is a power of two, 0 for 16. Zeroed. NULL when there is no memory. */
void *arena_alloc(struct arena *a, size_t bytes, size_t align);

/** NULL is accepted. */
void arena_free(struct arena *a, void *ptr);

#endif

/**
 * pool: small blocks of the nodes' memory. rt_alloc() is called many times for each simulated
 * request, and the C library's malloc was a quarter of the time of a run. Blocks come in steps of
 * 16 bytes, are reused last in first out, and hang on their node's list, so that a crash drops
 * them as a whole.
 *
 * Under ASan it is not used: each block is then one of malloc's own, and late use is seen.
 */
#ifndef GEMEL_SIM_POOL_H
#define GEMEL_SIM_POOL_H

#include "core/base/list.h"

struct pool;

/** Largest block. */
#define POOL_BLOCK_MAX 1024u

/** NULL: no memory, no address space, or not wanted (ASan): everything comes from arenas then. */
struct pool *pool_create(void);

/** NULL is accepted. */
void pool_destroy(struct pool *p);

/** @bytes zeroed bytes, aligned to 16, linked into @owner. NULL: more than POOL_BLOCK_MAX, or no
 * memory. */
void *pool_alloc(struct pool *p, struct list *owner, size_t bytes);

/** True: @ptr was the pool's and is free now; *ret_bytes: what it had taken. */
bool pool_free(struct pool *p, void *ptr, size_t *ret_bytes);

/** Free all blocks of @owner. */
void pool_drop(struct pool *p, struct list *owner);

/** What a block of @bytes takes. */
size_t pool_block_bytes(size_t bytes);

#endif

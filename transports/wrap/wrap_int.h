/** wrap, inside: copies of buffers, and finding the backend's part of a request. */
#ifndef GEMEL_TRANSPORTS_WRAP_INT_H
#define GEMEL_TRANSPORTS_WRAP_INT_H

#include "core/rt/rt.h"

/**
 * Deep copy of @src with @spare more segment slots; a sink becomes the runs that it holds. Memory
 * of @rt, or of the C library when NULL. Owned by the caller: wrap_buf_free(). Errors: -DER_NOMEM.
 */
int wrap_buf_clone(struct rt *rt, const struct buf *src, uint32_t spare, struct buf *ret_copy);
void wrap_buf_free(struct rt *rt, struct buf *copy);

/** Damage one byte of @b at @off: a copy that has @cap segment slots, or a destination that was
 * filled, with its own number of them. */
void wrap_buf_damage(struct buf *b, uint32_t cap, uint64_t off, uint64_t salt);

#endif

/**
 * store: what a simulated device holds. Extents of real bytes and of phantom content, sparse; what
 * was never written reads as zeros.
 *
 * A device has a volatile cache: writes since the last flush are kept together with what they
 * replaced, so that a loss of power can take them back, all of them or some of their blocks.
 */
#ifndef GEMEL_SIM_STORE_H
#define GEMEL_SIM_STORE_H

#include "core/base/buf.h"
#include "core/base/prng.h"

struct store;

/** NULL: no memory. */
struct store *store_create(void);

/** NULL is accepted. */
void store_destroy(struct store *s);

/** Write @src at @off; it is volatile until committed. Errors: -DER_NOMEM. */
int store_write(struct store *s, uint64_t off, const struct buf *src);

/** Read @dst->bytes from @off. Errors: as buf_copy(). */
int store_read(const struct store *s, uint64_t off, const struct buf *dst);

/** Make [off, off + bytes) zeros; volatile like a write. Errors: -DER_NOMEM. */
int store_punch(struct store *s, uint64_t off, uint64_t bytes);

/** The writes so far; for store_commit(). */
uint64_t store_mark(const struct store *s);

/** The writes up to @mark are durable now. */
void store_commit(struct store *s, uint64_t mark);

/** Loss of power: of each block of @block_bytes of an uncommitted write, the new content survives
 * with @survive_ppm, drawn from @rand in the order of writes. */
void store_crash(struct store *s, uint32_t survive_ppm, uint32_t block_bytes, struct prng *rand);

struct store_stats {
	uint64_t extents;
	uint64_t bytes;		/**< of real content */
	uint64_t volatile_writes;
};

void store_query(const struct store *s, struct store_stats *ret_stats);

#endif

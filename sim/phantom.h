/**
 * phantom: memory of simulated programs that has addresses and content but no bytes. A buffer is a
 * stretch of reserved address space that faults when touched, so that code which would look at
 * bytes is found at once, and a sink (core/base/buf.h) that knows the content as runs of
 * generators.
 *
 * With it, thousands of ranks with buffers of many MiB fit into one process.
 */
#ifndef GEMEL_SIM_PHANTOM_H
#define GEMEL_SIM_PHANTOM_H

#include "core/base/buf.h"
#include "core/rt/rt.h"

struct phantom;

/** NULL: no memory, or no address space. */
struct phantom *phantom_create(void);

/** Buffers go with it. NULL is accepted. */
void phantom_destroy(struct phantom *p);

/** A buffer of zeros. NULL: no memory, no address space left. */
void *phantom_alloc(struct phantom *p, size_t bytes);

/** NULL is accepted. */
void phantom_free(struct phantom *p, void *ptr);

/** Let [ptr, ptr + bytes), inside of a buffer, be [start, start + bytes) of @gen. Errors:
 * -DER_NOMEM, -DER_INVAL (not inside of a buffer). */
int phantom_fill(struct phantom *p, void *ptr, size_t bytes, uint64_t gen, uint64_t start);

/** Bytes that are not what phantom_fill() would have put there; *ret_first: index of the first. */
uint64_t phantom_verify(struct phantom *p, const void *ptr, size_t bytes, uint64_t gen,
			uint64_t start, uint64_t *ret_first);

/**
 * The segment that stands for [ptr, ptr + bytes): for @access RT_ACCESS_READ a run of a generator
 * where the content is one run, else the sink. False: not phantom memory, or it crosses its end.
 */
bool phantom_segment(struct phantom *p, void *ptr, uint64_t bytes, uint32_t access,
		     struct bseg *ret_seg);

#endif

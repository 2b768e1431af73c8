/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Plain types that every layer of the public API shares: memory vectors, scatter/gather lists and
 * lists of ranks. Values only; the functions on them are in gurt/common.h. Memory behind the
 * pointers belongs to whoever filled the structure in.
 */
#ifndef GURT_TYPES_H
#define GURT_TYPES_H

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A UUID that can be assigned and returned, which the array type uuid_t cannot. */
struct d_uuid {
	uuid_t	uuid;
};

/** One piece of memory: a buffer of @iov_buf_len bytes of which @iov_len hold data. */
typedef struct {
	void	*iov_buf;
	size_t	 iov_buf_len;
	size_t	 iov_len;
} d_iov_t;

/** Scatter/gather list. @sg_nr_out is set by calls that fill buffers: vectors that got data. */
typedef struct {
	uint32_t	 sg_nr;
	uint32_t	 sg_nr_out;
	d_iov_t		*sg_iovs;
} d_sg_list_t;

/** Number of a server in its system. */
typedef uint32_t d_rank_t;

typedef struct {
	d_rank_t	*rl_ranks;
	uint32_t	 rl_nr;
} d_rank_list_t;

typedef d_rank_list_t *d_rank_list_ptr_t;

/** The ranks from @lo to @hi, both included. */
typedef struct {
	d_rank_t	lo;
	d_rank_t	hi;
} d_rank_range_t;

typedef struct {
	d_rank_range_t	*rrl_ranges;
	uint32_t	 rrl_nr;
} d_rank_range_list_t;

typedef char		*d_string_t;
typedef const char	*d_const_string_t;

/** A string that grows as d_write_string_buffer() appends to it. */
struct d_string_buffer_t {
	/** first error met, 0 if none */
	int	 status;
	/** bytes in use, without the terminator */
	size_t	 str_size;
	/** bytes allocated */
	size_t	 buf_size;
	char	*str;
};

/** Make @iov describe @size bytes at @buf, all of them data. */
static inline void d_iov_set(d_iov_t *iov, void *buf, size_t size)
{
	iov->iov_buf = buf;
	iov->iov_buf_len = size;
	iov->iov_len = size;
}

#ifdef __cplusplus
}
#endif

#endif /* GURT_TYPES_H */

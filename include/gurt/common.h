/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Small tools of client programs: memory, environment, hashes, lists of ranks, time, hybrid logical
 * clocks, back-off. Linked from libgurt. Functions may be called from any thread, on different
 * arguments; none blocks unless it says so.
 */
#ifndef GURT_COMMON_H
#define GURT_COMMON_H

#include <byteswap.h>
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

#include <daos_errno.h>
#include <gurt/debug.h>
#include <gurt/fault_inject.h>
#include <gurt/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef likely
#define likely(x)	__builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif

#ifndef container_of
/** The structure of @type that embeds, as @member, what @ptr points to. */
#define container_of(ptr, type, member)	\
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(arr)	(sizeof(arr) / sizeof((arr)[0]))
#endif
#ifndef MIN
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#endif
#ifndef MAX
#define MAX(a, b)	((a) > (b) ? (a) : (b))
#endif
#ifndef __cplusplus
#ifndef min
#define min(x, y)	((x) < (y) ? (x) : (y))
#endif
#ifndef max
#define max(x, y)	((x) > (y) ? (x) : (y))
#endif
#endif
#ifndef min_t
#define min_t(type, x, y)	({ type min_x_ = (x), min_y_ = (y); MIN(min_x_, min_y_); })
#endif
#ifndef max_t
#define max_t(type, x, y)	({ type max_x_ = (x), max_y_ = (y); MAX(max_x_, max_y_); })
#endif

/** Round @x up to a multiple of @a, a power of two. */
#define D_ALIGNUP(x, a)		(((x) + ((a) - 1)) & ~((a) - 1))
#define D_BIT_IS_SET(val, bit)	(((val) & (bit)) != 0)
#define LOWEST_BIT_SET(x)	((x) & ~((x) - 1))

#define D_SWAP16(x)	bswap_16(x)
#define D_SWAP32(x)	bswap_32(x)
#define D_SWAP64(x)	bswap_64(x)
#define D_SWAP16S(x)	do { *(x) = D_SWAP16(*(x)); } while (0)
#define D_SWAP32S(x)	do { *(x) = D_SWAP32(*(x)); } while (0)
#define D_SWAP64S(x)	do { *(x) = D_SWAP64(*(x)); } while (0)

/** Leave for @label after evaluating @rc, which is mostly an assignment. */
#define D_GOTO(label, rc)	\
	do {			\
		(void)(rc);	\
		goto label;	\
	} while (0)

/* Memory. What these allocate is freed by d_free() or D_FREE(). */

void *d_malloc(size_t size);
void *d_calloc(size_t nmemb, size_t size);
void *d_realloc(void *ptr, size_t size);
/** @alignment: a power of two and multiple of a pointer's size. */
void *d_aligned_alloc(size_t alignment, size_t size, bool zero);
char *d_strndup(const char *s, size_t n);
/** *strp is NULL if it fails; returns the length or -1. */
int d_asprintf(char **strp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** The same with result and length exchanged. */
char *d_asprintf2(int *rc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *d_realpath(const char *path, char *resolved_path);
void d_free(void *ptr);

/** Complain about memory that could not be had. */
#define D_ALLOC_CHECK_(ptr, bytes)						\
	do {									\
		if ((ptr) == NULL)						\
			D_ERROR("out of memory: '%s', %zu bytes\n", #ptr, (size_t)(bytes)); \
	} while (0)

/** Set @ptr to zeroed memory, or with _NZ to any memory, NULL if there is none. */
#define D_ALLOC_ARRAY_SIZE_(ptr, count, size)						\
	do {										\
		(ptr) = (__typeof__(ptr))d_calloc((size_t)(count), (size_t)(size));	\
		D_ALLOC_CHECK_(ptr, (size_t)(count) * (size_t)(size));			\
	} while (0)
#define D_ALLOC_NZ(ptr, size)						\
	do {								\
		(ptr) = (__typeof__(ptr))d_malloc((size_t)(size));	\
		D_ALLOC_CHECK_(ptr, size);				\
	} while (0)
#define D_ALLOC(ptr, size)		D_ALLOC_ARRAY_SIZE_(ptr, 1, size)
#define D_ALLOC_PTR(ptr)		D_ALLOC_ARRAY_SIZE_(ptr, 1, sizeof(*(ptr)))
#define D_ALLOC_ARRAY(ptr, count)	D_ALLOC_ARRAY_SIZE_(ptr, count, sizeof(*(ptr)))
#define D_ALLOC_PTR_NZ(ptr)		D_ALLOC_NZ(ptr, sizeof(*(ptr)))
#define D_ALLOC_ARRAY_NZ(ptr, count)	D_ALLOC_NZ(ptr, (size_t)(count) * sizeof(*(ptr)))

#define D_ALIGNED_ALLOC_(ptr, alignment, size, zero)				\
	do {									\
		(ptr) = (__typeof__(ptr))d_aligned_alloc(alignment, size, zero);	\
		D_ALLOC_CHECK_(ptr, size);					\
	} while (0)
#define D_ALIGNED_ALLOC(ptr, alignment, size)	D_ALIGNED_ALLOC_(ptr, alignment, size, true)
#define D_ALIGNED_ALLOC_NZ(ptr, alignment, size) D_ALIGNED_ALLOC_(ptr, alignment, size, false)

/** Copy at most @n characters; D_STRNDUP_S copies a literal or an array. */
#define D_STRNDUP(ptr, s, n)				\
	do {						\
		(ptr) = d_strndup(s, (size_t)(n));	\
		D_ALLOC_CHECK_(ptr, n);			\
	} while (0)
#define D_STRNDUP_S(ptr, s)	D_STRNDUP(ptr, s, sizeof(s))

#define D_ASPRINTF(ptr, ...)						\
	do {								\
		int d_len_;						\
									\
		(ptr) = d_asprintf2(&d_len_, __VA_ARGS__);		\
		D_ALLOC_CHECK_(ptr, d_len_ + 1);			\
	} while (0)

#define D_REALPATH(ptr, path)	((ptr) = d_realpath(path, NULL))

/**
 * Make @newptr hold what @oldptr holds, resized; @oldptr is then NULL. If there is no memory,
 * @newptr is NULL and @oldptr as before. They must be different variables. Bytes from @keep
 * on are zeroed. A size of 0 counts as 1.
 */
#define D_REALLOC_KEEP_(newptr, oldptr, keep, size)				\
	do {									\
		size_t d_size_ = (size_t)(size) != 0 ? (size_t)(size) : 1;	\
		size_t d_keep_ = (size_t)(keep);				\
										\
		(newptr) = (__typeof__(newptr))d_realloc(oldptr, d_size_);	\
		D_ALLOC_CHECK_(newptr, d_size_);				\
		if ((newptr) == NULL)						\
			break;							\
		(oldptr) = NULL;						\
		if (d_keep_ < d_size_)						\
			memset((char *)(newptr) + d_keep_, 0, d_size_ - d_keep_); \
	} while (0)
/** Zeroed beyond the old size; not zeroed (_NZ); zeroed as a whole (_Z). */
#define D_REALLOC(newptr, oldptr, oldsize, size)	\
	D_REALLOC_KEEP_(newptr, oldptr, oldsize, size)
#define D_REALLOC_NZ(newptr, oldptr, size)	D_REALLOC_KEEP_(newptr, oldptr, SIZE_MAX, size)
#define D_REALLOC_Z(newptr, oldptr, size)	D_REALLOC_KEEP_(newptr, oldptr, 0, size)
#define D_REALLOC_ARRAY(newptr, oldptr, oldcount, count)				\
	D_REALLOC_KEEP_(newptr, oldptr, (size_t)(oldcount) * sizeof(*(oldptr)),		\
			(size_t)(count) * sizeof(*(oldptr)))
#define D_REALLOC_ARRAY_NZ(newptr, oldptr, count)	\
	D_REALLOC_NZ(newptr, oldptr, (size_t)(count) * sizeof(*(oldptr)))
#define D_REALLOC_ARRAY_Z(newptr, oldptr, count)	\
	D_REALLOC_Z(newptr, oldptr, (size_t)(count) * sizeof(*(oldptr)))

/** Free, and set the variable to NULL. */
#define D_FREE(ptr)			\
	do {				\
		d_free((void *)(ptr));	\
		(ptr) = NULL;		\
	} while (0)
#define D_FREE_PTR(ptr)	D_FREE(ptr)

/** The -DER_* code for a positive errno, 0 for 0, -DER_MISC if none fits. */
int d_errno2der(int err);

/** Locks with -DER_* results. */
#define D_MUTEX_INIT(x, attr)	d_errno2der(pthread_mutex_init(x, attr))
#define D_MUTEX_DESTROY(x)	d_errno2der(pthread_mutex_destroy(x))
#define D_MUTEX_LOCK(x)		d_errno2der(pthread_mutex_lock(x))
#define D_MUTEX_UNLOCK(x)	d_errno2der(pthread_mutex_unlock(x))
#define D_SPIN_INIT(x, shared)	d_errno2der(pthread_spin_init(x, shared))
#define D_SPIN_DESTROY(x)	d_errno2der(pthread_spin_destroy(x))
#define D_SPIN_LOCK(x)		d_errno2der(pthread_spin_lock(x))
#define D_SPIN_UNLOCK(x)	d_errno2der(pthread_spin_unlock(x))
#define D_RWLOCK_INIT(x, attr)	d_errno2der(pthread_rwlock_init(x, attr))
#define D_RWLOCK_DESTROY(x)	d_errno2der(pthread_rwlock_destroy(x))
#define D_RWLOCK_RDLOCK(x)	d_errno2der(pthread_rwlock_rdlock(x))
#define D_RWLOCK_WRLOCK(x)	d_errno2der(pthread_rwlock_wrlock(x))
#define D_RWLOCK_TRYWRLOCK(x)	d_errno2der(pthread_rwlock_trywrlock(x))
#define D_RWLOCK_UNLOCK(x)	d_errno2der(pthread_rwlock_unlock(x))

/* Environment. The functions below are safe against each other, not against getenv(). */

/**
 * Value of a variable, converted. The output is written only on success.
 * Errors: -DER_NONEXIST (not set), -DER_INVAL (no such value), -DER_OVERFLOW (number too large).
 * bool: 0 1 n y no yes f t false true off on, in any case.
 */
int d_getenv_bool(const char *name, bool *bool_val);
int d_getenv_char(const char *name, char *char_val);
int d_getenv_int(const char *name, unsigned int *uint_val);
int d_getenv_uint(const char *name, unsigned int *uint_val);
int d_getenv_uint32_t(const char *name, uint32_t *uint32_val);
int d_getenv_uint64_t(const char *name, uint64_t *uint64_val);
/** Errors: -DER_NONEXIST, -DER_TRUNC (does not fit @str_size bytes; what fits is copied). */
int d_getenv_str(char *str_val, size_t str_size, const char *name);
/** A copy for d_freeenv_str().  Errors: -DER_NONEXIST, -DER_NOMEM. */
int d_agetenv_str(char **str_val, const char *name);
void d_freeenv_str(char **str_val);

/** As the C library's, but 0 or -DER_*. */
int d_setenv(const char *name, const char *value, int overwrite);
int d_unsetenv(const char *name);
int d_putenv(char *name);
int d_clearenv(void);
bool d_isenv_def(char *name);

/* Hashes. The results are part of layouts and never change. */

/** Bernstein's times-33 hash of @len bytes, seeded with 5381. */
uint32_t d_hash_string_u32(const char *string, unsigned int len);
/** MurmurHash64A. */
uint64_t d_hash_murmur64(const unsigned char *key, unsigned int key_len, unsigned int seed);
/** Wang's mix of 64 bits, Jenkins' mix of three times 32 bits. */
uint64_t d_hash_mix64(uint64_t key);
uint32_t d_hash_mix96(uint32_t a, uint32_t b, uint32_t c);
/** Jump consistent hash: a bucket below @num_buckets, which must not be 0. */
uint32_t d_hash_jump(uint64_t key, uint32_t num_buckets);
/** The upper @bits bits, 1 to 32 and 1 to 64, of a product with a constant. */
uint32_t d_u32_hash(uint64_t key, unsigned int bits);
uint64_t d_u64_hash(uint64_t val, unsigned int bits);

/** Smallest n with 2^n >= @val, 0 for 0. */
unsigned int d_power2_nbits(unsigned int val);

/** Random numbers of this process: 31 bits, [0, 1). Not for secrets. */
#define D_RAND_MAX	0x7fffffff
void d_srand(long int seed);
long int d_rand(void);
double d_randd(void);

/* Memory vectors. */

/** A list of @nr empty vectors.  Errors: -DER_NOMEM. */
int d_sgl_init(d_sg_list_t *sgl, unsigned int nr);
/** Free the vectors, and with @free_iovs the buffers. Accepts NULL. */
void d_sgl_fini(d_sg_list_t *sgl, bool free_iovs);
/** Sum of iov_buf_len, 0 for NULL. */
size_t d_sgl_buf_size(d_sg_list_t *sgl);
/** Copy buffers and lengths of the vectors both have; buffers must be large enough. */
void d_sgl_buf_copy(d_sg_list_t *dst_sgl, d_sg_list_t *src_sgl);

/* Lists of ranks. */

/** @size ranks, all 0. NULL if out of memory. Free with d_rank_list_free(). */
d_rank_list_t *d_rank_list_alloc(uint32_t size);
/** Accepts NULL. */
void d_rank_list_free(d_rank_list_t *rank_list);
/** Change the number of ranks; new ones are 0.  Errors: -DER_INVAL, -DER_NOMEM. */
int d_rank_list_resize(d_rank_list_t *ptr, uint32_t size);
/** *dst is a new list, NULL for @src NULL.  Errors: -DER_INVAL, -DER_NOMEM. */
int d_rank_list_dup(d_rank_list_t **dst, const d_rank_list_t *src);
/** The same, rising and each rank once. */
int d_rank_list_dup_sort_uniq(d_rank_list_t **dst, const d_rank_list_t *src);
/** Make @dst, a list with or without ranks, equal to @src.  Errors: -DER_INVAL, -DER_NOMEM. */
int d_rank_list_copy(d_rank_list_t *dst, d_rank_list_t *src);
void d_rank_list_sort(d_rank_list_t *rank_list);
void d_rank_list_shuffle(d_rank_list_t *rank_list);
/** Is @rank in the list, and where first? @idx may be NULL. bsearch: the list rises. */
bool d_rank_list_find(d_rank_list_t *rank_list, d_rank_t rank, int *idx);
bool d_rank_list_bsearch(d_rank_list_t *rank_list, d_rank_t rank, int *idx);
bool d_rank_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank);
/** Errors: -DER_NONEXIST. */
int d_idx_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank, uint32_t *idx);
/** The same ranks in the same order, or both NULL? */
bool d_rank_list_identical(d_rank_list_t *rank_list1, d_rank_list_t *rank_list2);
/** Errors: -DER_INVAL, -DER_NOMEM. */
int d_rank_list_append(d_rank_list_t *rank_list, d_rank_t rank);
/** Take the first such rank out; take out what stands at @idx.  Errors: -DER_NONEXIST. */
int d_rank_list_del(d_rank_list_t *rank_list, d_rank_t rank);
void d_rank_list_del_at(d_rank_list_t *list, int idx);
/** Keep in @dst_set only what is in @src_set too, or with @exclude what is not. */
void d_rank_list_filter(d_rank_list_t *src_set, d_rank_list_t *dst_set, bool exclude);
/** Append to @src_set what of @merge_set it does not have.  Errors: -DER_NOMEM. */
int d_rank_list_merge(d_rank_list_t *src_set, d_rank_list_t *merge_set);
/** Write the list with @name to the log.  Errors: -DER_NOMEM. */
int d_rank_list_dump(d_rank_list_t *rank_list, d_string_t name, int name_len);
/** "[0-3,7]"; the caller frees *rank_str.  Errors: -DER_INVAL, -DER_NOMEM. */
int d_rank_list_to_str(d_rank_list_t *rank_list, char **rank_str);
/** Convert from and to plain arrays; the caller frees *ints. */
d_rank_list_t *uint32_array_to_rank_list(uint32_t *ints, size_t len);
int rank_list_to_uint32_array(d_rank_list_t *rl, uint32_t **ints, size_t *len);

/** Lists of ranges. _create_from_ranks joins neighbours of a list that rises. */
d_rank_range_list_t *d_rank_range_list_alloc(uint32_t size);
d_rank_range_list_t *d_rank_range_list_realloc(d_rank_range_list_t *range_list, uint32_t size);
d_rank_range_list_t *d_rank_range_list_create_from_ranks(d_rank_list_t *rank_list);
void d_rank_range_list_free(d_rank_range_list_t *range_list);
/** "[0-3,7]"; the caller frees *ranks_str.  Errors: -DER_INVAL, -DER_NOMEM. */
int d_rank_range_list_str(d_rank_range_list_t *list, char **ranks_str);

/* Strings that grow. */

/** Append; a zeroed @buf is an empty string.  Errors: -DER_NOMEM, also from then on. */
int d_write_string_buffer(struct d_string_buffer_t *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void d_free_string(struct d_string_buffer_t *buf);

/* Time. The clock is monotonic and has nothing to do with the time of day. */

#ifndef NSEC_PER_SEC
#define NSEC_PER_SEC	1000000000
#endif
#ifndef NSEC_PER_MSEC
#define NSEC_PER_MSEC	1000000
#endif
#ifndef NSEC_PER_USEC
#define NSEC_PER_USEC	1000
#endif

int d_gettime(struct timespec *t);
/** Cheaper, a few milliseconds late. */
int d_gettime_coarse(struct timespec *t);
/** From @t1 to @t2. */
int64_t d_timediff_ns(const struct timespec *t1, const struct timespec *t2);
struct timespec d_timediff(const struct timespec *t1, const struct timespec *t2);
/** Until @expiration, 0 if it is over; since @start. */
int64_t d_timeleft_ns(const struct timespec *expiration);
struct timespec d_time_elapsed(const struct timespec start);
/** The clock in @sec_diff seconds, in microseconds. */
uint64_t d_timeus_secdiff(unsigned int sec_diff);
void d_timeinc(struct timespec *now, uint64_t ns);
void d_timeinc_ms(struct timespec *now, unsigned int ms);
struct timespec d_time_ms(unsigned int ms);
double d_time2ms(struct timespec t);
double d_time2us(struct timespec t);
double d_time2s(struct timespec t);
/** Is @t1 before @t2; is it zero? */
bool d_timeless(const struct timespec *t1, const struct timespec *t2);
bool d_timenull(const struct timespec *t);

/*
 * Hybrid logical clocks: the time since the beginning of 2021 (UTC) in sixteenths of a nanosecond,
 * whose lower 18 bits count events that share the upper 46.
 */

/** The clock of this process: rises with every call. */
uint64_t d_hlc_get(void);
/**
 * The same, after what a message that carries @msg says. @offset, if not NULL: how far it is ahead.
 * Errors: -DER_HLC_SYNC (further than epsilon; the clock stays).
 */
int d_hlc_get_msg(uint64_t msg, uint64_t *hlc_out, uint64_t *offset);

/** Durations and points of time, nsec counted from 2021; the lower bits count as time. */
uint64_t d_hlc2nsec(uint64_t hlc);
uint64_t d_hlc2usec(uint64_t hlc);
uint64_t d_hlc2msec(uint64_t hlc);
uint64_t d_hlc2sec(uint64_t hlc);
uint64_t d_nsec2hlc(uint64_t nsec);
uint64_t d_usec2hlc(uint64_t usec);
uint64_t d_msec2hlc(uint64_t msec);
uint64_t d_sec2hlc(uint64_t sec);
/** Points of time from 1970. 0 if a clock cannot express it. */
uint64_t d_hlc2unixnsec(uint64_t hlc);
uint64_t d_unixnsec2hlc(uint64_t unixnsec);
/** Errors: -DER_INVAL (NULL, or a clock cannot express it). */
int d_hlc2timespec(uint64_t hlc, struct timespec *ts);
int d_timespec2hlc(struct timespec ts, uint64_t *hlc);
/** Seconds since @hlc, 0 if it is in the future. */
uint64_t d_hlc_age2sec(uint64_t hlc);

/** How far clocks may be apart, one second at first; rounded up to the upper 46 bits. */
void d_hlc_epsilon_set(uint64_t epsilon);
uint64_t d_hlc_epsilon_get(void);
/** Latest clock that an event before @hlc can have had anywhere. */
uint64_t d_hlc_epsilon_get_bound(uint64_t hlc);

/* Back-off. */

/** Members are private. */
struct d_backoff_seq {
	uint8_t		bos_flags;
	uint8_t		bos_nzeros;
	uint16_t	bos_factor;
	uint32_t	bos_max;
	uint32_t	bos_next;
};

/**
 * A sequence of @nzeros zeros, then random numbers up to @next, @next * @factor, ... up to @max.
 * Errors: -DER_INVAL (@factor or @next 0, @next above @max).
 */
int d_backoff_seq_init(struct d_backoff_seq *seq, uint8_t nzeros, uint16_t factor, uint32_t next,
		       uint32_t max);
uint32_t d_backoff_seq_next(struct d_backoff_seq *seq);
void d_backoff_seq_fini(struct d_backoff_seq *seq);

#ifdef __cplusplus
}
#endif

#endif /* GURT_COMMON_H */

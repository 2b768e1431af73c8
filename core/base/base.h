/**
 * base: what every module of core may use without asking: assertions, error codes, small helpers.
 *
 * Invariant: nothing here keeps state between calls. Error codes are the public DER_* numbers of
 * daos_errno.h, returned negated; there is no second set.
 */
#ifndef GEMEL_BASE_BASE_H
#define GEMEL_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daos_errno.h"

/** Stop the process, naming the broken invariant. Blocks: never returns. */
_Noreturn void base_assert_fail(const char *file, int line, const char *func, const char *expr);

/** An invariant of the program; kept in release builds (a stopped node is recoverable). */
#define ASSERT(cond)                                                                               \
	(__builtin_expect(!!(cond), 1) ? (void)0                                                   \
				       : base_assert_fail(__FILE__, __LINE__, __func__, #cond))

/* Which sanitizer this is built with: gcc defines macros, clang answers __has_feature. */
#if defined(__SANITIZE_ADDRESS__)
#define BASE_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define BASE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BASE_ASAN 1
#elif __has_feature(thread_sanitizer)
#define BASE_TSAN 1
#endif
#endif

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#ifndef container_of
#define container_of(ptr, type, member)                                                            \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#endif

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/** Round @v up to a multiple of @align, a power of two. */
static inline uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline uint64_t align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/** Name of an error code, as "DER_NONEXIST"; accepts both signs; never NULL. */
const char *err_name(int rc);

/** Errors of errno's set as a negated DER_* code (backends translate at their edge). */
int err_from_errno(int err);

/** The positive errno of a DER_* code of either sign: 0 for 0, EIO if none fits. */
int err_to_errno(int rc);

/* Plain values that many modules share. */

/** 128-bit object id; the upper half of hi is the system's (headers: daos_obj_id_t). */
struct oid {
	uint64_t lo;
	uint64_t hi;
};

static inline bool oid_equal(struct oid a, struct oid b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/** Identity of a pool, a container, a client, an operation's owner. */
struct uid {
	uint8_t b[16];
};

static inline bool uid_equal(const struct uid *a, const struct uid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/** Records [idx, idx + nr) of an array value. */
struct recx {
	uint64_t idx;
	uint64_t nr;
};

/** A key or other short byte string owned by somebody else. */
struct bytes {
	const void *ptr;
	uint32_t len;
};

#endif

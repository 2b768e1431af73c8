/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Logging and assertions. D_ERROR("open %s: "DF_RC"\n", path, DP_RC(rc)) and its like write a line
 * with file, line and function; a newline is added where there is none. A source file may define
 * D_LOGFAC, before including this, to a number from d_log_allocfacility().
 */
#ifndef GURT_DEBUG_H
#define GURT_DEBUG_H

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daos_errno.h>
#include <gurt/debug_setup.h>
#include <gurt/dlog.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef D_LOGFAC
#define D_LOGFAC	0
#endif

/** Formats and arguments of common types. */
#define DF_U64		"%" PRIu64
#define DF_X64		"%" PRIx64
#define DF_UUIDF	"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x"
#define DP_UUID(u)							\
	(u)[0], (u)[1], (u)[2], (u)[3], (u)[4], (u)[5], (u)[6], (u)[7],	\
	(u)[8], (u)[9], (u)[10], (u)[11], (u)[12], (u)[13], (u)[14], (u)[15]

/** Write a message of a priority, arguments evaluated only if it passes. */
#define D_LOG_PRIO(prio, fmt, ...)							\
	do {										\
		int d_flags_ = d_log_check((int)(prio) | D_LOGFAC);			\
											\
		if (d_flags_ != 0)							\
			d_log(d_flags_, "%s:%d %s() " fmt, __FILE__, __LINE__, __func__, \
			      ##__VA_ARGS__);						\
	} while (0)

#define D_DEBUG(mask, fmt, ...)	D_LOG_PRIO(mask, fmt, ##__VA_ARGS__)
#define D_INFO(fmt, ...)	D_LOG_PRIO(DLOG_INFO, fmt, ##__VA_ARGS__)
#define D_NOTE(fmt, ...)	D_LOG_PRIO(DLOG_NOTE, fmt, ##__VA_ARGS__)
#define D_WARN(fmt, ...)	D_LOG_PRIO(DLOG_WARN, fmt, ##__VA_ARGS__)
#define D_ERROR(fmt, ...)	D_LOG_PRIO(DLOG_ERR, fmt, ##__VA_ARGS__)
#define D_CRIT(fmt, ...)	D_LOG_PRIO(DLOG_CRIT, fmt, ##__VA_ARGS__)
#define D_ALERT(fmt, ...)	D_LOG_PRIO(DLOG_ALERT, fmt, ##__VA_ARGS__)
#define D_FATAL(fmt, ...)	D_LOG_PRIO(DLOG_EMERG, fmt, ##__VA_ARGS__)
#define D_EMIT(fmt, ...)	D_LOG_PRIO(DLOG_EMIT, fmt, ##__VA_ARGS__)

/** The same about a pointer, which comes first in the message. */
#define D_TRACE_DEBUG(mask, ptr, fmt, ...)	\
	D_LOG_PRIO(mask, "%p " fmt, (const void *)(ptr), ##__VA_ARGS__)
#define D_TRACE_INFO(ptr, fmt, ...)	\
	D_LOG_PRIO(DLOG_INFO, "%p " fmt, (const void *)(ptr), ##__VA_ARGS__)
#define D_TRACE_WARN(ptr, fmt, ...)	\
	D_LOG_PRIO(DLOG_WARN, "%p " fmt, (const void *)(ptr), ##__VA_ARGS__)
#define D_TRACE_ERROR(ptr, fmt, ...)	\
	D_LOG_PRIO(DLOG_ERR, "%p " fmt, (const void *)(ptr), ##__VA_ARGS__)

/** DL_*: with a DER_* code after the message; DS_*: with an errno. No newline in @fmt. */
#define D_LOG_RC(prio, rc, fmt, ...)	D_LOG_PRIO(prio, fmt ": " DF_RC, ##__VA_ARGS__, DP_RC(rc))
#define DL_CDEBUG(cond, prio_if, prio_else, rc, fmt, ...)	\
	D_LOG_RC((cond) ? (int)(prio_if) : (int)(prio_else), rc, fmt, ##__VA_ARGS__)
#define DL_INFO(rc, fmt, ...)	D_LOG_RC(DLOG_INFO, rc, fmt, ##__VA_ARGS__)
#define DL_NOTE(rc, fmt, ...)	D_LOG_RC(DLOG_NOTE, rc, fmt, ##__VA_ARGS__)
#define DL_WARN(rc, fmt, ...)	D_LOG_RC(DLOG_WARN, rc, fmt, ##__VA_ARGS__)
#define DL_ERROR(rc, fmt, ...)	D_LOG_RC(DLOG_ERR, rc, fmt, ##__VA_ARGS__)
#define DL_CRIT(rc, fmt, ...)	D_LOG_RC(DLOG_CRIT, rc, fmt, ##__VA_ARGS__)
#define DL_FATAL(rc, fmt, ...)	D_LOG_RC(DLOG_EMERG, rc, fmt, ##__VA_ARGS__)

#define D_LOG_ERRNO(prio, err, fmt, ...)	\
	D_LOG_PRIO(prio, fmt ": %d (%s)", ##__VA_ARGS__, err, strerror(err))
#define DS_INFO(err, fmt, ...)	D_LOG_ERRNO(DLOG_INFO, err, fmt, ##__VA_ARGS__)
#define DS_WARN(err, fmt, ...)	D_LOG_ERRNO(DLOG_WARN, err, fmt, ##__VA_ARGS__)
#define DS_ERROR(err, fmt, ...)	D_LOG_ERRNO(DLOG_ERR, err, fmt, ##__VA_ARGS__)

/** Write to standard output, or error, at once. */
#define D_PRINT(fmt, ...)				\
	do {						\
		fprintf(stdout, fmt, ##__VA_ARGS__);	\
		fflush(stdout);				\
	} while (0)
#define D_PRINT_ERR(fmt, ...)				\
	do {						\
		fprintf(stderr, fmt, ##__VA_ARGS__);	\
		fflush(stderr);				\
	} while (0)

/** Stop the process, with a message, if @cond does not hold; in all builds. */
#define D_ASSERTF(cond, fmt, ...)						\
	do {									\
		if (__builtin_expect(!(cond), 0)) {				\
			D_FATAL("Assertion '%s' failed: " fmt, #cond, ##__VA_ARGS__); \
			d_log_sync();						\
			abort();						\
		}								\
	} while (0)

#define D_ASSERT(cond)					\
	do {						\
		if (__builtin_expect(!(cond), 0)) {	\
			D_FATAL("Assertion '%s' failed", #cond); \
			d_log_sync();			\
			abort();			\
		}					\
	} while (0)

/** At compile time. */
#ifdef __cplusplus
#define D_CASSERT(cond, ...)	static_assert(cond, #cond)
#else
#define D_CASSERT(cond, ...)	_Static_assert(cond, #cond)
#endif

/** A facility of the log by its names; the first form stores its number. 0, or -DER_NOMEM. */
int d_init_log_facility(int *fac, const char *aname, const char *lname);
int d_add_log_facility(const char *aname, const char *lname);

#ifdef __cplusplus
}
#endif

#endif /* GURT_DEBUG_H */

/**
 * os: the time and misc tables that every real backend uses: monotonic and wall clock, an arena per
 * stream, the kernel's entropy (or a seeded generator, for tests), a log sink that stamps each
 * line. Charging is nothing here: work takes the time it takes.
 */
#ifndef GEMEL_TRANSPORTS_LOOP_OS_H
#define GEMEL_TRANSPORTS_LOOP_OS_H

#include "core/rt/rt.h"

/** Nanoseconds of CLOCK_MONOTONIC. */
uint64_t os_mono_ns(void);

/** Nanoseconds since 1970 of CLOCK_REALTIME. */
uint64_t os_wall_ns(void);

/** Contexts of os_time_ops are NULL, of os_misc_ops a struct os_misc. */
extern const struct rt_time_ops os_time_ops;
extern const struct rt_misc_ops os_misc_ops;

enum os_misc_flags {
	OS_SEEDED = 1,	/**< entropy comes from @seed: reproducible, for tests */
};

struct os_misc_opts {
	uint32_t flags;
	uint64_t seed;
	int log_fd;		/**< where lines go; 0: standard error. Borrowed. */
	const char *log_tag;	/**< who speaks, at most 47 bytes are kept; NULL: nobody */
	const struct rt_time_ops *time;	/**< NULL: lines carry the wall clock; else its wall_ns */
	void *time_ctx;
};

/** Memory, entropy and log of one stream. */
struct os_misc {
	struct arena arena;
	struct prng prng;
	struct os_misc_opts opts;
	char tag[48];
};

/** @opts may be NULL. */
void os_misc_init(struct os_misc *m, const struct os_misc_opts *opts);

/** Frees what is left and returns how many blocks that was: 0 unless the stream leaked. */
uint64_t os_misc_fini(struct os_misc *m);

/** Open @path to append log lines to; the caller closes *@ret_fd. Errors: as err_from_errno(). */
int os_log_open(const char *path, int *ret_fd);

#endif

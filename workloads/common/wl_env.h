/**
 * wl_env: the world of one rank of a parallel workload. The same workload runs as threads of a
 * process, as forked processes, as MPI ranks and as user-level threads in simulation; everything
 * that differs is behind the table below.
 *
 * Rules for workloads: no clock, thread, allocation or printing but through the env; no static
 * state that changes (in simulation thousands of ranks share one process); frames stay small.
 *
 * Collective calls (barrier, bcast, reduce) are made by all ranks in the same order. They fail with
 * -DER_CANCELED, on all ranks and within seconds, once a rank is gone; then a rank returns at once.
 */
#ifndef GEMEL_WORKLOADS_COMMON_WL_ENV_H
#define GEMEL_WORKLOADS_COMMON_WL_ENV_H

#include "core/base/base.h"

/** Most values of one reduce. */
#define WL_REDUCE_MAX 16u

enum wl_reduce { WL_MIN = 0, WL_MAX, WL_SUM };

enum wl_out {
	WL_OUT = 0,	/**< results: standard output */
	WL_ERR,		/**< complaints: standard error */
	WL_TTY,		/**< progress: standard error when a person watches it, else nothing */
};

struct wl_env;

struct wl_env_ops {
	int (*barrier)(struct wl_env *env);
	int (*bcast)(struct wl_env *env, void *data, size_t bytes, uint32_t root);
	int (*reduce)(struct wl_env *env, enum wl_reduce op, double *v, uint32_t nr);
	uint64_t (*now_ns)(struct wl_env *env);
	uint64_t (*wall_ns)(struct wl_env *env);
	void *(*alloc)(struct wl_env *env, size_t bytes);
	void *(*alloc_data)(struct wl_env *env, size_t bytes);	/**< NULL: as alloc */
	void (*free)(struct wl_env *env, void *ptr);
	void (*fill)(struct wl_env *env, void *ptr, size_t bytes, uint64_t gen, uint64_t start);
	uint64_t (*verify)(struct wl_env *env, const void *ptr, size_t bytes, uint64_t gen,
			   uint64_t start, uint64_t *ret_first);
	void (*write)(struct wl_env *env, enum wl_out out, const char *text, size_t len);
	bool (*stopped)(struct wl_env *env);
	const char *(*var)(struct wl_env *env, const char *name);
};

struct wl_env {
	const struct wl_env_ops *ops;
	uint32_t rank;
	uint32_t size;
	uint32_t node_ranks;	/**< ranks of one node; rank r runs on node r / node_ranks */
	uint64_t spare_bytes;	/**< memory that a rank may take to prepare data; 0 in simulation */
	const char *host;	/**< name of the machine, for the report */
	void *ctx;		/**< the implementation's */
};

/** Wait for all ranks. Errors: -DER_CANCELED. */
static inline int wl_barrier(struct wl_env *env)
{
	return env->ops->barrier(env);
}

/** @data of rank @root to all. Errors: -DER_CANCELED. */
static inline int wl_bcast(struct wl_env *env, void *data, size_t bytes, uint32_t root)
{
	return env->ops->bcast(env, data, bytes, root);
}

/** Combine @v[i] of all ranks; every rank gets the result. Errors: -DER_CANCELED. */
static inline int wl_reduce(struct wl_env *env, enum wl_reduce op, double *v, uint32_t nr)
{
	ASSERT(nr <= WL_REDUCE_MAX);
	return env->ops->reduce(env, op, v, nr);
}

/** Monotonic within a rank; between ranks only differences since a common barrier compare. */
static inline uint64_t wl_now_ns(struct wl_env *env)
{
	return env->ops->now_ns(env);
}

/** Since 1970, for headers of reports. */
static inline uint64_t wl_wall_ns(struct wl_env *env)
{
	return env->ops->wall_ns(env);
}

/** Page-aligned memory; content undefined. NULL: none left. */
static inline void *wl_alloc(struct wl_env *env, size_t bytes)
{
	return env->ops->alloc(env, bytes);
}

/**
 * Page-aligned memory for transfers alone: only wl_fill(), wl_verify() and the storage system touch it,
 * so that a simulation need not keep its bytes. NULL: none left. wl_free().
 */
static inline void *wl_alloc_data(struct wl_env *env, size_t bytes)
{
	return env->ops->alloc_data != NULL ? env->ops->alloc_data(env, bytes)
					    : env->ops->alloc(env, bytes);
}

/** NULL is accepted. */
static inline void wl_free(struct wl_env *env, void *ptr)
{
	if (ptr != NULL)
		env->ops->free(env, ptr);
}

/** Make [ptr, ptr + bytes) the bytes [start, start + bytes) of generator @gen (core/base/buf.h). */
static inline void wl_fill(struct wl_env *env, void *ptr, size_t bytes, uint64_t gen,
			   uint64_t start)
{
	env->ops->fill(env, ptr, bytes, gen, start);
}

/** Bytes that differ from wl_fill()'s; *ret_first is the index of the first when there are any. */
static inline uint64_t wl_verify(struct wl_env *env, const void *ptr, size_t bytes, uint64_t gen,
				 uint64_t start, uint64_t *ret_first)
{
	return env->ops->verify(env, ptr, bytes, gen, start, ret_first);
}

/** Somebody asked for an early end (Ctrl-C), or a rank is gone. */
static inline bool wl_stopped(struct wl_env *env)
{
	return env->ops->stopped(env);
}

/** A variable of the environment that this rank was started with; NULL: not set. */
static inline const char *wl_var(struct wl_env *env, const char *name)
{
	return env->ops->var(env, name);
}

/** Formatted output of one rank, at most 1023 bytes a call; longer is cut. */
void wl_printf(struct wl_env *env, enum wl_out out, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** What implementations whose buffers hold real bytes put into their tables. */
void wl_bytes_fill(struct wl_env *env, void *ptr, size_t bytes, uint64_t gen, uint64_t start);
uint64_t wl_bytes_verify(struct wl_env *env, const void *ptr, size_t bytes, uint64_t gen,
			 uint64_t start, uint64_t *ret_first);

/** A bar of @done of @total on the terminal, redrawn at most ten times a second. */
struct wl_progress {
	uint64_t shown_ns;
	bool on_line;
};

void wl_progress(struct wl_env *env, struct wl_progress *p, const char *what, uint64_t done,
		 uint64_t total);
void wl_progress_end(struct wl_env *env, struct wl_progress *p);

#endif

/**
 * host: what a world gives to the public API: the process object of the caller, ways to run code on a
 * client stream, a lock, memory that any stream may free.
 *
 * Three worlds supply it: transports/host for real processes (against engines, and embedded), sim for
 * simulated ones. Only the files of core that implement public functions call host_self().
 *
 * A process has one client stream plus one per event queue. A thread that makes a call enters the
 * stream: it drives it when nobody does, else its request waits until it is done or the seat is handed
 * over. There is no background thread: what nobody waits for makes progress when somebody calls.
 */
#ifndef GEMEL_CLIENT_HOST_H
#define GEMEL_CLIENT_HOST_H

#include "core/rpc/rpc.h"

struct process;
struct cl_stream;

/** Work for a stream, run once on a ULT of it. The maker's memory. */
struct cl_task {
	struct list link;		/**< the host's */
	void (*fn)(struct cl_task *t);
	struct cl_stream *stream;	/**< set by the host before fn runs */
	uint64_t priv[2];		/**< the host's */
};

struct host_ops {
	/** A further client stream, cl_stream_init()ed. Errors: -DER_NOMEM, -DER_BUSY, … */
	int (*stream_open)(void *ctx, struct process *p, struct cl_stream **ret_stream);
	/** End @s: calls in flight are cancelled, so tasks that are under way return; when all have,
	 * the stream is gone. Not from a ULT of @s. */
	void (*stream_close)(void *ctx, struct cl_stream *s);
	/** Run @t on @s and return after it. From a ULT of @s it is a plain call. */
	void (*run)(void *ctx, struct cl_stream *s, struct cl_task *t);
	/** Run @t on @s as calls and polls make progress; starts it at once if the seat is free. */
	void (*post)(void *ctx, struct cl_stream *s, struct cl_task *t);
	/** Short sections over process-wide tables; not recursive; nothing in them parks. */
	void (*lock)(void *ctx);
	void (*unlock)(void *ctx);
	/** Zeroed memory that may be freed from any stream of the process. */
	void *(*alloc)(void *ctx, size_t bytes);
	void (*free)(void *ctx, void *ptr);
	/** An immutable copy of @bytes at @data that the processes of the world may share; NULL: no
	 * memory. Under the lock: may be called by any stream, one at a time. */
	const void *(*share)(void *ctx, const void *data, size_t bytes);
	void (*unshare)(void *ctx, const void *shared);
	/** URI of a stream, at most RT_URI_MAX bytes. Errors: -DER_NONEXIST. */
	int (*resolve)(void *ctx, struct rpc_ep ep, char *ret_uri);
	/** Rank that holds the pool service: the lowest. */
	uint32_t (*leader)(void *ctx);
	/** Name of the system that is attached, never NULL. */
	const char *(*system)(void *ctx);
	/** A value of the process's environment, or NULL. */
	const char *(*env)(void *ctx, const char *name);
	/** Whom the process acts for: user, group, and at most @cap further groups; returns how many
	 * of these. NULL: user 0 and group 0, no others. */
	uint32_t (*creds)(void *ctx, uint32_t *ret_uid, uint32_t *ret_gid, uint32_t cap,
			  uint32_t *gids);
	/**
	 * Application memory that stands for phantom content: fills @ret_seg (a generator run for
	 * @access RT_ACCESS_READ, a sink for WRITE) and returns true; false: it is real memory.
	 */
	bool (*phantom)(void *ctx, void *ptr, uint64_t bytes, uint32_t access,
			struct bseg *ret_seg);
};

/** The calling process, or NULL when daos_init() was not called in it. */
struct process *host_self(void);

/** daos_init() and daos_fini(): counted. Errors of init: -DER_NOMEM, -DER_NONEXIST (no system file),
 * -DER_INVAL (system file damaged), -DER_BUSY (embedded directory in use). fini: -DER_UNINIT. */
int host_init(void);
int host_fini(void);

#endif

/**
 * engine: one rank's streams as threads: the system stream and one per target, each with a loop, a fabric
 * endpoint, and, where it has a device, an io_uring.
 */
#ifndef GEMEL_TOOLS_GEMEL_ENGINE_ENGINE_H
#define GEMEL_TOOLS_GEMEL_ENGINE_ENGINE_H

#include "tools/gemel_engine/config.h"

struct engine;

struct engine_opts {
	const struct node_config *node;
	const struct engine_config *engine;
	const char *pool;	/**< label */
	bool format;		/**< make stores first; those that are there are lost only with force */
	bool force;
	bool crowded;		/**< more streams than CPUs on this machine: do not spin */
};

/**
 * Start all streams, and return when all serve. @err gets what went wrong, in words. Errors: those of
 * ofi_open(), uring_create(), rt_dev_open(), node_*_start().  Blocks: yes.
 */
int engine_start(const struct engine_opts *opts, char *err, size_t err_cap,
		 struct engine **ret_engine);

/** Stop serving, make all durable, end the threads. NULL is accepted. Blocks: yes. */
void engine_stop(struct engine *e);

#endif

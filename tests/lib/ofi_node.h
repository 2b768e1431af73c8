/**
 * One stream over ofi for tests and benches: memory, clock, scheduler, endpoint; driven by hand.
 */
#ifndef GEMEL_TESTS_LIB_OFI_NODE_H
#define GEMEL_TESTS_LIB_OFI_NODE_H

#include "core/rt/rt_drive.h"
#include "transports/ofi/ofi.h"

struct ofi_node {
	struct rt rt;		/**< first: container_of of a handler's rt */
	struct arena arena;
	struct ult_stacks *stacks;
	struct ofi *ofi;
	struct rt_ops ops;
	bool quiet;		/**< no log lines */
	char last_log[512];
};

/** @opts: provider, host and so on; its misc is filled in. Errors: as ofi_open(). */
int ofi_node_open(struct ofi_node *n, const struct ofi_opts *opts);

/** Returns the blocks that were never freed. */
uint64_t ofi_node_close(struct ofi_node *n);

/** One round of a loop: ULTs, then the endpoint. Returns how much happened. */
int ofi_node_step(struct ofi_node *n);

/** Sleep until the endpoint or a timer has something, at most @max_ns. */
void ofi_node_sleep(struct ofi_node *n, uint64_t max_ns);

#endif

/**
 * Which rank transfers what, in which order: pure functions of the plan. Invariant: the transfers
 * of all ranks together cover every byte of the file (of each file, with one per task) once.
 */
#ifndef GEMEL_WORKLOADS_IOR_IOR_PLAN_H
#define GEMEL_WORKLOADS_IOR_IOR_PLAN_H

#include <stdbool.h>
#include <stdint.h>

struct ior_plan {
	uint64_t block_bytes;	/**< contiguous in a segment, per rank; a multiple of xfer_bytes */
	uint64_t xfer_bytes;
	uint64_t segments;
	uint32_t tasks;
	bool file_per_task;
	bool random;		/**< transfers of a rank in random order */
};

/** Transfers of each rank. */
uint64_t ior_plan_count(const struct ior_plan *p);

/** Bytes of all ranks together. */
uint64_t ior_plan_total_bytes(const struct ior_plan *p);

/** Where the @k-th transfer of rank @writer goes in its file. */
uint64_t ior_plan_offset(const struct ior_plan *p, uint32_t writer, uint64_t k);

/**
 * The same for reading back when only the first @written transfers of the writer took place: the
 * @k-th of them, in another random order than the writer's.
 */
uint64_t ior_plan_read_offset(const struct ior_plan *p, uint32_t writer, uint64_t written,
			      uint64_t k);

/** Whose data @rank reads: its own, or, reordered, that of a rank of the next node. */
uint32_t ior_plan_writer(const struct ior_plan *p, uint32_t rank, bool reorder,
			 uint32_t node_ranks);

/** Generator of the data of @writer (core/base/buf.h); never 0. */
uint64_t ior_plan_gen(uint32_t writer);

#endif

#include "core/base/prng.h"
#include "workloads/ior/ior_plan.h"

#define SEED 0x696f725f64617461ull
#define ROUNDS 4

uint64_t ior_plan_count(const struct ior_plan *p)
{
	return p->segments * (p->block_bytes / p->xfer_bytes);
}

uint64_t ior_plan_total_bytes(const struct ior_plan *p)
{
	return p->segments * p->block_bytes * p->tasks;
}

/*
 * A permutation of [0, n) without a table: a Feistel network over the next even power of two,
 * walked until the value falls into the range. Luby and Rackoff (1988); Black and Rogaway (2002).
 */
static uint64_t permute(uint64_t n, uint64_t key, uint64_t i)
{
	uint32_t half = 1, round;
	uint64_t mask, left, right, next;

	while (half < 32 && (n - 1) >> (2 * half) != 0)
		half++;
	mask = (1ull << half) - 1;
	do {
		left = i >> half;
		right = i & mask;
		for (round = 0; round < ROUNDS; round++) {
			next = left ^ (mix64_2(key + round, right) & mask);
			left = right;
			right = next;
		}
		i = left << half | right;
	} while (i >= n);
	return i;
}

static uint64_t place(const struct ior_plan *p, uint32_t writer, uint64_t idx)
{
	uint64_t per_block = p->block_bytes / p->xfer_bytes;
	uint64_t segment = idx / per_block, in_block = idx % per_block * p->xfer_bytes;

	if (p->file_per_task)
		return segment * p->block_bytes + in_block;
	return (segment * p->tasks + writer) * p->block_bytes + in_block;
}

uint64_t ior_plan_offset(const struct ior_plan *p, uint32_t writer, uint64_t k)
{
	if (p->random)
		k = permute(ior_plan_count(p), mix64_2(SEED, writer), k);
	return place(p, writer, k);
}

uint64_t ior_plan_read_offset(const struct ior_plan *p, uint32_t writer, uint64_t written,
			      uint64_t k)
{
	if (p->random)
		k = permute(written, mix64_2(~SEED, writer), k);
	return ior_plan_offset(p, writer, k);
}

uint32_t ior_plan_writer(const struct ior_plan *p, uint32_t rank, bool reorder, uint32_t node_ranks)
{
	uint32_t shift;

	if (!reorder)
		return rank;
	/* On one node the next rank: its data is at least not in this rank's own buffers. */
	shift = node_ranks < p->tasks ? node_ranks : 1;
	return (rank + shift) % p->tasks;
}

uint64_t ior_plan_gen(uint32_t writer)
{
	return mix64_2(SEED, writer) | 1;
}

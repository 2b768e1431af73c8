#include "core/epoch/epoch.h"

uint64_t hlc_from_ns(uint64_t ns)
{
	return ns > UINT64_MAX / HLC_PER_NS ? UINT64_MAX : ns * HLC_PER_NS;
}

uint64_t hlc_to_ns(uint64_t hlc)
{
	return hlc / HLC_PER_NS;
}

uint64_t hlc_from_wall_ns(uint64_t wall_ns)
{
	if (wall_ns <= HLC_START_NS)
		return 0;
	return hlc_from_ns(wall_ns - HLC_START_NS) & ~HLC_LOGICAL_MASK;
}

uint64_t hlc_to_wall_ns(uint64_t epoch)
{
	return HLC_START_NS + hlc_to_ns(epoch);
}

uint64_t hlc_now(struct hlc *c, uint64_t wall_ns)
{
	uint64_t phys = hlc_from_wall_ns(wall_ns);

	/* The counter may run over into the physical part: then the clock is ahead of the wall. */
	ASSERT(c->last < UINT64_MAX - 1);
	c->last = phys > c->last ? phys : c->last + 1;
	return c->last;
}

int hlc_recv(struct hlc *c, uint64_t remote, uint64_t wall_ns)
{
	uint64_t phys = hlc_from_wall_ns(wall_ns);
	uint64_t max_ns = c->offset_max_ns != 0 ? c->offset_max_ns : HLC_OFFSET_MAX_NS;
	uint64_t ahead = remote & ~HLC_LOGICAL_MASK;

	if (ahead > phys && ahead - phys > hlc_from_ns(max_ns))
		return -DER_HLC_SYNC;
	/* A stopped wall clock at the end of time must not let a peer push the counter over it. */
	if (remote >= UINT64_MAX - HLC_LOGICAL_MASK)
		return -DER_HLC_SYNC;
	if (remote > c->last)
		c->last = remote;
	return 0;
}

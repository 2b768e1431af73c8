/**
 * A world for tests of a store: one stream on a clock that stands still, memory that can be made to
 * fail, and a device in memory that remembers what a power cut may do to it.
 *
 * Writes since the last flush are kept apart. A crash keeps of each an arbitrary set of its sectors
 * of 512 bytes, by the random numbers of the test. Phantoms are kept as runs beside the bytes.
 *
 * Scripts run on a ULT, where cmocka's asserts cannot jump from: CHECK() stops the process.
 */
#ifndef GEMEL_TESTS_LIB_VOS_WORLD_H
#define GEMEL_TESTS_LIB_VOS_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "core/rt/rt_drive.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);   \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_RC(call, want)                                                                       \
	do {                                                                                       \
		int rc_ = (call);                                                                  \
		if (rc_ != (want)) {                                                               \
			fprintf(stderr, "%s:%d: %s: %s, expected %s\n", __FILE__, __LINE__, #call, \
				err_name(rc_), err_name(want));                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct vw_run {
	uint64_t off;
	struct bseg seg;	/* BSEG_GEN */
};

struct vw_write {
	uint64_t off;
	uint64_t bytes;
	uint8_t *old;		/* what was there */
	uint8_t *data;
};

struct vw_dev {
	struct rt_dev dev;
	uint8_t *mem;
	struct vw_run *runs;	/* not overlapping */
	uint32_t run_nr;
	struct vw_write *pending;	/* not flushed */
	uint32_t pending_nr;
	uint32_t pending_cap;
	bool track;		/* keep pending writes */
	/* Faults. */
	uint64_t ios;		/* performed */
	uint64_t writes;
	uint64_t flushes;
	uint64_t die_at;	/* this io and all later ones never complete; 0: none */
	uint64_t fail_at;	/* this io fails with -DER_NVME_IO; 0: none */
};

struct vw {
	struct rt rt;
	struct arena arena;
	struct ult_stacks *stacks;
	struct vw_dev dev;
	struct rt_io *queue[256];
	uint32_t queue_nr;
	uint64_t seed;
	bool paint;		/* streams made from now on measure their stacks */
	uint64_t charged[RT_COST_COUNT];
};

void vw_init(struct vw *w, uint64_t dev_bytes, uint32_t align, uint64_t seed);
void vw_fini(struct vw *w);

/** Run @fn(@arg) on a ULT until it returns, or until nothing moves any more: then false. */
bool vw_script(struct vw *w, void (*fn)(struct vw *w, void *arg), void *arg);

/** Run ULTs that were spawned, until nothing moves any more. */
void vw_drain(struct vw *w);

/** Power cut: the stream is dropped with its memory, of pending writes some sectors remain; then a
 * new stream over the same device. @rand NULL: all pending writes remain. */
void vw_crash(struct vw *w, struct prng *rand);

#endif

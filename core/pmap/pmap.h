/**
 * pmap: the versioned map of a pool: its targets, where each lives, and its state. Pure.
 *
 * Invariants: targets are numbered 0 .. target_count - 1 for ever (extension appends); a map is
 * immutable once it is shared, a change is a copy with the next version. Two maps of one pool with
 * equal versions are equal.
 *
 * Memory: one block, given by the caller's allocator, so that it can be shared and dropped whole.
 */
#ifndef GEMEL_PMAP_PMAP_H
#define GEMEL_PMAP_PMAP_H

#include "core/base/base.h"

#define PMAP_TARGETS_MAX (1u << 20)

/** States of a target; the values of daos_target_state_t, on the wire and on media. */
enum pmap_state {
	PMAP_DOWNOUT = 1, /**< failed; its data lives elsewhere */
	PMAP_DOWN,	  /**< failed; its data is being rebuilt elsewhere */
	PMAP_UP,	  /**< coming back; data is being moved to it */
	PMAP_UPIN,	  /**< in service */
	PMAP_NEW,	  /**< being added; holds no data yet */
	PMAP_DRAIN,	  /**< in service for reads; its data is being moved away */
	PMAP_STATE_END
};

struct pmap_target {
	uint32_t rank;
	uint16_t idx;		/**< within the rank; its stream's tag is idx + 1 */
	uint8_t state;		/**< enum pmap_state */
	uint8_t resv;
	uint32_t since;		/**< map version of the last change of state */
};

struct pmap {
	struct uid pool;
	uint32_t version;	/**< from 1 */
	uint32_t target_count;
	uint32_t rank_count;	/**< distinct ranks */
	uint32_t resv;
	struct pmap_target targets[];
};

/** Bytes of a map of @target_count targets. */
size_t pmap_bytes(uint32_t target_count);

/**
 * Fill @ret_map, of pmap_bytes(rank_count * targets_per_rank) bytes, with version 1: ranks
 * @ranks[0 .. rank_count), @targets_per_rank[r] targets each, all UPIN. Targets are numbered across
 * ranks first (target 0 of every rank, then target 1, …), so that neighbours in number are on different
 * ranks.
 */
void pmap_make(const struct uid *pool, const uint32_t *ranks, const uint32_t *targets_per_rank,
	       uint32_t rank_count, struct pmap *ret_map);

/** Bytes of the encoding of a map of @target_count targets. */
size_t pmap_encoded_bytes(uint32_t target_count);

/** Encode into pmap_encoded_bytes() of @dst. */
void pmap_encode(const struct pmap *map, void *dst);

/** How many targets an encoding has, to size its memory. Errors: -DER_PROTO. */
int pmap_decode_count(const void *src, size_t bytes, uint32_t *ret_target_count);

/** Decode into @ret_map of pmap_bytes(count) bytes. Errors: -DER_PROTO (@ret_map is undefined). */
int pmap_decode(const void *src, size_t bytes, struct pmap *ret_map);

/** Index of the target (@rank, @idx). Errors: -DER_NONEXIST. */
int pmap_find(const struct pmap *map, uint32_t rank, uint32_t idx, uint32_t *ret_target);

/** Change a target's state in a map not yet shared; the caller raises the version first. */
void pmap_set_state(struct pmap *map, uint32_t target, enum pmap_state state);

/** Targets whose state is @state. */
uint32_t pmap_count(const struct pmap *map, enum pmap_state state);

/** "UPIN" …; "?" for what is no state. */
const char *pmap_state_name(uint32_t state);

#endif

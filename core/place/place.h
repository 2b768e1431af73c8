/**
 * place: which targets an object's shards live on: a pure function of object id, class and pool map.
 *
 * Every client and server computes the same layout from the same map. A redundancy group's layout is
 * computed by itself, in O(group size); a whole layout of a wide object is never needed.
 *
 * So far the classes without redundancy (S1 … S32, SX): one shard per group. A shard whose target is
 * not in service is lost with it: it is never moved, since nothing could bring its data along.
 */
#ifndef GEMEL_PLACE_PLACE_H
#define GEMEL_PLACE_PLACE_H

#include "core/pmap/pmap.h"

/** What the upper half of an object id says: bits 63-56 type, 55-48 redundancy, 47-32 groups. */
struct place_attr {
	uint8_t type;		/**< enum daos_otype_t */
	uint8_t redun;		/**< enum daos_obj_redun */
	uint32_t group_count;	/**< >= 1 */
	uint32_t group_size;	/**< shards of a group */
};

/** Attributes of @oid. Errors: -DER_INVAL (no such class, type, or a group count of 0), -DER_NOTSUPPORTED
 * (a class that this version cannot place). */
int place_attr(struct oid oid, struct place_attr *ret_attr);

/** Groups that class byte @redun with @group_count (0xffff: as many as fit) has on @map.
 * Errors: as place_attr(). */
int place_group_count(const struct pmap *map, uint8_t redun, uint32_t group_count,
		      uint32_t *ret_group_count);

/** The redundancy group of a dkey. @dkey_hash: place_dkey_hash(). */
uint32_t place_dkey_group(const struct place_attr *attr, uint64_t dkey_hash);

/** Stable hash of a dkey; for DKEY_UINT64 objects the chunk number itself spreads evenly. */
uint64_t place_dkey_hash(struct oid oid, const void *dkey, size_t len);

/**
 * The target of shard @shard (group * group_size + index in the group).
 * Errors: -DER_DATA_LOSS (its target is not in service; @ret_target is set all the same).
 */
int place_shard(const struct pmap *map, struct oid oid, const struct place_attr *attr,
		uint32_t shard, uint32_t *ret_target);

#endif

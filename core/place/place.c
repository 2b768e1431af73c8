#include "core/place/place.h"

#include "core/base/prng.h"
#include "daos_obj.h"

int place_attr(struct oid oid, struct place_attr *ret_attr)
{
	struct place_attr a = {
		.type = (uint8_t)(oid.hi >> OID_FMT_TYPE_SHIFT),
		.redun = (uint8_t)((oid.hi & OID_FMT_CLASS_MASK) >> OID_FMT_CLASS_SHIFT),
		.group_count = (uint32_t)((oid.hi & OID_FMT_META_MASK) >> OID_FMT_META_SHIFT),
		.group_size = 1,
	};

	if (a.type > DAOS_OT_MAX || a.group_count == 0)
		return -DER_INVAL;
	if (a.redun == 0)
		return -DER_INVAL;
	if (a.redun != OR_RP_1)
		return -DER_NOTSUPPORTED;
	*ret_attr = a;
	return 0;
}

int place_group_count(const struct pmap *map, uint8_t redun, uint32_t group_count,
		      uint32_t *ret_group_count)
{
	if (redun == 0 || group_count == 0)
		return -DER_INVAL;
	if (redun != OR_RP_1)
		return -DER_NOTSUPPORTED;
	/* "X" asks for one group per target; a fixed count beyond the pool's targets is cut to it. */
	*ret_group_count = (uint32_t)min_u64(min_u64(group_count, map->target_count),
					     MAX_NUM_GROUPS - 1);
	return 0;
}

uint64_t place_dkey_hash(struct oid oid, const void *dkey, size_t len)
{
	uint64_t chunk;

	if (daos_is_dkey_uint64_type((enum daos_otype_t)(oid.hi >> OID_FMT_TYPE_SHIFT)) &&
	    len == sizeof(chunk)) {
		memcpy(&chunk, dkey, sizeof(chunk));
		return chunk;
	}
	return hash_bytes(dkey, len, 0);
}

uint32_t place_dkey_group(const struct place_attr *attr, uint64_t dkey_hash)
{
	if (attr->group_count == 1)
		return 0;
	/* Chunk numbers in sequence go round robin; hashed keys are uniform already. */
	if (daos_is_dkey_uint64_type((enum daos_otype_t)attr->type))
		return (uint32_t)(dkey_hash % attr->group_count);
	return hash_jump(dkey_hash, attr->group_count);
}

int place_shard(const struct pmap *map, struct oid oid, const struct place_attr *attr,
		uint32_t shard, uint32_t *ret_target)
{
	uint64_t key = mix64_2(oid.hi, oid.lo);
	uint32_t first = hash_jump(key, map->target_count);
	uint32_t target;

	ASSERT(shard < attr->group_count * attr->group_size);
	/* Neighbours in number are on different ranks (pmap_make), so a run of them spreads. */
	target = (uint32_t)(((uint64_t)first + shard) % map->target_count);
	*ret_target = target;
	switch (map->targets[target].state) {
	case PMAP_UPIN:
	case PMAP_DRAIN:
		return 0;
	default:
		return -DER_DATA_LOSS;
	}
}

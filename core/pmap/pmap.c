#include "core/pmap/pmap.h"

#include "core/base/prng.h"

/*
 * Encoding, little-endian: magic u32, format u32, pool 16 bytes, version u32, target_count u32,
 * rank_count u32, then per target rank u32, idx u16, state u8, 0 u8, since u32; last a u64 hash of all
 * bytes before.
 */
#define PMAP_MAGIC 0x50414d47u	/* "GMAP" */
#define PMAP_FORMAT 1u
#define PMAP_HEAD_BYTES 36u
#define PMAP_TARGET_BYTES 12u
#define PMAP_TAIL_BYTES 8u

static_assert(sizeof(struct pmap_target) == PMAP_TARGET_BYTES, "memory and encoding agree");

size_t pmap_bytes(uint32_t target_count)
{
	return sizeof(struct pmap) + (size_t)target_count * sizeof(struct pmap_target);
}

void pmap_make(const struct uid *pool, const uint32_t *ranks, const uint32_t *targets_per_rank,
	       uint32_t rank_count, struct pmap *ret_map)
{
	uint32_t left = 0;
	uint32_t n = 0;
	uint32_t idx;
	uint32_t r;

	for (r = 0; r < rank_count; r++)
		left += targets_per_rank[r];
	*ret_map = (struct pmap){ .pool = *pool, .version = 1, .target_count = left,
				  .rank_count = rank_count };
	for (idx = 0; n < left; idx++)
		for (r = 0; r < rank_count; r++)
			if (idx < targets_per_rank[r])
				ret_map->targets[n++] = (struct pmap_target){
					.rank = ranks[r], .idx = (uint16_t)idx,
					.state = PMAP_UPIN, .since = 1 };
}

size_t pmap_encoded_bytes(uint32_t target_count)
{
	return PMAP_HEAD_BYTES + (size_t)target_count * PMAP_TARGET_BYTES + PMAP_TAIL_BYTES;
}

static void put_u32(uint8_t *dst, size_t off, uint32_t v)
{
	memcpy(dst + off, &v, sizeof(v));
}

static uint32_t get_u32(const uint8_t *src, size_t off)
{
	uint32_t v;

	memcpy(&v, src + off, sizeof(v));
	return v;
}

void pmap_encode(const struct pmap *map, void *dst)
{
	size_t body = PMAP_HEAD_BYTES + (size_t)map->target_count * PMAP_TARGET_BYTES;
	uint8_t *d = dst;
	uint64_t hash;

	put_u32(d, 0, PMAP_MAGIC);
	put_u32(d, 4, PMAP_FORMAT);
	memcpy(d + 8, map->pool.b, sizeof(map->pool.b));
	put_u32(d, 24, map->version);
	put_u32(d, 28, map->target_count);
	put_u32(d, 32, map->rank_count);
	memcpy(d + PMAP_HEAD_BYTES, map->targets, (size_t)map->target_count * PMAP_TARGET_BYTES);
	hash = hash_bytes(d, body, 0);
	memcpy(d + body, &hash, sizeof(hash));
}

int pmap_decode_count(const void *src, size_t bytes, uint32_t *ret_target_count)
{
	const uint8_t *s = src;
	uint32_t count;

	if (bytes < PMAP_HEAD_BYTES + PMAP_TAIL_BYTES || get_u32(s, 0) != PMAP_MAGIC ||
	    get_u32(s, 4) != PMAP_FORMAT)
		return -DER_PROTO;
	count = get_u32(s, 28);
	if (count == 0 || count > PMAP_TARGETS_MAX || pmap_encoded_bytes(count) != bytes)
		return -DER_PROTO;
	*ret_target_count = count;
	return 0;
}

int pmap_decode(const void *src, size_t bytes, struct pmap *ret_map)
{
	const uint8_t *s = src;
	uint64_t hash;
	uint32_t count;
	uint32_t i;
	int rc;

	rc = pmap_decode_count(src, bytes, &count);
	if (rc != 0)
		return rc;
	memcpy(&hash, s + bytes - PMAP_TAIL_BYTES, sizeof(hash));
	if (hash != hash_bytes(s, bytes - PMAP_TAIL_BYTES, 0))
		return -DER_PROTO;
	*ret_map = (struct pmap){ .version = get_u32(s, 24), .target_count = count,
				  .rank_count = get_u32(s, 32) };
	memcpy(ret_map->pool.b, s + 8, sizeof(ret_map->pool.b));
	memcpy(ret_map->targets, s + PMAP_HEAD_BYTES, (size_t)count * PMAP_TARGET_BYTES);
	if (ret_map->version == 0 || ret_map->rank_count == 0 || ret_map->rank_count > count)
		return -DER_PROTO;
	for (i = 0; i < count; i++) {
		const struct pmap_target *t = &ret_map->targets[i];

		if (t->state < PMAP_DOWNOUT || t->state >= PMAP_STATE_END || t->resv != 0 ||
		    t->since > ret_map->version)
			return -DER_PROTO;
	}
	return 0;
}

int pmap_find(const struct pmap *map, uint32_t rank, uint32_t idx, uint32_t *ret_target)
{
	uint32_t i;

	for (i = 0; i < map->target_count; i++)
		if (map->targets[i].rank == rank && map->targets[i].idx == idx) {
			*ret_target = i;
			return 0;
		}
	return -DER_NONEXIST;
}

void pmap_set_state(struct pmap *map, uint32_t target, enum pmap_state state)
{
	ASSERT(target < map->target_count && state >= PMAP_DOWNOUT && state < PMAP_STATE_END);
	map->targets[target].state = (uint8_t)state;
	map->targets[target].since = map->version;
}

uint32_t pmap_count(const struct pmap *map, enum pmap_state state)
{
	uint32_t count = 0;
	uint32_t i;

	for (i = 0; i < map->target_count; i++)
		count += map->targets[i].state == state;
	return count;
}

const char *pmap_state_name(uint32_t state)
{
	static const char *const names[] = {
		[PMAP_NEW] = "NEW", [PMAP_UP] = "UP", [PMAP_UPIN] = "UPIN",
		[PMAP_DRAIN] = "DRAIN", [PMAP_DOWN] = "DOWN", [PMAP_DOWNOUT] = "DOWNOUT",
	};

	return state < ARRAY_COUNT(names) && names[state] != NULL ? names[state] : "?";
}

/**
 * Private to core/wire: little-endian loads and stores, and what the interpreters share.
 */
#ifndef GEMEL_WIRE_WIRE_INT_H
#define GEMEL_WIRE_WIRE_INT_H

#include "core/wire/wire.h"

/* Elements of arrays are copied as they stand in memory: a big-endian host needs swaps here. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");
_Static_assert(sizeof(struct oid) == 16 && sizeof(struct recx) == 16 && sizeof(struct uid) == 16,
	       "elements have no padding");

/** How every array member looks to the interpreters. */
struct wire_any_array {
	const void *v;
	uint32_t nr;
};

static inline uint16_t get_u16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t get_u32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t get_u64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void put_u16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void put_u32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void put_u64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/** Bytes of one element of a plain array kind. */
static inline uint32_t elem_bytes(uint8_t kind)
{
	switch (kind) {
	case WIRE_K_A_U32:
		return 4;
	case WIRE_K_A_U64:
		return 8;
	default:
		return 16;
	}
}

#endif

/**
 * Pseudo-random numbers (xoshiro256**) and the integer mixers used for hashing. Reproducible on
 * every machine; not for secrets.
 * Sources: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021); splitmix64
 * as its seeding function; Lamping and Veach, "A fast, minimal memory, consistent hash" (2014).
 */
#ifndef GEMEL_BASE_PRNG_H
#define GEMEL_BASE_PRNG_H

#include "core/base/base.h"

struct prng {
	uint64_t s[4];
};

/** Finaliser of splitmix64: a bijection whose every output bit depends on every input bit. */
static inline uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t mix64_2(uint64_t a, uint64_t b)
{
	return mix64(mix64(a) ^ b);
}

void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);

/** Uniform in [0, @n), @n > 0, without modulo bias. */
uint64_t prng_below(struct prng *p, uint64_t n);

/** Fill @bytes of @dst. */
void prng_fill(struct prng *p, void *dst, size_t bytes);

/** 64-bit hash of a byte string; stable across machines (it is used on media and on the wire). */
uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed);

/** Bucket of @key among @buckets > 0 by jump consistent hash. */
uint32_t hash_jump(uint64_t key, uint32_t buckets);

#endif

/*
 * Hash functions, all published ones: their results are part of what programs store, so they are
 * written down here once and checked against independent versions in the tests.
 */
#include "lib/gurt/gurt_int.h"

uint32_t d_hash_string_u32(const char *string, unsigned int len)
{
	uint32_t hash = 5381;
	unsigned int i;

	for (i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)string[i];
	return hash;
}

uint64_t d_hash_mix64(uint64_t key)
{
	key = ~key + (key << 21);
	key ^= key >> 24;
	key *= 265;
	key ^= key >> 14;
	key *= 21;
	key ^= key >> 28;
	key += key << 31;
	return key;
}

/* One step of Jenkins' mix; @shift is to the left if negative. */
static uint32_t mix96_step(uint32_t x, uint32_t y, uint32_t z, int shift)
{
	x -= y;
	x -= z;
	return x ^ (shift < 0 ? z << -shift : z >> shift);
}

uint32_t d_hash_mix96(uint32_t a, uint32_t b, uint32_t c)
{
	static const signed char shift[3][3] = { { 13, -8, 13 }, { 12, -16, 5 }, { 3, -10, 15 } };
	int i;

	for (i = 0; i < 3; i++) {
		a = mix96_step(a, b, c, shift[i][0]);
		b = mix96_step(b, c, a, shift[i][1]);
		c = mix96_step(c, a, b, shift[i][2]);
	}
	return c;
}

#define MURMUR_MUL	0xc6a4a7935bd1e995ULL
#define MURMUR_SHIFT	47

uint64_t d_hash_murmur64(const unsigned char *key, unsigned int key_len, unsigned int seed)
{
	uint64_t hash = seed ^ key_len * MURMUR_MUL;
	uint64_t word;

	for (; key_len >= 8; key += 8, key_len -= 8) {
		memcpy(&word, key, sizeof(word));
		word *= MURMUR_MUL;
		word ^= word >> MURMUR_SHIFT;
		word *= MURMUR_MUL;
		hash = (hash ^ word) * MURMUR_MUL;
	}
	if (key_len != 0) {
		word = 0;
		memcpy(&word, key, key_len);
		hash = (hash ^ word) * MURMUR_MUL;
	}
	hash = (hash ^ hash >> MURMUR_SHIFT) * MURMUR_MUL;
	return hash ^ hash >> MURMUR_SHIFT;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "MurmurHash64A reads words so");

/*
 * Lamping and Veach: walk over the bucket counts at which the key would have moved. The two
 * floating-point operations are exactly rounded, so the result is the same everywhere.
 */
uint32_t d_hash_jump(uint64_t key, uint32_t num_buckets)
{
	int64_t bucket = -1;
	int64_t next = 0;

	while (next < num_buckets) {
		bucket = next;
		key = key * 2862933555777941757ULL + 1;
		next = (int64_t)((double)(bucket + 1) * (2147483648.0 / (double)((key >> 33) + 1)));
	}
	return (uint32_t)bucket;
}

uint32_t d_u32_hash(uint64_t key, unsigned int bits)
{
	return (uint32_t)(key * 0x9e370001ULL >> (32 - bits));
}

uint64_t d_u64_hash(uint64_t val, unsigned int bits)
{
	return val * 0xcbf29ce484222325ULL >> (64 - bits);
}

unsigned int d_power2_nbits(unsigned int val)
{
	unsigned int bits = 0;

	while (bits < 32 && 1ULL << bits < val)
		bits++;
	return bits;
}

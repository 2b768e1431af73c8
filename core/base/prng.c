#include "core/base/prng.h"

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void prng_seed(struct prng *p, uint64_t seed)
{
	uint64_t i;

	/* mix64 adds the golden gamma itself, so stepping by it is splitmix64's sequence. */
	for (i = 0; i < 4; i++)
		p->s[i] = mix64(seed + i * 0x9e3779b97f4a7c15ULL);
}

uint64_t prng_next(struct prng *p)
{
	uint64_t *s = p->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t prng_below(struct prng *p, uint64_t n)
{
	uint64_t threshold;
	uint64_t x;

	ASSERT(n > 0);
	threshold = (0 - n) % n;
	do
		x = prng_next(p);
	while (x < threshold);
	return x % n;
}

void prng_fill(struct prng *p, void *dst, size_t bytes)
{
	uint8_t *d = dst;

	while (bytes > 0) {
		uint64_t x = prng_next(p);
		size_t n = bytes < sizeof(x) ? bytes : sizeof(x);

		memcpy(d, &x, n);
		d += n;
		bytes -= n;
	}
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Multiply to 128 bits and fold: one strong mixing step per 16 bytes of input. */
static uint64_t mum(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed)
{
	const uint64_t k0 = 0xa0761d6478bd642fULL;
	const uint64_t k1 = 0xe7037ed1a0b428dbULL;
	const uint8_t *p = ptr;
	uint64_t h = mix64(seed ^ (uint64_t)len);
	uint8_t tail[16] = { 0 };

	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hashes are on media and wire");
	while (len > 16) {
		h = mum(load64(p) ^ k0 ^ h, load64(p + 8) ^ k1);
		p += 16;
		len -= 16;
	}
	if (len > 0)
		memcpy(tail, p, len);
	h = mum(load64(tail) ^ k0 ^ h, load64(tail + 8) ^ k1);
	return mix64(h);
}

uint32_t hash_jump(uint64_t key, uint32_t buckets)
{
	int64_t b = -1;
	int64_t j = 0;

	ASSERT(buckets > 0);
	/* The paper divides by a double; exact in integers it is floor((b+1) * 2^31 / r). */
	while (j < (int64_t)buckets) {
		b = j;
		key = key * 2862933555777941757ULL + 1;
		j = (int64_t)(((uint64_t)(b + 1) << 31) / ((key >> 33) + 1));
	}
	return (uint32_t)b;
}

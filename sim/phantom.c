#include "sim/phantom.h"

#include <stdlib.h>
#include <sys/mman.h>

#define SPACE_BYTES (1ull << 43)	/* 8 TiB of addresses; nothing of it is ever resident */
#define GRANULE_SHIFT 21		/* buffers begin at multiples of 2 MiB */
#define RUNS_FIRST 8u

struct buffer {
	char *base;
	uint64_t granules;
	struct bsink sink;
	struct buffer *next_free;
};

struct phantom {
	char *space;
	uint64_t used;			/* granules handed out so far, from the start */
	struct buffer **owner;		/* of each granule */
	uint64_t owner_cap;
	struct buffer *free;		/* for reuse, any size */
};

struct phantom *phantom_create(void)
{
	struct phantom *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->space = mmap(NULL, SPACE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);
	if (p->space == MAP_FAILED) {
		free(p);
		return NULL;
	}
	return p;
}

static void buffer_destroy(struct buffer *b)
{
	free(b->sink.runs);
	free(b);
}

void phantom_destroy(struct phantom *p)
{
	if (p == NULL)
		return;
	for (uint64_t g = 0; g < p->used;) {
		struct buffer *b = p->owner[g];

		g += b->granules;
		buffer_destroy(b);
	}
	(void)munmap(p->space, SPACE_BYTES);
	free(p->owner);
	free(p);
}

static int runs_grow(struct bsink *sink, uint32_t cap)
{
	struct bseg *runs = realloc(sink->runs, cap * sizeof(*runs));

	if (runs == NULL)
		return -DER_NOMEM;
	sink->runs = runs;
	sink->cap = cap;
	return 0;
}

static int owners_reserve(struct phantom *p, uint64_t nr)
{
	uint64_t cap = p->owner_cap == 0 ? 1024 : p->owner_cap;
	struct buffer **owner;

	while (cap < nr)
		cap *= 2;
	if (cap == p->owner_cap)
		return 0;
	owner = realloc(p->owner, cap * sizeof(*owner));
	if (owner == NULL)
		return -DER_NOMEM;
	p->owner = owner;
	p->owner_cap = cap;
	return 0;
}

/* A free buffer of exactly that size: programs allocate the same sizes again and again. */
static struct buffer *reuse(struct phantom *p, uint64_t granules)
{
	for (struct buffer **at = &p->free; *at != NULL; at = &(*at)->next_free) {
		struct buffer *b = *at;

		if (b->granules == granules) {
			*at = b->next_free;
			return b;
		}
	}
	return NULL;
}

static struct buffer *carve(struct phantom *p, uint64_t granules)
{
	struct buffer *b;

	if (granules > (SPACE_BYTES >> GRANULE_SHIFT) - p->used ||
	    owners_reserve(p, p->used + granules) != 0)
		return NULL;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	b->sink.runs = calloc(RUNS_FIRST, sizeof(*b->sink.runs));
	if (b->sink.runs == NULL) {
		free(b);
		return NULL;
	}
	b->sink.cap = RUNS_FIRST;
	b->base = p->space + (p->used << GRANULE_SHIFT);
	b->granules = granules;
	for (uint64_t i = 0; i < granules; i++)
		p->owner[p->used + i] = b;
	p->used += granules;
	return b;
}

void *phantom_alloc(struct phantom *p, size_t bytes)
{
	uint64_t granules = max_u64((bytes + (1u << GRANULE_SHIFT) - 1) >> GRANULE_SHIFT, 1);
	struct buffer *b = reuse(p, granules);

	if (b == NULL)
		b = carve(p, granules);
	if (b == NULL)
		return NULL;
	bsink_init(&b->sink, bytes, b->sink.runs, b->sink.cap);
	b->sink.grow = runs_grow;
	return b->base;
}

/* The buffer that holds [ptr, ptr + bytes), or NULL. */
static struct buffer *buffer_of(const struct phantom *p, const void *ptr, uint64_t bytes)
{
	uintptr_t off = (uintptr_t)ptr - (uintptr_t)p->space;
	uint64_t g = off >> GRANULE_SHIFT, in;
	struct buffer *b;

	if ((uintptr_t)ptr < (uintptr_t)p->space || g >= p->used)
		return NULL;
	b = p->owner[g];
	in = (uint64_t)((const char *)ptr - b->base);
	return in <= b->sink.bytes && bytes <= b->sink.bytes - in ? b : NULL;
}

void phantom_free(struct phantom *p, void *ptr)
{
	struct buffer *b = buffer_of(p, ptr, 0);

	if (ptr == NULL)
		return;
	ASSERT(b != NULL && b->base == ptr);
	b->next_free = p->free;
	p->free = b;
}

int phantom_fill(struct phantom *p, void *ptr, size_t bytes, uint64_t gen, uint64_t start)
{
	struct buffer *b = buffer_of(p, ptr, bytes);
	struct bseg from, to;
	struct buf src, dst;

	if (b == NULL)
		return -DER_INVAL;
	src = buf_from_gen(&from, gen, start, bytes);
	dst = buf_from_sink(&to, &b->sink, (uint64_t)((char *)ptr - b->base), bytes);
	return buf_copy(&dst, 0, &src, 0, bytes);
}

/* The run that position @at of @b lies in, and where in it; zeros where nothing was written. */
static struct bseg run_at(const struct buffer *b, uint64_t at)
{
	uint64_t pos = 0;

	for (uint32_t i = 0; i < b->sink.nr; i++) {
		struct bseg run = b->sink.runs[i];

		if (at < pos + run.bytes) {
			run.start += at - pos;
			run.bytes -= at - pos;
			return run;
		}
		pos += run.bytes;
	}
	return (struct bseg){ .kind = BSEG_GEN, .bytes = b->sink.bytes - at };
}

uint64_t phantom_verify(struct phantom *p, const void *ptr, size_t bytes, uint64_t gen,
			uint64_t start, uint64_t *ret_first)
{
	const struct buffer *b = buffer_of(p, ptr, bytes);
	uint64_t wrong = 0, at = 0, n;

	ASSERT(b != NULL);
	for (; at < bytes; at += n) {
		struct bseg run = run_at(b, (uint64_t)((const char *)ptr - b->base) + at);

		n = min_u64(run.bytes, bytes - at);
		if (run.gen == gen && (gen == 0 || run.start == start + at))
			continue;
		if (wrong == 0)
			*ret_first = at;
		wrong += n;
	}
	return wrong;
}

bool phantom_segment(struct phantom *p, void *ptr, uint64_t bytes, uint32_t access,
		     struct bseg *ret_seg)
{
	struct buffer *b = buffer_of(p, ptr, bytes);
	struct bseg run;
	uint64_t off;

	if (b == NULL)
		return false;
	off = (uint64_t)((char *)ptr - b->base);
	run = run_at(b, off);
	if (access == RT_ACCESS_READ && run.bytes >= bytes)
		(void)buf_from_gen(ret_seg, run.gen, run.start, bytes);
	else
		(void)buf_from_sink(ret_seg, &b->sink, off, bytes);
	return true;
}

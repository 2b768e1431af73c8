/*
 * Stacks of ULTs. They come from large anonymous mappings without guard pages: a guard page per
 * stack would break one mapping into two, and the kernel's limit on mappings ends at about 30,000
 * stacks. Overruns are kept away by -Wstack-usage and by the high-water marks that tests assert, and
 * a stack whose ULT ends with its lowest page touched (painted streams) stops the process.
 *
 * Free stacks are reused last in, first out, so that a few warm stacks serve a busy stream. The link
 * of a free stack is kept at its top, which is warm, not at its bottom, which may never be touched.
 */
#include "core/rt/ult_int.h"

#include <sys/mman.h>

#ifdef BASE_ASAN
#include <sanitizer/asan_interface.h>
#define STACK_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define STACK_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define STACK_CLASSES 8		/* min_bytes << class */
#define SLAB_BYTES (4u << 20)

struct free_stack {
	struct free_stack *next;
	char *stack;
};

struct slab {
	struct slab *next;
	size_t bytes;
};

struct ult_stacks {
	uint32_t min_bytes;
	struct free_stack *free[STACK_CLASSES];
	struct slab *slabs;
	char *bump;		/* unused rest of the newest slab */
	size_t bump_bytes;
	struct ult_stacks_stats stats;
};

static void *stack_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Huge pages would make every touched stack cost 2 MiB; a refusal only costs memory. */
	(void)madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

struct ult_stacks *ult_stacks_create(uint32_t default_bytes)
{
	struct ult_stacks *s = stack_map(4096);

	static_assert(sizeof(*s) <= 4096, "one page");
	ASSERT(default_bytes >= 4096);
	if (s == NULL)
		return NULL;
	s->min_bytes = (uint32_t)align_up((uint64_t)default_bytes * ULT_STACK_FACTOR, 4096);
	return s;
}

void ult_stacks_destroy(struct ult_stacks *s)
{
	if (s == NULL)
		return;
	ASSERT(s->stats.in_use == 0);
	while (s->slabs != NULL) {
		struct slab *slab = s->slabs;

		s->slabs = slab->next;
		STACK_UNPOISON(slab, slab->bytes);
		(void)munmap(slab, slab->bytes);
	}
	(void)munmap(s, 4096);
}

static uint32_t stack_class(const struct ult_stacks *s, uint64_t bytes)
{
	uint32_t c = 0;

	while (((uint64_t)s->min_bytes << c) < bytes)
		c++;
	return c;
}

static char *stack_carve(struct ult_stacks *s, size_t bytes)
{
	char *p;

	if (s->bump_bytes < bytes) {
		size_t slab_bytes = bytes + 4096 > SLAB_BYTES ? bytes + 4096 : SLAB_BYTES;
		struct slab *slab = stack_map(slab_bytes);

		if (slab == NULL)
			return NULL;
		slab->next = s->slabs;
		slab->bytes = slab_bytes;
		s->slabs = slab;
		s->bump = (char *)slab + 4096;
		s->bump_bytes = slab_bytes - 4096;
		s->stats.mapped_bytes += slab_bytes;
	}
	p = s->bump;
	s->bump += bytes;
	s->bump_bytes -= bytes;
	return p;
}

char *ult_stack_get(struct ult_stacks *s, uint32_t bytes, uint32_t *ret_bytes)
{
	uint64_t want = (uint64_t)bytes * ULT_STACK_FACTOR;
	uint32_t c = stack_class(s, want);
	char *stack;

	if (c >= STACK_CLASSES)
		return NULL;
	if (s->free[c] != NULL) {
		struct free_stack *f = s->free[c];

		s->free[c] = f->next;
		stack = f->stack;
		s->stats.idle--;
	} else {
		stack = stack_carve(s, (size_t)s->min_bytes << c);
		if (stack == NULL)
			return NULL;
	}
	s->stats.in_use++;
	*ret_bytes = s->min_bytes << c;
	return stack;
}

void ult_stack_put(struct ult_stacks *s, char *stack, uint32_t bytes)
{
	uint32_t c = stack_class(s, bytes);
	struct free_stack *f;

	ASSERT(c < STACK_CLASSES && s->min_bytes << c == bytes && s->stats.in_use > 0);
	STACK_UNPOISON(stack, bytes);
	f = (struct free_stack *)(void *)(stack + bytes - sizeof(*f));
	f->next = s->free[c];
	f->stack = stack;
	s->free[c] = f;
	s->stats.in_use--;
	s->stats.idle++;
}

void ult_stacks_query(const struct ult_stacks *s, struct ult_stacks_stats *ret_stats)
{
	*ret_stats = s->stats;
}

#include "core/base/arena.h"

#include <stdlib.h>

/* In front of every block. 32 bytes, so that a 16-aligned block stays 16-aligned. */
struct arena_block {
	struct list link;
	void *base;		/* what the C library gave */
	size_t bytes;		/* all of it */
};

static_assert(sizeof(struct arena_block) % 16 == 0, "blocks keep their alignment");

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
	list_init(&a->blocks);
}

void arena_drop(struct arena *a)
{
	while (!list_empty(&a->blocks)) {
		struct arena_block *b = list_first(&a->blocks, struct arena_block, link);

		arena_free(a, b + 1);
	}
}

void *arena_alloc(struct arena *a, size_t bytes, size_t align)
{
	struct arena_block *b;
	size_t extra;
	size_t total;
	char *base;
	uintptr_t at;

	if (align < 16)
		align = 16;
	ASSERT((align & (align - 1)) == 0);
	extra = sizeof(*b) + (align > 16 ? align : 0);
	if (bytes > SIZE_MAX - extra)
		return NULL;
	total = bytes + extra;
	if (a->fail_at != 0 && --a->fail_at == 0)
		return NULL;
	if (a->limit_bytes != 0 && (total > a->limit_bytes || a->bytes > a->limit_bytes - total))
		return NULL;
	base = calloc(1, total);
	if (base == NULL)
		return NULL;
	at = (uintptr_t)base + sizeof(*b);
	if (align > 16)
		at = (at + align - 1) & ~(uintptr_t)(align - 1);
	b = (struct arena_block *)(void *)(base + (at - (uintptr_t)base)) - 1;
	b->base = base;
	b->bytes = total;
	list_add_tail(&a->blocks, &b->link);
	a->bytes += total;
	a->count++;
	if (a->bytes > a->peak_bytes)
		a->peak_bytes = a->bytes;
	return b + 1;
}

void arena_free(struct arena *a, void *ptr)
{
	struct arena_block *b;

	if (ptr == NULL)
		return;
	b = (struct arena_block *)ptr - 1;
	ASSERT(a->count > 0 && a->bytes >= b->bytes);
	a->count--;
	a->bytes -= b->bytes;
	list_del(&b->link);
	free(b->base);
}

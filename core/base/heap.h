/**
 * Intrusive pairing heap keyed by (key, seq): smallest first, ties in the order of insertion, so the
 * order of equal timers does not depend on addresses. No allocation; remove of any node is
 * O(log n) amortised.
 */
#ifndef GEMEL_BASE_HEAP_H
#define GEMEL_BASE_HEAP_H

#include "core/base/base.h"

struct heap_node {
	struct heap_node *child;
	struct heap_node *next;
	struct heap_node *prev;	/**< previous sibling, or the parent for a first child */
	uint64_t key;
	uint64_t seq;
};

struct heap {
	struct heap_node *root;
	uint64_t next_seq;
	size_t count;
};

static inline void heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

static inline struct heap_node *heap_min(const struct heap *h)
{
	return h->root;
}

/** Insert @n, which is in no heap, under @key. */
void heap_insert(struct heap *h, struct heap_node *n, uint64_t key);

/** Remove @n, which is in @h. */
void heap_remove(struct heap *h, struct heap_node *n);

#endif

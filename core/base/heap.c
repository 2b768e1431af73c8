#include "core/base/heap.h"

static bool heap_less(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

/* Make the larger of two roots the first child of the smaller one. */
static struct heap_node *heap_meld(struct heap_node *a, struct heap_node *b)
{
	struct heap_node *t;

	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (heap_less(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next != NULL)
		b->next->prev = b;
	a->child = b;
	a->next = NULL;
	a->prev = NULL;
	return a;
}

/* Two-pass merge of a list of siblings, without recursion: pair them left to right onto a stack
 * that is linked through next, then meld the stack. */
static struct heap_node *heap_merge_pairs(struct heap_node *first)
{
	struct heap_node *stack = NULL;
	struct heap_node *root = NULL;

	while (first != NULL) {
		struct heap_node *a = first;
		struct heap_node *b = a->next;
		struct heap_node *pair;

		first = b != NULL ? b->next : NULL;
		a->next = NULL;
		a->prev = NULL;
		if (b != NULL) {
			b->next = NULL;
			b->prev = NULL;
		}
		pair = heap_meld(a, b);
		pair->next = stack;
		stack = pair;
	}
	while (stack != NULL) {
		struct heap_node *next = stack->next;

		stack->next = NULL;
		stack->prev = NULL;
		root = heap_meld(root, stack);
		stack = next;
	}
	return root;
}

void heap_insert(struct heap *h, struct heap_node *n, uint64_t key)
{
	*n = (struct heap_node){ .key = key, .seq = h->next_seq++ };
	h->root = heap_meld(h->root, n);
	h->count++;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *sub = heap_merge_pairs(n->child);

	ASSERT(h->count > 0);
	if (h->root == n) {
		h->root = sub;
	} else {
		ASSERT(n->prev != NULL);
		if (n->prev->child == n)
			n->prev->child = n->next;
		else
			n->prev->next = n->next;
		if (n->next != NULL)
			n->next->prev = n->prev;
		h->root = heap_meld(h->root, sub);
	}
	n->child = NULL;
	n->next = NULL;
	n->prev = NULL;
	h->count--;
}

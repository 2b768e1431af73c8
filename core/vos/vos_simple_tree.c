/* AVL tree with parent pointers, no recursion. */
#include "core/vos/vos_simple_int.h"

static int32_t height(const struct vs_node *n)
{
	return n == NULL ? 0 : n->height;
}

/* Recompute height and max of @n; false when neither changed. */
static bool refresh(struct vs_node *n)
{
	int32_t hl = height(n->left);
	int32_t hr = height(n->right);
	int32_t h = (hl > hr ? hl : hr) + 1;
	uint64_t max = n->own;

	if (n->left != NULL)
		max = max_u64(max, n->left->max);
	if (n->right != NULL)
		max = max_u64(max, n->right->max);
	if (h == n->height && max == n->max)
		return false;
	n->height = h;
	n->max = max;
	return true;
}

static void replace_child(struct vs_tree *t, struct vs_node *up, struct vs_node *old,
			  struct vs_node *n)
{
	if (up == NULL)
		t->root = n;
	else if (up->left == old)
		up->left = n;
	else
		up->right = n;
	if (n != NULL)
		n->up = up;
}

/* Lift the right child of @n (left: its left child) over it; returns the child. */
static struct vs_node *rotate(struct vs_tree *t, struct vs_node *n, bool left)
{
	struct vs_node *c = left ? n->left : n->right;
	struct vs_node *inner = left ? c->right : c->left;

	replace_child(t, n->up, n, c);
	if (left) {
		n->left = inner;
		c->right = n;
	} else {
		n->right = inner;
		c->left = n;
	}
	n->up = c;
	if (inner != NULL)
		inner->up = n;
	(void)refresh(n);	/* the parent's turn comes whatever it says */
	(void)refresh(c);
	return c;
}

static void rebalance(struct vs_tree *t, struct vs_node *n)
{
	while (n != NULL) {
		bool changed = refresh(n);
		int32_t tilt = height(n->left) - height(n->right);

		if (tilt > 1) {
			if (height(n->left->left) < height(n->left->right))
				rotate(t, n->left, false);
			n = rotate(t, n, true);
		} else if (tilt < -1) {
			if (height(n->right->right) < height(n->right->left))
				rotate(t, n->right, true);
			n = rotate(t, n, false);
		} else if (!changed) {
			return;
		}
		n = n->up;
	}
}

/* Rebalance from @n on although @n itself may look unchanged. */
static void refresh_from(struct vs_tree *t, struct vs_node *n)
{
	if (n != NULL)
		n->height = 0;
	rebalance(t, n);
}

void vs_tree_link(struct vs_tree *t, struct vs_node *n, struct vs_node *up, struct vs_node **link)
{
	n->left = NULL;
	n->right = NULL;
	n->up = up;
	n->height = 0;
	*link = n;
	t->count++;
	rebalance(t, n);
}

void vs_tree_erase(struct vs_tree *t, struct vs_node *n)
{
	struct vs_node *from;
	struct vs_node *s = NULL;	/* what takes the place of @n */

	ASSERT(t->count > 0);
	t->count--;
	if (n->left == NULL || n->right == NULL) {
		from = n->up;
		replace_child(t, n->up, n, n->left != NULL ? n->left : n->right);
	} else {
		s = n->right;

		while (s->left != NULL)
			s = s->left;
		from = s->up == n ? s : s->up;
		replace_child(t, s->up, s, s->right);
		s->left = n->left;
		s->left->up = s;
		s->right = n->right;
		if (s->right != NULL)
			s->right->up = s;
		replace_child(t, n->up, n, s);
		s->height = n->height;
		s->max = n->max;
	}
	refresh_from(t, from);
	/* The walk from below may have ended before it reached @s, whose own differs from @n's. */
	if (s != NULL && s != from)
		refresh_from(t, s);
}

struct vs_node *vs_tree_first(const struct vs_tree *t)
{
	struct vs_node *n = t->root;

	while (n != NULL && n->left != NULL)
		n = n->left;
	return n;
}

struct vs_node *vs_tree_last(const struct vs_tree *t)
{
	struct vs_node *n = t->root;

	while (n != NULL && n->right != NULL)
		n = n->right;
	return n;
}

struct vs_node *vs_tree_next(const struct vs_node *n)
{
	if (n->right != NULL) {
		n = n->right;
		while (n->left != NULL)
			n = n->left;
		return (struct vs_node *)(uintptr_t)n;
	}
	while (n->up != NULL && n->up->right == n)
		n = n->up;
	return n->up;
}

struct vs_node *vs_tree_prev(const struct vs_node *n)
{
	if (n->left != NULL) {
		n = n->left;
		while (n->right != NULL)
			n = n->right;
		return (struct vs_node *)(uintptr_t)n;
	}
	while (n->up != NULL && n->up->left == n)
		n = n->up;
	return n->up;
}

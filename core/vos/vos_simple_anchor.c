/* Places between two calls of an iteration: of keys, as (order, key), or its first bytes and a
 * hash. */
#include "core/vos/vos_simple_int.h"

void vs_anchor_load(const struct vos_anchor *from, struct vs_anchor *ret_anchor)
{
	memcpy(ret_anchor, from->b, sizeof(*ret_anchor));
}

void vs_anchor_save(const struct vs_anchor *from, struct vos_anchor *ret_anchor)
{
	memcpy(ret_anchor->b, from, sizeof(ret_anchor->b));
}

static uint32_t name_hash(struct bytes name)
{
	uint64_t h = hash_bytes(name.ptr, name.len, 0);

	return (uint32_t)(h ^ h >> 32);
}

void vs_anchor_set_key(struct vs_anchor *a, const struct vs_key *k)
{
	a->order = k->order;
	a->key_len = k->name.len;
	a->key_hash = name_hash(k->name);
	memset(a->key, 0, sizeof(a->key));
	memcpy(a->key, k->name.ptr, min_u64(k->name.len, sizeof(a->key)));
}

/* First key after (order, name), or at it with @or_equal; @rev: last before it. */
static struct vs_key *beside(const struct vs_tree *t, uint64_t order, struct bytes name, bool rev,
			     bool or_equal)
{
	struct vs_node *n = t->root;
	struct vs_key *best = NULL;

	while (n != NULL) {
		struct vs_key *k = container_of(n, struct vs_key, node);
		int c = vs_key_cmp(order, name, k);
		bool fits = (c == 0 && or_equal) || (rev ? c > 0 : c < 0);

		if (fits)
			best = k;
		/* Towards the name when it fits, away from it when it does not. */
		n = fits == rev ? n->right : n->left;
	}
	return best;
}

static struct vs_key *step(const struct vs_key *k, bool rev)
{
	struct vs_node *n = rev ? vs_tree_prev(&k->node) : vs_tree_next(&k->node);

	return n == NULL ? NULL : container_of(n, struct vs_key, node);
}

/* Does @k begin as the anchor's long key does, and is it as long or longer than that? */
static bool begins_so(const struct vs_key *k, const struct vs_anchor *a)
{
	return k != NULL && k->order == a->order && k->name.len >= sizeof(a->key) &&
	       memcmp(k->name.ptr, a->key, sizeof(a->key)) == 0;
}

struct vs_key *vs_anchor_seek(const struct vs_tree *t, const struct vs_anchor *a, bool rev)
{
	struct bytes name = { .ptr = a->key, .len = a->key_len };
	struct vs_key *first;
	struct vs_key *k;

	if (a->key_len <= sizeof(a->key))
		return beside(t, a->order, name, rev, false);
	/* All keys with this beginning lie together, behind the beginning itself. */
	name.len = sizeof(a->key);
	first = beside(t, a->order, name, false, true);
	for (k = first; begins_so(k, a); k = step(k, false))
		if (k->name.len == a->key_len && name_hash(k->name) == a->key_hash)
			return step(k, rev);
	/* It is gone: those beside it once more. @k is the first key behind them. */
	if (!rev)
		return first;
	if (k != NULL)
		return step(k, true);
	return t->root == NULL ? NULL : container_of(vs_tree_last(t), struct vs_key, node);
}

struct vs_obj *vs_obj_beside(struct vs_cont *c, struct oid oid, bool rev, bool or_equal)
{
	struct vs_node *n = c->objs.root;
	struct vs_obj *best = NULL;

	while (n != NULL) {
		struct vs_obj *o = container_of(n, struct vs_obj, node);
		int cmp = vs_cmp_u64(oid.hi, o->oid.hi);
		bool fits;

		if (cmp == 0)
			cmp = vs_cmp_u64(oid.lo, o->oid.lo);
		fits = (cmp == 0 && or_equal) || (rev ? cmp > 0 : cmp < 0);
		if (fits)
			best = o;
		n = fits == rev ? n->right : n->left;
	}
	return best;
}

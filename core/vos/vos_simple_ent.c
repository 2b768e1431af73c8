/*
 * Entries: punch logs, versions of single values, extents, and the index of an akey's array that
 * says which extent is the newest at each record.
 *
 * The index is a cache. When there is no memory to keep it right, or an extent that it shows goes
 * away, it is marked bad, and made anew by the next reader.
 */
#include "core/vos/vos_simple_int.h"

/* ---- punches ---------------------------------------------------------------------------- */

uint32_t vs_plog_above(const struct vs_plog *p, const struct vs_ver *ver)
{
	uint32_t lo = 0;
	uint32_t hi = p->nr;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (vs_ver_cmp(&p->v[mid].ver, ver) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int vs_plog_add(struct vos *v, struct vs_plog *p, const struct vs_punch *tmpl)
{
	uint32_t at = vs_plog_above(p, &tmpl->ver);

	if (vs_grow(v, &p->v, &p->cap, p->nr + 1, sizeof(*p->v)) != 0)
		return -DER_NOMEM;
	memmove(&p->v[at + 1], &p->v[at], (p->nr - at) * sizeof(*p->v));
	p->v[at] = *tmpl;
	p->nr++;
	return 0;
}

void vs_plog_del(struct vs_plog *p, uint32_t idx)
{
	ASSERT(idx < p->nr);
	memmove(&p->v[idx], &p->v[idx + 1], (p->nr - idx - 1) * sizeof(*p->v));
	p->nr--;
}

/* ---- single values ---------------------------------------------------------------------- */

uint32_t vs_single_above(const struct vs_akey *a, const struct vs_ver *ver)
{
	uint32_t lo = 0;
	uint32_t hi = a->single_nr;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (vs_ver_cmp(&a->singles[mid].ver, ver) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int vs_single_add(struct vos *v, struct vs_akey *a, const struct vs_single *tmpl)
{
	uint32_t at = vs_single_above(a, &tmpl->ver);

	if (vs_grow(v, &a->singles, &a->single_cap, a->single_nr + 1, sizeof(*a->singles)) != 0)
		return -DER_NOMEM;
	memmove(&a->singles[at + 1], &a->singles[at], (a->single_nr - at) * sizeof(*a->singles));
	a->singles[at] = *tmpl;
	a->single_nr++;
	return 0;
}

void vs_single_del(struct vos *v, struct vs_akey *a, uint32_t idx)
{
	ASSERT(idx < a->single_nr);
	vs_val_put(v, a->singles[idx].val);
	vs_csum_free(v, a->singles[idx].csum);
	memmove(&a->singles[idx], &a->singles[idx + 1],
		(a->single_nr - idx - 1) * sizeof(*a->singles));
	a->single_nr--;
}

/* ---- extents ---------------------------------------------------------------------------- */

static struct vs_ext *ext_of(struct vs_node *n)
{
	return n == NULL ? NULL : container_of(n, struct vs_ext, node);
}

int vs_ext_cmp(uint64_t idx, const struct vs_ver *ver, const struct vs_ext *e)
{
	int c = vs_cmp_u64(idx, e->idx);

	return c != 0 ? c : vs_ver_cmp(ver, &e->ver);
}

struct vs_ext *vs_ext_find(const struct vs_akey *a, uint64_t idx, const struct vs_ver *ver)
{
	struct vs_node *n = a->exts.root;

	while (n != NULL) {
		int c = vs_ext_cmp(idx, ver, ext_of(n));

		if (c == 0)
			return ext_of(n);
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

/* First node of the subtree, in order, whose extent ends at or after @idx. */
static struct vs_node *reach_first(struct vs_node *n, uint64_t idx)
{
	while (n != NULL && n->max >= idx) {
		if (n->left != NULL && n->left->max >= idx)
			n = n->left;
		else if (n->own >= idx)
			return n;
		else
			n = n->right;
	}
	return NULL;
}

struct vs_ext *vs_ext_overlap(const struct vs_tree *t, uint64_t idx, uint64_t last,
			      const struct vs_ext *after)
{
	struct vs_node *n;

	if (after == NULL) {
		n = reach_first(t->root, idx);
	} else {
		const struct vs_node *at = &after->node;

		n = reach_first(at->right, idx);
		/* Climb to ancestors that follow, then into their right subtrees. */
		while (n == NULL && at->up != NULL) {
			const struct vs_node *up = at->up;

			if (up->left == at) {
				if (up->own >= idx)
					n = at->up;
				else
					n = reach_first(up->right, idx);
			}
			at = up;
		}
	}
	return n != NULL && ext_of(n)->idx <= last ? ext_of(n) : NULL;
}

int vs_ext_add(struct vos *v, struct vs_akey *a, const struct vs_ext *tmpl)
{
	struct vs_node **link = &a->exts.root;
	struct vs_node *up = NULL;
	struct vs_ext *e = vs_alloc(v, sizeof(*e));

	if (e == NULL)
		return -DER_NOMEM;
	*e = *tmpl;
	e->node.own = e->last;
	while (*link != NULL) {
		int c = vs_ext_cmp(e->idx, &e->ver, ext_of(*link));

		ASSERT(c != 0);
		up = *link;
		link = c < 0 ? &up->left : &up->right;
	}
	vs_tree_link(&a->exts, &e->node, up, link);
	if (!a->index_bad && vs_part_put(v, &a->index, e, e->idx, e->last, true) != 0) {
		vs_parts_drop(v, &a->index, true);
		a->index_bad = true;
	}
	return 0;
}

void vs_ext_del(struct vos *v, struct vs_akey *a, struct vs_ext *e)
{
	if (e->parts > 0) {
		vs_parts_drop(v, &a->index, true);
		a->index_bad = true;
	}
	ASSERT(e->parts == 0);
	vs_tree_erase(&a->exts, &e->node);
	if (a->exts.count == 0)
		a->index_bad = false;
	vs_val_put(v, e->val);
	vs_csum_free(v, e->csum);
	vs_free(v, e, sizeof(*e));
}

/* ---- index ------------------------------------------------------------------------------ */

static struct vs_part *part_of(struct vs_node *n)
{
	return n == NULL ? NULL : container_of(n, struct vs_part, node);
}

/* First part that ends at or after @idx. */
struct vs_part *vs_part_at(const struct vs_tree *index, uint64_t idx)
{
	struct vs_node *n = index->root;
	struct vs_node *best = NULL;

	while (n != NULL) {
		if (part_of(n)->last >= idx) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return part_of(best);
}

/* Last part that begins at or before @last. */
struct vs_part *vs_part_below(const struct vs_tree *index, uint64_t last)
{
	struct vs_node *n = index->root;
	struct vs_node *best = NULL;

	while (n != NULL) {
		if (part_of(n)->idx <= last) {
			best = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return part_of(best);
}

static int part_new(struct vos *v, struct vs_tree *index, struct vs_ext *e, uint64_t idx,
		    uint64_t last, bool count, struct vs_part **ret_part)
{
	struct vs_node **link = &index->root;
	struct vs_node *up = NULL;
	struct vs_part *p = vs_alloc(v, sizeof(*p));

	if (p == NULL)
		return -DER_NOMEM;
	*p = (struct vs_part){ .idx = idx, .last = last, .ext = e };
	while (*link != NULL) {
		up = *link;
		ASSERT(part_of(up)->idx != idx);
		link = idx < part_of(up)->idx ? &up->left : &up->right;
	}
	vs_tree_link(index, &p->node, up, link);
	if (count)
		e->parts++;
	*ret_part = p;
	return 0;
}

static void part_del(struct vos *v, struct vs_tree *index, struct vs_part *p, bool count)
{
	if (count) {
		ASSERT(p->ext->parts > 0);
		p->ext->parts--;
	}
	vs_tree_erase(index, &p->node);
	vs_free(v, p, sizeof(*p));
}

/* Take [idx, last] out of @p, which covers it. */
static int part_cut(struct vos *v, struct vs_tree *index, struct vs_part *p, uint64_t idx,
		    uint64_t last, bool count)
{
	struct vs_part *rest;
	uint64_t p_last = p->last;
	int rc;

	ASSERT(p->idx <= idx && p->last >= last);
	if (p->idx == idx && p->last == last) {
		part_del(v, index, p, count);
		return 0;
	}
	if (p->idx == idx) {
		p->idx = last + 1;
		return 0;
	}
	p->last = idx - 1;
	if (p_last == last)
		return 0;
	rc = part_new(v, index, p->ext, last + 1, p_last, count, &rest);
	if (rc != 0)
		p->last = p_last;
	return rc;
}

int vs_part_put(struct vos *v, struct vs_tree *index, struct vs_ext *e, uint64_t idx, uint64_t last,
		bool count)
{
	struct vs_part *mine = NULL;	/* the part made last, to be extended */
	uint64_t at = idx;
	int rc = 0;

	for (;;) {
		struct vs_part *p = vs_part_at(index, at);
		uint64_t end = last;
		bool show = true;

		if (p != NULL && p->idx <= at) {
			end = min_u64(p->last, last);
			show = vs_ver_cmp(&p->ext->ver, &e->ver) < 0;
			if (show)
				rc = part_cut(v, index, p, at, end, count);
		} else if (p != NULL && p->idx <= last) {
			end = p->idx - 1;
		}
		if (rc == 0 && show && mine != NULL && mine->last + 1 == at)
			mine->last = end;
		else if (rc == 0 && show)
			rc = part_new(v, index, e, at, end, count, &mine);
		if (rc != 0 || end == last)
			return rc;
		at = end + 1;
	}
}

void vs_parts_drop(struct vos *v, struct vs_tree *index, bool count)
{
	while (index->root != NULL)
		part_del(v, index, part_of(index->root), count);
}

int vs_index_ensure(struct vos *v, struct vs_akey *a)
{
	struct vs_node *n;

	if (!a->index_bad)
		return 0;
	ASSERT(a->index.root == NULL);
	for (n = vs_tree_first(&a->exts); n != NULL; n = vs_tree_next(n)) {
		struct vs_ext *e = ext_of(n);

		if (vs_part_put(v, &a->index, e, e->idx, e->last, true) != 0) {
			vs_parts_drop(v, &a->index, true);
			return -DER_NOMEM;
		}
	}
	a->index_bad = false;
	return 0;
}

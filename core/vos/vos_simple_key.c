/* Keys of each level: order, lookup, making, and freeing of what holds nothing any more. */
#include "core/vos/vos_simple_int.h"

#define VS_HASH_SEED 0x766f732d6b657973ULL

uint64_t vos_key_hash(struct bytes key)
{
	return hash_bytes(key.ptr, key.len, VS_HASH_SEED);
}

int vs_oid_orders(struct oid oid, enum vs_order *ret_dkey, enum vs_order *ret_akey, bool *ret_flat)
{
	enum daos_otype_t t = (enum daos_otype_t)(oid.hi >> OID_FMT_TYPE_SHIFT);

	if (!daos_otype_t_is_valid(t))
		return -DER_INVAL;
	*ret_dkey = daos_is_dkey_uint64_type(t)	   ? VS_ORDER_UINT
		    : daos_is_dkey_lexical_type(t) ? VS_ORDER_LEX
						   : VS_ORDER_HASH;
	*ret_akey = daos_is_akey_uint64_type(t)	   ? VS_ORDER_UINT
		    : daos_is_akey_lexical_type(t) ? VS_ORDER_LEX
						   : VS_ORDER_HASH;
	*ret_flat = daos_is_kv_type(t);
	return 0;
}

int vs_key_check(enum vs_order how, struct bytes name, bool may_be_empty)
{
	if (name.len == 0)
		return may_be_empty && how != VS_ORDER_UINT ? 0 : -DER_INVAL;
	if (name.ptr == NULL)
		return -DER_INVAL;
	if (name.len > VOS_KEY_MAX_BYTES)
		return -DER_KEY2BIG;
	return how == VS_ORDER_UINT && name.len != sizeof(uint64_t) ? -DER_INVAL : 0;
}

/* First sort key: the hash, the integer, or the first 8 bytes as a big-endian number. */
uint64_t vs_key_order(enum vs_order how, struct bytes name)
{
	const uint8_t *p = name.ptr;
	uint64_t v = 0;
	uint32_t i;

	switch (how) {
	case VS_ORDER_HASH:
		return vos_key_hash(name);
	case VS_ORDER_UINT:
		ASSERT(name.len == sizeof(v));
		memcpy(&v, p, sizeof(v));
		return v;
	case VS_ORDER_LEX:
	default:
		for (i = 0; i < sizeof(v); i++)
			v = v << 8 | (i < name.len ? p[i] : 0);
		return v;
	}
}

int vs_key_cmp(uint64_t order, struct bytes name, const struct vs_key *k)
{
	int c = vs_cmp_u64(order, k->order);
	uint32_t n = name.len < k->name.len ? name.len : k->name.len;

	if (c == 0 && n > 0)
		c = memcmp(name.ptr, k->name.ptr, n);
	return c != 0 ? c : vs_cmp_u64(name.len, k->name.len);
}

static struct vs_key *key_of(struct vs_node *n)
{
	return n == NULL ? NULL : container_of(n, struct vs_key, node);
}

static struct vs_key *key_find(const struct vs_tree *t, enum vs_order how, struct bytes name)
{
	uint64_t order = vs_key_order(how, name);
	struct vs_node *n = t->root;

	while (n != NULL) {
		int c = vs_key_cmp(order, name, key_of(n));

		if (c == 0)
			return key_of(n);
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

static void key_link(struct vs_tree *t, struct vs_key *k)
{
	struct vs_node **link = &t->root;
	struct vs_node *up = NULL;

	while (*link != NULL) {
		int c = vs_key_cmp(k->order, k->name, key_of(*link));

		ASSERT(c != 0);
		up = *link;
		link = c < 0 ? &up->left : &up->right;
	}
	vs_tree_link(t, &k->node, up, link);
}

/* A node of @bytes with its name behind it. */
static void *key_alloc(struct vos *v, size_t bytes, enum vs_order how, struct bytes name)
{
	struct vs_key *k = vs_alloc(v, bytes + name.len);

	if (k == NULL)
		return NULL;
	if (name.len > 0)
		memcpy((char *)k + bytes, name.ptr, name.len);
	k->name = (struct bytes){ .ptr = (char *)k + bytes, .len = name.len };
	k->order = vs_key_order(how, name);
	return k;
}

/* ---- containers and objects ------------------------------------------------------------- */

static struct vs_cont *cont_of(struct vs_node *n)
{
	return n == NULL ? NULL : container_of(n, struct vs_cont, node);
}

struct vs_cont *vs_cont_find(struct vos *v, const struct uid *uid)
{
	struct vs_node *n = v->conts.root;

	while (n != NULL) {
		int c = memcmp(uid->b, cont_of(n)->uid.b, sizeof(uid->b));

		if (c == 0)
			return cont_of(n);
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

int vs_cont_add(struct vos *v, const struct uid *uid, struct vs_cont **ret_cont)
{
	struct vs_node **link = &v->conts.root;
	struct vs_node *up = NULL;
	struct vs_cont *c = vs_alloc(v, sizeof(*c));

	if (c == NULL)
		return -DER_NOMEM;
	c->v = v;
	c->uid = *uid;
	c->salt = hash_bytes(uid->b, sizeof(uid->b), VS_HASH_SEED);
	while (*link != NULL) {
		int cmp = memcmp(uid->b, cont_of(*link)->uid.b, sizeof(uid->b));

		ASSERT(cmp != 0);
		up = *link;
		link = cmp < 0 ? &up->left : &up->right;
	}
	vs_tree_link(&v->conts, &c->node, up, link);
	*ret_cont = c;
	return 0;
}

static struct vs_obj *obj_of(struct vs_node *n)
{
	return n == NULL ? NULL : container_of(n, struct vs_obj, node);
}

static int oid_cmp(struct oid a, struct oid b)
{
	int c = vs_cmp_u64(a.hi, b.hi);

	return c != 0 ? c : vs_cmp_u64(a.lo, b.lo);
}

struct vs_obj *vs_obj_find(struct vs_cont *c, struct oid oid)
{
	struct vs_node *n = c->objs.root;

	while (n != NULL) {
		int cmp = oid_cmp(oid, obj_of(n)->oid);

		if (cmp == 0)
			return obj_of(n);
		n = cmp < 0 ? n->left : n->right;
	}
	return NULL;
}

int vs_obj_make(struct vs_cont *c, struct oid oid, struct vs_obj **ret_obj)
{
	struct vs_node **link = &c->objs.root;
	struct vs_node *up = NULL;
	struct vs_obj *o;
	int rc;

	while (*link != NULL) {
		int cmp = oid_cmp(oid, obj_of(*link)->oid);

		if (cmp == 0) {
			*ret_obj = obj_of(*link);
			return 0;
		}
		up = *link;
		link = cmp < 0 ? &up->left : &up->right;
	}
	o = vs_alloc(c->v, sizeof(*o));
	if (o == NULL)
		return -DER_NOMEM;
	o->oid = oid;
	o->cont = c;
	rc = vs_oid_orders(oid, &o->dkey_order, &o->akey_order, &o->flat);
	ASSERT(rc == 0);
	vs_tree_link(&c->objs, &o->node, up, link);
	*ret_obj = o;
	return 0;
}

/* ---- dkeys and akeys -------------------------------------------------------------------- */

static bool is_key(const struct vs_key *k, struct bytes name)
{
	return k->name.len == name.len &&
	       (name.len == 0 || memcmp(k->name.ptr, name.ptr, name.len) == 0);
}

struct vs_dkey *vs_dkey_find(struct vs_obj *o, struct bytes name)
{
	struct vs_key *k;

	if (o->hint != NULL && is_key(&o->hint->key, name))
		return o->hint;
	k = key_find(&o->dkeys, o->dkey_order, name);
	if (k == NULL)
		return NULL;
	o->hint = container_of(k, struct vs_dkey, key);
	return o->hint;
}

struct vs_akey *vs_akey_find(struct vs_dkey *d, struct bytes name)
{
	struct vs_key *k;

	if (d->hint != NULL && is_key(&d->hint->key, name))
		return d->hint;
	k = key_find(&d->akeys, d->obj->akey_order, name);
	if (k == NULL)
		return NULL;
	d->hint = container_of(k, struct vs_akey, key);
	return d->hint;
}

int vs_dkey_make(struct vs_obj *o, struct bytes name, struct vs_dkey **ret_dkey)
{
	struct vs_dkey *d = vs_dkey_find(o, name);

	if (d == NULL) {
		d = key_alloc(o->cont->v, sizeof(*d), o->dkey_order, name);
		if (d == NULL)
			return -DER_NOMEM;
		d->obj = o;
		o->hint = d;
		key_link(&o->dkeys, &d->key);
	}
	*ret_dkey = d;
	return 0;
}

int vs_akey_make(struct vs_dkey *d, struct bytes name, struct vs_akey **ret_akey)
{
	struct vs_akey *a = vs_akey_find(d, name);

	if (a == NULL) {
		a = key_alloc(d->obj->cont->v, sizeof(*a), d->obj->akey_order, name);
		if (a == NULL)
			return -DER_NOMEM;
		a->dkey = d;
		d->hint = a;
		key_link(&d->akeys, &a->key);
	}
	*ret_akey = a;
	return 0;
}

static void plog_free(struct vos *v, struct vs_plog *p)
{
	vs_free(v, p->v, p->cap * sizeof(*p->v));
}

bool vs_akey_prune(struct vos *v, struct vs_akey *a)
{
	if (a->single_nr > 0 || a->exts.count > 0 || a->punches.nr > 0)
		return false;
	ASSERT(a->index.root == NULL);
	vs_tree_erase(&a->dkey->akeys, &a->key.node);
	if (a->dkey->hint == a)
		a->dkey->hint = NULL;
	vs_free(v, a->singles, a->single_cap * sizeof(*a->singles));
	plog_free(v, &a->punches);
	vs_free(v, a, sizeof(*a) + a->key.name.len);
	return true;
}

bool vs_dkey_prune(struct vos *v, struct vs_dkey *d)
{
	if (d->akeys.count > 0 || d->punches.nr > 0)
		return false;
	vs_tree_erase(&d->obj->dkeys, &d->key.node);
	if (d->obj->hint == d)
		d->obj->hint = NULL;
	plog_free(v, &d->punches);
	vs_free(v, d, sizeof(*d) + d->key.name.len);
	return true;
}

bool vs_obj_prune(struct vos *v, struct vs_obj *o)
{
	if (o->dkeys.count > 0 || o->punches.nr > 0)
		return false;
	vs_tree_erase(&o->cont->objs, &o->node);
	plog_free(v, &o->punches);
	vs_free(v, o, sizeof(*o));
	return true;
}

/* ---- freeing all ------------------------------------------------------------------------ */

/* Free at most @credits entries of @a, and itself when it is empty. Returns the credits left. */
static uint64_t akey_drain(struct vos *v, struct vs_akey *a, uint64_t credits)
{
	if (a->index.root != NULL && credits > 0) {
		vs_parts_drop(v, &a->index, true);
		a->index_bad = true;
	}
	for (; credits > 0 && a->single_nr > 0; credits--)
		vs_single_del(v, a, a->single_nr - 1);
	for (; credits > 0 && a->exts.count > 0; credits--)
		vs_ext_del(v, a, container_of(a->exts.root, struct vs_ext, node));
	if (credits > 0) {
		a->punches.nr = 0;
		credits--;
		(void)vs_akey_prune(v, a);	/* empty now */
	}
	return credits;
}

uint64_t vs_cont_drain(struct vos *v, struct vs_cont *c, uint64_t credits)
{
	while (credits > 0 && c->objs.root != NULL) {
		struct vs_obj *o = obj_of(c->objs.root);
		struct vs_dkey *d;

		if (o->dkeys.root == NULL) {
			o->punches.nr = 0;
			(void)vs_obj_prune(v, o);
			credits--;
			continue;
		}
		d = container_of(key_of(o->dkeys.root), struct vs_dkey, key);
		if (d->akeys.root == NULL) {
			d->punches.nr = 0;
			(void)vs_dkey_prune(v, d);
			credits--;
			continue;
		}
		credits = akey_drain(v, container_of(key_of(d->akeys.root), struct vs_akey, key),
				     credits);
	}
	for (; credits > 0 && c->dtxs.root != NULL; credits--)
		vs_dtx_drop(c, container_of(c->dtxs.root, struct vs_dtx, node));
	return credits;
}

bool vs_cont_drained(const struct vs_cont *c)
{
	return c->objs.root == NULL && c->dtxs.root == NULL;
}

void vs_cont_free(struct vos *v, struct vs_cont *c)
{
	ASSERT(vs_cont_drained(c));
	vs_free(v, c->snaps, c->snap_nr * sizeof(*c->snaps));
	vs_free(v, c, sizeof(*c));
}

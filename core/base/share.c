#include "core/base/share.h"

#include <stdlib.h>

#include "core/base/prng.h"

#define SHARE_BUCKETS 256u

struct share_block {
	struct share_block *next;
	uint64_t hash;
	size_t bytes;
	uint64_t refs;		/* of all holders */
	_Alignas(16) char data[];
};

/* A holder's references to one block. */
struct share_ref {
	struct list link;
	struct share_block *block;
	uint64_t count;
};

struct share_table {
	struct share_block *buckets[SHARE_BUCKETS];
	size_t bytes;
	uint64_t blocks;
};

void share_holder_init(struct share_holder *h)
{
	list_init(&h->refs);
}

struct share_table *share_table_create(void)
{
	return calloc(1, sizeof(struct share_table));
}

void share_table_destroy(struct share_table *t)
{
	if (t == NULL)
		return;
	ASSERT(t->blocks == 0);
	free(t);
}

static struct share_block *block_find(struct share_table *t, uint64_t hash, const void *data,
				      size_t bytes)
{
	struct share_block *b;

	for (b = t->buckets[hash % SHARE_BUCKETS]; b != NULL; b = b->next)
		if (b->hash == hash && b->bytes == bytes && memcmp(b->data, data, bytes) == 0)
			return b;
	return NULL;
}

static struct share_block *block_make(struct share_table *t, uint64_t hash, const void *data,
				      size_t bytes)
{
	struct share_block *b;

	if (bytes > SIZE_MAX - sizeof(*b))
		return NULL;
	b = calloc(1, sizeof(*b) + bytes);
	if (b == NULL)
		return NULL;
	b->hash = hash;
	b->bytes = bytes;
	memcpy(b->data, data, bytes);
	b->next = t->buckets[hash % SHARE_BUCKETS];
	t->buckets[hash % SHARE_BUCKETS] = b;
	t->bytes += bytes;
	t->blocks++;
	return b;
}

static void block_unref(struct share_table *t, struct share_block *b, uint64_t count)
{
	struct share_block **at = &t->buckets[b->hash % SHARE_BUCKETS];

	ASSERT(b->refs >= count);
	b->refs -= count;
	if (b->refs > 0)
		return;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	t->bytes -= b->bytes;
	t->blocks--;
	free(b);
}

static struct share_ref *ref_find(struct share_holder *h, const struct share_block *b)
{
	struct list *pos;

	list_for_each(pos, &h->refs) {
		struct share_ref *r = list_entry(pos, struct share_ref, link);

		if (r->block == b)
			return r;
	}
	return NULL;
}

const void *share_get(struct share_table *t, struct share_holder *h, const void *data, size_t bytes)
{
	uint64_t hash = hash_bytes(data, bytes, 0);
	struct share_block *b = block_find(t, hash, data, bytes);
	struct share_ref *r = b != NULL ? ref_find(h, b) : NULL;

	if (r == NULL) {
		r = calloc(1, sizeof(*r));
		if (r == NULL)
			return NULL;
		if (b == NULL)
			b = block_make(t, hash, data, bytes);
		if (b == NULL) {
			free(r);
			return NULL;
		}
		r->block = b;
		list_add_tail(&h->refs, &r->link);
	}
	r->count++;
	b->refs++;
	return b->data;
}

static void ref_free(struct share_ref *r)
{
	list_del(&r->link);
	free(r);
}

void share_put(struct share_table *t, struct share_holder *h, const void *shared)
{
	struct share_block *b;
	struct share_ref *r;

	if (shared == NULL)
		return;
	b = container_of((const char *)shared, struct share_block, data);
	r = ref_find(h, b);
	ASSERT(r != NULL);
	if (--r->count == 0)
		ref_free(r);
	block_unref(t, b, 1);
}

void share_drop(struct share_table *t, struct share_holder *h)
{
	while (!list_empty(&h->refs)) {
		struct share_ref *r = list_first(&h->refs, struct share_ref, link);
		struct share_block *b = r->block;
		uint64_t count = r->count;

		ref_free(r);
		block_unref(t, b, count);
	}
}

size_t share_bytes(const struct share_table *t)
{
	return t->bytes;
}

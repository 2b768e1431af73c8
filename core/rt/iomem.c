/*
 * Pooled io memory: power-of-two blocks cut from chunks that the network and block backends have
 * registered once. Only this memory has cached registrations: it is ours from its registration to
 * the stream's end, so a stale registration cannot exist.
 */
#include "core/rt/rt_drive.h"

#define IOMEM_MIN_SHIFT 12	/* 4 KiB: page-aligned, fit for O_DIRECT */
#define IOMEM_MAX_SHIFT 22	/* 4 MiB */
#define IOMEM_CLASSES (IOMEM_MAX_SHIFT - IOMEM_MIN_SHIFT + 1)
#define IOMEM_LIMIT_BYTES (256ull << 20)
#define IOMEM_CHUNK_BYTES (4u << 20)

struct iomem_free {
	struct iomem_free *next;
};

struct iomem_chunk {
	struct iomem_chunk *next;
	char *mem;
	size_t bytes;
};

struct rt_iomem {
	struct iomem_free *free[IOMEM_CLASSES];
	struct iomem_chunk *chunks;
	uint64_t bytes;
	uint64_t in_use;
};

static uint32_t iomem_class(size_t bytes)
{
	uint32_t c = 0;

	while (((size_t)1 << (c + IOMEM_MIN_SHIFT)) < bytes)
		c++;
	return c;
}

static int iomem_register(struct rt *rt, void *mem, size_t bytes)
{
	const struct rt_ops *o = &rt->ops;
	int rc = 0;

	if (o->net != NULL && o->net->mem_add != NULL)
		rc = o->net->mem_add(o->net_ctx, mem, bytes);
	if (rc != 0)
		return rc;
	if (o->blk != NULL && o->blk->mem_add != NULL)
		rc = o->blk->mem_add(o->blk_ctx, mem, bytes);
	if (rc != 0 && o->net != NULL && o->net->mem_del != NULL)
		o->net->mem_del(o->net_ctx, mem, bytes);
	return rc;
}

static void iomem_unregister(struct rt *rt, void *mem, size_t bytes)
{
	const struct rt_ops *o = &rt->ops;

	if (o->net != NULL && o->net->mem_del != NULL)
		o->net->mem_del(o->net_ctx, mem, bytes);
	if (o->blk != NULL && o->blk->mem_del != NULL)
		o->blk->mem_del(o->blk_ctx, mem, bytes);
}

static void iomem_push(struct rt_iomem *m, uint32_t c, void *ptr)
{
	struct iomem_free *f = ptr;

	f->next = m->free[c];
	m->free[c] = f;
}

/* A chunk of at least one block of class @c; the rest becomes free blocks of that class. Chunks are
 * sized to the class for small ones, so that an idle target does not hold 4 MiB for a 4 KiB block. */
static int iomem_grow(struct rt *rt, struct rt_iomem *m, uint32_t c)
{
	size_t block = (size_t)1 << (c + IOMEM_MIN_SHIFT);
	size_t bytes = min_u64(max_u64(block, 16 * 4096), IOMEM_CHUNK_BYTES);
	struct iomem_chunk *k;
	size_t off;
	int rc;

	if (m->bytes + bytes > IOMEM_LIMIT_BYTES)
		return -DER_NOMEM;
	k = rt_alloc(rt, sizeof(*k));
	if (k == NULL)
		return -DER_NOMEM;
	k->mem = rt_alloc_aligned(rt, bytes, 4096);
	if (k->mem == NULL) {
		rt_free(rt, k);
		return -DER_NOMEM;
	}
	rc = iomem_register(rt, k->mem, bytes);
	if (rc != 0) {
		rt_free(rt, k->mem);
		rt_free(rt, k);
		return rc;
	}
	k->bytes = bytes;
	k->next = m->chunks;
	m->chunks = k;
	m->bytes += bytes;
	for (off = bytes; off >= block; off -= block)
		iomem_push(m, c, k->mem + off - block);
	return 0;
}

void *rt_iomem_get(struct rt *rt, size_t bytes)
{
	struct rt_iomem *m = rt->iomem;
	uint32_t c = iomem_class(bytes);
	struct iomem_free *f;

	if (c >= IOMEM_CLASSES)
		return NULL;
	if (m == NULL) {
		m = rt_alloc(rt, sizeof(*m));
		if (m == NULL)
			return NULL;
		rt->iomem = m;
	}
	if (m->free[c] == NULL && iomem_grow(rt, m, c) != 0)
		return NULL;
	f = m->free[c];
	m->free[c] = f->next;
	m->in_use++;
	return f;
}

void rt_iomem_put(struct rt *rt, void *ptr, size_t bytes)
{
	struct rt_iomem *m = rt->iomem;

	if (ptr == NULL)
		return;
	ASSERT(m != NULL && m->in_use > 0);
	m->in_use--;
	iomem_push(m, iomem_class(bytes), ptr);
}

void rt_iomem_fini(struct rt *rt)
{
	struct rt_iomem *m = rt->iomem;

	if (m == NULL)
		return;
	ASSERT(m->in_use == 0);
	while (m->chunks != NULL) {
		struct iomem_chunk *k = m->chunks;

		m->chunks = k->next;
		iomem_unregister(rt, k->mem, k->bytes);
		rt_free(rt, k->mem);
		rt_free(rt, k);
	}
	rt_free(rt, m);
	rt->iomem = NULL;
}

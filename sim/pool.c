#include "sim/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SPACE_BYTES (1ull << 40)	/* addresses; resident is what is used */
#define SLAB_SHIFT 16
#define STEP 16u
#define CLASSES (POOL_BLOCK_MAX / STEP + 1)
#define SLABS_MAX (SPACE_BYTES >> SLAB_SHIFT)

/* In front of each block: its place in the owner's list. */
struct head {
	struct list link;
};

static_assert(sizeof(struct head) == 16, "blocks stay aligned to 16");

struct pool {
	char *space;
	uint64_t slabs;			/* handed out, from the start of the space */
	uint8_t *slab_class;		/* of each slab; SLABS_MAX bytes, resident as used */
	struct {
		struct head *free;	/* linked by next */
		char *bump;		/* unused rest of the newest slab */
		uint32_t left;		/* blocks in it */
	} classes[CLASSES];
};

static void *reserve(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct pool *pool_create(void)
{
#ifdef __SANITIZE_ADDRESS__
	return NULL;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return NULL;
#endif
#endif
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->space = reserve(SPACE_BYTES);
	p->slab_class = reserve(SLABS_MAX);
	if (p->space == NULL || p->slab_class == NULL) {
		pool_destroy(p);
		return NULL;
	}
	return p;
}

void pool_destroy(struct pool *p)
{
	if (p == NULL)
		return;
	if (p->space != NULL)
		(void)munmap(p->space, SPACE_BYTES);
	if (p->slab_class != NULL)
		(void)munmap(p->slab_class, SLABS_MAX);
	free(p);
}

static uint32_t class_of(size_t bytes)
{
	return (uint32_t)((bytes + STEP - 1) / STEP);
}

static uint32_t block_bytes(uint32_t class)
{
	return (uint32_t)sizeof(struct head) + (class == 0 ? STEP : class * STEP);
}

size_t pool_block_bytes(size_t bytes)
{
	return block_bytes(class_of(bytes));
}

/* A block that was never used, or NULL. */
static struct head *carve(struct pool *p, uint32_t class)
{
	uint32_t size = block_bytes(class);
	struct head *h;

	if (p->classes[class].left == 0) {
		if (p->slabs == SLABS_MAX)
			return NULL;
		p->slab_class[p->slabs] = (uint8_t) class;
		p->classes[class].bump = p->space + (p->slabs++ << SLAB_SHIFT);
		p->classes[class].left = (1u << SLAB_SHIFT) / size;
	}
	h = (struct head *)(void *)p->classes[class].bump;
	p->classes[class].bump += size;
	p->classes[class].left--;
	return h;
}

void *pool_alloc(struct pool *p, struct list *owner, size_t bytes)
{
	uint32_t class = class_of(bytes);
	struct head *h;

	if (p == NULL || bytes > POOL_BLOCK_MAX)
		return NULL;
	h = p->classes[class].free;
	if (h != NULL)
		p->classes[class].free = (struct head *)(void *)h->link.next;
	else
		h = carve(p, class);
	if (h == NULL)
		return NULL;
	list_add(owner, &h->link);
	return memset(h + 1, 0, block_bytes(class) - sizeof(*h));
}

static void put(struct pool *p, struct head *h, uint32_t class)
{
	h->link.next = (struct list *)(void *)p->classes[class].free;
	p->classes[class].free = h;
}

static uint32_t class_at(const struct pool *p, const struct head *h)
{
	return p->slab_class[(uint64_t)((const char *)h - p->space) >> SLAB_SHIFT];
}

bool pool_free(struct pool *p, void *ptr, size_t *ret_bytes)
{
	struct head *h = (struct head *)ptr - 1;
	uint32_t class;

	if (p == NULL || (char *)ptr < p->space || (char *)ptr >= p->space + SPACE_BYTES)
		return false;
	class = class_at(p, h);
	list_del(&h->link);
	put(p, h, class);
	*ret_bytes = block_bytes(class);
	return true;
}

void pool_drop(struct pool *p, struct list *owner)
{
	while (!list_empty(owner)) {
		struct head *h = list_first(owner, struct head, link);

		list_del(&h->link);
		put(p, h, class_at(p, h));
	}
}

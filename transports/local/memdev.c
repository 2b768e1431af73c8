/*
 * Memory devices. A device is a hash of 1 MiB chunks, made on the first write into them. A chunk
 * has pages of 4 KiB, made when bytes are written to them, and over them a sorted list of phantom
 * extents: where an extent is, it is the content; where neither is, the content is zeros.
 */
#include "transports/local/local_int.h"

#include <stdlib.h>

#define CHUNK_BYTES (1u << 20)
#define PAGE_BYTES 4096u
#define CHUNK_PAGES (CHUNK_BYTES / PAGE_BYTES)

struct extent {
	uint32_t off;		/* into the chunk */
	struct bseg seg;	/* BSEG_GEN */
};

struct chunk {
	uint64_t idx;
	uint8_t **pages;	/* NULL: none */
	struct extent *exts;	/* sorted, disjoint */
	uint32_t exts_nr;
	uint32_t exts_cap;
};

struct memdev {
	struct list link;		/* world's */
	struct local_stream *owner;	/* who has it open, or NULL */
	struct chunk **table;		/* open addressing, power of two, at most 3/4 full */
	uint64_t table_cap;
	uint64_t table_nr;
	uint64_t bytes;
	uint64_t resident_bytes;
	char name[RT_URI_MAX];
};

struct memdev_open {
	struct local_dev d;
	struct memdev *m;
};

/* ---- memory ------------------------------------------------------------------------------- */

/* Content belongs to the world, not to the stream; the stream's fail_at reaches it all the same. */
static void *content_alloc(struct memdev *m, size_t bytes)
{
	struct arena *a = &m->owner->misc.arena;
	void *ptr;

	if (a->fail_at != 0 && --a->fail_at == 0)
		return NULL;
	ptr = calloc(1, bytes);
	if (ptr != NULL)
		m->resident_bytes += bytes;
	return ptr;
}

static void content_free(struct memdev *m, void *ptr, size_t bytes)
{
	if (ptr == NULL)
		return;
	ASSERT(m->resident_bytes >= bytes);
	m->resident_bytes -= bytes;
	free(ptr);
}

/* ---- chunks ------------------------------------------------------------------------------- */

static struct chunk **table_slot(struct chunk **table, uint64_t cap, uint64_t idx)
{
	uint64_t at = mix64(idx) & (cap - 1);

	while (table[at] != NULL && table[at]->idx != idx)
		at = (at + 1) & (cap - 1);
	return &table[at];
}

static struct chunk *chunk_find(const struct memdev *m, uint64_t idx)
{
	return m->table_cap > 0 ? *table_slot(m->table, m->table_cap, idx) : NULL;
}

static int table_grow(struct memdev *m)
{
	uint64_t cap = m->table_cap > 0 ? m->table_cap * 2 : 16;
	struct chunk **table = content_alloc(m, cap * sizeof(struct chunk *));

	if (table == NULL)
		return -DER_NOMEM;
	for (uint64_t i = 0; i < m->table_cap; i++)
		if (m->table[i] != NULL)
			*table_slot(table, cap, m->table[i]->idx) = m->table[i];
	content_free(m, m->table, m->table_cap * sizeof(struct chunk *));
	m->table = table;
	m->table_cap = cap;
	return 0;
}

static struct chunk *chunk_make(struct memdev *m, uint64_t idx)
{
	struct chunk *c = chunk_find(m, idx);

	if (c != NULL)
		return c;
	if (m->table_nr * 4 >= m->table_cap * 3 && table_grow(m) != 0)
		return NULL;
	c = content_alloc(m, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->idx = idx;
	*table_slot(m->table, m->table_cap, idx) = c;
	m->table_nr++;
	return c;
}

static void chunk_free(struct memdev *m, struct chunk *c)
{
	if (c->pages != NULL) {
		for (uint32_t i = 0; i < CHUNK_PAGES; i++)
			content_free(m, c->pages[i], PAGE_BYTES);
		content_free(m, c->pages, CHUNK_PAGES * sizeof(*c->pages));
	}
	content_free(m, c->exts, c->exts_cap * sizeof(*c->exts));
	content_free(m, c, sizeof(*c));
}

/* ---- extents ------------------------------------------------------------------------------ */

static int exts_room(struct memdev *m, struct chunk *c, uint32_t extra)
{
	uint32_t cap = c->exts_cap > 0 ? c->exts_cap : 4;
	struct extent *exts;

	if (c->exts_cap - c->exts_nr >= extra)
		return 0;
	while (cap - c->exts_nr < extra)
		cap *= 2;
	exts = content_alloc(m, cap * sizeof(*exts));
	if (exts == NULL)
		return -DER_NOMEM;
	if (c->exts_nr > 0)
		memcpy(exts, c->exts, c->exts_nr * sizeof(*exts));
	content_free(m, c->exts, c->exts_cap * sizeof(*exts));
	c->exts = exts;
	c->exts_cap = cap;
	return 0;
}

/* First extent that ends behind @off. */
static uint32_t exts_lookup(const struct chunk *c, uint64_t off)
{
	uint32_t lo = 0, hi = c->exts_nr;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->exts[mid].off + c->exts[mid].seg.bytes <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Cut the front @bytes off. */
static void extent_trim_front(struct extent *e, uint32_t bytes)
{
	e->off += bytes;
	e->seg.bytes -= bytes;
	if (e->seg.gen != 0)
		e->seg.start += bytes;
}

/* Make [off, end) free of extents. There is room for one more. */
static void exts_punch(struct chunk *c, uint32_t off, uint32_t end)
{
	uint32_t i = exts_lookup(c, off);
	uint32_t drop;

	if (i < c->exts_nr && c->exts[i].off < off) {
		uint64_t old_end = c->exts[i].off + c->exts[i].seg.bytes;

		if (old_end > end) {	/* a hole in the middle */
			memmove(&c->exts[i + 1], &c->exts[i], (c->exts_nr - i) * sizeof(*c->exts));
			c->exts_nr++;
			extent_trim_front(&c->exts[i + 1], end - c->exts[i].off);
		}
		c->exts[i].seg.bytes = off - c->exts[i].off;
		i++;
	}
	for (drop = i; drop < c->exts_nr && c->exts[drop].off + c->exts[drop].seg.bytes <= end;)
		drop++;
	if (drop < c->exts_nr && c->exts[drop].off < end)
		extent_trim_front(&c->exts[drop], end - c->exts[drop].off);
	memmove(&c->exts[i], &c->exts[drop], (c->exts_nr - drop) * sizeof(*c->exts));
	c->exts_nr -= drop - i;
}

/* ---- io within one chunk ------------------------------------------------------------------ */

/* Free the pages that lie wholly in [off, end). */
static void pages_free(struct memdev *m, struct chunk *c, uint32_t off, uint32_t end)
{
	if (c->pages == NULL)
		return;
	for (uint32_t p = (off + PAGE_BYTES - 1) / PAGE_BYTES; p < end / PAGE_BYTES; p++) {
		content_free(m, c->pages[p], PAGE_BYTES);
		c->pages[p] = NULL;
	}
}

static int chunk_write_bytes(struct memdev *m, struct chunk *c, uint32_t off, const uint8_t *src,
			     uint64_t bytes)
{
	if (exts_room(m, c, 1) != 0)
		return -DER_NOMEM;
	if (c->pages == NULL) {
		c->pages = content_alloc(m, CHUNK_PAGES * sizeof(*c->pages));
		if (c->pages == NULL)
			return -DER_NOMEM;
	}
	while (bytes > 0) {
		uint32_t p = off / PAGE_BYTES, at = off % PAGE_BYTES;
		uint64_t n = min_u64(bytes, PAGE_BYTES - at);

		if (c->pages[p] == NULL) {
			c->pages[p] = content_alloc(m, PAGE_BYTES);
			if (c->pages[p] == NULL)
				return -DER_NOMEM;
		}
		if (exts_room(m, c, 1) != 0)
			return -DER_NOMEM;
		exts_punch(c, off, off + (uint32_t)n);
		memcpy(c->pages[p] + at, src, n);
		src += n;
		off += (uint32_t)n;
		bytes -= n;
	}
	return 0;
}

static int chunk_write_gen(struct memdev *m, struct chunk *c, uint32_t off, const struct bseg *seg)
{
	uint32_t end = off + (uint32_t)seg->bytes;
	uint32_t i;

	if (exts_room(m, c, 2) != 0)
		return -DER_NOMEM;
	exts_punch(c, off, end);
	i = exts_lookup(c, off);
	memmove(&c->exts[i + 1], &c->exts[i], (c->exts_nr - i) * sizeof(*c->exts));
	c->exts[i] = (struct extent){ .off = off, .seg = *seg };
	c->exts_nr++;
	pages_free(m, c, off, end);
	return 0;
}

/* Content of [off, ..) as one segment of at most @bytes. */
static struct bseg chunk_piece(const struct chunk *c, uint32_t off, uint64_t bytes)
{
	struct bseg zero = { .kind = BSEG_GEN };
	uint32_t i = c != NULL ? exts_lookup(c, off) : 0;
	uint32_t p = off / PAGE_BYTES, at = off % PAGE_BYTES;

	if (c != NULL && i < c->exts_nr) {
		struct extent e = c->exts[i];

		if (e.off <= off) {
			extent_trim_front(&e, off - e.off);
			e.seg.bytes = min_u64(e.seg.bytes, bytes);
			return e.seg;
		}
		bytes = min_u64(bytes, e.off - off);
	}
	if (c == NULL || c->pages == NULL) {
		zero.bytes = bytes;
		return zero;
	}
	bytes = min_u64(bytes, PAGE_BYTES - at);
	if (c->pages[p] == NULL) {
		zero.bytes = bytes;
		return zero;
	}
	return (struct bseg){ .kind = BSEG_BYTES, .ptr = c->pages[p] + at, .bytes = bytes };
}

/* ---- io ----------------------------------------------------------------------------------- */

static int memdev_write_seg(struct memdev *m, uint64_t off, const struct bseg *seg)
{
	uint64_t done = 0;

	while (done < seg->bytes) {
		uint32_t at = (uint32_t)((off + done) % CHUNK_BYTES);
		uint64_t n = min_u64(seg->bytes - done, CHUNK_BYTES - at);
		struct chunk *c = chunk_make(m, (off + done) / CHUNK_BYTES);
		int rc = -DER_NOMEM;

		if (c != NULL && seg->kind == BSEG_BYTES) {
			rc = chunk_write_bytes(m, c, at, (const uint8_t *)seg->ptr + done, n);
		} else if (c != NULL) {
			struct bseg part = *seg;

			part.bytes = n;
			if (part.gen != 0)
				part.start += done;
			rc = chunk_write_gen(m, c, at, &part);
		}
		if (rc != 0)
			return rc;
		done += n;
	}
	return 0;
}

static int memdev_write(struct memdev *m, const struct rt_io *io)
{
	uint64_t off = io->off;

	for (uint32_t i = 0; i < io->buf.nr; i++) {
		const struct bseg *seg = &io->buf.segs[i];
		int rc;

		if (seg->kind != BSEG_BYTES && seg->kind != BSEG_GEN)
			return -DER_INVAL;
		rc = memdev_write_seg(m, off, seg);
		if (rc != 0)
			return rc;
		off += seg->bytes;
	}
	return 0;
}

static int memdev_read(struct memdev *m, const struct rt_io *io)
{
	uint64_t done = 0;

	while (done < io->buf.bytes) {
		uint64_t off = io->off + done;
		uint32_t at = (uint32_t)(off % CHUNK_BYTES);
		struct bseg seg = chunk_piece(chunk_find(m, off / CHUNK_BYTES), at,
					      min_u64(io->buf.bytes - done, CHUNK_BYTES - at));
		struct buf src = { .segs = &seg, .nr = 1, .bytes = seg.bytes };
		int rc = buf_copy(&io->buf, done, &src, 0, seg.bytes);

		if (rc != 0)
			return rc;
		done += seg.bytes;
	}
	return 0;
}

/* A hint: drop what can be dropped without allocating. */
static void memdev_trim(struct memdev *m, const struct rt_io *io)
{
	uint64_t done = 0;

	while (done < io->buf.bytes) {
		uint64_t off = io->off + done;
		uint32_t at = (uint32_t)(off % CHUNK_BYTES);
		uint64_t n = min_u64(io->buf.bytes - done, CHUNK_BYTES - at);
		struct chunk *c = chunk_find(m, off / CHUNK_BYTES);

		if (c != NULL && exts_room(m, c, 1) == 0) {
			exts_punch(c, at, at + (uint32_t)n);
			pages_free(m, c, at, at + (uint32_t)n);
		}
		done += n;
	}
}

static int memdev_perform(struct local_dev *d, struct rt_io *io)
{
	struct memdev *m = container_of(d, struct memdev_open, d)->m;

	switch (io->op) {
	case RT_IO_READ:
		return memdev_read(m, io);
	case RT_IO_WRITE:
		return memdev_write(m, io);
	case RT_IO_TRIM:
		memdev_trim(m, io);
		return 0;
	case RT_IO_FLUSH:
	default:
		return 0;	/* memory is as durable as it gets */
	}
}

static void memdev_close(struct local_dev *d)
{
	struct memdev_open *o = container_of(d, struct memdev_open, d);
	struct local_world *w = d->stream->world;

	pthread_mutex_lock(&w->lock);
	o->m->owner = NULL;
	pthread_mutex_unlock(&w->lock);
	rt_free(&d->stream->rt, o);
}

static const struct local_dev_ops memdev_ops = {
	.perform = memdev_perform,
	.close = memdev_close,
};

/* ---- the world's devices ------------------------------------------------------------------ */

static struct memdev *memdev_find_locked(struct local_world *w, const char *name)
{
	struct list *pos;

	list_for_each(pos, &w->memdevs) {
		struct memdev *m = list_entry(pos, struct memdev, link);

		if (strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

static int memdev_take_locked(struct local_stream *s, const char *name, uint64_t bytes,
			      uint32_t flags, struct memdev **ret_m)
{
	struct local_world *w = s->world;
	struct memdev *m = memdev_find_locked(w, name);

	if (m != NULL && m->owner != NULL)
		return -DER_BUSY;
	if (m == NULL) {
		if (!(flags & RT_DEV_CREATE))
			return -DER_NONEXIST;
		m = calloc(1, sizeof(*m));
		if (m == NULL)
			return -DER_NOMEM;
		memcpy(m->name, name, strlen(name));
		m->bytes = bytes;
		list_add_tail(&w->memdevs, &m->link);
	}
	m->owner = s;
	*ret_m = m;
	return 0;
}

int local_memdev_open(struct local_stream *s, const char *name, uint64_t bytes, uint32_t flags,
		      struct local_dev **ret_dev)
{
	struct memdev_open *o;
	int rc;

	if (strnlen(name, RT_URI_MAX) == RT_URI_MAX)
		return -DER_INVAL;
	o = rt_alloc(&s->rt, sizeof(*o));
	if (o == NULL)
		return -DER_NOMEM;
	pthread_mutex_lock(&s->world->lock);
	rc = memdev_take_locked(s, name, bytes, flags, &o->m);
	pthread_mutex_unlock(&s->world->lock);
	if (rc != 0) {
		rt_free(&s->rt, o);
		return rc;
	}
	o->d.ops = &memdev_ops;
	o->d.dev.bytes = o->m->bytes;
	o->d.dev.opt_bytes = 4096;
	*ret_dev = &o->d;
	return 0;
}

void local_memdevs_destroy(struct local_world *w)
{
	while (!list_empty(&w->memdevs)) {
		struct memdev *m = list_first(&w->memdevs, struct memdev, link);

		ASSERT(m->owner == NULL);
		for (uint64_t i = 0; i < m->table_cap; i++)
			if (m->table[i] != NULL)
				chunk_free(m, m->table[i]);
		content_free(m, m->table, m->table_cap * sizeof(struct chunk *));
		ASSERT(m->resident_bytes == 0);
		list_del(&m->link);
		free(m);
	}
}

uint64_t local_memdevs_bytes(struct local_world *w)
{
	uint64_t bytes = 0;
	struct list *pos;

	pthread_mutex_lock(&w->lock);
	list_for_each(pos, &w->memdevs)
		bytes += list_entry(pos, struct memdev, link)->resident_bytes;
	pthread_mutex_unlock(&w->lock);
	return bytes;
}

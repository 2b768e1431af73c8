#include "transports/wrap/crash.h"

#include <stdlib.h>

#include "transports/wrap/wrap_int.h"

#define RETRY_NS 1000u		/* after the device's queue was full */
#define CRASH_BLOCK_BYTES 4096u	/* unit of tearing phantoms; at least the device's alignment */

/* One write in the cache, or a fragment that survived a power loss. */
struct record {
	struct list link;
	uint64_t off;
	struct buf buf;		/* deep copy, memory of the C library */
	bool acked;		/* done() has run: the next flush covers it */
	bool clean;		/* durable; kept only for reads on their way */
};

/* A device's cache: of the platter, not of the stream. */
struct cache {
	struct list link;	/* crash_disk's */
	struct list records;	/* in the order of their submission */
	struct list survivors;	/* to be written at the next opening */
	bool open;
	char *name;
};

struct crash_disk {
	struct rt *rt;		/* attached to, or NULL */
	struct rt_ops inner;
	struct crash_opts opts;
	struct prng prng;
	struct list caches;
	struct crash_stats stats;
};

/* An opened device; memory of the stream. */
struct crash_dev {
	struct rt_dev dev;
	struct rt_dev *inner;
	struct crash_disk *cd;
	struct cache *cache;
	uint32_t flags;
	struct list waiting;	/* crash_io.link: until the survivors are written */
	struct list flushes;	/* crash_io.link: the first one is at work */
	struct rt_io io;	/* of the replay, then of the flush at work */
	struct rt_timer io_timer;
	int io_rc;		/* of a submit that failed, for io_timer */
	struct rt_timer drain_timer;
	struct record *at;	/* what io writes */
	char *bounce;		/* blocks around a fragment smaller than a block */
	struct bseg bounce_seg;
	uint64_t bounce_off;
	uint64_t bounce_bytes;
	bool replaying;
	int broken;		/* the replay failed with this: nothing works any more */
	uint32_t reads;		/* on their way */
	uint32_t outstanding;
};

struct crash_io {
	struct rt_io inner;
	struct rt_io *outer;
	struct crash_dev *d;
	struct list link;
	struct rt_timer timer;
	struct record *record;	/* a write's */
	struct record *last;	/* a flush's at work: the newest that it covers, NULL: none */
};

/* ---- records ------------------------------------------------------------------------------ */

static struct record *record_make(uint64_t off, const struct buf *buf)
{
	struct record *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->off = off;
	if (wrap_buf_clone(NULL, buf, 0, &r->buf) != 0) {
		free(r);
		return NULL;
	}
	return r;
}

static void record_free(struct record *r)
{
	list_del(&r->link);
	wrap_buf_free(NULL, &r->buf);
	free(r);
}

static void records_free(struct list *records)
{
	while (!list_empty(records))
		record_free(list_first(records, struct record, link));
}

/* Durable records are kept while a read is on its way that the device may have answered before. */
static void cache_purge(struct crash_dev *d)
{
	struct list *pos, *tmp;

	if (d->reads > 0)
		return;
	list_for_each_safe(pos, tmp, &d->cache->records) {
		struct record *r = list_entry(pos, struct record, link);

		if (r->clean)
			record_free(r);
	}
}

/* Put what the cache holds over what the device said. */
static int cache_overlay(const struct cache *c, uint64_t off, const struct buf *dst)
{
	struct list *pos;

	list_for_each(pos, &c->records) {
		const struct record *r = list_entry(pos, struct record, link);
		uint64_t from = max_u64(off, r->off);
		uint64_t to = min_u64(off + dst->bytes, r->off + r->buf.bytes);
		int rc;

		if (from >= to)
			continue;
		rc = buf_copy(dst, from - off, &r->buf, from - r->off, to - from);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* ---- the device's own io: replay and flush ------------------------------------------------ */

/* Submit d->io. Its done() runs later in any case. */
static void dev_io(struct crash_dev *d)
{
	struct rt *rt = d->cd->rt;

	memset(d->io.priv, 0, sizeof(d->io.priv));
	d->io.dev = d->inner;
	d->io_rc = d->cd->inner.blk->submit(d->cd->inner.blk_ctx, &d->io);
	if (d->io_rc != 0)
		rt_timer_arm(rt, &d->io_timer,
			     rt_now_ns(rt) + (d->io_rc == -DER_AGAIN ? RETRY_NS : 0));
}

static void dev_io_timer(struct rt_timer *t)
{
	struct crash_dev *d = container_of(t, struct crash_dev, io_timer);

	if (d->io_rc == -DER_AGAIN)
		dev_io(d);
	else
		d->io.done(&d->io, d->io_rc);
}

/* As if the io had failed with @rc. */
static void dev_io_fail(struct crash_dev *d, int rc, void (*done)(struct rt_io *io, int rc))
{
	d->io = (struct rt_io){ .op = RT_IO_READ, .done = done };
	d->io_rc = rc;
	rt_timer_arm(d->cd->rt, &d->io_timer, rt_now_ns(d->cd->rt));
}

static void dev_io_start(struct crash_dev *d, enum rt_io_op op, uint64_t off, const struct buf *buf,
			 void (*done)(struct rt_io *io, int rc))
{
	d->io = (struct rt_io){ .op = op, .off = off, .done = done };
	if (buf != NULL)
		d->io.buf = *buf;
	dev_io(d);
}

/* ---- io of the layer above ---------------------------------------------------------------- */

static void io_complete(struct crash_io *ci, int rc)
{
	struct rt_io *outer = ci->outer;
	struct crash_dev *d = ci->d;

	d->outstanding--;
	rt_free(d->cd->rt, ci);
	outer->done(outer, rc);
}

static void write_acked(struct rt_timer *t)
{
	struct crash_io *ci = container_of(t, struct crash_io, timer);

	ci->record->acked = true;
	io_complete(ci, 0);
}

static void io_inner_done(struct rt_io *io, int rc)
{
	struct crash_io *ci = container_of(io, struct crash_io, inner);
	struct crash_dev *d = ci->d;

	if (io->op == RT_IO_READ) {
		d->reads--;
		if (rc == 0)
			rc = cache_overlay(d->cache, io->off, &ci->outer->buf);
		cache_purge(d);
	}
	io_complete(ci, rc);
}

static int io_pass(struct crash_io *ci)
{
	struct crash_dev *d = ci->d;
	int rc;

	ci->inner = (struct rt_io){ .dev = d->inner, .op = ci->outer->op, .off = ci->outer->off,
				    .buf = ci->outer->buf, .done = io_inner_done };
	rc = d->cd->inner.blk->submit(d->cd->inner.blk_ctx, &ci->inner);
	if (rc == 0 && ci->outer->op == RT_IO_READ)
		d->reads++;
	return rc;
}

static int io_write(struct crash_io *ci)
{
	struct crash_dev *d = ci->d;
	struct record *r = record_make(ci->outer->off, &ci->outer->buf);

	if (r == NULL)
		return -DER_NOMEM;
	list_add_tail(&d->cache->records, &r->link);
	ci->record = r;
	ci->timer.fn = write_acked;
	/* All writes take equally long, so the acknowledged ones are a prefix of the records. */
	rt_timer_arm(d->cd->rt, &ci->timer, rt_now_ns(d->cd->rt) + d->cd->opts.write_ns);
	return 0;
}

/* ---- flush -------------------------------------------------------------------------------- */

static void flush_start(struct crash_dev *d);

/* The flush at work is over. */
static void flush_finish(struct crash_dev *d, int rc)
{
	struct crash_io *ci = list_first(&d->flushes, struct crash_io, link);
	struct list *pos;

	d->at = NULL;
	if (rc == 0 && ci->last != NULL) {
		list_for_each(pos, &d->cache->records) {
			struct record *r = list_entry(pos, struct record, link);

			r->clean = true;
			if (r == ci->last)
				break;
		}
	}
	list_del(&ci->link);
	cache_purge(d);
	if (!list_empty(&d->flushes))
		flush_start(d);
	io_complete(ci, rc);
}

static void flush_next(struct crash_dev *d);

static void flush_io_done(struct rt_io *io, int rc)
{
	struct crash_dev *d = container_of(io, struct crash_dev, io);

	if (rc != 0 || io->op == RT_IO_FLUSH)
		flush_finish(d, rc);
	else
		flush_next(d);
}

/* Write the next record that the flush at work covers: one by one, because they may overlap. */
static void flush_next(struct crash_dev *d)
{
	struct crash_io *ci = list_first(&d->flushes, struct crash_io, link);
	struct list *next = d->at != NULL ? d->at->link.next : d->cache->records.next;

	if (ci->last == NULL || d->at == ci->last) {
		dev_io_start(d, RT_IO_FLUSH, 0, NULL, flush_io_done);
		return;
	}
	/* The last one is not clean, and clean ones may vanish: never stop at one. */
	while (list_entry(next, struct record, link)->clean)
		next = next->next;
	ASSERT(next != &d->cache->records);
	d->at = list_entry(next, struct record, link);
	dev_io_start(d, RT_IO_WRITE, d->at->off, &d->at->buf, flush_io_done);
}

/* Begin the first flush that waits. What was acknowledged by now includes what was at its
 * submit. */
static void flush_start(struct crash_dev *d)
{
	struct crash_io *ci = list_first(&d->flushes, struct crash_io, link);
	struct list *pos;

	list_for_each(pos, &d->cache->records) {
		struct record *r = list_entry(pos, struct record, link);

		if (r->acked && !r->clean)
			ci->last = r;
	}
	flush_next(d);
}

static int io_flush(struct crash_io *ci)
{
	struct crash_dev *d = ci->d;
	bool idle = list_empty(&d->flushes);

	list_add_tail(&d->flushes, &ci->link);
	if (idle)
		flush_start(d);
	return 0;
}

static int io_dispatch(struct crash_io *ci)
{
	if (ci->d->broken != 0)
		return -DER_NVME_IO;
	switch (ci->outer->op) {
	case RT_IO_WRITE:
		return io_write(ci);
	case RT_IO_FLUSH:
		return io_flush(ci);
	case RT_IO_READ:
	case RT_IO_TRIM:
	default:
		return io_pass(ci);
	}
}

/* ---- replay of what survived a power loss ------------------------------------------------- */

/* Let through what waited for the replay. */
static void waiting_drain(struct crash_dev *d)
{
	while (!list_empty(&d->waiting)) {
		struct crash_io *ci = list_first(&d->waiting, struct crash_io, link);
		int rc;

		list_del(&ci->link);
		rc = io_dispatch(ci);
		if (rc == -DER_AGAIN) {
			list_add(&d->waiting, &ci->link);
			rt_timer_arm(d->cd->rt, &d->drain_timer, rt_now_ns(d->cd->rt) + RETRY_NS);
			return;
		}
		if (rc != 0)
			io_complete(ci, rc);
	}
}

static void drain_timer(struct rt_timer *t)
{
	waiting_drain(container_of(t, struct crash_dev, drain_timer));
}

static void replay_finish(struct crash_dev *d, int rc)
{
	rt_free(d->cd->rt, d->bounce);
	d->bounce = NULL;
	d->at = NULL;
	d->broken = rc;
	d->replaying = false;
	if (rc == 0)
		records_free(&d->cache->survivors);
	waiting_drain(d);
}

static void replay_next(struct crash_dev *d);

static void replay_io_done(struct rt_io *io, int rc)
{
	struct crash_dev *d = container_of(io, struct crash_dev, io);
	struct buf whole;

	if (rc != 0 || io->op == RT_IO_FLUSH) {
		replay_finish(d, rc);
		return;
	}
	if (io->op == RT_IO_WRITE) {
		d->cd->stats.replayed++;
		replay_next(d);
		return;
	}
	whole = buf_from_bytes(&d->bounce_seg, d->bounce, d->bounce_bytes);
	rc = buf_copy(&whole, d->at->off - d->bounce_off, &d->at->buf, 0, d->at->buf.bytes);
	ASSERT(rc == 0);
	dev_io_start(d, RT_IO_WRITE, d->bounce_off, &whole, replay_io_done);
}

/* A fragment that is no whole number of blocks: read the blocks around it first. */
static void replay_bounce(struct crash_dev *d)
{
	uint64_t align = d->dev.align;
	struct buf whole;

	d->bounce_off = align_down(d->at->off, align);
	d->bounce_bytes = align_up(d->at->off + d->at->buf.bytes, align) - d->bounce_off;
	rt_free(d->cd->rt, d->bounce);
	d->bounce = rt_alloc(d->cd->rt, d->bounce_bytes);
	if (d->bounce == NULL) {
		dev_io_fail(d, -DER_NOMEM, replay_io_done);
		return;
	}
	whole = buf_from_bytes(&d->bounce_seg, d->bounce, d->bounce_bytes);
	dev_io_start(d, RT_IO_READ, d->bounce_off, &whole, replay_io_done);
}

static void replay_next(struct crash_dev *d)
{
	struct list *next = d->at != NULL ? d->at->link.next : d->cache->survivors.next;
	uint64_t mask = d->dev.align - 1;

	if (next == &d->cache->survivors) {
		dev_io_start(d, RT_IO_FLUSH, 0, NULL, replay_io_done);
		return;
	}
	d->at = list_entry(next, struct record, link);
	if (((d->at->off | d->at->buf.bytes) & mask) != 0)
		replay_bounce(d);
	else
		dev_io_start(d, RT_IO_WRITE, d->at->off, &d->at->buf, replay_io_done);
}

/* ---- tables ------------------------------------------------------------------------------- */

static struct cache *cache_get(struct crash_disk *cd, const char *name)
{
	struct list *pos;
	struct cache *c;

	list_for_each(pos, &cd->caches) {
		c = list_entry(pos, struct cache, link);
		if (strcmp(c->name, name) == 0)
			return c;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->name = strdup(name);
	if (c->name == NULL) {
		free(c);
		return NULL;
	}
	list_init(&c->records);
	list_init(&c->survivors);
	list_add_tail(&cd->caches, &c->link);
	return c;
}

static int crash_dev_open(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
			  struct rt_dev **ret_dev)
{
	struct crash_disk *cd = ctx;
	struct cache *c = cache_get(cd, name);
	struct crash_dev *d = rt_alloc(cd->rt, sizeof(*d));
	int rc = -DER_NOMEM;

	if (c != NULL && d != NULL)
		rc = c->open ? -DER_BUSY
			     : cd->inner.blk->dev_open(cd->inner.blk_ctx, name, bytes, flags,
						       &d->inner);
	if (rc != 0) {
		rt_free(cd->rt, d);
		return rc;
	}
	d->dev = *d->inner;
	d->cd = cd;
	d->cache = c;
	d->flags = flags;
	list_init(&d->waiting);
	list_init(&d->flushes);
	d->io_timer.fn = dev_io_timer;
	d->drain_timer.fn = drain_timer;
	c->open = true;
	*ret_dev = &d->dev;
	return 0;
}

static void crash_dev_close(void *ctx, struct rt_dev *dev)
{
	struct crash_disk *cd = ctx;
	struct crash_dev *d = container_of(dev, struct crash_dev, dev);

	ASSERT(d->outstanding == 0 && !d->replaying);
	d->cache->open = false;
	cd->inner.blk->dev_close(cd->inner.blk_ctx, d->inner);
	rt_free(cd->rt, d);
}

/* Writes do not reach the device's own checks. */
static int write_check(const struct crash_dev *d, const struct rt_io *io)
{
	uint64_t mask = d->dev.align - 1;

	if (io->op != RT_IO_WRITE)
		return 0;
	if ((d->flags & RT_DEV_RDONLY) || ((io->off | io->buf.bytes) & mask) != 0 ||
	    io->off > d->dev.bytes || io->buf.bytes > d->dev.bytes - io->off)
		return -DER_INVAL;
	for (uint32_t i = 0; i < io->buf.nr; i++)
		if (io->buf.segs[i].kind == BSEG_SINK)
			return -DER_INVAL;
	return 0;
}

static int crash_submit(void *ctx, struct rt_io *io)
{
	struct crash_disk *cd = ctx;
	struct crash_dev *d = container_of(io->dev, struct crash_dev, dev);
	struct crash_io *ci;
	int rc = write_check(d, io);

	if (rc != 0)
		return rc;
	ci = rt_alloc(cd->rt, sizeof(*ci));
	if (ci == NULL)
		return -DER_NOMEM;
	*ci = (struct crash_io){ .outer = io, .d = d };
	list_init(&ci->link);
	if (d->replaying || !list_empty(&d->cache->survivors)) {
		list_add_tail(&d->waiting, &ci->link);
		if (!d->replaying && d->broken == 0) {
			d->replaying = true;
			replay_next(d);
		} else if (!d->replaying) {
			rt_timer_arm(cd->rt, &d->drain_timer, rt_now_ns(cd->rt));
		}
	} else {
		rc = io_dispatch(ci);
	}
	if (rc != 0) {
		rt_free(cd->rt, ci);
		return rc;
	}
	d->outstanding++;
	return 0;
}

static int crash_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct crash_disk *cd = ctx;

	if (cd->inner.blk->mem_add == NULL)
		return 0;
	return cd->inner.blk->mem_add(cd->inner.blk_ctx, ptr, bytes);
}

static void crash_mem_del(void *ctx, void *ptr, size_t bytes)
{
	struct crash_disk *cd = ctx;

	if (cd->inner.blk->mem_del != NULL)
		cd->inner.blk->mem_del(cd->inner.blk_ctx, ptr, bytes);
}

static const struct rt_blk_ops crash_blk_ops = {
	.dev_open = crash_dev_open,
	.dev_close = crash_dev_close,
	.submit = crash_submit,
	.mem_add = crash_mem_add,
	.mem_del = crash_mem_del,
};

/* ---- power -------------------------------------------------------------------------------- */

/* Cut the sectors [from, to) of @r out as a survivor of its own; lost when there is no memory. */
static void fragment_add(struct list *out, const struct record *r, uint64_t from, uint64_t to)
{
	uint32_t nr = buf_slice_count(&r->buf, from, to - from);
	struct bseg *segs = calloc(nr, sizeof(*segs));
	struct record *frag = NULL;
	struct buf slice;

	if (segs != NULL && buf_slice(&r->buf, from, to - from, segs, nr, &slice) == 0)
		frag = record_make(r->off + from, &slice);
	if (frag != NULL)
		list_add_tail(out, &frag->link);
	free(segs);
}

/* Keep about half of the sectors. Phantoms are torn at blocks: a fragment of a block would have to
 * be merged with what is there, and that would turn it into bytes. */
static void record_tear(struct crash_disk *cd, struct list *out, const struct record *r)
{
	uint64_t unit = buf_is_bytes(&r->buf) ? CRASH_SECTOR_BYTES : CRASH_BLOCK_BYTES;
	uint64_t from = 0;
	bool in_run = false;

	for (uint64_t at = 0; at < r->buf.bytes; at += unit) {
		bool keep = prng_below(&cd->prng, 2) == 0;

		if (keep && !in_run)
			from = at;
		if (!keep && in_run)
			fragment_add(out, r, from, at);
		in_run = keep;
	}
	if (in_run)
		fragment_add(out, r, from, r->buf.bytes);
}

static void record_fate(struct crash_disk *cd, struct list *out, struct record *r)
{
	const struct crash_opts *o = &cd->opts;
	uint64_t draw = prng_below(&cd->prng, (uint64_t)o->keep + o->drop + o->tear);

	if (draw < o->keep) {
		list_del(&r->link);
		list_add_tail(out, &r->link);
		cd->stats.kept++;
		return;
	}
	if (draw < (uint64_t)o->keep + o->drop) {
		cd->stats.dropped++;
	} else {
		record_tear(cd, out, r);
		cd->stats.torn++;
	}
	record_free(r);
}

/* Move @from to the end of @to in random order. */
static void records_shuffle(struct crash_disk *cd, struct list *from, struct list *to)
{
	uint64_t count = 0;
	struct list *pos;

	list_for_each(pos, from)
		count++;
	for (; count > 0; count--) {
		uint64_t skip = prng_below(&cd->prng, count);

		pos = from->next;
		while (skip-- > 0)
			pos = pos->next;
		list_del(pos);
		list_add_tail(to, pos);
	}
}

void crash_disk_power_loss(struct crash_disk *cd)
{
	struct list *pos;

	cd->rt = NULL;
	list_for_each(pos, &cd->caches) {
		struct cache *c = list_entry(pos, struct cache, link);
		struct list out;

		list_init(&out);
		c->open = false;
		while (!list_empty(&c->records)) {
			struct record *r = list_first(&c->records, struct record, link);

			if (r->clean)
				record_free(r);
			else
				record_fate(cd, &out, r);
		}
		/* Behind those of an earlier loss, whose replay was cut short. */
		records_shuffle(cd, &out, &c->survivors);
	}
}

int crash_disk_create(const struct crash_opts *opts, struct crash_disk **ret_disk)
{
	struct crash_disk *cd = calloc(1, sizeof(*cd));

	if (cd == NULL)
		return -DER_NOMEM;
	if (opts != NULL)
		cd->opts = *opts;
	if (cd->opts.keep == 0 && cd->opts.drop == 0 && cd->opts.tear == 0)
		cd->opts.keep = cd->opts.drop = cd->opts.tear = 1;
	prng_seed(&cd->prng, cd->opts.seed);
	list_init(&cd->caches);
	*ret_disk = cd;
	return 0;
}

void crash_disk_destroy(struct crash_disk *cd)
{
	if (cd == NULL)
		return;
	ASSERT(cd->rt == NULL);
	while (!list_empty(&cd->caches)) {
		struct cache *c = list_first(&cd->caches, struct cache, link);

		ASSERT(!c->open);
		records_free(&c->records);
		records_free(&c->survivors);
		list_del(&c->link);
		free(c->name);
		free(c);
	}
	free(cd);
}

void crash_disk_attach(struct crash_disk *cd, struct rt *rt)
{
	ASSERT(cd->rt == NULL && rt->ops.blk != NULL);
	cd->rt = rt;
	cd->inner = rt->ops;
	rt->ops.blk = &crash_blk_ops;
	rt->ops.blk_ctx = cd;
}

void crash_disk_detach(struct crash_disk *cd)
{
	struct list *pos;

	ASSERT(cd->rt != NULL && cd->rt->ops.blk_ctx == cd);
	list_for_each(pos, &cd->caches)
		ASSERT(!list_entry(pos, struct cache, link)->open);
	cd->rt->ops.blk = cd->inner.blk;
	cd->rt->ops.blk_ctx = cd->inner.blk_ctx;
	cd->rt = NULL;
}

void crash_disk_query(const struct crash_disk *cd, struct crash_stats *ret_stats)
{
	struct crash_stats st = cd->stats;
	struct list *cp, *pos;

	st.pending = 0;
	list_for_each(cp, &cd->caches) {
		list_for_each(pos, &list_entry(cp, struct cache, link)->records)
			st.pending += !list_entry(pos, struct record, link)->clean;
	}
	*ret_stats = st;
}

/*
 * Block devices of simulated nodes.
 *
 * A device's name begins with the drive it lives on: NAME and number as the profile counts them
 * ("nvme3"), optionally "/" and anything more, which makes several devices share one drive. A drive
 * serves first come, first served: a command takes the longer of its share of the commands per
 * second and its bytes at the drive's bandwidth, then the latency; at most queue_depth commands
 * are between start and end. Content (store.h) belongs to the node and outlives its crashes.
 *
 * Writes reach the content when they complete. A flush makes durable what had completed when it was
 * submitted.
 */
#include "sim/sim_int.h"
#include "sim/store.h"

#include <stdlib.h>

#define DEV_NAME_MAX 128
#define CORRUPT_RUNS 256u	/* phantom runs that one block may have */

struct sim_ssd {
	struct list link;
	const struct profile_ssd *spec;
	uint32_t number;
	uint64_t free_ns;
	uint64_t *ring;		/* ends of the last queue_depth commands */
	uint32_t ring_pos;
};

struct sim_dev {
	struct rt_dev dev;	/* first */
	struct list link;
	char name[DEV_NAME_MAX];
	struct sim_ssd *ssd;
	struct store *store;
	struct sim_stream *owner;	/* NULL: closed */
	bool rdonly;
};

struct sim_io {
	struct sim_item item;
	struct sim_ev ev;
	struct sim *sim;
	struct rt_io *io;
	struct sim_dev *dev;
	struct sim_owner owner;
	uint64_t mark;		/* FLUSH: what it makes durable */
	struct sim_disk_fate fate;
	int rc;
};

/* ---- drives and devices ------------------------------------------------------------------- */

/* The profile's drive that @name begins with. */
static const struct profile_ssd *ssd_spec(const struct sim_profile *p, const char *name,
					  uint32_t *ret_number)
{
	for (uint32_t i = 0; i < p->ssd_count; i++) {
		const struct profile_ssd *s = &p->ssds[i];
		size_t len = strlen(s->name);
		unsigned long number;
		char *end;

		if (strncmp(name, s->name, len) != 0 || name[len] < '0' || name[len] > '9')
			continue;
		number = strtoul(name + len, &end, 10);
		if ((*end != 0 && *end != '/') || number >= s->count)
			continue;
		*ret_number = (uint32_t)number;
		return s;
	}
	return NULL;
}

static struct sim_ssd *ssd_get(struct sim_node *node, const struct profile_ssd *spec,
			       uint32_t number)
{
	struct sim_ssd *s;
	struct list *pos;

	list_for_each(pos, &node->ssds) {
		s = list_entry(pos, struct sim_ssd, link);
		if (s->spec == spec && s->number == number)
			return s;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->ring = calloc(spec->queue_depth, sizeof(s->ring[0]));
	if (s->ring == NULL) {
		free(s);
		return NULL;
	}
	s->spec = spec;
	s->number = number;
	list_add_tail(&node->ssds, &s->link);
	return s;
}

static struct sim_dev *dev_find(struct sim_node *node, const char *name)
{
	struct list *pos;

	list_for_each(pos, &node->devs) {
		struct sim_dev *d = list_entry(pos, struct sim_dev, link);

		if (strcmp(d->name, name) == 0)
			return d;
	}
	return NULL;
}

static int dev_create(struct sim_node *node, const struct sim_profile *p, const char *name,
		      uint64_t bytes, struct sim_dev **ret_dev)
{
	const struct profile_ssd *spec;
	struct sim_dev *d;
	uint32_t number;

	spec = ssd_spec(p, name, &number);
	if (spec == NULL)
		return -DER_NONEXIST;
	if (strlen(name) >= DEV_NAME_MAX || bytes > spec->capacity_bytes ||
	    bytes % spec->block_bytes != 0)
		return -DER_INVAL;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -DER_NOMEM;
	d->store = store_create();
	d->ssd = ssd_get(node, spec, number);
	if (d->store == NULL || d->ssd == NULL) {
		store_destroy(d->store);
		free(d);
		return -DER_NOMEM;
	}
	memcpy(d->name, name, strlen(name) + 1);
	d->dev.bytes = bytes != 0 ? bytes : spec->capacity_bytes;
	d->dev.align = spec->block_bytes;
	d->dev.opt_bytes = 128 << 10;
	list_add_tail(&node->devs, &d->link);
	*ret_dev = d;
	return 0;
}

static int blk_dev_open(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
			struct rt_dev **ret_dev)
{
	struct sim_stream *st = ctx;
	struct sim_node *node = &st->sim->nodes[st->node_idx];
	struct sim_dev *d = dev_find(node, name);
	int rc;

	if (d == NULL) {
		if ((flags & RT_DEV_CREATE) == 0)
			return -DER_NONEXIST;
		rc = dev_create(node, st->sim->profile, name, bytes, &d);
		if (rc != 0)
			return rc;
	}
	if (d->owner != NULL)
		return -DER_BUSY;
	d->owner = st;
	d->rdonly = (flags & RT_DEV_RDONLY) != 0;
	*ret_dev = &d->dev;
	return 0;
}

static void blk_dev_close(void *ctx, struct rt_dev *dev)
{
	struct sim_dev *d = (struct sim_dev *)dev;

	ASSERT(d->owner == ctx);
	d->owner = NULL;
}

/* ---- one command -------------------------------------------------------------------------- */

static void io_deliver(struct sim_stream *st, struct sim_item *item)
{
	struct sim_io *o = container_of(item, struct sim_io, item);
	struct rt_io *io = o->io;
	int rc = o->rc;

	sim_digest_event(st->sim, st->clock_ns, st->id, SIM_ITEM_IO_DONE,
			 (uint64_t)io->op << 56 ^ io->off, (uint64_t)-rc << 48 ^ io->buf.bytes);
	st->ops_out--;
	sim_mem_put(st->sim, o, sizeof(*o));
	io->done(io, rc);
}

static void io_drop(struct sim *sim, struct sim_item *item)
{
	sim_mem_put(sim, container_of(item, struct sim_io, item), sizeof(struct sim_io));
}

/* A write that fails in the middle leaves the blocks before it written. */
static void write_part(struct sim_io *o)
{
	const struct rt_io *io = o->io;
	uint64_t blocks = io->buf.bytes / o->dev->dev.align;
	uint64_t bytes = o->fate.pick % (blocks + 1) * o->dev->dev.align;
	uint32_t nr = buf_slice_count(&io->buf, 0, bytes);
	struct bseg *segs = calloc(nr + 1, sizeof(*segs));
	struct buf part;

	if (segs != NULL && bytes > 0 && buf_slice(&io->buf, 0, bytes, segs, nr, &part) == 0)
		(void)store_write(o->dev->store, io->off, &part);	/* it is a failure anyway */
	free(segs);
}

/* One bit of what was written goes wrong on the medium: a block is read, damaged, put back. */
static int write_corrupt(struct sim_io *o)
{
	uint32_t block = o->dev->dev.align;
	uint64_t pick = o->fate.pick % o->io->buf.bytes;
	uint64_t at = o->io->off + align_down(pick, block);
	bool phantom = !buf_is_bytes(&o->io->buf);
	struct bseg *runs = calloc(CORRUPT_RUNS, sizeof(*runs)), seg;
	char *bytes = malloc(block);
	struct bsink sink;
	struct buf buf;
	int rc = -DER_NOMEM;

	if (runs == NULL || bytes == NULL)
		goto out;
	bsink_init(&sink, block, runs, CORRUPT_RUNS);
	buf = phantom ? buf_from_sink(&seg, &sink, 0, block) : buf_from_bytes(&seg, bytes, block);
	rc = store_read(o->dev->store, at, &buf);
	if (rc == 0)
		rc = sim_corrupt(&buf, pick % block);
	if (rc == 0)
		rc = store_write(o->dev->store, at, &buf);
out:
	free(runs);
	free(bytes);
	return rc;
}

static int io_perform(struct sim_io *o)
{
	const struct rt_io *io = o->io;
	int rc;

	if (o->fate.fail) {
		if (io->op == RT_IO_WRITE)
			write_part(o);
		return -DER_NVME_IO;
	}
	switch (io->op) {
	case RT_IO_READ:
		return store_read(o->dev->store, io->off, &io->buf);
	case RT_IO_WRITE:
		rc = store_write(o->dev->store, io->off, &io->buf);
		if (rc == 0 && o->fate.corrupt && io->buf.bytes > 0)
			rc = write_corrupt(o);
		return rc;
	case RT_IO_TRIM:
		return store_punch(o->dev->store, io->off, io->buf.bytes);
	default:
		store_commit(o->dev->store, o->mark);
		return 0;
	}
}

static void io_end(struct sim_ev *ev)
{
	struct sim_io *o = container_of(ev, struct sim_io, ev);

	if (!sim_alive(o->sim, &o->owner)) {
		io_drop(o->sim, &o->item);
		return;
	}
	o->rc = io_perform(o);
	sim_push(o->owner.st, &o->item);
}

/* When a command that gets to the drive now ends. */
static uint64_t ssd_take(struct sim_ssd *s, enum rt_io_op op, uint64_t bytes, uint32_t factor,
			 uint64_t now_ns)
{
	const struct profile_ssd *spec = s->spec;
	bool read = op == RT_IO_READ;
	uint64_t service, start, end;

	service = max_u64(sim_wire_ns(1, read ? spec->read_iops : spec->write_iops),
			  op == RT_IO_TRIM || op == RT_IO_FLUSH
				  ? 0
				  : sim_wire_ns(bytes, read ? spec->read_bytes_per_s
							    : spec->write_bytes_per_s));
	if (op == RT_IO_FLUSH)
		service = spec->flush_latency_ns;
	start = max_u64(max_u64(now_ns, s->free_ns), s->ring[s->ring_pos]);
	s->free_ns = start + service * factor;
	end = s->free_ns;
	if (op != RT_IO_FLUSH)
		end += (read ? spec->read_latency_ns : spec->write_latency_ns) * factor;
	s->ring[s->ring_pos] = end;
	s->ring_pos = s->ring_pos + 1 == spec->queue_depth ? 0 : s->ring_pos + 1;
	return end;
}

static void io_start(struct sim_ev *ev)
{
	struct sim_io *o = container_of(ev, struct sim_io, ev);
	struct sim *sim = o->sim;
	uint64_t end;

	if (!sim_alive(sim, &o->owner)) {
		io_drop(sim, &o->item);
		return;
	}
	sim_fault_io(sim, o->owner.node_idx, o->dev->name, o->io->op, &o->fate);
	end = ssd_take(o->dev->ssd, o->io->op, o->io->buf.bytes, o->fate.factor, sim->now_ns);
	sim_plan(sim, &o->ev, end, o->owner.stream, io_end);
}

static int io_check(const struct sim_dev *d, const struct rt_io *io)
{
	uint64_t mask = d->dev.align - 1;

	if (io->op < RT_IO_READ || io->op > RT_IO_TRIM)
		return -DER_INVAL;
	if (io->op == RT_IO_FLUSH)
		return 0;
	if (((io->off | io->buf.bytes) & mask) != 0 || io->buf.bytes > d->dev.bytes ||
	    io->off > d->dev.bytes - io->buf.bytes)
		return -DER_INVAL;
	return io->op != RT_IO_READ && d->rdonly ? -DER_NO_PERM : 0;
}

static int blk_submit(void *ctx, struct rt_io *io)
{
	struct sim_dev *d = (struct sim_dev *)io->dev;
	struct sim_stream *st = ctx;
	struct sim_io *o;
	int rc = io_check(d, io);

	ASSERT(d->owner == st);
	if (rc != 0)
		return rc;
	o = sim_mem_get(st->sim, sizeof(*o));
	if (o == NULL)
		return -DER_NOMEM;
	*o = (struct sim_io){
		.item = { .deliver = io_deliver, .drop = io_drop },
		.sim = st->sim,
		.io = io,
		.dev = d,
		.owner = sim_owner_of(st),
		.mark = io->op == RT_IO_FLUSH ? store_mark(d->store) : 0,
	};
	st->ops_out++;
	st->sim->stats.ios++;
	st->sim->stats.io_bytes += io->buf.bytes;
	if (sim_stream_now(st) > st->sim->now_ns)
		sim_plan(st->sim, &o->ev, sim_stream_now(st), st->id, io_start);
	else
		io_start(&o->ev);
	return 0;
}

const struct rt_blk_ops sim_blk_ops = {
	.dev_open = blk_dev_open,
	.dev_close = blk_dev_close,
	.submit = blk_submit,
};

/* ---- ends --------------------------------------------------------------------------------- */

void sim_blk_crash(struct sim *sim, struct sim_node *node)
{
	struct list *pos;

	list_for_each(pos, &node->devs) {
		struct sim_dev *d = list_entry(pos, struct sim_dev, link);
		struct prng rand;
		uint64_t seed = 0;
		uint32_t ppm = sim_fault_torn(sim, node->idx, d->name, &seed);

		prng_seed(&rand, seed);
		store_crash(d->store, ppm, d->dev.align, &rand);
		d->owner = NULL;
	}
	list_for_each(pos, &node->ssds) {
		struct sim_ssd *s = list_entry(pos, struct sim_ssd, link);

		s->free_ns = sim->now_ns;
		memset(s->ring, 0, s->spec->queue_depth * sizeof(s->ring[0]));
	}
}

void sim_blk_fini(struct sim *sim, struct sim_node *node)
{
	(void)sim;
	while (!list_empty(&node->devs)) {
		struct sim_dev *d = list_first(&node->devs, struct sim_dev, link);

		list_del(&d->link);
		store_destroy(d->store);
		free(d);
	}
	while (!list_empty(&node->ssds)) {
		struct sim_ssd *s = list_first(&node->ssds, struct sim_ssd, link);

		list_del(&s->link);
		free(s->ring);
		free(s);
	}
}

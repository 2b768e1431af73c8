/* Block devices of the local backend: checks, the queue of a stream, and its polling. */
#include "transports/local/local_int.h"

#define MEM_PREFIX "mem:"
#define POLL_BYTES (4u << 20)	/* io performed in one round, so that messages are not starved */

struct io_priv {
	struct list link;
};

static_assert(sizeof(struct io_priv) <= sizeof(((struct rt_io *)0)->priv), "fits");

static struct io_priv *io_priv(struct rt_io *io)
{
	return (struct io_priv *)(void *)io->priv;
}

static struct rt_io *io_of(struct list *link)
{
	struct io_priv *ip = list_entry(link, struct io_priv, link);

	return container_of((uint64_t *)(void *)ip, struct rt_io, priv[0]);
}

static int blk_dev_open(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
			struct rt_dev **ret_dev)
{
	struct local_stream *s = ctx;
	uint32_t align = s->world->opts.dev_align;
	struct local_dev *d;
	int rc;

	if ((flags & RT_DEV_CREATE) != 0 && (bytes == 0 || bytes % align != 0))
		return -DER_INVAL;
	if ((flags & RT_DEV_CREATE) != 0 && (flags & RT_DEV_RDONLY) != 0)
		return -DER_INVAL;
	if (strncmp(name, MEM_PREFIX, strlen(MEM_PREFIX)) == 0)
		rc = local_memdev_open(s, name, bytes, flags, &d);
	else
		rc = local_file_open(s, name, bytes, flags, &d);
	if (rc != 0)
		return rc;
	d->stream = s;
	d->flags = flags;
	d->dev.align = align;
	list_add_tail(&s->devs, &d->link);
	*ret_dev = &d->dev;
	return 0;
}

static void blk_dev_close(void *ctx, struct rt_dev *dev)
{
	struct local_stream *s = ctx;
	struct local_dev *d = container_of(dev, struct local_dev, dev);
	struct list *pos;

	ASSERT(d->stream == s);
	list_for_each(pos, &s->ios)
		ASSERT(io_of(pos)->dev != dev);
	list_del(&d->link);
	d->ops->close(d);
}

static int io_check(const struct rt_io *io)
{
	const struct local_dev *d = container_of(io->dev, struct local_dev, dev);
	uint64_t mask = io->dev->align - 1;

	switch (io->op) {
	case RT_IO_FLUSH:
		return 0;
	case RT_IO_WRITE:
	case RT_IO_TRIM:
		if (d->flags & RT_DEV_RDONLY)
			return -DER_INVAL;
		break;
	case RT_IO_READ:
		break;
	default:
		return -DER_INVAL;
	}
	if ((io->off & mask) != 0 || (io->buf.bytes & mask) != 0)
		return -DER_INVAL;
	if (io->off > io->dev->bytes || io->buf.bytes > io->dev->bytes - io->off)
		return -DER_INVAL;
	return 0;
}

static int blk_submit(void *ctx, struct rt_io *io)
{
	struct local_stream *s = ctx;
	int rc = io_check(io);

	if (rc != 0)
		return rc;
	if (s->ios_count >= LOCAL_IOS_MAX)
		return -DER_AGAIN;
	list_add_tail(&s->ios, &io_priv(io)->link);
	s->ios_count++;
	return 0;
}

/* Perform io in the order of submission: a flush then covers what was submitted before it. */
static int blk_poll(void *ctx)
{
	struct local_stream *s = ctx;
	uint64_t budget = POLL_BYTES;
	uint32_t due = s->ios_count;	/* what done() submits waits for the next round */
	int count = 0;

	while (due-- > 0 && budget > 0) {
		struct rt_io *io = io_of(s->ios.next);
		struct local_dev *d = container_of(io->dev, struct local_dev, dev);
		int rc;

		list_del(&io_priv(io)->link);
		rc = d->ops->perform(d, io);
		budget -= min_u64(budget, io->op == RT_IO_TRIM ? 4096 : io->buf.bytes + 4096);
		s->ios_count--;
		count++;
		io->done(io, rc);
	}
	return count;
}

static int blk_arm(void *ctx)
{
	struct local_stream *s = ctx;

	return s->ios_count == 0 ? 0 : -DER_AGAIN;
}

const struct loop_src_ops local_blk_src_ops = {
	.poll = blk_poll,
	.arm = blk_arm,
};

static int blk_mem_add(void *ctx, void *ptr, size_t bytes)
{
	(void)ctx;
	(void)ptr;
	(void)bytes;
	return 0;
}

static void blk_mem_del(void *ctx, void *ptr, size_t bytes)
{
	(void)ctx;
	(void)ptr;
	(void)bytes;
}

const struct rt_blk_ops local_blk_ops = {
	.dev_open = blk_dev_open,
	.dev_close = blk_dev_close,
	.submit = blk_submit,
	.mem_add = blk_mem_add,
	.mem_del = blk_mem_del,
};

uint32_t local_blk_drop(struct local_stream *s)
{
	uint32_t count = 0;

	list_init(&s->ios);
	s->ios_count = 0;
	while (!list_empty(&s->devs)) {
		struct local_dev *d = list_first(&s->devs, struct local_dev, link);

		list_del(&d->link);
		d->ops->close(d);
		count++;
	}
	return count;
}

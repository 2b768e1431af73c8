/* The device half of the faulty interposer. */
#include "transports/wrap/fault_int.h"

struct fault_dev {
	struct rt_dev dev;
	struct rt_dev *inner;
};

struct fault_io {
	struct rt_io inner;
	struct rt_io *outer;
	struct wrap_fault *f;
	struct rt_timer timer;
	struct buf damaged;
	bool fails;		/* report an error, whatever the device says */
	bool skip;		/* and do not even ask it */
};

static int blk_dev_open(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
			struct rt_dev **ret_dev)
{
	struct wrap_fault *f = ctx;
	struct fault_dev *d = rt_alloc(f->rt, sizeof(*d));
	int rc;

	if (d == NULL)
		return -DER_NOMEM;
	rc = f->inner.blk->dev_open(f->inner.blk_ctx, name, bytes, flags, &d->inner);
	if (rc != 0) {
		rt_free(f->rt, d);
		return rc;
	}
	d->dev = *d->inner;
	*ret_dev = &d->dev;
	return 0;
}

static void blk_dev_close(void *ctx, struct rt_dev *dev)
{
	struct wrap_fault *f = ctx;
	struct fault_dev *d = container_of(dev, struct fault_dev, dev);

	f->inner.blk->dev_close(f->inner.blk_ctx, d->inner);
	rt_free(f->rt, d);
}

static void io_complete(struct fault_io *fi, int rc)
{
	struct wrap_fault *f = fi->f;
	struct rt_io *outer = fi->outer;

	f->outstanding--;
	wrap_buf_free(f->rt, &fi->damaged);
	rt_free(f->rt, fi);
	outer->done(outer, rc);
}

static void io_inner_done(struct rt_io *io, int rc)
{
	struct fault_io *fi = container_of(io, struct fault_io, inner);
	struct wrap_fault *f = fi->f;
	struct rt_io *outer = fi->outer;

	if (rc == 0 && !fi->fails && outer->op == RT_IO_READ && outer->buf.bytes > 0 &&
	    fault_strikes(f, FAULT_CORRUPT_READ))
		wrap_buf_damage(&outer->buf, outer->buf.nr,
				prng_below(&f->details, outer->buf.bytes), prng_next(&f->details));
	io_complete(fi, fi->fails ? -DER_NVME_IO : rc);
}

static int io_send(struct fault_io *fi)
{
	memset(fi->inner.priv, 0, sizeof(fi->inner.priv));
	return fi->f->inner.blk->submit(fi->f->inner.blk_ctx, &fi->inner);
}

static void io_timer(struct rt_timer *t)
{
	struct fault_io *fi = container_of(t, struct fault_io, timer);
	int rc = fi->skip ? -DER_NVME_IO : io_send(fi);

	if (rc == -DER_AGAIN)
		rt_timer_arm(fi->f->rt, t, rt_now_ns(fi->f->rt) + 1000);
	else if (rc != 0)
		io_complete(fi, rc);
}

/* What the plan does to this io. */
static int io_afflict(struct fault_io *fi)
{
	struct wrap_fault *f = fi->f;
	const struct rt_io *io = fi->outer;
	int rc;

	switch (io->op) {
	case RT_IO_READ:
		fi->fails = fault_strikes(f, FAULT_FAIL_READ);
		fi->skip = fi->fails;
		return 0;
	case RT_IO_FLUSH:
		fi->fails = fault_strikes(f, FAULT_FAIL_FLUSH);
		fi->skip = fi->fails;
		return 0;
	case RT_IO_WRITE:
		fi->fails = fault_strikes(f, FAULT_FAIL_WRITE);
		fi->skip = fi->fails && prng_below(&f->details, 2) == 0;
		if (io->buf.bytes == 0 || !fault_strikes(f, FAULT_CORRUPT_WRITE))
			return 0;
		rc = wrap_buf_clone(f->rt, &io->buf, 2, &fi->damaged);
		if (rc != 0)
			return rc;
		wrap_buf_damage(&fi->damaged, fi->damaged.nr + 2,
				prng_below(&f->details, io->buf.bytes), prng_next(&f->details));
		fi->inner.buf = fi->damaged;
		return 0;
	case RT_IO_TRIM:
	default:
		return 0;
	}
}

static int blk_submit(void *ctx, struct rt_io *io)
{
	struct wrap_fault *f = ctx;
	struct fault_dev *d = container_of(io->dev, struct fault_dev, dev);
	struct fault_io *fi = rt_alloc(f->rt, sizeof(*fi));
	int rc;

	if (fi == NULL)
		return -DER_NOMEM;
	*fi = (struct fault_io){ .outer = io, .f = f, .timer.fn = io_timer };
	fi->inner = (struct rt_io){ .dev = d->inner, .op = io->op, .off = io->off, .buf = io->buf,
				    .done = io_inner_done };
	rc = io_afflict(fi);
	if (rc == 0) {
		if (fault_strikes(f, FAULT_DELAY_IO))
			rt_timer_arm(f->rt, &fi->timer, fault_later_ns(f));
		else if (fi->skip)
			rt_timer_arm(f->rt, &fi->timer, rt_now_ns(f->rt));
		else
			rc = io_send(fi);
	}
	if (rc != 0) {
		wrap_buf_free(f->rt, &fi->damaged);
		rt_free(f->rt, fi);
		return rc;
	}
	f->outstanding++;
	return 0;
}

static int blk_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_fault *f = ctx;

	if (f->inner.blk->mem_add == NULL)
		return 0;
	return f->inner.blk->mem_add(f->inner.blk_ctx, ptr, bytes);
}

static void blk_mem_del(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_fault *f = ctx;

	if (f->inner.blk->mem_del != NULL)
		f->inner.blk->mem_del(f->inner.blk_ctx, ptr, bytes);
}

const struct rt_blk_ops fault_blk_ops = {
	.dev_open = blk_dev_open,
	.dev_close = blk_dev_close,
	.submit = blk_submit,
	.mem_add = blk_mem_add,
	.mem_del = blk_mem_del,
};

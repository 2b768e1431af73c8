/*
 * The life of a request: checked and queued by submit, turned into one operation per step by the
 * pump, judged by the reaper, which ends it or queues its next step.
 */
#include <errno.h>
#include <linux/falloc.h>

#include "transports/uring/uring_int.h"

/* _IO(0x12, 0) of linux/blkdev.h, in Linux since 6.12 and not yet in Debian 12's headers. */
#define CMD_DISCARD (0x12u << 8)
/* Marks the user_data of a sync, which belongs to a device and to no request. */
#define TAG_SYNC 1ull

static int der_from_res(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return -DER_NOSPACE;
	case ENOMEM:
		return -DER_NOMEM;
	default:
		return -DER_NVME_IO;
	}
}

static void req_finish(struct uring *u, struct uring_req *req, int rc)
{
	if (req->bounce != NULL) {
		list_add(&u->bounce_free, (struct list *)(void *)req->bounce);
		req->bounce = NULL;
	}
	req->rc = rc;
	list_add_tail(&u->finished, &req->link);
}

/* ---- submit ------------------------------------------------------------------------------- */

static bool mem_direct(const struct uring_dev *d, const struct buf *buf)
{
	uint64_t mask = 0;
	uint32_t i;

	if (!buf_is_bytes(buf))
		return false;	/* phantoms become bytes in the bounce buffer */
	if (d->mem_align == 1)
		return true;
	for (i = 0; i < buf->nr; i++)
		mask |= ((uintptr_t)buf->segs[i].ptr & (d->mem_align - 1)) |
			(buf->segs[i].bytes & (d->dev.align - 1));
	return mask == 0;
}

/* Have one more bounce buffer, when none is free and the limit allows. */
static bool bounce_make(struct uring *u)
{
	void *mem;

	if (u->stats.bounce_made == u->bounce_count)
		return false;
	mem = u->misc->alloc(u->misc_ctx, u->bounce_bytes, 4096);
	if (mem == NULL)
		return false;
	(void)uring_mem_add(u, mem, u->bounce_bytes);	/* never fails; refusal costs speed */
	u->bounces[u->stats.bounce_made++] = mem;
	list_add(&u->bounce_free, mem);
	return true;
}

static int io_check(const struct uring_dev *d, const struct rt_io *io)
{
	uint64_t mask = d->dev.align - 1;
	uint32_t i;

	if (io->op != RT_IO_READ && d->rdonly)
		return -DER_NO_PERM;
	if ((io->op == RT_IO_WRITE || io->op == RT_IO_FLUSH) && d->failed)
		return -DER_NVME_IO;
	if (io->op == RT_IO_FLUSH)
		return 0;
	if (((io->off | io->buf.bytes) & mask) != 0 || io->off > d->dev.bytes ||
	    io->buf.bytes > d->dev.bytes - io->off)
		return -DER_INVAL;
	if (io->op == RT_IO_READ && !buf_is_bytes(&io->buf))
		return -DER_INVAL;
	for (i = 0; io->op == RT_IO_WRITE && i < io->buf.nr; i++)
		if (io->buf.segs[i].kind == BSEG_SINK)
			return -DER_INVAL;
	return 0;
}

int uring_submit(void *ctx, struct rt_io *io)
{
	struct uring *u = ctx;
	struct uring_dev *d = dev_of(io->dev);
	struct uring_req *req = req_of(io);
	int rc;

	ASSERT(d->u == u);
	rc = io_check(d, io);
	if (rc != 0)
		return rc;
	*req = (struct uring_req){ 0 };
	switch (io->op) {
	case RT_IO_READ:
	case RT_IO_WRITE:
		if (!mem_direct(d, &io->buf)) {
			req->flags |= REQ_BOUNCE;
			if (u->stats.bounce_made == 0 && !bounce_make(u))
				return -DER_NOMEM;
		}
		/* fall through */
	case RT_IO_TRIM:
		list_add_tail(io->buf.bytes > 0 ? &u->ready : &u->finished, &req->link);
		break;
	case RT_IO_FLUSH:
		list_add_tail(&d->flush_wait, &req->link);
		if (!d->syncing && list_empty(&d->flush_link))
			list_add_tail(&u->flush_devs, &d->flush_link);
		break;
	default:
		return -DER_INVAL;
	}
	d->outstanding++;
	return 0;
}

/* ---- pump --------------------------------------------------------------------------------- */

/* Where position @at of the request's content lies. */
static const struct bseg *seg_at(const struct buf *buf, uint64_t at, uint64_t *ret_off)
{
	const struct bseg *seg = buf->segs;

	while (at >= seg->bytes) {
		at -= seg->bytes;
		seg++;
	}
	*ret_off = at;
	return seg;
}

/* Describe the rest of the request to the kernel; memory that touches is one segment. */
static uint32_t iovs_fill(const struct rt_io *io, uint64_t at, struct iovec *iov, uint32_t *ret_nr)
{
	uint64_t off, room = URING_STEP_BYTES_MAX, bytes;
	const struct bseg *seg, *end = io->buf.segs + io->buf.nr;
	uint32_t nr = 0;
	uint8_t *ptr;

	for (seg = seg_at(&io->buf, at, &off); seg < end && room > 0; seg++, off = 0) {
		bytes = min_u64(seg->bytes - off, room);
		ptr = (uint8_t *)seg->ptr + off;
		if (bytes == 0)
			continue;
		if (nr > 0 && (uint8_t *)iov[nr - 1].iov_base + iov[nr - 1].iov_len == ptr) {
			iov[nr - 1].iov_len += bytes;
		} else {
			if (nr == URING_REQ_IOVS)
				break;
			iov[nr++] = (struct iovec){ .iov_base = ptr, .iov_len = bytes };
		}
		room -= bytes;
	}
	*ret_nr = nr;
	return (uint32_t)(URING_STEP_BYTES_MAX - room);
}

static void prep_fixed(struct io_uring_sqe *sqe, const struct uring_dev *d, const struct rt_io *io,
		       void *ptr, uint32_t bytes, int slot)
{
	uint64_t off = io->off + req_of((struct rt_io *)io)->at;

	if (slot >= 0)
		d->u->stats.fixed++;
	if (slot >= 0 && io->op == RT_IO_READ)
		io_uring_prep_read_fixed(sqe, d->fd, ptr, bytes, off, slot);
	else if (slot >= 0)
		io_uring_prep_write_fixed(sqe, d->fd, ptr, bytes, off, slot);
	else if (io->op == RT_IO_READ)
		io_uring_prep_read(sqe, d->fd, ptr, bytes, off);
	else
		io_uring_prep_write(sqe, d->fd, ptr, bytes, off);
}

static void step_bounce(struct uring *u, struct io_uring_sqe *sqe, struct rt_io *io)
{
	struct uring_req *req = req_of(io);
	struct uring_dev *d = dev_of(io->dev);
	uint64_t bytes = min_u64(io->buf.bytes - req->at, u->bounce_bytes);
	struct bseg seg;
	struct buf dst = buf_from_bytes(&seg, req->bounce, bytes);
	int rc;

	if (io->op == RT_IO_WRITE) {
		rc = buf_copy(&dst, 0, &io->buf, req->at, bytes);
		ASSERT(rc == 0);
	}
	req->step_bytes = (uint32_t)bytes;
	u->stats.bounced++;
	prep_fixed(sqe, d, io, req->bounce, req->step_bytes,
		   uring_mem_slot(u, req->bounce, u->bounce_bytes));
}

static void step_plain(struct uring *u, struct io_uring_sqe *sqe, struct rt_io *io)
{
	struct iovec *iov = &u->iovs[u->iov_used];
	struct uring_req *req = req_of(io);
	struct uring_dev *d = dev_of(io->dev);
	uint64_t off = io->off + req->at;
	uint32_t nr;

	req->step_bytes = iovs_fill(io, req->at, iov, &nr);
	if (nr == 1) {
		prep_fixed(sqe, d, io, iov->iov_base, req->step_bytes,
			   uring_mem_slot(u, iov->iov_base, iov->iov_len));
		return;
	}
	u->iov_used += nr;
	if (io->op == RT_IO_READ)
		io_uring_prep_readv(sqe, d->fd, iov, nr, off);
	else
		io_uring_prep_writev(sqe, d->fd, iov, nr, off);
}

/* A block device discards; a file, and a device that cannot, gives the range back as a hole. */
static void step_trim(struct io_uring_sqe *sqe, struct rt_io *io)
{
	struct uring_req *req = req_of(io);
	struct uring_dev *d = dev_of(io->dev);

	if (d->block && (req->flags & REQ_PUNCH) == 0) {
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, d->fd, (void *)(uintptr_t)io->off, 0, 0);
		sqe->cmd_op = CMD_DISCARD;
		sqe->addr3 = io->buf.bytes;
		return;
	}
	io_uring_prep_fallocate(sqe, d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)io->off, (off_t)io->buf.bytes);
}

/* One sync per device at a time; it answers every flush that was submitted before it started. */
static void pump_syncs(struct uring *u)
{
	struct io_uring_sqe *sqe;
	struct uring_dev *d;

	while (!list_empty(&u->flush_devs) && u->inflight < u->depth) {
		sqe = io_uring_get_sqe(&u->ring);
		if (sqe == NULL)
			return;
		d = list_first(&u->flush_devs, struct uring_dev, flush_link);
		list_del(&d->flush_link);
		list_splice_tail(&d->flush_group, &d->flush_wait);
		d->syncing = true;
		io_uring_prep_fsync(sqe, d->fd, IORING_FSYNC_DATASYNC);
		sqe->user_data = (uintptr_t)d | TAG_SYNC;
		u->inflight++;
		u->stats.syncs++;
	}
}

/* True when @req may start now; else it has been put where it belongs. */
static bool pump_admit(struct uring *u, struct uring_req *req)
{
	struct rt_io *io = io_of(req);

	if (io->op == RT_IO_WRITE && dev_of(io->dev)->failed) {
		req_finish(u, req, -DER_NVME_IO);
		return false;
	}
	if ((req->flags & REQ_BOUNCE) == 0 || req->bounce != NULL)
		return true;
	if (list_empty(&u->bounce_free) && !bounce_make(u)) {
		u->stats.bounce_waits++;
		list_add_tail(&u->bounce_wait, &req->link);
		return false;
	}
	req->bounce = (void *)u->bounce_free.next;
	list_del(u->bounce_free.next);
	return true;
}

void uring_pump(struct uring *u)
{
	struct io_uring_sqe *sqe;
	struct uring_req *req;
	struct list *first;
	struct rt_io *io;

	pump_syncs(u);
	for (;;) {
		/* Who waits for a bounce buffer was here first. */
		first = &u->ready;
		if (!list_empty(&u->bounce_wait) && !list_empty(&u->bounce_free))
			first = &u->bounce_wait;
		if (list_empty(first) || u->inflight >= u->depth ||
		    u->iov_used + URING_REQ_IOVS > URING_IOVS ||
		    io_uring_sq_space_left(&u->ring) == 0)
			return;
		req = list_first(first, struct uring_req, link);
		list_del(&req->link);
		if (!pump_admit(u, req))
			continue;
		io = io_of(req);
		sqe = io_uring_get_sqe(&u->ring);
		ASSERT(sqe != NULL);
		if (io->op == RT_IO_TRIM)
			step_trim(sqe, io);
		else if (req->bounce != NULL)
			step_bounce(u, sqe, io);
		else
			step_plain(u, sqe, io);
		sqe->user_data = (uintptr_t)req;
		u->inflight++;
	}
}

/* ---- reap --------------------------------------------------------------------------------- */

static void reap_sync(struct uring *u, struct uring_dev *d, int res)
{
	struct uring_req *req;
	int rc = 0;

	d->syncing = false;
	res = u->hook.result(u->hook.arg, &d->dev, RT_IO_FLUSH, res);
	if ((res == -EINTR || res == -EAGAIN) && ++d->sync_tries < URING_TRIES_MAX) {
		/* Nothing was tried, so nothing is lost: the group goes again, with the next. */
		list_splice_tail(&d->flush_group, &d->flush_wait);
		list_splice_tail(&d->flush_wait, &d->flush_group);
	} else if (res < 0) {
		/* The kernel forgets pages that it could not write: a second fdatasync would
		 * succeed and mean nothing. */
		d->failed = true;
		rc = der_from_res(-res);
	} else {
		d->sync_tries = 0;
	}
	while (!list_empty(&d->flush_group)) {
		req = list_first(&d->flush_group, struct uring_req, link);
		list_del(&req->link);
		req_finish(u, req, rc);
	}
	while (d->failed && !list_empty(&d->flush_wait)) {
		req = list_first(&d->flush_wait, struct uring_req, link);
		list_del(&req->link);
		req_finish(u, req, -DER_NVME_IO);
	}
	if (!list_empty(&d->flush_wait))
		list_add_tail(&u->flush_devs, &d->flush_link);
}

static void reap_trim(struct uring *u, struct uring_req *req, int res)
{
	struct uring_dev *d = dev_of(io_of(req)->dev);

	res = u->hook.result(u->hook.arg, &d->dev, RT_IO_TRIM, res);
	if (res < 0 && d->block && (req->flags & REQ_PUNCH) == 0) {
		req->flags |= REQ_PUNCH;
		list_add(&u->ready, &req->link);
		return;
	}
	/* A hint that nobody took is fine. */
	req_finish(u, req, res == -EIO ? -DER_NVME_IO : 0);
}

/* A step moved @bytes, a multiple of the device's alignment. */
static void step_done(struct uring *u, struct uring_req *req, uint64_t bytes)
{
	struct rt_io *io = io_of(req);
	struct bseg seg;
	struct buf src;
	int rc;

	if (req->bounce != NULL && io->op == RT_IO_READ) {
		src = buf_from_bytes(&seg, req->bounce, bytes);
		rc = buf_copy(&io->buf, req->at, &src, 0, bytes);
		ASSERT(rc == 0);
	}
	req->at += bytes;
	if (req->at == io->buf.bytes)
		req_finish(u, req, 0);
	else
		list_add(&u->ready, &req->link);
}

static void reap_transfer(struct uring *u, struct uring_req *req, int res)
{
	struct rt_io *io = io_of(req);
	struct uring_dev *d = dev_of(io->dev);
	uint64_t bytes;
	int rc;

	res = u->hook.result(u->hook.arg, &d->dev, io->op, res);
	bytes = res > 0 ? align_down(min_u64((uint64_t)res, req->step_bytes), d->dev.align) : 0;
	if (bytes > 0) {
		req->tries = 0;
		u->stats.resumed += bytes < req->step_bytes;
		step_done(u, req, bytes);
		return;
	}
	/* Less than a sector may be an accident, once; the end of the file is not. */
	if (res > 0)
		res = -EAGAIN;
	if (res == 0 || ++req->tries == URING_TRIES_MAX)
		res = -EIO;
	if (res == -EINTR || res == -EAGAIN) {
		u->stats.resumed++;
		list_add(&u->ready, &req->link);
		return;
	}
	rc = der_from_res(-res);
	/* For want of space nothing was accepted; after anything else nobody knows what was. */
	if (io->op == RT_IO_WRITE && rc != -DER_NOSPACE)
		d->failed = true;
	req_finish(u, req, rc);
}

void uring_reap(struct uring *u)
{
	struct io_uring_cqe *cqe;
	struct uring_req *req;
	unsigned int head, nr = 0;

	io_uring_for_each_cqe(&u->ring, head, cqe)
	{
		nr++;
		if ((cqe->user_data & TAG_SYNC) != 0) {
			reap_sync(u, (struct uring_dev *)(uintptr_t)(cqe->user_data & ~TAG_SYNC),
				  cqe->res);
			continue;
		}
		req = (struct uring_req *)(uintptr_t)cqe->user_data;
		if (io_of(req)->op == RT_IO_TRIM)
			reap_trim(u, req, cqe->res);
		else
			reap_transfer(u, req, cqe->res);
	}
	io_uring_cq_advance(&u->ring, nr);
	ASSERT(u->inflight >= nr);
	u->inflight -= nr;
}

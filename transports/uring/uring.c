/* The ring: making it, registered memory, the source that a stream's loop polls. */
#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "transports/uring/uring_int.h"

#define FEATURES_NEEDED (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RSRC_TAGS)

static int default_result(void *arg, const struct rt_dev *dev, enum rt_io_op op, int res)
{
	(void)arg;
	(void)dev;
	(void)op;
	return res;
}

/* The kernels from 6.1 on defer completions to the poller; older ones do with less. */
static int ring_init(struct uring *u)
{
	static const uint32_t modes[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		0,
	};
	size_t i = (u->flags & URING_ANY_THREAD) != 0 ? ARRAY_COUNT(modes) - 1 : 0;
	struct io_uring_params p;
	int rc = -EINVAL;

	for (; i < ARRAY_COUNT(modes) && rc == -EINVAL; i++) {
		p = (struct io_uring_params){
			.flags = modes[i] | IORING_SETUP_R_DISABLED,
		};
		rc = io_uring_queue_init_params(u->depth, &u->ring, &p);
	}
	if (rc == -ENOSYS || rc == -EINVAL)
		return -DER_NOSYS;
	if (rc == -EPERM || rc == -EACCES)
		return -DER_NO_PERM;
	if (rc != 0)
		return -DER_NOMEM;
	if ((p.features & FEATURES_NEEDED) != FEATURES_NEEDED) {
		io_uring_queue_exit(&u->ring);
		return -DER_NOSYS;
	}
	/* The ring's own descriptor is of no use to poll(): with deferred completions nothing wakes
	 * it. The eventfd is switched off while the stream is awake. */
	u->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (u->efd < 0 || io_uring_register_eventfd(&u->ring, u->efd) != 0 ||
	    io_uring_cq_eventfd_toggle(&u->ring, false) != 0) {
		if (u->efd >= 0)
			(void)close(u->efd);
		io_uring_queue_exit(&u->ring);
		return -DER_NOMEM;
	}
	u->has_buffers = io_uring_register_buffers_sparse(&u->ring, URING_CHUNKS_MAX) == 0;
	return 0;
}

const char *uring_strerror(int rc)
{
	switch (rc) {
	case 0:
		return "io_uring is available";
	case -DER_NOSYS:
		return "this kernel has no io_uring, or one older than Linux 5.13";
	case -DER_NO_PERM:
		return "io_uring is switched off here (sysctl kernel.io_uring_disabled, or a "
		       "seccomp filter as containers set it)";
	case -DER_NOMEM:
		return "no memory for the ring (see ulimit -l and the memory limit of the service)";
	case -DER_INVAL:
		return "the options of the ring are out of range";
	default:
		return err_name(rc);
	}
}

static int opts_check(const struct uring_opts *opts, struct uring *u)
{
	u->flags = opts->flags;
	u->depth = opts->depth != 0 ? opts->depth : URING_DEPTH_DEFAULT;
	u->bounce_bytes = opts->bounce_bytes != 0 ? opts->bounce_bytes : URING_BOUNCE_BYTES_DEFAULT;
	u->bounce_count = opts->bounce_count != 0 ? opts->bounce_count : URING_BOUNCE_COUNT_DEFAULT;
	if (u->depth > URING_DEPTH_MAX || u->bounce_count > URING_CHUNKS_MAX / 2 ||
	    u->bounce_bytes % 4096 != 0 || u->bounce_bytes > URING_CHUNK_BYTES_MAX)
		return -DER_INVAL;
	return 0;
}

int uring_create(const struct rt_ops *mem, const struct uring_opts *opts, struct uring **ret_u)
{
	static const struct uring_opts defaults = { 0 };
	struct uring *u;
	int rc;

	u = mem->misc->alloc(mem->misc_ctx, sizeof(*u), 0);
	if (u == NULL)
		return -DER_NOMEM;
	u->misc = mem->misc;
	u->misc_ctx = mem->misc_ctx;
	u->hook.result = default_result;
	list_init(&u->ready);
	list_init(&u->bounce_wait);
	list_init(&u->flush_devs);
	list_init(&u->finished);
	list_init(&u->bounce_free);
	rc = opts_check(opts != NULL ? opts : &defaults, u);
	if (rc != 0)
		goto out;
	rc = -DER_NOMEM;
	u->bounces = u->misc->alloc(u->misc_ctx, u->bounce_count * sizeof(*u->bounces), 0);
	if (u->bounces == NULL)
		goto out;
	rc = ring_init(u);
	if (rc != 0)
		goto out;
	*ret_u = u;
	return 0;
out:
	u->misc->free(u->misc_ctx, u->bounces);
	u->misc->free(u->misc_ctx, u);
	return rc;
}

void uring_destroy(struct uring *u)
{
	struct io_uring_cqe *cqe;
	uint32_t i;

	if (u == NULL)
		return;
	/* Until the kernel gives them back, the buffers of a crashed stream must stay. */
	u->inflight -= io_uring_sq_ready(&u->ring);	/* the kernel never saw these */
	while (u->inflight > 0 && io_uring_wait_cqe(&u->ring, &cqe) == 0) {
		io_uring_cqe_seen(&u->ring, cqe);
		u->inflight--;
	}
	io_uring_queue_exit(&u->ring);
	(void)close(u->efd);
	for (i = 0; i < u->stats.bounce_made; i++)
		u->misc->free(u->misc_ctx, u->bounces[i]);
	u->misc->free(u->misc_ctx, u->bounces);
	u->misc->free(u->misc_ctx, u);
}

/* ---- registered memory -------------------------------------------------------------------- */

/* Index of the first piece that ends behind @addr. */
static uint32_t chunk_find(const struct uring *u, uintptr_t addr)
{
	uint32_t lo = 0, hi = u->chunk_nr, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (u->chunks[mid].ptr + u->chunks[mid].bytes <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool chunk_holds(const struct uring_chunk *c, uintptr_t addr, size_t bytes)
{
	return addr >= c->ptr && addr - c->ptr <= c->bytes && bytes <= c->bytes - (addr - c->ptr);
}

int uring_mem_slot(struct uring *u, const void *ptr, size_t bytes)
{
	uintptr_t addr = (uintptr_t)ptr;
	uint32_t i = u->chunk_last;

	if (i >= u->chunk_nr || !chunk_holds(&u->chunks[i], addr, bytes)) {
		i = chunk_find(u, addr);
		if (i == u->chunk_nr || !chunk_holds(&u->chunks[i], addr, bytes))
			return -1;
		u->chunk_last = i;
	}
	return (int)u->chunks[i].slot;
}

static int slot_update(struct uring *u, uint32_t slot, void *ptr, size_t bytes)
{
	struct iovec iov = { .iov_base = ptr, .iov_len = bytes };

	return io_uring_register_buffers_update_tag(&u->ring, slot, &iov, NULL, 1);
}

/* Registering is an optimisation: memory that the kernel refuses to pin is used unregistered. */
int uring_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct uring *u = ctx;
	uint32_t slot = 0, i;

	ASSERT(ptr != NULL && bytes > 0);
	while (slot < URING_CHUNKS_MAX && (u->slots[slot / 64] >> slot % 64 & 1) != 0)
		slot++;
	if (!u->has_buffers || slot == URING_CHUNKS_MAX || bytes > URING_CHUNK_BYTES_MAX ||
	    slot_update(u, slot, ptr, bytes) != 1) {
		u->stats.mem_refused++;
		return 0;
	}
	u->slots[slot / 64] |= 1ull << slot % 64;
	i = chunk_find(u, (uintptr_t)ptr);
	ASSERT(i == u->chunk_nr || (uintptr_t)ptr + bytes <= u->chunks[i].ptr);
	memmove(&u->chunks[i + 1], &u->chunks[i], (u->chunk_nr - i) * sizeof(u->chunks[0]));
	u->chunks[i] = (struct uring_chunk){ (uintptr_t)ptr, bytes, slot };
	u->chunk_nr++;
	return 0;
}

void uring_mem_del(void *ctx, void *ptr, size_t bytes)
{
	struct uring *u = ctx;
	uint32_t i = chunk_find(u, (uintptr_t)ptr), slot;

	if (i == u->chunk_nr || u->chunks[i].ptr != (uintptr_t)ptr)
		return;		/* was refused */
	ASSERT(u->chunks[i].bytes == bytes);
	slot = u->chunks[i].slot;
	u->chunk_nr--;
	memmove(&u->chunks[i], &u->chunks[i + 1], (u->chunk_nr - i) * sizeof(u->chunks[0]));
	/* Refused on another thread than the ring's; then the slot stays taken until the end. */
	if (slot_update(u, slot, NULL, 0) == 1)
		u->slots[slot / 64] &= ~(1ull << slot % 64);
}

/* ---- the source --------------------------------------------------------------------------- */

static const struct rt_blk_ops blk_ops = {
	.dev_open = uring_dev_open,
	.dev_close = uring_dev_close,
	.submit = uring_submit,
	.mem_add = uring_mem_add,
	.mem_del = uring_mem_del,
};

void uring_bind(struct uring *u, struct rt_ops *ops)
{
	ops->blk = &blk_ops;
	ops->blk_ctx = u;
}

static void kernel_enter(struct uring *u)
{
	uint32_t queued = io_uring_sq_ready(&u->ring);
	int rc;

	if (!u->enabled) {
		/* liburing 2.3 declares a function for this and does not export it. */
		rc = (int)syscall(__NR_io_uring_register, u->ring.ring_fd,
				  IORING_REGISTER_ENABLE_RINGS, NULL, 0);
		ASSERT(rc == 0);
		u->enabled = true;
	}
	if (queued > 0)
		rc = io_uring_submit_and_get_events(&u->ring);
	else if ((IO_URING_READ_ONCE(*u->ring.sq.kflags) &
		  (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0)
		rc = io_uring_get_events(&u->ring);
	else
		return;
	u->stats.enters++;
	/* Short of memory or interrupted: what was not taken stays for the next poll. Anything else
	 * means that the ring is used by a thread that must not, or is gone. */
	ASSERT(rc >= 0 || rc == -EAGAIN || rc == -EBUSY || rc == -EINTR || rc == -ENOMEM);
	u->stats.sqes += queued - io_uring_sq_ready(&u->ring);
	if (io_uring_sq_ready(&u->ring) == 0)
		u->iov_used = 0;
}

static void disarm(struct uring *u)
{
	uint64_t ticks;

	if (!u->armed)
		return;
	u->armed = false;
	(void)io_uring_cq_eventfd_toggle(&u->ring, false);	/* fails only without an eventfd */
	(void)!read(u->efd, &ticks, sizeof(ticks));		/* nothing there is as good */
}

uint32_t uring_poll(struct uring *u)
{
	struct list batch;
	struct rt_io *io;
	struct uring_req *req;
	uint32_t ran = 0;

	disarm(u);
	uring_pump(u);
	kernel_enter(u);
	uring_reap(u);

	/* What done() finishes at once belongs to the next poll. */
	list_init(&batch);
	list_splice_tail(&batch, &u->finished);
	while (!list_empty(&batch)) {
		req = list_first(&batch, struct uring_req, link);
		list_del(&req->link);
		io = io_of(req);
		dev_of(io->dev)->outstanding--;
		ran++;
		io->done(io, req->rc);
	}
	return ran;
}

int uring_fd(const struct uring *u)
{
	return u->efd;
}

/* Something is queued that the next pump would hand over. */
static bool can_pump(const struct uring *u)
{
	return u->inflight < u->depth &&
	       (!list_empty(&u->ready) || !list_empty(&u->flush_devs) ||
		(!list_empty(&u->bounce_wait) && !list_empty(&u->bounce_free)));
}

bool uring_arm(struct uring *u)
{
	if (!list_empty(&u->finished) || can_pump(u) || io_uring_sq_ready(&u->ring) > 0)
		return false;
	if (!u->armed)
		(void)io_uring_cq_eventfd_toggle(&u->ring, true);
	u->armed = true;
	/* What completed before the switch was seen gave no signal. */
	atomic_thread_fence(memory_order_seq_cst);
	return io_uring_cq_ready(&u->ring) == 0 &&
	       (IO_URING_READ_ONCE(*u->ring.sq.kflags) &
		(IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0;
}

static int src_poll(void *ctx)
{
	return (int)uring_poll(ctx);
}

static int src_fd(void *ctx)
{
	return uring_fd(ctx);
}

static int src_arm(void *ctx)
{
	return uring_arm(ctx) ? 0 : -DER_AGAIN;
}

const struct loop_src_ops uring_src_ops = { .poll = src_poll, .fd = src_fd, .arm = src_arm };

void uring_query(const struct uring *u, struct uring_stats *ret_stats)
{
	*ret_stats = u->stats;
}

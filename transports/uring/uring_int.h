/**
 * Inside of transports/uring: the ring, its devices and the state of one request.
 *
 * A request is in exactly one place: the ring's ready queue, its bounce queue, a flush list of its
 * device, the kernel, or the finished list.
 */
#ifndef GEMEL_TRANSPORTS_URING_URING_INT_H
#define GEMEL_TRANSPORTS_URING_URING_INT_H

#include <assert.h>
#include <liburing.h>

#include "transports/uring/uring.h"

#define URING_DEPTH_DEFAULT 256u
#define URING_DEPTH_MAX 4096u
#define URING_BOUNCE_BYTES_DEFAULT (256u << 10)
#define URING_BOUNCE_COUNT_DEFAULT 8u
#define URING_CHUNKS_MAX 1024u		/* registered pieces of memory */
#define URING_CHUNK_BYTES_MAX (1u << 30)	/* the kernel's limit for one of them */
#define URING_IOVS 2048u		/* segments of one batch */
#define URING_REQ_IOVS 256u		/* segments of one step of a request */
#define URING_STEP_BYTES_MAX (1u << 30)
#define URING_TRIES_MAX 128u		/* steps in a row without progress */
#define URING_LOCK_NAPS 2000	/* of 1 ms: for the lock of a process that was killed */
#define URING_ALIGN_BUFFERED 512u
#define URING_OPT_BYTES (256u << 10)

/** Lives in the priv words of struct rt_io. */
struct uring_req {
	struct list link;
	uint64_t at;		/* bytes transferred */
	uint8_t *bounce;
	uint32_t step_bytes;	/* what the kernel was asked for */
	int rc;
	uint32_t tries;
	uint32_t flags;		/* enum req_flags */
};

enum req_flags {
	REQ_BOUNCE = 1,		/* its memory is misaligned, or not memory */
	REQ_PUNCH = 2,		/* TRIM: discard was refused, punch a hole instead */
};

static_assert(sizeof(struct uring_req) <= sizeof(((struct rt_io *)0)->priv), "fits into rt_io");

struct uring_dev {
	struct rt_dev dev;
	struct uring *u;
	struct list flush_link;		/* in the ring's list of devices that want a sync */
	struct list flush_wait;		/* flushes for the next sync */
	struct list flush_group;	/* flushes that the sync in flight answers */
	uint64_t outstanding;		/* requests submitted and not done */
	int fd;
	uint32_t sync_tries;
	uint32_t mem_align;
	bool direct;
	bool block;
	bool rdonly;
	bool failed;
	bool syncing;
};

/** Memory that the kernel has registered, sorted by address. */
struct uring_chunk {
	uintptr_t ptr;
	size_t bytes;
	uint32_t slot;
};

/**
 * Between the kernel and the ring: tests replace it to see errors that no healthy device gives.
 * @res as in struct io_uring_cqe; the return value is believed in its stead.
 */
struct uring_hook {
	int (*result)(void *arg, const struct rt_dev *dev, enum rt_io_op op, int res);
	void *arg;
};

struct uring {
	struct io_uring ring;
	const struct rt_misc_ops *misc;
	void *misc_ctx;
	struct uring_hook hook;
	struct list ready;		/* requests to hand to the kernel, in order */
	struct list bounce_wait;	/* requests that wait for a bounce buffer, in order */
	struct list flush_devs;		/* devices with flushes waiting and no sync running */
	struct list finished;		/* requests whose done() is to run */
	struct list bounce_free;	/* the buffers, linked through their first bytes */
	uint32_t flags;
	uint32_t depth;
	uint32_t inflight;		/* what the kernel has, or gets with this batch */
	uint32_t bounce_bytes;
	uint32_t bounce_count;
	uint32_t iov_used;
	uint32_t chunk_nr;
	uint32_t chunk_last;		/* where the last lookup hit */
	int efd;			/* readable when completions come while armed */
	bool armed;
	bool enabled;			/* the ring knows its thread */
	bool has_buffers;
	uint64_t slots[URING_CHUNKS_MAX / 64];	/* buffer slots in use */
	struct uring_stats stats;
	struct uring_chunk chunks[URING_CHUNKS_MAX];
	struct iovec iovs[URING_IOVS];
	void **bounces;			/* all that were made */
};

static inline struct uring_dev *dev_of(struct rt_dev *dev)
{
	return container_of(dev, struct uring_dev, dev);
}

static inline struct uring_req *req_of(struct rt_io *io)
{
	return (struct uring_req *)(void *)io->priv;
}

static inline struct rt_io *io_of(struct uring_req *req)
{
	return container_of((uint64_t(*)[8])(void *)req, struct rt_io, priv);
}

int uring_dev_open(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
		   struct rt_dev **ret_dev);
void uring_dev_close(void *ctx, struct rt_dev *dev);
int uring_submit(void *ctx, struct rt_io *io);

/** Turn queued requests into operations of the batch, as many as fit. */
void uring_pump(struct uring *u);

/** Take what the kernel finished; requests that are complete go to u->finished. */
void uring_reap(struct uring *u);

int uring_mem_add(void *ctx, void *ptr, size_t bytes);
void uring_mem_del(void *ctx, void *ptr, size_t bytes);

/** Slot of the registered piece that holds [ptr, ptr + bytes), or -1. */
int uring_mem_slot(struct uring *u, const void *ptr, size_t bytes);

#endif

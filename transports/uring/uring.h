/**
 * Block devices of a real node: files and raw block devices through io_uring.
 *
 * A struct uring is the ring of one stream and implements the stream's struct rt_blk_ops. Submits
 * only queue; uring_poll() hands everything that is queued to the kernel in one system call, reaps
 * what is complete and runs the done() of each.
 *
 * Invariants: done() runs from uring_poll() only. Memory is bounded: a request's state lives in the
 * request itself; misaligned memory, and phantoms to be written, go through at most bounce_count
 * buffers of bounce_bytes (made when first needed), and whoever finds none free waits in line. A
 * device on which a write or a
 * flush failed refuses writes and flushes until it is opened again. An open device is locked
 * against every other opener.
 *
 * It does not retry device errors, keep caches, or order requests that are in flight together.
 */
#ifndef GEMEL_TRANSPORTS_URING_URING_H
#define GEMEL_TRANSPORTS_URING_URING_H

#include "core/rt/rt.h"
#include "transports/loop/loop.h"

struct uring;

enum uring_flags {
	URING_ANY_THREAD = 1,	/**< the thread that polls may change between polls */
	URING_BUFFERED = 2,	/**< never O_DIRECT */
};

struct uring_opts {
	uint32_t flags;
	uint32_t depth;		/**< requests in the kernel at once; 0: 256, at most 4096 */
	uint32_t bounce_bytes;	/**< multiple of 4 KiB; 0: 256 KiB */
	uint32_t bounce_count;	/**< 0: 8 */
};

/**
 * Make a ring. Memory comes from @mem's misc table, which outlives the ring. Unless
 * URING_ANY_THREAD is set, the first thread that polls is the only one that may submit and poll.
 * Errors: -DER_NOSYS (kernel without io_uring, or too old), -DER_NO_PERM (it is switched off),
 * -DER_NOMEM, -DER_INVAL (options); uring_strerror() explains them.  Blocks: no.
 */
int uring_create(const struct rt_ops *mem, const struct uring_opts *opts, struct uring **ret_u);

/** Requests still in the kernel are waited for; no done() runs. NULL is accepted. */
void uring_destroy(struct uring *u);

/** A sentence for the operator about a code of uring_create(); static storage. */
const char *uring_strerror(int rc);

/** Put the block table and its context into @ops. */
void uring_bind(struct uring *u, struct rt_ops *ops);

/** Submit the batch, reap, run completions. Returns how many ran. Blocks: no. */
uint32_t uring_poll(struct uring *u);

/** Readable when a completion waits and uring_arm() said true. Owned by the ring. */
int uring_fd(const struct uring *u);

/** Before sleeping on uring_fd(): false when uring_poll() has something to do at once. */
bool uring_arm(struct uring *u);

/** The same three for a stream's loop; their context is the struct uring. */
extern const struct loop_src_ops uring_src_ops;

struct uring_dev_info {
	bool direct;		/**< O_DIRECT is in use */
	bool block;		/**< a raw block device */
	bool failed;		/**< a write or a flush failed since it was opened */
	uint32_t mem_align;	/**< memory with this alignment is not copied */
};

/** Blocks: no. */
void uring_dev_query(const struct rt_dev *dev, struct uring_dev_info *ret_info);

/**
 * Process that holds the lock of the device @name, for messages about -DER_BUSY.
 * Errors: -DER_NONEXIST (nobody, or it cannot be known).  Blocks: no.
 */
int uring_dev_owner(const char *name, int *ret_pid);

/** Counts since uring_create(). */
struct uring_stats {
	uint64_t enters;	/**< system calls */
	uint64_t sqes;		/**< operations handed to the kernel */
	uint64_t fixed;		/**< transfers from registered memory */
	uint64_t bounced;	/**< transfers through a bounce buffer */
	uint64_t bounce_waits;	/**< requests that found no bounce buffer free */
	uint64_t syncs;		/**< fdatasync calls; flushes share them */
	uint64_t resumed;	/**< steps after a short transfer, EINTR or EAGAIN */
	uint32_t bounce_made;	/**< bounce buffers that exist */
	uint32_t mem_refused;	/**< chunks of mem_add() that the kernel would not register */
};

/** Blocks: no. */
void uring_query(const struct uring *u, struct uring_stats *ret_stats);

#endif

/**
 * rt: the runtime seam. Everything that core knows of the world, it learns through this header.
 *
 * A struct rt is one execution stream: a target, a node's system stream, a client stream. Its state
 * is touched by its own user-level threads (ULTs) and completion callbacks only; another stream,
 * even of the same process, is reached by a call over the network. So core has no locks.
 *
 * The world is bound at run time, per stream, by four constant operation tables (time, net, blk,
 * misc), each with a context of its own; only the inline wrappers below dereference them.
 *
 * Completion contract of call, bulk and io, the same everywhere: a submit that returns 0 means that
 * done() runs exactly once, later, on this stream, never inside the submit; a submit that returns
 * < 0 means never. Until done() runs, nobody touches the buffers. A call that exposed memory
 * completes, whether by answer, cancel or the peer's death, only once the peer can no longer reach
 * that memory: the backend revokes the exposure first, and drops late replies and transfers by
 * generation.
 *
 * done() and on_request() run in scheduler context: they must not park. They may spawn and wake.
 *
 * ULTs are cooperative: between two calls documented "Blocks: yes" nothing else runs on the stream.
 * Stacks are small (16 KiB in simulation): no recursion, no large arrays.
 */
#ifndef GEMEL_RT_RT_H
#define GEMEL_RT_RT_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/heap.h"
#include "core/base/list.h"
#include "core/base/prng.h"

struct rt;
struct ult;
struct ult_stacks;

#define RT_NEVER UINT64_MAX

/** Largest message, head and inline payload together, that a call or a reply may carry. */
#define RT_MSG_MAX_BYTES 16384u
/** Most segments that one exposed buffer may have; more is -DER_NOSPACE ("too segmented"). */
#define RT_EXPOSE_MAX_SEGS 64u
#define RT_URI_MAX 128u

/* ---- network ------------------------------------------------------------------------------ */

struct rt_peer;	/**< an address that calls can be sent to; backend's */

enum rt_access {
	RT_ACCESS_READ = 1,	/**< the peer may get from the exposed buffer */
	RT_ACCESS_WRITE = 2,	/**< the peer may put into it */
	RT_ACCESS_PHANTOM = 4,	/**< in struct rt_in, by backends that carry phantoms: no byte of
				 *   the exposed buffer is real */
};

/** A received message: a request, or the reply of a call. Released by its receiver, once. */
struct rt_in {
	struct buf msg;		/**< first segment is bytes and holds the whole head */
	uint64_t expose_bytes;	/**< requests: bytes that the sender exposed, 0 for none */
	uint32_t access;	/**< requests: enum rt_access */
	void *user;		/**< the receiver's */
};

/** One request and its reply. The caller's memory, untouched by it until done() runs. */
struct rt_call {
	struct rt_peer *peer;
	struct buf msg;			/**< request; segments and memory live until done() */
	const struct buf *expose;	/**< NULL, or memory that the peer may reach meanwhile */
	uint32_t access;		/**< enum rt_access */
	/**
	 * @rc 0: @reply is the caller's to release with rt_release(). Else @reply is NULL:
	 * -DER_UNREACH (peer dead or unreachable), -DER_CANCELED, -DER_PROTO (reply that cannot be
	 * a reply), -DER_NOMEM, -DER_NOSPACE (exposed buffer too segmented).
	 */
	void (*done)(struct rt_call *call, int rc, struct rt_in *reply);
	uint64_t priv[8];		/**< backend's; zero before the first submit */
};

enum rt_bulk_op {
	RT_BULK_GET = 1,	/**< remote -> local */
	RT_BULK_PUT,		/**< local -> remote */
};

/** One-sided transfer against the memory that a request exposed. */
struct rt_bulk {
	struct rt_in *in;	/**< the request; stays unreleased until done() */
	enum rt_bulk_op op;
	uint64_t remote_off;	/**< offset into the exposed buffer */
	struct buf local;	/**< its bytes are the size of the transfer */
	/** @rc: 0, -DER_UNREACH, -DER_INVAL (outside the exposure), -DER_NO_PERM (access),
	 * -DER_CANCELED (the exposure is gone), -DER_NOMEM. */
	void (*done)(struct rt_bulk *bulk, int rc);
	uint64_t priv[8];
};

struct rt_net_ops {
	int (*peer_open)(void *ctx, const char *uri, struct rt_peer **ret_peer);
	void (*peer_close)(void *ctx, struct rt_peer *peer);
	int (*call)(void *ctx, struct rt_call *call);
	void (*cancel)(void *ctx, struct rt_call *call);
	int (*reply)(void *ctx, struct rt_in *req, const struct buf *msg);
	int (*bulk)(void *ctx, struct rt_bulk *bulk);
	void (*release)(void *ctx, struct rt_in *in);
	int (*mem_add)(void *ctx, void *ptr, size_t bytes);
	void (*mem_del)(void *ctx, void *ptr, size_t bytes);
};

/* ---- block devices ------------------------------------------------------------------------ */

enum rt_io_op {
	RT_IO_READ = 1,
	RT_IO_WRITE,
	RT_IO_FLUSH,	/**< every write whose done() ran before the submit is durable after */
	RT_IO_TRIM,	/**< content of the range becomes undefined; a hint */
};

struct rt_dev {
	uint64_t bytes;		/**< capacity */
	uint32_t align;		/**< offsets and sizes of io are multiples of it; power of two */
	uint32_t opt_bytes;	/**< size from which bandwidth is full; a hint */
};

enum rt_dev_flags {
	RT_DEV_CREATE = 1,	/**< create it with @bytes where missing */
	RT_DEV_RDONLY = 2,
};

/** One transfer. The caller's memory, untouched by it until done() runs. */
struct rt_io {
	struct rt_dev *dev;
	enum rt_io_op op;
	uint64_t off;
	struct buf buf;		/**< content and size; for TRIM only its bytes count */
	/** @rc: 0, -DER_NVME_IO (device error), -DER_INVAL (alignment, range), -DER_NOMEM. After a
	 * failed write or flush what reached the device is unknown: never retried as if clean. */
	void (*done)(struct rt_io *io, int rc);
	uint64_t priv[8];
};

struct rt_blk_ops {
	int (*dev_open)(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
			struct rt_dev **ret_dev);
	void (*dev_close)(void *ctx, struct rt_dev *dev);
	int (*submit)(void *ctx, struct rt_io *io);
	int (*mem_add)(void *ctx, void *ptr, size_t bytes);
	void (*mem_del)(void *ctx, void *ptr, size_t bytes);
};

/* ---- time and the rest -------------------------------------------------------------------- */

struct rt_time_ops {
	uint64_t (*now_ns)(void *ctx);	/**< monotonic within the stream */
	uint64_t (*wall_ns)(void *ctx);	/**< since 1970; for hybrid clocks and file times */
};

/** Kinds of CPU work that the simulator charges; units in the comment. */
enum rt_cost {
	RT_COST_RPC_SEND = 0,	/**< bytes of the message */
	RT_COST_RPC_RECV,	/**< bytes of the message */
	RT_COST_RPC_BULK,	/**< bytes; the CPU's part of a transfer */
	RT_COST_VOS_UPDATE,	/**< bytes of the value */
	RT_COST_VOS_FETCH,	/**< bytes of the value */
	RT_COST_VOS_ENUM,	/**< entries */
	RT_COST_VOS_PUNCH,	/**< keys */
	RT_COST_CSUM,		/**< bytes */
	RT_COST_EC_ENCODE,	/**< bytes of data */
	RT_COST_EC_DECODE,	/**< bytes of data */
	RT_COST_COPY,		/**< bytes */
	RT_COST_CLIENT_OP,	/**< calls of the public API */
	RT_COST_COUNT
};

enum rt_level { RT_LOG_ERROR = 1, RT_LOG_WARN, RT_LOG_INFO, RT_LOG_DEBUG };

struct rt_misc_ops {
	void *(*alloc)(void *ctx, size_t bytes, size_t align);	/**< zeroed; NULL: no memory */
	void (*free)(void *ctx, void *ptr);
	void (*entropy)(void *ctx, void *dst, size_t bytes);
	void (*log)(void *ctx, enum rt_level level, const char *line);
	void (*charge)(void *ctx, enum rt_cost kind, uint64_t units);
};

/** Named random streams: drawing for one purpose does not change another's numbers. */
enum rt_stream {
	RT_STREAM_PROTOCOL = 0,
	RT_STREAM_JITTER,
	RT_STREAM_ID,
	RT_STREAM_HASH,
	RT_STREAM_TEST,
	RT_STREAM_COUNT
};

/** The tables of one world, or of several combined; copied into the stream by rt_init(). */
struct rt_ops {
	const struct rt_time_ops *time;
	const struct rt_net_ops *net;
	const struct rt_blk_ops *blk;
	const struct rt_misc_ops *misc;
	void *time_ctx;
	void *net_ctx;
	void *blk_ctx;
	void *misc_ctx;
};

struct rt {
	struct rt_ops ops;		/* first: the tables are what every wrapper touches */
	struct ult *current;		/**< running ULT, NULL in scheduler context */
	struct list ready;		/**< ULTs to run, in order */
	struct heap timers;
	struct ult_stacks *stacks;
	void *sched_fctx;		/**< where a ULT jumps to when its turn has no other */
	struct ult *switch_from;	/**< who jumped to the ULT that arrives; NULL: the scheduler */
	struct list *turn_last;		/**< last ready ULT of the turn; NULL: no more this turn */
	uint32_t turn_left;		/**< switches left in the turn */
	uint32_t turn_count;
	struct rt_iomem *iomem;		/**< pooled buffers, made on first use */
	struct prng rand[RT_STREAM_COUNT];
	uint32_t ult_count;		/**< alive */
	uint32_t ult_max;		/**< limit; rt_spawn() beyond it is -DER_NOMEM */
	uint32_t stack_bytes;		/**< default of rt_spawn() */
	uint32_t stack_peak_bytes;	/**< when painting: deepest use seen on this stream */
	bool paint;			/**< fill stacks and measure their use */
	/** When painting: a ULT ended having used @bytes of its stack. May be NULL. */
	void (*on_stack_used)(struct rt *rt, const char *name, uint32_t bytes);
	enum rt_level log_level;
	uint64_t id;			/**< stable number of the stream, for logs and ties */
	struct list ults;		/**< all alive, for rt_kill() */
	/* What a driver needs to know of the stream, see rt_drive.h. */
	void (*big_fn)(void *arg);
	void *big_arg;
	void *san_sched_stack;
	size_t san_sched_bytes;
	/** A request arrived; the receiver owns @in. Set by core/rpc. Runs in scheduler context. */
	void (*on_request)(struct rt *rt, struct rt_in *in);
	void *user;			/**< core/rpc's */
	void *process;			/**< the process object of host_self(), in simulation */
};

/** Nanoseconds of the stream's monotonic clock. */
static inline uint64_t rt_now_ns(struct rt *rt)
{
	return rt->ops.time->now_ns(rt->ops.time_ctx);
}

/** Nanoseconds since 1970 by the node's clock; may step. */
static inline uint64_t rt_wall_ns(struct rt *rt)
{
	return rt->ops.time->wall_ns(rt->ops.time_ctx);
}

/** Zeroed memory of the node, aligned to 16. Owned by the caller: rt_free(). NULL: no memory. */
static inline void *rt_alloc(struct rt *rt, size_t bytes)
{
	return rt->ops.misc->alloc(rt->ops.misc_ctx, bytes, 16);
}

/** As rt_alloc(), aligned to @align, a power of two. */
static inline void *rt_alloc_aligned(struct rt *rt, size_t bytes, size_t align)
{
	return rt->ops.misc->alloc(rt->ops.misc_ctx, bytes, align);
}

/** NULL is accepted. */
static inline void rt_free(struct rt *rt, void *ptr)
{
	rt->ops.misc->free(rt->ops.misc_ctx, ptr);
}

/** Account for CPU work of @units where it is done: virtual time in simulation, else nothing. */
static inline void rt_charge(struct rt *rt, enum rt_cost kind, uint64_t units)
{
	rt->ops.misc->charge(rt->ops.misc_ctx, kind, units);
}

static inline uint64_t rt_rand(struct rt *rt, enum rt_stream stream)
{
	return prng_next(&rt->rand[stream]);
}

/**
 * Make @uri callable. Nothing is sent; an unreachable peer shows at the first call.
 * Errors: -DER_INVAL (not an address of this backend), -DER_NOMEM.  Blocks: no.
 */
static inline int rt_peer_open(struct rt *rt, const char *uri, struct rt_peer **ret_peer)
{
	return rt->ops.net->peer_open(rt->ops.net_ctx, uri, ret_peer);
}

/** No call to @peer is outstanding. Closing and opening again is how a peer is reconnected. */
static inline void rt_peer_close(struct rt *rt, struct rt_peer *peer)
{
	rt->ops.net->peer_close(rt->ops.net_ctx, peer);
}

/** Submit; see the completion contract. Errors: -DER_NOMEM, -DER_OVERFLOW (message too large),
 * -DER_NOSPACE (too segmented), -DER_INVAL, -DER_UNREACH, -DER_AGAIN (queue full). Blocks: no. */
static inline int rt_call(struct rt *rt, struct rt_call *call)
{
	return rt->ops.net->call(rt->ops.net_ctx, call);
}

/** Ask for an early end: done() runs with -DER_CANCELED, or with the reply that was faster. */
static inline void rt_cancel(struct rt *rt, struct rt_call *call)
{
	rt->ops.net->cancel(rt->ops.net_ctx, call);
}

/** Answer @req, at most once, before it is released; @msg is copied. Errors: -DER_NOMEM,
 * -DER_OVERFLOW, -DER_UNREACH; the requester then sees its deadline. Blocks: no. */
static inline int rt_reply(struct rt *rt, struct rt_in *req, const struct buf *msg)
{
	return rt->ops.net->reply(rt->ops.net_ctx, req, msg);
}

/** Submit a transfer; see the completion contract. Errors: as done(), -DER_AGAIN. Blocks: no. */
static inline int rt_bulk(struct rt *rt, struct rt_bulk *bulk)
{
	return rt->ops.net->bulk(rt->ops.net_ctx, bulk);
}

static inline void rt_release(struct rt *rt, struct rt_in *in)
{
	rt->ops.net->release(rt->ops.net_ctx, in);
}

/**
 * Open a device (a path; a name in memory or simulation) for this stream alone.
 * Errors: -DER_NONEXIST, -DER_BUSY (another owner), -DER_NO_PERM, -DER_INVAL, -DER_NVME_IO.
 * Blocks: no (opening happens before a stream serves).
 */
static inline int rt_dev_open(struct rt *rt, const char *name, uint64_t bytes, uint32_t flags,
			      struct rt_dev **ret_dev)
{
	return rt->ops.blk->dev_open(rt->ops.blk_ctx, name, bytes, flags, ret_dev);
}

/** No io is outstanding. NULL is accepted. */
static inline void rt_dev_close(struct rt *rt, struct rt_dev *dev)
{
	if (dev != NULL)
		rt->ops.blk->dev_close(rt->ops.blk_ctx, dev);
}

/** Submit; see the completion contract. Errors: as done(), -DER_AGAIN. Blocks: no. */
static inline int rt_io_submit(struct rt *rt, struct rt_io *io)
{
	return rt->ops.blk->submit(rt->ops.blk_ctx, io);
}

/** One transfer on the calling ULT. Errors: as struct rt_io's done(). Blocks: yes. */
int rt_io(struct rt *rt, struct rt_dev *dev, enum rt_io_op op, uint64_t off, const struct buf *buf);

/** One bulk transfer on the calling ULT. Errors: as struct rt_bulk's done(). Blocks: yes. */
int rt_bulk_wait(struct rt *rt, struct rt_in *in, enum rt_bulk_op op, uint64_t remote_off,
		 const struct buf *local);

/**
 * Pooled memory that both the network and the block backend have registered: page-aligned, sizes
 * rounded up to a power of two from 4 KiB to 4 MiB. Content is undefined. NULL when the pool's
 * limit is reached or there is no memory. Owned by the caller: rt_iomem_put().  Blocks: no.
 */
void *rt_iomem_get(struct rt *rt, size_t bytes);
void rt_iomem_put(struct rt *rt, void *ptr, size_t bytes);

/* ---- user-level threads ------------------------------------------------------------------- */

struct ult_opts {
	uint32_t stack_bytes;	/**< 0: the stream's default */
	const char *name;	/**< for logs and stack reports; static storage */
	void *process;		/**< inherited from the spawner when NULL */
};

/**
 * Start @fn(@arg) behind the ULTs that are ready. @opts may be NULL.
 * Errors: -DER_NOMEM (no stack, or ult_max are alive).  Blocks: no.
 */
int rt_spawn(struct rt *rt, void (*fn)(void *arg), void *arg, const struct ult_opts *opts);

/** Let the other ready ULTs run. Blocks: yes. */
void rt_yield(struct rt *rt);

/** Sleep until @deadline_ns of rt_now_ns(). Blocks: yes. */
void rt_sleep_until(struct rt *rt, uint64_t deadline_ns);

static inline void rt_sleep_ns(struct rt *rt, uint64_t ns)
{
	rt_sleep_until(rt, rt_now_ns(rt) + ns);
}

static inline struct ult *rt_self(struct rt *rt)
{
	return rt->current;
}

/** The process object of the running ULT, or of the stream in scheduler context. */
void *rt_process(struct rt *rt);

/** A queue of parked ULTs: what mutex, condition, event and semaphore are made of. */
struct rt_waitq {
	struct list waiters;
};

void rt_waitq_init(struct rt_waitq *q);

/** Park on @q until woken, or -DER_TIMEDOUT at @deadline_ns (RT_NEVER: none). Blocks: yes. */
int rt_wait(struct rt *rt, struct rt_waitq *q, uint64_t deadline_ns);

/** Make the longest-waiting ULT ready; false when nobody waits. From the stream only. Blocks: no. */
bool rt_wake_one(struct rt *rt, struct rt_waitq *q);
uint32_t rt_wake_all(struct rt *rt, struct rt_waitq *q);

/** One-shot event that carries a result. May be waited for by several ULTs. */
struct rt_event {
	struct rt_waitq q;
	bool set;
	int rc;
};

void rt_event_init(struct rt_event *ev);

/** Set it; later sets are ignored. Blocks: no. */
void rt_event_set(struct rt *rt, struct rt_event *ev, int rc);

/** The event's rc, or -DER_TIMEDOUT. Blocks: yes. */
int rt_event_wait(struct rt *rt, struct rt_event *ev, uint64_t deadline_ns);

struct rt_mutex {
	struct rt_waitq q;
	struct ult *owner;
};

void rt_mutex_init(struct rt_mutex *m);
void rt_mutex_lock(struct rt *rt, struct rt_mutex *m);	/**< Blocks: yes. Fair. */
void rt_mutex_unlock(struct rt *rt, struct rt_mutex *m);

/** Release @m, wait on @q, take @m again. Returns as rt_wait(). Blocks: yes. */
int rt_cond_wait(struct rt *rt, struct rt_waitq *q, struct rt_mutex *m, uint64_t deadline_ns);

struct rt_sem {
	struct rt_waitq q;
	uint32_t value;
};

void rt_sem_init(struct rt_sem *s, uint32_t value);
int rt_sem_take(struct rt *rt, struct rt_sem *s, uint64_t deadline_ns);	/**< Blocks: yes. */
bool rt_sem_try(struct rt_sem *s);
void rt_sem_give(struct rt *rt, struct rt_sem *s);

/* ---- timers, the large stack, logs -------------------------------------------------------- */

/** @fn runs in scheduler context: it must not park. */
struct rt_timer {
	struct heap_node node;
	void (*fn)(struct rt_timer *t);
	bool armed;
};

/** Arm, or arm anew, for @deadline_ns of rt_now_ns(). The caller's memory. Blocks: no. */
void rt_timer_arm(struct rt *rt, struct rt_timer *t, uint64_t deadline_ns);

/** Harmless when not armed. Blocks: no. */
void rt_timer_cancel(struct rt *rt, struct rt_timer *t);

/** Run @fn(@arg) on the stream's own large stack and return after it. For third-party code and
 * formatted printing. @fn must not park.  Blocks: no. */
void rt_on_big_stack(struct rt *rt, void (*fn)(void *arg), void *arg);

/** One event, "module: key=value …"; formatted on the large stack. Blocks: no. */
void rt_log(struct rt *rt, enum rt_level level, const char *module, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define LOG_AT(rt, level, ...)                                                                     \
	((level) <= (rt)->log_level ? rt_log((rt), (level), __VA_ARGS__) : (void)0)
#define LOG_E(rt, ...) LOG_AT(rt, RT_LOG_ERROR, __VA_ARGS__)
#define LOG_W(rt, ...) LOG_AT(rt, RT_LOG_WARN, __VA_ARGS__)
#define LOG_I(rt, ...) LOG_AT(rt, RT_LOG_INFO, __VA_ARGS__)
#define LOG_D(rt, ...) LOG_AT(rt, RT_LOG_DEBUG, __VA_ARGS__)

/** A rare path was taken; scenarios list the marks that they must reach. */
#define MARK(rt, name) LOG_D(rt, "mark", "name=%s", name)

#endif

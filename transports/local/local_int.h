/**
 * local, inside: who owns what.
 *
 * A stream's lists belong to its driver. What two streams share is a port (address of a stream,
 * counted) and a request (counted: one count of the requester until done(), one of the receiver
 * until release, one of every message about it). Shared memory comes from the C library and is
 * freed by whoever drops the last count; it is charged to its maker's arena only as far as fail_at
 * goes, so that an out-of-memory sweep reaches it.
 */
#ifndef GEMEL_TRANSPORTS_LOCAL_INT_H
#define GEMEL_TRANSPORTS_LOCAL_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "transports/local/local.h"

/**
 * Who may be inside a memory: a count, and a bit that is set once. Enter fails after close. The
 * closer waits for nothing: when somebody is inside, the one who leaves last is told by
 * gate_leave().
 */
struct gate {
	atomic_uint state;
};

#define GATE_CLOSED 0x80000000u

static inline bool gate_enter(struct gate *g)
{
	unsigned int s = atomic_load_explicit(&g->state, memory_order_relaxed);

	do {
		if (s & GATE_CLOSED)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&g->state, &s, s + 1, memory_order_acquire,
							memory_order_relaxed));
	return true;
}

/** True: the gate was closed meanwhile and the caller was the last inside. */
static inline bool gate_leave(struct gate *g)
{
	return atomic_fetch_sub_explicit(&g->state, 1, memory_order_acq_rel) == (GATE_CLOSED | 1u);
}

/** True: nobody is inside. False: somebody's gate_leave() will be true. Later calls: as now. */
static inline bool gate_close(struct gate *g)
{
	return (atomic_fetch_or_explicit(&g->state, GATE_CLOSED, memory_order_acq_rel) &
		~GATE_CLOSED) == 0;
}

/** Address of a stream; outlives it while somebody refers to it. */
struct local_port {
	atomic_uint refs;
	atomic_bool dead;
	atomic_bool scan_queued;
	struct local_world *world;
	struct local_stream *stream;	/**< while alive; its driver's */
	struct loop *loop;		/**< where messages go: the world's, or own */
	struct loop own_loop;
	struct loop_msg scan_msg;	/**< "some stream died: look through your calls" */
	struct list link;		/**< world's, while alive */
	char name[RT_URI_MAX];
};

struct local_file;
struct memdev;

struct local_stream {
	struct rt rt;
	struct local_world *world;
	struct local_port *port;
	struct os_misc misc;
	struct loop_stream place;
	struct loop_src net_src;
	struct loop_src blk_src;
	struct ult_stacks *own_stacks;	/**< LOCAL_THREADS */
	pthread_t thread;
	bool running;
	bool closing;

	struct list calls;	/**< local_req.a_link: outstanding */
	struct list finished;	/**< local_req.a_link: done() is due */
	struct list ins;	/**< local_in.link: delivered, not released */
	struct list bulks;	/**< bulk_priv.link: to be copied or reported */
	struct list applies;	/**< local_apply.link: bulks that the other side performs */
	struct list peers;	/**< rt_peer.link: open */
	uint32_t calls_count;

	struct list ios;	/**< io_priv.link: to be performed */
	uint32_t ios_count;
	struct list devs;	/**< local_dev.link: open */

	uint64_t shared_made;	/**< shared blocks that this stream made and freed */
	uint64_t shared_freed;
	char uri[RT_URI_MAX];
};

struct local_world {
	struct local_opts opts;
	struct loop loop;		/**< LOCAL_SINGLE */
	struct ult_stacks *stacks;	/**< LOCAL_SINGLE */
	uint64_t virtual_ns;
	pthread_mutex_t lock;		/**< ports, memdevs, totals */
	struct list ports;		/**< alive */
	struct list memdevs;
	uint64_t next_id;
	uint32_t streams;
	uint64_t shared_made;		/**< of streams that are gone */
	uint64_t shared_freed;
};

/* ---- world.c ------------------------------------------------------------------------------ */

/** Zeroed memory that another stream may free; @s is the maker. NULL: no memory. */
void *local_shared_alloc(struct local_stream *s, size_t bytes);

/** @s: the stream whose driver runs this, NULL when it is gone. */
void local_shared_free(struct local_world *w, struct local_stream *s, void *ptr);

struct local_port *local_port_get(struct local_port *p);
void local_port_put(struct local_port *p);	/**< NULL is accepted */

/** The live port of @name, counted, or NULL. */
struct local_port *local_port_find(struct local_world *w, const char *name);

/** False when @p's stream is gone or going; then @msg is still the caller's. */
bool local_port_post(struct local_port *p, struct loop_msg *msg);

/** As local_port_post(), but reaches a stream that is being taken down and waits for its peers. */
bool local_port_post_dying(struct local_port *p, struct loop_msg *msg);

/* ---- net.c -------------------------------------------------------------------------------- */

extern const struct rt_net_ops local_net_ops;
extern const struct loop_src_ops local_net_src_ops;

/** Complete with -DER_UNREACH what goes to dead ports. */
void local_net_scan(struct local_stream *s);

/** Cancel every outstanding call, and every bulk that waits for another stream. */
void local_net_cancel_all(struct local_stream *s);

/** True when nothing of the stream is outstanding. */
bool local_net_quiet(const struct local_stream *s);

/** Close all gates; then true as soon as no peer is inside the stream's memory. Run the mailbox in
 * between. */
bool local_net_revoke_all(struct local_stream *s);

/** Forget everything, running nothing. Returns how many messages were never released. */
uint32_t local_net_drop(struct local_stream *s);

/* ---- blk.c -------------------------------------------------------------------------------- */

extern const struct rt_blk_ops local_blk_ops;
extern const struct loop_src_ops local_blk_src_ops;

/** Forget queued io and close every device. Returns how many were open. */
uint32_t local_blk_drop(struct local_stream *s);

/** An open device: what blk.c knows of memory and files. */
struct local_dev;

struct local_dev_ops {
	/** Perform @io, whole. Returns io's rc. */
	int (*perform)(struct local_dev *d, struct rt_io *io);
	void (*close)(struct local_dev *d);
};

struct local_dev {
	struct rt_dev dev;
	const struct local_dev_ops *ops;
	struct local_stream *stream;
	struct list link;
	uint32_t flags;		/**< enum rt_dev_flags */
};

int local_memdev_open(struct local_stream *s, const char *name, uint64_t bytes, uint32_t flags,
		      struct local_dev **ret_dev);
void local_memdevs_destroy(struct local_world *w);
uint64_t local_memdevs_bytes(struct local_world *w);

int local_file_open(struct local_stream *s, const char *path, uint64_t bytes, uint32_t flags,
		    struct local_dev **ret_dev);

#endif

/**
 * What the files of the simulator share and nobody else sees: the world, its nodes and streams, and
 * how an event finds its way to a stream.
 *
 * Two rules keep it right. A stream is entered from the calendar only, never from inside another
 * stream. And whatever waits in the calendar for a stream holds a struct sim_owner, so that an
 * event that outlives a crash finds out before it touches memory that is gone.
 */
#ifndef GEMEL_SIM_SIM_INT_H
#define GEMEL_SIM_SIM_INT_H

#include "core/base/share.h"
#include "sim/engine.h"
#include "sim/pool.h"
#include "sim/sim.h"
#include "sim/topo.h"
#include "sim/wheel.h"

struct sim_fault;
struct sim_msg;

/** What a stream is handed in order: requests and completions. The kind enters the digest. */
enum sim_item_kind {
	SIM_ITEM_REQUEST = 1,
	SIM_ITEM_CALL_DONE,
	SIM_ITEM_BULK_DONE,
	SIM_ITEM_IO_DONE,
	SIM_ITEM_TURN,		/* digest only: ULTs ran */
	SIM_ITEM_LOG,
	SIM_ITEM_USER,
	SIM_ITEM_CRASH,
	SIM_ITEM_RESTART,
};

struct sim_item {
	struct sim_item *next;
	/** Hand it to the stream, in scheduler context; the item is the function's. */
	void (*deliver)(struct sim_stream *st, struct sim_item *item);
	/** The stream is gone. */
	void (*drop)(struct sim *sim, struct sim_item *item);
};

/** For whom an event waits: valid while the node lives its present life. */
struct sim_owner {
	struct sim_stream *st;
	uint32_t node_idx;
	uint32_t life;
	uint32_t stream;	/**< its number, for the order of events */
};

struct sim_stream {
	struct rt rt;		/* first */
	struct sim *sim;
	uint64_t clock_ns;	/* the CPU is busy until then */
	struct sim_ev wake;
	struct sim_item *inbox;
	struct sim_item **inbox_tail;
	struct list ins;	/* requests and replies that core holds */
	struct list link;	/* in the node */
	uint32_t node_idx;
	uint32_t life;
	uint32_t tag;
	uint32_t nic_idx;
	uint32_t id;
	struct prng entropy;
	uint32_t ops_out;	/* calls, transfers and ios submitted and not yet done */
};

struct sim_node {
	uint32_t idx;
	uint32_t life;		/* counts crashes; a message of an earlier life is void */
	bool up;
	struct arena arena;	/* what the pool does not serve */
	struct list blocks;	/* of the pool */
	size_t block_bytes;
	struct share_holder shared;	/* references to immutable blocks of the world */
	struct list streams;
	struct sim_stream **by_tag;
	uint32_t tag_cap;
	struct list calls_from;	/* struct sim_call.from */
	struct list calls_to;	/* struct sim_call.to */
	struct list devs;	/* struct sim_dev, blk.c */
	struct list ssds;	/* struct sim_ssd, blk.c */
	struct sim_ev crash_ev;	/* a crash asked for from inside a stream */
	struct sim *sim;
};

#define SIM_MEM_CLASSES 12	/* 64 B to 128 KiB */

struct sim {
	struct sim_opts opts;
	const struct sim_profile *profile;
	uint64_t now_ns;
	uint64_t until_ns;
	bool stopping;
	struct sim_stream *running;
	struct wheel *wheel;
	struct sg_engine *engine;
	struct sim_topo *topo;
	struct ult_stacks *stacks;
	struct share_table *shared;	/* what the nodes hold in common */
	struct sim_node *nodes;
	uint32_t node_count;
	uint32_t next_stream_id;
	uint64_t digest;
	struct sim_stats stats;
	struct list faults;	/* struct sim_fault, fault.c */
	uint32_t fault_count;
	struct list plans;	/* crashes to come, fault.c */
	void *mem_free[SIM_MEM_CLASSES];
	struct pool *pool;
	struct sim_call *call_free;	/* type-stable: see net.c */
	struct list call_slabs;
};

/* ---- world.c ------------------------------------------------------------------------------ */

/** Memory of the world (not of a node), pooled by size. NULL: no memory. Not zeroed. */
void *sim_mem_get(struct sim *sim, size_t bytes);
void sim_mem_put(struct sim *sim, void *ptr, size_t bytes);

/** Mix one delivered event into the digest. */
void sim_digest_event(struct sim *sim, uint64_t at_ns, uint32_t stream, enum sim_item_kind kind,
		      uint64_t a, uint64_t b);

/** Plan @ev. Dates in the past become now. */
void sim_plan(struct sim *sim, struct sim_ev *ev, uint64_t at_ns, uint32_t stream, sim_ev_fn fn);

/** Hand @item to @st: now if it is idle and not running, else when it is free. */
void sim_push(struct sim_stream *st, struct sim_item *item);

static inline struct sim_owner sim_owner_of(struct sim_stream *st)
{
	return (struct sim_owner){ st, st->node_idx, st->life, st->id };
}

static inline bool sim_alive(const struct sim *sim, const struct sim_owner *o)
{
	return sim->nodes[o->node_idx].life == o->life;
}

/** Date of @st: its clock, or the world's if that is later. */
static inline uint64_t sim_stream_now(const struct sim_stream *st)
{
	return max_u64(st->clock_ns, st->sim->now_ns);
}

/* ---- net.c, blk.c ------------------------------------------------------------------------- */

extern const struct rt_net_ops sim_net_ops;
extern const struct rt_blk_ops sim_blk_ops;

/** A stream's messages that core holds, when the stream ends. */
void sim_net_stream_end(struct sim_stream *st);

/** The node lost power: its calls are void, calls to it fail after the detection time. */
void sim_net_crash(struct sim *sim, struct sim_node *node);

/** End of the world. */
void sim_net_fini(struct sim *sim);

/** Unflushed writes are lost; devices are nobody's. */
void sim_blk_crash(struct sim *sim, struct sim_node *node);
void sim_blk_fini(struct sim *sim, struct sim_node *node);

/* ---- xfer.c ------------------------------------------------------------------------------- */

/** Bytes on their way along a path, in chunks that share the links with others. */
struct sim_xfer {
	struct sim_ev ev;
	struct sim *sim;
	uint64_t left;		/* bytes that have not yet entered the first link */
	uint64_t wire_bytes;	/* of the last chunk */
	uint64_t tail_ns;	/* when the last byte gets to the last link */
	uint32_t src_node;
	uint32_t src_life;
	uint32_t stream;	/* for the order of events */
	struct sim_path path;
	/** All bytes arrived, or the sender crashed (@ok false). Owns @x again. */
	void (*end)(struct sim_xfer *x, bool ok);
};

/** Latency of a path without any queue. */
uint64_t sim_path_latency(const struct sim *sim, const struct sim_path *path);

/** Send @bytes of @x, whose path, src_*, stream and end are set, entering at @at_ns. */
void sim_xfer_start(struct sim *sim, struct sim_xfer *x, uint64_t bytes, uint64_t at_ns);

/* ---- fault.c ------------------------------------------------------------------------------ */

struct sim_fate {
	bool lost;
	bool corrupt;
	uint64_t pick;	/* random number, to choose what is hit */
	uint64_t delay_ns;
};

/** What the faults do to a message between two nodes, sent now. */
void sim_fault_fate(struct sim *sim, uint32_t src, uint32_t dst, const struct sim_path *path,
		    bool may_lose, struct sim_fate *ret_fate);

/** Flip one bit of the content at @off; phantoms become another generator's. Errors: as
 * buf_copy(). */
int sim_corrupt(const struct buf *b, uint64_t off);

/** True while a partition separates the two. */
bool sim_fault_parted(const struct sim *sim, uint32_t src, uint32_t dst, uint64_t at_ns);

struct sim_disk_fate {
	bool fail;
	bool corrupt;
	uint32_t factor;	/* of service time, at least 1 */
	uint64_t pick;		/* random number, to choose what is hit */
};

void sim_fault_io(struct sim *sim, uint32_t node_idx, const char *dev, enum rt_io_op op,
		  struct sim_disk_fate *ret_fate);

/** Probability in ppm that a block of an unflushed write survives a crash, and a random seed. */
uint32_t sim_fault_torn(struct sim *sim, uint32_t node_idx, const char *dev, uint64_t *ret_seed);

void sim_fault_fini(struct sim *sim);

#endif

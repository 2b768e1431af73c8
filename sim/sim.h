/**
 * sim: the simulated world. Any number of streams in one thread of one process, on nodes, networks
 * and disks whose figures a profile gives, under SimGrid's engine.
 *
 * Time is an integer of nanoseconds kept here; SimGrid's clock follows it. Everything that
 * happens is an event in one calendar whose order is total: (date, stream, order of planning).
 * Same seed, same profile, same program: same events, same digest, bit for bit.
 *
 * A stream's CPU is a resource of its own: rt_charge() moves the stream's clock ahead, what it
 * sends leaves at its clock, what arrives meanwhile waits. Links and disks are first come, first
 * served (topo.h, net.c, blk.c). Nothing here runs in the background, and no call below blocks.
 *
 * One world exists at a time in a process (SimGrid's engine is a singleton); worlds may follow one
 * another. Calls come from the thread that made the world.
 */
#ifndef GEMEL_SIM_SIM_H
#define GEMEL_SIM_SIM_H

#include "core/rt/rt_drive.h"
#include "sim/profile.h"

struct sim;
struct sim_stream;

#define SIM_NEVER UINT64_MAX
/** Default stack of ULTs; times 4 under ASan. */
#define SIM_STACK_BYTES 16384u
#define SIM_TAG_MAX 65536u

struct sim_opts {
	const struct sim_profile *profile;	/**< outlives the world */
	uint64_t seed;
	uint64_t wall_base_ns;	/**< what rt_wall_ns() says at time 0 */
	uint32_t stack_bytes;	/**< 0: SIM_STACK_BYTES */
	enum rt_level log_level;	/**< 0: RT_LOG_WARN */
	bool paint_stacks;
	/** Each log line, stamped "SECONDS.NANOSECONDS nNODE/TAG LEVEL module: …"; may be NULL. */
	void (*log)(void *arg, const char *line);
	void *log_arg;
	/** Each event that enters the digest, for comparing two runs line by line; may be NULL. */
	void (*trace)(void *arg, const char *line);
	void *trace_arg;
};

/** Errors: -DER_NOMEM, -DER_BUSY (another world exists), -DER_INVAL. */
int sim_create(const struct sim_opts *opts, struct sim **ret_sim);

/** Crashes every node that is up, and forgets. NULL is accepted. */
void sim_destroy(struct sim *sim);

enum sim_end {
	SIM_END_IDLE,	/**< nothing is planned any more */
	SIM_END_TIME,	/**< @until_ns was reached */
	SIM_END_STOPPED,	/**< sim_stop() was called */
};

/** Let time pass until @until_ns (SIM_NEVER: none); events at @until_ns itself happen. */
enum sim_end sim_run(struct sim *sim, uint64_t until_ns);

/** From inside an event: end sim_run() behind it. */
void sim_stop(struct sim *sim);

uint64_t sim_now_ns(const struct sim *sim);

/** Hash of everything that happened so far; printed as 16 hexadecimal digits. */
uint64_t sim_digest(const struct sim *sim);

/** Add an observation of the caller's own to the digest. */
void sim_digest_add(struct sim *sim, const char *what, uint64_t value);

const struct sim_profile *sim_profile_of(const struct sim *sim);

struct sim_stats {
	uint64_t events;	/**< taken from the calendar */
	uint64_t engine_steps;	/**< of SimGrid's loop */
	uint64_t deliveries;	/**< requests and completions handed to streams */
	uint64_t messages;	/**< requests and replies sent */
	uint64_t message_bytes;
	uint64_t bulks;
	uint64_t bulk_bytes;
	uint64_t ios;
	uint64_t io_bytes;
	uint64_t dropped;	/**< messages lost to faults, crashes and late arrival */
	uint64_t stacks_bytes;	/**< mapped for ULT stacks */
};

void sim_stats_query(const struct sim *sim, struct sim_stats *ret_stats);

/** Call @fn at @at_ns, outside of any stream; of equal dates before every stream. Errors:
 * -DER_NOMEM. */
int sim_at(struct sim *sim, uint64_t at_ns, void (*fn)(struct sim *sim, void *arg), void *arg);

/* ---- streams ------------------------------------------------------------------------------ */

struct sim_stream_opts {
	uint32_t node_idx;
	uint32_t tag;		/**< below SIM_TAG_MAX, free on the node: address sim:NODE/TAG */
	uint32_t nic_idx;	/**< interface of the node that it uses */
	uint32_t ult_max;	/**< 0: rt's default */
	void *process;		/**< of host_self() */
};

/** Owned by the world; ended by sim_stream_destroy() or with its node.
 * Errors: -DER_INVAL, -DER_EXIST (tag in use), -DER_UNREACH (node is down), -DER_NOMEM. */
int sim_stream_create(struct sim *sim, const struct sim_stream_opts *opts,
		      struct sim_stream **ret_stream);

/** Orderly end: no ULT, call, transfer or io of it is left (asserted). Not from inside it. */
void sim_stream_destroy(struct sim_stream *st);

struct rt *sim_stream_rt(struct sim_stream *st);

/** rt_spawn() for use outside of the stream: the stream also learns that it has work. */
int sim_spawn(struct sim_stream *st, void (*fn)(void *arg), void *arg, const struct ult_opts *opts);

/** Run @fn(@rt, @arg) in scheduler context of @st, now or when its CPU is free. Errors:
 * -DER_NOMEM. */
int sim_post(struct sim_stream *st, void (*fn)(struct rt *rt, void *arg), void *arg);

/** After touching a stream from outside (timers, calls): let it see what it has to do. */
void sim_stream_kick(struct sim_stream *st);

/** "sim:NODE/TAG" into @ret_uri of RT_URI_MAX bytes. */
void sim_uri(uint32_t node_idx, uint32_t tag, char *ret_uri);

/** The stream that runs in this thread now, or NULL: what the public API's process lookup needs. */
struct rt *sim_current_rt(void);

/* ---- nodes -------------------------------------------------------------------------------- */

typedef void (*sim_boot_fn)(struct sim *sim, uint32_t node_idx, void *arg);

/**
 * Power loss: streams, timers, memory, messages from it, and writes that were not flushed are gone;
 * nothing of the node runs again. Callers elsewhere see -DER_UNREACH after the profile's detection
 * time. From inside a stream it takes effect at the present date, behind the running event.
 */
void sim_node_crash(struct sim *sim, uint32_t node_idx);

/** Power on again and call @boot, which creates streams. The node's disks are as they were left. */
void sim_node_restart(struct sim *sim, uint32_t node_idx, sim_boot_fn boot, void *arg);

bool sim_node_up(const struct sim *sim, uint32_t node_idx);

/** Counts the node's crashes: what was made in another life is gone. */
uint32_t sim_node_life(const struct sim *sim, uint32_t node_idx);

/** Bytes of rt_alloc() memory that the node holds. */
size_t sim_node_bytes(const struct sim *sim, uint32_t node_idx);

/* ---- faults, fault.c ---------------------------------------------------------------------- */

#define SIM_ANY UINT32_MAX

/** Requests and replies from @src_idx to @dst_idx (SIM_ANY: any) sent within [from, to). Transfers
 * of bulk data are reliable: they suffer the delays only. */
struct sim_fault_msg {
	uint64_t from_ns;
	uint64_t to_ns;
	uint32_t src_idx;
	uint32_t dst_idx;
	uint32_t link_idx;	/**< only what crosses this link of the topology, or SIM_ANY */
	uint32_t loss_ppm;
	uint32_t delay_ppm;
	uint64_t delay_min_ns;
	uint64_t delay_max_ns;
	uint32_t corrupt_ppm;	/**< of bulk transfers: one wrong bit arrives */
};

/** Errors: -DER_INVAL, -DER_NOMEM. The same for all of the following. */
int sim_fault_message(struct sim *sim, const struct sim_fault_msg *fault);

/** Within [from, to) no message crosses between the nodes of @node_idxs and all others. */
int sim_fault_partition(struct sim *sim, uint64_t from_ns, uint64_t to_ns,
			const uint32_t *node_idxs, uint32_t node_count);

enum sim_disk_fault_kind {
	SIM_DISK_SLOW,		/**< service takes @factor times as long */
	SIM_DISK_FAIL,		/**< -DER_NVME_IO; a failed write leaves some of its blocks */
	SIM_DISK_TORN,		/**< on a crash, unflushed writes survive block by block, or not */
	SIM_DISK_CORRUPT,	/**< a write stores one wrong bit */
};

struct sim_fault_disk {
	uint64_t from_ns;
	uint64_t to_ns;
	uint32_t node_idx;	/**< or SIM_ANY */
	const char *dev;	/**< name of the device, or NULL for all; copied */
	enum sim_disk_fault_kind kind;
	uint32_t ppm;		/**< probability per operation (TORN: per block that survives) */
	uint32_t factor;	/**< SLOW */
};

int sim_fault_disk(struct sim *sim, const struct sim_fault_disk *fault);

/** Crash @node_idx at @at_ns; restart it @down_ns later with @boot, or never (SIM_NEVER). */
int sim_fault_crash(struct sim *sim, uint32_t node_idx, uint64_t at_ns, uint64_t down_ns,
		    sim_boot_fn boot, void *arg);

/** No faults from now on, except crashes that are planned: what follows checks that all heals. */
void sim_fault_stop(struct sim *sim);

#endif

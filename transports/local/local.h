/**
 * local: any number of streams in one process, with a network between them and memory or file
 * devices below them. Embedded mode and the unit tests run on it.
 *
 * A world is the table of addresses, the memory devices and the driver. Streams have a name
 * "NODE/TAG"; their address is "local:NODE/TAG". Messages are copied; bulk goes straight between
 * the two sides' memory, done by the side that serves the request.
 *
 * Two drivers:
 * - LOCAL_SINGLE: one loop runs all streams in the order of their creation, on whichever thread
 *   steps it. With the virtual clock, time stands still while anything is runnable and then jumps
 *   to the next timer: the same seed gives the same run. With the real clock it is embedded mode.
 * - LOCAL_THREADS: every stream has a thread and a loop. Messages cross by lock-free mailboxes,
 *   idle streams sleep.
 *
 * The contracts are those of rt.h. A request that exposed memory holds a gate: bulk enters it per
 * 1 MiB, its revocation closes it, and completion waits (without spinning) for a copy that is
 * inside.
 *
 * Devices: a name that starts with "mem:" is a memory device of the world, which outlives the
 * stream that opened it; every other name is the path of a file or block device. File io happens
 * when the stream polls and blocks its thread for as long as the kernel takes.
 */
#ifndef GEMEL_TRANSPORTS_LOCAL_LOCAL_H
#define GEMEL_TRANSPORTS_LOCAL_LOCAL_H

#include "transports/loop/loop.h"
#include "transports/loop/os.h"

struct local_world;
struct local_stream;

#define LOCAL_URI_PREFIX "local:"
#define LOCAL_CALLS_MAX 16384u	/**< calls outstanding of one stream; beyond: -DER_AGAIN */
#define LOCAL_IOS_MAX 4096u	/**< io outstanding of one stream; beyond: -DER_AGAIN */
#define LOCAL_CHUNK_BYTES (1u << 20)	/**< bulk copied without looking up */
#define LOCAL_DEV_ALIGN 4096u

enum local_driver { LOCAL_SINGLE = 0, LOCAL_THREADS };

enum local_flags {
	LOCAL_VIRTUAL = 1,	/**< LOCAL_SINGLE: virtual clock */
	LOCAL_SEEDED = 2,	/**< entropy of the streams comes from @seed */
	LOCAL_PAINT = 4,	/**< paint ULT stacks and measure their use */
	LOCAL_BLOCK = 8,	/**< loops never spin */
};

struct local_opts {
	enum local_driver driver;
	uint32_t flags;		/**< enum local_flags */
	uint64_t seed;
	uint32_t stack_bytes;	/**< of ULTs; 0: 64 KiB */
	uint32_t ult_max;	/**< per stream; 0: the stream's default */
	uint32_t dev_align;	/**< of devices; 0: LOCAL_DEV_ALIGN; power of two, 512 or more */
	enum rt_level log_level; /**< 0: RT_LOG_WARN */
	int log_fd;		/**< 0: standard error; borrowed */
};

/** @opts may be NULL. Errors: -DER_NOMEM. Blocks: no. */
int local_world_create(const struct local_opts *opts, struct local_world **ret_world);

/** Every stream is closed or killed (asserted); memory devices are dropped. NULL is accepted. */
void local_world_destroy(struct local_world *w);

/** The loop of a LOCAL_SINGLE world: what an embedding host steps, posts to and wakes. */
struct loop *local_world_loop(struct local_world *w);

/**
 * LOCAL_SINGLE: run until nothing is left to do, timers included. With the real clock it sleeps
 * until the next timer. Does not end while a periodic timer is armed. Blocks: yes.
 */
void local_world_run(struct local_world *w);

/**
 * LOCAL_SINGLE: run until @pred(@arg): 0; or until @deadline_ns of the streams' clock (RT_NEVER:
 * none): -DER_TIMEDOUT; or, with the virtual clock, until nothing is left that could change
 * anything: -DER_TIMEDOUT too. @pred is asked after every round, NULL: never true. Blocks: yes.
 */
int local_world_run_until(struct local_world *w, bool (*pred)(void *arg), void *arg,
			  uint64_t deadline_ns);

/** One round of all streams, no sleep. Returns how much was handled. Blocks: no. */
int local_world_step(struct local_world *w);

/** Nanoseconds of the world's monotonic clock. */
uint64_t local_world_now_ns(struct local_world *w);

struct local_stats {
	uint64_t live_messages;	/**< requests and replies that somebody still holds */
	uint64_t memdev_bytes;	/**< resident in memory devices */
	uint32_t streams;
};

/** Exact only while no stream runs. */
void local_world_query(struct local_world *w, struct local_stats *ret_stats);

/**
 * A stream named @name, "NODE/TAG". With LOCAL_THREADS it does not run before local_stream_start(),
 * so that its owner can bind it (rt->on_request, rt->user) and spawn its first ULTs.
 * Errors: -DER_NOMEM, -DER_INVAL (name), -DER_EXIST (name taken by a live stream). Blocks: no.
 */
int local_stream_create(struct local_world *w, const char *name, struct local_stream **ret_stream);

struct rt *local_stream_rt(struct local_stream *s);
const char *local_stream_uri(const struct local_stream *s);
struct os_misc *local_stream_misc(struct local_stream *s);

/** Its place on a loop, for sources of other backends (a ring, an endpoint). */
struct loop_stream *local_stream_place(struct local_stream *s);

/** LOCAL_THREADS: start its thread. Errors: -DER_NOMEM. Blocks: no. */
int local_stream_start(struct local_stream *s);

/** LOCAL_THREADS: end its thread after the round it is in; state stays. Harmless when it does not
 * run. Not from the stream's own thread. Blocks: yes, for that round. */
void local_stream_stop(struct local_stream *s);

/**
 * Run @fn(@arg) in scheduler context of the stream, on its thread. From any thread.
 * Errors: -DER_NOMEM, -DER_UNREACH (stream is gone). Blocks: no.
 */
int local_stream_post(struct local_stream *s, void (*fn)(struct rt *rt, void *arg), void *arg);

/**
 * Orderly end: stops its thread, cancels its own outstanding calls and lets every submit complete,
 * then releases it. Its peers' outstanding calls complete with -DER_UNREACH. No ULT is alive.
 * Returns 0, or -DER_BUSY when memory or messages of it were never released (they are now).
 * Not from its own turn.  Blocks: yes.
 */
int local_stream_close(struct local_stream *s);

/**
 * Crash: no done() runs, no ULT runs again, unperformed io is lost, its memory is dropped. Peers'
 * outstanding calls complete with -DER_UNREACH. Not from its own turn. Blocks: until no peer is
 * inside its memory.
 */
void local_stream_kill(struct local_stream *s);

#endif

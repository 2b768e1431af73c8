/**
 * loop: what drives the streams of one thread on a real machine.
 *
 * A loop holds one or more streams and, per stream, the sources that it polls (a fabric endpoint,
 * an io_uring, queues of a local backend). One step runs, stream by stream in the order of their
 * adding, expired timers and ready ULTs, then block completions, then network completions; then the
 * mailbox. When nothing happened, it spins as long as spinning has paid lately, then sleeps in one
 * ppoll() over the sources' descriptors and an eventfd until the next timer. So an idle loop burns
 * no CPU. A source without a descriptor is polled in naps of 10 us that double to 1 ms.
 *
 * Nothing here is bound to a thread: any thread may step a loop, one at a time, with a
 * happens-before edge (a mutex) between two drivers. loop_post(), loop_wake(), loop_stop() and
 * loop_crowded() may be called from any thread at any time, as long as the loop outlives the call;
 * everything else belongs to the driver.
 */
#ifndef GEMEL_TRANSPORTS_LOOP_LOOP_H
#define GEMEL_TRANSPORTS_LOOP_LOOP_H

#include <stdatomic.h>

#include "core/rt/rt_drive.h"

struct pollfd;

#define LOOP_FD_NONE (-1)	/**< events come, but no descriptor tells: the loop naps */
#define LOOP_FD_QUIET (-2)	/**< events come only by the mailbox or by the streams' own calls */

/** One thing that a loop polls; functions run on the driving thread, outside of ULTs. */
struct loop_src_ops {
	int (*poll)(void *ctx);	/**< returns how many completions were handled */
	int (*fd)(void *ctx);	/**< to wait on for input, or LOOP_FD_*; NULL: LOOP_FD_QUIET */
	int (*arm)(void *ctx);	/**< 0: may sleep; -DER_AGAIN: work is pending. NULL: 0 */
};

enum loop_src_kind { LOOP_SRC_BLK = 0, LOOP_SRC_NET, LOOP_SRC_KINDS };

/** A registered source; the caller's memory, from loop_src_add() to loop_src_del(). */
struct loop_src {
	const struct loop_src_ops *ops;
	void *ctx;
	struct list link;
	struct loop *loop;
};

/** One stream on a loop; the caller's memory, from loop_stream_add() to loop_stream_del(). */
struct loop_stream {
	struct loop *loop;
	struct rt *rt;
	struct list link;
	struct list srcs[LOOP_SRC_KINDS];
};

/** A message to a loop: @fn runs on the driving thread, outside of ULTs, and may free @msg. */
struct loop_msg {
	struct loop_msg *next;
	void (*fn)(struct loop_msg *msg);
};

#define LOOP_SPIN_MAX_NS 50000u		/**< default of loop_opts.spin_max_ns */
#define LOOP_SPIN_MIN_NS 1000u
#define LOOP_NAP_MIN_NS 10000u
#define LOOP_NAP_MAX_NS 1000000u
#define LOOP_RUN_MAX 256u		/**< ULT switches of one stream in one step */

enum loop_mode {
	LOOP_MODE_SPIN = 0,	/**< spin before sleeping, at most spin_max_ns */
	LOOP_MODE_BLOCK,	/**< never spin */
};

struct loop_opts {
	enum loop_mode mode;
	uint64_t spin_max_ns;	/**< 0: LOOP_SPIN_MAX_NS */
};

struct loop_stats {
	uint64_t steps;
	uint64_t sleeps;	/**< ppoll() calls that could wait */
	uint64_t naps;		/**< of these, bounded because a source has no descriptor */
	uint64_t spin_hits;
	uint64_t spin_misses;
	uint64_t messages;
};

struct loop {
	_Atomic(struct loop_msg *) mbox; /**< newest first; NULL, or a mark: asleep, closed */
	atomic_bool kicked;
	atomic_bool stopped;
	atomic_bool crowded;
	int efd;
	struct list streams;
	struct list *cursor;		/**< next stream of the running step */
	struct loop_stream *active;	/**< whose turn it is */
	uint64_t spin_max_ns;
	uint64_t spin_ns;		/**< current length, 0 or LOOP_SPIN_MIN_NS..spin_max_ns */
	uint64_t nap_ns;
	struct pollfd *fds;
	uint32_t src_count;
	uint32_t fds_cap;
	struct loop_stats stats;
};

enum loop_wait { LOOP_POLL = 0, LOOP_SLEEP = 1 };

/** @opts may be NULL. Errors: -DER_NOMEM (memory or descriptors). Blocks: no. */
int loop_init(struct loop *l, const struct loop_opts *opts);

/** No stream is left in it and its mailbox is empty or closed. Accepts a zeroed loop. */
void loop_fini(struct loop *l);

/** Put @rt, which outlives its place in @l, behind the streams that are there. Blocks: no. */
void loop_stream_add(struct loop *l, struct loop_stream *s, struct rt *rt);

/** Take it out, sources first. Allowed inside a step, from another stream's turn. */
void loop_stream_del(struct loop_stream *s);

/** Poll @src in @s's turn, behind the others of its kind. Errors: -DER_NOMEM. */
int loop_src_add(struct loop_stream *s, struct loop_src *src, enum loop_src_kind kind);
void loop_src_del(struct loop_src *src);

/**
 * Hand @msg to the driver; messages of one thread arrive in their order. False when the loop is
 * closed; then @msg is still the caller's. Blocks: no. From any thread.
 */
bool loop_post(struct loop *l, struct loop_msg *msg);

/** End a sleep, or keep the next one from happening. Blocks: no. From any thread. */
void loop_wake(struct loop *l);

/** Make loop_run() return, now or when it is next called. Blocks: no. From any thread. */
void loop_stop(struct loop *l);

/** Tell whether there are more streams than CPUs: then spinning would steal from the others. */
void loop_crowded(struct loop *l, bool crowded);

/**
 * One round. With LOOP_SLEEP it may sleep when nothing happened, until something may have.
 * Returns how much was handled, 0 for nothing.  Blocks: only with LOOP_SLEEP.
 */
int loop_step(struct loop *l, enum loop_wait wait);

/** As loop_step(), but asleep until @until_ns of os_mono_ns() at the latest; 0: does not sleep. */
int loop_step_until(struct loop *l, uint64_t until_ns);

/** Run messages only, no stream; with LOOP_SLEEP wait for the first. Returns how many ran. For
 * taking a stream down.  Blocks: only with LOOP_SLEEP. */
int loop_mailbox(struct loop *l, enum loop_wait wait);

/** Step until loop_stop(). Blocks: yes. */
void loop_run(struct loop *l);

/**
 * Step until @pred(@arg) is true: 0; or -DER_TIMEDOUT at @deadline_ns of os_mono_ns() (RT_NEVER:
 * none), or -DER_CANCELED after loop_stop(). @pred is asked before every step. Blocks: yes.
 */
int loop_run_until(struct loop *l, bool (*pred)(void *arg), void *arg, uint64_t deadline_ns);

/** When the streams next have something to do by themselves: 0 now, RT_NEVER nothing. Sources are
 * armed by asking. Blocks: no. */
uint64_t loop_next_ns(struct loop *l);

/** Refuse messages from now on and run those that came before. Blocks: no. */
void loop_close(struct loop *l);

#endif

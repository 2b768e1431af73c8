/**
 * rpc: operations between streams, above the seam: encoding, deadlines, retry, credits, peer state
 * on the calling side; admission, fairness and at-most-once on the serving side. One struct rpc
 * per stream, which calls, serves, or both. It takes rt->on_request and rt->user for itself.
 *
 * At most once. Every operation has an id: (client, seq) of its server. Retries of one struct
 * rpc_call keep the id. A server remembers the replies of operations that change something
 * (WIRE_MUTATES) until the client has acknowledged them, so a resend is answered from memory, and
 * never applied twice. The memory is bounded: the least recently seen client is forgotten first; a
 * copy of a message that arrives after that would be applied again. A server that restarts
 * remembers nothing: what must survive that is the store's business (epochs, conditions,
 * transactions).
 *
 * Deadlines. Every call has one. A call that ran out of time completes only after its exposed
 * memory is out of the server's reach (completion contract of rt.h), so a little after the
 * deadline.
 *
 * Fairness. At most @serve_max requests have a ULT; the others wait as messages, in one queue per
 * client, the clients taking turns; one client has at most @serve_per_client_max. A request whose
 * bulk transfer makes no progress for @stall_ns gives its place to others, and counts against its
 * client alone.
 *
 * Callbacks (done, on_map) and inline handlers run in scheduler context: they must not park.
 */
#ifndef GEMEL_RPC_RPC_H
#define GEMEL_RPC_RPC_H

#include "core/epoch/epoch.h"
#include "core/rt/rt.h"
#include "core/wire/wire.h"

struct rpc;
struct rpc_req;
struct rpc_call;
struct rpc_group;
struct rpc_op;		/* rpc_int.h: a call in flight */

/** Address of a stream: the storage rank and its tag: 0 the system stream, 1 + i target i. */
struct rpc_ep {
	uint32_t rank;
	uint16_t tag;
};

/** Every bound; rpc_limits_default() fills it. */
struct rpc_limits {
	/* Calling. */
	uint32_t peers_max;		/**< peers open at once; idle ones make room */
	uint32_t credits;		/**< calls in flight per peer */
	uint32_t peer_queue_max;	/**< calls waiting for a credit, per peer */
	uint64_t call_timeout_ns;	/**< of calls that name no deadline */
	uint32_t down_after;		/**< failures in a row until an unreachable peer is down */
	uint64_t reopen_min_ns;		/**< pause before a down peer is tried; doubles each time */
	uint64_t reopen_max_ns;
	/* Serving. */
	uint32_t serve_max;		/**< requests with a ULT */
	uint32_t serve_per_client_max;
	uint32_t serve_priority_max;	/**< beyond serve_max, for RPC_H_PRIORITY */
	uint32_t stalled_max;		/**< beyond serve_max, requests whose transfers are stuck */
	uint32_t queue_max;		/**< requests waiting */
	uint32_t queue_per_client_max;
	uint64_t stall_ns;
	uint32_t overload_hint_us;	/**< sent with -DER_OVERLOAD_RETRY */
	/* At most once. */
	uint32_t clients_max;		/**< clients remembered */
	uint32_t replies_per_client_max;
	uint64_t reply_cache_bytes;	/**< of all clients */
	uint32_t pool_max;		/**< idle call and request objects kept for reuse, each */
};

struct rpc_limits rpc_limits_default(void);

/** When a call is sent again. The call's deadline always ends it. */
struct rpc_retry {
	const int *rcs;			/**< results to retry; each passes rpc_rc_unapplied() or is
					     -DER_UNREACH or -DER_TIMEDOUT (of one try) */
	uint32_t rcs_nr;
	uint32_t tries_max;		/**< 0: until the deadline */
	uint64_t try_timeout_ns;	/**< one try's time; 0: all that is left */
	uint64_t backoff_min_ns;	/**< doubled each time, drawn from [half, whole] */
	uint64_t backoff_max_ns;
};

/** Overload, operation in progress, unreachable peer: until the deadline, from 100 us to 100 ms. */
extern const struct rpc_retry rpc_retry_default;
/** Never. */
extern const struct rpc_retry rpc_retry_none;

/** A server that answers with one of these has changed nothing, and its reply is not remembered:
 * AGAIN, INPROGRESS, OVERLOAD_RETRY, STALE, NOTLEADER, NOTREPLICA, SHUTDOWN, TX_BUSY, NOMEM. */
bool rpc_rc_unapplied(int rc);

struct rpc_stats {
	uint64_t calls;			/**< completed, any result */
	uint64_t calls_failed;		/**< of these, without an answer */
	uint64_t sends;			/**< tries */
	uint64_t timeouts;
	uint64_t late;			/**< answers that came after the deadline, delivered */
	uint64_t peer_opens;
	uint64_t bad_replies;
	uint64_t requests;		/**< received, any kind */
	uint64_t served;		/**< handlers run */
	uint64_t bad_requests;		/**< refused with -DER_PROTO */
	uint64_t unregistered;		/**< operations without a handler here */
	uint64_t overloads;		/**< refused with -DER_OVERLOAD_RETRY */
	uint64_t expired;		/**< dropped unserved, their deadline had passed */
	uint64_t replayed;		/**< resends answered from memory */
	uint64_t attached;		/**< resends that wait for the first copy's reply */
	uint64_t duplicates;		/**< copies of acknowledged operations, refused */
	uint64_t stalls;		/**< transfers that made no progress for stall_ns */
	uint64_t clients_forgotten;
	uint64_t reply_fails;		/**< replies that the backend did not take */
};

/* ---- one stream's rpc ----------------------------------------------------------------------- */

enum rpc_handler_flags {
	RPC_H_INLINE = 1,	/**< never parks: runs in scheduler context, without a ULT */
	RPC_H_PRIORITY = 2,	/**< has places of its own, and its own queue */
};

/**
 * Serve @req. Either it calls rpc_reply() once and returns 0 (what it does after that is no
 * business of the client), or it returns without: then the value returned is replied, 0 with what
 * rpc_req_rep() holds, an error without a body. A handler that returns an error has changed
 * nothing.
 * Blocks: yes, unless RPC_H_INLINE.
 */
typedef int (*rpc_handler_fn)(struct rpc_req *req);

/** How one operation is served. A constant table of these is given to rpc_create(). */
struct rpc_handler {
	uint16_t op;		/**< enum wire_op */
	uint16_t flags;		/**< enum rpc_handler_flags */
	uint32_t stack_bytes;	/**< 0: the stream's default */
	rpc_handler_fn fn;
};

struct rpc_opts {
	const struct rpc_limits *limits;	/**< NULL: defaults; copied */
	const struct rpc_handler *handlers;	/**< must outlive the rpc */
	uint32_t handlers_nr;
	/**
	 * Where is @ep? Writes a URI of at most RT_URI_MAX bytes, NUL included. Returns 0,
	 * -DER_NONEXIST (no such stream), -DER_UNREACH (known, but excluded). NULL: this stream
	 * only serves.
	 */
	int (*resolve)(void *arg, struct rpc_ep ep, char *ret_uri);
	/** A reply carried a newer map version than @call->map_version. May be NULL. */
	void (*on_map)(void *arg, const struct rpc_call *call, uint32_t map_version);
	void *arg;			/**< of resolve and on_map; rpc_arg() for handlers */
	struct hlc *hlc;		/**< stamped on and fed from every message; NULL: none */
};

/**
 * Make the rpc of @rt and start to serve. Owned by the caller: rpc_destroy().  Blocks: no.
 * Errors: -DER_NOMEM, -DER_INVAL (limits of 0, two handlers of one operation).
 */
int rpc_create(struct rt *rt, const struct rpc_opts *opts, struct rpc **ret_rpc);

/**
 * Stop: new requests and those that wait are answered with -DER_SHUTDOWN, calls in flight are
 * cancelled (-DER_CANCELED); returns when all calls are done and all handlers have returned. New
 * calls are refused with -DER_SHUTDOWN.  Blocks: yes.
 */
void rpc_stop(struct rpc *rpc);

/** Free what is left. After rpc_stop(), or when no call and no request is alive (asserted). NULL is
 * accepted.  Blocks: no. */
void rpc_destroy(struct rpc *rpc);

struct rt *rpc_rt(struct rpc *rpc);
void *rpc_arg(struct rpc *rpc);
void rpc_stats_get(const struct rpc *rpc, struct rpc_stats *ret_stats);

/* ---- calling -------------------------------------------------------------------------------- */

/**
 * One operation, from the call to its reply. The caller's memory. Zero it, then fill the first
 * part.
 */
struct rpc_call {
	struct rpc_ep ep;
	uint16_t op;			/**< enum wire_op */
	uint32_t map_version;		/**< the caller's; 0: none */
	uint64_t deadline_ns;		/**< of rt_now_ns(); 0: by default; RT_NEVER: none */
	const struct rpc_retry *retry;	/**< NULL: rpc_retry_default; must outlive the call */
	const void *req;		/**< struct wire_<op>_req; read during rpc_send() only */
	void *rep;			/**< struct wire_<op>_rep, filled when has_rep, or NULL */
	struct buf payload;		/**< inline; its segments and memory live until done() */
	const struct buf *expose;	/**< NULL, or memory the server may reach until done() */
	uint32_t access;		/**< enum rt_access */
	/** Runs once, in scheduler context. The call may be finished and sent anew from here. */
	void (*done)(struct rpc_call *call);
	void *arg;			/**< the caller's */

	/* Results, from done() on. */
	int rc;				/**< of the operation, or why it got no answer */
	bool answered;			/**< the server sent rc */
	bool has_rep;			/**< always when rc is 0; failures may bring a reply too */
	uint32_t tries;
	uint32_t rep_map_version;
	struct buf rep_payload;		/**< inline payload of the reply */

	struct rpc_op *op_priv;		/* rpc's */
	struct rpc_group *group_priv;
};

/**
 * Start @call. On 0, done() runs once, later. The reply (rep's pointers, rep_payload) is valid
 * from done() until rpc_call_fini().  Blocks: no. Results in rc: the server's, or -DER_TIMEDOUT,
 * -DER_UNREACH (dead, unreachable, or down for now), -DER_CANCELED, -DER_PROTO (a reply that is
 * none), -DER_NOMEM, -DER_NOSPACE (expose too segmented), and what resolve() returns. Errors (then
 * done() never runs): -DER_AGAIN (peer_queue_max wait already), -DER_NOMEM, -DER_INVAL (a message
 * beyond its limits), -DER_OVERFLOW (body and payload exceed a message), -DER_SHUTDOWN.
 */
int rpc_send(struct rpc *rpc, struct rpc_call *call);

/**
 * Do @call and wait for it; waits for room too. done is overwritten. Returns what rc
 * becomes, or the errors of rpc_send(). rpc_call_fini() is needed if it was sent, and harmless.
 * Blocks: yes.
 */
int rpc_call(struct rpc *rpc, struct rpc_call *call);

/** Ask for an early end: done() runs with -DER_CANCELED or with an answer. Harmless when done. */
void rpc_cancel(struct rpc *rpc, struct rpc_call *call);

/**
 * Give back the reply of a call that is done. Harmless when never sent or called twice. Blocks:
 * no.
 */
void rpc_call_fini(struct rpc *rpc, struct rpc_call *call);

/** Many calls, one ULT that waits for them. Uses the calls' done; arg stays the caller's. */
struct rpc_group {
	struct rpc *rpc;
	struct rt_waitq q;
	uint32_t pending;
	int rc;				/**< the first failure, in the order of completion */
};

void rpc_group_init(struct rpc_group *g, struct rpc *rpc);

/**
 * Start @call as part of @g. A call that cannot start counts as done with that rc. Waits while
 * the peer's queue is full. Returns as rpc_send(), for those who want to know.  Blocks: yes.
 */
int rpc_group_send(struct rpc_group *g, struct rpc_call *call);

/** Wait until all are done; each call's rc is then its own. Returns @g's rc. Blocks: yes. */
int rpc_group_wait(struct rpc_group *g);

enum rpc_peer_state {
	RPC_PEER_UNKNOWN = 0,	/**< not in the table */
	RPC_PEER_UP,
	RPC_PEER_SUSPECT,	/**< the last try failed; used as usual */
	RPC_PEER_DOWN,		/**< fails at once until the pause is over, then one try */
};

enum rpc_peer_state rpc_peer_state(struct rpc *rpc, struct rpc_ep ep);

/** Forget failures and the address: the next call resolves @ep anew. For when a map says so. */
void rpc_peer_reset(struct rpc *rpc, struct rpc_ep ep);

/* ---- serving -------------------------------------------------------------------------------- */

/** One request while its handler runs. Read-only but for rep_map_version and user. */
struct rpc_req {
	struct rpc *rpc;
	struct wire_head head;
	const void *body;		/**< struct wire_<op>_req; lives with @req */
	struct buf payload;		/**< inline payload; lives with @req */
	uint64_t expose_bytes;		/**< that the client exposed */
	uint32_t access;		/**< enum rt_access of that */
	uint64_t deadline_ns;		/**< of rt_now_ns(); RT_NEVER: none */
	uint32_t rep_map_version;	/**< set by the handler; sent with the reply */
	void *user;			/**< the handler's */
};

/** A zeroed struct wire_<op>_rep that lives with @req (replies are too large for a ULT's stack). */
void *rpc_req_rep(struct rpc_req *req);

/** Zeroed memory that lives with @req, aligned to 16. NULL: no memory. Blocks: no. */
void *rpc_req_alloc(struct rpc_req *req, size_t bytes);

/**
 * Copy exposed memory [remote_off, + dst->bytes) to @dst, or @src to it. Not after rpc_reply().
 * Errors: -DER_UNREACH, -DER_CANCELED (the client took it back), -DER_INVAL (outside of what is
 * exposed), -DER_NO_PERM, -DER_NOMEM.  Blocks: yes.
 */
int rpc_req_bulk_get(struct rpc_req *req, uint64_t remote_off, const struct buf *dst);
int rpc_req_bulk_put(struct rpc_req *req, uint64_t remote_off, const struct buf *src);

/**
 * Answer @req, once. @rep: struct wire_<op>_rep, or NULL (only with @rc != 0): no body. @payload:
 * inline, or NULL; a mutating operation's reply has none. All is copied. A reply that cannot be
 * sent (too large, a limit broken) becomes -DER_OVERFLOW or -DER_INVAL for the client.  Blocks:
 * no.
 * Errors: as rt_reply(), counted; a handler has no use for them.
 */
int rpc_reply(struct rpc_req *req, int rc, const void *rep, const struct buf *payload);

/** Bytes of inline payload that a reply with @rep can carry. */
uint64_t rpc_reply_room(struct rpc_req *req, const void *rep);

/** The built-in handler of PING, for the tables of those who serve. */
int rpc_ping_handler(struct rpc_req *req);

#endif

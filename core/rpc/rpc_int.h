/**
 * Private to core/rpc: the objects behind the handles, and who calls whom.
 *
 *	rpc.c		the stream's rpc, object pools, hash tables
 *	rpc_peer.c	peers: table, address, state
 *	rpc_call.c	the calling side: one operation from send to done
 *	rpc_serve.c	the serving side: admission, requests, replies
 *	rpc_seen.c	clients as a server remembers them, replies kept for resends
 */
#ifndef GEMEL_RPC_RPC_INT_H
#define GEMEL_RPC_RPC_INT_H

#include "core/rpc/rpc.h"

/* ---- intrusive hash table ------------------------------------------------------------------- */

struct rpc_hnode {
	struct rpc_hnode *next;
	uint64_t key;
};

/** Grows by doubling; when there is no memory to grow, chains get longer instead. */
struct rpc_hash {
	struct rpc_hnode **buckets;
	uint32_t bucket_count;	/**< power of two, or 0 before the first insert */
	uint32_t count;
	uint64_t seed;
};

struct rpc_hnode *rpc_hash_find(const struct rpc_hash *h, uint64_t key);
/** @n->key is set and not in @h. Errors: -DER_NOMEM (only when it has no buckets at all). */
int rpc_hash_insert(struct rt *rt, struct rpc_hash *h, struct rpc_hnode *n);
void rpc_hash_remove(struct rpc_hash *h, struct rpc_hnode *n);

/* ---- objects for reuse ---------------------------------------------------------------------- */

/** A stack of idle objects, each beginning with a pointer's worth of room for the link. */
struct rpc_pool {
	struct rpc_idle {
		struct rpc_idle *next;
	} * idle;
	uint32_t idle_count;
	uint32_t idle_max;
	size_t bytes;
};

/** Zeroed when new, as it was left when reused. NULL: no memory. */
void *rpc_pool_get(struct rt *rt, struct rpc_pool *p);
void rpc_pool_put(struct rt *rt, struct rpc_pool *p, void *obj);
void rpc_pool_fini(struct rt *rt, struct rpc_pool *p);

/* ---- calling -------------------------------------------------------------------------------- */

struct rpc_peer {
	struct rpc_hnode hash;		/**< key: rpc_ep_key() */
	struct list lru;
	struct rpc_ep ep;
	struct rt_peer *rtp;		/**< NULL: not open */
	enum rpc_peer_state state;
	uint32_t ops;			/**< operations alive, in any state */
	uint32_t inflight;		/**< of these, handed to the backend */
	uint32_t queued;
	struct list queue;		/**< operations waiting for a credit */
	struct list unacked;		/**< mutating operations alive, by seq */
	uint32_t fails;			/**< in a row */
	uint32_t fail_gen;		/**< counts failures: tries that began earlier count once */
	uint64_t pause_ns;
	uint64_t retry_at_ns;		/**< down: when the next try is due */
	bool reopen;			/**< close as soon as nothing is in flight */
};

enum rpc_op_state {
	OP_QUEUED = 1,
	OP_INFLIGHT,
	OP_BACKOFF,	/**< waits to be tried again */
	OP_ENDING,	/**< has its result; done() follows from the timer */
	OP_DONE,	/**< keeps the reply for the caller */
};

#define OP_MSG_BYTES	384u
#define OP_ARENA_BYTES	256u
#define RPC_SEGS	4u

struct rpc_op {
	struct rpc_idle idle;
	struct rt_call call;		/**< the backend's */
	struct rpc *rpc;
	struct rpc_call *user;
	struct rpc_peer *peer;
	const struct wire_op_desc *desc;
	struct list link;		/**< peer's queue */
	struct list unacked;
	struct list all;		/**< rpc's ops, until DONE */
	struct rt_timer timer;
	enum rpc_op_state state;
	bool canceled;			/**< by the caller */
	bool expired;			/**< this try's or the call's time is over */
	int result;			/**< ENDING */
	uint32_t fail_gen;		/**< the peer's when the try began */
	uint64_t seq;
	uint64_t deadline_ns;
	uint64_t backoff_ns;
	uint32_t hint_us;		/**< of the last reply */
	uint32_t body_bytes;
	uint8_t *msg;			/**< head and body: small, or allocated */
	struct bseg *segs;		/**< msg and payload: small, or allocated */
	struct rt_in *reply;
	void *arena;			/**< allocated for a large reply, or NULL */
	struct bseg *rep_segs;		/**< allocated for a reply in many segments, or NULL */
	struct bseg segs_small[RPC_SEGS];
	struct bseg rep_segs_small[RPC_SEGS];
	uint8_t msg_small[OP_MSG_BYTES];
	uint64_t arena_small[OP_ARENA_BYTES / 8];
};

static inline uint64_t rpc_ep_key(struct rpc_ep ep)
{
	return (uint64_t)ep.rank << 16 | ep.tag;
}

/** Find or make the peer. Errors: -DER_NOMEM, -DER_AGAIN (the table is full of busy peers). */
int rpc_peer_get(struct rpc *rpc, struct rpc_ep ep, struct rpc_peer **ret_peer);
/** Open it, or say why a call must fail now: -DER_UNREACH (down), what resolve and open return. */
int rpc_peer_ready(struct rpc *rpc, struct rpc_peer *peer);
void rpc_peer_good(struct rpc_peer *peer);
void rpc_peer_bad(struct rpc *rpc, struct rpc_peer *peer, uint32_t fail_gen, int rc);
/** A call ended: close the peer if that was waited for. */
void rpc_peer_settle(struct rpc *rpc, struct rpc_peer *peer);
void rpc_peers_fini(struct rpc *rpc);

void rpc_ops_stop(struct rpc *rpc);

/* ---- serving -------------------------------------------------------------------------------- */

#define SEEN_BYTES 128u

/** A mutating operation: in progress, or its reply. In its client's list, by seq. */
struct rpc_seen {
	struct rpc_idle idle;
	struct list link;
	struct rpc_client *client;
	uint64_t seq;
	bool done;
	struct rt_in *attached;		/**< in progress: a second copy that wants the reply too */
	struct wire_head attached_head;
	uint32_t bytes;			/**< of the reply */
	uint8_t *data;			/**< small, or allocated */
	uint8_t small[SEEN_BYTES];
};

struct rpc_client {
	struct rpc_hnode hash;		/**< key: its identity */
	struct list lru;
	struct list waiting;		/**< struct rpc_msg */
	struct list turn;		/**< in rpc's turns: it waits and may be served */
	struct list seen;
	uint32_t waiting_count;
	uint32_t waiting_priority;	/**< in rpc's own queue */
	uint32_t serving;
	uint32_t seen_count;
	uint64_t acked;			/**< its operations below this are over */
	uint64_t max_seq;		/**< largest mutating operation seen */
};

/** A request that waits to be served. */
struct rpc_msg {
	struct rpc_idle idle;
	struct list link;
	struct rt_in *in;
	const struct rpc_handler *handler;
	struct rpc_client *client;	/**< NULL: read-only inline operations */
	struct rpc_seen *seen;
	uint64_t deadline_ns;
	struct wire_head head;
};

#define REQ_ARENA_BYTES 1024u

/** Memory beyond a request's arena. */
struct rpc_chunk {
	struct rpc_chunk *next;
	uint64_t pad;
};

struct rpc_sreq {
	struct rpc_req pub;
	struct rpc_msg m;
	struct list link;		/**< rpc's serving */
	bool replied;
	bool stalled;
	bool transfer_failed;
	struct wire_arena arena;
	struct rpc_chunk *chunks;
	bool rep_used;
	union wire_any_req body;
	union wire_any_rep rep;
	struct bseg segs[RPC_SEGS];
	_Alignas(16) uint8_t arena_mem[REQ_ARENA_BYTES];
};

/** The client record of @id, made when missing; NULL: no memory, or all others are busy. */
struct rpc_client *rpc_client_get(struct rpc *rpc, uint64_t id);
/** The client says that it has all answers below @acked. */
void rpc_client_acked(struct rpc *rpc, struct rpc_client *c, uint64_t acked);
void rpc_clients_fini(struct rpc *rpc);

enum rpc_seen_verdict {
	SEEN_NEW,	/**< first time: *ret_seen is its entry */
	SEEN_HANDLED,	/**< @in was answered, attached or refused: nothing to do */
	SEEN_FULL,	/**< no room to remember it: refuse it */
};

enum rpc_seen_verdict rpc_seen_check(struct rpc *rpc, struct rpc_client *c,
				     const struct wire_head *head, struct rt_in *in,
				     struct rpc_seen **ret_seen);
/** Keep the reply [data, data + bytes), answer the attached copy. */
void rpc_seen_done(struct rpc *rpc, struct rpc_seen *s, const void *data, uint32_t bytes);
/** The operation was not applied: forget it, serve the attached copy. */
void rpc_seen_undo(struct rpc *rpc, struct rpc_seen *s);

/** Take in a request whose head is good. Owns @in from here. */
void rpc_serve(struct rpc *rpc, struct rt_in *in, const struct wire_head *head);
/** Answer @in with @rc and no body, and release it. */
void rpc_refuse(struct rpc *rpc, struct rt_in *in, const struct wire_head *head, int rc);
void rpc_send_reply(struct rpc *rpc, struct rt_in *in, const struct buf *msg);
void rpc_on_request(struct rt *rt, struct rt_in *in);
void rpc_serve_stop(struct rpc *rpc);

/* ---- both ----------------------------------------------------------------------------------- */

struct rpc {
	struct rt *rt;
	struct rpc_limits lim;
	struct rpc_opts opts;
	struct rpc_stats stats;
	bool stopping;
	struct rt_waitq idle;		/**< of rpc_stop(): something ended */

	uint64_t client_id;
	uint64_t seq;
	struct rpc_hash peers;
	struct list peer_lru;		/**< first: longest unused */
	struct list ops;
	uint32_t op_count;
	struct rt_waitq room;		/**< ULTs that wait for a queue to shrink */
	struct rpc_pool op_pool;

	const struct rpc_handler *handlers[WIRE_OP_MAX + 1];
	struct rpc_hash clients;
	struct list client_lru;
	struct list turns;		/**< clients with waiting requests, in turn */
	struct list priority;		/**< waiting requests with places of their own */
	struct list serving;
	uint32_t serving_count;		/**< normal places taken */
	uint32_t serving_priority;
	uint32_t stalled_count;
	uint32_t waiting_count;
	uint64_t seen_bytes;
	struct rpc_pool req_pool;
	struct rpc_pool msg_pool;
	struct rpc_pool seen_pool;
	uint8_t scratch[1024];		/**< replies are encoded here, copied by the backend */
};

/** The caller's hybrid clock for a message, or 0. */
uint64_t rpc_hlc_stamp(struct rpc *rpc);

/** What follows head and body in @msg, as a buf over @segs or, when too many, over *ret_alloc. */
int rpc_payload(struct rpc *rpc, const struct buf *msg, uint32_t body_bytes, struct bseg *segs,
		struct bseg **ret_alloc, struct buf *ret_payload);

#endif

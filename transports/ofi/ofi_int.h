/**
 * Inside of ofi: the endpoint, what it knows of its peers, and the pools. Only files of this folder
 * include it.
 *
 * Who points at whom: a call slot, a received message and an open rt_peer hold a reference on a
 * struct ofi_dst (one remote endpoint, by raw address); a dst without references may be evicted.
 * Everything runs on the stream's thread.
 */
#ifndef GEMEL_TRANSPORTS_OFI_OFI_INT_H
#define GEMEL_TRANSPORTS_OFI_OFI_INT_H

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <sys/types.h>

#include "transports/ofi/frame.h"
#include "transports/ofi/ofi.h"

#define OFI_API_VERSION FI_VERSION(1, 17)
#define OFI_CALL_CHUNK 64u
#define OFI_SEVER_MAX 32u	/* sockets cut at one go */
#define OFI_RETIRED_MAX 16u	/* receive buffers set aside before all connections are cut */
#define OFI_PKT_FILL 8192u	/* default of pkt_fill */
#define OFI_SHM_PKT 4096u	/* longer ones would wait for the peer, and others behind them */
#define OFI_CQ_BATCH 32u

#define OFI_TICK_NS 20000000u	/* how often outstanding work is looked at */
#define OFI_TICK_FAST_NS 1000000u	/* while a connection is being cut or made */
#define OFI_PROBE_AFTER_NS 20000000u
#define OFI_PROBE_EVERY_NS 250000000u

/** How exposed memory is taken back from a peer that does not answer; see README.md. */
enum ofi_revoke {
	OFI_REVOKE_MR = 1,	/**< closing the registration is enough */
	OFI_REVOKE_ASK_MR,	/**< ask first, so as not to break the connection; then as above */
	OFI_REVOKE_CONN,	/**< ask first; else close it and cut the peer's connections */
	OFI_REVOKE_OWN,		/**< nothing is registered: we do the copying ourselves */
};

struct ofi_provider_info {
	const char *name;
	enum ofi_revoke revoke;
	bool ip;	/**< URIs are HOST:PORT */
	bool tcp;	/**< connections are TCP sockets of this process */
	bool shm;
};

enum ofi_op_kind { OFI_OP_RX = 1, OFI_OP_TX, OFI_OP_RMA };

/** First member of whatever is a context of libfabric. */
struct ofi_op {
	struct fi_context2 ctx;
	enum ofi_op_kind kind;
};

/** One buffer of FI_MULTI_RECV. */
struct ofi_rxbuf {
	struct ofi_op op;
	struct list link;	/**< in ofi.rxbufs or ofi.retired */
	uint8_t *mem;
	struct fid_mr *mr;
	uint32_t refs;		/**< messages in it that are not released */
	uint32_t errors;	/**< messages in it that failed on the way: their bytes never add up */
	bool posted;
	bool full;		/**< the provider will start no further message in it */
	uint64_t end;		/**< where the last message ended that came */
	uint64_t sum;		/**< bytes of the messages that came */
};

struct ofi_txpkt {
	struct ofi_op op;
	struct list link;
	struct ofi_dst *dst;
	struct fid_mr *mr;
	uint64_t epoch;		/**< dst->epoch when it was handed over */
	uint64_t dst_id;
	uint32_t bytes;
	uint32_t frames;
	uint32_t replies;
	uint8_t *mem;
};

struct ofi_rma {
	struct ofi_op op;
	struct list link;
	struct rt_bulk *bulk;
	uint64_t cookie;	/**< shm: what the peer's answer names */
	uint32_t mr_count;
	struct fid_mr *mrs[4];
};

/** Registration: what a provider asks for, and the pools that are registered for good. */
struct ofi_mrs {
	struct fid_domain *domain;
	struct fid_ep *ep;
	uint64_t mode;
	uint64_t key_mask;
	struct prng keys;
	struct list pools;	/**< struct ofi_pool */
};

struct ofi_pool {
	struct list link;
	uint8_t *ptr;
	size_t bytes;
	struct fid_mr *mr;
};

enum ofi_dst_state { OFI_DST_UP = 0, OFI_DST_SEVERING };

/** A remote endpoint. */
struct ofi_dst {
	struct list link;	/**< ofi.dsts, least recently used first */
	struct list hash;
	struct list dirty;	/**< ofi.dirty while something waits to be sent */
	struct list busy;	/**< ofi.busy while the tick must look at it */
	fi_addr_t fi_addr;
	bool inserted;
	enum ofi_dst_state state;
	uint8_t addr[OFI_ADDR_MAX];
	uint32_t addr_bytes;
	uint32_t refs;
	uint64_t remote_id;	/**< incarnation, 0 when not known */
	uint64_t epoch;		/**< counts losses: packets of an earlier one are history */
	struct list calls;	/**< waiting for a reply */
	struct list lost;	/**< to be finished once the connection is cut */
	struct list ins;	/**< requests from it that expose memory */
	struct list queue;	/**< packets to send */
	struct ofi_txpkt *open;	/**< being written; not in queue */
	uint64_t heard_ns;
	uint64_t stuck_ns;	/**< since when the provider takes nothing for it; 0: it does */
	uint64_t alive_ns;	/**< when its kernel last took a connection from us */
	uint64_t ping_ns;
	uint64_t ping_nonce;	/**< 0: none outstanding */
	uint64_t hello_nonce;	/**< of the ping that went before the first call; 0: answered */
	int probe_fd;
	uint64_t probe_ns;
	int live_fd;		/**< shm: a socket whose end shows the peer's death */
	pid_t pid;		/**< shm: the process at the other end of live_fd */
	uint8_t *part;		/**< shm: a frame that comes in pieces, or NULL */
	uint32_t part_whole;
	uint32_t part_got;
	uint32_t cut_count;
	int cut_fd[OFI_SEVER_MAX];
	ino_t cut_ino[OFI_SEVER_MAX];
};

struct rt_peer {
	struct ofi_dst *dst;
	struct list link;
};

enum ofi_call_state {
	OFI_CALL_FREE = 0,
	OFI_CALL_WAIT,
	OFI_CALL_REVOKING,
	OFI_CALL_LOST,
	OFI_CALL_DONE
};

/** A call in flight. */
struct ofi_call {
	struct list link;
	struct rt_call *call;
	struct ofi_dst *dst;
	struct rt_in *reply;
	enum ofi_call_state state;
	uint32_t idx;
	uint32_t gen;
	int rc;
	bool exposed;		/**< the peer may reach the caller's memory */
	uint32_t mr_count;
	struct fid_mr **mrs;	/**< mr_first, or memory of its own */
	struct fid_mr *mr_first[2];
	uint64_t revoke_ns;	/**< when patience with a peer asked to let go ends */
};

/** A received request or reply. */
struct ofi_in {
	struct rt_in in;	/**< first: what the receiver holds */
	struct bseg seg;
	struct list link;	/**< dst->ins, or ofi.in_free */
	struct ofi *ofi;
	struct ofi_dst *dst;
	struct ofi_rxbuf *rx;	/**< where the message is, or NULL: copy */
	void *copy;
	struct ofi_frame frame;
	uint64_t src_id;
	uint32_t bulks;		/**< transfers in flight */
	bool request;
	bool replied;
	bool revoked;		/**< the requester wants its memory back */
	bool tell;		/**< … and waits to be told */
};

/** A transfer: lives in rt_bulk.priv. */
struct ofi_bulk {
	struct list link;	/**< ofi.bulks while ops remain to be submitted, or ofi.bulks_done */
	uint64_t done_bytes;	/**< submitted so far */
	uint64_t local_off;	/**< in local segment local_idx */
	uint64_t remote_off;	/**< in remote segment remote_idx */
	uint32_t local_idx;
	uint32_t remote_idx;
	uint32_t flight;
	int rc;
};
static_assert(sizeof(struct ofi_bulk) <= sizeof(((struct rt_bulk *)NULL)->priv), "fits in priv");

struct ofi {
	struct rt *rt;
	struct ofi_opts opts;
	const struct ofi_provider_info *prov;
	struct fi_info *info;
	struct fid_fabric *fabric;
	struct fid_domain *domain;
	struct fid_av *av;
	struct fid_cq *cq;
	struct fid_ep *ep;
	int wait_fd;
	struct ofi_mrs mrs;
	uint32_t pkt_max;	/**< longest packet that is sent */
	uint32_t pkt_fill;	/**< a packet is closed when a further frame would exceed this */
	bool order_saw;		/**< a send does not overtake a write before it */
	size_t inject_bytes;
	uint64_t id;		/**< incarnation */
	struct prng prng;
	uint8_t addr[OFI_ADDR_MAX];
	uint32_t addr_bytes;
	char uri[RT_URI_MAX];
	int listen_fd;		/**< shm: where peers watch us live */
	int *live_fds;		/**< … and those who do */
	uint32_t live_count;
	uint32_t live_cap;

	struct list dsts;
	struct list *hash;
	uint32_t hash_mask;
	uint32_t dst_count;
	struct list dirty;
	struct list busy;
	struct list peers;

	struct ofi_call **chunks;
	uint32_t chunk_count;
	struct list call_free;
	struct list finished;
	uint32_t call_count;

	struct list rxbufs;
	struct list retired;
	struct list rx_idle;	/**< could not be posted yet */
	uint32_t rx_posted;
	uint32_t rx_missing;	/**< buffers to be made for retired ones */
	uint32_t retired_count;
	struct list tx_free;
	struct list tx_busy;	/**< the provider has them */
	uint32_t tx_count;
	uint32_t tx_flight;
	struct list rma_free;
	struct list rma_busy;	/**< the provider has them */
	uint32_t rma_flight;
	struct list in_free;
	struct list in_chunks;
	uint32_t in_count;
	struct list bulks;
	struct list bulks_done;
	uint32_t bulk_count;
	uint32_t severing;
	uint32_t polls;
	struct rt_timer tick;
	struct ofi_stats stats;
};

static inline void *ofi_alloc(struct ofi *o, size_t bytes, size_t align)
{
	return o->opts.misc->alloc(o->opts.misc_ctx, bytes, align);
}

static inline void ofi_free(struct ofi *o, void *ptr)
{
	o->opts.misc->free(o->opts.misc_ctx, ptr);
}

static inline uint64_t ofi_now(struct ofi *o)
{
	return rt_now_ns(o->rt);
}

/** Formatted line to the log sink, which works before the stream does. */
void ofi_log(const struct ofi_opts *opts, enum rt_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** libfabric's negative code (or a positive errno of its set) as a DER code. */
int ofi_err(ssize_t fi_rc);

/* uri.c */
/** Provider table. NULL: unknown. */
const struct ofi_provider_info *ofi_provider_find(const char *name, size_t len);
/** Raw address of @uri for @o's provider. Errors: -DER_INVAL, -DER_NONEXIST. */
int ofi_uri_parse(struct ofi *o, const char *uri, uint8_t *ret_addr, uint32_t *ret_bytes);
/** The URI of the raw address. Errors: -DER_OVERFLOW. */
int ofi_uri_format(const struct ofi_provider_info *prov, const uint8_t *addr, uint32_t bytes,
		   char *ret_uri, size_t cap);

/* mr.c */
void ofi_mrs_init(struct ofi_mrs *m, struct fid_domain *domain, struct fid_ep *ep, uint64_t mode,
		  size_t key_bytes, uint64_t seed);
/** Register [ptr, ptr + bytes) with libfabric's @access and enable it. Errors: -DER_NOMEM, -DER_HG. */
int ofi_mr_open(struct ofi_mrs *m, void *ptr, size_t bytes, uint64_t access,
		struct fid_mr **ret_mr);
void ofi_mr_close(struct fid_mr *mr);	/**< NULL is accepted */
/** Descriptor for a peer of memory that ofi_mr_open() registered at @ptr. */
struct ofi_seg ofi_mr_seg(const struct ofi_mrs *m, struct fid_mr *mr, const void *ptr,
			  size_t bytes);
/** Local descriptor for [ptr, ptr + bytes): from a pool, or of a registration made now (*ret_mr, to
 * be closed by the caller), or NULL where the provider needs none. */
int ofi_mr_local(struct ofi_mrs *m, void *ptr, size_t bytes, uint64_t access,
		 struct fid_mr **ret_mr, void **ret_desc);

/* dst.c */
/** The entry of @addr, made if need be, with a reference. Errors: -DER_NOMEM, -DER_AGAIN (full). */
int ofi_dst_get(struct ofi *o, const uint8_t *addr, uint32_t bytes, struct ofi_dst **ret_dst);
void ofi_dst_put(struct ofi *o, struct ofi_dst *dst);
/** Make libfabric know the address. Errors: -DER_UNREACH, -DER_HG. */
int ofi_dst_insert(struct ofi *o, struct ofi_dst *dst);
void ofi_dst_heard(struct ofi *o, struct ofi_dst *dst);
void ofi_dst_stuck(struct ofi *o, struct ofi_dst *dst);	/**< the provider took nothing */
void ofi_dst_moving(struct ofi_dst *dst);
/** The peer is gone, or must be cut off: fail what is outstanding, taking exposed memory back. */
void ofi_dst_lost(struct ofi *o, struct ofi_dst *dst, const char *why);
void ofi_dst_busy(struct ofi *o, struct ofi_dst *dst);
void ofi_dst_free_all(struct ofi *o);
void ofi_tick_soon(struct ofi *o, uint64_t in_ns);
void ofi_tick(struct rt_timer *t);

/* link.c: what libfabric does not tell about connections */
/** Cut the TCP connections to @dst; returns how many. */
uint32_t ofi_link_cut(struct ofi *o, struct ofi_dst *dst);
/** True once the provider has let go of every socket that was cut. */
bool ofi_link_gone(struct ofi_dst *dst);
enum ofi_alive { OFI_ALIVE_UNKNOWN = 0, OFI_ALIVE_YES, OFI_ALIVE_NO };
enum ofi_alive ofi_link_probe(struct ofi *o, struct ofi_dst *dst, uint64_t now_ns);
int ofi_link_listen(struct ofi *o, const char *name);
/** Remove the memory of a shm endpoint whose process is gone; false if it lives. */
bool ofi_link_bury(const char *name);
void ofi_link_accept(struct ofi *o);
/** shm: watch the peer's life. Errors: -DER_UNREACH. */
int ofi_link_watch(struct ofi *o, struct ofi_dst *dst);
bool ofi_link_dead(const struct ofi_dst *dst);
void ofi_link_close(struct ofi_dst *dst);
void ofi_link_fini(struct ofi *o);

/* tx.c */
/**
 * Room for a frame to @dst in the packet being written; the caller fills f->msg_bytes at
 * *ret_msg. Errors: -DER_NOMEM, -DER_AGAIN (packets used up).
 */
int ofi_tx_frame(struct ofi *o, struct ofi_dst *dst, uint64_t dst_id, const struct ofi_frame *f,
		 const struct ofi_seg *segs, void **ret_msg);
int ofi_tx_word(struct ofi *o, struct ofi_dst *dst, uint64_t dst_id, enum ofi_kind kind,
		uint64_t id);
void ofi_tx_flush(struct ofi *o);
void ofi_tx_done(struct ofi *o, struct ofi_txpkt *p, int rc);
void ofi_tx_drop(struct ofi *o, struct ofi_dst *dst);	/**< forget what is not handed over */
void ofi_tx_abandon(struct ofi *o);	/**< the endpoint is closed: nothing will complete */
void ofi_tx_fini(struct ofi *o);

/* rx.c */
int ofi_rx_init(struct ofi *o);
void ofi_rx_fini(struct ofi *o);
void ofi_rx_post_idle(struct ofi *o);
void ofi_rx_unref(struct ofi *o, struct ofi_rxbuf *rx);
void ofi_rx_done(struct ofi *o, struct ofi_rxbuf *rx, const struct fi_cq_data_entry *e);
void ofi_rx_failed(struct ofi *o, struct ofi_rxbuf *rx, const struct fi_cq_err_entry *e);
void ofi_rx_reclaim(struct ofi *o);
void ofi_in_put(struct ofi *o, struct ofi_in *in);

/* call.c */
uint64_t ofi_call_id(const struct ofi_call *c);
struct ofi_call *ofi_call_find(struct ofi *o, uint64_t call_id);
void ofi_call_reply(struct ofi *o, struct ofi_call *c, struct rt_in *reply);
void ofi_call_bad(struct ofi *o, struct ofi_call *c);
void ofi_call_revoked(struct ofi *o, struct ofi_call *c);
/** Close its registrations and hand it to the next poll. */
void ofi_call_finish(struct ofi *o, struct ofi_call *c, int rc);
void ofi_call_unexpose(struct ofi *o, struct ofi_call *c);
int ofi_call_run_finished(struct ofi *o);
void ofi_call_fini(struct ofi *o);
int ofi_net_call(void *ctx, struct rt_call *call);
void ofi_net_cancel(void *ctx, struct rt_call *call);

/* serve.c */
int ofi_net_reply(void *ctx, struct rt_in *req, const struct buf *msg);
void ofi_net_release(void *ctx, struct rt_in *in);
void ofi_serve_revoke(struct ofi *o, struct ofi_dst *dst, uint64_t src_id, uint64_t call_id);

/* bulk.c */
int ofi_net_bulk(void *ctx, struct rt_bulk *bulk);
void ofi_bulk_pump(struct ofi *o);
int ofi_bulk_run_done(struct ofi *o);
void ofi_bulk_op_done(struct ofi *o, struct ofi_rma *r, int rc);
void ofi_bulk_peer_lost(struct ofi *o, struct ofi_dst *dst);

/* copy.c: shm */
int ofi_copy_ask(struct ofi *o, struct ofi_rma *r, struct rt_bulk *b, uint64_t remote_off,
		 const struct iovec *local);
void ofi_copy_do(struct ofi *o, struct ofi_dst *dst, uint64_t src_id, const struct ofi_frame *f);
void ofi_copy_done(struct ofi *o, struct ofi_dst *dst, const struct ofi_frame *f);
void ofi_bulk_fini(struct ofi *o);

#endif

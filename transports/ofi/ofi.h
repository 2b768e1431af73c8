/**
 * ofi: the network of a stream over libfabric. One endpoint, domain, address vector and completion
 * queue per stream, touched by the stream's own thread only, so there are no locks here.
 *
 * A message is a packet of frames (frame.h). Frames for one peer that are written between two polls
 * travel in one packet. Exposed memory is registered for each call and is out of the peer's reach
 * before the call completes; README.md says how, for each provider. A provider whose way of
 * revoking is not known is refused.
 *
 * Life: ofi_open(), rt_init() with ofi_net_ops and the struct ofi as its context, then the stream's
 * loop polls; at the end ofi_stop(), rt_fini(), ofi_close().
 */
#ifndef GEMEL_TRANSPORTS_OFI_OFI_H
#define GEMEL_TRANSPORTS_OFI_OFI_H

#include "core/rt/rt.h"
#include "transports/loop/loop.h"

struct ofi;

extern const struct rt_net_ops ofi_net_ops;

/** Zero means the default everywhere; strings are copied. */
struct ofi_opts {
	const char *provider;	/**< "tcp;ofi_rxm", "net", "shm", "verbs;ofi_rxm", "cxi"; needed */
	const char *interface;	/**< name of a network interface, as fabric_iface in the YAML */
	const char *domain;	/**< libfabric's domain, where it differs from the interface */
	const char *host;	/**< address to bind to; for shm the endpoint's name */
	uint16_t port;		/**< 0: any */
	const char *auth_key;	/**< hex digits; -DER_NOTSUPPORTED where the provider has no keys */
	int numa_node;		/**< node + 1 where the message buffers shall live; 0: anywhere */
	uint32_t call_max;	/**< calls in flight; beyond it -DER_AGAIN. Default 1024 */
	uint32_t bulk_max;	/**< transfers in flight or queued. Default 1024 */
	uint32_t in_max;	/**< requests held unreleased; beyond it they are dropped. Default 16384 */
	uint32_t peer_max;	/**< addresses remembered. Default 16384 */
	uint32_t rx_buf_bytes;	/**< size of a multi-receive buffer. Default 256 KiB */
	uint32_t rx_buf_count;	/**< their number, at least 2. Default 8 */
	uint32_t tx_pkt_max;	/**< packets being written or sent. Default 512 */
	uint32_t inject_bytes;	/**< packets up to this are injected; capped by the provider */
	uint32_t bulk_chunk_bytes;	/**< longest single read or write. Default 1 MiB */
	uint32_t bulk_window;	/**< reads and writes of one transfer at a time. Default 4 */
	uint32_t rma_max;	/**< reads and writes of the endpoint at a time. Default 64 */
	uint64_t silent_ns;	/**< a peer silent for so long with calls outstanding is asked. 100 ms */
	uint64_t connect_ns;	/**< longest wait for a connection. Default 5 s */
	uint64_t revoke_ns;	/**< longest wait for a peer's word that it let go. Default 100 ms */
	const struct rt_misc_ops *misc;	/**< memory and log; needed */
	void *misc_ctx;
};

/**
 * Open an endpoint for the stream that will live in @rt; @rt itself is first touched by ofi_poll().
 * Errors: -DER_INVAL (options), -DER_NONEXIST (no such provider, interface or domain here),
 * -DER_MISMATCH (another provider answered), -DER_NOTSUPPORTED (a provider that is not known, or
 * without authorisation keys), -DER_BUSY (address in use), -DER_NOMEM, -DER_HG. The reason is logged.
 * Blocks: yes, shortly (opening happens before a stream serves).
 */
int ofi_open(const struct ofi_opts *opts, struct rt *rt, struct ofi **ret_ofi);

/** No call, bulk, peer or received message is left (asserted). Comes before rt_fini(). */
void ofi_stop(struct ofi *o);

/** Comes after rt_fini(), which gives pooled memory back. NULL is accepted. */
void ofi_close(struct ofi *o);

/** The endpoint's address as "ofi+PROVIDER://…"; valid until ofi_close(). */
const char *ofi_uri(const struct ofi *o);

/** The provider that opened. */
const char *ofi_provider(const struct ofi *o);

/** The source that a loop polls; its context is the struct ofi. */
extern const struct loop_src_ops ofi_src_ops;

/* The same by hand. */

/** Send what is queued, read completions, run callbacks. Returns how many it handled. */
int ofi_poll(struct ofi *o);

/** Descriptor to sleep on, or -1: the provider has none. */
int ofi_fd(struct ofi *o);

/** 0: sleeping on ofi_fd() is safe now. -DER_AGAIN: poll first. */
int ofi_arm(struct ofi *o);

struct ofi_stats {
	uint64_t pkts_sent;
	uint64_t pkts_received;
	uint64_t frames_sent;
	uint64_t frames_received;
	uint64_t pkts_bad;	/**< dropped: not a packet, or from nobody */
	uint64_t frames_bad;	/**< dropped: malformed */
	uint64_t frames_stale;	/**< dropped: for a call, an exposure or an incarnation that is gone */
	uint64_t requests_dropped;	/**< no memory, or in_max */
	uint64_t replies_dropped;	/**< their peer was lost */
	uint64_t rx_copies;	/**< messages copied out because buffers ran low */
	uint64_t rx_posts;
	uint64_t send_again;	/**< sends that the provider put off */
	uint64_t pings;
	uint64_t peers_lost;
	uint64_t severed;	/**< connections cut to take exposed memory back */
	uint64_t revokes;	/**< exposures taken back before a reply */
	uint64_t evicted;	/**< addresses forgotten */
	uint64_t rma_ops;
};

void ofi_stats(const struct ofi *o, struct ofi_stats *ret_stats);

#endif

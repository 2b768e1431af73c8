/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Anchors, clocks, and transactions.
 *
 * A transaction collects reads and writes of any objects of one container; they take effect at
 * daos_tx_commit(), all or none, as if nothing else had happened in between. Reads within it see
 * its own writes. On a conflict a call, mostly the commit, gives -DER_TX_RESTART: then
 * daos_tx_restart() and do it all again.
 */
#ifndef DAOS_API_H
#define DAOS_API_H

#include <daos_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Make @anchor the beginning of an enumeration. @opts is 0. Returns 0. */
static inline int daos_anchor_init(daos_anchor_t *anchor, unsigned int opts)
{
	(void)opts;
	memset(anchor, 0, sizeof(*anchor));
	return 0;
}

/** An anchor owns nothing; this only zeroes it. */
static inline void daos_anchor_fini(daos_anchor_t *anchor)
{
	memset(anchor, 0, sizeof(*anchor));
}

static inline bool daos_anchor_is_eof(daos_anchor_t *anchor)
{
	return anchor->da_type == DAOS_ANCHOR_TYPE_EOF;
}

/**
 * Wall-clock time of a hybrid logical clock.
 * Errors: -DER_INVAL (@ts is NULL).  Blocks: no.
 */
int daos_hlc2timespec(uint64_t hlc, struct timespec *ts);
int daos_hlc2timestamp(uint64_t hlc, time_t *ts);

/** Flags of daos_tx_open(). */
enum {
	/** reads only */
	DAOS_TF_RDONLY		= 1 << 0,
	/** do not copy the buffers of updates: they stay in place until the commit has ended */
	DAOS_TF_ZERO_COPY	= 1 << 1,
};

/**
 * Open a transaction in a container. Close it with daos_tx_close().
 * Errors: -DER_NO_HDL, -DER_INVAL, -DER_NOMEM.  Blocks: yes, unless @ev.
 */
int daos_tx_open(daos_handle_t coh, daos_handle_t *th, uint64_t flags, daos_event_t *ev);

/**
 * Open a read-only transaction that sees the container as it was at the snapshot @epoch.
 * Errors: -DER_NO_HDL, -DER_NONEXIST, -DER_NOMEM.  Blocks: yes, unless @ev.
 */
int daos_tx_open_snap(daos_handle_t coh, daos_epoch_t epoch, daos_handle_t *th, daos_event_t *ev);

/**
 * Make the transaction take effect.
 * Errors: -DER_NO_HDL, -DER_ALREADY, -DER_TX_RESTART, -DER_NOSPACE, -DER_TX_UNCERTAIN.
 * Blocks: yes, unless @ev.
 */
int daos_tx_commit(daos_handle_t th, daos_event_t *ev);

/** Drop everything the transaction did.  Errors: -DER_NO_HDL, -DER_NO_PERM (committed). */
int daos_tx_abort(daos_handle_t th, daos_event_t *ev);

/** Begin again after -DER_TX_RESTART.  Errors: -DER_NO_HDL, -DER_NO_PERM (no conflict). */
int daos_tx_restart(daos_handle_t th, daos_event_t *ev);

/** Release the handle; an open transaction is aborted.  Errors: -DER_NO_HDL. */
int daos_tx_close(daos_handle_t th, daos_event_t *ev);

/**
 * Epoch of a transaction.
 * Errors: -DER_NO_HDL, -DER_UNINIT (it has none before its first call or commit).  Blocks: no.
 */
int daos_tx_hdl2epoch(daos_handle_t th, daos_epoch_t *epoch);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_API_H */

/**
 * embed: a whole system inside the process, in a directory: GEMEL_EMBEDDED=<directory>, or "mem" for one
 * that lives in memory only. One rank, some targets, all driven by whoever makes a call.
 *
 * The directory holds lock, sys and target.N, and nothing else: one that holds something else is refused.
 * It is locked: a second process gets -DER_BUSY, with the pid and the name of the first in the words
 * about it, and touches nothing.
 */
#ifndef GEMEL_TRANSPORTS_HOST_EMBED_H
#define GEMEL_TRANSPORTS_HOST_EMBED_H

#include "transports/host/seat.h"
#include "transports/local/local.h"

#define EMBED_SYSTEM "embedded"
#define EMBED_POOL "pool"	/**< label of the pool, unless GEMEL_POOL names another */
#define EMBED_TARGETS 4u
#define EMBED_TARGETS_MAX 64u

struct embed;

struct embed_opts {
	const char *dir;	/**< "mem": in memory */
	const char *pool;	/**< NULL: EMBED_POOL */
	uint32_t targets;	/**< of a system that is made now; 0: EMBED_TARGETS */
};

/**
 * Open the system in @dir, making it first where the directory is new or empty. @err gets what went
 * wrong, in words. Errors: -DER_BUSY (another process has it), -DER_NONEXIST, -DER_NO_PERM, -DER_INVAL (the
 * directory holds something else), those of vos_open().  Blocks: yes.
 */
int embed_open(const struct embed_opts *opts, char *err, size_t err_cap, struct embed **ret_embed);

/** Stops the services; every client stream is closed. NULL is accepted. Blocks: yes. */
void embed_close(struct embed *e);

/** In the child of a fork: the system stays the parent's. Lets go of the lock's descriptor, so that
 * the directory is free when the parent ends. */
void embed_forked(struct embed *e);

struct seat *embed_seat(struct embed *e);
struct local_world *embed_world(struct embed *e);

/** URI of a stream of the system. Errors: -DER_NONEXIST. */
int embed_resolve(struct embed *e, struct rpc_ep ep, char *ret_uri);

#endif

/**
 * sysfile: the small file by which clients and engines find a system: its name and, for every rank,
 * where it listens and how many targets it has.
 *
 *	name: daos_server
 *	ranks:
 *	  - rank: 0
 *	    uri: "ofi+tcp;ofi_rxm://127.0.0.1:31416"
 *	    targets: 2
 *
 * The uri is that of the rank's system stream (tag 0); target i listens tag = i + 1 ports above it
 * (for shm, which has names for addresses, "-TAG" is appended).
 */
#ifndef GEMEL_TRANSPORTS_HOST_SYSFILE_H
#define GEMEL_TRANSPORTS_HOST_SYSFILE_H

#include "core/rpc/rpc.h"

#define SYSFILE_NAME_MAX 127u
#define SYSFILE_RANKS_MAX 65536u
#define SYSFILE_TARGETS_MAX 1024u

struct sysfile_rank {
	uint32_t rank;
	uint32_t targets;
	char *uri;
};

/** Ranks are in ascending order. */
struct sysfile {
	char *name;
	uint32_t nr;
	struct sysfile_rank *ranks;
};

/**
 * Read @path. What is wrong with it is written to @err, of @err_cap bytes, as "FILE:LINE: …" where the
 * line is known. Errors: -DER_NONEXIST (no such file), -DER_NO_PERM, -DER_INVAL, -DER_NOMEM.
 */
int sysfile_load(const char *path, char *err, size_t err_cap, struct sysfile **ret_sys);

/** The same from memory; @name stands for the file in messages. */
int sysfile_parse(const char *name, const void *text, size_t bytes, char *err, size_t err_cap,
		  struct sysfile **ret_sys);
void sysfile_free(struct sysfile *sys);

/** The rank's entry, or NULL. */
const struct sysfile_rank *sysfile_find(const struct sysfile *sys, uint32_t rank);

/** URI of stream @tag behind the rank's uri, in RT_URI_MAX bytes. Errors: -DER_INVAL. */
int sysfile_uri(const char *rank_uri, uint16_t tag, char *ret_uri);

/** Provider, host and port of "ofi+PROVIDER://HOST:PORT". Errors: -DER_INVAL. */
struct sysfile_addr {
	char provider[64];
	char host[64];
	uint16_t port;		/**< 0 for shm */
};
int sysfile_addr(const char *uri, struct sysfile_addr *ret_addr);

/**
 * Have libfabric load only the providers that @sys needs, unless FI_PROVIDER is set: looking at all of
 * them takes most of a client's start, and some install signal handlers. Before the first endpoint.
 */
void sysfile_limit_providers(const struct sysfile *sys);

#endif

/**
 * attach: client streams of a process that talks to engines over libfabric. Each has a loop and a seat
 * of its own, so that threads on different event queues do not wait for each other.
 */
#ifndef GEMEL_TRANSPORTS_HOST_ATTACH_H
#define GEMEL_TRANSPORTS_HOST_ATTACH_H

#include "transports/host/seat.h"
#include "transports/host/sysfile.h"

struct attach_stream;

/** What a client's endpoints are bound to; NULL or 0 for libfabric's choice. */
struct attach_opts {
	const char *interface;
	const char *domain;
	const char *auth_key;
	int numa_node;		/**< node + 1; 0: anywhere */
};

/** Errors: those of ofi_open(), -DER_NOMEM. Blocks: no. */
int attach_stream_open(struct process *p, const struct sysfile *sys, const struct attach_opts *opts,
		       struct attach_stream **ret_stream);
void attach_stream_close(struct attach_stream *s);

struct cl_stream *attach_stream_client(struct attach_stream *s);
struct seat *attach_stream_seat(struct attach_stream *s);

/** A place in a list of the host's. */
struct list *attach_stream_link(struct attach_stream *s);

#endif

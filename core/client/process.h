/**
 * process: the public API's state of one process, and its handles. Process-wide: every table is
 * touched under host->lock, briefly; what handles lead to is counted and, but for the fields that say
 * so, immutable. Nothing in it belongs to a stream, so that a forked child can go on with it on streams
 * of its own.
 */
#ifndef GEMEL_CLIENT_PROCESS_H
#define GEMEL_CLIENT_PROCESS_H

#include "core/client/host.h"
#include "daos_types.h"

/** First member of everything that a handle can lead to. */
struct cl_ref {
	uint32_t refs;		/* under the lock */
	uint32_t type;		/**< DAOS_HTYPE_* */
	void (*free)(struct process *p, struct cl_ref *ref);
};

struct hdl_slot {
	struct cl_ref *ref;	/**< NULL: free */
	uint32_t gen;
	uint32_t next_free;
};

struct process {
	const struct host_ops *host;
	void *host_ctx;
	struct cl_stream *main;	/* under the lock; for calls without an event queue; opened on
				 * first use */
	struct hdl_slot *slots;
	uint32_t slot_count;
	uint32_t first_free;	/**< UINT32_MAX: none */
	uint32_t live;		/**< handles open */
};

void process_init(struct process *p, const struct host_ops *host, void *host_ctx);

/** Drop every handle that the program left open. Streams are closed by the host. */
void process_fini(struct process *p);

/** After fork(), in the child: forget the parent's streams; handles stay. */
void process_forked(struct process *p);

/** event.c: the queue behind @ref lost its stream; it opens another on its next use. */
void eq_forked(struct cl_ref *ref);

/** event.c: the program did not destroy the queue behind @ref, the end of the library does. */
void eq_left_open(struct process *p, struct cl_ref *ref);

/** pool.c, cont.c: what a ULT of the parent was doing for it will not end here. */
void pool_forked(struct cl_ref *ref);
void cont_forked(struct cl_ref *ref);

/** The stream in @slot, which is under the lock; opened now if there is none. Errors: as
 * host->stream_open. Blocks: no. */
int process_stream(struct process *p, struct cl_stream **slot, struct cl_stream **ret_stream);

/** The stream of calls without an event queue. Errors: as host->stream_open. Blocks: no. */
int process_main(struct process *p, struct cl_stream **ret_stream);

static inline void *process_alloc(struct process *p, size_t bytes)
{
	return p->host->alloc(p->host_ctx, bytes);
}

static inline void process_free(struct process *p, void *ptr)
{
	if (ptr != NULL)
		p->host->free(p->host_ctx, ptr);
}

static inline void process_lock(struct process *p)
{
	p->host->lock(p->host_ctx);
}

static inline void process_unlock(struct process *p)
{
	p->host->unlock(p->host_ctx);
}

/** A new handle that owns one reference of @ref (on success). Errors: -DER_NOMEM. */
int hdl_insert(struct process *p, struct cl_ref *ref, daos_handle_t *ret_h);

/** What @h leads to, with a reference more: cl_put(). NULL: no such handle of that type. */
void *hdl_get(struct process *p, daos_handle_t h, uint32_t type);

/** End handle @h and return what it owned (its reference is now the caller's); NULL: no such. */
void *hdl_remove(struct process *p, daos_handle_t h, uint32_t type);

void cl_ref_init(struct cl_ref *ref, uint32_t type,
		 void (*free_fn)(struct process *p, struct cl_ref *ref));
void cl_get(struct process *p, struct cl_ref *ref);

/** NULL is accepted. Frees with the last reference. */
void cl_put(struct process *p, struct cl_ref *ref);

#endif

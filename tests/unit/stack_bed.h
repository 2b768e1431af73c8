/**
 * A bed for tests of the whole stack: a system of some ranks in one process, on the local backend with
 * the virtual clock and seeded entropy; a process of the public API with a client stream, whose host
 * is this file. Everything runs on one thread, the same way each time.
 *
 * Scripts run on a ULT of the client's main stream, where cmocka's asserts cannot jump from: CHECK()
 * stops the program.
 */
#ifndef GEMEL_TESTS_UNIT_STACK_BED_H
#define GEMEL_TESTS_UNIT_STACK_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/client/client_int.h"
#include "core/node/node.h"
#include "daos.h"
#include "transports/local/local.h"
#include "transports/wrap/fault.h"
#include "transports/wrap/trace.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);   \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_RC(call, want)                                                                       \
	do {                                                                                       \
		int rc_ = (call);                                                                  \
		if (rc_ != (want)) {                                                               \
			fprintf(stderr, "%s:%d: %s: %s (%d), expected %s\n", __FILE__, __LINE__,   \
				#call, err_name(rc_), rc_, err_name(want));                        \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		unsigned long long a_ = (unsigned long long)(a);                                   \
		unsigned long long b_ = (unsigned long long)(b);                                   \
		if (a_ != b_) {                                                                    \
			fprintf(stderr, "%s:%d: %s is %llu, %s is %llu\n", __FILE__, __LINE__, #a, \
				a_, #b, b_);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define BED_SERVERS_MAX 80u
#define BED_CLIENTS_MAX 16u
#define BED_WINDOWS_MAX 16u
#define BED_POOL "pool"
#define BED_SYSTEM "bed"
#define BED_S 1000000000ull

enum bed_flags {
	BED_DEVS = 1,	/**< stores on memory devices, which outlive a crash; else in memory */
	BED_PAINT = 2,	/**< stacks are painted */
	BED_FAULTS = 4,	/**< streams have a fault interposer, which at first lets all pass */
	BED_TRACE = 8,	/**< what all streams do, in order, goes into one digest */
};

struct bed_opts {
	uint32_t ranks;		/**< 0: 1 */
	uint32_t targets;	/**< of each rank; 0: 4 */
	uint32_t flags;
	uint64_t seed;
};

/* One stream of an engine. */
struct bed_server {
	struct bed *bed;
	struct node_opts node;
	uint32_t rank;
	uint32_t tag;
	struct local_stream *ls;
	struct rt *rt;
	struct rt_dev *dev;
	struct node_sys *sys;
	struct node_tgt *tgt;
	struct wrap_fault *fault;	/* with BED_FAULTS */
	struct wrap_trace *trace;	/* with BED_TRACE */
	bool format;
	int rc;
};

/* A stream of the process. */
struct bed_client {
	struct cl_stream client;	/* first */
	struct local_stream *ls;
	struct wrap_fault *fault;
	struct wrap_trace *trace;
	bool open;
};

/* Application memory that stands for phantoms: what is sent from it, and what came into it. */
struct bed_window {
	char *ptr;
	uint64_t bytes;
	uint64_t gen;		/* position i of the window is position i of the generator */
	struct bsink sink;
	struct bseg runs[256];
};

struct bed {
	struct bed_opts opts;
	struct local_world *world;
	struct bed_server servers[BED_SERVERS_MAX];
	uint32_t server_count;
	uint32_t rank_ids[BED_SERVERS_MAX];
	uint32_t target_counts[BED_SERVERS_MAX];
	struct process proc;
	struct arena proc_mem;
	bool locked;
	struct bed_client clients[BED_CLIENTS_MAX];
	uint32_t client_count;
	struct bed_window windows[BED_WINDOWS_MAX];
	uint32_t window_count;
	const char *crt_timeout;	/* of the environment */
	struct trace_log log;		/* with BED_TRACE */
	void (*script)(struct bed *b);
	bool finished;
	/* What most scripts need, made by bed_connect(). */
	daos_handle_t poh;
	daos_handle_t coh;
	/* Deepest use of a stack by ULTs of a name; servers and clients. */
	struct {
		const char *name;
		uint32_t bytes;
	} stacks[64];
	uint32_t stack_names;
};

struct bed *bed_new(const struct bed_opts *opts);

/** Everything is closed, and nobody leaked. */
void bed_end(struct bed *b);

/** Run @fn on a ULT of the main client stream until it returns. */
void bed_run(struct bed *b, void (*fn)(struct bed *b));

/** The same, in a system of its own: 1 rank of 4 targets in memory. */
void bed_once(void (*fn)(struct bed *b));

/** The process's main stream. */
struct cl_stream *bed_main(struct bed *b);

/** Close the main stream; the next use opens another. Not from a ULT. */
void bed_reopen_main(struct bed *b);

/** Connect to the pool, make the container "cont" and open it; and the reverse. On a ULT. */
void bed_connect(struct bed *b);
void bed_disconnect(struct bed *b);

struct bed_server *bed_server(struct bed *b, uint32_t rank, uint32_t tag);

/** Start one stream of an engine; not from a ULT. */
void bed_server_start(struct bed_server *v, bool format);
void bed_server_stop(struct bed_server *v);

/** Crash: memory is dropped, the device stays. Not from a ULT. */
void bed_server_kill(struct bed_server *v);

/** Let time pass until nothing is left to do. */
void bed_settle(struct bed *b);

/** What a sweep sets to fail: memory of a stream. */
static inline struct arena *bed_arena(struct local_stream *ls)
{
	return &local_stream_misc(ls)->arena;
}

/** Stand [ptr, ptr + bytes) for phantoms of @gen. */
struct bed_window *bed_window(struct bed *b, void *ptr, uint64_t bytes, uint64_t gen);

/* ---- small helpers for scripts -------------------------------------------------------------- */

/** Open object number @n of @type and class. */
daos_handle_t bed_obj(struct bed *b, uint64_t n, enum daos_otype_t type, daos_oclass_id_t cid);

/** A single value; 0 bytes punches it. */
int bed_put(daos_handle_t oh, const char *dkey, const char *akey, const void *v, size_t bytes,
	    uint64_t flags);

/** Returns the result; *ret_bytes is iod_size. */
int bed_get(daos_handle_t oh, const char *dkey, const char *akey, void *v, size_t cap,
	    uint64_t flags, size_t *ret_bytes);

/** Records [idx, idx + nr) of @rec bytes. */
int bed_write(daos_handle_t oh, const char *dkey, const char *akey, uint64_t rec, uint64_t idx,
	      uint64_t nr, const void *v);
int bed_read(daos_handle_t oh, const char *dkey, const char *akey, uint64_t rec, uint64_t idx,
	     uint64_t nr, void *v);

static inline void bed_key(daos_key_t *key, const char *str)
{
	d_iov_set(key, (void *)(uintptr_t)str, strlen(str));
}

#endif

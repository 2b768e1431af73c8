/**
 * trace: an interposer that logs what a stream asks of its network and its devices, and when that
 * completes: calls, replies, cancels, bulk, io, with time, stream and sizes. Every event is mixed
 * into a 64-bit digest, so that two runs are compared by one number, and may be printed as a line.
 *
 * Several streams of one driver may share a log; then the digest covers their order too. Works over
 * any backend, through the operation tables only. Attach it before the stream opens peers or
 * devices.
 */
#ifndef GEMEL_TRANSPORTS_WRAP_TRACE_H
#define GEMEL_TRANSPORTS_WRAP_TRACE_H

#include "core/rt/rt.h"

struct wrap_trace;

#define TRACE_LINE_BYTES 256

/** What several streams of one driver write into; a plain value. */
struct trace_log {
	uint64_t digest;
	uint64_t events;
	void (*line)(void *arg, const char *line);	/**< NULL: digest only. No newline. */
	void *line_arg;
};

enum trace_flags {
	TRACE_CONTENT = 1,	/**< the content of messages and of written payload counts */
	TRACE_NO_TIME = 2,	/**< times do not count: for comparing order and sizes only */
};

/** @log outlives the stream. Owns: memory of the stream. Errors: -DER_NOMEM. Blocks: no. */
int wrap_trace_attach(struct rt *rt, struct trace_log *log, uint32_t flags,
		      struct wrap_trace **ret_trace);

/** Take it off; it is the outermost interposer, nothing is outstanding, every peer and device that
 * was opened through it is closed. A stream that is killed takes its interposers along. */
void wrap_trace_detach(struct wrap_trace *t);

#endif

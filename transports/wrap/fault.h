/**
 * fault: an interposer that makes a stream's network and devices misbehave by a seeded plan:
 * messages lost, late, or repeated late; peers that die or fall silent; io that fails or is slow;
 * payload whose content is damaged. What it does stays within the contracts of rt.h, so whatever
 * breaks above it is a bug above it.
 *
 * Each kind of fault draws from a random stream of its own: turning one on or off does not change
 * when the others strike. Works over any backend, through the operation tables only. Attach it
 * before the stream opens peers or devices.
 *
 * It acts on what its own stream sends and receives as an answer: losing a request is the client's
 * interposer, losing a reply that of the server.
 */
#ifndef GEMEL_TRANSPORTS_WRAP_FAULT_H
#define GEMEL_TRANSPORTS_WRAP_FAULT_H

#include "core/rt/rt.h"

struct wrap_fault;

enum fault_kind {
	FAULT_DROP_REQUEST = 0,
	FAULT_DROP_REPLY,
	FAULT_DELAY_REQUEST,
	FAULT_DELAY_REPLY,
	/** Sent again after a delay, without the memory of the first: bulk against it fails. */
	FAULT_REPEAT_REQUEST,
	FAULT_KILL_PEER,	/**< at a call: its peer is dead from then on, for this stream */
	FAULT_CORRUPT_REQUEST,	/**< behind the first segment of the message */
	FAULT_CORRUPT_REPLY,	/**< likewise */
	FAULT_CORRUPT_GET,
	FAULT_CORRUPT_PUT,
	FAULT_FAIL_READ,
	FAULT_FAIL_WRITE,	/**< by the toss of a coin, the device has it or not */
	FAULT_FAIL_FLUSH,
	FAULT_DELAY_IO,
	FAULT_CORRUPT_READ,
	FAULT_CORRUPT_WRITE,
	FAULT_KINDS
};

struct fault_rule {
	uint32_t ppm;		/**< chance per occasion, in millionths */
	uint64_t nth;		/**< 0, or strike at this occasion, counted from 1, for certain */
};

struct fault_plan {
	uint64_t seed;
	struct fault_rule rules[FAULT_KINDS];
	uint64_t delay_min_ns;
	uint64_t delay_max_ns;	/**< at least delay_min_ns */
};

enum fault_peer {
	FAULT_PEER_UP = 0,
	FAULT_PEER_DEAD,	/**< calls fail with -DER_UNREACH, outstanding ones too */
	FAULT_PEER_SILENT,	/**< requests and replies vanish */
};

/** Owns: memory of the stream. Errors: -DER_NOMEM. Blocks: no. */
int wrap_fault_attach(struct rt *rt, const struct fault_plan *plan, struct wrap_fault **ret_fault);

/** Nothing is outstanding, delayed or to be repeated. */
bool wrap_fault_idle(const struct wrap_fault *f);

/** As wrap_trace_detach(). Repeats and late replies that are still to come are dropped. */
void wrap_fault_detach(struct wrap_fault *f);

/** Change one rule. */
void wrap_fault_rule(struct wrap_fault *f, enum fault_kind kind, struct fault_rule rule);

/** End all rules and revive all peers; what is delayed still comes. */
void wrap_fault_heal(struct wrap_fault *f);

/** Set what becomes of @uri, open or not. Errors: -DER_NOMEM. Blocks: no. */
int wrap_fault_peer(struct wrap_fault *f, const char *uri, enum fault_peer state);

/** How often @kind has struck. */
uint64_t wrap_fault_count(const struct wrap_fault *f, enum fault_kind kind);

#endif

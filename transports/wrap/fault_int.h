/** fault, inside: state shared by the plan, the network half and the device half. */
#ifndef GEMEL_TRANSPORTS_WRAP_FAULT_INT_H
#define GEMEL_TRANSPORTS_WRAP_FAULT_INT_H

#include "transports/wrap/fault.h"
#include "transports/wrap/wrap_int.h"

/** What became of one address; kept by name, because peers come and go. */
struct fault_addr {
	struct list link;
	enum fault_peer state;
	char uri[RT_URI_MAX];
};

struct wrap_fault {
	struct rt *rt;
	struct rt_ops inner;
	struct fault_plan plan;
	struct prng draws[FAULT_KINDS];
	uint64_t occasions[FAULT_KINDS];
	uint64_t struck[FAULT_KINDS];
	struct prng details;	/* delays, offsets, coins */
	struct list addrs;
	struct list calls;	/* fault_call.link: between submit and done() */
	struct list repeats;	/* fault_repeat.link */
	struct list replies;	/* fault_reply.link: delayed */
	uint32_t outstanding;	/* bulks and io */
};

extern const struct rt_net_ops fault_net_ops;
extern const struct rt_blk_ops fault_blk_ops;

/** One occasion for @kind: does it strike? */
bool fault_strikes(struct wrap_fault *f, enum fault_kind kind);

/** A time from the plan's range of delays, from now. */
uint64_t fault_later_ns(struct wrap_fault *f);

struct fault_addr *fault_addr_find(struct wrap_fault *f, const char *uri);

/** State of @uri has changed to worse: deal with what is outstanding. */
void fault_net_peer_changed(struct wrap_fault *f, const struct fault_addr *a);

/** Drop repeats and delayed replies; nothing else is outstanding (asserted). */
void fault_net_fini(struct wrap_fault *f);

#endif

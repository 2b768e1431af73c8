/**
 * What every network backend must do, as tests that run over any of them: a backend's own test
 * supplies a factory of two connected streams and calls net_conformance_run().
 *
 * A case is a script on a ULT of stream A that commands a small server on stream B. A failing check
 * stops the process with its file and line (an assertion: scripts run on ULTs, from which a test
 * framework cannot jump away).
 */
#ifndef GEMEL_TESTS_LIB_NET_CONFORMANCE_H
#define GEMEL_TESTS_LIB_NET_CONFORMANCE_H

#include "core/rt/rt.h"

enum net_conf_flags {
	NET_CONF_PHANTOMS = 1,	/**< messages and bulk may carry phantoms */
	NET_CONF_SELF = 2,	/**< a stream can call itself */
	NET_CONF_EXACT_RC = 4,	/**< bulk against a revoked exposure gives exactly -DER_CANCELED */
};

/** Two connected streams, filled in by the factory's open(). */
struct net_conf {
	struct rt *a;
	struct rt *b;
	const char *uri_a;
	const char *uri_b;
	const char *uri_nobody;	/**< well-formed, nobody listens; NULL: skip */
	void *ctx;		/**< the factory's */
};

struct net_conf_factory {
	uint32_t flags;		/**< enum net_conf_flags */
	void *arg;
	/** Make the pair. Streams serve from here on. */
	void (*open)(void *arg, struct net_conf *ret_conf);
	/** Run @fn(@rt, @arg) in scheduler context of the stream. */
	void (*post)(struct net_conf *c, struct rt *rt, void (*fn)(struct rt *rt, void *arg),
		     void *arg);
	/** Drive both streams until @pred(@arg); false when it does not come true. */
	bool (*drive)(struct net_conf *c, bool (*pred)(void *arg), void *arg);
	/** State that @pred looks at has changed, from any stream; NULL when drive() just asks. */
	void (*notify)(struct net_conf *c);
	/** Crash stream B; NULL: skip the cases that need it. */
	void (*kill_b)(struct net_conf *c);
	/** Take the pair down in order. Non-zero: something was never released. */
	int (*close)(struct net_conf *c);
};

/** Run all cases. Prints the name of each to standard error. */
void net_conformance_run(const struct net_conf_factory *f);

#endif

/**
 * What every block backend must do, as tests that run over any of them; see net_conformance.h. The
 * factory gives one stream and the name of a device that does not exist yet.
 */
#ifndef GEMEL_TESTS_LIB_BLK_CONFORMANCE_H
#define GEMEL_TESTS_LIB_BLK_CONFORMANCE_H

#include "core/rt/rt.h"

enum blk_conf_flags {
	BLK_CONF_EXISTS = 1,	/**< the device is there before: no creation, content unknown */
	BLK_CONF_RUNS = 2,	/**< phantom runs written are read back into a sink as such */
};

struct blk_conf {
	struct rt *rt;
	const char *name;
	uint64_t bytes;		/**< at least 4 MiB, multiple of 1 MiB */
	void *ctx;
};

struct blk_conf_factory {
	uint32_t flags;		/**< enum blk_conf_flags */
	void *arg;
	void (*open)(void *arg, struct blk_conf *ret_conf);
	/** Run @fn(@rt, @arg) in scheduler context of the stream. */
	void (*post)(struct blk_conf *c, void (*fn)(struct rt *rt, void *arg), void *arg);
	/** Drive the stream until @pred(@arg); false when it does not come true. */
	bool (*drive)(struct blk_conf *c, bool (*pred)(void *arg), void *arg);
	void (*notify)(struct blk_conf *c);	/**< as in net_conformance.h */
	/** Take the stream down; remove the device. Non-zero: something was never released. */
	int (*close)(struct blk_conf *c);
};

void blk_conformance_run(const struct blk_conf_factory *f);

#endif

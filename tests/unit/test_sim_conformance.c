/* The simulated network and drives against the suites that every backend passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/blk_conformance.h"
#include "tests/lib/net_conformance.h"
#include "tests/lib/sim_world.h"

#define MINUTE_NS 60000000000ull

/* Two streams, on nodes of their own or on one; and the arguments of the factory. */
struct pair {
	bool one_node;
	const char *profile;	/* NULL: tests/lib/sim_world.h */
	struct sw w;
	struct sim_stream *a;
	struct sim_stream *b;
	char uri_a[RT_URI_MAX];
	char uri_b[RT_URI_MAX];
};

static void pair_open(void *arg, struct net_conf *ret_conf)
{
	struct pair *p = arg;
	uint32_t node_b = p->one_node ? 4 : 1;

	p->w = sw_open(p->profile, 7);
	p->a = sw_stream(&p->w, 4, 0);
	p->b = sw_stream(&p->w, node_b, 3);
	sim_uri(4, 0, p->uri_a);
	sim_uri(node_b, 3, p->uri_b);
	*ret_conf = (struct net_conf){
		.a = sim_stream_rt(p->a),
		.b = sim_stream_rt(p->b),
		.uri_a = p->uri_a,
		.uri_b = p->uri_b,
		.uri_nobody = "sim:2/9",
		.ctx = p,
	};
}

static void pair_post(struct net_conf *c, struct rt *rt, void (*fn)(struct rt *, void *), void *arg)
{
	struct pair *p = c->ctx;

	assert_int_equal(sim_post(rt == c->a ? p->a : p->b, fn, arg), 0);
}

/* Until the condition holds; at most a minute of simulated time, and not when nothing happens. */
static bool drive(struct sim *sim, bool (*pred)(void *arg), void *arg)
{
	uint64_t end = sim_now_ns(sim) + MINUTE_NS;

	while (!pred(arg)) {
		if (sim_now_ns(sim) >= end || sim_run(sim, sim_now_ns(sim) + 1000) == SIM_END_IDLE)
			return pred(arg);
	}
	return true;
}

static bool pair_drive(struct net_conf *c, bool (*pred)(void *arg), void *arg)
{
	return drive(((struct pair *)c->ctx)->w.sim, pred, arg);
}

static void pair_kill_b(struct net_conf *c)
{
	struct pair *p = c->ctx;

	sim_node_crash(p->w.sim, 1);
	p->b = NULL;
}

static int pair_close(struct net_conf *c)
{
	struct pair *p = c->ctx;
	int leaked = 0;

	(void)sim_run(p->w.sim, sim_now_ns(p->w.sim) + MINUTE_NS);
	sim_stream_destroy(p->a);
	if (p->b != NULL)
		sim_stream_destroy(p->b);
	for (uint32_t i = 0; i < p->w.profile->node_count; i++)
		leaked |= sim_node_bytes(p->w.sim, i) != 0;
	sw_close(&p->w);
	return leaked;
}

static void network(bool one_node, const char *profile)
{
	struct pair p = { .one_node = one_node, .profile = profile };
	struct net_conf_factory f = {
		.flags = NET_CONF_PHANTOMS | NET_CONF_SELF | NET_CONF_EXACT_RC,
		.arg = &p,
		.open = pair_open,
		.post = pair_post,
		.drive = pair_drive,
		.kill_b = one_node ? NULL : pair_kill_b,
		.close = pair_close,
	};

	net_conformance_run(&f);
}

static void test_network(void **state)
{
	(void)state;
	network(false, NULL);
}

static void test_network_one_node(void **state)
{
	(void)state;
	network(true, NULL);
}

/* Each turn takes time: streams are busy when things arrive. */
static void test_network_busy(void **state)
{
	char text[sizeof(sw_profile_text) + 16];
	const char *turn = strstr(sw_profile_text, "turn: 0 ns");

	(void)state;
	assert_non_null(turn);
	(void)snprintf(text, sizeof(text), "%.*sturn: 7 us%s", (int)(turn - sw_profile_text),
		       sw_profile_text, turn + strlen("turn: 0 ns"));
	network(false, text);
	network(true, text);
}

/* ---- drives ------------------------------------------------------------------------------- */

static void disk_open(void *arg, struct blk_conf *ret_conf)
{
	struct pair *p = arg;

	p->w = sw_open(NULL, 7);
	p->a = sw_stream(&p->w, 0, 0);
	*ret_conf = (struct blk_conf){
		.rt = sim_stream_rt(p->a),
		.name = "ssd1/part",
		.bytes = 8u << 20,
		.ctx = p,
	};
}

static void disk_post(struct blk_conf *c, void (*fn)(struct rt *, void *), void *arg)
{
	assert_int_equal(sim_post(((struct pair *)c->ctx)->a, fn, arg), 0);
}

static bool disk_drive(struct blk_conf *c, bool (*pred)(void *arg), void *arg)
{
	return drive(((struct pair *)c->ctx)->w.sim, pred, arg);
}

static int disk_close(struct blk_conf *c)
{
	struct pair *p = c->ctx;
	int leaked;

	sim_stream_destroy(p->a);
	leaked = sim_node_bytes(p->w.sim, 0) != 0;
	sw_close(&p->w);
	return leaked;
}

static void test_drives(void **state)
{
	struct pair p = { .one_node = false };
	const struct blk_conf_factory f = {
		.flags = BLK_CONF_RUNS,
		.arg = &p,
		.open = disk_open,
		.post = disk_post,
		.drive = disk_drive,
		.close = disk_close,
	};

	(void)state;
	blk_conformance_run(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_network_one_node),
		cmocka_unit_test(test_network_busy),
		cmocka_unit_test(test_drives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

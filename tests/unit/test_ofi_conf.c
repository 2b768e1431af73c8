/* ofi on a real loop against the suite that every network backend passes, for each provider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/net_conformance.h"
#include "transports/loop/os.h"
#include "transports/ofi/ofi.h"

struct side {
	struct rt rt;
	struct os_misc misc;
	struct ult_stacks *stacks;
	struct ofi *ofi;
	struct rt_ops ops;
	struct loop_stream stream;
	struct loop_src src;
};

struct pair {
	struct loop loop;
	struct side a;
	struct side b;
};

struct how {
	const char *provider;
	enum loop_mode mode;
};

static void side_open(struct pair *p, struct side *s, const struct how *how, uint64_t id)
{
	struct ofi_opts o = { .provider = how->provider,
			      .misc = &os_misc_ops,
			      .misc_ctx = &s->misc };
	struct rt_opts r = { .id = id };

	os_misc_init(&s->misc, NULL);
	if (strcmp(how->provider, "shm") != 0)
		o.host = "127.0.0.1";
	assert_int_equal(ofi_open(&o, &s->rt, &s->ofi), 0);
	s->ops = (struct rt_ops){
		.time = &os_time_ops,
		.net = &ofi_net_ops,
		.misc = &os_misc_ops,
		.net_ctx = s->ofi,
		.misc_ctx = &s->misc,
	};
	s->stacks = ult_stacks_create(256 << 10);
	assert_non_null(s->stacks);
	r.stacks = s->stacks;
	rt_init(&s->rt, &s->ops, &r);
	loop_stream_add(&p->loop, &s->stream, &s->rt);
	s->src = (struct loop_src){ .ops = &ofi_src_ops, .ctx = s->ofi };
	assert_int_equal(loop_src_add(&s->stream, &s->src, LOOP_SRC_NET), 0);
}

static uint64_t side_close(struct side *s)
{
	loop_src_del(&s->src);
	loop_stream_del(&s->stream);
	ofi_stop(s->ofi);
	rt_fini(&s->rt);
	ofi_close(s->ofi);
	ult_stacks_destroy(s->stacks);
	return os_misc_fini(&s->misc);
}

static void pair_open(void *arg, struct net_conf *ret_conf)
{
	const struct how *how = arg;
	struct loop_opts lo = { .mode = how->mode };
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	assert_int_equal(loop_init(&p->loop, &lo), 0);
	side_open(p, &p->a, how, 1);
	side_open(p, &p->b, how, 2);
	*ret_conf = (struct net_conf){
		.a = &p->a.rt,
		.b = &p->b.rt,
		.uri_a = ofi_uri(p->a.ofi),
		.uri_b = ofi_uri(p->b.ofi),
		.uri_nobody = strcmp(how->provider, "shm") == 0 ? "ofi+shm://gemel-nobody" :
			      strcmp(how->provider, "net") == 0 ? "ofi+net://127.0.0.1:1" :
								  "ofi+tcp;ofi_rxm://127.0.0.1:1",
		.ctx = p,
	};
}

static void pair_post(struct net_conf *c, struct rt *rt, void (*fn)(struct rt *rt, void *arg),
		      void *arg)
{
	(void)c;
	fn(rt, arg);	/* one thread, outside of ULTs: scheduler context */
}

static bool pair_drive(struct net_conf *c, bool (*pred)(void *arg), void *arg)
{
	struct pair *p = c->ctx;

	return loop_run_until(&p->loop, pred, arg, os_mono_ns() + 60000000000ull) == 0;
}

static int pair_close(struct net_conf *c)
{
	struct pair *p = c->ctx;
	uint64_t left = side_close(&p->a) + side_close(&p->b);

	loop_close(&p->loop);
	loop_fini(&p->loop);
	free(p);
	return left == 0 ? 0 : -DER_BUSY;
}

static void test_conformance(void **state)
{
	/* A stream that is killed without its process is no case here: tests/net kills processes. */
	struct net_conf_factory f = {
		.flags = NET_CONF_SELF | NET_CONF_EXACT_RC,
		.arg = *state,
		.open = pair_open,
		.post = pair_post,
		.drive = pair_drive,
		.close = pair_close,
	};

	net_conformance_run(&f);
}

int main(void)
{
	static struct how hows[] = {
		{ "tcp;ofi_rxm", LOOP_MODE_SPIN }, { "net", LOOP_MODE_SPIN },
		{ "shm", LOOP_MODE_SPIN },	   { "tcp;ofi_rxm", LOOP_MODE_BLOCK },
		{ "net", LOOP_MODE_BLOCK },	   { "shm", LOOP_MODE_BLOCK },
	};
	const struct CMUnitTest tests[] = {
		{ "tcp", test_conformance, NULL, NULL, &hows[0] },
		{ "net", test_conformance, NULL, NULL, &hows[1] },
		{ "shm", test_conformance, NULL, NULL, &hows[2] },
		{ "tcp block", test_conformance, NULL, NULL, &hows[3] },
		{ "net block", test_conformance, NULL, NULL, &hows[4] },
		{ "shm block", test_conformance, NULL, NULL, &hows[5] },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Calls in ULTs through core/rpc, against the bare seam underneath: what deadlines, credits, ids
 * and decoding cost. Over local, both streams in one loop on one thread: no wake-ups, no kernel,
 * so a rate here is the CPU time of both sides together.
 */
#include "core/rpc/rpc.h"
#include "tests/bench/bench.h"
#include "transports/local/local.h"

#include <stdlib.h>

#define DEPTH 16u

struct side {
	struct local_stream *ls;
	struct rt *rt;
	struct rpc *rpc;
};

struct bed {
	struct local_world *world;
	struct side server, client;
	uint32_t depth;		/* callers */
	bool update;		/* 64 B updates instead of empty pings */
	uint64_t until_ns;
	uint64_t ops;
	uint64_t applied;
	uint32_t running;
	int rc;
	/* The bare seam's. */
	struct rt_peer *peer;
	uint8_t msg[WIRE_HEAD_BYTES + 12];
};

static int on_update(struct rpc_req *req)
{
	struct wire_obj_update_rep *rep = rpc_req_rep(req);
	struct bed *bed = rpc_arg(req->rpc);

	if (req->payload.bytes != 64)
		return -DER_INVAL;
	bed->applied++;
	rep->epoch = 1;
	return 0;
}

static int on_ping(struct rpc_req *req)
{
	((struct bed *)rpc_arg(req->rpc))->applied++;
	return rpc_ping_handler(req);
}

static const struct rpc_handler handlers[] = {
	{ .op = WIRE_PING, .fn = on_ping },	/* on a ULT, as everything that may block */
	{ .op = WIRE_OBJ_UPDATE, .fn = on_update },
};

static int resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	(void)arg;
	(void)ep;
	memcpy(ret_uri, "local:0/0", sizeof("local:0/0"));
	return 0;
}

/* Before each call a look at the clock, every 64th time. */
static bool go_on(struct bed *bed)
{
	return bed->rc == 0 && ((bed->ops & 63) != 0 || bench_now_ns() < bed->until_ns);
}

static void ping_caller(void *arg)
{
	struct bed *bed = arg;
	struct wire_ping_req req = { .cookie = 5 };
	struct wire_ping_rep rep = { 0 };

	while (go_on(bed)) {
		struct rpc_call c = { .op = WIRE_PING, .req = &req, .rep = &rep };
		int rc = rpc_call(bed->client.rpc, &c);

		if (rc != 0 || rep.cookie != req.cookie)
			bed->rc = -1;
		rpc_call_fini(bed->client.rpc, &c);
		bed->ops++;
	}
	bed->running--;
}

static void update_caller(void *arg)
{
	struct bed *bed = arg;
	struct recx rx = { 0, 64 };
	struct wire_iod iod = { .name = wire_str("data"), .type = 2, .size = 1, .bytes = 64,
				.recxs = { &rx, 1 } };
	struct wire_obj_update_req req = { .dkey = wire_str("01234567"), .iods = { &iod, 1 } };
	struct wire_obj_update_rep rep;
	uint8_t data[64] = { 1 };
	struct bseg seg;

	while (go_on(bed)) {
		struct rpc_call c = { .op = WIRE_OBJ_UPDATE, .req = &req, .rep = &rep };

		c.payload = buf_from_bytes(&seg, data, sizeof(data));
		if (rpc_call(bed->client.rpc, &c) != 0 || rep.epoch != 1)
			bed->rc = -1;
		rpc_call_fini(bed->client.rpc, &c);
		bed->ops++;
	}
	bed->running--;
}

/* ---- the bare seam: the same bytes, answered as they came ---- */

struct bare_call {
	struct rt_call call;	/* first */
	struct bed *bed;
	struct bseg seg;
};

static void bare_request(struct rt *rt, struct rt_in *in)
{
	((struct bed *)rt->user)->applied++;
	(void)rt_reply(rt, in, &in->msg);
	rt_release(rt, in);
}

static void bare_send(struct bare_call *b);

static void bare_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct bare_call *b = (struct bare_call *)(void *)call;
	struct bed *bed = b->bed;

	if (rc != 0 || reply->msg.bytes != sizeof(bed->msg))
		bed->rc = -1;
	if (reply != NULL)
		rt_release(bed->client.rt, reply);
	bed->ops++;
	bare_send(b);
}

static void bare_send(struct bare_call *b)
{
	struct bed *bed = b->bed;

	if (!go_on(bed)) {
		bed->running--;
		return;
	}
	b->call = (struct rt_call){ .peer = bed->peer, .done = bare_done };
	b->call.msg = buf_from_bytes(&b->seg, bed->msg, sizeof(bed->msg));
	if (rt_call(bed->client.rt, &b->call) != 0) {
		bed->rc = -1;
		bed->running--;
	}
}

/* ---- rounds ---- */

static int side_open(struct bed *bed, struct side *s, const char *name, bool with_rpc)
{
	struct rpc_opts opts = { .handlers = handlers, .handlers_nr = ARRAY_COUNT(handlers),
				 .resolve = resolve, .arg = bed };

	if (local_stream_create(bed->world, name, &s->ls) != 0)
		return -1;
	s->rt = local_stream_rt(s->ls);
	if (with_rpc)
		return rpc_create(s->rt, &opts, &s->rpc);
	s->rt->user = bed;
	s->rt->on_request = bare_request;
	return 0;
}

static void side_close(struct side *s)
{
	rpc_destroy(s->rpc);
	if (s->ls != NULL)
		(void)local_stream_close(s->ls);
}

static bool nobody_runs(void *arg)
{
	return ((struct bed *)arg)->running == 0;
}

static int start(struct bed *bed, bool bare)
{
	static struct bare_call calls[DEPTH];
	uint32_t i;

	bed->running = bed->depth;
	for (i = 0; i < bed->depth; i++) {
		if (bare) {
			calls[i] = (struct bare_call){ .bed = bed };
			bare_send(&calls[i]);
		} else if (rt_spawn(bed->client.rt, bed->update ? update_caller : ping_caller, bed,
				    NULL) != 0) {
			return -1;
		}
	}
	return 0;
}

static int measure(uint32_t depth, bool update, bool bare, bool rate,
		   struct bench_result *ret_result)
{
	struct bed bed = { .depth = depth, .update = update };
	uint64_t begin, ns = 1, cpu = 0;
	int pass, rc = 0;

	if (local_world_create(NULL, &bed.world) != 0 ||
	    side_open(&bed, &bed.server, "0/0", !bare) != 0 ||
	    side_open(&bed, &bed.client, "1/0", !bare) != 0 ||
	    (bare && rt_peer_open(bed.client.rt, "local:0/0", &bed.peer) != 0)) {
		(void)fprintf(stderr, "cannot open two streams\n");
		return -1;
	}
	for (pass = 0; pass < 2 && rc == 0; pass++) {	/* the first one warms up */
		bed.ops = bed.applied = 0;
		begin = bench_now_ns();
		cpu = bench_cpu_ns();
		bed.until_ns = begin + (pass == 0 ? BENCH_ROUND_NS / 10 : BENCH_ROUND_NS);
		rc = start(&bed, bare);
		if (rc == 0)
			rc = local_world_run_until(bed.world, nobody_runs, &bed, RT_NEVER);
		ns = bench_now_ns() - begin;
		cpu = bench_cpu_ns() - cpu;
	}
	if (rc != 0 || bed.rc != 0 || bed.applied != bed.ops || bed.ops == 0) {
		(void)fprintf(stderr, "%llu calls, %llu served, rc %d\n",
			      (unsigned long long)bed.ops, (unsigned long long)bed.applied, bed.rc);
		rc = -1;
	}
	if (bare)
		rt_peer_close(bed.client.rt, bed.peer);
	side_close(&bed.client);
	side_close(&bed.server);
	local_world_destroy(bed.world);
	ret_result->value = rate ? (double)bed.ops * 1e9 / (double)ns
				 : (double)ns / (double)bed.ops;
	ret_result->cpu_us_per_op = (double)cpu / 1e3 / (double)bed.ops;
	return rc;
}

static int rtt_us(struct bench_result *r)
{
	return measure(1, false, false, false, r);
}

static int rtt_bare(struct bench_result *r)
{
	return measure(1, false, true, false, r);
}

static int rate_us(struct bench_result *r)
{
	return measure(DEPTH, false, false, true, r);
}

static int rate_bare(struct bench_result *r)
{
	return measure(DEPTH, false, true, true, r);
}

static int update_us(struct bench_result *r)
{
	return measure(DEPTH, true, false, true, r);
}

int main(int argc, char **argv)
{
	static const struct bench_row rows[] = {
		{ "rpc_rtt_local", "kind=info unit=ns peer=\"the seam alone, without ULTs\"",
		  rtt_us, rtt_bare },
		{ "rpc_rate_local", "kind=info unit=op/s peer=\"the seam alone, without ULTs\"",
		  rate_us, rate_bare },
		{ "rpc_update_local", "kind=info unit=op/s", update_us, NULL },
	};

	return bench_main(rows, ARRAY_COUNT(rows), argc, argv);
}

/**
 * A small simulated world for tests: a profile with round figures, streams with a plain server, and
 * calls as ULTs make them. One byte takes 1 ns on a wire, every link adds 1 us.
 */
#ifndef GEMEL_TESTS_LIB_SIM_WORLD_H
#define GEMEL_TESTS_LIB_SIM_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "sim/sim.h"

/** Network: 1 GB/s, 3 us one way between nodes, chunks of 64 KiB, no headers. Drive: 1 GB/s, reads
 * 100 us, writes 20 us, 100 k commands per second, 4 at a time. Costs: 0, except csum (1 ns per
 * byte) and client_op (5 us). */
static const char sw_profile_text[] =
	"name: round\n"
	"topology: { kind: star, servers: 4, clients: 2, backbone_latency: 1 us,\n"
	"  nic: { count: 1, bandwidth: 1 GB/s, latency: 1 us } }\n"
	"network: { chunk: 64 KiB, overhead: 0 B, local_bandwidth: 2 GB/s, local_latency: 200 ns,\n"
	"  detect: 1 ms }\n"
	"server:\n"
	"  engines: 1\n"
	"  targets: 2\n"
	"  ssd:\n"
	"  - { name: ssd, count: 2, capacity: 1 GiB, read_bandwidth: 1 GB/s,\n"
	"      write_bandwidth: 1 GB/s, read_latency: 100 us, write_latency: 20 us,\n"
	"      flush_latency: 50 us, read_iops: 100 k/s, write_iops: 100 k/s, queue_depth: 4,\n"
	"      block: 4 KiB }\n"
	"cpu:\n"
	"  turn: 0 ns\n"
	"  rpc_send: { base: 0 ns, per_unit: 0 ns }\n"
	"  rpc_recv: { base: 0 ns, per_unit: 0 ns }\n"
	"  rpc_bulk: { base: 0 ns, per_unit: 0 ns }\n"
	"  vos_update: { base: 0 ns, per_unit: 0 ns }\n"
	"  vos_fetch: { base: 0 ns, per_unit: 0 ns }\n"
	"  vos_enum: { base: 0 ns, per_unit: 0 ns }\n"
	"  vos_punch: { base: 0 ns, per_unit: 0 ns }\n"
	"  csum: { base: 0 ns, per_unit: 1 ns }\n"
	"  ec_encode: { base: 0 ns, per_unit: 0 ns }\n"
	"  ec_decode: { base: 0 ns, per_unit: 0 ns }\n"
	"  copy: { base: 0 ns, per_unit: 0 ns }\n"
	"  client_op: { base: 5 us, per_unit: 0 ns }\n";

#define SW_ONE_WAY_NS 3000u

struct sw {
	struct sim_profile *profile;
	struct sim *sim;
};

static inline void sw_die(const char *what)
{
	(void)fprintf(stderr, "%s\n", what);
	abort();
}

static inline struct sim_profile *sw_profile(const char *text)
{
	char error[PROFILE_ERROR_MAX] = "no memory";
	struct sim_profile *p = NULL;

	if (profile_parse("test", text, strlen(text), error, &p) != 0)
		sw_die(error);
	return p;
}

static inline struct sw sw_open(const char *text, uint64_t seed)
{
	/* Painted stacks: a ULT that ends having used all of its own stops the process. */
	struct sim_opts opts = { .seed = seed, .wall_base_ns = 1000000000000000000ull,
				 .paint_stacks = true };
	struct sw w = { .profile = sw_profile(text != NULL ? text : sw_profile_text) };

	opts.profile = w.profile;
	if (sim_create(&opts, &w.sim) != 0)
		sw_die("sim_create");
	return w;
}

static inline void sw_close(struct sw *w)
{
	sim_destroy(w->sim);
	profile_free(w->profile);
}

static inline struct sim_stream *sw_stream(struct sw *w, uint32_t node_idx, uint32_t tag)
{
	struct sim_stream_opts opts = { .node_idx = node_idx, .tag = tag };
	struct sim_stream *st = NULL;

	if (sim_stream_create(w->sim, &opts, &st) != 0)
		sw_die("sim_stream_create");
	return st;
}

static inline void sw_spawn(struct sim_stream *st, void (*fn)(void *arg), void *arg)
{
	if (sim_spawn(st, fn, arg, NULL) != 0)
		sw_die("sim_spawn");
}

/* ---- calls from ULTs ---------------------------------------------------------------------- */

struct sw_call {
	struct rt_call call;		/* first */
	struct rt *rt;
	struct rt_event ev;
	struct rt_in *reply;
	uint64_t done_ns;
	uint32_t done_count;
	struct bseg seg;
	struct bseg expose_seg;
	struct buf expose;
};

static inline void sw_call_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct sw_call *c = (struct sw_call *)call;

	c->done_count++;
	c->done_ns = rt_now_ns(c->rt);
	c->reply = reply;
	rt_event_set(c->rt, &c->ev, rc);
}

/** Start a call of @bytes of @msg; -DER_* of rt_call(). */
static inline int sw_call_start(struct sw_call *c, struct rt *rt, struct rt_peer *peer,
				const void *msg, uint64_t bytes)
{
	c->rt = rt;
	rt_event_init(&c->ev);
	c->done_count = 0;
	c->reply = NULL;
	c->call.peer = peer;
	c->call.msg = buf_from_bytes(&c->seg, msg, bytes);
	c->call.done = sw_call_done;
	memset(c->call.priv, 0, sizeof(c->call.priv));
	return rt_call(rt, &c->call);
}

static inline void sw_call_expose(struct sw_call *c, void *ptr, uint64_t bytes, uint32_t access)
{
	c->expose = buf_from_bytes(&c->expose_seg, ptr, bytes);
	c->call.expose = &c->expose;
	c->call.access = access;
}

/** Wait for it and give the reply back. Blocks: yes. */
static inline int sw_call_wait(struct sw_call *c)
{
	int rc = rt_event_wait(c->rt, &c->ev, RT_NEVER);

	if (c->reply != NULL)
		rt_release(c->rt, c->reply);
	c->reply = NULL;
	return rc;
}

static inline struct rt_peer *sw_peer(struct rt *rt, uint32_t node_idx, uint32_t tag)
{
	char uri[RT_URI_MAX];
	struct rt_peer *peer = NULL;

	sim_uri(node_idx, tag, uri);
	if (rt_peer_open(rt, uri, &peer) != 0)
		sw_die("rt_peer_open");
	return peer;
}

/** A server that answers each request with its own bytes. */
static inline void sw_echo(struct rt *rt, struct rt_in *in)
{
	if (rt_reply(rt, in, &in->msg) != 0)
		sw_die("rt_reply");
	rt_release(rt, in);
}

#endif

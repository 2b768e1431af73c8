/*
 * The simulator: full RPCs per second of one core (request, bulk, drive, reply, a ULT at both
 * ends), and what idle streams cost to keep. Phantom payload, as full-scale runs have.
 *
 * Streams have no core on them here: these rows measure the world below the storage core.
 */
#include "core/rt/rt_drive.h"
#include "sim/sim.h"
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <unistd.h>

#define SERVERS 64u
#define CLIENTS 64u
#define TARGETS 16u		/* per server */
#define RANKS 32u		/* per client node */
#define PAYLOAD_BYTES 65536u
#define SLICE_NS 200000u	/* of simulated time between two looks at the clock */

struct world {
	struct sim_profile *profile;
	struct sim *sim;
	uint64_t done;
	uint64_t failed;
};

static struct world world;
static char uris[SERVERS * TARGETS][RT_URI_MAX];

static int world_open(uint32_t servers, uint32_t clients)
{
	struct sim_opts opts = { .seed = 1 };
	char error[PROFILE_ERROR_MAX] = "";

	world = (struct world){ 0 };
	if (profile_load(PROFILES_DIR "/small-cluster.yaml", error, &world.profile) != 0 ||
	    profile_resize(world.profile, servers, clients) != 0) {
		(void)fprintf(stderr, "%s\n", error);
		return -1;
	}
	opts.profile = world.profile;
	if (sim_create(&opts, &world.sim) != 0) {
		(void)fprintf(stderr, "no world\n");
		return -1;
	}
	return 0;
}

static void world_close(void)
{
	sim_destroy(world.sim);
	profile_free(world.profile);
}

/* ---- servers ------------------------------------------------------------------------------ */

struct target {
	struct rt *rt;
	struct rt_dev *dev;
	uint64_t off;
};

struct request {
	struct target *t;
	struct rt_in *in;
};

static void serve(void *arg)
{
	struct request *r = arg;
	struct target *t = r->t;
	struct bseg runs[8], seg;
	struct bsink sink;
	struct buf buf;

	rt_charge(t->rt, RT_COST_RPC_RECV, r->in->msg.bytes);
	bsink_init(&sink, PAYLOAD_BYTES, runs, ARRAY_COUNT(runs));
	buf = buf_from_sink(&seg, &sink, 0, PAYLOAD_BYTES);
	if (rt_bulk_wait(t->rt, r->in, RT_BULK_GET, 0, &buf) != 0)
		world.failed++;
	rt_charge(t->rt, RT_COST_VOS_UPDATE, PAYLOAD_BYTES);
	t->off = (t->off + PAYLOAD_BYTES) % (1u << 30);
	if (rt_io(t->rt, t->dev, RT_IO_WRITE, t->off, &buf) != 0 ||
	    (t->off / PAYLOAD_BYTES % 16 == 0 &&
	     rt_io(t->rt, t->dev, RT_IO_FLUSH, 0, &BUF_EMPTY) != 0))
		world.failed++;
	rt_charge(t->rt, RT_COST_RPC_SEND, r->in->msg.bytes);
	if (rt_reply(t->rt, r->in, &r->in->msg) != 0)
		world.failed++;
	rt_release(t->rt, r->in);
	rt_free(t->rt, r);
}

static void on_request(struct rt *rt, struct rt_in *in)
{
	struct request *r = rt_alloc(rt, sizeof(*r));

	if (r == NULL || rt_spawn(rt, serve, r, NULL) != 0)
		abort();
	*r = (struct request){ rt->user, in };
}

static struct sim_stream *stream(uint32_t node_idx, uint32_t tag)
{
	struct sim_stream_opts opts = { .node_idx = node_idx, .tag = tag,
					.nic_idx = tag % world.profile->nic_count };
	struct sim_stream *st;

	if (sim_stream_create(world.sim, &opts, &st) != 0)
		abort();
	return st;
}

static void targets_start(void)
{
	char name[64];

	for (uint32_t i = 0; i < SERVERS * TARGETS; i++) {
		struct rt *rt = sim_stream_rt(stream(i / TARGETS, i % TARGETS));
		struct target *t = rt_alloc(rt, sizeof(*t));

		(void)snprintf(name, sizeof(name), "nvme%u", i % TARGETS);
		if (t == NULL || rt_dev_open(rt, name, 1u << 30, RT_DEV_CREATE, &t->dev) != 0)
			abort();
		sim_uri(i / TARGETS, i % TARGETS, uris[i]);
		t->rt = rt;
		rt->user = t;
		rt->on_request = on_request;
	}
}

/* ---- ranks -------------------------------------------------------------------------------- */

struct rank {
	struct rt *rt;
	struct rt_call call;
	struct rt_event ev;
	uint64_t gen;
};

static void call_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct rank *r = container_of(call, struct rank, call);

	if (reply != NULL)
		rt_release(r->rt, reply);
	rt_event_set(r->rt, &r->ev, rc);
}

static void rank_main(void *arg)
{
	static const char msg[200];
	struct rank *r = arg;
	struct bseg seg, payload;
	struct buf expose;
	struct rt_peer *peer;

	for (uint64_t off = 0;; off += PAYLOAD_BYTES) {
		uint32_t to = (uint32_t)(rt_rand(r->rt, RT_STREAM_TEST) % (SERVERS * TARGETS));

		rt_charge(r->rt, RT_COST_CLIENT_OP, 1);
		if (rt_peer_open(r->rt, uris[to], &peer) != 0)
			abort();
		expose = buf_from_gen(&payload, r->gen, off, PAYLOAD_BYTES);
		rt_event_init(&r->ev);
		r->call = (struct rt_call){
			.peer = peer,
			.msg = buf_from_bytes(&seg, msg, sizeof(msg)),
			.expose = &expose,
			.access = RT_ACCESS_READ,
			.done = call_done,
		};
		rt_charge(r->rt, RT_COST_RPC_SEND, sizeof(msg));
		if (rt_call(r->rt, &r->call) != 0 || rt_event_wait(r->rt, &r->ev, RT_NEVER) != 0)
			world.failed++;
		rt_peer_close(r->rt, peer);
		world.done++;
	}
}

static void ranks_start(void)
{
	for (uint32_t i = 0; i < CLIENTS * RANKS; i++) {
		struct sim_stream *st = stream(SERVERS + i / RANKS, i % RANKS);
		struct rank *r = rt_alloc(sim_stream_rt(st), sizeof(*r));

		if (r == NULL)
			abort();
		r->rt = sim_stream_rt(st);
		r->gen = i + 1;
		if (sim_spawn(st, rank_main, r, NULL) != 0)
			abort();
	}
}

static int row_rpc(struct bench_result *ret_result)
{
	uint64_t start, cpu, done;
	struct sim_stats before, after;

	if (world_open(SERVERS, CLIENTS) != 0)
		return -1;
	targets_start();
	ranks_start();
	(void)sim_run(world.sim, 20 * SLICE_NS);	/* warm-up: pools and stacks are there */
	sim_stats_query(world.sim, &before);
	start = bench_now_ns();
	cpu = bench_cpu_ns();
	done = world.done;
	while (bench_now_ns() - start < BENCH_ROUND_NS)
		(void)sim_run(world.sim, sim_now_ns(world.sim) + SLICE_NS);
	done = world.done - done;
	ret_result->value = (double)done * 1e9 / (double)(bench_now_ns() - start);
	ret_result->cpu_us_per_op = (double)(bench_cpu_ns() - cpu) / 1e3 / (double)done;
	sim_stats_query(world.sim, &after);
	(void)snprintf(ret_result->note, sizeof(ret_result->note),
		       "%u in flight, %.1f events per RPC, %.1f per engine step", CLIENTS * RANKS,
		       (double)(after.events - before.events) / (double)done,
		       (double)(after.events - before.events) /
			       (double)(after.engine_steps - before.engine_steps));
	if (world.failed != 0 || done == 0) {
		(void)fprintf(stderr, "%llu RPCs failed\n", (unsigned long long)world.failed);
		return -1;
	}
	world_close();
	return 0;
}

/* ---- memory ------------------------------------------------------------------------------- */

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long total = 0, resident = 0;

	if (f == NULL || fscanf(f, "%llu %llu", &total, &resident) != 2)
		abort();
	(void)fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Resident bytes per stream of many idle ones; @busy: each ran a ULT before it fell idle. */
static int idle_streams(uint32_t nodes, uint32_t per_node, void (*fn)(void *arg),
			struct bench_result *ret_result)
{
	uint64_t before;

	if (world_open(nodes, 1) != 0)
		return -1;
	(void)sim_run(world.sim, 1000);
	before = resident_bytes();
	for (uint32_t i = 0; i < nodes * per_node; i++) {
		struct sim_stream *st = stream(i / per_node, i % per_node);

		if (fn != NULL && sim_spawn(st, fn, st, NULL) != 0)
			abort();
	}
	(void)sim_run(world.sim, 1000000);
	ret_result->value = (double)(resident_bytes() - before) / (nodes * per_node);
	(void)snprintf(ret_result->note, sizeof(ret_result->note), "streams only, no core on them");
	world_close();
	return 0;
}

/* Something ran and ended: its stack is back in the pool that all streams share. */
static void short_life(void *arg)
{
	struct rt *rt = sim_stream_rt(arg);

	rt_free(rt, rt_alloc(rt, 1000));
}

/* A rank that waits, for a barrier or a reply, keeps its stack. */
static void waiting(void *arg)
{
	rt_sleep_ns(sim_stream_rt(arg), 1000000000);
}

static int row_target(struct bench_result *ret_result)
{
	return idle_streams(256, 32, short_life, ret_result);
}

static int row_rank(struct bench_result *ret_result)
{
	return idle_streams(64, 128, waiting, ret_result);
}

/* 16 targets and a system stream. */
static int row_engine(struct bench_result *ret_result)
{
	int rc = idle_streams(256, 17, short_life, ret_result);

	ret_result->value *= 17;
	return rc;
}

static const struct bench_row rows[] = {
	{ "sim_rpc", "kind=abs_min limit=150000 unit=op/s", row_rpc, NULL },
	{ "sim_idle_target", "kind=abs_max limit=32768 unit=B", row_target, NULL },
	{ "sim_idle_rank", "kind=abs_max limit=32768 unit=B", row_rank, NULL },
	{ "sim_idle_engine", "kind=abs_max limit=1048576 unit=B", row_engine, NULL },
};

int main(int argc, char **argv)
{
	return bench_main(rows, sizeof(rows) / sizeof(rows[0]), argc, argv);
}

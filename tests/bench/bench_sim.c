/*
 * The simulator: RPCs per second of one core, and what idle parts of a system cost to keep. Phantom
 * payload, as full-scale runs have.
 *
 * sim_rpc has the storage core in the loop: updates through the public API, each a request, a bulk
 * transfer, the store with its log on a simulated drive, and a reply. sim_rpc_seam is the world
 * below it: plain handlers that do the same transfers.
 */
#include "daos.h"
#include "sim/phantom.h"
#include "sim/process.h"
#include "sim/sim.h"
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <unistd.h>

#define SERVERS 32u		/* nodes of 2 engines with 16 targets each */
#define CLIENTS 64u
#define TARGETS 32u		/* per server */
#define RANKS 32u		/* per client node */
#define PAYLOAD_BYTES 65536u
#define SLICE_NS 200000u	/* of simulated time between two looks at the clock */

struct world {
	struct sim_profile *profile;
	struct sim *sim;
	struct sim_system *system;
	struct phantom *phantom;
	uint64_t done;
	uint64_t failed;
	uint32_t ready;
};

static struct world world;
static char uris[SERVERS * TARGETS][RT_URI_MAX];

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "bench_sim: %s\n", what);
	abort();
}

static void world_open(uint32_t servers, uint32_t clients)
{
	struct sim_opts opts = { .seed = 1 };
	char error[PROFILE_ERROR_MAX] = "";

	world = (struct world){ 0 };
	check(profile_load(PROFILES_DIR "/small-cluster.yaml", error, &world.profile) == 0, error);
	check(profile_resize(world.profile, servers, clients) == 0, "resize");
	opts.profile = world.profile;
	check(sim_create(&opts, &world.sim) == 0, "no world");
}

static void world_close(void)
{
	sim_destroy(world.sim);
	sim_system_destroy(world.system);
	phantom_destroy(world.phantom);
	profile_free(world.profile);
}

static struct sim_stream *stream(uint32_t node_idx, uint32_t tag)
{
	struct sim_stream_opts opts = { .node_idx = node_idx, .tag = tag,
					.nic_idx = tag % world.profile->nic_count };
	struct sim_stream *st;

	check(sim_stream_create(world.sim, &opts, &st) == 0, "stream");
	return st;
}

/* Let the world run for a round and fill in the row. @calls: counter of what is measured. */
static int measure(const char *what, uint32_t in_flight, struct bench_result *ret_result)
{
	uint64_t start, cpu, done, wall;
	struct sim_stats before, after;

	sim_stats_query(world.sim, &before);
	start = bench_now_ns();
	cpu = bench_cpu_ns();
	done = world.done;
	do {
		(void)sim_run(world.sim, sim_now_ns(world.sim) + SLICE_NS);
		wall = bench_now_ns() - start;
	} while (wall < BENCH_ROUND_NS);
	done = world.done - done;
	sim_stats_query(world.sim, &after);
	if (world.failed != 0 || done == 0) {
		(void)fprintf(stderr, "%llu of %llu %s failed\n", (unsigned long long)world.failed,
			      (unsigned long long)done, what);
		return -1;
	}
	ret_result->value = (double)done * 1e9 / (double)wall;
	ret_result->cpu_us_per_op = (double)(bench_cpu_ns() - cpu) / 1e3 / (double)done;
	(void)snprintf(ret_result->note, sizeof(ret_result->note),
		       "%s, %u in flight, %.1f events each, %.1f per engine step", what, in_flight,
		       (double)(after.events - before.events) / (double)done,
		       (double)(after.events - before.events) /
			       (double)(after.engine_steps - before.engine_steps));
	return 0;
}

/* ---- at the seam -------------------------------------------------------------------------- */

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

	check(r != NULL && rt_spawn(rt, serve, r, NULL) == 0, "request");
	*r = (struct request){ rt->user, in };
}

static void targets_start(void)
{
	char name[64];

	for (uint32_t i = 0; i < SERVERS * TARGETS; i++) {
		struct rt *rt = sim_stream_rt(stream(i / TARGETS, i % TARGETS));
		struct target *t = rt_alloc(rt, sizeof(*t));

		(void)snprintf(name, sizeof(name), "nvme%u/%u", i % TARGETS / 2, i % TARGETS);
		check(t != NULL && rt_dev_open(rt, name, 1u << 30, RT_DEV_CREATE, &t->dev) == 0,
		      "device");
		sim_uri(i / TARGETS, i % TARGETS, uris[i]);
		t->rt = rt;
		rt->user = t;
		rt->on_request = on_request;
	}
}

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

static void seam_rank(void *arg)
{
	static const char msg[200];
	struct rank *r = arg;
	struct bseg seg, payload;
	struct buf expose;
	struct rt_peer *peer;

	for (uint64_t off = 0;; off += PAYLOAD_BYTES) {
		uint32_t to = (uint32_t)(rt_rand(r->rt, RT_STREAM_TEST) % (SERVERS * TARGETS));

		rt_charge(r->rt, RT_COST_CLIENT_OP, 1);
		check(rt_peer_open(r->rt, uris[to], &peer) == 0, "peer");
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

static int row_rpc_seam(struct bench_result *ret_result)
{
	int rc;

	world_open(SERVERS, CLIENTS);
	targets_start();
	for (uint32_t i = 0; i < CLIENTS * RANKS; i++) {
		struct sim_stream *st = stream(SERVERS + i / RANKS, i % RANKS);
		struct rank *r = rt_alloc(sim_stream_rt(st), sizeof(*r));

		check(r != NULL, "rank");
		r->rt = sim_stream_rt(st);
		r->gen = i + 1;
		check(sim_spawn(st, seam_rank, r, NULL) == 0, "rank");
	}
	(void)sim_run(world.sim, 20 * SLICE_NS);	/* warm-up: pools and stacks are there */
	rc = measure("plain handlers", CLIENTS * RANKS, ret_result);
	world_close();
	return rc;
}

/* ---- with the core ------------------------------------------------------------------------ */

static bool phantom_cb(void *arg, void *ptr, uint64_t bytes, uint32_t access, struct bseg *ret_seg)
{
	return phantom_segment(arg, ptr, bytes, access, ret_seg);
}

static void system_open(uint32_t servers, uint32_t clients)
{
	struct sim_system_opts opts = { .memory = false };
	char err[256] = "";

	world_open(servers, clients);
	world.phantom = phantom_create();
	check(world.phantom != NULL, "phantoms");
	check(sim_system_create(world.sim, &opts, &world.system) == 0, "system");
	check(sim_system_start(world.system, err, sizeof(err)) == 0, err);
}

static void program_start(uint32_t i, uint32_t per_node, void (*fn)(void *arg))
{
	struct sim_proc_opts opts = {
		.node_idx = world.profile->server_count + i / per_node,
		.tag = i % per_node,
		.nic_idx = i % world.profile->nic_count,
		.system = world.system,
		.phantom = phantom_cb,
		.arg = world.phantom,
	};
	struct sim_proc *p;

	check(sim_proc_create(world.sim, &opts, &p) == 0, "process");
	check(sim_proc_start(p, fn, (void *)(uintptr_t)(i + 1)) == 0, "program");
}

/* Connect, and open the container and an object over all targets. Rank 0 makes the container. */
static daos_handle_t session(uint64_t rank)
{
	struct rt *rt = sim_current_rt();
	daos_obj_id_t oid = { .lo = rank };
	daos_handle_t pool, cont, oh;

	check(daos_init() == 0, "daos_init");
	check(daos_pool_connect(SIM_POOL, NULL, DAOS_PC_RW, &pool, NULL, NULL) == 0, "connect");
	if (rank == 1)
		check(daos_cont_create_with_label(pool, "c", NULL, NULL, NULL) == 0, "create");
	while (daos_cont_open(pool, "c", DAOS_COO_RW, &cont, NULL, NULL) != 0)
		rt_sleep_ns(rt, 1000000);
	check(daos_obj_generate_oid(cont, &oid, DAOS_OT_DKEY_UINT64, OC_SX, 0, 0) == 0, "oid");
	check(daos_obj_open(cont, oid, DAOS_OO_RW, &oh, NULL) == 0, "open");
	world.ready++;
	return oh;
}

static void core_rank(void *arg)
{
	uint64_t rank = (uintptr_t)arg, key;
	daos_recx_t recx = { .rx_nr = PAYLOAD_BYTES };
	daos_iod_t iod = { .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1,
			   .iod_recxs = &recx };
	daos_handle_t oh = session(rank);
	d_iov_t iov, dkey;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	void *mem = phantom_alloc(world.phantom, PAYLOAD_BYTES);

	check(mem != NULL, "memory");
	d_iov_set(&iod.iod_name, (void *)(uintptr_t) "a", 1);
	d_iov_set(&iov, mem, PAYLOAD_BYTES);
	d_iov_set(&dkey, &key, sizeof(key));
	for (key = 1;; key++) {
		check(phantom_fill(world.phantom, mem, PAYLOAD_BYTES, rank, key << 16) == 0,
		      "fill");
		if (daos_obj_update(oh, DAOS_TX_NONE, 0, &dkey, 1, &iod, &sgl, NULL) != 0)
			world.failed++;
		world.done++;
	}
}

static int row_rpc(struct bench_result *ret_result)
{
	enum { STORAGE = 2, NODES = 16, PER_NODE = 16 };
	int rc;

	system_open(STORAGE, NODES);
	for (uint32_t i = 0; i < NODES * PER_NODE; i++)
		program_start(i, PER_NODE, core_rank);
	while (world.ready < NODES * PER_NODE)
		(void)sim_run(world.sim, sim_now_ns(world.sim) + 10 * SLICE_NS);
	/* Until most ranks know most targets: first meetings cost more than others. */
	while (world.done < NODES * PER_NODE * 128)
		(void)sim_run(world.sim, sim_now_ns(world.sim) + SLICE_NS);
	rc = measure("updates through the API", NODES * PER_NODE, ret_result);
	world_close();
	return rc;
}

/* ---- memory ------------------------------------------------------------------------------- */

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long total = 0, resident = 0;

	check(f != NULL && fscanf(f, "%llu %llu", &total, &resident) == 2, "statm");
	(void)fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Resident bytes of engines that have been formatted, serve and have nothing to do, per @parts. */
static int idle_system(uint32_t parts, const char *what, struct bench_result *ret_result)
{
	enum { NODES = 64 };
	uint64_t before;

	/* Another world first, so that what the process needs once is there. */
	system_open(1, 1);
	world_close();
	world_open(NODES, 1);
	before = resident_bytes();
	world_close();
	system_open(NODES, 1);
	(void)sim_run(world.sim, sim_now_ns(world.sim) + 1000000000);
	ret_result->value = (double)(resident_bytes() - before) / NODES / parts;
	(void)snprintf(ret_result->note, sizeof(ret_result->note), "%s", what);
	world_close();
	return 0;
}

static int row_target(struct bench_result *ret_result)
{
	return idle_system(TARGETS, "an empty store with a log on a drive, its share of all else",
			   ret_result);
}

static int row_engine(struct bench_result *ret_result)
{
	return idle_system(2, "16 targets and a system stream", ret_result);
}

/* Connected, with a container and an object open, and waiting on its own stack. */
static void idle_rank(void *arg)
{
	(void)session((uintptr_t)arg);
	rt_sleep_ns(sim_current_rt(), 1000000000000);
}

static int row_rank(struct bench_result *ret_result)
{
	enum { NODES = 16, PER_NODE = 128 };
	uint64_t before;

	system_open(2, NODES);
	(void)sim_run(world.sim, sim_now_ns(world.sim) + SLICE_NS);
	before = resident_bytes();
	for (uint32_t i = 0; i < NODES * PER_NODE; i++)
		program_start(i, PER_NODE, idle_rank);
	while (world.ready < NODES * PER_NODE)
		(void)sim_run(world.sim, sim_now_ns(world.sim) + 10 * SLICE_NS);
	ret_result->value = (double)(resident_bytes() - before) / (NODES * PER_NODE);
	(void)snprintf(ret_result->note, sizeof(ret_result->note),
		       "connected, container and object open, parked");
	world_close();
	return 0;
}

static const struct bench_row rows[] = {
	{ "sim_rpc", "kind=abs_min limit=150000 unit=op/s", row_rpc, NULL },
	{ "sim_rpc_seam", "kind=info limit=0 unit=op/s", row_rpc_seam, NULL },
	{ "sim_idle_target", "kind=abs_max limit=32768 unit=B", row_target, NULL },
	{ "sim_idle_rank", "kind=abs_max limit=32768 unit=B", row_rank, NULL },
	{ "sim_idle_engine", "kind=abs_max limit=1048576 unit=B", row_engine, NULL },
};

int main(int argc, char **argv)
{
	return bench_main(rows, sizeof(rows) / sizeof(rows[0]), argc, argv);
}

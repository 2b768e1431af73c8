/*
 * How far our links, first come first served, are from SimGrid's own fluid model, which shares a
 * link evenly among all flows at every moment. Each case runs in both on the same platform, one
 * world after the other, and the differences are printed. They must stay within the bounds that
 * the design states.
 */
#include <inttypes.h>
#include <math.h>

#include "sim/sim_int.h"
#include "tests/lib/sim_world.h"

#define FLOWS_MAX 64u
/* A message of this size and nothing else: what a transfer costs before its first byte. */
#define MSG_BYTES 8u

struct flow {
	uint32_t src;
	uint32_t dst;
	uint64_t bytes;
};

struct job {
	const char *name;
	uint32_t flow_count;
	struct flow flows[FLOWS_MAX];
	double bound;		/* of the difference in makespan, relative */
};

static const char profile_text[] =
	"name: native\n"
	"topology: { kind: star, servers: 32, clients: 32, backbone_latency: 2 us,\n"
	"  nic: { count: 1, bandwidth: 10 GB/s, latency: 500 ns } }\n"
	"network: { chunk: 64 KiB, overhead: 0 B, local_bandwidth: 10 GB/s, local_latency: 100 ns,\n"
	"  detect: 1 ms }\n";

static char *full_profile(void)
{
	const char *rest = strstr(sw_profile_text, "server:");
	char *text = malloc(sizeof(profile_text) + strlen(rest));

	if (text == NULL)
		sw_die("memory");
	(void)sprintf(text, "%s%s", profile_text, rest);
	return text;
}

/* ---- ours: transfers as the network of the seam makes them --------------------------------- */

struct mine {
	struct sim_xfer x;
	uint64_t end_ns;
};

static void mine_end(struct sim_xfer *x, bool ok)
{
	struct mine *m = container_of(x, struct mine, x);

	if (!ok)
		sw_die("a transfer failed");
	m->end_ns = x->sim->now_ns;
}

static void run_ours(const struct job *j, double *end_s)
{
	char *text = full_profile();
	struct sw w = sw_open(text, 1);
	struct mine *all = calloc(j->flow_count, sizeof(*all));

	if (all == NULL)
		sw_die("memory");
	for (uint32_t i = 0; i < j->flow_count; i++) {
		const struct flow *f = &j->flows[i];
		struct sim_end_point src = { f->src, 0 }, dst = { f->dst, 0 };
		struct sim_xfer *x = &all[i].x;

		w.sim->topo->ops->path(w.sim->topo, src, dst, i, &x->path);
		x->src_node = f->src;
		x->src_life = sim_node_life(w.sim, f->src);
		x->stream = i + 1;
		x->end = mine_end;
		sim_xfer_start(w.sim, x, f->bytes, 0);
	}
	(void)sim_run(w.sim, SIM_NEVER);
	for (uint32_t i = 0; i < j->flow_count; i++)
		end_s[i] = (double)all[i].end_ns * 1e-9;
	free(all);
	sw_close(&w);
	free(text);
}

static void run_native(const struct job *j, double *end_s)
{
	char *text = full_profile();
	struct sw w = sw_open(text, 1);
	struct sg_flow flows[FLOWS_MAX];

	for (uint32_t i = 0; i < j->flow_count; i++)
		flows[i] = (struct sg_flow){ .src = j->flows[i].src, .dst = j->flows[i].dst,
					     .bytes = j->flows[i].bytes };
	if (sg_engine_native(w.sim->engine, flows, j->flow_count) != 0)
		sw_die("SimGrid's own model failed");
	for (uint32_t i = 0; i < j->flow_count; i++)
		end_s[i] = flows[i].end_s;
	sw_close(&w);
	free(text);
}

static double last(const double *end_s, uint32_t nr)
{
	double max = 0;

	for (uint32_t i = 0; i < nr; i++)
		max = end_s[i] > max ? end_s[i] : max;
	return max;
}

static int compare(const struct job *j)
{
	double ours[FLOWS_MAX], native[FLOWS_MAX], worst = 0, makespan;

	run_ours(j, ours);
	run_native(j, native);
	for (uint32_t i = 0; i < j->flow_count; i++)
		worst = fmax(worst, fabs(ours[i] / native[i] - 1));
	makespan = last(ours, j->flow_count) / last(native, j->flow_count) - 1;
	printf("%-28s %3u flows  ours %9.3f us  SimGrid %9.3f us  makespan %+6.2f %%  "
	       "worst flow %6.2f %%\n",
	       j->name, j->flow_count, last(ours, j->flow_count) * 1e6,
	       last(native, j->flow_count) * 1e6, makespan * 100, worst * 100);
	if (fabs(makespan) <= j->bound)
		return 0;
	printf("%s: more than %.1f %% apart\n", j->name, j->bound * 100);
	return 1;
}

/* ---- cases -------------------------------------------------------------------------------- */

static void add(struct job *j, uint32_t src, uint32_t dst, uint64_t bytes)
{
	j->flows[j->flow_count++] = (struct flow){ src, dst, bytes };
}

int main(void)
{
	struct job point = { .name = "point to point, 1 MiB", .bound = 0.001 };
	struct job tiny = { .name = "point to point, 8 B", .bound = 0.001 };
	struct job incast = { .name = "incast 16 to 1, 1 MiB", .bound = 0.01 };
	struct job outcast = { .name = "1 to 16, 1 MiB", .bound = 0.01 };
	struct job pairs = { .name = "32 pairs, 1 MiB", .bound = 0.001 };
	struct job stripes = { .name = "8 clients on 4 servers", .bound = 0.05 };
	struct job uneven = { .name = "random pairs, random sizes", .bound = 0.02 };
	struct prng rand;
	int bad = 0;

	prng_seed(&rand, 3);
	add(&point, 0, 1, 1 << 20);
	add(&tiny, 0, 1, MSG_BYTES);
	for (uint32_t i = 0; i < 16; i++) {
		add(&incast, 1 + i, 0, 1 << 20);
		add(&outcast, 0, 1 + i, 1 << 20);
	}
	for (uint32_t i = 0; i < 32; i++)
		add(&pairs, i, 32 + i, 1 << 20);
	for (uint32_t i = 0; i < 32; i++)
		add(&stripes, 32 + i / 4, i % 4, 1 << 20);
	for (uint32_t i = 0; i < FLOWS_MAX; i++)
		add(&uneven, 32 + (uint32_t)prng_below(&rand, 32), (uint32_t)prng_below(&rand, 32),
		    (1 + prng_below(&rand, 64)) << 16);
	bad += compare(&point) + compare(&tiny) + compare(&incast) + compare(&outcast);
	bad += compare(&pairs) + compare(&stripes) + compare(&uneven);
	return bad;
}

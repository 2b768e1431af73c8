/*
 * Calls in ULTs through core/rpc over libfabric, two processes, one CPU each, against bare
 * libfabric:
 *   rpc_rtt_*	a PING with 64 B inline and its 64 B back; peer: a bare ping-pong of 64 B
 *   rpc_rate_*	empty PINGs per second with 16 in flight
 * The server runs every PING on a ULT, as it would run anything that may block. "_block" rows
 * sleep on the provider's descriptor instead of spinning.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/rpc/rpc.h"
#include "tests/bench/bench.h"
#include "tests/lib/ofi_node.h"
#include "transports/ofi/bare.h"

#define DEPTH 16u
#define PAYLOAD 64u
#define WARM_NS 100000000u
#define SLEEP_NS 100000000u

struct what {
	const char *provider;
	uint32_t depth;
	bool block;
};

/* The @idx-th of the CPUs that we were given. */
static void pin(int idx)
{
	cpu_set_t all;
	cpu_set_t one;
	int seen = 0;

	(void)sched_getaffinity(0, sizeof(all), &all);
	for (size_t i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all) || seen++ != idx)
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
	}
}

static void die(const char *why)
{
	(void)fprintf(stderr, "bench_rpc_ofi: %s\n", why);
	exit(1);
}

static const char *host_of(const char *provider, char *buf, size_t cap, const char *who)
{
	if (strcmp(provider, "shm") != 0)
		return "127.0.0.1";
	(void)snprintf(buf, cap, "gemel-brpc-%d-%s", (int)getpid(), who);
	return buf;
}

static void node_open(struct ofi_node *n, const struct what *w, const char *who)
{
	char name[64];
	struct ofi_opts o = { .provider = w->provider };

	o.host = host_of(w->provider, name, sizeof(name), who);
	if (ofi_node_open(n, &o) != 0)
		die("cannot open an endpoint");
}

static void node_step(struct ofi_node *n, const struct what *w)
{
	if (ofi_node_step(n) == 0 && w->block)
		ofi_node_sleep(n, SLEEP_NS);
}

/* ---- the serving process -------------------------------------------------------------------- */

static const struct rpc_handler handlers[] = {
	{ .op = WIRE_PING, .fn = rpc_ping_handler },	/* not inline */
};

static void serve(const struct what *w, int fd)
{
	static struct ofi_node n;
	struct rpc_opts opts = { .handlers = handlers, .handlers_nr = ARRAY_COUNT(handlers) };
	struct rpc_limits lim = rpc_limits_default();
	char uri[RT_URI_MAX] = "";
	struct rpc *rpc;

	pin(1);
	node_open(&n, w, "s");
	lim.serve_per_client_max = DEPTH;
	opts.limits = &lim;
	if (rpc_create(&n.rt, &opts, &rpc) != 0)
		die("cannot create the rpc");
	(void)snprintf(uri, sizeof(uri), "%s", ofi_uri(n.ofi));
	if (write(fd, uri, sizeof(uri)) != (ssize_t)sizeof(uri))
		die("write");
	for (;;)
		node_step(&n, w);
}

/* ---- the calling process -------------------------------------------------------------------- */

static struct client {
	struct ofi_node n;
	struct rpc *rpc;
	const struct what *w;
	char uri[RT_URI_MAX];
	uint64_t ops;
	uint32_t running;
	bool stop;
} cli;

static int resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	(void)arg;
	(void)ep;
	memcpy(ret_uri, cli.uri, sizeof(cli.uri));
	return 0;
}

static void caller(void *arg)
{
	uint32_t bytes = cli.w->depth == 1 ? PAYLOAD : 0;
	struct wire_ping_req req = { .reply_bytes = bytes };
	struct wire_ping_rep rep = { 0 };
	uint8_t data[PAYLOAD] = { 1 };
	struct bseg seg;

	(void)arg;
	while (!cli.stop) {
		struct rpc_call c = { .op = WIRE_PING, .req = &req, .rep = &rep };

		req.cookie = cli.ops;
		c.payload = buf_from_bytes(&seg, data, bytes);
		if (rpc_call(cli.rpc, &c) != 0)
			die("a call failed");
		if (rep.cookie != req.cookie || rep.got_bytes != bytes ||
		    c.rep_payload.bytes != bytes)
			die("wrong answer");
		rpc_call_fini(cli.rpc, &c);
		cli.ops++;
	}
	cli.running--;
}

static void stopper(void *arg)
{
	rpc_stop(arg);
	cli.running--;
}

static void run_for(uint64_t ns)
{
	uint64_t end = bench_now_ns() + ns;

	while (bench_now_ns() < end)
		node_step(&cli.n, cli.w);
}

static void measure(struct bench_result *ret_result)
{
	uint64_t start, ns, cpu;
	double ops;

	cli.running = cli.w->depth;
	for (uint32_t i = 0; i < cli.w->depth; i++)
		if (rt_spawn(&cli.n.rt, caller, NULL, NULL) != 0)
			die("cannot spawn");
	run_for(WARM_NS);
	cli.ops = 0;
	start = bench_now_ns();
	cpu = bench_cpu_ns();
	run_for(BENCH_ROUND_NS);
	ops = (double)cli.ops;
	ns = bench_now_ns() - start;
	cpu = bench_cpu_ns() - cpu;
	if (cli.ops == 0)
		die("nothing was answered");
	ret_result->value = cli.w->depth == 1 ? (double)ns / 1e3 / ops : ops * 1e9 / (double)ns;
	ret_result->cpu_us_per_op = (double)cpu / 1e3 / ops;
	cli.stop = true;
	while (cli.running > 0)
		node_step(&cli.n, cli.w);
}

static void client_close(void)
{
	cli.running = 1;
	if (rt_spawn(&cli.n.rt, stopper, cli.rpc, NULL) != 0)
		die("cannot spawn");
	while (cli.running > 0)
		node_step(&cli.n, cli.w);
	rpc_destroy(cli.rpc);
}

static int run_us(const struct what *w, struct bench_result *ret_result)
{
	struct rpc_opts opts = { .resolve = resolve };
	int sv[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) != 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(w, sv[1]);
	}
	(void)close(sv[1]);	/* a server that dies is then noticed */
	if (read(sv[0], cli.uri, sizeof(cli.uri)) != (ssize_t)sizeof(cli.uri))
		die("no server");
	pin(0);
	cli.w = w;
	node_open(&cli.n, w, "c");
	if (rpc_create(&cli.n.rt, &opts, &cli.rpc) != 0)
		die("cannot create the rpc");
	measure(ret_result);
	client_close();
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	if (strcmp(w->provider, "shm") == 0)
		(void)shm_unlink(strstr(cli.uri, "://") + 3);
	return ofi_node_close(&cli.n) == 0 ? 0 : -1;
}

/* ---- bare libfabric -------------------------------------------------------------------------- */

struct meet {
	uint8_t addr[BARE_ADDR_MAX];
	uint64_t bytes;
};

static struct bare *bare_meet(const struct what *w, int fd, const char *who)
{
	struct meet near = { 0 };
	struct meet far;
	struct bare *b;
	char name[64];

	b = bare_open(w->provider, host_of(w->provider, name, sizeof(name), who), 0);
	if (b == NULL)
		die("cannot open a bare endpoint");
	near.bytes = bare_name(b, near.addr);
	if (write(fd, &near, sizeof(near)) != (ssize_t)sizeof(near) ||
	    read(fd, &far, sizeof(far)) != (ssize_t)sizeof(far) ||
	    bare_connect(b, far.addr, far.bytes) != 0)
		die("the two do not meet");
	return b;
}

#define BARE_BATCH 2000u

static void bare_server(const struct what *w, int fd)
{
	struct bare *b;

	pin(1);
	b = bare_meet(w, fd, "bs");
	for (;;)
		if (bare_pong(b, BARE_BATCH, PAYLOAD) != 0)
			die("pong");
}

static int run_bare(const struct what *w, struct bench_result *ret_result)
{
	uint64_t ops = 0, start, ns;
	struct bare *b;
	int sv[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) != 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		bare_server(w, sv[1]);
	}
	(void)close(sv[1]);
	pin(0);
	b = bare_meet(w, sv[0], "bc");
	if (bare_ping(b, BARE_BATCH, PAYLOAD) != 0)
		die("ping");
	start = bench_now_ns();
	do {
		if (bare_ping(b, BARE_BATCH, PAYLOAD) != 0)
			die("ping");
		ops += BARE_BATCH;
		ns = bench_now_ns() - start;
	} while (ns < BENCH_ROUND_NS);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	bare_close(b);
	ret_result->value = (double)ns / 1e3 / (double)ops;
	return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

#define ROW(name, prov, nr, blk)                                                                   \
	static const struct what what_##name = { .provider = (prov), .depth = (nr),                \
						 .block = (blk) };                                 \
	static int us_##name(struct bench_result *r)                                               \
	{                                                                                          \
		return run_us(&what_##name, r);                                                    \
	}
#define PEER(name)                                                                                 \
	static int peer_##name(struct bench_result *r)                                             \
	{                                                                                          \
		return run_bare(&what_##name, r);                                                  \
	}

ROW(rtt_tcp, "tcp;ofi_rxm", 1, false)
PEER(rtt_tcp)
ROW(rtt_net, "net", 1, false)
PEER(rtt_net)
ROW(rtt_shm, "shm", 1, false)
PEER(rtt_shm)
ROW(rate_tcp, "tcp;ofi_rxm", DEPTH, false)
ROW(rate_net, "net", DEPTH, false)
ROW(rate_shm, "shm", DEPTH, false)
ROW(rtt_tcp_block, "tcp;ofi_rxm", 1, true)
ROW(rate_tcp_block, "tcp;ofi_rxm", DEPTH, true)

#define RTT "kind=ratio_max limit=1.3 unit=us pin=0 peer=\"bare libfabric ping-pong, 64 B\""
#define RATE "kind=info unit=op/s pin=0"

int main(int argc, char **argv)
{
	static const struct bench_row rows[] = {
		{ "rpc_rtt_tcp", RTT, us_rtt_tcp, peer_rtt_tcp },
		{ "rpc_rtt_net", RTT, us_rtt_net, peer_rtt_net },
		{ "rpc_rtt_shm", RTT, us_rtt_shm, peer_rtt_shm },
		{ "rpc_rtt_tcp_block", "kind=info unit=us pin=0", us_rtt_tcp_block, NULL },
		{ "rpc_rate_tcp", "kind=abs_min limit=160000 unit=op/s pin=0", us_rate_tcp, NULL },
		{ "rpc_rate_tcp_block", RATE, us_rate_tcp_block, NULL },
		{ "rpc_rate_net", RATE, us_rate_net, NULL },
		{ "rpc_rate_shm", RATE, us_rate_shm, NULL },
	};

	return bench_main(rows, ARRAY_COUNT(rows), argc, argv);
}

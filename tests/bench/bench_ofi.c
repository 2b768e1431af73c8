/*
 * The seam over libfabric against bare libfabric, two processes, one CPU each:
 *   seam_rtt_*   a 64 B call and its 64 B reply, issued by a ULT; peer: a bare ping-pong
 *   seam_rate_*  calls per second with 16 in flight
 *   bulk_1m_*    a server that reads (get) or writes (put) 1 MiB of its client's memory, 4 at a time
 * "_block" rows sleep on the provider's descriptor instead of spinning.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/ofi_node.h"
#include "transports/ofi/bare.h"

#define MSG_BYTES 64u
#define BULK_BYTES (1u << 20)
#define BULK_WINDOW 4u
#define RUN_NS 700000000ull
#define WARM_NS 100000000ull

enum what { RTT, RATE, GET, PUT };

struct row {
	const char *name;
	const char *provider;
	enum what what;
	bool block;
	const char *limits;
};

#define RTT_LIMITS "kind=ratio_max limit=1.3 unit=us pin=0 peer=\"bare libfabric ping-pong\""
#define BULK_LIMITS "kind=ratio_min limit=0.9 unit=MiB/s pin=0 peer=\"bare fi_read/fi_write\""

static const struct row rows[] = {
	{ "seam_rtt_tcp", "tcp;ofi_rxm", RTT, false, RTT_LIMITS },
	{ "seam_rtt_net", "net", RTT, false, RTT_LIMITS },
	{ "seam_rtt_shm", "shm", RTT, false, RTT_LIMITS },
	{ "seam_rtt_tcp_block", "tcp;ofi_rxm", RTT, true, "kind=info limit=0 unit=us pin=0" },
	{ "seam_rtt_net_block", "net", RTT, true, "kind=info limit=0 unit=us pin=0" },
	{ "seam_rate_tcp", "tcp;ofi_rxm", RATE, false,
	  "kind=abs_min limit=160000 unit=op/s pin=0" },
	{ "seam_rate_tcp_block", "tcp;ofi_rxm", RATE, true, "kind=info limit=0 unit=op/s pin=0" },
	{ "seam_rate_net", "net", RATE, false, "kind=info limit=0 unit=op/s pin=0" },
	{ "seam_rate_shm", "shm", RATE, false, "kind=info limit=0 unit=op/s pin=0" },
	{ "bulk_1m_get", "tcp;ofi_rxm", GET, false, BULK_LIMITS },
	{ "bulk_1m_put", "tcp;ofi_rxm", PUT, false, BULK_LIMITS },
	{ "bulk_1m_get_net", "net", GET, false, BULK_LIMITS },
	{ "bulk_1m_put_net", "net", PUT, false, BULK_LIMITS },
	{ "bulk_1m_get_shm", "shm", GET, false, BULK_LIMITS },
	{ "bulk_1m_put_shm", "shm", PUT, false, BULK_LIMITS },
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static double cpu_us(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e6 +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
}

/* The @idx-th of the CPUs that we were given. */
static void pin(int idx)
{
	cpu_set_t all;
	cpu_set_t one;
	int seen = 0;
	int i;

	sched_getaffinity(0, sizeof(all), &all);
	for (i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET((size_t)i, &all) || seen++ != idx)
			continue;
		CPU_ZERO(&one);
		CPU_SET((size_t)i, &one);
		sched_setaffinity(0, sizeof(one), &one);
	}
}

static void die(const char *what)
{
	fprintf(stderr, "bench_ofi: %s\n", what);
	exit(1);
}

static const char *host_of(const char *provider, char *buf, size_t cap, const char *who)
{
	if (strcmp(provider, "shm") != 0)
		return "127.0.0.1";
	snprintf(buf, cap, "gemel-bench-%d-%s", (int)getpid(), who);
	return buf;
}

/* ---- ours: the serving process --------------------------------------------------------------- */

/* What the server measures of transfers goes back to the client as the reply. */
struct result {
	double mib_s;
	double cpu_us_per_op;
};

static struct server {
	struct ofi_node n;
	const struct row *row;
	struct rt_in *in;
	struct rt_bulk bulk[BULK_WINDOW];
	struct bseg seg[BULK_WINDOW];
	uint8_t *mem;
	uint32_t flight;
	uint64_t ended;
	uint64_t start_ns;
	uint64_t start_ended;
	double start_cpu;
} srv;

static void bulk_next(struct rt_bulk *b);

static void bulk_report(void)
{
	struct result r;
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, &r, sizeof(r));
	double ops = (double)(srv.ended - srv.start_ended);

	r.mib_s = ops * (double)BULK_BYTES / 1048576.0 / ((double)(now_ns() - srv.start_ns) / 1e9);
	r.cpu_us_per_op = (cpu_us() - srv.start_cpu) / ops;
	if (rt_reply(&srv.n.rt, srv.in, &msg) != 0)
		die("reply");
	rt_release(&srv.n.rt, srv.in);
	srv.in = NULL;
}

static void bulk_done(struct rt_bulk *b, int rc)
{
	uint64_t now = now_ns();

	if (rc != 0)
		die("bulk");
	srv.flight--;
	srv.ended++;
	if (srv.start_ended == 0 && now > srv.start_ns + WARM_NS) {
		srv.start_ns = now;
		srv.start_ended = srv.ended;
		srv.start_cpu = cpu_us();
	}
	if (srv.start_ended == 0 || now < srv.start_ns + RUN_NS)
		bulk_next(b);
	else if (srv.flight == 0)
		bulk_report();
}

static void bulk_next(struct rt_bulk *b)
{
	uint32_t i = (uint32_t)(b - srv.bulk);

	*b = (struct rt_bulk){ .in = srv.in, .done = bulk_done };
	b->op = srv.row->what == GET ? RT_BULK_GET : RT_BULK_PUT;
	b->local = buf_from_bytes(&srv.seg[i], srv.mem + i * BULK_BYTES, BULK_BYTES);
	if (rt_bulk(&srv.n.rt, b) != 0)
		die("bulk submit");
	srv.flight++;
}

static void on_request(struct rt *rt, struct rt_in *in)
{
	uint32_t i;

	if (in->expose_bytes == 0) {
		if (rt_reply(rt, in, &in->msg) != 0)
			die("reply");
		rt_release(rt, in);
		return;
	}
	srv.in = in;
	srv.ended = 0;
	srv.start_ended = 0;
	srv.start_ns = now_ns();
	for (i = 0; i < BULK_WINDOW; i++)
		bulk_next(&srv.bulk[i]);
}

static void serve(const struct row *row, int fd)
{
	struct ofi_opts o = { .provider = row->provider };
	char name[64];
	char uri[RT_URI_MAX] = "";

	pin(1);
	srv.row = row;
	srv.mem = aligned_alloc(4096, BULK_WINDOW * BULK_BYTES);
	memset(srv.mem, 0x5a, BULK_WINDOW * BULK_BYTES);
	o.host = host_of(row->provider, name, sizeof(name), "s");
	if (ofi_node_open(&srv.n, &o) != 0)
		die("open");
	srv.n.rt.on_request = on_request;
	snprintf(uri, sizeof(uri), "%s", ofi_uri(srv.n.ofi));
	if (write(fd, uri, sizeof(uri)) != (ssize_t)sizeof(uri))
		die("write");
	for (;;)
		if (ofi_node_step(&srv.n) == 0 && row->block)
			ofi_node_sleep(&srv.n, 100000000);
}

/* ---- ours: the calling process ---------------------------------------------------------------- */

#define FLIGHT 16u

static struct client {
	struct ofi_node n;
	const struct row *row;
	struct rt_peer *peer;
	uint64_t calls;
	uint64_t end_ns;
	uint32_t ults;
	bool stop;
	struct result result;
} cli;

struct one {
	struct rt_call call;	/* first */
	struct rt_event ev;
	struct bseg seg;
	uint8_t msg[MSG_BYTES];
	bool ok;
};

static void call_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct one *o = (struct one *)call;

	if (rc != 0)
		die("call");
	o->ok = reply->msg.bytes == o->seg.bytes &&
		memcmp(reply->msg.segs[0].ptr, o->msg, o->seg.bytes) == 0;
	rt_release(&cli.n.rt, reply);
	rt_event_set(&cli.n.rt, &o->ev, 0);
}

static void call_ult(void *arg)
{
	struct one o = { .call = { .peer = cli.peer } };
	struct rt *rt = arg;

	while (!cli.stop) {
		memset(o.msg, (int)cli.calls, sizeof(o.msg));
		o.call = (struct rt_call){ .peer = cli.peer, .done = call_done };
		o.call.msg = buf_from_bytes(&o.seg, o.msg, cli.row->what == RATE ? 0 : MSG_BYTES);
		rt_event_init(&o.ev);
		if (rt_call(rt, &o.call) != 0)
			die("call submit");
		(void)rt_event_wait(rt, &o.ev, RT_NEVER);
		if (!o.ok)
			die("wrong reply");
		cli.calls++;
	}
	cli.ults--;
}

static void cli_run_until(uint64_t end_ns)
{
	while (now_ns() < end_ns)
		if (ofi_node_step(&cli.n) == 0 && cli.row->block)
			ofi_node_sleep(&cli.n, 100000000);
}

static void measure_calls(void)
{
	uint32_t i;
	uint64_t calls;
	uint64_t start;
	double cpu;

	cli.ults = cli.row->what == RATE ? FLIGHT : 1;
	for (i = 0; i < cli.ults; i++)
		if (rt_spawn(&cli.n.rt, call_ult, &cli.n.rt, NULL) != 0)
			die("spawn");
	cli_run_until(now_ns() + WARM_NS);
	start = now_ns();
	calls = cli.calls;
	cpu = cpu_us();
	cli_run_until(start + RUN_NS);
	calls = cli.calls - calls;
	cpu = (cpu_us() - cpu) / (double)calls;
	if (cli.row->what == RTT)
		printf("value=%.3f unit=us cpu_us_per_op=%.2f\n",
		       (double)(now_ns() - start) / 1e3 / (double)calls, cpu);
	else
		printf("value=%.0f unit=op/s cpu_us_per_op=%.2f\n",
		       (double)calls * 1e9 / (double)(now_ns() - start), cpu);
	cli.stop = true;
	while (cli.ults > 0)
		ofi_node_step(&cli.n);
}

static bool bulk_ended;

static void bulk_call_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	(void)call;
	if (rc != 0 || reply->msg.bytes != sizeof(cli.result))
		die("bulk call");
	memcpy(&cli.result, reply->msg.segs[0].ptr, sizeof(cli.result));
	rt_release(&cli.n.rt, reply);
	bulk_ended = true;
}

static void measure_bulk(void)
{
	uint8_t *mem = aligned_alloc(4096, BULK_BYTES);
	struct rt_call call = { .peer = cli.peer, .done = bulk_call_done };
	struct bseg seg;
	struct bseg eseg;
	struct buf expose;

	memset(mem, 0, BULK_BYTES);
	expose = buf_from_bytes(&eseg, mem, BULK_BYTES);
	call.msg = buf_from_bytes(&seg, "x", 1);
	call.expose = &expose;
	call.access = cli.row->what == GET ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	if (rt_call(&cli.n.rt, &call) != 0)
		die("bulk call submit");
	while (!bulk_ended)
		ofi_node_step(&cli.n);
	if (cli.row->what == PUT && (mem[0] != 0x5a || mem[BULK_BYTES - 1] != 0x5a))
		die("wrong bytes");
	printf("value=%.0f unit=MiB/s cpu_us_per_op=%.2f note=\"CPU of the server\"\n",
	       cli.result.mib_s, cli.result.cpu_us_per_op);
	free(mem);
}

static int run_us(const struct row *row)
{
	struct ofi_opts o = { .provider = row->provider };
	char name[64];
	char uri[RT_URI_MAX];
	int sv[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) != 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(row, sv[1]);
	}
	close(sv[1]);	/* a server that dies is then noticed */
	if (read(sv[0], uri, sizeof(uri)) != (ssize_t)sizeof(uri))
		die("no server");
	pin(0);
	cli.row = row;
	o.host = host_of(row->provider, name, sizeof(name), "c");
	if (ofi_node_open(&cli.n, &o) != 0 || rt_peer_open(&cli.n.rt, uri, &cli.peer) != 0)
		die("open");
	if (row->what == RTT || row->what == RATE)
		measure_calls();
	else
		measure_bulk();
	rt_peer_close(&cli.n.rt, cli.peer);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (strcmp(row->provider, "shm") == 0)
		shm_unlink(strstr(uri, "://") + 3);
	return ofi_node_close(&cli.n) == 0 ? 0 : 1;
}

/* ---- the peer --------------------------------------------------------------------------------- */

struct meet {
	uint8_t addr[BARE_ADDR_MAX];
	size_t bytes;
	uint64_t mem;
	uint64_t key;
	uint32_t count;
};

static struct bare *bare_meet(const struct row *row, int fd, const char *who, uint8_t *mem,
			      struct meet *ret_far)
{
	struct meet near = { 0 };
	struct bare *b;
	char name[64];

	b = bare_open(row->provider, host_of(row->provider, name, sizeof(name), who), 0);
	if (b == NULL)
		exit(1);
	near.bytes = bare_name(b, near.addr);
	if (bare_expose(b, mem, BULK_BYTES, &near.mem, &near.key) != 0)
		die("expose");
	if (write(fd, &near, sizeof(near)) != (ssize_t)sizeof(near) ||
	    read(fd, ret_far, sizeof(*ret_far)) != (ssize_t)sizeof(*ret_far) ||
	    bare_connect(b, ret_far->addr, ret_far->bytes) != 0)
		die("meet");
	return b;
}

/* Rounds of known lengths, told over the socket, until one took long enough. */
static double bare_rounds(const struct row *row, struct bare *b, int fd, uint8_t *mem,
			  const struct meet *far)
{
	uint32_t count = row->what == RTT ? 2000 : 64;
	uint64_t start;
	uint64_t took;
	int rc;

	for (;;) {
		if (write(fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
			die("write");
		start = now_ns();
		if (row->what == RTT)
			rc = bare_ping(b, count, MSG_BYTES);
		else
			rc = bare_rma(b, row->what == PUT, mem, BULK_BYTES, far->mem, far->key,
				      count, BULK_WINDOW);
		took = now_ns() - start;
		if (rc != 0)
			die("bare");
		if (took > RUN_NS / 2)
			break;
		count = took * 4 > RUN_NS ? count * 2 : count * 4;
	}
	if (row->what == RTT)
		return (double)took / 1e3 / (double)count;
	return (double)count * (double)BULK_BYTES / 1048576.0 / ((double)took / 1e9);
}

static int run_peer(const struct row *row)
{
	uint8_t *mem = aligned_alloc(4096, BULK_BYTES);
	struct meet far;
	struct bare *b;
	uint32_t count;
	int sv[2];
	pid_t pid;

	memset(mem, 1, BULK_BYTES);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) != 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(1);
		b = bare_meet(row, sv[1], "s", mem, &far);
		for (;;) {
			/* For transfers the memory's owner only makes its provider work. */
			while (recv(sv[1], &count, sizeof(count), MSG_DONTWAIT) !=
			       (ssize_t)sizeof(count))
				(void)bare_progress(b);
			if (row->what == RTT && bare_pong(b, count, MSG_BYTES) != 0)
				die("pong");
			while (row->what != RTT)
				(void)bare_progress(b);
		}
	}
	close(sv[1]);
	pin(0);
	b = bare_meet(row, sv[0], "c", mem, &far);
	printf("value=%.3f unit=%s\n", bare_rounds(row, b, sv[0], mem, &far),
	       row->what == RTT ? "us" : "MiB/s");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	bare_close(b);
	if (strcmp(row->provider, "shm") == 0)
		shm_unlink((const char *)far.addr + strlen("fi_ns://"));
	free(mem);
	return 0;
}

int main(int argc, char **argv)
{
	const char *side = "us";
	const struct row *row = NULL;
	size_t i;
	int a;

	for (a = 1; a < argc; a++) {
		if (strcmp(argv[a], "--list") == 0) {
			for (i = 0; i < ARRAY_COUNT(rows); i++)
				printf("%s %s\n", rows[i].name, rows[i].limits);
			return 0;
		}
		if (strcmp(argv[a], "--row") == 0 && a + 1 < argc) {
			a++;
			for (i = 0; i < ARRAY_COUNT(rows); i++)
				if (strcmp(rows[i].name, argv[a]) == 0)
					row = &rows[i];
		} else if (strcmp(argv[a], "--side") == 0 && a + 1 < argc) {
			side = argv[++a];
		}
	}
	if (row == NULL)
		die("which row? --list tells");
	return strcmp(side, "peer") == 0 ? run_peer(row) : run_us(row);
}

/*
 * ofi between processes when one of them stops, dies, comes back or lies. The parent calls; servers are
 * children that tell what happened to them over a socket.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/ofi_node.h"

#define BIG_BYTES (64u << 20)
#define WAIT_NS 60000000000ull
#define BOUND_NS 15000000000ull	/* "in bounded time", on a loaded machine; TCP alone takes minutes */

/* What a request asks of the server, in its first byte. */
enum { CMD_ECHO = 'e', CMD_PUT = 'p', CMD_GET = 'g', CMD_HOLD = 'h', CMD_HOLD_PUT = 'q' };

/* What a server tells, and is told. */
enum { TELL_URI = 1, TELL_GOT, TELL_BULK, TELL_RELEASE, TELL_STOP, TELL_DIE };

struct tell {
	uint32_t what;
	int32_t rc;
	char uri[RT_URI_MAX];
};

/* ---- the server ------------------------------------------------------------------------------- */

static struct server {
	struct ofi_node n;
	int fd;
	struct rt_bulk bulk;
	struct bseg seg;
	struct rt_in *held;
	uint8_t *mem;
	int cmd;
} srv;

static void srv_tell(uint32_t what, int rc)
{
	struct tell t = { .what = what, .rc = rc };

	snprintf(t.uri, sizeof(t.uri), "%s", ofi_uri(srv.n.ofi));
	(void)!write(srv.fd, &t, sizeof(t));	/* a parent that is gone needs no telling */
}

static void srv_bulk_done(struct rt_bulk *b, int rc)
{
	srv_tell(TELL_BULK, rc);
	if (rc == 0)
		ASSERT(rt_reply(&srv.n.rt, b->in, &b->in->msg) == 0);
	rt_release(&srv.n.rt, b->in);
}

static void srv_bulk(struct rt_in *in)
{
	int rc;

	srv.bulk = (struct rt_bulk){ .in = in, .done = srv_bulk_done };
	srv.bulk.op = srv.cmd == CMD_GET ? RT_BULK_GET : RT_BULK_PUT;
	srv.bulk.local = buf_from_bytes(&srv.seg, srv.mem, in->expose_bytes);
	rc = rt_bulk(&srv.n.rt, &srv.bulk);
	if (rc != 0)
		srv_bulk_done(&srv.bulk, rc);
}

static void srv_request(struct rt *rt, struct rt_in *in)
{
	int cmd = *(char *)in->msg.segs[0].ptr;

	if (cmd == CMD_ECHO) {
		ASSERT(rt_reply(rt, in, &in->msg) == 0);
		rt_release(rt, in);
		return;
	}
	srv.cmd = cmd;
	srv_tell(TELL_GOT, cmd);
	if (cmd == CMD_HOLD || cmd == CMD_HOLD_PUT)
		srv.held = in;
	else
		srv_bulk(in);
}

static void srv_run(const struct ofi_opts *opts, int fd)
{
	struct tell t;

	memset(&srv, 0, sizeof(srv));
	srv.fd = fd;
	srv.n.quiet = true;
	srv.mem = malloc(BIG_BYTES);
	ASSERT(srv.mem != NULL);
	memset(srv.mem, 0x5a, BIG_BYTES);
	ASSERT(ofi_node_open(&srv.n, opts) == 0);
	srv.n.rt.on_request = srv_request;
	srv_tell(TELL_URI, 0);
	for (;;) {
		if (ofi_node_step(&srv.n) == 0)
			ofi_node_sleep(&srv.n, 1000000);
		if (recv(fd, &t, sizeof(t), MSG_DONTWAIT) != (ssize_t)sizeof(t))
			continue;
		if (t.what == TELL_STOP)
			raise(SIGSTOP);
		if (t.what == TELL_DIE)
			raise(SIGKILL);
		if (t.what != TELL_RELEASE)
			continue;
		if (srv.cmd == CMD_HOLD_PUT) {
			srv_bulk(srv.held);
		} else {
			ASSERT(rt_reply(&srv.n.rt, srv.held, &srv.held->msg) == 0);
			rt_release(&srv.n.rt, srv.held);
		}
		srv.held = NULL;
	}
}

struct child {
	pid_t pid;
	int fd;
	bool shm;
	bool stopped;
	char uri[RT_URI_MAX];
	char name[64];
	uint16_t port;
};

/* ---- the client --------------------------------------------------------------------------------- */

struct one {
	struct rt_call call;	/* first */
	struct bseg seg;
	struct bseg eseg;
	struct buf expose;
	uint8_t msg[8];
	bool ended;
	int rc;
	uint64_t end_ns;
};

static struct ofi_node cli;

static void step(void)
{
	if (ofi_node_step(&cli) == 0)
		ofi_node_sleep(&cli, 200000);
}

static void on_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct one *o = (struct one *)call;

	assert_false(o->ended);
	o->ended = true;
	o->rc = rc;
	o->end_ns = rt_now_ns(&cli.rt);
	if (reply != NULL)
		rt_release(&cli.rt, reply);
}

static void start(struct one *o, struct rt_peer *peer, int cmd, void *mem, size_t bytes)
{
	memset(o, 0, sizeof(*o));
	o->msg[0] = (uint8_t)cmd;
	o->call = (struct rt_call){ .peer = peer, .done = on_done };
	o->call.msg = buf_from_bytes(&o->seg, o->msg, sizeof(o->msg));
	if (mem != NULL) {
		o->expose = buf_from_bytes(&o->eseg, mem, bytes);
		o->call.expose = &o->expose;
		o->call.access = RT_ACCESS_READ | RT_ACCESS_WRITE;
	}
	assert_int_equal(rt_call(&cli.rt, &o->call), 0);
}

static void finish(struct one *o)
{
	uint64_t end = rt_now_ns(&cli.rt) + WAIT_NS;

	while (!o->ended) {
		step();
		assert_true(rt_now_ns(&cli.rt) < end);
	}
}

static void echo_ok(struct rt_peer *peer)
{
	struct one o;

	start(&o, peer, CMD_ECHO, NULL, 0);
	finish(&o);
	assert_int_equal(o.rc, 0);
}

/* The next thing that @c tells, while the client goes on working. */
static int told(struct child *c, uint32_t what)
{
	uint64_t end = rt_now_ns(&cli.rt) + WAIT_NS;
	struct tell t;

	for (;;) {
		ssize_t n = recv(c->fd, &t, sizeof(t), MSG_DONTWAIT);

		if (n == (ssize_t)sizeof(t)) {
			assert_int_equal(t.what, what);
			return t.rc;
		}
		assert_true(n < 0);	/* else the child died */
		step();
		assert_true(rt_now_ns(&cli.rt) < end);
	}
}

static struct ofi_opts opts_for(const char *provider)
{
	return (struct ofi_opts){
		.provider = provider,
		.host = strcmp(provider, "shm") == 0 ? NULL : "127.0.0.1",
	};
}

/* In a child: no test framework that catches signals and runs on with the other tests. */
static void child_begin(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void child_start(struct child *c, const char *provider)
{
	struct ofi_opts o = opts_for(provider);
	struct tell t;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	c->shm = strcmp(provider, "shm") == 0;
	if (c->name[0] != '\0')
		o.host = c->name;
	o.port = c->port;
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		child_begin();
		close(sv[0]);
		srv_run(&o, sv[1]);
		_exit(0);
	}
	close(sv[1]);
	c->fd = sv[0];
	assert_int_equal(read(c->fd, &t, sizeof(t)), sizeof(t));
	assert_int_equal(t.what, TELL_URI);
	snprintf(c->uri, sizeof(c->uri), "%s", t.uri);
	if (strcmp(provider, "shm") == 0)
		snprintf(c->name, sizeof(c->name), "%s", strstr(t.uri, "://") + 3);
	else
		c->port = (uint16_t)atoi(strrchr(t.uri, ':') + 1);
}

/*
 * shm keeps its locks in memory that processes share. Who is stopped or killed while it holds one stops
 * everybody who talks to it, and nothing outside of the provider can help that; so there a child
 * stops and dies between two polls. Elsewhere anywhere.
 */
static void child_tell(struct child *c, uint32_t what)
{
	struct tell t = { .what = what };

	assert_int_equal(write(c->fd, &t, sizeof(t)), sizeof(t));
}

static void child_kill(struct child *c)
{
	if (c->shm && !c->stopped)
		child_tell(c, TELL_DIE);
	else
		kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->fd);
	c->stopped = false;
}

/* Stop it, and know that it has stopped. */
static void child_stop(struct child *c)
{
	int st;

	if (c->shm)
		child_tell(c, TELL_STOP);
	else
		kill(c->pid, SIGSTOP);
	assert_int_equal(waitpid(c->pid, &st, WUNTRACED), c->pid);
	assert_true(WIFSTOPPED(st));
	c->stopped = true;
}

static void child_go_on(struct child *c)
{
	c->stopped = false;
	kill(c->pid, SIGCONT);
}

/* Children are started before the client opens, so that they inherit nothing of it. */
static void client_open(const char *provider)
{
	struct ofi_opts o = opts_for(provider);

	memset(&cli, 0, sizeof(cli));
	cli.quiet = true;
	assert_int_equal(ofi_node_open(&cli, &o), 0);
}

static struct rt_peer *peer_open(struct child *c)
{
	struct rt_peer *p;

	assert_int_equal(rt_peer_open(&cli.rt, c->uri, &p), 0);
	return p;
}

static void client_close(void)
{
	assert_int_equal(ofi_node_close(&cli), 0);
}

static uint8_t *big_map(void)
{
	uint8_t *m = mmap(NULL, BIG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);

	assert_true(m != MAP_FAILED);
	memset(m, 0, BIG_BYTES);
	return m;
}

static size_t count_not(const uint8_t *m, uint8_t byte)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < BIG_BYTES; i++)
		n += m[i] != byte;
	return n;
}

static bool is_tcp(void **state)
{
	return strcmp(*state, "shm") != 0;
}

/* ---- a stopped server ------------------------------------------------------------------------- */

/* While it writes: the call ends soon, and after it nothing is written, though the server goes on. */
static void test_stop_in_put(void **state)
{
	struct child c = { 0 };
	struct ofi_stats st;
	struct rt_peer *p;
	uint64_t t0;
	uint8_t *m;
	struct one o;

	child_start(&c, *state);
	client_open(*state);
	p = peer_open(&c);
	echo_ok(p);
	m = big_map();
	start(&o, p, CMD_PUT, m, BIG_BYTES);
	assert_int_equal(told(&c, TELL_GOT), CMD_PUT);
	while (((volatile uint8_t *)m)[0] == 0)
		ofi_node_step(&cli);
	child_stop(&c);
	assert_false(o.ended);
	rt_cancel(&cli.rt, &o.call);
	assert_false(o.ended);
	t0 = rt_now_ns(&cli.rt);
	finish(&o);
	assert_int_equal(o.rc, -DER_CANCELED);
	assert_true(o.end_ns - t0 < BOUND_NS);
	memset(m, 0x11, BIG_BYTES);
	child_go_on(&c);
	assert_int_not_equal(told(&c, TELL_BULK), 0);
	echo_ok(p);	/* whatever was under way has arrived before this */
	assert_int_equal(count_not(m, 0x11), 0);
	ofi_stats(cli.ofi, &st);
	assert_int_equal(st.severed, is_tcp(state) ? 1 : 0);
	munmap(m, BIG_BYTES);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

/* Reading: the memory may be unmapped once the call has ended. */
static void test_stop_in_get(void **state)
{
	struct child c = { 0 };
	struct rt_peer *p;
	uint8_t *m;
	struct one o;
	int i;

	child_start(&c, *state);
	client_open(*state);
	p = peer_open(&c);
	echo_ok(p);
	m = big_map();
	start(&o, p, CMD_GET, m, BIG_BYTES);
	assert_int_equal(told(&c, TELL_GOT), CMD_GET);
	for (i = 0; i < 3; i++)
		ofi_node_step(&cli);
	child_stop(&c);
	rt_cancel(&cli.rt, &o.call);
	finish(&o);
	assert_true(o.rc == -DER_CANCELED || o.rc == 0);
	munmap(m, BIG_BYTES);
	child_go_on(&c);
	if (o.rc != 0)
		assert_int_not_equal(told(&c, TELL_BULK), 0);
	else
		assert_int_equal(told(&c, TELL_BULK), 0);
	echo_ok(p);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

/* Before it writes: the write that comes afterwards finds nothing. */
static void test_stop_before_put(void **state)
{
	struct child c = { 0 };
	struct rt_peer *p;
	struct tell t = { .what = TELL_RELEASE };
	uint8_t *m;
	struct one o;

	child_start(&c, *state);
	client_open(*state);
	p = peer_open(&c);
	m = big_map();
	start(&o, p, CMD_HOLD_PUT, m, BIG_BYTES);
	assert_int_equal(told(&c, TELL_GOT), CMD_HOLD_PUT);
	child_stop(&c);
	rt_cancel(&cli.rt, &o.call);
	finish(&o);
	assert_int_equal(o.rc, -DER_CANCELED);
	memset(m, 0x22, BIG_BYTES);
	assert_int_equal(write(c.fd, &t, sizeof(t)), sizeof(t));
	child_go_on(&c);
	assert_int_not_equal(told(&c, TELL_BULK), 0);
	echo_ok(p);
	assert_int_equal(count_not(m, 0x22), 0);
	munmap(m, BIG_BYTES);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

/* A live server lets go when asked: nothing is cut, and calls to it go on. */
static void test_cancel_live(void **state)
{
	struct child c = { 0 };
	struct ofi_stats st;
	struct rt_peer *p;
	uint8_t *m;
	struct one o;
	struct one other;

	child_start(&c, *state);
	client_open(*state);
	p = peer_open(&c);
	echo_ok(p);
	m = big_map();
	start(&o, p, CMD_PUT, m, BIG_BYTES);
	assert_int_equal(told(&c, TELL_GOT), CMD_PUT);
	while (((volatile uint8_t *)m)[0] == 0)
		ofi_node_step(&cli);
	start(&other, p, CMD_ECHO, NULL, 0);
	rt_cancel(&cli.rt, &o.call);
	rt_cancel(&cli.rt, &o.call);	/* twice is once */
	finish(&o);
	assert_int_equal(o.rc, -DER_CANCELED);
	memset(m, 0x33, BIG_BYTES);
	finish(&other);
	assert_int_equal(other.rc, 0);
	assert_int_equal(told(&c, TELL_BULK), -DER_CANCELED);
	echo_ok(p);
	assert_int_equal(count_not(m, 0x33), 0);
	ofi_stats(cli.ofi, &st);
	assert_int_equal(st.severed, 0);
	assert_int_equal(st.peers_lost, 0);
	munmap(m, BIG_BYTES);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

/* Two servers: one stops in the middle of a write; calls to the other never fail. */
static void test_harms_nobody(void **state)
{
	struct child bad = { 0 };
	struct child good = { 0 };
	struct rt_peer *pb;
	struct rt_peer *pg;
	uint32_t echoes = 0;
	struct one echo;
	struct one put;
	struct one o;
	uint8_t *m;
	uint8_t *n;

	child_start(&bad, *state);
	child_start(&good, *state);
	client_open(*state);
	pb = peer_open(&bad);
	pg = peer_open(&good);
	echo_ok(pb);
	echo_ok(pg);
	m = big_map();
	n = big_map();
	start(&o, pb, CMD_PUT, m, BIG_BYTES);
	assert_int_equal(told(&bad, TELL_GOT), CMD_PUT);
	while (((volatile uint8_t *)m)[0] == 0)
		ofi_node_step(&cli);
	child_stop(&bad);
	start(&put, pg, CMD_PUT, n, BIG_BYTES);
	start(&echo, pg, CMD_ECHO, NULL, 0);
	rt_cancel(&cli.rt, &o.call);
	while (!o.ended || !put.ended) {
		step();
		if (echo.ended) {
			assert_int_equal(echo.rc, 0);
			echoes++;
			start(&echo, pg, CMD_ECHO, NULL, 0);
		}
	}
	assert_int_equal(o.rc, -DER_CANCELED);
	assert_int_equal(put.rc, 0);
	assert_int_equal(count_not(n, 0x5a), 0);
	assert_true(echoes > 0);
	finish(&echo);
	assert_int_equal(echo.rc, 0);
	munmap(m, BIG_BYTES);
	munmap(n, BIG_BYTES);
	rt_peer_close(&cli.rt, pb);
	rt_peer_close(&cli.rt, pg);
	client_close();
	child_kill(&bad);
	child_kill(&good);
}

/* ---- a dead server ------------------------------------------------------------------------------ */

static void test_kill(void **state)
{
	struct child c = { 0 };
	struct rt_peer *p;
	uint64_t t0;
	uint8_t *m;
	struct one hold;
	struct one put;
	struct one late;

	child_start(&c, *state);
	client_open(*state);
	p = peer_open(&c);
	m = big_map();
	start(&hold, p, CMD_HOLD, NULL, 0);
	assert_int_equal(told(&c, TELL_GOT), CMD_HOLD);
	start(&put, p, CMD_PUT, m, BIG_BYTES);
	assert_int_equal(told(&c, TELL_GOT), CMD_PUT);
	while (((volatile uint8_t *)m)[0] == 0)
		ofi_node_step(&cli);
	child_kill(&c);
	t0 = rt_now_ns(&cli.rt);
	finish(&hold);
	finish(&put);
	memset(m, 0x44, BIG_BYTES);
	assert_int_equal(hold.rc, -DER_UNREACH);
	assert_int_equal(put.rc, -DER_UNREACH);
	assert_true(hold.end_ns - t0 < BOUND_NS && put.end_ns - t0 < BOUND_NS);
	start(&late, p, CMD_ECHO, NULL, 0);
	t0 = rt_now_ns(&cli.rt);
	finish(&late);
	assert_int_equal(late.rc, -DER_UNREACH);
	assert_true(late.end_ns - t0 < BOUND_NS);
	assert_int_equal(count_not(m, 0x44), 0);

	/* Back at the same address: by the old peer, and by one opened anew. */
	child_start(&c, *state);
	echo_ok(p);
	rt_peer_close(&cli.rt, p);
	p = peer_open(&c);
	echo_ok(p);
	start(&put, p, CMD_PUT, m, BIG_BYTES);
	assert_int_equal(told(&c, TELL_GOT), CMD_PUT);
	finish(&put);
	assert_int_equal(put.rc, 0);
	assert_int_equal(count_not(m, 0x5a), 0);
	munmap(m, BIG_BYTES);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

/* It dies and is back before anybody looked: the call that it had is not left hanging. */
static void test_restart(void **state)
{
	struct child c = { 0 };
	struct rt_peer *p;
	struct one hold;
	uint64_t t0;

	child_start(&c, *state);
	client_open(*state);
	p = peer_open(&c);
	start(&hold, p, CMD_HOLD, NULL, 0);
	assert_int_equal(told(&c, TELL_GOT), CMD_HOLD);
	child_kill(&c);
	child_start(&c, *state);
	t0 = rt_now_ns(&cli.rt);
	finish(&hold);
	assert_int_equal(hold.rc, -DER_UNREACH);
	assert_true(hold.end_ns - t0 < BOUND_NS);
	echo_ok(p);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

static void test_nobody(void **state)
{
	struct child c = { 0 };
	struct rt_peer *p;
	struct one o;
	uint64_t t0;

	child_start(&c, *state);	/* for an address that nobody has afterwards */
	child_kill(&c);
	client_open(*state);
	p = peer_open(&c);
	start(&o, p, CMD_ECHO, NULL, 0);
	t0 = rt_now_ns(&cli.rt);
	finish(&o);
	assert_int_equal(o.rc, -DER_UNREACH);
	assert_true(o.end_ns - t0 < BOUND_NS);
	child_start(&c, *state);
	echo_ok(p);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

/* A stopped server is not a dead one: the call waits for its caller's deadline, and the answer comes. */
static void test_stopped_is_not_dead(void **state)
{
	struct child c = { 0 };
	struct rt_peer *p;
	struct one o;
	uint64_t end;

	child_start(&c, *state);
	client_open(*state);
	p = peer_open(&c);
	echo_ok(p);
	child_stop(&c);
	start(&o, p, CMD_ECHO, NULL, 0);
	end = rt_now_ns(&cli.rt) + 800000000u;	/* several times silent_ns */
	while (rt_now_ns(&cli.rt) < end)
		step();
	assert_false(o.ended);
	child_go_on(&c);
	finish(&o);
	assert_int_equal(o.rc, 0);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

/* ---- a dead client ------------------------------------------------------------------------------ */

/* The client is killed while the server moves its memory: the transfer ends, the server serves on. */
static void client_dies(void **state, int cmd)
{
	struct child c = { 0 };
	struct rt_peer *p;
	struct one o;
	uint8_t *m;
	pid_t pid;
	int go[2];
	char byte;

	child_start(&c, *state);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		child_begin();
		client_open(*state);
		p = peer_open(&c);
		m = big_map();
		echo_ok(p);
		start(&o, p, cmd, m, BIG_BYTES);
		assert_int_equal(told(&c, TELL_GOT), cmd);
		ofi_node_step(&cli);
		assert_int_equal(write(go[1], "x", 1), 1);
		for (;;)
			pause();	/* makes no progress; the transfer is stuck in the middle */
	}
	assert_int_equal(read(go[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(go[0]);
	close(go[1]);
	client_open(*state);
	p = peer_open(&c);
	assert_int_equal(told(&c, TELL_BULK), -DER_UNREACH);
	echo_ok(p);
	rt_peer_close(&cli.rt, p);
	client_close();
	child_kill(&c);
}

static void test_client_dies_put(void **state)
{
	client_dies(state, CMD_PUT);
}

static void test_client_dies_get(void **state)
{
	client_dies(state, CMD_GET);
}

#define EACH(fn)                                                                                   \
	{ #fn " tcp", fn, NULL, NULL, (void *)"tcp;ofi_rxm" },                                     \
	{ #fn " net", fn, NULL, NULL, (void *)"net" },                                             \
	{ #fn " shm", fn, NULL, NULL, (void *)"shm" }

/* Who opens next removes what the killed left; nobody may come after us. */
static int sweep(void **state)
{
	struct ofi_opts o = { .provider = "shm" };
	struct ofi_node n = { .quiet = true };

	(void)state;
	return ofi_node_open(&n, &o) != 0 || ofi_node_close(&n) != 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		EACH(test_stop_in_put),
		EACH(test_stop_in_get),
		EACH(test_stop_before_put),
		EACH(test_cancel_live),
		EACH(test_harms_nobody),
		EACH(test_kill),
		EACH(test_restart),
		EACH(test_nobody),
		EACH(test_stopped_is_not_dead),
		EACH(test_client_dies_put),
		EACH(test_client_dies_get),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, sweep);
}

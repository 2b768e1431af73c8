/* ofi over each provider that runs here: opening, calls, transfers, limits. Faults: test_ofi_fault.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/ofi_node.h"

#define WAIT_NS 20000000000ull

struct pair {
	struct ofi_node a;	/* calls */
	struct ofi_node b;	/* serves */
	struct rt_peer *peer;
	const char *provider;
	/* What b does with requests. */
	enum { ECHO, HOLD, BULK } mode;
	struct rt_in *held[4096];
	uint32_t held_count;
	struct rt_bulk bulk;
	struct buf bulk_local;
	enum rt_bulk_op bulk_op;
	uint64_t bulk_off;
	int bulk_submit_rc;
	int bulk_rc;
	bool bulk_ended;
	/* What a got. */
	struct rt *releaser;	/* whose replies they are, when not a's */
	int done_rc;
	uint32_t done_count;
	uint8_t reply[RT_MSG_MAX_BYTES];
	uint64_t reply_bytes;
};

static struct pair *the_pair;

static struct ofi_opts base_opts(const char *provider)
{
	return (struct ofi_opts){
		.provider = provider,
		.host = strcmp(provider, "shm") != 0 ? "127.0.0.1" : NULL,
	};
}

static void reply_to(struct pair *p, struct rt_in *in)
{
	assert_int_equal(rt_reply(&p->b.rt, in, &in->msg), 0);
	rt_release(&p->b.rt, in);
}

static void on_bulk(struct rt_bulk *bulk, int rc)
{
	struct pair *p = the_pair;

	p->bulk_rc = rc;
	p->bulk_ended = true;
	reply_to(p, bulk->in);
}

static void on_request(struct rt *rt, struct rt_in *in)
{
	struct pair *p = the_pair;

	assert_ptr_equal(rt, &p->b.rt);
	switch (p->mode) {
	case ECHO:
		reply_to(p, in);
		break;
	case HOLD:
		assert_true(p->held_count < ARRAY_COUNT(p->held));
		p->held[p->held_count++] = in;
		break;
	case BULK:
		p->bulk = (struct rt_bulk){
			.in = in,
			.op = p->bulk_op,
			.remote_off = p->bulk_off,
			.local = p->bulk_local,
			.done = on_bulk,
		};
		p->bulk_submit_rc = rt_bulk(rt, &p->bulk);
		assert_false(p->bulk_ended);	/* never inside the submit */
		if (p->bulk_submit_rc != 0)
			reply_to(p, in);
		break;
	}
}

static void on_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct pair *p = the_pair;

	(void)call;
	p->done_rc = rc;
	p->done_count++;
	assert_true((rc == 0) == (reply != NULL));
	if (reply == NULL)
		return;
	assert_int_equal(reply->expose_bytes, 0);
	p->reply_bytes = reply->msg.bytes;
	assert_int_equal((uintptr_t)reply->msg.segs[0].ptr % 8, 0);
	memcpy(p->reply, reply->msg.segs[0].ptr, reply->msg.bytes);
	rt_release(p->releaser != NULL ? p->releaser : &p->a.rt, reply);
}

static void step(struct pair *p)
{
	if (ofi_node_step(&p->a) + ofi_node_step(&p->b) == 0)
		ofi_node_sleep(&p->a, 20000);
}

/* Step until @n calls are done in all. */
static void wait_done(struct pair *p, uint32_t n)
{
	uint64_t end = rt_now_ns(&p->a.rt) + WAIT_NS;

	while (p->done_count < n) {
		step(p);
		assert_true(rt_now_ns(&p->a.rt) < end);
	}
}

static void pair_open_with(struct pair *p, const char *provider, const struct ofi_opts *a,
			   const struct ofi_opts *b)
{
	memset(p, 0, sizeof(*p));
	p->provider = provider;
	the_pair = p;
	assert_int_equal(ofi_node_open(&p->a, a), 0);
	assert_int_equal(ofi_node_open(&p->b, b), 0);
	p->b.rt.on_request = on_request;
	assert_string_equal(ofi_provider(p->b.ofi), provider);
	assert_int_equal(rt_peer_open(&p->a.rt, ofi_uri(p->b.ofi), &p->peer), 0);
}

static void pair_open(struct pair *p, const char *provider)
{
	struct ofi_opts o = base_opts(provider);

	pair_open_with(p, provider, &o, &o);
}

static void pair_close(struct pair *p)
{
	rt_peer_close(&p->a.rt, p->peer);
	assert_int_equal(ofi_node_close(&p->a), 0);
	assert_int_equal(ofi_node_close(&p->b), 0);
}

static struct pair *pair_new(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	pair_open(p, *state);
	return p;
}

static void pair_free(struct pair *p)
{
	pair_close(p);
	free(p);
}

static struct rt_call call_of(struct pair *p, struct bseg *seg, const void *ptr, uint64_t bytes)
{
	struct rt_call c = { .peer = p->peer, .done = on_done };

	c.msg = buf_from_bytes(seg, ptr, bytes);
	return c;
}

static void pattern(uint8_t *ptr, size_t bytes, uint64_t seed)
{
	gen_fill(seed + 1, 0, ptr, bytes);
}

/* ---- opening ---------------------------------------------------------------------------------- */

static void test_open(void **state)
{
	struct ofi_opts o = base_opts(*state);
	struct ofi_node n = { .quiet = true };
	struct ofi_node m = { .quiet = true };
	char uri[RT_URI_MAX];
	char prefix[64];

	assert_int_equal(ofi_node_open(&n, &o), 0);
	assert_string_equal(ofi_provider(n.ofi), *state);
	snprintf(prefix, sizeof(prefix), "ofi+%s://", (const char *)*state);
	snprintf(uri, sizeof(uri), "%s", ofi_uri(n.ofi));
	assert_memory_equal(uri, prefix, strlen(prefix));

	/* The same address a second time. */
	if (strcmp(*state, "shm") == 0) {
		o.host = uri + strlen(prefix);
	} else {
		assert_non_null(strstr(uri, "127.0.0.1:"));
		o.port = (uint16_t)atoi(strrchr(uri, ':') + 1);
	}
	assert_int_equal(ofi_node_open(&m, &o), -DER_BUSY);
	assert_int_equal(m.arena.count, 0);
	assert_int_equal(ofi_node_close(&n), 0);
	/* … is free again after a close. */
	assert_int_equal(ofi_node_open(&m, &o), 0);
	assert_string_equal(ofi_uri(m.ofi), uri);
	assert_int_equal(ofi_node_close(&m), 0);
}

static void test_refuse(void **state)
{
	struct ofi_node n = { .quiet = true };
	struct ofi_opts o = { .provider = "tcp", .host = "127.0.0.1" };

	(void)state;
	assert_int_equal(ofi_node_open(&n, &o), -DER_NOTSUPPORTED);
	assert_non_null(strstr(n.last_log, "provider=tcp"));
	o.provider = "sockets";
	assert_int_equal(ofi_node_open(&n, &o), -DER_NOTSUPPORTED);
	o.provider = "verbs;ofi_rxm";
	assert_int_equal(ofi_node_open(&n, &o), -DER_NONEXIST);
	assert_non_null(strstr(n.last_log, "provider=verbs;ofi_rxm"));
	o.provider = NULL;
	assert_int_equal(ofi_node_open(&n, &o), -DER_INVAL);

	o = (struct ofi_opts){ .provider = "net", .interface = "nosuch0" };
	assert_int_equal(ofi_node_open(&n, &o), -DER_NONEXIST);
	assert_non_null(strstr(n.last_log, "nosuch0"));
	o = (struct ofi_opts){ .provider = "net", .host = "127.0.0.1", .domain = "nosuch0" };
	assert_int_equal(ofi_node_open(&n, &o), -DER_NONEXIST);
	o = (struct ofi_opts){ .provider = "net", .host = "127.0.0.1", .rx_buf_count = 1 };
	assert_int_equal(ofi_node_open(&n, &o), -DER_INVAL);
	o = (struct ofi_opts){ .provider = "net", .host = "127.0.0.1", .auth_key = "00ff" };
	assert_int_equal(ofi_node_open(&n, &o), -DER_NOTSUPPORTED);
	assert_non_null(strstr(n.last_log, "authorisation key"));
	o.auth_key = "0";
	assert_int_equal(ofi_node_open(&n, &o), -DER_INVAL);
	o.auth_key = "0x";
	assert_int_equal(ofi_node_open(&n, &o), -DER_INVAL);
	o = (struct ofi_opts){ .provider = "shm", .host = "a/b" };
	assert_int_equal(ofi_node_open(&n, &o), -DER_INVAL);
	assert_int_equal(n.arena.count, 0);
}

static void test_interface(void **state)
{
	struct ofi_opts o = { .provider = *state, .interface = "lo", .numa_node = 1 };
	struct ofi_node n = { .quiet = true };

	if (strcmp(*state, "shm") == 0)
		return;		/* it has no interfaces */
	assert_int_equal(ofi_node_open(&n, &o), 0);
	assert_non_null(strstr(ofi_uri(n.ofi), "://127.0.0.1:"));
	assert_int_equal(ofi_node_close(&n), 0);
}

/* A killed process cannot remove its endpoint's memory; the next one to open does, and no living one's. */
static void test_shm_left_behind(void **state)
{
	struct ofi_opts o = base_opts("shm");
	struct ofi_node live = { .quiet = true };
	struct ofi_node next = { .quiet = true };
	char name[64] = "";
	int fds[2];
	int fd;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(ofi_node_open(&live, &o), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ofi_node n = { .quiet = true };

		if (ofi_node_open(&n, &o) == 0)
			(void)!write(fds[1], ofi_uri(n.ofi) + strlen("ofi+shm://"),
				     strlen(ofi_uri(n.ofi)) - strlen("ofi+shm://"));
		(void)raise(SIGKILL);
	}
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(read(fds[0], name, sizeof(name) - 1) > 0);
	assert_int_equal(close(fds[0]), 0);

	fd = shm_open(name, O_RDONLY, 0);
	assert_true(fd >= 0 || errno == ENOENT);	/* unless somebody was faster */
	if (fd >= 0)
		assert_int_equal(close(fd), 0);
	assert_int_equal(ofi_node_open(&next, &o), 0);
	assert_int_equal(shm_open(name, O_RDONLY, 0), -1);
	assert_int_equal(errno, ENOENT);
	fd = shm_open(ofi_uri(live.ofi) + strlen("ofi+shm://"), O_RDONLY, 0);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(ofi_node_close(&next), 0);
	assert_int_equal(ofi_node_close(&live), 0);
}

static void test_uri(void **state)
{
	static const char *const bad[] = {
		"",
		"ofi+",
		"127.0.0.1:1",
		"local://a",
		"ofi+nosuch://127.0.0.1:1",
		"ofi+net:/127.0.0.1:1",
		"ofi+net://127.0.0.1",
		"ofi+net://127.0.0.1:",
		"ofi+net://127.0.0.1:0",
		"ofi+net://127.0.0.1:65536",
		"ofi+net://127.0.0.1:1x",
		"ofi+net://127.0.0.1:-1",
		"ofi+net://:1",
		"ofi+net://[::1:1",
		"ofi+shm://",
		"ofi+shm://a/b",
		"ofi+shm://x y",
		"ofi+tcp;ofi_rxm://300.0.0.1:1",
	};
	struct ofi_opts o = base_opts(*state);
	struct ofi_node n = { .quiet = true };
	struct rt_peer *peer;
	char longest[RT_URI_MAX + 8];
	size_t i;

	assert_int_equal(ofi_node_open(&n, &o), 0);
	for (i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(rt_peer_open(&n.rt, bad[i], &peer), -DER_INVAL);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(rt_peer_open(&n.rt, longest, &peer), -DER_INVAL);
	assert_int_equal(ofi_node_close(&n), 0);
}

/* ---- calls ------------------------------------------------------------------------------------ */

static void test_sizes(void **state)
{
	static const uint32_t sizes[] = {
		0, 1, 7, 8, 63, 64, 65, 4095, 8192, 16000, RT_MSG_MAX_BYTES
	};
	static uint8_t msg[RT_MSG_MAX_BYTES + 1];
	struct pair *p = pair_new(state);
	struct rt_call c;
	struct bseg seg;
	uint32_t i;

	pattern(msg, sizeof(msg), 1);
	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		c = call_of(p, &seg, msg, sizes[i]);
		assert_int_equal(rt_call(&p->a.rt, &c), 0);
		assert_int_equal(p->done_count, i);	/* never inside the submit */
		wait_done(p, i + 1);
		assert_int_equal(p->done_rc, 0);
		assert_int_equal(p->reply_bytes, sizes[i]);
		assert_memory_equal(p->reply, msg, sizes[i]);
	}
	c = call_of(p, &seg, msg, RT_MSG_MAX_BYTES + 1);
	assert_int_equal(rt_call(&p->a.rt, &c), -DER_OVERFLOW);
	pair_free(p);
}

static void test_segments_and_phantoms(void **state)
{
	struct pair *p = pair_new(state);
	char text[] = "one two three";
	struct bseg segs[3];
	struct rt_call c;
	struct buf expose;
	struct bseg gen;

	c = call_of(p, &segs[0], text, 4);
	buf_from_bytes(&segs[1], text + 4, 4);
	buf_from_bytes(&segs[2], text + 8, 5);
	c.msg.nr = 3;
	c.msg.bytes = 13;
	assert_int_equal(rt_call(&p->a.rt, &c), 0);
	wait_done(p, 1);
	assert_int_equal(p->reply_bytes, 13);
	assert_memory_equal(p->reply, text, 13);

	expose = buf_from_gen(&gen, 3, 0, 100);
	c = call_of(p, &segs[0], text, 4);
	c.expose = &expose;
	c.access = RT_ACCESS_READ;
	assert_int_equal(rt_call(&p->a.rt, &c), -DER_INVAL);
	c = (struct rt_call){ .peer = p->peer, .done = on_done, .msg = expose };
	assert_int_equal(rt_call(&p->a.rt, &c), -DER_INVAL);
	pair_free(p);
}

static void test_many(void **state)
{
	enum { N = 3000 };
	struct pair *p = pair_new(state);
	struct rt_call *calls = calloc(N, sizeof(*calls));
	struct bseg *segs = calloc(N, sizeof(*segs));
	uint32_t *msg = calloc(N, sizeof(*msg));
	uint32_t again = 0;
	uint32_t i;

	for (i = 0; i < N; i++) {
		int rc;

		msg[i] = i;
		calls[i] = call_of(p, &segs[i], &msg[i], sizeof(msg[i]));
		while ((rc = rt_call(&p->a.rt, &calls[i])) == -DER_AGAIN) {
			again++;
			step(p);
		}
		assert_int_equal(rc, 0);
	}
	wait_done(p, N);
	assert_int_equal(p->done_rc, 0);
	assert_true(again > 0);		/* call_max is below N */
	assert_true(p->done_count == N);
	free(calls);
	free(segs);
	free(msg);
	pair_free(p);
}

/* A receiver that keeps its messages does not stop the messages of others. */
static void test_hold(void **state)
{
	enum { N = 2000, BYTES = 2000 };
	struct ofi_opts o = base_opts(*state);
	struct pair *p = calloc(1, sizeof(*p));
	struct rt_call *calls = calloc(N, sizeof(*calls));
	struct bseg *segs = calloc(N, sizeof(*segs));
	uint8_t *msg = malloc(N * BYTES);
	struct ofi_stats st;
	uint32_t i;

	o.rx_buf_bytes = 64 << 10;
	o.rx_buf_count = 4;
	o.call_max = N;
	pair_open_with(p, *state, &o, &o);
	p->mode = HOLD;
	pattern(msg, N * BYTES, 5);
	for (i = 0; i < N; i++) {
		calls[i] = call_of(p, &segs[i], msg + i * BYTES, BYTES);
		while (rt_call(&p->a.rt, &calls[i]) == -DER_AGAIN)
			step(p);
	}
	while (p->held_count < N)
		step(p);
	ofi_stats(p->b.ofi, &st);
	assert_true(st.rx_copies > 0);
	for (i = 0; i < N; i++) {	/* none was overwritten while it was held */
		assert_int_equal(p->held[i]->msg.bytes, BYTES);
		assert_memory_equal(p->held[i]->msg.segs[0].ptr, msg + i * BYTES, BYTES);
	}
	for (i = 0; i < N; i++) {
		struct rt_in *in = p->held[(i * 7) % N];

		while (rt_reply(&p->b.rt, in, &in->msg) == -DER_NOMEM)
			step(p);	/* packets come back */
		rt_release(&p->b.rt, in);
	}
	wait_done(p, N);
	assert_int_equal(p->done_rc, 0);
	free(calls);
	free(segs);
	free(msg);
	pair_free(p);
}

static void test_self(void **state)
{
	struct pair *p = pair_new(state);
	struct rt_peer *self;
	struct rt_call c;
	struct bseg seg;

	assert_int_equal(rt_peer_open(&p->b.rt, ofi_uri(p->b.ofi), &self), 0);
	c = call_of(p, &seg, "self", 4);
	c.peer = self;
	p->releaser = &p->b.rt;
	assert_int_equal(rt_call(&p->b.rt, &c), 0);
	wait_done(p, 1);
	assert_int_equal(p->done_rc, 0);
	assert_memory_equal(p->reply, "self", 4);
	rt_peer_close(&p->b.rt, self);
	pair_free(p);
}

/* ---- transfers -------------------------------------------------------------------------------- */

/* Cut @bytes at @ptr into @nr segments of uneven sizes with holes of 3 bytes between them. */
static struct buf cut(struct bseg *segs, uint32_t nr, uint8_t *ptr, uint64_t bytes)
{
	struct buf b = { .segs = segs, .nr = nr, .bytes = bytes };
	uint64_t left = bytes;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		uint64_t n = i + 1 == nr ? left : left / (nr - i) + (i % 2 == 0 ? 1 : 0);

		n = min_u64(n, left);
		buf_from_bytes(&segs[i], ptr, n);
		ptr += n + 3;
		left -= n;
	}
	return b;
}

static void one_bulk(struct pair *p, enum rt_bulk_op op, uint64_t bytes, uint64_t off,
		     uint32_t far_segs, uint32_t near_segs)
{
	static uint32_t round;
	uint64_t whole = bytes + off + 5;
	uint8_t *far = calloc(1, whole + 3 * far_segs);
	uint8_t *near = calloc(1, bytes + 3 * near_segs + 1);
	uint8_t *want = malloc(whole + 1);
	struct bseg fsegs[RT_EXPOSE_MAX_SEGS];
	struct bseg nsegs[16];
	struct buf fb = cut(fsegs, far_segs, far, whole);
	struct buf nb = cut(nsegs, near_segs, near, bytes);
	struct bseg wseg;
	struct buf wb = buf_from_bytes(&wseg, want, whole);
	struct bseg seg;
	struct rt_call c = call_of(p, &seg, "bulk", 4);
	uint32_t before = p->done_count;

	/* Both sides hold patterns; the target side ends as a mix of both. */
	pattern(want, whole, ++round);
	assert_int_equal(buf_copy(&fb, 0, &wb, 0, whole), 0);
	pattern(near, bytes + 3 * near_segs, round + 1000);
	if (op == RT_BULK_PUT && bytes > 0)
		assert_int_equal(buf_copy(&wb, off, &nb, 0, bytes), 0);
	p->mode = BULK;
	p->bulk_op = op;
	p->bulk_off = off;
	p->bulk_local = nb;
	p->bulk_ended = false;
	c.expose = &fb;
	c.access = op == RT_BULK_GET ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	assert_int_equal(rt_call(&p->a.rt, &c), 0);
	wait_done(p, before + 1);
	assert_int_equal(p->done_rc, 0);
	assert_int_equal(p->bulk_submit_rc, 0);
	assert_true(p->bulk_ended);
	assert_int_equal(p->bulk_rc, 0);
	assert_true(buf_equal(&fb, &wb));
	if (op == RT_BULK_GET && bytes > 0) {
		struct bseg sseg;
		struct buf slice;

		slice = buf_from_bytes(&sseg, want + off, bytes);
		assert_true(buf_equal(&nb, &slice));
	}
	free(far);
	free(near);
	free(want);
}

static void test_bulk(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 7, 64, 4095, 4096, 65537, 1 << 20, (4 << 20) + 13 };
	struct pair *p = pair_new(state);
	uint32_t i;

	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		one_bulk(p, RT_BULK_GET, sizes[i], 0, 1, 1);
		one_bulk(p, RT_BULK_PUT, sizes[i], 0, 1, 1);
		one_bulk(p, RT_BULK_GET, sizes[i], 13, 5, 3);
		one_bulk(p, RT_BULK_PUT, sizes[i], 13, 5, 3);
		one_bulk(p, RT_BULK_PUT, sizes[i], 4097, RT_EXPOSE_MAX_SEGS, 16);
		one_bulk(p, RT_BULK_GET, sizes[i], 4097, RT_EXPOSE_MAX_SEGS, 16);
	}
	one_bulk(p, RT_BULK_GET, 64 << 20, 1, 3, 2);
	one_bulk(p, RT_BULK_PUT, 64 << 20, 1, 3, 2);
	pair_free(p);
}

static void bulk_refused(struct pair *p, enum rt_bulk_op op, uint64_t off, uint64_t bytes,
			 uint32_t access, int want_rc)
{
	static uint8_t far[4096];
	static uint8_t near[8192];
	struct bseg fseg;
	struct bseg nseg;
	struct bseg seg;
	struct buf fb = buf_from_bytes(&fseg, far, sizeof(far));
	struct rt_call c = call_of(p, &seg, "bad", 3);
	uint32_t before = p->done_count;

	p->mode = BULK;
	p->bulk_op = op;
	p->bulk_off = off;
	p->bulk_local = buf_from_bytes(&nseg, near, bytes);
	p->bulk_ended = false;
	c.expose = &fb;
	c.access = access;
	assert_int_equal(rt_call(&p->a.rt, &c), 0);
	wait_done(p, before + 1);
	assert_int_equal(p->bulk_submit_rc, want_rc);
	assert_false(p->bulk_ended);
}

static void test_bulk_errors(void **state)
{
	static uint8_t mem[RT_EXPOSE_MAX_SEGS * 4];
	struct pair *p = pair_new(state);
	struct bseg segs[RT_EXPOSE_MAX_SEGS + 1];
	struct bseg seg;
	struct bseg gen;
	struct buf expose = { .segs = segs };
	struct rt_call c = call_of(p, &seg, "x", 1);
	uint32_t i;

	bulk_refused(p, RT_BULK_GET, 0, 4097, RT_ACCESS_READ, -DER_INVAL);
	bulk_refused(p, RT_BULK_GET, 4097, 0, RT_ACCESS_READ, -DER_INVAL);
	bulk_refused(p, RT_BULK_GET, UINT64_MAX, 2, RT_ACCESS_READ, -DER_INVAL);
	bulk_refused(p, RT_BULK_GET, 0, 10, RT_ACCESS_WRITE, -DER_NO_PERM);
	bulk_refused(p, RT_BULK_PUT, 0, 10, RT_ACCESS_READ, -DER_NO_PERM);
	bulk_refused(p, (enum rt_bulk_op)7, 0, 10, RT_ACCESS_READ, -DER_INVAL);
	p->bulk_local = buf_from_gen(&gen, 1, 0, 10);

	/* One segment too many; as many that touch are one. */
	for (i = 0; i <= RT_EXPOSE_MAX_SEGS; i++) {
		uint64_t at = i * 2 % sizeof(mem);

		buf_from_bytes(&segs[i], mem + at, 1);
		expose.nr++;
		expose.bytes++;
	}
	c.expose = &expose;
	c.access = RT_ACCESS_READ;
	assert_int_equal(rt_call(&p->a.rt, &c), -DER_NOSPACE);
	for (i = 0; i <= RT_EXPOSE_MAX_SEGS; i++)
		buf_from_bytes(&segs[i], mem + i, 1);
	p->mode = ECHO;
	i = p->done_count;
	assert_int_equal(rt_call(&p->a.rt, &c), 0);
	wait_done(p, i + 1);
	assert_int_equal(p->done_rc, 0);
	c.access = 0;
	assert_int_equal(rt_call(&p->a.rt, &c), -DER_INVAL);
	pair_free(p);
}

/* Another mapping at the same address: a cached registration would reach the old pages. */
static void test_remap(void **state)
{
	enum { BYTES = 1 << 20 };
	struct pair *p = pair_new(state);
	uint8_t *near = malloc(BYTES);
	void *at = NULL;
	uint32_t round;

	for (round = 0; round < 4; round++) {
		uint8_t *mem = mmap(at, BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | (at != NULL ? MAP_FIXED : 0), -1,
				    0);
		struct bseg fseg;
		struct bseg nseg;
		struct bseg seg;
		struct buf fb = buf_from_bytes(&fseg, mem, BYTES);
		struct rt_call c = call_of(p, &seg, "map", 3);

		assert_true(mem != MAP_FAILED && (at == NULL || mem == at));
		at = mem;
		pattern(near, BYTES, round);
		if (round % 2 == 1)
			pattern(mem, BYTES, round);
		p->mode = BULK;
		p->bulk_op = round % 2 == 0 ? RT_BULK_PUT : RT_BULK_GET;
		p->bulk_local = buf_from_bytes(&nseg, near, BYTES);
		p->bulk_ended = false;
		if (round % 2 == 1)
			memset(near, 0, BYTES);
		c.expose = &fb;
		c.access = RT_ACCESS_READ | RT_ACCESS_WRITE;
		assert_int_equal(rt_call(&p->a.rt, &c), 0);
		wait_done(p, round + 1);
		assert_int_equal(p->bulk_rc, 0);
		assert_memory_equal(mem, near, BYTES);
		assert_int_equal(munmap(mem, BYTES), 0);
	}
	free(near);
	pair_free(p);
}

/* ---- running out of memory --------------------------------------------------------------------- */

static void test_oom_open(void **state)
{
	struct ofi_opts o = base_opts(*state);
	uint64_t n;
	int rc = -DER_NOMEM;

	for (n = 1; rc != 0; n++) {
		struct ofi_node node = { .quiet = true };

		node.arena.fail_at = n;
		rc = ofi_node_open(&node, &o);
		assert_true(rc == 0 || rc == -DER_NOMEM);
		if (rc == 0)
			assert_int_equal(ofi_node_close(&node), 0);
		else
			assert_int_equal(node.arena.count, 0);
		assert_true(n < 1000);
	}
	assert_true(n > 10);
}

/* A call with a transfer, failing the n-th allocation of one side. True: it was not reached. */
static bool oom_round(const char *provider, uint64_t n, bool caller)
{
	static uint8_t far[300];
	static uint8_t near[100];
	static uint8_t msg[6000];
	struct pair *p = calloc(1, sizeof(*p));
	struct bseg fsegs[5];
	struct bseg nseg;
	struct bseg seg;
	struct buf expose = cut(fsegs, 5, far, 200);
	struct arena *arena;
	struct rt_call c;
	uint64_t end;
	bool reached;
	int rc;

	pair_open(p, provider);
	arena = caller ? &p->a.arena : &p->b.arena;
	p->mode = BULK;
	p->bulk_op = RT_BULK_PUT;
	p->bulk_local = buf_from_bytes(&nseg, near, sizeof(near));
	c = call_of(p, &seg, msg, sizeof(msg));
	c.expose = &expose;
	c.access = RT_ACCESS_WRITE;
	arena->fail_at = n;
	rc = rt_call(&p->a.rt, &c);
	if (rc != 0) {
		assert_int_equal(rc, -DER_NOMEM);
	} else {
		end = rt_now_ns(&p->a.rt) + 300000000u;
		while (p->done_count == 0 && rt_now_ns(&p->a.rt) < end)
			step(p);
		rt_cancel(&p->a.rt, &c);	/* the other side may have dropped it */
		wait_done(p, 1);
		/* Unreachable: the first packet was dropped, so who answers now never saw the call. */
		assert_true(p->done_rc == 0 || p->done_rc == -DER_NOMEM ||
			    p->done_rc == -DER_CANCELED || p->done_rc == -DER_UNREACH);
	}
	reached = arena->fail_at == 0;
	arena->fail_at = 0;
	if (reached) {	/* afterwards all is well again */
		uint32_t before = p->done_count;

		p->bulk_ended = false;
		assert_int_equal(rt_call(&p->a.rt, &c), 0);
		wait_done(p, before + 1);
		assert_int_equal(p->done_rc, 0);
	}
	pair_free(p);
	return !reached;
}

static void test_oom_call(void **state)
{
	uint64_t n;

	for (n = 1; !oom_round(*state, n, true); n++)
		assert_true(n < 100);
	assert_true(n > 3);
	for (n = 1; !oom_round(*state, n, false); n++)
		assert_true(n < 100);
	assert_true(n > 3);
}

/* ---- many peers --------------------------------------------------------------------------------- */

/* More clients than a server remembers: all are served. */
static void test_evict(void **state)
{
	struct ofi_opts o = base_opts(*state);
	struct pair *p = calloc(1, sizeof(*p));
	struct ofi_opts few = o;
	struct ofi_stats st;
	uint32_t i;

	few.peer_max = 3;
	pair_open_with(p, *state, &o, &few);
	for (i = 0; i < 8; i++) {
		struct ofi_node n = { .quiet = true };
		struct rt_peer *peer;
		struct rt_call c;
		struct bseg seg;
		uint32_t before = p->done_count;

		assert_int_equal(ofi_node_open(&n, &o), 0);
		assert_int_equal(rt_peer_open(&n.rt, ofi_uri(p->b.ofi), &peer), 0);
		c = call_of(p, &seg, &i, sizeof(i));
		c.peer = peer;
		p->releaser = &n.rt;
		assert_int_equal(rt_call(&n.rt, &c), 0);
		while (p->done_count == before) {
			ofi_node_step(&n);
			step(p);
		}
		assert_int_equal(p->done_rc, 0);
		rt_peer_close(&n.rt, peer);
		assert_int_equal(ofi_node_close(&n), 0);
	}
	ofi_stats(p->b.ofi, &st);
	assert_true(st.evicted >= 5);
	pair_free(p);
}

#define EACH(fn)                                                                                   \
	{ #fn " tcp", fn, NULL, NULL, (void *)"tcp;ofi_rxm" },                                     \
	{ #fn " net", fn, NULL, NULL, (void *)"net" },                                             \
	{ #fn " shm", fn, NULL, NULL, (void *)"shm" }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuse),
		EACH(test_open),
		EACH(test_interface),
		cmocka_unit_test(test_shm_left_behind),
		EACH(test_uri),
		EACH(test_sizes),
		EACH(test_segments_and_phantoms),
		EACH(test_many),
		EACH(test_hold),
		EACH(test_self),
		EACH(test_bulk),
		EACH(test_bulk_errors),
		EACH(test_remap),
		EACH(test_evict),
		{ "test_oom_open net", test_oom_open, NULL, NULL, (void *)"net" },
		{ "test_oom_open shm", test_oom_open, NULL, NULL, (void *)"shm" },
		{ "test_oom_call net", test_oom_call, NULL, NULL, (void *)"net" },
		{ "test_oom_call shm", test_oom_call, NULL, NULL, (void *)"shm" },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

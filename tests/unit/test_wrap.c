/* The interposers: contracts kept with them in between, and each of their effects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/lib/blk_conformance.h"
#include "tests/lib/net_conformance.h"
#include "transports/local/local.h"
#include "transports/wrap/crash.h"
#include "transports/wrap/fault.h"
#include "transports/wrap/trace.h"

/* ---- a bed: two streams, interposers on both ---------------------------------------------- */

struct bed {
	struct local_world *w;
	struct local_stream *s[2];
	struct wrap_trace *trace[2];
	struct wrap_fault *fault[2];
	struct crash_disk *crash;
	struct trace_log log;
	char *text;		/* what the log printed */
	size_t text_bytes;
};

enum bed_flags {
	BED_TRACE = 1,
	BED_FAULT = 2,
	BED_CRASH = 4,
	BED_TEXT = 8,
	BED_CONTENT = 16,	/* counts in the digest */
	BED_NO_TIME = 32,	/* does not */
};

static void bed_line(void *arg, const char *line)
{
	struct bed *b = arg;
	size_t n = strlen(line);

	b->text = realloc(b->text, b->text_bytes + n + 2);
	assert_non_null(b->text);
	memcpy(b->text + b->text_bytes, line, n);
	memcpy(b->text + b->text_bytes + n, "\n", 2);
	b->text_bytes += n + 1;
}

static struct rt *bed_rt(struct bed *b, int i)
{
	return local_stream_rt(b->s[i]);
}

static void bed_open(struct bed *b, uint32_t flags, const struct fault_plan *plan, uint64_t seed)
{
	static const char *const names[] = { "client/0", "node1/0" };
	struct local_opts opts = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED, .seed = seed };
	static const struct fault_plan no_plan;
	struct crash_opts co = { .seed = seed, .write_ns = 5000 };

	*b = (struct bed){ 0 };
	if (flags & BED_TEXT)
		b->log = (struct trace_log){ .line = bed_line, .line_arg = b };
	assert_int_equal(local_world_create(&opts, &b->w), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(local_stream_create(b->w, names[i], &b->s[i]), 0);
		if ((flags & BED_CRASH) && i == 0) {
			assert_int_equal(crash_disk_create(&co, &b->crash), 0);
			crash_disk_attach(b->crash, bed_rt(b, i));
		}
		if (flags & BED_FAULT)
			assert_int_equal(wrap_fault_attach(bed_rt(b, i), plan ? plan : &no_plan,
							   &b->fault[i]),
					 0);
		if (flags & BED_TRACE) {
			uint32_t tf = ((flags & BED_CONTENT) ? TRACE_CONTENT : 0) |
				      ((flags & BED_NO_TIME) ? TRACE_NO_TIME : 0);

			assert_int_equal(wrap_trace_attach(bed_rt(b, i), &b->log, tf, &b->trace[i]),
					 0);
		}
	}
}

static void bed_kill(struct bed *b, int i)
{
	local_stream_kill(b->s[i]);
	b->s[i] = NULL;
	b->trace[i] = NULL;
	b->fault[i] = NULL;
}

static int bed_close(struct bed *b)
{
	int rc = 0;

	local_world_run(b->w);
	for (int i = 0; i < 2; i++) {
		if (b->s[i] == NULL)
			continue;
		wrap_trace_detach(b->trace[i]);
		wrap_fault_detach(b->fault[i]);
		if (b->crash != NULL && i == 0)
			crash_disk_detach(b->crash);
		if (local_stream_close(b->s[i]) != 0)
			rc = -1;
	}
	crash_disk_destroy(b->crash);
	local_world_destroy(b->w);
	free(b->text);
	return rc;
}

/* ---- contracts through the interposers ---------------------------------------------------- */

static void net_open(void *arg, struct net_conf *ret_conf)
{
	struct bed *b = malloc(sizeof(*b));

	assert_non_null(b);
	bed_open(b, *(uint32_t *)arg, NULL, 9);
	*ret_conf = (struct net_conf){
		.a = bed_rt(b, 0),
		.b = bed_rt(b, 1),
		.uri_a = local_stream_uri(b->s[0]),
		.uri_b = local_stream_uri(b->s[1]),
		.uri_nobody = "local:node9/0",
		.ctx = b,
	};
}

static void net_post(struct net_conf *c, struct rt *rt, void (*fn)(struct rt *, void *), void *arg)
{
	struct bed *b = c->ctx;

	assert_int_equal(local_stream_post(b->s[rt == c->b], fn, arg), 0);
}

static bool net_drive(struct net_conf *c, bool (*pred)(void *), void *arg)
{
	struct bed *b = c->ctx;

	return local_world_run_until(b->w, pred, arg, local_world_now_ns(b->w) + 60000000000ull) ==
	       0;
}

static void net_kill_b(struct net_conf *c)
{
	bed_kill(c->ctx, 1);
}

static int net_close(struct net_conf *c)
{
	int rc = bed_close(c->ctx);

	free(c->ctx);
	return rc;
}

static void disk_open(void *arg, struct blk_conf *ret_conf)
{
	struct bed *b = malloc(sizeof(*b));

	assert_non_null(b);
	bed_open(b, *(uint32_t *)arg, NULL, 9);
	*ret_conf = (struct blk_conf){ .rt = bed_rt(b, 0), .name = "mem:disk", .bytes = 8u << 20,
				       .ctx = b };
}

static void disk_post(struct blk_conf *c, void (*fn)(struct rt *, void *), void *arg)
{
	assert_int_equal(local_stream_post(((struct bed *)c->ctx)->s[0], fn, arg), 0);
}

static bool disk_drive(struct blk_conf *c, bool (*pred)(void *), void *arg)
{
	struct bed *b = c->ctx;

	return local_world_run_until(b->w, pred, arg, local_world_now_ns(b->w) + 60000000000ull) ==
	       0;
}

static int disk_close(struct blk_conf *c)
{
	int rc = bed_close(c->ctx);

	free(c->ctx);
	return rc;
}

static void conformance(uint32_t flags)
{
	struct net_conf_factory nf = {
		.flags = NET_CONF_PHANTOMS | NET_CONF_SELF | NET_CONF_EXACT_RC,
		.arg = &flags,
		.open = net_open,
		.post = net_post,
		.drive = net_drive,
		.kill_b = net_kill_b,
		.close = net_close,
	};
	struct blk_conf_factory bf = {
		.flags = BLK_CONF_RUNS,
		.arg = &flags,
		.open = disk_open,
		.post = disk_post,
		.drive = disk_drive,
		.close = disk_close,
	};

	if (flags != BED_CRASH)
		net_conformance_run(&nf);
	blk_conformance_run(&bf);
}

static void test_contracts(void **state)
{
	(void)state;
	conformance(BED_TRACE | BED_CONTENT);
	conformance(BED_FAULT);
	conformance(BED_CRASH);
	conformance(BED_TRACE | BED_FAULT | BED_CRASH);
}

/* ---- a client and a server ---------------------------------------------------------------- */

struct script {
	struct bed *b;
	struct rt *rt;
	struct rt_peer *peer;
	void (*fn)(struct script *s);
	bool finished;
	struct rt *server;
	uint32_t requests;	/* that the server saw */
	int bulk_rc[4];		/* of its transfers, by request */
	uint32_t bulk_op;	/* what the server does with exposed memory; 0: nothing */
	uint64_t got_hash;	/* of what it got */
	struct buf *got;	/* or where to */
	bool keep_silent;
};

struct a_call {
	struct rt_call call;
	struct rt_event ev;
	struct rt *rt;
	struct rt_in *reply;
	uint32_t dones;
};

struct a_request {
	struct script *s;
	struct rt_in *in;
};

static void a_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct a_call *c = container_of(call, struct a_call, call);

	c->dones++;
	c->reply = reply;
	rt_event_set(c->rt, &c->ev, rc);
}

static void start(struct script *s, struct a_call *c, const struct buf *msg,
		  const struct buf *expose)
{
	int rc;

	*c = (struct a_call){ .rt = s->rt };
	c->call = (struct rt_call){ .peer = s->peer, .msg = *msg, .expose = expose,
				    .access = expose ? RT_ACCESS_READ | RT_ACCESS_WRITE : 0,
				    .done = a_done };
	rt_event_init(&c->ev);
	rc = rt_call(s->rt, &c->call);
	ASSERT(rc == 0);
}

static int finish(struct a_call *c, uint64_t deadline_ns)
{
	int rc = rt_event_wait(c->rt, &c->ev, deadline_ns);

	if (rc == 0)
		rt_release(c->rt, c->reply);
	return rc;
}

/* A call that may get no answer: ended after a second. */
static int call_once(struct script *s, const struct buf *expose)
{
	static const char text[] = "hello";
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, text, sizeof(text));
	struct a_call c;
	int rc;

	start(s, &c, &msg, expose);
	rc = finish(&c, rt_now_ns(s->rt) + 1000000000u);
	if (rc == -DER_TIMEDOUT) {
		rt_cancel(s->rt, &c.call);
		rc = finish(&c, RT_NEVER);
	}
	ASSERT(c.dones == 1);
	return rc;
}

static void server_ult(void *arg)
{
	struct a_request r = *(struct a_request *)arg;
	struct script *s = r.s;
	uint32_t at = s->requests++;

	rt_free(s->server, arg);
	if (s->bulk_op != 0 && r.in->expose_bytes > 0) {
		uint8_t *mem = rt_alloc(s->server, r.in->expose_bytes);
		struct bseg seg;
		struct buf b = buf_from_bytes(&seg, mem, r.in->expose_bytes);

		ASSERT(mem != NULL);
		gen_fill(5, 0, mem, b.bytes);
		s->bulk_rc[at % 4] = rt_bulk_wait(s->server, r.in, (enum rt_bulk_op)s->bulk_op, 0,
						  s->got != NULL ? s->got : &b);
		s->got_hash = hash_bytes(mem, b.bytes, 0);
		rt_free(s->server, mem);
	}
	if (!s->keep_silent) {
		int rc = rt_reply(s->server, r.in, &r.in->msg);

		ASSERT(rc == 0);
	}
	rt_release(s->server, r.in);
}

static void server_request(struct rt *rt, struct rt_in *in)
{
	struct a_request *r = rt_alloc(rt, sizeof(*r));
	int rc;

	ASSERT(r != NULL);
	*r = (struct a_request){ .s = rt->user, .in = in };
	rc = rt_spawn(rt, server_ult, r, NULL);
	ASSERT(rc == 0);
}

static void script_ult(void *arg)
{
	struct script *s = arg;
	int rc = rt_peer_open(s->rt, local_stream_uri(s->b->s[1]), &s->peer);

	ASSERT(rc == 0);
	s->fn(s);
	rt_peer_close(s->rt, s->peer);
	s->finished = true;
}

static void script_run(struct bed *b, struct script *s, void (*fn)(struct script *s))
{
	*s = (struct script){ .b = b, .rt = bed_rt(b, 0), .server = bed_rt(b, 1), .fn = fn,
			      .bulk_op = s->bulk_op, .got = s->got };
	s->server->user = s;
	s->server->on_request = server_request;
	assert_int_equal(rt_spawn(s->rt, script_ult, s, NULL), 0);
	local_world_run(b->w);
	assert_true(s->finished);
}

/* Run @fn with @plan on both sides. */
static void fault_run(const struct fault_plan *plan, struct script *s, void (*fn)(struct script *s))
{
	struct bed b;

	bed_open(&b, BED_FAULT, plan, 1);
	script_run(&b, s, fn);
	assert_true(wrap_fault_idle(b.fault[0]) && wrap_fault_idle(b.fault[1]));
	assert_int_equal(bed_close(&b), 0);
}

/* ---- trace -------------------------------------------------------------------------------- */

static void traced(struct script *s)
{
	uint8_t *mem = rt_alloc(s->rt, 65536);
	struct bseg seg;
	struct rt_dev *dev;
	int rc = rt_dev_open(s->rt, "mem:t", 1u << 20, RT_DEV_CREATE, &dev);

	ASSERT(mem != NULL && rc == 0);
	for (int i = 0; i < 20; i++) {
		uint64_t bytes = 4096 * (1 + prng_below(&s->rt->rand[RT_STREAM_TEST], 16));
		struct buf b = buf_from_bytes(&seg, mem, bytes);

		mem[0] = (uint8_t)i;
		rc = call_once(s, &b);
		ASSERT(rc == 0);
		rc = rt_io(s->rt, dev, RT_IO_WRITE, 0, &b);
		ASSERT(rc == 0);
		rt_sleep_ns(s->rt, bytes);
	}
	rc = rt_io(s->rt, dev, RT_IO_FLUSH, 0, NULL);
	ASSERT(rc == 0);
	rt_dev_close(s->rt, dev);
	rt_free(s->rt, mem);
}

static uint64_t trace_digest_late(uint32_t flags, uint64_t seed, uint64_t late_ns,
				  uint64_t *ret_text)
{
	struct script s = { .bulk_op = RT_BULK_GET };
	struct bed b;
	uint64_t digest;

	bed_open(&b, BED_TRACE | flags, NULL, seed);
	(void)local_world_run_until(b.w, NULL, NULL, local_world_now_ns(b.w) + late_ns);
	script_run(&b, &s, traced);
	digest = b.log.digest;
	/* A call, its end, a reply, a bulk, its end, an io, its end, 20 times; and a flush. */
	assert_int_equal(b.log.events, 20 * 7 + 2);
	if (ret_text != NULL) {
		assert_non_null(strstr(b.text, " stream=1 call seq=1 rc=0 peer="));
		assert_non_null(strstr(b.text, " stream=2 bulk seq=1 rc=0 op=1 off=0 bytes="));
		assert_non_null(strstr(b.text, " io_done seq=41 rc=0 op=3 bytes=0"));
		*ret_text = hash_bytes(b.text, b.text_bytes, 0);
	}
	assert_int_equal(bed_close(&b), 0);
	return digest;
}

static uint64_t trace_digest(uint32_t flags, uint64_t seed, uint64_t *ret_text)
{
	return trace_digest_late(flags, seed, 0, ret_text);
}

static void test_trace(void **state)
{
	uint64_t t1, t2, d = trace_digest(BED_TEXT, 1, &t1);

	(void)state;
	assert_true(d == trace_digest(BED_TEXT, 1, &t2));
	assert_true(t1 == t2);
	assert_true(d == trace_digest(0, 1, NULL));	/* printing changes nothing */
	assert_true(d != trace_digest(0, 2, NULL));
	assert_true(d != trace_digest_late(0, 1, 1000, NULL));
	d = trace_digest(BED_NO_TIME, 1, NULL);
	assert_true(d == trace_digest_late(BED_NO_TIME, 1, 1000, NULL));
	assert_true(d != trace_digest(BED_NO_TIME, 2, NULL));
	assert_true(d != trace_digest(BED_NO_TIME | BED_CONTENT, 1, NULL));
	assert_true(trace_digest(BED_CONTENT, 1, NULL) == trace_digest(BED_CONTENT, 1, NULL));
}

/* ---- faults of messages ------------------------------------------------------------------- */

static void three_calls(struct script *s)
{
	for (int i = 0; i < 3; i++) {
		int rc = call_once(s, NULL);

		ASSERT(rc == (i == 1 ? -DER_CANCELED : 0));
	}
}

static void test_drop(void **state)
{
	struct fault_plan req = { .rules[FAULT_DROP_REQUEST] = { .nth = 2 } };
	struct fault_plan rep = { .rules[FAULT_DROP_REPLY] = { .nth = 2 } };
	struct script s = { 0 };

	(void)state;
	fault_run(&req, &s, three_calls);
	assert_int_equal(s.requests, 2);
	fault_run(&rep, &s, three_calls);
	assert_int_equal(s.requests, 3);
}

static void delayed_calls(struct script *s)
{
	uint64_t begin = rt_now_ns(s->rt), t;
	static const char text[] = "late";
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, text, sizeof(text));
	struct a_call c;
	int rc = call_once(s, NULL);

	t = rt_now_ns(s->rt) - begin;
	ASSERT(rc == 0 && t >= 100000 && t <= 200000);
	start(s, &c, &msg, NULL);	/* cancelled while it is held back */
	rt_cancel(s->rt, &c.call);
	rc = finish(&c, RT_NEVER);
	ASSERT(rc == -DER_CANCELED && rt_now_ns(s->rt) - begin == t);
}

static void test_delay(void **state)
{
	struct fault_plan req = { .rules[FAULT_DELAY_REQUEST] = { .ppm = 1000000 },
				  .delay_min_ns = 100000, .delay_max_ns = 200000 };
	struct fault_plan rep = { .rules[FAULT_DELAY_REPLY] = { .ppm = 1000000 },
				  .delay_min_ns = 100000, .delay_max_ns = 200000 };
	struct script s = { 0 };

	(void)state;
	fault_run(&req, &s, delayed_calls);
	assert_int_equal(s.requests, 1);
	fault_run(&rep, &s, delayed_calls);
	assert_int_equal(s.requests, 2);
}

static void repeated_call(struct script *s)
{
	uint8_t *mem = rt_alloc(s->rt, 4096);
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, 4096);
	int rc = call_once(s, &b);

	ASSERT(rc == 0 && mem[100] != 0);
	memset(mem, 0x11, 4096);
	rt_sleep_ns(s->rt, 1000000);	/* the repeat comes in here */
	for (uint32_t i = 0; i < 4096; i++)
		ASSERT(mem[i] == 0x11);
	rt_free(s->rt, mem);
}

static void test_repeat(void **state)
{
	struct fault_plan plan = { .rules[FAULT_REPEAT_REQUEST] = { .nth = 1 },
				   .delay_min_ns = 50000, .delay_max_ns = 50000 };
	struct script s = { .bulk_op = RT_BULK_PUT };

	(void)state;
	fault_run(&plan, &s, repeated_call);
	assert_int_equal(s.requests, 2);
	assert_int_equal(s.bulk_rc[0], 0);
	assert_int_equal(s.bulk_rc[1], -DER_CANCELED);
}

static void killed_calls(struct script *s)
{
	int rc = call_once(s, NULL);

	ASSERT(rc == 0);
	rc = call_once(s, NULL);
	ASSERT(rc == -DER_UNREACH);
	rc = call_once(s, NULL);
	ASSERT(rc == -DER_UNREACH);
	wrap_fault_heal(s->b->fault[0]);
	rc = call_once(s, NULL);
	ASSERT(rc == 0);
}

static void test_kill_peer(void **state)
{
	struct fault_plan plan = { .rules[FAULT_KILL_PEER] = { .nth = 2 } };
	struct script s = { 0 };

	(void)state;
	fault_run(&plan, &s, killed_calls);
	assert_int_equal(s.requests, 2);
}

/* Death and silence of a peer with calls outstanding. */
static void partition(struct script *s)
{
	const char *uri = local_stream_uri(s->b->s[1]);
	struct wrap_fault *f = s->b->fault[0];
	static const char text[] = "x";
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, text, sizeof(text));
	struct a_call c[2];
	int rc;

	start(s, &c[0], &msg, NULL);
	rc = wrap_fault_peer(f, uri, FAULT_PEER_SILENT);
	ASSERT(rc == 0);
	start(s, &c[1], &msg, NULL);
	rt_sleep_ns(s->rt, 1000000);
	ASSERT(c[0].dones == 0 && c[1].dones == 0 && s->requests == 1);
	rt_cancel(s->rt, &c[0].call);
	rc = finish(&c[0], RT_NEVER);
	ASSERT(rc == -DER_CANCELED);
	rc = wrap_fault_peer(f, uri, FAULT_PEER_DEAD);
	ASSERT(rc == 0 && c[1].dones == 0);
	rc = finish(&c[1], RT_NEVER);
	ASSERT(rc == -DER_UNREACH);
	rc = wrap_fault_peer(f, uri, FAULT_PEER_UP);
	ASSERT(rc == 0);
	s->keep_silent = true;
	start(s, &c[0], &msg, NULL);
	rt_sleep_ns(s->rt, 1000);
	rc = wrap_fault_peer(f, uri, FAULT_PEER_DEAD);
	ASSERT(rc == 0 && c[0].dones == 0);
	rc = finish(&c[0], RT_NEVER);
	ASSERT(rc == -DER_UNREACH);
}

static void test_partition(void **state)
{
	struct fault_plan plan = { 0 };
	struct script s = { 0 };

	(void)state;
	fault_run(&plan, &s, partition);
	assert_int_equal(s.requests, 2);
}

static uint32_t bytes_differ(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += a[i] != b[i];
	return count;
}

static void corrupt_bulk(struct script *s)
{
	uint8_t *mem = rt_alloc(s->rt, 4096), *want = rt_alloc(s->rt, 4096);
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, 4096);
	int rc = call_once(s, &b);

	ASSERT(rc == 0);
	gen_fill(5, 0, want, 4096);
	if (s->bulk_op == RT_BULK_PUT)
		ASSERT(bytes_differ(mem, want, 4096) == 1);
	else
		ASSERT(s->got_hash != hash_bytes(mem, 4096, 0));
	rc = call_once(s, &b);	/* the rule struck once only */
	ASSERT(rc == 0);
	if (s->bulk_op == RT_BULK_PUT)
		ASSERT(memcmp(mem, want, 4096) == 0);
	else
		ASSERT(s->got_hash == hash_bytes(mem, 4096, 0));
	rt_free(s->rt, mem);
	rt_free(s->rt, want);
}

/* Phantoms: the exposed content is a generator's, the server gets it into a sink. */
static void corrupt_phantom(struct script *s)
{
	struct bseg runs[8], seg, sink_seg;
	struct buf expose = buf_from_gen(&seg, 77, 0, 1u << 20), got, dst;
	struct bsink sink;

	for (int i = 0; i < 2; i++) {
		int rc;

		bsink_init(&sink, 1u << 20, runs, ARRAY_COUNT(runs));
		dst = buf_from_sink(&sink_seg, &sink, 0, 1u << 20);
		s->got = &dst;
		rc = call_once(s, &expose);
		ASSERT(rc == 0 && s->bulk_rc[i] == 0);
		got = bsink_buf(&sink);
		ASSERT((buf_fingerprint(&got, 0, got.bytes) ==
			buf_fingerprint(&expose, 0, got.bytes)) == (i == 1));
	}
}

static void corrupt_message(struct script *s)
{
	uint8_t *payload = rt_alloc(s->rt, 1000);
	static const char head[] = "head";
	struct bseg segs[2];
	struct buf msg = { .segs = segs, .nr = 2, .bytes = sizeof(head) + 1000 };

	(void)buf_from_bytes(&segs[0], head, sizeof(head));
	(void)buf_from_bytes(&segs[1], payload, 1000);
	for (int i = 0; i < 2; i++) {
		struct a_call c;
		const uint8_t *got;
		int rc;

		start(s, &c, &msg, NULL);
		rc = rt_event_wait(s->rt, &c.ev, RT_NEVER);
		ASSERT(rc == 0 && c.reply->msg.bytes == msg.bytes);
		got = buf_ptr(&c.reply->msg, 0, msg.bytes);
		ASSERT(memcmp(got, head, sizeof(head)) == 0);
		ASSERT(bytes_differ(got + sizeof(head), payload, 1000) == (i == 0 ? 1 : 0));
		rt_release(s->rt, c.reply);
	}
	rt_free(s->rt, payload);
}

static void test_corrupt(void **state)
{
	struct fault_plan put = { .rules[FAULT_CORRUPT_PUT] = { .nth = 1 } };
	struct fault_plan get = { .rules[FAULT_CORRUPT_GET] = { .nth = 1 } };
	struct fault_plan msg = { .rules[FAULT_CORRUPT_REQUEST] = { .nth = 1 } };
	struct script s = { .bulk_op = RT_BULK_PUT };

	(void)state;
	fault_run(&put, &s, corrupt_bulk);
	s = (struct script){ .bulk_op = RT_BULK_GET };
	fault_run(&get, &s, corrupt_bulk);
	s = (struct script){ .bulk_op = RT_BULK_GET };
	fault_run(&get, &s, corrupt_phantom);
	s = (struct script){ 0 };
	fault_run(&msg, &s, corrupt_message);
}

/* ---- faults of devices -------------------------------------------------------------------- */

static int one_io(struct script *s, struct rt_dev *dev, enum rt_io_op op, void *mem)
{
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, 4096);

	return rt_io(s->rt, dev, op, 0, op == RT_IO_FLUSH ? NULL : &b);
}

static void io_faults(struct script *s)
{
	uint8_t *w = rt_alloc(s->rt, 4096), *r = rt_alloc(s->rt, 4096);
	struct wrap_fault *f = s->b->fault[0];
	struct rt_dev *dev;
	uint64_t begin;
	int rc = rt_dev_open(s->rt, "mem:f", 1u << 20, RT_DEV_CREATE, &dev);

	ASSERT(rc == 0);
	memset(w, 0x33, 4096);
	ASSERT(one_io(s, dev, RT_IO_WRITE, w) == 0);
	ASSERT(one_io(s, dev, RT_IO_WRITE, w) == -DER_NVME_IO);
	ASSERT(one_io(s, dev, RT_IO_READ, r) == -DER_NVME_IO);
	ASSERT(one_io(s, dev, RT_IO_READ, r) == 0 && memcmp(w, r, 4096) == 0);
	ASSERT(one_io(s, dev, RT_IO_FLUSH, NULL) == -DER_NVME_IO);
	ASSERT(one_io(s, dev, RT_IO_FLUSH, NULL) == 0);
	wrap_fault_rule(f, FAULT_CORRUPT_READ, (struct fault_rule){ .nth = 1 });
	ASSERT(one_io(s, dev, RT_IO_READ, r) == 0 && bytes_differ(w, r, 4096) == 1);
	wrap_fault_rule(f, FAULT_CORRUPT_WRITE, (struct fault_rule){ .nth = 1 });
	ASSERT(one_io(s, dev, RT_IO_WRITE, w) == 0 && w[0] == 0x33);
	ASSERT(one_io(s, dev, RT_IO_READ, r) == 0 && bytes_differ(w, r, 4096) == 1);
	wrap_fault_rule(f, FAULT_DELAY_IO, (struct fault_rule){ .ppm = 1000000 });
	begin = rt_now_ns(s->rt);
	ASSERT(one_io(s, dev, RT_IO_READ, r) == 0);
	ASSERT(rt_now_ns(s->rt) - begin == 70000);
	ASSERT(wrap_fault_count(f, FAULT_FAIL_WRITE) == 1);
	ASSERT(wrap_fault_count(f, FAULT_DELAY_IO) == 1);
	rt_dev_close(s->rt, dev);
	rt_free(s->rt, w);
	rt_free(s->rt, r);
}

/* A write that failed may have happened or not: both occur. */
static void io_coin(struct script *s)
{
	uint8_t *w = rt_alloc(s->rt, 4096), *r = rt_alloc(s->rt, 4096);
	uint32_t happened = 0;
	struct rt_dev *dev;
	int rc = rt_dev_open(s->rt, "mem:f", 1u << 20, RT_DEV_CREATE, &dev);

	ASSERT(rc == 0);
	wrap_fault_rule(s->b->fault[0], FAULT_FAIL_WRITE, (struct fault_rule){ .ppm = 1000000 });
	wrap_fault_rule(s->b->fault[0], FAULT_FAIL_READ, (struct fault_rule){ 0 });
	for (uint32_t i = 1; i <= 40; i++) {
		memset(w, (int)i, 4096);
		ASSERT(one_io(s, dev, RT_IO_WRITE, w) == -DER_NVME_IO);
		ASSERT(one_io(s, dev, RT_IO_READ, r) == 0);
		happened += r[0] == i;
	}
	ASSERT(happened > 5 && happened < 35);
	rt_dev_close(s->rt, dev);
	rt_free(s->rt, w);
	rt_free(s->rt, r);
}

static void test_io_faults(void **state)
{
	struct fault_plan plan = {
		.rules = { [FAULT_FAIL_WRITE] = { .nth = 2 }, [FAULT_FAIL_READ] = { .nth = 1 },
			   [FAULT_FAIL_FLUSH] = { .nth = 1 } },
		.delay_min_ns = 70000,
		.delay_max_ns = 70000,
	};
	struct script s = { 0 };

	(void)state;
	fault_run(&plan, &s, io_faults);
	fault_run(&plan, &s, io_coin);
}

static void many_calls(struct script *s)
{
	for (int i = 0; i < 200; i++)
		(void)call_once(s, NULL);	/* whatever comes of it is counted */
}

static void strikes(uint64_t seed, uint32_t delay_ppm, uint64_t *ret_drops, uint64_t *ret_digest)
{
	struct fault_plan plan = {
		.seed = seed,
		.rules = { [FAULT_DROP_REQUEST] = { .ppm = 100000 },
			   [FAULT_DELAY_REQUEST] = { .ppm = delay_ppm } },
		.delay_max_ns = 1000,
	};
	struct script s = { 0 };
	struct bed b;

	bed_open(&b, BED_FAULT | BED_TRACE, &plan, 1);
	script_run(&b, &s, many_calls);
	*ret_drops = wrap_fault_count(b.fault[0], FAULT_DROP_REQUEST);
	*ret_digest = b.log.digest;
	assert_int_equal(s.requests, 200 - *ret_drops);
	assert_int_equal(bed_close(&b), 0);
}

/* The same seed strikes alike; another kind of fault does not change when this one strikes. */
static void test_seeds(void **state)
{
	uint64_t drops[4], digest[4];

	(void)state;
	strikes(1, 0, &drops[0], &digest[0]);
	strikes(1, 0, &drops[1], &digest[1]);
	strikes(2, 0, &drops[2], &digest[2]);
	strikes(1, 500000, &drops[3], &digest[3]);
	assert_in_range(drops[0], 8, 40);
	assert_int_equal(drops[0], drops[1]);
	assert_int_equal(drops[0], drops[3]);
	assert_true(digest[0] == digest[1]);
	assert_true(digest[0] != digest[2] && digest[0] != digest[3]);
}

/* ---- interposers on interposers ----------------------------------------------------------- */

/* A flush whose device fails says so, and promises nothing: the crash disk over the faulty one. */
static void flush_fails(struct script *s)
{
	uint8_t *w = rt_alloc(s->rt, 4096);
	struct crash_stats st;
	struct rt_dev *dev;
	int rc = rt_dev_open(s->rt, "mem:x", 1u << 20, RT_DEV_CREATE, &dev);

	ASSERT(rc == 0);
	memset(w, 1, 4096);
	for (int i = 0; i < 2; i++) {
		ASSERT(one_io(s, dev, RT_IO_WRITE, w) == 0);
		rc = one_io(s, dev, RT_IO_FLUSH, NULL);
		crash_disk_query(s->b->crash, &st);
		ASSERT(rc == (i == 0 ? -DER_NVME_IO : 0));
		ASSERT(st.pending == (i == 0 ? 1 : 0));
	}
	rt_dev_close(s->rt, dev);
	rt_free(s->rt, w);
}

static void test_crash_over_fault(void **state)
{
	struct fault_plan plan = { .rules[FAULT_FAIL_FLUSH] = { .nth = 1 } };
	struct script s = { 0 };
	struct bed b;

	(void)state;
	bed_open(&b, BED_FAULT, &plan, 1);
	assert_int_equal(crash_disk_create(NULL, &b.crash), 0);
	crash_disk_attach(b.crash, bed_rt(&b, 0));
	script_run(&b, &s, flush_fails);
	crash_disk_detach(b.crash);
	crash_disk_destroy(b.crash);
	b.crash = NULL;
	assert_int_equal(bed_close(&b), 0);
}

/* ---- out of memory ------------------------------------------------------------------------ */

static void tolerant(struct script *s)
{
	uint8_t mem[64] = { 0 };
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, sizeof(mem));
	struct rt_dev *dev;
	struct a_call c = { .rt = s->rt };
	int rc = rt_dev_open(s->rt, "mem:o", 1u << 20, RT_DEV_CREATE, &dev);

	if (rc == 0) {
		uint8_t *w = rt_alloc(s->rt, 4096);

		if (w != NULL) {
			rc = one_io(s, dev, RT_IO_WRITE, w);
			ASSERT(rc == 0 || rc == -DER_NOMEM);
			rc = one_io(s, dev, RT_IO_FLUSH, NULL);
			ASSERT(rc == 0 || rc == -DER_NOMEM);
			rc = one_io(s, dev, RT_IO_READ, w);
			ASSERT(rc == 0 || rc == -DER_NOMEM);
		}
		rt_free(s->rt, w);
		rt_dev_close(s->rt, dev);
	} else {
		ASSERT(rc == -DER_NOMEM);
	}
	c.call = (struct rt_call){ .peer = s->peer, .msg = b, .expose = &b,
				   .access = RT_ACCESS_READ, .done = a_done };
	rt_event_init(&c.ev);
	rc = rt_call(s->rt, &c.call);
	ASSERT(rc == 0 || rc == -DER_NOMEM);
	if (rc == 0)
		ASSERT(finish(&c, RT_NEVER) == 0);
}

static void oom_ult(void *arg)
{
	struct script *s = arg;
	int rc = rt_peer_open(s->rt, local_stream_uri(s->b->s[1]), &s->peer);

	ASSERT(rc == 0 || rc == -DER_NOMEM);
	if (rc == 0) {
		tolerant(s);
		rt_peer_close(s->rt, s->peer);
	}
	s->finished = true;
}

static void test_oom(void **state)
{
	struct fault_plan plan = { .rules = { [FAULT_CORRUPT_WRITE] = { .ppm = 1000000 },
					      [FAULT_REPEAT_REQUEST] = { .ppm = 1000000 },
					      [FAULT_DELAY_REPLY] = { .ppm = 1000000 } } };
	bool failed = true;
	uint64_t n;

	(void)state;
	for (n = 1; failed; n++) {
		struct script s = { .bulk_op = RT_BULK_GET };
		struct arena *a;
		struct bed b;

		bed_open(&b, BED_FAULT | BED_TRACE | BED_CRASH, &plan, 1);
		s.b = &b;
		s.rt = bed_rt(&b, 0);
		s.server = bed_rt(&b, 1);
		s.server->user = &s;
		s.server->on_request = server_request;
		a = &local_stream_misc(b.s[0])->arena;
		a->fail_at = n;
		assert_int_equal(rt_spawn(s.rt, oom_ult, &s, NULL), 0);
		local_world_run(b.w);
		assert_true(s.finished);
		failed = a->fail_at == 0;
		a->fail_at = 0;
		assert_int_equal(bed_close(&b), 0);
	}
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contracts),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_repeat),
		cmocka_unit_test(test_kill_peer),
		cmocka_unit_test(test_partition),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_io_faults),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_crash_over_fault),
		cmocka_unit_test(test_oom),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

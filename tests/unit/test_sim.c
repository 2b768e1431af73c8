/* The simulated world against closed forms: links, drives, charges, crashes, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim_int.h"
#include "tests/lib/sim_world.h"

/* ---- messages ----------------------------------------------------------------------------- */

struct ping {
	struct sim_stream *st;
	uint32_t to_node;
	uint32_t to_tag;
	uint64_t bytes;
	uint64_t at_ns;		/* sleep until then first */
	int rc;
	uint64_t done_ns;
	struct sw_call c;
	char msg[RT_MSG_MAX_BYTES];
};

static void ping_ult(void *arg)
{
	struct ping *p = arg;
	struct rt *rt = sim_stream_rt(p->st);
	struct rt_peer *peer = sw_peer(rt, p->to_node, p->to_tag);

	if (p->at_ns > 0)
		rt_sleep_until(rt, p->at_ns);
	p->rc = sw_call_start(&p->c, rt, peer, p->msg, p->bytes);
	if (p->rc == 0)
		p->rc = sw_call_wait(&p->c);
	p->done_ns = p->c.done_ns;
	rt_peer_close(rt, peer);
}

static uint64_t request_ns;

static void server_note(struct rt *rt, struct rt_in *in)
{
	request_ns = rt_now_ns(rt);
	sw_echo(rt, in);
}

static void test_round_trip(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *server = sw_stream(&w, 0, 3), *client = sw_stream(&w, 4, 0);
	struct ping p = { .st = client, .to_tag = 3, .bytes = 1000, .at_ns = 10000, .rc = 1 };

	(void)state;
	sim_stream_rt(server)->on_request = server_note;
	sw_spawn(client, ping_ult, &p);
	assert_int_equal(sim_run(w.sim, SIM_NEVER), SIM_END_IDLE);
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.c.done_count, 1);
	/* Cut-through: the bytes once, the latency once, each way. */
	assert_int_equal(request_ns, 10000 + SW_ONE_WAY_NS + 1000);
	assert_int_equal(p.done_ns, 10000 + 2 * (SW_ONE_WAY_NS + 1000));
	assert_int_equal(sim_node_bytes(w.sim, 4), 0);
	sim_stream_destroy(client);
	sim_stream_destroy(server);
	sw_close(&w);
}

static void test_local(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *server = sw_stream(&w, 0, 3), *client = sw_stream(&w, 0, 4);
	struct ping p = { .st = client, .to_tag = 3, .bytes = 1000 };

	(void)state;
	sim_stream_rt(server)->on_request = sw_echo;
	sw_spawn(client, ping_ult, &p);
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.done_ns, 2 * (200 + 500));
	sw_close(&w);
}

/* Many to one: the receiver's link is the queue; replies leave it the same way. */
static void test_incast(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *server = sw_stream(&w, 0, 0);
	struct ping *p = calloc(5, sizeof(*p));

	(void)state;
	assert_non_null(p);
	sim_stream_rt(server)->on_request = sw_echo;
	for (uint32_t i = 0; i < 5; i++) {
		p[i].st = sw_stream(&w, i + 1, 0);
		p[i].bytes = 10000;
		sw_spawn(p[i].st, ping_ult, &p[i]);
	}
	sim_run(w.sim, SIM_NEVER);
	for (uint32_t i = 0; i < 5; i++) {
		uint64_t arrival = SW_ONE_WAY_NS + 10000 * (i + 1);

		assert_int_equal(p[i].rc, 0);
		assert_int_equal(p[i].done_ns, arrival + SW_ONE_WAY_NS + 10000);
	}
	free(p);
	sw_close(&w);
}

static void test_refusals(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *client = sw_stream(&w, 4, 0);
	struct ping p = { .st = client, .to_node = 1, .to_tag = 9, .bytes = 100 };
	struct ping big = { .st = client, .bytes = RT_MSG_MAX_BYTES };
	struct rt *rt = sim_stream_rt(client);
	struct sim_stream_opts opts = { .node_idx = 4 };
	struct sim_stream *st;
	struct rt_peer *peer;
	struct bseg seg;
	struct rt_call call = { .done = sw_call_done };
	struct buf many = { .nr = RT_EXPOSE_MAX_SEGS + 1 };

	(void)state;
	assert_int_equal(rt_peer_open(rt, "sim:99/0", &peer), -DER_INVAL);
	assert_int_equal(rt_peer_open(rt, "sim:0/0x", &peer), -DER_INVAL);
	assert_int_equal(rt_peer_open(rt, "tcp:0/0", &peer), -DER_INVAL);
	assert_int_equal(rt_peer_open(rt, "sim:0/65536", &peer), -DER_INVAL);
	assert_int_equal(sim_stream_create(w.sim, &opts, &st), -DER_EXIST);
	opts.node_idx = 6;
	assert_int_equal(sim_stream_create(w.sim, &opts, &st), -DER_INVAL);
	sw_spawn(client, ping_ult, &p);
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(p.rc, -DER_UNREACH);
	/* There and back, without waiting for any detection. */
	assert_int_equal(p.done_ns, 2 * SW_ONE_WAY_NS + 100);
	peer = sw_peer(rt, 0, 0);
	call.peer = peer;
	call.msg = buf_from_bytes(&seg, big.msg, RT_MSG_MAX_BYTES);
	call.msg.bytes++;
	assert_int_equal(rt_call(rt, &call), -DER_OVERFLOW);
	call.msg.bytes--;
	call.expose = &many;
	assert_int_equal(rt_call(rt, &call), -DER_NOSPACE);
	call.expose = NULL;
	seg.kind = BSEG_GEN;
	assert_int_equal(rt_call(rt, &call), -DER_INVAL);
	rt_peer_close(rt, peer);
	sw_close(&w);
}

/* ---- charge ------------------------------------------------------------------------------- */

static uint64_t handled_ns[8];
static uint32_t handled;

/* 1 us of CPU per request, as bytes of checksum. */
static void server_busy(struct rt *rt, struct rt_in *in)
{
	handled_ns[handled++] = rt_now_ns(rt);
	rt_charge(rt, RT_COST_CSUM, 1000);
	sw_echo(rt, in);
}

/* Three requests that arrive within less than the time of one are served one after another, and
 * answers leave after the charge. */
static void test_charge(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *server = sw_stream(&w, 0, 0);
	struct ping *p = calloc(3, sizeof(*p));
	uint64_t first = SW_ONE_WAY_NS + 100;

	(void)state;
	assert_non_null(p);
	handled = 0;
	sim_stream_rt(server)->on_request = server_busy;
	for (uint32_t i = 0; i < 3; i++) {
		p[i].st = sw_stream(&w, i + 1, 0);
		p[i].bytes = 100;
		sw_spawn(p[i].st, ping_ult, &p[i]);
	}
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(handled, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(handled_ns[i], first + 1000 * i);
		assert_int_equal(p[i].done_ns, first + 1000 * (i + 1) + SW_ONE_WAY_NS + 100);
	}
	free(p);
	sw_close(&w);
}

struct clocks {
	struct sim_stream *st;
	uint64_t before_ns;
	uint64_t after_ns;
	uint64_t wall_ns;
	uint64_t woken_ns;
};

static void clock_ult(void *arg)
{
	struct clocks *c = arg;
	struct rt *rt = sim_stream_rt(c->st);

	c->before_ns = rt_now_ns(rt);
	rt_charge(rt, RT_COST_CLIENT_OP, 1);
	c->after_ns = rt_now_ns(rt);
	c->wall_ns = rt_wall_ns(rt);
	rt_sleep_ns(rt, 123456789012ull);	/* through all levels of the calendar */
	c->woken_ns = rt_now_ns(rt);
}

static void test_clock(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct clocks c = { .st = sw_stream(&w, 1, 1) };

	(void)state;
	assert_null(sim_current_rt());
	assert_int_equal(sim_run(w.sim, 7000), SIM_END_IDLE);
	assert_int_equal(sim_now_ns(w.sim), 7000);
	sw_spawn(c.st, clock_ult, &c);
	assert_int_equal(sim_run(w.sim, 1000000), SIM_END_TIME);
	assert_int_equal(c.before_ns, 7000);
	assert_int_equal(c.after_ns, 12000);
	assert_int_equal(c.wall_ns, 1000000000000000000ull + 12000);
	assert_int_equal(c.woken_ns, 0);
	assert_int_equal(sim_run(w.sim, SIM_NEVER), SIM_END_IDLE);
	assert_int_equal(c.woken_ns, 12000 + 123456789012ull);
	/* SimGrid's clock is ours, within the quantum of the calendar. */
	assert_true(sg_engine_clock(w.sim->engine) > 123.456801 - 3e-6);
	assert_true(sg_engine_clock(w.sim->engine) < 123.456802 + 3e-6);
	sw_close(&w);
}

/* ---- bulk --------------------------------------------------------------------------------- */

enum { BULK_BYTES = 1 << 20 };

struct mover {
	struct rt *rt;
	struct rt_in *in;
	struct rt_bulk bulk;
	enum rt_bulk_op op;
	uint64_t off;
	uint64_t bytes;
	uint64_t delay_ns;
	char *mem;
	int rc;
	uint64_t done_ns;
	bool hold;		/* do not answer */
};

static struct mover movers[4];
static uint32_t mover_count;
static struct mover mover_next;	/* template of the next one */

static void move_ult(void *arg)
{
	struct mover *m = arg;
	struct bseg seg;
	struct buf local = buf_from_bytes(&seg, m->mem, m->bytes);
	const struct buf *answer = &m->in->msg;

	if (m->delay_ns > 0)
		rt_sleep_ns(m->rt, m->delay_ns);
	m->rc = rt_bulk_wait(m->rt, m->in, m->op, m->off, &local);
	m->done_ns = rt_now_ns(m->rt);
	if (!m->hold)
		assert_int_equal(rt_reply(m->rt, m->in, answer), 0);
	rt_release(m->rt, m->in);
}

static void server_move(struct rt *rt, struct rt_in *in)
{
	struct mover *m = &movers[mover_count++];

	*m = mover_next;
	m->rt = rt;
	m->in = in;
	assert_int_equal(rt_spawn(rt, move_ult, m, NULL), 0);
}

struct exposer {
	struct ping p;
	char *mem;
	uint32_t access;
	uint64_t cancel_ns;
};

static void expose_ult(void *arg)
{
	struct exposer *e = arg;
	struct rt *rt = sim_stream_rt(e->p.st);
	struct rt_peer *peer = sw_peer(rt, e->p.to_node, e->p.to_tag);

	sw_call_expose(&e->p.c, e->mem, BULK_BYTES, e->access);
	e->p.rc = sw_call_start(&e->p.c, rt, peer, e->p.msg, 64);
	assert_int_equal(e->p.rc, 0);
	if (e->cancel_ns > 0) {
		rt_sleep_until(rt, e->cancel_ns);
		rt_cancel(rt, &e->p.c.call);
		assert_int_equal(e->p.c.done_count, 0);	/* never inside */
	}
	e->p.rc = sw_call_wait(&e->p.c);
	e->p.done_ns = e->p.c.done_ns;
	rt_peer_close(rt, peer);
}

struct bulk_world {
	struct sw w;
	struct sim_stream *server;
	struct exposer e;
	char *near;	/* the server's */
};

static void bulk_open(struct bulk_world *b, enum rt_bulk_op op)
{
	memset(b, 0, sizeof(*b));
	b->w = sw_open(NULL, 1);
	b->server = sw_stream(&b->w, 0, 0);
	b->e.p.st = sw_stream(&b->w, 1, 0);
	b->e.mem = malloc(BULK_BYTES);
	b->near = malloc(BULK_BYTES);
	assert_non_null(b->e.mem);
	assert_non_null(b->near);
	memset(b->e.mem, 'e', BULK_BYTES);
	memset(b->near, 'n', BULK_BYTES);
	b->e.access = op == RT_BULK_GET ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	sim_stream_rt(b->server)->on_request = server_move;
	mover_count = 0;
	mover_next = (struct mover){ .op = op, .bytes = BULK_BYTES, .mem = b->near };
	sw_spawn(b->e.p.st, expose_ult, &b->e);
}

static void bulk_close(struct bulk_world *b)
{
	sw_close(&b->w);
	free(b->e.mem);
	free(b->near);
}

static void test_bulk(void **state)
{
	struct bulk_world b;
	uint64_t start = SW_ONE_WAY_NS + 64;

	(void)state;
	for (int op = RT_BULK_GET; op <= RT_BULK_PUT; op++) {
		bulk_open(&b, (enum rt_bulk_op)op);
		sim_run(b.w.sim, SIM_NEVER);
		assert_int_equal(b.e.p.rc, 0);
		assert_int_equal(movers[0].rc, 0);
		/* One latency to ask or to acknowledge, one with the data. */
		assert_int_equal(movers[0].done_ns, start + 2 * SW_ONE_WAY_NS + BULK_BYTES);
		assert_memory_equal(b.near, b.e.mem, BULK_BYTES);
		assert_int_equal(b.near[7], op == RT_BULK_GET ? 'e' : 'n');
		bulk_close(&b);
	}
}

static void test_bulk_bounds(void **state)
{
	struct bulk_world b;

	(void)state;
	bulk_open(&b, RT_BULK_GET);
	mover_next.off = 1;
	sim_run(b.w.sim, SIM_NEVER);
	assert_int_equal(movers[0].rc, -DER_INVAL);
	bulk_close(&b);
	bulk_open(&b, RT_BULK_GET);
	mover_next.off = UINT64_MAX;
	mover_next.bytes = 2;
	sim_run(b.w.sim, SIM_NEVER);
	assert_int_equal(movers[0].rc, -DER_INVAL);
	bulk_close(&b);
	bulk_open(&b, RT_BULK_GET);
	mover_next.op = RT_BULK_PUT;
	sim_run(b.w.sim, SIM_NEVER);
	assert_int_equal(movers[0].rc, -DER_NO_PERM);
	assert_int_equal(b.e.mem[0], 'e');
	bulk_close(&b);
}

/* The call ends while a transfer is on its way: the memory that it exposed stays as it is. */
static void test_bulk_revoked(void **state)
{
	struct bulk_world b;

	(void)state;
	bulk_open(&b, RT_BULK_PUT);
	b.e.cancel_ns = 500000;
	sim_run(b.w.sim, SIM_NEVER);
	assert_int_equal(b.e.p.rc, -DER_CANCELED);
	assert_int_equal(b.e.p.done_ns, 500000);
	assert_int_equal(b.e.p.c.done_count, 1);
	assert_int_equal(movers[0].rc, -DER_CANCELED);
	for (uint32_t i = 0; i < BULK_BYTES; i++)
		assert_int_equal(b.e.mem[i], 'e');
	bulk_close(&b);
}

/* Two transfers share a link by chunks: both end together, not one behind the other. */
static void test_bulk_share(void **state)
{
	struct bulk_world b;
	struct exposer *other = calloc(1, sizeof(*other));
	uint64_t last = SW_ONE_WAY_NS + 64 + 2 * SW_ONE_WAY_NS + 2 * BULK_BYTES;

	(void)state;
	assert_non_null(other);
	bulk_open(&b, RT_BULK_GET);
	other->p.st = sw_stream(&b.w, 2, 0);
	other->mem = b.e.mem;
	other->access = RT_ACCESS_READ;
	sw_spawn(other->p.st, expose_ult, other);
	sim_run(b.w.sim, SIM_NEVER);
	assert_int_equal(mover_count, 2);
	for (int i = 0; i < 2; i++) {
		assert_in_range(movers[i].done_ns, last - 3 * 65536, last + 65536);
		assert_int_equal(movers[i].rc, 0);
	}
	free(other);
	bulk_close(&b);
}

/* The node that exposed the memory dies during the transfer. */
static void test_bulk_far_crash(void **state)
{
	struct bulk_world b;

	(void)state;
	for (int op = RT_BULK_GET; op <= RT_BULK_PUT; op++) {
		bulk_open(&b, (enum rt_bulk_op)op);
		assert_int_equal(sim_run(b.w.sim, 500000), SIM_END_TIME);
		sim_node_crash(b.w.sim, 1);
		assert_int_equal(sim_run(b.w.sim, SIM_NEVER), SIM_END_IDLE);
		assert_int_equal(mover_count, 1);
		assert_int_equal(movers[0].rc, -DER_UNREACH);
		assert_int_equal(b.near[0], 'n');
		assert_in_range(movers[0].done_ns, 500000 + 1000000, 3000000);
		bulk_close(&b);
	}
}

/* ---- crash and restart -------------------------------------------------------------------- */

static struct sim_stream *booted;

static void boot_echo(struct sim *sim, uint32_t node_idx, void *arg)
{
	struct sim_stream_opts opts = { .node_idx = node_idx };

	(void)arg;
	assert_int_equal(sim_stream_create(sim, &opts, &booted), 0);
	sim_stream_rt(booted)->on_request = sw_echo;
}

static uint32_t ran_after_crash;

static void doomed_ult(void *arg)
{
	struct rt *rt = arg;

	assert_non_null(rt_alloc(rt, 100000));
	rt_sleep_until(rt, 2000000);
	ran_after_crash++;
}

static void server_never(struct rt *rt, struct rt_in *in)
{
	(void)rt;
	(void)in;	/* kept, unanswered */
}

static void test_crash_restart(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *server = sw_stream(&w, 0, 0), *client = sw_stream(&w, 4, 0);
	struct ping held = { .st = client, .bytes = 100 };
	struct ping again = { .st = client, .bytes = 100, .at_ns = 5000000 };
	struct rt *rt = sim_stream_rt(client);
	struct rt_peer *stale;
	struct sw_call c = { 0 };
	char byte = 0;

	(void)state;
	ran_after_crash = 0;
	sim_stream_rt(server)->on_request = server_never;
	sw_spawn(server, doomed_ult, sim_stream_rt(server));
	sw_spawn(client, ping_ult, &held);
	sim_run(w.sim, 1000000);
	assert_int_equal(held.c.done_count, 0);
	assert_true(sim_node_bytes(w.sim, 0) >= 100000);
	stale = sw_peer(rt, 0, 0);
	assert_int_equal(sw_call_start(&c, rt, stale, &byte, 1), 0);
	sim_run(w.sim, 1500000);
	sim_node_crash(w.sim, 0);
	assert_false(sim_node_up(w.sim, 0));
	assert_int_equal(sim_node_bytes(w.sim, 0), 0);
	sim_run(w.sim, 4000000);
	assert_int_equal(ran_after_crash, 0);
	assert_int_equal(held.rc, -DER_UNREACH);
	assert_int_equal(held.done_ns, 1500000 + 1000000);
	assert_int_equal(c.done_count, 1);
	sim_node_restart(w.sim, 0, boot_echo, NULL);
	/* A peer opened before the crash is of the past; a fresh one works. */
	assert_int_equal(sw_call_start(&c, rt, stale, &byte, 1), 0);
	sw_spawn(client, ping_ult, &again);
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(c.ev.rc, -DER_UNREACH);
	assert_int_equal(again.rc, 0);
	assert_int_equal(again.done_ns, 5000000 + 2 * (SW_ONE_WAY_NS + 100));
	sw_close(&w);
}

static void suicide_ult(void *arg)
{
	struct sim_stream *st = arg;
	struct rt *rt = sim_stream_rt(st);

	sim_node_crash(st->sim, st->node_idx);
	ran_after_crash = 1;	/* the present turn ends first */
	rt_yield(rt);
	ran_after_crash = 2;
}

/* From inside: the turn that asked for it ends, nothing after it. */
static void test_crash_from_inside(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *st = sw_stream(&w, 0, 0);

	(void)state;
	ran_after_crash = 0;
	sw_spawn(st, suicide_ult, st);
	sim_run(w.sim, SIM_NEVER);
	assert_false(sim_node_up(w.sim, 0));
	assert_int_equal(ran_after_crash, 1);
	sw_close(&w);
}

/* A planned crash and restart; the world may also end before the restart's date. */
static void test_crash_plan(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct sw w = sw_open(NULL, 1);

		(void)state;
		boot_echo(w.sim, 2, NULL);
		assert_int_equal(sim_fault_crash(w.sim, 9, 1, SIM_NEVER, NULL, NULL), -DER_INVAL);
		assert_int_equal(sim_fault_crash(w.sim, 2, 1, 5, NULL, NULL), -DER_INVAL);
		assert_int_equal(sim_fault_crash(w.sim, 2, 1000, 5000, boot_echo, NULL), 0);
		sim_run(w.sim, 5999);
		assert_false(sim_node_up(w.sim, 2));
		if (i == 0) {
			sim_run(w.sim, 6000);
			assert_true(sim_node_up(w.sim, 2));
		}
		sw_close(&w);
	}
}

/* ---- faults of the network ---------------------------------------------------------------- */

static void test_loss_and_delay(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *server = sw_stream(&w, 0, 0), *client = sw_stream(&w, 4, 0);
	struct ping lost = { .st = client, .bytes = 100 };
	struct ping late = { .st = client, .bytes = 100, .at_ns = 2000000 };
	struct ping fine = { .st = client, .bytes = 100, .at_ns = 4000000 };
	struct sim_fault_msg f = {
		.from_ns = 0, .to_ns = 1000000, .src_idx = 4, .dst_idx = 0, .link_idx = SIM_ANY,
		.loss_ppm = 1000000,
	};
	struct sim_fault_msg d = {
		.from_ns = 2000000, .to_ns = 3000000, .src_idx = SIM_ANY, .dst_idx = 4,
		.link_idx = SIM_ANY, .delay_ppm = 1000000, .delay_min_ns = 70000,
		.delay_max_ns = 70000,
	};

	(void)state;
	assert_int_equal(sim_fault_message(w.sim, &f), 0);
	assert_int_equal(sim_fault_message(w.sim, &d), 0);
	f.loss_ppm = 1000001;
	assert_int_equal(sim_fault_message(w.sim, &f), -DER_INVAL);
	sim_stream_rt(server)->on_request = sw_echo;
	sw_spawn(client, ping_ult, &lost);
	sw_spawn(client, ping_ult, &late);
	sw_spawn(client, ping_ult, &fine);
	sim_run(w.sim, 1500000);
	assert_int_equal(lost.c.done_count, 0);
	rt_cancel(sim_stream_rt(client), &lost.c.call);
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(lost.rc, -DER_CANCELED);
	assert_int_equal(late.done_ns, 2000000 + 2 * (SW_ONE_WAY_NS + 100) + 70000);
	assert_int_equal(fine.done_ns, 4000000 + 2 * (SW_ONE_WAY_NS + 100));
	sw_close(&w);
}

/* How many of many get through is what the probability says; another seed, other ones. */
static void test_loss_rate(void **state)
{
	uint64_t digests[2];

	for (uint64_t seed = 0; seed < 2; seed++) {
		struct sw w = sw_open(NULL, seed);
		struct sim_stream *server = sw_stream(&w, 0, 0), *client = sw_stream(&w, 4, 0);
		struct ping *p = calloc(400, sizeof(*p));
		struct sim_fault_msg f = {
			.to_ns = SIM_NEVER, .src_idx = SIM_ANY, .dst_idx = 0,
			.link_idx = SIM_ANY, .loss_ppm = 250000,
		};
		uint32_t through = 0;

		(void)state;
		assert_non_null(p);
		assert_int_equal(sim_fault_message(w.sim, &f), 0);
		sim_stream_rt(server)->on_request = sw_echo;
		for (int i = 0; i < 400; i++) {
			p[i].st = client;
			p[i].bytes = 100;
			sw_spawn(client, ping_ult, &p[i]);
		}
		sim_run(w.sim, SIM_NEVER);
		for (int i = 0; i < 400; i++)
			through += p[i].c.done_count;
		assert_in_range(through, 260, 340);
		digests[seed] = sim_digest(w.sim);
		free(p);
		sw_close(&w);
	}
	assert_int_not_equal(digests[0], digests[1]);
}

static void test_partition(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *server = sw_stream(&w, 0, 0), *client = sw_stream(&w, 4, 0);
	struct sim_stream *inside = sw_stream(&w, 1, 0);
	struct ping cut = { .st = client, .bytes = 100 };
	struct ping same = { .st = inside, .bytes = 100 };
	struct ping healed = { .st = client, .bytes = 100, .at_ns = 1000000 };
	const uint32_t nodes[] = { 0, 1 };

	(void)state;
	assert_int_equal(sim_fault_partition(w.sim, 0, 1000000, nodes, 2), 0);
	sim_stream_rt(server)->on_request = sw_echo;
	sw_spawn(client, ping_ult, &cut);
	sw_spawn(inside, ping_ult, &same);
	sw_spawn(client, ping_ult, &healed);
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(cut.c.done_count, 0);
	assert_int_equal(same.c.done_count, 1);
	assert_int_equal(healed.c.done_count, 1);
	assert_int_equal(healed.rc, 0);
	sw_close(&w);
}

/* ---- drives ------------------------------------------------------------------------------- */

struct disk {
	struct sim_stream *st;
	struct rt_dev *dev;
	uint64_t off;
	uint64_t bytes;
	enum rt_io_op op;
	char *mem;
	int rc;
	uint64_t done_ns;
};

static void disk_ult(void *arg)
{
	struct disk *d = arg;
	struct rt *rt = sim_stream_rt(d->st);
	struct bseg seg;
	struct buf buf = buf_from_bytes(&seg, d->mem, d->bytes);

	d->rc = rt_io(rt, d->dev, d->op, d->off, d->op == RT_IO_FLUSH ? &BUF_EMPTY : &buf);
	d->done_ns = rt_now_ns(rt);
}

static struct disk disk_run(struct sw *w, struct sim_stream *st, struct rt_dev *dev,
			    enum rt_io_op op, uint64_t off, void *mem, uint64_t bytes)
{
	struct disk d = { .st = st, .dev = dev, .off = off, .bytes = bytes, .op = op, .mem = mem,
			  .rc = 1 };

	sw_spawn(st, disk_ult, &d);
	sim_run(w->sim, SIM_NEVER);
	return d;
}

static void test_disk_times(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *st = sw_stream(&w, 0, 0);
	struct disk *d = calloc(12, sizeof(*d));
	char *mem = calloc(1, 1 << 20);
	struct rt_dev *dev;
	uint64_t base;

	(void)state;
	assert_non_null(d);
	assert_non_null(mem);
	assert_int_equal(rt_dev_open(sim_stream_rt(st), "ssd0", 0, RT_DEV_CREATE, &dev), 0);
	assert_int_equal(dev->bytes, 1u << 30);
	assert_int_equal(dev->align, 4096);
	/* Small ones take 10 us each of the drive, large ones their bytes; latency comes on top. */
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 0, mem, 4096).done_ns, 110000);
	base = sim_now_ns(w.sim);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_WRITE, 0, mem, 1 << 20).done_ns,
			 base + (1 << 20) + 20000);
	base = sim_now_ns(w.sim);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_FLUSH, 0, mem, 0).done_ns, base + 50000);
	/* Twelve reads, four at a time: each group of four waits for the end of the one before. */
	base = sim_now_ns(w.sim);
	for (int i = 0; i < 12; i++) {
		d[i] = (struct disk){ .st = st, .dev = dev, .bytes = 4096, .op = RT_IO_READ,
				      .mem = mem + 4096 * i };
		sw_spawn(st, disk_ult, &d[i]);
	}
	sim_run(w.sim, SIM_NEVER);
	for (uint64_t i = 0; i < 12; i++)
		assert_int_equal(d[i].done_ns, base + 110000 * (i / 4) + 10000 * (i % 4) + 110000);
	free(d);
	free(mem);
	sw_close(&w);
}

static void test_disk_errors(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *st = sw_stream(&w, 0, 0), *other = sw_stream(&w, 0, 1);
	struct rt *rt = sim_stream_rt(st);
	static char mem[8192];
	struct rt_dev *dev, *shared;

	(void)state;
	assert_int_equal(rt_dev_open(rt, "ssd0", 0, 0, &dev), -DER_NONEXIST);
	assert_int_equal(rt_dev_open(rt, "ssd2", 0, RT_DEV_CREATE, &dev), -DER_NONEXIST);
	assert_int_equal(rt_dev_open(rt, "floppy0", 0, RT_DEV_CREATE, &dev), -DER_NONEXIST);
	assert_int_equal(rt_dev_open(rt, "ssd0", 1ull << 40, RT_DEV_CREATE, &dev), -DER_INVAL);
	assert_int_equal(rt_dev_open(rt, "ssd0", 1 << 20, RT_DEV_CREATE, &dev), 0);
	assert_int_equal(rt_dev_open(sim_stream_rt(other), "ssd0", 0, 0, &shared), -DER_BUSY);
	/* Another device on the same drive is nobody else's business. */
	assert_int_equal(rt_dev_open(sim_stream_rt(other), "ssd0/b", 4096, RT_DEV_CREATE, &shared),
			 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 100, mem, 4096).rc, -DER_INVAL);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 0, mem, 100).rc, -DER_INVAL);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 1 << 20, mem, 4096).rc, -DER_INVAL);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, UINT64_MAX - 4095, mem, 8192).rc,
			 -DER_INVAL);
	rt_dev_close(rt, dev);
	assert_int_equal(rt_dev_open(rt, "ssd0", 0, RT_DEV_RDONLY, &dev), 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_WRITE, 0, mem, 4096).rc, -DER_NO_PERM);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 0, mem, 4096).rc, 0);
	rt_dev_close(rt, dev);
	sw_close(&w);
}

static void boot_nothing(struct sim *sim, uint32_t node_idx, void *arg)
{
	(void)sim;
	(void)node_idx;
	(void)arg;
}

/* What was flushed is there after a crash; what was not is gone, and what was in flight too. */
static void test_disk_crash(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *st = sw_stream(&w, 0, 0);
	static char one[4096], two[4096], read[4096];
	struct disk flying;
	struct rt_dev *dev;

	(void)state;
	memset(one, 1, sizeof(one));
	memset(two, 2, sizeof(two));
	assert_int_equal(rt_dev_open(sim_stream_rt(st), "ssd1", 0, RT_DEV_CREATE, &dev), 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_WRITE, 0, one, 4096).rc, 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_FLUSH, 0, NULL, 0).rc, 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_WRITE, 0, two, 4096).rc, 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_WRITE, 8192, two, 4096).rc, 0);
	flying = (struct disk){ .st = st, .dev = dev, .off = 4096, .bytes = 4096,
				.op = RT_IO_WRITE, .mem = two, .rc = 1 };
	sw_spawn(st, disk_ult, &flying);
	sim_run(w.sim, sim_now_ns(w.sim) + 1000);
	sim_node_crash(w.sim, 0);
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(flying.rc, 1);
	sim_node_restart(w.sim, 0, boot_nothing, NULL);
	st = sw_stream(&w, 0, 0);
	assert_int_equal(rt_dev_open(sim_stream_rt(st), "ssd1", 0, 0, &dev), 0);
	for (uint64_t off = 0; off < 12288; off += 4096) {
		assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, off, read, 4096).rc, 0);
		for (int i = 0; i < 4096; i++)
			assert_int_equal(read[i], off == 0 ? 1 : 0);
	}
	sw_close(&w);
}

static void test_disk_faults(void **state)
{
	struct sw w = sw_open(NULL, 1);
	struct sim_stream *st = sw_stream(&w, 0, 0);
	struct sim_fault_disk f = { .to_ns = SIM_NEVER, .dev = "ssd0", .kind = SIM_DISK_SLOW,
				    .ppm = 1000000, .factor = 10 };
	static char mem[4096], read[4096];
	struct rt_dev *dev;
	uint64_t base;
	int wrong = 0;

	(void)state;
	memset(mem, 7, sizeof(mem));
	assert_int_equal(rt_dev_open(sim_stream_rt(st), "ssd0", 0, RT_DEV_CREATE, &dev), 0);
	assert_int_equal(sim_fault_disk(w.sim, &f), 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 0, mem, 4096).done_ns, 1100000);
	sim_fault_stop(w.sim);
	base = sim_now_ns(w.sim);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 0, read, 4096).done_ns, base + 110000);
	f.kind = SIM_DISK_FAIL;
	assert_int_equal(sim_fault_disk(w.sim, &f), 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_WRITE, 0, mem, 4096).rc, -DER_NVME_IO);
	sim_fault_stop(w.sim);
	f.kind = SIM_DISK_CORRUPT;
	memset(mem, 7, sizeof(mem));
	assert_int_equal(sim_fault_disk(w.sim, &f), 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_WRITE, 0, mem, 4096).rc, 0);
	assert_int_equal(disk_run(&w, st, dev, RT_IO_READ, 0, read, 4096).rc, 0);
	for (int i = 0; i < 4096; i++)
		wrong += __builtin_popcount((unsigned int)(uint8_t)(read[i] ^ 7));
	assert_int_equal(wrong, 1);
	assert_int_equal(mem[0], 7);	/* the writer's buffer is not the medium */
	sw_close(&w);
}

/* ---- the engine and its platform ---------------------------------------------------------- */

static const char generic_topology[] =
	"name: wires\n"
	"topology:\n"
	"  kind: generic\n"
	"  servers: 2\n"
	"  clients: 1\n"
	"  hosts: [ a, b, c ]\n"
	"  links:\n"
	"  - { name: la, bandwidth: 1 GB/s, latency: 1 us }\n"
	"  - { name: lb, bandwidth: 2 GB/s, latency: 2 us }\n"
	"  - { name: trunk, bandwidth: 500 MB/s, latency: 10 us }\n"
	"  - { name: lc, bandwidth: 1 GB/s, latency: 3 us }\n"
	"  routes:\n"
	"  - { from: a, to: b, links: [ la:up, lb:down ] }\n"
	"  - { from: a, to: c, links: [ la:up, trunk:up, lc:down ] }\n"
	"  - { from: c, to: a, links: [ lc:up, la:down ] }\n";

/* Paths of ours are routes of SimGrid: as many links, the same latency. */
static void check_routes(struct sw *w, uint32_t nics)
{
	const struct sim_topo *t = w->sim->topo;
	uint32_t per_node = w->profile->nic_count, none = 0;

	for (uint32_t i = 0; i < nics * nics; i++) {
		struct sim_end_point a = { i / nics / per_node, i / nics % per_node };
		struct sim_end_point b = { i % nics / per_node, i % nics % per_node };
		struct sim_path path;
		uint32_t links;
		double latency;

		if (a.node_idx == b.node_idx)
			continue;
		t->ops->path(t, a, b, 0, &path);
		if (path.link_count == 0) {
			none++;
			continue;
		}
		assert_int_equal(sg_engine_route_get(w->sim->engine, i / nics, i % nics, &links,
						     &latency),
				 0);
		assert_int_equal(links, path.link_count);
		latency = latency * 1e9 - (double)sim_path_latency(w->sim, &path);
		assert_true(latency > -2 && latency < 2);
	}
	assert_int_equal(none, w->profile->topo == PROFILE_GENERIC ? 2 : 0);
}

static void test_routes(void **state)
{
	char text[sizeof(sw_profile_text) + sizeof(generic_topology)];
	struct sw w = sw_open(NULL, 1);

	(void)state;
	check_routes(&w, 6);
	sw_close(&w);
	snprintf(text, sizeof(text), "%s%s", generic_topology, strstr(sw_profile_text, "network:"));
	w = sw_open(text, 1);
	check_routes(&w, 3);
	sw_close(&w);
}

/* A middle link of its own speed: the bytes go at the pace of the slowest. */
static void test_generic_times(void **state)
{
	char text[sizeof(sw_profile_text) + sizeof(generic_topology)];
	struct ping p = { .to_node = 2, .bytes = 10000 }, q = { .to_node = 2, .bytes = 10 };
	struct sim_stream *server;
	struct sw w;

	(void)state;
	snprintf(text, sizeof(text), "%s%s", generic_topology, strstr(sw_profile_text, "network:"));
	w = sw_open(text, 1);
	server = sw_stream(&w, 2, 0);
	sim_stream_rt(server)->on_request = sw_echo;
	p.st = sw_stream(&w, 0, 0);
	q.st = sw_stream(&w, 1, 0);
	sw_spawn(p.st, ping_ult, &p);
	sw_spawn(q.st, ping_ult, &q);
	sim_run(w.sim, SIM_NEVER);
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.done_ns, 14000 + 20000 + 4000 + 10000);
	assert_int_equal(q.rc, -DER_UNREACH);	/* no route from b to c */
	assert_int_equal(q.done_ns, 1000000);
	sw_close(&w);
}

static void test_sizes(void **state)
{
	struct sim_opts opts = { 0 };
	struct sw w = sw_open(NULL, 1);
	struct sim *second;

	(void)state;
	assert_true(sizeof(struct sim_stream) <= 4096);
	opts.profile = w.profile;
	assert_int_equal(sim_create(&opts, &second), -DER_BUSY);
	sw_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_incast),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_charge),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_bulk_bounds),
		cmocka_unit_test(test_bulk_revoked),
		cmocka_unit_test(test_bulk_share),
		cmocka_unit_test(test_bulk_far_crash),
		cmocka_unit_test(test_crash_restart),
		cmocka_unit_test(test_crash_from_inside),
		cmocka_unit_test(test_crash_plan),
		cmocka_unit_test(test_loss_and_delay),
		cmocka_unit_test(test_loss_rate),
		cmocka_unit_test(test_partition),
		cmocka_unit_test(test_disk_times),
		cmocka_unit_test(test_disk_errors),
		cmocka_unit_test(test_disk_crash),
		cmocka_unit_test(test_disk_faults),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_generic_times),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * rpc: calls, deadlines, retry, at most once, credits, fairness, hostile bytes, restart, no
 * memory.
 */
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/unit/rpc_bed.h"

/* Tries again soon after a try got no answer. */
static const int patient_rcs[] = { -DER_TIMEDOUT, -DER_UNREACH, -DER_INPROGRESS,
				   -DER_OVERLOAD_RETRY, -DER_AGAIN,   -DER_NOMEM };
static const struct rpc_retry patient = {
	.rcs = patient_rcs,
	.rcs_nr = ARRAY_COUNT(patient_rcs),
	.try_timeout_ns = 2 * MS,
	.backoff_min_ns = 100000,
	.backoff_max_ns = 1 * MS,
};

static struct rpc_limits limits(void)
{
	struct rpc_limits l = rpc_limits_default();

	l.stall_ns = 5 * MS;
	return l;
}

static void in_bed(const struct rpc_limits *lim, int streams, void (*fn)(struct bed *bed))
{
	struct bed *bed = bed_new(lim, streams);

	bed_run_on(bed, 1, fn);
	bed_free(bed);
}

/* ---- the plain way -------------------------------------------------------------------------- */

static void do_ping(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct wire_ping_req req = { .cookie = 42, .reply_bytes = 1000 };
	struct wire_ping_rep rep = { 0 };
	struct rpc_call c = { .op = WIRE_PING, .req = &req, .rep = &rep };
	uint8_t data[1000], zeros[1000] = { 0 };
	struct bseg segs[6];
	struct rpc_stats st;
	uint32_t i;

	assert_int_equal(rpc_call(rpc, &c), 0);
	assert_true(c.answered && c.has_rep && c.tries == 1);
	assert_int_equal(rep.cookie, 42);
	assert_int_equal(c.rep_payload.bytes, 1000);
	flat(&c.rep_payload, data, sizeof(data));
	assert_memory_equal(data, zeros, sizeof(data));
	rpc_call_fini(rpc, &c);
	rpc_call_fini(rpc, &c);

	/* A payload in several pieces, bytes and phantoms. */
	for (i = 0; i < 6; i++)
		(void)(i % 2 == 0 ? buf_from_bytes(&segs[i], data, 100)
				  : buf_from_gen(&segs[i], 9, i, 50));
	c = (struct rpc_call){ .op = WIRE_PING, .req = &req, .rep = &rep,
			       .payload = { segs, 6, 450 } };
	assert_int_equal(rpc_call(rpc, &c), 0);
	assert_int_equal(rep.got_bytes, 450);
	rpc_call_fini(rpc, &c);

	/* What does not fit in a message is refused, here or there. */
	c = (struct rpc_call){ .op = WIRE_PING, .req = &req, .rep = &rep };
	c.payload = buf_from_gen(segs, 1, 0, RT_MSG_MAX_BYTES - WIRE_HEAD_BYTES - 12);
	assert_int_equal(rpc_call(rpc, &c), 0);
	rpc_call_fini(rpc, &c);
	c.payload = buf_from_gen(segs, 1, 0, RT_MSG_MAX_BYTES - WIRE_HEAD_BYTES - 11);
	assert_int_equal(rpc_call(rpc, &c), -DER_OVERFLOW);
	rpc_call_fini(rpc, &c);
	c.payload = BUF_EMPTY;
	req.reply_bytes = RT_MSG_MAX_BYTES;
	assert_int_equal(rpc_call(rpc, &c), -DER_OVERFLOW);
	assert_true(c.answered && !c.has_rep);
	rpc_call_fini(rpc, &c);
	req.reply_bytes = RT_MSG_MAX_BYTES - WIRE_HEAD_BYTES - 16;
	assert_int_equal(rpc_call(rpc, &c), 0);
	assert_int_equal(c.rep_payload.bytes, req.reply_bytes);
	rpc_call_fini(rpc, &c);
	st = bed_stats(bed, 0);
	assert_int_equal(st.served, 5);
}

static void test_ping(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_ping);
}

static void do_payload(struct bed *bed)
{
	static uint8_t big[32 * 1024], back[32 * 1024];
	struct rpc *rpc = bed->s[1].rpc;
	struct update u;
	struct wire_obj_fetch_req freq = { .epoch = 7 };
	struct wire_obj_fetch_rep frep;
	struct wire_iod iods[100];
	struct rpc_call c = { .op = WIRE_OBJ_FETCH, .req = &freq, .rep = &frep };
	struct bseg seg;
	struct buf room = buf_from_bytes(&seg, back, sizeof(back));
	uint32_t i;

	gen_fill(3, 0, big, sizeof(big));
	update_init(&u, &bed->s[1], 1, 5);
	update_expose(&u, big, sizeof(big));
	assert_int_equal(rpc_call(rpc, &u.call), 0);
	assert_int_equal(u.rep.epoch, 6);
	assert_memory_equal(bed->srv.mem, big, sizeof(big));
	rpc_call_fini(rpc, &u.call);

	/* Reading what may not be read; writing what is exposed for reading. */
	c.expose = &room;
	c.access = RT_ACCESS_READ;
	assert_int_equal(rpc_call(rpc, &c), -DER_NO_PERM);
	rpc_call_fini(rpc, &c);
	c.access = RT_ACCESS_WRITE;
	assert_int_equal(rpc_call(rpc, &c), 0);
	assert_memory_equal(back, big, sizeof(big));
	rpc_call_fini(rpc, &c);

	/* Inline, with bodies too large for the objects' own buffers on all sides. */
	for (i = 0; i < 100; i++)
		iods[i] = (struct wire_iod){ .name = wire_str("n"), .bytes = 700 + i };
	freq.iods.v = iods;
	freq.iods.nr = 100;
	c.expose = NULL;
	assert_int_equal(rpc_call(rpc, &c), 0);
	assert_int_equal(frep.placed, WIRE_PLACED_INLINE);
	assert_int_equal(frep.iods.nr, 100);
	for (i = 0; i < 100; i++)
		assert_int_equal(frep.iods.v[i].bytes, 700 + i);
	assert_int_equal(flat(&c.rep_payload, back, sizeof(back)), 700);
	assert_memory_equal(back, big, 700);
	rpc_call_fini(rpc, &c);
	/* Asked for without interest in the reply's fields. */
	c.rep = NULL;
	assert_int_equal(rpc_call(rpc, &c), 0);
	assert_int_equal(c.rep_payload.bytes, 700);
	rpc_call_fini(rpc, &c);

	/* A limit of the message. */
	freq.iods.nr = WIRE_IODS_MAX + 1;
	assert_int_equal(rpc_call(rpc, &c), -DER_INVAL);
	rpc_call_fini(rpc, &c);
}

static void test_payload(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_payload);
}

static void do_errors(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct update u;
	struct wire_obj_sync_req sync = { 0 };
	struct wire_pool_list_req list = { 0 };
	struct rpc_call c = { .op = WIRE_POOL_LIST, .req = &list };
	struct rpc_call call = { .op = WIRE_OBJ_SYNC, .req = &sync };

	bed->srv.rc = -DER_REC2BIG;
	update_init(&u, &bed->s[1], 1, 1);
	assert_int_equal(rpc_call(rpc, &u.call), -DER_REC2BIG);
	assert_true(u.call.answered && !u.call.has_rep);
	rpc_call_fini(rpc, &u.call);
	assert_int_equal(rpc_call(rpc, &c), -DER_UNREG);
	rpc_call_fini(rpc, &c);
	assert_int_equal(bed_stats(bed, 0).unregistered, 1);

	/* Nobody there; nobody known. */
	call.ep.rank = 99;
	call.retry = &rpc_retry_none;
	assert_int_equal(rpc_call(rpc, &call), -DER_UNREACH);
	rpc_call_fini(rpc, &call);
	bed->resolve_fails = true;
	call.ep.rank = 98;
	assert_int_equal(rpc_call(rpc, &call), -DER_NONEXIST);
	rpc_call_fini(rpc, &call);
	/* Unreachable is retried until the deadline, by default. */
	call.ep.rank = 99;
	call.retry = NULL;
	call.deadline_ns = rt_now_ns(bed->s[1].rt) + 50 * MS;
	bed->resolve_fails = false;
	assert_int_equal(rpc_call(rpc, &call), -DER_UNREACH);
	assert_true(call.tries > 2);
	rpc_call_fini(rpc, &call);
}

static void test_errors(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_errors);
}

static void test_create(void **state)
{
	struct local_opts lo = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED };
	struct rpc_handler twice[] = { { .op = WIRE_PING, .fn = rpc_ping_handler },
				       { .op = WIRE_PING, .fn = rpc_ping_handler } };
	struct rpc_handler none[] = { { .op = 3, .fn = rpc_ping_handler } };
	struct rpc_limits lim = rpc_limits_default();
	struct rpc_opts o = { .handlers = twice, .handlers_nr = 2 };
	struct local_world *w;
	struct local_stream *s;
	struct rpc *rpc;

	(void)state;
	assert_int_equal(local_world_create(&lo, &w), 0);
	assert_int_equal(local_stream_create(w, "0/0", &s), 0);
	assert_int_equal(rpc_create(local_stream_rt(s), &o, &rpc), -DER_INVAL);
	o.handlers = none;
	o.handlers_nr = 1;
	assert_int_equal(rpc_create(local_stream_rt(s), &o, &rpc), -DER_INVAL);
	o.handlers_nr = 0;
	lim.credits = 0;
	o.limits = &lim;
	assert_int_equal(rpc_create(local_stream_rt(s), &o, &rpc), -DER_INVAL);
	o.limits = NULL;
	local_stream_misc(s)->arena.fail_at = 1;
	assert_int_equal(rpc_create(local_stream_rt(s), &o, &rpc), -DER_NOMEM);
	assert_int_equal(rpc_create(local_stream_rt(s), &o, &rpc), 0);
	assert_ptr_equal(rpc_rt(rpc), local_stream_rt(s));
	rpc_destroy(rpc);
	rpc_destroy(NULL);
	assert_int_equal(local_stream_close(s), 0);
	local_world_destroy(w);
	assert_true(rpc_rc_unapplied(-DER_INPROGRESS));
	assert_false(rpc_rc_unapplied(-DER_NVME_IO));
	assert_false(rpc_rc_unapplied(0));
}

/* ---- deadlines ------------------------------------------------------------------------------ */

static void release_gate(struct bed *bed)
{
	bed->srv.hold = false;
	rt_wake_all(bed->s[0].rt, &bed->srv.gate);
}

static void do_deadline(struct bed *bed)
{
	static uint8_t mem[4096];
	const enum fate drop[] = { FATE_DROP_REQUEST };
	struct rpc *rpc = bed->s[1].rpc;
	struct rt *rt = bed->s[1].rt;
	struct update u;
	uint64_t start;

	/* Held by the server. */
	bed->srv.hold = true;
	start = rt_now_ns(rt);
	update_init(&u, &bed->s[1], 1, 1);
	u.call.deadline_ns = start + 5 * MS;
	assert_int_equal(rpc_call(rpc, &u.call), -DER_TIMEDOUT);
	assert_false(u.call.answered);
	assert_true(rt_now_ns(rt) >= start + 5 * MS && rt_now_ns(rt) < start + 6 * MS);
	rpc_call_fini(rpc, &u.call);

	/* Lost on its way. */
	net_script(&bed->s[1].net, 1, drop);
	start = rt_now_ns(rt);
	u.call.deadline_ns = start + 5 * MS;
	assert_int_equal(rpc_call(rpc, &u.call), -DER_TIMEDOUT);
	rpc_call_fini(rpc, &u.call);
	assert_int_equal(bed_stats(bed, 1).timeouts, 2);

	/* Timed out while the server's transfer has not begun: it finds the memory gone. */
	release_gate(bed);
	bed->s[0].net.hold_bulk = true;
	update_expose(&u, mem, sizeof(mem));
	memset(bed->srv.mem, 0, sizeof(mem));
	memset(mem, 0xee, sizeof(mem));
	u.req.epoch = 3;
	u.call.deadline_ns = rt_now_ns(rt) + 5 * MS;
	assert_int_equal(rpc_call(rpc, &u.call), -DER_TIMEDOUT);
	rpc_call_fini(rpc, &u.call);
	net_bulks_release(&bed->s[0].net, 0);
	rt_sleep_ns(rt, 1 * MS);
	assert_int_equal(bed->srv.mem[0], 0);
	assert_int_equal(bed->srv.applied[3], 0);

	/* Already over when it is sent. */
	u.call.deadline_ns = rt_now_ns(rt);
	u.call.expose = NULL;
	bed->srv.hold = true;
	assert_int_equal(rpc_call(rpc, &u.call), -DER_TIMEDOUT);
	rpc_call_fini(rpc, &u.call);
	release_gate(bed);
}

static void test_deadline(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_deadline);
}

/* The server drops, unserved, what waited beyond its deadline. */
static void do_expired(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct rt *rt = bed->s[1].rt;
	struct update u[10];
	struct rpc_group g;
	int i;

	bed->srv.hold = true;
	rpc_group_init(&g, rpc);
	for (i = 0; i < 10; i++) {
		update_init(&u[i], &bed->s[1], 1, 10 + (uint64_t)i);
		u[i].call.deadline_ns = rt_now_ns(rt) + (i < 6 ? 1000 : 5) * MS;
		assert_int_equal(rpc_group_send(&g, &u[i].call), 0);
	}
	rt_sleep_ns(rt, 20 * MS);
	release_gate(bed);
	assert_int_equal(rpc_group_wait(&g), -DER_TIMEDOUT);
	rt_sleep_ns(rt, 20 * MS);
	for (i = 0; i < 10; i++) {
		assert_int_equal(u[i].call.rc, i < 6 ? 0 : -DER_TIMEDOUT);
		assert_int_equal(bed->srv.applied[10 + i], i < 6 ? 1 : 0);
		rpc_call_fini(rpc, &u[i].call);
	}
	assert_int_equal(bed_stats(bed, 0).expired, 4);
}

static void test_expired(void **state)
{
	struct rpc_limits l = limits();

	(void)state;
	l.serve_per_client_max = 6;
	in_bed(&l, 2, do_expired);
}

static void do_cancel(struct bed *bed)
{
	const enum fate drop[] = { FATE_DROP_REQUEST };
	struct rpc *rpc = bed->s[1].rpc;
	struct rt *rt = bed->s[1].rt;
	struct update u[4];
	int i;

	/* In flight, lost, and (credits are 2) waiting for a credit. */
	bed->srv.hold = true;
	for (i = 0; i < 4; i++) {
		update_init(&u[i], &bed->s[1], 1, (uint64_t)i);
		if (i == 1)
			net_script(&bed->s[1].net, 1, drop);
		assert_int_equal(rpc_send(rpc, &u[i].call), 0);
	}
	rt_sleep_ns(rt, 1 * MS);
	for (i = 0; i < 4; i++) {
		rpc_cancel(rpc, &u[i].call);
		rpc_cancel(rpc, &u[i].call);
		assert_false(u[i].done);	/* never inside the call */
	}
	rt_sleep_ns(rt, 1 * MS);
	for (i = 0; i < 4; i++) {
		assert_true(u[i].done);
		assert_int_equal(u[i].call.rc, -DER_CANCELED);
	}
	rpc_cancel(rpc, &u[0].call);
	release_gate(bed);
	/* While it waits for its next try. */
	bed->srv.hold = false;
	update_init(&u[0], &bed->s[1], 1, 9);
	u[0].call.ep.rank = 77;
	assert_int_equal(rpc_send(rpc, &u[0].call), 0);
	rt_yield(rt);
	rpc_cancel(rpc, &u[0].call);
	rt_sleep_ns(rt, 1 * MS);
	assert_int_equal(u[0].call.rc, -DER_CANCELED);
}

static void test_cancel(void **state)
{
	struct rpc_limits l = limits();

	(void)state;
	l.credits = 2;
	in_bed(&l, 2, do_cancel);
}

/* ---- at most once --------------------------------------------------------------------------- */

static int call_update(struct bed *bed, struct update *u, uint64_t key)
{
	int rc;

	update_init(u, &bed->s[1], 1, key);
	u->call.retry = &patient;
	rc = rpc_call(bed->s[1].rpc, &u->call);
	rpc_call_fini(bed->s[1].rpc, &u->call);
	return rc;
}

static void do_once(struct bed *bed)
{
	const enum fate fates[] = { FATE_DROP_REQUEST, FATE_DROP_REPLY, FATE_DROP_REPLY,
				    FATE_TWICE };
	const enum fate twice[] = { FATE_TWICE };
	struct update u;
	struct rpc_stats st;

	net_script(&bed->s[1].net, 4, fates);
	assert_int_equal(call_update(bed, &u, 1), 0);
	assert_int_equal(u.call.tries, 4);
	assert_int_equal(u.rep.epoch, 2);
	assert_int_equal(bed->srv.applied[1], 1);
	st = bed_stats(bed, 0);
	assert_int_equal(st.replayed, 3);
	/* A copy before the answer shares it; order of both copies is the network's. */
	net_script(&bed->s[1].net, 1, twice);
	assert_int_equal(call_update(bed, &u, 2), 0);
	assert_int_equal(bed->srv.applied[2], 1);
	st = bed_stats(bed, 0);
	assert_int_equal(st.replayed + st.attached, 4);
	/* A failure that is a result is remembered as well; one that changed nothing is not. */
	bed->srv.rc = -DER_EXIST;
	net_script(&bed->s[1].net, 1, &fates[1]);
	assert_int_equal(call_update(bed, &u, 3), -DER_EXIST);
	assert_int_equal(bed_stats(bed, 0).served, 3);
	assert_int_equal(u.call.tries, 2);
	bed->srv.rc = -DER_INPROGRESS;
	update_init(&u, &bed->s[1], 1, 4);
	u.call.deadline_ns = rt_now_ns(bed->s[1].rt) + 10 * MS;
	assert_int_equal(rpc_call(bed->s[1].rpc, &u.call), -DER_INPROGRESS);
	assert_true(bed_stats(bed, 0).served > 5);
	rpc_call_fini(bed->s[1].rpc, &u.call);
}

static void test_once(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_once);
}

/* Lost and repeated at random, many at a time. */
static void do_once_random(struct bed *bed)
{
	static struct update u[64];
	struct rpc *rpc = bed->s[1].rpc;
	struct rpc_group g;
	struct rpc_stats st;
	int i, round;

	bed->s[1].net.random_pct = 60;
	bed->srv.sleep_ns = 1 * MS;
	for (round = 0; round < 30; round++) {
		rpc_group_init(&g, rpc);
		for (i = 0; i < 64; i++) {
			update_init(&u[i], &bed->s[1], 1, (uint64_t)(round * 64 + i));
			u[i].call.retry = &patient;
			if (i % 8 == 0)
				u[i].call.deadline_ns = rt_now_ns(bed->s[1].rt) + 3 * MS;
			assert_int_equal(rpc_group_send(&g, &u[i].call), 0);
		}
		(void)rpc_group_wait(&g);
		for (i = 0; i < 64; i++) {
			if (i % 8 != 0)
				assert_int_equal(u[i].call.rc, 0);
			if (u[i].call.rc == 0)
				assert_int_equal(bed->srv.applied[round * 64 + i], 1);
			rpc_call_fini(rpc, &u[i].call);
		}
	}
	bed->s[1].net.random_pct = 0;
	rt_sleep_ns(bed->s[1].rt, 100 * MS);
	for (i = 0; i < 30 * 64; i++)
		assert_true(bed->srv.applied[i] <= 1);
	st = bed_stats(bed, 0);
	assert_true(st.replayed > 100 && st.attached > 10);
}

static void test_once_random(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_once_random);
}

/* Copies that arrive after the client acknowledged the operation. */
static void do_late_copies(struct bed *bed)
{
	struct stream *s = &bed->s[1];
	struct rt_peer *peer;
	struct update u;
	uint32_t i, n;

	s->net.keep_copies = true;
	for (i = 0; i < 10; i++)
		assert_int_equal(call_update(bed, &u, i), 0);
	s->net.keep_copies = false;
	n = s->net.copy_count;
	assert_int_equal(n, 10);
	assert_int_equal(s->net.in->peer_open(s->net.in_ctx, "local:0/0", &peer), 0);
	for (i = 0; i < n; i++)
		assert_int_equal(
			net_send_copy(&s->net, peer, s->net.copies[i], s->net.copy_bytes[i]), 0);
	rt_sleep_ns(s->rt, 1 * MS);
	assert_int_equal(s->net.shadows, 0);
	s->net.in->peer_close(s->net.in_ctx, peer);
	for (i = 0; i < 10; i++)
		assert_int_equal(bed->srv.applied[i], 1);
	/* All but the last are acknowledged; that one is answered again. */
	assert_int_equal(bed_stats(bed, 0).duplicates, 9);
	assert_int_equal(bed_stats(bed, 0).replayed, 1);
}

static void test_late_copies(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_late_copies);
}

/* The first copy's transfer dies with its try; the second, attached meanwhile, is served. */
static void do_attach(struct bed *bed)
{
	static uint8_t mem[1024];
	struct rt *rt = bed->s[1].rt;
	struct update u;

	bed->s[0].net.hold_bulk = true;
	update_init(&u, &bed->s[1], 1, 1);
	update_expose(&u, mem, sizeof(mem));
	memset(mem, 0x5a, sizeof(mem));
	u.call.retry = &patient;
	assert_int_equal(rpc_send(bed->s[1].rpc, &u.call), 0);
	rt_sleep_ns(rt, 3 * MS);
	assert_int_equal(bed_stats(bed, 0).attached, 1);
	assert_int_equal(u.call.tries, 2);
	net_bulks_release(&bed->s[0].net, 0);
	rt_sleep_ns(rt, 1 * MS);
	assert_true(u.done);
	assert_int_equal(u.call.rc, 0);
	assert_int_equal(bed->srv.applied[1], 1);
	assert_int_equal(bed->srv.mem[1023], 0x5a);
	assert_int_equal(bed_stats(bed, 0).served, 2);

	/* The plain case: held, resent, then one run answers the copy that still listens. */
	bed->srv.hold = true;
	update_init(&u, &bed->s[1], 1, 2);
	u.call.retry = &patient;
	assert_int_equal(rpc_send(bed->s[1].rpc, &u.call), 0);
	rt_sleep_ns(rt, 3 * MS);
	assert_int_equal(bed_stats(bed, 0).attached, 2);
	/* A third copy, while one is attached, is told to come again. */
	rt_sleep_ns(rt, 3 * MS);
	assert_true(u.call.tries > 2 && !u.done);
	release_gate(bed);
	rt_sleep_ns(rt, 10 * MS);
	assert_true(u.done);
	assert_int_equal(u.call.rc, 0);
	assert_int_equal(bed->srv.applied[2], 1);
}

static void test_attach(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_attach);
}

/* What a server remembers is bounded: replies by acknowledgement, clients by their number. */
static void do_memory(struct bed *bed)
{
	struct update u;
	int i, round;

	for (i = 0; i < 200; i++)
		assert_int_equal(call_update(bed, &u, (uint64_t)i), 0);
	for (round = 0; round < 3; round++) {
		for (i = 1; i < 5; i++) {
			struct stream *s = &bed->s[i];

			update_init(&u, s, 1, 1000);
			/* Send from another stream: its own ULT has to do it. */
			assert_int_equal(rpc_send(s->rpc, &u.call), 0);
			rt_sleep_ns(bed->s[1].rt, 1 * MS);
			assert_true(u.done);
		}
	}
	assert_true(bed_stats(bed, 0).clients_forgotten >= 4);
	assert_int_equal(bed->srv.applied[1000], 12);
}

static void test_memory(void **state)
{
	struct rpc_limits l = limits();

	(void)state;
	l.clients_max = 2;
	l.pool_max = 1;
	in_bed(&l, 5, do_memory);
}

/* No room to remember: refused before it is applied, and done when there is room again. */
static void do_replies_full(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct update u[8];
	struct rpc_group g;
	int i;

	bed->srv.hold = true;
	rpc_group_init(&g, rpc);
	for (i = 0; i < 8; i++) {
		update_init(&u[i], &bed->s[1], 1, (uint64_t)i);
		assert_int_equal(rpc_group_send(&g, &u[i].call), 0);
	}
	rt_sleep_ns(bed->s[1].rt, 10 * MS);
	assert_true(bed_stats(bed, 0).overloads >= 5);
	assert_int_equal(bed->srv.order_count, 3);
	release_gate(bed);
	assert_int_equal(rpc_group_wait(&g), 0);
	for (i = 0; i < 8; i++) {
		assert_int_equal(bed->srv.applied[i], 1);
		rpc_call_fini(rpc, &u[i].call);
	}
}

static void test_replies_full(void **state)
{
	struct rpc_limits l = limits();

	(void)state;
	l.replies_per_client_max = 3;
	in_bed(&l, 2, do_replies_full);
	l = limits();
	l.reply_cache_bytes = 3 * 300;
	in_bed(&l, 2, do_replies_full);
}

/* ---- credits, places, turns ----------------------------------------------------------------- */

static void do_credits(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct rt *rt = bed->s[1].rt;
	struct update u[12];
	struct rpc_group g;
	int i, started = 0;

	bed->srv.hold = true;
	for (i = 0; i < 12; i++) {
		update_init(&u[i], &bed->s[1], 1, (uint64_t)i);
		if (rpc_send(rpc, &u[i].call) == 0)
			started++;
		else
			assert_int_equal(rpc_send(rpc, &u[i].call), -DER_AGAIN);
	}
	assert_int_equal(started, 3 + 5);
	rt_sleep_ns(rt, 1 * MS);
	assert_int_equal(bed->srv.peak, 3);
	/* A blocking sender waits for room, up to its deadline. */
	rpc_group_init(&g, rpc);
	update_init(&u[8], &bed->s[1], 1, 8);
	u[8].call.deadline_ns = rt_now_ns(rt) + 2 * MS;
	assert_int_equal(rpc_group_send(&g, &u[8].call), -DER_TIMEDOUT);
	assert_int_equal(rpc_group_wait(&g), -DER_TIMEDOUT);
	release_gate(bed);
	rpc_group_init(&g, rpc);
	for (i = 8; i < 12; i++) {
		update_init(&u[i], &bed->s[1], 1, (uint64_t)i);
		assert_int_equal(rpc_group_send(&g, &u[i].call), 0);
	}
	assert_int_equal(rpc_group_wait(&g), 0);
	for (i = 0; i < 12; i++) {
		assert_int_equal(u[i].call.rc, 0);
		assert_int_equal(bed->srv.applied[i], 1);
		/* First come, first sent. */
		assert_int_equal(bed->srv.order[i], 1);
		rpc_call_fini(rpc, &u[i].call);
	}
	assert_int_equal(bed->srv.peak, 3);
}

static void test_credits(void **state)
{
	struct rpc_limits l = limits();

	(void)state;
	l.credits = 3;
	l.peer_queue_max = 5;
	in_bed(&l, 2, do_credits);
}

static struct update many[BED_STREAMS][64];

/* From outside: every client sends @per_client updates at once. */
static void all_send(struct bed *bed, int clients, int per_client)
{
	int i, k;

	for (i = 1; i <= clients; i++) {
		for (k = 0; k < per_client; k++) {
			struct update *u = &many[i][k];

			update_init(u, &bed->s[i], (uint32_t)i, (uint64_t)(i * 64 + k));
			assert_int_equal(rpc_send(bed->s[i].rpc, &u->call), 0);
		}
	}
}

static void all_check(struct bed *bed, int clients, int per_client)
{
	int i, k;

	for (i = 1; i <= clients; i++) {
		for (k = 0; k < per_client; k++) {
			assert_true(many[i][k].done);
			assert_int_equal(many[i][k].call.rc, 0);
			assert_int_equal(bed->srv.applied[i * 64 + k], 1);
		}
	}
}

static void test_places(void **state)
{
	struct rpc_limits l = limits();
	struct bed *bed;
	int i;

	(void)state;
	l.serve_max = 8;
	l.serve_per_client_max = 3;
	bed = bed_new(&l, 6);
	bed->srv.sleep_ns = 1 * MS;
	all_send(bed, 5, 16);
	local_world_run(bed->world);
	all_check(bed, 5, 16);
	assert_int_equal(bed->srv.peak, 8);
	for (i = 1; i <= 5; i++)
		assert_true(bed->srv.peak_by[i] <= 3);
	bed_free(bed);

	/* One alone does not get more than its share either. */
	bed = bed_new(&l, 2);
	bed->srv.sleep_ns = 1 * MS;
	all_send(bed, 1, 16);
	local_world_run(bed->world);
	all_check(bed, 1, 16);
	assert_int_equal(bed->srv.peak, 3);
	bed_free(bed);
}

/* Queues are bounded; what is refused comes again, and all is done in the end. */
static void test_overload(void **state)
{
	struct rpc_limits l = limits();
	struct bed *bed;

	(void)state;
	l.serve_max = 2;
	l.serve_per_client_max = 1;
	l.queue_per_client_max = 3;
	bed = bed_new(&l, 4);
	bed->srv.sleep_ns = 1 * MS;
	all_send(bed, 3, 16);
	local_world_run(bed->world);
	all_check(bed, 3, 16);
	assert_true(bed_stats(bed, 0).overloads > 10);
	bed_free(bed);

	l.queue_per_client_max = 100;
	l.queue_max = 4;
	bed = bed_new(&l, 4);
	bed->srv.sleep_ns = 1 * MS;
	all_send(bed, 3, 16);
	local_world_run(bed->world);
	all_check(bed, 3, 16);
	assert_true(bed_stats(bed, 0).overloads > 10);
	bed_free(bed);
}

/* A client with much waiting does not delay one with little beyond a turn. */
static void test_turns(void **state)
{
	struct rpc_limits l = limits();
	struct bed *bed;
	uint32_t i, at = 0;

	(void)state;
	l.serve_max = 2;
	l.credits = 64;
	bed = bed_new(&l, 3);
	bed->srv.sleep_ns = 1 * MS;
	all_send(bed, 1, 60);
	(void)local_world_run_until(bed->world, NULL, NULL,
				    local_world_now_ns(bed->world) + 2 * MS);
	update_init(&many[2][0], &bed->s[2], 2, 0);
	assert_int_equal(rpc_send(bed->s[2].rpc, &many[2][0].call), 0);
	local_world_run(bed->world);
	all_check(bed, 1, 60);
	assert_int_equal(many[2][0].call.rc, 0);
	for (i = 0; i < bed->srv.order_count; i++) {
		if (bed->srv.order[i] == 2)
			at = i;
	}
	assert_true(at >= 4 && at <= 10);
	bed_free(bed);
}

static void test_priority(void **state)
{
	struct rpc_limits l = limits();
	struct wire_obj_sync_req sync = { 0 };
	struct update u;
	struct bed *bed;

	(void)state;
	l.credits = 64;
	bed = bed_new(&l, 3);
	bed->srv.hold = true;
	all_send(bed, 1, 40);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 1 * MS);
	update_init(&u, &bed->s[2], 2, 0);
	u.call.op = WIRE_OBJ_SYNC;
	u.call.req = &sync;
	u.call.rep = NULL;
	assert_int_equal(rpc_send(bed->s[2].rpc, &u.call), 0);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 1 * MS);
	assert_true(u.done);
	assert_int_equal(u.call.rc, 0);
	release_gate(bed);
	local_world_run(bed->world);
	all_check(bed, 1, 40);
	bed_free(bed);
}

/* A client of whom only a request with priority waits is not forgotten. */
static void test_priority_memory(void **state)
{
	struct rpc_limits l = limits();
	struct wire_obj_sync_req sync = { 0 };
	struct update u[5];
	struct bed *bed;
	int i;

	(void)state;
	l.clients_max = 2;
	l.serve_priority_max = 1;
	l.pool_max = 0;
	bed = bed_new(&l, 5);
	bed->srv.hold_sync = true;
	for (i = 1; i < 5; i++) {
		update_init(&u[i], &bed->s[i], (uint32_t)i, (uint64_t)i);
		if (i <= 2) {
			u[i].call.op = WIRE_OBJ_SYNC;
			u[i].call.req = &sync;
			u[i].call.rep = NULL;
		}
		assert_int_equal(rpc_send(bed->s[i].rpc, &u[i].call), 0);
		local_world_run_until(bed->world, NULL, NULL,
				      local_world_now_ns(bed->world) + 1 * MS);
	}
	assert_int_equal(bed_stats(bed, 0).clients_forgotten, 0);
	assert_true(bed_stats(bed, 0).overloads >= 2);
	bed->srv.hold_sync = false;
	release_gate(bed);
	local_world_run(bed->world);
	for (i = 1; i < 5; i++)
		assert_int_equal(u[i].call.rc, 0);
	bed_free(bed);
}

/*
 * Clients 1 and 2 fill every place with transfers that do not move; client 3 is served all the
 * same, unless nobody may give up his place.
 */
static void stalled(uint32_t stalled_max, bool served)
{
	static uint8_t mem[64];
	struct rpc_limits l = limits();
	struct bed *bed;
	struct update u;
	int i, k;

	l.serve_max = 8;
	l.serve_per_client_max = 4;
	l.stalled_max = stalled_max;
	l.stall_ns = 5 * MS;
	bed = bed_new(&l, 4);
	bed->s[0].net.hold_bulk = true;
	for (i = 1; i <= 2; i++) {
		for (k = 0; k < 10; k++) {
			update_init(&many[i][k], &bed->s[i], (uint32_t)i, (uint64_t)(i * 64 + k));
			update_expose(&many[i][k], mem, sizeof(mem));
			assert_int_equal(rpc_send(bed->s[i].rpc, &many[i][k].call), 0);
		}
	}
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 1 * MS);
	assert_int_equal(bed->srv.now, 8);
	update_init(&u, &bed->s[3], 3, 1);
	assert_int_equal(rpc_send(bed->s[3].rpc, &u.call), 0);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 50 * MS);
	assert_int_equal(u.done, served);
	assert_int_equal(bed_stats(bed, 0).stalls, 8);
	/* They still count against their clients. */
	assert_int_equal(bed->srv.peak_by[1], 4);
	assert_int_equal(bed->srv.peak_by[2], 4);
	net_bulks_release(&bed->s[0].net, 0);
	local_world_run(bed->world);
	assert_true(u.done);
	assert_int_equal(u.call.rc, 0);
	all_check(bed, 2, 10);
	bed_free(bed);
}

static void test_stalled(void **state)
{
	(void)state;
	stalled(64, true);
	stalled(0, false);
	stalled(3, true);
}

/* ---- peers ---------------------------------------------------------------------------------- */

static void server_down(struct bed *bed)
{
	local_stream_kill(bed->s[0].ls);
	bed->s[0].ls = NULL;
}

static void test_restart(void **state)
{
	const struct rpc_ep ep = { 0 };
	struct bed *bed = bed_new(NULL, 2);
	struct rpc *rpc = bed->s[1].rpc;
	struct update u, v;
	uint64_t start;

	(void)state;
	assert_int_equal(rpc_peer_state(rpc, ep), RPC_PEER_UNKNOWN);
	bed->srv.hold = true;
	update_init(&u, &bed->s[1], 1, 1);
	u.call.retry = &rpc_retry_none;
	update_init(&v, &bed->s[1], 1, 2);
	assert_int_equal(rpc_send(rpc, &u.call), 0);
	assert_int_equal(rpc_send(rpc, &v.call), 0);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 1 * MS);
	assert_int_equal(rpc_peer_state(rpc, ep), RPC_PEER_UP);
	server_down(bed);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 200000);
	/* One failure, though two calls failed; one goes on trying. */
	assert_true(u.done && !v.done);
	assert_int_equal(u.call.rc, -DER_UNREACH);
	assert_int_equal(rpc_peer_state(rpc, ep), RPC_PEER_SUSPECT);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 20 * MS);
	assert_int_equal(rpc_peer_state(rpc, ep), RPC_PEER_DOWN);

	/* Down: fails at once, nothing is sent. */
	start = bed_stats(bed, 1).sends;
	update_init(&u, &bed->s[1], 1, 3);
	u.call.retry = &rpc_retry_none;
	assert_int_equal(rpc_send(rpc, &u.call), 0);
	assert_false(u.done);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 1000);
	assert_true(u.done);
	assert_int_equal(u.call.rc, -DER_UNREACH);
	assert_true(bed_stats(bed, 1).sends <= start + 1);

	/* Up again: the call that kept trying gets through. */
	bed->srv.hold = false;
	bed_stream_up(bed, 0, NULL);
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 3000 * MS);
	assert_true(v.done);
	assert_int_equal(v.call.rc, 0);
	assert_int_equal(rpc_peer_state(rpc, ep), RPC_PEER_UP);
	assert_true(bed->s[1].resolves > 2);
	bed_free(bed);
}

/* Someone who knows better resets the peer: the next call goes out at once. */
static void test_reset(void **state)
{
	struct bed *bed = bed_new(NULL, 2);
	struct rpc *rpc = bed->s[1].rpc;
	struct rpc_ep ep = { 0 };
	struct update u;
	int i;

	(void)state;
	server_down(bed);
	for (i = 0; i < 3; i++) {
		update_init(&u, &bed->s[1], 1, 1);
		u.call.retry = &rpc_retry_none;
		assert_int_equal(rpc_send(rpc, &u.call), 0);
		local_world_run(bed->world);
		assert_int_equal(u.call.rc, -DER_UNREACH);
	}
	assert_int_equal(rpc_peer_state(rpc, ep), RPC_PEER_DOWN);
	bed_stream_up(bed, 0, NULL);
	rpc_peer_reset(rpc, ep);
	update_init(&u, &bed->s[1], 1, 1);
	u.call.retry = &rpc_retry_none;
	assert_int_equal(rpc_send(rpc, &u.call), 0);
	local_world_run(bed->world);
	assert_int_equal(u.call.rc, 0);
	rpc_peer_reset(rpc, (struct rpc_ep){ .rank = 55 });
	bed_free(bed);
}

static void do_peer_table(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct wire_ping_req req = { 0 };
	struct update held[2];
	struct rpc_call c;
	uint32_t i;

	for (i = 0; i < 20; i++) {
		c = (struct rpc_call){ .op = WIRE_PING, .req = &req, .ep.rank = i % 4 };
		if (i % 4 == 1)
			continue;
		assert_int_equal(rpc_call(rpc, &c), 0);
		rpc_call_fini(rpc, &c);
	}
	assert_true(bed_stats(bed, 1).peer_opens >= 10);
	/* All busy: no room for another. */
	bed->srv.hold = true;
	for (i = 0; i < 2; i++) {
		update_init(&held[i], &bed->s[1], 1, i);
		held[i].call.ep.rank = 2 * i;
		assert_int_equal(rpc_send(rpc, &held[i].call), 0);
	}
	update_init(&many[0][0], &bed->s[1], 1, 5);
	many[0][0].call.ep.rank = 3;
	assert_int_equal(rpc_send(rpc, &many[0][0].call), -DER_AGAIN);
	rt_sleep_ns(bed->s[1].rt, 1 * MS);
	release_gate(bed);
	bed->srv.hold = false;
	rt_wake_all(bed->s[2].rt, &bed->srv.gate);
}

static void test_peer_table(void **state)
{
	struct rpc_limits l = limits();

	(void)state;
	l.peers_max = 2;
	in_bed(&l, 4, do_peer_table);
}

/* ---- what arrives ---------------------------------------------------------------------------- */

static void do_hostile(struct bed *bed)
{
	struct stream *s = &bed->s[1];
	struct rt_peer *peer;
	struct prng p;
	uint8_t good[1024], bad[1024];
	struct update u;
	uint32_t bytes, i, round;

	s->net.keep_copies = true;
	assert_int_equal(call_update(bed, &u, 1), 0);
	s->net.keep_copies = false;
	bytes = s->net.copy_bytes[0];
	memcpy(good, s->net.copies[0], bytes);
	assert_int_equal(s->net.in->peer_open(s->net.in_ctx, "local:0/0", &peer), 0);

	/* Cut anywhere, changed anywhere, and noise. */
	for (i = 1; i < bytes; i++) {
		assert_int_equal(net_send_copy(&s->net, peer, good, i), 0);
		rt_sleep_ns(s->rt, 1000);
		/* Where possible, the sender is told. */
		assert_int_equal(s->net.last_reply[12], (uint8_t)-DER_PROTO);
	}
	assert_int_equal(bed_stats(bed, 0).bad_requests, bytes - 1);
	prng_seed(&p, 11);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < bytes; i++) {
			memcpy(bad, good, bytes);
			bad[i] ^= (uint8_t)(1 + prng_below(&p, 255));
			assert_int_equal(net_send_copy(&s->net, peer, bad, bytes), 0);
			rt_sleep_ns(s->rt, 1000);
		}
	}
	for (i = 0; i < 300; i++) {
		prng_fill(&p, bad, sizeof(bad));
		if (i % 2 == 0)
			memcpy(bad, good, 64);
		assert_int_equal(net_send_copy(&s->net, peer, bad, 1 + prng_below(&p, 1023)), 0);
		rt_sleep_ns(s->rt, 1000);
	}
	rt_sleep_ns(s->rt, 1000 * MS);
	s->net.in->peer_close(s->net.in_ctx, peer);
	/* And life goes on. */
	assert_int_equal(call_update(bed, &u, 2), 0);
	assert_int_equal(bed->srv.applied[2], 1);
}

static void test_hostile(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_hostile);
}

/* A server that answers nonsense: counted, -DER_PROTO, and the next call is as good as ever. */
static void nonsense(struct rt *rt, struct rt_in *in)
{
	uint8_t bad[100];
	struct bseg seg;
	struct buf msg;
	uint32_t how = ((const uint8_t *)in->msg.segs[0].ptr)[64] % 5;

	memset(bad, 0, sizeof(bad));
	memcpy(bad, in->msg.segs[0].ptr, min_u64(sizeof(bad), in->msg.segs[0].bytes));
	if (how >= 1)
		bad[8] |= WIRE_HF_REPLY;	/* a proper head, but ... */
	if (how == 2)
		bad[24] ^= 1;			/* of another operation */
	if (how == 3)
		bad[6] = WIRE_OBJ_SYNC;		/* of another kind */
	msg = buf_from_bytes(&seg, bad, how == 4 ? 0 : 64 + 11);	/* a body cut short */
	(void)rt_reply(rt, in, &msg);
	rt_release(rt, in);
}

static void do_lying_server(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct wire_ping_req req = { 0 };
	struct wire_ping_rep rep;
	struct rpc_call c = { .op = WIRE_PING, .req = &req, .rep = &rep };
	uint64_t i;

	bed->s[0].rt->on_request = nonsense;
	for (i = 0; i < 5; i++) {
		req.cookie = i;
		assert_int_equal(rpc_call(rpc, &c), -DER_PROTO);
		assert_false(c.answered);
		rpc_call_fini(rpc, &c);
	}
	assert_int_equal(bed_stats(bed, 1).bad_replies, 5);
}

static void test_lying_server(void **state)
{
	struct bed *bed = bed_new(NULL, 2);
	void (*was)(struct rt * rt, struct rt_in * in) = bed->s[0].rt->on_request;

	(void)state;
	bed_run_on(bed, 1, do_lying_server);
	bed->s[0].rt->on_request = was;
	bed_free(bed);
}

static void do_map_and_clock(struct bed *bed)
{
	struct rpc *rpc = bed->s[1].rpc;
	struct update u;

	bed->srv.map_version = 5;
	update_init(&u, &bed->s[1], 1, 1);
	u.call.map_version = 5;
	assert_int_equal(rpc_call(rpc, &u.call), 0);
	rpc_call_fini(rpc, &u.call);
	assert_int_equal(bed->map_calls, 0);
	u.call.map_version = 4;
	assert_int_equal(rpc_call(rpc, &u.call), 0);
	rpc_call_fini(rpc, &u.call);
	assert_int_equal(bed->map_calls, 1);
	assert_int_equal(bed->map_seen, 5);
	/* Clocks learn from every message, both ways. */
	assert_true(bed->s[0].hlc.last > 0);
	assert_true(bed->s[1].hlc.last >= bed->s[0].hlc.last);
	bed->s[1].hlc.last += hlc_from_ns(500 * MS);
	assert_int_equal(rpc_call(rpc, &u.call), 0);
	rpc_call_fini(rpc, &u.call);
	assert_true(bed->s[0].hlc.last >= hlc_from_ns(500 * MS));
	/* One that is seconds ahead is refused. */
	bed->s[1].hlc.last += hlc_from_ns(5000 * MS);
	assert_int_equal(rpc_call(rpc, &u.call), -DER_HLC_SYNC);
	rpc_call_fini(rpc, &u.call);
}

static void test_map_and_clock(void **state)
{
	(void)state;
	in_bed(NULL, 2, do_map_and_clock);
}

/* ---- stop, no memory, stacks ----------------------------------------------------------------- */

static void test_stop(void **state)
{
	struct rpc_limits l = limits();
	struct bed *bed;
	int k, canceled = 0, shut = 0, good = 0;

	(void)state;
	bed = bed_new(&l, 3);
	bed->srv.sleep_ns = 5 * MS;
	all_send(bed, 2, 16);
	for (k = 0; k < 16; k++)
		many[1][k].call.retry = many[2][k].call.retry = &rpc_retry_none;
	local_world_run_until(bed->world, NULL, NULL, local_world_now_ns(bed->world) + 1 * MS);
	/* The server and one client stop; the other client hears of it. */
	assert_int_equal(rt_spawn(bed->s[0].rt, bed_stop_one, &bed->s[0], NULL), 0);
	assert_int_equal(rt_spawn(bed->s[1].rt, bed_stop_one, &bed->s[1], NULL), 0);
	local_world_run(bed->world);
	for (k = 0; k < 16; k++) {
		assert_true(many[1][k].done && many[2][k].done);
		canceled += many[1][k].call.rc == -DER_CANCELED;
		shut += many[2][k].call.rc == -DER_SHUTDOWN;
		good += many[2][k].call.rc == 0;
	}
	assert_int_equal(canceled, 16);
	assert_int_equal(good, 6);
	assert_int_equal(shut, 10);
	update_init(&many[1][0], &bed->s[1], 1, 1);
	assert_int_equal(rpc_send(bed->s[1].rpc, &many[1][0].call), -DER_SHUTDOWN);
	update_init(&many[2][0], &bed->s[2], 2, 1);
	many[2][0].call.retry = &rpc_retry_none;
	assert_int_equal(rpc_send(bed->s[2].rpc, &many[2][0].call), 0);
	local_world_run(bed->world);
	assert_int_equal(many[2][0].call.rc, -DER_SHUTDOWN);
	bed_free(bed);
}

static uint64_t sweep_fail_at;
static int sweep_stream;

/* A large fetch and an update with transfer, while the n-th allocation of one side fails. */
static void do_sweep(struct bed *bed)
{
	static uint8_t mem[4096];
	struct rpc *rpc = bed->s[1].rpc;
	struct wire_obj_fetch_req freq = { .epoch = 7 };
	struct wire_obj_fetch_rep frep;
	struct wire_iod iods[100];
	struct rpc_call c = { .op = WIRE_OBJ_FETCH, .req = &freq, .rep = &frep,
			      .retry = &rpc_retry_none };
	struct bseg segs[8];
	struct update u;
	uint32_t i;
	int rc;

	local_stream_misc(bed->s[sweep_stream].ls)->arena.fail_at = sweep_fail_at;
	for (i = 0; i < 100; i++)
		iods[i] = (struct wire_iod){ .name = wire_str("n"), .bytes = 700 };
	freq.iods.v = iods;
	freq.iods.nr = 100;
	c.payload.segs = segs;
	c.deadline_ns = rt_now_ns(bed->s[1].rt) + 50 * MS;
	for (i = 0; i < 8; i++) {
		(void)buf_from_gen(&segs[i], 5, 10 * i * i, 1);
		c.payload.nr++;
		c.payload.bytes++;
	}
	rc = rpc_call(rpc, &c);
	rpc_call_fini(rpc, &c);
	if (rc != 0 && rc != -DER_NOMEM && rc != -DER_TIMEDOUT && rc != -DER_OVERLOAD_RETRY)
		fail_msg("fail_at=%d rc=%s", (int)sweep_fail_at, err_name(rc));
	update_init(&u, &bed->s[1], 1, 1);
	update_expose(&u, mem, sizeof(mem));
	u.call.retry = &patient;
	u.call.deadline_ns = rt_now_ns(bed->s[1].rt) + 100 * MS;
	rc = rpc_call(rpc, &u.call);
	rpc_call_fini(rpc, &u.call);
	if (rc != 0 && rc != -DER_NOMEM)
		fail_msg("fail_at=%d update rc=%s", (int)sweep_fail_at, err_name(rc));
	assert_true(bed->srv.applied[1] <= 1);
	if (rc == 0)
		assert_int_equal(bed->srv.applied[1], 1);
	if (local_stream_misc(bed->s[sweep_stream].ls)->arena.fail_at == 0)
		return;
	/* It was not reached: this was the last one. */
	local_stream_misc(bed->s[sweep_stream].ls)->arena.fail_at = 0;
	sweep_fail_at = 0;
	assert_int_equal(rc, 0);
}

static void test_no_memory(void **state)
{
	struct rpc_limits l = limits();
	uint64_t n, reached;

	(void)state;
	l.pool_max = 0;
	for (sweep_stream = 0; sweep_stream < 2; sweep_stream++) {
		reached = 0;
		for (n = 1; n < 1000; n++) {
			sweep_fail_at = n;
			in_bed(&l, 2, do_sweep);
			if (sweep_fail_at == 0)
				break;
			reached = n;
		}
		assert_true(reached >= 8 && reached < 200);
	}
}

/* The whole path of update and fetch, handlers of a few hundred bytes included. */
static uint32_t deepest;

static void stack_used(struct rt *rt, const char *name, uint32_t bytes)
{
	(void)rt;
	if (strcmp(name, "obj_update") == 0 || strcmp(name, "obj_fetch") == 0)
		deepest = (uint32_t)max_u64(deepest, bytes);
}

static void test_stacks(void **state)
{
	struct rpc_limits l = limits();
	struct bed *bed = bed_new(&l, 3);
	int round;

	(void)state;
	bed->s[0].rt->on_stack_used = stack_used;
	bed->srv.sleep_ns = 100000;
	for (round = 0; round < 5; round++) {
		all_send(bed, 2, 40);
		local_world_run(bed->world);
	}
	bed_run_on(bed, 1, do_payload);
	print_message("stack high-water of served requests: %u bytes\n", deepest);
	assert_true(deepest > 0);
#if !defined(BASE_ASAN) && defined(__OPTIMIZE__)
	assert_true(deepest <= 4096);
#endif
	bed_free(bed);
}

/* ---- streams on threads of their own -------------------------------------------------------- */

#define CALLERS 3
#define CALLS_EACH 2000

struct thread_bed {
	struct bed bed;
	sem_t ended;
	atomic_int wrong;
};

static struct thread_bed tb;

/* Every caller's keys are its own, and every key is used once. */
static void thread_caller(void *arg)
{
	struct stream *s = arg;
	struct update u;
	uint64_t i;

	for (i = 0; i < CALLS_EACH; i++) {
		update_init(&u, s, (uint32_t)(s - tb.bed.s), i);
		u.call.ep.rank = 0;
		if (rpc_call(s->rpc, &u.call) != 0 || u.rep.epoch != i + 1)
			atomic_fetch_add(&tb.wrong, 1);
		rpc_call_fini(s->rpc, &u.call);
	}
	rpc_stop(s->rpc);
	sem_post(&tb.ended);
}

static void thread_stop_server(struct rt *rt, void *arg)
{
	(void)rt_spawn(rt, arg, &tb.bed.s[0], NULL);
}

static void thread_stopper(void *arg)
{
	bed_stop_one(arg);
	sem_post(&tb.ended);
}

static void test_threads(void **state)
{
	struct local_opts opts = { .driver = LOCAL_THREADS, .flags = LOCAL_SEEDED, .seed = 5 };
	int i;

	(void)state;
	memset(&tb, 0, sizeof(tb));
	sem_init(&tb.ended, 0, 0);
	assert_int_equal(local_world_create(&opts, &tb.bed.world), 0);
	rt_waitq_init(&tb.bed.srv.gate);
	for (i = 0; i <= CALLERS; i++)
		bed_stream_up(&tb.bed, i, NULL);
	for (i = 1; i <= CALLERS; i++)
		assert_int_equal(rt_spawn(tb.bed.s[i].rt, thread_caller, &tb.bed.s[i], NULL), 0);
	for (i = 0; i <= CALLERS; i++)
		assert_int_equal(local_stream_start(tb.bed.s[i].ls), 0);
	for (i = 1; i <= CALLERS; i++)
		sem_wait(&tb.ended);
	assert_int_equal(local_stream_post(tb.bed.s[0].ls, thread_stop_server, thread_stopper), 0);
	sem_wait(&tb.ended);
	assert_int_equal(tb.wrong, 0);
	for (i = 0; i <= CALLERS; i++)
		local_stream_stop(tb.bed.s[i].ls);
	for (i = 0; i < CALLS_EACH; i++)
		assert_int_equal(tb.bed.srv.applied[i], CALLERS);
	for (i = CALLERS; i >= 0; i--) {
		assert_int_equal(tb.bed.s[i].rt->ult_count, 0);
		rpc_destroy(tb.bed.s[i].rpc);
		tb.bed.s[i].rt->ops.net = tb.bed.s[i].net.in;
		tb.bed.s[i].rt->ops.net_ctx = tb.bed.s[i].net.in_ctx;
		assert_int_equal(local_stream_close(tb.bed.s[i].ls), 0);
	}
	local_world_destroy(tb.bed.world);
	sem_destroy(&tb.ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_once_random),
		cmocka_unit_test(test_late_copies),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_replies_full),
		cmocka_unit_test(test_credits),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_priority_memory),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_peer_table),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_lying_server),
		cmocka_unit_test(test_map_and_clock),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}

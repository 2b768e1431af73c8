/* rpc, calling: the plain way, deadlines, peers that restart, bytes that are no messages. */
#include "tests/unit/rpc_bed.h"

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
	bed->s[0].net.bulk_again = 5;
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
	/* The reply's payload in many pieces. */
	freq.flags = 6;
	assert_int_equal(rpc_call(rpc, &c), 0);
	assert_int_equal(flat(&c.rep_payload, back, sizeof(back)), 60);
	for (i = 0; i < 6; i++) {
		gen_fill(4 + i, 100 * i, big, 10);
		assert_memory_equal(back + 10 * i, big, 10);
	}
	rpc_call_fini(rpc, &c);
	freq.flags = 0;
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

	/* The answer is faster than the cancel: it counts. */
	bed->s[1].net.ignore_cancel = true;
	bed->srv.sleep_ns = 5 * MS;
	u.call.expose = NULL;
	u.call.deadline_ns = rt_now_ns(rt) + 2 * MS;
	assert_int_equal(rpc_call(rpc, &u.call), 0);
	rpc_call_fini(rpc, &u.call);
	assert_int_equal(bed_stats(bed, 1).late, 1);
	bed->s[1].net.ignore_cancel = false;
	bed->srv.sleep_ns = 0;

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
	struct update held[3];
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
	update_init(&held[2], &bed->s[1], 1, 5);
	held[2].call.ep.rank = 3;
	assert_int_equal(rpc_send(rpc, &held[2].call), -DER_AGAIN);
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
			prng_fill(&p, bad + 16, 8);	/* a client of its own, or it is a copy */
			bad[i] ^= (uint8_t)(1 + prng_below(&p, 255));
			assert_int_equal(net_send_copy(&s->net, peer, bad, bytes), 0);
			rt_sleep_ns(s->rt, 1000);
		}
	}
	for (i = 0; i < 300; i++) {
		prng_fill(&p, bad, sizeof(bad));
		if (i % 2 == 0)
			memcpy(bad, good, 64);
		bad[17] = (uint8_t)i;
		assert_int_equal(net_send_copy(&s->net, peer, bad, 1 + prng_below(&p, 1023)), 0);
		rt_sleep_ns(s->rt, 1000);
	}
	rt_sleep_ns(s->rt, 1000 * MS);
	assert_true(bed_stats(bed, 0).bad_requests > bytes + 300);
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
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_peer_table),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_lying_server),
		cmocka_unit_test(test_map_and_clock),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}

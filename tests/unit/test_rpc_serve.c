/* rpc, serving: at most once, places and turns, stalled clients, no memory, stacks, threads. */
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/unit/rpc_bed.h"

/* ---- at most once --------------------------------------------------------------------------- */

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

static int call_open(struct bed *bed, struct wire_cont_open_rep *rep)
{
	struct wire_cont_open_req req = { .cont = wire_str("c") };
	struct rpc_call c = { .op = WIRE_CONT_OPEN, .req = &req, .rep = rep, .retry = &patient };
	int rc = rpc_call(bed->s[1].rpc, &c);

	if (rc == 0 && rep->props.nr > 0)
		assert_int_equal(rep->props.v[rep->props.nr - 1].type, rep->props.nr - 1);
	rpc_call_fini(bed->s[1].rpc, &c);
	return rc;
}

/* Replies that are too large for an entry are kept as well, while there is room. */
static void do_once_large(struct bed *bed)
{
	const enum fate lost[] = { FATE_DROP_REPLY };
	struct wire_cont_open_rep rep;

	bed->srv.open_props = 8;
	net_script(&bed->s[1].net, 1, lost);
	assert_int_equal(call_open(bed, &rep), 0);
	assert_int_equal(rep.props.nr, 8);
	assert_int_equal(bed->srv.opened, 1);
	assert_int_equal(call_open(bed, &rep), 0);
	assert_int_equal(bed->srv.opened, 2);
	/* More than a reply's own buffers hold, on both sides. */
	bed->srv.open_props = 40;
	net_script(&bed->s[1].net, 1, lost);
	assert_int_equal(call_open(bed, &rep), 0);
	assert_int_equal(rep.props.nr, 40);
	assert_int_equal(bed->srv.opened, 3);
	assert_int_equal(bed_stats(bed, 0).replayed, 2);
	/* A reply that the network did not take is one that was lost. */
	bed->s[0].net.fail_replies = 2;
	assert_int_equal(call_open(bed, &rep), 0);
	assert_int_equal(bed->srv.opened, 4);
	assert_int_equal(bed_stats(bed, 0).reply_fails, 2);
}

static void do_once_uncertain(struct bed *bed)
{
	const enum fate lost[] = { FATE_DROP_REPLY };
	struct wire_cont_open_rep rep;

	bed->srv.open_props = 8;
	assert_int_equal(call_open(bed, &rep), 0);
	net_script(&bed->s[1].net, 1, lost);
	assert_int_equal(call_open(bed, &rep), -DER_TX_UNCERTAIN);
	assert_int_equal(bed->srv.opened, 2);
}

static void test_once_large(void **state)
{
	struct rpc_limits l = limits();

	(void)state;
	in_bed(&l, 2, do_once_large);
	l.reply_cache_bytes = 400;	/* an entry, but not the reply */
	in_bed(&l, 2, do_once_uncertain);
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
	struct wire_cont_open_rep orep;
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
	bed->srv.open_props = 40;
	rc = call_open(bed, &orep);
	if (rc != 0 && rc != -DER_NOMEM && rc != -DER_TX_UNCERTAIN)
		fail_msg("fail_at=%d open rc=%s", (int)sweep_fail_at, err_name(rc));
	/* The server may say "undone" only of what it has not done. */
	if (rc == 0 || rc == -DER_TX_UNCERTAIN)
		assert_int_equal(bed->srv.opened, 1);
	else if (sweep_stream == 0)
		assert_int_equal(bed->srv.opened, 0);
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
	sweep_fail_at = 0;
	bed_run_on(bed, 1, do_sweep);
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
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_once_large),
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
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("rpc_serve", tests, NULL, NULL);
}

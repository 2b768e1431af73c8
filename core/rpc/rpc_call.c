/* The calling side: one operation from rpc_send() to done(). */
#include "core/rpc/rpc_int.h"

/*
 * An operation is in one state, and its one timer means what the state says: QUEUED and INFLIGHT,
 * time is up; BACKOFF, try again; ENDING, call done(). The backend's completion is the only way
 * out of INFLIGHT.
 */

static void op_timer(struct rt_timer *t);
static void op_start(struct rpc_op *op);

static struct rpc_op *op_new(struct rpc *rpc, struct rpc_call *call, struct rpc_peer *peer,
			     const struct wire_op_desc *desc)
{
	struct rpc_op *op = rpc_pool_get(rpc->rt, &rpc->op_pool);

	if (op == NULL)
		return NULL;
	op->rpc = rpc;
	op->user = call;
	op->peer = peer;
	op->desc = desc;
	list_init(&op->link);
	list_init(&op->unacked);
	list_init(&op->all);
	op->timer.fn = op_timer;
	op->timer.armed = false;
	op->canceled = false;
	op->expired = false;
	op->result = 0;
	op->backoff_ns = 0;
	op->hint_us = 0;
	op->body_bytes = 0;
	op->msg = op->msg_small;
	op->segs = op->segs_small;
	op->reply = NULL;
	op->arena = NULL;
	op->rep_segs = NULL;
	return op;
}

static void op_drop_reply(struct rpc_op *op)
{
	struct rt *rt = op->rpc->rt;

	if (op->reply != NULL)
		rt_release(rt, op->reply);
	rt_free(rt, op->arena);
	rt_free(rt, op->rep_segs);
	op->reply = NULL;
	op->arena = NULL;
	op->rep_segs = NULL;
}

static void op_drop_request(struct rpc_op *op)
{
	if (op->msg != op->msg_small)
		rt_free(op->rpc->rt, op->msg);
	if (op->segs != op->segs_small)
		rt_free(op->rpc->rt, op->segs);
	op->msg = op->msg_small;
	op->segs = op->segs_small;
}

static void op_free(struct rpc_op *op)
{
	op_drop_reply(op);
	op_drop_request(op);
	rpc_pool_put(op->rpc->rt, &op->rpc->op_pool, op);
}

/* ---- the request's bytes -------------------------------------------------------------------- */

static int op_encode_body(struct rpc_op *op)
{
	const struct wire_desc *d = op->desc->req;
	const void *req = op->user->req;
	uint32_t bytes;
	int rc;

	rc = wire_encode(d, req, op->msg + WIRE_HEAD_BYTES, OP_MSG_BYTES - WIRE_HEAD_BYTES,
			 &op->body_bytes);
	if (rc != -DER_OVERFLOW)
		return rc;
	rc = wire_size(d, req, &bytes);
	if (rc != 0)
		return rc;
	op->msg = rt_alloc(op->rpc->rt, WIRE_HEAD_BYTES + bytes);
	if (op->msg == NULL) {
		op->msg = op->msg_small;
		return -DER_NOMEM;
	}
	return wire_encode(d, req, op->msg + WIRE_HEAD_BYTES, bytes, &op->body_bytes);
}

/** The message: head and body in one segment, then the caller's payload. */
static int op_encode(struct rpc_op *op)
{
	const struct buf *payload = &op->user->payload;
	uint32_t cap = 1 + payload->nr;
	int rc;

	rc = op_encode_body(op);
	if (rc != 0)
		return rc;
	if (WIRE_HEAD_BYTES + op->body_bytes + payload->bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	if (cap > RPC_SEGS) {
		op->segs = rt_alloc(op->rpc->rt, cap * sizeof(*op->segs));
		if (op->segs == NULL) {
			op->segs = op->segs_small;
			return -DER_NOMEM;
		}
	}
	op->call = (struct rt_call){ .expose = op->user->expose, .access = op->user->access };
	op->call.msg = buf_from_bytes(op->segs, op->msg, WIRE_HEAD_BYTES + op->body_bytes);
	if (payload->bytes > 0)
		rc = buf_append(&op->call.msg, cap, payload);
	ASSERT(rc == 0);
	return 0;
}

static uint32_t time_left_us(uint64_t deadline_ns, uint64_t now)
{
	uint64_t us;

	if (deadline_ns == RT_NEVER)
		return 0;
	us = deadline_ns > now ? (deadline_ns - now) / 1000 : 0;
	return (uint32_t)max_u64(1, min_u64(us, UINT32_MAX));
}

static void op_encode_head(struct rpc_op *op, uint64_t now)
{
	const struct rpc_peer *peer = op->peer;
	struct wire_head head = {
		.op = op->user->op,
		.flags = WIRE_HF_BODY,
		.client = op->rpc->client_id,
		.seq = op->seq,
		.acked = op->seq,
		.hlc = rpc_hlc_stamp(op->rpc),
		.map_version = op->user->map_version,
		.body_bytes = op->body_bytes,
		.inline_bytes = (uint32_t)op->user->payload.bytes,
		.hint_us = time_left_us(op->deadline_ns, now),
	};

	if (op->user->tries > 0)
		head.flags |= WIRE_HF_RESENT;
	if (!list_empty(&peer->unacked))
		head.acked = min_u64(op->seq,
				     list_first(&peer->unacked, struct rpc_op, unacked)->seq);
	wire_head_encode(&head, op->msg);
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool peer_can_start(const struct rpc *rpc, const struct rpc_peer *peer)
{
	return peer->inflight < rpc->lim.credits && !(peer->reopen && peer->inflight > 0);
}

static void op_try(struct rpc_op *op);

/** Credits came back: start who waits. */
static void peer_kick(struct rpc *rpc, struct rpc_peer *peer)
{
	struct rpc_op *op;

	rpc_peer_settle(rpc, peer);
	while (peer->queued > 0 && peer_can_start(rpc, peer)) {
		op = list_first(&peer->queue, struct rpc_op, link);
		list_del(&op->link);
		peer->queued--;
		op_try(op);
	}
	(void)rt_wake_all(rpc->rt, &rpc->room);
}

static void op_end(struct rpc_op *op, int rc)
{
	struct rpc *rpc = op->rpc;
	struct rpc_peer *peer = op->peer;
	struct rpc_call *call = op->user;

	ASSERT(op->state != OP_INFLIGHT && op->state != OP_DONE);
	rt_timer_cancel(rpc->rt, &op->timer);
	list_del(&op->unacked);
	list_del(&op->all);
	op->state = OP_DONE;
	peer->ops--;
	rpc->op_count--;
	rpc->stats.calls++;
	if (!call->answered)
		rpc->stats.calls_failed++;
	call->rc = rc;
	op_drop_request(op);
	if (op->reply == NULL) {
		call->op_priv = NULL;
		op_free(op);
	}
	peer_kick(rpc, peer);
	if (rpc->stopping)
		(void)rt_wake_all(rpc->rt, &rpc->idle);
	call->done(call);
}

/** Call done() from the timer, soon: for ends that are found inside somebody's call. */
static void op_end_later(struct rpc_op *op, int rc)
{
	op->state = OP_ENDING;
	op->result = rc;
	rt_timer_arm(op->rpc->rt, &op->timer, rt_now_ns(op->rpc->rt));
}

/* ---- retry ---------------------------------------------------------------------------------- */

static const struct rpc_retry *op_retry(const struct rpc_op *op)
{
	return op->user->retry != NULL ? op->user->retry : &rpc_retry_default;
}

static bool retry_wants(const struct rpc_op *op, int rc)
{
	const struct rpc_retry *r = op_retry(op);
	uint32_t i;

	if (op->canceled || op->rpc->stopping)
		return false;
	if (r->tries_max != 0 && op->user->tries >= r->tries_max)
		return false;
	/* An answer that the server keeps would come again. */
	if (op->user->answered && !rpc_rc_unapplied(rc))
		return false;
	for (i = 0; i < r->rcs_nr; i++) {
		ASSERT(rpc_rc_unapplied(r->rcs[i]) || r->rcs[i] == -DER_UNREACH ||
		       r->rcs[i] == -DER_TIMEDOUT);
		if (r->rcs[i] == rc)
			return true;
	}
	return false;
}

/** Arrange the next try. False when it makes no sense, or there is no time for it. */
static bool op_back_off(struct rpc_op *op, int rc)
{
	const struct rpc_retry *r = op_retry(op);
	struct rt *rt = op->rpc->rt;
	uint64_t now, wait_ns, half;

	if (!retry_wants(op, rc))
		return false;
	now = rt_now_ns(rt);
	wait_ns = op->backoff_ns != 0 ? min_u64(2 * op->backoff_ns, r->backoff_max_ns)
				      : r->backoff_min_ns;
	wait_ns = max_u64(wait_ns, 1);
	op->backoff_ns = wait_ns;
	half = wait_ns / 2;
	wait_ns = half + rt_rand(rt, RT_STREAM_JITTER) % (wait_ns - half + 1);
	wait_ns = max_u64(wait_ns, (uint64_t)op->hint_us * 1000);
	op->hint_us = 0;
	if (op->deadline_ns <= now || op->deadline_ns - now <= wait_ns)
		return false;
	op_drop_reply(op);
	op->user->answered = false;
	op->user->has_rep = false;
	op->user->rep_payload = BUF_EMPTY;
	op->state = OP_BACKOFF;
	rt_timer_arm(rt, &op->timer, now + wait_ns);
	return true;
}

static void op_failed(struct rpc_op *op, int rc)
{
	if (!op_back_off(op, rc))
		op_end_later(op, rc);
}

/* ---- a try ---------------------------------------------------------------------------------- */

static bool reply_matches(const struct rpc_op *op, const struct wire_head *h)
{
	return (h->flags & WIRE_HF_REPLY) != 0 && h->op == op->user->op && h->seq == op->seq &&
	       h->client == op->rpc->client_id;
}

static int reply_decode_body(struct rpc_op *op, const struct wire_head *head)
{
	const uint8_t *body = (const uint8_t *)op->reply->msg.segs[0].ptr + WIRE_HEAD_BYTES;
	const struct wire_desc *d = op->desc->rep;
	struct wire_arena arena = { .mem = op->arena_small, .bytes = OP_ARENA_BYTES };
	int rc;

	rc = wire_decode(d, body, head->body_bytes, &arena, op->user->rep);
	if (rc != -DER_NOMEM)
		return rc;
	arena = (struct wire_arena){ .bytes = wire_arena_bound(d, head->body_bytes) };
	arena.mem = op->arena = rt_alloc(op->rpc->rt, arena.bytes);
	if (arena.mem == NULL)
		return -DER_NOMEM;
	return wire_decode(d, body, head->body_bytes, &arena, op->user->rep);
}

/** Take in op->reply. Returns the operation's result; *ret_ok: it was a proper answer. */
static int reply_accept(struct rpc_op *op, bool *ret_ok)
{
	const struct buf *msg = &op->reply->msg;
	struct rpc *rpc = op->rpc;
	struct rpc_call *call = op->user;
	struct wire_head head;
	int rc;

	*ret_ok = false;
	if (msg->nr == 0 || msg->segs[0].kind != BSEG_BYTES ||
	    wire_head_decode(msg->segs[0].ptr, msg->segs[0].bytes, msg->bytes, &head) != 0 ||
	    !reply_matches(op, &head))
		return -DER_PROTO;
	/* A clock too far ahead is not learnt from; what it answered happened all the same. */
	if (rpc->opts.hlc != NULL && head.hlc != 0)
		(void)hlc_recv(rpc->opts.hlc, head.hlc, rt_wall_ns(rpc->rt));
	if ((head.flags & WIRE_HF_BODY) != 0 && call->rep != NULL) {
		rc = reply_decode_body(op, &head);
		if (rc != 0)
			return rc;
	}
	rc = rpc_payload(rpc, msg, head.body_bytes, op->rep_segs_small, &op->rep_segs,
			 &call->rep_payload);
	if (rc != 0)
		return rc;
	*ret_ok = true;
	call->has_rep = (head.flags & WIRE_HF_BODY) != 0;
	call->answered = true;
	call->rep_map_version = head.map_version;
	op->hint_us = head.hint_us;
	return head.rc;
}

static void op_answered(struct rpc_op *op)
{
	struct rpc *rpc = op->rpc;
	struct rpc_call *call = op->user;
	bool ok;
	int rc;

	rt_charge(rpc->rt, RT_COST_RPC_RECV, op->reply->msg.bytes);
	rc = reply_accept(op, &ok);
	if (!ok) {
		if (rc == -DER_PROTO)
			rpc->stats.bad_replies++;
		op_drop_reply(op);
	}
	rpc_peer_good(op->peer);
	if (op->expired) {
		MARK(rpc->rt, "rpc_late_answer");
		rpc->stats.late++;
	}
	if (ok && rpc->opts.on_map != NULL && call->rep_map_version > call->map_version)
		rpc->opts.on_map(rpc->opts.arg, call, call->rep_map_version);
	if (rc == 0 || !op_back_off(op, rc))
		op_end(op, rc);
}

static void op_unanswered(struct rpc_op *op, int rc)
{
	if (rc == -DER_CANCELED && op->expired && !op->canceled)
		rc = -DER_TIMEDOUT;
	if (rc == -DER_UNREACH || rc == -DER_TIMEDOUT)
		rpc_peer_bad(op->rpc, op->peer, op->fail_gen, rc);
	if (!op_back_off(op, rc))
		op_end(op, rc);
}

static void op_completed(struct rt_call *c, int rc, struct rt_in *reply)
{
	struct rpc_op *op = container_of(c, struct rpc_op, call);
	struct rpc_peer *peer = op->peer;
	struct rpc *rpc = op->rpc;

	ASSERT(op->state == OP_INFLIGHT);
	op->state = OP_ENDING;
	peer->inflight--;
	peer->ops++;	/* keeps the peer until its queue was looked after */
	op->reply = reply;
	if (rc == 0)
		op_answered(op);
	else
		op_unanswered(op, rc);
	peer->ops--;
	peer_kick(rpc, peer);
}

static int op_submit(struct rpc_op *op)
{
	struct rpc *rpc = op->rpc;
	struct rpc_call *call = op->user;
	struct rpc_peer *peer = op->peer;
	uint64_t now = rt_now_ns(rpc->rt);
	const struct rpc_retry *r = op_retry(op);
	int rc;

	op_encode_head(op, now);
	op->expired = false;
	op->fail_gen = peer->fail_gen;
	op->call.peer = peer->rtp;
	op->call.done = op_completed;
	memset(op->call.priv, 0, sizeof(op->call.priv));
	call->tries++;
	rpc->stats.sends++;
	rt_charge(rpc->rt, RT_COST_RPC_SEND, op->call.msg.bytes);
	rc = rt_call(rpc->rt, &op->call);
	if (rc != 0) {
		if (rc == -DER_UNREACH)
			rpc_peer_bad(rpc, peer, op->fail_gen, rc);
		return rc;
	}
	op->state = OP_INFLIGHT;
	peer->inflight++;
	if (r->try_timeout_ns != 0 && op->deadline_ns > now &&
	    r->try_timeout_ns < op->deadline_ns - now)
		rt_timer_arm(rpc->rt, &op->timer, now + r->try_timeout_ns);
	return 0;
}

/** The operation has a credit: send it. */
static void op_try(struct rpc_op *op)
{
	int rc;

	rc = rpc_peer_ready(op->rpc, op->peer);
	if (rc == 0)
		rc = op_submit(op);
	if (rc != 0)
		op_failed(op, rc);
}

static void op_start(struct rpc_op *op)
{
	struct rpc_peer *peer = op->peer;

	op->state = OP_QUEUED;
	if (op->deadline_ns != RT_NEVER)
		rt_timer_arm(op->rpc->rt, &op->timer, op->deadline_ns);
	if (peer->queued == 0 && peer_can_start(op->rpc, peer)) {
		op_try(op);
		return;
	}
	list_add_tail(&peer->queue, &op->link);
	peer->queued++;
}

static void op_dequeue(struct rpc_op *op)
{
	list_del(&op->link);
	op->peer->queued--;
}

static void op_timer(struct rt_timer *t)
{
	struct rpc_op *op = container_of(t, struct rpc_op, timer);

	switch (op->state) {
	case OP_QUEUED:
		op_dequeue(op);
		op->rpc->stats.timeouts++;
		op_end(op, -DER_TIMEDOUT);
		break;
	case OP_INFLIGHT:
		op->expired = true;
		op->rpc->stats.timeouts++;
		rt_cancel(op->rpc->rt, &op->call);
		break;
	case OP_BACKOFF:
		op_start(op);
		break;
	default:
		ASSERT(op->state == OP_ENDING);
		op_end(op, op->result);
		break;
	}
}

/* ---- the caller's --------------------------------------------------------------------------- */

int rpc_send(struct rpc *rpc, struct rpc_call *call)
{
	const struct wire_op_desc *desc = wire_op(call->op);
	struct rpc_peer *peer;
	struct rpc_op *op;
	int rc;

	ASSERT(desc != NULL && call->done != NULL && call->op_priv == NULL && call->req != NULL);
	if (rpc->stopping)
		return -DER_SHUTDOWN;
	rc = rpc_peer_get(rpc, call->ep, &peer);
	if (rc != 0)
		return rc;
	if (peer->queued >= rpc->lim.peer_queue_max)
		return -DER_AGAIN;
	op = op_new(rpc, call, peer, desc);
	if (op == NULL)
		return -DER_NOMEM;
	rc = op_encode(op);
	if (rc != 0) {
		op_free(op);
		return rc;
	}
	call->rc = 0;
	call->answered = false;
	call->has_rep = false;
	call->tries = 0;
	call->rep_map_version = 0;
	call->rep_payload = BUF_EMPTY;
	call->op_priv = op;
	op->seq = ++rpc->seq;
	op->deadline_ns = call->deadline_ns != 0 ? call->deadline_ns
						 : rt_now_ns(rpc->rt) + rpc->lim.call_timeout_ns;
	if ((desc->flags & WIRE_MUTATES) != 0)
		list_add_tail(&peer->unacked, &op->unacked);
	list_add_tail(&rpc->ops, &op->all);
	peer->ops++;
	rpc->op_count++;
	op_start(op);
	return 0;
}

static void op_cancel(struct rpc_op *op)
{
	if (op->canceled)
		return;
	switch (op->state) {
	case OP_QUEUED:
		op_dequeue(op);
		op_end_later(op, -DER_CANCELED);
		break;
	case OP_BACKOFF:
		op_end_later(op, -DER_CANCELED);
		break;
	case OP_INFLIGHT:
		rt_timer_cancel(op->rpc->rt, &op->timer);
		if (!op->expired)
			rt_cancel(op->rpc->rt, &op->call);
		break;
	default:
		return;
	}
	op->canceled = true;
}

void rpc_cancel(struct rpc *rpc, struct rpc_call *call)
{
	ASSERT(call->op_priv == NULL || call->op_priv->rpc == rpc);
	if (call->op_priv != NULL)
		op_cancel(call->op_priv);
}

void rpc_call_fini(struct rpc *rpc, struct rpc_call *call)
{
	struct rpc_op *op = call->op_priv;

	call->rep_payload = BUF_EMPTY;
	if (op == NULL)
		return;
	ASSERT(op->rpc == rpc && op->state == OP_DONE);
	call->op_priv = NULL;
	op_free(op);
}

void rpc_ops_stop(struct rpc *rpc)
{
	struct list *pos;

	/* Cancelling ends nothing at once: the list stays as it is. */
	list_for_each(pos, &rpc->ops)
		op_cancel(list_entry(pos, struct rpc_op, all));
}

/* ---- groups --------------------------------------------------------------------------------- */

void rpc_group_init(struct rpc_group *g, struct rpc *rpc)
{
	*g = (struct rpc_group){ .rpc = rpc };
	rt_waitq_init(&g->q);
}

static void group_result(struct rpc_group *g, int rc)
{
	if (rc != 0 && g->rc == 0)
		g->rc = rc;
}

static void group_done(struct rpc_call *call)
{
	struct rpc_group *g = call->group_priv;

	ASSERT(g->pending > 0);
	g->pending--;
	group_result(g, call->rc);
	if (g->pending == 0)
		(void)rt_wake_all(g->rpc->rt, &g->q);
}

int rpc_group_send(struct rpc_group *g, struct rpc_call *call)
{
	struct rpc *rpc = g->rpc;
	uint64_t deadline = call->deadline_ns;
	int rc;

	call->done = group_done;
	call->group_priv = g;
	rc = rpc_send(rpc, call);
	if (rc == -DER_AGAIN && deadline == 0)
		deadline = rt_now_ns(rpc->rt) + rpc->lim.call_timeout_ns;
	while (rc == -DER_AGAIN) {
		rc = rt_wait(rpc->rt, &rpc->room, deadline);
		if (rc == 0)
			rc = rpc_send(rpc, call);
	}
	if (rc == 0) {
		g->pending++;
	} else {
		call->rc = rc;
		call->answered = false;
		call->has_rep = false;
		group_result(g, rc);
	}
	return rc;
}

int rpc_group_wait(struct rpc_group *g)
{
	int rc;

	while (g->pending > 0) {
		rc = rt_wait(g->rpc->rt, &g->q, RT_NEVER);
		ASSERT(rc == 0);
	}
	return g->rc;
}

int rpc_call(struct rpc *rpc, struct rpc_call *call)
{
	struct rpc_group g;

	rpc_group_init(&g, rpc);
	(void)rpc_group_send(&g, call);
	return rpc_group_wait(&g);
}

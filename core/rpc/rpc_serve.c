/* The serving side: who is served when, one request's life, replies. */
#include "core/rpc/rpc_int.h"

#define BULK_PAUSE_MIN_NS 10000u
#define BULK_PAUSE_MAX_NS 1000000u

static void msg_start(struct rpc *rpc, const struct rpc_msg *m);

/* ---- refusing ------------------------------------------------------------------------------- */

void rpc_send_reply(struct rpc *rpc, struct rt_in *in, const struct buf *msg)
{
	rt_charge(rpc->rt, RT_COST_RPC_SEND, msg->bytes);
	if (rt_reply(rpc->rt, in, msg) != 0)
		rpc->stats.reply_fails++;
}

void rpc_refuse(struct rpc *rpc, struct rt_in *in, const struct wire_head *head, int rc)
{
	struct wire_head h = {
		.op = head->op,
		.flags = WIRE_HF_REPLY,
		.rc = rc,
		.client = head->client,
		.seq = head->seq,
		.hlc = rpc_hlc_stamp(rpc),
	};
	uint8_t raw[WIRE_HEAD_BYTES];
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, raw, sizeof(raw));

	if (rc == -DER_OVERLOAD_RETRY) {
		h.hint_us = rpc->lim.overload_hint_us;
		rpc->stats.overloads++;
	}
	wire_head_encode(&h, raw);
	rpc_send_reply(rpc, in, &msg);
	rt_release(rpc->rt, in);
}

static void msg_refuse(struct rpc *rpc, const struct rpc_msg *m, int rc)
{
	if (m->seen != NULL)
		rpc_seen_undo(rpc, m->seen);
	rpc_refuse(rpc, m->in, &m->head, rc);
}

/* ---- arrival -------------------------------------------------------------------------------- */

/** Bytes that are no request. Whoever sent them is told, in a reply that matches nothing. */
static void bad_request(struct rpc *rpc, struct rt_in *in)
{
	const struct wire_head nobody = { .client = 1, .seq = 1 };

	rpc->stats.bad_requests++;
	rpc_refuse(rpc, in, &nobody, -DER_PROTO);
}

static int head_check(struct rpc *rpc, const struct wire_head *head)
{
	if (rpc->stopping)
		return -DER_SHUTDOWN;
	if (wire_op(head->op) == NULL) {
		rpc->stats.bad_requests++;
		return -DER_PROTO;
	}
	if (rpc->handlers[head->op] == NULL) {
		rpc->stats.unregistered++;
		return -DER_UNREG;
	}
	if (rpc->opts.hlc != NULL && head->hlc != 0)
		return hlc_recv(rpc->opts.hlc, head->hlc, rt_wall_ns(rpc->rt));
	return 0;
}

void rpc_on_request(struct rt *rt, struct rt_in *in)
{
	struct rpc *rpc = rt->user;
	const struct bseg *first = in->msg.segs;
	struct wire_head head;
	int rc;

	rpc->stats.requests++;
	rt_charge(rt, RT_COST_RPC_RECV, in->msg.bytes);
	if (in->msg.nr == 0 || first->kind != BSEG_BYTES ||
	    wire_head_decode(first->ptr, first->bytes, in->msg.bytes, &head) != 0 ||
	    (head.flags & WIRE_HF_REPLY) != 0) {
		bad_request(rpc, in);
		return;
	}
	rc = head_check(rpc, &head);
	if (rc != 0)
		rpc_refuse(rpc, in, &head, rc);
	else
		rpc_serve(rpc, in, &head);
}

/* ---- places and turns ----------------------------------------------------------------------- */

static bool is_priority(const struct rpc_msg *m)
{
	return (m->handler->flags & RPC_H_PRIORITY) != 0;
}

/** Let @c have its turn if it waits for one. */
static void client_turn(struct rpc *rpc, struct rpc_client *c)
{
	if (c->waiting_count > 0 && c->serving < rpc->lim.serve_per_client_max &&
	    list_empty(&c->turn))
		list_add_tail(&rpc->turns, &c->turn);
}

static void msg_wait(struct rpc *rpc, const struct rpc_msg *m)
{
	struct rpc_client *c = m->client;
	struct rpc_msg *w;

	if (rpc->waiting_count >= rpc->lim.queue_max ||
	    c->waiting_count >= rpc->lim.queue_per_client_max) {
		msg_refuse(rpc, m, -DER_OVERLOAD_RETRY);
		return;
	}
	w = rpc_pool_get(rpc->rt, &rpc->msg_pool);
	if (w == NULL) {
		msg_refuse(rpc, m, -DER_OVERLOAD_RETRY);
		return;
	}
	*w = *m;
	rpc->waiting_count++;
	if (is_priority(m)) {
		list_add_tail(&rpc->priority, &w->link);
		c->waiting_priority++;
		return;
	}
	list_add_tail(&c->waiting, &w->link);
	c->waiting_count++;
	client_turn(rpc, c);
}

static void msg_admit(struct rpc *rpc, const struct rpc_msg *m)
{
	bool free_place;

	if ((m->handler->flags & RPC_H_INLINE) != 0)
		free_place = true;
	else if (is_priority(m))
		free_place = rpc->serving_priority < rpc->lim.serve_priority_max &&
			     list_empty(&rpc->priority);
	else
		free_place = rpc->serving_count < rpc->lim.serve_max &&
			     m->client->serving < rpc->lim.serve_per_client_max &&
			     m->client->waiting_count == 0 && list_empty(&rpc->turns);
	if (free_place)
		msg_start(rpc, m);
	else
		msg_wait(rpc, m);
}

/** Take a waiting request out of its queue, into *ret_m. */
static void msg_take(struct rpc *rpc, struct rpc_msg *w, struct rpc_msg *ret_m)
{
	list_del(&w->link);
	rpc->waiting_count--;
	if (is_priority(w))
		w->client->waiting_priority--;
	else
		w->client->waiting_count--;
	*ret_m = *w;
	list_init(&ret_m->link);
	rpc_pool_put(rpc->rt, &rpc->msg_pool, w);
}

/** Serve a request that waited, unless nobody waits for its answer any more. */
static void msg_resume(struct rpc *rpc, const struct rpc_msg *m)
{
	if (m->deadline_ns > rt_now_ns(rpc->rt)) {
		msg_start(rpc, m);
		return;
	}
	MARK(rpc->rt, "rpc_expired_unserved");
	rpc->stats.expired++;
	if (m->seen != NULL)
		rpc_seen_undo(rpc, m->seen);
	rt_release(rpc->rt, m->in);
}

/** Places became free: fill them. */
static void admit_next(struct rpc *rpc)
{
	struct rpc_client *c;
	struct rpc_msg m;

	while (!list_empty(&rpc->priority) && rpc->serving_priority < rpc->lim.serve_priority_max) {
		msg_take(rpc, list_first(&rpc->priority, struct rpc_msg, link), &m);
		msg_resume(rpc, &m);
	}
	while (!list_empty(&rpc->turns) && rpc->serving_count < rpc->lim.serve_max) {
		c = list_first(&rpc->turns, struct rpc_client, turn);
		list_del(&c->turn);
		msg_take(rpc, list_first(&c->waiting, struct rpc_msg, link), &m);
		c->serving++;	/* it stays known, and keeps its limit, whatever happens */
		msg_resume(rpc, &m);
		c->serving--;
		client_turn(rpc, c);
	}
}

void rpc_serve(struct rpc *rpc, struct rt_in *in, const struct wire_head *head)
{
	struct rpc_msg m = {
		.in = in,
		.handler = rpc->handlers[head->op],
		.head = *head,
		.deadline_ns = RT_NEVER,
	};
	bool mutates = (wire_op(head->op)->flags & WIRE_MUTATES) != 0;
	enum rpc_seen_verdict verdict;

	list_init(&m.link);
	if (head->hint_us != 0)
		m.deadline_ns = rt_now_ns(rpc->rt) + (uint64_t)head->hint_us * 1000;
	if (mutates || (m.handler->flags & RPC_H_INLINE) == 0) {
		m.client = rpc_client_get(rpc, head->client);
		if (m.client == NULL) {
			rpc_refuse(rpc, in, head, -DER_OVERLOAD_RETRY);
			return;
		}
		rpc_client_acked(rpc, m.client, head->acked);
	}
	if (mutates) {
		verdict = rpc_seen_check(rpc, m.client, head, in, &m.seen);
		if (verdict == SEEN_HANDLED)
			return;
		if (verdict == SEEN_FULL) {
			rpc_refuse(rpc, in, head, -DER_OVERLOAD_RETRY);
			return;
		}
	}
	msg_admit(rpc, &m);
}

void rpc_serve_stop(struct rpc *rpc)
{
	struct rpc_client *c;
	struct rpc_msg m;
	struct list *pos;

	while (!list_empty(&rpc->priority)) {
		msg_take(rpc, list_first(&rpc->priority, struct rpc_msg, link), &m);
		msg_refuse(rpc, &m, -DER_SHUTDOWN);
	}
	list_for_each(pos, &rpc->client_lru) {
		c = list_entry(pos, struct rpc_client, lru);
		list_del(&c->turn);
		while (c->waiting_count > 0) {
			msg_take(rpc, list_first(&c->waiting, struct rpc_msg, link), &m);
			msg_refuse(rpc, &m, -DER_SHUTDOWN);
		}
	}
}

/* ---- one request ---------------------------------------------------------------------------- */

static struct rpc_sreq *req_new(struct rpc *rpc, const struct rpc_msg *m)
{
	struct rpc_sreq *req = rpc_pool_get(rpc->rt, &rpc->req_pool);

	if (req == NULL)
		return NULL;
	req->m = *m;
	list_init(&req->link);
	req->replied = false;
	req->stalled = false;
	req->transfer_failed = false;
	req->arena = (struct wire_arena){ .mem = req->arena_mem, .bytes = REQ_ARENA_BYTES };
	req->chunks = NULL;
	req->rep_used = false;
	req->pub = (struct rpc_req){
		.rpc = rpc,
		.head = m->head,
		.body = &req->body,
		.expose_bytes = m->in->expose_bytes,
		.access = m->in->access,
		.deadline_ns = m->deadline_ns,
	};
	return req;
}

/** Memory of its own for @req, listed to be freed with it. */
static void *req_chunk(struct rpc_sreq *req, size_t bytes)
{
	struct rpc_chunk *c = rt_alloc(req->pub.rpc->rt, sizeof(*c) + bytes);

	if (c == NULL)
		return NULL;
	c->next = req->chunks;
	req->chunks = c;
	return c + 1;
}

static void req_free(struct rpc *rpc, struct rpc_sreq *req)
{
	struct rpc_chunk *c;

	while (req->chunks != NULL) {
		c = req->chunks;
		req->chunks = c->next;
		rt_free(rpc->rt, c);
	}
	rpc_pool_put(rpc->rt, &rpc->req_pool, req);
}

static int req_decode(struct rpc_sreq *req)
{
	const struct wire_desc *d = wire_op(req->m.head.op)->req;
	const struct buf *msg = &req->m.in->msg;
	const uint8_t *body = (const uint8_t *)msg->segs[0].ptr + WIRE_HEAD_BYTES;
	struct bseg *many;
	uint32_t nr;
	size_t bound;
	int rc;

	rc = wire_decode(d, body, req->m.head.body_bytes, &req->arena, &req->body);
	if (rc == -DER_NOMEM) {
		bound = wire_arena_bound(d, req->m.head.body_bytes);
		req->arena = (struct wire_arena){ .mem = req_chunk(req, bound), .bytes = bound };
		if (req->arena.mem == NULL) {
			req->arena.bytes = 0;
			return -DER_NOMEM;
		}
		rc = wire_decode(d, body, req->m.head.body_bytes, &req->arena, &req->body);
	}
	if (rc != 0 || req->m.head.inline_bytes == 0)
		return rc;
	nr = buf_slice_count(msg, WIRE_HEAD_BYTES + req->m.head.body_bytes,
			     req->m.head.inline_bytes);
	many = nr > RPC_SEGS ? req_chunk(req, nr * sizeof(*many)) : req->segs;
	if (many == NULL)
		return -DER_NOMEM;
	rc = buf_slice(msg, WIRE_HEAD_BYTES + req->m.head.body_bytes, req->m.head.inline_bytes,
		       many, nr > RPC_SEGS ? nr : RPC_SEGS, &req->pub.payload);
	ASSERT(rc == 0);
	return 0;
}

/** Take or give back (@by 1 or -1) a place of @req's kind. */
static void place_count(struct rpc *rpc, const struct rpc_sreq *req, int by)
{
	uint32_t *count;

	if ((req->m.handler->flags & RPC_H_INLINE) != 0)
		return;
	if (req->stalled)
		count = &rpc->stalled_count;
	else if (is_priority(&req->m))
		count = &rpc->serving_priority;
	else
		count = &rpc->serving_count;
	ASSERT(by > 0 || *count > 0);
	*count += (uint32_t)by;
}

static void req_end(struct rpc *rpc, struct rpc_sreq *req)
{
	struct rpc_client *c = req->m.client;

	rt_release(rpc->rt, req->m.in);
	list_del(&req->link);
	place_count(rpc, req, -1);
	if (c != NULL) {
		c->serving--;
		client_turn(rpc, c);
	}
	req_free(rpc, req);
	admit_next(rpc);
	if (rpc->stopping)
		(void)rt_wake_all(rpc->rt, &rpc->idle);
}

static void req_run(void *arg)
{
	struct rpc_sreq *req = arg;
	struct rpc *rpc = req->pub.rpc;
	int rc;

	rpc->stats.served++;
	rc = req->m.handler->fn(&req->pub);
	if (!req->replied)
		(void)rpc_reply(&req->pub, rc, rc == 0 ? rpc_req_rep(&req->pub) : NULL, NULL);
	req_end(rpc, req);
}

static int req_spawn(struct rpc *rpc, struct rpc_sreq *req)
{
	struct ult_opts opts = {
		.stack_bytes = req->m.handler->stack_bytes,
		.name = wire_op(req->m.head.op)->name,
	};

	if ((req->m.handler->flags & RPC_H_INLINE) != 0)
		return 0;
	return rt_spawn(rpc->rt, req_run, req, &opts);
}

static void msg_start(struct rpc *rpc, const struct rpc_msg *m)
{
	struct rpc_sreq *req = req_new(rpc, m);
	int rc;

	if (req == NULL) {
		msg_refuse(rpc, m, -DER_NOMEM);
		return;
	}
	rc = req_decode(req);
	if (rc == 0)
		rc = req_spawn(rpc, req);
	if (rc != 0) {
		if (rc == -DER_PROTO)
			rpc->stats.bad_requests++;
		req_free(rpc, req);
		msg_refuse(rpc, m, rc);
		return;
	}
	list_add_tail(&rpc->serving, &req->link);
	place_count(rpc, req, 1);
	if (m->client != NULL)
		m->client->serving++;
	if ((m->handler->flags & RPC_H_INLINE) != 0)
		req_run(req);
}

/* ---- what handlers call --------------------------------------------------------------------- */

static struct rpc_sreq *sreq(struct rpc_req *req)
{
	return container_of(req, struct rpc_sreq, pub);
}

void *rpc_req_rep(struct rpc_req *req)
{
	struct rpc_sreq *r = sreq(req);

	if (!r->rep_used)
		memset(&r->rep, 0, wire_op(req->head.op)->rep->struct_bytes);
	r->rep_used = true;
	return &r->rep;
}

void *rpc_req_alloc(struct rpc_req *req, size_t bytes)
{
	struct rpc_sreq *r = sreq(req);
	struct wire_arena *a = &r->arena;
	size_t at = (size_t)align_up(a->used, 16);
	void *p;

	if (at > a->bytes || bytes > a->bytes - at)
		return req_chunk(r, bytes);
	p = (uint8_t *)a->mem + at;
	a->used = at + bytes;
	memset(p, 0, bytes);
	return p;
}

struct bulk_wait {
	struct rt_bulk bulk;
	struct rt_event ev;
	struct rt *rt;
};

static void bulk_done(struct rt_bulk *b, int rc)
{
	struct bulk_wait *w = container_of(b, struct bulk_wait, bulk);

	rt_event_set(w->rt, &w->ev, rc);
}

/** The transfer of @req makes no progress: others may have its place meanwhile. */
static int bulk_wait_stalled(struct rpc *rpc, struct rpc_sreq *req, struct rt_event *ev)
{
	bool gives_place = rpc->stalled_count < rpc->lim.stalled_max;
	int rc;

	MARK(rpc->rt, "rpc_transfer_stalled");
	rpc->stats.stalls++;
	if (gives_place) {
		place_count(rpc, req, -1);
		req->stalled = true;
		place_count(rpc, req, 1);
		admit_next(rpc);
	}
	rc = rt_event_wait(rpc->rt, ev, RT_NEVER);
	if (gives_place) {
		place_count(rpc, req, -1);
		req->stalled = false;
		place_count(rpc, req, 1);
	}
	return rc;
}

static int bulk(struct rpc_req *pub, enum rt_bulk_op op, uint64_t remote_off,
		const struct buf *local)
{
	struct rpc_sreq *req = sreq(pub);
	struct rpc *rpc = pub->rpc;
	struct bulk_wait w = {
		.bulk = { .in = req->m.in, .op = op, .remote_off = remote_off, .local = *local,
			  .done = bulk_done },
		.rt = rpc->rt,
	};
	uint64_t pause_ns = BULK_PAUSE_MIN_NS;
	int rc;

	ASSERT(!req->replied);
	if (local->bytes == 0)
		return 0;
	rt_event_init(&w.ev);
	rt_charge(rpc->rt, RT_COST_RPC_BULK, local->bytes);
	rc = rt_bulk(rpc->rt, &w.bulk);
	while (rc == -DER_AGAIN && rt_now_ns(rpc->rt) < pub->deadline_ns) {
		rt_sleep_ns(rpc->rt, pause_ns);
		pause_ns = min_u64(2 * pause_ns, BULK_PAUSE_MAX_NS);
		rc = rt_bulk(rpc->rt, &w.bulk);
	}
	if (rc == 0) {
		rc = rt_event_wait(rpc->rt, &w.ev, rt_now_ns(rpc->rt) + rpc->lim.stall_ns);
		if (!w.ev.set)
			rc = bulk_wait_stalled(rpc, req, &w.ev);
	}
	if (rc != 0)
		req->transfer_failed = true;
	return rc;
}

int rpc_req_bulk_get(struct rpc_req *req, uint64_t remote_off, const struct buf *dst)
{
	return bulk(req, RT_BULK_GET, remote_off, dst);
}

int rpc_req_bulk_put(struct rpc_req *req, uint64_t remote_off, const struct buf *src)
{
	return bulk(req, RT_BULK_PUT, remote_off, src);
}

/* ---- replies -------------------------------------------------------------------------------- */

/** A reply as it is built: head and body in mem, the rest in msg. */
struct reply {
	uint8_t *mem;		/**< the stream's scratch, or allocated */
	uint32_t body_bytes;
	struct bseg *segs;	/**< of msg: small, or allocated */
	struct bseg small[RPC_SEGS];
	struct buf msg;
};

static int reply_encode_body(struct rpc *rpc, struct reply *r, const struct wire_desc *d,
			     const void *rep)
{
	uint32_t bytes;
	int rc;

	rc = wire_encode(d, rep, r->mem + WIRE_HEAD_BYTES, sizeof(rpc->scratch) - WIRE_HEAD_BYTES,
			 &r->body_bytes);
	if (rc != -DER_OVERFLOW)
		return rc;
	rc = wire_size(d, rep, &bytes);
	if (rc != 0)
		return rc;
	r->mem = rt_alloc(rpc->rt, WIRE_HEAD_BYTES + bytes);
	if (r->mem == NULL) {
		r->mem = rpc->scratch;
		return -DER_NOMEM;
	}
	return wire_encode(d, rep, r->mem + WIRE_HEAD_BYTES, bytes, &r->body_bytes);
}

static int reply_encode(struct rpc *rpc, struct reply *r, const struct wire_desc *d,
			const void *rep, const struct buf *payload)
{
	uint64_t payload_bytes = payload != NULL ? payload->bytes : 0;
	uint32_t cap = 1 + (payload != NULL ? payload->nr : 0);
	int rc = 0;

	if (rep != NULL)
		rc = reply_encode_body(rpc, r, d, rep);
	if (rc != 0)
		return rc;
	if (WIRE_HEAD_BYTES + r->body_bytes + payload_bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	if (cap > RPC_SEGS) {
		r->segs = rt_alloc(rpc->rt, cap * sizeof(*r->segs));
		if (r->segs == NULL) {
			r->segs = r->small;
			return -DER_NOMEM;
		}
	}
	r->msg = buf_from_bytes(r->segs, r->mem, WIRE_HEAD_BYTES + r->body_bytes);
	if (payload_bytes > 0)
		rc = buf_append(&r->msg, cap, payload);
	return rc;
}

static void reply_encode_head(struct rpc_req *pub, struct reply *r, int rc, bool has_body,
			      uint32_t payload_bytes)
{
	struct wire_head head = {
		.op = pub->head.op,
		.flags = has_body ? WIRE_HF_REPLY | WIRE_HF_BODY : WIRE_HF_REPLY,
		.rc = rc,
		.client = pub->head.client,
		.seq = pub->head.seq,
		.hlc = rpc_hlc_stamp(pub->rpc),
		.map_version = pub->rep_map_version,
		.body_bytes = r->body_bytes,
		.inline_bytes = payload_bytes,
		.hint_us = rc == -DER_OVERLOAD_RETRY ? pub->rpc->lim.overload_hint_us : 0,
	};

	wire_head_encode(&head, r->mem);
}

static void reply_remember(struct rpc *rpc, struct rpc_sreq *req, int rc, const struct reply *r)
{
	struct rpc_seen *s = req->m.seen;

	req->m.seen = NULL;
	if (s == NULL)
		return;
	if (rc != 0 && (rpc_rc_unapplied(rc) || req->transfer_failed))
		rpc_seen_undo(rpc, s);
	else
		rpc_seen_done(rpc, s, r->mem, WIRE_HEAD_BYTES + r->body_bytes);
}

int rpc_reply(struct rpc_req *pub, int rc, const void *rep, const struct buf *payload)
{
	const struct wire_op_desc *op = wire_op(pub->head.op);
	struct rpc_sreq *req = sreq(pub);
	struct rpc *rpc = pub->rpc;
	struct reply r = { .mem = rpc->scratch, .segs = r.small };
	int fail;

	ASSERT(!req->replied && rc <= 0 && (rc != 0 || rep != NULL));
	ASSERT(payload == NULL || payload->bytes == 0 || (op->flags & WIRE_MUTATES) == 0);
	req->replied = true;
	fail = reply_encode(rpc, &r, op->rep, rep, payload);
	if (fail != 0) {
		/* It was done, and cannot be told: the client must not take it for undone. */
		if (rc == 0 && (op->flags & WIRE_MUTATES) != 0)
			fail = -DER_TX_UNCERTAIN;
		rc = rc != 0 ? rc : fail;
		rep = NULL;
		payload = NULL;
		r.body_bytes = 0;
		r.msg = buf_from_bytes(r.segs, r.mem, WIRE_HEAD_BYTES);
	}
	reply_encode_head(pub, &r, rc, rep != NULL, payload != NULL ? (uint32_t)payload->bytes : 0);
	rt_charge(rpc->rt, RT_COST_RPC_SEND, r.msg.bytes);
	fail = rt_reply(rpc->rt, req->m.in, &r.msg);
	if (fail != 0)
		rpc->stats.reply_fails++;
	reply_remember(rpc, req, rc, &r);
	if (r.mem != rpc->scratch)
		rt_free(rpc->rt, r.mem);
	if (r.segs != r.small)
		rt_free(rpc->rt, r.segs);
	return fail;
}

uint64_t rpc_reply_room(struct rpc_req *req, const void *rep)
{
	uint32_t bytes;

	if (wire_size(wire_op(req->head.op)->rep, rep, &bytes) != 0)
		return 0;
	return RT_MSG_MAX_BYTES - WIRE_HEAD_BYTES - bytes;
}

int rpc_ping_handler(struct rpc_req *req)
{
	const struct wire_ping_req *in = req->body;
	struct wire_ping_rep *out = rpc_req_rep(req);
	struct bseg seg;
	struct buf zeros;
	void *mem;

	out->cookie = in->cookie;
	out->got_bytes = req->payload.bytes;
	if (in->reply_bytes > rpc_reply_room(req, out))
		return -DER_OVERFLOW;
	mem = rpc_req_alloc(req, in->reply_bytes);
	if (mem == NULL)
		return -DER_NOMEM;
	zeros = buf_from_bytes(&seg, mem, in->reply_bytes);	/* not every network has phantoms */
	return rpc_reply(req, 0, out, &zeros);
}

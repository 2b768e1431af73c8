/*
 * Network of the local backend: requests and replies are copied into shared blocks that travel
 * through mailboxes; bulk is a copy between the two sides' memory behind the request's gate.
 */
#include "transports/local/local_int.h"

struct rt_peer {
	struct local_port *port;	/* counted; NULL: not found yet */
	struct list link;
	char name[RT_URI_MAX];
};

enum in_kind { IN_REQUEST = 1, IN_REPLY };

struct local_in {
	struct rt_in in;	/* first */
	struct list link;	/* receiver's local_stream.ins */
	enum in_kind kind;
};

enum req_state {
	REQ_OUT = 1,	/* no answer yet */
	REQ_CLOSING,	/* the outcome is known, a peer is still inside the exposed memory */
	REQ_FINISHED,	/* done() is due */
};

struct local_req {
	struct local_in lin;		/* the receiver's, from its delivery on */
	struct loop_msg deliver_msg;
	struct loop_msg vacated_msg;
	atomic_uint refs;
	struct local_port *from;	/* both counted */
	struct local_port *to;
	struct gate gate;
	struct buf expose;
	uint32_t bulks;			/* receiver's: outstanding */
	bool replied;			/* receiver's */
	/* The requester's. */
	struct rt_call *call;		/* NULL after done() */
	struct local_reply *reply;
	enum req_state state;
	int rc;
	struct list a_link;
} __attribute__((aligned(16)));

struct local_reply {
	struct local_in lin;
	struct loop_msg msg;
	struct local_req *req;		/* counted until the requester has seen it */
} __attribute__((aligned(16)));

/* A transfer that the exposing side performs, because a sink of its stream may have to grow. */
struct local_apply {
	struct loop_msg msg;
	struct local_req *req;		/* counted */
	struct local_port *server;	/* counted; who asked */
	struct rt_bulk *bulk;		/* the server's, behind the gate */
	struct gate gate;
	struct list link;		/* server's */
	int rc;
};

struct bulk_priv {
	struct list link;
	uint64_t moved;
	int rc;
	bool finished;
};

static_assert(sizeof(struct bulk_priv) <= sizeof(((struct rt_bulk *)0)->priv), "fits");

/* Segments and message bytes follow these blocks. */
static_assert(sizeof(struct local_req) % 16 == 0, "message bytes are aligned to 16");
static_assert(sizeof(struct local_reply) % 16 == 0, "message bytes are aligned to 16");

static struct bulk_priv *bulk_priv(struct rt_bulk *b)
{
	return (struct bulk_priv *)(void *)b->priv;
}

static struct rt_bulk *bulk_of(struct list *link)
{
	struct bulk_priv *bp = list_entry(link, struct bulk_priv, link);

	return container_of((uint64_t *)(void *)bp, struct rt_bulk, priv[0]);
}

/* ---- messages ----------------------------------------------------------------------------- */

struct msg_size {
	uint32_t segs;
	uint64_t bytes;
};

static int msg_measure(const struct buf *msg, struct msg_size *ret_size)
{
	struct msg_size m = { 0 };
	bool in_bytes = false;

	if (msg->bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	if (msg->nr > 0 && msg->segs[0].kind != BSEG_BYTES)
		return -DER_INVAL;
	for (uint32_t i = 0; i < msg->nr; i++) {
		bool is_bytes = msg->segs[i].kind == BSEG_BYTES;

		if (msg->segs[i].kind == BSEG_SINK)
			return -DER_INVAL;
		if (!in_bytes || !is_bytes)
			m.segs++;
		if (is_bytes)
			m.bytes += msg->segs[i].bytes;
		in_bytes = is_bytes;
	}
	*ret_size = m;
	return 0;
}

/* Copy @msg to @segs and @bytes, as large as measured; neighbouring byte segments become one. */
static struct buf msg_copy(const struct buf *msg, struct bseg *segs, char *bytes)
{
	struct buf out = { .segs = segs };

	for (uint32_t i = 0; i < msg->nr; i++) {
		const struct bseg *s = &msg->segs[i];
		struct bseg *last = out.nr > 0 ? &segs[out.nr - 1] : NULL;

		if (s->kind != BSEG_BYTES) {
			segs[out.nr++] = *s;
			continue;
		}
		if (s->bytes > 0)
			memcpy(bytes, s->ptr, s->bytes);
		if (last != NULL && last->kind == BSEG_BYTES)
			last->bytes += s->bytes;
		else
			segs[out.nr++] = (struct bseg){ .kind = BSEG_BYTES, .ptr = bytes,
							.bytes = s->bytes };
		bytes += s->bytes;
	}
	out.bytes = msg->bytes;
	return out;
}

/* ---- counts ------------------------------------------------------------------------------- */

static void req_get(struct local_req *req)
{
	atomic_fetch_add_explicit(&req->refs, 1, memory_order_relaxed);
}

static void req_put(struct local_stream *s, struct local_req *req)
{
	struct local_world *w = req->from->world;

	if (atomic_fetch_sub_explicit(&req->refs, 1, memory_order_acq_rel) != 1)
		return;
	local_port_put(req->from);
	local_port_put(req->to);
	local_shared_free(w, s, req);
}

/* The stream that @port belongs to, as seen by its own driver; NULL: gone or going. */
static struct local_stream *port_stream(struct local_port *port)
{
	if (atomic_load_explicit(&port->dead, memory_order_acquire))
		return NULL;
	return port->stream;
}

/* ---- peers -------------------------------------------------------------------------------- */

static int net_peer_open(void *ctx, const char *uri, struct rt_peer **ret_peer)
{
	struct local_stream *s = ctx;
	size_t prefix = strlen(LOCAL_URI_PREFIX);
	struct rt_peer *p;

	if (strncmp(uri, LOCAL_URI_PREFIX, prefix) != 0 || uri[prefix] == '\0' ||
	    strnlen(uri, RT_URI_MAX) == RT_URI_MAX)
		return -DER_INVAL;
	p = rt_alloc(&s->rt, sizeof(*p));
	if (p == NULL)
		return -DER_NOMEM;
	memcpy(p->name, uri + prefix, strlen(uri) - prefix + 1);
	list_add_tail(&s->peers, &p->link);
	*ret_peer = p;
	return 0;
}

static void net_peer_close(void *ctx, struct rt_peer *peer)
{
	struct local_stream *s = ctx;

	list_del(&peer->link);
	local_port_put(peer->port);
	rt_free(&s->rt, peer);
}

/* Bound on first success and for good: a peer that died is reached again by a new peer_open. */
static struct local_port *peer_port(struct local_stream *s, struct rt_peer *peer)
{
	if (peer->port == NULL)
		peer->port = local_port_find(s->world, peer->name);
	return peer->port;
}

/* ---- completion, on the requester's side -------------------------------------------------- */

static void req_complete(struct local_stream *s, struct local_req *req)
{
	struct rt_call *call = req->call;
	struct local_reply *reply = req->reply;
	int rc = req->rc;

	ASSERT(call != NULL && s->calls_count > 0);
	list_del(&req->a_link);
	s->calls_count--;
	call->priv[0] = 0;
	req->call = NULL;
	req->reply = NULL;
	if (reply != NULL)
		list_add_tail(&s->ins, &reply->lin.link);
	req_put(s, req);
	call->done(call, rc, reply != NULL ? &reply->lin.in : NULL);
}

/* The outcome of @req is known: shut the peer out, and complete when it is out. */
static void req_finish(struct local_stream *s, struct local_req *req, int rc)
{
	ASSERT(req->state == REQ_OUT);
	req->rc = rc;
	if (!gate_close(&req->gate)) {
		req->state = REQ_CLOSING;
		return;
	}
	req->state = REQ_FINISHED;
	list_del(&req->a_link);
	list_add_tail(&s->finished, &req->a_link);
}

/* Message: the last copy left a gate that was closed. */
static void req_vacated(struct loop_msg *msg)
{
	struct local_req *req = container_of(msg, struct local_req, vacated_msg);
	struct local_stream *s = req->from->stream;	/* alive or being taken down: it waits */

	if (s != NULL && req->state == REQ_CLOSING) {
		req->state = REQ_FINISHED;
		list_del(&req->a_link);
		list_add_tail(&s->finished, &req->a_link);
	}
	req_put(s, req);
}

static void req_leave(struct local_stream *s, struct local_req *req)
{
	if (!gate_leave(&req->gate))
		return;
	req_get(req);
	req->vacated_msg.fn = req_vacated;
	if (!local_port_post_dying(req->from, &req->vacated_msg))
		req_put(s, req);
}

/* Message: a reply for the requester. */
static void reply_deliver(struct loop_msg *msg)
{
	struct local_reply *reply = container_of(msg, struct local_reply, msg);
	struct local_req *req = reply->req;
	struct local_stream *s = port_stream(req->from);
	struct local_world *w = req->from->world;

	reply->req = NULL;
	if (s == NULL || req->call == NULL || req->state != REQ_OUT) {
		local_shared_free(w, s, reply);	/* late: the call is over */
		req_put(s, req);
		return;
	}
	req->reply = reply;
	req_finish(s, req, 0);
	if (req->state == REQ_FINISHED)
		req_complete(s, req);
	req_put(s, req);
}

/* Message: a request for the receiver. */
static void req_deliver(struct loop_msg *msg)
{
	struct local_req *req = container_of(msg, struct local_req, deliver_msg);
	struct local_stream *s = port_stream(req->to);

	if (s == NULL || s->rt.on_request == NULL) {
		req_put(s, req);	/* nobody serves: the requester's deadline tells it */
		return;
	}
	list_add_tail(&s->ins, &req->lin.link);
	s->rt.on_request(&s->rt, &req->lin.in);
}

/* ---- submits ------------------------------------------------------------------------------ */

/* A request block: itself, segments of the message, of the exposure, bytes of the message. */
static struct local_req *req_make(struct local_stream *s, const struct rt_call *call,
				  const struct msg_size *size)
{
	uint32_t expose_nr = call->expose != NULL ? call->expose->nr : 0;
	uint64_t segs_bytes = (uint64_t)(size->segs + expose_nr) * sizeof(struct bseg);
	struct local_req *req = local_shared_alloc(s, sizeof(*req) + align_up(segs_bytes, 16) +
							      size->bytes);
	struct bseg *segs;

	if (req == NULL)
		return NULL;
	segs = (struct bseg *)(void *)(req + 1);
	req->lin.kind = IN_REQUEST;
	req->lin.in.msg = msg_copy(&call->msg, segs, (char *)(req + 1) + align_up(segs_bytes, 16));
	if (call->expose != NULL) {
		req->expose = *call->expose;
		req->expose.segs = segs + size->segs;
		if (expose_nr > 0)
			memcpy(req->expose.segs, call->expose->segs,
			       expose_nr * sizeof(struct bseg));
		req->lin.in.expose_bytes = call->expose->bytes;
		req->lin.in.access = call->access;
		if (buf_is_phantom(call->expose))
			req->lin.in.access |= RT_ACCESS_PHANTOM;
	}
	list_init(&req->lin.link);
	list_init(&req->a_link);
	req->state = REQ_OUT;
	req->deliver_msg.fn = req_deliver;
	atomic_init(&req->refs, 2);
	return req;
}

static int call_check(const struct rt_call *call)
{
	const uint32_t all = RT_ACCESS_READ | RT_ACCESS_WRITE;

	if (call->expose == NULL)
		return 0;
	if ((call->access & all) == 0 || (call->access & ~all) != 0)
		return -DER_INVAL;
	return call->expose->nr > RT_EXPOSE_MAX_SEGS ? -DER_NOSPACE : 0;
}

static int net_call(void *ctx, struct rt_call *call)
{
	struct local_stream *s = ctx;
	struct msg_size size;
	struct local_port *port;
	struct local_req *req;
	int rc = msg_measure(&call->msg, &size);

	if (rc == 0)
		rc = call_check(call);
	if (rc != 0)
		return rc;
	if (s->closing)
		return -DER_UNREACH;
	if (s->calls_count >= LOCAL_CALLS_MAX)
		return -DER_AGAIN;
	port = peer_port(s, call->peer);
	if (port == NULL || atomic_load_explicit(&port->dead, memory_order_acquire))
		return -DER_UNREACH;
	req = req_make(s, call, &size);
	if (req == NULL)
		return -DER_NOMEM;
	req->call = call;
	req->from = local_port_get(s->port);
	req->to = local_port_get(port);
	list_add_tail(&s->calls, &req->a_link);
	s->calls_count++;
	call->priv[0] = (uint64_t)(uintptr_t)req;
	if (local_port_post(port, &req->deliver_msg))
		return 0;
	call->priv[0] = 0;
	list_del(&req->a_link);
	s->calls_count--;
	atomic_store_explicit(&req->refs, 1, memory_order_relaxed);	/* nobody else has it */
	req_put(s, req);
	return -DER_UNREACH;
}

static void net_cancel(void *ctx, struct rt_call *call)
{
	struct local_stream *s = ctx;
	struct local_req *req = (struct local_req *)(uintptr_t)call->priv[0];

	if (req == NULL || req->state != REQ_OUT)
		return;		/* its done() is due, or has run */
	ASSERT(req->call == call);
	req_finish(s, req, -DER_CANCELED);
}

static int net_reply(void *ctx, struct rt_in *in, const struct buf *msg)
{
	struct local_stream *s = ctx;
	struct local_req *req = container_of(in, struct local_req, lin.in);
	struct local_reply *reply;
	uint64_t segs_bytes;
	struct msg_size size;
	int rc = msg_measure(msg, &size);

	ASSERT(req->lin.kind == IN_REQUEST && !req->replied);
	if (rc != 0)
		return rc;
	segs_bytes = align_up((uint64_t)size.segs * sizeof(struct bseg), 16);
	reply = local_shared_alloc(s, sizeof(*reply) + segs_bytes + size.bytes);
	if (reply == NULL)
		return -DER_NOMEM;
	reply->lin.kind = IN_REPLY;
	list_init(&reply->lin.link);
	reply->lin.in.msg = msg_copy(msg, (struct bseg *)(void *)(reply + 1),
				     (char *)(reply + 1) + segs_bytes);
	reply->msg.fn = reply_deliver;
	reply->req = req;
	req_get(req);
	if (!local_port_post(req->from, &reply->msg)) {
		local_shared_free(s->world, s, reply);
		req_put(s, req);
		return -DER_UNREACH;
	}
	req->replied = true;
	return 0;
}

static void net_release(void *ctx, struct rt_in *in)
{
	struct local_stream *s = ctx;
	struct local_in *lin = container_of(in, struct local_in, in);

	list_del(&lin->link);
	if (lin->kind == IN_REPLY) {
		local_shared_free(s->world, s, container_of(lin, struct local_reply, lin));
	} else {
		struct local_req *req = container_of(lin, struct local_req, lin);

		ASSERT(req->bulks == 0);
		req_put(s, req);
	}
}

/* ---- bulk --------------------------------------------------------------------------------- */

static int net_bulk(void *ctx, struct rt_bulk *bulk)
{
	struct local_stream *s = ctx;
	struct local_req *req = container_of(bulk->in, struct local_req, lin.in);
	uint32_t need = bulk->op == RT_BULK_GET ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	uint64_t size = bulk->in->expose_bytes;

	ASSERT(req->lin.kind == IN_REQUEST);
	ASSERT(bulk->op == RT_BULK_GET || bulk->op == RT_BULK_PUT);
	if (bulk->remote_off > size || bulk->local.bytes > size - bulk->remote_off)
		return -DER_INVAL;
	if ((bulk->in->access & need) == 0)
		return -DER_NO_PERM;
	*bulk_priv(bulk) = (struct bulk_priv){ 0 };
	list_add_tail(&s->bulks, &bulk_priv(bulk)->link);
	req->bulks++;
	return 0;
}

static int bulk_gone_rc(const struct local_req *req)
{
	return atomic_load_explicit(&req->from->dead, memory_order_acquire) ? -DER_UNREACH
									    : -DER_CANCELED;
}

static int bulk_copy(struct local_req *req, const struct rt_bulk *b, uint64_t moved, uint64_t n)
{
	if (b->op == RT_BULK_GET)
		return buf_copy(&b->local, moved, &req->expose, b->remote_off + moved, n);
	return buf_copy(&req->expose, b->remote_off + moved, &b->local, moved, n);
}

/* One chunk of @b, straight between the memories. Sets finished at its end. */
static void bulk_step(struct local_stream *s, struct local_req *req, struct rt_bulk *b)
{
	struct bulk_priv *bp = bulk_priv(b);
	uint64_t n = min_u64(b->local.bytes - bp->moved, LOCAL_CHUNK_BYTES);

	if (!gate_enter(&req->gate)) {
		bp->rc = bulk_gone_rc(req);
		bp->finished = true;
		return;
	}
	bp->rc = bulk_copy(req, b, bp->moved, n);
	req_leave(s, req);
	bp->moved += n;
	bp->finished = bp->rc != 0 || bp->moved == b->local.bytes;
}

static bool bulk_needs_apply(const struct local_stream *s, const struct local_req *req)
{
	if (s->world->opts.driver != LOCAL_THREADS)
		return false;
	for (uint32_t i = 0; i < req->expose.nr; i++)
		if (req->expose.segs[i].kind == BSEG_SINK)
			return true;
	return false;
}

static void apply_free(struct local_stream *s, struct local_apply *a)
{
	struct local_world *w = a->server->world;

	req_put(s, a->req);
	local_port_put(a->server);
	local_shared_free(w, s, a);
}

/* The server's transfer is over: to be reported like one of its own. */
static void apply_finish(struct local_stream *s, struct local_apply *a, int rc)
{
	struct bulk_priv *bp = bulk_priv(a->bulk);

	list_del(&a->link);
	bp->rc = rc;
	bp->finished = true;
	list_add_tail(&s->bulks, &bp->link);
}

/* Give up transfers that nobody is working on. */
static void applies_revoke(struct local_stream *s)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &s->applies) {
		struct local_apply *a = list_entry(pos, struct local_apply, link);

		if (gate_close(&a->gate))
			apply_finish(s, a, -DER_CANCELED);
	}
}

/* Message to the server: its transfer was performed, or could not be. */
static void apply_back(struct loop_msg *msg)
{
	struct local_apply *a = container_of(msg, struct local_apply, msg);
	struct local_stream *s = a->server->stream;	/* alive or being taken down: it waits */

	if (!list_empty(&a->link))	/* else the server gave it up */
		apply_finish(s, a, a->rc);
	apply_free(s, a);
}

/* Message to the exposing side: perform a transfer on the server's behalf. */
static void apply_run(struct loop_msg *msg)
{
	struct local_apply *a = container_of(msg, struct local_apply, msg);
	struct local_req *req = a->req;
	struct local_stream *s = port_stream(req->from);

	if (s == NULL) {
		a->rc = -DER_UNREACH;
	} else if (!gate_enter(&req->gate)) {
		a->rc = -DER_CANCELED;
	} else {
		if (!gate_enter(&a->gate)) {
			a->rc = -DER_CANCELED;	/* the server is going down */
		} else {
			a->rc = bulk_copy(req, a->bulk, 0, a->bulk->local.bytes);
			(void)gate_leave(&a->gate);	/* the answer below tells a closer */
		}
		req_leave(s, req);
	}
	a->msg.fn = apply_back;
	if (!local_port_post_dying(a->server, &a->msg))
		apply_free(s, a);
}

static void apply_send(struct local_stream *s, struct local_req *req, struct rt_bulk *b)
{
	struct bulk_priv *bp = bulk_priv(b);
	struct local_apply *a = local_shared_alloc(s, sizeof(*a));

	if (a == NULL) {
		bp->rc = -DER_NOMEM;
		bp->finished = true;
		return;
	}
	*a = (struct local_apply){ .req = req, .bulk = b, .msg.fn = apply_run };
	a->server = local_port_get(s->port);
	req_get(req);
	list_del(&bp->link);
	list_add_tail(&s->applies, &a->link);
	if (local_port_post(req->from, &a->msg))
		return;
	apply_finish(s, a, -DER_UNREACH);
	apply_free(s, a);
}

/* Move bulk data, about LOCAL_CHUNK_BYTES of it, oldest first. Returns how many completed. */
static int bulks_poll(struct local_stream *s)
{
	uint64_t budget = LOCAL_CHUNK_BYTES;
	int count = 0;

	while (!list_empty(&s->bulks) && budget > 0) {
		struct rt_bulk *b = bulk_of(s->bulks.next);
		struct bulk_priv *bp = bulk_priv(b);
		struct local_req *req = container_of(b->in, struct local_req, lin.in);
		uint64_t before = bp->moved;

		if (!bp->finished && bulk_needs_apply(s, req))
			apply_send(s, req, b);
		else if (!bp->finished)
			bulk_step(s, req, b);
		budget -= min_u64(budget, max_u64(bp->moved - before, 4096));
		count++;
		if (bp->finished) {
			list_del(&bp->link);
			req->bulks--;
			b->done(b, bp->rc);
		}
	}
	return count;
}

static int net_poll(void *ctx)
{
	struct local_stream *s = ctx;
	struct list due;
	int count = 0;

	list_init(&due);
	list_splice_tail(&due, &s->finished);
	while (!list_empty(&due)) {
		req_complete(s, list_first(&due, struct local_req, a_link));
		count++;
	}
	return count + bulks_poll(s);
}

static int net_arm(void *ctx)
{
	struct local_stream *s = ctx;

	return list_empty(&s->finished) && list_empty(&s->bulks) ? 0 : -DER_AGAIN;
}

const struct loop_src_ops local_net_src_ops = {
	.poll = net_poll,
	.arm = net_arm,
};

/* All of the process's memory is reachable: nothing to register. */
static int net_mem_add(void *ctx, void *ptr, size_t bytes)
{
	(void)ctx;
	(void)ptr;
	(void)bytes;
	return 0;
}

static void net_mem_del(void *ctx, void *ptr, size_t bytes)
{
	(void)ctx;
	(void)ptr;
	(void)bytes;
}

const struct rt_net_ops local_net_ops = {
	.peer_open = net_peer_open,
	.peer_close = net_peer_close,
	.call = net_call,
	.cancel = net_cancel,
	.reply = net_reply,
	.bulk = net_bulk,
	.release = net_release,
	.mem_add = net_mem_add,
	.mem_del = net_mem_del,
};

/* ---- for world.c -------------------------------------------------------------------------- */

static void calls_finish(struct local_stream *s, bool dead_only, int rc)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &s->calls) {
		struct local_req *req = list_entry(pos, struct local_req, a_link);

		if (req->state != REQ_OUT)
			continue;
		if (dead_only && !atomic_load_explicit(&req->to->dead, memory_order_acquire))
			continue;
		req_finish(s, req, rc);
	}
}

void local_net_scan(struct local_stream *s)
{
	calls_finish(s, true, -DER_UNREACH);
}

void local_net_cancel_all(struct local_stream *s)
{
	calls_finish(s, false, -DER_CANCELED);
	applies_revoke(s);
}

bool local_net_quiet(const struct local_stream *s)
{
	return s->calls_count == 0 && list_empty(&s->bulks) && list_empty(&s->applies);
}

bool local_net_revoke_all(struct local_stream *s)
{
	local_net_cancel_all(s);
	return list_empty(&s->calls) && list_empty(&s->applies);
}

uint32_t local_net_drop(struct local_stream *s)
{
	uint32_t count = 0;

	ASSERT(list_empty(&s->calls) && list_empty(&s->applies));
	while (!list_empty(&s->finished)) {
		struct local_req *req = list_first(&s->finished, struct local_req, a_link);

		list_del(&req->a_link);
		req->call = NULL;
		if (req->reply != NULL)
			local_shared_free(s->world, s, req->reply);
		req_put(s, req);
	}
	s->calls_count = 0;
	list_init(&s->bulks);
	while (!list_empty(&s->ins)) {
		struct local_in *lin = list_first(&s->ins, struct local_in, link);

		if (lin->kind == IN_REQUEST)
			container_of(lin, struct local_req, lin)->bulks = 0;
		net_release(s, &lin->in);
		count++;
	}
	while (!list_empty(&s->peers)) {
		struct rt_peer *p = list_first(&s->peers, struct rt_peer, link);

		list_del(&p->link);
		local_port_put(p->port);
		rt_free(&s->rt, p);
		count++;
	}
	return count;
}

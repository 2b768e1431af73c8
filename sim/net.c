/*
 * The network of the seam: calls, replies and one-sided transfers between simulated streams.
 *
 * A message is a copy: what the receiver sees does not depend on what the sender does later. Bulk
 * data moves in one copy at the date at which the transfer is complete, and only while the call
 * that exposed the memory is open: its record carries a generation that ends with the call, and
 * whatever comes later finds another one. Records of calls are type-stable (never given back
 * before the world ends), so that a late arrival may look at the generation safely.
 */
#include "sim/sim_int.h"

#include <stdlib.h>

#define CALLS_PER_SLAB 64

struct rt_peer {
	uint32_t node_idx;
	uint32_t tag;
	uint32_t life;	/* of the node, from the first call on; 0: not yet */
};

/* One call from its submission until its done(). */
struct sim_call {
	struct sim_item item;
	struct sim_ev ev;		/* refusal, detection */
	struct sim *sim;
	struct rt_call *call;		/* NULL when the caller's node is gone */
	struct sim_owner owner;
	struct list from;		/* the caller's node; behind it the free list */
	struct list to;			/* the callee's node */
	struct sim_call *next_free;
	uint32_t gen;			/* of this record; odd or even, never reused */
	uint32_t dst_node;
	uint32_t dst_life;
	bool decided;			/* done() is on its way */
	int rc;
	struct sim_msg *reply;
};

/* A request or a reply on the wire, then in the receiver's hands. */
struct sim_msg {
	struct sim_item item;
	struct sim_xfer x;
	struct list link;		/* receiver's ins */
	struct rt_in in;
	struct sim *sim;
	struct sim_call *call;
	uint32_t gen;
	uint32_t src_node;		/* of the caller */
	uint32_t src_nic;
	uint32_t src_life;
	uint32_t dst_node;
	uint32_t dst_tag;
	uint32_t dst_life;
	bool is_reply;
	bool replied;
	uint32_t mem_bytes;
	uint64_t head_hash;
	/* segments, then bytes */
};

/* A transfer; the record lives until done(). */
struct sim_bulk {
	struct sim_item item;
	struct sim_xfer x;
	struct sim_ev ev;
	struct sim *sim;
	struct rt_bulk *bulk;
	struct sim_owner owner;
	struct sim_call *call;
	uint32_t gen;
	uint32_t far_node;
	uint32_t far_life;
	uint64_t back_ns;		/* PUT: latency of the acknowledgement */
	struct sim_fate fate;
	int rc;
};

static struct sim *sim_of(void *ctx)
{
	return ((struct sim_stream *)ctx)->sim;
}

/* ---- records of calls --------------------------------------------------------------------- */

struct call_slab {
	struct list link;
	struct sim_call calls[CALLS_PER_SLAB];
};

static struct sim_call *call_get(struct sim *sim)
{
	struct sim_call *c = sim->call_free;

	if (c == NULL) {
		struct call_slab *slab = calloc(1, sizeof(*slab));

		if (slab == NULL)
			return NULL;
		list_add(&sim->call_slabs, &slab->link);
		for (int i = CALLS_PER_SLAB - 1; i >= 0; i--) {
			slab->calls[i].next_free = sim->call_free;
			sim->call_free = &slab->calls[i];
		}
		c = sim->call_free;
	}
	sim->call_free = c->next_free;
	return c;
}

/* The record is free; its generation has ended before. */
static void call_put(struct sim *sim, struct sim_call *c)
{
	ASSERT(!wheel_planned(&c->ev));
	c->call = NULL;
	c->next_free = sim->call_free;
	sim->call_free = c;
}

/* ---- messages ----------------------------------------------------------------------------- */

/* Room for a copy of @msg: bytes that follow one another become one segment. */
static void msg_measure(const struct buf *msg, uint32_t *ret_segs, uint64_t *ret_bytes)
{
	bool was_bytes = false;

	*ret_segs = 0;
	*ret_bytes = 0;
	for (uint32_t i = 0; i < msg->nr; i++) {
		const struct bseg *s = &msg->segs[i];
		bool is_bytes = s->kind == BSEG_BYTES;

		if (is_bytes)
			*ret_bytes += s->bytes;
		if (s->kind == BSEG_SINK)
			*ret_segs += (uint32_t)max_u64(s->sink->nr, 1);
		else if (!is_bytes || !was_bytes)
			*ret_segs += 1;
		was_bytes = is_bytes;
	}
}

/* Runs of a sink in [seg->start, seg->start + seg->bytes). */
static void msg_copy_sink(struct rt_in *in, const struct bseg *seg)
{
	uint64_t pos = 0, end = seg->start + seg->bytes;

	if (seg->sink->nr == 0) {	/* nothing recorded yet: zeros */
		in->msg.segs[in->msg.nr++] = (struct bseg){
			.kind = BSEG_GEN, .bytes = seg->bytes,
		};
		return;
	}
	for (uint32_t i = 0; i < seg->sink->nr; i++) {
		const struct bseg *run = &seg->sink->runs[i];
		uint64_t from = max_u64(pos, seg->start), to = min_u64(pos + run->bytes, end);

		if (from < to) {
			in->msg.segs[in->msg.nr++] = (struct bseg){
				.kind = run->kind,
				.flags = run->flags,
				.gen = run->gen,
				.start = run->start + (from - pos),
				.bytes = to - from,
			};
		}
		pos += run->bytes;
	}
}

static void msg_copy(struct rt_in *in, const struct buf *msg, char *bytes)
{
	struct bseg *last = NULL;

	for (uint32_t i = 0; i < msg->nr; i++) {
		const struct bseg *s = &msg->segs[i];

		if (s->kind == BSEG_SINK) {
			msg_copy_sink(in, s);
			last = NULL;
		} else if (s->kind != BSEG_BYTES) {
			in->msg.segs[in->msg.nr++] = *s;
			last = NULL;
		} else {
			if (last == NULL) {
				last = &in->msg.segs[in->msg.nr++];
				*last = (struct bseg){ .kind = BSEG_BYTES, .ptr = bytes };
			}
			memcpy(bytes, s->ptr, s->bytes);
			last->bytes += s->bytes;
			bytes += s->bytes;
		}
	}
	in->msg.bytes = msg->bytes;
}

static int msg_make(struct sim *sim, const struct buf *msg, struct sim_msg **ret_msg)
{
	struct sim_msg *m;
	uint64_t bytes;
	uint32_t segs;
	size_t mem;

	if (msg->bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	if (msg->nr == 0 || msg->segs[0].kind != BSEG_BYTES)
		return -DER_INVAL;
	msg_measure(msg, &segs, &bytes);
	mem = sizeof(*m) + segs * sizeof(struct bseg) + bytes;
	m = sim_mem_get(sim, mem);
	if (m == NULL)
		return -DER_NOMEM;
	*m = (struct sim_msg){ .sim = sim, .mem_bytes = (uint32_t)mem };
	list_init(&m->link);
	m->in.msg.segs = (struct bseg *)(m + 1);
	msg_copy(&m->in, msg, (char *)(m->in.msg.segs + segs));
	m->head_hash = hash_bytes(m->in.msg.segs[0].ptr, m->in.msg.segs[0].bytes, 0);
	sim->stats.messages++;
	sim->stats.message_bytes += msg->bytes;
	*ret_msg = m;
	return 0;
}

static void msg_free(struct sim *sim, struct sim_msg *m)
{
	list_del(&m->link);
	sim_mem_put(sim, m, m->mem_bytes);
}

static void msg_drop(struct sim *sim, struct sim_msg *m)
{
	sim->stats.dropped++;
	msg_free(sim, m);
}

/* Send @m, whose ends are known, at the stream's date. False: there is no way to that node. */
static bool msg_send(struct sim_stream *st, struct sim_msg *m, uint32_t to_node, uint32_t to_nic,
		     void (*end)(struct sim_xfer *x, bool ok))
{
	struct sim *sim = st->sim;
	struct sim_end_point src = { st->node_idx, st->nic_idx }, dst = { to_node, to_nic };
	struct sim_fate fate;

	sim->topo->ops->path(sim->topo, src, dst, st->id, &m->x.path);
	sim_fault_fate(sim, st->node_idx, to_node, &m->x.path, true, &fate);
	if (fate.lost || m->x.path.link_count == 0) {
		bool way = m->x.path.link_count > 0;

		msg_drop(sim, m);
		return way;
	}
	m->x.src_node = st->node_idx;
	m->x.src_life = st->life;
	m->x.stream = st->id;
	m->x.end = end;
	sim_xfer_start(sim, &m->x, m->in.msg.bytes, sim_stream_now(st) + fate.delay_ns);
	return true;
}

/* ---- completion of calls ------------------------------------------------------------------ */

static void call_deliver(struct sim_stream *st, struct sim_item *item)
{
	struct sim_call *c = container_of(item, struct sim_call, item);
	struct sim_msg *reply = c->reply;
	struct rt_call *call = c->call;
	int rc = c->rc;

	sim_digest_event(st->sim, st->clock_ns, st->id, SIM_ITEM_CALL_DONE, (uint64_t)-rc,
			 reply == NULL ? 0 : reply->head_hash ^ reply->in.msg.bytes);
	call->priv[0] = 0;
	st->ops_out--;
	call_put(st->sim, c);
	if (reply != NULL)
		list_add_tail(&st->ins, &reply->link);
	call->done(call, rc, reply == NULL ? NULL : &reply->in);
}

static void call_drop(struct sim *sim, struct sim_item *item)
{
	struct sim_call *c = container_of(item, struct sim_call, item);

	if (c->reply != NULL)
		msg_free(sim, c->reply);
	call_put(sim, c);
}

/* Decide @c: from here on nobody reaches the memory that it exposed. Owns @reply. */
static void call_decide(struct sim_call *c, int rc, struct sim_msg *reply)
{
	struct sim *sim = c->sim;

	ASSERT(!c->decided);
	c->decided = true;
	c->gen++;
	c->rc = rc;
	c->reply = reply;
	wheel_del(sim->wheel, &c->ev);
	list_del(&c->from);
	list_del(&c->to);
	if (sim_alive(sim, &c->owner))
		sim_push(c->owner.st, &c->item);
	else
		call_drop(sim, &c->item);
}

static void call_unreach(struct sim_ev *ev)
{
	call_decide(container_of(ev, struct sim_call, ev), -DER_UNREACH, NULL);
}

/* Nobody is at the other end: the caller hears of it after @ns. */
static void call_refuse(struct sim_call *c, uint64_t ns)
{
	struct sim *sim = c->sim;

	if (!wheel_planned(&c->ev))
		sim_plan(sim, &c->ev, sim->now_ns + ns, c->owner.stream, call_unreach);
}

/* ---- arrivals ----------------------------------------------------------------------------- */

static void request_deliver(struct sim_stream *st, struct sim_item *item)
{
	struct sim_msg *m = container_of(item, struct sim_msg, item);

	sim_digest_event(st->sim, st->clock_ns, st->id, SIM_ITEM_REQUEST, m->in.msg.bytes,
			 m->head_hash);
	list_add_tail(&st->ins, &m->link);
	ASSERT(st->rt.on_request != NULL);
	st->rt.on_request(&st->rt, &m->in);
}

/* A request that its stream will never answer: the caller hears of it. */
static void request_abandon(struct sim *sim, struct sim_msg *m)
{
	if (!m->is_reply && !m->replied && m->call->gen == m->gen)
		call_refuse(m->call, sim_path_latency(sim, &m->x.path));
	msg_drop(sim, m);
}

static void request_drop(struct sim *sim, struct sim_item *item)
{
	request_abandon(sim, container_of(item, struct sim_msg, item));
}

/* The stream that a request is for, if it is there and the same that the caller knew. */
static struct sim_stream *request_target(struct sim *sim, const struct sim_msg *m)
{
	struct sim_node *node = &sim->nodes[m->dst_node];
	struct sim_stream *st;

	if (!node->up || node->life != m->dst_life || m->dst_tag >= node->tag_cap)
		return NULL;
	st = node->by_tag[m->dst_tag];
	return st != NULL && st->rt.on_request != NULL ? st : NULL;
}

static void request_arrived(struct sim_xfer *x, bool ok)
{
	struct sim_msg *m = container_of(x, struct sim_msg, x);
	struct sim *sim = m->sim;
	struct sim_stream *st;

	if (!ok || sim_fault_parted(sim, m->src_node, m->dst_node, sim->now_ns)) {
		msg_drop(sim, m);
		return;
	}
	st = request_target(sim, m);
	if (st == NULL) {
		request_abandon(sim, m);
		return;
	}
	m->item.deliver = request_deliver;
	m->item.drop = request_drop;
	sim_push(st, &m->item);
}

static void reply_arrived(struct sim_xfer *x, bool ok)
{
	struct sim_msg *m = container_of(x, struct sim_msg, x);
	struct sim *sim = m->sim;

	/* A late reply: the call has ended, its record may serve another one. */
	if (!ok || m->call->gen != m->gen ||
	    sim_fault_parted(sim, m->src_node, m->dst_node, sim->now_ns)) {
		msg_drop(sim, m);
		return;
	}
	call_decide(m->call, 0, m);
}

/* ---- operations: peers, calls ------------------------------------------------------------- */

/* A decimal number below @limit; moves *text behind it. */
static bool parse_number(const char **text, uint32_t limit, uint32_t *ret_v)
{
	const char *p = *text;
	uint64_t v = 0;

	while (*p >= '0' && *p <= '9' && v < limit)
		v = v * 10 + (uint64_t)(*p++ - '0');
	if (p == *text || v >= limit)
		return false;
	*text = p;
	*ret_v = (uint32_t)v;
	return true;
}

static int net_peer_open(void *ctx, const char *uri, struct rt_peer **ret_peer)
{
	struct sim_stream *st = ctx;
	uint32_t node_idx, tag;
	struct rt_peer *peer;

	/* By hand: peers of large systems come and go, and sscanf() would be seen in a profile. */
	if (strncmp(uri, "sim:", 4) != 0)
		return -DER_INVAL;
	uri += 4;
	if (!parse_number(&uri, st->sim->node_count, &node_idx) || *uri++ != '/' ||
	    !parse_number(&uri, SIM_TAG_MAX, &tag) || *uri != 0)
		return -DER_INVAL;
	peer = rt_alloc(&st->rt, sizeof(*peer));
	if (peer == NULL)
		return -DER_NOMEM;
	peer->node_idx = node_idx;
	peer->tag = tag;
	*ret_peer = peer;
	return 0;
}

static void net_peer_close(void *ctx, struct rt_peer *peer)
{
	rt_free(&((struct sim_stream *)ctx)->rt, peer);
}

static void call_open(struct sim_call *c, struct sim_stream *st, struct rt_call *call)
{
	struct sim *sim = st->sim;
	struct rt_peer *peer = call->peer;

	if (peer->life == 0)
		peer->life = sim->nodes[peer->node_idx].life;
	*c = (struct sim_call){
		.item = { .deliver = call_deliver, .drop = call_drop },
		.sim = sim,
		.call = call,
		.owner = sim_owner_of(st),
		.gen = c->gen,
		.dst_node = peer->node_idx,
		.dst_life = peer->life,
	};
	list_add_tail(&sim->nodes[st->node_idx].calls_from, &c->from);
	list_add_tail(&sim->nodes[peer->node_idx].calls_to, &c->to);
	call->priv[0] = (uintptr_t)c;
	st->ops_out++;
}

/* The interface that the callee listens on. */
static uint32_t peer_nic(const struct sim *sim, const struct rt_peer *peer)
{
	const struct sim_node *node = &sim->nodes[peer->node_idx];

	if (peer->tag >= node->tag_cap || node->by_tag[peer->tag] == NULL)
		return 0;
	return node->by_tag[peer->tag]->nic_idx;
}

static int net_call(void *ctx, struct rt_call *call)
{
	struct sim_stream *st = ctx;
	struct sim *sim = st->sim;
	struct sim_call *c;
	struct sim_msg *m;
	int rc;

	if (call->expose != NULL && call->expose->nr > RT_EXPOSE_MAX_SEGS)
		return -DER_NOSPACE;
	rc = msg_make(sim, &call->msg, &m);
	if (rc != 0)
		return rc;
	c = call_get(sim);
	if (c == NULL) {
		msg_free(sim, m);
		return -DER_NOMEM;
	}
	call_open(c, st, call);
	m->call = c;
	m->gen = c->gen;
	m->in.expose_bytes = call->expose != NULL ? call->expose->bytes : 0;
	m->in.access = call->expose != NULL ? call->access : 0;
	if (call->expose != NULL && buf_is_phantom(call->expose))
		m->in.access |= RT_ACCESS_PHANTOM;
	m->src_node = st->node_idx;
	m->src_nic = st->nic_idx;
	m->src_life = st->life;
	m->dst_node = c->dst_node;
	m->dst_tag = call->peer->tag;
	m->dst_life = c->dst_life;
	if (!msg_send(st, m, c->dst_node, peer_nic(sim, call->peer), request_arrived))
		call_refuse(c, sim->profile->detect_ns);
	return 0;
}

static void net_cancel(void *ctx, struct rt_call *call)
{
	struct sim_call *c = (struct sim_call *)(uintptr_t)call->priv[0];

	(void)ctx;
	if (c != NULL && !c->decided)
		call_decide(c, -DER_CANCELED, NULL);
}

static int net_reply(void *ctx, struct rt_in *req, const struct buf *msg)
{
	struct sim_msg *m = container_of(req, struct sim_msg, in), *r;
	struct sim_stream *st = ctx;
	int rc;

	ASSERT(!m->replied);
	rc = msg_make(st->sim, msg, &r);
	if (rc != 0)
		return rc;
	m->replied = true;
	r->is_reply = true;
	r->call = m->call;
	r->gen = m->gen;
	r->src_node = st->node_idx;
	r->dst_node = m->src_node;
	/* No way back is as a lost reply: the caller's deadline decides. */
	(void)msg_send(st, r, m->src_node, m->src_nic, reply_arrived);
	return 0;
}

static void net_release(void *ctx, struct rt_in *in)
{
	msg_free(sim_of(ctx), container_of(in, struct sim_msg, in));
}

/* ---- operations: bulk --------------------------------------------------------------------- */

static void bulk_deliver(struct sim_stream *st, struct sim_item *item)
{
	struct sim_bulk *b = container_of(item, struct sim_bulk, item);
	struct rt_bulk *bulk = b->bulk;
	int rc = b->rc;

	sim_digest_event(st->sim, st->clock_ns, st->id, SIM_ITEM_BULK_DONE, bulk->local.bytes,
			 (uint64_t)-rc);
	st->ops_out--;
	sim_mem_put(st->sim, b, sizeof(*b));
	bulk->done(bulk, rc);
}

static void bulk_drop(struct sim *sim, struct sim_item *item)
{
	sim_mem_put(sim, container_of(item, struct sim_bulk, item), sizeof(struct sim_bulk));
}

static void bulk_decide(struct sim_bulk *b, int rc)
{
	b->rc = rc;
	if (sim_alive(b->sim, &b->owner))
		sim_push(b->owner.st, &b->item);
	else
		bulk_drop(b->sim, &b->item);
}

static void bulk_unreach(struct sim_ev *ev)
{
	bulk_decide(container_of(ev, struct sim_bulk, ev), -DER_UNREACH);
}

static bool bulk_far_lives(const struct sim_bulk *b)
{
	return b->sim->nodes[b->far_node].life == b->far_life;
}

static int bulk_copy(const struct sim_bulk *b)
{
	const struct buf *far = b->call->call->expose;
	const struct rt_bulk *bulk = b->bulk;
	bool get = bulk->op == RT_BULK_GET;
	uint64_t bytes = bulk->local.bytes, off = get ? 0 : bulk->remote_off;
	const struct buf *to = get ? &bulk->local : far;
	int rc;

	if (get)
		rc = buf_copy(to, 0, far, bulk->remote_off, bytes);
	else
		rc = buf_copy(to, off, &bulk->local, 0, bytes);
	if (rc == 0 && b->fate.corrupt && bytes > 0)
		rc = sim_corrupt(to, off + b->fate.pick % bytes);
	return rc;
}

/* The transfer is complete: the one moment at which memory of both ends is touched. */
static void bulk_complete(struct sim_ev *ev)
{
	struct sim_bulk *b = container_of(ev, struct sim_bulk, ev);
	struct sim *sim = b->sim;
	if (!sim_alive(sim, &b->owner)) {
		bulk_drop(sim, &b->item);
		return;
	}
	if (!bulk_far_lives(b) ||
	    sim_fault_parted(sim, b->owner.node_idx, b->far_node, sim->now_ns)) {
		sim_plan(sim, &b->ev, sim->now_ns + sim->profile->detect_ns, b->owner.stream,
			 bulk_unreach);
		return;
	}
	bulk_decide(b, b->call->gen != b->gen ? -DER_CANCELED : bulk_copy(b));
}

static void bulk_arrived(struct sim_xfer *x, bool ok)
{
	struct sim_bulk *b = container_of(x, struct sim_bulk, x);
	struct sim *sim = b->sim;

	if (!ok && sim_alive(sim, &b->owner))
		sim_plan(sim, &b->ev, sim->now_ns + sim->profile->detect_ns, x->stream,
			 bulk_unreach);
	else if (ok && b->back_ns > 0)
		sim_plan(sim, &b->ev, sim->now_ns + b->back_ns, x->stream, bulk_complete);
	else
		bulk_complete(&b->ev);
}

static int bulk_check(const struct rt_bulk *bulk, const struct sim_msg *m)
{
	if (bulk->remote_off > m->in.expose_bytes ||
	    bulk->local.bytes > m->in.expose_bytes - bulk->remote_off)
		return -DER_INVAL;
	if ((m->in.access & (bulk->op == RT_BULK_GET ? RT_ACCESS_READ : RT_ACCESS_WRITE)) == 0)
		return -DER_NO_PERM;
	return 0;
}

/* GET: a request goes out, data comes back. PUT: data goes out, an acknowledgement comes back. */
static void bulk_send(struct sim_stream *st, struct sim_bulk *b, const struct sim_msg *m)
{
	struct sim *sim = st->sim;
	struct sim_end_point near = { st->node_idx, st->nic_idx };
	struct sim_end_point far = { m->src_node, m->src_nic };
	bool get = b->bulk->op == RT_BULK_GET;
	struct sim_path other;
	uint64_t at;

	sim->topo->ops->path(sim->topo, get ? far : near, get ? near : far, st->id, &b->x.path);
	sim->topo->ops->path(sim->topo, get ? near : far, get ? far : near, st->id, &other);
	sim_fault_fate(sim, st->node_idx, m->src_node, &b->x.path, false, &b->fate);
	at = sim_stream_now(st) + b->fate.delay_ns;
	if (b->x.path.link_count == 0 || other.link_count == 0) {
		sim_plan(sim, &b->ev, at + sim->profile->detect_ns, st->id, bulk_unreach);
		return;
	}
	if (get)
		at += sim_path_latency(sim, &other);
	else
		b->back_ns = sim_path_latency(sim, &other);
	b->x.src_node = get ? far.node_idx : near.node_idx;
	b->x.src_life = get ? b->far_life : st->life;
	b->x.stream = st->id;
	b->x.end = bulk_arrived;
	sim_xfer_start(sim, &b->x, b->bulk->local.bytes, at);
}

static int net_bulk(void *ctx, struct rt_bulk *bulk)
{
	struct sim_msg *m = container_of(bulk->in, struct sim_msg, in);
	struct sim_stream *st = ctx;
	struct sim_bulk *b;
	int rc = bulk_check(bulk, m);

	if (rc != 0)
		return rc;
	b = sim_mem_get(st->sim, sizeof(*b));
	if (b == NULL)
		return -DER_NOMEM;
	*b = (struct sim_bulk){
		.item = { .deliver = bulk_deliver, .drop = bulk_drop },
		.sim = st->sim,
		.bulk = bulk,
		.owner = sim_owner_of(st),
		.call = m->call,
		.gen = m->gen,
		.far_node = m->src_node,
		.far_life = m->src_life,
	};
	st->ops_out++;
	st->sim->stats.bulks++;
	st->sim->stats.bulk_bytes += bulk->local.bytes;
	bulk_send(st, b, m);
	return 0;
}

const struct rt_net_ops sim_net_ops = {
	.peer_open = net_peer_open,
	.peer_close = net_peer_close,
	.call = net_call,
	.cancel = net_cancel,
	.reply = net_reply,
	.bulk = net_bulk,
	.release = net_release,
};

/* ---- ends --------------------------------------------------------------------------------- */

void sim_net_stream_end(struct sim_stream *st)
{
	while (!list_empty(&st->ins))
		request_abandon(st->sim, list_first(&st->ins, struct sim_msg, link));
}

void sim_net_crash(struct sim *sim, struct sim_node *node)
{
	struct list *pos, *tmp;

	while (!list_empty(&node->calls_from))
		call_decide(list_first(&node->calls_from, struct sim_call, from), -DER_CANCELED,
			    NULL);
	list_for_each_safe(pos, tmp, &node->calls_to) {
		struct sim_call *c = list_entry(pos, struct sim_call, to);

		wheel_del(sim->wheel, &c->ev);
		call_refuse(c, sim->profile->detect_ns);
	}
}

void sim_net_fini(struct sim *sim)
{
	while (!list_empty(&sim->call_slabs)) {
		struct call_slab *slab = list_first(&sim->call_slabs, struct call_slab, link);

		list_del(&slab->link);
		free(slab);
	}
}

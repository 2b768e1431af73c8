/*
 * Transfers over links that are first come, first served.
 *
 * A message cuts through: its head goes on as soon as it is through a link, its last byte follows
 * at the pace of the slowest link on the way. The first link (the sender's) and those in the
 * middle are taken when the message enters, the last (the receiver's) when its head gets there:
 * many senders queue at the receiver in the order in which they arrive. Two events and one
 * delivery per message.
 *
 * A large transfer enters in chunks, each behind the one before it, so that transfers that share a
 * link share it chunk by chunk.
 */
#include "sim/sim_int.h"

/* A chunk that is not the transfer's last and travels on its own: the transfer may end before it,
 * when the sender crashes. It only takes the receiver's link. */
struct chunk {
	struct sim_ev ev;
	struct sim *sim;
	uint32_t link_idx;
	uint64_t wire_bytes;
};

/* Take @link for @bytes from @at_ns on; the date of its last byte through. */
static uint64_t link_take(struct sim_link *l, uint64_t bytes, uint64_t at_ns, uint64_t *ret_start)
{
	uint64_t start = max_u64(at_ns, l->free_ns);
	uint64_t wire = sim_wire_ns(bytes, l->bytes_per_s);

	l->free_ns = start + wire;
	l->busy_ns += wire;
	l->bytes += bytes;
	*ret_start = start;
	return l->free_ns;
}

uint64_t sim_path_latency(const struct sim *sim, const struct sim_path *path)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < path->link_count; i++)
		sum += sim->topo->links[path->links[i]].latency_ns;
	return sum;
}

static bool sender_lives(const struct sim_xfer *x)
{
	return x->sim->nodes[x->src_node].life == x->src_life;
}

static void xfer_deliver(struct sim_ev *ev)
{
	struct sim_xfer *x = container_of(ev, struct sim_xfer, ev);

	/* What has left the sender arrives, whatever became of the sender. */
	x->end(x, true);
}

/* The head of a chunk is at the last link. Returns when its last byte is through. */
static uint64_t last_link(struct sim_xfer *x, uint64_t wire_bytes, uint64_t tail_ns)
{
	struct sim_link *l = &x->sim->topo->links[x->path.links[x->path.link_count - 1]];
	uint64_t start;

	return max_u64(link_take(l, wire_bytes, x->sim->now_ns, &start), tail_ns) + l->latency_ns;
}

static void xfer_head(struct sim_ev *ev)
{
	struct sim_xfer *x = container_of(ev, struct sim_xfer, ev);

	sim_plan(x->sim, &x->ev, last_link(x, x->wire_bytes, x->tail_ns), x->stream, xfer_deliver);
}

static void chunk_head(struct sim_ev *ev)
{
	struct chunk *c = container_of(ev, struct chunk, ev);
	struct sim *sim = c->sim;
	uint64_t start;

	(void)link_take(&sim->topo->links[c->link_idx], c->wire_bytes, sim->now_ns, &start);
	sim_mem_put(sim, c, sizeof(*c));
}

/* Dates of one chunk on all links but the last. */
struct passage {
	uint64_t head_ns;	/* the head is at the last link */
	uint64_t tail_ns;	/* the last byte is */
	uint64_t next_ns;	/* the first link is free for the next chunk */
};

static struct passage enter_links(struct sim_xfer *x, uint64_t wire_bytes)
{
	struct passage p = { 0 };
	uint64_t at = x->sim->now_ns, tail = 0, start;

	for (uint32_t i = 0; i + 1 < x->path.link_count; i++) {
		struct sim_link *l = &x->sim->topo->links[x->path.links[i]];
		uint64_t through = link_take(l, wire_bytes, at, &start);

		tail = max_u64(tail, through) + l->latency_ns;
		at = start + l->latency_ns;
		if (i == 0)
			p.next_ns = through;
	}
	p.head_ns = at;
	p.tail_ns = tail;
	return p;
}

/* The next chunk enters. */
static void xfer_enter(struct sim_ev *ev)
{
	struct sim_xfer *x = container_of(ev, struct sim_xfer, ev);
	struct sim *sim = x->sim;
	uint64_t n = min_u64(x->left, sim->profile->chunk_bytes);
	uint64_t wire_bytes = n + sim->profile->message_bytes;
	bool last = n == x->left;
	struct chunk *c = NULL;
	struct passage p;

	if (!sender_lives(x)) {
		x->end(x, false);
		return;
	}
	x->left -= n;
	if (x->path.link_count == 1) {	/* within the node: one link, nothing to wait for */
		p.next_ns = last_link(x, wire_bytes, 0);
		sim_plan(sim, &x->ev,
			 last ? p.next_ns : p.next_ns - sim_path_latency(sim, &x->path), x->stream,
			 last ? xfer_deliver : xfer_enter);
		return;
	}
	p = enter_links(x, wire_bytes);
	if (last) {
		x->wire_bytes = wire_bytes;
		x->tail_ns = p.tail_ns;
		sim_plan(sim, &x->ev, p.head_ns, x->stream, xfer_head);
		return;
	}
	c = sim_mem_get(sim, sizeof(*c));
	ASSERT(c != NULL);
	*c = (struct chunk){
		.sim = sim,
		.link_idx = x->path.links[x->path.link_count - 1],
		.wire_bytes = wire_bytes,
	};
	sim_plan(sim, &c->ev, p.head_ns, x->stream, chunk_head);
	sim_plan(sim, &x->ev, p.next_ns, x->stream, xfer_enter);
}

void sim_xfer_start(struct sim *sim, struct sim_xfer *x, uint64_t bytes, uint64_t at_ns)
{
	ASSERT(x->path.link_count > 0);
	x->sim = sim;
	x->left = bytes;
	if (at_ns <= sim->now_ns) {
		x->ev.fn = xfer_enter;
		xfer_enter(&x->ev);
		return;
	}
	sim_plan(sim, &x->ev, at_ns, x->stream, xfer_enter);
}

/* Packets on their way out: frames gather in the peer's open packet, a poll hands packets over. */
#include "transports/ofi/ofi_int.h"

static void txpkt_destroy(struct ofi *o, struct ofi_txpkt *p)
{
	ofi_mr_close(p->mr);
	ofi_free(o, p->mem);
	ofi_free(o, p);
	o->tx_count--;
}

/* Errors: -DER_NOMEM; -DER_AGAIN: @limit are in use, some will come back. */
static int txpkt_get(struct ofi *o, uint32_t limit, struct ofi_txpkt **ret_pkt)
{
	struct ofi_txpkt *p;
	void *desc;
	int rc = -DER_NOMEM;

	if (!list_empty(&o->tx_free)) {
		p = list_first(&o->tx_free, struct ofi_txpkt, link);
		list_del(&p->link);
		*ret_pkt = p;
		return 0;
	}
	if (o->tx_count >= limit)
		return -DER_AGAIN;
	p = ofi_alloc(o, sizeof(*p), 0);
	if (p == NULL)
		return rc;
	o->tx_count++;
	p->op.kind = OFI_OP_TX;
	list_init(&p->link);
	p->mem = ofi_alloc(o, OFI_PKT_MAX, 64);
	if (p->mem != NULL)
		rc = ofi_mr_local(&o->mrs, p->mem, OFI_PKT_MAX, FI_SEND, &p->mr, &desc);
	if (rc != 0) {
		txpkt_destroy(o, p);
		return rc;
	}
	*ret_pkt = p;
	return 0;
}

static void txpkt_put(struct ofi *o, struct ofi_txpkt *p)
{
	p->dst = NULL;
	list_add(&o->tx_free, &p->link);	/* last in, first out: warm in the cache */
}

/* No further frame fits, or the packet is due. */
static void tx_close(struct ofi_dst *dst)
{
	struct ofi_txpkt *p = dst->open;

	if (p == NULL)
		return;
	dst->open = NULL;
	ofi_pkt_end(p->mem, p->bytes);
	list_add_tail(&dst->queue, &p->link);
}

/* Requests and replies leave packets over for the words that keep calls and transfers ending. */
static uint32_t tx_limit(const struct ofi *o, enum ofi_kind kind)
{
	return kind == OFI_REQUEST || kind == OFI_REPLY ? o->opts.tx_pkt_max
							: 2 * o->opts.tx_pkt_max;
}

static int tx_open(struct ofi *o, struct ofi_dst *dst, uint64_t dst_id, enum ofi_kind kind)
{
	struct ofi_txpkt *p;
	int rc;

	rc = txpkt_get(o, tx_limit(o, kind), &p);
	if (rc != 0)
		return rc;
	p->dst = dst;
	p->dst_id = dst_id;
	p->frames = 0;
	p->replies = 0;
	p->bytes = (uint32_t)ofi_pkt_begin(p->mem, o->id, dst_id, o->addr, o->addr_bytes);
	dst->open = p;
	if (list_empty(&dst->dirty))
		list_add_tail(&o->dirty, &dst->dirty);
	return 0;
}

int ofi_tx_frame(struct ofi *o, struct ofi_dst *dst, uint64_t dst_id, const struct ofi_frame *f,
		 const struct ofi_seg *segs, void **ret_msg)
{
	size_t bytes = ofi_frame_bytes(f->seg_count, f->msg_bytes);
	struct ofi_txpkt *p = dst->open;
	int rc;

	if (p != NULL && (p->dst_id != dst_id || (p->bytes + bytes > o->pkt_fill && p->frames > 0)))
		tx_close(dst);
	if (dst->open == NULL) {
		rc = tx_open(o, dst, dst_id, f->kind);
		if (rc != 0)
			return rc;
	}
	p = dst->open;
	ASSERT(p->bytes + bytes <= OFI_PKT_MAX);
	*ret_msg = ofi_frame_put(p->mem + p->bytes, f, segs);
	p->bytes += (uint32_t)bytes;
	p->frames++;
	p->replies += f->kind == OFI_REPLY;
	o->stats.frames_sent++;
	return 0;
}

int ofi_tx_word(struct ofi *o, struct ofi_dst *dst, uint64_t dst_id, enum ofi_kind kind,
		uint64_t id)
{
	struct ofi_frame f = { .kind = kind, .call_id = id };
	void *msg;

	return ofi_tx_frame(o, dst, dst_id, &f, NULL, &msg);
}

static void tx_discard(struct ofi *o, struct ofi_txpkt *p)
{
	o->stats.replies_dropped += p->replies;
	txpkt_put(o, p);
}

/* Hand over one packet. 0, -DER_AGAIN to try later, or another code: it can never be sent. */
static int tx_send(struct ofi *o, struct ofi_dst *dst, struct ofi_txpkt *p)
{
	void *desc = p->mr != NULL ? fi_mr_desc(p->mr) : NULL;
	ssize_t rc;

	if (p->bytes <= o->inject_bytes) {
		rc = fi_inject(o->ep, p->mem, p->bytes, dst->fi_addr);
		if (rc == 0) {
			o->stats.pkts_sent++;
			txpkt_put(o, p);
			return 0;
		}
	} else {
		p->epoch = dst->epoch;
		rc = fi_send(o->ep, p->mem, p->bytes, desc, dst->fi_addr, &p->op);
		if (rc == 0) {
			o->stats.pkts_sent++;
			o->tx_flight++;
			dst->refs++;	/* until its completion */
			list_add_tail(&o->tx_busy, &p->link);
			return 0;
		}
	}
	return rc == -FI_EAGAIN ? -DER_AGAIN : -DER_UNREACH;
}

/*
 * A packet too long for the provider holds one frame: send it in pieces. The pieces take the place of
 * @p, which goes back.
 */
static int tx_split(struct ofi *o, struct ofi_dst *dst, struct ofi_txpkt *p)
{
	uint8_t addr_pad[OFI_PKT_HEAD + OFI_ADDR_MAX];
	uint32_t head = (uint32_t)ofi_pkt_begin(addr_pad, o->id, p->dst_id, o->addr, o->addr_bytes);
	uint32_t room = (uint32_t)align_down(o->pkt_max - head - OFI_FRAME_HEAD, 8);
	uint32_t whole = p->bytes - head;
	struct list pieces;
	uint32_t off;
	int rc;

	ASSERT(p->frames == 1);
	list_init(&pieces);
	for (off = 0; off < whole; off += room) {
		struct ofi_frame f = { .kind = OFI_PART, .call_id = ofi_part_id(whole, off) };
		struct ofi_txpkt *q;

		rc = txpkt_get(o, tx_limit(o, OFI_PART), &q);
		if (rc != 0) {
			list_splice_tail(&o->tx_free, &pieces);
			return -DER_AGAIN;	/* for lack of memory too: later, or the peer is lost */
		}
		q->dst = dst;
		q->dst_id = p->dst_id;
		q->frames = 1;
		q->replies = off == 0 ? p->replies : 0;
		f.msg_bytes = (uint32_t)min_u64(room, whole - off);
		memcpy(q->mem, addr_pad, head);
		memcpy(ofi_frame_put(q->mem + head, &f, NULL), p->mem + head + off, f.msg_bytes);
		q->bytes = head + (uint32_t)ofi_frame_bytes(0, f.msg_bytes);
		ofi_pkt_end(q->mem, q->bytes);
		list_add_tail(&pieces, &q->link);
	}
	txpkt_put(o, p);
	list_splice_tail(&pieces, &dst->queue);
	list_splice_tail(&dst->queue, &pieces);
	return 0;
}

/* All packets of one peer, in order, as far as the provider takes them. */
static int tx_flush_dst(struct ofi *o, struct ofi_dst *dst)
{
	int rc;

	tx_close(dst);
	if (dst->state == OFI_DST_SEVERING)
		return -DER_AGAIN;	/* new packets wait until the old connection is gone */
	rc = ofi_dst_insert(o, dst);
	if (rc != 0)
		return rc;
	while (!list_empty(&dst->queue)) {
		struct ofi_txpkt *p = list_first(&dst->queue, struct ofi_txpkt, link);

		list_del(&p->link);
		rc = p->bytes > o->pkt_max ? tx_split(o, dst, p) : tx_send(o, dst, p);
		if (rc != 0) {
			list_add(&dst->queue, &p->link);
			if (rc == -DER_AGAIN) {
				o->stats.send_again++;
				ofi_dst_stuck(o, dst);
			}
			return rc;
		}
		ofi_dst_moving(dst);
	}
	return 0;
}

void ofi_tx_flush(struct ofi *o)
{
	struct list todo;

	if (list_empty(&o->dirty))
		return;
	list_init(&todo);
	list_splice_tail(&todo, &o->dirty);
	while (!list_empty(&todo)) {
		struct ofi_dst *dst = list_first(&todo, struct ofi_dst, dirty);
		int rc;

		list_del(&dst->dirty);
		rc = tx_flush_dst(o, dst);
		if (rc == -DER_AGAIN)
			list_add_tail(&o->dirty, &dst->dirty);
		else if (rc != 0)
			ofi_dst_lost(o, dst, err_name(rc));
	}
}

void ofi_tx_done(struct ofi *o, struct ofi_txpkt *p, int rc)
{
	struct ofi_dst *dst = p->dst;

	list_del(&p->link);
	o->tx_flight--;
	if (rc == 0) {
		ofi_dst_moving(dst);
	} else {
		o->stats.replies_dropped += p->replies;
		if (p->epoch == dst->epoch)
			ofi_dst_lost(o, dst, "a packet was not delivered");
	}
	ofi_dst_put(o, dst);
	txpkt_put(o, p);
}

void ofi_tx_drop(struct ofi *o, struct ofi_dst *dst)
{
	tx_close(dst);
	while (!list_empty(&dst->queue)) {
		struct ofi_txpkt *p = list_first(&dst->queue, struct ofi_txpkt, link);

		list_del(&p->link);
		tx_discard(o, p);
	}
	list_del(&dst->dirty);
}

void ofi_tx_abandon(struct ofi *o)
{
	while (!list_empty(&o->tx_busy)) {
		struct ofi_txpkt *p = list_first(&o->tx_busy, struct ofi_txpkt, link);

		list_del(&p->link);
		ofi_dst_put(o, p->dst);
		txpkt_put(o, p);
	}
}

void ofi_tx_fini(struct ofi *o)
{
	while (!list_empty(&o->tx_free)) {
		struct ofi_txpkt *p = list_first(&o->tx_free, struct ofi_txpkt, link);

		list_del(&p->link);
		txpkt_destroy(o, p);
	}
}

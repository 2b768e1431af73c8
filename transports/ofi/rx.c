/*
 * Receiving: buffers of FI_MULTI_RECV, packets, frames, and the messages that receivers hold.
 *
 * A buffer goes back to the provider when it is full, all messages that started in it have come, and
 * their receivers released them. "Have come" needs care: a provider may report a buffer as full with
 * the last message that starts in it while an earlier one, of another connection, still trickles in.
 * So bytes are counted. A message that failed on its way never adds up; its buffer is set aside.
 */
#include "transports/ofi/ofi_int.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define IN_CHUNK 32u

struct in_chunk {
	struct list link;
	struct ofi_in ins[IN_CHUNK];
};

/* ---- buffers ---------------------------------------------------------------------------------- */

static void rxbuf_destroy(struct ofi *o, struct ofi_rxbuf *rx)
{
	list_del(&rx->link);
	ofi_mr_close(rx->mr);
	ofi_free(o, rx->mem);
	ofi_free(o, rx);
}

static int rxbuf_create(struct ofi *o, struct ofi_rxbuf **ret_rx)
{
	struct ofi_rxbuf *rx = ofi_alloc(o, sizeof(*rx), 0);
	void *desc;
	int rc = -DER_NOMEM;

	if (rx == NULL)
		return rc;
	rx->op.kind = OFI_OP_RX;
	list_init(&rx->link);
	rx->mem = ofi_alloc(o, o->opts.rx_buf_bytes, 4096);
	if (rx->mem != NULL)
		rc = ofi_mr_local(&o->mrs, rx->mem, o->opts.rx_buf_bytes, FI_RECV, &rx->mr, &desc);
	if (rc != 0) {
		rxbuf_destroy(o, rx);
		return rc;
	}
	list_add_tail(&o->rx_idle, &rx->link);
	*ret_rx = rx;
	return 0;
}

static int rxbuf_post(struct ofi *o, struct ofi_rxbuf *rx)
{
	struct iovec iov = { .iov_base = rx->mem, .iov_len = o->opts.rx_buf_bytes };
	void *desc = rx->mr != NULL ? fi_mr_desc(rx->mr) : NULL;
	struct fi_msg msg = {
		.msg_iov = &iov,
		.desc = &desc,
		.iov_count = 1,
		.addr = FI_ADDR_UNSPEC,
		.context = &rx->op,
	};
	ssize_t rc;

	ASSERT(!rx->posted && rx->refs == 0);
	rx->full = false;
	rx->end = 0;
	rx->sum = 0;
	rx->errors = 0;
	rc = fi_recvmsg(o->ep, &msg, FI_MULTI_RECV | FI_COMPLETION);
	list_del(&rx->link);
	if (rc != 0) {
		list_add_tail(&o->rx_idle, &rx->link);	/* again at the next poll */
		return rc == -FI_EAGAIN ? -DER_AGAIN : ofi_err(rc);
	}
	rx->posted = true;
	o->rx_posted++;
	o->stats.rx_posts++;
	list_add_tail(&o->rxbufs, &rx->link);
	return 0;
}

void ofi_rx_post_idle(struct ofi *o)
{
	struct ofi_rxbuf *rx;

	while (!list_empty(&o->rx_idle))
		if (rxbuf_post(o, list_first(&o->rx_idle, struct ofi_rxbuf, link)) != 0)
			return;
	while (o->rx_missing > 0 && rxbuf_create(o, &rx) == 0) {
		o->rx_missing--;
		if (rxbuf_post(o, rx) != 0)
			return;
	}
}

/* Set @rx aside for as long as a lost message's connection might write to it; another steps in. */
static void rxbuf_retire(struct ofi *o, struct ofi_rxbuf *rx)
{
	list_del(&rx->link);
	list_add_tail(&o->retired, &rx->link);
	o->retired_count++;
	o->rx_missing++;
	ofi_rx_post_idle(o);
}

static void rxbuf_settle(struct ofi *o, struct ofi_rxbuf *rx)
{
	if (!rx->full || rx->refs > 0)
		return;
	if (rx->sum >= rx->end) {
		list_del(&rx->link);
		list_add_tail(&o->rx_idle, &rx->link);
		ofi_rx_post_idle(o);
	} else if (rx->errors > 0) {
		rxbuf_retire(o, rx);
	}
}

void ofi_rx_unref(struct ofi *o, struct ofi_rxbuf *rx)
{
	ASSERT(rx->refs > 0);
	rx->refs--;
	rxbuf_settle(o, rx);
}

/* Every connection is cut: whatever was on its way into a retired buffer is over. */
void ofi_rx_reclaim(struct ofi *o)
{
	while (!list_empty(&o->retired)) {
		rxbuf_destroy(o, list_first(&o->retired, struct ofi_rxbuf, link));
		o->retired_count--;
	}
}

int ofi_rx_init(struct ofi *o)
{
	struct ofi_rxbuf *rx;
	uint32_t i;
	int rc;

	for (i = 0; i < o->opts.rx_buf_count; i++) {
		rc = rxbuf_create(o, &rx);
		if (rc == 0)
			rc = rxbuf_post(o, rx);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void ofi_rx_fini(struct ofi *o)
{
	struct list *lists[] = {
		&o->rxbufs,
		&o->rx_idle,
		&o->retired,
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(lists); i++)
		while (!list_empty(lists[i]))
			rxbuf_destroy(o, list_first(lists[i], struct ofi_rxbuf, link));
	ASSERT(o->in_count == 0);
	while (!list_empty(&o->in_chunks)) {
		struct in_chunk *c = list_first(&o->in_chunks, struct in_chunk, link);

		list_del(&c->link);
		ofi_free(o, c);
	}
}

/* ---- messages --------------------------------------------------------------------------------- */

static struct ofi_in *in_get(struct ofi *o)
{
	struct ofi_in *in;
	uint32_t i;

	if (list_empty(&o->in_free)) {
		struct in_chunk *c = ofi_alloc(o, sizeof(*c), 0);

		if (c == NULL)
			return NULL;
		list_add(&o->in_chunks, &c->link);
		for (i = 0; i < IN_CHUNK; i++)
			list_add_tail(&o->in_free, &c->ins[i].link);
	}
	in = list_first(&o->in_free, struct ofi_in, link);
	list_del(&in->link);
	o->in_count++;
	return in;
}

void ofi_in_put(struct ofi *o, struct ofi_in *in)
{
	list_del(&in->link);
	if (in->rx != NULL)
		ofi_rx_unref(o, in->rx);
	ofi_free(o, in->copy);
	if (in->dst != NULL)
		ofi_dst_put(o, in->dst);
	o->in_count--;
	list_add(&o->in_free, &in->link);
}

/* A message for a receiver. It stays in the buffer, unless so many buffers are held that it must be
 * copied for others to be received. NULL: no memory. */
static struct ofi_in *in_make(struct ofi *o, struct ofi_rxbuf *rx, struct ofi_dst *dst,
			      const struct ofi_frame *f)
{
	size_t bytes = (size_t)f->seg_count * OFI_SEG_BYTES + f->msg_bytes;
	struct ofi_in *in = in_get(o);

	if (in == NULL)
		return NULL;
	*in = (struct ofi_in){ .ofi = o, .frame = *f, .dst = dst };
	list_init(&in->link);
	dst->refs++;
	if (rx == NULL || o->rx_posted <= o->opts.rx_buf_count / 2) {
		in->copy = ofi_alloc(o, bytes + 1, 0);
		if (in->copy == NULL) {
			ofi_in_put(o, in);
			return NULL;
		}
		memcpy(in->copy, f->segs, bytes);
		in->frame.segs = in->copy;
		in->frame.msg = in->frame.segs + (size_t)f->seg_count * OFI_SEG_BYTES;
		o->stats.rx_copies++;
	} else {
		in->rx = rx;
		rx->refs++;
	}
	in->in.msg = buf_from_bytes(&in->seg, in->frame.msg, f->msg_bytes);
	return in;
}

static void rx_request(struct ofi *o, struct ofi_rxbuf *rx, struct ofi_dst *dst,
		       const struct ofi_pkt *p, const struct ofi_frame *f)
{
	struct ofi_in *in = NULL;

	if (o->in_count < o->opts.in_max && o->rt->on_request != NULL)
		in = in_make(o, rx, dst, f);
	if (in == NULL) {
		o->stats.requests_dropped++;
		return;
	}
	in->request = true;
	in->src_id = p->src_id;
	in->in.expose_bytes = f->expose_bytes;
	in->in.access = f->access;
	if (f->seg_count > 0)
		list_add_tail(&dst->ins, &in->link);
	o->rt->on_request(o->rt, &in->in);
}

static void rx_reply(struct ofi *o, struct ofi_rxbuf *rx, struct ofi_dst *dst,
		     const struct ofi_pkt *p, const struct ofi_frame *f)
{
	struct ofi_call *c = ofi_call_find(o, f->call_id);
	struct ofi_in *in;

	if (c == NULL || c->dst != dst || c->state == OFI_CALL_LOST) {
		o->stats.frames_stale++;
		return;
	}
	dst->remote_id = p->src_id;
	dst->hello_nonce = 0;
	in = in_make(o, rx, dst, f);
	if (in == NULL)
		ofi_call_finish(o, c, -DER_NOMEM);
	else
		ofi_call_reply(o, c, &in->in);
}

/* The peer says who it is. Only an answer to our own question is believed. */
static void rx_pong(struct ofi *o, struct ofi_dst *dst, uint64_t src_id, uint64_t nonce)
{
	if (nonce != 0 && nonce == dst->hello_nonce) {
		dst->hello_nonce = 0;
		dst->remote_id = src_id;
	} else if (nonce != 0 && nonce == dst->ping_nonce) {
		dst->ping_nonce = 0;
		if (dst->remote_id != src_id)
			ofi_dst_lost(o, dst, "started anew");
		dst->remote_id = src_id;
	} else {
		o->stats.frames_stale++;
	}
}

static void rx_part(struct ofi *o, struct ofi_dst *dst, const struct ofi_pkt *p,
		    const struct ofi_frame *f);

/* @rx is NULL when the frame is in memory that will not stay. */
static void rx_frame(struct ofi *o, struct ofi_rxbuf *rx, struct ofi_dst *dst,
		     const struct ofi_pkt *p, const struct ofi_frame *f)
{
	struct ofi_call *c;

	o->stats.frames_received++;
	if (p->dst_id != 0 && p->dst_id != o->id && f->kind != OFI_PING) {
		o->stats.frames_stale++;	/* meant for who had this address before */
		return;
	}
	switch (f->kind) {
	case OFI_REQUEST:
		rx_request(o, rx, dst, p, f);
		break;
	case OFI_REPLY:
		rx_reply(o, rx, dst, p, f);
		break;
	case OFI_PING:
		/* Unanswered when packets are used up: the other side asks again. */
		(void)ofi_tx_word(o, dst, p->src_id, OFI_PONG, f->call_id);
		break;
	case OFI_PONG:
		rx_pong(o, dst, p->src_id, f->call_id);
		break;
	case OFI_REVOKE:
		ofi_serve_revoke(o, dst, p->src_id, f->call_id);
		break;
	case OFI_REVOKED:
		c = ofi_call_find(o, f->call_id);
		if (c != NULL && c->dst == dst && c->state == OFI_CALL_REVOKING)
			ofi_call_revoked(o, c);
		else
			o->stats.frames_stale++;
		break;
	case OFI_COPY:
		if (o->prov->shm)
			ofi_copy_do(o, dst, p->src_id, f);
		break;
	case OFI_COPIED:
		if (o->prov->shm)
			ofi_copy_done(o, dst, f);
		break;
	case OFI_PART:
		rx_part(o, dst, p, f);
		break;
	case OFI_KIND_COUNT:
		ASSERT(false);	/* the decoder lets none through */
	}
}

/* Pieces come in order, one frame at a time; anything else ends the attempt. */
static void rx_part(struct ofi *o, struct ofi_dst *dst, const struct ofi_pkt *p,
		    const struct ofi_frame *f)
{
	uint32_t whole = (uint32_t)(f->call_id >> 32);
	uint32_t off = (uint32_t)f->call_id;
	struct ofi_frame full;

	/* Memory only for a peer that lives; only shm's packets are ever cut. */
	if (off == 0 && dst->part == NULL && o->prov->shm && ofi_dst_insert(o, dst) == 0) {
		dst->part = ofi_alloc(o, whole, 0);
		dst->part_whole = whole;
		dst->part_got = 0;
	}
	if (dst->part == NULL || whole != dst->part_whole || off != dst->part_got) {
		o->stats.frames_bad++;
		goto end;
	}
	memcpy(dst->part + off, f->msg, f->msg_bytes);
	dst->part_got += f->msg_bytes;
	if (dst->part_got < whole)
		return;
	if (ofi_frame_decode(dst->part, whole, &full) == 0 && full.kind != OFI_PART)
		rx_frame(o, NULL, dst, p, &full);
	else
		o->stats.frames_bad++;
end:
	ofi_free(o, dst->part);
	dst->part = NULL;
}

/* The sender's address as the table keeps it. Errors: -DER_PROTO: no address of this fabric. */
static int rx_addr(const struct ofi *o, const struct ofi_pkt *p, uint8_t *ret_addr)
{
	struct sockaddr_in *in = (void *)ret_addr;

	memcpy(ret_addr, p->addr, p->addr_bytes);
	if (o->prov->shm)
		return ret_addr[p->addr_bytes - 1] == '\0' &&
				       strlen((char *)ret_addr) + 1 == p->addr_bytes
			       ? 0
			       : -DER_PROTO;
	if (p->addr_bytes != o->addr_bytes)
		return -DER_PROTO;
	if (!o->prov->ip)
		return 0;
	if (in->sin_family != ((const struct sockaddr_in *)(const void *)o->addr)->sin_family)
		return -DER_PROTO;
	if (in->sin_family == AF_INET)
		memset(in->sin_zero, 0, sizeof(in->sin_zero));
	return in->sin_port != 0 ? 0 : -DER_PROTO;
}

static void rx_packet(struct ofi *o, struct ofi_rxbuf *rx, const void *ptr, size_t bytes)
{
	uint8_t addr[OFI_ADDR_MAX] __attribute__((aligned(8)));
	struct ofi_frame f;
	struct ofi_dst *dst;
	struct ofi_pkt p;
	int rc;

	o->stats.pkts_received++;
	if (ofi_pkt_decode(ptr, bytes, &p) != 0 || rx_addr(o, &p, addr) != 0 ||
	    ofi_dst_get(o, addr, p.addr_bytes, &dst) != 0) {
		o->stats.pkts_bad++;
		return;
	}
	ofi_dst_heard(o, dst);
	for (;;) {
		rc = ofi_frame_next(&p, &f);
		if (rc <= 0)
			break;
		rx_frame(o, rx, dst, &p, &f);
	}
	if (rc < 0) {
		struct ofi_call *c = p.bad_reply != 0 && p.dst_id == o->id
					     ? ofi_call_find(o, p.bad_reply)
					     : NULL;

		o->stats.frames_bad++;
		if (c != NULL && c->dst == dst)
			ofi_call_bad(o, c);
	}
	ofi_dst_put(o, dst);
}

/* ---- completions ------------------------------------------------------------------------------ */

void ofi_rx_done(struct ofi *o, struct ofi_rxbuf *rx, const struct fi_cq_data_entry *e)
{
	uint64_t off = (uint64_t)((uintptr_t)e->buf - (uintptr_t)rx->mem);

	rx->refs++;
	if ((e->flags & FI_MULTI_RECV) != 0) {
		ASSERT(rx->posted);
		rx->posted = false;
		rx->full = true;
		o->rx_posted--;
	}
	if ((e->flags & FI_RECV) != 0 && e->len > 0) {
		ASSERT(e->buf != NULL && off + e->len <= o->opts.rx_buf_bytes);
		rx->sum += e->len;
		rx->end = max_u64(rx->end, off + e->len);
		rx_packet(o, rx, e->buf, e->len);
	}
	ofi_rx_unref(o, rx);
}

void ofi_rx_failed(struct ofi *o, struct ofi_rxbuf *rx, const struct fi_cq_err_entry *e)
{
	rx->refs++;
	rx->errors++;
	if ((e->flags & FI_MULTI_RECV) != 0 && rx->posted) {
		rx->posted = false;
		rx->full = true;
		rx->end = UINT64_MAX;	/* the lost message was the last one */
		o->rx_posted--;
	}
	ofi_rx_unref(o, rx);
}

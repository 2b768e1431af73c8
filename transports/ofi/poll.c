/* The source that a loop polls, and the table of operations. */
#include "transports/ofi/ofi_int.h"

#define POLL_ROUNDS 4		/* reads of the completion queue in one poll */
#define ACCEPT_EVERY 256u	/* polls between looks at who watches us; shm only */

const char *ofi_uri(const struct ofi *o)
{
	return o->uri;
}

const char *ofi_provider(const struct ofi *o)
{
	return o->info->fabric_attr->prov_name;
}

void ofi_stats(const struct ofi *o, struct ofi_stats *ret_stats)
{
	*ret_stats = o->stats;
}

int ofi_fd(struct ofi *o)
{
	return o->wait_fd;
}

/* ---- completions ------------------------------------------------------------------------------ */

static void comp_done(struct ofi *o, const struct fi_cq_data_entry *e)
{
	struct ofi_op *op = e->op_context;

	if (op == NULL)
		return;
	switch (op->kind) {
	case OFI_OP_RX:
		ofi_rx_done(o, container_of(op, struct ofi_rxbuf, op), e);
		break;
	case OFI_OP_TX:
		ofi_tx_done(o, container_of(op, struct ofi_txpkt, op), 0);
		break;
	case OFI_OP_RMA:
		ofi_bulk_op_done(o, container_of(op, struct ofi_rma, op), 0);
		break;
	}
}

static void comp_failed(struct ofi *o)
{
	struct fi_cq_err_entry e = { 0 };
	struct ofi_op *op;

	if (fi_cq_readerr(o->cq, &e, 0) != 1)
		return;
	op = e.op_context;
	if (op == NULL)
		return;		/* of an inject: silence will tell */
	switch (op->kind) {
	case OFI_OP_RX:
		ofi_rx_failed(o, container_of(op, struct ofi_rxbuf, op), &e);
		break;
	case OFI_OP_TX:
		ofi_tx_done(o, container_of(op, struct ofi_txpkt, op), ofi_err(e.err));
		break;
	case OFI_OP_RMA:
		ofi_bulk_op_done(o, container_of(op, struct ofi_rma, op), ofi_err(e.err));
		break;
	}
}

static int read_completions(struct ofi *o)
{
	struct fi_cq_data_entry e[OFI_CQ_BATCH];
	int total = 0;
	int round;
	ssize_t i;

	for (round = 0; round < POLL_ROUNDS; round++) {
		ssize_t n = fi_cq_read(o->cq, e, OFI_CQ_BATCH);

		if (n == -FI_EAVAIL) {
			comp_failed(o);
			total++;
			continue;
		}
		if (n <= 0)
			break;
		for (i = 0; i < n; i++)
			comp_done(o, &e[i]);
		total += (int)n;
		if (n < (ssize_t)OFI_CQ_BATCH)
			break;
	}
	return total;
}

int ofi_poll(struct ofi *o)
{
	int n;

	if (!list_empty(&o->rx_idle) || o->rx_missing > 0)
		ofi_rx_post_idle(o);
	ofi_tx_flush(o);
	n = read_completions(o);
	if (!list_empty(&o->bulks))
		ofi_bulk_pump(o);
	if (!list_empty(&o->bulks_done))
		n += ofi_bulk_run_done(o);
	if (!list_empty(&o->finished))
		n += ofi_call_run_finished(o);
	ofi_tx_flush(o);
	if (++o->polls % ACCEPT_EVERY == 0)
		ofi_link_accept(o);
	return n;
}

int ofi_arm(struct ofi *o)
{
	struct fid *fid = &o->cq->fid;
	struct list *pos;

	if (!list_empty(&o->finished) || !list_empty(&o->bulks_done))
		return -DER_AGAIN;
	list_for_each(pos, &o->dirty) {
		struct ofi_dst *dst = list_entry(pos, struct ofi_dst, dirty);

		/* What is stuck or being cut is looked at by the tick. */
		if (dst->stuck_ns == 0 && dst->state == OFI_DST_UP)
			return -DER_AGAIN;
	}
	if (o->wait_fd < 0)
		return 0;
	return fi_trywait(o->fabric, &fid, 1) == 0 ? 0 : -DER_AGAIN;
}

static int src_poll(void *ctx)
{
	return ofi_poll(ctx);
}

static int src_fd(void *ctx)
{
	int fd = ofi_fd(ctx);

	return fd >= 0 ? fd : LOOP_FD_NONE;
}

static int src_arm(void *ctx)
{
	return ofi_arm(ctx);
}

const struct loop_src_ops ofi_src_ops = { .poll = src_poll, .fd = src_fd, .arm = src_arm };

/* ---- the rest of the table -------------------------------------------------------------------- */

static int net_peer_open(void *ctx, const char *uri, struct rt_peer **ret_peer)
{
	uint8_t addr[OFI_ADDR_MAX] __attribute__((aligned(8))) = { 0 };
	struct ofi *o = ctx;
	struct rt_peer *p;
	uint32_t bytes;
	int rc;

	rc = ofi_uri_parse(o, uri, addr, &bytes);
	if (rc != 0)
		return rc == -DER_NOMEM ? rc : -DER_INVAL;
	p = ofi_alloc(o, sizeof(*p), 0);
	if (p == NULL)
		return -DER_NOMEM;
	rc = ofi_dst_get(o, addr, bytes, &p->dst);
	if (rc != 0) {
		ofi_free(o, p);
		return -DER_NOMEM;
	}
	list_add_tail(&o->peers, &p->link);
	*ret_peer = p;
	return 0;
}

static void net_peer_close(void *ctx, struct rt_peer *peer)
{
	struct ofi *o = ctx;

	list_del(&peer->link);
	ofi_dst_put(o, peer->dst);
	ofi_free(o, peer);
}

static int net_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct ofi *o = ctx;
	struct ofi_pool *p;
	int rc;

	if ((o->mrs.mode & FI_MR_LOCAL) == 0)
		return 0;	/* local memory needs no registration here */
	p = ofi_alloc(o, sizeof(*p), 0);
	if (p == NULL)
		return -DER_NOMEM;
	p->ptr = ptr;
	p->bytes = bytes;
	/* For our own transfers only: what a peer may reach is registered call by call. */
	rc = ofi_mr_open(&o->mrs, ptr, bytes, FI_SEND | FI_RECV | FI_READ | FI_WRITE, &p->mr);
	if (rc != 0) {
		ofi_free(o, p);
		return rc;
	}
	list_add(&o->mrs.pools, &p->link);
	return 0;
}

static void net_mem_del(void *ctx, void *ptr, size_t bytes)
{
	struct ofi *o = ctx;
	struct list *pos;

	list_for_each(pos, &o->mrs.pools) {
		struct ofi_pool *p = list_entry(pos, struct ofi_pool, link);

		if (p->ptr == ptr && p->bytes == bytes) {
			list_del(&p->link);
			ofi_mr_close(p->mr);
			ofi_free(o, p);
			return;
		}
	}
}

const struct rt_net_ops ofi_net_ops = {
	.peer_open = net_peer_open,
	.peer_close = net_peer_close,
	.call = ofi_net_call,
	.cancel = ofi_net_cancel,
	.reply = ofi_net_reply,
	.bulk = ofi_net_bulk,
	.release = ofi_net_release,
	.mem_add = net_mem_add,
	.mem_del = net_mem_del,
};

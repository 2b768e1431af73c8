/* One-sided transfers: a bulk is cut into reads or writes, a few of which are under way at a time. */
#include "transports/ofi/ofi_int.h"

#define RMA_IOVS 4u

static_assert(RMA_IOVS <= ARRAY_COUNT(((struct ofi_rma *)NULL)->mrs), "one registration each");

static struct ofi_bulk *bulk_state(struct rt_bulk *b)
{
	return (struct ofi_bulk *)(void *)b->priv;
}

static struct rt_bulk *bulk_of(struct ofi_bulk *st)
{
	return container_of((void *)st, struct rt_bulk, priv);
}

static struct ofi_in *bulk_in(struct rt_bulk *b)
{
	return container_of(b->in, struct ofi_in, in);
}

static void rma_put(struct ofi *o, struct ofi_rma *r)
{
	while (r->mr_count > 0)
		ofi_mr_close(r->mrs[--r->mr_count]);
	r->bulk = NULL;
	list_del(&r->link);
	list_add(&o->rma_free, &r->link);
}

static struct ofi_rma *rma_get(struct ofi *o)
{
	struct ofi_rma *r;

	if (!list_empty(&o->rma_free)) {
		r = list_first(&o->rma_free, struct ofi_rma, link);
		list_del(&r->link);
		return r;
	}
	r = ofi_alloc(o, sizeof(*r), 0);
	if (r == NULL)
		return NULL;
	r->op.kind = OFI_OP_RMA;
	list_init(&r->link);
	return r;
}

/* Nothing more will be submitted for @st; it ends when nothing is under way. */
static void bulk_settle(struct ofi *o, struct ofi_bulk *st)
{
	if (st->flight > 0)
		return;
	list_del(&st->link);
	list_add_tail(&o->bulks_done, &st->link);
}

/*
 * Where the next operation's local bytes are: at most RMA_IOVS pieces, @want bytes. Returns how many
 * bytes they hold; the position is not moved.
 */
static uint64_t local_gather(struct ofi *o, struct rt_bulk *b, const struct ofi_bulk *st,
			     uint64_t want, struct iovec *iov, uint32_t *ret_count)
{
	uint32_t cap = o->prov->shm ? 1 : (uint32_t)min_u64(RMA_IOVS, o->info->tx_attr->iov_limit);
	uint64_t off = st->local_off;
	uint32_t idx = st->local_idx;
	uint64_t got = 0;
	uint32_t n = 0;

	while (got < want && n < cap) {
		const struct bseg *s = &b->local.segs[idx];
		uint64_t len = min_u64(s->bytes - off, want - got);

		if (len > 0) {
			iov[n].iov_base = (uint8_t *)s->ptr + off;
			iov[n].iov_len = len;
			got += len;
			n++;
		}
		idx++;
		off = 0;
	}
	*ret_count = n;
	return got;
}

static void bulk_advance(struct rt_bulk *b, struct ofi_bulk *st, uint64_t bytes)
{
	struct ofi_in *in = bulk_in(b);
	uint64_t left = bytes;

	st->done_bytes += bytes;
	st->remote_off += bytes;
	if (st->remote_off == ofi_seg_at(&in->frame, st->remote_idx).bytes) {
		st->remote_idx++;
		st->remote_off = 0;
	}
	while (left > 0) {
		uint64_t room = b->local.segs[st->local_idx].bytes - st->local_off;
		uint64_t n = min_u64(room, left);

		st->local_off += n;
		left -= n;
		if (n == room) {
			st->local_idx++;
			st->local_off = 0;
		}
	}
}

/* Registrations of the local pieces, where the provider wants them. */
static int rma_local(struct ofi *o, struct ofi_rma *r, enum rt_bulk_op op, const struct iovec *iov,
		     uint32_t count, void **desc)
{
	uint64_t access = op == RT_BULK_GET ? FI_READ : FI_WRITE;
	uint32_t i;
	int rc;

	for (i = 0; i < count; i++) {
		struct fid_mr *mr;

		rc = ofi_mr_local(&o->mrs, iov[i].iov_base, iov[i].iov_len, access, &mr, &desc[i]);
		if (rc != 0)
			return rc;
		if (mr != NULL)
			r->mrs[r->mr_count++] = mr;
	}
	return 0;
}

static ssize_t rma_submit(struct ofi *o, struct ofi_rma *r, struct rt_bulk *b,
			  const struct iovec *iov, void **desc, uint32_t count,
			  const struct fi_rma_iov *far)
{
	struct fi_msg_rma msg = {
		.msg_iov = iov,
		.desc = desc,
		.iov_count = count,
		.addr = bulk_in(b)->dst->fi_addr,
		.rma_iov = far,
		.rma_iov_count = 1,
		.context = &r->op,
	};

	if (b->op == RT_BULK_GET)
		return fi_readmsg(o->ep, &msg, FI_COMPLETION);
	/* Where a reply could overtake what was written, a write ends when it has arrived. */
	return fi_writemsg(o->ep, &msg, FI_COMPLETION | (o->order_saw ? 0 : FI_DELIVERY_COMPLETE));
}

/* Submit the next operation of @b. 0, -DER_AGAIN, or an error that ends the bulk. */
static int bulk_step(struct ofi *o, struct rt_bulk *b, struct ofi_bulk *st)
{
	struct ofi_in *in = bulk_in(b);
	struct ofi_seg seg = ofi_seg_at(&in->frame, st->remote_idx);
	uint64_t want = min_u64(seg.bytes - st->remote_off, b->local.bytes - st->done_bytes);
	struct fi_rma_iov far = { .addr = seg.addr + st->remote_off, .key = seg.key };
	void *desc[RMA_IOVS] = { NULL };
	struct iovec iov[RMA_IOVS];
	struct ofi_rma *r;
	uint32_t count;
	ssize_t rc;

	want = min_u64(want, min_u64(o->opts.bulk_chunk_bytes, o->info->ep_attr->max_msg_size));
	r = rma_get(o);
	if (r == NULL)
		return -DER_NOMEM;
	far.len = local_gather(o, b, st, want, iov, &count);
	rc = rma_local(o, r, b->op, iov, count, desc);
	if (rc == 0 && o->prov->shm) {
		rc = ofi_copy_ask(o, r, b, b->remote_off + st->done_bytes, iov);
	} else if (rc == 0) {
		rc = rma_submit(o, r, b, iov, desc, count, &far);
		if (rc != 0)
			rc = rc == -FI_EAGAIN ? -DER_AGAIN : ofi_err(rc);
	}
	if (rc != 0) {
		rma_put(o, r);
		return (int)rc;
	}
	r->bulk = b;
	list_add_tail(&o->rma_busy, &r->link);
	o->rma_flight++;
	o->stats.rma_ops++;
	st->flight++;
	bulk_advance(b, st, far.len);
	return 0;
}

/* As many operations of @b as may be under way. False: the provider takes no more now. */
static bool bulk_push(struct ofi *o, struct rt_bulk *b, struct ofi_bulk *st)
{
	struct ofi_in *in = bulk_in(b);
	int rc = 0;

	if (st->rc == 0 && in->revoked)
		st->rc = -DER_CANCELED;
	if (st->rc == 0 && in->dst->state == OFI_DST_SEVERING)
		return true;
	if (st->rc == 0)
		st->rc = ofi_dst_insert(o, in->dst);
	while (st->rc == 0 && st->done_bytes < b->local.bytes && st->flight < o->opts.bulk_window &&
	       o->rma_flight < o->opts.rma_max) {
		rc = bulk_step(o, b, st);
		if (rc == -DER_AGAIN) {
			o->stats.send_again++;
			ofi_dst_stuck(o, in->dst);
			return false;
		}
		if (rc != 0)
			st->rc = rc;
		else
			ofi_dst_moving(in->dst);
	}
	if (st->rc != 0 || st->done_bytes == b->local.bytes) {
		list_del(&st->link);	/* its last completion ends it */
		bulk_settle(o, st);
	}
	return true;
}

void ofi_bulk_pump(struct ofi *o)
{
	struct list *pos;
	struct list *tmp;

	list_for_each_safe(pos, tmp, &o->bulks) {
		struct ofi_bulk *st = list_entry(pos, struct ofi_bulk, link);

		(void)bulk_push(o, bulk_of(st), st);	/* what did not go now is tried again */
	}
}

int ofi_net_bulk(void *ctx, struct rt_bulk *b)
{
	struct ofi_in *in = bulk_in(b);
	struct ofi_bulk *st = bulk_state(b);
	uint32_t need = b->op == RT_BULK_GET ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	struct ofi *o = ctx;
	uint64_t off = b->remote_off;

	ASSERT(in->request && !in->replied && b->done != NULL);
	if ((b->op != RT_BULK_GET && b->op != RT_BULK_PUT) || !buf_is_bytes(&b->local))
		return -DER_INVAL;
	if (off > in->frame.expose_bytes || b->local.bytes > in->frame.expose_bytes - off)
		return -DER_INVAL;
	if ((in->frame.access & need) == 0)
		return -DER_NO_PERM;
	if (in->revoked)
		return -DER_CANCELED;
	if (o->bulk_count >= o->opts.bulk_max)
		return -DER_AGAIN;
	*st = (struct ofi_bulk){ .flight = 0 };
	list_init(&st->link);
	while (b->local.bytes > 0 && off >= ofi_seg_at(&in->frame, st->remote_idx).bytes)
		off -= ofi_seg_at(&in->frame, st->remote_idx++).bytes;
	st->remote_off = off;
	in->bulks++;
	o->bulk_count++;
	ofi_dst_busy(o, in->dst);
	list_add_tail(&o->bulks, &st->link);
	(void)bulk_push(o, b, st);
	return 0;
}

/* ---- ends ------------------------------------------------------------------------------------- */

void ofi_bulk_op_done(struct ofi *o, struct ofi_rma *r, int rc)
{
	struct rt_bulk *b = r->bulk;
	struct ofi_bulk *st;

	rma_put(o, r);
	o->rma_flight--;
	st = bulk_state(b);
	if (rc == 0)
		ofi_dst_moving(bulk_in(b)->dst);
	if (rc != 0 && st->rc == 0)
		st->rc = bulk_in(b)->revoked ? -DER_CANCELED : rc;
	st->flight--;
	if (st->rc != 0 || st->done_bytes == b->local.bytes)
		bulk_settle(o, st);
}

/*
 * What is under way the provider ends with an error. On shm it is the peer who copies: a lost one is
 * dead, and will not touch our memory any more.
 */
void ofi_bulk_peer_lost(struct ofi *o, struct ofi_dst *dst)
{
	struct list *pos;
	struct list *tmp;

	if (o->prov->shm) {
		list_for_each_safe(pos, tmp, &o->rma_busy) {
			struct ofi_rma *r = list_entry(pos, struct ofi_rma, link);

			if (bulk_in(r->bulk)->dst == dst)
				ofi_bulk_op_done(o, r, -DER_UNREACH);
		}
	}
	list_for_each_safe(pos, tmp, &o->bulks) {
		struct ofi_bulk *st = list_entry(pos, struct ofi_bulk, link);

		if (bulk_in(bulk_of(st))->dst != dst)
			continue;
		st->rc = -DER_UNREACH;
		list_del(&st->link);
		bulk_settle(o, st);
	}
}

int ofi_bulk_run_done(struct ofi *o)
{
	struct list todo;
	int n = 0;

	list_init(&todo);
	list_splice_tail(&todo, &o->bulks_done);
	while (!list_empty(&todo)) {
		struct ofi_bulk *st = list_first(&todo, struct ofi_bulk, link);
		struct rt_bulk *b = bulk_of(st);
		struct ofi_in *in = bulk_in(b);
		int rc = st->rc;

		list_del(&st->link);
		o->bulk_count--;
		in->bulks--;
		if (in->tell && in->bulks == 0) {
			in->tell = false;
			(void)ofi_tx_word(o, in->dst, in->src_id, OFI_REVOKED, in->frame.call_id);
		}
		b->done(b, rc);
		n++;
	}
	return n;
}

void ofi_bulk_fini(struct ofi *o)
{
	ASSERT(o->bulk_count == 0);
	list_splice_tail(&o->rma_free,
			 &o->rma_busy); /* left by dead peers; the endpoint is closed */
	while (!list_empty(&o->rma_free)) {
		struct ofi_rma *r = list_first(&o->rma_free, struct ofi_rma, link);

		while (r->mr_count > 0)
			ofi_mr_close(r->mrs[--r->mr_count]);
		list_del(&r->link);
		ofi_free(o, r);
	}
}

/* The serving side of a call: reply, release, and letting go of a requester's memory. */
#include "transports/ofi/ofi_int.h"

int ofi_net_reply(void *ctx, struct rt_in *req, const struct buf *msg)
{
	struct ofi_in *in = container_of(req, struct ofi_in, in);
	struct ofi_frame f = { .kind = OFI_REPLY, .call_id = in->frame.call_id };
	struct ofi *o = ctx;
	struct bseg seg;
	struct buf dst;
	void *ptr;
	int rc;

	ASSERT(in->request && !in->replied && in->ofi == o);
	if (msg->bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	if (!buf_is_bytes(msg))
		return -DER_INVAL;
	if (in->bulks > 0)
		return -DER_BUSY;	/* the reply tells the requester that its memory is free */
	f.msg_bytes = (uint32_t)msg->bytes;
	rc = ofi_tx_frame(o, in->dst, in->src_id, &f, NULL, &ptr);
	if (rc != 0)
		return -DER_NOMEM;
	dst = buf_from_bytes(&seg, ptr, msg->bytes);
	rc = buf_copy(&dst, 0, msg, 0, msg->bytes);
	ASSERT(rc == 0);	/* bytes into bytes of the same size */
	in->replied = true;
	return 0;
}

void ofi_net_release(void *ctx, struct rt_in *rt_in)
{
	struct ofi_in *in = container_of(rt_in, struct ofi_in, in);

	ASSERT(in->bulks == 0 && in->ofi == ctx);
	ofi_in_put(ctx, in);
}

/* Requests that are released already need no looking for: nothing of theirs is under way. */
void ofi_serve_revoke(struct ofi *o, struct ofi_dst *dst, uint64_t src_id, uint64_t call_id)
{
	struct list *pos;

	list_for_each(pos, &dst->ins) {
		struct ofi_in *in = list_entry(pos, struct ofi_in, link);

		if (in->frame.call_id != call_id || in->src_id != src_id)
			continue;
		in->revoked = true;
		if (in->bulks > 0) {
			in->tell = true;
			return;
		}
	}
	(void)ofi_tx_word(o, dst, src_id, OFI_REVOKED, call_id);
}

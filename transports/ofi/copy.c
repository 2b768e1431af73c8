/*
 * shm's transfers. Its own reads and writes answer in one queue, in their order: one peer that stops or
 * dies with a transfer under way would hold up the transfers of all others for good. So here the owner
 * of exposed memory copies, when asked by a frame, with the kernel's process_vm calls, as the
 * provider would; and knows exactly when it no longer does.
 */
#include "transports/ofi/ofi_int.h"

#include <errno.h>
#include <sys/uio.h>

int ofi_copy_ask(struct ofi *o, struct ofi_rma *r, struct rt_bulk *b, uint64_t remote_off,
		 const struct iovec *local)
{
	struct ofi_in *in = container_of(b->in, struct ofi_in, in);
	struct ofi_frame f = {
		.kind = OFI_COPY,
		.call_id = in->frame.call_id,
		.msg_bytes = OFI_COPY_BYTES,
	};
	struct ofi_copy c = {
		.cookie = prng_next(&o->prng),
		.remote_off = remote_off,
		.bytes = local->iov_len,
		.addr = (uint64_t)(uintptr_t)local->iov_base,
		.op = b->op,
	};
	void *msg;

	r->cookie = c.cookie;
	if (ofi_tx_frame(o, in->dst, in->src_id, &f, NULL, &msg) != 0)
		return -DER_AGAIN;
	ofi_copy_encode(&c, msg);
	return 0;
}

/* Copy @n bytes between our @near and @far of the process @pid. */
static int copy_piece(struct ofi *o, pid_t pid, bool from_peer, uint8_t *near, uint64_t far,
		      uint64_t n)
{
	while (n > 0) {
		struct iovec l = { .iov_base = near, .iov_len = n };
		struct iovec r = { .iov_base = (void *)(uintptr_t)far, .iov_len = n };
		ssize_t did = from_peer ? process_vm_readv(pid, &l, 1, &r, 1, 0)
					: process_vm_writev(pid, &l, 1, &r, 1, 0);

		if (did < 0 && errno == EPERM) {
			ofi_log(&o->opts, RT_LOG_ERROR,
				"pid=%d may not be copied from or to: see ptrace_scope", (int)pid);
			return -DER_NO_PERM;
		}
		if (did <= 0)
			return -DER_INVAL;
		near += did;
		far += (uint64_t)did;
		n -= (uint64_t)did;
	}
	return 0;
}

/* What a peer asks must fit what the call exposes to it now. */
static int copy_check(struct ofi *o, struct ofi_dst *dst, const struct ofi_frame *f,
		      const struct ofi_copy *c, struct ofi_call **ret_call)
{
	struct ofi_call *call = ofi_call_find(o, f->call_id);
	uint32_t need = c->op == RT_BULK_GET ? RT_ACCESS_READ : RT_ACCESS_WRITE;
	uint64_t whole;

	if (call == NULL || call->dst != dst || !call->exposed)
		return -DER_CANCELED;
	if (c->op != RT_BULK_GET && c->op != RT_BULK_PUT)
		return -DER_INVAL;
	whole = call->call->expose->bytes;
	if (c->remote_off > whole || c->bytes > whole - c->remote_off)
		return -DER_INVAL;
	if ((call->call->access & need) == 0)
		return -DER_NO_PERM;
	*ret_call = call;
	return 0;
}

static int copy_run(struct ofi *o, struct ofi_dst *dst, const struct ofi_frame *f,
		    const struct ofi_copy *c)
{
	uint64_t off = c->remote_off;
	uint64_t done = 0;
	struct ofi_call *call;
	const struct buf *b;
	uint32_t i;
	int rc;

	rc = copy_check(o, dst, f, c, &call);
	b = rc == 0 ? call->call->expose : NULL;
	for (i = 0; rc == 0 && done < c->bytes; i++) {
		const struct bseg *s = &b->segs[i];
		uint64_t n;

		if (off >= s->bytes) {
			off -= s->bytes;
			continue;
		}
		n = min_u64(s->bytes - off, c->bytes - done);
		rc = copy_piece(o, dst->pid, c->op == RT_BULK_PUT, (uint8_t *)s->ptr + off,
				c->addr + done, n);
		done += n;
		off = 0;
	}
	return rc;
}

void ofi_copy_do(struct ofi *o, struct ofi_dst *dst, uint64_t src_id, const struct ofi_frame *f)
{
	struct ofi_copy c = ofi_copy_decode(f);
	struct ofi_frame answer = {
		.kind = OFI_COPIED,
		.call_id = c.cookie,
		.msg_bytes = OFI_COPIED_BYTES,
	};
	int rc = copy_run(o, dst, f, &c);
	void *msg;

	if (ofi_tx_frame(o, dst, src_id, &answer, NULL, &msg) == 0)
		ofi_copied_encode(rc, msg);
	else
		o->stats.replies_dropped++;
}

void ofi_copy_done(struct ofi *o, struct ofi_dst *dst, const struct ofi_frame *f)
{
	struct list *pos;

	list_for_each(pos, &o->rma_busy) {
		struct ofi_rma *r = list_entry(pos, struct ofi_rma, link);

		if (r->cookie != f->call_id ||
		    container_of(r->bulk->in, struct ofi_in, in)->dst != dst)
			continue;
		ofi_bulk_op_done(o, r, ofi_copied_decode(f));
		return;
	}
	o->stats.frames_stale++;
}

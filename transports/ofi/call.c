/*
 * Calls: a slot each, found again by a number that holds a fresh random generation, so that a reply
 * which is late, or made up, fits none. Callbacks run from the poll, never from a submit or a cancel.
 */
#include "transports/ofi/ofi_int.h"

/* ---- slots ------------------------------------------------------------------------------------ */

static int call_grow(struct ofi *o)
{
	struct ofi_call *chunk;
	uint32_t i;

	chunk = ofi_alloc(o, OFI_CALL_CHUNK * sizeof(*chunk), 0);
	if (chunk == NULL)
		return -DER_NOMEM;
	for (i = 0; i < OFI_CALL_CHUNK; i++) {
		chunk[i].idx = o->chunk_count * OFI_CALL_CHUNK + i;
		list_add_tail(&o->call_free, &chunk[i].link);
	}
	o->chunks[o->chunk_count++] = chunk;
	return 0;
}

static struct ofi_call *call_get(struct ofi *o)
{
	struct ofi_call *c;

	if (list_empty(&o->call_free) && call_grow(o) != 0)
		return NULL;
	c = list_first(&o->call_free, struct ofi_call, link);
	list_del(&c->link);
	*c = (struct ofi_call){ .idx = c->idx };
	list_init(&c->link);
	c->gen = (uint32_t)prng_next(&o->prng);
	c->mrs = c->mr_first;
	o->call_count++;
	return c;
}

static void call_put(struct ofi *o, struct ofi_call *c)
{
	ASSERT(c->mr_count == 0);
	if (c->mrs != c->mr_first)
		ofi_free(o, c->mrs);
	if (c->dst != NULL)
		ofi_dst_put(o, c->dst);
	c->state = OFI_CALL_FREE;
	o->call_count--;
	list_add(&o->call_free, &c->link);
}

uint64_t ofi_call_id(const struct ofi_call *c)
{
	return (uint64_t)c->gen << 32 | c->idx;
}

struct ofi_call *ofi_call_find(struct ofi *o, uint64_t id)
{
	uint32_t idx = (uint32_t)id;
	struct ofi_call *c;

	if (idx / OFI_CALL_CHUNK >= o->chunk_count)
		return NULL;
	c = &o->chunks[idx / OFI_CALL_CHUNK][idx % OFI_CALL_CHUNK];
	if (c->gen != (uint32_t)(id >> 32) || c->state == OFI_CALL_FREE ||
	    c->state == OFI_CALL_DONE)
		return NULL;
	return c;
}

/* ---- exposing memory -------------------------------------------------------------------------- */

/* Segments of @buf that differ: neighbours in memory count as one. */
static uint32_t expose_gather(const struct buf *buf, struct iovec *iov, uint32_t cap)
{
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < buf->nr; i++) {
		const struct bseg *s = &buf->segs[i];

		if (s->bytes == 0)
			continue;
		if (n > 0 && n <= cap &&
		    (uint8_t *)iov[n - 1].iov_base + iov[n - 1].iov_len == (uint8_t *)s->ptr) {
			iov[n - 1].iov_len += s->bytes;
			continue;
		}
		if (n < cap)
			iov[n] = (struct iovec){ .iov_base = s->ptr, .iov_len = s->bytes };
		n++;
	}
	return n;
}

void ofi_call_unexpose(struct ofi *o, struct ofi_call *c)
{
	(void)o;
	while (c->mr_count > 0)
		ofi_mr_close(c->mrs[--c->mr_count]);
	c->exposed = false;
}

static int call_expose(struct ofi *o, struct ofi_call *c, const struct rt_call *call,
		       struct ofi_seg *segs, uint32_t *ret_count)
{
	struct iovec iov[RT_EXPOSE_MAX_SEGS];
	uint64_t access = 0;
	uint32_t n;
	uint32_t i;
	int rc;

	if (!buf_is_bytes(call->expose) || call->access == 0 ||
	    (call->access & ~(uint32_t)(RT_ACCESS_READ | RT_ACCESS_WRITE)) != 0)
		return -DER_INVAL;
	n = expose_gather(call->expose, iov, RT_EXPOSE_MAX_SEGS);
	if (n > RT_EXPOSE_MAX_SEGS)
		return -DER_NOSPACE;
	if (n > ARRAY_COUNT(c->mr_first) && o->prov->revoke != OFI_REVOKE_OWN) {
		c->mrs = ofi_alloc(o, n * sizeof(struct fid_mr *), 0);
		if (c->mrs == NULL) {
			c->mrs = c->mr_first;
			return -DER_NOMEM;
		}
	}
	if ((call->access & RT_ACCESS_READ) != 0)
		access |= FI_REMOTE_READ;
	if ((call->access & RT_ACCESS_WRITE) != 0)
		access |= FI_REMOTE_WRITE;
	*ret_count = n;
	if (o->prov->revoke == OFI_REVOKE_OWN) {
		for (i = 0; i < n; i++)
			segs[i] = (struct ofi_seg){ .bytes = iov[i].iov_len };
		c->exposed = true;
		return 0;
	}
	for (i = 0; i < n; i++) {
		rc = ofi_mr_open(&o->mrs, iov[i].iov_base, iov[i].iov_len, access, &c->mrs[i]);
		if (rc != 0) {
			ofi_call_unexpose(o, c);
			return rc;
		}
		c->mr_count++;
		segs[i] = ofi_mr_seg(&o->mrs, c->mrs[i], iov[i].iov_base, iov[i].iov_len);
	}
	c->exposed = true;
	return 0;
}

/* ---- submit ----------------------------------------------------------------------------------- */

/*
 * Before the first call to a peer, ask who it is. Whoever answers a later ping instead is another
 * process at the same address, which never saw the call.
 */
static int call_hello(struct ofi *o, struct ofi_dst *dst)
{
	uint64_t nonce;
	int rc;

	if (dst->remote_id != 0 || dst->hello_nonce != 0)
		return 0;
	nonce = prng_next(&o->prng) | 1;
	rc = ofi_tx_word(o, dst, 0, OFI_PING, nonce);
	if (rc == 0)
		dst->hello_nonce = nonce;
	return rc;
}

static int call_send(struct ofi *o, struct ofi_call *c, struct rt_call *call)
{
	struct ofi_seg segs[RT_EXPOSE_MAX_SEGS];
	struct ofi_frame f = {
		.kind = OFI_REQUEST,
		.call_id = ofi_call_id(c),
		.msg_bytes = (uint32_t)call->msg.bytes,
	};
	struct bseg seg;
	struct buf dst;
	void *ptr;
	int rc;

	if (call->expose != NULL && call->expose->bytes > 0) {
		rc = call_expose(o, c, call, segs, &f.seg_count);
		if (rc != 0)
			return rc;
		f.access = call->access;
		f.expose_bytes = call->expose->bytes;
	}
	rc = call_hello(o, c->dst);
	if (rc == 0)
		rc = ofi_tx_frame(o, c->dst, c->dst->remote_id, &f, segs, &ptr);
	if (rc != 0) {
		ofi_call_unexpose(o, c);
		return rc;
	}
	dst = buf_from_bytes(&seg, ptr, call->msg.bytes);
	rc = buf_copy(&dst, 0, &call->msg, 0, call->msg.bytes);
	ASSERT(rc == 0);	/* bytes into bytes of the same size */
	return 0;
}

int ofi_net_call(void *ctx, struct rt_call *call)
{
	struct ofi_dst *dst = call->peer->dst;
	struct ofi *o = ctx;
	struct ofi_call *c;
	int rc;

	ASSERT(call->done != NULL);
	if (call->msg.bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	if (!buf_is_bytes(&call->msg))
		return -DER_INVAL;
	if (o->call_count >= o->opts.call_max)
		return -DER_AGAIN;
	c = call_get(o);
	if (c == NULL)
		return -DER_NOMEM;
	c->call = call;
	c->dst = dst;
	dst->refs++;
	rc = call_send(o, c, call);
	if (rc != 0) {
		call_put(o, c);
		return rc;
	}
	c->state = OFI_CALL_WAIT;
	call->priv[0] = (uint64_t)(uintptr_t)c;
	if (list_empty(&dst->calls))
		dst->heard_ns = ofi_now(o);	/* its silence begins to count */
	list_add_tail(&dst->calls, &c->link);
	ofi_dst_busy(o, dst);
	return 0;
}

/* ---- ends ------------------------------------------------------------------------------------- */

void ofi_call_finish(struct ofi *o, struct ofi_call *c, int rc)
{
	ofi_call_unexpose(o, c);
	list_del(&c->link);
	c->state = OFI_CALL_DONE;
	c->rc = rc;
	list_add_tail(&o->finished, &c->link);
}

void ofi_call_reply(struct ofi *o, struct ofi_call *c, struct rt_in *reply)
{
	c->reply = reply;
	ofi_call_finish(o, c, 0);
}

/* A reply that cannot be one. Its sender is not to be trusted with our memory any longer. */
void ofi_call_bad(struct ofi *o, struct ofi_call *c)
{
	if (c->state == OFI_CALL_LOST)
		return;
	c->rc = -DER_PROTO;
	if (c->exposed && o->prov->revoke == OFI_REVOKE_CONN) {
		c->state = OFI_CALL_REVOKING;	/* keeps its rc */
		ofi_dst_lost(o, c->dst, "sent a malformed reply");
	} else {
		ofi_call_finish(o, c, -DER_PROTO);
	}
}

void ofi_call_revoked(struct ofi *o, struct ofi_call *c)
{
	ofi_call_finish(o, c, c->rc);
}

void ofi_net_cancel(void *ctx, struct rt_call *call)
{
	struct ofi_call *c = (struct ofi_call *)(uintptr_t)call->priv[0];
	struct ofi *o = ctx;

	if (c == NULL || c->call != call || c->state != OFI_CALL_WAIT)
		return;		/* it is ending already */
	if (!c->exposed) {
		ofi_call_finish(o, c, -DER_CANCELED);
		return;
	}
	o->stats.revokes++;
	/* When no packet is left to ask with, patience simply ends. */
	(void)ofi_tx_word(o, c->dst, c->dst->remote_id, OFI_REVOKE, ofi_call_id(c));
	if (o->prov->revoke == OFI_REVOKE_MR || o->prov->revoke == OFI_REVOKE_OWN) {
		ofi_call_finish(o, c, -DER_CANCELED);
		return;
	}
	c->state = OFI_CALL_REVOKING;
	c->rc = -DER_CANCELED;
	c->revoke_ns = ofi_now(o) + o->opts.revoke_ns;
	ofi_dst_busy(o, c->dst);
	ofi_tick_soon(o, o->opts.revoke_ns);
}

int ofi_call_run_finished(struct ofi *o)
{
	struct list todo;
	int n = 0;

	list_init(&todo);
	list_splice_tail(&todo, &o->finished);
	while (!list_empty(&todo)) {
		struct ofi_call *c = list_first(&todo, struct ofi_call, link);
		struct rt_call *call = c->call;
		struct rt_in *reply = c->reply;
		int rc = c->rc;

		list_del(&c->link);
		call->priv[0] = 0;
		call_put(o, c);
		call->done(call, rc, reply);
		n++;
	}
	return n;
}

void ofi_call_fini(struct ofi *o)
{
	ASSERT(o->call_count == 0);
	while (o->chunk_count > 0)
		ofi_free(o, o->chunks[--o->chunk_count]);
	ofi_free(o, o->chunks);
}

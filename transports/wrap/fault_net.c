/* The network half of the faulty interposer. */
#include "transports/wrap/fault_int.h"

#define RETRY_NS 1000u		/* of a delayed submit that found the backend's queue full */

struct rt_peer {
	struct rt_peer *inner;
	uint32_t refs;		/* the layer above, and repeats that are to come */
	char uri[RT_URI_MAX];
};

enum call_state {
	CALL_SENT = 1,	/* the inner backend has it */
	CALL_DELAYED,	/* the timer will send it */
	CALL_LOST,	/* nobody has it: only a cancel or the peer's death ends it */
	CALL_ENDING,	/* the timer will complete it with rc */
};

struct fault_call {
	struct rt_call inner;
	struct rt_call *outer;
	struct wrap_fault *f;
	struct list link;
	struct rt_timer timer;
	enum call_state state;
	int rc;
	bool peer_died;
	struct buf damaged;	/* copy of the message, if it was damaged */
};

/* The same request once more, later. */
struct fault_repeat {
	struct rt_call call;
	struct wrap_fault *f;
	struct list link;
	struct rt_timer timer;
	struct rt_peer *peer;
	struct buf msg;
	struct buf expose;
	struct bseg expose_seg;
	bool sent;
};

struct fault_reply {
	struct wrap_fault *f;
	struct list link;
	struct rt_timer timer;
	struct rt_in *in;
	struct buf msg;
	bool release;		/* the layer above has released the request meanwhile */
};

struct fault_bulk {
	struct rt_bulk inner;
	struct rt_bulk *outer;
	struct wrap_fault *f;
	struct buf damaged;
};

/* ---- peers -------------------------------------------------------------------------------- */

static int net_peer_open(void *ctx, const char *uri, struct rt_peer **ret_peer)
{
	struct wrap_fault *f = ctx;
	struct rt_peer *p;
	int rc;

	if (strnlen(uri, RT_URI_MAX) == RT_URI_MAX)
		return -DER_INVAL;
	p = rt_alloc(f->rt, sizeof(*p));
	if (p == NULL)
		return -DER_NOMEM;
	rc = f->inner.net->peer_open(f->inner.net_ctx, uri, &p->inner);
	if (rc != 0) {
		rt_free(f->rt, p);
		return rc;
	}
	p->refs = 1;
	memcpy(p->uri, uri, strlen(uri));
	*ret_peer = p;
	return 0;
}

static void peer_put(struct wrap_fault *f, struct rt_peer *p)
{
	if (--p->refs > 0)
		return;
	f->inner.net->peer_close(f->inner.net_ctx, p->inner);
	rt_free(f->rt, p);
}

static void net_peer_close(void *ctx, struct rt_peer *peer)
{
	peer_put(ctx, peer);
}

static enum fault_peer peer_state(struct wrap_fault *f, const struct rt_peer *p)
{
	struct fault_addr *a = fault_addr_find(f, p->uri);

	return a != NULL ? a->state : FAULT_PEER_UP;
}

/* ---- calls -------------------------------------------------------------------------------- */

static void call_free(struct fault_call *fc)
{
	struct wrap_fault *f = fc->f;

	rt_timer_cancel(f->rt, &fc->timer);
	list_del(&fc->link);
	fc->outer->priv[0] = 0;
	wrap_buf_free(f->rt, &fc->damaged);
	rt_free(f->rt, fc);
}

static void call_complete(struct fault_call *fc, int rc, struct rt_in *reply)
{
	struct rt_call *outer = fc->outer;

	call_free(fc);
	outer->done(outer, rc, reply);
}

static void call_end_later(struct fault_call *fc, int rc, uint64_t at_ns)
{
	fc->state = CALL_ENDING;
	fc->rc = rc;
	rt_timer_arm(fc->f->rt, &fc->timer, at_ns);
}

static void call_inner_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct fault_call *fc = container_of(call, struct fault_call, inner);
	struct wrap_fault *f = fc->f;

	if (rc == 0 && peer_state(f, fc->outer->peer) == FAULT_PEER_SILENT) {
		f->inner.net->release(f->inner.net_ctx, reply);
		fc->state = CALL_LOST;
		return;
	}
	if (fc->peer_died) {
		if (reply != NULL)
			f->inner.net->release(f->inner.net_ctx, reply);
		rc = -DER_UNREACH;
		reply = NULL;
	}
	call_complete(fc, rc, reply);
}

static int call_send(struct fault_call *fc)
{
	struct wrap_fault *f = fc->f;
	int rc;

	memset(fc->inner.priv, 0, sizeof(fc->inner.priv));
	rc = f->inner.net->call(f->inner.net_ctx, &fc->inner);
	if (rc == 0)
		fc->state = CALL_SENT;
	return rc;
}

static void call_timer(struct rt_timer *t)
{
	struct fault_call *fc = container_of(t, struct fault_call, timer);
	int rc = fc->rc;

	if (fc->state == CALL_DELAYED) {
		rc = call_send(fc);
		if (rc == -DER_AGAIN)
			rt_timer_arm(fc->f->rt, t, rt_now_ns(fc->f->rt) + RETRY_NS);
		if (rc == 0 || rc == -DER_AGAIN)
			return;
	}
	call_complete(fc, rc, NULL);
}

/* ---- repeats ------------------------------------------------------------------------------ */

static void repeat_free(struct fault_repeat *r)
{
	struct wrap_fault *f = r->f;

	rt_timer_cancel(f->rt, &r->timer);
	list_del(&r->link);
	wrap_buf_free(f->rt, &r->msg);
	peer_put(f, r->peer);
	rt_free(f->rt, r);
}

static void repeat_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct fault_repeat *r = container_of(call, struct fault_repeat, call);

	(void)rc;	/* nobody asked for it */
	if (reply != NULL)
		r->f->inner.net->release(r->f->inner.net_ctx, reply);
	repeat_free(r);
}

static void repeat_timer(struct rt_timer *t)
{
	struct fault_repeat *r = container_of(t, struct fault_repeat, timer);
	struct wrap_fault *f = r->f;

	if (peer_state(f, r->peer) != FAULT_PEER_UP ||
	    f->inner.net->call(f->inner.net_ctx, &r->call) != 0) {
		repeat_free(r);
		return;
	}
	r->sent = true;
	/* It is under way and nobody waits for it. The memory of the first is not this one's to
	 * offer: what stands for it is gone at once. */
	f->inner.net->cancel(f->inner.net_ctx, &r->call);
}

/* Without memory for it, a repeat just does not happen. */
static void repeat_later(struct wrap_fault *f, const struct rt_call *call)
{
	struct fault_repeat *r = rt_alloc(f->rt, sizeof(*r));

	if (r == NULL)
		return;
	if (wrap_buf_clone(f->rt, &call->msg, 0, &r->msg) != 0) {
		rt_free(f->rt, r);
		return;
	}
	r->f = f;
	r->peer = call->peer;
	r->peer->refs++;
	r->call = (struct rt_call){ .peer = call->peer->inner, .msg = r->msg, .done = repeat_done,
				    .access = call->access };
	if (call->expose != NULL) {
		r->expose = buf_from_gen(&r->expose_seg, 0, 0, call->expose->bytes);
		r->call.expose = &r->expose;
	}
	r->timer.fn = repeat_timer;
	list_add_tail(&f->repeats, &r->link);
	rt_timer_arm(f->rt, &r->timer, fault_later_ns(f));
}

/* ---- submit and cancel -------------------------------------------------------------------- */

/* Damage a copy of what stands behind the first segment. */
static int call_damage(struct fault_call *fc)
{
	struct wrap_fault *f = fc->f;
	uint64_t head = fc->inner.msg.nr > 0 ? fc->inner.msg.segs[0].bytes : 0;
	uint64_t payload = fc->inner.msg.bytes - head;
	int rc;

	if (payload == 0 || !fault_strikes(f, FAULT_CORRUPT_REQUEST))
		return 0;
	rc = wrap_buf_clone(f->rt, &fc->inner.msg, 2, &fc->damaged);
	if (rc != 0)
		return rc;
	wrap_buf_damage(&fc->damaged, fc->damaged.nr + 2, head + prng_below(&f->details, payload),
			prng_next(&f->details));
	fc->inner.msg = fc->damaged;
	return 0;
}

/* Decide what becomes of a fresh call. */
static int call_begin(struct fault_call *fc)
{
	struct wrap_fault *f = fc->f;
	struct rt_peer *peer = fc->outer->peer;
	bool drop = fault_strikes(f, FAULT_DROP_REQUEST);
	bool delay = fault_strikes(f, FAULT_DELAY_REQUEST);
	bool repeat = fault_strikes(f, FAULT_REPEAT_REQUEST);
	int rc;

	if (fault_strikes(f, FAULT_KILL_PEER)) {
		rc = wrap_fault_peer(f, peer->uri, FAULT_PEER_DEAD);
		if (rc != 0)
			return rc;
	}
	if (peer_state(f, peer) == FAULT_PEER_DEAD) {
		call_end_later(fc, -DER_UNREACH, rt_now_ns(f->rt));
		return 0;
	}
	if (drop || peer_state(f, peer) == FAULT_PEER_SILENT) {
		fc->state = CALL_LOST;
		return 0;
	}
	if (delay) {
		fc->state = CALL_DELAYED;
		rt_timer_arm(f->rt, &fc->timer, fault_later_ns(f));
		return 0;
	}
	rc = call_send(fc);
	if (rc == 0 && repeat)
		repeat_later(f, fc->outer);
	return rc;
}

static int net_call(void *ctx, struct rt_call *call)
{
	struct wrap_fault *f = ctx;
	struct fault_call *fc;
	int rc;

	if (call->msg.bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	fc = rt_alloc(f->rt, sizeof(*fc));
	if (fc == NULL)
		return -DER_NOMEM;
	*fc = (struct fault_call){ .outer = call, .f = f, .timer.fn = call_timer };
	fc->inner = (struct rt_call){ .peer = call->peer->inner, .msg = call->msg,
				      .expose = call->expose, .access = call->access,
				      .done = call_inner_done };
	list_init(&fc->link);
	rc = call_damage(fc);
	if (rc == 0)
		rc = call_begin(fc);
	if (rc != 0) {
		call_free(fc);
		return rc;
	}
	list_add_tail(&f->calls, &fc->link);
	call->priv[0] = (uint64_t)(uintptr_t)fc;
	return 0;
}

static void net_cancel(void *ctx, struct rt_call *call)
{
	struct wrap_fault *f = ctx;
	struct fault_call *fc = (struct fault_call *)(uintptr_t)call->priv[0];

	if (fc == NULL)
		return;
	if (fc->state == CALL_SENT)
		f->inner.net->cancel(f->inner.net_ctx, &fc->inner);
	else if (fc->state != CALL_ENDING)
		call_end_later(fc, -DER_CANCELED, rt_now_ns(f->rt));
}

void fault_net_peer_changed(struct wrap_fault *f, const struct fault_addr *a)
{
	struct list *pos, *tmp;

	if (a->state != FAULT_PEER_DEAD)
		return;		/* silence shows when a reply comes */
	list_for_each_safe(pos, tmp, &f->calls) {
		struct fault_call *fc = list_entry(pos, struct fault_call, link);

		if (strcmp(fc->outer->peer->uri, a->uri) != 0)
			continue;
		if (fc->state == CALL_SENT) {
			fc->peer_died = true;
			f->inner.net->cancel(f->inner.net_ctx, &fc->inner);
		} else if (fc->state != CALL_ENDING) {
			call_end_later(fc, -DER_UNREACH, rt_now_ns(f->rt));
		}
	}
}

/* ---- replies ------------------------------------------------------------------------------ */

static void reply_free(struct fault_reply *r)
{
	struct wrap_fault *f = r->f;

	rt_timer_cancel(f->rt, &r->timer);
	list_del(&r->link);
	if (r->release)
		f->inner.net->release(f->inner.net_ctx, r->in);
	wrap_buf_free(f->rt, &r->msg);
	rt_free(f->rt, r);
}

static void reply_timer(struct rt_timer *t)
{
	struct fault_reply *r = container_of(t, struct fault_reply, timer);

	/* If it cannot be sent now, it is lost: the requester sees its deadline. */
	(void)r->f->inner.net->reply(r->f->inner.net_ctx, r->in, &r->msg);
	reply_free(r);
}

static int reply_later(struct wrap_fault *f, struct rt_in *in, const struct buf *msg)
{
	struct fault_reply *r = rt_alloc(f->rt, sizeof(*r));
	int rc;

	if (r == NULL)
		return -DER_NOMEM;
	*r = (struct fault_reply){ .f = f, .in = in, .timer.fn = reply_timer };
	rc = wrap_buf_clone(f->rt, msg, 0, &r->msg);
	if (rc != 0) {
		rt_free(f->rt, r);
		return rc;
	}
	list_add_tail(&f->replies, &r->link);
	rt_timer_arm(f->rt, &r->timer, fault_later_ns(f));
	return 0;
}

static int net_reply(void *ctx, struct rt_in *in, const struct buf *msg)
{
	struct wrap_fault *f = ctx;
	uint64_t head = msg->nr > 0 ? msg->segs[0].bytes : 0;
	struct buf damaged = BUF_EMPTY;
	int rc;

	if (msg->bytes > RT_MSG_MAX_BYTES)
		return -DER_OVERFLOW;
	if (fault_strikes(f, FAULT_DROP_REPLY))
		return 0;
	if (msg->bytes > head && fault_strikes(f, FAULT_CORRUPT_REPLY)) {
		rc = wrap_buf_clone(f->rt, msg, 2, &damaged);
		if (rc != 0)
			return rc;
		wrap_buf_damage(&damaged, damaged.nr + 2,
				head + prng_below(&f->details, msg->bytes - head),
				prng_next(&f->details));
		msg = &damaged;
	}
	if (fault_strikes(f, FAULT_DELAY_REPLY))
		rc = reply_later(f, in, msg);
	else
		rc = f->inner.net->reply(f->inner.net_ctx, in, msg);
	wrap_buf_free(f->rt, &damaged);
	return rc;
}

static void net_release(void *ctx, struct rt_in *in)
{
	struct wrap_fault *f = ctx;
	struct list *pos;

	list_for_each(pos, &f->replies) {
		struct fault_reply *r = list_entry(pos, struct fault_reply, link);

		if (r->in == in) {
			r->release = true;
			return;
		}
	}
	f->inner.net->release(f->inner.net_ctx, in);
}

/* ---- bulk --------------------------------------------------------------------------------- */

static void bulk_inner_done(struct rt_bulk *bulk, int rc)
{
	struct fault_bulk *fb = container_of(bulk, struct fault_bulk, inner);
	struct wrap_fault *f = fb->f;
	struct rt_bulk *outer = fb->outer;

	if (rc == 0 && outer->op == RT_BULK_GET && outer->local.bytes > 0 &&
	    fault_strikes(f, FAULT_CORRUPT_GET))
		wrap_buf_damage(&outer->local, outer->local.nr,
				prng_below(&f->details, outer->local.bytes),
				prng_next(&f->details));
	f->outstanding--;
	wrap_buf_free(f->rt, &fb->damaged);
	rt_free(f->rt, fb);
	outer->done(outer, rc);
}

static int net_bulk(void *ctx, struct rt_bulk *bulk)
{
	struct wrap_fault *f = ctx;
	struct fault_bulk *fb = rt_alloc(f->rt, sizeof(*fb));
	int rc = 0;

	if (fb == NULL)
		return -DER_NOMEM;
	*fb = (struct fault_bulk){ .outer = bulk, .f = f };
	fb->inner = (struct rt_bulk){ .in = bulk->in, .op = bulk->op,
				      .remote_off = bulk->remote_off, .local = bulk->local,
				      .done = bulk_inner_done };
	if (bulk->op == RT_BULK_PUT && bulk->local.bytes > 0 &&
	    fault_strikes(f, FAULT_CORRUPT_PUT)) {
		rc = wrap_buf_clone(f->rt, &bulk->local, 2, &fb->damaged);
		if (rc == 0) {
			wrap_buf_damage(&fb->damaged, fb->damaged.nr + 2,
					prng_below(&f->details, bulk->local.bytes),
					prng_next(&f->details));
			fb->inner.local = fb->damaged;
		}
	}
	if (rc == 0)
		rc = f->inner.net->bulk(f->inner.net_ctx, &fb->inner);
	if (rc != 0) {
		wrap_buf_free(f->rt, &fb->damaged);
		rt_free(f->rt, fb);
		return rc;
	}
	f->outstanding++;
	return 0;
}

static int net_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_fault *f = ctx;

	if (f->inner.net->mem_add == NULL)
		return 0;
	return f->inner.net->mem_add(f->inner.net_ctx, ptr, bytes);
}

static void net_mem_del(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_fault *f = ctx;

	if (f->inner.net->mem_del != NULL)
		f->inner.net->mem_del(f->inner.net_ctx, ptr, bytes);
}

const struct rt_net_ops fault_net_ops = {
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

bool wrap_fault_idle(const struct wrap_fault *f)
{
	return f->outstanding == 0 && list_empty(&f->calls) && list_empty(&f->repeats) &&
	       list_empty(&f->replies);
}

void fault_net_fini(struct wrap_fault *f)
{
	while (!list_empty(&f->replies))
		reply_free(list_first(&f->replies, struct fault_reply, link));
	while (!list_empty(&f->repeats)) {
		struct fault_repeat *r = list_first(&f->repeats, struct fault_repeat, link);

		ASSERT(!r->sent);	/* the inner backend would complete into freed memory */
		repeat_free(r);
	}
}

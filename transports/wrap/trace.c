#include "transports/wrap/trace.h"

#include <stdio.h>

#include "transports/wrap/wrap_int.h"

struct rt_peer {
	struct rt_peer *inner;
	uint64_t uri_hash;
};

struct trace_dev {
	struct rt_dev dev;
	struct rt_dev *inner;
	uint64_t name_hash;
};

struct wrap_trace {
	struct rt *rt;
	struct rt_ops inner;
	struct trace_log *log;
	uint32_t flags;
	uint32_t outstanding;
	uint64_t next_seq;
};

/* Stand-ins that go to the inner backend in place of the requests of the layer above. */
struct trace_call {
	struct rt_call inner;
	struct rt_call *outer;
	struct wrap_trace *t;
	uint64_t seq;
};

struct trace_bulk {
	struct rt_bulk inner;
	struct rt_bulk *outer;
	struct wrap_trace *t;
	uint64_t seq;
};

struct trace_io {
	struct rt_io inner;
	struct rt_io *outer;
	struct wrap_trace *t;
	uint64_t seq;
};

/* ---- events ------------------------------------------------------------------------------- */

enum event_kind {
	EV_CALL = 1,
	EV_CALL_DONE,
	EV_CANCEL,
	EV_REPLY,
	EV_BULK,
	EV_BULK_DONE,
	EV_IO,
	EV_IO_DONE,
};

struct event {
	struct wrap_trace *t;
	enum event_kind kind;
	uint64_t now_ns;
	uint64_t seq;
	int64_t rc;
	uint64_t v[5];		/* by kind, as the names below */
};

static const struct {
	const char *name;
	const char *values[5];
} event_names[] = {
	[EV_CALL] = { "call", { "peer", "bytes", "expose", "access", "content" } },
	[EV_CALL_DONE] = { "call_done", { "bytes", "content" } },
	[EV_CANCEL] = { "cancel", { NULL } },
	[EV_REPLY] = { "reply", { "bytes", "content" } },
	[EV_BULK] = { "bulk", { "op", "off", "bytes", "content" } },
	[EV_BULK_DONE] = { "bulk_done", { "bytes" } },
	[EV_IO] = { "io", { "dev", "op", "off", "bytes", "content" } },
	[EV_IO_DONE] = { "io_done", { "op", "bytes" } },
};

static void event_print(void *arg)
{
	const struct event *e = arg;
	char line[TRACE_LINE_BYTES];
	int n = snprintf(line, sizeof(line), "%llu.%09llu stream=%llu %s seq=%llu rc=%s",
			 (unsigned long long)(e->now_ns / 1000000000u),
			 (unsigned long long)(e->now_ns % 1000000000u),
			 (unsigned long long)e->t->rt->id, event_names[e->kind].name,
			 (unsigned long long)e->seq, e->rc == 0 ? "0" : err_name((int)e->rc));

	for (uint32_t i = 0; i < 5 && event_names[e->kind].values[i] != NULL; i++) {
		if (n < 0 || (size_t)n >= sizeof(line))
			break;
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %s=%llu",
			      event_names[e->kind].values[i], (unsigned long long)e->v[i]);
	}
	e->t->log->line(e->t->log->line_arg, line);
}

static void event_log(struct event *e)
{
	struct trace_log *log = e->t->log;
	uint64_t h = log->digest;

	e->now_ns = (e->t->flags & TRACE_NO_TIME) ? 0 : rt_now_ns(e->t->rt);
	h = mix64_2(h, e->now_ns);
	h = mix64_2(h, e->t->rt->id);
	h = mix64_2(h, (uint64_t)e->kind);
	h = mix64_2(h, e->seq);
	h = mix64_2(h, (uint64_t)e->rc);
	for (uint32_t i = 0; i < 5; i++)
		h = mix64_2(h, e->v[i]);
	log->digest = h;
	log->events++;
	if (log->line != NULL)
		rt_on_big_stack(e->t->rt, event_print, e);
}

static uint64_t content_of(const struct wrap_trace *t, const struct buf *b)
{
	if (!(t->flags & TRACE_CONTENT))
		return 0;
	for (uint32_t i = 0; i < b->nr; i++)
		if (b->segs[i].kind == BSEG_SINK)
			return 0;
	return buf_fingerprint(b, 0, b->bytes);
}

/* ---- network ------------------------------------------------------------------------------ */

static int trace_peer_open(void *ctx, const char *uri, struct rt_peer **ret_peer)
{
	struct wrap_trace *t = ctx;
	struct rt_peer *p = rt_alloc(t->rt, sizeof(*p));
	int rc;

	if (p == NULL)
		return -DER_NOMEM;
	rc = t->inner.net->peer_open(t->inner.net_ctx, uri, &p->inner);
	if (rc != 0) {
		rt_free(t->rt, p);
		return rc;
	}
	p->uri_hash = hash_bytes(uri, strlen(uri), 0);
	*ret_peer = p;
	return 0;
}

static void trace_peer_close(void *ctx, struct rt_peer *peer)
{
	struct wrap_trace *t = ctx;

	t->inner.net->peer_close(t->inner.net_ctx, peer->inner);
	rt_free(t->rt, peer);
}

static void call_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct trace_call *tc = container_of(call, struct trace_call, inner);
	struct rt_call *outer = tc->outer;
	struct event e = { .t = tc->t, .kind = EV_CALL_DONE, .seq = tc->seq, .rc = rc };

	if (reply != NULL) {
		e.v[0] = reply->msg.bytes;
		e.v[1] = content_of(tc->t, &reply->msg);
	}
	event_log(&e);
	tc->t->outstanding--;
	outer->priv[0] = 0;
	rt_free(tc->t->rt, tc);
	outer->done(outer, rc, reply);
}

static int trace_call(void *ctx, struct rt_call *call)
{
	struct wrap_trace *t = ctx;
	struct trace_call *tc = rt_alloc(t->rt, sizeof(*tc));
	struct event e = { .t = t, .kind = EV_CALL };

	if (tc == NULL)
		return -DER_NOMEM;
	*tc = (struct trace_call){ .outer = call, .t = t, .seq = ++t->next_seq };
	tc->inner = (struct rt_call){ .peer = call->peer->inner, .msg = call->msg,
				      .expose = call->expose, .access = call->access,
				      .done = call_done };
	e.seq = tc->seq;
	e.v[0] = call->peer->uri_hash;
	e.v[1] = call->msg.bytes;
	e.v[2] = call->expose != NULL ? call->expose->bytes : 0;
	e.v[3] = call->access;
	e.v[4] = content_of(t, &call->msg);
	e.rc = t->inner.net->call(t->inner.net_ctx, &tc->inner);
	if (e.rc == 0) {
		call->priv[0] = (uint64_t)(uintptr_t)tc;
		t->outstanding++;
	} else {
		rt_free(t->rt, tc);
	}
	event_log(&e);
	return (int)e.rc;
}

static void trace_cancel(void *ctx, struct rt_call *call)
{
	struct wrap_trace *t = ctx;
	struct trace_call *tc = (struct trace_call *)(uintptr_t)call->priv[0];
	struct event e = { .t = t, .kind = EV_CANCEL };

	if (tc == NULL)
		return;
	e.seq = tc->seq;
	event_log(&e);
	t->inner.net->cancel(t->inner.net_ctx, &tc->inner);
}

static int trace_reply(void *ctx, struct rt_in *req, const struct buf *msg)
{
	struct wrap_trace *t = ctx;
	struct event e = { .t = t, .kind = EV_REPLY, .seq = ++t->next_seq };

	e.v[0] = msg->bytes;
	e.v[1] = content_of(t, msg);
	e.rc = t->inner.net->reply(t->inner.net_ctx, req, msg);
	event_log(&e);
	return (int)e.rc;
}

static void bulk_done(struct rt_bulk *bulk, int rc)
{
	struct trace_bulk *tb = container_of(bulk, struct trace_bulk, inner);
	struct rt_bulk *outer = tb->outer;
	struct event e = { .t = tb->t, .kind = EV_BULK_DONE, .seq = tb->seq, .rc = rc };

	e.v[0] = outer->local.bytes;
	event_log(&e);
	tb->t->outstanding--;
	rt_free(tb->t->rt, tb);
	outer->done(outer, rc);
}

static int trace_bulk(void *ctx, struct rt_bulk *bulk)
{
	struct wrap_trace *t = ctx;
	struct trace_bulk *tb = rt_alloc(t->rt, sizeof(*tb));
	struct event e = { .t = t, .kind = EV_BULK };

	if (tb == NULL)
		return -DER_NOMEM;
	*tb = (struct trace_bulk){ .outer = bulk, .t = t, .seq = ++t->next_seq };
	tb->inner = (struct rt_bulk){ .in = bulk->in, .op = bulk->op,
				      .remote_off = bulk->remote_off, .local = bulk->local,
				      .done = bulk_done };
	e.seq = tb->seq;
	e.v[0] = bulk->op;
	e.v[1] = bulk->remote_off;
	e.v[2] = bulk->local.bytes;
	if (bulk->op == RT_BULK_PUT)
		e.v[3] = content_of(t, &bulk->local);
	e.rc = t->inner.net->bulk(t->inner.net_ctx, &tb->inner);
	if (e.rc == 0)
		t->outstanding++;
	else
		rt_free(t->rt, tb);
	event_log(&e);
	return (int)e.rc;
}

static void trace_release(void *ctx, struct rt_in *in)
{
	struct wrap_trace *t = ctx;

	t->inner.net->release(t->inner.net_ctx, in);
}

static int trace_net_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_trace *t = ctx;

	if (t->inner.net->mem_add == NULL)
		return 0;
	return t->inner.net->mem_add(t->inner.net_ctx, ptr, bytes);
}

static void trace_net_mem_del(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_trace *t = ctx;

	if (t->inner.net->mem_del != NULL)
		t->inner.net->mem_del(t->inner.net_ctx, ptr, bytes);
}

static const struct rt_net_ops trace_net_ops = {
	.peer_open = trace_peer_open,
	.peer_close = trace_peer_close,
	.call = trace_call,
	.cancel = trace_cancel,
	.reply = trace_reply,
	.bulk = trace_bulk,
	.release = trace_release,
	.mem_add = trace_net_mem_add,
	.mem_del = trace_net_mem_del,
};

/* ---- devices ------------------------------------------------------------------------------ */

static int trace_dev_open(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
			  struct rt_dev **ret_dev)
{
	struct wrap_trace *t = ctx;
	struct trace_dev *d = rt_alloc(t->rt, sizeof(*d));
	int rc;

	if (d == NULL)
		return -DER_NOMEM;
	rc = t->inner.blk->dev_open(t->inner.blk_ctx, name, bytes, flags, &d->inner);
	if (rc != 0) {
		rt_free(t->rt, d);
		return rc;
	}
	d->dev = *d->inner;
	d->name_hash = hash_bytes(name, strlen(name), 0);
	*ret_dev = &d->dev;
	return 0;
}

static void trace_dev_close(void *ctx, struct rt_dev *dev)
{
	struct wrap_trace *t = ctx;
	struct trace_dev *d = container_of(dev, struct trace_dev, dev);

	t->inner.blk->dev_close(t->inner.blk_ctx, d->inner);
	rt_free(t->rt, d);
}

static void io_done(struct rt_io *io, int rc)
{
	struct trace_io *ti = container_of(io, struct trace_io, inner);
	struct rt_io *outer = ti->outer;
	struct event e = { .t = ti->t, .kind = EV_IO_DONE, .seq = ti->seq, .rc = rc };

	e.v[0] = outer->op;
	e.v[1] = outer->buf.bytes;
	event_log(&e);
	ti->t->outstanding--;
	rt_free(ti->t->rt, ti);
	outer->done(outer, rc);
}

static int trace_submit(void *ctx, struct rt_io *io)
{
	struct wrap_trace *t = ctx;
	struct trace_dev *d = container_of(io->dev, struct trace_dev, dev);
	struct trace_io *ti = rt_alloc(t->rt, sizeof(*ti));
	struct event e = { .t = t, .kind = EV_IO };

	if (ti == NULL)
		return -DER_NOMEM;
	*ti = (struct trace_io){ .outer = io, .t = t, .seq = ++t->next_seq };
	ti->inner = (struct rt_io){ .dev = d->inner, .op = io->op, .off = io->off, .buf = io->buf,
				    .done = io_done };
	e.seq = ti->seq;
	e.v[0] = d->name_hash;
	e.v[1] = io->op;
	e.v[2] = io->off;
	e.v[3] = io->buf.bytes;
	if (io->op == RT_IO_WRITE)
		e.v[4] = content_of(t, &io->buf);
	e.rc = t->inner.blk->submit(t->inner.blk_ctx, &ti->inner);
	if (e.rc == 0)
		t->outstanding++;
	else
		rt_free(t->rt, ti);
	event_log(&e);
	return (int)e.rc;
}

static int trace_blk_mem_add(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_trace *t = ctx;

	if (t->inner.blk->mem_add == NULL)
		return 0;
	return t->inner.blk->mem_add(t->inner.blk_ctx, ptr, bytes);
}

static void trace_blk_mem_del(void *ctx, void *ptr, size_t bytes)
{
	struct wrap_trace *t = ctx;

	if (t->inner.blk->mem_del != NULL)
		t->inner.blk->mem_del(t->inner.blk_ctx, ptr, bytes);
}

static const struct rt_blk_ops trace_blk_ops = {
	.dev_open = trace_dev_open,
	.dev_close = trace_dev_close,
	.submit = trace_submit,
	.mem_add = trace_blk_mem_add,
	.mem_del = trace_blk_mem_del,
};

/* ---- attach ------------------------------------------------------------------------------- */

int wrap_trace_attach(struct rt *rt, struct trace_log *log, uint32_t flags,
		      struct wrap_trace **ret_trace)
{
	struct wrap_trace *t = rt_alloc(rt, sizeof(*t));

	if (t == NULL)
		return -DER_NOMEM;
	*t = (struct wrap_trace){ .rt = rt, .inner = rt->ops, .log = log, .flags = flags };
	if (rt->ops.net != NULL) {
		rt->ops.net = &trace_net_ops;
		rt->ops.net_ctx = t;
	}
	if (rt->ops.blk != NULL) {
		rt->ops.blk = &trace_blk_ops;
		rt->ops.blk_ctx = t;
	}
	*ret_trace = t;
	return 0;
}

void wrap_trace_detach(struct wrap_trace *t)
{
	struct rt *rt;

	if (t == NULL)
		return;
	rt = t->rt;
	ASSERT(t->outstanding == 0);
	ASSERT(rt->ops.net == NULL || rt->ops.net_ctx == t);
	ASSERT(rt->ops.blk == NULL || rt->ops.blk_ctx == t);
	rt->ops = t->inner;
	rt_free(rt, t);
}

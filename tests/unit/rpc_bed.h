/**
 * A bed for tests of core/rpc: streams of a virtual-clock local world, a network between them that
 * loses and repeats messages on command, and a small service. Included by tests only.
 */
#ifndef GEMEL_TESTS_UNIT_RPC_BED_H
#define GEMEL_TESTS_UNIT_RPC_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/rpc/rpc.h"
#include "transports/local/local.h"

#define MS 1000000ULL
#define BED_STREAMS 8
#define BED_KEYS 4096

/* What happens to a call on its way. */
enum fate {
	FATE_PASS = 0,
	FATE_DROP_REQUEST,	/* it never leaves; the caller has to cancel it */
	FATE_DROP_REPLY,	/* it is served, the answer is lost */
	FATE_TWICE,		/* a copy of the request is served too */
};

/* An interposer on the network of one stream. */
struct net {
	const struct rt_net_ops *in;
	void *in_ctx;
	struct rt *rt;
	enum fate fates[512];	/* of the next calls; then FATE_PASS */
	uint32_t fate_at, fate_count;
	int random_pct;		/* of calls that get a random fate */
	struct prng prng;
	struct list lost;	/* struct held: calls that wait to be cancelled */
	bool hold_bulk;		/* transfers do not start */
	struct list bulks;	/* rt_bulk, by priv[6] */
	uint32_t bulk_count;
	uint32_t bulk_again;	/* so many submits of transfers are put off first */
	uint32_t fail_replies;	/* so many replies are not taken */
	bool ignore_cancel;	/* the answer is always faster */
	bool keep_copies;	/* of every request, for late_copies_send() */
	uint8_t copies[64][1024];
	uint32_t copy_bytes[64];
	uint32_t copy_count;
	uint32_t shadows;	/* in flight */
	struct list shadow_list;
	uint8_t last_reply[256];
};

struct stream {
	struct bed *bed;
	char name[16];
	struct local_stream *ls;
	struct rt *rt;
	struct rpc *rpc;
	struct net net;
	struct hlc hlc;
	uint32_t resolves;
};

/* The service, one per bed: what its handlers do, and saw. */
struct service {
	uint32_t applied[BED_KEYS];	/* updates, by epoch field of the request */
	uint32_t order[BED_KEYS];	/* shard fields of updates as they began */
	uint32_t order_count;
	uint32_t now, peak;		/* handlers running */
	uint32_t now_by[BED_STREAMS], peak_by[BED_STREAMS];
	bool hold;			/* updates wait at the gate */
	bool hold_sync;			/* syncs too */
	struct rt_waitq gate;
	int rc;				/* what updates answer */
	uint64_t sleep_ns;		/* what updates take */
	uint32_t map_version;
	uint32_t opened;
	uint32_t open_props;		/* of 100 bytes each, that an open returns */
	uint8_t mem[64 * 1024];
};

struct bed {
	struct local_world *world;
	struct stream s[BED_STREAMS];
	struct service srv;
	uint32_t map_seen;
	int map_calls;
	bool resolve_fails;
	void (*fn)(struct bed *bed);
	bool finished;
};

/* ---- the bad network ------------------------------------------------------------------------ */

/* A copy of a call that travels for it, or for nobody. */
struct shadow {
	struct rt_call call;	/* first */
	struct net *net;
	struct list link;
	struct bseg seg;
	uint8_t bytes[1024];
};

/* A lost call, in its own priv[]. */
struct held {
	struct list link;
	struct rt_timer *timer;
};

struct cancel_timer {
	struct rt_timer t;
	struct net *net;
	struct rt_call *call;
};

static inline struct held *held_of(struct rt_call *c)
{
	_Static_assert(sizeof(struct held) <= sizeof(c->priv), "fits");
	return (struct held *)(void *)c->priv;
}

static inline void net_lose(struct net *n, struct rt_call *call)
{
	held_of(call)->timer = NULL;
	list_add_tail(&n->lost, &held_of(call)->link);
}

static inline void shadow_done(struct rt_call *c, int rc, struct rt_in *reply)
{
	struct shadow *sh = (struct shadow *)(void *)c;

	(void)rc;
	if (reply != NULL) {
		size_t n = (size_t)min_u64(reply->msg.segs[0].bytes, sizeof(sh->net->last_reply));

		memcpy(sh->net->last_reply, reply->msg.segs[0].ptr, n);
		sh->net->in->release(sh->net->in_ctx, reply);
	}
	sh->net->shadows--;
	list_del(&sh->link);
	free(sh);
}

/* Send a copy of @bytes to @peer; its answer goes nowhere. */
static inline int net_send_copy(struct net *n, struct rt_peer *peer, const void *ptr, size_t bytes)
{
	struct shadow *sh = calloc(1, sizeof(*sh));
	int rc;

	assert_true(bytes <= sizeof(sh->bytes));
	memcpy(sh->bytes, ptr, bytes);
	sh->net = n;
	sh->call.peer = peer;
	sh->call.msg = buf_from_bytes(&sh->seg, sh->bytes, bytes);
	sh->call.done = shadow_done;
	rc = n->in->call(n->in_ctx, &sh->call);
	if (rc != 0) {
		free(sh);
		return rc;
	}
	n->shadows++;
	list_add_tail(&n->shadow_list, &sh->link);
	return 0;
}

static inline size_t flat(const struct buf *b, void *dst, size_t cap)
{
	struct bseg seg;
	struct buf to = buf_from_bytes(&seg, dst, cap);

	assert_true(b->bytes <= cap);
	assert_int_equal(buf_copy(&to, 0, b, 0, b->bytes), 0);
	return b->bytes;
}

static inline int net_call(void *ctx, struct rt_call *call)
{
	struct net *n = ctx;
	enum fate fate = FATE_PASS;
	uint8_t copy[1024];
	size_t bytes = 0;
	int rc;

	if (n->fate_at < n->fate_count)
		fate = n->fates[n->fate_at++];
	else if (n->random_pct > 0 && prng_below(&n->prng, 100) < (uint64_t)n->random_pct)
		fate = (enum fate)(1 + prng_below(&n->prng, 3));
	if (fate >= FATE_DROP_REPLY || n->keep_copies)
		bytes = flat(&call->msg, copy, sizeof(copy));
	if (n->keep_copies && n->copy_count < 64) {
		memcpy(n->copies[n->copy_count], copy, bytes);
		n->copy_bytes[n->copy_count++] = (uint32_t)bytes;
	}
	switch (fate) {
	case FATE_DROP_REQUEST:
		net_lose(n, call);
		return 0;
	case FATE_DROP_REPLY:
		rc = net_send_copy(n, call->peer, copy, bytes);
		if (rc == 0)
			net_lose(n, call);
		return rc;
	case FATE_TWICE:
		(void)net_send_copy(n, call->peer, copy, bytes);
		break;
	default:
		break;
	}
	return n->in->call(n->in_ctx, call);
}

static inline void net_cancel_fire(struct rt_timer *t)
{
	struct cancel_timer *ct = (struct cancel_timer *)(void *)t;
	struct rt_call *call = ct->call;

	free(ct);
	call->done(call, -DER_CANCELED, NULL);
}

static inline void net_cancel(void *ctx, struct rt_call *call)
{
	struct net *n = ctx;
	struct cancel_timer *ct;
	struct list *pos;

	list_for_each(pos, &n->lost) {
		if (pos != &held_of(call)->link)
			continue;
		list_del(pos);
		ct = calloc(1, sizeof(*ct));
		ct->t.fn = net_cancel_fire;
		ct->net = n;
		ct->call = call;
		rt_timer_arm(n->rt, &ct->t, rt_now_ns(n->rt));
		return;
	}
	if (!n->ignore_cancel)
		n->in->cancel(n->in_ctx, call);
}

static inline struct list *bulk_link(struct rt_bulk *b)
{
	return (struct list *)(void *)&b->priv[6];
}

static inline int net_bulk(void *ctx, struct rt_bulk *b)
{
	struct net *n = ctx;

	if (n->bulk_again > 0) {
		n->bulk_again--;
		return -DER_AGAIN;
	}
	if (!n->hold_bulk)
		return n->in->bulk(n->in_ctx, b);
	list_add_tail(&n->bulks, bulk_link(b));
	n->bulk_count++;
	return 0;
}

/* Held transfers go on (@rc 0: for real), or end with @rc. Call from a ULT of the stream. */
static inline void net_bulks_release(struct net *n, int rc)
{
	struct rt_bulk *b;

	n->hold_bulk = false;
	while (!list_empty(&n->bulks)) {
		b = container_of((uint64_t *)(void *)n->bulks.next, struct rt_bulk, priv[6]);
		list_del(bulk_link(b));
		n->bulk_count--;
		b->priv[6] = b->priv[7] = 0;
		if (rc == 0)
			rc = n->in->bulk(n->in_ctx, b);
		if (rc != 0)
			b->done(b, rc);
		rc = 0;
	}
}

static inline int net_peer_open(void *ctx, const char *uri, struct rt_peer **ret_peer)
{
	struct net *n = ctx;

	return n->in->peer_open(n->in_ctx, uri, ret_peer);
}

static inline void net_peer_close(void *ctx, struct rt_peer *peer)
{
	struct net *n = ctx;

	n->in->peer_close(n->in_ctx, peer);
}

static inline int net_reply(void *ctx, struct rt_in *req, const struct buf *msg)
{
	struct net *n = ctx;

	if (n->fail_replies > 0) {
		n->fail_replies--;
		return -DER_NOMEM;
	}
	return n->in->reply(n->in_ctx, req, msg);
}

static inline void net_release(void *ctx, struct rt_in *in)
{
	struct net *n = ctx;

	n->in->release(n->in_ctx, in);
}

static const struct rt_net_ops bad_net_ops = {
	.peer_open = net_peer_open,
	.peer_close = net_peer_close,
	.call = net_call,
	.cancel = net_cancel,
	.reply = net_reply,
	.bulk = net_bulk,
	.release = net_release,
};

static inline void net_interpose(struct net *n, struct rt *rt)
{
	*n = (struct net){ .in = rt->ops.net, .in_ctx = rt->ops.net_ctx, .rt = rt };
	list_init(&n->lost);
	list_init(&n->bulks);
	list_init(&n->shadow_list);
	prng_seed(&n->prng, 77);
	rt->ops.net = &bad_net_ops;
	rt->ops.net_ctx = n;
}

static inline void net_script(struct net *n, uint32_t count, const enum fate *fates)
{
	n->fate_at = 0;
	n->fate_count = count;
	memcpy(n->fates, fates, count * sizeof(*fates));
}

/* ---- the service ---------------------------------------------------------------------------- */

static inline struct bed *req_bed(struct rpc_req *req)
{
	return ((struct stream *)rpc_arg(req->rpc))->bed;
}

/* Update: shard names the caller, epoch the key. Gets exposed memory, if any, to srv.mem. */
static inline int on_update(struct rpc_req *req)
{
	const struct wire_obj_update_req *in = req->body;
	struct wire_obj_update_rep *out = rpc_req_rep(req);
	struct service *srv = &req_bed(req)->srv;
	struct rt *rt = rpc_rt(req->rpc);
	uint32_t who = in->shard % BED_STREAMS;
	struct bseg seg;
	struct buf to;
	int rc = 0;

	if (srv->order_count < BED_KEYS)
		srv->order[srv->order_count++] = in->shard;
	srv->now++;
	srv->now_by[who]++;
	srv->peak = (uint32_t)max_u64(srv->peak, srv->now);
	srv->peak_by[who] = (uint32_t)max_u64(srv->peak_by[who], srv->now_by[who]);
	if (req->expose_bytes > 0) {
		to = buf_from_bytes(&seg, srv->mem, req->expose_bytes);
		rc = rpc_req_bulk_get(req, 0, &to);
	}
	if (srv->sleep_ns > 0)
		rt_sleep_ns(rt, srv->sleep_ns);
	while (rc == 0 && srv->hold)
		rc = rt_wait(rt, &srv->gate, RT_NEVER);
	srv->now--;
	srv->now_by[who]--;
	if (rc == 0)
		rc = srv->rc;
	if (rc != 0)
		return rc;
	srv->applied[in->epoch % BED_KEYS]++;
	req->rep_map_version = srv->map_version;
	out->epoch = in->epoch + 1;
	return 0;
}

/* Fetch: inline, or put when memory is exposed; the content is srv.mem. One iod back for each. */
static inline int on_fetch(struct rpc_req *req)
{
	const struct wire_obj_fetch_req *in = req->body;
	struct wire_obj_fetch_rep *out = rpc_req_rep(req);
	struct service *srv = &req_bed(req)->srv;
	struct wire_iod_rep *iods;
	struct bseg seg;
	struct buf data;
	uint32_t i;
	int rc;

	iods = rpc_req_alloc(req, in->iods.nr * sizeof(*iods));
	if (iods == NULL)
		return -DER_NOMEM;
	for (i = 0; i < in->iods.nr; i++)
		iods[i] = (struct wire_iod_rep){ .size = 1, .bytes = in->iods.v[i].bytes,
						 .flags = WIRE_IOD_FULL };
	out->epoch = in->epoch;
	out->iods.v = iods;
	out->iods.nr = in->iods.nr;
	if (req->expose_bytes == 0 && in->flags == 6) {	/* in many pieces, as phantoms come */
		struct bseg segs[6];

		data = (struct buf){ .segs = segs };
		for (i = 0; i < 6; i++) {
			(void)buf_from_gen(&segs[i], 4 + i, 100 * i, 10);
			data.nr++;
			data.bytes += 10;
		}
		return rpc_reply(req, 0, out, &data);
	}
	if (req->expose_bytes == 0) {
		out->placed = WIRE_PLACED_INLINE;
		data = buf_from_bytes(&seg, srv->mem, in->iods.nr > 0 ? in->iods.v[0].bytes : 0);
		return rpc_reply(req, 0, out, &data);
	}
	out->placed = WIRE_PLACED_BULK;
	data = buf_from_bytes(&seg, srv->mem, req->expose_bytes);
	rc = rpc_req_bulk_put(req, 0, &data);
	return rc != 0 ? rc : rpc_reply(req, 0, out, NULL);
}

/* Open: a mutating operation with a large reply. */
static inline int on_cont_open(struct rpc_req *req)
{
	struct wire_cont_open_rep *out = rpc_req_rep(req);
	struct service *srv = &req_bed(req)->srv;
	struct wire_prop *props = rpc_req_alloc(req, srv->open_props * sizeof(*props));
	uint32_t i;

	if (props == NULL)
		return -DER_NOMEM;
	for (i = 0; i < srv->open_props; i++)
		props[i] = (struct wire_prop){ .type = i, .str = { srv->mem, 100 } };
	srv->opened++;
	out->label = wire_str("label");
	out->props.v = props;
	out->props.nr = srv->open_props;
	return 0;
}

/* Sync is the operation with priority. */
static inline int on_sync(struct rpc_req *req)
{
	struct service *srv = &req_bed(req)->srv;

	srv->order[srv->order_count++] = 1000;
	while (srv->hold_sync)
		(void)rt_wait(rpc_rt(req->rpc), &srv->gate, RT_NEVER);
	return 0;
}

static const struct rpc_handler bed_handlers[] = {
	{ .op = WIRE_PING, .flags = RPC_H_INLINE, .fn = rpc_ping_handler },
	{ .op = WIRE_OBJ_UPDATE, .fn = on_update },
	{ .op = WIRE_OBJ_FETCH, .fn = on_fetch },
	{ .op = WIRE_CONT_OPEN, .fn = on_cont_open },
	{ .op = WIRE_OBJ_SYNC, .flags = RPC_H_PRIORITY, .fn = on_sync },
};

/* ---- streams -------------------------------------------------------------------------------- */

static inline int bed_resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	struct stream *s = arg;

	s->resolves++;
	if (s->bed->resolve_fails)
		return -DER_NONEXIST;
	snprintf(ret_uri, RT_URI_MAX, "local:%u/%u", ep.rank, ep.tag);
	return 0;
}

static inline void bed_on_map(void *arg, const struct rpc_call *call, uint32_t version)
{
	struct stream *s = arg;

	(void)call;
	s->bed->map_seen = version;
	s->bed->map_calls++;
}

/* Stream @i: rank i, tag 0. Stream 0 is the server of most tests. */
static inline void bed_stream_up(struct bed *bed, int i, const struct rpc_limits *lim)
{
	struct stream *s = &bed->s[i];
	struct rpc_opts opts = {
		.limits = lim,
		.handlers = bed_handlers,
		.handlers_nr = ARRAY_COUNT(bed_handlers),
		.resolve = bed_resolve,
		.on_map = bed_on_map,
		.arg = s,
		.hlc = &s->hlc,
	};

	s->bed = bed;
	snprintf(s->name, sizeof(s->name), "%d/0", i);
	assert_int_equal(local_stream_create(bed->world, s->name, &s->ls), 0);
	s->rt = local_stream_rt(s->ls);
	net_interpose(&s->net, s->rt);
	assert_int_equal(rpc_create(s->rt, &opts, &s->rpc), 0);
}

static inline struct bed *bed_new(const struct rpc_limits *lim, int streams)
{
	struct local_opts opts = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED | LOCAL_PAINT,
				   .seed = 5 };
	struct bed *bed = calloc(1, sizeof(*bed));
	int i;

	assert_int_equal(local_world_create(&opts, &bed->world), 0);
	rt_waitq_init(&bed->srv.gate);
	for (i = 0; i < streams; i++)
		bed_stream_up(bed, i, lim);
	return bed;
}

static inline void bed_stop_one(void *arg)
{
	struct stream *s = arg;

	rpc_stop(s->rpc);
}

/* Copies that the server dropped unanswered, since their deadline had passed. */
static inline void net_shadows_cancel(struct net *n)
{
	struct list *pos;

	list_for_each(pos, &n->shadow_list)
		n->in->cancel(n->in_ctx, &list_entry(pos, struct shadow, link)->call);
}

/* Orderly end of all; nothing may have leaked. */
static inline void bed_free(struct bed *bed)
{
	struct local_stats st;
	int i;

	for (i = 0; i < BED_STREAMS; i++) {
		if (bed->s[i].ls == NULL)
			continue;
		assert_int_equal(rt_spawn(bed->s[i].rt, bed_stop_one, &bed->s[i], NULL), 0);
		net_shadows_cancel(&bed->s[i].net);
	}
	local_world_run(bed->world);
	for (i = 0; i < BED_STREAMS; i++) {
		if (bed->s[i].ls == NULL)
			continue;
		assert_int_equal(bed->s[i].net.shadows, 0);
		rpc_destroy(bed->s[i].rpc);
		bed->s[i].rt->ops.net = bed->s[i].net.in;
		bed->s[i].rt->ops.net_ctx = bed->s[i].net.in_ctx;
		assert_int_equal(local_stream_close(bed->s[i].ls), 0);
	}
	local_world_query(bed->world, &st);
	assert_int_equal(st.live_messages, 0);
	local_world_destroy(bed->world);
	free(bed);
}

static inline void bed_main(void *arg)
{
	struct bed *bed = arg;

	bed->fn(bed);
	bed->finished = true;
}

/* Run @fn on a ULT of stream @i until nothing is left to do. */
static inline void bed_run_on(struct bed *bed, int i, void (*fn)(struct bed *bed))
{
	bed->fn = fn;
	bed->finished = false;
	assert_int_equal(rt_spawn(bed->s[i].rt, bed_main, bed, NULL), 0);
	local_world_run(bed->world);
	assert_true(bed->finished);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* One update and all that it needs. */
struct update {
	struct rpc_call call;
	struct wire_obj_update_req req;
	struct wire_obj_update_rep rep;
	struct wire_iod iod;
	struct recx rx;
	struct bseg seg;
	struct buf buf;
	bool done;
	struct stream *s;
};

static inline void update_done(struct rpc_call *call)
{
	struct update *u = container_of(call, struct update, call);

	u->done = true;
	rpc_call_fini(u->s->rpc, call);
}

static inline void update_init(struct update *u, struct stream *s, uint32_t who, uint64_t key)
{
	memset(u, 0, sizeof(*u));
	u->s = s;
	u->rx = (struct recx){ 0, 64 };
	u->iod = (struct wire_iod){ .name = wire_str("akey"), .type = 2, .size = 1, .bytes = 64,
				    .recxs = { &u->rx, 1 } };
	u->req.shard = who;
	u->req.epoch = key;
	u->req.dkey = wire_str("dkey");
	u->req.iods.v = &u->iod;
	u->req.iods.nr = 1;
	u->call.op = WIRE_OBJ_UPDATE;
	u->call.req = &u->req;
	u->call.rep = &u->rep;
	u->call.done = update_done;
}

static inline void update_expose(struct update *u, const void *ptr, uint64_t bytes)
{
	u->buf = buf_from_bytes(&u->seg, ptr, bytes);
	u->call.expose = &u->buf;
	u->call.access = RT_ACCESS_READ;
}

static inline struct rpc_stats bed_stats(struct bed *bed, int i)
{
	struct rpc_stats st;

	rpc_stats_get(bed->s[i].rpc, &st);
	return st;
}

/* ---- what the tests share ------------------------------------------------------------------- */

/* Tries again soon after a try got no answer. */
static const int patient_rcs[] = { -DER_TIMEDOUT, -DER_UNREACH, -DER_INPROGRESS,
				   -DER_OVERLOAD_RETRY, -DER_AGAIN,   -DER_NOMEM };
static const struct rpc_retry patient = {
	.rcs = patient_rcs,
	.rcs_nr = ARRAY_COUNT(patient_rcs),
	.try_timeout_ns = 2 * MS,
	.backoff_min_ns = 100000,
	.backoff_max_ns = 1 * MS,
};

static inline struct rpc_limits limits(void)
{
	struct rpc_limits l = rpc_limits_default();

	l.stall_ns = 5 * MS;
	return l;
}

static inline void in_bed(const struct rpc_limits *lim, int streams, void (*fn)(struct bed *bed))
{
	struct bed *bed = bed_new(lim, streams);

	bed_run_on(bed, 1, fn);
	bed_free(bed);
}

static inline void release_gate(struct bed *bed)
{
	bed->srv.hold = false;
	rt_wake_all(bed->s[0].rt, &bed->srv.gate);
}

static inline int call_update(struct bed *bed, struct update *u, uint64_t key)
{
	int rc;

	update_init(u, &bed->s[1], 1, key);
	u->call.retry = &patient;
	rc = rpc_call(bed->s[1].rpc, &u->call);
	rpc_call_fini(bed->s[1].rpc, &u->call);
	return rc;
}

#endif

/* The stream's rpc: limits, creation, and the small tools of both sides. */
#include "core/rpc/rpc_int.h"

#define HASH_MIN_BUCKETS 16u

struct rpc_limits rpc_limits_default(void)
{
	return (struct rpc_limits){
		.peers_max = 65536,
		.credits = 16,
		.peer_queue_max = 1024,
		.call_timeout_ns = 30000000000,
		.down_after = 3,
		.reopen_min_ns = 10000000,
		.reopen_max_ns = 1000000000,
		.serve_max = 16,
		.serve_per_client_max = 6,
		.serve_priority_max = 4,
		.stalled_max = 64,
		.queue_max = 4096,
		.queue_per_client_max = 256,
		.stall_ns = 500000000,
		.overload_hint_us = 1000,
		.clients_max = 4096,
		.replies_per_client_max = 256,
		.reply_cache_bytes = 16 << 20,
		.pool_max = 16,
	};
}

static bool limits_are_sane(const struct rpc_limits *l)
{
	return l->peers_max > 0 && l->credits > 0 && l->peer_queue_max > 0 &&
	       l->call_timeout_ns > 0 && l->down_after > 0 && l->reopen_min_ns > 0 &&
	       l->reopen_max_ns >= l->reopen_min_ns && l->serve_max > 0 &&
	       l->serve_per_client_max > 0 && l->serve_priority_max > 0 && l->queue_max > 0 &&
	       l->queue_per_client_max > 0 && l->stall_ns > 0 && l->clients_max > 0 &&
	       l->replies_per_client_max > 0 && l->reply_cache_bytes > 0;
}

static const int retry_default_rcs[] = {
	-DER_OVERLOAD_RETRY, -DER_INPROGRESS, -DER_AGAIN, -DER_UNREACH, -DER_TIMEDOUT,
};

const struct rpc_retry rpc_retry_default = {
	.rcs = retry_default_rcs,
	.rcs_nr = ARRAY_COUNT(retry_default_rcs),
	.backoff_min_ns = 100000,
	.backoff_max_ns = 100000000,
};

const struct rpc_retry rpc_retry_none = { 0 };

bool rpc_rc_unapplied(int rc)
{
	switch (-rc) {
	case DER_AGAIN:
	case DER_INPROGRESS:
	case DER_OVERLOAD_RETRY:
	case DER_STALE:
	case DER_NOTLEADER:
	case DER_NOTREPLICA:
	case DER_SHUTDOWN:
	case DER_TX_BUSY:
	case DER_NOMEM:
		return true;
	default:
		return false;
	}
}

static int handlers_index(struct rpc *rpc, const struct rpc_opts *opts)
{
	uint32_t i;

	for (i = 0; i < opts->handlers_nr; i++) {
		const struct rpc_handler *h = &opts->handlers[i];

		if (wire_op(h->op) == NULL || h->fn == NULL || rpc->handlers[h->op] != NULL)
			return -DER_INVAL;
		rpc->handlers[h->op] = h;
	}
	return 0;
}

static void lists_init(struct rpc *rpc)
{
#ifdef BASE_ASAN
	uint32_t idle_max = 0;	/* a late use of an object is seen only when it was really freed */
#else
	uint32_t idle_max = rpc->lim.pool_max;
#endif

	rt_waitq_init(&rpc->idle);
	rt_waitq_init(&rpc->room);
	list_init(&rpc->peer_lru);
	list_init(&rpc->ops);
	list_init(&rpc->client_lru);
	list_init(&rpc->turns);
	list_init(&rpc->priority);
	list_init(&rpc->serving);
	rpc->op_pool = (struct rpc_pool){ .bytes = sizeof(struct rpc_op), .idle_max = idle_max };
	rpc->req_pool = (struct rpc_pool){ .bytes = sizeof(struct rpc_sreq), .idle_max = idle_max };
	rpc->msg_pool = (struct rpc_pool){ .bytes = sizeof(struct rpc_msg), .idle_max = idle_max };
	rpc->seen_pool = (struct rpc_pool){ .bytes = sizeof(struct rpc_seen),
					    .idle_max = idle_max };
}

int rpc_create(struct rt *rt, const struct rpc_opts *opts, struct rpc **ret_rpc)
{
	struct rpc_limits lim = opts->limits != NULL ? *opts->limits : rpc_limits_default();
	struct rpc *rpc;
	int rc;

	if (!limits_are_sane(&lim))
		return -DER_INVAL;
	rpc = rt_alloc(rt, sizeof(*rpc));
	if (rpc == NULL)
		return -DER_NOMEM;
	rpc->rt = rt;
	rpc->lim = lim;
	rpc->opts = *opts;
	rpc->opts.limits = NULL;
	lists_init(rpc);
	rc = handlers_index(rpc, opts);
	if (rc != 0) {
		rt_free(rt, rpc);
		return rc;
	}
	do {
		rpc->client_id = rt_rand(rt, RT_STREAM_ID);
	} while (rpc->client_id == 0);
	rpc->peers.seed = rt_rand(rt, RT_STREAM_HASH);
	rpc->clients.seed = rt_rand(rt, RT_STREAM_HASH);
	ASSERT(rt->on_request == NULL);
	rt->user = rpc;
	rt->on_request = rpc_on_request;
	*ret_rpc = rpc;
	return 0;
}

static bool rpc_is_idle(const struct rpc *rpc)
{
	return rpc->op_count == 0 && list_empty(&rpc->serving) && rpc->waiting_count == 0;
}

void rpc_stop(struct rpc *rpc)
{
	int rc;

	rpc->stopping = true;
	rpc_serve_stop(rpc);
	rpc_ops_stop(rpc);
	rt_wake_all(rpc->rt, &rpc->room);
	while (!rpc_is_idle(rpc)) {
		rc = rt_wait(rpc->rt, &rpc->idle, RT_NEVER);
		ASSERT(rc == 0);
	}
}

void rpc_destroy(struct rpc *rpc)
{
	struct rt *rt;

	if (rpc == NULL)
		return;
	rt = rpc->rt;
	ASSERT(rpc_is_idle(rpc));
	rt->on_request = NULL;
	rt->user = NULL;
	rpc_peers_fini(rpc);
	rpc_clients_fini(rpc);
	rpc_pool_fini(rt, &rpc->op_pool);
	rpc_pool_fini(rt, &rpc->req_pool);
	rpc_pool_fini(rt, &rpc->msg_pool);
	rpc_pool_fini(rt, &rpc->seen_pool);
	rt_free(rt, rpc->peers.buckets);
	rt_free(rt, rpc->clients.buckets);
	rt_free(rt, rpc);
}

struct rt *rpc_rt(struct rpc *rpc)
{
	return rpc->rt;
}

void *rpc_arg(struct rpc *rpc)
{
	return rpc->opts.arg;
}

void rpc_stats_get(const struct rpc *rpc, struct rpc_stats *ret_stats)
{
	*ret_stats = rpc->stats;
}

uint64_t rpc_hlc_stamp(struct rpc *rpc)
{
	return rpc->opts.hlc != NULL ? hlc_now(rpc->opts.hlc, rt_wall_ns(rpc->rt)) : 0;
}

int rpc_payload(struct rpc *rpc, const struct buf *msg, uint32_t body_bytes, struct bseg *segs,
		struct bseg **ret_alloc, struct buf *ret_payload)
{
	uint64_t off = (uint64_t)WIRE_HEAD_BYTES + body_bytes;
	struct bseg *many = NULL;
	uint32_t nr;
	int rc;

	*ret_alloc = NULL;
	*ret_payload = BUF_EMPTY;
	if (off == msg->bytes)
		return 0;
	nr = buf_slice_count(msg, off, msg->bytes - off);
	if (nr > RPC_SEGS) {
		many = rt_alloc(rpc->rt, nr * sizeof(*many));
		if (many == NULL)
			return -DER_NOMEM;
		segs = many;
	}
	rc = buf_slice(msg, off, msg->bytes - off, segs, nr, ret_payload);
	ASSERT(rc == 0);
	*ret_alloc = many;
	return 0;
}

/* ---- pools ---------------------------------------------------------------------------------- */

void *rpc_pool_get(struct rt *rt, struct rpc_pool *p)
{
	struct rpc_idle *o = p->idle;

	if (o == NULL)
		return rt_alloc(rt, p->bytes);
	p->idle = o->next;
	p->idle_count--;
	return o;
}

void rpc_pool_put(struct rt *rt, struct rpc_pool *p, void *obj)
{
	struct rpc_idle *o = obj;

	if (p->idle_count >= p->idle_max) {
		rt_free(rt, obj);
		return;
	}
	o->next = p->idle;
	p->idle = o;
	p->idle_count++;
}

void rpc_pool_fini(struct rt *rt, struct rpc_pool *p)
{
	struct rpc_idle *o;

	while (p->idle != NULL) {
		o = p->idle;
		p->idle = o->next;
		rt_free(rt, o);
	}
	p->idle_count = 0;
}

/* ---- hash table ----------------------------------------------------------------------------- */

static struct rpc_hnode **hash_bucket(const struct rpc_hash *h, uint64_t key)
{
	return &h->buckets[mix64(key ^ h->seed) & (h->bucket_count - 1)];
}

struct rpc_hnode *rpc_hash_find(const struct rpc_hash *h, uint64_t key)
{
	struct rpc_hnode *n;

	if (h->count == 0)
		return NULL;
	for (n = *hash_bucket(h, key); n != NULL; n = n->next) {
		if (n->key == key)
			return n;
	}
	return NULL;
}

static void hash_link(struct rpc_hash *h, struct rpc_hnode *n)
{
	struct rpc_hnode **b = hash_bucket(h, n->key);

	n->next = *b;
	*b = n;
}

static void hash_grow(struct rt *rt, struct rpc_hash *h)
{
	struct rpc_hash bigger = *h;
	struct rpc_hnode *n;
	uint32_t i;

	bigger.bucket_count = h->bucket_count == 0 ? HASH_MIN_BUCKETS : 2 * h->bucket_count;
	bigger.buckets = rt_alloc(rt, bigger.bucket_count * sizeof(*bigger.buckets));
	if (bigger.buckets == NULL)
		return;
	for (i = 0; i < h->bucket_count; i++) {
		while (h->buckets[i] != NULL) {
			n = h->buckets[i];
			h->buckets[i] = n->next;
			hash_link(&bigger, n);
		}
	}
	rt_free(rt, h->buckets);
	*h = bigger;
}

int rpc_hash_insert(struct rt *rt, struct rpc_hash *h, struct rpc_hnode *n)
{
	if (h->count >= h->bucket_count)
		hash_grow(rt, h);
	if (h->bucket_count == 0)
		return -DER_NOMEM;
	hash_link(h, n);
	h->count++;
	return 0;
}

void rpc_hash_remove(struct rpc_hash *h, struct rpc_hnode *n)
{
	struct rpc_hnode **at = hash_bucket(h, n->key);

	while (*at != n) {
		ASSERT(*at != NULL);
		at = &(*at)->next;
	}
	*at = n->next;
	h->count--;
}

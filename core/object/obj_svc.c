#include "core/object/obj_int.h"

#define GC_CREDITS 1024u
#define ASK_NS 20000000000ull	/* for an answer of the pool service: less than clients wait */
#define ASK_TRY_NS 2000000000ull	/* until it is asked once more */
#define ASK_AGAIN_NS 1000000000ull	/* pause before the pool service is asked again for its map */

static const int ask_again[] = { -DER_OVERLOAD_RETRY, -DER_INPROGRESS, -DER_UNREACH,
				 -DER_TIMEDOUT };
static const struct rpc_retry ask_retry = {
	.rcs = ask_again, .rcs_nr = ARRAY_COUNT(ask_again), .try_timeout_ns = ASK_TRY_NS,
	.backoff_min_ns = 100000, .backoff_max_ns = 100000000,
};

const struct rpc_handler obj_handlers[] = {
	{ .op = WIRE_PING, .flags = RPC_H_INLINE, .fn = rpc_ping_handler },
	{ .op = WIRE_OBJ_UPDATE, .fn = obj_update_handler },
	{ .op = WIRE_OBJ_FETCH, .fn = obj_fetch_handler },
	{ .op = WIRE_OBJ_PUNCH, .fn = obj_punch_handler },
	{ .op = WIRE_OBJ_ENUM, .fn = obj_enum_handler },
	{ .op = WIRE_OBJ_QUERY_KEY, .fn = obj_query_key_handler },
	{ .op = WIRE_OBJ_SYNC, .fn = obj_sync_handler },
	{ .op = WIRE_TGT_SPACE, .flags = RPC_H_PRIORITY, .fn = tgt_space_handler },
	{ .op = WIRE_TGT_CONT_DESTROY, .fn = tgt_cont_destroy_handler },
	{ .op = WIRE_TGT_MAP, .flags = RPC_H_INLINE, .fn = tgt_map_handler },
};
const uint32_t obj_handlers_nr = ARRAY_COUNT(obj_handlers);

int obj_svc_create(struct rt *rt, const struct obj_svc_opts *opts, struct obj_svc **ret_svc)
{
	struct obj_svc *svc = rt_alloc(rt, sizeof(*svc));

	if (svc == NULL)
		return -DER_NOMEM;
	*svc = (struct obj_svc){
		.rt = rt,
		.vos = opts->vos,
		.pool = opts->pool,
		.hlc = opts->hlc,
		.leader_rank = opts->leader_rank,
		.map_version = 1,
		.resolve = opts->resolve,
		.arg = opts->arg,
	};
	list_init(&svc->conts);
	rt_waitq_init(&svc->idle);
	*ret_svc = svc;
	return 0;
}

/* A target that was away may have missed versions of the map: ask, until there is an answer. */
static void map_ask(void *arg)
{
	struct obj_svc *svc = arg;
	struct wire_pool_map_fetch_req req = { .pool = svc->pool,
					       .known_version = svc->map_version };
	struct wire_pool_map_fetch_rep rep;
	int rc = -1;

	while (rc != 0 && !svc->stopping) {
		struct rpc_call call = {
			.ep = { .rank = svc->leader_rank, .tag = 0 },
			.op = WIRE_POOL_MAP_FETCH,
			.deadline_ns = rt_now_ns(svc->rt) + ASK_NS,
			.retry = &ask_retry,
			.req = &req,
			.rep = &rep,
		};
		uint64_t until;

		rc = rpc_call(svc->rpc, &call);
		if (rc == 0 && rep.map_version > svc->map_version)
			svc->map_version = rep.map_version;
		rpc_call_fini(svc->rpc, &call);
		until = rt_now_ns(svc->rt) + ASK_AGAIN_NS;
		while (rc != 0 && !svc->stopping && rt_now_ns(svc->rt) < until)
			(void)rt_wait(svc->rt, &svc->idle, until);
	}
	svc->asking = false;
	(void)rt_wake_all(svc->rt, &svc->idle);
}

int obj_svc_start(struct obj_svc *svc, struct rpc *rpc)
{
	struct ult_opts opts = { .name = "map-ask" };
	int rc;

	svc->rpc = rpc;
	rc = rt_spawn(svc->rt, map_ask, svc, &opts);
	svc->asking = rc == 0;
	return rc;
}

int obj_svc_resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	struct obj_svc *svc = arg;

	return svc->resolve(svc->arg, ep, ret_uri);
}

/* ---- containers ----------------------------------------------------------------------------- */

static struct obj_cont *cont_find(struct obj_svc *svc, const struct uid *uid)
{
	struct list *pos;

	list_for_each(pos, &svc->conts) {
		struct obj_cont *c = list_entry(pos, struct obj_cont, link);

		if (uid_equal(&c->uid, uid)) {
			/* The one in use is found first the next time. */
			list_del(&c->link);
			list_add(&svc->conts, &c->link);
			return c;
		}
	}
	return NULL;
}

/* Ask the pool service whether @uid exists. */
static int cont_lookup(struct obj_svc *svc, const struct uid *uid)
{
	struct wire_cont_lookup_req req = { .pool = svc->pool, .cont = *uid };
	struct rpc_call call = {
		.ep = { .rank = svc->leader_rank, .tag = 0 },
		.op = WIRE_CONT_LOOKUP,
		.deadline_ns = rt_now_ns(svc->rt) + ASK_NS,
		.retry = &ask_retry,
		.req = &req,
	};
	int rc = rpc_call(svc->rpc, &call);

	rpc_call_fini(svc->rpc, &call);
	return rc;
}

/* The store's container, made on first use. */
static int cont_open(struct obj_svc *svc, const struct uid *uid, struct vos_cont **ret_vc)
{
	int rc = vos_cont_open(svc->vos, uid, ret_vc);

	if (rc != -DER_NONEXIST)
		return rc;
	rc = cont_lookup(svc, uid);
	if (rc == 0)
		rc = vos_cont_create(svc->vos, uid);
	return rc != 0 ? rc : vos_cont_open(svc->vos, uid, ret_vc);
}

/* Wait until nobody is opening @uid. NULL: this target has not met it. */
static struct obj_cont *cont_settled(struct obj_svc *svc, const struct uid *uid)
{
	struct obj_cont *c = cont_find(svc, uid);

	while (c != NULL && c->opening) {
		(void)rt_wait(svc->rt, &svc->idle, RT_NEVER);
		c = cont_find(svc, uid);
	}
	return c;
}

static void cont_drop(struct obj_svc *svc, struct obj_cont *c)
{
	list_del(&c->link);
	rt_free(svc->rt, c);
	(void)rt_wake_all(svc->rt, &svc->idle);
}

/* The first request for a container opens it; others, and its destruction, wait for that. */
static int cont_add(struct obj_svc *svc, const struct uid *uid, struct obj_cont **ret_cont)
{
	struct obj_cont *c = rt_alloc(svc->rt, sizeof(*c));
	int rc;

	if (c == NULL)
		return -DER_NOMEM;
	c->uid = *uid;
	c->opening = true;
	list_add(&svc->conts, &c->link);
	rc = cont_open(svc, uid, &c->vc);
	c->opening = false;
	if (rc != 0) {
		cont_drop(svc, c);
		return rc;
	}
	(void)rt_wake_all(svc->rt, &svc->idle);
	*ret_cont = c;
	return 0;
}

int obj_begin(struct rpc_req *req, const struct uid *pool, const struct uid *uid,
	      struct obj_svc **ret_svc, struct obj_cont **ret_cont)
{
	struct obj_svc *svc = obj_svc_of(req);
	struct obj_cont *c;
	int rc;

	if (!uid_equal(pool, &svc->pool))
		return -DER_NONEXIST;
	if (req->head.map_version != 0 && req->head.map_version < svc->map_version)
		return -DER_STALE;
	c = cont_settled(svc, uid);
	if (c == NULL) {
		rc = cont_add(svc, uid, &c);
		if (rc != 0)
			return rc;
	}
	if (c->dying)
		return -DER_NONEXIST;
	c->users++;
	*ret_svc = svc;
	*ret_cont = c;
	return 0;
}

void obj_cont_put(struct obj_svc *svc, struct obj_cont *c)
{
	ASSERT(c->users > 0);
	if (--c->users == 0)
		(void)rt_wake_all(svc->rt, &svc->idle);
}

/* ---- destruction and space ------------------------------------------------------------------ */

static void gc_run(void *arg)
{
	struct obj_svc *svc = arg;
	uint64_t left = 1;

	while (left > 0 && !svc->stopping && vos_gc(svc->vos, GC_CREDITS, &left) == 0)
		rt_yield(svc->rt);
	svc->gc_running = false;
	(void)rt_wake_all(svc->rt, &svc->idle);
}

static void gc_start(struct obj_svc *svc)
{
	struct ult_opts opts = { .name = "vos-gc" };

	if (svc->gc_running || svc->stopping)
		return;
	/* Without memory for a ULT the next destroy tries again; space is all that waits. */
	svc->gc_running = rt_spawn(svc->rt, gc_run, svc, &opts) == 0;
}

int tgt_cont_destroy_handler(struct rpc_req *req)
{
	const struct wire_tgt_cont_destroy_req *in = req->body;
	struct obj_svc *svc = obj_svc_of(req);
	struct obj_cont *c;
	int rc;

	if (!uid_equal(&in->pool, &svc->pool))
		return -DER_NONEXIST;
	c = cont_settled(svc, &in->cont);
	if (c != NULL && c->dying)
		return -DER_INPROGRESS;
	if (c != NULL) {
		c->dying = true;	/* it stays in the list until it is gone from the store */
		while (c->users > 0)
			(void)rt_wait(svc->rt, &svc->idle, RT_NEVER);
		vos_cont_close(c->vc);
	}
	rc = vos_cont_destroy(svc->vos, &in->cont);
	if (c != NULL)
		cont_drop(svc, c);
	if (rc == -DER_NONEXIST)	/* nothing of it was ever here */
		rc = 0;
	if (rc == 0)
		gc_start(svc);
	return rc == 0 ? rpc_reply(req, 0, rpc_req_rep(req), NULL) : rc;
}

int tgt_map_handler(struct rpc_req *req)
{
	const struct wire_tgt_map_req *in = req->body;
	struct obj_svc *svc = obj_svc_of(req);

	if (!uid_equal(&in->pool, &svc->pool))
		return -DER_NONEXIST;
	if (in->map_version > svc->map_version)
		svc->map_version = in->map_version;
	return rpc_reply(req, 0, rpc_req_rep(req), NULL);
}

int tgt_space_handler(struct rpc_req *req)
{
	const struct wire_tgt_space_req *in = req->body;
	struct wire_tgt_space_rep *rep = rpc_req_rep(req);
	struct obj_svc *svc = obj_svc_of(req);
	struct wire_tier *tiers;
	struct vos_space space;
	uint32_t i;
	int rc;

	if (!uid_equal(&in->pool, &svc->pool))
		return -DER_NONEXIST;
	rc = vos_query(svc->vos, &space);
	if (rc != 0)
		return rc;
	tiers = rpc_req_alloc(req, VOS_MEDIA_COUNT * sizeof(*tiers));
	if (tiers == NULL)
		return -DER_NOMEM;
	for (i = 0; i < VOS_MEDIA_COUNT; i++)
		tiers[i] = (struct wire_tier){
			.media = i,
			.total = space.total_bytes[i],
			.free = space.free_bytes[i],
			.free_min = space.free_bytes[i],
			.free_max = space.free_bytes[i],
			.free_mean = space.free_bytes[i],
		};
	rep->tiers.v = tiers;
	rep->tiers.nr = VOS_MEDIA_COUNT;
	return rpc_reply(req, 0, rep, NULL);
}

/* A reply to an update means that it is durable; what is left to wait for is lazy writes. */
int obj_sync_handler(struct rpc_req *req)
{
	struct wire_obj_sync_rep *rep = rpc_req_rep(req);
	struct obj_svc *svc = obj_svc_of(req);
	int rc = vos_sync(svc->vos);

	if (rc != 0)
		return rc;
	rep->epoch = hlc_now(svc->hlc, rt_wall_ns(svc->rt));
	return rpc_reply(req, 0, rep, NULL);
}

void obj_svc_destroy(struct obj_svc *svc)
{
	if (svc == NULL)
		return;
	svc->stopping = true;
	(void)rt_wake_all(svc->rt, &svc->idle);
	while (svc->gc_running || svc->asking)
		(void)rt_wait(svc->rt, &svc->idle, RT_NEVER);
	while (!list_empty(&svc->conts)) {
		struct obj_cont *c = list_first(&svc->conts, struct obj_cont, link);

		ASSERT(c->users == 0 && !c->opening && !c->dying);
		vos_cont_close(c->vc);
		cont_drop(svc, c);
	}
	rt_free(svc->rt, svc);
}

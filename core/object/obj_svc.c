#include "core/object/obj_int.h"

#define GC_CREDITS 1024u

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

void obj_svc_set_rpc(struct obj_svc *svc, struct rpc *rpc)
{
	svc->rpc = rpc;
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
	if (rc != 0 && rc != -DER_EXIST)	/* another request may have made it meanwhile */
		return rc;
	return vos_cont_open(svc->vos, uid, ret_vc);
}

static int cont_add(struct obj_svc *svc, const struct uid *uid, struct obj_cont **ret_cont)
{
	struct vos_cont *vc;
	struct obj_cont *c;
	int rc;

	rc = cont_open(svc, uid, &vc);
	if (rc != 0)
		return rc;
	c = cont_find(svc, uid);
	if (c != NULL) {	/* while this request waited, another one added it */
		vos_cont_close(vc);
	} else {
		c = rt_alloc(svc->rt, sizeof(*c));
		if (c == NULL) {
			vos_cont_close(vc);
			return -DER_NOMEM;
		}
		c->uid = *uid;
		c->vc = vc;
		list_add(&svc->conts, &c->link);
	}
	*ret_cont = c;
	return 0;
}

int obj_cont_get(struct obj_svc *svc, const struct uid *pool, const struct uid *uid,
		 struct obj_cont **ret_cont)
{
	struct obj_cont *c;
	int rc;

	if (!uid_equal(pool, &svc->pool))
		return -DER_NONEXIST;
	c = cont_find(svc, uid);
	if (c == NULL) {
		rc = cont_add(svc, uid, &c);
		if (rc != 0)
			return rc;
	}
	if (c->dying)
		return -DER_NONEXIST;
	c->users++;
	*ret_cont = c;
	return 0;
}

void obj_cont_put(struct obj_svc *svc, struct obj_cont *c)
{
	ASSERT(c->users > 0);
	if (--c->users == 0)
		(void)rt_wake_all(svc->rt, &svc->idle);
}

static void cont_free(struct obj_svc *svc, struct obj_cont *c)
{
	list_del(&c->link);
	vos_cont_close(c->vc);
	rt_free(svc->rt, c);
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
	c = cont_find(svc, &in->cont);
	if (c != NULL && c->dying)
		return -DER_INPROGRESS;
	if (c != NULL) {
		c->dying = true;
		while (c->users > 0)
			(void)rt_wait(svc->rt, &svc->idle, RT_NEVER);
		cont_free(svc, c);
	}
	rc = vos_cont_destroy(svc->vos, &in->cont);
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
	while (svc->gc_running)
		(void)rt_wait(svc->rt, &svc->idle, RT_NEVER);
	while (!list_empty(&svc->conts)) {
		struct obj_cont *c = list_first(&svc->conts, struct obj_cont, link);

		ASSERT(c->users == 0);
		cont_free(svc, c);
	}
	rt_free(svc->rt, svc);
}

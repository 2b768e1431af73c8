/*
 * Where shards are, and calls to them. A newer pool map may place a shard elsewhere, or say that it is
 * lost; so a call that failed for want of it, or of an answer, is looked at once more with that map.
 */
#include "core/client/client_int.h"

/* Maps in a row that one call is placed by. */
#define MAP_TRIES 4u
#define ASK_PAUSE_NS 1000000000ull

/* By the newest map that is known. */
static int shard_place(struct cl_stream *s, struct cl_obj *o, uint32_t shard, struct rpc_ep *ret_ep,
		       uint32_t *ret_version)
{
	struct cl_map *held = cl_map_get(s->proc, o->cont->pool);
	const struct pmap *map;
	uint32_t target = 0;
	int rc;

	if (held == NULL)
		return -DER_UNINIT;
	map = held->pmap;
	rc = place_shard(map, o->oid, &o->attr, shard, &target);
	*ret_ep = (struct rpc_ep){ .rank = map->targets[target].rank,
				   .tag = (uint16_t)(map->targets[target].idx + 1) };
	*ret_version = map->version;
	cl_map_put(s->proc, held);
	return rc;
}

/* A target that is out of service tells nobody when it is back: ask, not too often. */
static bool ask_due(struct cl_stream *s, struct cl_pool *pool)
{
	uint64_t now = rt_now_ns(s->rt);
	bool due;

	process_lock(s->proc);
	due = pool->asked_ns == 0 || now - pool->asked_ns >= ASK_PAUSE_NS;
	if (due)
		pool->asked_ns = now;
	process_unlock(s->proc);
	return due;
}

int cl_shard_ep(struct cl_stream *s, struct cl_obj *o, uint32_t shard, struct rpc_ep *ret_ep,
		uint32_t *ret_version)
{
	int rc = shard_place(s, o, shard, ret_ep, ret_version);

	if (rc == -DER_DATA_LOSS && ask_due(s, o->cont->pool) &&
	    cl_map_refresh(s, o->cont->pool, *ret_version) == 0)
		rc = shard_place(s, o, shard, ret_ep, ret_version);
	return rc;
}

uint32_t cl_dkey_shard(const struct cl_obj *o, const daos_key_t *dkey)
{
	return place_dkey_group(&o->attr, place_dkey_hash(o->oid, dkey->iov_buf, dkey->iov_len)) *
	       o->attr.group_size;
}

/* Results after which a newer map is worth a look. */
static bool map_may_help(const struct rpc_call *call, int rc)
{
	if (rc == -DER_STALE)
		return true;
	return !call->answered && (rc == -DER_UNREACH || rc == -DER_TIMEDOUT ||
				   rc == -DER_NONEXIST || rc == -DER_EXCLUDED);
}

bool cl_map_retry(struct cl_stream *s, struct cl_obj *o, uint32_t shard,
		  const struct rpc_call *call, uint32_t *tries, int *rc)
{
	struct rpc_ep ep;
	uint32_t version;
	int err;

	if (!map_may_help(call, *rc) || ++*tries > MAP_TRIES ||
	    cl_map_refresh(s, o->cont->pool, call->map_version) != 0)
		return false;
	err = cl_shard_ep(s, o, shard, &ep, &version);
	if (err != 0) {
		*rc = err;
		return false;
	}
	/* Sent once more to where it may have been applied, it could be applied twice. */
	return *rc == -DER_STALE || ep.rank != call->ep.rank || ep.tag != call->ep.tag;
}

int cl_shard_call(struct cl_stream *s, struct cl_obj *o, uint32_t shard, struct rpc_call *call)
{
	uint32_t tries = 0;
	int rc;

	call->arg = o->cont->pool;
	call->retry = &s->retry;
	rc = cl_shard_ep(s, o, shard, &call->ep, &call->map_version);
	if (rc != 0)
		return rc;
	rc = rpc_call(s->rpc, call);
	while (cl_map_retry(s, o, shard, call, &tries, &rc)) {
		rpc_call_fini(s->rpc, call);
		rc = cl_shard_ep(s, o, shard, &call->ep, &call->map_version);
		if (rc != 0)
			return rc;
		rc = rpc_call(s->rpc, call);
	}
	return rc;
}

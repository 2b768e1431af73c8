/* Pools: connection, query, and the map that places objects. */
#include "core/client/client_int.h"

int cl_sys_call(struct cl_stream *s, struct sys_call *c, uint16_t op, const void *req, void *rep)
{
	struct process *p = s->proc;

	c->call.ep = (struct rpc_ep){ .rank = p->host->leader(p->host_ctx), .tag = 0 };
	c->call.op = op;
	c->call.retry = &s->retry;
	c->call.req = req;
	c->call.rep = rep;
	return rpc_call(s->rpc, &c->call);
}

void cl_str_copy(char *dst, size_t cap, struct bytes src)
{
	size_t n = min_u64(cap - 1, src.len);

	memcpy(dst, src.ptr, n);
	dst[n] = 0;
}

/* ---- the map -------------------------------------------------------------------------------- */

struct cl_map *cl_map_get(struct process *p, struct cl_pool *pool)
{
	struct cl_map *map;

	process_lock(p);
	map = pool->map;
	if (map != NULL)
		map->refs++;
	process_unlock(p);
	return map;
}

void cl_map_put(struct process *p, struct cl_map *map)
{
	bool last;

	if (map == NULL)
		return;
	process_lock(p);
	last = --map->refs == 0;
	if (last)
		p->host->unshare(p->host_ctx, map->pmap);
	process_unlock(p);
	if (last)
		process_free(p, map);
}

/* Make @map the pool's, unless one as new came in between. Takes @map's reference. */
static void pool_map_set(struct process *p, struct cl_pool *pool, struct cl_map *map)
{
	struct cl_map *old = map;

	process_lock(p);
	if (pool->map == NULL || pool->map->pmap->version < map->pmap->version) {
		old = pool->map;
		pool->map = map;
	}
	process_unlock(p);
	cl_map_put(p, old);
}

/* One reference to the caller. */
static int map_make(struct process *p, const struct pmap *pmap, struct cl_map **ret_map)
{
	struct cl_map *map = process_alloc(p, sizeof(*map));

	if (map == NULL)
		return -DER_NOMEM;
	process_lock(p);
	map->pmap = p->host->share(p->host_ctx, pmap, pmap_bytes(pmap->target_count));
	process_unlock(p);
	if (map->pmap == NULL) {
		process_free(p, map);
		return -DER_NOMEM;
	}
	map->refs = 1;
	*ret_map = map;
	return 0;
}

static int map_decode(struct cl_stream *s, const void *src, size_t bytes, struct cl_map **ret_map)
{
	struct pmap *pmap;
	uint32_t count;
	int rc;

	rc = pmap_decode_count(src, bytes, &count);
	if (rc != 0)
		return rc;
	pmap = rt_alloc(s->rt, pmap_bytes(count));
	if (pmap == NULL)
		return -DER_NOMEM;
	rc = pmap_decode(src, bytes, pmap);
	if (rc == 0)
		rc = map_make(s->proc, pmap, ret_map);
	rt_free(s->rt, pmap);
	return rc;
}

/* One fetch into @room bytes of @mem. *ret_need is the map's size; @mem holds it if that fits. */
static int map_fetch(struct cl_stream *s, struct cl_pool *pool, uint32_t have, void *mem,
		     uint64_t room, uint64_t *ret_need)
{
	struct wire_pool_map_fetch_req req = { .pool = pool->uid, .known_version = have };
	struct wire_pool_map_fetch_rep rep;
	struct sys_call c = { 0 };
	struct bseg seg;
	struct bseg dst_seg;
	struct buf expose = buf_from_bytes(&seg, mem, room);
	struct buf dst = buf_from_bytes(&dst_seg, mem, room);
	int rc;

	if (room > 0) {
		c.call.expose = &expose;
		c.call.access = RT_ACCESS_WRITE;
	}
	rc = cl_sys_call(s, &c, WIRE_POOL_MAP_FETCH, &req, &rep);
	if (rc == 0 && rep.map_version == have)
		rc = -DER_AGAIN;
	if (rc == 0)
		*ret_need = rep.map_bytes;
	if (rc == 0 && rep.placed == WIRE_PLACED_INLINE && rep.map_bytes <= room)
		rc = buf_copy(&dst, 0, &c.call.rep_payload, 0, rep.map_bytes);
	rpc_call_fini(s->rpc, &c.call);
	return rc;
}

#define MAP_BYTES_FIRST 8192u
#define MAP_BYTES_MAX (64u << 20)

int cl_map_refresh(struct cl_stream *s, struct cl_pool *pool, uint32_t have)
{
	struct process *p = s->proc;
	uint64_t room = MAP_BYTES_FIRST;
	struct cl_map *map = NULL;
	bool newer;
	int rc;

	process_lock(p);
	newer = pool->map != NULL && pool->map->pmap->version > have;
	process_unlock(p);
	if (newer)	/* another call was faster */
		return 0;
	for (;;) {
		void *mem = rt_alloc(s->rt, room);
		uint64_t need = 0;

		if (mem == NULL)
			return -DER_NOMEM;
		rc = map_fetch(s, pool, have, mem, room, &need);
		if (rc == 0 && need <= room)
			rc = map_decode(s, mem, need, &map);
		rt_free(s->rt, mem);
		if (rc != 0 || map != NULL)
			break;
		if (need > MAP_BYTES_MAX)
			return -DER_PROTO;
		room = need;
	}
	if (rc == 0 && !uid_equal(&map->pmap->pool, &pool->uid)) {
		cl_map_put(p, map);
		return -DER_PROTO;
	}
	if (rc == 0)
		pool_map_set(p, pool, map);
	return rc;
}

/* ---- connection ----------------------------------------------------------------------------- */

static void pool_free(struct process *p, struct cl_ref *ref)
{
	struct cl_pool *pool = container_of(ref, struct cl_pool, ref);

	cl_map_put(p, pool->map);
	process_free(p, pool);
}

void pool_forked(struct cl_ref *ref)
{
	struct cl_pool *pool = container_of(ref, struct cl_pool, ref);

	pool->refreshing = false;
	pool->shared = true;	/* the connection is the parent's to end */
}

struct cl_pool *cl_pool_make(struct process *p)
{
	struct cl_pool *pool = process_alloc(p, sizeof(*pool));

	if (pool != NULL)
		cl_ref_init(&pool->ref, DAOS_HTYPE_POOL, pool_free);
	return pool;
}

static bool pool_flags_valid(uint32_t flags)
{
	return flags == DAOS_PC_RO || flags == DAOS_PC_RW || flags == DAOS_PC_EX;
}

int cl_pool_connect(struct cl_stream *s, const char *name, uint32_t flags,
		    struct cl_pool **ret_pool)
{
	struct wire_pool_connect_req req = { .flags = flags };
	struct wire_pool_connect_rep rep;
	struct sys_call c = { 0 };
	struct cl_pool *pool;
	int rc;

	if (name == NULL || name[0] == 0 || strnlen(name, WIRE_LABEL_MAX + 1) > WIRE_LABEL_MAX ||
	    !pool_flags_valid(flags))
		return -DER_INVAL;
	pool = cl_pool_make(s->proc);
	if (pool == NULL)
		return -DER_NOMEM;
	pool->flags = flags;
	pool->handle = cl_uid_make(s->rt);
	req.pool = wire_str(name);
	req.handle = pool->handle;
	rc = cl_sys_call(s, &c, WIRE_POOL_CONNECT, &req, &rep);
	if (rc == 0) {
		pool->uid = rep.pool;
		cl_str_copy(pool->label, sizeof(pool->label), rep.label);
	}
	rpc_call_fini(s->rpc, &c.call);
	if (rc == 0) {
		rc = cl_map_refresh(s, pool, 0);
		if (rc != 0)	/* the connection exists already; do not leave it behind */
			(void)cl_pool_disconnect(s, pool);
	}
	if (rc != 0) {
		cl_put(s->proc, &pool->ref);
		return rc;
	}
	*ret_pool = pool;
	return 0;
}

int cl_pool_disconnect(struct cl_stream *s, struct cl_pool *pool)
{
	struct wire_pool_disconnect_req req = { .pool = pool->uid, .handle = pool->handle };
	struct sys_call c = { 0 };
	int rc;

	if (pool->shared)
		return 0;
	rc = cl_sys_call(s, &c, WIRE_POOL_DISCONNECT, &req, NULL);
	rpc_call_fini(s->rpc, &c.call);
	return rc;
}

static void space_fill(daos_pool_info_t *info, const struct wire_pool_query_rep *rep)
{
	struct daos_pool_space *ps = &info->pi_space;
	uint32_t i;

	*ps = (struct daos_pool_space){ .ps_ntargets = rep->space_target_count };
	for (i = 0; i < rep->tiers.nr; i++) {
		const struct wire_tier *t = &rep->tiers.v[i];

		if (t->media >= DAOS_MEDIA_MAX)
			continue;
		ps->ps_space.s_total[t->media] = t->total;
		ps->ps_space.s_free[t->media] = t->free;
		ps->ps_free_min[t->media] = t->free_min;
		ps->ps_free_max[t->media] = t->free_max;
		ps->ps_free_mean[t->media] = t->free_mean;
	}
}

int cl_pool_query(struct cl_stream *s, struct cl_pool *pool, daos_pool_info_t *info,
		  daos_prop_t *prop)
{
	uint64_t bits = info != NULL ? info->pi_bits : 0;
	struct wire_pool_query_req req = { .pool = pool->uid, .handle = pool->handle,
					   .bits = bits };
	struct wire_pool_query_rep rep;
	struct sys_call c = { 0 };
	int rc;

	rc = cl_sys_call(s, &c, WIRE_POOL_QUERY, &req, &rep);
	if (rc == 0 && info != NULL) {
		*info = (daos_pool_info_t){
			.pi_ntargets = rep.target_count,
			.pi_nnodes = rep.node_count,
			.pi_ndisabled = rep.disabled_count,
			.pi_map_ver = rep.map_version,
			.pi_leader = rep.leader_rank,
			.pi_bits = bits & (DPI_SPACE | DPI_REBUILD_STATUS),
		};
		memcpy(info->pi_uuid, pool->uid.b, sizeof(info->pi_uuid));
		if (bits & DPI_SPACE)
			space_fill(info, &rep);
		info->pi_rebuild_st.rs_state = (int32_t)rep.rebuild_state;
		info->pi_rebuild_st.rs_version = rep.rebuild_version;
		info->pi_rebuild_st.rs_fail_rank = -1;
	}
	if (rc == 0 && prop != NULL) {
		struct wire_prop label = { .type = DAOS_PROP_PO_LABEL, .str = rep.label };

		rc = cl_props_from_wire(&label, 1, prop);
	}
	rpc_call_fini(s->rpc, &c.call);
	return rc;
}

int cl_pool_set_targets(struct cl_stream *s, struct cl_pool *pool, uint32_t rank, uint32_t nr,
			const uint32_t *idxs, uint32_t state)
{
	struct wire_pool_tgt_set_req req = { .pool = pool->uid, .rank = rank, .state = state };
	struct wire_pool_tgt_set_rep rep;
	struct sys_call c = { 0 };
	int rc;

	req.tgts.v = idxs;
	req.tgts.nr = nr;
	rc = cl_sys_call(s, &c, WIRE_POOL_TGT_SET, &req, &rep);
	rpc_call_fini(s->rpc, &c.call);
	/* At least the version that this change made. */
	return rc == 0 ? cl_map_refresh(s, pool, rep.map_version - 1) : rc;
}

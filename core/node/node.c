#include "core/node/node.h"

#define HANDLERS_MAX 64u

struct uid node_pool_uid(const char *system, const char *pool)
{
	uint64_t v[2];
	struct uid u;

	v[0] = hash_bytes(system, strlen(system), 0x706f6f6c);
	v[0] = hash_bytes(pool, strlen(pool), v[0]);
	v[1] = mix64(v[0]);
	memcpy(u.b, v, sizeof(u.b));
	/* In the form of a version-8 UUID: content chosen by its maker. */
	u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x80);
	u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
	return u;
}

/* The id that a store's superblock holds: which pool, rank and target it belongs to. */
static struct uid store_uid(const struct node_opts *opts, uint32_t tag)
{
	struct uid u = node_pool_uid(opts->system, opts->pool);
	uint32_t v[2] = { opts->rank, tag };

	memcpy(u.b + 8, v, sizeof(v));
	return u;
}

static struct vos_home dev_home(struct rt_dev *dev)
{
	return (struct vos_home){ .dev = dev, .bytes = dev != NULL ? dev->bytes : 0 };
}

#define CATCH_UP_UIDS 32u

/* The wall clock may have been set back since the last run: whatever is written from now on must be newer
 * than all that is there. */
static int clock_catch_up(struct vos *vos, struct hlc *hlc)
{
	struct uid uids[CATCH_UP_UIDS];
	const struct uid *after = NULL;
	struct uid last;
	uint32_t nr;
	uint32_t i;
	int rc;

	do {
		rc = vos_cont_list(vos, after, CATCH_UP_UIDS, uids, &nr);
		for (i = 0; i < nr && rc == 0; i++) {
			struct vos_cont_info info;
			struct vos_cont *c;

			rc = vos_cont_open(vos, &uids[i], &c);
			if (rc != 0)
				break;
			rc = vos_cont_query(c, &info);
			vos_cont_close(c);
			if (rc == 0)
				hlc->last = max_u64(hlc->last, info.epoch_max);
		}
		last = uids[CATCH_UP_UIDS - 1];
		after = &last;
	} while (rc == 0 && nr == CATCH_UP_UIDS);
	return rc;
}

/* ---- targets -------------------------------------------------------------------------------- */

struct node_tgt {
	struct rt *rt;
	struct vos *vos;
	struct obj_svc *svc;
	struct rpc *rpc;
	struct hlc hlc;
};

int node_tgt_format(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev, uint32_t idx,
		    uint32_t flags)
{
	struct vos_home home = dev_home(dev);
	struct vos_opts vos = { .id = store_uid(opts, idx + 1) };

	return vos_format(rt, &home, &vos, flags);
}

static int tgt_open(struct node_tgt *t, const struct node_opts *opts, struct rt_dev *dev,
		    uint32_t idx)
{
	struct vos_home home = dev_home(dev);
	/* Read timestamps died with the former run: nothing may be written below the present. */
	struct vos_opts vos = { .id = store_uid(opts, idx + 1),
				.epoch_floor = dev != NULL ? hlc_now(&t->hlc, rt_wall_ns(t->rt))
							   : 0 };
	struct obj_svc_opts svc = { .pool = node_pool_uid(opts->system, opts->pool),
				    .hlc = &t->hlc, .leader_rank = opts->leader_rank,
				    .resolve = opts->resolve, .arg = opts->arg };
	struct rpc_opts rpc = { .limits = opts->limits, .handlers = obj_handlers,
				.handlers_nr = obj_handlers_nr, .resolve = obj_svc_resolve,
				.hlc = &t->hlc };
	int rc;

	rc = vos_open(t->rt, &home, &vos, &t->vos);
	if (rc != 0)
		return rc;
	rc = clock_catch_up(t->vos, &t->hlc);
	if (rc != 0)
		return rc;
	svc.vos = t->vos;
	rc = obj_svc_create(t->rt, &svc, &t->svc);
	if (rc != 0)
		return rc;
	rpc.arg = t->svc;
	rc = rpc_create(t->rt, &rpc, &t->rpc);
	return rc == 0 ? obj_svc_start(t->svc, t->rpc) : rc;
}

int node_tgt_start(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev, uint32_t idx,
		   struct node_tgt **ret_tgt)
{
	struct node_tgt *t = rt_alloc(rt, sizeof(*t));
	int rc;

	if (t == NULL)
		return -DER_NOMEM;
	t->rt = rt;
	rc = tgt_open(t, opts, dev, idx);
	if (rc != 0) {
		node_tgt_stop(t);
		return rc;
	}
	*ret_tgt = t;
	return 0;
}

void node_tgt_stop(struct node_tgt *t)
{
	if (t == NULL)
		return;
	if (t->rpc != NULL)
		rpc_stop(t->rpc);
	obj_svc_destroy(t->svc);
	rpc_destroy(t->rpc);
	vos_close(t->vos);
	rt_free(t->rt, t);
}

struct rpc *node_tgt_rpc(struct node_tgt *tgt)
{
	return tgt->rpc;
}

struct vos *node_tgt_vos(struct node_tgt *tgt)
{
	return tgt->vos;
}

/* ---- system streams ------------------------------------------------------------------------- */

struct node_sys {
	struct rt *rt;
	struct vos *vos;
	struct pool_meta *meta;
	struct pool_svc *pool;
	struct cont_svc *cont;
	struct rpc *rpc;
	struct hlc hlc;
	struct rpc_handler handlers[HANDLERS_MAX];
};

static int pool_make(struct rt *rt, struct pool_meta *meta, const struct node_opts *opts,
		     const struct node_ranks *ranks)
{
	struct uid uid = node_pool_uid(opts->system, opts->pool);
	uint64_t targets = 0;
	struct pmap *map;
	uint32_t i;
	int rc;

	for (i = 0; i < ranks->nr; i++)
		targets += ranks->target_counts[i];
	if (targets == 0 || targets > PMAP_TARGETS_MAX)
		return -DER_INVAL;
	map = rt_alloc(rt, pmap_bytes((uint32_t)targets));
	if (map == NULL)
		return -DER_NOMEM;
	pmap_make(&uid, ranks->ranks, ranks->target_counts, ranks->nr, map);
	rc = pool_svc_format(rt, meta, opts->pool, map);
	rt_free(rt, map);
	return rc;
}

int node_sys_format(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev,
		    const struct node_ranks *ranks, uint32_t flags)
{
	struct vos_home home = dev_home(dev);
	struct vos_opts vos_opts = { .id = store_uid(opts, 0) };
	struct pool_meta *meta = NULL;
	struct hlc hlc = { 0 };
	struct vos *vos;
	int rc;

	rc = vos_format(rt, &home, &vos_opts, flags);
	if (rc != 0)
		return rc;
	rc = vos_open(rt, &home, &vos_opts, &vos);
	if (rc != 0)
		return rc;
	rc = pool_meta_open(rt, vos, &hlc, &meta);
	if (rc == 0)
		rc = pool_make(rt, meta, opts, ranks);
	pool_meta_close(meta);
	vos_close(vos);
	return rc;
}

static int sys_open_pool(struct node_sys *s, const struct node_opts *opts, struct rt_dev *dev,
			 const struct node_ranks *make)
{
	struct vos_home home = dev_home(dev);
	struct vos_opts vos = { .id = store_uid(opts, 0) };
	struct pool_svc_opts pool = { .hlc = &s->hlc, .rank = opts->rank,
				      .resolve = opts->resolve, .arg = opts->arg };
	int rc;

	rc = vos_open(s->rt, &home, &vos, &s->vos);
	if (rc == 0)
		rc = clock_catch_up(s->vos, &s->hlc);
	if (rc == 0)
		rc = pool_meta_open(s->rt, s->vos, &s->hlc, &s->meta);
	if (rc != 0)
		return rc;
	pool.meta = s->meta;
	rc = pool_svc_open(s->rt, &pool, &s->pool);
	if (rc == -DER_NONEXIST && make != NULL) {
		rc = pool_make(s->rt, s->meta, opts, make);
		if (rc == 0)
			rc = pool_svc_open(s->rt, &pool, &s->pool);
	}
	if (rc == 0)
		rc = cont_svc_open(s->pool, &s->cont);
	return rc;
}

static const struct rpc_handler ping_only[] = {
	{ .op = WIRE_PING, .flags = RPC_H_INLINE, .fn = rpc_ping_handler },
};

static int sys_open(struct node_sys *s, const struct node_opts *opts, struct rt_dev *dev,
		    const struct node_ranks *make)
{
	struct rpc_opts rpc = { .limits = opts->limits, .handlers = ping_only,
				.handlers_nr = ARRAY_COUNT(ping_only), .hlc = &s->hlc };
	int rc;

	if (opts->rank == opts->leader_rank) {
		rc = sys_open_pool(s, opts, dev, make);
		if (rc != 0)
			return rc;
		ASSERT(pool_handlers_nr + cont_handlers_nr <= HANDLERS_MAX);
		memcpy(s->handlers, pool_handlers, pool_handlers_nr * sizeof(*pool_handlers));
		memcpy(s->handlers + pool_handlers_nr, cont_handlers,
		       cont_handlers_nr * sizeof(*cont_handlers));
		rpc.handlers = s->handlers;
		rpc.handlers_nr = pool_handlers_nr + cont_handlers_nr;
		rpc.resolve = pool_svc_resolve;
		rpc.arg = s->pool;
	}
	rc = rpc_create(s->rt, &rpc, &s->rpc);
	if (rc == 0 && s->pool != NULL)
		pool_svc_set_rpc(s->pool, s->rpc);
	return rc;
}

int node_sys_start(struct rt *rt, const struct node_opts *opts, struct rt_dev *dev,
		   const struct node_ranks *make, struct node_sys **ret_sys)
{
	struct node_sys *s = rt_alloc(rt, sizeof(*s));
	int rc;

	if (s == NULL)
		return -DER_NOMEM;
	s->rt = rt;
	rc = sys_open(s, opts, dev, make);
	if (rc != 0) {
		node_sys_stop(s);
		return rc;
	}
	*ret_sys = s;
	return 0;
}

void node_sys_stop(struct node_sys *s)
{
	if (s == NULL)
		return;
	if (s->rpc != NULL)
		rpc_stop(s->rpc);
	pool_svc_stop(s->pool);
	rpc_destroy(s->rpc);
	cont_svc_close(s->cont);
	pool_svc_close(s->pool);
	pool_meta_close(s->meta);
	vos_close(s->vos);
	rt_free(s->rt, s);
}

struct rpc *node_sys_rpc(struct node_sys *sys)
{
	return sys->rpc;
}

#include "core/pool/pool_svc.h"

#include "daos_pool.h"

#define CALL_WIDTH 64u
#define TELL_NS 2000000000ull	/* for a target to hear of a new map */
#define CALL_NS 20000000000ull	/* for a target to do as it is told: less than clients wait */
#define TRY_NS 2000000000ull	/* until it is told once more */

/* What targets are told may be told twice. */
static const int call_again[] = { -DER_OVERLOAD_RETRY, -DER_INPROGRESS, -DER_UNREACH, -DER_TIMEDOUT,
				  -DER_NOMEM };
static const struct rpc_retry call_retry = {
	.rcs = call_again, .rcs_nr = ARRAY_COUNT(call_again), .try_timeout_ns = TRY_NS,
	.backoff_min_ns = 100000, .backoff_max_ns = 100000000,
};

/* A connected client. */
struct pool_hdl {
	struct list link;
	struct uid uid;
	uint64_t flags;
};

struct pool_svc {
	struct rt *rt;
	struct rpc *rpc;
	struct pool_meta *meta;
	struct hlc *hlc;
	struct cont_svc *cont;
	uint32_t rank;
	int (*resolve)(void *arg, struct rpc_ep ep, char *ret_uri);
	void *arg;
	char label[POOL_LABEL_MAX + 1];
	struct pmap *map;
	struct list handles;
	struct rt_mutex map_lock;	/* one change of the map at a time */
	struct rt_waitq told;		/* woken when a round of telling has ended */
	bool telling;
	bool stopping;
};

struct rt *pool_svc_rt(struct pool_svc *svc)
{
	return svc->rt;
}

struct rpc *pool_svc_rpc(struct pool_svc *svc)
{
	return svc->rpc;
}

struct pool_meta *pool_svc_meta(struct pool_svc *svc)
{
	return svc->meta;
}

struct hlc *pool_svc_hlc(struct pool_svc *svc)
{
	return svc->hlc;
}

const struct uid *pool_svc_uid(struct pool_svc *svc)
{
	return &svc->map->pool;
}

const struct pmap *pool_svc_map(struct pool_svc *svc)
{
	return svc->map;
}

struct cont_svc *pool_svc_cont(struct pool_svc *svc)
{
	return svc->cont;
}

void pool_svc_set_cont(struct pool_svc *svc, struct cont_svc *cont)
{
	svc->cont = cont;
}

void pool_svc_set_rpc(struct pool_svc *svc, struct rpc *rpc)
{
	svc->rpc = rpc;
}

int pool_svc_resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	struct pool_svc *svc = arg;

	return svc->resolve(svc->arg, ep, ret_uri);
}

struct pool_svc *pool_svc_of(struct rpc_req *req)
{
	struct pool_svc *svc = rpc_arg(req->rpc);

	req->rep_map_version = svc->map->version;
	return svc;
}

void pool_uid_print(const struct uid *uid, char *dst)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;
	size_t i;

	for (i = 0; i < sizeof(uid->b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			dst[at++] = '-';
		dst[at++] = hex[uid->b[i] >> 4];
		dst[at++] = hex[uid->b[i] & 15];
	}
	dst[at] = 0;
}

/* ---- the pool's record ---------------------------------------------------------------------- */

/* On media: label length u32, label, then the encoded map. */
static const struct bytes pool_key = { .ptr = "pool", .len = 4 };

static int record_put(struct rt *rt, struct pool_meta *meta, const char *label,
		      const struct pmap *map)
{
	uint32_t label_len = (uint32_t)strlen(label);
	size_t map_bytes = pmap_encoded_bytes(map->target_count);
	size_t bytes = sizeof(label_len) + label_len + map_bytes;
	uint8_t *mem = rt_alloc(rt, bytes);
	int rc;

	if (mem == NULL)
		return -DER_NOMEM;
	memcpy(mem, &label_len, sizeof(label_len));
	memcpy(mem + sizeof(label_len), label, label_len);
	pmap_encode(map, mem + sizeof(label_len) + label_len);
	rc = pool_meta_put(meta, POOL_T_POOL, pool_key,
			   (struct bytes){ .ptr = mem, .len = (uint32_t)bytes });
	rt_free(rt, mem);
	return rc;
}

static int record_load(void *arg, struct bytes key, struct bytes value)
{
	struct pool_svc *svc = arg;
	const uint8_t *v = value.ptr;
	uint32_t label_len;
	uint32_t count;
	size_t head;

	(void)key;
	if (value.len < sizeof(label_len))
		return -DER_DF_INVAL;
	memcpy(&label_len, v, sizeof(label_len));
	head = sizeof(label_len) + label_len;
	if (label_len > POOL_LABEL_MAX || head > value.len ||
	    pmap_decode_count(v + head, value.len - head, &count) != 0)
		return -DER_DF_INVAL;
	svc->map = rt_alloc(svc->rt, pmap_bytes(count));
	if (svc->map == NULL)
		return -DER_NOMEM;
	memcpy(svc->label, v + sizeof(label_len), label_len);
	return pmap_decode(v + head, value.len - head, svc->map) != 0 ? -DER_DF_INVAL : 0;
}

static int record_seen(void *arg, struct bytes key, struct bytes value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return 0;
}

int pool_svc_format(struct rt *rt, struct pool_meta *meta, const char *label,
		    const struct pmap *map)
{
	bool there = false;
	int rc;

	if (label[0] == 0 || strnlen(label, POOL_LABEL_MAX + 1) > POOL_LABEL_MAX)
		return -DER_INVAL;
	rc = pool_meta_walk(meta, POOL_T_POOL, record_seen, &there);
	if (rc == 0 && there)
		rc = -DER_EXIST;
	return rc != 0 ? rc : record_put(rt, meta, label, map);
}

/* ---- handles -------------------------------------------------------------------------------- */

static struct pool_hdl *hdl_find(struct pool_svc *svc, const struct uid *uid)
{
	struct list *pos;

	list_for_each(pos, &svc->handles) {
		struct pool_hdl *h = list_entry(pos, struct pool_hdl, link);

		if (uid_equal(&h->uid, uid))
			return h;
	}
	return NULL;
}

bool pool_svc_handle(struct pool_svc *svc, const struct uid *handle, uint64_t *ret_flags)
{
	struct pool_hdl *h = hdl_find(svc, handle);

	if (h != NULL && ret_flags != NULL)
		*ret_flags = h->flags;
	return h != NULL;
}

static struct pool_hdl *hdl_add(struct pool_svc *svc, const struct uid *uid, uint64_t flags)
{
	struct pool_hdl *h = rt_alloc(svc->rt, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->uid = *uid;
	h->flags = flags;
	list_add_tail(&svc->handles, &h->link);
	return h;
}

static void hdl_del(struct pool_svc *svc, const struct uid *uid)
{
	struct pool_hdl *h = hdl_find(svc, uid);

	if (h == NULL)
		return;
	list_del(&h->link);
	rt_free(svc->rt, h);
}

static int hdl_load(void *arg, struct bytes key, struct bytes value)
{
	struct pool_svc *svc = arg;
	struct uid uid;
	uint64_t flags;

	if (key.len != sizeof(uid) || value.len != sizeof(flags))
		return -DER_DF_INVAL;
	memcpy(uid.b, key.ptr, sizeof(uid));
	memcpy(&flags, value.ptr, sizeof(flags));
	return hdl_add(svc, &uid, flags) != NULL ? 0 : -DER_NOMEM;
}

/* ---- open and close ------------------------------------------------------------------------- */

int pool_svc_open(struct rt *rt, const struct pool_svc_opts *opts, struct pool_svc **ret_svc)
{
	struct pool_svc *svc = rt_alloc(rt, sizeof(*svc));
	int rc;

	if (svc == NULL)
		return -DER_NOMEM;
	*svc = (struct pool_svc){ .rt = rt, .meta = opts->meta, .hlc = opts->hlc,
				  .rank = opts->rank, .resolve = opts->resolve,
				  .arg = opts->arg };
	list_init(&svc->handles);
	rt_mutex_init(&svc->map_lock);
	rt_waitq_init(&svc->told);
	rc = pool_meta_walk(svc->meta, POOL_T_POOL, record_load, svc);
	if (rc == 0 && svc->map == NULL)
		rc = -DER_NONEXIST;
	if (rc == 0)
		rc = pool_meta_walk(svc->meta, POOL_T_HANDLE, hdl_load, svc);
	if (rc != 0) {
		pool_svc_close(svc);
		return rc;
	}
	*ret_svc = svc;
	return 0;
}

void pool_svc_close(struct pool_svc *svc)
{
	if (svc == NULL)
		return;
	while (!list_empty(&svc->handles)) {
		struct pool_hdl *h = list_first(&svc->handles, struct pool_hdl, link);

		list_del(&h->link);
		rt_free(svc->rt, h);
	}
	rt_free(svc->rt, svc->map);
	rt_free(svc->rt, svc);
}

/* ---- calls to targets ----------------------------------------------------------------------- */

static int targets_window(struct pool_svc *svc, uint16_t op, const void *req, size_t rep_bytes,
			  uint32_t first, struct rpc_call *calls, uint32_t nr, pool_each_fn each,
			  void *arg)
{
	char *reps = (char *)(calls + nr);
	struct rpc_group g;
	uint32_t i;
	int rc = 0;

	rpc_group_init(&g, svc->rpc);
	for (i = 0; i < nr; i++) {
		const struct pmap_target *t = &svc->map->targets[first + i];

		calls[i] = (struct rpc_call){
			.ep = { .rank = t->rank, .tag = (uint16_t)(t->idx + 1) },
			.op = op,
			.map_version = svc->map->version,
			.deadline_ns = rt_now_ns(svc->rt) + CALL_NS,
			.retry = &call_retry,
			.req = req,
			.rep = rep_bytes > 0 ? reps + i * rep_bytes : NULL,
		};
		if (t->state == PMAP_UPIN || t->state == PMAP_DRAIN)
			(void)rpc_group_send(&g, &calls[i]);	/* its rc says how it went */
		else
			calls[i].rc = -DER_EXCLUDED;
	}
	(void)rpc_group_wait(&g);
	for (i = 0; i < nr; i++) {
		if (calls[i].rc == -DER_EXCLUDED)
			continue;
		if (each != NULL)
			each(arg, first + i, calls[i].rc, calls[i].rep);
		if (rc == 0)
			rc = calls[i].rc;
		rpc_call_fini(svc->rpc, &calls[i]);
	}
	return rc;
}

int pool_svc_call_targets(struct pool_svc *svc, uint16_t op, const void *req, size_t rep_bytes,
			  pool_each_fn each, void *arg)
{
	uint32_t count = svc->map->target_count;
	uint32_t width = (uint32_t)min_u64(count, CALL_WIDTH);
	struct rpc_call *calls;
	uint32_t first;
	int rc = 0;

	rep_bytes = align_up(rep_bytes, 16);
	calls = rt_alloc(svc->rt, width * (sizeof(*calls) + rep_bytes));
	if (calls == NULL)
		return -DER_NOMEM;
	for (first = 0; first < count; first += width) {
		uint32_t nr = (uint32_t)min_u64(width, count - first);
		int one = targets_window(svc, op, req, rep_bytes, first, calls, nr, each, arg);

		if (rc == 0)
			rc = one;
	}
	rt_free(svc->rt, calls);
	return rc;
}

/* ---- connect and disconnect ----------------------------------------------------------------- */

static bool is_this_pool(struct pool_svc *svc, struct bytes name)
{
	char text[37];

	if (name.len == strlen(svc->label) && memcmp(name.ptr, svc->label, name.len) == 0)
		return true;
	pool_uid_print(&svc->map->pool, text);
	return name.len == 36 && memcmp(name.ptr, text, 36) == 0;
}

/* An exclusive handle allows no other, and is not given while there are others. */
static bool connect_conflict(struct pool_svc *svc, uint64_t flags)
{
	struct list *pos;

	list_for_each(pos, &svc->handles)
		if ((flags & DAOS_PC_EX) ||
		    (list_entry(pos, struct pool_hdl, link)->flags & DAOS_PC_EX))
			return true;
	return false;
}

static int connect_handler(struct rpc_req *req)
{
	const struct wire_pool_connect_req *in = req->body;
	struct wire_pool_connect_rep *rep = rpc_req_rep(req);
	struct pool_svc *svc = pool_svc_of(req);
	struct pool_hdl *h;
	int rc;

	if (!is_this_pool(svc, in->pool))
		return -DER_NONEXIST;
	if (hdl_find(svc, &in->handle) == NULL) {
		if (connect_conflict(svc, in->flags))
			return -DER_BUSY;
		h = hdl_add(svc, &in->handle, in->flags);
		if (h == NULL)
			return -DER_NOMEM;
		rc = pool_meta_put(svc->meta, POOL_T_HANDLE,
				   (struct bytes){ .ptr = in->handle.b, .len = sizeof(in->handle) },
				   (struct bytes){ .ptr = &in->flags, .len = sizeof(in->flags) });
		if (rc != 0) {
			hdl_del(svc, &in->handle);
			return rc;
		}
	}
	rep->pool = svc->map->pool;
	rep->label = wire_str(svc->label);
	rep->map_version = svc->map->version;
	return rpc_reply(req, 0, rep, NULL);
}

static int disconnect_handler(struct rpc_req *req)
{
	const struct wire_pool_disconnect_req *in = req->body;
	struct pool_svc *svc = pool_svc_of(req);
	int rc;

	if (!uid_equal(&in->pool, &svc->map->pool))
		return -DER_NONEXIST;
	rc = pool_meta_del(svc->meta, POOL_T_HANDLE,
			   (struct bytes){ .ptr = in->handle.b, .len = sizeof(in->handle) });
	if (rc != 0)
		return rc;
	hdl_del(svc, &in->handle);	/* gone already: once more is no harm */
	return rpc_reply(req, 0, rpc_req_rep(req), NULL);
}

/* ---- query ---------------------------------------------------------------------------------- */

struct space_sum {
	struct wire_tier tiers[VOS_MEDIA_COUNT];
	uint32_t answered;
};

static void space_add(void *arg, uint32_t target, int rc, const void *rep)
{
	const struct wire_tgt_space_rep *r = rep;
	struct space_sum *s = arg;
	uint32_t i;

	(void)target;
	if (rc != 0)
		return;
	for (i = 0; i < r->tiers.nr; i++) {
		const struct wire_tier *t = &r->tiers.v[i];
		struct wire_tier *sum;

		if (t->media >= VOS_MEDIA_COUNT)
			continue;
		sum = &s->tiers[t->media];
		sum->total += t->total;
		sum->free += t->free;
		sum->free_max = max_u64(sum->free_max, t->free);
		sum->free_min = s->answered == 0 ? t->free : min_u64(sum->free_min, t->free);
	}
	s->answered++;
}

static int query_space(struct pool_svc *svc, struct rpc_req *req, struct wire_pool_query_rep *rep)
{
	struct wire_tgt_space_req space_req = { .pool = svc->map->pool };
	struct space_sum *s = rpc_req_alloc(req, sizeof(*s));
	uint32_t i;

	if (s == NULL)
		return -DER_NOMEM;
	for (i = 0; i < VOS_MEDIA_COUNT; i++)
		s->tiers[i].media = i;
	/* A target that does not answer is missing in the sum; the count says so. */
	(void)pool_svc_call_targets(svc, WIRE_TGT_SPACE, &space_req,
				    sizeof(struct wire_tgt_space_rep), space_add, s);
	for (i = 0; i < VOS_MEDIA_COUNT && s->answered > 0; i++)
		s->tiers[i].free_mean = s->tiers[i].free / s->answered;
	rep->space_target_count = s->answered;
	rep->tiers.v = s->tiers;
	rep->tiers.nr = VOS_MEDIA_COUNT;
	return 0;
}

static int query_handler(struct rpc_req *req)
{
	const struct wire_pool_query_req *in = req->body;
	struct wire_pool_query_rep *rep = rpc_req_rep(req);
	struct pool_svc *svc = pool_svc_of(req);
	const struct pmap *map = svc->map;
	int rc = 0;

	if (!uid_equal(&in->pool, &map->pool))
		return -DER_NONEXIST;
	if (!pool_svc_handle(svc, &in->handle, NULL))
		return -DER_NO_HDL;
	rep->label = wire_str(svc->label);
	rep->target_count = map->target_count;
	rep->node_count = map->rank_count;
	rep->disabled_count = pmap_count(map, PMAP_DOWN) + pmap_count(map, PMAP_DOWNOUT);
	rep->map_version = map->version;
	rep->leader_rank = svc->rank;
	rep->rebuild_state = DRS_NOT_STARTED;
	if (in->bits & DPI_SPACE)
		rc = query_space(svc, req, rep);
	return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
}

/* ---- the map -------------------------------------------------------------------------------- */

static int map_fetch_handler(struct rpc_req *req)
{
	const struct wire_pool_map_fetch_req *in = req->body;
	struct wire_pool_map_fetch_rep *rep = rpc_req_rep(req);
	struct pool_svc *svc = pool_svc_of(req);
	size_t bytes = pmap_encoded_bytes(svc->map->target_count);
	struct bseg seg;
	struct buf buf;
	void *mem;
	int rc;

	if (!uid_equal(&in->pool, &svc->map->pool))
		return -DER_NONEXIST;
	rep->map_version = svc->map->version;
	rep->map_bytes = bytes;
	rep->placed = WIRE_PLACED_NONE;
	if (in->known_version == svc->map->version)
		return rpc_reply(req, 0, rep, NULL);
	mem = rpc_req_alloc(req, bytes);
	if (mem == NULL)
		return -DER_NOMEM;
	pmap_encode(svc->map, mem);
	buf = buf_from_bytes(&seg, mem, bytes);
	if (bytes <= rpc_reply_room(req, rep)) {
		rep->placed = WIRE_PLACED_INLINE;
		return rpc_reply(req, 0, rep, &buf);
	}
	if (req->expose_bytes < bytes)	/* the client learns how much it is, and asks again */
		return rpc_reply(req, 0, rep, NULL);
	rep->placed = WIRE_PLACED_BULK;
	rc = rpc_req_bulk_put(req, 0, &buf);
	return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
}

static int map_change(struct pool_svc *svc, const struct wire_pool_tgt_set_req *in,
		      struct pmap *next)
{
	uint32_t i;
	int rc = 0;

	if (in->tgts.nr == 0) {	/* all targets of the rank */
		bool any = false;

		for (i = 0; i < next->target_count; i++)
			if (next->targets[i].rank == in->rank) {
				pmap_set_state(next, i, (enum pmap_state)in->state);
				any = true;
			}
		return any ? 0 : -DER_NONEXIST;
	}
	for (i = 0; i < in->tgts.nr && rc == 0; i++) {
		uint32_t target;

		rc = pmap_find(svc->map, in->rank, in->tgts.v[i], &target);
		if (rc == 0)
			pmap_set_state(next, target, (enum pmap_state)in->state);
	}
	return rc;
}

static int tgt_set_locked(struct pool_svc *svc, const struct wire_pool_tgt_set_req *in)
{
	size_t bytes = pmap_bytes(svc->map->target_count);
	struct pmap *next = rt_alloc(svc->rt, bytes);
	struct pmap *old = svc->map;
	int rc;

	if (next == NULL)
		return -DER_NOMEM;
	memcpy(next, old, bytes);
	next->version++;
	rc = map_change(svc, in, next);
	if (rc == 0)
		rc = record_put(svc->rt, svc->meta, svc->label, next);
	if (rc != 0) {
		rt_free(svc->rt, next);
		return rc;
	}
	svc->map = next;
	rt_free(svc->rt, old);
	return 0;
}

/* One call each to all targets, also to those that are out of service: a client that does not know
 * that yet talks to them alone. */
static void map_tell(struct pool_svc *svc)
{
	struct wire_tgt_map_req req = { .pool = svc->map->pool, .map_version = svc->map->version };
	uint32_t count = svc->map->target_count;
	uint32_t width = (uint32_t)min_u64(count, CALL_WIDTH);
	struct rpc_call *calls = rt_alloc(svc->rt, width * sizeof(*calls));
	uint32_t first;
	uint32_t i;

	for (first = 0; calls != NULL && first < count && !svc->stopping; first += width) {
		uint32_t nr = (uint32_t)min_u64(width, count - first);
		struct rpc_group g;

		rpc_group_init(&g, svc->rpc);
		for (i = 0; i < nr; i++) {
			const struct pmap_target *t = &svc->map->targets[first + i];

			calls[i] = (struct rpc_call){
				.ep = { .rank = t->rank, .tag = (uint16_t)(t->idx + 1) },
				.op = WIRE_TGT_MAP,
				.deadline_ns = rt_now_ns(svc->rt) + TELL_NS,
				.map_version = svc->map->version,
				.req = &req,
			};
			(void)rpc_group_send(&g, &calls[i]);
		}
		/* A target that does not hear it is behind until the next change; its clients learn
		 * of this one elsewhere, or by an error. */
		(void)rpc_group_wait(&g);
		for (i = 0; i < nr; i++)
			rpc_call_fini(svc->rpc, &calls[i]);
	}
	rt_free(svc->rt, calls);
}

static void tell_run(void *arg)
{
	struct pool_svc *svc = arg;
	uint32_t told;

	do {
		told = svc->map->version;
		map_tell(svc);
	} while (told != svc->map->version && !svc->stopping);
	svc->telling = false;
	(void)rt_wake_all(svc->rt, &svc->told);
}

/* Targets carry the new version to their clients. Whoever changed the map does not wait for it: some
 * targets may be dead. */
static void map_announce(struct pool_svc *svc)
{
	struct ult_opts opts = { .name = "map-tell" };

	/* Without memory for a ULT the next change tells this one, too. */
	if (!svc->telling && !svc->stopping)
		svc->telling = rt_spawn(svc->rt, tell_run, svc, &opts) == 0;
}

void pool_svc_stop(struct pool_svc *svc)
{
	if (svc == NULL)
		return;
	svc->stopping = true;
	while (svc->telling)
		(void)rt_wait(svc->rt, &svc->told, RT_NEVER);
}

static int tgt_set_handler(struct rpc_req *req)
{
	const struct wire_pool_tgt_set_req *in = req->body;
	struct wire_pool_tgt_set_rep *rep = rpc_req_rep(req);
	struct pool_svc *svc = pool_svc_of(req);
	int rc;

	if (!uid_equal(&in->pool, &svc->map->pool))
		return -DER_NONEXIST;
	if (in->state < PMAP_DOWNOUT || in->state >= PMAP_STATE_END)
		return -DER_INVAL;
	rt_mutex_lock(svc->rt, &svc->map_lock);
	rc = tgt_set_locked(svc, in);
	rt_mutex_unlock(svc->rt, &svc->map_lock);
	if (rc != 0)
		return rc;
	map_announce(svc);
	req->rep_map_version = svc->map->version;
	rep->map_version = svc->map->version;
	return rpc_reply(req, 0, rep, NULL);
}

static int list_handler(struct rpc_req *req)
{
	struct wire_pool_list_rep *rep = rpc_req_rep(req);
	struct pool_svc *svc = pool_svc_of(req);
	struct wire_entry *e = rpc_req_alloc(req, sizeof(*e));

	if (e == NULL)
		return -DER_NOMEM;
	e->uuid = svc->map->pool;
	e->label = wire_str(svc->label);
	rep->pools.v = e;
	rep->pools.nr = 1;
	return rpc_reply(req, 0, rep, NULL);
}

const struct rpc_handler pool_handlers[] = {
	{ .op = WIRE_PING, .flags = RPC_H_INLINE, .fn = rpc_ping_handler },
	{ .op = WIRE_POOL_CONNECT, .fn = connect_handler },
	{ .op = WIRE_POOL_DISCONNECT, .fn = disconnect_handler },
	{ .op = WIRE_POOL_QUERY, .fn = query_handler },
	{ .op = WIRE_POOL_MAP_FETCH, .fn = map_fetch_handler },
	{ .op = WIRE_POOL_TGT_SET, .fn = tgt_set_handler },
	{ .op = WIRE_POOL_LIST, .fn = list_handler },
};
const uint32_t pool_handlers_nr = ARRAY_COUNT(pool_handlers);

#include "core/cont/cont_int.h"

/* ---- finding -------------------------------------------------------------------------------- */

static struct cont *find_uid(struct cont_svc *svc, const struct uid *uid)
{
	struct list *pos;

	list_for_each(pos, &svc->conts) {
		struct cont *c = list_entry(pos, struct cont, link);

		if (uid_equal(&c->uid, uid))
			return c;
	}
	return NULL;
}

static struct bytes label_of(const struct cont *c)
{
	const struct cont_prop *p = cont_prop_find(c, DAOS_PROP_CO_LABEL);

	return p != NULL ? (struct bytes){ .ptr = p->str, .len = p->len }
			 : (struct bytes){ .ptr = "" };
}

/* By label, or by uuid as text. */
static struct cont *find_name(struct cont_svc *svc, struct bytes name)
{
	struct list *pos;

	list_for_each(pos, &svc->conts) {
		struct cont *c = list_entry(pos, struct cont, link);
		struct bytes label = label_of(c);
		char text[37];

		if (label.len == name.len && name.len > 0 &&
		    memcmp(label.ptr, name.ptr, name.len) == 0)
			return c;
		pool_uid_print(&c->uid, text);
		if (name.len == 36 && memcmp(name.ptr, text, 36) == 0)
			return c;
	}
	return NULL;
}

static struct cont_hdl *find_hdl(struct cont_svc *svc, const struct uid *uid)
{
	struct list *pos;

	list_for_each(pos, &svc->handles) {
		struct cont_hdl *h = list_entry(pos, struct cont_hdl, link);

		if (uid_equal(&h->uid, uid))
			return h;
	}
	return NULL;
}

/* The service of a request that names a pool. */
static int svc_of(struct rpc_req *req, const struct uid *pool, struct cont_svc **ret_svc)
{
	struct pool_svc *ps = pool_svc_of(req);

	if (!uid_equal(pool, pool_svc_uid(ps)))
		return -DER_NONEXIST;
	*ret_svc = pool_svc_cont(ps);
	return 0;
}

/* The container of a request that came through a container handle. */
static int cont_of(struct rpc_req *req, const struct uid *pool, const struct uid *cont,
		   const struct uid *handle, struct cont_svc **ret_svc, struct cont_hdl **ret_hdl)
{
	struct cont_svc *svc;
	struct cont_hdl *h;
	int rc = svc_of(req, pool, &svc);

	if (rc != 0)
		return rc;
	h = find_hdl(svc, handle);
	if (h == NULL || !uid_equal(&h->cont->uid, cont))
		return -DER_NO_HDL;
	if (h->cont->closed)
		return -DER_NONEXIST;
	*ret_svc = svc;
	*ret_hdl = h;
	return 0;
}

/* Make the container durable. It stays while the store works, whatever else happens to it. */
static int rec_put(struct cont_svc *svc, struct cont *c)
{
	int rc;

	c->users++;
	rc = cont_rec_put(svc, c);
	if (--c->users == 0)
		(void)rt_wake_all(svc->rt, &svc->idle);
	return rc;
}

static uint64_t now(struct cont_svc *svc)
{
	return hlc_now(pool_svc_hlc(svc->pool), rt_wall_ns(svc->rt));
}

/* ---- open and close of the service ---------------------------------------------------------- */

static int load_cont(void *arg, struct bytes key, struct bytes value)
{
	struct cont_svc *svc = arg;
	struct cont *c;
	int rc = cont_rec_load(svc->rt, key, value, &c);

	if (rc == 0)
		list_add_tail(&svc->conts, &c->link);
	return rc;
}

static struct cont_hdl *hdl_add(struct cont_svc *svc, struct cont *c, const struct uid *uid,
				uint64_t flags)
{
	struct cont_hdl *h = rt_alloc(svc->rt, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->uid = *uid;
	h->cont = c;
	h->flags = flags;
	list_add_tail(&svc->handles, &h->link);
	c->handle_count++;
	return h;
}

static void hdl_del(struct cont_svc *svc, struct cont_hdl *h)
{
	list_del(&h->link);
	h->cont->handle_count--;
	rt_free(svc->rt, h);
}

/* On media: the container's uid, then the flags. */
struct hdl_rec {
	struct uid cont;
	uint64_t flags;
};

static int load_hdl(void *arg, struct bytes key, struct bytes value)
{
	struct cont_svc *svc = arg;
	struct hdl_rec rec;
	struct uid uid;
	struct cont *c;

	if (key.len != sizeof(uid) || value.len != sizeof(rec))
		return -DER_DF_INVAL;
	memcpy(&uid, key.ptr, sizeof(uid));
	memcpy(&rec, value.ptr, sizeof(rec));
	c = find_uid(svc, &rec.cont);
	if (c == NULL)	/* destroyed by force; its handles died with it */
		return 0;
	return hdl_add(svc, c, &uid, rec.flags) != NULL ? 0 : -DER_NOMEM;
}

int cont_svc_open(struct pool_svc *pool, struct cont_svc **ret_svc)
{
	struct rt *rt = pool_svc_rt(pool);
	struct cont_svc *svc = rt_alloc(rt, sizeof(*svc));
	int rc;

	if (svc == NULL)
		return -DER_NOMEM;
	*svc = (struct cont_svc){ .rt = rt, .pool = pool };
	list_init(&svc->conts);
	list_init(&svc->handles);
	rt_waitq_init(&svc->idle);
	rc = pool_meta_walk(pool_svc_meta(pool), POOL_T_CONT, load_cont, svc);
	if (rc == 0)
		rc = pool_meta_walk(pool_svc_meta(pool), POOL_T_CONT_HANDLE, load_hdl, svc);
	if (rc != 0) {
		cont_svc_close(svc);
		return rc;
	}
	pool_svc_set_cont(pool, svc);
	*ret_svc = svc;
	return 0;
}

void cont_svc_close(struct cont_svc *svc)
{
	if (svc == NULL)
		return;
	while (!list_empty(&svc->handles))
		hdl_del(svc, list_first(&svc->handles, struct cont_hdl, link));
	while (!list_empty(&svc->conts)) {
		struct cont *c = list_first(&svc->conts, struct cont, link);

		list_del(&c->link);
		cont_free(svc->rt, c);
	}
	pool_svc_set_cont(svc->pool, NULL);
	rt_free(svc->rt, svc);
}

/* ---- create and destroy --------------------------------------------------------------------- */

/* Properties that every container has, as the public API's defaults. */
static int props_default(struct rt *rt, struct cont *c, struct bytes label, uint64_t time)
{
	static const struct {
		uint32_t type;
		uint64_t val;
	} dflt[] = {
		{ DAOS_PROP_CO_LAYOUT_TYPE, DAOS_PROP_CO_LAYOUT_UNKNOWN },
		{ DAOS_PROP_CO_LAYOUT_VER, 1 },
		{ DAOS_PROP_CO_CSUM, DAOS_PROP_CO_CSUM_OFF },
		{ DAOS_PROP_CO_CSUM_CHUNK_SIZE, 32768 },
		{ DAOS_PROP_CO_CSUM_SERVER_VERIFY, DAOS_PROP_CO_CSUM_SV_OFF },
		{ DAOS_PROP_CO_REDUN_FAC, DAOS_PROP_CO_REDUN_RF0 },
		{ DAOS_PROP_CO_REDUN_LVL, DAOS_PROP_CO_REDUN_NODE },
		{ DAOS_PROP_CO_SNAPSHOT_MAX, 0 },
		{ DAOS_PROP_CO_COMPRESS, DAOS_PROP_CO_COMPRESS_OFF },
		{ DAOS_PROP_CO_ENCRYPT, DAOS_PROP_CO_ENCRYPT_OFF },
		{ DAOS_PROP_CO_DEDUP, DAOS_PROP_CO_DEDUP_OFF },
		{ DAOS_PROP_CO_DEDUP_THRESHOLD, 4096 },
		{ DAOS_PROP_CO_ALLOCED_OID, 0 },
		{ DAOS_PROP_CO_EC_CELL_SZ, 65536 },
	};
	struct wire_prop w;
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_COUNT(dflt) && rc == 0; i++) {
		w = (struct wire_prop){ .type = dflt[i].type, .val = dflt[i].val };
		rc = cont_prop_set(rt, c, &w);
	}
	w = (struct wire_prop){ .type = DAOS_PROP_CO_LABEL, .str = label };
	if (rc == 0 && label.len > 0)
		rc = cont_prop_set(rt, c, &w);
	c->otime = time;
	c->mtime = time;
	c->oid_next = 1;
	return rc;
}

static int create(struct cont_svc *svc, const struct wire_cont_create_req *in)
{
	struct cont *c = rt_alloc(svc->rt, sizeof(*c));
	uint32_t i;
	int rc;

	if (c == NULL)
		return -DER_NOMEM;
	c->uid = in->cont;
	rc = props_default(svc->rt, c, in->label, now(svc));
	for (i = 0; i < in->props.nr && rc == 0; i++)
		rc = cont_prop_set(svc->rt, c, &in->props.v[i]);
	/* In the list before the write parks: a second create of the name must meet it, but nobody may
	 * open it before it is durable. */
	c->closed = true;
	list_add_tail(&svc->conts, &c->link);
	if (rc == 0)
		rc = cont_rec_put(svc, c);
	c->closed = false;
	if (rc != 0) {
		list_del(&c->link);
		cont_free(svc->rt, c);
	}
	return rc;
}

static int create_handler(struct rpc_req *req)
{
	const struct wire_cont_create_req *in = req->body;
	struct cont_svc *svc;
	struct cont *c;
	int rc;

	rc = svc_of(req, &in->pool, &svc);
	if (rc != 0)
		return rc;
	if (!pool_svc_handle(svc->pool, &in->handle, NULL))
		return -DER_NO_HDL;
	c = find_uid(svc, &in->cont);
	if (c == NULL && in->label.len > 0)
		c = find_name(svc, in->label);
	rc = c != NULL ? -DER_EXIST : create(svc, in);
	return rc == 0 ? rpc_reply(req, 0, rpc_req_rep(req), NULL) : rc;
}

static struct cont_hdl *hdl_of_cont(struct cont_svc *svc, const struct cont *c)
{
	struct list *pos;

	list_for_each(pos, &svc->handles) {
		struct cont_hdl *h = list_entry(pos, struct cont_hdl, link);

		if (h->cont == c)
			return h;
	}
	return NULL;
}

/* Handles die with their container, also those on media. */
static int handles_drop(struct cont_svc *svc, struct cont *c)
{
	struct cont_hdl *h;

	while ((h = hdl_of_cont(svc, c)) != NULL) {
		struct uid uid = h->uid;
		int rc = pool_meta_del(pool_svc_meta(svc->pool), POOL_T_CONT_HANDLE,
				       (struct bytes){ .ptr = uid.b, .len = sizeof(uid) });

		if (rc != 0)
			return rc;
		h = find_hdl(svc, &uid);
		if (h != NULL)	/* else closed meanwhile */
			hdl_del(svc, h);
	}
	return 0;
}

static int destroy(struct cont_svc *svc, struct cont *c)
{
	struct wire_tgt_cont_destroy_req tgt = { .pool = *pool_svc_uid(svc->pool),
						 .cont = c->uid };
	int rc;

	/* Targets first: a container whose record is gone could never be removed from them. A failure
	 * leaves it there, and destroying it again goes on. */
	rc = pool_svc_call_targets(svc->pool, WIRE_TGT_CONT_DESTROY, &tgt, 0, NULL, NULL);
	if (rc == 0)
		rc = handles_drop(svc, c);
	return rc == 0 ? cont_rec_del(svc, c) : rc;
}

static int destroy_handler(struct rpc_req *req)
{
	const struct wire_cont_destroy_req *in = req->body;
	struct wire_cont_destroy_rep *rep = rpc_req_rep(req);
	struct cont_svc *svc;
	struct cont *c;
	int rc;

	rc = svc_of(req, &in->pool, &svc);
	if (rc != 0)
		return rc;
	if (!pool_svc_handle(svc->pool, &in->pool_handle, NULL))
		return -DER_NO_HDL;
	c = find_name(svc, in->cont);
	if (c == NULL)
		return -DER_NONEXIST;
	if (c->closed)
		return -DER_INPROGRESS;
	if (c->handle_count > 0 && !in->force)
		return -DER_BUSY;
	c->closed = true;
	while (c->users > 0)
		(void)rt_wait(svc->rt, &svc->idle, RT_NEVER);
	rc = destroy(svc, c);
	c->closed = false;
	if (rc != 0)
		return rc;
	rep->cont = c->uid;
	list_del(&c->link);
	cont_free(svc->rt, c);
	return rpc_reply(req, 0, rep, NULL);
}

/* ---- handles -------------------------------------------------------------------------------- */

static bool open_conflict(struct cont_svc *svc, const struct cont *c, uint64_t flags)
{
	struct list *pos;

	list_for_each(pos, &svc->handles) {
		const struct cont_hdl *h = list_entry(pos, struct cont_hdl, link);

		if (h->cont == c && ((flags & DAOS_COO_EX) || (h->flags & DAOS_COO_EX)))
			return true;
	}
	return false;
}

static int open_hdl(struct cont_svc *svc, struct cont *c, const struct wire_cont_open_req *in)
{
	struct hdl_rec rec = { .cont = c->uid, .flags = in->flags };
	struct cont_hdl *h;
	int rc;

	if (open_conflict(svc, c, in->flags))
		return -DER_BUSY;
	h = hdl_add(svc, c, &in->handle, in->flags);
	if (h == NULL)
		return -DER_NOMEM;
	c->users++;
	rc = pool_meta_put(pool_svc_meta(svc->pool), POOL_T_CONT_HANDLE,
			   (struct bytes){ .ptr = in->handle.b, .len = sizeof(in->handle) },
			   (struct bytes){ .ptr = &rec, .len = sizeof(rec) });
	if (--c->users == 0)
		(void)rt_wake_all(svc->rt, &svc->idle);
	if (rc != 0) {
		h = find_hdl(svc, &in->handle);	/* it may have been closed meanwhile */
		if (h != NULL)
			hdl_del(svc, h);
		return rc;
	}
	if (!(in->flags & DAOS_COO_RO_MDSTATS))
		c->otime = now(svc);	/* kept in memory: the next write of the record takes it */
	return 0;
}

static int open_handler(struct rpc_req *req)
{
	const struct wire_cont_open_req *in = req->body;
	struct wire_cont_open_rep *rep = rpc_req_rep(req);
	struct cont_svc *svc;
	struct cont *c;
	uint64_t pool_flags;
	int rc;

	rc = svc_of(req, &in->pool, &svc);
	if (rc != 0)
		return rc;
	if (!pool_svc_handle(svc->pool, &in->pool_handle, &pool_flags))
		return -DER_NO_HDL;
	if ((in->flags & (DAOS_COO_RW | DAOS_COO_EX)) && (pool_flags & DAOS_PC_RO))
		return -DER_NO_PERM;
	c = find_name(svc, in->cont);
	if (c == NULL || c->closed)
		return -DER_NONEXIST;
	if (find_hdl(svc, &in->handle) == NULL) {
		rc = open_hdl(svc, c, in);
		if (rc != 0)
			return rc;
	}
	rep->cont = c->uid;
	rep->label = label_of(c);
	rep->handle_count = c->handle_count;
	rep->md_otime = c->otime;
	rep->md_mtime = c->mtime;
	rc = cont_props_reply(req, c, &rep->props.v, &rep->props.nr);
	return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
}

static int close_handler(struct rpc_req *req)
{
	const struct wire_cont_close_req *in = req->body;
	struct cont_svc *svc;
	struct cont_hdl *h;
	int rc;

	rc = svc_of(req, &in->pool, &svc);
	if (rc != 0)
		return rc;
	rc = pool_meta_del(pool_svc_meta(svc->pool), POOL_T_CONT_HANDLE,
			   (struct bytes){ .ptr = in->handle.b, .len = sizeof(in->handle) });
	if (rc != 0)
		return rc;
	h = find_hdl(svc, &in->handle);
	if (h != NULL) {	/* closing what is closed is no harm */
		if (h->flags & (DAOS_COO_RW | DAOS_COO_EX))
			h->cont->mtime = now(svc);
		hdl_del(svc, h);
	}
	return rpc_reply(req, 0, rpc_req_rep(req), NULL);
}

/* ---- queries and properties ----------------------------------------------------------------- */

static int query_handler(struct rpc_req *req)
{
	const struct wire_cont_query_req *in = req->body;
	struct wire_cont_query_rep *rep = rpc_req_rep(req);
	struct cont_svc *svc;
	struct cont_hdl *h;
	int rc;

	rc = cont_of(req, &in->pool, &in->cont, &in->handle, &svc, &h);
	if (rc != 0)
		return rc;
	rep->label = label_of(h->cont);
	rep->handle_count = h->cont->handle_count;
	rep->md_otime = h->cont->otime;
	rep->md_mtime = h->cont->mtime;
	rc = cont_props_reply(req, h->cont, &rep->props.v, &rep->props.nr);
	return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
}

static int get_prop_handler(struct rpc_req *req)
{
	const struct wire_cont_get_prop_req *in = req->body;
	struct wire_cont_get_prop_rep *rep = rpc_req_rep(req);
	const struct wire_prop *all;
	struct wire_prop *some;
	struct cont_svc *svc;
	struct cont_hdl *h;
	uint32_t all_nr;
	uint32_t nr = 0;
	uint32_t i;
	uint32_t k;
	int rc;

	rc = cont_of(req, &in->pool, &in->cont, &in->handle, &svc, &h);
	if (rc == 0)
		rc = cont_props_reply(req, h->cont, &all, &all_nr);
	if (rc != 0)
		return rc;
	some = rpc_req_alloc(req, (all_nr + 1) * sizeof(*some));
	if (some == NULL)
		return -DER_NOMEM;
	for (i = 0; i < all_nr; i++) {
		bool wanted = in->types.nr == 0;

		for (k = 0; k < in->types.nr && !wanted; k++)
			wanted = in->types.v[k] == all[i].type;
		if (wanted)
			some[nr++] = all[i];
	}
	rep->props.v = some;
	rep->props.nr = nr;
	return rpc_reply(req, 0, rep, NULL);
}

static int set_prop_handler(struct rpc_req *req)
{
	const struct wire_cont_set_prop_req *in = req->body;
	struct cont_svc *svc;
	struct cont_hdl *h;
	uint32_t i;
	int rc;

	rc = cont_of(req, &in->pool, &in->cont, &in->handle, &svc, &h);
	if (rc != 0)
		return rc;
	if (!(h->flags & (DAOS_COO_RW | DAOS_COO_EX)))
		return -DER_NO_PERM;
	for (i = 0; i < in->props.nr; i++) {
		const struct wire_prop *w = &in->props.v[i];
		struct cont *other = w->type == DAOS_PROP_CO_LABEL ? find_name(svc, w->str) : NULL;

		if (other != NULL && other != h->cont)
			return -DER_EXIST;
	}
	for (i = 0; i < in->props.nr && rc == 0; i++)
		rc = cont_prop_set(svc->rt, h->cont, &in->props.v[i]);
	h->cont->mtime = now(svc);
	if (rc == 0)
		rc = rec_put(svc, h->cont);
	return rc != 0 ? rc : rpc_reply(req, 0, rpc_req_rep(req), NULL);
}

/* Containers in the order of their creation; the anchor is how many were listed. */
static int list_handler(struct rpc_req *req)
{
	const struct wire_cont_list_req *in = req->body;
	struct wire_cont_list_rep *rep = rpc_req_rep(req);
	struct wire_entry *v = rpc_req_alloc(req, WIRE_LIST_MAX * sizeof(*v));
	uint64_t *anchor = rpc_req_alloc(req, sizeof(*anchor));
	struct cont_svc *svc;
	struct list *pos;
	uint64_t skip = 0;
	uint64_t at = 0;
	uint32_t nr = 0;
	int rc;

	rc = svc_of(req, &in->pool, &svc);
	if (rc != 0)
		return rc;
	if (v == NULL || anchor == NULL)
		return -DER_NOMEM;
	if (in->anchor.len != 0 && in->anchor.len != sizeof(skip))
		return -DER_INVAL;
	if (in->anchor.len != 0)
		memcpy(&skip, in->anchor.ptr, sizeof(skip));
	list_for_each(pos, &svc->conts) {
		const struct cont *c = list_entry(pos, struct cont, link);

		if (at++ < skip)
			continue;
		/* A reply holds about 90 entries with labels of full length. */
		if (nr == 64)
			break;
		v[nr++] = (struct wire_entry){ .uuid = c->uid, .label = label_of(c) };
	}
	*anchor = skip + nr;
	if (pos != &svc->conts)
		rep->anchor = (struct bytes){ .ptr = anchor, .len = sizeof(*anchor) };
	rep->conts.v = v;
	rep->conts.nr = nr;
	return rpc_reply(req, 0, rep, NULL);
}

static int alloc_oids_handler(struct rpc_req *req)
{
	const struct wire_cont_alloc_oids_req *in = req->body;
	struct wire_cont_alloc_oids_rep *rep = rpc_req_rep(req);
	struct cont_svc *svc;
	struct cont_hdl *h;
	int rc;

	rc = cont_of(req, &in->pool, &in->cont, &in->handle, &svc, &h);
	if (rc != 0)
		return rc;
	if (in->nr == 0 || in->nr > UINT64_MAX - h->cont->oid_next)
		return -DER_INVAL;
	rep->first = h->cont->oid_next;
	h->cont->oid_next += in->nr;
	/* An id that was given out must never be given out again: durable before the answer. */
	rc = rec_put(svc, h->cont);
	return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
}

/* Never parks: targets in the middle of requests wait for it. */
static int lookup_handler(struct rpc_req *req)
{
	const struct wire_cont_lookup_req *in = req->body;
	struct wire_cont_lookup_rep *rep = rpc_req_rep(req);
	struct cont_svc *svc;
	struct cont *c;
	int rc;

	rc = svc_of(req, &in->pool, &svc);
	if (rc != 0)
		return rc;
	c = find_uid(svc, &in->cont);
	if (c == NULL || c->closed)
		return -DER_NONEXIST;
	rc = cont_props_reply(req, c, &rep->props.v, &rep->props.nr);
	return rc != 0 ? rc : rpc_reply(req, 0, rep, NULL);
}

const struct rpc_handler cont_handlers[] = {
	{ .op = WIRE_CONT_CREATE, .fn = create_handler },
	{ .op = WIRE_CONT_OPEN, .fn = open_handler },
	{ .op = WIRE_CONT_CLOSE, .fn = close_handler },
	{ .op = WIRE_CONT_DESTROY, .fn = destroy_handler },
	{ .op = WIRE_CONT_QUERY, .fn = query_handler },
	{ .op = WIRE_CONT_LIST, .fn = list_handler },
	{ .op = WIRE_CONT_SET_PROP, .fn = set_prop_handler },
	{ .op = WIRE_CONT_GET_PROP, .fn = get_prop_handler },
	{ .op = WIRE_CONT_ALLOC_OIDS, .fn = alloc_oids_handler },
	{ .op = WIRE_CONT_LOOKUP, .flags = RPC_H_INLINE, .fn = lookup_handler },
};
const uint32_t cont_handlers_nr = ARRAY_COUNT(cont_handlers);

/* The public functions on pools and containers: handles in, tasks out. */
#include "core/client/client_int.h"

#include "daos.h"

/* Programs are compiled against the names with "2"; both exist. */
#undef daos_pool_connect
#undef daos_cont_open
#undef daos_cont_create
#undef daos_cont_destroy

int daos_pool_connect(const char *pool, const char *sys, unsigned int flags, daos_handle_t *poh,
		      daos_pool_info_t *info, daos_event_t *ev);
int daos_cont_open(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh,
		   daos_cont_info_t *info, daos_event_t *ev);
int daos_cont_create(daos_handle_t poh, uuid_t *uuid, daos_prop_t *cont_prop, daos_event_t *ev);
int daos_cont_destroy(daos_handle_t poh, const char *cont, int force, daos_event_t *ev);

int daos_init(void)
{
	return host_init();
}

int daos_fini(void)
{
	return host_fini();
}

/* ---- pools ---------------------------------------------------------------------------------- */

struct connect_args {
	const char *pool;
	uint32_t flags;
	daos_handle_t *poh;
	daos_pool_info_t *info;
};

static int connect_fn(struct cl_stream *s, void *args)
{
	struct connect_args *a = args;
	struct cl_pool *pool;
	int rc;

	rc = cl_pool_connect(s, a->pool, a->flags, &pool);
	if (rc != 0)
		return rc;
	if (a->info != NULL)
		rc = cl_pool_query(s, pool, a->info, NULL);
	if (rc == 0)
		rc = hdl_insert(s->proc, &pool->ref, a->poh);
	if (rc != 0) {
		(void)cl_pool_disconnect(s, pool);	/* nobody has the handle: best effort */
		cl_put(s->proc, &pool->ref);
	}
	return rc;
}

int daos_pool_connect2(const char *pool, const char *sys, unsigned int flags, daos_handle_t *poh,
		       daos_pool_info_t *info, daos_event_t *ev)
{
	struct connect_args a = { .pool = pool, .flags = flags, .poh = poh, .info = info };
	struct process *p = host_self();

	if (p == NULL)
		return -DER_UNINIT;
	if (pool == NULL || poh == NULL)
		return -DER_INVAL;
	if (sys != NULL && sys[0] != 0 && strcmp(sys, p->host->system(p->host_ctx)) != 0)
		return -DER_NONEXIST;
	return cl_call(connect_fn, &a, sizeof(a), ev);
}

int daos_pool_connect(const char *pool, const char *sys, unsigned int flags, daos_handle_t *poh,
		      daos_pool_info_t *info, daos_event_t *ev)
{
	return daos_pool_connect2(pool, sys, flags, poh, info, ev);
}

struct hdl_args {
	daos_handle_t h;
};

static int disconnect_fn(struct cl_stream *s, void *args)
{
	struct hdl_args *a = args;
	struct cl_pool *pool = hdl_remove(s->proc, a->h, DAOS_HTYPE_POOL);
	int rc;

	if (pool == NULL)
		return -DER_NO_HDL;
	rc = cl_pool_disconnect(s, pool);
	cl_put(s->proc, &pool->ref);
	return rc;
}

int daos_pool_disconnect(daos_handle_t poh, daos_event_t *ev)
{
	struct hdl_args a = { .h = poh };

	return cl_call(disconnect_fn, &a, sizeof(a), ev);
}

struct pool_query_args {
	daos_handle_t poh;
	d_rank_list_t **ranks;
	daos_pool_info_t *info;
	daos_prop_t *prop;
};

static bool rank_wanted(const struct pmap *map, uint32_t rank, uint64_t bits)
{
	uint32_t out = 0;
	uint32_t all = 0;
	uint32_t i;

	for (i = 0; i < map->target_count; i++) {
		if (map->targets[i].rank != rank)
			continue;
		all++;
		out += map->targets[i].state != PMAP_UPIN && map->targets[i].state != PMAP_DRAIN;
	}
	if (bits & DPI_ENGINES_ENABLED)
		return out == 0;
	return (bits & DPI_ENGINES_DEAD) ? out == all : out > 0;
}

/* Ranks of the map in order of their first target, those that the bits ask for. */
static int pool_ranks(struct process *p, struct cl_pool *pool, uint64_t bits, d_rank_list_t **ret)
{
	struct cl_map *held = cl_map_get(p, pool);
	const struct pmap *map = held->pmap;
	d_rank_list_t *list = d_rank_list_alloc(map->rank_count);
	uint32_t nr = 0;
	uint32_t i;

	if (list == NULL) {
		cl_map_put(p, held);
		return -DER_NOMEM;
	}
	for (i = 0; i < map->target_count && map->targets[i].idx == 0; i++)
		if (rank_wanted(map, map->targets[i].rank, bits))
			list->rl_ranks[nr++] = map->targets[i].rank;
	list->rl_nr = nr;
	cl_map_put(p, held);
	*ret = list;
	return 0;
}

static int pool_query_fn(struct cl_stream *s, void *args)
{
	struct pool_query_args *a = args;
	struct cl_pool *pool = hdl_get(s->proc, a->poh, DAOS_HTYPE_POOL);
	uint64_t bits = a->info != NULL ? a->info->pi_bits : 0;
	int rc;

	if (pool == NULL)
		return -DER_NO_HDL;
	rc = cl_pool_query(s, pool, a->info, a->prop);
	if (rc == 0 && a->ranks != NULL)
		rc = pool_ranks(s->proc, pool, bits, a->ranks);
	cl_put(s->proc, &pool->ref);
	return rc;
}

int daos_pool_query(daos_handle_t poh, d_rank_list_t **ranks, daos_pool_info_t *info,
		    daos_prop_t *pool_prop, daos_event_t *ev)
{
	struct pool_query_args a = { .poh = poh, .ranks = ranks, .info = info, .prop = pool_prop };

	if (ranks == NULL && info == NULL && pool_prop == NULL)
		return -DER_INVAL;
	return cl_call(pool_query_fn, &a, sizeof(a), ev);
}

/* ---- handles for other processes ------------------------------------------------------------ */

#define GLOB_MAGIC_POOL 0x67706f6cu
#define GLOB_MAGIC_CONT 0x67636e74u

struct glob {
	uint32_t magic;
	uint32_t flags;
	struct uid uid;
	struct uid handle;
	uint32_t redun_fac;
	uint32_t resv;
	char label[DAOS_PROP_LABEL_MAX_LEN + 1];
};

static int glob_out(const struct glob *g, d_iov_t *glob)
{
	if (glob->iov_buf != NULL && glob->iov_buf_len < sizeof(*g)) {
		glob->iov_buf_len = sizeof(*g);
		return -DER_TRUNC;
	}
	if (glob->iov_buf != NULL)
		memcpy(glob->iov_buf, g, sizeof(*g));
	glob->iov_buf_len = sizeof(*g);
	glob->iov_len = sizeof(*g);
	return 0;
}

static int glob_in(d_iov_t glob, uint32_t magic, struct glob *ret_g)
{
	if (glob.iov_buf == NULL || glob.iov_buf_len < sizeof(*ret_g) ||
	    glob.iov_len < sizeof(*ret_g))
		return -DER_INVAL;
	memcpy(ret_g, glob.iov_buf, sizeof(*ret_g));
	if (ret_g->magic != magic || memchr(ret_g->label, 0, sizeof(ret_g->label)) == NULL)
		return -DER_INVAL;
	return 0;
}

int daos_pool_local2global(daos_handle_t poh, d_iov_t *glob)
{
	struct process *p = host_self();
	struct glob g = { .magic = GLOB_MAGIC_POOL };
	struct cl_pool *pool;

	if (p == NULL)
		return -DER_UNINIT;
	if (glob == NULL)
		return -DER_INVAL;
	pool = hdl_get(p, poh, DAOS_HTYPE_POOL);
	if (pool == NULL)
		return -DER_NO_HDL;
	g.flags = pool->flags;
	g.uid = pool->uid;
	g.handle = pool->handle;
	memcpy(g.label, pool->label, sizeof(g.label));
	cl_put(p, &pool->ref);
	return glob_out(&g, glob);
}

struct import_args {
	struct cl_pool *pool;
	daos_handle_t *poh;
};

static int import_fn(struct cl_stream *s, void *args)
{
	struct import_args *a = args;
	int rc = cl_map_refresh(s, a->pool, 0);

	if (rc == 0)
		rc = hdl_insert(s->proc, &a->pool->ref, a->poh);
	return rc;
}

int daos_pool_global2local(d_iov_t glob, daos_handle_t *poh)
{
	struct process *p = host_self();
	struct import_args a = { .poh = poh };
	struct glob g;
	int rc;

	if (p == NULL)
		return -DER_UNINIT;
	if (poh == NULL)
		return -DER_INVAL;
	rc = glob_in(glob, GLOB_MAGIC_POOL, &g);
	if (rc != 0)
		return rc;
	a.pool = cl_pool_make(p);
	if (a.pool == NULL)
		return -DER_NOMEM;
	a.pool->flags = g.flags;
	a.pool->uid = g.uid;
	a.pool->handle = g.handle;
	a.pool->shared = true;
	memcpy(a.pool->label, g.label, sizeof(g.label));
	rc = cl_call(import_fn, &a, sizeof(a), NULL);
	if (rc != 0)
		cl_put(p, &a.pool->ref);
	return rc;
}

int daos_cont_local2global(daos_handle_t coh, d_iov_t *glob)
{
	struct process *p = host_self();
	struct glob g = { .magic = GLOB_MAGIC_CONT };
	struct cl_cont *cont;

	if (p == NULL)
		return -DER_UNINIT;
	if (glob == NULL)
		return -DER_INVAL;
	cont = hdl_get(p, coh, DAOS_HTYPE_CO);
	if (cont == NULL)
		return -DER_NO_HDL;
	g.flags = cont->flags;
	g.uid = cont->uid;
	g.handle = cont->handle;
	g.redun_fac = cont->redun_fac;
	memcpy(g.label, cont->label, sizeof(g.label));
	cl_put(p, &cont->ref);
	return glob_out(&g, glob);
}

int daos_cont_global2local(daos_handle_t poh, d_iov_t glob, daos_handle_t *coh)
{
	struct process *p = host_self();
	struct cl_cont *cont;
	struct cl_pool *pool;
	struct glob g;
	int rc;

	if (p == NULL)
		return -DER_UNINIT;
	if (coh == NULL)
		return -DER_INVAL;
	rc = glob_in(glob, GLOB_MAGIC_CONT, &g);
	if (rc != 0)
		return rc;
	pool = hdl_get(p, poh, DAOS_HTYPE_POOL);
	if (pool == NULL)
		return -DER_NO_HDL;
	cont = cl_cont_make(p, pool);
	cl_put(p, &pool->ref);
	if (cont == NULL)
		return -DER_NOMEM;
	cont->flags = g.flags;
	cont->uid = g.uid;
	cont->handle = g.handle;
	cont->redun_fac = g.redun_fac;
	cont->shared = true;
	memcpy(cont->label, g.label, sizeof(g.label));
	rc = hdl_insert(p, &cont->ref, coh);
	if (rc != 0)
		cl_put(p, &cont->ref);
	return rc;
}

/* ---- containers ----------------------------------------------------------------------------- */

struct cont_create_args {
	daos_handle_t poh;
	const char *label;
	daos_prop_t *prop;
	uuid_t *uuid;
};

static int cont_create_fn(struct cl_stream *s, void *args)
{
	struct cont_create_args *a = args;
	struct cl_pool *pool = hdl_get(s->proc, a->poh, DAOS_HTYPE_POOL);
	struct uid uid = { { 0 } };
	int rc;

	if (pool == NULL)
		return -DER_NO_HDL;
	rc = cl_cont_create(s, pool, a->label, a->prop, &uid);
	if (rc == 0 && a->uuid != NULL)
		memcpy(*a->uuid, uid.b, sizeof(uid.b));
	cl_put(s->proc, &pool->ref);
	return rc;
}

int daos_cont_create2(daos_handle_t poh, uuid_t *uuid, daos_prop_t *cont_prop, daos_event_t *ev)
{
	struct cont_create_args a = { .poh = poh, .prop = cont_prop, .uuid = uuid };

	return cl_call(cont_create_fn, &a, sizeof(a), ev);
}

int daos_cont_create(daos_handle_t poh, uuid_t *uuid, daos_prop_t *cont_prop, daos_event_t *ev)
{
	return daos_cont_create2(poh, uuid, cont_prop, ev);
}

int daos_cont_create_with_label(daos_handle_t poh, const char *label, daos_prop_t *cont_prop,
				uuid_t *uuid, daos_event_t *ev)
{
	struct cont_create_args a = { .poh = poh, .label = label, .prop = cont_prop,
				      .uuid = uuid };

	if (label == NULL || !daos_label_is_valid(label))
		return -DER_INVAL;
	return cl_call(cont_create_fn, &a, sizeof(a), ev);
}

struct cont_open_args {
	daos_handle_t poh;
	const char *cont;
	uint32_t flags;
	daos_handle_t *coh;
	daos_cont_info_t *info;
};

static int cont_open_fn(struct cl_stream *s, void *args)
{
	struct cont_open_args *a = args;
	struct cl_pool *pool = hdl_get(s->proc, a->poh, DAOS_HTYPE_POOL);
	struct cl_cont *cont;
	int rc;

	if (pool == NULL)
		return -DER_NO_HDL;
	rc = cl_cont_open(s, pool, a->cont, a->flags, a->info, &cont);
	cl_put(s->proc, &pool->ref);
	if (rc != 0)
		return rc;
	rc = hdl_insert(s->proc, &cont->ref, a->coh);
	if (rc != 0) {
		(void)cl_cont_close(s, cont);	/* nobody has the handle: best effort */
		cl_put(s->proc, &cont->ref);
	}
	return rc;
}

int daos_cont_open2(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh,
		    daos_cont_info_t *info, daos_event_t *ev)
{
	struct cont_open_args a = { .poh = poh, .cont = cont, .flags = flags, .coh = coh,
				    .info = info };

	if (cont == NULL || coh == NULL)
		return -DER_INVAL;
	return cl_call(cont_open_fn, &a, sizeof(a), ev);
}

int daos_cont_open(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh,
		   daos_cont_info_t *info, daos_event_t *ev)
{
	return daos_cont_open2(poh, cont, flags, coh, info, ev);
}

static int cont_close_fn(struct cl_stream *s, void *args)
{
	struct hdl_args *a = args;
	struct cl_cont *cont = hdl_remove(s->proc, a->h, DAOS_HTYPE_CO);
	int rc;

	if (cont == NULL)
		return -DER_NO_HDL;
	rc = cl_cont_close(s, cont);
	cl_put(s->proc, &cont->ref);
	return rc;
}

int daos_cont_close(daos_handle_t coh, daos_event_t *ev)
{
	struct hdl_args a = { .h = coh };

	return cl_call(cont_close_fn, &a, sizeof(a), ev);
}

struct cont_destroy_args {
	daos_handle_t poh;
	const char *cont;
	int force;
};

static int cont_destroy_fn(struct cl_stream *s, void *args)
{
	struct cont_destroy_args *a = args;
	struct cl_pool *pool = hdl_get(s->proc, a->poh, DAOS_HTYPE_POOL);
	int rc;

	if (pool == NULL)
		return -DER_NO_HDL;
	rc = cl_cont_destroy(s, pool, a->cont, a->force != 0);
	cl_put(s->proc, &pool->ref);
	return rc;
}

int daos_cont_destroy2(daos_handle_t poh, const char *cont, int force, daos_event_t *ev)
{
	struct cont_destroy_args a = { .poh = poh, .cont = cont, .force = force };

	return cl_call(cont_destroy_fn, &a, sizeof(a), ev);
}

int daos_cont_destroy(daos_handle_t poh, const char *cont, int force, daos_event_t *ev)
{
	return daos_cont_destroy2(poh, cont, force, ev);
}

struct cont_query_args {
	daos_handle_t coh;
	daos_cont_info_t *info;
	daos_prop_t *prop;
};

static int cont_query_fn(struct cl_stream *s, void *args)
{
	struct cont_query_args *a = args;
	struct cl_cont *cont = hdl_get(s->proc, a->coh, DAOS_HTYPE_CO);
	int rc;

	if (cont == NULL)
		return -DER_NO_HDL;
	rc = cl_cont_query(s, cont, a->info, a->prop);
	cl_put(s->proc, &cont->ref);
	return rc;
}

int daos_cont_query(daos_handle_t coh, daos_cont_info_t *info, daos_prop_t *cont_prop,
		    daos_event_t *ev)
{
	struct cont_query_args a = { .coh = coh, .info = info, .prop = cont_prop };

	return cl_call(cont_query_fn, &a, sizeof(a), ev);
}

struct alloc_oids_args {
	daos_handle_t coh;
	uint64_t nr;
	uint64_t *oid;
};

static int alloc_oids_fn(struct cl_stream *s, void *args)
{
	struct alloc_oids_args *a = args;
	struct cl_cont *cont = hdl_get(s->proc, a->coh, DAOS_HTYPE_CO);
	int rc;

	if (cont == NULL)
		return -DER_NO_HDL;
	rc = cl_cont_alloc_oids(s, cont, a->nr, a->oid);
	cl_put(s->proc, &cont->ref);
	return rc;
}

int daos_cont_alloc_oids(daos_handle_t coh, daos_size_t num_oids, uint64_t *oid, daos_event_t *ev)
{
	struct alloc_oids_args a = { .coh = coh, .nr = num_oids, .oid = oid };

	if (oid == NULL)
		return -DER_INVAL;
	return cl_call(alloc_oids_fn, &a, sizeof(a), ev);
}

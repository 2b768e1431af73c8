/* Containers and their properties. */
#include "core/client/client_int.h"

#include "gurt/common.h"

/* ---- properties ----------------------------------------------------------------------------- */

static bool prop_is_str(uint32_t type)
{
	return type == DAOS_PROP_CO_LABEL || type == DAOS_PROP_CO_OWNER ||
	       type == DAOS_PROP_CO_OWNER_GROUP || type == DAOS_PROP_PO_LABEL ||
	       type == DAOS_PROP_PO_OWNER || type == DAOS_PROP_PO_OWNER_GROUP;
}

/* Bytes behind a pointer that a property's value is. */
static size_t prop_blob_bytes(uint32_t type)
{
	return type == DAOS_PROP_CO_ROOTS ? sizeof(struct daos_prop_co_roots) : 0;
}

int cl_props_to_wire(struct cl_stream *s, const daos_prop_t *prop, struct wire_prop **ret_v,
		     uint32_t *ret_nr)
{
	struct wire_prop *v;
	uint32_t nr = 0;
	uint32_t i;

	if (prop != NULL && prop->dpp_nr > WIRE_PROPS_MAX)
		return -DER_INVAL;
	v = rt_alloc(s->rt, sizeof(*v) * (prop != NULL ? prop->dpp_nr + 1u : 1u));
	if (v == NULL)
		return -DER_NOMEM;
	for (i = 0; prop != NULL && i < prop->dpp_nr; i++) {
		const struct daos_prop_entry *e = &prop->dpp_entries[i];
		struct wire_prop *w = &v[nr];

		if (e->dpe_type <= DAOS_PROP_CO_MIN || e->dpe_type >= DAOS_PROP_CO_MAX)
			goto inval;
		if (e->dpe_type == DAOS_PROP_CO_ACL)
			continue;	/* access control comes with the pool service */
		*w = (struct wire_prop){ .type = e->dpe_type };
		if (prop_is_str(e->dpe_type)) {
			if (e->dpe_str == NULL ||
			    (e->dpe_type == DAOS_PROP_CO_LABEL && !daos_label_is_valid(e->dpe_str)))
				goto inval;
			w->str = wire_str(e->dpe_str);
		} else if (prop_blob_bytes(e->dpe_type) > 0) {
			if (e->dpe_val_ptr == NULL)
				goto inval;
			w->str = (struct bytes){ .ptr = e->dpe_val_ptr,
						 .len = (uint32_t)prop_blob_bytes(e->dpe_type) };
		} else {
			w->val = e->dpe_val;
		}
		nr++;
	}
	*ret_v = v;
	*ret_nr = nr;
	return 0;
inval:
	rt_free(s->rt, v);
	return -DER_INVAL;
}

static const struct wire_prop *prop_find(const struct wire_prop *v, uint32_t nr, uint32_t type)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		if (v[i].type == type)
			return &v[i];
	return NULL;
}

uint64_t cl_props_val(const struct wire_prop *v, uint32_t nr, uint32_t type, uint64_t dflt)
{
	const struct wire_prop *w = prop_find(v, nr, type);

	return w != NULL ? w->val : dflt;
}

static int prop_entry_fill(struct daos_prop_entry *e, const struct wire_prop *w)
{
	size_t blob = prop_blob_bytes(e->dpe_type);

	if (prop_is_str(e->dpe_type)) {
		e->dpe_str = d_strndup(w->str.ptr, w->str.len);
		return e->dpe_str != NULL ? 0 : -DER_NOMEM;
	}
	if (blob > 0) {
		if (w->str.len != blob)
			return -DER_PROTO;
		e->dpe_val_ptr = d_malloc(blob);
		if (e->dpe_val_ptr == NULL)
			return -DER_NOMEM;
		memcpy(e->dpe_val_ptr, w->str.ptr, blob);
		return 0;
	}
	e->dpe_val = w->val;
	return 0;
}

int cl_props_from_wire(const struct wire_prop *v, uint32_t nr, daos_prop_t *prop)
{
	uint32_t i;
	int rc = 0;

	if (prop->dpp_nr == 0 && nr > 0) {	/* everything */
		prop->dpp_entries = d_calloc(nr, sizeof(*prop->dpp_entries));
		if (prop->dpp_entries == NULL)
			return -DER_NOMEM;
		prop->dpp_nr = nr;
		for (i = 0; i < nr; i++)
			prop->dpp_entries[i].dpe_type = v[i].type;
	}
	for (i = 0; i < prop->dpp_nr && rc == 0; i++) {
		struct daos_prop_entry *e = &prop->dpp_entries[i];
		const struct wire_prop *w = prop_find(v, nr, e->dpe_type);

		if (w != NULL)
			rc = prop_entry_fill(e, w);
		else
			e->dpe_flags |= DAOS_PROP_ENTRY_NOT_SET;
	}
	return rc;
}

/* ---- containers ----------------------------------------------------------------------------- */

static bool name_ok(const char *name)
{
	return name != NULL && name[0] != 0 && strnlen(name, WIRE_LABEL_MAX + 1) <= WIRE_LABEL_MAX;
}

int cl_cont_create(struct cl_stream *s, struct cl_pool *pool, const char *label, daos_prop_t *prop,
		   struct uid *uid)
{
	static const struct uid none;
	struct wire_cont_create_req req = { .pool = pool->uid, .handle = pool->handle };
	struct wire_prop *v = NULL;
	struct sys_call c = { 0 };
	uint32_t nr = 0;
	int rc;

	if (label != NULL && !daos_label_is_valid(label))
		return -DER_INVAL;
	if (!(pool->flags & (DAOS_PC_RW | DAOS_PC_EX)))
		return -DER_NO_PERM;
	rc = cl_props_to_wire(s, prop, &v, &nr);
	if (rc != 0)
		return rc;
	if (label == NULL) {
		const struct wire_prop *w = prop_find(v, nr, DAOS_PROP_CO_LABEL);

		req.label = w != NULL ? w->str : (struct bytes){ .ptr = "" };
	} else {
		req.label = wire_str(label);
	}
	if (uid_equal(uid, &none))
		*uid = cl_uid_make(s->rt);
	req.cont = *uid;
	req.props.v = v;
	req.props.nr = nr;
	rc = cl_sys_call(s, &c, WIRE_CONT_CREATE, &req, NULL);
	rpc_call_fini(s->rpc, &c.call);
	rt_free(s->rt, v);
	return rc;
}

static void cont_free(struct process *p, struct cl_ref *ref)
{
	struct cl_cont *cont = container_of(ref, struct cl_cont, ref);

	cl_put(p, &cont->pool->ref);
	process_free(p, cont);
}

void cont_forked(struct cl_ref *ref)
{
	struct cl_cont *cont = container_of(ref, struct cl_cont, ref);

	pool_forked(&cont->pool->ref);
	cont->shared = true;
	cont->oid_left = 0;	/* the rest of the block of ids is the parent's */
}

struct cl_cont *cl_cont_make(struct process *p, struct cl_pool *pool)
{
	struct cl_cont *cont = process_alloc(p, sizeof(*cont));

	if (cont == NULL)
		return NULL;
	cl_ref_init(&cont->ref, DAOS_HTYPE_CO, cont_free);
	cl_get(p, &pool->ref);
	cont->pool = pool;
	return cont;
}

static bool cont_flags_valid(uint32_t flags)
{
	uint32_t mode = flags & (DAOS_COO_RO | DAOS_COO_RW | DAOS_COO_EX);

	return mode == DAOS_COO_RO || mode == DAOS_COO_RW || mode == DAOS_COO_EX;
}

int cl_cont_open(struct cl_stream *s, struct cl_pool *pool, const char *name, uint32_t flags,
		 daos_cont_info_t *info, struct cl_cont **ret_cont)
{
	struct wire_cont_open_req req = { .pool = pool->uid, .pool_handle = pool->handle,
					  .flags = flags };
	struct wire_cont_open_rep rep;
	struct sys_call c = { 0 };
	struct cl_cont *cont;
	int rc;

	if (!name_ok(name) || !cont_flags_valid(flags))
		return -DER_INVAL;
	if ((flags & (DAOS_COO_RW | DAOS_COO_EX)) && pool->flags == DAOS_PC_RO)
		return -DER_NO_PERM;
	cont = cl_cont_make(s->proc, pool);
	if (cont == NULL)
		return -DER_NOMEM;
	cont->flags = flags;
	cont->handle = cl_uid_make(s->rt);
	req.cont = wire_str(name);
	req.handle = cont->handle;
	rc = cl_sys_call(s, &c, WIRE_CONT_OPEN, &req, &rep);
	if (rc == 0) {
		cont->uid = rep.cont;
		cl_str_copy(cont->label, sizeof(cont->label), rep.label);
		cont->redun_fac = (uint32_t)cl_props_val(rep.props.v, rep.props.nr,
							 DAOS_PROP_CO_REDUN_FAC, 0);
	}
	if (rc == 0 && info != NULL) {
		*info = (daos_cont_info_t){
			.ci_lsnapshot = rep.last_snapshot,
			.ci_nhandles = rep.handle_count,
			.ci_nsnapshots = rep.snapshot_count,
			.ci_md_otime = rep.md_otime,
			.ci_md_mtime = rep.md_mtime,
		};
		memcpy(info->ci_uuid, rep.cont.b, sizeof(info->ci_uuid));
	}
	rpc_call_fini(s->rpc, &c.call);
	if (rc != 0) {
		cl_put(s->proc, &cont->ref);
		return rc;
	}
	*ret_cont = cont;
	return 0;
}

int cl_cont_close(struct cl_stream *s, struct cl_cont *cont)
{
	struct wire_cont_close_req req = { .pool = cont->pool->uid, .cont = cont->uid,
					   .handle = cont->handle };
	struct sys_call c = { 0 };
	int rc;

	if (cont->shared)
		return 0;
	rc = cl_sys_call(s, &c, WIRE_CONT_CLOSE, &req, NULL);
	rpc_call_fini(s->rpc, &c.call);
	return rc;
}

int cl_cont_destroy(struct cl_stream *s, struct cl_pool *pool, const char *name, bool force)
{
	struct wire_cont_destroy_req req = { .pool = pool->uid, .pool_handle = pool->handle,
					     .force = force };
	struct sys_call c = { 0 };
	int rc;

	if (!name_ok(name))
		return -DER_INVAL;
	if (pool->flags == DAOS_PC_RO)
		return -DER_NO_PERM;
	req.cont = wire_str(name);
	rc = cl_sys_call(s, &c, WIRE_CONT_DESTROY, &req, NULL);
	rpc_call_fini(s->rpc, &c.call);
	return rc;
}

int cl_cont_query(struct cl_stream *s, struct cl_cont *cont, daos_cont_info_t *info,
		  daos_prop_t *prop)
{
	struct wire_cont_query_req req = { .pool = cont->pool->uid, .cont = cont->uid,
					   .handle = cont->handle };
	struct wire_cont_query_rep rep;
	struct sys_call c = { 0 };
	int rc;

	rc = cl_sys_call(s, &c, WIRE_CONT_QUERY, &req, &rep);
	if (rc == 0 && info != NULL) {
		*info = (daos_cont_info_t){
			.ci_lsnapshot = rep.last_snapshot,
			.ci_nhandles = rep.handle_count,
			.ci_nsnapshots = rep.snapshot_count,
			.ci_md_otime = rep.md_otime,
			.ci_md_mtime = rep.md_mtime,
		};
		memcpy(info->ci_uuid, cont->uid.b, sizeof(info->ci_uuid));
	}
	if (rc == 0 && prop != NULL)
		rc = cl_props_from_wire(rep.props.v, rep.props.nr, prop);
	rpc_call_fini(s->rpc, &c.call);
	return rc;
}

int cl_cont_set_prop(struct cl_stream *s, struct cl_cont *cont, const daos_prop_t *prop)
{
	struct wire_cont_set_prop_req req = { .pool = cont->pool->uid, .cont = cont->uid,
					      .handle = cont->handle };
	struct wire_prop *v = NULL;
	struct sys_call c = { 0 };
	uint32_t nr = 0;
	int rc;

	if (prop == NULL || !(cont->flags & (DAOS_COO_RW | DAOS_COO_EX)))
		return prop == NULL ? -DER_INVAL : -DER_NO_PERM;
	rc = cl_props_to_wire(s, prop, &v, &nr);
	if (rc != 0)
		return rc;
	req.props.v = v;
	req.props.nr = nr;
	rc = cl_sys_call(s, &c, WIRE_CONT_SET_PROP, &req, NULL);
	rpc_call_fini(s->rpc, &c.call);
	rt_free(s->rt, v);
	return rc;
}

/* Ids come from the service in blocks; what a process does not use of a block is lost. */
#define OID_BLOCK 1024u

int cl_cont_alloc_oids(struct cl_stream *s, struct cl_cont *cont, uint64_t nr, uint64_t *ret_first)
{
	struct wire_cont_alloc_oids_req req = { .pool = cont->pool->uid, .cont = cont->uid,
						.handle = cont->handle };
	struct wire_cont_alloc_oids_rep rep;
	struct process *p = s->proc;
	struct sys_call c = { 0 };
	bool have;
	int rc;

	if (nr == 0)
		return -DER_INVAL;
	process_lock(p);
	have = cont->oid_left >= nr;
	if (have) {
		*ret_first = cont->oid_next;
		cont->oid_next += nr;
		cont->oid_left -= nr;
	}
	process_unlock(p);
	if (have)
		return 0;
	req.nr = max_u64(nr, OID_BLOCK);
	rc = cl_sys_call(s, &c, WIRE_CONT_ALLOC_OIDS, &req, &rep);
	rpc_call_fini(s->rpc, &c.call);
	if (rc != 0)
		return rc;
	*ret_first = rep.first;
	process_lock(p);
	if (req.nr - nr > cont->oid_left) {
		cont->oid_next = rep.first + nr;
		cont->oid_left = req.nr - nr;
	}
	process_unlock(p);
	return 0;
}

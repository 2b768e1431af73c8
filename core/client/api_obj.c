/* The public functions on objects. Transactions come later: a handle of one is refused. */
#include "core/client/client_int.h"

#include "daos.h"

/* Programs are compiled against the name with "2"; both exist. */
#undef daos_obj_generate_oid

int daos_obj_generate_oid(daos_handle_t coh, daos_obj_id_t *oid, enum daos_otype_t type,
			  daos_oclass_id_t cid, daos_oclass_hints_t hints, uint32_t args);

int daos_obj_generate_oid2(daos_handle_t coh, daos_obj_id_t *oid, enum daos_otype_t type,
			   daos_oclass_id_t cid, daos_oclass_hints_t hints, uint32_t args)
{
	struct process *p = host_self();
	struct cl_cont *cont;
	int rc;

	(void)args;
	if (p == NULL)
		return -DER_UNINIT;
	if (oid == NULL)
		return -DER_INVAL;
	cont = hdl_get(p, coh, DAOS_HTYPE_CO);
	if (cont == NULL)
		return -DER_NO_HDL;
	rc = cl_oid_generate(p, cont, oid, type, cid, hints);
	cl_put(p, &cont->ref);
	return rc;
}

int daos_obj_generate_oid(daos_handle_t coh, daos_obj_id_t *oid, enum daos_otype_t type,
			  daos_oclass_id_t cid, daos_oclass_hints_t hints, uint32_t args)
{
	return daos_obj_generate_oid2(coh, oid, type, cid, hints, args);
}

struct obj_open_args {
	daos_handle_t coh;
	daos_obj_id_t oid;
	unsigned int mode;
	daos_handle_t *oh;
};

static int obj_open_fn(struct cl_stream *s, void *args)
{
	struct obj_open_args *a = args;
	struct cl_cont *cont = hdl_get(s->proc, a->coh, DAOS_HTYPE_CO);
	struct cl_obj *o;
	int rc;

	if (cont == NULL)
		return -DER_NO_HDL;
	rc = cl_obj_open(s->proc, cont, cl_oid(a->oid), a->mode, &o);
	cl_put(s->proc, &cont->ref);
	if (rc != 0)
		return rc;
	rc = hdl_insert(s->proc, &o->ref, a->oh);
	if (rc != 0)
		cl_put(s->proc, &o->ref);
	return rc;
}

int daos_obj_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh,
		  daos_event_t *ev)
{
	struct obj_open_args a = { .coh = coh, .oid = oid, .mode = mode, .oh = oh };

	if (oh == NULL)
		return -DER_INVAL;
	return cl_call(obj_open_fn, &a, sizeof(a), ev);
}

struct obj_close_args {
	daos_handle_t oh;
};

static int obj_close_fn(struct cl_stream *s, void *args)
{
	struct obj_close_args *a = args;
	struct cl_obj *o = hdl_remove(s->proc, a->oh, DAOS_HTYPE_OBJ);

	if (o == NULL)
		return -DER_NO_HDL;
	cl_put(s->proc, &o->ref);
	return 0;
}

int daos_obj_close(daos_handle_t oh, daos_event_t *ev)
{
	struct obj_close_args a = { .oh = oh };

	return cl_call(obj_close_fn, &a, sizeof(a), ev);
}

/* Arguments of all calls on an object; each uses its own. */
struct obj_args {
	daos_handle_t oh;
	uint64_t flags;
	daos_key_t *dkey;
	daos_key_t *akey;
	uint32_t nr;
	daos_iod_t *iods;
	d_sg_list_t *sgls;
	daos_iom_t *ioms;
	uint32_t *nr_io;
	daos_key_desc_t *kds;
	daos_anchor_t *anchor;
	daos_recx_t *recxs;
	daos_epoch_range_t *eprs;
	daos_size_t *size;
	bool incr;
};

static_assert(sizeof(struct obj_args) <= CL_ARGS_MAX, "arguments fit a task");

typedef int (*obj_fn)(struct cl_stream *s, struct cl_obj *o, struct obj_args *a);

static int with_obj(struct cl_stream *s, struct obj_args *a, obj_fn fn)
{
	struct cl_obj *o = hdl_get(s->proc, a->oh, DAOS_HTYPE_OBJ);
	int rc;

	if (o == NULL)
		return -DER_NO_HDL;
	rc = fn(s, o, a);
	cl_put(s->proc, &o->ref);
	return rc;
}

static int obj_call(daos_handle_t th, cl_fn fn, const struct obj_args *a, daos_event_t *ev)
{
	if (daos_handle_is_valid(th))
		return -DER_NO_HDL;
	return cl_call(fn, a, sizeof(*a), ev);
}

static int do_update(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_update(s, o, a->flags, a->dkey, a->nr, a->iods, a->sgls);
}

static int update_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_update);
}

int daos_obj_update(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
		    unsigned int nr, daos_iod_t *iods, d_sg_list_t *sgls, daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .flags = flags, .dkey = dkey, .nr = nr, .iods = iods,
			      .sgls = sgls };

	return obj_call(th, update_fn, &a, ev);
}

static int do_fetch(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_fetch(s, o, DAOS_EPOCH_MAX, a->flags, a->dkey, a->nr, a->iods, a->sgls, a->ioms);
}

static int fetch_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_fetch);
}

int daos_obj_fetch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
		   unsigned int nr, daos_iod_t *iods, d_sg_list_t *sgls, daos_iom_t *ioms,
		   daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .flags = flags, .dkey = dkey, .nr = nr, .iods = iods,
			      .sgls = sgls, .ioms = ioms };

	return obj_call(th, fetch_fn, &a, ev);
}

static int do_punch(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_punch_obj(s, o, a->flags);
}

static int punch_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_punch);
}

int daos_obj_punch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .flags = flags };

	return obj_call(th, punch_fn, &a, ev);
}

static int do_punch_dkeys(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_punch_dkeys(s, o, a->flags, a->nr, a->dkey);
}

static int punch_dkeys_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_punch_dkeys);
}

int daos_obj_punch_dkeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, unsigned int nr,
			 daos_key_t *dkeys, daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .flags = flags, .nr = nr, .dkey = dkeys };

	return obj_call(th, punch_dkeys_fn, &a, ev);
}

static int do_punch_akeys(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_punch_akeys(s, o, a->flags, a->dkey, a->nr, a->akey);
}

static int punch_akeys_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_punch_akeys);
}

int daos_obj_punch_akeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
			 unsigned int nr, daos_key_t *akeys, daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .flags = flags, .dkey = dkey, .nr = nr, .akey = akeys };

	return obj_call(th, punch_akeys_fn, &a, ev);
}

static int do_list(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_list_keys(s, o, DAOS_EPOCH_MAX, a->dkey, a->nr_io, a->kds, a->sgls, a->anchor);
}

static int list_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_list);
}

int daos_obj_list_dkey(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds,
		       d_sg_list_t *sgl, daos_anchor_t *anchor, daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .nr_io = nr, .kds = kds, .sgls = sgl, .anchor = anchor };

	return obj_call(th, list_fn, &a, ev);
}

int daos_obj_list_akey(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, uint32_t *nr,
		       daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor,
		       daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .dkey = dkey, .nr_io = nr, .kds = kds, .sgls = sgl,
			      .anchor = anchor };

	if (dkey == NULL || dkey->iov_len == 0)
		return -DER_INVAL;
	return obj_call(th, list_fn, &a, ev);
}

static int do_list_recx(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_list_recxs(s, o, DAOS_EPOCH_MAX, a->dkey, a->akey, a->size, DAOS_IOD_ARRAY,
			     a->nr_io, a->recxs, a->eprs, a->anchor, a->incr);
}

static int list_recx_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_list_recx);
}

int daos_obj_list_recx(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, daos_key_t *akey,
		       daos_size_t *size, uint32_t *nr, daos_recx_t *recxs,
		       daos_epoch_range_t *eprs, daos_anchor_t *anchor, bool incr_order,
		       daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .dkey = dkey, .akey = akey, .size = size, .nr_io = nr,
			      .recxs = recxs, .eprs = eprs, .anchor = anchor,
			      .incr = incr_order };

	return obj_call(th, list_recx_fn, &a, ev);
}

static int do_query_key(struct cl_stream *s, struct cl_obj *o, struct obj_args *a)
{
	return cl_query_key(s, o, DAOS_EPOCH_MAX, a->flags, a->dkey, a->akey, a->recxs, NULL);
}

static int query_key_fn(struct cl_stream *s, void *args)
{
	return with_obj(s, args, do_query_key);
}

int daos_obj_query_key(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey,
		       daos_key_t *akey, daos_recx_t *recx, daos_event_t *ev)
{
	struct obj_args a = { .oh = oh, .flags = flags, .dkey = dkey, .akey = akey,
			      .recxs = recx };

	return obj_call(th, query_key_fn, &a, ev);
}

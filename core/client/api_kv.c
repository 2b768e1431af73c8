/*
 * The public functions on key-value stores: objects whose dkeys are the keys, with one akey that
 * holds the value.
 */
#include "core/client/client_int.h"

#include "daos.h"

static const char kv_akey[1] = "";

struct kv {
	struct cl_ref ref;
	struct cl_obj *obj;	/* counted */
};

static void kv_free(struct process *p, struct cl_ref *ref)
{
	struct kv *kv = container_of(ref, struct kv, ref);

	cl_put(p, &kv->obj->ref);
	process_free(p, kv);
}

struct kv_args {
	daos_handle_t h;	/* container, or store */
	daos_obj_id_t oid;
	uint32_t mode;
	daos_handle_t *ret_h;
	uint64_t flags;
	const char *key;
	daos_size_t size;
	daos_size_t *ret_size;
	void *buf;
	uint32_t *nr;
	daos_key_desc_t *kds;
	d_sg_list_t *sgl;
	daos_anchor_t *anchor;
};

static_assert(sizeof(struct kv_args) <= CL_ARGS_MAX, "arguments fit a task");

/* ---- handles -------------------------------------------------------------------------------- */

static int open_fn(struct cl_stream *s, void *args)
{
	struct kv_args *a = args;
	struct process *p = s->proc;
	struct cl_cont *cont;
	struct kv *kv;
	int rc;

	cont = hdl_get(p, a->h, DAOS_HTYPE_CO);
	if (cont == NULL)
		return -DER_NO_HDL;
	kv = process_alloc(p, sizeof(*kv));
	rc = kv == NULL ? -DER_NOMEM : cl_obj_open(p, cont, cl_oid(a->oid), a->mode, &kv->obj);
	cl_put(p, &cont->ref);
	if (rc != 0) {
		process_free(p, kv);
		return rc;
	}
	cl_ref_init(&kv->ref, DAOS_HTYPE_KV, kv_free);
	rc = hdl_insert(p, &kv->ref, a->ret_h);
	if (rc != 0)
		cl_put(p, &kv->ref);
	return rc;
}

int daos_kv_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh,
		 daos_event_t *ev)
{
	struct kv_args a = { .h = coh, .oid = oid, .mode = mode, .ret_h = oh };

	if (oh == NULL || !daos_is_kv(oid))
		return -DER_INVAL;
	return cl_call(open_fn, &a, sizeof(a), ev);
}

static int close_fn(struct cl_stream *s, void *args)
{
	struct kv_args *a = args;
	struct kv *kv = hdl_remove(s->proc, a->h, DAOS_HTYPE_KV);

	if (kv == NULL)
		return -DER_NO_HDL;
	cl_put(s->proc, &kv->ref);
	return 0;
}

int daos_kv_close(daos_handle_t oh, daos_event_t *ev)
{
	struct kv_args a = { .h = oh };

	return cl_call(close_fn, &a, sizeof(a), ev);
}

/* ---- calls on a store ----------------------------------------------------------------------- */

typedef int (*kv_fn)(struct cl_stream *s, struct cl_obj *o, struct kv_args *a);

static int with_kv(struct cl_stream *s, struct kv_args *a, kv_fn fn)
{
	struct kv *kv = hdl_get(s->proc, a->h, DAOS_HTYPE_KV);
	int rc;

	if (kv == NULL)
		return -DER_NO_HDL;
	rc = fn(s, kv->obj, a);
	cl_put(s->proc, &kv->ref);
	return rc;
}

static int kv_call(daos_handle_t th, cl_fn fn, const struct kv_args *a, daos_event_t *ev)
{
	if (daos_handle_is_valid(th))	/* transactions come later */
		return -DER_NO_HDL;
	return cl_call(fn, a, sizeof(*a), ev);
}

/* A key is a string, or, in a store of integers, the eight bytes there. */
static int key_set(const struct cl_obj *o, const char *key, daos_key_t *ret_key)
{
	size_t len = sizeof(uint64_t);

	if (!daos_is_dkey_uint64_type((enum daos_otype_t)o->attr.type))
		len = strlen(key);
	if (len == 0)
		return -DER_INVAL;
	d_iov_set(ret_key, (void *)(uintptr_t)key, len);
	return 0;
}

struct kv_io {
	daos_key_t dkey;
	daos_iod_t iod;
	d_iov_t iov;
	d_sg_list_t sgl;
};

static int kv_io_init(struct kv_io *io, const struct cl_obj *o, const struct kv_args *a)
{
	io->iod = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = a->size, .iod_nr = 1 };
	d_iov_set(&io->iod.iod_name, (void *)(uintptr_t)kv_akey, sizeof(kv_akey));
	d_iov_set(&io->iov, a->buf, a->size);
	io->sgl = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iov };
	return key_set(o, a->key, &io->dkey);
}

static int do_put(struct cl_stream *s, struct cl_obj *o, struct kv_args *a)
{
	struct kv_io io;
	int rc = kv_io_init(&io, o, a);

	return rc != 0 ? rc : cl_update(s, o, a->flags, &io.dkey, 1, &io.iod, &io.sgl);
}

static int put_fn(struct cl_stream *s, void *args)
{
	return with_kv(s, args, do_put);
}

int daos_kv_put(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key,
		daos_size_t size, const void *buf, daos_event_t *ev)
{
	struct kv_args a = { .h = oh, .flags = flags, .key = key, .size = size,
			     .buf = (void *)(uintptr_t)buf };

	if (key == NULL || buf == NULL || size == 0)
		return -DER_INVAL;
	return kv_call(th, put_fn, &a, ev);
}

static int do_get(struct cl_stream *s, struct cl_obj *o, struct kv_args *a)
{
	struct kv_io io;
	int rc;

	a->size = a->buf != NULL && *a->ret_size != DAOS_REC_ANY ? *a->ret_size : 0;
	rc = kv_io_init(&io, o, a);
	if (rc != 0)
		return rc;
	rc = cl_fetch(s, o, DAOS_EPOCH_MAX, a->flags, &io.dkey, 1, &io.iod,
		      a->size > 0 ? &io.sgl : NULL, NULL);
	if (rc == 0 || rc == -DER_REC2BIG)
		*a->ret_size = io.iod.iod_size;
	return rc;
}

static int get_fn(struct cl_stream *s, void *args)
{
	return with_kv(s, args, do_get);
}

int daos_kv_get(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key,
		daos_size_t *size, void *buf, daos_event_t *ev)
{
	struct kv_args a = { .h = oh, .flags = flags, .key = key, .ret_size = size, .buf = buf };

	if (key == NULL || size == NULL)
		return -DER_INVAL;
	return kv_call(th, get_fn, &a, ev);
}

static int do_remove(struct cl_stream *s, struct cl_obj *o, struct kv_args *a)
{
	daos_key_t dkey;
	int rc = key_set(o, a->key, &dkey);

	return rc != 0 ? rc : cl_punch_dkeys(s, o, a->flags, 1, &dkey);
}

static int remove_fn(struct cl_stream *s, void *args)
{
	return with_kv(s, args, do_remove);
}

int daos_kv_remove(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key,
		   daos_event_t *ev)
{
	struct kv_args a = { .h = oh, .flags = flags, .key = key };

	return key == NULL ? -DER_INVAL : kv_call(th, remove_fn, &a, ev);
}

static int do_destroy(struct cl_stream *s, struct cl_obj *o, struct kv_args *a)
{
	(void)a;
	return cl_punch_obj(s, o, 0);
}

static int destroy_fn(struct cl_stream *s, void *args)
{
	return with_kv(s, args, do_destroy);
}

int daos_kv_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev)
{
	struct kv_args a = { .h = oh };

	return kv_call(th, destroy_fn, &a, ev);
}

static int do_list(struct cl_stream *s, struct cl_obj *o, struct kv_args *a)
{
	return cl_list_keys(s, o, DAOS_EPOCH_MAX, NULL, a->nr, a->kds, a->sgl, a->anchor);
}

static int list_fn(struct cl_stream *s, void *args)
{
	return with_kv(s, args, do_list);
}

int daos_kv_list(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds,
		 d_sg_list_t *sgl, daos_anchor_t *anchor, daos_event_t *ev)
{
	struct kv_args a = { .h = oh, .nr = nr, .kds = kds, .sgl = sgl, .anchor = anchor };

	return kv_call(th, list_fn, &a, ev);
}

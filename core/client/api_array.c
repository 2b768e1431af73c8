/*
 * The public functions on arrays. An array that keeps its attributes has them under dkey 0, where
 * no chunk is.
 */
#include "core/client/client_int.h"

#include "daos.h"

#define ATTR_MAGIC	0x67617272617900a1ull
#define ATTR_AKEY	"daos_array_metadata"
#define GLOB_MAGIC	0x67617272u

/* What is stored, and what another process is told. */
struct array_attr {
	uint64_t magic;
	uint64_t cell_bytes;
	uint64_t chunk_cells;
};

struct array_args {
	daos_handle_t h;	/* container, or array */
	daos_obj_id_t oid;
	uint32_t mode;
	uint64_t cell_bytes;
	uint64_t chunk_cells;
	daos_size_t *ret_cell;
	daos_size_t *ret_chunk;
	daos_handle_t *ret_h;
	daos_array_iod_t *iod;
	d_sg_list_t *sgl;
	daos_size_t *ret_size;
	daos_array_stbuf_t *stbuf;
};

static_assert(sizeof(struct array_args) <= CL_ARGS_MAX, "arguments fit a task");

int daos_array_generate_oid(daos_handle_t coh, daos_obj_id_t *oid, bool add_attr,
			    daos_oclass_id_t cid, daos_oclass_hints_t hints, uint32_t args)
{
	return daos_obj_generate_oid2(coh, oid, add_attr ? DAOS_OT_ARRAY : DAOS_OT_ARRAY_ATTR, cid,
				      hints, args);
}

/* ---- opening -------------------------------------------------------------------------------- */

struct attr_io {
	uint64_t dkey_val;
	daos_key_t dkey;
	daos_iod_t iod;
	d_iov_t iov;
	d_sg_list_t sgl;
	struct array_attr attr;
};

static void attr_io_init(struct attr_io *io)
{
	io->dkey_val = 0;
	d_iov_set(&io->dkey, &io->dkey_val, sizeof(io->dkey_val));
	io->iod = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(io->attr),
				.iod_nr = 1 };
	d_iov_set(&io->iod.iod_name, (void *)(uintptr_t)ATTR_AKEY, sizeof(ATTR_AKEY) - 1);
	d_iov_set(&io->iov, &io->attr, sizeof(io->attr));
	io->sgl = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iov };
}

static int attr_store(struct cl_stream *s, struct cl_obj *o, const struct array_args *a)
{
	struct attr_io io;

	attr_io_init(&io);
	io.attr = (struct array_attr){ ATTR_MAGIC, a->cell_bytes, a->chunk_cells };
	return cl_update(s, o, DAOS_COND_AKEY_INSERT, &io.dkey, 1, &io.iod, &io.sgl);
}

static int attr_load(struct cl_stream *s, struct cl_obj *o, struct array_args *a)
{
	struct attr_io io;
	int rc;

	attr_io_init(&io);
	io.attr = (struct array_attr){ 0 };
	rc = cl_fetch(s, o, DAOS_EPOCH_MAX, 0, &io.dkey, 1, &io.iod, &io.sgl, NULL);
	if (rc == 0 && io.iod.iod_size == 0)
		return -DER_NONEXIST;
	if (rc == 0 && (io.iod.iod_size != sizeof(io.attr) || io.attr.magic != ATTR_MAGIC))
		return -DER_DF_INVAL;
	a->cell_bytes = io.attr.cell_bytes;
	a->chunk_cells = io.attr.chunk_cells;
	return rc;
}

typedef int (*attr_fn)(struct cl_stream *s, struct cl_obj *o, struct array_args *a);

static int attr_store_fn(struct cl_stream *s, struct cl_obj *o, struct array_args *a)
{
	return attr_store(s, o, a);
}

/* Open the object, find out its attributes by @attr (NULL: they are known), make a handle. */
static int open_with(struct cl_stream *s, struct array_args *a, attr_fn attr)
{
	struct process *p = s->proc;
	struct cl_array *array = NULL;
	struct cl_cont *cont;
	struct cl_obj *o;
	int rc;

	cont = hdl_get(p, a->h, DAOS_HTYPE_CO);
	if (cont == NULL)
		return -DER_NO_HDL;
	rc = cl_obj_open(p, cont, cl_oid(a->oid), a->mode, &o);
	cl_put(p, &cont->ref);
	if (rc != 0)
		return rc;
	if (attr != NULL)
		rc = attr(s, o, a);
	if (rc == 0)
		rc = cl_array_open(p, o, a->cell_bytes, a->chunk_cells, &array);
	if (rc == 0)
		rc = hdl_insert(p, &array->ref, a->ret_h);
	if (rc != 0 && array != NULL)
		cl_put(p, &array->ref);
	cl_put(p, &o->ref);
	if (rc == 0 && a->ret_cell != NULL)
		*a->ret_cell = a->cell_bytes;
	if (rc == 0 && a->ret_chunk != NULL)
		*a->ret_chunk = a->chunk_cells;
	return rc;
}

static int array_call(daos_handle_t th, cl_fn fn, const struct array_args *a, daos_event_t *ev)
{
	if (daos_handle_is_valid(th))	/* transactions come later */
		return -DER_NO_HDL;
	return cl_call(fn, a, sizeof(*a), ev);
}

static int create_fn(struct cl_stream *s, void *args)
{
	return open_with(s, args, attr_store_fn);
}

int daos_array_create(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, daos_size_t cell_size,
		      daos_size_t chunk_size, daos_handle_t *oh, daos_event_t *ev)
{
	struct array_args a = { .h = coh, .oid = oid, .mode = DAOS_OO_RW, .cell_bytes = cell_size,
				.chunk_cells = chunk_size, .ret_h = oh };

	if (oh == NULL || cell_size == 0 || chunk_size == 0 ||
	    daos_obj_id2type(oid) != DAOS_OT_ARRAY)
		return -DER_INVAL;
	return array_call(th, create_fn, &a, ev);
}

static int open_fn(struct cl_stream *s, void *args)
{
	return open_with(s, args, attr_load);
}

int daos_array_open(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, unsigned int mode,
		    daos_size_t *cell_size, daos_size_t *chunk_size, daos_handle_t *oh,
		    daos_event_t *ev)
{
	struct array_args a = { .h = coh, .oid = oid, .mode = mode, .ret_cell = cell_size,
				.ret_chunk = chunk_size, .ret_h = oh };

	if (oh == NULL || daos_obj_id2type(oid) != DAOS_OT_ARRAY)
		return -DER_INVAL;
	return array_call(th, open_fn, &a, ev);
}

static int open_attr_fn(struct cl_stream *s, void *args)
{
	return open_with(s, args, NULL);
}

int daos_array_open_with_attr(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th,
			      unsigned int mode, daos_size_t cell_size, daos_size_t chunk_size,
			      daos_handle_t *oh, daos_event_t *ev)
{
	struct array_args a = { .h = coh, .oid = oid, .mode = mode, .cell_bytes = cell_size,
				.chunk_cells = chunk_size, .ret_h = oh };

	if (oh == NULL || !daos_is_array(oid) ||
	    (daos_obj_id2type(oid) == DAOS_OT_ARRAY_BYTE && cell_size != 1))
		return -DER_INVAL;
	return array_call(th, open_attr_fn, &a, ev);
}

static int close_fn(struct cl_stream *s, void *args)
{
	struct array_args *a = args;
	struct cl_array *array = hdl_remove(s->proc, a->h, DAOS_HTYPE_ARRAY);

	if (array == NULL)
		return -DER_NO_HDL;
	cl_put(s->proc, &array->ref);
	return 0;
}

int daos_array_close(daos_handle_t oh, daos_event_t *ev)
{
	struct array_args a = { .h = oh };

	return cl_call(close_fn, &a, sizeof(a), ev);
}

/* ---- calls on an array ---------------------------------------------------------------------- */

typedef int (*array_fn)(struct cl_stream *s, struct cl_array *array, struct array_args *a);

static int with_array(struct cl_stream *s, struct array_args *a, array_fn fn)
{
	struct cl_array *array = hdl_get(s->proc, a->h, DAOS_HTYPE_ARRAY);
	int rc;

	if (array == NULL)
		return -DER_NO_HDL;
	rc = fn(s, array, a);
	cl_put(s->proc, &array->ref);
	return rc;
}

static bool iod_ok(const daos_array_iod_t *iod)
{
	return iod != NULL && iod->arr_nr > 0 && iod->arr_nr <= UINT32_MAX && iod->arr_rgs != NULL;
}

static int do_read(struct cl_stream *s, struct cl_array *array, struct array_args *a)
{
	uint64_t asked = 0;
	uint64_t missing;
	uint64_t i;
	int rc;

	rc = cl_array_read(s, array, (uint32_t)a->iod->arr_nr, a->iod->arr_rgs, a->sgl, 0,
			   &missing);
	if (rc != 0)
		return rc;
	for (i = 0; i < a->iod->arr_nr; i++)
		asked += a->iod->arr_rgs[i].rg_len;
	a->iod->arr_nr_short_read = missing;
	a->iod->arr_nr_read = asked - missing;
	return 0;
}

static int read_fn(struct cl_stream *s, void *args)
{
	return with_array(s, args, do_read);
}

int daos_array_read(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl,
		    daos_event_t *ev)
{
	struct array_args a = { .h = oh, .iod = iod, .sgl = sgl };

	return !iod_ok(iod) || sgl == NULL ? -DER_INVAL : array_call(th, read_fn, &a, ev);
}

static int do_write(struct cl_stream *s, struct cl_array *array, struct array_args *a)
{
	return cl_array_write(s, array, (uint32_t)a->iod->arr_nr, a->iod->arr_rgs, a->sgl);
}

static int write_fn(struct cl_stream *s, void *args)
{
	return with_array(s, args, do_write);
}

int daos_array_write(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl,
		     daos_event_t *ev)
{
	struct array_args a = { .h = oh, .iod = iod, .sgl = sgl };

	return !iod_ok(iod) || sgl == NULL ? -DER_INVAL : array_call(th, write_fn, &a, ev);
}

static int do_punch(struct cl_stream *s, struct cl_array *array, struct array_args *a)
{
	return cl_array_punch(s, array, (uint32_t)a->iod->arr_nr, a->iod->arr_rgs);
}

static int punch_fn(struct cl_stream *s, void *args)
{
	return with_array(s, args, do_punch);
}

int daos_array_punch(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, daos_event_t *ev)
{
	struct array_args a = { .h = oh, .iod = iod };

	return iod_ok(iod) ? array_call(th, punch_fn, &a, ev) : -DER_INVAL;
}

static int do_size(struct cl_stream *s, struct cl_array *array, struct array_args *a)
{
	return cl_array_size(s, array, a->ret_size);
}

static int size_fn(struct cl_stream *s, void *args)
{
	return with_array(s, args, do_size);
}

int daos_array_get_size(daos_handle_t oh, daos_handle_t th, daos_size_t *size, daos_event_t *ev)
{
	struct array_args a = { .h = oh, .ret_size = size };

	return size == NULL ? -DER_INVAL : array_call(th, size_fn, &a, ev);
}

static int do_stat(struct cl_stream *s, struct cl_array *array, struct array_args *a)
{
	return cl_array_stat(s, array, &a->stbuf->st_size, &a->stbuf->st_max_epoch);
}

static int stat_fn(struct cl_stream *s, void *args)
{
	return with_array(s, args, do_stat);
}

int daos_array_stat(daos_handle_t oh, daos_handle_t th, daos_array_stbuf_t *stbuf, daos_event_t *ev)
{
	struct array_args a = { .h = oh, .stbuf = stbuf };

	return stbuf == NULL ? -DER_INVAL : array_call(th, stat_fn, &a, ev);
}

static int do_set_size(struct cl_stream *s, struct cl_array *array, struct array_args *a)
{
	return cl_array_set_size(s, array, a->chunk_cells);
}

static int set_size_fn(struct cl_stream *s, void *args)
{
	return with_array(s, args, do_set_size);
}

int daos_array_set_size(daos_handle_t oh, daos_handle_t th, daos_size_t size, daos_event_t *ev)
{
	struct array_args a = { .h = oh, .chunk_cells = size };

	return array_call(th, set_size_fn, &a, ev);
}

static int do_destroy(struct cl_stream *s, struct cl_array *array, struct array_args *a)
{
	(void)a;
	return cl_punch_obj(s, array->obj, 0);
}

static int destroy_fn(struct cl_stream *s, void *args)
{
	return with_array(s, args, do_destroy);
}

int daos_array_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev)
{
	struct array_args a = { .h = oh };

	return array_call(th, destroy_fn, &a, ev);
}

/* ---- attributes and handles for others ------------------------------------------------------ */

int daos_array_get_attr(daos_handle_t oh, daos_size_t *chunk_size, daos_size_t *cell_size)
{
	struct process *p = host_self();
	struct cl_array *array;

	if (p == NULL)
		return -DER_UNINIT;
	if (chunk_size == NULL || cell_size == NULL)
		return -DER_INVAL;
	array = hdl_get(p, oh, DAOS_HTYPE_ARRAY);
	if (array == NULL)
		return -DER_NO_HDL;
	*chunk_size = array->chunk_cells;
	*cell_size = array->cell_bytes;
	cl_put(p, &array->ref);
	return 0;
}

int daos_array_update_chunk_size(daos_handle_t oh, daos_size_t chunk_size)
{
	struct process *p = host_self();
	struct cl_array *array;
	int rc = 0;

	if (p == NULL)
		return -DER_UNINIT;
	array = hdl_get(p, oh, DAOS_HTYPE_ARRAY);
	if (array == NULL)
		return -DER_NO_HDL;
	if (chunk_size == 0 || chunk_size > (1ull << 50) / array->cell_bytes)
		rc = -DER_INVAL;
	else
		array->chunk_cells = chunk_size;
	cl_put(p, &array->ref);
	return rc;
}

struct array_glob {
	uint32_t magic;
	uint32_t mode;
	struct uid cont;
	daos_obj_id_t oid;
	struct array_attr attr;
};

int daos_array_local2global(daos_handle_t oh, d_iov_t *glob)
{
	struct process *p = host_self();
	struct array_glob g = { .magic = GLOB_MAGIC };
	struct cl_array *array;
	bool fits;

	if (p == NULL)
		return -DER_UNINIT;
	if (glob == NULL)
		return -DER_INVAL;
	array = hdl_get(p, oh, DAOS_HTYPE_ARRAY);
	if (array == NULL)
		return -DER_NO_HDL;
	g.mode = array->obj->mode;
	g.cont = array->obj->cont->uid;
	g.oid = (daos_obj_id_t){ .lo = array->obj->oid.lo, .hi = array->obj->oid.hi };
	g.attr = (struct array_attr){ ATTR_MAGIC, array->cell_bytes, array->chunk_cells };
	cl_put(p, &array->ref);
	fits = glob->iov_buf != NULL && glob->iov_buf_len >= sizeof(g);
	if (fits) {
		memcpy(glob->iov_buf, &g, sizeof(g));
		glob->iov_len = sizeof(g);
	}
	glob->iov_buf_len = sizeof(g);
	return fits || glob->iov_buf == NULL ? 0 : -DER_TRUNC;
}

int daos_array_global2local(daos_handle_t coh, d_iov_t glob, unsigned int mode, daos_handle_t *oh)
{
	struct process *p = host_self();
	struct cl_cont *cont;
	struct array_glob g;
	bool same;

	if (p == NULL)
		return -DER_UNINIT;
	if (oh == NULL || glob.iov_buf == NULL || glob.iov_buf_len < sizeof(g) ||
	    glob.iov_len != sizeof(g))
		return -DER_INVAL;
	memcpy(&g, glob.iov_buf, sizeof(g));
	cont = hdl_get(p, coh, DAOS_HTYPE_CO);
	if (cont == NULL)
		return -DER_NO_HDL;
	same = uid_equal(&cont->uid, &g.cont);
	cl_put(p, &cont->ref);
	if (g.magic != GLOB_MAGIC || g.attr.magic != ATTR_MAGIC || !same || !daos_is_array(g.oid))
		return -DER_INVAL;
	return daos_array_open_with_attr(coh, g.oid, DAOS_TX_NONE, mode != 0 ? mode : g.mode,
					 g.attr.cell_bytes, g.attr.chunk_cells, oh, NULL);
}

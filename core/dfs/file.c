/* Files: opening and creating anything, transfers, sizes, holes. */
#include "core/dfs/dfs_int.h"

#include <errno.h>
#include <limits.h>

/* ---- open and create ------------------------------------------------------------------------ */

/* Open what is there under the name. */
static int open_existing(struct cl_stream *s, struct dfs_args *a)
{
	struct dfs_obj *obj = NULL;
	struct dfs_inode in;
	struct dfs_link link;
	char *value = NULL;
	int rc;

	rc = dfs_entry_fetch(s, a->obj->oh, a->name, &in);
	if (rc != 0)
		return rc;
	if ((in.mode & S_IFMT) != (a->mode & S_IFMT))
		return S_ISDIR(a->mode) ? ENOTDIR : EINVAL;
	if (S_ISLNK(in.mode))
		rc = dfs_entry_value(s, a->obj->oh, a->name, in.value_len, &value);
	if (rc != 0)
		return rc;
	dfs_link_set(&link, a->obj->oid, a->name);
	rc = dfs_obj_make(s, a->dfs, &in, &link, a->flags, value, &obj);
	if (rc == 0 && (a->flags & O_TRUNC) && S_ISREG(in.mode))
		rc = dfs_file_truncate(s, obj, 0, &in);
	if (rc == 0)
		*a->ret_obj = obj;
	else
		dfs_obj_free(s->proc, obj);
	return rc;
}

static int value_dup(struct process *p, const char *value, char **ret_value)
{
	size_t len = strlen(value);

	*ret_value = process_alloc(p, len + 1);
	if (*ret_value == NULL)
		return -DER_NOMEM;
	memcpy(*ret_value, value, len + 1);
	return 0;
}

static int entry_create(struct cl_stream *s, struct dfs_args *a, const struct dfs_inode *in)
{
	struct cl_obj *self;
	int rc;

	if (!S_ISDIR(in->mode))
		return dfs_entry_insert(s, a->obj->oh, a->name, in, a->value);
	rc = dfs_cl_open(s, a->dfs, in->oid, &self);
	if (rc != 0)
		return rc;
	rc = dfs_entry_insert_dir(s, a->obj->oh, a->name, in, self);
	cl_put(s->proc, &self->ref);
	return rc;
}

/* a->ret_obj NULL: only the entry is wanted. */
static int create_new(struct cl_stream *s, struct dfs_args *a)
{
	struct dfs_inode in;
	struct dfs_link link;
	char *value = NULL;
	int rc;

	rc = dfs_inode_make(s, a->dfs, a->obj, a->mode, a->cid, a->len, &in);
	if (rc != 0)
		return rc;
	if (S_ISLNK(a->mode))
		in.value_len = strlen(a->value);
	rc = entry_create(s, a, &in);
	if (rc != 0 || a->ret_obj == NULL)
		return rc;
	if (S_ISLNK(a->mode))
		rc = value_dup(s->proc, a->value, &value);
	if (rc != 0)
		return rc;
	dfs_link_set(&link, a->obj->oid, a->name);
	return dfs_obj_make(s, a->dfs, &in, &link, a->flags, value, a->ret_obj);
}

/*
 * With O_CREAT the insert comes first: creating is one round of calls, and of several that create
 * one name, one does, the others open what it made.
 */
static int open_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	uint32_t tries;
	int rc = 0;

	if (!(a->flags & O_CREAT))
		return dfs_errno(open_existing(s, a));
	for (tries = 0; tries < DFS_TRIES; tries++) {
		rc = create_new(s, a);
		if (rc != -DER_EXIST || (a->flags & O_EXCL))
			break;
		rc = open_existing(s, a);
		if (rc != -DER_NONEXIST)
			break;
	}
	return dfs_errno(rc);
}

static int open_check(dfs_t *dfs, mode_t mode, int flags, const char *value)
{
	int access = flags & O_ACCMODE;

	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
		return EINVAL;
	if (dfs->rdonly && ((flags & (O_CREAT | O_TRUNC)) != 0 || access != O_RDONLY))
		return EPERM;
	if (S_ISREG(mode) && (flags & O_TRUNC) && access == O_RDONLY)
		return EPERM;
	if (S_ISLNK(mode) && (flags & O_CREAT) &&
	    (value == NULL || value[0] == 0 || strnlen(value, PATH_MAX) == PATH_MAX))
		return EINVAL;
	return 0;
}

/* With O_APPEND every write goes to the end of the file, wherever it says (the original refuses
 * it). Two that append at the same time may still meet: the end is looked up, then written to. */
int dfs_open(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, int flags,
	     daos_oclass_id_t cid, daos_size_t chunk_size, const char *value, dfs_obj_t **obj)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .mode = mode, .flags = flags, .cid = cid,
			      .len = chunk_size, .value = S_ISLNK(mode) ? value : NULL,
			      .ret_obj = obj };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0)
		rc = dfs_name_check(name);
	if (rc == 0 && obj == NULL)
		rc = EINVAL;
	if (rc == 0)
		rc = open_check(dfs, mode, flags, value);
	return rc != 0 ? rc : dfs_call(open_fn, &a, NULL);
}

static int mkdir_fn(struct cl_stream *s, void *args)
{
	return dfs_errno(create_new(s, args));
}

int dfs_mkdir(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, daos_oclass_id_t cid)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .mode = S_IFDIR | (mode & 07777),
			      .cid = cid };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0)
		rc = dfs_name_check(name);
	if (rc == 0 && dfs->rdonly)
		rc = EPERM;
	return rc != 0 ? rc : dfs_call(mkdir_fn, &a, NULL);
}

/* ---- transfers ------------------------------------------------------------------------------ */

static uint64_t sgl_len(const d_sg_list_t *sgl)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < sgl->sg_nr; i++)
		sum += sgl->sg_iovs[i].iov_len;
	return sum;
}

/* Reads go into iov_len bytes of each vector, though there may be more room. */
static int sgl_cut(struct cl_stream *s, const d_sg_list_t *sgl, d_sg_list_t *ret_cut)
{
	bool cut = false;
	uint32_t i;

	*ret_cut = *sgl;
	for (i = 0; i < sgl->sg_nr; i++)
		cut = cut || sgl->sg_iovs[i].iov_len != sgl->sg_iovs[i].iov_buf_len;
	if (!cut)
		return 0;
	ret_cut->sg_iovs = rt_alloc(s->rt, sgl->sg_nr * sizeof(d_iov_t));
	if (ret_cut->sg_iovs == NULL)
		return -DER_NOMEM;
	for (i = 0; i < sgl->sg_nr; i++)
		d_iov_set(&ret_cut->sg_iovs[i], sgl->sg_iovs[i].iov_buf, sgl->sg_iovs[i].iov_len);
	return 0;
}

static uint64_t ranges_bytes(uint64_t nr, const daos_range_t *ranges)
{
	uint64_t sum = 0;
	uint64_t i;

	for (i = 0; i < nr; i++)
		sum += ranges[i].rg_len;
	return sum;
}

static int read_ranges(struct cl_stream *s, struct dfs_args *a, uint64_t nr,
		       const daos_range_t *ranges)
{
	uint64_t bytes = ranges_bytes(nr, ranges);
	uint64_t missing = 0;
	d_sg_list_t sgl;
	int rc;

	if (bytes == 0) {
		*a->size = 0;
		return 0;
	}
	rc = sgl_cut(s, a->sgl, &sgl);
	if (rc == 0)
		rc = cl_array_read(s, a->obj->array, (uint32_t)nr, ranges, &sgl,
				   CL_ARRAY_ZERO_HOLES, &missing);
	if (rc == 0)
		*a->size = bytes - missing;
	if (sgl.sg_iovs != a->sgl->sg_iovs)
		rt_free(s->rt, sgl.sg_iovs);
	return rc == -DER_REC2BIG ? EINVAL : rc;	/* ranges larger than the memory */
}

static int read_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	daos_range_t range = { .rg_idx = a->off, .rg_len = sgl_len(a->sgl) };

	return dfs_errno(read_ranges(s, a, 1, &range));
}

static int readx_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	int rc = dfs_ranges_check(s->rt, a->iod->iod_nr, a->iod->iod_rgs);

	if (rc == 0)
		rc = read_ranges(s, a, a->iod->iod_nr, a->iod->iod_rgs);
	return dfs_errno(rc);
}

static int write_ranges(struct cl_stream *s, struct dfs_args *a, uint64_t nr, daos_range_t *ranges)
{
	int rc = 0;

	if (ranges_bytes(nr, ranges) == 0)
		return 0;
	if (a->obj->flags & O_APPEND)
		rc = cl_array_size(s, a->obj->array, &ranges[0].rg_idx);
	if (rc == 0)
		rc = cl_array_write(s, a->obj->array, (uint32_t)nr, ranges, a->sgl);
	return rc == -DER_REC2BIG ? EINVAL : rc;
}

static int write_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	daos_range_t range = { .rg_idx = a->off, .rg_len = sgl_len(a->sgl) };

	return dfs_errno(write_ranges(s, a, 1, &range));
}

static int writex_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	int rc = dfs_ranges_check(s->rt, a->iod->iod_nr, a->iod->iod_rgs);

	if (rc == 0)
		rc = write_ranges(s, a, a->iod->iod_nr, a->iod->iod_rgs);
	return dfs_errno(rc);
}

static int rw_check(dfs_t *dfs, dfs_obj_t *obj, const d_sg_list_t *sgl, bool write)
{
	int access;

	if (dfs == NULL || obj == NULL || sgl == NULL || !S_ISREG(obj->mode) ||
	    (sgl->sg_nr > 0 && sgl->sg_iovs == NULL))
		return EINVAL;
	access = obj->flags & O_ACCMODE;
	if (write && (dfs->rdonly || access == O_RDONLY))
		return EPERM;
	return !write && access == O_WRONLY ? EPERM : 0;
}

int dfs_read(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_size_t *read_size,
	     daos_event_t *ev)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .sgl = sgl, .off = off, .size = read_size };
	int rc = rw_check(dfs, obj, sgl, false);

	if (rc == 0 && read_size == NULL)
		rc = EINVAL;
	return rc != 0 ? rc : dfs_call(read_fn, &a, ev);
}

int dfs_readx(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_size_t *read_size,
	      daos_event_t *ev)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .iod = iod, .sgl = sgl, .size = read_size };
	int rc = rw_check(dfs, obj, sgl, false);

	if (rc == 0 && (read_size == NULL || iod == NULL))
		rc = EINVAL;
	return rc != 0 ? rc : dfs_call(readx_fn, &a, ev);
}

int dfs_write(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_event_t *ev)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .sgl = sgl, .off = off };
	int rc = rw_check(dfs, obj, sgl, true);

	return rc != 0 ? rc : dfs_call(write_fn, &a, ev);
}

/* A handle opened with O_APPEND has one end: several ranges make no sense on it. */
int dfs_writex(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .iod = iod, .sgl = sgl };
	int rc = rw_check(dfs, obj, sgl, true);

	if (rc == 0 && (iod == NULL || (obj->flags & O_APPEND)))
		rc = EINVAL;
	return rc != 0 ? rc : dfs_call(writex_fn, &a, ev);
}

/* ---- ranges --------------------------------------------------------------------------------- */

static void sift(daos_range_t *v, uint64_t root, uint64_t nr)
{
	uint64_t child;

	while ((child = 2 * root + 1) < nr) {
		daos_range_t t = v[root];

		if (child + 1 < nr && v[child + 1].rg_idx > v[child].rg_idx)
			child++;
		if (v[root].rg_idx >= v[child].rg_idx)
			return;
		v[root] = v[child];
		v[child] = t;
		root = child;
	}
}

static void ranges_sort(daos_range_t *v, uint64_t nr)
{
	uint64_t i;

	for (i = nr / 2; i-- > 0;)
		sift(v, i, nr);
	for (i = nr; i-- > 1;) {
		daos_range_t t = v[0];

		v[0] = v[i];
		v[i] = t;
		sift(v, 0, i);
	}
}

static bool ranges_apart(uint64_t nr, const daos_range_t *v)
{
	uint64_t i;

	for (i = 1; i < nr; i++)
		if (v[i].rg_idx - v[i - 1].rg_idx < v[i - 1].rg_len)
			return false;
	return true;
}

int dfs_ranges_check(struct rt *rt, uint64_t nr, const daos_range_t *ranges)
{
	daos_range_t *v;
	bool rising = true;
	bool apart;
	uint64_t i;

	if (ranges == NULL || nr == 0 || nr > UINT32_MAX)
		return EINVAL;
	for (i = 0; i < nr; i++) {
		if (ranges[i].rg_len > UINT64_MAX - ranges[i].rg_idx)
			return EINVAL;
		rising = rising && (i == 0 || ranges[i].rg_idx >= ranges[i - 1].rg_idx);
	}
	if (rising)
		return ranges_apart(nr, ranges) ? 0 : EINVAL;
	v = rt_alloc(rt, nr * sizeof(*v));
	if (v == NULL)
		return -DER_NOMEM;
	memcpy(v, ranges, nr * sizeof(*v));
	ranges_sort(v, nr);
	apart = ranges_apart(nr, v);
	rt_free(rt, v);
	return apart ? 0 : EINVAL;
}

/* ---- sizes and holes ------------------------------------------------------------------------ */

static int size_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;

	return dfs_errno(cl_array_size(s, a->obj->array, a->size));
}

int dfs_get_size(dfs_t *dfs, dfs_obj_t *obj, daos_size_t *size)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .size = size };

	if (dfs == NULL || obj == NULL || size == NULL || !S_ISREG(obj->mode))
		return EINVAL;
	return dfs_call(size_fn, &a, NULL);
}

static int oid_size_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct cl_array *array = NULL;
	struct cl_obj *oh;
	int rc;

	rc = dfs_cl_open(s, a->dfs, cl_oid(*a->oid), &oh);
	if (rc != 0)
		return dfs_errno(rc);
	rc = cl_array_open(s->proc, oh, 1, a->len, &array);
	if (rc == 0) {
		rc = cl_array_size(s, array, a->size);
		cl_put(s->proc, &array->ref);
	}
	cl_put(s->proc, &oh->ref);
	return dfs_errno(rc);
}

int dfs_get_size_by_oid(dfs_t *dfs, daos_obj_id_t oid, daos_size_t chunk_size, daos_size_t *size)
{
	struct dfs_args a = { .dfs = dfs, .oid = &oid, .len = chunk_size, .size = size };

	if (dfs == NULL || size == NULL || !daos_is_array(oid))
		return EINVAL;
	if (chunk_size == 0)
		a.len = dfs->chunk_bytes;
	return dfs_call(oid_size_fn, &a, NULL);
}

/* Nothing is left: one punch of the object instead of one for each chunk. What it knows about its
 * place is written again. */
int dfs_file_truncate(struct cl_stream *s, struct dfs_obj *obj, uint64_t bytes,
		      const struct dfs_inode *in)
{
	struct dfs_link link;
	int rc;

	if (bytes > 0)
		return cl_array_set_size(s, obj->array, bytes);
	rc = cl_punch_obj(s, obj->oh, 0);
	if (rc == 0 && (in->flags & DFS_INODE_MOVED)) {
		dfs_obj_link(s->proc, obj, &link);
		rc = dfs_link_store(s, obj->oh, &link);
	}
	return rc;
}

static int punch_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct cl_array *array = a->obj->array;
	daos_range_t range = { .rg_idx = a->off, .rg_len = a->len };
	uint64_t size;
	int rc;

	if (a->len == DFS_MAX_FSIZE)
		return dfs_errno(cl_array_set_size(s, array, a->off));
	rc = cl_array_size(s, array, &size);
	if (rc != 0 || a->off >= size || a->len == 0)
		return dfs_errno(rc);
	if (a->len >= size - a->off)
		rc = cl_array_set_size(s, array, a->off);
	else
		rc = cl_array_punch(s, array, 1, &range);
	return dfs_errno(rc);
}

/* A length of 0 does nothing (the original does not return from it). */
int dfs_punch(dfs_t *dfs, dfs_obj_t *obj, daos_off_t offset, daos_size_t len)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .off = offset, .len = len };

	if (dfs == NULL || obj == NULL || !S_ISREG(obj->mode))
		return EINVAL;
	if (dfs->rdonly || (obj->flags & O_ACCMODE) == O_RDONLY)
		return EPERM;
	return dfs_call(punch_fn, &a, NULL);
}

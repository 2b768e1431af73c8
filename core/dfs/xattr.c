/*
 * Extended attributes: akeys of the entry. A value is stored with one byte behind it, since a value
 * of no bytes is a value too, which single values cannot be.
 */
#include "core/dfs/dfs_int.h"

#include <errno.h>

/* As setxattr() numbers them: XATTR_CREATE and XATTR_REPLACE. */
enum { SET_CREATE = 1, SET_REPLACE = 2 };

struct xattr_io {
	struct dfs_link link;
	struct dfs_inode in;
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iovs[2];
	char tail;
	char akey[DFS_AKEY_MAX + 1];
};

/* The object's entry, and the akey of a->name. The entry's directory: cl_put(). */
static int xattr_open(struct cl_stream *s, struct dfs_args *a, struct xattr_io **ret_io,
		      struct cl_obj **ret_dir)
{
	struct xattr_io *io = rt_alloc(s->rt, sizeof(*io));
	size_t len = a->name != NULL ? strlen(a->name) : 0;
	int rc;

	if (io == NULL)
		return -DER_NOMEM;
	rc = dfs_obj_entry(s, a->dfs, a->obj, ret_dir, &io->link, &io->in);
	if (rc != 0) {
		rt_free(s->rt, io);
		return rc;
	}
	d_iov_set(&io->dkey, io->link.name, strlen(io->link.name));
	memcpy(io->akey, DFS_XATTR_PREFIX, 2);
	if (len > 0)
		memcpy(io->akey + 2, a->name, len);
	io->iod = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_nr = 1 };
	d_iov_set(&io->iod.iod_name, io->akey, len + 2);
	io->sgl = (d_sg_list_t){ .sg_nr = 2, .sg_iovs = io->iovs };
	*ret_io = io;
	return 0;
}

static void xattr_close(struct cl_stream *s, struct xattr_io *io, struct cl_obj *dir)
{
	cl_put(s->proc, &dir->ref);
	rt_free(s->rt, io);
}

static int xattr_check(dfs_t *dfs, dfs_obj_t *obj, const char *name)
{
	if (dfs == NULL || obj == NULL || name == NULL || name[0] == 0)
		return EINVAL;
	return strnlen(name, DFS_MAX_XATTR_NAME + 1) > DFS_MAX_XATTR_NAME ? EINVAL : 0;
}

/* ---- set ------------------------------------------------------------------------------------ */

static int set_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	uint64_t cond = DAOS_COND_DKEY_UPDATE;
	struct xattr_io *io;
	struct cl_obj *dir;
	int rc;

	rc = xattr_open(s, a, &io, &dir);
	if (rc != 0)
		return dfs_errno(rc);
	if (a->flags & SET_CREATE)
		cond |= DAOS_COND_AKEY_INSERT;
	if (a->flags & SET_REPLACE)
		cond |= DAOS_COND_AKEY_UPDATE;
	d_iov_set(&io->iovs[0], a->buf, a->len);
	d_iov_set(&io->iovs[1], &io->tail, 1);
	io->iod.iod_size = a->len + 1;
	rc = cl_update(s, dir, cond, &io->dkey, 1, &io->iod, &io->sgl);
	if (rc == -DER_NONEXIST && (a->flags & SET_REPLACE))
		rc = ENODATA;
	if (rc == 0) {
		io->in.ctime_ns = rt_wall_ns(s->rt);
		rc = dfs_entry_update(s, dir, io->link.name, &io->in, DFS_F_CTIME);
	}
	xattr_close(s, io, dir);
	return dfs_errno(rc);
}

/* XATTR_CREATE and XATTR_REPLACE are obeyed (the original ignores them). */
int dfs_setxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, const void *value, daos_size_t size,
		 int flags)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .name = name,
			      .buf = (void *)(uintptr_t)value, .len = size, .flags = flags };
	int rc = xattr_check(dfs, obj, name);

	if (rc != 0)
		return rc;
	if ((flags & ~(SET_CREATE | SET_REPLACE)) != 0 || flags == (SET_CREATE | SET_REPLACE) ||
	    (value == NULL && size > 0))
		return EINVAL;
	if (dfs->rdonly)
		return EPERM;
	return size > DFS_MAX_XATTR_LEN ? E2BIG : dfs_call(set_fn, &a, NULL);
}

/* ---- get, remove ---------------------------------------------------------------------------- */

static int get_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct xattr_io *io;
	struct cl_obj *dir;
	d_sg_list_t *sgl;
	int rc;

	rc = xattr_open(s, a, &io, &dir);
	if (rc != 0)
		return dfs_errno(rc);
	d_iov_set(&io->iovs[0], a->buf, a->buf != NULL ? *a->size : 0);
	d_iov_set(&io->iovs[1], &io->tail, 1);
	sgl = a->buf != NULL && *a->size > 0 ? &io->sgl : NULL;
	rc = cl_fetch(s, dir, DAOS_EPOCH_MAX, 0, &io->dkey, 1, &io->iod, sgl, NULL);
	if (rc == 0 && io->iod.iod_size == 0)
		rc = ENODATA;
	if (rc == -DER_REC2BIG)
		rc = E2BIG;
	if (rc == 0 || rc == E2BIG)
		*a->size = io->iod.iod_size - 1;
	xattr_close(s, io, dir);
	return dfs_errno(rc);
}

int dfs_getxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, void *value, daos_size_t *size)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .name = name, .buf = value, .size = size };
	int rc = xattr_check(dfs, obj, name);

	if (rc == 0 && size == NULL)
		rc = EINVAL;
	return rc != 0 ? rc : dfs_call(get_fn, &a, NULL);
}

static int remove_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct xattr_io *io;
	struct cl_obj *dir;
	int rc;

	rc = xattr_open(s, a, &io, &dir);
	if (rc != 0)
		return dfs_errno(rc);
	rc = cl_punch_akeys(s, dir, DAOS_COND_PUNCH, &io->dkey, 1, &io->iod.iod_name);
	if (rc == 0) {
		io->in.ctime_ns = rt_wall_ns(s->rt);
		rc = dfs_entry_update(s, dir, io->link.name, &io->in, DFS_F_CTIME);
	}
	xattr_close(s, io, dir);
	return dfs_errno(rc);
}

int dfs_removexattr(dfs_t *dfs, dfs_obj_t *obj, const char *name)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .name = name };
	int rc = xattr_check(dfs, obj, name);

	if (rc == 0 && dfs->rdonly)
		rc = EPERM;
	return rc != 0 ? rc : dfs_call(remove_fn, &a, NULL);
}

/* ---- list ----------------------------------------------------------------------------------- */

static int list_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_akeys keys = { 0 };
	uint64_t room = a->buf != NULL ? *a->size : 0;
	uint64_t total = 0;
	char *at = a->buf;
	struct xattr_io *io;
	struct cl_obj *dir;
	uint32_t i;
	int rc;

	rc = xattr_open(s, a, &io, &dir);
	if (rc != 0)
		return dfs_errno(rc);
	rc = dfs_akeys_load(s, dir, io->link.name, false, &keys);
	xattr_close(s, io, dir);
	for (i = 0; i < keys.nr && rc == 0; i++) {
		const char *name = keys.v[i].name;
		size_t bytes;

		if (strncmp(name, DFS_XATTR_PREFIX, 2) != 0)
			continue;
		bytes = strlen(name + 2) + 1;
		if (total + bytes <= room)
			memcpy(at + total, name + 2, bytes);
		total += bytes;
	}
	dfs_akeys_free(s, &keys);
	if (rc == 0)
		*a->size = total;
	return dfs_errno(rc);
}

int dfs_listxattr(dfs_t *dfs, dfs_obj_t *obj, char *list, daos_size_t *size)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .buf = list, .size = size };

	if (dfs == NULL || obj == NULL || size == NULL)
		return EINVAL;
	return dfs_call(list_fn, &a, NULL);
}

/* Status and attributes. */
#include "core/dfs/dfs_int.h"

#include "core/epoch/epoch.h"

#include <errno.h>

#define NS_PER_S 1000000000ull

/* ---- stat ----------------------------------------------------------------------------------- */

static struct timespec time_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

/* Size of a file, and the newest change of a file's or directory's content. */
static int content_stat(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in,
			struct cl_array *array, uint64_t *ret_bytes, uint64_t *ret_epoch)
{
	struct cl_array *own = NULL;
	struct cl_obj *oh;
	int rc;

	if (array != NULL)
		return cl_array_stat(s, array, ret_bytes, ret_epoch);
	rc = dfs_cl_open(s, dfs, in->oid, &oh);
	if (rc != 0)
		return rc;
	if (S_ISREG(in->mode)) {
		rc = cl_array_open(s->proc, oh, 1, in->chunk_bytes, &own);
		if (rc == 0)
			rc = cl_array_stat(s, own, ret_bytes, ret_epoch);
		if (own != NULL)
			cl_put(s->proc, &own->ref);
	} else {
		rc = cl_obj_epoch_max(s, oh, ret_epoch);
	}
	cl_put(s->proc, &oh->ref);
	return rc;
}

/*
 * Writers do not touch the entry: the time of the last change is the newest epoch of the object,
 * unless somebody set a time after it. Of a directory it is the last change of any of its entries.
 */
int dfs_inode_stat(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in,
		   struct cl_array *array, struct stat *ret_st)
{
	uint64_t block_bytes = in->chunk_bytes != 0 ? in->chunk_bytes : dfs->chunk_bytes;
	uint64_t mtime_ns = in->mtime_ns;
	uint64_t bytes = in->value_len;
	uint64_t epoch = 0;
	int rc = 0;

	if (!S_ISLNK(in->mode))
		rc = content_stat(s, dfs, in, array, &bytes, &epoch);
	if (rc != 0)
		return rc;
	if (epoch > in->hlc)
		mtime_ns = hlc_to_wall_ns(epoch);
	*ret_st = (struct stat){
		.st_mode = in->mode,
		.st_nlink = 1,
		.st_ino = in->oid.lo ^ in->oid.hi << 48,
		.st_uid = in->uid,
		.st_gid = in->gid,
		.st_size = (off_t)bytes,
		.st_blocks = (blkcnt_t)((bytes + 511) / 512),
		.st_blksize = (blksize_t)block_bytes,
		.st_atim = time_of(mtime_ns),
		.st_mtim = time_of(mtime_ns),
		.st_ctim = time_of(max_u64(in->ctime_ns, epoch > in->hlc ? mtime_ns : 0)),
	};
	return 0;
}

/* An entry by name, or, without one, the directory itself. */
static int stat_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_inode in;
	int rc;

	rc = dfs_entry_fetch(s, a->obj->oh, a->name, &in);
	if (rc == 0)
		rc = dfs_inode_stat(s, a->dfs, &in, NULL, a->st);
	return dfs_errno(rc);
}

static int ostat_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_link link;
	struct dfs_inode in;
	struct cl_obj *dir;
	int rc;

	rc = dfs_obj_entry(s, a->dfs, a->obj, &dir, &link, &in);
	if (rc != 0)
		return dfs_errno(rc);
	cl_put(s->proc, &dir->ref);
	return dfs_errno(dfs_inode_stat(s, a->dfs, &in, a->obj->array, a->st));
}

/* @name NULL is @parent itself. */
int dfs_stat(dfs_t *dfs, dfs_obj_t *parent, const char *name, struct stat *stbuf)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .st = stbuf };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0 && name != NULL)
		rc = dfs_name_check(name);
	if (rc == 0 && stbuf == NULL)
		rc = EINVAL;
	return rc != 0 ? rc : dfs_call(name != NULL ? stat_fn : ostat_fn, &a, NULL);
}

/* Unlike the original's, it finds an object that was renamed since it was opened. */
int dfs_ostat(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .st = stbuf };

	if (dfs == NULL || obj == NULL || stbuf == NULL)
		return EINVAL;
	return dfs_call(ostat_fn, &a, NULL);
}

/* ---- access --------------------------------------------------------------------------------- */

#define GROUPS_MAX 64u

/* As access() numbers them. */
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4, MAY_ALL = 7 };

static bool group_has(struct process *p, uint32_t gid, uint32_t my_gid)
{
	uint32_t gids[GROUPS_MAX];
	uint32_t uid;
	uint32_t g;
	uint32_t nr;
	uint32_t i;

	if (gid == my_gid)
		return true;
	nr = p->host->creds(p->host_ctx, &uid, &g, GROUPS_MAX, gids);
	for (i = 0; i < nr && i < GROUPS_MAX; i++)
		if (gids[i] == gid)
			return true;
	return false;
}

static int access_check(struct process *p, const struct dfs_inode *in, uint32_t mask)
{
	uint32_t uid = 0;
	uint32_t gid = 0;
	uint32_t bits;

	if (p->host->creds != NULL)
		(void)p->host->creds(p->host_ctx, &uid, &gid, 0, NULL);
	if (uid == 0)	/* may all, but nobody executes what is no program */
		bits = S_ISDIR(in->mode) || (in->mode & 0111) ? MAY_ALL : MAY_READ | MAY_WRITE;
	else if (uid == in->uid)
		bits = in->mode >> 6 & 7;
	else if (group_has(p, in->gid, gid))
		bits = in->mode >> 3 & 7;
	else
		bits = in->mode & 7;
	return (mask & ~bits & 7) == 0 ? 0 : EACCES;
}

/* Symbolic links are followed. */
static int access_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_found *f = rt_alloc(s->rt, sizeof(*f));
	int rc;

	if (f == NULL)
		return ENOMEM;
	rc = dfs_walk(s, a->dfs, a->obj, a->name != NULL ? a->name : ".", 0, f);
	if (rc == 0 && (a->mode & MAY_WRITE) && a->dfs->rdonly)
		rc = EPERM;
	if (rc == 0)
		rc = access_check(s->proc, &f->inode, a->mode);
	rt_free(s->rt, f);
	return dfs_errno(rc);
}

int dfs_access(dfs_t *dfs, dfs_obj_t *parent, const char *name, int mask)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .mode = (uint32_t)mask };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0 && name != NULL)
		rc = dfs_name_check(name);
	if (rc == 0 && (mask & ~MAY_ALL) != 0)
		rc = EINVAL;
	return rc != 0 ? rc : dfs_call(access_fn, &a, NULL);
}

/* ---- changes -------------------------------------------------------------------------------- */

/* Change members of the entry found by name, links followed unless a->flags has O_NOFOLLOW. */
static int change_named(struct cl_stream *s, struct dfs_args *a, struct dfs_inode *in,
			uint32_t fields)
{
	struct dfs_found *f = rt_alloc(s->rt, sizeof(*f));
	struct cl_obj *dir = NULL;
	int rc;

	if (f == NULL)
		return -DER_NOMEM;
	rc = dfs_walk(s, a->dfs, a->obj, a->name != NULL ? a->name : ".", a->flags & O_NOFOLLOW, f);
	if (rc == 0)
		rc = dfs_cl_open(s, a->dfs, f->link.parent, &dir);
	if (rc == 0) {
		in->mode = (f->inode.mode & S_IFMT) | (in->mode & 07777);
		in->ctime_ns = rt_wall_ns(s->rt);
		rc = dfs_entry_update(s, dir, f->link.name, in, fields | DFS_F_CTIME);
		cl_put(s->proc, &dir->ref);
		process_free(s->proc, f->value);
	}
	rt_free(s->rt, f);
	return rc;
}

static int chmod_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_inode in = { .mode = a->mode };

	return dfs_errno(change_named(s, a, &in, DFS_F_MODE));
}

int dfs_chmod(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .mode = mode };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0 && name != NULL)
		rc = dfs_name_check(name);
	if (rc == 0 && dfs->rdonly)
		rc = EPERM;
	return rc != 0 ? rc : dfs_call(chmod_fn, &a, NULL);
}

static int chown_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_inode in = { .uid = a->id[0], .gid = a->id[1] };
	uint32_t fields = (a->id[0] != UINT32_MAX ? DFS_F_UID : 0) |
			  (a->id[1] != UINT32_MAX ? DFS_F_GID : 0);

	return dfs_errno(change_named(s, a, &in, fields));
}

int dfs_chown(dfs_t *dfs, dfs_obj_t *parent, const char *name, uid_t uid, gid_t gid, int flags)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .id = { uid, gid }, .flags = flags };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0 && name != NULL)
		rc = dfs_name_check(name);
	if (rc == 0 && dfs->rdonly)
		rc = EPERM;
	return rc != 0 ? rc : dfs_call(chown_fn, &a, NULL);
}

/* A time that somebody sets counts from now on: what is in the object already is older. */
static int mtime_set(struct cl_stream *s, struct dfs *dfs, struct dfs_inode *in,
		     const struct timespec *ts)
{
	uint64_t bytes;
	uint64_t epoch = 0;
	int rc = 0;

	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long)NS_PER_S)
		return EINVAL;
	if (!S_ISLNK(in->mode))
		rc = content_stat(s, dfs, in, NULL, &bytes, &epoch);
	in->mtime_ns = (uint64_t)ts->tv_sec * NS_PER_S + (uint64_t)ts->tv_nsec;
	in->hlc = max_u64(epoch, hlc_from_wall_ns(rt_wall_ns(s->rt)));
	return rc;
}

static int setattr_fields(struct cl_stream *s, struct dfs_args *a, struct dfs_inode *in,
			  uint32_t *ret_fields)
{
	const struct stat *st = a->st;
	uint32_t fields = DFS_F_CTIME;
	int rc = 0;

	if (a->flags & DFS_SET_ATTR_MODE) {
		if ((st->st_mode & S_IFMT) != (in->mode & S_IFMT))
			return EINVAL;
		in->mode = st->st_mode;
		fields |= DFS_F_MODE;
	}
	if (a->flags & DFS_SET_ATTR_UID) {
		in->uid = st->st_uid;
		fields |= DFS_F_UID;
	}
	if (a->flags & DFS_SET_ATTR_GID) {
		in->gid = st->st_gid;
		fields |= DFS_F_GID;
	}
	if (a->flags & DFS_SET_ATTR_SIZE) {
		if (!S_ISREG(in->mode) || st->st_size < 0)
			return S_ISDIR(in->mode) ? EISDIR : EINVAL;
		rc = dfs_file_truncate(s, a->obj, (uint64_t)st->st_size, in);
	}
	if (rc == 0 && (a->flags & DFS_SET_ATTR_MTIME)) {
		rc = mtime_set(s, a->dfs, in, &st->st_mtim);
		fields |= DFS_F_MTIME;
	}
	in->ctime_ns = rt_wall_ns(s->rt);
	*ret_fields = fields;
	return rc;
}

static int setattr_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_link link;
	struct dfs_inode in;
	struct cl_obj *dir;
	uint32_t fields;
	int rc;

	rc = dfs_obj_entry(s, a->dfs, a->obj, &dir, &link, &in);
	if (rc != 0)
		return dfs_errno(rc);
	rc = setattr_fields(s, a, &in, &fields);
	if (rc == 0)
		rc = dfs_entry_update(s, dir, link.name, &in, fields);
	cl_put(s->proc, &dir->ref);
	if (rc == 0)
		rc = dfs_inode_stat(s, a->dfs, &in, a->obj->array, a->st);
	return dfs_errno(rc);
}

/* There is no time of the last read: setting it is accepted and does nothing. */
int dfs_osetattr(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf, int flags)
{
	const int all = DFS_SET_ATTR_MODE | DFS_SET_ATTR_ATIME | DFS_SET_ATTR_MTIME |
			DFS_SET_ATTR_SIZE | DFS_SET_ATTR_UID | DFS_SET_ATTR_GID;
	struct dfs_args a = { .dfs = dfs, .obj = obj, .st = stbuf, .flags = flags };

	if (dfs == NULL || obj == NULL || stbuf == NULL || (flags & ~all) != 0)
		return EINVAL;
	if (dfs->rdonly || ((flags & DFS_SET_ATTR_SIZE) && S_ISREG(obj->mode) &&
			    (obj->flags & O_ACCMODE) == O_RDONLY))
		return EPERM;
	return dfs_call(setattr_fn, &a, NULL);
}

/* ---- what a directory hands down ------------------------------------------------------------ */

/* a->off is the chunk size, a->cid the class; a->mode says which of them. */
static int inherit_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_link link;
	struct dfs_inode in;
	struct cl_obj *dir;
	int rc;

	rc = dfs_obj_entry(s, a->dfs, a->obj, &dir, &link, &in);
	if (rc != 0)
		return dfs_errno(rc);
	in.chunk_bytes = a->off;
	in.oclass = a->cid;
	in.ctime_ns = rt_wall_ns(s->rt);
	rc = dfs_entry_update(s, dir, link.name, &in, a->mode | DFS_F_CTIME);
	cl_put(s->proc, &dir->ref);
	if (rc == 0 && (a->mode & DFS_F_CHUNK))
		a->obj->chunk_bytes = a->off;
	if (rc == 0 && (a->mode & DFS_F_OCLASS))
		a->obj->oclass = a->cid;
	return dfs_errno(rc);
}

static int inherit(dfs_t *dfs, dfs_obj_t *obj, int flags, struct dfs_args *a)
{
	if (dfs == NULL || obj == NULL || flags != 0)
		return EINVAL;
	if (!S_ISDIR(obj->mode))
		return ENOTSUP;
	if (dfs->rdonly)
		return EPERM;
	a->dfs = dfs;
	a->obj = obj;
	return dfs_call(inherit_fn, a, NULL);
}

int dfs_obj_set_oclass(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_oclass_id_t cid)
{
	struct dfs_args a = { .cid = cid, .mode = DFS_F_OCLASS };

	return inherit(dfs, obj, flags, &a);
}

int dfs_obj_set_chunk_size(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_size_t csize)
{
	struct dfs_args a = { .off = csize, .mode = DFS_F_CHUNK };

	return csize == 0 ? EINVAL : inherit(dfs, obj, flags, &a);
}

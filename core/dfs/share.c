/* Mounts and open objects for other processes of the same system. */
#include "core/dfs/dfs_int.h"
#include "core/dfs/sb.h"

#include "daos.h"

#include <errno.h>
#include <limits.h>

#define MAGIC_DFS	0xda05df50u
#define MAGIC_OBJ	0xdf500b90u
#define MAGIC_ALL	0xda05df51u

/* Both sides run the same version of the library on the same kind of machine. */
struct glob_dfs {
	uint32_t magic;
	int32_t flags;
	struct uid pool;
	struct uid cont;
	uint64_t id;
	struct dfs_origin from;
};

struct glob_obj {
	uint32_t magic;
	int32_t flags;
	struct uid cont;
	struct dfs_inode in;
	struct dfs_link link;
	uint32_t value_bytes;	/* of a symbolic link's target behind this, terminator included */
};

/* Room for @bytes? Without a buffer only the size is wanted: true, and nothing is to be copied. */
static int glob_room(d_iov_t *glob, size_t bytes)
{
	bool fits = glob->iov_buf == NULL || glob->iov_buf_len >= bytes;

	glob->iov_buf_len = bytes;
	if (glob->iov_buf != NULL && fits)
		glob->iov_len = bytes;
	return fits ? 0 : EOVERFLOW;
}

/* ---- mounts --------------------------------------------------------------------------------- */

static void glob_fill(const struct dfs *dfs, struct glob_dfs *g)
{
	memset(g, 0, sizeof(*g));
	g->magic = MAGIC_DFS;
	g->flags = dfs->flags & ~O_CREAT;
	g->pool = dfs->cont->pool->uid;
	g->cont = dfs->cont->uid;
	g->id = dfs->id;
	dfs_origin_of(dfs, &g->from);
}

int dfs_local2global(dfs_t *dfs, d_iov_t *glob)
{
	struct glob_dfs g;
	int rc;

	if (dfs == NULL || glob == NULL)
		return EINVAL;
	rc = glob_room(glob, sizeof(g));
	if (rc != 0 || glob->iov_buf == NULL)
		return rc;
	glob_fill(dfs, &g);
	memcpy(glob->iov_buf, &g, sizeof(g));
	return 0;
}

/* @flags 0: as in the other process. */
static int import_flags(int flags, int theirs)
{
	return flags == 0 ? theirs : flags;
}

static bool glob_dfs_ok(const struct glob_dfs *g)
{
	const struct dfs_origin *from = &g->from;

	return g->magic == MAGIC_DFS && S_ISDIR(from->root_mode) && from->sb.chunk_bytes > 0 &&
	       memchr(from->sb.hints, 0, sizeof(from->sb.hints)) != NULL;
}

/* @glob of dfs_local2global(), in a process that has pool and container already. */
int dfs_global2local(daos_handle_t poh, daos_handle_t coh, int flags, d_iov_t glob, dfs_t **dfs)
{
	struct process *p = host_self();
	struct cl_cont *cont;
	struct glob_dfs g;
	struct dfs *made;
	int rc;

	if (p == NULL || dfs == NULL || glob.iov_buf == NULL || glob.iov_len < sizeof(g) ||
	    glob.iov_buf_len < sizeof(g))
		return EINVAL;
	memcpy(&g, glob.iov_buf, sizeof(g));
	if (!glob_dfs_ok(&g))
		return EINVAL;
	cont = hdl_get(p, coh, DAOS_HTYPE_CO);
	if (cont == NULL)
		return EINVAL;
	rc = uid_equal(&cont->uid, &g.cont) && uid_equal(&cont->pool->uid, &g.pool) ? 0 : EINVAL;
	if (rc == 0)
		rc = dfs_make(p, cont, &g.from, import_flags(flags, g.flags), &made);
	cl_put(p, &cont->ref);
	if (rc != 0)
		return dfs_errno(rc);
	made->id = g.id;
	made->poh = poh;
	made->coh = coh;
	*dfs = made;
	return 0;
}

/* ---- with pool and container ---------------------------------------------------------------- */

/* Sizes of the three parts that follow. */
struct glob_all {
	uint32_t magic;
	uint32_t pool_bytes;
	uint32_t cont_bytes;
	uint32_t dfs_bytes;
};

int dfs_local2global_all(dfs_t *dfs, d_iov_t *glob)
{
	struct glob_all all = { .magic = MAGIC_ALL };
	d_iov_t pool = { 0 };
	d_iov_t cont = { 0 };
	d_iov_t mnt = { 0 };
	char *at;
	int rc;

	if (dfs == NULL || glob == NULL)
		return EINVAL;
	rc = dfs_errno(daos_pool_local2global(dfs->poh, &pool));
	if (rc == 0)
		rc = dfs_errno(daos_cont_local2global(dfs->coh, &cont));
	if (rc == 0)
		rc = dfs_local2global(dfs, &mnt);
	if (rc == 0)
		rc = glob_room(glob,
			       sizeof(all) + pool.iov_buf_len + cont.iov_buf_len + mnt.iov_buf_len);
	if (rc != 0 || glob->iov_buf == NULL)
		return rc;
	all.pool_bytes = (uint32_t)pool.iov_buf_len;
	all.cont_bytes = (uint32_t)cont.iov_buf_len;
	all.dfs_bytes = (uint32_t)mnt.iov_buf_len;
	at = glob->iov_buf;
	memcpy(at, &all, sizeof(all));
	pool.iov_buf = at + sizeof(all);
	cont.iov_buf = at + sizeof(all) + all.pool_bytes;
	mnt.iov_buf = at + sizeof(all) + all.pool_bytes + all.cont_bytes;
	rc = dfs_errno(daos_pool_local2global(dfs->poh, &pool));
	if (rc == 0)
		rc = dfs_errno(daos_cont_local2global(dfs->coh, &cont));
	return rc != 0 ? rc : dfs_local2global(dfs, &mnt);
}

static int all_parts(d_iov_t glob, d_iov_t *pool, d_iov_t *cont, d_iov_t *mnt)
{
	struct glob_all all;
	uint64_t sum;
	char *at = glob.iov_buf;

	if (at == NULL || glob.iov_len < sizeof(all) || glob.iov_buf_len < glob.iov_len)
		return EINVAL;
	memcpy(&all, at, sizeof(all));
	sum = sizeof(all) + (uint64_t)all.pool_bytes + all.cont_bytes + all.dfs_bytes;
	if (all.magic != MAGIC_ALL || sum != glob.iov_len)
		return EINVAL;
	d_iov_set(pool, at + sizeof(all), all.pool_bytes);
	d_iov_set(cont, at + sizeof(all) + all.pool_bytes, all.cont_bytes);
	d_iov_set(mnt, at + sizeof(all) + all.pool_bytes + all.cont_bytes, all.dfs_bytes);
	return 0;
}

/* Undo it with dfs_disconnect(), which closes this process's handles of pool and container too. */
int dfs_global2local_all(int flags, d_iov_t glob, dfs_t **dfs)
{
	daos_handle_t poh = DAOS_HDL_INVAL;
	daos_handle_t coh = DAOS_HDL_INVAL;
	d_iov_t pool;
	d_iov_t cont;
	d_iov_t mnt;
	int rc;

	if (dfs == NULL)
		return EINVAL;
	rc = all_parts(glob, &pool, &cont, &mnt);
	if (rc == 0)
		rc = dfs_errno(daos_pool_global2local(pool, &poh));
	if (rc == 0)
		rc = dfs_errno(daos_cont_global2local(poh, cont, &coh));
	if (rc == 0)
		rc = dfs_global2local(poh, coh, flags, mnt, dfs);
	if (rc == 0) {
		(*dfs)->own_handles = true;
		return 0;
	}
	/* Handles from elsewhere: closing them sends nothing. */
	if (daos_handle_is_valid(coh))
		(void)daos_cont_close(coh, NULL);
	if (daos_handle_is_valid(poh))
		(void)daos_pool_disconnect(poh, NULL);
	return rc;
}

/* ---- objects -------------------------------------------------------------------------------- */

int dfs_obj_local2global(dfs_t *dfs, dfs_obj_t *obj, d_iov_t *glob)
{
	struct process *p = host_self();
	struct glob_obj g;
	size_t value_bytes;
	int rc;

	if (p == NULL || dfs == NULL || obj == NULL || glob == NULL)
		return EINVAL;
	value_bytes = obj->value != NULL ? strlen(obj->value) + 1 : 0;
	rc = glob_room(glob, sizeof(g) + value_bytes);
	if (rc != 0 || glob->iov_buf == NULL)
		return rc;
	memset(&g, 0, sizeof(g));
	g.magic = MAGIC_OBJ;
	g.flags = obj->flags;
	g.cont = dfs->cont->uid;
	g.in.oid = obj->oid;
	g.in.mode = obj->mode;
	g.in.chunk_bytes = obj->chunk_bytes;
	g.in.oclass = obj->oclass;
	g.value_bytes = (uint32_t)value_bytes;
	dfs_obj_link(p, obj, &g.link);
	memcpy(glob->iov_buf, &g, sizeof(g));
	if (value_bytes > 0)
		memcpy((char *)glob->iov_buf + sizeof(g), obj->value, value_bytes);
	return 0;
}

struct import_args {
	struct dfs *dfs;
	const struct glob_obj *g;
	char *value;
	int flags;
	struct dfs_obj **ret_obj;
};

static int import_fn(struct cl_stream *s, void *args)
{
	struct import_args *a = args;

	return dfs_errno(
		dfs_obj_make(s, a->dfs, &a->g->in, &a->g->link, a->flags, a->value, a->ret_obj));
}

static bool glob_obj_ok(const struct glob_obj *g, const struct dfs *dfs, d_iov_t glob)
{
	const char *value = (const char *)glob.iov_buf + sizeof(*g);
	uint32_t mode = g->in.mode;

	if (g->magic != MAGIC_OBJ || !uid_equal(&g->cont, &dfs->cont->uid) ||
	    memchr(g->link.name, 0, sizeof(g->link.name)) == NULL ||
	    glob.iov_len != sizeof(*g) + g->value_bytes)
		return false;
	if (!S_ISLNK(mode))
		return g->value_bytes == 0 &&
		       (S_ISDIR(mode) || (S_ISREG(mode) && g->in.chunk_bytes > 0));
	return g->value_bytes > 1 && g->value_bytes <= PATH_MAX && value[g->value_bytes - 1] == 0;
}

/* @flags 0: as in the other process. */
int dfs_obj_global2local(dfs_t *dfs, int flags, d_iov_t glob, dfs_obj_t **obj)
{
	struct process *p = host_self();
	struct import_args a = { .dfs = dfs, .ret_obj = obj };
	struct glob_obj g;

	if (p == NULL || dfs == NULL || obj == NULL || glob.iov_buf == NULL ||
	    glob.iov_len < sizeof(g) || glob.iov_buf_len < glob.iov_len)
		return EINVAL;
	memcpy(&g, glob.iov_buf, sizeof(g));
	if (!glob_obj_ok(&g, dfs, glob))
		return EINVAL;
	if (g.value_bytes > 0) {
		a.value = process_alloc(p, g.value_bytes);
		if (a.value == NULL)
			return ENOMEM;
		memcpy(a.value, (char *)glob.iov_buf + sizeof(g), g.value_bytes);
	}
	a.g = &g;
	a.flags = import_flags(flags, g.flags);
	return dfs_errno(cl_call(import_fn, &a, sizeof(a), NULL));
}

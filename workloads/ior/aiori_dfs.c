/* Files in a DAOS container, through the public API alone. */
#include <errno.h>
#include <stdio.h>

#include <daos.h>
#include <daos_fs.h>

#include "workloads/ior/aiori.h"

#define CONT_DEFAULT "ior"

/** One rank's connection. */
struct dfs_rank {
	daos_handle_t poh;
	daos_handle_t coh;
	dfs_t *dfs;
	daos_oclass_id_t oclass;
	daos_oclass_id_t dir_oclass;
	const char *cont;
	bool inited;
	bool connected;
	bool opened;
};

struct aiori_file {
	dfs_obj_t *obj;
};

static struct dfs_rank *rank_of(struct aiori *a)
{
	return a->priv;
}

/* ---- passing handles from rank 0 to the others --------------------------------------------- */

enum pass { PASS_POOL = 0, PASS_CONT, PASS_DFS, PASS_FILE };

static int pass_out(struct dfs_rank *d, enum pass what, dfs_obj_t *obj, d_iov_t *glob)
{
	switch (what) {
	case PASS_POOL:
		return daos_pool_local2global(d->poh, glob);
	case PASS_CONT:
		return daos_cont_local2global(d->coh, glob);
	case PASS_DFS:
		return dfs_local2global(d->dfs, glob);
	default:
		return dfs_obj_local2global(d->dfs, obj, glob);
	}
}

static int pass_in(struct dfs_rank *d, enum pass what, int flags, dfs_obj_t **obj, d_iov_t glob)
{
	int rc;

	switch (what) {
	case PASS_POOL:
		rc = daos_pool_global2local(glob, &d->poh);
		d->connected = rc == 0;
		return rc;
	case PASS_CONT:
		rc = daos_cont_global2local(d->poh, glob, &d->coh);
		d->opened = rc == 0;
		return rc;
	case PASS_DFS:
		return dfs_global2local(d->poh, d->coh, DFS_RDWR, glob, &d->dfs);
	default:
		return dfs_obj_global2local(d->dfs, flags, glob, obj);
	}
}

/* The size first, then the bytes. @rc is rank 0's own result so far; returns one for all. */
static int pass(struct aiori *a, enum pass what, int rc, int flags, dfs_obj_t **obj)
{
	struct dfs_rank *d = rank_of(a);
	bool first = a->env->rank == 0;
	d_iov_t glob = { 0 };
	uint64_t len = 0;
	void *mem = NULL;

	if (a->env->size == 1)
		return rc;
	if (first && rc == 0)
		rc = pass_out(d, what, obj != NULL ? *obj : NULL, &glob);
	rc = aiori_agree(a->env, rc);
	if (rc != 0)
		return rc;
	len = glob.iov_buf_len;
	rc = wl_bcast(a->env, &len, sizeof(len), 0);
	if (rc != 0)
		return rc;
	mem = wl_alloc(a->env, len);
	rc = mem == NULL ? -DER_NOMEM : 0;
	if (mem != NULL)
		d_iov_set(&glob, mem, len);
	if (first && rc == 0)
		rc = pass_out(d, what, obj != NULL ? *obj : NULL, &glob);
	rc = aiori_agree(a->env, rc);
	if (rc == 0)
		rc = wl_bcast(a->env, mem, len, 0);
	if (rc == 0 && !first)
		rc = pass_in(d, what, flags, obj, glob);
	wl_free(a->env, mem);
	return aiori_agree(a->env, rc);
}

/* ---- start and stop ----------------------------------------------------------------------- */

static int oclass_parse(struct aiori *a, const char *flag, const char *name,
			daos_oclass_id_t *ret_oclass)
{
	int id = name != NULL ? daos_oclass_name2id(name) : 0;

	if (name != NULL && id == OC_UNKNOWN) {
		if (a->env->rank == 0)
			wl_printf(a->env, WL_ERR,
				  "ior: %s: \"%s\" is not an object class; expected: S1, SX, "
				  "RP_2G1, EC_4P2GX, ...\n",
				  flag, name);
		return EINVAL;
	}
	*ret_oclass = (daos_oclass_id_t)id;
	return 0;
}

/* The container, made when it does not exist. */
static int cont_open(struct aiori *a)
{
	struct dfs_rank *d = rank_of(a);
	dfs_attr_t attr = {
		.da_chunk_size = a->opts->dfs.chunk_bytes,
		.da_oclass_id = d->oclass,
		.da_dir_oclass_id = d->dir_oclass,
	};
	int rc;

	rc = daos_cont_open(d->poh, d->cont, DAOS_COO_RW, &d->coh, NULL, NULL);
	if (rc == -DER_NONEXIST)
		rc = dfs_cont_create_with_label(d->poh, d->cont, &attr, NULL, &d->coh, NULL);
	d->opened = rc == 0;
	return rc;
}

static int pool_connect(struct aiori *a)
{
	const char *pool = a->opts->dfs.pool != NULL ? a->opts->dfs.pool
						     : wl_var(a->env, "DAOS_POOL");
	struct dfs_rank *d = rank_of(a);
	int rc;

	if (pool == NULL) {
		wl_printf(a->env, WL_ERR, "ior: no pool: give --dfs.pool LABEL or set DAOS_POOL\n");
		return EINVAL;
	}
	rc = daos_pool_connect(pool, a->opts->dfs.group, DAOS_PC_RW, &d->poh, NULL, NULL);
	d->connected = rc == 0;
	return rc;
}

static int connect_all(struct aiori *a)
{
	struct dfs_rank *d = rank_of(a);
	bool first = a->env->rank == 0;
	int rc;

	rc = oclass_parse(a, "--dfs.oclass", a->opts->dfs.oclass, &d->oclass);
	if (rc == 0)
		rc = oclass_parse(a, "--dfs.dir_oclass", a->opts->dfs.dir_oclass, &d->dir_oclass);
	if (rc != 0)
		return rc;
	rc = daos_init();
	d->inited = rc == 0;
	rc = aiori_agree(a->env, rc);
	if (rc == 0)
		rc = pass(a, PASS_POOL, first ? pool_connect(a) : 0, 0, NULL);
	if (rc == 0)
		rc = pass(a, PASS_CONT, first ? cont_open(a) : 0, 0, NULL);
	if (rc == 0)
		rc = pass(a, PASS_DFS, first ? dfs_mount(d->poh, d->coh, DFS_RDWR, &d->dfs) : 0, 0,
			  NULL);
	if (rc == 0 && a->opts->dfs.prefix != NULL)
		rc = aiori_agree(a->env, dfs_set_prefix(d->dfs, a->opts->dfs.prefix));
	return rc;
}

static int dfs_api_start(struct aiori *a)
{
	struct dfs_rank *d = wl_alloc(a->env, sizeof(*d));
	int rc = aiori_agree(a->env, d == NULL ? ENOMEM : 0);

	if (rc != 0) {
		wl_free(a->env, d);
		return rc;
	}
	*d = (struct dfs_rank){ .cont = a->opts->dfs.cont };
	if (d->cont == NULL)
		d->cont = wl_var(a->env, "DAOS_CONT");
	if (d->cont == NULL)
		d->cont = CONT_DEFAULT;
	a->priv = d;
	return connect_all(a);
}

/* Rank 0 owns the handles that the others were given: it goes last. What fails here changes nothing
 * of what was measured. */
static void dfs_api_stop(struct aiori *a)
{
	struct dfs_rank *d = rank_of(a);
	bool first = a->env->rank == 0;

	if (d == NULL)
		return;
	if (first)
		(void)wl_barrier(a->env);
	if (d->dfs != NULL)
		(void)dfs_umount(d->dfs);
	if (d->opened)
		(void)daos_cont_close(d->coh, NULL);
	if (first && d->opened && a->opts->dfs.destroy) {
		int rc = daos_cont_destroy(d->poh, d->cont, 1, NULL);

		if (rc != 0)
			wl_printf(a->env, WL_ERR, "ior: destroying container %s: %s\n", d->cont,
				  err_name(rc));
	}
	if (d->connected)
		(void)daos_pool_disconnect(d->poh, NULL);
	if (d->inited)
		(void)daos_fini();
	if (!first)
		(void)wl_barrier(a->env);
	wl_free(a->env, d);
	a->priv = NULL;
}

/* ---- files -------------------------------------------------------------------------------- */

/* The directory that holds @path, NULL for the root, and the last component. */
static int parent_open(struct aiori *a, const char *path, dfs_obj_t **ret_parent,
		       const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	bool abs = path[0] == '/';
	char *dir;
	int rc;

	*ret_name = slash == NULL ? path : slash + 1;
	*ret_parent = NULL;
	if (len == 0)
		return 0;
	dir = wl_alloc(a->env, len + 2);
	if (dir == NULL)
		return ENOMEM;
	(void)snprintf(dir, len + 2, "%s%.*s", abs ? "" : "/", (int)len, path);
	rc = dfs_lookup(rank_of(a)->dfs, dir, O_RDWR, ret_parent, NULL, NULL);
	wl_free(a->env, dir);
	return rc;
}

static void parent_close(dfs_obj_t *parent)
{
	if (parent != NULL)
		(void)dfs_release(parent);	/* only looked up */
}

static int obj_open(struct aiori *a, const char *path, uint32_t flags, bool create,
		    dfs_obj_t **ret_obj)
{
	int mode = (flags & AIORI_WRITE) != 0 ? O_RDWR : O_RDONLY;
	struct dfs_rank *d = rank_of(a);
	const char *name;
	dfs_obj_t *parent;
	int rc;

	rc = parent_open(a, path, &parent, &name);
	if (rc != 0)
		return rc;
	rc = dfs_open(d->dfs, parent, name, S_IFREG | 0664, mode | (create ? O_CREAT : 0),
		      d->oclass, a->opts->dfs.chunk_bytes, NULL, ret_obj);
	parent_close(parent);
	return rc;
}

/* A shared file is opened by rank 0, which passes the open file on: one lookup instead of many. */
static int dfs_api_open(struct aiori *a, const char *path, uint32_t flags,
			struct aiori_file **ret_file)
{
	bool shared = (flags & AIORI_SHARED) != 0, first = !shared || a->env->rank == 0;
	int mode = (flags & AIORI_WRITE) != 0 ? O_RDWR : O_RDONLY;
	struct aiori_file *f = wl_alloc(a->env, sizeof(*f));
	int rc = f == NULL ? ENOMEM : 0;

	if (f != NULL)
		f->obj = NULL;
	if (shared)
		rc = aiori_agree(a->env, rc);
	if (rc != 0)
		goto out;
	if (first)
		rc = obj_open(a, path, flags, (flags & AIORI_CREATE) != 0, &f->obj);
	if (shared)
		rc = pass(a, PASS_FILE, rc, mode, &f->obj);
out:
	if (rc == 0) {
		*ret_file = f;
		return 0;
	}
	if (f != NULL && f->obj != NULL)
		(void)dfs_release(f->obj);	/* nothing was done with it */
	wl_free(a->env, f);
	return rc;
}

static int dfs_api_read(struct aiori *a, struct aiori_file *f, void *buf, uint64_t bytes,
			uint64_t off, uint64_t *ret_bytes)
{
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_size_t got = 0;
	int rc;

	d_iov_set(&iov, buf, bytes);
	rc = dfs_read(rank_of(a)->dfs, f->obj, &sgl, off, &got, NULL);
	if (rc == 0)
		*ret_bytes = got;
	return rc;
}

static int dfs_api_write(struct aiori *a, struct aiori_file *f, const void *buf, uint64_t bytes,
			 uint64_t off)
{
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };

	d_iov_set(&iov, (void *)(uintptr_t)buf, bytes);
	return dfs_write(rank_of(a)->dfs, f->obj, &sgl, off, NULL);
}

static int dfs_api_fsync(struct aiori *a, struct aiori_file *f)
{
	(void)f;
	return dfs_sync(rank_of(a)->dfs);
}

static int dfs_api_close(struct aiori *a, struct aiori_file *f)
{
	int rc = dfs_release(f->obj);

	wl_free(a->env, f);
	return rc;
}

static int dfs_api_remove(struct aiori *a, const char *path)
{
	const char *name;
	dfs_obj_t *parent;
	int rc;

	rc = parent_open(a, path, &parent, &name);
	if (rc != 0)
		return rc;
	rc = dfs_remove(rank_of(a)->dfs, parent, name, false, NULL);
	parent_close(parent);
	return rc == ENOENT ? 0 : rc;
}

static int dfs_api_space(struct aiori *a, const char *path, struct aiori_space *ret_space)
{
	daos_pool_info_t info = { .pi_bits = DPI_SPACE };
	int rc = daos_pool_query(rank_of(a)->poh, NULL, &info, NULL, NULL);
	const struct daos_space *s = &info.pi_space.ps_space;

	(void)path;
	if (rc == 0)
		*ret_space = (struct aiori_space){
			.bytes = s->s_total[DAOS_MEDIA_SCM] + s->s_total[DAOS_MEDIA_NVME],
			.free_bytes = s->s_free[DAOS_MEDIA_SCM] + s->s_free[DAOS_MEDIA_NVME],
		};
	return rc;
}

const struct aiori_ops aiori_dfs = {
	.name = "DFS",
	.start = dfs_api_start,
	.stop = dfs_api_stop,
	.open = dfs_api_open,
	.read = dfs_api_read,
	.write = dfs_api_write,
	.fsync = dfs_api_fsync,
	.close = dfs_api_close,
	.remove = dfs_api_remove,
	.space = dfs_api_space,
};

/* Creating file systems, mounting them, and what is known of a mount. */
#include "core/dfs/dfs_int.h"
#include "core/dfs/sb.h"

#include "daos.h"
#include "gurt/common.h"

#include <errno.h>

/* ---- mounts --------------------------------------------------------------------------------- */

void dfs_free(struct process *p, struct dfs *dfs)
{
	if (dfs == NULL)
		return;
	dfs_obj_drop(p, &dfs->root);
	if (dfs->sb != NULL)
		cl_put(p, &dfs->sb->ref);
	if (dfs->cont != NULL)
		cl_put(p, &dfs->cont->ref);
	process_free(p, dfs->prefix);
	process_free(p, dfs);
}

void dfs_origin_of(const struct dfs *dfs, struct dfs_origin *ret_from)
{
	*ret_from = (struct dfs_origin){
		.sb_oid = dfs->sb->oid,
		.root_oid = dfs->root.oid,
		.root_mode = dfs->root.mode,
		.root_oclass = dfs->root.oclass,
		.root_chunk_bytes = dfs->root.chunk_bytes,
		.sb = { .chunk_bytes = dfs->chunk_bytes, .oclass = dfs->oclass,
			.dir_oclass = dfs->dir_oclass, .file_oclass = dfs->file_oclass,
			.mode = dfs->mode },
	};
	memcpy(ret_from->sb.hints, dfs->hints, sizeof(dfs->hints));
}

int dfs_make(struct process *p, struct cl_cont *cont, const struct dfs_origin *from, int flags,
	     struct dfs **ret_dfs)
{
	struct dfs *dfs = process_alloc(p, sizeof(*dfs));
	uint32_t mode;
	int rc;

	if (dfs == NULL)
		return -DER_NOMEM;
	cl_get(p, &cont->ref);
	dfs->cont = cont;
	dfs->flags = flags;
	dfs->rdonly = (flags & O_ACCMODE) == O_RDONLY;
	dfs->chunk_bytes = from->sb.chunk_bytes;
	dfs->oclass = from->sb.oclass;
	dfs->dir_oclass = from->sb.dir_oclass;
	dfs->file_oclass = from->sb.file_oclass;
	dfs->mode = from->sb.mode;
	memcpy(dfs->hints, from->sb.hints, sizeof(dfs->hints));
	dfs->root.oid = from->root_oid;
	dfs->root.mode = from->root_mode;
	dfs->root.oclass = from->root_oclass;
	dfs->root.chunk_bytes = from->root_chunk_bytes;
	dfs->root.flags = dfs->rdonly ? O_RDONLY : O_RDWR;
	dfs_link_set(&dfs->root.link, from->sb_oid, DFS_ROOT_NAME);
	mode = dfs->rdonly ? DAOS_OO_RO : DAOS_OO_RW;
	rc = cl_obj_open(p, cont, from->sb_oid, mode, &dfs->sb);
	if (rc == 0)
		rc = cl_obj_open(p, cont, from->root_oid, mode, &dfs->root.oh);
	if (rc != 0) {
		dfs_free(p, dfs);
		return rc;
	}
	*ret_dfs = dfs;
	return 0;
}

/* The container's type and roots. Errors: EINVAL (it holds no file system). */
static int roots_query(struct cl_stream *s, struct cl_cont *cont, struct daos_prop_co_roots *ret)
{
	struct daos_prop_entry e[2] = { { .dpe_type = DAOS_PROP_CO_ROOTS },
					{ .dpe_type = DAOS_PROP_CO_LAYOUT_TYPE } };
	daos_prop_t prop = { .dpp_nr = 2, .dpp_entries = e };
	int rc = cl_cont_query(s, cont, NULL, &prop);

	if (rc == 0 && ((e[0].dpe_flags & DAOS_PROP_ENTRY_NOT_SET) || e[0].dpe_val_ptr == NULL ||
			e[1].dpe_val != DAOS_PROP_CO_LAYOUT_POSIX))
		rc = EINVAL;
	if (rc == 0)
		memcpy(ret, e[0].dpe_val_ptr, sizeof(*ret));
	d_free(e[0].dpe_val_ptr);
	return rc;
}

/* -DER_NONEXIST: its creator has not written it yet, or never will. */
static int mount(struct cl_stream *s, struct cl_cont *cont, int flags, struct dfs **ret_dfs)
{
	struct daos_prop_co_roots roots;
	struct dfs_origin from = { .sb_oid = { 0 } };
	struct dfs_inode in;
	struct cl_obj *sb;
	int rc;

	rc = roots_query(s, cont, &roots);
	if (rc != 0)
		return rc;
	from.sb_oid = cl_oid(roots.cr_oids[0]);
	from.root_oid = cl_oid(roots.cr_oids[1]);
	rc = cl_obj_open(s->proc, cont, from.sb_oid, DAOS_OO_RO, &sb);
	if (rc != 0)
		return rc;
	rc = dfs_sb_read(s, sb, &from.sb);
	if (rc == 0)
		rc = dfs_entry_fetch(s, sb, DFS_ROOT_NAME, &in);
	cl_put(s->proc, &sb->ref);
	if (rc == 0 && (!S_ISDIR(in.mode) || !oid_equal(in.oid, from.root_oid)))
		rc = -DER_DF_INVAL;
	if (rc != 0)
		return rc;
	from.root_mode = in.mode;
	from.root_oclass = in.oclass;
	from.root_chunk_bytes = in.chunk_bytes;
	return dfs_make(s->proc, cont, &from, flags, ret_dfs);
}

struct mount_args {
	daos_handle_t poh;
	daos_handle_t coh;
	int flags;
	struct dfs **ret_dfs;
};

static int mount_fn(struct cl_stream *s, void *args)
{
	struct mount_args *a = args;
	struct cl_cont *cont = hdl_get(s->proc, a->coh, DAOS_HTYPE_CO);
	struct dfs *dfs;
	int rc;

	if (cont == NULL)
		return EINVAL;
	rc = mount(s, cont, a->flags, &dfs);
	cl_put(s->proc, &cont->ref);
	if (rc != 0)
		return dfs_errno(rc);
	dfs->poh = a->poh;
	dfs->coh = a->coh;
	*a->ret_dfs = dfs;
	return 0;
}

static bool mount_flags_ok(int flags)
{
	int access = flags & O_ACCMODE;

	return (access == O_RDONLY || access == O_RDWR) &&
	       (flags & ~(O_ACCMODE | DFS_BALANCED | O_CREAT)) == 0;
}

int dfs_mount(daos_handle_t poh, daos_handle_t coh, int flags, dfs_t **dfs)
{
	struct mount_args a = { .poh = poh, .coh = coh, .flags = flags, .ret_dfs = dfs };

	if (dfs == NULL || !mount_flags_ok(flags))
		return EINVAL;
	return dfs_errno(cl_call(mount_fn, &a, sizeof(a), NULL));
}

int dfs_umount(dfs_t *dfs)
{
	struct process *p = host_self();

	if (p == NULL || dfs == NULL || dfs->own_handles)
		return EINVAL;
	dfs_free(p, dfs);
	return 0;
}

int dfs_query(dfs_t *dfs, dfs_attr_t *attr)
{
	if (dfs == NULL || attr == NULL)
		return EINVAL;
	*attr = (dfs_attr_t){
		.da_id = dfs->id,
		.da_chunk_size = dfs->chunk_bytes,
		.da_oclass_id = dfs->oclass,
		.da_dir_oclass_id = dfs->dir_oclass,
		.da_file_oclass_id = dfs->file_oclass,
		.da_mode = dfs->mode,
	};
	memcpy(attr->da_hints, dfs->hints, sizeof(attr->da_hints));
	return 0;
}

/* Writes are durable when they return; those under way belong to their events. */
int dfs_sync(dfs_t *dfs)
{
	return dfs == NULL ? EINVAL : dfs->rdonly ? EPERM : 0;
}

int dfs_set_prefix(dfs_t *dfs, const char *prefix)
{
	struct process *p = host_self();
	char *own = NULL;
	char *old;
	size_t len;

	if (p == NULL || dfs == NULL)
		return EINVAL;
	if (prefix != NULL) {
		len = strnlen(prefix, DFS_MAX_PATH);
		if (prefix[0] != '/' || len == DFS_MAX_PATH)
			return EINVAL;
		while (len > 0 && prefix[len - 1] == '/')	/* "/" is no prefix at all */
			len--;
		own = process_alloc(p, len + 1);
		if (own == NULL)
			return ENOMEM;
		memcpy(own, prefix, len);
	}
	process_lock(p);
	old = dfs->prefix;
	dfs->prefix = own;
	process_unlock(p);
	process_free(p, old);
	return 0;
}

int dfs_pool_get(dfs_t *dfs, daos_handle_t *poh)
{
	if (dfs == NULL || poh == NULL)
		return EINVAL;
	*poh = dfs->poh;
	return 0;
}

int dfs_pool_put(dfs_t *dfs, daos_handle_t poh)
{
	return dfs == NULL || dfs->poh.cookie != poh.cookie ? EINVAL : 0;
}

int dfs_cont_get(dfs_t *dfs, daos_handle_t *coh)
{
	if (dfs == NULL || coh == NULL)
		return EINVAL;
	*coh = dfs->coh;
	return 0;
}

int dfs_cont_put(dfs_t *dfs, daos_handle_t coh)
{
	return dfs == NULL || dfs->coh.cookie != coh.cookie ? EINVAL : 0;
}

/* ---- creation ------------------------------------------------------------------------------- */

struct create_args {
	daos_handle_t poh;
	const char *label;
	const dfs_attr_t *attr;		/* may be NULL */
	uuid_t *uuid;
	daos_handle_t *coh;
	struct dfs **ret_dfs;
};

static int sb_of_attr(const dfs_attr_t *attr, struct dfs_sb *ret_sb)
{
	struct dfs_sb sb = { .chunk_bytes = DFS_DEFAULT_CHUNK_SIZE };
	uint32_t shd;

	if (attr != NULL) {
		if (attr->da_chunk_size != 0)
			sb.chunk_bytes = attr->da_chunk_size;
		sb.oclass = attr->da_oclass_id;
		sb.dir_oclass = attr->da_dir_oclass_id;
		sb.file_oclass = attr->da_file_oclass_id;
		sb.mode = attr->da_mode;
		if (memchr(attr->da_hints, 0, sizeof(attr->da_hints)) == NULL)
			return EINVAL;
		memcpy(sb.hints, attr->da_hints, sizeof(sb.hints));
	}
	if (sb.chunk_bytes > 1ull << 40 || (sb.mode != DFS_RELAXED && sb.mode != DFS_BALANCED))
		return EINVAL;
	*ret_sb = sb;
	return dfs_hints_parse(sb.hints, S_IFREG, &shd);
}

/* Superblock and root are found by the property ROOTS. Their ids, for a container not yet there. */
static int roots_make(struct cl_stream *s, struct cl_pool *pool, const struct dfs_sb *sb,
		      const daos_prop_t *prop, struct daos_prop_co_roots *ret_roots)
{
	uint32_t cid = sb->dir_oclass != 0 ? sb->dir_oclass : sb->oclass;
	struct cl_cont cont = { .pool = pool };
	uint32_t i;
	int rc;

	for (i = 0; prop != NULL && i < prop->dpp_nr; i++)
		if (prop->dpp_entries[i].dpe_type == DAOS_PROP_CO_REDUN_FAC)
			cont.redun_fac = (uint32_t)prop->dpp_entries[i].dpe_val;
	*ret_roots = (struct daos_prop_co_roots){
		.cr_oids = { { .hi = DFS_HI_SB }, { .hi = DFS_HI_ROOT } },
	};
	rc = cl_oid_generate(s->proc, &cont, &ret_roots->cr_oids[0], DAOS_OT_MULTI_HASHED,
			     OC_UNKNOWN, 0);
	if (rc == 0)
		rc = cl_oid_generate(s->proc, &cont, &ret_roots->cr_oids[1], DAOS_OT_MULTI_HASHED,
				     cid, 0);
	return rc;
}

/* The caller's properties with ours. Entries: stream's memory; what they point to is not ours. */
static int props_make(struct cl_stream *s, const daos_prop_t *user,
		      struct daos_prop_co_roots *roots, daos_prop_t *ret_prop)
{
	uint32_t user_nr = user != NULL ? user->dpp_nr : 0;
	struct daos_prop_entry *e;
	uint32_t nr = 0;
	uint32_t i;

	if (user_nr > DAOS_PROP_ENTRIES_MAX_NR - 2)
		return EINVAL;
	e = rt_alloc(s->rt, (user_nr + 2) * sizeof(*e));
	if (e == NULL)
		return -DER_NOMEM;
	e[nr++] = (struct daos_prop_entry){ .dpe_type = DAOS_PROP_CO_LAYOUT_TYPE,
					    .dpe_val = DAOS_PROP_CO_LAYOUT_POSIX };
	e[nr++] = (struct daos_prop_entry){ .dpe_type = DAOS_PROP_CO_ROOTS, .dpe_val_ptr = roots };
	for (i = 0; i < user_nr; i++) {
		const struct daos_prop_entry *u = &user->dpp_entries[i];

		if (u->dpe_type == DAOS_PROP_CO_ROOTS ||
		    (u->dpe_type == DAOS_PROP_CO_LAYOUT_TYPE &&
		     u->dpe_val != DAOS_PROP_CO_LAYOUT_POSIX)) {
			rt_free(s->rt, e);
			return EINVAL;
		}
		if (u->dpe_type != DAOS_PROP_CO_LAYOUT_TYPE)
			e[nr++] = *u;
	}
	*ret_prop = (daos_prop_t){ .dpp_nr = nr, .dpp_entries = e };
	return 0;
}

/* The root's entry first: with the superblock the file system is there. */
static int format(struct cl_stream *s, struct cl_cont *cont, const struct dfs_sb *sb,
		  const struct daos_prop_co_roots *roots)
{
	struct process *p = s->proc;
	uint64_t now_ns = rt_wall_ns(s->rt);
	struct dfs_inode root = {
		.mode = S_IFDIR | 0755,
		.oid = cl_oid(roots->cr_oids[1]),
		.mtime_ns = now_ns,
		.ctime_ns = now_ns,
	};
	struct cl_obj *oh;
	int rc;

	if (p->host->creds != NULL)
		(void)p->host->creds(p->host_ctx, &root.uid, &root.gid, 0, NULL);
	rc = cl_obj_open(p, cont, cl_oid(roots->cr_oids[0]), DAOS_OO_RW, &oh);
	if (rc != 0)
		return rc;
	rc = dfs_entry_insert(s, oh, DFS_ROOT_NAME, &root, NULL);
	if (rc == 0)
		rc = dfs_sb_write(s, oh, sb);
	cl_put(p, &oh->ref);
	return rc;
}

/* Hand out what the caller asked for; a container that he does not want open is closed. */
static int create_open(struct cl_stream *s, struct create_args *a, struct cl_cont *cont)
{
	struct dfs *dfs = NULL;
	int rc = 0;

	if (a->coh == NULL) {
		rc = cl_cont_close(s, cont);
		if (rc == 0)
			cl_put(s->proc, &cont->ref);
		return rc;
	}
	if (a->ret_dfs != NULL)
		rc = mount(s, cont, DFS_RDWR, &dfs);
	if (rc == 0)
		rc = hdl_insert(s->proc, &cont->ref, a->coh);
	if (rc != 0) {
		dfs_free(s->proc, dfs);
		return rc;
	}
	if (dfs != NULL) {
		dfs->poh = a->poh;
		dfs->coh = *a->coh;
		*a->ret_dfs = dfs;
	}
	return 0;
}

static void uid_text(const struct uid *uid, char *dst)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*dst++ = '-';
		*dst++ = digits[uid->b[i] >> 4];
		*dst++ = digits[uid->b[i] & 15];
	}
	*dst = 0;
}

static int create_in(struct cl_stream *s, struct create_args *a, struct cl_pool *pool,
		     const struct dfs_sb *sb)
{
	const daos_prop_t *user = a->attr != NULL ? a->attr->da_props : NULL;
	struct daos_prop_co_roots roots;
	char name[DAOS_UUID_STR_SIZE];
	struct uid uid = { { 0 } };
	struct cl_cont *cont;
	daos_prop_t prop;
	int rc;

	rc = roots_make(s, pool, sb, user, &roots);
	if (rc == 0)
		rc = props_make(s, user, &roots, &prop);
	if (rc != 0)
		return rc;
	rc = cl_cont_create(s, pool, a->label, &prop, &uid);
	rt_free(s->rt, prop.dpp_entries);
	if (rc != 0)
		return rc;
	uid_text(&uid, name);
	rc = cl_cont_open(s, pool, name, DAOS_COO_RW, NULL, &cont);
	if (rc == 0) {
		rc = format(s, cont, sb, &roots);
		if (rc == 0)
			rc = create_open(s, a, cont);
		if (rc != 0) {
			(void)cl_cont_close(s, cont);	/* it is destroyed below */
			cl_put(s->proc, &cont->ref);
		}
	}
	if (rc != 0)
		(void)cl_cont_destroy(s, pool, name, true);	/* the first error counts */
	else if (a->uuid != NULL)
		memcpy(*a->uuid, uid.b, sizeof(uid.b));
	return rc;
}

static int create_fn(struct cl_stream *s, void *args)
{
	struct create_args *a = args;
	struct cl_pool *pool;
	struct dfs_sb sb;
	int rc;

	rc = sb_of_attr(a->attr, &sb);
	if (rc != 0)
		return rc;
	pool = hdl_get(s->proc, a->poh, DAOS_HTYPE_POOL);
	if (pool == NULL)
		return EINVAL;
	rc = create_in(s, a, pool, &sb);
	cl_put(s->proc, &pool->ref);
	return dfs_errno(rc);
}

/* A mount needs the handle of its container: @dfs without @coh is refused. */
int dfs_cont_create(daos_handle_t poh, uuid_t *uuid, dfs_attr_t *attr, daos_handle_t *coh,
		    dfs_t **dfs)
{
	struct create_args a = { .poh = poh, .uuid = uuid, .attr = attr, .coh = coh,
				 .ret_dfs = dfs };

	if (dfs != NULL && coh == NULL)
		return EINVAL;
	return dfs_errno(cl_call(create_fn, &a, sizeof(a), NULL));
}

int dfs_cont_create_with_label(daos_handle_t poh, const char *label, dfs_attr_t *attr, uuid_t *uuid,
			       daos_handle_t *coh, dfs_t **dfs)
{
	struct create_args a = { .poh = poh, .label = label, .uuid = uuid, .attr = attr,
				 .coh = coh, .ret_dfs = dfs };

	if (label == NULL || !daos_label_is_valid(label) || (dfs != NULL && coh == NULL))
		return EINVAL;
	return dfs_errno(cl_call(create_fn, &a, sizeof(a), NULL));
}

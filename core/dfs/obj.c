/* Handles of open objects, and what makes new ones. */
#include "core/dfs/dfs_int.h"

#include "core/epoch/epoch.h"

#include <errno.h>
#include <limits.h>

int dfs_call(cl_fn fn, const struct dfs_args *args, daos_event_t *ev)
{
	return dfs_errno(cl_call(fn, args, sizeof(*args), ev));
}

int dfs_parent(struct dfs *dfs, struct dfs_obj *parent, struct dfs_obj **ret_parent)
{
	if (dfs == NULL)
		return EINVAL;
	if (parent == NULL)
		parent = &dfs->root;
	if (!S_ISDIR(parent->mode))
		return ENOTDIR;
	*ret_parent = parent;
	return 0;
}

int dfs_name_check(const char *name)
{
	size_t len;

	if (name == NULL || name[0] == 0)
		return EINVAL;
	len = strnlen(name, DFS_MAX_NAME + 1);
	if (len > DFS_MAX_NAME || memchr(name, '/', len) != NULL)
		return EINVAL;
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? ENOTSUP : 0;
}

void dfs_link_set(struct dfs_link *link, struct oid parent, const char *name)
{
	size_t len = strlen(name);

	ASSERT(len <= DFS_MAX_NAME);
	link->parent = parent;
	memcpy(link->name, name, len + 1);
}

void dfs_obj_link(struct process *p, struct dfs_obj *obj, struct dfs_link *ret_link)
{
	process_lock(p);
	*ret_link = obj->link;
	process_unlock(p);
}

/* ---- handles -------------------------------------------------------------------------------- */

static bool flags_allowed(const struct dfs *dfs, int flags)
{
	return !dfs->rdonly || (flags & O_ACCMODE) == O_RDONLY;
}

/* Directories and links are opened as the mount is: who may look into one may also create in it. */
static uint32_t oh_mode(const struct dfs *dfs, uint32_t mode, int flags)
{
	if (dfs->rdonly || (S_ISREG(mode) && (flags & O_ACCMODE) == O_RDONLY))
		return DAOS_OO_RO;
	return DAOS_OO_RW;
}

int dfs_cl_open(struct cl_stream *s, struct dfs *dfs, struct oid oid, struct cl_obj **ret_o)
{
	return cl_obj_open(s->proc, dfs->cont, oid, oh_mode(dfs, S_IFDIR, 0), ret_o);
}

static int obj_open(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *obj, int flags)
{
	int rc;

	if (S_ISLNK(obj->mode))
		return 0;
	rc = cl_obj_open(s->proc, dfs->cont, obj->oid, oh_mode(dfs, obj->mode, flags), &obj->oh);
	if (rc == 0 && S_ISREG(obj->mode))
		rc = cl_array_open(s->proc, obj->oh, 1, obj->chunk_bytes, &obj->array);
	return rc;
}

int dfs_obj_make(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in,
		 const struct dfs_link *link, int flags, char *value, struct dfs_obj **ret_obj)
{
	struct dfs_obj *obj;
	int rc;

	if (!flags_allowed(dfs, flags)) {
		process_free(s->proc, value);
		return EPERM;
	}
	obj = process_alloc(s->proc, sizeof(*obj));
	if (obj == NULL) {
		process_free(s->proc, value);
		return -DER_NOMEM;
	}
	obj->oid = in->oid;
	obj->mode = in->mode;
	obj->flags = flags & (O_ACCMODE | O_APPEND);
	obj->chunk_bytes = in->chunk_bytes;
	obj->oclass = in->oclass;
	obj->value = value;
	obj->link = *link;
	rc = obj_open(s, dfs, obj, flags);
	if (rc != 0) {
		dfs_obj_free(s->proc, obj);
		return rc;
	}
	*ret_obj = obj;
	return 0;
}

void dfs_obj_drop(struct process *p, struct dfs_obj *obj)
{
	struct cl_array *given = NULL;

	if (daos_handle_is_valid(obj->array_hdl))
		given = hdl_remove(p, obj->array_hdl, DAOS_HTYPE_ARRAY);
	if (given != NULL)
		cl_put(p, &given->ref);
	if (obj->array != NULL)
		cl_put(p, &obj->array->ref);
	if (obj->oh != NULL)
		cl_put(p, &obj->oh->ref);
	process_free(p, obj->value);
}

void dfs_obj_free(struct process *p, struct dfs_obj *obj)
{
	if (obj == NULL)
		return;
	dfs_obj_drop(p, obj);
	process_free(p, obj);
}

int dfs_release(dfs_obj_t *obj)
{
	struct process *p = host_self();

	if (p == NULL || obj == NULL)
		return EINVAL;
	dfs_obj_free(p, obj);
	return 0;
}

static int dup_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_inode in = { .oid = a->obj->oid, .mode = a->obj->mode,
				.chunk_bytes = a->obj->chunk_bytes, .oclass = a->obj->oclass };
	char *value = NULL;
	struct dfs_link link;

	dfs_obj_link(s->proc, a->obj, &link);
	if (a->obj->value != NULL) {
		size_t len = strlen(a->obj->value);

		value = process_alloc(s->proc, len + 1);
		if (value == NULL)
			return ENOMEM;
		memcpy(value, a->obj->value, len);
	}
	return dfs_errno(dfs_obj_make(s, a->dfs, &in, &link, a->flags, value, a->ret_obj));
}

int dfs_dup(dfs_t *dfs, dfs_obj_t *obj, int flags, dfs_obj_t **new_obj)
{
	struct dfs_args a = { .dfs = dfs, .obj = obj, .flags = flags, .ret_obj = new_obj };

	if (dfs == NULL || obj == NULL || new_obj == NULL)
		return EINVAL;
	return dfs_call(dup_fn, &a, NULL);
}

/* ---- something new -------------------------------------------------------------------------- */

int dfs_oid_make(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *parent, uint32_t mode,
		 uint32_t cid, struct oid *ret_oid)
{
	enum daos_otype_t type = S_ISREG(mode) ? DAOS_OT_ARRAY_BYTE : DAOS_OT_MULTI_HASHED;
	uint32_t typed = S_ISREG(mode) ? dfs->file_oclass : dfs->dir_oclass;
	daos_obj_id_t id = { .hi = DFS_HI_OBJ };
	uint32_t shd = 0;
	int rc;

	if (cid == 0)
		cid = parent->oclass;
	if (cid == 0)
		cid = typed != 0 ? typed : dfs->oclass;
	if (cid == 0)
		(void)dfs_hints_parse(dfs->hints, mode, &shd);	/* checked at the mount */
	rc = cl_cont_alloc_oids(s, dfs->cont, 1, &id.lo);
	if (rc == 0)
		rc = cl_oid_generate(s->proc, dfs->cont, &id, type, cid, (daos_oclass_hints_t)shd);
	if (rc == 0)
		*ret_oid = cl_oid(id);
	return rc;
}

/* What a new entry remembers beside its object: a file its chunks, a directory what it hands down.
 * */
static uint64_t chunk_of(const struct dfs *dfs, const struct dfs_obj *parent, uint32_t mode,
			 uint64_t chunk_bytes)
{
	if (chunk_bytes == 0)
		chunk_bytes = parent->chunk_bytes;
	if (chunk_bytes == 0 && S_ISREG(mode))
		chunk_bytes = dfs->chunk_bytes;
	return S_ISLNK(mode) ? 0 : chunk_bytes;
}

int dfs_inode_make(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *parent, uint32_t mode,
		   uint32_t cid, uint64_t chunk_bytes, struct dfs_inode *ret_in)
{
	struct process *p = s->proc;
	uint64_t now_ns = rt_wall_ns(s->rt);
	struct dfs_inode in = {
		.mode = mode,
		.mtime_ns = now_ns,
		.ctime_ns = now_ns,
		.hlc = hlc_from_wall_ns(now_ns),
		.chunk_bytes = chunk_of(dfs, parent, mode, chunk_bytes),
		.oclass = S_ISDIR(mode) ? parent->oclass : 0,
	};
	int rc = dfs_oid_make(s, dfs, parent, mode, cid, &in.oid);

	if (rc != 0)
		return rc;
	if (p->host->creds != NULL)
		(void)p->host->creds(p->host_ctx, &in.uid, &in.gid, 0, NULL);
	*ret_in = in;
	return 0;
}

/* ---- hints ---------------------------------------------------------------------------------- */

static bool word_is(const char *str, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(str, word, len) == 0;
}

/* One "file:max" of a list. */
static int hint_parse(const char *str, size_t len, uint32_t mode, uint32_t *ret_shd)
{
	const char *colon = memchr(str, ':', len);
	size_t name_len;
	uint32_t shd;

	if (colon == NULL)
		return EINVAL;
	name_len = (size_t)(colon - str);
	if (word_is(colon + 1, len - name_len - 1, "single"))
		shd = DAOS_OCH_SHD_TINY;
	else if (word_is(colon + 1, len - name_len - 1, "max"))
		shd = DAOS_OCH_SHD_MAX;
	else
		return EINVAL;
	if (word_is(str, name_len, "file")) {
		*ret_shd = S_ISREG(mode) ? shd : *ret_shd;
		return 0;
	}
	if (word_is(str, name_len, "dir") || word_is(str, name_len, "directory")) {
		*ret_shd = S_ISDIR(mode) ? shd : *ret_shd;
		return 0;
	}
	return EINVAL;
}

int dfs_hints_parse(const char *hints, uint32_t mode, uint32_t *ret_shd)
{
	uint32_t shd = 0;

	while (hints[0] != 0) {
		const char *comma = strchr(hints, ',');
		size_t len = comma != NULL ? (size_t)(comma - hints) : strlen(hints);

		if (hint_parse(hints, len, mode, &shd) != 0)
			return EINVAL;
		hints += len + (comma != NULL ? 1 : 0);
	}
	*ret_shd = shd;
	return 0;
}

static int suggest_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	daos_obj_id_t id = { .hi = DFS_HI_OBJ };
	enum daos_otype_t type;
	uint32_t mode = S_IFREG;
	uint32_t shd = 0;
	int rc;

	/* The type that is named is the one that is meant. */
	if (strncmp(a->name, "dir", 3) == 0)
		mode = S_IFDIR;
	rc = dfs_hints_parse(a->name, mode, &shd);
	if (rc != 0)
		return rc;
	type = mode == S_IFREG ? DAOS_OT_ARRAY_BYTE : DAOS_OT_MULTI_HASHED;
	rc = cl_oid_generate(s->proc, a->dfs->cont, &id, type, OC_UNKNOWN,
			     (daos_oclass_hints_t)shd);
	if (rc != 0)
		return dfs_errno(rc);
	*(daos_oclass_id_t *)a->buf = shd == DAOS_OCH_SHD_MAX
					      ? (daos_oclass_id_t)OBJ_CLASS_DEF(
							(uint32_t)daos_obj_id2ord(id),
							MAX_NUM_GROUPS)
					      : daos_obj_id2class(id);
	return 0;
}

int dfs_suggest_oclass(dfs_t *dfs, const char *hint, daos_oclass_id_t *cid)
{
	struct dfs_args a = { .dfs = dfs, .name = hint, .buf = cid };

	if (dfs == NULL || hint == NULL || cid == NULL)
		return EINVAL;
	return dfs_call(suggest_fn, &a, NULL);
}

/* ---- what a handle is made of --------------------------------------------------------------- */

static daos_obj_id_t oid_public(struct oid oid)
{
	return (daos_obj_id_t){ .lo = oid.lo, .hi = oid.hi };
}

int dfs_obj2id(dfs_obj_t *obj, daos_obj_id_t *oid)
{
	if (obj == NULL || oid == NULL)
		return EINVAL;
	*oid = oid_public(obj->oid);
	return 0;
}

int dfs_get_mode(dfs_obj_t *obj, mode_t *mode)
{
	if (obj == NULL || mode == NULL)
		return EINVAL;
	*mode = obj->mode;
	return 0;
}

int dfs_get_chunk_size(dfs_obj_t *obj, daos_size_t *chunk_size)
{
	if (obj == NULL || chunk_size == NULL || !S_ISREG(obj->mode))
		return EINVAL;
	*chunk_size = obj->chunk_bytes;
	return 0;
}

int dfs_get_file_oh(dfs_obj_t *obj, daos_handle_t *oh)
{
	struct process *p = host_self();
	daos_handle_t h;
	bool kept;
	int rc;

	if (p == NULL || obj == NULL || oh == NULL || !S_ISREG(obj->mode))
		return EINVAL;
	if (!daos_handle_is_valid(obj->array_hdl)) {
		cl_get(p, &obj->array->ref);
		rc = hdl_insert(p, &obj->array->ref, &h);
		if (rc != 0) {
			cl_put(p, &obj->array->ref);
			return dfs_errno(rc);
		}
		process_lock(p);
		kept = !daos_handle_is_valid(obj->array_hdl);
		if (kept)
			obj->array_hdl = h;
		process_unlock(p);
		if (!kept) {	/* another thread was faster */
			(void)hdl_remove(p, h, DAOS_HTYPE_ARRAY);
			cl_put(p, &obj->array->ref);
		}
	}
	*oh = obj->array_hdl;
	return 0;
}

int dfs_get_symlink_value(dfs_obj_t *obj, char *buf, daos_size_t *size)
{
	size_t len;

	if (obj == NULL || size == NULL || !S_ISLNK(obj->mode))
		return EINVAL;
	len = strlen(obj->value);
	if (buf != NULL && *size > 0) {
		size_t n = min_u64(len, *size - 1);

		memcpy(buf, obj->value, n);
		buf[n] = 0;
	}
	*size = len + 1;
	return 0;
}

int dfs_obj_get_info(dfs_t *dfs, dfs_obj_t *obj, dfs_obj_info_t *info)
{
	uint32_t dir;
	uint32_t file;

	if (dfs == NULL || obj == NULL || info == NULL)
		return EINVAL;
	*info = (dfs_obj_info_t){
		.doi_oclass_id = daos_obj_id2class(oid_public(obj->oid)),
		.doi_chunk_size = obj->chunk_bytes,
		.doi_oid = oid_public(obj->oid),
	};
	if (!S_ISDIR(obj->mode))
		return 0;
	dir = obj->oclass != 0 ? obj->oclass : dfs->dir_oclass != 0 ? dfs->dir_oclass : dfs->oclass;
	file = obj->oclass != 0 ? obj->oclass
	       : dfs->file_oclass != 0 ? dfs->file_oclass
				       : dfs->oclass;
	info->doi_dir_oclass_id = dir != 0 ? dir : OC_S1;
	info->doi_file_oclass_id = file != 0 ? file : OC_SX;
	if (info->doi_chunk_size == 0)
		info->doi_chunk_size = dfs->chunk_bytes;
	return 0;
}

int dfs_update_parent(dfs_obj_t *obj, dfs_obj_t *src_obj, const char *name)
{
	struct process *p = host_self();
	struct dfs_link link;

	if (p == NULL || obj == NULL || src_obj == NULL)
		return EINVAL;
	if (name != NULL && dfs_name_check(name) != 0)
		return EINVAL;
	dfs_obj_link(p, src_obj, &link);
	process_lock(p);
	obj->link.parent = link.parent;
	if (name != NULL)
		memcpy(obj->link.name, name, strlen(name) + 1);
	process_unlock(p);
	return 0;
}

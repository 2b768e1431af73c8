/* From names to objects: paths, symbolic links, "..", and back from an object to its entry. */
#include "core/dfs/dfs_int.h"

#include <errno.h>

/* A lookup under way: the place reached, and what is left of the path. */
struct walk {
	struct dfs *dfs;
	struct dfs_found at;
	bool at_root;
	bool entered;		/* at.inode is a directory's whose entry was read, or the root's */
	char *rest;		/* stream's memory */
	size_t pos;
	uint32_t links;
};

static void walk_root(struct walk *w)
{
	const struct dfs_obj *root = &w->dfs->root;

	w->at.link = root->link;
	w->at.inode = (struct dfs_inode){ .oid = root->oid, .mode = root->mode };
	w->at_root = true;
	w->entered = false;
}

/* The entry behind w->at.link, whose inode is not known yet. */
static int at_read(struct cl_stream *s, struct walk *w)
{
	struct cl_obj *dir;
	int rc;

	if (w->entered)
		return 0;
	rc = dfs_cl_open(s, w->dfs, w->at.link.parent, &dir);
	if (rc != 0)
		return rc;
	rc = dfs_entry_fetch(s, dir, w->at.link.name, &w->at.inode);
	cl_put(s->proc, &dir->ref);
	w->entered = rc == 0;
	return rc;
}

/* "..": a directory knows its place. */
static int walk_up(struct cl_stream *s, struct walk *w)
{
	struct oid up = w->at.link.parent;
	struct cl_obj *dir;
	int rc;

	if (w->at_root)
		return -DER_NONEXIST;	/* nothing is above */
	if (oid_equal(up, w->dfs->root.oid)) {
		walk_root(w);
		return 0;
	}
	rc = dfs_cl_open(s, w->dfs, up, &dir);
	if (rc != 0)
		return rc;
	rc = dfs_link_fetch(s, dir, &w->at.link);
	cl_put(s->proc, &dir->ref);
	w->entered = false;
	if (rc == 0)
		rc = at_read(s, w);
	if (rc == 0 && !oid_equal(w->at.inode.oid, up))
		rc = -DER_NONEXIST;	/* it was removed, and its name used again */
	return rc;
}

/* Go on with the target of a symbolic link in front of what is left. Takes @value. */
static int walk_link(struct cl_stream *s, struct walk *w, char *value, const struct dfs_found *dir,
		     bool dir_is_root)
{
	size_t value_len = strlen(value);
	size_t rest_len = strlen(w->rest + w->pos);
	char *rest;
	int rc = 0;

	if (++w->links > DFS_LINKS_MAX)
		rc = ELOOP;
	rest = rc == 0 ? rt_alloc(s->rt, value_len + rest_len + 2) : NULL;
	if (rest != NULL) {
		memcpy(rest, value, value_len);
		rest[value_len] = '/';
		memcpy(rest + value_len + 1, w->rest + w->pos, rest_len + 1);
		rt_free(s->rt, w->rest);
		w->rest = rest;
		w->pos = 0;
		w->at = *dir;
		w->at_root = dir_is_root;
		w->entered = !dir_is_root;
		if (value[0] == '/')
			walk_root(w);
	} else if (rc == 0) {
		rc = -DER_NOMEM;
	}
	process_free(s->proc, value);
	return rc;
}

static bool only_slashes(const char *str)
{
	return str[strspn(str, "/")] == 0;
}

/* One component down. @dir: room for the directory left, since a link leads back to it. */
static int walk_down(struct cl_stream *s, struct walk *w, const char *name, int flags,
		     struct dfs_found *dir)
{
	bool last = only_slashes(w->rest + w->pos);
	bool dir_is_root = w->at_root;
	struct cl_obj *oh;
	char *value = NULL;
	int rc;

	*dir = w->at;
	rc = dfs_cl_open(s, w->dfs, w->at.inode.oid, &oh);
	if (rc != 0)
		return rc;
	dfs_link_set(&w->at.link, oh->oid, name);
	rc = dfs_entry_fetch(s, oh, name, &w->at.inode);
	if (rc == 0 && S_ISLNK(w->at.inode.mode))
		rc = dfs_entry_value(s, oh, name, w->at.inode.value_len, &value);
	cl_put(s->proc, &oh->ref);
	if (rc != 0)
		return rc;
	w->at_root = false;
	w->entered = true;
	if (value != NULL && last && (flags & O_NOFOLLOW)) {
		w->at.value = value;
		return 0;
	}
	if (value != NULL)
		return walk_link(s, w, value, dir, dir_is_root);
	/* A component behind a file is not found in it. */
	return S_ISDIR(w->at.inode.mode) || last ? 0 : -DER_NONEXIST;
}

/* Cut the next component out of the path; false at its end. Errors: EINVAL (too long). */
static int walk_name(struct walk *w, char *name, bool *ret_more)
{
	const char *str;
	size_t len;

	w->pos += strspn(w->rest + w->pos, "/");
	str = w->rest + w->pos;
	len = strcspn(str, "/");
	if (len > DFS_MAX_NAME)
		return EINVAL;
	memcpy(name, str, len);
	name[len] = 0;
	w->pos += len;
	*ret_more = len > 0;
	return 0;
}

static int walk_run(struct cl_stream *s, struct walk *w, int flags, char *name,
		    struct dfs_found *dir)
{
	bool more = true;
	int rc = 0;

	while (rc == 0) {
		rc = walk_name(w, name, &more);
		if (rc != 0 || !more)
			break;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			rc = walk_up(s, w);
		else
			rc = walk_down(s, w, name, flags, dir);
	}
	return rc == 0 ? at_read(s, w) : rc;
}

int dfs_walk(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *from, const char *path,
	     int flags, struct dfs_found *ret_found)
{
	size_t len = strlen(path);
	/* Names and places are too large for a ULT's stack. */
	struct {
		struct walk w;
		struct dfs_found dir;
		char name[DFS_MAX_NAME + 1];
	} * room;
	int rc;

	if (len >= DFS_MAX_PATH)
		return ENAMETOOLONG;
	room = rt_alloc(s->rt, sizeof(*room));
	if (room == NULL)
		return -DER_NOMEM;
	room->w.dfs = dfs;
	room->w.rest = rt_alloc(s->rt, len + 1);
	rc = room->w.rest == NULL ? -DER_NOMEM : 0;
	if (rc == 0) {
		memcpy(room->w.rest, path, len);
		walk_root(&room->w);
		if (!oid_equal(from->oid, dfs->root.oid) && path[0] != '/') {
			room->w.at_root = false;
			dfs_obj_link(s->proc, from, &room->w.at.link);
			room->w.at.inode.oid = from->oid;
			room->w.at.inode.mode = from->mode;
		}
		rc = walk_run(s, &room->w, flags, room->name, &room->dir);
	}
	if (rc == 0)
		*ret_found = room->w.at;
	else
		process_free(s->proc, room->w.at.value);
	rt_free(s->rt, room->w.rest);
	rt_free(s->rt, room);
	return rc;
}

/* ---- the entry of an open object ------------------------------------------------------------ */

/* Look where the object itself says that it is, and remember it. */
static int entry_moved(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *obj,
		       struct dfs_link *link)
{
	struct cl_obj *self;
	struct dfs_link now;
	int rc;

	rc = dfs_cl_open(s, dfs, obj->oid, &self);
	if (rc != 0)
		return rc;
	rc = dfs_link_fetch(s, self, &now);
	cl_put(s->proc, &self->ref);
	if (rc != 0)
		return rc;
	if (oid_equal(now.parent, link->parent) && strcmp(now.name, link->name) == 0)
		return -DER_NONEXIST;	/* that is where it is not */
	*link = now;
	process_lock(s->proc);
	obj->link = now;
	process_unlock(s->proc);
	return 0;
}

int dfs_obj_entry(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *obj,
		  struct cl_obj **ret_dir, struct dfs_link *ret_link, struct dfs_inode *ret_in)
{
	struct cl_obj *dir = NULL;
	uint32_t tries;
	int rc = 0;

	dfs_obj_link(s->proc, obj, ret_link);
	for (tries = 0; tries < DFS_TRIES; tries++) {
		rc = dfs_cl_open(s, dfs, ret_link->parent, &dir);
		if (rc != 0)
			return rc;
		rc = dfs_entry_fetch(s, dir, ret_link->name, ret_in);
		if (rc == 0 && oid_equal(ret_in->oid, obj->oid)) {
			*ret_dir = dir;
			return 0;
		}
		cl_put(s->proc, &dir->ref);
		if (rc != 0 && rc != -DER_NONEXIST)
			return rc;
		rc = entry_moved(s, dfs, obj, ret_link);
		if (rc != 0)
			return rc;
	}
	return -DER_NONEXIST;
}

/* ---- public --------------------------------------------------------------------------------- */

/* Take the handle, mode and status out of what was found. */
static int found_open(struct cl_stream *s, struct dfs_args *a, struct dfs_found *f)
{
	struct dfs_obj *obj;
	int rc;

	rc = dfs_obj_make(s, a->dfs, &f->inode, &f->link, a->flags, f->value, &obj);
	if (rc != 0)
		return rc;
	if (a->st != NULL)
		rc = dfs_inode_stat(s, a->dfs, &f->inode, obj->array, a->st);
	if (rc != 0) {
		dfs_obj_free(s->proc, obj);
		return rc;
	}
	if (a->ret_mode != NULL)
		*a->ret_mode = f->inode.mode;
	*a->ret_obj = obj;
	return 0;
}

/* a->obj: the directory to begin in. */
static int lookup_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_found *f = rt_alloc(s->rt, sizeof(*f));
	int rc;

	if (f == NULL)
		return ENOMEM;
	rc = dfs_walk(s, a->dfs, a->obj, a->name, a->flags, f);
	if (rc == 0)
		rc = found_open(s, a, f);
	rt_free(s->rt, f);
	return dfs_errno(rc);
}

/* @path without the mount's prefix. */
static int prefix_skip(struct dfs *dfs, const char **path)
{
	struct process *p = host_self();
	size_t len;

	if (p == NULL)
		return EINVAL;
	process_lock(p);
	len = dfs->prefix != NULL ? strlen(dfs->prefix) : 0;
	if (len > 0 && strncmp(*path, dfs->prefix, len) == 0 &&
	    ((*path)[len] == '/' || (*path)[len] == 0))
		*path += len;
	process_unlock(p);
	return 0;
}

/* The path may be "" once the prefix is gone: the root. */
int dfs_lookup(dfs_t *dfs, const char *path, int flags, dfs_obj_t **obj, mode_t *mode,
	       struct stat *stbuf)
{
	struct dfs_args a = { .dfs = dfs, .flags = flags, .ret_obj = obj, .ret_mode = mode,
			      .st = stbuf };
	int rc;

	if (dfs == NULL || path == NULL || obj == NULL || path[0] != '/')
		return EINVAL;
	rc = prefix_skip(dfs, &path);
	if (rc != 0)
		return rc;
	a.obj = &dfs->root;
	a.name = path;
	return dfs_call(lookup_fn, &a, NULL);
}

int dfs_lookup_rel(dfs_t *dfs, dfs_obj_t *parent, const char *name, int flags, dfs_obj_t **obj,
		   mode_t *mode, struct stat *stbuf)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .flags = flags, .ret_obj = obj,
			      .ret_mode = mode, .st = stbuf };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0)
		rc = dfs_name_check(name);
	if (rc == 0 && obj == NULL)
		rc = EINVAL;
	return rc != 0 ? rc : dfs_call(lookup_fn, &a, NULL);
}

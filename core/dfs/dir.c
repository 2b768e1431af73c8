/* Directories: listing and removal. */
#include "core/dfs/dfs_int.h"

#include <errno.h>

/* Entries that one listing call asks for; names that fit its buffer however long they are. */
#define LIST_ENTRIES 128u
#define LIST_BYTES   (LIST_ENTRIES * (DFS_MAX_NAME + 1u))

/* ---- listing -------------------------------------------------------------------------------- */

/* Names of one answer, without terminators, one after the other. */
struct names {
	daos_key_desc_t kds[LIST_ENTRIES];
	uint32_t nr;
	char buf[LIST_BYTES];
};

static int names_list(struct cl_stream *s, struct cl_obj *dir, uint32_t nr, size_t bytes,
		      daos_anchor_t *anchor, struct names *n)
{
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	int rc;

	n->nr = (uint32_t)min_u64(nr, LIST_ENTRIES);
	d_iov_set(&iov, n->buf, min_u64(bytes, LIST_BYTES));
	rc = cl_list_keys(s, dir, DAOS_EPOCH_MAX, NULL, &n->nr, n->kds, &sgl, anchor);
	if (rc != 0)
		n->nr = 0;
	return rc;
}

/* Copy name @i at @at; 0 for what is no entry. Returns its length. */
static size_t name_take(const struct names *n, uint32_t i, const char *at, char *name)
{
	size_t len = n->kds[i].kd_key_len;

	if (len == 0 || len > DFS_MAX_NAME || at[0] == '/')
		return 0;
	memcpy(name, at, len);
	name[len] = 0;
	return len;
}

int dfs_dir_empty(struct cl_stream *s, struct cl_obj *dir)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct names *n = rt_alloc(s->rt, sizeof(*n));
	int rc = n == NULL ? -DER_NOMEM : 0;

	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		const char *at = n->buf;
		uint32_t i;

		rc = names_list(s, dir, 2, LIST_BYTES, &anchor, n);
		for (i = 0; i < n->nr && rc == 0; i++) {
			if (at[0] != '/')
				rc = ENOTEMPTY;
			at += n->kds[i].kd_key_len;
		}
	}
	rt_free(s->rt, n);
	return rc;
}

struct readdir_args {
	struct dfs *dfs;
	struct dfs_obj *obj;
	daos_anchor_t *anchor;
	uint32_t *nr;
	struct dirent *dirs;
	struct stat *stbufs;
};

/* Status of the entry just listed; false if it is gone meanwhile. */
static int plus_stat(struct cl_stream *s, struct readdir_args *a, struct dirent *d, struct stat *st,
		     bool *ret_there)
{
	struct dfs_inode in;
	int rc;

	rc = dfs_entry_fetch(s, a->obj->oh, d->d_name, &in);
	if (rc == 0)
		rc = dfs_inode_stat(s, a->dfs, &in, NULL, st);
	*ret_there = rc == 0;
	if (rc == 0) {
		d->d_type = (unsigned char)IFTODT(in.mode);
		d->d_ino = st->st_ino;
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int readdir_take(struct cl_stream *s, struct readdir_args *a, const struct names *n,
			uint32_t *used)
{
	const char *at = n->buf;
	bool there = true;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < n->nr && rc == 0; i++) {
		struct dirent *d = &a->dirs[*used];

		*d = (struct dirent){ .d_reclen = sizeof(*d) };
		there = name_take(n, i, at, d->d_name) > 0;
		if (there && a->stbufs != NULL)
			rc = plus_stat(s, a, d, &a->stbufs[*used], &there);
		*used += there;
		at += n->kds[i].kd_key_len;
	}
	return rc;
}

static int readdir_fn(struct cl_stream *s, void *args)
{
	struct readdir_args *a = args;
	struct names *n = rt_alloc(s->rt, sizeof(*n));
	uint32_t used = 0;
	int rc = n == NULL ? -DER_NOMEM : 0;

	while (rc == 0 && used < *a->nr && a->anchor->da_type != DAOS_ANCHOR_TYPE_EOF) {
		rc = names_list(s, a->obj->oh, *a->nr - used, LIST_BYTES, a->anchor, n);
		if (rc == 0)
			rc = readdir_take(s, a, n, &used);
	}
	rt_free(s->rt, n);
	if (rc == 0)
		*a->nr = used;
	return dfs_errno(rc);
}

static int readdir_any(struct readdir_args *a)
{
	if (a->dfs == NULL || a->obj == NULL || a->anchor == NULL || a->nr == NULL ||
	    a->dirs == NULL)
		return EINVAL;
	if (!S_ISDIR(a->obj->mode))
		return ENOTDIR;
	return dfs_errno(cl_call(readdir_fn, a, sizeof(*a), NULL));
}

int dfs_readdir(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr,
		struct dirent *dirs)
{
	struct readdir_args a = { .dfs = dfs, .obj = obj, .anchor = anchor, .nr = nr,
				  .dirs = dirs };

	return readdir_any(&a);
}

/* Unlike dfs_readdir() it also fills in d_type and d_ino. */
int dfs_readdirplus(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr,
		    struct dirent *dirs, struct stat *stbufs)
{
	struct readdir_args a = { .dfs = dfs, .obj = obj, .anchor = anchor, .nr = nr,
				  .dirs = dirs, .stbufs = stbufs };

	return stbufs == NULL ? EINVAL : readdir_any(&a);
}

/* One answer for dfs_iterate(). The callback is the program's: it runs in the program's thread. */
struct iterate_args {
	struct dfs_obj *obj;
	daos_anchor_t *anchor;
	struct names *names;
	uint32_t nr;
	size_t bytes;
};

static int iterate_fn(struct cl_stream *s, void *args)
{
	struct iterate_args *a = args;

	return dfs_errno(names_list(s, a->obj->oh, a->nr, a->bytes, a->anchor, a->names));
}

/* Call @op for the names of one answer. *ret_done: names listed until it said stop. */
static int iterate_take(dfs_t *dfs, dfs_obj_t *obj, const struct names *n, dfs_filler_cb_t op,
			void *arg, uint32_t *ret_done, uint32_t *entries)
{
	char name[DFS_MAX_NAME + 1];
	const char *at = n->buf;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < n->nr && rc == 0; i++) {
		if (name_take(n, i, at, name) > 0) {
			rc = op(dfs, obj, name, arg);
			(*entries)++;
		}
		at += n->kds[i].kd_key_len;
	}
	*ret_done = i;
	return rc;
}

/* When @op stops the listing, its result is returned and the anchor stands behind the entry it saw
 * last. */
int dfs_iterate(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, size_t size,
		dfs_filler_cb_t op, void *arg)
{
	struct process *p = host_self();
	struct iterate_args a = { .obj = obj, .anchor = anchor, .bytes = size };
	uint32_t entries = 0;
	int rc = 0;

	if (p == NULL || dfs == NULL || obj == NULL || anchor == NULL || nr == NULL || op == NULL ||
	    size <= DFS_MAX_NAME)
		return EINVAL;
	if (!S_ISDIR(obj->mode))
		return ENOTDIR;
	a.names = process_alloc(p, sizeof(*a.names));
	if (a.names == NULL)
		return ENOMEM;
	while (rc == 0 && entries < *nr && anchor->da_type != DAOS_ANCHOR_TYPE_EOF) {
		daos_anchor_t before = *anchor;
		uint32_t done = 0;

		a.nr = *nr - entries;
		rc = dfs_errno(cl_call(iterate_fn, &a, sizeof(a), NULL));
		if (rc == 0)
			rc = iterate_take(dfs, obj, a.names, op, arg, &done, &entries);
		if (rc != 0 && done > 0 && done < a.names->nr) {
			*anchor = before;
			a.nr = done;
			(void)cl_call(iterate_fn, &a, sizeof(a), NULL);	/* best effort */
		}
	}
	*nr = entries;
	process_free(p, a.names);
	return rc;
}

/* ---- removal -------------------------------------------------------------------------------- */

/* A symbolic link has an object only once it was renamed. */
int dfs_oid_punch(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in)
{
	struct cl_obj *oh;
	int rc;

	if (S_ISLNK(in->mode) && !(in->flags & DFS_INODE_MOVED))
		return 0;
	rc = dfs_cl_open(s, dfs, in->oid, &oh);
	if (rc != 0)
		return rc;
	rc = cl_punch_obj(s, oh, 0);
	cl_put(s->proc, &oh->ref);
	return rc;
}

/* First the name, which only one of several removers gets, then what it stood for: a crash in
 * between leaves space behind, never a name without content. */
static int entry_remove(struct cl_stream *s, struct dfs *dfs, struct cl_obj *dir, const char *name,
			const struct dfs_inode *in)
{
	int rc = dfs_entry_punch(s, dir, name);

	return rc != 0 ? rc : dfs_oid_punch(s, dfs, in);
}

/* A directory of a tree that is being removed. */
struct level {
	struct level *up;
	struct cl_obj *oh;
	struct dfs_inode in;
	bool emptied;		/* a whole listing found nothing to remove */
	char name[DFS_MAX_NAME + 1];
};

struct tree {
	struct dfs *dfs;
	struct level *at;
	struct names *names;
	char name[DFS_MAX_NAME + 1];
};

static int tree_enter(struct cl_stream *s, struct tree *t, const char *name,
		      const struct dfs_inode *in)
{
	struct level *l = rt_alloc(s->rt, sizeof(*l));
	int rc;

	if (l == NULL)
		return -DER_NOMEM;
	rc = dfs_cl_open(s, t->dfs, in->oid, &l->oh);
	if (rc != 0) {
		rt_free(s->rt, l);
		return rc;
	}
	l->in = *in;
	memcpy(l->name, name, strlen(name) + 1);
	l->up = t->at;
	t->at = l;
	return 0;
}

static void tree_leave(struct cl_stream *s, struct tree *t)
{
	struct level *l = t->at;

	t->at = l->up;
	cl_put(s->proc, &l->oh->ref);
	rt_free(s->rt, l);
}

/* Remove what one answer lists; stop at a directory, which is entered. */
static int tree_names(struct cl_stream *s, struct tree *t, bool *ret_entered)
{
	struct level *l = t->at;
	const char *at = t->names->buf;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < t->names->nr && rc == 0 && !*ret_entered; i++) {
		struct dfs_inode in;

		if (name_take(t->names, i, at, t->name) > 0) {
			l->emptied = false;
			rc = dfs_entry_fetch(s, l->oh, t->name, &in);
			if (rc == 0 && S_ISDIR(in.mode)) {
				rc = tree_enter(s, t, t->name, &in);
				*ret_entered = rc == 0;
			} else if (rc == 0) {
				rc = entry_remove(s, t->dfs, l->oh, t->name, &in);
			}
			if (rc == -DER_NONEXIST)	/* somebody removes the same */
				rc = 0;
		}
		at += t->names->kds[i].kd_key_len;
	}
	return rc;
}

/* One pass over the directory on top; passes are repeated until one finds nothing. */
static int tree_pass(struct cl_stream *s, struct tree *t)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct level *l = t->at;
	bool entered = false;
	int rc = 0;

	l->emptied = true;
	while (rc == 0 && !entered && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		rc = names_list(s, l->oh, LIST_ENTRIES, LIST_BYTES, &anchor, t->names);
		if (rc == 0)
			rc = tree_names(s, t, &entered);
	}
	return rc;
}

/* Remove everything in @dir. */
static int tree_remove(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *dir)
{
	struct tree *t = rt_alloc(s->rt, sizeof(*t));
	int rc;

	if (t == NULL)
		return -DER_NOMEM;
	t->dfs = dfs;
	t->names = rt_alloc(s->rt, sizeof(*t->names));
	rc = t->names == NULL ? -DER_NOMEM : tree_enter(s, t, "", dir);
	while (rc == 0 && (t->at->up != NULL || !t->at->emptied)) {
		if (!t->at->emptied) {
			rc = tree_pass(s, t);
			continue;
		}
		rc = entry_remove(s, dfs, t->at->up->oh, t->at->name, &t->at->in);
		if (rc == -DER_NONEXIST)
			rc = 0;
		tree_leave(s, t);
	}
	while (t->at != NULL)
		tree_leave(s, t);
	rt_free(s->rt, t->names);
	rt_free(s->rt, t);
	return rc;
}

static int dir_check(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in, bool force)
{
	struct cl_obj *oh;
	int rc;

	if (force)
		return tree_remove(s, dfs, in);
	rc = dfs_cl_open(s, dfs, in->oid, &oh);
	if (rc != 0)
		return rc;
	rc = dfs_dir_empty(s, oh);
	cl_put(s->proc, &oh->ref);
	return rc;
}

static int remove_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct dfs_inode in;
	int rc;

	rc = dfs_entry_fetch(s, a->obj->oh, a->name, &in);
	if (rc == 0 && S_ISDIR(in.mode))
		rc = dir_check(s, a->dfs, &in, a->flags != 0);
	if (rc == 0)
		rc = entry_remove(s, a->dfs, a->obj->oh, a->name, &in);
	if (rc == 0 && a->oid != NULL)
		*a->oid = (daos_obj_id_t){ .lo = in.oid.lo, .hi = in.oid.hi };
	return dfs_errno(rc);
}

int dfs_remove(dfs_t *dfs, dfs_obj_t *parent, const char *name, bool force, daos_obj_id_t *oid)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .flags = force, .oid = oid };
	int rc = dfs_parent(dfs, parent, &a.obj);

	if (rc == 0)
		rc = dfs_name_check(name);
	if (rc == 0 && dfs->rdonly)
		rc = EPERM;
	return rc != 0 ? rc : dfs_call(remove_fn, &a, NULL);
}

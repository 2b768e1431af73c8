/**
 * dfs: internals that the files of core/dfs share.
 *
 * Blocking functions here run on a ULT of a client stream. Their result is 0, a -DER_* code of the
 * storage below, or a positive errno where POSIX demands one that has no such code; dfs_errno()
 * makes an errno of both at the public boundary.
 *
 * A directory is an object: one dkey per entry, named like it. Under it the akey DFS_INODE (the
 * inode below, packed), a symbolic link's target DFS_SLINK, extended attributes "x:NAME". A file is
 * a byte array. An object knows its place too, under the akey DFS_PARENT: a directory always, a
 * file or symbolic link once it was renamed. So a handle finds its entry again after a rename, and
 * a directory its ancestors. Names cannot contain '/', so dkeys that begin with it are no entries.
 */
#ifndef GEMEL_DFS_INT_H
#define GEMEL_DFS_INT_H

#include "core/client/client.h"
#include "daos_fs.h"

#define DFS_SB_DKEY		"DFS_SB_METADATA"
#define DFS_AKEY_INODE		"DFS_INODE"
#define DFS_AKEY_SLINK		"DFS_SLINK"
#define DFS_AKEY_PARENT		"DFS_PARENT"
#define DFS_XATTR_PREFIX	"x:"
#define DFS_ROOT_NAME		"/"
#define DFS_LINK_DKEY		"/.."

/** User part (oid.hi's lower half) of object ids: superblock, root, everything else. */
#define DFS_HI_SB	0u
#define DFS_HI_ROOT	1u
#define DFS_HI_OBJ	2u

/** Symbolic links that one lookup follows before it gives up. */
#define DFS_LINKS_MAX	39u
/** Times that a lost race is run again. */
#define DFS_TRIES	16u
/** Longest akey: an extended attribute's. */
#define DFS_AKEY_MAX	(DFS_MAX_XATTR_NAME + 2u)

/* ---- entries -------------------------------------------------------------------------------- */

enum dfs_inode_flags {
	DFS_INODE_MOVED = 1,		/**< the object knows its place: DFS_PARENT is there */
};

/** What an entry says of its object. Times are nanoseconds since 1970. */
struct dfs_inode {
	uint32_t mode;			/**< type and permissions */
	struct oid oid;
	uint64_t mtime_ns;
	uint64_t ctime_ns;
	uint64_t chunk_bytes;		/**< file: its own; directory: of new files, 0 inherits */
	uint32_t oclass;		/**< directory: of new entries, 0 inherits */
	uint32_t uid;
	uint32_t gid;
	uint64_t value_len;		/**< bytes of a symbolic link's target */
	uint64_t hlc;			/**< changes above this are newer than mtime */
	uint32_t flags;			/**< enum dfs_inode_flags */
};

/** Members of an inode, for updates of some. */
enum dfs_field {
	DFS_F_MODE = 1 << 0,
	DFS_F_MTIME = 1 << 1,		/**< with hlc */
	DFS_F_CTIME = 1 << 2,
	DFS_F_CHUNK = 1 << 3,
	DFS_F_OCLASS = 1 << 4,
	DFS_F_UID = 1 << 5,
	DFS_F_GID = 1 << 6,
	DFS_F_FLAGS = 1 << 7,
};

#define DFS_INODE_BYTES 92u

/** Packed little-endian form, DFS_INODE_BYTES at @dst. Blocks: no. */
void dfs_inode_encode(const struct dfs_inode *in, uint8_t *dst);

/** Errors: -DER_DF_INVAL (nanoseconds or type that cannot be). Blocks: no. */
int dfs_inode_decode(const uint8_t *src, struct dfs_inode *ret_in);

/** Where an entry is: its directory and name. */
struct dfs_link {
	struct oid parent;
	char name[DFS_MAX_NAME + 1];
};

/** Errors: -DER_NONEXIST. Blocks: yes, as all of the following. */
int dfs_entry_fetch(struct cl_stream *s, struct cl_obj *dir, const char *name,
		    struct dfs_inode *ret_in);

/** @value: a symbolic link's target, else NULL. Errors: -DER_EXIST. */
int dfs_entry_insert(struct cl_stream *s, struct cl_obj *dir, const char *name,
		     const struct dfs_inode *in, const char *value);

/** The same for a new directory @self, which learns its place in the same round. */
int dfs_entry_insert_dir(struct cl_stream *s, struct cl_obj *dir, const char *name,
			 const struct dfs_inode *in, struct cl_obj *self);

/** Change the members @fields of an entry that is there. Errors: -DER_NONEXIST. */
int dfs_entry_update(struct cl_stream *s, struct cl_obj *dir, const char *name,
		     const struct dfs_inode *in, uint32_t fields);

/** Exactly one of several that punch an entry succeeds. Errors: -DER_NONEXIST. */
int dfs_entry_punch(struct cl_stream *s, struct cl_obj *dir, const char *name);

/** Target of a symbolic link, in memory of the process. @len: its inode's value_len. */
int dfs_entry_value(struct cl_stream *s, struct cl_obj *dir, const char *name, uint64_t len,
		    char **ret_value);

/** An object's own knowledge of its place. Errors: -DER_NONEXIST. */
int dfs_link_fetch(struct cl_stream *s, struct cl_obj *self, struct dfs_link *ret_link);
int dfs_link_store(struct cl_stream *s, struct cl_obj *self, const struct dfs_link *link);

/** An akey of an entry with its value, for copies. */
struct dfs_akey {
	char name[DFS_AKEY_MAX + 1];
	void *val;			/**< stream's memory; NULL: to be punched */
	uint64_t bytes;
};

/** All akeys of an entry but DFS_INODE. */
struct dfs_akeys {
	struct dfs_akey *v;
	uint32_t nr;
	uint32_t cap;
};

/** With @values their values too. */
int dfs_akeys_load(struct cl_stream *s, struct cl_obj *dir, const char *name, bool values,
		   struct dfs_akeys *ret_keys);
void dfs_akeys_free(struct cl_stream *s, struct dfs_akeys *keys);

/** Write an entry whole: @cond is DAOS_COND_DKEY_INSERT or _UPDATE; akeys of @old (may be NULL)
 * that @keys does not have are punched. Atomic, unless there are more akeys than a message takes.
 * Errors: -DER_EXIST, -DER_NONEXIST. */
int dfs_entry_replace(struct cl_stream *s, struct cl_obj *dir, const char *name, uint64_t cond,
		      const struct dfs_inode *in, const struct dfs_akeys *keys,
		      const struct dfs_akeys *old);

/* ---- mounts and handles --------------------------------------------------------------------- */

struct dfs_obj {
	struct oid oid;
	uint32_t mode;
	int flags;			/**< O_ACCMODE and O_APPEND */
	uint64_t chunk_bytes;
	uint32_t oclass;
	struct cl_obj *oh;		/**< counted; NULL for symbolic links */
	struct cl_array *array;		/**< counted; files */
	char *value;			/**< symbolic links; process's memory */
	daos_handle_t array_hdl;	/* under the lock: handle given out by dfs_get_file_oh() */
	struct dfs_link link;		/* under the lock: renames change it */
};

struct dfs {
	struct cl_cont *cont;		/**< counted */
	struct cl_obj *sb;
	daos_handle_t poh;
	daos_handle_t coh;
	bool own_handles;		/**< of dfs_connect(): closed with the mount */
	bool rdonly;
	int flags;			/**< as mounted */
	uint64_t id;
	uint64_t chunk_bytes;
	uint32_t oclass;
	uint32_t dir_oclass;
	uint32_t file_oclass;
	uint32_t mode;			/**< DFS_RELAXED or DFS_BALANCED, as created */
	char hints[DAOS_CONT_HINT_MAX_LEN];
	char *prefix;			/* under the lock; NULL: none */
	struct dfs_obj root;
};

static inline int dfs_errno(int rc)
{
	return rc < 0 ? err_to_errno(rc) : rc;
}

/** Arguments of all public calls; each uses its own. */
struct dfs_args {
	struct dfs *dfs;
	struct dfs_obj *obj;
	struct dfs_obj *obj2;
	struct dfs_obj **ret_obj;
	const char *name;
	const char *name2;
	const char *value;
	void *buf;
	d_sg_list_t *sgl;
	dfs_iod_t *iod;
	uint64_t *size;
	struct stat *st;
	mode_t *ret_mode;
	daos_obj_id_t *oid;
	uint64_t off;
	uint64_t len;
	int flags;
	uint32_t mode;
	uint32_t cid;
	uint32_t id[2];
};

static_assert(sizeof(struct dfs_args) <= CL_ARGS_MAX, "arguments fit a task");

/** Run @fn, which returns an errno, at once or with @ev. Returns an errno. */
int dfs_call(cl_fn fn, const struct dfs_args *args, daos_event_t *ev);

/** The directory that @parent stands for, NULL being the root. Errors: ENOTDIR. */
int dfs_parent(struct dfs *dfs, struct dfs_obj *parent, struct dfs_obj **ret_parent);

/** Errors: EINVAL (NULL, empty, too long, '/' inside), ENOTSUP ("." and ".."). */
int dfs_name_check(const char *name);

/** A handle; with a symbolic link @value, which it takes, also when it fails. Errors: -DER_NOMEM,
 * EPERM (access that the mount does not give). Blocks: no. */
int dfs_obj_make(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in,
		 const struct dfs_link *link, int flags, char *value, struct dfs_obj **ret_obj);

/** Drop what a handle holds, and (free) the handle. NULL is accepted. Blocks: no. */
void dfs_obj_drop(struct process *p, struct dfs_obj *obj);
void dfs_obj_free(struct process *p, struct dfs_obj *obj);

/** The storage object of a file, directory or link, for a moment: cl_put(). */
int dfs_cl_open(struct cl_stream *s, struct dfs *dfs, struct oid oid, struct cl_obj **ret_o);

/** A new object id. @cid: 0 lets class and type decide. */
int dfs_oid_make(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *parent, uint32_t mode,
		 uint32_t cid, struct oid *ret_oid);

/** Inode of something new in @parent; @cid, @chunk_bytes: 0 inherits. */
int dfs_inode_make(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *parent, uint32_t mode,
		   uint32_t cid, uint64_t chunk_bytes, struct dfs_inode *ret_in);

void dfs_link_set(struct dfs_link *link, struct oid parent, const char *name);

/** Copies of what may change under a handle. */
void dfs_obj_link(struct process *p, struct dfs_obj *obj, struct dfs_link *ret_link);

/** Something found by name. */
struct dfs_found {
	struct dfs_inode inode;
	struct dfs_link link;
	char *value;		/**< of a link not followed; process's memory, or NULL */
};

/** Resolve @path from directory @from on; @flags: O_NOFOLLOW. Errors: -DER_NONEXIST, ELOOP. */
int dfs_walk(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *from, const char *path,
	     int flags, struct dfs_found *ret_found);

/** The entry of an open object: @ret_dir (cl_put()) and the link say where it is now, after renames
 * too. Errors: -DER_NONEXIST (unlinked). */
int dfs_obj_entry(struct cl_stream *s, struct dfs *dfs, struct dfs_obj *obj,
		  struct cl_obj **ret_dir, struct dfs_link *ret_link, struct dfs_inode *ret_in);

/** Status of what an inode says. @array: of an open file, else NULL. */
int dfs_inode_stat(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in,
		   struct cl_array *array, struct stat *ret_st);

/** Make a file @bytes long. */
int dfs_file_truncate(struct cl_stream *s, struct dfs_obj *obj, uint64_t bytes,
		      const struct dfs_inode *in);

/** Errors: ENOTEMPTY. */
int dfs_dir_empty(struct cl_stream *s, struct cl_obj *dir);

/** Punch what an entry stood for. */
int dfs_oid_punch(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in);

/** Hints of a class, "file:max,dir:single", for entries of type @mode: a DAOS_OCH_SHD_* or 0.
 * Errors: EINVAL. Blocks: no. */
int dfs_hints_parse(const char *hints, uint32_t mode, uint32_t *ret_shd);

/** Are the ranges free of overlap? Errors: EINVAL, -DER_NOMEM. Blocks: no. */
int dfs_ranges_check(struct rt *rt, uint64_t nr, const daos_range_t *ranges);

#endif

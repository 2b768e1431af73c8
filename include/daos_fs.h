/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A POSIX file system in a container: directories are objects, files are byte arrays.
 *
 * Functions return 0 or a positive errno, unlike the rest of the API. A mount (dfs_t) may be used
 * by several threads at once, a handle of an open object (dfs_obj_t) too. @parent NULL is the root
 * directory; @name is one component of at most DFS_MAX_NAME bytes without '/', a @path begins at
 * the root with '/'. There is no current directory, no permission check except dfs_access(), and no
 * counted link. Calls with an event (daos_event.h) return wrong arguments at once and put all other
 * errors, as positive errno, into ev_error.
 *
 * Any call may return EINVAL, ENOMEM, EIO, ENOENT, EPERM (mounted read only), ENOTDIR, ETIMEDOUT.
 */
#ifndef DAOS_FS_H
#define DAOS_FS_H

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include <daos_types.h>
#include <daos_obj.h>
#include <daos_obj_class.h>
#include <daos_array.h>
#include <daos_cont.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest component and path, largest file. */
#define DFS_MAX_NAME		NAME_MAX
#define DFS_MAX_PATH		PATH_MAX
#define DFS_MAX_FSIZE		(~0ULL)

/** Longest name and largest value of an extended attribute. */
#define DFS_MAX_XATTR_NAME	255
#define DFS_MAX_XATTR_LEN	65536

/** Bytes of a chunk, the unit that is spread over targets, if nothing else is said. */
#define DFS_DEFAULT_CHUNK_SIZE	1048576

/** f_type of a mounted file system in statfs(). */
#define DAOS_SUPER_MAGIC	0xDA05AD10

/** Mount flags: access, and what concurrent writers in several processes may expect. */
#define DFS_RDONLY		O_RDONLY
#define DFS_RDWR		O_RDWR
/** they do not conflict: no transactions */
#define DFS_RELAXED		0
/** name space operations are atomic */
#define DFS_BALANCED		4

/** Bytes of daos_attr hints, terminator included. */
#define DAOS_CONT_HINT_MAX_LEN	128

/** An open file, directory or symbolic link. */
typedef struct dfs_obj dfs_obj_t;
/** A mounted file system. */
typedef struct dfs dfs_t;

/** Attributes of the file system in a container; zeroed members mean defaults. */
typedef struct {
	/** any number of the creator's */
	uint64_t		 da_id;
	/** chunk size of files, bytes */
	daos_size_t		 da_chunk_size;
	/** class of files and directories */
	daos_oclass_id_t	 da_oclass_id;
	/** properties of the container; still the caller's afterwards */
	daos_prop_t		*da_props;
	/** DFS_RELAXED or DFS_BALANCED */
	uint32_t		 da_mode;
	/** class of directories and of files, stronger than @da_oclass_id */
	daos_oclass_id_t	 da_dir_oclass_id;
	daos_oclass_id_t	 da_file_oclass_id;
	/** "file:single,dir:max": choose classes by intent */
	char			 da_hints[DAOS_CONT_HINT_MAX_LEN];
} dfs_attr_t;

/** Ranges of a file, in bytes. */
typedef struct {
	daos_size_t	 iod_nr;
	daos_range_t	*iod_rgs;
} dfs_iod_t;

/** What an open object is made of. */
typedef struct {
	daos_oclass_id_t	doi_oclass_id;
	daos_size_t		doi_chunk_size;
	/** directory: classes that new entries get */
	daos_oclass_id_t	doi_dir_oclass_id;
	daos_oclass_id_t	doi_file_oclass_id;
	daos_obj_id_t		doi_oid;
} dfs_obj_info_t;

/**
 * Start and stop the library with the cache of connections that dfs_connect() uses; includes
 * daos_init() and daos_fini(). Calls nest.
 */
int dfs_init(void);
int dfs_fini(void);

/**
 * Connect to a pool, open a container and mount it, sharing connections between calls. @flags as in
 * dfs_mount(); with O_CREAT, and @attr or NULL, a container that does not exist is created.
 * Undo it with dfs_disconnect().
 */
int dfs_connect(const char *pool, const char *sys, const char *cont, int flags, dfs_attr_t *attr,
		dfs_t **dfs);
int dfs_disconnect(dfs_t *dfs);

/** Mount the snapshot @epoch, or called @name, read only. */
int dfs_connect_snap(const char *pool, const char *sys, const char *cont, int flags,
		     daos_epoch_t epoch, const char *name, dfs_t **dfs);

/** Destroy a container that dfs_connect() created. */
int dfs_destroy(const char *pool, const char *sys, const char *cont, int force, daos_event_t *ev);

/**
 * Create a container with an empty file system. @uuid, @coh, @dfs: NULL, or get its UUID, an open
 * handle, a mount.
 * Errors: EEXIST.
 */
int dfs_cont_create(daos_handle_t poh, uuid_t *uuid, dfs_attr_t *attr, daos_handle_t *coh,
		    dfs_t **dfs);
int dfs_cont_create_with_label(daos_handle_t poh, const char *label, dfs_attr_t *attr, uuid_t *uuid,
			       daos_handle_t *coh, dfs_t **dfs);

/** Change the owner of container, and root directory, by name and number. */
int dfs_cont_set_owner(daos_handle_t coh, d_string_t user, uid_t uid, d_string_t group, gid_t gid);

/**
 * Mount the file system of an open container. @flags: DFS_RDONLY or DFS_RDWR, and DFS_BALANCED.
 * @poh and @coh must stay open until dfs_umount().
 * Errors: EINVAL (the container holds something else).
 */
int dfs_mount(daos_handle_t poh, daos_handle_t coh, int flags, dfs_t **dfs);
int dfs_mount_snap(daos_handle_t poh, daos_handle_t coh, int flags, daos_epoch_t epoch,
		   const char *name, dfs_t **dfs);

/** Unmount. Open objects become useless, but are still to be released.  Errors: EBUSY. */
int dfs_umount(dfs_t *dfs);

/** Attributes given when the file system was created. */
int dfs_query(dfs_t *dfs, dfs_attr_t *attr);

/** Borrow, and return, the handles behind a mount. */
int dfs_pool_get(dfs_t *dfs, daos_handle_t *poh);
int dfs_pool_put(dfs_t *dfs, daos_handle_t poh);
int dfs_cont_get(dfs_t *dfs, daos_handle_t *coh);
int dfs_cont_put(dfs_t *dfs, daos_handle_t coh);

/**
 * Make a mount, or an open object, usable in another process. With glob->iov_buf NULL only
 * iov_buf_len is set. The "_all" forms carry pool and container along.
 * Errors: EINVAL, EOVERFLOW (iov_buf_len has the size needed).
 */
int dfs_local2global(dfs_t *dfs, d_iov_t *glob);
int dfs_local2global_all(dfs_t *dfs, d_iov_t *glob);
int dfs_obj_local2global(dfs_t *dfs, dfs_obj_t *obj, d_iov_t *glob);

/** Make what another process passed on usable in this one. @flags 0: as in the other one. */
int dfs_global2local(daos_handle_t poh, daos_handle_t coh, int flags, d_iov_t glob, dfs_t **dfs);
int dfs_global2local_all(int flags, d_iov_t glob, dfs_t **dfs);
int dfs_obj_global2local(dfs_t *dfs, int flags, d_iov_t glob, dfs_obj_t **obj);

/** Let paths given to dfs_lookup() begin with @prefix, which is removed; NULL: not any more. */
int dfs_set_prefix(dfs_t *dfs, const char *prefix);

/** Class that hints, in the form of da_hints, would choose. */
int dfs_suggest_oclass(dfs_t *dfs, const char *hint, daos_oclass_id_t *cid);

/**
 * Open what is at @path. @flags: O_RDONLY, O_WRONLY, O_RDWR, O_NOFOLLOW. @mode and @stbuf: NULL, or
 * get mode bits and status. Release with dfs_release().
 * Errors: ENOENT, ENOTDIR, ELOOP.
 */
int dfs_lookup(dfs_t *dfs, const char *path, int flags, dfs_obj_t **obj, mode_t *mode,
	       struct stat *stbuf);

/** Open an entry of a directory; a symbolic link itself with O_NOFOLLOW. */
int dfs_lookup_rel(dfs_t *dfs, dfs_obj_t *parent, const char *name, int flags, dfs_obj_t **obj,
		   mode_t *mode, struct stat *stbuf);

/**
 * Open or create an entry of a directory.
 * @mode: type (S_IFREG, S_IFDIR, S_IFLNK) and permissions. @flags: access and O_CREAT, O_EXCL,
 * O_TRUNC. @cid and @chunk_size: 0 to inherit. @value: target of a symbolic link.
 * Errors: EEXIST, ENOENT, EINVAL or ENOTDIR (entry of another type).
 */
int dfs_open(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, int flags,
	     daos_oclass_id_t cid, daos_size_t chunk_size, const char *value, dfs_obj_t **obj);

/** A second handle of an open object, with other @flags. */
int dfs_dup(dfs_t *dfs, dfs_obj_t *obj, int flags, dfs_obj_t **new_obj);

/** Close an object. */
int dfs_release(dfs_obj_t *obj);

/**
 * Read at @off into @sgl. *read_size is short at the end of the file; holes read as zeros.
 * Errors: EBADF or EPERM (not open for reading), EIO (corrupt data).
 */
int dfs_read(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_size_t *read_size,
	     daos_event_t *ev);

/** Read several ranges, which may not overlap, one after the other into @sgl. */
int dfs_readx(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_size_t *read_size,
	      daos_event_t *ev);

/** Write @sgl at @off, all of it.  Errors: EPERM, ENOSPC. */
int dfs_write(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_event_t *ev);

/** Write several ranges, which may not overlap, one after the other from @sgl. */
int dfs_writex(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev);

/** Size of a file in bytes. */
int dfs_get_size(dfs_t *dfs, dfs_obj_t *obj, daos_size_t *size);
int dfs_get_size_by_oid(dfs_t *dfs, daos_obj_id_t oid, daos_size_t chunk_size, daos_size_t *size);

/**
 * Make a hole of @len bytes at @offset. If it reaches the end of the file (DFS_MAX_FSIZE always
 * does), the file ends at @offset; beyond the end it does nothing, except that with DFS_MAX_FSIZE
 * the file grows.
 */
int dfs_punch(dfs_t *dfs, dfs_obj_t *obj, daos_off_t offset, daos_size_t len);

/**
 * List up to *nr names of a directory; *nr gets how many. Continue with the same @anchor until
 * daos_anchor_is_eof(). Only d_name is filled in.
 */
int dfs_readdir(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr,
		struct dirent *dirs);

/** The same with the status of each entry. */
int dfs_readdirplus(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr,
		    struct dirent *dirs, struct stat *stbufs);

/** Called per entry; not 0 stops. */
typedef int (*dfs_filler_cb_t)(dfs_t *dfs, dfs_obj_t *obj, const char name[], void *arg);

/** List at most *nr names with at most @size bytes, calling @op for each. */
int dfs_iterate(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, size_t size,
		dfs_filler_cb_t op, void *arg);

/** Divide a listing among several anchors, as daos_obj_anchor_split() does. */
int dfs_obj_anchor_split(dfs_obj_t *obj, uint32_t *nr, daos_anchor_t *anchors);
int dfs_obj_anchor_set(dfs_obj_t *obj, uint32_t index, daos_anchor_t *anchor);

/** Let @anchor continue after the entry @name. */
int dfs_dir_anchor_set(dfs_obj_t *obj, const char *name, daos_anchor_t *anchor);

/** Create a directory. @cid: 0 to inherit.  Errors: EEXIST. */
int dfs_mkdir(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, daos_oclass_id_t cid);

/**
 * Remove an entry. @force: a directory with everything in it. @oid: NULL, or gets what it was.
 * Errors: ENOENT, ENOTEMPTY.
 */
int dfs_remove(dfs_t *dfs, dfs_obj_t *parent, const char *name, bool force, daos_obj_id_t *oid);

/**
 * Rename, replacing what is at the new name. @oid: NULL, or gets what was replaced.
 * Errors: ENOENT, ENOTEMPTY, EINVAL (a directory into itself), EISDIR, ENOTDIR.
 */
int dfs_move(dfs_t *dfs, dfs_obj_t *parent, const char *name, dfs_obj_t *new_parent,
	     const char *new_name, daos_obj_id_t *oid);

/** Swap two entries. */
int dfs_exchange(dfs_t *dfs, dfs_obj_t *parent1, const char *name1, dfs_obj_t *parent2,
		 const char *name2);

/** Identifier, mode, chunk size, array handle (borrowed), classes of an open object. */
int dfs_obj2id(dfs_obj_t *obj, daos_obj_id_t *oid);
int dfs_get_mode(dfs_obj_t *obj, mode_t *mode);
int dfs_get_chunk_size(dfs_obj_t *obj, daos_size_t *chunk_size);
int dfs_get_file_oh(dfs_obj_t *obj, daos_handle_t *oh);
int dfs_obj_get_info(dfs_t *dfs, dfs_obj_t *obj, dfs_obj_info_t *info);

/** Class and chunk size that new entries of a directory get. @flags is 0. */
int dfs_obj_set_oclass(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_oclass_id_t cid);
int dfs_obj_set_chunk_size(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_size_t csize);

/** Target of a symbolic link, cut at *size, which gets its length with terminator. */
int dfs_get_symlink_value(dfs_obj_t *obj, char *buf, daos_size_t *size);

/** Tell an open object that it moved into the directory of @src_obj under @name. */
int dfs_update_parent(dfs_obj_t *obj, dfs_obj_t *src_obj, const char *name);

/** Status of an entry, symbolic links not followed, and of an open object. */
int dfs_stat(dfs_t *dfs, dfs_obj_t *parent, const char *name, struct stat *stbuf);
int dfs_ostat(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf);

/** Members of a struct stat for dfs_osetattr(). */
#define DFS_SET_ATTR_MODE	(1 << 0)
#define DFS_SET_ATTR_ATIME	(1 << 1)
#define DFS_SET_ATTR_MTIME	(1 << 2)
#define DFS_SET_ATTR_SIZE	(1 << 3)
#define DFS_SET_ATTR_UID	(1 << 4)
#define DFS_SET_ATTR_GID	(1 << 5)

/** Change members of the status; @stbuf gets the whole status back. */
int dfs_osetattr(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf, int flags);

/** May this process, by its uid and gids, use the entry? @mask: F_OK, R_OK, W_OK, X_OK. */
int dfs_access(dfs_t *dfs, dfs_obj_t *parent, const char *name, int mask);

int dfs_chmod(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode);

/** Change owner and group, -1 leaves one alone. @flags: O_NOFOLLOW. */
int dfs_chown(dfs_t *dfs, dfs_obj_t *parent, const char *name, uid_t uid, gid_t gid, int flags);

/** Writes are durable when they return, so this only waits for writes in flight. */
int dfs_sync(dfs_t *dfs);

/** Extended attributes. @flags: XATTR_CREATE, XATTR_REPLACE.  Errors: ENODATA, EEXIST, E2BIG. */
int dfs_setxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, const void *value, daos_size_t size,
		 int flags);
/** @size: room at @value, which may be NULL, then the bytes of the value. */
int dfs_getxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, void *value, daos_size_t *size);
int dfs_removexattr(dfs_t *dfs, dfs_obj_t *obj, const char *name);
/** Names with their terminators. @size: room at @list, then the bytes of all names. */
int dfs_listxattr(dfs_t *dfs, dfs_obj_t *obj, char *list, daos_size_t *size);

/** What dfs_cont_check() does with objects that no directory names. */
enum {
	DFS_CHECK_PRINT		= 1 << 0,
	DFS_CHECK_REMOVE	= 1 << 1,
	/** enter them into lost+found */
	DFS_CHECK_RELINK	= 1 << 2,
	/** compare replicas of every object too */
	DFS_CHECK_VERIFY	= 1 << 3,
	/** close everybody's handles first */
	DFS_CHECK_EVICT_ALL	= 1 << 4,
};

/** Find lost objects. @name: directory in lost+found, NULL for the time.  Errors: EBUSY. */
int dfs_cont_check(daos_handle_t poh, const char *cont, uint64_t flags, const char *name);

/** Print what is in a container, from the directory @name on, NULL for the root. */
int dfs_cont_scan(daos_handle_t poh, const char *cont, uint64_t flags, const char *name);

/** Conditions of a filtered listing. */
enum {
	DFS_FILTER_NAME		= 1 << 1,
	DFS_FILTER_NEWER	= 1 << 2,
	DFS_FILTER_INCLUDE_DIRS	= 1 << 3,
};

typedef struct dfs_pipeline dfs_pipeline_t;

typedef struct {
	/** pattern with '%' and '_' as wild cards */
	char	dp_name[DFS_MAX_NAME];
	/** changed after this */
	time_t	dp_newer;
	size_t	dp_size;
} dfs_predicate_t;

/** A filter that is evaluated by the servers. */
int dfs_pipeline_create(dfs_t *dfs, dfs_predicate_t pred, uint64_t flags, dfs_pipeline_t **dpipe);
int dfs_pipeline_destroy(dfs_pipeline_t *dpipe);

/** Like dfs_readdir(), of what passes. @oids and @csizes may be NULL. */
int dfs_readdir_with_filter(dfs_t *dfs, dfs_obj_t *obj, dfs_pipeline_t *dpipe,
			    daos_anchor_t *anchor, uint32_t *nr, struct dirent *dirs,
			    daos_obj_id_t *oids, daos_size_t *csizes, uint64_t *nr_scanned);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_FS_H */

/**
 * The superblock of a file system, and how a mount is made of it.
 */
#ifndef GEMEL_DFS_SB_H
#define GEMEL_DFS_SB_H

#include "core/dfs/dfs_int.h"

/** What a file system was created with; 0 leaves a class to the library. */
struct dfs_sb {
	uint64_t chunk_bytes;
	uint32_t oclass;
	uint32_t dir_oclass;
	uint32_t file_oclass;
	uint32_t mode;			/**< DFS_RELAXED or DFS_BALANCED */
	char hints[DAOS_CONT_HINT_MAX_LEN];
};

/** Errors: -DER_EXIST. Blocks: yes. */
int dfs_sb_write(struct cl_stream *s, struct cl_obj *sb, const struct dfs_sb *in);

/** Errors: -DER_NONEXIST, -DER_DF_INVAL, -DER_DF_INCOMPT (made by a newer version). Blocks: yes. */
int dfs_sb_read(struct cl_stream *s, struct cl_obj *sb, struct dfs_sb *ret_sb);

/** All that a mount is made of, known from the container or from another process. */
struct dfs_origin {
	struct oid sb_oid;
	struct oid root_oid;
	uint32_t root_mode;
	uint32_t root_oclass;
	uint64_t root_chunk_bytes;
	struct dfs_sb sb;
};

/** A mount of @cont, of which it takes a reference of its own. @flags as dfs_mount(). Blocks: no.
 * */
int dfs_make(struct process *p, struct cl_cont *cont, const struct dfs_origin *from, int flags,
	     struct dfs **ret_dfs);

/** NULL is accepted. Blocks: no. */
void dfs_free(struct process *p, struct dfs *dfs);

/** What dfs_make() would need to make it again. */
void dfs_origin_of(const struct dfs *dfs, struct dfs_origin *ret_from);

#endif

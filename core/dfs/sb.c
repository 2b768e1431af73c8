/*
 * The superblock: what a file system was created with, as single values under one dkey. The object
 * is found by the container's property ROOTS, which names it and the root directory; the entry "/"
 * in it is the root's.
 */
#include "core/dfs/dfs_int.h"
#include "core/dfs/sb.h"

#include <errno.h>

#define SB_MAGIC	0xda05df50da05df50ull
#define SB_VERSION	2u
#define SB_LAYOUT	3u

enum { SB_KEYS = 9, SB_HINTS = 8 };

/* The values in the form that is stored. */
struct sb_io {
	daos_key_t dkey;
	daos_iod_t iods[SB_KEYS];
	d_sg_list_t sgls[SB_KEYS];
	d_iov_t iovs[SB_KEYS];
	uint64_t magic;
	uint64_t chunk_bytes;
	uint32_t oclass;
	uint32_t dir_oclass;
	uint32_t file_oclass;
	uint32_t mode;
	uint16_t version;
	uint16_t layout;
	char hints[DAOS_CONT_HINT_MAX_LEN];
};

static void sb_io_init(struct sb_io *io)
{
	const struct {
		const char *akey;
		void *val;
		size_t bytes;
	} table[SB_KEYS] = {
		{ "DFS_MAGIC", &io->magic, sizeof(io->magic) },
		{ "DFS_SB_VERSION", &io->version, sizeof(io->version) },
		{ "DFS_LAYOUT_VERSION", &io->layout, sizeof(io->layout) },
		{ "DFS_CHUNK_SIZE", &io->chunk_bytes, sizeof(io->chunk_bytes) },
		{ "DFS_OBJ_CLASS", &io->oclass, sizeof(io->oclass) },
		{ "DFS_DIR_OBJ_CLASS", &io->dir_oclass, sizeof(io->dir_oclass) },
		{ "DFS_FILE_OBJ_CLASS", &io->file_oclass, sizeof(io->file_oclass) },
		{ "DFS_MODE", &io->mode, sizeof(io->mode) },
		[SB_HINTS] = { "DFS_HINTS", io->hints, sizeof(io->hints) },
	};
	uint32_t i;

	d_iov_set(&io->dkey, (void *)(uintptr_t)DFS_SB_DKEY, sizeof(DFS_SB_DKEY) - 1);
	for (i = 0; i < SB_KEYS; i++) {
		io->iods[i] = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_nr = 1,
					    .iod_size = table[i].bytes };
		d_iov_set(&io->iods[i].iod_name, (void *)(uintptr_t)table[i].akey,
			  strlen(table[i].akey));
		d_iov_set(&io->iovs[i], table[i].val, table[i].bytes);
		io->sgls[i] = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iovs[i] };
	}
}

int dfs_sb_write(struct cl_stream *s, struct cl_obj *sb, const struct dfs_sb *in)
{
	struct sb_io *io = rt_alloc(s->rt, sizeof(*io));
	int rc;

	if (io == NULL)
		return -DER_NOMEM;
	sb_io_init(io);
	io->magic = SB_MAGIC;
	io->version = SB_VERSION;
	io->layout = SB_LAYOUT;
	io->chunk_bytes = in->chunk_bytes;
	io->oclass = in->oclass;
	io->dir_oclass = in->dir_oclass;
	io->file_oclass = in->file_oclass;
	io->mode = in->mode;
	memcpy(io->hints, in->hints, sizeof(io->hints));
	rc = cl_update(s, sb, DAOS_COND_DKEY_INSERT, &io->dkey, SB_KEYS, io->iods, io->sgls);
	rt_free(s->rt, io);
	return rc;
}

static int sb_check(const struct sb_io *io)
{
	if (io->iods[0].iod_size == 0)
		return -DER_NONEXIST;
	if (io->magic != SB_MAGIC)
		return -DER_DF_INVAL;
	if (io->version > SB_VERSION || io->layout > SB_LAYOUT)
		return -DER_DF_INCOMPT;
	if (io->chunk_bytes == 0 || memchr(io->hints, 0, sizeof(io->hints)) == NULL)
		return -DER_DF_INVAL;
	return 0;
}

int dfs_sb_read(struct cl_stream *s, struct cl_obj *sb, struct dfs_sb *ret_sb)
{
	struct sb_io *io = rt_alloc(s->rt, sizeof(*io));
	int rc;

	if (io == NULL)
		return -DER_NOMEM;
	sb_io_init(io);
	rc = cl_fetch(s, sb, DAOS_EPOCH_MAX, 0, &io->dkey, SB_KEYS, io->iods, io->sgls, NULL);
	if (rc == 0)
		rc = sb_check(io);
	if (rc == 0) {
		*ret_sb = (struct dfs_sb){
			.chunk_bytes = io->chunk_bytes,
			.oclass = io->oclass,
			.dir_oclass = io->dir_oclass,
			.file_oclass = io->file_oclass,
			.mode = io->mode,
		};
		memcpy(ret_sb->hints, io->hints, sizeof(io->hints));
	}
	rt_free(s->rt, io);
	return rc;
}

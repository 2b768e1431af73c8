/* Entries of directories: packing, and the calls that read and change one. */
#include "core/dfs/dfs_int.h"

#include <limits.h>

/* ---- packing -------------------------------------------------------------------------------- */

#define NS_PER_S 1000000000ull

/* Where the members of an inode are. */
enum {
	AT_MODE = 0,
	AT_OID = 4,
	AT_MTIME = 20,
	AT_CTIME = 28,
	AT_CHUNK = 36,
	AT_OCLASS = 44,
	AT_MTIME_NS = 48,
	AT_CTIME_NS = 56,
	AT_UID = 64,
	AT_GID = 68,
	AT_VALUE = 72,
	AT_HLC = 80,
	AT_FLAGS = 88,
};

static void put32(uint8_t *dst, uint32_t v)
{
	uint32_t i;

	for (i = 0; i < 4; i++)
		dst[i] = (uint8_t)(v >> 8 * i);
}

static void put64(uint8_t *dst, uint64_t v)
{
	put32(dst, (uint32_t)v);
	put32(dst + 4, (uint32_t)(v >> 32));
}

static uint32_t get32(const uint8_t *src)
{
	return (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 |
	       (uint32_t)src[3] << 24;
}

static uint64_t get64(const uint8_t *src)
{
	return get32(src) | (uint64_t)get32(src + 4) << 32;
}

void dfs_inode_encode(const struct dfs_inode *in, uint8_t *dst)
{
	put32(dst + AT_MODE, in->mode);
	put64(dst + AT_OID, in->oid.lo);
	put64(dst + AT_OID + 8, in->oid.hi);
	put64(dst + AT_MTIME, in->mtime_ns / NS_PER_S);
	put64(dst + AT_CTIME, in->ctime_ns / NS_PER_S);
	put64(dst + AT_CHUNK, in->chunk_bytes);
	put32(dst + AT_OCLASS, in->oclass);
	put64(dst + AT_MTIME_NS, in->mtime_ns % NS_PER_S);
	put64(dst + AT_CTIME_NS, in->ctime_ns % NS_PER_S);
	put32(dst + AT_UID, in->uid);
	put32(dst + AT_GID, in->gid);
	put64(dst + AT_VALUE, in->value_len);
	put64(dst + AT_HLC, in->hlc);
	put32(dst + AT_FLAGS, in->flags);
}

static int time_decode(const uint8_t *src, uint32_t at_s, uint32_t at_ns, uint64_t *ret_ns)
{
	uint64_t s = get64(src + at_s);
	uint64_t ns = get64(src + at_ns);

	if (ns >= NS_PER_S || s > UINT64_MAX / NS_PER_S - 1)
		return -DER_DF_INVAL;
	*ret_ns = s * NS_PER_S + ns;
	return 0;
}

int dfs_inode_decode(const uint8_t *src, struct dfs_inode *ret_in)
{
	struct dfs_inode in = {
		.mode = get32(src + AT_MODE),
		.oid = { .lo = get64(src + AT_OID), .hi = get64(src + AT_OID + 8) },
		.chunk_bytes = get64(src + AT_CHUNK),
		.oclass = get32(src + AT_OCLASS),
		.uid = get32(src + AT_UID),
		.gid = get32(src + AT_GID),
		.value_len = get64(src + AT_VALUE),
		.hlc = get64(src + AT_HLC),
		.flags = get32(src + AT_FLAGS),
	};
	int rc;

	rc = time_decode(src, AT_MTIME, AT_MTIME_NS, &in.mtime_ns);
	if (rc == 0)
		rc = time_decode(src, AT_CTIME, AT_CTIME_NS, &in.ctime_ns);
	if (rc == 0 && !S_ISREG(in.mode) && !S_ISDIR(in.mode) && !S_ISLNK(in.mode))
		rc = -DER_DF_INVAL;
	if (rc == 0 && S_ISREG(in.mode) && in.chunk_bytes == 0)
		rc = -DER_DF_INVAL;
	if (rc == 0 && in.value_len > PATH_MAX)
		rc = -DER_DF_INVAL;
	if (rc == 0)
		*ret_in = in;
	return rc;
}

/* ---- one entry ------------------------------------------------------------------------------ */

/* An update or fetch of an entry: inode and symbolic link. */
struct entry_io {
	daos_key_t dkey;
	daos_iod_t iods[2];
	d_sg_list_t sgls[2];
	d_iov_t iovs[2];
	daos_recx_t recx;
	uint8_t raw[DFS_INODE_BYTES];
};

static void key_set(daos_key_t *key, const char *str)
{
	d_iov_set(key, (void *)(uintptr_t)str, strlen(str));
}

static void entry_io_init(struct entry_io *io, const char *name)
{
	key_set(&io->dkey, name);
	io->recx = (daos_recx_t){ .rx_nr = DFS_INODE_BYTES };
	io->iods[0] = (daos_iod_t){ .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1,
				    .iod_recxs = &io->recx };
	key_set(&io->iods[0].iod_name, DFS_AKEY_INODE);
	d_iov_set(&io->iovs[0], io->raw, sizeof(io->raw));
	io->sgls[0] = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iovs[0] };
}

/* The second akey. */
static void entry_io_value(struct entry_io *io, const void *value, size_t len)
{
	io->iods[1] = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = len, .iod_nr = 1 };
	key_set(&io->iods[1].iod_name, DFS_AKEY_SLINK);
	d_iov_set(&io->iovs[1], (void *)(uintptr_t)value, len);
	io->sgls[1] = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iovs[1] };
}

int dfs_entry_fetch(struct cl_stream *s, struct cl_obj *dir, const char *name,
		    struct dfs_inode *ret_in)
{
	struct entry_io io;
	int rc;

	entry_io_init(&io, name);
	memset(io.raw, 0, sizeof(io.raw));
	rc = cl_fetch(s, dir, DAOS_EPOCH_MAX, 0, &io.dkey, 1, io.iods, io.sgls, NULL);
	if (rc == 0 && io.iods[0].iod_size == 0)
		rc = -DER_NONEXIST;
	return rc != 0 ? rc : dfs_inode_decode(io.raw, ret_in);
}

int dfs_entry_insert(struct cl_stream *s, struct cl_obj *dir, const char *name,
		     const struct dfs_inode *in, const char *value)
{
	struct entry_io io;

	entry_io_init(&io, name);
	dfs_inode_encode(in, io.raw);
	if (value != NULL)
		entry_io_value(&io, value, in->value_len);
	return cl_update(s, dir, DAOS_COND_DKEY_INSERT, &io.dkey, value != NULL ? 2 : 1, io.iods,
			 io.sgls);
}

int dfs_entry_update(struct cl_stream *s, struct cl_obj *dir, const char *name,
		     const struct dfs_inode *in, uint32_t fields)
{
	static const struct {
		uint32_t field;
		uint8_t at;
		uint8_t len;
	} table[] = {
		{ DFS_F_MODE, AT_MODE, 4 },	     { DFS_F_MTIME, AT_MTIME, 8 },
		{ DFS_F_CTIME, AT_CTIME, 8 },	     { DFS_F_CHUNK, AT_CHUNK, 8 },
		{ DFS_F_OCLASS, AT_OCLASS, 4 },	     { DFS_F_MTIME, AT_MTIME_NS, 8 },
		{ DFS_F_CTIME, AT_CTIME_NS, 8 },     { DFS_F_UID, AT_UID, 4 },
		{ DFS_F_GID, AT_GID, 4 },	     { DFS_F_MTIME, AT_HLC, 8 },
		{ DFS_F_FLAGS, AT_FLAGS, 4 },
	};
	daos_recx_t recxs[ARRAY_COUNT(table)];
	d_iov_t iovs[ARRAY_COUNT(table)];
	struct entry_io io;
	uint32_t nr = 0;
	size_t i;

	entry_io_init(&io, name);
	dfs_inode_encode(in, io.raw);
	for (i = 0; i < ARRAY_COUNT(table); i++) {
		if (!(fields & table[i].field))
			continue;
		recxs[nr] = (daos_recx_t){ .rx_idx = table[i].at, .rx_nr = table[i].len };
		d_iov_set(&iovs[nr], io.raw + table[i].at, table[i].len);
		nr++;
	}
	ASSERT(nr > 0);
	io.iods[0].iod_nr = nr;
	io.iods[0].iod_recxs = recxs;
	io.sgls[0] = (d_sg_list_t){ .sg_nr = nr, .sg_iovs = iovs };
	return cl_update(s, dir, DAOS_COND_DKEY_UPDATE, &io.dkey, 1, io.iods, io.sgls);
}

int dfs_entry_punch(struct cl_stream *s, struct cl_obj *dir, const char *name)
{
	daos_key_t dkey;

	key_set(&dkey, name);
	return cl_punch_dkeys(s, dir, DAOS_COND_PUNCH, 1, &dkey);
}

int dfs_entry_value(struct cl_stream *s, struct cl_obj *dir, const char *name, uint64_t len,
		    char **ret_value)
{
	char *value = process_alloc(s->proc, len + 1);
	struct entry_io io;
	int rc;

	if (value == NULL)
		return -DER_NOMEM;
	entry_io_init(&io, name);
	entry_io_value(&io, value, len);
	rc = cl_fetch(s, dir, DAOS_EPOCH_MAX, 0, &io.dkey, 1, &io.iods[1], &io.sgls[1], NULL);
	if (rc == 0 && (io.iods[1].iod_size != len || memchr(value, 0, len) != NULL))
		rc = -DER_STALE;	/* the entry changed in between */
	if (rc != 0) {
		process_free(s->proc, value);
		return rc;
	}
	*ret_value = value;
	return 0;
}

/* ---- an object's knowledge of its place ----------------------------------------------------- */

struct link_io {
	uint64_t dkey_val;
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	uint8_t raw[16 + DFS_MAX_NAME];
};

static void link_io_init(struct link_io *io, const struct cl_obj *self)
{
	io->dkey_val = 0;	/* of a file: the chunks are dkeys from 1 on */
	if (daos_is_dkey_uint64_type((enum daos_otype_t)self->attr.type))
		d_iov_set(&io->dkey, &io->dkey_val, sizeof(io->dkey_val));
	else
		key_set(&io->dkey, DFS_LINK_DKEY);
	io->iod = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(io->raw),
				.iod_nr = 1 };
	key_set(&io->iod.iod_name, DFS_AKEY_PARENT);
	d_iov_set(&io->iov, io->raw, sizeof(io->raw));
	io->sgl = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iov };
}

static void link_io_fill(struct link_io *io, const struct dfs_link *link)
{
	size_t len = strlen(link->name);

	put64(io->raw, link->parent.lo);
	put64(io->raw + 8, link->parent.hi);
	memcpy(io->raw + 16, link->name, len);
	io->iod.iod_size = 16 + len;
	d_iov_set(&io->iov, io->raw, 16 + len);
}

int dfs_link_fetch(struct cl_stream *s, struct cl_obj *self, struct dfs_link *ret_link)
{
	struct link_io io;
	size_t len;
	int rc;

	link_io_init(&io, self);
	rc = cl_fetch(s, self, DAOS_EPOCH_MAX, 0, &io.dkey, 1, &io.iod, &io.sgl, NULL);
	if (rc != 0)
		return rc;
	if (io.iod.iod_size == 0)
		return -DER_NONEXIST;
	if (io.iod.iod_size <= 16 || io.iod.iod_size > sizeof(io.raw))
		return -DER_DF_INVAL;
	len = io.iod.iod_size - 16;
	ret_link->parent = (struct oid){ .lo = get64(io.raw), .hi = get64(io.raw + 8) };
	memcpy(ret_link->name, io.raw + 16, len);
	ret_link->name[len] = 0;
	return 0;
}

int dfs_link_store(struct cl_stream *s, struct cl_obj *self, const struct dfs_link *link)
{
	struct link_io io;

	link_io_init(&io, self);
	link_io_fill(&io, link);
	return cl_update(s, self, 0, &io.dkey, 1, &io.iod, &io.sgl);
}

/* Both writes at once; when the name is taken, the object that nobody will know goes again. */
int dfs_entry_insert_dir(struct cl_stream *s, struct cl_obj *dir, const char *name,
			 const struct dfs_inode *in, struct cl_obj *self)
{
	struct cl_rw *entry = NULL;
	struct cl_rw *back = NULL;
	struct dfs_link link;
	struct entry_io io;
	struct link_io lio;
	struct rpc_group g;
	int rc;
	int rc2;

	entry_io_init(&io, name);
	dfs_inode_encode(in, io.raw);
	dfs_link_set(&link, dir->oid, name);
	link_io_init(&lio, self);
	link_io_fill(&lio, &link);
	rpc_group_init(&g, s->rpc);
	rc2 = cl_update_start(s, &g, self, 0, &lio.dkey, 1, &lio.iod, &lio.sgl, &back);
	rc = rc2 != 0 ? rc2
		      : cl_update_start(s, &g, dir, DAOS_COND_DKEY_INSERT, &io.dkey, 1, io.iods,
					io.sgls, &entry);
	(void)rpc_group_wait(&g);	/* each call has its own result */
	if (back != NULL)
		rc2 = cl_rw_end(s, back);
	if (entry != NULL)
		rc = cl_rw_end(s, entry);
	if (rc == 0 && rc2 != 0) {
		(void)dfs_entry_punch(s, dir, name);	/* the first error is what counts */
		rc = rc2;
	}
	if (rc != 0)
		(void)cl_punch_obj(s, self, 0);
	return rc;
}

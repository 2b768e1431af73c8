/** What tests of dfs over a whole system share: a mounted file system, and checks of errno. */
#ifndef GEMEL_TESTS_UNIT_DFS_BED_H
#define GEMEL_TESTS_UNIT_DFS_BED_H

#include <errno.h>

#include "core/dfs/dfs_int.h"
#include "tests/unit/stack_bed.h"

#define CHECK_E(call, want)                                                                        \
	do {                                                                                       \
		int e_ = (call);                                                                   \
		if (e_ != (want)) {                                                                \
			fprintf(stderr, "%s:%d: %s: %d (%s), expected %d\n", __FILE__, __LINE__,   \
				#call, e_, strerror(e_), (want));                                  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The file system of the test that runs. */
static dfs_t *fs;
static daos_handle_t fs_poh;
static daos_handle_t fs_coh;

static inline void fs_open(dfs_attr_t *attr)
{
	CHECK_RC(daos_pool_connect2(BED_POOL, BED_SYSTEM, DAOS_PC_RW, &fs_poh, NULL, NULL), 0);
	CHECK_E(dfs_cont_create_with_label(fs_poh, "fs", attr, NULL, &fs_coh, &fs), 0);
}

static inline void fs_close(void)
{
	CHECK_E(dfs_umount(fs), 0);
	CHECK_RC(daos_cont_close(fs_coh, NULL), 0);
	CHECK_RC(daos_pool_disconnect(fs_poh, NULL), 0);
	fs = NULL;
}

static inline dfs_obj_t *create(dfs_obj_t *dir, const char *name)
{
	dfs_obj_t *obj;

	CHECK_E(dfs_open(fs, dir, name, S_IFREG | 0644, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL,
			 &obj),
		0);
	return obj;
}

static inline dfs_obj_t *mkdir_open(dfs_obj_t *dir, const char *name)
{
	dfs_obj_t *obj;

	CHECK_E(dfs_mkdir(fs, dir, name, 0755, 0), 0);
	CHECK_E(dfs_lookup_rel(fs, dir, name, O_RDWR, &obj, NULL, NULL), 0);
	return obj;
}

static inline void touch(dfs_obj_t *dir, const char *name)
{
	CHECK_E(dfs_release(create(dir, name)), 0);
}

static inline void symlink_to(dfs_obj_t *dir, const char *name, const char *target)
{
	dfs_obj_t *obj;

	CHECK_E(dfs_open(fs, dir, name, S_IFLNK | 0777, O_RDWR | O_CREAT | O_EXCL, 0, 0, target,
			 &obj),
		0);
	CHECK_E(dfs_release(obj), 0);
}

static inline int put_at(dfs_obj_t *obj, const void *v, size_t bytes, uint64_t off)
{
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };

	d_iov_set(&iov, (void *)(uintptr_t)v, bytes);
	return dfs_write(fs, obj, &sgl, off, NULL);
}

/* Bytes read, or the negated errno. */
static inline long get_at(dfs_obj_t *obj, void *v, size_t bytes, uint64_t off)
{
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_size_t got = 0;
	int rc;

	d_iov_set(&iov, v, bytes);
	rc = dfs_read(fs, obj, &sgl, off, &got, NULL);
	return rc != 0 ? -rc : (long)got;
}

static inline uint64_t size_of(dfs_obj_t *obj)
{
	daos_size_t size;

	CHECK_E(dfs_get_size(fs, obj, &size), 0);
	return size;
}

static inline int exists(dfs_obj_t *dir, const char *name)
{
	struct stat st;

	return dfs_stat(fs, dir, name, &st);
}

/* Number of what is at @path. */
static inline int find(const char *path, int flags, ino_t *ret_ino)
{
	struct stat st;
	dfs_obj_t *obj;
	int rc = dfs_lookup(fs, path, flags, &obj, NULL, &st);

	if (rc != 0)
		return rc;
	*ret_ino = st.st_ino;
	return dfs_release(obj);
}

/* Run scripts at the same time, on ULTs of the main stream, until all are done. */
struct racer {
	struct bed *b;
	void (*fn)(struct racer *r);
	uint32_t idx;
	uint32_t *running;
	int rc;
};

static inline void racer_run(void *arg)
{
	struct racer *r = arg;

	r->fn(r);
	--*r->running;
}

static inline uint32_t race(struct bed *b, void (*fn)(struct racer *r), struct racer *v,
			    uint32_t nr)
{
	struct ult_opts opts = { .name = "racer" };
	struct rt *rt = bed_main(b)->rt;
	uint32_t running = nr;
	uint32_t won = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		v[i] = (struct racer){ .b = b, .fn = fn, .idx = i, .running = &running, .rc = -1 };
		CHECK_RC(rt_spawn(rt, racer_run, &v[i], &opts), 0);
	}
	while (running > 0)
		rt_sleep_ns(rt, 1000000);
	for (i = 0; i < nr; i++)
		won += v[i].rc == 0;
	return won;
}

#endif

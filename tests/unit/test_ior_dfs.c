/*
 * ior's DFS side over a stand-in for libdaos and libdfs that counts handles and lets any single
 * call fail: whatever fails, on whichever rank, all ranks end, say why, and leave nothing open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <daos.h>
#include <daos_fs.h>

#include "workloads/common/wl_launch.h"
#include "workloads/ior/aiori.h"

#define FILE_BYTES (4u << 20)

struct dfs {
	int dummy;
};

struct dfs_obj {
	bool dir;
};

/** The one system: a pool "tank", a container, a directory "d", a file. */
static struct {
	pthread_mutex_t lock;
	int inits, pools, conts, mounts, objs;	/* open now */
	int creates, destroys, syncs, passes;
	bool cont_there;
	bool file_there;
	char cont[32];
	char file[32];
	char prefix[32];
	uint32_t chunk;
	uint32_t oclass;
	uint64_t size;
	uint8_t data[FILE_BYTES];
	uint64_t calls;
	uint64_t fail_at;	/* the call that fails; 0: none */
	char err[4096];
} sys;

static void sys_reset(void)
{
	memset(&sys, 0, sizeof(sys));
	(void)pthread_mutex_init(&sys.lock, NULL);
}

/* Take part in the count of calls: true when this one is to fail. */
static bool fails(void)
{
	bool f;

	(void)pthread_mutex_lock(&sys.lock);
	f = ++sys.calls == sys.fail_at;
	(void)pthread_mutex_unlock(&sys.lock);
	return f;
}

static void add(int *counter, int by)
{
	(void)pthread_mutex_lock(&sys.lock);
	*counter += by;
	(void)pthread_mutex_unlock(&sys.lock);
}

/* What a call returns and counts when it opens (+1) something. */
static int opens(int *counter, int error)
{
	if (fails())
		return error;
	add(counter, 1);
	return 0;
}

static int closes(int *counter)
{
	add(counter, -1);
	assert_true(*counter >= 0);
	return 0;
}

/* ---- libdaos ------------------------------------------------------------------------------ */

int daos_init(void)
{
	return opens(&sys.inits, -DER_NOMEM);
}

int daos_fini(void)
{
	return closes(&sys.inits);
}

int daos_pool_connect(const char *pool, const char *sysname, unsigned int flags, daos_handle_t *poh,
		      daos_pool_info_t *info, daos_event_t *ev)
{
	assert_null(sysname);
	assert_null(info);
	assert_null(ev);
	assert_int_equal(flags, DAOS_PC_RW);
	if (strcmp(pool, "tank") != 0)
		return -DER_NONEXIST;
	poh->cookie = 11;
	return opens(&sys.pools, -DER_UNREACH);
}

int daos_pool_disconnect(daos_handle_t poh, daos_event_t *ev)
{
	assert_int_equal(poh.cookie, 11);
	assert_null(ev);
	return closes(&sys.pools);
}

static int to_global(d_iov_t *glob, uint64_t what)
{
	if (fails())
		return -DER_NOMEM;
	if (glob->iov_buf == NULL) {
		glob->iov_buf_len = 5000;
		return 0;
	}
	assert_int_equal(glob->iov_buf_len, 5000);
	memcpy((uint8_t *)glob->iov_buf + 4992, &what, sizeof(what));
	return 0;
}

static uint64_t from_global(d_iov_t glob)
{
	uint64_t what;

	assert_int_equal(glob.iov_buf_len, 5000);
	memcpy(&what, (uint8_t *)glob.iov_buf + 4992, sizeof(what));
	add(&sys.passes, 1);
	return what;
}

int daos_pool_local2global(daos_handle_t poh, d_iov_t *glob)
{
	return to_global(glob, poh.cookie);
}

int daos_pool_global2local(d_iov_t glob, daos_handle_t *poh)
{
	poh->cookie = from_global(glob);
	return opens(&sys.pools, -DER_NO_HDL);
}

int daos_pool_query(daos_handle_t poh, d_rank_list_t **ranks, daos_pool_info_t *info,
		    daos_prop_t *pool_prop, daos_event_t *ev)
{
	(void)poh;
	(void)ranks;
	(void)pool_prop;
	(void)ev;
	info->pi_space.ps_space.s_total[DAOS_MEDIA_NVME] = 1ull << 40;
	info->pi_space.ps_space.s_free[DAOS_MEDIA_NVME] = 1ull << 39;
	return 0;
}

int daos_cont_open(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh,
		   daos_cont_info_t *info, daos_event_t *ev)
{
	assert_int_equal(poh.cookie, 11);
	assert_int_equal(flags, DAOS_COO_RW);
	assert_null(info);
	assert_null(ev);
	if (!sys.cont_there || strcmp(cont, sys.cont) != 0)
		return -DER_NONEXIST;
	coh->cookie = 22;
	return opens(&sys.conts, -DER_NO_PERM);
}

int daos_cont_close(daos_handle_t coh, daos_event_t *ev)
{
	assert_int_equal(coh.cookie, 22);
	assert_null(ev);
	return closes(&sys.conts);
}

int daos_cont_destroy(daos_handle_t poh, const char *cont, int force, daos_event_t *ev)
{
	(void)poh;
	(void)force;
	(void)ev;
	assert_string_equal(cont, sys.cont);
	sys.cont_there = false;
	sys.destroys++;
	return 0;
}

int daos_cont_local2global(daos_handle_t coh, d_iov_t *glob)
{
	return to_global(glob, coh.cookie);
}

int daos_cont_global2local(daos_handle_t poh, d_iov_t glob, daos_handle_t *coh)
{
	assert_int_equal(poh.cookie, 11);
	coh->cookie = from_global(glob);
	return opens(&sys.conts, -DER_NO_HDL);
}

int daos_oclass_name2id(const char *name)
{
	return strcmp(name, "SX") == 0 ? 77 : OC_UNKNOWN;
}

/* ---- libdfs ------------------------------------------------------------------------------- */

static struct dfs mount_obj;
static struct dfs_obj file_obj, dir_obj = { .dir = true };

int dfs_cont_create_with_label(daos_handle_t poh, const char *label, dfs_attr_t *attr, uuid_t *uuid,
			       daos_handle_t *coh, dfs_t **dfs)
{
	assert_int_equal(poh.cookie, 11);
	assert_null(uuid);
	assert_null(dfs);
	if (fails())
		return ENOSPC;
	snprintf(sys.cont, sizeof(sys.cont), "%s", label);
	sys.cont_there = true;
	sys.creates++;
	sys.chunk = (uint32_t)attr->da_chunk_size;
	sys.oclass = attr->da_oclass_id;
	coh->cookie = 22;
	add(&sys.conts, 1);
	return 0;
}

int dfs_mount(daos_handle_t poh, daos_handle_t coh, int flags, dfs_t **dfs)
{
	assert_int_equal(poh.cookie, 11);
	assert_int_equal(coh.cookie, 22);
	assert_int_equal(flags, DFS_RDWR);
	if (fails())
		return EIO;
	add(&sys.mounts, 1);
	*dfs = &mount_obj;
	return 0;
}

int dfs_umount(dfs_t *dfs)
{
	assert_ptr_equal(dfs, &mount_obj);
	return closes(&sys.mounts);
}

int dfs_local2global(dfs_t *dfs, d_iov_t *glob)
{
	assert_ptr_equal(dfs, &mount_obj);
	return to_global(glob, 33) == 0 ? 0 : ENOMEM;
}

int dfs_global2local(daos_handle_t poh, daos_handle_t coh, int flags, d_iov_t glob, dfs_t **dfs)
{
	(void)poh;
	(void)coh;
	(void)flags;
	assert_int_equal(from_global(glob), 33);
	if (fails())
		return EIO;
	add(&sys.mounts, 1);
	*dfs = &mount_obj;
	return 0;
}

int dfs_obj_local2global(dfs_t *dfs, dfs_obj_t *obj, d_iov_t *glob)
{
	(void)dfs;
	assert_ptr_equal(obj, &file_obj);
	return to_global(glob, 44) == 0 ? 0 : ENOMEM;
}

int dfs_obj_global2local(dfs_t *dfs, int flags, d_iov_t glob, dfs_obj_t **obj)
{
	(void)dfs;
	(void)flags;
	assert_int_equal(from_global(glob), 44);
	if (fails())
		return EIO;
	add(&sys.objs, 1);
	*obj = &file_obj;
	return 0;
}

int dfs_set_prefix(dfs_t *dfs, const char *prefix)
{
	(void)dfs;
	(void)pthread_mutex_lock(&sys.lock);
	snprintf(sys.prefix, sizeof(sys.prefix), "%s", prefix);
	(void)pthread_mutex_unlock(&sys.lock);
	return fails() ? EINVAL : 0;
}

int dfs_lookup(dfs_t *dfs, const char *path, int flags, dfs_obj_t **obj, mode_t *mode,
	       struct stat *stbuf)
{
	(void)dfs;
	(void)flags;
	assert_null(mode);
	assert_null(stbuf);
	if (strcmp(path, "/d") != 0 && strcmp(path, "/mnt/d") != 0)
		return ENOENT;
	*obj = &dir_obj;
	return opens(&sys.objs, EIO);
}

int dfs_open(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, int flags,
	     daos_oclass_id_t cid, daos_size_t chunk_size, const char *value, dfs_obj_t **obj)
{
	(void)dfs;
	(void)chunk_size;
	assert_true(S_ISREG(mode));
	assert_null(value);
	assert_ptr_equal(parent, &dir_obj);
	assert_true(cid == 0 || cid == 77);
	if (!sys.file_there && (flags & O_CREAT) == 0)
		return ENOENT;
	if (fails())
		return EACCES;
	snprintf(sys.file, sizeof(sys.file), "%s", name);
	sys.file_there = true;
	add(&sys.objs, 1);
	*obj = &file_obj;
	return 0;
}

int dfs_release(dfs_obj_t *obj)
{
	assert_true(obj == &file_obj || obj == &dir_obj);
	return closes(&sys.objs);
}

int dfs_read(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_size_t *read_size,
	     daos_event_t *ev)
{
	(void)dfs;
	assert_ptr_equal(obj, &file_obj);
	assert_null(ev);
	if (fails())
		return EIO;
	*read_size = off >= sys.size ? 0 : min_u64(sgl->sg_iovs->iov_buf_len, sys.size - off);
	memcpy(sgl->sg_iovs->iov_buf, sys.data + off, *read_size);
	return 0;
}

int dfs_write(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_event_t *ev)
{
	(void)dfs;
	assert_ptr_equal(obj, &file_obj);
	assert_null(ev);
	assert_int_equal(sgl->sg_nr, 1);
	if (fails())
		return ENOSPC;
	(void)pthread_mutex_lock(&sys.lock);
	assert_true(off + sgl->sg_iovs->iov_len <= FILE_BYTES);
	memcpy(sys.data + off, sgl->sg_iovs->iov_buf, sgl->sg_iovs->iov_len);
	sys.size = max_u64(sys.size, off + sgl->sg_iovs->iov_len);
	(void)pthread_mutex_unlock(&sys.lock);
	return 0;
}

int dfs_sync(dfs_t *dfs)
{
	(void)dfs;
	add(&sys.syncs, 1);
	return fails() ? EIO : 0;
}

int dfs_remove(dfs_t *dfs, dfs_obj_t *parent, const char *name, bool force, daos_obj_id_t *oid)
{
	(void)dfs;
	(void)name;
	assert_ptr_equal(parent, &dir_obj);
	assert_false(force);
	assert_null(oid);
	if (!sys.file_there)
		return ENOENT;
	if (fails())
		return EIO;
	sys.file_there = false;
	sys.size = 0;
	return 0;
}

const struct aiori_ops *aiori_find(const char *name)
{
	return strcmp(name, "DFS") == 0 ? &aiori_dfs : NULL;
}

/* ---- runs --------------------------------------------------------------------------------- */

static void capture(struct wl_env *env, enum wl_out out, const char *text, size_t len)
{
	size_t used;

	(void)env;
	(void)pthread_mutex_lock(&sys.lock);
	used = strlen(sys.err);
	if (out == WL_ERR)
		snprintf(sys.err + used, sizeof(sys.err) - used, "%.*s", (int)len, text);
	(void)pthread_mutex_unlock(&sys.lock);
}

static int captured_main(struct wl_env *env, int argc, char **argv)
{
	struct wl_env_ops ops = *env->ops;

	ops.write = capture;
	env->ops = &ops;
	return ior_main(env, argc, argv);
}

static int run(uint32_t ranks, const char *command)
{
	char line[256], *words[40], *word, *save = NULL;
	struct wl_job job = { .name = "ior", .main = captured_main, .kind = WL_THREADS };

	snprintf(line, sizeof(line), "%s", command);
	for (word = strtok_r(line, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		words[job.argc++] = word;
	job.argv = words;
	job.size = ranks;
	sys.calls = 0;
	sys.err[0] = '\0';
	return wl_run_local(&job);
}

static void nothing_open(void)
{
	assert_int_equal(sys.inits, 0);
	assert_int_equal(sys.pools, 0);
	assert_int_equal(sys.conts, 0);
	assert_int_equal(sys.mounts, 0);
	assert_int_equal(sys.objs, 0);
}

#define JOB "ior -a DFS -b 128k -t 64k -w -r -C -e -o d/f --dfs.pool tank "

static void test_run(void **state)
{
	(void)state;
	sys_reset();
	assert_int_equal(run(4, JOB "-k --dfs.cont c1 --dfs.oclass SX --dfs.chunk_size 256k "
				    "--result x"),
			 0);
	nothing_open();
	assert_int_equal(sys.creates, 1);
	assert_string_equal(sys.cont, "c1");
	assert_string_equal(sys.file, "f");
	assert_int_equal(sys.chunk, 256 << 10);
	assert_int_equal(sys.oclass, 77);
	assert_int_equal(sys.syncs, 4);
	/* Pool, container, mount, and the file three times, to three ranks. */
	assert_int_equal(sys.passes, 3 * 6);
	assert_int_equal(sys.size, 4 * (128 << 10));
	assert_true(sys.file_there);

	/* The container is there now; alone, nothing is passed on. */
	sys.passes = 0;
	assert_int_equal(run(1, JOB "--dfs.cont c1 --dfs.destroy --dfs.prefix /mnt -o /mnt/d/f"),
			 0);
	nothing_open();
	assert_int_equal(sys.creates, 1);
	assert_int_equal(sys.destroys, 1);
	assert_int_equal(sys.passes, 0);
	assert_string_equal(sys.prefix, "/mnt");
	assert_false(sys.file_there);
}

static void test_wrong(void **state)
{
	(void)state;
	sys_reset();
	assert_int_equal(unsetenv("DAOS_POOL"), 0);
	assert_int_equal(run(2, "ior -a DFS"), 1);
	assert_non_null(strstr(sys.err, "no pool: give --dfs.pool LABEL or set DAOS_POOL"));
	assert_int_equal(run(2, "ior -a DFS --dfs.pool pond"), 1);
	assert_non_null(strstr(sys.err, "DER_NONEXIST"));
	assert_int_equal(run(2, JOB "--dfs.oclass S9"), 1);
	assert_non_null(strstr(sys.err, "--dfs.oclass: \"S9\" is not an object class"));
	assert_int_equal(run(2, JOB "-o nowhere/f"), 1);
	assert_non_null(strstr(sys.err, "ENOENT"));
	nothing_open();
	assert_int_equal(setenv("DAOS_POOL", "tank", 1), 0);
	assert_int_equal(setenv("DAOS_CONT", "c9", 1), 0);
	assert_int_equal(run(2, "ior -a DFS -o d/f -b 64k -t 64k"), 0);
	assert_string_equal(sys.cont, "c9");
	assert_int_equal(unsetenv("DAOS_POOL"), 0);
	assert_int_equal(unsetenv("DAOS_CONT"), 0);
	nothing_open();
}

/* The n-th call fails, for every n. */
static void test_any_failure(void **state)
{
	uint64_t n;
	int rc = 1;

	(void)state;
	for (n = 1; rc != 0; n++) {
		sys_reset();
		sys.fail_at = n;
		rc = run(3, JOB "--dfs.prefix /mnt -R");
		nothing_open();
		assert_true(rc == 0 || rc == 1);
		assert_true(rc == 0 || strlen(sys.err) > 10);
		assert_true(n < 1000);
	}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_any_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

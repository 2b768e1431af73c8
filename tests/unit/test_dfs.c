/* The pure parts of core/dfs: packing of inodes, hints, ranges, names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/dfs/dfs_int.h"

/* No process here: nothing below makes a call. */
struct process *host_self(void)
{
	return NULL;
}

int host_init(void)
{
	return -DER_NOSYS;
}

int host_fini(void)
{
	return -DER_NOSYS;
}

static uint32_t alloc_left = UINT32_MAX;

static void *mem_alloc(void *ctx, size_t bytes, size_t align)
{
	(void)ctx;
	(void)align;
	if (alloc_left == 0)
		return NULL;
	alloc_left--;
	return calloc(1, bytes);
}

static void mem_free(void *ctx, void *ptr)
{
	(void)ctx;
	free(ptr);
}

static const struct rt_misc_ops misc = { .alloc = mem_alloc, .free = mem_free };

static struct dfs_inode sample(void)
{
	return (struct dfs_inode){
		.mode = S_IFREG | 0640,
		.oid = { .lo = 0x1122334455667788, .hi = 0x99aabbccddeeff00 },
		.mtime_ns = 1700000000123456789ull,
		.ctime_ns = 1700000001000000001ull,
		.chunk_bytes = 1048576,
		.oclass = OC_RP_2GX,
		.uid = 1001,
		.gid = 2002,
		.value_len = 17,
		.hlc = 0x0123456789abcdefull,
		.flags = DFS_INODE_MOVED,
	};
}

static void test_inode_round(void **state)
{
	struct dfs_inode in = sample();
	struct dfs_inode out;
	uint8_t raw[DFS_INODE_BYTES];

	(void)state;
	memset(raw, 0xee, sizeof(raw));
	dfs_inode_encode(&in, raw);
	assert_int_equal(dfs_inode_decode(raw, &out), 0);
	assert_int_equal(out.mode, in.mode);
	assert_true(oid_equal(out.oid, in.oid));
	assert_int_equal(out.mtime_ns, in.mtime_ns);
	assert_int_equal(out.ctime_ns, in.ctime_ns);
	assert_int_equal(out.chunk_bytes, in.chunk_bytes);
	assert_int_equal(out.oclass, in.oclass);
	assert_int_equal(out.uid, in.uid);
	assert_int_equal(out.gid, in.gid);
	assert_int_equal(out.value_len, in.value_len);
	assert_int_equal(out.hlc, in.hlc);
	assert_int_equal(out.flags, in.flags);
}

/* The stored form is fixed: where each member is, and its byte order. */
static void test_inode_golden(void **state)
{
	static const uint8_t want[DFS_INODE_BYTES] = {
		0xa0, 0x81, 0x00, 0x00,					/* mode */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,		/* oid.lo */
		0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99,		/* oid.hi */
		0x00, 0xf1, 0x53, 0x65, 0x00, 0x00, 0x00, 0x00,		/* mtime, s */
		0x01, 0xf1, 0x53, 0x65, 0x00, 0x00, 0x00, 0x00,		/* ctime, s */
		0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,		/* chunk */
		0xff, 0xff, 0x00, 0x08,					/* oclass */
		0x15, 0xcd, 0x5b, 0x07, 0x00, 0x00, 0x00, 0x00,		/* mtime, ns */
		0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,		/* ctime, ns */
		0xe9, 0x03, 0x00, 0x00, 0xd2, 0x07, 0x00, 0x00,		/* uid, gid */
		0x11, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,		/* value length */
		0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01,		/* hlc */
		0x01, 0x00, 0x00, 0x00,					/* flags */
	};
	struct dfs_inode in = sample();
	uint8_t raw[DFS_INODE_BYTES];

	(void)state;
	dfs_inode_encode(&in, raw);
	assert_memory_equal(raw, want, sizeof(want));
}

static void refused(struct dfs_inode in)
{
	uint8_t raw[DFS_INODE_BYTES];
	struct dfs_inode out = { .mode = 1234 };

	dfs_inode_encode(&in, raw);
	assert_int_equal(dfs_inode_decode(raw, &out), -DER_DF_INVAL);
	assert_int_equal(out.mode, 1234);
}

static void test_inode_damage(void **state)
{
	struct dfs_inode in = sample();
	struct dfs_inode out;
	uint8_t raw[DFS_INODE_BYTES];

	(void)state;
	in.mode = S_IFCHR | 0600;
	refused(in);
	in = sample();
	in.mode = 0;
	refused(in);
	in = sample();
	in.chunk_bytes = 0;	/* a file without chunks */
	refused(in);
	in = sample();
	in.value_len = 1u << 20;
	refused(in);
	in = sample();
	dfs_inode_encode(&in, raw);
	memset(raw + 48, 0xff, 8);	/* nanoseconds */
	assert_int_equal(dfs_inode_decode(raw, &out), -DER_DF_INVAL);
	dfs_inode_encode(&in, raw);
	memset(raw + 20, 0xff, 8);	/* seconds that do not fit */
	assert_int_equal(dfs_inode_decode(raw, &out), -DER_DF_INVAL);
	memset(raw, 0, sizeof(raw));
	assert_int_equal(dfs_inode_decode(raw, &out), -DER_DF_INVAL);
}

static void test_names(void **state)
{
	char name[DFS_MAX_NAME + 2];

	(void)state;
	assert_int_equal(dfs_name_check("a"), 0);
	assert_int_equal(dfs_name_check("..."), 0);
	assert_int_equal(dfs_name_check(".hidden"), 0);
	assert_int_equal(dfs_name_check(NULL), EINVAL);
	assert_int_equal(dfs_name_check(""), EINVAL);
	assert_int_equal(dfs_name_check("a/b"), EINVAL);
	assert_int_equal(dfs_name_check("/"), EINVAL);
	assert_int_equal(dfs_name_check("."), ENOTSUP);
	assert_int_equal(dfs_name_check(".."), ENOTSUP);
	memset(name, 'n', sizeof(name));
	name[DFS_MAX_NAME] = 0;
	assert_int_equal(dfs_name_check(name), 0);
	name[DFS_MAX_NAME] = 'n';
	name[DFS_MAX_NAME + 1] = 0;
	assert_int_equal(dfs_name_check(name), EINVAL);
}

static void test_hints(void **state)
{
	uint32_t shd = 77;

	(void)state;
	assert_int_equal(dfs_hints_parse("", S_IFREG, &shd), 0);
	assert_int_equal(shd, 0);
	assert_int_equal(dfs_hints_parse("file:max,dir:single", S_IFREG, &shd), 0);
	assert_int_equal(shd, DAOS_OCH_SHD_MAX);
	assert_int_equal(dfs_hints_parse("file:max,dir:single", S_IFDIR, &shd), 0);
	assert_int_equal(shd, DAOS_OCH_SHD_TINY);
	assert_int_equal(dfs_hints_parse("directory:max", S_IFDIR, &shd), 0);
	assert_int_equal(shd, DAOS_OCH_SHD_MAX);
	shd = 77;
	assert_int_equal(dfs_hints_parse("file", S_IFREG, &shd), EINVAL);
	assert_int_equal(dfs_hints_parse("file:", S_IFREG, &shd), EINVAL);
	assert_int_equal(dfs_hints_parse("file:maximal", S_IFREG, &shd), EINVAL);
	assert_int_equal(dfs_hints_parse("fifo:max", S_IFREG, &shd), EINVAL);
	assert_int_equal(dfs_hints_parse("file:max,,dir:max", S_IFREG, &shd), EINVAL);
	assert_int_equal(shd, 77);
}

static int check(struct rt *rt, uint64_t nr, const daos_range_t *ranges)
{
	return dfs_ranges_check(rt, nr, ranges);
}

static void test_ranges(void **state)
{
	struct rt rt = { .ops = { .misc = &misc } };
	daos_range_t apart[] = { { 100, 10 }, { 0, 50 }, { 50, 50 }, { 1000, 1 }, { 110, 0 } };
	daos_range_t over[] = { { 100, 10 }, { 0, 50 }, { 49, 50 } };
	daos_range_t rising[] = { { 0, 10 }, { 10, 10 }, { 19, 1 } };
	daos_range_t wrap[] = { { UINT64_MAX, 2 } };
	daos_range_t many[513];
	uint64_t i;

	(void)state;
	assert_int_equal(check(&rt, 5, apart), 0);
	assert_int_equal(apart[0].rg_idx, 100);	/* the caller's order stays */
	assert_int_equal(check(&rt, 3, over), EINVAL);
	assert_int_equal(check(&rt, 2, rising), 0);
	assert_int_equal(check(&rt, 3, rising), EINVAL);
	assert_int_equal(check(&rt, 1, wrap), EINVAL);
	assert_int_equal(check(&rt, 0, rising), EINVAL);
	assert_int_equal(check(&rt, 1, NULL), EINVAL);
	for (i = 0; i < 513; i++)	/* a permutation: 7 does not divide 513 */
		many[i] = (daos_range_t){ .rg_idx = i * 7 % 513 * 8, .rg_len = 8 };
	assert_int_equal(check(&rt, 513, many), 0);
	many[200].rg_len = 9;
	assert_int_equal(check(&rt, 513, many), EINVAL);
	alloc_left = 0;
	assert_int_equal(check(&rt, 513, many), -DER_NOMEM);
	alloc_left = UINT32_MAX;
}

/* Arguments that are wrong at once are told before there is a process. */
static void test_args(void **state)
{
	struct dfs fs = { .root = { .mode = S_IFDIR } };
	struct dfs_obj file = { .mode = S_IFREG, .flags = O_RDONLY };
	daos_anchor_t anchor = { 0 };
	struct stat st;
	uint32_t nr = 1;
	dfs_obj_t *obj;
	d_sg_list_t sgl = { 0 };
	daos_size_t size;
	dfs_t *dfs;

	(void)state;
	assert_int_equal(dfs_mount(DAOS_HDL_INVAL, DAOS_HDL_INVAL, O_WRONLY, &dfs), EINVAL);
	assert_int_equal(dfs_open(&fs, NULL, "f", 0644, O_RDWR, 0, 0, NULL, &obj), EINVAL);
	assert_int_equal(dfs_open(&fs, &file, "f", S_IFREG, O_RDWR, 0, 0, NULL, &obj), ENOTDIR);
	assert_int_equal(dfs_open(&fs, NULL, "f", S_IFREG, O_RDONLY | O_TRUNC, 0, 0, NULL, &obj),
			 EPERM);
	assert_int_equal(dfs_open(&fs, NULL, "l", S_IFLNK, O_RDWR | O_CREAT, 0, 0, NULL, &obj),
			 EINVAL);
	assert_int_equal(dfs_stat(&fs, NULL, "..", &st), ENOTSUP);
	assert_int_equal(dfs_lookup(&fs, "no/slash", O_RDONLY, &obj, NULL, NULL), EINVAL);
	assert_int_equal(dfs_write(&fs, &file, &sgl, 0, NULL), EPERM);
	assert_int_equal(dfs_read(&fs, &fs.root, &sgl, 0, &size, NULL), EINVAL);
	assert_int_equal(dfs_readdir(&fs, &file, &anchor, &nr, (struct dirent *)(void *)&st),
			 ENOTDIR);
	fs.rdonly = true;
	assert_int_equal(dfs_mkdir(&fs, NULL, "d", 0755, 0), EPERM);
	assert_int_equal(dfs_remove(&fs, NULL, "d", false, NULL), EPERM);
	assert_int_equal(dfs_move(&fs, NULL, "a", NULL, "b", NULL), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inode_round), cmocka_unit_test(test_inode_golden),
		cmocka_unit_test(test_inode_damage), cmocka_unit_test(test_names),
		cmocka_unit_test(test_hints),	     cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_args),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

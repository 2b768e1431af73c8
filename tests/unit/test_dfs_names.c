/* Names, directories and attributes of dfs, over a whole system on the virtual clock. */
#include "tests/unit/dfs_bed.h"

#include <sys/xattr.h>

/* ---- listing -------------------------------------------------------------------------------- */

#define MANY 1500u

static char seen[MANY];

static void see(const char *name)
{
	unsigned int i;

	CHECK(sscanf(name, "entry-%u", &i) == 1 && i < MANY);
	CHECK(!seen[i]);
	seen[i] = 1;
}

static void all_seen(void)
{
	uint32_t i;

	for (i = 0; i < MANY; i++)
		CHECK(seen[i]);
	memset(seen, 0, sizeof(seen));
}

struct stopper {
	uint32_t left;
};

static int stop_after(dfs_t *dfs, dfs_obj_t *obj, const char name[], void *arg)
{
	struct stopper *st = arg;

	(void)dfs;
	(void)obj;
	see(name);
	return --st->left == 0 ? 99 : 0;
}

static void listing(struct bed *b)
{
	static struct dirent dirs[200];
	static struct stat stats[200];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct stopper st = { .left = 17 };
	dfs_obj_t *dir;
	char name[32];
	uint32_t nr;
	uint32_t i;

	(void)b;
	fs_open(NULL);
	dir = mkdir_open(NULL, "d");
	CHECK_E(dfs_readdir(fs, dir, &anchor, (nr = 10, &nr), dirs), 0);
	CHECK_EQ(nr, 0);
	CHECK(daos_anchor_is_eof(&anchor));
	for (i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "entry-%u", i);
		touch(dir, name);
	}
	anchor = (daos_anchor_t)DAOS_ANCHOR_INIT;
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 200;
		CHECK_E(dfs_readdir(fs, dir, &anchor, &nr, dirs), 0);
		CHECK(nr <= 200);
		for (i = 0; i < nr; i++)
			see(dirs[i].d_name);
	}
	all_seen();
	anchor = (daos_anchor_t)DAOS_ANCHOR_INIT;
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 133;
		CHECK_E(dfs_readdirplus(fs, dir, &anchor, &nr, dirs, stats), 0);
		for (i = 0; i < nr; i++) {
			see(dirs[i].d_name);
			CHECK(dirs[i].d_type == DT_REG && S_ISREG(stats[i].st_mode));
		}
	}
	all_seen();
	/* A callback that says stop: the next listing goes on behind the entry it saw last. */
	anchor = (daos_anchor_t)DAOS_ANCHOR_INIT;
	nr = MANY;
	CHECK_E(dfs_iterate(fs, dir, &anchor, &nr, 4096, stop_after, &st), 99);
	CHECK_EQ(nr, 17);
	st.left = UINT32_MAX;
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 100;
		CHECK_E(dfs_iterate(fs, dir, &anchor, &nr, 4096, stop_after, &st), 0);
		CHECK(nr <= 100);
	}
	all_seen();
	CHECK_E(dfs_iterate(fs, dir, &anchor, &nr, 10, stop_after, &st), EINVAL);
	CHECK_E(dfs_remove(fs, NULL, "d", false, NULL), ENOTEMPTY);
	CHECK_E(dfs_remove(fs, NULL, "d", true, NULL), 0);
	CHECK_E(exists(NULL, "d"), ENOENT);
	CHECK_E(dfs_release(dir), 0);
	fs_close();
}

static void test_listing(void **state)
{
	(void)state;
	bed_once(listing);
}

/* ---- removal -------------------------------------------------------------------------------- */

static void removal(struct bed *b)
{
	char name[DFS_MAX_NAME + 2];
	daos_obj_id_t oid;
	daos_obj_id_t want;
	dfs_obj_t *dir;
	dfs_obj_t *obj;
	dfs_obj_t *up = NULL;
	uint32_t i;
	char c;

	(void)b;
	fs_open(NULL);
	CHECK_E(dfs_remove(fs, NULL, "f", false, NULL), ENOENT);
	obj = create(NULL, "f");
	CHECK_E(put_at(obj, "data", 4, 0), 0);
	CHECK_E(dfs_obj2id(obj, &want), 0);
	CHECK_E(dfs_remove(fs, NULL, "f", false, &oid), 0);
	CHECK(oid.lo == want.lo && oid.hi == want.hi);
	CHECK_EQ(get_at(obj, &c, 1, 0), 0);	/* its data is gone with it */
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_remove(fs, NULL, "f", false, NULL), ENOENT);
	/* A tree, 60 levels deep, with files and links on each. */
	for (i = 0; i < 60; i++) {
		dir = mkdir_open(up, "tree");
		touch(dir, "file");
		symlink_to(dir, "link", "/nowhere");
		CHECK_E(dfs_mkdir(fs, dir, "empty", 0755, 0), 0);
		if (up != NULL)
			CHECK_E(dfs_release(up), 0);
		up = dir;
	}
	CHECK_E(dfs_release(up), 0);
	CHECK_E(dfs_remove(fs, NULL, "tree", false, NULL), ENOTEMPTY);
	CHECK_E(dfs_remove(fs, NULL, "tree", true, NULL), 0);
	CHECK_E(exists(NULL, "tree"), ENOENT);
	/* Names. */
	memset(name, 'n', sizeof(name));
	name[DFS_MAX_NAME] = 0;
	touch(NULL, name);
	CHECK_E(exists(NULL, name), 0);
	CHECK_E(dfs_remove(fs, NULL, name, false, NULL), 0);
	name[DFS_MAX_NAME] = 'n';
	name[DFS_MAX_NAME + 1] = 0;
	CHECK_E(exists(NULL, name), EINVAL);
	touch(NULL, "\xc3\xa4 \n\x01");	/* any bytes but '/' and 0 */
	CHECK_E(exists(NULL, "\xc3\xa4 \n\x01"), 0);
	fs_close();
}

static void test_removal(void **state)
{
	(void)state;
	bed_once(removal);
}

/* ---- paths ---------------------------------------------------------------------------------- */

static void paths(struct bed *b)
{
	dfs_obj_t *a;
	dfs_obj_t *bb;
	dfs_obj_t *obj;
	daos_size_t size;
	ino_t root;
	ino_t dir;
	ino_t file;
	ino_t got;
	mode_t mode;
	char text[64];
	uint32_t i;

	(void)b;
	fs_open(NULL);
	a = mkdir_open(NULL, "a");
	bb = mkdir_open(a, "b");
	touch(bb, "f");
	CHECK_E(find("/", O_RDONLY, &root), 0);
	CHECK_E(find("/a", O_RDONLY, &dir), 0);
	CHECK_E(find("/a/b/f", O_RDONLY, &file), 0);
	CHECK_E(find("//a/./b///f", O_RDONLY, &got), 0);
	CHECK_EQ(got, file);
	CHECK_E(find("/a/b/../../a/b/f", O_RDONLY, &got), 0);
	CHECK_EQ(got, file);
	CHECK_E(find("/a/b/..", O_RDONLY, &got), 0);
	CHECK_EQ(got, dir);
	CHECK_E(find("/a/..", O_RDONLY, &got), 0);
	CHECK_EQ(got, root);
	CHECK_E(find("/a/b/f/", O_RDONLY, &got), 0);
	CHECK_E(find("/..", O_RDONLY, &got), ENOENT);
	CHECK_E(find("/a/b/f/x", O_RDONLY, &got), ENOENT);
	CHECK_E(find("/a/x/f", O_RDONLY, &got), ENOENT);
	CHECK_E(find("a", O_RDONLY, &got), EINVAL);
	/* Links: relative to where they are, absolute, in the middle, to nowhere. */
	symlink_to(bb, "up", "../b/f");
	symlink_to(a, "abs", "/a/b");
	symlink_to(a, "dead", "nothing");
	CHECK_E(find("/a/b/up", O_RDONLY, &got), 0);
	CHECK_EQ(got, file);
	CHECK_E(find("/a/abs/f", O_RDONLY, &got), 0);
	CHECK_EQ(got, file);
	CHECK_E(find("/a/abs/../abs/up", O_RDONLY, &got), 0);
	CHECK_EQ(got, file);
	CHECK_E(find("/a/dead", O_RDONLY, &got), ENOENT);
	CHECK_E(dfs_lookup(fs, "/a/dead", O_RDONLY | O_NOFOLLOW, &obj, &mode, NULL), 0);
	CHECK(S_ISLNK(mode));
	size = 5;
	CHECK_E(dfs_get_symlink_value(obj, text, &size), 0);	/* cut */
	CHECK_EQ(size, 8);
	CHECK(strcmp(text, "noth") == 0);
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_lookup_rel(fs, bb, "up", O_RDONLY, &obj, &mode, NULL), 0);
	CHECK(S_ISREG(mode));
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_lookup_rel(fs, bb, ".", O_RDONLY, &obj, &mode, NULL), ENOTSUP);
	/* 39 links in a row are followed, not one more. */
	symlink_to(NULL, "l0", "a/b/f");
	for (i = 1; i < 40; i++) {
		char target[8];

		(void)snprintf(text, sizeof(text), "l%u", i);
		(void)snprintf(target, sizeof(target), "l%u", i - 1);
		symlink_to(NULL, text, target);
	}
	CHECK_E(find("/l38", O_RDONLY, &got), 0);
	CHECK_EQ(got, file);
	CHECK_E(find("/l39", O_RDONLY, &got), ELOOP);
	symlink_to(NULL, "self", "self");
	CHECK_E(find("/self", O_RDONLY, &got), ELOOP);
	/* Paths below a mount point. */
	CHECK_E(dfs_set_prefix(fs, "mnt"), EINVAL);
	CHECK_E(dfs_set_prefix(fs, "/mnt/fs/"), 0);
	CHECK_E(find("/mnt/fs/a", O_RDONLY, &got), 0);
	CHECK_EQ(got, dir);
	CHECK_E(find("/mnt/fs", O_RDONLY, &got), 0);
	CHECK_EQ(got, root);
	CHECK_E(find("/mnt/fsa", O_RDONLY, &got), ENOENT);
	CHECK_E(find("/a", O_RDONLY, &got), 0);
	CHECK_E(dfs_set_prefix(fs, NULL), 0);
	CHECK_E(find("/mnt/fs/a", O_RDONLY, &got), ENOENT);
	CHECK_E(dfs_release(a), 0);
	CHECK_E(dfs_release(bb), 0);
	fs_close();
}

static void test_paths(void **state)
{
	(void)state;
	bed_once(paths);
}

/* ---- status --------------------------------------------------------------------------------- */

static uint64_t ns_of(struct timespec ts)
{
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void status(struct bed *b)
{
	struct rt *rt = bed_main(b)->rt;
	dfs_obj_t *dir;
	dfs_obj_t *obj;
	struct stat st;
	struct stat was;
	uint64_t t0;

	fs_open(NULL);
	dir = mkdir_open(NULL, "d");
	t0 = rt_wall_ns(rt);
	obj = create(dir, "f");
	CHECK_E(dfs_stat(fs, dir, "f", &was), 0);
	CHECK_EQ(was.st_mode, S_IFREG | 0644);
	CHECK_EQ(was.st_size, 0);
	CHECK_EQ(was.st_nlink, 1);
	CHECK_EQ(was.st_blksize, DFS_DEFAULT_CHUNK_SIZE);
	CHECK(ns_of(was.st_mtim) >= t0 && ns_of(was.st_mtim) < t0 + BED_S);
	/* A write moves the times of the file, not its entry; the directory's moved with the
	 * create. */
	rt_sleep_ns(rt, 5 * BED_S);
	CHECK_E(put_at(obj, "12345", 5, 0), 0);
	CHECK_E(dfs_ostat(fs, obj, &st), 0);
	CHECK_EQ(st.st_size, 5);
	CHECK_EQ(st.st_blocks, 1);
	CHECK(ns_of(st.st_mtim) >= ns_of(was.st_mtim) + 4 * BED_S);
	CHECK(ns_of(st.st_ctim) >= ns_of(st.st_mtim));
	CHECK_E(dfs_stat(fs, NULL, "d", &st), 0);
	CHECK(S_ISDIR(st.st_mode) && ns_of(st.st_mtim) < t0 + BED_S);
	touch(dir, "g");
	CHECK_E(dfs_stat(fs, NULL, "d", &st), 0);
	CHECK(ns_of(st.st_mtim) >= t0 + 4 * BED_S);
	/* A time that is set stays until the next write. */
	st = (struct stat){ .st_mtim = { 1000, 5 } };
	CHECK_E(dfs_osetattr(fs, obj, &st, DFS_SET_ATTR_MTIME), 0);
	CHECK_EQ(ns_of(st.st_mtim), 1000000000005ull);
	CHECK_EQ(st.st_size, 5);
	CHECK_E(dfs_stat(fs, dir, "f", &st), 0);
	CHECK_EQ(ns_of(st.st_mtim), 1000000000005ull);
	rt_sleep_ns(rt, BED_S);
	CHECK_E(put_at(obj, "x", 1, 0), 0);
	CHECK_E(dfs_stat(fs, dir, "f", &st), 0);
	CHECK(ns_of(st.st_mtim) > t0);
	/* Mode and owners, together and apart. */
	st = (struct stat){ .st_mode = S_IFREG | 0400, .st_uid = 7, .st_gid = 8 };
	CHECK_E(dfs_osetattr(fs, obj, &st, DFS_SET_ATTR_MODE | DFS_SET_ATTR_UID | DFS_SET_ATTR_GID),
		0);
	CHECK_E(dfs_chmod(fs, dir, "f", S_IFREG | 0640), 0);
	CHECK_E(dfs_chown(fs, dir, "f", (uid_t)-1, 99, 0), 0);
	CHECK_E(dfs_stat(fs, dir, "f", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0640);
	CHECK_EQ(st.st_uid, 7);
	CHECK_EQ(st.st_gid, 99);
	CHECK_EQ(st.st_size, 5);
	st.st_mode = S_IFDIR | 0755;
	CHECK_E(dfs_osetattr(fs, obj, &st, DFS_SET_ATTR_MODE), EINVAL);
	CHECK_E(dfs_osetattr(fs, dir, &st, DFS_SET_ATTR_SIZE), EISDIR);
	CHECK_E(dfs_chmod(fs, dir, "nosuch", 0600), ENOENT);
	/* A link is followed, or not. */
	symlink_to(dir, "l", "f");
	CHECK_E(dfs_chmod(fs, dir, "l", 0600), 0);
	CHECK_E(dfs_stat(fs, dir, "f", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0600);
	CHECK_E(dfs_chown(fs, dir, "l", 1, 2, O_NOFOLLOW), 0);
	CHECK_E(dfs_stat(fs, dir, "l", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_uid, 1);
	CHECK_EQ(st.st_size, 1);
	CHECK_E(dfs_stat(fs, NULL, NULL, &st), 0);	/* the root */
	CHECK(S_ISDIR(st.st_mode));
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_release(dir), 0);
	fs_close();
}

static void test_status(void **state)
{
	(void)state;
	bed_once(status);
}

/* Who asks, for dfs_access(). */
static struct {
	uint32_t uid, gid, other;
} who;

static uint32_t creds(void *ctx, uint32_t *ret_uid, uint32_t *ret_gid, uint32_t cap, uint32_t *gids)
{
	(void)ctx;
	*ret_uid = who.uid;
	*ret_gid = who.gid;
	if (cap > 0)
		gids[0] = who.other;
	return 1;
}

static int may(uint32_t uid, uint32_t gid, uint32_t other, int mask)
{
	who.uid = uid;
	who.gid = gid;
	who.other = other;
	return dfs_access(fs, NULL, "f", mask);
}

static void access_bits(struct bed *b)
{
	const struct host_ops *ops = b->proc.host;
	struct host_ops mine = *ops;
	struct stat st;

	mine.creds = creds;
	b->proc.host = &mine;
	who.uid = 10;
	who.gid = 20;
	fs_open(NULL);
	touch(NULL, "f");
	CHECK_E(dfs_stat(fs, NULL, "f", &st), 0);
	CHECK_EQ(st.st_uid, 10);
	CHECK_EQ(st.st_gid, 20);
	CHECK_E(dfs_chmod(fs, NULL, "f", 0640), 0);
	CHECK_E(may(10, 1, 1, R_OK | W_OK), 0);
	CHECK_E(may(10, 1, 1, X_OK), EACCES);
	CHECK_E(may(11, 20, 1, R_OK), 0);
	CHECK_E(may(11, 1, 20, R_OK), 0);
	CHECK_E(may(11, 1, 20, W_OK), EACCES);
	CHECK_E(may(11, 1, 1, R_OK), EACCES);
	CHECK_E(may(11, 1, 1, F_OK), 0);
	CHECK_E(may(0, 1, 1, R_OK | W_OK), 0);
	CHECK_E(may(0, 1, 1, X_OK), EACCES);
	CHECK_E(dfs_access(fs, NULL, "g", F_OK), ENOENT);
	CHECK_E(dfs_access(fs, NULL, "f", 64), EINVAL);
	CHECK_E(dfs_access(fs, NULL, NULL, X_OK), 0);
	fs_close();
	b->proc.host = ops;
}

static void test_access(void **state)
{
	(void)state;
	bed_once(access_bits);
}

/* ---- extended attributes -------------------------------------------------------------------- */

static void xattrs(struct bed *b)
{
	static char big[DFS_MAX_XATTR_LEN + 1];
	static char back[DFS_MAX_XATTR_LEN];
	dfs_obj_t *obj;
	daos_size_t size;
	char text[64];
	uint32_t i;

	(void)b;
	fs_open(NULL);
	obj = create(NULL, "f");
	size = 64;
	CHECK_E(dfs_getxattr(fs, obj, "user.a", text, &size), ENODATA);
	CHECK_E(dfs_removexattr(fs, obj, "user.a"), ENOENT);
	CHECK_E(dfs_setxattr(fs, obj, "user.a", "value", 5, XATTR_REPLACE), ENODATA);
	CHECK_E(dfs_setxattr(fs, obj, "user.a", "value", 5, XATTR_CREATE), 0);
	CHECK_E(dfs_setxattr(fs, obj, "user.a", "value", 5, XATTR_CREATE), EEXIST);
	CHECK_E(dfs_setxattr(fs, obj, "user.a", "longer value", 12, XATTR_REPLACE), 0);
	CHECK_E(dfs_setxattr(fs, obj, "user.none", NULL, 0, 0), 0);
	size = sizeof(text);
	CHECK_E(dfs_getxattr(fs, obj, "user.a", text, &size), 0);
	CHECK_EQ(size, 12);
	CHECK(memcmp(text, "longer value", 12) == 0);
	size = 12;	/* exactly */
	CHECK_E(dfs_getxattr(fs, obj, "user.a", text, &size), 0);
	size = 3;
	CHECK_E(dfs_getxattr(fs, obj, "user.a", text, &size), E2BIG);
	CHECK_EQ(size, 12);
	CHECK_E(dfs_getxattr(fs, obj, "user.a", NULL, &size), 0);
	CHECK_EQ(size, 12);
	size = sizeof(text);
	CHECK_E(dfs_getxattr(fs, obj, "user.none", text, &size), 0);
	CHECK_EQ(size, 0);
	for (i = 0; i < DFS_MAX_XATTR_LEN; i++)
		big[i] = (char)(i * 13 + (i >> 9));
	CHECK_E(dfs_setxattr(fs, obj, "user.big", big, DFS_MAX_XATTR_LEN, 0), 0);
	CHECK_E(dfs_setxattr(fs, obj, "user.big", big, DFS_MAX_XATTR_LEN + 1, 0), E2BIG);
	size = sizeof(back);
	CHECK_E(dfs_getxattr(fs, obj, "user.big", back, &size), 0);
	CHECK_EQ(size, DFS_MAX_XATTR_LEN);
	CHECK(memcmp(big, back, sizeof(back)) == 0);
	memset(big, 'n', 256);
	big[256] = 0;
	CHECK_E(dfs_setxattr(fs, obj, big, "v", 1, 0), EINVAL);
	big[255] = 0;
	CHECK_E(dfs_setxattr(fs, obj, big, "v", 1, 0), 0);
	CHECK_E(dfs_removexattr(fs, obj, big), 0);
	size = 0;
	CHECK_E(dfs_listxattr(fs, obj, NULL, &size), 0);
	CHECK_EQ(size, sizeof("user.a") + sizeof("user.none") + sizeof("user.big"));
	size = sizeof(text);
	memset(text, 0, sizeof(text));
	CHECK_E(dfs_listxattr(fs, obj, text, &size), 0);
	CHECK(memmem(text, size, "user.a", 7) != NULL);
	CHECK(memmem(text, size, "user.none", 10) != NULL);
	CHECK_E(dfs_removexattr(fs, obj, "user.a"), 0);
	CHECK_E(dfs_getxattr(fs, obj, "user.a", NULL, &size), ENODATA);
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_lookup(fs, "/", O_RDWR, &obj, NULL, NULL), 0);	/* of the root too */
	CHECK_E(dfs_setxattr(fs, obj, "user.r", "root", 4, 0), 0);
	size = sizeof(text);
	CHECK_E(dfs_getxattr(fs, obj, "user.r", text, &size), 0);
	CHECK_EQ(size, 4);
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_xattrs(void **state)
{
	(void)state;
	bed_once(xattrs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listing), cmocka_unit_test(test_removal),
		cmocka_unit_test(test_paths),	cmocka_unit_test(test_status),
		cmocka_unit_test(test_access),	cmocka_unit_test(test_xattrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

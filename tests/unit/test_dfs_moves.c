/* Renames of dfs, races, clients that die, no memory, stacks: over a whole system on the virtual
 * clock. */
#include "tests/unit/dfs_bed.h"

/* ---- renames -------------------------------------------------------------------------------- */

static void moves(struct bed *b)
{
	daos_obj_id_t oid = { 0 };
	daos_obj_id_t want;
	dfs_obj_t *d1;
	dfs_obj_t *d2;
	dfs_obj_t *obj;
	dfs_obj_t *two;
	struct stat st;
	daos_size_t size = 8;
	char text[8];
	ino_t got;

	(void)b;
	fs_open(NULL);
	d1 = mkdir_open(NULL, "d1");
	d2 = mkdir_open(NULL, "d2");
	obj = create(d1, "f");
	CHECK_E(put_at(obj, "content", 7, 0), 0);
	CHECK_E(dfs_setxattr(fs, obj, "user.x", "v", 1, 0), 0);
	CHECK_E(dfs_move(fs, d1, "nosuch", d2, "g", NULL), ENOENT);
	CHECK_E(dfs_move(fs, d1, "f", d1, "f", NULL), 0);
	CHECK_E(dfs_move(fs, d1, "no", d1, "no", NULL), ENOENT);
	CHECK_E(dfs_move(fs, d1, "f", d2, "g", &oid), 0);
	CHECK_EQ(oid.lo, 0);
	CHECK_E(exists(d1, "f"), ENOENT);
	/* The handle from before finds status, attributes and data. */
	CHECK_E(dfs_ostat(fs, obj, &st), 0);
	CHECK_EQ(st.st_size, 7);
	CHECK_E(dfs_getxattr(fs, obj, "user.x", text, &size), 0);
	CHECK_EQ(get_at(obj, text, 7, 0), 7);
	CHECK_E(dfs_setxattr(fs, obj, "user.y", "w", 1, 0), 0);
	/* O_TRUNC makes a moved file forget its content, not its place. */
	CHECK_E(dfs_open(fs, d2, "g", S_IFREG, O_RDWR | O_TRUNC, 0, 0, NULL, &two), 0);
	CHECK_E(dfs_release(two), 0);
	CHECK_E(dfs_move(fs, d2, "g", d1, "h", NULL), 0);
	CHECK_E(dfs_ostat(fs, obj, &st), 0);
	CHECK_EQ(st.st_size, 0);
	/* Over another file: that one is gone, with its attributes. */
	two = create(d1, "old");
	CHECK_E(dfs_setxattr(fs, two, "user.old", "1", 1, 0), 0);
	CHECK_E(put_at(two, "123", 3, 0), 0);
	CHECK_E(dfs_obj2id(two, &want), 0);
	CHECK_E(dfs_move(fs, d1, "h", d1, "old", &oid), 0);
	CHECK(oid.lo == want.lo && oid.hi == want.hi);
	CHECK_EQ(size_of(two), 0);
	CHECK_E(dfs_ostat(fs, two, &st), ENOENT);
	CHECK_E(dfs_ostat(fs, obj, &st), 0);
	CHECK_E(dfs_getxattr(fs, obj, "user.old", NULL, &size), ENODATA);
	CHECK_E(dfs_getxattr(fs, obj, "user.y", NULL, &size), 0);
	CHECK_E(dfs_release(two), 0);
	CHECK_E(dfs_release(obj), 0);
	/* Directories. */
	CHECK_E(dfs_move(fs, NULL, "d1", d1, "in", NULL), EINVAL);
	CHECK_E(dfs_mkdir(fs, d1, "sub", 0755, 0), 0);
	CHECK_E(dfs_lookup(fs, "/d1/sub", O_RDWR, &two, NULL, NULL), 0);
	CHECK_E(dfs_move(fs, NULL, "d1", two, "in", NULL), EINVAL);
	CHECK_E(dfs_move(fs, NULL, "d1", d2, "d", NULL), 0);
	CHECK_E(find("/d2/d/sub/../old", O_RDONLY, &got), 0);
	CHECK_E(dfs_ostat(fs, d1, &st), 0);
	CHECK_E(dfs_move(fs, NULL, "d2", two, "in", NULL), EINVAL);	/* an ancestor since */
	CHECK_E(dfs_move(fs, d2, "d", NULL, "d2", NULL), ENOTEMPTY);
	touch(NULL, "file");
	CHECK_E(dfs_move(fs, d2, "d", NULL, "file", NULL), ENOTDIR);
	CHECK_E(dfs_move(fs, NULL, "file", NULL, "d2", NULL), EISDIR);
	CHECK_E(dfs_mkdir(fs, NULL, "empty", 0755, 0), 0);
	CHECK_E(dfs_move(fs, d2, "d", NULL, "empty", NULL), 0);
	CHECK_E(find("/empty/sub", O_RDONLY, &got), 0);
	CHECK_E(dfs_release(two), 0);
	CHECK_E(dfs_release(d1), 0);
	CHECK_E(dfs_release(d2), 0);
	fs_close();
}

static void test_moves(void **state)
{
	(void)state;
	bed_once(moves);
}

/* More attributes than one message takes go along. */
static void moves_much(struct bed *b)
{
	char name[DFS_MAX_XATTR_NAME + 1];
	dfs_obj_t *obj;
	daos_size_t size;
	uint64_t v;
	uint64_t i;

	(void)b;
	fs_open(NULL);
	obj = create(NULL, "f");
	memset(name, 'x', sizeof(name));
	name[DFS_MAX_XATTR_NAME] = 0;
	for (i = 0; i < 150; i++) {
		(void)snprintf(name + 200, 8, "%03u", (unsigned int)i);
		name[203] = 'y';
		CHECK_E(dfs_setxattr(fs, obj, name, &i, sizeof(i), 0), 0);
	}
	touch(NULL, "g");
	CHECK_E(dfs_move(fs, NULL, "f", NULL, "g", NULL), 0);
	for (i = 0; i < 150; i++) {
		(void)snprintf(name + 200, 8, "%03u", (unsigned int)i);
		name[203] = 'y';
		size = sizeof(v);
		CHECK_E(dfs_getxattr(fs, obj, name, &v, &size), 0);
		CHECK_EQ(v, i);
	}
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_moves_much(void **state)
{
	(void)state;
	bed_once(moves_much);
}

static void exchanges(struct bed *b)
{
	dfs_obj_t *dir;
	dfs_obj_t *f;
	struct stat st;
	ino_t dir_ino;
	ino_t file_ino;
	ino_t got;

	(void)b;
	fs_open(NULL);
	dir = mkdir_open(NULL, "d");
	f = create(dir, "f");
	symlink_to(NULL, "l", "d/f");
	CHECK_E(dfs_mkdir(fs, dir, "sub", 0755, 0), 0);
	CHECK_E(find("/d/sub", O_RDONLY, &dir_ino), 0);
	CHECK_E(find("/d/f", O_RDONLY, &file_ino), 0);
	CHECK_E(dfs_exchange(fs, dir, "f", NULL, "nosuch"), ENOENT);
	CHECK_E(dfs_exchange(fs, dir, "f", dir, "sub"), 0);
	CHECK_E(find("/d/sub", O_RDONLY, &got), 0);
	CHECK_EQ(got, file_ino);
	CHECK_E(find("/d/f", O_RDONLY, &got), 0);
	CHECK_EQ(got, dir_ino);
	CHECK_E(dfs_exchange(fs, NULL, "l", dir, "sub"), 0);	/* a link and a file */
	CHECK_E(find("/l", O_RDONLY, &got), 0);
	CHECK_EQ(got, file_ino);
	CHECK_E(dfs_stat(fs, dir, "sub", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_E(find("/d/f/../f", O_RDONLY, &got), 0);
	CHECK_E(dfs_exchange(fs, NULL, "d", dir, "f"), EINVAL);	/* one is in the other */
	CHECK_E(dfs_ostat(fs, f, &st), 0);
	CHECK_E(dfs_exchange(fs, dir, "f", dir, "f"), 0);
	CHECK_E(dfs_release(f), 0);
	CHECK_E(dfs_release(dir), 0);
	fs_close();
}

static void test_exchanges(void **state)
{
	(void)state;
	bed_once(exchanges);
}

/* ---- races ---------------------------------------------------------------------------------- */

#define RACERS 8u

static void race_create(struct racer *r)
{
	dfs_obj_t *obj = NULL;

	r->rc = dfs_open(fs, NULL, "one", S_IFREG | 0644, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL,
			 &obj);
	CHECK(r->rc == 0 || r->rc == EEXIST);
	if (r->rc == 0)
		CHECK_E(dfs_release(obj), 0);
}

static void race_open(struct racer *r)
{
	dfs_obj_t *obj = NULL;

	r->rc = dfs_open(fs, NULL, "both", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &obj);
	CHECK_E(r->rc, 0);
	CHECK_E(put_at(obj, "x", 1, r->idx), 0);
	CHECK_E(dfs_release(obj), 0);
}

static void race_mkdir(struct racer *r)
{
	r->rc = dfs_mkdir(fs, NULL, "dir", 0755, 0);
	CHECK(r->rc == 0 || r->rc == EEXIST);
}

static void race_remove(struct racer *r)
{
	r->rc = dfs_remove(fs, NULL, "one", false, NULL);
	CHECK(r->rc == 0 || r->rc == ENOENT);
}

static void race_move_apart(struct racer *r)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "to-%u", r->idx);
	r->rc = dfs_move(fs, NULL, "one", NULL, name, NULL);
	CHECK(r->rc == 0 || r->rc == ENOENT);
}

static void race_move_same(struct racer *r)
{
	r->rc = dfs_move(fs, NULL, "one", NULL, "target", NULL);
	CHECK(r->rc == 0 || r->rc == ENOENT);
}

/* Everybody his own onto one name. */
static void race_move_onto(struct racer *r)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "own-%u", r->idx);
	r->rc = dfs_move(fs, NULL, name, NULL, "target", NULL);
	CHECK_E(r->rc, 0);
}

/* There and back, against each other. */
static void race_cross(struct racer *r)
{
	r->rc = r->idx % 2 == 0 ? dfs_move(fs, NULL, "x", NULL, "y", NULL)
				: dfs_move(fs, NULL, "y", NULL, "x", NULL);
	CHECK(r->rc == 0 || r->rc == ENOENT);
}

static void race_move_remove(struct racer *r)
{
	r->rc = r->idx == 0 ? dfs_move(fs, NULL, "one", NULL, "gone", NULL)
			    : dfs_remove(fs, NULL, "one", false, NULL);
	CHECK(r->rc == 0 || r->rc == ENOENT);
}

static void content_is(const char *name, const char *text)
{
	dfs_obj_t *obj;
	char back[16] = "";

	CHECK_E(dfs_open(fs, NULL, name, S_IFREG, O_RDONLY, 0, 0, NULL, &obj), 0);
	CHECK_EQ(get_at(obj, back, sizeof(back), 0), strlen(text));
	CHECK(strcmp(back, text) == 0);
	CHECK_E(dfs_release(obj), 0);
}

static void content_set(const char *name, const char *text)
{
	dfs_obj_t *obj;

	CHECK_E(dfs_open(fs, NULL, name, S_IFREG | 0644, O_RDWR | O_CREAT | O_TRUNC, 0, 0, NULL,
			 &obj),
		0);
	CHECK_E(put_at(obj, text, strlen(text), 0), 0);
	CHECK_E(dfs_release(obj), 0);
}

static uint32_t entries(void)
{
	static struct dirent dirs[64];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	uint32_t nr = 64;
	dfs_obj_t *root;

	CHECK_E(dfs_lookup(fs, "/", O_RDONLY, &root, NULL, NULL), 0);
	CHECK_E(dfs_readdir(fs, root, &anchor, &nr, dirs), 0);
	CHECK(daos_anchor_is_eof(&anchor));
	CHECK_E(dfs_release(root), 0);
	return nr;
}

static void races(struct bed *b)
{
	struct racer v[RACERS];
	char name[16];
	uint32_t i;

	fs_open(NULL);
	CHECK_EQ(race(b, race_create, v, RACERS), 1);
	CHECK_EQ(race(b, race_open, v, RACERS), RACERS);
	content_is("both", "xxxxxxxx");	/* it was one file for all */
	CHECK_EQ(race(b, race_mkdir, v, RACERS), 1);
	CHECK_E(dfs_remove(fs, NULL, "dir", false, NULL), 0);
	CHECK_EQ(race(b, race_remove, v, RACERS), 1);
	CHECK_E(exists(NULL, "one"), ENOENT);
	content_set("one", "first");
	CHECK_EQ(race(b, race_move_apart, v, RACERS), 1);
	CHECK_EQ(entries(), 2);		/* "both", and one of the new names */
	for (i = 0; i < RACERS; i++) {
		(void)snprintf(name, sizeof(name), "to-%u", i);
		if (v[i].rc != 0)
			continue;
		content_is(name, "first");
		CHECK_E(dfs_remove(fs, NULL, name, false, NULL), 0);
	}
	content_set("one", "same");
	content_set("target", "victim");
	CHECK_EQ(race(b, race_move_same, v, RACERS), 1);
	content_is("target", "same");
	CHECK_EQ(entries(), 2);
	for (i = 0; i < RACERS; i++) {
		(void)snprintf(name, sizeof(name), "own-%u", i);
		content_set(name, "own");
	}
	CHECK_EQ(race(b, race_move_onto, v, RACERS), RACERS);
	content_is("target", "own");
	CHECK_EQ(entries(), 2);
	CHECK_E(dfs_remove(fs, NULL, "target", false, NULL), 0);
	fs_close();
}

static void test_races(void **state)
{
	(void)state;
	bed_once(races);
}

static void races_cross(struct bed *b)
{
	struct racer v[RACERS];
	uint32_t won;
	int x;
	int y;

	fs_open(NULL);
	content_set("x", "X");
	content_set("y", "Y");
	won = race(b, race_cross, v, RACERS);
	CHECK(won >= 1);
	x = exists(NULL, "x");
	y = exists(NULL, "y");
	CHECK((x == 0 && y == ENOENT) || (x == ENOENT && y == 0));
	CHECK_EQ(entries(), 1);
	/* Whichever is left, its content is whole. */
	CHECK_EQ(entries(), 1);
	CHECK_E(dfs_remove(fs, NULL, x == 0 ? "x" : "y", false, NULL), 0);
	content_set("one", "alive");
	won = race(b, race_move_remove, v, 2);
	CHECK_EQ(won, 1);
	CHECK_E(exists(NULL, "one"), ENOENT);
	if (v[0].rc == 0)
		content_is("gone", "alive");
	else
		CHECK_EQ(entries(), 0);
	fs_close();
}

static void test_races_cross(void **state)
{
	(void)state;
	bed_once(races_cross);
}

/* ---- clients that die in the middle --------------------------------------------------------- */

static void akey_put(const char *name, const char *akey, const void *v, size_t bytes)
{
	daos_obj_id_t oid = { .lo = fs->root.oid.lo, .hi = fs->root.oid.hi };
	daos_handle_t oh;

	CHECK_RC(daos_obj_open(fs_coh, oid, DAOS_OO_RW, &oh, NULL), 0);
	CHECK_RC(bed_put(oh, name, akey, v, bytes, 0), 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
}

static void leftovers(struct bed *b)
{
	struct rt *rt = bed_main(b)->rt;
	static const uint8_t dead[16] = { 1, 2, 3 };
	uint8_t raw[DFS_INODE_BYTES];
	struct dfs_inode in;
	uint64_t t0;

	fs_open(NULL);
	content_set("a", "text");
	akey_put("a", "DFS_MOVE", dead, sizeof(dead));	/* claimed by somebody who is no more */
	t0 = rt_now_ns(rt);
	CHECK_E(dfs_move(fs, NULL, "a", NULL, "b", NULL), 0);
	CHECK(rt_now_ns(rt) - t0 >= 5 * BED_S && rt_now_ns(rt) - t0 < 8 * BED_S);
	content_is("b", "text");
	t0 = rt_now_ns(rt);
	CHECK_E(dfs_move(fs, NULL, "b", NULL, "a", NULL), 0);	/* nothing is left of it */
	CHECK(rt_now_ns(rt) - t0 < BED_S);
	/* Died after the new name was written: both are there; renaming again finishes it. */
	CHECK_RC(dfs_entry_fetch(bed_main(b), fs->root.oh, "a", &in), 0);
	dfs_inode_encode(&in, raw);
	CHECK_RC(dfs_entry_insert(bed_main(b), fs->root.oh, "b", &in, NULL), 0);
	content_is("b", "text");
	CHECK_E(dfs_move(fs, NULL, "a", NULL, "b", NULL), 0);
	CHECK_E(exists(NULL, "a"), ENOENT);
	content_is("b", "text");
	CHECK_EQ(entries(), 1);
	fs_close();
}

static void test_leftovers(void **state)
{
	(void)state;
	bed_once(leftovers);
}

/* ---- no memory ------------------------------------------------------------------------------ */

/* A bit of everything; undone whatever happens. */
static int sweep_body(void)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	static struct dirent dirs[4];
	dfs_obj_t *dir = NULL;
	dfs_obj_t *obj = NULL;
	dfs_obj_t *far = NULL;
	uint32_t nr = 4;
	struct stat st;
	char c[8];
	int rc;

	rc = dfs_mkdir(fs, NULL, "d", 0755, 0);
	if (rc == 0)
		rc = dfs_lookup(fs, "/d", O_RDWR, &dir, NULL, &st);
	if (rc == 0)
		rc = dfs_open(fs, dir, "f", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &obj);
	if (rc == 0)
		rc = put_at(obj, "data", 4, 0);
	if (rc == 0)
		rc = get_at(obj, c, 4, 0) == 4 ? 0 : ENOMEM;
	if (rc == 0)
		rc = dfs_setxattr(fs, obj, "user.x", "y", 1, 0);
	if (rc == 0)
		rc = dfs_move(fs, dir, "f", NULL, "g", NULL);
	if (rc == 0)
		rc = dfs_ostat(fs, obj, &st);
	if (rc == 0)
		rc = dfs_readdir(fs, dir, &anchor, &nr, dirs);
	if (rc == 0)
		rc = dfs_lookup(fs, "/d/../g", O_RDONLY, &far, NULL, NULL);
	if (rc == 0)
		rc = dfs_remove(fs, NULL, "d", true, NULL);
	if (dir != NULL)
		CHECK_E(dfs_release(dir), 0);
	if (obj != NULL)
		CHECK_E(dfs_release(obj), 0);
	if (far != NULL)
		CHECK_E(dfs_release(far), 0);
	return rc;
}

static void sweep_clean(void)
{
	static const char *const names[] = { "d", "g" };
	uint32_t i;

	for (i = 0; i < 2; i++) {
		int rc = dfs_remove(fs, NULL, names[i], true, NULL);

		CHECK(rc == 0 || rc == ENOENT);
	}
}

static void sweep(struct bed *b)
{
	struct arena *arenas[2] = { &b->proc_mem, bed_arena(b->clients[0].ls) };
	uint32_t fails;
	uint64_t n;
	uint32_t k;
	int rc;

	fs_open(NULL);
	CHECK_E(sweep_body(), 0);	/* pools are filled */
	sweep_clean();
	for (k = 0; k < 2; k++) {
		uint64_t live = arenas[k]->count;

		fails = 0;
		for (n = 1;; n++) {
			arenas[k]->fail_at = n;
			rc = sweep_body();
			if (arenas[k]->fail_at != 0) {	/* there were fewer */
				arenas[k]->fail_at = 0;
				CHECK_E(rc, 0);
				break;
			}
			CHECK(rc == ENOMEM || rc == 0 || rc == ENOSPC);
			fails += rc != 0;
			sweep_clean();
		}
		sweep_clean();
		CHECK(fails > 10);
		CHECK_EQ(arenas[0]->count, k == 0 ? live : arenas[0]->count);
	}
	fs_close();
}

static void test_sweep(void **state)
{
	(void)state;
	bed_once(sweep);
}

/* ---- stacks --------------------------------------------------------------------------------- */

static void stack_script(struct racer *r)
{
	CHECK_E(sweep_body(), 0);
	r->rc = 0;
}

static void stack_run(struct bed *b)
{
	struct racer v[1];

	fs_open(NULL);
	CHECK_EQ(race(b, stack_script, v, 1), 1);
	sweep_clean();
	fs_close();
}

/* Every call fits the stack of a simulated process, with room to spare. */
static void test_stacks(void **state)
{
	struct bed_opts opts = { .flags = BED_PAINT };
	struct bed *b = bed_new(&opts);
	uint32_t deepest = 0;
	uint32_t i;

	(void)state;
	bed_run(b, stack_run);
	for (i = 0; i < b->stack_names; i++)
		if (strcmp(b->stacks[i].name, "racer") == 0)
			deepest = b->stacks[i].bytes;
	printf("deepest stack of a dfs call: %u bytes\n", deepest);
	assert_true(deepest > 0);
#if !defined(BASE_ASAN) && !defined(BASE_TSAN)
	assert_true(deepest <= 8192);
#endif
	bed_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),	    cmocka_unit_test(test_moves_much),
		cmocka_unit_test(test_exchanges),   cmocka_unit_test(test_races),
		cmocka_unit_test(test_races_cross), cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_sweep),	    cmocka_unit_test(test_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

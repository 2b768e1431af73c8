/* Mounts and files of dfs, over a whole system on the virtual clock. */
#include "tests/unit/dfs_bed.h"

#include "daos_event.h"

/* ---- mounts --------------------------------------------------------------------------------- */

static void mounts(struct bed *b)
{
	dfs_attr_t attr = { .da_chunk_size = 65536, .da_oclass_id = OC_S2, .da_mode = DFS_BALANCED,
			    .da_file_oclass_id = OC_SX, .da_hints = "dir:single" };
	struct daos_prop_entry hdf5 = { .dpe_type = DAOS_PROP_CO_LAYOUT_TYPE,
					.dpe_val = DAOS_PROP_CO_LAYOUT_HDF5 };
	daos_prop_t prop = { .dpp_nr = 1, .dpp_entries = &hdf5 };
	dfs_attr_t wrong = { .da_props = &prop };
	dfs_attr_t got;
	dfs_obj_t *obj;
	struct stat st;
	dfs_t *ro;

	(void)b;
	fs_open(&attr);
	CHECK_E(dfs_query(fs, &got), 0);
	CHECK_EQ(got.da_chunk_size, 65536);
	CHECK_EQ(got.da_oclass_id, OC_S2);
	CHECK_EQ(got.da_file_oclass_id, OC_SX);
	CHECK_EQ(got.da_mode, DFS_BALANCED);
	CHECK(strcmp(got.da_hints, "dir:single") == 0);
	touch(NULL, "f");
	CHECK_E(dfs_mount(fs_poh, fs_coh, DFS_RDONLY, &ro), 0);
	CHECK_E(dfs_stat(ro, NULL, "f", &st), 0);
	CHECK_E(dfs_mkdir(ro, NULL, "d", 0755, 0), EPERM);
	CHECK_E(dfs_open(ro, NULL, "f", S_IFREG, O_RDWR, 0, 0, NULL, &obj), EPERM);
	CHECK_E(dfs_open(ro, NULL, "f", S_IFREG, O_RDONLY, 0, 0, NULL, &obj), 0);
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_access(ro, NULL, "f", W_OK), EPERM);
	CHECK_E(dfs_umount(ro), 0);
	CHECK_E(dfs_mount(fs_poh, fs_coh, DFS_RDWR | 0x40000000, &ro), EINVAL);
	CHECK_E(dfs_mount(fs_poh, fs_poh, DFS_RDWR, &ro), EINVAL);
	CHECK_E(dfs_cont_create_with_label(fs_poh, "fs", NULL, NULL, NULL, NULL), EEXIST);
	CHECK_E(dfs_cont_create_with_label(fs_poh, "x y", NULL, NULL, NULL, NULL), EINVAL);
	CHECK_E(dfs_cont_create_with_label(fs_poh, "h", &wrong, NULL, NULL, NULL), EINVAL);
	wrong = (dfs_attr_t){ .da_hints = "file:huge" };
	CHECK_E(dfs_cont_create_with_label(fs_poh, "h", &wrong, NULL, NULL, NULL), EINVAL);
	/* Nothing is left. */
	CHECK_RC(daos_cont_destroy2(fs_poh, "h", 1, NULL), -DER_NONEXIST);
	fs_close();
}

static void test_mounts(void **state)
{
	(void)state;
	bed_once(mounts);
}

/* A container that holds no file system, one whose superblock is damaged or newer. */
static void not_ours(struct bed *b)
{
	static const uint16_t newer = 9;
	static const uint64_t nonsense = 1;
	daos_handle_t coh;
	daos_handle_t oh;
	daos_obj_id_t oid;
	dfs_t *mnt;

	bed_connect(b);
	CHECK_E(dfs_mount(b->poh, b->coh, DFS_RDWR, &mnt), EINVAL);
	CHECK_RC(daos_cont_close(b->coh, NULL), 0);
	CHECK_E(dfs_cont_create_with_label(b->poh, "fs", NULL, NULL, &coh, &mnt), 0);
	oid = (daos_obj_id_t){ .lo = mnt->sb->oid.lo, .hi = mnt->sb->oid.hi };
	CHECK_E(dfs_umount(mnt), 0);
	CHECK_RC(daos_obj_open(coh, oid, DAOS_OO_RW, &oh, NULL), 0);
	CHECK_RC(bed_put(oh, "DFS_SB_METADATA", "DFS_LAYOUT_VERSION", &newer, 2, 0), 0);
	CHECK_E(dfs_mount(b->poh, coh, DFS_RDWR, &mnt), EIO);
	CHECK_RC(bed_put(oh, "DFS_SB_METADATA", "DFS_MAGIC", &nonsense, 8, 0), 0);
	CHECK_E(dfs_mount(b->poh, coh, DFS_RDWR, &mnt), EIO);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, 0, NULL), 0);
	CHECK_E(dfs_mount(b->poh, coh, DFS_RDWR, &mnt), ENOENT);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	CHECK_RC(daos_cont_close(coh, NULL), 0);
	CHECK_RC(daos_pool_disconnect(b->poh, NULL), 0);
}

static void test_not_ours(void **state)
{
	(void)state;
	bed_once(not_ours);
}

static void connects(struct bed *b)
{
	struct stat st;
	dfs_t *one;
	dfs_t *two;

	(void)b;
	CHECK_E(dfs_init(), 0);
	CHECK_E(dfs_connect(BED_POOL, NULL, "made", O_RDWR, NULL, &one), ENOENT);
	CHECK_E(dfs_connect("nosuch", NULL, "made", O_RDWR | O_CREAT, NULL, &one), ENOENT);
	CHECK_E(dfs_connect(BED_POOL, NULL, "made", O_RDWR | O_CREAT, NULL, &one), 0);
	CHECK_E(dfs_connect(BED_POOL, BED_SYSTEM, "made", O_RDONLY, NULL, &two), 0);
	CHECK_E(dfs_mkdir(one, NULL, "d", 0755, 0), 0);
	CHECK_E(dfs_stat(two, NULL, "d", &st), 0);
	CHECK_E(dfs_umount(one), EINVAL);	/* it has handles to give back */
	CHECK_E(dfs_disconnect(one), 0);
	CHECK_E(dfs_destroy(BED_POOL, NULL, "made", 0, NULL), EBUSY);
	CHECK_E(dfs_disconnect(two), 0);
	CHECK_E(dfs_destroy(BED_POOL, "elsewhere", "made", 0, NULL), ENOENT);
	CHECK_E(dfs_destroy(BED_POOL, NULL, "made", 0, NULL), 0);
	CHECK_E(dfs_destroy(BED_POOL, NULL, "made", 0, NULL), ENOENT);
	CHECK_E(dfs_fini(), 0);
}

static void test_connects(void **state)
{
	(void)state;
	bed_once(connects);
}

/* ---- open ----------------------------------------------------------------------------------- */

static void opens(struct bed *b)
{
	dfs_obj_t *obj;
	dfs_obj_t *two;
	daos_size_t chunk;
	mode_t mode;
	char c = 'x';

	(void)b;
	fs_open(NULL);
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG, O_RDWR, 0, 0, NULL, &obj), ENOENT);
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG | 0600, O_RDWR | O_CREAT, OC_S1, 4096, NULL, &obj),
		0);
	CHECK_E(dfs_get_chunk_size(obj, &chunk), 0);
	CHECK_EQ(chunk, 4096);
	CHECK_E(dfs_get_mode(obj, &mode), 0);
	CHECK_EQ(mode, S_IFREG | 0600);
	CHECK_E(put_at(obj, "data", 4, 0), 0);
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG | 0600, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL,
			 &two),
		EEXIST);
	/* Without O_EXCL it is the one that is there, with its chunks. */
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &two), 0);
	CHECK_E(dfs_get_chunk_size(two, &chunk), 0);
	CHECK_EQ(chunk, 4096);
	CHECK_EQ(size_of(two), 4);
	CHECK_E(dfs_release(two), 0);
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG, O_RDWR | O_TRUNC, 0, 0, NULL, &two), 0);
	CHECK_EQ(size_of(two), 0);
	CHECK_EQ(size_of(obj), 0);
	CHECK_E(dfs_release(two), 0);
	CHECK_E(dfs_open(fs, NULL, "f", S_IFDIR, O_RDWR, 0, 0, NULL, &two), ENOTDIR);
	CHECK_E(dfs_mkdir(fs, NULL, "d", 0755, 0), 0);
	CHECK_E(dfs_open(fs, NULL, "d", S_IFREG, O_RDONLY, 0, 0, NULL, &two), EINVAL);
	symlink_to(NULL, "l", "f");
	CHECK_E(dfs_open(fs, NULL, "l", S_IFREG, O_RDONLY, 0, 0, NULL, &two), EINVAL);
	CHECK_E(dfs_release(obj), 0);
	/* Access is what was asked for. */
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG, O_RDONLY, 0, 0, NULL, &obj), 0);
	CHECK_E(put_at(obj, &c, 1, 0), EPERM);
	CHECK_E(dfs_punch(fs, obj, 0, 1), EPERM);
	CHECK_E(dfs_dup(fs, obj, O_RDWR, &two), 0);
	CHECK_E(put_at(two, &c, 1, 0), 0);
	CHECK_E(dfs_release(two), 0);
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG, O_WRONLY, 0, 0, NULL, &obj), 0);
	CHECK_EQ(-get_at(obj, &c, 1, 0), EPERM);
	CHECK_E(dfs_release(obj), 0);
	/* A directory by dfs_open(), made and found. */
	CHECK_E(dfs_open(fs, NULL, "e", S_IFDIR | 0700, O_RDWR | O_CREAT, 0, 0, NULL, &obj), 0);
	CHECK_E(dfs_open(fs, NULL, "e", S_IFDIR | 0700, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL,
			 &two),
		EEXIST);
	touch(obj, "in");
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_lookup(fs, "/e/in", O_RDONLY, &obj, &mode, NULL), 0);
	CHECK_EQ(mode, S_IFREG | 0644);
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_opens(void **state)
{
	(void)state;
	bed_once(opens);
}

/* ---- transfers ------------------------------------------------------------------------------ */

static void fill(char *v, size_t bytes, uint64_t seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		v[i] = (char)(seed * 31 + i * 7 + (i >> 8));
}

static void transfers(struct bed *b)
{
	static char out[300000];
	static char in[300000];
	dfs_attr_t attr = { .da_chunk_size = 65536 };
	dfs_obj_t *obj;
	size_t i;

	(void)b;
	fs_open(&attr);
	obj = create(NULL, "f");
	CHECK_EQ(size_of(obj), 0);
	CHECK_EQ(get_at(obj, in, 100, 0), 0);
	fill(out, sizeof(out), 1);
	CHECK_E(put_at(obj, out, 200001, 0), 0);	/* a multiple of nothing */
	CHECK_EQ(size_of(obj), 200001);
	memset(in, 0xee, sizeof(in));
	CHECK_EQ(get_at(obj, in, sizeof(in), 0), 200001);
	CHECK(memcmp(in, out, 200001) == 0);
	CHECK_EQ(get_at(obj, in, 10, 200000), 1);
	CHECK_EQ(get_at(obj, in, 10, 200001), 0);
	CHECK_EQ(get_at(obj, in, 10, 1ull << 40), 0);
	CHECK_E(put_at(obj, "abc", 3, 65535), 0);	/* across a chunk's border */
	memcpy(out + 65535, "abc", 3);
	CHECK_EQ(get_at(obj, in, 1000, 65000), 1000);
	CHECK(memcmp(in, out + 65000, 1000) == 0);
	CHECK_EQ(size_of(obj), 200001);
	/* Far behind the end: a hole of zeros in between. */
	CHECK_E(put_at(obj, "end", 3, 1000000), 0);
	CHECK_EQ(size_of(obj), 1000003);
	memset(in, 0xee, sizeof(in));
	CHECK_EQ(get_at(obj, in, sizeof(in), 200001), sizeof(in));
	for (i = 0; i < sizeof(in); i++)
		CHECK(in[i] == 0);
	memset(in, 0xee, 8);
	CHECK_EQ(get_at(obj, in, 8, 999998), 5);
	CHECK(memcmp(in, "\0\0end", 5) == 0);
	CHECK_E(put_at(obj, NULL, 0, 5000000), 0);	/* nothing written: nothing grows */
	CHECK_EQ(size_of(obj), 1000003);
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_transfers(void **state)
{
	(void)state;
	bed_once(transfers);
}

/* Several vectors, more room than is asked for, ranges in any order. */
static void vectors(struct bed *b)
{
	daos_range_t down[3] = { { 70000, 5 }, { 100, 3 }, { 65534, 4 } };
	daos_range_t over[2] = { { 10, 5 }, { 14, 5 } };
	dfs_iod_t iod = { .iod_nr = 3, .iod_rgs = down };
	dfs_attr_t attr = { .da_chunk_size = 65536 };
	char a[8] = "01234";
	char z[8] = "56789ab";
	char back[2][8];
	d_iov_t iovs[2];
	d_sg_list_t sgl = { .sg_nr = 2, .sg_iovs = iovs };
	daos_size_t got;
	dfs_obj_t *obj;

	(void)b;
	fs_open(&attr);
	obj = create(NULL, "f");
	d_iov_set(&iovs[0], a, 5);
	d_iov_set(&iovs[1], z, 7);
	CHECK_E(dfs_writex(fs, obj, &iod, &sgl, NULL), 0);
	CHECK_EQ(size_of(obj), 70005);
	memset(back, 0, sizeof(back));
	CHECK_EQ(get_at(obj, back[0], 5, 70000), 5);
	CHECK_EQ(get_at(obj, back[1], 4, 65534), 4);
	CHECK(memcmp(back[0], "01234", 5) == 0 && memcmp(back[1], "89ab", 4) == 0);
	/* Read back in the same, descending order. */
	memset(back, '-', sizeof(back));
	d_iov_set(&iovs[0], back[0], 8);
	iovs[0].iov_len = 6;	/* of the room of 8 */
	d_iov_set(&iovs[1], back[1], 6);
	CHECK_E(dfs_readx(fs, obj, &iod, &sgl, &got, NULL), 0);
	CHECK_EQ(got, 12);
	CHECK(memcmp(back[0], "012345--", 8) == 0 && memcmp(back[1], "6789ab--", 8) == 0);
	down[0].rg_idx = 70003;	/* three of its bytes are behind the end */
	CHECK_E(dfs_readx(fs, obj, &iod, &sgl, &got, NULL), 0);
	CHECK_EQ(got, 9);
	iod = (dfs_iod_t){ .iod_nr = 2, .iod_rgs = over };
	CHECK_E(dfs_readx(fs, obj, &iod, &sgl, &got, NULL), EINVAL);
	CHECK_E(dfs_writex(fs, obj, &iod, &sgl, NULL), EINVAL);
	over[1].rg_idx = 15;
	over[1].rg_len = 500;	/* more than the memory */
	CHECK_E(dfs_readx(fs, obj, &iod, &sgl, &got, NULL), EINVAL);
	CHECK_E(dfs_writex(fs, obj, &iod, &sgl, NULL), EINVAL);
	CHECK_EQ(size_of(obj), 70005);
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_open(fs, NULL, "f", S_IFREG, O_RDWR | O_APPEND, 0, 0, NULL, &obj), 0);
	CHECK_E(put_at(obj, "tail", 4, 0), 0);
	CHECK_EQ(size_of(obj), 70009);
	CHECK_EQ(get_at(obj, a, 4, 70005), 4);
	CHECK(memcmp(a, "tail", 4) == 0);
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_vectors(void **state)
{
	(void)state;
	bed_once(vectors);
}

static void zeros(dfs_obj_t *obj, uint64_t off, uint64_t bytes)
{
	char v[512];
	size_t i;

	CHECK(bytes <= sizeof(v));
	memset(v, 0xee, sizeof(v));
	CHECK_EQ(get_at(obj, v, bytes, off), bytes);
	for (i = 0; i < bytes; i++)
		CHECK(v[i] == 0);
}

static void punches(struct bed *b)
{
	static char out[20000];
	dfs_attr_t attr = { .da_chunk_size = 4096 };
	struct stat st = { .st_size = 0 };
	daos_obj_id_t oid;
	daos_size_t size;
	dfs_obj_t *obj;

	(void)b;
	fs_open(&attr);
	obj = create(NULL, "f");
	memset(out, 'd', sizeof(out));
	CHECK_E(put_at(obj, out, sizeof(out), 0), 0);
	CHECK_E(dfs_punch(fs, obj, 100, 50), 0);	/* a hole inside */
	CHECK_EQ(size_of(obj), 20000);
	zeros(obj, 100, 50);
	CHECK_E(dfs_punch(fs, obj, 4096, 8192), 0);	/* whole chunks */
	zeros(obj, 8000, 200);
	CHECK_EQ(size_of(obj), 20000);
	CHECK_E(dfs_punch(fs, obj, 3, 0), 0);
	CHECK_E(dfs_punch(fs, obj, 20000, 10), 0);	/* behind the end */
	CHECK_E(dfs_punch(fs, obj, 99999, 10), 0);
	CHECK_EQ(size_of(obj), 20000);
	CHECK_E(dfs_punch(fs, obj, 19000, 5000), 0);	/* reaching the end: it ends there */
	CHECK_EQ(size_of(obj), 19000);
	CHECK_E(dfs_punch(fs, obj, 4500, DFS_MAX_FSIZE), 0);	/* into the hole */
	CHECK_EQ(size_of(obj), 4500);
	CHECK_E(dfs_punch(fs, obj, 30000, DFS_MAX_FSIZE), 0);	/* grows */
	CHECK_EQ(size_of(obj), 30000);
	zeros(obj, 29600, 400);
	zeros(obj, 4096, 400);
	st.st_size = 4097;
	CHECK_E(dfs_osetattr(fs, obj, &st, DFS_SET_ATTR_SIZE), 0);
	CHECK_EQ(st.st_size, 4097);
	CHECK_EQ(size_of(obj), 4097);
	CHECK_E(dfs_obj2id(obj, &oid), 0);
	CHECK_E(dfs_get_size_by_oid(fs, oid, 4096, &size), 0);
	CHECK_EQ(size, 4097);
	st.st_size = 0;
	CHECK_E(dfs_osetattr(fs, obj, &st, DFS_SET_ATTR_SIZE), 0);
	CHECK_EQ(size_of(obj), 0);
	CHECK_E(put_at(obj, "x", 1, 7), 0);
	CHECK_EQ(size_of(obj), 8);
	zeros(obj, 0, 7);
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_punches(void **state)
{
	(void)state;
	bed_once(punches);
}

/* ---- events --------------------------------------------------------------------------------- */

static void events(struct bed *b)
{
	daos_event_t ev[3];
	daos_event_t *done[3];
	d_iov_t iov[2];
	d_sg_list_t sgl[2] = { { .sg_nr = 1, .sg_iovs = &iov[0] },
			       { .sg_nr = 1, .sg_iovs = &iov[1] } };
	daos_range_t over[2] = { { 0, 2 }, { 1, 2 } };
	dfs_iod_t iod = { .iod_nr = 2, .iod_rgs = over };
	char out[10] = "0123456789";
	char in[10];
	daos_size_t got = 77;
	daos_handle_t eq;
	dfs_obj_t *obj;
	uint32_t i;

	(void)b;
	fs_open(NULL);
	obj = create(NULL, "f");
	CHECK_RC(daos_eq_create(&eq), 0);
	for (i = 0; i < 3; i++)
		CHECK_RC(daos_event_init(&ev[i], eq, NULL), 0);
	d_iov_set(&iov[0], out, 10);
	d_iov_set(&iov[1], in, 10);
	CHECK_E(dfs_write(fs, obj, &sgl[0], 5, &ev[0]), 0);
	CHECK_EQ(daos_eq_poll(eq, 1, DAOS_EQ_WAIT, 3, done), 1);
	CHECK(done[0] == &ev[0] && ev[0].ev_error == 0);
	CHECK_E(dfs_read(fs, obj, &sgl[1], 5, &got, &ev[0]), 0);
	CHECK_E(dfs_readx(fs, obj, &iod, &sgl[0], &got, &ev[1]), 0);	/* found out later */
	CHECK_E(dfs_read(fs, obj, NULL, 5, &got, &ev[2]), EINVAL);	/* at once */
	for (i = 0; i < 2;)
		i += (uint32_t)daos_eq_poll(eq, 1, DAOS_EQ_WAIT, 3, done);
	CHECK_EQ(got, 10);
	CHECK(memcmp(in, out, 10) == 0);
	CHECK_EQ(ev[0].ev_error, 0);
	CHECK_EQ(ev[1].ev_error, EINVAL);
	for (i = 0; i < 3; i++)
		CHECK_RC(daos_event_fini(&ev[i]), 0);
	CHECK_RC(daos_eq_destroy(eq, 0), 0);
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_events(void **state)
{
	(void)state;
	bed_once(events);
}

/* ---- handles for others --------------------------------------------------------------------- */

static void shares(struct bed *b)
{
	char mem[2][2048];
	d_iov_t glob = { 0 };
	d_iov_t oglob = { 0 };
	dfs_attr_t attr;
	daos_size_t size;
	dfs_t *mine = NULL;
	dfs_obj_t *link;
	dfs_obj_t *obj;
	dfs_obj_t *two;
	dfs_t *other;
	char c[4];

	(void)b;
	fs_open(NULL);
	mine = fs;
	obj = create(NULL, "f");
	CHECK_E(put_at(obj, "abcd", 4, 0), 0);
	CHECK_E(dfs_local2global(fs, &glob), 0);
	CHECK(glob.iov_buf_len > 0 && glob.iov_buf_len <= sizeof(mem[0]));
	d_iov_set(&glob, mem[0], 8);
	CHECK_E(dfs_local2global(fs, &glob), EOVERFLOW);
	glob.iov_buf = mem[0];	/* iov_buf_len has become what is needed */
	CHECK_E(dfs_local2global(fs, &glob), 0);
	CHECK_E(dfs_global2local(fs_poh, fs_coh, 0, glob, &other), 0);
	CHECK_E(dfs_query(other, &attr), 0);
	CHECK_EQ(attr.da_chunk_size, DFS_DEFAULT_CHUNK_SIZE);
	CHECK_E(dfs_obj_local2global(fs, obj, &oglob), 0);
	oglob.iov_buf = mem[1];
	CHECK_E(dfs_obj_local2global(fs, obj, &oglob), 0);
	CHECK_E(dfs_obj_global2local(other, O_RDONLY, oglob, &two), 0);
	fs = other;
	CHECK_EQ(get_at(two, c, 4, 0), 4);
	CHECK(memcmp(c, "abcd", 4) == 0);
	CHECK_E(put_at(two, "z", 1, 0), 0);	/* flags 0 (O_RDONLY) is "as there" */
	CHECK_E(dfs_release(two), 0);
	((char *)oglob.iov_buf)[0] ^= 1;
	CHECK_E(dfs_obj_global2local(other, 0, oglob, &two), EINVAL);
	oglob.iov_len = 10;
	CHECK_E(dfs_obj_global2local(other, 0, oglob, &two), EINVAL);
	CHECK_E(dfs_umount(other), 0);
	fs = mine;
	/* A symbolic link takes its target along. */
	symlink_to(NULL, "l", "where/to");
	CHECK_E(dfs_lookup(fs, "/l", O_RDONLY | O_NOFOLLOW, &link, NULL, NULL), 0);
	d_iov_set(&oglob, mem[1], sizeof(mem[1]));
	CHECK_E(dfs_obj_local2global(fs, link, &oglob), 0);
	CHECK_E(dfs_obj_global2local(fs, 0, oglob, &two), 0);
	size = sizeof(mem[0]);
	CHECK_E(dfs_get_symlink_value(two, mem[0], &size), 0);
	CHECK_EQ(size, 9);
	CHECK(strcmp(mem[0], "where/to") == 0);
	CHECK_E(dfs_release(two), 0);
	CHECK_E(dfs_release(link), 0);
	/* With pool and container along. */
	d_iov_set(&glob, mem[0], sizeof(mem[0]));
	CHECK_E(dfs_local2global_all(fs, &glob), 0);
	CHECK_E(dfs_global2local_all(0, glob, &other), 0);
	fs = other;
	CHECK_E(exists(NULL, "f"), 0);
	fs = mine;
	CHECK_E(dfs_disconnect(other), 0);
	glob.iov_len--;
	CHECK_E(dfs_global2local_all(0, glob, &other), EINVAL);
	CHECK_E(dfs_release(obj), 0);
	fs_close();
}

static void test_shares(void **state)
{
	(void)state;
	bed_once(shares);
}

/* ---- classes and chunks --------------------------------------------------------------------- */

static void classes(struct bed *b)
{
	dfs_obj_info_t info;
	daos_oclass_id_t cid;
	daos_handle_t oh;
	dfs_obj_t *dir;
	dfs_obj_t *sub;
	dfs_obj_t *obj;

	(void)b;
	fs_open(NULL);
	dir = mkdir_open(NULL, "d");
	CHECK_E(dfs_obj_get_info(fs, dir, &info), 0);
	CHECK_EQ(info.doi_oclass_id, OC_S1);
	CHECK_EQ(info.doi_file_oclass_id, OC_SX);
	CHECK_EQ(info.doi_dir_oclass_id, OC_S1);
	CHECK_EQ(info.doi_chunk_size, DFS_DEFAULT_CHUNK_SIZE);
	CHECK_E(dfs_obj_set_oclass(fs, dir, 0, OC_S2), 0);
	CHECK_E(dfs_obj_set_chunk_size(fs, dir, 0, 8192), 0);
	sub = mkdir_open(dir, "sub");	/* hands down what it was handed */
	obj = create(sub, "f");
	CHECK_E(dfs_obj_get_info(fs, obj, &info), 0);
	CHECK_EQ(info.doi_oclass_id, OC_S2);
	CHECK_EQ(info.doi_chunk_size, 8192);
	CHECK_E(dfs_get_file_oh(obj, &oh), 0);
	CHECK(daos_handle_is_valid(oh));
	CHECK_E(dfs_obj_set_oclass(fs, obj, 0, OC_S2), ENOTSUP);
	CHECK_E(dfs_release(obj), 0);
	obj = create(NULL, "wide");
	CHECK_E(dfs_obj_get_info(fs, obj, &info), 0);
	CHECK_EQ(info.doi_oclass_id, OC_S4);	/* SX of four targets */
	CHECK_E(dfs_suggest_oclass(fs, "file:max", &cid), 0);
	CHECK_EQ(cid, OC_SX);
	CHECK_E(dfs_suggest_oclass(fs, "file:single", &cid), 0);
	CHECK_EQ(cid, OC_S1);
	CHECK_E(dfs_suggest_oclass(fs, "dir:max", &cid), 0);
	CHECK_EQ(cid, OC_SX);
	CHECK_E(dfs_suggest_oclass(fs, "huge", &cid), EINVAL);
	CHECK_E(dfs_release(obj), 0);
	CHECK_E(dfs_release(sub), 0);
	CHECK_E(dfs_release(dir), 0);
	fs_close();
}

static void test_classes(void **state)
{
	(void)state;
	bed_once(classes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),	  cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_connects),  cmocka_unit_test(test_opens),
		cmocka_unit_test(test_transfers), cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_punches),	  cmocka_unit_test(test_events),
		cmocka_unit_test(test_shares),	  cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Every function that IOR, mdtest and fio need, by a program that knows the public headers only.
 *
 * usage: tier1 POOL [alone]
 *
 * Two processes: the child is forked before daos_init(), gets all handles through a pipe, and works
 * with them as an MPI rank would. "alone": nobody else may enter the system (embedded mode), so the
 * child checks that it is refused, and handles are handed over within the process.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <daos.h>
#include <daos_fs.h>
#include <gurt/common.h>
#include <gurt/hash.h>

#if DAOS_API_VERSION_MAJOR != 2 || DAOS_API_VERSION_MINOR < 8
#error "the version that programs test"
#endif

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: [%d] check failed: %s\n", __FILE__, __LINE__,      \
				(int)getpid(), #cond);                                             \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_RC(call, want)                                                                       \
	do {                                                                                       \
		int rc_ = (call);                                                                  \
		if (rc_ != (want)) {                                                               \
			fprintf(stderr, "%s:%d: [%d] %s = %d, expected %d\n", __FILE__, __LINE__,  \
				(int)getpid(), #call, rc_, (want));                                \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define CONT "api-test"
#define MIB (1u << 20)

static daos_handle_t poh;
static daos_handle_t coh;
static dfs_t *fs;

/* ---- libgurt -------------------------------------------------------------------------------- */

struct rec {
	d_list_t link;
	int key;
	int refs;
};

static int freed;

static struct rec *rec_of(d_list_t *link)
{
	return container_of(link, struct rec, link);
}

static bool key_cmp(struct d_hash_table *t, d_list_t *link, const void *key, unsigned int size)
{
	(void)t;
	(void)size;
	return rec_of(link)->key == *(const int *)key;
}

static void rec_addref(struct d_hash_table *t, d_list_t *link)
{
	(void)t;
	rec_of(link)->refs++;
}

static bool rec_decref(struct d_hash_table *t, d_list_t *link)
{
	(void)t;
	return --rec_of(link)->refs == 0;
}

static void rec_free(struct d_hash_table *t, d_list_t *link)
{
	(void)t;
	freed++;
	free(rec_of(link));
}

static d_hash_table_ops_t hash_ops = {
	.hop_key_cmp = key_cmp,
	.hop_rec_addref = rec_addref,
	.hop_rec_decref = rec_decref,
	.hop_rec_free = rec_free,
};

static void gurt(void)
{
	uint32_t features = D_HASH_FT_EPHEMERAL | D_HASH_FT_NOLOCK | D_HASH_FT_LRU;
	d_rank_list_t *ranks = daos_rank_list_parse("0:3:17", ":");
	struct d_hash_table *table;
	d_list_t *link;
	int key;

	CHECK(ranks != NULL && ranks->rl_nr == 3 && ranks->rl_ranks[2] == 17);
	d_rank_list_free(ranks);
	CHECK(d_hash_string_u32("/a/b", 4) == d_hash_string_u32("/a/b", 4));
	CHECK(d_hash_string_u32("/a/b", 4) != d_hash_string_u32("/a/c", 4));
	CHECK_RC(d_hash_table_create(features, 4, NULL, &hash_ops, &table), 0);
	for (key = 0; key < 100; key++) {
		struct rec *r = calloc(1, sizeof(*r));

		CHECK(r != NULL);
		r->key = key;
		r->refs = 1;	/* ours: an ephemeral table takes none */
		CHECK_RC(d_hash_rec_insert(table, &key, sizeof(key), &r->link, true), 0);
	}
	key = 42;
	link = d_hash_rec_find(table, &key, sizeof(key));
	CHECK(link != NULL && rec_of(link)->key == 42);
	d_hash_rec_decref(table, link);
	while ((link = d_hash_rec_first(table)) != NULL)
		d_hash_rec_decref(table, link);
	CHECK(freed == 100);
	CHECK_RC(d_hash_table_destroy(table, false), 0);
}

/* ---- pool and container --------------------------------------------------------------------- */

static void connect_all(const char *pool)
{
	daos_pool_info_t info = { .pi_bits = DPI_SPACE };
	dfs_attr_t attr = { .da_chunk_size = MIB };
	daos_handle_t bad = DAOS_HDL_INVAL;
	char label[] = CONT;

	CHECK_RC(daos_pool_connect("no-such-pool", NULL, DAOS_PC_RW, &poh, NULL, NULL),
		 -DER_NONEXIST);
	CHECK_RC(daos_pool_connect(pool, NULL, DAOS_PC_RW, &poh, NULL, NULL), 0);
	CHECK_RC(daos_pool_query(poh, NULL, &info, NULL, NULL), 0);
	CHECK(info.pi_ntargets > 0);
	CHECK(info.pi_space.ps_space.s_total[DAOS_MEDIA_SCM] +
		      info.pi_space.ps_space.s_total[DAOS_MEDIA_NVME] >
	      0);
	CHECK_RC(daos_pool_query(bad, NULL, &info, NULL, NULL), -DER_NO_HDL);
	CHECK_RC(daos_cont_open(poh, label, DAOS_COO_RW, &coh, NULL, NULL), -DER_NONEXIST);
	attr.da_file_oclass_id = (daos_oclass_id_t)daos_oclass_name2id("SX");
	CHECK(attr.da_file_oclass_id == OC_SX);
	CHECK(daos_oclass_name2id("SIX") == OC_UNKNOWN);
	CHECK_RC(dfs_cont_create_with_label(poh, label, &attr, NULL, &coh, NULL), 0);
	CHECK_RC(dfs_cont_create_with_label(poh, label, &attr, NULL, &coh, NULL), EEXIST);
	CHECK_RC(daos_cont_close(coh, NULL), 0);
	CHECK_RC(daos_cont_open(poh, label, DAOS_COO_RW, &coh, NULL, NULL), 0);
	CHECK_RC(dfs_mount(poh, coh, O_RDWR, &fs), 0);
	CHECK_RC(dfs_set_prefix(fs, "/mnt/prefix"), 0);
}

static void disconnect_all(void)
{
	CHECK_RC(dfs_umount(fs), 0);
	CHECK_RC(daos_cont_destroy(poh, CONT, 0, NULL), -DER_BUSY);
	CHECK_RC(daos_cont_close(coh, NULL), 0);
	CHECK_RC(daos_cont_destroy(poh, CONT, 0, NULL), 0);
	CHECK_RC(daos_cont_destroy(poh, CONT, 0, NULL), -DER_NONEXIST);
	CHECK_RC(daos_pool_disconnect(poh, NULL), 0);
	CHECK_RC(daos_pool_disconnect(poh, NULL), -DER_NO_HDL);
	CHECK_RC(daos_fini(), 0);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void pattern(unsigned char *buf, size_t bytes, unsigned int seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		buf[i] = (unsigned char)(seed * 37 + i * 11 + (i >> 8) * 3);
}

static void write_at(dfs_obj_t *obj, const void *buf, size_t bytes, daos_off_t off)
{
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };

	d_iov_set(&iov, (void *)(uintptr_t)buf, bytes);
	CHECK_RC(dfs_write(fs, obj, &sgl, off, NULL), 0);
}

static daos_size_t read_at(dfs_obj_t *obj, void *buf, size_t bytes, daos_off_t off)
{
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_size_t got = 0;

	d_iov_set(&iov, buf, bytes);
	CHECK_RC(dfs_read(fs, obj, &sgl, off, &got, NULL), 0);
	return got;
}

static void size_is(dfs_obj_t *parent, const char *name, dfs_obj_t *obj, daos_size_t want)
{
	daos_size_t size;
	struct stat st;

	CHECK_RC(dfs_get_size(fs, obj, &size), 0);
	CHECK(size == want);
	CHECK_RC(dfs_stat(fs, parent, name, &st), 0);
	CHECK(st.st_size == (off_t)want && S_ISREG(st.st_mode));
}

static void files(dfs_obj_t *dir)
{
	unsigned char *out = malloc(3 * MIB);
	unsigned char *in = malloc(4 * MIB);
	dfs_obj_t *obj;
	size_t i;

	CHECK(out != NULL && in != NULL);
	pattern(out, 3 * MIB, 1);
	CHECK_RC(dfs_open(fs, dir, "f", S_IFREG | 0644, O_RDWR | O_CREAT | O_EXCL, OC_UNKNOWN, 0,
			  NULL, &obj),
		 0);
	size_is(dir, "f", obj, 0);
	write_at(obj, out, 100, 0);		/* partial: far less than a chunk */
	size_is(dir, "f", obj, 100);
	write_at(obj, out, 3 * MIB, 0);
	size_is(dir, "f", obj, 3 * MIB);
	write_at(obj, out, 17, 1000);		/* inside: the size stays */
	size_is(dir, "f", obj, 3 * MIB);
	memcpy(out + 1000, out, 17);
	CHECK(read_at(obj, in, 4 * MIB, 0) == 3 * MIB);
	CHECK(memcmp(in, out, 3 * MIB) == 0);
	write_at(obj, "end", 3, 10 * MIB + 5);	/* sparse: a hole of seven chunks */
	size_is(dir, "f", obj, 10 * MIB + 8);
	memset(in, 0xee, 4 * MIB);
	CHECK(read_at(obj, in, 4 * MIB, 5 * MIB) == 4 * MIB);
	for (i = 0; i < 4 * MIB; i++)
		CHECK(in[i] == 0);
	CHECK(read_at(obj, in, 100, 10 * MIB) == 8);
	CHECK(memcmp(in, "\0\0\0\0\0end", 8) == 0);
	CHECK(read_at(obj, in, 100, 11 * MIB) == 0);
	CHECK_RC(dfs_sync(fs), 0);
	CHECK_RC(dfs_release(obj), 0);
	CHECK_RC(dfs_access(fs, dir, "f", R_OK | W_OK), 0);
	CHECK_RC(dfs_access(fs, dir, "none", F_OK), ENOENT);
	free(out);
	free(in);
}

/* Many transfers at once, as fio does it: a queue, events that are used again and again. */
#define DEPTH 16
#define TRANSFERS 64
#define XFER 65536u

static void queued(dfs_obj_t *dir)
{
	struct io {
		daos_event_t ev;
		d_iov_t iov;
		d_sg_list_t sgl;
		daos_size_t got;
		unsigned int nr;
		unsigned char buf[XFER];
	} *ios = calloc(DEPTH, sizeof(*ios));
	unsigned char *want = malloc(XFER);
	daos_event_t *done[DEPTH];
	daos_handle_t eq;
	dfs_obj_t *obj;
	int pass;
	int i;

	CHECK(ios != NULL && want != NULL);
	CHECK_RC(daos_eq_create(&eq), 0);
	CHECK_RC(dfs_open(fs, dir, "q", S_IFREG | 0644, O_RDWR | O_CREAT, OC_SX, MIB, NULL, &obj),
		 0);
	for (i = 0; i < DEPTH; i++)
		CHECK_RC(daos_event_init(&ios[i].ev, eq, NULL), 0);
	for (pass = 0; pass < 2; pass++) {	/* write, then read */
		unsigned int next = 0;
		unsigned int busy = 0;
		unsigned int over = 0;
		int n;

		while (over < TRANSFERS) {
			for (i = 0; next < TRANSFERS && busy < DEPTH && i < DEPTH; i++) {
				struct io *io = &ios[i];

				if (io->nr != 0)	/* under way */
					continue;
				io->nr = ++next;
				pattern(io->buf, XFER, pass == 0 ? io->nr : 0);
				d_iov_set(&io->iov, io->buf, XFER);
				io->sgl = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iov };
				if (pass == 0)
					CHECK_RC(dfs_write(fs, obj, &io->sgl, (io->nr - 1) * XFER,
							   &io->ev),
						 0);
				else
					CHECK_RC(dfs_read(fs, obj, &io->sgl, (io->nr - 1) * XFER,
							  &io->got, &io->ev),
						 0);
				busy++;
			}
			n = daos_eq_poll(eq, 1, DAOS_EQ_WAIT, DEPTH, done);
			CHECK(n > 0 && n <= (int)busy);
			for (i = 0; i < n; i++) {
				struct io *io = container_of(done[i], struct io, ev);

				CHECK_RC(io->ev.ev_error, 0);
				pattern(want, XFER, io->nr);
				CHECK(pass == 0 || io->got == XFER);
				CHECK(pass == 0 || memcmp(io->buf, want, XFER) == 0);
				io->nr = 0;
				busy--;
				over++;
			}
		}
		CHECK(busy == 0);
		CHECK_RC(daos_eq_poll(eq, 1, DAOS_EQ_NOWAIT, DEPTH, done), 0);
	}
	size_is(dir, "q", obj, (daos_size_t)TRANSFERS * XFER);
	for (i = 0; i < DEPTH; i++)
		CHECK_RC(daos_event_fini(&ios[i].ev), 0);
	CHECK_RC(daos_eq_destroy(eq, 0), 0);
	CHECK_RC(daos_eq_destroy(eq, DAOS_EQ_DESTROY_FORCE), -DER_NO_HDL);
	CHECK_RC(dfs_release(obj), 0);
	free(ios);
	free(want);
}

/* ---- names ---------------------------------------------------------------------------------- */

#define ENTRIES 1200

static void names(dfs_obj_t *dir)
{
	static char seen[ENTRIES];
	static struct dirent dirs[100];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	dfs_obj_t *many;
	dfs_obj_t *obj;
	struct stat st;
	char name[32];
	mode_t mode;
	uint32_t nr;
	uint32_t i;
	int k;

	CHECK_RC(dfs_mkdir(fs, dir, "many", 0755, OC_UNKNOWN), 0);
	CHECK_RC(dfs_mkdir(fs, dir, "many", 0755, OC_UNKNOWN), EEXIST);
	CHECK_RC(dfs_lookup(fs, "/mnt/prefix/top/many", O_RDWR, &many, &mode, &st), 0);
	CHECK(S_ISDIR(mode) && S_ISDIR(st.st_mode));
	for (k = 0; k < ENTRIES; k++) {
		snprintf(name, sizeof(name), "f.%d", k);
		CHECK_RC(dfs_open(fs, many, name, S_IFREG | 0600, O_RDWR | O_CREAT | O_EXCL, OC_S1,
				  0, NULL, &obj),
			 0);
		CHECK_RC(dfs_release(obj), 0);
	}
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 100;
		CHECK_RC(dfs_readdir(fs, many, &anchor, &nr, dirs), 0);
		for (i = 0; i < nr; i++) {
			CHECK(sscanf(dirs[i].d_name, "f.%d", &k) == 1 && k >= 0 && k < ENTRIES);
			CHECK(!seen[k]);
			seen[k] = 1;
		}
	}
	for (k = 0; k < ENTRIES; k++) {
		CHECK(seen[k]);
		snprintf(name, sizeof(name), "f.%d", k);
		if (k % 2 == 0)
			CHECK_RC(dfs_remove(fs, many, name, false, NULL), 0);
		CHECK_RC(dfs_stat(fs, many, name, &st), k % 2 == 0 ? ENOENT : 0);
	}
	CHECK_RC(dfs_move(fs, many, "f.1", dir, "moved", NULL), 0);
	CHECK_RC(dfs_stat(fs, many, "f.1", &st), ENOENT);
	CHECK_RC(dfs_stat(fs, dir, "moved", &st), 0);
	CHECK_RC(dfs_move(fs, many, "f.3", dir, "moved", NULL), 0);
	CHECK_RC(dfs_remove(fs, dir, "many", false, NULL), ENOTEMPTY);
	CHECK_RC(dfs_remove(fs, dir, "many", true, NULL), 0);
	CHECK_RC(dfs_lookup(fs, "/mnt/prefix/top/many", O_RDWR, &obj, NULL, NULL), ENOENT);
	CHECK_RC(dfs_release(many), 0);
}

/* ---- one handle, seven threads -------------------------------------------------------------- */

static dfs_obj_t *common;

static void *thread_io(void *arg)
{
	unsigned int idx = *(unsigned int *)arg;
	unsigned char *buf = malloc(XFER);
	unsigned char *want = malloc(XFER);
	unsigned int i;

	CHECK(buf != NULL && want != NULL);
	for (i = 0; i < 20; i++) {
		daos_off_t off = (daos_off_t)(i * 7 + idx) * XFER;

		pattern(want, XFER, idx * 100 + i);
		write_at(common, want, XFER, off);
		CHECK(read_at(common, buf, XFER, off) == XFER);
		CHECK(memcmp(buf, want, XFER) == 0);
	}
	free(buf);
	free(want);
	return NULL;
}

static void threads(dfs_obj_t *dir)
{
	pthread_t tid[7];
	unsigned int idx[7];
	unsigned int i;

	CHECK_RC(dfs_open(fs, dir, "t", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &common), 0);
	for (i = 0; i < 7; i++) {
		idx[i] = i;
		CHECK_RC(pthread_create(&tid[i], NULL, thread_io, &idx[i]), 0);
	}
	for (i = 0; i < 7; i++)
		CHECK_RC(pthread_join(tid[i], NULL), 0);
	size_is(dir, "t", common, 140ull * XFER);
	CHECK_RC(dfs_release(common), 0);
}

/* ---- handles for another process ------------------------------------------------------------ */

struct share {
	size_t bytes[4];	/* pool, container, mount, file */
	char blob[4][8192];
};

typedef int (*to_global)(void *what, d_iov_t *glob);

static int pool_out(void *what, d_iov_t *glob)
{
	return daos_pool_local2global(*(daos_handle_t *)what, glob);
}

static int cont_out(void *what, d_iov_t *glob)
{
	return daos_cont_local2global(*(daos_handle_t *)what, glob);
}

static int dfs_out(void *what, d_iov_t *glob)
{
	return dfs_local2global(what, glob);
}

static int obj_out(void *what, d_iov_t *glob)
{
	return dfs_obj_local2global(fs, what, glob);
}

/* As programs do it: ask for the size, then for the bytes. */
static void hand_out(struct share *sh, int i, to_global fn, void *what)
{
	d_iov_t glob = { 0 };

	CHECK_RC(fn(what, &glob), 0);
	CHECK(glob.iov_buf_len > 0 && glob.iov_buf_len <= sizeof(sh->blob[i]));
	sh->bytes[i] = glob.iov_buf_len;
	d_iov_set(&glob, sh->blob[i], sh->bytes[i]);
	CHECK_RC(fn(what, &glob), 0);
}

static d_iov_t blob(struct share *sh, int i)
{
	d_iov_t glob;

	d_iov_set(&glob, sh->blob[i], sh->bytes[i]);
	return glob;
}

/* The other side: everything from what came, then I/O. */
static void take_over(struct share *sh)
{
	daos_handle_t my_poh;
	daos_handle_t my_coh;
	unsigned char want[1000];
	unsigned char buf[1000];
	dfs_obj_t *obj;
	dfs_t *was = fs;

	CHECK_RC(daos_pool_global2local(blob(sh, 0), &my_poh), 0);
	CHECK_RC(daos_cont_global2local(my_poh, blob(sh, 1), &my_coh), 0);
	CHECK_RC(dfs_global2local(my_poh, my_coh, 0, blob(sh, 2), &fs), 0);
	CHECK_RC(dfs_obj_global2local(fs, 0, blob(sh, 3), &obj), 0);
	pattern(want, sizeof(want), 5);
	CHECK(read_at(obj, buf, sizeof(buf), 0) == sizeof(buf));
	CHECK(memcmp(buf, want, sizeof(buf)) == 0);
	pattern(want, sizeof(want), 6);
	write_at(obj, want, sizeof(want), 2 * MIB);
	CHECK_RC(dfs_mkdir(fs, NULL, "by-the-other", 0755, 0), 0);
	CHECK_RC(dfs_release(obj), 0);
	CHECK_RC(dfs_umount(fs), 0);
	CHECK_RC(daos_cont_close(my_coh, NULL), 0);
	CHECK_RC(daos_pool_disconnect(my_poh, NULL), 0);
	fs = was;
}

static void pipe_all(int fd, void *buf, size_t bytes, bool out)
{
	char *at = buf;

	while (bytes > 0) {
		ssize_t n = out ? write(fd, at, bytes) : read(fd, at, bytes);

		CHECK(n > 0);
		at += n;
		bytes -= (size_t)n;
	}
}

static int child(int in, bool alone)
{
	static struct share sh;

	pipe_all(in, &sh, sizeof(sh), false);
	if (alone) {
		CHECK_RC(daos_init(), -DER_BUSY);
		return 0;
	}
	CHECK_RC(daos_init(), 0);
	take_over(&sh);
	CHECK_RC(daos_fini(), 0);
	return 0;
}

static void share(dfs_obj_t *dir, int out, pid_t other, bool alone)
{
	static struct share sh;
	unsigned char want[1000];
	unsigned char buf[1000];
	struct stat st;
	dfs_obj_t *obj;
	int status;

	CHECK_RC(dfs_open(fs, dir, "s", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &obj), 0);
	pattern(want, sizeof(want), 5);
	write_at(obj, want, sizeof(want), 0);
	hand_out(&sh, 0, pool_out, &poh);
	hand_out(&sh, 1, cont_out, &coh);
	hand_out(&sh, 2, dfs_out, fs);
	hand_out(&sh, 3, obj_out, obj);
	pipe_all(out, &sh, sizeof(sh), true);
	CHECK(waitpid(other, &status, 0) == other);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (alone)
		take_over(&sh);
	pattern(want, sizeof(want), 6);
	CHECK(read_at(obj, buf, sizeof(buf), 2 * MIB) == sizeof(buf));
	CHECK(memcmp(buf, want, sizeof(buf)) == 0);
	size_is(dir, "s", obj, 2 * MIB + sizeof(buf));
	CHECK_RC(dfs_stat(fs, NULL, "by-the-other", &st), 0);
	CHECK_RC(dfs_release(obj), 0);
}

/* A child of fork() goes on with the handles of its parent, and the parent with his. */
static void forked(dfs_obj_t *dir)
{
	dfs_obj_t *obj;
	char c = 'c';
	int status;
	pid_t pid;

	CHECK_RC(dfs_open(fs, dir, "k", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &obj), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		write_at(obj, &c, 1, 1);
		_exit(0);
	}
	c = 'p';
	write_at(obj, &c, 1, 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK(read_at(obj, &c, 1, 1) == 1 && c == 'c');
	CHECK(read_at(obj, &c, 1, 0) == 1 && c == 'p');
	CHECK_RC(dfs_release(obj), 0);
}

int main(int argc, char **argv)
{
	bool alone = argc == 3 && strcmp(argv[2], "alone") == 0;
	dfs_obj_t *top;
	int fds[2];
	pid_t pid;

	if (argc < 2 || (argc > 2 && !alone)) {
		fprintf(stderr, "usage: tier1 POOL [alone]\n");
		return 2;
	}
	CHECK(pipe(fds) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)close(fds[1]);	/* the parent's end is the end */
		return child(fds[0], alone);
	}
	gurt();
	CHECK_RC(daos_fini(), -DER_UNINIT);
	CHECK_RC(daos_init(), 0);
	CHECK_RC(daos_init(), 0);	/* counted */
	CHECK_RC(daos_fini(), 0);
	connect_all(argv[1]);
	CHECK_RC(dfs_mkdir(fs, NULL, "top", 0755, OC_UNKNOWN), 0);
	CHECK_RC(dfs_lookup(fs, "/top", O_RDWR, &top, NULL, NULL), 0);
	files(top);
	queued(top);
	names(top);
	threads(top);
	share(top, fds[1], pid, alone);
	if (!alone)
		forked(top);
	CHECK_RC(dfs_release(top), 0);
	disconnect_all();
	printf("tier1: passed\n");
	return 0;
}

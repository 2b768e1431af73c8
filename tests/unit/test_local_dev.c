/* Devices of the local backend: the conformance suite, and what files and crashes do to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/blk_conformance.h"
#include "transports/local/local.h"

struct bed {
	struct local_world *w;
	struct local_stream *s;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

struct bed_arg {
	enum local_driver driver;
	uint32_t flags;
	bool file;
	char path[128];
};

static struct bed *bed_new(const struct bed_arg *ba)
{
	struct local_opts opts = { .driver = ba->driver, .flags = ba->flags | LOCAL_SEEDED };
	struct bed *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	assert_int_equal(local_world_create(&opts, &b->w), 0);
	assert_int_equal(local_stream_create(b->w, "node0/0", &b->s), 0);
	return b;
}

static int bed_free(struct bed *b)
{
	int rc = local_stream_close(b->s);

	local_world_destroy(b->w);
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b);
	return rc;
}

static void temp_path(char *path, size_t bytes, const char *what)
{
	const char *dir = getenv("TMPDIR");
	int n = snprintf(path, bytes, "%s/gemel_%s.%d", dir ? dir : "/tmp", what, (int)getpid());

	assert_true(n > 0 && (size_t)n < bytes);
	(void)unlink(path);	/* of an earlier run; mostly there is none */
}

/* ---- the suite ---------------------------------------------------------------------------- */

static void disk_open(void *arg, struct blk_conf *ret_conf)
{
	struct bed_arg *ba = arg;
	struct bed *b = bed_new(ba);

	if (ba->driver == LOCAL_THREADS)
		assert_int_equal(local_stream_start(b->s), 0);
	if (ba->file)
		temp_path(ba->path, sizeof(ba->path), "disk");
	else
		snprintf(ba->path, sizeof(ba->path), "mem:disk");
	*ret_conf = (struct blk_conf){
		.rt = local_stream_rt(b->s),
		.name = ba->path,
		.bytes = 8u << 20,
		.ctx = b,
	};
}

static void disk_post(struct blk_conf *c, void (*fn)(struct rt *, void *), void *arg)
{
	assert_int_equal(local_stream_post(((struct bed *)c->ctx)->s, fn, arg), 0);
}

static bool disk_drive_single(struct blk_conf *c, bool (*pred)(void *), void *arg)
{
	struct bed *b = c->ctx;

	return local_world_run_until(b->w, pred, arg, local_world_now_ns(b->w) + 60000000000ull) ==
	       0;
}

static bool disk_drive_threads(struct blk_conf *c, bool (*pred)(void *), void *arg)
{
	struct bed *b = c->ctx;
	struct timespec ts;
	int err = 0;
	bool ok;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 120;
	pthread_mutex_lock(&b->lock);
	while (!(ok = pred(arg)) && err == 0)
		err = pthread_cond_timedwait(&b->changed, &b->lock, &ts);
	pthread_mutex_unlock(&b->lock);
	return ok;
}

static void disk_notify(struct blk_conf *c)
{
	struct bed *b = c->ctx;

	pthread_mutex_lock(&b->lock);
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

static int disk_close(struct blk_conf *c)
{
	(void)unlink(c->name);	/* "mem:disk" is no file; then there is nothing to remove */
	return bed_free(c->ctx);
}

static void disk_conformance(enum local_driver driver, uint32_t flags, bool file)
{
	struct bed_arg ba = { .driver = driver, .flags = flags, .file = file };
	struct blk_conf_factory f = {
		.flags = file ? 0 : BLK_CONF_RUNS,
		.arg = &ba,
		.open = disk_open,
		.post = disk_post,
		.drive = driver == LOCAL_SINGLE ? disk_drive_single : disk_drive_threads,
		.notify = driver == LOCAL_SINGLE ? NULL : disk_notify,
		.close = disk_close,
	};

	blk_conformance_run(&f);
}

static void test_blk(void **state)
{
	(void)state;
	disk_conformance(LOCAL_SINGLE, LOCAL_VIRTUAL, false);
	disk_conformance(LOCAL_SINGLE, LOCAL_VIRTUAL, true);
	disk_conformance(LOCAL_THREADS, 0, false);
	disk_conformance(LOCAL_THREADS, 0, true);
}

static void read_block(struct rt *rt, struct rt_dev *dev, uint8_t *mem)
{
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, 4096);

	assert_int_equal(rt_io(rt, dev, RT_IO_READ, 0, &b), 0);
}

struct outlive {
	struct rt *rt;
	int phase;
	bool ok;
};

static void outlive_ult(void *arg)
{
	struct outlive *o = arg;
	struct rt_dev *dev;
	uint8_t mem[4096] = { 0 };
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, sizeof(mem));

	if (o->phase == 0) {
		assert_int_equal(rt_dev_open(o->rt, "mem:d", 1u << 30, RT_DEV_CREATE, &dev), 0);
		memset(mem, 0x77, sizeof(mem));
		assert_int_equal(rt_io(o->rt, dev, RT_IO_WRITE, 0, &b), 0);
	} else {
		assert_int_equal(rt_dev_open(o->rt, "mem:d", 0, 0, &dev), 0);
		assert_int_equal(dev->bytes, 1u << 30);
		read_block(o->rt, dev, mem);
		assert_int_equal(mem[0], 0x77);
		assert_int_equal(mem[4095], 0x77);
		rt_dev_close(o->rt, dev);
	}
	o->ok = true;
}

/* A memory device survives the crash of the stream that had it open, and costs what is in it. */
static void test_memdev_outlives(void **state)
{
	struct local_opts opts = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED };
	struct local_world *w;
	struct local_stats st;

	(void)state;
	assert_int_equal(local_world_create(&opts, &w), 0);
	for (int phase = 0; phase < 2; phase++) {
		struct outlive o = { .phase = phase };
		struct local_stream *s;

		assert_int_equal(local_stream_create(w, "n/0", &s), 0);
		o.rt = local_stream_rt(s);
		assert_int_equal(rt_spawn(o.rt, outlive_ult, &o, NULL), 0);
		local_world_run(w);
		assert_true(o.ok);
		local_world_query(w, &st);
		assert_in_range(st.memdev_bytes, 4096, 16384);
		if (phase == 0)
			local_stream_kill(s);
		else
			assert_int_equal(local_stream_close(s), 0);
	}
	local_world_destroy(w);
}

struct sparse {
	struct rt *rt;
	struct local_world *w;
};

static uint64_t resident(struct sparse *p)
{
	struct local_stats st;

	local_world_query(p->w, &st);
	return st.memdev_bytes;
}

static void sparse_ult(void *arg)
{
	struct sparse *p = arg;
	uint8_t *mem = rt_alloc(p->rt, 1u << 20);
	struct bseg seg;
	struct buf bytes = buf_from_bytes(&seg, mem, 1u << 20), range = { .bytes = 1u << 20 };
	struct bseg gen_seg;
	struct buf gen = buf_from_gen(&gen_seg, 5, 0, 1u << 20);
	struct rt_dev *dev;

	ASSERT(rt_dev_open(p->rt, "mem:s", 1ull << 40, RT_DEV_CREATE, &dev) == 0);
	ASSERT(rt_io(p->rt, dev, RT_IO_READ, 1ull << 39, &bytes) == 0);
	ASSERT(resident(p) == 0);
	ASSERT(rt_io(p->rt, dev, RT_IO_WRITE, 1ull << 39, &bytes) == 0);
	ASSERT(resident(p) >= 1u << 20 && resident(p) < (1u << 20) + 8192);
	ASSERT(rt_io(p->rt, dev, RT_IO_TRIM, 1ull << 39, &range) == 0);
	ASSERT(resident(p) < 8192);
	ASSERT(rt_io(p->rt, dev, RT_IO_WRITE, 1ull << 39, &bytes) == 0);
	ASSERT(rt_io(p->rt, dev, RT_IO_WRITE, 1ull << 39, &gen) == 0);
	ASSERT(resident(p) < 8192);	/* phantoms cost their runs */
	rt_dev_close(p->rt, dev);
	rt_free(p->rt, mem);
}

/* A memory device of 1 TiB costs what is in it. */
static void test_sparse(void **state)
{
	struct bed_arg ba = { .driver = LOCAL_SINGLE, .flags = LOCAL_VIRTUAL };
	struct bed *b = bed_new(&ba);
	struct sparse p = { .rt = local_stream_rt(b->s), .w = b->w };

	(void)state;
	assert_int_equal(rt_spawn(p.rt, sparse_ult, &p, NULL), 0);
	local_world_run(b->w);
	assert_int_equal(p.rt->ult_count, 0);
	assert_int_equal(bed_free(b), 0);
}

/* ---- files that misbehave ----------------------------------------------------------------- */

struct file_test {
	struct rt *rt;
	char path[128];
	void (*fn)(struct file_test *t);
	bool finished;
};

static void file_ult(void *arg)
{
	struct file_test *t = arg;

	t->fn(t);
	t->finished = true;
}

static void file_run(void (*fn)(struct file_test *t))
{
	struct bed_arg ba = { .driver = LOCAL_SINGLE };
	struct bed *b = bed_new(&ba);
	struct file_test t = { .rt = local_stream_rt(b->s), .fn = fn };

	temp_path(t.path, sizeof(t.path), "file");
	assert_int_equal(rt_spawn(t.rt, file_ult, &t, NULL), 0);
	local_world_run(b->w);
	assert_true(t.finished);
	(void)unlink(t.path);	/* some tests remove it themselves */
	assert_int_equal(bed_free(b), 0);
}

static int block_io(struct file_test *t, struct rt_dev *dev, enum rt_io_op op, uint64_t off)
{
	uint8_t mem[4096] = { 0x42 };
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, sizeof(mem));

	return rt_io(t->rt, dev, op, off, op == RT_IO_FLUSH ? NULL : &b);
}

static void open_errors(struct file_test *t)
{
	char below[160];
	struct rt_dev *dev = NULL;
	int n = snprintf(below, sizeof(below), "%s/x", t->path), fd;

	ASSERT(n > 0);
	ASSERT(rt_dev_open(t->rt, t->path, 0, 0, &dev) == -DER_NONEXIST);
	ASSERT(rt_dev_open(t->rt, below, 1u << 20, RT_DEV_CREATE, &dev) == -DER_NONEXIST);
	ASSERT(rt_dev_open(t->rt, t->path, 0, RT_DEV_CREATE, &dev) == -DER_INVAL);
	ASSERT(rt_dev_open(t->rt, t->path, 1000, RT_DEV_CREATE, &dev) == -DER_INVAL);
	ASSERT(rt_dev_open(t->rt, t->path, 4096, RT_DEV_CREATE | RT_DEV_RDONLY, &dev) ==
	       -DER_INVAL);
	ASSERT(rt_dev_open(t->rt, "/tmp", 0, 0, &dev) == -DER_INVAL);
	fd = open(t->path, O_CREAT | O_RDWR, 0600);
	ASSERT(fd >= 0);
	ASSERT(rt_dev_open(t->rt, t->path, 0, 0, &dev) == -DER_INVAL);	/* empty */
	ASSERT(ftruncate(fd, 10000) == 0);
	ASSERT(rt_dev_open(t->rt, t->path, 0, 0, &dev) == 0);
	ASSERT(dev->bytes == 8192);	/* whole blocks only */
	rt_dev_close(t->rt, dev);
	close(fd);
	ASSERT(dev != NULL);
}

/* Somebody truncates the file below us. */
static void cut_short(struct file_test *t)
{
	struct rt_dev *dev;

	ASSERT(rt_dev_open(t->rt, t->path, 1u << 20, RT_DEV_CREATE, &dev) == 0);
	ASSERT(block_io(t, dev, RT_IO_WRITE, 8192) == 0);
	ASSERT(truncate(t->path, 8192 + 100) == 0);
	ASSERT(block_io(t, dev, RT_IO_READ, 0) == 0);
	ASSERT(block_io(t, dev, RT_IO_READ, 8192) == -DER_NVME_IO);
	ASSERT(block_io(t, dev, RT_IO_READ, 65536) == -DER_NVME_IO);
	rt_dev_close(t->rt, dev);
}

/* A write that fails is final: no flush afterwards says that all is well. */
static void write_fails(struct file_test *t)
{
	struct rlimit old, lim;
	struct rt_dev *dev;

	ASSERT(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	ASSERT(rt_dev_open(t->rt, t->path, 1u << 20, RT_DEV_CREATE, &dev) == 0);
	ASSERT(block_io(t, dev, RT_IO_WRITE, 0) == 0);
	ASSERT(truncate(t->path, 0) == 0);
	ASSERT(getrlimit(RLIMIT_FSIZE, &old) == 0);
	lim = (struct rlimit){ .rlim_cur = 6000, .rlim_max = old.rlim_max };
	ASSERT(setrlimit(RLIMIT_FSIZE, &lim) == 0);
	ASSERT(block_io(t, dev, RT_IO_WRITE, 0) == 0);
	ASSERT(block_io(t, dev, RT_IO_WRITE, 4096) == -DER_NVME_IO);	/* short, then refused */
	ASSERT(setrlimit(RLIMIT_FSIZE, &old) == 0);
	ASSERT(block_io(t, dev, RT_IO_FLUSH, 0) == -DER_NVME_IO);
	ASSERT(block_io(t, dev, RT_IO_WRITE, 0) == -DER_NVME_IO);
	ASSERT(block_io(t, dev, RT_IO_READ, 0) == 0);
	rt_dev_close(t->rt, dev);
	ASSERT(rt_dev_open(t->rt, t->path, 0, 0, &dev) == 0);
	ASSERT(block_io(t, dev, RT_IO_WRITE, 0) == 0);
	ASSERT(block_io(t, dev, RT_IO_FLUSH, 0) == 0);
	rt_dev_close(t->rt, dev);
}

/* In a process of its own: exits with the rc of opening @path. */
static int other_process(const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct local_opts opts = { .flags = LOCAL_VIRTUAL };
		struct local_stream *s;
		struct local_world *w;
		struct rt_dev *dev;

		if (local_world_create(&opts, &w) != 0 || local_stream_create(w, "x/0", &s) != 0)
			_exit(255);
		switch (rt_dev_open(local_stream_rt(s), path, 0, 0, &dev)) {
		case 0:
			_exit(0);
		case -DER_BUSY:
			_exit(1);
		default:
			_exit(2);
		}
	}
	ASSERT(pid > 0);
	ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void locked(struct file_test *t)
{
	struct rt_dev *dev;

	ASSERT(rt_dev_open(t->rt, t->path, 1u << 20, RT_DEV_CREATE, &dev) == 0);
	ASSERT(other_process(t->path) == 1);
	rt_dev_close(t->rt, dev);
	ASSERT(other_process(t->path) == 0);
}

static void test_files(void **state)
{
	(void)state;
	file_run(open_errors);
	file_run(cut_short);
	file_run(write_fails);
	file_run(locked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blk),
		cmocka_unit_test(test_memdev_outlives),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_files),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

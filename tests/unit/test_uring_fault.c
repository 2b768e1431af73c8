/* The io_uring block devices when things go wrong: faults, refusals, kills; and raw devices. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/uring_world.h"

/* ---- refusals ----------------------------------------------------------------------------- */

static void test_unavailable(void **state)
{
	static const int errnos[] = { ENOSYS, EPERM, ENOMEM };
	static const int codes[] = { -DER_NOSYS, -DER_NO_PERM, -DER_NOMEM };
	struct uring_opts bad[] = {
		{ .depth = URING_DEPTH_MAX + 1 },
		{ .bounce_bytes = 1000 },
		{ .bounce_count = 1000 },
	};
	struct world w;
	size_t i;
	int status;
	pid_t child;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(world_make(&w, &bad[i]), -DER_INVAL);
		assert_int_equal(w.arena.count, 0);
	}
	for (i = 0; i < ARRAY_COUNT(errnos); i++) {
		struct sock_filter code[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errnos[i]),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		};
		struct sock_fprog prog = { ARRAY_COUNT(code), code };

		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			in_child = true;
			int rc = -1;

			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
				rc = world_make(&w, NULL);
			_exit(rc == codes[i] && w.arena.count == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_true(strlen(uring_strerror(codes[i])) > 20);
	}
}

/* A process that may lock little memory works all the same. */
static void test_memlock(void **state)
{
	struct rlimit few = { 256 << 10, 256 << 10 };	/* for the ring, not for 1 MiB */
	char *mem = pages(MIB + PAGE);
	struct world w;
	int status;
	pid_t child;

	(void)state;
	world_open(&w, NULL, MIB);
	dev_close(&w);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct world v;

		in_child = true;
		/* Root may lock anything; this process shall not. */
		if (setrlimit(RLIMIT_MEMLOCK, &few) != 0 || chmod(w.path, 0666) != 0 ||
		    chmod(dir, 0777) != 0 || (geteuid() == 0 && setuid(65534) != 0))
			_exit(2);
		CHECK(world_make(&v, NULL) == 0);
		uring_bind(v.u, &v.ops);
		if (dev_open(&v, 0, 0) != 0)
			_exit(3);
		CHECK(v.ops.blk->mem_add(v.ops.blk_ctx, mem, MIB) == 0);
		if (stats(&v).mem_refused != 1)
			_exit(4);
		registered_io(&v, mem, false);
		registered_io(&v, mem + 1, false);	/* through a bounce buffer */
		v.ops.blk->mem_del(v.ops.blk_ctx, mem, MIB);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	free(mem);
	world_close(&w);
}

/* ---- flush, trim and faults --------------------------------------------------------------- */

static void test_flush_group(void **state)
{
	struct op ops[10] = { 0 }, late = { 0 };
	char *mem = pages(PAGE);
	struct world w;
	int i;

	(void)state;
	world_open(&w, NULL, MIB);
	gen_fill(8, 0, mem, PAGE);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, mem, PAGE), 0);
	for (i = 0; i < 10; i++)
		assert_int_equal(op_start(&w, &ops[i], RT_IO_FLUSH, 0, NULL, 0), 0);
	uring_pump(w.u);		/* the sync is on its way: a later flush needs its own */
	assert_int_equal(op_start(&w, &late, RT_IO_FLUSH, 0, NULL, 0), 0);
	for (i = 0; i < 10; i++)
		assert_int_equal(op_wait(&w, &ops[i]), 0);
	assert_int_equal(stats(&w).syncs, 1);
	assert_int_equal(op_wait(&w, &late), 0);
	assert_int_equal(stats(&w).syncs, 2);
	free(mem);
	world_close(&w);
}

static void test_trim(void **state)
{
	char *mem = pages(MIB), *zero = calloc(1, MIB);
	struct world w;
	struct stat before, after;

	(void)state;
	gen_fill(9, 0, mem, MIB);
	world_open(&w, NULL, 2 * MIB);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, mem, MIB), 0);
	assert_int_equal(op_run(&w, RT_IO_FLUSH, 0, NULL, 0), 0);
	assert_int_equal(stat(w.path, &before), 0);
	assert_int_equal(op_run(&w, RT_IO_TRIM, 0, NULL, MIB / 2), 0);
	assert_int_equal(stat(w.path, &after), 0);
	assert_true(after.st_blocks < before.st_blocks);
	assert_int_equal(after.st_size, 2 * MIB);
	assert_int_equal(op_run(&w, RT_IO_READ, 0, mem, MIB), 0);
	assert_memory_equal(mem, zero, MIB / 2);
	assert_memory_not_equal(mem + MIB / 2, zero, MIB / 2);
	free(mem);
	free(zero);
	world_close(&w);
}

/* What the kernel is made to have said: @res of the operations [from, from + count) of a kind. */
struct plan {
	enum rt_io_op op;
	uint32_t from;
	uint32_t count;
	int res;		/* <= 0: instead of the result; > 0: that many bytes at most */
	uint32_t seen;
};

static int planned(void *arg, const struct rt_dev *dev, enum rt_io_op op, int res)
{
	struct plan *p = arg;

	assert_non_null(dev);
	if (op != p->op || p->seen++ < p->from || p->seen > p->from + p->count)
		return res;
	return p->res > 0 && res > p->res ? p->res : p->res <= 0 ? p->res : res;
}

static void plan_set(struct world *w, struct plan *p)
{
	p->seen = 0;
	w->u->hook = (struct uring_hook){ planned, p };
}

static void test_short(void **state)
{
	struct plan p = { .count = UINT32_MAX };
	char *mem = pages(MIB + PAGE), *back = pages(MIB + PAGE);
	struct world w;
	int skew;

	(void)state;
	world_open(&w, NULL, MIB);
	for (skew = 0; skew < 2; skew++) {
		p.op = RT_IO_WRITE;
		p.res = 3 * (int)PAGE + 100;	/* the odd bytes do not count */
		plan_set(&w, &p);
		gen_fill(10, 0, mem + skew, MIB);
		assert_int_equal(op_run(&w, RT_IO_WRITE, 0, mem + skew, MIB), 0);
		assert_true(p.seen > 80);
		p.op = RT_IO_READ;
		plan_set(&w, &p);
		memset(back, 0, MIB);
		assert_int_equal(op_run(&w, RT_IO_READ, 0, back + skew, MIB), 0);
		assert_true(p.seen > 80);
		assert_memory_equal(mem + skew, back + skew, MIB);
		/* Interrupted and told to come again. */
		p = (struct plan){ RT_IO_READ, 1, 20, skew == 0 ? -EINTR : -EAGAIN, 0 };
		plan_set(&w, &p);
		assert_int_equal(op_run(&w, RT_IO_READ, 0, back, PAGE), 0);
		assert_int_equal(op_run(&w, RT_IO_READ, 0, back, PAGE), 0);
		assert_int_equal(p.seen, 22);
		p = (struct plan){ .count = UINT32_MAX };
	}
	assert_true(stats(&w).resumed > 0);
	assert_false(info(&w).failed);
	/* Not for ever. */
	p = (struct plan){ RT_IO_READ, 0, UINT32_MAX, -EAGAIN, 0 };
	plan_set(&w, &p);
	assert_int_equal(op_run(&w, RT_IO_READ, 0, back, PAGE), -DER_NVME_IO);
	free(mem);
	free(back);
	world_close(&w);
}

/* The file is cut under the device: its end is an error, not zeros. */
static void test_cut_file(void **state)
{
	char *mem = pages(PAGE);
	struct world w;

	(void)state;
	world_open(&w, NULL, MIB);
	assert_int_equal(truncate(w.path, MIB / 2), 0);
	assert_int_equal(op_run(&w, RT_IO_READ, 0, mem, PAGE), 0);
	assert_int_equal(op_run(&w, RT_IO_READ, MIB / 2, mem, PAGE), -DER_NVME_IO);
	free(mem);
	world_close(&w);
}

static void failed_device(struct world *w, char *mem)
{
	assert_true(info(w).failed);
	assert_int_equal(op_run(w, RT_IO_WRITE, 0, mem, PAGE), -DER_NVME_IO);
	assert_int_equal(op_run(w, RT_IO_FLUSH, 0, NULL, 0), -DER_NVME_IO);
	assert_int_equal(op_run(w, RT_IO_READ, 0, mem, PAGE), 0);
	dev_close(w);
	assert_int_equal(dev_open(w, 0, 0), 0);
	assert_false(info(w).failed);
	assert_int_equal(op_run(w, RT_IO_WRITE, 0, mem, PAGE), 0);
	assert_int_equal(op_run(w, RT_IO_FLUSH, 0, NULL, 0), 0);
}

static void test_failed_write(void **state)
{
	struct uring_opts opts = { .depth = 4 };
	struct plan p = { RT_IO_WRITE, 2, 1, -EIO, 0 };
	struct op ops[40] = { 0 }, flush = { 0 };
	char *mem = pages(40 * PAGE);
	struct world w;
	int i, good = 0;

	(void)state;
	world_open(&w, &opts, MIB);
	plan_set(&w, &p);
	for (i = 0; i < 40; i++)
		assert_int_equal(op_start(&w, &ops[i], RT_IO_WRITE, (uint64_t)i * PAGE,
					  mem + i * (int)PAGE, PAGE),
				 0);
	for (i = 0; i < 40; i++) {
		op_wait(&w, &ops[i]);
		assert_true(ops[i].rc == 0 || ops[i].rc == -DER_NVME_IO);
		good += ops[i].rc == 0;
	}
	/* One failed in the kernel, those not yet there were not sent. */
	assert_true(good >= 2 && good < 8);
	assert_true(p.seen < 8);
	failed_device(&w, mem);

	p = (struct plan){ RT_IO_WRITE, 0, 1, -EIO, 0 };
	plan_set(&w, &p);
	/* A flush behind the failing write does not report success of its own. */
	assert_int_equal(op_start(&w, &ops[0], RT_IO_WRITE, 0, mem, PAGE), 0);
	assert_int_equal(op_wait(&w, &ops[0]), -DER_NVME_IO);
	assert_int_equal(op_start(&w, &flush, RT_IO_FLUSH, 0, NULL, 0), -DER_NVME_IO);
	failed_device(&w, mem);

	/* No space is an answer, not a broken device. */
	p = (struct plan){ RT_IO_WRITE, 0, 1, -ENOSPC, 0 };
	plan_set(&w, &p);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, mem, PAGE), -DER_NOSPACE);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, mem, PAGE), 0);
	/* A failed read leaves writes alone. */
	p = (struct plan){ RT_IO_READ, 0, 1, -EIO, 0 };
	plan_set(&w, &p);
	assert_int_equal(op_run(&w, RT_IO_READ, 0, mem, PAGE), -DER_NVME_IO);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, mem, PAGE), 0);
	free(mem);
	world_close(&w);
}

static void test_failed_flush(void **state)
{
	static const int results[] = { -EIO, -ENOSPC };
	struct plan p = { RT_IO_FLUSH, 0, 1, -EIO, 0 };
	struct op a = { 0 }, b = { 0 }, c = { 0 };
	char *mem = pages(PAGE);
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, NULL, MIB);
	for (i = 0; i < ARRAY_COUNT(results); i++) {
		p.res = results[i];
		plan_set(&w, &p);
		assert_int_equal(op_start(&w, &a, RT_IO_FLUSH, 0, NULL, 0), 0);
		assert_int_equal(op_start(&w, &b, RT_IO_FLUSH, 0, NULL, 0), 0);
		uring_pump(w.u);
		assert_int_equal(op_start(&w, &c, RT_IO_FLUSH, 0, NULL, 0), 0);
		assert_int_equal(op_wait(&w, &a), i == 0 ? -DER_NVME_IO : -DER_NOSPACE);
		assert_int_equal(op_wait(&w, &b), a.rc);
		/* Were it retried, it would succeed: the plan fails one sync only. */
		assert_int_equal(op_wait(&w, &c), -DER_NVME_IO);
		assert_int_equal(p.seen, 1);
		failed_device(&w, mem);
	}
	p = (struct plan){ RT_IO_FLUSH, 0, 5, -EINTR, 0 };
	plan_set(&w, &p);
	assert_int_equal(op_run(&w, RT_IO_FLUSH, 0, NULL, 0), 0);
	assert_int_equal(p.seen, 6);
	p = (struct plan){ RT_IO_FLUSH, 0, UINT32_MAX, -EAGAIN, 0 };
	plan_set(&w, &p);
	assert_int_equal(op_run(&w, RT_IO_FLUSH, 0, NULL, 0), -DER_NVME_IO);
	free(mem);
	world_close(&w);
}

/* ---- memory, threads, crashes, block devices ---------------------------------------------- */

static int scenario(struct world *w, uint64_t fail_at, char *mem)
{
	int rc;

	arena_init(&w->arena);
	w->arena.fail_at = fail_at;
	rc = uring_create(&w->ops, NULL, &w->u);
	if (rc != 0)
		return rc;
	uring_bind(w->u, &w->ops);
	rc = dev_open(w, MIB, RT_DEV_CREATE);
	if (rc == 0)
		rc = op_run(w, RT_IO_WRITE, 0, mem + 1, 8 * PAGE);
	if (rc == 0)
		rc = op_run(w, RT_IO_FLUSH, 0, NULL, 0);
	if (rc == 0)
		rc = op_run(w, RT_IO_READ, 0, mem, 8 * PAGE);
	return rc;
}

static void test_oom(void **state)
{
	char *mem = pages(9 * PAGE);
	struct world w;
	uint64_t n;
	int rc = -DER_NOMEM;

	(void)state;
	for (n = 1; rc != 0 && n < 100; n++) {
		w = (struct world){ .ops = { .misc = &misc, .misc_ctx = &w.arena } };
		snprintf(w.path, sizeof(w.path), "%s/dev", dir);
		rc = scenario(&w, n, mem);
		assert_true(rc == 0 || rc == -DER_NOMEM);
		world_close(&w);
	}
	assert_int_equal(rc, 0);
	assert_true(n > 4);
	free(mem);
}

struct mover {
	struct world *w;
	char *mem;
	int rc;
};

static void *mover_run(void *arg)
{
	struct mover *m = arg;

	m->rc = op_run(m->w, RT_IO_WRITE, 0, m->mem, PAGE);
	if (m->rc == 0)
		m->rc = op_run(m->w, RT_IO_READ, PAGE, m->mem, PAGE);
	return NULL;
}

static void test_threads(void **state)
{
	struct uring_opts opts = { .flags = URING_ANY_THREAD };
	struct mover m = { .mem = pages(PAGE) };
	pthread_t thread;
	struct world w;
	int i;

	(void)state;
	m.w = &w;
	/* Made here, driven there, as by a host that prepares its streams. */
	world_open(&w, NULL, MIB);
	assert_int_equal(w.ops.blk->mem_add(w.ops.blk_ctx, m.mem, PAGE), 0);
	assert_int_equal(pthread_create(&thread, NULL, mover_run, &m), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(m.rc, 0);
	w.ops.blk->mem_del(w.ops.blk_ctx, m.mem, PAGE);
	world_close(&w);

	world_open(&w, &opts, MIB);
	for (i = 0; i < 5; i++) {
		mover_run(&m);
		assert_int_equal(m.rc, 0);
		assert_int_equal(pthread_create(&thread, NULL, mover_run, &m), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(m.rc, 0);
	}
	world_close(&w);
	free(m.mem);
}

/* Writes record after record, each flushed before it is acknowledged; until killed. */
static void writer(int ack_fd)
{
	char *mem = pages(2 * PAGE);
	struct world w;
	uint64_t i;

	in_child = true;
	world_open(&w, NULL, 64 * MIB);
	for (i = 0; i < 64 * MIB / PAGE; i++) {
		gen_fill(100 + i, 0, mem + i % 2, PAGE);
		if (op_run(&w, RT_IO_WRITE, i * PAGE, mem + i % 2, PAGE) != 0 ||
		    op_run(&w, RT_IO_FLUSH, 0, NULL, 0) != 0 ||
		    write(ack_fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
	_exit(0);
}

static void test_kill(void **state)
{
	char *mem = pages(PAGE), *want = pages(PAGE);
	uint64_t acked = 0, i;
	struct world w;
	int fds[2], status, round;
	pid_t child;

	(void)state;
	for (round = 0; round < 3; round++) {
		assert_int_equal(pipe(fds), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			(void)close(fds[0]);
			writer(fds[1]);
		}
		(void)close(fds[1]);
		do {
			assert_int_equal(read(fds[0], &acked, sizeof(acked)), sizeof(acked));
		} while (acked < (uint64_t)(20 + 17 * round));
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &acked, sizeof(acked)) == sizeof(acked))
			;
		(void)close(fds[0]);

		/* The lock died with its owner. */
		assert_int_equal(world_make(&w, NULL), 0);
		uring_bind(w.u, &w.ops);
		assert_int_equal(dev_open(&w, 0, 0), 0);
		for (i = 0; i <= acked; i++) {
			gen_fill(100 + i, 0, want, PAGE);
			assert_int_equal(op_run(&w, RT_IO_READ, i * PAGE, mem, PAGE), 0);
			assert_memory_equal(mem, want, PAGE);
		}
		/* Nothing later than the one record that may have been on its way. */
		memset(want, 0, PAGE);
		assert_int_equal(op_run(&w, RT_IO_READ, (acked + 2) * PAGE, mem, PAGE), 0);
		assert_memory_equal(mem, want, PAGE);
		world_close(&w);
	}
	free(mem);
	free(want);
}

/* A loop device on @file, detached when its last user is gone. */
static int loop_attach(const char *file, char *name, size_t len)
{
	struct loop_config conf = {
		.block_size = 4096,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR },
	};
	int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr, fd;

	if (ctl < 0)
		return -1;
	nr = ioctl(ctl, LOOP_CTL_GET_FREE);
	(void)close(ctl);
	conf.fd = (uint32_t)open(file, O_RDWR | O_CLOEXEC);
	snprintf(name, len, "/dev/loop%d", nr);
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &conf) != 0) {
		(void)close(fd);
		fd = -1;
	}
	(void)close((int)conf.fd);
	return fd;
}

static void test_block_device(void **state)
{
	char file[128], *mem = pages(MIB), *zero = calloc(1, MIB);
	struct rt_dev *second;
	struct world w;
	int loop;

	(void)state;
	assert_int_equal(world_make(&w, NULL), 0);
	uring_bind(w.u, &w.ops);
	snprintf(file, sizeof(file), "%s/disk", dir);
	assert_int_equal(close(open(file, O_RDWR | O_CREAT, 0600)), 0);
	assert_int_equal(truncate(file, 8 * MIB + 512), 0);
	loop = loop_attach(file, w.path, sizeof(w.path));
	assert_int_equal(unlink(file), 0);
	if (loop < 0) {
		print_message("loop devices need root\n");
		uring_destroy(w.u);
		skip();
	}
	assert_int_equal(dev_open(&w, 0, RT_DEV_CREATE), 0);
	assert_true(info(&w).block);
	assert_true(info(&w).direct);
	assert_int_equal(w.dev->align, 4096);
	assert_int_equal(w.dev->bytes, 8 * MIB);
	assert_int_equal(w.ops.blk->dev_open(w.ops.blk_ctx, w.path, 0, 0, &second), -DER_BUSY);
	gen_fill(20, 0, mem, MIB);
	assert_int_equal(op_run(&w, RT_IO_WRITE, MIB, mem, MIB), 0);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 0, mem + 1, 8 * PAGE), 0);
	assert_int_equal(op_run(&w, RT_IO_WRITE, 512, mem, PAGE), -DER_INVAL);
	assert_int_equal(op_run(&w, RT_IO_FLUSH, 0, NULL, 0), 0);
	memset(mem, 0, MIB);
	assert_int_equal(op_run(&w, RT_IO_READ, MIB, mem, MIB), 0);
	gen_fill(20, 0, zero, MIB);
	assert_memory_equal(mem, zero, MIB);
	assert_int_equal(op_run(&w, RT_IO_TRIM, MIB, NULL, MIB), 0);
	assert_int_equal(op_run(&w, RT_IO_READ, MIB, mem, MIB), 0);
	memset(zero, 0, MIB);
	assert_memory_equal(mem, zero, MIB);	/* a loop device reads zeros where it discarded */
	dev_close(&w);
	(void)close(loop);
	w.path[0] = 0;
	free(mem);
	free(zero);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unavailable),
		cmocka_unit_test(test_memlock),
		cmocka_unit_test(test_flush_group),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_cut_file),
		cmocka_unit_test(test_failed_write),
		cmocka_unit_test(test_failed_flush),
		cmocka_unit_test(test_oom),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_block_device),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}

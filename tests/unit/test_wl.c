/* Ranks as threads and as processes: collectives, the death of a rank, Ctrl-C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "workloads/common/wl_host.h"
#include "workloads/common/wl_launch.h"

#define CAST_BYTES 200000u

static int job_run(int (*fn)(struct wl_env *env, int argc, char **argv), uint32_t size,
		   enum wl_kind kind, uint32_t grace_ms)
{
	struct wl_job job = {
		.name = "test", .main = fn, .size = size, .kind = kind, .grace_ms = grace_ms
	};

	return wl_run_local(&job);
}

/* ---- collectives -------------------------------------------------------------------------- */

static int collectives(struct wl_env *env, int argc, char **argv)
{
	uint8_t *data = wl_alloc(env, CAST_BYTES);
	uint64_t first = 0;
	double v[3];
	uint32_t i, n = env->size;
	int rc = 0;

	(void)argc;
	(void)argv;
	for (i = 0; i < 50 && rc == 0; i++) {
		v[0] = v[1] = v[2] = env->rank + i;
		rc = wl_reduce(env, WL_MIN, v, 1);
		rc |= wl_reduce(env, WL_MAX, v + 1, 1);
		rc |= wl_reduce(env, WL_SUM, v + 2, 1);
		if (v[0] != i || v[1] != n - 1 + i || v[2] != n * (n - 1) / 2.0 + n * i)
			rc = 1;
		if (env->rank == i % n)
			wl_fill(env, data, CAST_BYTES, i + 1, 5);
		rc |= wl_bcast(env, data, CAST_BYTES, i % n);
		rc |= wl_verify(env, data, CAST_BYTES, i + 1, 5, &first) != 0;
		rc |= wl_barrier(env);
	}
	wl_free(env, data);
	return rc != 0 || wl_stopped(env);
}

static void test_collectives(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 5, 16 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		assert_int_equal(job_run(collectives, sizes[i], WL_THREADS, 0), 0);
		assert_int_equal(job_run(collectives, sizes[i], WL_PROCESSES, 0), 0);
	}
	assert_int_equal(job_run(collectives, 1000000, WL_THREADS, 0), 2);
}

static void test_verify(void **state)
{
	uint8_t mem[5000];
	uint64_t first;

	(void)state;
	wl_bytes_fill(NULL, mem, sizeof(mem), 9, 3);
	assert_int_equal(wl_bytes_verify(NULL, mem, sizeof(mem), 9, 3, &first), 0);
	assert_true(wl_bytes_verify(NULL, mem, sizeof(mem), 9, 4, &first) > 4000);
	assert_int_equal(first, 0);
	mem[1025] ^= 1;
	mem[4999] ^= 1;
	assert_int_equal(wl_bytes_verify(NULL, mem, sizeof(mem), 9, 3, &first), 2);
	assert_int_equal(first, 1025);
}

/* ---- the end of a rank -------------------------------------------------------------------- */

/* Rank 1 ends in its own way while the others wait for it. */
static int killed(struct wl_env *env, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (wl_barrier(env) != 0)
		return 70;
	if (env->rank == 1)
		(void)raise(SIGKILL);
	return wl_barrier(env) == -DER_CANCELED && wl_stopped(env) ? 5 : 71;
}

static int fails_early(struct wl_env *env, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (env->rank == 1)
		return 3;
	return wl_barrier(env) == -DER_CANCELED ? 3 : 71;
}

/* Rank 0 does not care that rank 1 is dead. */
static int stubborn(struct wl_env *env, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (wl_barrier(env) != 0)
		return 70;
	if (env->rank == 1)
		(void)raise(SIGTERM);
	for (;;)
		(void)pause();
	return 0;
}

/* Run with standard error in a file; returns the exit code. */
static int heard(int (*fn)(struct wl_env *env, int argc, char **argv), uint32_t size,
		 uint32_t grace_ms, char *said, size_t cap, double *ret_s)
{
	struct timespec a, b;
	int saved = dup(STDERR_FILENO), rc;
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	(void)fflush(stderr);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	rc = job_run(fn, size, WL_PROCESSES, grace_ms);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	rewind(f);
	n = fread(said, 1, cap - 1, f);
	said[n] = '\0';
	(void)fclose(f);
	*ret_s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9;
	return rc;
}

static void test_death(void **state)
{
	char said[1024];
	double s;

	(void)state;
	assert_int_equal(heard(killed, 4, 0, said, sizeof(said), &s), 1);
	assert_true(s < WL_GRACE_S);
	assert_non_null(strstr(said, "test: rank 1 (process "));
	assert_non_null(strstr(said, "was killed by signal 9 (Killed); the other ranks stop\n"));

	assert_int_equal(heard(fails_early, 4, 0, said, sizeof(said), &s), 3);
	assert_true(s < WL_GRACE_S);
	assert_int_equal(job_run(fails_early, 4, WL_THREADS, 0), 3);

	assert_int_equal(heard(stubborn, 2, 200, said, sizeof(said), &s), 1);
	assert_true(s >= 0.2 && s < WL_GRACE_S);
	assert_non_null(strstr(said, "rank 1 (process "));
	assert_non_null(strstr(said, "signal 15 (Terminated)"));
	assert_non_null(strstr(said, "they do not stop by themselves: 1 of 2 ranks are killed\n"));
}

/* ---- Ctrl-C ------------------------------------------------------------------------------- */

static int until_stopped(struct wl_env *env, int argc, char **argv)
{
	double v = 0;

	(void)argc;
	(void)argv;
	wl_printf(env, WL_OUT, "x");
	while (v == 0) {
		v = wl_stopped(env);
		if (wl_reduce(env, WL_MAX, &v, 1) != 0)
			return 1;
	}
	return WL_EXIT_INTERRUPTED;
}

/* A launcher of its own; interrupted when all ranks have printed. */
static int interrupted(int (*fn)(struct wl_env *env, int argc, char **argv), enum wl_kind kind,
		       int times, int signo)
{
	int fds[2], status, i;
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (dup2(fds[1], STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(90);
		_exit(job_run(fn, 3, kind, 200));
	}
	(void)close(fds[1]);
	for (i = 0; i < 3; i++)
		assert_int_equal(read(fds[0], &c, 1), 1);
	for (i = 0; i < times; i++) {
		assert_int_equal(kill(pid, signo), 0);
		/* The second is only seen as one when the first has been taken. */
		if (i + 1 < times)
			assert_int_equal(read(fds[0], &c, 1), 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(fds[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Sees the first Ctrl-C, says so, and goes on. */
static int deaf(struct wl_env *env, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	wl_printf(env, WL_OUT, "x");
	while (!wl_stopped(env))
		(void)sched_yield();
	if (env->rank == 0)
		wl_printf(env, WL_OUT, "y");
	for (;;)
		(void)pause();
	return 0;
}

static void test_interrupt(void **state)
{
	(void)state;
	assert_int_equal(interrupted(until_stopped, WL_THREADS, 1, SIGINT), WL_EXIT_INTERRUPTED);
	assert_int_equal(interrupted(until_stopped, WL_PROCESSES, 1, SIGINT), WL_EXIT_INTERRUPTED);
	assert_int_equal(interrupted(deaf, WL_THREADS, 2, SIGINT), WL_EXIT_INTERRUPTED);
	assert_int_equal(interrupted(deaf, WL_THREADS, 1, SIGTERM), WL_EXIT_INTERRUPTED);
	assert_int_equal(interrupted(deaf, WL_PROCESSES, 2, SIGINT), WL_EXIT_INTERRUPTED);
	assert_int_equal(interrupted(deaf, WL_PROCESSES, 1, SIGTERM), WL_EXIT_INTERRUPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collectives),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_interrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ior: flags, plan, data checks, report; over a file system in memory and a scripted clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "workloads/common/wl_host.h"
#include "workloads/common/wl_launch.h"
#include "workloads/common/wl_size.h"
#include "workloads/ior/ior_int.h"

/* ---- a file system in memory, called POSIX ------------------------------------------------ */

#define MEM_FILES 8u
#define MEM_BYTES (8u << 20)

struct aiori_file {
	uint8_t *data;
	uint64_t size;
	char name[64];
};

/** Shared by the threads of a test. */
struct mem_fs {
	pthread_mutex_t lock;
	struct aiori_file files[MEM_FILES];
	enum { FAIL_NOT = 0, FAIL_OPEN, FAIL_WRITE, FAIL_READ, FAIL_SYNC, FAIL_CLOSE } fail;
	uint64_t fail_off;
	uint32_t syncs;
	uint32_t stops;
	uint32_t opens;
	char out[16384];
	char err[4096];
	uint32_t stop_after;	/* transfers until "Ctrl-C"; 0: never */
	uint32_t transfers;
};

static struct mem_fs fs;

static void fs_reset(void)
{
	uint32_t i;

	for (i = 0; i < MEM_FILES; i++)
		free(fs.files[i].data);
	fs = (struct mem_fs){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

static struct aiori_file *file_find(const char *name)
{
	uint32_t i;

	for (i = 0; i < MEM_FILES; i++)
		if (strcmp(fs.files[i].name, name) == 0)
			return &fs.files[i];
	return NULL;
}

static int mem_start(struct aiori *a)
{
	(void)a;
	return 0;
}

static void mem_stop(struct aiori *a)
{
	(void)a;
	(void)pthread_mutex_lock(&fs.lock);
	fs.stops++;
	(void)pthread_mutex_unlock(&fs.lock);
}

static int mem_open(struct aiori *a, const char *path, uint32_t flags, struct aiori_file **ret_file)
{
	struct aiori_file *f;
	int rc = 0;

	(void)a;
	(void)pthread_mutex_lock(&fs.lock);
	fs.opens++;
	f = file_find(path);
	if (f == NULL && (flags & AIORI_CREATE) != 0) {
		f = file_find("");
		f->data = calloc(1, MEM_BYTES);
		snprintf(f->name, sizeof(f->name), "%s", path);
	}
	if (fs.fail == FAIL_OPEN || f == NULL)
		rc = f == NULL ? ENOENT : EACCES;
	(void)pthread_mutex_unlock(&fs.lock);
	*ret_file = rc == 0 ? f : NULL;
	return rc;
}

static int mem_read(struct aiori *a, struct aiori_file *f, void *buf, uint64_t bytes, uint64_t off,
		    uint64_t *ret_bytes)
{
	uint64_t got = off >= f->size ? 0 : min_u64(bytes, f->size - off);

	(void)a;
	fs.transfers++;
	if (fs.fail == FAIL_READ && off == fs.fail_off)
		return EIO;
	memcpy(buf, f->data + off, got);
	*ret_bytes = got;
	return 0;
}

static int mem_write(struct aiori *a, struct aiori_file *f, const void *buf, uint64_t bytes,
		     uint64_t off)
{
	(void)a;
	if (fs.fail == FAIL_WRITE && off == fs.fail_off)
		return ENOSPC;
	assert_true(off + bytes <= MEM_BYTES);
	(void)pthread_mutex_lock(&fs.lock);
	fs.transfers++;
	memcpy(f->data + off, buf, bytes);
	f->size = max_u64(f->size, off + bytes);
	(void)pthread_mutex_unlock(&fs.lock);
	return 0;
}

static int mem_fsync(struct aiori *a, struct aiori_file *f)
{
	(void)a;
	(void)f;
	(void)pthread_mutex_lock(&fs.lock);
	fs.syncs++;
	(void)pthread_mutex_unlock(&fs.lock);
	return fs.fail == FAIL_SYNC ? EIO : 0;
}

static int mem_close(struct aiori *a, struct aiori_file *f)
{
	(void)a;
	(void)f;
	return fs.fail == FAIL_CLOSE ? EIO : 0;
}

static int mem_remove(struct aiori *a, const char *path)
{
	struct aiori_file *f;

	(void)a;
	(void)pthread_mutex_lock(&fs.lock);
	f = file_find(path);
	if (f != NULL) {
		free(f->data);
		*f = (struct aiori_file){ 0 };
	}
	(void)pthread_mutex_unlock(&fs.lock);
	return 0;
}

static int mem_space(struct aiori *a, const char *path, struct aiori_space *ret_space)
{
	(void)a;
	(void)path;
	*ret_space = (struct aiori_space){ 1ull << 40, 1ull << 39, 4u << 20, 3u << 20 };
	return 0;
}

const struct aiori_ops *aiori_find(const char *name)
{
	static const struct aiori_ops mem = {
		.name = "POSIX",
		.start = mem_start,
		.stop = mem_stop,
		.open = mem_open,
		.read = mem_read,
		.write = mem_write,
		.fsync = mem_fsync,
		.close = mem_close,
		.remove = mem_remove,
		.space = mem_space,
	};

	return strcmp(name, "POSIX") == 0 ? &mem : NULL;
}

/* ---- running ------------------------------------------------------------------------------ */

static void capture(struct wl_env *env, enum wl_out out, const char *text, size_t len)
{
	char *dst = out == WL_OUT ? fs.out : fs.err;
	size_t cap = out == WL_OUT ? sizeof(fs.out) : sizeof(fs.err), used;

	(void)env;
	(void)pthread_mutex_lock(&fs.lock);
	used = strlen(dst);
	if (out != WL_TTY)
		snprintf(dst + used, cap - used, "%.*s", (int)len, text);
	(void)pthread_mutex_unlock(&fs.lock);
}

static bool capture_stopped(struct wl_env *env)
{
	(void)env;
	return fs.stop_after > 0 && fs.transfers >= fs.stop_after;
}

static int captured_main(struct wl_env *env, int argc, char **argv)
{
	struct wl_env_ops ops = *env->ops;

	ops.write = capture;
	ops.stopped = capture_stopped;
	env->ops = &ops;
	return ior_main(env, argc, argv);
}

static int words_split(char *line, char **words, int cap)
{
	int nr = 0;
	char *word, *save = NULL;

	for (word = strtok_r(line, " ", &save); word != NULL && nr < cap;
	     word = strtok_r(NULL, " ", &save))
		words[nr++] = word;
	return nr;
}

/* Run a command line with threads as ranks; -N says how many. */
static int run(const char *command)
{
	char line[256], *words[40];
	struct wl_job job = { .name = "ior", .main = captured_main, .kind = WL_THREADS };
	struct ior_opts opts;
	char why[256];

	snprintf(line, sizeof(line), "%s", command);
	job.argc = words_split(line, words, 40);
	job.argv = words;
	fs.out[0] = fs.err[0] = '\0';
	fs.transfers = 0;
	if (ior_opts_parse(job.argc, job.argv, &opts, why, sizeof(why)) == 0)
		job.size = (uint32_t)opts.tasks;
	return wl_run_local(&job);
}

/* ---- sizes and flags ---------------------------------------------------------------------- */

static void test_sizes(void **state)
{
	static const char *const bad[] = { "",
					   "k",
					   "-1",
					   "1kb",
					   "1.5m",
					   "10x",
					   " 1",
					   "1 ",
					   "99999999999999999999",
					   "8388608t",
					   "9223372036854775808" };
	char text[32];
	uint64_t v;
	size_t i;

	(void)state;
	assert_int_equal(wl_size_parse("47008", &v), 0);
	assert_int_equal(v, 47008);
	assert_int_equal(wl_size_parse("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(wl_size_parse("256k", &v), 0);
	assert_int_equal(v, 262144);
	assert_int_equal(wl_size_parse("10M", &v), 0);
	assert_int_equal(v, 10485760);
	assert_int_equal(wl_size_parse("3g", &v), 0);
	assert_int_equal(v, 3ull << 30);
	assert_int_equal(wl_size_parse("8388607t", &v), 0);
	assert_int_equal(v, 8388607ull << 40);
	assert_int_equal(wl_size_parse("9223372036854775807", &v), 0);
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		v = 77;
		assert_int_equal(wl_size_parse(bad[i], &v), -DER_INVAL);
		assert_int_equal(v, 77);
	}
	assert_int_equal(wl_count_parse("1k", &v), -DER_INVAL);
	assert_string_equal(wl_size_format(100, text, 32), "100 bytes");
	assert_string_equal(wl_size_format(47008, text, 32), "45.91 KiB");
	assert_string_equal(wl_size_format(1u << 20, text, 32), "1 MiB");
	assert_string_equal(wl_size_format(80u << 20, text, 32), "80 MiB");
	assert_string_equal(wl_size_format(5ull << 40, text, 32), "5 TiB");
}

static int parse(const char *command, struct ior_opts *opts, char *why)
{
	static char line[256];		/* the options point into it */
	char *words[40];
	int nr;

	snprintf(line, sizeof(line), "ior %s", command);
	nr = words_split(line, words, 40);
	why[0] = '\0';
	return ior_opts_parse(nr, words, opts, why, 256);
}

static void test_flags(void **state)
{
	struct ior_opts o;
	char why[256];

	(void)state;
	assert_int_equal(parse("", &o, why), 0);
	assert_string_equal(o.api, "POSIX");
	assert_int_equal(o.block_bytes, 1u << 20);
	assert_int_equal(o.xfer_bytes, 256u << 10);
	assert_int_equal(o.segments, 1);
	assert_int_equal(o.repetitions, 1);
	assert_int_equal(o.tasks, 0);
	assert_string_equal(o.path, "testFile");
	assert_true(o.write && o.read && !o.check_write && !o.check_read);

	assert_int_equal(parse("-a dfs -b 10m -t=1m -s4 -w -r -C -e -k -i 3 -o /a/b -D 60 -N 8 -zF "
			       "--dfs.pool=p --dfs.cont c --dfs.chunk_size 2m --dfs.oclass=SX "
			       "--dfs.dir_oclass S1 --dfs.prefix /mnt --dfs.group g --dfs.destroy "
			       "--result sim -vv",
			       &o, why),
			 0);
	assert_string_equal(o.api, "DFS");
	assert_int_equal(o.block_bytes, 10u << 20);
	assert_int_equal(o.xfer_bytes, 1u << 20);
	assert_int_equal(o.segments, 4);
	assert_true(o.reorder && o.fsync && o.keep && o.random && o.file_per_task && o.dfs.destroy);
	assert_int_equal(o.repetitions, 3);
	assert_int_equal(o.stonewall_s, 60);
	assert_int_equal(o.tasks, 8);
	assert_int_equal(o.verbose, 2);
	assert_string_equal(o.path, "/a/b");
	assert_string_equal(o.dfs.pool, "p");
	assert_string_equal(o.dfs.cont, "c");
	assert_string_equal(o.dfs.oclass, "SX");
	assert_string_equal(o.dfs.dir_oclass, "S1");
	assert_string_equal(o.dfs.prefix, "/mnt");
	assert_string_equal(o.dfs.group, "g");
	assert_int_equal(o.dfs.chunk_bytes, 2u << 20);
	assert_string_equal(o.world, "sim");

	assert_int_equal(parse("-r", &o, why), 0);
	assert_true(o.read && !o.write);
	assert_int_equal(parse("-R", &o, why), 0);
	assert_true(o.read && o.check_read && !o.write);
}

/* What is wrong is named: the flag, what was given, what is expected. */
static void test_flags_wrong(void **state)
{
	static const char *const cases[][3] = {
		{ "-b 10x", "-b", "\"10x\"" },
		{ "-t 0", "-t", "at least 1" },
		{ "-b 1000 -t 300", "-b 1000", "-t 300" },
		{ "-b", "-b", "needs a value" },
		{ "-i many", "-i", "\"many\"" },
		{ "-N 5000000000", "-N", "\"5000000000\"" },
		{ "-N 0", "-N", "at least 1" },
		{ "-a MPIIO", "-a", "POSIX or DFS" },
		{ "-q", "\"-q\"", "-h" },
		{ "-wq", "\"-q\"", "-wq" },
		{ "--dfs.pol=x", "\"--dfs.pol=x\"", "-h" },
		{ "--dfs.pool", "--dfs.pool", "needs a value" },
		{ "--dfs.pool=", "--dfs.pool", "empty" },
		{ "--dfs.destroy=yes", "--dfs.destroy", "\"yes\"" },
		{ "--dfs.chunk_size=big", "--dfs.chunk_size", "\"big\"" },
		{ "file", "\"file\"", "not a flag" },
		{ "-", "\"-\"", "not a flag" },
		{ "--", "\"--\"", "not a flag" },
		{ "-b 4000000t -s 4", "-b", "2^63" },
	};
	struct ior_opts o;
	char why[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(parse(cases[i][0], &o, why), -DER_INVAL);
		if (strstr(why, cases[i][1]) == NULL || strstr(why, cases[i][2]) == NULL)
			fail_msg("\"%s\" is explained as: %s", cases[i][0], why);
	}
	fs_reset();
	assert_int_equal(run("ior -b 10x"), IOR_EXIT_USAGE);
	assert_non_null(strstr(fs.err, "ior: -b: \"10x\""));
	assert_int_equal(run("ior -a DFS"), IOR_EXIT_USAGE);
	assert_non_null(strstr(fs.err, "built without DFS"));
	assert_int_equal(run("ior -h"), 0);
	assert_non_null(strstr(fs.out, "--dfs.oclass"));
}

/* ---- the plan ----------------------------------------------------------------------------- */

static void cover(const struct ior_plan *p, uint64_t written)
{
	uint64_t total = ior_plan_total_bytes(p), unit = p->xfer_bytes, count = ior_plan_count(p),
		 k;
	uint64_t off, file_units = total / unit / (p->file_per_task ? p->tasks : 1);
	uint8_t *hits = calloc(1, file_units), *back = calloc(1, file_units);
	uint32_t task;

	for (task = 0; task < p->tasks; task++) {
		if (p->file_per_task) {
			memset(hits, 0, file_units);
			memset(back, 0, file_units);
		}
		for (k = 0; k < count; k++) {
			off = ior_plan_offset(p, task, k);
			assert_int_equal(off % unit, 0);
			assert_true(off / unit < file_units);
			assert_int_equal(hits[off / unit]++, 0);
			if (k < written)
				back[off / unit] = 1;
		}
		/* What is read is exactly what the first transfers wrote. */
		for (k = 0; k < written; k++) {
			off = ior_plan_read_offset(p, task, written, k);
			assert_int_equal(back[off / unit]--, 1);
		}
		for (k = 0; k < file_units; k++) {
			assert_int_equal(back[k], 0);
			assert_true(hits[k] == 1 || (!p->file_per_task && task + 1 < p->tasks));
		}
	}
	free(hits);
	free(back);
}

static void test_plan(void **state)
{
	static const uint32_t tasks[] = { 1, 2, 7, 8 };
	static const uint64_t per_block[] = { 1, 3, 16 };
	static const uint64_t segments[] = { 1, 5 };
	size_t t, b, s;
	uint64_t count;
	int mode;

	(void)state;
	for (t = 0; t < ARRAY_COUNT(tasks); t++)
		for (b = 0; b < ARRAY_COUNT(per_block); b++)
			for (s = 0; s < ARRAY_COUNT(segments); s++)
				for (mode = 0; mode < 4; mode++) {
					struct ior_plan p = {
						per_block[b] * 47008, 47008,
						segments[s],	      tasks[t],
						(mode & 1) != 0,      (mode & 2) != 0
					};

					count = ior_plan_count(&p);
					cover(&p, count);
					cover(&p, count / 2);
				}
}

static void test_plan_order(void **state)
{
	struct ior_plan p = { 64, 1, 1, 4, false, false };
	uint64_t k, moved = 0, other = 0;

	(void)state;
	/* In the file a segment holds the tasks' blocks one after the other. */
	p.segments = 2;
	assert_int_equal(ior_plan_offset(&p, 2, 0), 128);
	assert_int_equal(ior_plan_offset(&p, 2, 63), 191);
	assert_int_equal(ior_plan_offset(&p, 2, 64), 256 + 128);
	p.file_per_task = true;
	assert_int_equal(ior_plan_offset(&p, 2, 64), 64);
	p.random = true;
	for (k = 0; k < 128; k++) {
		moved += ior_plan_offset(&p, 2, k) != k;
		other += ior_plan_offset(&p, 2, k) != ior_plan_offset(&p, 3, k);
	}
	assert_true(moved > 100);
	assert_true(other > 100);
}

static void test_reorder(void **state)
{
	static const uint32_t per_node[] = { 1, 2, 3, 8, 100 };
	uint32_t tasks, rank, writer, seen;
	size_t i;

	(void)state;
	for (tasks = 1; tasks <= 16; tasks++)
		for (i = 0; i < ARRAY_COUNT(per_node); i++) {
			struct ior_plan p = { .tasks = tasks };

			for (seen = 0, rank = 0; rank < tasks; rank++) {
				writer = ior_plan_writer(&p, rank, true, per_node[i]);
				assert_true(writer < tasks && (seen >> writer & 1) == 0);
				seen |= 1u << writer;
				assert_true(tasks == 1 || writer != rank);
				if (per_node[i] < tasks && tasks % per_node[i] == 0)
					assert_int_not_equal(writer / per_node[i],
							     rank / per_node[i]);
				assert_int_equal(ior_plan_writer(&p, rank, false, per_node[i]),
						 rank);
			}
		}
	assert_int_not_equal(ior_plan_gen(0), ior_plan_gen(1));
}

/* ---- runs --------------------------------------------------------------------------------- */

static void test_runs(void **state)
{
	static const char *const commands[] = {
		"ior -b 256k -t 64k -w -r -C -N 4 --result a",
		"ior -b 256k -t 64k -w -r -C -N 4 --result a -F -z",
		"ior -b 47008 -t 47008 -s 5 -W -w -r -R -C -e -N 3 -z -i 2 --result a",
		"ior -N 1 --result a",
	};
	static const char *const verified[] = { "verified_bytes=1048576 ",
						"verified_bytes=1048576 ",
						"verified_bytes=2820480 ",
						"verified_bytes=1048576 " };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(commands); i++) {
		fs_reset();
		assert_int_equal(run(commands[i]), 0);
		assert_string_equal(fs.err, "");
		assert_non_null(strstr(fs.out, "result world=a write_mib_s="));
		assert_non_null(strstr(fs.out, verified[i]));
		assert_non_null(strstr(fs.out, "errors=0\n"));
		assert_null(file_find("testFile"));
		assert_null(file_find("testFile.00000000"));
	}
	assert_int_equal(fs.stops, 1);
	fs_reset();
	assert_int_equal(run("ior -w -k -e -N 2 -o f -b 64k -t 64k"), 0);
	assert_int_equal(fs.syncs, 2);
	assert_non_null(file_find("f"));
	assert_int_equal(file_find("f")->size, 2 * 65536);
	assert_null(strstr(fs.out, "Max Read"));
	assert_int_equal(run("ior -r -R -k -N 2 -o f -b 64k -t 32k"), 0);
	assert_null(strstr(fs.out, "Max Write"));
	fs_reset();
}

static void test_corruption(void **state)
{
	static const char *const reads[] = {
		"ior -r -R -C -k -N 3 -o f -b 128k -t 64k",
		"ior -r -k -N 3 -o f -b 128k -t 64k --result x",
		"ior -W -k -z -N 3 -o f -b 128k -t 64k",
	};
	size_t i;

	(void)state;
	fs_reset();
	assert_int_equal(run("ior -w -k -N 3 -o f -b 128k -t 64k"), 0);
	file_find("f")->data[128 * 1024 + 70000] ^= 4;
	for (i = 0; i < ARRAY_COUNT(reads); i++) {
		assert_int_equal(run(reads[i]), IOR_EXIT_FAILED);
		assert_non_null(strstr(fs.err,
				       "f: wrong data at offset 201072, which rank 1 wrote (1 "
				       "of the 65536 bytes at offset 196608)"));
	}
	assert_int_equal(run(reads[1]), IOR_EXIT_FAILED);
	assert_non_null(strstr(fs.out, "errors=1\n"));
	/* Reading alone does not look. */
	assert_int_equal(run("ior -r -k -N 3 -o f -b 128k -t 64k"), 0);
	/* Whole blocks in each other's place are right bytes in a wrong place. */
	file_find("f")->data[128 * 1024 + 70000] ^= 4;
	memcpy(file_find("f")->data, file_find("f")->data + 65536, 65536);
	assert_int_equal(run(reads[0]), IOR_EXIT_FAILED);
	assert_non_null(strstr(fs.err, "wrong data at offset 0, which rank 0 wrote"));
	/* The file ends early. */
	file_find("f")->size -= 1;
	assert_int_equal(run("ior -r -k -N 3 -o f -b 128k -t 64k"), IOR_EXIT_FAILED);
	assert_non_null(strstr(fs.err, "ends 1 bytes too early"));
	fs_reset();
}

static void test_failures(void **state)
{
	static const char *const said[] = {
		[FAIL_OPEN] = "opening testFile: EACCES (Permission denied)",
		[FAIL_WRITE] =
			"ior: rank 1: write of 65536 bytes at offset 131072 of testFile: ENOSPC",
		[FAIL_READ] = "ior: rank 1: read of 65536 bytes at offset 131072 of testFile: EIO",
		[FAIL_SYNC] = "fsync of testFile: EIO",
		[FAIL_CLOSE] = "closing testFile: EIO",
	};
	int fail;

	(void)state;
	for (fail = FAIL_OPEN; fail <= FAIL_CLOSE; fail++) {
		fs_reset();
		fs.fail = (unsigned int)fail;
		fs.fail_off = 131072;
		assert_int_equal(run("ior -w -r -e -N 4 -b 128k -t 64k --result x"),
				 IOR_EXIT_FAILED);
		if (strstr(fs.err, said[fail]) == NULL)
			fail_msg("said: %s", fs.err);
		assert_non_null(strstr(fs.out, "partial: "));
		assert_non_null(strstr(fs.out, "errors=1\n"));
		assert_null(file_find("testFile"));	/* cleaned up all the same */
		assert_int_equal(fs.stops, 4);
	}
	/* All have the same trouble: one is heard. */
	fs_reset();
	assert_int_equal(run("ior -r -N 4 -o missing"), IOR_EXIT_FAILED);
	assert_non_null(strstr(fs.err, "ior: rank 0: opening missing: ENOENT"));
	assert_non_null(strstr(fs.err, "ior: 3 other ranks had trouble too\n"));
	assert_null(strstr(fs.err, "rank 1:"));
	fs_reset();
}

static void test_interrupted(void **state)
{
	(void)state;
	fs_reset();
	fs.stop_after = 3;
	assert_int_equal(run("ior -w -r -N 1 -b 1m -t 64k -i 3"), IOR_EXIT_INTERRUPTED);
	assert_non_null(strstr(fs.out, "partial: the write above ended early, after 196608 bytes"));
	assert_non_null(strstr(fs.out, "Max Write: "));
	assert_null(strstr(fs.out, "Max Read: "));
	assert_null(file_find("testFile"));
	assert_int_equal(run("ior -w -r -k -N 1 -b 1m -t 64k"), IOR_EXIT_INTERRUPTED);
	assert_non_null(file_find("testFile"));
	fs_reset();
}

/* ---- the report --------------------------------------------------------------------------- */

/* One rank; each look at the clock takes 2^-10 s. */
static uint64_t script_now(struct wl_env *env)
{
	return ++*(uint64_t *)env->ctx * 976562u;
}

static uint64_t script_wall(struct wl_env *env)
{
	(void)env;
	return 1700000000000000000ull;
}

static int alone(struct wl_env *env)
{
	(void)env;
	return 0;
}

static int alone_bcast(struct wl_env *env, void *data, size_t bytes, uint32_t root)
{
	(void)env;
	(void)data;
	(void)bytes;
	(void)root;
	return 0;
}

static int alone_reduce(struct wl_env *env, enum wl_reduce op, double *v, uint32_t nr)
{
	(void)env;
	(void)op;
	(void)v;
	(void)nr;
	return 0;
}

/* When the report changes on purpose, make the golden text of ior_report.got, and read the diff:
 *   sed 's/"/\\"/g; s/^/"/; s/$/\\n"/' ior_report.got > tests/unit/ior_report.golden */
static void test_report(void **state)
{
	static const char golden[] =
#include "tests/unit/ior_report.golden"
		;
	static const struct wl_env_ops ops = {
		.barrier = alone,
		.bcast = alone_bcast,
		.reduce = alone_reduce,
		.now_ns = script_now,
		.wall_ns = script_wall,
		.alloc = wl_host_alloc,
		.free = wl_host_free,
		.fill = wl_bytes_fill,
		.verify = wl_bytes_verify,
		.write = capture,
		.stopped = capture_stopped,
		.var = wl_host_var,
	};
	uint64_t ticks = 0;
	struct wl_env env = {
		.ops = &ops, .size = 1, .node_ranks = 1, .host = "node7", .ctx = &ticks
	};
	char line[] = "ior -b 1m -t 256k -w -r -i 2 -R -e -o /scratch/f --result test", *words[40];
	int nr = words_split(line, words, 40);

	(void)state;
	fs_reset();
	(void)setenv("TZ", "UTC", 1);
	assert_int_equal(ior_main(&env, nr, words), 0);
	if (strcmp(fs.out, golden) != 0) {
		FILE *f = fopen("ior_report.got", "w");

		assert_non_null(f);
		(void)fputs(fs.out, f);
		(void)fclose(f);
		fail_msg("the report differs, see ior_report.got:\n%s", fs.out);
	}
	fs_reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),	    cmocka_unit_test(test_flags),
		cmocka_unit_test(test_flags_wrong), cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_order),  cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_runs),	    cmocka_unit_test(test_corruption),
		cmocka_unit_test(test_failures),    cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Engines and programs in the simulated world: the public API from end to end, crashes included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daos.h"
#include "sim/process.h"
#include "sim/sim_int.h"
#include "tests/lib/sim_world.h"

/* core/rt makes stacks larger under ASan. */
#ifdef __SANITIZE_ADDRESS__
#define STACK_FACTOR 4u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_FACTOR 4u
#endif
#endif
#ifndef STACK_FACTOR
#define STACK_FACTOR 1u
#endif

struct bed {
	struct sw w;
	struct sim_system *sys;
};

static struct bed bed_open(bool memory)
{
	struct sim_system_opts opts = { .memory = memory };
	struct bed b = { .w = sw_open(NULL, 1) };
	char err[256] = "";

	assert_int_equal(sim_system_create(b.w.sim, &opts, &b.sys), 0);
	if (sim_system_start(b.sys, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	return b;
}

/* Deepest use of a stack on any server; what remains is the reserve against deeper paths. */
static void check_stacks(struct bed *b)
{
	uint32_t peak = 0;

	for (uint32_t n = 0; n < b->w.profile->server_count; n++) {
		struct list *pos;

		list_for_each(pos, &b->w.sim->nodes[n].streams)
			peak = (uint32_t)max_u64(
				peak,
				list_entry(pos, struct sim_stream, link)->rt.stack_peak_bytes);
	}
	print_message("servers used at most %u bytes of a stack\n", peak);
	assert_in_range(peak, 100, SIM_STACK_BYTES * STACK_FACTOR * 3 / 4);
}

static void bed_close(struct bed *b)
{
	check_stacks(b);
	sim_system_stop(b->sys);
	sw_close(&b->w);
	sim_system_destroy(b->sys);
}

/* Programs run on ULTs, from which a test framework cannot jump away. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);          \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct program {
	struct sim_proc *proc;
	struct bed *bed;
	uint32_t rank;
	uint32_t done;
	int rc;
	uint64_t end_ns;
	uint64_t oid_lo;
};

static struct program *program_start(struct bed *b, uint32_t node_idx, uint32_t rank,
				     void (*fn)(void *arg))
{
	struct sim_proc_opts opts = { .node_idx = node_idx, .tag = rank, .system = b->sys };
	struct program *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->bed = b;
	p->rank = rank;
	assert_int_equal(sim_proc_create(b->w.sim, &opts, &p->proc), 0);
	assert_int_equal(sim_proc_start(p->proc, fn, p), 0);
	return p;
}

static void program_end(struct program *p)
{
	assert_int_equal(p->done, 1);
	sim_proc_destroy(p->proc);
	free(p);
}

struct session {
	daos_handle_t pool;
	daos_handle_t cont;
};

static void session_open(struct session *s, const char *label)
{
	struct rt *rt = sim_current_rt();
	int rc;

	CHECK(daos_init() == 0);
	CHECK(daos_pool_connect(SIM_POOL, NULL, DAOS_PC_RW, &s->pool, NULL, NULL) == 0);
	rc = daos_cont_create_with_label(s->pool, label, NULL, NULL, NULL);
	CHECK(rc == 0 || rc == -DER_EXIST);
	/* One that another program is about to create is there, but cannot be opened yet. */
	rc = -DER_NONEXIST;
	for (int i = 0; i < 100 && rc == -DER_NONEXIST; i++) {
		rc = daos_cont_open(s->pool, label, DAOS_COO_RW, &s->cont, NULL, NULL);
		if (rc != 0)
			rt_sleep_ns(rt, 1000000);
	}
	CHECK(rc == 0);
}

static void session_close(struct session *s)
{
	CHECK(daos_cont_close(s->cont, NULL) == 0);
	CHECK(daos_pool_disconnect(s->pool, NULL) == 0);
	CHECK(daos_fini() == 0);
}

static daos_handle_t object(struct session *s, uint64_t lo)
{
	daos_obj_id_t oid = { .lo = lo };
	daos_handle_t oh;

	CHECK(daos_obj_generate_oid(s->cont, &oid, DAOS_OT_DKEY_UINT64, OC_SX, 0, 0) == 0);
	CHECK(daos_obj_open(s->cont, oid, DAOS_OO_RW, &oh, NULL) == 0);
	return oh;
}

/* What an operation points at: lives until it is complete. */
struct io {
	uint64_t dkey_v;
	daos_key_t dkey;
	d_iov_t iov;
	d_sg_list_t sgl;
	daos_recx_t recx;
	daos_iod_t iod;
};

/* Update or fetch [0, bytes) of the array "a" under an integer dkey. */
static int io_start(struct io *o, daos_handle_t oh, uint64_t dkey_v, void *mem, uint64_t bytes,
		    bool update, daos_event_t *ev)
{
	*o = (struct io){ .dkey_v = dkey_v, .recx = { .rx_nr = bytes } };
	o->sgl = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &o->iov };
	o->iod = (daos_iod_t){ .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1,
			       .iod_recxs = &o->recx };
	d_iov_set(&o->dkey, &o->dkey_v, sizeof(o->dkey_v));
	d_iov_set(&o->iod.iod_name, (void *)(uintptr_t) "a", 1);
	d_iov_set(&o->iov, mem, bytes);
	if (update)
		return daos_obj_update(oh, DAOS_TX_NONE, 0, &o->dkey, 1, &o->iod, &o->sgl, ev);
	return daos_obj_fetch(oh, DAOS_TX_NONE, 0, &o->dkey, 1, &o->iod, &o->sgl, NULL, ev);
}

static int io(daos_handle_t oh, uint64_t dkey_v, void *mem, uint64_t bytes, bool update)
{
	struct io o;

	return io_start(&o, oh, dkey_v, mem, bytes, update, NULL);
}

/* ---- programs ----------------------------------------------------------------------------- */

enum { BIG = 256 << 10 };

static void write_read(void *arg)
{
	struct program *p = arg;
	static const uint64_t sizes[] = { 1, 100, 4096, 5000, 65536, BIG };
	struct session s;
	daos_handle_t oh;
	char *out = malloc(BIG), *in = malloc(BIG);

	CHECK(out != NULL && in != NULL);
	session_open(&s, "c");
	oh = object(&s, p->rank + 1);
	for (uint64_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		gen_fill(p->rank * 100 + i + 1, 0, out, sizes[i]);
		CHECK(io(oh, i, out, sizes[i], true) == 0);
	}
	for (uint64_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		gen_fill(p->rank * 100 + i + 1, 0, out, sizes[i]);
		memset(in, 0, BIG);
		CHECK(io(oh, i, in, sizes[i], false) == 0);
		CHECK(memcmp(in, out, sizes[i]) == 0);
	}
	CHECK(daos_obj_close(oh, NULL) == 0);
	session_close(&s);
	free(out);
	free(in);
	p->end_ns = rt_now_ns(sim_stream_rt(sim_proc_stream(p->proc)));
	p->done = 1;
}

static uint64_t run_programs(bool memory)
{
	struct bed b = bed_open(memory);
	struct program *p[8];
	uint64_t digest;

	for (uint32_t i = 0; i < 8; i++)
		p[i] = program_start(&b, 4 + i % 2, i, write_read);
	sim_run(b.w.sim, sim_now_ns(b.w.sim) + 10000000000ull);
	for (uint32_t i = 0; i < 8; i++) {
		/* Six writes and reads take at least their round trips, and no seconds. */
		assert_in_range(p[i]->end_ns, 12 * 2 * SW_ONE_WAY_NS, 1000000000);
		program_end(p[i]);
	}
	digest = sim_digest(b.w.sim);
	bed_close(&b);
	return digest;
}

static void test_write_read(void **state)
{
	(void)state;
	assert_true(run_programs(true) == run_programs(true));
	assert_true(run_programs(false) == run_programs(false));
}

/* Several operations at a time through an event queue, which has a stream of its own. */
static void events(void *arg)
{
	struct program *p = arg;
	enum { NR = 12 };
	static char mem[NR][20000];
	static daos_event_t evs[NR], *got[NR];
	static struct io ios[NR];
	daos_handle_t oh, eq;
	struct session s;
	int done = 0, n;

	CHECK(daos_eq_create(&eq) == -DER_UNINIT);
	session_open(&s, "c");
	CHECK(daos_eq_create(&eq) == 0);
	oh = object(&s, 77);
	for (uint64_t i = 0; i < NR; i++) {
		gen_fill(i + 1, 0, mem[i], sizeof(mem[i]));
		CHECK(daos_event_init(&evs[i], eq, NULL) == 0);
		CHECK(io_start(&ios[i], oh, i, mem[i], sizeof(mem[i]), true, &evs[i]) == 0);
	}
	while (done < NR) {
		n = daos_eq_poll(eq, 1, DAOS_EQ_WAIT, NR, got);
		CHECK(n > 0);
		for (int i = 0; i < n; i++)
			CHECK(got[i]->ev_error == 0);
		done += n;
	}
	for (uint64_t i = 0; i < NR; i++) {
		char want[64];

		CHECK(daos_event_fini(&evs[i]) == 0);
		memset(mem[i], 0, sizeof(mem[i]));
		CHECK(io(oh, i, mem[i], sizeof(mem[i]), false) == 0);
		gen_fill(i + 1, 0, want, sizeof(want));
		CHECK(memcmp(mem[i], want, sizeof(want)) == 0);
	}
	CHECK(daos_eq_destroy(eq, 0) == 0);
	CHECK(daos_obj_close(oh, NULL) == 0);
	session_close(&s);
	p->done = 1;
}

static void test_events(void **state)
{
	struct bed b = bed_open(false);
	struct program *p = program_start(&b, 5, 0, events);

	(void)state;
	sim_run(b.w.sim, sim_now_ns(b.w.sim) + 10000000000ull);
	program_end(p);
	assert_null(host_self());	/* nobody runs */
	bed_close(&b);
}

/* ---- crash -------------------------------------------------------------------------------- */

static void write_until_error(void *arg)
{
	struct program *p = arg;
	char mem[512];
	struct session s;
	daos_handle_t oh;

	session_open(&s, "c");
	oh = object(&s, p->rank + 1);
	memset(mem, 7, sizeof(mem));
	for (uint64_t i = 0; p->rc == 0; i++)
		p->rc = io(oh, i, mem, sizeof(mem), true);
	p->end_ns = rt_now_ns(sim_stream_rt(sim_proc_stream(p->proc)));
	(void)daos_obj_close(oh, NULL);
	(void)daos_cont_close(s.cont, NULL);
	(void)daos_pool_disconnect(s.pool, NULL);
	CHECK(daos_fini() == 0);
	p->done = 1;
}

/* A node dies while clients write: each gets an error in bounded time, and none hangs. */
static void test_crash(void **state)
{
	struct bed b = bed_open(false);
	struct program *p[4];
	uint64_t crash_ns;

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		p[i] = program_start(&b, 4, i, write_until_error);
	sim_run(b.w.sim, sim_now_ns(b.w.sim) + 20000000);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(p[i]->done, 0);
	crash_ns = sim_now_ns(b.w.sim);
	sim_node_crash(b.w.sim, 2);
	sim_run(b.w.sim, crash_ns + 300000000000ull);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_not_equal(p[i]->rc, 0);
		assert_true(p[i]->end_ns < crash_ns + 120000000000ull);
		program_end(p[i]);
	}
	bed_close(&b);
}

/* ---- restart ------------------------------------------------------------------------------ */

static void write_100(void *arg)
{
	struct program *p = arg;
	struct session s;
	daos_handle_t oh;
	char mem[9000];

	session_open(&s, "keep");
	oh = object(&s, 5);
	for (uint64_t i = 0; i < 100; i++) {
		gen_fill(i + 1, 0, mem, sizeof(mem));
		CHECK(io(oh, i, mem, sizeof(mem), true) == 0);
	}
	CHECK(daos_obj_close(oh, NULL) == 0);
	session_close(&s);
	p->done = 1;
}

static void read_100(void *arg)
{
	struct program *p = arg;
	struct session s;
	daos_handle_t oh;
	char mem[9000], want[9000];

	session_open(&s, "keep");
	oh = object(&s, 5);
	for (uint64_t i = 0; i < 100; i++) {
		gen_fill(i + 1, 0, want, sizeof(want));
		CHECK(io(oh, i, mem, sizeof(mem), false) == 0);
		CHECK(memcmp(mem, want, sizeof(mem)) == 0);
	}
	CHECK(daos_obj_close(oh, NULL) == 0);
	session_close(&s);
	p->done = 1;
}

/* Power loss of the whole system: what was acknowledged is there when it is back. */
static void test_restart(void **state)
{
	struct bed b = bed_open(false);
	struct program *p = program_start(&b, 4, 0, write_100);

	(void)state;
	sim_run(b.w.sim, sim_now_ns(b.w.sim) + 10000000000ull);
	program_end(p);
	for (uint32_t n = 0; n < 4; n++)
		sim_node_crash(b.w.sim, n);
	for (uint32_t n = 0; n < 4; n++)
		sim_node_restart(b.w.sim, n, sim_system_boot, b.sys);
	sim_run(b.w.sim, sim_now_ns(b.w.sim) + 1000000000ull);
	p = program_start(&b, 5, 0, read_100);
	sim_run(b.w.sim, sim_now_ns(b.w.sim) + 10000000000ull);
	program_end(p);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_read),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

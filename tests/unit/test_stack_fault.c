/* The whole stack when things fail: memory, messages, targets; and how deep stacks get. */
#include "tests/unit/stack_bed.h"

#include "daos_obj_class.h"

#define BIG 100000u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- out of memory -------------------------------------------------------------------------- */

/* One of each: what a sweep goes through. Returns the first failure that is none of -DER_NOMEM. */
struct rep_op {
	const char *name;
	int (*fn)(struct bed *b, daos_handle_t oh);
};

static char big_v[BIG];
static char big_r[BIG];

static int op_small_update(struct bed *b, daos_handle_t oh)
{
	(void)b;
	return bed_put(oh, "small", "a", "hello", 5, 0);
}

static int op_small_fetch(struct bed *b, daos_handle_t oh)
{
	char v[8];

	(void)b;
	return bed_get(oh, "small", "a", v, sizeof(v), 0, NULL);
}

static int op_big_update(struct bed *b, daos_handle_t oh)
{
	(void)b;
	return bed_write(oh, "big", "a", 1, 0, BIG, big_v);
}

static int op_big_fetch(struct bed *b, daos_handle_t oh)
{
	int rc;

	(void)b;
	memset(big_r, 0, sizeof(big_r));
	rc = bed_read(oh, "big", "a", 1, 0, BIG, big_r);
	if (rc == 0)
		CHECK(memcmp(big_v, big_r, BIG) == 0);
	return rc;
}

static int op_punch(struct bed *b, daos_handle_t oh)
{
	daos_key_t key;

	(void)b;
	bed_key(&key, "punched");
	return daos_obj_punch_dkeys(oh, DAOS_TX_NONE, 0, 1, &key, NULL);
}

static int op_list(struct bed *b, daos_handle_t oh)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[8];
	char room[256];
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	int rc = 0;

	(void)b;
	d_iov_set(&iov, room, sizeof(room));
	while (rc == 0 && !daos_anchor_is_eof(&anchor)) {
		uint32_t nr = 8;

		rc = daos_obj_list_dkey(oh, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL);
	}
	return rc;
}

static int op_query(struct bed *b, daos_handle_t oh)
{
	daos_pool_info_t info = { .pi_bits = DPI_SPACE };

	(void)oh;
	return daos_pool_query(b->poh, NULL, &info, NULL, NULL);
}

static int op_cont(struct bed *b, daos_handle_t oh)
{
	daos_handle_t coh;
	int rc;

	(void)oh;
	rc = daos_cont_create_with_label(b->poh, "other", NULL, NULL, NULL);
	if (rc == -DER_EXIST)	/* a try before this one made it, and failed behind that */
		rc = 0;
	if (rc == 0)
		rc = daos_cont_open2(b->poh, "other", DAOS_COO_RW, &coh, NULL, NULL);
	if (rc == 0) {
		int err = daos_cont_close(coh, NULL);

		/* The handle is gone from the process in any case. */
		if (err != 0)
			return err;
	}
	if (rc == 0)
		rc = daos_cont_destroy2(b->poh, "other", 1, NULL);
	return rc;
}

static int op_event(struct bed *b, daos_handle_t oh)
{
	daos_event_t *done[1];
	daos_event_t ev;
	daos_handle_t eqh;
	daos_iod_t iod = { .iod_type = DAOS_IOD_SINGLE, .iod_size = 1, .iod_nr = 1 };
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_key_t key;
	int rc;

	(void)b;
	rc = daos_event_init(&ev, DAOS_HDL_INVAL, NULL);
	if (rc != 0)
		return rc;
	bed_key(&key, "event");
	bed_key(&iod.iod_name, "a");
	d_iov_set(&iov, (void *)(uintptr_t) "x", 1);
	rc = daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, &ev);
	if (rc == 0) {
		bool flag;

		CHECK_RC(daos_event_test(&ev, DAOS_EQ_WAIT, &flag), 0);
		rc = ev.ev_error;
	}
	CHECK_RC(daos_event_fini(&ev), 0);
	(void)eqh;
	(void)done;
	return rc;
}

static const struct rep_op rep_ops[] = {
	{ "small update", op_small_update },
	{ "small fetch", op_small_fetch },
	{ "big update", op_big_update },
	{ "big fetch", op_big_fetch },
	{ "punch", op_punch },
	{ "list", op_list },
	{ "pool query", op_query },
	{ "container", op_cont },
	{ "event", op_event },
};

/* Fail the n-th allocation of @a for every n, until the operation no longer reaches it. */
static void sweep(struct bed *b, daos_handle_t oh, const struct rep_op *op, struct arena *a,
		  const char *whose, uint32_t *ret_failed)
{
	uint64_t n;

	for (n = 1; n < 3000; n++) {
		uint64_t start = local_world_now_ns(b->world);
		bool reached;
		int rc;

		a->fail_at = n;
		rc = op->fn(b, oh);
		reached = a->fail_at == 0;
		a->fail_at = 0;
		if (rc != 0 && rc != -DER_NOMEM && rc != -DER_NOSPACE)
			fprintf(stderr, "%s: allocation %llu of %s: %s\n", op->name,
				(unsigned long long)n, whose, err_name(rc));
		CHECK(rc == 0 || rc == -DER_NOMEM || rc == -DER_NOSPACE);
		/* A message for which there was no memory is sent again; never is a deadline missed. */
		CHECK(local_world_now_ns(b->world) - start < 30 * BED_S);
		*ret_failed += rc != 0;
		if (!reached)
			break;
	}
	CHECK(n < 3000);
	/* And after it, all is as ever. */
	CHECK_RC(op->fn(b, oh), 0);
}

static void oom(struct bed *b)
{
	struct bed_client *c = container_of(bed_main(b), struct bed_client, client);
	daos_handle_t oh;
	uint32_t i;
	uint32_t t;

	gen_fill(9, 0, big_v, BIG);
	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	CHECK_RC(op_small_update(b, oh), 0);
	CHECK_RC(op_big_update(b, oh), 0);
	for (i = 0; i < ARRAY_COUNT(rep_ops); i++) {
		uint32_t failed[4] = { 0 };

		sweep(b, oh, &rep_ops[i], bed_arena(c->ls), "client", &failed[0]);
		sweep(b, oh, &rep_ops[i], &b->proc_mem, "process", &failed[1]);
		for (t = 0; t <= b->opts.targets; t++)
			sweep(b, oh, &rep_ops[i], bed_arena(bed_server(b, 0, t)->ls),
			      t == 0 ? "service" : "target", &failed[t == 0 ? 2 : 3]);
		printf("oom %s: failed %u client, %u process, %u service, %u targets\n",
		       rep_ops[i].name, failed[0], failed[1], failed[2], failed[3]);
	}
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

/* Stores in memory: a device that has no memory for a write stops the store, as it has to. */
static void test_oom(void **state)
{
	struct bed_opts opts = { .targets = 2 };
	struct bed *b = bed_new(&opts);

	(void)state;
	bed_run(b, oom);
	bed_end(b);
}

/* ---- stacks --------------------------------------------------------------------------------- */

static void everything(struct bed *b)
{
	daos_handle_t oh;
	uint32_t i;
	uint32_t k;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	for (k = 0; k < 3; k++)
		for (i = 0; i < ARRAY_COUNT(rep_ops); i++)
			CHECK_RC(rep_ops[i].fn(b, oh), 0);
	CHECK_RC(daos_obj_punch(oh, DAOS_TX_NONE, 0, NULL), 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_stacks(void **state)
{
	struct bed_opts opts = { .flags = BED_DEVS | BED_PAINT };
	struct bed *b = bed_new(&opts);
	bool update = false;
	bool fetch = false;
	uint32_t i;

	(void)state;
	bed_run(b, everything);
	for (i = 0; i < b->stack_names; i++) {
		const char *name = b->stacks[i].name;

		printf("stack %-24s %6u bytes\n", name, b->stacks[i].bytes);
		update |= strcmp(name, "obj_update") == 0;
		fetch |= strcmp(name, "obj_fetch") == 0;
		if (!SANITIZED && strncmp(name, "obj_", 4) == 0)
			assert_true(b->stacks[i].bytes <= 6144);
	}
	assert_true(update && fetch);
	bed_end(b);
}

/* ---- messages lost and repeated -------------------------------------------------------------- */

static void arm(struct wrap_fault *f, uint32_t ppm)
{
	static const enum fault_kind kinds[] = { FAULT_DROP_REQUEST, FAULT_DROP_REPLY,
						 FAULT_REPEAT_REQUEST, FAULT_DELAY_REQUEST,
						 FAULT_DELAY_REPLY };
	uint32_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++)
		wrap_fault_rule(f, kinds[i], (struct fault_rule){ .ppm = ppm });
}

static uint64_t struck(struct wrap_fault *f)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < FAULT_KINDS; i++)
		sum += wrap_fault_count(f, (enum fault_kind)i);
	return sum;
}

/* Requests and replies get lost, late, repeated: every update is applied once. An insert that was applied
 * twice would be told EXIST. */
static void lossy(struct bed *b)
{
	struct bed_client *c = container_of(bed_main(b), struct bed_client, client);
	uint64_t hits;
	daos_handle_t oh;
	uint32_t i;
	uint32_t t;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_RC(bed_put(oh, "warm", "a", "x", 1, 0), 0);
	arm(c->fault, 50000);
	for (t = 0; t <= b->opts.targets; t++)
		arm(bed_server(b, 0, t)->fault, 50000);
	for (i = 0; i < 600; i++) {
		char name[16];
		char v[16];
		size_t n = 0;
		int rc;

		(void)snprintf(name, sizeof(name), "k%u", i);
		rc = bed_put(oh, name, "a", name, strlen(name), DAOS_COND_DKEY_INSERT);
		CHECK_RC(rc, 0);
		CHECK_RC(bed_get(oh, name, "a", v, sizeof(v), 0, &n), 0);
		CHECK(n == strlen(name) && memcmp(v, name, n) == 0);
	}
	hits = struck(c->fault);
	wrap_fault_heal(c->fault);
	for (t = 0; t <= b->opts.targets; t++) {
		hits += struck(bed_server(b, 0, t)->fault);
		wrap_fault_heal(bed_server(b, 0, t)->fault);
	}
	CHECK(hits > 300);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_lossy(void **state)
{
	struct bed_opts opts = { .seed = 11, .flags = BED_FAULTS };
	struct bed *b = bed_new(&opts);

	(void)state;
	bed_run(b, lossy);
	bed_end(b);
}

/* ---- crashes -------------------------------------------------------------------------------- */

static daos_handle_t crash_oh;
static uint32_t acked;

static void crash_write(struct bed *b)
{
	char name[16];
	uint32_t i;

	if (!daos_handle_is_valid(b->coh)) {
		bed_connect(b);
		crash_oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	}
	for (i = 0; i < 50; i++, acked++) {
		(void)snprintf(name, sizeof(name), "k%u", acked);
		CHECK_RC(bed_put(crash_oh, name, "a", name, strlen(name), 0), 0);
		CHECK_RC(bed_write(crash_oh, name, "big", 1, 0, 20000, big_v), 0);
	}
}

static void crash_verify(struct bed *b)
{
	char name[16];
	char v[16];
	uint32_t i;
	size_t n;

	(void)b;
	for (i = 0; i < acked; i++) {
		(void)snprintf(name, sizeof(name), "k%u", i);
		CHECK_RC(bed_get(crash_oh, name, "a", v, sizeof(v), 0, &n), 0);
		CHECK(n == strlen(name) && memcmp(v, name, n) == 0);
		CHECK_RC(bed_read(crash_oh, name, "big", 1, 0, 20000, big_r), 0);
		CHECK(memcmp(big_v, big_r, 20000) == 0);
	}
}

static void crash_end(struct bed *b)
{
	CHECK_RC(daos_obj_close(crash_oh, NULL), 0);
	bed_disconnect(b);
}

/* Targets and the service die and come back: acknowledged data is there, handles go on working. */
static void test_crash(void **state)
{
	struct bed_opts opts = { .flags = BED_DEVS };
	struct bed *b = bed_new(&opts);
	uint32_t t;

	(void)state;
	acked = 0;
	gen_fill(4, 0, big_v, BIG);
	bed_run(b, crash_write);
	for (t = 0; t <= b->opts.targets; t++) {
		bed_server_kill(bed_server(b, 0, t));
		bed_server_start(bed_server(b, 0, t), false);
		bed_run(b, crash_verify);
		bed_run(b, crash_write);
	}
	/* All at once. */
	for (t = 0; t <= b->opts.targets; t++)
		bed_server_kill(bed_server(b, 0, t));
	for (t = 0; t <= b->opts.targets; t++)
		bed_server_start(bed_server(b, 0, t), false);
	bed_run(b, crash_verify);
	bed_run(b, crash_end);
	bed_end(b);
}

/* While a target is away, calls to it end by the deadline that the environment names. */
static void away(struct bed *b)
{
	uint64_t start = local_world_now_ns(b->world);
	char v[8];
	int rc;

	rc = bed_get(crash_oh, "k0", "a", v, sizeof(v), 0, NULL);
	CHECK(rc == -DER_UNREACH || rc == -DER_TIMEDOUT);
	CHECK(local_world_now_ns(b->world) - start < 15 * BED_S);
	start = local_world_now_ns(b->world);
	rc = bed_put(crash_oh, "k0", "a", v, 1, 0);
	CHECK(rc == -DER_UNREACH || rc == -DER_TIMEDOUT);
	CHECK(local_world_now_ns(b->world) - start < 15 * BED_S);
}

static void test_away(void **state)
{
	struct bed_opts opts = { .targets = 1, .flags = BED_DEVS };
	struct bed *b = bed_new(&opts);
	struct cl_stream *s;

	(void)state;
	acked = 0;
	/* The stream is opened anew with the limit. */
	b->crt_timeout = "5";
	bed_reopen_main(b);
	CHECK_RC(process_main(&b->proc, &s), 0);
	bed_run(b, crash_write);
	bed_server_kill(bed_server(b, 0, 1));
	bed_run(b, away);
	bed_server_start(bed_server(b, 0, 1), false);
	bed_run(b, crash_verify);
	bed_run(b, crash_end);
	bed_end(b);
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void set_state(struct bed *b, uint32_t target, uint32_t state)
{
	struct cl_pool *pool = hdl_get(&b->proc, b->poh, DAOS_HTYPE_POOL);
	struct wire_pool_tgt_set_req req = { .pool = pool->uid, .rank = 0, .state = state };
	struct wire_pool_tgt_set_rep rep;
	struct sys_call c = { 0 };

	req.tgts.v = &target;
	req.tgts.nr = 1;
	CHECK_RC(cl_sys_call(bed_main(b), &c, WIRE_POOL_TGT_SET, &req, &rep), 0);
	rpc_call_fini(bed_main(b)->rpc, &c.call);
	cl_put(&b->proc, &pool->ref);
}

/* Nobody tells the client: it learns of a new map from the targets, also from the one that is out. */
static void map_news(struct bed *b)
{
	daos_handle_t oh[4];
	uint32_t lost = 0;
	uint32_t i;
	uint32_t t;
	char v[4];

	bed_connect(b);
	for (i = 0; i < 4; i++) {
		oh[i] = bed_obj(b, i, DAOS_OT_MULTI_HASHED, OC_S1);
		CHECK_RC(bed_put(oh[i], "d", "a", "x", 1, 0), 0);
	}
	for (t = 0; t < 4; t++) {
		set_state(b, t, PMAP_DOWN);
		rt_sleep_ns(bed_main(b)->rt, 10000000);
		for (i = 0; i < 4; i++) {
			int rc = bed_put(oh[i], "d", "b", "y", 1, 0);

			CHECK(rc == 0 || rc == -DER_DATA_LOSS);
			CHECK_RC(bed_get(oh[i], "d", "a", v, sizeof(v), 0, NULL), rc);
			lost += rc != 0;
		}
		set_state(b, t, PMAP_UPIN);
		rt_sleep_ns(bed_main(b)->rt, BED_S);
		for (i = 0; i < 4; i++)
			CHECK_RC(bed_put(oh[i], "d", "a", "z", 1, 0), 0);
	}
	/* Each of the four objects lives on one target, which was out once. */
	CHECK_EQ(lost, 4);
	/* An object over all of them: listing and punching meet the lost shard. */
	{
		daos_handle_t sx = bed_obj(b, 9, DAOS_OT_MULTI_HASHED, OC_SX);

		for (i = 0; i < 20; i++) {
			(void)snprintf(v, sizeof(v), "k%u", i);
			CHECK_RC(bed_put(sx, v, "a", "x", 1, 0), 0);
		}
		set_state(b, 2, PMAP_DOWN);
		rt_sleep_ns(bed_main(b)->rt, 10000000);
		CHECK_RC(op_list(b, sx), -DER_DATA_LOSS);
		CHECK_RC(daos_obj_punch(sx, DAOS_TX_NONE, 0, NULL), -DER_DATA_LOSS);
		CHECK_RC(daos_obj_close(sx, NULL), 0);
		set_state(b, 2, PMAP_UPIN);
	}
	for (i = 0; i < 4; i++)
		CHECK_RC(daos_obj_close(oh[i], NULL), 0);
	bed_disconnect(b);
}

static void test_map_news(void **state)
{
	(void)state;
	bed_once(map_news);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oom),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_map_news),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

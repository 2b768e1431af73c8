/* Events and event queues over the whole stack. */
#include "tests/unit/stack_bed.h"

#include "daos_obj_class.h"

#define MANY 200u

struct op {
	daos_event_t ev;
	daos_key_t dkey;
	char name[16];
	daos_iod_t iod;
	d_iov_t iov;
	d_sg_list_t sgl;
	char value[32];
};

static void op_init(struct op *o, uint32_t n, daos_handle_t eqh, daos_event_t *parent)
{
	CHECK_RC(daos_event_init(&o->ev, eqh, parent), 0);
	(void)snprintf(o->name, sizeof(o->name), "d%u", n);
	(void)snprintf(o->value, sizeof(o->value), "value of %u", n);
	bed_key(&o->dkey, o->name);
	o->iod = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(o->value),
			       .iod_nr = 1 };
	bed_key(&o->iod.iod_name, "a");
	d_iov_set(&o->iov, o->value, sizeof(o->value));
	o->sgl = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &o->iov };
}

static int op_update(struct op *o, daos_handle_t oh)
{
	return daos_obj_update(oh, DAOS_TX_NONE, 0, &o->dkey, 1, &o->iod, &o->sgl, &o->ev);
}

static int op_fetch(struct op *o, daos_handle_t oh)
{
	return daos_obj_fetch(oh, DAOS_TX_NONE, 0, &o->dkey, 1, &o->iod, &o->sgl, NULL, &o->ev);
}

static void queue(struct bed *b)
{
	static struct op ops[MANY];
	daos_event_t *done[16];
	daos_handle_t eqh;
	daos_handle_t oh;
	uint32_t left;
	uint32_t i;
	int n;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_RC(daos_eq_create(&eqh), 0);
	for (i = 0; i < MANY; i++) {
		op_init(&ops[i], i, eqh, NULL);
		CHECK_RC(op_update(&ops[i], oh), 0);
	}
	CHECK_RC(op_update(&ops[0], oh), -DER_NO_PERM);
	CHECK_RC(daos_event_fini(&ops[0].ev), -DER_BUSY);
	CHECK_EQ(daos_eq_query(eqh, DAOS_EQR_WAITING, 0, NULL), MANY);
	CHECK_EQ(daos_eq_query(eqh, DAOS_EQR_COMPLETED, 0, NULL), 0);
	CHECK_RC(daos_eq_destroy(eqh, 0), -DER_BUSY);
	for (left = MANY; left > 0; left -= (uint32_t)n) {
		n = daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 16, done);
		CHECK(n > 0 && n <= 16);
		for (i = 0; i < (uint32_t)n; i++)
			CHECK_RC(done[i]->ev_error, 0);
	}
	/* Nothing runs: who waits for the running ones only does not wait. */
	CHECK_EQ(daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 16, done), 0);
	CHECK_EQ(daos_eq_poll(eqh, 0, 1000, 16, done), 0);
	CHECK_EQ(daos_eq_poll(eqh, 0, DAOS_EQ_NOWAIT, 16, done), 0);
	for (i = 0; i < MANY; i++) {
		char want[32] = { 0 };
		bool flag = false;

		(void)snprintf(want, sizeof(want), "value of %u", i);
		memset(ops[i].value, 0, sizeof(ops[i].value));
		CHECK_RC(op_fetch(&ops[i], oh), 0);
		CHECK_RC(daos_event_test(&ops[i].ev, DAOS_EQ_WAIT, &flag), 0);
		CHECK(flag);
		CHECK(memcmp(ops[i].value, want, sizeof(want)) == 0);
		/* It left its queue, and an idle event is done. */
		CHECK_EQ(daos_eq_query(eqh, DAOS_EQR_ALL, 0, NULL), 0);
		CHECK_RC(daos_event_test(&ops[i].ev, DAOS_EQ_NOWAIT, &flag), 0);
		CHECK(flag);
		CHECK_RC(daos_event_fini(&ops[i].ev), 0);
	}
	CHECK_RC(daos_event_fini(&ops[0].ev), -DER_INVAL);
	CHECK_RC(daos_eq_destroy(eqh, 0), 0);
	CHECK_RC(daos_eq_destroy(eqh, 0), -DER_NO_HDL);
	CHECK_EQ(daos_eq_poll(eqh, 0, 0, 16, done), -DER_NO_HDL);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_queue(void **state)
{
	(void)state;
	bed_once(queue);
}

/* Errors of a call with an event are the event's; without a queue it runs on the main stream. */
static void no_queue(struct bed *b)
{
	struct op o = { 0 };
	bool flag = false;
	daos_handle_t oh;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	op_init(&o, 0, DAOS_HDL_INVAL, NULL);
	CHECK_RC(op_update(&o, oh), 0);
	CHECK_RC(daos_event_test(&o.ev, DAOS_EQ_WAIT, &flag), 0);
	CHECK(flag);
	CHECK_RC(o.ev.ev_error, 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	CHECK_RC(op_update(&o, oh), 0);
	CHECK_RC(daos_event_test(&o.ev, DAOS_EQ_WAIT, &flag), 0);
	CHECK_RC(o.ev.ev_error, -DER_NO_HDL);
	CHECK_RC(daos_event_abort(&o.ev), -DER_NO_PERM);
	CHECK_RC(daos_event_fini(&o.ev), 0);
	CHECK_RC(daos_event_init(NULL, DAOS_HDL_INVAL, NULL), -DER_INVAL);
	CHECK_RC(daos_event_test(NULL, 0, &flag), -DER_INVAL);
	CHECK_RC(daos_event_fini(NULL), -DER_INVAL);
	bed_disconnect(b);
}

static void test_no_queue(void **state)
{
	(void)state;
	bed_once(no_queue);
}

/* A parent completes after its children, with the first error of them, and is polled alone. */
static void parents(struct bed *b)
{
	static struct op ops[8];
	daos_event_t parent;
	daos_event_t *done[8];
	daos_event_t *at;
	daos_handle_t eqh;
	daos_handle_t oh;
	daos_handle_t gone;
	uint32_t n = 0;
	uint32_t i;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	gone = bed_obj(b, 2, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_RC(daos_obj_close(gone, NULL), 0);
	CHECK_RC(daos_eq_create(&eqh), 0);
	CHECK_RC(daos_event_init(&parent, eqh, NULL), 0);
	CHECK_RC(daos_event_parent_barrier(&parent), -DER_INVAL);
	for (i = 0; i < 8; i++)
		op_init(&ops[i], i, DAOS_HDL_INVAL, &parent);
	for (at = daos_event_next(&parent, NULL); at != NULL; at = daos_event_next(&parent, at))
		n++;
	CHECK_EQ(n, 8);
	for (i = 0; i < 8; i++)
		CHECK_RC(op_update(&ops[i], i == 5 ? gone : oh), 0);
	CHECK_EQ(daos_eq_poll(eqh, 0, 1000000, 8, done), 0);	/* children are not polled */
	for (i = 0; i < 8; i++)
		CHECK_RC(ops[i].ev.ev_error, i == 5 ? -DER_NO_HDL : 0);
	CHECK_RC(daos_event_parent_barrier(&parent), 0);	/* all are done already */
	CHECK_EQ(daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 8, done), 1);
	CHECK(done[0] == &parent);
	CHECK_RC(parent.ev_error, -DER_NO_HDL);
	for (i = 0; i < 8; i++)
		CHECK_RC(op_fetch(&ops[i], oh), 0);
	CHECK_RC(daos_event_parent_barrier(&parent), 0);
	CHECK_RC(daos_event_parent_barrier(&parent), -DER_NO_PERM);
	CHECK_RC(daos_event_fini(&parent), -DER_BUSY);
	CHECK_EQ(daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 8, done), 1);
	CHECK(done[0] == &parent);
	CHECK_RC(parent.ev_error, 0);
	CHECK_RC(daos_event_fini(&parent), 0);	/* and with it the children */
	CHECK_RC(daos_event_fini(&ops[0].ev), -DER_INVAL);
	CHECK_RC(daos_eq_destroy(eqh, 0), 0);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_parents(void **state)
{
	(void)state;
	bed_once(parents);
}

struct cb {
	uint32_t calls;
	int rc;
	daos_handle_t oh;
	int nested;
};

static int on_done(void *arg, daos_event_t *ev, int rc)
{
	struct cb *c = arg;

	(void)ev;
	c->calls++;
	c->rc = rc;
	return -DER_MISC;	/* becomes the event's */
}

/* A callback may make calls of its own. */
static int on_done_nested(void *arg, daos_event_t *ev, int rc)
{
	struct cb *c = arg;

	(void)ev;
	c->calls++;
	c->nested = bed_put(c->oh, "nested", "a", "x", 1, 0);
	return rc;
}

static void callbacks(struct bed *b)
{
	struct cb c = { 0 };
	struct op o = { 0 };
	daos_event_t *done[1];
	daos_handle_t eqh;

	bed_connect(b);
	c.oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	CHECK_RC(daos_eq_create(&eqh), 0);
	op_init(&o, 0, eqh, NULL);
	CHECK_RC(daos_event_register_comp_cb(&o.ev, on_done, &c), 0);
	CHECK_RC(op_update(&o, c.oh), 0);
	CHECK_EQ(daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 1, done), 1);
	CHECK_EQ(c.calls, 1);
	CHECK_RC(c.rc, 0);
	CHECK_RC(o.ev.ev_error, -DER_MISC);
	/* Registered for one operation. */
	CHECK_RC(op_update(&o, c.oh), 0);
	CHECK_EQ(daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 1, done), 1);
	CHECK_EQ(c.calls, 1);
	CHECK_RC(o.ev.ev_error, 0);
	CHECK_RC(daos_event_register_comp_cb(&o.ev, on_done_nested, &c), 0);
	CHECK_RC(op_update(&o, c.oh), 0);
	CHECK_EQ(daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 1, done), 1);
	CHECK_EQ(c.calls, 2);
	CHECK_RC(c.nested, 0);
	/* One that never ran is freed with its event. */
	CHECK_RC(daos_event_register_comp_cb(&o.ev, on_done, &c), 0);
	CHECK_RC(daos_event_fini(&o.ev), 0);
	CHECK_EQ(c.calls, 2);
	CHECK_RC(daos_eq_destroy(eqh, 0), 0);
	CHECK_RC(daos_obj_close(c.oh, NULL), 0);
	bed_disconnect(b);
}

static void test_callbacks(void **state)
{
	(void)state;
	bed_once(callbacks);
}

/* A queue destroyed by force with operations in flight: they end, and the program's memory is its own. */
static void forced(struct bed *b)
{
	static struct op ops[MANY];
	daos_handle_t eqh;
	daos_handle_t oh;
	uint32_t i;

	bed_connect(b);
	oh = bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_SX);
	CHECK_RC(bed_put(oh, "d", "a", "x", 1, 0), 0);
	CHECK_RC(daos_eq_create(&eqh), 0);
	for (i = 0; i < MANY; i++) {
		op_init(&ops[i], i, eqh, NULL);
		CHECK_RC(op_update(&ops[i], oh), 0);
	}
	CHECK_RC(daos_eq_destroy(eqh, DAOS_EQ_DESTROY_FORCE), 0);
	memset(ops, 0xee, sizeof(ops));
	for (i = 0; i < 100; i++)
		rt_sleep_ns(bed_main(b)->rt, 1000000);
	for (i = 0; i < sizeof(ops); i++)
		CHECK(((unsigned char *)ops)[i] == 0xee);
	CHECK_RC(daos_obj_close(oh, NULL), 0);
	bed_disconnect(b);
}

static void test_forced(void **state)
{
	(void)state;
	bed_once(forced);
}

/* What the program leaves open, the library's end closes: events, queues, handles. */
static void left_open(struct bed *b)
{
	static struct op o;
	daos_handle_t eqh;

	bed_connect(b);
	(void)bed_obj(b, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	CHECK_RC(daos_eq_create(&eqh), 0);
	op_init(&o, 0, eqh, NULL);
}

static void test_left_open(void **state)
{
	(void)state;
	bed_once(left_open);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_no_queue),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_callbacks),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_left_open),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

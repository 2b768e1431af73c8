/*
 * One workload twice: once with bytes, once with phantoms that stand for the same bytes. Order of
 * events, times, results and verdicts are the same; a corruption planted on the way is caught in both.
 *
 * The program's memory is a source of generator positions and a room for what is read. With phantoms
 * both are windows: nobody touches their memory.
 */
#include "tests/unit/stack_bed.h"

#include "daos_obj_class.h"

#define GEN 77u
#define BYTES (1u << 20)
#define OPS 120u
#define OBJECTS 3u

struct run {
	bool phantoms;
	uint64_t corrupt_put;	/* this transfer to a client is damaged; 0: none */
	char *src;
	char *dst;
	/* What came of it. */
	uint64_t digest;
	uint64_t events;
	uint64_t verdicts;	/* hash of all results */
	uint32_t mismatches;
	uint32_t first_mismatch;
	uint64_t struck;
};

static struct run *now;

/* The model: for every byte of an object, which position of the generator it has; 0: a hole. */
static uint32_t model[OBJECTS][BYTES];

/* Is the room at @off what the model says, over @len bytes of object @o at @idx? */
static bool room_ok(struct bed *b, uint32_t o, uint64_t idx, uint64_t len)
{
	struct bed_window *room = &b->windows[1];
	uint64_t i = 0;

	while (i < len) {
		uint32_t pos = model[o][idx + i];
		uint64_t n = 1;
		struct bseg have_seg;
		struct bseg want_seg;
		struct bseg segs[16];
		struct buf have;
		struct buf want;

		while (i + n < len &&
		       (pos == 0 ? model[o][idx + i + n] == 0 : model[o][idx + i + n] == pos + n))
			n++;
		want = pos == 0 ? buf_from_gen(&want_seg, 0, 0, n)
				: buf_from_gen(&want_seg, GEN, pos, n);
		if (now->phantoms) {
			struct buf all = bsink_buf(&room->sink);

			if (room->sink.nr == 0)	/* nothing came */
				have = buf_from_gen(&have_seg, 0, 0, n);
			else
				CHECK_RC(buf_slice(&all, i, n, segs, ARRAY_COUNT(segs), &have), 0);
		} else {
			have = buf_from_bytes(&have_seg, now->dst + i, n);
		}
		if (!buf_equal(&have, &want))
			return false;
		i += n;
	}
	return true;
}

static void room_clear(struct bed *b)
{
	struct bed_window *room = &b->windows[1];

	if (now->phantoms)
		bsink_init(&room->sink, room->bytes, room->runs, ARRAY_COUNT(room->runs));
	else
		memset(now->dst, 0, BYTES);
}

static void verdict(uint32_t op, int rc, bool ok)
{
	now->verdicts = mix64_2(now->verdicts, (uint64_t)op << 32 | (uint32_t)rc << 1 | ok);
	if (ok)
		return;
	if (now->mismatches++ == 0)
		now->first_mismatch = op;
}

static void one(struct bed *b, struct prng *r, const daos_handle_t *oh, uint32_t op)
{
	uint32_t o = (uint32_t)prng_below(r, OBJECTS);
	uint64_t idx = prng_below(r, BYTES - 1);
	uint64_t max = prng_below(r, 2) == 0 ? 8000 : BYTES;
	uint64_t len = 1 + prng_below(r, min_u64(max, BYTES - idx));
	uint64_t from = 1 + prng_below(r, BYTES - len + 1);
	uint64_t i;
	int rc;

	switch (prng_below(r, 5)) {
	case 0:
	case 1:
		from = min_u64(from, BYTES - len);
		from = max_u64(from, 1);
		len = min_u64(len, BYTES - from);
		rc = bed_write(oh[o], "d", "a", 1, idx, len, now->src + from);
		for (i = 0; i < len && rc == 0; i++)
			model[o][idx + i] = (uint32_t)(from + i);
		verdict(op, rc, true);
		break;
	case 2:
		rc = bed_write(oh[o], "d", "a", 0, idx, len, NULL);
		for (i = 0; i < len && rc == 0; i++)
			model[o][idx + i] = 0;
		verdict(op, rc, true);
		break;
	default:
		room_clear(b);
		rc = bed_read(oh[o], "d", "a", 1, idx, len, now->dst);
		verdict(op, rc, rc == 0 && room_ok(b, o, idx, len));
	}
	CHECK_RC(rc, 0);
}

static void workload(struct bed *b)
{
	daos_handle_t oh[OBJECTS];
	struct prng r;
	uint32_t i;

	bed_connect(b);
	for (i = 0; i < OBJECTS; i++)
		oh[i] = bed_obj(b, i, DAOS_OT_MULTI_HASHED, OC_S1);
	prng_seed(&r, 42);
	for (i = 0; i < OPS; i++)
		one(b, &r, oh, i);
	for (i = 0; i < OBJECTS; i++)
		CHECK_RC(daos_obj_close(oh[i], NULL), 0);
	bed_disconnect(b);
}

static void run(struct run *run)
{
	struct bed_opts opts = { .targets = 1, .flags = BED_FAULTS | BED_TRACE, .seed = 1 };
	struct bed *b = bed_new(&opts);
	struct wrap_fault *f = bed_server(b, 0, 1)->fault;

	now = run;
	memset(model, 0, sizeof(model));
	run->src = malloc(BYTES);
	run->dst = malloc(BYTES);
	assert_non_null(run->src);
	assert_non_null(run->dst);
	if (run->phantoms) {
		bed_window(b, run->src, BYTES, GEN);
		bed_window(b, run->dst, BYTES, 0);
	} else {
		gen_fill(GEN, 0, run->src, BYTES);
	}
	if (run->corrupt_put != 0)
		wrap_fault_rule(f, FAULT_CORRUPT_PUT,
				(struct fault_rule){ .nth = run->corrupt_put });
	bed_run(b, workload);
	run->struck = wrap_fault_count(f, FAULT_CORRUPT_PUT);
	run->digest = b->log.digest;
	run->events = b->log.events;
	bed_end(b);
	free(run->src);
	free(run->dst);
}

static void test_same(void **state)
{
	struct run bytes = { 0 };
	struct run phantoms = { .phantoms = true };

	(void)state;
	run(&bytes);
	run(&phantoms);
	assert_int_equal(bytes.mismatches, 0);
	assert_int_equal(phantoms.mismatches, 0);
	assert_int_equal(bytes.verdicts, phantoms.verdicts);
	assert_int_equal(bytes.events, phantoms.events);
	assert_int_equal(bytes.digest, phantoms.digest);
	assert_true(bytes.events > 3 * OPS);
}

static void test_corruption(void **state)
{
	struct run bytes = { .corrupt_put = 7 };
	struct run phantoms = { .phantoms = true, .corrupt_put = 7 };

	(void)state;
	run(&bytes);
	run(&phantoms);
	assert_int_equal(bytes.struck, 1);
	assert_int_equal(phantoms.struck, 1);
	assert_int_equal(bytes.mismatches, 1);
	assert_int_equal(phantoms.mismatches, 1);
	assert_int_equal(bytes.first_mismatch, phantoms.first_mismatch);
	assert_int_equal(bytes.verdicts, phantoms.verdicts);
	assert_int_equal(bytes.digest, phantoms.digest);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_corruption),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

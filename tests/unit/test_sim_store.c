/* The calendar of the simulator against a sorted list, contents of devices and phantom memory
 * against plain memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/phantom.h"
#include "sim/store.h"
#include "sim/wheel.h"

/* ---- wheel -------------------------------------------------------------------------------- */

#define EVENTS 4000

struct planned {
	struct sim_ev ev;
	uint64_t at_ns;
	uint32_t stream;
	uint32_t seq;
	bool live;
};

/* The event that must come next, by brute force. */
static struct planned *oracle_next(struct planned *all, uint32_t nr)
{
	struct planned *best = NULL;

	for (uint32_t i = 0; i < nr; i++) {
		struct planned *p = &all[i];

		if (!p->live)
			continue;
		if (best == NULL || p->at_ns < best->at_ns ||
		    (p->at_ns == best->at_ns &&
		     (p->stream < best->stream ||
		      (p->stream == best->stream && p->seq < best->seq))))
			best = p;
	}
	return best;
}

/* A distance in time of any of the wheel's scales, often exactly equal to another's. */
static uint64_t some_delay(struct prng *rand)
{
	static const uint64_t scales[] = { 1,	    16,		1 << 10,    1 << 14,
					   1 << 26, 1ULL << 30, 1ULL << 38, 1ULL << 42 };

	return prng_below(rand, scales[prng_below(rand, ARRAY_COUNT(scales))]) *
	       (prng_below(rand, 2) + 1);
}

static void test_wheel_order(void **state)
{
	struct planned *all = calloc(EVENTS, sizeof(*all));
	struct wheel *w = wheel_create();
	uint32_t nr = 0, seq = 0, popped = 0, deleted = 0;
	uint64_t now = 0;
	struct prng rand;

	(void)state;
	assert_non_null(all);
	assert_non_null(w);
	prng_seed(&rand, 7);
	while (nr < EVENTS || wheel_count(w) > 0) {
		uint64_t what = prng_below(&rand, 10);
		struct planned *want = oracle_next(all, nr);

		assert_true((want == NULL) == (wheel_next_ns(w) == WHEEL_NEVER));
		if (nr < EVENTS && what < 5) {
			struct planned *p = &all[nr++];

			p->at_ns = now + some_delay(&rand);
			p->stream = (uint32_t)prng_below(&rand, 3);
			p->seq = seq++;
			p->live = true;
			wheel_add(w, &p->ev, p->at_ns, p->stream);
		} else if (what < 6 && nr > 0) {
			struct planned *p = &all[prng_below(&rand, nr)];

			wheel_del(w, &p->ev);	/* harmless when it is not planned */
			deleted += p->live ? 1 : 0;
			p->live = false;
		} else if (want != NULL) {
			struct sim_ev *ev;

			assert_true(wheel_next_ns(w) <= want->at_ns);
			if (want->at_ns > now)
				assert_null(wheel_pop(w, want->at_ns - 1));
			ev = wheel_pop(w, want->at_ns);
			assert_ptr_equal(ev, &want->ev);
			assert_int_equal(ev->at_ns, want->at_ns);
			want->live = false;
			now = want->at_ns;
			popped++;
		}
	}
	assert_int_equal(popped + deleted, EVENTS);
	assert_true(now > 1ULL << 38);	/* all levels were used */
	wheel_destroy(w);
	free(all);
}

static void test_wheel_replan(void **state)
{
	struct wheel *w = wheel_create();
	struct sim_ev a = { 0 }, b = { 0 };

	(void)state;
	wheel_add(w, &a, 5000, 1);
	wheel_del(w, &a);
	assert_false(wheel_planned(&a));
	assert_int_equal(wheel_next_ns(w), WHEEL_NEVER);
	wheel_add(w, &a, 5001, 1);
	wheel_add(w, &b, 5001, 0);
	assert_true(wheel_next_ns(w) <= 5001);
	assert_ptr_equal(wheel_pop(w, 6000), &b);	/* lower stream first */
	wheel_del(w, &a);			/* out of the open bucket */
	wheel_add(w, &a, 5002, 1);
	assert_int_equal(wheel_next_ns(w), 5002);	/* exact once the bucket is open */
	assert_ptr_equal(wheel_pop(w, 5002), &a);
	assert_null(wheel_pop(w, WHEEL_LIMIT_NS));
	wheel_destroy(w);
}

/* ---- store -------------------------------------------------------------------------------- */

#define SPACE (10u << 20)	/* several regions */
#define OPS 600

/* What the device must hold: plain memory, and a copy of it from before each volatile write. */
struct model {
	uint8_t *now;
	uint8_t *durable;
};

static void fill_random(struct prng *rand, uint8_t *dst, uint64_t bytes)
{
	prng_fill(rand, dst, bytes);
	dst[0] |= 1;	/* never all zeros */
}

static void random_range(struct prng *rand, uint64_t *ret_off, uint64_t *ret_bytes)
{
	uint64_t max = prng_below(rand, 8) == 0 ? 5u << 20 : 20000;

	*ret_bytes = 1 + prng_below(rand, max);
	*ret_off = prng_below(rand, SPACE - *ret_bytes);
	if (prng_below(rand, 4) == 0)	/* around a border of regions */
		*ret_off = min_u64((4u << 20) - min_u64(*ret_bytes / 2, 1000), SPACE - *ret_bytes);
}

/* Write bytes, phantoms, a mix, or punch; to the store and to the model. */
static void random_write(struct store *s, uint8_t *model, struct prng *rand)
{
	uint64_t off, bytes, half;
	struct bseg segs[2];
	struct buf src = { .segs = segs };
	uint8_t *mem;

	random_range(rand, &off, &bytes);
	half = bytes / 2;
	mem = malloc(bytes);
	assert_non_null(mem);
	fill_random(rand, mem, bytes);
	switch (prng_below(rand, 4)) {
	case 0:
		src = buf_from_bytes(segs, mem, bytes);
		break;
	case 1:
		src = buf_from_gen(segs, 1 + prng_below(rand, 3), off, bytes);
		gen_fill(segs[0].gen, segs[0].start, mem, bytes);
		break;
	case 2:
		segs[0] = (struct bseg){ .kind = BSEG_BYTES, .ptr = mem, .bytes = half };
		segs[1] = (struct bseg){ .kind = BSEG_GEN, .gen = 9, .start = 77,
					 .bytes = bytes - half };
		src.nr = 2;
		src.bytes = bytes;
		gen_fill(9, 77, mem + half, bytes - half);
		break;
	default:
		assert_int_equal(store_punch(s, off, bytes), 0);
		memset(model + off, 0, bytes);
		free(mem);
		return;
	}
	assert_int_equal(store_write(s, off, &src), 0);
	memcpy(model + off, mem, bytes);
	free(mem);
}

static void check_range(const struct store *s, const uint8_t *model, uint64_t off, uint64_t bytes)
{
	uint8_t *mem = calloc(1, bytes);
	struct bseg seg;
	struct buf dst = buf_from_bytes(&seg, mem, bytes);

	assert_non_null(mem);
	memset(mem, 0xa5, bytes);
	assert_int_equal(store_read(s, off, &dst), 0);
	assert_memory_equal(mem, model + off, bytes);
	free(mem);
}

static void test_store_model(void **state)
{
	uint8_t *now = calloc(1, SPACE), *durable = calloc(1, SPACE), *marked = calloc(1, SPACE);
	struct store *s = store_create();
	uint64_t mark = 0;
	struct store_stats stats;
	struct prng rand;

	(void)state;
	prng_seed(&rand, 11);
	for (int i = 0; i < OPS; i++) {
		uint64_t off, bytes;

		random_write(s, now, &rand);
		random_range(&rand, &off, &bytes);
		check_range(s, now, off, bytes);
		switch (prng_below(&rand, 24)) {
		case 0:		/* a flush is submitted */
			mark = store_mark(s);
			memcpy(marked, now, SPACE);
			break;
		case 1:		/* and ends */
			store_commit(s, mark);
			memcpy(durable, marked, SPACE);
			break;
		case 2:		/* power is lost */
			store_crash(s, 0, 4096, &rand);
			memcpy(now, durable, SPACE);
			memcpy(marked, durable, SPACE);
			mark = store_mark(s);
			check_range(s, now, 0, SPACE);
			break;
		default:
			break;
		}
	}
	check_range(s, now, 0, SPACE);
	store_query(s, &stats);
	assert_true(stats.extents > 0);
	store_destroy(s);
	free(now);
	free(durable);
	free(marked);
}

/* Each block of an unflushed write is old or new, never else; both occur. */
static void test_store_torn(void **state)
{
	enum { BLOCKS = 256, BLOCK = 4096 };
	static uint8_t data[BLOCKS * BLOCK];
	struct store *s = store_create();
	uint32_t old = 0, new = 0;
	struct bseg seg;
	struct buf buf = buf_from_bytes(&seg, data, sizeof(data));
	struct prng rand;

	(void)state;
	prng_seed(&rand, 3);
	memset(data, 1, sizeof(data));
	assert_int_equal(store_write(s, 0, &buf), 0);
	store_commit(s, store_mark(s));
	memset(data, 2, sizeof(data));
	assert_int_equal(store_write(s, 0, &buf), 0);
	memset(data, 3, sizeof(data));	/* a newer write over a part */
	buf = buf_from_bytes(&seg, data, sizeof(data) / 2);
	assert_int_equal(store_write(s, 0, &buf), 0);
	store_crash(s, 500000, BLOCK, &rand);
	buf = buf_from_bytes(&seg, data, sizeof(data));
	assert_int_equal(store_read(s, 0, &buf), 0);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		uint8_t v = data[b * BLOCK];

		assert_in_range(v, 1, b < BLOCKS / 2 ? 3 : 2);
		for (uint32_t i = 1; i < BLOCK; i++)
			assert_int_equal(data[b * BLOCK + i], v);
		if (b < BLOCKS / 2)
			new += v == 3;
		else
			old += v == 1;
	}
	assert_in_range(new, 40, 90);	/* 128 blocks at one half */
	assert_in_range(old, 40, 90);
	store_destroy(s);
}

/* Phantoms cost no memory, and a long sequence of small appends is one run. */
static void test_store_phantom(void **state)
{
	struct store *s = store_create();
	struct store_stats stats;
	struct bseg seg, runs[8];
	struct bsink sink;
	struct buf buf;

	(void)state;
	for (uint64_t off = 0; off < 64u << 20; off += 4096) {
		buf = buf_from_gen(&seg, 5, off, 4096);
		assert_int_equal(store_write(s, off, &buf), 0);
	}
	store_commit(s, store_mark(s));
	store_query(s, &stats);
	assert_int_equal(stats.bytes, 0);
	assert_int_equal(stats.extents, 16);	/* one per region of 4 MiB */
	assert_int_equal(stats.volatile_writes, 0);
	bsink_init(&sink, 8u << 20, runs, ARRAY_COUNT(runs));
	buf = buf_from_sink(&seg, &sink, 0, 8u << 20);
	assert_int_equal(store_read(s, 1u << 20, &buf), 0);
	buf = bsink_buf(&sink);
	assert_int_equal(buf.nr, 1);
	assert_int_equal(buf.segs[0].gen, 5);
	assert_int_equal(buf.segs[0].start, 1u << 20);
	/* From a sink to the device: the runs, not the bytes. */
	buf = buf_from_sink(&seg, &sink, 4096, 1u << 20);
	assert_int_equal(store_write(s, 512u << 20, &buf), 0);
	store_query(s, &stats);
	assert_int_equal(stats.bytes, 0);
	bsink_init(&sink, 4096, runs, ARRAY_COUNT(runs));
	buf = buf_from_sink(&seg, &sink, 0, 4096);
	assert_int_equal(store_read(s, 512u << 20, &buf), 0);
	buf = bsink_buf(&sink);
	assert_int_equal(buf.segs[0].start, (1u << 20) + 4096);
	store_destroy(s);
}

/* ---- phantom memory ----------------------------------------------------------------------- */

/* Random fills and checks, against memory that is there. */
static void test_phantom_model(void **state)
{
	enum { BYTES = 200000 };
	struct phantom *p = phantom_create();
	char *a = phantom_alloc(p, BYTES), *b = phantom_alloc(p, 5u << 20);
	uint8_t *model = calloc(1, BYTES), *want = calloc(1, BYTES);
	struct prng rand;
	uint64_t first;

	(void)state;
	assert_non_null(a);
	assert_true(b >= a + BYTES);
	prng_seed(&rand, 5);
	for (int i = 0; i < 300; i++) {
		uint64_t off = prng_below(&rand, BYTES - 100);
		uint64_t bytes = 1 + prng_below(&rand, min_u64(BYTES - off, 20000));
		uint64_t gen = 1 + prng_below(&rand, 2), at = prng_below(&rand, BYTES - 500);

		assert_int_equal(phantom_fill(p, a + off, bytes, gen, off), 0);
		gen_fill(gen, off, model + off, bytes);
		gen_fill(gen, at, want, 400);
		/* As much is wrong as bytes differ, but that generators may agree by chance. */
		if (memcmp(model + at, want, 400) == 0)
			assert_int_equal(phantom_verify(p, a + at, 400, gen, at, &first), 0);
		else
			assert_true(phantom_verify(p, a + at, 400, gen, at, &first) > 0);
	}
	assert_int_equal(phantom_verify(p, b, 5u << 20, 0, 0, &first), 0);	/* untouched */
	assert_int_equal(phantom_fill(p, a + BYTES - 10, 11, 1, 0), -DER_INVAL);
	phantom_destroy(p);
	free(model);
	free(want);
}

static void test_phantom_segments(void **state)
{
	struct phantom *p = phantom_create();
	char *a = phantom_alloc(p, 100000), *again;
	uint64_t first = 7;
	struct bseg seg;
	char real[8];

	(void)state;
	assert_int_equal(phantom_fill(p, a, 50000, 3, 1000), 0);
	assert_true(phantom_segment(p, a + 10, 100, RT_ACCESS_READ, &seg));
	assert_int_equal(seg.kind, BSEG_GEN);
	assert_int_equal(seg.gen, 3);
	assert_int_equal(seg.start, 1010);
	assert_true(phantom_segment(p, a + 10, 60000, RT_ACCESS_READ, &seg));
	assert_int_equal(seg.kind, BSEG_SINK);	/* two runs */
	assert_true(phantom_segment(p, a, 100000, RT_ACCESS_WRITE, &seg));
	assert_int_equal(seg.kind, BSEG_SINK);
	assert_false(phantom_segment(p, a, 100001, RT_ACCESS_WRITE, &seg));
	assert_false(phantom_segment(p, real, sizeof(real), RT_ACCESS_WRITE, &seg));
	assert_int_equal(phantom_verify(p, a + 49990, 20, 3, 50990, &first), 10);
	assert_int_equal(first, 10);
	phantom_free(p, a);
	phantom_free(p, NULL);
	again = phantom_alloc(p, 90000);
	assert_ptr_equal(again, a);
	assert_int_equal(phantom_verify(p, again, 90000, 0, 0, &first), 0);	/* zeros anew */
	phantom_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel_order),
		cmocka_unit_test(test_wheel_replan),
		cmocka_unit_test(test_store_model),
		cmocka_unit_test(test_store_torn),
		cmocka_unit_test(test_store_phantom),
		cmocka_unit_test(test_phantom_model),
		cmocka_unit_test(test_phantom_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

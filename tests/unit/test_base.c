/* base: buffers against a byte model, heap against a sorted order, arena, generators, hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/heap.h"
#include "core/base/prng.h"
#include "core/base/share.h"

#define SPACE 4096
#define MAX_SEGS 64

/* A random buf of bytes and phantoms, and its content as plain bytes. */
struct model {
	uint8_t mem[SPACE];
	uint8_t want[SPACE];
	struct bseg segs[MAX_SEGS];
	struct buf buf;
};

static void model_make(struct prng *p, struct model *m)
{
	uint64_t at = 0;

	prng_fill(p, m->mem, sizeof(m->mem));
	m->buf = (struct buf){ .segs = m->segs };
	while (m->buf.nr < 20) {
		uint64_t n = 1 + prng_below(p, 150);
		struct bseg seg;
		struct buf one;

		if (prng_below(p, 2) == 0) {
			one = buf_from_bytes(&seg, m->mem + at, n);
			memcpy(m->want + at, m->mem + at, n);
		} else {
			uint64_t start = prng_below(p, 1000);
			uint64_t gen = prng_below(p, 4);

			one = buf_from_gen(&seg, gen, start, n);
			gen_fill(gen, start, m->want + at, n);
		}
		assert_int_equal(buf_append(&m->buf, MAX_SEGS, &one), 0);
		at += n;
	}
}

static void test_buf_copy_slice(void **state)
{
	struct prng p;
	int round;

	(void)state;
	prng_seed(&p, 7);
	for (round = 0; round < 500; round++) {
		struct model m;
		struct bseg cut[MAX_SEGS];
		struct bseg out_seg;
		struct buf slice;
		struct buf out;
		uint8_t got[SPACE];
		uint64_t off;
		uint64_t n;

		model_make(&p, &m);
		off = prng_below(&p, m.buf.bytes);
		n = prng_below(&p, m.buf.bytes - off + 1);
		out = buf_from_bytes(&out_seg, got, sizeof(got));
		assert_int_equal(buf_copy(&out, 3, &m.buf, off, n), 0);
		assert_memory_equal(got + 3, m.want + off, n);

		assert_int_equal(buf_slice(&m.buf, off, n, cut, MAX_SEGS, &slice), 0);
		assert_int_equal(slice.nr, buf_slice_count(&m.buf, off, n));
		assert_int_equal(slice.bytes, n);
		memset(got, 0xee, sizeof(got));
		assert_int_equal(buf_copy(&out, 0, &slice, 0, n), 0);
		assert_memory_equal(got, m.want + off, n);
		assert_int_equal(buf_fingerprint(&slice, 0, n), buf_fingerprint(&m.buf, off, n));
		if (slice.nr > 1)
			assert_int_equal(buf_slice(&m.buf, off, n, cut, slice.nr - 1, &slice),
					 -DER_TRUNC);
		assert_int_equal(buf_slice(&m.buf, off, m.buf.bytes - off + 1, cut, MAX_SEGS,
					   &slice),
				 -DER_INVAL);
		assert_int_equal(buf_copy(&out, SPACE, &m.buf, 0, 1), -DER_INVAL);
	}
}

static void test_buf_sink(void **state)
{
	struct prng p;
	int round;

	(void)state;
	prng_seed(&p, 11);
	for (round = 0; round < 200; round++) {
		uint8_t want[SPACE] = { 0 };
		uint8_t got[SPACE];
		struct bseg runs[256];
		struct bseg seg;
		struct bseg out_seg;
		struct bsink sink;
		struct buf dst;
		struct buf out = buf_from_bytes(&out_seg, got, sizeof(got));
		struct buf rec;
		uint32_t i;

		bsink_init(&sink, SPACE, runs, ARRAY_COUNT(runs));
		dst = buf_from_sink(&seg, &sink, 0, SPACE);
		for (i = 0; i < 50; i++) {
			uint64_t off = prng_below(&p, SPACE);
			uint64_t n = 1 + prng_below(&p, SPACE - off);
			uint64_t gen = prng_below(&p, 3);
			struct bseg s;
			struct buf src = buf_from_gen(&s, gen, off, n);

			assert_int_equal(buf_copy(&dst, off, &src, 0, n), 0);
			gen_fill(gen, off, want + off, n);
		}
		rec = bsink_buf(&sink);
		assert_int_equal(rec.bytes, SPACE);
		assert_int_equal(buf_copy(&out, 0, &rec, 0, SPACE), 0);
		assert_memory_equal(got, want, SPACE);
		assert_int_equal(buf_copy(&out, 0, &dst, 0, SPACE), 0);
		assert_memory_equal(got, want, SPACE);
		for (i = 1; i < sink.nr; i++)	/* joined: no run continues its predecessor */
			assert_false(runs[i - 1].gen == runs[i].gen &&
				     (runs[i].gen == 0 ||
				      runs[i - 1].start + runs[i - 1].bytes == runs[i].start));
	}
}

static void test_buf_sink_full(void **state)
{
	struct bseg runs[4];
	struct bseg seg;
	struct bseg s;
	struct bsink sink;
	struct buf dst;
	struct buf src = buf_from_gen(&s, 5, 0, 1);

	(void)state;
	bsink_init(&sink, 100, runs, ARRAY_COUNT(runs));
	dst = buf_from_sink(&seg, &sink, 0, 100);
	assert_int_equal(buf_copy(&dst, 10, &src, 0, 1), 0);
	assert_int_equal(buf_copy(&dst, 50, &src, 0, 1), -DER_NOMEM);
}

static void test_buf_corrupt(void **state)
{
	uint8_t b[16] = { 0 };
	struct bseg segs[8];
	struct bseg ref_segs[1];
	struct buf buf = buf_from_gen(segs, 9, 100, 50);
	struct buf ref = buf_from_gen(ref_segs, 9, 100, 50);

	(void)state;
	assert_true(buf_equal(&buf, &ref));
	assert_int_equal(buf_corrupt(&buf, 1, 20), -DER_TRUNC);
	assert_int_equal(buf_corrupt(&buf, 8, 50), -DER_INVAL);
	assert_int_equal(buf_corrupt(&buf, 8, 20), 0);
	assert_int_equal(buf.nr, 3);
	assert_false(buf_equal(&buf, &ref));
	assert_int_not_equal(buf_fingerprint(&buf, 0, 50), buf_fingerprint(&ref, 0, 50));
	assert_int_equal(buf_fingerprint(&buf, 0, 20), buf_fingerprint(&ref, 0, 20));
	assert_int_equal(buf_fingerprint(&buf, 21, 29), buf_fingerprint(&ref, 21, 29));
	buf = buf_from_bytes(segs, b, sizeof(b));
	assert_int_equal(buf_corrupt(&buf, 8, 7), 0);
	assert_int_equal(b[7], 1);
}

static void test_buf_equal_mixed(void **state)
{
	uint8_t b[1000];
	struct bseg s1;
	struct bseg s2;
	struct buf gen = buf_from_gen(&s1, 77, 5, sizeof(b));
	struct buf bytes = buf_from_bytes(&s2, b, sizeof(b));

	(void)state;
	gen_fill(77, 5, b, sizeof(b));
	assert_true(buf_equal(&gen, &bytes));
	assert_true(buf_equal(&bytes, &gen));
	b[999] ^= 4;
	assert_false(buf_equal(&gen, &bytes));
}

static void test_gen_fill_positions(void **state)
{
	uint8_t whole[256];
	uint8_t part[256];
	uint64_t a;
	uint64_t n;

	(void)state;
	gen_fill(42, 0, whole, sizeof(whole));
	for (a = 0; a < 32; a++)
		for (n = 0; n < 40; n++) {
			gen_fill(42, a, part, n);
			assert_memory_equal(part, whole + a, n);
		}
}

static void heap_check_min(const struct heap *h, const struct heap_node *nodes, const bool *in,
			   size_t count)
{
	const struct heap_node *min = heap_min(h);
	size_t k;

	for (k = 0; k < count; k++)
		if (in[k])
			assert_true(min->key < nodes[k].key ||
				    (min->key == nodes[k].key && min->seq <= nodes[k].seq));
}

static void test_heap_order(void **state)
{
	static struct heap_node nodes[1000];
	bool in[1000] = { false };
	struct heap h;
	struct prng p;
	uint64_t key = 0;
	uint64_t seq = 0;
	int round;

	(void)state;
	heap_init(&h);
	prng_seed(&p, 3);
	for (round = 0; round < 50000; round++) {
		uint64_t i = prng_below(&p, ARRAY_COUNT(nodes));

		if (in[i])
			heap_remove(&h, &nodes[i]);
		else
			heap_insert(&h, &nodes[i], prng_below(&p, 100));
		in[i] = !in[i];
		if (round % 500 == 0)
			heap_check_min(&h, nodes, in, ARRAY_COUNT(nodes));
	}
	while (heap_min(&h) != NULL) {
		struct heap_node *n = heap_min(&h);

		assert_true(n->key > key || (n->key == key && n->seq >= seq));
		key = n->key;
		seq = n->seq;
		heap_remove(&h, n);
	}
	assert_int_equal(h.count, 0);
}

static void test_arena(void **state)
{
	struct arena a;
	void *p[10];
	size_t i;

	(void)state;
	arena_init(&a);
	for (i = 0; i < ARRAY_COUNT(p); i++) {
		size_t align = (size_t)16 << i;

		p[i] = arena_alloc(&a, 100 + i, align);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % align, 0);
		assert_int_equal(((uint8_t *)p[i])[99], 0);
	}
	arena_free(&a, p[3]);
	arena_free(&a, NULL);
	assert_int_equal(a.count, ARRAY_COUNT(p) - 1);
	a.fail_at = 2;
	p[3] = arena_alloc(&a, 1, 0);
	assert_non_null(p[3]);
	assert_null(arena_alloc(&a, 1, 0));
	a.limit_bytes = a.bytes + 10;
	assert_null(arena_alloc(&a, 1, 0));
	assert_null(arena_alloc(&a, SIZE_MAX, 0));
	arena_drop(&a);
	assert_int_equal(a.bytes, 0);
	assert_int_equal(a.count, 0);
}

static void test_hash_jump(void **state)
{
	uint32_t n;
	uint64_t key;

	(void)state;
	/* Consistency: growing from n to n + 1 buckets moves keys to the new bucket only. */
	for (n = 1; n < 200; n++)
		for (key = 0; key < 200; key++) {
			uint32_t a = hash_jump(mix64(key), n);
			uint32_t b = hash_jump(mix64(key), n + 1);

			assert_true(a < n);
			assert_true(b == a || b == n);
		}
}

static void test_prng(void **state)
{
	struct prng a;
	struct prng b;
	int i;
	uint64_t counts[10] = { 0 };

	(void)state;
	prng_seed(&a, 1);
	prng_seed(&b, 1);
	for (i = 0; i < 100000; i++) {
		uint64_t x = prng_below(&a, 10);

		assert_int_equal(x, prng_below(&b, 10));
		counts[x]++;
	}
	for (i = 0; i < 10; i++)
		assert_in_range(counts[i], 9600, 10400);
	prng_seed(&b, 2);
	assert_int_not_equal(prng_next(&a), prng_next(&b));
}

static void test_share(void **state)
{
	struct share_table *t = share_table_create();
	struct share_holder a;
	struct share_holder b;
	char text[100] = "a map";
	const void *x;
	const void *y;
	const void *z;

	(void)state;
	share_holder_init(&a);
	share_holder_init(&b);
	x = share_get(t, &a, text, sizeof(text));
	y = share_get(t, &b, text, sizeof(text));
	assert_ptr_equal(x, y);
	assert_ptr_not_equal(x, text);
	assert_memory_equal(x, text, sizeof(text));
	assert_int_equal((uintptr_t)x % 16, 0);
	assert_int_equal(share_bytes(t), sizeof(text));
	assert_ptr_equal(share_get(t, &b, text, sizeof(text)), y);
	text[99] = 1;
	z = share_get(t, &a, text, sizeof(text));
	assert_ptr_not_equal(x, z);
	assert_int_equal(share_bytes(t), 2 * sizeof(text));
	share_put(t, &a, x);	/* b still has it */
	assert_int_equal(share_bytes(t), 2 * sizeof(text));
	share_drop(t, &b);	/* b crashed */
	assert_int_equal(share_bytes(t), sizeof(text));
	share_put(t, &a, z);
	share_put(t, &a, NULL);
	assert_int_equal(share_bytes(t), 0);
	share_table_destroy(t);
}

static void test_errors(void **state)
{
	(void)state;
	assert_string_equal(err_name(-DER_NONEXIST), "DER_NONEXIST");
	assert_string_equal(err_name(DER_CSUM), "DER_CSUM");
	assert_string_equal(err_name(0), "DER_SUCCESS");
	assert_string_equal(err_name(-999999), "DER_UNKNOWN");
	assert_int_equal(err_from_errno(0), 0);
	assert_int_equal(err_from_errno(5), -DER_NVME_IO);
	assert_int_equal(err_from_errno(-28), -DER_NOSPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_copy_slice),	cmocka_unit_test(test_buf_sink),
		cmocka_unit_test(test_buf_sink_full),	cmocka_unit_test(test_buf_corrupt),
		cmocka_unit_test(test_buf_equal_mixed), cmocka_unit_test(test_gen_fill_positions),
		cmocka_unit_test(test_heap_order),	cmocka_unit_test(test_arena),
		cmocka_unit_test(test_hash_jump),	cmocka_unit_test(test_prng),
		cmocka_unit_test(test_errors),	cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

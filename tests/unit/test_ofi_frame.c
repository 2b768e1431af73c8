/* Packets and frames: what is written is read back; whatever else comes is refused, in bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transports/ofi/frame.h"

static uint8_t pkt[OFI_PKT_MAX];
static const char addr[] = "sixteen bytes a";	/* 16 with its NUL */

static size_t begin(void)
{
	memset(pkt, 0xee, sizeof(pkt));
	return ofi_pkt_begin(pkt, 11, 22, addr, sizeof(addr));
}

static size_t put(size_t at, const struct ofi_frame *f, const struct ofi_seg *segs, const void *msg)
{
	memcpy(ofi_frame_put(pkt + at, f, segs), msg, f->msg_bytes);
	return at + ofi_frame_bytes(f->seg_count, f->msg_bytes);
}

static size_t sample(void)
{
	const struct ofi_seg segs[] = {
		{ .addr = 0x1000, .bytes = 10, .key = 7 },
		{ .addr = UINT64_MAX - 20, .bytes = 20, .key = UINT64_MAX },
	};
	struct ofi_frame f = {
		.kind = OFI_REQUEST,
		.access = RT_ACCESS_WRITE,
		.call_id = 0x123456789abcdef0ull,
		.expose_bytes = 30,
		.seg_count = 2,
		.msg_bytes = 5,
	};
	size_t at = put(begin(), &f, segs, "hello");

	f = (struct ofi_frame){ .kind = OFI_REPLY, .call_id = 9, .msg_bytes = 3 };
	at = put(at, &f, NULL, "bye");
	f = (struct ofi_frame){ .kind = OFI_PING, .call_id = 77 };
	at = put(at, &f, NULL, "");
	ofi_pkt_end(pkt, at);
	return at;
}

static void test_round_trip(void **state)
{
	size_t bytes = sample();
	struct ofi_frame f;
	struct ofi_pkt p;

	(void)state;
	assert_int_equal(bytes % 8, 0);
	assert_int_equal(ofi_pkt_decode(pkt, bytes, &p), 0);
	assert_int_equal(p.src_id, 11);
	assert_int_equal(p.dst_id, 22);
	assert_int_equal(p.addr_bytes, sizeof(addr));
	assert_memory_equal(p.addr, addr, sizeof(addr));
	assert_int_equal(ofi_frame_next(&p, &f), 1);
	assert_int_equal(f.kind, OFI_REQUEST);
	assert_true(f.call_id == 0x123456789abcdef0ull);
	assert_int_equal(f.access, RT_ACCESS_WRITE);
	assert_int_equal(f.expose_bytes, 30);
	assert_int_equal(f.seg_count, 2);
	assert_int_equal(ofi_seg_at(&f, 0).addr, 0x1000);
	assert_true(ofi_seg_at(&f, 1).addr == UINT64_MAX - 20);
	assert_int_equal(ofi_seg_at(&f, 1).bytes, 20);
	assert_true(ofi_seg_at(&f, 1).key == UINT64_MAX);
	assert_int_equal(f.msg_bytes, 5);
	assert_memory_equal(f.msg, "hello", 5);
	assert_int_equal((f.msg - pkt) % 8, 0);
	assert_int_equal(ofi_frame_next(&p, &f), 1);
	assert_int_equal(f.kind, OFI_REPLY);
	assert_memory_equal(f.msg, "bye", 3);
	assert_int_equal(ofi_frame_next(&p, &f), 1);
	assert_int_equal(f.kind, OFI_PING);
	assert_int_equal(f.call_id, 77);
	assert_int_equal(ofi_frame_next(&p, &f), 0);
	assert_int_equal(ofi_frame_next(&p, &f), 0);
}

/* All frames of @bytes at @ptr, from memory that ends where they end. */
static int read_all(const uint8_t *ptr, size_t bytes)
{
	uint8_t *copy = malloc(bytes + 1);
	struct ofi_frame f;
	struct ofi_pkt p;
	int rc;

	assert_non_null(copy);
	memcpy(copy, ptr, bytes);
	rc = ofi_pkt_decode(copy, bytes, &p);
	while (rc == 0 && (rc = ofi_frame_next(&p, &f)) == 1) {
		uint64_t sum = 0;
		uint32_t i;

		assert_true(f.msg >= copy && f.msg + f.msg_bytes <= copy + bytes);
		for (i = 0; i < f.seg_count; i++)
			sum += ofi_seg_at(&f, i).bytes;
		assert_true(sum == f.expose_bytes);
		rc = 0;
	}
	free(copy);
	return rc;
}

static void test_cut_short(void **state)
{
	size_t bytes = sample();
	size_t n;

	(void)state;
	assert_int_equal(read_all(pkt, bytes), 0);
	for (n = 0; n < bytes; n++) {
		assert_int_equal(read_all(pkt, n), -DER_PROTO);
		if (n >= OFI_PKT_HEAD && n % 8 == 0) {	/* and where the header admits it */
			int rc;

			ofi_pkt_end(pkt, n);
			rc = read_all(pkt, n);
			assert_true(rc == 0 || rc == -DER_PROTO);
			ofi_pkt_end(pkt, bytes);
		}
	}
}

static void test_flipped(void **state)
{
	size_t bytes = sample();
	size_t i;
	int bit;

	(void)state;
	for (i = 0; i < bytes; i++)
		for (bit = 0; bit < 8; bit++) {
			int rc;

			pkt[i] ^= (uint8_t)(1 << bit);
			rc = read_all(pkt, bytes);
			assert_true(rc == 0 || rc == -DER_PROTO);
			pkt[i] ^= (uint8_t)(1 << bit);
		}
	assert_int_equal(read_all(pkt, bytes), 0);
}

static void refused(const struct ofi_frame *f, const struct ofi_seg *segs, uint64_t bad_reply)
{
	static const uint8_t zeros[RT_MSG_MAX_BYTES];
	size_t at = put(begin(), f, segs, zeros);
	struct ofi_frame got;
	struct ofi_pkt p;

	ofi_pkt_end(pkt, at);
	assert_int_equal(ofi_pkt_decode(pkt, at, &p), 0);
	assert_int_equal(ofi_frame_next(&p, &got), -DER_PROTO);
	assert_true(p.bad_reply == bad_reply);
	assert_int_equal(ofi_frame_next(&p, &got), 0);	/* nothing behind it is read */
}

static void test_nonsense(void **state)
{
	const struct ofi_seg wrap = { .addr = UINT64_MAX, .bytes = 2 };
	const struct ofi_seg empty = { .addr = 1, .bytes = 0 };
	const struct ofi_seg two[] = { { .bytes = UINT64_MAX }, { .bytes = 11 } };
	const struct ofi_seg one = { .bytes = 10 };
	struct ofi_frame f = { .kind = OFI_REQUEST, .access = RT_ACCESS_READ, .seg_count = 1 };

	(void)state;
	f.expose_bytes = 2;
	refused(&f, &wrap, 0);
	f.expose_bytes = 0;
	refused(&f, &empty, 0);
	f.expose_bytes = 11;
	refused(&f, &one, 0);		/* the sum is wrong */
	f.expose_bytes = 10;
	f.seg_count = 2;
	refused(&f, two, 0);		/* the sum wraps */
	f.seg_count = 1;
	f.access = 4;
	refused(&f, &one, 0);
	f.access = 0;
	refused(&f, &one, 0);		/* memory, but no access */
	f = (struct ofi_frame){ .kind = OFI_REQUEST, .access = RT_ACCESS_READ };
	refused(&f, NULL, 0);		/* access, but no memory */
	f = (struct ofi_frame){ .kind = OFI_REQUEST, .expose_bytes = 1 };
	refused(&f, NULL, 0);
	f = (struct ofi_frame){ .kind = (enum ofi_kind)0 };
	refused(&f, NULL, 0);
	f = (struct ofi_frame){ .kind = OFI_KIND_COUNT };
	refused(&f, NULL, 0);
	f = (struct ofi_frame){ .kind = OFI_PING, .msg_bytes = 1 };
	refused(&f, NULL, 0);
	f = (struct ofi_frame){ .kind = OFI_COPY, .msg_bytes = OFI_COPY_BYTES - 1 };
	refused(&f, NULL, 0);
	f = (struct ofi_frame){ .kind = OFI_COPIED, .msg_bytes = OFI_COPIED_BYTES + 1 };
	refused(&f, NULL, 0);
	/* Replies that cannot be one tell whose they are. */
	f = (struct ofi_frame){ .kind = OFI_REPLY, .call_id = 99, .access = RT_ACCESS_READ };
	refused(&f, NULL, 99);
	f = (struct ofi_frame){
		.kind = OFI_REPLY, .call_id = 98, .seg_count = 1, .expose_bytes = 10
	};
	refused(&f, &one, 98);
	f = (struct ofi_frame){ .kind = OFI_REPLY, .call_id = 97, .expose_bytes = 1 };
	refused(&f, NULL, 97);
	/* Pieces that reach beyond their whole, or whose whole is too large. */
	f = (struct ofi_frame){ .kind = OFI_PART, .call_id = ofi_part_id(16, 8), .msg_bytes = 9 };
	refused(&f, NULL, 0);
	f.call_id = ofi_part_id(16, 16);
	refused(&f, NULL, 0);
	f.call_id = ofi_part_id(OFI_FRAME_MAX + 8, 0);
	refused(&f, NULL, 0);
	f = (struct ofi_frame){ .kind = OFI_PART, .call_id = ofi_part_id(16, 0) };
	refused(&f, NULL, 0);
}

static void test_header(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} bad[] = {
		{ 0, 0 },	/* magic */
		{ 2, 2 },	/* version */
		{ 3, 0 },	/* no address */
		{ 3, 97 },	/* too long an address */
		{ 4, 0 },	/* length */
		{ 24, 1 },	/* reserved */
	};
	size_t bytes = sample();
	struct ofi_pkt p;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		uint8_t was = pkt[bad[i].at];

		pkt[bad[i].at] = bad[i].byte;
		assert_int_equal(ofi_pkt_decode(pkt, bytes, &p), -DER_PROTO);
		pkt[bad[i].at] = was;
	}
	memset(pkt + 8, 0, 8);	/* nobody */
	assert_int_equal(ofi_pkt_decode(pkt, bytes, &p), -DER_PROTO);
}

static void test_words(void **state)
{
	struct ofi_copy c = { .cookie = 1, .remote_off = 2, .bytes = 3, .addr = 4, .op = 5 };
	uint8_t mem[OFI_COPY_BYTES];
	struct ofi_frame f = { .kind = OFI_COPY, .msg_bytes = sizeof(mem), .msg = mem };
	struct ofi_copy d;

	(void)state;
	ofi_copy_encode(&c, mem);
	d = ofi_copy_decode(&f);
	assert_memory_equal(&c, &d, sizeof(c));
	f = (struct ofi_frame){ .kind = OFI_COPIED, .msg_bytes = OFI_COPIED_BYTES, .msg = mem };
	ofi_copied_encode(-DER_CANCELED, mem);
	assert_int_equal(ofi_copied_decode(&f), -DER_CANCELED);
	ofi_copied_encode(0, mem);
	assert_int_equal(ofi_copied_decode(&f), 0);
	ofi_copied_encode(5, mem);	/* a peer's nonsense does not become a result */
	assert_int_equal(ofi_copied_decode(&f), -DER_PROTO);
	memset(mem, 0x80, sizeof(mem));
	assert_int_equal(ofi_copied_decode(&f), -DER_PROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_flipped),	   cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_header),	   cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

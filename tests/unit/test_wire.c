/*
 * wire: every message round trip, cut at every length, changed at every byte; limits; golden
 * bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/prng.h"
#include "core/wire/wire.h"

#define POOL_BYTES (64 * 1024)

/* A random message: the structure, and all that it points to. */
struct made {
	_Alignas(16) uint8_t msg[512];
	_Alignas(16) uint8_t pool[POOL_BYTES];
	size_t used;
};

static void *made_alloc(struct made *m, size_t bytes)
{
	void *p = m->pool + m->used;

	m->used += (bytes + 15) & ~(size_t)15;
	assert_true(m->used <= sizeof(m->pool));
	return p;
}

static uint32_t some(struct prng *p, uint32_t max, uint32_t cap)
{
	/* Often none or one, sometimes many. */
	uint32_t n = prng_below(p, 3) == 0 ? (uint32_t)prng_below(p, cap + 1)
					   : (uint32_t)prng_below(p, 2);

	return n < max ? n : max;
}

struct any_array {
	const void *v;
	uint32_t nr;
};

static void make_field(struct prng *p, struct made *m, const struct wire_field *f, void *v)
{
	struct bytes *b = v;
	struct any_array *a = v;
	uint32_t i, each;
	uint8_t *mem;

	switch (f->kind) {
	case WIRE_K_U8:
		prng_fill(p, v, 1);
		return;
	case WIRE_K_U16:
		prng_fill(p, v, 2);
		return;
	case WIRE_K_U32:
		prng_fill(p, v, 4);
		return;
	case WIRE_K_U64:
		prng_fill(p, v, 8);
		return;
	case WIRE_K_UID:
	case WIRE_K_OID:
		prng_fill(p, v, 16);
		return;
	case WIRE_K_BYTES:
	case WIRE_K_STR:
		b->len = some(p, f->max, 100);
		mem = made_alloc(m, b->len);
		prng_fill(p, mem, b->len);
		for (i = 0; f->kind == WIRE_K_STR && i < b->len; i++)
			mem[i] |= 1;
		b->ptr = mem;
		return;
	default:
		each = f->kind == WIRE_K_A_U32 ? 4 : f->kind == WIRE_K_A_U64 ? 8 : 16;
		a->nr = some(p, f->max, 9);
		mem = made_alloc(m, (size_t)a->nr * each);
		prng_fill(p, mem, (size_t)a->nr * each);
		a->v = mem;
		return;
	}
}

static void make(struct prng *p, const struct wire_desc *d, struct made *m)
{
	uint32_t i, j, k;

	m->used = 0;
	assert_true(d->struct_bytes <= sizeof(m->msg));
	memset(m->msg, 0, sizeof(m->msg));
	for (i = 0; i < d->nr; i++) {
		const struct wire_field *f = &d->fields[i];
		struct any_array *a = (void *)(m->msg + f->off);
		uint8_t *mem;

		if (f->kind != WIRE_K_SUB) {
			make_field(p, m, f, m->msg + f->off);
			continue;
		}
		a->nr = some(p, f->max, 5);
		mem = made_alloc(m, (size_t)a->nr * f->sub->struct_bytes);
		memset(mem, 0, (size_t)a->nr * f->sub->struct_bytes);
		a->v = mem;
		for (j = 0; j < a->nr; j++) {
			for (k = 0; k < f->sub->nr; k++)
				make_field(p, m, &f->sub->fields[k],
					   mem + (size_t)j * f->sub->struct_bytes +
						   f->sub->fields[k].off);
		}
	}
}

/* Copies of exact size on the heap, so that a sanitizer sees one byte too far. */
static uint8_t *dup_exact(const void *src, size_t bytes)
{
	uint8_t *p = malloc(bytes > 0 ? bytes : 1);

	assert_non_null(p);
	memcpy(p, src, bytes);
	return p;
}

/* Decode in an arena of just the bound; an accepted body must encode to the same bytes. */
static int decode_check(const struct wire_desc *d, const uint8_t *body, uint32_t bytes)
{
	size_t bound = wire_arena_bound(d, bytes);
	struct wire_arena arena = { .mem = malloc(bound > 0 ? bound : 8), .bytes = bound };
	uint8_t *copy = dup_exact(body, bytes);
	union {
		uint8_t b[512];
		uint64_t align;
	} msg;
	uint8_t *again;
	uint32_t n, size;
	char text[300];
	int rc;

	memset(&msg, 0xa5, sizeof(msg));
	rc = wire_decode(d, copy, bytes, &arena, &msg);
	assert_true(rc == 0 || rc == -DER_PROTO);	/* never -DER_NOMEM within the bound */
	if (rc != 0)
		assert_int_equal(arena.used, 0);
	if (rc == 0) {
		again = malloc(bytes);
		assert_int_equal(wire_size(d, &msg, &size), 0);
		assert_int_equal(size, bytes);
		assert_int_equal(wire_encode(d, &msg, again, bytes, &n), 0);
		assert_int_equal(n, bytes);
		assert_memory_equal(again, body, bytes);
		assert_true(wire_print(d, &msg, text, sizeof(text)) < sizeof(text));
		free(again);
	}
	free(copy);
	free(arena.mem);
	return rc;
}

typedef void (*each_fn)(struct prng *p, const struct wire_desc *d);

static void each_desc(each_fn fn, uint64_t seed)
{
	struct prng p;
	uint16_t op;
	int ops = 0;

	prng_seed(&p, seed);
	for (op = 0; op <= WIRE_OP_MAX; op++) {
		const struct wire_op_desc *o = wire_op(op);

		if (o == NULL)
			continue;
		fn(&p, o->req);
		fn(&p, o->rep);
		ops++;
	}
	assert_true(ops >= 25);
}

static void one_round_trip(struct prng *p, const struct wire_desc *d)
{
	static struct made m;
	uint8_t body[WIRE_BODY_MAX];
	uint32_t n, size, cap;
	int round;

	for (round = 0; round < 50; round++) {
		make(p, d, &m);
		assert_int_equal(wire_size(d, m.msg, &size), 0);
		assert_true(size >= d->min_bytes);
		assert_int_equal(wire_encode(d, m.msg, body, sizeof(body), &n), 0);
		assert_int_equal(n, size);
		assert_int_equal(decode_check(d, body, n), 0);
	}
	for (cap = 0; cap < size; cap++) {
		uint8_t *small = malloc(cap + 1);

		assert_int_equal(wire_encode(d, m.msg, small, cap, &n), -DER_OVERFLOW);
		free(small);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	each_desc(one_round_trip, 1);
}

static void one_malformed(struct prng *p, const struct wire_desc *d)
{
	static struct made m;
	uint8_t body[WIRE_BODY_MAX + 8];
	uint32_t n, i;
	int round, k;

	for (round = 0; round < 3; round++) {
		make(p, d, &m);
		assert_int_equal(wire_encode(d, m.msg, body, sizeof(body) - 8, &n), 0);
		for (i = 0; i < n; i++)
			assert_int_equal(decode_check(d, body, i), -DER_PROTO);
		memset(body + n, 0, 8);
		assert_int_equal(decode_check(d, body, n + 1), -DER_PROTO);
		assert_int_equal(decode_check(d, body, n + 8), -DER_PROTO);
		for (i = 0; i < n; i++) {
			uint8_t was = body[i];

			for (k = 0; k < 4; k++) {
				body[i] = k == 0   ? 0xff
					  : k == 1 ? (uint8_t)(was + 1)
					  : k == 2 ? 0
						   : (uint8_t)prng_next(p);
				(void)decode_check(d, body, n);
			}
			body[i] = was;
		}
	}
	for (round = 0; round < 200; round++) {
		n = (uint32_t)prng_below(p, 200);
		prng_fill(p, body, n);
		for (i = 0; i < n; i++)
			body[i] = prng_below(p, 3) != 0 ? 0 : body[i];
		(void)decode_check(d, body, n);
	}
}

static void test_malformed(void **state)
{
	(void)state;
	each_desc(one_malformed, 2);
}

/* Too small an arena, whatever its size, is -DER_NOMEM and leaves the arena as it was. */
static void one_arena(struct prng *p, const struct wire_desc *d)
{
	static struct made m;
	static struct made out;
	static uint64_t mem[POOL_BYTES / 8];
	struct wire_arena a = { .mem = mem, .bytes = sizeof(mem) };
	uint8_t body[WIRE_BODY_MAX];
	uint32_t n;
	size_t need, bytes;

	make(p, d, &m);
	assert_int_equal(wire_encode(d, m.msg, body, sizeof(body), &n), 0);
	assert_int_equal(wire_decode(d, body, n, &a, out.msg), 0);
	need = a.used;
	assert_true(need <= wire_arena_bound(d, n));
	for (bytes = 0; bytes < need; bytes += 8) {
		a = (struct wire_arena){ .mem = mem, .bytes = bytes + 16, .used = 16 };
		assert_int_equal(wire_decode(d, body, n, &a, out.msg), -DER_NOMEM);
		assert_int_equal(a.used, 16);
	}
	a = (struct wire_arena){ .mem = mem, .bytes = need };
	assert_int_equal(wire_decode(d, body, n, &a, out.msg), 0);
}

static void test_arena(void **state)
{
	int round;

	(void)state;
	for (round = 0; round < 20; round++)
		each_desc(one_arena, 100 + (uint64_t)round);
}

/* The most memory for the fewest bytes: as many empty parts as a body holds. */
static void test_arena_amplification(void **state)
{
	const struct wire_desc *d = wire_op(WIRE_OBJ_PUNCH)->req;
	struct wire_key keys[WIRE_IODS_MAX];
	struct wire_obj_punch_req req = { .dkeys = { keys, WIRE_IODS_MAX },
					  .akeys = { keys, WIRE_IODS_MAX } };
	uint8_t body[WIRE_BODY_MAX];
	uint8_t msg[512];
	struct wire_arena a;
	uint32_t n;

	(void)state;
	memset(keys, 0, sizeof(keys));
	assert_int_equal(wire_encode(d, &req, body, sizeof(body), &n), 0);
	a = (struct wire_arena){ .mem = malloc(wire_arena_bound(d, n)),
				 .bytes = wire_arena_bound(d, n) };
	assert_int_equal(wire_decode(d, body, n, &a, msg), 0);
	assert_int_equal(a.used, 2 * sizeof(keys));
	free(a.mem);
	/* No message, however it is filled, asks for more than a small multiple of its bytes. */
	assert_true(wire_arena_bound(d, WIRE_BODY_MAX) <= 2 * WIRE_BODY_MAX);
}

static void test_limits(void **state)
{
	struct wire_key keys[WIRE_IODS_MAX + 1];
	struct wire_obj_punch_req punch = { .dkeys = { keys, WIRE_IODS_MAX + 1 } };
	struct wire_pool_connect_req conn = { .pool = wire_str("tank") };
	struct wire_obj_update_rep rep = { .epoch = 1 };
	struct wire_cont_set_prop_req set = { 0 };
	const struct wire_desc *d;
	struct wire_prop props[4];
	static char big[WIRE_PROP_STR_MAX];
	uint8_t body[WIRE_BODY_MAX];
	uint8_t raw[64] = { 0 };
	uint64_t mem[16];
	struct wire_arena a = { .mem = mem, .bytes = sizeof(mem) };
	uint32_t n, i;

	(void)state;
	memset(keys, 0, sizeof(keys));
	d = wire_op(WIRE_OBJ_PUNCH)->req;
	assert_int_equal(wire_encode(d, &punch, body, sizeof(body), &n), -DER_INVAL);
	assert_int_equal(wire_size(d, &punch, &n), -DER_INVAL);

	d = wire_op(WIRE_POOL_CONNECT)->req;
	conn.pool = (struct bytes){ .ptr = "a\0b", .len = 3 };
	assert_int_equal(wire_encode(d, &conn, body, sizeof(body), &n), -DER_INVAL);
	assert_int_equal(wire_size(d, &conn, &n), -DER_INVAL);
	conn.pool = (struct bytes){ .ptr = big, .len = WIRE_LABEL_MAX + 1 };
	memset(big, 'x', sizeof(big));
	assert_int_equal(wire_encode(d, &conn, body, sizeof(body), &n), -DER_INVAL);
	assert_int_equal(wire_size(d, &conn, &n), -DER_INVAL);
	/* The same on the way in: a label with NUL, a label too long by one. */
	raw[0] = 3;
	raw[4] = 'a';
	raw[6] = 'b';
	assert_int_equal(wire_decode(d, raw, 4 + 3 + 8 + 16, &a, &conn), -DER_PROTO);
	raw[5] = 'c';
	assert_int_equal(wire_decode(d, raw, 4 + 3 + 8 + 16, &a, &conn), 0);
	memset(body, 'x', sizeof(body));
	body[0] = WIRE_LABEL_MAX + 1;
	body[1] = body[2] = body[3] = 0;
	assert_int_equal(wire_decode(d, body, 4 + WIRE_LABEL_MAX + 1 + 24, &a, &conn), -DER_PROTO);
	body[0] = WIRE_LABEL_MAX;
	assert_int_equal(wire_decode(d, body, 4 + WIRE_LABEL_MAX + 24, &a, &conn), 0);

	/* Every part within its limit, all together beyond a body. */
	d = wire_op(WIRE_CONT_SET_PROP)->req;
	for (i = 0; i < 4; i++)
		props[i] = (struct wire_prop){ .str = { big, sizeof(big) } };
	set.props.v = props;
	set.props.nr = 4;
	assert_int_equal(wire_size(d, &set, &n), -DER_OVERFLOW);
	assert_int_equal(wire_encode(d, &set, body, sizeof(body), &n), -DER_OVERFLOW);

	d = wire_op(WIRE_OBJ_UPDATE)->rep;
	assert_int_equal(wire_encode(d, &rep, body, 8, &n), 0);
	assert_int_equal(n, 8);
	assert_null(wire_op(0));
	assert_null(wire_op(2));
	assert_null(wire_op(WIRE_OP_MAX + 1));
	assert_null(wire_op(UINT16_MAX));
}

static struct wire_obj_update_req golden_update(struct wire_iod *iod, struct recx *rx)
{
	struct wire_obj_update_req u = {
		.oid = { .lo = 0x0102030405060708, .hi = 0x1112131415161718 },
		.flags = 2,
		.epoch = 3,
		.shard = 4,
		.dkey = wire_str("dk"),
		.iods = { iod, 1 },
	};

	memset(u.pool.b, 0xaa, 16);
	memset(u.cont.b, 0xbb, 16);
	memset(u.cont_handle.b, 0xcc, 16);
	*rx = (struct recx){ .idx = 5, .nr = 6 };
	*iod = (struct wire_iod){ .name = wire_str("a"), .type = 2, .size = 1, .bytes = 6,
				  .recxs = { rx, 1 } };
	return u;
}

static const char golden_hex[] =
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	"cccccccccccccccccccccccccccccccc" "08070605040302011817161514131211"
	"0200000000000000" "0300000000000000" "04000000" "02000000646b" "01000000"
	"02000000" "00000000" "0100000000000000" "0000000000000000" "0600000000000000"
	"0100000061" "01000000" "0500000000000000" "0600000000000000";

static const char golden_head_hex[] =
	"47454d4c" "0100" "5000" "0600" "0000" "00000000" "efcdab8967452301" "0700000000000000"
	"0500000000000000" "0900000000000000" "0b000000" "97000000" "06000000" "e8030000";

static void hex(const uint8_t *p, size_t n, char *dst)
{
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(dst + 2 * i, 3, "%02x", p[i]);
}

/* The wire is an ABI: a change here needs a new WIRE_VERSION. */
static void test_golden(void **state)
{
	struct wire_head h = { .op = WIRE_OBJ_UPDATE, .flags = WIRE_HF_RESENT | WIRE_HF_BODY,
			       .client = 0x0123456789abcdef, .seq = 7, .acked = 5, .hlc = 9,
			       .map_version = 11, .body_bytes = 151, .inline_bytes = 6,
			       .hint_us = 1000 };
	struct wire_head back;
	struct wire_obj_update_req u;
	struct wire_iod iod;
	struct recx rx;
	uint8_t raw[256];
	char text[512];
	uint32_t n;

	(void)state;
	u = golden_update(&iod, &rx);
	assert_int_equal(wire_encode(wire_op(WIRE_OBJ_UPDATE)->req, &u, raw, sizeof(raw), &n), 0);
	hex(raw, n, text);
	assert_string_equal(text, golden_hex);
	assert_int_equal(n, h.body_bytes);

	wire_head_encode(&h, raw);
	hex(raw, WIRE_HEAD_BYTES, text);
	assert_string_equal(text, golden_head_hex);
	assert_int_equal(wire_head_decode(raw, 64 + 151, 64 + 151 + 6, &back), 0);
	assert_memory_equal(&h, &back, sizeof(h));
	assert_int_equal(WIRE_PING, 1);
	assert_int_equal(WIRE_OBJ_SYNC, 85);
}

static int head_rc(const struct wire_head *h, uint64_t seg, uint64_t msg)
{
	uint8_t *raw = malloc(64);
	struct wire_head back;
	int rc;

	wire_head_encode(h, raw);
	rc = wire_head_decode(raw, seg, msg, &back);
	free(raw);
	return rc;
}

static void test_head(void **state)
{
	const struct wire_head good = { .op = 1, .flags = WIRE_HF_BODY, .client = 1, .seq = 1,
					.acked = 1, .body_bytes = 12 };
	struct wire_head h = good;
	uint8_t raw[76] = { 0 };
	struct wire_head back;
	uint32_t i;

	(void)state;
	assert_int_equal(head_rc(&good, 76, 76), 0);
	assert_int_equal(head_rc(&good, 75, 76), -DER_PROTO);	/* the body not in one piece */
	assert_int_equal(head_rc(&good, 76, 77), -DER_PROTO);
	assert_int_equal(head_rc(&good, 76, 75), -DER_PROTO);
	for (i = 0; i < WIRE_HEAD_BYTES; i++) {
		uint8_t *cut = malloc(i + 1);

		memset(cut, 0, i + 1);
		assert_int_equal(wire_head_decode(cut, i, i, &back), -DER_PROTO);
		free(cut);
	}
	wire_head_encode(&good, raw);
	for (i = 0; i < 6; i++) {	/* magic and version */
		raw[i] ^= 1;
		assert_int_equal(wire_head_decode(raw, 76, 76, &back), -DER_PROTO);
		raw[i] ^= 1;
	}
	raw[10] = 1;
	assert_int_equal(wire_head_decode(raw, 76, 76, &back), -DER_PROTO);

	h.flags |= 8;
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h = good;
	h.client = 0;
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h = good;
	h.seq = h.acked = 0;
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h = good;
	h.acked = 2;
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h = good;
	h.rc = -1;	/* a request has no result */
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h.flags |= WIRE_HF_REPLY;
	assert_int_equal(head_rc(&h, 76, 76), 0);
	h.rc = 1;
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h.rc = -(1 << 20);
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h = good;
	h.flags = 0;	/* a body that is not announced; a request without a body */
	assert_int_equal(head_rc(&h, 76, 76), -DER_PROTO);
	h.body_bytes = 0;
	assert_int_equal(head_rc(&h, 64, 64), -DER_PROTO);
	h.flags = WIRE_HF_REPLY;
	assert_int_equal(head_rc(&h, 64, 64), -DER_PROTO);
	h.rc = -DER_NOMEM;
	assert_int_equal(head_rc(&h, 64, 64), 0);
	h = good;
	h.body_bytes = WIRE_BODY_MAX + 1;
	assert_int_equal(head_rc(&h, 64 + WIRE_BODY_MAX + 1, 64 + WIRE_BODY_MAX + 1), -DER_PROTO);
	h = good;
	h.inline_bytes = UINT32_MAX;	/* sums are not allowed to wrap */
	assert_int_equal(head_rc(&h, 76, 75), -DER_PROTO);
}

static void test_print(void **state)
{
	struct wire_obj_update_req u;
	struct wire_iod iod;
	struct recx rx;
	const struct wire_desc *d = wire_op(WIRE_OBJ_UPDATE)->req;
	const char *want =
		"pool=aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa "
		"cont=bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb "
		"cont_handle=cccccccc-cccc-cccc-cccc-cccccccccccc "
		"oid=1112131415161718.0102030405060708 flags=2 epoch=3 shard=4 dkey=\"dk\" "
		"iods=[{type=2 resv=0 size=1 flags=0 bytes=6 name=\"a\\x01\" recxs=[5+6]}]";
	struct wire_head h = { .op = WIRE_PING, .flags = WIRE_HF_REPLY, .rc = -DER_BUSY,
			       .client = 0xabc, .seq = 18446744073709551615ULL };
	char text[512];
	size_t cap;

	(void)state;
	u = golden_update(&iod, &rx);
	iod.name = wire_str("a\x01");
	assert_int_equal(wire_print(d, &u, text, sizeof(text)), strlen(want));
	assert_string_equal(text, want);
	for (cap = 1; cap < sizeof(text); cap++) {
		char *t = malloc(cap);
		size_t len = wire_print(d, &u, t, cap);

		assert_int_equal(strlen(t), len);
		assert_true(len < cap);
		if (cap >= strlen(want) + 4)
			assert_string_equal(t, want);
		else if (cap >= 8)
			assert_string_equal(t + len - 3, "...");
		free(t);
	}
	wire_head_print(&h, text, sizeof(text));
	assert_string_equal(text, "op=ping reply rc=DER_BUSY client=0000000000000abc "
				  "seq=18446744073709551615 acked=0 hlc=0 map_version=0 "
				  "body_bytes=0 inline_bytes=0 hint_us=0");
	h.op = 99;
	h.flags = WIRE_HF_RESENT;
	wire_head_print(&h, text, sizeof(text));
	assert_memory_equal(text, "op=99 request resent client=", 28);
}

/* Kinds that no message uses yet, in a structure of the test's own. */
struct small {
	uint8_t a;
	uint16_t b;
	struct bytes c;
	uint8_t d;
};

static void test_small_kinds(void **state)
{
	static const struct wire_field fields[] = {
		{ .kind = WIRE_K_U8, .off = offsetof(struct small, a), .name = "a" },
		{ .kind = WIRE_K_U16, .off = offsetof(struct small, b), .name = "b" },
		{ .kind = WIRE_K_BYTES, .off = offsetof(struct small, c), .max = 100, .name = "c" },
		{ .kind = WIRE_K_U8, .off = offsetof(struct small, d), .name = "d" },
	};
	static const struct wire_desc d = { .name = "small", .fields = fields, .nr = 4,
					    .struct_bytes = sizeof(struct small), .min_bytes = 8 };
	const uint8_t want[] = { 7, 0x34, 0x12, 2, 0, 0, 0, 'h', 'i', 9 };
	struct small in = { .a = 7, .b = 0x1234, .c = wire_str("hi"), .d = 9 };
	struct small out;
	struct wire_arena none = { 0 };
	uint8_t raw[16];
	char text[64];
	uint32_t n, i;

	(void)state;
	assert_int_equal(wire_size(&d, &in, &n), 0);
	assert_int_equal(n, sizeof(want));
	assert_int_equal(wire_encode(&d, &in, raw, sizeof(raw), &n), 0);
	assert_int_equal(n, sizeof(want));
	assert_memory_equal(raw, want, n);
	for (i = 0; i < n; i++) {
		assert_int_equal(wire_decode(&d, raw, i, &none, &out), -DER_PROTO);
		assert_int_equal(wire_encode(&d, &in, raw, i, &n), -DER_OVERFLOW);
		n = sizeof(want);
	}
	assert_int_equal(wire_decode(&d, want, n, &none, &out), 0);
	assert_int_equal(out.a + out.b + out.d, 7 + 0x1234 + 9);
	wire_print(&d, &in, text, sizeof(text));
	assert_string_equal(text, "a=7 b=4660 c=\"hi\" d=9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_arena_amplification),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_small_kinds),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}

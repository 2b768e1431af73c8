/*
 * Decode any bytes as any message: first byte, which body (0xff: a whole message with its head);
 * the rest, the bytes. What is accepted must encode again to the same bytes, and memory stays
 * within the bound.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void body(const struct wire_desc *d, const uint8_t *p, uint32_t bytes)
{
	size_t bound = wire_arena_bound(d, bytes);
	struct wire_arena arena = { .mem = malloc(bound + 8), .bytes = bound };
	union {
		union wire_any_req req;
		union wire_any_rep rep;
	} msg;
	uint8_t *again = malloc((size_t)bytes + 1);
	uint32_t n = 0;
	char text[200];
	int rc;

	ASSERT(arena.mem != NULL && again != NULL);
	rc = wire_decode(d, p, bytes, &arena, &msg);
	ASSERT(rc == 0 || rc == -DER_PROTO);
	ASSERT(arena.used <= bound);
	if (rc == 0) {
		ASSERT(wire_size(d, &msg, &n) == 0 && n == bytes);
		ASSERT(wire_encode(d, &msg, again, bytes, &n) == 0 && n == bytes);
		ASSERT(memcmp(again, p, n) == 0);
		ASSERT(wire_print(d, &msg, text, sizeof(text)) < sizeof(text));
	}
	free(again);
	free(arena.mem);
}

static void message(const uint8_t *p, uint32_t bytes)
{
	const struct wire_op_desc *op;
	struct wire_head h;
	uint8_t again[WIRE_HEAD_BYTES];
	char text[200];

	if (wire_head_decode(p, bytes, bytes, &h) != 0)
		return;
	wire_head_encode(&h, again);
	ASSERT(memcmp(again, p, sizeof(again)) == 0);
	ASSERT(wire_head_print(&h, text, sizeof(text)) < sizeof(text));
	op = wire_op(h.op);
	if (op != NULL && (h.flags & WIRE_HF_BODY) != 0)
		body((h.flags & WIRE_HF_REPLY) != 0 ? op->rep : op->req, p + WIRE_HEAD_BYTES,
		     h.body_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_op_desc *op;
	uint8_t *copy;

	if (size < 1 || size > WIRE_BODY_MAX)
		return 0;
	/* An exact copy: a byte too far is seen. */
	copy = malloc(size);
	ASSERT(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	op = wire_op(data[0] & 0x7f);
	if (data[0] == 0xff)
		message(copy, (uint32_t)(size - 1));
	else if (op != NULL)
		body((data[0] & 0x80) != 0 ? op->rep : op->req, copy, (uint32_t)(size - 1));
	free(copy);
	return 0;
}

/* Encode and decode of the commonest message: an update of one extent under one akey. */
#include "core/wire/wire.h"
#include "tests/bench/bench.h"

#define BATCH 100000u

struct message {
	struct wire_obj_update_req req;
	struct wire_iod iod;
	struct recx rx;
};

static void message_make(struct message *m)
{
	*m = (struct message){ 0 };
	memset(&m->req.pool, 1, sizeof(m->req.pool));
	memset(&m->req.cont, 2, sizeof(m->req.cont));
	m->rx = (struct recx){ .idx = 4096, .nr = 64 };
	m->iod = (struct wire_iod){ .name = wire_str("data"),
				    .type = 2,
				    .size = 1,
				    .bytes = 64,
				    .recxs = { &m->rx, 1 } };
	m->req.oid = (struct oid){ .lo = 77, .hi = 1 };
	m->req.dkey = wire_str("01234567");
	m->req.iods.v = &m->iod;
	m->req.iods.nr = 1;
}

/* Keeps the compiler from knowing that nobody changes the message. */
static void touch(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

static int encode_us(struct bench_result *ret_result)
{
	const struct wire_desc *d = wire_op(WIRE_OBJ_UPDATE)->req;
	struct message m;
	uint8_t body[512];
	uint32_t bytes = 0;
	uint64_t ops = 0, start, ns;

	message_make(&m);
	start = bench_now_ns();
	do {
		for (uint32_t i = 0; i < BATCH; i++) {
			touch(&m);
			if (wire_encode(d, &m.req, body, sizeof(body), &bytes) != 0)
				return -1;
			touch(body);
		}
		ops += BATCH;
		ns = bench_now_ns() - start;
	} while (ns < BENCH_ROUND_NS);
	(void)snprintf(ret_result->note, sizeof(ret_result->note), "%u B", bytes);
	ret_result->value = (double)ns / (double)ops;
	return 0;
}

static int decode_us(struct bench_result *ret_result)
{
	const struct wire_desc *d = wire_op(WIRE_OBJ_UPDATE)->req;
	struct message m;
	struct wire_obj_update_req out;
	uint64_t mem[64];
	uint8_t body[512];
	uint32_t bytes = 0;
	uint64_t ops = 0, start, ns;

	message_make(&m);
	if (wire_encode(d, &m.req, body, sizeof(body), &bytes) != 0)
		return -1;
	start = bench_now_ns();
	do {
		for (uint32_t i = 0; i < BATCH; i++) {
			struct wire_arena a = { .mem = mem, .bytes = sizeof(mem) };

			touch(body);
			if (wire_decode(d, body, bytes, &a, &out) != 0 || out.iods.nr != 1)
				return -1;
			touch(&out);
		}
		ops += BATCH;
		ns = bench_now_ns() - start;
	} while (ns < BENCH_ROUND_NS);
	ret_result->value = (double)ns / (double)ops;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct bench_row rows[] = {
		{ "wire_encode_update", "kind=abs_max limit=100 unit=ns", encode_us, NULL },
		{ "wire_decode_update", "kind=abs_max limit=100 unit=ns", decode_us, NULL },
	};

	return bench_main(rows, ARRAY_COUNT(rows), argc, argv);
}

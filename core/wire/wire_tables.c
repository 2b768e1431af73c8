#include "core/wire/wire_int.h"

/* Encoded size of the shortest value of each kind. */
enum {
	MIN_U8 = 1,
	MIN_U16 = 2,
	MIN_U32 = 4,
	MIN_U64 = 8,
	MIN_UID = 16,
	MIN_OID = 16,
	MIN_BYTES = 4,
	MIN_STR = 4,
	MIN_A_U32 = 4,
	MIN_A_U64 = 4,
	MIN_A_OID = 4,
	MIN_A_RECX = 4,
	MIN_SUB = 4,
};

#define FIELD_F(X, k, n, m)                                                                        \
	{ .kind = WIRE_K_##k, .off = offsetof(struct wire_##X, n), .max = (m), .name = #n },
#define FIELD_S(X, s, n, m)                                                                        \
	{ .kind = WIRE_K_SUB, .off = offsetof(struct wire_##X, n), .max = (m), .sub = &desc_##s,   \
	  .name = #n },
#define MIN_F(X, k, n, m) +MIN_##k
#define MIN_S(X, s, n, m) +MIN_SUB

#define DESC(X)                                                                                    \
	static const struct wire_field fields_##X[] = { WIRE_F_##X(FIELD_F, FIELD_S, X) };         \
	static const struct wire_desc desc_##X = {                                                 \
		.name = #X,                                                                        \
		.fields = fields_##X,                                                              \
		.nr = ARRAY_COUNT(fields_##X),                                                     \
		.struct_bytes = sizeof(struct wire_##X),                                           \
		.min_bytes = 0 WIRE_F_##X(MIN_F, MIN_S, X),                                        \
	};
#define DESC_OP(num, NAME, name, flags) DESC(name##_req) DESC(name##_rep)

WIRE_SUBS(DESC)
WIRE_OPS(DESC_OP)

#define OP(num, NAME, n, f) [num] = { #n, &desc_##n##_req, &desc_##n##_rep, f },

static const struct wire_op_desc ops[WIRE_OP_MAX + 1] = { WIRE_OPS(OP) };

const struct wire_op_desc *wire_op(uint16_t op)
{
	if (op > WIRE_OP_MAX || ops[op].name == NULL)
		return NULL;
	return &ops[op];
}

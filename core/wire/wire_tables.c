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

/*
 * The leading run of scalars. A structure without padding tells where each lies on the wire; the
 * run is used only if all of it lies the same in the real one. Each expression is a constant: a
 * chain of "is this the first variable field? its offset :", a count, a conjunction.
 */
enum {
	VAR_U8 = 0,
	VAR_U16 = 0,
	VAR_U32 = 0,
	VAR_U64 = 0,
	VAR_UID = 0,
	VAR_OID = 0,
	VAR_BYTES = 1,
	VAR_STR = 1,
	VAR_A_U32 = 1,
	VAR_A_U64 = 1,
	VAR_A_OID = 1,
	VAR_A_RECX = 1,
};

#define PACKED(X)                                                                                  \
	struct packed_##X {                                                                        \
		WIRE_F_##X(WIRE_MEMBER_F, WIRE_MEMBER_S, 0)                                        \
	} __attribute__((packed));                                                                 \
	enum { RUN_##X = WIRE_F_##X(FIRST_F, FIRST_S, X) sizeof(struct packed_##X) };              \
	enum { ALIKE_##X = true WIRE_F_##X(ALIKE_F, ALIKE_S, X) };
#define FIRST_F(X, k, n, m) VAR_##k ? offsetof(struct packed_##X, n) :
#define FIRST_S(X, s, n, m) true ? offsetof(struct packed_##X, n) :
#define IN_RUN(X, n) (offsetof(struct packed_##X, n) < (size_t)RUN_##X)
#define COUNT_F(X, k, n, m) +(IN_RUN(X, n) ? 1 : 0)
#define COUNT_S(X, s, n, m)
#define ALIKE_F(X, k, n, m)                                                                        \
	&&(!IN_RUN(X, n) || offsetof(struct packed_##X, n) == offsetof(struct wire_##X, n))
#define ALIKE_S(X, s, n, m)

#define DESC(X)                                                                                    \
	PACKED(X)                                                                                  \
	static const struct wire_field fields_##X[] = { WIRE_F_##X(FIELD_F, FIELD_S, X) };         \
	static const struct wire_desc desc_##X = {                                                 \
		.name = #X,                                                                        \
		.fields = fields_##X,                                                              \
		.nr = ARRAY_COUNT(fields_##X),                                                     \
		.struct_bytes = sizeof(struct wire_##X),                                           \
		.min_bytes = 0 WIRE_F_##X(MIN_F, MIN_S, X),                                        \
		.fixed_nr = ALIKE_##X ? 0 WIRE_F_##X(COUNT_F, COUNT_S, X) : 0,                     \
		.fixed_bytes = ALIKE_##X ? RUN_##X : 0,                                            \
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

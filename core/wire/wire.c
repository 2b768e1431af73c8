#include "core/wire/wire_int.h"

/*
 * The interpreters walk a table of fields and the structure side by side. Structures nest one
 * level, so each has two functions: one for plain fields, inlined into both its callers, and one
 * that also knows arrays of parts.
 */

/* ---- heads ---------------------------------------------------------------------------------- */

enum {
	H_MAGIC = 0,
	H_VERSION = 4,
	H_OP = 6,
	H_FLAGS = 8,
	H_ZERO = 10,
	H_RC = 12,
	H_CLIENT = 16,
	H_SEQ = 24,
	H_ACKED = 32,
	H_HLC = 40,
	H_MAP_VERSION = 48,
	H_BODY = 52,
	H_INLINE = 56,
	H_HINT = 60,
	H_END = 64,
};
_Static_assert(H_END == WIRE_HEAD_BYTES, "head");

/** Results below this are no error codes. */
#define RC_MIN (-(1 << 20))

void wire_head_encode(const struct wire_head *head, void *dst)
{
	uint8_t *p = dst;

	put_u32(p + H_MAGIC, WIRE_MAGIC);
	put_u16(p + H_VERSION, WIRE_VERSION);
	put_u16(p + H_OP, head->op);
	put_u16(p + H_FLAGS, head->flags);
	put_u16(p + H_ZERO, 0);
	put_u32(p + H_RC, (uint32_t)head->rc);
	put_u64(p + H_CLIENT, head->client);
	put_u64(p + H_SEQ, head->seq);
	put_u64(p + H_ACKED, head->acked);
	put_u64(p + H_HLC, head->hlc);
	put_u32(p + H_MAP_VERSION, head->map_version);
	put_u32(p + H_BODY, head->body_bytes);
	put_u32(p + H_INLINE, head->inline_bytes);
	put_u32(p + H_HINT, head->hint_us);
}

static bool head_is_sane(const struct wire_head *h)
{
	if ((h->flags & ~WIRE_HF_ALL) != 0 || h->client == 0 || h->seq == 0 || h->acked > h->seq)
		return false;
	if ((h->flags & WIRE_HF_BODY) == 0 && h->body_bytes != 0)
		return false;
	if ((h->flags & WIRE_HF_REPLY) == 0)
		return h->rc == 0 && (h->flags & WIRE_HF_BODY) != 0;
	return h->rc <= 0 && h->rc > RC_MIN && (h->rc != 0 || (h->flags & WIRE_HF_BODY) != 0);
}

int wire_head_decode(const void *src, uint64_t seg_bytes, uint64_t msg_bytes,
		     struct wire_head *ret_head)
{
	const uint8_t *p = src;
	struct wire_head h;

	if (seg_bytes < WIRE_HEAD_BYTES || msg_bytes < seg_bytes)
		return -DER_PROTO;
	if (get_u32(p + H_MAGIC) != WIRE_MAGIC || get_u16(p + H_VERSION) != WIRE_VERSION ||
	    get_u16(p + H_ZERO) != 0)
		return -DER_PROTO;
	h = (struct wire_head){
		.op = get_u16(p + H_OP),
		.flags = get_u16(p + H_FLAGS),
		.rc = (int32_t)get_u32(p + H_RC),
		.client = get_u64(p + H_CLIENT),
		.seq = get_u64(p + H_SEQ),
		.acked = get_u64(p + H_ACKED),
		.hlc = get_u64(p + H_HLC),
		.map_version = get_u32(p + H_MAP_VERSION),
		.body_bytes = get_u32(p + H_BODY),
		.inline_bytes = get_u32(p + H_INLINE),
		.hint_us = get_u32(p + H_HINT),
	};
	if (!head_is_sane(&h) || h.body_bytes > WIRE_BODY_MAX ||
	    h.body_bytes > seg_bytes - WIRE_HEAD_BYTES ||
	    (uint64_t)WIRE_HEAD_BYTES + h.body_bytes + h.inline_bytes != msg_bytes)
		return -DER_PROTO;
	*ret_head = h;
	return 0;
}

/* ---- encode --------------------------------------------------------------------------------- */

/** Where encoding stands. */
struct enc {
	uint8_t *p;
	uint8_t *end;
};

static inline bool enc_room(const struct enc *e, uint64_t bytes)
{
	return bytes <= (uint64_t)(e->end - e->p);
}

/** A u32 and then @bytes of @src. */
static inline int enc_counted(struct enc *e, uint32_t count, const void *src, uint64_t bytes)
{
	if (!enc_room(e, 4 + bytes))
		return -DER_OVERFLOW;
	put_u32(e->p, count);
	if (bytes > 0)
		memcpy(e->p + 4, src, bytes);
	e->p += 4 + bytes;
	return 0;
}

static inline int enc_bytes(struct enc *e, const struct wire_field *f, const struct bytes *b)
{
	if (b->len > f->max)
		return -DER_INVAL;
	if (f->kind == WIRE_K_STR && b->len > 0 && memchr(b->ptr, 0, b->len) != NULL)
		return -DER_INVAL;
	return enc_counted(e, b->len, b->ptr, b->len);
}

#define ENC_INT(n)                                                                                 \
	do {                                                                                       \
		if (!enc_room(e, (n)))                                                             \
			rc = -DER_OVERFLOW;                                                        \
		else                                                                               \
			memcpy(e->p, v, (n));                                                      \
		e->p += rc == 0 ? (n) : 0;                                                         \
	} while (0)

static inline int enc_field(struct enc *e, const struct wire_field *f, const void *v)
{
	const struct wire_any_array *a;
	int rc = 0;

	switch (f->kind) {
	case WIRE_K_U8:
		ENC_INT(1);
		break;
	case WIRE_K_U16:
		ENC_INT(2);
		break;
	case WIRE_K_U32:
		ENC_INT(4);
		break;
	case WIRE_K_U64:
		ENC_INT(8);
		break;
	case WIRE_K_UID:
	case WIRE_K_OID:
		ENC_INT(16);
		break;
	case WIRE_K_BYTES:
	case WIRE_K_STR:
		rc = enc_bytes(e, f, v);
		break;
	default:
		a = v;
		if (a->nr > f->max)
			return -DER_INVAL;
		rc = enc_counted(e, a->nr, a->v, (uint64_t)a->nr * elem_bytes(f->kind));
		break;
	}
	return rc;
}

/** The leading scalars, in one piece. */
static inline int enc_fixed(struct enc *e, const struct wire_desc *d, const uint8_t *m)
{
	if (!enc_room(e, d->fixed_bytes))
		return -DER_OVERFLOW;
	memcpy(e->p, m, d->fixed_bytes);
	e->p += d->fixed_bytes;
	return 0;
}

static int enc_part(struct enc *e, const struct wire_desc *d, const uint8_t *m)
{
	const struct wire_field *f = d->fields + d->fixed_nr;
	const struct wire_field *last = d->fields + d->nr;
	int rc;

	rc = enc_fixed(e, d, m);
	if (rc != 0)
		return rc;
	for (; f < last; f++) {
		ASSERT(f->kind != WIRE_K_SUB);
		rc = enc_field(e, f, m + f->off);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int enc_subs(struct enc *e, const struct wire_field *f, const struct wire_any_array *a)
{
	const uint8_t *m = a->v;
	uint32_t i;
	int rc;

	if (a->nr > f->max)
		return -DER_INVAL;
	rc = enc_counted(e, a->nr, NULL, 0);
	for (i = 0; rc == 0 && i < a->nr; i++)
		rc = enc_part(e, f->sub, m + (size_t)i * f->sub->struct_bytes);
	return rc;
}

int wire_encode(const struct wire_desc *d, const void *msg, void *dst, uint32_t cap,
		uint32_t *ret_bytes)
{
	struct enc e = { .p = dst, .end = (uint8_t *)dst + cap };
	const struct wire_field *f = d->fields + d->fixed_nr;
	const struct wire_field *last = d->fields + d->nr;
	const uint8_t *m = msg;
	int rc;

	rc = enc_fixed(&e, d, m);
	if (rc != 0)
		return rc;
	for (; f < last; f++) {
		if (f->kind == WIRE_K_SUB)
			rc = enc_subs(&e, f, (const void *)(m + f->off));
		else
			rc = enc_field(&e, f, m + f->off);
		if (rc != 0)
			return rc;
	}
	*ret_bytes = (uint32_t)(e.p - (uint8_t *)dst);
	return 0;
}

/* ---- size ----------------------------------------------------------------------------------- */

static int size_field(const struct wire_field *f, const void *v, uint64_t *bytes)
{
	const struct wire_any_array *a = v;
	const struct bytes *b = v;

	switch (f->kind) {
	case WIRE_K_BYTES:
	case WIRE_K_STR:
		*bytes += b->len;
		if (b->len > f->max)
			return -DER_INVAL;
		if (f->kind == WIRE_K_STR && b->len > 0 && memchr(b->ptr, 0, b->len) != NULL)
			return -DER_INVAL;
		return 0;
	case WIRE_K_A_U32:
	case WIRE_K_A_U64:
	case WIRE_K_A_OID:
	case WIRE_K_A_RECX:
		*bytes += (uint64_t)a->nr * elem_bytes(f->kind);
		return a->nr > f->max ? -DER_INVAL : 0;
	default:
		return 0;	/* in min_bytes */
	}
}

static int size_part(const struct wire_desc *d, const uint8_t *m, uint64_t *bytes)
{
	const struct wire_field *f;
	int rc = 0;

	*bytes += d->min_bytes;
	for (f = d->fields; rc == 0 && f < d->fields + d->nr; f++)
		rc = size_field(f, m + f->off, bytes);
	return rc;
}

static int size_subs(const struct wire_field *f, const struct wire_any_array *a, uint64_t *bytes)
{
	const uint8_t *m = a->v;
	uint32_t i;
	int rc = 0;

	if (a->nr > f->max)
		return -DER_INVAL;
	for (i = 0; rc == 0 && i < a->nr; i++)
		rc = size_part(f->sub, m + (size_t)i * f->sub->struct_bytes, bytes);
	return rc;
}

int wire_size(const struct wire_desc *d, const void *msg, uint32_t *ret_bytes)
{
	const struct wire_field *f;
	const uint8_t *m = msg;
	uint64_t bytes = d->min_bytes;
	int rc = 0;

	for (f = d->fields; rc == 0 && f < d->fields + d->nr; f++) {
		if (f->kind == WIRE_K_SUB)
			rc = size_subs(f, (const void *)(m + f->off), &bytes);
		else
			rc = size_field(f, m + f->off, &bytes);
	}
	if (rc != 0)
		return rc;
	if (bytes > WIRE_BODY_MAX)
		return -DER_OVERFLOW;
	*ret_bytes = (uint32_t)bytes;
	return 0;
}

/* ---- decode --------------------------------------------------------------------------------- */

struct dec {
	const uint8_t *p;
	const uint8_t *end;
	struct wire_arena *arena;
};

static inline bool dec_has(const struct dec *s, uint64_t bytes)
{
	return bytes <= (uint64_t)(s->end - s->p);
}

static void *arena_take(struct wire_arena *a, uint64_t bytes)
{
	void *p;

	bytes = align_up(bytes, 8);
	if (bytes > a->bytes - a->used)
		return NULL;
	p = (uint8_t *)a->mem + a->used;
	a->used += bytes;
	return p;
}

static inline int dec_bytes(struct dec *s, const struct wire_field *f, struct bytes *b)
{
	uint32_t len;

	if (!dec_has(s, 4))
		return -DER_PROTO;
	len = get_u32(s->p);
	s->p += 4;
	if (len > f->max || !dec_has(s, len))
		return -DER_PROTO;
	if (f->kind == WIRE_K_STR && len > 0 && memchr(s->p, 0, len) != NULL)
		return -DER_PROTO;
	b->ptr = s->p;
	b->len = len;
	s->p += len;
	return 0;
}

/** Count of an array whose elements take at least @min_bytes each, and room for it. */
static inline int dec_array(struct dec *s, const struct wire_field *f, uint32_t min_bytes,
			    uint32_t struct_bytes, struct wire_any_array *a)
{
	uint32_t nr;

	if (!dec_has(s, 4))
		return -DER_PROTO;
	nr = get_u32(s->p);
	s->p += 4;
	a->nr = nr;
	a->v = NULL;
	if (nr == 0)
		return 0;
	if (nr > f->max || !dec_has(s, (uint64_t)nr * min_bytes))
		return -DER_PROTO;
	a->v = arena_take(s->arena, (uint64_t)nr * struct_bytes);
	return a->v == NULL ? -DER_NOMEM : 0;
}

#define DEC_INT(n)                                                                                 \
	do {                                                                                       \
		if (!dec_has(s, (n)))                                                              \
			return -DER_PROTO;                                                         \
		memcpy(v, s->p, (n));                                                              \
		s->p += (n);                                                                       \
	} while (0)

static inline int dec_field(struct dec *s, const struct wire_field *f, void *v)
{
	struct wire_any_array *a;
	uint32_t each;
	int rc;

	switch (f->kind) {
	case WIRE_K_U8:
		DEC_INT(1);
		return 0;
	case WIRE_K_U16:
		DEC_INT(2);
		return 0;
	case WIRE_K_U32:
		DEC_INT(4);
		return 0;
	case WIRE_K_U64:
		DEC_INT(8);
		return 0;
	case WIRE_K_UID:
	case WIRE_K_OID:
		DEC_INT(16);
		return 0;
	case WIRE_K_BYTES:
	case WIRE_K_STR:
		return dec_bytes(s, f, v);
	default:
		a = v;
		each = elem_bytes(f->kind);
		rc = dec_array(s, f, each, each, a);
		if (rc != 0 || a->nr == 0)
			return rc;
		memcpy((void *)(uintptr_t)a->v, s->p, (size_t)a->nr * each);
		s->p += (size_t)a->nr * each;
		return 0;
	}
}

static inline int dec_fixed(struct dec *s, const struct wire_desc *d, uint8_t *m)
{
	if (!dec_has(s, d->fixed_bytes))
		return -DER_PROTO;
	memcpy(m, s->p, d->fixed_bytes);
	s->p += d->fixed_bytes;
	return 0;
}

static int dec_part(struct dec *s, const struct wire_desc *d, uint8_t *m)
{
	const struct wire_field *f = d->fields + d->fixed_nr;
	const struct wire_field *last = d->fields + d->nr;
	int rc;

	rc = dec_fixed(s, d, m);
	if (rc != 0)
		return rc;
	for (; f < last; f++) {
		rc = dec_field(s, f, m + f->off);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int dec_subs(struct dec *s, const struct wire_field *f, struct wire_any_array *a)
{
	uint8_t *m;
	uint32_t i;
	int rc;

	rc = dec_array(s, f, f->sub->min_bytes, f->sub->struct_bytes, a);
	m = (uint8_t *)(uintptr_t)a->v;
	for (i = 0; rc == 0 && i < a->nr; i++)
		rc = dec_part(s, f->sub, m + (size_t)i * f->sub->struct_bytes);
	return rc;
}

int wire_decode(const struct wire_desc *d, const void *src, uint32_t bytes,
		struct wire_arena *arena, void *ret_msg)
{
	struct dec s = { .p = src, .end = (const uint8_t *)src + bytes, .arena = arena };
	const struct wire_field *f = d->fields + d->fixed_nr;
	const struct wire_field *last = d->fields + d->nr;
	size_t used = arena->used;
	uint8_t *m = ret_msg;
	int rc;

	ASSERT(((uintptr_t)arena->mem & 7) == 0 && (used & 7) == 0 && used <= arena->bytes);
	rc = dec_fixed(&s, d, m);
	for (; f < last && rc == 0; f++) {
		if (f->kind == WIRE_K_SUB)
			rc = dec_subs(&s, f, (void *)(m + f->off));
		else
			rc = dec_field(&s, f, m + f->off);
	}
	if (rc == 0 && s.p != s.end)
		rc = -DER_PROTO;
	if (rc != 0)
		arena->used = used;
	return rc;
}

size_t wire_arena_bound(const struct wire_desc *d, uint32_t bytes)
{
	const struct wire_field *f;
	/*
	 * Elements of plain arrays are copied one to one; odd counts of u32 are rounded up by 4,
	 * which the array's own count pays for.
	 */
	uint64_t bound = align_up(bytes, 8);

	for (f = d->fields; f < d->fields + d->nr; f++) {
		if (f->kind != WIRE_K_SUB)
			continue;
		bound += min_u64(bytes / f->sub->min_bytes, f->max) * f->sub->struct_bytes;
	}
	return align_up(bound, 8);
}

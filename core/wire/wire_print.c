#include "core/wire/wire_int.h"

/** Most bytes of a value, and most elements of an array, that are printed. */
#define SHOW_BYTES 48u
#define SHOW_ELEMS 16u
/** Kept free for the mark of a cut text. */
#define CUT_MARK "..."

struct out {
	char *dst;
	size_t cap;	/**< without the cut mark and the NUL */
	size_t len;
	bool cut;
};

static void put_char(struct out *o, char c)
{
	if (o->len < o->cap)
		o->dst[o->len++] = c;
	else
		o->cut = true;
}

static void put_text(struct out *o, const char *s)
{
	while (*s != '\0')
		put_char(o, *s++);
}

static void put_dec(struct out *o, uint64_t v)
{
	char digits[20];
	unsigned int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	while (n > 0)
		put_char(o, digits[--n]);
}

static void put_hex(struct out *o, uint64_t v, unsigned int digits)
{
	while (digits > 0)
		put_char(o, "0123456789abcdef"[(v >> (4 * --digits)) & 15]);
}

static void put_uid(struct out *o, const struct uid *u)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			put_char(o, '-');
		put_hex(o, u->b[i], 2);
	}
}

static void put_oid(struct out *o, const struct oid *oid)
{
	put_hex(o, oid->hi, 16);
	put_char(o, '.');
	put_hex(o, oid->lo, 16);
}

/** As "text", with \xNN for what is no printable character. */
static void put_bytes(struct out *o, const struct bytes *b)
{
	const uint8_t *p = b->ptr;
	uint32_t i;

	put_char(o, '"');
	for (i = 0; i < b->len && i < SHOW_BYTES; i++) {
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
			put_char(o, (char)p[i]);
		} else {
			put_text(o, "\\x");
			put_hex(o, p[i], 2);
		}
	}
	put_char(o, '"');
	if (b->len > SHOW_BYTES) {
		put_text(o, CUT_MARK "+");
		put_dec(o, b->len - SHOW_BYTES);
	}
}

static void put_elem(struct out *o, uint8_t kind, const uint8_t *p)
{
	struct oid oid;

	switch (kind) {
	case WIRE_K_A_U32:
		put_dec(o, get_u32(p));
		break;
	case WIRE_K_A_U64:
		put_dec(o, get_u64(p));
		break;
	case WIRE_K_A_OID:
		memcpy(&oid, p, sizeof(oid));
		put_oid(o, &oid);
		break;
	default:
		put_dec(o, get_u64(p));
		put_char(o, '+');
		put_dec(o, get_u64(p + 8));
		break;
	}
}

static void put_array(struct out *o, uint8_t kind, const struct wire_any_array *a)
{
	const uint8_t *p = a->v;
	uint32_t i;

	put_char(o, '[');
	for (i = 0; i < a->nr && i < SHOW_ELEMS; i++) {
		if (i > 0)
			put_char(o, ',');
		put_elem(o, kind, p + (size_t)i * elem_bytes(kind));
	}
	put_char(o, ']');
	if (a->nr > SHOW_ELEMS) {
		put_text(o, CUT_MARK "+");
		put_dec(o, a->nr - SHOW_ELEMS);
	}
}

static void put_field(struct out *o, const struct wire_field *f, const void *v)
{
	put_text(o, f->name);
	put_char(o, '=');
	switch (f->kind) {
	case WIRE_K_U8:
		put_dec(o, *(const uint8_t *)v);
		break;
	case WIRE_K_U16:
		put_dec(o, get_u16(v));
		break;
	case WIRE_K_U32:
		put_dec(o, get_u32(v));
		break;
	case WIRE_K_U64:
		put_dec(o, get_u64(v));
		break;
	case WIRE_K_UID:
		put_uid(o, v);
		break;
	case WIRE_K_OID:
		put_oid(o, v);
		break;
	case WIRE_K_BYTES:
	case WIRE_K_STR:
		put_bytes(o, v);
		break;
	default:
		put_array(o, f->kind, v);
		break;
	}
}

static void put_part(struct out *o, const struct wire_desc *d, const uint8_t *m)
{
	uint32_t i;

	for (i = 0; i < d->nr; i++) {
		if (i > 0)
			put_char(o, ' ');
		put_field(o, &d->fields[i], m + d->fields[i].off);
	}
}

static void put_subs(struct out *o, const struct wire_field *f, const struct wire_any_array *a)
{
	const uint8_t *m = a->v;
	uint32_t i;

	put_text(o, f->name);
	put_text(o, "=[");
	for (i = 0; i < a->nr && i < SHOW_ELEMS; i++) {
		put_char(o, '{');
		put_part(o, f->sub, m + (size_t)i * f->sub->struct_bytes);
		put_char(o, '}');
	}
	put_char(o, ']');
	if (a->nr > SHOW_ELEMS) {
		put_text(o, CUT_MARK "+");
		put_dec(o, a->nr - SHOW_ELEMS);
	}
}

static struct out out_start(char *dst, size_t cap)
{
	size_t keep = sizeof(CUT_MARK);	/* with its NUL */

	ASSERT(cap > 0);
	return (struct out){ .dst = dst, .cap = cap > keep ? cap - keep : 0 };
}

static size_t out_end(struct out *o, size_t cap)
{
	size_t n;

	if (o->cut) {
		n = min_u64(sizeof(CUT_MARK) - 1, cap - 1 - o->len);
		memcpy(o->dst + o->len, CUT_MARK, n);
		o->len += n;
	}
	o->dst[o->len] = '\0';
	return o->len;
}

size_t wire_print(const struct wire_desc *d, const void *msg, char *dst, size_t cap)
{
	struct out o = out_start(dst, cap);
	const uint8_t *m = msg;
	uint32_t i;

	for (i = 0; i < d->nr; i++) {
		const struct wire_field *f = &d->fields[i];

		if (i > 0)
			put_char(&o, ' ');
		if (f->kind == WIRE_K_SUB)
			put_subs(&o, f, (const void *)(m + f->off));
		else
			put_field(&o, f, m + f->off);
	}
	return out_end(&o, cap);
}

static void put_named(struct out *o, const char *name, uint64_t v)
{
	put_text(o, name);
	put_dec(o, v);
}

size_t wire_head_print(const struct wire_head *head, char *dst, size_t cap)
{
	const struct wire_op_desc *op = wire_op(head->op);
	struct out o = out_start(dst, cap);

	put_text(&o, "op=");
	if (op != NULL)
		put_text(&o, op->name);
	else
		put_dec(&o, head->op);
	put_text(&o, (head->flags & WIRE_HF_REPLY) != 0 ? " reply" : " request");
	if ((head->flags & WIRE_HF_RESENT) != 0)
		put_text(&o, " resent");
	if ((head->flags & WIRE_HF_REPLY) != 0) {
		put_text(&o, " rc=");
		put_text(&o, err_name(head->rc));
	}
	put_text(&o, " client=");
	put_hex(&o, head->client, 16);
	put_named(&o, " seq=", head->seq);
	put_named(&o, " acked=", head->acked);
	put_named(&o, " hlc=", head->hlc);
	put_named(&o, " map_version=", head->map_version);
	put_named(&o, " body_bytes=", head->body_bytes);
	put_named(&o, " inline_bytes=", head->inline_bytes);
	put_named(&o, " hint_us=", head->hint_us);
	return out_end(&o, cap);
}

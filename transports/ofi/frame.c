/* Packets and frames: layout, encoding, checking. See frame.h. */
#include "transports/ofi/frame.h"

#include <endian.h>

#define PKT_MAGIC 0x4647u
#define PKT_VERSION 1u

struct pkt_head {
	uint16_t magic;
	uint8_t version;
	uint8_t addr_bytes;
	uint32_t bytes;		/* of the packet */
	uint64_t src_id;
	uint64_t dst_id;
	uint64_t reserved;
};

struct frame_head {
	uint32_t bytes;		/* header, descriptors and message, without padding */
	uint8_t kind;
	uint8_t access;
	uint16_t seg_count;
	uint64_t call_id;
	uint64_t expose_bytes;
	uint32_t msg_bytes;
	uint32_t reserved;
};

static_assert(sizeof(struct pkt_head) == OFI_PKT_HEAD, "wire size");
static_assert(sizeof(struct frame_head) == OFI_FRAME_HEAD, "wire size");
static_assert(sizeof(struct ofi_seg) == OFI_SEG_BYTES, "wire size");
static_assert(OFI_ADDR_MAX % 8 == 0 && OFI_ADDR_MAX < 256, "fits its byte");

size_t ofi_frame_bytes(uint32_t seg_count, uint64_t msg_bytes)
{
	return align_up(OFI_FRAME_HEAD + (uint64_t)seg_count * OFI_SEG_BYTES + msg_bytes, 8);
}

size_t ofi_pkt_begin(void *ptr, uint64_t src_id, uint64_t dst_id, const void *addr,
		     uint32_t addr_bytes)
{
	struct pkt_head h = {
		.magic = htole16(PKT_MAGIC),
		.version = PKT_VERSION,
		.addr_bytes = (uint8_t)addr_bytes,
		.src_id = htole64(src_id),
		.dst_id = htole64(dst_id),
	};
	size_t padded = align_up(addr_bytes, 8);
	uint8_t *p = ptr;

	ASSERT(addr_bytes > 0 && addr_bytes <= OFI_ADDR_MAX && src_id != 0);
	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), addr, addr_bytes);
	memset(p + sizeof(h) + addr_bytes, 0, padded - addr_bytes);
	return sizeof(h) + padded;
}

void ofi_pkt_end(void *ptr, size_t bytes)
{
	uint32_t le = htole32((uint32_t)bytes);

	ASSERT(bytes <= UINT32_MAX && bytes % 8 == 0);
	memcpy((uint8_t *)ptr + offsetof(struct pkt_head, bytes), &le, sizeof(le));
}

void *ofi_frame_put(void *ptr, const struct ofi_frame *f, const struct ofi_seg *segs)
{
	size_t head = OFI_FRAME_HEAD + f->seg_count * OFI_SEG_BYTES;
	struct frame_head h = {
		.bytes = htole32((uint32_t)(head + f->msg_bytes)),
		.kind = (uint8_t)f->kind,
		.access = (uint8_t)f->access,
		.seg_count = htole16((uint16_t)f->seg_count),
		.call_id = htole64(f->call_id),
		.expose_bytes = htole64(f->expose_bytes),
		.msg_bytes = htole32(f->msg_bytes),
	};
	uint8_t *p = ptr;
	uint32_t i;

	ASSERT(f->seg_count <= RT_EXPOSE_MAX_SEGS && f->msg_bytes <= RT_MSG_MAX_BYTES);
	memcpy(p, &h, sizeof(h));
	for (i = 0; i < f->seg_count; i++) {
		struct ofi_seg le = {
			.addr = htole64(segs[i].addr),
			.bytes = htole64(segs[i].bytes),
			.key = htole64(segs[i].key),
		};

		memcpy(p + OFI_FRAME_HEAD + i * OFI_SEG_BYTES, &le, sizeof(le));
	}
	p += head;
	memset(p + f->msg_bytes, 0,
	       ofi_frame_bytes(f->seg_count, f->msg_bytes) - head - f->msg_bytes);
	return p;
}

int ofi_pkt_decode(const void *ptr, size_t bytes, struct ofi_pkt *ret_pkt)
{
	const uint8_t *p = ptr;
	struct pkt_head h;
	size_t head;

	if (bytes < sizeof(h) || bytes % 8 != 0)
		return -DER_PROTO;
	memcpy(&h, p, sizeof(h));
	if (le16toh(h.magic) != PKT_MAGIC || h.version != PKT_VERSION || h.reserved != 0 ||
	    le32toh(h.bytes) != bytes || h.src_id == 0)
		return -DER_PROTO;
	head = sizeof(h) + align_up(h.addr_bytes, 8);
	if (h.addr_bytes == 0 || h.addr_bytes > OFI_ADDR_MAX || head > bytes)
		return -DER_PROTO;
	*ret_pkt = (struct ofi_pkt){
		.src_id = le64toh(h.src_id),
		.dst_id = le64toh(h.dst_id),
		.addr_bytes = h.addr_bytes,
		.addr = p + sizeof(h),
		.next = p + head,
		.end = p + bytes,
	};
	return 0;
}

struct ofi_seg ofi_seg_at(const struct ofi_frame *f, uint32_t idx)
{
	struct ofi_seg s;

	ASSERT(idx < f->seg_count);
	memcpy(&s, f->segs + idx * OFI_SEG_BYTES, sizeof(s));
	s.addr = le64toh(s.addr);
	s.bytes = le64toh(s.bytes);
	s.key = le64toh(s.key);
	return s;
}

/* The descriptors add up to what the request claims, without wrapping. */
static bool segs_ok(const struct ofi_frame *f)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < f->seg_count; i++) {
		struct ofi_seg s = ofi_seg_at(f, i);

		if (s.bytes == 0 || s.addr + s.bytes < s.addr ||
		    __builtin_add_overflow(sum, s.bytes, &sum))
			return false;
	}
	return sum == f->expose_bytes;
}

static bool part_ok(const struct ofi_frame *f)
{
	uint32_t whole = (uint32_t)(f->call_id >> 32);
	uint32_t off = (uint32_t)f->call_id;

	return f->msg_bytes > 0 && whole <= align_up(OFI_FRAME_MAX, 8) && off < whole &&
	       f->msg_bytes <= whole - off;
}

/* Neither exposes memory nor carries a message, except for @msg_bytes of its own. */
static bool plain_ok(const struct ofi_frame *f, uint32_t msg_bytes)
{
	return f->seg_count == 0 && f->access == 0 && f->expose_bytes == 0 &&
	       f->msg_bytes == msg_bytes;
}

static bool frame_ok(const struct ofi_frame *f)
{
	if (f->msg_bytes > RT_MSG_MAX_BYTES || f->seg_count > RT_EXPOSE_MAX_SEGS)
		return false;
	switch (f->kind) {
	case OFI_REQUEST:
		if ((f->access & ~(uint32_t)(RT_ACCESS_READ | RT_ACCESS_WRITE)) != 0 ||
		    (f->seg_count != 0) != (f->access != 0))
			return false;
		return segs_ok(f);
	case OFI_REPLY:
		return plain_ok(f, f->msg_bytes);
	case OFI_PING:
	case OFI_PONG:
	case OFI_REVOKE:
	case OFI_REVOKED:
		return plain_ok(f, 0);
	case OFI_COPY:
		return plain_ok(f, OFI_COPY_BYTES);
	case OFI_COPIED:
		return plain_ok(f, OFI_COPIED_BYTES);
	case OFI_PART:
		return plain_ok(f, f->msg_bytes) && part_ok(f);
	case OFI_KIND_COUNT:
		break;
	}
	return false;
}

int ofi_frame_next(struct ofi_pkt *p, struct ofi_frame *ret_frame)
{
	size_t left = (size_t)(p->end - p->next);
	const uint8_t *at = p->next;
	struct frame_head h;
	struct ofi_frame f;
	uint64_t want;

	p->bad_reply = 0;
	if (left == 0)
		return 0;
	p->next = p->end;	/* whatever is wrong, nothing behind it can be trusted */
	if (left < sizeof(h))
		return -DER_PROTO;
	memcpy(&h, at, sizeof(h));
	f = (struct ofi_frame){
		.kind = (enum ofi_kind)h.kind,
		.access = h.access,
		.call_id = le64toh(h.call_id),
		.expose_bytes = le64toh(h.expose_bytes),
		.seg_count = le16toh(h.seg_count),
		.msg_bytes = le32toh(h.msg_bytes),
	};
	want = (uint64_t)OFI_FRAME_HEAD + (uint64_t)f.seg_count * OFI_SEG_BYTES + f.msg_bytes;
	if (le32toh(h.bytes) != want || h.reserved != 0 || align_up(want, 8) > left)
		goto bad;
	f.segs = at + OFI_FRAME_HEAD;
	f.msg = f.segs + (size_t)f.seg_count * OFI_SEG_BYTES;
	if (!frame_ok(&f))
		goto bad;
	p->next = at + align_up(want, 8);
	*ret_frame = f;
	return 1;
bad:
	if (f.kind == OFI_REPLY)
		p->bad_reply = f.call_id;
	return -DER_PROTO;
}

int ofi_frame_decode(const void *ptr, size_t bytes, struct ofi_frame *ret_frame)
{
	struct ofi_pkt p = { .next = ptr, .end = (const uint8_t *)ptr + bytes };

	if (ofi_frame_next(&p, ret_frame) != 1 || p.next != p.end)
		return -DER_PROTO;
	return 0;
}

void ofi_copy_encode(const struct ofi_copy *c, void *ptr)
{
	const uint64_t words[] = {
		htole64(c->cookie), htole64(c->remote_off), htole64(c->bytes),
		htole64(c->addr),   htole64(c->op),
	};

	static_assert(sizeof(words) == OFI_COPY_BYTES, "wire size");
	memcpy(ptr, words, sizeof(words));
}

struct ofi_copy ofi_copy_decode(const struct ofi_frame *f)
{
	uint64_t w[OFI_COPY_BYTES / 8];

	ASSERT(f->kind == OFI_COPY && f->msg_bytes == sizeof(w));
	memcpy(w, f->msg, sizeof(w));
	return (struct ofi_copy){
		.cookie = le64toh(w[0]),
		.remote_off = le64toh(w[1]),
		.bytes = le64toh(w[2]),
		.addr = le64toh(w[3]),
		.op = le64toh(w[4]),
	};
}

void ofi_copied_encode(int rc, void *ptr)
{
	uint64_t word = htole64((uint64_t)(int64_t)rc);

	static_assert(sizeof(word) == OFI_COPIED_BYTES, "wire size");
	memcpy(ptr, &word, sizeof(word));
}

int ofi_copied_decode(const struct ofi_frame *f)
{
	uint64_t word;
	int64_t rc;

	ASSERT(f->kind == OFI_COPIED && f->msg_bytes == sizeof(word));
	memcpy(&word, f->msg, sizeof(word));
	rc = (int64_t)le64toh(word);
	/* A peer may say anything; what it may mean is success or one of our errors. */
	return rc == 0 ? 0 : rc < 0 && rc > -10000 ? (int)rc : -DER_PROTO;
}

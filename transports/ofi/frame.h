/**
 * What ofi puts on the wire. Pure: bytes in, values out, nothing kept.
 *
 * A packet is one message of the fabric: a header that names the sender's incarnation, the receiver's
 * as far as the sender knows it, and the sender's raw fabric address; then frames, each padded to 8.
 * Integers are little-endian. A frame is a header, the descriptors of exposed memory, the message.
 *
 * Decoding trusts nothing: every length is checked against what was received, reserved fields must
 * be zero, and nothing is allocated.
 */
#ifndef GEMEL_TRANSPORTS_OFI_FRAME_H
#define GEMEL_TRANSPORTS_OFI_FRAME_H

#include "core/rt/rt.h"

#define OFI_ADDR_MAX 96u	/**< longest raw fabric address */
#define OFI_PKT_HEAD 32u	/**< bytes of a packet's header without its address */
#define OFI_FRAME_HEAD 32u
#define OFI_SEG_BYTES 24u
#define OFI_FRAME_MAX (OFI_FRAME_HEAD + RT_EXPOSE_MAX_SEGS * OFI_SEG_BYTES + RT_MSG_MAX_BYTES)
#define OFI_PKT_MAX (OFI_PKT_HEAD + OFI_ADDR_MAX + OFI_FRAME_MAX)

enum ofi_kind {
	OFI_REQUEST = 1,
	OFI_REPLY,
	OFI_PING,	/**< are you there, and who are you */
	OFI_PONG,
	OFI_REVOKE,	/**< stop reaching into the memory of this call, and say when you did */
	OFI_REVOKED,
	OFI_COPY,	/**< shm: owner of exposed memory, copy this to or from my memory */
	OFI_COPIED,	/**< shm: done, or why not */
	OFI_PART,	/**< shm: a piece of a frame that is longer than a packet there */
	OFI_KIND_COUNT
};

/** One piece of exposed memory, in the words of the fabric. */
struct ofi_seg {
	uint64_t addr;	/**< virtual address, or 0 where the provider counts from the start */
	uint64_t bytes;
	uint64_t key;
};

struct ofi_frame {
	enum ofi_kind kind;
	uint32_t access;	/**< requests: enum rt_access, 0 when nothing is exposed */
	uint64_t call_id;
	uint64_t expose_bytes;	/**< sum of the segments */
	uint32_t seg_count;
	uint32_t msg_bytes;
	const uint8_t *segs;	/**< seg_count descriptors, see ofi_seg_at() */
	const uint8_t *msg;
};

/** What OFI_COPY carries, in host order. */
struct ofi_copy {
	uint64_t cookie;
	uint64_t remote_off;	/**< offset into the exposed buffer */
	uint64_t bytes;
	uint64_t addr;		/**< in the memory of the process that asks */
	uint64_t op;		/**< enum rt_bulk_op, as the asker sees it */
};

#define OFI_COPY_BYTES 40u
#define OFI_COPIED_BYTES 8u

struct ofi_pkt {
	uint64_t src_id;	/**< incarnation of the sender, never 0 */
	uint64_t dst_id;	/**< of the receiver, 0 when the sender does not know it */
	uint32_t addr_bytes;
	const uint8_t *addr;
	const uint8_t *next;	/**< cursor of ofi_frame_next() */
	const uint8_t *end;
	/** When ofi_frame_next() refused a reply whose call can be told: that call, else 0. */
	uint64_t bad_reply;
};

/** Read the header of @bytes received. Errors: -DER_PROTO. */
int ofi_pkt_decode(const void *ptr, size_t bytes, struct ofi_pkt *ret_pkt);

/** 1: the next frame, whose pointers point into the packet; 0: no more; -DER_PROTO: the rest of the
 * packet is unusable. */
int ofi_frame_next(struct ofi_pkt *p, struct ofi_frame *ret_frame);

/** The frame at @ptr, which must fill @bytes. 0 or -DER_PROTO. */
int ofi_frame_decode(const void *ptr, size_t bytes, struct ofi_frame *ret_frame);

void ofi_copy_encode(const struct ofi_copy *c, void *ptr);
/** @f is an OFI_COPY. */
struct ofi_copy ofi_copy_decode(const struct ofi_frame *f);
void ofi_copied_encode(int rc, void *ptr);
/** @f is an OFI_COPIED. */
int ofi_copied_decode(const struct ofi_frame *f);

/** The call_id of an OFI_PART: bytes of the whole frame, and where this piece belongs. */
static inline uint64_t ofi_part_id(uint32_t whole, uint32_t off)
{
	return (uint64_t)whole << 32 | off;
}

/** Descriptor @idx < seg_count. */
struct ofi_seg ofi_seg_at(const struct ofi_frame *f, uint32_t idx);

/** Bytes of a frame with so many segments and message bytes, padding included. */
size_t ofi_frame_bytes(uint32_t seg_count, uint64_t msg_bytes);

/** Write a packet's header at @ptr; returns its bytes. */
size_t ofi_pkt_begin(void *ptr, uint64_t src_id, uint64_t dst_id, const void *addr,
		     uint32_t addr_bytes);

/** Fill in the length once all frames are there: @bytes is that of the whole packet. */
void ofi_pkt_end(void *ptr, size_t bytes);

/**
 * Write a frame's header and descriptors at @ptr, where ofi_frame_bytes() have room. Returns where
 * its f->msg_bytes go; f->msg and f->segs are not looked at. The padding is zeroed.
 */
void *ofi_frame_put(void *ptr, const struct ofi_frame *f, const struct ofi_seg *segs);

#endif

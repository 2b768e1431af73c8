/**
 * wire: the messages between streams, as bytes. Pure: no rt, no allocation.
 *
 * A message is [head, 64 bytes][body][inline payload]. Head and body are bytes in one segment,
 * written and read here; the payload follows as further content of the network message (it may be
 * phantom) and is only counted here. Bodies are defined once, as lists of fields, in wire_msgs.h;
 * from a list come the structure, and a constant table that one interpreter walks to encode,
 * decode, size and print.
 *
 * On the wire: little-endian, fields in the order of the list, no padding; bytes and strings are a
 * u32 length and that many bytes; arrays a u32 count and the elements.
 *
 * Decoding trusts nothing. A body is accepted only if it is exactly one encoding of its message:
 * lengths within the limits of the list and within the body, no NUL in strings, no byte left over;
 * so an accepted body encodes again to the same bytes. Anything else is -DER_PROTO. Decoded bytes
 * point into the message; arrays are copied to the caller's arena, which never needs more than
 * wire_arena_bound().
 *
 * Compatibility: no tags and no optional fields. A change of any list is a new WIRE_VERSION, and a
 * message of another version is -DER_PROTO: a system is upgraded as a whole, and the fuzzer has one
 * format to break. When rolling upgrades come, the tables of the previous version are kept beside
 * the new ones. Unknown flags in a head are -DER_PROTO, so that they can be given a meaning later.
 */
#ifndef GEMEL_WIRE_WIRE_H
#define GEMEL_WIRE_WIRE_H

#include "core/base/base.h"
#include "core/wire/wire_msgs.h"

#define WIRE_MAGIC	0x4c4d4547u	/* "GEML" */
#define WIRE_VERSION	1u
#define WIRE_HEAD_BYTES	64u
/** Most bytes of a body; head, body and inline payload together fit RT_MSG_MAX_BYTES. */
#define WIRE_BODY_MAX	(16384u - WIRE_HEAD_BYTES)

/** Flags of a head. */
enum wire_head_flags {
	WIRE_HF_REPLY = 1,
	WIRE_HF_RESENT = 2,	/**< request: the same operation may have been sent before */
	WIRE_HF_BODY = 4,	/**< a body is there (a reply that failed may have none) */
	WIRE_HF_ALL = 7,
};

/** The head of every message. */
struct wire_head {
	uint16_t op;		/**< enum wire_op */
	uint16_t flags;		/**< enum wire_head_flags */
	int32_t rc;		/**< replies: 0 or -DER_*; requests: 0 */
	uint64_t client;	/**< identity of the calling stream; random, never 0 */
	uint64_t seq;		/**< of the operation, per client and server; a resend keeps it */
	uint64_t acked;		/**< the client has its answers to all seq below this */
	uint64_t hlc;		/**< sender's hybrid clock, 0: it has none */
	uint32_t map_version;	/**< of the pool concerned, as known to the sender; 0: unknown */
	uint32_t body_bytes;
	uint32_t inline_bytes;
	uint32_t hint_us;	/**< requests: time left, 0: no deadline; replies: when to retry */
};

/** Where the payload of a reply went. */
enum wire_placed {
	WIRE_PLACED_NONE = 0,
	WIRE_PLACED_INLINE,
	WIRE_PLACED_BULK,	/**< put into the memory that the request exposed */
};

/** Level that an enumeration or a punch works on. */
enum wire_what {
	WIRE_WHAT_OBJ = 1,
	WIRE_WHAT_DKEY,
	WIRE_WHAT_AKEY,
	WIRE_WHAT_RECX,
};

enum wire_iod_flags {
	WIRE_IOD_FULL = 1,	/**< every record asked for is present; the list is left empty */
};

enum wire_enum_flags {
	WIRE_ENUM_REVERSE = 1,	/**< recxs from the highest index down */
};

/* ---- structures, made of the lists ---------------------------------------------------------- */

#define WIRE_T_U8	uint8_t
#define WIRE_T_U16	uint16_t
#define WIRE_T_U32	uint32_t
#define WIRE_T_U64	uint64_t
#define WIRE_T_UID	struct uid
#define WIRE_T_OID	struct oid
#define WIRE_T_BYTES	struct bytes
#define WIRE_T_STR	struct bytes
#define WIRE_ARRAY(type)                                                                           \
	struct {                                                                                   \
		const type *v;                                                                     \
		uint32_t nr;                                                                       \
	}
#define WIRE_T_A_U32	WIRE_ARRAY(uint32_t)
#define WIRE_T_A_U64	WIRE_ARRAY(uint64_t)
#define WIRE_T_A_OID	WIRE_ARRAY(struct oid)
#define WIRE_T_A_RECX	WIRE_ARRAY(struct recx)

#define WIRE_MEMBER_F(X, kind, name, max) WIRE_T_##kind name;
#define WIRE_MEMBER_S(X, sub, name, max) WIRE_ARRAY(struct wire_##sub) name;
#define WIRE_STRUCT(name)                                                                          \
	struct wire_##name {                                                                       \
		WIRE_F_##name(WIRE_MEMBER_F, WIRE_MEMBER_S, 0)                                     \
	};
#define WIRE_STRUCTS(num, NAME, name, flags) WIRE_STRUCT(name##_req) WIRE_STRUCT(name##_rep)

WIRE_SUBS(WIRE_STRUCT)
WIRE_OPS(WIRE_STRUCTS)

/** Memory for the request, or the reply, of any operation. */
#define WIRE_ANY_REQ(num, NAME, name, flags) struct wire_##name##_req name;
#define WIRE_ANY_REP(num, NAME, name, flags) struct wire_##name##_rep name;
union wire_any_req {
	WIRE_OPS(WIRE_ANY_REQ)
};
union wire_any_rep {
	WIRE_OPS(WIRE_ANY_REP)
};

#define WIRE_ENUM(num, NAME, name, flags) WIRE_##NAME = (num),
enum wire_op {
	WIRE_OPS(WIRE_ENUM)
	WIRE_OP_MAX = 127	/**< numbers are at most this */
};

enum wire_op_flags {
	WIRE_MUTATES = 1,
};

/* ---- tables --------------------------------------------------------------------------------- */

enum wire_kind {
	WIRE_K_U8 = 1,
	WIRE_K_U16,
	WIRE_K_U32,
	WIRE_K_U64,
	WIRE_K_UID,
	WIRE_K_OID,
	WIRE_K_BYTES,
	WIRE_K_STR,
	WIRE_K_A_U32,
	WIRE_K_A_U64,
	WIRE_K_A_OID,
	WIRE_K_A_RECX,
	WIRE_K_SUB,
};

struct wire_desc;

struct wire_field {
	uint8_t kind;		/**< enum wire_kind */
	uint16_t off;		/**< in the structure */
	uint32_t max;
	const struct wire_desc *sub;
	const char *name;
};

/** One message or part. */
struct wire_desc {
	const char *name;
	const struct wire_field *fields;
	uint16_t nr;
	uint16_t struct_bytes;
	uint16_t min_bytes;	/**< of the shortest encoding; > 0 */
	/** The first fixed_nr fields are scalars that lie here as they do on the wire. */
	uint16_t fixed_nr;
	uint16_t fixed_bytes;	/**< of these */
};

/** One operation. */
struct wire_op_desc {
	const char *name;
	const struct wire_desc *req;
	const struct wire_desc *rep;
	uint32_t flags;		/**< enum wire_op_flags */
};

/** NULL for a number that names no operation. */
const struct wire_op_desc *wire_op(uint16_t op);

/** Memory of decoded arrays: [mem, mem + bytes), aligned to 8. */
struct wire_arena {
	void *mem;
	size_t bytes;
	size_t used;
};

/** Write @head to the WIRE_HEAD_BYTES at @dst. */
void wire_head_encode(const struct wire_head *head, void *dst);

/**
 * Read and check a head: magic, version, flags, client, sizes (that @msg_bytes, the size of the
 * whole message, is exactly head, body and payload, and that the body lies in the @seg_bytes at
 * @src). Whether the operation exists is not checked. Errors: -DER_PROTO.
 */
int wire_head_decode(const void *src, uint64_t seg_bytes, uint64_t msg_bytes,
		     struct wire_head *ret_head);

/**
 * Bytes that encoding @msg needs. Errors: -DER_INVAL (a limit of the list is exceeded, a string
 * with NUL), -DER_OVERFLOW (more than WIRE_BODY_MAX).
 */
int wire_size(const struct wire_desc *d, const void *msg, uint32_t *ret_bytes);

/**
 * Encode @msg, a structure of @d, into the @cap bytes at @dst.
 * Errors: -DER_OVERFLOW (@cap is too small; @dst is then undefined), -DER_INVAL as wire_size().
 */
int wire_encode(const struct wire_desc *d, const void *msg, void *dst, uint32_t cap,
		uint32_t *ret_bytes);

/**
 * Decode the @bytes at @src, all of them, into @ret_msg, a structure of @d. It points into @src and
 * @arena, which must outlive it. On failure @ret_msg is undefined and @arena's used is restored.
 * Errors: -DER_PROTO (not an encoding of @d), -DER_NOMEM (@arena is too small).
 */
int wire_decode(const struct wire_desc *d, const void *src, uint32_t bytes,
		struct wire_arena *arena, void *ret_msg);

/** An arena of this many bytes is enough for any body of @bytes of message @d. */
size_t wire_arena_bound(const struct wire_desc *d, uint32_t bytes);

/**
 * Print @msg into the @cap > 0 bytes at @dst, as "name=value …", always terminated; long values
 * and long messages are cut ("..."). Returns the length written, without the NUL.
 */
size_t wire_print(const struct wire_desc *d, const void *msg, char *dst, size_t cap);

/** As wire_print(), for a head. */
size_t wire_head_print(const struct wire_head *head, char *dst, size_t cap);

/** A struct bytes of a C string. */
static inline struct bytes wire_str(const char *s)
{
	return (struct bytes){ .ptr = s, .len = (uint32_t)strlen(s) };
}

#endif

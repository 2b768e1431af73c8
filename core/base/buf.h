/**
 * Payload: a list of segments, each of real bytes or of phantom content.
 *
 * A phantom segment stands for bytes that nobody stores: positions [start, start + bytes) of an
 * endless stream named by a generator. Slices and concatenations of phantoms are exact, and
 * gen_fill() defines the bytes, so that a run with phantoms and a run with bytes agree. Generator 0
 * is zeros. A sink segment is the phantom world's destination: content copied into it is recorded
 * as runs. Corruption of a phantom run changes its generator, so it never verifies.
 *
 * Only base, csum and ec look inside a segment; the rest of core calls buf_*(). Metadata (message
 * heads, keys) is always bytes.
 *
 * A struct buf does not own its segments nor their memory, unless its maker says so.
 */
#ifndef GEMEL_BASE_BUF_H
#define GEMEL_BASE_BUF_H

#include "core/base/base.h"

enum bseg_kind {
	BSEG_BYTES = 1,	/**< ptr, bytes */
	BSEG_GEN,	/**< gen, start, bytes; gen 0 reads as zeros */
	BSEG_SINK,	/**< sink, start (offset into the sink), bytes */
};

struct bsink;

struct bseg {
	enum bseg_kind kind;
	uint32_t flags;		/**< zero; room for parity runs */
	union {
		void *ptr;
		uint64_t gen;
		struct bsink *sink;
	};
	uint64_t start;
	uint64_t bytes;
};

struct buf {
	struct bseg *segs;
	uint32_t nr;
	uint64_t bytes;		/**< sum of the segments' bytes */
};

#define BUF_EMPTY ((struct buf){ 0 })

/** What a phantom destination of @bytes holds: sorted, gapless runs (gen 0 where nothing came). */
struct bsink {
	uint64_t bytes;
	uint32_t nr;
	uint32_t cap;
	struct bseg *runs;	/**< BSEG_GEN only; cap entries, caller's memory or grown by grow() */
	/** Make room for @cap runs; NULL: the capacity is fixed. Returns 0 or -DER_NOMEM. */
	int (*grow)(struct bsink *sink, uint32_t cap);
	void *grow_arg;
};

/** Initialise @seg and @buf as one segment of real bytes. Owns: nothing. */
struct buf buf_from_bytes(struct bseg *seg, const void *ptr, uint64_t bytes);
struct buf buf_from_gen(struct bseg *seg, uint64_t gen, uint64_t start, uint64_t bytes);
struct buf buf_from_sink(struct bseg *seg, struct bsink *sink, uint64_t off, uint64_t bytes);

/**
 * Slice [off, off + bytes) of @src into @segs of @cap entries.
 * Errors: -DER_INVAL (outside of @src), -DER_TRUNC (more than @cap segments are needed).
 */
int buf_slice(const struct buf *src, uint64_t off, uint64_t bytes, struct bseg *segs, uint32_t cap,
	      struct buf *ret_slice);

/** Segments that a slice needs. */
uint32_t buf_slice_count(const struct buf *src, uint64_t off, uint64_t bytes);

/** Append @src's segments to @dst, which has room for @cap in all. Errors: -DER_TRUNC. */
int buf_append(struct buf *dst, uint32_t cap, const struct buf *src);

/**
 * Copy @bytes of content. Bytes to bytes is memcpy; a phantom into bytes is materialised by
 * gen_fill(); a phantom into a sink is recorded; bytes into a sink are recorded as a run of a
 * generator derived from their hash (all-zero bytes as zeros).
 * Errors: -DER_INVAL (outside), -DER_NOMEM (a sink could not grow).
 */
int buf_copy(const struct buf *dst, uint64_t dst_off, const struct buf *src, uint64_t src_off,
	     uint64_t bytes);

/** Zeros into [off, off + bytes) of @dst. Errors: as buf_copy(). */
int buf_zero(const struct buf *dst, uint64_t off, uint64_t bytes);

/** Contiguous bytes at [off, off + bytes), or NULL when not one byte segment. */
void *buf_ptr(const struct buf *b, uint64_t off, uint64_t bytes);

/** True when every segment is real bytes. */
bool buf_is_bytes(const struct buf *b);

/** True when no segment is real bytes. */
bool buf_is_phantom(const struct buf *b);

/** True when the contents are equal; phantoms are compared run by run, or materialised. */
bool buf_equal(const struct buf *a, const struct buf *b);

/**
 * 64-bit fingerprint of the content; equal content of one kind gives an equal fingerprint however
 * it is cut into segments. Bytes and phantoms of the same content differ.
 */
uint64_t buf_fingerprint(const struct buf *b, uint64_t off, uint64_t bytes);

/** Flip one bit of content at @off: for bytes in place, for a phantom run by another generator.
 * Needs one spare segment slot per side when @cap allows splitting. Errors: -DER_INVAL, -DER_TRUNC. */
int buf_corrupt(struct buf *b, uint32_t cap, uint64_t off);

/** Bytes [start, start + bytes) of generator @gen. */
void gen_fill(uint64_t gen, uint64_t start, void *dst, uint64_t bytes);

void bsink_init(struct bsink *s, uint64_t bytes, struct bseg *runs, uint32_t cap);

/** The recorded content as a buf over the sink's own runs; valid until the sink changes. */
struct buf bsink_buf(const struct bsink *s);

#endif

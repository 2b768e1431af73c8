/* Packets and frames of ofi: any bytes; a frame that is accepted is written again and read back. */
#include <stdint.h>
#include <stdlib.h>

#include "transports/ofi/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(const struct ofi_frame *f)
{
	struct ofi_seg segs[RT_EXPOSE_MAX_SEGS];
	size_t bytes = ofi_frame_bytes(f->seg_count, f->msg_bytes);
	uint8_t *out = malloc(bytes);
	struct ofi_frame g;
	uint32_t i;

	ASSERT(out != NULL && bytes <= align_up(OFI_FRAME_MAX, 8));
	for (i = 0; i < f->seg_count; i++)
		segs[i] = ofi_seg_at(f, i);
	memcpy(ofi_frame_put(out, f, segs), f->msg, f->msg_bytes);
	ASSERT(ofi_frame_decode(out, bytes, &g) == 0);
	ASSERT(g.kind == f->kind && g.call_id == f->call_id && g.access == f->access);
	ASSERT(g.expose_bytes == f->expose_bytes && g.seg_count == f->seg_count);
	ASSERT(g.msg_bytes == f->msg_bytes && memcmp(g.msg, f->msg, f->msg_bytes) == 0);
	ASSERT(memcmp(g.segs, f->segs, f->seg_count * OFI_SEG_BYTES) == 0);
	if (f->kind == OFI_COPY)
		(void)ofi_copy_decode(f);
	if (f->kind == OFI_COPIED)
		(void)ofi_copied_decode(f);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ofi_frame f;
	struct ofi_pkt p;

	if (ofi_frame_decode(data, size, &f) == 0)
		rewrite(&f);
	if (ofi_pkt_decode(data, size, &p) != 0)
		return 0;
	while (ofi_frame_next(&p, &f) == 1)
		rewrite(&f);
	return 0;
}

#include "core/csum/csum.h"

#include <isa-l/crc.h>

uint32_t csum_crc32c(uint32_t crc, const void *ptr, size_t bytes)
{
	const uint8_t *p = ptr;

	crc = ~crc;
	/* ISA-L counts in int. */
	while (bytes > 0) {
		int n = bytes > (1 << 30) ? 1 << 30 : (int)bytes;

		/* It only reads, but its prototype lacks the const. */
		crc = crc32_iscsi((unsigned char *)(uintptr_t)p, n, crc);
		p += n;
		bytes -= (size_t)n;
	}
	return ~crc;
}

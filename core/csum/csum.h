/**
 * csum: checksums over bytes. Pure. The polynomial arithmetic is ISA-L's.
 */
#ifndef GEMEL_CSUM_CSUM_H
#define GEMEL_CSUM_CSUM_H

#include "core/base/base.h"

/**
 * CRC-32C (Castagnoli; reflected, inverted in and out) of @bytes at @ptr, going on from @crc: 0 to
 * begin, else the value for what comes before, so that crc(ab) == crc(crc(a), b).
 */
uint32_t csum_crc32c(uint32_t crc, const void *ptr, size_t bytes);

#endif

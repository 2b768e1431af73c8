/** Sizes as people write them: 47008, 256k, 1m, 10g, 2t; a k is 1024. */
#ifndef GEMEL_WORKLOADS_COMMON_WL_SIZE_H
#define GEMEL_WORKLOADS_COMMON_WL_SIZE_H

#include <stddef.h>
#include <stdint.h>

/** Errors: -DER_INVAL (not a size, or over 2^63 - 1). */
int wl_size_parse(const char *text, uint64_t *ret_bytes);

/** A plain number without unit. Errors: -DER_INVAL. */
int wl_count_parse(const char *text, uint64_t *ret_count);

/** "1 MiB", "45.91 KiB", "100 bytes" into @dst; returns @dst. */
char *wl_size_format(uint64_t bytes, char *dst, size_t cap);

#endif

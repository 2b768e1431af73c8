/**
 * What the files of libgurt share. The library is compiled with hidden symbols; those declared in
 * the public headers, and only those, are visible.
 */
#ifndef LIB_GURT_INT_H
#define LIB_GURT_INT_H

#pragma GCC visibility push(default)
#include "gurt/common.h"
#include "gurt/hash.h"
#include "gurt/list.h"
#pragma GCC visibility pop

/** Print like vsnprintf() into new memory. Returns the length, or -1 with *ret_str NULL. */
int gurt_vasprintf(char **ret_str, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

#endif /* LIB_GURT_INT_H */

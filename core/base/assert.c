/* The one place of core that ends the process. */
#include "core/base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void base_assert_fail(const char *file, int line, const char *func, const char *expr)
{
	(void)fprintf(stderr, "%s:%d: %s: broken invariant: %s\n", file, line, func, expr);
	abort();
}

#include <ctype.h>
#include <stdio.h>

#include "core/base/base.h"
#include "workloads/common/wl_size.h"

static int digits_parse(const char **text, uint64_t *ret_value)
{
	const char *at = *text;
	uint64_t v = 0;

	if (!isdigit((unsigned char)*at))
		return -DER_INVAL;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*at - '0'), &v))
			return -DER_INVAL;
	*text = at;
	*ret_value = v;
	return 0;
}

int wl_count_parse(const char *text, uint64_t *ret_count)
{
	uint64_t v;

	if (digits_parse(&text, &v) != 0 || *text != '\0')
		return -DER_INVAL;
	*ret_count = v;
	return 0;
}

int wl_size_parse(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kmgt";
	const char *unit;
	uint64_t v;

	if (digits_parse(&text, &v) != 0)
		return -DER_INVAL;
	if (*text != '\0') {
		unit = strchr(units, tolower((unsigned char)*text));
		if (unit == NULL || text[1] != '\0')
			return -DER_INVAL;
		if (__builtin_mul_overflow(v, 1ull << (10 * (unit - units + 1)), &v))
			return -DER_INVAL;
	}
	if (v > INT64_MAX)
		return -DER_INVAL;
	*ret_bytes = v;
	return 0;
}

char *wl_size_format(uint64_t bytes, char *dst, size_t cap)
{
	static const char *const names[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	uint64_t unit = 1;
	size_t i = 0;

	while (i + 1 < ARRAY_COUNT(names) && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	if (bytes % unit == 0)
		(void)snprintf(dst, cap, "%llu %s", (unsigned long long)(bytes / unit), names[i]);
	else
		(void)snprintf(dst, cap, "%.2f %s", (double)bytes / (double)unit, names[i]);
	return dst;
}

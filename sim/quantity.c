/* Quantities with units, exact or refused. */
#include "sim/profile.h"

struct unit {
	const char *name;
	enum profile_unit kind;
	uint64_t num;		/* value of the unit in the kind's base */
	uint64_t den;
};

static const struct unit units[] = {
	{ "B", PROFILE_BYTES, 1, 1 },
	{ "KB", PROFILE_BYTES, 1000, 1 },
	{ "MB", PROFILE_BYTES, 1000000, 1 },
	{ "GB", PROFILE_BYTES, 1000000000, 1 },
	{ "TB", PROFILE_BYTES, 1000000000000, 1 },
	{ "KiB", PROFILE_BYTES, 1ULL << 10, 1 },
	{ "MiB", PROFILE_BYTES, 1ULL << 20, 1 },
	{ "GiB", PROFILE_BYTES, 1ULL << 30, 1 },
	{ "TiB", PROFILE_BYTES, 1ULL << 40, 1 },
	{ "B/s", PROFILE_BANDWIDTH, 1, 1 },
	{ "KB/s", PROFILE_BANDWIDTH, 1000, 1 },
	{ "MB/s", PROFILE_BANDWIDTH, 1000000, 1 },
	{ "GB/s", PROFILE_BANDWIDTH, 1000000000, 1 },
	{ "TB/s", PROFILE_BANDWIDTH, 1000000000000, 1 },
	{ "MiB/s", PROFILE_BANDWIDTH, 1ULL << 20, 1 },
	{ "GiB/s", PROFILE_BANDWIDTH, 1ULL << 30, 1 },
	{ "Mb/s", PROFILE_BANDWIDTH, 1000000, 8 },
	{ "Gb/s", PROFILE_BANDWIDTH, 1000000000, 8 },
	{ "ns", PROFILE_TIME, 1, 1 },
	{ "us", PROFILE_TIME, 1000, 1 },
	{ "ms", PROFILE_TIME, 1000000, 1 },
	{ "s", PROFILE_TIME, 1000000000, 1 },
	{ "ns", PROFILE_TIME_FINE, 1ULL << 20, 1 },
	{ "us", PROFILE_TIME_FINE, 1000ULL << 20, 1 },
	{ "/s", PROFILE_RATE, 1, 1 },
	{ "k/s", PROFILE_RATE, 1000, 1 },
	{ "M/s", PROFILE_RATE, 1000000, 1 },
};

#define DIGITS_MAX 15	/* 10^15 times any unit fits into 128 bits with room to spare */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int profile_quantity(const char *text, enum profile_unit kind, uint64_t *ret_value)
{
	uint64_t mantissa = 0, scale = 1;
	const struct unit *unit = NULL;
	uint32_t digits = 0;
	unsigned __int128 v, den;

	for (; is_digit(*text); text++, digits++) {
		if (digits == DIGITS_MAX)
			return -DER_INVAL;
		mantissa = mantissa * 10 + (uint64_t)(*text - '0');
	}
	if (digits == 0)
		return -DER_INVAL;
	if (*text == '.') {
		if (!is_digit(*++text))
			return -DER_INVAL;
		for (; is_digit(*text); text++, digits++, scale *= 10) {
			if (digits == DIGITS_MAX)
				return -DER_INVAL;
			mantissa = mantissa * 10 + (uint64_t)(*text - '0');
		}
	}
	if (*text == ' ')
		text++;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (units[i].kind == kind && strcmp(units[i].name, text) == 0)
			unit = &units[i];
	}
	if (unit == NULL)
		return -DER_INVAL;
	v = (unsigned __int128)mantissa * unit->num;
	den = (unsigned __int128)scale * unit->den;
	if (kind == PROFILE_TIME_FINE)
		v += den / 2;
	else if (v % den != 0)
		return -DER_INVAL;
	if (v / den >= (unsigned __int128)1 << 62)
		return -DER_INVAL;
	*ret_value = (uint64_t)(v / den);
	return 0;
}

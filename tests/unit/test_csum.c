/* Known answers of CRC-32C (RFC 3720, appendix B.4) and its composition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/csum/csum.h"

static void test_known(void **state)
{
	uint8_t b[32];
	uint32_t i;

	(void)state;
	memset(b, 0, sizeof(b));
	assert_int_equal(csum_crc32c(0, b, sizeof(b)), 0x8a9136aa);
	memset(b, 0xff, sizeof(b));
	assert_int_equal(csum_crc32c(0, b, sizeof(b)), 0x62a8ab43);
	for (i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)i;
	assert_int_equal(csum_crc32c(0, b, sizeof(b)), 0x46dd794e);
	assert_int_equal(csum_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(csum_crc32c(0, b, 0), 0);
}

static void test_parts(void **state)
{
	uint8_t b[257];
	size_t cut;
	uint32_t whole;

	(void)state;
	for (cut = 0; cut < sizeof(b); cut++)
		b[cut] = (uint8_t)(cut * 7 + 3);
	whole = csum_crc32c(0, b, sizeof(b));
	for (cut = 0; cut <= sizeof(b); cut++)
		assert_int_equal(csum_crc32c(csum_crc32c(0, b, cut), b + cut, sizeof(b) - cut),
				 whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

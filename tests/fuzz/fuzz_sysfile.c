/* Any bytes as a system file: refused with a word about why, or a system whose every address is good. */
#include <stdint.h>
#include <stdlib.h>

#include "transports/host/sysfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct sysfile *sys)
{
	char uri[RT_URI_MAX];
	uint32_t i;

	ASSERT(sys->nr > 0 && sys->name != NULL);
	for (i = 0; i < sys->nr; i++) {
		const struct sysfile_rank *r = &sys->ranks[i];
		struct sysfile_addr addr;

		ASSERT(i == 0 || sys->ranks[i - 1].rank < r->rank);
		ASSERT(sysfile_find(sys, r->rank) == r);
		ASSERT(r->targets > 0 && r->targets <= SYSFILE_TARGETS_MAX);
		ASSERT(sysfile_uri(r->uri, 0, uri) == 0);
		ASSERT(sysfile_uri(r->uri, (uint16_t)r->targets, uri) == 0);
		ASSERT(sysfile_addr(uri, &addr) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[256];
	struct sysfile *sys;
	int rc = sysfile_parse("fuzz", data, size, err, sizeof(err), &sys);

	ASSERT(strnlen(err, sizeof(err)) < sizeof(err));
	if (rc == 0) {
		use(sys);
		sysfile_free(sys);
	} else {
		ASSERT(rc == -DER_INVAL || rc == -DER_NOMEM);
		ASSERT(err[0] != 0);
	}
	return 0;
}

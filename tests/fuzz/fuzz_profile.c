/* Profiles are files that users write: no text may crash the reader, leak, or pass with nonsense.
 * */
#include "sim/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char error[PROFILE_ERROR_MAX] = "";
	struct sim_profile *p = NULL;
	int rc = profile_parse("fuzz", (const char *)data, bytes, error, &p);

	ASSERT(rc == 0 || rc == -DER_INVAL || rc == -DER_NOMEM);
	ASSERT((rc == 0) == (p != NULL));
	ASSERT(rc != -DER_INVAL || strncmp(error, "fuzz:", 5) == 0);
	if (p != NULL)
		ASSERT(p->node_count > 0 && p->nic_count > 0 && p->chunk_bytes > 0 &&
		       p->local_bytes_per_s > 0 && p->ssds[0].read_iops > 0);
	profile_free(p);
	return 0;
}

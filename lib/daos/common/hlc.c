/* Epochs as wall-clock time. */
#include "daos_api.h"
#include "gurt/common.h"

int daos_hlc2timespec(uint64_t hlc, struct timespec *ts)
{
	return d_hlc2timespec(hlc, ts);
}

int daos_hlc2timestamp(uint64_t hlc, time_t *ts)
{
	struct timespec t;
	int rc;

	if (ts == NULL)
		return -DER_INVAL;
	rc = d_hlc2timespec(hlc, &t);
	if (rc == 0)
		*ts = t.tv_sec;
	return rc;
}

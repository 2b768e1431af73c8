/* Error codes of the interface and of the system. */
#include "daos/common.h"

#include "core/base/base.h"

int daos_der2errno(int err)
{
	return err_to_errno(err);
}

int daos_errno2der(int err)
{
	return err_from_errno(err);
}

/* Names and descriptions of error codes, and their relation to errno. */
#include "lib/gurt/gurt_int.h"

static const char *const gurt_name[] = { D_FOREACH_GURT_ERR(D_DEFINE_ERRSTR) };
static const char *const gurt_desc[] = { D_FOREACH_GURT_ERR(D_DEFINE_ERRDESC) };
static const char *const daos_name[] = { D_FOREACH_DAOS_ERR(D_DEFINE_ERRSTR) };
static const char *const daos_desc[] = { D_FOREACH_DAOS_ERR(D_DEFINE_ERRDESC) };

_Static_assert(ARRAY_SIZE(gurt_name) == DER_ERR_GURT_LIMIT - DER_ERR_GURT_BASE - 1, "gurt range");
_Static_assert(ARRAY_SIZE(daos_name) == DER_ERR_DAOS_LIMIT - DER_ERR_DAOS_BASE - 1, "daos range");

/* The entry of a code of either sign in one of the two pairs of tables, NULL if it is no code. */
static const char *code_lookup(int code, const char *const *gurt, const char *const *daos)
{
	int pos = code < 0 && code != INT_MIN ? -code : code;

	if (pos > DER_ERR_GURT_BASE && pos < DER_ERR_GURT_LIMIT)
		return gurt[pos - DER_ERR_GURT_BASE - 1];
	if (pos > DER_ERR_DAOS_BASE && pos < DER_ERR_DAOS_LIMIT)
		return daos[pos - DER_ERR_DAOS_BASE - 1];
	return NULL;
}

const char *d_errstr(int errnum)
{
	const char *name = code_lookup(errnum, gurt_name, daos_name);

	if (name != NULL)
		return name;
	return errnum == 0 ? "DER_SUCCESS" : "DER_UNKNOWN";
}

const char *d_errdesc(int errnum)
{
	static _Thread_local char unknown[48];
	const char *desc = code_lookup(errnum, gurt_desc, daos_desc);

	if (desc != NULL)
		return desc;
	if (errnum == 0)
		return "Success";
	(void)snprintf(unknown, sizeof(unknown), "Unknown error code %d", errnum);
	return unknown;
}

int d_errno2der(int err)
{
	switch (err) {
	case 0:
		return 0;
	case EPERM:
	case EACCES:
		return -DER_NO_PERM;
	case ENOMEM:
		return -DER_NOMEM;
	case EINVAL:
		return -DER_INVAL;
	case EDQUOT:
	case ENOSPC:
		return -DER_NOSPACE;
	case EEXIST:
		return -DER_EXIST;
	case ENOENT:
		return -DER_NONEXIST;
	case ENOTDIR:
		return -DER_NOTDIR;
	case ECANCELED:
		return -DER_CANCELED;
	case EBUSY:
		return -DER_BUSY;
	case EAGAIN:
		return -DER_AGAIN;
	case EOVERFLOW:
		return -DER_OVERFLOW;
	case EBADF:
		return -DER_NO_HDL;
	case ENOSYS:
		return -DER_NOSYS;
	case ETIMEDOUT:
		return -DER_TIMEDOUT;
	case EIO:
		return -DER_IO;
	case ENOTSUP:
		return -DER_NOTSUPPORTED;
	default:
		return -DER_MISC;
	}
}

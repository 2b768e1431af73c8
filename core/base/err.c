#include "core/base/base.h"

#include <errno.h>

const char *err_name(int rc)
{
	if (rc < 0)
		rc = -rc;
	switch (rc) {
	case 0:
		return "DER_SUCCESS";
#define ERR_NAME_CASE(name, desc)                                                                  \
	case name:                                                                                 \
		return #name;
		D_FOREACH_GURT_ERR(ERR_NAME_CASE)
		D_FOREACH_DAOS_ERR(ERR_NAME_CASE)
#undef ERR_NAME_CASE
	default:
		return "DER_UNKNOWN";
	}
}

int err_from_errno(int err)
{
	static const struct {
		int err;
		int der;
	} table[] = {
		{ EPERM, DER_NO_PERM },	      { EACCES, DER_NO_PERM },
		{ EROFS, DER_NO_PERM },	      { ENOENT, DER_NONEXIST },
		{ ENODEV, DER_NONEXIST },     { EIO, DER_NVME_IO },
		{ ENXIO, DER_NVME_IO },	      { EBADF, DER_NO_HDL },
		{ EAGAIN, DER_AGAIN },	      { EINTR, DER_AGAIN },
		{ ENOMEM, DER_NOMEM },	      { EBUSY, DER_BUSY },
		{ ETXTBSY, DER_BUSY },	      { EEXIST, DER_EXIST },
		{ ENOTDIR, DER_NOTDIR },      { EINVAL, DER_INVAL },
		{ EISDIR, DER_INVAL },	      { ENOSPC, DER_NOSPACE },
		{ EDQUOT, DER_NOSPACE },      { EMFILE, DER_NOMEM },
		{ ENFILE, DER_NOMEM },	      { EFBIG, DER_OVERFLOW },
		{ EOVERFLOW, DER_OVERFLOW },  { ENAMETOOLONG, DER_EXCEEDS_PATH_LEN },
		{ ENOSYS, DER_NOSYS },	      { EOPNOTSUPP, DER_NOTSUPPORTED },
		{ ETIMEDOUT, DER_TIMEDOUT },  { ECANCELED, DER_CANCELED },
		{ EALREADY, DER_ALREADY },    { EPROTO, DER_PROTO },
		{ EMSGSIZE, DER_OVERFLOW },   { ECONNREFUSED, DER_UNREACH },
		{ ECONNRESET, DER_UNREACH },  { ECONNABORTED, DER_UNREACH },
		{ EHOSTUNREACH, DER_UNREACH }, { ENETUNREACH, DER_UNREACH },
		{ EPIPE, DER_UNREACH },	      { ENOTCONN, DER_UNREACH },
		{ ESHUTDOWN, DER_UNREACH },
	};
	size_t i;

	if (err < 0)
		err = -err;
	if (err == 0)
		return 0;
	for (i = 0; i < ARRAY_COUNT(table); i++)
		if (table[i].err == err)
			return -table[i].der;
	return -DER_MISC;
}

int err_to_errno(int rc)
{
	static const struct {
		int der;
		int err;
	} table[] = {
		{ DER_NO_PERM, EPERM },	      { DER_EP_RO, EPERM },
		{ DER_EP_OLD, EPERM },	      { DER_OP_NOT_PERMITTED, EPERM },
		{ DER_NONEXIST, ENOENT },     { DER_ENOENT, ENOENT },
		{ DER_CONT_NONEXIST, ENOENT }, { DER_INVAL, EINVAL },
		{ DER_NO_HDL, EINVAL },	      { DER_NOTYPE, EINVAL },
		{ DER_NOSCHEMA, EINVAL },     { DER_NOLOCAL, EINVAL },
		{ DER_IO_INVAL, EINVAL },     { DER_UNINIT, EINVAL },
		{ DER_EXIST, EEXIST },	      { DER_UNREACH, EHOSTUNREACH },
		{ DER_NOSPACE, ENOSPC },      { DER_QUOTA_LIMIT, EDQUOT },
		{ DER_ALREADY, EALREADY },    { DER_NOMEM, ENOMEM },
		{ DER_NOSYS, ENOSYS },	      { DER_NOTSUPPORTED, EOPNOTSUPP },
		{ DER_TIMEDOUT, ETIMEDOUT },  { DER_BUSY, EBUSY },
		{ DER_EQ_BUSY, EBUSY },	      { DER_TX_BUSY, EBUSY },
		{ DER_CONT_DESTROYING, EBUSY }, { DER_AGAIN, EAGAIN },
		{ DER_INPROGRESS, EINPROGRESS }, { DER_PROTO, EPROTO },
		{ DER_CANCELED, ECANCELED },  { DER_OP_CANCELED, ECANCELED },
		{ DER_OVERFLOW, EOVERFLOW },  { DER_TRUNC, EOVERFLOW },
		{ DER_REC2BIG, E2BIG },	      { DER_KEY2BIG, E2BIG },
		{ DER_NOREPLY, EHOSTUNREACH }, { DER_EXCLUDED, EHOSTDOWN },
		{ DER_SHUTDOWN, ESHUTDOWN },  { DER_FREE_MEM, ENOMEM },
		{ DER_MISMATCH, EINVAL },
		{ DER_EXCEEDS_PATH_LEN, ENAMETOOLONG }, { DER_BADPATH, ENOTDIR },
		{ DER_NOTDIR, ENOTDIR },      { DER_STALE, ESTALE },
		{ DER_TX_RESTART, ERESTART },
	};
	size_t i;

	if (rc < 0)
		rc = -rc;
	if (rc == 0)
		return 0;
	for (i = 0; i < ARRAY_COUNT(table); i++)
		if (table[i].der == rc)
			return table[i].err;
	return EIO;
}

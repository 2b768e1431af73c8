/* Small functions of libdaos and libdaos_common that need no stream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daos_api.h"
#include "daos_cont.h"
#include "daos/common.h"
#include "gurt/common.h"

d_rank_list_t *daos_rank_list_parse(const char *str, const char *sep)
{
	d_rank_list_t *list;
	char *copy;
	char *save = NULL;
	char *word;

	if (str == NULL || sep == NULL)
		return NULL;
	copy = d_strndup(str, strlen(str));
	list = d_rank_list_alloc(0);
	if (copy == NULL || list == NULL)
		goto fail;
	for (word = strtok_r(copy, sep, &save); word != NULL; word = strtok_r(NULL, sep, &save)) {
		unsigned long v;
		char *end;

		errno = 0;
		v = strtoul(word, &end, 10);
		if (errno != 0 || *end != 0 || word[0] < '0' || word[0] > '9' || v >= UINT32_MAX ||
		    d_rank_list_append(list, (d_rank_t)v) != 0)
			goto fail;
	}
	if (list->rl_nr == 0)
		goto fail;
	d_free(copy);
	return list;
fail:
	d_free(copy);
	d_rank_list_free(list);
	return NULL;
}

int daos_hlc2timespec(uint64_t hlc, struct timespec *ts)
{
	return ts == NULL ? -DER_INVAL : d_hlc2timespec(hlc, ts);
}

int daos_hlc2timestamp(uint64_t hlc, time_t *ts)
{
	if (ts == NULL)
		return -DER_INVAL;
	*ts = (time_t)(d_hlc2unixnsec(hlc) / 1000000000ull);
	return 0;
}

int daos_errno2der(int err)
{
	return d_errno2der(err);
}

int daos_der2errno(int err)
{
	static const struct {
		int der;
		int err;
	} table[] = {
		{ DER_NO_PERM, EPERM },		{ DER_EP_RO, EPERM },
		{ DER_EP_OLD, EPERM },		{ DER_NO_HDL, EINVAL },
		{ DER_INVAL, EINVAL },		{ DER_IO_INVAL, EINVAL },
		{ DER_NOTYPE, EINVAL },		{ DER_NOSCHEMA, EINVAL },
		{ DER_NOLOCAL, EINVAL },	{ DER_EXIST, EEXIST },
		{ DER_NONEXIST, ENOENT },	{ DER_ENOENT, ENOENT },
		{ DER_CONT_NONEXIST, ENOENT },	{ DER_UNREACH, EHOSTUNREACH },
		{ DER_NOREPLY, EHOSTUNREACH },	{ DER_EXCLUDED, EHOSTDOWN },
		{ DER_NOSPACE, ENOSPC },	{ DER_QUOTA_LIMIT, EDQUOT },
		{ DER_ALREADY, EALREADY },	{ DER_NOMEM, ENOMEM },
		{ DER_TIMEDOUT, ETIMEDOUT },	{ DER_BUSY, EBUSY },
		{ DER_EQ_BUSY, EBUSY },		{ DER_TX_BUSY, EBUSY },
		{ DER_AGAIN, EAGAIN },		{ DER_INPROGRESS, EAGAIN },
		{ DER_PROTO, EPROTO },		{ DER_IO, EIO },
		{ DER_NVME_IO, EIO },		{ DER_CSUM, EIO },
		{ DER_DATA_LOSS, EIO },		{ DER_CANCELED, ECANCELED },
		{ DER_OP_CANCELED, ECANCELED },	{ DER_OVERFLOW, EOVERFLOW },
		{ DER_BADPATH, ENOTDIR },	{ DER_NOTDIR, ENOTDIR },
		{ DER_STALE, ESTALE },		{ DER_TX_RESTART, ERESTART },
		{ DER_NOSYS, ENOSYS },		{ DER_NOTSUPPORTED, ENOTSUP },
		{ DER_EXCEEDS_PATH_LEN, ENAMETOOLONG },
		{ DER_KEY2BIG, E2BIG },		{ DER_REC2BIG, E2BIG },
		{ DER_MISMATCH, EINVAL },	{ DER_SHUTDOWN, ESHUTDOWN },
		{ DER_TRUNC, ERANGE },		{ DER_UNINIT, EIO },
		{ DER_OP_NOT_PERMITTED, EPERM }, { DER_FREE_MEM, ENOMEM },
	};
	size_t i;

	if (err < 0)
		err = -err;
	if (err == 0)
		return 0;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].der == err)
			return table[i].err;
	return EIO;
}

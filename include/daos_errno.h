/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The error codes of the public API, of the wire and of every function of Gemel: one set.
 *
 * Codes are positive; functions return them negated (-DER_NONEXIST). They form two ranges without
 * holes, GURT from 1001 and DAOS from 2001, whose numbers are part of the API and of the protocol:
 * a code may be added at the end of a range, never moved. Programs walk the ranges with the
 * D_FOREACH_* macros, whose ACTION takes a name and a bare description (no commas, no quotes).
 */
#ifndef DAOS_ERRNO_H
#define DAOS_ERRNO_H

#ifdef __cplusplus
extern "C" {
#endif

/** General codes. The n-th line is DER_ERR_GURT_BASE + n. */
#define D_FOREACH_GURT_ERR(ACTION)							\
	ACTION(DER_NO_PERM,		Operation not permitted)			\
	ACTION(DER_NO_HDL,		Handle is not valid)				\
	ACTION(DER_INVAL,		Invalid parameters)				\
	ACTION(DER_EXIST,		The entity exists already)			\
	ACTION(DER_NONEXIST,		The specified entity does not exist)		\
	ACTION(DER_UNREACH,		The peer cannot be reached)			\
	ACTION(DER_NOSPACE,		No space left on the storage target)		\
	ACTION(DER_ALREADY,		The operation was done before)			\
	ACTION(DER_NOMEM,		Out of memory)					\
	ACTION(DER_NOSYS,		Function is not implemented)			\
	ACTION(DER_TIMEDOUT,		Timed out)					\
	ACTION(DER_BUSY,		The resource is busy)				\
	ACTION(DER_AGAIN,		Try again)					\
	ACTION(DER_PROTO,		Incompatible or malformed protocol message)	\
	ACTION(DER_UNINIT,		The library is not initialised)			\
	ACTION(DER_TRUNC,		The buffer is too short)			\
	ACTION(DER_OVERFLOW,		The value does not fit its type)		\
	ACTION(DER_CANCELED,		The operation was cancelled)			\
	ACTION(DER_OOG,			Not a member of the group)			\
	ACTION(DER_HG,			Error of the network transport)			\
	ACTION(DER_UNREG,		The request type is not registered)		\
	ACTION(DER_ADDRSTR_GEN,		Cannot build the address string)		\
	ACTION(DER_PMIX,		Error of the process manager)			\
	ACTION(DER_IVCB_FORWARD,	Cannot be answered here and must be forwarded)	\
	ACTION(DER_MISC,		Unclassified error)				\
	ACTION(DER_BADPATH,		Malformed path)					\
	ACTION(DER_NOTDIR,		Not a directory)				\
	ACTION(DER_CORPC_INCOMPLETE,	A collective request is incomplete)		\
	ACTION(DER_NO_RAS_RANK,		No rank takes events)				\
	ACTION(DER_NOTATTACH,		Not attached to the service group)		\
	ACTION(DER_MISMATCH,		Version or content does not match)		\
	ACTION(DER_EXCLUDED,		The rank is excluded from the system)		\
	ACTION(DER_NOREPLY,		The request was not answered)			\
	ACTION(DER_DOS,			The server refuses further requests)		\
	ACTION(DER_BAD_TARGET,		Wrong target for the request)			\
	ACTION(DER_GRPVER,		Group versions differ)				\
	ACTION(DER_HLC_SYNC,		Clocks differ by more than the bound)		\
	ACTION(DER_NO_SHMEM,		No shared memory available)			\
	ACTION(DER_ADD_METRIC_FAILED,	Cannot add the metric)				\
	ACTION(DER_DURATION_MISMATCH,	Start and end of a duration do not pair)	\
	ACTION(DER_OP_NOT_PERMITTED,	The metric does not allow this operation)	\
	ACTION(DER_EXCEEDS_PATH_LEN,	The path name is too long)			\
	ACTION(DER_METRIC_NOT_FOUND,	No such metric)					\
	ACTION(DER_SHMEM_PERMS,		No permission on the shared memory)		\
	ACTION(DER_HG_FATAL,		Fatal error of the network transport)		\
	ACTION(DER_QUOTA_LIMIT,		A quota is used up)

/** Codes of the storage model. The n-th line is DER_ERR_DAOS_BASE + n. */
#define D_FOREACH_DAOS_ERR(ACTION)							\
	ACTION(DER_IO,			Input or output error)				\
	ACTION(DER_FREE_MEM,		Cannot free memory)				\
	ACTION(DER_ENOENT,		No such entry)					\
	ACTION(DER_NOTYPE,		Unknown object type)				\
	ACTION(DER_NOSCHEMA,		Unknown object class)				\
	ACTION(DER_NOLOCAL,		The object is not on this target)		\
	ACTION(DER_STALE,		The pool map is out of date)			\
	ACTION(DER_NOTLEADER,		Not the leader of the service)			\
	ACTION(DER_TGT_CREATE,		Cannot create the target)			\
	ACTION(DER_EP_RO,		The epoch is read only)				\
	ACTION(DER_EP_OLD,		The epoch is too old and was aggregated)	\
	ACTION(DER_KEY2BIG,		The key does not fit the buffer)		\
	ACTION(DER_REC2BIG,		The record does not fit the buffer)		\
	ACTION(DER_IO_INVAL,		Buffers and extents do not match)		\
	ACTION(DER_EQ_BUSY,		The event queue has events in flight)		\
	ACTION(DER_DOMAIN,		Fault domains do not match)			\
	ACTION(DER_SHUTDOWN,		The service is shutting down)			\
	ACTION(DER_INPROGRESS,		The operation is in progress)			\
	ACTION(DER_NOTAPPLICABLE,	The operation does not apply here)		\
	ACTION(DER_NOTREPLICA,		Not a replica of the service)			\
	ACTION(DER_CSUM,		Checksum error)					\
	ACTION(DER_DF_INVAL,		Unknown durable format)				\
	ACTION(DER_DF_INCOMPT,		Incompatible version of the durable format)	\
	ACTION(DER_REC_SIZE,		Wrong record size)				\
	ACTION(DER_TX_RESTART,		The transaction must be restarted)		\
	ACTION(DER_DATA_LOSS,		Data is lost or cannot be recovered)		\
	ACTION(DER_OP_CANCELED,		The operation was abandoned)			\
	ACTION(DER_TX_BUSY,		The transaction has not ended yet)		\
	ACTION(DER_AGENT_INCOMPAT,	Agent and library are incompatible)		\
	ACTION(DER_NEED_TX,		A distributed transaction is needed)		\
	ACTION(DER_RF,			More failures than the redundancy factor)	\
	ACTION(DER_FETCH_AGAIN,		Fetch again)					\
	ACTION(DER_TX_UNCERTAIN,	The outcome of the transaction is unknown)	\
	ACTION(DER_AGENT_COMM,		Cannot talk to the agent)			\
	ACTION(DER_ID_MISMATCH,		Identifiers do not match)			\
	ACTION(DER_TGT_RETRY,		Retry with another target)			\
	ACTION(DER_NOTSUPPORTED,	Operation is not supported)			\
	ACTION(DER_CONTROL_INCOMPAT,	Control plane versions are incompatible)	\
	ACTION(DER_NO_SERVICE,		No service available)				\
	ACTION(DER_TX_ID_REUSED,	The transaction identifier is in use)		\
	ACTION(DER_UPDATE_AGAIN,	Update again)					\
	ACTION(DER_NVME_IO,		Error of the storage device)			\
	ACTION(DER_NO_CERT,		A certificate cannot be read)			\
	ACTION(DER_BAD_CERT,		A certificate is not valid)			\
	ACTION(DER_VOS_PARTIAL_UPDATE,	Partial update of an indivisible value)		\
	ACTION(DER_CHKPT_BUSY,		The page is being checkpointed)			\
	ACTION(DER_DIV_BY_ZERO,		Division by zero)				\
	ACTION(DER_OVERLOAD_RETRY,	The server is overloaded so retry later)	\
	ACTION(DER_NOT_RESUME,		Cannot resume the interrupted operation)	\
	ACTION(DER_CONT_NONEXIST,	The container does not exist)			\
	ACTION(DER_CONT_DESTROYING,	The container is being destroyed)		\
	ACTION(DER_IGNORE,		The request is ignored)

/** The ranges: name and base. */
#define D_FOREACH_ERR_RANGE(ACTION)	\
	ACTION(GURT, 1000)		\
	ACTION(DAOS, 2000)

/** ACTIONs for the lists above: an enumerator, a name, a description, one whole range. */
#define D_DEFINE_ERRNO(name, desc)	name,
#define D_DEFINE_ERRSTR(name, desc)	#name,
#define D_DEFINE_ERRDESC(name, desc)	#desc,
#define D_DEFINE_RANGE_ERRNO(name, base)		\
	DER_ERR_##name##_BASE = (base),			\
	D_FOREACH_##name##_ERR(D_DEFINE_ERRNO)		\
	DER_ERR_##name##_LIMIT,

/** All codes. DER_ERR_*_BASE and DER_ERR_*_LIMIT lie just outside their range. */
enum daos_errno {
	DER_SUCCESS = 0,
	D_FOREACH_ERR_RANGE(D_DEFINE_RANGE_ERRNO)
	/** one above the last code */
	DER_LAST_VALID = DER_ERR_DAOS_LIMIT,
	/** stands for any code that is not in a range */
	DER_UNKNOWN = DER_ERR_GURT_BASE + 500000,
};

/** Former name of DER_EXCLUDED. */
#define DER_EVICTED DER_EXCLUDED

/**
 * Name of a code, "DER_INVAL" for both DER_INVAL and -DER_INVAL, "DER_SUCCESS" for 0,
 * "DER_UNKNOWN" for anything else. The string is static.  Blocks: no.
 */
const char *d_errstr(int errnum);

/**
 * Description of a code of either sign. For a number that is no code, a text that contains the
 * number, valid until the calling thread's next such call.  Blocks: no.
 */
const char *d_errdesc(int errnum);

#ifndef DF_RC
/** Format of an error code, "DER_NONEXIST(-1005): '...'", and its three arguments. */
#define DF_RC		"%s(%d): '%s'"
#define DP_RC(rc)	d_errstr(rc), rc, d_errdesc(rc)
#endif

#ifdef __cplusplus
}
#endif

#endif /* DAOS_ERRNO_H */

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Types that all parts of the public API share: sizes, handles, keys, epochs, anchors, events and
 * object identifiers. Their layout is fixed: programs are compiled against it.
 */
#ifndef DAOS_TYPES_H
#define DAOS_TYPES_H

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <uuid/uuid.h>

#include <cart/types.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest name of a system, terminator not counted. */
#define DAOS_SYS_NAME_MAX		15
/** Longest string of struct daos_sys_info except the path, terminator not counted. */
#define DAOS_SYS_INFO_STRING_MAX	63
/** Longest name of a pool's or container's attribute, terminator not counted. */
#define DAOS_ATTR_NAME_MAX		511
/** Largest hashed key: the size of a SHA-256. */
#define DAOS_HKEY_MAX			32
/** Bytes of a UUID as text, terminator included. */
#define DAOS_UUID_STR_SIZE		37

typedef uint64_t daos_size_t;
typedef uint64_t daos_off_t;

/** dkey or akey: @iov_len bytes that the library never interprets unless the type says so. */
typedef d_iov_t daos_key_t;

/** True for a key without bytes. */
static inline bool daos_key_is_null(daos_key_t key)
{
	return key.iov_buf == NULL || key.iov_len == 0;
}

/**
 * Does @uuid begin with the 36 characters of a UUID? With @sensitive non-zero its letters must
 * be lower case, as the library prints them; otherwise either case is accepted.
 */
static inline bool daos_is_valid_uuid_string(const char *uuid, int sensitive)
{
	int i;

	for (i = 0; i < DAOS_UUID_STR_SIZE - 1; i++) {
		unsigned char c = (unsigned char)uuid[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? c != '-' : !isxdigit(c))
			return false;
		if (sensitive && isupper(c))
			return false;
	}
	return true;
}

/** Where an enumeration stands. */
typedef enum {
	/** not begun */
	DAOS_ANCHOR_TYPE_ZERO	= 0,
	/** at a hashed key */
	DAOS_ANCHOR_TYPE_HKEY	= 1,
	/** at a plain key */
	DAOS_ANCHOR_TYPE_KEY	= 2,
	/** nothing is left */
	DAOS_ANCHOR_TYPE_EOF	= 3,
} daos_anchor_type_t;

#define DAOS_ANCHOR_BUF_MAX	104

/**
 * Position of an enumeration between two calls. Zero it (DAOS_ANCHOR_INIT) before the first call,
 * pass it on untouched, stop when daos_anchor_is_eof(). It may be copied and used in another
 * process, so it holds no pointer.
 */
typedef struct {
	/** a daos_anchor_type_t */
	uint16_t	da_type;
	uint16_t	da_shard;
	uint32_t	da_flags;
	uint64_t	da_sub_anchors;
	uint8_t		da_buf[DAOS_ANCHOR_BUF_MAX];
} daos_anchor_t;

#define DAOS_ANCHOR_INIT	{ DAOS_ANCHOR_TYPE_ZERO, 0, 0, 0, { 0 } }

/** Handle of an open pool, container, object, event queue, transaction, ... of this process. */
typedef struct {
	uint64_t	cookie;
} daos_handle_t;

/** No handle. */
#define DAOS_HDL_INVAL	((daos_handle_t){0})
/** No transaction: the call is one by itself. */
#define DAOS_TX_NONE	DAOS_HDL_INVAL

static inline bool daos_handle_is_inval(daos_handle_t hdl)
{
	return hdl.cookie == 0;
}

static inline bool daos_handle_is_valid(daos_handle_t hdl)
{
	return hdl.cookie != 0;
}

/** The low four bits of a cookie tell the kind of handle; bit 0 is always set. */
enum {
	DAOS_HTYPE_EQ		= 1,
	DAOS_HTYPE_POOL		= 3,
	DAOS_HTYPE_CO		= 5,
	DAOS_HTYPE_OBJ		= 7,
	DAOS_HTYPE_ARRAY	= 9,
	DAOS_HTYPE_TX		= 11,
	DAOS_HTYPE_KV		= 13,
};

/** How a pool is connected; exactly one of them. */
#define DAOS_PC_RO	(1U << 0)
#define DAOS_PC_RW	(1U << 1)
/** read and write, and nobody else connected */
#define DAOS_PC_EX	(1U << 2)

#define DAOS_PC_NBITS	3
#define DAOS_PC_MASK	((1U << DAOS_PC_NBITS) - 1)

/** A moment in a container's history: a hybrid logical clock, see d_hlc_get() in gurt/common.h. */
typedef uint64_t daos_epoch_t;

/** The epochs from @epr_lo to @epr_hi, both included. */
typedef struct {
	daos_epoch_t	epr_lo;
	daos_epoch_t	epr_hi;
} daos_epoch_range_t;

#define DAOS_EPOCH_MAX	(~0ULL)

/** What daos_cont_open() and daos_cont_query() tell of a container. */
typedef struct {
	uuid_t		ci_uuid;
	/** epoch of the newest snapshot, 0 if there is none */
	daos_epoch_t	ci_lsnapshot;
	/** handles that are open, in all processes */
	uint32_t	ci_nhandles;
	uint32_t	ci_nsnapshots;
	/** hybrid logical clock of the last open */
	uint64_t	ci_md_otime;
	/** hybrid logical clock of the last close after, or change by, a writer */
	uint64_t	ci_md_mtime;
} daos_cont_info_t;

/** One asynchronous call, see daos_event.h. Its address must not change while it is in flight. */
typedef struct daos_event {
	/** result of the call: 0 or -DER_*, valid once the event is complete */
	int		ev_error;
	/** the library's */
	struct {
		uint64_t	space[20];
	}		ev_private;
	/** the caller's, for debugging: the library never touches it */
	uint64_t	ev_debug;
} daos_event_t;

/** Timeouts of daos_eq_poll() and daos_event_test(): wait for ever, do not wait. */
#define DAOS_EQ_WAIT	-1
#define DAOS_EQ_NOWAIT	0

/** What daos_eq_query() counts. */
typedef enum {
	DAOS_EQR_COMPLETED	= 1,
	DAOS_EQR_WAITING	= 2,
	DAOS_EQR_ALL		= 3,
} daos_eq_query_t;

/** Life of an event. */
typedef enum {
	DAOS_EVS_READY,
	DAOS_EVS_RUNNING,
	DAOS_EVS_COMPLETED,
	DAOS_EVS_ABORTED,
} daos_ev_status_t;

struct daos_eq;

/** Targets of a pool: entry i is target @tl_tgts[i] of rank @tl_ranks[i]. */
struct d_tgt_list {
	d_rank_t	*tl_ranks;
	int32_t		*tl_tgts;
	uint32_t	 tl_nr;
};

/**
 * Identifier of an object, unique in its container. The caller owns @lo and the low half of @hi;
 * the high half is written by daos_obj_generate_oid() and described in daos_obj.h.
 */
typedef struct {
	uint64_t	lo;
	uint64_t	hi;
} daos_obj_id_t;

/** Where a rank listens. */
struct daos_rank_uri {
	uint32_t	 dru_rank;
	char		*dru_uri;
};

/** What a client knows of its system, see daos_mgmt_get_sys_info(). */
struct daos_sys_info {
	char			 dsi_system_name[DAOS_SYS_INFO_STRING_MAX + 1];
	char			 dsi_fabric_provider[DAOS_SYS_INFO_STRING_MAX + 1];
	/** socket or file through which the system was found */
	char			 dsi_agent_path[PATH_MAX];
	uint32_t		 dsi_nr_ranks;
	struct daos_rank_uri	*dsi_ranks;
	/** ranks that hold the management service */
	uint32_t		 dsi_nr_ms_ranks;
	uint32_t		*dsi_ms_ranks;
};

#ifdef __cplusplus
}
#endif

#endif /* DAOS_TYPES_H */

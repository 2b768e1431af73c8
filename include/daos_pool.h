/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Pools: storage spread over the targets of many engines, which holds containers.
 *
 * Where a pool is named, @pool is its label or its UUID as text. @ev: daos_event.h. Besides what
 * each function says: -DER_NO_HDL, -DER_INVAL, -DER_NOMEM, -DER_NO_PERM, -DER_UNREACH,
 * -DER_TIMEDOUT.
 */
#ifndef DAOS_POOL_H
#define DAOS_POOL_H

#include <inttypes.h>
#include <sys/types.h>
#include <uuid/uuid.h>

#include <daos_prop.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Programs are compiled against the "2" symbol; the plain one is exported as well. */
#define daos_pool_connect	daos_pool_connect2

/** What a target is made of. */
typedef enum {
	DAOS_TP_UNKNOWN	= 0,
	DAOS_TP_HDD	= 1,
	DAOS_TP_SSD	= 2,
	/** persistent memory */
	DAOS_TP_PM	= 3,
	/** memory */
	DAOS_TP_VM	= 4,
} daos_target_type_t;

/** State of a target in the pool map. */
typedef enum {
	DAOS_TS_UNKNOWN		= 0,
	/** excluded, and its data rebuilt elsewhere */
	DAOS_TS_DOWN_OUT	= 1,
	/** excluded, its data is being rebuilt */
	DAOS_TS_DOWN		= 2,
	/** coming back, is being filled */
	DAOS_TS_UP		= 3,
	/** in service */
	DAOS_TS_UP_IN		= 4,
	/** added, not yet filled */
	DAOS_TS_NEW		= 5,
	/** in service, is being emptied */
	DAOS_TS_DRAIN		= 6,
} daos_target_state_t;

/** Reserved. */
typedef struct {
	int	foo;
} daos_target_perf_t;

/** Where data lies: with the metadata, or apart from it. */
enum daos_media_type_t {
	DAOS_MEDIA_SCM	= 0,
	DAOS_MEDIA_NVME	= 1,
	DAOS_MEDIA_MAX,
};

/** Bytes by media type. */
struct daos_space {
	uint64_t	s_total[DAOS_MEDIA_MAX];
	uint64_t	s_free[DAOS_MEDIA_MAX];
};

/** What daos_pool_query_target() tells. */
typedef struct {
	daos_target_type_t	ta_type;
	daos_target_state_t	ta_state;
	daos_target_perf_t	ta_perf;
	struct daos_space	ta_space;
} daos_target_info_t;

/** Space of a pool, in bytes. */
struct daos_pool_space {
	/** sum of all targets in service */
	struct daos_space	ps_space;
	/** free space of the fullest and the emptiest target, and on average */
	uint64_t		ps_free_min[DAOS_MEDIA_MAX];
	uint64_t		ps_free_max[DAOS_MEDIA_MAX];
	uint64_t		ps_free_mean[DAOS_MEDIA_MAX];
	/** targets counted */
	uint32_t		ps_ntargets;
	uint32_t		ps_padding;
};

enum daos_rebuild_state_t {
	DRS_IN_PROGRESS	= 0,
	DRS_NOT_STARTED	= 1,
	DRS_COMPLETED	= 2,
};

/** The rebuild that runs, or ran last. */
struct daos_rebuild_status {
	/** pool map version that caused it, 0 if there was none */
	uint32_t	rs_version;
	uint32_t	rs_seconds;
	/** 0 or -DER_* */
	int32_t		rs_errno;
	union {
		/** enum daos_rebuild_state_t */
		int32_t		rs_state;
		int32_t		rs_done;
	};
	/** newest object layout of all engines, if DPI_REBUILD_MAX_LAYOUT_VER asks for it */
	uint16_t	rs_max_supported_layout_ver;
	uint16_t	rs_flags;
	/** rank that made it fail, -1 if none */
	int32_t		rs_fail_rank;
	/** objects to rebuild, objects and records rebuilt, and their bytes */
	uint64_t	rs_toberb_obj_nr;
	uint64_t	rs_obj_nr;
	uint64_t	rs_rec_nr;
	uint64_t	rs_size;
};

/** daos_pool_info_t.pi_bits: what to find out beyond the first seven members. */
enum daos_pool_info_bit {
	DPI_SPACE			= 1 << 0,
	DPI_REBUILD_STATUS		= 1 << 1,
	/** which engines daos_pool_query() lists: all targets in service, some not, all dead */
	DPI_ENGINES_ENABLED		= 1 << 2,
	DPI_ENGINES_DISABLED		= 1 << 3,
	DPI_ENGINES_DEAD		= 1 << 4,
	DPI_REBUILD_MAX_LAYOUT_VER	= 1 << 5,
	DPI_SELF_HEAL_POLICY		= 1 << 6,
	DPI_ALL				= -1,
};

/** What is known of a pool. */
typedef struct {
	uuid_t				pi_uuid;
	uint32_t			pi_ntargets;
	uint32_t			pi_nnodes;
	/** targets out of service */
	uint32_t			pi_ndisabled;
	uint32_t			pi_map_ver;
	/** rank of the pool service's leader */
	uint32_t			pi_leader;
	/** asked for and answered, DPI_* */
	uint64_t			pi_bits;
	struct daos_pool_space		pi_space;
	struct daos_rebuild_status	pi_rebuild_st;
} daos_pool_info_t;

/** A container in a listing. */
struct daos_pool_cont_info {
	uuid_t	pci_uuid;
	char	pci_label[DAOS_PROP_LABEL_MAX_LEN + 1];
};

/** The same, with what daos_cont_query() would tell. */
struct daos_pool_cont_info2 {
	struct daos_pool_cont_info	 pci_id;
	daos_cont_info_t		 pci_cinfo;
	void				*pci_reserved[2];
};

/** Longest name of a system that daos_pool_connect() takes. */
#define DAOS_SYS_NAME_MAX_LEN	127

/**
 * Connect to a pool. @sys: NULL for the system this process was configured for. @flags: DAOS_PC_*.
 * @info: NULL, or what to find out in pi_bits, and the answer.
 * Errors: -DER_NONEXIST, -DER_BUSY (exclusively connected elsewhere).  Blocks: yes, unless @ev.
 */
int daos_pool_connect(const char *pool, const char *sys, unsigned int flags, daos_handle_t *poh,
		      daos_pool_info_t *info, daos_event_t *ev);

/** Disconnect. Containers opened through the handle are closed.  Errors: -DER_BUSY. */
int daos_pool_disconnect(daos_handle_t poh, daos_event_t *ev);

/**
 * Make a handle usable in another process. With glob->iov_buf NULL only iov_buf_len is set.
 * Errors: -DER_TRUNC (iov_buf_len has the size needed).  Blocks: no.
 */
int daos_pool_local2global(daos_handle_t poh, d_iov_t *glob);

/** Make a handle of another process usable in this one. */
int daos_pool_global2local(d_iov_t glob, daos_handle_t *poh);

/**
 * Ask about a pool. Everything may be NULL, but not all of it.
 * @ranks: gets a list for d_rank_list_free(): the engines that DPI_ENGINES_* in pi_bits asks for,
 *	without @info those with targets out of service.
 * @pool_prop: as in daos_cont_query().
 * Blocks: yes, unless @ev.
 */
int daos_pool_query(daos_handle_t poh, d_rank_list_t **ranks, daos_pool_info_t *info,
		    daos_prop_t *pool_prop, daos_event_t *ev);

/** Ask about target @tgt of @rank.  Errors: -DER_NONEXIST.  Blocks: yes, unless @ev. */
int daos_pool_query_target(daos_handle_t poh, uint32_t tgt, d_rank_t rank, daos_target_info_t *info,
			   daos_event_t *ev);

/** Attributes, like those of containers: see daos_cont_list_attr(). */
int daos_pool_list_attr(daos_handle_t poh, char *buffer, size_t *size, daos_event_t *ev);
int daos_pool_get_attr(daos_handle_t poh, int n, const char *const *names, void *const *buffers,
		       size_t *sizes, daos_event_t *ev);
int daos_pool_set_attr(daos_handle_t poh, int n, const char *const *names,
		       const void *const *values, const size_t *sizes, daos_event_t *ev);
int daos_pool_del_attr(daos_handle_t poh, int n, const char *const *names, daos_event_t *ev);

/**
 * List containers. @ncont: room in @cbuf, which may be NULL, then how many there are.
 * Errors: -DER_TRUNC (@cbuf too short; @ncont is set).  Blocks: yes, unless @ev.
 */
int daos_pool_list_cont(daos_handle_t poh, daos_size_t *ncont, struct daos_pool_cont_info *cbuf,
			daos_event_t *ev);

/** How a filter compares, what it compares, and how its parts combine. */
enum daos_pool_cont_filter_func {
	PCF_FUNC_EQ	= 0,
	PCF_FUNC_NE	= 1,
	PCF_FUNC_LT	= 2,
	PCF_FUNC_LE	= 3,
	PCF_FUNC_GT	= 4,
	PCF_FUNC_GE	= 5,
	PCF_FUNC_MAX,
};

enum daos_pool_cont_filter_key {
	PCF_KEY_MD_OTIME	= 0,
	PCF_KEY_MD_MTIME	= 1,
	PCF_KEY_NUM_SNAPSHOTS	= 2,
	PCF_KEY_NUM_HANDLES	= 3,
	PCF_KEY_MAX,
};

enum daos_pool_cont_filter_combine {
	PCF_COMBINE_LOGICAL_AND	= 0,
	PCF_COMBINE_LOGICAL_OR	= 1,
};

/** Most parts of a filter. */
#define DAOS_POOL_CONT_FILTER_MAX_NPARTS	8

/** One comparison. */
typedef struct daos_pool_cont_filter_part {
	uint32_t	pcfp_func;
	uint32_t	pcfp_key;
	union {
		uint64_t	pcfp_val64;
		d_string_t	pcfp_valstr;
	};
} daos_pool_cont_filter_part_t;

/** Comparisons, all of which or one of which a container must meet. */
typedef struct daos_pool_cont_filter {
	uint32_t				  pcf_combine_func;
	uint32_t				  pcf_nparts;
	struct daos_pool_cont_filter_part	**pcf_parts;
} daos_pool_cont_filter_t;

/** "==", "<", ... and "md_open_time", ...; "UNKNOWN" for anything else. */
static inline const char *daos_pool_cont_filter_func_str(enum daos_pool_cont_filter_func f)
{
	static const char *const name[] = { "==", "!=", "<", "<=", ">", ">=" };

	return (unsigned int)f < PCF_FUNC_MAX ? name[f] : "UNKNOWN";
}

static inline const char *daos_pool_cont_filter_key_str(enum daos_pool_cont_filter_key k)
{
	static const char *const name[] = { "md_open_time", "md_modify_time", "num_snapshots",
					    "num_handles" };

	return (unsigned int)k < PCF_KEY_MAX ? name[k] : "UNKNOWN";
}

/** Make an empty filter.  Errors: -DER_INVAL.  Blocks: no. */
int daos_pool_cont_filter_init(daos_pool_cont_filter_t *filt, uint32_t combine_func);

/** Add a part, which from now on belongs to the filter.  Errors: -DER_INVAL, -DER_NOMEM. */
int daos_pool_cont_filter_add(daos_pool_cont_filter_t *filt, daos_pool_cont_filter_part_t *part);

/** Free the parts. */
void daos_pool_cont_filter_fini(daos_pool_cont_filter_t *filt);

/** Like daos_pool_list_cont(), of the containers that meet @filter. */
int daos_pool_filter_cont(daos_handle_t poh, daos_pool_cont_filter_t *filter, daos_size_t *ncont,
			  struct daos_pool_cont_info2 *cbuf, daos_event_t *ev);

/** What a user may do, like daos_cont_get_perms().  Blocks: no. */
int daos_pool_get_perms(daos_prop_t *pool_prop, uid_t uid, gid_t *gids, size_t nr_gids,
			uint64_t *perms);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_POOL_H */

/* SPDX-License-Identifier: Apache-2.0 */
/** Questions about, and a few commands to, the whole system rather than one pool. */
#ifndef DAOS_MGMT_H
#define DAOS_MGMT_H

#include <uuid/uuid.h>

#include <daos_cont.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A pool in a listing. */
typedef struct {
	uuid_t		 mgpi_uuid;
	/** label, or NULL */
	char		*mgpi_label;
	/** ranks of the pool service */
	d_rank_list_t	*mgpi_svc;
	d_rank_t	 mgpi_ldr;
} daos_mgmt_pool_info_t;

/**
 * What this process knows of the system @sys, NULL for the configured one. Free it with
 * daos_mgmt_put_sys_info().
 * Errors: -DER_INVAL, -DER_NOMEM, -DER_NONEXIST, -DER_AGENT_COMM.  Blocks: yes.
 */
int daos_mgmt_get_sys_info(const char *sys, struct daos_sys_info **info);

/** Accepts NULL.  Blocks: no. */
void daos_mgmt_put_sys_info(struct daos_sys_info *info);

/**
 * List pools. @npools: room in @pools, which may be NULL, then how many there are.
 * Errors: -DER_TRUNC (@pools too short; @npools is set), -DER_UNREACH.  Blocks: yes, unless @ev.
 */
int daos_mgmt_list_pools(const char *group, daos_size_t *npools, daos_mgmt_pool_info_t *pools,
			 daos_event_t *ev);

/** Make the leader of the pool service step down.  Errors: -DER_NO_HDL. */
int daos_pool_stop_svc(daos_handle_t poh, daos_event_t *ev);

/** Keys of daos_debug_set_params(). */
enum {
	DMG_KEY_FAIL_LOC	= 0,
	DMG_KEY_FAIL_VALUE	= 1,
	DMG_KEY_FAIL_NUM	= 2,
	DMG_KEY_NUM,
};

/** Set a debug parameter on one rank, or with -1 on all.  Blocks: yes, unless @ev. */
int daos_debug_set_params(const char *grp, d_rank_t rank, unsigned int key_id, uint64_t value,
			  uint64_t value_extra, daos_event_t *ev);

/** Write @mark to the log of every engine.  Blocks: yes. */
int daos_debug_add_mark(const char *mark);

/** State of a device.  Blocks: yes, unless @ev. */
int daos_mgmt_get_bs_state(const char *group, uuid_t blobstore_uuid, int *blobstore_state,
			   daos_event_t *ev);

/** Version of the servers; the caller frees *tag, which may be NULL.  Blocks: yes. */
int dc_mgmt_srv_version(uint32_t *major, uint32_t *minor, uint32_t *patch, char **tag);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_MGMT_H */

/**
 * Put in front of the simple body's sources (-include) to give its functions other names; see
 * vos_simple.h. Never included otherwise.
 */
#ifndef GEMEL_VOS_SIMPLE_NAMES_H
#define GEMEL_VOS_SIMPLE_NAMES_H

#define vos_format vos_simple_format
#define vos_open vos_simple_open
#define vos_close vos_simple_close
#define vos_sync vos_simple_sync
#define vos_query vos_simple_query
#define vos_gc vos_simple_gc
#define vos_cont_create vos_simple_cont_create
#define vos_cont_destroy vos_simple_cont_destroy
#define vos_cont_open vos_simple_cont_open
#define vos_cont_close vos_simple_cont_close
#define vos_cont_query vos_simple_cont_query
#define vos_cont_list vos_simple_cont_list
#define vos_update vos_simple_update
#define vos_update_begin vos_simple_update_begin
#define vos_update_buf vos_simple_update_buf
#define vos_update_end vos_simple_update_end
#define vos_punch_obj vos_simple_punch_obj
#define vos_punch_dkey vos_simple_punch_dkey
#define vos_punch_akeys vos_simple_punch_akeys
#define vos_fetch vos_simple_fetch
#define vos_fetch_begin vos_simple_fetch_begin
#define vos_fetch_got vos_simple_fetch_got
#define vos_fetch_end vos_simple_fetch_end
#define vos_iterate vos_simple_iterate
#define vos_key_hash vos_simple_key_hash
#define vos_query_key vos_simple_query_key
#define vos_obj_epoch_max vos_simple_obj_epoch_max
#define vos_snapshots_set vos_simple_snapshots_set
#define vos_snapshots_get vos_simple_snapshots_get
#define vos_aggregate vos_simple_aggregate
#define vos_discard vos_simple_discard
#define vos_dtx_commit vos_simple_dtx_commit
#define vos_dtx_abort vos_simple_dtx_abort
#define vos_dtx_status vos_simple_dtx_status
#define vos_dtx_list vos_simple_dtx_list
#define vos_dtx_forget vos_simple_dtx_forget

#endif

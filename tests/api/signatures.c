/*
 * The type of every function of the public headers, against a list that was taken from the
 * interface itself: a changed argument, a missing declaration, a lost constness does not compile.
 */
#include <daos.h>
#include <daos_fs.h>
#include <daos_fs_sys.h>
#include <daos_task.h>
#include <daos_uns.h>
#include <daos/common.h>
#include <gurt/atomic.h>
#include <gurt/hash.h>

#define SIG(name, ret, ...)								\
	_Static_assert(__builtin_types_compatible_p(__typeof__(name), ret (__VA_ARGS__)), #name);

/* daos.h */
SIG(daos_fini, int, void)
SIG(daos_init, int, void)
SIG(daos_reinit, int, void)

/* daos_types.h */
SIG(daos_handle_is_inval, bool, daos_handle_t)
SIG(daos_handle_is_valid, bool, daos_handle_t)
SIG(daos_is_valid_uuid_string, bool, const char *, int)
SIG(daos_key_is_null, bool, daos_key_t)

/* daos_errno.h */
SIG(d_errdesc, const char *, int)
SIG(d_errstr, const char *, int)

/* daos_event.h */
SIG(daos_eq_create, int, daos_handle_t *)
SIG(daos_eq_destroy, int, daos_handle_t, int)
SIG(daos_eq_poll, int, daos_handle_t, int, int64_t, unsigned int, daos_event_t **)
SIG(daos_eq_query, int, daos_handle_t, daos_eq_query_t, unsigned int, daos_event_t **)
SIG(daos_event_abort, int, daos_event_t *)
SIG(daos_event_fini, int, daos_event_t *)
SIG(daos_event_init, int, daos_event_t *, daos_handle_t, daos_event_t *)
SIG(daos_event_next, daos_event_t *, daos_event_t *, daos_event_t *)
SIG(daos_event_parent_barrier, int, struct daos_event *)
SIG(daos_event_register_comp_cb, int, struct daos_event *, daos_event_comp_cb_t, void *)
SIG(daos_event_test, int, struct daos_event *, int64_t, bool *)

/* daos_obj.h */
SIG(daos_is_akey_lexical, bool, daos_obj_id_t)
SIG(daos_is_akey_lexical_type, bool, enum daos_otype_t)
SIG(daos_is_akey_uint64, bool, daos_obj_id_t)
SIG(daos_is_akey_uint64_type, bool, enum daos_otype_t)
SIG(daos_is_array, bool, daos_obj_id_t)
SIG(daos_is_array_type, bool, enum daos_otype_t)
SIG(daos_is_dkey_lexical, bool, daos_obj_id_t)
SIG(daos_is_dkey_lexical_type, bool, enum daos_otype_t)
SIG(daos_is_dkey_uint64, bool, daos_obj_id_t)
SIG(daos_is_dkey_uint64_type, bool, enum daos_otype_t)
SIG(daos_is_kv, bool, daos_obj_id_t)
SIG(daos_is_kv_type, bool, enum daos_otype_t)
SIG(daos_obj_anchor_set, int, daos_handle_t, uint32_t, daos_anchor_t *)
SIG(daos_obj_anchor_split, int, daos_handle_t, uint32_t *, daos_anchor_t *)
SIG(daos_obj_close, int, daos_handle_t, daos_event_t *)
SIG(daos_obj_fetch, int, daos_handle_t, daos_handle_t, uint64_t, daos_key_t *, unsigned int,
	daos_iod_t *, d_sg_list_t *, daos_iom_t *, daos_event_t *)
SIG(daos_obj_generate_oid, int, daos_handle_t, daos_obj_id_t *, enum daos_otype_t,
	daos_oclass_id_t, daos_oclass_hints_t, uint32_t)
SIG(daos_obj_id2class, daos_oclass_id_t, daos_obj_id_t)
SIG(daos_obj_id2grp_nr, uint32_t, daos_obj_id_t)
SIG(daos_obj_id2ord, enum daos_obj_redun, daos_obj_id_t)
SIG(daos_obj_id2type, enum daos_otype_t, daos_obj_id_t)
SIG(daos_obj_id_is_nil, bool, daos_obj_id_t)
SIG(daos_obj_key2anchor, int, daos_handle_t, daos_handle_t, daos_key_t *, daos_key_t *,
	daos_anchor_t *, daos_event_t *)
SIG(daos_obj_list_akey, int, daos_handle_t, daos_handle_t, daos_key_t *, uint32_t *,
	daos_key_desc_t *, d_sg_list_t *, daos_anchor_t *, daos_event_t *)
SIG(daos_obj_list_dkey, int, daos_handle_t, daos_handle_t, uint32_t *, daos_key_desc_t *,
	d_sg_list_t *, daos_anchor_t *, daos_event_t *)
SIG(daos_obj_list_recx, int, daos_handle_t, daos_handle_t, daos_key_t *, daos_key_t *,
	daos_size_t *, uint32_t *, daos_recx_t *, daos_epoch_range_t *, daos_anchor_t *, bool,
	daos_event_t *)
SIG(daos_obj_oid_cycle, void, daos_obj_id_t *)
SIG(daos_obj_open, int, daos_handle_t, daos_obj_id_t, unsigned int, daos_handle_t *,
	daos_event_t *)
SIG(daos_obj_punch, int, daos_handle_t, daos_handle_t, uint64_t, daos_event_t *)
SIG(daos_obj_punch_akeys, int, daos_handle_t, daos_handle_t, uint64_t, daos_key_t *, unsigned
	int, daos_key_t *, daos_event_t *)
SIG(daos_obj_punch_dkeys, int, daos_handle_t, daos_handle_t, uint64_t, unsigned int, daos_key_t
	*, daos_event_t *)
SIG(daos_obj_query, int, daos_handle_t, struct daos_obj_attr *, d_rank_list_t *, daos_event_t *)
SIG(daos_obj_query_key, int, daos_handle_t, daos_handle_t, uint64_t, daos_key_t *, daos_key_t *,
	daos_recx_t *, daos_event_t *)
SIG(daos_obj_query_max_epoch, int, daos_handle_t, daos_handle_t, daos_epoch_t *, daos_event_t *)
SIG(daos_obj_update, int, daos_handle_t, daos_handle_t, uint64_t, daos_key_t *, unsigned int,
	daos_iod_t *, d_sg_list_t *, daos_event_t *)
SIG(daos_obj_verify, int, daos_handle_t, daos_obj_id_t, daos_epoch_t)
SIG(daos_oit_close, int, daos_handle_t, daos_event_t *)
SIG(daos_oit_list, int, daos_handle_t, daos_obj_id_t *, uint32_t *, daos_anchor_t *,
	daos_event_t *)
SIG(daos_oit_list_filter, int, daos_handle_t, daos_obj_id_t *, uint32_t *, daos_anchor_t *,
	daos_oit_filter_cb *, daos_event_t *)
SIG(daos_oit_list_unmarked, int, daos_handle_t, daos_obj_id_t *, uint32_t *, daos_anchor_t *,
	daos_event_t *)
SIG(daos_oit_mark, int, daos_handle_t, daos_obj_id_t, d_iov_t *, daos_event_t *)
SIG(daos_oit_open, int, daos_handle_t, daos_epoch_t, daos_handle_t *, daos_event_t *)
SIG(daos_otype_t_is_valid, bool, enum daos_otype_t)
SIG(daos_pa_domain_is_valid, bool, uint32_t)

/* daos_obj_class.h */
SIG(daos_obj_list_class, int, daos_handle_t, struct daos_oclass_list *, daos_anchor_t *,
	daos_event_t *)
SIG(daos_obj_query_class, int, daos_handle_t, daos_oclass_id_t, struct daos_oclass_attr *,
	daos_event_t *)
SIG(daos_obj_register_class, int, daos_handle_t, daos_oclass_id_t, struct daos_oclass_attr *,
	daos_event_t *)
SIG(daos_oclass_id2name, int, daos_oclass_id_t, char *)
SIG(daos_oclass_name2id, int, const char *)
SIG(daos_oclass_names_list, ssize_t, size_t, char *)
SIG(daos_oclass_nr, int, int)

/* daos_array.h */
SIG(daos_array_close, int, daos_handle_t, daos_event_t *)
SIG(daos_array_create, int, daos_handle_t, daos_obj_id_t, daos_handle_t, daos_size_t,
	daos_size_t, daos_handle_t *, daos_event_t *)
SIG(daos_array_destroy, int, daos_handle_t, daos_handle_t, daos_event_t *)
SIG(daos_array_generate_oid, int, daos_handle_t, daos_obj_id_t *, bool, daos_oclass_id_t,
	daos_oclass_hints_t, uint32_t)
SIG(daos_array_get_attr, int, daos_handle_t, daos_size_t *, daos_size_t *)
SIG(daos_array_get_size, int, daos_handle_t, daos_handle_t, daos_size_t *, daos_event_t *)
SIG(daos_array_global2local, int, daos_handle_t, d_iov_t, unsigned int, daos_handle_t *)
SIG(daos_array_local2global, int, daos_handle_t, d_iov_t *)
SIG(daos_array_open, int, daos_handle_t, daos_obj_id_t, daos_handle_t, unsigned int, daos_size_t
	*, daos_size_t *, daos_handle_t *, daos_event_t *)
SIG(daos_array_open_with_attr, int, daos_handle_t, daos_obj_id_t, daos_handle_t, unsigned int,
	daos_size_t, daos_size_t, daos_handle_t *, daos_event_t *)
SIG(daos_array_punch, int, daos_handle_t, daos_handle_t, daos_array_iod_t *, daos_event_t *)
SIG(daos_array_read, int, daos_handle_t, daos_handle_t, daos_array_iod_t *, d_sg_list_t *,
	daos_event_t *)
SIG(daos_array_set_size, int, daos_handle_t, daos_handle_t, daos_size_t, daos_event_t *)
SIG(daos_array_stat, int, daos_handle_t, daos_handle_t, daos_array_stbuf_t *, daos_event_t *)
SIG(daos_array_update_chunk_size, int, daos_handle_t, daos_size_t)
SIG(daos_array_write, int, daos_handle_t, daos_handle_t, daos_array_iod_t *, d_sg_list_t *,
	daos_event_t *)

/* daos_kv.h */
SIG(daos_kv_close, int, daos_handle_t, daos_event_t *)
SIG(daos_kv_destroy, int, daos_handle_t, daos_handle_t, daos_event_t *)
SIG(daos_kv_get, int, daos_handle_t, daos_handle_t, uint64_t, const char *, daos_size_t *, void
	*, daos_event_t *)
SIG(daos_kv_list, int, daos_handle_t, daos_handle_t, uint32_t *, daos_key_desc_t *, d_sg_list_t
	*, daos_anchor_t *, daos_event_t *)
SIG(daos_kv_open, int, daos_handle_t, daos_obj_id_t, unsigned int, daos_handle_t *, daos_event_t
	*)
SIG(daos_kv_put, int, daos_handle_t, daos_handle_t, uint64_t, const char *, daos_size_t, const
	void *, daos_event_t *)
SIG(daos_kv_remove, int, daos_handle_t, daos_handle_t, uint64_t, const char *, daos_event_t *)

/* daos_prop.h */
SIG(daos_label_is_valid, bool, const char *)
SIG(daos_perf_domain_is_valid, bool, const char *)
SIG(daos_prop_alloc, daos_prop_t *, uint32_t)
SIG(daos_prop_co_status_2_val, uint64_t, struct daos_co_status *)
SIG(daos_prop_entry_cmp_acl, int, struct daos_prop_entry *, struct daos_prop_entry *)
SIG(daos_prop_entry_dup_byteval, int, struct daos_prop_entry *, struct daos_prop_entry *)
SIG(daos_prop_entry_dup_co_roots, int, struct daos_prop_entry *, struct daos_prop_entry *)
SIG(daos_prop_entry_dup_ptr, int, struct daos_prop_entry *, struct daos_prop_entry *, size_t)
SIG(daos_prop_entry_get, struct daos_prop_entry *, daos_prop_t *, uint32_t)
SIG(daos_prop_entry_set_byteval, int, struct daos_prop_entry *, const void *, size_t)
SIG(daos_prop_entry_set_ptr, int, struct daos_prop_entry *, const void *, daos_size_t)
SIG(daos_prop_entry_set_str, int, struct daos_prop_entry *, const char *, daos_size_t)
SIG(daos_prop_fini, void, daos_prop_t *)
SIG(daos_prop_free, void, daos_prop_t *)
SIG(daos_prop_from_str, int, const char *, daos_size_t, daos_prop_t **)
SIG(daos_prop_has_byteval, bool, struct daos_prop_entry *)
SIG(daos_prop_has_ptr, bool, struct daos_prop_entry *)
SIG(daos_prop_has_str, bool, struct daos_prop_entry *)
SIG(daos_prop_is_set, bool, struct daos_prop_entry *)
SIG(daos_prop_merge, daos_prop_t *, daos_prop_t *, daos_prop_t *)
SIG(daos_prop_merge2, int, daos_prop_t *, daos_prop_t *, daos_prop_t **)
SIG(daos_prop_set_byteval, int, daos_prop_t *, uint32_t, const void *, size_t)
SIG(daos_prop_set_ptr, int, daos_prop_t *, uint32_t, const void *, daos_size_t)
SIG(daos_prop_set_str, int, daos_prop_t *, uint32_t, const char *, daos_size_t)
SIG(daos_prop_val_2_co_status, void, uint64_t, struct daos_co_status *)
SIG(daos_rf_is_valid, bool, unsigned long long)
SIG(daos_svc_rf_is_valid, bool, uint64_t)

/* daos_cont.h */
SIG(daos_cont_aggregate, int, daos_handle_t, daos_epoch_t, daos_event_t *)
SIG(daos_cont_alloc_oids, int, daos_handle_t, daos_size_t, uint64_t *, daos_event_t *)
SIG(daos_cont_close, int, daos_handle_t, daos_event_t *)
SIG(daos_cont_create, int, daos_handle_t, uuid_t *, daos_prop_t *, daos_event_t *)
SIG(daos_cont_create_snap, int, daos_handle_t, daos_epoch_t *, char *, daos_event_t *)
SIG(daos_cont_create_snap_opt, int, daos_handle_t, daos_epoch_t *, char *, enum
	daos_snapshot_opts, daos_event_t *)
SIG(daos_cont_create_with_label, int, daos_handle_t, const char *, daos_prop_t *, uuid_t *,
	daos_event_t *)
SIG(daos_cont_del_attr, int, daos_handle_t, int, const char *const *, daos_event_t *)
SIG(daos_cont_delete_acl, int, daos_handle_t, enum daos_acl_principal_type, d_string_t,
	daos_event_t *)
SIG(daos_cont_destroy, int, daos_handle_t, const char *, int, daos_event_t *)
SIG(daos_cont_destroy_snap, int, daos_handle_t, daos_epoch_range_t, daos_event_t *)
SIG(daos_cont_get_acl, int, daos_handle_t, daos_prop_t **, daos_event_t *)
SIG(daos_cont_get_attr, int, daos_handle_t, int, const char *const *, void *const *, size_t *,
	daos_event_t *)
SIG(daos_cont_get_perms, int, daos_prop_t *, uid_t, gid_t *, size_t, uint64_t *)
SIG(daos_cont_global2local, int, daos_handle_t, d_iov_t, daos_handle_t *)
SIG(daos_cont_list_attr, int, daos_handle_t, char *, size_t *, daos_event_t *)
SIG(daos_cont_list_snap, int, daos_handle_t, int *, daos_epoch_t *, char **, daos_anchor_t *,
	daos_event_t *)
SIG(daos_cont_local2global, int, daos_handle_t, d_iov_t *)
SIG(daos_cont_open, int, daos_handle_t, const char *, unsigned int, daos_handle_t *,
	daos_cont_info_t *, daos_event_t *)
SIG(daos_cont_overwrite_acl, int, daos_handle_t, struct daos_acl *, daos_event_t *)
SIG(daos_cont_query, int, daos_handle_t, daos_cont_info_t *, daos_prop_t *, daos_event_t *)
SIG(daos_cont_rollback, int, daos_handle_t, daos_epoch_t, daos_event_t *)
SIG(daos_cont_set_attr, int, daos_handle_t, int, const char *const *, const void *const *, const
	size_t *, daos_event_t *)
SIG(daos_cont_set_owner, int, daos_handle_t, d_string_t, d_string_t, daos_event_t *)
SIG(daos_cont_set_owner_no_check, int, daos_handle_t, d_string_t, d_string_t, daos_event_t *)
SIG(daos_cont_set_prop, int, daos_handle_t, daos_prop_t *, daos_event_t *)
SIG(daos_cont_snap_oit_create, int, daos_handle_t, daos_epoch_t, char *, daos_event_t *)
SIG(daos_cont_snap_oit_destroy, int, daos_handle_t, daos_handle_t, daos_event_t *)
SIG(daos_cont_status_clear, int, daos_handle_t, daos_event_t *)
SIG(daos_cont_subscribe, int, daos_handle_t, daos_epoch_t *, daos_event_t *)
SIG(daos_cont_update_acl, int, daos_handle_t, struct daos_acl *, daos_event_t *)
SIG(daos_rank_list_parse, d_rank_list_t *, const char *, const char *)

/* daos_pool.h */
SIG(daos_pool_connect, int, const char *, const char *, unsigned int, daos_handle_t *,
	daos_pool_info_t *, daos_event_t *)
SIG(daos_pool_cont_filter_add, int, daos_pool_cont_filter_t *, daos_pool_cont_filter_part_t *)
SIG(daos_pool_cont_filter_fini, void, daos_pool_cont_filter_t *)
SIG(daos_pool_cont_filter_func_str, const char *, enum daos_pool_cont_filter_func)
SIG(daos_pool_cont_filter_init, int, daos_pool_cont_filter_t *, uint32_t)
SIG(daos_pool_cont_filter_key_str, const char *, enum daos_pool_cont_filter_key)
SIG(daos_pool_del_attr, int, daos_handle_t, int, const char *const *, daos_event_t *)
SIG(daos_pool_disconnect, int, daos_handle_t, daos_event_t *)
SIG(daos_pool_filter_cont, int, daos_handle_t, daos_pool_cont_filter_t *, daos_size_t *, struct
	daos_pool_cont_info2 *, daos_event_t *)
SIG(daos_pool_get_attr, int, daos_handle_t, int, const char *const *, void *const *, size_t *,
	daos_event_t *)
SIG(daos_pool_get_perms, int, daos_prop_t *, uid_t, gid_t *, size_t, uint64_t *)
SIG(daos_pool_global2local, int, d_iov_t, daos_handle_t *)
SIG(daos_pool_list_attr, int, daos_handle_t, char *, size_t *, daos_event_t *)
SIG(daos_pool_list_cont, int, daos_handle_t, daos_size_t *, struct daos_pool_cont_info *,
	daos_event_t *)
SIG(daos_pool_local2global, int, daos_handle_t, d_iov_t *)
SIG(daos_pool_query, int, daos_handle_t, d_rank_list_t **, daos_pool_info_t *, daos_prop_t *,
	daos_event_t *)
SIG(daos_pool_query_target, int, daos_handle_t, uint32_t, d_rank_t, daos_target_info_t *,
	daos_event_t *)
SIG(daos_pool_set_attr, int, daos_handle_t, int, const char *const *, const void *const *, const
	size_t *, daos_event_t *)

/* daos_mgmt.h */
SIG(daos_debug_add_mark, int, const char *)
SIG(daos_debug_set_params, int, const char *, d_rank_t, unsigned int, uint64_t, uint64_t,
	daos_event_t *)
SIG(daos_mgmt_get_bs_state, int, const char *, unsigned char *, int *, daos_event_t *)
SIG(daos_mgmt_get_sys_info, int, const char *, struct daos_sys_info **)
SIG(daos_mgmt_list_pools, int, const char *, daos_size_t *, daos_mgmt_pool_info_t *,
	daos_event_t *)
SIG(daos_mgmt_put_sys_info, void, struct daos_sys_info *)
SIG(daos_pool_stop_svc, int, daos_handle_t, daos_event_t *)
SIG(dc_mgmt_srv_version, int, uint32_t *, uint32_t *, uint32_t *, char **)

/* daos_security.h */
SIG(daos_ace_create, struct daos_ace *, enum daos_acl_principal_type, const char *)
SIG(daos_ace_dump, void, struct daos_ace *, uint32_t)
SIG(daos_ace_free, void, struct daos_ace *)
SIG(daos_ace_from_str, int, const char *, struct daos_ace **)
SIG(daos_ace_get_principal_str, const char *, struct daos_ace *)
SIG(daos_ace_get_size, ssize_t, struct daos_ace *)
SIG(daos_ace_is_valid, bool, struct daos_ace *)
SIG(daos_ace_str_get_verbose, int, const char *, char *, size_t)
SIG(daos_ace_to_str, int, struct daos_ace *, char *, size_t)
SIG(daos_acl_add_ace, int, struct daos_acl **, struct daos_ace *)
SIG(daos_acl_create, struct daos_acl *, struct daos_ace **, uint16_t)
SIG(daos_acl_dump, void, struct daos_acl *)
SIG(daos_acl_dup, struct daos_acl *, struct daos_acl *)
SIG(daos_acl_free, void, struct daos_acl *)
SIG(daos_acl_from_strs, int, const char **, size_t, struct daos_acl **)
SIG(daos_acl_get_ace_for_principal, int, struct daos_acl *, enum daos_acl_principal_type, const
	char *, struct daos_ace **)
SIG(daos_acl_get_next_ace, struct daos_ace *, struct daos_acl *, struct daos_ace *)
SIG(daos_acl_get_size, ssize_t, struct daos_acl *)
SIG(daos_acl_gid_to_principal, int, gid_t, char **)
SIG(daos_acl_principal_from_str, int, const char *, enum daos_acl_principal_type *, char **)
SIG(daos_acl_principal_is_valid, bool, const char *)
SIG(daos_acl_principal_to_gid, int, const char *, gid_t *)
SIG(daos_acl_principal_to_uid, int, const char *, uid_t *)
SIG(daos_acl_remove_ace, int, struct daos_acl **, enum daos_acl_principal_type, const char *)
SIG(daos_acl_to_stream, int, FILE *, struct daos_acl *, bool)
SIG(daos_acl_to_strs, int, struct daos_acl *, char ** *, size_t *)
SIG(daos_acl_uid_to_principal, int, uid_t, char **)
SIG(daos_acl_validate, int, struct daos_acl *)

/* daos_api.h */
SIG(daos_anchor_fini, void, daos_anchor_t *)
SIG(daos_anchor_init, int, daos_anchor_t *, unsigned int)
SIG(daos_anchor_is_eof, bool, daos_anchor_t *)
SIG(daos_hlc2timespec, int, uint64_t, struct timespec *)
SIG(daos_hlc2timestamp, int, uint64_t, time_t *)
SIG(daos_tx_abort, int, daos_handle_t, daos_event_t *)
SIG(daos_tx_close, int, daos_handle_t, daos_event_t *)
SIG(daos_tx_commit, int, daos_handle_t, daos_event_t *)
SIG(daos_tx_hdl2epoch, int, daos_handle_t, daos_epoch_t *)
SIG(daos_tx_open, int, daos_handle_t, daos_handle_t *, uint64_t, daos_event_t *)
SIG(daos_tx_open_snap, int, daos_handle_t, daos_epoch_t, daos_handle_t *, daos_event_t *)
SIG(daos_tx_restart, int, daos_handle_t, daos_event_t *)

/* daos_fs.h */
SIG(dfs_access, int, dfs_t *, dfs_obj_t *, const char *, int)
SIG(dfs_chmod, int, dfs_t *, dfs_obj_t *, const char *, mode_t)
SIG(dfs_chown, int, dfs_t *, dfs_obj_t *, const char *, uid_t, gid_t, int)
SIG(dfs_connect, int, const char *, const char *, const char *, int, dfs_attr_t *, dfs_t **)
SIG(dfs_connect_snap, int, const char *, const char *, const char *, int, daos_epoch_t, const
	char *, dfs_t **)
SIG(dfs_cont_check, int, daos_handle_t, const char *, uint64_t, const char *)
SIG(dfs_cont_create, int, daos_handle_t, uuid_t *, dfs_attr_t *, daos_handle_t *, dfs_t **)
SIG(dfs_cont_create_with_label, int, daos_handle_t, const char *, dfs_attr_t *, uuid_t *,
	daos_handle_t *, dfs_t **)
SIG(dfs_cont_get, int, dfs_t *, daos_handle_t *)
SIG(dfs_cont_put, int, dfs_t *, daos_handle_t)
SIG(dfs_cont_scan, int, daos_handle_t, const char *, uint64_t, const char *)
SIG(dfs_cont_set_owner, int, daos_handle_t, d_string_t, uid_t, d_string_t, gid_t)
SIG(dfs_destroy, int, const char *, const char *, const char *, int, daos_event_t *)
SIG(dfs_dir_anchor_set, int, dfs_obj_t *, const char *, daos_anchor_t *)
SIG(dfs_disconnect, int, dfs_t *)
SIG(dfs_dup, int, dfs_t *, dfs_obj_t *, int, dfs_obj_t **)
SIG(dfs_exchange, int, dfs_t *, dfs_obj_t *, const char *, dfs_obj_t *, const char *)
SIG(dfs_fini, int, void)
SIG(dfs_get_chunk_size, int, dfs_obj_t *, daos_size_t *)
SIG(dfs_get_file_oh, int, dfs_obj_t *, daos_handle_t *)
SIG(dfs_get_mode, int, dfs_obj_t *, mode_t *)
SIG(dfs_get_size, int, dfs_t *, dfs_obj_t *, daos_size_t *)
SIG(dfs_get_size_by_oid, int, dfs_t *, daos_obj_id_t, daos_size_t, daos_size_t *)
SIG(dfs_get_symlink_value, int, dfs_obj_t *, char *, daos_size_t *)
SIG(dfs_getxattr, int, dfs_t *, dfs_obj_t *, const char *, void *, daos_size_t *)
SIG(dfs_global2local, int, daos_handle_t, daos_handle_t, int, d_iov_t, dfs_t **)
SIG(dfs_global2local_all, int, int, d_iov_t, dfs_t **)
SIG(dfs_init, int, void)
SIG(dfs_iterate, int, dfs_t *, dfs_obj_t *, daos_anchor_t *, uint32_t *, size_t,
	dfs_filler_cb_t, void *)
SIG(dfs_listxattr, int, dfs_t *, dfs_obj_t *, char *, daos_size_t *)
SIG(dfs_local2global, int, dfs_t *, d_iov_t *)
SIG(dfs_local2global_all, int, dfs_t *, d_iov_t *)
SIG(dfs_lookup, int, dfs_t *, const char *, int, dfs_obj_t **, mode_t *, struct stat *)
SIG(dfs_lookup_rel, int, dfs_t *, dfs_obj_t *, const char *, int, dfs_obj_t **, mode_t *, struct
	stat *)
SIG(dfs_mkdir, int, dfs_t *, dfs_obj_t *, const char *, mode_t, daos_oclass_id_t)
SIG(dfs_mount, int, daos_handle_t, daos_handle_t, int, dfs_t **)
SIG(dfs_mount_snap, int, daos_handle_t, daos_handle_t, int, daos_epoch_t, const char *, dfs_t
	**)
SIG(dfs_move, int, dfs_t *, dfs_obj_t *, const char *, dfs_obj_t *, const char *, daos_obj_id_t
	*)
SIG(dfs_obj2id, int, dfs_obj_t *, daos_obj_id_t *)
SIG(dfs_obj_anchor_set, int, dfs_obj_t *, uint32_t, daos_anchor_t *)
SIG(dfs_obj_anchor_split, int, dfs_obj_t *, uint32_t *, daos_anchor_t *)
SIG(dfs_obj_get_info, int, dfs_t *, dfs_obj_t *, dfs_obj_info_t *)
SIG(dfs_obj_global2local, int, dfs_t *, int, d_iov_t, dfs_obj_t **)
SIG(dfs_obj_local2global, int, dfs_t *, dfs_obj_t *, d_iov_t *)
SIG(dfs_obj_set_chunk_size, int, dfs_t *, dfs_obj_t *, int, daos_size_t)
SIG(dfs_obj_set_oclass, int, dfs_t *, dfs_obj_t *, int, daos_oclass_id_t)
SIG(dfs_open, int, dfs_t *, dfs_obj_t *, const char *, mode_t, int, daos_oclass_id_t,
	daos_size_t, const char *, dfs_obj_t **)
SIG(dfs_osetattr, int, dfs_t *, dfs_obj_t *, struct stat *, int)
SIG(dfs_ostat, int, dfs_t *, dfs_obj_t *, struct stat *)
SIG(dfs_pipeline_create, int, dfs_t *, dfs_predicate_t, uint64_t, dfs_pipeline_t **)
SIG(dfs_pipeline_destroy, int, dfs_pipeline_t *)
SIG(dfs_pool_get, int, dfs_t *, daos_handle_t *)
SIG(dfs_pool_put, int, dfs_t *, daos_handle_t)
SIG(dfs_punch, int, dfs_t *, dfs_obj_t *, daos_off_t, daos_size_t)
SIG(dfs_query, int, dfs_t *, dfs_attr_t *)
SIG(dfs_read, int, dfs_t *, dfs_obj_t *, d_sg_list_t *, daos_off_t, daos_size_t *, daos_event_t
	*)
SIG(dfs_readdir, int, dfs_t *, dfs_obj_t *, daos_anchor_t *, uint32_t *, struct dirent *)
SIG(dfs_readdir_with_filter, int, dfs_t *, dfs_obj_t *, dfs_pipeline_t *, daos_anchor_t *,
	uint32_t *, struct dirent *, daos_obj_id_t *, daos_size_t *, uint64_t *)
SIG(dfs_readdirplus, int, dfs_t *, dfs_obj_t *, daos_anchor_t *, uint32_t *, struct dirent *,
	struct stat *)
SIG(dfs_readx, int, dfs_t *, dfs_obj_t *, dfs_iod_t *, d_sg_list_t *, daos_size_t *,
	daos_event_t *)
SIG(dfs_release, int, dfs_obj_t *)
SIG(dfs_remove, int, dfs_t *, dfs_obj_t *, const char *, bool, daos_obj_id_t *)
SIG(dfs_removexattr, int, dfs_t *, dfs_obj_t *, const char *)
SIG(dfs_set_prefix, int, dfs_t *, const char *)
SIG(dfs_setxattr, int, dfs_t *, dfs_obj_t *, const char *, const void *, daos_size_t, int)
SIG(dfs_stat, int, dfs_t *, dfs_obj_t *, const char *, struct stat *)
SIG(dfs_suggest_oclass, int, dfs_t *, const char *, daos_oclass_id_t *)
SIG(dfs_sync, int, dfs_t *)
SIG(dfs_umount, int, dfs_t *)
SIG(dfs_update_parent, int, dfs_obj_t *, dfs_obj_t *, const char *)
SIG(dfs_write, int, dfs_t *, dfs_obj_t *, d_sg_list_t *, daos_off_t, daos_event_t *)
SIG(dfs_writex, int, dfs_t *, dfs_obj_t *, dfs_iod_t *, d_sg_list_t *, daos_event_t *)

/* daos_fs_sys.h */
SIG(dfs_sys2base, int, dfs_sys_t *, dfs_t **)
SIG(dfs_sys_access, int, dfs_sys_t *, const char *, int, int)
SIG(dfs_sys_chmod, int, dfs_sys_t *, const char *, mode_t)
SIG(dfs_sys_chown, int, dfs_sys_t *, const char *, uid_t, gid_t, int)
SIG(dfs_sys_close, int, dfs_obj_t *)
SIG(dfs_sys_closedir, int, DIR *)
SIG(dfs_sys_connect, int, const char *, const char *, const char *, int, int, dfs_attr_t *,
	dfs_sys_t **)
SIG(dfs_sys_disconnect, int, dfs_sys_t *)
SIG(dfs_sys_getxattr, int, dfs_sys_t *, const char *, const char *, void *, daos_size_t *, int)
SIG(dfs_sys_global2local, int, daos_handle_t, daos_handle_t, int, int, d_iov_t, dfs_sys_t **)
SIG(dfs_sys_global2local_all, int, int, int, d_iov_t, dfs_sys_t **)
SIG(dfs_sys_listxattr, int, dfs_sys_t *, const char *, char *, daos_size_t *, int)
SIG(dfs_sys_local2global, int, dfs_sys_t *, d_iov_t *)
SIG(dfs_sys_local2global_all, int, dfs_sys_t *, d_iov_t *)
SIG(dfs_sys_mkdir, int, dfs_sys_t *, const char *, mode_t, daos_oclass_id_t)
SIG(dfs_sys_mkdir_p, int, dfs_sys_t *, const char *, mode_t, daos_oclass_id_t)
SIG(dfs_sys_mknod, int, dfs_sys_t *, const char *, mode_t, daos_oclass_id_t, daos_size_t)
SIG(dfs_sys_mount, int, daos_handle_t, daos_handle_t, int, int, dfs_sys_t **)
SIG(dfs_sys_open, int, dfs_sys_t *, const char *, mode_t, int, daos_oclass_id_t, daos_size_t,
	const char *, dfs_obj_t **)
SIG(dfs_sys_opendir, int, dfs_sys_t *, const char *, int, DIR **)
SIG(dfs_sys_punch, int, dfs_sys_t *, const char *, daos_off_t, daos_off_t)
SIG(dfs_sys_read, int, dfs_sys_t *, dfs_obj_t *, void *, daos_off_t, daos_size_t *, daos_event_t
	*)
SIG(dfs_sys_readdir, int, dfs_sys_t *, DIR *, struct dirent **)
SIG(dfs_sys_readlink, int, dfs_sys_t *, const char *, char *, daos_size_t *)
SIG(dfs_sys_remove, int, dfs_sys_t *, const char *, bool, daos_obj_id_t *)
SIG(dfs_sys_remove_type, int, dfs_sys_t *, const char *, bool, mode_t, daos_obj_id_t *)
SIG(dfs_sys_removexattr, int, dfs_sys_t *, const char *, const char *, int)
SIG(dfs_sys_set_prefix, int, dfs_sys_t *, const char *)
SIG(dfs_sys_setattr, int, dfs_sys_t *, const char *, struct stat *, int, int)
SIG(dfs_sys_setxattr, int, dfs_sys_t *, const char *, const char *, const void *, daos_size_t,
	int, int)
SIG(dfs_sys_stat, int, dfs_sys_t *, const char *, int, struct stat *)
SIG(dfs_sys_symlink, int, dfs_sys_t *, const char *, const char *)
SIG(dfs_sys_umount, int, dfs_sys_t *)
SIG(dfs_sys_utimens, int, dfs_sys_t *, const char *, const struct timespec *, int)
SIG(dfs_sys_write, int, dfs_sys_t *, dfs_obj_t *, const void *, daos_off_t, daos_size_t *,
	daos_event_t *)

/* daos_uns.h */
SIG(duns_create_path, int, daos_handle_t, const char *, struct duns_attr_t *)
SIG(duns_destroy_attr, void, struct duns_attr_t *)
SIG(duns_destroy_path, int, daos_handle_t, const char *)
SIG(duns_link_cont, int, daos_handle_t, const char *, const char *)
SIG(duns_parse_attr, int, char *, daos_size_t, struct duns_attr_t *)
SIG(duns_resolve_path, int, const char *, struct duns_attr_t *)
SIG(duns_set_sys_name, int, struct duns_attr_t *, const char *)

/* daos_task.h */
SIG(daos_progress, int, tse_sched_t *, int64_t, bool *)
SIG(daos_task_create, int, daos_opc_t, tse_sched_t *, unsigned int, tse_task_t **, tse_task_t
	**)
SIG(daos_task_get_args, void *, tse_task_t *)
SIG(daos_task_get_priv, void *, tse_task_t *)
SIG(daos_task_reset, int, tse_task_t *, daos_opc_t)
SIG(daos_task_set_priv, void *, tse_task_t *, void *)

/* daos/tse.h */
SIG(tse_disable_propagate, void, tse_task_t *)
SIG(tse_sched_addref, void, tse_sched_t *)
SIG(tse_sched_check_complete, bool, tse_sched_t *)
SIG(tse_sched_complete, void, tse_sched_t *, int, bool)
SIG(tse_sched_decref, void, tse_sched_t *)
SIG(tse_sched_fini, void, tse_sched_t *)
SIG(tse_sched_init, int, tse_sched_t *, tse_sched_comp_cb_t, void *)
SIG(tse_sched_progress, void, tse_sched_t *)
SIG(tse_sched_register_comp_cb, int, tse_sched_t *, tse_sched_comp_cb_t, void *)
SIG(tse_task2sched, tse_sched_t *, tse_task_t *)
SIG(tse_task_addref, void, tse_task_t *)
SIG(tse_task_buf_embedded, void *, tse_task_t *, int)
SIG(tse_task_complete, void, tse_task_t *, int)
SIG(tse_task_create, int, tse_task_func_t, tse_sched_t *, void *, tse_task_t **)
SIG(tse_task_decref, void, tse_task_t *)
SIG(tse_task_depend_list, int, tse_task_t *, d_list_t *)
SIG(tse_task_get_priv, void *, tse_task_t *)
SIG(tse_task_list_abort, void, d_list_t *, int)
SIG(tse_task_list_add, int, tse_task_t *, d_list_t *)
SIG(tse_task_list_del, void, tse_task_t *)
SIG(tse_task_list_depend, int, d_list_t *, tse_task_t *)
SIG(tse_task_list_first, tse_task_t *, d_list_t *)
SIG(tse_task_list_sched, void, d_list_t *, bool)
SIG(tse_task_list_traverse, int, d_list_t *, tse_task_cb_t, void *)
SIG(tse_task_list_traverse_adv, int, d_list_t *, tse_task_cb_t, void *)
SIG(tse_task_register_cbs, int, tse_task_t *, tse_task_cb_t, void *, size_t, tse_task_cb_t, void
	*, size_t)
SIG(tse_task_register_comp_cb, int, tse_task_t *, tse_task_cb_t, void *, size_t)
SIG(tse_task_register_comp_cb_and_reinit, int, tse_task_t *, tse_task_cb_t, void *, size_t,
	uint64_t)
SIG(tse_task_register_deps, int, tse_task_t *, int, tse_task_t **)
SIG(tse_task_reinit, int, tse_task_t *)
SIG(tse_task_reinit_with_delay, int, tse_task_t *, uint64_t)
SIG(tse_task_reset, int, tse_task_t *, tse_task_func_t, void *)
SIG(tse_task_schedule, int, tse_task_t *, bool)
SIG(tse_task_schedule_with_delay, int, tse_task_t *, bool, uint64_t)
SIG(tse_task_set_priv, void *, tse_task_t *, void *)

/* gurt/common.h */
SIG(d_agetenv_str, int, char **, const char *)
SIG(d_aligned_alloc, void *, size_t, size_t, bool)
SIG(d_asprintf, int, char **, const char *, ...)
SIG(d_asprintf2, char *, int *, const char *, ...)
SIG(d_backoff_seq_fini, void, struct d_backoff_seq *)
SIG(d_backoff_seq_init, int, struct d_backoff_seq *, uint8_t, uint16_t, uint32_t, uint32_t)
SIG(d_backoff_seq_next, uint32_t, struct d_backoff_seq *)
SIG(d_calloc, void *, size_t, size_t)
SIG(d_clearenv, int, void)
SIG(d_errno2der, int, int)
SIG(d_free, void, void *)
SIG(d_free_string, void, struct d_string_buffer_t *)
SIG(d_freeenv_str, void, char **)
SIG(d_getenv_bool, int, const char *, bool *)
SIG(d_getenv_char, int, const char *, char *)
SIG(d_getenv_int, int, const char *, unsigned int *)
SIG(d_getenv_str, int, char *, size_t, const char *)
SIG(d_getenv_uint, int, const char *, unsigned int *)
SIG(d_getenv_uint32_t, int, const char *, uint32_t *)
SIG(d_getenv_uint64_t, int, const char *, uint64_t *)
SIG(d_gettime, int, struct timespec *)
SIG(d_gettime_coarse, int, struct timespec *)
SIG(d_hash_jump, uint32_t, uint64_t, uint32_t)
SIG(d_hash_mix64, uint64_t, uint64_t)
SIG(d_hash_mix96, uint32_t, uint32_t, uint32_t, uint32_t)
SIG(d_hash_murmur64, uint64_t, const unsigned char *, unsigned int, unsigned int)
SIG(d_hash_string_u32, uint32_t, const char *, unsigned int)
SIG(d_hlc2msec, uint64_t, uint64_t)
SIG(d_hlc2nsec, uint64_t, uint64_t)
SIG(d_hlc2sec, uint64_t, uint64_t)
SIG(d_hlc2timespec, int, uint64_t, struct timespec *)
SIG(d_hlc2unixnsec, uint64_t, uint64_t)
SIG(d_hlc2usec, uint64_t, uint64_t)
SIG(d_hlc_age2sec, uint64_t, uint64_t)
SIG(d_hlc_epsilon_get, uint64_t, void)
SIG(d_hlc_epsilon_get_bound, uint64_t, uint64_t)
SIG(d_hlc_epsilon_set, void, uint64_t)
SIG(d_hlc_get, uint64_t, void)
SIG(d_hlc_get_msg, int, uint64_t, uint64_t *, uint64_t *)
SIG(d_idx_in_rank_list, int, d_rank_list_t *, d_rank_t, uint32_t *)
SIG(d_isenv_def, bool, char *)
SIG(d_malloc, void *, size_t)
SIG(d_msec2hlc, uint64_t, uint64_t)
SIG(d_nsec2hlc, uint64_t, uint64_t)
SIG(d_power2_nbits, unsigned int, unsigned int)
SIG(d_putenv, int, char *)
SIG(d_rand, long, void)
SIG(d_randd, double, void)
SIG(d_rank_in_rank_list, bool, d_rank_list_t *, d_rank_t)
SIG(d_rank_list_alloc, d_rank_list_t *, uint32_t)
SIG(d_rank_list_append, int, d_rank_list_t *, d_rank_t)
SIG(d_rank_list_bsearch, bool, d_rank_list_t *, d_rank_t, int *)
SIG(d_rank_list_copy, int, d_rank_list_t *, d_rank_list_t *)
SIG(d_rank_list_del, int, d_rank_list_t *, d_rank_t)
SIG(d_rank_list_del_at, void, d_rank_list_t *, int)
SIG(d_rank_list_dump, int, d_rank_list_t *, d_string_t, int)
SIG(d_rank_list_dup, int, d_rank_list_t **, const d_rank_list_t *)
SIG(d_rank_list_dup_sort_uniq, int, d_rank_list_t **, const d_rank_list_t *)
SIG(d_rank_list_filter, void, d_rank_list_t *, d_rank_list_t *, bool)
SIG(d_rank_list_find, bool, d_rank_list_t *, d_rank_t, int *)
SIG(d_rank_list_free, void, d_rank_list_t *)
SIG(d_rank_list_identical, bool, d_rank_list_t *, d_rank_list_t *)
SIG(d_rank_list_merge, int, d_rank_list_t *, d_rank_list_t *)
SIG(d_rank_list_resize, int, d_rank_list_t *, uint32_t)
SIG(d_rank_list_shuffle, void, d_rank_list_t *)
SIG(d_rank_list_sort, void, d_rank_list_t *)
SIG(d_rank_list_to_str, int, d_rank_list_t *, char **)
SIG(d_rank_range_list_alloc, d_rank_range_list_t *, uint32_t)
SIG(d_rank_range_list_create_from_ranks, d_rank_range_list_t *, d_rank_list_t *)
SIG(d_rank_range_list_free, void, d_rank_range_list_t *)
SIG(d_rank_range_list_realloc, d_rank_range_list_t *, d_rank_range_list_t *, uint32_t)
SIG(d_rank_range_list_str, int, d_rank_range_list_t *, char **)
SIG(d_realloc, void *, void * , size_t )
SIG(d_realpath, char *, const char *, char *)
SIG(d_sec2hlc, uint64_t, uint64_t)
SIG(d_setenv, int, const char *, const char *, int)
SIG(d_sgl_buf_copy, void, d_sg_list_t *, d_sg_list_t *)
SIG(d_sgl_buf_size, size_t, d_sg_list_t *)
SIG(d_sgl_fini, void, d_sg_list_t *, bool)
SIG(d_sgl_init, int, d_sg_list_t *, unsigned int)
SIG(d_srand, void, long )
SIG(d_strndup, char *, const char *, size_t)
SIG(d_time2ms, double, struct timespec)
SIG(d_time2s, double, struct timespec)
SIG(d_time2us, double, struct timespec)
SIG(d_time_elapsed, struct timespec, const struct timespec)
SIG(d_time_ms, struct timespec, unsigned int)
SIG(d_timediff, struct timespec, const struct timespec *, const struct timespec *)
SIG(d_timediff_ns, int64_t, const struct timespec *, const struct timespec *)
SIG(d_timeinc, void, struct timespec *, uint64_t)
SIG(d_timeinc_ms, void, struct timespec *, unsigned int)
SIG(d_timeleft_ns, int64_t, const struct timespec *)
SIG(d_timeless, bool, const struct timespec *, const struct timespec *)
SIG(d_timenull, bool, const struct timespec *)
SIG(d_timespec2hlc, int, struct timespec, uint64_t *)
SIG(d_timeus_secdiff, uint64_t, unsigned int)
SIG(d_u32_hash, uint32_t, uint64_t, unsigned int)
SIG(d_u64_hash, uint64_t, uint64_t, unsigned int)
SIG(d_unixnsec2hlc, uint64_t, uint64_t)
SIG(d_unsetenv, int, const char *)
SIG(d_usec2hlc, uint64_t, uint64_t)
SIG(d_write_string_buffer, int, struct d_string_buffer_t *, const char *, ...)
SIG(rank_list_to_uint32_array, int, d_rank_list_t *, uint32_t **, size_t *)
SIG(uint32_array_to_rank_list, d_rank_list_t *, uint32_t *, size_t)

/* gurt/hash.h */
SIG(d_hash_rec_addref, void, struct d_hash_table *, d_list_t *)
SIG(d_hash_rec_decref, void, struct d_hash_table *, d_list_t *)
SIG(d_hash_rec_delete, bool, struct d_hash_table *, const void *, unsigned int)
SIG(d_hash_rec_delete_at, bool, struct d_hash_table *, d_list_t *)
SIG(d_hash_rec_evict, bool, struct d_hash_table *, const void *, unsigned int)
SIG(d_hash_rec_evict_at, bool, struct d_hash_table *, d_list_t *)
SIG(d_hash_rec_find, d_list_t *, struct d_hash_table *, const void *, unsigned int)
SIG(d_hash_rec_find_insert, d_list_t *, struct d_hash_table *, const void *, unsigned int,
	d_list_t *)
SIG(d_hash_rec_first, d_list_t *, struct d_hash_table *)
SIG(d_hash_rec_insert, int, struct d_hash_table *, const void *, unsigned int, d_list_t *, bool)
SIG(d_hash_rec_insert_anonym, int, struct d_hash_table *, d_list_t *, void *)
SIG(d_hash_rec_ndecref, int, struct d_hash_table *, int, d_list_t *)
SIG(d_hash_rec_unlinked, bool, d_list_t *)
SIG(d_hash_table_create, int, uint32_t, uint32_t, void *, d_hash_table_ops_t *, struct
	d_hash_table **)
SIG(d_hash_table_create_inplace, int, uint32_t, uint32_t, void *, d_hash_table_ops_t *, struct
	d_hash_table *)
SIG(d_hash_table_debug, void, struct d_hash_table *)
SIG(d_hash_table_destroy, int, struct d_hash_table *, bool)
SIG(d_hash_table_destroy_inplace, int, struct d_hash_table *, bool)
SIG(d_hash_table_traverse, int, struct d_hash_table *, d_hash_traverse_cb_t, void *)

/* gurt/list.h */
SIG(d_hlist_add_after, void, d_hlist_node_t *, d_hlist_node_t *)
SIG(d_hlist_add_before, void, d_hlist_node_t *, d_hlist_node_t *)
SIG(d_hlist_add_head, void, d_hlist_node_t *, d_hlist_head_t *)
SIG(d_hlist_del, void, d_hlist_node_t *)
SIG(d_hlist_del_init, void, d_hlist_node_t *)
SIG(d_hlist_empty, int, const d_hlist_head_t *)
SIG(d_hlist_unhashed, int, const d_hlist_node_t *)
SIG(d_list_add, void, d_list_t *, d_list_t *)
SIG(d_list_add_tail, void, d_list_t *, d_list_t *)
SIG(d_list_del, void, d_list_t *)
SIG(d_list_del_init, void, d_list_t *)
SIG(d_list_empty, int, d_list_t *)
SIG(d_list_empty_careful, int, const d_list_t *)
SIG(d_list_move, void, d_list_t *, d_list_t *)
SIG(d_list_move_tail, void, d_list_t *, d_list_t *)
SIG(d_list_splice, void, d_list_t *, d_list_t *)
SIG(d_list_splice_init, void, d_list_t *, d_list_t *)

/* gurt/types.h */
SIG(d_iov_set, void, d_iov_t *, void *, size_t)

/* gurt/debug.h */
SIG(d_add_log_facility, int, const char *, const char *)
SIG(d_init_log_facility, int, int *, const char *, const char *)

/* gurt/dlog.h */
SIG(d_log, void, int, const char *, ...)
SIG(d_log_allocfacility, int, const char *, const char *)
SIG(d_log_check, int, int)
SIG(d_log_close, void, void)
SIG(d_log_fini, void, void)
SIG(d_log_init, int, void)
SIG(d_log_init_adv, int, char *, char *, unsigned int, d_dbug_t, d_dbug_t, d_log_id_cb_t)
SIG(d_log_open, int, char *, int, int, int, char *, int, d_log_id_cb_t)
SIG(d_log_setlogmask, int, int, int)
SIG(d_log_setmasks, int, const char *, int)
SIG(d_log_sync, void, void)
SIG(d_log_sync_mask, void, void)
SIG(d_vlog, void, int, const char *, va_list)

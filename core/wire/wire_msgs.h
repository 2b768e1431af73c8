/**
 * Every message of the protocol, each defined once, as a list of fields. wire.h makes of a list
 * the C structure (struct wire_<name>), and wire_tables.c the table that encodes, decodes, sizes
 * and prints it. Order of fields is the order on the wire; a change of any list is a new
 * WIRE_VERSION.
 *
 * F(X, kind, name, max): one field. X names the list for those who make tables of it.
 *   U8 U16 U32 U64   an integer                                           (max unused: 0)
 *   UID OID          16 bytes; a struct uid, a struct oid                 (max unused: 0)
 *   BYTES            struct bytes of at most max bytes; len 0 is allowed
 *   STR              the same, without NUL inside (and not terminated)
 *   A_U32 A_U64 A_OID A_RECX   at most max elements: { const T *v; uint32_t nr; }
 * S(X, sub, name, max): at most max structures wire_<sub>; { const struct wire_<sub> *v; uint32_t
 * nr; }.
 *   Structures nest one level deep: a sub has no S() of its own.
 *
 * A size that a list promises (max) is checked on both sides. All sizes of payload are u64 bytes.
 */
#ifndef GEMEL_WIRE_WIRE_MSGS_H
#define GEMEL_WIRE_WIRE_MSGS_H

#define WIRE_KEY_MAX	8192u	/**< a dkey or akey */
#define WIRE_LABEL_MAX	127u	/**< a label, or a uuid as text */
#define WIRE_PROP_STR_MAX 4096u
#define WIRE_PROPS_MAX	128u
#define WIRE_ANCHOR_MAX	120u
#define WIRE_IODS_MAX	128u
#define WIRE_RECXS_MAX	1000u
#define WIRE_KEYS_MAX	2048u	/**< entries of one enumeration reply */
#define WIRE_TGTS_MAX	2048u
#define WIRE_TIERS_MAX	8u
#define WIRE_LIST_MAX	256u	/**< pools or containers of one list reply */

/* Scalars come first, where nothing speaks against it: they are then copied in one piece. */

/* ---- parts ---------------------------------------------------------------------------------- */

/** Space of one media tier; min, max and mean are over the targets. */
#define WIRE_F_tier(F, S, X)                                                                       \
	F(X, U32, media, 0)		/* 0: memory, 1: NVMe */                                   \
	F(X, U64, total, 0)                                                                        \
	F(X, U64, free, 0)                                                                         \
	F(X, U64, free_min, 0)                                                                     \
	F(X, U64, free_max, 0)                                                                     \
	F(X, U64, free_mean, 0)

/** One property; str is empty where the value is the number. */
#define WIRE_F_prop(F, S, X)                                                                       \
	F(X, U32, type, 0)                                                                         \
	F(X, U64, val, 0)                                                                          \
	F(X, BYTES, str, WIRE_PROP_STR_MAX)

/** A pool or a container in a list. */
#define WIRE_F_entry(F, S, X)                                                                      \
	F(X, UID, uuid, 0)                                                                         \
	F(X, STR, label, WIRE_LABEL_MAX)

/** What an update writes or a fetch asks for under one akey. */
#define WIRE_F_iod(F, S, X)                                                                        \
	F(X, U32, type, 0)		/* 1: single value, 2: array */                            \
	F(X, U32, resv, 0)                                                                         \
	F(X, U64, size, 0)		/* of the value, of a record; fetch: 0 asks for it */      \
	F(X, U64, flags, 0)		/* conditions of this akey (DAOS_COND_PER_AKEY) */         \
	F(X, U64, bytes, 0)		/* its part of the payload: sent, or room to receive */    \
	F(X, BYTES, name, WIRE_KEY_MAX)                                                            \
	F(X, A_RECX, recxs, WIRE_RECXS_MAX) /* none for a single value */

/** What a fetch found under one akey. */
#define WIRE_F_iod_rep(F, S, X)                                                                    \
	F(X, U64, size, 0)		/* of the value or record; 0: nothing there */             \
	F(X, U64, bytes, 0)		/* of this akey in the inline payload, or put by bulk */   \
	F(X, U32, flags, 0)		/* enum wire_iod_flags */                                  \
	F(X, A_RECX, present, WIRE_RECXS_MAX) /* array: the records found, unless FULL */

/* ---- system stream (tag 0) ------------------------------------------------------------------ */

#define WIRE_F_ping_req(F, S, X)                                                                   \
	F(X, U64, cookie, 0)                                                                       \
	F(X, U32, reply_bytes, 0)	/* of zeros, inline, that the reply has */
#define WIRE_F_ping_rep(F, S, X)                                                                   \
	F(X, U64, cookie, 0)                                                                       \
	F(X, U64, got_bytes, 0)		/* of inline payload that the request had */

#define WIRE_F_pool_connect_req(F, S, X)                                                           \
	F(X, STR, pool, WIRE_LABEL_MAX)	/* label or uuid */                                        \
	F(X, U64, flags, 0)		/* DAOS_PC_* */                                            \
	F(X, UID, handle, 0)		/* chosen by the client; connecting twice is one handle */
#define WIRE_F_pool_connect_rep(F, S, X)                                                           \
	F(X, UID, pool, 0)                                                                         \
	F(X, STR, label, WIRE_LABEL_MAX)                                                           \
	F(X, U32, map_version, 0)

#define WIRE_F_pool_disconnect_req(F, S, X)                                                        \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, handle, 0)
#define WIRE_F_pool_disconnect_rep(F, S, X)                                                        \
	F(X, U32, resv, 0)

#define WIRE_F_pool_query_req(F, S, X)                                                             \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, handle, 0)                                                                       \
	F(X, U64, bits, 0)		/* DPI_* */
#define WIRE_F_pool_query_rep(F, S, X)                                                             \
	F(X, STR, label, WIRE_LABEL_MAX)                                                           \
	F(X, U32, target_count, 0)                                                                 \
	F(X, U32, node_count, 0)                                                                   \
	F(X, U32, disabled_count, 0)	/* targets */                                              \
	F(X, U32, map_version, 0)                                                                  \
	F(X, U32, leader_rank, 0)                                                                  \
	F(X, U32, space_target_count, 0) /* that answered for their space */                       \
	F(X, U32, rebuild_state, 0)                                                                \
	F(X, U32, rebuild_version, 0)                                                              \
	S(X, tier, tiers, WIRE_TIERS_MAX)

/* The map travels as payload: inline, or put into the exposed buffer; see enum wire_placed. */
#define WIRE_F_pool_map_fetch_req(F, S, X)                                                         \
	F(X, UID, pool, 0)                                                                         \
	F(X, U32, known_version, 0)	/* 0: none; the same as the current one: no map is sent */
#define WIRE_F_pool_map_fetch_rep(F, S, X)                                                         \
	F(X, U32, map_version, 0)                                                                  \
	F(X, U32, placed, 0)		/* enum wire_placed */                                     \
	F(X, U64, map_bytes, 0)		/* of the whole map, placed or not */

#define WIRE_F_pool_tgt_set_req(F, S, X)                                                           \
	F(X, UID, pool, 0)                                                                         \
	F(X, U32, rank, 0)                                                                         \
	F(X, U32, state, 0)		/* pool map state */                                       \
	F(X, A_U32, tgts, WIRE_TGTS_MAX) /* indices within the rank; none: all */
#define WIRE_F_pool_tgt_set_rep(F, S, X)                                                           \
	F(X, U32, map_version, 0)

#define WIRE_F_pool_list_req(F, S, X)                                                              \
	F(X, BYTES, anchor, WIRE_ANCHOR_MAX)
#define WIRE_F_pool_list_rep(F, S, X)                                                              \
	F(X, BYTES, anchor, WIRE_ANCHOR_MAX) /* empty: no more */                                  \
	S(X, entry, pools, WIRE_LIST_MAX)

#define WIRE_F_cont_create_req(F, S, X)                                                            \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, handle, 0)		/* of the pool */                                          \
	F(X, UID, cont, 0)                                                                         \
	F(X, STR, label, WIRE_LABEL_MAX)                                                           \
	S(X, prop, props, WIRE_PROPS_MAX)
#define WIRE_F_cont_create_rep(F, S, X)                                                            \
	F(X, U32, resv, 0)

#define WIRE_F_cont_open_req(F, S, X)                                                              \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, pool_handle, 0)                                                                  \
	F(X, STR, cont, WIRE_LABEL_MAX)	/* label or uuid */                                        \
	F(X, U64, flags, 0)		/* DAOS_COO_* */                                           \
	F(X, UID, handle, 0)		/* chosen by the client; opening twice is one handle */
#define WIRE_F_cont_open_rep(F, S, X)                                                              \
	F(X, UID, cont, 0)                                                                         \
	F(X, STR, label, WIRE_LABEL_MAX)                                                           \
	F(X, U64, last_snapshot, 0)                                                                \
	F(X, U32, handle_count, 0)                                                                 \
	F(X, U32, snapshot_count, 0)                                                               \
	F(X, U64, md_otime, 0)		/* hybrid clock */                                         \
	F(X, U64, md_mtime, 0)                                                                     \
	S(X, prop, props, WIRE_PROPS_MAX)

#define WIRE_F_cont_close_req(F, S, X)                                                             \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, handle, 0)
#define WIRE_F_cont_close_rep(F, S, X)                                                             \
	F(X, U32, resv, 0)

#define WIRE_F_cont_destroy_req(F, S, X)                                                           \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, pool_handle, 0)                                                                  \
	F(X, STR, cont, WIRE_LABEL_MAX)                                                            \
	F(X, U32, force, 0)
#define WIRE_F_cont_destroy_rep(F, S, X)                                                           \
	F(X, UID, cont, 0)

#define WIRE_F_cont_query_req(F, S, X)                                                             \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, handle, 0)
#define WIRE_F_cont_query_rep(F, S, X)                                                             \
	F(X, STR, label, WIRE_LABEL_MAX)                                                           \
	F(X, U64, last_snapshot, 0)                                                                \
	F(X, U32, handle_count, 0)                                                                 \
	F(X, U32, snapshot_count, 0)                                                               \
	F(X, U64, md_otime, 0)                                                                     \
	F(X, U64, md_mtime, 0)                                                                     \
	S(X, prop, props, WIRE_PROPS_MAX)

#define WIRE_F_cont_list_req(F, S, X)                                                              \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, handle, 0)                                                                       \
	F(X, BYTES, anchor, WIRE_ANCHOR_MAX)
#define WIRE_F_cont_list_rep(F, S, X)                                                              \
	F(X, BYTES, anchor, WIRE_ANCHOR_MAX) /* empty: no more */                                  \
	S(X, entry, conts, WIRE_LIST_MAX)

#define WIRE_F_cont_set_prop_req(F, S, X)                                                          \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, handle, 0)                                                                       \
	S(X, prop, props, WIRE_PROPS_MAX)
#define WIRE_F_cont_set_prop_rep(F, S, X)                                                          \
	F(X, U32, resv, 0)

#define WIRE_F_cont_get_prop_req(F, S, X)                                                          \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, handle, 0)                                                                       \
	F(X, A_U32, types, WIRE_PROPS_MAX) /* none: all */
#define WIRE_F_cont_get_prop_rep(F, S, X)                                                          \
	S(X, prop, props, WIRE_PROPS_MAX)

#define WIRE_F_cont_alloc_oids_req(F, S, X)                                                        \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, handle, 0)                                                                       \
	F(X, U64, nr, 0)
#define WIRE_F_cont_alloc_oids_rep(F, S, X)                                                        \
	F(X, U64, first, 0)

/* By a target that meets a container for the first time. */
#define WIRE_F_cont_lookup_req(F, S, X)                                                            \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)
#define WIRE_F_cont_lookup_rep(F, S, X)                                                            \
	S(X, prop, props, WIRE_PROPS_MAX)

/* ---- target streams (tag >= 1) -------------------------------------------------------------- */

#define WIRE_F_tgt_space_req(F, S, X)                                                              \
	F(X, UID, pool, 0)
#define WIRE_F_tgt_space_rep(F, S, X)                                                              \
	S(X, tier, tiers, WIRE_TIERS_MAX)

#define WIRE_F_tgt_cont_destroy_req(F, S, X)                                                       \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)
#define WIRE_F_tgt_cont_destroy_rep(F, S, X)                                                       \
	F(X, U32, resv, 0)

/* From the pool service: the map has a new version. Replies of the target carry it from then on. */
#define WIRE_F_tgt_map_req(F, S, X)                                                                \
	F(X, UID, pool, 0)                                                                         \
	F(X, U32, map_version, 0)
#define WIRE_F_tgt_map_rep(F, S, X)                                                                \
	F(X, U32, resv, 0)

/*
 * Payload of an update: the values of the iods, in order and without gaps, each iod.bytes long;
 * inline, or in the exposed memory (to be got).
 */
#define WIRE_F_obj_update_req(F, S, X)                                                             \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, cont_handle, 0)                                                                  \
	F(X, OID, oid, 0)                                                                          \
	F(X, U64, flags, 0)		/* DAOS_COND_* */                                          \
	F(X, U64, epoch, 0)		/* 0: the server picks */                                  \
	F(X, U32, shard, 0)                                                                        \
	F(X, BYTES, dkey, WIRE_KEY_MAX)                                                            \
	S(X, iod, iods, WIRE_IODS_MAX)
#define WIRE_F_obj_update_rep(F, S, X)                                                             \
	F(X, U64, epoch, 0)

/*
 * Room of a fetch: the iods' rooms follow each other, iod.bytes each. When data is put into exposed
 * memory, every record lands at the place of its index, and holes stay as they are. When data is
 * inline, it is only the records present (iod_rep.bytes for each iod), in the order of the recxs.
 */
#define WIRE_F_obj_fetch_req(F, S, X)                                                              \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, cont_handle, 0)                                                                  \
	F(X, OID, oid, 0)                                                                          \
	F(X, U64, flags, 0)		/* DAOS_COND_* */                                          \
	F(X, U64, epoch, 0)		/* UINT64_MAX: the latest */                               \
	F(X, U32, shard, 0)                                                                        \
	F(X, BYTES, dkey, WIRE_KEY_MAX)                                                            \
	S(X, iod, iods, WIRE_IODS_MAX)
#define WIRE_F_obj_fetch_rep(F, S, X)                                                              \
	F(X, U64, epoch, 0)                                                                        \
	F(X, U32, placed, 0)		/* enum wire_placed */                                     \
	S(X, iod_rep, iods, WIRE_IODS_MAX)

/* One level of punch: the object, dkeys, or akeys under the one dkey. */
#define WIRE_F_key(F, S, X)                                                                        \
	F(X, BYTES, key, WIRE_KEY_MAX)
#define WIRE_F_obj_punch_req(F, S, X)                                                              \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, cont_handle, 0)                                                                  \
	F(X, OID, oid, 0)                                                                          \
	F(X, U64, flags, 0)		/* DAOS_COND_PUNCH */                                      \
	F(X, U64, epoch, 0)                                                                        \
	F(X, U32, shard, 0)                                                                        \
	F(X, U32, what, 0)		/* enum wire_what: OBJ, DKEY or AKEY */                    \
	S(X, key, dkeys, WIRE_IODS_MAX)                                                            \
	S(X, key, akeys, WIRE_IODS_MAX)
#define WIRE_F_obj_punch_rep(F, S, X)                                                              \
	F(X, U64, epoch, 0)

/*
 * Keys come as payload, without gaps; key_lens says where they end. Recxs and single values come in
 * the body (recxs, rec_bytes, epochs: one entry each); object ids in oids.
 */
#define WIRE_F_obj_enum_req(F, S, X)                                                               \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, cont_handle, 0)                                                                  \
	F(X, OID, oid, 0)                                                                          \
	F(X, U64, epoch, 0)                                                                        \
	F(X, U64, flags, 0)		/* enum wire_enum_flags */                                 \
	F(X, U32, shard, 0)                                                                        \
	F(X, U32, what, 0)		/* enum wire_what */                                       \
	F(X, U32, type, 0)		/* RECX: 1 single values, 2 arrays */                      \
	F(X, U32, nr, 0)		/* most entries wanted */                                  \
	F(X, U64, room_bytes, 0)	/* most bytes of keys wanted */                            \
	F(X, BYTES, anchor, WIRE_ANCHOR_MAX) /* empty: from the start */                           \
	F(X, BYTES, dkey, WIRE_KEY_MAX)                                                            \
	F(X, BYTES, akey, WIRE_KEY_MAX)
#define WIRE_F_obj_enum_rep(F, S, X)                                                               \
	F(X, U32, eof, 0)		/* 1: the anchor is at the end */                          \
	F(X, U32, placed, 0)		/* enum wire_placed, of the keys */                        \
	F(X, U64, need_bytes, 0)	/* with -DER_KEY2BIG: what the first key needs */          \
	F(X, BYTES, anchor, WIRE_ANCHOR_MAX)                                                       \
	F(X, A_U32, key_lens, WIRE_KEYS_MAX)                                                       \
	F(X, A_RECX, recxs, WIRE_KEYS_MAX)                                                         \
	F(X, A_U64, rec_bytes, WIRE_KEYS_MAX)                                                      \
	F(X, A_U64, epochs, WIRE_KEYS_MAX)                                                         \
	F(X, A_OID, oids, WIRE_KEYS_MAX)

#define WIRE_F_obj_query_key_req(F, S, X)                                                          \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, cont_handle, 0)                                                                  \
	F(X, OID, oid, 0)                                                                          \
	F(X, U64, epoch, 0)                                                                        \
	F(X, U64, flags, 0)		/* DAOS_GET_*; 0 asks for max_epoch alone */               \
	F(X, U32, shard, 0)                                                                        \
	F(X, BYTES, dkey, WIRE_KEY_MAX)	/* given, unless flags ask for it */                       \
	F(X, BYTES, akey, WIRE_KEY_MAX)
#define WIRE_F_obj_query_key_rep(F, S, X)                                                          \
	F(X, BYTES, dkey, WIRE_KEY_MAX)                                                            \
	F(X, BYTES, akey, WIRE_KEY_MAX)                                                            \
	F(X, U64, recx_idx, 0)                                                                     \
	F(X, U64, recx_nr, 0)                                                                      \
	F(X, U64, rec_bytes, 0)                                                                    \
	F(X, U64, max_epoch, 0)		/* newest change of the object on the shard */

#define WIRE_F_obj_sync_req(F, S, X)                                                               \
	F(X, UID, pool, 0)                                                                         \
	F(X, UID, cont, 0)                                                                         \
	F(X, UID, cont_handle, 0)                                                                  \
	F(X, OID, oid, 0)                                                                          \
	F(X, U64, epoch, 0)                                                                        \
	F(X, U32, shard, 0)
#define WIRE_F_obj_sync_rep(F, S, X)                                                               \
	F(X, U64, epoch, 0)

/**
 * Operations. O(number, NAME, name, flags): enum wire_op's WIRE_<NAME>, messages <name>_req and
 * <name>_rep. Numbers are never reused. MUTATES: a resend is applied once (see core/rpc).
 */
#define WIRE_OPS(O)                                                                                \
	O(1, PING, ping, 0)                                                                        \
	O(16, POOL_CONNECT, pool_connect, WIRE_MUTATES)                                            \
	O(17, POOL_DISCONNECT, pool_disconnect, WIRE_MUTATES)                                      \
	O(18, POOL_QUERY, pool_query, 0)                                                           \
	O(19, POOL_MAP_FETCH, pool_map_fetch, 0)                                                   \
	O(20, POOL_TGT_SET, pool_tgt_set, WIRE_MUTATES)                                            \
	O(21, POOL_LIST, pool_list, 0)                                                             \
	O(32, CONT_CREATE, cont_create, WIRE_MUTATES)                                              \
	O(33, CONT_OPEN, cont_open, WIRE_MUTATES)                                                  \
	O(34, CONT_CLOSE, cont_close, WIRE_MUTATES)                                                \
	O(35, CONT_DESTROY, cont_destroy, WIRE_MUTATES)                                            \
	O(36, CONT_QUERY, cont_query, 0)                                                           \
	O(37, CONT_LIST, cont_list, 0)                                                             \
	O(38, CONT_SET_PROP, cont_set_prop, WIRE_MUTATES)                                          \
	O(39, CONT_GET_PROP, cont_get_prop, 0)                                                     \
	O(40, CONT_ALLOC_OIDS, cont_alloc_oids, WIRE_MUTATES)                                      \
	O(41, CONT_LOOKUP, cont_lookup, 0)                                                         \
	O(64, TGT_SPACE, tgt_space, 0)                                                             \
	O(65, TGT_CONT_DESTROY, tgt_cont_destroy, WIRE_MUTATES)                                    \
	O(66, TGT_MAP, tgt_map, 0)                                                                 \
	O(80, OBJ_UPDATE, obj_update, WIRE_MUTATES)                                                \
	O(81, OBJ_FETCH, obj_fetch, 0)                                                             \
	O(82, OBJ_PUNCH, obj_punch, WIRE_MUTATES)                                                  \
	O(83, OBJ_ENUM, obj_enum, 0)                                                               \
	O(84, OBJ_QUERY_KEY, obj_query_key, 0)                                                     \
	O(85, OBJ_SYNC, obj_sync, 0)

/** Structures that messages contain. */
#define WIRE_SUBS(M) M(tier) M(prop) M(entry) M(iod) M(iod_rep) M(key)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Key-value stores: one value per key, keys are C strings, values any bytes.
 *
 * @th is a transaction or DAOS_TX_NONE, @ev as in daos_event.h. Besides what each function says:
 * -DER_NO_HDL, -DER_INVAL, -DER_NOMEM, -DER_UNREACH, -DER_TIMEDOUT, -DER_RF.
 */
#ifndef DAOS_KV_H
#define DAOS_KV_H

#include <daos_types.h>
#include <daos_obj.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Conditions: the key must not exist (INSERT), or must exist (all others). */
#define DAOS_COND_KEY_INSERT	DAOS_COND_DKEY_INSERT
#define DAOS_COND_KEY_UPDATE	DAOS_COND_DKEY_UPDATE
#define DAOS_COND_KEY_GET	DAOS_COND_DKEY_FETCH
#define DAOS_COND_KEY_REMOVE	DAOS_COND_PUNCH

/** Open a store; @oid must have a DAOS_OT_KV_* type. @mode: DAOS_OO_RO or DAOS_OO_RW. */
int daos_kv_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh,
		 daos_event_t *ev);

int daos_kv_close(daos_handle_t oh, daos_event_t *ev);

/** Remove all keys; the handle stays to be closed. */
int daos_kv_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev);

/**
 * Set the value of @key.
 * Errors: -DER_EXIST or -DER_NONEXIST (conditions), -DER_NO_PERM, -DER_NOSPACE.
 * Blocks: yes, unless @ev.
 */
int daos_kv_put(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key,
		daos_size_t size, const void *buf, daos_event_t *ev);

/**
 * Get the value of @key. @size: bytes at @buf (DAOS_REC_ANY without @buf), then the true size, 0 if
 * there is no such key.
 * Errors: -DER_REC2BIG (@buf too short; @size is set), -DER_NONEXIST (condition).
 * Blocks: yes, unless @ev.
 */
int daos_kv_get(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key,
		daos_size_t *size, void *buf, daos_event_t *ev);

/** Remove @key.  Errors: -DER_NONEXIST (condition), -DER_NO_PERM.  Blocks: yes, unless @ev. */
int daos_kv_remove(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key,
		   daos_event_t *ev);

/** List keys, as daos_obj_list_dkey() does. */
int daos_kv_list(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds,
		 d_sg_list_t *sgl, daos_anchor_t *anchor, daos_event_t *ev);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_KV_H */

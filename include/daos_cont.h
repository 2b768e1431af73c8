/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Containers: sets of objects within a pool with properties, attributes and snapshots of their own.
 *
 * Where a container is named, @cont is its label or its UUID as text. @ev: daos_event.h. Besides
 * what each function says: -DER_NO_HDL, -DER_INVAL, -DER_NOMEM, -DER_NO_PERM, -DER_UNREACH,
 * -DER_TIMEDOUT.
 */
#ifndef DAOS_CONT_H
#define DAOS_CONT_H

#include <daos_types.h>
#include <daos_security.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Programs are compiled against the "2" symbols; the plain ones are exported as well. */
#define daos_cont_create	daos_cont_create2
#define daos_cont_open		daos_cont_open2
#define daos_cont_destroy	daos_cont_destroy2

/** How a container is opened: one of RO, RW, EX, and modifiers. */
#define DAOS_COO_RO		(1U << 0)
#define DAOS_COO_RW		(1U << 1)
/** read and write, and nobody else has it open */
#define DAOS_COO_EX		(1U << 2)
/** skip the check of the container's health */
#define DAOS_COO_FORCE		(1U << 3)
/** with RO: leave the times of the last open and close alone */
#define DAOS_COO_RO_MDSTATS	(1U << 4)
/** close the caller's own, or everybody's, handles first */
#define DAOS_COO_EVICT		(1U << 5)
#define DAOS_COO_EVICT_ALL	(1U << 6)
/** give new objects the newest layout */
#define DAOS_COO_NEW_LAYOUT	(1U << 7)

#define DAOS_COO_NBITS		8
#define DAOS_COO_MASK		((1U << DAOS_COO_NBITS) - 1)

/** What daos_cont_create_snap_opt() makes. */
enum daos_snapshot_opts {
	/** a snapshot */
	DAOS_SNAP_OPT_CR	= 1 << 0,
	/** the table of its objects, see daos_oit_open() */
	DAOS_SNAP_OPT_OIT	= 1 << 1,
};

/**
 * Create a container. @uuid: NULL, or gets the UUID the system chose. @cont_prop: NULL for
 * defaults.
 * Errors: -DER_EXIST (label in use), -DER_NOSPACE.  Blocks: yes, unless @ev.
 */
int daos_cont_create(daos_handle_t poh, uuid_t *uuid, daos_prop_t *cont_prop, daos_event_t *ev);

/** The same with a label, which @cont_prop must not contain unless it is equal. */
int daos_cont_create_with_label(daos_handle_t poh, const char *label, daos_prop_t *cont_prop,
				uuid_t *uuid, daos_event_t *ev);

/**
 * Open a container. @info: NULL, or gets what is known of it. Close it with daos_cont_close().
 * Errors: -DER_NONEXIST, -DER_BUSY (exclusively open elsewhere), -DER_RF (unhealthy).
 * Blocks: yes, unless @ev.
 */
int daos_cont_open(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh,
		   daos_cont_info_t *info, daos_event_t *ev);

/** Close a container. Its objects are closed with it.  Blocks: yes, unless @ev. */
int daos_cont_close(daos_handle_t coh, daos_event_t *ev);

/**
 * Remove a container and its data. @force: not 0 to do it while it is open.
 * Errors: -DER_NONEXIST, -DER_BUSY.  Blocks: yes, unless @ev.
 */
int daos_cont_destroy(daos_handle_t poh, const char *cont, int force, daos_event_t *ev);

/**
 * Make a handle usable in another process. With glob->iov_buf NULL only iov_buf_len is set.
 * Errors: -DER_TRUNC (iov_buf_len has the size needed).  Blocks: no.
 */
int daos_cont_local2global(daos_handle_t coh, d_iov_t *glob);

/** Make a handle of another process usable in this one; @poh is this process's pool. */
int daos_cont_global2local(daos_handle_t poh, d_iov_t glob, daos_handle_t *coh);

/**
 * Information and properties; either may be NULL. @cont_prop without entries asks for all, which
 * are allocated; values are freed with the list by daos_prop_free().
 * Blocks: yes, unless @ev.
 */
int daos_cont_query(daos_handle_t coh, daos_cont_info_t *info, daos_prop_t *cont_prop,
		    daos_event_t *ev);

/** Change properties that can be changed. */
int daos_cont_set_prop(daos_handle_t coh, daos_prop_t *prop, daos_event_t *ev);

/** Declare an unhealthy container healthy again, after looking at the damage. */
int daos_cont_status_clear(daos_handle_t coh, daos_event_t *ev);

/** The access control list with owner and group; free *acl_prop with daos_prop_free(). */
int daos_cont_get_acl(daos_handle_t coh, daos_prop_t **acl_prop, daos_event_t *ev);

/** Replace the list; add or replace entries; remove one.  Errors: -DER_NONEXIST. */
int daos_cont_overwrite_acl(daos_handle_t coh, struct daos_acl *acl, daos_event_t *ev);
int daos_cont_update_acl(daos_handle_t coh, struct daos_acl *acl, daos_event_t *ev);
int daos_cont_delete_acl(daos_handle_t coh, enum daos_acl_principal_type type, d_string_t name,
			 daos_event_t *ev);

/**
 * Change owner and owning group; NULL leaves one alone. The second form accepts names that this
 * machine does not know.
 */
int daos_cont_set_owner(daos_handle_t coh, d_string_t user, d_string_t group, daos_event_t *ev);
int daos_cont_set_owner_no_check(daos_handle_t coh, d_string_t user, d_string_t group,
				 daos_event_t *ev);

/**
 * What a user with these groups may do, from ACL, owner and group in @cont_prop.
 * Errors: -DER_INVAL, -DER_NONEXIST (unknown user or group), -DER_NOMEM.  Blocks: no.
 */
int daos_cont_get_perms(daos_prop_t *cont_prop, uid_t uid, gid_t *gids, size_t nr_gids,
			uint64_t *perms);

/**
 * Attributes: names chosen by users, values any bytes.
 *
 * list: names, each with its terminator, as many as fit @size; @size gets the bytes of all.
 * get: @n values, cut at sizes[i], which gets the true size, 0 for a name that does not exist.
 * set: create or replace. del: a name that does not exist is no error.
 */
int daos_cont_list_attr(daos_handle_t coh, char *buffer, size_t *size, daos_event_t *ev);
int daos_cont_get_attr(daos_handle_t coh, int n, const char *const *names, void *const *buffers,
		       size_t *sizes, daos_event_t *ev);
int daos_cont_set_attr(daos_handle_t coh, int n, const char *const *names,
		       const void *const *values, const size_t *sizes, daos_event_t *ev);
int daos_cont_del_attr(daos_handle_t coh, int n, const char *const *names, daos_event_t *ev);

/**
 * Reserve @num_oids numbers that nobody else gets, from *oid on, for the lower half of object
 * identifiers.
 */
int daos_cont_alloc_oids(daos_handle_t coh, daos_size_t num_oids, uint64_t *oid, daos_event_t *ev);

/** Give back the space of data overwritten before @epoch, 0 for now. */
int daos_cont_aggregate(daos_handle_t coh, daos_epoch_t epoch, daos_event_t *ev);

/** Return the container to a snapshot; wait for the next snapshot. */
int daos_cont_rollback(daos_handle_t coh, daos_epoch_t epoch, daos_event_t *ev);
int daos_cont_subscribe(daos_handle_t coh, daos_epoch_t *epoch, daos_event_t *ev);

/** Keep the present state under *epoch. @name: NULL or a name of its own. */
int daos_cont_create_snap(daos_handle_t coh, daos_epoch_t *epoch, char *name, daos_event_t *ev);

/** The same, with a choice of what is made; without _CR, *epoch is a snapshot that exists. */
int daos_cont_create_snap_opt(daos_handle_t coh, daos_epoch_t *epoch, char *name,
			      enum daos_snapshot_opts opts, daos_event_t *ev);

/** Remove all snapshots in a range; epr_lo 0 or equal to epr_hi.  Errors: -DER_NONEXIST. */
int daos_cont_destroy_snap(daos_handle_t coh, daos_epoch_range_t epr, daos_event_t *ev);

/**
 * List snapshots. @nr: room in @epochs and @names (either may be NULL), then how many there are.
 * names[i] are buffers of the caller.
 */
int daos_cont_list_snap(daos_handle_t coh, int *nr, daos_epoch_t *epochs, char **names,
			daos_anchor_t *anchor, daos_event_t *ev);

/** Make, and remove, the table of objects of a snapshot. */
int daos_cont_snap_oit_create(daos_handle_t coh, daos_epoch_t epoch, char *name, daos_event_t *ev);
int daos_cont_snap_oit_destroy(daos_handle_t coh, daos_handle_t oh, daos_event_t *ev);

/**
 * Parse ranks separated by any of the characters in @sep, "0:1:2". Free the list with
 * d_rank_list_free(). NULL if the text is wrong or out of memory.  Blocks: no.
 */
d_rank_list_t *daos_rank_list_parse(const char *str, const char *sep);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_CONT_H */

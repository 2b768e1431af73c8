/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Access control lists of pools and containers.
 *
 * An entry says what one principal (the owner, a user, the owning group, a group, everyone) may do.
 * As text an entry reads ACCESS:FLAGS:PRINCIPAL:PERMISSIONS, for example "A::alice@:rw" or
 * "A:G:GROUP@:r". A list holds at most one entry per principal, in the order of
 * enum daos_acl_principal_type. Entries and lists are flat memory that may be copied as bytes.
 * No function of this file blocks.
 */
#ifndef DAOS_SECURITY_H
#define DAOS_SECURITY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <daos_prop.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DAOS_ACL_VERSION		1

/** Longest name of a principal, without and with terminator. */
#define DAOS_ACL_MAX_PRINCIPAL_LEN	255
#define DAOS_ACL_MAX_PRINCIPAL_BUF_LEN	(DAOS_ACL_MAX_PRINCIPAL_LEN + 1)

/** Longest entry as text. */
#define DAOS_ACL_MAX_ACE_STR_LEN	(DAOS_ACL_MAX_PRINCIPAL_LEN + 64)

/** Most bytes of all entries of a list. */
#define DAOS_ACL_MAX_ACE_LEN		65536

/** Names of the principals that are not users or groups. */
#define DAOS_ACL_PRINCIPAL_OWNER	"OWNER@"
#define DAOS_ACL_PRINCIPAL_OWNER_GRP	"GROUP@"
#define DAOS_ACL_PRINCIPAL_EVERYONE	"EVERYONE@"

/** Header of a list; @dal_len bytes of struct daos_ace follow. */
struct daos_acl {
	uint16_t	dal_ver;
	uint16_t	dal_reserv;
	uint32_t	dal_len;
	uint8_t		dal_ace[];
};

enum daos_acl_principal_type {
	DAOS_ACL_OWNER		= 0,
	DAOS_ACL_USER		= 1,
	DAOS_ACL_OWNER_GROUP	= 2,
	DAOS_ACL_GROUP		= 3,
	DAOS_ACL_EVERYONE	= 4,

	NUM_DAOS_ACL_TYPES,
};

/** What an entry does: let in, record, raise an alarm. */
enum daos_acl_access_type {
	DAOS_ACL_ACCESS_ALLOW	= 1 << 0,
	DAOS_ACL_ACCESS_AUDIT	= 1 << 1,
	DAOS_ACL_ACCESS_ALARM	= 1 << 2,
};

#define DAOS_ACL_ACCESS_ALL	\
	(DAOS_ACL_ACCESS_ALLOW | DAOS_ACL_ACCESS_AUDIT | DAOS_ACL_ACCESS_ALARM)

enum daos_acl_flags {
	/** the principal is a group */
	DAOS_ACL_FLAG_GROUP		= 1 << 0,
	/** containers of the pool inherit the entry */
	DAOS_ACL_FLAG_POOL_INHERIT	= 1 << 1,
	/** record denied, granted accesses */
	DAOS_ACL_FLAG_ACCESS_FAIL	= 1 << 2,
	DAOS_ACL_FLAG_ACCESS_SUCCESS	= 1 << 3,
};

#define DAOS_ACL_FLAG_ALL	\
	(DAOS_ACL_FLAG_GROUP | DAOS_ACL_FLAG_POOL_INHERIT |	\
	 DAOS_ACL_FLAG_ACCESS_FAIL | DAOS_ACL_FLAG_ACCESS_SUCCESS)

enum daos_acl_perm {
	DAOS_ACL_PERM_READ		= 1 << 0,
	DAOS_ACL_PERM_WRITE		= 1 << 1,
	DAOS_ACL_PERM_CREATE_CONT	= 1 << 2,
	DAOS_ACL_PERM_DEL_CONT		= 1 << 3,
	DAOS_ACL_PERM_GET_PROP		= 1 << 4,
	DAOS_ACL_PERM_SET_PROP		= 1 << 5,
	DAOS_ACL_PERM_GET_ACL		= 1 << 6,
	DAOS_ACL_PERM_SET_ACL		= 1 << 7,
	DAOS_ACL_PERM_SET_OWNER		= 1 << 8,
};

/** Permissions that mean something for a pool, for a container, for either. */
#define DAOS_ACL_PERM_POOL_ALL	\
	(DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_CREATE_CONT |	\
	 DAOS_ACL_PERM_DEL_CONT | DAOS_ACL_PERM_GET_PROP)
#define DAOS_ACL_PERM_CONT_ALL	\
	(DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_DEL_CONT |	\
	 DAOS_ACL_PERM_GET_PROP | DAOS_ACL_PERM_SET_PROP | DAOS_ACL_PERM_GET_ACL |	\
	 DAOS_ACL_PERM_SET_ACL | DAOS_ACL_PERM_SET_OWNER)
#define DAOS_ACL_PERM_ALL	(DAOS_ACL_PERM_POOL_ALL | DAOS_ACL_PERM_CONT_ALL)

/** An entry. Its size is rounded up to 8 bytes. */
struct daos_ace {
	/** DAOS_ACL_ACCESS_* bits */
	uint8_t		dae_access_types;
	/** enum daos_acl_principal_type */
	uint8_t		dae_principal_type;
	/** bytes of @dae_principal, terminator included, 0 if there is no name */
	uint16_t	dae_principal_len;
	/** DAOS_ACL_FLAG_* bits */
	uint16_t	dae_access_flags;
	uint16_t	dae_reserv;
	/** DAOS_ACL_PERM_* bits for each kind of access */
	uint64_t	dae_allow_perms;
	uint64_t	dae_audit_perms;
	uint64_t	dae_alarm_perms;
	/** name of a user or group */
	char		dae_principal[];
};

/** A list of copies of @num_aces entries, NULL if one is wrong or out of memory. */
struct daos_acl *daos_acl_create(struct daos_ace **aces, uint16_t num_aces);

/** A copy, or NULL. */
struct daos_acl *daos_acl_dup(struct daos_acl *acl);

/** Accepts NULL. */
void daos_acl_free(struct daos_acl *acl);

/** Bytes of a list with its header.  Errors: -DER_INVAL. */
ssize_t daos_acl_get_size(struct daos_acl *acl);

/** Entry after @current_ace, the first one for NULL; NULL at the end. */
struct daos_ace *daos_acl_get_next_ace(struct daos_acl *acl, struct daos_ace *current_ace);

/**
 * Find the entry of a principal; @principal only for users and groups. *ace points into the list.
 * Errors: -DER_INVAL, -DER_NONEXIST.
 */
int daos_acl_get_ace_for_principal(struct daos_acl *acl, enum daos_acl_principal_type type,
				   const char *principal, struct daos_ace **ace);

/**
 * Put a copy of @new_ace in its place, replacing the principal's former entry. *acl may move.
 * Errors: -DER_INVAL, -DER_NOMEM.
 */
int daos_acl_add_ace(struct daos_acl **acl, struct daos_ace *new_ace);

/** Take an entry out. *acl may move.  Errors: -DER_INVAL, -DER_NONEXIST, -DER_NOMEM. */
int daos_acl_remove_ace(struct daos_acl **acl, enum daos_acl_principal_type type,
			const char *principal_name);

/** Is every entry valid, in order, and no principal named twice?  Errors: -DER_INVAL. */
int daos_acl_validate(struct daos_acl *acl);

/** Print everything to standard output. */
void daos_acl_dump(struct daos_acl *acl);

/**
 * Convert a list of texts to an access control list and back. The caller frees the strings and the
 * array of strings.
 * Errors: -DER_INVAL, -DER_NOMEM.
 */
int daos_acl_from_strs(const char **ace_strs, size_t ace_nr, struct daos_acl **acl);
int daos_acl_to_strs(struct daos_acl *acl, char ***ace_strs, size_t *ace_nr);

/** Write a list as text, with explanations if @verbose.  Errors: -DER_INVAL, -DER_IO. */
int daos_acl_to_stream(FILE *stream, struct daos_acl *acl, bool verbose);

/** Has @name the form name@ or name@domain? */
bool daos_acl_principal_is_valid(const char *name);

/**
 * Translate between users or groups of this machine and names of principals. The caller frees
 * *name.
 * Errors: -DER_INVAL, -DER_NONEXIST, -DER_NOMEM.
 */
int daos_acl_uid_to_principal(uid_t uid, char **name);
int daos_acl_gid_to_principal(gid_t gid, char **name);
int daos_acl_principal_to_uid(const char *principal, uid_t *uid);
int daos_acl_principal_to_gid(const char *principal, gid_t *gid);

/**
 * Parse "u:name@", "g:name@", "OWNER@", "GROUP@" or "EVERYONE@". The caller frees *name, which is
 * NULL for the last three.
 * Errors: -DER_INVAL, -DER_NOMEM.
 */
int daos_acl_principal_from_str(const char *principal_str, enum daos_acl_principal_type *type,
				char **name);

/** An entry without permissions, NULL if the principal is wrong or out of memory. */
struct daos_ace *daos_ace_create(enum daos_acl_principal_type type, const char *principal_name);

/** Accepts NULL. */
void daos_ace_free(struct daos_ace *ace);

/** Bytes of an entry.  Errors: -DER_INVAL. */
ssize_t daos_ace_get_size(struct daos_ace *ace);

bool daos_ace_is_valid(struct daos_ace *ace);

/** Name of the principal, owned by the entry, or one of DAOS_ACL_PRINCIPAL_*. */
const char *daos_ace_get_principal_str(struct daos_ace *ace);

/** Print an entry to standard output, indented by @tabs. */
void daos_ace_dump(struct daos_ace *ace, uint32_t tabs);

/** Parse an entry; free it with daos_ace_free().  Errors: -DER_INVAL, -DER_NOMEM. */
int daos_ace_from_str(const char *str, struct daos_ace **ace);

/**
 * Write an entry as text. Fails if its kinds of access have different permissions.
 * Errors: -DER_INVAL, -DER_TRUNC.
 */
int daos_ace_to_str(struct daos_ace *ace, char *buf, size_t buf_len);

/** Explain an entry given as text.  Errors: -DER_INVAL, -DER_TRUNC. */
int daos_ace_str_get_verbose(const char *ace_str, char *buf, size_t buf_len);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_SECURITY_H */

/* Access control lists: flat memory, entries in the order of their principals' types. */
#include "daos_security.h"
#include "gurt/common.h"

static size_t round8(size_t v)
{
	return (v + 7) & ~(size_t)7;
}

static bool type_named(unsigned int type)
{
	return type == DAOS_ACL_USER || type == DAOS_ACL_GROUP;
}

/* ---- entries -------------------------------------------------------------------------------- */

bool daos_acl_principal_is_valid(const char *name)
{
	const char *at;
	size_t len;

	if (name == NULL)
		return false;
	len = strnlen(name, DAOS_ACL_MAX_PRINCIPAL_BUF_LEN);
	if (len == 0 || len > DAOS_ACL_MAX_PRINCIPAL_LEN)
		return false;
	at = strchr(name, '@');
	return at != NULL && at != name && strchr(at + 1, '@') == NULL;
}

struct daos_ace *daos_ace_create(enum daos_acl_principal_type type, const char *principal_name)
{
	bool group = type == DAOS_ACL_OWNER_GROUP || type == DAOS_ACL_GROUP;
	size_t len = 0;
	struct daos_ace *ace;

	if ((unsigned int)type >= NUM_DAOS_ACL_TYPES)
		return NULL;
	if (type_named(type)) {
		if (!daos_acl_principal_is_valid(principal_name))
			return NULL;
		len = strlen(principal_name) + 1;
	}
	ace = d_calloc(1, sizeof(*ace) + round8(len));
	if (ace == NULL)
		return NULL;
	ace->dae_principal_type = (uint8_t)type;
	ace->dae_principal_len = (uint16_t)round8(len);
	ace->dae_access_flags = group ? DAOS_ACL_FLAG_GROUP : 0;
	if (len > 0)
		memcpy(ace->dae_principal, principal_name, len);
	return ace;
}

void daos_ace_free(struct daos_ace *ace)
{
	d_free(ace);
}

ssize_t daos_ace_get_size(struct daos_ace *ace)
{
	if (ace == NULL)
		return -DER_INVAL;
	return (ssize_t)(sizeof(*ace) + round8(ace->dae_principal_len));
}

const char *daos_ace_get_principal_str(struct daos_ace *ace)
{
	switch (ace->dae_principal_type) {
	case DAOS_ACL_OWNER:
		return DAOS_ACL_PRINCIPAL_OWNER;
	case DAOS_ACL_OWNER_GROUP:
		return DAOS_ACL_PRINCIPAL_OWNER_GRP;
	case DAOS_ACL_EVERYONE:
		return DAOS_ACL_PRINCIPAL_EVERYONE;
	default:
		return ace->dae_principal_len > 0 ? ace->dae_principal : NULL;
	}
}

/* Permissions only for the kinds of access that the entry has. */
static bool ace_perms_ok(const struct daos_ace *ace)
{
	const struct {
		uint8_t access;
		uint64_t perms;
	} kinds[] = {
		{ DAOS_ACL_ACCESS_ALLOW, ace->dae_allow_perms },
		{ DAOS_ACL_ACCESS_AUDIT, ace->dae_audit_perms },
		{ DAOS_ACL_ACCESS_ALARM, ace->dae_alarm_perms },
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((kinds[i].perms & ~(uint64_t)DAOS_ACL_PERM_ALL) != 0)
			return false;
		if (!(ace->dae_access_types & kinds[i].access) && kinds[i].perms != 0)
			return false;
	}
	return true;
}

static bool ace_flags_ok(const struct daos_ace *ace)
{
	bool group = ace->dae_principal_type == DAOS_ACL_OWNER_GROUP ||
		     ace->dae_principal_type == DAOS_ACL_GROUP;
	uint16_t record = DAOS_ACL_FLAG_ACCESS_FAIL | DAOS_ACL_FLAG_ACCESS_SUCCESS;
	bool recorded = (ace->dae_access_types & (DAOS_ACL_ACCESS_AUDIT | DAOS_ACL_ACCESS_ALARM)) !=
			0;

	if ((ace->dae_access_flags & ~DAOS_ACL_FLAG_ALL) != 0 ||
	    ((ace->dae_access_flags & DAOS_ACL_FLAG_GROUP) != 0) != group)
		return false;
	/* What is recorded says when, and the reverse. */
	return ((ace->dae_access_flags & record) != 0) == recorded;
}

bool daos_ace_is_valid(struct daos_ace *ace)
{
	if (ace == NULL || ace->dae_principal_type >= NUM_DAOS_ACL_TYPES ||
	    ace->dae_access_types == 0 || (ace->dae_access_types & ~DAOS_ACL_ACCESS_ALL) != 0)
		return false;
	if (type_named(ace->dae_principal_type) != (ace->dae_principal_len > 0))
		return false;
	if (ace->dae_principal_len > 0 &&
	    (memchr(ace->dae_principal, 0, ace->dae_principal_len) == NULL ||
	     !daos_acl_principal_is_valid(ace->dae_principal)))
		return false;
	return ace_flags_ok(ace) && ace_perms_ok(ace);
}

/* ---- lists ---------------------------------------------------------------------------------- */

ssize_t daos_acl_get_size(struct daos_acl *acl)
{
	return acl == NULL ? -DER_INVAL : (ssize_t)(sizeof(*acl) + acl->dal_len);
}

void daos_acl_free(struct daos_acl *acl)
{
	d_free(acl);
}

struct daos_acl *daos_acl_dup(struct daos_acl *acl)
{
	struct daos_acl *copy;
	size_t bytes;

	if (acl == NULL)
		return NULL;
	bytes = sizeof(*acl) + acl->dal_len;
	copy = d_malloc(bytes);
	if (copy != NULL)
		memcpy(copy, acl, bytes);
	return copy;
}

/* The entry at @off, NULL at the end or where the list is cut off. */
static struct daos_ace *ace_at(struct daos_acl *acl, size_t off)
{
	struct daos_ace *ace = (struct daos_ace *)(void *)(acl->dal_ace + off);

	if (off > acl->dal_len || acl->dal_len - off < sizeof(*ace) ||
	    acl->dal_len - off < (size_t)daos_ace_get_size(ace))
		return NULL;
	return ace;
}

struct daos_ace *daos_acl_get_next_ace(struct daos_acl *acl, struct daos_ace *current_ace)
{
	size_t off = 0;

	if (acl == NULL)
		return NULL;
	if (current_ace != NULL) {
		if ((uint8_t *)current_ace < acl->dal_ace ||
		    (uint8_t *)current_ace >= acl->dal_ace + acl->dal_len)
			return NULL;
		off = (size_t)((uint8_t *)current_ace - acl->dal_ace) +
		      (size_t)daos_ace_get_size(current_ace);
	}
	return ace_at(acl, off);
}

static bool ace_is_of(struct daos_ace *ace, unsigned int type, const char *principal)
{
	return ace->dae_principal_type == type &&
	       (!type_named(type) ||
		strncmp(ace->dae_principal, principal, ace->dae_principal_len) == 0);
}

int daos_acl_get_ace_for_principal(struct daos_acl *acl, enum daos_acl_principal_type type,
				   const char *principal, struct daos_ace **ace)
{
	struct daos_ace *e;

	if (acl == NULL || ace == NULL || (unsigned int)type >= NUM_DAOS_ACL_TYPES ||
	    (type_named(type) && principal == NULL))
		return -DER_INVAL;
	for (e = daos_acl_get_next_ace(acl, NULL); e != NULL; e = daos_acl_get_next_ace(acl, e)) {
		if (ace_is_of(e, type, principal)) {
			*ace = e;
			return 0;
		}
	}
	return -DER_NONEXIST;
}

/* A copy of @acl without @without (may be NULL), with @with (may be NULL) at its place. */
static struct daos_acl *acl_rebuild(struct daos_acl *acl, struct daos_ace *without,
				    struct daos_ace *with)
{
	size_t with_bytes = with != NULL ? (size_t)daos_ace_get_size(with) : 0;
	struct daos_acl *made = d_calloc(1, sizeof(*made) + acl->dal_len + with_bytes);
	bool placed = with == NULL;
	struct daos_ace *e;
	size_t at = 0;

	if (made == NULL)
		return NULL;
	made->dal_ver = DAOS_ACL_VERSION;
	for (e = daos_acl_get_next_ace(acl, NULL); e != NULL; e = daos_acl_get_next_ace(acl, e)) {
		size_t bytes = (size_t)daos_ace_get_size(e);

		if (!placed && e->dae_principal_type > with->dae_principal_type) {
			memcpy(made->dal_ace + at, with, with_bytes);
			at += with_bytes;
			placed = true;
		}
		if (e == without)
			continue;
		memcpy(made->dal_ace + at, e, bytes);
		at += bytes;
	}
	if (!placed) {
		memcpy(made->dal_ace + at, with, with_bytes);
		at += with_bytes;
	}
	made->dal_len = (uint32_t)at;
	return made;
}

int daos_acl_add_ace(struct daos_acl **acl, struct daos_ace *new_ace)
{
	struct daos_ace *former = NULL;
	struct daos_acl *made;

	if (acl == NULL || *acl == NULL || !daos_ace_is_valid(new_ace))
		return -DER_INVAL;
	(void)daos_acl_get_ace_for_principal(
		*acl, (enum daos_acl_principal_type)new_ace->dae_principal_type,
		new_ace->dae_principal, &former);
	made = acl_rebuild(*acl, former, new_ace);
	if (made == NULL)
		return -DER_NOMEM;
	if (made->dal_len > DAOS_ACL_MAX_ACE_LEN) {
		daos_acl_free(made);
		return -DER_INVAL;
	}
	daos_acl_free(*acl);
	*acl = made;
	return 0;
}

int daos_acl_remove_ace(struct daos_acl **acl, enum daos_acl_principal_type type,
			const char *principal_name)
{
	struct daos_acl *made;
	struct daos_ace *e;
	int rc;

	if (acl == NULL)
		return -DER_INVAL;
	rc = daos_acl_get_ace_for_principal(*acl, type, principal_name, &e);
	if (rc != 0)
		return rc;
	made = acl_rebuild(*acl, e, NULL);
	if (made == NULL)
		return -DER_NOMEM;
	daos_acl_free(*acl);
	*acl = made;
	return 0;
}

struct daos_acl *daos_acl_create(struct daos_ace **aces, uint16_t num_aces)
{
	struct daos_acl *acl = d_calloc(1, sizeof(*acl));
	uint16_t i;

	if (acl == NULL)
		return NULL;
	acl->dal_ver = DAOS_ACL_VERSION;
	for (i = 0; i < num_aces; i++) {
		struct daos_ace *twin;

		/* A principal named twice is a mistake, not a replacement. */
		if (aces == NULL || !daos_ace_is_valid(aces[i]) ||
		    daos_acl_get_ace_for_principal(
			    acl, (enum daos_acl_principal_type)aces[i]->dae_principal_type,
			    aces[i]->dae_principal, &twin) == 0 ||
		    daos_acl_add_ace(&acl, aces[i]) != 0) {
			daos_acl_free(acl);
			return NULL;
		}
	}
	return acl;
}

int daos_acl_validate(struct daos_acl *acl)
{
	struct daos_ace *e;
	struct daos_ace *f;
	size_t seen = 0;
	unsigned int last = 0;

	if (acl == NULL || acl->dal_ver != DAOS_ACL_VERSION ||
	    acl->dal_len > DAOS_ACL_MAX_ACE_LEN || acl->dal_len % 8 != 0)
		return -DER_INVAL;
	for (e = daos_acl_get_next_ace(acl, NULL); e != NULL; e = daos_acl_get_next_ace(acl, e)) {
		if (!daos_ace_is_valid(e) || e->dae_principal_type < last)
			return -DER_INVAL;
		/* The first entry of its principal must be this one. */
		if (daos_acl_get_ace_for_principal(
			    acl, (enum daos_acl_principal_type)e->dae_principal_type,
			    e->dae_principal, &f) != 0 ||
		    f != e)
			return -DER_INVAL;
		last = e->dae_principal_type;
		seen += (size_t)daos_ace_get_size(e);
	}
	return seen == acl->dal_len ? 0 : -DER_INVAL;
}

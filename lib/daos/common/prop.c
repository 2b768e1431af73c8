/* Lists of properties and what their entries own. */
#include "daos_prop.h"

#include "daos_security.h"
#include "gurt/common.h"

/* ---- kinds of values ------------------------------------------------------------------------ */

bool daos_prop_has_str(struct daos_prop_entry *entry)
{
	switch (entry->dpe_type) {
	case DAOS_PROP_PO_LABEL:
	case DAOS_PROP_PO_OWNER:
	case DAOS_PROP_PO_OWNER_GROUP:
	case DAOS_PROP_CO_LABEL:
	case DAOS_PROP_CO_OWNER:
	case DAOS_PROP_CO_OWNER_GROUP:
		return true;
	default:
		return false;
	}
}

bool daos_prop_has_ptr(struct daos_prop_entry *entry)
{
	switch (entry->dpe_type) {
	case DAOS_PROP_PO_ACL:
	case DAOS_PROP_PO_SVC_LIST:
	case DAOS_PROP_CO_ACL:
	case DAOS_PROP_CO_ROOTS:
		return true;
	default:
		return false;
	}
}

/* No property of this version is a string of bytes. */
bool daos_prop_has_byteval(struct daos_prop_entry *entry)
{
	(void)entry;
	return false;
}

bool daos_prop_is_set(struct daos_prop_entry *entry)
{
	return (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) == 0;
}

static void entry_clear(struct daos_prop_entry *e)
{
	if (daos_prop_has_str(e))
		d_free(e->dpe_str);
	else if (e->dpe_type == DAOS_PROP_PO_SVC_LIST)
		d_rank_list_free(e->dpe_val_ptr);
	else if (e->dpe_type == DAOS_PROP_PO_ACL || e->dpe_type == DAOS_PROP_CO_ACL)
		daos_acl_free(e->dpe_val_ptr);
	else if (daos_prop_has_ptr(e))
		d_free(e->dpe_val_ptr);
	e->dpe_val = 0;
}

/* Replace what the entry owns by @ptr. */
static void entry_own(struct daos_prop_entry *e, void *ptr)
{
	entry_clear(e);
	e->dpe_val_ptr = ptr;
	e->dpe_flags &= (uint16_t)~DAOS_PROP_ENTRY_NOT_SET;
}

/* A copy of what @src's value points to. */
static int ptr_dup(const struct daos_prop_entry *src, void **ret_ptr)
{
	d_rank_list_t *ranks = NULL;
	int rc;

	if (src->dpe_type == DAOS_PROP_PO_SVC_LIST) {
		rc = d_rank_list_dup(&ranks, src->dpe_val_ptr);
		*ret_ptr = ranks;
		return rc;
	}
	if (src->dpe_type == DAOS_PROP_CO_ROOTS) {
		*ret_ptr = d_malloc(sizeof(struct daos_prop_co_roots));
		if (*ret_ptr != NULL)
			memcpy(*ret_ptr, src->dpe_val_ptr, sizeof(struct daos_prop_co_roots));
	} else {
		*ret_ptr = daos_acl_dup(src->dpe_val_ptr);
	}
	return *ret_ptr != NULL ? 0 : -DER_NOMEM;
}

/* Into an entry that owns nothing. */
static int entry_copy(struct daos_prop_entry *dst, struct daos_prop_entry *src)
{
	void *ptr = NULL;
	int rc = 0;

	*dst = (struct daos_prop_entry){ .dpe_type = src->dpe_type, .dpe_flags = src->dpe_flags };
	if (daos_prop_has_str(src) && src->dpe_str != NULL) {
		dst->dpe_str = d_strndup(src->dpe_str, strlen(src->dpe_str));
		return dst->dpe_str != NULL ? 0 : -DER_NOMEM;
	}
	if (!daos_prop_has_ptr(src)) {
		dst->dpe_val = src->dpe_val;
		return 0;
	}
	if (src->dpe_val_ptr != NULL)
		rc = ptr_dup(src, &ptr);
	dst->dpe_val_ptr = rc == 0 ? ptr : NULL;
	return rc;
}

/* ---- lists ---------------------------------------------------------------------------------- */

daos_prop_t *daos_prop_alloc(uint32_t entries_nr)
{
	daos_prop_t *prop;

	if (entries_nr > DAOS_PROP_ENTRIES_MAX_NR)
		return NULL;
	prop = d_calloc(1, sizeof(*prop));
	if (prop == NULL)
		return NULL;
	if (entries_nr > 0) {
		prop->dpp_entries = d_calloc(entries_nr, sizeof(*prop->dpp_entries));
		if (prop->dpp_entries == NULL) {
			d_free(prop);
			return NULL;
		}
	}
	prop->dpp_nr = entries_nr;
	return prop;
}

void daos_prop_fini(daos_prop_t *prop)
{
	uint32_t i;

	if (prop == NULL)
		return;
	for (i = 0; prop->dpp_entries != NULL && i < prop->dpp_nr; i++)
		entry_clear(&prop->dpp_entries[i]);
	d_free(prop->dpp_entries);
	prop->dpp_entries = NULL;
	prop->dpp_nr = 0;
}

void daos_prop_free(daos_prop_t *prop)
{
	daos_prop_fini(prop);
	d_free(prop);
}

struct daos_prop_entry *daos_prop_entry_get(daos_prop_t *prop, uint32_t type)
{
	uint32_t i;

	if (prop == NULL || prop->dpp_entries == NULL)
		return NULL;
	for (i = 0; i < prop->dpp_nr; i++)
		if (prop->dpp_entries[i].dpe_type == type)
			return &prop->dpp_entries[i];
	return NULL;
}

/* Copy to @dst, behind its *nr entries, those of @src that it does not have yet. */
static int entries_merge(daos_prop_t *dst, uint32_t *nr, daos_prop_t *src)
{
	uint32_t i;
	uint32_t k;
	int rc = 0;

	for (i = 0; src != NULL && i < src->dpp_nr && rc == 0; i++) {
		struct daos_prop_entry *e = &src->dpp_entries[i];

		for (k = 0; k < *nr && dst->dpp_entries[k].dpe_type != e->dpe_type; k++)
			;
		if (k < *nr)
			continue;
		rc = entry_copy(&dst->dpp_entries[*nr], e);
		(*nr)++;
	}
	return rc;
}

int daos_prop_merge2(daos_prop_t *old_prop, daos_prop_t *new_prop, daos_prop_t **out_prop)
{
	uint32_t room = (old_prop != NULL ? old_prop->dpp_nr : 0) +
			(new_prop != NULL ? new_prop->dpp_nr : 0);
	daos_prop_t *prop;
	uint32_t nr = 0;
	int rc;

	if (out_prop == NULL || room > 2 * DAOS_PROP_ENTRIES_MAX_NR)
		return -DER_INVAL;
	prop = d_calloc(1, sizeof(*prop));
	if (prop == NULL)
		return -DER_NOMEM;
	if (room > 0) {
		prop->dpp_entries = d_calloc(room, sizeof(*prop->dpp_entries));
		if (prop->dpp_entries == NULL) {
			d_free(prop);
			return -DER_NOMEM;
		}
	}
	rc = entries_merge(prop, &nr, new_prop);
	if (rc == 0)
		rc = entries_merge(prop, &nr, old_prop);
	prop->dpp_nr = nr;
	if (rc == 0 && nr > DAOS_PROP_ENTRIES_MAX_NR)
		rc = -DER_INVAL;
	if (rc != 0) {
		daos_prop_free(prop);
		return rc;
	}
	*out_prop = prop;
	return 0;
}

daos_prop_t *daos_prop_merge(daos_prop_t *old_prop, daos_prop_t *new_prop)
{
	daos_prop_t *prop;

	if (daos_prop_merge2(old_prop, new_prop, &prop) != 0)
		return NULL;
	if (prop->dpp_nr == 0) {
		daos_prop_free(prop);
		return NULL;
	}
	return prop;
}

/* ---- single values -------------------------------------------------------------------------- */

int daos_prop_entry_set_str(struct daos_prop_entry *entry, const char *str, daos_size_t len)
{
	char *own = NULL;

	if (entry == NULL || !daos_prop_has_str(entry))
		return -DER_INVAL;
	if (str != NULL) {
		own = d_strndup(str, len);
		if (own == NULL)
			return -DER_NOMEM;
	}
	entry_own(entry, own);
	return 0;
}

int daos_prop_set_str(daos_prop_t *prop, uint32_t type, const char *str, daos_size_t len)
{
	struct daos_prop_entry *e = daos_prop_entry_get(prop, type);

	return e == NULL ? -DER_NONEXIST : daos_prop_entry_set_str(e, str, len);
}

/* A rank list is a structure with an array of its own: bytes do not make one. */
int daos_prop_entry_set_ptr(struct daos_prop_entry *entry, const void *ptr, daos_size_t size)
{
	void *own = NULL;

	if (entry == NULL || !daos_prop_has_ptr(entry) ||
	    entry->dpe_type == DAOS_PROP_PO_SVC_LIST || (ptr != NULL && size == 0))
		return -DER_INVAL;
	if (ptr != NULL) {
		own = d_malloc(size);
		if (own == NULL)
			return -DER_NOMEM;
		memcpy(own, ptr, size);
	}
	entry_own(entry, own);
	return 0;
}

int daos_prop_set_ptr(daos_prop_t *prop, uint32_t type, const void *ptr, daos_size_t size)
{
	struct daos_prop_entry *e = daos_prop_entry_get(prop, type);

	return e == NULL ? -DER_NONEXIST : daos_prop_entry_set_ptr(e, ptr, size);
}

int daos_prop_entry_set_byteval(struct daos_prop_entry *entry, const void *data, size_t len)
{
	(void)entry;
	(void)data;
	(void)len;
	return -DER_INVAL;	/* see daos_prop_has_byteval() */
}

int daos_prop_set_byteval(daos_prop_t *prop, uint32_t type, const void *data, size_t len)
{
	struct daos_prop_entry *e = daos_prop_entry_get(prop, type);

	return e == NULL ? -DER_NONEXIST : daos_prop_entry_set_byteval(e, data, len);
}

int daos_prop_entry_dup_ptr(struct daos_prop_entry *entry_dst, struct daos_prop_entry *entry_src,
			    size_t len)
{
	void *own;

	if (entry_dst == NULL || entry_src == NULL || entry_src->dpe_val_ptr == NULL || len == 0)
		return -DER_INVAL;
	own = d_malloc(len);
	if (own == NULL)
		return -DER_NOMEM;
	memcpy(own, entry_src->dpe_val_ptr, len);
	entry_dst->dpe_val_ptr = own;
	return 0;
}

int daos_prop_entry_dup_co_roots(struct daos_prop_entry *dst, struct daos_prop_entry *src)
{
	return daos_prop_entry_dup_ptr(dst, src, sizeof(struct daos_prop_co_roots));
}

int daos_prop_entry_dup_byteval(struct daos_prop_entry *entry_dst,
				struct daos_prop_entry *entry_src)
{
	(void)entry_dst;
	(void)entry_src;
	return -DER_INVAL;
}

int daos_prop_entry_cmp_acl(struct daos_prop_entry *entry1, struct daos_prop_entry *entry2)
{
	ssize_t one;
	ssize_t two;

	if (entry1 == NULL || entry2 == NULL)
		return -DER_INVAL;
	if (entry1->dpe_val_ptr == NULL && entry2->dpe_val_ptr == NULL)
		return 0;
	if (entry1->dpe_val_ptr == NULL || entry2->dpe_val_ptr == NULL)
		return -DER_MISMATCH;
	one = daos_acl_get_size(entry1->dpe_val_ptr);
	two = daos_acl_get_size(entry2->dpe_val_ptr);
	if (one < 0 || two < 0)
		return -DER_INVAL;
	if (one != two || memcmp(entry1->dpe_val_ptr, entry2->dpe_val_ptr, (size_t)one) != 0)
		return -DER_MISMATCH;
	return 0;
}

/* Lists of properties. Values that are strings or structures belong to their entry. */
#include <stdlib.h>
#include <string.h>

#include "daos_cont.h"
#include "daos_prop.h"
#include "daos_security.h"
#include "gurt/common.h"

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
	case DAOS_PROP_CO_ACL:
	case DAOS_PROP_PO_SVC_LIST:
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
	return !(entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET);
}

daos_prop_t *daos_prop_alloc(uint32_t entries_nr)
{
	daos_prop_t *prop;

	if (entries_nr > DAOS_PROP_ENTRIES_MAX_NR)
		return NULL;
	prop = d_calloc(1, sizeof(*prop));
	if (prop == NULL || entries_nr == 0)
		return prop;
	prop->dpp_entries = d_calloc(entries_nr, sizeof(*prop->dpp_entries));
	if (prop->dpp_entries == NULL) {
		d_free(prop);
		return NULL;
	}
	prop->dpp_nr = entries_nr;
	return prop;
}

static void entry_free(struct daos_prop_entry *e)
{
	if (daos_prop_has_str(e)) {
		d_free(e->dpe_str);
		e->dpe_str = NULL;
	} else if (e->dpe_type == DAOS_PROP_PO_SVC_LIST) {
		d_rank_list_free(e->dpe_val_ptr);
		e->dpe_val_ptr = NULL;
	} else if (daos_prop_has_ptr(e)) {
		d_free(e->dpe_val_ptr);
		e->dpe_val_ptr = NULL;
	}
}

void daos_prop_fini(daos_prop_t *prop)
{
	uint32_t i;

	if (prop == NULL)
		return;
	for (i = 0; i < prop->dpp_nr; i++)
		entry_free(&prop->dpp_entries[i]);
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

	for (i = 0; prop != NULL && i < prop->dpp_nr; i++)
		if (prop->dpp_entries[i].dpe_type == type)
			return &prop->dpp_entries[i];
	return NULL;
}

int daos_prop_entry_set_str(struct daos_prop_entry *entry, const char *str, daos_size_t len)
{
	char *copy;

	if (entry == NULL || str == NULL || !daos_prop_has_str(entry))
		return -DER_INVAL;
	copy = d_strndup(str, len);
	if (copy == NULL)
		return -DER_NOMEM;
	d_free(entry->dpe_str);
	entry->dpe_str = copy;
	return 0;
}

int daos_prop_set_str(daos_prop_t *prop, uint32_t type, const char *str, daos_size_t len)
{
	struct daos_prop_entry *e = daos_prop_entry_get(prop, type);

	return e == NULL ? -DER_NONEXIST : daos_prop_entry_set_str(e, str, len);
}

int daos_prop_entry_set_ptr(struct daos_prop_entry *entry, const void *ptr, daos_size_t size)
{
	void *copy;

	if (entry == NULL || ptr == NULL || size == 0 || !daos_prop_has_ptr(entry) ||
	    entry->dpe_type == DAOS_PROP_PO_SVC_LIST)
		return -DER_INVAL;
	copy = d_malloc(size);
	if (copy == NULL)
		return -DER_NOMEM;
	memcpy(copy, ptr, size);
	d_free(entry->dpe_val_ptr);
	entry->dpe_val_ptr = copy;
	return 0;
}

int daos_prop_set_ptr(daos_prop_t *prop, uint32_t type, const void *ptr, daos_size_t size)
{
	struct daos_prop_entry *e = daos_prop_entry_get(prop, type);

	return e == NULL ? -DER_NONEXIST : daos_prop_entry_set_ptr(e, ptr, size);
}

int daos_prop_entry_dup_ptr(struct daos_prop_entry *entry_dst, struct daos_prop_entry *entry_src,
			    size_t len)
{
	if (entry_dst == NULL || entry_src == NULL || len == 0 || entry_src->dpe_val_ptr == NULL)
		return -DER_INVAL;
	entry_dst->dpe_val_ptr = d_malloc(len);
	if (entry_dst->dpe_val_ptr == NULL)
		return -DER_NOMEM;
	memcpy(entry_dst->dpe_val_ptr, entry_src->dpe_val_ptr, len);
	return 0;
}

int daos_prop_entry_dup_co_roots(struct daos_prop_entry *dst, struct daos_prop_entry *src)
{
	return daos_prop_entry_dup_ptr(dst, src, sizeof(struct daos_prop_co_roots));
}

static int entry_copy(struct daos_prop_entry *dst, const struct daos_prop_entry *src)
{
	struct daos_prop_entry *s = (struct daos_prop_entry *)(uintptr_t)src;
	struct daos_acl *acl = src->dpe_val_ptr;

	dst->dpe_type = src->dpe_type;
	dst->dpe_flags = src->dpe_flags;
	if (daos_prop_has_str(s)) {
		if (src->dpe_str == NULL)
			return 0;
		dst->dpe_str = d_strndup(src->dpe_str, DAOS_PROP_MAX_LABEL_BUF_LEN - 1);
		return dst->dpe_str == NULL ? -DER_NOMEM : 0;
	}
	if (!daos_prop_has_ptr(s)) {
		dst->dpe_val = src->dpe_val;
		return 0;
	}
	if (src->dpe_val_ptr == NULL)
		return 0;
	switch (src->dpe_type) {
	case DAOS_PROP_PO_SVC_LIST:
		return d_rank_list_dup((d_rank_list_t **)&dst->dpe_val_ptr, src->dpe_val_ptr);
	case DAOS_PROP_CO_ROOTS:
		return daos_prop_entry_dup_co_roots(dst, s);
	default:
		return daos_prop_entry_dup_ptr(dst, s, sizeof(*acl) + acl->dal_len);
	}
}

int daos_prop_merge2(daos_prop_t *old_prop, daos_prop_t *new_prop, daos_prop_t **out_prop)
{
	daos_prop_t *lists[2] = { new_prop, old_prop };
	daos_prop_t *out;
	uint32_t nr = 0;
	uint32_t l;
	uint32_t i;
	int rc = 0;

	if (out_prop == NULL)
		return -DER_INVAL;
	for (l = 0; l < 2; l++)
		nr += lists[l] != NULL ? lists[l]->dpp_nr : 0;
	if (nr > 2 * DAOS_PROP_ENTRIES_MAX_NR)
		return -DER_INVAL;
	out = d_calloc(1, sizeof(*out));
	if (out == NULL)
		return -DER_NOMEM;
	out->dpp_entries = d_calloc(nr > 0 ? nr : 1, sizeof(*out->dpp_entries));
	if (out->dpp_entries == NULL)
		rc = -DER_NOMEM;
	for (l = 0; l < 2 && rc == 0; l++)
		for (i = 0; lists[l] != NULL && i < lists[l]->dpp_nr && rc == 0; i++) {
			const struct daos_prop_entry *e = &lists[l]->dpp_entries[i];

			/* New entries come first, so an old one of their type finds them here. */
			if (daos_prop_entry_get(out, e->dpe_type) == NULL)
				rc = entry_copy(&out->dpp_entries[out->dpp_nr++], e);
		}
	if (rc == 0 && out->dpp_nr > DAOS_PROP_ENTRIES_MAX_NR)
		rc = -DER_INVAL;
	if (rc != 0) {
		daos_prop_free(out);
		return rc;
	}
	*out_prop = out;
	return 0;
}

daos_prop_t *daos_prop_merge(daos_prop_t *old_prop, daos_prop_t *new_prop)
{
	daos_prop_t *out;

	if (daos_prop_merge2(old_prop, new_prop, &out) != 0)
		return NULL;
	if (out->dpp_nr == 0) {
		daos_prop_free(out);
		return NULL;
	}
	return out;
}

/* Names of object classes: a method and a number of groups. */
#include "daos_obj_class.h"

#include <stdlib.h>

#include "daos_errno.h"

/* A redundancy method and how the names of its classes begin. */
struct method {
	const char *prefix;
	uint32_t redun;
	bool listed;	/* its classes are in the list of names */
};

static const struct method methods[] = {
	{ "S", OR_RP_1, true },
	{ "RP_2G", OR_RP_2, true },	  { "RP_3G", OR_RP_3, true },
	{ "RP_4G", OR_RP_4, true },	  { "RP_5G", OR_RP_5, true },
	{ "RP_6G", OR_RP_6, true },	  { "RP_8G", OR_RP_8, false },
	{ "RP_12G", OR_RP_12, false },	  { "RP_16G", OR_RP_16, false },
	{ "RP_24G", OR_RP_24, false },	  { "RP_32G", OR_RP_32, false },
	{ "RP_48G", OR_RP_48, false },	  { "RP_64G", OR_RP_64, false },
	{ "RP_128G", OR_RP_128, false },  { "EC_2P1G", OR_RS_2P1, true },
	{ "EC_2P2G", OR_RS_2P2, true },	  { "EC_4P1G", OR_RS_4P1, true },
	{ "EC_4P2G", OR_RS_4P2, true },	  { "EC_4P3G", OR_RS_4P3, true },
	{ "EC_8P1G", OR_RS_8P1, true },	  { "EC_8P2G", OR_RS_8P2, true },
	{ "EC_8P3G", OR_RS_8P3, true },	  { "EC_16P1G", OR_RS_16P1, true },
	{ "EC_16P2G", OR_RS_16P2, true }, { "EC_16P3G", OR_RS_16P3, true },
};

/* Ids without method and groups: wishes, and the wish for nothing in particular. */
static const struct {
	const char *name;
	daos_oclass_id_t id;
} wishes[] = {
	{ "UNKNOWN", OC_UNKNOWN },
	{ "TINY", OC_TINY },	     { "SMALL", OC_SMALL },	    { "LARGE", OC_LARGE },
	{ "MAX", OC_MAX },	     { "RP_TINY", OC_RP_TINY },	    { "RP_SMALL", OC_RP_SMALL },
	{ "RP_LARGE", OC_RP_LARGE }, { "RP_MAX", OC_RP_MAX },	    { "RP_SF_TINY", OC_RP_SF_TINY },
	{ "RP_SF_SMALL", OC_RP_SF_SMALL }, { "RP_SF_LARGE", OC_RP_SF_LARGE },
	{ "RP_SF_MAX", OC_RP_SF_MAX }, { "RP_XSF", OC_RP_XSF },	    { "EC_TINY", OC_EC_TINY },
	{ "EC_SMALL", OC_EC_SMALL }, { "EC_LARGE", OC_EC_LARGE },   { "EC_MAX", OC_EC_MAX },
};

/* Numbers of groups in the list of names. Erasure codes do not have the 6. */
static const uint32_t groups_listed[] = { 1, 2, 4, 6, 8, 12, 16, 32, MAX_NUM_GROUPS };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "X" or 1 to 65534 without a leading zero; 0: neither. */
static uint32_t groups_parse(const char *str)
{
	uint32_t v = 0;

	if (strcmp(str, "X") == 0)
		return MAX_NUM_GROUPS;
	if (str[0] == '0')
		return 0;
	for (; *str != 0; str++) {
		if (*str < '0' || *str > '9')
			return 0;
		v = v * 10 + (uint32_t)(*str - '0');
		if (v >= MAX_NUM_GROUPS)
			return 0;
	}
	return v;
}

int daos_oclass_name2id(const char *name)
{
	size_t i;

	if (name == NULL)
		return OC_UNKNOWN;
	for (i = 0; i < COUNT(wishes); i++)
		if (strcmp(name, wishes[i].name) == 0)
			return (int)wishes[i].id;
	for (i = 0; i < COUNT(methods); i++) {
		size_t len = strlen(methods[i].prefix);
		uint32_t groups;

		if (strncmp(name, methods[i].prefix, len) != 0)
			continue;
		groups = groups_parse(name + len);
		if (groups != 0)
			return (int)OBJ_CLASS_DEF(methods[i].redun, groups);
	}
	return OC_UNKNOWN;
}

static void class_print(const struct method *m, uint32_t groups, char *name)
{
	if (groups == MAX_NUM_GROUPS)
		(void)snprintf(name, MAX_OBJ_CLASS_NAME_LEN, "%sX", m->prefix);
	else
		(void)snprintf(name, MAX_OBJ_CLASS_NAME_LEN, "%s%u", m->prefix, groups);
}

int daos_oclass_id2name(daos_oclass_id_t oc_id, char *name)
{
	uint32_t groups = oc_id & MAX_NUM_GROUPS;
	size_t i;

	for (i = 0; i < COUNT(wishes); i++) {
		if (wishes[i].id == oc_id) {
			(void)snprintf(name, MAX_OBJ_CLASS_NAME_LEN, "%s", wishes[i].name);
			return 0;
		}
	}
	for (i = 0; i < COUNT(methods); i++) {
		if (OBJ_CLASS_DEF(methods[i].redun, groups) == oc_id && groups > 0) {
			class_print(&methods[i], groups, name);
			return 0;
		}
	}
	return -1;
}

static bool method_has(const struct method *m, uint32_t groups)
{
	return m->listed && (m->redun < OR_RS_2P1 || groups != 6);
}

/* Append one name at *at of @size bytes, as far as there is room; *at counts on. */
static void list_add(size_t size, char *str, size_t *at, const char *name)
{
	const char *sep = *at > 0 ? ", " : "";
	size_t room = *at < size ? size - *at : 0;

	*at += (size_t)snprintf(room > 0 ? str + *at : NULL, room, "%s%s", sep, name);
}

ssize_t daos_oclass_names_list(size_t size, char *str)
{
	char name[MAX_OBJ_CLASS_NAME_LEN];
	size_t at = 0;
	size_t i;
	size_t k;

	if (str == NULL || size == 0)
		return -DER_INVAL;
	for (i = 0; i < COUNT(methods); i++) {
		for (k = 0; k < COUNT(groups_listed); k++) {
			if (!method_has(&methods[i], groups_listed[k]))
				continue;
			class_print(&methods[i], groups_listed[k], name);
			list_add(size, str, &at, name);
		}
	}
	list_add(size, str, &at, "RP_XSF");
	return (ssize_t)at + 1;
}

int daos_oclass_nr(int opts)
{
	int nr = 1;	/* RP_XSF */
	size_t i;
	size_t k;

	(void)opts;
	for (i = 0; i < COUNT(methods); i++)
		for (k = 0; k < COUNT(groups_listed); k++)
			nr += method_has(&methods[i], groups_listed[k]);
	return nr;
}

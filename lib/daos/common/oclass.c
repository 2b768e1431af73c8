/* Names and ids of object classes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daos_errno.h"
#include "daos_obj_class.h"

/* Methods by name, without the number of groups; the registered numbers of groups follow. */
struct family {
	const char *name;
	uint32_t redun;
	bool wide;	/* one group only: RP_12G1 … RP_128G1 */
};

static const struct family families[] = {
	{ "S", OR_RP_1, false },	     { "RP_2G", OR_RP_2, false },
	{ "RP_3G", OR_RP_3, false },	     { "RP_4G", OR_RP_4, false },
	{ "RP_5G", OR_RP_5, false },	     { "RP_6G", OR_RP_6, false },
	{ "RP_8G", OR_RP_8, true },	     { "RP_12G", OR_RP_12, true },
	{ "RP_16G", OR_RP_16, true },	     { "RP_24G", OR_RP_24, true },
	{ "RP_32G", OR_RP_32, true },	     { "RP_48G", OR_RP_48, true },
	{ "RP_64G", OR_RP_64, true },	     { "RP_128G", OR_RP_128, true },
	{ "EC_2P1G", OR_RS_2P1, false },     { "EC_2P2G", OR_RS_2P2, false },
	{ "EC_4P1G", OR_RS_4P1, false },     { "EC_4P2G", OR_RS_4P2, false },
	{ "EC_8P1G", OR_RS_8P1, false },     { "EC_8P2G", OR_RS_8P2, false },
	{ "EC_16P1G", OR_RS_16P1, false },   { "EC_16P2G", OR_RS_16P2, false },
	{ "EC_4P3G", OR_RS_4P3, false },     { "EC_8P3G", OR_RS_8P3, false },
	{ "EC_16P3G", OR_RS_16P3, false },
};

static const uint32_t groups[] = { 1, 2, 4, 6, 8, 12, 16, 32, MAX_NUM_GROUPS };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The classes that have a name of their own: EC has none of six groups, the wide ones one group. */
static bool registered(const struct family *f, uint32_t nr)
{
	size_t i;

	if (f->wide)
		return nr == 1 && f->redun != OR_RP_8;
	if (nr == 6 && f->redun >= OR_RS_2P1)
		return false;
	for (i = 0; i < COUNT(groups); i++)
		if (groups[i] == nr)
			return true;
	return false;
}

static const struct family *by_redun(uint32_t redun)
{
	size_t i;

	for (i = 0; i < COUNT(families); i++)
		if (families[i].redun == redun)
			return &families[i];
	return NULL;
}

/* "4" or "X"; 0 for anything else. */
static uint32_t parse_groups(const char *text)
{
	char *end;
	unsigned long v;

	if (strcmp(text, "X") == 0)
		return MAX_NUM_GROUPS;
	if (text[0] < '1' || text[0] > '9')
		return 0;
	v = strtoul(text, &end, 10);
	return *end == 0 && v < MAX_NUM_GROUPS ? (uint32_t)v : 0;
}

int daos_oclass_name2id(const char *name)
{
	size_t i;

	if (name == NULL)
		return OC_UNKNOWN;
	if (strcmp(name, "RP_XSF") == 0)
		return OC_RP_XSF;
	for (i = 0; i < COUNT(families); i++) {
		size_t n = strlen(families[i].name);
		uint32_t nr;

		if (strncmp(name, families[i].name, n) != 0)
			continue;
		nr = parse_groups(name + n);
		if (nr != 0 && registered(&families[i], nr))
			return (int)OBJ_CLASS_DEF(families[i].redun, nr);
	}
	return OC_UNKNOWN;
}

int daos_oclass_id2name(daos_oclass_id_t oc_id, char *name)
{
	const struct family *f = by_redun(oc_id >> OC_REDUN_SHIFT);
	uint32_t nr = oc_id & MAX_NUM_GROUPS;

	if (oc_id == OC_UNKNOWN || oc_id == OC_RP_XSF) {
		(void)snprintf(name, MAX_OBJ_CLASS_NAME_LEN, "%s",
			       oc_id == OC_UNKNOWN ? "UNKNOWN" : "RP_XSF");
		return 0;
	}
	if (f == NULL || nr == 0)
		return -1;
	if (nr == MAX_NUM_GROUPS)
		(void)snprintf(name, MAX_OBJ_CLASS_NAME_LEN, "%sX", f->name);
	else
		(void)snprintf(name, MAX_OBJ_CLASS_NAME_LEN, "%s%u", f->name, nr);
	return 0;
}

/* Call for each registered class, in order of method and groups. */
static void each_class(void (*fn)(void *arg, daos_oclass_id_t id), void *arg)
{
	size_t f;
	size_t g;

	for (f = 0; f < COUNT(families); f++)
		for (g = 0; g < COUNT(groups); g++)
			if (registered(&families[f], groups[g]))
				fn(arg, OBJ_CLASS_DEF(families[f].redun, groups[g]));
	fn(arg, OC_RP_XSF);
}

struct names {
	char *str;
	size_t size;
	size_t need;
};

static void add_name(void *arg, daos_oclass_id_t id)
{
	struct names *n = arg;
	char name[MAX_OBJ_CLASS_NAME_LEN];
	int len;

	(void)daos_oclass_id2name(id, name);
	len = snprintf(n->need < n->size ? n->str + n->need : NULL,
		       n->need < n->size ? n->size - n->need : 0, "%s%s", n->need > 0 ? ", " : "",
		       name);
	n->need += (size_t)len;
}

ssize_t daos_oclass_names_list(size_t size, char *str)
{
	struct names n = { .str = str, .size = size };

	if (size == 0 || str == NULL)
		return -DER_INVAL;
	str[0] = 0;
	each_class(add_name, &n);
	return (ssize_t)n.need + 1;
}

static void add_one(void *arg, daos_oclass_id_t id)
{
	(void)id;
	++*(int *)arg;
}

int daos_oclass_nr(int opts)
{
	int nr = 0;

	(void)opts;
	each_class(add_one, &nr);
	return nr;
}

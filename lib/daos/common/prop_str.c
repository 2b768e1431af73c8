/* Container properties as the command line takes them: "rd_fac:1;cksum:crc32". */
#include <errno.h>
#include <stdlib.h>

#include "daos_prop.h"
#include "gurt/common.h"

struct word {
	const char *name;
	uint64_t val;
};

static const struct word on_off[] = { { "off", 0 }, { "on", 1 }, { NULL, 0 } };

static const struct word csums[] = {
	{ "off", DAOS_PROP_CO_CSUM_OFF },     { "crc16", DAOS_PROP_CO_CSUM_CRC16 },
	{ "crc32", DAOS_PROP_CO_CSUM_CRC32 }, { "crc64", DAOS_PROP_CO_CSUM_CRC64 },
	{ "sha1", DAOS_PROP_CO_CSUM_SHA1 },   { "sha256", DAOS_PROP_CO_CSUM_SHA256 },
	{ "sha512", DAOS_PROP_CO_CSUM_SHA512 }, { "adler32", DAOS_PROP_CO_CSUM_ADLER32 },
	{ NULL, 0 },
};

static const struct word dedups[] = {
	{ "off", DAOS_PROP_CO_DEDUP_OFF },
	{ "memcmp", DAOS_PROP_CO_DEDUP_MEMCMP },
	{ "hash", DAOS_PROP_CO_DEDUP_HASH },
	{ NULL, 0 },
};

static const struct word compressions[] = {
	{ "off", DAOS_PROP_CO_COMPRESS_OFF },
	{ "lz4", DAOS_PROP_CO_COMPRESS_LZ4 },
	{ "deflate", DAOS_PROP_CO_COMPRESS_DEFLATE },
	{ "deflate1", DAOS_PROP_CO_COMPRESS_DEFLATE1 },
	{ "deflate2", DAOS_PROP_CO_COMPRESS_DEFLATE2 },
	{ "deflate3", DAOS_PROP_CO_COMPRESS_DEFLATE3 },
	{ "deflate4", DAOS_PROP_CO_COMPRESS_DEFLATE4 },
	{ NULL, 0 },
};

static const struct word encryptions[] = {
	{ "off", DAOS_PROP_CO_ENCRYPT_OFF },
	{ "aes-xts128", DAOS_PROP_CO_ENCRYPT_AES_XTS128 },
	{ "aes-xts256", DAOS_PROP_CO_ENCRYPT_AES_XTS256 },
	{ "aes-cbc128", DAOS_PROP_CO_ENCRYPT_AES_CBC128 },
	{ "aes-cbc192", DAOS_PROP_CO_ENCRYPT_AES_CBC192 },
	{ "aes-cbc256", DAOS_PROP_CO_ENCRYPT_AES_CBC256 },
	{ "aes-gcm128", DAOS_PROP_CO_ENCRYPT_AES_GCM128 },
	{ "aes-gcm256", DAOS_PROP_CO_ENCRYPT_AES_GCM256 },
	{ NULL, 0 },
};

static const struct word layouts[] = {
	{ "unknown", DAOS_PROP_CO_LAYOUT_UNKNOWN }, { "posix", DAOS_PROP_CO_LAYOUT_POSIX },
	{ "POSIX", DAOS_PROP_CO_LAYOUT_POSIX },	    { "hdf5", DAOS_PROP_CO_LAYOUT_HDF5 },
	{ "HDF5", DAOS_PROP_CO_LAYOUT_HDF5 },	    { "python", DAOS_PROP_CO_LAYOUT_PYTHON },
	{ "PYTHON", DAOS_PROP_CO_LAYOUT_PYTHON },   { "spark", DAOS_PROP_CO_LAYOUT_SPARK },
	{ "SPARK", DAOS_PROP_CO_LAYOUT_SPARK },	    { "database", DAOS_PROP_CO_LAYOUT_DATABASE },
	{ "DATABASE", DAOS_PROP_CO_LAYOUT_DATABASE }, { "root", DAOS_PROP_CO_LAYOUT_ROOT },
	{ "ROOT", DAOS_PROP_CO_LAYOUT_ROOT },	    { "seismic", DAOS_PROP_CO_LAYOUT_SEISMIC },
	{ "SEISMIC", DAOS_PROP_CO_LAYOUT_SEISMIC }, { "meteo", DAOS_PROP_CO_LAYOUT_METEO },
	{ "METEO", DAOS_PROP_CO_LAYOUT_METEO },	    { NULL, 0 },
};

static const struct word levels[] = {
	{ "1", DAOS_PROP_CO_REDUN_RANK },   { "2", DAOS_PROP_CO_REDUN_NODE },
	{ "rank", DAOS_PROP_CO_REDUN_RANK }, { "node", DAOS_PROP_CO_REDUN_NODE },
	{ NULL, 0 },
};

static const struct word perf_domains[] = {
	{ "root", DAOS_PROP_PERF_DOMAIN_ROOT },
	{ "group", DAOS_PROP_PERF_DOMAIN_GROUP },
	{ NULL, 0 },
};

/* "healthy" clears the state of damage. */
static const struct word states[] = {
	{ "healthy", DAOS_PROP_CO_STATUS_VAL(DAOS_PROP_CO_HEALTHY, DAOS_PROP_CO_CLEAR, 0) },
	{ NULL, 0 },
};

static const struct {
	const char *name;
	uint32_t type;
	const struct word *words;	/* NULL: a number, or the label */
	uint64_t min;
	uint64_t max;
} table[] = {
	{ "label", DAOS_PROP_CO_LABEL, NULL, 0, 0 },
	{ "layout_type", DAOS_PROP_CO_LAYOUT_TYPE, layouts, 0, 0 },
	{ "layout_version", DAOS_PROP_CO_LAYOUT_VER, NULL, 0, UINT16_MAX },
	{ "cksum", DAOS_PROP_CO_CSUM, csums, 0, 0 },
	{ "csum", DAOS_PROP_CO_CSUM, csums, 0, 0 },
	{ "cksum_size", DAOS_PROP_CO_CSUM_CHUNK_SIZE, NULL, 1, UINT32_MAX },
	{ "srv_cksum", DAOS_PROP_CO_CSUM_SERVER_VERIFY, on_off, 0, 0 },
	{ "dedup", DAOS_PROP_CO_DEDUP, dedups, 0, 0 },
	{ "dedup_threshold", DAOS_PROP_CO_DEDUP_THRESHOLD, NULL, 1, UINT32_MAX },
	{ "compression", DAOS_PROP_CO_COMPRESS, compressions, 0, 0 },
	{ "encryption", DAOS_PROP_CO_ENCRYPT, encryptions, 0, 0 },
	{ "rd_fac", DAOS_PROP_CO_REDUN_FAC, NULL, 0, DAOS_PROP_PO_REDUN_FAC_MAX },
	{ "rf", DAOS_PROP_CO_REDUN_FAC, NULL, 0, DAOS_PROP_PO_REDUN_FAC_MAX },
	{ "rd_lvl", DAOS_PROP_CO_REDUN_LVL, levels, 0, 0 },
	{ "rf_lvl", DAOS_PROP_CO_REDUN_LVL, levels, 0, 0 },
	{ "status", DAOS_PROP_CO_STATUS, states, 0, 0 },
	{ "max_snapshot", DAOS_PROP_CO_SNAPSHOT_MAX, NULL, 0, UINT32_MAX },
	{ "ec_cell_sz", DAOS_PROP_CO_EC_CELL_SZ, NULL, DAOS_PROP_PO_EC_CELL_SZ_MIN,
	  DAOS_PROP_PO_EC_CELL_SZ_MAX },
	{ "ec_cell", DAOS_PROP_CO_EC_CELL_SZ, NULL, DAOS_PROP_PO_EC_CELL_SZ_MIN,
	  DAOS_PROP_PO_EC_CELL_SZ_MAX },
	{ "ec_pda", DAOS_PROP_CO_EC_PDA, NULL, 1, UINT32_MAX },
	{ "rp_pda", DAOS_PROP_CO_RP_PDA, NULL, 1, UINT32_MAX },
	{ "perf_domain", DAOS_PROP_CO_PERF_DOMAIN, perf_domains, 0, 0 },
	{ "scrub_disabled", DAOS_PROP_CO_SCRUBBER_DISABLED, NULL, 0, 1 },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Decimal, with K, M or G for binary multiples. */
static bool number_parse(const char *str, uint64_t *ret_v)
{
	unsigned long long v;
	unsigned int shift = 0;
	char *end;

	if (str[0] < '0' || str[0] > '9')
		return false;
	errno = 0;
	v = strtoull(str, &end, 10);
	if (*end == 'k' || *end == 'K')
		shift = 10;
	else if (*end == 'm' || *end == 'M')
		shift = 20;
	else if (*end == 'g' || *end == 'G')
		shift = 30;
	if (shift > 0)
		end++;
	if (errno != 0 || *end != 0 || v > UINT64_MAX >> shift)
		return false;
	*ret_v = (uint64_t)v << shift;
	return true;
}

static bool word_parse(const struct word *words, const char *str, uint64_t *ret_v)
{
	for (; words->name != NULL; words++) {
		if (strcmp(words->name, str) == 0) {
			*ret_v = words->val;
			return true;
		}
	}
	return false;
}

/* Entry @e from "name:value", which is cut. */
static int entry_parse(char *str, struct daos_prop_entry *e)
{
	char *val = strchr(str, ':');
	size_t i;

	if (val == NULL)
		return -DER_INVAL;
	*val++ = 0;
	for (i = 0; i < COUNT(table) && strcmp(table[i].name, str) != 0; i++)
		;
	if (i == COUNT(table))
		return -DER_INVAL;
	e->dpe_type = table[i].type;
	if (table[i].words != NULL)
		return word_parse(table[i].words, val, &e->dpe_val) ? 0 : -DER_INVAL;
	if (e->dpe_type == DAOS_PROP_CO_LABEL) {
		if (!daos_label_is_valid(val))
			return -DER_INVAL;
		e->dpe_str = d_strndup(val, strlen(val));
		return e->dpe_str != NULL ? 0 : -DER_NOMEM;
	}
	if (!number_parse(val, &e->dpe_val) || e->dpe_val < table[i].min ||
	    e->dpe_val > table[i].max)
		return -DER_INVAL;
	return 0;
}

static int list_parse(char *str, daos_prop_t *prop)
{
	uint32_t nr = 0;
	char *save = NULL;
	char *part;
	int rc = 0;

	for (part = strtok_r(str, ";", &save); part != NULL && rc == 0;
	     part = strtok_r(NULL, ";", &save)) {
		struct daos_prop_entry e = { 0 };

		rc = entry_parse(part, &e);
		if (rc == 0 && daos_prop_entry_get(prop, e.dpe_type) != NULL) {
			rc = -DER_INVAL;	/* twice */
			if (daos_prop_has_str(&e))
				d_free(e.dpe_str);
		}
		if (rc == 0)
			prop->dpp_entries[nr++] = e;
	}
	if (rc == 0 && nr == 0)
		rc = -DER_INVAL;
	prop->dpp_nr = nr;
	return rc;
}

int daos_prop_from_str(const char *str, daos_size_t len, daos_prop_t **prop)
{
	daos_prop_t *made;
	char *copy;
	int rc;

	if (str == NULL || prop == NULL || len == 0)
		return -DER_INVAL;
	made = daos_prop_alloc(COUNT(table));
	copy = d_strndup(str, len);
	if (made == NULL || copy == NULL)
		rc = -DER_NOMEM;
	else
		rc = list_parse(copy, made);
	d_free(copy);
	if (rc != 0) {
		daos_prop_free(made);
		return rc;
	}
	*prop = made;
	return 0;
}

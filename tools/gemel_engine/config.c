#include "tools/gemel_engine/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "transports/host/yamlfile.h"

#define BDEV_BYTES_DEFAULT (16ull << 30)
#define BDEV_BYTES_MIN (64ull << 20)
#define ENGINES_MAX 64u

static const cyaml_strval_t class_names[] = {
	{ "file", STORAGE_FILE }, { "kdev", STORAGE_KDEV }, { "ram", STORAGE_RAM },
};

static const cyaml_schema_value_t string_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096),
};

static const cyaml_schema_field_t storage_fields[] = {
	CYAML_FIELD_ENUM("class", CYAML_FLAG_DEFAULT, struct engine_storage, kind, class_names,
			 CYAML_ARRAY_LEN(class_names)),
	CYAML_FIELD_STRING_PTR("path", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct engine_storage, path, 1, 3800),
	CYAML_FIELD_SEQUENCE_COUNT("bdev_list", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct engine_storage, bdev_list, bdev_count, &string_schema, 1,
				   SYSFILE_TARGETS_MAX),
	CYAML_FIELD_STRING_PTR("bdev_size", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct engine_storage, bdev_size, 1, 32),
	CYAML_FIELD_STRING_PTR("meta_device", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct engine_storage, meta_device, 1, 4096),
	CYAML_FIELD_END
};

#define ENGINE_STR(key, member)                                                                    \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                      \
			       struct engine_config, member, 1, 4096)

static const cyaml_schema_field_t engine_fields[] = {
	CYAML_FIELD_UINT("rank", CYAML_FLAG_DEFAULT, struct engine_config, rank),
	CYAML_FIELD_UINT("targets", CYAML_FLAG_DEFAULT, struct engine_config, targets),
	ENGINE_STR("fabric_iface", fabric_iface),
	CYAML_FIELD_UINT("fabric_iface_port", CYAML_FLAG_OPTIONAL, struct engine_config,
			 fabric_iface_port),
	ENGINE_STR("fabric_domain", fabric_domain),
	ENGINE_STR("fabric_auth_key", fabric_auth_key),
	CYAML_FIELD_UINT_PTR("pinned_numa_node", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			     struct engine_config, pinned_numa_node),
	CYAML_FIELD_UINT_PTR("first_core", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			     struct engine_config, first_core),
	CYAML_FIELD_UINT("crt_timeout", CYAML_FLAG_OPTIONAL, struct engine_config, crt_timeout),
	ENGINE_STR("log_file", log_file),
	ENGINE_STR("log_mask", log_mask),
	CYAML_FIELD_MAPPING("storage", CYAML_FLAG_DEFAULT, struct engine_config, storage,
			    storage_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t engine_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct engine_config, engine_fields),
};

static const cyaml_schema_field_t node_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct node_config, name, 1,
			       SYSFILE_NAME_MAX),
	CYAML_FIELD_STRING_PTR("system_file", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct node_config, system_file, 1, 4096),
	CYAML_FIELD_STRING_PTR("provider", CYAML_FLAG_POINTER, struct node_config, provider, 5, 64),
	CYAML_FIELD_SEQUENCE_COUNT("engines", CYAML_FLAG_POINTER, struct node_config, engines,
				   engine_count, &engine_schema, 1, ENGINES_MAX),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t node_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct node_config, node_fields),
};

struct err_text {
	const char *path;
	char *buf;
	size_t cap;
};

static int wrong(struct err_text *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct err_text *e, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(e->buf, e->cap, "%s: ", e->path);

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < e->cap)
		(void)vsnprintf(e->buf + n, e->cap - (size_t)n, fmt, ap);
	va_end(ap);
	return -DER_INVAL;
}

int config_bytes(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kmgtp";
	unsigned long long v;
	const char *unit;
	uint32_t shift = 0;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || end == text || !isdigit((unsigned char)text[0]))
		return -DER_INVAL;
	while (*end == ' ')
		end++;
	unit = *end != 0 ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (unit != NULL) {
		shift = 10 * (uint32_t)(unit - units + 1);
		end++;
		if (*end == 'i')
			end++;
	}
	if (*end == 'B' || *end == 'b')
		end++;
	if (*end != 0 || v > UINT64_MAX >> shift)
		return -DER_INVAL;
	*ret_bytes = (uint64_t)v << shift;
	return 0;
}

static int check_storage(struct err_text *e, struct engine_config *c, bool leader)
{
	struct engine_storage *s = &c->storage;

	s->bytes = BDEV_BYTES_DEFAULT;
	if (s->bdev_size != NULL &&
	    (config_bytes(s->bdev_size, &s->bytes) != 0 || s->bytes < BDEV_BYTES_MIN))
		return wrong(e,
			     "rank %u: storage: bdev_size: \"%s\" is not a size of 64MiB or more",
			     c->rank, s->bdev_size);
	s->bytes = align_down(s->bytes, 1u << 20);
	if (s->kind == STORAGE_FILE && s->path == NULL)
		return wrong(e, "rank %u: storage: class file needs path", c->rank);
	if (s->kind != STORAGE_KDEV)
		return 0;
	if (s->bdev_count != c->targets)
		return wrong(e, "rank %u: storage: bdev_list has %u devices for %u targets",
			     c->rank, s->bdev_count, c->targets);
	if (leader && s->meta_device == NULL)
		return wrong(e, "rank %u: storage: the lowest rank needs meta_device", c->rank);
	return 0;
}

static int log_level(const char *mask, enum rt_level *ret_level)
{
	static const char *const names[] = { "ERR", "WARN", "INFO", "DEBUG" };
	uint32_t i;

	*ret_level = RT_LOG_WARN;
	if (mask == NULL)
		return 0;
	for (i = 0; i < ARRAY_COUNT(names); i++)
		if (strcasecmp(mask, names[i]) == 0) {
			*ret_level = (enum rt_level)(RT_LOG_ERROR + i);
			return 0;
		}
	return -DER_INVAL;
}

static int check_engine(struct err_text *e, struct node_config *n, struct engine_config *c)
{
	struct sysfile_addr addr;

	c->addr = sysfile_find(n->system, c->rank);
	if (c->addr == NULL)
		return wrong(e, "rank %u is not in the system file", c->rank);
	if (c->targets != c->addr->targets)
		return wrong(e, "rank %u: targets: %u here, %u in the system file", c->rank,
			     c->targets, c->addr->targets);
	(void)sysfile_addr(c->addr->uri, &addr);	/* sysfile_load() has checked it */
	if (strncmp(n->provider, "ofi+", 4) != 0 || strcmp(n->provider + 4, addr.provider) != 0)
		return wrong(e, "provider: \"%s\" here, \"ofi+%s\" for rank %u in the system file",
			     n->provider, addr.provider, c->rank);
	if (c->fabric_iface_port != 0 && c->fabric_iface_port != addr.port)
		return wrong(e, "rank %u: fabric_iface_port: %u here, %u in the system file",
			     c->rank, c->fabric_iface_port, addr.port);
	if (c->crt_timeout > 86400)
		return wrong(e, "rank %u: crt_timeout: %u is more than a day", c->rank,
			     c->crt_timeout);
	if (log_level(c->log_mask, &c->log_level) != 0)
		return wrong(e, "rank %u: log_mask: \"%s\" is none of ERR, WARN, INFO, DEBUG",
			     c->rank, c->log_mask);
	return check_storage(e, c, c->rank == n->system->ranks[0].rank);
}

/* The system file's path: relative ones are relative to the configuration. */
static int system_path(const char *config_path, const struct node_config *n, const char *override,
		       char *dst, size_t cap)
{
	const char *name = override != NULL ? override : n->system_file;
	const char *slash = strrchr(config_path, '/');
	int len;

	if (name == NULL)
		name = "/etc/gemel/system.yml";
	if (override != NULL || name[0] == '/' || slash == NULL)
		len = snprintf(dst, cap, "%s", name);
	else
		len = snprintf(dst, cap, "%.*s/%s", (int)(slash - config_path), config_path, name);
	return len > 0 && (size_t)len < cap ? 0 : -DER_INVAL;
}

static int config_check(struct err_text *e, struct node_config *n, const char *override)
{
	char path[4096];
	uint32_t i;
	int rc;

	if (system_path(e->path, n, override, path, sizeof(path)) != 0)
		return wrong(e, "system_file: the path is too long");
	rc = sysfile_load(path, e->buf, e->cap, &n->system);
	if (rc != 0)
		return rc;
	if (strcmp(n->name, n->system->name) != 0)
		return wrong(e, "name: \"%s\" here, \"%s\" in the system file", n->name,
			     n->system->name);
	for (i = 0; i < n->engine_count && rc == 0; i++) {
		uint32_t k;

		for (k = 0; k < i; k++)
			if (n->engines[k].rank == n->engines[i].rank)
				return wrong(e, "rank %u is there twice", n->engines[i].rank);
		rc = check_engine(e, n, &n->engines[i]);
	}
	return rc;
}

int config_load(const char *path, const char *system_file, char *err, size_t err_cap,
		struct node_config **ret_config)
{
	struct err_text e = { .path = path, .buf = err, .cap = err_cap };
	struct node_config *n;
	void *data;
	int rc;

	rc = yamlfile_load(path, &node_schema, err, err_cap, &data);
	if (rc != 0)
		return rc;
	n = data;
	rc = config_check(&e, n, system_file);
	if (rc != 0) {
		config_free(n);
		return rc;
	}
	*ret_config = n;
	return 0;
}

void config_free(struct node_config *n)
{
	if (n == NULL)
		return;
	sysfile_free(n->system);
	yamlfile_free(&node_schema, n);
}

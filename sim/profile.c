/* Profiles: the schema, and libcyaml's complaints turned into file, line and key. */
#include "sim/profile_int.h"

#include <assert.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STR_MAX 64
#define REQ CYAML_FLAG_POINTER
#define OPT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

#define F_STR(key, type, member) CYAML_FIELD_STRING_PTR(key, REQ, struct type, member, 1, STR_MAX)
#define F_OPT(key, type, member) CYAML_FIELD_STRING_PTR(key, OPT, struct type, member, 1, STR_MAX)
#define F_UINT(key, type, member) CYAML_FIELD_UINT(key, CYAML_FLAG_DEFAULT, struct type, member)

/* libcyaml's macros initialise every member but name only some; the rest is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const cyaml_schema_value_t name_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, STR_MAX),
};

static const cyaml_schema_field_t link_fields[] = {
	F_STR("name", raw_link, name),
	F_STR("bandwidth", raw_link, bandwidth),
	F_STR("latency", raw_link, latency),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t link_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_link, link_fields),
};

static const cyaml_schema_field_t route_fields[] = {
	F_STR("from", raw_route, from),
	F_STR("to", raw_route, to),
	CYAML_FIELD_SEQUENCE("links", REQ, struct raw_route, links, &name_schema, 1,
			     PROFILE_ROUTE_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t route_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_route, route_fields),
};

static const cyaml_schema_field_t nic_fields[] = {
	F_UINT("count", raw_nic, count),
	F_STR("bandwidth", raw_nic, bandwidth),
	F_STR("latency", raw_nic, latency),
	CYAML_FIELD_END,
};

static const cyaml_strval_t topo_kinds[] = {
	{ "star", PROFILE_STAR },
	{ "generic", PROFILE_GENERIC },
};

static const cyaml_schema_field_t topology_fields[] = {
	CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct raw_topology, kind, topo_kinds, 2),
	F_UINT("servers", raw_topology, servers),
	F_UINT("clients", raw_topology, clients),
	F_OPT("backbone_latency", raw_topology, backbone_latency),
	CYAML_FIELD_MAPPING_PTR("nic", OPT, struct raw_topology, nic, nic_fields),
	CYAML_FIELD_SEQUENCE("hosts", OPT, struct raw_topology, hosts, &name_schema, 1,
			     PROFILE_NODES_MAX),
	CYAML_FIELD_SEQUENCE("links", OPT, struct raw_topology, links, &link_schema, 1,
			     PROFILE_LINKS_MAX),
	CYAML_FIELD_SEQUENCE("routes", OPT, struct raw_topology, routes, &route_schema, 1,
			     1u << 20),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t network_fields[] = {
	F_STR("chunk", raw_network, chunk),
	F_STR("overhead", raw_network, overhead),
	F_STR("local_bandwidth", raw_network, local_bandwidth),
	F_STR("local_latency", raw_network, local_latency),
	F_STR("detect", raw_network, detect),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t ssd_fields[] = {
	F_STR("name", raw_ssd, name),
	F_UINT("count", raw_ssd, count),
	F_STR("capacity", raw_ssd, capacity),
	F_STR("read_bandwidth", raw_ssd, read_bandwidth),
	F_STR("write_bandwidth", raw_ssd, write_bandwidth),
	F_STR("read_latency", raw_ssd, read_latency),
	F_STR("write_latency", raw_ssd, write_latency),
	F_STR("flush_latency", raw_ssd, flush_latency),
	F_STR("read_iops", raw_ssd, read_iops),
	F_STR("write_iops", raw_ssd, write_iops),
	F_UINT("queue_depth", raw_ssd, queue_depth),
	F_STR("block", raw_ssd, block),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t ssd_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_ssd, ssd_fields),
};

static const cyaml_schema_field_t server_fields[] = {
	F_UINT("engines", raw_server, engines),
	F_UINT("targets", raw_server, targets),
	CYAML_FIELD_SEQUENCE("ssd", REQ, struct raw_server, ssd, &ssd_schema, 1, 16),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t cost_fields[] = {
	F_STR("base", raw_cost, base),
	F_STR("per_unit", raw_cost, per_unit),
	CYAML_FIELD_END,
};

#define F_COST(key, kind)                                                                          \
	CYAML_FIELD_MAPPING(key, CYAML_FLAG_DEFAULT, struct raw_cpu, costs[kind], cost_fields)

static const cyaml_schema_field_t cpu_fields[] = {
	F_STR("turn", raw_cpu, turn),
	F_COST("rpc_send", RT_COST_RPC_SEND),
	F_COST("rpc_recv", RT_COST_RPC_RECV),
	F_COST("rpc_bulk", RT_COST_RPC_BULK),
	F_COST("vos_update", RT_COST_VOS_UPDATE),
	F_COST("vos_fetch", RT_COST_VOS_FETCH),
	F_COST("vos_enum", RT_COST_VOS_ENUM),
	F_COST("vos_punch", RT_COST_VOS_PUNCH),
	F_COST("csum", RT_COST_CSUM),
	F_COST("ec_encode", RT_COST_EC_ENCODE),
	F_COST("ec_decode", RT_COST_EC_DECODE),
	F_COST("copy", RT_COST_COPY),
	F_COST("client_op", RT_COST_CLIENT_OP),
	CYAML_FIELD_END,
};

static_assert(RT_COST_COUNT == 12, "a new cost needs its key in cpu_fields");

const char *const profile_cost_names[RT_COST_COUNT] = {
	[RT_COST_RPC_SEND] = "rpc_send",     [RT_COST_RPC_RECV] = "rpc_recv",
	[RT_COST_RPC_BULK] = "rpc_bulk",     [RT_COST_VOS_UPDATE] = "vos_update",
	[RT_COST_VOS_FETCH] = "vos_fetch",   [RT_COST_VOS_ENUM] = "vos_enum",
	[RT_COST_VOS_PUNCH] = "vos_punch",   [RT_COST_CSUM] = "csum",
	[RT_COST_EC_ENCODE] = "ec_encode",   [RT_COST_EC_DECODE] = "ec_decode",
	[RT_COST_COPY] = "copy",	     [RT_COST_CLIENT_OP] = "client_op",
};

static const cyaml_schema_field_t profile_fields[] = {
	F_STR("name", raw_profile, name),
	CYAML_FIELD_MAPPING("topology", CYAML_FLAG_DEFAULT, struct raw_profile, topology,
			    topology_fields),
	CYAML_FIELD_MAPPING("network", CYAML_FLAG_DEFAULT, struct raw_profile, network,
			    network_fields),
	CYAML_FIELD_MAPPING("server", CYAML_FLAG_DEFAULT, struct raw_profile, server,
			    server_fields),
	CYAML_FIELD_MAPPING("cpu", CYAML_FLAG_DEFAULT, struct raw_profile, cpu, cpu_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_profile, profile_fields),
};

/* ---- errors ------------------------------------------------------------------------------- */

int profile_error(struct profile_sink *s, const char *path, const char *fmt, ...)
{
	uint32_t line = s->marks == NULL ? 1 : yaml_marks_line(s->marks, path);
	char why[PROFILE_ERROR_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(s->text, PROFILE_ERROR_MAX, "%s:%u: %s%s%s", s->file, line, path,
		 path[0] != 0 ? ": " : "", why);
	return -DER_INVAL;
}

/* What libcyaml logged: its first sentence, and the innermost line that it knows. */
struct complaint {
	char why[256];
	char field[STR_MAX];	/* the key of the innermost mapping that was read last */
	uint32_t line;
};

static void log_keep(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	struct complaint *c = ctx;
	const char *at;
	char line[256];

	(void)level;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	at = strstr(line, "in mapping field '");
	if (at != NULL && c->field[0] == 0)
		snprintf(c->field, sizeof(c->field), "%.*s", (int)strcspn(at + 18, "'"), at + 18);
	at = strstr(line, "(line: ");
	if (at != NULL && c->line == 0)
		c->line = (uint32_t)strtoul(at + 7, NULL, 10);
	if (c->why[0] == 0)
		snprintf(c->why, sizeof(c->why), "%s",
			 strncmp(line, "Load: ", 6) == 0 ? line + 6 : line);
}

/* "a.b.c.d", "c" -> "a.b": the mapping that the last "c" stands in. */
static void cut_at(char *path, const char *field)
{
	size_t len = strlen(field);

	for (char *at = path + strlen(path); at-- > path;) {
		if ((at == path || at[-1] == '.') && strncmp(at, field, len) == 0 &&
		    (at[len] == 0 || at[len] == '.' || at[len] == '[')) {
			*(at == path ? at : at - 1) = 0;
			return;
		}
	}
}

/* Name the key that libcyaml means. It knows the line of the event before an unknown key, and that
 * of the last key where one is missing. */
static int complain(struct profile_sink *s, const struct complaint *c)
{
	static const char unknown[] = "Unexpected key: ";
	static const char twice[] = "Mapping field already seen: ";
	static const char missing[] = "Missing required mapping field: ";
	uint32_t line = c->line == 0 ? 1 : c->line;
	const char *path = yaml_marks_at(s->marks, line);
	const char *why = c->why[0] != 0 ? c->why : "not a profile";
	char key[YAML_PATH_MAX + STR_MAX];

	if (strncmp(why, unknown, sizeof(unknown) - 1) == 0) {
		(void)yaml_marks_find(s->marks, why + sizeof(unknown) - 1, line, &line, &path);
		why = "unknown key";
	} else if (strncmp(why, twice, sizeof(twice) - 1) == 0) {
		(void)yaml_marks_find(s->marks, why + sizeof(twice) - 1, line + 1, &line, &path);
		why = "there twice";
	} else if (strncmp(why, missing, sizeof(missing) - 1) == 0) {
		snprintf(key, YAML_PATH_MAX, "%s", path);
		cut_at(key, c->field);
		line = yaml_marks_line(s->marks, key);
		snprintf(key + strlen(key), STR_MAX, "%s%s", key[0] != 0 ? "." : "",
			 why + sizeof(missing) - 1);
		path = key;
		why = "missing";
	}
	snprintf(s->text, PROFILE_ERROR_MAX, "%s:%u: %s%s%s", s->file, line, path,
		 path[0] != 0 ? ": " : "", why);
	return -DER_INVAL;
}

/* ---- public ------------------------------------------------------------------------------- */

int profile_parse(const char *name, const char *text, size_t bytes, char *ret_error,
		  struct sim_profile **ret_profile)
{
	struct profile_sink sink = { .file = name, .text = ret_error };
	struct complaint complaint = { .line = 0 };
	const cyaml_config_t config = {
		.log_fn = log_keep,
		.log_ctx = &complaint,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct raw_profile *raw = NULL;
	struct yaml_marks *marks = NULL;
	const char *why = "not YAML";
	uint32_t line = 1;
	cyaml_err_t err;
	int rc;

	rc = yaml_marks_create(text, bytes, &line, &why, &marks);
	if (rc == -DER_INVAL)
		snprintf(ret_error, PROFILE_ERROR_MAX, "%s:%u: %s", name, line, why);
	if (rc != 0)
		return rc;
	sink.marks = marks;
	err = cyaml_load_data((const uint8_t *)text, bytes, &config, &profile_schema, (void **)&raw,
			      NULL);
	if (err == CYAML_ERR_OOM)
		rc = -DER_NOMEM;
	else if (err != CYAML_OK || raw == NULL)
		rc = complain(&sink, &complaint);
	else
		rc = profile_build(&sink, raw, ret_profile);
	if (raw != NULL)
		cyaml_free(&config, &profile_schema, raw, 0);
	yaml_marks_destroy(marks);
	return rc;
}

static int read_all(FILE *f, char **ret_text, size_t *ret_bytes)
{
	char *text = malloc(PROFILE_FILE_MAX + 1);
	size_t bytes;

	if (text == NULL)
		return -DER_NOMEM;
	bytes = fread(text, 1, PROFILE_FILE_MAX + 1, f);
	if (ferror(f) != 0 || bytes > PROFILE_FILE_MAX) {
		free(text);
		return ferror(f) != 0 ? -DER_IO : -DER_OVERFLOW;
	}
	*ret_text = text;
	*ret_bytes = bytes;
	return 0;
}

int profile_load(const char *path, char *ret_error, struct sim_profile **ret_profile)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t bytes = 0;
	int rc;

	if (f == NULL) {
		rc = err_from_errno(errno);
		snprintf(ret_error, PROFILE_ERROR_MAX, "%s: %s", path, err_name(rc));
		return rc;
	}
	rc = read_all(f, &text, &bytes);
	fclose(f);
	if (rc != 0) {
		snprintf(ret_error, PROFILE_ERROR_MAX, "%s: %s", path,
			 rc == -DER_OVERFLOW ? "too large for a profile" : err_name(rc));
		return rc == -DER_OVERFLOW ? -DER_INVAL : rc;
	}
	rc = profile_parse(path, text, bytes, ret_error, ret_profile);
	free(text);
	return rc;
}

/* Profiles: the schema of the file. */
#include "sim/profile_int.h"

#include <assert.h>

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

/* ---- public ------------------------------------------------------------------------------- */

int profile_parse(const char *name, const char *text, size_t bytes, char *ret_error,
		  struct sim_profile **ret_profile)
{
	struct yaml_doc doc;
	int rc = yaml_load(name, text, bytes, &profile_schema, ret_error, &doc);

	if (rc != 0)
		return rc;
	rc = profile_build(&doc, doc.raw, ret_profile);
	yaml_unload(&doc);
	return rc;
}

int profile_load(const char *path, char *ret_error, struct sim_profile **ret_profile)
{
	size_t bytes;
	char *text;
	int rc = yaml_read(path, ret_error, &text, &bytes);

	if (rc != 0)
		return rc;
	rc = profile_parse(path, text, bytes, ret_error, ret_profile);
	yaml_text_free(text);
	return rc;
}

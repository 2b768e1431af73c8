/* Profiles: quantities, what the parser refuses and where it says the fault is, and the files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/profile.h"

#ifndef PROFILES_DIR
#error "the build names the folder of the profiles"
#endif

static void test_quantity(void **state)
{
	static const struct {
		const char *text;
		enum profile_unit unit;
		uint64_t value;
	} good[] = {
		{ "25 GB/s", PROFILE_BANDWIDTH, 25000000000 },
		{ "23.2 GB/s", PROFILE_BANDWIDTH, 23200000000 },
		{ "200 Gb/s", PROFILE_BANDWIDTH, 25000000000 },
		{ "1MiB/s", PROFILE_BANDWIDTH, 1 << 20 },
		{ "64 KiB", PROFILE_BYTES, 65536 },
		{ "0.5 KiB", PROFILE_BYTES, 512 },
		{ "15.3 TB", PROFILE_BYTES, 15300000000000 },
		{ "0 B", PROFILE_BYTES, 0 },
		{ "350 ns", PROFILE_TIME, 350 },
		{ "1.5 us", PROFILE_TIME, 1500 },
		{ "2 s", PROFILE_TIME, 2000000000 },
		{ "0.05 ns", PROFILE_TIME_FINE, 52429 },
		{ "1 us", PROFILE_TIME_FINE, 1000ull << 20 },
		{ "1.45 M/s", PROFILE_RATE, 1450000 },
		{ "260 k/s", PROFILE_RATE, 260000 },
		{ "7/s", PROFILE_RATE, 7 },
	};
	static const struct {
		const char *text;
		enum profile_unit unit;
	} bad[] = {
		{ "", PROFILE_BYTES }, { "25", PROFILE_BANDWIDTH }, { "GB/s", PROFILE_BANDWIDTH },
		{ "25 GB", PROFILE_BANDWIDTH }, { "25 gb/s", PROFILE_BANDWIDTH },
		{ "25  GB/s", PROFILE_BANDWIDTH }, { " 25 GB/s", PROFILE_BANDWIDTH },
		{ "25 GB/s ", PROFILE_BANDWIDTH }, { "-1 ns", PROFILE_TIME },
		{ "+1 ns", PROFILE_TIME }, { "1e3 ns", PROFILE_TIME }, { "0.5 ns", PROFILE_TIME },
		{ "1. us", PROFILE_TIME }, { ".5 us", PROFILE_TIME }, { "1,5 us", PROFILE_TIME },
		{ "1 h", PROFILE_TIME }, { "0.3 B", PROFILE_BYTES },
		{ "12345678901234567890 B", PROFILE_BYTES }, { "999999999 TiB", PROFILE_BYTES },
		{ "1 ms", PROFILE_TIME_FINE }, { "5 ns", PROFILE_RATE }, { "1\t/s", PROFILE_RATE },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		assert_int_equal(profile_quantity(good[i].text, good[i].unit, &v), 0);
		assert_int_equal(v, good[i].value);
	}
	v = 42;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (profile_quantity(bad[i].text, bad[i].unit, &v) != -DER_INVAL)
			fail_msg("\"%s\" was taken", bad[i].text);
		assert_int_equal(v, 42);	/* written only on success */
	}
}

static const char base_text[] = "name: t\n" /* 1 */
				"topology:\n" /* 2 */
				"  kind: star\n" /* 3 */
				"  servers: 2\n" /* 4 */
				"  clients: 1\n" /* 5 */
				"  backbone_latency: 1 us\n" /* 6 */
				"  nic:\n" /* 7 */
				"    count: 1\n" /* 8 */
				"    bandwidth: 1 GB/s\n" /* 9 */
				"    latency: 1 us\n" /* 10 */
				"network:\n" /* 11 */
				"  chunk: 64 KiB\n" /* 12 */
				"  overhead: 64 B\n" /* 13 */
				"  local_bandwidth: 8 GB/s\n" /* 14 */
				"  local_latency: 300 ns\n" /* 15 */
				"  detect: 1 ms\n" /* 16 */
				"server:\n" /* 17 */
				"  engines: 1\n" /* 18 */
				"  targets: 2\n" /* 19 */
				"  ssd:\n" /* 20 */
				"  - name: disk\n" /* 21 */
				"    count: 1\n" /* 22 */
				"    capacity: 1 GiB\n" /* 23 */
				"    read_bandwidth: 1 GB/s\n" /* 24 */
				"    write_bandwidth: 1 GB/s\n" /* 25 */
				"    read_latency: 1 us\n" /* 26 */
				"    write_latency: 1 us\n" /* 27 */
				"    flush_latency: 1 us\n" /* 28 */
				"    read_iops: 1 k/s\n" /* 29 */
				"    write_iops: 1 k/s\n" /* 30 */
				"    queue_depth: 4\n" /* 31 */
				"    block: 4 KiB\n" /* 32 */
				"cpu:\n" /* 33 */
				"  turn: 10 ns\n" /* 34 */
				"  rpc_send: { base: 1 us, per_unit: 0.1 ns }\n" /* 35 */
				"  rpc_recv: { base: 1 us, per_unit: 0.1 ns }\n"
				"  rpc_bulk: { base: 1 us, per_unit: 0.1 ns }\n"
				"  vos_update: { base: 1 us, per_unit: 0.1 ns }\n"
				"  vos_fetch: { base: 1 us, per_unit: 0.1 ns }\n"
				"  vos_enum: { base: 1 us, per_unit: 0.1 ns }\n"
				"  vos_punch: { base: 1 us, per_unit: 0.1 ns }\n"
				"  csum: { base: 1 us, per_unit: 0.1 ns }\n"
				"  ec_encode: { base: 1 us, per_unit: 0.1 ns }\n"
				"  ec_decode: { base: 1 us, per_unit: 0.1 ns }\n"
				"  copy: { base: 1 us, per_unit: 0.1 ns }\n"
				"  client_op: { base: 1 us, per_unit: 0.25 ns }\n"; /* 46 */

/* @base with the first @from replaced by @to. */
static char *edited(const char *base, const char *from, const char *to)
{
	const char *at = strstr(base, from);
	size_t bytes = strlen(base) + strlen(to) + 1;
	char *text = malloc(bytes);

	assert_non_null(at);
	assert_non_null(text);
	(void)snprintf(text, bytes, "%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
	return text;
}

static void expect_error(const char *text, const char *want)
{
	char error[PROFILE_ERROR_MAX] = "";
	struct sim_profile *p = NULL;

	assert_int_equal(profile_parse("f", text, strlen(text), error, &p), -DER_INVAL);
	if (strstr(error, want) != error)
		fail_msg("\"%s\" does not begin with \"%s\"", error, want);
	assert_null(p);
}

struct bad_edit {
	const char *from;
	const char *to;
	const char *error;
};

static void expect_edits(const char *base, const struct bad_edit *edits, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		char *text = edited(base, edits[i].from, edits[i].to);

		expect_error(text, edits[i].error);
		free(text);
	}
}

/* Each fault is told with the line and the key that it is at. */
static void test_errors(void **state)
{
	static const struct bad_edit edits[] = {
		{ "    latency: 1 us\n", "    latency: 1 us\n    speed: 3\n",
		  "f:11: topology.nic.speed: unknown key" },
		{ "name: t\n", "name: t\nnumber: 3\n", "f:2: number: unknown key" },
		{ "turn: 10 ns\n", "turn: 10 ns\n  turm: 3 ns\n", "f:35: cpu.turm: unknown key" },
		{ "client_op: { base: 1 us,", "client_op: { base: 1 us, bass: 1 us,",
		  "f:46: cpu.client_op.bass: unknown key" },
		{ "bandwidth: 1 GB/s", "bandwidth: 1 GB", "f:9: topology.nic.bandwidth: \"1 GB\"" },
		{ "chunk: 64 KiB", "chunk: 64", "f:12: network.chunk: \"64\" is not a size" },
		{ "chunk: 64 KiB", "chunk: 64 B", "f:12: network.chunk: \"64 B\" is out of range" },
		{ "read_iops: 1 k/s", "read_iops: 1 k", "f:29: server.ssd[0].read_iops:" },
		{ "block: 4 KiB", "block: 5 KiB", "f:32: server.ssd[0].block: not a power" },
		{ "  detect: 1 ms\n", "", "f:11: network.detect: missing" },
		{ "    latency: 1 us\n", "", "f:7: topology.nic.latency: missing" },
		{ "  turn: 10 ns\n", "", "f:33: cpu.turn: missing" },
		{ "    queue_depth: 4\n", "", "f:21: server.ssd[0].queue_depth: missing" },
		{ "name: t\n", "", "f:1: name: missing" },
		{ "  backbone_latency: 1 us\n", "", "f:2: topology.backbone_latency: missing" },
		{ "  servers: 2", "  servers: two", "f:4: topology.servers: Invalid" },
		{ "  servers: 2", "  servers: -2", "f:4: topology.servers: Invalid" },
		{ "  servers: 2", "  servers: 0", "f:4: topology.servers: 0 is not" },
		{ "  servers: 2", "  servers: 99999", "f:4: topology.servers: 99999 is not" },
		{ "kind: star", "kind: ring", "f:3: topology.kind: " },
		{ "name: t", "name: a b", "f:1: name: a name has" },
		{ "name: t", "name: [ t ]", "f:1: name[0]: Expecting STRING" },
		{ "name: t\n", "name: t\nname: u\n", "f:2: name: there twice" },
		{ "base: 1 us", "base: *x", "f:35: " },
		{ "engines: 1", "engines: 1\n  hosts: [ a ]", "f:19: server.hosts: unknown key" },
		{ "kind: star", "kind: star\n  hosts: [ a ]", "f:4: topology.hosts: a star has" },
		{ "kind: star", "kind: generic", "f:7: topology.nic: only a star" },
		{ "  ssd:\n", "  ssd: 3\n  ssd2:\n", "f:20: server.ssd: Expecting SEQUENCE" },
		{ "network:\n", "network: [\n", "f:13: " },
	};

	(void)state;
	expect_edits(base_text, edits, ARRAY_COUNT(edits));
	expect_error("", "f:1: ");
	expect_error("---\n", "f:1: ");
	expect_error("3\n", "f:1: ");
	expect_error("- a\n- b\n", "f:1: ");
	expect_error("name: \"\xff\"\n", "f:1: ");
}

static void test_generic_errors(void **state)
{
	static const char head[] = "name: t\n" /* 1 */
				   "topology:\n" /* 2 */
				   "  kind: generic\n" /* 3 */
				   "  servers: 1\n" /* 4 */
				   "  clients: 1\n" /* 5 */
				   "  hosts: [ a, b ]\n" /* 6 */
				   "  links:\n" /* 7 */
				   "  - { name: l, bandwidth: 1 GB/s, latency: 1 us }\n" /* 8 */
				   "  - { name: m, bandwidth: 1 GB/s, latency: 1 us }\n" /* 9 */
				   "  routes:\n" /* 10 */
				   "  - { from: a, to: b, links: [ l:up, m:down ] }\n"; /* 11 */
	static const struct bad_edit edits[] = {
		{ "[ a, b ]", "[ a, a ]", "f:6: topology.hosts[1]: \"a\" is there twice" },
		{ "[ a, b ]", "[ a ]", "f:6: topology.hosts: 1 hosts" },
		{ "name: m", "name: l", "f:9: topology.links[1]: \"l\" is there twice" },
		{ "name: m", "name: n", "f:11: topology.routes[0].links[1]: no link" },
		{ "m:down", "m", "f:11: topology.routes[0].links[1]: \"m\" is not LINK:up" },
		{ "from: a", "from: z", "f:11: topology.routes[0].from: no host" },
		{ "to: b", "to: a", "f:11: topology.routes[0].to: from a host to itself" },
		{ "1 GB/s, latency: 1 us }\n  routes", "1 GBs, latency: 1 us }\n  routes",
		  "f:9: topology.links[1].bandwidth: \"1 GBs\"" },
		{ "  routes:\n", "  routes:\n  - { from: a, to: b, links: [ l:up ] }\n",
		  "f:10: topology.routes: two from a to b" },
		{ "[ l:up, m:down ]", "[]", "f:11: topology.routes[0].links: " },
	};
	char *text = malloc(sizeof(base_text) + sizeof(head)), error[PROFILE_ERROR_MAX] = "";
	struct sim_profile *p = NULL;

	(void)state;
	assert_non_null(text);
	(void)snprintf(text, sizeof(base_text) + sizeof(head), "%s%s", head,
		       strstr(base_text, "network:"));
	assert_int_equal(profile_parse("f", text, strlen(text), error, &p), 0);
	assert_int_equal(p->node_count, 2);
	assert_string_equal(p->hosts[1], "b");
	assert_non_null(profile_route_find(p, 0, 1));
	assert_null(profile_route_find(p, 1, 0));
	assert_int_equal(profile_resize(p, 3, 3), -DER_INVAL);
	profile_free(p);
	expect_edits(text, edits, ARRAY_COUNT(edits));
	free(text);
}

static void test_values(void **state)
{
	char error[PROFILE_ERROR_MAX] = "";
	struct sim_profile *p = NULL;

	(void)state;
	assert_int_equal(profile_parse("f", base_text, strlen(base_text), error, &p), 0);
	assert_int_equal(p->server_count, 2);
	assert_int_equal(p->node_count, 3);
	assert_int_equal(p->ssds[0].queue_depth, 4);
	assert_int_equal(p->detect_ns, 1000000);
	assert_int_equal(p->costs[RT_COST_CLIENT_OP].base_ns, 1000);
	assert_int_equal(p->costs[RT_COST_CLIENT_OP].unit_q20, 1 << 18);
	assert_int_equal(profile_resize(p, 100, 7), 0);
	assert_int_equal(p->node_count, 107);
	assert_int_equal(profile_resize(p, 0, 7), -DER_INVAL);
	profile_free(p);
	profile_free(NULL);
}

static void test_files(void **state)
{
	static const char *const names[] = { "laptop", "small-cluster" };
	char path[512], error[PROFILE_ERROR_MAX] = "";
	struct sim_profile *p = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s.yaml", PROFILES_DIR, names[i]);
		if (profile_load(path, error, &p) != 0)
			fail_msg("%s", error);
		assert_string_equal(p->name, names[i]);
		profile_free(p);
	}
	assert_int_equal(profile_load("/nonexistent/x.yaml", error, &p), -DER_NONEXIST);
	assert_non_null(strstr(error, "/nonexistent/x.yaml"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantity),       cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),	       cmocka_unit_test(test_generic_errors),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

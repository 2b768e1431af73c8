/* Profiles: from strings to numbers, with every cross-check that the schema cannot express. */
#include "sim/profile_int.h"

#include <stdio.h>
#include <stdlib.h>

/* Numbers beyond these are slips of the pen; they also keep sums and products inside 64 bits. */
#define BYTES_PER_S_MAX (1ULL << 50)
#define LATENCY_MAX_NS (10ULL * 1000 * 1000 * 1000)

struct build {
	struct yaml_doc *doc;
	struct sim_profile *p;
};

/* One quantity within [min, max] of its base unit. */
static int take(struct build *b, const char *path, const char *text, enum profile_unit unit,
		uint64_t min, uint64_t max, uint64_t *ret_value)
{
	static const char *const wanted[] = {
		[PROFILE_BYTES] = "a size such as \"64 KiB\"",
		[PROFILE_BANDWIDTH] = "a bandwidth such as \"25 GB/s\" or \"200 Gb/s\"",
		[PROFILE_TIME] = "a whole number of nanoseconds such as \"350 ns\" or \"1.5 us\"",
		[PROFILE_TIME_FINE] = "a time such as \"0.05 ns\"",
		[PROFILE_RATE] = "a rate such as \"260 k/s\"",
	};
	uint64_t v;

	if (text == NULL)
		return yaml_error(b->doc, path, "missing");
	if (profile_quantity(text, unit, &v) != 0)
		return yaml_error(b->doc, path, "\"%s\" is not %s", text, wanted[unit]);
	if (v < min || v > max)
		return yaml_error(b->doc, path, "\"%s\" is out of range", text);
	*ret_value = v;
	return 0;
}

static int take_latency(struct build *b, const char *path, const char *text, uint64_t *ret_ns)
{
	return take(b, path, text, PROFILE_TIME, 0, LATENCY_MAX_NS, ret_ns);
}

static int take_bandwidth(struct build *b, const char *path, const char *text, uint64_t *ret_v)
{
	return take(b, path, text, PROFILE_BANDWIDTH, 1, BYTES_PER_S_MAX, ret_v);
}

static int take_count(struct build *b, const char *path, uint32_t v, uint32_t min, uint32_t max,
		      uint32_t *ret_v)
{
	if (v < min || v > max)
		return yaml_error(b->doc, path, "%u is not between %u and %u", v, min, max);
	*ret_v = v;
	return 0;
}

/* Names of hosts, links and devices: they end up in addresses and file names. */
static int take_name(struct build *b, const char *path, const char *text,
		     char ret_name[PROFILE_NAME_MAX])
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_-.";
	size_t len = strlen(text);

	if (len >= PROFILE_NAME_MAX || strspn(text, ok) != len)
		return yaml_error(b->doc, path,
				  "a name has at most %u of letters, digits, '_', '-', '.'",
				  PROFILE_NAME_MAX - 1);
	memcpy(ret_name, text, len + 1);
	return 0;
}

static int build_star(struct build *b, const struct raw_topology *t)
{
	struct sim_profile *p = b->p;
	int rc;

	if (t->hosts != NULL || t->links != NULL || t->routes != NULL)
		return yaml_error(b->doc,
				  t->hosts != NULL   ? "topology.hosts"
				  : t->links != NULL ? "topology.links"
						     : "topology.routes",
				  "a star has none");
	if (t->nic == NULL)
		return yaml_error(b->doc, "topology.nic", "missing");
	rc = take_latency(b, "topology.backbone_latency", t->backbone_latency,
			  &p->backbone_latency_ns);
	if (rc == 0)
		rc = take_count(b, "topology.nic.count", t->nic->count, 1, 16, &p->nic_count);
	if (rc == 0)
		rc = take_bandwidth(b, "topology.nic.bandwidth", t->nic->bandwidth,
				    &p->nic_bytes_per_s);
	if (rc == 0)
		rc = take_latency(b, "topology.nic.latency", t->nic->latency, &p->nic_latency_ns);
	return rc;
}

/* ---- generic topology --------------------------------------------------------------------- */

/* Names are looked up often (routes): a table of name and index sorted by name. */
struct name_idx {
	const char *name;
	uint32_t idx;
};

static int name_cmp(const void *a, const void *b)
{
	return strcmp(((const struct name_idx *)a)->name, ((const struct name_idx *)b)->name);
}

static int names_sort(struct build *b, const char *what, struct name_idx *names, uint32_t nr)
{
	char path[64];

	qsort(names, nr, sizeof(names[0]), name_cmp);
	for (uint32_t i = 1; i < nr; i++) {
		if (strcmp(names[i - 1].name, names[i].name) != 0)
			continue;
		snprintf(path, sizeof(path), "topology.%s[%u]", what,
			 (uint32_t)max_u64(names[i - 1].idx, names[i].idx));
		return yaml_error(b->doc, path, "\"%s\" is there twice", names[i].name);
	}
	return 0;
}

static const struct name_idx *names_find(const struct name_idx *names, uint32_t nr,
					 const char *name)
{
	struct name_idx key = { .name = name };

	return bsearch(&key, names, nr, sizeof(names[0]), name_cmp);
}

static int build_hosts(struct build *b, const struct raw_topology *t, struct name_idx *names)
{
	struct sim_profile *p = b->p;
	char path[64];
	int rc;

	for (uint32_t i = 0; i < p->node_count; i++) {
		snprintf(path, sizeof(path), "topology.hosts[%u]", i);
		rc = take_name(b, path, t->hosts[i], p->hosts[i]);
		if (rc != 0)
			return rc;
		names[i] = (struct name_idx){ p->hosts[i], i };
	}
	return names_sort(b, "hosts", names, p->node_count);
}

static int build_links(struct build *b, const struct raw_topology *t, struct name_idx *names)
{
	struct sim_profile *p = b->p;
	char path[64];
	int rc = 0;

	for (uint32_t i = 0; i < p->link_count && rc == 0; i++) {
		struct profile_link *l = &p->links[i];

		snprintf(path, sizeof(path), "topology.links[%u].name", i);
		rc = take_name(b, path, t->links[i].name, l->name);
		snprintf(path, sizeof(path), "topology.links[%u].bandwidth", i);
		if (rc == 0)
			rc = take_bandwidth(b, path, t->links[i].bandwidth, &l->bytes_per_s);
		snprintf(path, sizeof(path), "topology.links[%u].latency", i);
		if (rc == 0)
			rc = take_latency(b, path, t->links[i].latency, &l->latency_ns);
		names[i] = (struct name_idx){ l->name, i };
	}
	return rc != 0 ? rc : names_sort(b, "links", names, p->link_count);
}

/* "LINK:up" or "LINK:down" */
static int build_hop(struct build *b, const char *path, const char *text,
		     const struct name_idx *links, struct profile_hop *ret_hop)
{
	const char *colon = strrchr(text, ':');
	char name[PROFILE_NAME_MAX];
	const struct name_idx *found;

	if (colon == NULL || (strcmp(colon, ":up") != 0 && strcmp(colon, ":down") != 0))
		return yaml_error(b->doc, path, "\"%s\" is not LINK:up or LINK:down", text);
	if ((size_t)(colon - text) >= sizeof(name))
		return yaml_error(b->doc, path, "no link of that name");
	memcpy(name, text, (size_t)(colon - text));
	name[colon - text] = 0;
	found = names_find(links, b->p->link_count, name);
	if (found == NULL)
		return yaml_error(b->doc, path, "no link is called \"%s\"", name);
	ret_hop->link_idx = found->idx;
	ret_hop->down = colon[1] == 'd';
	return 0;
}

static int build_route(struct build *b, uint32_t i, const struct raw_route *raw,
		       const struct name_idx *hosts, const struct name_idx *links)
{
	struct profile_route *r = &b->p->routes[i];
	const struct name_idx *from = names_find(hosts, b->p->node_count, raw->from);
	const struct name_idx *to = names_find(hosts, b->p->node_count, raw->to);
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "topology.routes[%u].%s", i, from == NULL ? "from" : "to");
	if (from == NULL || to == NULL)
		return yaml_error(b->doc, path, "no host is called \"%s\"",
				  from == NULL ? raw->from : raw->to);
	if (from == to)
		return yaml_error(b->doc, path, "from a host to itself");
	r->src_idx = from->idx;
	r->dst_idx = to->idx;
	r->hop_count = raw->links_count;
	for (uint32_t h = 0; h < raw->links_count; h++) {
		snprintf(path, sizeof(path), "topology.routes[%u].links[%u]", i, h);
		rc = build_hop(b, path, raw->links[h], links, &r->hops[h]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int route_cmp(const void *a, const void *b)
{
	const struct profile_route *x = a, *y = b;

	if (x->src_idx != y->src_idx)
		return x->src_idx < y->src_idx ? -1 : 1;
	return x->dst_idx < y->dst_idx ? -1 : x->dst_idx > y->dst_idx;
}

static int build_generic(struct build *b, const struct raw_topology *t)
{
	struct name_idx *hosts = NULL, *links = NULL;
	struct sim_profile *p = b->p;
	int rc = -DER_NOMEM;

	if (t->nic != NULL || t->backbone_latency != NULL)
		return yaml_error(b->doc,
				  t->nic != NULL ? "topology.nic" : "topology.backbone_latency",
				  "only a star has it");
	if (t->hosts_count != p->node_count)
		return yaml_error(b->doc, "topology.hosts", "%u hosts, but %u servers + clients",
				  t->hosts_count, p->node_count);
	if (t->links == NULL || (t->routes == NULL && p->node_count > 1))
		return yaml_error(b->doc, t->links == NULL ? "topology.links" : "topology.routes",
				  "missing");
	p->nic_count = 1;
	p->link_count = t->links_count;
	p->route_count = t->routes_count;
	p->hosts = calloc(p->node_count, sizeof(p->hosts[0]));
	p->links = calloc(p->link_count, sizeof(p->links[0]));
	p->routes = calloc(p->route_count + 1, sizeof(p->routes[0]));
	hosts = calloc(p->node_count, sizeof(hosts[0]));
	links = calloc(p->link_count, sizeof(links[0]));
	if (p->hosts == NULL || p->links == NULL || p->routes == NULL || hosts == NULL ||
	    links == NULL)
		goto out;
	rc = build_hosts(b, t, hosts);
	if (rc == 0)
		rc = build_links(b, t, links);
	for (uint32_t i = 0; i < p->route_count && rc == 0; i++)
		rc = build_route(b, i, &t->routes[i], hosts, links);
	if (rc != 0)
		goto out;
	qsort(p->routes, p->route_count, sizeof(p->routes[0]), route_cmp);
	for (uint32_t i = 1; i < p->route_count && rc == 0; i++) {
		if (route_cmp(&p->routes[i - 1], &p->routes[i]) == 0)
			rc = yaml_error(b->doc, "topology.routes", "two from %s to %s",
					p->hosts[p->routes[i].src_idx],
					p->hosts[p->routes[i].dst_idx]);
	}
out:
	free(hosts);
	free(links);
	return rc;
}

/* ---- the rest ----------------------------------------------------------------------------- */

static int build_network(struct build *b, const struct raw_network *n)
{
	struct sim_profile *p = b->p;
	int rc;

	rc = take(b, "network.chunk", n->chunk, PROFILE_BYTES, 4096, 1ULL << 30, &p->chunk_bytes);
	if (rc == 0)
		rc = take(b, "network.overhead", n->overhead, PROFILE_BYTES, 0, 4096,
			  &p->message_bytes);
	if (rc == 0)
		rc = take_bandwidth(b, "network.local_bandwidth", n->local_bandwidth,
				    &p->local_bytes_per_s);
	if (rc == 0)
		rc = take_latency(b, "network.local_latency", n->local_latency,
				  &p->local_latency_ns);
	if (rc == 0)
		rc = take_latency(b, "network.detect", n->detect, &p->detect_ns);
	return rc;
}

/* One string of an ssd entry and where its number goes. */
struct ssd_item {
	const char *key;
	const char *text;
	enum profile_unit unit;
	uint64_t min;
	uint64_t max;
	uint64_t *ret;
};

static int build_ssd(struct build *b, uint32_t idx, const struct raw_ssd *raw)
{
	struct profile_ssd *s = &b->p->ssds[idx];
	uint64_t block = 0;
	const struct ssd_item items[] = {
		{ "capacity", raw->capacity, PROFILE_BYTES, 1 << 20, 1ULL << 60,
		  &s->capacity_bytes },
		{ "read_bandwidth", raw->read_bandwidth, PROFILE_BANDWIDTH, 1, BYTES_PER_S_MAX,
		  &s->read_bytes_per_s },
		{ "write_bandwidth", raw->write_bandwidth, PROFILE_BANDWIDTH, 1, BYTES_PER_S_MAX,
		  &s->write_bytes_per_s },
		{ "read_latency", raw->read_latency, PROFILE_TIME, 0, LATENCY_MAX_NS,
		  &s->read_latency_ns },
		{ "write_latency", raw->write_latency, PROFILE_TIME, 0, LATENCY_MAX_NS,
		  &s->write_latency_ns },
		{ "flush_latency", raw->flush_latency, PROFILE_TIME, 0, LATENCY_MAX_NS,
		  &s->flush_latency_ns },
		{ "read_iops", raw->read_iops, PROFILE_RATE, 1, 1000000000, &s->read_iops },
		{ "write_iops", raw->write_iops, PROFILE_RATE, 1, 1000000000, &s->write_iops },
		{ "block", raw->block, PROFILE_BYTES, 512, 65536, &block },
	};
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "server.ssd[%u].name", idx);
	rc = take_name(b, path, raw->name, s->name);
	snprintf(path, sizeof(path), "server.ssd[%u].count", idx);
	if (rc == 0)
		rc = take_count(b, path, raw->count, 1, 1024, &s->count);
	snprintf(path, sizeof(path), "server.ssd[%u].queue_depth", idx);
	if (rc == 0)
		rc = take_count(b, path, raw->queue_depth, 1, 65535, &s->queue_depth);
	for (size_t i = 0; i < ARRAY_COUNT(items) && rc == 0; i++) {
		snprintf(path, sizeof(path), "server.ssd[%u].%s", idx, items[i].key);
		rc = take(b, path, items[i].text, items[i].unit, items[i].min, items[i].max,
			  items[i].ret);
	}
	if (rc != 0)
		return rc;
	if ((block & (block - 1)) != 0) {
		snprintf(path, sizeof(path), "server.ssd[%u].block", idx);
		return yaml_error(b->doc, path, "not a power of two");
	}
	s->block_bytes = (uint32_t)block;
	return 0;
}

static int build_server(struct build *b, const struct raw_server *s)
{
	struct sim_profile *p = b->p;
	int rc;

	rc = take_count(b, "server.engines", s->engines, 1, 16, &p->engines_per_node);
	if (rc == 0)
		rc = take_count(b, "server.targets", s->targets, 1, 256, &p->targets_per_engine);
	if (rc != 0)
		return rc;
	p->ssd_count = s->ssd_count;
	p->ssds = calloc(s->ssd_count, sizeof(p->ssds[0]));
	if (p->ssds == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < s->ssd_count && rc == 0; i++)
		rc = build_ssd(b, i, &s->ssd[i]);
	return rc;
}

static int build_cpu(struct build *b, const struct raw_cpu *c)
{
	struct sim_profile *p = b->p;
	char path[64];
	int rc;

	rc = take_latency(b, "cpu.turn", c->turn, &p->switch_ns);
	for (int i = 0; i < RT_COST_COUNT && rc == 0; i++) {
		snprintf(path, sizeof(path), "cpu.%s.base", profile_cost_names[i]);
		rc = take(b, path, c->costs[i].base, PROFILE_TIME, 0, LATENCY_MAX_NS,
			  &p->costs[i].base_ns);
		snprintf(path, sizeof(path), "cpu.%s.per_unit", profile_cost_names[i]);
		if (rc == 0)
			rc = take(b, path, c->costs[i].per_unit, PROFILE_TIME_FINE, 0, 1ULL << 50,
				  &p->costs[i].unit_q20);
	}
	return rc;
}

static int build_all(struct build *b, const struct raw_profile *raw)
{
	const struct raw_topology *t = &raw->topology;
	struct sim_profile *p = b->p;
	uint32_t clients = 0;
	int rc;

	rc = take_name(b, "name", raw->name, p->name);
	if (rc == 0)
		rc = take_count(b, "topology.servers", t->servers, 1, PROFILE_NODES_MAX / 2,
				&p->server_count);
	if (rc == 0)
		rc = take_count(b, "topology.clients", t->clients, 0, PROFILE_NODES_MAX / 2,
				&clients);
	if (rc != 0)
		return rc;
	p->node_count = p->server_count + clients;
	p->topo = t->kind;
	rc = t->kind == PROFILE_STAR ? build_star(b, t) : build_generic(b, t);
	if (rc == 0)
		rc = build_network(b, &raw->network);
	if (rc == 0)
		rc = build_server(b, &raw->server);
	if (rc == 0)
		rc = build_cpu(b, &raw->cpu);
	return rc;
}

int profile_build(struct yaml_doc *doc, const struct raw_profile *raw,
		  struct sim_profile **ret_profile)
{
	struct build b = { .doc = doc };
	int rc;

	b.p = calloc(1, sizeof(*b.p));
	if (b.p == NULL)
		return -DER_NOMEM;
	rc = build_all(&b, raw);
	if (rc != 0) {
		profile_free(b.p);
		return rc;
	}
	*ret_profile = b.p;
	return 0;
}

const struct profile_route *profile_route_find(const struct sim_profile *profile, uint32_t src_idx,
					       uint32_t dst_idx)
{
	struct profile_route key = { .src_idx = src_idx, .dst_idx = dst_idx };

	return bsearch(&key, profile->routes, profile->route_count, sizeof(key), route_cmp);
}

int profile_resize(struct sim_profile *profile, uint32_t server_count, uint32_t client_count)
{
	if (profile->topo != PROFILE_STAR || server_count < 1 ||
	    server_count > PROFILE_NODES_MAX / 2 || client_count > PROFILE_NODES_MAX / 2)
		return -DER_INVAL;
	profile->server_count = server_count;
	profile->node_count = server_count + client_count;
	return 0;
}

void profile_free(struct sim_profile *profile)
{
	if (profile == NULL)
		return;
	free(profile->links);
	free(profile->routes);
	free(profile->hosts);
	free(profile->ssds);
	free(profile);
}

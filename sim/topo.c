#include "sim/topo.h"

#include <stdio.h>
#include <stdlib.h>

static struct sim_topo *topo_alloc(const struct sim_topo_ops *ops, const struct sim_profile *p,
				   uint32_t link_count)
{
	struct sim_topo *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->links = calloc(link_count, sizeof(t->links[0]));
	if (t->links == NULL) {
		free(t);
		return NULL;
	}
	t->ops = ops;
	t->profile = p;
	t->link_count = link_count;
	return t;
}

static void plain_destroy(struct sim_topo *t)
{
	free(t->links);
	free(t);
}

/* Between streams of one node: a link of its own behind all others. */
static void local_links(struct sim_topo *t, uint32_t first)
{
	for (uint32_t i = 0; i < t->profile->node_count; i++)
		t->links[first + i] = (struct sim_link){
			.bytes_per_s = t->profile->local_bytes_per_s,
			.latency_ns = t->profile->local_latency_ns,
		};
}

/* ---- star --------------------------------------------------------------------------------- */

/* Each interface has a link up (even) and a link down (odd); the middle never limits. */

static uint32_t star_nic(const struct sim_profile *p, struct sim_end_point e)
{
	return e.node_idx * p->nic_count + e.nic_idx;
}

static void star_path(const struct sim_topo *t, struct sim_end_point src, struct sim_end_point dst,
		      uint64_t flow, struct sim_path *ret_path)
{
	const struct sim_profile *p = t->profile;

	(void)flow;	/* there is one way only */
	if (src.node_idx == dst.node_idx) {
		ret_path->link_count = 1;
		ret_path->links[0] = 2 * p->node_count * p->nic_count + src.node_idx;
		return;
	}
	ret_path->link_count = 2;
	ret_path->links[0] = 2 * star_nic(p, src);
	ret_path->links[1] = 2 * star_nic(p, dst) + 1;
}

/* Half of the middle's latency belongs to each link, so that a route has all of it without a shared
 * link in the middle, for which SimGrid's solver would pay dearly. The halves may differ by 1 ns.
 * */
static uint64_t star_latency(const struct sim_profile *p, bool down)
{
	uint64_t half = p->backbone_latency_ns / 2;

	return p->nic_latency_ns + (down ? p->backbone_latency_ns - half : half);
}

static int star_platform(const struct sim_topo *t, struct sg_engine *engine)
{
	const struct sim_profile *p = t->profile;
	char name[48];
	int rc = 0;

	for (uint32_t i = 0; i < p->node_count * p->nic_count && rc == 0; i++) {
		struct sg_hop hop = { .link_idx = i, .down = false };

		snprintf(name, sizeof(name), "n%u.%u", i / p->nic_count, i % p->nic_count);
		rc = sg_engine_host(engine, name);
		if (rc == 0)
			rc = sg_engine_link(engine, name, p->nic_bytes_per_s,
					    star_latency(p, true));
		if (rc == 0)
			rc = sg_engine_route(engine, i, 0, &hop, 1);
	}
	return rc;
}

static const struct sim_topo_ops star_ops = {
	.path = star_path,
	.platform = star_platform,
	.destroy = plain_destroy,
	.zone = SG_STAR,
};

static struct sim_topo *star_create(const struct sim_profile *p)
{
	uint32_t nics = p->node_count * p->nic_count;
	struct sim_topo *t = topo_alloc(&star_ops, p, 2 * nics + p->node_count);

	if (t == NULL)
		return NULL;
	for (uint32_t i = 0; i < 2 * nics; i++)
		t->links[i] = (struct sim_link){
			.bytes_per_s = p->nic_bytes_per_s,
			.latency_ns = star_latency(p, i % 2 == 1),
		};
	local_links(t, 2 * nics);
	return t;
}

/* ---- generic ------------------------------------------------------------------------------ */

/* Link l of the profile is 2 l upwards and 2 l + 1 downwards. */

static void generic_path(const struct sim_topo *t, struct sim_end_point src,
			 struct sim_end_point dst, uint64_t flow, struct sim_path *ret_path)
{
	const struct sim_profile *p = t->profile;
	const struct profile_route *r;
	bool mirror = false;

	(void)flow;
	if (src.node_idx == dst.node_idx) {
		ret_path->link_count = 1;
		ret_path->links[0] = 2 * p->link_count + src.node_idx;
		return;
	}
	ret_path->link_count = 0;
	r = profile_route_find(p, src.node_idx, dst.node_idx);
	if (r == NULL) {
		r = profile_route_find(p, dst.node_idx, src.node_idx);
		mirror = true;
	}
	if (r == NULL)
		return;
	for (uint32_t i = 0; i < r->hop_count; i++) {
		const struct profile_hop *h = &r->hops[mirror ? r->hop_count - 1 - i : i];

		ret_path->links[i] = 2 * h->link_idx + (h->down != mirror ? 1 : 0);
	}
	ret_path->link_count = r->hop_count;
}

static int generic_route(const struct sim_topo *t, struct sg_engine *engine, uint32_t src,
			 uint32_t dst)
{
	struct sg_hop hops[SIM_PATH_MAX];
	struct sim_path path;

	generic_path(t, (struct sim_end_point){ src, 0 }, (struct sim_end_point){ dst, 0 }, 0,
		     &path);
	for (uint32_t i = 0; i < path.link_count; i++)
		hops[i] = (struct sg_hop){ path.links[i] / 2, path.links[i] % 2 == 1 };
	return sg_engine_route(engine, src, dst, hops, path.link_count);
}

static int generic_platform(const struct sim_topo *t, struct sg_engine *engine)
{
	const struct sim_profile *p = t->profile;
	int rc = 0;

	for (uint32_t i = 0; i < p->node_count && rc == 0; i++)
		rc = sg_engine_host(engine, p->hosts[i]);
	for (uint32_t i = 0; i < p->link_count && rc == 0; i++)
		rc = sg_engine_link(engine, p->links[i].name, p->links[i].bytes_per_s,
				    p->links[i].latency_ns);
	for (uint32_t i = 0; i < p->route_count && rc == 0; i++) {
		const struct profile_route *r = &p->routes[i];

		rc = generic_route(t, engine, r->src_idx, r->dst_idx);
		if (rc == 0 && profile_route_find(p, r->dst_idx, r->src_idx) == NULL)
			rc = generic_route(t, engine, r->dst_idx, r->src_idx);
	}
	return rc;
}

static const struct sim_topo_ops generic_ops = {
	.path = generic_path,
	.platform = generic_platform,
	.destroy = plain_destroy,
	.zone = SG_FULL,
};

static struct sim_topo *generic_create(const struct sim_profile *p)
{
	struct sim_topo *t = topo_alloc(&generic_ops, p, 2 * p->link_count + p->node_count);

	if (t == NULL)
		return NULL;
	for (uint32_t i = 0; i < 2 * p->link_count; i++)
		t->links[i] = (struct sim_link){
			.bytes_per_s = p->links[i / 2].bytes_per_s,
			.latency_ns = p->links[i / 2].latency_ns,
		};
	local_links(t, 2 * p->link_count);
	return t;
}

/* ---- public ------------------------------------------------------------------------------- */

int sim_topo_create(const struct sim_profile *profile, struct sim_topo **ret_topo)
{
	struct sim_topo *t = profile->topo == PROFILE_STAR ? star_create(profile)
							   : generic_create(profile);

	if (t == NULL)
		return -DER_NOMEM;
	*ret_topo = t;
	return 0;
}

void sim_topo_destroy(struct sim_topo *topo)
{
	if (topo != NULL)
		topo->ops->destroy(topo);
}

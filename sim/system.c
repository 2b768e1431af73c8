#include "sim/system.h"

#include <stdio.h>
#include <stdlib.h>

#define SYS_BYTES (256ull << 20)

/* One stream of an engine; tag 0 is its system stream. */
struct member {
	struct sim_system *sys;
	struct sim_stream *st;
	struct rt_dev *dev;
	struct node_sys *node_sys;	/* one of the two */
	struct node_tgt *node_tgt;
	uint32_t rank;
	uint32_t tag;
	bool format;
	bool settled;		/* started or stopped, or failed at it */
	int rc;
};

struct sim_system {
	struct sim *sim;
	struct sim_system_opts opts;
	struct node_opts *nodes;	/* one per rank */
	uint32_t rank_count;
	uint32_t engines;		/* per node */
	uint32_t targets;		/* per engine */
	struct node_ranks all;
	struct member *members;		/* rank_count * (targets + 1) */
};

static uint32_t node_of(const struct sim_system *s, uint32_t rank)
{
	return rank / s->engines;
}

/* Tag on the node: the engines of a node follow one another. */
static uint32_t node_tag(const struct sim_system *s, uint32_t rank, uint32_t tag)
{
	return rank % s->engines * (s->targets + 1) + tag;
}

int sim_system_resolve(void *system, struct rpc_ep ep, char *ret_uri)
{
	const struct sim_system *s = system;

	if (ep.rank >= s->rank_count || ep.tag > s->targets)
		return -DER_NONEXIST;
	sim_uri(node_of(s, ep.rank), node_tag(s, ep.rank, ep.tag), ret_uri);
	return 0;
}

uint32_t sim_system_ranks(const struct sim_system *s)
{
	return s->rank_count;
}

uint32_t sim_system_targets(const struct sim_system *s)
{
	return s->targets;
}

/* ---- devices ------------------------------------------------------------------------------ */

/* Targets of a node are spread over its drives of the first kind; each drive's space is shared by
 * its targets, and the leader's system store has a part of the first. */
static int member_dev(struct member *m)
{
	const struct sim_system *s = m->sys;
	const struct profile_ssd *ssd = &sim_profile_of(s->sim)->ssds[0];
	uint32_t all = s->engines * s->targets, idx;
	uint64_t bytes = SYS_BYTES;
	char name[64];

	if (s->opts.memory || (m->tag == 0 && m->rank != 0))
		return 0;
	if (m->tag == 0) {
		(void)snprintf(name, sizeof(name), "%s0/sys", ssd->name);
	} else {
		idx = m->rank % s->engines * s->targets + m->tag - 1;
		(void)snprintf(name, sizeof(name), "%s%u/t%u", ssd->name, idx % ssd->count, idx);
		bytes = (ssd->capacity_bytes - SYS_BYTES) / ((all + ssd->count - 1) / ssd->count);
		bytes = align_down(bytes, 1 << 20);
	}
	return rt_dev_open(sim_stream_rt(m->st), name, bytes, m->format ? RT_DEV_CREATE : 0,
			   &m->dev);
}

/* ---- a member's life ---------------------------------------------------------------------- */

static int start_sys(struct member *m)
{
	struct sim_system *s = m->sys;
	const struct node_opts *no = &s->nodes[m->rank];
	struct rt *rt = sim_stream_rt(m->st);
	bool leader = m->rank == no->leader_rank;
	int rc = 0;

	if (leader && m->dev != NULL && m->format)
		rc = node_sys_format(rt, no, m->dev, &s->all, VOS_FORMAT_FORCE);
	if (rc == 0)
		rc = node_sys_start(rt, no, m->dev, leader && m->dev == NULL ? &s->all : NULL,
				    &m->node_sys);
	return rc;
}

static int start_tgt(struct member *m)
{
	const struct node_opts *no = &m->sys->nodes[m->rank];
	struct rt *rt = sim_stream_rt(m->st);
	int rc = 0;

	if (m->dev != NULL && m->format)
		rc = node_tgt_format(rt, no, m->dev, m->tag - 1, VOS_FORMAT_FORCE);
	if (rc == 0)
		rc = node_tgt_start(rt, no, m->dev, m->tag - 1, &m->node_tgt);
	return rc;
}

static void start_ult(void *arg)
{
	struct member *m = arg;

	m->rc = member_dev(m);
	if (m->rc == 0)
		m->rc = m->tag == 0 ? start_sys(m) : start_tgt(m);
	if (m->rc != 0)
		LOG_E(sim_stream_rt(m->st), "system", "rank=%u tag=%u start rc=%s", m->rank, m->tag,
		      err_name(m->rc));
	m->settled = true;
}

static void stop_ult(void *arg)
{
	struct member *m = arg;

	node_sys_stop(m->node_sys);
	node_tgt_stop(m->node_tgt);
	m->node_sys = NULL;
	m->node_tgt = NULL;
	rt_dev_close(sim_stream_rt(m->st), m->dev);
	m->dev = NULL;
	m->settled = true;
}

static int member_boot(struct member *m, bool format)
{
	struct sim_system *s = m->sys;
	struct sim_stream_opts opts = {
		.node_idx = node_of(s, m->rank),
		.tag = node_tag(s, m->rank, m->tag),
		.nic_idx = m->rank % s->engines % sim_profile_of(s->sim)->nic_count,
	};
	int rc;

	*m = (struct member){ .sys = s, .rank = m->rank, .tag = m->tag, .format = format };
	rc = sim_stream_create(s->sim, &opts, &m->st);
	if (rc == 0)
		rc = sim_spawn(m->st, start_ult, m, NULL);
	m->rc = rc;
	m->settled = rc != 0;
	return rc;
}

static struct member *members_of(struct sim_system *s, uint32_t rank)
{
	return &s->members[(size_t)rank * (s->targets + 1)];
}

void sim_system_boot(struct sim *sim, uint32_t node_idx, void *arg)
{
	struct sim_system *s = arg;

	/* A client node has no engines; its programs do not come back by themselves. */
	if (node_idx >= sim_profile_of(sim)->server_count)
		return;
	for (uint32_t e = 0; e < s->engines; e++) {
		struct member *m = members_of(s, node_idx * s->engines + e);

		for (uint32_t t = 0; t <= s->targets; t++)
			(void)member_boot(&m[t], false);	/* kept in m->rc */
	}
}

/* ---- the system --------------------------------------------------------------------------- */

static int system_alloc(struct sim_system *s)
{
	uint32_t *ranks = calloc(s->rank_count, sizeof(*ranks));
	uint32_t *counts = calloc(s->rank_count, sizeof(*counts));

	s->all = (struct node_ranks){ .nr = s->rank_count, .ranks = ranks,
				      .target_counts = counts };
	s->nodes = calloc(s->rank_count, sizeof(*s->nodes));
	s->members = calloc((size_t)s->rank_count * (s->targets + 1), sizeof(*s->members));
	if (ranks == NULL || counts == NULL || s->nodes == NULL || s->members == NULL)
		return -DER_NOMEM;
	for (uint32_t r = 0; r < s->rank_count; r++) {
		ranks[r] = r;
		counts[r] = s->targets;
		s->nodes[r] = (struct node_opts){
			.system = SIM_SYSTEM_NAME,
			.pool = s->opts.pool != NULL ? s->opts.pool : SIM_POOL,
			.rank = r,
			.limits = s->opts.limits,
			.resolve = sim_system_resolve,
			.arg = s,
		};
		for (uint32_t t = 0; t <= s->targets; t++) {
			struct member *m = &members_of(s, r)[t];

			*m = (struct member){ .sys = s, .rank = r, .tag = t };
		}
	}
	return 0;
}

int sim_system_create(struct sim *sim, const struct sim_system_opts *opts,
		      struct sim_system **ret_system)
{
	const struct sim_profile *p = sim_profile_of(sim);
	struct sim_system *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -DER_NOMEM;
	s->sim = sim;
	s->opts = *opts;
	s->engines = p->engines_per_node;
	s->targets = opts->targets != 0 ? opts->targets : p->targets_per_engine;
	s->rank_count = p->server_count * s->engines;
	rc = s->engines * (s->targets + 1) > SIM_TAG_MAX ? -DER_INVAL : system_alloc(s);
	if (rc != 0) {
		sim_system_destroy(s);
		return rc;
	}
	*ret_system = s;
	return 0;
}

/* Let time pass until every member has settled. Returns the first error. */
static int settle(struct sim_system *s, const struct member **ret_bad)
{
	size_t nr = (size_t)s->rank_count * (s->targets + 1);

	for (size_t i = 0; i < nr; i++) {
		const struct member *m = &s->members[i];

		while (!m->settled) {
			if (sim_run(s->sim, sim_now_ns(s->sim) + 1000000) == SIM_END_IDLE &&
			    !m->settled) {
				*ret_bad = m;
				return -DER_TIMEDOUT;
			}
		}
		if (m->rc != 0) {
			*ret_bad = m;
			return m->rc;
		}
	}
	return 0;
}

int sim_system_start(struct sim_system *s, char *err, size_t err_cap)
{
	const struct member *bad = NULL;
	int rc = 0;

	for (uint32_t r = 0; r < s->rank_count && rc == 0; r++) {
		for (uint32_t t = 0; t <= s->targets && rc == 0; t++)
			rc = member_boot(&members_of(s, r)[t], true);
	}
	if (rc == 0)
		rc = settle(s, &bad);
	if (rc != 0 && bad != NULL)
		(void)snprintf(err, err_cap, "rank %u, %s %u: %s", bad->rank,
			       bad->tag == 0 ? "system stream" : "target",
			       bad->tag == 0 ? 0 : bad->tag - 1, err_name(rc));
	else if (rc != 0)
		(void)snprintf(err, err_cap, "cannot make the engines: %s", err_name(rc));
	return rc;
}

void sim_system_stop(struct sim_system *s)
{
	const struct member *bad;

	/* Targets first: they call the service, not the other way round. */
	for (uint32_t what = 0; what < 2; what++) {
		for (uint32_t r = 0; r < s->rank_count; r++) {
			struct member *m = members_of(s, r);

			for (uint32_t t = 0; t <= s->targets; t++) {
				if ((t == 0) != (what == 1) || m[t].rc != 0 || m[t].st == NULL ||
				    !sim_node_up(s->sim, node_of(s, r)))
					continue;
				m[t].settled = sim_spawn(m[t].st, stop_ult, &m[t], NULL) != 0;
			}
		}
		(void)settle(s, &bad);
	}
}

void sim_system_destroy(struct sim_system *s)
{
	if (s == NULL)
		return;
	free((void *)s->all.ranks);
	free((void *)s->all.target_counts);
	free(s->nodes);
	free(s->members);
	free(s);
}

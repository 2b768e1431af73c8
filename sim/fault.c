/*
 * Faults, by rule. A rule holds within a window of time; it draws from a random stream of its
 * own, so that adding a rule does not change what the others do. Rules cost nothing while there
 * are none.
 */
#include "sim/sim_int.h"

#include <stdlib.h>

enum fault_kind { FAULT_MESSAGE, FAULT_PARTITION, FAULT_DISK };

struct sim_fault {
	struct list link;
	enum fault_kind kind;
	uint64_t from_ns;
	uint64_t to_ns;
	struct prng rand;
	struct sim_fault_msg msg;
	struct sim_fault_disk disk;
	char *dev;
	uint8_t *inside;	/* PARTITION: a byte per node */
};

#define PPM 1000000u

static struct sim_fault *fault_add(struct sim *sim, enum fault_kind kind, uint64_t from_ns,
				   uint64_t to_ns)
{
	struct sim_fault *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->kind = kind;
	f->from_ns = from_ns;
	f->to_ns = to_ns;
	prng_seed(&f->rand, mix64_2(sim->opts.seed ^ 0x6661756c74, ++sim->fault_count));
	list_add_tail(&sim->faults, &f->link);
	return f;
}

static void fault_free(struct sim_fault *f)
{
	list_del(&f->link);
	free(f->dev);
	free(f->inside);
	free(f);
}

void sim_fault_stop(struct sim *sim)
{
	while (!list_empty(&sim->faults))
		fault_free(list_first(&sim->faults, struct sim_fault, link));
}

static bool active(const struct sim_fault *f, enum fault_kind kind, uint64_t at_ns)
{
	return f->kind == kind && at_ns >= f->from_ns && at_ns < f->to_ns;
}

static bool draw(struct sim_fault *f, uint32_t ppm)
{
	return ppm > 0 && prng_below(&f->rand, PPM) < ppm;
}

/* ---- messages ----------------------------------------------------------------------------- */

int sim_fault_message(struct sim *sim, const struct sim_fault_msg *fault)
{
	struct sim_fault *f;

	if (fault->from_ns > fault->to_ns || fault->loss_ppm > PPM || fault->delay_ppm > PPM ||
	    fault->corrupt_ppm > PPM || fault->delay_min_ns > fault->delay_max_ns)
		return -DER_INVAL;
	if ((fault->src_idx != SIM_ANY && fault->src_idx >= sim->node_count) ||
	    (fault->dst_idx != SIM_ANY && fault->dst_idx >= sim->node_count) ||
	    (fault->link_idx != SIM_ANY && fault->link_idx >= sim->topo->link_count))
		return -DER_INVAL;
	f = fault_add(sim, FAULT_MESSAGE, fault->from_ns, fault->to_ns);
	if (f == NULL)
		return -DER_NOMEM;
	f->msg = *fault;
	return 0;
}

static bool crosses(const struct sim_path *path, uint32_t link_idx)
{
	for (uint32_t i = 0; i < path->link_count; i++) {
		if (path->links[i] == link_idx)
			return true;
	}
	return link_idx == SIM_ANY;
}

void sim_fault_fate(struct sim *sim, uint32_t src, uint32_t dst, const struct sim_path *path,
		    bool may_lose, struct sim_fate *ret_fate)
{
	struct sim_fate fate = { 0 };
	struct list *pos;

	list_for_each(pos, &sim->faults) {
		struct sim_fault *f = list_entry(pos, struct sim_fault, link);
		const struct sim_fault_msg *m = &f->msg;

		if (!active(f, FAULT_MESSAGE, sim->now_ns) ||
		    (m->src_idx != SIM_ANY && m->src_idx != src) ||
		    (m->dst_idx != SIM_ANY && m->dst_idx != dst) || !crosses(path, m->link_idx))
			continue;
		if (may_lose && draw(f, m->loss_ppm))
			fate.lost = true;
		if (draw(f, m->delay_ppm))
			fate.delay_ns += m->delay_min_ns +
					 prng_below(&f->rand,
						    m->delay_max_ns - m->delay_min_ns + 1);
		if (!may_lose && draw(f, m->corrupt_ppm)) {
			fate.corrupt = true;
			fate.pick = prng_next(&f->rand);
		}
	}
	if (may_lose && sim_fault_parted(sim, src, dst, sim->now_ns))
		fate.lost = true;
	*ret_fate = fate;
}

int sim_corrupt(const struct buf *b, uint64_t off)
{
	struct bseg seg, runs[4];
	struct bsink sink;
	struct buf one;
	uint8_t byte;
	int rc;

	if (buf_is_bytes(b)) {
		one = buf_from_bytes(&seg, &byte, 1);
		rc = buf_copy(&one, 0, b, off, 1);
	} else {
		bsink_init(&sink, 1, runs, ARRAY_COUNT(runs));
		one = buf_from_sink(&seg, &sink, 0, 1);
		rc = buf_copy(&one, 0, b, off, 1);
		seg = bsink_buf(&sink).segs[0];
		one = (struct buf){ .segs = &seg, .nr = 1, .bytes = 1 };
	}
	if (rc == 0)
		rc = buf_corrupt(&one, 1, 0);
	return rc != 0 ? rc : buf_copy(b, off, &one, 0, 1);
}

/* ---- partitions --------------------------------------------------------------------------- */

int sim_fault_partition(struct sim *sim, uint64_t from_ns, uint64_t to_ns,
			const uint32_t *node_idxs, uint32_t node_count)
{
	struct sim_fault *f;

	if (from_ns > to_ns)
		return -DER_INVAL;
	for (uint32_t i = 0; i < node_count; i++) {
		if (node_idxs[i] >= sim->node_count)
			return -DER_INVAL;
	}
	f = fault_add(sim, FAULT_PARTITION, from_ns, to_ns);
	if (f == NULL)
		return -DER_NOMEM;
	f->inside = calloc(sim->node_count, 1);
	if (f->inside == NULL) {
		fault_free(f);
		return -DER_NOMEM;
	}
	for (uint32_t i = 0; i < node_count; i++)
		f->inside[node_idxs[i]] = 1;
	return 0;
}

bool sim_fault_parted(const struct sim *sim, uint32_t src, uint32_t dst, uint64_t at_ns)
{
	struct list *pos;

	list_for_each(pos, &sim->faults) {
		const struct sim_fault *f = list_entry(pos, struct sim_fault, link);

		if (active(f, FAULT_PARTITION, at_ns) && f->inside[src] != f->inside[dst])
			return true;
	}
	return false;
}

/* ---- disks -------------------------------------------------------------------------------- */

int sim_fault_disk(struct sim *sim, const struct sim_fault_disk *fault)
{
	struct sim_fault *f;

	if (fault->from_ns > fault->to_ns || fault->ppm > PPM ||
	    (fault->node_idx != SIM_ANY && fault->node_idx >= sim->node_count) ||
	    (fault->kind == SIM_DISK_SLOW && fault->factor < 1))
		return -DER_INVAL;
	f = fault_add(sim, FAULT_DISK, fault->from_ns, fault->to_ns);
	if (f == NULL)
		return -DER_NOMEM;
	f->disk = *fault;
	f->disk.dev = NULL;
	if (fault->dev == NULL)
		return 0;
	f->dev = strdup(fault->dev);
	if (f->dev == NULL) {
		fault_free(f);
		return -DER_NOMEM;
	}
	return 0;
}

static bool hits_disk(const struct sim *sim, const struct sim_fault *f, uint32_t node_idx,
		      const char *dev)
{
	return active(f, FAULT_DISK, sim->now_ns) &&
	       (f->disk.node_idx == SIM_ANY || f->disk.node_idx == node_idx) &&
	       (f->dev == NULL || strcmp(f->dev, dev) == 0);
}

void sim_fault_io(struct sim *sim, uint32_t node_idx, const char *dev, enum rt_io_op op,
		  struct sim_disk_fate *ret_fate)
{
	struct sim_disk_fate fate = { .factor = 1 };
	struct list *pos;

	list_for_each(pos, &sim->faults) {
		struct sim_fault *f = list_entry(pos, struct sim_fault, link);

		if (!hits_disk(sim, f, node_idx, dev) || f->disk.kind == SIM_DISK_TORN ||
		    (f->disk.kind == SIM_DISK_CORRUPT && op != RT_IO_WRITE) ||
		    !draw(f, f->disk.ppm))
			continue;
		fate.pick = prng_next(&f->rand);
		if (f->disk.kind == SIM_DISK_SLOW)
			fate.factor = (uint32_t)min_u64((uint64_t)fate.factor * f->disk.factor,
							1u << 20);
		else if (f->disk.kind == SIM_DISK_FAIL)
			fate.fail = true;
		else
			fate.corrupt = true;
	}
	*ret_fate = fate;
}

uint32_t sim_fault_torn(struct sim *sim, uint32_t node_idx, const char *dev, uint64_t *ret_seed)
{
	struct list *pos;

	list_for_each(pos, &sim->faults) {
		struct sim_fault *f = list_entry(pos, struct sim_fault, link);

		if (f->disk.kind != SIM_DISK_TORN || !hits_disk(sim, f, node_idx, dev))
			continue;
		*ret_seed = prng_next(&f->rand);
		return f->disk.ppm;
	}
	return 0;
}

/* ---- crashes ------------------------------------------------------------------------------ */

struct crash_plan {
	struct list link;	/* in sim->plans: a plan may never come to its date */
	uint32_t node_idx;
	uint64_t down_ns;
	sim_boot_fn boot;
	void *arg;
};

static void plan_free(struct crash_plan *p)
{
	list_del(&p->link);
	free(p);
}

static void plan_restart(struct sim *sim, void *arg)
{
	struct crash_plan p = *(struct crash_plan *)arg;

	plan_free(arg);
	if (!sim_node_up(sim, p.node_idx))
		sim_node_restart(sim, p.node_idx, p.boot, p.arg);
}

static void plan_crash(struct sim *sim, void *arg)
{
	struct crash_plan *p = arg;

	sim_node_crash(sim, p->node_idx);
	if (p->down_ns == SIM_NEVER ||
	    sim_at(sim, sim_now_ns(sim) + p->down_ns, plan_restart, p) != 0)
		plan_free(p);
}

int sim_fault_crash(struct sim *sim, uint32_t node_idx, uint64_t at_ns, uint64_t down_ns,
		    sim_boot_fn boot, void *arg)
{
	struct crash_plan *p;

	if (node_idx >= sim->node_count || (down_ns != SIM_NEVER && boot == NULL))
		return -DER_INVAL;
	p = malloc(sizeof(*p));
	if (p == NULL)
		return -DER_NOMEM;
	*p = (struct crash_plan){
		.node_idx = node_idx, .down_ns = down_ns, .boot = boot, .arg = arg,
	};
	list_add_tail(&sim->plans, &p->link);
	if (sim_at(sim, at_ns, plan_crash, p) != 0) {
		plan_free(p);
		return -DER_NOMEM;
	}
	return 0;
}

void sim_fault_fini(struct sim *sim)
{
	sim_fault_stop(sim);
	while (!list_empty(&sim->plans))
		plan_free(list_first(&sim->plans, struct crash_plan, link));
}

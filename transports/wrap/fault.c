/* Plan, draws and attachment of the faulty interposer. */
#include "transports/wrap/fault_int.h"

#define PPM 1000000u

bool fault_strikes(struct wrap_fault *f, enum fault_kind kind)
{
	const struct fault_rule *r = &f->plan.rules[kind];
	uint64_t draw = prng_below(&f->draws[kind], PPM);
	bool hit;

	f->occasions[kind]++;
	hit = draw < r->ppm || f->occasions[kind] == r->nth;
	f->struck[kind] += hit;
	return hit;
}

uint64_t fault_later_ns(struct wrap_fault *f)
{
	uint64_t span = f->plan.delay_max_ns - f->plan.delay_min_ns;

	return rt_now_ns(f->rt) + f->plan.delay_min_ns + prng_below(&f->details, span + 1);
}

struct fault_addr *fault_addr_find(struct wrap_fault *f, const char *uri)
{
	struct list *pos;

	list_for_each(pos, &f->addrs) {
		struct fault_addr *a = list_entry(pos, struct fault_addr, link);

		if (strcmp(a->uri, uri) == 0)
			return a;
	}
	return NULL;
}

int wrap_fault_peer(struct wrap_fault *f, const char *uri, enum fault_peer state)
{
	struct fault_addr *a = fault_addr_find(f, uri);

	ASSERT(strnlen(uri, RT_URI_MAX) < RT_URI_MAX);
	if (a == NULL) {
		a = rt_alloc(f->rt, sizeof(*a));
		if (a == NULL)
			return -DER_NOMEM;
		memcpy(a->uri, uri, strlen(uri));
		list_add_tail(&f->addrs, &a->link);
	}
	a->state = state;
	if (state != FAULT_PEER_UP)
		fault_net_peer_changed(f, a);
	return 0;
}

void wrap_fault_rule(struct wrap_fault *f, enum fault_kind kind, struct fault_rule rule)
{
	f->plan.rules[kind] = rule;
	f->occasions[kind] = 0;
}

void wrap_fault_heal(struct wrap_fault *f)
{
	struct list *pos;

	memset(f->plan.rules, 0, sizeof(f->plan.rules));
	list_for_each(pos, &f->addrs)
		list_entry(pos, struct fault_addr, link)->state = FAULT_PEER_UP;
}

uint64_t wrap_fault_count(const struct wrap_fault *f, enum fault_kind kind)
{
	return f->struck[kind];
}

int wrap_fault_attach(struct rt *rt, const struct fault_plan *plan, struct wrap_fault **ret_fault)
{
	struct wrap_fault *f = rt_alloc(rt, sizeof(*f));

	ASSERT(plan->delay_max_ns >= plan->delay_min_ns);
	if (f == NULL)
		return -DER_NOMEM;
	*f = (struct wrap_fault){ .rt = rt, .inner = rt->ops, .plan = *plan };
	for (uint32_t i = 0; i < FAULT_KINDS; i++)
		prng_seed(&f->draws[i], mix64_2(plan->seed, i));
	prng_seed(&f->details, mix64_2(plan->seed, FAULT_KINDS));
	list_init(&f->addrs);
	list_init(&f->calls);
	list_init(&f->repeats);
	list_init(&f->replies);
	if (rt->ops.net != NULL) {
		rt->ops.net = &fault_net_ops;
		rt->ops.net_ctx = f;
	}
	if (rt->ops.blk != NULL) {
		rt->ops.blk = &fault_blk_ops;
		rt->ops.blk_ctx = f;
	}
	*ret_fault = f;
	return 0;
}

void wrap_fault_detach(struct wrap_fault *f)
{
	struct rt *rt;

	if (f == NULL)
		return;
	rt = f->rt;
	ASSERT(rt->ops.net == NULL || rt->ops.net_ctx == f);
	ASSERT(rt->ops.blk == NULL || rt->ops.blk_ctx == f);
	ASSERT(f->outstanding == 0 && list_empty(&f->calls));
	fault_net_fini(f);
	while (!list_empty(&f->addrs)) {
		struct fault_addr *a = list_first(&f->addrs, struct fault_addr, link);

		list_del(&a->link);
		rt_free(rt, a);
	}
	rt->ops = f->inner;
	rt_free(rt, f);
}

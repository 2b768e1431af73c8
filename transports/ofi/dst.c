/* Remote endpoints: the table, who is alive, what happens when one is lost. */
#include "transports/ofi/ofi_int.h"

static struct list *dst_bucket(struct ofi *o, const uint8_t *addr, uint32_t bytes)
{
	return &o->hash[hash_bytes(addr, bytes, o->id) & o->hash_mask];
}

static void dst_destroy(struct ofi *o, struct ofi_dst *dst)
{
	ASSERT(dst->refs == 0 && dst->open == NULL && list_empty(&dst->queue));
	ASSERT(list_empty(&dst->calls) && list_empty(&dst->lost) && list_empty(&dst->ins));
	ofi_link_close(dst);
	ofi_free(o, dst->part);
	if (dst->inserted)
		(void)fi_av_remove(o->av, &dst->fi_addr, 1, 0);	/* only memory is at stake */
	list_del(&dst->link);
	list_del(&dst->hash);
	list_del(&dst->dirty);
	list_del(&dst->busy);
	o->dst_count--;
	ofi_free(o, dst);
}

/* Forget the address that was used least recently and that nobody holds. */
static bool dst_evict(struct ofi *o)
{
	struct list *pos;

	list_for_each(pos, &o->dsts) {
		struct ofi_dst *dst = list_entry(pos, struct ofi_dst, link);

		if (dst->refs == 0 && dst->open == NULL && list_empty(&dst->queue) &&
		    dst->state == OFI_DST_UP) {
			dst_destroy(o, dst);
			o->stats.evicted++;
			return true;
		}
	}
	return false;
}

int ofi_dst_get(struct ofi *o, const uint8_t *addr, uint32_t bytes, struct ofi_dst **ret_dst)
{
	struct list *bucket = dst_bucket(o, addr, bytes);
	struct ofi_dst *dst;
	struct list *pos;

	list_for_each(pos, bucket) {
		dst = list_entry(pos, struct ofi_dst, hash);
		if (dst->addr_bytes == bytes && memcmp(dst->addr, addr, bytes) == 0) {
			dst->refs++;
			list_del(&dst->link);
			list_add_tail(&o->dsts, &dst->link);
			*ret_dst = dst;
			return 0;
		}
	}
	if (o->dst_count >= o->opts.peer_max && !dst_evict(o))
		return -DER_AGAIN;
	dst = ofi_alloc(o, sizeof(*dst), 0);
	if (dst == NULL)
		return -DER_NOMEM;
	dst->addr_bytes = bytes;
	memcpy(dst->addr, addr, bytes);
	dst->refs = 1;
	dst->probe_fd = -1;
	dst->live_fd = -1;
	list_init(&dst->dirty);
	list_init(&dst->busy);
	list_init(&dst->calls);
	list_init(&dst->lost);
	list_init(&dst->ins);
	list_init(&dst->queue);
	list_add_tail(&o->dsts, &dst->link);
	list_add_tail(bucket, &dst->hash);
	o->dst_count++;
	*ret_dst = dst;
	return 0;
}

void ofi_dst_put(struct ofi *o, struct ofi_dst *dst)
{
	(void)o;
	ASSERT(dst->refs > 0);
	dst->refs--;
}

int ofi_dst_insert(struct ofi *o, struct ofi_dst *dst)
{
	int rc;

	if (dst->inserted)
		return 0;
	if (o->prov->shm) {
		/* A region whose owner died would be mapped, and written to in vain. */
		rc = ofi_link_watch(o, dst);
		if (rc != 0)
			return rc;
	}
	rc = fi_av_insert(o->av, dst->addr, 1, &dst->fi_addr, 0, NULL);
	if (rc != 1)
		return -DER_UNREACH;
	dst->inserted = true;
	return 0;
}

void ofi_dst_moving(struct ofi_dst *dst)
{
	dst->stuck_ns = 0;
}

void ofi_dst_heard(struct ofi *o, struct ofi_dst *dst)
{
	dst->heard_ns = ofi_now(o);
	dst->stuck_ns = 0;
}

void ofi_dst_busy(struct ofi *o, struct ofi_dst *dst)
{
	if (list_empty(&dst->busy))
		list_add_tail(&o->busy, &dst->busy);
	if (!o->tick.armed)
		ofi_tick_soon(o, OFI_TICK_NS);
}

void ofi_dst_stuck(struct ofi *o, struct ofi_dst *dst)
{
	if (dst->stuck_ns == 0)
		dst->stuck_ns = ofi_now(o);
	ofi_dst_busy(o, dst);
	ofi_tick_soon(o, OFI_TICK_FAST_NS);
}

void ofi_tick_soon(struct ofi *o, uint64_t in_ns)
{
	uint64_t at = ofi_now(o) + in_ns;

	if (!o->tick.armed || o->tick.node.key > at)
		rt_timer_arm(o->rt, &o->tick, at);
}

/* The connection is cut, or needed no cutting: nothing can reach what was exposed any more. */
static void dst_finish_lost(struct ofi *o, struct ofi_dst *dst)
{
	while (!list_empty(&dst->lost)) {
		struct ofi_call *c = list_first(&dst->lost, struct ofi_call, link);

		ofi_call_finish(o, c, c->rc);
	}
}

static void dst_sever(struct ofi *o, struct ofi_dst *dst)
{
	dst->state = OFI_DST_SEVERING;
	o->severing++;
	ofi_dst_busy(o, dst);
	ofi_tick_soon(o, OFI_TICK_FAST_NS);
}

void ofi_dst_lost(struct ofi *o, struct ofi_dst *dst, const char *why)
{
	bool exposed = false;

	if (dst->state == OFI_DST_SEVERING)
		return;
	LOG_I(o->rt, "ofi", "event=peer_lost local=%s why=%s", o->uri, why);
	o->stats.peers_lost++;
	dst->epoch++;
	dst->remote_id = 0;
	dst->ping_nonce = 0;
	dst->hello_nonce = 0;
	dst->stuck_ns = 0;
	ofi_free(o, dst->part);
	dst->part = NULL;
	ofi_tx_drop(o, dst);
	while (!list_empty(&dst->calls)) {
		struct ofi_call *c = list_first(&dst->calls, struct ofi_call, link);

		exposed = exposed || c->exposed;
		ofi_call_unexpose(o, c);	/* first: nothing new may start on that memory */
		if (c->state == OFI_CALL_WAIT)
			c->rc = -DER_UNREACH;
		c->state = OFI_CALL_LOST;
		list_del(&c->link);
		list_add_tail(&dst->lost, &c->link);
	}
	ofi_bulk_peer_lost(o, dst);
	if (exposed && o->prov->revoke == OFI_REVOKE_CONN && ofi_link_cut(o, dst) > 0) {
		o->stats.severed++;
		dst_sever(o, dst);
	} else {
		dst_finish_lost(o, dst);
	}
	ofi_link_close(dst);
	if (o->prov->shm && dst->inserted) {
		/* When it comes back, its region will be another one. */
		(void)fi_av_remove(o->av, &dst->fi_addr, 1, 0);
		dst->inserted = false;
	}
}

/* ---- the tick: looks at peers with whom something is outstanding ------------------------------ */

static void dst_revokes(struct ofi *o, struct ofi_dst *dst, uint64_t now_ns)
{
	struct list *pos;
	struct list *tmp;

	list_for_each_safe(pos, tmp, &dst->calls) {
		struct ofi_call *c = list_entry(pos, struct ofi_call, link);

		if (c->state != OFI_CALL_REVOKING || c->revoke_ns > now_ns)
			continue;
		if (o->prov->revoke == OFI_REVOKE_CONN) {
			ofi_dst_lost(o, dst, "does not let go of exposed memory");
			return;
		}
		ofi_call_finish(o, c, c->rc);
	}
}

static void dst_ask(struct ofi *o, struct ofi_dst *dst, uint64_t now_ns)
{
	uint64_t since = max_u64(dst->heard_ns, dst->ping_ns);

	if (list_empty(&dst->calls) || now_ns < since + o->opts.silent_ns)
		return;
	if (dst->open != NULL || !list_empty(&dst->queue))
		return;		/* the provider is not even taking what there is */
	dst->ping_nonce = prng_next(&o->prng) | 1;
	if (ofi_tx_word(o, dst, dst->remote_id, OFI_PING, dst->ping_nonce) == 0) {
		dst->ping_ns = now_ns;
		o->stats.pings++;
	}
}

/* One look at @dst; false when nothing of it is outstanding any more. */
static bool dst_tick(struct ofi *o, struct ofi_dst *dst, uint64_t now_ns)
{
	if (dst->state == OFI_DST_SEVERING) {
		if (!ofi_link_gone(dst))
			return true;
		dst->state = OFI_DST_UP;
		o->severing--;
		dst_finish_lost(o, dst);
	}
	if (dst->state == OFI_DST_UP && ofi_link_dead(dst)) {
		ofi_dst_lost(o, dst, "died");
		return dst->state == OFI_DST_SEVERING;
	}
	dst_revokes(o, dst, now_ns);
	dst_ask(o, dst, now_ns);
	if (dst->stuck_ns != 0 && now_ns >= dst->stuck_ns + OFI_PROBE_AFTER_NS) {
		enum ofi_alive alive = ofi_link_probe(o, dst, now_ns);

		if (alive == OFI_ALIVE_YES)
			dst->alive_ns = now_ns;	/* it stands still, and may go on */
		if (alive == OFI_ALIVE_NO)
			ofi_dst_lost(o, dst, "refuses connections");
		else if (now_ns >= max_u64(dst->stuck_ns, dst->alive_ns) + o->opts.connect_ns)
			ofi_dst_lost(o, dst, "cannot be connected");
	}
	return dst->state == OFI_DST_SEVERING || !list_empty(&dst->calls) || dst->stuck_ns != 0 ||
	       !list_empty(&dst->ins);
}

void ofi_tick(struct rt_timer *t)
{
	struct ofi *o = container_of(t, struct ofi, tick);
	uint64_t now_ns = ofi_now(o);
	bool fast = false;
	struct list *pos;
	struct list *tmp;

	list_for_each_safe(pos, tmp, &o->busy) {
		struct ofi_dst *dst = list_entry(pos, struct ofi_dst, busy);

		if (!dst_tick(o, dst, now_ns))
			list_del(&dst->busy);
		else if (dst->state == OFI_DST_SEVERING || dst->stuck_ns != 0)
			fast = true;
	}
	if (!list_empty(&o->busy))
		ofi_tick_soon(o, fast ? OFI_TICK_FAST_NS : OFI_TICK_NS);
}

void ofi_dst_free_all(struct ofi *o)
{
	while (!list_empty(&o->dsts)) {
		struct ofi_dst *dst = list_first(&o->dsts, struct ofi_dst, link);

		ofi_tx_drop(o, dst);
		dst_destroy(o, dst);
	}
}

/*
 * Read timestamps. A node is a hash of its path; nodes that share a slot share the timestamps,
 * which makes some restarts needless and loses no read. Of a node two epochs are kept: the newest
 * read that depends on everything below it (a listing, a condition), and the newest of anything
 * below it. With each goes who read at that epoch: a transaction may write where it alone read.
 */
#include "core/vos/vos_simple_int.h"

/* Nobody in particular: no transaction, or several. */
#define VS_WHO_NONE 0

static uint64_t who_of(const struct vos_op *op)
{
	if (op->dtx == NULL)
		return VS_WHO_NONE;
	return hash_bytes(op->dtx->id.client.b, sizeof(op->dtx->id.client.b), op->dtx->id.hlc) | 1;
}

static void note(uint64_t *epoch, uint64_t *who, uint64_t e, uint64_t w)
{
	if (e > *epoch) {
		*epoch = e;
		*who = w;
	} else if (e == *epoch && *who != w) {
		*who = VS_WHO_NONE;
	}
}

static bool blocks(uint64_t epoch, uint64_t who, uint64_t e, uint64_t w)
{
	return epoch > e || (epoch == e && epoch != 0 && (w == VS_WHO_NONE || who != w));
}

/* Slots of the object, the dkey and the akey of @p; how many. */
static uint32_t slots_of(struct vs_cont *c, const struct vs_path *p, struct vs_ts **ret_slots)
{
	struct vos *v = c->v;
	uint64_t h = mix64_2(mix64_2(c->salt, p->oid.hi), p->oid.lo);
	uint32_t nr = 0;

	ret_slots[nr++] = &v->ts[h % v->opts.ts_slots];
	if (p->dkey.ptr == NULL)
		return nr;
	h = hash_bytes(p->dkey.ptr, p->dkey.len, h);
	ret_slots[nr++] = &v->ts[h % v->opts.ts_slots];
	if (!p->has_akey)
		return nr;
	h = hash_bytes(p->akey.ptr, p->akey.len, ~h);
	ret_slots[nr++] = &v->ts[h % v->opts.ts_slots];
	return nr;
}

static bool leaves_none(const struct vos_op *op)
{
	return op->epoch == VOS_EPOCH_MAX || (op->flags & VOS_NO_READ_TS) != 0;
}

int vs_ts_read(struct vs_cont *c, const struct vos_op *op, const struct vs_path *p)
{
	struct vos *v = c->v;
	struct vs_ts *s[3];
	uint32_t nr;
	uint32_t i;

	if (leaves_none(op))
		return 0;
	if (v->ts == NULL) {
		v->ts = vs_alloc(v, v->opts.ts_slots * sizeof(*v->ts));
		if (v->ts == NULL)
			return -DER_NOMEM;
	}
	nr = slots_of(c, p, s);
	for (i = 0; i < nr; i++)
		note(&s[i]->any, &s[i]->any_who, op->epoch, who_of(op));
	note(&s[nr - 1]->all, &s[nr - 1]->all_who, op->epoch, who_of(op));
	return 0;
}

void vs_ts_read_cont(struct vs_cont *c, const struct vos_op *op)
{
	if (!leaves_none(op))
		note(&c->read_all, &c->read_who, op->epoch, who_of(op));
}

int vs_ts_write(struct vs_cont *c, const struct vos_op *op, const struct vs_path *p)
{
	uint64_t who = who_of(op);
	struct vs_ts *s[3];
	uint32_t nr;
	uint32_t i;

	if (op->epoch <= c->v->opts.epoch_floor || blocks(c->read_all, c->read_who, op->epoch, who))
		return -DER_TX_RESTART;
	if (c->v->ts == NULL)
		return 0;
	nr = slots_of(c, p, s);
	for (i = 0; i + 1 < nr; i++)
		if (blocks(s[i]->all, s[i]->all_who, op->epoch, who))
			return -DER_TX_RESTART;
	if (blocks(s[i]->any, s[i]->any_who, op->epoch, who))
		return -DER_TX_RESTART;
	return 0;
}

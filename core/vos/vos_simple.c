/* The store and its containers. */
#include "core/csum/csum.h"
#include "core/vos/vos_simple_int.h"

#define DATA_THRESHOLD 4096u
#define GROUP_OPS      256u
#define GROUP_BYTES    (1u << 20)
#define TS_SLOTS       1024u

/* What an update of the largest key leaves of free space besides its value. */
#define UPDATE_SLACK (2 * VOS_KEY_MAX_BYTES + 1024)

/* ---- memory ----------------------------------------------------------------------------- */

void *vs_alloc(struct vos *v, size_t bytes)
{
	void *p = rt_alloc(v->rt, bytes);

	if (p != NULL)
		v->mem_bytes += bytes;
	return p;
}

void vs_free(struct vos *v, void *ptr, size_t bytes)
{
	if (ptr == NULL)
		return;
	ASSERT(v->mem_bytes >= bytes);
	v->mem_bytes -= bytes;
	rt_free(v->rt, ptr);
}

/* Arrays are handed over as the address of the pointer; all object pointers look alike here. */
static int resize(struct vos *v, void *array_ptr, uint32_t *cap, uint32_t to, size_t entry_bytes)
{
	void *old;
	void *p;

	memcpy(&old, array_ptr, sizeof(old));
	p = vs_alloc(v, to * entry_bytes);
	if (p == NULL)
		return -DER_NOMEM;
	if (old != NULL)
		memcpy(p, old, (*cap < to ? *cap : to) * entry_bytes);
	vs_free(v, old, *cap * entry_bytes);
	memcpy(array_ptr, &p, sizeof(p));
	*cap = to;
	return 0;
}

int vs_grow(struct vos *v, void *array_ptr, uint32_t *cap, uint32_t need, size_t entry_bytes)
{
	uint32_t to = *cap == 0 ? (entry_bytes <= 32 ? 4 : 1) : *cap;

	if (need <= *cap)
		return 0;
	while (to < need)
		to *= 2;
	return resize(v, array_ptr, cap, to, entry_bytes);
}

void vs_fit(struct vos *v, void *array_ptr, uint32_t *cap, uint32_t nr, size_t entry_bytes)
{
	if (*cap > 8 && nr < *cap / 4)
		(void)resize(v, array_ptr, cap, nr + 1, entry_bytes);	/* no memory: it stays */
}

/* ---- format ----------------------------------------------------------------------------- */

static bool home_ok(const struct vos_home *h)
{
	const struct rt_dev *d = h->dev;

	return h->off % d->align == 0 && h->bytes % d->align == 0 && h->off <= d->bytes &&
	       h->bytes <= d->bytes - h->off && h->blob == NULL;
}

static uint64_t sb_stride(const struct vos_home *h)
{
	return align_up(VS_SB_BYTES, h->dev->align);
}

static int write_sb(struct rt *rt, const struct vos_home *home, const struct vs_sb *sb)
{
	size_t stride = sb_stride(home);
	uint8_t *mem = rt_alloc_aligned(rt, stride, 4096);
	struct bseg seg;
	struct buf b;
	struct vs_sb s = *sb;
	uint64_t i;
	int rc = 0;

	if (mem == NULL)
		return -DER_NOMEM;
	memcpy(mem, &s, sizeof(s));
	s.crc = csum_crc32c(0, mem, VS_SB_BYTES);
	memcpy(mem, &s, sizeof(s));
	b = buf_from_bytes(&seg, mem, stride);
	for (i = 0; rc == 0 && i < 2; i++)
		rc = rt_io(rt, home->dev, RT_IO_WRITE, home->off + i * stride, &b);
	if (rc == 0)
		rc = rt_io(rt, home->dev, RT_IO_FLUSH, 0, NULL);
	rt_free(rt, mem);
	return rc;
}

int vos_format(struct rt *rt, const struct vos_home *home, const struct vos_opts *opts,
	       uint32_t flags)
{
	struct vs_sb sb = { .magic = VS_SB_MAGIC, .version = VS_SB_VERSION, .bytes = home->bytes };
	struct vs_sb old;
	int rc;

	if (home->dev == NULL || !home_ok(home) || (flags & ~(uint32_t)VOS_FORMAT_FORCE) != 0)
		return -DER_INVAL;
	sb.log_off = 2 * sb_stride(home);
	if (home->bytes < sb.log_off + (64u << 10))
		return -DER_NOSPACE;
	rc = vs_sb_load(rt, home, &old);
	if (rc == 0 && (flags & VOS_FORMAT_FORCE) == 0)
		return -DER_EXIST;
	if (rc == -DER_NVME_IO || rc == -DER_NOMEM)
		return rc;
	if (opts != NULL)
		sb.id = opts->id;
	sb.gen = rt_rand(rt, RT_STREAM_ID);
	return write_sb(rt, home, &sb);
}

/* ---- open ------------------------------------------------------------------------------- */

static void set_opts(struct vos *v, const struct vos_opts *opts)
{
	struct vos_opts *o = &v->opts;

	if (opts != NULL)
		*o = *opts;
	if (o->data_threshold_bytes == 0)
		o->data_threshold_bytes = DATA_THRESHOLD;
	if (o->group_max_ops == 0)
		o->group_max_ops = GROUP_OPS;
	if (o->group_max_bytes == 0)
		o->group_max_bytes = GROUP_BYTES;
	if (o->ts_slots == 0)
		o->ts_slots = TS_SLOTS;
}

static int load(struct vos *v)
{
	static const struct uid no_id;
	struct vs_sb sb;
	int rc;

	if (!home_ok(&v->home))
		return -DER_INVAL;
	rc = vs_sb_load(v->rt, &v->home, &sb);
	if (rc != 0)
		return rc;
	if (v->home.bytes < sb.bytes)
		return -DER_TRUNC;
	if (!uid_equal(&v->opts.id, &no_id) && !uid_equal(&v->opts.id, &sb.id))
		return -DER_ID_MISMATCH;
	if (sb.log_off % v->home.dev->align != 0 || sb.log_off >= sb.bytes)
		return -DER_DF_INVAL;
	v->log.gen = sb.gen;
	v->log.begin = v->home.off + sb.log_off;
	v->log.end = v->home.off + align_down(sb.bytes, v->home.dev->align);
	return vs_replay(v);
}

static void destroy(struct vos *v)
{
	while (v->conts.root != NULL) {
		struct vs_cont *c = container_of(v->conts.root, struct vs_cont, node);

		ASSERT(c->opens == 0);
		vs_tree_erase(&v->conts, &c->node);
		c->dead_next = v->dead;
		v->dead = c;
	}
	while (v->dead != NULL) {
		struct vs_cont *c = v->dead;

		v->dead = c->dead_next;
		(void)vs_cont_drain(v, c, UINT64_MAX);	/* all of it */
		vs_cont_free(v, c);
	}
	vs_log_fini(v);
	vs_free(v, v->ts, v->opts.ts_slots * sizeof(*v->ts));
	ASSERT(v->mem_bytes == 0);
	rt_free(v->rt, v);
}

int vos_open(struct rt *rt, const struct vos_home *home, const struct vos_opts *opts,
	     struct vos **ret_vos)
{
	struct vos *v = rt_alloc(rt, sizeof(*v));
	int rc = 0;

	if (v == NULL)
		return -DER_NOMEM;
	v->rt = rt;
	v->home = *home;
	set_opts(v, opts);
	vs_log_init(v);
	if (vs_has_log(v))
		rc = load(v);
	if (rc != 0) {
		destroy(v);
		return rc;
	}
	*ret_vos = v;
	return 0;
}

void vos_close(struct vos *v)
{
	if (v == NULL)
		return;
	(void)vos_sync(v);	/* a device that failed keeps what it has */
	destroy(v);
}

int vos_sync(struct vos *v)
{
	return vs_log_wait(v, v->log.next_seq - 1);
}

int vos_query(struct vos *v, struct vos_space *ret_space)
{
	struct vos_space s = { .mem_bytes = v->mem_bytes, .conts = v->conts.count };
	uint64_t left;
	const struct vs_cont *c;

	if (v->log.failed)
		return -DER_NVME_IO;
	if (vs_has_log(v)) {
		left = vs_log_left(v, false);
		s.record_bytes = 256 + v->home.dev->align;
		s.total_bytes[VOS_MEDIA_DATA] = v->log.end - v->log.begin;
		left -= min_u64(left, UPDATE_SLACK + 2 * v->home.dev->align);
		s.free_bytes[VOS_MEDIA_DATA] = left;
	}
	if (v->opts.mem_max_bytes != 0) {
		s.total_bytes[VOS_MEDIA_META] = v->opts.mem_max_bytes;
		s.free_bytes[VOS_MEDIA_META] = v->opts.mem_max_bytes -
					       min_u64(v->opts.mem_max_bytes, v->mem_bytes);
	}
	for (c = v->dead; c != NULL; c = c->dead_next)
		s.gc_entries += c->objs.count + c->dtxs.count + 1;
	*ret_space = s;
	return 0;
}

int vos_gc(struct vos *v, uint32_t credits, uint64_t *ret_left)
{
	uint64_t left = credits;
	uint64_t entries = 0;
	const struct vs_cont *d;

	if (v->log.failed)
		return -DER_NVME_IO;
	while (v->dead != NULL && left > 0) {
		struct vs_cont *c = v->dead;

		left = vs_cont_drain(v, c, left);
		if (left == 0 || !vs_cont_drained(c))
			break;
		v->dead = c->dead_next;
		vs_cont_free(v, c);
		left--;
	}
	for (d = v->dead; d != NULL; d = d->dead_next)
		entries += d->objs.count + d->dtxs.count + 1;
	*ret_left = entries;
	return 0;
}

/* ---- containers ------------------------------------------------------------------------- */

int vos_cont_create(struct vos *v, const struct uid *uid)
{
	struct vs_cont *c;
	uint64_t seq;
	int rc = vs_log_enter(v);

	if (rc == 0 && vs_cont_find(v, uid) != NULL)
		rc = -DER_EXIST;
	if (rc == 0)
		rc = vs_log_uid(v, VS_REC_CREATE, uid, &seq);
	if (rc != 0)
		return rc;
	rc = vs_cont_add(v, uid, &c);
	if (rc != 0) {
		vs_rec_undo(v);
		return rc;
	}
	c->last_seq = seq;
	c->gone_seq = seq;
	return vs_log_wait(v, seq);
}

int vos_cont_destroy(struct vos *v, const struct uid *uid)
{
	struct vs_cont *c;
	uint64_t seq;
	int rc = vs_log_enter(v);

	if (rc != 0)
		return rc;
	c = vs_cont_find(v, uid);
	if (c == NULL)
		return -DER_NONEXIST;
	if (c->opens > 0)
		return -DER_BUSY;
	rc = vs_log_uid(v, VS_REC_DESTROY, uid, &seq);
	if (rc != 0)
		return rc;
	vs_tree_erase(&v->conts, &c->node);
	c->dead_next = v->dead;
	v->dead = c;
	return vs_log_wait(v, seq);
}

int vos_cont_open(struct vos *v, const struct uid *uid, struct vos_cont **ret_cont)
{
	struct vs_cont *c = vs_cont_find(v, uid);
	struct vos_cont *h;

	if (v->log.failed)
		return -DER_NVME_IO;
	if (c == NULL)
		return -DER_NONEXIST;
	h = vs_alloc(v, sizeof(*h));
	if (h == NULL)
		return -DER_NOMEM;
	*h = (struct vos_cont){ .c = c, .v = v };
	c->opens++;
	*ret_cont = h;
	return 0;
}

void vos_cont_close(struct vos_cont *h)
{
	if (h == NULL)
		return;
	ASSERT(h->c->opens > 0);
	h->c->opens--;
	vs_free(h->v, h, sizeof(*h));
}

int vos_cont_query(struct vos_cont *h, struct vos_cont_info *ret_info)
{
	const struct vs_cont *c = h->c;

	if (h->v->log.failed)
		return -DER_NVME_IO;
	*ret_info = (struct vos_cont_info){ .uid = c->uid, .objects = c->objs.count,
					    .epoch_max = c->epoch_max, .agg_epoch = c->agg_epoch,
					    .snapshots = c->snap_nr, .prepared = c->prepared };
	return 0;
}

int vos_cont_list(struct vos *v, const struct uid *after, uint32_t cap, struct uid *uids,
		  uint32_t *ret_nr)
{
	struct vs_node *n;
	uint32_t nr = 0;

	if (v->log.failed)
		return -DER_NVME_IO;
	for (n = vs_tree_first(&v->conts); n != NULL && nr < cap; n = vs_tree_next(n)) {
		const struct vs_cont *c = container_of(n, struct vs_cont, node);

		if (after == NULL || memcmp(c->uid.b, after->b, sizeof(after->b)) > 0)
			uids[nr++] = c->uid;
	}
	*ret_nr = nr;
	return 0;
}

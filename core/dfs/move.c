/*
 * Renames and swaps.
 *
 * There are no transactions yet, so a rename claims the entries that it changes, by an akey that
 * only one can insert, always in the same order; the others wait. Then the new name is written,
 * then the old one goes: at no time is the object without a name. A claim that nobody gives back
 * belongs to a client that died, and is taken over after CLAIM_STALE_NS; what it left half done is
 * finished. Removals do not ask for claims: a rename that finds its source gone puts the new name
 * back.
 */
#include "core/dfs/dfs_int.h"

#include <errno.h>

#define AKEY_CLAIM	"DFS_MOVE"
#define CLAIM_STALE_NS	5000000000ull
#define CLAIM_NAP_NS	500000ull
#define CLAIM_NAP_MAX_NS 64000000ull

/* Steps up from a directory to the root before a damaged tree is given up. */
#define DEPTH_MAX 4096u

/* One of the two names of a rename or swap. */
struct side {
	struct dfs_obj *dir;
	const char *name;
	bool there;
	bool claimed;
	struct dfs_inode in;
	struct dfs_akeys keys;
};

struct move {
	struct dfs *dfs;
	struct side src;
	struct side dst;
};

/* ---- claims --------------------------------------------------------------------------------- */

struct claim_io {
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	struct uid id;
};

static void claim_io_init(struct claim_io *io, const struct side *side)
{
	d_iov_set(&io->dkey, (void *)(uintptr_t)side->name, strlen(side->name));
	io->iod = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(io->id),
				.iod_nr = 1 };
	d_iov_set(&io->iod.iod_name, (void *)(uintptr_t)AKEY_CLAIM, sizeof(AKEY_CLAIM) - 1);
	d_iov_set(&io->iov, &io->id, sizeof(io->id));
	io->sgl = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &io->iov };
}

/* Once. Errors: -DER_EXIST (somebody has it), -DER_NONEXIST (no such entry). */
static int claim_try(struct cl_stream *s, struct side *side)
{
	struct claim_io io;
	int rc;

	claim_io_init(&io, side);
	io.id = cl_uid_make(s->rt);
	rc = cl_update(s, side->dir->oh, DAOS_COND_DKEY_UPDATE | DAOS_COND_AKEY_INSERT, &io.dkey, 1,
		       &io.iod, &io.sgl);
	side->claimed = rc == 0;
	return rc;
}

/* Whose it is; all zero: nobody's. */
static int claim_read(struct cl_stream *s, struct side *side, struct uid *ret_id)
{
	struct claim_io io;
	int rc;

	claim_io_init(&io, side);
	io.id = (struct uid){ { 0 } };
	rc = cl_fetch(s, side->dir->oh, DAOS_EPOCH_MAX, 0, &io.dkey, 1, &io.iod, &io.sgl, NULL);
	if (rc == 0)
		*ret_id = io.id;
	return rc;
}

static void claim_punch(struct cl_stream *s, struct side *side)
{
	struct claim_io io;

	claim_io_init(&io, side);
	/* Gone with the entry, or found stale by the next one: nothing more to do here. */
	(void)cl_punch_akeys(s, side->dir->oh, DAOS_COND_PUNCH, &io.dkey, 1, &io.iod.iod_name);
}

static void claim_drop(struct cl_stream *s, struct side *side)
{
	if (side->claimed)
		claim_punch(s, side);
	side->claimed = false;
}

/* Claim an entry. Of a missing one @side is just not claimed. */
static int claim_take(struct cl_stream *s, struct side *side)
{
	uint64_t nap_ns = CLAIM_NAP_NS;
	uint64_t since_ns = rt_now_ns(s->rt);
	struct uid seen = { { 0 } };
	struct uid id;
	int rc;

	for (;;) {
		rc = claim_try(s, side);
		if (rc != -DER_EXIST)
			break;
		rc = claim_read(s, side, &id);
		if (rc != 0)
			break;
		if (!uid_equal(&id, &seen)) {
			seen = id;
			since_ns = rt_now_ns(s->rt);
			nap_ns = CLAIM_NAP_NS;
		} else if (rt_now_ns(s->rt) - since_ns > CLAIM_STALE_NS) {
			MARK(s->rt, "dfs_claim_stale");
			claim_punch(s, side);
			continue;
		}
		rt_sleep_ns(s->rt, nap_ns);
		nap_ns = min_u64(nap_ns * 2, CLAIM_NAP_MAX_NS);
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

/* The same order for all who want the same two names. */
static bool side_first(const struct side *a, const struct side *b)
{
	if (a->dir->oid.lo != b->dir->oid.lo)
		return a->dir->oid.lo < b->dir->oid.lo;
	if (a->dir->oid.hi != b->dir->oid.hi)
		return a->dir->oid.hi < b->dir->oid.hi;
	return strcmp(a->name, b->name) < 0;
}

static void move_release(struct cl_stream *s, struct move *m)
{
	claim_drop(s, &m->src);
	claim_drop(s, &m->dst);
}

static int move_claim(struct cl_stream *s, struct move *m)
{
	struct side *one = side_first(&m->src, &m->dst) ? &m->src : &m->dst;
	struct side *two = one == &m->src ? &m->dst : &m->src;
	int rc;

	rc = claim_take(s, one);
	if (rc == 0)
		rc = claim_take(s, two);
	if (rc == 0 && !m->src.claimed)
		rc = ENOENT;
	return rc;
}

/* ---- the two names -------------------------------------------------------------------------- */

static void side_free(struct cl_stream *s, struct side *side)
{
	dfs_akeys_free(s, &side->keys);
	side->there = false;
}

static void keys_drop_claim(struct cl_stream *s, struct dfs_akeys *keys)
{
	uint32_t i;

	for (i = 0; i < keys->nr; i++) {
		if (strcmp(keys->v[i].name, AKEY_CLAIM) != 0)
			continue;
		rt_free(s->rt, keys->v[i].val);
		keys->v[i] = keys->v[--keys->nr];
		return;
	}
}

/* A claimed entry with everything under it. Errors: -DER_NONEXIST (removed all the same). */
static int side_load(struct cl_stream *s, struct side *side)
{
	int rc;

	side_free(s, side);
	if (!side->claimed)
		return 0;
	rc = dfs_entry_fetch(s, side->dir->oh, side->name, &side->in);
	if (rc == 0)
		rc = dfs_akeys_load(s, side->dir->oh, side->name, true, &side->keys);
	if (rc == 0)
		keys_drop_claim(s, &side->keys);
	side->there = rc == 0;
	return rc;
}

/* Is directory @in above @dir, or @dir itself? Then it cannot go there. */
static int loop_check(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in,
		      struct oid dir)
{
	struct dfs_link link;
	struct cl_obj *oh;
	uint32_t depth;
	int rc = 0;

	for (depth = 0; depth < DEPTH_MAX && rc == 0; depth++) {
		if (oid_equal(dir, in->oid))
			return EINVAL;
		if (oid_equal(dir, dfs->root.oid))
			return 0;
		rc = dfs_cl_open(s, dfs, dir, &oh);
		if (rc != 0)
			return rc;
		rc = dfs_link_fetch(s, oh, &link);
		cl_put(s->proc, &oh->ref);
		dir = link.parent;
	}
	return rc == 0 ? ELOOP : rc;
}

/* May what is at src take the place of what is at dst? */
static int replace_check(struct cl_stream *s, struct move *m)
{
	struct cl_obj *oh;
	int rc;

	if (!m->dst.there)
		return 0;
	if (S_ISDIR(m->dst.in.mode) != S_ISDIR(m->src.in.mode))
		return S_ISDIR(m->dst.in.mode) ? EISDIR : ENOTDIR;
	if (!S_ISDIR(m->dst.in.mode))
		return 0;
	rc = dfs_cl_open(s, m->dfs, m->dst.in.oid, &oh);
	if (rc != 0)
		return rc;
	rc = dfs_dir_empty(s, oh);
	cl_put(s->proc, &oh->ref);
	return rc;
}

/* Tell the object where it is now. */
static int place_store(struct cl_stream *s, struct dfs *dfs, const struct dfs_inode *in,
		       const struct side *to)
{
	struct dfs_link link;
	struct cl_obj *oh;
	int rc;

	rc = dfs_cl_open(s, dfs, in->oid, &oh);
	if (rc != 0)
		return rc;
	dfs_link_set(&link, to->dir->oid, to->name);
	rc = dfs_link_store(s, oh, &link);
	cl_put(s->proc, &oh->ref);
	return rc;
}

/* Write one entry over another. The claim on that one goes with it. */
static int side_write(struct cl_stream *s, struct side *to, const struct dfs_inode *in,
		      const struct dfs_akeys *keys, const struct dfs_akeys *old)
{
	int rc;

	rc = dfs_entry_replace(s, to->dir->oh, to->name,
			       to->there ? DAOS_COND_DKEY_UPDATE : DAOS_COND_DKEY_INSERT, in, keys,
			       to->there ? old : NULL);
	if (rc == 0)
		claim_drop(s, to);
	return rc;
}

/* Give the new name back what it was, unless somebody changed it meanwhile: he is right. */
static void move_undo(struct cl_stream *s, struct move *m)
{
	struct dfs_inode now;

	if (dfs_entry_fetch(s, m->dst.dir->oh, m->dst.name, &now) != 0 ||
	    !oid_equal(now.oid, m->src.in.oid))
		return;
	MARK(s->rt, "dfs_move_undo");
	if (m->dst.there)
		(void)side_write(s, &m->dst, &m->dst.in, &m->dst.keys, &m->src.keys);
	else
		(void)dfs_entry_punch(s, m->dst.dir->oh, m->dst.name);
}

/* The names are claimed. -DER_EXIST, -DER_NONEXIST, -DER_STALE: something changed all the same;
 * again. */
static int move_once(struct cl_stream *s, struct move *m, daos_obj_id_t *oid)
{
	struct dfs_inode in = m->src.in;
	bool replaces = m->dst.there && !oid_equal(m->dst.in.oid, in.oid);
	int rc = 0;

	if (replaces)
		rc = replace_check(s, m);
	if (rc != 0)
		return rc;
	in.ctime_ns = rt_wall_ns(s->rt);
	in.flags |= DFS_INODE_MOVED;
	rc = side_write(s, &m->dst, &in, &m->src.keys, &m->dst.keys);
	if (rc != 0)
		return rc;
	rc = dfs_entry_punch(s, m->src.dir->oh, m->src.name);
	if (rc == 0)
		m->src.claimed = false;
	else
		move_undo(s, m);
	if (rc == 0)
		rc = place_store(s, m->dfs, &in, &m->dst);
	if (rc == 0 && replaces)
		rc = dfs_oid_punch(s, m->dfs, &m->dst.in);
	if (rc == 0 && replaces && oid != NULL)
		*oid = (daos_obj_id_t){ .lo = m->dst.in.oid.lo, .hi = m->dst.in.oid.hi };
	return rc;
}

static bool same_place(const struct move *m)
{
	return oid_equal(m->src.dir->oid, m->dst.dir->oid) && strcmp(m->src.name, m->dst.name) == 0;
}

typedef int (*move_step)(struct cl_stream *s, struct move *m, daos_obj_id_t *oid);

/* Claim, load, do @step, release; again when somebody removed or created a name meanwhile. */
static int move_run(struct cl_stream *s, struct move *m, move_step step, daos_obj_id_t *oid)
{
	uint32_t tries;
	int rc;

	if (same_place(m))
		return dfs_entry_fetch(s, m->src.dir->oh, m->src.name, &m->src.in);
	for (tries = 0; tries < DFS_TRIES; tries++) {
		rc = move_claim(s, m);
		if (rc == 0)
			rc = side_load(s, &m->src);
		if (rc == 0)
			rc = side_load(s, &m->dst);
		if (rc == 0 && S_ISDIR(m->src.in.mode) &&
		    !oid_equal(m->src.dir->oid, m->dst.dir->oid))
			rc = loop_check(s, m->dfs, &m->src.in, m->dst.dir->oid);
		if (rc == 0)
			rc = step(s, m, oid);
		move_release(s, m);
		if (rc != -DER_EXIST && rc != -DER_NONEXIST && rc != -DER_STALE)
			return rc;
	}
	return -DER_BUSY;
}

static void move_free(struct cl_stream *s, struct move *m)
{
	side_free(s, &m->src);
	side_free(s, &m->dst);
	rt_free(s->rt, m);
}

/* a->obj and a->obj2: the directories. */
static struct move *move_make(struct cl_stream *s, const struct dfs_args *a)
{
	struct move *m = rt_alloc(s->rt, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->dfs = a->dfs;
	m->src.dir = a->obj;
	m->src.name = a->name;
	m->dst.dir = a->obj2;
	m->dst.name = a->name2;
	return m;
}

static int move_fn(struct cl_stream *s, void *args)
{
	struct dfs_args *a = args;
	struct move *m = move_make(s, a);
	int rc;

	if (m == NULL)
		return ENOMEM;
	rc = move_run(s, m, move_once, a->oid);
	move_free(s, m);
	return dfs_errno(rc);
}

static int two_names_check(struct dfs_args *a, dfs_obj_t *parent1, dfs_obj_t *parent2)
{
	int rc = dfs_parent(a->dfs, parent1, &a->obj);

	if (rc == 0)
		rc = dfs_parent(a->dfs, parent2, &a->obj2);
	if (rc == 0)
		rc = dfs_name_check(a->name);
	if (rc == 0)
		rc = dfs_name_check(a->name2);
	return rc == 0 && a->dfs->rdonly ? EPERM : rc;
}

/*
 * As rename(): an entry onto itself changes nothing, a directory does not go onto a file, nor below
 * itself (the original loses the entry, or makes it unreachable). A crash in between leaves both
 * names.
 */
int dfs_move(dfs_t *dfs, dfs_obj_t *parent, const char *name, dfs_obj_t *new_parent,
	     const char *new_name, daos_obj_id_t *oid)
{
	struct dfs_args a = { .dfs = dfs, .name = name, .name2 = new_name, .oid = oid };
	int rc = two_names_check(&a, parent, new_parent);

	return rc != 0 ? rc : dfs_call(move_fn, &a, NULL);
}

/* ---- swap ----------------------------------------------------------------------------------- */

static int exchange_once(struct cl_stream *s, struct move *m, daos_obj_id_t *oid)
{
	struct dfs_inode one = m->src.in;
	struct dfs_inode two = m->dst.in;
	int rc = 0;

	(void)oid;
	if (!m->dst.there)
		return ENOENT;
	if (S_ISDIR(two.mode) && !oid_equal(m->src.dir->oid, m->dst.dir->oid))
		rc = loop_check(s, m->dfs, &two, m->src.dir->oid);
	if (rc != 0)
		return rc;
	one.ctime_ns = two.ctime_ns = rt_wall_ns(s->rt);
	one.flags |= DFS_INODE_MOVED;
	two.flags |= DFS_INODE_MOVED;
	rc = side_write(s, &m->dst, &one, &m->src.keys, &m->dst.keys);
	if (rc != 0)
		return rc;
	rc = side_write(s, &m->src, &two, &m->dst.keys, &m->src.keys);
	if (rc != 0) {
		move_undo(s, m);
		return rc;
	}
	rc = place_store(s, m->dfs, &one, &m->dst);
	return rc != 0 ? rc : place_store(s, m->dfs, &two, &m->src);
}

static int exchange_fn(struct cl_stream *s, void *args)
{
	struct move *m = move_make(s, args);
	int rc;

	if (m == NULL)
		return ENOMEM;
	rc = move_run(s, m, exchange_once, NULL);
	move_free(s, m);
	return dfs_errno(rc);
}

/* A crash in between leaves one object under both names. */
int dfs_exchange(dfs_t *dfs, dfs_obj_t *parent1, const char *name1, dfs_obj_t *parent2,
		 const char *name2)
{
	struct dfs_args a = { .dfs = dfs, .name = name1, .name2 = name2 };
	int rc = two_names_check(&a, parent1, parent2);

	return rc != 0 ? rc : dfs_call(exchange_fn, &a, NULL);
}

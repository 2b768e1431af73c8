/* The calls about transactions; what they do to entries is in vos_simple_apply.c. */
#include "core/vos/vos_simple_int.h"

#define IDS_AT_ONCE 16u

/* Log and apply the commit of @nr prepared transactions. */
static int commit_some(struct vs_cont *c, uint32_t nr, const struct vos_dtx_id *ids,
		       uint64_t *ret_seq)
{
	uint32_t i;
	int rc = vs_log_ids(c, VS_REC_COMMIT, nr, ids, ret_seq);

	for (i = 0; rc == 0 && i < nr; i++)
		vs_apply_commit(c, vs_dtx_find(c, &ids[i]), *ret_seq);
	return rc;
}

static bool listed(const struct vos_dtx_id *ids, uint32_t nr, const struct vos_dtx_id *id)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		if (uid_equal(&ids[i].client, &id->client) && ids[i].hlc == id->hlc)
			return true;
	return false;
}

int vos_dtx_commit(struct vos_cont *cont, uint32_t nr, const struct vos_dtx_id *ids)
{
	struct vs_cont *c = cont->c;
	struct vos_dtx_id some[IDS_AT_ONCE];
	uint64_t seq = 0;
	uint32_t n = 0;
	uint32_t i;
	int bad = 0;
	int rc = vs_log_enter(c->v);

	for (i = 0; rc == 0 && i < nr; i++) {
		struct vs_dtx *d = vs_dtx_find(c, &ids[i]);

		if (d == NULL || d->state == VOS_DTX_ABORTED) {
			if (bad == 0)
				bad = d == NULL ? -DER_NONEXIST : -DER_CANCELED;
			continue;
		}
		seq = max_u64(seq, d->seq);
		if (d->state == VOS_DTX_PREPARED && !listed(some, n, &ids[i]))
			some[n++] = ids[i];
		if (n == IDS_AT_ONCE) {
			rc = commit_some(c, n, some, &seq);
			n = 0;
		}
	}
	if (rc == 0 && n > 0)
		rc = commit_some(c, n, some, &seq);
	if (rc == 0)
		rc = vs_log_wait(c->v, seq);
	return rc != 0 ? rc : bad;
}

int vos_dtx_abort(struct vos_cont *cont, const struct vos_dtx_id *id)
{
	struct vs_cont *c = cont->c;
	struct vs_dtx *d;
	uint64_t seq;
	int rc = vs_log_enter(c->v);

	if (rc != 0)
		return rc;
	d = vs_dtx_find(c, id);
	if (d != NULL && d->state == VOS_DTX_COMMITTED)
		return -DER_ALREADY;
	if (d != NULL && d->state == VOS_DTX_ABORTED)
		return vs_log_wait(c->v, d->seq);
	rc = vs_log_ids(c, VS_REC_ABORT, 1, id, &seq);
	if (rc != 0)
		return rc;
	rc = vs_apply_abort(c, id, seq);
	if (rc != 0) {
		vs_rec_undo(c->v);
		return rc;
	}
	return vs_log_wait(c->v, seq);
}

int vos_dtx_status(struct vos_cont *cont, const struct vos_dtx_id *id,
		   enum vos_dtx_state *ret_state)
{
	struct vs_cont *c = cont->c;
	struct vs_dtx *d = vs_dtx_find(c, id);
	enum vos_dtx_state state;
	int rc;

	if (d == NULL)
		return -DER_NONEXIST;
	state = d->state;
	rc = vs_log_wait(c->v, d->seq);
	if (rc == 0)
		*ret_state = state;
	return rc;
}

static int id_cmp(const struct vos_dtx_id *a, const struct vos_dtx_id *b)
{
	int c = memcmp(a->client.b, b->client.b, sizeof(a->client.b));

	return c != 0 ? c : vs_cmp_u64(a->hlc, b->hlc);
}

/* First transaction behind the anchor. */
static struct vs_node *dtx_seek(struct vs_cont *c, const struct vs_anchor *a)
{
	struct vs_node *n = c->dtxs.root;
	struct vs_node *best = NULL;

	if (a->state == VOS_ANCHOR_BEGIN)
		return vs_tree_first(&c->dtxs);
	while (n != NULL) {
		if (id_cmp(&a->dtx, &container_of(n, struct vs_dtx, node)->id) < 0) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

#define CHECK_DTX 0xd7c115u

int vos_dtx_list(struct vos_cont *cont, struct vos_anchor *anchor, vos_dtx_fn fn, void *arg)
{
	struct vs_cont *c = cont->c;
	struct vs_anchor a;
	struct vs_node *n;
	uint64_t seq = 0;
	int want = VOS_ITER_NEXT;
	int rc;

	vs_anchor_load(anchor, &a);
	if (a.state > VOS_ANCHOR_END || (a.state != VOS_ANCHOR_BEGIN && a.check != CHECK_DTX))
		return -DER_INVAL;
	n = a.state == VOS_ANCHOR_END ? NULL : dtx_seek(c, &a);
	a.check = CHECK_DTX;
	for (; n != NULL && want == VOS_ITER_NEXT; n = vs_tree_next(n)) {
		const struct vs_dtx *d = container_of(n, struct vs_dtx, node);
		struct vos_dtx_info info = { .id = d->id, .state = d->state, .epoch = d->epoch,
					     .mutations = d->nr, .oid = d->oid, .info = d->info };

		seq = max_u64(seq, d->seq);
		want = fn(arg, &info);
		if (want == VOS_ITER_NEXT || want == VOS_ITER_STOP) {
			a.state = VOS_ANCHOR_INSIDE;
			a.dtx = d->id;
		}
	}
	if (want == VOS_ITER_NEXT)
		a.state = VOS_ANCHOR_END;
	rc = vs_log_wait(c->v, seq);
	if (rc != 0)
		return rc;
	vs_anchor_save(&a, anchor);
	return want == VOS_ITER_STOP || want == VOS_ITER_UNDO ? 0 : want;
}

int vos_dtx_forget(struct vos_cont *cont, uint64_t hlc)
{
	struct vs_cont *c = cont->c;
	uint64_t seq;
	int rc = vs_log_enter(c->v);

	if (rc == 0)
		rc = vs_log_forget(c, hlc, &seq);
	if (rc != 0)
		return rc;
	vs_apply_forget(c, hlc);
	return vs_log_wait(c->v, seq);
}

/* Memory registration in all the shapes that providers ask for. */
#include "transports/ofi/ofi_int.h"

void ofi_mrs_init(struct ofi_mrs *m, struct fid_domain *domain, struct fid_ep *ep, uint64_t mode,
		  size_t key_bytes, uint64_t seed)
{
	*m = (struct ofi_mrs){ .domain = domain, .ep = ep, .mode = mode };
	m->key_mask = key_bytes == 0 || key_bytes >= 8 ? UINT64_MAX : (1ULL << (8 * key_bytes)) - 1;
	prng_seed(&m->keys, seed);
	list_init(&m->pools);
}

/*
 * Keys that we may choose are drawn at random: a peer that was told one key knows nothing of the
 * next. A narrow key space can collide, hence the few attempts.
 */
int ofi_mr_open(struct ofi_mrs *m, void *ptr, size_t bytes, uint64_t access, struct fid_mr **ret_mr)
{
	struct fid_mr *mr = NULL;
	uint64_t key = 0;
	int attempt;
	int rc = 0;

	ASSERT(bytes > 0);
	for (attempt = 0; attempt < 8; attempt++) {
		if ((m->mode & FI_MR_PROV_KEY) == 0)
			key = prng_next(&m->keys) & m->key_mask;
		rc = fi_mr_reg(m->domain, ptr, bytes, access, 0, key, 0, &mr, NULL);
		if (rc != -FI_ENOKEY)
			break;
	}
	if (rc != 0)
		return rc == -FI_ENOMEM ? -DER_NOMEM : -DER_HG;
	if ((m->mode & FI_MR_ENDPOINT) != 0) {
		rc = fi_mr_bind(mr, &m->ep->fid, 0);
		if (rc == 0)
			rc = fi_mr_enable(mr);
		if (rc != 0) {
			ofi_mr_close(mr);
			return -DER_HG;
		}
	}
	*ret_mr = mr;
	return 0;
}

void ofi_mr_close(struct fid_mr *mr)
{
	if (mr != NULL) {
		int rc = fi_close(&mr->fid);

		ASSERT(rc == 0);	/* else a peer could still reach the memory */
	}
}

struct ofi_seg ofi_mr_seg(const struct ofi_mrs *m, struct fid_mr *mr, const void *ptr, size_t bytes)
{
	return (struct ofi_seg){
		.addr = (m->mode & FI_MR_VIRT_ADDR) != 0 ? (uint64_t)(uintptr_t)ptr : 0,
		.bytes = bytes,
		.key = fi_mr_key(mr),
	};
}

int ofi_mr_local(struct ofi_mrs *m, void *ptr, size_t bytes, uint64_t access,
		 struct fid_mr **ret_mr, void **ret_desc)
{
	struct list *pos;
	int rc;

	*ret_mr = NULL;
	*ret_desc = NULL;
	if ((m->mode & FI_MR_LOCAL) == 0)
		return 0;
	list_for_each(pos, &m->pools) {
		struct ofi_pool *p = list_entry(pos, struct ofi_pool, link);
		uintptr_t off = (uintptr_t)ptr - (uintptr_t)p->ptr;

		if (off < p->bytes && bytes <= p->bytes - off) {
			*ret_desc = fi_mr_desc(p->mr);
			return 0;
		}
	}
	rc = ofi_mr_open(m, ptr, bytes, access, ret_mr);
	if (rc == 0)
		*ret_desc = fi_mr_desc(*ret_mr);
	return rc;
}

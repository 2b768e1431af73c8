/* A domain of libfabric that registers nothing and remembers everything; see bare.h. */
#include "transports/ofi/bare.h"
#include "transports/ofi/ofi_int.h"

#include <stdlib.h>

#define KEY_NOT_YET UINT64_MAX	/* what an honest provider says before a registration is enabled */
#define KEY_OWN 0x5100000000000000ull

struct fake_fid_mr {
	struct fid_mr mr;	/* first */
	struct fake_mr *owner;
	uint32_t idx;
};

struct fake_mr {
	struct fid_domain domain;
	struct fi_ops_mr mr_ops;
	struct fi_ops fid_ops;
	struct fid_ep ep;
	struct ofi_mrs mrs;
	uint64_t mode;
	uint32_t fail_keys;
	uint32_t fail_binds;
	uint32_t count;
	struct fake_fid_mr fids[FAKE_REGS];
	struct fake_reg regs[FAKE_REGS];
	struct fid_mr *exposed;
	struct ofi_pool pool;
};

static int fake_close(struct fid *fid)
{
	struct fake_fid_mr *m = container_of(fid, struct fake_fid_mr, mr.fid);

	m->owner->regs[m->idx].closes++;
	return 0;
}

static int fake_bind(struct fid *fid, struct fid *what, uint64_t flags)
{
	struct fake_fid_mr *m = container_of(fid, struct fake_fid_mr, mr.fid);
	struct fake_mr *f = m->owner;

	if (what != &f->ep.fid || flags != 0)
		return -FI_EINVAL;
	if (f->fail_binds > 0) {
		f->fail_binds--;
		return -FI_ENOMEM;
	}
	f->regs[m->idx].binds++;
	return 0;
}

static int fake_control(struct fid *fid, int command, void *arg)
{
	struct fake_fid_mr *m = container_of(fid, struct fake_fid_mr, mr.fid);
	struct fake_reg *r = &m->owner->regs[m->idx];

	(void)arg;
	if (command != FI_ENABLE || r->binds == 0)
		return -FI_EINVAL;
	r->enables++;
	m->mr.key = r->key;
	return 0;
}

static int fake_reg(struct fid *fid, const void *buf, size_t len, uint64_t access, uint64_t offset,
		    uint64_t requested_key, uint64_t flags, struct fid_mr **ret_mr, void *context)
{
	struct fake_mr *f = container_of(fid, struct fake_mr, domain.fid);
	struct fake_fid_mr *m;
	struct fake_reg *r;

	if (offset != 0 || flags != 0 || context != NULL)
		return -FI_EINVAL;
	if (f->fail_keys > 0) {
		f->fail_keys--;
		return -FI_ENOKEY;
	}
	ASSERT(f->count < FAKE_REGS);
	m = &f->fids[f->count];
	r = &f->regs[f->count];
	*r = (struct fake_reg){
		.ptr = buf,
		.bytes = len,
		.remote = (access & (FI_REMOTE_READ | FI_REMOTE_WRITE)) != 0,
		.asked_key = requested_key,
		.key = (f->mode & FI_MR_PROV_KEY) != 0 ? KEY_OWN + f->count : requested_key,
	};
	*m = (struct fake_fid_mr){ .owner = f, .idx = f->count };
	m->mr.fid.ops = &f->fid_ops;
	m->mr.mem_desc = m;
	m->mr.key = (f->mode & FI_MR_ENDPOINT) != 0 ? KEY_NOT_YET : r->key;
	f->count++;
	*ret_mr = &m->mr;
	return 0;
}

struct fake_mr *fake_mr_create(uint32_t bits, size_t key_bytes)
{
	struct fake_mr *f = calloc(1, sizeof(*f));

	ASSERT(f != NULL);
	f->mode = ((bits & FAKE_MR_LOCAL) != 0 ? FI_MR_LOCAL : 0ull) |
		  ((bits & FAKE_MR_VIRT_ADDR) != 0 ? FI_MR_VIRT_ADDR : 0ull) |
		  ((bits & FAKE_MR_PROV_KEY) != 0 ? FI_MR_PROV_KEY : 0ull) |
		  ((bits & FAKE_MR_ENDPOINT) != 0 ? FI_MR_ENDPOINT : 0ull) |
		  ((bits & FAKE_MR_ALLOCATED) != 0 ? FI_MR_ALLOCATED : 0ull);
	f->fid_ops = (struct fi_ops){
		.size = sizeof(f->fid_ops),
		.close = fake_close,
		.bind = fake_bind,
		.control = fake_control,
	};
	f->mr_ops = (struct fi_ops_mr){ .size = sizeof(f->mr_ops), .reg = fake_reg };
	f->domain.mr = &f->mr_ops;
	ofi_mrs_init(&f->mrs, &f->domain, &f->ep, f->mode, key_bytes, 42);
	return f;
}

void fake_mr_destroy(struct fake_mr *f)
{
	free(f);
}

void fake_mr_fail(struct fake_mr *f, uint32_t keys, uint32_t binds)
{
	f->fail_keys = keys;
	f->fail_binds = binds;
}

uint32_t fake_mr_count(const struct fake_mr *f)
{
	return f->count;
}

const struct fake_reg *fake_mr_reg(const struct fake_mr *f, uint32_t idx)
{
	ASSERT(idx < f->count);
	return &f->regs[idx];
}

int fake_mr_expose(struct fake_mr *f, void *ptr, size_t bytes, struct fake_mr_seg *ret_seg)
{
	struct ofi_seg seg;
	int rc;

	rc = ofi_mr_open(&f->mrs, ptr, bytes, FI_REMOTE_READ | FI_REMOTE_WRITE, &f->exposed);
	if (rc != 0)
		return rc;
	seg = ofi_mr_seg(&f->mrs, f->exposed, ptr, bytes);
	*ret_seg = (struct fake_mr_seg){ .addr = seg.addr, .bytes = seg.bytes, .key = seg.key };
	return 0;
}

void fake_mr_unexpose(struct fake_mr *f)
{
	ofi_mr_close(f->exposed);
	f->exposed = NULL;
}

int fake_mr_use(struct fake_mr *f, void *ptr, size_t bytes, void **ret_desc)
{
	struct fid_mr *mr;
	int rc;

	rc = ofi_mr_local(&f->mrs, ptr, bytes, FI_READ, &mr, ret_desc);
	if (rc == 0)
		ofi_mr_close(mr);
	return rc;
}

void *fake_mr_desc(const struct fake_mr *f, uint32_t idx)
{
	ASSERT(idx < f->count);
	return f->fids[idx].mr.mem_desc;
}

int fake_mr_pool(struct fake_mr *f, void *ptr, size_t bytes)
{
	int rc;

	f->pool.ptr = ptr;
	f->pool.bytes = bytes;
	rc = ofi_mr_open(&f->mrs, ptr, bytes, FI_READ | FI_WRITE, &f->pool.mr);
	if (rc == 0)
		list_add(&f->mrs.pools, &f->pool.link);
	return rc;
}

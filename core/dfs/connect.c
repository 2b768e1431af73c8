/* Pool, container and mount in one call. Each connection is one of its own: they are cheap here. */
#include "core/dfs/dfs_int.h"

#include "daos.h"

#include <errno.h>

/* A container whose creator is another process is waited for, until it has its superblock. */
#define WAIT_NS		2000000000ull
#define WAIT_NAP_NS	2000000ull

int dfs_init(void)
{
	return dfs_errno(daos_init());
}

int dfs_fini(void)
{
	return dfs_errno(daos_fini());
}

struct nap_args {
	uint64_t ns;
};

static int nap_fn(struct cl_stream *s, void *args)
{
	struct nap_args *a = args;

	rt_sleep_ns(s->rt, a->ns);
	return 0;
}

/* Open the container, with O_CREAT make it where it is missing. */
static int cont_open(daos_handle_t poh, const char *cont, int flags, dfs_attr_t *attr,
		     daos_handle_t *coh)
{
	unsigned int mode = (flags & O_ACCMODE) == O_RDONLY ? DAOS_COO_RO : DAOS_COO_RW;
	int rc;

	rc = dfs_errno(daos_cont_open2(poh, cont, mode, coh, NULL, NULL));
	if (rc != ENOENT || !(flags & O_CREAT))
		return rc;
	rc = dfs_cont_create_with_label(poh, cont, attr, NULL, NULL, NULL);
	if (rc != 0 && rc != EEXIST)	/* another process was faster: fine */
		return rc;
	return dfs_errno(daos_cont_open2(poh, cont, mode, coh, NULL, NULL));
}

static int mount_wait(daos_handle_t poh, daos_handle_t coh, int flags, dfs_t **dfs)
{
	struct nap_args nap = { .ns = WAIT_NAP_NS };
	uint64_t waited_ns = 0;
	int rc;

	do {
		rc = dfs_mount(poh, coh, flags, dfs);
		if (rc != ENOENT || !(flags & O_CREAT))
			break;
		waited_ns += nap.ns;
	} while (waited_ns < WAIT_NS && cl_call(nap_fn, &nap, sizeof(nap), NULL) == 0);
	return rc;
}

/* @cont: with O_CREAT a label, as the new container gets it. */
int dfs_connect(const char *pool, const char *sys, const char *cont, int flags, dfs_attr_t *attr,
		dfs_t **dfs)
{
	unsigned int mode = (flags & (O_ACCMODE | O_CREAT)) == O_RDONLY ? DAOS_PC_RO : DAOS_PC_RW;
	daos_handle_t poh = DAOS_HDL_INVAL;
	daos_handle_t coh = DAOS_HDL_INVAL;
	int rc;

	if (pool == NULL || cont == NULL || dfs == NULL)
		return EINVAL;
	rc = dfs_errno(daos_pool_connect2(pool, sys, mode, &poh, NULL, NULL));
	if (rc == 0)
		rc = cont_open(poh, cont, flags, attr, &coh);
	if (rc == 0)
		rc = mount_wait(poh, coh, flags, dfs);
	if (rc == 0) {
		(*dfs)->own_handles = true;
		return 0;
	}
	/* The first error is the one to report. */
	if (daos_handle_is_valid(coh))
		(void)daos_cont_close(coh, NULL);
	if (daos_handle_is_valid(poh))
		(void)daos_pool_disconnect(poh, NULL);
	return rc;
}

int dfs_disconnect(dfs_t *dfs)
{
	daos_handle_t poh;
	daos_handle_t coh;
	int rc;
	int rc2;

	if (dfs == NULL || !dfs->own_handles)
		return EINVAL;
	poh = dfs->poh;
	coh = dfs->coh;
	dfs->own_handles = false;
	rc = dfs_umount(dfs);
	rc2 = dfs_errno(daos_cont_close(coh, NULL));
	rc = rc != 0 ? rc : rc2;
	rc2 = dfs_errno(daos_pool_disconnect(poh, NULL));
	return rc != 0 ? rc : rc2;
}

struct destroy_args {
	const char *pool;
	const char *cont;
	int force;
};

static int destroy_fn(struct cl_stream *s, void *args)
{
	struct destroy_args *a = args;
	struct cl_pool *pool;
	int rc;
	int rc2;

	rc = cl_pool_connect(s, a->pool, DAOS_PC_RW, &pool);
	if (rc != 0)
		return dfs_errno(rc);
	rc = cl_cont_destroy(s, pool, a->cont, a->force != 0);
	rc2 = cl_pool_disconnect(s, pool);
	cl_put(s->proc, &pool->ref);
	return dfs_errno(rc != 0 ? rc : rc2);
}

int dfs_destroy(const char *pool, const char *sys, const char *cont, int force, daos_event_t *ev)
{
	struct destroy_args a = { .pool = pool, .cont = cont, .force = force };
	struct process *p = host_self();

	if (p == NULL || pool == NULL || cont == NULL)
		return EINVAL;
	if (sys != NULL && sys[0] != 0 && strcmp(sys, p->host->system(p->host_ctx)) != 0)
		return ENOENT;
	return dfs_errno(cl_call(destroy_fn, &a, sizeof(a), ev));
}

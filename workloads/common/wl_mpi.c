/* Ranks of MPI: on as many machines as mpirun was told. A rank that dies takes all with it: that is
 * mpirun's own rule. */
#include <limits.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "workloads/common/wl_host.h"
#include "workloads/common/wl_launch.h"

static MPI_Comm *comm_of(struct wl_env *env)
{
	return env->ctx;
}

static int mpi_barrier(struct wl_env *env)
{
	return MPI_Barrier(*comm_of(env)) == MPI_SUCCESS ? 0 : -DER_CANCELED;
}

static int mpi_bcast(struct wl_env *env, void *data, size_t bytes, uint32_t root)
{
	int rc;

	ASSERT(bytes <= INT_MAX);
	rc = MPI_Bcast(data, (int)bytes, MPI_BYTE, (int)root, *comm_of(env));
	return rc == MPI_SUCCESS ? 0 : -DER_CANCELED;
}

static int mpi_reduce(struct wl_env *env, enum wl_reduce op, double *v, uint32_t nr)
{
	MPI_Op how = op == WL_SUM ? MPI_SUM : op == WL_MIN ? MPI_MIN : MPI_MAX;
	int rc = MPI_Allreduce(MPI_IN_PLACE, v, (int)nr, MPI_DOUBLE, how, *comm_of(env));

	return rc == MPI_SUCCESS ? 0 : -DER_CANCELED;
}

/* SIGINT and SIGTERM are blocked and looked for: no handler, so no state of the process. */
static bool mpi_stopped(struct wl_env *env)
{
	sigset_t pending;

	(void)env;
	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

static const struct wl_env_ops mpi_ops = {
	.barrier = mpi_barrier,
	.bcast = mpi_bcast,
	.reduce = mpi_reduce,
	.now_ns = wl_host_now_ns,
	.wall_ns = wl_host_wall_ns,
	.alloc = wl_host_alloc,
	.free = wl_host_free,
	.fill = wl_bytes_fill,
	.verify = wl_bytes_verify,
	.write = wl_host_write,
	.stopped = mpi_stopped,
	.var = wl_host_var,
};

bool wl_mpi_started(void)
{
	return wl_host_var(NULL, "PMI_RANK") != NULL || wl_host_var(NULL, "PMIX_RANK") != NULL;
}

static uint32_t ranks_per_node(MPI_Comm comm)
{
	MPI_Comm node;
	int n = 1;

	(void)MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
	(void)MPI_Comm_size(node, &n);
	(void)MPI_Comm_free(&node);
	(void)MPI_Allreduce(MPI_IN_PLACE, &n, 1, MPI_INT, MPI_MAX, comm);
	return (uint32_t)n;
}

int wl_run_mpi(const struct wl_job *job)
{
	int rank = 0, size = 1, argc = job->argc, rc = 0;
	char **argv = job->argv, host[256];
	struct wl_env env = { .ops = &mpi_ops };
	sigset_t mask;
	MPI_Comm comm;

	(void)MPI_Init(&argc, &argv);
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	(void)MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	(void)MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (job->size > (uint32_t)size) {
		if (rank == 0)
			(void)fprintf(stderr, "%s: %u ranks asked for, mpirun started %d\n",
				      job->name, job->size, size);
		(void)MPI_Finalize();
		return 2;
	}
	if (job->size > 0)
		size = (int)job->size;
	(void)MPI_Comm_split(MPI_COMM_WORLD, rank < size ? 0 : MPI_UNDEFINED, rank, &comm);
	if (comm != MPI_COMM_NULL) {
		env.rank = (uint32_t)rank;
		env.size = (uint32_t)size;
		env.node_ranks = ranks_per_node(comm);
		env.spare_bytes = min_u64(WL_SPARE_RANK_BYTES,
					  WL_SPARE_NODE_BYTES / env.node_ranks);
		env.host = wl_host_name(host, sizeof(host));
		env.ctx = &comm;
		rc = job->main(&env, argc, argv);
		(void)MPI_Comm_free(&comm);
	}
	(void)MPI_Finalize();
	return rc;
}

#include "workloads/common/wl_host.h"
#include "workloads/common/wl_launch.h"

#ifndef GEMEL_WL_MPI
bool wl_mpi_started(void)
{
	return false;
}

int wl_run_mpi(const struct wl_job *job)
{
	return wl_run_local(job);
}
#endif

int wl_run(struct wl_job *job)
{
	if (wl_mpi_started())
		return wl_run_mpi(job);
	job->kind = wl_host_var(NULL, "GEMEL_EMBEDDED") != NULL ? WL_THREADS : WL_PROCESSES;
	return wl_run_local(job);
}

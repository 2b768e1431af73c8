/* The program: find out how many ranks, start them where they belong. */
#include <stdio.h>

#include "workloads/common/wl_launch.h"
#include "workloads/ior/ior.h"

int main(int argc, char **argv)
{
	struct wl_job job = { .name = "ior", .main = ior_main, .argc = argc, .argv = argv };
	struct ior_opts opts;
	char why[256];

	/* Under mpirun every process is a rank, and rank 0 explains what is wrong. */
	if (ior_opts_parse(argc, argv, &opts, why, sizeof(why)) == 0) {
		job.size = (uint32_t)opts.tasks;
	} else if (!wl_mpi_started()) {
		(void)fprintf(stderr, "ior: %s\n", why);
		return IOR_EXIT_USAGE;
	}
	return wl_run(&job);
}

/**
 * ior: parallel reads and writes of large files, with the flags and the output of the benchmark of
 * that name. ior_main() is one rank; what the rank runs on is its struct wl_env.
 *
 * Every byte that is written is a function of (who wrote it, where it stands), so that any rank can
 * check any byte without having seen it before. Checking is a phase of its own, which no figure
 * includes; while reading is measured, the ends of each transfer are looked at.
 */
#ifndef GEMEL_WORKLOADS_IOR_IOR_H
#define GEMEL_WORKLOADS_IOR_IOR_H

#include "workloads/common/wl_env.h"

#define IOR_EXIT_FAILED 1	/**< an I/O error, or wrong data */
#define IOR_EXIT_USAGE 2
#define IOR_EXIT_INTERRUPTED 130

struct ior_dfs_opts {
	const char *pool;
	const char *cont;
	const char *group;
	uint64_t chunk_bytes;	/**< 0: the container's */
	const char *oclass;
	const char *dir_oclass;
	const char *prefix;
	bool destroy;
};

/** The command line. Strings are its own, or static. */
struct ior_opts {
	const char *api;
	uint64_t block_bytes;
	uint64_t xfer_bytes;
	uint64_t segments;
	uint64_t repetitions;
	uint64_t tasks;		/**< 0: all there are */
	uint64_t stonewall_s;	/**< 0: none */
	const char *path;
	const char *world;	/**< --result: print the line for scripts; NULL: not */
	uint32_t verbose;
	bool write;
	bool read;
	bool check_write;
	bool check_read;
	bool reorder;
	bool fsync;
	bool keep;
	bool file_per_task;
	bool random;
	bool help;
	struct ior_dfs_opts dfs;
};

/**
 * Read a command line; @argv[0] is skipped. @why gets a sentence that names flag, value and what is
 * expected when it is wrong.
 * Errors: -DER_INVAL.
 */
int ior_opts_parse(int argc, char **argv, struct ior_opts *ret_opts, char *why, size_t cap);

/** Print the flags on standard output of @env. */
void ior_help(struct wl_env *env);

/** One rank. Returns the exit code of the program, the same on all ranks.  Blocks: yes. */
int ior_main(struct wl_env *env, int argc, char **argv);

#endif

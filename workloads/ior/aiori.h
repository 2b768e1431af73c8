/**
 * aiori: what ior needs of a file system. An implementation is a table; a struct aiori is one
 * rank's use of it, a struct aiori_file one open file.
 *
 * Results are 0, a positive errno, or a negative DER_*; aiori_strerror() names both. start(),
 * stop() and an open() of a file that all ranks share are collective: every rank gets an error if
 * one did.
 */
#ifndef GEMEL_WORKLOADS_IOR_AIORI_H
#define GEMEL_WORKLOADS_IOR_AIORI_H

#include "workloads/common/wl_env.h"
#include "workloads/ior/ior.h"

struct aiori;
struct aiori_file;

enum aiori_open_flags {
	AIORI_WRITE = 1,	/**< else for reading only */
	AIORI_CREATE = 2,
	AIORI_SHARED = 4,	/**< all ranks open it, rank 0 creates it */
};

struct aiori_space {
	uint64_t bytes;
	uint64_t free_bytes;
	uint64_t inodes;	/**< 0: not counted */
	uint64_t free_inodes;
};

struct aiori_ops {
	const char *name;
	int (*start)(struct aiori *a);
	/** Also after a start() that failed half-way. */
	void (*stop)(struct aiori *a);
	int (*open)(struct aiori *a, const char *path, uint32_t flags,
		    struct aiori_file **ret_file);
	/** All of it; *ret_bytes is short only at the end of the file. */
	int (*read)(struct aiori *a, struct aiori_file *f, void *buf, uint64_t bytes, uint64_t off,
		    uint64_t *ret_bytes);
	int (*write)(struct aiori *a, struct aiori_file *f, const void *buf, uint64_t bytes,
		     uint64_t off);
	int (*fsync)(struct aiori *a, struct aiori_file *f);
	int (*close)(struct aiori *a, struct aiori_file *f);
	/** A missing file is not an error. */
	int (*remove)(struct aiori *a, const char *path);
	int (*space)(struct aiori *a, const char *path, struct aiori_space *ret_space);
};

struct aiori {
	const struct aiori_ops *ops;
	struct wl_env *env;
	const struct ior_opts *opts;
	void *priv;		/**< the implementation's */
};

extern const struct aiori_ops aiori_posix;
extern const struct aiori_ops aiori_dfs;

/** The implementation called @name, NULL: this program was built without it. */
const struct aiori_ops *aiori_find(const char *name);

/** "ENOSPC (No space left on device)", "DER_NONEXIST (-1005)" into @dst; returns @dst. */
char *aiori_strerror(int rc, char *dst, size_t cap);

/** The worst result of all ranks, on all ranks. */
int aiori_agree(struct wl_env *env, int rc);

#endif

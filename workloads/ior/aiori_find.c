/* On its own, because it alone differs between programs with and without libdfs. */
#include "workloads/ior/aiori.h"

const struct aiori_ops *aiori_find(const char *name)
{
	if (strcmp(name, aiori_posix.name) == 0)
		return &aiori_posix;
#ifdef GEMEL_IOR_DFS
	if (strcmp(name, aiori_dfs.name) == 0)
		return &aiori_dfs;
#endif
	return NULL;
}

#include <stdio.h>

#include "workloads/ior/aiori.h"

char *aiori_strerror(int rc, char *dst, size_t cap)
{
	const char *name = rc > 0 ? strerrorname_np(rc) : NULL;

	if (name != NULL)
		(void)snprintf(dst, cap, "%s (%s)", name, strerrordesc_np(rc));
	else if (rc > 0)
		(void)snprintf(dst, cap, "error %d", rc);
	else
		(void)snprintf(dst, cap, "%s (%d)", err_name(rc), rc);
	return dst;
}

int aiori_agree(struct wl_env *env, int rc)
{
	/* The largest errno, else the DER_* furthest from 0. */
	double v[2] = { rc > 0 ? rc : 0, rc < 0 ? -rc : 0 };
	int rc2 = wl_reduce(env, WL_MAX, v, 2);

	if (rc2 != 0)
		return rc2;
	return v[0] > 0 ? (int)v[0] : -(int)v[1];
}

/** What the implementations on real machines share: memory, clock, output of this process. */
#ifndef GEMEL_WORKLOADS_COMMON_WL_HOST_H
#define GEMEL_WORKLOADS_COMMON_WL_HOST_H

#include "workloads/common/wl_env.h"

/** For prepared data, of one rank and of all on this machine. */
#define WL_SPARE_RANK_BYTES (64u << 20)
#define WL_SPARE_NODE_BYTES (1u << 30)

uint64_t wl_host_now_ns(struct wl_env *env);
uint64_t wl_host_wall_ns(struct wl_env *env);
void *wl_host_alloc(struct wl_env *env, size_t bytes);
void wl_host_free(struct wl_env *env, void *ptr);
void wl_host_write(struct wl_env *env, enum wl_out out, const char *text, size_t len);
const char *wl_host_var(struct wl_env *env, const char *name);

/** Name of this machine into @dst; returns @dst. */
char *wl_host_name(char *dst, size_t cap);

#endif

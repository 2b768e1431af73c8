#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "workloads/common/wl_host.h"

#define PAGE_BYTES 4096u

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts = { 0 };
	int rc = clock_gettime(id, &ts);

	ASSERT(rc == 0);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t wl_host_now_ns(struct wl_env *env)
{
	(void)env;
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t wl_host_wall_ns(struct wl_env *env)
{
	(void)env;
	return clock_ns(CLOCK_REALTIME);
}

void *wl_host_alloc(struct wl_env *env, size_t bytes)
{
	(void)env;
	return aligned_alloc(PAGE_BYTES, align_up(bytes > 0 ? bytes : 1, PAGE_BYTES));
}

void wl_host_free(struct wl_env *env, void *ptr)
{
	(void)env;
	free(ptr);
}

void wl_host_write(struct wl_env *env, enum wl_out out, const char *text, size_t len)
{
	int fd = out == WL_OUT ? STDOUT_FILENO : STDERR_FILENO;
	ssize_t n;

	(void)env;
	if (out == WL_TTY && isatty(fd) != 1)
		return;
	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return;		/* nobody reads: a benchmark goes on */
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

const char *wl_host_var(struct wl_env *env, const char *name)
{
	(void)env;
	return getenv(name);
}

char *wl_host_name(char *dst, size_t cap)
{
	if (gethostname(dst, cap) != 0)
		dst[0] = '\0';
	dst[cap - 1] = '\0';
	return dst;
}

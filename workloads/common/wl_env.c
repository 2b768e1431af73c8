/* The parts of an env that all implementations share. */
#include <stdarg.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "workloads/common/wl_env.h"

#define LINE_BYTES 1024u
#define CHECK_BYTES 1024u
#define BAR_CELLS 30u
#define BAR_NS 100000000u

void wl_printf(struct wl_env *env, enum wl_out out, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len > 0)
		env->ops->write(env, out, line, min_u64((uint64_t)len, sizeof(line) - 1));
}

void wl_bytes_fill(struct wl_env *env, void *ptr, size_t bytes, uint64_t gen, uint64_t start)
{
	(void)env;
	gen_fill(gen, start, ptr, bytes);
}

uint64_t wl_bytes_verify(struct wl_env *env, const void *ptr, size_t bytes, uint64_t gen,
			 uint64_t start, uint64_t *ret_first)
{
	const uint8_t *got = ptr;
	uint8_t want[CHECK_BYTES];
	uint64_t wrong = 0, at, i, part;

	(void)env;
	for (at = 0; at < bytes; at += part) {
		part = min_u64(bytes - at, sizeof(want));
		gen_fill(gen, start + at, want, part);
		if (memcmp(got + at, want, part) == 0)
			continue;
		for (i = 0; i < part; i++) {
			if (got[at + i] == want[i])
				continue;
			if (wrong++ == 0)
				*ret_first = at + i;
		}
	}
	return wrong;
}

void wl_progress(struct wl_env *env, struct wl_progress *p, const char *what, uint64_t done,
		 uint64_t total)
{
	static const char marks[] = "##############################";
	static const char dots[] = "..............................";
	uint64_t now = wl_now_ns(env);
	int full;

	if (total == 0 || (p->on_line && now - p->shown_ns < BAR_NS && done < total))
		return;
	full = (int)(done * BAR_CELLS / total);
	wl_printf(env, WL_TTY, "\r%-6s [%.*s%.*s] %3u%%", what, full, marks, (int)BAR_CELLS - full,
		  dots, (unsigned int)(done * 100 / total));
	p->shown_ns = now;
	p->on_line = true;
}

void wl_progress_end(struct wl_env *env, struct wl_progress *p)
{
	if (p->on_line)
		wl_printf(env, WL_TTY, "\r%60s\r", "");
	p->on_line = false;
}

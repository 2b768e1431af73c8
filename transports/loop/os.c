/* Clock, memory, entropy and log of streams on a real machine. */
#include "transports/loop/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);

	ASSERT(rc == 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t os_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t os_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

static uint64_t time_now_ns(void *ctx)
{
	(void)ctx;
	return os_mono_ns();
}

static uint64_t time_wall_ns(void *ctx)
{
	(void)ctx;
	return os_wall_ns();
}

const struct rt_time_ops os_time_ops = {
	.now_ns = time_now_ns,
	.wall_ns = time_wall_ns,
};

static void *misc_alloc(void *ctx, size_t bytes, size_t align)
{
	struct os_misc *m = ctx;

	return arena_alloc(&m->arena, bytes, align);
}

static void misc_free(void *ctx, void *ptr)
{
	struct os_misc *m = ctx;

	(void)m;
	arena_free(&m->arena, ptr);
}

static void misc_entropy(void *ctx, void *dst, size_t bytes)
{
	struct os_misc *m = ctx;
	uint8_t *p = dst;

	if (m->opts.flags & OS_SEEDED) {
		prng_fill(&m->prng, dst, bytes);
		return;
	}
	while (bytes > 0) {
		ssize_t n = getrandom(p, bytes, 0);

		ASSERT(n > 0 || errno == EINTR);
		if (n > 0) {
			p += n;
			bytes -= (size_t)n;
		}
	}
}

static char *put_digits(char *p, uint64_t v, uint32_t width)
{
	for (uint32_t i = width; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

/* "2031-02-03T04:05:06.123456Z W " by hand: printf needs more stack than a ULT should give. */
static size_t stamp_format(uint64_t wall_ns, enum rt_level level, char *buf)
{
	static const char letters[] = "?EWID";
	time_t sec = (time_t)(wall_ns / 1000000000u);
	struct tm tm;
	char *p = buf;

	if (gmtime_r(&sec, &tm) == NULL)
		tm = (struct tm){ 0 };
	p = put_digits(p, (uint64_t)tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_digits(p, (uint64_t)tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_digits(p, (uint64_t)tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, (uint64_t)tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, (uint64_t)tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, (uint64_t)tm.tm_sec, 2);
	*p++ = '.';
	p = put_digits(p, wall_ns % 1000000000u / 1000u, 6);
	*p++ = 'Z';
	*p++ = ' ';
	*p++ = (uint32_t)level < sizeof(letters) - 1 ? letters[level] : '?';
	*p++ = ' ';
	return (size_t)(p - buf);
}

static void misc_log(void *ctx, enum rt_level level, const char *line)
{
	struct os_misc *m = ctx;
	const struct rt_time_ops *t = m->opts.time;
	char stamp[40];
	char space[] = " ", newline[] = "\n";
	size_t tag_bytes = strlen(m->tag);
	struct iovec iov[5] = {
		{ stamp, 0 },
		{ m->tag, tag_bytes },
		{ space, tag_bytes > 0 ? 1 : 0 },
		{ (void *)(uintptr_t)line, strlen(line) },
		{ newline, 1 },
	};
	ssize_t n;

	iov[0].iov_len = stamp_format(t != NULL ? t->wall_ns(m->opts.time_ctx) : os_wall_ns(),
				      level, stamp);
	/* One call per line, so that lines of several streams do not mix. A log that cannot be
	 * written is lost; there is nowhere to say so. */
	n = writev(m->opts.log_fd == 0 ? STDERR_FILENO : m->opts.log_fd, iov, ARRAY_COUNT(iov));
	(void)n;
}

static void misc_charge(void *ctx, enum rt_cost kind, uint64_t units)
{
	(void)ctx;
	(void)kind;
	(void)units;
}

const struct rt_misc_ops os_misc_ops = {
	.alloc = misc_alloc,
	.free = misc_free,
	.entropy = misc_entropy,
	.log = misc_log,
	.charge = misc_charge,
};

void os_misc_init(struct os_misc *m, const struct os_misc_opts *opts)
{
	*m = (struct os_misc){ 0 };
	if (opts != NULL)
		m->opts = *opts;
	arena_init(&m->arena);
	prng_seed(&m->prng, m->opts.seed);
	if (m->opts.log_tag != NULL) {
		size_t bytes = strnlen(m->opts.log_tag, sizeof(m->tag) - 1);

		memcpy(m->tag, m->opts.log_tag, bytes);
	}
	m->opts.log_tag = m->tag;
}

uint64_t os_misc_fini(struct os_misc *m)
{
	uint64_t leaked = m->arena.count;

	arena_drop(&m->arena);
	return leaked;
}

int os_log_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_from_errno(errno);
	*ret_fd = fd;
	return 0;
}

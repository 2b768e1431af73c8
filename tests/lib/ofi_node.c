#include "tests/lib/ofi_node.h"

#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static uint64_t node_now(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *node_alloc(void *ctx, size_t bytes, size_t align)
{
	struct ofi_node *n = ctx;

	return arena_alloc(&n->arena, bytes, align);
}

static void node_free(void *ctx, void *ptr)
{
	struct ofi_node *n = ctx;

	arena_free(&n->arena, ptr);
}

static void node_entropy(void *ctx, void *dst, size_t bytes)
{
	(void)ctx;
	ASSERT(getrandom(dst, bytes, 0) == (ssize_t)bytes);
}

static void node_log(void *ctx, enum rt_level level, const char *line)
{
	struct ofi_node *n = ctx;

	snprintf(n->last_log, sizeof(n->last_log), "%s", line);
	if (!n->quiet && level <= RT_LOG_WARN)
		fprintf(stderr, "%s\n", line);
}

static void node_charge(void *ctx, enum rt_cost kind, uint64_t units)
{
	(void)ctx;
	(void)kind;
	(void)units;
}

static const struct rt_time_ops node_time = { .now_ns = node_now, .wall_ns = node_now };
static const struct rt_misc_ops node_misc = {
	.alloc = node_alloc,
	.free = node_free,
	.entropy = node_entropy,
	.log = node_log,
	.charge = node_charge,
};

int ofi_node_open(struct ofi_node *n, const struct ofi_opts *opts)
{
	struct ofi_opts full = *opts;
	struct rt_opts rt_opts = { .id = 1 };
	uint64_t fail_at = n->arena.fail_at;
	int rc;

	arena_init(&n->arena);
	n->arena.fail_at = fail_at;
	full.misc = &node_misc;
	full.misc_ctx = n;
	rc = ofi_open(&full, &n->rt, &n->ofi);
	if (rc != 0)
		return rc;
	n->ops = (struct rt_ops){
		.time = &node_time,
		.net = &ofi_net_ops,
		.misc = &node_misc,
		.net_ctx = n->ofi,
		.misc_ctx = n,
	};
	n->stacks = ult_stacks_create(65536);
	ASSERT(n->stacks != NULL);
	rt_opts.stacks = n->stacks;
	rt_init(&n->rt, &n->ops, &rt_opts);
	return 0;
}

uint64_t ofi_node_close(struct ofi_node *n)
{
	uint64_t left;

	if (n->ofi != NULL) {
		ofi_stop(n->ofi);
		rt_fini(&n->rt);
		ofi_close(n->ofi);
		ult_stacks_destroy(n->stacks);
	}
	left = n->arena.count;
	arena_drop(&n->arena);
	n->ofi = NULL;
	return left;
}

int ofi_node_step(struct ofi_node *n)
{
	int did = (int)rt_run(&n->rt, 0);

	return did + ofi_poll(n->ofi);
}

void ofi_node_sleep(struct ofi_node *n, uint64_t max_ns)
{
	uint64_t next = rt_next_ns(&n->rt);
	struct pollfd pfd = { .fd = ofi_fd(n->ofi), .events = POLLIN };
	struct timespec ts;
	uint64_t now = node_now(n);

	if (ofi_arm(n->ofi) != 0)
		return;
	if (next != RT_NEVER)
		max_ns = min_u64(max_ns, next > now ? next - now : 0);
	if (pfd.fd < 0)
		max_ns = min_u64(max_ns, 50000);
	ts = (struct timespec){ .tv_sec = (time_t)(max_ns / 1000000000u),
				.tv_nsec = (long)(max_ns % 1000000000u) };
	(void)ppoll(&pfd, pfd.fd >= 0 ? 1 : 0, &ts, NULL);
}

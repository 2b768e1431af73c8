/**
 * What the tests of transports/uring share: a world of one ring and one device, with memory from an
 * arena, driven as a stream's loop drives it.
 */
#ifndef GEMEL_TESTS_UNIT_URING_WORLD_H
#define GEMEL_TESTS_UNIT_URING_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/prng.h"
#include "transports/uring/uring_int.h"

#define MIB (1u << 20)
#define PAGE 4096u

/* Also for forked children, where a failed assertion of cmocka would run the tests that follow. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		bool true_ = (cond);                                                               \
		if (!true_ && in_child)                                                            \
			_exit(99);                                                                 \
		assert_true(true_);                                                                \
	} while (0)

static bool in_child;
static char dir[64];	/* of this program, on the disk that the tests are built on */

/* ---- a world: memory from an arena, one ring, one device ---------------------------------- */

struct world {
	struct arena arena;
	struct rt_ops ops;
	struct uring *u;
	struct rt_dev *dev;
	char path[128];
};

static inline void *misc_alloc(void *ctx, size_t bytes, size_t align)
{
	return arena_alloc(ctx, bytes, align);
}

static inline void misc_free(void *ctx, void *ptr)
{
	arena_free(ctx, ptr);
}

static const struct rt_misc_ops misc = { .alloc = misc_alloc, .free = misc_free };

static inline int world_make(struct world *w, const struct uring_opts *opts)
{
	arena_init(&w->arena);
	w->ops = (struct rt_ops){ .misc = &misc, .misc_ctx = &w->arena };
	w->u = NULL;
	w->dev = NULL;
	snprintf(w->path, sizeof(w->path), "%s/dev", dir);
	return uring_create(&w->ops, opts, &w->u);
}

static inline int dev_open(struct world *w, uint64_t bytes, uint32_t flags)
{
	return w->ops.blk->dev_open(w->ops.blk_ctx, w->path, bytes, flags, &w->dev);
}

static inline void dev_close(struct world *w)
{
	w->ops.blk->dev_close(w->ops.blk_ctx, w->dev);
	w->dev = NULL;
}

static inline void world_open(struct world *w, const struct uring_opts *opts, uint64_t bytes)
{
	CHECK(world_make(w, opts) == 0);
	uring_bind(w->u, &w->ops);
	(void)unlink(w->path);
	CHECK(dev_open(w, bytes, RT_DEV_CREATE) == 0);
}

static inline void world_close(struct world *w)
{
	if (w->dev != NULL)
		dev_close(w);
	uring_destroy(w->u);
	assert_int_equal(w->arena.count, 0);
	(void)unlink(w->path);
}

struct op {
	struct rt_io io;
	struct bseg seg;
	int rc;
	int runs;
	uint64_t order;		/* its place among all completions */
	bool submitting;
};

static uint64_t op_order;	/* completions of all operations */

static inline void op_done(struct rt_io *io, int rc)
{
	struct op *op = container_of(io, struct op, io);

	CHECK(!op->submitting);
	op->rc = rc;
	op->runs++;
	op->order = ++op_order;
}

static inline int op_submit(struct world *w, struct op *op)
{
	int rc;

	op->io.dev = w->dev;
	op->io.done = op_done;
	op->runs = 0;
	op->submitting = true;
	rc = w->ops.blk->submit(w->ops.blk_ctx, &op->io);
	op->submitting = false;
	return rc;
}

static inline int op_start(struct world *w, struct op *op, enum rt_io_op kind, uint64_t off,
			   void *ptr, uint64_t bytes)
{
	op->io.op = kind;
	op->io.off = off;
	op->io.buf = buf_from_bytes(&op->seg, ptr, bytes);
	return op_submit(w, op);
}

/* Poll as a stream's loop does, sleeping on the fd whenever the ring says that it may. */
static inline void turn(struct world *w)
{
	struct pollfd pfd = { .fd = uring_fd(w->u), .events = POLLIN };

	if (uring_poll(w->u) == 0 && uring_arm(w->u))
		CHECK(poll(&pfd, 1, 10000) == 1);
}

static inline int op_wait(struct world *w, struct op *op)
{
	while (op->runs == 0)
		turn(w);
	CHECK(op->runs == 1);
	return op->rc;
}

static inline int op_run(struct world *w, enum rt_io_op kind, uint64_t off, void *ptr,
			 uint64_t bytes)
{
	struct op op = { 0 };
	int rc = op_start(w, &op, kind, off, ptr, bytes);

	return rc != 0 ? rc : op_wait(w, &op);
}

static inline void *pages(size_t bytes)
{
	void *ptr = aligned_alloc(PAGE, bytes);

	CHECK(ptr != NULL);
	return ptr;
}

static inline struct uring_stats stats(struct world *w)
{
	struct uring_stats st;

	uring_query(w->u, &st);
	return st;
}

static inline struct uring_dev_info info(struct world *w)
{
	struct uring_dev_info in;

	uring_dev_query(w->dev, &in);
	return in;
}

/* Transfers from and to 8 pages of @mem; those from registered memory are counted. */
static inline void registered_io(struct world *w, char *mem, bool expect_fixed)
{
	uint64_t fixed = stats(w).fixed;

	gen_fill(6, 0, mem, 8 * PAGE);
	CHECK(op_run(w, RT_IO_WRITE, 0, mem, 4 * PAGE) == 0);
	CHECK(op_run(w, RT_IO_READ, 0, mem + 4 * PAGE, 4 * PAGE) == 0);
	CHECK(memcmp(mem, mem + 4 * PAGE, 4 * PAGE) == 0);
	CHECK(stats(w).fixed - fixed == (expect_fixed ? 2 : 0));
}

static inline int dir_make(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "uring.XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static inline int dir_remove(void **state)
{
	(void)state;
	return rmdir(dir);
}

#endif

/**
 * Internals of user-level threads: the control block, which lives at the top of its own stack, and
 * the switch, which is Boost.Context's assembly called through its C entry points.
 */
#ifndef GEMEL_RT_ULT_INT_H
#define GEMEL_RT_ULT_INT_H

#include "core/rt/rt_drive.h"

/* Boost.Context 1.74: the C ABI of its assembly; the library ships no C header for it. */
struct fctx_transfer {
	void *fctx;
	void *data;
};

struct fctx_transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack_top, size_t bytes, void (*fn)(struct fctx_transfer t));

struct ult {
	struct list link;	/**< in rt->ready or in a wait queue */
	struct list all;	/**< in rt->ults */
	void *fctx;
	struct rt *rt;
	void (*fn)(void *arg);
	void *arg;
	const char *name;
	void *process;
	struct rt_waitq *waitq;	/**< parked on it, else NULL */
	struct rt_timer timer;	/**< deadline of the park */
	int wake_rc;
	uint32_t stack_bytes;
	char *stack;		/**< lowest address */
	bool finished;
	void *san_fake_stack;
	void *tsan_fiber;
};

/** A stack of at least @bytes, or NULL. *ret_bytes is its true size. */
char *ult_stack_get(struct ult_stacks *s, uint32_t bytes, uint32_t *ret_bytes);
void ult_stack_put(struct ult_stacks *s, char *stack, uint32_t bytes);

/** ASan's fake frames and redzones need room; sizes are multiplied by this. */
#ifdef BASE_ASAN
#define ULT_STACK_FACTOR 4u
#else
#define ULT_STACK_FACTOR 1u
#endif

#endif

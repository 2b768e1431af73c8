/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Atomic variables: ATOMIC marks them, the macros below use them with a stated order. In C they are
 * _Atomic, so that <stdatomic.h> works on them too; in C++, where that does not exist, plain
 * variables accessed by compiler built-ins.
 */
#ifndef GURT_ATOMIC_H
#define GURT_ATOMIC_H

#ifdef __cplusplus

#define ATOMIC
#define atomic_load_relaxed(ptr)		__atomic_load_n(ptr, __ATOMIC_RELAXED)
#define atomic_load_consume(ptr)		__atomic_load_n(ptr, __ATOMIC_CONSUME)
#define atomic_store_relaxed(ptr, val)		__atomic_store_n(ptr, val, __ATOMIC_RELAXED)
#define atomic_store_release(ptr, val)		__atomic_store_n(ptr, val, __ATOMIC_RELEASE)
#define atomic_fetch_add_relaxed(ptr, val)	__atomic_fetch_add(ptr, val, __ATOMIC_RELAXED)
#define atomic_fetch_sub_relaxed(ptr, val)	__atomic_fetch_sub(ptr, val, __ATOMIC_RELAXED)
#define atomic_add_fetch_(ptr, val)		__atomic_add_fetch(ptr, val, __ATOMIC_RELAXED)
#define atomic_sub_fetch_(ptr, val)		__atomic_sub_fetch(ptr, val, __ATOMIC_RELEASE)
/** If *ptr is @oldvar, make it @newvar; else load it into @oldvar. Was it? */
#define atomic_compare_exchange(ptr, oldvar, newvar)				\
	__atomic_compare_exchange_n(ptr, &(oldvar), newvar, 0,			\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#else

#include <stdatomic.h>

#define ATOMIC				_Atomic
#define atomic_load_relaxed(ptr)	atomic_load_explicit(ptr, memory_order_relaxed)
#define atomic_load_consume(ptr)	atomic_load_explicit(ptr, memory_order_consume)
#define atomic_store_relaxed(ptr, val)	atomic_store_explicit(ptr, val, memory_order_relaxed)
#define atomic_store_release(ptr, val)	atomic_store_explicit(ptr, val, memory_order_release)
#define atomic_fetch_add_relaxed(ptr, val)	\
	atomic_fetch_add_explicit(ptr, val, memory_order_relaxed)
#define atomic_fetch_sub_relaxed(ptr, val)	\
	atomic_fetch_sub_explicit(ptr, val, memory_order_relaxed)
#define atomic_add_fetch_(ptr, val)	\
	(atomic_fetch_add_explicit(ptr, val, memory_order_relaxed) + (val))
#define atomic_sub_fetch_(ptr, val)	\
	(atomic_fetch_sub_explicit(ptr, val, memory_order_release) - (val))
/** If *ptr is @oldvar, make it @newvar; else load it into @oldvar. Was it? */
#define atomic_compare_exchange(ptr, oldvar, newvar)	\
	atomic_compare_exchange_strong(ptr, &(oldvar), newvar)

#endif

/** Count up and down, as with references: the new value, the former value. */
#define atomic_inc_relaxed(ptr)		atomic_add_fetch_(ptr, 1)
#define atomic_dec_release(ptr)		atomic_sub_fetch_(ptr, 1)

#endif /* GURT_ATOMIC_H */

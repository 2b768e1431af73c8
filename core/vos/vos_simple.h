/**
 * The simple body of vos.h under names of its own, to stand beside another body as its oracle. It
 * is the library vos_simple, the same sources compiled with vos_simple_names.h in front:
 * vos_open() becomes vos_simple_open(), and so on. A program that links both includes this header
 * and calls either; their handles (struct vos, …) are not each other's.
 *
 * A test that compares fills a table of its own from VOS_CALLS(), once with each prefix.
 */
#ifndef GEMEL_VOS_SIMPLE_H
#define GEMEL_VOS_SIMPLE_H

#include "core/vos/vos.h"

/** Every function of vos.h, without its prefix. */
#define VOS_CALLS(X)                                                                               \
	X(format) X(open) X(close) X(sync) X(query) X(gc) X(cont_create) X(cont_destroy)           \
	X(cont_open) X(cont_close) X(cont_query) X(cont_list) X(update) X(update_begin)            \
	X(update_buf) X(update_end) X(punch_obj) X(punch_dkey) X(punch_akeys) X(fetch)             \
	X(fetch_begin) X(fetch_got) X(fetch_end) X(iterate) X(key_hash) X(query_key)               \
	X(obj_epoch_max) X(snapshots_set) X(snapshots_get) X(aggregate) X(discard)                 \
	X(dtx_commit) X(dtx_abort) X(dtx_status) X(dtx_list) X(dtx_forget)

#define VOS_SIMPLE_CALL(name) extern __typeof__(vos_##name) vos_simple_##name;
VOS_CALLS(VOS_SIMPLE_CALL)
#undef VOS_SIMPLE_CALL

#endif

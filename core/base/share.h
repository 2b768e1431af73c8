/**
 * Immutable blocks that the nodes of one world share: map versions, class tables, profiles. Many nodes
 * in one process would each hold the same bytes; here the bytes exist once, found by their hash and
 * compared in full.
 *
 * References are counted per holder (a node, or a process), so that a holder that crashes in
 * simulation drops all of its references at once. Not thread-safe: a table belongs to the streams of
 * one thread.
 */
#ifndef GEMEL_BASE_SHARE_H
#define GEMEL_BASE_SHARE_H

#include "core/base/list.h"

struct share_table;

/** Who holds references. Its owner's memory, initialised before use. */
struct share_holder {
	struct list refs;
};

void share_holder_init(struct share_holder *h);

/** NULL: no memory. */
struct share_table *share_table_create(void);

/** Every holder has given back or dropped its references (asserted). NULL is accepted. */
void share_table_destroy(struct share_table *t);

/** The block that equals the @bytes at @data, made if there is none; one more reference of @h. It is
 * aligned to 16 and must not be written to. NULL: no memory. */
const void *share_get(struct share_table *t, struct share_holder *h, const void *data,
		      size_t bytes);

/** Give back one reference of @h. NULL is accepted. */
void share_put(struct share_table *t, struct share_holder *h, const void *shared);

/** Give back all references of @h, which may be reused. */
void share_drop(struct share_table *t, struct share_holder *h);

/** Bytes of content held, each block counted once. */
size_t share_bytes(const struct share_table *t);

#endif

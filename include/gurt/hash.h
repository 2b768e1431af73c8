/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Hash tables of records that the caller allocates: a record embeds a link (d_list_t), and a table
 * of operations tells the hash table how to compare, hash, reference and free it.
 *
 * References: a table without D_HASH_FT_EPHEMERAL holds one reference on each record it contains,
 * taken by insert and given back by delete. With it the table holds none, and a record leaves the
 * table when its last reference goes. Finding a record always takes a reference for the caller,
 * who returns it by d_hash_rec_decref(). Without hop_rec_addref and hop_rec_decref nothing is
 * counted.
 *
 * Locking: none with D_HASH_FT_NOLOCK, else _MUTEX, _RWLOCK, or a spin lock; one per bucket if
 * hop_rec_hash is given, for the whole table otherwise or with D_HASH_FT_GLOCK. hop_rec_free is
 * called without lock, all other operations and the callback of a traversal with it, so they must
 * not use the table. Under D_HASH_FT_RWLOCK, references are counted by several readers at once:
 * addref and decref must be atomic.
 * No function blocks, except for the locks.
 */
#ifndef GURT_HASH_H
#define GURT_HASH_H

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>

#include <gurt/atomic.h>
#include <gurt/list.h>
#include <gurt/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct d_hash_table;

/** What a table must know about its records. Only hop_key_cmp must be there. */
typedef struct {
	/** does the record have this key? */
	bool (*hop_key_cmp)(struct d_hash_table *htable, d_list_t *link, const void *key,
			    unsigned int ksize);
	/** make up a key for a record; for d_hash_rec_insert_anonym() */
	void		(*hop_key_init)(struct d_hash_table *htable, d_list_t *link, void *arg);
	/** hash of a key; if not there, d_hash_string_u32() of its bytes */
	uint32_t (*hop_key_hash)(struct d_hash_table *htable, const void *key, unsigned int ksize);
	/** hash of a record's key, equal to that of hop_key_hash; for locks per bucket */
	uint32_t	(*hop_rec_hash)(struct d_hash_table *htable, d_list_t *link);
	/** take a reference */
	void		(*hop_rec_addref)(struct d_hash_table *htable, d_list_t *link);
	/** give a reference back; was it the last one and is the record to be freed? */
	bool		(*hop_rec_decref)(struct d_hash_table *htable, d_list_t *link);
	/** give several back: 1 if the last one went, 0 if not, -DER_* if there were too few */
	int (*hop_rec_ndecref)(struct d_hash_table *htable, d_list_t *link, int count);
	/** free a record that is in the table no more */
	void		(*hop_rec_free)(struct d_hash_table *htable, d_list_t *link);
} d_hash_table_ops_t;

enum d_hash_feats {
	/** no lock: one thread, or the caller locks */
	D_HASH_FT_NOLOCK	= 1 << 0,
	D_HASH_FT_MUTEX		= 1 << 1,
	D_HASH_FT_RWLOCK	= 1 << 2,
	/** the table holds no references, see above */
	D_HASH_FT_EPHEMERAL	= 1 << 3,
	/** a record that is found moves to the front of its bucket */
	D_HASH_FT_LRU		= 1 << 4,
	/** one lock for the whole table */
	D_HASH_FT_GLOCK		= 1 << 15,
};

union d_hash_lock {
	pthread_spinlock_t	spin;
	pthread_mutex_t		mutex;
	pthread_rwlock_t	rwlock;
};

struct d_hash_bucket {
	d_list_t	hb_head;
};

/** A table. Only @ht_priv is of interest to the caller. */
struct d_hash_table {
	union d_hash_lock	 ht_lock;
	/** the table has 2^ht_bits buckets */
	uint32_t		 ht_bits;
	uint32_t		 ht_feats;
	void			*ht_priv;
	d_hash_table_ops_t	*ht_ops;
	struct d_hash_bucket	*ht_buckets;
	/** locks per bucket, or NULL */
	union d_hash_lock	*ht_locks;
};

/**
 * Create a table of 2^@bits buckets. @hops must outlive it. Destroy with d_hash_table_destroy().
 * Errors: -DER_INVAL (no hop_key_cmp, more than 31 bits), -DER_NOMEM.
 */
int d_hash_table_create(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
			struct d_hash_table **htable_pp);

/** The same in the caller's memory, with d_hash_table_destroy_inplace() for its end. */
int d_hash_table_create_inplace(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
				struct d_hash_table *htable);

/** Called per record; not 0 ends the traversal. */
typedef int (*d_hash_traverse_cb_t)(d_list_t *link, void *arg);

/**
 * Call @cb for every record, in no useful order. Returns what @cb returned last.
 * Errors: -DER_INVAL (@cb is NULL), -DER_UNINIT (no table).
 */
int d_hash_table_traverse(struct d_hash_table *htable, d_hash_traverse_cb_t cb, void *arg);

/**
 * Destroy a table. @force: delete the records it contains first.
 * Errors: -DER_BUSY (not empty and not forced; the table lives on).
 */
int d_hash_table_destroy(struct d_hash_table *htable, bool force);
int d_hash_table_destroy_inplace(struct d_hash_table *htable, bool force);

/** The record with @key, with a reference for the caller; NULL if there is none. */
d_list_t *d_hash_rec_find(struct d_hash_table *htable, const void *key, unsigned int ksize);

/**
 * The record with @key, with a reference for the caller; if there is none, insert @link under
 * @key and return it, without a reference for the caller.
 */
d_list_t *d_hash_rec_find_insert(struct d_hash_table *htable, const void *key, unsigned int ksize,
				 d_list_t *link);

/**
 * Insert a record. @exclusive: only if the key is not there yet.
 * Errors: -DER_INVAL (no key), -DER_EXIST (exclusive and there).
 */
int d_hash_rec_insert(struct d_hash_table *htable, const void *key, unsigned int ksize,
		      d_list_t *link, bool exclusive);

/**
 * Let hop_key_init make up a key, from @arg, and insert the record. One at a time per table.
 * Errors: -DER_INVAL (no hop_key_init, or no hop_rec_hash).
 */
int d_hash_rec_insert_anonym(struct d_hash_table *htable, d_list_t *link, void *arg);

/** Take a record out of the table. Was it in? */
bool d_hash_rec_delete(struct d_hash_table *htable, const void *key, unsigned int ksize);
bool d_hash_rec_delete_at(struct d_hash_table *htable, d_list_t *link);

/** Move a record to the end of its bucket; for D_HASH_FT_LRU only. Was it in? */
bool d_hash_rec_evict(struct d_hash_table *htable, const void *key, unsigned int ksize);
bool d_hash_rec_evict_at(struct d_hash_table *htable, d_list_t *link);

/** Take a reference. */
void d_hash_rec_addref(struct d_hash_table *htable, d_list_t *link);

/**
 * Give a reference back. If it was the last, the record is freed, with D_HASH_FT_EPHEMERAL after
 * leaving the table; without, it must have left the table before.
 */
void d_hash_rec_decref(struct d_hash_table *htable, d_list_t *link);

/** Give several references back.  Errors: -DER_INVAL (there were fewer). */
int d_hash_rec_ndecref(struct d_hash_table *htable, int count, d_list_t *link);

/**
 * Is the record in no table? True only for links that were initialised or deleted. Takes no lock:
 * the caller knows that nobody changes the table meanwhile.
 */
bool d_hash_rec_unlinked(d_list_t *link);

/** Any record of the table, without a reference for the caller; NULL if it is empty. */
d_list_t *d_hash_rec_first(struct d_hash_table *htable);

/** Write number of records and longest bucket to the log. */
void d_hash_table_debug(struct d_hash_table *htable);

#ifdef __cplusplus
}
#endif

#endif /* GURT_HASH_H */

/*
 * The hash table of gurt/hash.h: an array of lists. A record's bucket follows from the hash of its
 * key; with locks per bucket, operations that are given only the record ask it for that hash. The
 * record's operations run under the lock, except that freeing waits until it is dropped.
 */
#include "lib/gurt/gurt_int.h"

#define HASH_BITS_MAX	31

static int lock_init(uint32_t feats, union d_hash_lock *lock)
{
	if (feats & D_HASH_FT_NOLOCK)
		return 0;
	if (feats & D_HASH_FT_MUTEX)
		return D_MUTEX_INIT(&lock->mutex, NULL);
	if (feats & D_HASH_FT_RWLOCK)
		return D_RWLOCK_INIT(&lock->rwlock, NULL);
	return D_SPIN_INIT(&lock->spin, PTHREAD_PROCESS_PRIVATE);
}

static void lock_fini(uint32_t feats, union d_hash_lock *lock)
{
	int rc = 0;

	if (feats & D_HASH_FT_NOLOCK)
		return;
	if (feats & D_HASH_FT_MUTEX)
		rc = pthread_mutex_destroy(&lock->mutex);
	else if (feats & D_HASH_FT_RWLOCK)
		rc = pthread_rwlock_destroy(&lock->rwlock);
	else
		rc = pthread_spin_destroy(&lock->spin);
	D_ASSERT(rc == 0);
}

static void lock_take(uint32_t feats, union d_hash_lock *lock, bool write)
{
	int rc = 0;

	if (feats & D_HASH_FT_NOLOCK)
		return;
	if (feats & D_HASH_FT_MUTEX)
		rc = pthread_mutex_lock(&lock->mutex);
	else if (!(feats & D_HASH_FT_RWLOCK))
		rc = pthread_spin_lock(&lock->spin);
	else if (write)
		rc = pthread_rwlock_wrlock(&lock->rwlock);
	else
		rc = pthread_rwlock_rdlock(&lock->rwlock);
	D_ASSERT(rc == 0);
}

static void lock_drop(uint32_t feats, union d_hash_lock *lock)
{
	int rc = 0;

	if (feats & D_HASH_FT_NOLOCK)
		return;
	if (feats & D_HASH_FT_MUTEX)
		rc = pthread_mutex_unlock(&lock->mutex);
	else if (feats & D_HASH_FT_RWLOCK)
		rc = pthread_rwlock_unlock(&lock->rwlock);
	else
		rc = pthread_spin_unlock(&lock->spin);
	D_ASSERT(rc == 0);
}

static uint32_t bucket_count(const struct d_hash_table *ht)
{
	return 1U << ht->ht_bits;
}

/* The lock of a bucket. NOLOCK tables have none, and the functions above do not look at it. */
static union d_hash_lock *bucket_lock_of(struct d_hash_table *ht, uint32_t idx)
{
	return ht->ht_locks != NULL ? &ht->ht_locks[idx] : &ht->ht_lock;
}

static void bucket_lock(struct d_hash_table *ht, uint32_t idx, bool write)
{
	lock_take(ht->ht_feats, bucket_lock_of(ht, idx), write);
}

static void bucket_unlock(struct d_hash_table *ht, uint32_t idx)
{
	lock_drop(ht->ht_feats, bucket_lock_of(ht, idx));
}

static uint32_t key_idx(struct d_hash_table *ht, const void *key, unsigned int ksize)
{
	uint32_t hash = ht->ht_ops->hop_key_hash != NULL ? ht->ht_ops->hop_key_hash(ht, key, ksize)
							 : d_hash_string_u32(key, ksize);

	return hash & (bucket_count(ht) - 1);
}

/*
 * Bucket of a record; only its lock is meant where the record cannot tell: 0 does for the single
 * lock of the table.
 */
static uint32_t rec_idx(struct d_hash_table *ht, d_list_t *link)
{
	if (ht->ht_ops->hop_rec_hash == NULL) {
		D_ASSERT(ht->ht_locks == NULL);
		return 0;
	}
	return ht->ht_ops->hop_rec_hash(ht, link) & (bucket_count(ht) - 1);
}

static void rec_addref(struct d_hash_table *ht, d_list_t *link)
{
	if (ht->ht_ops->hop_rec_addref != NULL)
		ht->ht_ops->hop_rec_addref(ht, link);
}

/* Give one reference back. Is the record to be freed? */
static bool rec_decref(struct d_hash_table *ht, d_list_t *link)
{
	return ht->ht_ops->hop_rec_decref != NULL && ht->ht_ops->hop_rec_decref(ht, link);
}

static void rec_free(struct d_hash_table *ht, d_list_t *link)
{
	if (ht->ht_ops->hop_rec_free != NULL)
		ht->ht_ops->hop_rec_free(ht, link);
}

static bool is_ephemeral(const struct d_hash_table *ht)
{
	return (ht->ht_feats & D_HASH_FT_EPHEMERAL) != 0;
}

static bool is_lru(const struct d_hash_table *ht)
{
	return (ht->ht_feats & D_HASH_FT_LRU) != 0;
}

/* Under the lock: put a record in, and out again. The latter says whether to free it. */
static void rec_link(struct d_hash_table *ht, uint32_t idx, d_list_t *link)
{
	if (!is_ephemeral(ht))
		rec_addref(ht, link);
	d_list_add(link, &ht->ht_buckets[idx].hb_head);
}

static bool rec_unlink(struct d_hash_table *ht, d_list_t *link)
{
	d_list_del_init(link);
	return !is_ephemeral(ht) && rec_decref(ht, link);
}

static d_list_t *bucket_search(struct d_hash_table *ht, uint32_t idx, const void *key,
			       unsigned int ksize)
{
	d_list_t *link;

	d_list_for_each(link, &ht->ht_buckets[idx].hb_head)
	{
		if (ht->ht_ops->hop_key_cmp(ht, link, key, ksize))
			return link;
	}
	return NULL;
}

/* Search for a reader: he gets a reference, and the record the best place. */
static d_list_t *bucket_find(struct d_hash_table *ht, uint32_t idx, const void *key,
			     unsigned int ksize)
{
	d_list_t *link = bucket_search(ht, idx, key, ksize);

	if (link == NULL)
		return NULL;
	rec_addref(ht, link);
	if (is_lru(ht))
		d_list_move(link, &ht->ht_buckets[idx].hb_head);
	return link;
}

static void locks_fini(struct d_hash_table *ht, uint32_t nr)
{
	while (nr > 0)
		lock_fini(ht->ht_feats, &ht->ht_locks[--nr]);
	free(ht->ht_locks);
	ht->ht_locks = NULL;
}

/* The table's lock, and unless it is the only one, those of the buckets. */
static int locks_init(struct d_hash_table *ht)
{
	uint32_t nr;
	int rc;

	rc = lock_init(ht->ht_feats, &ht->ht_lock);
	if (rc != 0 || (ht->ht_feats & (D_HASH_FT_NOLOCK | D_HASH_FT_GLOCK)) != 0)
		return rc;

	ht->ht_locks = calloc(bucket_count(ht), sizeof(*ht->ht_locks));
	if (ht->ht_locks == NULL)
		rc = -DER_NOMEM;
	for (nr = 0; rc == 0 && nr < bucket_count(ht); nr++) {
		rc = lock_init(ht->ht_feats, &ht->ht_locks[nr]);
		if (rc != 0)
			locks_fini(ht, nr);
	}
	if (rc != 0)
		lock_fini(ht->ht_feats, &ht->ht_lock);
	return rc;
}

int d_hash_table_create_inplace(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
				struct d_hash_table *htable)
{
	uint32_t idx;
	int rc;

	if (htable == NULL || hops == NULL || hops->hop_key_cmp == NULL || bits > HASH_BITS_MAX)
		return -DER_INVAL;
	/* Without its hash a record cannot tell which of many locks is its own. */
	if (hops->hop_rec_hash == NULL && !(feats & D_HASH_FT_NOLOCK))
		feats |= D_HASH_FT_GLOCK;

	memset(htable, 0, sizeof(*htable));
	htable->ht_feats = feats;
	htable->ht_bits = bits;
	htable->ht_priv = priv;
	htable->ht_ops = hops;

	htable->ht_buckets = calloc(bucket_count(htable), sizeof(*htable->ht_buckets));
	if (htable->ht_buckets == NULL)
		return -DER_NOMEM;
	for (idx = 0; idx < bucket_count(htable); idx++)
		D_INIT_LIST_HEAD(&htable->ht_buckets[idx].hb_head);

	rc = locks_init(htable);
	if (rc != 0) {
		free(htable->ht_buckets);
		htable->ht_buckets = NULL;
	}
	return rc;
}

int d_hash_table_create(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
			struct d_hash_table **htable_pp)
{
	struct d_hash_table *ht;
	int rc;

	if (htable_pp == NULL)
		return -DER_INVAL;
	ht = calloc(1, sizeof(*ht));
	if (ht == NULL)
		return -DER_NOMEM;
	rc = d_hash_table_create_inplace(feats, bits, priv, hops, ht);
	if (rc != 0)
		free(ht);
	else
		*htable_pp = ht;
	return rc;
}

int d_hash_table_traverse(struct d_hash_table *htable, d_hash_traverse_cb_t cb, void *arg)
{
	d_list_t *link;
	d_list_t *next;
	uint32_t idx;
	int rc = 0;

	if (htable == NULL || htable->ht_buckets == NULL)
		return -DER_UNINIT;
	if (cb == NULL)
		return -DER_INVAL;

	for (idx = 0; rc == 0 && idx < bucket_count(htable); idx++) {
		bucket_lock(htable, idx, false);
		d_list_for_each_safe(link, next, &htable->ht_buckets[idx].hb_head)
		{
			rc = cb(link, arg);
			if (rc != 0)
				break;
		}
		bucket_unlock(htable, idx);
	}
	return rc;
}

static int first_cb(d_list_t *link, void *arg)
{
	*(d_list_t **)arg = link;
	return 1;
}

d_list_t *d_hash_rec_first(struct d_hash_table *htable)
{
	d_list_t *link = NULL;

	return d_hash_table_traverse(htable, first_cb, &link) == 1 ? link : NULL;
}

int d_hash_table_destroy_inplace(struct d_hash_table *htable, bool force)
{
	d_list_t *link;

	if (htable == NULL || htable->ht_buckets == NULL)
		return -DER_UNINIT;
	while ((link = d_hash_rec_first(htable)) != NULL) {
		if (!force)
			return -DER_BUSY;
		(void)d_hash_rec_delete_at(htable, link);	/* it was there just now */
	}
	if (htable->ht_locks != NULL)
		locks_fini(htable, bucket_count(htable));
	lock_fini(htable->ht_feats, &htable->ht_lock);
	free(htable->ht_buckets);
	memset(htable, 0, sizeof(*htable));
	return 0;
}

int d_hash_table_destroy(struct d_hash_table *htable, bool force)
{
	int rc = d_hash_table_destroy_inplace(htable, force);

	if (rc == 0)
		free(htable);
	return rc;
}

d_list_t *d_hash_rec_find(struct d_hash_table *htable, const void *key, unsigned int ksize)
{
	uint32_t idx;
	d_list_t *link;

	if (key == NULL || ksize == 0)
		return NULL;
	idx = key_idx(htable, key, ksize);
	bucket_lock(htable, idx, is_lru(htable));
	link = bucket_find(htable, idx, key, ksize);
	bucket_unlock(htable, idx);
	return link;
}

d_list_t *d_hash_rec_find_insert(struct d_hash_table *htable, const void *key, unsigned int ksize,
				 d_list_t *link)
{
	uint32_t idx = key_idx(htable, key, ksize);
	d_list_t *found;

	bucket_lock(htable, idx, true);
	found = bucket_find(htable, idx, key, ksize);
	if (found == NULL)
		rec_link(htable, idx, link);
	bucket_unlock(htable, idx);
	return found != NULL ? found : link;
}

int d_hash_rec_insert(struct d_hash_table *htable, const void *key, unsigned int ksize,
		      d_list_t *link, bool exclusive)
{
	uint32_t idx;
	int rc = 0;

	if (key == NULL || ksize == 0 || link == NULL)
		return -DER_INVAL;
	idx = key_idx(htable, key, ksize);
	bucket_lock(htable, idx, true);
	if (exclusive && bucket_search(htable, idx, key, ksize) != NULL)
		rc = -DER_EXIST;
	else
		rec_link(htable, idx, link);
	bucket_unlock(htable, idx);
	return rc;
}

int d_hash_rec_insert_anonym(struct d_hash_table *htable, d_list_t *link, void *arg)
{
	d_hash_table_ops_t *ops = htable->ht_ops;
	uint32_t idx;

	if (ops->hop_key_init == NULL || ops->hop_rec_hash == NULL || link == NULL)
		return -DER_INVAL;
	/* The table's lock lets one key at a time be made up, also if each bucket has its own. */
	lock_take(htable->ht_feats, &htable->ht_lock, true);
	ops->hop_key_init(htable, link, arg);
	idx = rec_idx(htable, link);
	if (htable->ht_locks != NULL)
		bucket_lock(htable, idx, true);
	rec_link(htable, idx, link);
	if (htable->ht_locks != NULL)
		bucket_unlock(htable, idx);
	lock_drop(htable->ht_feats, &htable->ht_lock);
	return 0;
}

bool d_hash_rec_delete(struct d_hash_table *htable, const void *key, unsigned int ksize)
{
	uint32_t idx = key_idx(htable, key, ksize);
	bool zombie = false;
	d_list_t *link;

	bucket_lock(htable, idx, true);
	link = bucket_search(htable, idx, key, ksize);
	if (link != NULL)
		zombie = rec_unlink(htable, link);
	bucket_unlock(htable, idx);
	if (zombie)
		rec_free(htable, link);
	return link != NULL;
}

bool d_hash_rec_delete_at(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t idx = rec_idx(htable, link);
	bool zombie = false;
	bool linked;

	bucket_lock(htable, idx, true);
	linked = !d_list_empty(link);
	if (linked)
		zombie = rec_unlink(htable, link);
	bucket_unlock(htable, idx);
	if (zombie)
		rec_free(htable, link);
	return linked;
}

bool d_hash_rec_evict(struct d_hash_table *htable, const void *key, unsigned int ksize)
{
	uint32_t idx = key_idx(htable, key, ksize);
	d_list_t *link;

	if (!is_lru(htable))
		return false;
	bucket_lock(htable, idx, true);
	link = bucket_search(htable, idx, key, ksize);
	if (link != NULL)
		d_list_move_tail(link, &htable->ht_buckets[idx].hb_head);
	bucket_unlock(htable, idx);
	return link != NULL;
}

/* The head of the list that a record is in: the one link that lies in the array of buckets. */
static d_list_t *rec_head(struct d_hash_table *ht, d_list_t *link)
{
	uintptr_t lo = (uintptr_t)ht->ht_buckets;
	uintptr_t hi = (uintptr_t)(ht->ht_buckets + bucket_count(ht));

	while ((uintptr_t)link < lo || (uintptr_t)link >= hi)
		link = link->next;
	return link;
}

bool d_hash_rec_evict_at(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t idx = rec_idx(htable, link);
	bool linked;

	if (!is_lru(htable))
		return false;
	bucket_lock(htable, idx, true);
	linked = !d_list_empty(link);
	if (linked)
		d_list_move_tail(link, rec_head(htable, link));
	bucket_unlock(htable, idx);
	return linked;
}

void d_hash_rec_addref(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t idx = rec_idx(htable, link);

	bucket_lock(htable, idx, false);
	rec_addref(htable, link);
	bucket_unlock(htable, idx);
}

/*
 * Under the lock: the last reference went. With D_HASH_FT_EPHEMERAL the record leaves the table in
 * the same critical section, so that nobody can find it on its way out.
 */
static void rec_last(struct d_hash_table *ht, d_list_t *link)
{
	if (is_ephemeral(ht) && !d_list_empty(link))
		d_list_del_init(link);
	D_ASSERT(d_list_empty(link));
}

void d_hash_rec_decref(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t idx = rec_idx(htable, link);
	bool zombie;

	bucket_lock(htable, idx, is_ephemeral(htable));
	zombie = rec_decref(htable, link);
	if (zombie)
		rec_last(htable, link);
	bucket_unlock(htable, idx);
	if (zombie)
		rec_free(htable, link);
}

/* Give references back one by one. 1: the last one went with the last; < 0: it went before. */
static int rec_ndecref(struct d_hash_table *ht, d_list_t *link, int count, bool *ret_zombie)
{
	while (count-- > 0) {
		if (!rec_decref(ht, link))
			continue;
		*ret_zombie = true;
		return count == 0 ? 1 : -DER_INVAL;
	}
	return 0;
}

int d_hash_rec_ndecref(struct d_hash_table *htable, int count, d_list_t *link)
{
	uint32_t idx = rec_idx(htable, link);
	bool zombie = false;
	int rc;

	if (count < 0)
		return -DER_INVAL;
	bucket_lock(htable, idx, is_ephemeral(htable));
	if (htable->ht_ops->hop_rec_ndecref != NULL) {
		rc = htable->ht_ops->hop_rec_ndecref(htable, link, count);
		zombie = rc == 1;
	} else {
		rc = rec_ndecref(htable, link, count, &zombie);
	}
	if (zombie)
		rec_last(htable, link);
	bucket_unlock(htable, idx);
	if (zombie)
		rec_free(htable, link);
	return rc < 0 ? rc : 0;
}

bool d_hash_rec_unlinked(d_list_t *link)
{
	return d_list_empty(link);
}

void d_hash_table_debug(struct d_hash_table *htable)
{
	unsigned int longest = 0;
	unsigned int nr = 0;
	d_list_t *link;
	uint32_t idx;

	for (idx = 0; idx < bucket_count(htable); idx++) {
		unsigned int len = 0;

		bucket_lock(htable, idx, false);
		d_list_for_each(link, &htable->ht_buckets[idx].hb_head) len++;
		bucket_unlock(htable, idx);
		nr += len;
		longest = MAX(longest, len);
	}
	D_DEBUG(DB_ALL, "table of %u buckets: %u records, longest bucket %u\n",
		bucket_count(htable), nr, longest);
}

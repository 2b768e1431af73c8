/*
 * d_hash_table: against a plain array under every combination of features, and by several threads
 * at once under every kind of lock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gurt/common.h>
#include <gurt/hash.h>

#define KEYS	64

/* Records count how many there are, so that one freed twice or never shows. */
static ATOMIC int live;

struct rec {
	d_list_t	link;
	uint32_t	key;
	ATOMIC int	refs;
};

static struct rec *rec_of(d_list_t *link)
{
	return d_list_entry(link, struct rec, link);
}

static struct rec *rec_new(uint32_t key, int refs)
{
	struct rec *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	D_INIT_LIST_HEAD(&r->link);
	r->key = key;
	r->refs = refs;
	live++;
	return r;
}

static bool op_key_cmp(struct d_hash_table *ht, d_list_t *link, const void *key, unsigned int ksize)
{
	(void)ht;
	return ksize == sizeof(uint32_t) && rec_of(link)->key == *(const uint32_t *)key;
}

static uint32_t op_key_hash(struct d_hash_table *ht, const void *key, unsigned int ksize)
{
	(void)ht;
	(void)ksize;
	return *(const uint32_t *)key * 2654435761U >> 16;
}

static uint32_t op_rec_hash(struct d_hash_table *ht, d_list_t *link)
{
	return op_key_hash(ht, &rec_of(link)->key, sizeof(uint32_t));
}

static void op_key_init(struct d_hash_table *ht, d_list_t *link, void *arg)
{
	(void)ht;
	rec_of(link)->key = (*(uint32_t *)arg)++;
}

static void op_addref(struct d_hash_table *ht, d_list_t *link)
{
	(void)ht;
	rec_of(link)->refs++;
}

static bool op_decref(struct d_hash_table *ht, d_list_t *link)
{
	(void)ht;
	return --rec_of(link)->refs == 0;
}

static int op_ndecref(struct d_hash_table *ht, d_list_t *link, int count)
{
	int left = atomic_fetch_sub(&rec_of(link)->refs, count) - count;

	(void)ht;
	if (left < 0) {
		rec_of(link)->refs += count;
		return -DER_INVAL;
	}
	return left == 0;
}

static void op_free(struct d_hash_table *ht, d_list_t *link)
{
	(void)ht;
	free(rec_of(link));
	live--;
}

static d_hash_table_ops_t ops_full = {
	.hop_key_cmp	= op_key_cmp,
	.hop_key_init	= op_key_init,
	.hop_key_hash	= op_key_hash,
	.hop_rec_hash	= op_rec_hash,
	.hop_rec_addref	= op_addref,
	.hop_rec_decref	= op_decref,
	.hop_rec_ndecref = op_ndecref,
	.hop_rec_free	= op_free,
};

/* Without the optional ones: keys hashed by default, one lock, references dropped one by one. */
static d_hash_table_ops_t ops_few = {
	.hop_key_cmp	= op_key_cmp,
	.hop_rec_addref	= op_addref,
	.hop_rec_decref	= op_decref,
	.hop_rec_free	= op_free,
};

static const uint32_t lock_feats[] = {
	D_HASH_FT_NOLOCK,
	0,
	D_HASH_FT_MUTEX,
	D_HASH_FT_RWLOCK,
	D_HASH_FT_GLOCK,
	D_HASH_FT_GLOCK | D_HASH_FT_MUTEX,
	D_HASH_FT_GLOCK | D_HASH_FT_RWLOCK,
};

static int count_cb(d_list_t *link, void *arg)
{
	(void)link;
	(*(uint32_t *)arg)++;
	return 0;
}

static uint32_t table_count(struct d_hash_table *ht)
{
	uint32_t nr = 0;

	assert_int_equal(d_hash_table_traverse(ht, count_cb, &nr), 0);
	return nr;
}

/* A table, and which record the model says is under each key. */
struct world {
	struct d_hash_table	*ht;
	struct rec		*at[KEYS];
	uint32_t		 nr;
	bool			 ephemeral;
	bool			 lru;
};

/* References a record in the table has while nobody uses it. */
static int idle_refs(const struct world *w)
{
	(void)w;
	return 1;
}

/* Put a record with one reference in the end: the table's, or with EPHEMERAL the model's. */
static void world_insert(struct world *w, uint32_t key, bool anonym)
{
	struct rec *r = rec_new(key, w->ephemeral ? 1 : 0);
	uint32_t next = key;
	int rc;

	if (anonym) {
		assert_null(w->at[key]);
		r->key = UINT32_MAX;
		rc = d_hash_rec_insert_anonym(w->ht, &r->link, &next);
		assert_int_equal(next, key + 1);
	} else {
		rc = d_hash_rec_insert(w->ht, &key, sizeof(key), &r->link, true);
	}
	if (w->at[key] != NULL) {
		assert_int_equal(rc, -DER_EXIST);
		assert_true(d_hash_rec_unlinked(&r->link));
		op_free(w->ht, &r->link);
		return;
	}
	assert_int_equal(rc, 0);
	assert_false(d_hash_rec_unlinked(&r->link));
	w->at[key] = r;
	w->nr++;
}

static void world_find(struct world *w, uint32_t key)
{
	d_list_t *link = d_hash_rec_find(w->ht, &key, sizeof(key));

	if (w->at[key] == NULL) {
		assert_null(link);
		return;
	}
	assert_ptr_equal(link, &w->at[key]->link);
	assert_int_equal(w->at[key]->refs, idle_refs(w) + 1);
	if (w->lru)
		assert_ptr_equal(link->prev->next, link);
	d_hash_rec_addref(w->ht, link);
	d_hash_rec_addref(w->ht, link);
	assert_int_equal(d_hash_rec_ndecref(w->ht, 2, link), 0);
	d_hash_rec_decref(w->ht, link);
	assert_int_equal(w->at[key]->refs, idle_refs(w));
}

static void world_find_insert(struct world *w, uint32_t key)
{
	struct rec *r = rec_new(key, w->ephemeral ? 1 : 0);
	d_list_t *link = d_hash_rec_find_insert(w->ht, &key, sizeof(key), &r->link);

	if (w->at[key] != NULL) {
		assert_ptr_equal(link, &w->at[key]->link);
		d_hash_rec_decref(w->ht, link);
		op_free(w->ht, &r->link);
	} else {
		assert_ptr_equal(link, &r->link);
		w->at[key] = r;
		w->nr++;
	}
}

/* Remove by key, by record, or by dropping the last reference. */
static void world_remove(struct world *w, uint32_t key, bool by_key)
{
	struct rec *r = w->at[key];

	if (r == NULL) {
		assert_false(d_hash_rec_delete(w->ht, &key, sizeof(key)));
		return;
	}
	if (w->ephemeral && by_key) {
		d_hash_rec_decref(w->ht, &r->link);
	} else {
		/* hold on to it, to see that it is out and still there */
		d_hash_rec_addref(w->ht, &r->link);
		if (by_key)
			assert_true(d_hash_rec_delete(w->ht, &key, sizeof(key)));
		else
			assert_true(d_hash_rec_delete_at(w->ht, &r->link));
		assert_true(d_hash_rec_unlinked(&r->link));
		assert_false(d_hash_rec_delete_at(w->ht, &r->link));
		assert_int_equal(d_hash_rec_ndecref(w->ht, w->ephemeral ? 2 : 1, &r->link), 0);
	}
	w->at[key] = NULL;
	w->nr--;
}

static void world_evict(struct world *w, uint32_t key)
{
	bool by_key = key % 2 == 0;
	bool done = by_key || w->at[key] == NULL ? d_hash_rec_evict(w->ht, &key, sizeof(key))
						 : d_hash_rec_evict_at(w->ht, &w->at[key]->link);

	assert_int_equal(done, w->lru && w->at[key] != NULL);
}

static void world_check(struct world *w)
{
	d_list_t *first = d_hash_rec_first(w->ht);
	uint32_t key;

	assert_int_equal(table_count(w->ht), w->nr);
	assert_int_equal(live, w->nr);
	assert_int_equal(first == NULL, w->nr == 0);
	for (key = 0; key < KEYS; key++) {
		if (w->at[key] != NULL)
			assert_int_equal(w->at[key]->refs, idle_refs(w));
	}
	if (w->nr > 0)
		assert_int_equal(d_hash_table_destroy(w->ht, false), -DER_BUSY);
}

static void world_run(uint32_t feats, uint32_t bits, d_hash_table_ops_t *ops)
{
	struct world w = {
		.ephemeral = (feats & D_HASH_FT_EPHEMERAL) != 0,
		.lru = (feats & D_HASH_FT_LRU) != 0,
	};
	uint32_t key;
	int step;

	assert_int_equal(d_hash_table_create(feats, bits, &w, ops, &w.ht), 0);
	assert_ptr_equal(w.ht->ht_priv, &w);
	assert_null(d_hash_rec_first(w.ht));
	for (step = 0; step < 1000; step++) {
		key = (uint32_t)d_rand() % KEYS;
		switch (d_rand() % 6) {
		case 0:
			world_insert(&w, key,
				     ops->hop_key_init != NULL && w.at[key] == NULL &&
					     step % 2 == 0);
			break;
		case 1:
			world_find_insert(&w, key);
			break;
		case 2:
			world_remove(&w, key, step % 2 == 0);
			break;
		case 3:
			world_evict(&w, key);
			break;
		default:
			world_find(&w, key);
		}
		if (step % 100 == 0)
			world_check(&w);
	}
	world_check(&w);
	d_hash_table_debug(w.ht);

	/* EPHEMERAL: the table owns nothing, so its records are given back one by one */
	for (key = 0; w.ephemeral && key < KEYS; key++)
		world_remove(&w, key, true);
	assert_int_equal(d_hash_table_destroy(w.ht, true), 0);
	assert_int_equal(live, 0);
}

static void model(void **state)
{
	static const uint32_t extra[] = {
		0,
		D_HASH_FT_LRU,
		D_HASH_FT_EPHEMERAL,
		D_HASH_FT_LRU | D_HASH_FT_EPHEMERAL,
	};
	size_t i, j;

	(void)state;
	d_srand(1);
	for (i = 0; i < ARRAY_SIZE(lock_feats); i++) {
		for (j = 0; j < ARRAY_SIZE(extra); j++) {
			world_run(lock_feats[i] | extra[j], 0, &ops_full);
			world_run(lock_feats[i] | extra[j], 4, &ops_full);
			world_run(lock_feats[i] | extra[j], 4, &ops_few);
		}
	}
}

static void lru_order(void **state)
{
	struct d_hash_table ht;
	struct rec *r[3];
	uint32_t key;

	(void)state;
	assert_int_equal(d_hash_table_create_inplace(D_HASH_FT_NOLOCK | D_HASH_FT_LRU, 0, NULL,
						     &ops_full, &ht),
			 0);
	for (key = 0; key < 3; key++) {
		r[key] = rec_new(key, 0);
		assert_int_equal(d_hash_rec_insert(&ht, &key, sizeof(key), &r[key]->link, true), 0);
	}
	/* one bucket: the newest in front, what is found goes there, what is evicted to the end */
	assert_ptr_equal(d_hash_rec_first(&ht), &r[2]->link);
	key = 0;
	d_hash_rec_decref(&ht, d_hash_rec_find(&ht, &key, sizeof(key)));
	assert_ptr_equal(d_hash_rec_first(&ht), &r[0]->link);
	assert_true(d_hash_rec_evict(&ht, &key, sizeof(key)));
	assert_ptr_equal(d_hash_rec_first(&ht), &r[2]->link);
	assert_ptr_equal(ht.ht_buckets[0].hb_head.prev, &r[0]->link);
	assert_true(d_hash_rec_evict_at(&ht, &r[2]->link));
	assert_ptr_equal(d_hash_rec_first(&ht), &r[1]->link);
	assert_int_equal(d_hash_table_destroy_inplace(&ht, true), 0);
	assert_int_equal(live, 0);
}

static int stop_cb(d_list_t *link, void *arg)
{
	(void)link;
	return ++*(int *)arg == 3 ? -77 : 0;
}

static void arguments(void **state)
{
	d_hash_table_ops_t none = { 0 };
	struct d_hash_table *ht = NULL;
	uint32_t key;
	struct rec *r;
	int nr = 0;

	(void)state;
	assert_int_equal(d_hash_table_create(0, 4, NULL, NULL, &ht), -DER_INVAL);
	assert_int_equal(d_hash_table_create(0, 4, NULL, &none, &ht), -DER_INVAL);
	assert_int_equal(d_hash_table_create(0, 32, NULL, &ops_full, &ht), -DER_INVAL);
	assert_int_equal(d_hash_table_create(0, 4, NULL, &ops_full, NULL), -DER_INVAL);
	assert_null(ht);
	assert_int_equal(d_hash_table_traverse(NULL, count_cb, NULL), -DER_UNINIT);

	assert_int_equal(d_hash_table_create(0, 2, NULL, &ops_few, &ht), 0);
	assert_int_not_equal(ht->ht_feats & D_HASH_FT_GLOCK, 0);
	assert_int_equal(d_hash_table_traverse(ht, NULL, NULL), -DER_INVAL);
	r = rec_new(9, 0);
	assert_int_equal(d_hash_rec_insert(ht, NULL, 4, &r->link, true), -DER_INVAL);
	assert_int_equal(d_hash_rec_insert(ht, &nr, 0, &r->link, true), -DER_INVAL);
	assert_int_equal(d_hash_rec_insert_anonym(ht, &r->link, &nr), -DER_INVAL);
	assert_null(d_hash_rec_find(ht, NULL, 4));
	op_free(ht, &r->link);

	/* not exclusive: the same key twice, and the newer one is found */
	for (key = 5, nr = 0; nr < 2; nr++) {
		r = rec_new(key, 0);
		assert_int_equal(d_hash_rec_insert(ht, &key, sizeof(key), &r->link, false), 0);
	}
	assert_int_equal(table_count(ht), 2);
	assert_ptr_equal(d_hash_rec_find(ht, &key, sizeof(key)), &r->link);
	assert_int_equal(d_hash_rec_ndecref(ht, -1, &r->link), -DER_INVAL);
	d_hash_rec_decref(ht, &r->link);

	for (key = 10; key < 20; key++) {
		r = rec_new(key, 0);
		assert_int_equal(d_hash_rec_insert(ht, &key, sizeof(key), &r->link, true), 0);
	}
	nr = 0;
	assert_int_equal(d_hash_table_traverse(ht, stop_cb, &nr), -77);
	assert_int_equal(nr, 3);
	assert_int_equal(d_hash_table_destroy(ht, true), 0);
	assert_int_equal(live, 0);
}

/* More references dropped than there are: refused, or by single steps noticed at the last one. */
static void too_few_references(void **state)
{
	struct d_hash_table *ht;
	uint32_t key = 1;
	struct rec *r;

	(void)state;
	assert_int_equal(d_hash_table_create(D_HASH_FT_EPHEMERAL, 2, NULL, &ops_full, &ht), 0);
	r = rec_new(key, 1);
	assert_int_equal(d_hash_rec_insert(ht, &key, sizeof(key), &r->link, true), 0);
	assert_int_equal(d_hash_rec_ndecref(ht, 2, &r->link), -DER_INVAL);
	assert_int_equal(table_count(ht), 1);
	assert_int_equal(d_hash_rec_ndecref(ht, 1, &r->link), 0);
	assert_int_equal(live, 0);
	assert_int_equal(d_hash_table_destroy(ht, false), 0);

	assert_int_equal(d_hash_table_create(D_HASH_FT_EPHEMERAL, 2, NULL, &ops_few, &ht), 0);
	r = rec_new(key, 1);
	assert_int_equal(d_hash_rec_insert(ht, &key, sizeof(key), &r->link, true), 0);
	assert_int_equal(d_hash_rec_ndecref(ht, 2, &r->link), -DER_INVAL);
	assert_int_equal(table_count(ht), 0);
	assert_int_equal(live, 0);
	assert_int_equal(d_hash_table_destroy(ht, false), 0);
}

#define THREADS		4
#define THREAD_STEPS	8000

/* Shared by the threads: inserts minus deletes that succeeded, per key: 0 or 1 in the end. */
static struct {
	struct d_hash_table	*ht;
	pthread_barrier_t	 start;
	ATOMIC int		 balance[KEYS];
	ATOMIC int		 wrong;
} shared;

/* Records come and go while others use them. */
static void *churn(void *arg)
{
	uint64_t rnd = (uintptr_t)arg;
	int step;

	(void)pthread_barrier_wait(&shared.start);
	for (step = 0; step < THREAD_STEPS; step++) {
		uint32_t key;
		d_list_t *link;

		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
		key = (uint32_t)(rnd >> 40) % KEYS;
		switch (rnd >> 60 & 3) {
		case 0: {
			struct rec *r = rec_new(key, 0);

			if (d_hash_rec_insert(shared.ht, &key, sizeof(key), &r->link, true) == 0)
				shared.balance[key]++;
			else
				op_free(NULL, &r->link);
			break;
		}
		case 1:
			if (d_hash_rec_delete(shared.ht, &key, sizeof(key)))
				shared.balance[key]--;
			break;
		default:
			link = d_hash_rec_find(shared.ht, &key, sizeof(key));
			if (link == NULL)
				break;
			if (rec_of(link)->key != key || rec_of(link)->refs < 1)
				shared.wrong++;
			if ((rnd >> 59 & 1) != 0 && d_hash_rec_delete_at(shared.ht, link))
				shared.balance[key]--;
			d_hash_rec_decref(shared.ht, link);
		}
	}
	return NULL;
}

/* With EPHEMERAL: whoever uses a key holds its record; nobody else makes it go. */
static void *share(void *arg)
{
	uint64_t rnd = (uintptr_t)arg;
	int step;

	(void)pthread_barrier_wait(&shared.start);
	for (step = 0; step < THREAD_STEPS; step++) {
		uint32_t key;
		d_list_t *link;
		struct rec *r;

		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
		key = (uint32_t)(rnd >> 40) % KEYS;
		r = rec_new(key, 1);
		link = d_hash_rec_find_insert(shared.ht, &key, sizeof(key), &r->link);
		if (link != &r->link)
			op_free(NULL, &r->link);
		if (rec_of(link)->key != key)
			shared.wrong++;
		d_hash_rec_addref(shared.ht, link);
		if ((rnd >> 60 & 1) != 0) {
			d_hash_rec_decref(shared.ht, link);
			d_hash_rec_decref(shared.ht, link);
		} else if (d_hash_rec_ndecref(shared.ht, 2, link) != 0) {
			shared.wrong++;
		}
	}
	return NULL;
}

static void threads_run(uint32_t feats, void *(*body)(void *))
{
	pthread_t thread[THREADS];
	uint32_t key;
	uintptr_t i;
	int sum = 0;

	memset(&shared.balance, 0, sizeof(shared.balance));
	shared.wrong = 0;
	assert_int_equal(d_hash_table_create(feats, 3, NULL, &ops_full, &shared.ht), 0);
	assert_int_equal(pthread_barrier_init(&shared.start, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, body, (void *)(i + 1)), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	(void)pthread_barrier_destroy(&shared.start);

	assert_int_equal(shared.wrong, 0);
	for (key = 0; key < KEYS; key++) {
		assert_in_range(shared.balance[key], 0, 1);
		sum += shared.balance[key];
	}
	assert_int_equal(table_count(shared.ht), sum);
	assert_int_equal(live, sum);
	assert_int_equal(d_hash_table_destroy(shared.ht, true), 0);
	assert_int_equal(live, 0);
}

static void threads(void **state)
{
	size_t i;

	(void)state;
	for (i = 1; i < ARRAY_SIZE(lock_feats); i++) {
		threads_run(lock_feats[i], churn);
		threads_run(lock_feats[i] | D_HASH_FT_LRU, churn);
		threads_run(lock_feats[i] | D_HASH_FT_EPHEMERAL, share);
		threads_run(lock_feats[i] | D_HASH_FT_EPHEMERAL | D_HASH_FT_LRU, share);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(model),
		cmocka_unit_test(lru_order),
		cmocka_unit_test(arguments),
		cmocka_unit_test(too_few_references),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

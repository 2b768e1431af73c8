/*
 * libgurt: hash functions against versions written down differently, lists of ranks against a plain
 * model, environment, memory, time, clocks, back-off, and the log through its file.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <gurt/common.h>
#include <gurt/list.h>

/* MurmurHash64A by its description: words put together from bytes, steps written out. */
static uint64_t murmur_ref(const unsigned char *key, size_t len, uint32_t seed)
{
	const uint64_t m = 14313749767032793493ULL;
	uint64_t h = (uint64_t)seed ^ ((uint64_t)len * m);
	size_t i, j;

	for (i = 0; i + 8 <= len; i += 8) {
		uint64_t k = 0;

		for (j = 8; j-- > 0;)
			k = k << 8 | key[i + j];
		k *= m;
		k ^= k >> 47;
		k *= m;
		h ^= k;
		h *= m;
	}
	if (i < len) {
		for (j = len; j-- > i;)
			h ^= (uint64_t)key[j] << 8 * (j - i);
		h *= m;
	}
	h ^= h >> 47;
	h *= m;
	h ^= h >> 47;
	return h;
}

static void murmur(void **state)
{
	unsigned char key[100];
	unsigned int len, off, i;

	(void)state;
	d_srand(7);
	for (i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)d_rand();
	for (len = 0; len <= 80; len++) {
		for (off = 0; off < 9; off++) {
			unsigned int seed = (unsigned int)d_rand() * 3;

			assert_true(d_hash_murmur64(key + off, len, seed) ==
				    murmur_ref(key + off, len, seed));
		}
	}
	/* computed by a third implementation */
	assert_true(d_hash_murmur64((const unsigned char *)"", 0, 0) == 0);
	assert_true(d_hash_murmur64((const unsigned char *)"a", 1, 0) == 0x071717d2d36b6b11ULL);
	assert_true(d_hash_murmur64((const unsigned char *)"daos", 4, 5731) ==
		    0xc41545ee8654b0ddULL);
	assert_true(d_hash_murmur64((const unsigned char *)"0123456789abcdef", 16, 5731) ==
		    0x64d1595caea8eee7ULL);
}

static void string_hash(void **state)
{
	const char text[] = "The quick brown fox\xff\x80";
	unsigned int len;

	(void)state;
	for (len = 0; len < sizeof(text); len++) {
		uint64_t ref = 5381;
		unsigned int i;

		for (i = 0; i < len; i++)
			ref = (ref * 33 + (uint8_t)text[i]) % (1ULL << 32);
		assert_int_equal(d_hash_string_u32(text, len), ref);
	}
	assert_int_equal(d_hash_string_u32("hello", 5), 261238937);
}

/* Both mixes as their authors wrote them. */
static void mixes(void **state)
{
	int n;

	(void)state;
	for (n = 0; n < 1000; n++) {
		uint32_t a = (uint32_t)d_rand() * 3, b = (uint32_t)d_rand() * 3;
		uint32_t c = (uint32_t)d_rand() * 3, a0 = a, b0 = b, c0 = c;
		uint64_t k = (uint64_t)d_rand() << 33 ^ (uint64_t)d_rand(), k0 = k;

		a -= b;
		a -= c;
		a ^= c >> 13;
		b -= c;
		b -= a;
		b ^= a << 8;
		c -= a;
		c -= b;
		c ^= b >> 13;
		a -= b;
		a -= c;
		a ^= c >> 12;
		b -= c;
		b -= a;
		b ^= a << 16;
		c -= a;
		c -= b;
		c ^= b >> 5;
		a -= b;
		a -= c;
		a ^= c >> 3;
		b -= c;
		b -= a;
		b ^= a << 10;
		c -= a;
		c -= b;
		c ^= b >> 15;
		assert_int_equal(d_hash_mix96(a0, b0, c0), c);

		k = ~k + (k << 21);
		k = k ^ k >> 24;
		k = k + (k << 3) + (k << 8);
		k = k ^ k >> 14;
		k = k + (k << 2) + (k << 4);
		k = k ^ k >> 28;
		k = k + (k << 31);
		assert_true(d_hash_mix64(k0) == k);

		assert_true(d_u64_hash(k0, 64) == k0 * 14695981039346656037ULL);
		assert_true(d_u64_hash(k0, 8) == k0 * 14695981039346656037ULL >> 56);
		assert_int_equal(d_u32_hash(a0, 8), (uint32_t)((uint64_t)a0 * 2654404609U >> 24));
	}
}

/* From n to n + 1 buckets a key stays or moves to the new one, and every bucket gets its share. */
static void jump(void **state)
{
	enum { KEYS = 2000, BUCKETS = 200 };
	uint32_t hits[BUCKETS] = { 0 };
	uint32_t moved[BUCKETS + 1] = { 0 };
	uint32_t n;
	uint64_t i;

	(void)state;
	for (i = 0; i < KEYS; i++) {
		uint64_t key = d_hash_mix64(i);
		uint32_t at = d_hash_jump(key, 1);

		assert_int_equal(at, 0);
		for (n = 2; n <= BUCKETS; n++) {
			uint32_t now = d_hash_jump(key, n);

			assert_true(now < n);
			if (now != at) {
				assert_int_equal(now, n - 1);
				moved[n]++;
			}
			at = now;
		}
		hits[at]++;
	}
	for (n = 0; n < BUCKETS; n++)
		assert_in_range(hits[n], 1, 30);	/* 10 on average */
	assert_in_range(moved[2], KEYS * 45 / 100, KEYS * 55 / 100);
	assert_in_range(moved[10], KEYS * 7 / 100, KEYS * 13 / 100);
	/* known answers */
	assert_int_equal(d_hash_jump(42, 57), 43);
	assert_int_equal(d_hash_jump(0xDEAD10CC, 666), 361);
	assert_int_equal(d_hash_jump(256, 1024), 520);
	assert_true(d_hash_jump(UINT64_MAX, UINT32_MAX) < UINT32_MAX);
}

static void power2(void **state)
{
	unsigned int n;

	(void)state;
	assert_int_equal(d_power2_nbits(0), 0);
	assert_int_equal(d_power2_nbits(1), 0);
	for (n = 1; n < 32; n++) {
		assert_int_equal(d_power2_nbits(1U << n), n);
		assert_int_equal(d_power2_nbits((1U << n) + 1), n + 1);
	}
}

static d_rank_list_t *ranks(uint32_t nr, ...)
{
	d_rank_list_t *list = d_rank_list_alloc(nr);
	va_list ap;
	uint32_t i;

	assert_non_null(list);
	va_start(ap, nr);
	for (i = 0; i < nr; i++)
		list->rl_ranks[i] = va_arg(ap, unsigned int);
	va_end(ap);
	return list;
}

/* Compare with a text, and free. */
static void ranks_are(d_rank_list_t *list, const char *text)
{
	char *str = NULL;

	assert_int_equal(d_rank_list_to_str(list, &str), 0);
	assert_string_equal(str, text);
	D_FREE(str);
	d_rank_list_free(list);
}

static void rank_lists(void **state)
{
	d_rank_list_t *a = ranks(5, 7, 1, 3, 1, 2);
	d_rank_list_t *b = NULL;
	uint32_t at = 99;
	uint32_t *ints;
	int idx = -1;
	size_t len;

	(void)state;
	assert_true(d_rank_list_find(a, 1, &idx));
	assert_int_equal(idx, 1);
	assert_false(d_rank_list_find(a, 4, NULL));
	assert_false(d_rank_list_find(NULL, 4, NULL));
	assert_int_equal(d_idx_in_rank_list(a, 2, &at), 0);
	assert_int_equal(at, 4);
	assert_int_equal(d_idx_in_rank_list(a, 9, &at), -DER_NONEXIST);
	assert_true(d_rank_in_rank_list(a, 7));

	assert_int_equal(d_rank_list_dup(&b, a), 0);
	assert_true(d_rank_list_identical(a, b));
	b->rl_ranks[4] = 5;
	assert_false(d_rank_list_identical(a, b));
	assert_int_equal(d_rank_list_copy(b, a), 0);
	assert_true(d_rank_list_identical(a, b));
	assert_int_equal(d_rank_list_append(b, 9), 0);
	assert_false(d_rank_list_identical(a, b));
	assert_false(d_rank_list_identical(a, NULL));
	assert_true(d_rank_list_identical(NULL, NULL));
	assert_int_equal(d_rank_list_del(b, 1), 0);
	assert_int_equal(d_rank_list_del(b, 55), -DER_NONEXIST);
	d_rank_list_del_at(b, 0);
	ranks_are(b, "[3,1-2,9]");

	assert_int_equal(d_rank_list_dup_sort_uniq(&b, a), 0);
	assert_true(d_rank_list_bsearch(b, 3, &idx));
	assert_int_equal(idx, 2);
	assert_false(d_rank_list_bsearch(b, 4, &idx));
	ranks_are(b, "[1-3,7]");
	d_rank_list_shuffle(a);
	d_rank_list_sort(a);
	assert_int_equal(a->rl_ranks[1], 1);
	assert_int_equal(rank_list_to_uint32_array(a, &ints, &len), 0);
	assert_int_equal(len, 5);
	b = uint32_array_to_rank_list(ints, len);
	assert_true(d_rank_list_identical(a, b));
	D_FREE(ints);

	assert_int_equal(d_rank_list_resize(b, 7), 0);
	assert_int_equal(b->rl_ranks[6], 0);
	assert_int_equal(d_rank_list_resize(b, 0), 0);
	assert_int_equal(d_rank_list_copy(a, b), 0);
	assert_int_equal(d_rank_list_append(b, UINT32_MAX), 0);
	assert_int_equal(d_rank_list_append(b, 0), 0);
	ranks_are(a, "[]");
	ranks_are(b, "[4294967295,0]");

	assert_int_equal(d_rank_list_dup(&b, NULL), 0);
	assert_null(b);
	assert_int_equal(d_rank_list_dup(NULL, NULL), -DER_INVAL);
	assert_int_equal(d_rank_list_copy(NULL, NULL), -DER_INVAL);
	assert_int_equal(d_rank_list_append(NULL, 1), -DER_INVAL);
	d_rank_list_free(NULL);
	d_rank_list_sort(NULL);
}

static void rank_sets(void **state)
{
	d_rank_list_t *some = ranks(3, 2, 4, 6);
	d_rank_list_t *list = ranks(4, 1, 2, 3, 4);

	(void)state;
	d_rank_list_filter(some, list, false);
	ranks_are(list, "[2,4]");
	list = ranks(4, 1, 2, 3, 4);
	d_rank_list_filter(some, list, true);
	ranks_are(list, "[1,3]");
	list = ranks(2, 6, 7);
	assert_int_equal(d_rank_list_merge(some, list), 0);
	ranks_are(list, "[6-7]");
	ranks_are(some, "[2,4,6-7]");
}

static void environment(void **state)
{
	static const char *const yes[] = { "1", "y", "yes", "TRUE", "t", "On" };
	static const char *const no[] = { "0", "n", "No", "false", "f", "off" };
	unsigned int num = 5;
	uint64_t num64 = 5;
	char *copy = NULL;
	bool val = false;
	char buf[4];
	char c = '?';
	size_t i;

	(void)state;
	assert_int_equal(d_unsetenv("GURT_T"), 0);
	assert_int_equal(d_getenv_bool("GURT_T", &val), -DER_NONEXIST);
	assert_false(d_isenv_def((char *)"GURT_T"));
	for (i = 0; i < ARRAY_SIZE(yes); i++) {
		assert_int_equal(d_setenv("GURT_T", yes[i], 1), 0);
		val = false;
		assert_int_equal(d_getenv_bool("GURT_T", &val), 0);
		assert_true(val);
		assert_int_equal(d_setenv("GURT_T", no[i], 1), 0);
		assert_int_equal(d_getenv_bool("GURT_T", &val), 0);
		assert_false(val);
	}
	assert_int_equal(d_setenv("GURT_T", "maybe", 1), 0);
	assert_int_equal(d_getenv_bool("GURT_T", &val), -DER_INVAL);
	assert_int_equal(d_getenv_uint("GURT_T", &num), -DER_INVAL);
	assert_int_equal(num, 5);
	assert_int_equal(d_getenv_char("GURT_T", &c), -DER_INVAL);
	assert_int_equal(d_getenv_str(buf, sizeof(buf), "GURT_T"), -DER_TRUNC);
	assert_string_equal(buf, "may");
	assert_int_equal(d_agetenv_str(&copy, "GURT_T"), 0);
	assert_string_equal(copy, "maybe");
	d_freeenv_str(&copy);
	assert_null(copy);
	assert_int_equal(d_setenv("GURT_T", "x", 1), 0);
	assert_int_equal(d_getenv_char("GURT_T", &c), 0);
	assert_int_equal(c, 'x');
	assert_int_equal(d_getenv_str(buf, sizeof(buf), "GURT_T"), 0);
	assert_int_equal(d_setenv("GURT_T", "0x10", 1), 0);
	assert_int_equal(d_getenv_int("GURT_T", &num), 0);
	assert_int_equal(num, 16);
	assert_int_equal(d_setenv("GURT_T", "4294967296", 1), 0);
	assert_int_equal(d_getenv_uint32_t("GURT_T", &num), -DER_OVERFLOW);
	assert_int_equal(d_getenv_uint64_t("GURT_T", &num64), 0);
	assert_true(num64 == 4294967296);
	assert_int_equal(d_setenv("GURT_T", "18446744073709551616", 1), 0);
	assert_int_equal(d_getenv_uint64_t("GURT_T", &num64), -DER_OVERFLOW);
	assert_int_equal(d_setenv("GURT_T", "-1", 1), 0);
	assert_int_equal(d_getenv_uint64_t("GURT_T", &num64), -DER_INVAL);
	assert_int_equal(d_setenv("", "", 1), -DER_INVAL);
}

static void memory(void **state)
{
	struct d_string_buffer_t buf = { 0 };
	d_sg_list_t sgl, dst;
	uint64_t *old, *new;
	char *str;
	int i;

	(void)state;
	D_ALLOC_ARRAY(old, 4);
	assert_non_null(old);
	for (i = 0; i < 4; i++) {
		assert_true(old[i] == 0);
		old[i] = 7;
	}
	D_REALLOC_ARRAY(new, old, 4, 8);
	assert_non_null(new);
	assert_null(old);
	for (i = 0; i < 8; i++)
		assert_true(new[i] == (i < 4 ? 7 : 0));
	D_REALLOC_NZ(old, new, 8);
	assert_true(old[0] == 7);
	D_FREE(old);
	D_ALIGNED_ALLOC(str, 4096, 100);
	assert_int_equal((uintptr_t)str % 4096, 0);
	D_FREE(str);
	D_STRNDUP(str, "abcdef", 3);
	assert_string_equal(str, "abc");
	D_FREE(str);
	D_STRNDUP_S(str, "abc");
	assert_string_equal(str, "abc");
	D_FREE(str);
	D_ASPRINTF(str, "%d-%s", 5, "x");
	assert_string_equal(str, "5-x");
	D_FREE(str);

	for (i = 0; i < 100; i++)
		assert_int_equal(d_write_string_buffer(&buf, "%02d", i), 0);
	assert_int_equal(buf.str_size, 200);
	assert_int_equal(strlen(buf.str), 200);
	assert_memory_equal(buf.str + 196, "9899", 4);
	d_free_string(&buf);

	assert_int_equal(d_sgl_init(&sgl, 0), 0);
	assert_null(sgl.sg_iovs);
	d_sgl_fini(&sgl, true);
	assert_int_equal(d_sgl_init(&sgl, 3), 0);
	assert_int_equal(d_sgl_init(&dst, 2), 0);
	for (i = 0; i < 3; i++) {
		d_iov_set(&sgl.sg_iovs[i], strdup("data"), 5);
		if (i < 2)
			d_iov_set(&dst.sg_iovs[i], malloc(9), 9);
	}
	assert_int_equal(d_sgl_buf_size(&sgl), 15);
	assert_int_equal(d_sgl_buf_size(NULL), 0);
	d_sgl_buf_copy(&dst, &sgl);
	assert_string_equal(dst.sg_iovs[1].iov_buf, "data");
	assert_int_equal(dst.sg_iovs[1].iov_len, 5);
	d_sgl_fini(&dst, true);
	d_sgl_fini(&sgl, true);
	assert_int_equal(sgl.sg_nr, 0);
}

static void errno_codes(void **state)
{
	(void)state;
	assert_int_equal(d_errno2der(0), 0);
	assert_int_equal(d_errno2der(ENOENT), -DER_NONEXIST);
	assert_int_equal(d_errno2der(EACCES), -DER_NO_PERM);
	assert_int_equal(d_errno2der(ENOSPC), -DER_NOSPACE);
	assert_int_equal(d_errno2der(ENOMEM), -DER_NOMEM);
	assert_int_equal(d_errno2der(ESRCH), -DER_MISC);
}

static void times(void **state)
{
	struct timespec a = { .tv_sec = 5, .tv_nsec = 900000000 };
	struct timespec b = { .tv_sec = 7, .tv_nsec = 100000000 };
	struct timespec now, past;

	(void)state;
	assert_true(d_timediff_ns(&a, &b) == 1200000000);
	assert_true(d_timediff_ns(&b, &a) == -1200000000);
	assert_int_equal(d_timediff(&a, &b).tv_sec, 1);
	assert_int_equal(d_timediff(&a, &b).tv_nsec, 200000000);
	assert_true(d_timeless(&a, &b));
	assert_false(d_timeless(&a, &a));
	d_timeinc(&a, 3200000000);
	assert_int_equal(a.tv_sec, 9);
	assert_int_equal(a.tv_nsec, 100000000);
	d_timeinc_ms(&a, 900);
	assert_int_equal(a.tv_sec, 10);
	assert_int_equal(a.tv_nsec, 0);
	assert_int_equal(d_time_ms(2500).tv_nsec, 500000000);
	assert_true(d_time2ms(b) == 7100.0);
	assert_true(d_time2us(b) == 7100000.0);
	assert_true(d_time2s(b) == 7.1);
	memset(&a, 0, sizeof(a));
	assert_true(d_timenull(&a));
	assert_false(d_timenull(&b));

	assert_int_equal(d_gettime(&past), 0);
	assert_int_equal(d_gettime_coarse(&now), 0);
	assert_int_equal(d_timeleft_ns(&past), 0);
	now = past;
	d_timeinc(&now, 3600ULL * NSEC_PER_SEC);
	assert_in_range(d_timeleft_ns(&now), 3500ULL * NSEC_PER_SEC, 3600ULL * NSEC_PER_SEC);
	assert_true(d_time_elapsed(past).tv_sec < 100);
	assert_true(d_timeus_secdiff(100) / 1000000 - (uint64_t)past.tv_sec >= 100);
}

static void clocks(void **state)
{
	/* 2021-01-01 and a second, in sixteenths of a nanosecond */
	const uint64_t second = 16000000000;
	uint64_t hlc, last = 0, off;
	struct timespec ts;
	int i;

	(void)state;
	assert_true(d_nsec2hlc(3) == 48);
	assert_true(d_sec2hlc(1) == second);
	assert_true(d_msec2hlc(1) == second / 1000);
	assert_true(d_usec2hlc(1) == second / 1000000);
	assert_true(d_hlc2sec(5 * second + 1) == 5);
	assert_true(d_hlc2msec(second) == 1000);
	assert_true(d_hlc2usec(second) == 1000000);
	assert_true(d_hlc2nsec(second) == 1000000000);
	assert_true(d_hlc2unixnsec(second) == 1609459201000000000);
	assert_true(d_unixnsec2hlc(1609459201000000000) == second);
	assert_true(d_unixnsec2hlc(1609459199999999999) == 0);
	assert_true(d_unixnsec2hlc(UINT64_MAX) == 0);
	assert_int_equal(d_hlc2timespec(second + 16, &ts), 0);
	assert_int_equal(ts.tv_sec, 1609459201);
	assert_int_equal(ts.tv_nsec, 1);
	assert_int_equal(d_timespec2hlc(ts, &hlc), 0);
	assert_true(hlc == second + 16);
	assert_int_equal(d_hlc2timespec(second, NULL), -DER_INVAL);
	ts.tv_sec = 0;
	assert_int_equal(d_timespec2hlc(ts, &hlc), -DER_INVAL);

	for (i = 0; i < 1000; i++, last = hlc) {
		hlc = d_hlc_get();
		assert_true(hlc > last);
	}
	assert_int_equal(d_hlc_age2sec(hlc + 3600 * second), 0);
	assert_in_range(d_hlc_age2sec(hlc - 3600 * second), 3599, 3700);

	assert_true(d_hlc_epsilon_get() == second);
	assert_int_equal(d_hlc_get_msg(hlc + 100 * second, &hlc, &off), -DER_HLC_SYNC);
	assert_true(off > 98 * second);
	d_hlc_epsilon_set(200 * second + 1);
	assert_true(d_hlc_epsilon_get() % (1 << 18) == 0 && d_hlc_epsilon_get() > 200 * second);
	last = d_hlc_get() + 100 * second;
	assert_int_equal(d_hlc_get_msg(last, &hlc, NULL), 0);
	assert_true(hlc > last);
	assert_true(d_hlc_get() > hlc);
	assert_true(d_hlc_epsilon_get_bound(0) > 200 * second);
}

static void backoff(void **state)
{
	struct d_backoff_seq seq;
	uint32_t bound = 10;
	uint32_t highest = 0;
	int i;

	(void)state;
	assert_int_equal(d_backoff_seq_init(&seq, 0, 0, 1, 1), -DER_INVAL);
	assert_int_equal(d_backoff_seq_init(&seq, 0, 2, 0, 1), -DER_INVAL);
	assert_int_equal(d_backoff_seq_init(&seq, 0, 2, 2, 1), -DER_INVAL);
	assert_int_equal(d_backoff_seq_init(&seq, 2, 4, bound, UINT32_MAX), 0);
	assert_int_equal(d_backoff_seq_next(&seq), 0);
	assert_int_equal(d_backoff_seq_next(&seq), 0);
	for (i = 0; i < 60; i++) {
		uint32_t next = d_backoff_seq_next(&seq);

		assert_true(next <= bound);
		highest = MAX(highest, next);
		bound = bound > UINT32_MAX / 4 ? UINT32_MAX : bound * 4;
	}
	assert_true(highest > UINT32_MAX / 2);
	d_backoff_seq_fini(&seq);
	for (i = 0; i < 1000; i++) {
		assert_in_range(d_rand(), 0, D_RAND_MAX);
		assert_true(d_randd() >= 0 && d_randd() < 1);
	}
}

struct item {
	int		num;
	d_list_t	link;
	d_hlist_node_t	hlink;
};

static void lists(void **state)
{
	struct item it[4] = { { .num = 0 }, { .num = 1 }, { .num = 2 }, { .num = 3 } };
	struct item *p, *tmp;
	d_hlist_node_t *pos, *n;
	d_list_t other, *l;
	D_LIST_HEAD(head);
	D_HLIST_HEAD(hhead);
	int i, sum = 0;

	(void)state;
	D_INIT_LIST_HEAD(&other);
	for (i = 0; i < 4; i++)
		d_list_add_tail(&it[i].link, &head);
	i = 0;
	d_list_for_each_entry(p, &head, link) assert_int_equal(p->num, i++);
	d_list_for_each_entry_reverse(p, &head, link) assert_int_equal(p->num, --i);
	p = &it[1];
	d_list_for_each_entry_continue(p, &head, link) sum += p->num;
	assert_int_equal(sum, 5);
	d_list_for_each_entry_safe(p, tmp, &head, link)
	{
		if (p->num % 2 == 0)
			d_list_move(&p->link, &other);
	}
	assert_ptr_equal(other.next, &it[2].link);
	d_list_splice_init(&other, &head);
	assert_true(d_list_empty(&other));
	p = d_list_pop_entry(&head, struct item, link);
	assert_int_equal(p->num, 2);
	assert_true(d_list_empty_careful(&p->link));
	i = 0;
	d_list_for_each(l, &head) i++;
	assert_int_equal(i, 3);
	d_list_for_each_entry_reverse_safe(p, tmp, &head, link) d_list_del_init(&p->link);
	assert_null(d_list_pop_entry(&head, struct item, link));

	d_hlist_add_head(&it[1].hlink, &hhead);
	d_hlist_add_after(&it[3].hlink, &it[1].hlink);
	d_hlist_add_before(&it[2].hlink, &it[3].hlink);
	d_hlist_add_head(&it[0].hlink, &hhead);
	i = 0;
	d_hlist_for_each_entry(p, pos, &hhead, hlink) assert_int_equal(p->num, i++);
	assert_int_equal(i, 4);
	d_hlist_del_init(&it[1].hlink);
	assert_true(d_hlist_unhashed(&it[1].hlink));
	d_hlist_del_init(&it[1].hlink);
	i = 0;
	d_hlist_for_each_entry_safe(p, pos, n, &hhead, hlink)
	{
		d_hlist_del(&p->hlink);
		i++;
	}
	assert_int_equal(i, 3);
	assert_true(d_hlist_empty(&hhead));
}

#define LOG_FILE	"gurt_test.log"

/* Write one line at each of some priorities. */
static void log_some(int fac)
{
	static const int pri[] = { DB_IO, DB_MEM, DLOG_INFO, DLOG_WARN, DLOG_ERR };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pri); i++) {
		int flags = d_log_check(pri[i] | fac);

		if (flags != 0)
			d_log(flags, "line %zu of %d\n", i, fac);
	}
}

/* Run log_some() with an environment, and compare the messages that arrive in the file. */
static void log_case(const char *mask, const char *bits, const char *expect)
{
	struct stat st;
	off_t size;
	char got[1024] = "";
	char line[DLOG_TBSZ];
	FILE *file;
	int fac;

	(void)unlink(LOG_FILE);
	assert_int_equal(d_setenv(D_LOG_FILE_ENV, LOG_FILE, 1), 0);
	assert_int_equal(mask ? d_setenv(D_LOG_MASK_ENV, mask, 1) : d_unsetenv(D_LOG_MASK_ENV), 0);
	assert_int_equal(bits ? d_setenv(DD_MASK_ENV, bits, 1) : d_unsetenv(DD_MASK_ENV), 0);
	fac = d_log_allocfacility("tst", "testing");
	assert_int_equal(fac, 1);
	assert_int_equal(d_log_allocfacility("tst", "testing"), 1);
	assert_int_equal(d_log_init(), 0);
	assert_int_equal(d_log_init(), 0);
	d_log_sync_mask();
	log_some(0);
	log_some(fac);
	d_log_sync();
	d_log_fini();
	assert_int_equal(stat(LOG_FILE, &st), 0);
	size = st.st_size;
	d_log(DLOG_CRIT | fac, "line 9 of 9");	/* opened twice, so it is still open */
	assert_int_equal(stat(LOG_FILE, &st), 0);
	assert_true(st.st_size > size);
	d_log_fini();

	file = fopen(LOG_FILE, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *msg = strstr(line, "line ");
		size_t len = strlen(got);

		assert_non_null(msg);
		assert_non_null(strstr(line, " gemel["));
		(void)snprintf(got + len, sizeof(got) - len, "%c%c ", msg[10], msg[5]);
	}
	(void)fclose(file);
	assert_non_null(strstr(got, "99 "));
	*strstr(got, "99 ") = '\0';
	assert_string_equal(got, expect);
	(void)unlink(LOG_FILE);
}

static void logging(void **state)
{
	char noise[2 * DLOG_TBSZ];
	struct stat st;
	int num;

	(void)state;
	/* "facility line": what passes; DD_STDERR keeps the terminal quiet */
	assert_int_equal(d_setenv(DD_STDERR_ENV, "emit", 1), 0);
	log_case(NULL, NULL, "04 14 ");
	log_case("WARN", NULL, "03 04 13 14 ");
	log_case("info", NULL, "02 03 04 12 13 14 ");
	log_case("DEBUG", NULL, "00 01 02 03 04 10 11 12 13 14 ");
	log_case("DEBUG", "io", "00 02 03 04 10 12 13 14 ");
	log_case("debug,tst=crit", "mem,nonsense", "01 02 03 04 ");
	log_case("CRIT,testing=WARN", NULL, "13 14 ");
	log_case("nonsense", NULL, "04 14 ");

	/* a line is cut, not overrun */
	memset(noise, 'x', sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	assert_int_equal(d_log_open((char *)"t", 0, DLOG_ERR, 0, (char *)LOG_FILE, 0, NULL), 0);
	assert_int_equal(d_log_open((char *)"t", 0, DLOG_ERR, 0, NULL, 0, NULL), -1);
	D_ERROR("%s\n", noise);
	assert_int_equal(stat(LOG_FILE, &st), 0);
	assert_in_range(st.st_size, DLOG_TBSZ - 2, DLOG_TBSZ);
	assert_int_equal(d_log_setlogmask(0, DLOG_CRIT), DLOG_ERR);
	assert_int_equal(d_log_setlogmask(-1, DLOG_CRIT), -1);
	assert_int_equal(d_log_check(DLOG_ERR), 0);
	assert_int_equal(d_log_setmasks("misc=warn,bad", -1), -1);
	assert_int_not_equal(d_log_check(DLOG_WARN), 0);
	assert_int_equal(d_log_setmasks(NULL, 0), -1);
	d_log_close();
	(void)unlink(LOG_FILE);
	assert_int_equal(d_init_log_facility(&num, "tst", NULL), 0);
	assert_int_equal(num, 1);
	assert_int_equal(d_setenv(D_LOG_FILE_ENV, "/nonexistent/dir/file", 1), 0);
	assert_int_equal(d_log_init(), -DER_NONEXIST);
	assert_int_equal(d_unsetenv(D_LOG_FILE_ENV), 0);
}

/* An assertion that fails stops the process. */
static void assertion(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		D_ASSERTF(pid == 0, "never");
		D_ASSERT(pid != 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(murmur),
		cmocka_unit_test(string_hash),
		cmocka_unit_test(mixes),
		cmocka_unit_test(jump),
		cmocka_unit_test(power2),
		cmocka_unit_test(rank_lists),
		cmocka_unit_test(rank_sets),
		cmocka_unit_test(environment),
		cmocka_unit_test(memory),
		cmocka_unit_test(errno_codes),
		cmocka_unit_test(times),
		cmocka_unit_test(clocks),
		cmocka_unit_test(backoff),
		cmocka_unit_test(lists),
		cmocka_unit_test(logging),
		cmocka_unit_test(assertion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

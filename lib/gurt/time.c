/* Monotonic time, random numbers, back-off. */
#include "lib/gurt/gurt_int.h"

int d_gettime(struct timespec *t)
{
	return clock_gettime(CLOCK_MONOTONIC, t) == 0 ? 0 : d_errno2der(errno);
}

int d_gettime_coarse(struct timespec *t)
{
	return clock_gettime(CLOCK_MONOTONIC_COARSE, t) == 0 ? 0 : d_errno2der(errno);
}

int64_t d_timediff_ns(const struct timespec *t1, const struct timespec *t2)
{
	return (int64_t)(t2->tv_sec - t1->tv_sec) * NSEC_PER_SEC + (t2->tv_nsec - t1->tv_nsec);
}

struct timespec d_timediff(const struct timespec *t1, const struct timespec *t2)
{
	struct timespec diff = {
		.tv_sec = t2->tv_sec - t1->tv_sec,
		.tv_nsec = t2->tv_nsec - t1->tv_nsec,
	};

	if (diff.tv_nsec < 0) {
		diff.tv_nsec += NSEC_PER_SEC;
		diff.tv_sec--;
	}
	return diff;
}

int64_t d_timeleft_ns(const struct timespec *expiration)
{
	struct timespec now;
	int64_t left;

	(void)d_gettime(&now);		/* this clock exists everywhere */
	left = d_timediff_ns(&now, expiration);
	return left > 0 ? left : 0;
}

struct timespec d_time_elapsed(const struct timespec start)
{
	struct timespec now;

	(void)d_gettime(&now);
	return d_timediff(&start, &now);
}

uint64_t d_timeus_secdiff(unsigned int sec_diff)
{
	struct timespec now;

	(void)d_gettime(&now);
	return ((uint64_t)now.tv_sec + sec_diff) * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void d_timeinc(struct timespec *now, uint64_t ns)
{
	uint64_t sum = (uint64_t)now->tv_nsec + ns % NSEC_PER_SEC;

	now->tv_sec += (time_t)(ns / NSEC_PER_SEC + sum / NSEC_PER_SEC);
	now->tv_nsec = (long)(sum % NSEC_PER_SEC);
}

void d_timeinc_ms(struct timespec *now, unsigned int ms)
{
	d_timeinc(now, (uint64_t)ms * NSEC_PER_MSEC);
}

struct timespec d_time_ms(unsigned int ms)
{
	struct timespec t = {
		.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * NSEC_PER_MSEC,
	};

	return t;
}

double d_time2s(struct timespec t)
{
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double d_time2ms(struct timespec t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double d_time2us(struct timespec t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

bool d_timeless(const struct timespec *t1, const struct timespec *t2)
{
	return d_timediff_ns(t1, t2) > 0;
}

bool d_timenull(const struct timespec *t)
{
	return t->tv_sec == 0 && t->tv_nsec == 0;
}

/* SplitMix64: the state is a counter, so one atomic addition makes it safe between threads. */
static ATOMIC uint64_t rand_state;

static uint64_t rand_next(void)
{
	uint64_t z = atomic_fetch_add_relaxed(&rand_state, 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

void d_srand(long int seed)
{
	atomic_store_relaxed(&rand_state, (uint64_t)seed);
}

long int d_rand(void)
{
	return (long int)(rand_next() & D_RAND_MAX);
}

double d_randd(void)
{
	return (double)(rand_next() >> 11) / 9007199254740992.0;	/* 2^53 */
}

int d_backoff_seq_init(struct d_backoff_seq *seq, uint8_t nzeros, uint16_t factor, uint32_t next,
		       uint32_t max)
{
	if (seq == NULL || factor == 0 || next == 0 || next > max)
		return -DER_INVAL;
	*seq = (struct d_backoff_seq){
		.bos_nzeros = nzeros,
		.bos_factor = factor,
		.bos_max = max,
		.bos_next = next,
	};
	return 0;
}

uint32_t d_backoff_seq_next(struct d_backoff_seq *seq)
{
	uint64_t bound = seq->bos_next;
	uint64_t grown = bound * seq->bos_factor;

	if (seq->bos_nzeros > 0) {
		seq->bos_nzeros--;
		return 0;
	}
	seq->bos_next = grown > seq->bos_max ? seq->bos_max : (uint32_t)grown;
	return (uint32_t)(rand_next() % (bound + 1));
}

void d_backoff_seq_fini(struct d_backoff_seq *seq)
{
	memset(seq, 0, sizeof(*seq));
}

/* The hybrid logical clock of a client process, and conversions of such clocks. */
#include "lib/gurt/gurt_int.h"

/* Units in a nanosecond; the first second; the bits that count events. */
#define HLC_NSEC	16ULL
#define HLC_START_SEC	1609459200ULL
#define HLC_START_NSEC	(HLC_START_SEC * NSEC_PER_SEC)
#define HLC_LOGICAL	0x3ffffULL
#define HLC_NSEC_MAX	(UINT64_MAX / HLC_NSEC)

static ATOMIC uint64_t hlc_last;
static ATOMIC uint64_t hlc_epsilon = NSEC_PER_SEC * HLC_NSEC;

/* The time of day, without logical bits. */
static uint64_t hlc_physical(void)
{
	struct timespec now;
	uint64_t hlc;

	D_ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
	D_ASSERT(d_timespec2hlc(now, &hlc) == 0);
	return hlc & ~HLC_LOGICAL;
}

/* Move the clock past everything it has shown and up to @floor at least. */
static uint64_t hlc_advance(uint64_t floor)
{
	uint64_t last = atomic_load_explicit(&hlc_last, memory_order_relaxed);
	uint64_t next;

	do {
		next = MAX(last + 1, floor);
	} while (!atomic_compare_exchange_weak(&hlc_last, &last, next));
	return next;
}

uint64_t d_hlc_get(void)
{
	return hlc_advance(hlc_physical());
}

int d_hlc_get_msg(uint64_t msg, uint64_t *hlc_out, uint64_t *offset)
{
	uint64_t physical = hlc_physical();
	uint64_t msg_physical = msg & ~HLC_LOGICAL;
	uint64_t ahead = msg_physical > physical ? msg_physical - physical : 0;
	uint64_t hlc;

	if (offset != NULL)
		*offset = ahead;
	if (ahead > d_hlc_epsilon_get())
		return -DER_HLC_SYNC;
	hlc = hlc_advance(MAX(physical, msg + 1));
	if (hlc_out != NULL)
		*hlc_out = hlc;
	return 0;
}

uint64_t d_hlc2nsec(uint64_t hlc)
{
	return hlc / HLC_NSEC;
}

uint64_t d_hlc2usec(uint64_t hlc)
{
	return d_hlc2nsec(hlc) / NSEC_PER_USEC;
}

uint64_t d_hlc2msec(uint64_t hlc)
{
	return d_hlc2nsec(hlc) / NSEC_PER_MSEC;
}

uint64_t d_hlc2sec(uint64_t hlc)
{
	return d_hlc2nsec(hlc) / NSEC_PER_SEC;
}

uint64_t d_nsec2hlc(uint64_t nsec)
{
	return nsec * HLC_NSEC;
}

uint64_t d_usec2hlc(uint64_t usec)
{
	return d_nsec2hlc(usec * NSEC_PER_USEC);
}

uint64_t d_msec2hlc(uint64_t msec)
{
	return d_nsec2hlc(msec * NSEC_PER_MSEC);
}

uint64_t d_sec2hlc(uint64_t sec)
{
	return d_nsec2hlc(sec * NSEC_PER_SEC);
}

uint64_t d_hlc2unixnsec(uint64_t hlc)
{
	return d_hlc2nsec(hlc) + HLC_START_NSEC;
}

uint64_t d_unixnsec2hlc(uint64_t unixnsec)
{
	if (unixnsec < HLC_START_NSEC || unixnsec - HLC_START_NSEC > HLC_NSEC_MAX)
		return 0;
	return d_nsec2hlc(unixnsec - HLC_START_NSEC);
}

int d_hlc2timespec(uint64_t hlc, struct timespec *ts)
{
	uint64_t nsec = d_hlc2nsec(hlc);

	if (ts == NULL)
		return -DER_INVAL;
	ts->tv_sec = (time_t)(nsec / NSEC_PER_SEC + HLC_START_SEC);
	ts->tv_nsec = (long)(nsec % NSEC_PER_SEC);
	return 0;
}

int d_timespec2hlc(struct timespec ts, uint64_t *hlc)
{
	uint64_t sec;

	if (hlc == NULL || ts.tv_sec < (time_t)HLC_START_SEC)
		return -DER_INVAL;
	sec = (uint64_t)ts.tv_sec - HLC_START_SEC;
	if (ts.tv_nsec < 0 || ts.tv_nsec >= NSEC_PER_SEC || sec >= HLC_NSEC_MAX / NSEC_PER_SEC)
		return -DER_INVAL;
	*hlc = d_nsec2hlc(sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
	return 0;
}

uint64_t d_hlc_age2sec(uint64_t hlc)
{
	uint64_t now = hlc_physical();

	return now > hlc ? d_hlc2sec(now - hlc) : 0;
}

void d_hlc_epsilon_set(uint64_t epsilon)
{
	atomic_store_relaxed(&hlc_epsilon, (epsilon + HLC_LOGICAL) & ~HLC_LOGICAL);
}

uint64_t d_hlc_epsilon_get(void)
{
	return atomic_load_relaxed(&hlc_epsilon);
}

uint64_t d_hlc_epsilon_get_bound(uint64_t hlc)
{
	return (hlc + d_hlc_epsilon_get()) | HLC_LOGICAL;
}

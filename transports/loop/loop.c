/* The loop of real streams: rounds, adaptive spin, one sleep over all descriptors, mailbox. */
#include "transports/loop/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "transports/loop/os.h"

/*
 * The mailbox is one word: the newest message, or a mark. Because "asleep" is a value of the word
 * that producers exchange, exactly the producer that replaces it writes the eventfd, and no fence
 * between a flag and a queue is needed.
 */
static struct loop_msg mark_asleep;
static struct loop_msg mark_closed;

#define MBOX_ASLEEP (&mark_asleep)
#define MBOX_CLOSED (&mark_closed)

static void efd_signal(struct loop *l)
{
	uint64_t one = 1;
	ssize_t n;

	do {
		n = write(l->efd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
	/* EAGAIN means that the counter is full: the sleeper wakes anyway. */
	ASSERT(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

static void efd_drain(struct loop *l)
{
	uint64_t count;
	ssize_t n = read(l->efd, &count, sizeof(count));

	ASSERT(n == (ssize_t)sizeof(count) || errno == EAGAIN || errno == EINTR);
}

bool loop_post(struct loop *l, struct loop_msg *msg)
{
	struct loop_msg *head = atomic_load_explicit(&l->mbox, memory_order_relaxed);

	do {
		if (head == MBOX_CLOSED)
			return false;
		msg->next = head == MBOX_ASLEEP ? NULL : head;
	} while (!atomic_compare_exchange_weak(&l->mbox, &head, msg));
	if (head == MBOX_ASLEEP)
		efd_signal(l);
	return true;
}

void loop_wake(struct loop *l)
{
	struct loop_msg *head = MBOX_ASLEEP;

	/* Sequentially consistent on both sides: either the sleeper sees kicked, or we see it
	 * asleep. */
	atomic_store(&l->kicked, true);
	if (atomic_compare_exchange_strong(&l->mbox, &head, NULL))
		efd_signal(l);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stopped, true);
	loop_wake(l);
}

void loop_crowded(struct loop *l, bool crowded)
{
	atomic_store(&l->crowded, crowded);
}

/* Run a chain taken from the mailbox, oldest first. */
static int mbox_run_chain(struct loop *l, struct loop_msg *newest)
{
	struct loop_msg *oldest = NULL;
	int count = 0;

	while (newest != NULL) {
		struct loop_msg *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct loop_msg *next = oldest->next;

		oldest->next = NULL;
		oldest->fn(oldest);
		oldest = next;
		count++;
	}
	l->stats.messages += (uint64_t)count;
	return count;
}

static int mbox_run(struct loop *l)
{
	struct loop_msg *head = atomic_load_explicit(&l->mbox, memory_order_relaxed);

	if (head == NULL || head == MBOX_CLOSED)
		return 0;
	head = atomic_exchange(&l->mbox, NULL);
	ASSERT(head != MBOX_CLOSED && head != MBOX_ASLEEP);
	return mbox_run_chain(l, head);
}

void loop_close(struct loop *l)
{
	struct loop_msg *head = atomic_exchange(&l->mbox, MBOX_CLOSED);

	if (head != MBOX_CLOSED && head != MBOX_ASLEEP)
		(void)mbox_run_chain(l, head);	/* the count is of no use here */
}

int loop_init(struct loop *l, const struct loop_opts *opts)
{
	static const struct loop_opts defaults;
	int efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (efd < 0)
		return -DER_NOMEM;
	if (opts == NULL)
		opts = &defaults;
	*l = (struct loop){ .efd = efd, .nap_ns = LOOP_NAP_MIN_NS };
	list_init(&l->streams);
	if (opts->mode == LOOP_MODE_SPIN)
		l->spin_max_ns = opts->spin_max_ns != 0 ? opts->spin_max_ns : LOOP_SPIN_MAX_NS;
	l->spin_ns = l->spin_max_ns;
	l->fds_cap = 8;
	l->fds = calloc(l->fds_cap, sizeof(*l->fds));
	if (l->fds == NULL) {
		close(efd);
		l->efd = -1;
		return -DER_NOMEM;
	}
	return 0;
}

void loop_fini(struct loop *l)
{
	struct loop_msg *head = atomic_load(&l->mbox);

	if (l->fds == NULL)
		return;
	ASSERT(list_empty(&l->streams));
	ASSERT(head == NULL || head == MBOX_CLOSED);
	free(l->fds);
	close(l->efd);
	l->fds = NULL;
}

void loop_stream_add(struct loop *l, struct loop_stream *s, struct rt *rt)
{
	*s = (struct loop_stream){ .loop = l, .rt = rt };
	for (uint32_t i = 0; i < LOOP_SRC_KINDS; i++)
		list_init(&s->srcs[i]);
	list_add_tail(&l->streams, &s->link);
}

void loop_stream_del(struct loop_stream *s)
{
	struct loop *l = s->loop;

	ASSERT(l->active != s);
	for (uint32_t i = 0; i < LOOP_SRC_KINDS; i++)
		ASSERT(list_empty(&s->srcs[i]));
	if (l->cursor == &s->link)
		l->cursor = s->link.next;
	list_del(&s->link);
	s->loop = NULL;
}

int loop_src_add(struct loop_stream *s, struct loop_src *src, enum loop_src_kind kind)
{
	struct loop *l = s->loop;

	ASSERT(kind < LOOP_SRC_KINDS && src->ops->poll != NULL);
	if (l->src_count + 2 > l->fds_cap) {	/* one entry is the eventfd's */
		uint32_t cap = l->fds_cap * 2;
		struct pollfd *fds = realloc(l->fds, cap * sizeof(*fds));

		if (fds == NULL)
			return -DER_NOMEM;
		l->fds = fds;
		l->fds_cap = cap;
	}
	l->src_count++;
	src->loop = l;
	list_add_tail(&s->srcs[kind], &src->link);
	return 0;
}

void loop_src_del(struct loop_src *src)
{
	if (src->loop == NULL)
		return;
	src->loop->src_count--;
	src->loop = NULL;
	list_del(&src->link);
}

static int stream_turn(struct loop_stream *s)
{
	int count = (int)rt_run(s->rt, LOOP_RUN_MAX);

	for (uint32_t kind = 0; kind < LOOP_SRC_KINDS; kind++) {
		struct list *pos, *tmp;

		list_for_each_safe(pos, tmp, &s->srcs[kind]) {
			struct loop_src *src = list_entry(pos, struct loop_src, link);

			count += src->ops->poll(src->ctx);
		}
	}
	return count;
}

static int round_all(struct loop *l)
{
	int count = 0;

	ASSERT(l->active == NULL);	/* a step inside a step */
	l->stats.steps++;
	l->cursor = l->streams.next;
	while (l->cursor != &l->streams) {
		struct loop_stream *s = list_entry(l->cursor, struct loop_stream, link);

		l->cursor = l->cursor->next;
		l->active = s;
		count += stream_turn(s);
		l->active = NULL;
	}
	l->cursor = NULL;
	return count + mbox_run(l);
}

/* Arm every source and collect descriptors; false when one of them has work pending. */
static bool arm_all(struct loop *l, nfds_t *ret_nfds, bool *ret_nap)
{
	nfds_t nfds = 0;
	bool nap = false;
	struct list *sp, *pos;

	l->fds[nfds++] = (struct pollfd){ .fd = l->efd, .events = POLLIN };
	list_for_each(sp, &l->streams) {
		struct loop_stream *s = list_entry(sp, struct loop_stream, link);

		for (uint32_t kind = 0; kind < LOOP_SRC_KINDS; kind++) {
			list_for_each(pos, &s->srcs[kind]) {
				struct loop_src *src = list_entry(pos, struct loop_src, link);
				int fd = LOOP_FD_QUIET;

				if (src->ops->arm != NULL && src->ops->arm(src->ctx) != 0)
					return false;
				if (src->ops->fd != NULL)
					fd = src->ops->fd(src->ctx);
				if (fd >= 0)
					l->fds[nfds++] =
						(struct pollfd){ .fd = fd, .events = POLLIN };
				else if (fd == LOOP_FD_NONE)
					nap = true;
			}
		}
	}
	*ret_nfds = nfds;
	*ret_nap = nap;
	return true;
}

static uint64_t timers_next_ns(const struct loop *l)
{
	uint64_t next = RT_NEVER;
	struct list *sp;

	list_for_each(sp, &l->streams)
		next = min_u64(next, rt_next_ns(list_entry(sp, struct loop_stream, link)->rt));
	return next;
}

uint64_t loop_next_ns(struct loop *l)
{
	struct loop_msg *head = atomic_load(&l->mbox);
	nfds_t nfds;
	bool nap;

	if (head != NULL && head != MBOX_CLOSED)
		return 0;
	if (!arm_all(l, &nfds, &nap))
		return 0;
	return timers_next_ns(l);
}

/* A spin, or the beginning of a sleep, that a spin would have caught. */
static void spin_hit(struct loop *l)
{
	l->stats.spin_hits++;
	l->spin_ns = min_u64(l->spin_max_ns, max_u64(l->spin_ns * 2, LOOP_SPIN_MIN_NS));
}

static void spin_miss(struct loop *l)
{
	l->stats.spin_misses++;
	l->spin_ns /= 2;
	if (l->spin_ns < LOOP_SPIN_MIN_NS)
		l->spin_ns = 0;
}

static void wait_ppoll(struct loop *l, nfds_t nfds, bool nap, uint64_t until_ns)
{
	uint64_t begin_ns = os_mono_ns(), limit_ns = until_ns;
	struct timespec ts = { 0 }, *timeout = NULL;
	int n;

	if (nap) {
		limit_ns = min_u64(limit_ns, begin_ns + l->nap_ns);
		l->nap_ns = min_u64(l->nap_ns * 2, LOOP_NAP_MAX_NS);
		l->stats.naps++;
	}
	if (limit_ns != RT_NEVER) {
		uint64_t ns = limit_ns > begin_ns ? limit_ns - begin_ns : 0;

		ts.tv_sec = (time_t)(ns / 1000000000u);
		ts.tv_nsec = (long)(ns % 1000000000u);
		timeout = &ts;
	}
	l->stats.sleeps++;
	n = ppoll(l->fds, nfds, timeout, NULL);
	ASSERT(n >= 0 || errno == EINTR || errno == ENOMEM);
	if (n > 0 && l->fds[0].revents != 0)
		efd_drain(l);
	if (n > 0 && os_mono_ns() - begin_ns <= l->spin_max_ns)
		spin_hit(l);
}

/* Sleep until a descriptor, a message, a kick or @until_ns. */
static void sleep_until(struct loop *l, uint64_t until_ns)
{
	struct loop_msg *head = NULL;
	nfds_t nfds;
	bool nap;

	if (!atomic_compare_exchange_strong(&l->mbox, &head, MBOX_ASLEEP) && head != MBOX_CLOSED)
		return;
	if (!atomic_exchange(&l->kicked, false) && arm_all(l, &nfds, &nap))
		wait_ppoll(l, nfds, nap, until_ns);
	head = MBOX_ASLEEP;
	(void)atomic_compare_exchange_strong(&l->mbox, &head, NULL); /* else a message is there */
}

/* Poll for as long as spinning has paid lately. Returns what was handled; 0: sleep now. */
static int spin(struct loop *l, uint64_t now_ns, uint64_t until_ns)
{
	uint64_t end_ns = min_u64(now_ns + l->spin_ns, until_ns);

	do {
		int n = round_all(l);

		if (n > 0) {
			spin_hit(l);
			return n;
		}
		if (atomic_load_explicit(&l->kicked, memory_order_relaxed))
			return 0;
		__builtin_ia32_pause();
		now_ns = os_mono_ns();
	} while (now_ns < end_ns);
	if (now_ns < until_ns)
		spin_miss(l);
	return 0;
}

int loop_step_until(struct loop *l, uint64_t until_ns)
{
	uint64_t now_ns;
	int n = round_all(l);

	if (n > 0) {
		l->nap_ns = LOOP_NAP_MIN_NS;
		return n;
	}
	if (until_ns == 0)
		return 0;
	until_ns = min_u64(until_ns, timers_next_ns(l));
	if (until_ns == 0)
		return 0;
	now_ns = os_mono_ns();
	if (until_ns <= now_ns)
		return 0;
	if (l->spin_ns > 0 && !atomic_load_explicit(&l->crowded, memory_order_relaxed)) {
		n = spin(l, now_ns, until_ns);
		if (n > 0) {
			l->nap_ns = LOOP_NAP_MIN_NS;
			return n;
		}
		/* A round of the spin may have armed an earlier timer or made a ULT ready. */
		until_ns = min_u64(until_ns, timers_next_ns(l));
		if (until_ns <= os_mono_ns())
			return 0;
	}
	sleep_until(l, until_ns);
	return 0;
}

int loop_mailbox(struct loop *l, enum loop_wait wait)
{
	struct pollfd pfd = { .fd = l->efd, .events = POLLIN };
	struct loop_msg *head = NULL;
	int n = mbox_run(l);

	if (n > 0 || wait == LOOP_POLL)
		return n;
	if (!atomic_compare_exchange_strong(&l->mbox, &head, MBOX_ASLEEP))
		return mbox_run(l);
	n = poll(&pfd, 1, -1);
	ASSERT(n >= 0 || errno == EINTR || errno == ENOMEM);
	if (n > 0)
		efd_drain(l);
	head = MBOX_ASLEEP;
	(void)atomic_compare_exchange_strong(&l->mbox, &head, NULL); /* else a message is there */
	return mbox_run(l);
}

int loop_step(struct loop *l, enum loop_wait wait)
{
	return loop_step_until(l, wait == LOOP_SLEEP ? RT_NEVER : 0);
}

void loop_run(struct loop *l)
{
	while (!atomic_load(&l->stopped))
		(void)loop_step_until(l, RT_NEVER);	/* what was handled does not matter here */
	atomic_store(&l->stopped, false);
}

int loop_run_until(struct loop *l, bool (*pred)(void *arg), void *arg, uint64_t deadline_ns)
{
	while (!pred(arg)) {
		if (atomic_load(&l->stopped))
			return -DER_CANCELED;
		if (deadline_ns != RT_NEVER && os_mono_ns() >= deadline_ns)
			return -DER_TIMEDOUT;
		(void)loop_step_until(l, deadline_ns);
	}
	return 0;
}

#include "transports/host/seat.h"

#include <stdlib.h>

/* A piece of work on its way to a ULT. A thread's own lies on its stack, a posted one on the heap. */
struct work {
	struct loop_msg msg;
	struct seat *seat;
	struct rt *rt;
	struct cl_stream *stream;	/* of a task */
	struct cl_task *task;		/* NULL: fn */
	void (*fn)(void *arg);
	void *arg;
	bool posted;			/* nobody waits for it: the ULT frees it */
	atomic_bool done;		/* set under the seat's lock */
	bool queued;			/* in seat->waiting; under the lock */
	struct list link;
	pthread_cond_t cond;
};

void seat_init(struct seat *seat, struct loop *loop)
{
	*seat = (struct seat){ .loop = loop };
	(void)pthread_mutex_init(&seat->lock, NULL);
	(void)pthread_cond_init(&seat->alone, NULL);
	list_init(&seat->waiting);
}

void seat_fini(struct seat *seat)
{
	ASSERT(!seat->taken && list_empty(&seat->waiting) && seat->threads == 0);
	(void)pthread_cond_destroy(&seat->alone);
	(void)pthread_mutex_destroy(&seat->lock);
}

/* ---- the work, on the loop ------------------------------------------------------------------ */

static void work_finish(struct work *w)
{
	struct seat *seat = w->seat;

	if (w->posted) {
		free(w);
		return;
	}
	(void)pthread_mutex_lock(&seat->lock);
	if (w->queued)
		list_del(&w->link);
	w->queued = false;
	atomic_store(&w->done, true);
	(void)pthread_cond_signal(&w->cond);
	(void)pthread_mutex_unlock(&seat->lock);
}

static void work_ult(void *arg)
{
	struct work *w = arg;

	if (w->task != NULL) {
		w->task->stream = w->stream;
		w->task->fn(w->task);
	} else {
		w->fn(w->arg);
	}
	work_finish(w);
}

static void work_arrive(struct loop_msg *msg)
{
	struct work *w = container_of(msg, struct work, msg);
	struct ult_opts opts = { .name = "call" };

	/* No stack for it now: others will end and give theirs back. */
	if (rt_spawn(w->rt, work_ult, w, &opts) != 0)
		(void)loop_post(w->seat->loop, msg);
}

/* ---- taking turns --------------------------------------------------------------------------- */

/* With the lock held. */
static void seat_take(struct seat *seat)
{
	ASSERT(!seat->taken);
	seat->taken = true;
	seat->driver = pthread_self();
}

/* With the lock held: a seat that is free goes to those who want it alone, else to whoever waits longest. */
static void seat_offer(struct seat *seat)
{
	if (seat->taken)
		return;
	if (atomic_load(&seat->wanted) > 0)
		(void)pthread_cond_broadcast(&seat->alone);
	else if (!list_empty(&seat->waiting))
		(void)pthread_cond_signal(&list_first(&seat->waiting, struct work, link)->cond);
}

static void seat_leave(struct seat *seat)
{
	seat->taken = false;
	seat_offer(seat);
}

/* With the lock held: a thread came into a call, or leaves it. */
static void thread_in(struct seat *seat)
{
	seat->threads++;
}

static void thread_out(struct seat *seat)
{
	if (--seat->threads == 0)
		(void)pthread_cond_broadcast(&seat->alone);
	/* Its turn may have been offered to it when its work was done by others already. */
	seat_offer(seat);
}

bool seat_inside(struct seat *seat)
{
	bool in;

	(void)pthread_mutex_lock(&seat->lock);
	in = seat->taken && pthread_equal(seat->driver, pthread_self());
	(void)pthread_mutex_unlock(&seat->lock);
	return in;
}

static void work_drive(struct seat *seat, const struct work *w)
{
	while (!atomic_load(&w->done) && atomic_load(&seat->wanted) == 0)
		(void)loop_step(seat->loop, LOOP_SLEEP);
}

/* With the lock held. */
static void work_wait(struct seat *seat, struct work *w)
{
	while (!atomic_load(&w->done)) {
		if (!seat->taken && atomic_load(&seat->wanted) == 0) {
			seat_take(seat);
			(void)pthread_mutex_unlock(&seat->lock);
			work_drive(seat, w);
			(void)pthread_mutex_lock(&seat->lock);
			seat_leave(seat);
			continue;
		}
		if (!w->queued)
			list_add_tail(&seat->waiting, &w->link);
		w->queued = true;
		(void)pthread_cond_wait(&w->cond, &seat->lock);
		if (w->queued)
			list_del(&w->link);
		w->queued = false;
	}
}

static void work_run(struct seat *seat, struct work *w)
{
	bool ok;

	(void)pthread_cond_init(&w->cond, NULL);
	w->msg.fn = work_arrive;
	(void)pthread_mutex_lock(&seat->lock);
	thread_in(seat);
	ok = loop_post(seat->loop, &w->msg);
	ASSERT(ok);
	work_wait(seat, w);
	thread_out(seat);
	(void)pthread_mutex_unlock(&seat->lock);
	(void)pthread_cond_destroy(&w->cond);
}

/* A callback on another stream of the seat we are in: its loop is ours, so step it from here. */
static void nested_run(struct seat *seat, struct work *w)
{
	struct rt *self = NULL;
	struct list *pos;

	list_for_each(pos, &seat->loop->streams) {
		struct loop_stream *ls = list_entry(pos, struct loop_stream, link);

		if (rt_self(ls->rt) != NULL)
			self = ls->rt;
	}
	ASSERT(self != NULL && self != w->rt);
	(void)pthread_cond_init(&w->cond, NULL);
	w->msg.fn = work_arrive;
	(void)loop_post(seat->loop, &w->msg);
	while (!atomic_load(&w->done))
		rt_yield(self);
	(void)pthread_cond_destroy(&w->cond);
}

void seat_run(struct seat *seat, struct cl_stream *s, struct cl_task *t)
{
	struct work w = { .seat = seat, .rt = s->rt, .stream = s, .task = t };

	if (!seat_inside(seat)) {
		work_run(seat, &w);
	} else if (rt_self(s->rt) != NULL) {
		t->stream = s;
		t->fn(t);
	} else {
		nested_run(seat, &w);
	}
}

void seat_run_rt(struct seat *seat, struct rt *rt, void (*fn)(void *arg), void *arg)
{
	struct work w = { .seat = seat, .rt = rt, .fn = fn, .arg = arg };

	if (seat_inside(seat))
		nested_run(seat, &w);
	else
		work_run(seat, &w);
}

void seat_post(struct seat *seat, struct cl_stream *s, struct cl_task *t)
{
	struct work *w = calloc(1, sizeof(*w));
	bool mine;

	/* A task that was accepted must run: without memory for the message, it runs now. */
	if (w == NULL) {
		seat_run(seat, s, t);
		return;
	}
	*w = (struct work){ .seat = seat, .rt = s->rt, .stream = s, .task = t, .posted = true };
	w->msg.fn = work_arrive;
	(void)pthread_mutex_lock(&seat->lock);
	(void)loop_post(seat->loop, &w->msg);
	mine = !seat->taken && atomic_load(&seat->wanted) == 0;
	if (!mine) {	/* whoever has the seat will see it, we ourselves perhaps */
		(void)pthread_mutex_unlock(&seat->lock);
		return;
	}
	thread_in(seat);
	seat_take(seat);
	(void)pthread_mutex_unlock(&seat->lock);
	/* Once for the message to become a ULT, once for the ULT to send. */
	(void)loop_step(seat->loop, LOOP_POLL);
	(void)loop_step(seat->loop, LOOP_POLL);
	(void)pthread_mutex_lock(&seat->lock);
	seat->taken = false;
	thread_out(seat);
	(void)pthread_mutex_unlock(&seat->lock);
}

/* ---- alone ---------------------------------------------------------------------------------- */

void seat_enter(struct seat *seat)
{
	(void)pthread_mutex_lock(&seat->lock);
	(void)atomic_fetch_add(&seat->wanted, 1);
	if (seat->taken)
		loop_wake(seat->loop);
	while (seat->taken)
		(void)pthread_cond_wait(&seat->alone, &seat->lock);
	(void)atomic_fetch_sub(&seat->wanted, 1);
	seat_take(seat);
	(void)pthread_mutex_unlock(&seat->lock);
}

void seat_exit(struct seat *seat)
{
	(void)pthread_mutex_lock(&seat->lock);
	seat_leave(seat);
	(void)pthread_mutex_unlock(&seat->lock);
}

void seat_drain(struct seat *seat, struct rt *rt)
{
	int n = 1;

	ASSERT(seat->taken);
	/* Messages that are on their way still become ULTs. */
	while (rt->ult_count > 0 || n > 0)
		n = loop_step(seat->loop, rt->ult_count > 0 && n == 0 ? LOOP_SLEEP : LOOP_POLL);
}

void seat_wait_empty(struct seat *seat)
{
	(void)pthread_mutex_lock(&seat->lock);
	while (seat->threads > 0)
		(void)pthread_cond_wait(&seat->alone, &seat->lock);
	(void)pthread_mutex_unlock(&seat->lock);
}

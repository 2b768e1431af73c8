/* Event, mutex, condition, semaphore, and the blocking forms of submits: all above wait queues. */
#include "core/rt/ult_int.h"

void rt_event_init(struct rt_event *ev)
{
	*ev = (struct rt_event){ 0 };
	rt_waitq_init(&ev->q);
}

void rt_event_set(struct rt *rt, struct rt_event *ev, int rc)
{
	if (ev->set)
		return;
	ev->set = true;
	ev->rc = rc;
	(void)rt_wake_all(rt, &ev->q);
}

int rt_event_wait(struct rt *rt, struct rt_event *ev, uint64_t deadline_ns)
{
	while (!ev->set) {
		int rc = rt_wait(rt, &ev->q, deadline_ns);

		/* Set and expired in one round of the loop: the event wins. */
		if (rc != 0 && !ev->set)
			return rc;
	}
	return ev->rc;
}

void rt_mutex_init(struct rt_mutex *m)
{
	*m = (struct rt_mutex){ 0 };
	rt_waitq_init(&m->q);
}

void rt_mutex_lock(struct rt *rt, struct rt_mutex *m)
{
	struct ult *self = rt_self(rt);

	ASSERT(self != NULL && m->owner != self);
	if (m->owner == NULL) {
		m->owner = self;
		return;
	}
	(void)rt_wait(rt, &m->q, RT_NEVER);
	ASSERT(m->owner == self);	/* handed over by the unlocker */
}

void rt_mutex_unlock(struct rt *rt, struct rt_mutex *m)
{
	ASSERT(m->owner == rt_self(rt));
	m->owner = NULL;
	if (list_empty(&m->q.waiters))
		return;
	/* Ownership passes to the waiter before it runs, so nobody overtakes it. */
	m->owner = list_first(&m->q.waiters, struct ult, link);
	(void)rt_wake_one(rt, &m->q);
}

int rt_cond_wait(struct rt *rt, struct rt_waitq *q, struct rt_mutex *m, uint64_t deadline_ns)
{
	int rc;

	rt_mutex_unlock(rt, m);
	rc = rt_wait(rt, q, deadline_ns);
	rt_mutex_lock(rt, m);
	return rc;
}

void rt_sem_init(struct rt_sem *s, uint32_t value)
{
	*s = (struct rt_sem){ .value = value };
	rt_waitq_init(&s->q);
}

int rt_sem_take(struct rt *rt, struct rt_sem *s, uint64_t deadline_ns)
{
	if (s->value > 0) {
		s->value--;
		return 0;
	}
	return rt_wait(rt, &s->q, deadline_ns);	/* a give passes its unit on to us */
}

bool rt_sem_try(struct rt_sem *s)
{
	if (s->value == 0)
		return false;
	s->value--;
	return true;
}

void rt_sem_give(struct rt *rt, struct rt_sem *s)
{
	if (!rt_wake_one(rt, &s->q))
		s->value++;
}

struct io_wait {
	struct rt_io io;
	struct rt *rt;
	struct rt_event ev;
};

static void io_done(struct rt_io *io, int rc)
{
	struct io_wait *w = container_of(io, struct io_wait, io);

	rt_event_set(w->rt, &w->ev, rc);
}

int rt_io(struct rt *rt, struct rt_dev *dev, enum rt_io_op op, uint64_t off, const struct buf *buf)
{
	struct io_wait w = {
		.io = { .dev = dev, .op = op, .off = off, .done = io_done },
		.rt = rt,
	};
	int rc;

	if (buf != NULL)
		w.io.buf = *buf;
	rt_event_init(&w.ev);
	rc = rt_io_submit(rt, &w.io);
	while (rc == -DER_AGAIN) {	/* the device's queue is full: let it drain */
		rt_yield(rt);
		rc = rt_io_submit(rt, &w.io);
	}
	return rc != 0 ? rc : rt_event_wait(rt, &w.ev, RT_NEVER);
}

struct bulk_wait {
	struct rt_bulk bulk;
	struct rt *rt;
	struct rt_event ev;
};

static void bulk_done(struct rt_bulk *bulk, int rc)
{
	struct bulk_wait *w = container_of(bulk, struct bulk_wait, bulk);

	rt_event_set(w->rt, &w->ev, rc);
}

int rt_bulk_wait(struct rt *rt, struct rt_in *in, enum rt_bulk_op op, uint64_t remote_off,
		 const struct buf *local)
{
	struct bulk_wait w = {
		.bulk = { .in = in, .op = op, .remote_off = remote_off, .local = *local,
			  .done = bulk_done },
		.rt = rt,
	};
	int rc;

	rt_event_init(&w.ev);
	rc = rt_bulk(rt, &w.bulk);
	while (rc == -DER_AGAIN) {
		rt_yield(rt);
		rc = rt_bulk(rt, &w.bulk);
	}
	return rc != 0 ? rc : rt_event_wait(rt, &w.ev, RT_NEVER);
}

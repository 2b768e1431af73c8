/*
 * Events and event queues.
 *
 * An event's private part and the lists it is in are touched under the process lock only. An event runs
 * on the stream of its queue (of its process, without one) and completes there; who waits for events
 * waits on that stream. Memory of an event is the program's: nothing of it is touched after the moment
 * at which the program can see that it is complete.
 */
#include "core/client/client_int.h"

#include "daos_event.h"

#define EV_MAGIC 0x45564e54u

struct ev_cb {
	struct ev_cb *next;
	daos_event_comp_cb_t fn;
	void *arg;
};

struct eq {
	struct cl_ref ref;
	struct cl_stream *stream;	/* under the lock; NULL after a fork, until used again */
	struct list running;
	struct list completed;
	struct list idle;		/* in no flight; so that a queue's end can let go of them */
	uint32_t running_count;
	bool destroyed;
};

struct ev {
	uint32_t magic;
	uint32_t state;			/* daos_ev_status_t */
	struct eq *eq;			/* counted; NULL: none */
	struct ev *parent;
	struct list link;		/* in a list of the queue */
	struct list children;
	struct list sibling;
	struct ev_cb *cbs;
	uint32_t child_count;
	uint32_t children_done;
	uint32_t launched;		/* a parent: its barrier was set */
	int32_t children_rc;
};

static_assert(sizeof(struct ev) <= sizeof(((daos_event_t *)0)->ev_private),
	      "an event holds its private part");

static struct ev *ev_of(daos_event_t *event)
{
	return (struct ev *)(void *)&event->ev_private;
}

static daos_event_t *ev_public(struct ev *ev)
{
	return container_of(ev, daos_event_t, ev_private);
}

static bool ev_valid(daos_event_t *event)
{
	return event != NULL && ev_of(event)->magic == EV_MAGIC;
}

/* ---- queues --------------------------------------------------------------------------------- */

static void eq_free(struct process *p, struct cl_ref *ref)
{
	struct eq *eq = container_of(ref, struct eq, ref);

	if (eq->stream != NULL)	/* daos_eq_create() did not come to its end */
		p->host->stream_close(p->host_ctx, eq->stream);
	process_free(p, eq);
}

void eq_forked(struct cl_ref *ref)
{
	container_of(ref, struct eq, ref)->stream = NULL;
}

/* The queue's stream; a child of fork() opens a new one. */
static int eq_stream(struct process *p, struct eq *eq, struct cl_stream **ret_stream)
{
	return eq == NULL ? process_main(p, ret_stream)
			  : process_stream(p, &eq->stream, ret_stream);
}

int daos_eq_create(daos_handle_t *eqh)
{
	struct process *p = host_self();
	struct eq *eq;
	int rc;

	if (p == NULL)
		return -DER_UNINIT;
	if (eqh == NULL)
		return -DER_INVAL;
	eq = process_alloc(p, sizeof(*eq));
	if (eq == NULL)
		return -DER_NOMEM;
	cl_ref_init(&eq->ref, DAOS_HTYPE_EQ, eq_free);
	list_init(&eq->running);
	list_init(&eq->completed);
	list_init(&eq->idle);
	rc = p->host->stream_open(p->host_ctx, p, &eq->stream);
	if (rc == 0)
		rc = hdl_insert(p, &eq->ref, eqh);
	if (rc != 0)
		cl_put(p, &eq->ref);
	return rc;
}

/* Let the idle and the completed events of @eq go, under the lock. Returns how many let go. */
static uint32_t eq_let_go(struct list *head)
{
	uint32_t n = 0;

	while (!list_empty(head)) {
		struct ev *ev = list_first(head, struct ev, link);

		list_del(&ev->link);
		ev->eq = NULL;
		n++;
	}
	return n;
}

/* End the queue: what is in flight is cancelled and completes, then its events are nobody's. */
static void eq_end(struct process *p, struct eq *eq)
{
	struct cl_stream *stream;
	uint32_t refs;

	process_lock(p);
	eq->destroyed = true;
	stream = eq->stream;
	eq->stream = NULL;
	process_unlock(p);
	if (stream != NULL)
		p->host->stream_close(p->host_ctx, stream);
	process_lock(p);
	refs = eq_let_go(&eq->idle) + eq_let_go(&eq->completed) + eq_let_go(&eq->running);
	process_unlock(p);
	while (refs-- > 0)
		cl_put(p, &eq->ref);
}

void eq_left_open(struct process *p, struct cl_ref *ref)
{
	eq_end(p, container_of(ref, struct eq, ref));
}

int daos_eq_destroy(daos_handle_t eqh, int flags)
{
	struct process *p = host_self();
	struct eq *eq;
	bool busy;

	if (p == NULL)
		return -DER_UNINIT;
	eq = hdl_get(p, eqh, DAOS_HTYPE_EQ);
	if (eq == NULL)
		return -DER_NO_HDL;
	process_lock(p);
	busy = eq->running_count > 0 && !(flags & DAOS_EQ_DESTROY_FORCE);
	if (!busy)
		eq->destroyed = true;
	process_unlock(p);
	cl_put(p, &eq->ref);
	if (busy)
		return -DER_BUSY;
	eq = hdl_remove(p, eqh, DAOS_HTYPE_EQ);
	if (eq == NULL)
		return -DER_NO_HDL;
	eq_end(p, eq);
	cl_put(p, &eq->ref);
	return 0;
}

struct poll_args {
	struct eq *eq;
	bool wait_running;
	int64_t timeout_us;
	uint32_t nr;
	daos_event_t **events;
};

/* Take up to @nr completed events, under the lock. The queue's references go with the list. */
static int eq_take(struct poll_args *a)
{
	struct eq *eq = a->eq;
	int n = 0;

	while ((uint32_t)n < a->nr && !list_empty(&eq->completed)) {
		struct ev *ev = list_first(&eq->completed, struct ev, link);

		list_del(&ev->link);
		list_add_tail(&eq->idle, &ev->link);
		ev->state = DAOS_EVS_READY;
		a->events[n++] = ev_public(ev);
	}
	return n;
}

static uint64_t deadline_of(struct cl_stream *s, int64_t timeout_us)
{
	if (timeout_us < 0 || timeout_us > INT64_MAX / 1000)
		return RT_NEVER;
	return rt_now_ns(s->rt) + (uint64_t)timeout_us * 1000;
}

static int eq_poll_fn(struct cl_stream *s, void *args)
{
	struct poll_args *a = args;
	uint64_t deadline = deadline_of(s, a->timeout_us);
	bool last = false;
	int n;

	for (;;) {
		bool idle;

		process_lock(s->proc);
		n = eq_take(a);
		idle = a->eq->destroyed || (a->eq->running_count == 0 && a->wait_running);
		process_unlock(s->proc);
		if (n > 0 || idle || last)
			return n;
		if (a->timeout_us == DAOS_EQ_NOWAIT) {
			rt_yield(s->rt);	/* one round of the loop polls once */
			last = true;
		} else {
			last = rt_wait(s->rt, &s->events, deadline) != 0;
		}
	}
}

/* Run a function of this file on @eq's stream and return what it returns. */
static int run_on(struct process *p, struct eq *eq, cl_fn fn, void *args)
{
	struct cl_stream *s;
	int rc = eq_stream(p, eq, &s);

	return rc != 0 ? rc : cl_run(p, s, fn, args);
}

int daos_eq_poll(daos_handle_t eqh, int wait_running, int64_t timeout, unsigned int nevents,
		 daos_event_t **events)
{
	struct process *p = host_self();
	struct poll_args a = { .wait_running = wait_running != 0, .timeout_us = timeout,
			       .nr = nevents, .events = events };
	int rc;

	if (p == NULL)
		return -DER_UNINIT;
	if (nevents == 0 || events == NULL)
		return -DER_INVAL;
	a.eq = hdl_get(p, eqh, DAOS_HTYPE_EQ);
	if (a.eq == NULL)
		return -DER_NO_HDL;
	rc = run_on(p, a.eq, eq_poll_fn, &a);
	cl_put(p, &a.eq->ref);
	return rc;
}

static uint32_t eq_list(struct list *head, uint32_t at, uint32_t cap, daos_event_t **events)
{
	struct list *pos;

	list_for_each(pos, head) {
		if (events != NULL && at < cap)
			events[at] = ev_public(list_entry(pos, struct ev, link));
		at++;
	}
	return at;
}

int daos_eq_query(daos_handle_t eqh, daos_eq_query_t query, unsigned int nevents,
		  daos_event_t **events)
{
	struct process *p = host_self();
	uint32_t n = 0;
	struct eq *eq;

	if (p == NULL)
		return -DER_UNINIT;
	eq = hdl_get(p, eqh, DAOS_HTYPE_EQ);
	if (eq == NULL)
		return -DER_NO_HDL;
	process_lock(p);
	if (query & DAOS_EQR_COMPLETED)
		n = eq_list(&eq->completed, n, nevents, events);
	if (query & DAOS_EQR_WAITING)
		n = eq_list(&eq->running, n, nevents, events);
	process_unlock(p);
	cl_put(p, &eq->ref);
	return (int)n;
}

/* ---- events --------------------------------------------------------------------------------- */

int daos_event_init(daos_event_t *event, daos_handle_t eqh, daos_event_t *parent)
{
	struct process *p = host_self();
	struct ev *up = parent != NULL ? ev_of(parent) : NULL;
	struct eq *eq = NULL;
	struct ev *ev;

	if (p == NULL)
		return -DER_UNINIT;
	if (event == NULL || (parent != NULL && (!ev_valid(parent) || up->parent != NULL)))
		return -DER_INVAL;
	if (up != NULL && up->state == DAOS_EVS_RUNNING)
		return -DER_NO_PERM;
	if (up != NULL && up->eq != NULL) {
		eq = up->eq;
		cl_get(p, &eq->ref);
	} else if (daos_handle_is_valid(eqh)) {
		eq = hdl_get(p, eqh, DAOS_HTYPE_EQ);
		if (eq == NULL)
			return -DER_NO_HDL;
	}
	ev = ev_of(event);
	event->ev_error = 0;
	*ev = (struct ev){ .magic = EV_MAGIC, .state = DAOS_EVS_READY, .eq = eq, .parent = up };
	list_init(&ev->link);
	list_init(&ev->children);
	list_init(&ev->sibling);
	process_lock(p);
	if (eq != NULL)
		list_add_tail(&eq->idle, &ev->link);
	if (up != NULL) {
		list_add_tail(&up->children, &ev->sibling);
		up->child_count++;
	}
	process_unlock(p);
	return 0;
}

/* Under the lock: out of everything. Returns the queue whose reference the event held. */
static struct eq *ev_detach(struct ev *ev)
{
	struct eq *eq = ev->eq;

	list_del(&ev->link);
	if (ev->parent != NULL) {
		list_del(&ev->sibling);
		ev->parent->child_count--;
		if (ev->parent->launched)	/* the barrier counted it: it does not run */
			ev->parent->children_done--;
	}
	ev->magic = 0;
	ev->eq = NULL;
	return eq;
}

static bool ev_busy(const struct ev *ev)
{
	const struct list *pos;

	if (ev->state == DAOS_EVS_RUNNING)
		return true;
	list_for_each(pos, &ev->children)
		if (container_of(pos, struct ev, sibling)->state == DAOS_EVS_RUNNING)
			return true;
	return false;
}

static void cbs_free(struct process *p, struct ev_cb *cb)
{
	while (cb != NULL) {
		struct ev_cb *next = cb->next;

		process_free(p, cb);
		cb = next;
	}
}

static void ev_end(struct process *p, struct ev *ev)
{
	struct ev_cb *cbs = ev->cbs;
	struct eq *eq;

	process_lock(p);
	eq = ev_detach(ev);
	process_unlock(p);
	cbs_free(p, cbs);
	if (eq != NULL)
		cl_put(p, &eq->ref);
}

int daos_event_fini(daos_event_t *event)
{
	struct process *p = host_self();
	struct ev *ev;
	bool busy;

	if (p == NULL)
		return -DER_UNINIT;
	if (!ev_valid(event))
		return -DER_INVAL;
	ev = ev_of(event);
	process_lock(p);
	busy = ev_busy(ev);
	process_unlock(p);
	if (busy)
		return -DER_BUSY;
	while (!list_empty(&ev->children))
		ev_end(p, list_first(&ev->children, struct ev, sibling));
	ev_end(p, ev);
	return 0;
}

daos_event_t *daos_event_next(daos_event_t *parent, daos_event_t *child)
{
	struct list *at;

	if (!ev_valid(parent) || (child != NULL && !ev_valid(child)))
		return NULL;
	at = child != NULL ? ev_of(child)->sibling.next : ev_of(parent)->children.next;
	return at == &ev_of(parent)->children ? NULL
					      : ev_public(container_of(at, struct ev, sibling));
}

/* Under the lock: the event runs from now on. */
static void ev_set_running(struct ev *ev)
{
	ev->state = DAOS_EVS_RUNNING;
	if (ev->eq == NULL)
		return;
	list_del(&ev->link);
	list_add_tail(&ev->eq->running, &ev->link);
	ev->eq->running_count++;
}

/* Under the lock: it is complete; a child waits for its parent, others for a poll. */
static void ev_set_completed(struct ev *ev)
{
	ev->state = DAOS_EVS_COMPLETED;
	if (ev->eq == NULL)
		return;
	list_del(&ev->link);
	list_add_tail(ev->parent != NULL ? &ev->eq->idle : &ev->eq->completed, &ev->link);
	ev->eq->running_count--;
}

int ev_launch(struct process *p, daos_event_t *event, struct cl_stream **ret_stream)
{
	struct ev *ev;
	int rc;

	if (!ev_valid(event))
		return -DER_INVAL;
	ev = ev_of(event);
	rc = eq_stream(p, ev->eq, ret_stream);
	if (rc != 0)
		return rc;
	process_lock(p);
	if (ev->state == DAOS_EVS_RUNNING || ev->child_count > 0 ||
	    (ev->parent != NULL && ev->parent->launched))
		rc = -DER_NO_PERM;
	else if (ev->eq != NULL && ev->eq->destroyed)
		rc = -DER_NONEXIST;
	else
		ev_set_running(ev);
	process_unlock(p);
	return rc;
}

/* Callbacks see the event still running: they may read it, and then it is the program's. */
static int ev_call_back(struct process *p, struct ev *ev, int rc)
{
	struct ev_cb *cb = ev->cbs;

	ev->cbs = NULL;
	while (cb != NULL) {
		struct ev_cb *next = cb->next;

		ev_public(ev)->ev_error = rc;
		rc = cb->fn(cb->arg, ev_public(ev), rc);
		process_free(p, cb);
		cb = next;
	}
	return rc;
}

void ev_complete(struct cl_stream *s, daos_event_t *event, int rc)
{
	struct process *p = s->proc;
	struct ev *ev = ev_of(event);
	struct ev *parent = ev->parent;
	bool parent_done = false;
	int parent_rc = 0;

	rc = ev_call_back(p, ev, rc);
	process_lock(p);
	event->ev_error = rc;
	if (parent != NULL) {
		parent->children_done++;
		if (parent->children_rc == 0)
			parent->children_rc = rc;
		parent_done = parent->launched && parent->children_done == parent->child_count;
		parent_rc = parent->children_rc;
	}
	ev_set_completed(ev);
	process_unlock(p);
	if (parent_done) {
		parent_rc = ev_call_back(p, parent, parent_rc);
		process_lock(p);
		ev_public(parent)->ev_error = parent_rc;
		parent->launched = 0;
		ev_set_completed(parent);
		process_unlock(p);
	}
	(void)rt_wake_all(s->rt, &s->events);
}

static int wake_fn(struct cl_stream *s, void *args)
{
	(void)args;
	(void)rt_wake_all(s->rt, &s->events);
	return 0;
}

int daos_event_parent_barrier(daos_event_t *event)
{
	struct process *p = host_self();
	struct list *pos;
	struct ev *ev;
	bool done;
	int rc = 0;

	if (p == NULL)
		return -DER_UNINIT;
	if (!ev_valid(event))
		return -DER_INVAL;
	ev = ev_of(event);
	process_lock(p);
	if (ev->child_count == 0) {
		rc = -DER_INVAL;
	} else if (ev->state == DAOS_EVS_RUNNING || ev->launched) {
		rc = -DER_NO_PERM;
	} else {
		ev->children_done = 0;
		ev->children_rc = 0;
		list_for_each(pos, &ev->children) {
			struct ev *child = container_of(pos, struct ev, sibling);

			ev->children_done += child->state != DAOS_EVS_RUNNING;
			if (ev->children_rc == 0 && child->state == DAOS_EVS_COMPLETED)
				ev->children_rc = ev_public(child)->ev_error;
		}
		ev_set_running(ev);
		if (ev->children_done == ev->child_count) {
			event->ev_error = ev->children_rc;
			ev_set_completed(ev);
		} else {
			ev->launched = 1;
		}
	}
	done = rc == 0 && ev->launched == 0;
	process_unlock(p);
	/* Completed from here, not on the stream: who polls there is to be told. */
	return done ? run_on(p, ev->eq, wake_fn, NULL) : rc;
}

int daos_event_register_comp_cb(daos_event_t *event, daos_event_comp_cb_t fn, void *arg)
{
	struct process *p = host_self();
	struct ev_cb *cb;
	int rc = 0;

	if (p == NULL)
		return -DER_UNINIT;
	if (!ev_valid(event) || fn == NULL)
		return -DER_INVAL;
	cb = process_alloc(p, sizeof(*cb));
	if (cb == NULL)
		return -DER_NOMEM;
	cb->fn = fn;
	cb->arg = arg;
	process_lock(p);
	if (ev_of(event)->state == DAOS_EVS_RUNNING) {
		rc = -DER_NO_PERM;
	} else {
		cb->next = ev_of(event)->cbs;
		ev_of(event)->cbs = cb;
	}
	process_unlock(p);
	if (rc != 0)
		process_free(p, cb);
	return rc;
}

struct test_args {
	struct ev *ev;
	int64_t timeout_us;
	bool done;
};

static int event_test_fn(struct cl_stream *s, void *args)
{
	struct test_args *a = args;
	uint64_t deadline = deadline_of(s, a->timeout_us);
	bool last = false;

	for (;;) {
		struct ev *ev = a->ev;

		process_lock(s->proc);
		a->done = ev->state != DAOS_EVS_RUNNING;
		if (ev->state == DAOS_EVS_COMPLETED) {
			ev->state = DAOS_EVS_READY;
			if (ev->eq != NULL) {
				list_del(&ev->link);
				list_add_tail(&ev->eq->idle, &ev->link);
			}
		}
		process_unlock(s->proc);
		if (a->done || last)
			return 0;
		if (a->timeout_us == DAOS_EQ_NOWAIT) {
			rt_yield(s->rt);
			last = true;
		} else {
			last = rt_wait(s->rt, &s->events, deadline) != 0;
		}
	}
}

int daos_event_test(daos_event_t *event, int64_t timeout, bool *flag)
{
	struct process *p = host_self();
	struct test_args a = { .timeout_us = timeout };
	int rc;

	if (p == NULL)
		return -DER_UNINIT;
	if (!ev_valid(event) || flag == NULL)
		return -DER_INVAL;
	a.ev = ev_of(event);
	if (a.ev->parent != NULL)
		return -DER_NO_PERM;
	rc = run_on(p, a.ev->eq, event_test_fn, &a);
	if (rc == 0)
		*flag = a.done;
	return rc;
}

/* An operation here is a ULT in the middle of its calls; those end by their deadlines. So an abort is
 * noted, and the event completes as usual. */
int daos_event_abort(daos_event_t *event)
{
	struct process *p = host_self();
	bool running;

	if (p == NULL)
		return -DER_UNINIT;
	if (!ev_valid(event))
		return -DER_INVAL;
	process_lock(p);
	running = ev_busy(ev_of(event));
	process_unlock(p);
	return running ? 0 : -DER_NO_PERM;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Events and event queues: how calls are made without waiting for them.
 *
 * Every call that ends in "daos_event_t *ev" waits for its result when @ev is NULL and returns it.
 * With an event it returns as soon as the operation is under way: 0, and the result is found in
 * ev->ev_error when the event completes (an error that is known at once is reported either way,
 * in ev_error). All memory the call was given, and the event, must stay in place until then.
 *
 * An event belongs to a queue, or to none (then only daos_event_test() completes it). A parent
 * event stands for all its children: it completes when they all have, its ev_error is the first
 * error among them. An event is used again after it completed, without further ado.
 * Nothing progresses unless some thread polls, tests or makes a blocking call: the library has no
 * thread of its own.
 */
#ifndef DAOS_EVENT_H
#define DAOS_EVENT_H

#include <daos_errno.h>
#include <daos_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** daos_eq_destroy(): abort what is in flight instead of failing with -DER_BUSY. */
#define DAOS_EQ_DESTROY_FORCE	1

/**
 * Make an event queue. Destroy it with daos_eq_destroy().
 * Errors: -DER_INVAL, -DER_NOMEM, -DER_UNINIT.  Blocks: no.
 */
int daos_eq_create(daos_handle_t *eqh);

/**
 * Destroy an event queue. Events of it that are not in flight may still be finalised.
 * @flags: 0 or DAOS_EQ_DESTROY_FORCE.
 * Errors: -DER_NO_HDL, -DER_BUSY (events in flight and not forced).  Blocks: yes, if forced.
 */
int daos_eq_destroy(daos_handle_t eqh, int flags);

/**
 * Take completed events from a queue.
 * @wait_running: not 0: if nothing has completed, wait only while something is in flight;
 *	0: wait for events even if none is in flight yet.
 * @timeout: microseconds, DAOS_EQ_WAIT or DAOS_EQ_NOWAIT.
 * @nevents, @events: room for that many pointers; parents are returned, children never.
 * Returns the number of events, which may be 0.
 * Errors: -DER_INVAL, -DER_NO_HDL, -DER_NONEXIST (the queue was destroyed meanwhile).
 * Blocks: yes, up to @timeout.
 */
int daos_eq_poll(daos_handle_t eqh, int wait_running, int64_t timeout, unsigned int nevents,
		 daos_event_t **events);

/**
 * Count, and optionally list, the events of a queue without taking or progressing any.
 * @events: NULL or room for @nevents pointers.
 * Returns the number of events that match, which may exceed @nevents.
 * Errors: -DER_NO_HDL.  Blocks: no.
 */
int daos_eq_query(daos_handle_t eqh, daos_eq_query_t query, unsigned int nevents,
		  daos_event_t **events);

/**
 * Make @ev ready for use. @eqh: its queue, or DAOS_HDL_INVAL for none. @parent: NULL, or an event
 * that is not in flight and has no parent itself; a child takes the queue of its parent.
 * Errors: -DER_INVAL, -DER_NO_HDL, -DER_NO_PERM (the parent is in flight).  Blocks: no.
 */
int daos_event_init(daos_event_t *ev, daos_handle_t eqh, daos_event_t *parent);

/**
 * Take @ev out of its queue and of its parent. Its children are finalised with it.
 * Errors: -DER_BUSY (in flight).  Blocks: no.
 */
int daos_event_fini(daos_event_t *ev);

/** First child of @parent if @child is NULL, else the one after @child; NULL at the end. */
daos_event_t *daos_event_next(daos_event_t *parent, daos_event_t *child);

/**
 * Has @ev completed? Progresses the library for up to @timeout microseconds (DAOS_EQ_WAIT,
 * DAOS_EQ_NOWAIT). An idle event counts as complete. A completed event leaves its queue.
 * Children cannot be tested, only their parent.
 * Errors: -DER_INVAL, -DER_NO_PERM (a child).  Blocks: yes, up to @timeout.
 */
int daos_event_test(struct daos_event *ev, int64_t timeout, bool *flag);

/** Called with its argument, the event and the event's result when the event completes. */
typedef int (*daos_event_comp_cb_t)(void *arg, daos_event_t *ev, int rc);

/**
 * Have @cb called when @ev completes, in the thread that progresses it. For one completion only,
 * and to be registered while the event is not in flight.
 * Errors: -DER_NO_PERM (in flight), -DER_NOMEM.  Blocks: no.
 */
int daos_event_register_comp_cb(struct daos_event *ev, daos_event_comp_cb_t cb, void *arg);

/**
 * Launch a parent event whose children are all launched: it completes after the last of them.
 * Errors: -DER_INVAL (no children), -DER_NO_PERM (in flight already).  Blocks: no.
 */
int daos_event_parent_barrier(struct daos_event *ev);

/**
 * Try to abort the operation behind @ev, or all operations of its children. The event completes
 * as usual, with -DER_CANCELED if the abort came in time.
 * Errors: -DER_INVAL, -DER_NO_PERM (not in flight).  Blocks: no.
 */
int daos_event_abort(daos_event_t *ev);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_EVENT_H */

/**
 * seat: how threads that have no thread of ours to help them drive a loop, taking turns. A thread that
 * wants something done posts it and takes the seat if it is free; the one in the seat steps the loop
 * until its own work is done, then hands the seat to the next thread that waits. A thread that wants
 * to change what the loop drives asks for the seat alone, and gets it after the step that runs.
 *
 * The mutex gives the happens-before edge that loop.h asks of two drivers.
 */
#ifndef GEMEL_TRANSPORTS_HOST_SEAT_H
#define GEMEL_TRANSPORTS_HOST_SEAT_H

#include <pthread.h>

#include "core/client/client.h"
#include "transports/loop/loop.h"

struct seat {
	pthread_mutex_t lock;
	pthread_cond_t alone;	/**< signalled for those that want the seat alone, or nobody inside */
	struct loop *loop;
	struct list waiting;	/**< threads whose work is not done, in order */
	atomic_uint wanted;	/**< threads that want the seat alone; changed under the lock */
	uint32_t threads;	/**< inside of seat_run(), seat_post(), seat_run_rt() */
	bool taken;
	pthread_t driver;	/**< who, while taken */
};

void seat_init(struct seat *seat, struct loop *loop);
void seat_fini(struct seat *seat);

/** Run @t on a ULT of @s, whose loop is the seat's, and return after it. Blocks: yes. */
void seat_run(struct seat *seat, struct cl_stream *s, struct cl_task *t);

/** Have @t run on a ULT of @s; a first step is made if the seat is free. Blocks: no. */
void seat_post(struct seat *seat, struct cl_stream *s, struct cl_task *t);

/** Run @fn(@arg) as a ULT of @rt and return after it: for starting and stopping services. Not from a
 * ULT of @rt.  Blocks: yes. */
void seat_run_rt(struct seat *seat, struct rt *rt, void (*fn)(void *arg), void *arg);

/** True on a ULT (or in a callback) of one of the seat's streams. */
bool seat_inside(struct seat *seat);

/** Take the seat alone, not from inside: streams may be added to the loop and taken off, and nobody
 * else steps it until seat_exit().  Blocks: yes. */
void seat_enter(struct seat *seat);
void seat_exit(struct seat *seat);

/** Alone in the seat: step until no ULT of @rt is left. Blocks: yes. */
void seat_drain(struct seat *seat, struct rt *rt);

/** Wait until no other thread is in a call of this seat. Blocks: yes. */
void seat_wait_empty(struct seat *seat);

#endif

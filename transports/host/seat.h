/**
 * seat: how threads that have no thread of ours to help them drive a loop, taking turns. A thread that
 * wants something done posts it and takes the seat if it is free; the one in the seat steps the loop
 * until its own work is done, then hands the seat to the next thread that waits.
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
	struct loop *loop;
	bool taken;
	pthread_t driver;	/**< who, while taken */
	struct list waiting;	/**< threads that wait, in order */
};

void seat_init(struct seat *seat, struct loop *loop);
void seat_fini(struct seat *seat);

/** Run @t on a ULT of @s, whose loop is the seat's, and return after it. Blocks: yes. */
void seat_run(struct seat *seat, struct cl_stream *s, struct cl_task *t);

/** Have @t run on a ULT of @s; a first step is made if the seat is free. Blocks: no. */
void seat_post(struct seat *seat, struct cl_stream *s, struct cl_task *t);

/** Run @fn(@arg) as a ULT of @rt and return after it: for starting and stopping services. */
void seat_run_rt(struct seat *seat, struct rt *rt, void (*fn)(void *arg), void *arg);

#endif

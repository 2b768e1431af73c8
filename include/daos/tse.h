/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tasks: operations with dependencies between them. A scheduler holds tasks; a task runs once all
 * tasks it depends on have completed, and its result is in dt_result once it has completed itself.
 *
 * Tasks are counted: creation gives the scheduler a reference, which completion takes back; a
 * program that looks at a task afterwards takes its own. A scheduler is embedded by its owner and
 * must outlive its tasks. Functions return 0 or -DER_*; none blocks: daos_progress() of daos_task.h
 * makes things move.
 */
#ifndef DAOS_TSE_H
#define DAOS_TSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gurt/list.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a task's arguments, of its private part, of all of it. */
#define TSE_TASK_ARG_LEN	(840 + sizeof(pthread_mutex_t))
#define TSE_PRIV_SIZE		(TSE_TASK_ARG_LEN + 136)
#define TSE_TASK_SIZE		(TSE_PRIV_SIZE + 8)

/** One operation. */
typedef struct tse_task {
	/** 0 or -DER_*, once complete */
	int	dt_result;
	int	dt_pad32;
	struct {
		char	dt_space[TSE_PRIV_SIZE];
	}	dt_private;
} tse_task_t;

/** A set of tasks. */
typedef struct {
	/** first error among the tasks */
	int	 ds_result;
	/** the owner's */
	void	*ds_udata;
	struct {
		uint64_t	ds_space[48];
	}	 ds_private;
} tse_sched_t;

/** Called when a scheduler has completed. */
typedef int (*tse_sched_comp_cb_t)(void *args, int rc);
/** The operation itself: must see to it that tse_task_complete() is called. */
typedef int (*tse_task_func_t)(tse_task_t *task);
/** Called before a task runs or after it completed, with a copy of data given at registration. */
typedef int (*tse_task_cb_t)(tse_task_t *task, void *arg);

int tse_sched_init(tse_sched_t *sched, tse_sched_comp_cb_t comp_cb, void *udata);
/** All tasks must have completed. */
void tse_sched_fini(tse_sched_t *sched);
void tse_sched_addref(tse_sched_t *sched);
void tse_sched_decref(tse_sched_t *sched);
/** Wait for, or with @cancel drop, what is left, and complete with @ret. */
void tse_sched_complete(tse_sched_t *sched, int ret, bool cancel);
/** Run what can run. */
void tse_sched_progress(tse_sched_t *sched);
/** Are there no tasks left? */
bool tse_sched_check_complete(tse_sched_t *sched);
int tse_sched_register_comp_cb(tse_sched_t *sched, tse_sched_comp_cb_t comp_cb, void *arg);

/** A task that calls @task_func, which may be NULL: then it only waits for others. */
int tse_task_create(tse_task_func_t task_func, tse_sched_t *sched, void *priv, tse_task_t **taskp);
/** Let it run when its dependencies allow; @instant: now if they do already. */
int tse_task_schedule(tse_task_t *task, bool instant);
/** @delay: microseconds. */
int tse_task_schedule_with_delay(tse_task_t *task, bool instant, uint64_t delay);
/** The operation has ended. */
void tse_task_complete(tse_task_t *task, int ret);
void tse_task_addref(tse_task_t *task);
void tse_task_decref(tse_task_t *task);

/** @task waits for these. */
int tse_task_register_deps(tse_task_t *task, int num_deps, tse_task_t *dep_tasks[]);
/** Data is copied. Completion callbacks run in reverse order of registration. */
int tse_task_register_cbs(tse_task_t *task, tse_task_cb_t prep_cb, void *prep_data,
			  size_t prep_data_size, tse_task_cb_t comp_cb, void *comp_data,
			  size_t comp_data_size);
int tse_task_register_comp_cb(tse_task_t *task, tse_task_cb_t comp_cb, void *arg, size_t arg_size);
/** The same, then run again after @delay microseconds, for completion callbacks that retry. */
int tse_task_register_comp_cb_and_reinit(tse_task_t *task, tse_task_cb_t comp_cb, void *arg,
					 size_t arg_size, uint64_t delay);
/** Run again, from a completion callback. */
int tse_task_reinit(tse_task_t *task);
int tse_task_reinit_with_delay(tse_task_t *task, uint64_t delay);
/** Use a completed task for another operation. */
int tse_task_reset(tse_task_t *task, tse_task_func_t task_func, void *priv);

void *tse_task_get_priv(tse_task_t *task);
/** Returns the former one. */
void *tse_task_set_priv(tse_task_t *task, void *priv);
tse_sched_t *tse_task2sched(tse_task_t *task);
/** @size bytes within the task, up to TSE_TASK_ARG_LEN. */
void *tse_task_buf_embedded(tse_task_t *task, int size);

/** Errors of this task do not become errors of those that wait for it. */
void tse_disable_propagate(tse_task_t *task);

/** Lists of tasks. The first task that fails ends a traversal. */
int tse_task_list_add(tse_task_t *task, d_list_t *head);
tse_task_t *tse_task_list_first(d_list_t *head);
void tse_task_list_del(tse_task_t *task);
void tse_task_list_sched(d_list_t *head, bool instant);
void tse_task_list_abort(d_list_t *head, int rc);
/** All of the list wait for @task; @task waits for all of the list. */
int tse_task_list_depend(d_list_t *head, tse_task_t *task);
int tse_task_depend_list(tse_task_t *task, d_list_t *head);
int tse_task_list_traverse(d_list_t *head, tse_task_cb_t cb, void *arg);
/** The same, and @cb may take its task out. */
int tse_task_list_traverse_adv(d_list_t *head, tse_task_cb_t cb, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_TSE_H */

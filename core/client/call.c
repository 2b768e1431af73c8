/* How a public function runs: at once on the process's stream, or later on an event's. */
#include "core/client/client_int.h"

struct run_task {
	struct cl_task task;
	cl_fn fn;
	void *args;
	int rc;
};

static void run_task_fn(struct cl_task *t)
{
	struct run_task *r = container_of(t, struct run_task, task);

	r->rc = r->fn(t->stream, r->args);
}

int cl_run(struct process *p, struct cl_stream *s, cl_fn fn, void *args)
{
	struct run_task r = { .task = { .fn = run_task_fn }, .fn = fn, .args = args };

	p->host->run(p->host_ctx, s, &r.task);
	return r.rc;
}

struct post_task {
	struct cl_task task;
	cl_fn fn;
	daos_event_t *ev;
	uint64_t args[CL_ARGS_MAX / sizeof(uint64_t)];
};

static void post_task_fn(struct cl_task *t)
{
	struct post_task *pt = container_of(t, struct post_task, task);
	struct cl_stream *s = t->stream;
	daos_event_t *ev = pt->ev;
	int rc;

	rt_charge(s->rt, RT_COST_CLIENT_OP, 1);
	rc = pt->fn(s, pt->args);
	process_free(s->proc, pt);
	ev_complete(s, ev, rc);
}

struct now_args {
	cl_fn fn;
	void *args;
};

static int now_fn(struct cl_stream *s, void *args)
{
	struct now_args *a = args;

	rt_charge(s->rt, RT_COST_CLIENT_OP, 1);
	return a->fn(s, a->args);
}

static int call_now(struct process *p, cl_fn fn, const void *args)
{
	/* The arguments are only copied for calls that outlive their caller. */
	struct now_args a = { .fn = fn, .args = (void *)(uintptr_t)args };
	struct cl_stream *s;
	int rc = process_main(p, &s);

	return rc != 0 ? rc : cl_run(p, s, now_fn, &a);
}

int cl_call(cl_fn fn, const void *args, size_t bytes, daos_event_t *ev)
{
	struct process *p = host_self();
	struct cl_stream *s;
	struct post_task *pt;
	int rc;

	if (p == NULL)
		return -DER_UNINIT;
	if (ev == NULL)
		return call_now(p, fn, args);
	ASSERT(bytes <= CL_ARGS_MAX);
	pt = process_alloc(p, sizeof(*pt));
	if (pt == NULL)
		return -DER_NOMEM;
	pt->task.fn = post_task_fn;
	pt->fn = fn;
	pt->ev = ev;
	memcpy(pt->args, args, bytes);
	rc = ev_launch(p, ev, &s);
	if (rc != 0) {
		process_free(p, pt);
		return rc;
	}
	p->host->post(p->host_ctx, s, &pt->task);
	return 0;
}

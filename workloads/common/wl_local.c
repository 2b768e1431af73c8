/* Ranks on this machine, as threads or processes, that meet in shared memory. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workloads/common/wl_host.h"
#include "workloads/common/wl_launch.h"

#define RANKS_MAX 4096u
#define CAST_BYTES (64u << 10)
#define THREAD_STACK_BYTES (1u << 20)
/* A sleeper looks for itself this often, so that a wake lost to a dying rank delays and no more. */
#define LOOK_NS 100000000

struct slot {
	_Alignas(64) double v[WL_REDUCE_MAX];
};

/** Shared by all ranks and the launcher. */
struct meeting {
	uint32_t size;
	_Atomic uint32_t gen;		/* of the barrier: how often all have met */
	_Atomic uint32_t arrived;
	atomic_bool gone;		/* a rank ended that the others may wait for */
	atomic_bool stop;		/* Ctrl-C */
	uint8_t cast[CAST_BYTES];
	struct slot slots[];
};

struct rank {
	struct wl_env env;
	struct meeting *m;
	const struct wl_job *job;
	pthread_t thread;
	int done_fd;			/* threads tell here that they end */
	pid_t pid;
	bool started;
	atomic_bool ended;
	int rc;
};

struct team {
	const struct wl_job *job;
	struct meeting *m;
	size_t m_bytes;
	struct rank *ranks;
	sigset_t old_mask;
	int sig_fd;
	int done_fd;
	uint32_t running;
	uint32_t stops;			/* Ctrl-C so far */
	uint64_t deadline_ns;		/* for those still running; 0: none */
	int killed;			/* ranks that died of a signal */
	char host[256];
};

/* ---- meeting ------------------------------------------------------------------------------ */

static struct meeting *meeting_of(struct wl_env *env)
{
	return ((struct rank *)env->ctx)->m;
}

static void gen_sleep(struct meeting *m, uint32_t gen)
{
	struct timespec look = { .tv_nsec = LOOK_NS };

	/* Whatever ends the sleep, the caller looks again. */
	(void)syscall(SYS_futex, &m->gen, FUTEX_WAIT, gen, &look, NULL, 0);
}

static int local_barrier(struct wl_env *env)
{
	struct meeting *m = meeting_of(env);
	uint32_t gen = atomic_load(&m->gen);

	if (atomic_load(&m->gone))
		return -DER_CANCELED;
	if (atomic_fetch_add(&m->arrived, 1) + 1 == m->size) {
		atomic_store(&m->arrived, 0);
		atomic_fetch_add(&m->gen, 1);
		(void)syscall(SYS_futex, &m->gen, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
		return 0;
	}
	while (atomic_load(&m->gen) == gen) {
		if (atomic_load(&m->gone))
			return -DER_CANCELED;
		gen_sleep(m, gen);
	}
	return 0;
}

static int local_bcast(struct wl_env *env, void *data, size_t bytes, uint32_t root)
{
	struct meeting *m = meeting_of(env);
	size_t at, part;
	int rc = 0;

	for (at = 0; at < bytes && rc == 0; at += part) {
		part = min_u64(bytes - at, CAST_BYTES);
		if (env->rank == root)
			memcpy(m->cast, (uint8_t *)data + at, part);
		rc = local_barrier(env);
		if (rc == 0 && env->rank != root)
			memcpy((uint8_t *)data + at, m->cast, part);
		if (rc == 0)
			rc = local_barrier(env);
	}
	return rc;
}

static double combine(enum wl_reduce op, double a, double b)
{
	if (op == WL_SUM)
		return a + b;
	if (op == WL_MIN)
		return b < a ? b : a;
	return b > a ? b : a;
}

static int local_reduce(struct wl_env *env, enum wl_reduce op, double *v, uint32_t nr)
{
	struct meeting *m = meeting_of(env);
	uint32_t r, i;
	int rc;

	memcpy(m->slots[env->rank].v, v, nr * sizeof(*v));
	rc = local_barrier(env);
	if (rc != 0)
		return rc;
	memcpy(v, m->slots[0].v, nr * sizeof(*v));
	for (r = 1; r < m->size; r++)
		for (i = 0; i < nr; i++)
			v[i] = combine(op, v[i], m->slots[r].v[i]);
	return local_barrier(env);
}

static bool local_stopped(struct wl_env *env)
{
	struct meeting *m = meeting_of(env);

	return atomic_load_explicit(&m->stop, memory_order_relaxed) ||
	       atomic_load_explicit(&m->gone, memory_order_relaxed);
}

static const struct wl_env_ops local_ops = {
	.barrier = local_barrier,
	.bcast = local_bcast,
	.reduce = local_reduce,
	.now_ns = wl_host_now_ns,
	.wall_ns = wl_host_wall_ns,
	.alloc = wl_host_alloc,
	.free = wl_host_free,
	.fill = wl_bytes_fill,
	.verify = wl_bytes_verify,
	.write = wl_host_write,
	.stopped = local_stopped,
	.var = wl_host_var,
};

/* ---- starting ----------------------------------------------------------------------------- */

static int team_make(struct team *t, const struct wl_job *job, uint32_t size)
{
	sigset_t mask;
	uint32_t r;

	*t = (struct team){ .job = job, .sig_fd = -1, .done_fd = -1 };
	t->m_bytes = sizeof(*t->m) + size * sizeof(t->m->slots[0]);
	t->m = mmap(NULL, t->m_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->m == MAP_FAILED) {
		t->m = NULL;
		return -1;
	}
	t->m->size = size;
	t->ranks = calloc(size, sizeof(*t->ranks));
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGCHLD);
	if (t->ranks == NULL || sigprocmask(SIG_BLOCK, &mask, &t->old_mask) != 0)
		return -1;
	t->sig_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	t->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	(void)wl_host_name(t->host, sizeof(t->host));
	for (r = 0; r < size; r++) {
		t->ranks[r].m = t->m;
		t->ranks[r].job = job;
		t->ranks[r].done_fd = t->done_fd;
		t->ranks[r].env = (struct wl_env){
			.ops = &local_ops,
			.rank = r,
			.size = size,
			.node_ranks = size,
			.spare_bytes = min_u64(WL_SPARE_RANK_BYTES, WL_SPARE_NODE_BYTES / size),
			.host = t->host,
			.ctx = &t->ranks[r],
		};
	}
	return t->sig_fd >= 0 && t->done_fd >= 0 ? 0 : -1;
}

static void team_free(struct team *t)
{
	if (t->sig_fd >= 0) {
		(void)close(t->sig_fd);
		(void)sigprocmask(SIG_SETMASK, &t->old_mask, NULL);
	}
	if (t->done_fd >= 0)
		(void)close(t->done_fd);
	free(t->ranks);
	if (t->m != NULL)
		(void)munmap(t->m, t->m_bytes);
}

static void *thread_main(void *arg)
{
	struct rank *r = arg;
	uint64_t one = 1;

	r->rc = r->job->main(&r->env, r->job->argc, r->job->argv);
	atomic_store(&r->ended, true);
	(void)!write(r->done_fd, &one, sizeof(one));	/* the counter cannot be full */
	return NULL;
}

static _Noreturn void process_main(struct team *t, struct rank *r, pid_t parent)
{
	int rc;

	/* Ctrl-C reaches the whole group; the launcher passes it on in order. */
	(void)signal(SIGINT, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, &t->old_mask, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	rc = r->job->main(&r->env, r->job->argc, r->job->argv);
	(void)fflush(NULL);
	_exit(rc);
}

static int rank_start(struct team *t, struct rank *r)
{
	pthread_attr_t attr;
	pid_t self = getpid();
	int rc;

	if (t->job->kind == WL_PROCESSES) {
		(void)fflush(NULL);
		r->pid = fork();
		if (r->pid == 0)
			process_main(t, r, self);
		rc = r->pid > 0 ? 0 : errno;
	} else {
		(void)pthread_attr_init(&attr);
		(void)pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
		rc = pthread_create(&r->thread, &attr, thread_main, r);
		(void)pthread_attr_destroy(&attr);
	}
	r->started = rc == 0;
	t->running += r->started ? 1 : 0;
	return rc;
}

/* ---- watching ----------------------------------------------------------------------------- */

static uint64_t grace_end_ns(const struct team *t)
{
	uint32_t ms = t->job->grace_ms > 0 ? t->job->grace_ms : WL_GRACE_S * 1000u;

	return wl_host_now_ns(NULL) + ms * 1000000ull;
}

/* From here on the others are expected to end soon. */
static void others_stop(struct team *t)
{
	atomic_store(&t->m->gone, true);
	(void)syscall(SYS_futex, &t->m->gen, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	if (t->deadline_ns == 0)
		t->deadline_ns = grace_end_ns(t);
}

static void rank_ended(struct team *t, struct rank *r, int status)
{
	t->running--;
	atomic_store(&r->ended, true);
	if (WIFSIGNALED(status)) {
		if (t->deadline_ns == 0 && t->stops < 2)
			(void)fprintf(stderr,
				      "%s: rank %u (process %d) was killed by signal %d (%s); %s\n",
				      t->job->name, r->env.rank, (int)r->pid, WTERMSIG(status),
				      sigdescr_np(WTERMSIG(status)),
				      t->running > 0 ? "the other ranks stop" : "it was the last");
		r->rc = 1;
		t->killed++;
	} else {
		r->rc = WEXITSTATUS(status);
	}
	if (r->rc != 0)
		others_stop(t);
}

static void look_for_ended(struct team *t)
{
	struct rank *r;
	uint32_t i;
	int status;

	for (i = 0; i < t->m->size; i++) {
		r = &t->ranks[i];
		if (!r->started)
			continue;
		if (t->job->kind == WL_PROCESSES) {
			if (!atomic_load(&r->ended) && waitpid(r->pid, &status, WNOHANG) == r->pid)
				rank_ended(t, r, status);
		} else if (atomic_load(&r->ended)) {
			(void)pthread_join(r->thread, NULL);
			r->started = false;
			t->running--;
			if (r->rc != 0)
				others_stop(t);
		}
	}
}

/* Processes are killed; threads cannot be, but with this process. */
static void kill_all(struct team *t, const char *why)
{
	uint32_t i;

	(void)fprintf(stderr, "%s: %s: %u of %u ranks are killed\n", t->job->name, why, t->running,
		      t->m->size);
	if (t->job->kind == WL_THREADS)
		_exit(t->stops > 0 ? WL_EXIT_INTERRUPTED : 1);
	for (i = 0; i < t->m->size; i++)
		if (t->ranks[i].started && !atomic_load(&t->ranks[i].ended))
			(void)kill(t->ranks[i].pid, SIGKILL);
	t->deadline_ns = UINT64_MAX;
}

static void signals_take(struct team *t)
{
	struct signalfd_siginfo si;

	while (read(t->sig_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo != SIGINT && si.ssi_signo != SIGTERM)
			continue;
		atomic_store(&t->m->stop, true);
		if (++t->stops == 2)
			kill_all(t, "interrupted again");
		/* Who sends SIGTERM is a program, which will not press a key a second time. */
		else if (si.ssi_signo == SIGTERM && t->deadline_ns == 0)
			t->deadline_ns = grace_end_ns(t);
	}
}

static void watch(struct team *t)
{
	struct pollfd fds[2] = {
		{ .fd = t->sig_fd, .events = POLLIN },
		{ .fd = t->done_fd, .events = POLLIN },
	};
	uint64_t count;
	bool grace;

	look_for_ended(t);
	while (t->running > 0) {
		grace = t->deadline_ns != 0 && t->deadline_ns != UINT64_MAX;
		(void)poll(fds, 2, grace ? 100 : -1);	/* whatever woke us, all is looked at */
		signals_take(t);
		(void)!read(t->done_fd, &count, sizeof(count));
		look_for_ended(t);
		if (grace && t->running > 0 && wl_host_now_ns(NULL) >= t->deadline_ns)
			kill_all(t, "they do not stop by themselves");
	}
}

int wl_run_local(const struct wl_job *job)
{
	uint32_t size = job->size > 0 ? job->size : 1, r;
	struct team t;
	int rc = 0;

	if (size > RANKS_MAX) {
		(void)fprintf(stderr, "%s: %u ranks on one machine: at most %u\n", job->name, size,
			      RANKS_MAX);
		return 2;
	}
	if (team_make(&t, job, size) != 0) {
		(void)fprintf(stderr, "%s: cannot prepare %u ranks: %s\n", job->name, size,
			      strerrordesc_np(errno));
		rc = 1;
		goto out;
	}
	for (r = 0; r < size && rc == 0; r++) {
		rc = rank_start(&t, &t.ranks[r]);
		if (rc != 0) {
			(void)fprintf(stderr, "%s: cannot start rank %u: %s\n", job->name, r,
				      strerrordesc_np(rc));
			others_stop(&t);
			rc = 1;
		}
	}
	watch(&t);
	if (t.killed > 0)
		rc = t.stops > 0 ? WL_EXIT_INTERRUPTED : 1;
	for (r = 0; r < size && rc == 0; r++)
		rc = t.ranks[r].rc;
out:
	team_free(&t);
	return rc;
}

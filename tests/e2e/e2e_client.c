/*
 * A program against the public headers, driven by e2e.py: it writes and reads values that follow from
 * their keys, and says on standard output what was acknowledged.
 *
 *	put FIRST COUNT		values FIRST … FIRST + COUNT - 1 (COUNT 0: for ever), "acked N" after each
 *	get COUNT		check values 0 … COUNT - 1
 *	threads N OPS		one handle, N threads
 *	eqs N OPS		N threads, each with an event queue and 16 operations in flight
 *	fork OPS		I/O in parent and child with the handles of the parent
 *	fork-busy		embedded: the child is told that the system is its parent's
 *	hold			init, "holding", and fini at the end of standard input
 *	until-error		write until a call fails: "failed DER_… after N ms"
 *	spread COUNT		write to COUNT objects of one shard each: "spread N ok, N DER_…"
 *	watch COUNT		the same for ever, until a result changes
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daos.h"
#include "daos_obj_class.h"
#include "gurt/common.h"

#define SMALL 64u
#define LARGE 20000u
#define DEPTH 16u

static daos_handle_t poh;
static daos_handle_t coh;

#define MUST(call)                                                                                 \
	do {                                                                                       \
		int rc_ = (call);                                                                  \
		if (rc_ != 0) {                                                                    \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call,              \
				d_errstr(rc_));                                                    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define HOLDS(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond);   \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void say(const char *what, uint64_t n)
{
	(void)printf("%s %llu\n", what, (unsigned long long)n);
	(void)fflush(stdout);
}

static void attach(void)
{
	int rc;

	MUST(daos_init());
	MUST(daos_pool_connect("pool", NULL, DAOS_PC_RW, &poh, NULL, NULL));
	rc = daos_cont_create_with_label(poh, "e2e", NULL, NULL, NULL);
	if (rc != 0 && rc != -DER_EXIST)
		MUST(rc);
	MUST(daos_cont_open(poh, "e2e", DAOS_COO_RW, &coh, NULL, NULL));
}

static void detach(void)
{
	MUST(daos_cont_close(coh, NULL));
	MUST(daos_pool_disconnect(poh, NULL));
	MUST(daos_fini());
}

static daos_handle_t object(uint64_t n, daos_oclass_id_t cid)
{
	daos_obj_id_t oid = { .lo = n };
	daos_handle_t oh;

	MUST(daos_obj_generate_oid(coh, &oid, DAOS_OT_MULTI_HASHED, cid, 0, 0));
	MUST(daos_obj_open(coh, oid, DAOS_OO_RW, &oh, NULL));
	return oh;
}

/* One key's operation, and the memory that it needs while it is under way. */
struct op {
	uint64_t n;
	char name[24];
	daos_key_t dkey;
	daos_iod_t iods[2];
	d_iov_t iovs[2];
	d_sg_list_t sgls[2];
	daos_recx_t recx;
	char small[SMALL];
	char large[LARGE];
};

static void value(char *dst, size_t bytes, uint64_t n)
{
	uint64_t v = n * 0x9e3779b97f4a7c15ull + 1;
	size_t i;

	for (i = 0; i < bytes; i++) {
		v ^= v << 13;
		v ^= v >> 7;
		v ^= v << 17;
		dst[i] = (char)v;
	}
}

static void op_init(struct op *o, uint64_t n)
{
	o->n = n;
	(void)snprintf(o->name, sizeof(o->name), "key-%llu", (unsigned long long)n);
	d_iov_set(&o->dkey, o->name, strlen(o->name));
	o->recx = (daos_recx_t){ .rx_idx = 5, .rx_nr = LARGE };
	o->iods[0] = (daos_iod_t){ .iod_type = DAOS_IOD_SINGLE, .iod_size = SMALL, .iod_nr = 1 };
	o->iods[1] = (daos_iod_t){
		.iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1, .iod_recxs = &o->recx
	};
	d_iov_set(&o->iods[0].iod_name, (void *)(uintptr_t) "small", 5);
	d_iov_set(&o->iods[1].iod_name, (void *)(uintptr_t) "large", 5);
	d_iov_set(&o->iovs[0], o->small, SMALL);
	d_iov_set(&o->iovs[1], o->large, LARGE);
	o->sgls[0] = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &o->iovs[0] };
	o->sgls[1] = (d_sg_list_t){ .sg_nr = 1, .sg_iovs = &o->iovs[1] };
}

static int op_put(struct op *o, uint64_t n, daos_handle_t oh, daos_event_t *ev)
{
	op_init(o, n);
	value(o->small, SMALL, n);
	value(o->large, LARGE, n);
	return daos_obj_update(oh, DAOS_TX_NONE, 0, &o->dkey, 2, o->iods, o->sgls, ev);
}

static int op_get(struct op *o, uint64_t n, daos_handle_t oh, daos_event_t *ev)
{
	op_init(o, n);
	memset(o->small, 0, SMALL);
	memset(o->large, 0, LARGE);
	return daos_obj_fetch(oh, DAOS_TX_NONE, 0, &o->dkey, 2, o->iods, o->sgls, NULL, ev);
}

static bool op_good(const struct op *o)
{
	char small[SMALL];
	char large[LARGE];

	value(small, SMALL, o->n);
	value(large, LARGE, o->n);
	return o->iods[0].iod_size == SMALL && o->iods[1].iod_size == 1 &&
	       memcmp(small, o->small, SMALL) == 0 && memcmp(large, o->large, LARGE) == 0;
}

/* ---- put and get ---------------------------------------------------------------------------- */

static void cmd_put(uint64_t first, uint64_t count)
{
	static struct op o;
	daos_handle_t oh;
	uint64_t i;

	attach();
	oh = object(1, OC_SX);
	for (i = 0; count == 0 || i < count; i++) {
		MUST(op_put(&o, first + i, oh, NULL));
		say("acked", first + i);
	}
	MUST(daos_obj_close(oh, NULL));
	detach();
}

static void cmd_get(uint64_t count)
{
	static struct op o;
	daos_handle_t oh;
	uint64_t i;

	attach();
	oh = object(1, OC_SX);
	for (i = 0; i < count; i++) {
		MUST(op_get(&o, i, oh, NULL));
		if (!op_good(&o)) {
			(void)fprintf(stderr, "value %llu is not what was written\n",
				      (unsigned long long)i);
			exit(1);
		}
	}
	say("verified", count);
	MUST(daos_obj_close(oh, NULL));
	detach();
}

/* ---- threads -------------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	uint64_t first;
	uint64_t ops;
	daos_handle_t oh;
};

static void *thread_blocking(void *arg)
{
	struct worker *w = arg;
	struct op *o = malloc(sizeof(*o));
	uint64_t i;

	HOLDS(o != NULL);
	for (i = 0; i < w->ops; i++) {
		MUST(op_put(o, w->first + i, w->oh, NULL));
		MUST(op_get(o, w->first + i, w->oh, NULL));
		HOLDS(op_good(o));
	}
	free(o);
	return NULL;
}

/* Keep DEPTH operations in flight; a slot fetches what it has put. */
static void *thread_queue(void *arg)
{
	struct worker *w = arg;
	struct slot {
		daos_event_t ev;
		struct op o;
		bool put;
		bool busy;
	} *slots = calloc(DEPTH, sizeof(*slots));
	uint64_t started = 0;
	uint32_t busy = 0;
	daos_handle_t eqh;
	uint32_t i;

	HOLDS(slots != NULL);
	MUST(daos_eq_create(&eqh));
	for (i = 0; i < DEPTH; i++)
		MUST(daos_event_init(&slots[i].ev, eqh, NULL));
	for (i = 0; i < DEPTH && started < w->ops; i++, started++, busy++) {
		slots[i].put = true;
		MUST(op_put(&slots[i].o, w->first + started, w->oh, &slots[i].ev));
	}
	while (busy > 0) {
		daos_event_t *done[DEPTH];
		int n = daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, DEPTH, done);
		int k;

		HOLDS(n > 0);
		for (k = 0; k < n; k++) {
			struct slot *s = (struct slot *)(void *)done[k];

			MUST(s->ev.ev_error);
			if (s->put) {
				s->put = false;
				MUST(op_get(&s->o, s->o.n, w->oh, &s->ev));
				continue;
			}
			HOLDS(op_good(&s->o));
			busy--;
			if (started == w->ops)
				continue;
			s->put = true;
			MUST(op_put(&s->o, w->first + started++, w->oh, &s->ev));
			busy++;
		}
	}
	for (i = 0; i < DEPTH; i++)
		MUST(daos_event_fini(&slots[i].ev));
	MUST(daos_eq_destroy(eqh, 0));
	free(slots);
	return NULL;
}

static void cmd_threads(uint64_t nr, uint64_t ops, void *(*fn)(void *arg))
{
	struct worker *w = calloc(nr, sizeof(*w));
	daos_handle_t oh;
	uint64_t i;

	HOLDS(w != NULL);
	attach();
	oh = object(1, OC_SX);
	for (i = 0; i < nr; i++) {
		w[i] = (struct worker){ .first = i * ops, .ops = ops, .oh = oh };
		HOLDS(pthread_create(&w[i].thread, NULL, fn, &w[i]) == 0);
	}
	for (i = 0; i < nr; i++)
		HOLDS(pthread_join(w[i].thread, NULL) == 0);
	say("done", nr * ops);
	MUST(daos_obj_close(oh, NULL));
	detach();
	free(w);
}

/* ---- fork ----------------------------------------------------------------------------------- */

static void range_put_get(daos_handle_t oh, uint64_t first, uint64_t ops)
{
	struct op *o = malloc(sizeof(*o));
	uint64_t i;

	HOLDS(o != NULL);
	for (i = 0; i < ops; i++)
		MUST(op_put(o, first + i, oh, NULL));
	for (i = 0; i < ops; i++) {
		MUST(op_get(o, first + i, oh, NULL));
		HOLDS(op_good(o));
	}
	free(o);
}

static void range_get(daos_handle_t oh, uint64_t first, uint64_t ops)
{
	struct op *o = malloc(sizeof(*o));
	uint64_t i;

	HOLDS(o != NULL);
	for (i = 0; i < ops; i++) {
		MUST(op_get(o, first + i, oh, NULL));
		HOLDS(op_good(o));
	}
	free(o);
}

/* Ids for the other process to compare: none may be given out twice. */
static void ids(uint64_t *dst, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		MUST(daos_cont_alloc_oids(coh, 1, &dst[i], NULL));
}

#define IDS 20u

static void cmd_fork(uint64_t ops)
{
	daos_handle_t oh;
	daos_handle_t eqh;
	uint64_t mine[IDS];
	uint64_t theirs[IDS];
	int fds[2];
	int status;
	uint32_t i;
	uint32_t k;
	pid_t pid;

	attach();
	oh = object(1, OC_SX);
	MUST(daos_eq_create(&eqh));
	range_put_get(oh, 0, ops);
	ids(mine, 1);	/* a block of them is in memory when the process forks */
	HOLDS(pipe(fds) == 0);
	pid = fork();
	HOLDS(pid >= 0);
	if (pid == 0) {
		struct worker w = { .first = 4 * ops, .ops = ops, .oh = oh };

		range_get(oh, 0, ops);
		range_put_get(oh, ops, ops);
		(void)thread_queue(&w);
		ids(theirs, IDS);
		HOLDS(write(fds[1], theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs));
		/* What the parent opened is the parent's to close; here it only goes. */
		MUST(daos_eq_destroy(eqh, 0));
		MUST(daos_obj_close(oh, NULL));
		detach();
		exit(0);
	}
	range_put_get(oh, 2 * ops, ops);
	ids(mine, IDS);
	HOLDS(read(fds[0], theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs));
	HOLDS(waitpid(pid, &status, 0) == pid);
	HOLDS(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (i = 0; i < IDS; i++)
		for (k = 0; k < IDS; k++)
			HOLDS(mine[i] != theirs[k]);
	range_get(oh, ops, ops);
	range_get(oh, 4 * ops, ops);
	range_put_get(oh, 3 * ops, ops);
	MUST(daos_eq_destroy(eqh, 0));
	MUST(daos_obj_close(oh, NULL));
	detach();
	say("done", ops);
}

static void cmd_fork_busy(void)
{
	static struct op o;
	daos_handle_t oh;
	int status;
	pid_t pid;

	attach();
	oh = object(1, OC_SX);
	range_put_get(oh, 0, 10);
	pid = fork();
	HOLDS(pid >= 0);
	if (pid == 0) {
		HOLDS(op_get(&o, 0, oh, NULL) == -DER_BUSY);
		(void)daos_fini();
		exit(0);
	}
	HOLDS(waitpid(pid, &status, 0) == pid);
	HOLDS(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	range_put_get(oh, 0, 20);
	MUST(daos_obj_close(oh, NULL));
	detach();
	say("done", 20);
}

/* ---- failing systems ------------------------------------------------------------------------ */

static void cmd_until_error(void)
{
	static struct op o;
	daos_handle_t oh;
	uint64_t start = now_ms();
	uint64_t n = 0;
	int rc;

	attach();
	oh = object(1, OC_SX);
	do {
		start = now_ms();
		rc = op_put(&o, n % 1000, oh, NULL);
		if (n++ == 100)
			say("writing", n);
	} while (rc == 0);
	(void)printf("failed %s after %llu ms\n", d_errstr(rc),
		     (unsigned long long)(now_ms() - start));
	(void)fflush(stdout);
	/* The system is ill: closing may fail, but it ends. */
	(void)daos_obj_close(oh, NULL);
	(void)daos_cont_close(coh, NULL);
	(void)daos_pool_disconnect(poh, NULL);
	MUST(daos_fini());
}

struct spread {
	uint64_t good;
	uint64_t bad;
	int rc;		/* of the last bad one */
};

static struct spread spread_once(const daos_handle_t *oh, uint64_t count)
{
	static struct op o;
	struct spread s = { 0 };
	uint64_t i;

	for (i = 0; i < count; i++) {
		int rc = op_put(&o, i, oh[i], NULL);

		s.good += rc == 0;
		s.bad += rc != 0;
		if (rc != 0)
			s.rc = rc;
	}
	return s;
}

static void cmd_spread(uint64_t count, bool watch)
{
	daos_handle_t *oh = calloc(count, sizeof(*oh));
	uint64_t start = now_ms();
	struct spread first;
	struct spread s;
	uint64_t i;

	HOLDS(oh != NULL);
	attach();
	for (i = 0; i < count; i++)
		oh[i] = object(100 + i, OC_S1);
	first = spread_once(oh, count);
	s = first;
	if (watch)
		say("watching", count);
	while (watch && s.good == first.good && s.rc == first.rc) {
		HOLDS(now_ms() - start < 60000);
		s = spread_once(oh, count);
	}
	(void)printf("spread %llu ok, %llu %s\n", (unsigned long long)s.good,
		     (unsigned long long)s.bad, d_errstr(s.rc));
	(void)fflush(stdout);
	for (i = 0; i < count; i++)
		MUST(daos_obj_close(oh[i], NULL));
	free(oh);
	detach();
}

static void cmd_hold(void)
{
	char c;

	MUST(daos_init());
	say("holding", (uint64_t)getpid());
	while (read(0, &c, 1) > 0)
		;
	MUST(daos_fini());
}

/* Exit 3 and the error's name when it fails. */
static void cmd_init(void)
{
	int rc = daos_init();

	if (rc != 0) {
		(void)printf("init %s\n", d_errstr(rc));
		exit(3);
	}
	MUST(daos_fini());
	say("init", 0);
}

static uint64_t number(const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 10);

	HOLDS(*s != 0 && *end == 0);
	return v;
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";
	uint64_t a = argc > 2 ? number(argv[2]) : 0;
	uint64_t b = argc > 3 ? number(argv[3]) : 0;

	if (strcmp(cmd, "put") == 0)
		cmd_put(a, b);
	else if (strcmp(cmd, "get") == 0)
		cmd_get(a);
	else if (strcmp(cmd, "threads") == 0)
		cmd_threads(a, b, thread_blocking);
	else if (strcmp(cmd, "eqs") == 0)
		cmd_threads(a, b, thread_queue);
	else if (strcmp(cmd, "fork") == 0)
		cmd_fork(a);
	else if (strcmp(cmd, "fork-busy") == 0)
		cmd_fork_busy();
	else if (strcmp(cmd, "until-error") == 0)
		cmd_until_error();
	else if (strcmp(cmd, "spread") == 0)
		cmd_spread(a, false);
	else if (strcmp(cmd, "watch") == 0)
		cmd_spread(a, true);
	else if (strcmp(cmd, "hold") == 0)
		cmd_hold();
	else if (strcmp(cmd, "init") == 0)
		cmd_init();
	else
		return 2;
	return 0;
}

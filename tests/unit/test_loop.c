/* The loop of real streams, and the clock, memory, entropy and log that come with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "transports/loop/loop.h"
#include "transports/loop/os.h"

struct fixture {
	struct loop loop;
	struct loop_stream place;
	struct rt rt;
	struct os_misc misc;
	struct ult_stacks *stacks;
};

static void rt_setup(struct rt *rt, struct os_misc *misc, struct ult_stacks *stacks)
{
	struct os_misc_opts mo = { .flags = OS_SEEDED, .seed = 1 };
	struct rt_ops ops = { .time = &os_time_ops, .misc = &os_misc_ops, .misc_ctx = misc };
	struct rt_opts ro = { .id = 1, .stack_bytes = 65536, .stacks = stacks };

	os_misc_init(misc, &mo);
	rt_init(rt, &ops, &ro);
}

static void setup(struct fixture *f, enum loop_mode mode)
{
	struct loop_opts lo = { .mode = mode };

	f->stacks = ult_stacks_create(65536);
	assert_non_null(f->stacks);
	rt_setup(&f->rt, &f->misc, f->stacks);
	assert_int_equal(loop_init(&f->loop, &lo), 0);
	loop_stream_add(&f->loop, &f->place, &f->rt);
}

static void teardown(struct fixture *f)
{
	loop_stream_del(&f->place);
	loop_fini(&f->loop);
	rt_fini(&f->rt);
	assert_int_equal(os_misc_fini(&f->misc), 0);
	ult_stacks_destroy(f->stacks);
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* ---- mailbox ------------------------------------------------------------------------------ */

#define PRODUCERS 3
#define MESSAGES 20000

struct numbered {
	struct loop_msg msg;
	struct mail *mail;
	uint32_t producer;
	uint32_t seq;
};

struct mail {
	struct loop *loop;
	struct numbered *msgs[PRODUCERS];
	uint32_t next[PRODUCERS];
	uint32_t received;
};

static void mail_receive(struct loop_msg *msg)
{
	struct numbered *n = container_of(msg, struct numbered, msg);

	assert_int_equal(n->seq, n->mail->next[n->producer]);
	n->mail->next[n->producer]++;
	n->mail->received++;
}

struct producer {
	struct mail *mail;
	uint32_t idx;
};

static void *producer_main(void *arg)
{
	struct producer *p = arg;

	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct numbered *n = &p->mail->msgs[p->idx][i];

		*n = (struct numbered){ .msg.fn = mail_receive, .mail = p->mail,
					.producer = p->idx, .seq = i };
		assert_true(loop_post(p->mail->loop, &n->msg));
		if (i % 64 == 0)
			sched_yield();	/* let the consumer fall asleep now and then */
	}
	return NULL;
}

static bool mail_complete(void *arg)
{
	return ((struct mail *)arg)->received == PRODUCERS * MESSAGES;
}

/* Every message arrives once, in its producer's order, also when the consumer sleeps in between. */
static void mailbox_run(enum loop_mode mode)
{
	struct fixture f;
	struct mail mail = { .loop = &f.loop };
	struct producer prod[PRODUCERS];
	pthread_t threads[PRODUCERS];

	setup(&f, mode);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		mail.msgs[i] = calloc(MESSAGES, sizeof(struct numbered));
		prod[i] = (struct producer){ &mail, i };
		assert_int_equal(pthread_create(&threads[i], NULL, producer_main, &prod[i]), 0);
	}
	assert_int_equal(
		loop_run_until(&f.loop, mail_complete, &mail, os_mono_ns() + 60000000000ull), 0);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		free(mail.msgs[i]);
	}
	assert_int_equal(f.loop.stats.messages, PRODUCERS * MESSAGES);
	teardown(&f);
}

static void test_mailbox(void **state)
{
	(void)state;
	mailbox_run(LOOP_MODE_SPIN);
	mailbox_run(LOOP_MODE_BLOCK);
}

static void count_message(struct loop_msg *msg)
{
	struct numbered *n = container_of(msg, struct numbered, msg);

	n->mail->received++;
}

static void test_close(void **state)
{
	struct fixture f;
	struct mail mail = { 0 };
	struct numbered n[3];

	(void)state;
	setup(&f, LOOP_MODE_SPIN);
	for (uint32_t i = 0; i < 3; i++)
		n[i] = (struct numbered){ .msg.fn = count_message, .mail = &mail };
	assert_int_equal(loop_mailbox(&f.loop, LOOP_POLL), 0);
	assert_true(loop_post(&f.loop, &n[0].msg));
	assert_int_equal(loop_mailbox(&f.loop, LOOP_SLEEP), 1);
	assert_true(loop_post(&f.loop, &n[1].msg));
	assert_int_equal(loop_next_ns(&f.loop), 0);
	loop_close(&f.loop);
	assert_int_equal(mail.received, 2);
	assert_false(loop_post(&f.loop, &n[2].msg));
	assert_int_equal(loop_step(&f.loop, LOOP_POLL), 0);
	assert_int_equal(mail.received, 2);
	teardown(&f);
}

/* ---- stop, wake, seats -------------------------------------------------------------------- */

struct runner {
	struct loop *loop;
	atomic_uint runs;
};

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	loop_run(r->loop);
	atomic_fetch_add(&r->runs, 1);
	return NULL;
}

static void test_stop(void **state)
{
	struct fixture f;
	struct runner r;
	pthread_t t;

	(void)state;
	setup(&f, LOOP_MODE_BLOCK);
	r = (struct runner){ .loop = &f.loop };
	loop_stop(&f.loop);
	loop_run(&f.loop);	/* stopped before it began */
	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(pthread_create(&t, NULL, runner_main, &r), 0);
		if (i % 2 == 0)
			sched_yield();
		loop_stop(&f.loop);
		assert_int_equal(pthread_join(t, NULL), 0);
	}
	assert_int_equal(atomic_load(&r.runs), 200);
	loop_stop(&f.loop);
	assert_int_equal(loop_run_until(&f.loop, never, NULL, RT_NEVER), -DER_CANCELED);
	teardown(&f);
}

/* A wake that comes before the sleep is not lost. */
static void test_wake(void **state)
{
	struct fixture f;
	uint64_t begin = os_mono_ns();

	(void)state;
	setup(&f, LOOP_MODE_BLOCK);
	for (uint32_t i = 0; i < 5; i++) {
		loop_wake(&f.loop);
		assert_int_equal(loop_step_until(&f.loop, begin + 100000000000ull), 0);
	}
	assert_true(os_mono_ns() < begin + 50000000000ull);
	assert_int_equal(f.loop.stats.sleeps, 0);
	teardown(&f);
}

struct seat {
	struct fixture *f;
	pthread_mutex_t lock;
	struct rt_waitq q;
	uint32_t turns;
	uint32_t yields;
};

static void seat_ult(void *arg)
{
	struct seat *s = arg;

	for (uint32_t i = 0; i < 1000; i++) {
		rt_yield(&s->f->rt);
		s->yields++;
	}
}

static bool seat_over(void *arg)
{
	return ((struct seat *)arg)->yields == 1000;
}

static void *seat_main(void *arg)
{
	struct seat *s = arg;
	bool over = false;

	while (!over) {
		pthread_mutex_lock(&s->lock);
		(void)loop_step(&s->f->loop, LOOP_POLL);	/* shows in yields */
		s->turns++;
		over = seat_over(s);
		pthread_mutex_unlock(&s->lock);
		sched_yield();
	}
	return NULL;
}

/* A ULT that goes on while threads take turns in driving its stream. */
static void test_seat(void **state)
{
	struct fixture f;
	struct seat s = { .f = &f };
	pthread_t t[2];

	(void)state;
	setup(&f, LOOP_MODE_SPIN);
	pthread_mutex_init(&s.lock, NULL);
	assert_int_equal(rt_spawn(&f.rt, seat_ult, &s, NULL), 0);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, seat_main, &s), 0);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(s.yields, 1000);
	assert_int_equal(f.rt.ult_count, 0);
	pthread_mutex_destroy(&s.lock);
	teardown(&f);
}

/* ---- sources ------------------------------------------------------------------------------ */

struct fake {
	struct loop_src src;
	int fd;
	int pending;	/* polls that will find something */
	int polls;
	int find_at;	/* the poll that finds one, not foreseen by arm */
	char name;
	char *journal;
};

static int fake_poll(void *ctx)
{
	struct fake *k = ctx;
	uint64_t v;

	k->polls++;
	if (k->journal != NULL)
		k->journal[strlen(k->journal)] = k->name;
	if (k->fd >= 0 && read(k->fd, &v, sizeof(v)) == sizeof(v))
		return (int)v;
	if (k->pending > 0) {
		k->pending--;
		return 1;
	}
	return k->polls == k->find_at;
}

static int fake_fd(void *ctx)
{
	return ((struct fake *)ctx)->fd;
}

static int fake_arm(void *ctx)
{
	return ((struct fake *)ctx)->pending > 0 ? -DER_AGAIN : 0;
}

static const struct loop_src_ops fake_ops = {
	.poll = fake_poll,
	.fd = fake_fd,
	.arm = fake_arm,
};

static void fake_add(struct fixture *f, struct fake *k, enum loop_src_kind kind)
{
	k->src = (struct loop_src){ .ops = &fake_ops, .ctx = k };
	assert_int_equal(loop_src_add(&f->place, &k->src, kind), 0);
}

struct journal_timer {
	struct rt_timer t;
	char *journal;
};

static void journal_timer(struct rt_timer *t)
{
	char *journal = container_of(t, struct journal_timer, t)->journal;

	journal[strlen(journal)] = 't';
}

struct journal_msg {
	struct loop_msg msg;
	char *journal;
};

static void journal_message(struct loop_msg *msg)
{
	char *journal = container_of(msg, struct journal_msg, msg)->journal;

	journal[strlen(journal)] = 'm';
}

static void journal_ult(void *arg)
{
	char *journal = arg;

	journal[strlen(journal)] = 'u';
}

static void test_order(void **state)
{
	struct fixture f;
	char journal[32] = "";
	struct fake n1 = { .fd = LOOP_FD_QUIET, .name = 'n', .journal = journal }, n2 = n1, b1 = n1;
	struct journal_timer jt = { .t.fn = journal_timer, .journal = journal };
	struct journal_msg jm = { .msg.fn = journal_message, .journal = journal };

	(void)state;
	n2.name = 'N';
	b1.name = 'b';
	setup(&f, LOOP_MODE_SPIN);
	fake_add(&f, &n1, LOOP_SRC_NET);
	fake_add(&f, &n2, LOOP_SRC_NET);
	fake_add(&f, &b1, LOOP_SRC_BLK);
	assert_true(loop_post(&f.loop, &jm.msg));
	assert_int_equal(rt_spawn(&f.rt, journal_ult, journal, NULL), 0);
	rt_timer_arm(&f.rt, &jt.t, 1);
	assert_int_equal(loop_step(&f.loop, LOOP_POLL), 3);
	assert_string_equal(journal, "tubnNm");
	loop_src_del(&n1.src);
	loop_src_del(&n1.src);
	assert_int_equal(loop_step(&f.loop, LOOP_POLL), 0);
	assert_string_equal(journal, "tubnNmbN");
	loop_src_del(&n2.src);
	loop_src_del(&b1.src);
	teardown(&f);
}

static void *signal_main(void *arg)
{
	uint64_t one = 1;

	assert_int_equal(write(*(int *)arg, &one, sizeof(one)), sizeof(one));
	return NULL;
}

static void test_source_fd(void **state)
{
	struct fixture f;
	struct fake k = { .fd = eventfd(0, EFD_NONBLOCK) };
	pthread_t t;
	int n = 0;

	(void)state;
	setup(&f, LOOP_MODE_BLOCK);
	fake_add(&f, &k, LOOP_SRC_NET);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(pthread_create(&t, NULL, signal_main, &k.fd), 0);
		do {
			n = loop_step(&f.loop, LOOP_SLEEP);
		} while (n == 0);
		assert_int_equal(n, 1);
		assert_int_equal(pthread_join(t, NULL), 0);
	}
	assert_int_equal(f.loop.stats.naps, 0);
	/* Work that is pending keeps it awake. */
	k.pending = 2;
	assert_int_equal(loop_next_ns(&f.loop), 0);
	assert_int_equal(loop_step(&f.loop, LOOP_SLEEP), 1);
	assert_int_equal(loop_step(&f.loop, LOOP_SLEEP), 1);
	loop_src_del(&k.src);
	close(k.fd);
	teardown(&f);
}

/* More sources than the first room for descriptors. */
static void test_many_sources(void **state)
{
	struct fixture f;
	struct fake k[40];
	uint64_t one = 1;

	(void)state;
	setup(&f, LOOP_MODE_BLOCK);
	for (int i = 0; i < 40; i++) {
		k[i] = (struct fake){ .fd = eventfd(0, EFD_NONBLOCK) };
		fake_add(&f, &k[i], LOOP_SRC_NET);
	}
	for (int i = 0; i < 40; i++) {
		assert_int_equal(loop_step(&f.loop, LOOP_POLL), 0);
		assert_int_equal(write(k[i].fd, &one, sizeof(one)), sizeof(one));
		/* The round finds nothing if we look before the write; here it is there. */
		assert_int_equal(loop_step(&f.loop, LOOP_SLEEP), 1);
	}
	for (int i = 0; i < 40; i++) {
		loop_src_del(&k[i].src);
		close(k[i].fd);
	}
	teardown(&f);
}

static void test_naps(void **state)
{
	struct fixture f;
	struct fake k = { .fd = LOOP_FD_NONE };
	uint64_t begin;

	(void)state;
	setup(&f, LOOP_MODE_BLOCK);
	fake_add(&f, &k, LOOP_SRC_NET);
	begin = os_mono_ns();
	assert_int_equal(loop_run_until(&f.loop, never, NULL, begin + 100000000u), -DER_TIMEDOUT);
	assert_true(os_mono_ns() >= begin + 100000000u);
	/* 10, 20, 40 ... us and then 1 ms each: about 107; fewer when the machine is slow. */
	assert_in_range(f.loop.stats.naps, 2, 120);
	assert_int_equal(f.loop.nap_ns, LOOP_NAP_MAX_NS);
	k.pending = 1;
	assert_int_equal(loop_step(&f.loop, LOOP_SLEEP), 1);
	assert_int_equal(f.loop.nap_ns, LOOP_NAP_MIN_NS);
	loop_src_del(&k.src);
	teardown(&f);
}

/* ---- time --------------------------------------------------------------------------------- */

struct sleeper {
	struct rt *rt;
	uint64_t due_ns;
	uint64_t woke_ns;
};

static void sleeper_ult(void *arg)
{
	struct sleeper *s = arg;

	rt_sleep_until(s->rt, s->due_ns);
	s->woke_ns = rt_now_ns(s->rt);
}

static bool sleeper_woke(void *arg)
{
	return ((struct sleeper *)arg)->woke_ns != 0;
}

/* An idle loop burns no CPU, and wakes for its timer. */
static void test_idle(void **state)
{
	struct fixture f;
	struct fake k = { .fd = LOOP_FD_QUIET };
	struct sleeper s = { .rt = &f.rt };
	uint64_t begin_cpu;

	(void)state;
	setup(&f, LOOP_MODE_SPIN);
	fake_add(&f, &k, LOOP_SRC_NET);
	s.due_ns = os_mono_ns() + 200000000u;
	assert_int_equal(rt_spawn(&f.rt, sleeper_ult, &s, NULL), 0);
	begin_cpu = cpu_ns();
	assert_int_equal(loop_run_until(&f.loop, sleeper_woke, &s, RT_NEVER), 0);
	assert_true(s.woke_ns >= s.due_ns);
	assert_true(cpu_ns() - begin_cpu < 50000000u);	/* of 200 ms */
	assert_in_range(f.loop.stats.sleeps, 1, 10);
	loop_src_del(&k.src);
	teardown(&f);
}

/* One step that finds nothing and waits @ns. */
static void idle_step(struct fixture *f, uint64_t ns)
{
	assert_int_equal(loop_step_until(&f->loop, os_mono_ns() + ns), 0);
}

/* Halved by a miss, doubled by a hit. */
static void test_spin_adapts(void **state)
{
	struct fixture f;
	struct fake k = { .fd = LOOP_FD_QUIET };
	uint64_t low;

	(void)state;
	setup(&f, LOOP_MODE_SPIN);
	fake_add(&f, &k, LOOP_SRC_NET);
	assert_int_equal(f.loop.spin_ns, LOOP_SPIN_MAX_NS);
	while (f.loop.stats.spin_misses < 2)	/* a spin that was preempted is no miss */
		idle_step(&f, 2000000);
	low = f.loop.spin_ns;
	assert_int_equal(low, LOOP_SPIN_MAX_NS / 4);
	for (int i = 0; i < 3; i++) {	/* found by the spin's first poll */
		k.find_at = k.polls + 2;
		assert_int_equal(loop_step_until(&f.loop, os_mono_ns() + 1000000000u), 1);
	}
	assert_int_equal(f.loop.stats.spin_hits, 3);
	assert_int_equal(f.loop.spin_ns, LOOP_SPIN_MAX_NS);
	while (f.loop.stats.spin_misses < 8)
		idle_step(&f, 2000000);
	assert_int_equal(f.loop.spin_ns, 0);
	loop_src_del(&k.src);
	teardown(&f);
}

static void test_spin_off(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, LOOP_MODE_BLOCK);
	idle_step(&f, 1000000);
	assert_int_equal(f.loop.stats.spin_misses, 0);
	assert_int_equal(f.loop.stats.sleeps, 1);
	teardown(&f);
	setup(&f, LOOP_MODE_SPIN);
	loop_crowded(&f.loop, true);
	idle_step(&f, 1000000);
	assert_int_equal(f.loop.stats.spin_misses, 0);
	loop_crowded(&f.loop, false);
	while (f.loop.stats.spin_misses == 0)
		idle_step(&f, 1000000);
	teardown(&f);
}

/* ---- several streams ---------------------------------------------------------------------- */

struct remover {
	struct fixture *f;
	struct loop_stream *victim;
	uint32_t victim_runs;
};

static void remover_ult(void *arg)
{
	struct remover *r = arg;

	loop_stream_del(r->victim);
}

static void victim_ult(void *arg)
{
	((struct remover *)arg)->victim_runs++;
}

/* A stream may be taken out in another one's turn, the next in the round included. */
static void test_remove_in_turn(void **state)
{
	struct fixture f;
	struct os_misc misc;
	struct rt rt;
	struct loop_stream place;
	struct remover r = { .f = &f, .victim = &place };

	(void)state;
	setup(&f, LOOP_MODE_SPIN);
	rt_setup(&rt, &misc, f.stacks);
	loop_stream_add(&f.loop, &place, &rt);
	assert_int_equal(rt_spawn(&rt, victim_ult, &r, NULL), 0);
	assert_int_equal(loop_step(&f.loop, LOOP_POLL), 1);
	assert_int_equal(r.victim_runs, 1);
	assert_int_equal(rt_spawn(&rt, victim_ult, &r, NULL), 0);
	assert_int_equal(rt_spawn(&f.rt, remover_ult, &r, NULL), 0);
	assert_int_equal(loop_step(&f.loop, LOOP_POLL), 1);
	assert_int_equal(r.victim_runs, 1);
	assert_int_equal(loop_step(&f.loop, LOOP_POLL), 0);
	rt_kill(&rt);
	assert_int_equal(os_misc_fini(&misc), 0);
	teardown(&f);
}

/* ---- os ----------------------------------------------------------------------------------- */

static void test_misc(void **state)
{
	struct os_misc_opts mo = { .flags = OS_SEEDED, .seed = 5 };
	struct os_misc a, b, c;
	uint64_t ra[8], rb[8], rc[8];
	void *p;

	(void)state;
	os_misc_init(&a, &mo);
	os_misc_init(&b, &mo);
	os_misc_init(&c, NULL);
	os_misc_ops.entropy(&a, ra, sizeof(ra));
	os_misc_ops.entropy(&b, rb, sizeof(rb));
	assert_memory_equal(ra, rb, sizeof(ra));
	os_misc_ops.entropy(&b, rb, sizeof(rb));
	assert_memory_not_equal(ra, rb, sizeof(ra));
	memset(rc, 0, sizeof(rc));
	os_misc_ops.entropy(&c, rc, sizeof(rc));
	os_misc_ops.entropy(&c, ra, sizeof(ra));
	assert_memory_not_equal(ra, rc, sizeof(ra));

	p = os_misc_ops.alloc(&a, 100, 4096);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 4096, 0);
	os_misc_ops.charge(&a, RT_COST_CSUM, 1000);
	os_misc_ops.free(&a, NULL);
	os_misc_ops.free(&a, p);
	assert_non_null(os_misc_ops.alloc(&a, 1, 16));
	assert_int_equal(os_misc_fini(&a), 1);
	assert_int_equal(os_misc_fini(&b), 0);
	assert_int_equal(os_misc_fini(&c), 0);
}

static uint64_t fixed_wall_ns(void *ctx)
{
	(void)ctx;
	return 1709210096123456789ull;	/* a leap day */
}

static void test_log(void **state)
{
	static const struct rt_time_ops fixed = { .now_ns = fixed_wall_ns,
						  .wall_ns = fixed_wall_ns };
	struct os_misc_opts mo = { .flags = OS_SEEDED, .log_tag = "node1/3", .time = &fixed };
	const char *want = "2024-02-29T12:34:56.123456Z W node1/3 vos: key=1\n"
			   "2024-02-29T12:34:56.123456Z E node1/3 rpc: gone\n";
	char got[256] = "";
	struct os_misc m;
	int fds[2], fd;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	mo.log_fd = fds[1];
	os_misc_init(&m, &mo);
	os_misc_ops.log(&m, RT_LOG_WARN, "vos: key=1");
	os_misc_ops.log(&m, RT_LOG_ERROR, "rpc: gone");
	assert_int_equal(read(fds[0], got, sizeof(got) - 1), strlen(want));
	assert_string_equal(got, want);
	assert_int_equal(os_misc_fini(&m), 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(os_log_open("/nonexistent/dir/log", &fd), -DER_NONEXIST);
}

static void test_clocks(void **state)
{
	uint64_t a = os_mono_ns(), b = os_mono_ns();

	(void)state;
	assert_true(b >= a);
	assert_true(os_time_ops.now_ns(NULL) >= b);
	assert_true(os_time_ops.wall_ns(NULL) > 1600000000000000000ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mailbox),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_seat),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_source_fd),
		cmocka_unit_test(test_many_sources),
		cmocka_unit_test(test_naps),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_spin_adapts),
		cmocka_unit_test(test_spin_off),
		cmocka_unit_test(test_remove_in_turn),
		cmocka_unit_test(test_misc),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_clocks),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

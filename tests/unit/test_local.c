/* The local backend: both drivers against the conformance suites, then what is its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "tests/lib/net_conformance.h"
#include "transports/local/local.h"

/* ---- pairs of streams for the suites ------------------------------------------------------ */

struct pair {
	struct local_world *w;
	struct local_stream *a;
	struct local_stream *b;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t changes;
};

static struct local_world *world_new(enum local_driver driver, uint32_t flags)
{
	struct local_opts opts = { .driver = driver, .flags = flags | LOCAL_SEEDED, .seed = 7 };
	struct local_world *w;

	assert_int_equal(local_world_create(&opts, &w), 0);
	return w;
}

static struct local_stream *stream_new(struct local_world *w, const char *name)
{
	struct local_stream *s;

	assert_int_equal(local_stream_create(w, name, &s), 0);
	return s;
}

struct pair_arg {
	enum local_driver driver;
	uint32_t flags;
};

static struct pair *pair_new(const struct pair_arg *pa)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->w = world_new(pa->driver, pa->flags);
	return p;
}

static void pair_open(void *arg, struct net_conf *ret_conf)
{
	const struct pair_arg *pa = arg;
	struct pair *p = pair_new(pa);

	p->a = stream_new(p->w, "client/0");
	p->b = stream_new(p->w, "node1/3");
	if (pa->driver == LOCAL_THREADS) {
		assert_int_equal(local_stream_start(p->a), 0);
		assert_int_equal(local_stream_start(p->b), 0);
	}
	*ret_conf = (struct net_conf){
		.a = local_stream_rt(p->a),
		.b = local_stream_rt(p->b),
		.uri_a = local_stream_uri(p->a),
		.uri_b = local_stream_uri(p->b),
		.uri_nobody = "local:node9/0",
		.ctx = p,
	};
}

static void pair_post(struct net_conf *c, struct rt *rt, void (*fn)(struct rt *, void *), void *arg)
{
	struct pair *p = c->ctx;

	assert_int_equal(local_stream_post(rt == c->a ? p->a : p->b, fn, arg), 0);
}

static bool single_drive(struct net_conf *c, bool (*pred)(void *), void *arg)
{
	struct pair *p = c->ctx;

	return local_world_run_until(p->w, pred, arg, local_world_now_ns(p->w) + 60000000000ull) ==
	       0;
}

static void pair_notify(struct pair *p)
{
	pthread_mutex_lock(&p->lock);
	p->changes++;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static bool pair_await(struct pair *p, bool (*pred)(void *), void *arg)
{
	struct timespec ts;
	bool ok;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 120;
	pthread_mutex_lock(&p->lock);
	while (!(ok = pred(arg)) && err == 0)
		err = pthread_cond_timedwait(&p->changed, &p->lock, &ts);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

static bool threads_drive(struct net_conf *c, bool (*pred)(void *), void *arg)
{
	return pair_await(c->ctx, pred, arg);
}

static void threads_notify(struct net_conf *c)
{
	pair_notify(c->ctx);
}

static void pair_kill_b(struct net_conf *c)
{
	struct pair *p = c->ctx;

	local_stream_kill(p->b);
	p->b = NULL;
}

static int pair_free(struct pair *p)
{
	struct local_stats st;
	int rc = 0;

	if (p->a != NULL)
		rc = local_stream_close(p->a);
	if (rc == 0 && p->b != NULL)
		rc = local_stream_close(p->b);
	local_world_query(p->w, &st);
	assert_int_equal(st.streams, 0);
	local_world_destroy(p->w);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return rc;
}

static int pair_close(struct net_conf *c)
{
	return pair_free(c->ctx);
}

static void conformance(enum local_driver driver, uint32_t flags)
{
	struct pair_arg pa = { .driver = driver, .flags = flags };
	struct net_conf_factory f = {
		.flags = NET_CONF_PHANTOMS | NET_CONF_SELF | NET_CONF_EXACT_RC,
		.arg = &pa,
		.open = pair_open,
		.post = pair_post,
		.drive = driver == LOCAL_SINGLE ? single_drive : threads_drive,
		.notify = driver == LOCAL_SINGLE ? NULL : threads_notify,
		.kill_b = pair_kill_b,
		.close = pair_close,
	};

	net_conformance_run(&f);
}

static void test_net_virtual(void **state)
{
	(void)state;
	conformance(LOCAL_SINGLE, LOCAL_VIRTUAL);
}

static void test_net_real(void **state)
{
	(void)state;
	conformance(LOCAL_SINGLE, 0);
}

static void test_net_threads(void **state)
{
	(void)state;
	conformance(LOCAL_THREADS, 0);
	conformance(LOCAL_THREADS, LOCAL_BLOCK);
}

/* ---- names, clocks, cost ------------------------------------------------------------------ */

static void test_names(void **state)
{
	struct local_world *w = world_new(LOCAL_SINGLE, LOCAL_VIRTUAL);
	struct local_stream *a = stream_new(w, "n/0"), *b;
	char name[RT_URI_MAX + 8];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(local_stream_create(w, name, &b), -DER_INVAL);
	assert_int_equal(local_stream_create(w, "", &b), -DER_INVAL);
	assert_int_equal(local_stream_create(w, "n/0", &b), -DER_EXIST);
	assert_int_equal(local_stream_close(a), 0);
	b = stream_new(w, "n/0");
	assert_string_equal(local_stream_uri(b), "local:n/0");
	assert_int_equal(local_stream_close(b), 0);
	local_world_destroy(w);
}

struct sleeper {
	struct rt *rt;
	uint64_t woke_ns;
};

static void sleeper_ult(void *arg)
{
	struct sleeper *s = arg;

	rt_sleep_ns(s->rt, 3600000000000ull);
	s->woke_ns = rt_now_ns(s->rt);
}

static bool sleeper_woke(void *arg)
{
	return ((struct sleeper *)arg)->woke_ns != 0;
}

static void test_virtual_clock(void **state)
{
	struct local_world *w = world_new(LOCAL_SINGLE, LOCAL_VIRTUAL);
	struct local_stream *a = stream_new(w, "n/0");
	struct sleeper s = { .rt = local_stream_rt(a) };
	uint64_t begin = local_world_now_ns(w), real = os_mono_ns();

	(void)state;
	assert_int_equal(rt_spawn(s.rt, sleeper_ult, &s, NULL), 0);
	assert_int_equal(local_world_run_until(w, sleeper_woke, &s, begin + 1000), -DER_TIMEDOUT);
	assert_int_equal(local_world_now_ns(w), begin + 1000);
	assert_int_equal(local_world_run_until(w, sleeper_woke, &s, RT_NEVER), 0);
	assert_int_equal(s.woke_ns, begin + 3600000000000ull);
	assert_int_equal(local_world_run_until(w, NULL, NULL, RT_NEVER), -DER_TIMEDOUT);
	assert_true(os_mono_ns() - real < 60000000000ull);
	assert_int_equal(local_stream_close(a), 0);
	local_world_destroy(w);
}

/* One client and 16 targets that do nothing hold little. */
static void test_idle_cost(void **state)
{
	struct local_world *w = world_new(LOCAL_SINGLE, 0);
	struct local_stream *s[17];
	char name[32];

	(void)state;
	for (int i = 0; i < 17; i++) {
		snprintf(name, sizeof(name), "n%d/0", i);
		s[i] = stream_new(w, name);
	}
	while (local_world_step(w) > 0)
		;
	for (int i = 0; i < 17; i++) {
		assert_int_equal(local_stream_misc(s[i])->arena.bytes, 0);
		assert_int_equal(local_stream_close(s[i]), 0);
	}
	local_world_destroy(w);
}

/* ---- other threads ------------------------------------------------------------------------ */

#define POSTS 2000

struct poster {
	struct local_stream *s;
	uint32_t seen;
	uint32_t first_bad;
};

struct posted {
	struct poster *p;
	uint32_t seq;
};

static void posted_run(struct rt *rt, void *arg)
{
	struct posted *x = arg;

	if (rt != local_stream_rt(x->p->s) || x->seq != x->p->seen)
		x->p->first_bad = x->seq + 1;
	x->p->seen++;
}

static void *poster_main(void *arg)
{
	struct posted *x = arg;

	for (uint32_t i = 0; i < POSTS; i++)
		if (local_stream_post(x[i].p->s, posted_run, &x[i]) != 0)
			return NULL;
	return arg;
}

static bool all_posted(void *arg)
{
	return ((struct poster *)arg)->seen == POSTS;
}

/* Embedded mode: one thread drives the world and sleeps, another one hands it work. */
static void test_post_from_outside(void **state)
{
	struct local_world *w = world_new(LOCAL_SINGLE, LOCAL_BLOCK);
	struct poster p = { .s = stream_new(w, "client/0") };
	struct posted *x = calloc(POSTS, sizeof(*x));
	pthread_t t;
	void *ok;

	(void)state;
	assert_non_null(x);
	for (uint32_t i = 0; i < POSTS; i++)
		x[i] = (struct posted){ .p = &p, .seq = i };
	assert_int_equal(pthread_create(&t, NULL, poster_main, x), 0);
	assert_int_equal(loop_run_until(local_world_loop(w), all_posted, &p,
					os_mono_ns() + 60000000000ull),
			 0);
	assert_int_equal(pthread_join(t, &ok), 0);
	assert_non_null(ok);
	assert_int_equal(p.first_bad, 0);
	free(x);
	assert_int_equal(local_stream_close(p.s), 0);
	local_world_destroy(w);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* Streams on threads that have nothing to do use no CPU. */
static void test_threads_idle(void **state)
{
	struct local_world *w = world_new(LOCAL_THREADS, 0);
	struct local_stream *s[17];
	struct timespec a, b;
	struct loop mine;
	uint64_t used;
	char name[32];

	(void)state;
	assert_int_equal(loop_init(&mine, NULL), 0);
	for (int i = 0; i < 17; i++) {
		snprintf(name, sizeof(name), "n%d/0", i);
		s[i] = stream_new(w, name);
		assert_int_equal(local_stream_start(s[i]), 0);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	assert_int_equal(loop_run_until(&mine, never, NULL, os_mono_ns() + 300000000u),
			 -DER_TIMEDOUT);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	used = (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u + (uint64_t)(b.tv_nsec - a.tv_nsec);
	assert_true(used < 100000000);	/* of 300 ms on each CPU; with the starts of late threads */
	loop_fini(&mine);
	for (int i = 0; i < 17; i++)
		assert_int_equal(local_stream_close(s[i]), 0);
	local_world_destroy(w);
}

/* ---- leaks and ends ----------------------------------------------------------------------- */

struct leaker {
	struct rt *rt;
	struct rt_in *in;
};

static void leak_request(struct rt *rt, struct rt_in *in)
{
	((struct leaker *)rt->user)->in = in;
}

static void never_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	(void)reply;
	call->priv[7] = (uint64_t)(uint32_t)-rc;
}

/* A request that was never released shows when its stream closes; a call ends before it does. */
static void test_close_tells(void **state)
{
	struct local_world *w = world_new(LOCAL_SINGLE, LOCAL_VIRTUAL);
	struct local_stream *a = stream_new(w, "a/0"), *b = stream_new(w, "b/0");
	struct leaker l = { .rt = local_stream_rt(b) };
	struct rt_call call = { .done = never_done };
	struct rt *rt = local_stream_rt(a);
	struct local_stats st;

	(void)state;
	l.rt->user = &l;
	l.rt->on_request = leak_request;
	assert_int_equal(rt_peer_open(rt, "local:b/0", &call.peer), 0);
	assert_int_equal(rt_call(rt, &call), 0);
	local_world_run(w);
	assert_non_null(l.in);
	local_world_query(w, &st);
	assert_int_equal(st.live_messages, 1);
	assert_int_equal(local_stream_close(b), -DER_BUSY);
	local_world_run(w);
	assert_int_equal(call.priv[7], DER_UNREACH);
	rt_peer_close(rt, call.peer);
	assert_int_equal(local_stream_close(a), 0);
	local_world_query(w, &st);
	assert_int_equal(st.live_messages, 0);
	local_world_destroy(w);
}

/* A peer that was bound to a stream stays dead when the name comes back; a new one reaches it. */
static void test_reopen(void **state)
{
	struct local_world *w = world_new(LOCAL_SINGLE, LOCAL_VIRTUAL);
	struct local_stream *a = stream_new(w, "a/0"), *b;
	struct rt *rt = local_stream_rt(a);
	struct rt_peer *early;
	struct leaker l = { 0 };
	struct rt_call call = { .done = never_done };

	(void)state;
	assert_int_equal(rt_peer_open(rt, "local:b/0", &early), 0);
	call.peer = early;
	assert_int_equal(rt_call(rt, &call), -DER_UNREACH);
	b = stream_new(w, "b/0");
	local_stream_rt(b)->user = &l;
	local_stream_rt(b)->on_request = leak_request;
	assert_int_equal(rt_call(rt, &call), 0);	/* bound now */
	local_world_run(w);
	local_stream_kill(b);
	local_world_run(w);
	assert_int_equal(call.priv[7], DER_UNREACH);
	b = stream_new(w, "b/0");
	memset(call.priv, 0, sizeof(call.priv));
	assert_int_equal(rt_call(rt, &call), -DER_UNREACH);
	rt_peer_close(rt, early);
	assert_int_equal(rt_peer_open(rt, "local:b/0", &call.peer), 0);
	assert_int_equal(rt_call(rt, &call), 0);
	assert_int_equal(local_stream_close(b), 0);
	local_world_run(w);
	assert_int_equal(call.priv[7], DER_UNREACH);
	rt_peer_close(rt, call.peer);
	assert_int_equal(local_stream_close(a), 0);
	local_world_destroy(w);
}

/* More calls than a stream may have outstanding. */
static void test_queue_full(void **state)
{
	struct local_world *w = world_new(LOCAL_SINGLE, LOCAL_VIRTUAL);
	struct local_stream *a = stream_new(w, "a/0");
	struct rt *rt = local_stream_rt(a);
	struct rt_call *calls = calloc(LOCAL_CALLS_MAX + 1, sizeof(*calls));
	struct rt_peer *peer;

	(void)state;
	assert_non_null(calls);
	assert_int_equal(rt_peer_open(rt, "local:a/0", &peer), 0);
	for (uint32_t i = 0; i <= LOCAL_CALLS_MAX; i++) {
		calls[i] = (struct rt_call){ .peer = peer, .done = never_done };
		assert_int_equal(rt_call(rt, &calls[i]), i < LOCAL_CALLS_MAX ? 0 : -DER_AGAIN);
	}
	for (uint32_t i = 0; i < LOCAL_CALLS_MAX; i++)
		rt_cancel(rt, &calls[i]);
	local_world_run(w);
	for (uint32_t i = 0; i < LOCAL_CALLS_MAX; i++)
		assert_int_equal(calls[i].priv[7], DER_CANCELED);
	rt_peer_close(rt, peer);
	free(calls);
	assert_int_equal(local_stream_close(a), 0);
	local_world_destroy(w);
}

/* ---- a workload: for determinism, out of memory, stress ----------------------------------- */

#define WORK_TAGS 4

struct peer_work {
	struct local_stream *stream;
	struct rt *rt;
	struct work *work;
	uint32_t idx;
	uint64_t digest;
	uint32_t finished;
	uint32_t failed;
	char uri[32];	/* a copy: the stream may be killed */
};

struct work {
	struct local_world *w;
	struct pair *sync;		/* threads only */
	struct peer_work peers[WORK_TAGS];
	uint32_t count;
	uint32_t rounds;
	uint32_t clients;		/* ULTs per stream */
	atomic_uint running;
	atomic_uint progress;		/* calls ended, of all streams */
	uint32_t progress_wanted;	/* when to notify */
	bool tolerate;			/* errors are counted, not asserted */
};

struct work_call {
	struct rt_call call;
	struct rt_event ev;
	struct rt *rt;
	struct rt_in *reply;
};

static void work_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct work_call *wc = container_of(call, struct work_call, call);

	wc->reply = reply;
	rt_event_set(wc->rt, &wc->ev, rc);
}

struct work_head {
	uint64_t seed;
	uint32_t bytes;
	uint32_t put;
	uint32_t delay;
	uint32_t phantom;	/* a put of a phantom into a sink of the caller */
};

struct work_serve {
	struct peer_work *me;
	struct rt_in *in;
};

/* Verify what the client exposed, or fill it in. */
static int serve_bulk(struct peer_work *me, struct rt_in *in, const struct work_head *h)
{
	uint8_t *mem = rt_alloc(me->rt, h->bytes);
	uint8_t *want = rt_alloc(me->rt, h->bytes);
	struct bseg seg;
	struct buf local;
	int rc = -DER_NOMEM;

	if (mem != NULL && want != NULL) {
		gen_fill(h->seed | 1, 0, want, h->bytes);
		if (h->phantom)
			local = buf_from_gen(&seg, h->seed | 1, 0, h->bytes);
		else
			local = buf_from_bytes(&seg, h->put ? want : mem, h->bytes);
		rc = rt_bulk_wait(me->rt, in, h->put ? RT_BULK_PUT : RT_BULK_GET, 0, &local);
		if (rc == 0 && !h->put)
			ASSERT(memcmp(mem, want, h->bytes) == 0);
	}
	rt_free(me->rt, mem);
	rt_free(me->rt, want);
	return rc;
}

static void serve_ult(void *arg)
{
	struct work_serve v = *(struct work_serve *)arg;
	struct work_head h;
	struct bseg seg;
	struct buf msg;
	int32_t rc;
	int sent;

	rt_free(v.me->rt, arg);
	memcpy(&h, buf_ptr(&v.in->msg, 0, sizeof(h)), sizeof(h));
	v.me->digest = mix64_2(v.me->digest,
			       h.seed ^ rt_now_ns(v.me->rt) * (v.me->work->sync == NULL));
	if (h.delay > 0)
		rt_sleep_ns(v.me->rt, h.delay);
	rc = serve_bulk(v.me, v.in, &h);
	msg = buf_from_bytes(&seg, &rc, sizeof(rc));
	sent = rt_reply(v.me->rt, v.in, &msg);
	ASSERT(sent == 0 || v.me->work->tolerate);
	rt_release(v.me->rt, v.in);
}

static void serve(struct rt *rt, struct rt_in *in)
{
	struct peer_work *me = rt->user;
	struct work_serve *v = rt_alloc(rt, sizeof(*v));

	if (v != NULL) {
		*v = (struct work_serve){ .me = me, .in = in };
		if (rt_spawn(rt, serve_ult, v, NULL) == 0)
			return;
	}
	ASSERT(me->work->tolerate);
	rt_free(rt, v);
	rt_release(rt, in);
}

/* Send @h with @expose and wait; sometimes give up early. rc of the call, else of the service. */
static int work_send(struct peer_work *me, struct rt_peer *peer, struct work_head *h,
		     const struct buf *expose)
{
	struct rt *rt = me->rt;
	bool hasty = prng_below(&rt->rand[RT_STREAM_TEST], 8) == 0;
	struct bseg seg;
	struct work_call wc = {
		.call = { .peer = peer,
			  .expose = expose,
			  .done = work_done,
			  .access = h->put ? RT_ACCESS_WRITE : RT_ACCESS_READ },
		.rt = rt,
	};
	int32_t inner = 0;
	int rc;

	wc.call.msg = buf_from_bytes(&seg, h, sizeof(*h));
	rt_event_init(&wc.ev);
	rc = rt_call(rt, &wc.call);
	if (rc != 0)
		return rc;
	if (rt_event_wait(rt, &wc.ev, hasty ? rt_now_ns(rt) + 15000 : RT_NEVER) == -DER_TIMEDOUT) {
		rt_cancel(rt, &wc.call);
		(void)rt_event_wait(rt, &wc.ev, RT_NEVER);	/* its rc is in ev */
	}
	if (wc.ev.rc != 0)
		return wc.ev.rc;
	memcpy(&inner, buf_ptr(&wc.reply->msg, 0, sizeof(inner)), sizeof(inner));
	rt_release(rt, wc.reply);
	me->digest = mix64_2(me->digest, (uint64_t)inner + h->seed);
	return inner;
}

static int sink_grow(struct bsink *s, uint32_t cap)
{
	struct rt *rt = s->grow_arg;
	struct bseg *runs = rt_alloc(rt, cap * sizeof(*runs));

	if (runs == NULL)
		return -DER_NOMEM;
	if (s->nr > 0)
		memcpy(runs, s->runs, s->nr * sizeof(*runs));
	rt_free(rt, s->runs);
	s->runs = runs;
	s->cap = cap;
	return 0;
}

static int work_phantom(struct peer_work *me, struct rt_peer *peer, struct work_head *h)
{
	struct bsink sink;
	struct bseg seg, want_seg;
	struct buf expose, got, want = buf_from_gen(&want_seg, h->seed | 1, 0, h->bytes);
	int rc;

	bsink_init(&sink, h->bytes, NULL, 0);
	sink.grow = sink_grow;
	sink.grow_arg = me->rt;
	expose = buf_from_sink(&seg, &sink, 0, h->bytes);
	h->put = 1;
	h->phantom = 1;
	rc = work_send(me, peer, h, &expose);
	got = bsink_buf(&sink);
	if (rc == 0)
		ASSERT(buf_fingerprint(&got, 0, h->bytes) == buf_fingerprint(&want, 0, h->bytes));
	rt_free(me->rt, sink.runs);
	return rc;
}

/* One call with exposed memory. Its rc. */
static int work_one(struct peer_work *me, struct rt_peer *peer, uint8_t *mem, uint32_t bytes)
{
	struct rt *rt = me->rt;
	struct work_head h = { .seed = rt_rand(rt, RT_STREAM_TEST), .bytes = bytes };
	struct bseg seg;
	struct buf expose = buf_from_bytes(&seg, mem, bytes);
	int rc;

	h.put = (uint32_t)prng_below(&rt->rand[RT_STREAM_TEST], 2);
	h.delay = (uint32_t)prng_below(&rt->rand[RT_STREAM_TEST], 3) * 10000;
	if (prng_below(&rt->rand[RT_STREAM_TEST], 4) == 0)
		return work_phantom(me, peer, &h);
	gen_fill(h.put ? 0 : h.seed | 1, 0, mem, bytes);
	rc = work_send(me, peer, &h, &expose);
	if (rc == 0 && h.put) {
		uint8_t want[64];

		gen_fill(h.seed | 1, 0, want, min_u64(bytes, 64));
		ASSERT(memcmp(mem, want, min_u64(bytes, 64)) == 0);
	}
	if (rc != 0) {
		memset(mem, 0xee, bytes);	/* ours again: nobody may write it */
		rt_yield(rt);
		for (uint32_t i = 0; i < bytes; i++)
			ASSERT(mem[i] == 0xee);
	}
	return rc;
}

static void work_ult(void *arg)
{
	struct peer_work *me = arg;
	struct work *wk = me->work;
	struct rt *rt = me->rt;
	uint8_t *mem = rt_alloc(rt, 70000);

	for (uint32_t i = 0; i < wk->rounds; i++) {
		uint32_t to = (uint32_t)prng_below(&rt->rand[RT_STREAM_TEST], wk->count);
		uint32_t bytes = 1 + (uint32_t)prng_below(&rt->rand[RT_STREAM_TEST], 69999);
		struct rt_peer *peer = NULL;
		int rc = mem == NULL ? -DER_NOMEM : rt_peer_open(rt, wk->peers[to].uri, &peer);

		if (rc == 0)
			rc = work_one(me, peer, mem, bytes);
		if (peer != NULL)
			rt_peer_close(rt, peer);
		me->digest = mix64_2(me->digest, (uint64_t)(int64_t)rc);
		if (rc != 0 && rc != -DER_CANCELED) {
			ASSERT(wk->tolerate);
			me->failed++;
		}
		if (atomic_fetch_add(&wk->progress, 1) + 1 == wk->progress_wanted &&
		    wk->sync != NULL)
			pair_notify(wk->sync);
	}
	rt_free(rt, mem);
	me->finished++;
	if (atomic_fetch_sub(&wk->running, 1) == 1 && wk->sync != NULL)
		pair_notify(wk->sync);
}

static void work_start(struct rt *rt, void *arg)
{
	struct peer_work *me = arg;

	rt->user = me;
	rt->on_request = serve;
	for (uint32_t i = 0; i < me->work->clients; i++)
		ASSERT(rt_spawn(rt, work_ult, me, NULL) == 0);
}

static bool work_over(void *arg)
{
	return atomic_load(&((struct work *)arg)->running) == 0;
}

static bool work_half_way(void *arg)
{
	struct work *wk = arg;

	return atomic_load(&wk->progress) >= wk->progress_wanted;
}

static void work_setup(struct work *wk)
{
	char name[16];

	atomic_init(&wk->running, wk->count * wk->clients);
	for (uint32_t i = 0; i < wk->count; i++) {
		snprintf(name, sizeof(name), "n%u/0", i);
		wk->peers[i] = (struct peer_work){ .stream = stream_new(wk->w, name), .work = wk,
						   .idx = i };
		wk->peers[i].rt = local_stream_rt(wk->peers[i].stream);
		snprintf(wk->peers[i].uri, sizeof(wk->peers[i].uri), "local:%s", name);
	}
}

static uint64_t work_single(uint64_t seed)
{
	struct local_opts opts = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED, .seed = seed };
	struct work wk = { .count = 4, .rounds = 40, .clients = 3 };
	uint64_t digest = 0;

	assert_int_equal(local_world_create(&opts, &wk.w), 0);
	work_setup(&wk);
	for (uint32_t i = 0; i < wk.count; i++)
		work_start(wk.peers[i].rt, &wk.peers[i]);
	local_world_run(wk.w);
	assert_true(work_over(&wk));
	for (uint32_t i = 0; i < wk.count; i++) {
		digest = mix64_2(digest, wk.peers[i].digest);
		assert_int_equal(wk.peers[i].finished, wk.clients);
		assert_int_equal(local_stream_close(wk.peers[i].stream), 0);
	}
	digest = mix64_2(digest, local_world_now_ns(wk.w));
	local_world_destroy(wk.w);
	return digest;
}

static void test_determinism(void **state)
{
	uint64_t first = work_single(1);

	(void)state;
	assert_true(first == work_single(1));
	assert_true(first != work_single(2));
}

/* Bound before any of them runs: a request to a stream without a handler is dropped. */
static void work_start_threads(struct work *wk)
{
	for (uint32_t i = 0; i < wk->count; i++)
		assert_int_equal(local_stream_post(wk->peers[i].stream, work_start, &wk->peers[i]),
				 0);
	for (uint32_t i = 0; i < wk->count; i++)
		assert_int_equal(local_stream_start(wk->peers[i].stream), 0);
}

/* Requests whose callers gave up may still be in service. The loops are not bound to their threads:
 * with these stopped, ours runs the rest. */
static void work_drain(struct work *wk, uint32_t count)
{
	bool busy;

	for (uint32_t i = 0; i < count; i++)
		local_stream_stop(wk->peers[i].stream);
	do {
		busy = false;
		for (uint32_t i = 0; i < count; i++) {
			struct loop *l = local_stream_place(wk->peers[i].stream)->loop;

			if (loop_step(l, LOOP_POLL) > 0 || wk->peers[i].rt->ult_count > 0)
				busy = true;
		}
	} while (busy);
}

/* Streams on threads of their own, each client and server at once, cancelling now and then. */
static void test_stress(void **state)
{
	struct pair_arg pa = { .driver = LOCAL_THREADS };
	struct pair *p = pair_new(&pa);
	struct work wk = { .w = p->w, .sync = p, .count = 4, .rounds = 200, .clients = 4 };

	(void)state;
	work_setup(&wk);
	work_start_threads(&wk);
	assert_true(pair_await(p, work_over, &wk));
	work_drain(&wk, wk.count);
	for (uint32_t i = 0; i < wk.count; i++) {
		assert_int_equal(wk.peers[i].finished, wk.clients);
		assert_int_equal(local_stream_close(wk.peers[i].stream), 0);
	}
	assert_int_equal(pair_free(p), 0);
}

/* Crash one of the streams in the middle of it all; the others end with clear errors. */
static void test_stress_kill(void **state)
{
	struct pair_arg pa = { .driver = LOCAL_THREADS };

	(void)state;
	for (uint32_t round = 0; round < 10; round++) {
		struct pair *p = pair_new(&pa);
		struct work wk = { .w = p->w, .sync = p, .count = 3, .rounds = 150, .clients = 4,
				   .tolerate = true, .progress_wanted = 1 + 150 * round };

		work_setup(&wk);
		work_start_threads(&wk);
		assert_true(pair_await(p, work_half_way, &wk));
		local_stream_stop(wk.peers[2].stream);
		atomic_fetch_sub(&wk.running, wk.clients - wk.peers[2].finished);
		local_stream_kill(wk.peers[2].stream);
		assert_true(pair_await(p, work_over, &wk));
		work_drain(&wk, 2);
		for (uint32_t i = 0; i < 2; i++) {
			assert_int_equal(wk.peers[i].finished, wk.clients);
			assert_int_equal(local_stream_close(wk.peers[i].stream), 0);
		}
		assert_int_equal(pair_free(p), 0);
	}
}

/* ---- revocation while a copy is inside ---------------------------------------------------- */

#define BUSY_BYTES (32u << 20)
#define BUSY_WANTED 6u		/* transfers to cut short; most are, unless the machine is loaded */

struct busy {
	struct pair *p;
	struct rt *a;
	struct rt *b;
	uint8_t *mem;			/* exposed by A */
	uint8_t *src;			/* B's */
	struct rt_bulk bulk;
	struct rt_in *in;
	struct work_call wc;
	struct rt_peer *peer;
	atomic_bool over;
	atomic_uint started;		/* transfers that B has submitted */
	atomic_uint ended;
	atomic_uint caught;		/* transfers that were cut short */
};

static void busy_bulk_done(struct rt_bulk *bulk, int rc)
{
	struct busy *y = container_of(bulk, struct busy, bulk);

	ASSERT(rc == 0 || rc == -DER_CANCELED);
	atomic_fetch_add(&y->caught, rc != 0);
	rt_release(y->b, y->in);
	atomic_fetch_add(&y->ended, 1);
}

static void busy_request(struct rt *rt, struct rt_in *in)
{
	struct busy *y = rt->user;
	struct bseg *seg = (struct bseg *)(void *)(y->src + BUSY_BYTES);
	int rc;

	y->in = in;
	y->bulk = (struct rt_bulk){ .in = in, .op = RT_BULK_PUT, .done = busy_bulk_done };
	y->bulk.local = buf_from_bytes(seg, y->src, BUSY_BYTES);
	rc = rt_bulk(rt, &y->bulk);
	ASSERT(rc == 0);
	atomic_fetch_add(&y->started, 1);
}

/* Cancel while the transfer is at it; from done() on, not one byte more may come. */
static void busy_ult(void *arg)
{
	struct busy *y = arg;
	struct bseg seg, mseg;
	struct buf expose = buf_from_bytes(&seg, y->mem, BUSY_BYTES);
	uint64_t tag = 1;

	ASSERT(rt_peer_open(y->a, "local:node1/3", &y->peer) == 0);
	for (uint32_t i = 0; i < 300 && atomic_load(&y->caught) < BUSY_WANTED; i++) {
		memset(y->mem, 0, BUSY_BYTES);
		y->wc = (struct work_call){ .rt = y->a };
		y->wc.call = (struct rt_call){ .peer = y->peer, .expose = &expose,
					       .access = RT_ACCESS_WRITE, .done = work_done };
		y->wc.call.msg = buf_from_bytes(&mseg, &tag, sizeof(tag));
		rt_event_init(&y->wc.ev);
		ASSERT(rt_call(y->a, &y->wc.call) == 0);
		while (atomic_load(&y->started) == i)
			rt_yield(y->a);
		rt_sleep_ns(y->a, 100000 * (i % 4));
		rt_cancel(y->a, &y->wc.call);
		ASSERT(rt_event_wait(y->a, &y->wc.ev, RT_NEVER) == -DER_CANCELED);
		/* Ours alone. */
		memset(y->mem, 0x5a, BUSY_BYTES);
		rt_sleep_ns(y->a, 2000000);	/* time for a copy that would go on */
		ASSERT(y->mem[0] == 0x5a);
		ASSERT(memcmp(y->mem, y->mem + 1, BUSY_BYTES - 1) == 0);
		while (atomic_load(&y->ended) <= i)	/* B has one transfer at a time */
			rt_sleep_ns(y->a, 100000);
	}
	rt_peer_close(y->a, y->peer);
	atomic_store(&y->over, true);
	pair_notify(y->p);
}

static void busy_start(struct rt *rt, void *arg)
{
	ASSERT(rt_spawn(rt, busy_ult, arg, NULL) == 0);
}

static bool busy_over(void *arg)
{
	return atomic_load(&((struct busy *)arg)->over);
}

static void test_revoke_busy(void **state)
{
	struct pair_arg pa = { .driver = LOCAL_THREADS };
	struct pair *p = pair_new(&pa);
	struct busy y = { .p = p };

	(void)state;
	p->a = stream_new(p->w, "client/0");
	p->b = stream_new(p->w, "node1/3");
	y.a = local_stream_rt(p->a);
	y.b = local_stream_rt(p->b);
	y.mem = malloc(BUSY_BYTES);
	y.src = malloc(BUSY_BYTES + sizeof(struct bseg));
	assert_non_null(y.mem);
	assert_non_null(y.src);
	memset(y.src, 0xff, BUSY_BYTES);
	y.b->user = &y;
	y.b->on_request = busy_request;
	assert_int_equal(local_stream_post(p->a, busy_start, &y), 0);
	assert_int_equal(local_stream_start(p->a), 0);
	assert_int_equal(local_stream_start(p->b), 0);
	assert_true(pair_await(p, busy_over, &y));
	assert_int_equal(pair_free(p), 0);
	assert_true(atomic_load(&y.caught) >= BUSY_WANTED);
	free(y.mem);
	free(y.src);
}

/* Fail the n-th allocation of one stream, for every n. */
static void test_oom(void **state)
{
	uint64_t n = 0;
	uint32_t failed;

	(void)state;
	do {
		struct local_opts opts = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED, .seed = 3 };
		struct work wk = { .count = 2, .rounds = 4, .clients = 1, .tolerate = true };
		uint32_t victim = (uint32_t)(n % 2);
		struct arena *a;

		assert_int_equal(local_world_create(&opts, &wk.w), 0);
		work_setup(&wk);
		a = &local_stream_misc(wk.peers[victim].stream)->arena;
		for (uint32_t i = 0; i < wk.count; i++)
			work_start(wk.peers[i].rt, &wk.peers[i]);
		a->fail_at = n / 2 + 1;
		/* A lost reply leaves its call open until the streams are closed. */
		local_world_run(wk.w);
		failed = a->fail_at == 0;
		a->fail_at = 0;
		if (!work_over(&wk)) {
			local_stream_kill(wk.peers[victim].stream);
			local_world_run(wk.w);
			assert_int_equal(wk.peers[1 - victim].finished, 1);
		} else {
			assert_int_equal(local_stream_close(wk.peers[victim].stream), 0);
		}
		assert_int_equal(local_stream_close(wk.peers[1 - victim].stream), 0);
		local_world_destroy(wk.w);
		n++;
	} while (failed != 0 || n % 2 != 0);
	assert_true(n > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_virtual),
		cmocka_unit_test(test_net_real),
		cmocka_unit_test(test_net_threads),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_virtual_clock),
		cmocka_unit_test(test_idle_cost),
		cmocka_unit_test(test_post_from_outside),
		cmocka_unit_test(test_threads_idle),
		cmocka_unit_test(test_close_tells),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_queue_full),
		cmocka_unit_test(test_determinism),
		cmocka_unit_test(test_revoke_busy),
		cmocka_unit_test(test_stress),
		cmocka_unit_test(test_stress_kill),
		cmocka_unit_test(test_oom),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

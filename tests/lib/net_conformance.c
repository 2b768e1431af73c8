#include "tests/lib/net_conformance.h"

#include <stdatomic.h>
#include <stdio.h>

#define HELD_MAX 8u
#define WAIT_NS 20000000000ull
#define BIG_BYTES (3u << 20)

enum cmd_op {
	CMD_ECHO = 1,	/* reply with the whole message */
	CMD_SIZE,	/* reply of @arg bytes; 0 when that worked, else a reply with the error */
	CMD_HOLD,	/* keep the request in slot @arg */
	CMD_REPLY_HELD,	/* answer slot @arg and release it */
	CMD_DROP_HELD,	/* release slot @arg */
	CMD_DROP,	/* release this, no answer */
	CMD_BULK,	/* transfer against this request */
	CMD_BULK_HELD,	/* transfer against slot @arg */
	CMD_CALLBACK,	/* call the sender's address with an echo first */
	CMD_CORRUPT_GEN, /* does nothing but echo the fingerprint of the payload */
};

struct cmd {
	uint32_t op;
	uint32_t arg;
	uint32_t bulk_op;
	int32_t rc;		/* of the reply */
	uint64_t off;
	uint64_t bytes;
	uint64_t gen;		/* content of a put; 0: the default pattern */
	uint64_t value;		/* of the reply */
};

/* ---- the server on B ---------------------------------------------------------------------- */

struct server {
	struct rt *rt;
	const struct net_conf *conf;
	const struct net_conf_factory *f;
	struct rt_in *held[HELD_MAX];
};

struct service {
	struct server *s;
	struct rt_in *in;
};

struct once {
	struct rt_event ev;
	struct rt *rt;
	struct rt_call call;
	void (*hook)(struct rt_call *call, int rc, struct rt_in *reply); /* NULL: once_done */
	bool submitting;
	uint32_t dones;
	int rc;
	struct rt_in *reply;
};

static void once_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct once *o = container_of(call, struct once, call);

	ASSERT(!o->submitting);
	ASSERT(o->dones == 0);
	ASSERT((rc == 0) == (reply != NULL));
	ASSERT(o->rt->current == NULL);
	o->dones++;
	o->rc = rc;
	o->reply = reply;
	rt_event_set(o->rt, &o->ev, 0);
}

static int once_submit(struct once *o)
{
	int rc;

	rt_event_init(&o->ev);
	o->call.done = o->hook != NULL ? o->hook : once_done;
	o->submitting = true;
	rc = rt_call(o->rt, &o->call);
	o->submitting = false;
	return rc;
}

/* Wait for the completion; its rc. */
static int once_wait(struct once *o)
{
	int rc = rt_event_wait(o->rt, &o->ev, rt_now_ns(o->rt) + WAIT_NS);

	ASSERT(rc == 0);
	ASSERT(o->dones == 1);
	return o->rc;
}

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)mix64(at / 8 + 77);
}

static void pattern_fill(uint8_t *p, uint64_t off, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		p[i] = pattern(off + i);
}

static bool pattern_is(const uint8_t *p, uint64_t off, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		if (p[i] != pattern(off + i))
			return false;
	return true;
}

static void server_reply(struct server *s, struct rt_in *in, int rc, uint64_t value)
{
	struct cmd out = { .rc = rc, .value = value };
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, &out, sizeof(out));
	int sent = rt_reply(s->rt, in, &msg);

	ASSERT(sent == 0 || sent == -DER_UNREACH || sent == -DER_NOMEM);
}

/* A transfer of cmd.bytes at cmd.off: puts send the pattern, gets return a hash of what came. */
static int server_bulk(struct server *s, const struct cmd *c, struct rt_in *in, uint64_t *ret_value)
{
	uint8_t *mem = rt_alloc(s->rt, c->bytes + 1);
	struct bseg seg;
	struct buf local;
	int rc;

	ASSERT(mem != NULL);
	if (c->gen != 0)
		local = buf_from_gen(&seg, c->gen, c->off, c->bytes);
	else
		local = buf_from_bytes(&seg, mem, c->bytes);
	if (c->bulk_op == RT_BULK_PUT)
		pattern_fill(mem, c->off, c->bytes);
	rc = rt_bulk_wait(s->rt, in, (enum rt_bulk_op)c->bulk_op, c->off, &local);
	*ret_value = hash_bytes(mem, c->bytes, 1);
	rt_free(s->rt, mem);
	return rc;
}

static void server_size(struct server *s, struct rt_in *in, uint32_t bytes)
{
	uint8_t *mem = rt_alloc(s->rt, (size_t)bytes + 1);
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, mem, bytes);
	int rc;

	ASSERT(mem != NULL);
	pattern_fill(mem, 0, bytes);
	rc = rt_reply(s->rt, in, &msg);
	if (rc != 0)
		server_reply(s, in, rc, 0);
	rt_free(s->rt, mem);
}

static int server_callback(struct server *s)
{
	struct cmd c = { .op = CMD_ECHO };
	struct once o = { .rt = s->rt };
	struct bseg seg;
	int rc = rt_peer_open(s->rt, s->conf->uri_a, &o.call.peer);

	ASSERT(rc == 0);
	o.call.msg = buf_from_bytes(&seg, &c, sizeof(c));
	rc = once_submit(&o);
	if (rc == 0)
		rc = once_wait(&o);
	if (o.reply != NULL)
		rt_release(s->rt, o.reply);
	rt_peer_close(s->rt, o.call.peer);
	return rc;
}

static void server_held(struct server *s, const struct cmd *c, struct rt_in *in)
{
	struct rt_in **slot = &s->held[c->arg];
	uint64_t value = 0;
	int rc = 0;

	ASSERT(*slot != NULL);
	if (c->op == CMD_REPLY_HELD)
		server_reply(s, *slot, 0, 0);
	if (c->op == CMD_BULK_HELD) {
		rc = server_bulk(s, c, *slot, &value);
	} else {
		rt_release(s->rt, *slot);
		*slot = NULL;
	}
	server_reply(s, in, rc, value);
}

/* Serve one request. True: the request was kept. */
static bool serve_cmd(struct server *s, const struct cmd *c, struct rt_in *in)
{
	uint64_t value = 0;
	int rc;

	switch (c->op) {
	case CMD_ECHO:
		rc = rt_reply(s->rt, in, &in->msg);
		ASSERT(rc == 0 || rc == -DER_UNREACH || rc == -DER_NOMEM);
		break;
	case CMD_SIZE:
		server_size(s, in, c->arg);
		break;
	case CMD_HOLD:
		ASSERT(s->held[c->arg] == NULL);
		s->held[c->arg] = in;
		if (s->f->notify != NULL)
			s->f->notify((struct net_conf *)(uintptr_t)s->conf);
		return true;
	case CMD_REPLY_HELD:
	case CMD_DROP_HELD:
	case CMD_BULK_HELD:
		server_held(s, c, in);
		break;
	case CMD_BULK:
		rc = server_bulk(s, c, in, &value);
		server_reply(s, in, rc, value);
		break;
	case CMD_CALLBACK:
		server_reply(s, in, server_callback(s), 0);
		break;
	case CMD_CORRUPT_GEN:
		server_reply(s, in, 0,
			     buf_fingerprint(&in->msg, sizeof(*c), in->msg.bytes - sizeof(*c)));
		break;
	case CMD_DROP:
	default:
		break;
	}
	return false;
}

static void service_ult(void *arg)
{
	struct service v = *(struct service *)arg;
	struct cmd c;
	const void *head = buf_ptr(&v.in->msg, 0, sizeof(c));

	rt_free(v.s->rt, arg);
	if (v.in->msg.bytes < sizeof(c)) {	/* shorter than a command: echo, whatever it is */
		int rc = rt_reply(v.s->rt, v.in, &v.in->msg);

		ASSERT(rc == 0);
	} else {
		ASSERT(head != NULL);	/* the head is in the first segment, whole */
		memcpy(&c, head, sizeof(c));
		if (serve_cmd(v.s, &c, v.in))
			return;
	}
	rt_release(v.s->rt, v.in);
}

static void server_request(struct rt *rt, struct rt_in *in)
{
	struct server *s = rt->user;
	struct service *v = rt_alloc(rt, sizeof(*v));
	int rc;

	ASSERT(v != NULL && rt->current == NULL);
	*v = (struct service){ .s = s, .in = in };
	rc = rt_spawn(rt, service_ult, v, NULL);
	ASSERT(rc == 0);
}

/* ---- the client on A ---------------------------------------------------------------------- */

struct client {
	struct net_conf conf;
	const struct net_conf_factory *f;
	struct rt *rt;
	struct rt_peer *peer;
	void (*script)(struct client *c);
	struct server server_a;
	struct server server_b;
	atomic_int bound;
	atomic_bool finished;
	atomic_bool kill_wanted;
	bool killed;		/* the main thread's */
	struct rt_waitq kill_q;
	bool kill_done;
};

static void client_notify(struct client *c)
{
	if (c->f->notify != NULL)
		c->f->notify(&c->conf);
}

/* A command with optional payload behind it and optional exposure. */
struct req {
	struct once o;
	struct cmd cmd;
	struct bseg segs[2];
	struct buf expose;
};

static int req_start(struct client *c, struct req *r, const struct buf *payload,
		     const struct buf *expose, uint32_t access)
{
	r->o.rt = c->rt;
	r->o.call.peer = c->peer;
	r->o.call.msg = buf_from_bytes(&r->segs[0], &r->cmd, sizeof(r->cmd));
	if (payload != NULL) {
		int rc = buf_append(&r->o.call.msg, 2, payload);

		ASSERT(rc == 0);
	}
	if (expose != NULL) {
		r->expose = *expose;
		r->o.call.expose = &r->expose;
		r->o.call.access = access;
	}
	return once_submit(&r->o);
}

/* Start, wait, and give the reply's cmd; rc of the call. */
static int req_run(struct client *c, struct req *r, const struct buf *payload,
		   const struct buf *expose, uint32_t access, struct cmd *ret_reply)
{
	int rc = req_start(c, r, payload, expose, access);

	if (rc == 0)
		rc = once_wait(&r->o);
	if (rc != 0)
		return rc;
	ASSERT(r->o.reply->msg.bytes >= sizeof(*ret_reply));
	memcpy(ret_reply, buf_ptr(&r->o.reply->msg, 0, sizeof(*ret_reply)), sizeof(*ret_reply));
	rt_release(c->rt, r->o.reply);
	return 0;
}

static struct cmd command(struct client *c, struct cmd cmd)
{
	struct req r = { .cmd = cmd };
	struct cmd out;
	int rc = req_run(c, &r, NULL, NULL, 0, &out);

	ASSERT(rc == 0);
	return out;
}

static void echo(struct client *c)
{
	(void)command(c, (struct cmd){ .op = CMD_ECHO });	/* asserts inside */
}

/* Start a request that B holds, and be sure that B has it: an echo behind it overtakes nothing on a
 * backend with order; on one without, the slot is asked until it is there. */
static void hold(struct client *c, struct req *r, const struct buf *expose, uint32_t access)
{
	int rc;

	r->cmd.op = CMD_HOLD;
	rc = req_start(c, r, NULL, expose, access);
	ASSERT(rc == 0);
	for (int i = 0; i < 3; i++)
		echo(c);
	ASSERT(r->o.dones == 0);
}

static void *take(struct client *c, size_t bytes)
{
	void *p = rt_alloc(c->rt, bytes);

	ASSERT(p != NULL);
	return p;
}

/* ---- cases -------------------------------------------------------------------------------- */

static void raw_echo(struct client *c, uint64_t bytes, uint32_t pieces)
{
	uint8_t *mem = take(c, bytes + 1);
	struct bseg segs[8];
	struct once o = { .rt = c->rt, .call.peer = c->peer };
	const uint8_t *got;
	int rc;

	pattern_fill(mem, 0, bytes);
	if (bytes >= sizeof(struct cmd))
		memcpy(mem, &(struct cmd){ .op = CMD_ECHO }, sizeof(struct cmd));
	o.call.msg = (struct buf){ .segs = segs, .nr = pieces, .bytes = bytes };
	for (uint32_t i = 0; i < pieces; i++) {
		uint64_t from = bytes * i / pieces, to = bytes * (i + 1) / pieces;

		(void)buf_from_bytes(&segs[i], mem + from, to - from);
	}
	rc = once_submit(&o);
	ASSERT(rc == 0);
	rc = once_wait(&o);
	ASSERT(rc == 0 && o.reply->msg.bytes == bytes);
	got = bytes > 0 ? buf_ptr(&o.reply->msg, 0, bytes) : mem;
	ASSERT(got != NULL && memcmp(got, mem, bytes) == 0);
	ASSERT(o.reply->expose_bytes == 0);
	rt_release(c->rt, o.reply);
	rt_free(c->rt, mem);
}

static void case_sizes(struct client *c)
{
	static const uint32_t sizes[] = {
		0, 1, 7, 47, 48, 49, 255, 4095, 4096, 8191, RT_MSG_MAX_BYTES - 1, RT_MSG_MAX_BYTES
	};
	struct once o = { .rt = c->rt, .call.peer = c->peer };
	uint8_t *mem = take(c, RT_MSG_MAX_BYTES + 1);
	struct bseg seg;
	int rc;

	for (uint32_t i = 0; i < ARRAY_COUNT(sizes); i++)
		raw_echo(c, sizes[i], 1);
	raw_echo(c, 1000, 2);
	raw_echo(c, RT_MSG_MAX_BYTES, 8);
	o.call.msg = buf_from_bytes(&seg, mem, RT_MSG_MAX_BYTES + 1);
	rc = once_submit(&o);
	ASSERT(rc == -DER_OVERFLOW);
	echo(c);
	ASSERT(o.dones == 0);
	rt_free(c->rt, mem);
}

static void case_reply_sizes(struct client *c)
{
	static const uint32_t sizes[] = { 0, 1, 100, 4097, RT_MSG_MAX_BYTES };
	struct cmd out;

	for (uint32_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct req r = { .cmd = { .op = CMD_SIZE, .arg = sizes[i] } };
		int rc = req_start(c, &r, NULL, NULL, 0);

		ASSERT(rc == 0);
		rc = once_wait(&r.o);
		ASSERT(rc == 0 && r.o.reply->msg.bytes == sizes[i]);
		ASSERT(sizes[i] == 0 ||
		       pattern_is(buf_ptr(&r.o.reply->msg, 0, sizes[i]), 0, sizes[i]));
		rt_release(c->rt, r.o.reply);
	}
	out = command(c, (struct cmd){ .op = CMD_SIZE, .arg = RT_MSG_MAX_BYTES + 1 });
	ASSERT(out.rc == -DER_OVERFLOW);
}

static void case_many(struct client *c)
{
	const uint32_t count = 300;
	struct req *reqs = take(c, count * sizeof(*reqs));
	uint32_t i;

	for (i = 0; i < count; i++) {
		int rc;

		reqs[i].cmd = (struct cmd){ .op = CMD_ECHO, .value = i };
		do {
			rc = req_start(c, &reqs[i], NULL, NULL, 0);
			if (rc == -DER_AGAIN)
				rt_yield(c->rt);
		} while (rc == -DER_AGAIN);
		ASSERT(rc == 0);
	}
	for (i = 0; i < count; i++) {
		struct cmd out;
		int rc = once_wait(&reqs[i].o);

		ASSERT(rc == 0);
		memcpy(&out, buf_ptr(&reqs[i].o.reply->msg, 0, sizeof(out)), sizeof(out));
		ASSERT(out.value == i);
		rt_release(c->rt, reqs[i].o.reply);
	}
	for (i = 0; i < count; i++)
		ASSERT(reqs[i].o.dones == 1);
	rt_free(c->rt, reqs);
}

/* One put or get of [off, off + bytes) against @mem of @size bytes in @pieces segments. */
static void bulk_try(struct client *c, uint32_t op, uint64_t off, uint64_t bytes, uint32_t pieces)
{
	uint64_t size = BIG_BYTES;
	uint8_t *mem = take(c, size);
	struct bseg *segs = take(c, pieces * sizeof(*segs));
	struct buf expose = { .segs = segs, .nr = pieces, .bytes = size };
	struct req *r = take(c, sizeof(*r));
	struct cmd out;
	int rc;

	for (uint32_t i = 0; i < pieces; i++) {
		uint64_t from = size * i / pieces, to = size * (i + 1) / pieces;

		(void)buf_from_bytes(&segs[i], mem + from, to - from);
	}
	if (op == RT_BULK_GET)
		pattern_fill(mem, 0, size);
	r->cmd = (struct cmd){ .op = CMD_BULK, .bulk_op = op, .off = off, .bytes = bytes };
	rc = req_run(c, r, NULL, &expose, RT_ACCESS_READ | RT_ACCESS_WRITE, &out);
	ASSERT(rc == 0 && out.rc == 0);
	if (op == RT_BULK_GET) {
		ASSERT(out.value == hash_bytes(mem + off, bytes, 1));
	} else {
		ASSERT(pattern_is(mem + off, off, bytes));
		for (uint64_t i = 0; i < off; i++)
			ASSERT(mem[i] == 0);
		for (uint64_t i = off + bytes; i < size; i++)
			ASSERT(mem[i] == 0);
	}
	rt_free(c->rt, r);
	rt_free(c->rt, segs);
	rt_free(c->rt, mem);
}

static void case_bulk(struct client *c)
{
	for (uint32_t op = RT_BULK_GET; op <= RT_BULK_PUT; op++) {
		bulk_try(c, op, 0, 4096, 1);
		bulk_try(c, op, 0, BIG_BYTES, 1);
		bulk_try(c, op, 1, 4099, 1);
		bulk_try(c, op, BIG_BYTES - 1, 1, 1);
		bulk_try(c, op, 12345, 2000000, 7);
		bulk_try(c, op, 0, BIG_BYTES, RT_EXPOSE_MAX_SEGS);
		bulk_try(c, op, BIG_BYTES, 0, 1);
	}
}

static int bulk_rc(struct client *c, uint32_t op, uint64_t off, uint64_t bytes, uint8_t *mem,
		   uint64_t size, uint32_t access)
{
	struct req r = { .cmd = { .op = CMD_BULK, .bulk_op = op, .off = off, .bytes = bytes } };
	struct bseg seg;
	struct buf expose = buf_from_bytes(&seg, mem, size);
	struct cmd out;
	int rc = req_run(c, &r, NULL, access != 0 ? &expose : NULL, access, &out);

	ASSERT(rc == 0);
	return out.rc;
}

static void case_bulk_limits(struct client *c)
{
	const uint32_t both = RT_ACCESS_READ | RT_ACCESS_WRITE;
	uint8_t *mem = take(c, 3 * 4096);
	uint8_t *mid = mem + 4096;

	for (uint32_t op = RT_BULK_GET; op <= RT_BULK_PUT; op++) {
		ASSERT(bulk_rc(c, op, 0, 4097, mid, 4096, both) == -DER_INVAL);
		ASSERT(bulk_rc(c, op, 4096, 1, mid, 4096, both) == -DER_INVAL);
		ASSERT(bulk_rc(c, op, UINT64_MAX, 1, mid, 4096, both) == -DER_INVAL);
		ASSERT(bulk_rc(c, op, UINT64_MAX - 3, 8, mid, 4096, both) == -DER_INVAL);
		ASSERT(bulk_rc(c, op, 0, 1, mid, 4096, 0) == -DER_INVAL);
	}
	ASSERT(bulk_rc(c, RT_BULK_PUT, 0, 64, mid, 4096, RT_ACCESS_READ) == -DER_NO_PERM);
	ASSERT(bulk_rc(c, RT_BULK_GET, 0, 64, mid, 4096, RT_ACCESS_WRITE) == -DER_NO_PERM);
	for (uint32_t i = 0; i < 3 * 4096; i++)
		ASSERT(mem[i] == 0);
	ASSERT(bulk_rc(c, RT_BULK_PUT, 0, 64, mid, 4096, RT_ACCESS_WRITE) == 0);
	ASSERT(bulk_rc(c, RT_BULK_GET, 0, 64, mid, 4096, RT_ACCESS_READ) == 0);
	rt_free(c->rt, mem);
}

static void case_too_segmented(struct client *c)
{
	uint32_t nr = RT_EXPOSE_MAX_SEGS + 1;
	struct bseg *segs = take(c, nr * sizeof(*segs));
	uint8_t *mem = take(c, 2 * nr);
	struct buf expose = { .segs = segs, .nr = nr, .bytes = nr };
	struct req r = { .cmd = { .op = CMD_ECHO } };
	struct cmd out;
	int rc;

	for (uint32_t i = 0; i < nr; i++)
		(void)buf_from_bytes(&segs[i], mem + 2 * i, 1);
	rc = req_run(c, &r, NULL, &expose, RT_ACCESS_READ, &out);
	ASSERT(rc == -DER_NOSPACE);
	echo(c);
	rt_free(c->rt, mem);
	rt_free(c->rt, segs);
}

static void case_cancel(struct client *c)
{
	struct req *r = take(c, sizeof(*r));
	int rc;

	hold(c, r, NULL, 0);
	rt_cancel(c->rt, &r->o.call);
	rt_cancel(c->rt, &r->o.call);	/* twice changes nothing */
	rc = once_wait(&r->o);
	ASSERT(rc == -DER_CANCELED);
	/* The answer comes late, and to nobody. */
	(void)command(c, (struct cmd){ .op = CMD_REPLY_HELD });
	for (int i = 0; i < 3; i++)
		echo(c);
	ASSERT(r->o.dones == 1);
	rt_free(c->rt, r);
}

static void case_revoke(struct client *c)
{
	struct req *r = take(c, sizeof(*r));
	uint8_t *mem = take(c, 65536);
	struct bseg seg;
	struct buf expose = buf_from_bytes(&seg, mem, 65536);
	struct cmd out, cmd = { .op = CMD_BULK_HELD, .bulk_op = RT_BULK_PUT, .bytes = 4096 };
	int rc;

	hold(c, r, &expose, RT_ACCESS_READ | RT_ACCESS_WRITE);
	out = command(c, cmd);
	ASSERT(out.rc == 0 && pattern_is(mem, 0, 4096));
	rt_cancel(c->rt, &r->o.call);
	rc = once_wait(&r->o);
	ASSERT(rc == -DER_CANCELED);
	/* From here the memory is ours alone. */
	memset(mem, 0x5a, 65536);
	out = command(c, cmd);
	ASSERT(out.rc != 0);
	if (c->f->flags & NET_CONF_EXACT_RC)
		ASSERT(out.rc == -DER_CANCELED);
	cmd.bulk_op = RT_BULK_GET;
	out = command(c, cmd);
	ASSERT(out.rc != 0);
	(void)command(c, (struct cmd){ .op = CMD_DROP_HELD });
	for (uint32_t i = 0; i < 65536; i++)
		ASSERT(mem[i] == 0x5a);
	ASSERT(r->o.dones == 1);
	rt_free(c->rt, mem);
	rt_free(c->rt, r);
}

/* Memory is out of reach also after an ordinary answer, while B still has other requests of
 * ours. */
static void case_revoke_by_reply(struct client *c)
{
	struct req *r1 = take(c, sizeof(*r1)), *r2 = take(c, sizeof(*r2));
	uint8_t *mem = take(c, 8192);
	struct bseg s1, s2;
	struct buf e1 = buf_from_bytes(&s1, mem, 4096), e2 = buf_from_bytes(&s2, mem + 4096, 4096);
	struct cmd out;
	int rc;

	r2->cmd.arg = 1;
	hold(c, r1, &e1, RT_ACCESS_WRITE);
	hold(c, r2, &e2, RT_ACCESS_WRITE);
	(void)command(c, (struct cmd){ .op = CMD_REPLY_HELD, .arg = 0 });
	rc = once_wait(&r1->o);
	ASSERT(rc == 0);
	rt_release(c->rt, r1->o.reply);
	out = command(
		c, (struct cmd){
			   .op = CMD_BULK_HELD, .arg = 1, .bulk_op = RT_BULK_PUT, .bytes = 4096 });
	ASSERT(out.rc == 0 && pattern_is(mem + 4096, 0, 4096));
	for (uint32_t i = 0; i < 4096; i++)
		ASSERT(mem[i] == 0);
	(void)command(c, (struct cmd){ .op = CMD_REPLY_HELD, .arg = 1 });
	rc = once_wait(&r2->o);
	ASSERT(rc == 0);
	rt_release(c->rt, r2->o.reply);
	rt_free(c->rt, mem);
	rt_free(c->rt, r1);
	rt_free(c->rt, r2);
}

static void case_cancel_race(struct client *c)
{
	for (uint32_t i = 0; i < 100; i++) {
		struct req *r = take(c, sizeof(*r));
		int rc;

		r->cmd.op = CMD_ECHO;
		rc = req_start(c, r, NULL, NULL, 0);
		ASSERT(rc == 0);
		if (i % 2 == 1)
			rt_yield(c->rt);
		rt_cancel(c->rt, &r->o.call);
		rc = once_wait(&r->o);
		ASSERT(rc == 0 || rc == -DER_CANCELED);
		if (rc == 0)
			rt_release(c->rt, r->o.reply);
		echo(c);
		ASSERT(r->o.dones == 1);
		rt_free(c->rt, r);
	}
}

/* Whichever of two answers comes first cancels the other call: each ends once, in its own time. */
struct twins {
	struct req r[2];
	struct rt *rt;
};

static void twin_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct req *r = container_of(call, struct req, o.call);
	struct twins *t = (struct twins *)(void *)(r - r->cmd.arg);	/* r is its first member */

	once_done(call, rc, reply);
	if (t->r[1 - r->cmd.arg].o.dones == 0)
		rt_cancel(t->rt, &t->r[1 - r->cmd.arg].o.call);
}

static void case_cancel_in_done(struct client *c)
{
	for (uint32_t i = 0; i < 20; i++) {
		struct twins *t = take(c, sizeof(*t));
		uint32_t answers = 0;

		t->rt = c->rt;
		for (uint32_t k = 0; k < 2; k++) {
			int rc;

			t->r[k].cmd = (struct cmd){ .op = CMD_ECHO, .arg = k };
			t->r[k].o.hook = twin_done;
			rc = req_start(c, &t->r[k], NULL, NULL, 0);
			ASSERT(rc == 0);
		}
		for (uint32_t k = 0; k < 2; k++) {
			int rc = once_wait(&t->r[k].o);

			ASSERT(rc == 0 || rc == -DER_CANCELED);
			if (rc == 0)
				rt_release(c->rt, t->r[k].o.reply);
			answers += rc == 0;
		}
		ASSERT(answers > 0);
		echo(c);
		ASSERT(t->r[0].o.dones == 1 && t->r[1].o.dones == 1);
		rt_free(c->rt, t);
	}
}

static void case_dropped(struct client *c)
{
	struct req *r = take(c, sizeof(*r));
	int rc;

	r->cmd.op = CMD_DROP;
	rc = req_start(c, r, NULL, NULL, 0);
	ASSERT(rc == 0);
	for (int i = 0; i < 5; i++)
		echo(c);
	ASSERT(r->o.dones == 0);
	rt_cancel(c->rt, &r->o.call);
	rc = once_wait(&r->o);
	ASSERT(rc == -DER_CANCELED);
	rt_free(c->rt, r);
}

static void case_nobody(struct client *c)
{
	struct rt_peer *saved = c->peer;
	struct req r = { .cmd = { .op = CMD_ECHO } };
	struct cmd out;
	int rc = rt_peer_open(c->rt, "no address of any backend", &c->peer);

	ASSERT(rc == -DER_INVAL);
	if (c->conf.uri_nobody != NULL) {
		rc = rt_peer_open(c->rt, c->conf.uri_nobody, &c->peer);
		ASSERT(rc == 0);
		rc = req_run(c, &r, NULL, NULL, 0, &out);
		ASSERT(rc == -DER_UNREACH);
		rt_peer_close(c->rt, c->peer);
	}
	c->peer = saved;
	echo(c);
}

static void case_callback(struct client *c)
{
	struct cmd out = command(c, (struct cmd){ .op = CMD_CALLBACK });

	ASSERT(out.rc == 0);
}

static void case_self(struct client *c)
{
	struct rt_peer *saved = c->peer;
	int rc;

	if (!(c->f->flags & NET_CONF_SELF))
		return;
	rc = rt_peer_open(c->rt, c->conf.uri_a, &c->peer);
	ASSERT(rc == 0);
	echo(c);
	bulk_try(c, RT_BULK_PUT, 5, 50000, 3);
	rt_peer_close(c->rt, c->peer);
	c->peer = saved;
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

static void case_phantoms(struct client *c)
{
	struct req *r = take(c, 3 * sizeof(*r));
	struct bsink sink;
	struct bseg seg, want_seg, sink_seg;
	struct buf payload = buf_from_gen(&seg, 42, 1000, 5000), want, got;
	struct buf expose;
	struct cmd out;
	int rc;

	if (!(c->f->flags & NET_CONF_PHANTOMS)) {
		rt_free(c->rt, r);
		return;
	}
	r[0].cmd.op = CMD_CORRUPT_GEN;
	rc = req_run(c, &r[0], &payload, NULL, 0, &out);
	ASSERT(rc == 0 && out.value == buf_fingerprint(&payload, 0, 5000));

	bsink_init(&sink, BIG_BYTES, NULL, 0);
	sink.grow = sink_grow;
	sink.grow_arg = c->rt;
	expose = buf_from_sink(&sink_seg, &sink, 0, BIG_BYTES);
	r[1].cmd = (struct cmd){ .op = CMD_BULK, .bulk_op = RT_BULK_PUT, .off = 4096,
				 .bytes = BIG_BYTES - 4096, .gen = 99 };
	rc = req_run(c, &r[1], NULL, &expose, RT_ACCESS_WRITE, &out);
	ASSERT(rc == 0 && out.rc == 0);
	got = bsink_buf(&sink);
	want = buf_from_gen(&want_seg, 99, 4096, BIG_BYTES - 4096);
	ASSERT(got.bytes == BIG_BYTES);
	ASSERT(buf_fingerprint(&got, 4096, want.bytes) == buf_fingerprint(&want, 0, want.bytes));
	rt_free(c->rt, sink.runs);

	expose = buf_from_gen(&seg, 7, 64, 100000);
	r[2].cmd = (struct cmd){ .op = CMD_BULK, .bulk_op = RT_BULK_GET, .off = 10, .bytes = 5000 };
	rc = req_run(c, &r[2], NULL, &expose, RT_ACCESS_READ, &out);
	ASSERT(rc == 0 && out.rc == 0);
	{
		uint8_t *mem = take(c, 5000);

		gen_fill(7, 74, mem, 5000);
		ASSERT(out.value == hash_bytes(mem, 5000, 1));
		rt_free(c->rt, mem);
	}
	rt_free(c->rt, r);
}

static void case_peer_death(struct client *c)
{
	struct req *r = take(c, 4 * sizeof(*r));
	uint8_t *mem = take(c, 4096);
	struct bseg seg;
	struct buf expose = buf_from_bytes(&seg, mem, 4096);
	struct cmd out;
	int rc;

	if (c->f->kill_b != NULL) {
		hold(c, &r[0], NULL, 0);
		r[1].cmd.arg = 1;
		hold(c, &r[1], &expose, RT_ACCESS_WRITE);
		r[2].cmd.op = CMD_DROP;
		rc = req_start(c, &r[2], NULL, NULL, 0);
		ASSERT(rc == 0);
		echo(c);
		atomic_store(&c->kill_wanted, true);
		client_notify(c);
		while (!c->kill_done)
			(void)rt_wait(c->rt, &c->kill_q, rt_now_ns(c->rt) + WAIT_NS);
		for (int i = 0; i < 3; i++) {
			rc = once_wait(&r[i].o);
			ASSERT(rc == -DER_UNREACH);
		}
		memset(mem, 1, 4096);
		r[3].cmd.op = CMD_ECHO;
		rc = req_run(c, &r[3], NULL, NULL, 0, &out);
		ASSERT(rc == -DER_UNREACH);
		for (int i = 0; i < 3; i++)
			ASSERT(r[i].o.dones == 1);
	}
	rt_free(c->rt, mem);
	rt_free(c->rt, r);
}

static const struct {
	const char *name;
	void (*script)(struct client *c);
} cases[] = {
	{ "sizes", case_sizes },
	{ "reply_sizes", case_reply_sizes },
	{ "many", case_many },
	{ "bulk", case_bulk },
	{ "bulk_limits", case_bulk_limits },
	{ "too_segmented", case_too_segmented },
	{ "cancel", case_cancel },
	{ "revoke", case_revoke },
	{ "revoke_by_reply", case_revoke_by_reply },
	{ "cancel_race", case_cancel_race },
	{ "cancel_in_done", case_cancel_in_done },
	{ "dropped", case_dropped },
	{ "nobody", case_nobody },
	{ "callback", case_callback },
	{ "self", case_self },
	{ "phantoms", case_phantoms },
	{ "peer_death", case_peer_death },
};

/* ---- running a case ----------------------------------------------------------------------- */

static void client_ult(void *arg)
{
	struct client *c = arg;
	int rc = rt_peer_open(c->rt, c->conf.uri_b, &c->peer);

	ASSERT(rc == 0);
	c->script(c);
	rt_peer_close(c->rt, c->peer);
	atomic_store(&c->finished, true);
	client_notify(c);
}

static void bind_server(struct rt *rt, void *arg)
{
	struct client *c = arg;
	struct server *s = rt == c->conf.a ? &c->server_a : &c->server_b;

	*s = (struct server){ .rt = rt, .conf = &c->conf, .f = c->f };
	rt->user = s;
	rt->on_request = server_request;
	atomic_fetch_add(&c->bound, 1);
	client_notify(c);
}

static void start_client(struct rt *rt, void *arg)
{
	int rc = rt_spawn(rt, client_ult, arg, NULL);

	ASSERT(rc == 0);
}

static void tell_killed(struct rt *rt, void *arg)
{
	struct client *c = arg;

	c->kill_done = true;
	(void)rt_wake_all(rt, &c->kill_q);	/* nobody there means that it looks at the flag */
}

static bool is_bound(void *arg)
{
	return atomic_load(&((struct client *)arg)->bound) == 2;
}

static bool is_over(void *arg)
{
	struct client *c = arg;

	return atomic_load(&c->finished) || (!c->killed && atomic_load(&c->kill_wanted));
}

static void run_case(const struct net_conf_factory *f, void (*script)(struct client *c))
{
	struct client c = { .f = f, .script = script };
	bool ok;
	int rc;

	f->open(f->arg, &c.conf);
	c.rt = c.conf.a;
	rt_waitq_init(&c.kill_q);
	f->post(&c.conf, c.conf.a, bind_server, &c);
	f->post(&c.conf, c.conf.b, bind_server, &c);
	ok = f->drive(&c.conf, is_bound, &c);
	ASSERT(ok);
	f->post(&c.conf, c.conf.a, start_client, &c);
	ok = f->drive(&c.conf, is_over, &c);
	ASSERT(ok);
	if (!atomic_load(&c.finished)) {
		f->kill_b(&c.conf);
		c.killed = true;
		f->post(&c.conf, c.conf.a, tell_killed, &c);
		ok = f->drive(&c.conf, is_over, &c);
		ASSERT(ok);
	}
	rc = f->close(&c.conf);
	ASSERT(rc == 0);
}

void net_conformance_run(const struct net_conf_factory *f)
{
	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		fprintf(stderr, "net conformance: %s\n", cases[i].name);
		run_case(f, cases[i].script);
	}
}

/*
 * ofi and peers that do not keep to the rules: an endpoint of bare libfabric sends what it likes. One
 * thread: a server, a client, a liar, stepped by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/ofi_node.h"
#include "transports/ofi/bare.h"
#include "transports/ofi/frame.h"

#define WAIT_NS 20000000000ull

static struct ofi_node server;
static struct ofi_node client;
static struct bare *liar;
static struct rt_peer *to_server;
static struct rt_peer *to_liar;
static uint8_t liar_addr[BARE_ADDR_MAX];
static size_t liar_addr_bytes;
static char liar_uri[RT_URI_MAX];
static uint32_t requests;
static uint32_t opened;

struct one {
	struct rt_call call;	/* first */
	struct bseg seg;
	struct bseg eseg;
	struct buf expose;
	uint64_t word;
	bool ended;
	int rc;
	uint8_t reply[64];
	uint64_t reply_bytes;
};

static void on_request(struct rt *rt, struct rt_in *in)
{
	requests++;
	assert_int_equal(rt_reply(rt, in, &in->msg), 0);
	rt_release(rt, in);
}

static void on_done(struct rt_call *call, int rc, struct rt_in *reply)
{
	struct one *o = (struct one *)call;

	assert_false(o->ended);
	o->ended = true;
	o->rc = rc;
	if (reply == NULL)
		return;
	o->reply_bytes = reply->msg.bytes;
	memcpy(o->reply, reply->msg.segs[0].ptr, min_u64(reply->msg.bytes, sizeof(o->reply)));
	rt_release(&client.rt, reply);
}

static void step(void)
{
	int did = ofi_node_step(&server) + ofi_node_step(&client);

	if (liar != NULL)
		did += bare_progress(liar);
	if (did == 0)
		ofi_node_sleep(&client, 50000);
}

static void start(struct one *o, struct rt_peer *peer, void *mem, size_t bytes)
{
	memset(o, 0, sizeof(*o));
	o->word = 0x1122334455667788ull;
	o->call = (struct rt_call){ .peer = peer, .done = on_done };
	o->call.msg = buf_from_bytes(&o->seg, &o->word, sizeof(o->word));
	if (mem != NULL) {
		o->expose = buf_from_bytes(&o->eseg, mem, bytes);
		o->call.expose = &o->expose;
		o->call.access = RT_ACCESS_READ | RT_ACCESS_WRITE;
	}
	assert_int_equal(rt_call(&client.rt, &o->call), 0);
}

static void finish(struct one *o)
{
	uint64_t end = rt_now_ns(&client.rt) + WAIT_NS;

	while (!o->ended) {
		step();
		assert_true(rt_now_ns(&client.rt) < end);
	}
}

static void honest_ok(void)
{
	struct one o;

	start(&o, to_server, NULL, 0);
	finish(&o);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.reply_bytes, sizeof(o.word));
	assert_memory_equal(o.reply, &o.word, sizeof(o.word));
}

static void open_all(const char *provider)
{
	struct ofi_opts o = { .provider = provider };
	char name[64];

	if (strcmp(provider, "shm") != 0)
		o.host = "127.0.0.1";
	requests = 0;
	memset(&server, 0, sizeof(server));
	memset(&client, 0, sizeof(client));
	server.quiet = true;
	client.quiet = true;
	assert_int_equal(ofi_node_open(&server, &o), 0);
	assert_int_equal(ofi_node_open(&client, &o), 0);
	server.rt.on_request = on_request;
	assert_int_equal(rt_peer_open(&client.rt, ofi_uri(server.ofi), &to_server), 0);
	/* Never a name twice: in one process shm may go on using the region that had it before. */
	snprintf(name, sizeof(name), "gemel-liar-%d-%u", (int)getpid(), ++opened);
	liar = bare_open(provider, o.host != NULL ? o.host : name, 0);
	assert_non_null(liar);
	liar_addr_bytes = bare_name(liar, liar_addr);
	if (o.host == NULL) {
		snprintf(liar_uri, sizeof(liar_uri), "ofi+shm://%s", name);
	} else {
		unsigned int port = (unsigned int)liar_addr[2] << 8 | liar_addr[3];

		snprintf(liar_uri, sizeof(liar_uri), "ofi+%s://127.0.0.1:%u", provider, port);
	}
	assert_int_equal(rt_peer_open(&client.rt, liar_uri, &to_liar), 0);
}

static void close_all(void)
{
	rt_peer_close(&client.rt, to_server);
	rt_peer_close(&client.rt, to_liar);
	if (liar != NULL)
		bare_close(liar);
	liar = NULL;
	assert_int_equal(ofi_node_close(&client), 0);
	assert_int_equal(ofi_node_close(&server), 0);
}

/* The liar turns to whoever is at @uri. */
static void liar_to(const char *uri)
{
	uint8_t addr[BARE_ADDR_MAX];
	size_t bytes = bare_addr_of(uri, addr);

	assert_int_equal(bare_connect(liar, addr, bytes), 0);
}

/* Send without waiting alone: the others must work for it to arrive. */
static void liar_send(const void *ptr, size_t bytes)
{
	assert_int_equal(bare_send_start(liar, ptr, bytes), 0);
	while (bare_sending(liar))
		step();
}

/* A packet of the liar with one frame; returns its bytes. */
static size_t lie(uint8_t *pkt, uint64_t src_id, uint64_t dst_id, const struct ofi_frame *f,
		  const struct ofi_seg *segs, const void *msg)
{
	size_t at = ofi_pkt_begin(pkt, src_id, dst_id, liar_addr, (uint32_t)liar_addr_bytes);

	memcpy(ofi_frame_put(pkt + at, f, segs), msg, f->msg_bytes);
	at += ofi_frame_bytes(f->seg_count, f->msg_bytes);
	ofi_pkt_end(pkt, at);
	return at;
}

/* ---- garbage ------------------------------------------------------------------------------------ */

static void test_garbage(void **state)
{
	static uint8_t buf[4096];
	struct ofi_frame f = { .kind = OFI_REQUEST, .msg_bytes = 100 };
	struct ofi_stats st;
	struct prng r;
	uint32_t i;

	open_all(*state);
	honest_ok();
	liar_to(ofi_uri(server.ofi));
	prng_seed(&r, 7);
	for (i = 0; i < 300; i++) {
		size_t bytes = 1 + prng_below(&r, sizeof(buf) / 2);

		prng_fill(&r, buf, sizeof(buf));
		if (i % 3 == 1) {	/* something right, with a few wrong bytes */
			bytes = lie(buf, 5, 0, &f, NULL, buf + 2048);
			buf[prng_below(&r, bytes)] ^= (uint8_t)(1 + prng_below(&r, 255));
		} else if (i % 3 == 2) {	/* cut short */
			bytes = prng_below(&r, lie(buf, 5, 0, &f, NULL, buf + 2048) - 1) + 1;
		}
		liar_send(buf, bytes);
		if (i % 20 == 0)
			honest_ok();
	}
	honest_ok();
	ofi_stats(server.ofi, &st);
	assert_true(st.pkts_bad >= 200);
	assert_true(st.pkts_bad + st.frames_bad + st.frames_stale + requests >= 300);
	close_all();
}

/* Frames of every kind out of place: for calls, exposures, incarnations that do not exist. */
static void test_out_of_place(void **state)
{
	static const enum ofi_kind kinds[] = { OFI_REPLY,  OFI_PONG, OFI_REVOKED,
					       OFI_COPIED, OFI_COPY, OFI_PART };
	uint8_t buf[512] = { 0 };
	struct ofi_copy copy = { .cookie = 1, .bytes = UINT64_MAX, .op = RT_BULK_PUT };
	struct ofi_stats st;
	uint8_t msg[64] = { 0 };
	uint32_t i;
	uint32_t k;

	open_all(*state);
	liar_to(ofi_uri(server.ofi));
	for (i = 0; i < 50; i++)
		for (k = 0; k < ARRAY_COUNT(kinds); k++) {
			struct ofi_frame f = { .kind = kinds[k], .call_id = mix64(i) };

			if (f.kind == OFI_COPY) {
				f.msg_bytes = OFI_COPY_BYTES;
				ofi_copy_encode(&copy, msg);
			}
			if (f.kind == OFI_COPIED)
				f.msg_bytes = OFI_COPIED_BYTES;
			if (f.kind == OFI_PART) {
				f.call_id = ofi_part_id(1000, i % 3 * 8);
				f.msg_bytes = 8;
			}
			liar_send(buf, lie(buf, 5, i % 2, &f, NULL, msg));
		}
	honest_ok();
	ofi_stats(server.ofi, &st);
	assert_true(st.frames_stale >= 100);
	assert_int_equal(requests, 1);
	close_all();
}

/* Requests in the client's name: the client gets replies that it never asked for. */
static void test_spoof(void **state)
{
	struct ofi_frame f = { .kind = OFI_REQUEST, .call_id = 3, .msg_bytes = 8 };
	uint8_t addr[BARE_ADDR_MAX];
	struct ofi_stats st;
	uint8_t buf[512];
	uint32_t i;
	size_t bytes;
	size_t at;

	open_all(*state);
	honest_ok();
	liar_to(ofi_uri(server.ofi));
	bytes = bare_addr_of(ofi_uri(client.ofi), addr);
	for (i = 0; i < 20; i++) {
		at = ofi_pkt_begin(buf, 5, 0, addr, (uint32_t)bytes);
		memset(ofi_frame_put(buf + at, &f, NULL), 0, 8);
		at += ofi_frame_bytes(0, 8);
		ofi_pkt_end(buf, at);
		liar_send(buf, at);
		honest_ok();
	}
	honest_ok();
	ofi_stats(client.ofi, &st);
	assert_true(st.frames_stale >= 10);
	assert_int_equal(st.peers_lost, 0);
	close_all();
}

/* Ever new senders: the table stays within its bound. */
static void test_flood(void **state)
{
	struct ofi_frame f = { .kind = OFI_PONG, .call_id = 3 };
	struct ofi_opts o = { .provider = *state, .host = "127.0.0.1", .peer_max = 20 };
	struct ofi_node small = { .quiet = true };
	struct ofi_stats st;
	uint8_t buf[512];
	uint32_t i;

	open_all(*state);
	if (strcmp(*state, "shm") == 0)
		o.host = NULL;
	assert_int_equal(ofi_node_open(&small, &o), 0);
	liar_to(ofi_uri(small.ofi));
	for (i = 0; i < 300; i++) {
		char name[64];
		size_t at;

		if (strcmp(*state, "shm") == 0) {
			snprintf(name, sizeof(name), "fi_ns://nobody-%u", i);
			at = ofi_pkt_begin(buf, 5, 0, name, (uint32_t)strlen(name) + 1);
		} else {
			liar_addr[2] = (uint8_t)(1 + i / 250);
			liar_addr[3] = (uint8_t)(i % 250);
			at = ofi_pkt_begin(buf, 5, 0, liar_addr, (uint32_t)liar_addr_bytes);
		}
		(void)ofi_frame_put(buf + at, &f, NULL);
		at += ofi_frame_bytes(0, 0);
		ofi_pkt_end(buf, at);
		assert_int_equal(bare_send_start(liar, buf, at), 0);
		while (bare_sending(liar)) {
			step();
			ofi_node_step(&small);
		}
	}
	for (i = 0; i < 1000; i++)
		ofi_node_step(&small);
	ofi_stats(small.ofi, &st);
	assert_true(st.evicted >= 270);
	assert_int_equal(ofi_node_close(&small), 0);
	close_all();
}

/* ---- a lying server ----------------------------------------------------------------------------- */

/* What the client sent to the liar: its identity, and the request. */
struct heard {
	uint64_t src_id;
	uint64_t call_id;
	struct ofi_seg seg;
};

static void liar_hears(struct heard *h)
{
	uint64_t end = rt_now_ns(&client.rt) + WAIT_NS;
	struct ofi_frame f;
	struct ofi_pkt p;
	uint8_t buf[32768];

	memset(h, 0, sizeof(*h));
	while (h->call_id == 0) {
		long n;

		step();
		n = bare_recv(liar, buf, sizeof(buf), 0);
		assert_true(rt_now_ns(&client.rt) < end);
		if (n < 0)
			continue;
		assert_int_equal(ofi_pkt_decode(buf, (size_t)n, &p), 0);
		while (ofi_frame_next(&p, &f) == 1) {
			if (f.kind != OFI_REQUEST)
				continue;
			h->src_id = p.src_id;
			h->call_id = f.call_id;
			if (f.seg_count > 0)
				h->seg = ofi_seg_at(&f, 0);
		}
	}
	liar_to(ofi_uri(client.ofi));
}

static void liar_says(const struct heard *h, enum ofi_kind kind, uint64_t call_id, uint32_t access,
		      const char *msg)
{
	struct ofi_frame f = { .kind = kind, .call_id = call_id, .access = access };
	uint8_t buf[512];

	f.msg_bytes = (uint32_t)strlen(msg);
	liar_send(buf, lie(buf, 5, h->src_id, &f, NULL, msg));
}

static void liar_writes(const struct heard *h, void *near, size_t bytes)
{
	int rc;

	while ((rc = bare_rma_try(liar, 1, near, bytes, h->seg.addr, h->seg.key)) == 1)
		step();
	assert_int_equal(rc, 0);
}

/* Wrong replies reach nobody, a malformed one ends its own call, and only that. */
static void test_bad_replies(void **state)
{
	struct ofi_stats st;
	struct heard h;
	struct heard h2;
	struct one o;
	struct one p;
	uint32_t i;

	open_all(*state);
	honest_ok();
	start(&o, to_liar, NULL, 0);
	liar_hears(&h);
	start(&p, to_liar, NULL, 0);
	liar_hears(&h2);
	for (i = 0; i < 64; i++)
		liar_says(&h, OFI_REPLY, h.call_id ^ (1ull << i), 0, "guess");
	h.src_id ^= 1;
	liar_says(&h, OFI_REPLY, h.call_id, 0, "to another incarnation");
	h.src_id ^= 1;
	assert_false(o.ended);
	liar_says(&h, OFI_REPLY, h.call_id, RT_ACCESS_READ, "nonsense");
	finish(&o);
	assert_int_equal(o.rc, -DER_PROTO);
	assert_false(p.ended);
	liar_says(&h, OFI_REPLY, h.call_id, 0, "again");
	liar_says(&h2, OFI_REPLY, h2.call_id, 0, "fine");
	finish(&p);
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.reply_bytes, 4);
	ofi_stats(client.ofi, &st);
	assert_true(st.frames_stale >= 65);
	honest_ok();
	close_all();
}

/* A malformed reply while memory is exposed: it is out of the liar's reach before the call ends. */
static void test_bad_reply_exposed(void **state)
{
	static uint8_t mem[1 << 20];
	static uint8_t near[1 << 20];
	struct ofi_stats st;
	struct heard h;
	struct one o;
	uint64_t end;
	size_t i;

	open_all(*state);
	honest_ok();
	memset(mem, 0, sizeof(mem));
	start(&o, to_liar, mem, sizeof(mem));
	liar_hears(&h);
	assert_int_equal(h.seg.bytes, sizeof(mem));
	memset(near, 0x77, sizeof(near));
	liar_writes(&h, near, sizeof(near));
	while (((volatile uint8_t *)mem)[0] == 0)
		step();		/* it may write as long as the call lasts */
	liar_says(&h, OFI_REPLY, h.call_id, RT_ACCESS_READ, "nonsense");
	finish(&o);
	assert_int_equal(o.rc, -DER_PROTO);
	memset(mem, 0x66, sizeof(mem));
	ofi_stats(client.ofi, &st);
	assert_int_equal(st.severed, 1);
	/* And once more, with the key that it was given. */
	liar_writes(&h, near, sizeof(near));
	end = rt_now_ns(&client.rt) + 300000000u;
	while (rt_now_ns(&client.rt) < end)
		step();
	for (i = 0; i < sizeof(mem); i++)
		assert_int_equal(mem[i], 0x66);
	honest_ok();
	close_all();
}

/* An orderly reply, then a write with the key of a call that has ended. */
static void test_write_after_reply(void **state)
{
	static uint8_t mem[65536];
	static uint8_t near[65536];
	struct heard h;
	struct one o;
	uint64_t end;
	size_t i;

	open_all(*state);
	honest_ok();
	memset(near, 0x77, sizeof(near));
	start(&o, to_liar, mem, sizeof(mem));
	liar_hears(&h);
	liar_says(&h, OFI_REPLY, h.call_id, 0, "done");
	finish(&o);
	assert_int_equal(o.rc, 0);
	memset(mem, 0x55, sizeof(mem));
	liar_writes(&h, near, sizeof(near));
	end = rt_now_ns(&client.rt) + 300000000u;
	while (rt_now_ns(&client.rt) < end)
		step();
	for (i = 0; i < sizeof(mem); i++)
		assert_int_equal(mem[i], 0x55);
	honest_ok();
	close_all();
}

#define IP(fn)                                                                                     \
	{ #fn " tcp", fn, NULL, NULL, (void *)"tcp;ofi_rxm" },                                     \
	{ #fn " net", fn, NULL, NULL, (void *)"net" }
#define EACH(fn) IP(fn), { #fn " shm", fn, NULL, NULL, (void *)"shm" }

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		EACH(test_garbage),
		EACH(test_out_of_place),
		EACH(test_spoof),
		EACH(test_flood),
		/* shm exposes nothing to libfabric, and calls nobody that does not hold its name. */
		IP(test_bad_replies),
		IP(test_bad_reply_exposed),
		IP(test_write_after_reply),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

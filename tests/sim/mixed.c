/*
 * A busy little world under faults, and its digest: clients write and read slots on the drives of
 * servers while messages get lost and late, drives slow down and fail, nodes part, crash and come
 * back. Every block that is read back must be of the last acknowledged write or of a later try; in
 * the end, with the faults gone, everything must get through.
 *
 *   sim_mixed FILE            each line "PROFILE SEED MODE DIGEST": run it twice and compare
 *   sim_mixed --print FILE    print the file with the digests of this build
 *   sim_mixed --trace PROFILE SEED MODE    print what enters the digest
 *
 * PROFILE is "round" (tests/lib/sim_world.h) or a file of hw_profiles/; MODE is bytes or phantom.
 */
#include <inttypes.h>

#include "tests/lib/sim_world.h"

#define SLOT_BYTES (64u << 10)
#define BLOCK_BYTES 4096u
#define CLIENTS 8		/* ULTs per client stream */
#define OPS 40			/* of each */
#define SERVER_STREAMS 2
#define TRY_NS 4000000u
#define SLOT_RUNS 64u

enum op { OP_WRITE = 1, OP_READ };

struct msg {
	uint32_t op;
	uint32_t slot;
	int32_t rc;
	uint32_t pad;
};

struct mixed {
	struct sw w;
	bool phantom;
	uint32_t finished;
	uint32_t failed_tries;
	uint64_t verified_blocks;
};

static struct mixed mixed;	/* servers are booted anew: the state of the test outlives them */

static void check(bool ok, const char *what)
{
	if (!ok)
		sw_die(what);
}

/* A slot's worth of memory: real, or a sink. */
struct slot_mem {
	struct bseg seg;
	struct buf buf;
	struct bsink sink;
	struct bseg *runs;
	void *bytes;
};

static void slot_mem_open(struct rt *rt, struct slot_mem *m)
{
	if (mixed.phantom) {
		m->runs = rt_alloc(rt, SLOT_RUNS * sizeof(*m->runs));
		check(m->runs != NULL, "runs");
		bsink_init(&m->sink, SLOT_BYTES, m->runs, SLOT_RUNS);
		m->buf = buf_from_sink(&m->seg, &m->sink, 0, SLOT_BYTES);
		return;
	}
	m->bytes = rt_iomem_get(rt, SLOT_BYTES);
	check(m->bytes != NULL, "iomem");
	m->buf = buf_from_bytes(&m->seg, m->bytes, SLOT_BYTES);
}

static void slot_mem_close(struct rt *rt, struct slot_mem *m)
{
	rt_free(rt, m->runs);
	rt_iomem_put(rt, m->bytes, SLOT_BYTES);
}

/* ---- servers ------------------------------------------------------------------------------ */

struct server {
	struct rt *rt;
	struct rt_dev *dev;
};

struct serve {
	struct server *server;
	struct rt_in *in;
};

static int serve_write(struct server *s, struct rt_in *in, uint32_t slot, struct slot_mem *m)
{
	int rc = rt_bulk_wait(s->rt, in, RT_BULK_GET, 0, &m->buf);

	if (rc == 0) {
		rt_charge(s->rt, RT_COST_VOS_UPDATE, SLOT_BYTES);
		rc = rt_io(s->rt, s->dev, RT_IO_WRITE, (uint64_t)slot * SLOT_BYTES, &m->buf);
	}
	return rc != 0 ? rc : rt_io(s->rt, s->dev, RT_IO_FLUSH, 0, &BUF_EMPTY);
}

static int serve_read(struct server *s, struct rt_in *in, uint32_t slot, struct slot_mem *m)
{
	int rc;

	rt_charge(s->rt, RT_COST_VOS_FETCH, SLOT_BYTES);
	rc = rt_io(s->rt, s->dev, RT_IO_READ, (uint64_t)slot * SLOT_BYTES, &m->buf);
	return rc != 0 ? rc : rt_bulk_wait(s->rt, in, RT_BULK_PUT, 0, &m->buf);
}

static void serve_ult(void *arg)
{
	struct serve *v = arg;
	struct server *s = v->server;
	const struct msg *q = buf_ptr(&v->in->msg, 0, sizeof(*q));
	struct slot_mem m = { .bytes = NULL };
	struct msg a = { .op = q->op, .slot = q->slot };
	struct bseg seg;
	struct buf reply = buf_from_bytes(&seg, &a, sizeof(a));

	rt_charge(s->rt, RT_COST_RPC_RECV, v->in->msg.bytes);
	slot_mem_open(s->rt, &m);
	a.rc = q->op == OP_WRITE ? serve_write(s, v->in, q->slot, &m)
				 : serve_read(s, v->in, q->slot, &m);
	if (a.rc != 0)
		LOG_W(s->rt, "serve", "op=%u slot=%u rc=%s", q->op, q->slot, err_name(a.rc));
	rt_charge(s->rt, RT_COST_RPC_SEND, sizeof(a));
	(void)rt_reply(s->rt, v->in, &reply);	/* the client has a deadline */
	rt_release(s->rt, v->in);
	slot_mem_close(s->rt, &m);
	rt_free(s->rt, v);
}

static void on_request(struct rt *rt, struct rt_in *in)
{
	struct serve *v = rt_alloc(rt, sizeof(*v));

	check(v != NULL, "serve");
	*v = (struct serve){ .server = rt->user, .in = in };
	check(rt_spawn(rt, serve_ult, v, NULL) == 0, "spawn");
}

static void boot_server(struct sim *sim, uint32_t node_idx, void *arg)
{
	(void)arg;
	for (uint32_t tag = 0; tag < SERVER_STREAMS; tag++) {
		struct sim_stream_opts opts = { .node_idx = node_idx, .tag = tag };
		char name[64];
		struct sim_stream *st;
		struct server *s;

		check(sim_stream_create(sim, &opts, &st) == 0, "server stream");
		s = rt_alloc(sim_stream_rt(st), sizeof(*s));
		check(s != NULL, "server");
		s->rt = sim_stream_rt(st);
		/* Two devices of one drive. */
		(void)snprintf(name, sizeof(name), "%s0/%u", sim_profile_of(sim)->ssds[0].name,
			       tag);
		check(rt_dev_open(s->rt, name, 64u << 20, RT_DEV_CREATE, &s->dev) == 0, "device");
		s->rt->user = s;
		s->rt->on_request = on_request;
		LOG_W(s->rt, "boot", "bytes=%" PRIu64, s->dev->bytes);
	}
}

/* ---- clients ------------------------------------------------------------------------------ */

struct client {
	struct rt *rt;
	uint32_t id;
	uint32_t slot;
	uint32_t acked;		/* version of the last acknowledged write */
	uint32_t tried;		/* of the last try */
	uint32_t node_idx;
	uint32_t tag;
	struct rt_peer *peer;
	struct sw_call c;
	struct msg msg;
};

/* Content of a version: a generator per client and version. */
static uint64_t version_gen(const struct client *c, uint32_t version)
{
	return mix64_2(c->id + 1, version) | 1;
}

/* One try, bounded in time. */
static int client_try(struct client *c)
{
	int rc = sw_call_start(&c->c, c->rt, c->peer, &c->msg, sizeof(c->msg));

	if (rc != 0)
		return rc;
	rc = rt_event_wait(c->rt, &c->c.ev, rt_now_ns(c->rt) + TRY_NS);
	if (rc == -DER_TIMEDOUT) {
		rt_cancel(c->rt, &c->c.call);
		rc = rt_event_wait(c->rt, &c->c.ev, RT_NEVER);
	}
	if (rc == 0)
		rc = ((const struct msg *)buf_ptr(&c->c.reply->msg, 0, sizeof(struct msg)))->rc;
	if (c->c.reply != NULL)
		rt_release(c->rt, c->c.reply);
	return rc;
}

/* Until it gets through. */
static void client_op(struct client *c, enum op op)
{
	uint64_t pause = 100000;

	c->msg = (struct msg){ .op = op, .slot = c->slot };
	for (;;) {
		int rc = client_try(c);

		if (rc == 0)
			return;
		mixed.failed_tries++;
		LOG_W(c->rt, "client", "id=%u op=%d rc=%s", c->id, (int)op, err_name(rc));
		rt_sleep_ns(c->rt, pause + rt_rand(c->rt, RT_STREAM_JITTER) % pause);
		pause = min_u64(pause * 2, 10000000);
		if (rc == -DER_UNREACH) {
			rt_peer_close(c->rt, c->peer);
			c->peer = sw_peer(c->rt, c->node_idx, c->tag);
		}
	}
}

static void client_write(struct client *c, void *mem)
{
	c->tried++;
	if (mixed.phantom) {
		c->c.expose = buf_from_gen(&c->c.expose_seg, version_gen(c, c->tried), 0,
					   SLOT_BYTES);
		c->c.call.expose = &c->c.expose;
		c->c.call.access = RT_ACCESS_READ;
	} else {
		gen_fill(version_gen(c, c->tried), 0, mem, SLOT_BYTES);
		sw_call_expose(&c->c, mem, SLOT_BYTES, RT_ACCESS_READ);
	}
	client_op(c, OP_WRITE);
	c->acked = c->tried;
}

/* A block is of the last acknowledged write, or of the try in between that failed. */
static void client_check_block(struct client *c, const struct buf *got, uint64_t off)
{
	struct bseg a[4], b;
	struct buf have, want;

	check(buf_slice(got, off, BLOCK_BYTES, a, ARRAY_COUNT(a), &have) == 0, "slice");
	for (uint32_t v = c->acked; v <= c->tried; v++) {
		uint8_t bytes[64], wanted[64];
		struct bseg s;
		struct buf head = buf_from_bytes(&s, bytes, sizeof(bytes));

		want = buf_from_gen(&b, v == 0 ? 0 : version_gen(c, v), off, BLOCK_BYTES);
		if (mixed.phantom && buf_equal(&have, &want))
			mixed.verified_blocks++;
		else if (mixed.phantom)
			continue;
		if (!mixed.phantom) {	/* a part of it: generating costs */
			check(buf_copy(&head, 0, &have, 0, sizeof(bytes)) == 0, "copy");
			gen_fill(b.gen, off, wanted, sizeof(wanted));
			if (memcmp(bytes, wanted, sizeof(bytes)) != 0)
				continue;
			mixed.verified_blocks++;
		}
		return;
	}
	sw_die("a block is not what was written");
}

static void client_read(struct client *c, struct slot_mem *m)
{
	struct buf got = m->buf;

	c->c.expose = m->buf;
	c->c.call.expose = &c->c.expose;
	c->c.call.access = RT_ACCESS_WRITE;
	client_op(c, OP_READ);
	if (mixed.phantom)
		got = bsink_buf(&m->sink);
	for (uint64_t off = 0; off < SLOT_BYTES; off += BLOCK_BYTES)
		client_check_block(c, &got, off);
}

static void client_ult(void *arg)
{
	struct client *c = arg;
	struct slot_mem m = { .bytes = NULL };

	c->peer = sw_peer(c->rt, c->node_idx, c->tag);
	slot_mem_open(c->rt, &m);
	for (int i = 0; i < OPS; i++) {
		rt_charge(c->rt, RT_COST_CLIENT_OP, 1);
		if (rt_rand(c->rt, RT_STREAM_TEST) % 2 == 0)
			client_write(c, m.bytes);
		else
			client_read(c, &m);
		rt_sleep_ns(c->rt, rt_rand(c->rt, RT_STREAM_TEST) % 1000000);
	}
	slot_mem_close(c->rt, &m);
	rt_peer_close(c->rt, c->peer);
	rt_free(c->rt, c);
	mixed.finished++;
}

static uint32_t start_clients(void)
{
	const struct sim_profile *p = mixed.w.profile;
	uint32_t servers = p->server_count, id = 0;

	for (uint32_t n = servers; n < p->node_count; n++) {
		struct sim_stream *st = sw_stream(&mixed.w, n, 7);

		for (uint32_t i = 0; i < CLIENTS; i++, id++) {
			struct client *c = rt_alloc(sim_stream_rt(st), sizeof(*c));

			check(c != NULL, "client");
			c->rt = sim_stream_rt(st);
			c->id = id;
			c->slot = id;
			c->node_idx = id % servers;
			c->tag = id / servers % SERVER_STREAMS;
			sw_spawn(st, client_ult, c);
		}
	}
	return id;
}

/* ---- faults, and the run ------------------------------------------------------------------ */

static void plan_faults(struct sim *sim)
{
	const uint64_t ms = 1000000;
	const struct sim_fault_msg loss = {
		.from_ns = 2 * ms, .to_ns = 20 * ms, .src_idx = SIM_ANY, .dst_idx = SIM_ANY,
		.link_idx = SIM_ANY, .loss_ppm = 20000, .delay_ppm = 50000, .delay_min_ns = 10000,
		.delay_max_ns = ms,
	};
	const struct sim_fault_disk slow = {
		.from_ns = 5 * ms, .to_ns = 12 * ms, .node_idx = 1, .kind = SIM_DISK_SLOW,
		.ppm = 300000, .factor = 8,
	};
	const struct sim_fault_disk fail = {
		.from_ns = 4 * ms, .to_ns = 25 * ms, .node_idx = SIM_ANY, .kind = SIM_DISK_FAIL,
		.ppm = 10000,
	};
	const struct sim_fault_disk torn = {
		.to_ns = SIM_NEVER, .node_idx = SIM_ANY, .kind = SIM_DISK_TORN, .ppm = 500000,
	};
	const uint32_t part[] = { 0, 2 };

	check(sim_fault_message(sim, &loss) == 0 && sim_fault_disk(sim, &slow) == 0 &&
		      sim_fault_disk(sim, &fail) == 0 && sim_fault_disk(sim, &torn) == 0 &&
		      sim_fault_partition(sim, 9 * ms, 14 * ms, part, 2) == 0,
	      "faults");
	check(sim_fault_crash(sim, 1, 7 * ms, 3 * ms, boot_server, NULL) == 0 &&
		      sim_fault_crash(sim, 0, 16 * ms, ms, boot_server, NULL) == 0 &&
		      sim_fault_crash(sim, 1, 18 * ms, 2 * ms, boot_server, NULL) == 0,
	      "crashes");
}

static void print_line(void *arg, const char *line)
{
	(void)arg;
	puts(line);
}

static void world_open(const char *profile, uint64_t seed, bool trace)
{
	char path[512], error[PROFILE_ERROR_MAX] = "";
	struct sim_opts opts = { .seed = seed };

	(void)snprintf(path, sizeof(path), "%s/%s.yaml", PROFILES_DIR, profile);
	if (strcmp(profile, "round") == 0)
		mixed.w.profile = sw_profile(sw_profile_text);
	else if (profile_load(path, error, &mixed.w.profile) != 0)
		sw_die(error);
	opts.profile = mixed.w.profile;
	opts.trace = opts.log = trace ? print_line : NULL;
	check(sim_create(&opts, &mixed.w.sim) == 0, "sim_create");
}

static uint64_t run_once(const char *profile, uint64_t seed, bool phantom, bool trace)
{
	uint64_t digest;
	uint32_t clients;

	memset(&mixed, 0, sizeof(mixed));
	mixed.phantom = phantom;
	world_open(profile, seed, trace);
	for (uint32_t n = 0; n < mixed.w.profile->server_count; n++)
		boot_server(mixed.w.sim, n, NULL);
	clients = start_clients();
	plan_faults(mixed.w.sim);
	(void)sim_run(mixed.w.sim, 30000000);
	sim_fault_stop(mixed.w.sim);
	check(sim_run(mixed.w.sim, SIM_NEVER) == SIM_END_IDLE, "the world goes on for ever");
	check(mixed.finished == clients, "not healed");
	check(mixed.verified_blocks > 100 && mixed.failed_tries > 10, "nothing was tested");
	digest = sim_digest(mixed.w.sim);
	sw_close(&mixed.w);
	return digest;
}

/* One line of the file. Returns 1 when the digest is another one. */
static int run_line(const char *profile, uint64_t seed, const char *mode, uint64_t want, bool print)
{
	bool phantom = strcmp(mode, "phantom") == 0;
	uint64_t got = run_once(profile, seed, phantom, false);

	if (print) {
		printf("%s %" PRIu64 " %s %016" PRIx64 "\n", profile, seed, mode, got);
		return 0;
	}
	if (got == want)
		got = run_once(profile, seed, phantom, false);
	if (got == want)
		return 0;
	printf("%s seed %" PRIu64 " %s: digest %016" PRIx64 ", expected %016" PRIx64 "\n", profile,
	       seed, mode, got, want);
	return 1;
}

static int run_file(const char *path, bool print)
{
	char line[256], profile[64], mode[16];
	FILE *f = fopen(path, "re");
	int bad = 0, runs = 0;
	uint64_t seed, want;

	if (f == NULL)
		sw_die("cannot open the file of digests");
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] != '#' && sscanf(line, "%63s %" SCNu64 " %15s %" SCNx64, profile, &seed,
					     mode, &want) == 4) {
			bad += run_line(profile, seed, mode, want, print);
			runs++;
		} else if (print) {
			(void)fputs(line, stdout);
		}
	}
	(void)fclose(f);
	if (!print)
		printf("%d runs, %d differ\n", runs, bad);
	return runs == 0 || bad != 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return run_file(argv[1], false);
	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return run_file(argv[2], true);
	if (argc == 5 && strcmp(argv[1], "--trace") == 0) {
		printf("%016" PRIx64 "\n", run_once(argv[2], strtoull(argv[3], NULL, 10),
						    strcmp(argv[4], "phantom") == 0, true));
		return 0;
	}
	(void)fprintf(stderr, "usage: sim_mixed [--print] FILE | --trace PROFILE SEED MODE\n");
	return 2;
}

/*
 * The store alone: one stream, a memory device, the log included. Sixteen ULTs, as a target would
 * have, each with one operation at a time; rows that end in _1 have one ULT. Updates write 65,536
 * dkeys in turn (extents of 16 MiB of one array for the row of 1 MiB), in stores that are made
 * anew before they fill the device; making them is not counted.
 */
#include "core/vos/vos.h"
#include "tests/bench/bench.h"
#include "transports/local/local.h"

#include <stdlib.h>

#define WORKERS 16u
#define KEYS 65536u
#define DEV_BYTES (1ull << 30)
#define STORE_BYTES (512ull << 20)	/* of content and heads, between two formats */
#define PEER "peer=\"DAOS 2.8.0, its store alone, middle of its range\" peer_value="

struct bench {
	struct local_world *world;
	struct local_stream *stream;
	struct rt *rt;
	struct rt_dev *dev;
	struct vos *v;
	struct vos_cont *c;
	uint64_t bytes;		/* of a value */
	bool fetch;
	bool array;
	uint64_t epoch;
	uint64_t next;
	uint64_t last;		/* operations of this batch */
	uint64_t wrong;
	uint8_t *mem;
};

static void one(struct bench *b, uint64_t n, uint8_t *mem)
{
	uint64_t key = b->array ? 0 : n % KEYS;
	struct bseg seg;
	struct buf buf = buf_from_bytes(&seg, mem, b->bytes);
	struct recx r = { (n % 16) * b->bytes, b->bytes };
	struct vos_iod iod = { .akey = { "a", 1 }, .type = b->array ? VOS_ARRAY : VOS_SINGLE,
			       .size = b->array ? 1 : b->bytes, .nr = 1, .recxs = &r,
			       .buf = &buf };
	struct vos_op op = { .oid = { .lo = 1 }, .dkey = { &key, sizeof(key) } };
	struct vos_got got;

	if (!b->fetch) {
		memcpy(mem, &n, sizeof(n));
		op.epoch = ++b->epoch;
		b->wrong += vos_update(b->c, &op, 1, &iod) != 0;
		return;
	}
	op.epoch = b->epoch;
	b->wrong += vos_fetch(b->c, &op, 1, &iod, &got) != 0 || got.nr != 1;
	memcpy(&n, mem, sizeof(n));
	b->wrong += !b->array && n % KEYS != key;
}

static void worker(void *arg)
{
	struct bench *b = arg;
	uint8_t *mem = rt_alloc(b->rt, b->bytes);

	if (mem == NULL) {
		b->wrong++;
		return;
	}
	while (b->next < b->last)
		one(b, b->next++, mem);
	rt_free(b->rt, mem);
}

static void open_store(void *arg)
{
	struct bench *b = arg;
	struct vos_home home = { .dev = b->dev, .bytes = DEV_BYTES };
	struct uid uid = { { 1 } };

	b->wrong += vos_format(b->rt, &home, NULL, VOS_FORMAT_FORCE) != 0 ||
		    vos_open(b->rt, &home, NULL, &b->v) != 0 || vos_cont_create(b->v, &uid) != 0 ||
		    vos_cont_open(b->v, &uid, &b->c) != 0;
}

static void close_store(void *arg)
{
	struct bench *b = arg;

	vos_cont_close(b->c);
	vos_close(b->v);
}

/* Run @fn on @nr ULTs; nanoseconds that it took. */
static uint64_t run(struct bench *b, void (*fn)(void *arg), uint32_t nr)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < nr; i++)
		b->wrong += rt_spawn(b->rt, fn, b, NULL) != 0;
	local_world_run(b->world);
	return bench_now_ns() - start;
}

static int setup(struct bench *b)
{
	struct local_opts opts = { .driver = LOCAL_SINGLE, .flags = LOCAL_SEEDED, .seed = 1 };

	if (local_world_create(&opts, &b->world) != 0 ||
	    local_stream_create(b->world, "bench/0", &b->stream) != 0)
		return -1;
	b->rt = local_stream_rt(b->stream);
	return rt_dev_open(b->rt, "mem:bench", DEV_BYTES, RT_DEV_CREATE, &b->dev);
}

static uint64_t batch_of(const struct bench *b)
{
	uint64_t each = b->bytes + 512;

	if (b->fetch)
		return 20000;
	return STORE_BYTES / each < 20000 ? STORE_BYTES / each : 20000;
}

static int measure(struct bench *b, uint32_t workers, bool mib, struct bench_result *ret_result)
{
	uint64_t ns = 0;
	uint64_t ops = 0;
	uint64_t cpu = 0;
	uint64_t store = UINT64_MAX;	/* operations in this store; the first is to warm up */
	bool fetch = b->fetch;
	bool warm = false;

	if (setup(b) != 0) {
		(void)fprintf(stderr, "no world to run in\n");
		return -1;
	}
	while (ns < BENCH_ROUND_NS && b->wrong == 0) {
		uint64_t nr = batch_of(b);
		uint64_t t;
		uint64_t c;

		if (store == UINT64_MAX ||
		    (!fetch && (store + nr) * (b->bytes + 512) > STORE_BYTES)) {
			if (store != UINT64_MAX)
				(void)run(b, close_store, 1);
			(void)run(b, open_store, 1);
			store = 0;
			b->fetch = false;	/* something to read */
			b->next = 0;
			b->last = fetch ? (b->array ? 16 : KEYS) : 1000;
			b->last = b->last * b->bytes > STORE_BYTES ? 64 : b->last;
			(void)run(b, worker, workers);
			b->fetch = fetch;
		}
		b->last = b->next + nr;
		c = bench_cpu_ns();
		t = run(b, worker, workers);
		store += nr;
		if (!warm) {
			warm = true;
			continue;
		}
		ns += t;
		cpu += bench_cpu_ns() - c;
		ops += nr;
	}
	(void)run(b, close_store, 1);
	rt_dev_close(b->rt, b->dev);
	b->wrong += local_stream_close(b->stream) != 0;
	local_world_destroy(b->world);
	if (b->wrong != 0) {
		(void)fprintf(stderr, "%llu operations went wrong\n", (unsigned long long)b->wrong);
		return -1;
	}
	ret_result->value = (double)ops * 1e9 / (double)ns;
	if (mib)
		ret_result->value *= (double)b->bytes / (1 << 20);
	ret_result->cpu_us_per_op = (double)cpu / 1000 / (double)ops;
	return 0;
}

static int update_64(struct bench_result *r)
{
	return measure(&(struct bench){ .bytes = 64 }, WORKERS, false, r);
}

static int update_64_1(struct bench_result *r)
{
	return measure(&(struct bench){ .bytes = 64 }, 1, false, r);
}

static int fetch_64(struct bench_result *r)
{
	return measure(&(struct bench){ .bytes = 64, .fetch = true }, WORKERS, false, r);
}

static int update_4k(struct bench_result *r)
{
	return measure(&(struct bench){ .bytes = 4096 }, WORKERS, false, r);
}

static int fetch_4k(struct bench_result *r)
{
	return measure(&(struct bench){ .bytes = 4096, .fetch = true }, WORKERS, false, r);
}

static int update_1m(struct bench_result *r)
{
	return measure(&(struct bench){ .bytes = 1 << 20, .array = true }, WORKERS, true, r);
}

static int fetch_1m(struct bench_result *r)
{
	return measure(&(struct bench){ .bytes = 1 << 20, .array = true, .fetch = true }, WORKERS,
		       true, r);
}

int main(int argc, char **argv)
{
	static const struct bench_row rows[] = {
		{ "vos_update_64", "kind=abs_min limit=400000 unit=op/s " PEER "220000", update_64,
		  NULL },
		{ "vos_update_64_1", "kind=info limit=0 unit=op/s", update_64_1, NULL },
		{ "vos_fetch_64", "kind=abs_min limit=1000000 unit=op/s " PEER "660000", fetch_64,
		  NULL },
		{ "vos_update_4k", "kind=info limit=0 unit=op/s " PEER "175000", update_4k, NULL },
		{ "vos_fetch_4k", "kind=info limit=0 unit=op/s " PEER "570000", fetch_4k, NULL },
		{ "vos_update_1m", "kind=info limit=0 unit=MiB/s", update_1m, NULL },
		{ "vos_fetch_1m", "kind=info limit=0 unit=MiB/s", fetch_1m, NULL },
	};

	return bench_main(rows, sizeof(rows) / sizeof(rows[0]), argc, argv);
}

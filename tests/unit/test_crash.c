/* The crash disk: what a power loss leaves of a device, over many seeds against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "transports/local/local.h"
#include "transports/wrap/crash.h"

#define SECTORS 512u		/* of the device under test: 256 KiB */
#define DISK_BYTES (SECTORS * CRASH_SECTOR_BYTES)

/* What each sector may hold after a crash: version numbers, the durable one first. */
struct model {
	uint32_t durable[SECTORS];
	uint32_t maybe[SECTORS][64];
	uint32_t maybe_nr[SECTORS];
	uint32_t version;
};

struct crash_run {
	struct rt *rt;
	struct rt_dev *dev;
	struct model *m;
	uint32_t writes;
	bool verify;
	uint64_t kept_old;	/* sectors that were seen with each outcome */
	uint64_t got_new;
	uint64_t cut;		/* replays that a crash cut short */
	bool verified;
	bool finished;
};

/* A sector says its own number and version. */
static void sector_fill(uint8_t *p, uint32_t sector, uint32_t version)
{
	gen_fill(mix64_2(sector, version) | 1, 0, p, CRASH_SECTOR_BYTES);
	if (version == 0)
		memset(p, 0, CRASH_SECTOR_BYTES);
}

static bool sector_is(const uint8_t *p, uint32_t sector, uint32_t version)
{
	uint8_t want[CRASH_SECTOR_BYTES];

	sector_fill(want, sector, version);
	return memcmp(p, want, sizeof(want)) == 0;
}

static void model_flush(struct model *m)
{
	for (uint32_t i = 0; i < SECTORS; i++) {
		if (m->maybe_nr[i] > 0)
			m->durable[i] = m->maybe[i][m->maybe_nr[i] - 1];
		m->maybe_nr[i] = 0;
	}
}

static void crash_write(struct crash_run *r, uint8_t *mem)
{
	struct prng *p = &r->rt->rand[RT_STREAM_TEST];
	uint32_t first = (uint32_t)prng_below(p, SECTORS / 8) * 8;
	uint32_t nr = 8 * (1 + (uint32_t)prng_below(p, 4));
	struct bseg seg;
	struct buf b;
	int rc;

	nr = (uint32_t)min_u64(nr, SECTORS - first);
	r->m->version++;
	for (uint32_t i = 0; i < nr; i++) {
		sector_fill(mem + (size_t)i * CRASH_SECTOR_BYTES, first + i, r->m->version);
		ASSERT(r->m->maybe_nr[first + i] < 64);
		r->m->maybe[first + i][r->m->maybe_nr[first + i]++] = r->m->version;
	}
	b = buf_from_bytes(&seg, mem, (uint64_t)nr * CRASH_SECTOR_BYTES);
	rc = rt_io(r->rt, r->dev, RT_IO_WRITE, (uint64_t)first * CRASH_SECTOR_BYTES, &b);
	ASSERT(rc == 0);
}

/* Every sector reads as the durable version or as one written after it; adopt what it says. */
static void crash_verify(struct crash_run *r, uint8_t *mem)
{
	struct model *m = r->m;
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, DISK_BYTES);
	int rc = rt_io(r->rt, r->dev, RT_IO_READ, 0, &b);

	ASSERT(rc == 0);
	for (uint32_t i = 0; i < SECTORS; i++) {
		const uint8_t *p = mem + (size_t)i * CRASH_SECTOR_BYTES;
		bool ok = sector_is(p, i, m->durable[i]);

		r->kept_old += ok && m->maybe_nr[i] > 0;
		for (uint32_t k = 0; k < m->maybe_nr[i] && !ok; k++) {
			ok = sector_is(p, i, m->maybe[i][k]);
			if (ok)
				m->durable[i] = m->maybe[i][k];
			r->got_new += ok;
		}
		ASSERT(ok);
		m->maybe_nr[i] = 0;
	}
}

/* Without a crash, what was written last is what one reads. */
static void crash_check_cache(struct crash_run *r, uint8_t *mem)
{
	struct bseg seg;
	struct buf b = buf_from_bytes(&seg, mem, DISK_BYTES);
	int rc = rt_io(r->rt, r->dev, RT_IO_READ, 0, &b);

	ASSERT(rc == 0);
	for (uint32_t i = 0; i < SECTORS; i++)
		ASSERT(sector_is(mem + (size_t)i * CRASH_SECTOR_BYTES, i,
				 r->m->maybe_nr[i] > 0 ? r->m->maybe[i][r->m->maybe_nr[i] - 1]
						       : r->m->durable[i]));
}

static void crash_ult(void *arg)
{
	struct crash_run *r = arg;
	uint8_t *mem = rt_alloc(r->rt, DISK_BYTES);
	int rc = rt_dev_open(r->rt, "mem:c", DISK_BYTES, RT_DEV_CREATE, &r->dev);

	ASSERT(mem != NULL && rc == 0);
	if (r->verify)
		crash_verify(r, mem);
	r->verified = true;
	for (uint32_t i = 0; i < r->writes; i++) {
		crash_write(r, mem);
		if (prng_below(&r->rt->rand[RT_STREAM_TEST], 12) == 0) {
			rc = rt_io(r->rt, r->dev, RT_IO_FLUSH, 0, NULL);
			ASSERT(rc == 0);
			model_flush(r->m);
		}
	}
	crash_check_cache(r, mem);
	r->finished = true;
}

/* Lives of one device: write and flush, lose power, reopen, verify, go on. */
static void crash_lives(uint64_t seed, uint32_t dev_align, struct crash_stats *sum,
			struct crash_run *outcome)
{
	struct local_opts opts = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED, .seed = seed,
				   .dev_align = dev_align };
	struct crash_opts co = { .seed = seed, .write_ns = 1000 };
	struct model *m = calloc(1, sizeof(*m));
	struct crash_stats st;
	struct local_world *w;
	struct crash_disk *cd;

	assert_non_null(m);
	assert_int_equal(local_world_create(&opts, &w), 0);
	assert_int_equal(crash_disk_create(&co, &cd), 0);
	for (uint32_t life = 0; life < 6; life++) {
		struct crash_run r = { .m = m, .writes = 30, .verify = life > 0 };
		struct local_stream *s;

		assert_int_equal(local_stream_create(w, "n/0", &s), 0);
		r.rt = local_stream_rt(s);
		crash_disk_attach(cd, r.rt);
		assert_int_equal(rt_spawn(r.rt, crash_ult, &r, NULL), 0);
		if (life == 2) {	/* crash soon after the opening: cuts the replay short */
			for (uint32_t i = 0; i < 5; i++)
				(void)local_world_step(w);	/* no time passes */
			assert_false(r.finished);
			outcome->cut += !r.verified;
		} else {
			local_world_run(w);
			assert_true(r.finished);
		}
		local_stream_kill(s);
		crash_disk_power_loss(cd);
		outcome->kept_old += r.kept_old;
		outcome->got_new += r.got_new;
	}
	crash_disk_query(cd, &st);
	assert_int_equal(st.pending, 0);
	sum->kept += st.kept;
	sum->dropped += st.dropped;
	sum->torn += st.torn;
	sum->replayed += st.replayed;
	crash_disk_destroy(cd);
	local_world_destroy(w);
	free(m);
}

static void test_crash(void **state)
{
	struct crash_stats sum = { 0 };
	struct crash_run outcome = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		crash_lives(seed, seed % 2 == 0 ? 512 : 4096, &sum, &outcome);
	/* Every fate was met, and seen. */
	assert_true(sum.kept > 50 && sum.dropped > 50 && sum.torn > 50 && sum.replayed > 200);
	assert_true(outcome.cut > 5);
	assert_true(outcome.kept_old > 1000 && outcome.got_new > 1000);
}

struct fate {
	struct rt *rt;
	int phase;
	uint64_t gen;		/* what the first block says */
	uint32_t torn_blocks;	/* of the second write, how many are new */
	bool finished;
};

/* Phantoms through the cache: flushed, overwritten unflushed. */
static void phantom_ult(void *arg)
{
	struct fate *f = arg;
	struct rt_dev *dev;
	struct bseg seg, sink_seg, runs[64];
	struct bsink sink;
	struct buf b;
	int rc = rt_dev_open(f->rt, "mem:p", 1u << 20, RT_DEV_CREATE, &dev);

	ASSERT(rc == 0);
	if (f->phase == 0) {
		b = buf_from_gen(&seg, 11, 0, 65536);
		rc = rt_io(f->rt, dev, RT_IO_WRITE, 0, &b);
		ASSERT(rc == 0);
		rc = rt_io(f->rt, dev, RT_IO_FLUSH, 0, NULL);
		ASSERT(rc == 0);
		b = buf_from_gen(&seg, 12, 0, 65536);
		rc = rt_io(f->rt, dev, RT_IO_WRITE, 0, &b);
		ASSERT(rc == 0);
	}
	bsink_init(&sink, 65536, runs, ARRAY_COUNT(runs));
	b = buf_from_sink(&sink_seg, &sink, 0, 65536);
	rc = rt_io(f->rt, dev, RT_IO_READ, 0, &b);
	ASSERT(rc == 0);
	for (uint32_t i = 0; i < sink.nr; i++) {
		ASSERT(runs[i].gen == 11 || runs[i].gen == 12);
		ASSERT(f->phase > 0 || runs[i].gen == 12);
		ASSERT(runs[i].bytes % 4096 == 0);
		if (runs[i].gen == 12)
			f->torn_blocks += (uint32_t)(runs[i].bytes / 4096);
	}
	f->finished = true;
}

static void phantom_fate(const struct crash_opts *co, uint32_t *ret_new_blocks)
{
	struct local_opts opts = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED };
	struct local_world *w;
	struct crash_disk *cd;

	assert_int_equal(local_world_create(&opts, &w), 0);
	assert_int_equal(crash_disk_create(co, &cd), 0);
	for (int phase = 0; phase < 2; phase++) {
		struct fate f = { .phase = phase };
		struct local_stream *s;

		assert_int_equal(local_stream_create(w, "n/0", &s), 0);
		f.rt = local_stream_rt(s);
		crash_disk_attach(cd, f.rt);
		assert_int_equal(rt_spawn(f.rt, phantom_ult, &f, NULL), 0);
		local_world_run(w);
		assert_true(f.finished);
		local_stream_kill(s);
		crash_disk_power_loss(cd);
		*ret_new_blocks = f.torn_blocks;
	}
	crash_disk_destroy(cd);
	local_world_destroy(w);
}

static void test_crash_fates(void **state)
{
	struct crash_opts keep = { .keep = 1 }, drop = { .drop = 1 }, tear = { .tear = 1 };
	uint32_t blocks;

	(void)state;
	phantom_fate(&keep, &blocks);
	assert_int_equal(blocks, 16);
	phantom_fate(&drop, &blocks);
	assert_int_equal(blocks, 0);
	phantom_fate(&tear, &blocks);
	assert_in_range(blocks, 1, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_crash_fates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

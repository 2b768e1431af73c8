/* Arrays over the whole stack: chunks, holes, sizes, against a model in memory. */
#include "tests/unit/stack_bed.h"

#include "daos_obj_class.h"

#define CHUNK 64u

/* ---- one array and its model ---------------------------------------------------------------- */

struct model {
	struct cl_stream *s;
	struct cl_array *a;
	uint64_t cell;		/* bytes */
	uint64_t size;		/* cells */
	uint64_t cap;		/* cells */
	char *bytes;		/* what a reader with zeroed holes sees */
};

static struct cl_array *array_open(struct bed *b, uint64_t n, daos_oclass_id_t cid, uint64_t cell,
				   uint64_t chunk)
{
	daos_obj_id_t oid = { .lo = n };
	struct cl_array *a;
	struct cl_cont *c = hdl_get(&b->proc, b->coh, DAOS_HTYPE_CO);
	struct cl_obj *o;

	CHECK_RC(cl_oid_generate(&b->proc, c, &oid, DAOS_OT_ARRAY_BYTE, cid, 0), 0);
	CHECK_RC(cl_obj_open(&b->proc, c, cl_oid(oid), DAOS_OO_RW, &o), 0);
	CHECK_RC(cl_array_open(&b->proc, o, cell, chunk, &a), 0);
	cl_put(&b->proc, &o->ref);
	cl_put(&b->proc, &c->ref);
	return a;
}

static void model_init(struct bed *b, struct model *m, struct cl_array *a, uint64_t cap)
{
	*m = (struct model){ .s = bed_main(b), .a = a, .cell = a->cell_bytes, .cap = cap };
	m->bytes = calloc(cap, m->cell);
	CHECK(m->bytes != NULL);
}

static void model_fini(struct bed *b, struct model *m)
{
	cl_put(&b->proc, &m->a->ref);
	free(m->bytes);
}

/* A list of pieces of @mem, cut at random places. */
static void cut(struct prng *r, char *mem, uint64_t bytes, d_iov_t *iovs, uint32_t cap,
		d_sg_list_t *sgl)
{
	*sgl = (d_sg_list_t){ .sg_iovs = iovs };
	while (bytes > 0) {
		uint64_t n = sgl->sg_nr == cap - 1 ? bytes : 1 + prng_below(r, bytes);

		d_iov_set(&iovs[sgl->sg_nr++], mem, n);
		mem += n;
		bytes -= n;
	}
}

static void model_write(struct model *m, struct prng *r, uint64_t idx, uint64_t len)
{
	daos_range_t range = { .rg_idx = idx, .rg_len = len };
	d_iov_t iovs[5];
	d_sg_list_t sgl;

	gen_fill(prng_next(r) | 1, 0, m->bytes + idx * m->cell, len * m->cell);
	cut(r, m->bytes + idx * m->cell, len * m->cell, iovs, 5, &sgl);
	CHECK_RC(cl_array_write(m->s, m->a, 1, &range, &sgl), 0);
	m->size = max_u64(m->size, idx + len);
}

static void model_punch(struct model *m, uint64_t idx, uint64_t len)
{
	daos_range_t range = { .rg_idx = idx, .rg_len = len };

	CHECK_RC(cl_array_punch(m->s, m->a, 1, &range), 0);
	if (idx >= m->size)
		return;
	memset(m->bytes + idx * m->cell, 0, min_u64(len, m->cap - idx) * m->cell);
	/* The size is the end of the last cell that is there: a punch that reaches it takes it away. */
	if (idx + len >= m->size)
		CHECK_RC(cl_array_size(m->s, m->a, &m->size), 0);
}

static void model_set_size(struct model *m, uint64_t size)
{
	uint64_t got;

	CHECK_RC(cl_array_set_size(m->s, m->a, size), 0);
	if (size < m->size)
		memset(m->bytes + size * m->cell, 0, (m->cap - size) * m->cell);
	m->size = size;
	CHECK_RC(cl_array_size(m->s, m->a, &got), 0);
	CHECK_EQ(got, size);
}

static void model_check(struct model *m, struct prng *r, uint64_t idx, uint64_t len)
{
	char *mem = malloc(len * m->cell);
	daos_range_t range = { .rg_idx = idx, .rg_len = len };
	uint64_t end = idx + len;
	uint64_t want_short = end > m->size ? end - max_u64(m->size, idx) : 0;
	uint64_t got_short = 77;
	d_iov_t iovs[5];
	d_sg_list_t sgl;
	uint64_t size;

	CHECK(mem != NULL);
	memset(mem, 'z', len * m->cell);
	cut(r, mem, len * m->cell, iovs, 5, &sgl);
	CHECK_RC(cl_array_read(m->s, m->a, 1, &range, &sgl, CL_ARRAY_ZERO_HOLES, &got_short), 0);
	CHECK(memcmp(mem, m->bytes + idx * m->cell, len * m->cell) == 0);
	CHECK_EQ(got_short, want_short);
	CHECK_RC(cl_array_size(m->s, m->a, &size), 0);
	CHECK_EQ(size, m->size);
	free(mem);
}

static void random_ops(struct bed *b, uint64_t n, daos_oclass_id_t cid, uint64_t cell)
{
	struct prng r;
	struct model m;
	uint32_t i;

	prng_seed(&r, n);
	model_init(b, &m, array_open(b, n, cid, cell, CHUNK), 40 * CHUNK);
	model_check(&m, &r, 0, 10);
	for (i = 0; i < 150; i++) {
		uint64_t idx = prng_below(&r, m.cap);
		uint64_t len = 1 + prng_below(&r, prng_below(&r, 3) == 0
							  ? m.cap - idx
							  : min_u64(CHUNK, m.cap - idx));

		switch (prng_below(&r, 8)) {
		case 0:
			model_punch(&m, idx, len);
			break;
		case 1:
			model_set_size(&m, idx);
			break;
		case 2:
		case 3:
			model_write(&m, &r, idx, len);
			break;
		default:
			model_check(&m, &r, idx, len);
		}
	}
	model_check(&m, &r, 0, m.cap);
	model_set_size(&m, 0);
	model_check(&m, &r, 0, m.cap);
	model_fini(b, &m);
}

static void random_script(struct bed *b)
{
	bed_connect(b);
	random_ops(b, 1, OC_S1, 1);
	random_ops(b, 2, OC_S2, 7);
	random_ops(b, 3, OC_SX, 1);
	random_ops(b, 4, OC_SX, 256);
	bed_disconnect(b);
}

static void test_random(void **state)
{
	(void)state;
	bed_once(random_script);
}

/* Large transfers: more pieces than are in flight at once, several ranges, chunks by bulk. */
static void large(struct bed *b)
{
	enum { BYTES = 5 << 20 };
	struct cl_array *a;
	struct cl_stream *s = bed_main(b);
	char *data = malloc(BYTES);
	char *back = malloc(BYTES);
	daos_range_t ranges[3] = { { 1000, 3 << 20 },
				   { 100 << 20, 1 << 20 },
				   { 50 << 20, 1 << 20 } };
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	uint64_t got_short;
	uint64_t size;

	CHECK(data != NULL && back != NULL);
	bed_connect(b);
	a = array_open(b, 1, OC_SX, 1, 16384);
	gen_fill(5, 0, data, BYTES);
	d_iov_set(&iov, data, BYTES);
	CHECK_RC(cl_array_write(s, a, 3, ranges, &sgl), 0);
	d_iov_set(&iov, back, BYTES);
	CHECK_RC(cl_array_read(s, a, 3, ranges, &sgl, 0, &got_short), 0);
	CHECK_EQ(got_short, 0);
	CHECK(memcmp(data, back, BYTES) == 0);
	CHECK_RC(cl_array_size(s, a, &size), 0);
	CHECK_EQ(size, 101 << 20);
	/* Without ZERO_HOLES bytes in holes stay. */
	memset(back, 'z', 2000);
	ranges[0] = (daos_range_t){ 0, 2000 };
	d_iov_set(&iov, back, 2000);
	CHECK_RC(cl_array_read(s, a, 1, ranges, &sgl, 0, &got_short), 0);
	CHECK(back[0] == 'z' && back[999] == 'z' && memcmp(back + 1000, data, 1000) == 0);
	/* Memory too short, ranges that wrap, sizes that are none. */
	ranges[0].rg_len = 2001;
	CHECK_RC(cl_array_write(s, a, 1, ranges, &sgl), -DER_REC2BIG);
	ranges[0] = (daos_range_t){ UINT64_MAX - 5, 10 };
	CHECK_RC(cl_array_write(s, a, 1, ranges, &sgl), -DER_INVAL);
	CHECK_RC(cl_array_write(s, a, 0, ranges, &sgl), -DER_INVAL);
	ranges[0] = (daos_range_t){ 5, 0 };
	CHECK_RC(cl_array_read(s, a, 1, ranges, &sgl, 0, &got_short), 0);
	CHECK_EQ(got_short, 0);
	/* A punch far behind the end ends at once, and so does one of everything. */
	ranges[0] = (daos_range_t){ 0, 1ull << 60 };
	CHECK_RC(cl_array_punch(s, a, 1, ranges), 0);
	CHECK_RC(cl_array_size(s, a, &size), 0);
	CHECK_EQ(size, 0);
	cl_put(&b->proc, &a->ref);
	bed_disconnect(b);
	free(data);
	free(back);
}

static void test_large(void **state)
{
	(void)state;
	bed_once(large);
}

/* The epoch of a stat moves with every change. */
static void stat_epochs(struct bed *b)
{
	struct cl_stream *s = bed_main(b);
	daos_range_t range = { 10, 4 };
	struct cl_array *a;
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	uint64_t size;
	uint64_t e[4];

	bed_connect(b);
	a = array_open(b, 1, OC_SX, 1, CHUNK);
	d_iov_set(&iov, (void *)(uintptr_t) "abcd", 4);
	CHECK_RC(cl_array_stat(s, a, &size, &e[0]), 0);
	CHECK_EQ(size, 0);
	CHECK_EQ(e[0], 0);
	CHECK_RC(cl_array_write(s, a, 1, &range, &sgl), 0);
	CHECK_RC(cl_array_stat(s, a, &size, &e[1]), 0);
	CHECK_EQ(size, 14);
	CHECK(e[1] > 0);
	CHECK_RC(cl_array_punch(s, a, 1, &range), 0);
	CHECK_RC(cl_array_stat(s, a, &size, &e[2]), 0);
	CHECK_EQ(size, 0);
	CHECK(e[2] > e[1]);
	CHECK_RC(cl_obj_epoch_max(s, a->obj, &e[3]), 0);
	CHECK_EQ(e[3], e[2]);
	cl_put(&b->proc, &a->ref);
	bed_disconnect(b);
}

static void test_stat_epochs(void **state)
{
	(void)state;
	bed_once(stat_epochs);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_stat_epochs),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

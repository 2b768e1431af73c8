/*
 * What a store reads from its device, as any bytes. First byte: 0, the rest is a superblock; 1,
 * records whose checksums are taken as right: kind (1 byte), size of metadata and of payload (2
 * bytes each), metadata; 2, the rest is the log of a formatted device. Whatever was accepted is
 * then walked through and freed.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/vos/vos_simple_int.h"
#include "tests/lib/vos_world.h"

#define DEV_BYTES (256u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

static void superblock(struct input *in)
{
	uint8_t *mem = calloc(1, VS_SB_BYTES);
	struct vs_sb sb;

	CHECK(mem != NULL);
	memcpy(mem, in->p, min_u64(in->left, VS_SB_BYTES));
	(void)vs_sb_parse(mem, &sb);
	free(mem);
}

static int zeros(void *arg, uint64_t off, const struct buf *dst)
{
	(void)arg;
	(void)off;
	return buf_zero(dst, 0, dst->bytes);
}

static int on_entry(void *arg, const struct vos_entry *e)
{
	uint64_t *sum = arg;
	uint32_t i;

	for (i = 0; i < e->key.len; i++)
		*sum += ((const uint8_t *)e->key.ptr)[i];
	*sum += e->recx.idx + e->epoch;
	return VOS_ITER_NEXT;
}

struct keys {
	struct vos_cont *c;
	struct vos_op op;
	uint64_t sum;
};

static void walk(struct vos *v, struct vs_cont *vc)
{
	struct keys k = { .op = { .epoch = VOS_EPOCH_MAX } };
	struct vs_node *n;
	struct vs_node *m;
	struct vos_got got;

	CHECK_RC(vos_cont_open(v, &vc->uid, &k.c), 0);
	for (n = vs_tree_first(&vc->objs); n != NULL; n = vs_tree_next(n)) {
		struct vs_obj *o = container_of(n, struct vs_obj, node);
		struct vos_iter it = { .type = VOS_ITER_DKEY, .op = &k.op };
		struct vos_anchor a = { 0 };

		k.op.oid = o->oid;
		k.op.dkey = (struct bytes){ 0 };
		(void)vos_iterate(k.c, &it, &a, on_entry, &k.sum);
		for (m = vs_tree_first(&o->dkeys); m != NULL; m = vs_tree_next(m)) {
			struct vs_key *key = container_of(m, struct vs_key, node);
			struct vos_iod iod = { .akey = { "a", 1 }, .type = VOS_SINGLE };

			k.op.dkey = key->name;
			it.type = VOS_ITER_AKEY;
			memset(&a, 0, sizeof(a));
			(void)vos_iterate(k.c, &it, &a, on_entry, &k.sum);
			it.type = VOS_ITER_RECX;
			it.akey = iod.akey;
			memset(&a, 0, sizeof(a));
			(void)vos_iterate(k.c, &it, &a, on_entry, &k.sum);
			(void)vos_fetch(k.c, &k.op, 1, &iod, &got);
		}
	}
	vos_cont_close(k.c);
}

static void walk_all(struct vos *v)
{
	struct vs_node *n;

	for (n = vs_tree_first(&v->conts); n != NULL; n = vs_tree_next(n))
		walk(v, container_of(n, struct vs_cont, node));
}

static void records(struct vw *w, void *arg)
{
	struct input *in = arg;
	struct vos_home none = { 0 };
	struct vos *v;
	uint64_t seq = 0;

	CHECK_RC(vos_open(&w->rt, &none, NULL, &v), 0);
	while (in->left >= 5) {
		enum vs_kind kind = (enum vs_kind)in->p[0];
		uint16_t len;
		uint16_t payload;
		struct bytes meta;
		struct vs_payload pl = { .read = zeros };
		int rc;

		memcpy(&len, in->p + 1, 2);
		memcpy(&payload, in->p + 3, 2);
		in->p += 5;
		in->left -= 5;
		if (len > in->left)
			break;
		/* A copy of its own, so that a step over its end is seen. */
		meta = (struct bytes){ .ptr = malloc((size_t)len + 1), .len = len };
		CHECK(meta.ptr != NULL);
		memcpy((void *)(uintptr_t)meta.ptr, in->p, len);
		in->p += len;
		in->left -= len;
		pl.bytes = payload;
		rc = vs_record_apply(v, kind, ++seq, meta, &pl);
		CHECK(rc == 0 || rc == -DER_CSUM || rc == -DER_TRUNC);
		free((void *)(uintptr_t)meta.ptr);
	}
	walk_all(v);
	vos_close(v);
}

static void image(struct vw *w, void *arg)
{
	struct input *in = arg;
	struct vos_home h = { .dev = &w->dev.dev, .bytes = DEV_BYTES };
	struct vos *v;
	int rc;

	CHECK_RC(vos_format(&w->rt, &h, NULL, 0), 0);
	memcpy(w->dev.mem + 2 * VS_SB_BYTES, in->p, min_u64(in->left, DEV_BYTES - 2 * VS_SB_BYTES));
	rc = vos_open(&w->rt, &h, NULL, &v);
	CHECK(rc == 0 || rc == -DER_CSUM);
	if (rc != 0)
		return;
	walk_all(v);
	CHECK_RC(vos_cont_create(v, &(struct uid){ { 0xee } }), 0);
	vos_close(v);
	CHECK_RC(vos_open(&w->rt, &h, NULL, &v), 0);
	vos_close(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .p = data + 1, .left = size - 1 };
	struct vw *w;

	if (size == 0 || data[0] > 2)
		return 0;
	if (data[0] == 0) {
		superblock(&in);
		return 0;
	}
	w = calloc(1, sizeof(*w));
	CHECK(w != NULL);
	vw_init(w, data[0] == 2 ? DEV_BYTES : 512, 512, 1);
	CHECK(vw_script(w, data[0] == 2 ? image : records, &in));
	vw_fini(w);
	free(w);
	return 0;
}

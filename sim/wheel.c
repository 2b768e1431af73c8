#include "sim/wheel.h"

#include <assert.h>

#include <stdlib.h>

#define L0_BITS 16
#define L1_BITS 12
#define L2_BITS 12
#define L1_SHIFT (WHEEL_QUANTUM_SHIFT + L0_BITS)	/* 26: a window of level 0 */
#define L2_SHIFT (L1_SHIFT + L1_BITS)			/* 38: a window of level 1 */
#define SEQ_BITS 40
#define WHERE_BUCKET 1u
#define WHERE_HEAP 2u

static_assert(L2_SHIFT + L2_BITS == 50, "three levels cover WHEEL_LIMIT_NS");

/* One level: buckets, and a bitmap of those that may hold something, with a summary above it. */
struct level {
	uint32_t slots;
	struct sim_ev **heads;
	uint64_t *words;	/* slots / 64 */
	uint64_t *summary;	/* words / 64, at least 1 */
};

struct heap_slot {
	uint64_t at_ns;
	uint64_t order;
	struct sim_ev *ev;
};

struct wheel {
	struct level lv[3];
	uint64_t pos_ns;	/* start of the bucket or window that was reached */
	uint64_t open_ns;	/* start of the open bucket; WHEEL_NEVER: none */
	uint64_t seq;
	uint64_t count;
	/* The open bucket: a binary heap of (date, order). */
	struct heap_slot *heap;
	uint32_t heap_nr;
	uint32_t heap_cap;
};

static const uint32_t level_shift[3] = { WHEEL_QUANTUM_SHIFT, L1_SHIFT, L2_SHIFT };
static const uint32_t level_bits[3] = { L0_BITS, L1_BITS, L2_BITS };

/* ---- the open bucket ---------------------------------------------------------------------- */

static inline bool slot_before(const struct heap_slot *a, const struct heap_slot *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static inline void slot_put(struct wheel *w, uint32_t i, struct heap_slot s)
{
	w->heap[i] = s;
	s.ev->where = i + WHERE_HEAP;
}

static void heap_up(struct wheel *w, uint32_t i, struct heap_slot s)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 2;

		if (!slot_before(&s, &w->heap[parent]))
			break;
		slot_put(w, i, w->heap[parent]);
		i = parent;
	}
	slot_put(w, i, s);
}

static void heap_down(struct wheel *w, uint32_t i, struct heap_slot s)
{
	for (;;) {
		uint32_t kid = 2 * i + 1;

		if (kid >= w->heap_nr)
			break;
		if (kid + 1 < w->heap_nr && slot_before(&w->heap[kid + 1], &w->heap[kid]))
			kid++;
		if (!slot_before(&w->heap[kid], &s))
			break;
		slot_put(w, i, w->heap[kid]);
		i = kid;
	}
	slot_put(w, i, s);
}

static void open_push(struct wheel *w, struct sim_ev *ev)
{
	if (w->heap_nr == w->heap_cap) {
		uint32_t cap = w->heap_cap == 0 ? 256 : w->heap_cap * 2;
		struct heap_slot *heap = realloc(w->heap, cap * sizeof(*heap));

		ASSERT(heap != NULL);	/* the world cannot go on without its calendar */
		w->heap = heap;
		w->heap_cap = cap;
	}
	w->heap_nr++;
	heap_up(w, w->heap_nr - 1, (struct heap_slot){ ev->at_ns, ev->order, ev });
}

static void open_remove(struct wheel *w, uint32_t i)
{
	struct heap_slot last = w->heap[--w->heap_nr];

	if (i == w->heap_nr)
		return;
	if (i > 0 && slot_before(&last, &w->heap[(i - 1) / 2]))
		heap_up(w, i, last);
	else
		heap_down(w, i, last);
}

/* ---- levels ------------------------------------------------------------------------------- */

static void level_put(struct level *l, uint32_t slot, struct sim_ev *ev)
{
	ev->next = l->heads[slot];
	ev->pprev = &l->heads[slot];
	if (ev->next != NULL)
		ev->next->pprev = &ev->next;
	l->heads[slot] = ev;
	ev->where = WHERE_BUCKET;
	l->words[slot / 64] |= 1ULL << (slot % 64);
	l->summary[slot / 4096] |= 1ULL << (slot / 64 % 64);
}

/* First bucket at or after @from that holds something, or UINT32_MAX. */
static uint32_t level_find(const struct level *l, uint32_t from)
{
	uint32_t word = from / 64;
	uint64_t bits = l->words[word] & (~0ULL << (from % 64));

	while (bits == 0) {
		uint32_t next = word + 1;
		uint32_t sum = next / 64;
		uint64_t words;

		if (next >= l->slots / 64)
			return UINT32_MAX;
		words = l->summary[sum] & (~0ULL << (next % 64));
		while (words == 0) {
			if (++sum >= (l->slots + 4095) / 4096)
				return UINT32_MAX;
			words = l->summary[sum];
		}
		word = sum * 64 + (uint32_t)__builtin_ctzll(words);
		bits = l->words[word];
	}
	return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

static void level_clear(struct level *l, uint32_t slot)
{
	l->words[slot / 64] &= ~(1ULL << (slot % 64));
	if (l->words[slot / 64] == 0)
		l->summary[slot / 4096] &= ~(1ULL << (slot / 64 % 64));
}

/* Empty @slot and return its list. */
static struct sim_ev *level_take(struct level *l, uint32_t slot)
{
	struct sim_ev *list = l->heads[slot];

	l->heads[slot] = NULL;
	level_clear(l, slot);
	return list;
}

static int level_init(struct level *l, uint32_t slots)
{
	l->slots = slots;
	l->heads = calloc(slots, sizeof(l->heads[0]));
	l->words = calloc(slots / 64, sizeof(l->words[0]));
	l->summary = calloc((slots + 4095) / 4096, sizeof(l->summary[0]));
	return l->heads != NULL && l->words != NULL && l->summary != NULL ? 0 : -DER_NOMEM;
}

/* ---- public ------------------------------------------------------------------------------- */

struct wheel *wheel_create(void)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->open_ns = WHEEL_NEVER;
	for (int i = 0; i < 3; i++) {
		if (level_init(&w->lv[i], 1u << level_bits[i]) != 0) {
			wheel_destroy(w);
			return NULL;
		}
	}
	return w;
}

void wheel_destroy(struct wheel *w)
{
	if (w == NULL)
		return;
	for (int i = 0; i < 3; i++) {
		free(w->lv[i].heads);
		free(w->lv[i].words);
		free(w->lv[i].summary);
	}
	free(w->heap);
	free(w);
}

/* Put @ev where its date belongs, given how far the wheel has turned. */
static void place(struct wheel *w, struct sim_ev *ev)
{
	uint64_t at = ev->at_ns;
	int lv;

	if (w->open_ns != WHEEL_NEVER &&
	    at >> WHEEL_QUANTUM_SHIFT == w->open_ns >> WHEEL_QUANTUM_SHIFT) {
		open_push(w, ev);
		return;
	}
	if (at >> L1_SHIFT == w->pos_ns >> L1_SHIFT)
		lv = 0;
	else if (at >> L2_SHIFT == w->pos_ns >> L2_SHIFT)
		lv = 1;
	else
		lv = 2;
	level_put(&w->lv[lv], (uint32_t)(at >> level_shift[lv]) & ((1u << level_bits[lv]) - 1), ev);
}

void wheel_add(struct wheel *w, struct sim_ev *ev, uint64_t at_ns, uint32_t stream)
{
	ASSERT(ev->where == 0);
	ASSERT(at_ns >= w->pos_ns && at_ns < WHEEL_LIMIT_NS);
	ASSERT(stream < WHEEL_STREAM_MAX && w->seq < 1ULL << SEQ_BITS);
	ev->at_ns = at_ns;
	ev->order = (uint64_t)stream << SEQ_BITS | w->seq++;
	w->count++;
	place(w, ev);
}

void wheel_del(struct wheel *w, struct sim_ev *ev)
{
	if (ev->where == 0)
		return;
	if (ev->where == WHERE_BUCKET) {
		*ev->pprev = ev->next;
		if (ev->next != NULL)
			ev->next->pprev = ev->pprev;
	} else {
		open_remove(w, ev->where - WHERE_HEAP);
	}
	ev->where = 0;
	w->count--;
}

/* First bucket of level @lv from the present position on that really holds something. Bits of
 * buckets that wheel_del() emptied are stale until they are met here. */
static uint32_t next_slot(struct wheel *w, int lv)
{
	struct level *l = &w->lv[lv];
	uint32_t from = (uint32_t)(w->pos_ns >> level_shift[lv]) & (l->slots - 1);
	uint32_t slot;

	/* The bucket that the position lies in was taken; on level 0 it is the open one. */
	if (lv > 0 && ++from == l->slots)
		return UINT32_MAX;
	for (;;) {
		slot = level_find(l, from);
		if (slot == UINT32_MAX || l->heads[slot] != NULL)
			return slot;
		level_clear(l, slot);
	}
}

static uint64_t slot_ns(const struct wheel *w, int lv, uint32_t slot)
{
	uint32_t window = level_shift[lv] + level_bits[lv];

	return (w->pos_ns >> window << window) | (uint64_t)slot << level_shift[lv];
}

/* The next bucket that must be opened or poured. Returns its level, or -1. */
static int find_next(struct wheel *w, uint32_t *ret_slot)
{
	for (int lv = 0; lv < 3; lv++) {
		uint32_t slot = next_slot(w, lv);

		if (slot != UINT32_MAX) {
			*ret_slot = slot;
			return lv;
		}
	}
	return -1;
}

uint64_t wheel_next_ns(struct wheel *w)
{
	uint32_t slot;
	int lv;

	if (w->heap_nr > 0)
		return w->heap[0].at_ns;
	if (w->count == 0)
		return WHEEL_NEVER;
	lv = find_next(w, &slot);
	ASSERT(lv >= 0);
	return slot_ns(w, lv, slot);
}

/* Turn the wheel to the next bucket that holds something, if it starts by @limit_ns. */
static bool turn(struct wheel *w, uint64_t limit_ns)
{
	struct sim_ev *list;
	uint64_t start;
	uint32_t slot;
	int lv = find_next(w, &slot);

	ASSERT(lv >= 0);
	start = slot_ns(w, lv, slot);
	if (start > limit_ns)
		return false;
	list = level_take(&w->lv[lv], slot);
	w->pos_ns = start;
	w->open_ns = lv == 0 ? start : WHEEL_NEVER;
	while (list != NULL) {
		struct sim_ev *ev = list;

		list = ev->next;
		__builtin_prefetch(list);
		place(w, ev);
	}
	return true;
}

struct sim_ev *wheel_pop(struct wheel *w, uint64_t limit_ns)
{
	struct sim_ev *ev;

	if (w->count == 0)
		return NULL;
	while (w->heap_nr == 0) {
		if (!turn(w, limit_ns))
			return NULL;
	}
	ev = w->heap[0].ev;
	if (ev->at_ns > limit_ns)
		return NULL;
	open_remove(w, 0);
	ev->where = 0;
	w->count--;
	return ev;
}

uint64_t wheel_count(const struct wheel *w)
{
	return w->count;
}

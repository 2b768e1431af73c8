#include "core/client/process.h"

#include "core/client/client.h"

/* Cookie: generation in the upper half, slot number in bits 4 to 31, type in the lowest four. */
#define HDL_SLOTS_MAX (1u << 28)
#define HDL_SLOTS_MIN 16u

void process_init(struct process *p, const struct host_ops *host, void *host_ctx)
{
	*p = (struct process){ .host = host, .host_ctx = host_ctx, .first_free = UINT32_MAX };
}

void process_fini(struct process *p)
{
	uint32_t i;

	for (i = 0; i < p->slot_count; i++) {
		struct cl_ref *ref = p->slots[i].ref;

		if (ref != NULL && ref->type == DAOS_HTYPE_EQ)
			eq_left_open(p, ref);
		cl_put(p, ref);
	}
	process_free(p, p->slots);
	p->slots = NULL;
	p->slot_count = 0;
	p->first_free = UINT32_MAX;
	p->live = 0;
}

void process_forked(struct process *p)
{
	uint32_t i;

	p->main = NULL;
	for (i = 0; i < p->slot_count; i++) {
		struct cl_ref *ref = p->slots[i].ref;

		if (ref != NULL && ref->type == DAOS_HTYPE_EQ)
			eq_forked(ref);
		else if (ref != NULL && ref->type == DAOS_HTYPE_POOL)
			pool_forked(ref);
		else if (ref != NULL && ref->type == DAOS_HTYPE_CO)
			cont_forked(ref);
	}
}

int process_stream(struct process *p, struct cl_stream **slot, struct cl_stream **ret_stream)
{
	struct cl_stream *mine = NULL;
	struct cl_stream *s;
	int rc;

	process_lock(p);
	s = *slot;
	process_unlock(p);
	if (s == NULL) {
		rc = p->host->stream_open(p->host_ctx, p, &mine);
		if (rc != 0)
			return rc;
		process_lock(p);
		if (*slot == NULL) {
			*slot = mine;
			mine = NULL;
		}
		s = *slot;
		process_unlock(p);
	}
	if (mine != NULL)	/* another thread was faster */
		p->host->stream_close(p->host_ctx, mine);
	*ret_stream = s;
	return 0;
}

int process_main(struct process *p, struct cl_stream **ret_stream)
{
	return process_stream(p, &p->main, ret_stream);
}

static int hdl_grow(struct process *p)
{
	uint32_t count = p->slot_count == 0 ? HDL_SLOTS_MIN : p->slot_count * 2;
	struct hdl_slot *slots;
	uint32_t i;

	if (count > HDL_SLOTS_MAX)
		return -DER_NOMEM;
	slots = process_alloc(p, count * sizeof(*slots));
	if (slots == NULL)
		return -DER_NOMEM;
	if (p->slot_count > 0)
		memcpy(slots, p->slots, p->slot_count * sizeof(*slots));
	for (i = count; i-- > p->slot_count;) {
		slots[i] = (struct hdl_slot){ .gen = 1, .next_free = p->first_free };
		p->first_free = i;
	}
	process_free(p, p->slots);
	p->slots = slots;
	p->slot_count = count;
	return 0;
}

int hdl_insert(struct process *p, struct cl_ref *ref, daos_handle_t *ret_h)
{
	struct hdl_slot *slot;
	uint32_t idx;
	int rc = 0;

	process_lock(p);
	if (p->first_free == UINT32_MAX)
		rc = hdl_grow(p);
	if (rc == 0) {
		idx = p->first_free;
		slot = &p->slots[idx];
		p->first_free = slot->next_free;
		slot->ref = ref;
		p->live++;
		ret_h->cookie = (uint64_t)slot->gen << 32 | (uint64_t)idx << 4 | ref->type;
	}
	process_unlock(p);
	return rc;
}

/* Under the lock. */
static struct hdl_slot *hdl_find(struct process *p, daos_handle_t h, uint32_t type)
{
	uint32_t idx = (uint32_t)h.cookie >> 4;
	struct hdl_slot *slot;

	if ((h.cookie & 0xf) != type || idx >= p->slot_count)
		return NULL;
	slot = &p->slots[idx];
	if (slot->gen != (uint32_t)(h.cookie >> 32) || slot->ref == NULL || slot->ref->type != type)
		return NULL;
	return slot;
}

void *hdl_get(struct process *p, daos_handle_t h, uint32_t type)
{
	struct cl_ref *ref = NULL;
	struct hdl_slot *slot;

	process_lock(p);
	slot = hdl_find(p, h, type);
	if (slot != NULL) {
		ref = slot->ref;
		ref->refs++;
	}
	process_unlock(p);
	return ref;
}

void *hdl_remove(struct process *p, daos_handle_t h, uint32_t type)
{
	struct cl_ref *ref = NULL;
	struct hdl_slot *slot;

	process_lock(p);
	slot = hdl_find(p, h, type);
	if (slot != NULL) {
		ref = slot->ref;
		slot->ref = NULL;
		slot->gen++;
		slot->next_free = p->first_free;
		p->first_free = (uint32_t)(slot - p->slots);
		p->live--;
	}
	process_unlock(p);
	return ref;
}

void cl_ref_init(struct cl_ref *ref, uint32_t type,
		 void (*free_fn)(struct process *p, struct cl_ref *ref))
{
	*ref = (struct cl_ref){ .refs = 1, .type = type, .free = free_fn };
}

void cl_get(struct process *p, struct cl_ref *ref)
{
	process_lock(p);
	ref->refs++;
	process_unlock(p);
}

void cl_put(struct process *p, struct cl_ref *ref)
{
	bool last;

	if (ref == NULL)
		return;
	process_lock(p);
	ASSERT(ref->refs > 0);
	last = --ref->refs == 0;
	process_unlock(p);
	if (last)
		ref->free(p, ref);
}

/* Lists of ranks: plain arrays that grow by reallocation. */
#include "lib/gurt/gurt_int.h"

d_rank_list_t *d_rank_list_alloc(uint32_t size)
{
	d_rank_list_t *list = calloc(1, sizeof(*list));

	if (list == NULL)
		return NULL;
	if (d_rank_list_resize(list, size) != 0) {
		free(list);
		return NULL;
	}
	return list;
}

void d_rank_list_free(d_rank_list_t *rank_list)
{
	if (rank_list == NULL)
		return;
	free(rank_list->rl_ranks);
	free(rank_list);
}

int d_rank_list_resize(d_rank_list_t *ptr, uint32_t size)
{
	d_rank_t *ranks = NULL;

	if (ptr == NULL)
		return -DER_INVAL;
	if (size == 0) {
		free(ptr->rl_ranks);
	} else {
		ranks = realloc(ptr->rl_ranks, size * sizeof(*ranks));
		if (ranks == NULL)
			return -DER_NOMEM;
		if (size > ptr->rl_nr)
			memset(ranks + ptr->rl_nr, 0, (size - ptr->rl_nr) * sizeof(*ranks));
	}
	ptr->rl_ranks = ranks;
	ptr->rl_nr = size;
	return 0;
}

int d_rank_list_copy(d_rank_list_t *dst, d_rank_list_t *src)
{
	int rc;

	if (dst == NULL || src == NULL)
		return -DER_INVAL;
	if (dst == src)
		return 0;
	rc = d_rank_list_resize(dst, src->rl_nr);
	if (rc == 0 && src->rl_nr != 0)
		memcpy(dst->rl_ranks, src->rl_ranks, src->rl_nr * sizeof(*src->rl_ranks));
	return rc;
}

int d_rank_list_dup(d_rank_list_t **dst, const d_rank_list_t *src)
{
	d_rank_list_t *list;

	if (dst == NULL)
		return -DER_INVAL;
	if (src == NULL) {
		*dst = NULL;
		return 0;
	}
	list = d_rank_list_alloc(src->rl_nr);
	if (list == NULL)
		return -DER_NOMEM;
	if (src->rl_nr != 0)
		memcpy(list->rl_ranks, src->rl_ranks, src->rl_nr * sizeof(*src->rl_ranks));
	*dst = list;
	return 0;
}

static int rank_cmp(const void *a, const void *b)
{
	d_rank_t x = *(const d_rank_t *)a;
	d_rank_t y = *(const d_rank_t *)b;

	return x < y ? -1 : x > y;
}

void d_rank_list_sort(d_rank_list_t *rank_list)
{
	if (rank_list == NULL || rank_list->rl_nr < 2)
		return;
	qsort(rank_list->rl_ranks, rank_list->rl_nr, sizeof(*rank_list->rl_ranks), rank_cmp);
}

int d_rank_list_dup_sort_uniq(d_rank_list_t **dst, const d_rank_list_t *src)
{
	d_rank_list_t *list = NULL;
	uint32_t nr = 0;
	uint32_t i;
	int rc;

	rc = d_rank_list_dup(&list, src);
	if (rc != 0)
		return rc;
	d_rank_list_sort(list);
	for (i = 0; list != NULL && i < list->rl_nr; i++) {
		if (nr == 0 || list->rl_ranks[i] != list->rl_ranks[nr - 1])
			list->rl_ranks[nr++] = list->rl_ranks[i];
	}
	if (list != NULL)
		list->rl_nr = nr;
	*dst = list;
	return 0;
}

void d_rank_list_shuffle(d_rank_list_t *rank_list)
{
	uint32_t i;

	if (rank_list == NULL)
		return;
	for (i = rank_list->rl_nr; i > 1; i--) {
		uint32_t j = (uint32_t)(d_randd() * i);
		d_rank_t tmp = rank_list->rl_ranks[i - 1];

		rank_list->rl_ranks[i - 1] = rank_list->rl_ranks[j];
		rank_list->rl_ranks[j] = tmp;
	}
}

int d_idx_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank, uint32_t *idx)
{
	uint32_t i;

	for (i = 0; rank_list != NULL && i < rank_list->rl_nr; i++) {
		if (rank_list->rl_ranks[i] != rank)
			continue;
		*idx = i;
		return 0;
	}
	return -DER_NONEXIST;
}

bool d_rank_list_find(d_rank_list_t *rank_list, d_rank_t rank, int *idx)
{
	uint32_t found;

	if (d_idx_in_rank_list(rank_list, rank, &found) != 0)
		return false;
	if (idx != NULL)
		*idx = (int)found;
	return true;
}

bool d_rank_list_bsearch(d_rank_list_t *rank_list, d_rank_t rank, int *idx)
{
	d_rank_t *found;

	if (rank_list == NULL || rank_list->rl_nr == 0)
		return false;
	found = bsearch(&rank, rank_list->rl_ranks, rank_list->rl_nr, sizeof(rank), rank_cmp);
	if (found == NULL)
		return false;
	if (idx != NULL)
		*idx = (int)(found - rank_list->rl_ranks);
	return true;
}

bool d_rank_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank)
{
	return d_rank_list_find(rank_list, rank, NULL);
}

bool d_rank_list_identical(d_rank_list_t *rank_list1, d_rank_list_t *rank_list2)
{
	if (rank_list1 == NULL || rank_list2 == NULL)
		return rank_list1 == rank_list2;
	if (rank_list1->rl_nr != rank_list2->rl_nr)
		return false;
	return rank_list1->rl_nr == 0 ||
	       memcmp(rank_list1->rl_ranks, rank_list2->rl_ranks,
		      rank_list1->rl_nr * sizeof(*rank_list1->rl_ranks)) == 0;
}

int d_rank_list_append(d_rank_list_t *rank_list, d_rank_t rank)
{
	int rc;

	if (rank_list == NULL)
		return -DER_INVAL;
	rc = d_rank_list_resize(rank_list, rank_list->rl_nr + 1);
	if (rc == 0)
		rank_list->rl_ranks[rank_list->rl_nr - 1] = rank;
	return rc;
}

void d_rank_list_del_at(d_rank_list_t *list, int idx)
{
	D_ASSERT(list != NULL && idx >= 0 && (uint32_t)idx < list->rl_nr);
	list->rl_nr--;
	memmove(&list->rl_ranks[idx], &list->rl_ranks[idx + 1],
		(list->rl_nr - (uint32_t)idx) * sizeof(*list->rl_ranks));
}

int d_rank_list_del(d_rank_list_t *rank_list, d_rank_t rank)
{
	int idx;

	if (!d_rank_list_find(rank_list, rank, &idx))
		return -DER_NONEXIST;
	d_rank_list_del_at(rank_list, idx);
	return 0;
}

void d_rank_list_filter(d_rank_list_t *src_set, d_rank_list_t *dst_set, bool exclude)
{
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; i < dst_set->rl_nr; i++) {
		d_rank_t rank = dst_set->rl_ranks[i];

		if (d_rank_in_rank_list(src_set, rank) != exclude)
			dst_set->rl_ranks[nr++] = rank;
	}
	dst_set->rl_nr = nr;
}

int d_rank_list_merge(d_rank_list_t *src_set, d_rank_list_t *merge_set)
{
	uint32_t nr = src_set->rl_nr;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < merge_set->rl_nr && rc == 0; i++) {
		if (!d_rank_in_rank_list(src_set, merge_set->rl_ranks[i]))
			rc = d_rank_list_append(src_set, merge_set->rl_ranks[i]);
	}
	if (rc != 0)
		src_set->rl_nr = nr;
	return rc;
}

int d_rank_list_dump(d_rank_list_t *rank_list, d_string_t name, int name_len)
{
	char *str;
	int rc;

	rc = d_rank_list_to_str(rank_list, &str);
	if (rc != 0)
		return rc;
	D_DEBUG(DB_ALL, "%.*s: %u ranks %s\n", name_len, name, rank_list->rl_nr, str);
	free(str);
	return 0;
}

d_rank_list_t *uint32_array_to_rank_list(uint32_t *ints, size_t len)
{
	d_rank_list_t src = { .rl_ranks = ints, .rl_nr = (uint32_t)len };
	d_rank_list_t *list = NULL;

	if (len > UINT32_MAX || d_rank_list_dup(&list, &src) != 0)
		return NULL;
	return list;
}

int rank_list_to_uint32_array(d_rank_list_t *rl, uint32_t **ints, size_t *len)
{
	uint32_t *copy;

	if (rl == NULL || ints == NULL || len == NULL)
		return -DER_INVAL;
	copy = calloc(MAX(rl->rl_nr, 1U), sizeof(*copy));
	if (copy == NULL)
		return -DER_NOMEM;
	if (rl->rl_nr != 0)
		memcpy(copy, rl->rl_ranks, rl->rl_nr * sizeof(*copy));
	*ints = copy;
	*len = rl->rl_nr;
	return 0;
}

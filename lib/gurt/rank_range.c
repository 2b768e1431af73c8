/* Lists of ranges of ranks, and their text. */
#include "lib/gurt/gurt_int.h"

d_rank_range_list_t *d_rank_range_list_alloc(uint32_t size)
{
	d_rank_range_list_t *list = calloc(1, sizeof(*list));

	if (list == NULL)
		return NULL;
	if (size != 0 && d_rank_range_list_realloc(list, size) == NULL) {
		free(list);
		return NULL;
	}
	return list;
}

d_rank_range_list_t *d_rank_range_list_realloc(d_rank_range_list_t *range_list, uint32_t size)
{
	d_rank_range_t *ranges;

	if (range_list == NULL)
		return d_rank_range_list_alloc(size);
	ranges = realloc(range_list->rrl_ranges, MAX(size, 1U) * sizeof(*ranges));
	if (ranges == NULL)
		return NULL;
	if (size > range_list->rrl_nr)
		memset(ranges + range_list->rrl_nr, 0,
		       (size - range_list->rrl_nr) * sizeof(*ranges));
	range_list->rrl_ranges = ranges;
	range_list->rrl_nr = size;
	return range_list;
}

void d_rank_range_list_free(d_rank_range_list_t *range_list)
{
	if (range_list == NULL)
		return;
	free(range_list->rrl_ranges);
	free(range_list);
}

d_rank_range_list_t *d_rank_range_list_create_from_ranks(d_rank_list_t *rank_list)
{
	uint32_t in_nr = rank_list != NULL ? rank_list->rl_nr : 0;
	d_rank_range_list_t *list = d_rank_range_list_alloc(in_nr);
	uint32_t nr = 0;
	uint32_t i;

	if (list == NULL)
		return NULL;
	for (i = 0; i < in_nr; i++) {
		d_rank_t rank = rank_list->rl_ranks[i];

		if (nr != 0 && rank != 0 && list->rrl_ranges[nr - 1].hi == rank - 1)
			list->rrl_ranges[nr - 1].hi = rank;
		else
			list->rrl_ranges[nr++] = (d_rank_range_t){ .lo = rank, .hi = rank };
	}
	list->rrl_nr = nr;
	return list;
}

int d_rank_range_list_str(d_rank_range_list_t *list, char **ranks_str)
{
	struct d_string_buffer_t buf = { 0 };
	uint32_t i;

	if (list == NULL || ranks_str == NULL)
		return -DER_INVAL;
	(void)d_write_string_buffer(&buf, "[");		/* errors stay in buf.status */
	for (i = 0; i < list->rrl_nr; i++) {
		const d_rank_range_t *r = &list->rrl_ranges[i];

		(void)d_write_string_buffer(&buf, "%s%u", i == 0 ? "" : ",", r->lo);
		if (r->hi != r->lo)
			(void)d_write_string_buffer(&buf, "-%u", r->hi);
	}
	(void)d_write_string_buffer(&buf, "]");
	if (buf.status != 0) {
		int rc = buf.status;

		d_free_string(&buf);
		return rc;
	}
	*ranks_str = buf.str;
	return 0;
}

int d_rank_list_to_str(d_rank_list_t *rank_list, char **rank_str)
{
	d_rank_range_list_t *ranges;
	int rc;

	if (rank_list == NULL || rank_str == NULL)
		return -DER_INVAL;
	ranges = d_rank_range_list_create_from_ranks(rank_list);
	if (ranges == NULL)
		return -DER_NOMEM;
	rc = d_rank_range_list_str(ranges, rank_str);
	d_rank_range_list_free(ranges);
	return rc;
}

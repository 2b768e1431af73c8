/* Lists of ranks as text. */
#include <errno.h>
#include <stdlib.h>

#include "daos_cont.h"
#include "gurt/common.h"

/* The rank that @str begins with; false if it is none, or ends with anything but @sep or the end.
 * */
static bool rank_parse(const char *str, const char *sep, const char **ret_end, d_rank_t *ret_rank)
{
	unsigned long v;
	char *end;

	if (str[0] < '0' || str[0] > '9')
		return false;
	errno = 0;
	v = strtoul(str, &end, 10);
	if (errno != 0 || v >= UINT32_MAX || (*end != 0 && strchr(sep, *end) == NULL))
		return false;
	*ret_end = end;
	*ret_rank = (d_rank_t)v;
	return true;
}

d_rank_list_t *daos_rank_list_parse(const char *str, const char *sep)
{
	d_rank_list_t *list;
	d_rank_t rank;

	if (str == NULL || sep == NULL)
		return NULL;
	list = d_rank_list_alloc(0);
	if (list == NULL)
		return NULL;
	while (rank_parse(str, sep, &str, &rank)) {
		if (d_rank_list_append(list, rank) != 0)
			break;
		if (*str == 0)
			return list;
		str++;
	}
	d_rank_list_free(list);
	return NULL;
}

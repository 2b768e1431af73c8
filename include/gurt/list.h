/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Intrusive lists: circular double-linked ones (d_list_t), and double-linked ones whose head is a
 * single pointer (d_hlist_t), for tables of many mostly empty lists. Nothing is allocated; an
 * element is in at most one list per link it embeds. No locking.
 */
#ifndef GURT_LIST_H
#define GURT_LIST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Head of a list and link of an element alike. */
typedef struct d_list_head_t {
	struct d_list_head_t	*next;
	struct d_list_head_t	*prev;
} d_list_t;

#define D_LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define D_LIST_HEAD(name)	d_list_t name = D_LIST_HEAD_INIT(name)

/** Make @ptr an empty list, or an element that is in no list. */
#define D_INIT_LIST_HEAD(ptr)				\
	do {						\
		(ptr)->next = (ptr);			\
		(ptr)->prev = (ptr);			\
	} while (0)

/** Join two neighbours. */
static inline void gurt_list_join(d_list_t *prev, d_list_t *next)
{
	prev->next = next;
	next->prev = prev;
}

/** Insert at the front. */
static inline void d_list_add(d_list_t *newe, d_list_t *head)
{
	gurt_list_join(newe, head->next);
	gurt_list_join(head, newe);
}

/** Insert at the end. */
static inline void d_list_add_tail(d_list_t *newe, d_list_t *head)
{
	gurt_list_join(head->prev, newe);
	gurt_list_join(newe, head);
}

/** Take out; the element's own pointers are left as they are. */
static inline void d_list_del(d_list_t *entry)
{
	gurt_list_join(entry->prev, entry->next);
}

/** Take out; the element is then in no list, and may be taken out again. */
static inline void d_list_del_init(d_list_t *entry)
{
	d_list_del(entry);
	D_INIT_LIST_HEAD(entry);
}

/** Move an element to the front or the end of another list. */
static inline void d_list_move(d_list_t *list, d_list_t *head)
{
	d_list_del(list);
	d_list_add(list, head);
}

static inline void d_list_move_tail(d_list_t *list, d_list_t *head)
{
	d_list_del(list);
	d_list_add_tail(list, head);
}

static inline int d_list_empty(d_list_t *head)
{
	return head->next == head;
}

/** Empty in both directions: not in the middle of another thread's removal. */
static inline int d_list_empty_careful(const d_list_t *head)
{
	return head->next == head && head->prev == head;
}

/** Insert all elements of @list at the front of @head; @list itself is left undefined. */
static inline void d_list_splice(d_list_t *list, d_list_t *head)
{
	if (d_list_empty(list))
		return;
	gurt_list_join(list->prev, head->next);
	gurt_list_join(head, list->next);
}

/** The same; @list is empty afterwards. */
static inline void d_list_splice_init(d_list_t *list, d_list_t *head)
{
	d_list_splice(list, head);
	D_INIT_LIST_HEAD(list);
}

/** The structure of @type that embeds the link @ptr as @member. */
#define d_list_entry(ptr, type, member)	\
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define D_LIST_NEXT_(pos, member)	d_list_entry((pos)->member.next, __typeof__(*pos), member)
#define D_LIST_PREV_(pos, member)	d_list_entry((pos)->member.prev, __typeof__(*pos), member)

/** Take the first element out and return it, NULL if the list is empty. */
#define d_list_pop_entry(list, type, member)					\
	({									\
		d_list_t *d_pop_ = (list)->next;				\
		if (d_pop_ != (list))						\
			d_list_del_init(d_pop_);				\
		d_pop_ != (list) ? d_list_entry(d_pop_, type, member) : NULL;	\
	})

/**
 * Walk over links or over the structures that embed them. In the "safe" forms the current element
 * may be taken out: @n and @tmp hold the next one.
 */
#define d_list_for_each(pos, head)	\
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

#define d_list_for_each_safe(pos, n, head)	\
	for ((pos) = (head)->next, (n) = (pos)->next; (pos) != (head);	\
	     (pos) = (n), (n) = (pos)->next)

#define d_list_for_each_entry(pos, head, member)				\
	for ((pos) = d_list_entry((head)->next, __typeof__(*pos), member);	\
	     &(pos)->member != (head); (pos) = D_LIST_NEXT_(pos, member))

#define d_list_for_each_entry_safe(pos, tmp, head, member)			\
	for ((pos) = d_list_entry((head)->next, __typeof__(*pos), member),	\
	     (tmp) = D_LIST_NEXT_(pos, member);					\
	     &(pos)->member != (head);						\
	     (pos) = (tmp), (tmp) = D_LIST_NEXT_(pos, member))

#define d_list_for_each_entry_reverse(pos, head, member)			\
	for ((pos) = d_list_entry((head)->prev, __typeof__(*pos), member);	\
	     &(pos)->member != (head); (pos) = D_LIST_PREV_(pos, member))

#define d_list_for_each_entry_reverse_safe(pos, tmp, head, member)		\
	for ((pos) = d_list_entry((head)->prev, __typeof__(*pos), member),	\
	     (tmp) = D_LIST_PREV_(pos, member);					\
	     &(pos)->member != (head);						\
	     (pos) = (tmp), (tmp) = D_LIST_PREV_(pos, member))

/** Go on after, or with a removal after, the element @pos. */
#define d_list_for_each_entry_continue(pos, head, member)	\
	for ((pos) = D_LIST_NEXT_(pos, member);			\
	     &(pos)->member != (head); (pos) = D_LIST_NEXT_(pos, member))

#define d_list_for_each_entry_continue_safe(pos, tmp, head, member)		\
	for ((pos) = D_LIST_NEXT_(pos, member), (tmp) = D_LIST_NEXT_(pos, member); \
	     &(pos)->member != (head);						\
	     (pos) = (tmp), (tmp) = D_LIST_NEXT_(pos, member))

/** Link of an element, and head, of a list with a small head. */
typedef struct d_hlist_node {
	struct d_hlist_node	 *next;
	/** the pointer that points here; NULL when in no list */
	struct d_hlist_node	**pprev;
} d_hlist_node_t;

typedef struct {
	d_hlist_node_t	*first;
} d_hlist_head_t;

#define D_HLIST_HEAD_INIT	{ NULL }
#define D_HLIST_HEAD(name)	d_hlist_head_t name = D_HLIST_HEAD_INIT
#define D_INIT_HLIST_HEAD(ptr)	((ptr)->first = NULL)
#define D_INIT_HLIST_NODE(ptr)	((ptr)->next = NULL, (ptr)->pprev = NULL)

static inline int d_hlist_empty(const d_hlist_head_t *h)
{
	return h->first == NULL;
}

/** Is the element in no list? */
static inline int d_hlist_unhashed(const d_hlist_node_t *h)
{
	return h->pprev == NULL;
}

/** Put @n where @slot points to, before what is there. */
static inline void gurt_hlist_put(d_hlist_node_t *n, d_hlist_node_t **slot)
{
	n->next = *slot;
	n->pprev = slot;
	if (n->next != NULL)
		n->next->pprev = &n->next;
	*slot = n;
}

static inline void d_hlist_add_head(d_hlist_node_t *n, d_hlist_head_t *h)
{
	gurt_hlist_put(n, &h->first);
}

static inline void d_hlist_add_before(d_hlist_node_t *n, d_hlist_node_t *next)
{
	gurt_hlist_put(n, next->pprev);
}

/** Insert @n after @prev. */
static inline void d_hlist_add_after(d_hlist_node_t *n, d_hlist_node_t *prev)
{
	gurt_hlist_put(n, &prev->next);
}

static inline void d_hlist_del(d_hlist_node_t *n)
{
	*n->pprev = n->next;
	if (n->next != NULL)
		n->next->pprev = n->pprev;
}

/** Take out if in a list. */
static inline void d_hlist_del_init(d_hlist_node_t *n)
{
	if (d_hlist_unhashed(n))
		return;
	d_hlist_del(n);
	D_INIT_HLIST_NODE(n);
}

#define d_hlist_entry(ptr, type, member)	d_list_entry(ptr, type, member)

#define d_hlist_for_each(pos, head)	\
	for ((pos) = (head)->first; (pos) != NULL; (pos) = (pos)->next)

/** @n holds the next one, so that the current one may be taken out. */
#define d_hlist_for_each_safe(pos, n, head)					\
	for ((pos) = (head)->first; (pos) != NULL && ((n) = (pos)->next, 1); (pos) = (n))

#define d_hlist_for_each_entry(tpos, pos, head, member)				\
	for ((pos) = (head)->first;						\
	     (pos) != NULL &&							\
	     ((tpos) = d_hlist_entry(pos, __typeof__(*tpos), member), 1);	\
	     (pos) = (pos)->next)

#define d_hlist_for_each_entry_safe(tpos, pos, n, head, member)			\
	for ((pos) = (head)->first;						\
	     (pos) != NULL && ((n) = (pos)->next, 1) &&				\
	     ((tpos) = d_hlist_entry(pos, __typeof__(*tpos), member), 1);	\
	     (pos) = (n))

#ifdef __cplusplus
}
#endif

#endif /* GURT_LIST_H */

/* Clients as a server remembers them, and the replies it keeps for their resends. */
#include "core/rpc/rpc_int.h"

static void seen_free(struct rpc *rpc, struct rpc_seen *s)
{
	ASSERT(s->attached == NULL);
	list_del(&s->link);
	s->client->seen_count--;
	rpc->seen_bytes -= sizeof(*s);
	if (s->data != s->small) {
		rpc->seen_bytes -= s->bytes;
		rt_free(rpc->rt, s->data);
	}
	rpc_pool_put(rpc->rt, &rpc->seen_pool, s);
}

/** Nothing of it is here to be done, so nothing points at it. */
static bool client_is_quiet(const struct rpc_client *c)
{
	return c->serving == 0 && c->waiting_count == 0 && c->waiting_priority == 0;
}

static void client_free(struct rpc *rpc, struct rpc_client *c)
{
	ASSERT(client_is_quiet(c));
	while (!list_empty(&c->seen))
		seen_free(rpc, list_first(&c->seen, struct rpc_seen, link));
	list_del(&c->lru);
	rpc_hash_remove(&rpc->clients, &c->hash);
	rt_free(rpc->rt, c);
}

/** Forget the quiet client that was silent longest; not @keep. */
static bool client_forget(struct rpc *rpc, const struct rpc_client *keep)
{
	struct list *pos;

	list_for_each(pos, &rpc->client_lru) {
		struct rpc_client *c = list_entry(pos, struct rpc_client, lru);

		if (c != keep && client_is_quiet(c)) {
			client_free(rpc, c);
			rpc->stats.clients_forgotten++;
			MARK(rpc->rt, "rpc_client_forgotten");
			return true;
		}
	}
	return false;
}

struct rpc_client *rpc_client_get(struct rpc *rpc, uint64_t id)
{
	struct rpc_hnode *n = rpc_hash_find(&rpc->clients, id);
	struct rpc_client *c;

	if (n != NULL) {
		c = container_of(n, struct rpc_client, hash);
		list_del(&c->lru);
		list_add_tail(&rpc->client_lru, &c->lru);
		return c;
	}
	if (rpc->clients.count >= rpc->lim.clients_max && !client_forget(rpc, NULL))
		return NULL;
	c = rt_alloc(rpc->rt, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->hash.key = id;
	list_init(&c->waiting);
	list_init(&c->turn);
	list_init(&c->seen);
	if (rpc_hash_insert(rpc->rt, &rpc->clients, &c->hash) != 0) {
		rt_free(rpc->rt, c);
		return NULL;
	}
	list_add_tail(&rpc->client_lru, &c->lru);
	return c;
}

void rpc_client_acked(struct rpc *rpc, struct rpc_client *c, uint64_t acked)
{
	struct list *pos;
	struct list *tmp;

	if (acked <= c->acked)
		return;
	c->acked = acked;
	list_for_each_safe(pos, tmp, &c->seen) {
		struct rpc_seen *s = list_entry(pos, struct rpc_seen, link);

		if (s->seq >= acked)
			break;
		if (s->done)	/* else the client gave up; it ends by itself */
			seen_free(rpc, s);
	}
}

void rpc_clients_fini(struct rpc *rpc)
{
	while (!list_empty(&rpc->client_lru))
		client_free(rpc, list_first(&rpc->client_lru, struct rpc_client, lru));
}

/* ---- copies --------------------------------------------------------------------------------- */

static void seen_answer(struct rpc *rpc, const struct rpc_seen *s, struct rt_in *in)
{
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, s->data, s->bytes);

	rpc_send_reply(rpc, in, &msg);
	rt_release(rpc->rt, in);
}

/** A second copy of an operation that is in progress or done. */
static void seen_again(struct rpc *rpc, struct rpc_seen *s, const struct wire_head *head,
		       struct rt_in *in)
{
	if (s->done) {
		MARK(rpc->rt, "rpc_replayed");
		rpc->stats.replayed++;
		seen_answer(rpc, s, in);
		return;
	}
	if (s->attached != NULL) {
		rpc_refuse(rpc, in, head, -DER_INPROGRESS);
		return;
	}
	MARK(rpc->rt, "rpc_attached");
	rpc->stats.attached++;
	s->attached = in;
	s->attached_head = *head;
}

/**
 * Room for one more entry of @c? Forgets silent clients for it. The oldest operation that the
 * client waits for always has room: until it is done, the replies behind it cannot be
 * acknowledged.
 */
static bool seen_room(struct rpc *rpc, const struct rpc_client *c, uint64_t seq)
{
	if (seq == c->acked)
		return true;
	if (c->seen_count >= rpc->lim.replies_per_client_max)
		return false;
	while (rpc->seen_bytes + sizeof(struct rpc_seen) > rpc->lim.reply_cache_bytes) {
		if (!client_forget(rpc, c))
			return false;
	}
	return true;
}

enum rpc_seen_verdict rpc_seen_check(struct rpc *rpc, struct rpc_client *c,
				     const struct wire_head *head, struct rt_in *in,
				     struct rpc_seen **ret_seen)
{
	struct list *pos = c->seen.prev;
	struct rpc_seen *s;

	if (head->seq < c->acked) {
		MARK(rpc->rt, "rpc_late_copy");
		rpc->stats.duplicates++;
		rpc_refuse(rpc, in, head, -DER_ALREADY);
		return SEEN_HANDLED;
	}
	/* Operations mostly come in order: the search ends where it begins. */
	for (; head->seq <= c->max_seq && pos != &c->seen; pos = pos->prev) {
		s = list_entry(pos, struct rpc_seen, link);
		if (s->seq < head->seq)
			break;
		if (s->seq == head->seq) {
			seen_again(rpc, s, head, in);
			return SEEN_HANDLED;
		}
	}
	if (!seen_room(rpc, c, head->seq))
		return SEEN_FULL;
	s = rpc_pool_get(rpc->rt, &rpc->seen_pool);
	if (s == NULL)
		return SEEN_FULL;
	s->client = c;
	s->seq = head->seq;
	s->done = false;
	s->attached = NULL;
	s->bytes = 0;
	s->data = s->small;
	list_add(pos, &s->link);	/* behind the last smaller one */
	c->seen_count++;
	c->max_seq = max_u64(c->max_seq, head->seq);
	rpc->seen_bytes += sizeof(*s);
	*ret_seen = s;
	return SEEN_NEW;
}

/** The reply does not fit in memory: a resend hears that nobody knows. */
static void seen_keep_uncertain(struct rpc_seen *s, const void *data)
{
	struct wire_head head;
	int rc = wire_head_decode(data, s->bytes, s->bytes, &head);

	ASSERT(rc == 0);
	head.rc = -DER_TX_UNCERTAIN;
	head.flags &= (uint16_t)~WIRE_HF_BODY;
	head.body_bytes = 0;
	wire_head_encode(&head, s->small);
	s->bytes = WIRE_HEAD_BYTES;
}

void rpc_seen_done(struct rpc *rpc, struct rpc_seen *s, const void *data, uint32_t bytes)
{
	struct rt_in *in = s->attached;
	struct bseg seg;
	struct buf msg = buf_from_bytes(&seg, data, bytes);

	s->attached = NULL;
	if (in != NULL) {
		rpc_send_reply(rpc, in, &msg);
		rt_release(rpc->rt, in);
	}
	s->done = true;
	if (s->seq < s->client->acked) {	/* the client gave up long ago */
		seen_free(rpc, s);
		return;
	}
	s->bytes = bytes;
	if (bytes <= SEEN_BYTES) {
		memcpy(s->small, data, bytes);
		return;
	}
	s->data = rpc->seen_bytes + bytes <= rpc->lim.reply_cache_bytes ? rt_alloc(rpc->rt, bytes)
									: NULL;
	if (s->data == NULL) {
		s->data = s->small;
		seen_keep_uncertain(s, data);
		return;
	}
	memcpy(s->data, data, bytes);
	rpc->seen_bytes += bytes;
}

void rpc_seen_undo(struct rpc *rpc, struct rpc_seen *s)
{
	struct rt_in *in = s->attached;
	struct wire_head head = s->attached_head;

	s->attached = NULL;
	seen_free(rpc, s);
	if (in == NULL)
		return;
	MARK(rpc->rt, "rpc_copy_served_instead");
	if (rpc->stopping)
		rpc_refuse(rpc, in, &head, -DER_SHUTDOWN);
	else
		rpc_serve(rpc, in, &head);
}

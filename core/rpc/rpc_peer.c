/* Peers: a bounded table of streams that were called, their address and their health. */
#include "core/rpc/rpc_int.h"

static void peer_close(struct rpc *rpc, struct rpc_peer *peer)
{
	ASSERT(peer->inflight == 0);
	if (peer->rtp != NULL)
		rt_peer_close(rpc->rt, peer->rtp);
	peer->rtp = NULL;
	peer->reopen = false;
}

static void peer_free(struct rpc *rpc, struct rpc_peer *peer)
{
	ASSERT(peer->ops == 0 && list_empty(&peer->queue) && list_empty(&peer->unacked));
	peer_close(rpc, peer);
	list_del(&peer->lru);
	rpc_hash_remove(&rpc->peers, &peer->hash);
	rt_free(rpc->rt, peer);
}

/** Make room in a full table by closing the peer that was idle longest. */
static int peer_evict(struct rpc *rpc)
{
	struct list *pos;

	list_for_each(pos, &rpc->peer_lru) {
		struct rpc_peer *peer = list_entry(pos, struct rpc_peer, lru);

		if (peer->ops == 0) {
			peer_free(rpc, peer);
			return 0;
		}
	}
	return -DER_AGAIN;
}

static struct rpc_peer *peer_find(struct rpc *rpc, struct rpc_ep ep)
{
	struct rpc_hnode *n = rpc_hash_find(&rpc->peers, rpc_ep_key(ep));

	return n != NULL ? container_of(n, struct rpc_peer, hash) : NULL;
}

int rpc_peer_get(struct rpc *rpc, struct rpc_ep ep, struct rpc_peer **ret_peer)
{
	struct rpc_peer *peer = peer_find(rpc, ep);
	int rc;

	if (peer != NULL) {
		list_del(&peer->lru);
		list_add_tail(&rpc->peer_lru, &peer->lru);
		*ret_peer = peer;
		return 0;
	}
	if (rpc->peers.count >= rpc->lim.peers_max) {
		rc = peer_evict(rpc);
		if (rc != 0)
			return rc;
	}
	peer = rt_alloc(rpc->rt, sizeof(*peer));
	if (peer == NULL)
		return -DER_NOMEM;
	peer->ep = ep;
	peer->state = RPC_PEER_UP;
	peer->hash.key = rpc_ep_key(ep);
	list_init(&peer->queue);
	list_init(&peer->unacked);
	rc = rpc_hash_insert(rpc->rt, &rpc->peers, &peer->hash);
	if (rc != 0) {
		rt_free(rpc->rt, peer);
		return rc;
	}
	list_add_tail(&rpc->peer_lru, &peer->lru);
	*ret_peer = peer;
	return 0;
}

static int peer_open(struct rpc *rpc, struct rpc_peer *peer)
{
	char uri[RT_URI_MAX] = "";
	int rc;

	if (rpc->opts.resolve == NULL)
		return -DER_NONEXIST;
	rc = rpc->opts.resolve(rpc->opts.arg, peer->ep, uri);
	if (rc != 0)
		return rc;
	rc = rt_peer_open(rpc->rt, uri, &peer->rtp);
	if (rc == 0)
		rpc->stats.peer_opens++;
	return rc;
}

int rpc_peer_ready(struct rpc *rpc, struct rpc_peer *peer)
{
	uint64_t now;

	if (peer->state == RPC_PEER_DOWN) {
		now = rt_now_ns(rpc->rt);
		if (now < peer->retry_at_ns)
			return -DER_UNREACH;
		/* One try; the others go on failing until it has an answer. */
		peer->retry_at_ns = now + peer->pause_ns;
	}
	if (peer->reopen && peer->inflight == 0)
		peer_close(rpc, peer);
	return peer->rtp != NULL ? 0 : peer_open(rpc, peer);
}

void rpc_peer_good(struct rpc_peer *peer)
{
	peer->state = RPC_PEER_UP;
	peer->fails = 0;
	peer->pause_ns = 0;
}

void rpc_peer_bad(struct rpc *rpc, struct rpc_peer *peer, uint32_t fail_gen, int rc)
{
	/* All calls in flight fail together when a peer dies: that is one failure. */
	if (fail_gen != peer->fail_gen)
		return;
	peer->fail_gen++;
	peer->fails++;
	/* An address that keeps silent may be somebody else's by now: ask again. */
	if (rc == -DER_UNREACH || peer->fails >= rpc->lim.down_after)
		peer->reopen = true;
	/* Silence alone is no proof: a deadline may be too short for what was asked. */
	if (rc != -DER_UNREACH || peer->fails < rpc->lim.down_after) {
		if (peer->state == RPC_PEER_UP)
			peer->state = RPC_PEER_SUSPECT;
		return;
	}
	if (peer->state != RPC_PEER_DOWN)
		LOG_I(rpc->rt, "rpc", "peer=%u.%u state=down rc=%s", peer->ep.rank, peer->ep.tag,
		      err_name(rc));
	peer->state = RPC_PEER_DOWN;
	peer->pause_ns = peer->pause_ns == 0 ? rpc->lim.reopen_min_ns
					     : min_u64(2 * peer->pause_ns, rpc->lim.reopen_max_ns);
	peer->retry_at_ns = rt_now_ns(rpc->rt) + peer->pause_ns;
}

void rpc_peer_settle(struct rpc *rpc, struct rpc_peer *peer)
{
	if (peer->reopen && peer->inflight == 0)
		peer_close(rpc, peer);
}

enum rpc_peer_state rpc_peer_state(struct rpc *rpc, struct rpc_ep ep)
{
	struct rpc_peer *peer = peer_find(rpc, ep);

	return peer != NULL ? peer->state : RPC_PEER_UNKNOWN;
}

void rpc_peer_reset(struct rpc *rpc, struct rpc_ep ep)
{
	struct rpc_peer *peer = peer_find(rpc, ep);

	if (peer == NULL)
		return;
	rpc_peer_good(peer);
	peer->fail_gen++;
	peer->reopen = true;
	rpc_peer_settle(rpc, peer);
}

void rpc_peers_fini(struct rpc *rpc)
{
	while (!list_empty(&rpc->peer_lru))
		peer_free(rpc, list_first(&rpc->peer_lru, struct rpc_peer, lru));
}

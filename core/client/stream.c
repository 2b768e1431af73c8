/* A client stream's RPC side, and the small things that all of the client uses. */
#include "core/client/client.h"

#define TIMEOUT_MAX_S 86400u
#define TRIES 5u	/* that have room in the time of a call when none is answered */

static int stream_resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	struct cl_stream *s = arg;

	return s->proc->host->resolve(s->proc->host_ctx, ep, ret_uri);
}

struct map_news {
	struct cl_stream *s;
	struct cl_pool *pool;	/* counted */
	uint32_t have;
};

static void refresh_over(struct cl_stream *s, struct cl_pool *pool)
{
	process_lock(s->proc);
	pool->refreshing = false;
	process_unlock(s->proc);
	cl_put(s->proc, &pool->ref);
}

static void map_news_run(void *arg)
{
	struct map_news *n = arg;
	struct cl_stream *s = n->s;

	/* Without success the old map stays, and the next reply reminds us. */
	(void)cl_map_refresh(s, n->pool, n->have);
	refresh_over(s, n->pool);
	rt_free(s->rt, n);
}

/* A reply carried a newer version of the map than the call was placed by: fetch it, once. */
static void stream_on_map(void *arg, const struct rpc_call *call, uint32_t map_version)
{
	struct ult_opts opts = { .name = "map-refresh" };
	struct cl_pool *pool = call->arg;
	struct cl_stream *s = arg;
	struct map_news *n;
	bool stale;

	if (pool == NULL)
		return;
	process_lock(s->proc);
	stale = pool->map != NULL && pool->map->pmap->version < map_version && !pool->refreshing;
	if (stale) {
		pool->refreshing = true;
		pool->ref.refs++;
	}
	process_unlock(s->proc);
	if (!stale)
		return;
	n = rt_alloc(s->rt, sizeof(*n));
	if (n != NULL)
		*n = (struct map_news){ .s = s, .pool = pool, .have = call->map_version };
	if (n == NULL || rt_spawn(s->rt, map_news_run, n, &opts) != 0) {
		rt_free(s->rt, n);
		refresh_over(s, pool);
	}
}

/* CRT_TIMEOUT, in seconds: how long a call may take. What is no number is as if it were not there. */
static void limits_from_env(struct process *p, struct rpc_limits *lim)
{
	const char *text = p->host->env(p->host_ctx, "CRT_TIMEOUT");
	uint64_t v = 0;

	if (text == NULL || text[0] == 0)
		return;
	for (; *text >= '0' && *text <= '9' && v <= TIMEOUT_MAX_S; text++)
		v = v * 10 + (uint64_t)(*text - '0');
	if (*text == 0 && v > 0 && v <= TIMEOUT_MAX_S)
		lim->call_timeout_ns = v * 1000000000ull;
}

/* As rpc_retry_default, and what got lost on the way is sent again: a server applies it once. */
static struct rpc_retry stream_retry(const struct rpc_limits *lim)
{
	static const int rcs[] = { -DER_OVERLOAD_RETRY, -DER_INPROGRESS, -DER_UNREACH,
				   -DER_TIMEDOUT };

	return (struct rpc_retry){ .rcs = rcs, .rcs_nr = ARRAY_COUNT(rcs),
				   .try_timeout_ns = lim->call_timeout_ns / TRIES,
				   .backoff_min_ns = 100000, .backoff_max_ns = 100000000 };
}

int cl_stream_init(struct cl_stream *s, struct process *p, struct rt *rt)
{
	struct rpc_limits lim = rpc_limits_default();
	struct rpc_opts opts = { .limits = &lim, .resolve = stream_resolve, .on_map = stream_on_map,
				 .arg = s, .hlc = &s->hlc };

	s->proc = p;
	s->rt = rt;
	s->hlc = (struct hlc){ 0 };
	rt_waitq_init(&s->events);
	rt->process = p;
	limits_from_env(p, &lim);
	s->retry = stream_retry(&lim);
	return rpc_create(rt, &opts, &s->rpc);
}

void cl_stream_stop(struct cl_stream *s)
{
	(void)rt_wake_all(s->rt, &s->events);	/* pollers of a queue that ends */
	rpc_stop(s->rpc);
}

void cl_stream_fini(struct cl_stream *s)
{
	rpc_destroy(s->rpc);
	s->rpc = NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool cl_uid_parse(const char *str, struct uid *ret_uid)
{
	struct uid u;
	size_t n = 0;
	size_t i;

	if (str == NULL || strlen(str) != 36)
		return false;
	for (i = 0; i < 36; i++) {
		int hi;
		int lo;

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (str[i] != '-')
				return false;
			continue;
		}
		hi = hex_digit(str[i]);
		lo = hex_digit(str[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		u.b[n++] = (uint8_t)(hi << 4 | lo);
		i++;
	}
	*ret_uid = u;
	return true;
}

struct uid cl_uid_make(struct rt *rt)
{
	uint64_t v[2] = { rt_rand(rt, RT_STREAM_ID), rt_rand(rt, RT_STREAM_ID) };
	struct uid u;

	memcpy(u.b, v, sizeof(u.b));
	u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40);
	u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
	return u;
}

/* A client stream's RPC side, and the small things that all of the client uses. */
#include "core/client/client.h"

static int stream_resolve(void *arg, struct rpc_ep ep, char *ret_uri)
{
	struct cl_stream *s = arg;

	return s->proc->host->resolve(s->proc->host_ctx, ep, ret_uri);
}

int cl_stream_init(struct cl_stream *s, struct process *p, struct rt *rt)
{
	struct rpc_opts opts = { .resolve = stream_resolve, .arg = s, .hlc = &s->hlc };

	s->proc = p;
	s->rt = rt;
	s->hlc = (struct hlc){ 0 };
	rt_waitq_init(&s->events);
	rt->process = p;
	return rpc_create(rt, &opts, &s->rpc);
}

void cl_stream_stop(struct cl_stream *s)
{
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

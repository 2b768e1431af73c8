#include "transports/host/attach.h"

#include <stdlib.h>

#include "transports/loop/os.h"
#include "transports/ofi/ofi.h"

#define STACK_BYTES (64u << 10)

struct attach_stream {
	struct cl_stream client;
	struct rt rt;
	struct loop loop;
	struct loop_stream place;
	struct loop_src src;
	struct seat seat;
	struct os_misc misc;
	struct ult_stacks *stacks;
	struct ofi *ofi;
	struct list link;	/* the host's */
	bool loop_made;
	bool rt_made;
	bool client_made;
};

static int src_poll(void *ctx)
{
	return ofi_poll(ctx);
}

static int src_fd(void *ctx)
{
	return ofi_fd(ctx);
}

static int src_arm(void *ctx)
{
	return ofi_arm(ctx);
}

static const struct loop_src_ops src_ops = { .poll = src_poll, .fd = src_fd, .arm = src_arm };

/* Clients take any free port, on shm any free name. */
static int endpoint_open(struct attach_stream *s, const struct sysfile *sys,
			 const struct attach_opts *opts)
{
	struct ofi_opts o = {
		.interface = opts->interface,
		.domain = opts->domain,
		.auth_key = opts->auth_key,
		.numa_node = opts->numa_node,
		.misc = &os_misc_ops,
		.misc_ctx = &s->misc,
	};
	struct sysfile_addr addr;
	int rc;

	rc = sysfile_addr(sys->ranks[0].uri, &addr);
	if (rc != 0)
		return rc;
	o.provider = addr.provider;
	if (strncmp(addr.host, "127.", 4) == 0)
		o.host = "127.0.0.1";	/* engines on loopback are reached from loopback */
	return ofi_open(&o, &s->rt, &s->ofi);
}

static int stream_make(struct attach_stream *s, struct process *p, const struct sysfile *sys,
		       const struct attach_opts *opts)
{
	struct rt_ops ops = {
		.time = &os_time_ops, .net = &ofi_net_ops, .misc = &os_misc_ops,
		.misc_ctx = &s->misc,
	};
	struct rt_opts rt_opts = { .stack_bytes = STACK_BYTES };
	int rc;

	os_misc_init(&s->misc, NULL);
	rc = loop_init(&s->loop, NULL);
	if (rc != 0)
		return rc;
	s->loop_made = true;
	seat_init(&s->seat, &s->loop);
	s->stacks = ult_stacks_create(STACK_BYTES);
	if (s->stacks == NULL)
		return -DER_NOMEM;
	rc = endpoint_open(s, sys, opts);
	if (rc != 0)
		return rc;
	ops.net_ctx = s->ofi;
	rt_opts.stacks = s->stacks;
	rt_init(&s->rt, &ops, &rt_opts);
	s->rt_made = true;
	loop_stream_add(&s->loop, &s->place, &s->rt);
	s->src = (struct loop_src){ .ops = &src_ops, .ctx = s->ofi };
	rc = loop_src_add(&s->place, &s->src, LOOP_SRC_NET);
	if (rc == 0)
		rc = cl_stream_init(&s->client, p, &s->rt);
	if (rc == 0)
		s->client_made = true;
	s->client.host = s;
	return rc;
}

int attach_stream_open(struct process *p, const struct sysfile *sys, const struct attach_opts *opts,
		       struct attach_stream **ret_stream)
{
	struct attach_stream *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -DER_NOMEM;
	rc = stream_make(s, p, sys, opts);
	if (rc != 0) {
		attach_stream_close(s);
		return rc;
	}
	*ret_stream = s;
	return 0;
}

static void client_stop(void *arg)
{
	cl_stream_stop(arg);
}

void attach_stream_close(struct attach_stream *s)
{
	if (s == NULL)
		return;
	if (s->client_made) {
		seat_run_rt(&s->seat, &s->rt, client_stop, &s->client);
		/* The ULT that stopped it still has its end to run; tasks that it ended, too. */
		seat_enter(&s->seat);
		seat_drain(&s->seat, &s->rt);
		seat_exit(&s->seat);
		/* Threads whose calls ended with it leave. */
		seat_wait_empty(&s->seat);
		cl_stream_fini(&s->client);
	}
	if (s->rt_made) {
		if (s->src.loop != NULL)
			loop_src_del(&s->src);
		loop_stream_del(&s->place);
		ofi_stop(s->ofi);
		rt_fini(&s->rt);
	}
	ofi_close(s->ofi);
	ult_stacks_destroy(s->stacks);
	if (s->loop_made) {
		seat_fini(&s->seat);
		loop_close(&s->loop);
		loop_fini(&s->loop);
	}
	(void)os_misc_fini(&s->misc);
	free(s);
}

struct cl_stream *attach_stream_client(struct attach_stream *s)
{
	return &s->client;
}

struct seat *attach_stream_seat(struct attach_stream *s)
{
	return &s->seat;
}

struct list *attach_stream_link(struct attach_stream *s)
{
	return &s->link;
}

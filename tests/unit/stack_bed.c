#include "tests/unit/stack_bed.h"

#include "daos_obj_class.h"

#define DEV_BYTES (64ull << 20)

/* The process of the test: the one that host_self() answers. */
static struct bed *current;

struct process *host_self(void)
{
	return current != NULL ? &current->proc : NULL;
}

int host_init(void)
{
	return current != NULL ? 0 : -DER_NONEXIST;
}

int host_fini(void)
{
	return current != NULL ? 0 : -DER_UNINIT;
}

/* ---- running things on streams -------------------------------------------------------------- */

struct job {
	void (*fn)(void *arg);
	void *arg;
	struct rt *waiter;	/* NULL: the main thread */
	struct rt_event done;
	bool finished;
};

static void job_run(void *arg)
{
	struct job *j = arg;

	j->fn(j->arg);
	j->finished = true;
	if (j->waiter != NULL)
		rt_event_set(j->waiter, &j->done, 0);
}

static bool job_over(void *arg)
{
	return ((struct job *)arg)->finished;
}

static struct rt *running(struct bed *b)
{
	uint32_t i;

	for (i = 0; i < b->client_count; i++)
		if (b->clients[i].open && rt_self(b->clients[i].client.rt) != NULL)
			return b->clients[i].client.rt;
	return NULL;
}

/* Run @fn on a ULT of @rt and wait: from the main thread, or from a ULT of another stream. */
static void run_on(struct bed *b, struct rt *rt, void (*fn)(void *arg), void *arg)
{
	struct job j = { .fn = fn, .arg = arg, .waiter = running(b) };
	struct ult_opts opts = { .name = "script" };

	CHECK(j.waiter != rt);
	rt_event_init(&j.done);
	CHECK_RC(rt_spawn(rt, job_run, &j, &opts), 0);
	if (j.waiter != NULL)
		(void)rt_event_wait(j.waiter, &j.done, RT_NEVER);
	else
		CHECK_RC(local_world_run_until(b->world, job_over, &j, RT_NEVER), 0);
	if (j.waiter == NULL)	/* the last steps of the ULT */
		(void)local_world_step(b->world);
}

static bool no_ults(void *arg)
{
	return ((struct rt *)arg)->ult_count == 0;
}

/* ---- host_ops ------------------------------------------------------------------------------- */

static void stack_used(struct rt *rt, const char *name, uint32_t bytes)
{
	struct bed *b = current;
	uint32_t i;

	(void)rt;
	if (name == NULL)
		name = "?";
	for (i = 0; i < b->stack_names; i++)
		if (strcmp(b->stacks[i].name, name) == 0)
			break;
	if (i == b->stack_names) {
		CHECK(i < ARRAY_COUNT(b->stacks));
		b->stacks[b->stack_names++].name = name;
	}
	if (b->stacks[i].bytes < bytes)
		b->stacks[i].bytes = bytes;
}

static int op_stream_open(void *ctx, struct process *p, struct cl_stream **ret_stream)
{
	struct bed *b = ctx;
	struct fault_plan plan = { .seed = 3, .delay_min_ns = 1000, .delay_max_ns = 1000000 };
	struct bed_client *c = &b->clients[b->client_count];
	char name[32];
	int rc;

	CHECK(b->client_count < BED_CLIENTS_MAX);
	(void)snprintf(name, sizeof(name), "client%u/0", b->client_count);
	*c = (struct bed_client){ 0 };
	rc = local_stream_create(b->world, name, &c->ls);
	if (rc != 0)
		return rc;
	local_stream_rt(c->ls)->on_stack_used = stack_used;
	if (b->opts.flags & BED_FAULTS)
		CHECK_RC(wrap_fault_attach(local_stream_rt(c->ls), &plan, &c->fault), 0);
	if (b->opts.flags & BED_TRACE)
		CHECK_RC(wrap_trace_attach(local_stream_rt(c->ls), &b->log, 0, &c->trace), 0);
	b->client_count++;
	rc = cl_stream_init(&c->client, p, local_stream_rt(c->ls));
	CHECK_RC(rc, 0);
	c->open = true;
	*ret_stream = &c->client;
	return 0;
}

static void client_stop(void *arg)
{
	cl_stream_stop(arg);
}

/* What is left of the stream is taken down at the end, outside of ULTs. */
static void op_stream_close(void *ctx, struct cl_stream *s)
{
	struct bed_client *c = container_of(s, struct bed_client, client);
	struct bed *b = ctx;

	struct rt *caller = running(b);

	CHECK(c->open);
	run_on(b, s->rt, client_stop, s);
	while (s->rt->ult_count > 0 && caller != NULL)	/* those that the stop has woken */
		rt_sleep_ns(caller, 1000);
	if (caller == NULL)
		CHECK_RC(local_world_run_until(b->world, no_ults, s->rt, RT_NEVER), 0);
	c->open = false;
}

static void task_run(void *arg)
{
	struct cl_task *t = arg;

	t->fn(t);
}

static void op_run(void *ctx, struct cl_stream *s, struct cl_task *t)
{
	struct bed *b = ctx;

	t->stream = s;
	if (rt_self(s->rt) != NULL)
		t->fn(t);
	else
		run_on(b, s->rt, task_run, t);
}

static void op_post(void *ctx, struct cl_stream *s, struct cl_task *t)
{
	struct ult_opts opts = { .name = "call" };

	(void)ctx;
	t->stream = s;
	CHECK_RC(rt_spawn(s->rt, task_run, t, &opts), 0);
}

static void op_lock(void *ctx)
{
	struct bed *b = ctx;

	CHECK(!b->locked);
	b->locked = true;
}

static void op_unlock(void *ctx)
{
	struct bed *b = ctx;

	CHECK(b->locked);
	b->locked = false;
}

static void *op_alloc(void *ctx, size_t bytes)
{
	return arena_alloc(&((struct bed *)ctx)->proc_mem, bytes, 0);
}

static void op_free(void *ctx, void *ptr)
{
	arena_free(&((struct bed *)ctx)->proc_mem, ptr);
}

static int op_resolve(void *ctx, struct rpc_ep ep, char *ret_uri)
{
	struct bed *b = ctx;

	if (ep.rank >= b->opts.ranks || ep.tag > b->opts.targets)
		return -DER_NONEXIST;
	(void)snprintf(ret_uri, RT_URI_MAX, LOCAL_URI_PREFIX "engine%u/%u", ep.rank, ep.tag);
	return 0;
}

static uint32_t op_leader(void *ctx)
{
	(void)ctx;
	return 0;
}

static const char *op_system(void *ctx)
{
	(void)ctx;
	return BED_SYSTEM;
}

static const char *op_env(void *ctx, const char *name)
{
	return strcmp(name, "CRT_TIMEOUT") == 0 ? ((struct bed *)ctx)->crt_timeout : NULL;
}

static bool op_phantom(void *ctx, void *ptr, uint64_t bytes, uint32_t access, struct bseg *ret_seg)
{
	struct bed *b = ctx;
	char *at = ptr;
	uint32_t i;

	for (i = 0; i < b->window_count; i++) {
		struct bed_window *w = &b->windows[i];

		if (at < w->ptr || at >= w->ptr + w->bytes)
			continue;
		CHECK(bytes <= (uint64_t)(w->ptr + w->bytes - at));
		if (access == RT_ACCESS_READ)
			(void)buf_from_gen(ret_seg, w->gen, (uint64_t)(at - w->ptr), bytes);
		else
			(void)buf_from_sink(ret_seg, &w->sink, (uint64_t)(at - w->ptr), bytes);
		return true;
	}
	return false;
}

struct bed_window *bed_window(struct bed *b, void *ptr, uint64_t bytes, uint64_t gen)
{
	struct bed_window *w = &b->windows[b->window_count++];

	CHECK(b->window_count <= BED_WINDOWS_MAX);
	*w = (struct bed_window){ .ptr = ptr, .bytes = bytes, .gen = gen };
	bsink_init(&w->sink, bytes, w->runs, ARRAY_COUNT(w->runs));
	return w;
}

static const void *op_share(void *ctx, const void *data, size_t bytes)
{
	void *copy = malloc(bytes);

	(void)ctx;
	if (copy != NULL)
		memcpy(copy, data, bytes);
	return copy;
}

static void op_unshare(void *ctx, const void *shared)
{
	(void)ctx;
	free((void *)(uintptr_t)shared);
}

static const struct host_ops bed_ops = {
	.stream_open = op_stream_open,
	.stream_close = op_stream_close,
	.run = op_run,
	.post = op_post,
	.lock = op_lock,
	.unlock = op_unlock,
	.alloc = op_alloc,
	.free = op_free,
	.share = op_share,
	.unshare = op_unshare,
	.resolve = op_resolve,
	.leader = op_leader,
	.system = op_system,
	.env = op_env,
	.phantom = op_phantom,
};

/* ---- engines -------------------------------------------------------------------------------- */

struct bed_server *bed_server(struct bed *b, uint32_t rank, uint32_t tag)
{
	return &b->servers[rank * (b->opts.targets + 1) + tag];
}

static int server_open(struct bed_server *v)
{
	struct bed *b = v->bed;
	struct node_ranks ranks = { .nr = b->opts.ranks, .ranks = b->rank_ids,
				    .target_counts = b->target_counts };
	bool wants_dev = (b->opts.flags & BED_DEVS) && (v->tag > 0 || v->rank == 0);
	char name[48];
	int rc = 0;

	(void)snprintf(name, sizeof(name), "mem:%u.%u", v->rank, v->tag);
	if (wants_dev)
		rc = rt_dev_open(v->rt, name, DEV_BYTES, RT_DEV_CREATE, &v->dev);
	if (rc == 0 && wants_dev && v->format)
		rc = v->tag == 0 ? node_sys_format(v->rt, &v->node, v->dev, &ranks, 0)
				 : node_tgt_format(v->rt, &v->node, v->dev, v->tag - 1, 0);
	if (rc != 0)
		return rc;
	if (v->tag == 0)
		return node_sys_start(v->rt, &v->node, v->dev, v->dev == NULL ? &ranks : NULL,
				      &v->sys);
	return node_tgt_start(v->rt, &v->node, v->dev, v->tag - 1, &v->tgt);
}

static void server_start_fn(void *arg)
{
	struct bed_server *v = arg;

	v->rc = server_open(v);
}

void bed_server_start(struct bed_server *v, bool format)
{
	struct fault_plan plan = { .seed = 5 + v->tag, .delay_min_ns = 1000,
				   .delay_max_ns = 1000000 };
	struct bed *b = v->bed;
	char name[32];

	v->format = format;
	v->node = (struct node_opts){ .system = BED_SYSTEM, .pool = BED_POOL, .rank = v->rank,
				      .leader_rank = 0, .resolve = op_resolve, .arg = b };
	(void)snprintf(name, sizeof(name), "engine%u/%u", v->rank, v->tag);
	CHECK_RC(local_stream_create(b->world, name, &v->ls), 0);
	v->rt = local_stream_rt(v->ls);
	v->rt->on_stack_used = stack_used;
	if (b->opts.flags & BED_FAULTS)
		CHECK_RC(wrap_fault_attach(v->rt, &plan, &v->fault), 0);
	if (b->opts.flags & BED_TRACE)
		CHECK_RC(wrap_trace_attach(v->rt, &b->log, 0, &v->trace), 0);
	run_on(b, v->rt, server_start_fn, v);
	CHECK_RC(v->rc, 0);
}

static void server_stop_fn(void *arg)
{
	struct bed_server *v = arg;

	node_sys_stop(v->sys);
	node_tgt_stop(v->tgt);
	rt_dev_close(v->rt, v->dev);
}

/* What is delayed still comes. */
static void fault_end(struct bed *b, struct wrap_fault *f)
{
	if (f == NULL)
		return;
	wrap_fault_heal(f);
	while (!wrap_fault_idle(f))
		bed_settle(b);
	wrap_fault_detach(f);
}

void bed_server_stop(struct bed_server *v)
{
	run_on(v->bed, v->rt, server_stop_fn, v);
	CHECK_RC(local_world_run_until(v->bed->world, no_ults, v->rt, RT_NEVER), 0);
	if (v->trace != NULL)
		wrap_trace_detach(v->trace);
	v->trace = NULL;
	fault_end(v->bed, v->fault);
	v->fault = NULL;
	CHECK_RC(local_stream_close(v->ls), 0);
	v->ls = NULL;
	v->dev = NULL;
	v->sys = NULL;
	v->tgt = NULL;
}

void bed_server_kill(struct bed_server *v)
{
	local_stream_kill(v->ls);
	v->ls = NULL;
	v->dev = NULL;
	v->sys = NULL;
	v->tgt = NULL;
	v->fault = NULL;
	v->trace = NULL;
}

/* ---- the bed -------------------------------------------------------------------------------- */

struct bed *bed_new(const struct bed_opts *opts)
{
	struct local_opts lo = { .flags = LOCAL_VIRTUAL | LOCAL_SEEDED };
	struct bed *b = calloc(1, sizeof(*b));
	struct cl_stream *s;
	uint32_t r;
	uint32_t t;

	CHECK(b != NULL && current == NULL);
	b->opts = *opts;
	b->opts.ranks = opts->ranks != 0 ? opts->ranks : 1;
	b->opts.targets = opts->targets != 0 ? opts->targets : 4;
	lo.seed = opts->seed + 1;
	if (opts->flags & BED_PAINT)
		lo.flags |= LOCAL_PAINT;
	b->server_count = b->opts.ranks * (b->opts.targets + 1);
	CHECK(b->server_count <= BED_SERVERS_MAX);
	CHECK_RC(local_world_create(&lo, &b->world), 0);
	current = b;
	arena_init(&b->proc_mem);
	process_init(&b->proc, &bed_ops, b);
	for (r = 0; r < b->opts.ranks; r++) {
		b->rank_ids[r] = r;
		b->target_counts[r] = b->opts.targets;
	}
	for (r = 0; r < b->opts.ranks; r++)
		for (t = 0; t <= b->opts.targets; t++) {
			struct bed_server *v = bed_server(b, r, t);

			*v = (struct bed_server){ .bed = b, .rank = r, .tag = t };
			bed_server_start(v, true);
		}
	CHECK_RC(process_main(&b->proc, &s), 0);
	return b;
}

static void client_end(struct bed *b, struct bed_client *c)
{
	struct rt *rt = c->client.rt;

	CHECK_RC(local_world_run_until(b->world, no_ults, rt, RT_NEVER), 0);
	cl_stream_fini(&c->client);
	if (c->trace != NULL)
		wrap_trace_detach(c->trace);
	fault_end(b, c->fault);
	CHECK_RC(local_stream_close(c->ls), 0);
}

void bed_end(struct bed *b)
{
	struct local_stats st;
	uint32_t i;

	bed_settle(b);
	op_stream_close(b, b->proc.main);
	b->proc.main = NULL;
	process_fini(&b->proc);
	for (i = 0; i < b->client_count; i++) {
		CHECK(!b->clients[i].open);
		client_end(b, &b->clients[i]);
	}
	for (i = b->server_count; i-- > 0;)
		if (b->servers[i].ls != NULL)
			bed_server_stop(&b->servers[i]);
	CHECK_EQ(b->proc_mem.count, 0);
	local_world_query(b->world, &st);
	CHECK_EQ(st.live_messages, 0);
	local_world_destroy(b->world);
	current = NULL;
	free(b);
}

void bed_settle(struct bed *b)
{
	local_world_run(b->world);
}

static void script_fn(void *arg)
{
	struct bed *b = arg;

	b->script(b);
	b->finished = true;
}

void bed_run(struct bed *b, void (*fn)(struct bed *b))
{
	b->script = fn;
	b->finished = false;
	run_on(b, bed_main(b)->rt, script_fn, b);
	CHECK(b->finished);
}

void bed_once(void (*fn)(struct bed *b))
{
	struct bed_opts opts = { 0 };
	struct bed *b = bed_new(&opts);

	bed_run(b, fn);
	bed_end(b);
}

void bed_reopen_main(struct bed *b)
{
	op_stream_close(b, b->proc.main);
	b->proc.main = NULL;
}

struct cl_stream *bed_main(struct bed *b)
{
	return b->proc.main;
}

/* ---- small helpers for scripts -------------------------------------------------------------- */

void bed_connect(struct bed *b)
{
	CHECK_RC(daos_pool_connect2(BED_POOL, BED_SYSTEM, DAOS_PC_RW, &b->poh, NULL, NULL), 0);
	CHECK_RC(daos_cont_create_with_label(b->poh, "cont", NULL, NULL, NULL), 0);
	CHECK_RC(daos_cont_open2(b->poh, "cont", DAOS_COO_RW, &b->coh, NULL, NULL), 0);
}

void bed_disconnect(struct bed *b)
{
	CHECK_RC(daos_cont_close(b->coh, NULL), 0);
	CHECK_RC(daos_pool_disconnect(b->poh, NULL), 0);
}

daos_handle_t bed_obj(struct bed *b, uint64_t n, enum daos_otype_t type, daos_oclass_id_t cid)
{
	daos_obj_id_t oid = { .lo = n };
	daos_handle_t oh;

	CHECK_RC(daos_obj_generate_oid2(b->coh, &oid, type, cid, 0, 0), 0);
	CHECK_RC(daos_obj_open(b->coh, oid, DAOS_OO_RW, &oh, NULL), 0);
	return oh;
}

int bed_put(daos_handle_t oh, const char *dkey, const char *akey, const void *v, size_t bytes,
	    uint64_t flags)
{
	daos_iod_t iod = { .iod_type = DAOS_IOD_SINGLE, .iod_size = bytes, .iod_nr = 1 };
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_key_t key;

	bed_key(&key, dkey);
	bed_key(&iod.iod_name, akey);
	d_iov_set(&iov, (void *)(uintptr_t)v, bytes);
	return daos_obj_update(oh, DAOS_TX_NONE, flags, &key, 1, &iod, bytes > 0 ? &sgl : NULL,
			       NULL);
}

int bed_get(daos_handle_t oh, const char *dkey, const char *akey, void *v, size_t cap,
	    uint64_t flags, size_t *ret_bytes)
{
	daos_iod_t iod = { .iod_type = DAOS_IOD_SINGLE, .iod_size = cap, .iod_nr = 1 };
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_key_t key;
	int rc;

	bed_key(&key, dkey);
	bed_key(&iod.iod_name, akey);
	d_iov_set(&iov, v, cap);
	rc = daos_obj_fetch(oh, DAOS_TX_NONE, flags, &key, 1, &iod, v != NULL ? &sgl : NULL, NULL,
			    NULL);
	if (ret_bytes != NULL)
		*ret_bytes = iod.iod_size;
	return rc;
}

static int extent(daos_handle_t oh, const char *dkey, const char *akey, daos_recx_t *recx,
		  uint64_t rec, void *v, bool write)
{
	daos_iod_t iod = { .iod_type = DAOS_IOD_ARRAY, .iod_size = rec, .iod_nr = 1,
			   .iod_recxs = recx };
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_key_t key;

	bed_key(&key, dkey);
	bed_key(&iod.iod_name, akey);
	d_iov_set(&iov, v, rec * recx->rx_nr);
	if (write)
		return daos_obj_update(oh, DAOS_TX_NONE, 0, &key, 1, &iod, rec > 0 ? &sgl : NULL,
				       NULL);
	return daos_obj_fetch(oh, DAOS_TX_NONE, 0, &key, 1, &iod, &sgl, NULL, NULL);
}

int bed_write(daos_handle_t oh, const char *dkey, const char *akey, uint64_t rec, uint64_t idx,
	      uint64_t nr, const void *v)
{
	daos_recx_t recx = { .rx_idx = idx, .rx_nr = nr };

	return extent(oh, dkey, akey, &recx, rec, (void *)(uintptr_t)v, true);
}

int bed_read(daos_handle_t oh, const char *dkey, const char *akey, uint64_t rec, uint64_t idx,
	     uint64_t nr, void *v)
{
	daos_recx_t recx = { .rx_idx = idx, .rx_nr = nr };

	return extent(oh, dkey, akey, &recx, rec, v, false);
}

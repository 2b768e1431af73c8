/* One rank: options, phases, clean-up. Errors are agreed upon after each phase, so that all ranks
 * go on or stop together. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "workloads/common/wl_size.h"
#include "workloads/ior/ior_int.h"

#define NS 1e-9
#define TEXT_BYTES 64u
#define END_BYTES 256u	/* of each end of a transfer that is looked at while time is measured */

static const char *const access_verbs[] = { "write", "read", "check" };

/** How much of what was read is compared. */
enum look { LOOK_NOT = 0, LOOK_ENDS, LOOK_ALL };

/** One rank's part of a phase; times count from the barrier at its start. */
struct part {
	enum ior_access access;
	enum look look;
	uint32_t writer;	/* whose data it moves */
	bool early;		/* stonewall or Ctrl-C */
	uint64_t zero_ns;
	double opened_s;
	double moved_s;
	double closing_s;
	double closed_s;
	uint64_t done;		/* transfers */
	uint64_t verified_bytes;
	uint64_t errors;	/* transfers with wrong data */
	int rc;
};

/* ---- complaints --------------------------------------------------------------------------- */

/* Only the first trouble of a phase is worth telling: the rest follows from it. */
static void complain(struct ior *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct ior *r, const char *fmt, ...)
{
	va_list ap;

	if (r->complaint[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r->complaint, sizeof(r->complaint), fmt, ap);
	va_end(ap);
}

/* Of thousands of ranks with the same trouble one is heard, with a count. */
static int complaints_tell(struct ior *r)
{
	bool mine = r->complaint[0] != '\0';
	double first = mine ? r->env->rank : r->env->size, count = mine ? 1 : 0;
	int rc;

	rc = wl_reduce(r->env, WL_MIN, &first, 1);
	if (rc == 0)
		rc = wl_reduce(r->env, WL_SUM, &count, 1);
	if (rc == 0 && count > 0) {
		rc = wl_bcast(r->env, r->complaint, sizeof(r->complaint), (uint32_t)first);
		if (rc == 0 && r->env->rank == 0) {
			wl_printf(r->env, WL_ERR, "ior: rank %.0f: %s\n", first, r->complaint);
			if (count > 1)
				wl_printf(r->env, WL_ERR, "ior: %.0f other ranks had trouble too\n",
					  count - 1);
		}
	} else if (rc != 0 && mine) {
		wl_printf(r->env, WL_ERR, "ior: rank %u: %s\n", r->env->rank, r->complaint);
	}
	r->complaint[0] = '\0';
	return rc;
}

/* ---- transfers ---------------------------------------------------------------------------- */

static const char *path_of(struct ior *r, uint32_t task)
{
	if (!r->opts.file_per_task)
		return r->opts.path;
	(void)snprintf(r->path, r->path_cap, "%s.%08u", r->opts.path, task);
	return r->path;
}

static double since(struct ior *r, const struct part *p)
{
	return (double)(wl_now_ns(r->env) - p->zero_ns) * NS;
}

/* Compare [at, at + bytes) of the transfer at @off that is in the buffer. */
static bool piece_right(struct ior *r, struct part *p, uint64_t off, uint64_t at, uint64_t bytes)
{
	uint64_t wrong, first = 0;

	wrong = wl_verify(r->env, (uint8_t *)r->buf + at, bytes, ior_plan_gen(p->writer), off + at,
			  &first);
	if (wrong > 0)
		complain(r,
			 "%s: wrong data at offset %llu, which rank %u wrote (%llu of the "
			 "%llu bytes at offset %llu)",
			 path_of(r, p->writer), (unsigned long long)(off + at + first), p->writer,
			 (unsigned long long)wrong, (unsigned long long)bytes,
			 (unsigned long long)(off + at));
	return wrong == 0;
}

static void look(struct ior *r, struct part *p, uint64_t off)
{
	uint64_t bytes = r->opts.xfer_bytes, end = min_u64(bytes, END_BYTES);
	bool right;

	if (p->look == LOOK_ALL) {
		right = piece_right(r, p, off, 0, bytes);
		p->verified_bytes += bytes;
	} else {
		right = piece_right(r, p, off, 0, end) && piece_right(r, p, off, bytes - end, end);
	}
	p->errors += right ? 0 : 1;
}

static int transfer_write(struct ior *r, struct part *p, struct aiori_file *f, uint64_t off)
{
	uint64_t bytes = r->opts.xfer_bytes;
	uint8_t *data = r->buf;

	if (r->ready != NULL)
		data = (uint8_t *)r->ready + p->done * bytes;
	else
		wl_fill(r->env, data, bytes, ior_plan_gen(p->writer), off);
	return r->a.ops->write(&r->a, f, data, bytes, off);
}

static int transfer(struct ior *r, struct part *p, struct aiori_file *f, uint64_t off)
{
	uint64_t bytes = r->opts.xfer_bytes, got = bytes;
	char text[TEXT_BYTES];
	int rc;

	if (p->access == IOR_WRITE)
		rc = transfer_write(r, p, f, off);
	else
		rc = r->a.ops->read(&r->a, f, r->buf, bytes, off, &got);
	if (rc != 0) {
		complain(r, "%s of %llu bytes at offset %llu of %s: %s",
			 p->access == IOR_WRITE ? "write" : "read", (unsigned long long)bytes,
			 (unsigned long long)off, path_of(r, p->writer),
			 aiori_strerror(rc, text, sizeof(text)));
	} else if (got < bytes) {
		complain(r, "read at offset %llu of %s: the file ends %llu bytes too early",
			 (unsigned long long)off, path_of(r, p->writer),
			 (unsigned long long)(bytes - got));
		rc = EIO;
	}
	if (rc == 0 && p->look != LOOK_NOT)
		look(r, p, off);
	return rc;
}

static void transfers(struct ior *r, struct part *p, struct aiori_file *f)
{
	uint64_t count = p->access == IOR_WRITE ? ior_plan_count(&r->plan) : r->written, off;
	const char *what = access_verbs[p->access];

	while (p->done < count && p->rc == 0) {
		p->early = wl_stopped(r->env) ||
			   (r->opts.stonewall_s > 0 && p->access != IOR_CHECK &&
			    since(r, p) - p->opened_s >= (double)r->opts.stonewall_s);
		if (p->early)
			break;
		if (p->access == IOR_WRITE)
			off = ior_plan_offset(&r->plan, p->writer, p->done);
		else
			off = ior_plan_read_offset(&r->plan, p->writer, count, p->done);
		p->rc = transfer(r, p, f, off);
		p->done += p->rc == 0 ? 1 : 0;
		if (r->env->rank == 0)
			wl_progress(r->env, &r->bar, what, p->done, count);
	}
	wl_progress_end(r->env, &r->bar);
}

/* Open, move, sync, close. */
static void part_run(struct ior *r, struct part *p)
{
	uint32_t flags = r->opts.file_per_task ? 0 : AIORI_SHARED;
	struct aiori_file *f = NULL;
	char text[TEXT_BYTES];
	int rc;

	if (p->access == IOR_WRITE)
		flags |= AIORI_WRITE | AIORI_CREATE;
	p->zero_ns = wl_now_ns(r->env);
	p->rc = r->a.ops->open(&r->a, path_of(r, p->writer), flags, &f);
	p->opened_s = since(r, p);
	if (p->rc != 0)
		complain(r, "opening %s: %s", path_of(r, p->writer),
			 aiori_strerror(p->rc, text, sizeof(text)));
	else
		transfers(r, p, f);
	if (p->rc == 0 && r->opts.fsync && p->access == IOR_WRITE) {
		p->rc = r->a.ops->fsync(&r->a, f);
		if (p->rc != 0)
			complain(r, "fsync of %s: %s", path_of(r, p->writer),
				 aiori_strerror(p->rc, text, sizeof(text)));
	}
	p->moved_s = p->closing_s = since(r, p);
	if (f != NULL) {
		rc = r->a.ops->close(&r->a, f);
		if (rc != 0 && p->rc == 0) {
			p->rc = rc;
			complain(r, "closing %s: %s", path_of(r, p->writer),
				 aiori_strerror(rc, text, sizeof(text)));
		}
	}
	p->closed_s = since(r, p);
}

/* ---- phases ------------------------------------------------------------------------------- */

/* All ranks' parts make a row. Errors: -DER_CANCELED. */
static int parts_reduce(struct ior *r, const struct part *p, struct ior_row *ret_row)
{
	double max[] = { p->opened_s, p->moved_s, p->closed_s,
			 p->rc != 0,  p->early,	  wl_stopped(r->env) };
	double min[] = { p->opened_s, p->closing_s, (double)p->done };
	double sum[] = { (double)p->done, (double)p->verified_bytes, (double)p->errors };
	int rc;

	rc = wl_reduce(r->env, WL_MAX, max, ARRAY_COUNT(max));
	if (rc == 0)
		rc = wl_reduce(r->env, WL_MIN, min, ARRAY_COUNT(min));
	if (rc == 0)
		rc = wl_reduce(r->env, WL_SUM, sum, ARRAY_COUNT(sum));
	if (rc != 0)
		return rc;
	r->failed = r->failed || max[3] > 0;
	r->interrupted = r->interrupted || max[5] > 0;
	r->verified_bytes += sum[1];
	r->errors += sum[2];
	if (p->access == IOR_WRITE)
		r->written = (uint64_t)min[2];
	ret_row->bytes = sum[0] * (double)r->opts.xfer_bytes;
	ret_row->ops = sum[0];
	ret_row->open_s = max[0];
	ret_row->io_s = max[1] - min[0];
	ret_row->close_s = fmax(max[2] - min[1], 0);
	ret_row->total_s = max[2];
	ret_row->partial = max[4] > 0 || max[3] > 0;
	return 0;
}

static bool reads_checked(const struct ior *r)
{
	return r->opts.check_read || r->opts.world != NULL;
}

/* Making data costs about what moving it does: what fits into spare memory is made in advance. */
static void make_ready(struct ior *r)
{
	uint64_t count = ior_plan_count(&r->plan), bytes = r->opts.xfer_bytes, k;
	uint32_t me = r->env->rank;

	if (r->ready == NULL && count <= r->env->spare_bytes / bytes)
		r->ready = wl_alloc_data(r->env, count * bytes);
	for (k = 0; r->ready != NULL && k < count; k++)
		wl_fill(r->env, (uint8_t *)r->ready + k * bytes, bytes, ior_plan_gen(me),
			ior_plan_offset(&r->plan, me, k));
}

/* One measured phase. Errors: -DER_CANCELED; what went wrong with I/O is in r->failed. */
static int phase_run(struct ior *r, enum ior_access access, uint64_t repetition)
{
	struct ior_row row = { .access = access, .repetition = repetition };
	struct part p = { .access = access, .writer = r->env->rank };
	char text[TEXT_BYTES];
	int rc;

	if (access != IOR_WRITE)
		p.writer = ior_plan_writer(&r->plan, r->env->rank, r->opts.reorder,
					   r->env->node_ranks);
	if (access == IOR_CHECK)
		p.look = LOOK_ALL;
	else if (access == IOR_READ && reads_checked(r))
		p.look = LOOK_ENDS;
	if (access == IOR_WRITE)
		make_ready(r);
	if (r->env->rank == 0 && r->opts.verbose > 0)
		wl_printf(r->env, WL_OUT, "%s of %s by %u tasks begins\n", access_verbs[access],
			  wl_size_format(ior_plan_total_bytes(&r->plan), text, sizeof(text)),
			  r->env->size);
	rc = wl_barrier(r->env);
	if (rc != 0)
		return rc;
	part_run(r, &p);
	rc = parts_reduce(r, &p, &row);
	if (rc == 0)
		ior_report_row(r, &row);
	if (r->opts.verbose > 1)
		wl_printf(r->env, WL_OUT, "rank %u: %llu transfers, open %.6f s, wr/rd %.6f s\n",
			  r->env->rank, (unsigned long long)p.done, p.opened_s,
			  p.moved_s - p.opened_s);
	if (complaints_tell(r) != 0)
		rc = -DER_CANCELED;
	return rc;
}

/* Remove this repetition's files; with @row the time makes a line of the table. */
static int files_remove(struct ior *r, uint64_t repetition, bool row)
{
	uint64_t start;
	char text[TEXT_BYTES];
	double s, failed;
	int rc;

	rc = wl_barrier(r->env);
	if (rc != 0)
		return rc;
	start = wl_now_ns(r->env);
	if (r->opts.file_per_task || r->env->rank == 0)
		rc = r->a.ops->remove(&r->a, path_of(r, r->env->rank));
	if (rc != 0)
		complain(r, "removing %s: %s", path_of(r, r->env->rank),
			 aiori_strerror(rc, text, sizeof(text)));
	s = (double)(wl_now_ns(r->env) - start) * NS;
	failed = rc != 0;
	rc = wl_reduce(r->env, WL_MAX, &s, 1);
	if (rc == 0)
		rc = wl_reduce(r->env, WL_MAX, &failed, 1);
	if (rc != 0)
		return rc;
	r->failed = r->failed || failed > 0;
	if (row)
		ior_report_remove(r, repetition, s);
	return complaints_tell(r);
}

static bool go_on(const struct ior *r)
{
	return !r->failed && !r->interrupted;
}

static int repetition_run(struct ior *r, uint64_t repetition)
{
	int rc = 0;

	r->written = ior_plan_count(&r->plan);
	if (r->opts.write) {
		rc = files_remove(r, repetition, false);
		if (rc == 0 && go_on(r))
			rc = phase_run(r, IOR_WRITE, repetition);
	}
	if (rc == 0 && go_on(r) && r->opts.check_write)
		rc = phase_run(r, IOR_CHECK, repetition);
	if (rc == 0 && go_on(r) && r->opts.read)
		rc = phase_run(r, IOR_READ, repetition);
	if (rc == 0 && go_on(r) && r->opts.read && reads_checked(r))
		rc = phase_run(r, IOR_CHECK, repetition);
	if (rc == 0 && !r->opts.keep)
		rc = files_remove(r, repetition, go_on(r));
	return rc;
}

/* ---- the run ------------------------------------------------------------------------------ */

static char *command_line(struct wl_env *env, int argc, char **argv)
{
	size_t len = 1;
	char *line, *at;
	int i;

	for (i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	line = at = wl_alloc(env, len);
	for (i = 0; i < argc && line != NULL; i++)
		at += snprintf(at, len - (size_t)(at - line), "%s%s", i > 0 ? " " : "", argv[i]);
	return line;
}

static int prepare(struct ior *r, int argc, char **argv)
{
	const struct ior_opts *o = &r->opts;
	bool ok;

	r->plan = (struct ior_plan){
		.block_bytes = o->block_bytes,
		.xfer_bytes = o->xfer_bytes,
		.segments = o->segments,
		.tasks = r->env->size,
		.file_per_task = o->file_per_task,
		.random = o->random,
	};
	r->a = (struct aiori){ .ops = aiori_find(o->api), .env = r->env, .opts = o };
	if (r->a.ops == NULL) {
		if (r->env->rank == 0)
			wl_printf(r->env, WL_ERR, "ior: -a: this program was built without %s\n",
				  o->api);
		return -DER_INVAL;
	}
	r->path_cap = strlen(o->path) + 16;
	r->path = wl_alloc(r->env, r->path_cap);
	r->buf = wl_alloc_data(r->env, o->xfer_bytes);
	ok = r->path != NULL && r->buf != NULL;
	if (r->env->rank == 0) {
		r->argv_line = command_line(r->env, argc, argv);
		ok = ok && r->argv_line != NULL;
	}
	if (!ok)
		complain(r, "no memory for transfers of %llu bytes",
			 (unsigned long long)o->xfer_bytes);
	return aiori_agree(r->env, ok ? 0 : ENOMEM);
}

static int exit_code(const struct ior *r, int rc)
{
	if (rc != 0 || r->failed || r->errors > 0)
		return IOR_EXIT_FAILED;
	return r->interrupted ? IOR_EXIT_INTERRUPTED : 0;
}

/* A rank is gone, so nobody can agree on anything: what this rank made goes, as far as it goes. */
static void files_drop(struct ior *r)
{
	if (r->opts.write && !r->opts.keep && (r->opts.file_per_task || r->env->rank == 0))
		(void)r->a.ops->remove(&r->a, path_of(r, r->env->rank));
}

static int run(struct ior *r)
{
	char text[TEXT_BYTES];
	uint64_t i;
	int rc;

	rc = r->a.ops->start(&r->a);
	if (rc != 0) {
		if (r->env->rank == 0 && rc != -DER_CANCELED)
			wl_printf(r->env, WL_ERR, "ior: starting %s: %s\n", r->opts.api,
				  aiori_strerror(rc, text, sizeof(text)));
		r->a.ops->stop(&r->a);
		return rc;
	}
	ior_report_head(r);
	for (i = 0; i < r->opts.repetitions && rc == 0 && go_on(r); i++)
		rc = repetition_run(r, i);
	if (rc == 0)
		ior_report_summary(r);
	else
		files_drop(r);
	r->a.ops->stop(&r->a);
	return rc;
}

int ior_main(struct wl_env *env, int argc, char **argv)
{
	char why[IOR_COMPLAINT_BYTES] = "";
	struct ior *r;
	int rc;

	r = wl_alloc(env, sizeof(*r));
	rc = aiori_agree(env, r == NULL ? ENOMEM : 0);
	if (rc != 0) {
		wl_free(env, r);
		return IOR_EXIT_FAILED;
	}
	*r = (struct ior){ .env = env };
	rc = ior_opts_parse(argc, argv, &r->opts, why, sizeof(why));
	if (rc == 0 && r->opts.tasks > 0 && r->opts.tasks != env->size) {
		(void)snprintf(why, sizeof(why),
			       "-N %llu: expected: %u, the tasks that were started",
			       (unsigned long long)r->opts.tasks, env->size);
		rc = -DER_INVAL;
	}
	if (rc != 0 && env->rank == 0)
		wl_printf(env, WL_ERR, "ior: %s\n", why);
	if (rc == 0 && r->opts.help && env->rank == 0)
		ior_help(env);
	if (rc != 0 || r->opts.help) {
		rc = rc != 0 ? IOR_EXIT_USAGE : 0;
		goto out;
	}
	rc = prepare(r, argc, argv);
	if (rc == -DER_INVAL) {
		rc = IOR_EXIT_USAGE;
		goto out;
	}
	rc = rc == 0 ? run(r) : complaints_tell(r) != 0 ? -DER_CANCELED : rc;
	rc = exit_code(r, rc);
out:
	wl_free(env, r->argv_line);
	wl_free(env, r->path);
	wl_free(env, r->ready);
	wl_free(env, r->buf);
	wl_free(env, r);
	return rc;
}

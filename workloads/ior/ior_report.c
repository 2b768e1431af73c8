/* What ior prints. Scripts read it, so its shape is that of the original; rank 0 alone speaks. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "workloads/common/wl_size.h"
#include "workloads/ior/ior_int.h"

#define MIB 1048576.0
#define KIB 1024.0

static const char *const access_names[] = { "write", "read", "check" };

double ior_row_bw(const struct ior_row *row)
{
	return row->total_s > 0 ? row->bytes / row->total_s : 0;
}

static double row_ops(const struct ior_row *row)
{
	return row->io_s > 0 ? row->ops / row->io_s : 0;
}

static char *when(struct ior *r, char *dst, size_t cap)
{
	time_t sec = (time_t)(wl_wall_ns(r->env) / 1000000000u);
	struct tm tm;

	if (localtime_r(&sec, &tm) == NULL || strftime(dst, cap, "%a %b %e %H:%M:%S %Y", &tm) == 0)
		dst[0] = '\0';
	return dst;
}

static void option(struct ior *r, const char *name, const char *value)
{
	wl_printf(r->env, WL_OUT, "%-20s: %s\n", name, value);
}

static void option_u64(struct ior *r, const char *name, uint64_t value)
{
	wl_printf(r->env, WL_OUT, "%-20s: %llu\n", name, (unsigned long long)value);
}

static void option_size(struct ior *r, const char *name, uint64_t bytes)
{
	char text[32];

	option(r, name, wl_size_format(bytes, text, sizeof(text)));
}

static void head_space(struct ior *r)
{
	struct aiori_space sp;
	char text[32];

	option(r, "Path", r->opts.path);
	if (r->a.ops->space(&r->a, r->opts.path, &sp) != 0 || sp.bytes == 0)
		return;		/* only worth a line when it is known */
	wl_printf(r->env, WL_OUT, "%-20s: %s   Used FS: %.1f%%", "FS",
		  wl_size_format(sp.bytes, text, sizeof(text)),
		  100.0 * (double)(sp.bytes - sp.free_bytes) / (double)sp.bytes);
	if (sp.inodes > 0)
		wl_printf(r->env, WL_OUT, "   Inodes: %.1f Mi   Used Inodes: %.1f%%",
			  (double)sp.inodes / MIB,
			  100.0 * (double)(sp.inodes - sp.free_inodes) / (double)sp.inodes);
	wl_printf(r->env, WL_OUT, "\n");
}

static void head_options(struct ior *r)
{
	const struct ior_opts *o = &r->opts;
	uint32_t tasks = r->env->size, per_node = r->env->node_ranks;

	wl_printf(r->env, WL_OUT, "\nOptions: \n");
	option(r, "api", o->api);
	option(r, "apiVersion", "");
	option(r, "test filename", o->path);
	option(r, "access", o->file_per_task ? "file-per-process" : "single-shared-file");
	option(r, "type", "independent");
	option_u64(r, "segments", o->segments);
	option(r, "ordering in a file", o->random ? "random" : "sequential");
	option(r, "ordering inter file", o->reorder ? "constant task offset" : "no tasks offsets");
	if (o->reorder)
		option_u64(r, "task offset", ior_plan_writer(&r->plan, 0, true, per_node));
	option_u64(r, "nodes", (tasks + per_node - 1) / per_node);
	option_u64(r, "tasks", tasks);
	option_u64(r, "clients per node", per_node < tasks ? per_node : tasks);
	option_u64(r, "repetitions", o->repetitions);
	option_size(r, "xfersize", o->xfer_bytes);
	option_size(r, "blocksize", o->block_bytes);
	option_size(r, "aggregate filesize", ior_plan_total_bytes(&r->plan));
	if (o->stonewall_s > 0)
		option_u64(r, "stonewallingTime", o->stonewall_s);
	if (o->verbose > 0)
		option_u64(r, "verbose", o->verbose);
}

void ior_report_head(struct ior *r)
{
	char text[64];

	if (r->env->rank != 0)
		return;
	wl_printf(r->env, WL_OUT, "IOR of Gemel: parallel I/O\n");
	option(r, "Began", when(r, text, sizeof(text)));
	option(r, "Command line", r->argv_line);
	option(r, "Machine", r->env->host);
	option(r, "TestID", "0");
	option(r, "StartTime", when(r, text, sizeof(text)));
	head_space(r);
	head_options(r);
	wl_printf(r->env, WL_OUT, "\nResults: \n\n");
	wl_printf(r->env, WL_OUT,
		  "access    bw(MiB/s)  IOPS       Latency(s)  block(KiB) xfer(KiB)  open(s)    "
		  "wr/rd(s)   close(s)   total(s)   iter\n"
		  "------    ---------  ----       ----------  ---------- ---------  --------   "
		  "--------   --------   --------   ----\n");
}

/* A cell of the table: six digits behind the point for what is under one. */
static void cell(struct ior *r, double v, const char *behind)
{
	int digits = v < 1 ? 6 : v < 3600 ? 2 : 0;

	if (v < 0)
		wl_printf(r->env, WL_OUT, "-         %s", behind);
	else
		wl_printf(r->env, WL_OUT, "%-10.*f%s", digits, v, behind);
}

static void tally_add(struct ior_tally *t, double bw, double ops, const struct ior_row *row)
{
	t->bw_max = t->rows == 0 ? bw : fmax(t->bw_max, bw);
	t->bw_min = t->rows == 0 ? bw : fmin(t->bw_min, bw);
	t->bw_sum += bw;
	t->bw_sum2 += bw * bw;
	t->ops_max = t->rows == 0 ? ops : fmax(t->ops_max, ops);
	t->ops_min = t->rows == 0 ? ops : fmin(t->ops_min, ops);
	t->ops_sum += ops;
	t->ops_sum2 += ops * ops;
	t->total_s_sum += row->total_s;
	t->partial = t->partial || row->partial;
	t->rows++;
}

void ior_report_row(struct ior *r, const struct ior_row *row)
{
	double bw = ior_row_bw(row), ops = row_ops(row);

	if (row->access != IOR_CHECK)
		tally_add(&r->tallies[row->access], bw, ops, row);
	if (r->env->rank != 0 || row->access == IOR_CHECK)
		return;
	wl_printf(r->env, WL_OUT, "%-10s", access_names[row->access]);
	cell(r, bw / MIB, " ");
	cell(r, ops, " ");
	cell(r, ops > 0 ? (double)r->env->size / ops : 0, "  ");
	cell(r, (double)r->opts.block_bytes / KIB, " ");
	cell(r, (double)r->opts.xfer_bytes / KIB, " ");
	cell(r, row->open_s, " ");
	cell(r, row->io_s, " ");
	cell(r, row->close_s, " ");
	cell(r, row->total_s, " ");
	wl_printf(r->env, WL_OUT, "%-4llu\n", (unsigned long long)row->repetition);
	if (row->partial)
		wl_printf(r->env, WL_OUT, "partial: the %s above ended early, after %.0f bytes\n",
			  access_names[row->access], row->bytes);
}

void ior_report_remove(struct ior *r, uint64_t repetition, double s)
{
	int i;

	if (r->env->rank != 0)
		return;
	wl_printf(r->env, WL_OUT, "%-10s", "remove");
	for (i = 0; i < 8; i++)
		cell(r, -1, i == 2 ? "  " : " ");
	cell(r, s, " ");
	wl_printf(r->env, WL_OUT, "%-4llu\n", (unsigned long long)repetition);
}

static double deviation(double sum, double sum2, uint64_t nr)
{
	double mean = sum / (double)nr, var = sum2 / (double)nr - mean * mean;

	return var > 0 ? sqrt(var) : 0;
}

static void summary_row(struct ior *r, enum ior_access access)
{
	const struct ior_tally *t = &r->tallies[access];
	const struct ior_opts *o = &r->opts;
	double n = (double)t->rows;

	if (t->rows == 0)
		return;
	wl_printf(r->env, WL_OUT, "%-9s %10.2f %10.2f %10.2f %10.2f ", access_names[access],
		  t->bw_max / MIB, t->bw_min / MIB, t->bw_sum / n / MIB,
		  deviation(t->bw_sum, t->bw_sum2, t->rows) / MIB);
	wl_printf(r->env, WL_OUT, "%10.2f %10.2f %10.2f %10.2f %10.5f ", t->ops_max, t->ops_min,
		  t->ops_sum / n, deviation(t->ops_sum, t->ops_sum2, t->rows), t->total_s_sum / n);
	wl_printf(r->env, WL_OUT, "%12s %14s %5d %6u %3u %4llu %3d %5d %8u %9d %4d %6llu ", "NA",
		  "NA", 0, r->env->size,
		  r->env->node_ranks < r->env->size ? r->env->node_ranks : r->env->size,
		  (unsigned long long)o->repetitions, o->file_per_task, o->reorder,
		  ior_plan_writer(&r->plan, 0, o->reorder, r->env->node_ranks), 0, 0,
		  (unsigned long long)o->segments);
	wl_printf(r->env, WL_OUT, "%8llu %8llu %9.1f %6s %6d\n", (unsigned long long)o->block_bytes,
		  (unsigned long long)o->xfer_bytes, (double)ior_plan_total_bytes(&r->plan) / MIB,
		  o->api, 0);
}

void ior_report_summary(struct ior *r)
{
	double write_max = r->tallies[IOR_WRITE].bw_max, read_max = r->tallies[IOR_READ].bw_max;
	bool partial = r->tallies[IOR_WRITE].partial || r->tallies[IOR_READ].partial;
	char text[64];

	if (r->env->rank != 0)
		return;
	if (r->tallies[IOR_WRITE].rows > 0)
		wl_printf(r->env, WL_OUT, "Max Write: %.2f MiB/sec (%.2f MB/sec)\n",
			  write_max / MIB, write_max / 1e6);
	if (r->tallies[IOR_READ].rows > 0)
		wl_printf(r->env, WL_OUT, "Max Read:  %.2f MiB/sec (%.2f MB/sec)\n", read_max / MIB,
			  read_max / 1e6);
	wl_printf(
		r->env, WL_OUT,
		"\nSummary of all tests:\n"
		"Operation   Max(MiB)   Min(MiB)  Mean(MiB)     StdDev   Max(OPs)   Min(OPs)  "
		"Mean(OPs)     StdDev    Mean(s) Stonewall(s) Stonewall(MiB) Test# #Tasks tPN reps "
		"fPP reord reordoff reordrand seed segcnt   blksiz    xsize aggs(MiB)   API "
		"RefNum\n");
	summary_row(r, IOR_WRITE);
	summary_row(r, IOR_READ);
	if (partial)
		wl_printf(r->env, WL_OUT, "partial: not all that was asked for was done\n");
	option(r, "Finished", when(r, text, sizeof(text)));
	if (r->opts.world != NULL)
		wl_printf(r->env, WL_OUT,
			  "result world=%s write_mib_s=%.2f read_mib_s=%.2f verified_bytes=%.0f "
			  "errors=%.0f\n",
			  r->opts.world, write_max / MIB, read_max / MIB, r->verified_bytes,
			  r->errors + (r->failed ? 1 : 0));
}

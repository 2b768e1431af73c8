/**
 * Inside of ior: one rank's run, and what it hands to the report.
 */
#ifndef GEMEL_WORKLOADS_IOR_IOR_INT_H
#define GEMEL_WORKLOADS_IOR_IOR_INT_H

#include "workloads/ior/aiori.h"
#include "workloads/ior/ior.h"
#include "workloads/ior/ior_plan.h"

#define IOR_COMPLAINT_BYTES 256u

enum ior_access { IOR_WRITE = 0, IOR_READ, IOR_CHECK };

/** A measured phase: a line of the results table. */
struct ior_row {
	enum ior_access access;
	uint64_t repetition;
	double bytes;
	double ops;
	double open_s;
	double io_s;
	double close_s;
	double total_s;
	bool partial;		/**< ended early */
};

/** What the summary tells about all rows of one access. */
struct ior_tally {
	uint64_t rows;
	double bw_max, bw_min, bw_sum, bw_sum2;		/* bytes/s */
	double ops_max, ops_min, ops_sum, ops_sum2;	/* operations/s */
	double total_s_sum;
	bool partial;
};

struct ior {
	struct wl_env *env;
	struct ior_opts opts;
	struct ior_plan plan;
	struct aiori a;
	char *argv_line;		/* rank 0: the command line, for the header */
	char *path;			/* room for the name of any file of the run */
	size_t path_cap;
	void *buf;			/* one transfer */
	void *ready;			/* all that this rank writes, made beforehand; or NULL */
	uint64_t written;		/* transfers that every writer did */
	struct wl_progress bar;
	struct ior_tally tallies[2];	/* IOR_WRITE, IOR_READ */
	double verified_bytes;		/* of all ranks */
	double errors;			/* transfers with wrong data */
	bool failed;
	bool interrupted;
	char complaint[IOR_COMPLAINT_BYTES];	/* this rank's first trouble of the phase */
};

double ior_row_bw(const struct ior_row *row);

/* Rank 0 prints; the others return at once. */
void ior_report_head(struct ior *r);
void ior_report_row(struct ior *r, const struct ior_row *row);
void ior_report_remove(struct ior *r, uint64_t repetition, double s);
void ior_report_summary(struct ior *r);

#endif

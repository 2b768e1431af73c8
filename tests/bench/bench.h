/**
 * What every bench program has in common: its main(), its arguments, its one line of result. The
 * contract is in README.md. A program is a table of rows and a call of bench_main().
 */
#ifndef GEMEL_TESTS_BENCH_BENCH_H
#define GEMEL_TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/** A round should measure for about this long, after its warm-up. */
#define BENCH_ROUND_NS 500000000ull

struct bench_result {
	double value;		/**< in the unit that the row's list line names */
	double cpu_us_per_op;	/**< 0: not told */
	char note[128];		/**< "": none; no quotes in it */
};

struct bench_row {
	const char *name;
	const char *list;	/**< the rest of its line of --list */
	/** One round of one side; 0, or non-zero after a line on stderr. NULL: no such side. */
	int (*us)(struct bench_result *ret_result);
	int (*peer)(struct bench_result *ret_result);
};

static inline uint64_t bench_clock_ns(clockid_t id)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static inline uint64_t bench_now_ns(void)
{
	return bench_clock_ns(CLOCK_MONOTONIC);
}

/** CPU time of the process, all threads. */
static inline uint64_t bench_cpu_ns(void)
{
	return bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline int bench_run(const struct bench_row *row, const char *side)
{
	int (*fn)(struct bench_result * ret_result) = strcmp(side, "us") == 0 ? row->us : row->peer;
	const char *unit = strstr(row->list, "unit=");
	struct bench_result r = { 0 };

	if (fn == NULL || unit == NULL || (strcmp(side, "us") != 0 && strcmp(side, "peer") != 0)) {
		(void)fprintf(stderr, "%s has no side \"%s\"\n", row->name, side);
		return 2;
	}
	if (fn(&r) != 0)
		return 1;
	printf("value=%.9g %.*s", r.value, (int)strcspn(unit, " "), unit);
	if (r.cpu_us_per_op > 0)
		printf(" cpu_us_per_op=%.6g", r.cpu_us_per_op);
	if (r.note[0] != '\0')
		printf(" note=\"%s\"", r.note);
	printf("\n");
	return 0;
}

static inline int bench_main(const struct bench_row *rows, size_t nr, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < nr; i++)
			printf("%s %s\n", rows[i].name, rows[i].list);
		return 0;
	}
	if (argc != 5 || strcmp(argv[1], "--row") != 0 || strcmp(argv[3], "--side") != 0) {
		(void)fprintf(stderr, "usage: %s --list | --row ROW --side us|peer\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < nr; i++)
		if (strcmp(rows[i].name, argv[2]) == 0)
			return bench_run(&rows[i], argv[4]);
	(void)fprintf(stderr, "%s has no row \"%s\"\n", argv[0], argv[2]);
	return 2;
}

#endif

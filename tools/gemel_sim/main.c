/* gemel_sim: a workload on a simulated system. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tools/gemel_sim/args.h"
#include "tools/gemel_sim/scenario.h"
#include "tools/gemel_sim/team.h"
#include "workloads/ior/aiori.h"
#include "workloads/ior/ior.h"

#define EXIT_STUCK 1
#define EXIT_WRONG 2
#define EXIT_INTERRUPTED 130
#define SLICE_NS 10000000ull	/* of virtual time between two looks at the ranks */
#define BAR_NS 100000000ull

struct run {
	struct args args;
	struct sim_profile *profile;
	struct scenario *scenario;
	char **argv;
	int argc;
	uint32_t ranks;
	struct sim *sim;
	struct sim_system *system;
	struct phantom *phantom;
	struct team *team;
	FILE *trace;
	/* What the workload printed, for --json. */
	char *text;
	size_t text_bytes;
	bool bar;
	uint64_t bar_ns;
	uint64_t start_ns;	/* virtual, of the workload */
	double wall_s;
	bool stuck;
};

static volatile sig_atomic_t interrupts;

static void on_interrupt(int sig)
{
	if (++interrupts > 1)
		_exit(EXIT_INTERRUPTED);
	(void)sig;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Only DFS: a simulated program has no other file system. */
const struct aiori_ops *aiori_find(const char *name)
{
	return strcmp(name, aiori_dfs.name) == 0 ? &aiori_dfs : NULL;
}

/* ---- output ------------------------------------------------------------------------------- */

static void bar_clear(struct run *r)
{
	if (r->bar)
		(void)fprintf(stderr, "\r%70s\r", "");
	r->bar = false;
}

static void bar_show(struct run *r)
{
	uint64_t now = wall_ns();
	struct sim_stats st;

	if (isatty(STDERR_FILENO) == 0 || now - r->bar_ns < BAR_NS)
		return;
	sim_stats_query(r->sim, &st);
	(void)fprintf(stderr, "\rsimulated %.3f s, %" PRIu64 " messages, %u of %u ranks run ",
		      (double)(sim_now_ns(r->sim) - r->start_ns) * 1e-9, st.messages,
		      r->team != NULL ? team_running(r->team) : 0, r->ranks);
	r->bar_ns = now;
	r->bar = true;
}

static void keep_text(struct run *r, const char *text, size_t len)
{
	char *more = realloc(r->text, r->text_bytes + len + 1);

	if (more == NULL)
		return;		/* the run goes on; its text is short */
	memcpy(more + r->text_bytes, text, len);
	r->text = more;
	r->text_bytes += len;
	r->text[r->text_bytes] = 0;
}

static void team_write(void *arg, enum wl_out out, const char *text, size_t len)
{
	struct run *r = arg;

	if (out == WL_TTY)
		return;		/* ours speaks of virtual time */
	bar_clear(r);
	if (out == WL_OUT && r->args.json)
		keep_text(r, text, len);
	else
		(void)fwrite(text, 1, len, out == WL_OUT ? stdout : stderr);
}

static void log_line(void *arg, const char *line)
{
	bar_clear(arg);
	(void)fprintf(stderr, "%s\n", line);
}

static void trace_line(void *arg, const char *line)
{
	(void)fprintf(arg, "%s\n", line);
}

static void json_string(const char *s)
{
	(void)putchar('"');
	for (; *s != 0; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s == '\n')
			(void)fputs("\\n", stdout);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", (unsigned int)*s);
		else
			(void)putchar(*s);
	}
	(void)putchar('"');
}

static void report(struct run *r, int rc)
{
	double virtual_s = (double)(sim_now_ns(r->sim) - r->start_ns) * 1e-9;
	const char *mode = r->args.phantom ? "phantom" : "bytes";
	uint64_t digest = sim_digest(r->sim);
	struct sim_stats st;

	sim_stats_query(r->sim, &st);
	bar_clear(r);
	if (!r->args.json) {
		printf("sim virtual_s=%.9f digest=%016" PRIx64 " events=%" PRIu64
		       " messages=%" PRIu64 " wall_s=%.2f\n",
		       virtual_s, digest, st.events, st.messages, r->wall_s);
		return;
	}
	printf("{\"seed\": %" PRIu64 ", \"commit\": \"%s\", \"profile\": ", r->args.seed,
	       gemel_sim_commit);
	json_string(r->profile->name);
	if (r->scenario != NULL) {
		(void)fputs(", \"scenario\": ", stdout);
		json_string(scenario_name(r->scenario));
	}
	printf(", \"nodes\": %u, \"clients\": %u, \"ranks\": %u, \"mode\": \"%s\", \"exit\": %d, "
	       "\"virtual_s\": %.9f, \"digest\": \"%016" PRIx64 "\", \"events\": %" PRIu64
	       ", \"engine_steps\": %" PRIu64 ", \"messages\": %" PRIu64
	       ", \"message_bytes\": %" PRIu64 ", \"bulks\": %" PRIu64 ", \"bulk_bytes\": %" PRIu64
	       ", \"ios\": %" PRIu64 ", \"io_bytes\": %" PRIu64 ", \"dropped\": %" PRIu64
	       ", \"wall_s\": %.2f, \"output\": ",
	       r->profile->server_count, r->profile->node_count - r->profile->server_count,
	       r->ranks, mode, rc, virtual_s, digest, st.events, st.engine_steps, st.messages,
	       st.message_bytes, st.bulks, st.bulk_bytes, st.ios, st.io_bytes, st.dropped,
	       r->wall_s);
	json_string(r->text != NULL ? r->text : "");
	(void)fputs("}\n", stdout);
}

/* ---- set-up ------------------------------------------------------------------------------- */

static int complain(const char *what)
{
	(void)fprintf(stderr, "gemel_sim: %s\n", what);
	return EXIT_WRONG;
}

static int load_files(struct run *r)
{
	char error[YAML_ERROR_MAX] = "out of memory";
	uint32_t servers, clients;

	if (profile_load(r->args.profile, error, &r->profile) != 0)
		return complain(error);
	if (r->args.scenario != NULL && scenario_load(r->args.scenario, error, &r->scenario) != 0)
		return complain(error);
	servers = r->args.nodes != 0 ? r->args.nodes : r->profile->server_count;
	clients = r->args.clients != 0 ? r->args.clients
				       : r->profile->node_count - r->profile->server_count;
	if ((r->args.nodes != 0 || r->args.clients != 0) &&
	    profile_resize(r->profile, servers, clients) != 0)
		return complain("--nodes and --clients need a profile with a star");
	if (clients == 0)
		return complain("the profile has no client node: give --clients N");
	return 0;
}

/* Words and ranks: the command line comes before the scenario, that before the workload's flags. */
static int choose_workload(struct run *r)
{
	struct ior_opts opts;
	char why[256];

	r->argv = r->args.workload;
	r->argc = r->args.workload_argc;
	if (r->argv == NULL && r->scenario != NULL)
		r->argv = scenario_workload(r->scenario, &r->argc);
	if (r->argv == NULL)
		return complain("no workload: give \"-- ior …\"");
	if (strcmp(r->argv[0], "ior") != 0) {
		(void)fprintf(stderr, "gemel_sim: there is no workload \"%s\", only ior\n",
			      r->argv[0]);
		return EXIT_WRONG;
	}
	if (ior_opts_parse(r->argc, r->argv, &opts, why, sizeof(why)) != 0) {
		(void)fprintf(stderr, "gemel_sim: ior: %s\n", why);
		return EXIT_WRONG;
	}
	if (!r->args.seed_given && r->scenario != NULL)
		(void)scenario_seed(r->scenario, &r->args.seed);
	r->ranks = r->args.ranks;
	if (r->ranks == 0 && (r->scenario == NULL || !scenario_ranks(r->scenario, &r->ranks)))
		r->ranks = opts.tasks != 0 ? (uint32_t)opts.tasks : 1;
	return 0;
}

static int open_world(struct run *r)
{
	struct sim_opts opts = {
		.profile = r->profile,
		.seed = r->args.seed,
		.wall_base_ns = 1767225600000000000ull,	/* 2026-01-01: the clocks of that world */
		.log = log_line,
		.log_arg = r,
	};
	struct sim_system_opts sys = { .memory = r->args.memory };
	char why[256] = "no memory";

	if (r->args.trace != NULL) {
		r->trace = fopen(r->args.trace, "we");
		if (r->trace == NULL) {
			perror(r->args.trace);
			return EXIT_WRONG;
		}
		opts.trace = trace_line;
		opts.trace_arg = r->trace;
	}
	if (r->args.phantom)
		r->phantom = phantom_create();
	if (r->args.phantom && r->phantom == NULL)
		return complain("no address space for phantoms");
	if (sim_create(&opts, &r->sim) != 0)
		return complain("cannot make the world");
	if (sim_system_create(r->sim, &sys, &r->system) != 0)
		return complain("cannot make the system");
	if (sim_system_start(r->system, why, sizeof(why)) != 0)
		return complain(why);
	return 0;
}

static int open_team(struct run *r)
{
	const struct team_opts opts = {
		.sim = r->sim,
		.system = r->system,
		.phantom = r->phantom,
		.size = r->ranks,
		.main = ior_main,
		.argc = r->argc,
		.argv = r->argv,
		.write = team_write,
		.arg = r,
	};
	char error[YAML_ERROR_MAX] = "";
	int rc = team_create(&opts, &r->team);

	if (rc == 0)
		rc = team_start(r->team);
	if (rc != 0)
		return complain(err_name(rc));
	r->start_ns = sim_now_ns(r->sim);
	if (r->scenario != NULL &&
	    scenario_plan(r->scenario, r->sim, sim_system_boot, r->system, error) != 0)
		return complain(error);
	return 0;
}

/* ---- the run ------------------------------------------------------------------------------ */

/* Slices end at fixed virtual dates, so that when we look does not depend on the real clock. */
static int run_team(struct run *r)
{
	while (team_running(r->team) > 0) {
		enum sim_end end = sim_run(r->sim, sim_now_ns(r->sim) + SLICE_NS);

		team_look(r->team);
		bar_show(r);
		if (interrupts > 0)
			team_stop(r->team);
		if (end != SIM_END_IDLE || team_running(r->team) == 0)
			continue;
		bar_clear(r);
		(void)fprintf(stderr, "gemel_sim: nothing happens any more, and %u ranks wait\n",
			      team_running(r->team));
		r->stuck = true;
		return EXIT_STUCK;
	}
	return interrupts > 0 ? EXIT_INTERRUPTED : team_result(r->team);
}

static int run_all(struct run *r)
{
	uint64_t start = wall_ns();
	int rc;

	if (!r->args.json)
		printf("sim seed=%" PRIu64 " commit=%s profile=%s nodes=%u clients=%u ranks=%u "
		       "mode=%s\n",
		       r->args.seed, gemel_sim_commit, r->profile->name, r->profile->server_count,
		       r->profile->node_count - r->profile->server_count, r->ranks,
		       r->args.phantom ? "phantom" : "bytes");
	rc = open_world(r);
	if (rc == 0)
		rc = open_team(r);
	if (rc != 0)
		return rc;
	rc = run_team(r);
	r->wall_s = (double)(wall_ns() - start) * 1e-9;
	report(r, rc);
	return rc;
}

static void close_all(struct run *r)
{
	sim_destroy(r->sim);
	team_destroy(r->team);
	sim_system_destroy(r->system);
	phantom_destroy(r->phantom);
	scenario_free(r->scenario);
	profile_free(r->profile);
	if (r->trace != NULL)
		(void)fclose(r->trace);
	free(r->text);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_interrupt };
	struct run r = { .ranks = 0 };
	int rc;

	/* A pipe's reader sees results when they are there, not when the run ends. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (args_parse(argc, argv, &r.args) != 0)
		return EXIT_WRONG;
	if (r.args.help) {
		args_help();
		return 0;
	}
	rc = load_files(&r);
	if (rc == 0)
		rc = choose_workload(&r);
	if (rc == 0) {
		(void)sigaction(SIGINT, &sa, NULL);
		rc = run_all(&r);
	}
	close_all(&r);
	return rc;
}

/* gemel_engine: the daemon of a storage node. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/gemel_engine/engine.h"

#define ERR_BYTES 1024

struct args {
	const char *config;
	const char *system;
	const char *pool;
	bool format;
	bool force;
	bool check;
};

static void usage(FILE *to)
{
	(void)fputs(
		"Usage: gemel_engine --config FILE [--system FILE] [--pool NAME] [--format [--force]]\n"
		"\n"
		"Serve the engines of this node until SIGINT or SIGTERM.\n"
		"\n"
		"  -o, --config FILE   engines, targets, fabric and storage of this node (YAML)\n"
		"  -s, --system FILE   the system file; default: what the configuration names\n"
		"  -p, --pool NAME     label of the pool over all targets (default: pool)\n"
		"      --format        make empty stores first, and on the lowest rank the pool\n"
		"      --force         with --format: lose stores that are there\n"
		"      --check         check the configuration and exit\n"
		"  -h, --help          this text\n"
		"      --version       the version\n"
		"\n"
		"A line \"rank N ready\" on standard output says that an engine serves.\n"
		"Exit: 0 after a clean stop, 1 when the node could not start, 2 for wrong usage.\n",
		to);
}

static int parse(int argc, char **argv, struct args *a)
{
	enum { OPT_FORMAT = 256, OPT_FORCE, OPT_CHECK, OPT_VERSION };
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'o' },
		{ "system", required_argument, NULL, 's' },
		{ "pool", required_argument, NULL, 'p' },
		{ "format", no_argument, NULL, OPT_FORMAT },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:s:p:h", longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			a->config = optarg;
			break;
		case 's':
			a->system = optarg;
			break;
		case 'p':
			a->pool = optarg;
			break;
		case OPT_FORMAT:
			a->format = true;
			break;
		case OPT_FORCE:
			a->force = true;
			break;
		case OPT_CHECK:
			a->check = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case OPT_VERSION:
			(void)puts("gemel_engine " GEMEL_VERSION);
			exit(0);
		default:
			return -DER_INVAL;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "gemel_engine: what is \"%s\"?\n", argv[optind]);
		return -DER_INVAL;
	}
	if (a->config == NULL) {
		(void)fputs("gemel_engine: --config is needed\n", stderr);
		return -DER_INVAL;
	}
	if (a->force && !a->format) {
		(void)fputs("gemel_engine: --force goes with --format\n", stderr);
		return -DER_INVAL;
	}
	return 0;
}

static bool crowded(const struct node_config *node)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t streams = 0;
	uint32_t i;

	/* All of the system's engines may be on this machine: a demonstration on a laptop is. */
	for (i = 0; i < node->system->nr; i++)
		streams += node->system->ranks[i].targets + 1u;
	return cpus < 1 || streams >= (uint64_t)cpus;
}

static int serve(const struct args *a, const struct node_config *node)
{
	struct engine **engines = calloc(node->engine_count, sizeof(struct engine *));
	char err[ERR_BYTES] = "";
	sigset_t stop;
	uint32_t n = 0;
	int sig;
	int rc = engines == NULL ? -DER_NOMEM : 0;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGINT);
	(void)sigaddset(&stop, SIGTERM);
	/* Before any thread exists, so that all inherit it and only sigwait() sees the signals. */
	(void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	while (rc == 0 && n < node->engine_count) {
		struct engine_opts o = { .node = node, .engine = &node->engines[n],
					 .pool = a->pool, .format = a->format,
					 .force = a->force, .crowded = crowded(node) };

		rc = engine_start(&o, err, sizeof(err), &engines[n]);
		if (rc != 0)
			break;
		(void)printf("rank %u ready, %u targets, %s, pool %s\n", node->engines[n].rank,
			     node->engines[n].targets, node->engines[n].addr->uri, a->pool);
		(void)fflush(stdout);
		n++;
	}
	if (rc == 0) {
		(void)sigwait(&stop, &sig);
		(void)printf("stopping\n");
		(void)fflush(stdout);
	} else {
		(void)fprintf(stderr, "gemel_engine: %s\n", err[0] != 0 ? err : err_name(rc));
	}
	while (n > 0)
		engine_stop(engines[--n]);
	free(engines);
	return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct args a = { .pool = "pool" };
	struct node_config *node;
	char err[ERR_BYTES];
	int rc;

	if (parse(argc, argv, &a) != 0) {
		(void)fputs("Try gemel_engine --help.\n", stderr);
		return 2;
	}
	rc = config_load(a.config, a.system, err, sizeof(err), &node);
	if (rc != 0) {
		(void)fprintf(stderr, "gemel_engine: %s\n", err[0] != 0 ? err : err_name(rc));
		return 2;
	}
	sysfile_limit_providers(node->system);
	rc = a.check ? 0 : serve(&a, node);
	if (a.check)
		(void)printf("%s: ok\n", a.config);
	config_free(node);
	return rc;
}

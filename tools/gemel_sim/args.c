#include "tools/gemel_sim/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

void args_help(void)
{
	(void)fputs(
		"Usage: gemel_sim --profile FILE [OPTION…] [-- WORKLOAD…]\n"
		"\n"
		"Run a workload on a simulated system: the same storage core and the same\n"
		"workload as on real nodes, in virtual time, in one process.\n"
		"\n"
		"  -p, --profile FILE    the machine: a file of hw_profiles/\n"
		"  -s, --scenario FILE   faults, and defaults for seed, ranks and workload\n"
		"      --seed N          of all randomness (default 1); same seed, same run\n"
		"  -n, --nodes N         storage nodes, instead of the profile's\n"
		"  -c, --clients N       client nodes, instead of the profile's\n"
		"  -r, --ranks N         ranks of the workload, spread over the client nodes\n"
		"      --bytes           buffers hold bytes (default)\n"
		"      --phantom         buffers hold descriptions of their content\n"
		"      --memory          stores in memory, without drives\n"
		"  -j, --json            one JSON object instead of text\n"
		"      --trace FILE      write each event that enters the digest\n"
		"  -h, --help            this text\n"
		"\n"
		"WORKLOAD is ior and its flags (ior --help), for example\n"
		"  gemel_sim -p hw_profiles/laptop.yaml -r 8 -- ior -a DFS -b 10m -t 1m -w -r -C -e\n"
		"The pool is called \"pool\".\n"
		"\n"
		"Exit code: the workload's; 1 when a rank died or nothing could go on, 2 for a\n"
		"wrong command line or file.\n",
		stdout);
}

static int number(const char *flag, const char *text, uint64_t min, uint64_t max, uint64_t *ret_v)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0 || v < min || v > max) {
		(void)fprintf(stderr,
			      "gemel_sim: --%s %s: a whole number from %llu to %llu is expected\n",
			      flag, text, (unsigned long long)min, (unsigned long long)max);
		return -DER_INVAL;
	}
	*ret_v = v;
	return 0;
}

static int count(const char *flag, const char *text, uint32_t max, uint32_t *ret_v)
{
	uint64_t v;
	int rc = number(flag, text, 1, max, &v);

	if (rc == 0)
		*ret_v = (uint32_t)v;
	return rc;
}

enum long_only { OPT_SEED = 256, OPT_BYTES, OPT_PHANTOM, OPT_MEMORY, OPT_TRACE };

static const struct option longs[] = {
	{ "profile", required_argument, NULL, 'p' },
	{ "scenario", required_argument, NULL, 's' },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "nodes", required_argument, NULL, 'n' },
	{ "clients", required_argument, NULL, 'c' },
	{ "ranks", required_argument, NULL, 'r' },
	{ "bytes", no_argument, NULL, OPT_BYTES },
	{ "phantom", no_argument, NULL, OPT_PHANTOM },
	{ "memory", no_argument, NULL, OPT_MEMORY },
	{ "json", no_argument, NULL, 'j' },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int one(struct args *a, int c, const char *value)
{
	switch (c) {
	case 'p':
		a->profile = value;
		return 0;
	case 's':
		a->scenario = value;
		return 0;
	case OPT_SEED:
		a->seed_given = true;
		return number("seed", value, 0, UINT64_MAX, &a->seed);
	case 'n':
		return count("nodes", value, 32768, &a->nodes);
	case 'c':
		return count("clients", value, 32768, &a->clients);
	case 'r':
		return count("ranks", value, 1u << 20, &a->ranks);
	case OPT_BYTES:
	case OPT_PHANTOM:
		a->phantom = c == OPT_PHANTOM;
		return 0;
	case OPT_MEMORY:
		a->memory = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case OPT_TRACE:
		a->trace = value;
		return 0;
	case 'h':
		a->help = true;
		return 0;
	default:
		(void)fputs("gemel_sim: see gemel_sim --help\n", stderr);
		return -DER_INVAL;
	}
}

int args_parse(int argc, char **argv, struct args *ret_args)
{
	struct args a = { .seed = 1 };
	int c, rc;

	while ((c = getopt_long(argc, argv, "+p:s:n:c:r:jh", longs, NULL)) != -1) {
		rc = one(&a, c, optarg);
		if (rc != 0)
			return rc;
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		(void)fprintf(
			stderr,
			"gemel_sim: \"%s\" is no option; the workload follows behind \"--\"\n",
			argv[optind]);
		return -DER_INVAL;
	}
	if (optind < argc) {
		a.workload = argv + optind;
		a.workload_argc = argc - optind;
	}
	if (!a.help && a.profile == NULL) {
		(void)fputs("gemel_sim: --profile FILE is missing (see gemel_sim --help)\n",
			    stderr);
		return -DER_INVAL;
	}
	*ret_args = a;
	return 0;
}

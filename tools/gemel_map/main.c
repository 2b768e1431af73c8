/* gemel_map: show a pool's map, and change the states of targets. For tests, until dmg does it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/client/client.h"
#include "daos.h"

struct args {
	const char *pool;
	long rank;
	uint32_t state;
	uint32_t tgts[WIRE_TGTS_MAX];
	uint32_t tgt_nr;
	bool set;
};

static void usage(FILE *to)
{
	(void)fputs("Usage: gemel_map POOL [--rank N --state STATE [--target I[,I…]]]\n"
		    "\n"
		    "Without options: print the map's version and every target's state.\n"
		    "\n"
		    "  -r, --rank N         the rank whose targets change\n"
		    "  -t, --target I,…     only these of the rank (default: all)\n"
		    "  -s, --state STATE    NEW, UP, UPIN, DRAIN, DOWN or DOWNOUT\n"
		    "  -h, --help           this text\n"
		    "\n"
		    "The system is found as by every client: GEMEL_SYSTEM or GEMEL_EMBEDDED.\n",
		    to);
}

static int parse_targets(struct args *a, const char *text)
{
	char *end;

	while (a->tgt_nr < WIRE_TGTS_MAX) {
		unsigned long v = strtoul(text, &end, 10);

		if (end == text || v > UINT16_MAX)
			return -DER_INVAL;
		a->tgts[a->tgt_nr++] = (uint32_t)v;
		if (*end == 0)
			return 0;
		if (*end != ',')
			return -DER_INVAL;
		text = end + 1;
	}
	return -DER_INVAL;
}

static int parse_state(struct args *a, const char *text)
{
	for (a->state = PMAP_DOWNOUT; a->state < PMAP_STATE_END; a->state++)
		if (strcmp(text, pmap_state_name(a->state)) == 0)
			return 0;
	return -DER_INVAL;
}

static int wrong(const char *what, const char *value)
{
	(void)fprintf(stderr, "gemel_map: %s: \"%s\" is not valid\n", what, value);
	return -DER_INVAL;
}

static int parse(int argc, char **argv, struct args *a)
{
	static const struct option longs[] = {
		{ "rank", required_argument, NULL, 'r' },
		{ "target", required_argument, NULL, 't' },
		{ "state", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char *end;
	int c;

	a->rank = -1;
	while ((c = getopt_long(argc, argv, "r:t:s:h", longs, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			exit(0);
		} else if (c == 'r') {
			a->rank = strtol(optarg, &end, 10);
			if (end == optarg || *end != 0 || a->rank < 0)
				return wrong("--rank", optarg);
		} else if (c == 't') {
			if (parse_targets(a, optarg) != 0)
				return wrong("--target", optarg);
		} else if (c == 's') {
			if (parse_state(a, optarg) != 0)
				return wrong("--state", optarg);
			a->set = true;
		} else {
			return -DER_INVAL;
		}
	}
	if (optind != argc - 1 || a->set != (a->rank >= 0) || (a->tgt_nr > 0 && !a->set)) {
		usage(stderr);
		return -DER_INVAL;
	}
	a->pool = argv[optind];
	return 0;
}

static void print(struct process *p, struct cl_pool *pool)
{
	struct cl_map *held = cl_map_get(p, pool);
	const struct pmap *map = held->pmap;
	uint32_t i;

	(void)printf("pool %s, map version %u, %u targets on %u ranks\n", pool->label, map->version,
		     map->target_count, map->rank_count);
	for (i = 0; i < map->target_count; i++)
		(void)printf("target %u: rank %u:%u %s\n", i, map->targets[i].rank,
			     map->targets[i].idx, pmap_state_name(map->targets[i].state));
	cl_map_put(p, held);
}

static int run(struct cl_stream *s, void *args)
{
	const struct args *a = *(struct args **)args;
	struct cl_pool *pool;
	int rc;

	rc = cl_pool_connect(s, a->pool, DAOS_PC_RW, &pool);
	if (rc != 0)
		return rc;
	if (a->set)
		rc = cl_pool_set_targets(s, pool, (uint32_t)a->rank, a->tgt_nr, a->tgts, a->state);
	if (rc == 0)
		print(s->proc, pool);
	(void)cl_pool_disconnect(s, pool);	/* the answer is out */
	cl_put(s->proc, &pool->ref);
	return rc;
}

int main(int argc, char **argv)
{
	static struct args args;
	struct args *a = &args;
	int rc;

	if (parse(argc, argv, a) != 0)
		return 2;
	rc = daos_init();
	if (rc == 0) {
		rc = cl_call(run, &a, sizeof(a), NULL);
		(void)daos_fini();
	}
	if (rc != 0)
		(void)fprintf(stderr, "gemel_map: %s\n", err_name(rc));
	return rc == 0 ? 0 : 1;
}

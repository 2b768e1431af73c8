#include <stdio.h>
#include <strings.h>

#include "workloads/common/wl_size.h"
#include "workloads/ior/ior.h"

enum opt_kind { OPT_FLAG = 0, OPT_VERBOSE, OPT_COUNT, OPT_SIZE, OPT_TEXT };

struct opt {
	char letter;		/* 0: none */
	const char *name;	/* after "--"; NULL: none */
	enum opt_kind kind;
	size_t at;		/* in struct ior_opts */
	uint64_t min;
	const char *help;
};

#define AT(member) offsetof(struct ior_opts, member)

static const struct opt opts_table[] = {
	{ 'a', NULL, OPT_TEXT, AT(api), 0, "API: POSIX or DFS (POSIX)" },
	{ 'b', NULL, OPT_SIZE, AT(block_bytes), 1, "block: bytes per task and segment (1m)" },
	{ 'C', NULL, OPT_FLAG, AT(reorder), 0, "read what another task wrote" },
	{ 'D', NULL, OPT_COUNT, AT(stonewall_s), 0,
	  "seconds after which a phase stops (0: never)" },
	{ 'e', NULL, OPT_FLAG, AT(fsync), 0, "fsync after writing, within the measured time" },
	{ 'F', NULL, OPT_FLAG, AT(file_per_task), 0, "a file per task" },
	{ 'h', "help", OPT_FLAG, AT(help), 0, "this text" },
	{ 'i', NULL, OPT_COUNT, AT(repetitions), 1, "repetitions (1)" },
	{ 'k', NULL, OPT_FLAG, AT(keep), 0, "keep the file at the end" },
	{ 'N', NULL, OPT_COUNT, AT(tasks), 1, "tasks (1; with mpirun all it started)" },
	{ 'o', NULL, OPT_TEXT, AT(path), 0, "file (testFile)" },
	{ 'r', NULL, OPT_FLAG, AT(read), 0, "read; without -w -r -W -R both -w and -r" },
	{ 'R', NULL, OPT_FLAG, AT(check_read), 0, "check what is read" },
	{ 's', NULL, OPT_COUNT, AT(segments), 1, "segments (1)" },
	{ 't', NULL, OPT_SIZE, AT(xfer_bytes), 1, "transfer: bytes per call (256k)" },
	{ 'v', NULL, OPT_VERBOSE, AT(verbose), 0, "say more" },
	{ 'w', NULL, OPT_FLAG, AT(write), 0, "write" },
	{ 'W', NULL, OPT_FLAG, AT(check_write), 0, "check what was written, after writing" },
	{ 'z', NULL, OPT_FLAG, AT(random), 0, "transfers in random order" },
	{ 0, "dfs.pool", OPT_TEXT, AT(dfs.pool), 0, "pool (variable DAOS_POOL)" },
	{ 0, "dfs.cont", OPT_TEXT, AT(dfs.cont), 0,
	  "container, made when missing (variable DAOS_CONT, else ior)" },
	{ 0, "dfs.group", OPT_TEXT, AT(dfs.group), 0, "system (the configured one)" },
	{ 0, "dfs.chunk_size", OPT_SIZE, AT(dfs.chunk_bytes), 1, "chunk of files" },
	{ 0, "dfs.oclass", OPT_TEXT, AT(dfs.oclass), 0, "object class of files" },
	{ 0, "dfs.dir_oclass", OPT_TEXT, AT(dfs.dir_oclass), 0, "object class of directories" },
	{ 0, "dfs.prefix", OPT_TEXT, AT(dfs.prefix), 0, "mount point that paths begin with" },
	{ 0, "dfs.destroy", OPT_FLAG, AT(dfs.destroy), 0, "destroy the container at the end" },
	{ 0, "result", OPT_TEXT, AT(world), 0, "end with a line for scripts; reads are checked" },
};

/* ---- one option --------------------------------------------------------------------------- */

static const struct opt *opt_by_letter(char letter)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(opts_table); i++)
		if (opts_table[i].letter != 0 && opts_table[i].letter == letter)
			return &opts_table[i];
	return NULL;
}

static const struct opt *opt_by_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(opts_table); i++)
		if (opts_table[i].name != NULL && strlen(opts_table[i].name) == len &&
		    memcmp(opts_table[i].name, name, len) == 0)
			return &opts_table[i];
	return NULL;
}

static bool takes_value(const struct opt *o)
{
	return o->kind >= OPT_COUNT;
}

static void opt_label(const struct opt *o, char *dst, size_t cap)
{
	if (o->letter != 0)
		(void)snprintf(dst, cap, "-%c", o->letter);
	else
		(void)snprintf(dst, cap, "--%s", o->name);
}

static int opt_set(const struct opt *o, const char *value, struct ior_opts *opts, char *why,
		   size_t cap)
{
	uint8_t *at = (uint8_t *)opts + o->at;
	const char *want = "a number without unit";
	char label[32];
	uint64_t v;
	int rc = 0;

	opt_label(o, label, sizeof(label));
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_VERBOSE:
		(*(uint32_t *)(void *)at)++;
		return 0;
	case OPT_TEXT:
		*(const char **)(void *)at = value;
		if (*value != '\0')
			return 0;
		(void)snprintf(why, cap, "%s: the value is empty; expected: %s", label, o->help);
		return -DER_INVAL;
	case OPT_COUNT:
		rc = wl_count_parse(value, &v);
		break;
	case OPT_SIZE:
		rc = wl_size_parse(value, &v);
		want = "a size: digits, and k, m, g or t behind them for powers of 1024, as "
		       "47008 or 10m";
		break;
	}
	if (rc == 0 && (v < o->min || (o->kind == OPT_COUNT && v > UINT32_MAX))) {
		rc = -DER_INVAL;
		want = o->min > 0 ? "at least 1, at most 2^32 - 1" : "at most 2^32 - 1";
	}
	if (rc != 0)
		(void)snprintf(why, cap, "%s: \"%s\" is wrong; expected: %s", label, value, want);
	else
		memcpy(at, &v, sizeof(v));
	return rc;
}

/* ---- the line ----------------------------------------------------------------------------- */

struct line {
	int argc;
	char **argv;
	int next;
	char *why;
	size_t cap;
};

static int value_missing(const struct line *l, const struct opt *o)
{
	char label[32];

	opt_label(o, label, sizeof(label));
	(void)snprintf(l->why, l->cap, "%s needs a value: %s", label, o->help);
	return -DER_INVAL;
}

/* "--name value", "--name=value". */
static int long_parse(struct line *l, const char *arg, struct ior_opts *opts)
{
	const char *name = arg + 2, *value = strchr(name, '=');
	size_t len = value != NULL ? (size_t)(value - name) : strlen(name);
	const struct opt *o = opt_by_name(name, len);

	if (o == NULL) {
		(void)snprintf(l->why, l->cap, "\"%s\" is not a flag; -h lists them", arg);
		return -DER_INVAL;
	}
	if (!takes_value(o) && value != NULL) {
		(void)snprintf(l->why, l->cap, "--%s takes no value, got \"%s\"", o->name,
			       value + 1);
		return -DER_INVAL;
	}
	if (value != NULL)
		value++;
	else if (takes_value(o) && l->next < l->argc)
		value = l->argv[l->next++];
	if (takes_value(o) && value == NULL)
		return value_missing(l, o);
	return opt_set(o, value, opts, l->why, l->cap);
}

/* "-b 10m", "-b=10m", "-b10m", "-wrk". */
static int short_parse(struct line *l, const char *arg, struct ior_opts *opts)
{
	const struct opt *o;
	const char *at, *value;
	int rc = 0;

	for (at = arg + 1; *at != '\0' && rc == 0; at++) {
		o = opt_by_letter(*at);
		if (o == NULL) {
			(void)snprintf(l->why, l->cap, "\"-%c\"%s%s is not a flag; -h lists them",
				       *at, arg[2] != '\0' ? " of " : "",
				       arg[2] != '\0' ? arg : "");
			return -DER_INVAL;
		}
		if (!takes_value(o)) {
			rc = opt_set(o, NULL, opts, l->why, l->cap);
			continue;
		}
		value = at[1] == '=' ? at + 2 : at + 1;
		if (at[1] == '\0')
			value = l->next < l->argc ? l->argv[l->next++] : NULL;
		if (value == NULL)
			return value_missing(l, o);
		return opt_set(o, value, opts, l->why, l->cap);
	}
	return rc;
}

static int check(struct ior_opts *o, char *why, size_t cap)
{
	uint64_t total;

	if (strcasecmp(o->api, "POSIX") != 0 && strcasecmp(o->api, "DFS") != 0) {
		(void)snprintf(why, cap, "-a: \"%s\" is wrong; expected: POSIX or DFS", o->api);
		return -DER_INVAL;
	}
	o->api = strcasecmp(o->api, "DFS") == 0 ? "DFS" : "POSIX";
	if (o->block_bytes % o->xfer_bytes != 0) {
		(void)snprintf(why, cap,
			       "-b %llu: expected: a multiple of the transfer size, -t %llu",
			       (unsigned long long)o->block_bytes,
			       (unsigned long long)o->xfer_bytes);
		return -DER_INVAL;
	}
	if (__builtin_mul_overflow(o->block_bytes, o->segments, &total) ||
	    __builtin_mul_overflow(total, o->tasks > 0 ? o->tasks : 1, &total) ||
	    total > INT64_MAX) {
		(void)snprintf(why, cap,
			       "-b, -s and -N: the file would have more than 2^63 - 1 bytes");
		return -DER_INVAL;
	}
	if (!o->write && !o->read && !o->check_write && !o->check_read)
		o->write = o->read = true;
	/* Checking includes what is checked. */
	o->read = o->read || o->check_read;
	return 0;
}

int ior_opts_parse(int argc, char **argv, struct ior_opts *ret_opts, char *why, size_t cap)
{
	struct line l = { .argc = argc, .argv = argv, .next = 1, .why = why, .cap = cap };
	struct ior_opts o = {
		.api = "POSIX",
		.block_bytes = 1u << 20,
		.xfer_bytes = 256u << 10,
		.segments = 1,
		.repetitions = 1,
		.path = "testFile",
	};
	const char *arg;
	int rc = 0;

	while (l.next < l.argc && rc == 0) {
		arg = l.argv[l.next++];
		if (arg[0] == '-' && arg[1] == '-' && arg[2] != '\0') {
			rc = long_parse(&l, arg, &o);
		} else if (arg[0] == '-' && arg[1] != '\0' && arg[1] != '-') {
			rc = short_parse(&l, arg, &o);
		} else {
			(void)snprintf(why, cap,
				       "\"%s\" is not a flag, and no flag before it takes it", arg);
			rc = -DER_INVAL;
		}
	}
	if (rc == 0)
		rc = check(&o, why, cap);
	if (rc == 0)
		*ret_opts = o;
	return rc;
}

void ior_help(struct wl_env *env)
{
	static const char *const values[] = {
		[OPT_COUNT] = "N",
		[OPT_SIZE] = "SIZE",
		[OPT_TEXT] = "TEXT",
	};
	const struct opt *o;
	char label[48];
	size_t i;

	wl_printf(env, WL_OUT, "ior [flags]; sizes are 47008, 256k, 10m, 4g, 1t\n");
	for (i = 0; i < ARRAY_COUNT(opts_table); i++) {
		o = &opts_table[i];
		opt_label(o, label, sizeof(label));
		wl_printf(env, WL_OUT, "  %-16s %-5s %s\n", label,
			  takes_value(o) ? values[o->kind] : "", o->help);
	}
}

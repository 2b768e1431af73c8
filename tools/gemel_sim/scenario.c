#include "tools/gemel_sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>

#define STR_MAX 1024
#define WORDS_MAX 256
#define NODES_MAX 65536u

enum kind {
	KIND_CRASH,
	KIND_LOSS,
	KIND_DELAY,
	KIND_CORRUPT,
	KIND_PARTITION,
	KIND_DISK_SLOW,
	KIND_DISK_FAIL,
	KIND_DISK_TORN,
	KIND_DISK_CORRUPT,
};

struct raw_fault {
	enum kind kind;
	char *at;
	char *down;
	char *from;
	char *to;
	char *share;
	char *min;
	char *max;
	char *dev;
	uint32_t *node;
	uint32_t *src;
	uint32_t *dst;
	uint32_t *factor;
	uint32_t *nodes;
	uint32_t nodes_count;
};

struct raw_scenario {
	char *name;
	uint64_t *seed;
	uint32_t *ranks;
	char *workload;
	struct raw_fault *faults;
	uint32_t faults_count;
};

/* A fault with its numbers. */
struct fault {
	const struct raw_fault *raw;
	uint64_t at_ns;
	uint64_t down_ns;
	uint64_t from_ns;
	uint64_t to_ns;
	uint32_t ppm;
	uint64_t min_ns;
	uint64_t max_ns;
};

struct scenario {
	struct yaml_doc doc;
	const struct raw_scenario *raw;
	char error[YAML_ERROR_MAX];
	struct fault *faults;
	char *words_text;
	char *words[WORDS_MAX + 1];
	int word_count;
	char *file;
};

/* ---- schema ------------------------------------------------------------------------------- */

/* libcyaml's macros initialise every member but name only some; the rest is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define OPT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define F_STR(key) CYAML_FIELD_STRING_PTR(#key, OPT, struct raw_fault, key, 1, STR_MAX)
#define F_UINT(key) CYAML_FIELD_UINT_PTR(#key, OPT, struct raw_fault, key)

static const cyaml_schema_value_t idx_schema = {
	CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t),
};

static const cyaml_strval_t kinds[] = {
	{ "crash", KIND_CRASH },
	{ "loss", KIND_LOSS },
	{ "corrupt", KIND_CORRUPT },
	{ "delay", KIND_DELAY },
	{ "partition", KIND_PARTITION },
	{ "disk_slow", KIND_DISK_SLOW },
	{ "disk_fail", KIND_DISK_FAIL },
	{ "disk_torn", KIND_DISK_TORN },
	{ "disk_corrupt", KIND_DISK_CORRUPT },
};

static const cyaml_schema_field_t fault_fields[] = {
	CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct raw_fault, kind, kinds,
			 ARRAY_COUNT(kinds)),
	F_STR(at),
	F_STR(down),
	F_STR(from),
	F_STR(to),
	F_STR(share),
	F_STR(min),
	F_STR(max),
	F_STR(dev),
	F_UINT(node),
	F_UINT(src),
	F_UINT(dst),
	F_UINT(factor),
	CYAML_FIELD_SEQUENCE("nodes", OPT, struct raw_fault, nodes, &idx_schema, 1, NODES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t fault_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_fault, fault_fields),
};

static const cyaml_schema_field_t scenario_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct raw_scenario, name, 1, STR_MAX),
	CYAML_FIELD_UINT_PTR("seed", OPT, struct raw_scenario, seed),
	CYAML_FIELD_UINT_PTR("ranks", OPT, struct raw_scenario, ranks),
	CYAML_FIELD_STRING_PTR("workload", OPT, struct raw_scenario, workload, 1, STR_MAX),
	CYAML_FIELD_SEQUENCE("faults", OPT, struct raw_scenario, faults, &fault_schema, 0, 65536),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t scenario_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_scenario, scenario_fields),
};

/* ---- checks ------------------------------------------------------------------------------- */

/* What each kind must have and may have, besides its kind. */
struct rule {
	const char *must;
	const char *may;
};

static const struct rule rules[] = {
	[KIND_CRASH] = { " node at ", " down " },
	[KIND_LOSS] = { " from to share ", " src dst " },
	[KIND_DELAY] = { " from to share min max ", " src dst " },
	[KIND_CORRUPT] = { " from to share ", " src dst " },
	[KIND_PARTITION] = { " from to nodes ", "" },
	[KIND_DISK_SLOW] = { " from to share factor ", " node dev " },
	[KIND_DISK_FAIL] = { " from to share ", " node dev " },
	[KIND_DISK_TORN] = { " from to share ", " node dev " },
	[KIND_DISK_CORRUPT] = { " from to share ", " node dev " },
};

static bool listed(const char *list, const char *key)
{
	char word[32];

	(void)snprintf(word, sizeof(word), " %s ", key);
	return strstr(list, word) != NULL;
}

static int check_keys(struct scenario *s, uint32_t i, const struct raw_fault *f)
{
	const struct {
		const char *key;
		bool given;
	} keys[] = {
		{ "at", f->at != NULL },	 { "down", f->down != NULL },
		{ "from", f->from != NULL },	 { "to", f->to != NULL },
		{ "share", f->share != NULL },	 { "min", f->min != NULL },
		{ "max", f->max != NULL },	 { "dev", f->dev != NULL },
		{ "node", f->node != NULL },	 { "src", f->src != NULL },
		{ "dst", f->dst != NULL },	 { "factor", f->factor != NULL },
		{ "nodes", f->nodes != NULL },
	};
	const struct rule *rule = &rules[f->kind];
	char path[64];

	for (size_t k = 0; k < ARRAY_COUNT(keys); k++) {
		bool must = listed(rule->must, keys[k].key), may = listed(rule->may, keys[k].key);

		(void)snprintf(path, sizeof(path), "faults[%u].%s", i, keys[k].key);
		if (must && !keys[k].given)
			return yaml_error(&s->doc, path, "missing for this kind");
		if (!must && !may && keys[k].given)
			return yaml_error(&s->doc, path, "this kind has none");
	}
	return 0;
}

static int take_time(struct scenario *s, uint32_t i, const char *key, const char *text,
		     uint64_t *ret_ns)
{
	char path[64];

	if (text == NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "faults[%u].%s", i, key);
	if (profile_quantity(text, PROFILE_TIME, ret_ns) != 0)
		return yaml_error(&s->doc, path, "\"%s\" is not a time such as \"10 ms\"", text);
	if (*ret_ns > 1ull << 49)
		return yaml_error(&s->doc, path, "\"%s\" is beyond a week", text);
	return 0;
}

static int take_share(struct scenario *s, uint32_t i, const char *text, uint32_t *ret_ppm)
{
	char path[64], *end;
	double v;

	if (text == NULL)
		return 0;
	v = strtod(text, &end);
	(void)snprintf(path, sizeof(path), "faults[%u].share", i);
	if (end == text || *end != 0 || !(v >= 0 && v <= 1))
		return yaml_error(&s->doc, path, "\"%s\" is not between 0 and 1", text);
	*ret_ppm = (uint32_t)(v * 1e6 + 0.5);
	return 0;
}

static int check_fault(struct scenario *s, uint32_t i)
{
	const struct raw_fault *raw = &s->raw->faults[i];
	struct fault *f = &s->faults[i];
	char path[64];
	int rc = check_keys(s, i, raw);

	*f = (struct fault){ .raw = raw, .down_ns = SIM_NEVER };
	if (rc == 0)
		rc = take_time(s, i, "at", raw->at, &f->at_ns);
	if (rc == 0)
		rc = take_time(s, i, "down", raw->down, &f->down_ns);
	if (rc == 0)
		rc = take_time(s, i, "from", raw->from, &f->from_ns);
	if (rc == 0)
		rc = take_time(s, i, "to", raw->to, &f->to_ns);
	if (rc == 0)
		rc = take_time(s, i, "min", raw->min, &f->min_ns);
	if (rc == 0)
		rc = take_time(s, i, "max", raw->max, &f->max_ns);
	if (rc == 0)
		rc = take_share(s, i, raw->share, &f->ppm);
	if (rc != 0)
		return rc;
	(void)snprintf(path, sizeof(path), "faults[%u].%s", i,
		       f->from_ns > f->to_ns   ? "to"
		       : f->min_ns > f->max_ns ? "max"
					       : "factor");
	if (f->from_ns > f->to_ns || f->min_ns > f->max_ns)
		return yaml_error(&s->doc, path, "ends before it begins");
	if (raw->factor != NULL && *raw->factor == 0)
		return yaml_error(&s->doc, path, "0 is not at least 1");
	return 0;
}

static int split_words(struct scenario *s)
{
	char *save = NULL, *word;

	if (s->raw->workload == NULL)
		return 0;
	s->words_text = strdup(s->raw->workload);
	if (s->words_text == NULL)
		return -DER_NOMEM;
	for (word = strtok_r(s->words_text, " \t\n", &save); word != NULL;
	     word = strtok_r(NULL, " \t\n", &save)) {
		if (s->word_count == WORDS_MAX)
			return yaml_error(&s->doc, "workload", "more than %d words", WORDS_MAX);
		s->words[s->word_count++] = word;
	}
	return s->word_count > 0 ? 0 : yaml_error(&s->doc, "workload", "empty");
}

/* ---- public ------------------------------------------------------------------------------- */

int scenario_parse(const char *name, const char *text, size_t bytes, char *ret_error,
		   struct scenario **ret_scenario)
{
	struct scenario *s = calloc(1, sizeof(*s));
	int rc = -DER_NOMEM;

	if (s == NULL)
		return rc;
	s->file = strdup(name);
	if (s->file != NULL)
		rc = yaml_load(s->file, text, bytes, &scenario_schema, s->error, &s->doc);
	if (rc == 0) {
		s->raw = s->doc.raw;
		s->faults = calloc((size_t)s->raw->faults_count + 1, sizeof(*s->faults));
		rc = s->faults == NULL ? -DER_NOMEM : split_words(s);
	}
	for (uint32_t i = 0; rc == 0 && i < s->raw->faults_count; i++)
		rc = check_fault(s, i);
	if (rc != 0) {
		memcpy(ret_error, s->error, YAML_ERROR_MAX);
		scenario_free(s);
		return rc;
	}
	*ret_scenario = s;
	return 0;
}

int scenario_load(const char *path, char *ret_error, struct scenario **ret_scenario)
{
	size_t bytes;
	char *text;
	int rc = yaml_read(path, ret_error, &text, &bytes);

	if (rc != 0)
		return rc;
	rc = scenario_parse(path, text, bytes, ret_error, ret_scenario);
	yaml_text_free(text);
	return rc;
}

void scenario_free(struct scenario *s)
{
	if (s == NULL)
		return;
	yaml_unload(&s->doc);
	free(s->faults);
	free(s->words_text);
	free(s->file);
	free(s);
}

const char *scenario_name(const struct scenario *s)
{
	return s->raw->name;
}

bool scenario_seed(const struct scenario *s, uint64_t *ret_seed)
{
	if (s->raw->seed != NULL)
		*ret_seed = *s->raw->seed;
	return s->raw->seed != NULL;
}

bool scenario_ranks(const struct scenario *s, uint32_t *ret_ranks)
{
	if (s->raw->ranks != NULL)
		*ret_ranks = *s->raw->ranks;
	return s->raw->ranks != NULL;
}

char **scenario_workload(const struct scenario *s, int *ret_argc)
{
	if (s->word_count == 0)
		return NULL;
	*ret_argc = s->word_count;
	return (char **)s->words;
}

static uint32_t or_any(const uint32_t *idx)
{
	return idx != NULL ? *idx : SIM_ANY;
}

static int plan_message(const struct fault *f, struct sim *sim, uint64_t now)
{
	const struct raw_fault *raw = f->raw;
	struct sim_fault_msg m = {
		.from_ns = now + f->from_ns,
		.to_ns = now + f->to_ns,
		.src_idx = or_any(raw->src),
		.dst_idx = or_any(raw->dst),
		.link_idx = SIM_ANY,
		.delay_min_ns = f->min_ns,
		.delay_max_ns = f->max_ns,
	};

	if (raw->kind == KIND_LOSS)
		m.loss_ppm = f->ppm;
	else if (raw->kind == KIND_CORRUPT)
		m.corrupt_ppm = f->ppm;
	else
		m.delay_ppm = f->ppm;
	return sim_fault_message(sim, &m);
}

static int plan_disk(const struct fault *f, struct sim *sim, uint64_t now)
{
	static const enum sim_disk_fault_kind disk_kinds[] = {
		[KIND_DISK_SLOW] = SIM_DISK_SLOW,
		[KIND_DISK_FAIL] = SIM_DISK_FAIL,
		[KIND_DISK_TORN] = SIM_DISK_TORN,
		[KIND_DISK_CORRUPT] = SIM_DISK_CORRUPT,
	};
	const struct sim_fault_disk d = {
		.from_ns = now + f->from_ns,
		.to_ns = now + f->to_ns,
		.node_idx = or_any(f->raw->node),
		.dev = f->raw->dev,
		.kind = disk_kinds[f->raw->kind],
		.ppm = f->ppm,
		.factor = f->raw->factor != NULL ? *f->raw->factor : 0,
	};

	return sim_fault_disk(sim, &d);
}

static int plan_one(const struct fault *f, struct sim *sim, sim_boot_fn boot, void *arg)
{
	uint64_t now = sim_now_ns(sim);

	switch (f->raw->kind) {
	case KIND_CRASH:
		return sim_fault_crash(sim, *f->raw->node, now + f->at_ns, f->down_ns, boot, arg);
	case KIND_LOSS:
	case KIND_DELAY:
	case KIND_CORRUPT:
		return plan_message(f, sim, now);
	case KIND_PARTITION:
		return sim_fault_partition(sim, now + f->from_ns, now + f->to_ns, f->raw->nodes,
					   f->raw->nodes_count);
	default:
		return plan_disk(f, sim, now);
	}
}

static int check_node(const struct scenario *s, uint32_t i, const struct sim_profile *p,
		      char *ret_error)
{
	const struct raw_fault *f = s->faults[i].raw;
	uint32_t bad = UINT32_MAX;

	for (uint32_t k = 0; k < f->nodes_count; k++) {
		if (f->nodes[k] >= p->node_count)
			bad = f->nodes[k];
	}
	if (f->node != NULL && *f->node >= p->node_count)
		bad = *f->node;
	if (f->src != NULL && *f->src >= p->node_count)
		bad = *f->src;
	if (f->dst != NULL && *f->dst >= p->node_count)
		bad = *f->dst;
	if (bad == UINT32_MAX)
		return 0;
	(void)snprintf(ret_error, YAML_ERROR_MAX,
		       "%s:%u: faults[%u]: there is no node %u, only 0 to %u", s->file,
		       yaml_marks_line(s->doc.marks, "faults"), i, bad, p->node_count - 1);
	return -DER_INVAL;
}

int scenario_plan(const struct scenario *s, struct sim *sim, sim_boot_fn boot, void *arg,
		  char *ret_error)
{
	int rc = 0;

	for (uint32_t i = 0; i < s->raw->faults_count && rc == 0; i++) {
		rc = check_node(s, i, sim_profile_of(sim), ret_error);
		if (rc != 0)
			return rc;
		rc = plan_one(&s->faults[i], sim, boot, arg);
		if (rc != 0)
			(void)snprintf(ret_error, YAML_ERROR_MAX, "%s: faults[%u]: %s", s->file, i,
				       err_name(rc));
	}
	return rc;
}

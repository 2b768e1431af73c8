#include "sim/yaml_mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define DEPTH_MAX 32

struct mark {
	uint32_t line;
	char *path;
};

struct yaml_marks {
	struct mark *all;	/* in order of appearance */
	size_t nr;
	size_t cap;
};

/* One open mapping or sequence. */
struct level {
	size_t path_len;	/* of the container's own path */
	bool is_map;
	bool has_key;		/* a mapping whose key was read and whose value comes next */
	uint32_t idx;		/* next entry of a sequence */
};

struct walk {
	struct yaml_marks *marks;
	struct level levels[DEPTH_MAX];
	uint32_t depth;
	char path[YAML_PATH_MAX];
	size_t len;
	const char *why;
};

static int mark_add(struct yaml_marks *m, const char *path, uint32_t line)
{
	if (m->nr == m->cap) {
		size_t cap = m->cap == 0 ? 64 : m->cap * 2;
		struct mark *all = realloc(m->all, cap * sizeof(*all));

		if (all == NULL)
			return -DER_NOMEM;
		m->all = all;
		m->cap = cap;
	}
	m->all[m->nr].path = strdup(path);
	m->all[m->nr].line = line;
	if (m->all[m->nr].path == NULL)
		return -DER_NOMEM;
	m->nr++;
	return 0;
}

static int path_set(struct walk *w, size_t base_len, const char *text, size_t bytes)
{
	if (base_len + bytes >= sizeof(w->path) || memchr(text, 0, bytes) != NULL) {
		w->why = "key too long";
		return -DER_INVAL;
	}
	memcpy(w->path + base_len, text, bytes);
	w->len = base_len + bytes;
	w->path[w->len] = 0;
	return 0;
}

/* A value begins: give it its path. In a mapping the key has set it already. */
static int value_begins(struct walk *w, uint32_t line)
{
	struct level *top = w->depth > 0 ? &w->levels[w->depth - 1] : NULL;
	char entry[16];
	int rc, len;

	if (top == NULL || top->is_map)
		return 0;
	len = snprintf(entry, sizeof(entry), "[%u]", top->idx++);
	rc = path_set(w, top->path_len, entry, (size_t)len);
	return rc != 0 ? rc : mark_add(w->marks, w->path, line);
}

static int container_opens(struct walk *w, bool is_map, uint32_t line)
{
	int rc = value_begins(w, line);

	if (rc != 0)
		return rc;
	if (w->depth == DEPTH_MAX) {
		w->why = "nested too deeply";
		return -DER_INVAL;
	}
	w->levels[w->depth++] = (struct level){ .path_len = w->len, .is_map = is_map };
	return 0;
}

static void value_ends(struct walk *w)
{
	if (w->depth > 0)
		w->levels[w->depth - 1].has_key = false;
}

static int scalar(struct walk *w, const char *text, size_t bytes, uint32_t line)
{
	struct level *top = w->depth > 0 ? &w->levels[w->depth - 1] : NULL;
	size_t base;
	int rc;

	if (top == NULL || !top->is_map || top->has_key) {
		rc = value_begins(w, line);
		value_ends(w);
		return rc;
	}
	base = top->path_len;
	if (base > 0) {
		rc = path_set(w, base, ".", 1);
		if (rc != 0)
			return rc;
		base++;
	}
	rc = path_set(w, base, text, bytes);
	if (rc != 0)
		return rc;
	top->has_key = true;
	return mark_add(w->marks, w->path, line);
}

static int event(struct walk *w, const yaml_event_t *ev)
{
	uint32_t line = (uint32_t)ev->start_mark.line + 1;

	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return scalar(w, (const char *)ev->data.scalar.value, ev->data.scalar.length, line);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return container_opens(w, ev->type == YAML_MAPPING_START_EVENT, line);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		w->depth--;
		w->len = w->levels[w->depth].path_len;
		w->path[w->len] = 0;
		value_ends(w);
		return 0;
	case YAML_ALIAS_EVENT:
		w->why = "aliases are not allowed";
		return -DER_INVAL;
	default:
		return 0;
	}
}

/* Feed the walk until the stream ends. */
static int walk_all(struct walk *w, yaml_parser_t *parser, uint32_t *ret_line)
{
	bool end = false;

	while (!end) {
		yaml_event_t ev;
		int rc;

		if (!yaml_parser_parse(parser, &ev)) {
			size_t line = parser->problem_mark.line + 1;

			*ret_line = line > UINT32_MAX ? 1 : (uint32_t)line;
			w->why = parser->problem != NULL ? parser->problem : "not YAML";
			return -DER_INVAL;
		}
		end = ev.type == YAML_STREAM_END_EVENT;
		*ret_line = (uint32_t)ev.start_mark.line + 1;
		rc = event(w, &ev);
		yaml_event_delete(&ev);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int yaml_marks_create(const char *text, size_t bytes, uint32_t *ret_line, const char **ret_why,
		      struct yaml_marks **ret_marks)
{
	struct yaml_marks *m = calloc(1, sizeof(*m));
	yaml_parser_t parser;
	struct walk *w = calloc(1, sizeof(*w));
	int rc = -DER_NOMEM;

	if (m == NULL || w == NULL || !yaml_parser_initialize(&parser))
		goto out;
	w->marks = m;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
	rc = walk_all(w, &parser, ret_line);
	yaml_parser_delete(&parser);
	if (rc == -DER_INVAL)
		*ret_why = w->why;	/* libyaml's problems are constant strings */
	if (rc != 0)
		goto out;
	*ret_marks = m;
	m = NULL;
out:
	yaml_marks_destroy(m);
	free(w);
	return rc;
}

void yaml_marks_destroy(struct yaml_marks *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->nr; i++)
		free(m->all[i].path);
	free(m->all);
	free(m);
}

uint32_t yaml_marks_line(const struct yaml_marks *m, const char *path)
{
	size_t len = strlen(path);

	while (len > 0) {
		for (size_t i = 0; i < m->nr; i++) {
			if (strlen(m->all[i].path) == len && memcmp(m->all[i].path, path, len) == 0)
				return m->all[i].line;
		}
		while (len > 0 && path[--len] != '.' && path[len] != '[')
			continue;
	}
	return 1;
}

int yaml_marks_find(const struct yaml_marks *m, const char *key, uint32_t from_line,
		    uint32_t *ret_line, const char **ret_path)
{
	for (size_t i = 0; i < m->nr; i++) {
		const char *leaf = strrchr(m->all[i].path, '.');

		leaf = leaf == NULL ? m->all[i].path : leaf + 1;
		if (m->all[i].line >= from_line && strcmp(leaf, key) == 0) {
			*ret_line = m->all[i].line;
			*ret_path = m->all[i].path;
			return 0;
		}
	}
	return -DER_NONEXIST;
}

const char *yaml_marks_at(const struct yaml_marks *m, uint32_t line)
{
	const char *path = "";

	for (size_t i = 0; i < m->nr && m->all[i].line <= line; i++)
		path = m->all[i].path;
	return path;
}

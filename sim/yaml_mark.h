/**
 * yaml_mark: where in a YAML text each key stands. libcyaml checks a text against a schema but says
 * little about places; this index turns a key's path ("topology.links[2].bandwidth") into its line.
 */
#ifndef GEMEL_SIM_YAML_MARK_H
#define GEMEL_SIM_YAML_MARK_H

#include "core/base/base.h"

#define YAML_PATH_MAX 256

struct yaml_marks;

/**
 * Index @text. On a syntax error @ret_line and @ret_why (static or constant text) say where and
 * what. Owned by the caller: yaml_marks_destroy(). Errors: -DER_INVAL (syntax, more than 32
 * levels, keys that make a path longer than YAML_PATH_MAX), -DER_NOMEM.
 */
int yaml_marks_create(const char *text, size_t bytes, uint32_t *ret_line, const char **ret_why,
		      struct yaml_marks **ret_marks);

/** NULL is accepted. */
void yaml_marks_destroy(struct yaml_marks *m);

/** Line of @path, or of its nearest ancestor that exists; 1 at worst. */
uint32_t yaml_marks_line(const struct yaml_marks *m, const char *path);

/** The first key @key on or after @from_line: its line and full path. Errors: -DER_NONEXIST. */
int yaml_marks_find(const struct yaml_marks *m, const char *key, uint32_t from_line,
		    uint32_t *ret_line, const char **ret_path);

/** Path of the last key that starts on or before @line; "" when there is none. */
const char *yaml_marks_at(const struct yaml_marks *m, uint32_t line);

#endif

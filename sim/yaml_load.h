/**
 * yaml_load: a YAML text checked against a libcyaml schema, with every complaint naming file,
 * line and key. What the schema cannot express is checked by the caller, who complains through
 * yaml_error().
 */
#ifndef GEMEL_SIM_YAML_LOAD_H
#define GEMEL_SIM_YAML_LOAD_H

#include <cyaml/cyaml.h>

#include "sim/yaml_mark.h"

#define YAML_ERROR_MAX 512
#define YAML_FILE_MAX (4u << 20)

struct yaml_doc {
	const char *file;	/**< for complaints */
	const cyaml_schema_value_t *schema;
	struct yaml_marks *marks;
	void *raw;		/**< what the schema describes */
	char *error;		/**< the caller's, YAML_ERROR_MAX bytes */
};

/**
 * Owned by the caller: yaml_unload(). @ret_error: "NAME:LINE: KEY: what is wrong".
 * Errors: -DER_INVAL (told), -DER_NOMEM.
 */
int yaml_load(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema,
	      char *ret_error, struct yaml_doc *ret_doc);
void yaml_unload(struct yaml_doc *doc);

/** Complain about the value at @path: writes doc->error, returns -DER_INVAL. */
int yaml_error(struct yaml_doc *doc, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** The whole of a file; yaml_text_free(). Errors (told): -DER_NONEXIST, -DER_NO_PERM, -DER_IO,
 * -DER_INVAL (larger than YAML_FILE_MAX), -DER_NOMEM. */
int yaml_read(const char *path, char *ret_error, char **ret_text, size_t *ret_bytes);
void yaml_text_free(char *text);

#endif

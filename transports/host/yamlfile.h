/**
 * yamlfile: a YAML file by a schema of libcyaml, and in one line what is wrong with it:
 * "FILE:LINE: KEY: what". So for the system file and the files of programs alike.
 */
#ifndef GEMEL_TRANSPORTS_HOST_YAMLFILE_H
#define GEMEL_TRANSPORTS_HOST_YAMLFILE_H

#include <cyaml/cyaml.h>
#include <stddef.h>

#define YAMLFILE_BYTES_MAX (64u << 20)

/**
 * Read @path. @err, of @err_cap bytes, gets what is wrong, else "". Owned by the caller:
 * yamlfile_free(). Errors: -DER_NONEXIST (no such file), -DER_NO_PERM and others of opening it,
 * -DER_INVAL (not YAML, or not by @schema), -DER_NOMEM.
 */
int yamlfile_load(const char *path, const cyaml_schema_value_t *schema, char *err, size_t err_cap,
		  void **ret_data);

/** The same from memory; @name stands for the file in messages. */
int yamlfile_parse(const char *name, const void *text, size_t bytes,
		   const cyaml_schema_value_t *schema, char *err, size_t err_cap, void **ret_data);

/** NULL is accepted. */
void yamlfile_free(const cyaml_schema_value_t *schema, void *data);

#endif

/* libcyaml's complaints turned into file, line and key. */
#include "sim/yaml_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FIELD_MAX 64

int yaml_error(struct yaml_doc *s, const char *path, const char *fmt, ...)
{
	uint32_t line = yaml_marks_line(s->marks, path);
	char why[YAML_ERROR_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(s->error, YAML_ERROR_MAX, "%s:%u: %s%s%s", s->file, line, path,
		 path[0] != 0 ? ": " : "", why);
	return -DER_INVAL;
}

/* What libcyaml logged: its first sentence, and the innermost line that it knows. */
struct complaint {
	char why[256];
	char field[FIELD_MAX];	/* the key of the innermost mapping that was read last */
	uint32_t line;
};

static void log_keep(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	struct complaint *c = ctx;
	const char *at;
	char line[256];

	(void)level;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	at = strstr(line, "in mapping field '");
	if (at != NULL && c->field[0] == 0)
		snprintf(c->field, sizeof(c->field), "%.*s", (int)strcspn(at + 18, "'"), at + 18);
	at = strstr(line, "(line: ");
	if (at != NULL && c->line == 0)
		c->line = (uint32_t)strtoul(at + 7, NULL, 10);
	if (c->why[0] == 0)
		snprintf(c->why, sizeof(c->why), "%s",
			 strncmp(line, "Load: ", 6) == 0 ? line + 6 : line);
}

/* "a.b.c.d", "c" -> "a.b": the mapping that the last "c" stands in. */
static void cut_at(char *path, const char *field)
{
	size_t len = strlen(field);

	for (char *at = path + strlen(path); at-- > path;) {
		if ((at == path || at[-1] == '.') && strncmp(at, field, len) == 0 &&
		    (at[len] == 0 || at[len] == '.' || at[len] == '[')) {
			*(at == path ? at : at - 1) = 0;
			return;
		}
	}
}

/* Name the key that libcyaml means. It knows the line of the event before an unknown key, and that
 * of the last key where one is missing. */
static int complain(struct yaml_doc *s, const struct complaint *c)
{
	static const char unknown[] = "Unexpected key: ";
	static const char twice[] = "Mapping field already seen: ";
	static const char missing[] = "Missing required mapping field: ";
	uint32_t line = c->line == 0 ? 1 : c->line;
	const char *path = yaml_marks_at(s->marks, line);
	const char *why = c->why[0] != 0 ? c->why : "not what this file should hold";
	char key[YAML_PATH_MAX + FIELD_MAX];

	if (strncmp(why, unknown, sizeof(unknown) - 1) == 0) {
		(void)yaml_marks_find(s->marks, why + sizeof(unknown) - 1, line, &line, &path);
		why = "unknown key";
	} else if (strncmp(why, twice, sizeof(twice) - 1) == 0) {
		(void)yaml_marks_find(s->marks, why + sizeof(twice) - 1, line + 1, &line, &path);
		why = "there twice";
	} else if (strncmp(why, missing, sizeof(missing) - 1) == 0) {
		snprintf(key, YAML_PATH_MAX, "%s", path);
		cut_at(key, c->field);
		line = yaml_marks_line(s->marks, key);
		snprintf(key + strlen(key), FIELD_MAX, "%s%s", key[0] != 0 ? "." : "",
			 why + sizeof(missing) - 1);
		path = key;
		why = "missing";
	}
	snprintf(s->error, YAML_ERROR_MAX, "%s:%u: %s%s%s", s->file, line, path,
		 path[0] != 0 ? ": " : "", why);
	return -DER_INVAL;
}

/* ---- public ------------------------------------------------------------------------------- */

static cyaml_config_t config_for(struct complaint *c)
{
	return (cyaml_config_t){
		.log_fn = log_keep,
		.log_ctx = c,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

int yaml_load(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema,
	      char *ret_error, struct yaml_doc *ret_doc)
{
	struct yaml_doc doc = { .file = name, .schema = schema, .error = ret_error };
	struct complaint complaint = { .line = 0 };
	const cyaml_config_t config = config_for(&complaint);
	const char *why = "not YAML";
	uint32_t line = 1;
	cyaml_err_t err;
	int rc;

	rc = yaml_marks_create(text, bytes, &line, &why, &doc.marks);
	if (rc == -DER_INVAL)
		snprintf(ret_error, YAML_ERROR_MAX, "%s:%u: %s", name, line, why);
	if (rc != 0)
		return rc;
	err = cyaml_load_data((const uint8_t *)text, bytes, &config, schema, &doc.raw, NULL);
	if (err == CYAML_OK && doc.raw != NULL) {
		*ret_doc = doc;
		return 0;
	}
	rc = err == CYAML_ERR_OOM ? -DER_NOMEM : complain(&doc, &complaint);
	yaml_unload(&doc);
	return rc;
}

void yaml_unload(struct yaml_doc *doc)
{
	struct complaint ignored = { .line = 0 };
	const cyaml_config_t config = config_for(&ignored);

	if (doc->raw != NULL)
		cyaml_free(&config, doc->schema, doc->raw, 0);
	yaml_marks_destroy(doc->marks);
	doc->raw = NULL;
	doc->marks = NULL;
}

static int read_all(FILE *f, char **ret_text, size_t *ret_bytes)
{
	char *text = malloc(YAML_FILE_MAX + 1);
	size_t bytes;

	if (text == NULL)
		return -DER_NOMEM;
	bytes = fread(text, 1, YAML_FILE_MAX + 1, f);
	if (ferror(f) != 0 || bytes > YAML_FILE_MAX) {
		free(text);
		return ferror(f) != 0 ? -DER_IO : -DER_OVERFLOW;
	}
	*ret_text = text;
	*ret_bytes = bytes;
	return 0;
}

int yaml_read(const char *path, char *ret_error, char **ret_text, size_t *ret_bytes)
{
	FILE *f = fopen(path, "re");
	int rc;

	if (f == NULL) {
		rc = err_from_errno(errno);
		snprintf(ret_error, YAML_ERROR_MAX, "%s: %s", path, strerror(errno));
		return rc;
	}
	rc = read_all(f, ret_text, ret_bytes);
	fclose(f);
	if (rc != 0)
		snprintf(ret_error, YAML_ERROR_MAX, "%s: %s", path,
			 rc == -DER_OVERFLOW ? "too large" : err_name(rc));
	return rc == -DER_OVERFLOW ? -DER_INVAL : rc;
}

void yaml_text_free(char *text)
{
	free(text);
}

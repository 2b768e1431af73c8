#include "transports/host/yamlfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/base.h"

#define WHAT_BYTES 256
#define KEY_BYTES 256

/* What libcyaml says, piece by piece: a message, then from the inside out where it is. */
struct report {
	char what[WHAT_BYTES];
	char key[KEY_BYTES];	/* "engines[0].storage.class", built from its end */
	unsigned int line;
};

static void key_prepend(struct report *r, const char *piece, const char *glue)
{
	char key[KEY_BYTES];
	int n = snprintf(key, sizeof(key), "%s%s%s", piece, r->key[0] != 0 ? glue : "", r->key);

	if (n > 0 && (size_t)n < sizeof(key))
		memcpy(r->key, key, (size_t)n + 1);
}

/* One step of the way: "in mapping field 'NAME' (line: N, column: M)", "in sequence entry 'N' …" */
static void place_take(struct report *r, const char *text)
{
	const char *open = strchr(text, '\'');
	const char *close = open != NULL ? strchr(open + 1, '\'') : NULL;
	const char *line = strstr(text, "(line: ");
	char piece[128];

	if (line != NULL && r->line == 0)
		r->line = (unsigned int)strtoul(line + 7, NULL, 10);
	if (close == NULL || (size_t)(close - open) > sizeof(piece) - 3)
		return;
	if (strstr(text, "sequence entry") != NULL) {
		unsigned long entry = strtoul(open + 1, NULL, 10);

		/* Counted when an entry begins. */
		(void)snprintf(piece, sizeof(piece), "[%lu]", entry > 0 ? entry - 1 : 0);
		key_prepend(r, piece, r->key[0] == '[' ? "" : ".");
	} else {
		(void)snprintf(piece, sizeof(piece), "%.*s", (int)(close - open - 1), open + 1);
		key_prepend(r, piece, r->key[0] == '[' ? "" : ".");
	}
}

static void log_line(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct report *r = ctx;
	char text[512];
	char *at = text;
	int n = vsnprintf(text, sizeof(text), fmt, args);

	(void)level;
	if (n <= 0)
		return;
	text[strcspn(text, "\n")] = 0;
	while (isspace((unsigned char)*at))
		at++;
	if (strncmp(at, "Load: ", 6) == 0)
		at += 6;
	if (strncmp(at, "in ", 3) == 0)
		place_take(r, at);
	else if (strncmp(at, "Backtrace", 9) != 0 && r->what[0] == 0)
		(void)snprintf(r->what, sizeof(r->what), "%.*s", WHAT_BYTES - 1, at);
}

static const cyaml_config_t base_config = {
	.log_fn = log_line,
	.log_level = CYAML_LOG_ERROR,
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_DEFAULT,
};

/* For a key that no schema has, libcyaml names the key but no place. The first line that begins with it. */
static unsigned int key_line(const char *text, size_t bytes, const char *key)
{
	size_t len = strlen(key);
	unsigned int line = 1;
	size_t at = 0;

	while (at < bytes) {
		size_t i = at;

		while (i < bytes && (text[i] == ' ' || text[i] == '-'))
			i++;
		if (bytes - i > len && memcmp(text + i, key, len) == 0 &&
		    (text[i + len] == ':' || text[i + len] == ' '))
			return line;
		while (at < bytes && text[at] != '\n')
			at++;
		at++;
		line++;
	}
	return 0;
}

static void explain(struct report *r, const char *name, const char *text, size_t bytes,
		    cyaml_err_t yrc, char *err, size_t err_cap)
{
	static const char unknown[] = "Unexpected key: ";
	char where[32] = "";

	if (strncmp(r->what, unknown, sizeof(unknown) - 1) == 0)
		r->line = key_line(text, bytes, r->what + sizeof(unknown) - 1);
	if (r->line != 0)
		(void)snprintf(where, sizeof(where), ":%u", r->line);
	(void)snprintf(err, err_cap, "%s%s: %s%s%s", name, where, r->key,
		       r->key[0] != 0 ? ": " : "", r->what[0] != 0 ? r->what : cyaml_strerror(yrc));
}

int yamlfile_parse(const char *name, const void *text, size_t bytes,
		   const cyaml_schema_value_t *schema, char *err, size_t err_cap, void **ret_data)
{
	struct report r = { .line = 0 };
	cyaml_config_t config = base_config;
	cyaml_data_t *data = NULL;
	cyaml_err_t yrc;

	ASSERT(err_cap > 0);
	err[0] = 0;
	config.log_ctx = &r;
	yrc = cyaml_load_data(text, bytes, &config, schema, &data, NULL);
	if (yrc == CYAML_OK && data != NULL) {
		*ret_data = data;
		return 0;
	}
	if (yrc == CYAML_OK)	/* no document, and no complaint */
		(void)snprintf(err, err_cap, "%s: is empty", name);
	else
		explain(&r, name, text, bytes, yrc, err, err_cap);
	return yrc == CYAML_ERR_OOM ? -DER_NOMEM : -DER_INVAL;
}

/* All of the file. */
static int slurp(const char *path, char **ret_text, size_t *ret_bytes)
{
	FILE *f = fopen(path, "re");
	size_t cap = 16384;
	size_t used = 0;
	char *text = NULL;
	int rc = 0;

	if (f == NULL)
		return err_from_errno(errno);
	while (rc == 0) {
		char *more = realloc(text, cap);
		size_t n;

		if (more == NULL) {
			rc = -DER_NOMEM;
			break;
		}
		text = more;
		n = fread(text + used, 1, cap - used, f);
		used += n;
		if (used < cap) {
			rc = ferror(f) ? err_from_errno(errno) : 0;
			break;
		}
		cap *= 2;
		if (cap > YAMLFILE_BYTES_MAX)
			rc = -DER_INVAL;
	}
	(void)fclose(f);
	if (rc != 0) {
		free(text);
		return rc;
	}
	*ret_text = text;
	*ret_bytes = used;
	return 0;
}

int yamlfile_load(const char *path, const cyaml_schema_value_t *schema, char *err, size_t err_cap,
		  void **ret_data)
{
	size_t bytes = 0;
	char *text = NULL;
	int rc;

	ASSERT(err_cap > 0);
	errno = 0;
	rc = slurp(path, &text, &bytes);
	if (rc != 0) {
		(void)snprintf(err, err_cap, "%s: %s", path,
			       errno != 0 ? strerror(errno) : err_name(rc));
		return rc;
	}
	rc = yamlfile_parse(path, text, bytes, schema, err, err_cap, ret_data);
	free(text);
	return rc;
}

void yamlfile_free(const cyaml_schema_value_t *schema, void *data)
{
	if (data != NULL)
		(void)cyaml_free(&base_config, schema, data, 0);
}

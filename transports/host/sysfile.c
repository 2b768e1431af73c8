#include "transports/host/sysfile.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const cyaml_schema_field_t rank_fields[] = {
	CYAML_FIELD_UINT("rank", CYAML_FLAG_DEFAULT, struct sysfile_rank, rank),
	CYAML_FIELD_STRING_PTR("uri", CYAML_FLAG_POINTER, struct sysfile_rank, uri, 1,
			       RT_URI_MAX - 8),
	CYAML_FIELD_UINT("targets", CYAML_FLAG_DEFAULT, struct sysfile_rank, targets),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t rank_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sysfile_rank, rank_fields),
};

static const cyaml_schema_field_t sys_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct sysfile, name, 1,
			       SYSFILE_NAME_MAX),
	CYAML_FIELD_SEQUENCE_COUNT("ranks", CYAML_FLAG_POINTER, struct sysfile, ranks, nr,
				   &rank_schema, 1, SYSFILE_RANKS_MAX),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t sys_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sysfile, sys_fields),
};

struct err_text {
	const char *path;
	char *buf;
	size_t cap;
	size_t used;
};

/* libcyaml tells what and where in several lines; keep them as one. */
static void log_line(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct err_text *e = ctx;
	int n;

	(void)level;
	if (e->used + 2 >= e->cap)
		return;
	n = vsnprintf(e->buf + e->used, e->cap - e->used, fmt, args);
	if (n <= 0)
		return;
	e->used = min_u64(e->used + (size_t)n, e->cap - 1);
	while (e->used > 0 && e->buf[e->used - 1] == '\n')
		e->buf[--e->used] = 0;
	if (e->used + 2 < e->cap) {
		e->buf[e->used++] = ' ';
		e->buf[e->used] = 0;
	}
}

static const cyaml_config_t base_config = {
	.log_level = CYAML_LOG_ERROR,
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_DEFAULT,
};

static int by_rank(const void *a, const void *b)
{
	const struct sysfile_rank *x = a;
	const struct sysfile_rank *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int sys_check(struct sysfile *sys, struct err_text *e)
{
	char uri[RT_URI_MAX];
	uint32_t i;

	qsort(sys->ranks, sys->nr, sizeof(*sys->ranks), by_rank);
	for (i = 0; i < sys->nr; i++) {
		const struct sysfile_rank *r = &sys->ranks[i];

		if (i > 0 && r->rank == sys->ranks[i - 1].rank) {
			(void)snprintf(e->buf, e->cap, "%s: rank %u is there twice", e->path,
				       r->rank);
			return -DER_INVAL;
		}
		if (r->targets == 0 || r->targets > SYSFILE_TARGETS_MAX) {
			(void)snprintf(e->buf, e->cap, "%s: rank %u: targets: %u is not in 1…%u",
				       e->path, r->rank, r->targets, SYSFILE_TARGETS_MAX);
			return -DER_INVAL;
		}
		if (sysfile_uri(r->uri, (uint16_t)r->targets, uri) != 0) {
			(void)snprintf(e->buf, e->cap,
				       "%s: rank %u: uri: \"%s\" is not ofi+PROVIDER://HOST:PORT",
				       e->path, r->rank, r->uri);
			return -DER_INVAL;
		}
	}
	return 0;
}

int sysfile_load(const char *path, char *err, size_t err_cap, struct sysfile **ret_sys)
{
	struct err_text e = { .path = path, .buf = err, .cap = err_cap };
	cyaml_config_t config = base_config;
	struct sysfile *sys = NULL;
	cyaml_err_t yrc;
	int rc;

	ASSERT(err_cap > 0);
	err[0] = 0;
	if (access(path, R_OK) != 0) {
		rc = err_from_errno(errno);
		(void)snprintf(err, err_cap, "%s: %s", path, strerror(errno));
		return rc;
	}
	e.used = (size_t)snprintf(err, err_cap, "%s: ", path);
	if (e.used >= err_cap)
		e.used = err_cap - 1;
	config.log_fn = log_line;
	config.log_ctx = &e;
	yrc = cyaml_load_file(path, &config, &sys_schema, (cyaml_data_t **)&sys, NULL);
	if (yrc != CYAML_OK) {
		if (e.used + 1 < e.cap)
			(void)snprintf(err + e.used, err_cap - e.used, "(%s)", cyaml_strerror(yrc));
		return yrc == CYAML_ERR_OOM ? -DER_NOMEM : -DER_INVAL;
	}
	rc = sys_check(sys, &e);
	if (rc != 0) {
		sysfile_free(sys);
		return rc;
	}
	err[0] = 0;
	*ret_sys = sys;
	return 0;
}

void sysfile_free(struct sysfile *sys)
{
	if (sys != NULL)
		(void)cyaml_free(&base_config, &sys_schema, sys, 0);
}

const struct sysfile_rank *sysfile_find(const struct sysfile *sys, uint32_t rank)
{
	struct sysfile_rank key = { .rank = rank };

	return bsearch(&key, sys->ranks, sys->nr, sizeof(*sys->ranks), by_rank);
}

int sysfile_addr(const char *uri, struct sysfile_addr *ret_addr)
{
	struct sysfile_addr a = { .port = 0 };
	const char *sep = strstr(uri, "://");
	const char *colon;
	char *end;
	unsigned long port;
	size_t n;

	if (strncmp(uri, "ofi+", 4) != 0 || sep == NULL)
		return -DER_INVAL;
	n = (size_t)(sep - uri) - 4;
	if (n == 0 || n >= sizeof(a.provider))
		return -DER_INVAL;
	memcpy(a.provider, uri + 4, n);
	sep += 3;
	if (strcmp(a.provider, "shm") == 0) {
		n = strlen(sep);
		if (n == 0 || n >= sizeof(a.host))
			return -DER_INVAL;
		memcpy(a.host, sep, n);
		*ret_addr = a;
		return 0;
	}
	colon = strrchr(sep, ':');
	if (colon == NULL || colon == sep || (size_t)(colon - sep) >= sizeof(a.host))
		return -DER_INVAL;
	memcpy(a.host, sep, (size_t)(colon - sep));
	port = strtoul(colon + 1, &end, 10);
	if (*end != 0 || end == colon + 1 || port == 0 || port > 65535)
		return -DER_INVAL;
	a.port = (uint16_t)port;
	*ret_addr = a;
	return 0;
}

int sysfile_uri(const char *rank_uri, uint16_t tag, char *ret_uri)
{
	struct sysfile_addr a;
	int n;
	int rc = sysfile_addr(rank_uri, &a);

	if (rc != 0)
		return rc;
	if (a.port == 0) {
		n = snprintf(ret_uri, RT_URI_MAX, "%s-%u", rank_uri, tag);
	} else {
		if (a.port + tag > 65535)
			return -DER_INVAL;
		n = snprintf(ret_uri, RT_URI_MAX, "ofi+%s://%s:%u", a.provider, a.host,
			     (unsigned int)a.port + tag);
	}
	return n > 0 && n < (int)RT_URI_MAX ? 0 : -DER_INVAL;
}

/* "tcp;ofi_rxm" is a utility provider over a core one: libfabric's filter wants a list of both. */
void sysfile_limit_providers(const struct sysfile *sys)
{
	char list[256] = "";
	size_t used = 0;
	uint32_t i;

	for (i = 0; i < sys->nr; i++) {
		struct sysfile_addr a;
		char *semicolon;

		if (sysfile_addr(sys->ranks[i].uri, &a) != 0)
			continue;
		while ((semicolon = strchr(a.provider, ';')) != NULL)
			*semicolon = ',';
		if (strstr(list, a.provider) != NULL)
			continue;
		if (used + strlen(a.provider) + 2 > sizeof(list))
			return;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 used > 0 ? "," : "", a.provider);
	}
	/* A failure leaves the environment as it was: slower, not wrong. */
	(void)setenv("FI_PROVIDER", list, 0);
}

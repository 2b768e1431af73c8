#include "transports/host/sysfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "transports/host/yamlfile.h"

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
	const char *name;
	char *buf;
	size_t cap;
};

static int wrong(struct err_text *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct err_text *e, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(e->buf, e->cap, "%s: ", e->name);

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < e->cap)
		(void)vsnprintf(e->buf + n, e->cap - (size_t)n, fmt, ap);
	va_end(ap);
	return -DER_INVAL;
}

static int by_rank(const void *a, const void *b)
{
	const struct sysfile_rank *x = a;
	const struct sysfile_rank *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* The addresses that a rank's streams listen at. */
struct span {
	struct sysfile_addr addr;
	const struct sysfile_rank *rank;
};

static int by_addr(const void *a, const void *b)
{
	const struct span *x = a;
	const struct span *y = b;
	int rc = strcmp(x->addr.host, y->addr.host);

	return rc != 0 ? rc : (int)x->addr.port - (int)y->addr.port;
}

/* No two streams may listen at one address. */
static int check_spans(const struct sysfile *sys, struct err_text *e)
{
	struct span *v = calloc(sys->nr, sizeof(*v));
	uint32_t i;
	int rc = 0;

	if (v == NULL)
		return -DER_NOMEM;
	for (i = 0; i < sys->nr; i++) {
		v[i].rank = &sys->ranks[i];
		(void)sysfile_addr(sys->ranks[i].uri, &v[i].addr);	/* checked before */
	}
	qsort(v, sys->nr, sizeof(*v), by_addr);
	for (i = 1; i < sys->nr && rc == 0; i++) {
		const struct span *a = &v[i - 1];
		const struct span *b = &v[i];

		if (strcmp(a->addr.host, b->addr.host) == 0 &&
		    a->addr.port + a->rank->targets >= b->addr.port)
			rc = wrong(
				e,
				"rank %u and rank %u: both listen at %s:%u (a rank takes a port, "
				"and one more for each target)",
				a->rank->rank, b->rank->rank, b->addr.host, b->addr.port);
	}
	free(v);
	return rc;
}

static int sys_check(struct sysfile *sys, struct err_text *e)
{
	char uri[RT_URI_MAX];
	uint32_t i;

	qsort(sys->ranks, sys->nr, sizeof(*sys->ranks), by_rank);
	for (i = 0; i < sys->nr; i++) {
		const struct sysfile_rank *r = &sys->ranks[i];

		if (i > 0 && r->rank == sys->ranks[i - 1].rank)
			return wrong(e, "rank %u is there twice", r->rank);
		if (r->targets == 0 || r->targets > SYSFILE_TARGETS_MAX)
			return wrong(e, "rank %u: targets: %u is not in 1…%u", r->rank, r->targets,
				     SYSFILE_TARGETS_MAX);
		if (sysfile_uri(r->uri, (uint16_t)r->targets, uri) != 0)
			return wrong(e,
				     "rank %u: uri: \"%s\" is not ofi+PROVIDER://HOST:PORT with "
				     "room for %u more ports",
				     r->rank, r->uri, r->targets);
	}
	return check_spans(sys, e);
}

static int sys_take(struct sysfile *sys, struct err_text *e, struct sysfile **ret_sys)
{
	int rc = sys_check(sys, e);

	if (rc != 0) {
		sysfile_free(sys);
		return rc;
	}
	*ret_sys = sys;
	return 0;
}

int sysfile_load(const char *path, char *err, size_t err_cap, struct sysfile **ret_sys)
{
	struct err_text e = { .name = path, .buf = err, .cap = err_cap };
	void *sys;
	int rc = yamlfile_load(path, &sys_schema, err, err_cap, &sys);

	return rc != 0 ? rc : sys_take(sys, &e, ret_sys);
}

int sysfile_parse(const char *name, const void *text, size_t bytes, char *err, size_t err_cap,
		  struct sysfile **ret_sys)
{
	struct err_text e = { .name = name, .buf = err, .cap = err_cap };
	void *sys;
	int rc = yamlfile_parse(name, text, bytes, &sys_schema, err, err_cap, &sys);

	return rc != 0 ? rc : sys_take(sys, &e, ret_sys);
}

void sysfile_free(struct sysfile *sys)
{
	yamlfile_free(&sys_schema, sys);
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

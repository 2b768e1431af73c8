/* Addresses: ofi+PROVIDER://HOST:PORT and ofi+shm://NAME, from and to libfabric's raw form. */
#include "transports/ofi/ofi_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* A name as it stands; under "fi_shm" the provider would add numbers of its own to it. */
#define SHM_PREFIX "fi_ns://"
#define SHM_NAME_MAX 64u

/*
 * Only providers of which we know how exposed memory is taken back. verbs and cxi have not been run
 * here: their rows say what their specifications promise.
 */
static const struct ofi_provider_info providers[] = {
	{ .name = "tcp;ofi_rxm", .revoke = OFI_REVOKE_CONN, .ip = true, .tcp = true },
	{ .name = "net", .revoke = OFI_REVOKE_CONN, .ip = true, .tcp = true },
	{ .name = "shm", .revoke = OFI_REVOKE_OWN, .shm = true },
	{ .name = "verbs;ofi_rxm", .revoke = OFI_REVOKE_ASK_MR, .ip = true },
	{ .name = "cxi", .revoke = OFI_REVOKE_MR },
};

const struct ofi_provider_info *ofi_provider_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(providers); i++)
		if (strlen(providers[i].name) == len && memcmp(providers[i].name, name, len) == 0)
			return &providers[i];
	return NULL;
}

static bool shm_name_ok(const char *name)
{
	size_t len = strlen(name);
	size_t i;

	if (len == 0 || len > SHM_NAME_MAX || name[0] == '.')
		return false;
	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] == '/' || name[i] == ':' || name[i] == 0x7f)
			return false;
	return true;
}

static int shm_addr(const char *name, uint8_t *ret_addr, uint32_t *ret_bytes)
{
	int n;

	if (!shm_name_ok(name))
		return -DER_INVAL;
	n = snprintf((char *)ret_addr, OFI_ADDR_MAX, SHM_PREFIX "%s", name);
	ASSERT(n > 0 && (uint32_t)n < OFI_ADDR_MAX);
	*ret_bytes = (uint32_t)n + 1;
	return 0;
}

static int ip_resolve(const char *host, uint16_t port, uint32_t format, uint8_t *ret_addr,
		      uint32_t *ret_bytes)
{
	struct addrinfo hints = {
		.ai_family = format == FI_SOCKADDR_IN6 ? AF_INET6 :
			     format == FI_SOCKADDR_IN ? AF_INET : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST,
	};
	struct addrinfo *ai = NULL;

	/* A name costs a look-up that may block; addresses do not. */
	if (getaddrinfo(host, NULL, &hints, &ai) != 0) {
		hints.ai_flags = 0;
		if (getaddrinfo(host, NULL, &hints, &ai) != 0)
			return -DER_NONEXIST;
	}
	ASSERT(ai->ai_addrlen <= OFI_ADDR_MAX);
	memset(ret_addr, 0, OFI_ADDR_MAX);
	memcpy(ret_addr, ai->ai_addr, ai->ai_addrlen);
	*ret_bytes = ai->ai_addrlen;
	if (ai->ai_family == AF_INET)
		((struct sockaddr_in *)(void *)ret_addr)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)(void *)ret_addr)->sin6_port = htons(port);
	freeaddrinfo(ai);
	return 0;
}

static int ip_addr(struct ofi *o, const char *rest, uint8_t *ret_addr, uint32_t *ret_bytes)
{
	char host[RT_URI_MAX];
	const char *colon = strrchr(rest, ':');
	size_t len;
	char *end;
	unsigned long port;

	if (colon == NULL || colon == rest)
		return -DER_INVAL;
	errno = 0;
	port = strtoul(colon + 1, &end, 10);
	if (errno != 0 || end == colon + 1 || *end != '\0' || port == 0 || port > UINT16_MAX ||
	    colon[1] < '0' || colon[1] > '9')
		return -DER_INVAL;
	len = (size_t)(colon - rest);
	if (rest[0] == '[') {
		if (len < 3 || rest[len - 1] != ']')
			return -DER_INVAL;
		rest++;
		len -= 2;
	}
	memcpy(host, rest, len);
	host[len] = '\0';
	return ip_resolve(host, (uint16_t)port, o->info->addr_format, ret_addr, ret_bytes);
}

int ofi_uri_parse(struct ofi *o, const char *uri, uint8_t *ret_addr, uint32_t *ret_bytes)
{
	const char *rest;

	if (strlen(uri) >= RT_URI_MAX || strncmp(uri, "ofi+", 4) != 0)
		return -DER_INVAL;
	uri += 4;
	rest = strstr(uri, "://");
	if (rest == NULL || ofi_provider_find(uri, (size_t)(rest - uri)) != o->prov)
		return -DER_INVAL;
	rest += 3;
	if (o->prov->shm)
		return shm_addr(rest, ret_addr, ret_bytes);
	if (o->prov->ip)
		return ip_addr(o, rest, ret_addr, ret_bytes);
	/* Others: the raw address in hex. */
	if (strlen(rest) == 0 || strlen(rest) % 2 != 0 || strlen(rest) / 2 > OFI_ADDR_MAX)
		return -DER_INVAL;
	for (*ret_bytes = 0; rest[0] != '\0'; rest += 2, (*ret_bytes)++) {
		unsigned int byte;

		if (sscanf(rest, "%2x", &byte) != 1)
			return -DER_INVAL;
		ret_addr[*ret_bytes] = (uint8_t)byte;
	}
	return 0;
}

int ofi_uri_format(const struct ofi_provider_info *prov, const uint8_t *addr, uint32_t bytes,
		   char *ret_uri, size_t cap)
{
	const struct sockaddr_in *in = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	char text[INET6_ADDRSTRLEN];
	uint32_t i;
	int n;

	if (prov->shm) {
		const char *name = (const char *)addr + strlen(SHM_PREFIX);

		n = snprintf(ret_uri, cap, "ofi+%s://%s", prov->name, name);
	} else if (prov->ip && in->sin_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		n = snprintf(ret_uri, cap, "ofi+%s://%s:%u", prov->name, text, ntohs(in->sin_port));
	} else if (prov->ip) {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		n = snprintf(ret_uri, cap, "ofi+%s://[%s]:%u", prov->name, text,
			     ntohs(in6->sin6_port));
	} else {
		n = snprintf(ret_uri, cap, "ofi+%s://", prov->name);
		for (i = 0; i < bytes && n > 0 && (size_t)n + 2 < cap; i++)
			n += snprintf(ret_uri + n, cap - (size_t)n, "%02x", addr[i]);
		if (i < bytes)
			return -DER_OVERFLOW;
	}
	return n > 0 && (size_t)n < cap ? 0 : -DER_OVERFLOW;
}

/* Opening and closing an endpoint: choosing libfabric's offer, and being sure it is what was asked. */
#include "transports/ofi/ofi_int.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HASH_MIN 64u
#define SHM_PREFIX "gemel-"	/* of names drawn at random, with 16 hex digits behind */

void ofi_log(const struct ofi_opts *opts, enum rt_level level, const char *fmt, ...)
{
	char line[512] = "ofi: ";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line + 5, sizeof(line) - 5, fmt, ap);	/* a long line is cut */
	va_end(ap);
	opts->misc->log(opts->misc_ctx, level, line);
}

int ofi_err(ssize_t fi_rc)
{
	switch (fi_rc < 0 ? -fi_rc : fi_rc) {
	case 0:
		return 0;
	case FI_ENOMEM:
		return -DER_NOMEM;
	case FI_EAGAIN:
		return -DER_AGAIN;
	case FI_EADDRINUSE:
	case FI_EBUSY:
		return -DER_BUSY;
	case FI_ENODATA:
	case FI_ENODEV:
	case FI_EADDRNOTAVAIL:
		return -DER_NONEXIST;
	case FI_EACCES:
	case FI_EPERM:
	case FI_EKEYREJECTED:
	case FI_ENOKEY:
		return -DER_CANCELED;	/* a registration that is closed */
	case FI_EINVAL:
		return -DER_INVAL;
	case FI_ECONNREFUSED:
	case FI_ECONNRESET:
	case FI_ECONNABORTED:
	case FI_ENOTCONN:
	case FI_ESHUTDOWN:
	case FI_EHOSTUNREACH:
	case FI_ENETUNREACH:
	case FI_ETIMEDOUT:
	case FI_ECANCELED:
	case FI_EIO:
		return -DER_UNREACH;
	default:
		return -DER_HG;
	}
}

/* ---- what to ask for -------------------------------------------------------------------------- */

static void set_defaults(struct ofi_opts *o)
{
#define DEFAULT(field, value) ((o->field) = (o->field) != 0 ? (o->field) : (value))
	DEFAULT(call_max, 1024);
	DEFAULT(bulk_max, 1024);
	DEFAULT(in_max, 16384);
	DEFAULT(peer_max, 16384);
	DEFAULT(rx_buf_bytes, 256u << 10);
	DEFAULT(rx_buf_count, 8);
	DEFAULT(tx_pkt_max, 512);
	DEFAULT(bulk_chunk_bytes, 1u << 20);
	DEFAULT(bulk_window, 4);
	DEFAULT(rma_max, 64);
	DEFAULT(silent_ns, 100000000ull);
	DEFAULT(connect_ns, 5000000000ull);
	DEFAULT(revoke_ns, 100000000ull);
#undef DEFAULT
}

static bool opts_ok(const struct ofi_opts *o)
{
	return o->provider != NULL && o->misc != NULL && o->rx_buf_count >= 2 &&
	       o->rx_buf_bytes >= 2 * OFI_PKT_MAX && o->call_max <= 1u << 24 &&
	       o->rx_buf_bytes % 4096 == 0 && o->numa_node >= 0;
}

/* The first address of @name, as text. Errors: -DER_NONEXIST. */
static int interface_host(const char *name, char *ret_host, size_t cap)
{
	struct ifaddrs *all = NULL;
	struct ifaddrs *i;
	int family;
	int rc = -DER_NONEXIST;

	if (getifaddrs(&all) != 0)
		return -DER_NOMEM;
	for (family = AF_INET; rc != 0; family = AF_INET6) {
		for (i = all; i != NULL && rc != 0; i = i->ifa_next) {
			const void *addr;

			if (i->ifa_addr == NULL || i->ifa_addr->sa_family != family ||
			    strcmp(i->ifa_name, name) != 0)
				continue;
			addr = family == AF_INET
				       ? (const void *)&((struct sockaddr_in *)(void *)i->ifa_addr)
						 ->sin_addr
				       : (const void *)&((struct sockaddr_in6 *)(void *)i->ifa_addr)
						 ->sin6_addr;
			if (inet_ntop(family, addr, ret_host, (socklen_t)cap) != NULL)
				rc = 0;
		}
		if (family == AF_INET6)
			break;
	}
	freeifaddrs(all);
	return rc;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* libfabric frees the key with the info, hence malloc. */
static int auth_key(const char *hex, uint8_t **ret_key, size_t *ret_bytes)
{
	size_t len = strlen(hex);
	uint8_t *key;
	size_t i;

	if (len == 0 || len % 2 != 0 || len > 512)
		return -DER_INVAL;
	key = malloc(len / 2);
	if (key == NULL)
		return -DER_NOMEM;
	for (i = 0; i < len / 2; i++) {
		int hi = hex_digit(hex[2 * i]);
		int lo = hex_digit(hex[2 * i + 1]);

		if (hi < 0 || lo < 0) {
			free(key);
			return -DER_INVAL;
		}
		key[i] = (uint8_t)(hi << 4 | lo);
	}
	*ret_key = key;
	*ret_bytes = len / 2;
	return 0;
}

/* libfabric names the domains of its tcp providers after interfaces. NULL: any. */
static const char *asked_domain(const struct ofi *o)
{
	return o->opts.domain == NULL && o->prov->tcp ? o->opts.interface : o->opts.domain;
}

static int hints_make(struct ofi *o, struct fi_info **ret_hints)
{
	const char *domain = asked_domain(o);
	struct fi_info *h = fi_allocinfo();
	int rc = 0;

	if (h == NULL)
		return -DER_NOMEM;
	h->fabric_attr->prov_name = strdup(o->prov->name);
	if (domain != NULL)
		h->domain_attr->name = strdup(domain);
	h->ep_attr->type = FI_EP_RDM;
	h->caps = FI_MSG | FI_RMA | FI_MULTI_RECV;
	h->mode = FI_CONTEXT | FI_CONTEXT2;
	h->tx_attr->msg_order = FI_ORDER_SAS;
	h->rx_attr->msg_order = FI_ORDER_SAS;
	h->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_ALLOCATED | FI_MR_PROV_KEY | FI_MR_ENDPOINT;
	/*
	 * With virtual addresses shm lets the initiator write to the target's memory behind its back,
	 * whatever the registrations say. Without them the target does the copying, and checks.
	 */
	if (!o->prov->shm)
		h->domain_attr->mr_mode |= FI_MR_VIRT_ADDR;
	h->domain_attr->threading = FI_THREAD_DOMAIN;
	h->domain_attr->control_progress = FI_PROGRESS_MANUAL;
	h->domain_attr->data_progress = FI_PROGRESS_MANUAL;
	h->domain_attr->resource_mgmt = FI_RM_ENABLED;
	h->domain_attr->av_type = FI_AV_TABLE;
	if (h->fabric_attr->prov_name == NULL || (domain != NULL && h->domain_attr->name == NULL))
		rc = -DER_NOMEM;
	if (rc == 0 && o->opts.auth_key != NULL)
		rc = auth_key(o->opts.auth_key, &h->domain_attr->auth_key,
			      &h->domain_attr->auth_key_size);
	if (rc == 0 && o->opts.auth_key != NULL)
		rc = auth_key(o->opts.auth_key, &h->ep_attr->auth_key, &h->ep_attr->auth_key_size);
	if (rc != 0) {
		fi_freeinfo(h);
		return rc;
	}
	*ret_hints = h;
	return 0;
}

/* ---- choosing --------------------------------------------------------------------------------- */

/*
 * Take the offer that is what was asked for: libfabric may well offer relatives of a provider, and
 * its tcp providers offer other domains than the one they were asked for.
 */
static int info_pick(struct ofi *o, struct fi_info *list, struct fi_info **ret_info)
{
	const char *domain = asked_domain(o);
	bool provider_seen = false;
	struct fi_info *i;

	for (i = list; i != NULL; i = i->next) {
		if (strcmp(i->fabric_attr->prov_name, o->prov->name) != 0)
			continue;
		provider_seen = true;
		if (domain == NULL || strcmp(i->domain_attr->name, domain) == 0)
			break;
	}
	if (i == NULL) {
		ofi_log(&o->opts, RT_LOG_ERROR, "asked=%s domain=%s offered=%s domain=%s",
			o->prov->name, domain != NULL ? domain : "any",
			list->fabric_attr->prov_name, list->domain_attr->name);
		return provider_seen ? -DER_NONEXIST : -DER_MISMATCH;
	}
	if (o->opts.auth_key != NULL &&
	    (i->domain_attr->auth_key_size == 0 || i->domain_attr->auth_key == NULL)) {
		ofi_log(&o->opts, RT_LOG_ERROR, "provider=%s has no authorisation keys",
			o->prov->name);
		return -DER_NOTSUPPORTED;
	}
	if ((i->domain_attr->mr_mode & (FI_MR_RAW | FI_MR_MMU_NOTIFY | FI_MR_RMA_EVENT)) != 0 ||
	    i->ep_attr->max_msg_size < OFI_PKT_MAX) {
		ofi_log(&o->opts, RT_LOG_ERROR,
			"provider=%s mr_mode=%x max_msg=%zu is not supported", o->prov->name,
			i->domain_attr->mr_mode, i->ep_attr->max_msg_size);
		return -DER_NOTSUPPORTED;
	}
	*ret_info = fi_dupinfo(i);
	return *ret_info != NULL ? 0 : -DER_NOMEM;
}

static int info_get(struct ofi *o, const char *node, const char *service)
{
	uint64_t flags = node != NULL || service != NULL ? FI_SOURCE : 0;
	struct fi_info *hints = NULL;
	struct fi_info *list = NULL;
	int rc;

	rc = hints_make(o, &hints);
	if (rc != 0)
		return rc;
	rc = fi_getinfo(OFI_API_VERSION, node, service, flags, hints, &list);
	if (rc == 0) {
		rc = info_pick(o, list, &o->info);
	} else {
		ofi_log(&o->opts, RT_LOG_ERROR,
			"provider=%s interface=%s domain=%s host=%s port=%u%s is not available: %s",
			o->prov->name, o->opts.interface ? o->opts.interface : "any",
			o->opts.domain ? o->opts.domain : "any", node ? node : "any", o->opts.port,
			o->opts.auth_key ? " with an authorisation key" : "", fi_strerror(-rc));
		rc = o->opts.auth_key != NULL ? -DER_NOTSUPPORTED : ofi_err(rc);
	}
	if (list != NULL)
		fi_freeinfo(list);
	fi_freeinfo(hints);
	return rc;
}

/* shm: the name is ours while we live; what a dead owner of it left behind goes away. */
static int shm_claim(struct ofi *o, const char *name)
{
	uint8_t addr[OFI_ADDR_MAX];
	char uri[RT_URI_MAX];
	uint32_t bytes;
	int rc;

	(void)snprintf(uri, sizeof(uri), "ofi+shm://%s", name);
	rc = ofi_uri_parse(o, uri, addr, &bytes);
	if (rc != 0)
		return rc;
	rc = ofi_link_listen(o, name);
	if (rc != 0) {
		ofi_log(&o->opts, RT_LOG_ERROR, "shm name=%s rc=%s", name, err_name(rc));
		return rc;
	}
	(void)shm_unlink(name);	/* usually there is none */
	return 0;
}

/* What killed processes left of names that nobody will ask for again. */
static void shm_sweep(void)
{
	DIR *dir = opendir("/dev/shm");
	struct dirent *ent;

	while (dir != NULL && (ent = readdir(dir)) != NULL) {
		const char *name = ent->d_name;

		if (strncmp(name, SHM_PREFIX, sizeof(SHM_PREFIX) - 1) == 0 &&
		    strspn(name + sizeof(SHM_PREFIX) - 1, "0123456789abcdef") == 16 &&
		    strlen(name) == sizeof(SHM_PREFIX) - 1 + 16)
			(void)ofi_link_bury(name);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static int where(struct ofi *o)
{
	char host[64];
	char service[8];
	int rc;

	(void)snprintf(service, sizeof(service), "%u", o->opts.port);
	if (o->prov->shm) {
		shm_sweep();
		(void)snprintf(host, sizeof(host), "%s", o->opts.host != NULL ? o->opts.host : "");
		if (o->opts.host == NULL)
			(void)snprintf(host, sizeof(host), SHM_PREFIX "%016llx",
				       (unsigned long long)prng_next(&o->prng));
		else if (strlen(o->opts.host) >= sizeof(host))
			return -DER_INVAL;
		rc = shm_claim(o, host);
		return rc != 0 ? rc : info_get(o, NULL, host);
	}
	if (!o->prov->ip || (o->opts.host == NULL && o->opts.interface == NULL))
		return info_get(o, o->opts.host, o->opts.port != 0 ? service : NULL);
	if (o->opts.host != NULL)
		return info_get(o, o->opts.host, o->opts.port != 0 ? service : NULL);
	rc = interface_host(o->opts.interface, host, sizeof(host));
	if (rc != 0) {
		ofi_log(&o->opts, RT_LOG_ERROR, "interface=%s has no address", o->opts.interface);
		return rc;
	}
	return info_get(o, host, o->opts.port != 0 ? service : NULL);
}

/* ---- opening ---------------------------------------------------------------------------------- */

static int open_queues(struct ofi *o)
{
	struct fi_av_attr av = { .type = FI_AV_TABLE };
	struct fi_cq_attr cq = {
		.format = FI_CQ_FORMAT_DATA,
		.wait_obj = FI_WAIT_FD,
		.size = o->opts.tx_pkt_max + o->opts.rma_max + 1024,
	};
	int rc;

	rc = fi_av_open(o->domain, &av, &o->av, NULL);
	if (rc != 0)
		return rc;
	rc = fi_cq_open(o->domain, &cq, &o->cq, NULL);
	if (rc == 0)
		return fi_control(&o->cq->fid, FI_GETWAIT, &o->wait_fd);
	cq.wait_obj = FI_WAIT_NONE;	/* the loop naps instead */
	return fi_cq_open(o->domain, &cq, &o->cq, NULL);
}

static int open_endpoint(struct ofi *o)
{
	size_t min = OFI_PKT_MAX;
	size_t bytes = sizeof(o->addr);
	int rc;

	rc = fi_endpoint(o->domain, o->info, &o->ep, NULL);
	if (rc == 0)
		rc = fi_ep_bind(o->ep, &o->av->fid, 0);
	if (rc == 0)
		rc = fi_ep_bind(o->ep, &o->cq->fid, FI_TRANSMIT | FI_RECV);
	if (rc == 0)
		rc = fi_enable(o->ep);
	if (rc == 0)	/* shm has nothing to set it on before */
		rc = fi_setopt(&o->ep->fid, FI_OPT_ENDPOINT, FI_OPT_MIN_MULTI_RECV, &min,
			       sizeof(min));
	if (rc == 0)
		rc = fi_getname(&o->ep->fid, o->addr, &bytes);
	o->addr_bytes = (uint32_t)bytes;
	return rc;
}

static int open_fabric(struct ofi *o)
{
	const char *what = "fabric";
	int rc;

	rc = fi_fabric(o->info->fabric_attr, &o->fabric, NULL);
	if (rc == 0) {
		what = "domain";
		rc = fi_domain(o->fabric, o->info, &o->domain, NULL);
	}
	if (rc == 0) {
		what = "queues";
		rc = open_queues(o);
	}
	if (rc == 0) {
		what = "endpoint";
		rc = open_endpoint(o);
	}
	if (rc != 0) {
		ofi_log(&o->opts, RT_LOG_ERROR, "provider=%s cannot open its %s: %s", o->prov->name,
			what, fi_strerror(-rc));
		return ofi_err(rc);
	}
	return 0;
}

static int open_tables(struct ofi *o)
{
	uint32_t chunks = (o->opts.call_max + OFI_CALL_CHUNK - 1) / OFI_CALL_CHUNK;
	uint32_t buckets = HASH_MIN;
	uint32_t i;

	while (buckets < o->opts.peer_max && buckets < 65536)
		buckets *= 2;
	o->hash = ofi_alloc(o, buckets * sizeof(*o->hash), 0);
	o->chunks = ofi_alloc(o, chunks * sizeof(struct ofi_call *), 0);
	if (o->hash == NULL || o->chunks == NULL)
		return -DER_NOMEM;
	for (i = 0; i < buckets; i++)
		list_init(&o->hash[i]);
	o->hash_mask = buckets - 1;
	return 0;
}

static void init_lists(struct ofi *o)
{
	struct list *lists[] = {
		&o->dsts,     &o->dirty,      &o->busy,	     &o->peers,	  &o->call_free,
		&o->finished, &o->rxbufs,     &o->retired,   &o->rx_idle, &o->tx_free,
		&o->tx_busy,  &o->rma_free,   &o->rma_busy,  &o->in_free, &o->in_chunks,
		&o->bulks,    &o->bulks_done, &o->mrs.pools,
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(lists); i++)
		list_init(lists[i]);
}

int ofi_open(const struct ofi_opts *opts, struct rt *rt, struct ofi **ret_ofi)
{
	struct ofi_opts full = *opts;
	struct ofi *o;
	uint64_t seed;
	int rc;

	set_defaults(&full);
	if (!opts_ok(&full))
		return -DER_INVAL;
	o = full.misc->alloc(full.misc_ctx, sizeof(*o), 0);
	if (o == NULL)
		return -DER_NOMEM;
	o->rt = rt;
	o->opts = full;
	o->wait_fd = -1;
	o->listen_fd = -1;
	o->tick.fn = ofi_tick;
	init_lists(o);
	full.misc->entropy(full.misc_ctx, &seed, sizeof(seed));
	prng_seed(&o->prng, seed);
	o->id = prng_next(&o->prng) | 1;

	o->prov = ofi_provider_find(full.provider, strlen(full.provider));
	if (o->prov == NULL) {
		ofi_log(&full, RT_LOG_ERROR, "provider=%s is not known", full.provider);
		rc = -DER_NOTSUPPORTED;
		goto out;
	}
	rc = open_tables(o);
	if (rc == 0)
		rc = where(o);
	if (rc == 0)
		rc = open_fabric(o);
	if (rc == 0)
		rc = ofi_uri_format(o->prov, o->addr, o->addr_bytes, o->uri, sizeof(o->uri));
	if (rc != 0)
		goto out;
	ofi_mrs_init(&o->mrs, o->domain, o->ep, (uint64_t)o->info->domain_attr->mr_mode,
		     o->info->domain_attr->mr_key_size, prng_next(&o->prng));
	o->pkt_max = o->prov->shm ? OFI_SHM_PKT : OFI_PKT_MAX;
	o->pkt_fill = (uint32_t)min_u64(o->pkt_max, OFI_PKT_FILL);
	o->order_saw = (o->info->tx_attr->msg_order & FI_ORDER_SAW) != 0;
	o->inject_bytes = min_u64(full.inject_bytes, o->info->tx_attr->inject_size);
	rc = ofi_rx_init(o);
	if (rc != 0)
		goto out;
	*ret_ofi = o;
	o = NULL;
out:
	ofi_close(o);
	return rc;
}

/* ---- closing ---------------------------------------------------------------------------------- */

void ofi_stop(struct ofi *o)
{
	ASSERT(o->call_count == 0 && o->bulk_count == 0 && o->in_count == 0);
	ASSERT(list_empty(&o->peers));
	rt_timer_cancel(o->rt, &o->tick);
}

static void close_fid(struct fid *fid)
{
	int rc;

	if (fid == NULL)
		return;
	rc = fi_close(fid);
	ASSERT(rc == 0);	/* what refers to it is closed before it */
}

void ofi_close(struct ofi *o)
{
	if (o == NULL)
		return;
	ASSERT(!o->tick.armed);
	close_fid(o->ep != NULL ? &o->ep->fid : NULL);
	ofi_bulk_fini(o);
	ofi_rx_fini(o);
	ofi_tx_abandon(o);
	if (o->hash != NULL)
		ofi_dst_free_all(o);
	ofi_tx_fini(o);
	if (o->chunks != NULL)
		ofi_call_fini(o);
	while (!list_empty(&o->mrs.pools)) {
		struct ofi_pool *p = list_first(&o->mrs.pools, struct ofi_pool, link);

		ofi_mr_close(p->mr);
		list_del(&p->link);
		ofi_free(o, p);
	}
	close_fid(o->cq != NULL ? &o->cq->fid : NULL);
	close_fid(o->av != NULL ? &o->av->fid : NULL);
	close_fid(o->domain != NULL ? &o->domain->fid : NULL);
	close_fid(o->fabric != NULL ? &o->fabric->fid : NULL);
	if (o->info != NULL)
		fi_freeinfo(o->info);
	ofi_link_fini(o);
	ofi_free(o, o->hash);
	ofi_free(o, o);
}

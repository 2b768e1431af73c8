/* Bare libfabric for benches and tests; see bare.h. */
#include "transports/ofi/bare.h"
#include "transports/ofi/ofi_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#define BARE_RX 64u
#define BARE_RX_BYTES 32768u

struct bare {
	struct fi_info *info;
	struct fid_fabric *fabric;
	struct fid_domain *domain;
	struct fid_av *av;
	struct fid_cq *cq;
	struct fid_ep *ep;
	struct fid_mr *mr;
	fi_addr_t peer;
	uint8_t *rx;
	struct fi_context2 rx_ctx[BARE_RX];
	struct fi_context2 tx_ctx;
	uint32_t got[BARE_RX];		/* bytes of the message in the slot, + 1 */
	uint32_t next;			/* slot whose message comes next */
	uint32_t sent;
	uint32_t errors;
	const void *start_ptr;	/* of bare_send_start() */
	size_t start_bytes;
	int start_state;	/* 1: the provider has not taken it yet, 2: it has */
	struct fi_context2 start_ctx;
};

static int bare_post(struct bare *b, uint32_t i)
{
	b->got[i] = 0;
	return (int)fi_recv(b->ep, b->rx + i * BARE_RX_BYTES, BARE_RX_BYTES, NULL, FI_ADDR_UNSPEC,
			    &b->rx_ctx[i]);
}

static int bare_setup(struct bare *b, const char *provider, const char *host, uint32_t port)
{
	struct fi_info *h = fi_allocinfo();
	struct fi_av_attr av = { .type = FI_AV_TABLE };
	struct fi_cq_attr cq = { .format = FI_CQ_FORMAT_DATA, .size = 4096 };
	int shm = strcmp(provider, "shm") == 0;
	char service[64];
	uint32_t i;
	int rc;

	if (h == NULL)
		return -FI_ENOMEM;
	snprintf(service, sizeof(service), "%u", port);
	h->fabric_attr->prov_name = strdup(provider);
	h->ep_attr->type = FI_EP_RDM;
	h->caps = FI_MSG | FI_RMA;
	h->mode = FI_CONTEXT | FI_CONTEXT2;
	h->domain_attr->threading = FI_THREAD_DOMAIN;
	h->domain_attr->control_progress = FI_PROGRESS_MANUAL;
	h->domain_attr->data_progress = FI_PROGRESS_MANUAL;
	if (shm)
		(void)shm_unlink(host);	/* what a killed run may have left */
	rc = fi_getinfo(OFI_API_VERSION, shm ? NULL : host,
			shm	    ? host
			: port != 0 ? service
				    : NULL,
			FI_SOURCE, h, &b->info);
	fi_freeinfo(h);
	if (rc == 0)
		rc = fi_fabric(b->info->fabric_attr, &b->fabric, NULL);
	if (rc == 0)
		rc = fi_domain(b->fabric, b->info, &b->domain, NULL);
	if (rc == 0)
		rc = fi_av_open(b->domain, &av, &b->av, NULL);
	if (rc == 0)
		rc = fi_cq_open(b->domain, &cq, &b->cq, NULL);
	if (rc == 0)
		rc = fi_endpoint(b->domain, b->info, &b->ep, NULL);
	if (rc == 0)
		rc = fi_ep_bind(b->ep, &b->av->fid, 0);
	if (rc == 0)
		rc = fi_ep_bind(b->ep, &b->cq->fid, FI_TRANSMIT | FI_RECV);
	if (rc == 0)
		rc = fi_enable(b->ep);
	for (i = 0; i < BARE_RX && rc == 0; i++)
		rc = bare_post(b, i);
	return rc;
}

struct bare *bare_open(const char *provider, const char *host, uint32_t port)
{
	struct bare *b = calloc(1, sizeof(*b));
	int rc;

	ASSERT(b != NULL);
	b->rx = calloc(BARE_RX, BARE_RX_BYTES);
	ASSERT(b->rx != NULL);
	rc = bare_setup(b, provider, host, port);
	if (rc != 0) {
		fprintf(stderr, "bare %s: %s\n", provider, fi_strerror(-rc));
		bare_close(b);
		return NULL;
	}
	return b;
}

void bare_close(struct bare *b)
{
	struct fid *fids[] = {
		b->mr != NULL ? &b->mr->fid : NULL,
		b->ep != NULL ? &b->ep->fid : NULL,
		b->cq != NULL ? &b->cq->fid : NULL,
		b->av != NULL ? &b->av->fid : NULL,
		b->domain != NULL ? &b->domain->fid : NULL,
		b->fabric != NULL ? &b->fabric->fid : NULL,
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(fids); i++)
		if (fids[i] != NULL)
			(void)fi_close(fids[i]);
	if (b->info != NULL)
		fi_freeinfo(b->info);
	free(b->rx);
	free(b);
}

size_t bare_name(struct bare *b, void *ret_addr)
{
	size_t bytes = BARE_ADDR_MAX;
	int rc = fi_getname(&b->ep->fid, ret_addr, &bytes);

	ASSERT(rc == 0);
	return bytes;
}

int bare_connect(struct bare *b, const void *addr, size_t bytes)
{
	ASSERT(bytes <= BARE_ADDR_MAX);
	return fi_av_insert(b->av, addr, 1, &b->peer, 0, NULL) == 1 ? 0 : -FI_EINVAL;
}

size_t bare_addr_of(const char *uri, void *ret_addr)
{
	const char *rest = strstr(uri, "://");
	struct sockaddr_in in = { .sin_family = AF_INET };
	char host[64];
	unsigned int port;

	ASSERT(rest != NULL);
	rest += 3;
	if (strncmp(uri, "ofi+shm", 7) == 0) {
		snprintf(ret_addr, BARE_ADDR_MAX, "fi_ns://%s", rest);
		return strlen(ret_addr) + 1;
	}
	ASSERT(sscanf(rest, "%63[0-9.]:%u", host, &port) == 2);
	ASSERT(inet_pton(AF_INET, host, &in.sin_addr) == 1);
	in.sin_port = htons((uint16_t)port);
	memcpy(ret_addr, &in, sizeof(in));
	return sizeof(in);
}

int bare_progress(struct bare *b)
{
	struct fi_cq_data_entry e[8];
	struct fi_cq_err_entry err = { 0 };
	ssize_t n;
	ssize_t i;

	if (b->start_state == 1 && fi_send(b->ep, b->start_ptr, b->start_bytes, NULL, b->peer,
					   &b->start_ctx) != -FI_EAGAIN)
		b->start_state = 2;
	n = fi_cq_read(b->cq, e, ARRAY_COUNT(e));
	if (n == -FI_EAVAIL) {
		(void)fi_cq_readerr(b->cq, &err, 0);
		if (err.op_context == &b->start_ctx) {
			b->start_state = 0;
			return 1;
		}
		b->errors++;
		b->sent++;
		return 1;
	}
	for (i = 0; i < n; i++) {
		struct fi_context2 *ctx = e[i].op_context;

		if (ctx >= b->rx_ctx && ctx < b->rx_ctx + BARE_RX)
			b->got[ctx - b->rx_ctx] = (uint32_t)e[i].len + 1;
		else if (ctx == &b->start_ctx)
			b->start_state = 0;
		else
			b->sent++;
	}
	return n > 0 ? (int)n : 0;
}

/* Wait for @count completions of our own operations. */
static int bare_wait(struct bare *b, uint32_t count)
{
	uint32_t errors = b->errors;

	while (b->sent < count)
		(void)bare_progress(b);
	b->sent -= count;
	return b->errors == errors ? 0 : -FI_EIO;
}

int bare_send(struct bare *b, const void *ptr, size_t bytes)
{
	ssize_t rc;

	while ((rc = fi_send(b->ep, ptr, bytes, NULL, b->peer, &b->tx_ctx)) == -FI_EAGAIN)
		(void)bare_progress(b);
	return rc != 0 ? (int)rc : bare_wait(b, 1);
}

int bare_send_start(struct bare *b, const void *ptr, size_t bytes)
{
	b->start_ptr = ptr;
	b->start_bytes = bytes;
	b->start_state = 1;
	(void)bare_progress(b);
	return 0;
}

int bare_sending(const struct bare *b)
{
	return b->start_state != 0;
}

static uint64_t bare_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

long bare_recv(struct bare *b, void *ptr, size_t cap, uint32_t timeout_ms)
{
	uint64_t end = bare_ms() + timeout_ms;
	uint32_t i = b->next;
	uint32_t bytes;

	while (b->got[i] == 0) {
		if (bare_progress(b) == 0 && bare_ms() > end)
			return -1;
	}
	bytes = b->got[i] - 1;
	ASSERT(bytes <= cap);
	memcpy(ptr, b->rx + i * BARE_RX_BYTES, bytes);
	b->next = (i + 1) % BARE_RX;
	if (bare_post(b, i) != 0)
		return -1;
	return (long)bytes;
}

/* ---- what a benchmark compares with --------------------------------------------------------- */

static int bare_out(struct bare *b, const uint8_t *msg, size_t bytes)
{
	ssize_t rc;

	if (bytes <= b->info->tx_attr->inject_size) {
		while ((rc = fi_inject(b->ep, msg, bytes, b->peer)) == -FI_EAGAIN)
			(void)bare_progress(b);
		return (int)rc;
	}
	return bare_send(b, msg, bytes);
}

static int bare_in(struct bare *b, size_t bytes)
{
	uint32_t i = b->next;

	while (b->got[i] == 0)
		(void)bare_progress(b);
	if (b->got[i] != bytes + 1)
		return -FI_EIO;
	b->next = (i + 1) % BARE_RX;
	return bare_post(b, i);
}

int bare_ping(struct bare *b, uint32_t count, size_t bytes)
{
	uint8_t msg[4096] = { 1 };
	int rc = 0;

	ASSERT(bytes <= sizeof(msg));
	while (count-- > 0 && rc == 0) {
		rc = bare_out(b, msg, bytes);
		if (rc == 0)
			rc = bare_in(b, bytes);
	}
	return rc;
}

int bare_pong(struct bare *b, uint32_t count, size_t bytes)
{
	uint8_t msg[4096] = { 2 };
	int rc = 0;

	ASSERT(bytes <= sizeof(msg));
	while (count-- > 0 && rc == 0) {
		rc = bare_in(b, bytes);
		if (rc == 0)
			rc = bare_out(b, msg, bytes);
	}
	return rc;
}

int bare_expose(struct bare *b, void *ptr, size_t bytes, uint64_t *ret_addr, uint64_t *ret_key)
{
	int rc = fi_mr_reg(b->domain, ptr, bytes, FI_REMOTE_READ | FI_REMOTE_WRITE, 0, 1, 0, &b->mr,
			   NULL);

	if (rc != 0)
		return rc;
	*ret_addr = (b->info->domain_attr->mr_mode & FI_MR_VIRT_ADDR) != 0
			    ? (uint64_t)(uintptr_t)ptr
			    : 0;
	*ret_key = fi_mr_key(b->mr);
	return 0;
}

int bare_rma_try(struct bare *b, int write, void *ptr, size_t bytes, uint64_t addr, uint64_t key)
{
	ssize_t rc;

	rc = write ? fi_write(b->ep, ptr, bytes, NULL, b->peer, addr, key, &b->tx_ctx)
		   : fi_read(b->ep, ptr, bytes, NULL, b->peer, addr, key, &b->tx_ctx);
	return rc == -FI_EAGAIN ? 1 : (int)rc;
}

int bare_rma(struct bare *b, int write, void *ptr, size_t bytes, uint64_t addr, uint64_t key,
	     uint32_t count, uint32_t window)
{
	uint32_t started = 0;
	int rc = 0;

	b->sent = 0;
	while (b->sent < count && rc == 0) {
		if (started < count && started - b->sent < window) {
			rc = bare_rma_try(b, write, ptr, bytes, addr, key);
			started += rc == 0;
			if (rc == 1)
				rc = 0;
			(void)bare_progress(b);
		} else {
			(void)bare_progress(b);
		}
	}
	b->sent = 0;
	return rc == 0 && b->errors == 0 ? 0 : -FI_EIO;
}

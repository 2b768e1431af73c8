/**
 * Bare libfabric, for benches and tests alone: what the providers give without us, an endpoint that
 * sends any bytes as a liar would, and a domain that only writes down what is asked of it. Linked by
 * no program. It is here because only this folder names libfabric.
 */
#ifndef GEMEL_TRANSPORTS_OFI_BARE_H
#define GEMEL_TRANSPORTS_OFI_BARE_H

#include "core/base/base.h"

struct bare;

#define BARE_ADDR_MAX 96u

/** Open an endpoint; @host as in struct ofi_opts. NULL: not possible, the reason is on stderr. */
struct bare *bare_open(const char *provider, const char *host, uint32_t port);
void bare_close(struct bare *b);

/** Raw address of @b; returns its bytes. */
size_t bare_name(struct bare *b, void *ret_addr);

/** Talk to the endpoint at the raw address from now on. */
int bare_connect(struct bare *b, const void *addr, size_t bytes);

/** Raw address of an ofi+… URI of ip providers and shm; returns its bytes. */
size_t bare_addr_of(const char *uri, void *ret_addr);

/** Send and wait for the completion. 0 or libfabric's negative code. */
int bare_send(struct bare *b, const void *ptr, size_t bytes);

/** Send @ptr, which must stay; bare_progress() until bare_sending() is 0. */
int bare_send_start(struct bare *b, const void *ptr, size_t bytes);
int bare_sending(const struct bare *b);

/** The next message, or -1 after @timeout_ms. Returns its bytes. */
long bare_recv(struct bare *b, void *ptr, size_t cap, uint32_t timeout_ms);

/** @count messages of @bytes there and back; the other side runs bare_pong(). */
int bare_ping(struct bare *b, uint32_t count, size_t bytes);
int bare_pong(struct bare *b, uint32_t count, size_t bytes);

/** Memory for others to read and write; *ret_addr and *ret_key are what they need. */
int bare_expose(struct bare *b, void *ptr, size_t bytes, uint64_t *ret_addr, uint64_t *ret_key);

/** @count reads (or writes) of @bytes, @window of them at a time; the first @count % window too. */
int bare_rma(struct bare *b, int write, void *ptr, size_t bytes, uint64_t addr, uint64_t key,
	     uint32_t count, uint32_t window);

/** Start one read or write and do not wait for it. 0; 1: not now; or libfabric's negative code. */
int bare_rma_try(struct bare *b, int write, void *ptr, size_t bytes, uint64_t addr, uint64_t key);

/** Let the provider work; returns completions and errors seen. */
int bare_progress(struct bare *b);

/* ---- a domain that only writes down --------------------------------------------------------- */

/** Bits of mr_mode, by names that do not need libfabric's headers. */
enum fake_mr_bit {
	FAKE_MR_LOCAL = 1,
	FAKE_MR_VIRT_ADDR = 2,
	FAKE_MR_PROV_KEY = 4,
	FAKE_MR_ENDPOINT = 8,
	FAKE_MR_ALLOCATED = 16,
};

#define FAKE_REGS 16u

/** One registration, as the provider saw it. */
struct fake_reg {
	const void *ptr;
	size_t bytes;
	bool remote;		/**< a peer may reach it */
	uint64_t asked_key;
	uint64_t key;		/**< that peers must use: what was asked, or the provider's own */
	uint32_t binds;		/**< of the endpoint */
	uint32_t enables;
	uint32_t closes;
};

struct fake_mr_seg {
	uint64_t addr;
	uint64_t bytes;
	uint64_t key;
};

struct fake_mr;

/** ofi's registrations over a domain with @bits of enum fake_mr_bit and keys of @key_bytes. */
struct fake_mr *fake_mr_create(uint32_t bits, size_t key_bytes);
void fake_mr_destroy(struct fake_mr *f);

/** The next @keys registrations say that their key is taken; the next @binds bindings fail. */
void fake_mr_fail(struct fake_mr *f, uint32_t keys, uint32_t binds);

/** Registrations so far, closed ones too. */
uint32_t fake_mr_count(const struct fake_mr *f);
const struct fake_reg *fake_mr_reg(const struct fake_mr *f, uint32_t idx);

/** Expose memory as a call does. Errors: those of ofi. */
int fake_mr_expose(struct fake_mr *f, void *ptr, size_t bytes, struct fake_mr_seg *ret_seg);

/** Take back what was exposed last. */
void fake_mr_unexpose(struct fake_mr *f);

/** Memory for our own operations, as for a transfer; *ret_desc is what the operation is given. */
int fake_mr_use(struct fake_mr *f, void *ptr, size_t bytes, void **ret_desc);

/** The descriptor of registration @idx. */
void *fake_mr_desc(const struct fake_mr *f, uint32_t idx);

/** Register a pool for good, as mem_add does. */
int fake_mr_pool(struct fake_mr *f, void *ptr, size_t bytes);

#endif

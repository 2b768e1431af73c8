/**
 * config: the YAML file of gemel_engine, with the keys that users know from the reference's server file.
 *
 *	name: daos_server              # of the system; must be that of the system file
 *	system_file: system.yml        # relative to this file
 *	provider: ofi+tcp;ofi_rxm
 *	engines:
 *	  - rank: 0
 *	    targets: 2
 *	    fabric_iface: lo           # optional, like all below but storage
 *	    fabric_iface_port: 31416   # checked against the system file
 *	    fabric_domain: lo
 *	    fabric_auth_key: "00ff"
 *	    pinned_numa_node: 0
 *	    first_core: 0
 *	    crt_timeout: 60            # seconds
 *	    log_file: /var/log/gemel.log
 *	    log_mask: WARN
 *	    storage:
 *	      class: file              # file, kdev, ram
 *	      path: /srv/gemel         # file: directory of target.N and sys
 *	      bdev_list: [/dev/nvme0n1, /dev/nvme1n1]     # kdev: one per target
 *	      bdev_size: 16GiB         # file: size of each target
 *	      meta_device: /dev/nvme2n1                   # kdev, lowest rank: the pool service's
 */
#ifndef GEMEL_TOOLS_GEMEL_ENGINE_CONFIG_H
#define GEMEL_TOOLS_GEMEL_ENGINE_CONFIG_H

#include "transports/host/sysfile.h"

enum storage_class { STORAGE_FILE = 0, STORAGE_KDEV, STORAGE_RAM };

struct engine_storage {
	enum storage_class kind;
	char *path;
	char **bdev_list;
	uint32_t bdev_count;
	char *bdev_size;
	char *meta_device;
	uint64_t bytes;		/* of bdev_size */
};

struct engine_config {
	uint32_t rank;
	uint32_t targets;
	char *fabric_iface;
	uint32_t fabric_iface_port;
	char *fabric_domain;
	char *fabric_auth_key;
	uint32_t *pinned_numa_node;	/* NULL: none given */
	uint32_t *first_core;		/* NULL: none given */
	uint32_t crt_timeout;
	char *log_file;
	char *log_mask;
	struct engine_storage storage;
	const struct sysfile_rank *addr;	/* from the system file */
	enum rt_level log_level;
};

struct node_config {
	char *name;
	char *system_file;
	char *provider;
	struct engine_config *engines;
	uint32_t engine_count;
	struct sysfile *system;
};

/**
 * Read and check @path and the system file it names (@system_file overrides, may be NULL). What is wrong
 * is written to @err with file, line and key. Errors: -DER_NONEXIST, -DER_NO_PERM, -DER_INVAL, -DER_NOMEM.
 */
int config_load(const char *path, const char *system_file, char *err, size_t err_cap,
		struct node_config **ret_config);
void config_free(struct node_config *config);

/** "16GiB", "512m", "1073741824"; binary units with and without i. Errors: -DER_INVAL. */
int config_bytes(const char *text, uint64_t *ret_bytes);

#endif

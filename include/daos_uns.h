/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Names of containers in other file systems: a directory or file carries, in an extended attribute,
 * which pool and container it stands for. A path daos://POOL/CONTAINER/REST says so directly.
 * Functions return 0 or a positive errno and block.
 */
#ifndef DAOS_UNS_H
#define DAOS_UNS_H

#include <stdbool.h>
#include <stdint.h>
#include <uuid/uuid.h>

#include <daos_prop.h>
#include <daos_obj_class.h>
#include <daos_cont.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The attribute, its format (type, pool, container) and its longest value. */
#define DUNS_XATTR_NAME		"user.daos"
#define DUNS_XATTR_FMT		"DAOS.%s://%36s/%36s"
#define DUNS_MAX_XATTR_LEN	170

/** daos_attr hints of a container, terminator included; as in daos_fs.h. */
#define DUNS_HINT_MAX_LEN	128

/** duns_attr_t.da_flags for duns_resolve_path(). */
enum {
	/** the path is /POOL/CONTAINER/REST without a prefix */
	DUNS_NO_PREFIX		= 1 << 0,
	/** look at the last component only, not at the directories above */
	DUNS_NO_REVERSE_LOOKUP	= 1 << 1,
	/** accept only daos:// paths: do not look for the attribute */
	DUNS_NO_CHECK_PATH	= 1 << 2,
};

/** What a path stands for, or is to stand for. */
struct duns_attr_t {
	/** what the container holds */
	daos_cont_layout_t	 da_type;
	/** defaults of a file system to be created */
	daos_oclass_id_t	 da_oclass_id;
	daos_size_t		 da_chunk_size;
	daos_prop_t		*da_props;
	/** DUNS_* */
	uint32_t		 da_flags;
	/** found: label or UUID */
	char			 da_pool[DAOS_PROP_LABEL_MAX_LEN + 1];
	char			 da_cont[DAOS_PROP_LABEL_MAX_LEN + 1];
	/** found: system, or NULL; rest of the path, or NULL */
	char			*da_sys;
	char			*da_rel_path;
	bool			 da_on_lustre;
	/** as DUNS_NO_PREFIX */
	bool			 da_no_prefix;
	uuid_t			 da_puuid;
	uuid_t			 da_cuuid;
	daos_oclass_id_t	 da_dir_oclass_id;
	daos_oclass_id_t	 da_file_oclass_id;
	char			 da_hints[DUNS_HINT_MAX_LEN];
};

/**
 * Find out what @path stands for; da_flags is read, the rest written. Free what it points to with
 * duns_destroy_attr().
 * Errors: EINVAL, ENOMEM, ENODATA (an ordinary path), and those of the file system.
 */
int duns_resolve_path(const char *path, struct duns_attr_t *attr);

/** Free what duns_resolve_path() allocated. Accepts NULL. */
void duns_destroy_attr(struct duns_attr_t *attrp);

/** Create a container and a directory (file, for HDF5) at @path that stands for it. */
int duns_create_path(daos_handle_t poh, const char *path, struct duns_attr_t *attrp);

/** Destroy the container @path stands for, then remove @path. */
int duns_destroy_path(daos_handle_t poh, const char *path);

/** Create a directory at @path that stands for a container that exists. */
int duns_link_cont(daos_handle_t poh, const char *cont, const char *path);

/** Parse the value of the attribute. */
int duns_parse_attr(char *str, daos_size_t len, struct duns_attr_t *attr);

/** Set da_sys to a copy of @sys. */
int duns_set_sys_name(struct duns_attr_t *attrp, const char *sys);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_UNS_H */

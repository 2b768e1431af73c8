/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The whole public interface of libdaos, and how a process begins and ends using it.
 *
 * All functions may be called from any thread. Handles belong to the process, not to the thread
 * that made them. After fork() the child may go on using handles of the parent, with connections of
 * its own.
 */
#ifndef DAOS_H
#define DAOS_H

#include <daos_version.h>
#include <daos_types.h>
#include <daos_event.h>
#include <daos_obj.h>
#include <daos_array.h>
#include <daos_kv.h>
#include <daos_prop.h>
#include <daos_cont.h>
#include <daos_pool.h>
#include <daos_mgmt.h>
#include <daos_security.h>
#include <daos_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Start the library. Calls nest: as many daos_fini() as successful daos_init() are needed.
 * Errors: -DER_NOMEM, -DER_INVAL (bad environment), -DER_NONEXIST (no system to be found),
 *	-DER_BUSY (embedded directory in use by another process).  Blocks: yes.
 */
int daos_init(void);

/**
 * Stop the library; the last call closes what is still open.
 * Errors: -DER_UNINIT.  Blocks: yes.
 */
int daos_fini(void);

/**
 * After fork(), in the child, make the library usable at once instead of at its first use.
 * Errors: -DER_UNINIT, -DER_NOMEM.  Blocks: yes.
 */
int daos_reinit(void);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_H */

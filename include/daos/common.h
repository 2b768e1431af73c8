/* SPDX-License-Identifier: Apache-2.0 */
/** The functions of libdaos_common that programs use beside the public interface. */
#ifndef DAOS_COMMON_H
#define DAOS_COMMON_H

#include <daos_errno.h>
#include <daos_types.h>
#include <gurt/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The positive errno for a DER_* code of either sign, 0 for 0, EIO if none fits.  Blocks: no. */
int daos_der2errno(int err);

/** The -DER_* code for an errno, 0 for 0, -DER_MISC if none fits.  Blocks: no. */
int daos_errno2der(int err);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_COMMON_H */

/* SPDX-License-Identifier: Apache-2.0 */
/** Version of the public interface: programs test it with the preprocessor. */
#ifndef DAOS_VERSION_H
#define DAOS_VERSION_H

#define DAOS_API_VERSION_MAJOR	2
#define DAOS_API_VERSION_MINOR	8
#define DAOS_API_VERSION_FIX	0

#endif /* DAOS_VERSION_H */

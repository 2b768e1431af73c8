/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Deliberate failures in client libraries: not compiled in. Failures are injected below the
 * libraries instead, in the network, the disks and the allocator; programs that ask get "no".
 */
#ifndef GURT_FAULT_INJECT_H
#define GURT_FAULT_INJECT_H

/** Should the point @fault_attr fail now? */
#define D_SHOULD_FAIL(fault_attr)	0

#endif /* GURT_FAULT_INJECT_H */

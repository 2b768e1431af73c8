/**
 * What O_DIRECT demands of a file. A header and a source of their own: the kernel's struct statx
 * and libc's cannot be seen by one file.
 */
#ifndef GEMEL_TRANSPORTS_URING_URING_ALIGN_H
#define GEMEL_TRANSPORTS_URING_URING_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

/** Assumed where the kernel does not tell: no device in use has larger sectors. */
#define URING_ALIGN_UNKNOWN 4096u

struct uring_align {
	uint32_t mem;	/**< of memory */
	uint32_t off;	/**< of offsets and sizes */
	bool direct;	/**< false: the file system has no direct I/O for this file */
};

/** Blocks: no. */
void uring_align_query(int fd, struct uring_align *ret_align);

#endif

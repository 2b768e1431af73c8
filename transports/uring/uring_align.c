#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "transports/uring/uring_align.h"

void uring_align_query(int fd, struct uring_align *ret_align)
{
	struct statx sx = { 0 };

	*ret_align = (struct uring_align){ URING_ALIGN_UNKNOWN, URING_ALIGN_UNKNOWN, true };
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) != 0 ||
	    (sx.stx_mask & STATX_DIOALIGN) == 0)
		return;
	if (sx.stx_dio_offset_align == 0 || sx.stx_dio_mem_align == 0) {
		ret_align->direct = false;
		return;
	}
	ret_align->mem = sx.stx_dio_mem_align;
	ret_align->off = sx.stx_dio_offset_align;
}

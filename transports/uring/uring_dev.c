/* Opening, locking and closing of devices; system calls that block happen here only. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "transports/uring/uring_align.h"
#include "transports/uring/uring_int.h"

static int der_from_open(int err)
{
	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return -DER_NONEXIST;
	case EACCES:
	case EPERM:
	case EROFS:
		return -DER_NO_PERM;
	case EBUSY:
	case EWOULDBLOCK:
	case ETXTBSY:
		return -DER_BUSY;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return -DER_NOSPACE;
	case ENOMEM:
		return -DER_NOMEM;
	case EIO:
		return -DER_NVME_IO;
	default:
		return -DER_INVAL;
	}
}

/* ---- the lock ----------------------------------------------------------------------------- */

/* Who holds flock's lock of the file, as this process may see it; 0: nobody, or not to be known. */
static int lock_owner(const struct stat *st)
{
	unsigned int maj, min;
	unsigned long ino;
	char line[256];
	int pid, found = 0;
	FILE *f;

	f = fopen("/proc/locks", "re");
	if (f == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%lu", &pid, &maj, &min, &ino) ==
			    4 &&
		    maj == major(st->st_dev) && min == minor(st->st_dev) && ino == st->st_ino &&
		    pid > 0)
			found = pid;
	(void)fclose(f);
	return found;
}

/* A killed process is gone before the kernel has closed what its ring held. */
static bool process_alive(int pid)
{
	char path[64], line[256], *end;
	bool alive = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) != NULL) {
		end = strrchr(line, ')');
		alive = end != NULL && strncmp(end, ") Z", 3) != 0 && strncmp(end, ") X", 3) != 0;
	}
	(void)fclose(f);
	return alive;
}

int uring_dev_owner(const char *name, int *ret_pid)
{
	struct stat st;
	int pid;

	if (stat(name, &st) != 0)
		return -DER_NONEXIST;
	pid = lock_owner(&st);
	if (pid == 0)
		return -DER_NONEXIST;
	*ret_pid = pid;
	return 0;
}

static void nap(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	(void)nanosleep(&ms, NULL);	/* a shorter nap is as good */
}

/*
 * The lock is flock's: of all kinds it alone shows its owner's pid to others, in /proc/locks. Held
 * by a live process it is -DER_BUSY at once; by a dead one it is waited for, within limits.
 */
static int lock_take(int fd, const struct stat *st)
{
	int naps, pid;

	for (naps = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; naps++) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return der_from_open(errno);
		pid = lock_owner(st);
		if ((pid != 0 && process_alive(pid)) || naps == URING_LOCK_NAPS)
			return -DER_BUSY;
		nap();
	}
	return 0;
}

/* ---- opening ------------------------------------------------------------------------------ */

/*
 * Of a block device O_EXCL refuses what is mounted or claimed by a driver. A claim without a living
 * owner may be that of a process killed just now: it is waited for, as its lock is.
 */
static int block_open(const char *name, int mode, const struct stat *st)
{
	int fd, naps, pid;

	if (mode == O_RDWR)
		mode |= O_EXCL;
	for (naps = 0; (fd = open(name, mode | O_CLOEXEC)) < 0 && errno == EBUSY; naps++) {
		pid = lock_owner(st);
		if ((pid != 0 && process_alive(pid)) || naps == URING_LOCK_NAPS) {
			errno = EBUSY;
			return -1;
		}
		nap();
	}
	return fd;
}

/* Open @name; with RT_DEV_CREATE make it where missing and tell so in *ret_made. */
static int open_name(const char *name, uint32_t flags, bool *ret_made)
{
	int mode = (flags & RT_DEV_RDONLY) != 0 ? O_RDONLY : O_RDWR;
	struct stat st;
	int fd;

	*ret_made = false;
	if (stat(name, &st) == 0 && S_ISBLK(st.st_mode))
		return block_open(name, mode, &st);
	if ((flags & RT_DEV_CREATE) == 0)
		return open(name, mode | O_CLOEXEC);
	fd = open(name, mode | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
	if (fd >= 0) {
		*ret_made = true;
		return fd;
	}
	return errno == EEXIST ? open(name, mode | O_CLOEXEC) : -1;
}

static int sync_parent(const char *name)
{
	char path[PATH_MAX];
	int fd, rc;

	if (strlen(name) >= sizeof(path))
		return -ENAMETOOLONG;
	strcpy(path, name);
	fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fsync(fd) == 0 ? 0 : -errno;
	(void)close(fd);
	return rc;
}

/* Give a new file its size, reserved where the file system can, and make that durable. */
static int file_size_set(int fd, const char *name, uint64_t bytes)
{
	if (bytes == 0 || bytes > INT64_MAX)
		return -DER_INVAL;
	if (fallocate(fd, 0, 0, (off_t)bytes) != 0) {
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return der_from_open(errno);
		if (ftruncate(fd, (off_t)bytes) != 0)
			return der_from_open(errno);
	}
	if (fsync(fd) != 0 || sync_parent(name) != 0)
		return -DER_NVME_IO;
	return 0;
}

static int capacity(int fd, bool block, uint64_t *ret_bytes)
{
	struct stat st;
	uint64_t bytes;

	if (block) {
		if (ioctl(fd, BLKGETSIZE64, &bytes) != 0)
			return der_from_open(errno);
	} else {
		if (fstat(fd, &st) != 0)
			return der_from_open(errno);
		bytes = (uint64_t)st.st_size;
	}
	*ret_bytes = bytes;
	return 0;
}

/* Some file systems accept the flag and refuse the transfer; find out before core relies on it. */
static bool direct_works(int fd, uint32_t align, uint64_t bytes)
{
	size_t len = align > 4096 ? align : 4096;
	void *mem;
	ssize_t n;

	if (bytes < len)
		return bytes >= align;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return false;
	do {
		n = pread(fd, mem, len, 0);
	} while (n < 0 && errno == EINTR);
	(void)munmap(mem, len);
	/* A device error is not a refusal: it shows again at the first real read. */
	return n >= 0 || errno != EINVAL;
}

/* Decide between O_DIRECT and the page cache, and with it the alignments. */
static int mode_choose(struct uring_dev *d, uint64_t bytes)
{
	struct uring_align al;
	int fl, sector = 0;

	uring_align_query(d->fd, &al);
	if (d->block && ioctl(d->fd, BLKSSZGET, &sector) == 0 && sector > 0)
		al.off = (uint32_t)max_u64(al.off == URING_ALIGN_UNKNOWN ? 0 : al.off,
					   (uint64_t)sector);
	d->direct = al.direct && (d->u->flags & URING_BUFFERED) == 0;
	fl = fcntl(d->fd, F_GETFL);
	if (fl < 0)
		return -DER_NVME_IO;
	if (d->direct &&
	    (fcntl(d->fd, F_SETFL, fl | O_DIRECT) != 0 || !direct_works(d->fd, al.off, bytes))) {
		(void)fcntl(d->fd, F_SETFL, fl);	/* taking it back cannot fail */
		d->direct = false;
	}
	d->mem_align = d->direct ? al.mem : 1;
	d->dev.align = d->direct || d->block ? al.off : URING_ALIGN_BUFFERED;
	d->dev.bytes = align_down(bytes, d->dev.align);
	d->dev.opt_bytes = URING_OPT_BYTES;
	return d->dev.bytes > 0 ? 0 : -DER_INVAL;
}

static int dev_prepare(struct uring_dev *d, const char *name, uint64_t bytes, uint32_t flags,
		       bool *made)
{
	struct stat st;
	uint64_t size = 0;
	int rc;

	d->fd = open_name(name, flags, made);
	if (d->fd < 0 || fstat(d->fd, &st) != 0)
		return der_from_open(errno);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -DER_INVAL;
	d->block = S_ISBLK(st.st_mode);
	rc = lock_take(d->fd, &st);
	if (rc != 0) {
		*made = false;	/* somebody else has it already: theirs to keep */
		return rc;
	}
	if (fstat(d->fd, &st) != 0 || st.st_nlink == 0)
		return -DER_NONEXIST;	/* its maker failed and removed it meanwhile */
	rc = capacity(d->fd, d->block, &size);
	/* Size 0 is a file whose making was cut short. */
	if (rc == 0 && size == 0 && !d->block && (flags & RT_DEV_CREATE) != 0) {
		rc = file_size_set(d->fd, name, bytes);
		size = bytes;
	}
	if (rc != 0)
		return rc;
	return mode_choose(d, size);
}

int uring_dev_open(void *ctx, const char *name, uint64_t bytes, uint32_t flags,
		   struct rt_dev **ret_dev)
{
	struct uring *u = ctx;
	struct uring_dev *d;
	bool made = false;
	int rc;

	d = u->misc->alloc(u->misc_ctx, sizeof(*d), 0);
	if (d == NULL)
		return -DER_NOMEM;
	*d = (struct uring_dev){ .u = u, .fd = -1 };
	d->rdonly = (flags & RT_DEV_RDONLY) != 0;
	list_init(&d->flush_link);
	list_init(&d->flush_wait);
	list_init(&d->flush_group);

	rc = dev_prepare(d, name, bytes, flags, &made);
	if (rc != 0)
		goto out;
	*ret_dev = &d->dev;
	d = NULL;
out:
	if (d != NULL) {
		if (made)
			(void)unlink(name);	/* nothing of it was promised to anybody */
		if (d->fd >= 0)
			(void)close(d->fd);
		u->misc->free(u->misc_ctx, d);
	}
	return rc;
}

void uring_dev_close(void *ctx, struct rt_dev *dev)
{
	struct uring *u = ctx;
	struct uring_dev *d;

	if (dev == NULL)
		return;
	d = dev_of(dev);
	ASSERT(d->outstanding == 0);
	ASSERT(!d->syncing && list_empty(&d->flush_wait));
	(void)close(d->fd);	/* what was to be durable was flushed; the lock ends here */
	u->misc->free(u->misc_ctx, d);
}

void uring_dev_query(const struct rt_dev *dev, struct uring_dev_info *ret_info)
{
	const struct uring_dev *d = container_of(dev, const struct uring_dev, dev);

	*ret_info = (struct uring_dev_info){
		.direct = d->direct,
		.block = d->block,
		.failed = d->failed,
		.mem_align = d->mem_align,
	};
}

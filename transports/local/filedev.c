/*
 * File and block devices of the local backend: buffered pread and pwrite when the stream polls,
 * fdatasync for a flush, an exclusive flock for ownership.
 */
#include "transports/local/local_int.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BOUNCE_BYTES 65536u
#define IOV_BATCH 64u

struct file_open {
	struct local_dev d;
	int fd;
	/* After a failed write or flush the kernel forgets what it lost, and a later fsync would
	 * say "clean". So the first failure is final for this opening. */
	bool failed;
};

/* Transfer all of @iov at @off. A short transfer goes on; an end of file is a device error. */
static int file_rw_all(int fd, enum rt_io_op op, struct iovec *iov, int nr, uint64_t off)
{
	while (nr > 0) {
		ssize_t n = op == RT_IO_READ ? preadv(fd, iov, nr, (off_t)off)
					     : pwritev(fd, iov, nr, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == ENOMEM ? -DER_NOMEM : -DER_NVME_IO;
		off += (uint64_t)n;
		while (nr > 0 && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			nr--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

static int file_rw_bytes(int fd, const struct rt_io *io)
{
	struct iovec iov[IOV_BATCH];
	uint64_t off = io->off;
	uint32_t i = 0;

	while (i < io->buf.nr) {
		uint64_t bytes = 0;
		int nr = 0, rc;

		for (; i < io->buf.nr && nr < (int)IOV_BATCH; i++) {
			if (io->buf.segs[i].bytes == 0)
				continue;
			iov[nr++] = (struct iovec){ io->buf.segs[i].ptr, io->buf.segs[i].bytes };
			bytes += io->buf.segs[i].bytes;
		}
		rc = file_rw_all(fd, io->op, iov, nr, off);
		if (rc != 0)
			return rc;
		off += bytes;
	}
	return 0;
}

/* Phantom segments pass through real bytes. */
static int file_rw_bounce(struct file_open *f, const struct rt_io *io)
{
	char *bounce = rt_alloc(&f->d.stream->rt, BOUNCE_BYTES);
	uint64_t done = 0;
	int rc = 0;

	if (bounce == NULL)
		return -DER_NOMEM;
	while (rc == 0 && done < io->buf.bytes) {
		uint64_t n = min_u64(io->buf.bytes - done, BOUNCE_BYTES);
		struct iovec iov = { bounce, n };
		struct bseg seg;
		struct buf b = buf_from_bytes(&seg, bounce, n);

		if (io->op == RT_IO_WRITE)
			rc = buf_copy(&b, 0, &io->buf, done, n);
		if (rc == 0)
			rc = file_rw_all(f->fd, io->op, &iov, 1, io->off + done);
		if (rc == 0 && io->op == RT_IO_READ)
			rc = buf_copy(&io->buf, done, &b, 0, n);
		done += n;
	}
	rt_free(&f->d.stream->rt, bounce);
	return rc;
}

static int file_flush(int fd)
{
	int rc;

	do {
		rc = fdatasync(fd);
	} while (rc != 0 && errno == EINTR);
	return rc == 0 ? 0 : -DER_NVME_IO;
}

static int file_perform(struct local_dev *d, struct rt_io *io)
{
	struct file_open *f = container_of(d, struct file_open, d);
	int rc = 0;

	if (f->failed && io->op != RT_IO_READ)
		return -DER_NVME_IO;
	switch (io->op) {
	case RT_IO_READ:
	case RT_IO_WRITE:
		rc = buf_is_bytes(&io->buf) ? file_rw_bytes(f->fd, io) : file_rw_bounce(f, io);
		break;
	case RT_IO_FLUSH:
		rc = file_flush(f->fd);
		break;
	case RT_IO_TRIM:
		/* A hint: where the file system cannot, the content stays, which is allowed. */
		if (io->buf.bytes > 0)
			(void)fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)io->off, (off_t)io->buf.bytes);
		break;
	default:
		return -DER_INVAL;
	}
	if (rc == -DER_NVME_IO && io->op != RT_IO_READ)
		f->failed = true;
	return rc;
}

static void file_close(struct local_dev *d)
{
	struct file_open *f = container_of(d, struct file_open, d);

	close(f->fd);	/* gives up the lock; writes that nobody flushed are nobody's promise */
	rt_free(&d->stream->rt, f);
}

static const struct local_dev_ops file_ops = {
	.perform = file_perform,
	.close = file_close,
};

/* ---- opening ------------------------------------------------------------------------------ */

/* Make the name of a new file durable. */
static int dir_sync(const char *path)
{
	char copy[PATH_MAX];
	int fd, rc;

	memcpy(copy, path, strlen(path) + 1);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	/* Some file systems cannot sync a directory and say EINVAL: theirs need none. */
	rc = fsync(fd) == 0 || errno == EINVAL ? 0 : -DER_NVME_IO;
	close(fd);
	return rc;
}

static int file_size(int fd, const char *path, uint64_t bytes, uint32_t flags, uint64_t *ret_bytes)
{
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) != 0)
		return err_from_errno(errno);
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(fd, BLKGETSIZE64, &size) != 0)
			return -DER_NVME_IO;
		*ret_bytes = size;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return -DER_INVAL;
	/* Size 0 is also what is left of a creation that was interrupted. */
	if (st.st_size == 0 && (flags & RT_DEV_CREATE)) {
		if (ftruncate(fd, (off_t)bytes) != 0)
			return err_from_errno(errno);
		if (fsync(fd) != 0)
			return -DER_NVME_IO;
		*ret_bytes = bytes;
		return dir_sync(path);
	}
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

static int open_rc(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return -DER_NONEXIST;
	case EACCES:
	case EPERM:
	case EROFS:
		return -DER_NO_PERM;
	case EISDIR:
	case ENAMETOOLONG:
		return -DER_INVAL;
	default:
		return err_from_errno(err);
	}
}

int local_file_open(struct local_stream *s, const char *path, uint64_t bytes, uint32_t flags,
		    struct local_dev **ret_dev)
{
	int oflags = O_CLOEXEC | ((flags & RT_DEV_RDONLY) ? O_RDONLY : O_RDWR);
	struct file_open *f;
	uint64_t size = 0;
	int fd, rc = 0;

	if (strnlen(path, PATH_MAX) == PATH_MAX || bytes > INT64_MAX)
		return -DER_INVAL;
	fd = open(path, oflags | ((flags & RT_DEV_CREATE) ? O_CREAT : 0), 0600);
	if (fd < 0)
		return open_rc(errno);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? -DER_BUSY : err_from_errno(errno);
	if (rc == 0)
		rc = file_size(fd, path, bytes, flags, &size);
	size = align_down(size, s->world->opts.dev_align);
	if (rc == 0 && size == 0)
		rc = -DER_INVAL;
	f = rc == 0 ? rt_alloc(&s->rt, sizeof(*f)) : NULL;
	if (rc == 0 && f == NULL)
		rc = -DER_NOMEM;
	if (rc != 0) {
		close(fd);
		return rc;
	}
	f->fd = fd;
	f->d.ops = &file_ops;
	f->d.dev.bytes = size;
	f->d.dev.opt_bytes = 1u << 20;
	*ret_dev = &f->d;
	return 0;
}

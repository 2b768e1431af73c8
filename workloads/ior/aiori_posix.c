/* Files of this machine's kernel. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "workloads/ior/aiori.h"

struct aiori_file {
	int fd;
};

static int posix_start(struct aiori *a)
{
	(void)a;
	return 0;
}

static void posix_stop(struct aiori *a)
{
	(void)a;
}

static int fd_open(const char *path, uint32_t flags, bool create, int *ret_fd)
{
	int mode = (flags & AIORI_WRITE) != 0 ? O_RDWR : O_RDONLY;
	int fd = open(path, mode | O_CLOEXEC | (create ? O_CREAT : 0), 0664);

	if (fd < 0)
		return errno;
	*ret_fd = fd;
	return 0;
}

/* Of a shared file rank 0 goes first: it creates, and its error is everybody's. */
static int posix_open(struct aiori *a, const char *path, uint32_t flags,
		      struct aiori_file **ret_file)
{
	bool shared = (flags & AIORI_SHARED) != 0, first = !shared || a->env->rank == 0;
	struct aiori_file *f = wl_alloc(a->env, sizeof(*f));
	int rc = f == NULL ? ENOMEM : 0, rc2 = 0;

	if (f != NULL)
		f->fd = -1;
	if (rc == 0 && first)
		rc = fd_open(path, flags, (flags & AIORI_CREATE) != 0, &f->fd);
	if (shared) {
		rc2 = first ? rc : 0;
		if (wl_bcast(a->env, &rc2, sizeof(rc2), 0) != 0)
			rc2 = -DER_CANCELED;
		if (rc == 0)
			rc = rc2;
		if (rc == 0 && !first)
			rc = fd_open(path, flags, false, &f->fd);
		rc = aiori_agree(a->env, rc);
	}
	if (rc == 0) {
		*ret_file = f;
		return 0;
	}
	if (f != NULL && f->fd >= 0)
		(void)close(f->fd);	/* nothing was done with it */
	wl_free(a->env, f);
	return rc;
}

static int posix_read(struct aiori *a, struct aiori_file *f, void *buf, uint64_t bytes,
		      uint64_t off, uint64_t *ret_bytes)
{
	uint64_t at = 0;
	ssize_t n;

	(void)a;
	while (at < bytes) {
		n = pread(f->fd, (uint8_t *)buf + at, bytes - at, (off_t)(off + at));
		if (n < 0 && errno != EINTR)
			return errno;
		if (n == 0)
			break;
		at += n > 0 ? (uint64_t)n : 0;
	}
	*ret_bytes = at;
	return 0;
}

static int posix_write(struct aiori *a, struct aiori_file *f, const void *buf, uint64_t bytes,
		       uint64_t off)
{
	uint64_t at = 0;
	ssize_t n;

	(void)a;
	while (at < bytes) {
		n = pwrite(f->fd, (const uint8_t *)buf + at, bytes - at, (off_t)(off + at));
		if (n == 0)
			return EIO;
		if (n < 0 && errno != EINTR)
			return errno;
		at += n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

static int posix_fsync(struct aiori *a, struct aiori_file *f)
{
	(void)a;
	return fsync(f->fd) == 0 ? 0 : errno;
}

static int posix_close(struct aiori *a, struct aiori_file *f)
{
	int rc = close(f->fd) == 0 ? 0 : errno;

	wl_free(a->env, f);
	return rc;
}

static int posix_remove(struct aiori *a, const char *path)
{
	(void)a;
	return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
}

static int posix_space(struct aiori *a, const char *path, struct aiori_space *ret_space)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	char *dir = wl_alloc(a->env, len + 2);
	struct statvfs st;
	int rc;

	if (dir == NULL)
		return ENOMEM;
	memcpy(dir, path, len);
	memcpy(dir + len, ".", 2);
	rc = statvfs(dir, &st) == 0 ? 0 : errno;
	wl_free(a->env, dir);
	if (rc == 0)
		*ret_space = (struct aiori_space){
			.bytes = (uint64_t)st.f_blocks * st.f_frsize,
			.free_bytes = (uint64_t)st.f_bfree * st.f_frsize,
			.inodes = st.f_files,
			.free_inodes = st.f_ffree,
		};
	return rc;
}

const struct aiori_ops aiori_posix = {
	.name = "POSIX",
	.start = posix_start,
	.stop = posix_stop,
	.open = posix_open,
	.read = posix_read,
	.write = posix_write,
	.fsync = posix_fsync,
	.close = posix_close,
	.remove = posix_remove,
	.space = posix_space,
};

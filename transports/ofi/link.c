/*
 * What libfabric neither tells nor does: whether a peer's process lives, and the end of a TCP
 * connection on our demand.
 *
 * The tcp providers keep a pointer into exposed memory while a remote write trickles in; closing the
 * registration or removing the address does not stop it (README.md has the measurements). Their
 * sockets are ours, though: shut down, they make the provider drop the transfer, and when the
 * provider has closed them nothing is left that could write.
 */
#include "transports/ofi/ofi_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LIVE_FDS_MAX 4096u

/* ---- cutting TCP connections ------------------------------------------------------------------ */

/* Port and address of two socket addresses; flow labels and scopes do not matter. */
static bool same_ip(const struct sockaddr *a, const struct sockaddr *b, bool port_too)
{
	const struct sockaddr_in *a4 = (const void *)a;
	const struct sockaddr_in *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a;
	const struct sockaddr_in6 *b6 = (const void *)b;

	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr &&
		       (!port_too || a4->sin_port == b4->sin_port);
	if (a->sa_family == AF_INET6)
		return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0 &&
		       (!port_too || a6->sin6_port == b6->sin6_port);
	return false;
}

/* Is @fd a connection of this endpoint's process to @dst: made by us, or accepted by this endpoint? */
static bool link_matches(struct ofi *o, struct ofi_dst *dst, int fd)
{
	struct sockaddr_storage far;
	struct sockaddr_storage near;
	const struct sockaddr *peer = (const void *)dst->addr;
	socklen_t len = sizeof(far);

	if (getpeername(fd, (struct sockaddr *)&far, &len) != 0)
		return false;
	if (same_ip((struct sockaddr *)&far, peer, true))
		return true;
	len = sizeof(near);
	if (getsockname(fd, (struct sockaddr *)&near, &len) != 0)
		return false;
	return same_ip((struct sockaddr *)&near, (const void *)o->addr, true) &&
	       same_ip((struct sockaddr *)&far, peer, false);
}

uint32_t ofi_link_cut(struct ofi *o, struct ofi_dst *dst)
{
	struct dirent *e;
	DIR *dir;

	dst->cut_count = 0;
	if (!o->prov->tcp)
		return 0;
	dir = opendir("/proc/self/fd");
	ASSERT(dir != NULL);	/* without it exposed memory cannot be taken back */
	while ((e = readdir(dir)) != NULL && dst->cut_count < OFI_SEVER_MAX) {
		int fd = atoi(e->d_name);
		struct stat st;
		int pin;

		if (e->d_name[0] == '.' || fd == dst->probe_fd)
			continue;
		pin = fcntl(fd, F_DUPFD_CLOEXEC, 0);	/* another thread may close @fd meanwhile */
		if (pin < 0)
			continue;
		if (fstat(pin, &st) == 0 && S_ISSOCK(st.st_mode) && link_matches(o, dst, pin)) {
			(void)shutdown(pin, SHUT_RDWR);	/* fails when it is down already */
			dst->cut_fd[dst->cut_count] = fd;
			dst->cut_ino[dst->cut_count] = st.st_ino;
			dst->cut_count++;
		}
		(void)close(pin);
	}
	(void)closedir(dir);
	return dst->cut_count;
}

bool ofi_link_gone(struct ofi_dst *dst)
{
	while (dst->cut_count > 0) {
		uint32_t i = dst->cut_count - 1;
		struct stat st;

		if (fstat(dst->cut_fd[i], &st) == 0 && st.st_ino == dst->cut_ino[i])
			return false;
		dst->cut_count--;
	}
	return true;
}

/* ---- asking the peer's kernel ------------------------------------------------------------------ */

static void probe_end(struct ofi_dst *dst)
{
	if (dst->probe_fd >= 0)
		(void)close(dst->probe_fd);
	dst->probe_fd = -1;
}

/* A connection of our own: refused when the process is dead, accepted when it merely stands still. */
static enum ofi_alive probe_tcp(struct ofi_dst *dst, uint64_t now_ns)
{
	const struct sockaddr *peer = (const void *)dst->addr;
	struct pollfd pfd;
	socklen_t len = sizeof(int);
	int err = 0;

	if (dst->probe_fd < 0) {
		if (now_ns < dst->probe_ns)
			return OFI_ALIVE_UNKNOWN;
		dst->probe_ns = now_ns + OFI_PROBE_EVERY_NS;
		dst->probe_fd = socket(peer->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				       0);
		if (dst->probe_fd < 0)
			return OFI_ALIVE_UNKNOWN;
		if (connect(dst->probe_fd, peer, dst->addr_bytes) != 0)
			err = errno;
	} else {
		pfd = (struct pollfd){ .fd = dst->probe_fd, .events = POLLOUT };
		if (poll(&pfd, 1, 0) == 0)
			return OFI_ALIVE_UNKNOWN;
		if (getsockopt(dst->probe_fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
			err = errno;
	}
	if (err == EINPROGRESS)
		return OFI_ALIVE_UNKNOWN;
	probe_end(dst);
	if (err == 0)
		return OFI_ALIVE_YES;
	return err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH ? OFI_ALIVE_NO
										: OFI_ALIVE_UNKNOWN;
}

enum ofi_alive ofi_link_probe(struct ofi *o, struct ofi_dst *dst, uint64_t now_ns)
{
	if (o->prov->tcp)
		return probe_tcp(dst, now_ns);
	return dst->live_fd >= 0 ? OFI_ALIVE_YES : OFI_ALIVE_UNKNOWN;
}

/* ---- shm: a socket per peer, whose end is the peer's ------------------------------------------- */

/* Abstract names vanish with the process, however it ends, and nobody can hold one twice. */
static socklen_t live_name(struct sockaddr_un *sun, const char *name)
{
	static const char prefix[] = "gemel-ofi-";
	size_t len = strlen(name);

	ASSERT(1 + sizeof(prefix) - 1 + len <= sizeof(sun->sun_path));
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(sun->sun_path + 1, prefix, sizeof(prefix) - 1);
	memcpy(sun->sun_path + sizeof(prefix), name, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(prefix) + len);
}

static int live_listen(const char *name, int *ret_fd)
{
	struct sockaddr_un sun;
	socklen_t len = live_name(&sun, name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_from_errno(errno);
	if (bind(fd, (struct sockaddr *)&sun, len) != 0 || listen(fd, (int)LIVE_FDS_MAX) != 0) {
		int rc = errno == EADDRINUSE ? -DER_BUSY : err_from_errno(errno);

		(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

int ofi_link_listen(struct ofi *o, const char *name)
{
	return live_listen(name, &o->listen_fd);
}

bool ofi_link_bury(const char *name)
{
	int fd;

	if (live_listen(name, &fd) != 0)
		return false;
	(void)shm_unlink(name);	/* of another user: its next process does it */
	(void)close(fd);
	return true;
}

/* Take in those who watch us, let those go who died. */
void ofi_link_accept(struct ofi *o)
{
	uint32_t i = 0;
	char byte;

	if (o->listen_fd < 0)
		return;
	while (i < o->live_count) {
		if (recv(o->live_fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
			i++;
			continue;
		}
		(void)close(o->live_fds[i]);
		o->live_fds[i] = o->live_fds[--o->live_count];
	}
	while (o->live_count < LIVE_FDS_MAX) {
		int fd;

		if (o->live_count == o->live_cap) {
			uint32_t cap = o->live_cap == 0 ? 16 : 2 * o->live_cap;
			int *fds = ofi_alloc(o, cap * sizeof(*fds), 0);

			if (fds == NULL)
				return;
			if (o->live_count > 0)
				memcpy(fds, o->live_fds, o->live_count * sizeof(*fds));
			ofi_free(o, o->live_fds);
			o->live_fds = fds;
			o->live_cap = cap;
		}
		fd = accept4(o->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		o->live_fds[o->live_count++] = fd;
	}
}

int ofi_link_watch(struct ofi *o, struct ofi_dst *dst)
{
	const char *name = (const char *)memchr(dst->addr, '/', dst->addr_bytes);
	struct sockaddr_un sun;
	struct ucred cred;
	socklen_t cred_len;
	socklen_t len;
	int fd;

	(void)o;
	/* "fi_ns://NAME" with its NUL, or it is nobody's address. */
	if (dst->live_fd >= 0)
		return 0;
	if (name == NULL || dst->addr[dst->addr_bytes - 1] != '\0' || name[1] != '/' ||
	    strlen(name + 2) == 0 || strlen(name + 2) > 64)
		return -DER_UNREACH;
	len = live_name(&sun, name + 2);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -DER_UNREACH;
	if (connect(fd, (struct sockaddr *)&sun, len) != 0) {
		(void)close(fd);
		return -DER_UNREACH;
	}
	cred_len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) == 0)
		dst->pid = cred.pid;
	dst->live_fd = fd;
	return 0;
}

bool ofi_link_dead(const struct ofi_dst *dst)
{
	char byte;
	ssize_t n;

	if (dst->live_fd < 0)
		return false;
	n = recv(dst->live_fd, &byte, 1, MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void ofi_link_close(struct ofi_dst *dst)
{
	probe_end(dst);
	if (dst->live_fd >= 0)
		(void)close(dst->live_fd);
	dst->live_fd = -1;
}

void ofi_link_fini(struct ofi *o)
{
	while (o->live_count > 0)
		(void)close(o->live_fds[--o->live_count]);
	ofi_free(o, o->live_fds);
	o->live_fds = NULL;
	if (o->listen_fd >= 0)
		(void)close(o->listen_fd);
	o->listen_fd = -1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/messages.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"

bool ctl_memfd(struct span bytes, int *out, struct err *e)
{
	_cleanup_(fd_closep) int fd = memfd_create("sallyport", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || !fd_write_all(fd, bytes, e) || lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		return err_sys(e, errno, "a file to be handed over");
	*out = fd;
	fd = -1;
	return true;
}

bool ctl_memfd_read(int fd, uint64_t size, uint64_t max, char **out, struct err *e)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t at = 0;

	if (size > max)
		return err_set(e, ERR_LIMIT, "%llu bytes were handed over: expected at most %llu",
			       (unsigned long long)size, (unsigned long long)max);
	bytes = xmalloc(size + 1);
	while (at < size) {
		ssize_t n = RETRY_EINTR(pread(fd, bytes + at, size - at, (off_t)at));

		if (n <= 0)
			return err_set(e, ERR_SYSTEM, "what was handed over is cut at byte %zu",
				       at);
		at += (size_t)n;
	}
	bytes[size] = '\0';
	*out = steal(&bytes);
	return true;
}

bool ctl_send(int sock, struct ctl_message *m, struct span bytes, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;

	m->size = bytes.n;
	if (bytes.n && !ctl_memfd(bytes, &fd, e))
		return false;
	return fd_send(sock, m, sizeof(*m), &fd, bytes.n ? 1 : 0, e);
}

static bool message_valid(const struct ctl_message *m, int fd)
{
	return (unsigned)m->kind < CTL_KIND_COUNT && (unsigned)m->why < ERR_KIND_COUNT &&
	       (m->size == 0) == (fd < 0);
}

int ctl_receive(int sock, struct ctl_message *m, int *fd)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct err ignored;
	size_t n;

	*fd = -1;
	if (poll(&p, 1, 0) != 1)
		return 0;
	if (!fd_receive_upto(sock, m, sizeof(*m), fd, 1, &n, &ignored))
		return -1;
	m->text[sizeof(m->text) - 1] = '\0';
	if (message_valid(m, *fd))
		return 1;
	fd_closep(fd);
	return -1;
}

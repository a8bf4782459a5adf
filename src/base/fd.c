/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

void fd_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

bool fd_close_others(int from, const int *keep, size_t n, unsigned flags, struct err *e)
{
	/* The gaps between the listed ones, lowest first. */
	for (;;) {
		int next = -1;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= from && (next < 0 || keep[i] < next))
				next = keep[i];
		if (next != from && close_range((unsigned)from, next < 0 ? ~0U : (unsigned)next - 1,
						(int)flags) != 0)
			return err_sys(e, errno, "closing descriptors");
		if (next < 0)
			return true;
		from = next + 1;
	}
}

bool fd_write_all(int fd, struct span s, struct err *e)
{
	while (s.n) {
		ssize_t n = RETRY_EINTR(write(fd, s.p, s.n));

		if (n < 0)
			return err_sys(e, errno, "writing");
		s = span_from(s, (size_t)n);
	}
	return true;
}

bool fd_takes(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return RETRY_EINTR(poll(&p, 1, timeout_ms)) != 0;
}

bool fd_read_file(const char *path, size_t max, char **out, size_t *out_n, struct err *e)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(freep) char *p = NULL;
	size_t n = 0, cap = 0;
	struct stat st;

	if (fd < 0)
		return err_sys(e, errno, "%s: cannot open it", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "%s: is a directory: expected a file", path);
	for (;;) {
		ssize_t got;

		if (cap - n < 2) {
			cap = cap ? cap * 2 : 8192;
			p = xrealloc(p, cap, 1);
		}
		got = RETRY_EINTR(read(fd, p + n, cap - n - 1));
		if (got < 0)
			return err_sys(e, errno, "%s: cannot read it", path);
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > max)
			return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", path, max);
	}
	p[n] = '\0';
	*out = steal(&p);
	*out_n = n;
	return true;
}

/* ---- replacing a file ---- */

/* What is about to be replaced. */
struct target {
	char *path; /* without links; owned */
	bool exists;
	struct stat st; /* when it does */
};

static bool find_target(const char *path, struct target *out, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		out->path = realpath(path, NULL);
		if (!out->path)
			return err_sys(e, errno, "%s: cannot follow the link", path);
	} else {
		out->path = xstrdup(path);
	}
	out->exists = stat(out->path, &out->st) == 0;
	if (!out->exists && errno != ENOENT)
		return err_sys(e, errno, "%s: cannot write it", path);
	if (out->exists && !S_ISREG(out->st.st_mode))
		return err_set(e, ERR_INVALID, "%s: is no regular file and cannot be replaced",
			       path);
	return true;
}

/* The directory of a path, with its last slash; "" for the current one. */
static struct span directory_of(const char *path)
{
	struct span s = span_of(path);

	return span_first(s, (size_t)(span_rfind(s, '/') + 1));
}

/* A name beside the target that nobody else has. */
static char *sibling_of(const struct target *t)
{
	struct span dir = directory_of(t->path);
	uint64_t random;

	/* A name that is taken after all is an error of open(). */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint64_t)getpid();
	return xasprintf(SPAN_FMT ".sallyport-%016llx", SPAN_ARG(dir), (unsigned long long)random);
}

static bool fill(int fd, struct span s, const struct target *t, struct err *e)
{
	struct stat st;

	if (t->exists) {
		if (fstat(fd, &st) < 0)
			return err_sys(e, errno, "looking at it");
		if ((st.st_uid != t->st.st_uid || st.st_gid != t->st.st_gid) &&
		    fchown(fd, t->st.st_uid, t->st.st_gid) < 0)
			return err_sys(e, errno, "keeping its owner");
		if (fchmod(fd, t->st.st_mode & 0777) < 0)
			return err_sys(e, errno, "keeping its mode");
	}
	if (!fd_write_all(fd, s, e))
		return false;
	return fsync(fd) == 0 || err_sys(e, errno, "flushing");
}

/* The new name outlives a power cut. Where the disk cannot promise it, the file is there all the
 * same. */
static void flush_directory(const struct target *t)
{
	struct span dir = directory_of(t->path);
	_cleanup_(freep) char *path = dir.n ? xstrndup(dir.p, dir.n) : xstrdup(".");
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd);
}

static bool replace(const struct target *t, struct span s, mode_t mode, struct err *e)
{
	_cleanup_(freep) char *beside = sibling_of(t);
	_cleanup_(fd_closep) int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
					   t->exists ? t->st.st_mode & 0777 : mode);
	bool ok;

	if (fd < 0)
		return err_sys(e, errno, "making a file beside it");
	ok = fill(fd, s, t, e);
	if (ok && rename(beside, t->path) < 0)
		ok = err_sys(e, errno, "replacing it");
	if (!ok)
		(void)unlink(beside);
	return ok;
}

bool fd_write_file_atomic(const char *path, struct span s, mode_t mode, struct err *e)
{
	struct target t = { 0 };
	bool ok = find_target(path, &t, e);

	if (ok) {
		ok = replace(&t, s, mode, e) || err_wrap(e, "%s", path);
		if (ok)
			flush_directory(&t);
	}
	free(t.path);
	return ok;
}

/* ---- passing descriptors ---- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
};

bool fd_send(int sock, const void *msg, size_t len, const int *fds, size_t n, struct err *e)
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)msg, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	assert(n <= FD_PASS_MAX);
	if (n) {
		struct cmsghdr *cm;

		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(cm), fds, sizeof(int) * n);
	}
	sent = RETRY_EINTR(sendmsg(sock, &mh, MSG_NOSIGNAL));
	if (sent < 0)
		return err_sys(e, errno, "passing descriptors");
	if ((size_t)sent != len)
		return err_set(e, ERR_SYSTEM, "passing descriptors: sent %zd of %zu bytes", sent,
			       len);
	return true;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fd_closep(&fds[i]);
}

/* Moves the descriptors of a received message to got[]; returns how many there were. */
static size_t collect(struct msghdr *mh, int got[FD_PASS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		size_t k;

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		k = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		k = MIN(k, FD_PASS_MAX - n);
		memcpy(got + n, CMSG_DATA(cm), k * sizeof(int));
		n += k;
	}
	return n;
}

bool fd_receive_upto(int sock, void *msg, size_t len, int *fds, size_t max, size_t *n,
		     struct err *e)
{
	union control control = { 0 };
	struct iovec iov = { msg, len };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	int got[FD_PASS_MAX];
	size_t n_got;
	ssize_t r;

	assert(max <= FD_PASS_MAX);
	r = RETRY_EINTR(recvmsg(sock, &mh, MSG_CMSG_CLOEXEC));
	if (r < 0)
		return err_sys(e, errno, "receiving descriptors");
	n_got = collect(&mh, got);
	if ((size_t)r != len || n_got > max || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		close_all(got, n_got);
		return err_set(e, ERR_SYSTEM,
			       "the peer sent %zd bytes and %zu descriptors: expected %zu and %zu",
			       r, n_got, len, max);
	}
	memcpy(fds, got, n_got * sizeof(int));
	*n = n_got;
	return true;
}

bool fd_receive(int sock, void *msg, size_t len, int *fds, size_t n, struct err *e)
{
	int got[FD_PASS_MAX];
	size_t n_got;

	if (!fd_receive_upto(sock, msg, len, got, n, &n_got, e))
		return false;
	if (n_got < n) {
		close_all(got, n_got);
		return err_set(e, ERR_SYSTEM, "the peer sent %zu descriptors: expected %zu", n_got,
			       n);
	}
	memcpy(fds, got, n * sizeof(int));
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "t.h"

/* Descriptors open in this process, to see that none is left behind. */
static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void pair(int sock[2], int type)
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sock), 0);
}

static void close_pair(int sock[2])
{
	fd_closep(&sock[0]);
	fd_closep(&sock[1]);
}

T(closing)
{
	int fd = dup(STDERR_FILENO), none = -1;

	errno = EDOM;
	fd_closep(&fd);
	t_eq_int(fd, -1);
	fd_closep(&none);
	t_eq_int(errno, EDOM);
}

T(passing)
{
	int before = count_open(), sock[2], sent[FD_PASS_MAX], got[FD_PASS_MAX];
	char word[4];
	struct err e = { 0 };

	pair(sock, SOCK_SEQPACKET);
	for (size_t i = 0; i < FD_PASS_MAX; i++)
		sent[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t n = 0; n <= FD_PASS_MAX; n++) {
		t_good(fd_send(sock[0], "word", 4, sent, n, &e), e);
		t_good(fd_receive(sock[1], word, 4, got, n, &e), e);
		t_eq_mem(word, "word", 4);
		for (size_t i = 0; i < n; i++) {
			t_eq_int(fcntl(got[i], F_GETFD), FD_CLOEXEC);
			fd_closep(&got[i]);
		}
	}
	for (size_t i = 0; i < FD_PASS_MAX; i++)
		fd_closep(&sent[i]);
	close_pair(sock);
	t_eq_int(count_open(), before);
}

/* What is sent, and what the receiver expects and does not get. */
static const struct {
	const char *name;
	size_t len, n_fds;
	size_t want_len, want_fds;
} mismatches[] = {
	{ "no descriptors", 4, 0, 4, 1 }, { "one descriptor too many", 4, 2, 4, 1 },
	{ "one too few", 4, 1, 4, 2 },	  { "descriptors where none belong", 4, 1, 4, 0 },
	{ "short message", 3, 1, 4, 1 },  { "long message", 5, 1, 4, 1 },
};

T(refusing)
{
	T_EACH(row, mismatches)
	{
		int before = count_open(), sock[2], got[FD_PASS_MAX] = { 0 };
		int sent[2] = { STDOUT_FILENO, STDERR_FILENO };
		char bytes[16];
		struct err e = { 0 };

		pair(sock, SOCK_SEQPACKET);
		t_good(fd_send(sock[0], "message", row->len, sent, row->n_fds, &e), e);
		t_bad(fd_receive(sock[1], bytes, row->want_len, got, row->want_fds, &e), e,
		      ERR_SYSTEM, "expected");
		t_eq_int(got[0], 0);
		close_pair(sock);
		t_eq_int(count_open(), before);
	}
}

/* More control messages than room for them: the kernel cuts, none stays open. */
T(flooded)
{
	int before = count_open(), sock[2], many[64], got[1];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(many))];
	} control = { 0 };
	struct iovec iov = { (char[]){ "word" }, 4 };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	char word[4];
	struct err e = { 0 };

	pair(sock, SOCK_SEQPACKET);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = STDERR_FILENO;
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(many));
	memcpy(CMSG_DATA(cm), many, sizeof(many));
	t_eq_int(sendmsg(sock[0], &mh, 0), 4);
	t_ok(!fd_receive(sock[1], word, 4, got, 1, &e));
	close_pair(sock);
	t_eq_int(count_open(), before);
}

T(peer_gone)
{
	int sock[2], got[1];
	char word[4];
	struct err e = { 0 };

	pair(sock, SOCK_SEQPACKET);
	fd_closep(&sock[0]);
	t_bad(fd_receive(sock[1], word, 4, got, 1, &e), e, ERR_SYSTEM, "expected 4 and 1");
	t_ok(!fd_send(sock[1], "word", 4, NULL, 0, &e)); /* EPIPE, and no signal */
	fd_closep(&sock[1]);
}

T(files)
{
	char path[] = "/tmp/sallyport-test-XXXXXX";
	_cleanup_(fd_closep) int fd = mkstemp(path);
	_cleanup_(freep) char *text = NULL;
	char *other = NULL;
	struct err e = { 0 };
	size_t n;

	t_ok(fd >= 0);
	t_good(fd_write_all(fd, SPAN_LIT("one\0two"), &e), e);
	t_good(fd_read_file(path, 7, &text, &n, &e), e);
	t_eq_int(n, 7);
	t_eq_mem(text, "one\0two", 8);
	t_bad(fd_read_file(path, 6, &other, &n, &e), e, ERR_LIMIT, "larger than 6 bytes");
	t_ok(!other);
	unlink(path);
	t_bad(fd_read_file(path, 7, &other, &n, &e), e, ERR_SYSTEM, "No such file");
	t_bad(fd_read_file("/", 7, &other, &n, &e), e, ERR_INVALID, "is a directory");
	t_bad(fd_write_all(-1, SPAN_LIT("x"), &e), e, ERR_SYSTEM, "Bad file descriptor");
}

/* A file that grows over several reads, from empty on. */
T(file_sizes)
{
	static const size_t sizes[] = { 0, 1, 8190, 8191, 8192, 8193, 100000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char path[] = "/tmp/sallyport-test-XXXXXX";
		_cleanup_(fd_closep) int fd = mkstemp(path);
		_cleanup_(freep) char *want = xcalloc(sizes[i] + 1, 1), *got = NULL;
		struct err e = { 0 };
		size_t n;

		memset(want, 'a', sizes[i]);
		t_good(fd_write_all(fd, span_of(want), &e), e);
		t_good(fd_read_file(path, 1 << 20, &got, &n, &e), e);
		unlink(path);
		t_eq_int(n, sizes[i]);
		t_ok(strcmp(got, want) == 0);
	}
}

T_MAIN(T_TEST(closing), T_TEST(passing), T_TEST(refusing), T_TEST(flooded), T_TEST(peer_gone),
       T_TEST(files), T_TEST(file_sizes))

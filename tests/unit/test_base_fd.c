/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* ---- replacing a file ---- */

/* A directory of its own for one test, and paths in it. */
struct yard {
	char dir[32];
	char file[64]; /* "filter" in it */
};

static void yard_make(struct yard *y)
{
	(void)snprintf(y->dir, sizeof(y->dir), "/tmp/sallyport-test-XXXXXX");
	t_ok(mkdtemp(y->dir) != NULL);
	(void)snprintf(y->file, sizeof(y->file), "%s/filter", y->dir);
}

/* The files in it, to see that nothing is left beside them. */
static int yard_count(const struct yard *y)
{
	DIR *d = opendir(y->dir);
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d)
		(void)closedir(d);
	return n;
}

static void yard_clear(const struct yard *y)
{
	(void)unlink(y->file);
	t_eq_int(yard_count(y), 0);
	t_eq_int(rmdir(y->dir), 0);
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e = { 0 };

	t_good(fd_write_all(fd, span_of(text), &e), e);
	t_eq_int(fchmod(fd, mode), 0);
	fd_closep(&fd);
}

#define t_file(path, want, want_mode)                                      \
	do {                                                               \
		_cleanup_(freep) char *text_ = NULL;                       \
		struct err e_ = { 0 };                                     \
		struct stat st_;                                           \
		size_t n_;                                                 \
		t_good(fd_read_file(path, 1 << 20, &text_, &n_, &e_), e_); \
		t_eq_str(text_, want);                                     \
		t_eq_int(stat(path, &st_), 0);                             \
		t_eq_int(st_.st_mode & 07777, want_mode);                  \
	} while (0)

T(replacing)
{
	mode_t mask = umask(027);
	int before = count_open();
	struct err e = { 0 };
	struct stat old, new;
	struct yard y;

	yard_make(&y);
	t_good(fd_write_file_atomic(y.file, SPAN_LIT("one"), 0666, &e), e);
	t_file(y.file, "one", 0640);
	t_eq_int(chmod(y.file, 0604), 0);
	t_eq_int(stat(y.file, &old), 0);
	t_good(fd_write_file_atomic(y.file, SPAN_LIT("two, longer"), 0666, &e), e);
	t_file(y.file, "two, longer", 0604);
	/* Another file took the place: a reader of the old one never sees a half. */
	t_eq_int(stat(y.file, &new), 0);
	t_ok(old.st_ino != new.st_ino);
	t_good(fd_write_file_atomic(y.file, SPAN_LIT(""), 0666, &e), e);
	t_file(y.file, "", 0604);
	t_eq_int(yard_count(&y), 1);
	t_eq_int(count_open(), before);
	yard_clear(&y);
	(void)umask(mask);
}

T(replacing_in_the_current_directory)
{
	_cleanup_(fd_closep) int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = { 0 };
	struct yard y;

	yard_make(&y);
	t_eq_int(chdir(y.dir), 0);
	t_good(fd_write_file_atomic("filter", SPAN_LIT("here"), 0600, &e), e);
	t_eq_int(fchdir(home), 0);
	t_file(y.file, "here", 0600);
	yard_clear(&y);
}

T(replacing_behind_a_link)
{
	char link[64];
	struct err e = { 0 };
	struct stat st;
	struct yard y;

	yard_make(&y);
	(void)snprintf(link, sizeof(link), "%s/link", y.dir);
	t_eq_int(symlink("filter", link), 0);
	t_bad(fd_write_file_atomic(link, SPAN_LIT("x"), 0600, &e), e, ERR_SYSTEM,
	      "cannot follow the link: No such file");
	put(y.file, "old", 0600);
	t_good(fd_write_file_atomic(link, SPAN_LIT("new"), 0600, &e), e);
	t_file(y.file, "new", 0600);
	t_ok(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
	t_eq_int(unlink(link), 0);
	yard_clear(&y);
}

static const struct {
	const char *name;
	const char *path;
	enum err_kind kind;
	const char *msg;
} irreplaceable[] = {
	{ "directory", "/tmp", ERR_INVALID, "/tmp: is no regular file" },
	{ "device", "/dev/null", ERR_INVALID, "/dev/null: is no regular file" },
	{ "no such directory", "/nonexistent/filter", ERR_SYSTEM,
	  "/nonexistent/filter: making a file beside it: No such file" },
	{ "below a file", "/etc/passwd/filter", ERR_SYSTEM, "Not a directory" },
};

T(not_replacing)
{
	T_EACH(row, irreplaceable)
	{
		struct err e = { 0 };

		t_bad(fd_write_file_atomic(row->path, SPAN_LIT("x"), 0600, &e), e, row->kind,
		      row->msg);
	}
}

/* Root may write anywhere. */
T(replacing_without_permission)
{
	bool root = geteuid() == 0;
	struct err e = { 0 };
	struct yard y;
	bool ok;

	yard_make(&y);
	put(y.file, "old", 0666);
	t_eq_int(chmod(y.dir, 0555), 0);
	if (root && seteuid(65534) < 0)
		skip(); /* a namespace in which there is nobody else */
	ok = fd_write_file_atomic(y.file, SPAN_LIT("new"), 0600, &e);
	if (root)
		t_eq_int(seteuid(0), 0);
	t_ok(!ok);
	t_err(e, ERR_DENIED, "filter: making a file beside it: Permission denied");
	t_file(y.file, "old", 0666);
	t_eq_int(yard_count(&y), 1);
	t_eq_int(chmod(y.dir, 0755), 0);
	yard_clear(&y);
}

T(replacing_beyond_the_file_size_limit)
{
	_cleanup_(freep) char *large = xcalloc(1, 10000);
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	struct rlimit old, small;
	struct err e = { 0 };
	struct yard y;
	bool ok;

	yard_make(&y);
	put(y.file, "old", 0600);
	t_eq_int(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 4096, old.rlim_max };
	t_eq_int(setrlimit(RLIMIT_FSIZE, &small), 0);
	ok = fd_write_file_atomic(y.file, (struct span){ large, 10000 }, 0600, &e);
	t_eq_int(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, before);
	t_ok(!ok);
	t_err(e, ERR_SYSTEM, "filter: writing: File too large");
	t_file(y.file, "old", 0600);
	t_eq_int(yard_count(&y), 1);
	yard_clear(&y);
}

static bool write_text(const char *path, const char *text)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct err e;

	return fd >= 0 && fd_write_all(fd, span_of(text), &e);
}

/* A file system of 64 KiB on the directory, for this process alone. */
static bool mount_small(const char *dir)
{
	char users[32], groups[32];

	(void)snprintf(users, sizeof(users), "0 %u 1", (unsigned)getuid());
	(void)snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getgid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       write_text("/proc/self/uid_map", users) &&
	       write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/gid_map", groups) &&
	       mount("tmpfs", dir, "tmpfs", 0, "size=64k") == 0;
}

/* In a process of its own: 0 when all is as it should be, 77 where it cannot be tried. */
static int fill_disk(const struct yard *y)
{
	_cleanup_(freep) char *large = xcalloc(1, 1 << 20);
	struct err e = { 0 };
	struct stat st;
	int fd;

	if (!mount_small(y->dir))
		return 77;
	fd = open(y->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return 77;
	(void)close(fd);
	if (fd_write_file_atomic(y->file, (struct span){ large, 1 << 20 }, 0600, &e))
		return 1;
	if (!strstr(e.msg, "No space left") || yard_count(y) != 1)
		return 2;
	return stat(y->file, &st) == 0 && st.st_size == 0 ? 0 : 3;
}

T(replacing_on_a_full_disk)
{
	struct yard y;
	int status;
	pid_t pid;

	yard_make(&y);
	pid = fork();
	t_ok(pid >= 0);
	if (pid == 0)
		_exit(fill_disk(&y));
	t_eq_int(waitpid(pid, &status, 0), pid);
	yard_clear(&y);
	t_ok(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	t_eq_int(WEXITSTATUS(status), 0);
}

T_MAIN(T_TEST(closing), T_TEST(passing), T_TEST(refusing), T_TEST(flooded), T_TEST(peer_gone),
       T_TEST(files), T_TEST(file_sizes), T_TEST(replacing),
       T_TEST(replacing_in_the_current_directory), T_TEST(replacing_behind_a_link),
       T_TEST(not_replacing), T_TEST(replacing_without_permission),
       T_TEST(replacing_beyond_the_file_size_limit), T_TEST(replacing_on_a_full_disk))

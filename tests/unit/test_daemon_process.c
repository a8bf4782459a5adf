/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This program is executed anew as its own child, which tells over its first descriptor what it
 * finds. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/process.h"
#include "t.h"

#define TELL "-tell"

struct told {
	uid_t uid;
	gid_t gid;
	int n_groups;
	uint64_t capabilities; /* that it can have */
	size_t n_environ;
	unsigned open;	/* a bit for each of the first 32 descriptors */
	bool null[2];	/* what is at 0 and 1 */
	char second[8]; /* read from descriptor 4 */
	bool own_session;
	bool blocked, ignored; /* SIGUSR1, SIGPIPE */
	int dies_by;
};

static bool is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 && st.st_rdev == null.st_rdev;
}

static uint64_t capabilities(void)
{
	_cleanup_(freep) char *text = NULL;
	struct err e;
	size_t n;
	const char *at;
	unsigned long long v = 0;

	if (fd_read_file("/proc/self/status", 65536, &text, &n, &e)) {
		at = strstr(text, "CapPrm:");
		if (at)
			(void)sscanf(at, "CapPrm: %llx", &v);
	}
	return v;
}

static int tell(void)
{
	struct told t = { .uid = geteuid(),
			  .gid = getegid(),
			  .n_groups = getgroups(0, NULL),
			  .own_session = getsid(0) == getpid() };
	struct sigaction sa;
	sigset_t mask;

	for (int fd = 0; fd < 32; fd++)
		t.open |= fcntl(fd, F_GETFD) >= 0 ? 1U << fd : 0;
	while (environ && environ[t.n_environ])
		t.n_environ++;
	t.null[0] = is_null(0);
	t.null[1] = is_null(1);
	t.capabilities = capabilities();
	if (t.open & 1 << 4)
		(void)!read(4, t.second, sizeof(t.second) - 1);
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	t.blocked = sigismember(&mask, SIGUSR1);
	(void)sigaction(SIGPIPE, NULL, &sa);
	t.ignored = sa.sa_handler == SIG_IGN;
	(void)prctl(PR_GET_PDEATHSIG, &t.dies_by);
	return write(PROCESS_FD, &t, sizeof(t)) != sizeof(t);
}

static const struct {
	const char *name;
	bool nobody, own_environ, second;
	bool crossed; /* the descriptors are where the child's are to be, the other way round */
} rows[] = {
	{ "as it is", false, false, true, false },
	{ "with the environment", false, true, true, false },
	{ "nobody", true, false, true, false },
	{ "one descriptor", false, false, false, false },
	{ "descriptors that are in each other's place", false, false, true, true },
};

/* What a child of the spec tells. */
static struct told told_by(const struct process_spec *spec, int end)
{
	struct err e = { 0 };
	struct told t;
	pid_t pid = 0;

	t_good(process_start(spec, &pid, &e), e);
	t_ok(pid > 0);
	t_ok(recv(end, &t, sizeof(t), MSG_WAITALL) == sizeof(t));
	process_end(&pid);
	t_eq_int(pid, 0);
	return t;
}

static void block_some(bool on)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
	(void)signal(SIGPIPE, on ? SIG_IGN : SIG_DFL);
}

T(start)
{
	T_EACH(row, rows)
	{
		int pair[2], second[2], low[2], fds[2];
		struct process_spec spec = { .role = TELL,
					     .fds = fds,
					     .n_fds = row->second ? 2 : 1,
					     .nobody = row->nobody,
					     .own_environ = row->own_environ };
		struct told t;

		t_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		t_ok(pipe2(second, O_CLOEXEC) == 0);
		t_ok(write(second[1], "second", 6) == 6);
		fds[0] = pair[1];
		fds[1] = second[0];
		if (row->crossed) {
			pair[0] = fcntl(pair[0], F_DUPFD_CLOEXEC, 20);
			for (size_t i = 0; i < 2; i++)
				low[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 20);
			t_ok(dup2(low[0], 4) == 4 && dup2(low[1], 3) == 3);
			fds[0] = 4;
			fds[1] = 3;
		}
		block_some(true);
		t = told_by(&spec, pair[0]);
		block_some(false);
		t_eq_int(t.open, row->second ? 0x1f : 0xf);
		t_ok(t.null[0] && t.null[1] && t.own_session && !t.blocked && !t.ignored);
		t_eq_int(t.dies_by, SIGKILL);
		t_eq_str(t.second, row->second ? "second" : "");
		t_ok((t.n_environ > 0) == row->own_environ);
		if (row->nobody && geteuid() == 0) {
			t_eq_int(t.uid, 65534);
			t_eq_int(t.gid, 65534);
			t_eq_int(t.n_groups, 0);
			t_ok(t.capabilities == 0);
		} else {
			t_eq_int(t.uid, geteuid());
		}
		if (!row->crossed) {
			(void)close(pair[0]);
			(void)close(pair[1]);
			(void)close(second[0]);
			(void)close(second[1]);
		}
	}
}

/* No child is left behind, and the reason is told. */
T(failure)
{
	int bad = 1000;
	struct process_spec spec = { .role = TELL, .fds = &bad, .n_fds = 1 };
	struct err e = { 0 };
	pid_t pid = 7;

	t_bad(process_start(&spec, &pid, &e), e, ERR_SYSTEM, "a descriptor of the child");
	t_eq_int(pid, 7);
	spec.n_fds = PROCESS_FDS_MAX + 1;
	t_bad(process_start(&spec, &pid, &e), e, ERR_LIMIT, "more than 16 descriptors");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(start), T_TEST(failure) };

	if (process_is(argc, argv, TELL))
		return tell();
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

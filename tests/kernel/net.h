/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, and `ip` in it. What is made there ends with the test. */
#ifndef SALLYPORT_TESTS_KERNEL_NET_H
#define SALLYPORT_TESTS_KERNEL_NET_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/t.h"
#include "base/alloc.h"

static inline bool net_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* Whoever is not root becomes it in a user namespace. */
static inline bool net_be_root(void)
{
	char map[64];
	unsigned uid = geteuid(), gid = getegid();

	if (uid == 0)
		return true;
	if (unshare(CLONE_NEWUSER) != 0 || !net_write("/proc/self/setgroups", "deny"))
		return false;
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!net_write("/proc/self/uid_map", map))
		return false;
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	return net_write("/proc/self/gid_map", map);
}

/* The rest of the program is the first process of a namespace, with which all others in it end. */
static inline bool net_fork(void)
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* Enters the namespaces: /run is empty there, so that `ip netns` has names of its own, and /proc is that of
 * the new processes, as the tools expect. */
static inline bool net_enter(void)
{
	return net_be_root() && net_fork() && unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("proc", "/proc", "proc", 0, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0 &&
	       setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) == 0 &&
	       system("ip link set lo up") == 0;
}

/* A shell's command line that has to succeed. */
static inline void sh(const char *command)
{
	if (system(command) != 0)
		t_fail("failed: %s", command);
}

static inline void net_sleep_ms(unsigned ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* Waits for a condition, 10 s at the most. */
#define net_until(condition)                                            \
	do {                                                            \
		unsigned tries_ = 0;                                    \
		while (!(condition) && tries_++ < 1000)                 \
			net_sleep_ms(10);                               \
		if (tries_ >= 1000)                                     \
			t_fail("does not become true: %s", #condition); \
	} while (0)

#define NET_MAIN(...)                                                                  \
	int main(void)                                                                 \
	{                                                                              \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };                     \
		if (!net_enter()) {                                                    \
			print_message("skipped: no network namespace of one's own\n"); \
			return T_SKIP_PROGRAM;                                         \
		}                                                                      \
		return cmocka_run_group_tests(tests, NULL, NULL) != 0;                 \
	}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inject PID CALL: has a process that runs make one system call, as whoever owned it could, and prints
 * what came of it: "returned N", "errno N", or "killed N" by signal N. x86-64. The process goes on
 * with what it did, unless it was killed. Exit status: 0; 2 usage or failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where in its stack, below what it may be using, a path is put. */
#define SCRATCH 4096

struct call {
	const char *name;
	long number;
	const char *path; /* put into its memory; PATH in the arguments stands for where */
	unsigned long args[6];
};

#define PATH 0x70617468UL

static const struct call calls[] = {
	{ "open", SYS_openat, "/etc/shadow", { (unsigned long)AT_FDCWD, PATH, O_RDONLY } },
	{ "create",
	  SYS_openat,
	  "/tmp/made",
	  { (unsigned long)AT_FDCWD, PATH, O_CREAT | O_RDWR, 0600 } },
	{ "netlink", SYS_socket, NULL, { AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER } },
	{ "packet", SYS_socket, NULL, { AF_PACKET, SOCK_RAW, 0 } },
	{ "internet", SYS_socket, NULL, { AF_INET, SOCK_STREAM, 0 } },
	{ "ptrace", SYS_ptrace, NULL, { PTRACE_ATTACH, 1 } },
	{ "bpf", SYS_bpf, NULL, { 0, 0, 0 } },
	{ "exec", SYS_execve, "/bin/true", { PATH, 0, 0 } },
	{ "fork", SYS_fork, NULL, { 0 } },
	{ "mount", SYS_mount, "/tmp", { PATH, PATH, 0, 4096 } },
	{ "unshare", SYS_unshare, NULL, { 0x40000000 } },
	{ "setuid", SYS_setuid, NULL, { 0 } },
	{ "kill", SYS_kill, NULL, { 1, 0 } },
	{ "module", SYS_init_module, NULL, { 0, 0, 0 } },
	{ "getpid", SYS_getpid, NULL, { 0 } }, /* shows that this works */
};

static int failed(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	return 2;
}

static int put(pid_t pid, unsigned long at, const char *text)
{
	size_t n = strlen(text) + 1;

	for (size_t i = 0; i < n; i += sizeof(long)) {
		char word[sizeof(long)] = { 0 };
		long value;

		memcpy(word, text + i, n - i < sizeof(word) ? n - i : sizeof(word));
		memcpy(&value, word, sizeof(value));
		if (ptrace(PTRACE_POKEDATA, pid, at + i, value) != 0)
			return -1;
	}
	return 0;
}

static unsigned long arg(const struct call *c, int i, unsigned long path)
{
	return c->args[i] == PATH ? path : c->args[i];
}

/* It was stopped behind a `syscall` instruction, which is two bytes long: that one is used. */
static int inject(pid_t pid, const struct call *c)
{
	struct user_regs_struct saved, r;
	unsigned long path;
	int status;

	if (ptrace(PTRACE_GETREGS, pid, 0, &saved) != 0)
		return failed("its registers");
	path = (saved.rsp - SCRATCH) & ~15UL;
	if (c->path && put(pid, path, c->path) != 0)
		return failed("its memory");
	r = saved;
	r.orig_rax = (unsigned long long)-1; /* nothing is to be restarted */
	r.rax = (unsigned long long)c->number;
	r.rdi = arg(c, 0, path);
	r.rsi = arg(c, 1, path);
	r.rdx = arg(c, 2, path);
	r.r10 = arg(c, 3, path);
	r.rip -= 2;
	if (ptrace(PTRACE_SETREGS, pid, 0, &r) != 0 || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) != 0)
		return failed("a step");
	if (waitpid(pid, &status, __WALL) != pid)
		return failed("waiting");
	if (WIFSIGNALED(status) || WIFEXITED(status)) {
		printf("killed %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		return 0;
	}
	if (WSTOPSIG(status) == SIGSYS) {
		printf("killed %d\n", SIGSYS);
		(void)ptrace(PTRACE_DETACH, pid, 0, SIGSYS);
		return 0;
	}
	if (ptrace(PTRACE_GETREGS, pid, 0, &r) != 0)
		return failed("its registers");
	if ((long long)r.rax < 0 && (long long)r.rax > -4096)
		printf("errno %lld\n", -(long long)r.rax);
	else
		printf("returned %lld\n", (long long)r.rax);
	/* What was interrupted is told so, and does it again. */
	saved.rax = (unsigned long long)-EINTR;
	saved.orig_rax = (unsigned long long)-1;
	(void)ptrace(PTRACE_SETREGS, pid, 0, &saved);
	(void)ptrace(PTRACE_DETACH, pid, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	const struct call *c = calls;
	pid_t pid = argc == 3 ? (pid_t)atoi(argv[1]) : 0;
	int status;

	while (argc == 3 && c < calls + sizeof(calls) / sizeof(calls[0]) &&
	       strcmp(c->name, argv[2]) != 0)
		c++;
	if (pid <= 1 || c == calls + sizeof(calls) / sizeof(calls[0])) {
		fprintf(stderr, "usage: inject PID CALL\n");
		return 2;
	}
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0 || waitpid(pid, &status, __WALL) != pid)
		return failed("attaching");
	return inject(pid, c);
}

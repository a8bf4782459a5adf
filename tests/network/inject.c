/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a process that waits in a system call do another one, as code of a stranger in it would.
 *
 *	inject PID NUMBER ARG...	ARG: a number, or :TEXT, the address of a copy of it
 *
 * Prints what came back (a negative errno, or a result), or "killed N" when it died of signal N.
 * Exit status: 0, or 2: it could not be tried; 3: not on this machine.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)

#define ARGS_MAX  6
#define TEXT_MAX  256
#define RED_ZONE  4096 /* below the stack, where nothing lives */
#define SYSCALL	  0x050f
#define RESTART_0 (-516) /* to -512: ERESTART* of linux/errno.h */

static _Noreturn void fail(const char *what)
{
	(void)fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* False: it is dead, of *status. */
static bool stopped(pid_t pid, int *status)
{
	while (waitpid(pid, status, __WALL) != pid)
		if (errno != EINTR)
			fail("waitpid");
	return WIFSTOPPED(*status);
}

static unsigned long long argument(pid_t pid, const char *text, unsigned long long *room)
{
	struct iovec here = { (void *)(text + 1), strlen(text) }, there;

	if (text[0] != ':')
		return strtoull(text, NULL, 0);
	*room -= TEXT_MAX;
	there = (struct iovec){ (void *)*room, here.iov_len };
	if (process_vm_writev(pid, &here, 1, &there, 1, 0) != (ssize_t)here.iov_len)
		fail("process_vm_writev");
	return *room;
}

static void set(pid_t pid, struct user_regs_struct *r, char **words)
{
	unsigned long long room = r->rsp - RED_ZONE, args[ARGS_MAX] = { 0 };

	for (int i = 0; i < ARGS_MAX && words[1 + i]; i++)
		args[i] = argument(pid, words[1 + i], &room);
	r->rip -= 2;
	r->orig_rax = (unsigned long long)-1;
	r->rax = strtoull(words[0], NULL, 0);
	r->rdi = args[0];
	r->rsi = args[1];
	r->rdx = args[2];
	r->r10 = args[3];
	r->r8 = args[4];
	r->r9 = args[5];
}

/* To the call's entry and to its end. */
static bool run(pid_t pid, int *status)
{
	for (int i = 0; i < 2; i++)
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0 || !stopped(pid, status))
			return false;
	return true;
}

/* What seccomp kills comes back with the call's own number, and the signal after it. */
static int die(pid_t pid, int status)
{
	int sig = 0;

	while (ptrace(PTRACE_CONT, pid, 0, sig) == 0 && stopped(pid, &status))
		sig = WSTOPSIG(status);
	(void)printf("killed %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return 0;
}

static int inject(pid_t pid, char **words)
{
	struct user_regs_struct before, r;
	int status;

	if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0)
		fail("attach");
	if (!stopped(pid, &status) || ptrace(PTRACE_GETREGS, pid, 0, &before) != 0)
		fail("it does not stop");
	if ((ptrace(PTRACE_PEEKTEXT, pid, before.rip - 2, 0) & 0xffff) != SYSCALL)
		fail("it is in no system call");
	r = before;
	set(pid, &r, words);
	if (ptrace(PTRACE_SETREGS, pid, 0, &r) != 0)
		fail("registers");
	if (!run(pid, &status)) {
		(void)printf("killed %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		return 0;
	}
	if (ptrace(PTRACE_GETREGS, pid, 0, &r) != 0)
		fail("registers");
	if (r.rax == strtoull(words[0], NULL, 0))
		return die(pid, status);
	(void)printf("%lld\n", (long long)r.rax);
	if ((long long)before.rax >= RESTART_0 && (long long)before.rax < 0)
		before.rax = (unsigned long long)-EINTR;
	before.orig_rax = (unsigned long long)-1;
	if (ptrace(PTRACE_SETREGS, pid, 0, &before) != 0 || ptrace(PTRACE_DETACH, pid, 0, 0) != 0)
		fail("going on");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	return inject((pid_t)atoi(argv[1]), argv + 2);
}

#else

int main(void)
{
	return 3;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kills a program at its N-th system call.
 *
 *	stepper count COMMAND...	prints the number of every call, one a line, in order
 *	stepper N COMMAND...		runs to the entry of call N (from 1), then kills all of it
 *	stepper attach N PID		the same with a process that runs; prints "ready", and what
 *					it was killed in, or "passed" when a line on stdin comes first
 *
 * Calls of the command and of all its children are counted together. Exit status: 0 killed, 3 the
 * command ended before, 2 usage or failure.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 64
#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct stepper {
	pid_t pids[PROCESSES_MAX];
	int n_pids;
	long n_calls, at; /* at 0: only counted */
	bool print;
	pid_t first;
	int status; /* of the first process, when it has ended */
};

static void add(struct stepper *s, pid_t pid)
{
	for (int i = 0; i < s->n_pids; i++)
		if (s->pids[i] == pid)
			return;
	if (s->n_pids < PROCESSES_MAX)
		s->pids[s->n_pids++] = pid;
}

static void gone(struct stepper *s, pid_t pid)
{
	for (int i = 0; i < s->n_pids; i++)
		if (s->pids[i] == pid)
			s->pids[i] = s->pids[--s->n_pids];
}

/* Children that were just born are traced, too, and stop before anybody has heard of them. */
static void kill_all(struct stepper *s)
{
	int status;
	pid_t pid;

	for (int i = 0; i < s->n_pids; i++)
		kill(s->pids[i], SIGKILL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (pid > 0 && WIFSTOPPED(status))
			kill(pid, SIGKILL);
}

/* A call is entered. True when it is the one. */
static bool entered(struct stepper *s, pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	s->n_calls++;
	if (s->print)
		printf("%lld\n", (long long)info.entry.nr);
	if (s->at == 0 || s->n_calls < s->at)
		return false;
	printf("%lld\n", (long long)info.entry.nr);
	return true;
}

/* One process stopped or ended. True when all is to be killed now. */
static bool handle(struct stepper *s, pid_t pid, int status)
{
	int number = 0;

	if (!WIFSTOPPED(status)) {
		if (pid == s->first)
			s->status = status;
		gone(s, pid);
		return false;
	}
	add(s, pid);
	if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (entered(s, pid))
			return true;
	} else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP) {
		number = WSTOPSIG(status);
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)number);
	return false;
}

static int run(struct stepper *s)
{
	int status;
	pid_t pid;

	while (s->n_pids > 0) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == ECHILD)
			break;
		if (pid > 0 && handle(s, pid, status)) {
			kill_all(s);
			return 0;
		}
	}
	return 3;
}

static int start(struct stepper *s, char **command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return 2;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)OPTIONS);
	s->first = pid;
	add(s, pid);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	return run(s);
}

static int attach(struct stepper *s, pid_t pid)
{
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(long)(OPTIONS & ~PTRACE_O_EXITKILL)) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		return 2;
	s->first = pid;
	add(s, pid);
	printf("ready\n");
	fflush(stdout);
	while (s->n_pids > 0) {
		pid_t who = waitpid(-1, &status, __WALL | WNOHANG);

		if (who == 0) {
			if (poll(&in, 1, 0) > 0) {
				printf("passed\n");
				return 3; /* what is traced goes on when we end */
			}
			usleep(20);
		} else if (who > 0 && handle(s, who, status)) {
			kill_all(s);
			return 0;
		} else if (who < 0 && errno == ECHILD) {
			break;
		}
	}
	return 3;
}

int main(int argc, char **argv)
{
	struct stepper s = { 0 };

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "attach") == 0 && argc == 4) {
		s.at = strtol(argv[2], NULL, 10);
		return attach(&s, (pid_t)strtol(argv[3], NULL, 10));
	}
	s.print = strcmp(argv[1], "count") == 0;
	s.at = s.print ? 0 : strtol(argv[1], NULL, 10);
	if (!s.print && s.at < 1)
		return 2;
	return start(&s, argv + 2);
}

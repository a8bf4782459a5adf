/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"

/* The traditional "nobody": it owns nothing. */
#define NOBODY 65534

/* What no execution can give it back. Ends at the first number that is no capability. */
static void empty_bounding_set(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
}

bool process_become_nobody(struct err *e)
{
	if (geteuid() != 0)
		return true;
	empty_bounding_set();
	if (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	    setresuid(NOBODY, NOBODY, NOBODY) == 0)
		return true;
	return err_sys(e, errno,
		       "started as root, but the gate cannot become uid %d; start it as a plain "
		       "user",
		       NOBODY);
}

bool process_is(int argc, char *const *argv, const char *role)
{
	return argc == 2 && strcmp(argv[1], role) == 0;
}

void process_end(pid_t *pid)
{
	if (*pid > 0) {
		(void)kill(*pid, SIGKILL);
		(void)RETRY_EINTR(waitpid(*pid, NULL, 0));
	}
	*pid = 0;
}

/* The spec's become 3, 4, ...; *failed, which exec closes, follows them, and nothing else stays. */
static bool place_descriptors(const struct process_spec *spec, int *failed, struct err *e)
{
	int from[PROCESS_FDS_MAX + 1], end = PROCESS_FD + (int)spec->n_fds;

	/* First out of the way of one another. */
	for (size_t i = 0; i <= spec->n_fds; i++) {
		int fd = i < spec->n_fds ? spec->fds[i] : *failed;

		from[i] = fcntl(fd, F_DUPFD_CLOEXEC, end + 1);
		if (from[i] < 0)
			return err_sys(e, errno, "a descriptor of the child");
	}
	for (size_t i = 0; i < spec->n_fds; i++)
		if (dup2(from[i], PROCESS_FD + (int)i) < 0)
			return err_sys(e, errno, "a descriptor of the child");
	if (dup3(from[spec->n_fds], end, O_CLOEXEC) < 0)
		return err_sys(e, errno, "a descriptor of the child");
	*failed = end;
	return fd_close_others(end + 1, NULL, 0, 0, e);
}

/* What it reads and prints is nobody's: the log of decisions may be at standard output. */
static bool quiet_standard_streams(struct err *e)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return err_sys(e, errno, "/dev/null");
	return true;
}

static void default_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &plain, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A change of credentials forgets whom to die with, so that comes last. */
static bool die_with(pid_t parent, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return err_sys(e, errno, "ending with the daemon");
	return getppid() == parent || err_set(e, ERR_SYSTEM, "the daemon has ended");
}

static _noreturn_ void child(const struct process_spec *spec, pid_t parent, int failed)
{
	char name[] = "sallyport", *none[] = { NULL };
	char *argv[] = { name, xstrdup(spec->role), NULL };
	struct err e;

	default_signals();
	(void)setsid();
	if (quiet_standard_streams(&e) && place_descriptors(spec, &failed, &e) &&
	    (!spec->nobody || process_become_nobody(&e)) && die_with(parent, &e)) {
		(void)execve("/proc/self/exe", argv, spec->own_environ ? environ : none);
		(void)err_sys(&e, errno, "executing this program anew");
	}
	(void)!write(failed, &e, sizeof(e));
	_exit(125);
}

bool process_start(const struct process_spec *spec, pid_t *out, struct err *e)
{
	_cleanup_(fd_closep) int failed_in = -1, failed_out = -1;
	pid_t self = getpid(), pid;
	struct err why;
	int pipe_ends[2];

	if (spec->n_fds > PROCESS_FDS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d descriptors for a child",
			       PROCESS_FDS_MAX);
	if (pipe2(pipe_ends, O_CLOEXEC) != 0)
		return err_sys(e, errno, "a pipe for the child");
	failed_out = pipe_ends[0];
	failed_in = pipe_ends[1];
	pid = fork();
	if (pid == 0)
		child(spec, self, failed_in);
	fd_closep(&failed_in);
	if (pid < 0)
		return err_sys(e, errno, "starting a child");
	if (RETRY_EINTR(read(failed_out, &why, sizeof(why))) == sizeof(why)) {
		(void)RETRY_EINTR(waitpid(pid, NULL, 0));
		*e = why;
		return false;
	}
	*out = pid;
	return true;
}

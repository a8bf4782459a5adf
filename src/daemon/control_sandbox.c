/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/control_sandbox.h"

#include <libgen.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cap-ng.h>
#include <seccomp.h>

#include "base/alloc.h"
#include "base/landlock.h"
#include "gate/syscalls.h"

/* Files are read, written beside and renamed; sockets are Unix sockets; nothing makes a process. */
static const int calls[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(access),
	SCMP_SYS(brk),
	SCMP_SYS(chmod),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(dup),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(fchown),
	SCMP_SYS(fcntl),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fstat),
	SCMP_SYS(fsync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(futex),
	SCMP_SYS(getdents64),
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(ioctl),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(memfd_create),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pread64),
	SCMP_SYS(prlimit64),
	SCMP_SYS(read),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(stat),
	SCMP_SYS(statx),
	SCMP_SYS(sysinfo), /* qsort() of more than a kilobyte */
	SCMP_SYS(tgkill),
	SCMP_SYS(umask),
	SCMP_SYS(uname),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

static bool few_system_calls(struct err *e)
{
	static const int families[] = { AF_UNIX };
	static const struct syscalls few = { calls, ARRAY_LEN(calls), families, ARRAY_LEN(families),
					     true };

	return syscalls_only(&few, e);
}

/* The directory of a file, which is replaced in it when it is saved. */
static void add_file(struct landlock_path *paths, size_t *n, char **owned, const char *file)
{
	if (!file)
		return;
	owned[*n] = xstrdup(file);
	paths[*n] = (struct landlock_path){ dirname(owned[*n]), true };
	(*n)++;
}

static bool few_files(const struct control_options *o, struct err *e)
{
	struct landlock_path paths[16];
	char *owned[16] = { 0 };
	size_t n = 0;
	bool ok;

	add_file(paths, &n, owned, o->source.policy);
	add_file(paths, &n, owned, o->source.network_config);
	add_file(paths, &n, owned, o->source.firewall_config);
	for (const char *const *d = o->source.load.group_dirs; d && *d && n < ARRAY_LEN(paths); d++)
		paths[n++] = (struct landlock_path){ *d, false };
	ok = landlock_restrict(paths, n, e);
	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		free(owned[i]);
	return ok;
}

bool control_sandbox(const struct control_options *o, struct err *e)
{
	/* The files are root's, so it stays root, but with nothing that makes root mighty. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, errno, "no_new_privs");
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOTH) != 0)
		return err_set(e, ERR_SYSTEM, "capabilities cannot be dropped");
	return few_files(o, e) && few_system_calls(e);
}

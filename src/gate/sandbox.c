/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gate takes away from itself, before it reads the first byte that a stranger sent. */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>
#include <seccomp.h>

#include "base/landlock.h"
#include "gate/internal.h"
#include "gate/syscalls.h"

/* All that the loop, the sockets and the allocator need; there is no open(), exec() or kill(). */
static const int calls[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(futex),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(ioctl),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(sysinfo), /* qsort() of more than a kilobyte */
	SCMP_SYS(splice),
	SCMP_SYS(tgkill),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* Any other system call ends the process, and with it the jail's way out. */
static bool few_system_calls(struct err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const struct syscalls few = { calls, ARRAY_LEN(calls), families, ARRAY_LEN(families),
					     false };

	return syscalls_only(&few, e);
}

bool gate_sandbox(struct err *e)
{
	/* Not dumpable: no other process of this user may trace it or open its /proc files. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, errno, "no_new_privs");
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return err_set(e, ERR_SYSTEM, "capabilities cannot be dropped");
	/* No file or directory can be opened, made, removed or executed. Where the kernel has no
	 * Landlock: open() is not among the system calls either. */
	return landlock_restrict(NULL, 0, e) && few_system_calls(e);
}

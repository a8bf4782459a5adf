/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/command.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>
#include <seccomp.h>

#include "base/fd.h"

/* Each with its lock: uid 0 means nothing, and nothing is kept over setuid. */
#define SECUREBITS                                                       \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | \
	 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |   \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

/* linux/landlock.h since ABI 6; the headers may be older. */
#define SCOPE_SIGNAL (1ULL << 1)

static bool drop_capabilities(struct err *e)
{
	/* Securebits and the bounding set need a capability, so they go first. */
	if (prctl(PR_SET_SECUREBITS, SECUREBITS) != 0)
		return err_sys(e, errno, "securebits");
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_ALL) != 0)
		return err_set(e, ERR_SYSTEM, "capabilities cannot be dropped");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, errno, "no_new_privs");
	return true;
}

/* No signals to processes outside (Landlock, Linux 6.12). Without it the command could end the
 * gate of its own user, which closes its way out; so that is no reason not to start. */
static void keep_signals_inside(void)
{
	struct {
		uint64_t fs, net, scoped;
	} attr = { .scoped = SCOPE_SIGNAL };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return;
	(void)syscall(SYS_landlock_restrict_self, fd, 0);
	(void)close(fd);
}

static void filter_freep(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* The kernel takes only the lower half of these arguments, so only that half may be compared. */
#define ARG(n, value) SCMP_CMP(n, SCMP_CMP_MASKED_EQ, UINT32_MAX, value)

static const struct {
	int call;
	int errnum;
	unsigned n_args;
	struct scmp_arg_cmp arg;
} refused[] = {
	/* Input for the terminal outside, which the user's shell would read as typed. */
	{ SCMP_SYS(ioctl), EPERM, 1, ARG(1, TIOCSTI) },
	{ SCMP_SYS(ioctl), EPERM, 1, ARG(1, TIOCLINUX) },
	/* Until Linux 7.0 a vsock reaches the hypervisor from any network namespace. */
	{ SCMP_SYS(socket), EAFNOSUPPORT, 1, ARG(0, AF_VSOCK) },
	/* Its operations, socket() among them, are not seen by this filter. */
	{ SCMP_SYS(io_uring_setup), ENOSYS, 0, { 0 } },
	/* The kernel asks a program of the host's to find a key, and that asks the host's DNS. */
	{ SCMP_SYS(request_key), ENOSYS, 0, { 0 } },
	{ SCMP_SYS(add_key), ENOSYS, 0, { 0 } },
	{ SCMP_SYS(keyctl), ENOSYS, 0, { 0 } },
	/* Limits of other processes, such as the gate's on descriptors: equal users suffice. */
	{ SCMP_SYS(prlimit64), EPERM, 1, SCMP_CMP(0, SCMP_CMP_NE, 0) },
};

static int add_rules(scmp_filter_ctx ctx)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(refused) && r == 0; i++)
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((uint32_t)refused[i].errnum),
					   refused[i].call, refused[i].n_args, &refused[i].arg);
	return r;
}

/* A program of another architecture (32-bit x86) is ended at its first system call: it would reach
 * socket() by numbers that this filter does not see. */
static bool filter_calls(struct err *e)
{
	_cleanup_(filter_freep) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!ctx)
		return err_set(e, ERR_SYSTEM, "seccomp: no memory");
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = add_rules(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	return r == 0 || err_sys(e, -r, "seccomp");
}

bool command_confine(struct err *e)
{
	if (!drop_capabilities(e))
		return false;
	keep_signals_inside();
	return filter_calls(e);
}

static bool listed(const int *keep, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

bool command_drop_fds(const int *keep, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] > 2 && fcntl(keep[i], F_SETFD, 0) != 0)
			return err_sys(e, errno, "--keep-fd %d", keep[i]);
	return fd_close_others(3, keep, n, CLOSE_RANGE_CLOEXEC, e);
}

bool command_check_stdio(const int *keep, size_t n, struct err *e)
{
	for (int fd = 0; fd <= 2; fd++) {
		int domain = AF_UNSPEC;
		socklen_t len = sizeof(domain);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 ||
		    domain == AF_UNIX || listed(keep, n, fd))
			continue;
		return err_set(e, ERR_DENIED,
			       "descriptor %d is a network socket of the host, which the command "
			       "could use to get out: redirect it, or say --keep-fd %d",
			       fd, fd);
	}
	return true;
}

/* Some directory of PATH has a file of that name: what stands in the way is a permission. */
static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	struct span rest = span_of(path ? path : ""), dir;

	while (span_next(&rest, ':', &dir)) {
		char file[PATH_MAX];

		if (snprintf(file, sizeof(file), SPAN_FMT "/%s", SPAN_ARG(dir), name) <
			    (int)sizeof(file) &&
		    access(file, F_OK) == 0)
			return true;
	}
	return false;
}

int command_exec(char *const *argv, struct err *e)
{
	(void)execvp(argv[0], argv);
	/* execvp() also says EACCES of a directory that cannot be searched; a shell passes it over. */
	if (errno == ENOENT || (errno == EACCES && !strchr(argv[0], '/') && !in_path(argv[0]))) {
		(void)err_set(e, ERR_SYSTEM, "%s: command not found", argv[0]);
		return 127;
	}
	(void)err_sys(e, errno, "%s: cannot be executed", argv[0]);
	return 126;
}

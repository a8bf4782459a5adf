/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of a machine that forbid unprivileged user namespaces, as far as they can be read. */
#include "base/fd.h"
#include "base/limits.h"
#include "jail/jail.h"

struct setting {
	const char *path;
	const char *bad; /* the value that forbids */
	const char *advice;
};

static const struct setting settings[] = {
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0",
	  "kernel.unprivileged_userns_clone is 0: an administrator can allow it with\n"
	  "    sysctl -w kernel.unprivileged_userns_clone=1" },
	{ "/proc/sys/user/max_user_namespaces", "0",
	  "user.max_user_namespaces is 0: an administrator can allow it with\n"
	  "    sysctl -w user.max_user_namespaces=10000" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
	  "kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu 23.10 and later): an\n"
	  "    administrator can allow it for sallyport alone by its AppArmor profile, which\n"
	  "    \"make install\" puts in /etc/apparmor.d:  apparmor_parser -r "
	  "/etc/apparmor.d/sallyport" },
};

static bool reads(const char *path, const char *value)
{
	_cleanup_(freep) char *text = NULL;
	struct err ignored;
	size_t n;

	return fd_read_file(path, LIMIT_HOST_FILE, &text, &n, &ignored) &&
	       span_starts(span_bytes(text, n), span_of(value)) && (n <= 1 || text[1] == '\n');
}

/* A seccomp filter is on this process already: that of a container, as a rule. */
static bool filtered(void)
{
	_cleanup_(freep) char *text = NULL;
	struct err ignored;
	size_t n;

	return fd_read_file("/proc/self/status", LIMIT_HOST_FILE, &text, &n, &ignored) &&
	       strstr(text, "\nSeccomp:\t2");
}

void jail_obstacles(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (reads(settings[i].path, settings[i].bad))
			buf_fmt(out, "  %s\n", settings[i].advice);
	if (filtered())
		buf_str(out, "  a seccomp filter is on this process, as in a container: start the "
			     "container with\n    a profile that allows unshare, or run sallyport "
			     "outside of it\n");
	if (out->n)
		out->p[--out->n] = '\0'; /* the last line's end is the caller's */
}

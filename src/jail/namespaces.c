/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cap-ng.h>

#include "base/fd.h"
#include "jail/jail.h"

static bool write_file(const char *path, const char *text, struct err *e)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(e, errno, "%s", path);
	return true;
}

/* user_namespaces(7): one line each, and setgroups off before the group map. */
static bool map_ids(uid_t uid, gid_t gid, struct err *e)
{
	char map[64];

	(void)snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	if (!write_file("/proc/self/uid_map", map, e) ||
	    !write_file("/proc/self/setgroups", "deny", e))
		return false;
	(void)snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return write_file("/proc/self/gid_map", map, e);
}

static bool forbidden(int errnum, struct err *e)
{
	_cleanup_(buf_done) struct buf why;

	buf_init(&why, sizeof(e->msg));
	jail_obstacles(&why);
	return err_sys(e, errnum, "this machine does not let this user make a user namespace%s%s",
		       why.n ? ":\n" : "", buf_cstr(&why));
}

bool namespaces_enter(struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int flags = CLONE_NEWNET | CLONE_NEWNS;

	if (unshare(flags | CLONE_NEWUSER) != 0) {
		int errnum = errno;

		/* Real root can do without where user namespaces are switched off. */
		if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) || unshare(flags) != 0)
			return forbidden(errnum, e);
		return true;
	}
	/* Where AppArmor restricts user namespaces, making one succeeds and using it does not. */
	if (!map_ids(uid, gid, e))
		return e->kind == ERR_DENIED ? forbidden(EPERM, e) : false;
	return true;
}

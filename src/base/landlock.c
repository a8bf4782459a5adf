/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* Rights in the order in which kernels learned them; the ABI version says how many there are. */
#define FS_RIGHTS_V1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define FS_REFER     (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define SCOPE_ALL    3ULL	  /* ABI 6: abstract sockets, signals */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                       \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE)

/* linux/landlock.h of a newer kernel than the headers may be: fields are only ever appended. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static int make_ruleset(long abi, struct ruleset *attr)
{
	*attr = (struct ruleset){ .fs = FS_RIGHTS_V1 };
	attr->fs |= (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
		    (abi >= 5 ? FS_IOCTL_DEV : 0);
	attr->scoped = abi >= 6 ? SCOPE_ALL : 0;
	return (int)syscall(SYS_landlock_create_ruleset, attr,
			    abi >= 6 ? sizeof(*attr) :
			    abi >= 4 ? 2 * sizeof(uint64_t) :
				       sizeof(uint64_t),
			    0);
}

static bool give_back(int ruleset, const struct landlock_path *p, uint64_t known, struct err *e)
{
	_cleanup_(fd_closep) int dir = open(p->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr attr = {
		.allowed_access = (FS_READ | (p->write ? FS_WRITE : 0)) & known,
		.parent_fd = dir,
	};

	if (dir < 0)
		return errno == ENOENT || err_sys(e, errno, "landlock: %s", p->path);
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) != 0)
		return err_sys(e, errno, "landlock: %s", p->path);
	return true;
}

bool landlock_restrict(const struct landlock_path *paths, size_t n, struct err *e)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	_cleanup_(fd_closep) int fd = -1;
	struct ruleset attr;

	if (abi < 0)
		return true;
	fd = make_ruleset(abi, &attr);
	if (fd < 0)
		return err_sys(e, errno, "landlock");
	for (size_t i = 0; i < n; i++)
		if (!give_back(fd, &paths[i], attr.fs, e))
			return false;
	if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return err_sys(e, errno, "landlock");
	return true;
}

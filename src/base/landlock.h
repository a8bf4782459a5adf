/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the file system this process can still reach: landlock(7). */
#ifndef SALLYPORT_BASE_LANDLOCK_H
#define SALLYPORT_BASE_LANDLOCK_H

#include <stddef.h>

#include "base/err.h"

struct landlock_path {
	const char *path; /* a directory and all below it; one that is not there is passed over */
	bool write;	  /* files may be made, written, renamed and removed there, too */
};

/*
 * From now on, for this process and those it makes: only these paths, no abstract sockets of others
 * and no signals to others (both where the kernel has it). A kernel without Landlock is no error: the
 * caller has a system call filter besides. Needs no_new_privs.
 */
bool landlock_restrict(const struct landlock_path *paths, size_t n, struct err *e) _must_use_;

#endif

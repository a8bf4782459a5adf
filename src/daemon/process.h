/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes of the daemon that are executed anew from its own binary, so that none has what another
 * has read: a child begins with its descriptors and its role, and learns the rest over the first of
 * them.
 */
#ifndef SALLYPORT_DAEMON_PROCESS_H
#define SALLYPORT_DAEMON_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Roles, which main() looks for in argv[1]. No command begins with "-". */
#define PROCESS_GATE	"-gate"
#define PROCESS_CONTROL "-control"

/* The first of a child's descriptors; the others follow. */
#define PROCESS_FD 3

#define PROCESS_FDS_MAX 16

struct process_spec {
	const char *role;
	const int *fds; /* borrowed; become 3, 4, ... of the child. At most PROCESS_FDS_MAX */
	size_t n_fds;
	bool nobody;	  /* started by root, it is uid 65534 and has no capability */
	bool own_environ; /* it has this process's environment; else none */
};

/*
 * Starts /proc/self/exe with the role as its only argument. The child has the descriptors of the
 * spec and standard error, with /dev/null as its input and output; a session of its own; every
 * signal unblocked and at its default; and it is killed when this thread ends. Whatever fails up to
 * the execution itself is an error here, and then there is no child. *out is the caller's, to be
 * waited for.
 */
bool process_start(const struct process_spec *spec, pid_t *out, struct err *e) _must_use_;

/* For main(): this process was started with that role, and with nothing else. */
bool process_is(int argc, char *const *argv, const char *role);

/* Kills it and waits until it is gone. *pid 0: fine; it is 0 afterwards. */
void process_end(pid_t *pid);

/*
 * Becomes uid 65534, which owns nothing, when this process is root's. The kernel takes every
 * capability away with that.
 */
bool process_become_nobody(struct err *e) _must_use_;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which system calls a process of ours may still make: seccomp(2), for the gate and for control. */
#ifndef SALLYPORT_GATE_SYSCALLS_H
#define SALLYPORT_GATE_SYSCALLS_H

#include <stddef.h>

#include "base/err.h"

struct syscalls {
	const int *calls; /* SCMP_SYS(...): these, whatever their arguments */
	size_t n_calls;
	const int *families; /* AF_*: sockets of these alone */
	size_t n_families;
	bool pairs; /* socketpair(), of the same families */
};

/*
 * From now on these, and memory that is not executable; any other ends the process. Needs
 * no_new_privs.
 */
bool syscalls_only(const struct syscalls *s, struct err *e) _must_use_;

#endif

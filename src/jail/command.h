/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SALLYPORT_JAIL_COMMAND_H
#define SALLYPORT_JAIL_COMMAND_H

#include "base/err.h"

/*
 * Takes from the calling process what could undo the jail: every capability, for good; the way to
 * new ones; and the few system calls that reach outside whatever the network namespace is (AF_VSOCK
 * sockets, TIOCSTI, io_uring, which would get round the filter). Where the kernel can, signals to
 * processes outside, too.
 */
bool command_confine(struct err *e) _must_use_;

/* Has every descriptor above 2 but those listed closed when the command is executed. */
bool command_drop_fds(const int *keep, size_t n, struct err *e) _must_use_;

/*
 * Descriptors 0 to 2 that are network sockets would be a way out and are refused, unless listed.
 */
bool command_check_stdio(const int *keep, size_t n, struct err *e) _must_use_;

/* Executes argv. Returns only when that failed, with 126 or 127. */
int command_exec(char *const *argv, struct err *e) _must_use_;

#endif

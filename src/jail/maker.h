/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SALLYPORT_JAIL_MAKER_H
#define SALLYPORT_JAIL_MAKER_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Starts, as a sibling of the caller, the process that makes UDP sockets in the caller's network
 * namespace (gate/maker.h). *out is the gate's end, the caller's to close; the maker ends with it.
 * *pid: its process, for the caller's parent to wait for.
 */
bool maker_start(int *out, pid_t *pid, struct err *e) _must_use_;

#endif

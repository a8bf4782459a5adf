/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the enforcer takes away from itself and its children. */
#ifndef SALLYPORT_DAEMON_ENFORCER_SANDBOX_H
#define SALLYPORT_DAEMON_ENFORCER_SANDBOX_H

#include "base/err.h"

/*
 * Keeps CAP_NET_ADMIN and CAP_NET_BROADCAST for the kernel's handles, CAP_SETUID, CAP_SETGID and
 * CAP_SETPCAP to take everything from a child, CAP_KILL to end it; refuses tracing, BPF, mounts,
 * namespaces, modules and the like with EPERM. It can still execute itself anew, for its children.
 */
bool enforcer_sandbox(struct err *e) _must_use_;

#endif

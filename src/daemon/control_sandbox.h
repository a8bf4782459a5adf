/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What control takes away from itself before it reads what a client or the engine sent. */
#ifndef SALLYPORT_DAEMON_CONTROL_SANDBOX_H
#define SALLYPORT_DAEMON_CONTROL_SANDBOX_H

#include "daemon/control_child.h"

/*
 * No capability; of the file system the directories of its files (written to where changes are saved)
 * and of groups; Unix sockets only; no process, no tracing, no mount, no BPF, no module. A system call
 * that is not on the list ends it.
 */
bool control_sandbox(const struct control_options *o, struct err *e) _must_use_;

#endif

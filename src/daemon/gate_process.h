/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate of a daemon as a process of its own: PROCESS_GATE, executed anew. */
#ifndef SALLYPORT_DAEMON_GATE_PROCESS_H
#define SALLYPORT_DAEMON_GATE_PROCESS_H

#include <sys/types.h>

#include "gate/gate.h"

/* Starts it, with o->report_fd as its end of the socket and `here` as this one's, over which it is
 * given the rest of the options. *out is the caller's, on failure, too: 0 when there is none. */
bool gate_process_start(const struct gate_options *o, int here, pid_t *out, struct err *e)
	_must_use_;

/* The body of that process, for main(). Returns its exit status. */
int gate_process_main(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signals that a supervisor hears: SIGTERM and SIGINT end it, SIGHUP and SIGUSR1 reload. */
#ifndef SALLYPORT_DAEMON_SIGNALS_H
#define SALLYPORT_DAEMON_SIGNALS_H

#include "base/err.h"
#include "gate/watch.h"

/*
 * Blocks them and calls fn when there are some, to be read from the watch as struct signalfd_siginfo.
 * Also ignores SIGPIPE, and sees to it that children can be waited for.
 */
bool signals_watch(uv_loop_t *loop, watch_fn *fn, void *ctx, struct watch **out, struct err *e)
	_must_use_;

#endif

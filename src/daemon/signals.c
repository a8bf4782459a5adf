/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

bool signals_watch(uv_loop_t *loop, watch_fn *fn, void *ctx, struct watch **out, struct err *e)
{
	static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		(void)sigaddset(&set, handled[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* where it is ignored, nobody could be waited for */
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(e, errno, "signals");
	*out = watch_readable(loop, fd, fn, ctx, "signals", e);
	return *out;
}

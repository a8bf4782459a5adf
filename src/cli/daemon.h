/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `daemon`, `apply` and `dockside` share: running with the options that were taken. */
#ifndef SALLYPORT_CLI_DAEMON_H
#define SALLYPORT_CLI_DAEMON_H

#include "cli/policy_source.h"
#include "daemon/daemon.h"

struct cli_daemon {
	struct daemon_options o;
	const char *log;
	bool dns_given;
};

/* Each returns the exit status, and tells on stderr what is wrong. */
int cli_daemon_serve(struct cli_daemon *d);
int cli_daemon_apply(struct cli_daemon *d);

/* By the daemon at the socket, or by ourselves where none is (NULL: none is asked). */
int cli_teardown_by(const char *socket);

#endif

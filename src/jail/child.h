/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that makes the jail and becomes the command. */
#ifndef SALLYPORT_JAIL_CHILD_H
#define SALLYPORT_JAIL_CHILD_H

#include <signal.h>

#include "jail/jail.h"

/* The message by which the jail's sockets are passed to the supervisor. */
struct child_handover {
	int n_fds;   /* 3: TCP, DNS, NFLOG; 5: UDP and the maker's, too */
	pid_t maker; /* 0: none */
};

#define CHILD_FDS_MAX 5

/* Why it could not become the command. */
struct child_failure {
	int status; /* 125, 126, 127 */
	struct err e;
};

struct child_options {
	const struct jail_options *jail;
	int sock;		/* to the supervisor: the handover goes out, one byte comes back */
	int failed;		/* a pipe that exec closes: takes a struct child_failure */
	sigset_t mask;		/* of the command */
	struct sigaction child; /* its SIGCHLD */
};

_noreturn_ void child_main(const struct child_options *o);

#endif

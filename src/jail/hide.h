/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes out of reach what the host would do on the command's behalf: a connection to a Unix socket
 * knows no network namespace, so whoever listens there (a resolver, D-Bus, a container engine, an
 * SSH agent, a terminal multiplexer) would act outside the jail.
 *
 *	/run, XDG_RUNTIME_DIR	an empty file system of the jail's own, so that sockets made later
 *				are out of reach, too
 *	sockets elsewhere	those that exist now and can be found (sockets.h) are covered, one
 *				by one
 *	/etc/resolv.conf	the gate is the only name server
 *	/etc/hosts		the jail's own names only: the gate knows the host's
 *	/proc/sys, /sys, ...	read-only for real root, to whom the kernel's settings would answer
 */
#ifndef SALLYPORT_JAIL_HIDE_H
#define SALLYPORT_JAIL_HIDE_H

#include <stddef.h>

#include "base/err.h"
#include "jail/sockets.h"

struct hide_options {
	const char *const
		*allow_unix; /* paths that stay; each is a socket, or a directory of them */
	size_t n_allow_unix;
	const struct sockets *sockets; /* of the host */
};

/*
 * For a process in a mount namespace of its own with CAP_SYS_ADMIN over it. The working directory
 * is entered again under the new mounts. All or nothing: after a failure the process must not go
 * on to run the command.
 */
bool hide_host(const struct hide_options *o, struct err *e) _must_use_;

/* Removes the variables that point to what is hidden. */
void hide_environment(const struct hide_options *o);

#endif

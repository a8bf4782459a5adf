/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command in a network of its own, whose only way out is the gate. No privilege is needed.
 *
 *	sallyport run (supervisor)	parent of both; reads the gate's events; passes signals on
 *	  |- gate			in the host's network, sandboxed (gate/gate.h)
 *	  |- maker			in the jail, only when a policy has UDP rules (maker.c)
 *	  `- the command		in the jail, without any capability
 *
 *	namespaces.c	user (not for real root), network and mount namespace
 *	network.c	lo, routes, rules, and the sockets that are handed to the gate
 *	hide.c		what the host would do on the command's behalf is taken out of reach
 *	command.c	no privilege, no descriptors, then exec
 *	sockets.c	where the host's Unix sockets are
 *	child.c		the process that does all that and becomes the command
 *	supervise.c	its parent
 */
#ifndef SALLYPORT_JAIL_JAIL_H
#define SALLYPORT_JAIL_JAIL_H

#include "audit/event.h"
#include "base/err.h"
#include "gate/gate.h"
#include "policy/plan.h"

struct jail_options {
	char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const struct plan *plan;
	const struct plan_policy *policy;
	const struct gate_upstream *upstreams;
	size_t n_upstreams;
	const struct gate_host *hosts;
	size_t n_hosts;
	const int *keep_fds; /* above 2, or sockets at 0-2, that the command inherits */
	size_t n_keep_fds;
	const char *const *allow_unix; /* paths of Unix sockets that stay within reach */
	size_t n_allow_unix;
	bool tell_allowed; /* on_event is called for what is allowed, too */
	void (*on_event)(void *ctx, const struct event *ev);
	void *ctx;
};

struct jail_result {
	int status;	/* the command's exit status, 128 + signal, or 125, 126, 127 */
	bool gate_died; /* and from then on everything was denied */
	struct gate_farewell farewell;
};

/*
 * Runs the command to its end. False: it was never begun, and out->status says which of 125
 * (sallyport failed), 126 (cannot be executed) and 127 (not found) it is.
 */
bool jail_run(const struct jail_options *o, struct jail_result *out, struct err *e) _must_use_;

/* Makes a jail's namespaces and network and throws them away: what `doctor` asks. */
bool jail_probe(struct err *e) _must_use_;

/* Why this machine does not let this user make a jail, and what to do about it, one finding a
 * line; empty when nothing is known to be in the way. For errors and `doctor`. */
void jail_obstacles(struct buf *out);

#endif

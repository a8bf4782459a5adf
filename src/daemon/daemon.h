/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `sallyport daemon` and `sallyport apply`: docs/daemon.md. */
#ifndef SALLYPORT_DAEMON_DAEMON_H
#define SALLYPORT_DAEMON_DAEMON_H

#include "audit/event.h"
#include "daemon/control_child.h"
#include "gate/gate.h"

struct daemon_options {
	struct control_options control; /* its descriptors are filled in */
	const char *socket;		/* the path of the control socket; NULL: none */
	struct gate_upstream upstreams[GATE_UPSTREAMS_MAX];
	size_t n_upstreams;
	const struct gate_host *hosts; /* borrowed */
	size_t n_hosts;
	bool once;
	bool free_tables; /* others may change our tables; the daemon puts them right */
	bool unread;	  /* set by daemon_run(): it failed because the files cannot be read */
	/* One decision: `subject` is "network:NAME"; p and ev->rule as event_context wants them. */
	void (*on_event)(void *ctx, const struct event *ev, const char *subject,
			 const struct plan_policy *p);
	void *ctx;
};

/*
 * Serves until SIGTERM or SIGINT; the rules stay. SIGHUP and SIGUSR1 reload. What happens is told on
 * stderr. False: it could not start, and has changed nothing.
 *
 * With `once` it ends when the policy is in force, the engine has made its networks and every name was asked
 * for; the addresses of names then stay, and who is at which port is nobody's to follow, so addresses are
 * not pinned to ports. why: what is not enforced then, or "".
 */
bool daemon_run(struct daemon_options *o, char *why, size_t size, struct err *e) _must_use_;

/* Removes our tables, and nothing else, where no daemon holds them. *had: there were some. */
bool daemon_teardown(bool *had, struct err *e) _must_use_;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `sallyport proxy`: a supervisor, which has files, signals, the log and the control socket, and
 * reads nothing that a client sent; and its gate, which reads all of that and has nothing else.
 */
#ifndef SALLYPORT_DAEMON_PROXY_H
#define SALLYPORT_DAEMON_PROXY_H

#include "gate/gate.h"
#include "gate/setup.h"

struct proxy_options {
	struct gate_options gate; /* its listeners are opened; report_fd is filled in */
	const char *control;	  /* the path of the control socket, or NULL */
	/* What the files say now. Called before the start and for every reload. */
	bool (*load)(void *ctx, struct gate_setup **out, struct err *e);
	/* One decision under that setup. */
	void (*on_event)(void *ctx, const struct gate_setup *s, const struct event *ev);
	void *ctx;
};

/*
 * Serves until SIGTERM or SIGINT; SIGHUP and SIGUSR1 reload, and a reload that fails leaves what
 * was in force. A gate that dies is started anew, with the same listeners and setup. What happens
 * is told on stderr. False: it could not start. *out_lost: what the log misses.
 */
bool proxy_serve(struct proxy_options *o, struct gate_farewell *out_lost, struct err *e) _must_use_;

#endif

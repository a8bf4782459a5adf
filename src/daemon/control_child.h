/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control: the process that reads policy files, serves the control socket and speaks to the engine. It
 * has no capability and no handle of the kernel; what is to be in force it asks the enforcer for.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_CHILD_H
#define SALLYPORT_DAEMON_CONTROL_CHILD_H

#include "daemon/source.h"

struct control_options {
	struct source_options source; /* its `load` is the child's own */
	const char *engine;	      /* the path of its socket; NULL: there is none */
	bool recreate;	 /* RESET=1: the engine's networks are made anew at the start */
	bool once;	 /* it loads one policy and ends */
	int enforcer_fd; /* messages.h */
	int listen_fd;	 /* of the control socket; -1: none */
};

/* What the enforcer hands over in CTL_OPTIONS. */
void control_options_encode(const struct control_options *o, struct buf *out);

/*
 * The body of the process, with source.load and the descriptors set; the rest comes by CTL_OPTIONS.
 * Returns its exit status once the enforcer is gone.
 */
int control_main(struct control_options *o);

#endif

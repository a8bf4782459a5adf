/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --log: every decision as a JSON line. */
#ifndef SALLYPORT_CLI_DECISIONS_H
#define SALLYPORT_CLI_DECISIONS_H

#include "audit/event.h"
#include "policy/plan.h"

struct decisions {
	int fd; /* -1: no log */
	bool failed;
};

/* path: NULL for none, "-" for stderr. */
bool decisions_open(struct decisions *d, const char *path, struct err *e) _must_use_;
void decisions_close(struct decisions *d);

/* The first line that cannot be written is told on stderr. policy: NULL when there is none. */
void decisions_write(struct decisions *d, const struct event *ev, const char *subject,
		     const struct plan_policy *policy);

#endif

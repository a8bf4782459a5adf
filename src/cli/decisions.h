/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --log: every decision as a JSON line. Who decides never waits for who reads: a line that a full disk or a
 * pipe does not take is lost, and how many were is told on stderr.
 */
#ifndef SALLYPORT_CLI_DECISIONS_H
#define SALLYPORT_CLI_DECISIONS_H

#include "audit/event.h"
#include "policy/plan.h"

struct decisions {
	const char *path; /* borrowed */
	int fd;		  /* -1: no log */
	bool failing, torn;
	uint64_t lost; /* since that was last told */
	uint64_t told_ms;
};

/* path: NULL for none, "-" for stderr. A named pipe that nobody reads is an error. */
bool decisions_open(struct decisions *d, const char *path, struct err *e) _must_use_;

/* Tells of what was lost and not told yet. */
void decisions_close(struct decisions *d);

/* The first line that is lost is told on stderr, and how many were when lines are written again. policy: NULL
 * when there is none. */
void decisions_write(struct decisions *d, const struct event *ev, const char *subject,
		     const struct plan_policy *policy);

#endif

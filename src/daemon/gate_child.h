/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate of a proxy as its supervisor sees it: a process that is started, given setups, asked, and
 * started anew when it dies, with the same listeners.
 */
#ifndef SALLYPORT_DAEMON_GATE_CHILD_H
#define SALLYPORT_DAEMON_GATE_CHILD_H

#include <sys/types.h>

#include "gate/gate.h"
#include "gate/setup.h"

struct gate_child {
	const struct gate_options *o; /* borrowed; its listeners stay open here */
	void (*on_event)(void *ctx, const struct gate_setup *s, const struct event *ev);
	void *ctx;
	pid_t pid;		  /* 0: none */
	int report;		  /* -1: none */
	struct gate_setup *setup; /* the one in force; owned; NULL before the first */
	uint64_t generation;	  /* of it */
	uint64_t ended;		  /* connections that ended by the last setup */
	struct gate_counts counts;
	struct gate_farewell farewell;
};

/* Starts it, and gives it c->setup where there is one. */
bool gate_child_start(struct gate_child *c, struct err *e) _must_use_;

/*
 * Has the gate work by the setup, which is taken over, and waits until it does: c->ended tells how
 * many connections ended by it. While there is no gate, it is what the next one begins with. On
 * failure the old one is in force, or the gate is dead and the next one begins with the old one.
 */
bool gate_child_setup(struct gate_child *c, struct gate_setup *take_s, struct err *e) _must_use_;

/* Asks for the counts, into c->counts. */
bool gate_child_count(struct gate_child *c, struct err *e) _must_use_;

/* Reads what the gate has told. False: it is dead, and has been reaped. */
bool gate_child_read(struct gate_child *c) _must_use_;

/* Takes the farewell, and ends it. Also frees c->setup. */
void gate_child_stop(struct gate_child *c);

#endif

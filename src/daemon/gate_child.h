/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate of a proxy or of a daemon as its supervisor sees it: a process that is started, given
 * setups, asked, and started anew when it dies, with the same listeners. A daemon's is executed
 * anew; it works without a setup, too.
 *
 * The supervisor's loop watches `report` and calls gate_child_read(). The callbacks are called in
 * there, and while a function waits for the gate's answer.
 */
#ifndef SALLYPORT_DAEMON_GATE_CHILD_H
#define SALLYPORT_DAEMON_GATE_CHILD_H

#include <sys/types.h>

#include "gate/gate.h"
#include "gate/setup.h"

struct gate_child {
	const struct gate_options *o; /* borrowed; its listeners stay open here */
	/* Of the setup's client or network ev->subject. NULL: nobody is told. */
	void (*on_event)(void *ctx, const struct gate_setup *s, const struct event *ev);
	void (*on_resolved)(void *ctx, const struct gate_resolved *r); /* a daemon's */
	void *ctx;
	pid_t pid;		  /* 0: none */
	int report;		  /* -1: none */
	struct gate_setup *setup; /* the one in force; owned; NULL before the first */
	uint64_t generation;	  /* of it */
	uint64_t ended;		  /* connections that ended by the last setup */
	struct gate_counts counts;
	struct gate_farewell farewell;
	/* What is to be resolved, from queue[queue_at] on not sent yet. */
	struct gate_resolve *queue;
	size_t n_queue, cap_queue, queue_at;
	size_t under_way; /* names that it was told and has not answered */
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

/*
 * Has the name resolved by a daemon's gate, and does not wait: c->on_resolved gets the answer to each
 * call, in any order. When the gate dies, what is not answered yet never is. False: there is no
 * gate, or it has just died. queries: 1 to GATE_QUERIES_MAX.
 */
bool gate_child_resolve(struct gate_child *c, uint32_t id, const struct name *name,
			uint32_t queries, struct err *e) _must_use_;

/* Tells a daemon's gate what is in the kernel's sets for a name; every one when it was started. */
bool gate_child_installed(struct gate_child *c, const struct gate_installed *what, struct err *e)
	_must_use_;

/* Reads what the gate has told. False: it is dead, and has been reaped. */
bool gate_child_read(struct gate_child *c) _must_use_;

/* Takes the farewell, and ends it. Also frees c->setup. */
void gate_child_stop(struct gate_child *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate of a proxy or of a daemon as its supervisor sees it: a process that is started, given
 * setups, asked, and started anew when it dies, with the same listeners. A daemon's is executed
 * anew; it works without a setup, too.
 *
 * The supervisor's loop watches it (gate_child_watch()) and calls gate_child_read(). The callbacks are
 * called in there, and while a function waits for the gate's answer.
 *
 * A daemon waits for no answer: it has packets to judge. gate_child_begin() and gate_child_offer() do what
 * gate_child_start() and gate_child_setup() do, and return at once; on_busy() says that from now on
 * gate_child_late() is to be asked now and then, until gate_child_busy() is false.
 */
#ifndef SALLYPORT_DAEMON_GATE_CHILD_H
#define SALLYPORT_DAEMON_GATE_CHILD_H

#include <sys/types.h>

#include "daemon/gate_queue.h"
#include "gate/gate.h"
#include "gate/setup.h"
#include "gate/watch.h"

struct gate_child {
	const struct gate_options *o; /* borrowed; its listeners stay open here */
	/* Of the setup's client or network ev->subject. NULL: nobody is told. */
	void (*on_event)(void *ctx, const struct gate_setup *s, const struct event *ev);
	void (*on_resolved)(void *ctx, const struct gate_resolved *r); /* a daemon's */
	void (*on_refused)(void *ctx, const char *why); /* what was offered; NULL: nobody is told */
	void (*on_busy)(void *ctx);			/* likewise */
	void *ctx;
	pid_t pid;		   /* 0: none */
	int report;		   /* -1: none */
	struct gate_setup *setup;  /* the one in force; owned; NULL before the first */
	struct gate_setup *coming; /* it was told, and has not said that it works by it; owned */
	struct gate_setup *next;   /* to be told after that; owned */
	uint64_t generation;	   /* of `setup` */
	uint64_t ended;		   /* connections that ended by the last setup */
	struct gate_counts counts;
	struct gate_farewell farewell;
	struct gate_queue queue;
	unsigned owed;	   /* answers that are to come: a bit for each enum gate_message_kind */
	char refused[192]; /* why the last setup was not taken; "": it was */
	uint64_t owed_since_ms, blocked_since_ms; /* clock_ms(); 0: nothing is */
	size_t under_way;			  /* names that it was told and has not answered */
};

/* Starts it, gives it c->setup where there is one, and waits until it works by it. */
bool gate_child_start(struct gate_child *c, struct err *e) _must_use_;

/* The same without waiting; with what was offered last, if that is newer. */
bool gate_child_begin(struct gate_child *c, struct err *e) _must_use_;

/* Calls fn when there is something for gate_child_read(). The watch is the caller's, to be closed when this
 * gate has died: the next one is watched anew. */
struct watch *gate_child_watch(const struct gate_child *c, uv_loop_t *loop, watch_fn *fn, void *ctx,
			       struct err *e) _must_use_;

/*
 * Has the gate work by the setup, which is taken over, and waits until it does: c->ended tells how
 * many connections ended by it. While there is no gate, it is what the next one begins with. On
 * failure the old one is in force, or the gate is dead and the next one begins with the old one.
 */
bool gate_child_setup(struct gate_child *c, struct gate_setup *take_s, struct err *e) _must_use_;

/*
 * The same without waiting: until the gate has adopted it, it works by the one before. Of several the last
 * one counts. c->on_refused tells when the gate cannot.
 */
void gate_child_offer(struct gate_child *c, struct gate_setup *take_s);

/* The setup that it was given last, in force or not; NULL: none. */
const struct gate_setup *gate_child_newest(const struct gate_child *c);

/* Orders wait until the gate reads: the descriptor is to be watched for writing, too. */
bool gate_child_blocked(const struct gate_child *c);

/* That, or an answer is to come. */
bool gate_child_busy(const struct gate_child *c);

/* It is there, and armed. */
bool gate_child_up(const struct gate_child *c);

/* It has neither read nor answered for longer than it should take. */
bool gate_child_slow(const struct gate_child *c);

/* It has neither read nor answered for so long that it was ended now; gate_child_read() will say so. */
bool gate_child_late(struct gate_child *c);

/* Asks for the counts, into c->counts, and waits for them. */
bool gate_child_count(struct gate_child *c, struct err *e) _must_use_;

/*
 * Has the name resolved by a daemon's gate, and does not wait: c->on_resolved gets the answer to each
 * call, in any order. When the gate dies, what is not answered yet never is. False: there is no
 * gate, or it has just died. queries: 1 to GATE_QUERIES_MAX.
 */
bool gate_child_resolve(struct gate_child *c, uint32_t id, const struct name *name,
			uint32_t queries, struct err *e) _must_use_;

/* Tells a daemon's gate what is in the kernel's sets for a name; every one when it was started. Does not
 * wait, either. */
bool gate_child_installed(struct gate_child *c, const struct gate_installed *what, struct err *e)
	_must_use_;

/* Reads what the gate has told, and sends what there is room for. False: it is dead, and has been reaped. */
bool gate_child_read(struct gate_child *c) _must_use_;

/* Takes the farewell, and ends it. Also frees its setups. */
void gate_child_stop(struct gate_child *c);

#endif

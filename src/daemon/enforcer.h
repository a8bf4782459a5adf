/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The enforcer: the process that holds the kernel's handles. What its files share, and the life of a policy
 * in it:
 *
 *	enforcer.c	starts the children, hears signals, and orders from control:
 *	orders.c	a plan arrives as bytes, is decoded,
 *	inforce.c	compiled, loaded in one transaction, and takes the place of the last one;
 *	held.c		(nothing begins in a network meanwhile)
 *	flows.c		what it no longer allows ends;
 *	lookups.c	names are asked of the gate, their addresses go into the sets (named.c, names.c);
 *	answers.c	then the gate may tell them to containers;
 *	ports.c		so does who is at which port of a bridge (pins.c);
 *	seeds.c		that of the daemon before is begun with.
 *	denials.c	Denied packets come back as events.
 *	drift.c		Another program has touched the tables: they are put right.
 *	status.c	What is so, read back from the kernel.
 */
#ifndef SALLYPORT_DAEMON_ENFORCER_H
#define SALLYPORT_DAEMON_ENFORCER_H

#include <sys/types.h>

#include <jansson.h>
#include <uv.h>

#include "compile/network.h"
#include "daemon/daemon.h"
#include "daemon/gate_child.h"
#include "daemon/kernel_probe.h"
#include "daemon/messages.h"
#include "daemon/named.h"
#include "daemon/names.h"
#include "daemon/pins.h"
#include "daemon/tuning.h"
#include "gate/watch.h"
#include "kernel/conntrack.h"
#include "kernel/links.h"
#include "kernel/tables.h"
#include "policy/decide.h"

/* A policy in force, with all that is made from it. Zeroed: none. */
struct inforce {
	struct plan *plan;
	struct tunings tunings;
	struct ruleset *rules;
	struct network_map map;
	struct named *named;
	uint64_t generation;
};

struct address_name {
	struct addr addr;
	uint32_t name; /* index in the map */
};

/* One network's bridge, as it was last seen. */
struct port_state {
	char name[LINKS_NAME_MAX];
	size_t subject; /* index in now.plan */
	bool there;
	bool read; /* the last look could read its ports */
	struct links_bridge bridge;
	struct pins pins;
	struct pins_element *elements; /* owned; those that the kernel's sets have */
	size_t n_elements;
	bool unfinished;
};

struct enforcer {
	uv_loop_t loop;
	const struct daemon_options *o;
	struct tables *tables;
	struct links *links;
	struct conntrack *flows;
	struct inforce now;
	struct names *names;
	struct changes changes;	      /* lookups.c: those of one answer; the memory stays */
	struct address_name *reverse; /* by address; made when it is asked for */
	size_t n_reverse;
	bool reverse_stale;
	struct port_state *ports_of; /* one for each of now.map.ports; ports.c */
	size_t n_ports;
	unsigned looks;		/* at unfinished ports, since something changed */
	uint64_t rest_until_ms; /* no further look before, whatever happens at the bridges */
	bool *targets;		/* of redirects; one for each name of now.map */
	struct timer *again;	/* ports.c: inforce_again() */
	struct ctl_fact *facts; /* the engine's */
	size_t n_facts;
	struct pins_seed *seeds; /* between the first load and the first look; seeds.c */
	size_t n_seeds, cap_seeds;
	bool torn_down; /* by request: nothing is in force until the next plan */

	struct tunings coming; /* of the next plan */
	struct inforce before; /* while a policy is on trial */
	struct timer *trial;

	struct watch *signals, *drift, *ports, *log;
	struct timer *ports_again, *names_due, *counters, *check, *watchdog;
	struct denials *denials;
	char wrong[256]; /* what the last read-back found to differ; "": nothing */
	bool look_soon;	 /* drift.c: within a second */
	bool meddled;	 /* drift.c: another program was there since the last look */
	bool unfilled;	 /* what is learned could not be put into the tables */
	bool unswept;	 /* flows that the policy in force denies may go on */
	bool sweeping;	 /* not all flows have been judged by it yet */
	struct timer *sweep;
	struct addr *own; /* the host's addresses when that began, sorted by their bytes */
	size_t n_own;
	uint64_t repairs;		/* times that the tables were put right */
	uint64_t busy_since, busy_from; /* drift.c: of a row of repairs, and how many there were */
	struct kernel_lacks lacks;
	uint16_t dns_port;  /* of the gate; 0: it answers no DNS */
	uint64_t answering; /* the generation that the gate answers by */
	bool untold;	    /* the gate has to be told of every name */

	struct gate_child gate;
	struct gate_options gate_options;
	struct watch *gate_watch;
	struct timer *gate_restart, *gate_patience;
	pid_t control_pid;
	int control_listen;
	struct watch *control;
	struct timer *control_restart;
	unsigned restarts;

	bool control_settled;	/* the first change is done with, the engine's networks too */
	struct timer *patience; /* `once` */
	struct timer *idle;	/* since a policy came into force */
	bool ready;		/* told to the service manager */
	bool failed;
	struct err failure;
	bool unread; /* with it: the files are wrong */
};

/* Tells on stderr what happens. */
void enforcer_story(const char *fmt, ...) _printf_(1, 2);

/* A policy is in force: told to whoever waits for it. */
void enforcer_ready(struct enforcer *f);

/* `once`: something has come that was waited for. */
void enforcer_settle(struct enforcer *f);

/* The start failed for a reason that ends the daemon. */
void enforcer_give_up(struct enforcer *f, const struct err *why);

/* ---- inforce.c */

/*
 * Puts next->plan in force, with next->tunings; both are taken over, also on
 * failure; then all is as it was. *was is what was in force, the caller's; *out tells what came of it.
 */
bool inforce_put(struct enforcer *f, struct inforce *take_next, struct inforce *was,
		 struct ctl_plan *out, struct err *e) _must_use_;

/* The same, where nobody wants what was in force. */
bool inforce_change(struct enforcer *f, struct inforce *take_next, struct ctl_plan *out,
		    struct err *e) _must_use_;

/* What inforce_put() takes of one that is or was in force. */
struct inforce inforce_copy(const struct inforce *p);

/* Makes and loads what is in force anew, for what has changed outside of the policy. */
bool inforce_again(struct enforcer *f, struct err *e) _must_use_;

/* Loads again what is in force, whole. */
bool inforce_reload(struct enforcer *f, struct err *e) _must_use_;

/* Removes our tables; what was in force is kept in mind for nothing. */
bool inforce_remove(struct enforcer *f, bool *had, struct err *e) _must_use_;

void inforce_done(struct inforce *p);

/* ---- held.c: networks in which nothing begins while their rules are changed */

/* Those of next that are not the same in `was`, whose tables are loaded. */
bool held_begin(struct enforcer *f, const struct inforce *was, const struct inforce *next,
		struct err *e) _must_use_;

/* No longer. next is loaded; was: as above, or NULL for all of them. */
bool held_end(struct enforcer *f, const struct inforce *was, const struct inforce *next,
	      struct err *e) _must_use_;

/* All of them from the moment that p is loaded, whole. */
void held_fill(const struct inforce *p);

/* ---- trial: a policy that is taken back by itself */

/* False: there is none. */
bool trial_confirm(struct enforcer *f);
/* Before its time is up. On failure what is on trial stays in force, and on trial. */
bool trial_revert(struct enforcer *f, struct err *e) _must_use_;

/*
 * What was to last until the daemon ends does so: a trial, and what was allowed while it ran. Flows that are
 * denied are ended before this returns. On failure what cannot be put back stays in force.
 */
bool orders_end(struct enforcer *f, struct err *e) _must_use_;

/* ---- lookups.c */

/* Names with one address that are looked at. */
#define LOOKUPS_SHARING_MAX 64

/* How the gate is to be started. */
void lookups_gate(struct enforcer *f);
void lookups_start(struct enforcer *f);
/* The names of what is to be in force, and what an earlier daemon knew of them. */
void lookups_seed(struct enforcer *f, const struct inforce *next);
/* The names of the policy in force are those to be known. */
void lookups_follow(struct enforcer *f);
/* The gate is another one. */
void lookups_again(struct enforcer *f);
/* All are asked for again. */
void lookups_refresh(struct enforcer *f);
/* What is known of a name now, until the next answer. */
size_t lookups_addresses(const struct enforcer *f, const struct name *n,
			 const struct names_address **out);
/* The names that have an address; at most max. */
size_t lookups_names_of(struct enforcer *f, const struct addr *a, const struct name **out,
			size_t max);
/* *left_out: of so many names there is nothing, since there are too many. */
json_t *lookups_json(struct enforcer *f, size_t *left_out);
/* The names that have no address, as one clause; "" when there is none. */
void lookups_missing(const struct enforcer *f, char *out, size_t size);

/* ---- answers.c */

/* Opens the sockets that containers' questions come to; without them all else goes on. */
void answers_open(struct enforcer *f);
void answers_close(struct enforcer *f);
/* The gate answers the networks of the policy in force whose bridges are there. */
void answers_follow(struct enforcer *f);
/* What is known of a name (its index in the map) is in the kernel's sets. */
void answers_tell(struct enforcer *f, size_t name);
/* The policy in force has taken the place of `before`, by which the gate has been told. */
void answers_step(struct enforcer *f, const struct inforce *before);
/* So it is with every name. */
void answers_tell_all(struct enforcer *f);

/* ---- ports.c */

bool ports_start(struct enforcer *f, struct err *e) _must_use_;
void ports_stop(struct enforcer *f);
/* What happens at the bridges is heard; else ports_listen() may bring that back. */
bool ports_hear(const struct enforcer *f);
bool ports_listen(struct enforcer *f, struct err *e) _must_use_;
/* Looks at the bridges of the policy in force, and brings its sets in line. */
void ports_look(struct enforcer *f);
/* Puts what is known of the ports into the sets of a ruleset that is not loaded yet. */
void ports_fill(struct enforcer *f, struct inforce *p);
/* A port leads to other chains and sets under p than it does now: those of names that stay, which a difference
 * leaves as they are, would hold on to what is to go. */
bool ports_move(const struct enforcer *f, const struct inforce *p);
/* What the engine says, n struct ctl_fact. */
void ports_facts(struct enforcer *f, const void *facts, size_t n);
bool ports_bridge_there(const struct enforcer *f, size_t i);
json_t *ports_json(const struct enforcer *f, size_t i);

/* ---- seeds.c */

/* What the sets that `next` has for ports hold in the kernel, before it is loaded in their place. */
void seeds_read(struct enforcer *f, const struct inforce *next);
void seeds_forget(struct enforcer *f);

/* ---- flows.c */

/* Ends the flows of our networks that the policy in force denies; of many flows some later, while f->sweeping.
 * *ended: how many by now. */
bool flows_sweep(struct enforcer *f, uint64_t *ended, struct err *e) _must_use_;

/* The rest of them now, for as long as 5 s. */
bool flows_finish(struct enforcer *f, struct err *e) _must_use_;

/*
 * What the rules of a network's policy say about a packet: the first rule that matches, by the address or by
 * any name that has it now.
 */
struct verdict flows_judge(struct enforcer *f, const struct plan_subject *s,
			   const struct flow *flow);

/* ---- denials.c */

bool denials_start(struct enforcer *f, struct err *e) _must_use_;

/* ---- drift.c */

bool drift_start(struct enforcer *f, struct err *e) _must_use_;
/* Compares now, and puts right what differs. *differed: what it was, or "". */
bool drift_check(struct enforcer *f, char *differed, size_t size, struct err *e) _must_use_;

/* What other programs do to the tables is heard. */
bool drift_hears(const struct enforcer *f);

/* A read-back soon, and what has gone deaf is made to hear again. */
void drift_soon(struct enforcer *f);

/* ---- status.c */

json_t *status_json(struct enforcer *f);

/* ---- orders.c */

/* False: control is gone. */
bool orders_read(struct enforcer *f) _must_use_;
/* Tells control something that nobody asked for. */
void orders_tell(struct enforcer *f, enum ctl_kind kind);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the daemon's policy comes from: one policy file, or Dockside's two; and the rules that were
 * added while it runs. A change is made to a copy, which becomes the source once it is in force:
 *
 *	source_load() or source_change()  -> candidate, with its plan
 *	  the enforcer takes the plan	  -> source_keep() saves what is to be saved
 *	  it does not, or that fails	  -> candidate_free(): nothing has happened
 */
#ifndef SALLYPORT_DAEMON_SOURCE_H
#define SALLYPORT_DAEMON_SOURCE_H

#include <jansson.h>

#include "daemon/tuning.h"
#include "policy/load.h"

struct source_options {
	const char *policy;			      /* a policy file, or NULL: */
	const char *network_config, *firewall_config; /* Dockside's */
	struct policy_options load;		      /* with policy */
};

struct source;
struct candidate;

/* Nothing is read yet. */
struct source *source_new(const struct source_options *o);
void source_free(struct source *s);

/* What the files say now, and the added rules that still hold. now_ms: clock_ms(). */
bool source_load(struct source *s, uint64_t now_ms, struct candidate **out, struct err *e)
	_must_use_;

/* What is in force without the added rules whose time is over; the files are not read. from: a candidate that is
 * in force on trial; NULL: what was kept last. */
bool source_expire(struct source *s, const struct candidate *from, uint64_t now_ms,
		   struct candidate **out, struct err *e) _must_use_;

/* The files are Dockside's: set-network and its kin can change them. */
bool source_is_dockside(const struct source *s);

/* One rule that `allow` and `deny` add. */
struct source_rule {
	enum rule_action action;
	const char *dest;
	const char *network; /* NULL: every policy of the file's networks */
	uint64_t until_ms;   /* clock_ms(); 0: until the daemon ends, or for good with save */
	bool save;	     /* into the file */
};

bool source_add_rule(struct source *s, const struct source_rule *r, uint64_t now_ms,
		     struct candidate **out, struct err *e) _must_use_;

/*
 * The changes that a Dockside daemon knows: "apply", "set-network", "remove-network", "set-ipset",
 * "remove-ipset", with the request's own fields.
 */
bool source_change(struct source *s, const char *action, const json_t *request, uint64_t now_ms,
		   struct candidate **out, struct err *e) _must_use_;

/* Its plan; the candidate's. */
struct plan *candidate_plan(struct candidate *c);
void candidate_free(struct candidate *c);

/* How the names of the candidate's plan are asked for, or with NULL those of source_plan(); *out is the
 * caller's. */
void source_tunings(const struct source *s, const struct candidate *c, struct tunings *out);

/* It is in force: what is to be saved is saved, and it is what later changes begin with. On failure
 * the files are as before, and so is the source. Takes c over. */
bool source_keep(struct source *s, struct candidate *take_c, struct err *e) _must_use_;

/* The plan of what was kept last; NULL before the first. The source's. */
const struct plan *source_plan(const struct source *s);

/* The i-th network that was kept, also one that is only to be made; false: there are no more. */
bool source_network(const struct source *s, size_t i, const char **name,
		    const struct plan_network **out);

/* When the next added rule ends, of those that end after after_ms; 0: none does. */
uint64_t source_next_end(const struct source *s, uint64_t after_ms);

/* Adds what the source tells to a status: the files, the added rules, and Dockside's ipsets. */
void source_status(const struct source *s, uint64_t now_ms, json_t *fields);

#endif

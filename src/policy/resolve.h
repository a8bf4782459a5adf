/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the model to the plan: groups are looked up and written out, policies are put together with
 * those they extend, and what is probably not meant is noted.
 */
#ifndef SALLYPORT_POLICY_RESOLVE_H
#define SALLYPORT_POLICY_RESOLVE_H

#include "policy/load.h"
#include "policy/model.h"

/* A group that is not the policy file's own. */
struct resolve_loaded {
	struct doc doc;
	struct model_group group; /* borrows from doc */
};

struct resolver {
	const struct model *model;
	const struct policy_options *options;
	struct plan *plan; /* being made; owned until it is handed out */
	size_t cap_lints;
	struct resolve_loaded **loaded;
	size_t n_loaded, cap_loaded;
	/*
	 * How many more entries may be looked at, destinations, groups and extended policies alike:
	 * policies that extend others can stand for more than memory holds.
	 */
	size_t left;
	size_t n_rules; /* made so far, in all policies */
};

/* Where a destination is written, for errors: a place of a document or the command line. */
struct place {
	const struct doc *doc;	 /* NULL: the command line */
	struct pos at;		 /* with doc */
	enum rule_action action; /* without: which option it was given to */
};

/* A growing list of destinations. */
struct dest_list {
	struct dest *items; /* owned */
	size_t n, cap;
	struct arena *arena; /* has what they point to */
};

/* Gives an error the place. Always returns false. */
bool place_err(const struct place *at, struct err *e);

/* Counts one entry; an error at the place when there were too many. */
bool resolve_count(struct resolver *r, const struct place *at, struct err *e) _must_use_;

/*
 * Appends what one text stands for: a destination, or all those of a group. Within one rule, which
 * r->n_rules tells from others, a group is written out only once.
 */
bool resolve_dest(struct resolver *r, struct span text, const struct place *at, enum dest_use use,
		  struct dest_list *out, struct err *e) _must_use_;

/* What the command line and the allow-lists add goes into this policy. */
bool resolve_takes_extras(const struct resolver *r, const struct plan_policy *p);

/* The policy that a node names; an error at the node when there is none. */
bool resolve_find_policy(const struct resolver *r, const struct node *name,
			 const struct model_policy **out, struct err *e) _must_use_;

/* Fills the plan's subjects; its policies are there. */
bool resolve_subjects(struct resolver *r, struct err *e) _must_use_;

/* Frees the groups that were loaded. */
void resolve_groups_done(struct resolver *r);

/* Makes the plan. m->doc.file becomes its file, unless there is none. */
bool resolve(const struct model *m, const struct policy_options *o, struct plan **out,
	     struct err *e) _must_use_;

/* Notes what is probably not meant in r->plan. */
void resolve_lint(struct resolver *r);

/* The part of it that is about networks: what a policy has that means nothing to the kernel. */
void resolve_lint_networks(struct resolver *r);

/* Adds one note, at a place of that file (NULL: the plan's own). */
void resolve_note(struct resolver *r, const char *file, struct pos at, const char *fmt, ...)
	_printf_(4, 5);

#endif

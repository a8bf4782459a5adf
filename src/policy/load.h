/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From policy text, and what the command line adds to it, to a plan. */
#ifndef SALLYPORT_POLICY_LOAD_H
#define SALLYPORT_POLICY_LOAD_H

#include "policy/allowlist.h"
#include "policy/plan.h"

/* A rule from the command line: --allow DEST, --deny DEST. */
struct policy_extra {
	enum rule_action action;
	const char *dest; /* borrowed, as typed */
};

/* A group as a file of its own holds it: `groups: {NAME: [...]}`. */
struct policy_group {
	const char *name;
	const char *text;
};

/* Those that come with the program, from data/groups; sorted by name. */
extern const struct policy_group policy_builtin_groups[];
extern const size_t policy_n_builtin_groups;

struct policy_options {
	/*
	 * Rules given on the command line. They form the policy "command-line". Without a file it
	 * is the only one; with a file it stands before the rules of `policy`, which it then
	 * extends: the command line comes first, in the order typed.
	 */
	const struct policy_extra *extras;
	size_t n_extras;
	/* Which policy of the file the extras and lists belong to; NULL: every policy. */
	const char *policy;
	/*
	 * Where group/NAME is looked up when the file does not have it: as NAME.yaml in these
	 * directories, later ones first (NULL-terminated, or NULL), and then among these groups.
	 */
	const char *const *group_dirs;
	const struct policy_group *groups;
	size_t n_groups;
	/*
	 * Allow-lists: each entry is an allow rule behind all others, so that it adds to what the
	 * policy allows and what the policy denies stays denied. The rule goes by the name of its
	 * file and its line: "project.allow:12". NULL: none. Borrowed while loading.
	 */
	const struct allowlist *lists;
};

/* The text that group/NAME stands for outside of policy files, and where it is. */
struct policy_group_text {
	char *file;    /* its path, or "built-in group/NAME", for messages; owned */
	char *text;    /* owned; NULL: there is no such group */
	size_t n;      /* bytes of text */
	bool built_in; /* it is one of the options' groups */
};

/* Looks a group up as policies do. The text is not looked into. */
bool policy_group_read(const struct policy_options *o, const char *name,
		       struct policy_group_text *out, struct err *e) _must_use_;
void policy_group_text_done(struct policy_group_text *t);

/*
 * Reads the file at path (NULL: no file), at most LIMIT_POLICY_BYTES. The error begins with
 * "FILE:LINE:COLUMN: ". *out is the caller's, for plan_free().
 */
bool policy_load(const char *path, const struct policy_options *o, struct plan **out, struct err *e)
	_must_use_;

/* The same from text; `file` is only for messages. */
bool policy_load_text(const char *file, struct span text, const struct policy_options *o,
		      struct plan **out, struct err *e) _must_use_;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From policy text, and what the command line adds to it, to a plan. */
#ifndef SALLYPORT_POLICY_LOAD_H
#define SALLYPORT_POLICY_LOAD_H

#include "policy/plan.h"

/* A rule from the command line: --allow DEST, --deny DEST. */
struct policy_extra {
	enum rule_action action;
	const char *dest; /* borrowed, as typed */
};

struct policy_options {
	/*
	 * Rules given on the command line. They form the policy "command-line". Without a file it
	 * is the only one; with a file it stands before the rules of `policy`, which it then
	 * extends: the command line comes first, in the order typed.
	 */
	const struct policy_extra *extras;
	size_t n_extras;
	/* Which policy of the file the extras go before; NULL: every policy. */
	const char *policy;
	/* Where group/NAME is looked up besides the file, later ones first; NULL-terminated.
	 * A file there, NAME.yaml, holds `groups: {NAME: [...]}`. May be NULL. */
	const char *const *group_dirs;
};

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

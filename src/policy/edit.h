/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One rule more in the text of a policy file. Everything else of the text stays as it is, comments and
 * layout too: a line, or a part of one, is put in. What comes out is read again and has to differ from
 * the text by exactly that rule; where a layout is too unusual for that, the error says that the file
 * has to be changed by hand.
 */
#ifndef SALLYPORT_POLICY_EDIT_H
#define SALLYPORT_POLICY_EDIT_H

#include "base/buf.h"
#include "policy/plan.h"

struct edit_rule {
	const char *policy;	 /* which of the file's policies */
	enum rule_action action; /* RULE_ALLOW or RULE_DENY */
	const char *dest;	 /* as a person writes it */
};

/*
 * The text with the rule as the first of the policy's own: there nothing of the same policy comes
 * before it. What the policy extends still does. Where the first says just that already, the text as it
 * is. file: for messages. out is initialised and empty.
 */
bool policy_edit_add(const char *file, struct span text, const struct edit_rule *rule,
		     struct buf *out, struct err *e) _must_use_;

#endif

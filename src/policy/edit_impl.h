/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sources of policy/edit.h share. */
#ifndef SALLYPORT_POLICY_EDIT_IMPL_H
#define SALLYPORT_POLICY_EDIT_IMPL_H

#include "policy/edit.h"
#include "policy/model.h"

/* The file while it is changed. */
struct editor {
	const char *file; /* for messages */
	const struct edit_rule *rule;
	struct span text;	   /* without a byte order mark */
	struct doc doc;		   /* of it */
	const struct node *policy; /* the policy's value */
	const struct node *rules;  /* the value of its rules; NULL: the key is not there */
	const char *eol;
	struct buf *out;
};

/* `new` is the document with the edit's rule more, as the first of the policy's. */
bool edit_is_added(const struct editor *ed, const struct doc *new);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the policy room share. */
#ifndef SALLYPORT_TESTS_UNIT_POLICY_HELP_H
#define SALLYPORT_TESTS_UNIT_POLICY_HELP_H

#include <stdio.h>

#include "policy/load.h"
#include "t.h"

/* The plan of a text, with nothing from the command line; the caller's, for plan_free(). */
static inline struct plan *load_text(const char *text)
{
	static const struct policy_options none;
	struct plan *plan = NULL;
	struct err e = { 0 };

	t_good(policy_load_text("p.yaml", span_of(text), &none, &plan, &e), e);
	return plan;
}

/* The plan of one policy "p" whose rules are given, each as "- ..." in flow style. */
static inline struct plan *load_rules(const char *rules)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), "version: 1\npolicies: {p: {rules: [%s]}}\n", rules);
	return load_text(text);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The budget of a subject for names that only a wildcard allows. Each of them is asked for
 * upstream, and what stands in a question is told to whoever serves the zone (E-41): there may be
 * LIMIT_DNS_WILDCARD_NAMES different ones.
 */
#ifndef SALLYPORT_GATE_WILD_H
#define SALLYPORT_GATE_WILD_H

#include <stdbool.h>

#include "net/name.h"
#include "policy/plan.h"

struct wild_name;

/* Zeroed: nothing is used up. */
struct wild {
	struct wild_name *names;
};

void wild_done(struct wild *w);

/* Some rule says so by this very name, so that asking for it tells upstream nothing new. */
bool wild_named(const struct plan_policy *p, const struct name *n);

/* Counts the name, once, unless a rule says this very name. False: the budget is used up. */
bool wild_within(struct wild *w, const struct plan_policy *p, const struct name *n);

#define WILD_USED_UP "too many different names under wildcards"

#endif

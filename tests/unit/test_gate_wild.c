/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/limits.h"
#include "gate/wild.h"
#include "gate_help.h"
#include "policy_help.h"

#define RULES                                                                                       \
	"{allow: ['*.wild.test', named.wild.test, 'udp/udp.wild.test:53']}, {deny: no.wild.test}, " \
	"{redirect: to.wild.test, to: '10.77.0.1:80'}"

static bool within(struct wild *w, const struct plan *p, const char *name)
{
	struct name n = name_of(name);

	return wild_within(w, p->policies[0], &n);
}

static void use_up(struct wild *w, const struct plan *p)
{
	for (int i = 0; i < LIMIT_DNS_WILDCARD_NAMES; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "n%d.wild.test", i);
		t_ok(within(w, p, name));
	}
}

static const struct {
	const char *name;
	const char *asked;
	bool within; /* once the budget is used up */
} rows[] = {
	{ "the first", "n0.wild.test", true },
	{ "the last", "n999.wild.test", true },
	{ "one more", "n1000.wild.test", false },
	{ "one more, again", "n1000.wild.test", false },
	{ "a name below one of them", "a.n0.wild.test", false },
	{ "the beginning of one", "n99.wild.tes", false },
	{ "a name that a rule says", "named.wild.test", true },
	{ "for another protocol", "udp.wild.test", true },
	{ "to deny it", "no.wild.test", true },
	{ "to redirect it", "to.wild.test", true },
	{ "a name below one that a rule says", "a.named.wild.test", false },
	/* The wildcard says its apex, and is no rule for it. */
	{ "the apex", "wild.test", false },
};

T(used_up)
{
	_cleanup_(plan_freep) struct plan *p = load_rules(RULES);
	struct wild w = { 0 };

	use_up(&w, p);
	T_EACH(row, rows)
	t_eq_int(within(&w, p, row->asked), row->within);
	wild_done(&w);
}

/* A name that is asked for again, or that a rule says, takes nothing. */
T(counted_once)
{
	_cleanup_(plan_freep) struct plan *p = load_rules(RULES);
	struct wild w = { 0 };

	for (int i = 0; i < 2 * LIMIT_DNS_WILDCARD_NAMES; i++) {
		t_ok(within(&w, p, "n0.wild.test"));
		t_ok(within(&w, p, "named.wild.test"));
	}
	use_up(&w, p);
	t_ok(!within(&w, p, "n1000.wild.test"));
	wild_done(&w);
}

T(nothing)
{
	struct wild w = { 0 };

	wild_done(&w);
	t_ok(!w.names);
}

T_MAIN(T_TEST(used_up), T_TEST(counted_once), T_TEST(nothing))

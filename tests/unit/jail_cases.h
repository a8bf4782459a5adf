/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The golden files of the rules inside a jail: tests/golden-jail/CASE/policy.yaml and what it has
 * to become, ruleset.nft as compiled and ruleset.kernel as the kernel lists it.
 */
#ifndef SALLYPORT_TESTS_UNIT_JAIL_CASES_H
#define SALLYPORT_TESTS_UNIT_JAIL_CASES_H

#include "compile/jail.h"
#include "golden_cases.h"

#define JAIL_CASES "tests/golden-jail"

/* The policy called "p", or the only one. */
static inline struct plan *jail_plan(const char *path)
{
	struct plan *plan = golden_plan(path);

	t_eq_int(plan->n_policies, 1);
	return plan;
}

static inline void jail_ruleset(const struct plan *plan, struct buf *out)
{
	const struct plan_policy *p = plan->policies[0];
	struct jail_ports ports = { .tcp = 10001, .udp = compile_jail_wants_udp(p) ? 10002 : 0 };

	compile_jail(p, &ports, out);
	t_ok(buf_ok(out));
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The golden files of the rules inside a jail: tests/golden-jail/CASE/policy.yaml and what it has
 * to become, ruleset.nft as compiled and ruleset.kernel as the kernel lists it. A test program run
 * with --update writes the files anew instead of comparing; the difference is for a person to read.
 */
#ifndef SALLYPORT_TESTS_UNIT_JAIL_CASES_H
#define SALLYPORT_TESTS_UNIT_JAIL_CASES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "compile/jail.h"
#include "policy/load.h"
#include "t.h"

#define JAIL_CASES    "tests/golden-jail"
#define JAIL_TEXT_MAX (1U << 20)

static bool jail_update;

static inline int jail_case_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* The policy called "p", or the only one. */
static inline struct plan *jail_plan(const char *path)
{
	static const struct policy_options none;
	struct plan *plan = NULL;
	struct err e = { 0 };

	t_good(policy_load(path, &none, &plan, &e), e);
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

/* The file says `got`, or is made to say it. */
static inline void jail_golden(const char *path, struct span got)
{
	_cleanup_(freep) char *want = NULL;
	struct err e = { 0 };
	size_t n;

	if (jail_update) {
		_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		t_ok(fd >= 0);
		t_good(fd_write_all(fd, got, &e), e);
		return;
	}
	t_good(fd_read_file(path, JAIL_TEXT_MAX, &want, &n, &e), e);
	if (!span_eq(got, span_bytes(want, n)))
		t_fail("%s:\n--- expected\n%s--- got\n%.*s", path, want, (int)got.n, got.p);
}

/* Calls fn with the directory of each case, in the order of their names. */
static inline void jail_each_case(void (*fn)(const char *dir))
{
	struct dirent **cases = NULL;
	int n = scandir(JAIL_CASES, &cases, jail_case_visible, alphasort);

	t_ok(n > 10);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *dir = xasprintf("%s/%s", JAIL_CASES, cases[i]->d_name);

		t_row = dir;
		fn(dir);
		t_row = NULL;
		free(cases[i]);
	}
	free(cases);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories of cases: a policy each, and files of what has to become of it. A test program run with
 * --update writes the files anew instead of comparing; the difference is for a person to read.
 */
#ifndef SALLYPORT_TESTS_UNIT_GOLDEN_CASES_H
#define SALLYPORT_TESTS_UNIT_GOLDEN_CASES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "policy/load.h"
#include "t.h"

#define GOLDEN_TEXT_MAX (1U << 20)

static bool golden_update;

/* Of main(). */
static inline void golden_arguments(int argc, char **argv)
{
	golden_update = argc == 2 && strcmp(argv[1], "--update") == 0;
}

static inline struct plan *golden_plan(const char *path)
{
	static const struct policy_options none;
	struct plan *plan = NULL;
	struct err e = { 0 };

	t_good(policy_load(path, &none, &plan, &e), e);
	return plan;
}

/* The file says `got`, or is made to say it. */
static inline void golden_check(const char *path, struct span got)
{
	_cleanup_(freep) char *want = NULL;
	struct err e = { 0 };
	size_t n;

	if (golden_update) {
		_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		t_ok(fd >= 0);
		t_good(fd_write_all(fd, got, &e), e);
		return;
	}
	t_good(fd_read_file(path, GOLDEN_TEXT_MAX, &want, &n, &e), e);
	if (!span_eq(got, span_bytes(want, n)))
		t_fail("%s:\n--- expected\n%s--- got\n%.*s", path, want, (int)got.n, got.p);
}

static inline int golden_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Calls fn with each of the directories in `all`, in the order of their names. */
static inline void golden_each_case(const char *all, void (*fn)(const char *dir))
{
	struct dirent **cases = NULL;
	int n = scandir(all, &cases, golden_visible, alphasort);

	t_ok(n > 10);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *dir = xasprintf("%s/%s", all, cases[i]->d_name);

		t_row = dir;
		fn(dir);
		t_row = NULL;
		free(cases[i]);
	}
	free(cases);
}

#endif

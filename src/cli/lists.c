/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allow-list files that several commands take. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "cli/cli.h"

void cli_lists_add(struct cli_lists *x, const char *file)
{
	vec_push(x->files, x->n, x->cap, file);
}

bool cli_lists_load(struct cli_lists *x, bool quiet, struct err *e)
{
	bool absent;

	allowlist_done(&x->merged);
	if (x->baseline && !allowlist_read(&x->merged, x->baseline, false, &absent, e))
		return false;
	for (size_t i = 0; i < x->n; i++) {
		char shown[512];

		if (!allowlist_read(&x->merged, x->files[i], true, &absent, e))
			return false;
		if (absent && !quiet)
			(void)fprintf(stderr, "sallyport: %s is not there, so it adds nothing\n",
				      span_show(span_of(x->files[i]), shown, sizeof(shown)));
	}
	return true;
}

void cli_lists_done(struct cli_lists *x)
{
	free(x->files);
	allowlist_done(&x->merged);
	*x = (struct cli_lists){ 0 };
}

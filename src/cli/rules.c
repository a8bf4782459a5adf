/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that say which rules hold, which several commands take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool cli_rules_take(struct cli_rules *x, const struct cli_option *o, const char *arg)
{
	if (strcmp(o->name, "policy") == 0)
		x->policy = arg;
	else if (strcmp(o->name, "use") == 0)
		x->use = arg;
	else if (strcmp(o->name, "allow") == 0)
		cli_extras_add(&x->extras, RULE_ALLOW, arg);
	else if (strcmp(o->name, "deny") == 0)
		cli_extras_add(&x->extras, RULE_DENY, arg);
	else if (strcmp(o->name, "baseline") == 0)
		x->lists.baseline = arg;
	else if (strcmp(o->name, "allow-file") == 0)
		cli_lists_add(&x->lists, arg);
	else
		return false;
	return true;
}

bool cli_rules_load(struct cli_rules *x, bool quiet, struct plan **out, struct err *e)
{
	if (x->use && !x->policy)
		return err_set(e, ERR_INVALID, "--use names a policy of --policy FILE");
	return cli_lists_load(&x->lists, quiet, e) &&
	       cli_plan_load(x->policy, &x->extras, &x->lists.merged, x->use, out, e);
}

void cli_rules_done(struct cli_rules *x)
{
	cli_extras_done(&x->extras);
	cli_lists_done(&x->lists);
}

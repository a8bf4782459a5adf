/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dockside_tuning.h"

static struct name_tuning tuning_of(const struct dockside_tuning *t)
{
	return (struct name_tuning){ .refresh_s = t->refresh_interval,
				     .grace_s = t->stale_ttl,
				     .queries = t->dns_queries,
				     .addresses = t->max_entries };
}

/* Of a set's hosts those that are no addresses. */
static void add_set(const struct dockside_ipset *set, struct tunings *out)
{
	struct name_tuning how = tuning_of(&set->tuning);
	struct err ignored;
	struct name n;

	for (size_t i = 0; i < set->n && out->n < LIMIT_POLICY_DESTS; i++)
		if (name_parse_idna(span_of(set->hostnames[i]), &n, &ignored))
			tunings_add(out, &n, &how);
}

void dockside_tunings(const struct dockside *d, struct tunings *out)
{
	*out = (struct tunings){ .given = true,
				 .pace = { .backoff_max_s = d->env.failure_backoff_max,
					   .jitter_pct = d->env.refresh_jitter_pct },
				 .others = tuning_of(&d->env.tuning) };
	for (size_t i = 0; i < d->n_ipsets; i++)
		add_set(&d->ipsets[i], out);
	tunings_sort(out);
}

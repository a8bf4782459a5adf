/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/num.h"
#include "policy/dockside.h"

bool dockside_env_parse(dockside_getenv_fn *get, void *ctx, struct dockside_env *out, struct err *e)
{
	struct dockside_env env = DOCKSIDE_ENV_DEFAULT;
	const struct {
		const char *name;
		unsigned lo, hi;
		unsigned *to;
	} variables[] = {
		{ "IPSET_STALE_TTL", 1, 86400, &env.tuning.stale_ttl },
		{ "IPSET_REFRESH_INTERVAL", 1, 86400, &env.tuning.refresh_interval },
		{ "IPSET_DNS_QUERIES", 1, 50, &env.tuning.dns_queries },
		{ "IPSET_MAX_HOSTNAMES", 1, 1000, &env.max_hostnames },
		{ "IPSET_MAX_ENTRIES", 1, 65536, &env.tuning.max_entries },
		{ "IPSET_FAILURE_BACKOFF_MAX", 1, 3600, &env.failure_backoff_max },
		{ "IPSET_REFRESH_JITTER_PCT", 0, 100, &env.refresh_jitter_pct },
	};

	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		const char *text = get(ctx, variables[i].name);
		uint64_t v;

		if (!text)
			continue;
		if (!num_parse(span_of(text), variables[i].name, variables[i].lo, variables[i].hi,
			       &v, e))
			return false;
		*variables[i].to = (unsigned)v;
	}
	*out = env;
	return true;
}

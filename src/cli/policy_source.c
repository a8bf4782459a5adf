/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/policy_source.h"

#include <stdlib.h>
#include <string.h>

#include "policy/dockside.h"

bool cli_source_take(struct source_options *s, const struct cli_option *o, const char *arg)
{
	if (strcmp(o->name, "policy") == 0)
		s->policy = arg;
	else if (strcmp(o->name, "network-config") == 0)
		s->network_config = arg;
	else if (strcmp(o->name, "firewall-config") == 0)
		s->firewall_config = arg;
	else
		return false;
	return true;
}

bool cli_source_check(struct source_options *s, const char *command, struct err *e)
{
	bool dockside = s->network_config || s->firewall_config;

	if (s->policy && dockside)
		return err_set(e, ERR_INVALID,
			       "%s: --policy and Dockside's files are two policies: expected one",
			       command);
	if (!s->policy && !dockside)
		return err_set(e, ERR_INVALID,
			       "%s: expected --policy FILE, or --network-config FILE and "
			       "--firewall-config FILE",
			       command);
	if (dockside && !s->network_config)
		s->network_config = DOCKSIDE_NETWORK_CONFIG;
	if (dockside && !s->firewall_config)
		s->firewall_config = DOCKSIDE_FIREWALL_CONFIG;
	s->load = cli_policy_options();
	return true;
}

static const char *environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

bool cli_source_plan(const struct source_options *s, struct plan **out, struct err *e)
{
	struct dockside_env env = DOCKSIDE_ENV_DEFAULT;
	struct dockside *d;

	if (s->policy)
		return policy_load(s->policy, &s->load, out, e);
	if (!dockside_env_parse(environment, NULL, &env, e) ||
	    !dockside_load(s->network_config, s->firewall_config, &env, &d, e))
		return false;
	*out = steal(&d->plan);
	dockside_free(d);
	return true;
}

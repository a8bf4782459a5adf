/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport compile: what the kernel would be given for the networks of a policy. */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "cli/policy_source.h"
#include "compile/network.h"

#define TEXT_MAX (1U << 30) /* LIMIT_POLICY_DESTS in each of many networks */

enum { OPT_POLICY, OPT_NETWORK_CONFIG, OPT_FIREWALL_CONFIG, OPT_BACKEND, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_POLICY] = { "policy", 'p', "FILE", "the policy" },
	[OPT_NETWORK_CONFIG] = { "network-config", 0, "FILE",
				 "Dockside's networks (" DOCKSIDE_NETWORK_CONFIG ")" },
	[OPT_FIREWALL_CONFIG] = { "firewall-config", 0, "FILE",
				  "Dockside's rules (" DOCKSIDE_FIREWALL_CONFIG ")" },
	[OPT_BACKEND] = { "backend", 0, "NAME", "for which part of the kernel: nft" },
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	char shown[64];

	if (!cli_source_take(ctx, &options[option], arg) && strcmp(arg, "nft") != 0)
		return err_set(e, ERR_INVALID, "--backend: read \"%s\", expected nft",
			       span_show(span_of(arg), shown, sizeof(shown)));
	return true;
}

static bool print_ruleset(const struct plan *plan, struct err *e)
{
	_cleanup_(network_map_done) struct network_map map = { 0 };
	_cleanup_(ruleset_freep) struct ruleset *rules = NULL;
	_cleanup_(buf_done) struct buf text;
	static const struct network_options o;

	buf_init(&text, TEXT_MAX);
	if (!compile_networks(plan, &o, NULL, &rules, &map, e))
		return false;
	ruleset_text(rules, &text);
	if (!buf_ok(&text))
		return err_set(e, ERR_LIMIT, "compile: the ruleset is larger than 1 GiB");
	(void)fputs(buf_cstr(&text), stdout);
	return true;
}

static int run(int argc, char **argv)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct source_options source = { 0 };
	struct err e = { 0 };
	int status;

	if (!cli_parse(&cli_compile, argc, argv, take, &source, NULL, &status))
		return status;
	if (!cli_source_check(&source, "compile", &e) || !cli_source_plan(&source, &plan, &e))
		return cli_usage_error(&e);
	cli_lints_print(plan);
	if (!print_ruleset(plan, &e))
		return cli_usage_error(&e);
	return CLI_OK;
}

static const char *const notes[] = {
	"Prints what the daemon would load into the kernel for the networks of the policy, as text that "
	"nft takes. Addresses of names and what is known about containers is filled in by the daemon: "
	"here those sets are empty.",
	NULL,
};

const struct cli_command cli_compile = {
	.name = "compile",
	.args = "",
	.summary = "print the kernel's rules for the networks of a policy",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};

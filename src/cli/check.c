/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport check: the plan that a policy file stands for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <idn2.h>

#include "base/macros.h"
#include "cli/cli.h"
#include "cli/policy_source.h"
#include "cli/show.h"
#include "net/mac.h"

enum { OPT_JSON, OPT_NETWORK_CONFIG, OPT_FIREWALL_CONFIG, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_NETWORK_CONFIG] = { "network-config", 0, "FILE", "Dockside's, in place of FILE" },
	[OPT_FIREWALL_CONFIG] = { "firewall-config", 0, "FILE", "Dockside's, in place of FILE" },
	[OPT_JSON] = { "json", 0, NULL, "print the plan as JSON" },
};

struct args {
	bool json;
	struct source_options source;
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;

	(void)e;
	if (!cli_source_take(&a->source, &options[option], arg) && option == OPT_JSON)
		a->json = true;
	return true;
}

/* ---- for people ---- */

/* Of a name in A-labels, behind it what a person would write. */
static void print_unicode(const struct dest *d)
{
	_cleanup_(freep) char *unicode = NULL;

	if ((d->target == DEST_NAME || d->target == DEST_WILDCARD) &&
	    idn2_to_unicode_8z8z(d->name->s, &unicode, 0) == IDN2_OK &&
	    !span_eq(span_of(unicode), name_span(d->name)))
		printf("  (%s)", unicode);
}

static void print_types(const struct plan_rule *r, int indent)
{
	if (r->n_qtypes == 0)
		return;
	printf("%*swith DNS types", indent, "");
	for (size_t i = 0; i < r->n_qtypes; i++)
		printf(" %s", plan_qtype_str(r->qtypes[i]));
	printf("\n");
}

static void print_rule(const struct plan *p, const struct plan_rule *r, int id_width)
{
	char id[SHOW_ID_MAX], where[512], dest[DEST_STR_MAX];
	int indent = 2 + id_width + 2 + 8 + 2;

	printf("  %-*s  %-8s  %s\n", id_width, show_rule_id(r, id), rule_action_str(r->action),
	       plan_rule_where(p, r, where, sizeof(where)));
	if (r->comment)
		printf("%*s# %s\n", indent, "", r->comment);
	for (size_t i = 0; i < r->n_dests; i++) {
		printf("%*s%s", indent, "", dest_show(&r->dests[i], show_use(r->action), dest));
		print_unicode(&r->dests[i]);
		printf("\n");
	}
	if (r->action == RULE_REDIRECT)
		printf("%*sto %s\n", indent, "", dest_show(r->to, DEST_FOR_ALLOW, dest));
	print_types(r, indent);
}

static void print_policy(const struct plan *plan, const struct plan_policy *p)
{
	char id[SHOW_ID_MAX];
	struct buf limits;
	int width = 0;

	buf_init(&limits, 256);
	plan_limits_str(&p->limits, &limits);
	printf("policy %s\n  mode %s, dns %s, ech %s%s%s\n", p->name, policy_mode_str(p->mode),
	       policy_dns_str(p->dns), policy_ech_str(p->ech), limits.n ? ", " : "",
	       buf_cstr(&limits));
	buf_done(&limits);
	for (size_t i = 0; i < p->n_rules; i++)
		width = MAX(width, (int)strlen(show_rule_id(&p->rules[i], id)));
	for (size_t i = 0; i < p->n_rules; i++)
		print_rule(plan, &p->rules[i], width);
	printf("  %s\n\n", p->mode == MODE_AUDIT ? "what no rule allows passes, and is logged" :
						   "what no rule allows is denied");
}

static void print_subnet(const struct plan_subnet *s)
{
	char prefix[PREFIX_STR_MAX], gateway[ADDR_STR_MAX];

	if (!s->prefix.addr.family)
		return;
	printf(", subnet %s", prefix_str(&s->prefix, prefix));
	if (s->gateway.family)
		printf(" (gateway %s)", addr_str(&s->gateway, gateway));
}

static void print_network(const struct plan_network *n)
{
	const struct plan_controller *c = &n->controller;
	char mac[MAC_STR_MAX], addr[ADDR_STR_MAX];

	printf("  bridge %s%s", n->bridge,
	       n->bridge_written ? "" : " unless the engine has another");
	print_subnet(&n->v4);
	print_subnet(&n->v6);
	printf(", lateral %s%s\n", n->lateral ? "allow" : "deny",
	       n->create ? ", created when it is not there" : "");
	if (n->has_controller)
		printf("  controller%s%s%s%s, egress %s\n", c->has_mac ? " mac " : "",
		       c->has_mac ? mac_str(c->mac, mac) : "", c->addr.family ? " ip " : "",
		       c->addr.family ? addr_str(&c->addr, addr) : "",
		       controller_egress_str(c->egress));
}

static void print_subject(const struct plan_subject *s)
{
	char subject[SHOW_SUBJECT_MAX];

	printf("%s %s: policy %s\n", subject_kind_str(s->kind), show_subject(s, subject),
	       s->policy->name);
	if (s->kind == SUBJECT_NETWORK)
		print_network(&s->network);
}

static void print_plan(const struct plan *p)
{
	for (size_t i = 0; i < p->n_policies; i++)
		print_policy(p, p->policies[i]);
	for (size_t i = 0; i < p->n_subjects; i++)
		print_subject(&p->subjects[i]);
}

/* ---- for programs ---- */

static json_t *rule_json(const struct plan *p, const struct plan_rule *r)
{
	json_t *o = json_object(), *dests = json_array(), *types;
	char text[DEST_STR_MAX];

	show_rule_json(o, p, r);
	json_object_set_new(o, "action", show_json(rule_action_str(r->action)));
	for (size_t i = 0; i < r->n_dests; i++)
		json_array_append_new(
			dests, show_json(dest_show(&r->dests[i], show_use(r->action), text)));
	json_object_set_new(o, "destinations", dests);
	if (r->action == RULE_REDIRECT)
		json_object_set_new(o, "to", show_json(dest_show(r->to, DEST_FOR_ALLOW, text)));
	if (r->n_qtypes) {
		types = json_array();
		for (size_t i = 0; i < r->n_qtypes; i++)
			json_array_append_new(types, show_json(plan_qtype_str(r->qtypes[i])));
		json_object_set_new(o, "types", types);
	}
	if (r->comment)
		json_object_set_new(o, "comment", show_json(r->comment));
	return o;
}

static json_t *limits_json(const struct plan_limits *l)
{
	json_t *o = json_object();

	if (l->connections)
		json_object_set_new(o, "connections", json_integer(l->connections));
	if (l->rate_bits_s)
		json_object_set_new(o, "rate_bits_s", json_integer((json_int_t)l->rate_bits_s));
	if (l->quota_bytes) {
		json_object_set_new(o, "quota_bytes", json_integer((json_int_t)l->quota_bytes));
		json_object_set_new(o, "quota_period_s", json_integer(l->quota_period_s));
	}
	return o;
}

static json_t *policy_json(const struct plan *plan, const struct plan_policy *p)
{
	json_t *o = json_object(), *rules = json_array();

	json_object_set_new(o, "name", show_json(p->name));
	json_object_set_new(o, "mode", show_json(policy_mode_str(p->mode)));
	json_object_set_new(o, "dns", show_json(policy_dns_str(p->dns)));
	json_object_set_new(o, "ech", show_json(policy_ech_str(p->ech)));
	json_object_set_new(o, "limits", limits_json(&p->limits));
	for (size_t i = 0; i < p->n_rules; i++)
		json_array_append_new(rules, rule_json(plan, &p->rules[i]));
	json_object_set_new(o, "rules", rules);
	return o;
}

static void subnet_json(json_t *list, const struct plan_subnet *s)
{
	char prefix[PREFIX_STR_MAX], gateway[ADDR_STR_MAX];
	json_t *o;

	if (!s->prefix.addr.family)
		return;
	o = json_object();
	json_object_set_new(o, "subnet", show_json(prefix_str(&s->prefix, prefix)));
	if (s->gateway.family)
		json_object_set_new(o, "gateway", show_json(addr_str(&s->gateway, gateway)));
	json_array_append_new(list, o);
}

static json_t *controller_json(const struct plan_controller *c)
{
	json_t *o = json_object();
	char mac[MAC_STR_MAX], addr[ADDR_STR_MAX];

	if (c->has_mac)
		json_object_set_new(o, "mac", show_json(mac_str(c->mac, mac)));
	if (c->addr.family)
		json_object_set_new(o, "ip", show_json(addr_str(&c->addr, addr)));
	json_object_set_new(o, "egress", show_json(controller_egress_str(c->egress)));
	return o;
}

static void network_json(json_t *o, const struct plan_network *n)
{
	json_t *subnets = json_array();

	subnet_json(subnets, &n->v4);
	subnet_json(subnets, &n->v6);
	json_object_set_new(o, "bridge", show_json(n->bridge));
	json_object_set_new(o, "bridge_written", json_boolean(n->bridge_written));
	json_object_set_new(o, "subnets", subnets);
	json_object_set_new(o, "lateral", show_json(n->lateral ? "allow" : "deny"));
	json_object_set_new(o, "create", json_boolean(n->create));
	if (n->has_controller)
		json_object_set_new(o, "controller", controller_json(&n->controller));
}

static json_t *subject_json(const struct plan_subject *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "kind", show_json(subject_kind_str(s->kind)));
	json_object_set_new(o, "id", show_json(s->id));
	if (s->user)
		json_object_set_new(o, "user", show_json(s->user));
	json_object_set_new(o, "policy", show_json(s->policy->name));
	if (s->kind == SUBJECT_NETWORK)
		network_json(o, &s->network);
	return o;
}

static json_t *lint_json(const struct lint *l)
{
	json_t *o = json_object();

	if (l->file)
		json_object_set_new(o, "file", show_json(l->file));
	json_object_set_new(o, "line", json_integer(l->at.line));
	json_object_set_new(o, "column", json_integer(l->at.column));
	json_object_set_new(o, "text", show_json(l->text));
	return o;
}

static json_t *plan_json(const struct plan *p)
{
	json_t *o = json_object(), *policies = json_array(), *subjects = json_array(),
	       *lints = json_array();

	for (size_t i = 0; i < p->n_policies; i++)
		json_array_append_new(policies, policy_json(p, p->policies[i]));
	for (size_t i = 0; i < p->n_subjects; i++)
		json_array_append_new(subjects, subject_json(&p->subjects[i]));
	for (size_t i = 0; i < p->n_lints; i++)
		json_array_append_new(lints, lint_json(&p->lints[i]));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "file", show_json(p->file));
	json_object_set_new(o, "policies", policies);
	json_object_set_new(o, "subjects", subjects);
	json_object_set_new(o, "warnings", lints);
	return o;
}

/* One FILE, or Dockside's two. */
static bool load(struct source_options *s, char **files, int n, struct plan **out, struct err *e)
{
	bool dockside = s->network_config || s->firewall_config;

	if (n != !dockside)
		return err_set(e, ERR_INVALID, "check: expected one FILE, or Dockside's two");
	if (!dockside)
		s->policy = files[0];
	return cli_source_check(s, "check", e) && cli_source_plan(s, out, e);
}

static int run(int argc, char **argv)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct args args = { 0 };
	struct err e = { 0 };
	int operands, status;

	if (!cli_parse(&cli_check, argc, argv, take, &args, &operands, &status))
		return status;
	if (!load(&args.source, argv + operands, argc - operands, &plan, &e))
		return cli_usage_error(&e);
	cli_lints_print(plan);
	if (args.json)
		show_json_print(plan_json(plan));
	else
		print_plan(plan);
	return CLI_OK;
}

static const char *const notes[] = {
	"Reads the policy FILE and prints what it stands for: every policy with the rules of those "
	"it extends, groups written out, in the order in which rules are tried. What is probably not "
	"meant is warned about on stderr. Ends with 0, or with 2 when the file has an error.",
	NULL,
};

const struct cli_command cli_check = {
	.name = "check",
	.args = "FILE",
	.summary = "print what a policy file stands for, or what is wrong with it",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};

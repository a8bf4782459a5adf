/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `policies: {NAME: {extends, mode, dns, ech, rules, limits}}`: one policy and its rules. */
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "policy/model.h"
#include "policy/schema.h"

/* limits: {connections, rate, quota} */

static bool read_connections(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct plan_limits *l = into;
	uint64_t n;

	if (v->kind != NODE_TEXT || node_is_null(v))
		return schema_err(d, v, v->key, "a number", e);
	if (!num_parse(node_span(v), "number of connections", 1, LIMIT_CONNECTIONS, &n, e))
		return doc_err_at(d, v->at, e);
	l->connections = (uint32_t)n;
	return true;
}

static bool read_rate(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_TEXT || node_is_null(v))
		return schema_err(d, v, v->key, "a rate like 50mbit", e);
	return limits_parse_rate(node_span(v), into, e) || doc_err_at(d, v->at, e);
}

static bool read_quota(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_TEXT || node_is_null(v))
		return schema_err(d, v, v->key, "a quota like 2GB/day", e);
	return limits_parse_quota(node_span(v), into, e) || doc_err_at(d, v->at, e);
}

static const struct schema_key limit_keys[] = {
	{ "connections", read_connections, false },
	{ "rate", read_rate, false },
	{ "quota", read_quota, false },
};

/* rules: [{allow | deny | redirect | ask, to, types, comment}] */

static bool read_action(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_rule *r = into;

	if (r->dests)
		return doc_err(
			d, v->key_at, e, ERR_INVALID,
			"read \"%s\" in a rule that already is \"%s\": expected one action a rule",
			v->key, rule_action_str(r->action));
	while (strcmp(v->key, rule_action_str(r->action)) != 0)
		r->action++;
	r->dests = v;
	return schema_entries(d, v, 1,
			      "one or more destinations, like [github.com, 203.0.113.5:22]", e);
}

static bool read_to(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_rule *r = into;

	if (v->kind != NODE_TEXT || node_is_null(v))
		return schema_err(d, v, v->key, "one destination, like db.internal:13306", e);
	r->to = v;
	return true;
}

static bool read_comment(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_rule *r = into;

	if (v->kind != NODE_TEXT)
		return schema_err(d, v, v->key, "a text", e);
	r->comment = v->text;
	return true;
}

static bool read_types(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_rule *r = into;
	uint16_t ignored;

	if (!schema_entries(d, v, 1, "one or more DNS types, like [MX, TXT]", e))
		return false;
	for (const struct node *c = entries_first(v); c; c = entries_next(v, c))
		if (!qtype_parse(node_span(c), &ignored, e))
			return doc_err_at(d, c->at, e);
	r->types = v;
	return true;
}

/* The actions stand first, in the order of their enum. */
static const struct schema_key rule_keys[] = {
	{ "allow", read_action, false },    { "deny", read_action, false },
	{ "redirect", read_action, false }, { "ask", read_action, false },
	{ "to", read_to, false },	    { "types", read_types, false },
	{ "comment", read_comment, true },
};

static bool check_rule(const struct doc *d, const struct node *v, const struct model_rule *r,
		       struct err *e)
{
	if (!r->dests)
		return doc_err(d, v->at, e, ERR_INVALID,
			       "a rule without an action: expected allow, deny, redirect or ask");
	if (r->action == RULE_REDIRECT && !r->to)
		return doc_err(d, v->at, e, ERR_INVALID,
			       "a redirect without \"to\": expected where it leads");
	if (r->action != RULE_REDIRECT && r->to)
		return doc_err(d, r->to->key_at, e, ERR_INVALID,
			       "read \"to\" in a rule that is \"%s\": only a redirect has it",
			       rule_action_str(r->action));
	if (r->action != RULE_ALLOW && r->types)
		return doc_err(d, r->types->key_at, e, ERR_INVALID,
			       "read \"types\" in a rule that is \"%s\": only an allow has it",
			       rule_action_str(r->action));
	return true;
}

static bool read_rules(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_policy *p = into;

	if (v->kind != NODE_LIST)
		return schema_err(d, v, v->key, "a list of rules, each after \"- \"", e);
	if (v->n > LIMIT_POLICY_RULES)
		return doc_err(d, v->at, e, ERR_LIMIT, "%zu rules: expected at most %u", v->n,
			       LIMIT_POLICY_RULES);
	p->rules = xcalloc(v->n, sizeof(*p->rules));
	for (const struct node *c = v->first; c; c = c->next) {
		struct model_rule *r = &p->rules[p->n_rules++];

		r->at = c->at;
		if (!schema_map(d, c, "a rule", rule_keys, ARRAY_LEN(rule_keys), r, e) ||
		    !check_rule(d, c, r, e))
			return false;
	}
	return true;
}

/* policies: {NAME: {extends, mode, dns, ech, rules, limits}} */

static bool read_extends(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_policy *p = into;

	p->extends = v;
	return schema_entries(d, v, 0, "names of policies, like [base]", e);
}

static bool read_mode(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_policy *p = into;
	size_t i;

	if (!schema_choice(d, v, policy_mode_names, MODE_COUNT, &i, e))
		return false;
	p->mode = (enum policy_mode)i;
	return true;
}

static bool read_dns(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_policy *p = into;
	size_t i;

	if (!schema_choice(d, v, policy_dns_names, DNS_MODE_COUNT, &i, e))
		return false;
	p->dns = (enum policy_dns)i;
	p->dns_written = true;
	return true;
}

static bool read_ech(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_policy *p = into;
	size_t i;

	if (!schema_choice(d, v, policy_ech_names, ECH_MODE_COUNT, &i, e))
		return false;
	p->ech = (enum policy_ech)i;
	return true;
}

static bool read_limits(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_policy *p = into;

	return schema_map(d, v, "limits", limit_keys, ARRAY_LEN(limit_keys), &p->limits, e);
}

static const struct schema_key policy_keys[] = {
	{ "extends", read_extends, true }, { "mode", read_mode, false },
	{ "dns", read_dns, false },	   { "ech", read_ech, false },
	{ "rules", read_rules, true },	   { "limits", read_limits, true },
};

bool model_policies_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model *m = into;

	if (v->kind != NODE_MAP)
		return schema_err(d, v, v->key, "a map of names and policies", e);
	m->policies = xcalloc(v->n, sizeof(*m->policies));
	for (const struct node *c = v->first; c; c = c->next) {
		struct model_policy *p = &m->policies[m->n_policies++];

		p->name = c->key;
		p->at = c->key_at;
		if (!schema_name(d, c, "policy", e))
			return false;
		if (strcmp(p->name, COMMAND_LINE) == 0)
			return doc_err(
				d, c->key_at, e, ERR_INVALID,
				"a policy called \"%s\": the name stands for what the command "
				"line adds",
				p->name);
		if (!node_is_null(c) &&
		    !schema_map(d, c, "a policy", policy_keys, ARRAY_LEN(policy_keys), p, e))
			return false;
	}
	return true;
}

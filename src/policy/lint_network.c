/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a policy has that means nothing, or something else, at a network: there the kernel judges by
 * addresses, and nobody reads along.
 */
#include <string.h>

#include "base/limits.h"
#include "policy/resolve.h"

/* A policy that two networks share, or two policies extend, says it once. first: of the notes that
 * are made here. */
static bool is_noted(const struct plan *p, size_t first, const struct plan_rule *rule,
		     struct pos at, const char *text)
{
	for (size_t i = first; i < p->n_lints; i++) {
		const struct lint *l = &p->lints[i];
		bool same_file = l->file && rule->file ? strcmp(l->file, rule->file) == 0 :
							 l->file == rule->file;

		if (same_file && l->at.line == at.line && l->at.column == at.column &&
		    strcmp(l->text, text) == 0)
			return true;
	}
	return false;
}

/* Why such a rule does not do there what it does in a jail; NULL: it does. */
static const char *why_not(const struct plan_rule *rule, const struct dest *d)
{
	if (rule->action == RULE_ASK)
		return ": there is nobody to ask yet";
	if (d->target == DEST_WILDCARD)
		return ": the kernel knows addresses, not which names lead there; write the names that "
		       "are meant";
	if (d->target == DEST_ANY_NAME)
		return ", where names are not seen: \"any\" is every address";
	return NULL;
}

static void lint_rule(struct resolver *r, const struct plan_rule *rule, struct pos at, size_t first)
{
	static const char *const does[RULE_ACTION_COUNT] = {
		[RULE_ALLOW] = "opens nothing",
		[RULE_DENY] = "denies no address",
		[RULE_REDIRECT] = "opens nothing",
		[RULE_ASK] = "is denied",
	};
	char shown[DEST_STR_MAX];
	struct buf text;

	buf_init(&text, 1024);
	for (size_t i = 0; i < rule->n_dests && r->plan->n_lints - first < LIMIT_POLICY_LINTS;
	     i++) {
		const struct dest *d = &rule->dests[i];
		const char *why = why_not(rule, d);

		if (!why)
			continue;
		buf_clear(&text);
		buf_fmt(&text, "\"%s\" %s at a network%s",
			dest_show(d, rule->action == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW,
				  shown),
			does[rule->action], why);
		if (!is_noted(r->plan, first, rule, at, buf_cstr(&text)))
			resolve_note(r, rule->file, at, "%s", buf_cstr(&text));
	}
	buf_done(&text);
}

static void lint_network(struct resolver *r, const struct plan_subject *s, size_t first)
{
	const struct plan_policy *p = s->policy;
	size_t number = plan_policy_number(r->plan, p);

	if (p->dns == DNS_VIRTUAL && r->model->policies[number].dns_written)
		resolve_note(r, NULL, s->at,
			     "the network \"%s\" is answered with real addresses, whatever \"dns: "
			     "virtual\" of \"%s\" says: names are enforced by address there",
			     s->id, p->name);
	if (p->limits.quota_bytes)
		resolve_note(r, NULL, s->at,
			     "the quota of \"%s\" is not kept at the network \"%s\"", p->name,
			     s->id);
	for (size_t i = 0; i < p->n_rules; i++)
		lint_rule(r, &p->rules[i], r->plan->places[number][i], first);
}

void resolve_lint_networks(struct resolver *r)
{
	size_t first = r->plan->n_lints;

	for (size_t i = 0; i < r->plan->n_subjects; i++)
		if (r->plan->subjects[i].kind == SUBJECT_NETWORK)
			lint_network(r, &r->plan->subjects[i], first);
}

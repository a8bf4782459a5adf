/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/nearest.h"
#include "policy/model.h"

const char *const rule_action_names[RULE_ACTION_COUNT] = {
	[RULE_ALLOW] = "allow",
	[RULE_DENY] = "deny",
	[RULE_REDIRECT] = "redirect",
	[RULE_ASK] = "ask",
};

const char *const policy_mode_names[MODE_COUNT] = {
	[MODE_ENFORCE] = "enforce",
	[MODE_AUDIT] = "audit",
};

const char *const policy_dns_names[DNS_MODE_COUNT] = {
	[DNS_VIRTUAL] = "virtual",
	[DNS_REAL] = "real",
	[DNS_OFF] = "off",
};

const char *const policy_ech_names[ECH_MODE_COUNT] = {
	[ECH_DENY] = "deny",
	[ECH_ALLOW] = "allow",
};

const char *const subject_kind_names[SUBJECT_KIND_COUNT] = {
	[SUBJECT_JAIL] = "jail",   [SUBJECT_NETWORK] = "network", [SUBJECT_CONTAINER] = "container",
	[SUBJECT_LABEL] = "label", [SUBJECT_CGROUP] = "cgroup",	  [SUBJECT_PROXY] = "proxy",
};

const char *const controller_egress_names[CONTROLLER_EGRESS_COUNT] = {
	[CONTROLLER_EXEMPT] = "exempt",
	[CONTROLLER_POLICED] = "policed",
};

const char *rule_action_str(enum rule_action a)
{
	return rule_action_names[a];
}

const char *policy_mode_str(enum policy_mode m)
{
	return policy_mode_names[m];
}

const char *policy_dns_str(enum policy_dns d)
{
	return policy_dns_names[d];
}

const char *policy_ech_str(enum policy_ech v)
{
	return policy_ech_names[v];
}

const char *subject_kind_str(enum subject_kind k)
{
	return subject_kind_names[k];
}

const char *controller_egress_str(enum controller_egress c)
{
	return controller_egress_names[c];
}

static void rule_done(struct plan_rule *r)
{
	free(r->dests);
	free(r->to);
	free(r->policy);
	free(r->file);
	free(r->comment);
	free(r->qtypes);
}

static void policy_done(struct plan_policy *p)
{
	for (size_t i = 0; i < p->n_rules; i++)
		rule_done(&p->rules[i]);
	free(p->rules);
	free(p->name);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_policies; i++)
		policy_done(&p->policies[i]);
	for (size_t i = 0; i < p->n_subjects; i++) {
		free(p->subjects[i].id);
		free(p->subjects[i].user);
	}
	for (size_t i = 0; i < p->n_lints; i++) {
		free(p->lints[i].file);
		free(p->lints[i].text);
	}
	free(p->policies);
	free(p->subjects);
	free(p->lints);
	free(p->file);
	free(p);
}

void plan_freep(struct plan **p)
{
	plan_free(*p);
	*p = NULL;
}

void plan_deny_network(struct plan *p, const char *id, const char *bridge)
{
	size_t n = p->n_policies, m = p->n_subjects;
	_cleanup_(freep) size_t *policy_of = xcalloc(m + 1, sizeof(*policy_of));
	struct plan_subject *s;

	for (size_t i = 0; i < m; i++)
		policy_of[i] = (size_t)(p->subjects[i].policy - p->policies);
	policy_of[m] = n;
	p->policies = xrealloc(p->policies, n + 1, sizeof(*p->policies));
	p->policies[n] = (struct plan_policy){ .name = xstrdup("removed"), .dns = DNS_OFF };
	p->n_policies = n + 1;
	p->subjects = xrealloc(p->subjects, m + 1, sizeof(*p->subjects));
	s = &p->subjects[m];
	*s = (struct plan_subject){ .kind = SUBJECT_NETWORK, .id = xstrdup(id) };
	s->network.left = true;
	(void)snprintf(s->network.bridge, sizeof(s->network.bridge), "%s", bridge);
	p->n_subjects = m + 1;
	for (size_t i = 0; i <= m; i++)
		p->subjects[i].policy = &p->policies[policy_of[i]];
}

bool plan_rule_prepend(struct plan_policy *p, enum rule_action action, const char *dest,
		       const char *name, unsigned place, struct err *e)
{
	enum dest_use use = action == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW;
	struct plan_rule *r;
	struct dest d;

	if (!dest_parse(span_of(dest), use, &d, e))
		return false;
	if (d.target == DEST_GROUP)
		return err_set(e, ERR_INVALID, "\"group/%s\" is a group: expected one destination",
			       d.group);
	p->rules = xrealloc(p->rules, p->n_rules + 1, sizeof(*p->rules));
	memmove(p->rules + 1, p->rules, p->n_rules * sizeof(*p->rules));
	p->n_rules++;
	r = &p->rules[0];
	*r = (struct plan_rule){ .action = action,
				 .dests = xcalloc(1, sizeof(d)),
				 .n_dests = 1,
				 .policy = xstrdup(name),
				 .index = place };
	r->dests[0] = d;
	return true;
}

const struct plan_policy *plan_policy_find(const struct plan *p, struct span name)
{
	for (size_t i = 0; i < p->n_policies; i++)
		if (span_eq(span_of(p->policies[i].name), name))
			return &p->policies[i];
	return NULL;
}

static bool err_no_policy(const struct plan *p, const char *use, struct err *e)
{
	struct nearest near = nearest_to(span_of(use));
	char shown[64];

	for (size_t i = 0; i < p->n_policies; i++)
		nearest_offer(&near, p->policies[i].name);
	span_show(span_of(use), shown, sizeof(shown));
	if (near.best)
		return err_set(e, ERR_INVALID, "there is no policy \"%s\": did you mean \"%s\"?",
			       shown, near.best);
	return err_set(e, ERR_INVALID, "there is no policy \"%s\"", shown);
}

bool plan_policy_pick(const struct plan *p, const char *use, const struct plan_policy **out,
		      struct err *e)
{
	const struct plan_policy *found = NULL;
	const char *other = NULL;

	if (use) {
		found = plan_policy_find(p, span_of(use));
		if (!found)
			return err_no_policy(p, use, e);
		*out = found;
		return true;
	}
	for (size_t i = 0; i < p->n_policies; i++) {
		if (p->policies[i].extended)
			continue;
		if (found)
			other = p->policies[i].name;
		else
			found = &p->policies[i];
	}
	/* In a plan some policy is extended by no other: there are no cycles. */
	if (!found || other)
		return err_set(
			e, ERR_INVALID,
			"which policy is meant: \"%s\", \"%s\" or another? choose with --use NAME",
			found ? found->name : "", other ? other : "");
	*out = found;
	return true;
}

const char *plan_rule_where(const struct plan *p, const struct plan_rule *r, char *out, size_t size)
{
	if (r->at.line == 0)
		(void)snprintf(out, size, "command line");
	else
		(void)snprintf(out, size, "%s:%u:%u", r->file ? r->file : p->file, r->at.line,
			       r->at.column);
	return out;
}

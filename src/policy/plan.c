/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/nearest.h"
#include "policy/model.h"

static const char *const rule_action_names[RULE_ACTION_COUNT] = {
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

static const char *const subject_kind_names[SUBJECT_KIND_COUNT] = {
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

/* ---- policies ---- */

struct plan_policy *plan_policy_new(const char *name)
{
	struct plan_policy *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	p->name = name ? arena_strdup(&p->arena, name) : NULL;
	return p;
}

struct plan_policy *plan_policy_ref(struct plan_policy *p)
{
	p->refs++;
	return p;
}

void plan_policy_unref(struct plan_policy *p)
{
	while (p && --p->refs == 0) {
		struct plan_policy *base = p->base;

		arena_done(&p->arena);
		free(p);
		p = base;
	}
}

void plan_policy_reserve(struct plan_policy *p, size_t n)
{
	p->rules = arena_array(&p->arena, n, struct plan_rule);
}

/* ---- plans ---- */

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_policies; i++) {
		plan_policy_unref(p->policies[i]);
		free(p->places[i]);
	}
	for (size_t i = 0; i < p->n_subjects; i++) {
		free(p->subjects[i].id);
		free(p->subjects[i].user);
	}
	for (size_t i = 0; i < p->n_lints; i++) {
		free(p->lints[i].file);
		free(p->lints[i].text);
	}
	free(p->policies);
	free(p->places);
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

struct pos *plan_policy_add(struct plan *p, struct plan_policy *take, size_t n_places)
{
	size_t n = p->n_policies++;

	p->policies = xrealloc(p->policies, n + 1, sizeof(*p->policies));
	p->places = xrealloc(p->places, n + 1, sizeof(*p->places));
	p->policies[n] = take;
	p->places[n] = n_places ? xcalloc(n_places, sizeof(struct pos)) : NULL;
	return p->places[n];
}

static struct pos *copy_places(const struct plan *p, size_t i)
{
	size_t size = p->policies[i]->n_rules * sizeof(struct pos);

	return p->places[i] ? memcpy(xmalloc(size), p->places[i], size) : NULL;
}

struct plan *plan_copy(const struct plan *p)
{
	struct plan *to = xcalloc(1, sizeof(*to));

	to->file = p->file ? xstrdup(p->file) : NULL;
	to->policies = xcalloc(p->n_policies, sizeof(*to->policies));
	to->places = xcalloc(p->n_policies, sizeof(*to->places));
	to->n_policies = p->n_policies;
	for (size_t i = 0; i < p->n_policies; i++) {
		to->policies[i] = plan_policy_ref(p->policies[i]);
		to->places[i] = copy_places(p, i);
	}
	to->subjects = xcalloc(p->n_subjects, sizeof(*to->subjects));
	to->n_subjects = p->n_subjects;
	for (size_t i = 0; i < p->n_subjects; i++) {
		struct plan_subject *s = &to->subjects[i];

		*s = p->subjects[i];
		s->id = xstrdup(s->id);
		s->user = s->user ? xstrdup(s->user) : NULL;
	}
	return to;
}

void plan_audit(struct plan *p)
{
	for (size_t i = 0; i < p->n_policies; i++)
		p->policies[i]->mode = MODE_AUDIT;
}

static bool is_named(const struct plan *p, const char *id)
{
	for (size_t i = 0; i < p->n_subjects; i++)
		if (strcmp(p->subjects[i].id, id) == 0)
			return true;
	return false;
}

/* Its own name, or where another bridge has that now, one that no network can have: with an @. */
static char *name_of_left(const struct plan *p, const struct plan_subject *was)
{
	char *id = xstrdup(was->id);

	while (is_named(p, id)) {
		char *longer = xasprintf("%s@%s", id, was->network.bridge);

		free(id);
		id = longer;
	}
	return id;
}

void plan_deny_network(struct plan *p, const struct plan_subject *was)
{
	char *id = name_of_left(p, was);
	struct plan_policy *policy;
	struct plan_subject *s;

	/* One that had left before is the same as before. */
	if (was->network.left) {
		policy = plan_policy_ref(was->policy);
	} else {
		policy = plan_policy_new("removed");
		policy->dns = DNS_OFF;
	}
	(void)plan_policy_add(p, policy, 0);
	p->subjects = xrealloc(p->subjects, p->n_subjects + 1, sizeof(*p->subjects));
	s = &p->subjects[p->n_subjects++];
	*s = (struct plan_subject){
		.kind = SUBJECT_NETWORK, .id = id, .policy = policy, .network.left = true
	};
	memcpy(s->network.bridge, was->network.bridge, sizeof(s->network.bridge));
}

static void drop_policy(struct plan *p, struct plan_policy *policy)
{
	size_t i = plan_policy_number(p, policy), behind = p->n_policies - i - 1;

	free(p->places[i]);
	memmove(p->policies + i, p->policies + i + 1, behind * sizeof(*p->policies));
	memmove(p->places + i, p->places + i + 1, behind * sizeof(*p->places));
	p->n_policies--;
	plan_policy_unref(policy);
}

void plan_drop_left(struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_subjects; i++) {
		struct plan_subject *s = &p->subjects[i];

		if (!s->network.left) {
			p->subjects[n++] = *s;
			continue;
		}
		drop_policy(p, s->policy);
		free(s->id);
	}
	p->n_subjects = n;
}

/* ---- a rule in front ---- */

/* For rules that are added one by one: a copy of all others is made for so many at once, and for twice as many
 * the next time, for all copies are kept. */
#define PREPEND_ROOM	 16U
#define PREPEND_ROOM_MAX 1024U

static size_t prepend_room(const struct plan_policy *p)
{
	size_t room = PREPEND_ROOM;

	for (; p->base && room < PREPEND_ROOM_MAX; p = p->base)
		room *= 2;
	return room;
}

/* The policy as one that is the plan's alone, with room before its rules. */
static struct plan_policy *own_policy(struct plan *p, size_t i)
{
	struct plan_policy *old = p->policies[i], *own;
	size_t room = prepend_room(old);
	struct plan_rule *rules;

	if (old->refs == 1 && old->room > 0)
		return old;
	own = xcalloc(1, sizeof(*own));
	*own = *old;
	own->refs = 1;
	own->arena = (struct arena){ 0 };
	own->base = old; /* with the plan's reference */
	rules = arena_array(&own->arena, room + old->n_rules, struct plan_rule);
	own->rules = rules + room;
	own->room = room;
	if (old->n_rules)
		memcpy(own->rules, old->rules, old->n_rules * sizeof(*rules));
	for (size_t k = 0; k < p->n_subjects; k++)
		if (p->subjects[k].policy == old)
			p->subjects[k].policy = own;
	p->policies[i] = own;
	return own;
}

/* The rule in front stands nowhere. */
static void shift_places(struct plan *p, size_t i)
{
	size_t n = p->policies[i]->n_rules;

	if (!p->places[i])
		return;
	p->places[i] = xrealloc(p->places[i], n + 1, sizeof(struct pos));
	memmove(p->places[i] + 1, p->places[i], n * sizeof(struct pos));
	p->places[i][0] = (struct pos){ 0 };
}

bool plan_rule_prepend(struct plan *p, size_t policy, enum rule_action action, const char *dest,
		       const char *name, unsigned index, struct err *e)
{
	enum dest_use use = action == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW;
	_cleanup_(arena_done) struct arena a = { 0 };
	struct plan_policy *own;
	struct plan_rule *r;
	struct dest d;

	if (!dest_parse(span_of(dest), use, &a, &d, e))
		return false;
	if (d.target == DEST_GROUP)
		return err_set(e, ERR_INVALID, "\"group/%s\" is a group: expected one destination",
			       d.group);
	own = own_policy(p, policy);
	shift_places(p, policy);
	own->flat = (struct span){ 0 };
	own->room--;
	own->n_rules++;
	r = --own->rules;
	*r = (struct plan_rule){ .action = action,
				 .dests = arena_array(&own->arena, 1, struct dest),
				 .n_dests = 1,
				 .policy = arena_strdup(&own->arena, name),
				 .index = index,
				 .added = true };
	r->dests[0] = dest_keep(&d, &own->arena);
	return true;
}

static bool is_added_allow(const struct plan_rule *r)
{
	return r->added && r->action == RULE_ALLOW;
}

static void drop_added_allows(struct plan *p, size_t i)
{
	struct plan_policy *own = own_policy(p, i);
	struct pos *places = p->places[i];
	size_t n = 0;

	for (size_t k = 0; k < own->n_rules; k++) {
		if (is_added_allow(&own->rules[k]))
			continue;
		if (places)
			places[n] = places[k];
		own->rules[n++] = own->rules[k];
	}
	own->n_rules = n;
	own->flat = (struct span){ 0 };
}

bool plan_drop_added_allows(struct plan *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n_policies; i++) {
		const struct plan_policy *policy = p->policies[i];
		size_t k = 0;

		while (k < policy->n_rules && policy->rules[k].added &&
		       !is_added_allow(&policy->rules[k]))
			k++;
		if (k == policy->n_rules || !policy->rules[k].added)
			continue;
		drop_added_allows(p, i);
		any = true;
	}
	return any;
}

/* ---- looking up ---- */

size_t plan_policy_number(const struct plan *p, const struct plan_policy *policy)
{
	size_t i = 0;

	while (i < p->n_policies && p->policies[i] != policy)
		i++;
	return i;
}

struct pos plan_rule_at(const struct plan *p, const struct plan_rule *r)
{
	for (size_t i = 0; i < p->n_policies; i++) {
		const struct plan_rule *rules = p->policies[i]->rules;

		if (r >= rules && r < rules + p->policies[i]->n_rules)
			return p->places[i] ? p->places[i][r - rules] : (struct pos){ 0 };
	}
	return (struct pos){ 0 };
}

const struct plan_policy *plan_policy_find(const struct plan *p, struct span name)
{
	for (size_t i = 0; i < p->n_policies; i++)
		if (span_eq(span_of(p->policies[i]->name), name))
			return p->policies[i];
	return NULL;
}

static bool err_no_policy(const struct plan *p, const char *use, struct err *e)
{
	struct nearest near = nearest_to(span_of(use));
	char shown[64];

	for (size_t i = 0; i < p->n_policies; i++)
		nearest_offer(&near, p->policies[i]->name);
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
		if (p->policies[i]->extended)
			continue;
		if (found)
			other = p->policies[i]->name;
		else
			found = p->policies[i];
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
	struct pos at = plan_rule_at(p, r);

	if (at.line == 0)
		(void)snprintf(out, size, "command line");
	else
		(void)snprintf(out, size, "%s:%u:%u", r->file ? r->file : p->file, at.line,
			       at.column);
	return out;
}

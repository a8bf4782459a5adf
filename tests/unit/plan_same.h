/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two plans that a process works by alike: all but the lints. */
#ifndef SALLYPORT_TESTS_UNIT_PLAN_SAME_H
#define SALLYPORT_TESTS_UNIT_PLAN_SAME_H

#include "dest_same.h"
#include "policy/plan.h"

static inline bool text_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline bool rule_same(const struct plan_rule *a, const struct plan_rule *b)
{
	if (a->action != b->action || a->n_dests != b->n_dests || a->n_qtypes != b->n_qtypes)
		return false;
	for (size_t i = 0; i < a->n_dests; i++)
		if (!dest_same(&a->dests[i], &b->dests[i]))
			return false;
	for (size_t i = 0; i < a->n_qtypes; i++)
		if (a->qtypes[i] != b->qtypes[i])
			return false;
	if (!a->to != !b->to || (a->to && !dest_same(a->to, b->to)))
		return false;
	return text_same(a->policy, b->policy) && a->index == b->index &&
	       text_same(a->file, b->file) && text_same(a->comment, b->comment) &&
	       a->private_names == b->private_names && a->added == b->added;
}

static inline bool limits_same(const struct plan_limits *a, const struct plan_limits *b)
{
	return a->connections == b->connections && a->rate_bits_s == b->rate_bits_s &&
	       a->quota_bytes == b->quota_bytes && a->quota_period_s == b->quota_period_s;
}

static inline bool policy_same(const struct plan_policy *a, const struct plan_policy *b)
{
	if (!text_same(a->name, b->name) || a->mode != b->mode || a->dns != b->dns ||
	    a->ech != b->ech || a->dns_by_rules != b->dns_by_rules || a->extended != b->extended ||
	    !limits_same(&a->limits, &b->limits) || a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (!rule_same(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

static inline bool network_same(const struct plan_network *a, const struct plan_network *b)
{
	const struct plan_controller *x = &a->controller, *y = &b->controller;

	return strcmp(a->bridge, b->bridge) == 0 && a->bridge_written == b->bridge_written &&
	       addr_eq(&a->v4.prefix.addr, &b->v4.prefix.addr) &&
	       a->v4.prefix.len == b->v4.prefix.len && addr_eq(&a->v4.gateway, &b->v4.gateway) &&
	       addr_eq(&a->v6.prefix.addr, &b->v6.prefix.addr) &&
	       a->v6.prefix.len == b->v6.prefix.len && addr_eq(&a->v6.gateway, &b->v6.gateway) &&
	       a->lateral == b->lateral && a->create == b->create &&
	       a->has_controller == b->has_controller && x->has_mac == y->has_mac &&
	       memcmp(x->mac, y->mac, sizeof(x->mac)) == 0 && addr_eq(&x->addr, &y->addr) &&
	       x->egress == y->egress;
}

/* The policies of each are compared elsewhere: here, whether it is the same one of them. */
static inline bool subject_alike(const struct plan *a, const struct plan_subject *x,
				 const struct plan *b, const struct plan_subject *y)
{
	return x->kind == y->kind && text_same(x->id, y->id) && text_same(x->user, y->user) &&
	       plan_policy_number(a, x->policy) == plan_policy_number(b, y->policy) &&
	       x->at.line == y->at.line && x->at.column == y->at.column &&
	       network_same(&x->network, &y->network);
}

static inline bool places_same(const struct pos *a, const struct pos *b, size_t n)
{
	if (!a != !b)
		return false;
	for (size_t i = 0; a && i < n; i++)
		if (a[i].line != b[i].line || a[i].column != b[i].column)
			return false;
	return true;
}

/* plan_same() asks for the same policies, this for equal ones. */
static inline bool plan_alike(const struct plan *a, const struct plan *b)
{
	if (!text_same(a->file, b->file) || a->n_policies != b->n_policies)
		return false;
	for (size_t i = 0; i < a->n_policies; i++)
		if (!policy_same(a->policies[i], b->policies[i]) ||
		    !places_same(a->places[i], b->places[i], a->policies[i]->n_rules))
			return false;
	if (a->n_subjects != b->n_subjects)
		return false;
	for (size_t i = 0; i < a->n_subjects; i++)
		if (!subject_alike(a, &a->subjects[i], b, &b->subjects[i]))
			return false;
	return true;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "policy/plan.h"

static bool text_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool subnet_same(const struct plan_subnet *a, const struct plan_subnet *b)
{
	return addr_eq(&a->prefix.addr, &b->prefix.addr) && a->prefix.len == b->prefix.len &&
	       addr_eq(&a->gateway, &b->gateway);
}

static bool controller_same(const struct plan_controller *a, const struct plan_controller *b)
{
	return a->has_mac == b->has_mac && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       addr_eq(&a->addr, &b->addr) && a->egress == b->egress;
}

static bool network_same(const struct plan_network *a, const struct plan_network *b)
{
	return strcmp(a->bridge, b->bridge) == 0 && a->bridge_written == b->bridge_written &&
	       subnet_same(&a->v4, &b->v4) && subnet_same(&a->v6, &b->v6) &&
	       a->lateral == b->lateral && a->left == b->left && a->create == b->create &&
	       a->has_controller == b->has_controller &&
	       controller_same(&a->controller, &b->controller);
}

bool plan_subject_same(const struct plan_subject *a, const struct plan_subject *b)
{
	return a->kind == b->kind && strcmp(a->id, b->id) == 0 && text_same(a->user, b->user) &&
	       a->policy == b->policy && network_same(&a->network, &b->network);
}

bool plan_same(const struct plan *a, const struct plan *b)
{
	if (a->n_policies != b->n_policies || a->n_subjects != b->n_subjects)
		return false;
	for (size_t i = 0; i < a->n_policies; i++)
		if (a->policies[i] != b->policies[i])
			return false;
	for (size_t i = 0; i < a->n_subjects; i++)
		if (!plan_subject_same(&a->subjects[i], &b->subjects[i]))
			return false;
	return true;
}

void plan_swap_places(struct plan *a, struct plan *b)
{
	struct pos **places = a->places;
	char *file = a->file;

	a->places = b->places;
	b->places = places;
	a->file = b->file;
	b->file = file;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subjects: each with its policy, and no two that are one. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/resolve.h"

static const char *user_of(const struct plan_subject *s)
{
	return s->user ? s->user : "";
}

static int compare_subjects(const void *a, const void *b)
{
	const struct plan_subject *x = *(const struct plan_subject *const *)a;
	const struct plan_subject *y = *(const struct plan_subject *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (strcmp(x->id, y->id) != 0)
		return strcmp(x->id, y->id);
	if (strcmp(user_of(x), user_of(y)) != 0)
		return strcmp(user_of(x), user_of(y));
	/* In the order of the text: they lie in one array. */
	return x < y ? -1 : 1;
}

static bool check_twice(const struct resolver *r, struct err *e)
{
	size_t n = r->plan->n_subjects;
	_cleanup_(freep) const struct plan_subject **sorted = xcalloc(n, sizeof(void *));

	for (size_t i = 0; i < n; i++)
		sorted[i] = &r->plan->subjects[i];
	qsort(sorted, n, sizeof(*sorted), compare_subjects);
	for (size_t i = 1; i < n; i++)
		if (sorted[i - 1]->kind == sorted[i]->kind &&
		    strcmp(sorted[i - 1]->id, sorted[i]->id) == 0 &&
		    strcmp(user_of(sorted[i - 1]), user_of(sorted[i])) == 0)
			return doc_err(&r->model->doc, sorted[i]->at, e, ERR_INVALID,
				       "the %s \"%s\" has a policy already, from line %u",
				       subject_kind_str(sorted[i]->kind), sorted[i]->id,
				       sorted[i - 1]->at.line);
	return true;
}

/* The network before this one that has its bridge, or NULL. */
static const struct plan_subject *same_bridge(const struct plan *p, const struct plan_subject *s)
{
	for (const struct plan_subject *o = p->subjects; o < s; o++)
		if (o->kind == SUBJECT_NETWORK && strcmp(o->network.bridge, s->network.bridge) == 0)
			return o;
	return NULL;
}

/* A bridge is what the kernel knows a network by. */
static bool check_networks(const struct resolver *r, struct err *e)
{
	const struct plan *p = r->plan;
	const struct plan_subject *other;
	size_t n = 0;

	for (size_t i = 0; i < p->n_subjects; i++) {
		const struct plan_subject *s = &p->subjects[i];
		const struct node *written = r->model->subjects[i].network.bridge;

		if (s->kind != SUBJECT_NETWORK)
			continue;
		if (++n > LIMIT_NETWORKS)
			return doc_err(&r->model->doc, s->at, e, ERR_LIMIT,
				       "one network more than %d: expected fewer in one file",
				       LIMIT_NETWORKS);
		other = same_bridge(p, s);
		if (other)
			return doc_err(&r->model->doc, written ? written->at : s->at, e,
				       ERR_INVALID,
				       "the bridge \"%s\" is that of the network \"%s\", from line "
				       "%u: expected one of its own",
				       s->network.bridge, other->id, other->at.line);
	}
	return true;
}

bool resolve_subjects(struct resolver *r, struct err *e)
{
	struct plan *plan = r->plan;

	plan->subjects = xcalloc(r->model->n_subjects, sizeof(*plan->subjects));
	for (size_t i = 0; i < r->model->n_subjects; i++) {
		const struct model_subject *m = &r->model->subjects[i];
		struct plan_subject *s = &plan->subjects[plan->n_subjects++];
		const struct model_policy *p;

		s->kind = m->kind;
		s->id = xstrdup(m->id->text);
		s->user = m->user ? xstrdup(m->user->text) : NULL;
		s->network = m->network.plan;
		s->at = m->at;
		if (!resolve_find_policy(r, m->policy, &p, e))
			return false;
		s->policy = plan->policies[p - r->model->policies];
	}
	return check_twice(r, e) && check_networks(r, e);
}

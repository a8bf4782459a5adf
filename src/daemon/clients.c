/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/clients.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/listen.h"

struct making {
	const struct clients_options *o;
	struct gate_setup *setup;
	size_t cap;
};

static bool same_listener(const struct gate_listener *a, const struct gate_listener *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

static bool is_at(const struct plan_subject *s, const struct gate_listener *l)
{
	struct gate_listener at;
	struct err ignored;

	return s->kind == SUBJECT_PROXY && listen_parse(span_of(s->id), &at, &ignored) &&
	       same_listener(&at, l);
}

static bool err_subject(const struct plan *p, const struct plan_subject *s, struct err *e)
{
	return err_wrap(e, "%s:%u:%u", p->file ? p->file : "", s->at.line, s->at.column);
}

bool clients_listeners(const struct plan *p, struct gate_listener *list, size_t *n, struct err *e)
{
	for (size_t i = 0; i < p->n_subjects; i++) {
		const struct plan_subject *s = &p->subjects[i];
		struct gate_listener l;
		size_t k = 0;

		if (s->kind != SUBJECT_PROXY)
			continue;
		if (!listen_parse(span_of(s->id), &l, e))
			return err_subject(p, s, e);
		while (k < *n && !same_listener(&list[k], &l))
			k++;
		if (k < *n)
			continue;
		if (*n == GATE_LISTENERS_MAX)
			return err_set(e, ERR_LIMIT, "more than %d places to listen at",
				       GATE_LISTENERS_MAX);
		list[(*n)++] = l;
	}
	return true;
}

static bool add(struct making *m, size_t listener, const struct plan_policy *policy,
		const struct user *user, bool needs_login, struct err *e)
{
	struct gate_client c = { .listener = (uint16_t)listener, .needs_login = needs_login };

	if (m->setup->n_clients == LIMIT_SUBJECTS)
		return err_set(e, ERR_LIMIT, "more than %d users and listeners", LIMIT_SUBJECTS);
	c.policy = (uint16_t)plan_policy_number(m->setup->plan, policy);
	if (user) {
		memcpy(c.user, user->name, sizeof(c.user));
		memcpy(c.token, user->token, sizeof(c.token));
	}
	vec_push(m->setup->clients, m->setup->n_clients, m->cap, c);
	return true;
}

/* Two subjects can write one listener in two ways; only one of their policies would count. */
static bool has_policy(const struct making *m, size_t listener, const struct plan_subject *s)
{
	for (size_t i = 0; i < m->setup->n_clients; i++)
		if (m->setup->clients[i].listener == listener &&
		    strcmp(m->setup->clients[i].user, s->user ? s->user : "") == 0)
			return true;
	return false;
}

static bool add_subject(struct making *m, size_t listener, const struct plan_subject *s,
			struct err *e)
{
	const struct user *user;

	if (has_policy(m, listener, s)) {
		(void)err_set(e, ERR_INVALID, "the proxy \"%s\" has a policy already", s->id);
		return err_subject(m->setup->plan, s, e);
	}
	if (!s->user)
		return add(m, listener, s->policy, NULL, false, e);
	user = m->o->users ? users_find(m->o->users, s->user) : NULL;
	if (user)
		return add(m, listener, s->policy, user, false, e);
	(void)err_set(e, ERR_INVALID, "there is no secret for the user \"%s\"%s", s->user,
		      m->o->users ? " in the file of --users" : ": give one with --users FILE");
	return err_subject(m->setup->plan, s, e);
}

/* Every client of it is under one policy. */
static bool add_unnamed(struct making *m, size_t listener, struct err *e)
{
	size_t n_users = m->o->users ? m->o->users->n : 0;
	const struct plan_policy *policy;

	if (!plan_policy_pick(m->setup->plan, m->o->use, &policy, e) ||
	    !add(m, listener, policy, NULL, m->o->users != NULL, e))
		return false;
	for (size_t i = 0; i < n_users; i++)
		if (!add(m, listener, policy, &m->o->users->items[i], false, e))
			return false;
	return true;
}

static bool add_listener(struct making *m, size_t listener, struct err *e)
{
	const struct plan *p = m->setup->plan;
	bool named = false, nobody = false;

	for (size_t i = 0; i < p->n_subjects; i++) {
		const struct plan_subject *s = &p->subjects[i];

		if (!is_at(s, &m->o->listeners[listener]))
			continue;
		named = true;
		nobody |= !s->user;
		if (!add_subject(m, listener, s, e))
			return false;
	}
	if (!named)
		return add_unnamed(m, listener, e);
	return nobody || add(m, listener, p->policies[0], NULL, true, e);
}

/* A subject that asks for a listener which is not there would go without its policy. */
static bool check_subjects(const struct making *m, struct err *e)
{
	const struct plan *p = m->setup->plan;

	for (size_t i = 0; i < p->n_subjects; i++) {
		const struct plan_subject *s = &p->subjects[i];
		size_t k = 0;

		if (s->kind != SUBJECT_PROXY)
			continue;
		while (k < m->o->n_listeners && !is_at(s, &m->o->listeners[k]))
			k++;
		if (k < m->o->n_listeners)
			continue;
		(void)err_set(e, ERR_INVALID,
			      "nothing listens at %s: a new listener takes a restart", s->id);
		return err_subject(p, s, e);
	}
	return true;
}

bool clients_setup(struct plan *take_plan, const struct clients_options *o, struct gate_setup **out,
		   struct err *e)
{
	_cleanup_(gate_setup_freep) struct gate_setup *s = xcalloc(1, sizeof(*s));
	struct making m = { .o = o, .setup = s };

	s->plan = take_plan;
	for (size_t i = 0; i < o->n_listeners; i++)
		if (!add_listener(&m, i, e))
			return false;
	if (!check_subjects(&m, e))
		return false;
	*out = steal(&s);
	return true;
}

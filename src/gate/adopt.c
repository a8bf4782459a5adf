/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The orders of a supervisor: a new setup takes the old one's place while it serves. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "gate/installed.h"
#include "gate/internal.h"
#include "gate/refresh.h"

static bool read_setup(int fd, uint64_t size, struct gate_setup **out, struct err *e)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t at = 0;

	if (size > LIMIT_PLAN_FLAT)
		return err_set(e, ERR_LIMIT, "the setup is too large");
	bytes = xmalloc(size + 1);
	while (at < size) {
		ssize_t n = RETRY_EINTR(read(fd, bytes + at, size - at));

		if (n <= 0)
			return err_set(e, ERR_SYSTEM, "the setup is cut at byte %zu", at);
		at += (size_t)n;
	}
	return setup_decode((struct span){ bytes, size }, out, e);
}

/* The same clients: those whose secret is another have to say the new one. */
static bool same_client(const struct gate_client *a, const struct gate_client *b)
{
	return a->listener == b->listener && a->needs_login == b->needs_login &&
	       strcmp(a->user, b->user) == 0 && memcmp(a->token, b->token, sizeof(a->token)) == 0;
}

static struct subject *successor(const struct subject *old, struct subject *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_client(old->client, list[i].client))
			return &list[i];
	return NULL;
}

/* What an old subject has used up, its successor has, too. */
static void inherit(struct subject *s, struct subject *old)
{
	meter_carry(&s->meter, &old->meter);
	s->wild = old->wild;
	old->wild = (struct wild){ 0 };
}

static size_t replace_subjects(struct gate *g, struct subject *list, size_t n)
{
	_cleanup_(freep) struct subject **next = xcalloc(MAX(g->n_subjects, 1), sizeof(*next));
	struct subject *old = g->subjects;
	size_t n_old = g->n_subjects, ended;

	for (size_t i = 0; i < n_old; i++) {
		next[i] = successor(&old[i], list, n);
		if (next[i])
			inherit(next[i], &old[i]);
	}
	g->subjects = list;
	g->n_subjects = n;
	ended = conns_rejudge(g->conns, next);
	for (size_t i = 0; i < n_old; i++)
		subject_done(&old[i]);
	free(old);
	return ended;
}

static void tell_adopted(const struct gate *g, const char *why)
{
	struct gate_message m = { .kind = GATE_ADOPTED, .adopted.generation = g->generation };

	(void)snprintf(m.adopted.why, sizeof(m.adopted.why), "%.190s", why);
	gate_insist(g, &m);
}

/* Those of a daemon have nothing that lasts but questions, which dns.c judges anew. */
static void adopt_networks(struct gate *g, struct gate_setup *setup)
{
	struct gate_message m = { .kind = GATE_SETTLED };
	struct gate_setup *old = g->setup;

	for (size_t i = 0; i < g->n_subjects; i++)
		subject_done(&g->subjects[i]);
	free(g->subjects);
	g->setup = setup;
	g->n_subjects = setup->n_networks;
	g->subjects = xcalloc(setup->n_networks, sizeof(*g->subjects));
	for (size_t i = 0; i < setup->n_networks; i++) {
		const struct gate_network *n = &setup->networks[i];

		subject_init(&g->subjects[i], g, (uint16_t)i, setup->plan,
			     setup->plan->policies[n->policy], NULL);
		g->subjects[i].network = n;
	}
	gate_setup_free(old);
	tell_adopted(g, "");
	m.settled.generation = g->generation;
	gate_insist(g, &m);
}

/* Takes setup over. */
static void adopt(struct gate *g, struct gate_setup *setup)
{
	struct gate_message m = { .kind = GATE_SETTLED };
	struct subject *list = xcalloc(setup->n_clients, sizeof(*list));
	struct gate_setup *old = g->setup;

	for (size_t i = 0; i < setup->n_clients; i++) {
		const struct gate_client *c = &setup->clients[i];

		subject_init(&list[i], g, (uint16_t)i, setup->plan,
			     setup->plan->policies[c->policy], c);
	}
	g->setup = setup;
	for (size_t i = 0; i < setup->plan->n_policies; i++)
		gate_know_hosts(g, setup->plan->policies[i]);
	tell_adopted(g, "");
	m.settled.generation = g->generation;
	m.settled.ended = replace_subjects(g, list, setup->n_clients);
	gate_setup_free(old);
	conns_accept(g->conns);
	gate_insist(g, &m);
}

static void take_setup(struct gate *g, const struct gate_order *order, int fd)
{
	struct gate_setup *setup;
	struct err e;

	if (!read_setup(fd, order->setup.size, &setup, &e)) {
		tell_adopted(g, e.msg);
		return;
	}
	g->generation = order->setup.generation;
	if (g->o->kind == GATE_DAEMON)
		adopt_networks(g, setup);
	else
		adopt(g, setup);
}

static void tell_counts(const struct gate *g)
{
	struct gate_message m = { .kind = GATE_COUNTS,
				  .counts = { .generation = g->generation,
					      .connections = g->conns ? conns_count(g->conns) : 0,
					      .lost = g->farewell } };

	gate_insist(g, &m);
}

bool adopt_order(struct gate *g)
{
	_cleanup_(fd_closep) int fd = -1;
	struct gate_order order;
	struct err e;
	size_t n;

	if (!fd_receive_upto(g->o->report_fd, &order, sizeof(order), &fd, 1, &n, &e))
		return false;
	switch (order.kind) {
	case GATE_ORDER_SETUP:
		take_setup(g, &order, fd);
		break;
	case GATE_ORDER_COUNT:
		tell_counts(g);
		break;
	case GATE_ORDER_RESOLVE:
		if (g->refreshes)
			refreshes_order(g->refreshes, &order.resolve);
		break;
	case GATE_ORDER_INSTALLED:
		if (g->installed)
			installed_put(g->installed, &order.installed);
		break;
	}
	return true;
}

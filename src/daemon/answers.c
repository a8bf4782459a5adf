/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The questions of containers for names. The rules bring them to the gate (NET-nat); the gate is told
 * which bridges it answers, by which policy, and what: the addresses that are in the kernel's sets.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "daemon/dns_sockets.h"
#include "daemon/enforcer.h"
#include "policy/flat.h"
#include "policy/network_dns.h"

/* ---- events */

static void on_event(void *ctx, const struct gate_setup *s, const struct event *ev)
{
	struct enforcer *f = ctx;
	const struct gate_network *n = &s->networks[ev->subject];
	const struct plan_policy *p = s->plan->policies[n->policy];
	char subject[LIMIT_NETWORK_NAME + 16];

	if (ev->rule < -1 || ev->rule >= (int32_t)p->n_rules)
		return;
	(void)snprintf(subject, sizeof(subject), "network:%s", s->plan->subjects[n->subject].id);
	f->o->on_event(f->o->ctx, ev, subject, p);
}

/* ---- whom the gate answers */

/* Those of the policy in force whose bridges are there; at most LIMIT_NETWORKS. */
static size_t networks_now(const struct enforcer *f, struct gate_network *out)
{
	const struct plan *p = f->now.plan;
	size_t n = 0;

	for (size_t i = 0; i < f->n_ports; i++) {
		const struct port_state *st = &f->ports_of[i];
		const struct plan_policy *policy = p->subjects[st->subject].policy;
		size_t place = plan_policy_number(p, policy);

		/* A plan with more than that is answered in part. */
		if (!st->there || !policy_captures_dns(policy) || place > UINT16_MAX ||
		    st->subject > UINT16_MAX)
			continue;
		out[n++] = (struct gate_network){ .ifindex = (uint32_t)st->bridge.index,
						  .policy = (uint16_t)place,
						  .subject = (uint16_t)st->subject };
	}
	return n;
}

static bool answers_so(const struct enforcer *f, const struct gate_network *list, size_t n)
{
	const struct gate_setup *s = gate_child_newest(&f->gate);

	if (!s || s->n_networks == 0)
		return n == 0;
	return f->answering == f->now.generation && s->n_networks == n &&
	       memcmp(s->networks, list, n * sizeof(*list)) == 0;
}

static void set_up(struct enforcer *f, const struct gate_network *list, size_t n)
{
	static const struct plan none;
	_cleanup_(gate_setup_freep) struct gate_setup *s = xcalloc(1, sizeof(*s));

	s->plan = plan_copy(n ? f->now.plan : &none);
	plan_drop_left(s->plan); /* which is answered nothing, and is behind the others */
	s->networks = xcalloc(n + 1, sizeof(*s->networks));
	memcpy(s->networks, list, n * sizeof(*list));
	s->n_networks = n;
	gate_child_offer(&f->gate, steal(&s));
}

static void on_refused(void *ctx, const char *why)
{
	struct enforcer *f = ctx;

	f->answering = 0;
	enforcer_story("containers' DNS is answered as before: the gate: %s", why);
}

void answers_follow(struct enforcer *f)
{
	struct gate_network list[LIMIT_NETWORKS];
	size_t n = f->dns_port ? networks_now(f, list) : 0;

	if (answers_so(f, list, n))
		return;
	set_up(f, list, n);
	f->answering = f->now.generation;
}

/* ---- what it answers */

static int latest_first(const void *a, const void *b)
{
	const struct names_address *x = a, *y = b;

	return (x->until_ms < y->until_ms) - (x->until_ms > y->until_ms);
}

/* Of either family those that stay longest, as many as an answer can have, and only what is opened. */
static void choose(const struct enforcer *f, size_t name, const struct names_address *sorted,
		   size_t n, struct gate_installed *out)
{
	uint64_t now_ms = clock_ms();
	size_t n_of[2] = { 0 };

	for (size_t i = 0; i < n && out->n < GATE_ADDRESSES_MAX; i++) {
		const struct names_address *a = &sorted[i];

		if (a->until_ms <= now_ms || !named_opens(f->now.named, name, &a->addr) ||
		    n_of[a->addr.family == AF_INET6]++ >= LIMIT_DNS_ADDRESSES)
			continue;
		out->addrs[out->n] = a->addr;
		out->left_s[out->n++] =
			(uint32_t)MIN((a->until_ms - now_ms) / 1000, (uint64_t)UINT32_MAX);
	}
}

void answers_tell(struct enforcer *f, size_t name)
{
	_cleanup_(freep) struct names_address *sorted = NULL;
	const struct names_address *known;
	struct gate_installed what = { 0 };
	struct err ignored;
	size_t n;

	/* The next gate is told of every name. */
	if (!f->dns_port || f->gate.report < 0)
		return;
	known = names_addresses(f->names, name, &n);
	sorted = xcalloc(n + 1, sizeof(*sorted));
	if (n > 0)
		memcpy(sorted, known, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), latest_first);
	name_copy(&what.name, f->now.map.names[name]);
	what.outcome = names_outcome(f->names, name);
	choose(f, name, sorted, n, &what);
	(void)!gate_child_installed(&f->gate, &what, &ignored);
}

void answers_tell_all(struct enforcer *f)
{
	f->untold = false;
	for (size_t i = 0; i < f->now.map.n_names; i++)
		answers_tell(f, i);
}

static void forget(struct enforcer *f, const struct name *n)
{
	struct gate_installed what = { .outcome = GATE_NO_ANSWER };
	struct err ignored;

	name_copy(&what.name, n);
	if (f->dns_port && f->gate.report >= 0)
		(void)!gate_child_installed(&f->gate, &what, &ignored);
}

/* Other addresses of the name are opened now than were. */
static bool opens_others(const struct enforcer *f, const struct inforce *was, size_t i, size_t j)
{
	const struct names_address *known;
	size_t n;

	if (named_alike(was->named, i, f->now.named, j))
		return false;
	known = names_addresses(f->names, j, &n);
	for (size_t k = 0; k < n; k++)
		if (named_opens(was->named, i, &known[k].addr) !=
		    named_opens(f->now.named, j, &known[k].addr))
			return true;
	return false;
}

void answers_step(struct enforcer *f, const struct inforce *before)
{
	const struct network_map *was = &before->map, *now = &f->now.map;
	size_t i = 0, j = 0;

	while (i < was->n_names || j < now->n_names) {
		int order = i == was->n_names ? 1 :
			    j == now->n_names ? -1 :
						strcmp(was->names[i]->s, now->names[j]->s);

		if (order < 0) {
			forget(f, was->names[i++]);
		} else if (order > 0) {
			answers_tell(f, j++);
		} else if (opens_others(f, before, i, j)) {
			answers_tell(f, j++);
			i++;
		} else {
			i++;
			j++;
		}
	}
}

/* ---- the sockets */

void answers_open(struct enforcer *f)
{
	struct gate_options *g = &f->gate_options;
	uint16_t port = 0;
	struct err e;

	if (!dns_sockets_open(&port, &g->dns_fd, &g->dns_tcp_fd, &e)) {
		enforcer_story("containers' DNS is not answered: %s", e.msg);
		g->dns_fd = g->dns_tcp_fd = -1;
		return;
	}
	f->dns_port = port;
	f->gate.on_event = on_event;
	f->gate.on_refused = on_refused;
}

void answers_close(struct enforcer *f)
{
	if (!f->dns_port)
		return;
	fd_closep(&f->gate_options.dns_fd);
	fd_closep(&f->gate_options.dns_tcp_fd);
}

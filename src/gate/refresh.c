/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/refresh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "gate/internal.h"
#include "gate/lookup.h"

/* Names that are asked for at one time, each with a question for either family. */
#define RUNNING_MAX (LIMIT_DNS_PENDING / 2)

struct refresh {
	TAILQ_ENTRY(refresh) link; /* of waiting, or of answered */
	struct refreshes *all;
	uint32_t left; /* lookups still to be made */
	bool found, no_name, answered_v4, answered_v6;
	struct lookup *lookup;	      /* under way, or NULL */
	struct gate_message *message; /* NULL before its first turn: there may be many */
	struct gate_resolve order;
};

TAILQ_HEAD(refresh_list, refresh);

struct refreshes {
	struct gate *gate;
	struct resolver *resolver; /* apart from the clients' own, who could fill that one */
	struct refresh_list waiting, running, answered;
	size_t n_running;
	bool starting;			/* inside start_some(): it goes on by itself */
	const struct gate_host **hosts; /* sorted by name */
};

static int by_name(const void *a, const void *b)
{
	const struct gate_host *x = *(const struct gate_host *const *)a;
	const struct gate_host *y = *(const struct gate_host *const *)b;

	return strcmp(x->name.s, y->name.s);
}

struct refreshes *refreshes_new(struct gate *g)
{
	struct refreshes *all = xcalloc(1, sizeof(*all));
	const struct gate_options *o = g->o;

	all->gate = g;
	all->resolver = resolver_new(&g->loop, o->upstreams, o->n_upstreams);
	resolver_forget(all->resolver);
	TAILQ_INIT(&all->waiting);
	TAILQ_INIT(&all->running);
	TAILQ_INIT(&all->answered);
	all->hosts = xcalloc(MAX(o->n_hosts, 1), sizeof(const struct gate_host *));
	for (size_t i = 0; i < o->n_hosts; i++)
		all->hosts[i] = &o->hosts[i];
	qsort(all->hosts, o->n_hosts, sizeof(const struct gate_host *), by_name);
	return all;
}

static void free_list(struct refresh_list *list)
{
	struct refresh *r;

	while ((r = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, r, link);
		lookup_cancel(&r->lookup);
		free(r->message);
		free(r);
	}
}

void refreshes_free(struct refreshes *all)
{
	if (!all)
		return;
	free_list(&all->waiting);
	free_list(&all->running);
	free_list(&all->answered);
	resolver_free(all->resolver);
	free(all->hosts);
	free(all);
}

static void begin(struct refresh *r)
{
	if (r->message)
		return;
	r->message = xcalloc(1, sizeof(*r->message));
	r->message->kind = GATE_RESOLVED;
	r->message->resolved = (struct gate_resolved){ .id = r->order.id, .name = r->order.name };
}

static void add_address(struct gate_resolved *out, const struct addr *a)
{
	for (size_t i = 0; i < out->n; i++)
		if (addr_eq(&out->addrs[i], a))
			return;
	if (out->n < GATE_ADDRESSES_MAX)
		out->addrs[out->n++] = *a;
}

/* The name is in the host's table, which is not asked for upstream. */
static bool answer_from_table(struct refresh *r)
{
	const struct refreshes *all = r->all;
	size_t n = all->gate->o->n_hosts, lo = 0, hi = n;
	struct gate_resolved *out;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(all->hosts[mid]->name.s, r->order.name.s) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == n || !name_eq(&all->hosts[lo]->name, &r->order.name))
		return false;
	begin(r);
	out = &r->message->resolved;
	out->ttl_s = LIMIT_DNS_TTL_CEIL;
	for (; lo < n && name_eq(&all->hosts[lo]->name, &r->order.name); lo++)
		add_address(out, &all->hosts[lo]->addr);
	return true;
}

/* What the lookups together say. */
static void conclude(struct refresh *r)
{
	struct gate_resolved *out = &r->message->resolved;

	out->failed_v4 = !r->answered_v4;
	out->failed_v6 = !r->answered_v6;
	if (out->failed_v4 && out->failed_v6)
		out->outcome = GATE_NO_ANSWER;
	else if (r->no_name && !r->found)
		out->outcome = GATE_NO_NAME;
	else
		out->outcome = GATE_FOUND;
}

static void start_some(struct refreshes *all);

static void on_lookup(void *ctx, const struct lookup_result *l)
{
	struct refresh *r = ctx;
	struct refreshes *all = r->all;
	struct gate_resolved *out = &r->message->resolved;

	TAILQ_REMOVE(&all->running, r, link);
	all->n_running--;
	r->answered_v4 |= !l->failed_v4;
	r->answered_v6 |= !l->failed_v6;
	r->no_name |= l->no_name;
	r->found |= l->n > 0;
	if (!l->failed_v4 || !l->failed_v6)
		out->ttl_s = out->ttl_s ? MIN(out->ttl_s, l->ttl_s) : l->ttl_s;
	for (size_t i = 0; i < l->n; i++)
		add_address(out, &l->addrs[i]);
	if (--r->left) {
		TAILQ_INSERT_HEAD(&all->waiting, r, link);
	} else {
		conclude(r);
		TAILQ_INSERT_TAIL(&all->answered, r, link);
	}
	if (!all->starting)
		start_some(all);
}

/* A lookup can be answered before it has been begun; that makes no recursion here. */
static void start_some(struct refreshes *all)
{
	struct refresh *r;

	all->starting = true;
	while (all->n_running < RUNNING_MAX && (r = TAILQ_FIRST(&all->waiting))) {
		TAILQ_REMOVE(&all->waiting, r, link);
		TAILQ_INSERT_TAIL(&all->running, r, link);
		all->n_running++;
		begin(r);
		lookup_start(&r->lookup, all->resolver, &r->order.name, on_lookup, r);
	}
	all->starting = false;
	refreshes_tell(all);
}

void refreshes_order(struct refreshes *all, const struct gate_resolve *order)
{
	struct refresh *r = xcalloc(1, sizeof(*r));

	r->all = all;
	r->order = *order;
	r->left = MIN(MAX(order->queries, 1), GATE_QUERIES_MAX);
	if (answer_from_table(r)) {
		TAILQ_INSERT_TAIL(&all->answered, r, link);
		refreshes_tell(all);
		return;
	}
	TAILQ_INSERT_TAIL(&all->waiting, r, link);
	start_some(all);
}

void refreshes_tell(struct refreshes *all)
{
	struct refresh *r;

	while ((r = TAILQ_FIRST(&all->answered)) && gate_tell(all->gate, r->message)) {
		TAILQ_REMOVE(&all->answered, r, link);
		free(r->message);
		free(r);
	}
	watch_for(all->gate->supervisor, UV_READABLE | (r ? UV_WRITABLE : 0));
}

bool gate_resolved_valid(const struct gate_resolved *r)
{
	struct name n;
	struct err ignored;

	if (r->name.len > LIMIT_NAME || r->name.s[r->name.len] != '\0' ||
	    !name_parse(name_span(&r->name), &n, &ignored) || !name_eq(&n, &r->name) ||
	    r->outcome >= GATE_OUTCOME_COUNT || r->n > GATE_ADDRESSES_MAX ||
	    r->ttl_s > LIMIT_DNS_TTL_CEIL)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (!addr_valid(&r->addrs[i]))
			return false;
	return true;
}

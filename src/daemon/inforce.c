/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy is put in force: compiled, loaded in one transaction, and the one before retired. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/enforcer.h"

void inforce_done(struct inforce *p)
{
	named_free(p->named);
	ruleset_free(p->rules);
	network_map_done(&p->map);
	plan_free(p->plan);
	tunings_done(&p->tunings);
	*p = (struct inforce){ 0 };
}

/* ---- what has left the policy and is still there */

static const struct plan_subject *find_bridge(const struct plan *p, const char *bridge)
{
	for (size_t i = 0; p && i < p->n_subjects; i++)
		if (p->subjects[i].kind == SUBJECT_NETWORK &&
		    strcmp(p->subjects[i].network.bridge, bridge) == 0)
			return &p->subjects[i];
	return NULL;
}

static size_t count_networks(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_subjects; i++)
		n += p->subjects[i].kind == SUBJECT_NETWORK;
	return n;
}

static bool has_ports(struct enforcer *f, const char *bridge)
{
	_cleanup_(freep) struct links_port *ports = NULL;
	struct links_bridge b;
	struct err ignored;
	bool found;
	size_t n;

	/* What cannot be read counts as lived in: it stays denied. */
	if (!links_bridge(f->links, bridge, &found, &b, &ignored))
		return true;
	return found && (!links_ports(f->links, b.index, &ports, &n, &ignored) || n > 0);
}

/* A network without a policy of its own any more: as long as somebody is in it, it may reach nothing. So is the bridge
 * that a network had before. When there are very many, the policy that would let them go is refused. */
static bool keep_denied(struct enforcer *f, const struct plan *was, struct plan *next,
			struct err *e)
{
	for (size_t i = 0; was && i < was->n_subjects; i++) {
		const struct plan_subject *s = &was->subjects[i];

		if (s->kind != SUBJECT_NETWORK || find_bridge(next, s->network.bridge) ||
		    !has_ports(f, s->network.bridge))
			continue;
		if (count_networks(next) >= LIMIT_NETWORKS_HELD)
			return err_set(e, ERR_LIMIT,
				       "network %s is no longer in the policy, containers are on "
				       "its bridge %s, and so many such networks are confined "
				       "already that it could not be: remove containers first",
				       s->id, s->network.bridge);
		plan_deny_network(next, s);
	}
	return true;
}

/* ---- making it */

static struct addr address_of(void *ctx, const struct name *n, int family)
{
	const struct names_address *a;
	size_t count = lookups_addresses(ctx, n, &a);

	/* A local name may lead into the administrator's own networks, and nowhere else that is
	 * closed to names. */
	for (size_t i = 0; i < count; i++)
		if (a[i].addr.family == family &&
		    (!addr_forbidden(&a[i].addr) ||
		     (name_is_local(n) && addr_is_private(&a[i].addr))))
			return a[i].addr;
	return (struct addr){ 0 };
}

/* What is known of the names already, so that nothing has to be asked for again. */
static void fill_named(struct enforcer *f, struct inforce *p)
{
	uint64_t now = clock_ms();

	p->named = named_new(p->plan, p->rules, &p->map);
	for (size_t i = 0; i < p->map.n_names; i++) {
		const struct names_address *a;
		size_t n = lookups_addresses(f, p->map.names[i], &a);

		for (size_t j = 0; j < n; j++)
			named_put(p->named, i, &a[j].addr, a[j].until_ms, true, now, NULL);
	}
}

/* What is learned is in the rules only while all of them are loaded. */
static void empty_learned(struct ruleset *r)
{
	for (int family = 0; family < RS_FAMILY_COUNT; family++)
		for (size_t i = 0; i < r->tables[family].n_sets; i++)
			if (r->tables[family].sets[i]->flags & RS_SET_LEARNED)
				rs_set_clear(r->tables[family].sets[i]);
}

static void fill_learned(struct enforcer *f, struct inforce *p)
{
	held_fill(p);
	named_fill(p->named, clock_ms());
	ports_fill(f, p);
}

static bool make(struct enforcer *f, struct inforce *p, struct err *e)
{
	_cleanup_(freep) const struct name **tuned = tunings_names(&p->tunings);
	struct network_options o = { .names = tuned,
				     .n_names = p->tunings.n,
				     .address = address_of,
				     .ctx = f,
				     .dns_port = f->dns_port,
				     .by_port = f->lacks.bridge_name,
				     .no_bridge_reject = f->lacks.bridge_reject,
				     .unpinned = f->o->once };

	if (!compile_networks(p->plan, &o, f->now.rules ? &f->now.map : NULL, &p->rules, &p->map,
			      e))
		return false;
	if (!f->now.rules)
		lookups_seed(f, p);
	fill_named(f, p);
	return true;
}

/* ---- loading it */

/* What is in force differs from what is to come: only by what the rulesets differ in. */
static bool is_step(const struct enforcer *f, const struct inforce *next)
{
	return f->now.rules && !f->wrong[0] && !ports_move(f, next);
}

static bool load_step(struct enforcer *f, const struct inforce *next, struct err *e)
{
	const struct inforce *was = &f->now;
	struct changes before = { 0 }, after = { 0 };
	uint64_t now = clock_ms();
	struct err why;
	bool ok;

	named_step(was->named, next->named, now, &before, &after);
	ok = held_begin(f, was, next, e) && tables_change(f->tables, before.items, before.n, e) &&
	     tables_load(f->tables, was->rules, next->rules, e) &&
	     tables_change(f->tables, after.items, after.n, e) && held_end(f, was, next, e);
	/* Half of the way is no place to stay: the old one is loaded anew, whole, with what was learned since. Sets that
	 * both have were filled for the next one. */
	if (!ok) {
		empty_learned(next->rules);
		if (!inforce_reload(f, &why))
			enforcer_story("the policy before could not be loaded again: %s", why.msg);
	}
	changes_done(&before);
	changes_done(&after);
	return ok;
}

/* All of it is made anew. */
static bool load_whole(struct enforcer *f, const struct inforce *p, struct err *e)
{
	struct err why;

	if (!tables_load(f->tables, NULL, p->rules, e))
		return false;
	if (!held_end(f, NULL, p, &why)) {
		enforcer_story("nothing can begin in the networks for a moment: %s", why.msg);
		f->meddled = true;
		drift_soon(f);
	}
	return true;
}

static bool load(struct enforcer *f, struct inforce *next, bool step, struct err *e)
{
	bool ok;

	fill_learned(f, next);
	ok = step ? load_step(f, next, e) : load_whole(f, next, e);
	empty_learned(next->rules);
	return ok;
}

/* Names, ports and flows follow; the one before is the caller's. */
static void take_place(struct enforcer *f, struct inforce *next, struct inforce *was)
{
	*was = f->now;
	f->now = *next;
	*next = (struct inforce){ 0 };
	f->now.generation = was->generation + 1;
	f->torn_down = false;
	f->wrong[0] = '\0';
	lookups_follow(f);
	answers_step(f, was);
	ports_look(f);
}

/* The policy is loaded, but cannot be kept: the one before is in force again, where there is one. */
static void go_back(struct enforcer *f, struct inforce *was)
{
	struct inforce failed = f->now;
	struct err e;

	if (!was->rules)
		return;
	f->now = *was;
	*was = (struct inforce){ 0 };
	f->now.generation = failed.generation + 1;
	lookups_follow(f);
	if (!inforce_reload(f, &e)) {
		enforcer_story("the policy before could not be loaded again: %s", e.msg);
		drift_soon(f);
	}
	answers_step(f, &failed);
	ports_look(f);
	inforce_done(&failed);
}

/* Of a step what is not of `was` as well. `once` reads all of it at its end. */
static bool read_back(struct enforcer *f, const struct ruleset *was, struct err *e)
{
	return f->o->once ||
	       tables_compare(f->tables, f->now.rules, was, f->wrong, sizeof(f->wrong), e);
}

static bool is_same(const struct inforce *p, const struct inforce *next)
{
	return p->rules && plan_same(p->plan, next->plan) &&
	       tunings_same(&p->tunings, &next->tunings);
}

static bool put(struct enforcer *f, struct inforce *take_next, struct inforce *was,
		struct ctl_plan *out, struct err *e)
{
	struct inforce *next = take_next;
	struct err later;
	bool made = make(f, next, e), step = made && is_step(f, next);

	if (!made || !load(f, next, step, e)) {
		inforce_done(next);
		lookups_follow(f); /* names were seeded for what was to come */
		return false;
	}
	take_place(f, next, was);
	*out = (struct ctl_plan){ .generation = f->now.generation, .changed = true };
	if (!read_back(f, step ? was->rules : NULL, e)) {
		go_back(f, was);
		return false;
	}
	/* Containers choose how many flows there are: they must not choose the policy by it. */
	if (!flows_sweep(f, &out->ended, &later))
		enforcer_story("%s: tried again soon", later.msg);
	if (f->wrong[0] || f->unswept)
		drift_soon(f);
	return true;
}

bool inforce_put(struct enforcer *f, struct inforce *take_next, struct inforce *was,
		 struct ctl_plan *out, struct err *e)
{
	char differed[sizeof(f->wrong)];

	*was = (struct inforce){ 0 };
	if (!keep_denied(f, f->now.plan, take_next->plan, e)) {
		inforce_done(take_next);
		return false;
	}
	if (!is_same(&f->now, take_next))
		return put(f, take_next, was, out, e);
	plan_swap_places(f->now.plan, take_next->plan);
	inforce_done(take_next);
	*out = (struct ctl_plan){ .generation = f->now.generation };
	return drift_check(f, differed, sizeof(differed), e);
}

bool inforce_change(struct enforcer *f, struct inforce *take_next, struct ctl_plan *out,
		    struct err *e)
{
	struct inforce was;

	if (!inforce_put(f, take_next, &was, out, e))
		return false;
	inforce_done(&was);
	return true;
}

struct inforce inforce_copy(const struct inforce *p)
{
	struct inforce copy = { .plan = plan_copy(p->plan), .tunings = tunings_copy(&p->tunings) };

	plan_drop_left(copy.plan);
	return copy;
}

bool inforce_again(struct enforcer *f, struct err *e)
{
	struct inforce next, was = { 0 };
	struct ctl_plan result;

	if (!f->now.plan)
		return true;
	next = inforce_copy(&f->now);
	if (!keep_denied(f, f->now.plan, next.plan, e)) {
		inforce_done(&next);
		return false;
	}
	if (!put(f, &next, &was, &result, e))
		return false;
	inforce_done(&was);
	return true;
}

bool inforce_reload(struct enforcer *f, struct err *e)
{
	bool ok;

	fill_learned(f, &f->now);
	ok = load_whole(f, &f->now, e);
	empty_learned(f->now.rules);
	if (!ok)
		return false;
	f->wrong[0] = '\0';
	f->unfilled = false;
	if (f->untold)
		answers_tell_all(f);
	return true;
}

bool inforce_remove(struct enforcer *f, bool *had, struct err *e)
{
	uint64_t generation;

	if (!tables_remove(f->tables, had, e))
		return false;
	f->torn_down = true;
	(void)trial_confirm(f);
	generation = f->now.generation;
	inforce_done(&f->now);
	f->now.generation = generation; /* which goes on */
	lookups_follow(f);
	ports_look(f);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names: asked of the gate when they are due, and what it answers put into the sets of the kernel. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/enforcer.h"

/* Names that are asked for in one turn, so that the loop does other things between. */
#define TURN 256

/* Until it is tried again to make the rules anew. */
#define AGAIN_MS 1000

/* Names may take half of a reply; a name without its addresses takes about so much. */
#define JSON_NAMES_BYTES (LIMIT_CONTROL_BYTES / 2)
#define JSON_NAME_BYTES	 200

/* Where a rule redirects to is part of the rules themselves: they have to be made anew. */
static bool is_target(const struct enforcer *f, size_t name)
{
	return f->targets && f->targets[name];
}

/* Containers are told of an address when it is in the sets, not before. */
static void tell_changed(struct enforcer *f, const struct names_changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (i == 0 || c->items[i].name != c->items[i - 1].name)
			answers_tell(f, c->items[i].name);
}

static void take_changes(struct enforcer *f, const struct names_changes *c)
{
	struct changes *out = &f->changes;
	uint64_t now = clock_ms();
	struct err e;

	for (size_t i = 0; i < c->n; i++) {
		const struct names_change *x = &c->items[i];
		uint64_t until_ms = f->o->once ? 0 : x->address.until_ms;

		if (x->kind == NAMES_REMOVED)
			named_drop(f->now.named, x->name, &x->address.addr, out);
		else
			named_put(f->now.named, x->name, &x->address.addr, until_ms,
				  x->kind == NAMES_ADDED, now, out);
		if (x->kind == NAMES_EXTENDED)
			continue;
		f->reverse_stale = true;
		if (is_target(f, x->name))
			timer_restart(f->again, 0);
	}
	if (out->n && !f->torn_down && !tables_change(f->tables, out->items, out->n, &e)) {
		enforcer_story("addresses of names could not be put into the tables: %s", e.msg);
		f->untold = f->unfilled = true;
		drift_soon(f);
	} else {
		tell_changed(f, c);
	}
	changes_clear(out);
}

static void sleep_until_due(struct enforcer *f)
{
	uint64_t next = names_next_ms(f->names), now = clock_ms();

	if (next != UINT64_MAX)
		timer_restart(f->names_due, next > now ? next - now : 0);
}

static void on_due(void *ctx)
{
	struct enforcer *f = ctx;
	struct names_question ask[TURN];
	struct names_changes changes = { 0 };
	size_t n = names_due(f->names, clock_ms(), ask, TURN, &changes);
	struct err e;

	take_changes(f, &changes);
	free(changes.items);
	for (size_t i = 0; i < n; i++)
		if (!gate_child_resolve(&f->gate, ask[i].name, f->now.map.names[ask[i].name],
					ask[i].queries, &e))
			break; /* it is being started anew, and then all is asked again */
	sleep_until_due(f);
}

static void on_resolved(void *ctx, const struct gate_resolved *r)
{
	struct enforcer *f = ctx;
	struct names_changes changes = { 0 };
	size_t name;

	if (names_answer(f->names, r, clock_ms(), &changes)) {
		take_changes(f, &changes);
		/* That it has no address is news, too. */
		if (changes.n == 0 && names_find(f->names, &r->name, &name))
			answers_tell(f, name);
		sleep_until_due(f);
		enforcer_settle(f);
	}
	free(changes.items);
}

void lookups_gate(struct enforcer *f)
{
	struct gate_options *g = &f->gate_options;

	*g = (struct gate_options){
		.hosts = f->o->hosts,
		.n_hosts = f->o->n_hosts,
		.n_upstreams = f->o->n_upstreams,
		.kind = GATE_DAEMON,
	};
	memcpy(g->upstreams, f->o->upstreams, sizeof(g->upstreams));
	f->gate = (struct gate_child){ .o = g, .on_resolved = on_resolved, .ctx = f, .report = -1 };
}

static void on_again(void *ctx)
{
	struct enforcer *f = ctx;
	struct err e;

	if (inforce_again(f, &e))
		return;
	enforcer_story("the rules could not be made anew: %s", e.msg);
	timer_restart(f->again, AGAIN_MS);
}

void lookups_start(struct enforcer *f)
{
	f->names = names_new((uint32_t)clock_ms());
	f->names_due = timer_new(&f->loop, 0, 0, on_due, f);
	f->again = timer_new(&f->loop, 0, 0, on_again, f);
}

static void want(struct enforcer *f, const struct inforce *p)
{
	const struct network_map *m = &p->map;
	_cleanup_(freep) struct names_wanted *list = xcalloc(m->n_names + 1, sizeof(*list));
	struct names_pace pace = tunings_pace(&p->tunings);

	for (size_t i = 0; i < m->n_names; i++) {
		name_copy(&list[i].name, m->names[i]);
		list[i].tuning = tunings_find(&p->tunings, m->names[i]);
	}
	names_set_pace(f->names, &pace);
	names_set(f->names, list, m->n_names, clock_ms());
	f->reverse_stale = true;
}

static void find_targets(struct enforcer *f)
{
	const struct plan *p = f->now.plan;
	size_t at;

	free(f->targets);
	f->targets = xcalloc(f->now.map.n_names + 1, sizeof(*f->targets));
	for (size_t i = 0; p && i < p->n_policies; i++)
		for (size_t j = 0; j < p->policies[i]->n_rules; j++) {
			const struct plan_rule *r = &p->policies[i]->rules[j];

			if (r->action == RULE_REDIRECT && r->to->target == DEST_NAME &&
			    names_find(f->names, r->to->name, &at))
				f->targets[at] = true;
		}
}

void lookups_follow(struct enforcer *f)
{
	want(f, &f->now);
	find_targets(f);
	sleep_until_due(f);
}

void lookups_again(struct enforcer *f)
{
	names_unanswered(f->names, clock_ms());
	sleep_until_due(f);
}

void lookups_refresh(struct enforcer *f)
{
	names_refresh_all(f->names, clock_ms());
	sleep_until_due(f);
}

size_t lookups_addresses(const struct enforcer *f, const struct name *n,
			 const struct names_address **out)
{
	size_t at, count = 0;

	if (!f->names || !names_find(f->names, n, &at))
		return 0;
	*out = names_addresses(f->names, at, &count);
	return count;
}

/* ---- what an earlier daemon has left in the kernel */

static int by_comment(const void *a, const void *b)
{
	const struct network_map_use *const *x = a, *const *y = b;

	return strcmp((*x)->use->comment, (*y)->use->comment);
}

/* An element's comment says by which name it came. */
static void seed_from(struct enforcer *f, const struct network_map_use **sorted, size_t n_sorted,
		      const struct rs_set *s)
{
	_cleanup_(rs_elements_done) struct rs_elements elements = { 0 };
	bool v6 = s->fields[0] == RS_IP6_DADDR;
	struct err ignored;

	if (!tables_elements(f->tables, RS_INET, s, &elements, &ignored))
		return;
	for (size_t i = 0; i < elements.n; i++) {
		const struct rs_element *el = &elements.items[i];
		struct addr a = v6 ? addr_from_v6(el->key) : addr_from_v4(el->key);
		const struct network_name_use wanted = { .comment = el->comment };
		const struct network_map_use in = { .use = &wanted };
		const struct network_map_use *key = &in, **found;

		found = bsearch(&key, sorted, n_sorted, sizeof(*sorted), by_comment);
		if (found && el->timeout_ms)
			names_seed(f->names, (*found)->name, &a, el->timeout_ms, clock_ms());
	}
}

void lookups_seed(struct enforcer *f, const struct inforce *next)
{
	const struct network_map *m = &next->map;
	_cleanup_(freep)
		const struct network_map_use **sorted = xcalloc(m->n_uses + 1, sizeof(*sorted));
	const struct rs_table *t = &next->rules->tables[RS_INET];

	want(f, next);
	for (size_t i = 0; i < m->n_uses; i++)
		sorted[i] = &m->uses[i];
	qsort(sorted, m->n_uses, sizeof(*sorted), by_comment);
	for (size_t i = 0; i < t->n_sets; i++)
		if (t->sets[i]->flags & RS_SET_LEARNED && t->sets[i]->flags & RS_SET_TIMEOUT)
			seed_from(f, sorted, m->n_uses, t->sets[i]);
}

/* ---- which names have an address */

static int by_addr(const void *a, const void *b)
{
	return memcmp(&((const struct address_name *)a)->addr,
		      &((const struct address_name *)b)->addr, sizeof(struct addr));
}

static void index_addresses(struct enforcer *f)
{
	size_t cap = 0;

	f->n_reverse = 0;
	free(f->reverse);
	f->reverse = NULL;
	for (size_t i = 0; i < f->now.map.n_names; i++) {
		size_t n;
		const struct names_address *a = names_addresses(f->names, i, &n);

		for (size_t j = 0; j < n; j++)
			vec_push(f->reverse, f->n_reverse, cap,
				 ((struct address_name){ a[j].addr, (uint32_t)i }));
	}
	if (f->n_reverse > 1)
		qsort(f->reverse, f->n_reverse, sizeof(*f->reverse), by_addr);
	f->reverse_stale = false;
}

size_t lookups_names_of(struct enforcer *f, const struct addr *a, const struct name **out,
			size_t max)
{
	struct address_name key = { .addr = *a };
	size_t lo = 0, hi, n = 0;

	if (f->reverse_stale)
		index_addresses(f);
	hi = f->n_reverse;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (by_addr(&f->reverse[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < f->n_reverse && n < max && addr_eq(&f->reverse[lo].addr, a); lo++)
		out[n++] = f->now.map.names[f->reverse[lo].name];
	return n;
}

/* What one name takes of a reply: its text, numbers and addresses. */
static size_t json_size(const struct enforcer *f, size_t name)
{
	size_t n;

	(void)names_addresses(f->names, name, &n);
	return JSON_NAME_BYTES + f->now.map.names[name]->len + n * ADDR_STR_MAX;
}

static bool has_failed(const struct enforcer *f, size_t name)
{
	size_t n;

	(void)names_addresses(f->names, name, &n);
	return n == 0 || names_outcome(f->names, name) != GATE_FOUND;
}

/* Those without an address before the others, as far as a reply has room. */
json_t *lookups_json(struct enforcer *f, size_t *left_out)
{
	size_t room = JSON_NAMES_BYTES;
	json_t *list = json_array();

	*left_out = 0;
	for (int failed = 1; failed >= 0; failed--)
		for (size_t i = 0; i < f->now.map.n_names; i++) {
			size_t size = json_size(f, i);

			if (has_failed(f, i) != failed)
				continue;
			if (size > room) {
				++*left_out;
				continue;
			}
			room -= size;
			json_array_append_new(list, names_json(f->names, i, clock_ms()));
		}
	return list;
}

void lookups_missing(const struct enforcer *f, char *out, size_t size)
{
	size_t missing = 0, n, first = 0;

	for (size_t i = f->now.map.n_names; i-- > 0;) {
		(void)names_addresses(f->names, i, &n);
		/* What no rule has lacks nothing. */
		if (n || !(named_used(f->now.named, i) || is_target(f, i)))
			continue;
		missing++;
		first = i;
	}
	out[0] = '\0';
	if (missing)
		(void)snprintf(out, size, "%zu names have no address, %s for one", missing,
			       f->now.map.names[first]->s);
}

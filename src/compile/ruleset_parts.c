/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a ruleset is made of, how long that lives, and how it is found by its name. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/ruleset.h"

/* ---- Life ---- */

struct ruleset *ruleset_new(void)
{
	struct ruleset *r = xcalloc(1, sizeof(*r));

	for (int f = 0; f < RS_FAMILY_COUNT; f++)
		r->tables[f].family = (enum rs_family)f;
	(void)ruleset_begin(r);
	return r;
}

static void lists_done(struct rs_table *t)
{
	free(t->sets);
	free(t->chains);
	free(t->counters);
	free(t->sets_by_name);
	free(t->chains_by_name);
}

static void chain_done(struct rs_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		free(c->rules[i].exprs);
	free(c->rules);
}

static void chain_fit(struct rs_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		vec_fit(c->rules[i].exprs, c->rules[i].n_exprs, c->rules[i].cap_exprs);
	vec_fit(c->rules, c->n_rules, c->cap_rules);
}

void rs_part_fit(struct rs_part *p)
{
	for (int f = 0; f < RS_FAMILY_COUNT; f++)
		for (size_t i = 0; i < p->tables[f].n_chains; i++)
			chain_fit(p->tables[f].chains[i]);
}

struct rs_part *rs_part_ref(struct rs_part *p)
{
	p->refs++;
	return p;
}

void rs_part_unref(struct rs_part *p)
{
	if (--p->refs > 0)
		return;
	for (int f = 0; f < RS_FAMILY_COUNT; f++) {
		for (size_t i = 0; i < p->tables[f].n_sets; i++)
			rs_elements_done(&p->tables[f].sets[i]->elements);
		for (size_t i = 0; i < p->tables[f].n_chains; i++)
			chain_done(p->tables[f].chains[i]);
		lists_done(&p->tables[f]);
	}
	arena_done(&p->arena);
	free(p);
}

void ruleset_free(struct ruleset *r)
{
	if (!r)
		return;
	for (int f = 0; f < RS_FAMILY_COUNT; f++)
		lists_done(&r->tables[f]);
	for (size_t i = 0; i < r->n_parts; i++)
		rs_part_unref(r->parts[i]);
	free(r->parts);
	free(r);
}

void ruleset_freep(struct ruleset **r)
{
	ruleset_free(*r);
	*r = NULL;
}

/* ---- Parts ---- */

struct rs_part *ruleset_begin(struct ruleset *r)
{
	struct rs_part *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	for (int f = 0; f < RS_FAMILY_COUNT; f++)
		r->tables[f].part = p;
	vec_push(r->parts, r->n_parts, r->cap_parts, p);
	return p;
}

static void take_lists(struct rs_table *to, const struct rs_table *from)
{
	for (size_t i = 0; i < from->n_sets; i++)
		vec_push(to->sets, to->n_sets, to->cap_sets, from->sets[i]);
	for (size_t i = 0; i < from->n_chains; i++)
		vec_push(to->chains, to->n_chains, to->cap_chains, from->chains[i]);
	for (size_t i = 0; i < from->n_counters; i++)
		vec_push(to->counters, to->n_counters, to->cap_counters, from->counters[i]);
}

void ruleset_take(struct ruleset *r, struct rs_part *p)
{
	vec_push(r->parts, r->n_parts, r->cap_parts, rs_part_ref(p));
	for (int f = 0; f < RS_FAMILY_COUNT; f++)
		take_lists(&r->tables[f], &p->tables[f]);
}

bool ruleset_has(const struct ruleset *r, const struct rs_part *p)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (r->parts[i] == p)
			return true;
	return false;
}

struct ruleset *ruleset_without(const struct ruleset *r, const struct ruleset *other)
{
	struct ruleset *out = ruleset_new();

	for (size_t i = 0; i < r->n_parts; i++)
		if (!ruleset_has(other, r->parts[i]))
			ruleset_take(out, r->parts[i]);
	ruleset_seal(out);
	return out;
}

/* ---- By name ---- */

/* Sets and chains begin with their name. */
static const char *name_of(const void *items, size_t i)
{
	return **((const char *const *const *)items + i);
}

static int compare_names(const void *a, const void *b, void *items)
{
	return strcmp(name_of(items, *(const uint32_t *)a), name_of(items, *(const uint32_t *)b));
}

static uint32_t *sort(void *items, size_t n)
{
	uint32_t *places = xcalloc(n + 1, sizeof(*places));

	for (size_t i = 0; i < n; i++)
		places[i] = (uint32_t)i;
	qsort_r(places, n, sizeof(*places), compare_names, items);
	return places;
}

void ruleset_seal(struct ruleset *r)
{
	for (int f = 0; f < RS_FAMILY_COUNT; f++) {
		struct rs_table *t = &r->tables[f];

		t->sets_by_name = sort(t->sets, t->n_sets);
		t->chains_by_name = sort(t->chains, t->n_chains);
	}
}

static size_t find_sorted(const void *items, size_t n, const uint32_t *places, const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(name_of(items, places[mid]), name);

		if (order == 0)
			return places[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return SIZE_MAX;
}

static size_t find(const void *items, size_t n, const uint32_t *places, const char *name)
{
	if (places)
		return find_sorted(items, n, places, name);
	for (size_t i = 0; i < n; i++)
		if (strcmp(name_of(items, i), name) == 0)
			return i;
	return SIZE_MAX;
}

size_t rs_set_place(const struct rs_table *t, const char *name)
{
	return find(t->sets, t->n_sets, t->sets_by_name, name);
}

size_t rs_chain_place(const struct rs_table *t, const char *name)
{
	return find(t->chains, t->n_chains, t->chains_by_name, name);
}

struct rs_set *rs_set_find(const struct rs_table *t, const char *name)
{
	size_t place = rs_set_place(t, name);

	return place == SIZE_MAX ? NULL : t->sets[place];
}

struct rs_chain *rs_chain_find(const struct rs_table *t, const char *name)
{
	size_t place = rs_chain_place(t, name);

	return place == SIZE_MAX ? NULL : t->chains[place];
}

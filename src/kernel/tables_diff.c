/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What leads from one ruleset to another. A table's messages come in an order in which nothing is
 * deleted that something still refers to, and nothing is referred to before it is there:
 *
 *	rules of chains that change or go, elements that go, sets, chains, counters;
 *	counters, chains, sets, elements that come, rules.
 */
#include "base/alloc.h"
#include "kernel/tables_internal.h"

/* What of a set or chain that `was` has stays. */
struct kept_set {
	const struct rs_set *next; /* of the same header; NULL: it goes */
	size_t head, tail; /* so many elements are the same from the beginning, from the end */
};

struct kept_chain {
	const struct rs_chain *next;
	bool rules; /* all of them stay */
};

/* Two rulesets, of one family what is not in a part of both, and what is being written. */
struct diff {
	struct batch *b;
	enum rs_family f;
	const struct ruleset *all_was, *all_next;
	const struct rs_table *was, *next;
	struct kept_set *sets;	   /* owned; for each set of `was` */
	struct kept_chain *chains; /* owned */
	uint16_t del_type;	   /* of elements that may have expired */
};

static const struct kept_set *kept_set(const struct diff *d, const char *name)
{
	size_t i = rs_set_place(d->was, name);

	return i != SIZE_MAX && d->sets[i].next ? &d->sets[i] : NULL;
}

static const struct kept_chain *kept_chain(const struct diff *d, const char *name)
{
	size_t i = rs_chain_place(d->was, name);

	return i != SIZE_MAX && d->chains[i].next ? &d->chains[i] : NULL;
}

/* It is, and stays, there: in a part of both, or as one of the same header. */
static bool set_stays(const struct diff *d, const char *name)
{
	const struct rs_set *s = rs_set_find(&d->all_next->tables[d->f], name);

	return kept_set(d, name) || (s && ruleset_has(d->all_was, s->part));
}

static bool chain_stays(const struct diff *d, const char *name)
{
	const struct rs_chain *c = rs_chain_find(&d->all_next->tables[d->f], name);

	return kept_chain(d, name) || (c && ruleset_has(d->all_was, c->part));
}

/* A rule that refers to what is made anew has to be made anew itself. */
static bool rule_stays(const struct diff *d, const struct rs_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++) {
		const struct rs_expr *x = &r->exprs[i];

		if ((x->kind == RS_LOOKUP || x->kind == RS_VMAP) && !set_stays(d, x->lookup.set))
			return false;
		if (x->kind == RS_VERDICT && tables_verdict_leads(&x->verdict) &&
		    !chain_stays(d, x->verdict.chain))
			return false;
	}
	return true;
}

static bool rules_stay(const struct diff *d, const struct rs_chain *a, const struct rs_chain *b)
{
	if (a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (!tables_rule_eq(&a->rules[i], &b->rules[i]) || !rule_stays(d, &a->rules[i]))
			return false;
	return true;
}

/* So does an element that leads to a chain. */
static bool element_stays(const struct diff *d, const struct rs_set *s, const struct rs_element *a,
			  const struct rs_element *b)
{
	return tables_element_eq(s, a, b) &&
	       (!(s->flags & RS_SET_VMAP) || !tables_verdict_leads(&a->verdict) ||
		chain_stays(d, a->verdict.chain));
}

/* Most changes are small: what is the same at both ends needs no hash. */
static void match_ends(const struct diff *d, const struct rs_set *a, struct kept_set *k)
{
	const struct rs_elements *x = &a->elements, *y = &k->next->elements;
	size_t most = MIN(x->n, y->n);
	const struct rs_element *ends[] = { x->items + x->n, y->items + y->n };

	while (k->head < most && element_stays(d, a, &x->items[k->head], &y->items[k->head]))
		k->head++;
	while (k->tail < most - k->head &&
	       element_stays(d, a, ends[0] - k->tail - 1, ends[1] - k->tail - 1))
		k->tail++;
}

static void find_kept(struct diff *d)
{
	d->sets = xcalloc(d->was->n_sets + 1, sizeof(*d->sets));
	d->chains = xcalloc(d->was->n_chains + 1, sizeof(*d->chains));
	for (size_t i = 0; i < d->was->n_sets; i++) {
		const struct rs_set *s = d->was->sets[i], *next = rs_set_find(d->next, s->name);

		d->sets[i].next = next && tables_set_eq(s, next) ? next : NULL;
	}
	for (size_t i = 0; i < d->was->n_chains; i++) {
		const struct rs_chain *c = d->was->chains[i],
				      *next = rs_chain_find(d->next, c->name);

		d->chains[i].next = next && tables_chain_eq(c, next) ? next : NULL;
	}
	for (size_t i = 0; i < d->was->n_chains; i++)
		d->chains[i].rules = d->chains[i].next &&
				     rules_stay(d, d->was->chains[i], d->chains[i].next);
	for (size_t i = 0; i < d->was->n_sets; i++)
		if (d->sets[i].next && !(d->was->sets[i]->flags & RS_SET_LEARNED))
			match_ends(d, d->was->sets[i], &d->sets[i]);
}

/* Of `from`, what `to` has not: to be deleted, or added. */
static void elements(const struct diff *d, const struct kept_set *k, const struct rs_set *from,
		     const struct rs_set *to, uint16_t type)
{
	const struct rs_elements *els = &from->elements, *others = &to->elements;
	struct element_index x;

	if (from->flags & RS_SET_LEARNED || k->head + k->tail == els->n)
		return;
	element_index_init(&x, to, others->items + k->head, others->n - k->head - k->tail);
	batch_elements_begin(d->b, d->f, from, type);
	for (size_t i = k->head; i < els->n - k->tail; i++) {
		const struct rs_element *other = element_index_find(&x, &els->items[i]);

		if (!other || !element_stays(d, from, &els->items[i], other))
			batch_element(d->b, &els->items[i]);
	}
	batch_elements_end(d->b);
	element_index_done(&x);
}

static void take_set(const struct diff *d, const struct rs_set *s, const struct kept_set *k)
{
	if (k->next) {
		elements(d, k, s, k->next,
			 s->flags & RS_SET_TIMEOUT ? d->del_type : NFT_MSG_DELSETELEM);
		return;
	}
	/* Before Linux 6.5 a map that goes keeps its chains in use until it is gone. */
	if (s->flags & RS_SET_VMAP)
		batch_set_flush(d->b, d->f, s);
	batch_set_del(d->b, d->f, s);
}

static void take_away(const struct diff *d)
{
	const struct rs_table *t = d->was;

	for (size_t i = 0; i < t->n_chains; i++)
		if (t->chains[i]->n_rules > 0 && !d->chains[i].rules)
			batch_rules_del(d->b, d->f, t->chains[i]);
	for (size_t i = 0; i < t->n_sets; i++)
		take_set(d, t->sets[i], &d->sets[i]);
	for (size_t i = 0; i < t->n_chains; i++)
		if (!d->chains[i].next)
			batch_chain_del(d->b, d->f, t->chains[i]);
	for (size_t i = 0; i < t->n_counters; i++)
		if (!tables_has_counter(d->next, t->counters[i]))
			batch_counter_del(d->b, d->f, t->counters[i]);
}

static void bring_set(const struct diff *d, const struct rs_set *s)
{
	const struct kept_set *k = kept_set(d, s->name);

	if (k) {
		elements(d, k, s, d->was->sets[k - d->sets], NFT_MSG_NEWSETELEM);
		return;
	}
	batch_set_add(d->b, d->f, s);
	batch_elements_begin(d->b, d->f, s, NFT_MSG_NEWSETELEM);
	for (size_t i = 0; i < s->elements.n; i++)
		batch_element(d->b, &s->elements.items[i]);
	batch_elements_end(d->b);
}

static void bring(const struct diff *d)
{
	const struct rs_table *t = d->next;
	const struct kept_chain *k;

	for (size_t i = 0; i < t->n_counters; i++)
		if (!tables_has_counter(d->was, t->counters[i]))
			batch_counter_add(d->b, d->f, t->counters[i]);
	for (size_t i = 0; i < t->n_chains; i++)
		if (!kept_chain(d, t->chains[i]->name))
			batch_chain_add(d->b, d->f, t->chains[i]);
	for (size_t i = 0; i < t->n_sets; i++)
		bring_set(d, t->sets[i]);
	for (size_t i = 0; i < t->n_chains; i++) {
		k = kept_chain(d, t->chains[i]->name);
		for (size_t n = 0; n < t->chains[i]->n_rules && !(k && k->rules); n++)
			batch_rule_add(d->b, d->f, t->chains[i], n);
	}
}

static void one_family(struct diff *d, uint32_t flags)
{
	const struct rs_table *was = &d->all_was->tables[d->f], *next = &d->all_next->tables[d->f];

	if (tables_table_empty(next)) {
		if (!tables_table_empty(was))
			batch_table_del(d->b, d->f);
		return;
	}
	if (tables_table_empty(was))
		batch_table_add(d->b, d->f, flags);
	find_kept(d);
	take_away(d);
	bring(d);
	free(d->sets);
	free(d->chains);
}

void tables_diff(struct batch *b, const struct ruleset *was, const struct ruleset *next,
		 uint32_t flags, bool destroy)
{
	_cleanup_(ruleset_freep) struct ruleset *none = ruleset_new(), *was_own = NULL,
						*next_own = NULL;

	if (!was)
		was = none;
	was_own = ruleset_without(was, next);
	next_own = ruleset_without(next, was);
	for (enum rs_family f = 0; f < RS_FAMILY_COUNT; f++) {
		struct diff d = { .b = b,
				  .f = f,
				  .all_was = was,
				  .all_next = next,
				  .was = &was_own->tables[f],
				  .next = &next_own->tables[f],
				  .del_type = destroy ? TABLES_MSG_DESTROYSETELEM :
							NFT_MSG_DELSETELEM };

		one_family(&d, flags);
	}
}

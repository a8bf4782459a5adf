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

/* FNV-1a. The keys are the plan's, or the kernel's to which we gave them. */
static size_t hash(const struct element_index *x, const struct rs_element *el)
{
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < x->len; i++)
		h = (h ^ el->key[i]) * 0x100000001b3U;
	if (x->interval)
		for (size_t i = 0; i < x->len; i++)
			h = (h ^ el->end[i]) * 0x100000001b3U;
	return (size_t)(h ^ h >> 32);
}

static bool same_key(const struct element_index *x, const struct rs_element *a,
		     const struct rs_element *b)
{
	return memcmp(a->key, b->key, x->len) == 0 &&
	       (!x->interval || memcmp(a->end, b->end, x->len) == 0);
}

void element_index_init(struct element_index *x, const struct rs_set *s,
			const struct rs_element *els, size_t n)
{
	size_t size = 8;

	while (size < 2 * n)
		size *= 2;
	*x = (struct element_index){ xcalloc(size, sizeof(struct rs_element *)), size - 1,
				     tables_key_len(s), s->flags & RS_SET_INTERVAL };
	for (size_t i = 0; i < n; i++) {
		size_t at = hash(x, &els[i]) & x->mask;

		while (x->slots[at] && !same_key(x, x->slots[at], &els[i]))
			at = (at + 1) & x->mask;
		x->slots[at] = &els[i];
	}
}

void element_index_done(struct element_index *x)
{
	free(x->slots);
}

const struct rs_element *element_index_find(const struct element_index *x,
					    const struct rs_element *el)
{
	size_t at = hash(x, el) & x->mask;

	while (x->slots[at] && !same_key(x, x->slots[at], el))
		at = (at + 1) & x->mask;
	return x->slots[at];
}

static bool verdict_eq(const struct rs_verdict *a, const struct rs_verdict *b)
{
	return a->kind == b->kind && strcmp(a->chain, b->chain) == 0;
}

bool tables_element_eq(const struct rs_set *s, const struct rs_element *a,
		       const struct rs_element *b)
{
	size_t n = tables_key_len(s);

	return memcmp(a->key, b->key, n) == 0 &&
	       (!(s->flags & RS_SET_INTERVAL) || memcmp(a->end, b->end, n) == 0) &&
	       (!(s->flags & RS_SET_VMAP) || verdict_eq(&a->verdict, &b->verdict)) &&
	       strcmp(a->comment, b->comment) == 0;
}

bool tables_set_eq(const struct rs_set *a, const struct rs_set *b)
{
	return a->flags == b->flags && a->size == b->size && a->n_fields == b->n_fields &&
	       memcmp(a->fields, b->fields, a->n_fields * sizeof(a->fields[0])) == 0 &&
	       strcmp(a->comment, b->comment) == 0;
}

bool tables_chain_eq(const struct rs_chain *a, const struct rs_chain *b)
{
	return a->hook == b->hook &&
	       (a->hook == RS_NO_HOOK || (a->nat == b->nat && a->priority == b->priority));
}

static bool compare_eq(const struct rs_expr *a, const struct rs_expr *b)
{
	size_t n = rs_field_of(a->compare.field)->len;
	bool masked = a->compare.op == RS_MASKED_EQ || a->compare.op == RS_MASKED_NE;

	return a->compare.field == b->compare.field && a->compare.op == b->compare.op &&
	       (a->compare.op == RS_EXISTS || memcmp(a->compare.value, b->compare.value, n) == 0) &&
	       (!masked || memcmp(a->compare.mask, b->compare.mask, n) == 0);
}

static bool expr_eq(const struct rs_expr *a, const struct rs_expr *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case RS_COMPARE:
		return compare_eq(a, b);
	case RS_LOOKUP:
	case RS_VMAP:
		return a->lookup.not == b->lookup.not &&strcmp(a->lookup.set, b->lookup.set) == 0 &&
		       a->lookup.n_fields == b->lookup.n_fields &&
		       memcmp(a->lookup.fields, b->lookup.fields,
			      a->lookup.n_fields * sizeof(a->lookup.fields[0])) == 0;
	case RS_COUNTER:
		return strcmp(a->counter, b->counter) == 0;
	case RS_LIMIT:
		return a->limit.rate == b->limit.rate && a->limit.burst == b->limit.burst &&
		       a->limit.bytes == b->limit.bytes && a->limit.over == b->limit.over;
	case RS_CT_COUNT:
		return a->ct_count == b->ct_count;
	case RS_LOG:
		return a->log.group == b->log.group && a->log.snaplen == b->log.snaplen &&
		       strcmp(a->log.prefix, b->log.prefix) == 0;
	case RS_DNAT:
		return a->dnat.port == b->dnat.port && addr_eq(&a->dnat.addr, &b->dnat.addr);
	case RS_REDIRECT:
		return a->redirect_port == b->redirect_port;
	case RS_VERDICT:
		return verdict_eq(&a->verdict, &b->verdict);
	case RS_REJECT_TCP:
	case RS_REJECT_ADMIN:
	case RS_EXPR_COUNT:
		return true;
	}
	return false;
}

bool tables_rule_eq(const struct rs_rule *a, const struct rs_rule *b)
{
	if (a->n_exprs != b->n_exprs || strcmp(a->comment, b->comment) != 0)
		return false;
	for (size_t i = 0; i < a->n_exprs; i++)
		if (!expr_eq(&a->exprs[i], &b->exprs[i]))
			return false;
	return true;
}

bool tables_table_empty(const struct rs_table *t)
{
	return t->n_chains == 0 && t->n_sets == 0 && t->n_counters == 0;
}

/* Two tables of one family, and what is being written. */
struct diff {
	struct batch *b;
	enum rs_family f;
	const struct rs_table *was, *next;
	uint16_t del_type; /* of elements that may have expired */
};

/* It is in both, with the same header. */
static bool set_stays(const struct diff *d, const char *name)
{
	const struct rs_set *a = rs_set_find(d->was, name), *b = rs_set_find(d->next, name);

	return a && b && tables_set_eq(a, b);
}

static bool chain_stays(const struct diff *d, const char *name)
{
	const struct rs_chain *a = rs_chain_find(d->was, name), *b = rs_chain_find(d->next, name);

	return a && b && tables_chain_eq(a, b);
}

/* A rule that uses a set that is made anew has to be made anew itself. */
static bool rule_stays(const struct diff *d, const struct rs_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++) {
		const struct rs_expr *x = &r->exprs[i];

		if ((x->kind == RS_LOOKUP || x->kind == RS_VMAP) && !set_stays(d, x->lookup.set))
			return false;
		if (x->kind == RS_VERDICT && *x->verdict.chain && !chain_stays(d, x->verdict.chain))
			return false;
	}
	return true;
}

/* The chain and all its rules. */
static bool rules_stay(const struct diff *d, const char *name)
{
	const struct rs_chain *a = rs_chain_find(d->was, name), *b = rs_chain_find(d->next, name);

	if (!a || !b || !tables_chain_eq(a, b) || a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (!tables_rule_eq(&a->rules[i], &b->rules[i]) || !rule_stays(d, &a->rules[i]))
			return false;
	return true;
}

static bool has_counter(const struct rs_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_counters; i++)
		if (strcmp(t->counters[i], name) == 0)
			return true;
	return false;
}

/* Of `from`, what is not in `to`: deletes or adds it. An element that leads to a chain that is made
 * anew goes and comes, too. */
static void elements(const struct diff *d, const struct rs_set *from, const struct rs_set *to,
		     uint16_t type)
{
	size_t head = 0, tail = 0, common = MIN(from->n_elements, to->n_elements);
	struct element_index x;

#define GONE(el) \
	(*(el)->verdict.chain && from->flags & RS_SET_VMAP && !chain_stays(d, (el)->verdict.chain))
	/* Most changes are small: what is alike at both ends needs no hash. */
	while (head < common &&
	       tables_element_eq(from, &from->elements[head], &to->elements[head]) &&
	       !GONE(&from->elements[head]))
		head++;
	while (tail < common - head &&
	       tables_element_eq(from, &from->elements[from->n_elements - 1 - tail],
				 &to->elements[to->n_elements - 1 - tail]) &&
	       !GONE(&from->elements[from->n_elements - 1 - tail]))
		tail++;
	if (head + tail == from->n_elements)
		return;
	element_index_init(&x, to, to->elements + head, to->n_elements - head - tail);
	batch_elements_begin(d->b, d->f, from, type);
	for (size_t i = head; i < from->n_elements - tail; i++) {
		const struct rs_element *other = element_index_find(&x, &from->elements[i]);

		if (!other || !tables_element_eq(from, other, &from->elements[i]) ||
		    GONE(&from->elements[i]))
			batch_element(d->b, &from->elements[i]);
	}
	batch_elements_end(d->b);
	element_index_done(&x);
}

static void take_away(const struct diff *d)
{
	const struct rs_table *t = d->was;

	for (size_t i = 0; i < t->n_chains; i++)
		if (t->chains[i].n_rules > 0 && !rules_stay(d, t->chains[i].name))
			batch_rules_del(d->b, d->f, &t->chains[i]);
	for (size_t i = 0; i < t->n_sets; i++) {
		const struct rs_set *s = &t->sets[i];

		if (!set_stays(d, s->name)) {
			/* Before Linux 6.5 a map that goes keeps its chains in use until it is gone. */
			if (s->flags & RS_SET_VMAP && s->n_elements > 0)
				batch_set_flush(d->b, d->f, s);
			batch_set_del(d->b, d->f, s);
		} else if (!(s->flags & RS_SET_LEARNED)) {
			elements(d, s, rs_set_find(d->next, s->name),
				 s->flags & RS_SET_TIMEOUT ? d->del_type : NFT_MSG_DELSETELEM);
		}
	}
	for (size_t i = 0; i < t->n_chains; i++)
		if (!chain_stays(d, t->chains[i].name))
			batch_chain_del(d->b, d->f, &t->chains[i]);
	for (size_t i = 0; i < t->n_counters; i++)
		if (!has_counter(d->next, t->counters[i]))
			batch_counter_del(d->b, d->f, t->counters[i]);
}

static void add_set(const struct diff *d, const struct rs_set *s)
{
	batch_set_add(d->b, d->f, s);
	batch_elements_begin(d->b, d->f, s, NFT_MSG_NEWSETELEM);
	for (size_t i = 0; i < s->n_elements; i++)
		batch_element(d->b, &s->elements[i]);
	batch_elements_end(d->b);
}

static void bring(const struct diff *d)
{
	const struct rs_table *t = d->next;

	for (size_t i = 0; i < t->n_counters; i++)
		if (!has_counter(d->was, t->counters[i]))
			batch_counter_add(d->b, d->f, t->counters[i]);
	for (size_t i = 0; i < t->n_chains; i++)
		if (!chain_stays(d, t->chains[i].name))
			batch_chain_add(d->b, d->f, &t->chains[i]);
	for (size_t i = 0; i < t->n_sets; i++) {
		if (!set_stays(d, t->sets[i].name))
			add_set(d, &t->sets[i]);
		else if (!(t->sets[i].flags & RS_SET_LEARNED))
			elements(d, &t->sets[i], rs_set_find(d->was, t->sets[i].name),
				 NFT_MSG_NEWSETELEM);
	}
	for (size_t i = 0; i < t->n_chains; i++) {
		if (rules_stay(d, t->chains[i].name))
			continue;
		for (size_t k = 0; k < t->chains[i].n_rules; k++)
			batch_rule_add(d->b, d->f, &t->chains[i], k);
	}
}

void tables_diff(struct batch *b, const struct ruleset *was, const struct ruleset *next,
		 uint32_t flags, bool destroy)
{
	static const struct rs_table none;

	for (enum rs_family f = 0; f < RS_FAMILY_COUNT; f++) {
		struct diff d = { b, f, was ? &was->tables[f] : &none, &next->tables[f],
				  destroy ? TABLES_MSG_DESTROYSETELEM : NFT_MSG_DELSETELEM };

		if (tables_table_empty(d.next)) {
			if (!tables_table_empty(d.was))
				batch_table_del(b, f);
			continue;
		}
		if (tables_table_empty(d.was))
			batch_table_add(b, f, flags);
		take_away(&d);
		bring(&d);
	}
}

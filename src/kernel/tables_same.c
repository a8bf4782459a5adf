/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When two things of a ruleset are the same to the kernel. */
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

bool tables_verdict_leads(const struct rs_verdict *v)
{
	return v->kind == RS_JUMP || v->kind == RS_GOTO;
}

static bool verdict_eq(const struct rs_verdict *a, const struct rs_verdict *b)
{
	return a->kind == b->kind && (!tables_verdict_leads(a) || strcmp(a->chain, b->chain) == 0);
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

bool tables_has_counter(const struct rs_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_counters; i++)
		if (strcmp(t->counters[i], name) == 0)
			return true;
	return false;
}

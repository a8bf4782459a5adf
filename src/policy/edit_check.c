/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a document is another one with one rule more. Both are walked node by node in the
 * order of the text; as each node says how many children it has, equal walks are equal trees.
 */
#include <string.h>

#include "policy/edit_impl.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* n: how many children the second may have more. */
static bool same_node(const struct node *a, const struct node *b, size_t n)
{
	return a->kind == b->kind && same_text(a->key, b->key) && same_text(a->text, b->text) &&
	       a->n + n == b->n;
}

/* The nodes at `at` are the rule; *at moves behind them. */
static bool take_rule(const struct editor *ed, const struct doc *d, size_t *at)
{
	const struct edit_rule *x = ed->rule;
	const struct node *v;

	if (*at + 1 >= d->n_nodes || d->nodes[*at]->kind != NODE_MAP || d->nodes[*at]->n != 1)
		return false;
	v = d->nodes[*at + 1];
	*at += 2;
	return v->kind == NODE_TEXT && same_text(v->key, rule_action_str(x->action)) &&
	       same_text(v->text, x->dest);
}

/* A list of rules, which was not there or null, at `at`, with the rule in it; *at moves behind both. */
static bool take_list(const struct editor *ed, const struct doc *d, size_t *at)
{
	const struct node *v = *at < d->n_nodes ? d->nodes[*at] : NULL;

	if (!v || v->kind != NODE_LIST || v->n != 1 || !same_text(v->key, "rules"))
		return false;
	++*at;
	return take_rule(ed, d, at);
}

/* The node that the rule is added to, in what came out. */
static bool take_grown(const struct editor *ed, const struct node *old, const struct doc *d,
		       size_t *at)
{
	const struct node *v = d->nodes[*at];

	if (old == ed->rules && old->kind != NODE_LIST)
		return take_list(ed, d, at);
	/* A policy of which nothing is written becomes a map. */
	if (old->kind == NODE_TEXT ?
		    v->kind != NODE_MAP || v->n != 1 || !same_text(v->key, old->key) :
		    !same_node(old, v, 1))
		return false;
	++*at;
	return old == ed->rules ? take_rule(ed, d, at) : take_list(ed, d, at);
}

bool edit_is_added(const struct editor *ed, const struct doc *new)
{
	const struct node *grows = ed->rules ? ed->rules : ed->policy;
	size_t at = 0;

	for (size_t i = 0; i < ed->doc.n_nodes; i++) {
		const struct node *old = ed->doc.nodes[i];

		if (at >= new->n_nodes)
			return false;
		if (old == grows) {
			if (!take_grown(ed, old, new, &at))
				return false;
			continue;
		}
		if (!same_node(old, new->nodes[at], 0))
			return false;
		at++;
	}
	return at == new->n_nodes;
}

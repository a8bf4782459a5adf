/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a document is another one with one rule more or less. Both are walked node by node in the
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

/* Where the nodes of a tree, all of them in the order of the text, go on behind those of one. */
static size_t skip_node(const struct doc *d, size_t at)
{
	size_t left = 1;

	while (left > 0 && at < d->n_nodes)
		left += d->nodes[at++]->n - 1;
	return at;
}

/* The nodes at `at` are the rule; *at moves behind them. */
static bool take_rule(const struct editor *ed, const struct doc *d, size_t *at)
{
	const struct edit_rule *x = ed->rule;
	size_t n = x->comment ? 2 : 1;
	const struct node *v;

	if (*at + n >= d->n_nodes || d->nodes[*at]->kind != NODE_MAP || d->nodes[*at]->n != n)
		return false;
	v = d->nodes[*at + 1];
	if (v->kind != NODE_TEXT || !same_text(v->key, rule_action_str(x->action)) ||
	    !same_text(v->text, x->dest))
		return false;
	v = d->nodes[*at + n];
	if (x->comment && (!same_text(v->key, "comment") || !same_text(v->text, x->comment)))
		return false;
	*at += n + 1;
	return true;
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

bool edit_is_removed(const struct editor *ed, const struct doc *new)
{
	size_t at = 0;

	for (size_t i = 0; i < ed->doc.n_nodes; i++) {
		const struct node *old = ed->doc.nodes[i];

		if (old == ed->gone) {
			i = skip_node(&ed->doc, i) - 1;
			continue;
		}
		if (at >= new->n_nodes)
			return false;
		/* The last rule of a list in lines leaves nothing behind its key. */
		if (old != ed->rules ? !same_node(old, new->nodes[at], 0) :
		    node_is_null(new->nodes[at]) ?
				       old->n != 1 || !same_text(new->nodes[at]->key, "rules") :
				       !same_node(new->nodes[at], old, 1))
			return false;
		at++;
	}
	return at == new->n_nodes;
}

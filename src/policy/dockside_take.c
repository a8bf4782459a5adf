/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a text has in common with one that was read before. A network whose entry in firewall-config.json is the
 * same, byte by byte, has the same rules: in the text that is read "{}" stands for it.
 *
 * What the text says is the same with and without: the entry begins where a value does, outside of comments and
 * strings, which is seen by going through the text as jsonc_read() does; it was one object when it was read
 * before, so it is one here, and no comment or string in it goes on behind it. That it is the entry of that
 * network, and not another value that looks like it, is seen when the rest is read.
 */
#include <string.h>

#include "base/alloc.h"
#include "policy/dockside_impl.h"

/* On the way through the new text. */
struct walk {
	const struct dockside *was;
	struct span text;
	size_t at;
	size_t depth;	   /* open objects and lists */
	struct span label; /* the last string, without quotes */
	struct dockside_cuts *out;
};

static bool is_cut(const struct dockside_cuts *c, size_t network)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->networks[i] == network)
			return true;
	return false;
}

/* The entry as it was; empty where its rules, if it has any, are read again: they are few. */
static struct span entry_before(const struct dockside *was, size_t network)
{
	const struct dockside_entry *entry = &was->entries[network];

	if (!entry->end || !entry->rules->policy || entry->rules->policy->n_rules == 0)
		return (struct span){ 0 };
	return (struct span){ was->firewall_text->text + entry->at, entry->end - entry->at };
}

/* Passes by the object that begins here, when it is what the network of that name had. */
static bool cut_entry(struct walk *w)
{
	struct span rest = span_from(w->text, w->at), before;
	size_t i = 0;

	while (i < w->was->n_networks && !span_eq(w->label, span_of(w->was->networks[i].name)))
		i++;
	if (i == w->was->n_networks || is_cut(w->out, i))
		return false;
	before = entry_before(w->was, i);
	if (before.n == 0 || !span_starts(rest, before))
		return false;
	w->out->items[w->out->n] = (struct jsonc_cut){ w->at, before.n };
	w->out->networks[w->out->n++] = i;
	w->at += before.n;
	return true;
}

static void walk_one(struct walk *w)
{
	size_t from = w->at, end = jsonc_skip(w->text.p, w->text.n, from);
	char c = w->text.p[from];

	if (c == '"' && end - from >= 2)
		w->label = (struct span){ w->text.p + from + 1, end - from - 2 };
	if (c == '{' && w->depth == 2 && cut_entry(w))
		return;
	if (c == '{' || c == '[')
		w->depth++;
	else if ((c == '}' || c == ']') && w->depth > 0)
		w->depth--;
	w->at = end;
}

void dockside_find_cuts(struct span text, const struct dockside *was, struct dockside_cuts *out)
{
	struct walk w = { .was = was, .text = text, .out = out };

	*out = (struct dockside_cuts){ .items = xcalloc(was->n_networks, sizeof(*out->items)),
				       .networks = xcalloc(was->n_networks, sizeof(size_t)) };
	while (w.at < text.n)
		walk_one(&w);
}

void dockside_cuts_done(struct dockside_cuts *c)
{
	free(c->items);
	free(c->networks);
	*c = (struct dockside_cuts){ 0 };
}

/* What rules refer to. */
static bool same_sets(const struct dockside *a, const struct dockside *b)
{
	bool same = a->n_ipsets == b->n_ipsets;

	for (size_t i = 0; same && i < a->n_ipsets; i++) {
		const struct dockside_ipset *x = &a->ipsets[i], *y = &b->ipsets[i];

		same = x->n == y->n && strcmp(x->name, y->name) == 0;
		for (size_t k = 0; same && k < x->n; k++)
			same = strcmp(x->hostnames[k], y->hostnames[k]) == 0;
	}
	return same;
}

bool dockside_take_rules(struct dockside_reader *r)
{
	if (r->cuts.n && !same_sets(r->d, r->was))
		return false;
	for (size_t i = 0; i < r->cuts.n; i++) {
		size_t was = r->cuts.networks[i];
		const struct dockside_network *n =
			dockside_network_find(r->d, r->was->networks[was].name);
		struct dockside_entry *entry = n ? &r->d->entries[n - r->d->networks] : NULL;

		if (!entry || entry->at != r->cuts.items[i].at)
			return false;
		entry->rules = dockside_rules_ref(r->was->entries[was].rules);
		r->n_dests += entry->rules->n_dests;
		r->d->networks[n - r->d->networks].managed = true;
	}
	return r->n_dests <= LIMIT_POLICY_DESTS;
}

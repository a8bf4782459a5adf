/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies that extend others. A policy's rules are tried in this order: those of the command line,
 * then those of every policy it extends, directly or not, each policy once and after all that it
 * extends itself (the order of a walk in depth, left to right), then its own, then those of the
 * allow-lists. The first match wins, so a policy can add to what it extends but take nothing away:
 * what a base denies stays denied.
 *
 * Of the rest, limits are inherited, the stricter of each; `dns` is that of the first base that
 * has one, unless the policy has its own; `mode` and `ech` are never inherited, so that what they
 * loosen is only loosened where it is written.
 */
#include "policy/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/nearest.h"
#include "policy/decide.h"
#include "policy/schema.h"

/* A policy on the way down, and the one it extends that comes next. */
struct level {
	const struct model_policy *policy;
	const struct node *next;
};

/* A policy and all it extends, in order. */
struct lineage {
	const struct model_policy **items;
	size_t n, cap;
	bool *seen; /* by the place in the model */
};

static struct place place_of(const struct resolver *r, struct pos at)
{
	return (struct place){ .doc = &r->model->doc, .at = at };
}

static enum dest_use use_of(enum rule_action a)
{
	return a == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW;
}

/* ---- extends ---- */

bool resolve_find_policy(const struct resolver *r, const struct node *name,
			 const struct model_policy **out, struct err *e)
{
	struct nearest near = nearest_to(node_span(name));
	char shown[64];

	*out = model_policy_find(r->model, name->text);
	if (*out)
		return true;
	for (size_t i = 0; i < r->model->n_policies; i++)
		nearest_offer(&near, r->model->policies[i].name);
	span_show(node_span(name), shown, sizeof(shown));
	if (near.best)
		return doc_err(&r->model->doc, name->at, e, ERR_INVALID,
			       "there is no policy \"%s\": did you mean \"%s\"?", shown, near.best);
	return doc_err(&r->model->doc, name->at, e, ERR_INVALID, "there is no policy \"%s\"",
		       shown);
}

static bool err_cycle(const struct resolver *r, const struct level *levels, size_t n, size_t from,
		      const struct node *name, struct err *e)
{
	struct buf path;

	buf_init(&path, 256);
	for (size_t i = from; i < n; i++)
		buf_fmt(&path, "%s -> ", levels[i].policy->name);
	(void)doc_err(&r->model->doc, name->at, e, ERR_INVALID,
		      "the policy \"%s\" extends itself: %s%s", name->text, buf_cstr(&path),
		      name->text);
	buf_done(&path);
	return false;
}

static void push(struct level *levels, size_t *n, const struct model_policy *p)
{
	levels[(*n)++] = (struct level){ p, p->extends ? entries_first(p->extends) : NULL };
}

/* Goes down to the policy of that name, unless it was there before. */
static bool descend(struct resolver *r, struct lineage *l, struct level *levels, size_t *n,
		    const struct node *name, struct err *e)
{
	struct place at = place_of(r, name->at);
	const struct model_policy *p;

	if (!resolve_count(r, &at, e) || !resolve_find_policy(r, name, &p, e))
		return false;
	for (size_t i = 0; i < *n; i++)
		if (levels[i].policy == p)
			return err_cycle(r, levels, *n, i, name, e);
	r->plan->policies[p - r->model->policies].extended = true;
	if (l->seen[p - r->model->policies])
		return true;
	if (*n == LIMIT_POLICY_CHAIN)
		return doc_err(&r->model->doc, name->at, e, ERR_LIMIT,
			       "policies that extend others, more than %d deep",
			       LIMIT_POLICY_CHAIN);
	push(levels, n, p);
	return true;
}

static bool trace(struct resolver *r, const struct model_policy *p, struct lineage *l,
		  struct err *e)
{
	struct level levels[LIMIT_POLICY_CHAIN];
	size_t n = 0;

	push(levels, &n, p);
	while (n > 0) {
		struct level *top = &levels[n - 1];
		const struct node *name = top->next;

		if (!name) {
			l->seen[top->policy - r->model->policies] = true;
			vec_push(l->items, l->n, l->cap, top->policy);
			n--;
			continue;
		}
		top->next = entries_next(top->policy->extends, name);
		if (!descend(r, l, levels, &n, name, e))
			return false;
	}
	return true;
}

/* ---- rules ---- */

/* Only DEST_HOST opens it; a name that looks as if it did would mislead. */
static bool check_dest(const struct dest *d, enum rule_action action, struct err *e)
{
	if (action == RULE_DENY || d->target != DEST_NAME || !is_host_loopback(&d->name))
		return true;
	return err_set(e, ERR_INVALID,
		       "\"%s\" stands for the host's own loopback: expected \"host:PORT\"",
		       d->name.s);
}

static bool resolve_text(struct resolver *r, struct span text, const struct place *at,
			 enum rule_action action, struct dest_list *out, struct err *e)
{
	size_t before = out->n;

	if (!resolve_dest(r, text, at, use_of(action), out, e))
		return false;
	for (size_t i = before; i < out->n; i++)
		if (!check_dest(&out->items[i], action, e))
			return place_err(at, e);
	return true;
}

static bool is_single(const struct dest *to)
{
	bool one_port = to->ports.n == 1 && to->ports.r[0].lo == to->ports.r[0].hi;

	if (to->target == DEST_PREFIX && to->prefix.len != addr_size(&to->prefix.addr) * 8)
		return false;
	return one_port && proto_has_ports(to->proto) &&
	       (to->target == DEST_NAME || to->target == DEST_PREFIX || to->target == DEST_HOST);
}

static bool resolve_to(struct resolver *r, const struct model_rule *m, struct plan_rule *out,
		       struct err *e)
{
	struct place at = place_of(r, m->to->at);
	char shown[DEST_STR_MAX];

	out->to = xcalloc(1, sizeof(*out->to));
	if (!dest_parse(node_span(m->to), DEST_FOR_ALLOW, out->to, e) ||
	    !check_dest(out->to, RULE_ALLOW, e))
		return place_err(&at, e);
	if (!is_single(out->to))
		return doc_err(&r->model->doc, m->to->at, e, ERR_INVALID,
			       "\"%s\" is not one place to lead to: expected one name or address "
			       "with one port, like db.internal:13306",
			       dest_show(out->to, DEST_FOR_ALLOW, shown));
	for (size_t i = 0; i < out->n_dests; i++)
		if (out->dests[i].proto != out->to->proto)
			return doc_err(&r->model->doc, m->to->at, e, ERR_INVALID,
				       "\"%s\" has another protocol than what is redirected to it",
				       dest_show(out->to, DEST_FOR_ALLOW, shown));
	return true;
}

static bool has_name(const struct plan_rule *rule)
{
	for (size_t i = 0; i < rule->n_dests; i++)
		if (rule->dests[i].target == DEST_NAME || rule->dests[i].target == DEST_WILDCARD ||
		    rule->dests[i].target == DEST_ANY_NAME)
			return true;
	return false;
}

static bool resolve_types(struct resolver *r, const struct node *types, struct plan_rule *out,
			  struct err *e)
{
	size_t cap = 0;

	if (!has_name(out))
		return doc_err(
			&r->model->doc, types->key_at, e, ERR_INVALID,
			"types of DNS records in a rule without a name: expected a rule that "
			"allows a name");
	for (const struct node *t = entries_first(types); t; t = entries_next(types, t)) {
		uint16_t type;

		if (!qtype_parse(node_span(t), &type, e))
			return doc_err_at(&r->model->doc, t->at, e);
		if (!plan_qtype_is_address(type))
			vec_push(out->qtypes, out->n_qtypes, cap, type);
	}
	return true;
}

static bool resolve_rule(struct resolver *r, const struct model_rule *m, struct plan_rule *out,
			 struct err *e)
{
	struct dest_list dests = { 0 };
	bool ok = true;

	out->action = m->action;
	out->at = m->at;
	out->comment = m->comment ? xstrdup(m->comment) : NULL;
	for (const struct node *d = entries_first(m->dests); d && ok;
	     d = entries_next(m->dests, d)) {
		struct place at = place_of(r, d->at);

		ok = resolve_text(r, node_span(d), &at, m->action, &dests, e);
	}
	out->dests = dests.items;
	out->n_dests = dests.n;
	return ok && (!m->to || resolve_to(r, m, out, e)) &&
	       (!m->types || resolve_types(r, m->types, out, e));
}

static bool resolve_extra(struct resolver *r, const struct policy_extra *x, struct plan_rule *out,
			  struct err *e)
{
	struct place at = { .action = x->action };
	struct dest_list dests = { 0 };
	bool ok = resolve_text(r, span_of(x->dest), &at, x->action, &dests, e);

	out->action = x->action;
	out->dests = dests.items;
	out->n_dests = dests.n;
	return ok;
}

/* The name that rules of an allow-list go by: that of its file, as far as it can be one. */
static char *list_name(const char *file)
{
	struct span base = span_of(file);
	char *name;

	base = span_from(base, (size_t)(span_rfind(base, '/') + 1));
	name = base.n ? xstrndup(base.p, MIN(base.n, MODEL_NAME_MAX)) : xstrdup("list");
	for (char *c = name; *c; c++)
		if (!schema_name_char(*c))
			*c = '_';
	return name;
}

static bool resolve_listed(struct resolver *r, const struct allow_entry *en, struct plan_rule *out,
			   struct err *e)
{
	struct doc doc = { .file = en->file };
	struct place at = { .doc = &doc, .at = en->at };
	struct dest_list dests = { 0 };
	bool ok = resolve_text(r, span_of(en->text), &at, RULE_ALLOW, &dests, e);

	out->action = RULE_ALLOW;
	out->file = xstrdup(en->file);
	out->at = en->at;
	out->comment = en->comment ? xstrdup(en->comment) : NULL;
	out->dests = dests.items;
	out->n_dests = dests.n;
	return ok;
}

/* The next rule of the policy, which has room for it. */
static struct plan_rule *next_rule(struct resolver *r, struct plan_policy *p, char *take_source,
				   size_t index)
{
	struct plan_rule *rule = &p->rules[p->n_rules++];

	r->n_rules++;
	rule->policy = take_source;
	rule->index = (unsigned)index;
	return rule;
}

/* ---- policies ---- */

bool resolve_takes_extras(const struct resolver *r, const struct plan_policy *p)
{
	return !r->options->policy || strcmp(r->options->policy, p->name) == 0;
}

/* Those of the command line, those of the model, those of the lists. */
static bool resolve_each_rule(struct resolver *r, const struct lineage *l, struct plan_policy *p,
			      size_t n_extras, const struct allowlist *lists, struct err *e)
{
	for (size_t i = 0; i < n_extras; i++)
		if (!resolve_extra(r, &r->options->extras[i],
				   next_rule(r, p, xstrdup(COMMAND_LINE), i + 1), e))
			return false;
	for (size_t i = 0; i < l->n; i++)
		for (size_t j = 0; j < l->items[i]->n_rules; j++)
			if (!resolve_rule(r, &l->items[i]->rules[j],
					  next_rule(r, p, xstrdup(l->items[i]->name), j + 1), e))
				return false;
	for (size_t i = 0; lists && i < lists->n; i++)
		if (!resolve_listed(r, &lists->items[i],
				    next_rule(r, p, list_name(lists->items[i].file),
					      lists->items[i].at.line),
				    e))
			return false;
	return true;
}

static bool resolve_rules(struct resolver *r, const struct lineage *l, struct plan_policy *p,
			  struct pos at, struct err *e)
{
	bool takes = resolve_takes_extras(r, p);
	const struct allowlist *lists = takes ? r->options->lists : NULL;
	size_t n_extras = takes ? r->options->n_extras : 0;
	size_t n = n_extras + (lists ? lists->n : 0);

	for (size_t i = 0; i < l->n; i++)
		n += l->items[i]->n_rules;
	if (n > LIMIT_POLICY_RULES) {
		(void)err_set(e, ERR_LIMIT,
			      "the policy \"%s\" has %zu rules with those it extends and those of "
			      "allow-lists: expected at most %u",
			      p->name, n, LIMIT_POLICY_RULES);
		return at.line ? doc_err_at(&r->model->doc, at, e) : false;
	}
	p->rules = xcalloc(n, sizeof(*p->rules));
	return resolve_each_rule(r, l, p, n_extras, lists, e);
}

static void inherit(const struct lineage *l, const struct model_policy *m, struct plan_policy *p)
{
	bool written = m->dns_written;

	p->mode = m->mode;
	p->ech = m->ech;
	p->dns = m->dns;
	for (size_t i = 0; i < l->n; i++) {
		limits_tighten(&p->limits, &l->items[i]->limits);
		if (!written && l->items[i]->dns_written) {
			p->dns = l->items[i]->dns;
			written = true;
		}
	}
}

static bool resolve_policy(struct resolver *r, const struct model_policy *m, struct plan_policy *p,
			   struct err *e)
{
	struct lineage l = { .seen = xcalloc(r->model->n_policies, sizeof(*l.seen)) };
	bool ok;

	p->name = xstrdup(m->name);
	ok = trace(r, m, &l, e) && resolve_rules(r, &l, p, m->at, e);
	if (ok)
		inherit(&l, m, p);
	free(l.items);
	free(l.seen);
	return ok;
}

/* Without a policy in the file, the command line is the only one; alone it denies everything. */
static bool resolve_command_line(struct resolver *r, struct err *e)
{
	struct plan_policy *p = r->plan->policies;

	p->name = xstrdup(COMMAND_LINE);
	return resolve_rules(r, &(struct lineage){ 0 }, p, (struct pos){ 0 }, e);
}

static bool resolve_policies(struct resolver *r, struct err *e)
{
	size_t n = r->model->n_policies;

	r->plan->n_policies = MAX(n, 1);
	r->plan->policies = xcalloc(r->plan->n_policies, sizeof(*r->plan->policies));
	if (n == 0)
		return resolve_command_line(r, e);
	for (size_t i = 0; i < n; i++)
		if (!resolve_policy(r, &r->model->policies[i], &r->plan->policies[i], e))
			return false;
	return true;
}

bool resolve(const struct model *m, const struct policy_options *o, struct plan **out,
	     struct err *e)
{
	_cleanup_(plan_freep) struct plan *plan = xcalloc(1, sizeof(*plan));
	struct resolver r = { .model = m, .options = o, .plan = plan, .left = LIMIT_POLICY_DESTS };
	const struct plan_policy *ignored;
	bool ok;

	plan->file = m->doc.file ? xstrdup(m->doc.file) : NULL;
	ok = resolve_policies(&r, e) && resolve_subjects(&r, e);
	resolve_groups_done(&r);
	if (ok && o->policy && !plan_policy_pick(plan, o->policy, &ignored, e)) {
		if (plan->file)
			(void)err_wrap(e, "%s", plan->file);
		ok = false;
	}
	if (!ok)
		return false;
	resolve_lint(&r);
	*out = steal(&plan);
	return true;
}

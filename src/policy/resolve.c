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
	r->plan->policies[p - r->model->policies]->extended = true;
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
	if (action == RULE_DENY || d->target != DEST_NAME || !is_host_loopback(d->name))
		return true;
	return err_set(e, ERR_INVALID,
		       "\"%s\" stands for the host's own loopback: expected \"host:PORT\"",
		       d->name->s);
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
	bool one_port = to->ports.n == 1 && to->ports.one.lo == to->ports.one.hi;

	if (to->target == DEST_PREFIX && to->prefix.len != addr_size(&to->prefix.addr) * 8)
		return false;
	return one_port && proto_has_ports(to->proto) &&
	       (to->target == DEST_NAME || to->target == DEST_PREFIX || to->target == DEST_HOST);
}

static bool resolve_to(struct resolver *r, const struct model_rule *m, struct arena *a,
		       struct plan_rule *out, struct err *e)
{
	struct place at = place_of(r, m->to->at);
	char shown[DEST_STR_MAX];

	out->to = arena_array(a, 1, struct dest);
	if (!dest_parse(node_span(m->to), DEST_FOR_ALLOW, a, out->to, e) ||
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

static bool resolve_types(struct resolver *r, const struct node *types, struct arena *a,
			  struct plan_rule *out, struct err *e)
{
	if (!has_name(out))
		return doc_err(
			&r->model->doc, types->key_at, e, ERR_INVALID,
			"types of DNS records in a rule without a name: expected a rule that "
			"allows a name");
	out->qtypes = arena_array(a, types->kind == NODE_TEXT ? 1 : types->n, uint16_t);
	for (const struct node *t = entries_first(types); t; t = entries_next(types, t)) {
		uint16_t type;

		if (!qtype_parse(node_span(t), &type, e))
			return doc_err_at(&r->model->doc, t->at, e);
		if (!plan_qtype_is_address(type))
			out->qtypes[out->n_qtypes++] = type;
	}
	return true;
}

/* The rule has the destinations of the list, which is then empty. */
static void take_dests(struct plan_rule *out, struct dest_list *dests)
{
	out->n_dests = (uint32_t)dests->n;
	out->dests = arena_array(dests->arena, dests->n, struct dest);
	if (dests->n)
		memcpy(out->dests, dests->items, dests->n * sizeof(*dests->items));
	dests->n = 0;
}

static bool resolve_rule(struct resolver *r, const struct model_rule *m, struct dest_list *dests,
			 struct plan_rule *out, struct err *e)
{
	struct arena *a = dests->arena;
	bool ok = true;

	out->action = m->action;
	out->comment = m->comment ? arena_strdup(a, m->comment) : NULL;
	for (const struct node *d = entries_first(m->dests); d && ok;
	     d = entries_next(m->dests, d)) {
		struct place at = place_of(r, d->at);

		ok = resolve_text(r, node_span(d), &at, m->action, dests, e);
	}
	take_dests(out, dests);
	return ok && (!m->to || resolve_to(r, m, a, out, e)) &&
	       (!m->types || resolve_types(r, m->types, a, out, e));
}

static bool resolve_extra(struct resolver *r, const struct policy_extra *x, struct dest_list *dests,
			  struct plan_rule *out, struct err *e)
{
	struct place at = { .action = x->action };
	bool ok = resolve_text(r, span_of(x->dest), &at, x->action, dests, e);

	out->action = x->action;
	take_dests(out, dests);
	return ok;
}

/* The name that rules of an allow-list go by: that of its file, as far as it can be one. */
static const char *list_name(struct arena *a, const char *file)
{
	struct span base = span_of(file);
	char *name;

	base = span_from(base, (size_t)(span_rfind(base, '/') + 1));
	name = base.n ? arena_strndup(a, base.p, MIN(base.n, MODEL_NAME_MAX)) :
			arena_strdup(a, "list");
	for (char *c = name; *c; c++)
		if (!schema_name_char(*c))
			*c = '_';
	return name;
}

static bool resolve_listed(struct resolver *r, const struct allow_entry *en,
			   struct dest_list *dests, struct plan_rule *out, struct err *e)
{
	const struct doc doc = { .file = (char *)(uintptr_t)en->file };
	struct place at = { .doc = &doc, .at = en->at };
	bool ok = resolve_text(r, span_of(en->text), &at, RULE_ALLOW, dests, e);

	out->action = RULE_ALLOW;
	out->comment = en->comment ? arena_strdup(dests->arena, en->comment) : NULL;
	take_dests(out, dests);
	return ok;
}

/* ---- policies ---- */

/* A policy whose rules are being made. */
struct making {
	struct plan_policy *policy; /* with room for all of them */
	struct pos *places;
	struct dest_list dests; /* of one rule */
};

static struct plan_rule *next_rule(struct resolver *r, struct making *m, const char *source,
				   size_t index, struct pos at)
{
	struct plan_rule *rule = &m->policy->rules[m->policy->n_rules];

	m->places[m->policy->n_rules++] = at;
	r->n_rules++;
	rule->policy = source;
	rule->index = (uint32_t)index;
	return rule;
}

bool resolve_takes_extras(const struct resolver *r, const struct plan_policy *p)
{
	return !r->options->policy || strcmp(r->options->policy, p->name) == 0;
}

static bool resolve_extras(struct resolver *r, struct making *m, size_t n, struct err *e)
{
	const char *source = n ? arena_strdup(m->dests.arena, COMMAND_LINE) : NULL;

	for (size_t i = 0; i < n; i++)
		if (!resolve_extra(r, &r->options->extras[i], &m->dests,
				   next_rule(r, m, source, i + 1, (struct pos){ 0 }), e))
			return false;
	return true;
}

static bool resolve_written(struct resolver *r, struct making *m, const struct model_policy *from,
			    struct err *e)
{
	const char *source = from->n_rules ? arena_strdup(m->dests.arena, from->name) : NULL;

	for (size_t i = 0; i < from->n_rules; i++)
		if (!resolve_rule(r, &from->rules[i], &m->dests,
				  next_rule(r, m, source, i + 1, from->rules[i].at), e))
			return false;
	return true;
}

static bool resolve_lists(struct resolver *r, struct making *m, const struct allowlist *lists,
			  struct err *e)
{
	const char *source = NULL, *file = NULL;

	for (size_t i = 0; i < lists->n; i++) {
		const struct allow_entry *en = &lists->items[i];
		struct plan_rule *rule;

		if (i == 0 || en->file != lists->items[i - 1].file) {
			source = list_name(m->dests.arena, en->file);
			file = arena_strdup(m->dests.arena, en->file);
		}
		rule = next_rule(r, m, source, en->at.line, en->at);
		rule->file = file;
		if (!resolve_listed(r, en, &m->dests, rule, e))
			return false;
	}
	return true;
}

/* Those of the command line, those of the model, those of the lists. */
static bool resolve_each_rule(struct resolver *r, const struct lineage *l, struct making *m,
			      size_t n_extras, const struct allowlist *lists, struct err *e)
{
	if (!resolve_extras(r, m, n_extras, e))
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (!resolve_written(r, m, l->items[i], e))
			return false;
	return !lists || resolve_lists(r, m, lists, e);
}

static bool resolve_rules(struct resolver *r, const struct lineage *l, size_t number, struct pos at,
			  struct err *e)
{
	struct plan_policy *p = r->plan->policies[number];
	struct making m = { .policy = p, .dests.arena = &p->arena };
	bool takes = resolve_takes_extras(r, p);
	const struct allowlist *lists = takes ? r->options->lists : NULL;
	size_t n_extras = takes ? r->options->n_extras : 0;
	size_t n = n_extras + (lists ? lists->n : 0);
	bool ok;

	for (size_t i = 0; i < l->n; i++)
		n += l->items[i]->n_rules;
	if (n > LIMIT_POLICY_RULES) {
		(void)err_set(e, ERR_LIMIT,
			      "the policy \"%s\" has %zu rules with those it extends and those of "
			      "allow-lists: expected at most %u",
			      p->name, n, LIMIT_POLICY_RULES);
		return at.line ? doc_err_at(&r->model->doc, at, e) : false;
	}
	plan_policy_reserve(p, n);
	m.places = r->plan->places[number] = xcalloc(n, sizeof(struct pos));
	ok = resolve_each_rule(r, l, &m, n_extras, lists, e);
	free(m.dests.items);
	return ok;
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

static bool resolve_policy(struct resolver *r, size_t number, struct err *e)
{
	const struct model_policy *m = &r->model->policies[number];
	struct lineage l = { .seen = xcalloc(r->model->n_policies, sizeof(*l.seen)) };
	bool ok = trace(r, m, &l, e) && resolve_rules(r, &l, number, m->at, e);

	if (ok)
		inherit(&l, m, r->plan->policies[number]);
	free(l.items);
	free(l.seen);
	return ok;
}

static bool resolve_policies(struct resolver *r, struct err *e)
{
	const struct lineage nothing = { 0 };
	size_t n = r->model->n_policies;

	/* Without a policy in the file, the command line is the only one; alone it denies everything. */
	if (n == 0) {
		(void)plan_policy_add(r->plan, plan_policy_new(COMMAND_LINE), 0);
		return resolve_rules(r, &nothing, 0, (struct pos){ 0 }, e);
	}
	for (size_t i = 0; i < n; i++)
		(void)plan_policy_add(r->plan, plan_policy_new(r->model->policies[i].name), 0);
	for (size_t i = 0; i < n; i++)
		if (!resolve_policy(r, i, e))
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

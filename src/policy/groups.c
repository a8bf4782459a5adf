/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * group/NAME: looked up in the file, then in the directories and among the ready groups, and
 * written out in place. A group may hold groups.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/nearest.h"
#include "policy/resolve.h"

/* A group that is being written out, and its entry that comes next. */
struct level {
	const struct model_group *group;
	const struct node *next;
};

bool place_err(const struct place *at, struct err *e)
{
	if (at->doc)
		return doc_err_at(at->doc, at->at, e);
	return err_wrap(e, "--%s", rule_action_str(at->action));
}

bool resolve_count(struct resolver *r, const struct place *at, struct err *e)
{
	if (r->left > 0) {
		r->left--;
		return true;
	}
	(void)err_set(e, ERR_LIMIT,
		      "more than %u destinations when groups and \"extends\" are written out",
		      LIMIT_POLICY_DESTS);
	return place_err(at, e);
}

/* *out stays NULL where there is no such group. */
static bool load_group(struct resolver *r, const char *name, struct model_group **out,
		       struct err *e)
{
	_cleanup_(policy_group_text_done) struct policy_group_text found = { 0 };
	_cleanup_(freep) struct resolve_loaded *l = xcalloc(1, sizeof(*l));

	if (!policy_group_read(r->options, name, &found, e))
		return false;
	if (!found.text)
		return true;
	if (!model_read_group(found.file, (struct span){ found.text, found.n }, name, &l->doc,
			      &l->group, e))
		return false;
	*out = &l->group;
	vec_push(r->loaded, r->n_loaded, r->cap_loaded, steal(&l));
	return true;
}

static bool err_no_group(const struct resolver *r, const char *name, const struct place *at,
			 struct err *e)
{
	struct nearest near = nearest_to(span_of(name));

	for (size_t i = 0; i < r->model->n_groups; i++)
		nearest_offer(&near, r->model->groups[i].name);
	for (size_t i = 0; i < r->options->n_groups; i++)
		nearest_offer(&near, r->options->groups[i].name);
	if (near.best)
		(void)err_set(e, ERR_INVALID,
			      "there is no group \"%s\": did you mean group/%s? "
			      "\"sallyport groups\" lists the ready ones",
			      name, near.best);
	else
		(void)err_set(e, ERR_INVALID,
			      "there is no group \"%s\": expected one of this file or "
			      "one that \"sallyport groups\" lists",
			      name);
	return place_err(at, e);
}

static bool find_group(struct resolver *r, const char *name, const struct place *at,
		       struct model_group **out, struct err *e)
{
	*out = model_group_find(r->model, name);
	for (size_t i = 0; i < r->n_loaded && !*out; i++)
		if (strcmp(r->loaded[i]->group.name, name) == 0)
			*out = &r->loaded[i]->group;
	if (!*out && !load_group(r, name, out, e))
		return false;
	return *out || err_no_group(r, name, at, e);
}

static bool err_cycle(const struct level *levels, size_t n, size_t from, const struct place *at,
		      struct err *e)
{
	struct buf path;

	buf_init(&path, 256);
	for (size_t i = from; i < n; i++)
		buf_fmt(&path, "%s -> ", levels[i].group->name);
	buf_str(&path, levels[from].group->name);
	(void)err_set(e, ERR_INVALID, "the group \"%s\" holds itself: %s", levels[from].group->name,
		      buf_cstr(&path));
	buf_done(&path);
	return place_err(at, e);
}

/* Opens the group called `name`, which stands at `at`, unless the rule has it already. */
static bool push(struct resolver *r, struct level *levels, size_t *n, const char *name,
		 const struct place *at, struct err *e)
{
	struct model_group *g;

	if (!find_group(r, name, at, &g, e))
		return false;
	for (size_t i = 0; i < *n; i++)
		if (levels[i].group == g)
			return err_cycle(levels, *n, i, at, e);
	if (g->written == r->n_rules)
		return true;
	g->written = r->n_rules;
	if (*n == LIMIT_POLICY_CHAIN) {
		(void)err_set(e, ERR_LIMIT, "groups in groups, more than %d deep",
			      LIMIT_POLICY_CHAIN);
		return place_err(at, e);
	}
	levels[(*n)++] = (struct level){ g, entries_first(g->value) };
	return true;
}

/* Appends what the group d, which stands at `at`, holds. */
static bool write_out(struct resolver *r, const struct dest *d, const struct place *at,
		      enum dest_use use, struct dest_list *out, struct err *e)
{
	struct level levels[LIMIT_POLICY_CHAIN];
	size_t n = 0;

	if (!push(r, levels, &n, d->group, at, e))
		return false;
	while (n > 0) {
		struct level *top = &levels[n - 1];
		const struct node *entry = top->next;
		struct place here = { .doc = top->group->doc };
		struct dest inner;

		if (!entry) {
			n--;
			continue;
		}
		here.at = entry->at;
		top->next = entries_next(top->group->value, entry);
		if (!dest_parse(node_span(entry), use, out->arena, &inner, e)) {
			(void)err_wrap(e, "in group/%s", top->group->name);
			return place_err(&here, e);
		}
		if (!resolve_count(r, &here, e))
			return false;
		if (inner.target != DEST_GROUP)
			vec_push(out->items, out->n, out->cap, inner);
		else if (!push(r, levels, &n, inner.group, &here, e))
			return false;
	}
	return true;
}

bool resolve_dest(struct resolver *r, struct span text, const struct place *at, enum dest_use use,
		  struct dest_list *out, struct err *e)
{
	struct dest d;

	if (!resolve_count(r, at, e))
		return false;
	if (!dest_parse(text, use, out->arena, &d, e))
		return place_err(at, e);
	if (d.target == DEST_GROUP)
		return write_out(r, &d, at, use, out, e);
	vec_push(out->items, out->n, out->cap, d);
	return true;
}

void resolve_groups_done(struct resolver *r)
{
	for (size_t i = 0; i < r->n_loaded; i++) {
		doc_done(&r->loaded[i]->doc);
		free(r->loaded[i]);
	}
	free(r->loaded);
}

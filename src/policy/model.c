/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/schema.h"

/* groups: {NAME: [DEST...]} */

static bool read_group(const struct doc *d, const struct node *v, struct model_group *out,
		       struct err *e)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest dest;

	if (!schema_name(d, v, "group", e) ||
	    !schema_entries(d, v, 0, "destinations, like [github.com, \"*.github.com\"]", e))
		return false;
	/* What a group is used for decides what an entry means: a deny takes most. */
	for (const struct node *c = entries_first(v); c; c = entries_next(v, c))
		if (!dest_parse(node_span(c), DEST_FOR_DENY, &arena, &dest, e))
			return doc_err_at(d, c->at, e);
	*out = (struct model_group){ .name = v->key, .value = v, .doc = d };
	return true;
}

static bool read_groups(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model *m = into;

	if (v->kind != NODE_MAP)
		return schema_err(d, v, v->key, "a map of names and lists of destinations", e);
	m->groups = xcalloc(v->n, sizeof(*m->groups));
	for (const struct node *c = v->first; c; c = c->next)
		if (!read_group(d, c, &m->groups[m->n_groups++], e))
			return false;
	return true;
}

/* The file itself. */

static bool read_version(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	(void)into;
	if (v->kind != NODE_TEXT || strcmp(v->text, "1") != 0)
		return schema_err(d, v, v->key, "1", e);
	return true;
}

static const struct schema_key file_keys[] = {
	{ "version", read_version, false },
	{ "groups", read_groups, true },
	{ "policies", model_policies_read, true },
	{ "subjects", model_subjects_read, true },
};

static int compare_groups(const void *a, const void *b)
{
	const struct model_group *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int compare_policies(const void *a, const void *b)
{
	const struct model_policy *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void sort_names(struct model *m)
{
	if (m->n_groups)
		qsort(m->groups, m->n_groups, sizeof(*m->groups), compare_groups);
	m->by_name = xcalloc(m->n_policies, sizeof(struct model_policy *));
	for (size_t i = 0; i < m->n_policies; i++)
		m->by_name[i] = &m->policies[i];
	if (m->n_policies)
		qsort(m->by_name, m->n_policies, sizeof(struct model_policy *), compare_policies);
}

static const struct node *map_find(const struct node *map, const char *key)
{
	for (const struct node *v = map->first; v; v = v->next)
		if (strcmp(v->key, key) == 0)
			return v;
	return NULL;
}

static bool read_file(struct model *m, struct err *e)
{
	const struct node *root = m->doc.root;

	if (!root || node_is_null(root)) {
		m->empty = true;
		return true;
	}
	if (!schema_map(&m->doc, root, "the file", file_keys, ARRAY_LEN(file_keys), m, e))
		return false;
	if (!map_find(root, "version"))
		return doc_err(&m->doc, root->at, e, ERR_INVALID,
			       "there is no version: expected \"version: 1\"");
	return true;
}

bool model_read(const char *file, struct span text, struct model *out, struct err *e)
{
	*out = (struct model){ 0 };
	if (!doc_read(file, text, &out->doc, e))
		return false;
	/* The members are reached through out: groups keep a pointer to its document. */
	if (!read_file(out, e)) {
		model_done(out);
		return false;
	}
	sort_names(out);
	return true;
}

static const struct schema_key group_file_keys[] = {
	{ "version", read_version, false },
	{ "groups", read_groups, false },
};

bool model_read_group(const char *file, struct span text, const char *name, struct doc *doc,
		      struct model_group *out, struct err *e)
{
	struct model m = { 0 };
	bool ok;

	if (!doc_read(file, text, doc, e))
		return false;
	if (!doc->root)
		ok = err_set(e, ERR_INVALID, "%s: is empty: expected \"groups: {%s: [...]}\"", file,
			     name);
	else
		ok = schema_map(doc, doc->root, "a file of a group", group_file_keys,
				ARRAY_LEN(group_file_keys), &m, e);
	if (ok && (m.n_groups != 1 || strcmp(m.groups[0].name, name) != 0))
		ok = doc_err(doc, doc->root->at, e, ERR_INVALID,
			     "expected the one group that the file is named after: "
			     "\"groups: {%s: [...]}\"",
			     name);
	if (ok)
		*out = m.groups[0];
	else
		doc_done(doc);
	free(m.groups);
	return ok;
}

void model_done(struct model *m)
{
	for (size_t i = 0; i < m->n_policies; i++)
		free(m->policies[i].rules);
	free(m->groups);
	free(m->policies);
	free(m->by_name);
	free(m->subjects);
	doc_done(&m->doc);
	*m = (struct model){ 0 };
}

struct model_group *model_group_find(const struct model *m, const char *name)
{
	struct model_group wanted = { .name = name };

	if (m->n_groups == 0)
		return NULL;
	return bsearch(&wanted, m->groups, m->n_groups, sizeof(*m->groups), compare_groups);
}

const struct model_policy *model_policy_find(const struct model *m, const char *name)
{
	struct model_policy wanted = { .name = name }, *key = &wanted;
	struct model_policy **found;

	if (m->n_policies == 0)
		return NULL;
	found = bsearch(&key, m->by_name, m->n_policies, sizeof(struct model_policy *),
			compare_policies);
	return found ? *found : NULL;
}

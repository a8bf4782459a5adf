/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/schema.h"

#include <assert.h>
#include <string.h>

#include "base/nearest.h"
#include "policy/model.h"

#define SHOWN_MAX 80

bool schema_err(const struct doc *d, const struct node *v, const char *what, const char *expected,
		struct err *e)
{
	char shown[SHOWN_MAX];

	if (v->kind != NODE_TEXT)
		return doc_err(d, v->at, e, ERR_INVALID, "%s is %s: expected %s", what,
			       node_kind_str(v), expected);
	if (node_is_null(v))
		return doc_err(d, v->at, e, ERR_INVALID, "%s is empty: expected %s", what,
			       expected);
	return doc_err(d, v->at, e, ERR_INVALID, "%s is \"%s\": expected %s", what,
		       span_show(node_span(v), shown, sizeof(shown)), expected);
}

/* The words joined as "a, b or c". */
static const char *join_words(const char *const *words, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_fmt(out, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
	return buf_cstr(out);
}

static bool err_unknown(const struct doc *d, const struct node *v, const char *what,
			const char *const *words, size_t n, struct err *e)
{
	struct nearest near = nearest_to(span_of(v->key));
	char shown[SHOWN_MAX];
	struct buf list;

	for (size_t i = 0; i < n; i++)
		nearest_offer(&near, words[i]);
	span_show(span_of(v->key), shown, sizeof(shown));
	if (near.best)
		return doc_err(d, v->key_at, e, ERR_INVALID,
			       "unknown key \"%s\" in %s: did you mean \"%s\"?", shown, what,
			       near.best);
	buf_init(&list, 256);
	(void)doc_err(d, v->key_at, e, ERR_INVALID, "unknown key \"%s\" in %s: expected %s", shown,
		      what, join_words(words, n, &list));
	buf_done(&list);
	return false;
}

bool schema_map(const struct doc *d, const struct node *map, const char *what,
		const struct schema_key *keys, size_t n, void *into, struct err *e)
{
	const char *words[SCHEMA_KEYS_MAX];

	assert(n <= SCHEMA_KEYS_MAX);
	for (size_t i = 0; i < n; i++)
		words[i] = keys[i].name;
	if (map->kind != NODE_MAP)
		return schema_err(d, map, what, "a map of keys and values", e);
	for (const struct node *v = map->first; v; v = v->next) {
		size_t i = 0;

		while (i < n && strcmp(v->key, keys[i].name) != 0)
			i++;
		if (i == n)
			return err_unknown(d, v, what, words, n, e);
		if (keys[i].may_be_null && node_is_null(v))
			continue;
		if (!keys[i].read(d, v, into, e))
			return false;
	}
	return true;
}

bool schema_choice(const struct doc *d, const struct node *v, const char *const *words, size_t n,
		   size_t *out, struct err *e)
{
	struct buf list;

	for (size_t i = 0; i < n && v->kind == NODE_TEXT; i++)
		if (strcmp(v->text, words[i]) == 0) {
			*out = i;
			return true;
		}
	buf_init(&list, 256);
	(void)schema_err(d, v, v->key, join_words(words, n, &list), e);
	buf_done(&list);
	return false;
}

bool schema_entries(const struct doc *d, const struct node *v, size_t min, const char *expected,
		    struct err *e)
{
	if (v->kind == NODE_MAP || node_is_null(v))
		return schema_err(d, v, v->key, expected, e);
	if (v->kind == NODE_LIST && v->n < min)
		return doc_err(d, v->at, e, ERR_INVALID, "%s is an empty list: expected %s", v->key,
			       expected);
	for (const struct node *c = entries_first(v); c; c = entries_next(v, c))
		if (c->kind != NODE_TEXT || node_is_null(c))
			return schema_err(d, c, "an entry", expected, e);
	return true;
}

bool schema_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

bool schema_name(const struct doc *d, const struct node *v, const char *what, struct err *e)
{
	struct span s = span_of(v->key);
	bool ok = s.n > 0 && s.n <= MODEL_NAME_MAX && s.p[0] != '.' && s.p[0] != '-';
	char shown[SHOWN_MAX];

	for (size_t i = 0; ok && i < s.n; i++)
		ok = schema_name_char(s.p[i]);
	if (ok)
		return true;
	return doc_err(
		d, v->key_at, e, ERR_INVALID,
		"\"%s\" cannot be the name of a %s: expected at most %d letters, digits, \"-\", "
		"\"_\" and \".\", beginning with a letter or digit",
		span_show(s, shown, sizeof(shown)), what, MODEL_NAME_MAX);
}

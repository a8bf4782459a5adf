/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of a text, by the places of its values. What is cut out or put in is chosen so that the
 * lines of others stay as they are; where a comment stands is seen by comparing with `plain`.
 */
#include <string.h>

#include "base/alloc.h"
#include "policy/jsonc.h"

#define STEP "  "

/* At most two places are cut, and at most two get something put in. */
struct splice {
	size_t from, to; /* cut; from == to: nothing */
	const char *put; /* in its place, or NULL */
};

static char *splice(const struct jsonc *j, const struct splice *s, size_t n)
{
	size_t at = 0;
	struct buf b;

	buf_init(&b, SIZE_MAX);
	for (size_t i = 0; i < n; i++) {
		buf_add(&b, j->text + at, s[i].from - at);
		if (s[i].put)
			buf_str(&b, s[i].put);
		at = s[i].to;
	}
	buf_add(&b, j->text + at, j->n - at);
	return buf_take(&b);
}

/* ---- lines ---- */

static size_t line_start(const struct jsonc *j, size_t at)
{
	while (at > 0 && j->text[at - 1] != '\n')
		at--;
	return at;
}

/* Of the newline, or the end of the text. */
static size_t line_end(const struct jsonc *j, size_t at)
{
	while (at < j->n && j->text[at] != '\n')
		at++;
	return at;
}

static bool is_blank(const struct jsonc *j, size_t from, size_t to)
{
	for (; from < to; from++)
		if (!strchr(" \t\r", j->plain[from]))
			return false;
	return true;
}

/* The blanks that the line of `at` begins with; the caller's. */
static char *indent_of(const struct jsonc *j, size_t at)
{
	size_t start = line_start(j, at), n = 0;

	while (j->text[start + n] == ' ' || j->text[start + n] == '\t')
		n++;
	return xstrndup(j->text + start, n);
}

/* ---- values ---- */

/* A value whose first line is already begun and whose others begin with `indent`. */
static void render(struct buf *out, const json_t *value, const char *indent, bool one_line)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | (one_line ? 0 : JSON_INDENT(2)));

	for (const char *c = text; c && *c; c++) {
		buf_char(out, *c);
		if (*c == '\n')
			buf_str(out, indent);
	}
	free(text);
}

static void render_member(struct buf *out, const char *key, const json_t *value, const char *indent,
			  bool one_line)
{
	json_t *name = key ? json_string(key) : NULL;

	if (name) {
		render(out, name, indent, true);
		buf_str(out, ": ");
	}
	json_decref(name);
	render(out, value, indent, one_line);
}

/* ---- adding ---- */

/* The first and last value in a container; NULL when it is empty. */
static void find_children(const struct jsonc *j, const json_t *parent,
			  const struct jsonc_place **first, const struct jsonc_place **last)
{
	*first = *last = NULL;
	for (size_t i = 0; i < j->n_places; i++) {
		if (j->places[i].parent != parent)
			continue;
		*last = &j->places[i];
		if (!*first)
			*first = *last;
	}
}

/* What the lines inside of a container begin with; the caller's. */
static char *inner_indent(const struct jsonc *j, const struct jsonc_place *container,
			  const struct jsonc_place *first)
{
	_cleanup_(freep) char *outer = NULL;

	if (first && is_blank(j, line_start(j, first->start), first->start))
		return indent_of(j, first->start);
	outer = indent_of(j, container->at);
	return xasprintf("%s" STEP, outer);
}

static char *add(const struct jsonc *j, const json_t *parent, const char *key, const json_t *value)
{
	const struct jsonc_place *in = jsonc_place(j, parent), *first, *last;
	_cleanup_(freep) char *inner = NULL, *outer = indent_of(j, in->at);
	size_t close = in->end - 1, start = line_start(j, close), from;
	bool own_line = is_blank(j, start, close) && start > in->at;
	bool one_line;
	_cleanup_(buf_done) struct buf text = { 0 };

	find_children(j, parent, &first, &last);
	inner = inner_indent(j, in, first);
	one_line = last && line_start(j, in->at) == start;
	buf_init(&text, SIZE_MAX);
	buf_str(&text, own_line ? inner : one_line ? " " : "\n");
	if (!own_line && !one_line)
		buf_str(&text, inner);
	render_member(&text, key, value, inner, one_line);
	if (own_line)
		buf_char(&text, '\n');
	else if (!last)
		buf_fmt(&text, "\n%s", outer);
	from = own_line ? start : last ? last->end : close;
	return splice(j,
		      (struct splice[]){ { last ? last->end : from, last ? last->end : from,
					   last ? "," : NULL },
					 { from, from, buf_cstr(&text) } },
		      2);
}

/* By its key: some values have no place of their own. */
static const struct jsonc_place *member_place(const struct jsonc *j, const json_t *object,
					      const char *key)
{
	const json_t *value = json_object_get(object, key);
	char *quoted;
	json_t *name;
	const struct jsonc_place *found = jsonc_place(j, value);

	if (found || !value)
		return found;
	name = json_string(key);
	quoted = json_dumps(name, JSON_ENCODE_ANY);
	json_decref(name);
	for (size_t i = 0; i < j->n_places && !found; i++)
		if (j->places[i].parent == object && j->places[i].value == value &&
		    strncmp(j->text + j->places[i].start, quoted, strlen(quoted)) == 0)
			found = &j->places[i];
	free(quoted);
	return found;
}

char *jsonc_set(const struct jsonc *j, const json_t *object, const char *key, const json_t *value)
{
	const struct jsonc_place *old = member_place(j, object, key);
	_cleanup_(freep) char *indent = NULL;
	_cleanup_(buf_done) struct buf text = { 0 };

	if (!old)
		return add(j, object, key, value);
	indent = indent_of(j, old->start);
	buf_init(&text, SIZE_MAX);
	render(&text, value, indent, !json_is_object(value) && !json_is_array(value));
	return splice(j, (struct splice[]){ { old->at, old->end, buf_cstr(&text) } }, 1);
}

char *jsonc_append(const struct jsonc *j, const json_t *array, const json_t *value)
{
	return add(j, array, NULL, value);
}

/* ---- removing ---- */

/* The comma behind a value that another follows. */
static size_t comma_after(const struct jsonc *j, const struct jsonc_place *p)
{
	size_t at = p->end;

	while (at < j->n && j->plain[at] != ',')
		at++;
	return at;
}

/* Whole lines, where nothing else stands in them. */
static struct splice cut(const struct jsonc *j, size_t from, size_t to)
{
	size_t start = line_start(j, from), end = line_end(j, to);

	if (is_blank(j, start, from) && is_blank(j, to, end))
		return (struct splice){ start, MIN(end + 1, j->n), NULL };
	return (struct splice){ from, to, NULL };
}

char *jsonc_remove(const struct jsonc *j, const json_t *parent, const json_t *value)
{
	const struct jsonc_place *gone = jsonc_place(j, value), *before = NULL, *after = NULL;
	struct splice out[2];

	for (size_t i = 0; i < j->n_places && !after; i++) {
		if (j->places[i].parent != parent || &j->places[i] == gone)
			continue;
		if (&j->places[i] < gone)
			before = &j->places[i];
		else
			after = &j->places[i];
	}
	if (after) {
		out[0] = cut(j, gone->start, comma_after(j, gone) + 1);
		/* In the midst of a line the next one takes its place. */
		while (out[0].from == gone->start && out[0].to < after->start &&
		       j->text[out[0].to] == ' ')
			out[0].to++;
		return splice(j, out, 1);
	}
	out[0] = cut(j, gone->start, gone->end);
	if (!before)
		return splice(j, out, 1);
	out[1] = out[0];
	out[0] = (struct splice){ comma_after(j, before), comma_after(j, before) + 1, NULL };
	if (line_start(j, gone->start) == line_start(j, before->end))
		out[0].to = out[1].from;
	return splice(j, out, 2);
}

char *jsonc_replace(const struct jsonc *j, const json_t *root)
{
	const struct jsonc_place *old = jsonc_place(j, j->root);
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_add(&b, j->text, old->at);
	render(&b, root, "", false);
	buf_char(&b, '\n');
	return buf_take(&b);
}

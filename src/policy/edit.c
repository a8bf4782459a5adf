/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/edit.h"

#include <string.h>

#include "base/limits.h"
#include "policy/edit_impl.h"

#define BY_HAND "it is laid out too unusually to be changed here: change it by hand"

static const char mark[] = "\xef\xbb\xbf";

static const struct node *child(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (const struct node *v = map->first; v; v = v->next)
		if (strcmp(v->key, key) == 0)
			return v;
	return NULL;
}

/* ---- places ---- */

static size_t offset_of(struct span text, struct pos at)
{
	size_t i = 0;

	for (unsigned line = 1; line < at.line && i < text.n; i++)
		line += text.p[i] == '\n';
	return MIN(i + at.column - 1, text.n);
}

/* Behind the line's newline, or at the end of the text. */
static size_t line_next(struct span text, size_t at)
{
	while (at < text.n && text.p[at] != '\n')
		at++;
	return MIN(at + 1, text.n);
}

static bool is_flow(const struct editor *ed, const struct node *v)
{
	size_t at = offset_of(ed->text, v->at);

	return at < ed->text.n && (ed->text.p[at] == '[' || ed->text.p[at] == '{');
}

/* ---- putting together ---- */

/* The text up to `from`, what the caller appends next, and from there on what follows `to`. */
static void put_head(struct editor *ed, size_t from)
{
	buf_span(ed->out, span_first(ed->text, from));
}

static void put_tail(struct editor *ed, size_t to)
{
	buf_span(ed->out, span_from(ed->text, to));
}

static void put_quoted(struct editor *ed, const char *s)
{
	buf_char(ed->out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_char(ed->out, '\\');
		buf_char(ed->out, *s);
	}
	buf_char(ed->out, '"');
}

/* A destination that means itself without quotes, in a line of its own. */
static bool is_plain(const char *s)
{
	struct node as_plain = { .kind = NODE_TEXT, .text = (char *)(uintptr_t)s };
	size_t n = strlen(s);

	if (node_is_null(&as_plain) || s[n - 1] == ':')
		return false;
	for (const char *c = s; *c; c++)
		if (!schema_name_char(*c) && !(c > s && (*c == '/' || *c == ':' || *c == ',')))
			return false;
	return s[0] != '-' && s[0] != '.';
}

/* {allow: "x"}; with quotes around the keys where the whole file is JSON. */
static void put_flow_rule(struct editor *ed)
{
	const char *quote = is_flow(ed, ed->doc.root) ? "\"" : "";

	buf_fmt(ed->out, "{%s%s%s: ", quote, rule_action_str(ed->rule->action), quote);
	put_quoted(ed, ed->rule->dest);
	buf_char(ed->out, '}');
}

/* "- allow: x" in a line of its own, with that many blanks before it. */
static void put_block_rule(struct editor *ed, unsigned indent)
{
	buf_fmt(ed->out, "%*s- %s: ", (int)indent, "", rule_action_str(ed->rule->action));
	if (is_plain(ed->rule->dest))
		buf_str(ed->out, ed->rule->dest);
	else
		put_quoted(ed, ed->rule->dest);
	buf_str(ed->out, ed->eol);
}

/* Up to the end of the key's line: what comes next stands in a line of its own, before comments that
 * belong to what follows. Returns where the text goes on. */
static size_t put_key_line(struct editor *ed, const struct node *v)
{
	size_t next = line_next(ed->text, offset_of(ed->text, v->key_at));

	put_head(ed, next);
	if (next > 0 && ed->text.p[next - 1] != '\n')
		buf_str(ed->out, ed->eol);
	return next;
}

/* ---- adding ---- */

/* The rule becomes the first of a list or, with "rules" around it, of a map, in brackets. */
static void add_flow(struct editor *ed, const struct node *in, bool with_key)
{
	const char *quote = is_flow(ed, ed->doc.root) ? "\"" : "";
	size_t at = offset_of(ed->text, in->at) + 1;

	put_head(ed, at);
	if (with_key)
		buf_fmt(ed->out, "%srules%s: [", quote, quote);
	put_flow_rule(ed);
	buf_fmt(ed->out, "%s%s", with_key ? "]" : "", in->n ? ", " : "");
	put_tail(ed, at);
}

/* `rules:` with nothing behind it, or `rules: null`. */
static void add_to_null(struct editor *ed)
{
	size_t at = offset_of(ed->text, ed->rules->at), n = strlen(ed->rules->text);

	if (n == 0) {
		at = put_key_line(ed, ed->rules);
		put_block_rule(ed, ed->rules->key_at.column + 1);
		put_tail(ed, at);
		return;
	}
	put_head(ed, at);
	buf_char(ed->out, '[');
	put_flow_rule(ed);
	buf_char(ed->out, ']');
	put_tail(ed, at + n);
}

/* The policy has no rules yet. */
static void add_key(struct editor *ed)
{
	const struct node *p = ed->policy;
	unsigned indent = p->kind == NODE_MAP && p->first ? p->first->key_at.column - 1 :
							    p->key_at.column + 1;
	size_t next;

	if (p->kind == NODE_MAP && is_flow(ed, p)) {
		add_flow(ed, p, true);
		return;
	}
	next = put_key_line(ed, p);
	buf_fmt(ed->out, "%*srules:%s", (int)indent, "", ed->eol);
	put_block_rule(ed, indent + 2);
	put_tail(ed, next);
}

static void add(struct editor *ed)
{
	const struct node *r = ed->rules;
	size_t next;

	if (!r) {
		add_key(ed);
	} else if (r->kind != NODE_LIST) {
		add_to_null(ed);
	} else if (is_flow(ed, r)) {
		add_flow(ed, r, false);
	} else {
		next = put_key_line(ed, r);
		put_block_rule(ed, r->at.column - 1);
		put_tail(ed, next);
	}
}

/* ---- the rule ---- */

static enum dest_use use_of(enum rule_action a)
{
	return a == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW;
}

static bool same_dest(const char *a, const char *b, enum dest_use use)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	char x[DEST_STR_MAX], y[DEST_STR_MAX];
	struct err ignored = { 0 };
	struct dest d;

	if (!dest_parse(span_of(a), use, &arena, &d, &ignored))
		return false;
	dest_show(&d, use, x);
	if (!dest_parse(span_of(b), use, &arena, &d, &ignored))
		return false;
	return strcmp(x, dest_show(&d, use, y)) == 0;
}

/* The policy's first rule has that action, for that destination alone, and no other condition. */
static bool stands_first(const struct editor *ed)
{
	const struct node *first = ed->rules && ed->rules->kind == NODE_LIST ? ed->rules->first :
									       NULL;
	const struct node *v = child(first, rule_action_str(ed->rule->action));

	if (!v || first->n > (child(first, "comment") ? 2 : 1))
		return false;
	if (v->kind == NODE_LIST)
		v = v->n == 1 ? v->first : NULL;
	return v && v->kind == NODE_TEXT &&
	       same_dest(v->text, ed->rule->dest, use_of(ed->rule->action));
}

static bool check_outcome(struct editor *ed, struct err *e)
{
	struct err ignored = { 0 };
	struct model m;
	bool ok;

	if (!buf_ok(ed->out) || !model_read(ed->file, buf_view(ed->out), &m, &ignored))
		return err_set(e, ERR_UNSUPPORTED, "%s: " BY_HAND, ed->file);
	ok = edit_is_added(ed, &m.doc);
	model_done(&m);
	return ok || err_set(e, ERR_UNSUPPORTED, "%s: " BY_HAND, ed->file);
}

/* ---- from the outside ---- */

static bool find_policy(struct editor *ed, struct err *e)
{
	char shown[64];

	ed->policy = child(child(ed->doc.root, "policies"), ed->rule->policy);
	ed->rules = child(ed->policy, "rules");
	if (ed->policy)
		return true;
	return err_set(e, ERR_INVALID, "%s: there is no policy \"%s\"", ed->file,
		       span_show(span_of(ed->rule->policy), shown, sizeof(shown)));
}

static bool start(struct editor *ed, const char *file, struct span text,
		  const struct edit_rule *rule, struct buf *out, struct err *e)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest ignored;
	struct model m;

	*ed = (struct editor){ .file = file, .rule = rule, .text = text, .out = out };
	if (!dest_parse(span_of(rule->dest), use_of(rule->action), &arena, &ignored, e))
		return false;
	if (!model_read(file, text, &m, e))
		return false;
	model_done(&m);
	if (span_starts(text, SPAN_LIT(mark))) {
		buf_str(out, mark);
		ed->text = span_from(text, sizeof(mark) - 1);
	}
	ed->eol = memmem(text.p, text.n, "\r\n", 2) ? "\r\n" : "\n";
	return doc_read(file, ed->text, &ed->doc, e) && find_policy(ed, e);
}

bool policy_edit_add(const char *file, struct span text, const struct edit_rule *rule,
		     struct buf *out, struct err *e)
{
	struct editor ed;
	bool ok = start(&ed, file, text, rule, out, e);

	if (ok && stands_first(&ed)) {
		put_tail(&ed, 0);
	} else if (ok) {
		add(&ed);
		ok = check_outcome(&ed, e);
	}
	doc_done(&ed.doc);
	return ok;
}

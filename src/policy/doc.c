/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/alloc.h"
#include "base/limits.h"

/* A place in the text that only moves forward, so that all marks together cost one pass. */
struct spot {
	struct span text;
	size_t index; /* characters before it, which is how libyaml counts */
	size_t byte;
	size_t line_start;
	unsigned line;
};

/* A list or map that is still open. */
struct level {
	struct node *node;
	const struct node **tail; /* where the next child is linked in */
	char *key;		  /* of a map: read, and waiting for its value; owned */
	struct pos key_at;
};

struct builder {
	struct doc *doc;
	struct spot spot;
	struct level levels[LIMIT_POLICY_DEPTH];
	size_t depth;
	bool ended; /* the document, not the text */
};

/* What a person would not see: the first bytes, and the range of the one after them. */
static const struct {
	const char *lead;
	unsigned char lo, hi;
} hidden[] = {
	{ "", 0x00, 0x1f },	    /* C0 controls */
	{ "", 0x7f, 0x7f },	    /* DEL */
	{ "\xc2", 0x80, 0x9f },	    /* U+0080 to U+009F, of which U+0085 ends a line in YAML 1.1 */
	{ "\xe2\x80", 0xa8, 0xae }, /* U+2028 and U+2029 end a line; U+202A to U+202E turn it */
	{ "\xe2\x81", 0xa6, 0xa9 }, /* U+2066 to U+2069 turn it */
	{ "\xef\xbb", 0xbf, 0xbf }, /* U+FEFF */
};

static bool is_cont(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static struct pos spot_pos(const struct spot *s)
{
	return (struct pos){ s->line, (unsigned)(s->byte - s->line_start) + 1 };
}

static void step(struct spot *s)
{
	bool newline = s->text.p[s->byte] == '\n';

	do {
		s->byte++;
	} while (s->byte < s->text.n && is_cont(s->text.p[s->byte]));
	s->index++;
	if (newline) {
		s->line++;
		s->line_start = s->byte;
	}
}

static struct pos spot_at(struct spot *s, const yaml_mark_t *mark)
{
	while (s->index < mark->index && s->byte < s->text.n)
		step(s);
	return spot_pos(s);
}

static struct spot spot_start(struct span text)
{
	return (struct spot){ .text = text, .line = 1 };
}

/* The place of a byte, counted from the start. */
static struct spot spot_of_byte(struct span text, size_t byte)
{
	struct spot s = spot_start(text);

	while (s.byte < byte && s.byte < text.n)
		step(&s);
	return s;
}

/* The length of the hidden character that s has at `at`, or 0. */
static size_t hidden_len(struct span s, size_t at)
{
	if (s.p[at] >= 0x20 && s.p[at] < 0x7f)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		size_t n = strlen(hidden[i].lead);
		unsigned char last;

		if (s.n - at <= n || memcmp(s.p + at, hidden[i].lead, n) != 0)
			continue;
		last = (unsigned char)s.p[at + n];
		if (last >= hidden[i].lo && last <= hidden[i].hi)
			return n + 1;
	}
	return 0;
}

/* LF, CRLF or a tab. */
static bool is_layout(struct span s, size_t at)
{
	char c = s.p[at];

	return c == '\n' || c == '\t' || (c == '\r' && at + 1 < s.n && s.p[at + 1] == '\n');
}

bool doc_check_hidden(const struct doc *d, struct span text, struct err *e)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t n = hidden_len(text, i);
		struct spot s;
		char shown[16];

		if (n == 0 || is_layout(text, i))
			continue;
		s = spot_of_byte(text, i);
		return doc_err(
			d, spot_pos(&s), e, ERR_INVALID,
			"read the invisible character %s: expected only text that can be seen",
			span_show((struct span){ text.p + i, n }, shown, sizeof(shown)));
	}
	return true;
}

bool doc_err(const struct doc *d, struct pos at, struct err *e, enum err_kind kind, const char *fmt,
	     ...)
{
	char msg[sizeof(e->msg)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	(void)err_set(e, kind, "%s", msg);
	return doc_err_at(d, at, e);
}

bool doc_err_at(const struct doc *d, struct pos at, struct err *e)
{
	e->at = at;
	return err_wrap(e, "%s:%u:%u", d->file, at.line, at.column);
}

bool node_is_null(const struct node *n)
{
	return n->kind == NODE_TEXT && !n->quoted &&
	       (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

const char *node_kind_str(const struct node *n)
{
	static const char *const names[] = {
		[NODE_TEXT] = "a text",
		[NODE_LIST] = "a list",
		[NODE_MAP] = "a map",
	};

	return names[n->kind];
}

/* What stands in the text from `at` to the next blank, comma or bracket. */
static struct span word_at(struct span text, size_t at)
{
	struct span rest = span_from(text, at);
	size_t n = 0;

	while (n < rest.n && !strchr(" \t\r\n,[]{}#", rest.p[n]))
		n++;
	return span_first(rest, n);
}

static bool err_alias(struct builder *b, struct spot s, struct err *e)
{
	struct span word = word_at(s.text, s.byte);
	char shown[64];

	span_show(word, shown, sizeof(shown));
	return doc_err(b->doc, spot_pos(&s), e, ERR_INVALID,
		       "read %s, which without quotes is a YAML alias: write \"%s\" in quotes",
		       shown, shown);
}

/* libyaml's own complaint, with the place in bytes and what stands there. */
static bool err_yaml(struct builder *b, const yaml_parser_t *y, struct err *e)
{
	struct spot s = spot_start(b->spot.text);
	char shown[32];

	if (y->error == YAML_READER_ERROR) {
		s = spot_of_byte(s.text, y->problem_offset);
		return doc_err(b->doc, spot_pos(&s), e, ERR_INVALID,
			       "read bytes that are not UTF-8: expected text in UTF-8");
	}
	if (y->context && strcmp(y->context, "while scanning an alias") == 0) {
		(void)spot_at(&s, &y->context_mark);
		return err_alias(b, s, e);
	}
	(void)spot_at(&s, &y->problem_mark);
	if (s.byte < s.text.n && s.text.p[s.byte] == '\t')
		return doc_err(b->doc, spot_pos(&s), e, ERR_INVALID,
			       "read a tab: expected lines to be indented with blanks");
	span_show(word_at(s.text, s.byte), shown, sizeof(shown));
	return doc_err(b->doc, spot_pos(&s), e, ERR_INVALID, "not valid YAML%s%s%s: %s%s%s",
		       shown[0] ? " at \"" : "", shown, shown[0] ? "\"" : "",
		       y->context ? y->context : "", y->context ? ": " : "",
		       y->problem ? y->problem : "cannot be read");
}

/* Gives the text that was just read to the map as the key of the next child. */
static bool take_key(struct builder *b, struct level *l, const yaml_event_t *ev, struct pos at,
		     struct err *e)
{
	const char *key = (const char *)ev->data.scalar.value;

	if (ev->type != YAML_SCALAR_EVENT)
		return doc_err(b->doc, at, e, ERR_INVALID,
			       "read a list or map as a key: expected a text");
	if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0)
		return doc_err(b->doc, at, e, ERR_INVALID,
			       "read the merge key <<: a policy is written out, without merging");
	l->key = xstrdup(key);
	l->key_at = at;
	return true;
}

static struct node *add_node(struct builder *b, struct level *l, enum node_kind kind, struct pos at)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->at = at;
	vec_push(b->doc->nodes, b->doc->n_nodes, b->doc->cap_nodes, n);
	if (!l) {
		b->doc->root = n;
		return n;
	}
	n->key = steal(&l->key);
	n->key_at = l->key_at;
	*l->tail = n;
	l->tail = &n->next;
	l->node->n++;
	return n;
}

static bool open_level(struct builder *b, struct node *n, struct err *e)
{
	if (b->depth == LIMIT_POLICY_DEPTH)
		return doc_err(b->doc, n->at, e, ERR_LIMIT, "nested deeper than %d levels",
			       LIMIT_POLICY_DEPTH);
	b->levels[b->depth++] = (struct level){ .node = n, .tail = &n->first };
	return true;
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;
	int by_key = strcmp(x->key, y->key);

	if (by_key)
		return by_key;
	/* The same key twice: in the order of the text, so that the error is about the second. */
	if (x->key_at.line != y->key_at.line)
		return x->key_at.line < y->key_at.line ? -1 : 1;
	return x->key_at.column < y->key_at.column ? -1 : 1;
}

static bool check_twice(struct builder *b, const struct node *map, struct err *e)
{
	_cleanup_(freep) const struct node **sorted = xcalloc(map->n, sizeof(*sorted));
	size_t n = 0;

	for (const struct node *c = map->first; c; c = c->next)
		sorted[n++] = c;
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < n; i++) {
		char shown[64];

		if (strcmp(sorted[i - 1]->key, sorted[i]->key) != 0)
			continue;
		return doc_err(b->doc, sorted[i]->key_at, e, ERR_INVALID,
			       "the key \"%s\" is written twice, first on line %u",
			       span_show(span_of(sorted[i]->key), shown, sizeof(shown)),
			       sorted[i - 1]->key_at.line);
	}
	return true;
}

static bool check_scalar(struct builder *b, const yaml_event_t *ev, struct pos at, struct err *e)
{
	struct span s = { (const char *)ev->data.scalar.value, ev->data.scalar.length };
	char shown[16];

	for (size_t i = 0; i < s.n; i++) {
		size_t n = hidden_len(s, i);

		if (n == 0)
			continue;
		return doc_err(
			b->doc, at, e, ERR_INVALID,
			"read a text with %s in it: expected one line without control characters",
			span_show((struct span){ s.p + i, n }, shown, sizeof(shown)));
	}
	return true;
}

/* A text, or the start of a list or map. */
static bool on_node(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	static const enum node_kind kinds[] = {
		[YAML_SCALAR_EVENT] = NODE_TEXT,
		[YAML_SEQUENCE_START_EVENT] = NODE_LIST,
		[YAML_MAPPING_START_EVENT] = NODE_MAP,
	};
	struct level *l = b->depth ? &b->levels[b->depth - 1] : NULL;
	struct pos at = spot_at(&b->spot, &ev->start_mark);
	struct node *n;

	if (ev->type == YAML_SCALAR_EVENT && !check_scalar(b, ev, at, e))
		return false;
	if (l && l->node->kind == NODE_MAP && !l->key)
		return take_key(b, l, ev, at, e);
	n = add_node(b, l, kinds[ev->type], at);
	if (ev->type != YAML_SCALAR_EVENT)
		return open_level(b, n, e);
	n->text = xstrdup((const char *)ev->data.scalar.value);
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return true;
}

/* Anchors and tags, in whichever of the three events they come. */
static bool check_props(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (ev->type == YAML_SCALAR_EVENT) {
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
	}
	if (!anchor && !tag)
		return true;
	return doc_err(b->doc, spot_at(&b->spot, &ev->start_mark), e, ERR_INVALID,
		       "read a YAML %s: a policy has none; a text that begins with %c needs quotes",
		       anchor ? "anchor" : "tag", anchor ? '&' : '!');
}

static bool on_document(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	struct pos at = spot_at(&b->spot, &ev->start_mark);

	if (b->ended)
		return doc_err(b->doc, at, e, ERR_INVALID,
			       "read the start of a second document: expected only one");
	if (ev->data.document_start.version_directive ||
	    ev->data.document_start.tag_directives.start !=
		    ev->data.document_start.tag_directives.end)
		return doc_err(b->doc, at, e, ERR_INVALID,
			       "read a YAML directive: expected the policy itself");
	return true;
}

static bool on_event(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, ev, e);
	case YAML_DOCUMENT_END_EVENT:
		b->ended = true;
		return true;
	case YAML_ALIAS_EVENT:
		(void)spot_at(&b->spot, &ev->start_mark);
		return err_alias(b, b->spot, e);
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return check_props(b, ev, e) && on_node(b, ev, e);
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return true;
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return check_twice(b, b->levels[b->depth].node, e);
	default: /* libyaml's enum: the start and the end of the stream */
		return true;
	}
}

static bool build(struct builder *b, struct err *e)
{
	yaml_parser_t y;
	yaml_event_t ev;
	bool ok = true, more = true;

	if (!yaml_parser_initialize(&y))
		abort(); /* it fails only for want of memory, like xmalloc() */
	yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y, (const unsigned char *)b->spot.text.p, b->spot.text.n);
	while (ok && more) {
		if (!yaml_parser_parse(&y, &ev)) {
			ok = err_yaml(b, &y, e);
			break;
		}
		more = ev.type != YAML_STREAM_END_EVENT;
		ok = on_event(b, &ev, e);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&y);
	for (size_t i = 0; i < b->depth; i++)
		free(b->levels[i].key);
	return ok;
}

bool doc_read(const char *file, struct span text, struct doc *out, struct err *e)
{
	struct doc d = { .file = xstrdup(file) };
	struct builder b = { .doc = &d };
	bool ok;

	/* What some editors put in front of UTF-8. */
	if (span_starts(text, SPAN_LIT("\xef\xbb\xbf")))
		text = span_from(text, 3);
	b.spot = spot_start(text);
	if (text.n > LIMIT_POLICY_BYTES)
		ok = err_set(e, ERR_LIMIT, "%s: larger than %u bytes", file, LIMIT_POLICY_BYTES);
	else
		ok = doc_check_hidden(&d, text, e) && build(&b, e);
	if (ok)
		*out = d;
	else
		doc_done(&d);
	return ok;
}

void doc_done(struct doc *d)
{
	for (size_t i = 0; i < d->n_nodes; i++) {
		free(d->nodes[i]->text);
		free(d->nodes[i]->key);
		free(d->nodes[i]);
	}
	free(d->nodes);
	free(d->file);
	*d = (struct doc){ 0 };
}

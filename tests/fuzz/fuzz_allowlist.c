/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allow-list files. What is read, printed and read again is the same; its filter for tinyproxy is
 * anchored, and of harmless bytes. What is not read says where, with no byte of the input raw, and
 * the destinations that the message offers are some.
 */
#include <assert.h>

#include "../unit/dest_same.h"
#include "policy/allowlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct err *e)
{
	assert(e->kind == ERR_INVALID || e->kind == ERR_LIMIT);
	assert(strncmp(e->msg, "f.allow:", 8) == 0);
	for (const char *c = e->msg; *c; c++)
		assert(*c >= 0x20 && *c < 0x7f);
}

/* Takes a text in quotes, and all up to it. */
static bool next_quoted(struct span *rest, struct span *word)
{
	struct span ignored;

	return span_next(rest, '"', &ignored) && span_next(rest, '"', word) && rest->p;
}

/* What stands behind "write" in '"LINE" is a pattern: write "a.example" and "*.a.example"'. */
static void check_offer(const struct err *e)
{
	struct span rest = span_of(e->msg), word;
	const char *at;

	/* Not where the end of the message was cut off. */
	if (!next_quoted(&rest, &word) || !span_starts(rest, SPAN_LIT(" is a pattern")) ||
	    rest.p[rest.n - 1] != '"')
		return;
	at = strstr(rest.p, ": write ");
	if (!at) /* "expected a destination, like ..." */
		return;
	rest = span_of(at);
	while (next_quoted(&rest, &word)) {
		_cleanup_(arena_done) struct arena arena = { 0 };
		struct dest d;
		struct err ignored;

		assert(dest_parse(word, DEST_FOR_ALLOW, &arena, &d, &ignored));
	}
}

static bool is_safe(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("^$\\.+:_-", c);
}

static void check_filter(const struct allow_entry *en)
{
	struct err e = { 0 };
	struct buf line;
	bool any_port;

	buf_init(&line, 512); /* what tinyproxy reads of a line */
	if (allow_entry_filter(en, &line, &any_port, &e)) {
		assert(buf_ok(&line) && line.n > 3 && line.p[0] == '^');
		assert(line.p[line.n - 2] == '$' && line.p[line.n - 1] == '\n');
		for (size_t i = 0; i + 1 < line.n; i++) {
			assert(is_safe(line.p[i]));
			assert((line.p[i] == '^') == (i == 0));
			assert((line.p[i] == '$') == (i + 2 == line.n));
			/* A dot is escaped, except in the one "^.+" that may come first. */
			assert(line.p[i] != '.' || line.p[i - 1] == '\\' ||
			       (i == 1 && line.p[2] == '+'));
		}
	} else {
		check_error(&e);
		assert(line.n == 0);
	}
	buf_done(&line);
}

static void check_again(const struct allowlist *l)
{
	struct allowlist again = { 0 };
	struct err e = { 0 };
	struct buf text;

	buf_init(&text, 8 * LIMIT_POLICY_BYTES);
	allowlist_str(l, &text);
	assert(buf_ok(&text));
	if (text.n <= LIMIT_POLICY_BYTES) { /* names in UTF-8 grow */
		assert(allowlist_read_text(&again, "f.allow", buf_view(&text), &e));
		assert(again.n == l->n);
		for (size_t i = 0; i < l->n; i++) {
			const struct allow_entry *a = &l->items[i], *b = &again.items[i];

			assert(dest_same(&a->dest, &b->dest) && strcmp(a->text, b->text) == 0);
			assert((a->comment == NULL) == (b->comment == NULL));
			assert(!a->comment || strcmp(a->comment, b->comment) == 0);
		}
	}
	allowlist_done(&again);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct allowlist l = { 0 };
	struct err e = { 0 };

	if (!allowlist_read_text(&l, "f.allow", span_bytes(data, size), &e)) {
		check_error(&e);
		check_offer(&e);
	} else {
		for (size_t i = 0; i < l.n; i++) {
			assert(l.items[i].at.line > 0 && l.items[i].at.column > 0);
			check_filter(&l.items[i]);
		}
		check_again(&l);
	}
	allowlist_done(&l);
	return 0;
}

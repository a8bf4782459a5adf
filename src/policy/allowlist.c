/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/allowlist.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <uthash.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "policy/allowlist_impl.h"
#include "policy/doc.h"

struct allow_seen {
	const char *text; /* of an entry */
	UT_hash_handle hh;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Parts a line; both parts without the blanks around them. */
static void split_line(struct span line, struct span *dest, struct span *comment)
{
	size_t n = 0;

	while (n < line.n && (line.p[n] != '#' || (n > 0 && !is_blank(line.p[n - 1]))))
		n++;
	*dest = span_trim(span_first(line, n));
	*comment = span_trim(span_from(line, n + 1));
}

/* The canonical text; a host that is called like a word of rules is written "tcp/deny:443". */
static char *text_of(const struct dest *d)
{
	struct err ignored;
	struct buf text;
	bool plain;

	buf_init(&text, 2U * DEST_STR_MAX);
	dest_str(d, DEST_FOR_ALLOW, &text);
	plain = allow_check_word(buf_view(&text), &ignored);
	if (!plain) {
		buf_clear(&text);
		buf_str(&text, "tcp/");
		dest_str(d, DEST_FOR_ALLOW, &text);
		if (span_find(buf_view(&text), ':') < 0)
			buf_str(&text, ":443");
	}
	return buf_take(&text);
}

/* Appends d, unless it is there. */
static void add(struct allowlist *l, const struct dest *d, const char *file, struct pos at,
		struct span comment)
{
	_cleanup_(freep) char *text = text_of(d);
	struct allow_entry en = { .file = file, .at = at };
	struct allow_seen *seen;

	HASH_FIND_STR(l->seen, text, seen);
	if (seen)
		return;
	en.dest = dest_keep(d, &l->arena);
	en.text = arena_strdup(&l->arena, text);
	seen = arena_array(&l->arena, 1, struct allow_seen);
	seen->text = en.text;
	HASH_ADD_KEYPTR(hh, l->seen, seen->text, strlen(seen->text), seen);
	en.comment = comment.n ? arena_strndup(&l->arena, comment.p, comment.n) : NULL;
	vec_push(l->items, l->n, l->cap, en);
}

void allowlist_add(struct allowlist *l, const struct dest *d, const struct allow_entry *from)
{
	add(l, d, from->file, from->at, span_of(from->comment ? from->comment : ""));
}

static bool parse(struct span s, struct arena *a, struct dest *out, struct err *e)
{
	size_t blank = 0;
	char shown[80];

	if (!allow_check_word(s, e))
		return false;
	while (blank < s.n && !is_blank(s.p[blank]))
		blank++;
	if (blank < s.n)
		return err_set(e, ERR_INVALID,
			       "read \"%s\" behind a destination: expected one a line, and \"#\" "
			       "before a comment",
			       span_show(span_trim(span_from(s, blank)), shown, sizeof(shown)));
	return dest_parse(s, DEST_FOR_ALLOW, a, out, e) || allow_refuse(s, e);
}

static bool read_line(struct allowlist *l, struct doc *d, struct span line, unsigned number,
		      struct err *e)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct span text, comment;
	struct dest dest;
	struct pos at;

	split_line(line, &text, &comment);
	if (text.n == 0)
		return true;
	at = (struct pos){ number, (unsigned)(text.p - line.p) + 1 };
	if (!parse(text, &arena, &dest, e))
		return doc_err_at(d, at, e);
	add(l, &dest, d->file, at, comment);
	if (l->n > LIMIT_ALLOW_ENTRIES)
		return doc_err(d, at, e, ERR_LIMIT, "more than %u destinations",
			       LIMIT_ALLOW_ENTRIES);
	return true;
}

static bool check_text(const struct doc *d, struct span text, struct err *e)
{
	ptrdiff_t bad = span_not_utf8(text);
	struct pos at = { 1, 1 };

	if (bad < 0)
		return doc_check_hidden(d, text, e);
	for (ptrdiff_t i = 0; i < bad; i++) {
		at.column++;
		if (text.p[i] == '\n')
			at = (struct pos){ at.line + 1, 1 };
	}
	return doc_err(d, at, e, ERR_INVALID,
		       "read bytes that are not UTF-8: expected text in UTF-8");
}

bool allowlist_read_text(struct allowlist *l, const char *file, struct span text, struct err *e)
{
	struct doc d = { .file = arena_strdup(&l->arena, file) };
	unsigned number = 0;
	struct span line;

	if (text.n > LIMIT_POLICY_BYTES)
		return err_set(e, ERR_LIMIT, "%s: larger than %u bytes", file, LIMIT_POLICY_BYTES);
	/* What some editors put in front of UTF-8. */
	if (span_starts(text, SPAN_LIT("\xef\xbb\xbf")))
		text = span_from(text, 3);
	if (!check_text(&d, text, e))
		return false;
	while (span_next(&text, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!read_line(l, &d, line, ++number, e))
			return false;
	}
	return true;
}

bool allowlist_read(struct allowlist *l, const char *path, bool optional, bool *absent,
		    struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	size_t n;

	*absent = optional && stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
	if (*absent)
		return true;
	return fd_read_file(path, LIMIT_POLICY_BYTES, &text, &n, e) &&
	       allowlist_read_text(l, path, (struct span){ text, n }, e);
}

void allowlist_done(struct allowlist *l)
{
	HASH_CLEAR(hh, l->seen);
	arena_done(&l->arena);
	free(l->items);
	*l = (struct allowlist){ 0 };
}

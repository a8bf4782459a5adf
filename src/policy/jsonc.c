/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/jsonc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"

#define SHOWN_MAX 80

/* The deepest path that is shown: networks.NAME.egress[1].ports[2] has five parts. */
#define PATH_PARTS 8

/* ---- reading ---- */

/* Behind the string that begins at `at`, or at the end of the text. */
static size_t string_end(const char *s, size_t n, size_t at)
{
	for (at++; at < n && s[at] != '"'; at++)
		if (s[at] == '\\')
			at++;
	return MIN(at + 1, n);
}

static bool is_comment(const char *s, size_t n, size_t at)
{
	return s[at] == '/' && at + 1 < n && s[at + 1] == '/';
}

size_t jsonc_skip(const char *s, size_t n, size_t at)
{
	const char *line;

	if (s[at] == '"')
		return string_end(s, n, at);
	if (is_comment(s, n, at)) {
		line = memchr(s + at, '\n', n - at);
		return line ? (size_t)(line - s) : n;
	}
	for (at++; at < n; at++)
		switch (s[at]) {
		case '"':
		case '/':
		case '{':
		case '}':
		case '[':
		case ']':
			return at;
		}
	return n;
}

/* Writes blanks over each comment, so that nothing moves. */
static void blank_comments(char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t end = jsonc_skip(s, n, i);

		if (is_comment(s, n, i))
			memset(s + i, ' ', end - i);
		i = end;
	}
}

static bool parse(struct jsonc *j, struct err *e)
{
	json_error_t where;
	char shown[SHOWN_MAX * 2];
	struct pos at;

	j->root = json_loadb(j->plain, j->n_plain, JSON_REJECT_DUPLICATES, &where);
	if (json_is_object(j->root))
		return true;
	if (j->root)
		return err_set_at(e, ERR_INVALID, (struct pos){ 1, 1 },
				  "%s:1:1: read a list, expected an object", j->file);
	at = (struct pos){ (unsigned)MAX(where.line, 1), (unsigned)MAX(where.column, 1) };
	return err_set_at(e, ERR_INVALID, at, "%s:%u:%u: %s", j->file, at.line, at.column,
			  span_show(span_of(where.text), shown, sizeof(shown)));
}

/* An open object or list on the way through the text. */
struct frame {
	const json_t *value;
	size_t index;  /* of the next element of a list */
	void *member;  /* of an object, whose members are in the order of the text: the next one */
	bool key_read; /* its key was */
	size_t key_at;
	size_t place;
};

struct scan {
	struct jsonc *j;
	struct frame *frames;
	size_t n_frames, cap_frames;
	size_t at;
};

/* The value that begins here: the one the frame is at. */
static const json_t *take_value(struct scan *s, struct frame *f, uint32_t *start)
{
	json_t *object;
	const json_t *v;

	*start = (uint32_t)s->at;
	if (!f)
		return s->j->root;
	if (json_is_array(f->value))
		return json_array_get(f->value, f->index++);
	object = (json_t *)(uintptr_t)f->value;
	v = json_object_iter_value(f->member);
	f->member = json_object_iter_next(object, f->member);
	f->key_read = false;
	*start = (uint32_t)f->key_at;
	return v;
}

/* Notes the value that begins here; its end is that of a scalar. */
static const json_t *add_place(struct scan *s, size_t end)
{
	struct frame *f = s->n_frames ? &s->frames[s->n_frames - 1] : NULL;
	struct jsonc_place p = { .at = (uint32_t)s->at,
				 .end = (uint32_t)end,
				 .parent = f ? f->value : NULL };

	p.value = take_value(s, f, &p.start);
	vec_push(s->j->places, s->j->n_places, s->j->cap_places, p);
	return p.value;
}

static void open_frame(struct scan *s, const json_t *value)
{
	vec_push(s->frames, s->n_frames, s->cap_frames,
		 ((struct frame){ .value = value,
				  .member = json_object_iter((json_t *)(uintptr_t)value),
				  .place = s->j->n_places - 1 }));
}

static void scan_string(struct scan *s)
{
	struct frame *f = s->n_frames ? &s->frames[s->n_frames - 1] : NULL;
	size_t end = string_end(s->j->plain, s->j->n_plain, s->at);

	if (f && json_is_object(f->value) && !f->key_read) {
		f->key_read = true;
		f->key_at = s->at;
	} else {
		add_place(s, end);
	}
	s->at = end;
}

static void scan_one(struct scan *s)
{
	static const char ends[] = " \t\r\n,:]}[{\"";
	const char *text = s->j->plain;
	char c = text[s->at];
	size_t end = s->at + 1;

	if (c == '"') {
		scan_string(s);
		return;
	}
	if (c == '{' || c == '[') {
		open_frame(s, add_place(s, end));
	} else if ((c == '}' || c == ']') && s->n_frames) {
		s->j->places[s->frames[--s->n_frames].place].end = (uint32_t)end;
	} else if (!strchr(ends, c)) {
		while (end < s->j->n_plain && !strchr(ends, text[end]))
			end++;
		add_place(s, end);
	}
	s->at = end;
}

/* Some values are the same one wherever they stand. */
static bool has_place(const json_t *v)
{
	return v && !json_is_boolean(v) && !json_is_null(v);
}

/* Where a value's place is noted, or would be. */
static uint32_t *slot_of(const struct jsonc *j, const json_t *v)
{
	size_t mask = ((size_t)1 << j->by_value_bits) - 1;
	uint64_t mixed = (uint64_t)(uintptr_t)v * 0x9e3779b97f4a7c15;
	size_t i = (size_t)(mixed >> (64 - j->by_value_bits));

	while (j->by_value[i] && j->places[j->by_value[i] - 1].value != v)
		i = (i + 1) & mask;
	return &j->by_value[i];
}

static void find_places(struct jsonc *j)
{
	struct scan s = { .j = j };

	while (s.at < j->n_plain)
		scan_one(&s);
	free(s.frames);
	/* At most half full. */
	for (j->by_value_bits = 1; (size_t)1 << j->by_value_bits < 2 * j->n_places;)
		j->by_value_bits++;
	j->by_value = xcalloc((size_t)1 << j->by_value_bits, sizeof(*j->by_value));
	for (size_t i = 0; i < j->n_places; i++)
		if (has_place(j->places[i].value))
			*slot_of(j, j->places[i].value) = (uint32_t)i + 1;
}

static void find_lines(struct jsonc *j)
{
	const char *end = j->text + j->n, *at = j->text, *newline;

	for (;;) {
		vec_push(j->lines, j->n_lines, j->cap_lines, (size_t)(at - j->text));
		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			return;
		at = newline + 1;
	}
}

/* From where they are in `plain` to where they are in the text. */
static void move_places(struct jsonc *j, const struct jsonc_cut *cuts, size_t n_cuts)
{
	for (size_t i = 0; i < j->n_places; i++) {
		struct jsonc_place *p = &j->places[i];

		/* One cut after the other, what is before it is where it was. */
		for (size_t k = 0; k < n_cuts; k++) {
			uint32_t more = (uint32_t)(cuts[k].n - 2);

			p->start += p->start > cuts[k].at ? more : 0;
			p->end += p->end > cuts[k].at ? more : 0;
			p->at += p->at > cuts[k].at ? more : 0;
		}
	}
}

static void put_plain(struct jsonc *j, const struct jsonc_cut *cuts, size_t n_cuts)
{
	size_t at = 0;

	j->plain = xmalloc(j->n + 1);
	for (size_t i = 0; i <= n_cuts; i++) {
		size_t to = i < n_cuts ? cuts[i].at : j->n;

		memcpy(j->plain + j->n_plain, j->text + at, to - at);
		j->n_plain += to - at;
		if (i == n_cuts)
			break;
		memcpy(j->plain + j->n_plain, "{}", 2);
		j->n_plain += 2;
		at = to + cuts[i].n;
	}
	j->plain[j->n_plain] = '\0';
}

bool jsonc_read_cut(const char *file, struct span text, const struct jsonc_cut *cuts, size_t n_cuts,
		    struct jsonc *out, struct err *e)
{
	*out = (struct jsonc){ 0 };
	if (text.n > LIMIT_DOCKSIDE_BYTES)
		return err_set(e, ERR_LIMIT, "%s: larger than %u bytes", file,
			       LIMIT_DOCKSIDE_BYTES);
	*out = (struct jsonc){ .file = xstrdup(file), .text = text.p, .n = text.n };
	put_plain(out, cuts, n_cuts);
	/* What is behind it must not be passed over. */
	if (strlen(out->plain) != out->n_plain) {
		(void)err_set(e, ERR_INVALID, "%s: a NUL at byte %zu: expected JSON", file,
			      strlen(out->plain));
		jsonc_done(out);
		return false;
	}
	blank_comments(out->plain, out->n_plain);
	if (!parse(out, e)) {
		jsonc_done(out);
		return false;
	}
	find_places(out);
	move_places(out, cuts, n_cuts);
	find_lines(out);
	return true;
}

bool jsonc_read(const char *file, struct span text, struct jsonc *out, struct err *e)
{
	return jsonc_read_cut(file, text, NULL, 0, out, e);
}

void jsonc_done(struct jsonc *j)
{
	json_decref(j->root);
	free(j->file);
	free(j->plain);
	free(j->places);
	free(j->by_value);
	free(j->lines);
	*j = (struct jsonc){ 0 };
}

/* ---- places ---- */

struct pos jsonc_pos(const struct jsonc *j, size_t offset)
{
	size_t lo = 0, hi = j->n_lines;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (j->lines[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return (struct pos){ (unsigned)lo + 1, (unsigned)(offset - j->lines[lo]) + 1 };
}

const struct jsonc_place *jsonc_place(const struct jsonc *j, const json_t *value)
{
	uint32_t found = has_place(value) ? *slot_of(j, value) : 0;

	return found ? &j->places[found - 1] : NULL;
}

struct jsonc_at jsonc_root(const struct jsonc *j)
{
	return (struct jsonc_at){ .doc = j, .v = j->root };
}

struct jsonc_at jsonc_key(const struct jsonc_at *up, const char *key)
{
	const json_t *v = json_object_get(up->v, key);

	return (struct jsonc_at){
		.doc = up->doc, .up = up, .v = json_is_null(v) ? NULL : v, .key = key
	};
}

struct jsonc_at jsonc_element(const struct jsonc_at *up, size_t index)
{
	return (struct jsonc_at){
		.doc = up->doc, .up = up, .v = json_array_get(up->v, index), .index = index
	};
}

struct pos jsonc_at_pos(const struct jsonc_at *at)
{
	for (; at; at = at->up) {
		const struct jsonc_place *p = jsonc_place(at->doc, at->v);

		if (p)
			return jsonc_pos(at->doc, p->at);
	}
	return (struct pos){ 1, 1 };
}

const char *jsonc_path(const struct jsonc_at *at, char out[static JSONC_PATH_MAX])
{
	const struct jsonc_at *parts[PATH_PARTS];
	char shown[SHOWN_MAX];
	struct buf b;
	size_t n = 0;

	for (; at && at->up && n < PATH_PARTS; at = at->up)
		parts[n++] = at;
	buf_init(&b, JSONC_PATH_MAX);
	while (n > 0) {
		const struct jsonc_at *p = parts[--n];

		if (p->key)
			buf_fmt(&b, "%s%s", b.n ? "." : "",
				span_show(span_of(p->key), shown, sizeof(shown)));
		else
			buf_fmt(&b, "[%zu]", p->index);
	}
	(void)snprintf(out, JSONC_PATH_MAX, "%s", b.n ? buf_cstr(&b) : "the file");
	buf_done(&b);
	return out;
}

static const char *show_value(const json_t *v, char out[static SHOWN_MAX])
{
	char text[SHOWN_MAX - 3];

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		(void)snprintf(out, SHOWN_MAX, "\"%s\"",
			       span_show(span_of(json_string_value(v)), text, sizeof(text)));
		return out;
	case JSON_INTEGER:
		(void)snprintf(out, SHOWN_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		return out;
	case JSON_REAL:
		(void)snprintf(out, SHOWN_MAX, "%g", json_real_value(v));
		return out;
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		break;
	}
	return "nothing";
}

/* "FILE:LINE:COLUMN: PATH: " and what follows. */
static void set_err(const struct jsonc_at *at, struct err *e, enum err_kind kind, const char *text)
{
	struct pos pos = jsonc_at_pos(at);
	char path[JSONC_PATH_MAX];

	(void)err_set_at(e, kind, pos, "%s:%u:%u: %s: %s", at->doc->file, pos.line, pos.column,
			 jsonc_path(at, path), text);
}

bool jsonc_err(const struct jsonc_at *at, struct err *e, const char *fmt, ...)
{
	char expected[256], shown[SHOWN_MAX], text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	(void)snprintf(text, sizeof(text), "read %s, expected %s", show_value(at->v, shown),
		       expected);
	set_err(at, e, ERR_INVALID, text);
	return false;
}

bool jsonc_err_text(const struct jsonc_at *at, struct err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	set_err(at, e, ERR_INVALID, text);
	return false;
}

bool jsonc_err_at(const struct jsonc_at *at, struct err *e)
{
	struct err inner = *e;

	set_err(at, e, inner.kind, inner.msg);
	return false;
}

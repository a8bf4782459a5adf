/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON whose lines may end in a `// comment`, with the place of each value, so that an error can say
 * where, and so that a change of one value leaves the rest of the text, comments and all, as it is.
 */
#ifndef SALLYPORT_POLICY_JSONC_H
#define SALLYPORT_POLICY_JSONC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* A value's place in the text. Its offsets are below LIMIT_DOCKSIDE_BYTES. */
struct jsonc_place {
	const json_t *value;
	const json_t *parent; /* NULL: it is the root */
	uint32_t start;	      /* of its key, or its own where it has none */
	uint32_t at, end;
};

struct jsonc {
	char *file;	  /* for messages */
	const char *text; /* n bytes, borrowed */
	size_t n;
	char *plain; /* the same bytes and a NUL, comments blanked, without what is cut */
	size_t n_plain;
	json_t *root;
	struct jsonc_place *places; /* in the order of the text */
	size_t n_places, cap_places;
	uint32_t *by_value; /* a hash table: 1 + the index of a place, or 0 */
	unsigned by_value_bits;
	size_t *lines; /* where each begins */
	size_t n_lines, cap_lines;
};

/*
 * Reads a text of at most LIMIT_DOCKSIDE_BYTES, whose root is an object. Keys written twice are
 * refused. On failure *out is left empty. The text has to stay while *out is there.
 */
bool jsonc_read(const char *file, struct span text, struct jsonc *out, struct err *e) _must_use_;

/* An object in the text, of n bytes, that is known: "{}" is read in its place. */
struct jsonc_cut {
	size_t at, n;
};

/*
 * The same with cuts, in the order of the text. Places are those in the text; a message of a text that is not
 * JSON may have another.
 */
bool jsonc_read_cut(const char *file, struct span text, const struct jsonc_cut *cuts, size_t n_cuts,
		    struct jsonc *out, struct err *e) _must_use_;

/*
 * Behind what begins at s[at], outside of strings and comments: a whole string, a comment up to the end of its
 * line, or one byte and those that are nothing of both and no bracket.
 */
size_t jsonc_skip(const char *s, size_t n, size_t at);

void jsonc_done(struct jsonc *j);

/* Line and column of a byte of the text. */
struct pos jsonc_pos(const struct jsonc *j, size_t offset);

/* The value's place; NULL for what has none of its own (true, false, null). */
const struct jsonc_place *jsonc_place(const struct jsonc *j, const json_t *value);

/* ---- a value on the way down from the root, for errors: "networks[2].subnet" ---- */

struct jsonc_at {
	const struct jsonc *doc;
	const struct jsonc_at *up; /* NULL: the root */
	const json_t *v;	   /* NULL: not there, or null */
	const char *key;	   /* NULL: an element */
	size_t index;
};

struct jsonc_at jsonc_root(const struct jsonc *j);
struct jsonc_at jsonc_key(const struct jsonc_at *up, const char *key);
struct jsonc_at jsonc_element(const struct jsonc_at *up, size_t index);

/* Where it stands, or else where what it is missing from stands. */
struct pos jsonc_at_pos(const struct jsonc_at *at);

/* "networks[2].subnet", cut where it does not fit. Returns out. */
#define JSONC_PATH_MAX 256
const char *jsonc_path(const struct jsonc_at *at, char out[static JSONC_PATH_MAX]);

/* "FILE:LINE:COLUMN: PATH: read X, expected EXPECTED". Always returns false. */
bool jsonc_err(const struct jsonc_at *at, struct err *e, const char *fmt, ...) _printf_(3, 4);

/* "FILE:LINE:COLUMN: PATH: MESSAGE". Always returns false. */
bool jsonc_err_text(const struct jsonc_at *at, struct err *e, const char *fmt, ...) _printf_(3, 4);

/* Puts place and path before an error's message. Always returns false. */
bool jsonc_err_at(const struct jsonc_at *at, struct err *e);

/* ---- changes: each gives the whole text with that one change, the caller's ---- */

/* object[key] = value: written over, or added behind the others. */
char *jsonc_set(const struct jsonc *j, const json_t *object, const char *key, const json_t *value)
	_must_use_;

/* One more element. */
char *jsonc_append(const struct jsonc *j, const json_t *array, const json_t *value) _must_use_;

/* Without the member or element `value` of `parent`, and the comment behind it on its line. */
char *jsonc_remove(const struct jsonc *j, const json_t *parent, const json_t *value) _must_use_;

/* Another document, under the comments that the text begins with. */
char *jsonc_replace(const struct jsonc *j, const json_t *root) _must_use_;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A YAML document as a tree of texts, lists and maps with the place of each: the strict subset of
 * YAML that a policy is written in, and nothing of what the words mean. JSON is part of it.
 *
 * Refused: anchors, aliases, tags, directives, merge keys, a second document, a key written twice,
 * keys that are not texts, nesting deeper than LIMIT_POLICY_DEPTH, bytes that are not UTF-8, and
 * characters that a person would not see but a parser would act on (controls, line breaks other
 * than LF and CRLF, marks that turn the direction of writing).
 */
#ifndef SALLYPORT_POLICY_DOC_H
#define SALLYPORT_POLICY_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool quoted;		 /* a text in quotes or a block: it never means null */
	struct pos at;		 /* columns count bytes */
	char *text;		 /* NODE_TEXT; owned by the document; no control characters */
	char *key;		 /* in a map; likewise */
	struct pos key_at;	 /* in a map */
	const struct node *next; /* in the same list or map */
	const struct node *first;
	size_t n; /* children */
};

struct doc {
	char *file;	     /* for messages */
	struct node **nodes; /* all of them, in the order of the text */
	size_t n_nodes, cap_nodes;
	const struct node *root; /* NULL: there is nothing but comments */
};

/* Reads text, of at most LIMIT_POLICY_BYTES. On failure *out is left empty. */
bool doc_read(const char *file, struct span text, struct doc *out, struct err *e) _must_use_;
void doc_done(struct doc *d);

/* An error at a place of the document: "FILE:LINE:COLUMN: MESSAGE". Always returns false. */
bool doc_err(const struct doc *d, struct pos at, struct err *e, enum err_kind kind, const char *fmt,
	     ...) _printf_(5, 6);

/* Gives an error that has no place yet this one. Always returns false. */
bool doc_err_at(const struct doc *d, struct pos at, struct err *e);

/* No character of the text is one that a person would not see. d: of its file. */
bool doc_check_hidden(const struct doc *d, struct span text, struct err *e) _must_use_;

/* Nothing, `null` or `~`: what stands after "rules:" when nothing is written there. */
bool node_is_null(const struct node *n);

static inline struct span node_span(const struct node *n)
{
	return span_of(n->text);
}

/* "a text", "a list" or "a map", for messages. */
const char *node_kind_str(const struct node *n);

#endif

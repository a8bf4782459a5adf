/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a map of the document by a table of its keys, and the errors about values that do not
 * fit. Every function that returns bool fills *e with the place and what was expected.
 */
#ifndef SALLYPORT_POLICY_SCHEMA_H
#define SALLYPORT_POLICY_SCHEMA_H

#include "policy/doc.h"

/* Reads the value v, whose key is v->key, into what the map is read into. */
typedef bool schema_read_fn(const struct doc *d, const struct node *v, void *into, struct err *e);

struct schema_key {
	const char *name;
	schema_read_fn *read;
	bool may_be_null; /* nothing after the key means the same as no key */
};

/* The most keys of one map. */
#define SCHEMA_KEYS_MAX 16

/* Hands each value of the map to the reader of its key. `what` the map is: "a rule". */
bool schema_map(const struct doc *d, const struct node *map, const char *what,
		const struct schema_key *keys, size_t n, void *into, struct err *e) _must_use_;

/* One of the n words; *out is its index. */
bool schema_choice(const struct doc *d, const struct node *v, const char *const *words, size_t n,
		   size_t *out, struct err *e) _must_use_;

/* A text, or a list of at least `min` texts. */
bool schema_entries(const struct doc *d, const struct node *v, size_t min, const char *expected,
		    struct err *e) _must_use_;

/* A byte that names of groups and policies are made of. */
bool schema_name_char(char c);

/* The key of v can be the name of a `what`: a group, a policy. */
bool schema_name(const struct doc *d, const struct node *v, const char *what, struct err *e)
	_must_use_;

/* "WHAT is ...: expected EXPECTED". Always returns false. */
bool schema_err(const struct doc *d, const struct node *v, const char *what, const char *expected,
		struct err *e);

#endif

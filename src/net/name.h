/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host names in the one canonical form that every layer compares: lower case, A-labels, no
 * trailing dot, letters, digits, '-' and '_' only. Two names are the same exactly when their bytes
 * are.
 */
#ifndef SALLYPORT_NET_NAME_H
#define SALLYPORT_NET_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"

struct name {
	uint8_t len;
	char s[LIMIT_NAME + 1]; /* NUL-terminated */
};

/*
 * A name that is kept where memory counts, in an arena or among the bytes of a plan, takes no more of it than
 * this: it is only pointed to, and copied by name_copy(), never by value.
 */
#define NAME_SIZE(len) (offsetof(struct name, s) + (size_t)(len) + 1)

static inline void name_copy(struct name *to, const struct name *from)
{
	memcpy(to, from, NAME_SIZE(from->len));
}

/* The same name in as few bytes as it takes, which last as long as the arena. */
const struct name *name_keep(const struct name *n, struct arena *a);

static inline struct span name_span(const struct name *n)
{
	return (struct span){ n->s, n->len };
}

static inline bool name_eq(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

/*
 * A name as it comes over the wire (a DNS question, Host, SNI) or from a program: ASCII only, case
 * folded, one trailing dot removed. Refused: empty labels, labels over 63 or names over 253 bytes,
 * any other byte, labels that begin or end with '-', and what an address parser could read as an
 * address (a last label that is all digits or 0x and hex digits, WHATWG URL "ends in a number").
 */
bool name_parse(struct span s, struct name *out, struct err *e) _must_use_;

/*
 * A name as a person writes it: the same, and UTF-8 is accepted and turned into A-labels by IDNA
 * 2008 with the non-transitional mapping (UTS 46).
 */
bool name_parse_idna(struct span s, struct name *out, struct err *e) _must_use_;

/* sub is below parent at a label boundary ("a.b.c" below "b.c"); a name is not below itself. */
bool name_below(const struct name *sub, const struct name *parent);

/* The whole name is a public suffix: "com", "co.uk" (libpsl's list, private section left out). */
bool name_is_public_suffix(const struct name *n);

/*
 * The last label is not one that names are registered below: "db.internal", "nas.lan", "db". Whoever
 * answers for such a name is of the network itself.
 */
bool name_is_local(const struct name *n);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A borrowed run of bytes: what every parser reads and hands on. It owns nothing. */
#ifndef SALLYPORT_BASE_SPAN_H
#define SALLYPORT_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *p;
	size_t n;
};

/* printf("%.*s", SPAN_ARG(s)) */
#define SPAN_FMT    "%.*s"
#define SPAN_ARG(s) ((int)(s).n), ((s).p ? (s).p : "")

#define SPAN_LIT(lit) ((struct span){ (lit), sizeof(lit) - 1 })

static inline struct span span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static inline struct span span_bytes(const void *p, size_t n)
{
	return (struct span){ p, n };
}

/* The part from `from` on; empty when from is past the end. */
static inline struct span span_from(struct span s, size_t from)
{
	return from < s.n ? (struct span){ s.p + from, s.n - from } : (struct span){ s.p + s.n, 0 };
}

/* The first n bytes, or all where there are fewer. */
static inline struct span span_first(struct span s, size_t n)
{
	return (struct span){ s.p, n < s.n ? n : s.n };
}

bool span_eq(struct span a, struct span b);

/* ASCII case is ignored; other bytes compare as they are. */
bool span_eq_nocase(struct span a, struct span b);

bool span_starts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);

/* The index of the first (last) byte c, or -1. */
ptrdiff_t span_find(struct span s, char c);
ptrdiff_t span_rfind(struct span s, char c);

/* Without leading and trailing blanks and tabs. */
struct span span_trim(struct span s);

/* Takes the part before the first sep off *rest and moves *rest behind it. False at the end. */
bool span_next(struct span *rest, char sep, struct span *part);

/* The index of the first byte that is not part of a character in UTF-8 (RFC 3629), or -1. */
ptrdiff_t span_not_utf8(struct span s);

/*
 * Copies s into out (of size bytes, always terminated) with every byte outside 0x20-0x7e, the
 * quote and the backslash written as \xNN, so that bytes a stranger chose can be shown to a person
 * or stand in a log line. Cut with "..." when it does not fit. Returns out.
 */
const char *span_show(struct span s, char *out, size_t size);

#endif

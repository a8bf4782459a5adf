/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/span.h"

#include <stdio.h>

#include "base/macros.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_eq_nocase(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq(span_first(s, prefix.n), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
	return s.n >= suffix.n && span_eq(span_from(s, s.n - suffix.n), suffix);
}

ptrdiff_t span_find(struct span s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

ptrdiff_t span_rfind(struct span s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

struct span span_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_from(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool span_next(struct span *rest, char sep, struct span *part)
{
	ptrdiff_t at;

	if (!rest->p)
		return false;
	at = span_find(*rest, sep);
	if (at < 0) {
		*part = *rest;
		*rest = (struct span){ NULL, 0 };
	} else {
		*part = span_first(*rest, (size_t)at);
		*rest = span_from(*rest, (size_t)at + 1);
	}
	return true;
}

/* Bytes of one character by its first, and the range of the second; RFC 3629 section 4. */
static const struct {
	unsigned char first, last;
	unsigned char len;
	unsigned char lo, hi;
} utf8[] = {
	{ 0x00, 0x7f, 1, 0, 0 },       { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

/* The length of the character at the start of s, or 0. */
static size_t utf8_len(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t row = 0;

	while (row < ARRAY_LEN(utf8) && (p[0] < utf8[row].first || p[0] > utf8[row].last))
		row++;
	if (row == ARRAY_LEN(utf8) || s.n < utf8[row].len)
		return 0;
	for (size_t i = 1; i < utf8[row].len; i++)
		if (p[i] < (i == 1 ? utf8[row].lo : 0x80) || p[i] > (i == 1 ? utf8[row].hi : 0xbf))
			return 0;
	return utf8[row].len;
}

ptrdiff_t span_not_utf8(struct span s)
{
	size_t at = 0;

	while (at < s.n) {
		size_t n = utf8_len(span_from(s, at));

		if (n == 0)
			return (ptrdiff_t)at;
		at += n;
	}
	return -1;
}

const char *span_show(struct span s, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';

		if (used + (plain ? 1 : 4) + sizeof("...") > size) {
			(void)snprintf(out + used, size - used, "...");
			return out;
		}
		if (plain)
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, size - used, "\\x%02x", c);
	}
	out[used] = '\0';
	return out;
}

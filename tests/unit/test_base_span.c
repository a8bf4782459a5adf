/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/span.h"
#include "t.h"

static const struct span none = { NULL, 0 };

T(compare)
{
	t_ok(span_eq(SPAN_LIT("abc"), SPAN_LIT("abc")));
	t_ok(!span_eq(SPAN_LIT("abc"), SPAN_LIT("abd")));
	t_ok(!span_eq(SPAN_LIT("abc"), SPAN_LIT("ab")));
	t_ok(span_eq(none, SPAN_LIT("")));
	t_ok(span_eq_nocase(SPAN_LIT("Host-9"), SPAN_LIT("hOST-9")));
	t_ok(!span_eq_nocase(SPAN_LIT("@"), SPAN_LIT("`"))); /* 0x40 and 0x60: no letters */
	t_ok(!span_eq_nocase(SPAN_LIT("\xc3\x84"), SPAN_LIT("\xc3\xa4")));
}

T(parts)
{
	t_eq_span(span_from(SPAN_LIT("abc"), 1), "bc");
	t_eq_span(span_from(SPAN_LIT("abc"), 3), "");
	t_eq_span(span_from(SPAN_LIT("abc"), 99), "");
	t_eq_span(span_first(SPAN_LIT("abc"), 2), "ab");
	t_eq_span(span_first(SPAN_LIT("abc"), 99), "abc");
	t_ok(span_starts(SPAN_LIT("abc"), SPAN_LIT("ab")));
	t_ok(span_starts(SPAN_LIT("abc"), SPAN_LIT("")));
	t_ok(!span_starts(SPAN_LIT("ab"), SPAN_LIT("abc")));
	t_ok(span_ends(SPAN_LIT("abc"), SPAN_LIT("bc")));
	t_ok(!span_ends(SPAN_LIT("bc"), SPAN_LIT("abc")));
	t_ok(span_ends(none, none));
}

T(find)
{
	t_eq_int(span_find(SPAN_LIT("a.b.c"), '.'), 1);
	t_eq_int(span_rfind(SPAN_LIT("a.b.c"), '.'), 3);
	t_eq_int(span_find(SPAN_LIT("abc"), '.'), -1);
	t_eq_int(span_rfind(SPAN_LIT("abc"), '.'), -1);
	t_eq_int(span_find(SPAN_LIT("a\0b"), '\0'), 1);
	t_eq_int(span_find(none, 'a'), -1);
	t_eq_int(span_rfind(none, 'a'), -1);
}

static const struct {
	const char *name;
	const char *text;
	const char *want;
} trims[] = {
	{ "nothing to do", "a b", "a b" },	{ "both ends", " \ta b\t ", "a b" },
	{ "only blanks", " \t ", "" },		{ "empty", "", "" },
	{ "line ends stay", "a\r\n", "a\r\n" },
};

T(trim)
{
	T_EACH(row, trims)
	t_eq_span(span_trim(span_of(row->text)), row->want);
}

static const struct {
	const char *name;
	const char *text;
	unsigned n;
	const char *last;
} splits[] = {
	{ "one part", "a", 1, "a" },
	{ "three parts", "a,b,c", 3, "c" },
	{ "an empty text is one empty part", "", 1, "" },
	{ "an empty part at the end counts", "a,", 2, "" },
	{ "only separators", ",,", 3, "" },
};

T(next)
{
	T_EACH(row, splits)
	{
		struct span rest = span_of(row->text), part = none;
		unsigned n = 0;

		while (span_next(&rest, ',', &part))
			n++;
		t_eq_int(n, row->n);
		t_eq_span(part, row->last);
		t_ok(!span_next(&rest, ',', &part));
	}
}

static const struct {
	const char *name;
	struct span text;
	int bad;
} encodings[] = {
	{ "ASCII with a NUL", SPAN_LIT("a\0b\x7f"), -1 },
	{ "empty", SPAN_LIT(""), -1 },
	{ "two, three and four bytes", SPAN_LIT("\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80"), -1 },
	{ "the last of each", SPAN_LIT("\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf"), -1 },
	{ "a byte of the middle", SPAN_LIT("ab\x80"), 2 },
	{ "overlong slash", SPAN_LIT("a\xc0\xaf"), 1 },
	{ "overlong in three", SPAN_LIT("\xe0\x9f\xbf"), 0 },
	{ "overlong in four", SPAN_LIT("\xf0\x8f\xbf\xbf"), 0 },
	{ "a surrogate", SPAN_LIT("\xed\xa0\x80"), 0 },
	{ "past the last character", SPAN_LIT("\xf4\x90\x80\x80"), 0 },
	{ "cut", SPAN_LIT("\xc3\xa4\xe2\x82"), 2 },
	{ "a third byte that is none", SPAN_LIT("\xe2\x82("), 0 },
	{ "Latin-1", SPAN_LIT("f\xfcr"), 1 },
};

T(encoding)
{
	T_EACH(row, encodings)
	{
		t_eq_int(span_not_utf8(row->text), row->bad);
	}
}

static const struct {
	const char *name;
	struct span text;
	const char *want;
} shows[] = {
	{ "plain", SPAN_LIT("a b~"), "a b~" },
	{ "empty", SPAN_LIT(""), "" },
	{ "quote and backslash", SPAN_LIT("\"\\"), "\\x22\\x5c" },
	{ "control bytes and NUL", SPAN_LIT("\x1b[\0"), "\\x1b[\\x00" },
	{ "DEL and UTF-8", SPAN_LIT("\x7f\xc3\xa4"), "\\x7f\\xc3\\xa4" },
	{ "cut before it is full", SPAN_LIT("0123456789012345678901234567890123456789"),
	  "0123456789012345678901234567..." },
	{ "an escape is never cut in two", SPAN_LIT("012345678901234567890123456\n\n"),
	  "012345678901234567890123456..." },
};

T(show)
{
	T_EACH(row, shows)
	{
		char out[32];

		t_ok(span_show(row->text, out, sizeof(out)) == out);
		t_eq_str(out, row->want);
	}
}

/* Whatever the room, the result is terminated and in it. */
T(show_bounds)
{
	for (size_t size = 4; size < 40; size++) {
		char out[64];

		memset(out, 'x', sizeof(out));
		span_show(SPAN_LIT("plain text \x01\x02\x03 and more"), out, size);
		t_ok(memchr(out, '\0', size) != NULL);
		t_eq_int(out[size], 'x');
	}
}

T_MAIN(T_TEST(compare), T_TEST(parts), T_TEST(find), T_TEST(trim), T_TEST(next), T_TEST(encoding),
       T_TEST(show), T_TEST(show_bounds))

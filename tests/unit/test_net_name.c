/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/name.h"
#include "t.h"

static struct name name_of(const char *text)
{
	struct name n = { 0 };
	struct err e = { 0 };

	t_good(name_parse(span_of(text), &n, &e), e);
	return n;
}

#define TEN	"abcdefghij"
#define LABEL63 TEN TEN TEN TEN TEN TEN "abc"
#define NAME253 LABEL63 "." LABEL63 "." LABEL63 "." TEN TEN TEN TEN TEN TEN "a"

static const struct {
	const char *name;
	const char *text;
	const char *want;
} good[] = {
	{ "plain", "api.github.com", "api.github.com" },
	{ "E-55 case", "API.GitHub.COM", "api.github.com" },
	{ "E-55 trailing dot", "GOOD.", "good" },
	{ "one label", "localhost", "localhost" },
	{ "underscore at the front", "_dmarc.example.com", "_dmarc.example.com" },
	{ "underscore alone", "_._.example", "_._.example" },
	{ "hyphen inside", "a-b--c.example", "a-b--c.example" },
	{ "A-label", "xn--bcher-kva.de", "xn--bcher-kva.de" },
	{ "digits in front", "1.2.3.example", "1.2.3.example" },
	{ "digits and a letter at the end", "1.2.3.4a", "1.2.3.4a" },
	{ "hex without 0x", "7f.example.7f", "7f.example.7f" },
	{ "0x and no hex digit", "a.0xg", "a.0xg" },
	{ "label of 63", LABEL63, LABEL63 },
	{ "name of 253", NAME253, NAME253 },
	{ "name of 253 and a dot", NAME253 ".", NAME253 },
};

T(parse)
{
	T_EACH(row, good)
	{
		struct name n = name_of(row->text), again;
		struct err e = { 0 };

		t_eq_span(name_span(&n), row->want);
		t_eq_int(n.s[n.len], '\0');
		again = name_of(n.s);
		t_ok(name_eq(&n, &again));
		t_good(name_parse_idna(span_of(row->text), &again, &e), e);
		t_ok(name_eq(&n, &again));
	}
}

#define ADDRESS "it ends in a number, which programs read as an IP address"
#define BYTES	"expected letters, digits"

/* Refused by name_parse() and name_parse_idna() alike. */
static const struct {
	const char *name;
	struct span text;
	const char *message;
} refused[] = {
	{ "empty", SPAN_LIT(""), "it is empty" },
	{ "a dot", SPAN_LIT("."), "it is empty" },
	{ "two dots", SPAN_LIT(".."), "empty label" },
	{ "two trailing dots", SPAN_LIT("good.."), "empty label" },
	{ "leading dot", SPAN_LIT(".good"), "empty label" },
	{ "dots inside", SPAN_LIT("a..b"), "empty label" },
	{ "hyphen in front", SPAN_LIT("-a.example"), "begins or ends with \"-\"" },
	{ "hyphen at the end", SPAN_LIT("a-.example"), "begins or ends with \"-\"" },
	{ "hyphen alone", SPAN_LIT("-"), "begins or ends with \"-\"" },
	{ "label of 64", SPAN_LIT(LABEL63 "d.example"), "longer than 63 bytes" },
	{ "name of 254", SPAN_LIT(NAME253 "b"), "longer than 253 bytes" },

	{ "E-67 NUL", SPAN_LIT("evil\0.good"), "\"evil\\x00.good\" is not a host name" },
	{ "E-67 NUL at the end", SPAN_LIT("good\0"), BYTES },
	{ "E-67 #", SPAN_LIT("good#.evil"), BYTES },
	{ "E-67 @", SPAN_LIT("good@evil"), BYTES },
	{ "E-67 %00", SPAN_LIT("evil%00.good"), BYTES },
	{ "E-55 escape", SPAN_LIT("evil\\000.good"), BYTES },
	{ "line end", SPAN_LIT("good\r\n"), BYTES },
	{ "blank", SPAN_LIT("go od"), BYTES },
	{ "slash", SPAN_LIT("good/evil"), BYTES },
	{ "backslash", SPAN_LIT("good\\evil"), BYTES },
	{ "question mark", SPAN_LIT("good?evil"), BYTES },
	{ "port", SPAN_LIT("good:443"), BYTES },
	{ "comma", SPAN_LIT("good,evil"), BYTES },
	{ "wildcard", SPAN_LIT("*.good"), BYTES },
	{ "brackets", SPAN_LIT("[::1]"), BYTES },
	{ "DEL", SPAN_LIT("good\x7f"), BYTES },

	{ "E-65 address", SPAN_LIT("127.0.0.1"), ADDRESS },
	{ "E-65 one number", SPAN_LIT("2130706433"), ADDRESS },
	{ "E-65 zero", SPAN_LIT("0"), ADDRESS },
	{ "E-65 hex part", SPAN_LIT("0x7f.1"), ADDRESS },
	{ "E-65 hex", SPAN_LIT("0x7F000001"), ADDRESS },
	{ "E-65 upper case 0X", SPAN_LIT("0X7f.0X1"), ADDRESS },
	{ "E-65 hex at the end", SPAN_LIT("127.0x1"), ADDRESS },
	{ "E-65 0x alone", SPAN_LIT("example.0x"), ADDRESS },
	{ "E-65 octal", SPAN_LIT("0177.0.0.1"), ADDRESS },
	{ "E-65 short", SPAN_LIT("127.1"), ADDRESS },
	{ "E-65 trailing dot", SPAN_LIT("127.0.0.1."), ADDRESS },
	{ "out of range", SPAN_LIT("1.2.3.999"), ADDRESS },
	{ "a name that ends in a number", SPAN_LIT("example.1"), ADDRESS },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		struct name n = { .len = 9 };
		struct err e = { 0 };

		t_bad(name_parse(row->text, &n, &e), e, ERR_INVALID, row->message);
		t_bad(name_parse_idna(row->text, &n, &e), e, ERR_INVALID, row->message);
		t_eq_int(n.len, 9);
	}
}

static const struct {
	const char *name;
	const char *text;
	const char *want;
} idna[] = {
	{ "umlaut",
	  "b\xc3\xbc"
	  "cher.de",
	  "xn--bcher-kva.de" },
	{ "upper case umlaut",
	  "B\xc3\x9c"
	  "CHER.DE",
	  "xn--bcher-kva.de" },
	{ "decomposed umlaut",
	  "bu\xcc\x88"
	  "cher.de",
	  "xn--bcher-kva.de" },
	{ "sharp s is kept",
	  "stra\xc3\x9f"
	  "e.de",
	  "xn--strae-oqa.de" },
	{ "trailing dot",
	  "b\xc3\xbc"
	  "cher.de.",
	  "xn--bcher-kva.de" },
	{ "ideographic full stop",
	  "b\xc3\xbc"
	  "cher\xe3\x80\x82"
	  "de",
	  "xn--bcher-kva.de" },
	{ "full-width letters", "\xef\xbd\x87\xef\xbd\x8f\xef\xbd\x8f\xef\xbd\x84.de", "good.de" },
	{ "underscore beside it",
	  "_x.b\xc3\xbc"
	  "cher.de",
	  "_x.xn--bcher-kva.de" },
	{ "Japanese", "\xe4\xbe\x8b\xe3\x81\x88.jp", "xn--r8jz45g.jp" },
};

T(idna_good)
{
	T_EACH(row, idna)
	{
		struct name n = { 0 };
		struct err e = { 0 };

		t_good(name_parse_idna(span_of(row->text), &n, &e), e);
		t_eq_span(name_span(&n), row->want);
		t_bad(name_parse(span_of(row->text), &n, &e), e, ERR_INVALID, BYTES);
	}
}

static const struct {
	const char *name;
	struct span text;
	const char *message;
} idna_refused[] = {
	{ "E-65 full-width digits", SPAN_LIT("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1"),
	  ADDRESS },
	{ "E-65 circled digit", SPAN_LIT("127.0.0.\xe2\x91\xa0"), ADDRESS },
	{ "E-65 ideographic stops",
	  SPAN_LIT("127\xe3\x80\x82"
		   "0\xe3\x80\x82"
		   "0\xe3\x80\x82"
		   "1"),
	  ADDRESS },
	{ "a symbol that maps to a slash", SPAN_LIT("good.\xe2\x84\x80.example"), "is not a host" },
	{ "full-width slash", SPAN_LIT("good\xef\xbc\x8f.evil"), "is not a host name" },
	{ "full-width colon",
	  SPAN_LIT("good\xef\xbc\x9a"
		   "443"),
	  "is not a host name" },
	{ "broken UTF-8",
	  SPAN_LIT("b\xfc"
		   "cher.de"),
	  "is not a host name" },
	{ "cut UTF-8", SPAN_LIT("b\xc3"), "is not a host name" },
	{ "surrogate", SPAN_LIT("a\xed\xa0\x80.de"), "is not a host name" },
	{ "NUL", SPAN_LIT("b\xc3\xbc\0.de"), "it holds a NUL byte" },
	{ "direction override",
	  SPAN_LIT("a\xe2\x80\xae"
		   "b.de"),
	  "is not a host name" },
	{ "a label too long as A-label", SPAN_LIT("\xc3\xbc" LABEL63 ".de"), "is not a host name" },
};

T(idna_refuse)
{
	T_EACH(row, idna_refused)
	{
		struct name n = { .len = 9 };
		struct err e = { 0 };

		t_bad(name_parse_idna(row->text, &n, &e), e, ERR_INVALID, row->message);
		t_eq_int(n.len, 9);
	}
}

T(idna_bounds)
{
	char big[4096];
	struct name n;
	struct err e = { 0 };

	for (size_t size = 200; size < sizeof(big); size += 8) {
		memset(big, 'a', size);
		memcpy(big, "\xc3\xbc", 2);
		t_ok(!name_parse_idna(span_bytes(big, size), &n, &e));
	}
}

/* E-68: only below, and only at a label boundary. */
static const struct {
	const char *name;
	const char *sub;
	const char *parent;
	bool below;
} belows[] = {
	{ "one label below", "api.github.com", "github.com", true },
	{ "two labels below", "a.b.github.com", "github.com", true },
	{ "itself", "github.com", "github.com", false },
	{ "its parent", "com", "github.com", false },
	{ "inside a label", "evilgithub.com", "github.com", false },
	{ "hyphenated", "attacker-github.com", "github.com", false },
	{ "as a prefix", "github.com.attacker.test", "github.com", false },
	{ "other byte for the dot", "apixgithub.com", "github.com", false },
	{ "a dot elsewhere", "a.xgithub.com", "github.com", false },
	{ "below one label", "a.b", "b", true },
};

T(below)
{
	T_EACH(row, belows)
	{
		struct name sub = name_of(row->sub), parent = name_of(row->parent);

		t_ok(name_below(&sub, &parent) == row->below);
	}
}

static const struct {
	const char *name;
	const char *text;
	bool suffix;
} suffixes[] = {
	{ "top level", "com", true },
	{ "second level", "co.uk", true },
	{ "a rule with a star", "anything.ck", true },
	{ "its exception", "www.ck", false },
	{ "an A-label", "xn--p1ai", true },
	{ "a registered name", "github.com", false },
	{ "the private section is left out", "github.io", false },
	{ "not on the list", "internal", false },
	{ "nor this", "test", false },
};

T(public_suffix)
{
	T_EACH(row, suffixes)
	{
		struct name n = name_of(row->text);

		t_ok(name_is_public_suffix(&n) == row->suffix);
	}
}

T_MAIN(T_TEST(parse), T_TEST(refuse), T_TEST(idna_good), T_TEST(idna_refuse), T_TEST(idna_bounds),
       T_TEST(below), T_TEST(public_suffix))

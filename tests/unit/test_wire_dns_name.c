/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"
#include "wire/dns_name.h"

/* The final NUL of the literal is the root label. */
#define NAME(lit) ((struct span){ (lit), sizeof(lit) })
#define HEAD	  "\0\0\0\0\0\0\0\0\0\0\0\0" /* a header, behind which names are */

#define LABEL63                            \
	"\x3f"                             \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* One message, and the name that is read at a place in it. */
static const struct {
	const char *name;
	struct span msg;
	size_t at;
	const char *want; /* labels without the root; NULL: refused */
	size_t end;	  /* where the cursor stands then */
} reads[] = {
	{ "plain", NAME(HEAD "\3foo\4test"), 12, "\3foo\4test", 22 },
	{ "root", NAME(HEAD), 12, "", 13 },
	{ "case is kept", NAME(HEAD "\3FoO"), 12, "\3FoO", 17 },
	{ "any bytes", NAME(HEAD "\4\xff .\\"), 12, "\4\xff .\\", 18 },
	{ "pointer", SPAN_LIT(HEAD "\3foo\0\xc0\x0c"), 17, "\3foo", 19 },
	{ "label, then pointer", SPAN_LIT(HEAD "\3foo\0\3bar\xc0\x0c"), 17, "\3bar\3foo", 23 },
	{ "pointer to a pointer", SPAN_LIT(HEAD "\3foo\0\xc0\x0c\xc0\x11"), 19, "\3foo", 21 },
	{ "pointer into a name", NAME(HEAD "\3foo\4test\0\xc0\x10"), 22, "\4test", 24 },
	{ "pointer to itself", SPAN_LIT(HEAD "\xc0\x0c"), 12, NULL, 0 },
	{ "pointer forwards", SPAN_LIT(HEAD "\xc0\x0e\3foo\0"), 12, NULL, 0 },
	{ "two pointers at each other", SPAN_LIT(HEAD "\xc0\x0e\xc0\x0c"), 14, NULL, 0 },
	{ "a loop through a label", SPAN_LIT(HEAD "\3foo\xc0\x0c"), 12, NULL, 0 },
	{ "a loop back into the same name", SPAN_LIT(HEAD "\1a\1b\xc0\x0e"), 12, NULL, 0 },
	{ "a loop behind a jump", SPAN_LIT(HEAD "\1a\xc0\x0c\xc0\x0c"), 16, NULL, 0 },
	{ "pointer to what reads on past it",
	  SPAN_LIT(HEAD "\4foo\xc0\x0c"
			"abcdefghijkl\0"),
	  16, NULL, 0 },
	{ "pointer to a label over itself", SPAN_LIT(HEAD "\3\xc0\x0c\1\0"), 13, NULL, 0 },
	{ "pointer into the header", SPAN_LIT(HEAD "\xc0\x00"), 12, NULL, 0 },
	{ "pointer to the header's last byte", SPAN_LIT(HEAD "\xc0\x0b"), 12, NULL, 0 },
	{ "pointer past the end", SPAN_LIT(HEAD "\xff\xff"), 12, NULL, 0 },
	{ "half a pointer", SPAN_LIT(HEAD "\xc0"), 12, NULL, 0 },
	{ "length with bits 01", SPAN_LIT(HEAD "\x41\x00"), 12, NULL, 0 },
	{ "length with bits 10", SPAN_LIT(HEAD "\x80\x0c"), 12, NULL, 0 },
	{ "no root", SPAN_LIT(HEAD "\3foo"), 12, NULL, 0 },
	{ "label past the end", SPAN_LIT(HEAD "\4foo"), 12, NULL, 0 },
	{ "nothing", SPAN_LIT(HEAD), 12, NULL, 0 },
	{ "label of 63", NAME(HEAD LABEL63), 12, LABEL63, 77 },
	{ "label of 64", SPAN_LIT(HEAD "\x40" LABEL63 "\0"), 12, NULL, 0 },
	{ "255 bytes",
	  NAME(HEAD LABEL63 LABEL63 LABEL63 "\x3d"
					    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
	  12,
	  LABEL63 LABEL63 LABEL63 "\x3d"
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
	  267 },
	{ "256 bytes",
	  NAME(HEAD LABEL63 LABEL63 LABEL63 "\x3e"
					    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
	  12, NULL, 0 },
	{ "257 bytes", NAME(HEAD LABEL63 LABEL63 LABEL63 LABEL63), 12, NULL, 0 },
	{ "257 bytes by a pointer", SPAN_LIT(HEAD LABEL63 LABEL63 LABEL63 "\0" LABEL63 "\xc0\x0c"),
	  205, NULL, 0 },
};

T(read)
{
	T_EACH(row, reads)
	{
		struct cursor c = cursor(row->msg.p, row->msg.n);
		struct dns_name n;
		bool ok;

		cur_skip(&c, row->at);
		ok = dns_name_read(&c, &n);
		t_ok(ok == (row->want != NULL));
		t_ok(ok == cur_ok(&c));
		if (!ok)
			continue;
		t_eq_int(c.at, row->end);
		t_eq_int(n.len, strlen(row->want) + 1);
		t_eq_mem(n.b, row->want, n.len);
	}
}

/* A chain of pointers, each at the one before it, which ends in a name. */
static bool read_chain(unsigned jumps)
{
	uint8_t msg[DNS_HEADER + 1 + 2 * (LIMIT_DNS_JUMPS + 1)] = { 0 };
	size_t at = DNS_HEADER, n = at + 1;
	struct cursor c;
	struct dns_name name;

	for (unsigned i = 0; i < jumps; i++) {
		msg[n] = 0xc0;
		msg[n + 1] = (uint8_t)at;
		at = n;
		n += 2;
	}
	c = cursor(msg, n);
	cur_skip(&c, at);
	return dns_name_read(&c, &name);
}

T(jumps)
{
	t_ok(read_chain(1));
	t_ok(read_chain(LIMIT_DNS_JUMPS));
	t_ok(!read_chain(LIMIT_DNS_JUMPS + 1));
}

static const struct {
	const char *name;
	struct span wire;
	const char *want; /* NULL: no host name */
} texts[] = {
	{ "plain", NAME("\3www\7example"), "www.example" },
	{ "upper case", NAME("\3WwW\7eXAMPLE"), "www.example" },
	{ "underscore", NAME("\4_sip\4_tcp\1x"), "_sip._tcp.x" },
	{ "root", NAME(""), NULL },
	{ "dot in a label", NAME("\3a.b\4test"), NULL },
	{ "NUL in a label", NAME("\4evil\1\0\4good"), NULL },
	{ "blank", NAME("\3a b\4test"), NULL },
	{ "backslash", NAME("\3a\\b\4test"), NULL },
	{ "8 bits",
	  NAME("\3\xc3\xa4"
	       "a"),
	  NULL },
	{ "star", NAME("\1*\4test"), NULL },
	{ "ends in a number",
	  NAME("\3"
	       "127\1"
	       "1"),
	  NULL },
	{ "hyphen first", NAME("\3-ab\4test"), NULL },
};

T(text)
{
	T_EACH(row, texts)
	{
		struct dns_name n = { .len = row->wire.n };
		struct name out;

		memcpy(n.b, row->wire.p, row->wire.n);
		t_ok(dns_name_to_text(&n, &out) == (row->want != NULL));
		if (row->want)
			t_eq_span(name_span(&out), row->want);
	}
}

static struct name parse(const char *s)
{
	struct err e = { 0 };
	struct name n;

	t_good(name_parse(span_of(s), &n, &e), e);
	return n;
}

T(letter_case)
{
	const struct name n = parse("a1b-c.de_f");
	struct dns_name w;

	dns_name_from_text(&n, 0, &w);
	t_eq_mem(w.b, "\5a1b-c\4de_f", 12);
	t_eq_int(w.len, 12);
	dns_name_from_text(&n, UINT32_MAX, &w);
	t_eq_mem(w.b, "\5A1B-C\4DE_F", 12);
	dns_name_from_text(&n, 0x29, &w); /* letters 0, 3 and 5: digits do not count */
	t_eq_mem(w.b, "\5A1b-c\4De_F", 12);
}

/* Text, to wire in any case, and back. */
T(round_trip)
{
	static const char *const names[] = { "a", "a.b", "xn--bcher-kva.example", "_dmarc.x-y.z" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct name n = parse(names[i]);
		struct dns_name plain, mixed;
		struct name back;

		dns_name_from_text(&n, 0, &plain);
		dns_name_from_text(&n, 0xa5a5a5a5, &mixed);
		t_ok(dns_name_eq(&plain, &mixed));
		t_ok(dns_name_to_text(&mixed, &back));
		t_ok(name_eq(&n, &back));
	}
}

static const struct {
	const char *name;
	const char *n, *zone;
	bool within;
} zones[] = {
	{ "itself", "a.test", "a.test", true },
	{ "below", "b.a.test", "a.test", true },
	{ "deep below", "d.c.b.a.test", "a.test", true },
	{ "above", "test", "a.test", false },
	{ "beside", "b.test", "a.test", false },
	{ "not at a label", "xa.test", "a.test", false },
};

T(within)
{
	const struct dns_name root = { .len = 1 };

	T_EACH(row, zones)
	{
		const struct name n = parse(row->n), zone = parse(row->zone);
		struct dns_name wn, wzone;

		dns_name_from_text(&n, 0x5, &wn);
		dns_name_from_text(&zone, 0, &wzone);
		t_ok(dns_name_within(&wn, &wzone) == row->within);
		t_ok(dns_name_within(&wn, &root));
		t_ok(!dns_name_within(&root, &wn));
	}
}

T_MAIN(T_TEST(read), T_TEST(jumps), T_TEST(text), T_TEST(letter_case), T_TEST(round_trip),
       T_TEST(within))

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"

#include "wire/http.h"

static const struct {
	const char *name; /* and the text that is read */
	const char *host;
	const char *addr;
	uint16_t port;
} taken[] = {
	{ "good.test", "good.test", NULL, 0 },
	{ "good.test:443", "good.test", NULL, 443 },
	{ "GOOD.Test", "good.test", NULL, 0 },
	{ "good.test.", "good.test", NULL, 0 },
	{ "good.test.:1", "good.test", NULL, 1 },
	{ "localhost:65535", "localhost", NULL, 65535 },
	{ "_a.good.test", "_a.good.test", NULL, 0 },
	{ "xn--bcher-kva.test", "xn--bcher-kva.test", NULL, 0 },
	{ "203.0.113.7", NULL, "203.0.113.7", 0 },
	{ "203.0.113.7:8080", NULL, "203.0.113.7", 8080 },
	{ "127.0.0.1", NULL, "127.0.0.1", 0 },
	{ "[::1]", NULL, "::1", 0 },
	{ "[2001:db8::1]:8080", NULL, "2001:db8::1", 8080 },
	{ "[2001:DB8::A]", NULL, "2001:db8::a", 0 },
};

T(take)
{
	T_EACH(row, taken)
	{
		struct http_host h = { 0 };
		char text[ADDR_STR_MAX];

		t_ok(http_host_parse(span_of(row->name), &h));
		t_ok(http_host_given(&h));
		t_eq_int(h.port, row->port);
		t_ok((h.name.len > 0) == (row->host != NULL));
		t_ok((h.addr.family != 0) == (row->addr != NULL));
		if (row->host)
			t_eq_span(name_span(&h.name), row->host);
		if (row->addr)
			t_eq_str(addr_str(&h.addr, text), row->addr);
	}
}

static const struct {
	const char *name;
	struct span text;
} refused[] = {
	{ "empty", SPAN_LIT("") },
	{ "a dot", SPAN_LIT(".") },
	{ "two dots at the end", SPAN_LIT("good.test..") },
	{ "empty label", SPAN_LIT("good..test") },
	{ "dot first", SPAN_LIT(".good.test") },
	{ "star", SPAN_LIT("*.good.test") },
	{ "blank", SPAN_LIT("good test") },
	{ "blank at the end", SPAN_LIT("good.test ") },
	{ "userinfo", SPAN_LIT("a@good.test") },
	{ "userinfo with a port", SPAN_LIT("a:1@good.test") },
	{ "fragment", SPAN_LIT("good.test#evil.test") },
	{ "query", SPAN_LIT("good.test?evil.test") },
	{ "path", SPAN_LIT("good.test/") },
	{ "backslash", SPAN_LIT("good.test\\evil.test") },
	{ "escape", SPAN_LIT("good%2etest") },
	{ "escaped NUL", SPAN_LIT("evil.test%00good.test") },
	{ "NUL", SPAN_LIT("evil.test\0good.test") },
	{ "NUL at the end", SPAN_LIT("good.test\0") },
	{ "line end", SPAN_LIT("good.test\r\n") },
	{ "full-width letters", SPAN_LIT("\xef\xbd\x87\xef\xbd\x8f.test") },
	{ "ideographic full stop", SPAN_LIT("good\xe3\x80\x82test") },
	{ "UTF-8", SPAN_LIT("b\xc3\xbc"
			    "cher.test") },

	{ "port 0", SPAN_LIT("good.test:0") },
	{ "port 65536", SPAN_LIT("good.test:65536") },
	{ "empty port", SPAN_LIT("good.test:") },
	{ "port with a plus", SPAN_LIT("good.test:+80") },
	{ "port with a blank", SPAN_LIT("good.test: 80") },
	{ "port with a leading zero", SPAN_LIT("good.test:080") },
	{ "port in hex", SPAN_LIT("good.test:0x50") },
	{ "port of letters", SPAN_LIT("good.test:http") },
	{ "two ports", SPAN_LIT("good.test:80:81") },
	{ "port alone", SPAN_LIT(":80") },

	/* Each of these is 127.0.0.1 or ::1 to some program. */
	{ "one number", SPAN_LIT("2130706433") },
	{ "hex number", SPAN_LIT("0x7f000001") },
	{ "octal number", SPAN_LIT("017700000001") },
	{ "two numbers", SPAN_LIT("127.1") },
	{ "three numbers", SPAN_LIT("127.0.1") },
	{ "octal parts", SPAN_LIT("0177.0.0.1") },
	{ "hex part", SPAN_LIT("127.0.0.0x1") },
	{ "leading zeros", SPAN_LIT("127.000.000.001") },
	{ "address with a dot", SPAN_LIT("127.0.0.1.") },
	{ "zero", SPAN_LIT("0") },
	{ "name that ends in a number", SPAN_LIT("good.1") },
	{ "five numbers", SPAN_LIT("1.127.0.0.1") },
	{ "no brackets", SPAN_LIT("::1") },
	{ "no brackets, with a port", SPAN_LIT("::1:80") },
	{ "not the shortest", SPAN_LIT("[0:0:0:0:0:0:0:1]") },
	{ "leading zeros in brackets", SPAN_LIT("[2001:0db8::1]") },
	{ "mapped, in hex", SPAN_LIT("[::ffff:7f00:1]") },
	{ "zone", SPAN_LIT("[fe80::1%eth0]") },
	{ "escaped zone", SPAN_LIT("[fe80::1%25eth0]") },

	{ "IPv4 in brackets", SPAN_LIT("[127.0.0.1]") },
	{ "name in brackets", SPAN_LIT("[good.test]") },
	{ "empty brackets", SPAN_LIT("[]") },
	{ "open bracket", SPAN_LIT("[::1") },
	{ "closing bracket", SPAN_LIT("::1]") },
	{ "two brackets", SPAN_LIT("[[::1]]") },
	{ "junk behind the bracket", SPAN_LIT("[::1]80") },
	{ "name behind the bracket", SPAN_LIT("[::1].good.test") },
	{ "future address", SPAN_LIT("[v1.x:y]") },
	{ "bracket alone", SPAN_LIT("[") },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		struct http_host h;

		t_ok(!http_host_parse(row->text, &h));
	}
}

T_MAIN(T_TEST(take), T_TEST(refuse))

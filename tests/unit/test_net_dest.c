/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"

#include <stdio.h>

#include "dest_same.h"
#include "net/dest.h"

#define ALLOW DEST_FOR_ALLOW
#define DENY  DEST_FOR_DENY
#define TCP   IPPROTO_TCP
#define UDP   IPPROTO_UDP
#define ANY   DEST_PROTO_ANY

/* What a text means and how it prints for the same use. */
static const struct {
	const char *name;
	enum dest_use use;
	const char *text;
	int proto;
	enum dest_target target;
	const char *ports; /* "" for none */
	const char *want;
} good[] = {
	/* Names */
	{ "name", ALLOW, "api.github.com", TCP, DEST_NAME, "443", "api.github.com" },
	{ "name in a deny", DENY, "api.github.com", ANY, DEST_NAME, "*", "api.github.com" },
	{ "name, 443 written", ALLOW, "api.github.com:443", TCP, DEST_NAME, "443",
	  "api.github.com" },
	{ "name, 443 in a deny", DENY, "x.com:443", TCP, DEST_NAME, "443", "x.com:443" },
	{ "name and port", ALLOW, "github.com:22", TCP, DEST_NAME, "22", "github.com:22" },
	{ "name and range", ALLOW, "x.com:8000-8099", TCP, DEST_NAME, "8000-8099",
	  "x.com:8000-8099" },
	{ "name and list", ALLOW, "x.com:443,80", TCP, DEST_NAME, "80,443", "x.com:80,443" },
	{ "name and every port", ALLOW, "x.com:*", TCP, DEST_NAME, "*", "x.com:*" },
	{ "tcp written", ALLOW, "tcp/x.com:443", TCP, DEST_NAME, "443", "x.com" },
	{ "tcp without ports", ALLOW, "tcp/x.com", TCP, DEST_NAME, "*", "x.com:*" },
	{ "udp", ALLOW, "udp/ntp.example:123", UDP, DEST_NAME, "123", "udp/ntp.example:123" },
	{ "udp without ports", ALLOW, "udp/ntp.example", UDP, DEST_NAME, "*", "udp/ntp.example" },
	{ "every protocol", ALLOW, "any/x.com", ANY, DEST_NAME, "*", "any/x.com" },
	{ "every protocol, a port", ALLOW, "any/x.com:53", ANY, DEST_NAME, "53", "any/x.com:53" },
	{ "every protocol in a deny", DENY, "any/x.com", ANY, DEST_NAME, "*", "x.com" },
	{ "E-55 case and dot", ALLOW, "API.GitHub.com.", TCP, DEST_NAME, "443", "api.github.com" },
	{ "IDNA", ALLOW,
	  "b\xc3\xbc"
	  "cher.de",
	  TCP, DEST_NAME, "443", "xn--bcher-kva.de" },
	{ "one label", ALLOW, "localhost:80", TCP, DEST_NAME, "80", "localhost:80" },
	{ "a name that begins like a group", ALLOW, "group:80", TCP, DEST_NAME, "80", "group:80" },
	{ "a name like a protocol", ALLOW, "tcp/gre:80", TCP, DEST_NAME, "80", "tcp/gre:80" },
	{ "the same on 443", ALLOW, "tcp/gre:443", TCP, DEST_NAME, "443", "tcp/gre:443" },
	{ "the same on every port", ALLOW, "tcp/gre", TCP, DEST_NAME, "*", "tcp/gre" },
	{ "the same in a deny", DENY, "any/gre", ANY, DEST_NAME, "*", "any/gre" },

	/* Wildcards */
	{ "wildcard", ALLOW, "*.github.com", TCP, DEST_WILDCARD, "443", "*.github.com" },
	{ "wildcard in a deny", DENY, "*.github.com", ANY, DEST_WILDCARD, "*", "*.github.com" },
	{ "wildcard and port", ALLOW, "*.github.com:22", TCP, DEST_WILDCARD, "22",
	  "*.github.com:22" },
	{ "wildcard, udp", ALLOW, "udp/*.x.com:443", UDP, DEST_WILDCARD, "443", "udp/*.x.com:443" },
	{ "wildcard, IDNA", ALLOW,
	  "*.B\xc3\xbc"
	  "cher.de",
	  TCP, DEST_WILDCARD, "443", "*.xn--bcher-kva.de" },
	{ "wildcard below no public suffix", ALLOW, "*.internal", TCP, DEST_WILDCARD, "443",
	  "*.internal" },
	{ "wildcard below a private suffix", ALLOW, "*.github.io", TCP, DEST_WILDCARD, "443",
	  "*.github.io" },
	{ "any name", ALLOW, "*", TCP, DEST_ANY_NAME, "443", "*" },
	{ "any name in a deny", DENY, "*", ANY, DEST_ANY_NAME, "*", "*" },
	{ "any name, every port", ALLOW, "*:*", TCP, DEST_ANY_NAME, "*", "*:*" },
	{ "any name, port", ALLOW, "*:8443", TCP, DEST_ANY_NAME, "8443", "*:8443" },

	/* Addresses */
	{ "address", ALLOW, "10.42.7.11:8080", TCP, DEST_PREFIX, "8080", "10.42.7.11:8080" },
	{ "address, everything", ALLOW, "any/10.42.7.11", ANY, DEST_PREFIX, "*", "any/10.42.7.11" },
	{ "address in a deny", DENY, "10.42.7.11", ANY, DEST_PREFIX, "*", "10.42.7.11" },
	{ "every protocol written in a deny", DENY, "any/10.42.7.11", ANY, DEST_PREFIX, "*",
	  "10.42.7.11" },
	{ "prefix", ALLOW, "192.0.2.0/24:443", TCP, DEST_PREFIX, "443", "192.0.2.0/24:443" },
	{ "prefix in a deny", DENY, "192.0.2.0/24", ANY, DEST_PREFIX, "*", "192.0.2.0/24" },
	{ "prefix, udp", ALLOW, "udp/192.0.2.0/24:53", UDP, DEST_PREFIX, "53",
	  "udp/192.0.2.0/24:53" },
	{ "prefix, full length", DENY, "192.0.2.1/32", ANY, DEST_PREFIX, "*", "192.0.2.1" },
	{ "v6 and port", ALLOW, "[2001:db8::1]:443", TCP, DEST_PREFIX, "443", "[2001:db8::1]:443" },
	{ "v6 prefix and port", ALLOW, "[2001:db8::/32]:443", TCP, DEST_PREFIX, "443",
	  "[2001:db8::/32]:443" },
	{ "v6 and every port", ALLOW, "tcp/2001:db8::1", TCP, DEST_PREFIX, "*", "[2001:db8::1]:*" },
	{ "v6, everything", ALLOW, "any/2001:db8::1", ANY, DEST_PREFIX, "*", "any/2001:db8::1" },
	{ "v6 in a deny", DENY, "2001:db8::1", ANY, DEST_PREFIX, "*", "2001:db8::1" },
	{ "v6 in needless brackets", DENY, "[2001:DB8::1]", ANY, DEST_PREFIX, "*", "2001:db8::1" },
	{ "v6 in brackets that are needed", DENY, "[2001:db8::1:443]", ANY, DEST_PREFIX, "*",
	  "[2001:db8::1:443]" },
	{ "v6 that reads one way only", DENY, "2001:db8::1:ff", ANY, DEST_PREFIX, "*",
	  "2001:db8::1:ff" },
	{ "v6 in full reads one way", DENY, "1:2:3:4:5:6:7:8", ANY, DEST_PREFIX, "*",
	  "1:2:3:4:5:6:7:8" },
	{ "v6 prefix in a deny", DENY, "2001:db8::/32", ANY, DEST_PREFIX, "*", "2001:db8::/32" },
	{ "E-30 mapped", ALLOW, "[::ffff:7f00:1]:80", TCP, DEST_PREFIX, "80", "127.0.0.1:80" },
	{ "E-30 mapped prefix", DENY, "::ffff:10.0.0.0/104", ANY, DEST_PREFIX, "*", "10.0.0.0/8" },
	{ "E-30 6to4", DENY, "2002:a00:1::/48", ANY, DEST_PREFIX, "*", "10.0.0.1" },

	/* any, host, groups */
	{ "any and port", ALLOW, "any:3306", TCP, DEST_ANY, "3306", "any:3306" },
	{ "any, everything", ALLOW, "any/any", ANY, DEST_ANY, "*", "any/any" },
	{ "any in a deny", DENY, "any", ANY, DEST_ANY, "*", "any" },
	{ "any, one protocol", ALLOW, "udp/any", UDP, DEST_ANY, "*", "udp/any" },
	{ "any in capitals", ALLOW, "ANY:80", TCP, DEST_ANY, "80", "any:80" },
	{ "host", ALLOW, "host:8080", TCP, DEST_HOST, "8080", "host:8080" },
	{ "host, every port", ALLOW, "host:*", TCP, DEST_HOST, "*", "host:*" },
	{ "host, udp", ALLOW, "udp/host:53", UDP, DEST_HOST, "53", "udp/host:53" },
	{ "host, udp, every port", ALLOW, "udp/host:*", UDP, DEST_HOST, "*", "udp/host:*" },
	{ "host in a deny", DENY, "host:8080", TCP, DEST_HOST, "8080", "host:8080" },
	{ "group", ALLOW, "group/github", ANY, DEST_GROUP, "", "group/github" },
	{ "group in a deny", DENY, "group/A_b.c-9", ANY, DEST_GROUP, "", "group/A_b.c-9" },

	/* Protocols */
	{ "by number", ALLOW, "17/x.com:53", UDP, DEST_NAME, "53", "udp/x.com:53" },
	{ "in capitals", ALLOW, "UDP/x.com:53", UDP, DEST_NAME, "53", "udp/x.com:53" },
	{ "sctp", ALLOW, "sctp/x.com:5060", IPPROTO_SCTP, DEST_NAME, "5060", "sctp/x.com:5060" },
	{ "udplite", ALLOW, "udplite/any:7", IPPROTO_UDPLITE, DEST_ANY, "7", "udplite/any:7" },
	{ "without ports", ALLOW, "gre/203.0.113.5", IPPROTO_GRE, DEST_PREFIX, "",
	  "gre/203.0.113.5" },
	{ "number without a name", ALLOW, "99/any", 99, DEST_ANY, "", "99/any" },
	{ "number with a name", ALLOW, "47/any", IPPROTO_GRE, DEST_ANY, "", "gre/any" },
	{ "number 0", ALLOW, "0/any", 0, DEST_ANY, "", "0/any" },
	{ "number 255", ALLOW, "255/any", 255, DEST_ANY, "", "255/any" },
	{ "encapsulation", DENY, "ipv6/any", IPPROTO_IPV6, DEST_ANY, "", "ipv6/any" },
};

static void check_round_trip(const struct dest *d)
{
	for (int use = ALLOW; use <= DENY; use++) {
		char text[DEST_STR_MAX];
		_cleanup_(arena_done) struct arena arena = { 0 };
		struct dest again;
		struct err e = { 0 };

		dest_show(d, (enum dest_use)use, text);
		t_good(dest_parse(span_of(text), (enum dest_use)use, &arena, &again, &e), e);
		t_ok(dest_same(d, &again));
	}
}

T(meaning)
{
	T_EACH(row, good)
	{
		_cleanup_(arena_done) struct arena arena = { 0 };
		struct dest d;
		struct err e = { 0 };
		struct buf ports;
		char text[DEST_STR_MAX];

		buf_init(&ports, 200);
		t_good(dest_parse(span_of(row->text), row->use, &arena, &d, &e), e);
		t_eq_int(d.proto, row->proto);
		t_eq_int(d.icmp_type, -1);
		t_eq_int(d.target, row->target);
		ports_str(&d.ports, &ports);
		t_eq_str(buf_cstr(&ports), row->ports);
		t_eq_str(dest_show(&d, row->use, text), row->want);
		check_round_trip(&d);
		buf_done(&ports);
	}
}

static const struct {
	const char *name;
	const char *text;
	int proto, type;
	enum dest_target target;
	const char *want;
} icmp[] = {
	{ "alone", "icmp", IPPROTO_ICMP, -1, DEST_ANY, "icmp" },
	{ "alone v6", "icmpv6", IPPROTO_ICMPV6, -1, DEST_ANY, "icmpv6" },
	{ "to any", "icmp/any", IPPROTO_ICMP, -1, DEST_ANY, "icmp" },
	{ "by number", "1/any", IPPROTO_ICMP, -1, DEST_ANY, "icmp" },
	{ "type", "icmp/echo-request", IPPROTO_ICMP, 8, DEST_ANY, "icmp/echo-request" },
	{ "type v6", "icmpv6/echo-request", IPPROTO_ICMPV6, 128, DEST_ANY, "icmpv6/echo-request" },
	{ "type in capitals", "icmp/Echo-Request", IPPROTO_ICMP, 8, DEST_ANY, "icmp/echo-request" },
	{ "type number", "icmp/8", IPPROTO_ICMP, 8, DEST_ANY, "icmp/echo-request" },
	{ "type number without a name", "icmp/42", IPPROTO_ICMP, 42, DEST_ANY, "icmp/42" },
	{ "type 0", "icmp/0", IPPROTO_ICMP, 0, DEST_ANY, "icmp/echo-reply" },
	{ "target", "icmp/203.0.113.5", IPPROTO_ICMP, -1, DEST_PREFIX, "icmp/203.0.113.5" },
	{ "prefix", "icmp/192.0.2.0/24", IPPROTO_ICMP, -1, DEST_PREFIX, "icmp/192.0.2.0/24" },
	{ "type and target", "icmp/echo-request/203.0.113.5", IPPROTO_ICMP, 8, DEST_PREFIX,
	  "icmp/echo-request/203.0.113.5" },
	{ "type and any", "icmp/echo-request/any", IPPROTO_ICMP, 8, DEST_ANY, "icmp/echo-request" },
	{ "type and v6 target", "icmpv6/128/2001:db8::/32", IPPROTO_ICMPV6, 128, DEST_PREFIX,
	  "icmpv6/echo-request/2001:db8::/32" },
	{ "v6 in brackets", "icmpv6/[2001:db8::1:443]", IPPROTO_ICMPV6, -1, DEST_PREFIX,
	  "icmpv6/[2001:db8::1:443]" },
	{ "name", "icmp/x.com", IPPROTO_ICMP, -1, DEST_NAME, "icmp/x.com" },
	{ "type and wildcard", "icmp/8/*.x.com", IPPROTO_ICMP, 8, DEST_WILDCARD,
	  "icmp/echo-request/*.x.com" },
	{ "any name", "icmp/*", IPPROTO_ICMP, -1, DEST_ANY_NAME, "icmp/*" },
	{ "a name like a type, after a type", "icmp/8/redirect", IPPROTO_ICMP, 8, DEST_NAME,
	  "icmp/echo-request/redirect" },
};

T(icmp_forms)
{
	T_EACH(row, icmp)
	{
		for (int use = ALLOW; use <= DENY; use++) {
			_cleanup_(arena_done) struct arena arena = { 0 };
			struct dest d;
			struct err e = { 0 };
			char text[DEST_STR_MAX];

			t_good(dest_parse(span_of(row->text), (enum dest_use)use, &arena, &d, &e),
			       e);
			t_eq_int(d.proto, row->proto);
			t_eq_int(d.icmp_type, row->type);
			t_eq_int(d.target, row->target);
			t_eq_int(d.ports.n, 0);
			t_eq_str(dest_show(&d, (enum dest_use)use, text), row->want);
			check_round_trip(&d);
		}
	}
}

/* What stands in quotes after "write", "or" and "mean" has to be a destination itself. */
static void check_suggestions(const char *message, enum dest_use use)
{
	static const char *const leads[] = { "write \"", "or \"", "such as \"", "did you mean \"" };

	for (size_t i = 0; i < ARRAY_LEN(leads); i++) {
		const char *at = strstr(message, leads[i]);
		struct span text;
		_cleanup_(arena_done) struct arena arena = { 0 };
		struct dest d;
		struct err e = { 0 };

		if (!at)
			continue;
		text = span_of(at + strlen(leads[i]));
		text = span_first(text, (size_t)span_find(text, '"'));
		t_good(dest_parse(text, use, &arena, &d, &e), e);
	}
}

static const struct {
	const char *name;
	enum dest_use use;
	struct span text;
	const char *message;
} refused[] = {
	/* E-68: wildcards */
	{ "no label boundary", ALLOW, SPAN_LIT("*foo.com"),
	  "\"*foo.com\" is not a destination: a wildcard is a leading \"*.\" at a label boundary: "
	  "write \"*.foo.com\"" },
	{ "no label boundary, with the rest", ALLOW, SPAN_LIT("udp/*foo.com:53"),
	  "write \"udp/*.foo.com:53\"" },
	{ "ending", ALLOW, SPAN_LIT("foo.*"), "write each name, such as \"foo.com\"" },
	{ "ending and port", DENY, SPAN_LIT("foo.*:80"), "such as \"foo.com:80\"" },
	{ "middle", ALLOW, SPAN_LIT("a.*.foo.com"), "only ever a leading \"*.\"" },
	{ "inside a label", ALLOW, SPAN_LIT("a*b.foo.com"), "only ever a leading \"*.\"" },
	{ "two wildcards", ALLOW, SPAN_LIT("*.*.foo.com"), "write \"*.foo.com\"" },
	{ "two stars", ALLOW, SPAN_LIT("**.foo.com"), "write \"*.foo.com\"" },
	{ "stars only", ALLOW, SPAN_LIT("**"), "for any name write \"*\"" },
	{ "star and dot", ALLOW, SPAN_LIT("*."), "for any name write \"*\"" },
	{ "star and dot, port", ALLOW, SPAN_LIT("*.:80"), "for any name write \"*:80\"" },
	{ "public suffix", ALLOW, SPAN_LIT("*.com"),
	  "\"com\" is a public suffix, below which anyone can register a name: write each name, or "
	  "\"*.example.com\"" },
	{ "public suffix of two labels", DENY, SPAN_LIT("*.CO.uk"), "or \"*.example.co.uk\"" },
	{ "regular expression", ALLOW, SPAN_LIT(".*\\.foo\\.com"), "leading \"*.\"" },
	{ "a public suffix on the way", ALLOW, SPAN_LIT("*com"), "or \"*.example.com\"" },
	{ "leading dot", ALLOW, SPAN_LIT(".foo.com"), "\".foo.com\" is not a host name" },

	/* Bare addresses */
	{ "address", ALLOW, SPAN_LIT("10.42.7.11"),
	  "\"10.42.7.11\" needs a port in an allow: write \"10.42.7.11:8080\", or "
	  "\"any/10.42.7.11\" for everything" },
	{ "prefix", ALLOW, SPAN_LIT("192.0.2.0/24"), "write \"192.0.2.0/24:8080\", or" },
	{ "v6", ALLOW, SPAN_LIT("2001:db8::1"),
	  "write \"[2001:db8::1]:8080\", or \"any/2001:db8::1\"" },
	{ "v6 in brackets", ALLOW, SPAN_LIT("[::1]"), "write \"[::1]:8080\", or \"any/::1\"" },
	{ "v6 prefix", ALLOW, SPAN_LIT("2001:db8::/32"), "write \"[2001:db8::/32]:8080\"" },
	{ "any", ALLOW, SPAN_LIT("any"), "write \"any:443\", or \"any/any\" for everything" },

	/* IPv6 */
	{ "two ways", ALLOW, SPAN_LIT("2001:db8::1:443"),
	  "can be read two ways: write \"[2001:db8::1]:443\", or \"[2001:db8::1:443]:443\"" },
	{ "two ways in a deny", DENY, SPAN_LIT("2001:db8::1:443"),
	  "write \"[2001:db8::1]:443\", or \"[2001:db8::1:443]\"" },
	{ "two ways, udp", ALLOW, SPAN_LIT("udp/2001:db8::1:53"),
	  "write \"udp/[2001:db8::1]:53\", or \"udp/[2001:db8::1:53]\"" },
	{ "nine groups", DENY, SPAN_LIT("1:2:3:4:5:6:7:8:443"), "write \"[1:2:3:4:5:6:7:8]:443\"" },
	{ "prefix and port", ALLOW, SPAN_LIT("2001:db8::/32:443"),
	  "write \"[2001:db8::/32]:443\"" },
	{ "prefix behind brackets", ALLOW, SPAN_LIT("udp/[2001:db8::]/32:53"),
	  "write \"udp/[2001:db8::/32]:53\"" },
	{ "open bracket", ALLOW, SPAN_LIT("[::1"), "\"[\" without \"]\": write \"[::1]:443\"" },
	{ "open bracket, port", ALLOW, SPAN_LIT("[2001:db8::1:443"), "\"[\" without \"]\"" },
	{ "bytes after the bracket", ALLOW, SPAN_LIT("[::1]443"),
	  "expected \":\" and ports after \"]\"" },
	{ "empty brackets", ALLOW, SPAN_LIT("[]:80"), "expected an IPv6 address in brackets" },
	{ "v4 in brackets", ALLOW, SPAN_LIT("[1.2.3.4]:80"),
	  "brackets are for IPv6: write \"1.2.3.4:80\"" },
	{ "name in brackets", ALLOW, SPAN_LIT("udp/[x.com]:80"), "write \"udp/x.com:80\"" },
	{ "zone", ALLOW, SPAN_LIT("[fe80::1%eth0]:80"), "expected one without \"%zone\"" },
	{ "name and two ports", ALLOW, SPAN_LIT("x.com:80:90"), "one \":\" before the ports" },

	/* E-65: numbers */
	{ "three parts", ALLOW, SPAN_LIT("1.2.3"), "\"1.2.3\" is not an IP address" },
	{ "three parts and port", ALLOW, SPAN_LIT("1.2.3:80"), "\"1.2.3\" is not an IP address" },
	{ "short", DENY, SPAN_LIT("127.1"), "some programs read it as 127.0.0.1" },
	{ "one number", DENY, SPAN_LIT("2130706433"), "some programs read it as 127.0.0.1" },
	{ "hex", DENY, SPAN_LIT("0x7f.1"), "it ends in a number" },
	{ "octal", DENY, SPAN_LIT("0177.0.0.1"), "is not an IP address" },
	{ "short prefix", DENY, SPAN_LIT("192.168/16"), "\"192.168\" is not an IP address" },
	{ "full-width", DENY, SPAN_LIT("\xef\xbc\x91.1.1.1"), "it ends in a number" },
	{ "host bits", DENY, SPAN_LIT("192.0.2.1/24"),
	  "write \"192.0.2.0/24\", or \"192.0.2.1\" for the one address" },
	{ "prefix length", DENY, SPAN_LIT("192.0.2.0/33"), "\"33\" is not a prefix length" },

	/* URLs, paths, users */
	{ "https URL", ALLOW, SPAN_LIT("https://x.com/y"),
	  "expected a host, not a URL: write \"x.com\"" },
	{ "http URL", ALLOW, SPAN_LIT("http://x.com/"), "write \"x.com:80\"" },
	{ "URL with everything", ALLOW, SPAN_LIT("HTTPS://u:p@x.com:8443/y?a@b#c"),
	  "write \"x.com:8443\"" },
	{ "ssh URL", ALLOW, SPAN_LIT("ssh://git@github.com/a/b"), "write \"github.com:22\"" },
	{ "URL without a host", ALLOW, SPAN_LIT("unix:///run/x"), "expected a host, not a URL" },
	{ "path", ALLOW, SPAN_LIT("x.com/y/z"), "expected no path: write \"x.com\"" },
	{ "slash", ALLOW, SPAN_LIT("x.com/"), "write \"x.com\"" },
	{ "path and port", ALLOW, SPAN_LIT("x.com:80/y"), "write \"x.com:80\"" },
	{ "path and protocol", ALLOW, SPAN_LIT("udp/x.com/y:53"), "write \"udp/x.com\"" },
	{ "user", ALLOW, SPAN_LIT("git@github.com"), "expected no user: write \"github.com:22\"" },
	{ "scp", ALLOW, SPAN_LIT("git@github.com:a/b"), "write \"github.com:22\"" },
	{ "user and port", ALLOW, SPAN_LIT("git@github.com:2222"), "write \"github.com:2222\"" },
	{ "user alone", ALLOW, SPAN_LIT("git@"), "expected a host and no user" },

	/* Ports */
	{ "port 0", ALLOW, SPAN_LIT("x.com:0"),
	  "\"0\" is not a port: expected a whole number from 1 to 65535" },
	{ "port too high", ALLOW, SPAN_LIT("x.com:65536"), "\"65536\" is not a port" },
	{ "no port", ALLOW, SPAN_LIT("x.com:"), "write \"x.com:443\", or \"x.com:*\"" },
	{ "no port in a deny", DENY, SPAN_LIT("[::1]:"), "write \"[::1]:443\", or \"[::1]:*\"" },
	{ "service name", ALLOW, SPAN_LIT("x.com:https"), "\"https\" is not a port" },
	{ "reversed", ALLOW, SPAN_LIT("x.com:90-80"), "\"90-80\" is not a range of ports" },

	/* Protocols */
	{ "unknown protocol", ALLOW, SPAN_LIT("foobar/x.com"),
	  "\"foobar\" is not a protocol: expected tcp, udp, icmp" },
	{ "mistyped protocol", ALLOW, SPAN_LIT("upd/x.com:53"), "did you mean \"udp/x.com:53\"?" },
	{ "mistyped group", ALLOW, SPAN_LIT("groups/github"), "did you mean \"group/github\"?" },
	{ "protocol number", ALLOW, SPAN_LIT("256/x.com"), "\"256\" is not a protocol" },
	{ "protocol alone", ALLOW, SPAN_LIT("gre"),
	  "\"gre\" is a protocol: write \"gre/any\", or \"tcp/gre:80\" for a host of that name" },
	{ "protocol and port", ALLOW, SPAN_LIT("udp:53"), "\"udp\" is a protocol" },
	{ "protocol with a dot", DENY, SPAN_LIT("gre."), "\"gre\" is a protocol" },
	{ "no target", ALLOW, SPAN_LIT("tcp/"), "as its target" },
	{ "no target but ports", ALLOW, SPAN_LIT(":443"), "as its target" },
	{ "ports without ports", ALLOW, SPAN_LIT("gre/any:80"), "gre has no ports" },
	{ "icmp and ports", ALLOW, SPAN_LIT("icmp/x.com:80"), "icmp has no ports" },
	{ "icmp to v6", ALLOW, SPAN_LIT("icmp/2001:db8::1"), "write \"icmpv6/2001:db8::1\"" },
	{ "icmpv6 to v4", ALLOW, SPAN_LIT("icmpv6/203.0.113.5"), "write \"icmp/203.0.113.5\"" },
	{ "icmp type", ALLOW, SPAN_LIT("icmp/foo/x.com"), "\"foo\" is not a type of icmp" },
	{ "icmp type number", ALLOW, SPAN_LIT("icmp/256"), "\"256\" is not a type of icmp" },
	{ "icmpv6 type number", ALLOW, SPAN_LIT("icmpv6/999/any"), "is not a type of icmpv6" },
	{ "a type with a dot", ALLOW, SPAN_LIT("icmp/redirect."), "is a word of its own" },
	{ "any with a dot", DENY, SPAN_LIT("any."), "is a word of its own" },
	{ "host with a dot", ALLOW, SPAN_LIT("host.:80"), "is a word of its own" },
	{ "any by IDNA", DENY, SPAN_LIT("\xef\xbd\x81ny"), "is a word of its own" },

	/* host and groups */
	{ "host alone", ALLOW, SPAN_LIT("host"),
	  "the host's loopback takes tcp or udp and a port: write \"host:8080\" or "
	  "\"udp/host:5353\"" },
	{ "host in a deny", DENY, SPAN_LIT("host"), "write \"host:8080\"" },
	{ "host, udp, no port", ALLOW, SPAN_LIT("udp/host"), "write \"host:8080\"" },
	{ "host, every protocol", ALLOW, SPAN_LIT("any/host:80"), "write \"host:8080\"" },
	{ "host, gre", ALLOW, SPAN_LIT("gre/host"), "write \"host:8080\"" },
	{ "group with ports", ALLOW, SPAN_LIT("group/github:443"), "write \"group/github\"" },
	{ "group with a protocol", ALLOW, SPAN_LIT("tcp/group/github"), "write \"group/github\"" },
	{ "group without a name", ALLOW, SPAN_LIT("group/"), "expected group/NAME" },
	{ "group with a slash", ALLOW, SPAN_LIT("group/a/b"), "expected group/NAME" },
	{ "group name of 64", ALLOW,
	  SPAN_LIT("group/0123456789012345678901234567890123456789012345678901234567890123"),
	  "1 to 63 letters" },

	/* E-67: bytes */
	{ "empty", ALLOW, SPAN_LIT(""), "expected [proto/]target[:ports]" },
	{ "blank", ALLOW, SPAN_LIT(" x.com"), "\" x.com\" is not a host name" },
	{ "NUL", ALLOW, SPAN_LIT("evil\0.good"), "\"evil\\x00.good\" is not a host name" },
	{ "hash", ALLOW, SPAN_LIT("good#.evil"), "is not a host name" },
	{ "percent", ALLOW, SPAN_LIT("evil%00.good"), "is not a host name" },
	{ "at", ALLOW, SPAN_LIT("good@evil"), "expected no user" },
	{ "escape sequence", ALLOW, SPAN_LIT("\x1b[2J.com"), "\\x1b[2J" },
	{ "line end", ALLOW, SPAN_LIT("x.com\n"), "\"x.com\\x0a\" is not a host name" },
	{ "two destinations", ALLOW, SPAN_LIT("x.com,y.com"), "is not a host name" },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		_cleanup_(arena_done) struct arena arena = { 0 };
		struct dest d = { .proto = 77 };
		struct err e = { 0 };

		t_bad(dest_parse(row->text, row->use, &arena, &d, &e), e, ERR_INVALID,
		      row->message);
		t_eq_int(d.proto, 77);
		check_suggestions(e.msg, row->use);
	}
}

/* The longest destination there is, and texts far beyond: all in their bounds. */
T(bounds)
{
	char text[4096], shown[DEST_STR_MAX];
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest d;
	struct err e = { 0 };
	size_t n = 0;

	memcpy(text, "udplite/*.", 10);
	for (n = 10; n < 10 + 251; n++)
		text[n] = (n - 10) % 50 == 49 ? '.' : 'a';
	n += (size_t)snprintf(text + n, sizeof(text) - n, ":%s",
			      "10000-10001,10003-10004,10006-10007,10009-10010,10012-10013,"
			      "10015-10016,10018-10019,10021-10022,10024-10025,10027-10028,"
			      "10030-10031,10033-10034,10036-10037,10039-10040,10042-10043");
	t_good(dest_parse(span_bytes(text, n), ALLOW, &arena, &d, &e), e);
	t_eq_int(strlen(dest_show(&d, ALLOW, shown)), n);
	check_round_trip(&d);
	memset(text, 'a', sizeof(text));
	for (n = 64; n < sizeof(text); n += 61)
		t_ok(!dest_parse(span_bytes(text, n), ALLOW, &arena, &d, &e));
	memset(text, ':', sizeof(text));
	t_ok(!dest_parse(span_bytes(text, sizeof(text)), DENY, &arena, &d, &e));
	memset(text, '*', sizeof(text));
	t_ok(!dest_parse(span_bytes(text, sizeof(text)), DENY, &arena, &d, &e));
}

T(protocols)
{
	char out[PROTO_STR_MAX];

	t_eq_str(proto_str(IPPROTO_TCP, out), "tcp");
	t_eq_str(proto_str(IPPROTO_ICMPV6, out), "icmpv6");
	t_eq_str(proto_str(DEST_PROTO_ANY, out), "any");
	t_eq_str(proto_str(254, out), "254");
	t_ok(proto_has_ports(IPPROTO_DCCP));
	t_ok(!proto_has_ports(IPPROTO_GRE));
	t_ok(!proto_has_ports(DEST_PROTO_ANY));
}

T_MAIN(T_TEST(meaning), T_TEST(icmp_forms), T_TEST(refuse), T_TEST(bounds), T_TEST(protocols))

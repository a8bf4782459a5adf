/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>

#include "net/addr.h"
#include "t.h"

/* A literal of the tables; a typing error in one fails its row. */
static struct addr addr_of(const char *text)
{
	struct addr a = { 0 };
	struct err e = { 0 };

	t_good(addr_parse(span_of(text), &a, &e), e);
	return a;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p = { 0 };
	struct err e = { 0 };

	t_good(prefix_parse(span_of(text), &p, &e), e);
	return p;
}

static const struct {
	const char *name;
	const char *text;
	const char *want; /* as it prints */
} good[] = {
	{ "v4", "203.0.113.5", "203.0.113.5" },
	{ "v4 lowest", "0.0.0.0", "0.0.0.0" },
	{ "v4 highest", "255.255.255.255", "255.255.255.255" },
	{ "v6", "2001:db8::5", "2001:db8::5" },
	{ "v6 any", "::", "::" },
	{ "v6 loopback", "::1", "::1" },
	{ "v6 in full", "2001:0db8:0000:0000:0000:0000:0000:0005", "2001:db8::5" },
	{ "v6 upper case", "2001:DB8::A", "2001:db8::a" },
	{ "v6 longest run of zeros", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
	{ "v6 first of two runs", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "v6 one zero group stays", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "v6 with v4 text", "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
	{ "v4-mapped keeps what was written", "::ffff:10.0.0.1", "::ffff:10.0.0.1" },
	{ "v4-mapped in hex", "::ffff:a00:1", "::ffff:10.0.0.1" },
};

T(parse)
{
	T_EACH(row, good)
	{
		struct addr a = addr_of(row->text), again;
		char out[ADDR_STR_MAX];

		t_eq_str(addr_str(&a, out), row->want);
		again = addr_of(out);
		t_ok(addr_eq(&a, &again));
	}
}

/* E-65: what some program somewhere reads as an address, and what is none at all. */
static const struct {
	const char *name;
	struct span text;
	const char *message;
} refused[] = {
	{ "empty", SPAN_LIT(""), "is not an IP address: expected one like" },
	{ "one number", SPAN_LIT("2130706433"), "some programs read it as 127.0.0.1" },
	{ "zero", SPAN_LIT("0"), "some programs read it as 0.0.0.0" },
	{ "two parts", SPAN_LIT("127.1"), "some programs read it as 127.0.0.1" },
	{ "three parts", SPAN_LIT("127.0.1"), "some programs read it as 127.0.0.1" },
	{ "hex", SPAN_LIT("0x7f.1"), "some programs read it as 127.0.0.1" },
	{ "hex number", SPAN_LIT("0x7f000001"), "some programs read it as 127.0.0.1" },
	{ "octal", SPAN_LIT("0177.0.0.1"), "some programs read it as 127.0.0.1" },
	{ "octal number", SPAN_LIT("017700000001"), "some programs read it as 127.0.0.1" },
	{ "leading zero", SPAN_LIT("10.0.0.08"), "is not an IP address" },
	{ "leading zeros", SPAN_LIT("010.000.000.001"), "some programs read it as 8.0.0.1" },
	{ "out of range", SPAN_LIT("10.0.0.256"), "is not an IP address" },
	{ "five parts", SPAN_LIT("10.0.0.0.1"), "is not an IP address" },
	{ "trailing dot", SPAN_LIT("10.0.0.1."), "is not an IP address" },
	{ "trailing blank", SPAN_LIT("10.0.0.1 "), "is not an IP address" },
	{ "leading blank", SPAN_LIT(" 10.0.0.1"), "is not an IP address" },
	{ "sign", SPAN_LIT("+10.0.0.1"), "is not an IP address" },
	{ "NUL after it", SPAN_LIT("10.0.0.1\0x"), "\"10.0.0.1\\x00x\" is not an IP address" },
	{ "full-width digits", SPAN_LIT("\xef\xbc\x91.0.0.1"), "is not an IP address" },
	{ "zone", SPAN_LIT("fe80::1%eth0"), "expected one without \"%zone\"" },
	{ "brackets", SPAN_LIT("[::1]"), "is not an IP address" },
	{ "two ::", SPAN_LIT("1::2::3"), "is not an IP address" },
	{ "three colons", SPAN_LIT("1:::2"), "is not an IP address" },
	{ "seven groups", SPAN_LIT("1:2:3:4:5:6:7"), "is not an IP address" },
	{ "nine groups", SPAN_LIT("1:2:3:4:5:6:7:8:9"), "is not an IP address" },
	{ "five digits", SPAN_LIT("2001:00db8::1"), "is not an IP address" },
	{ "octal inside", SPAN_LIT("::ffff:0177.0.0.1"), "is not an IP address" },
	{ "short v4 inside", SPAN_LIT("::ffff:127.1"), "is not an IP address" },
	{ "a name", SPAN_LIT("localhost"), "is not an IP address" },
	{ "longer than any",
	  SPAN_LIT("0000:0000:0000:0000:0000:0000:255.255.255.2550000000000000000000000"),
	  "is not an IP address" },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		struct addr a = { 0 };
		struct err e = { 0 };

		t_bad(addr_parse(row->text, &a, &e), e, ERR_INVALID, row->message);
		t_eq_int(a.family, 0);
	}
}

static const struct {
	const char *name;
	const char *text;
	const char *want;
} canonical[] = {
	{ "v4 as it is", "10.0.0.1", "10.0.0.1" },
	{ "v6 as it is", "2001:db8::5", "2001:db8::5" },
	{ "mapped", "::ffff:10.0.0.1", "10.0.0.1" },
	{ "mapped zero", "::ffff:0.0.0.0", "0.0.0.0" },
	{ "compatible", "::10.0.0.1", "10.0.0.1" },
	{ "NAT64", "64:ff9b::a00:1", "10.0.0.1" },
	{ "6to4", "2002:a00:1::", "10.0.0.1" },
	{ "6to4 with an interface", "2002:a00:1:5::7", "10.0.0.1" },
	{ "unspecified stays", "::", "::" },
	{ "loopback stays", "::1", "::1" },
	{ "next after loopback is compatible", "::2", "0.0.0.2" },
	{ "translated stays", "::ffff:0:10.0.0.1", "::ffff:0:a00:1" },
	{ "local NAT64 stays", "64:ff9b:1::a00:1", "64:ff9b:1::a00:1" },
	{ "Teredo stays", "2001:0:a00:1::", "2001:0:a00:1::" },
};

T(canonical_form)
{
	T_EACH(row, canonical)
	{
		struct addr a = addr_of(row->text), c = addr_canonical(&a), again;
		char out[ADDR_STR_MAX];

		t_eq_str(addr_str(&c, out), row->want);
		again = addr_canonical(&c);
		t_ok(addr_eq(&c, &again));
	}
}

/* Both ends of every forbidden range, and the addresses next to them that are not. */
static const struct {
	const char *name;
	const char *text;
	const char *reason; /* NULL: may be opened */
} ranges[] = {
	{ "0/8 begins", "0.0.0.0", "unspecified" },
	{ "0/8 ends", "0.255.255.255", "unspecified" },
	{ "after 0/8", "1.0.0.0", NULL },
	{ "before 10/8", "9.255.255.255", NULL },
	{ "10/8 begins", "10.0.0.0", "private" },
	{ "10/8 ends", "10.255.255.255", "private" },
	{ "after 10/8", "11.0.0.0", NULL },
	{ "before 100.64/10", "100.63.255.255", NULL },
	{ "100.64/10 begins", "100.64.0.0", "carrier-grade NAT" },
	{ "Alibaba metadata", "100.100.100.200", "cloud metadata" },
	{ "100.64/10 ends", "100.127.255.255", "carrier-grade NAT" },
	{ "after 100.64/10", "100.128.0.0", NULL },
	{ "before 127/8", "126.255.255.255", NULL },
	{ "127/8 begins", "127.0.0.0", "loopback" },
	{ "loopback", "127.0.0.1", "loopback" },
	{ "127/8 ends", "127.255.255.255", "loopback" },
	{ "after 127/8", "128.0.0.0", NULL },
	{ "before Azure's", "168.63.129.15", NULL },
	{ "Azure metadata", "168.63.129.16", "cloud metadata" },
	{ "after Azure's", "168.63.129.17", NULL },
	{ "before 169.254/16", "169.253.255.255", NULL },
	{ "169.254/16 begins", "169.254.0.0", "link-local" },
	{ "metadata", "169.254.169.254", "cloud metadata" },
	{ "container credentials", "169.254.170.2", "link-local" },
	{ "169.254/16 ends", "169.254.255.255", "link-local" },
	{ "after 169.254/16", "169.255.0.0", NULL },
	{ "before 172.16/12", "172.15.255.255", NULL },
	{ "172.16/12 begins", "172.16.0.0", "private" },
	{ "172.16/12 ends", "172.31.255.255", "private" },
	{ "after 172.16/12", "172.32.0.0", NULL },
	{ "before 192.0.0/24", "191.255.255.255", NULL },
	{ "192.0.0/24 begins", "192.0.0.0", "protocol assignment" },
	{ "192.0.0/24 ends", "192.0.0.255", "protocol assignment" },
	{ "after 192.0.0/24", "192.0.1.0", NULL },
	{ "documentation 1", "192.0.2.1", NULL },
	{ "documentation 2", "198.51.100.1", NULL },
	{ "documentation 3", "203.0.113.1", NULL },
	{ "before 192.168/16", "192.167.255.255", NULL },
	{ "192.168/16 begins", "192.168.0.0", "private" },
	{ "192.168/16 ends", "192.168.255.255", "private" },
	{ "after 192.168/16", "192.169.0.0", NULL },
	{ "before 198.18/15", "198.17.255.255", NULL },
	{ "198.18/15 begins", "198.18.0.0", "virtual" },
	{ "198.18/15 ends", "198.19.255.255", "virtual" },
	{ "after 198.18/15", "198.20.0.0", NULL },
	{ "before multicast", "223.255.255.255", NULL },
	{ "multicast begins", "224.0.0.0", "multicast" },
	{ "mDNS", "224.0.0.251", "multicast" },
	{ "multicast ends", "239.255.255.255", "multicast" },
	{ "240/4 begins", "240.0.0.0", "reserved" },
	{ "240/4 ends", "255.255.255.254", "reserved" },
	{ "broadcast", "255.255.255.255", "broadcast" },

	{ "v6 unspecified", "::", "unspecified" },
	{ "v6 loopback", "::1", "loopback" },
	{ "v6 AWS metadata", "fd00:ec2::254", "cloud metadata" },
	{ "v6 virtual pool begins", "fd73:616c:6c79::", "virtual" },
	{ "v6 virtual pool ends", "fd73:616c:6c79:0:ffff:ffff:ffff:ffff", "virtual" },
	{ "v6 after the pool", "fd73:616c:6c79:1::", "unique-local" },
	{ "before fc00::/7", "fbff:ffff::", NULL },
	{ "fc00::/7 begins", "fc00::", "unique-local" },
	{ "fc00::/7 ends", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique-local" },
	{ "after fc00::/7", "fe00::", NULL },
	{ "fe80::/10 begins", "fe80::", "link-local" },
	{ "fe80::/10 ends", "febf:ffff::", "link-local" },
	{ "fec0::/10 begins", "fec0::", "site-local" },
	{ "fec0::/10 ends", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local" },
	{ "ff00::/8", "ff02::fb", "multicast" },
	{ "v6 last", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast" },
	{ "Teredo begins", "2001::", "Teredo" },
	{ "Teredo ends", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo" },
	{ "after Teredo", "2001:1::", NULL },
	{ "documentation v6", "2001:db8::1", NULL },
	{ "public v6", "2606:4700::1111", NULL },
	{ "local NAT64", "64:ff9b:1::1", "local NAT64" },
	{ "after local NAT64", "64:ff9b:2::1", NULL },
	{ "translated", "::ffff:0:203.0.113.5", "translated IPv4" },

	/* E-30: the same address in other clothes has the same verdict. */
	{ "mapped loopback", "::ffff:127.0.0.1", "loopback" },
	{ "mapped metadata", "::ffff:169.254.169.254", "cloud metadata" },
	{ "mapped public", "::ffff:203.0.113.5", NULL },
	{ "compatible private", "::10.0.0.1", "private" },
	{ "compatible public", "::203.0.113.5", NULL },
	{ "NAT64 loopback", "64:ff9b::7f00:1", "loopback" },
	{ "NAT64 public", "64:ff9b::203.0.113.5", NULL },
	{ "6to4 private", "2002:a00:1::1", "private" },
	{ "6to4 metadata", "2002:a9fe:a9fe::", "cloud metadata" },
	{ "6to4 public", "2002:cb00:7105::1", NULL },
};

T(forbidden)
{
	struct addr none = { 0 };

	T_EACH(row, ranges)
	{
		struct addr a = addr_of(row->text);
		const char *reason = addr_forbidden(&a);

		t_eq_str(reason ? reason : "(none)", row->reason ? row->reason : "(none)");
	}
	t_ok(addr_forbidden(&none) != NULL);
}

static const struct {
	const char *name;
	const char *text;
	const char *want; /* as it prints */
} prefixes[] = {
	{ "v4", "192.0.2.0/24", "192.0.2.0/24" },
	{ "v4 everything", "0.0.0.0/0", "0.0.0.0/0" },
	{ "v4 one address", "192.0.2.7", "192.0.2.7" },
	{ "v4 full length", "192.0.2.7/32", "192.0.2.7" },
	{ "v4 odd length", "10.8.0.0/13", "10.8.0.0/13" },
	{ "v6", "2001:DB8::/32", "2001:db8::/32" },
	{ "v6 everything", "::/0", "::/0" },
	{ "v6 one address", "2001:db8::1", "2001:db8::1" },
	{ "v6 full length", "2001:db8::1/128", "2001:db8::1" },
	{ "v6 odd length", "2001:db8::8000:0/97", "2001:db8::8000:0/97" },
};

T(prefix)
{
	T_EACH(row, prefixes)
	{
		struct prefix p = prefix_of(row->text), again;
		char out[PREFIX_STR_MAX];

		t_eq_str(prefix_str(&p, out), row->want);
		again = prefix_of(out);
		t_ok(addr_eq(&p.addr, &again.addr) && p.len == again.len);
	}
}

static const struct {
	const char *name;
	const char *text;
	const char *message;
} bad_prefixes[] = {
	{ "host bits", "192.0.2.1/24",
	  "write \"192.0.2.0/24\", or \"192.0.2.1\" for the one address" },
	{ "host bits v6", "2001:db8::1/64", "write \"2001:db8::/64\", or \"2001:db8::1\"" },
	{ "host bits of /0", "1.0.0.0/0", "write \"0.0.0.0/0\"" },
	{ "host bits inside a byte", "10.12.0.0/13", "write \"10.8.0.0/13\"" },
	{ "too long", "192.0.2.0/33", "\"33\" is not a prefix length: expected a whole number" },
	{ "too long v6", "2001:db8::/129", "\"129\" is not a prefix length" },
	{ "no length", "192.0.2.0/", "\"\" is not a prefix length" },
	{ "netmask", "192.0.2.0/255.255.255.0", "\"255.255.255.0\" is not a prefix length" },
	{ "leading zero", "192.0.2.0/024", "\"024\" is not a prefix length" },
	{ "two lengths", "192.0.2.0/24/24", "\"24/24\" is not a prefix length" },
	{ "short form", "10/8", "\"10\" is not an IP address" },
	{ "no address", "/8", "\"\" is not an IP address" },
};

T(prefix_refuse)
{
	T_EACH(row, bad_prefixes)
	{
		struct prefix p;
		struct err e = { 0 };

		t_bad(prefix_parse(span_of(row->text), &p, &e), e, ERR_INVALID, row->message);
	}
}

static const struct {
	const char *name;
	const char *prefix;
	const char *addr;
	bool inside;
} members[] = {
	{ "first", "10.8.0.0/13", "10.8.0.0", true },
	{ "last", "10.8.0.0/13", "10.15.255.255", true },
	{ "before", "10.8.0.0/13", "10.7.255.255", false },
	{ "after", "10.8.0.0/13", "10.16.0.0", false },
	{ "itself", "10.8.0.1", "10.8.0.1", true },
	{ "its neighbour", "10.8.0.1", "10.8.0.0", false },
	{ "everything", "0.0.0.0/0", "255.255.255.255", true },
	{ "families never mix", "0.0.0.0/0", "::", false },
	{ "nor the other way round", "::/0", "0.0.0.0", false },
	{ "v6 everything", "::/0", "ffff::", true },
	{ "v6 last", "2001:db8::/33", "2001:db8:7fff::", true },
	{ "v6 after", "2001:db8::/33", "2001:db8:8000::", false },
	{ "v6 itself", "2001:db8::1", "2001:db8::1", true },
};

T(contains)
{
	T_EACH(row, members)
	{
		struct prefix p = prefix_of(row->prefix);
		struct addr a = addr_of(row->addr);

		t_ok(prefix_contains(&p, &a) == row->inside);
	}
}

static const struct {
	const char *name;
	const char *wide;
	const char *narrow;
	bool covers;
} covers[] = {
	{ "itself", "10.0.0.0/8", "10.0.0.0/8", true },
	{ "longer", "10.0.0.0/8", "10.1.0.0/16", true },
	{ "shorter", "10.1.0.0/16", "10.0.0.0/8", false },
	{ "elsewhere", "10.0.0.0/8", "11.0.0.0/16", false },
	{ "other family", "::/0", "10.0.0.0/8", false },
};

T(covering)
{
	T_EACH(row, covers)
	{
		struct prefix a = prefix_of(row->wide), b = prefix_of(row->narrow);

		t_ok(prefix_covers(&a, &b) == row->covers);
	}
}

static const struct {
	const char *name;
	const char *text;
	const char *want;
} canonical_prefixes[] = {
	{ "v4", "10.0.0.0/8", "10.0.0.0/8" },
	{ "mapped", "::ffff:10.0.0.0/104", "10.0.0.0/8" },
	{ "all mapped", "::ffff:0.0.0.0/96", "0.0.0.0/0" },
	{ "NAT64", "64:ff9b::a00:0/104", "10.0.0.0/8" },
	{ "6to4", "2002:a00::/24", "10.0.0.0/8" },
	{ "6to4 of one address", "2002:a00:1::/48", "10.0.0.1" },
	{ "longer than the v4 address", "2002:a00:1:5::/64", "10.0.0.1" },
	{ "wider than the range", "::/64", "::/64" },
	{ "with :: in it", "::/96", "::/96" },
	{ "unrelated", "2001:db8::/32", "2001:db8::/32" },
};

T(prefix_canonical_form)
{
	T_EACH(row, canonical_prefixes)
	{
		struct prefix p = prefix_of(row->text), c = prefix_canonical(&p);
		char out[PREFIX_STR_MAX];

		t_eq_str(prefix_str(&c, out), row->want);
	}
}

T(sockaddr)
{
	static const char *const texts[] = { "203.0.113.5", "2001:db8::5" };
	union sockaddr_any sa;
	struct addr a, back, mapped = addr_of("::ffff:203.0.113.5");
	uint16_t port = 0;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		a = addr_of(texts[i]);
		t_eq_int(addr_to_sockaddr(&a, 443, &sa), i ? sizeof(sa.in6) : sizeof(sa.in));
		t_ok(addr_from_sockaddr(&sa, &back, &port));
		t_ok(addr_eq(&a, &back));
		t_eq_int(port, 443);
	}
	(void)addr_to_sockaddr(&mapped, 80, &sa);
	t_ok(addr_from_sockaddr(&sa, &back, NULL));
	a = addr_of("203.0.113.5");
	t_ok(addr_eq(&a, &back));
	sa.sa.sa_family = AF_UNIX;
	t_ok(!addr_from_sockaddr(&sa, &back, &port));
}

/* What lies behind an IPv4 address counts in a comparison: it is to be nothing. */
T(clean)
{
	struct addr v4 = addr_of("203.0.113.5"), v6 = addr_of("2001:db8::5"), dirty = v4;
	struct addr none = { 0 }, odd = { .family = 99, .bytes = { 1 } }, got;

	dirty.bytes[15] = 7;
	t_ok(addr_valid(&v4) && addr_valid(&v6));
	t_ok(!addr_valid(&dirty) && !addr_valid(&none) && !addr_valid(&odd));
	got = addr_clean(&dirty, AF_INET);
	t_ok(memcmp(&got, &v4, sizeof(v4)) == 0);
	got = addr_clean(&v6, AF_INET6);
	t_ok(memcmp(&got, &v6, sizeof(v6)) == 0);
	got = addr_clean(&v6, AF_INET);
	t_ok(memcmp(&got, &none, sizeof(none)) == 0);
	got = addr_clean(&odd, AF_INET);
	t_ok(memcmp(&got, &none, sizeof(none)) == 0);
}

T_MAIN(T_TEST(clean), T_TEST(parse), T_TEST(refuse), T_TEST(canonical_form), T_TEST(forbidden),
       T_TEST(prefix), T_TEST(prefix_refuse), T_TEST(contains), T_TEST(covering),
       T_TEST(prefix_canonical_form), T_TEST(sockaddr))

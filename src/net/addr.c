/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/num.h"

/* clang-format off */

/* Constant prefixes: four bytes or eight groups, as they are written, and the length. */
#define V4(a, b, c, d, length)	{ { AF_INET, { a, b, c, d } }, length }
#define GROUP(g)		(g) >> 8, (g) & 0xff
#define V6(a, b, c, d, e, f, g, h, length)                                       \
	{ { AF_INET6, { GROUP(a), GROUP(b), GROUP(c), GROUP(d),                  \
			GROUP(e), GROUP(f), GROUP(g), GROUP(h) } }, length }

/*
 * What no name ever opens. The first entry that contains the address gives the reason, so single
 * addresses stand before the range around them. Sources: the IANA special-purpose registries and
 * the manuals of the clouds.
 */
static const struct addr_range forbidden[] = {
	{ V4(169, 254, 169, 254, 32),	"cloud metadata" },	/* most clouds */
	{ V4(100, 100, 100, 200, 32),	"cloud metadata" },	/* Alibaba */
	{ V4(168, 63, 129, 16, 32),	"cloud metadata" },	/* Azure; looks public */
	{ V4(0, 0, 0, 0, 8),		"unspecified" },	/* Linux connects 0.0.0.0 to itself */
	{ V4(10, 0, 0, 0, 8),		"private" },		/* RFC 1918 */
	{ V4(172, 16, 0, 0, 12),	"private" },
	{ V4(192, 168, 0, 0, 16),	"private" },
	{ V4(100, 64, 0, 0, 10),	"carrier-grade NAT" },	/* RFC 6598 */
	{ V4(127, 0, 0, 0, 8),		"loopback" },
	{ V4(169, 254, 0, 0, 16),	"link-local" },
	{ V4(192, 0, 0, 0, 24),		"protocol assignment" },	/* RFC 6890 */
	{ V4(198, 18, 0, 0, 15),	"virtual" },		/* our pool; RFC 2544 benchmarks */
	{ V4(224, 0, 0, 0, 4),		"multicast" },
	{ V4(255, 255, 255, 255, 32),	"broadcast" },
	{ V4(240, 0, 0, 0, 4),		"reserved" },

	{ V6(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254, 128),		"cloud metadata" }, /* AWS */
	{ V6(0xfd73, 0x616c, 0x6c79, 0, 0, 0, 0, 0, 64),	"virtual" },
	{ V6(0, 0, 0, 0, 0, 0, 0, 0, 128),			"unspecified" },
	{ V6(0, 0, 0, 0, 0, 0, 0, 1, 128),			"loopback" },
	{ V6(0, 0, 0, 0, 0xffff, 0, 0, 0, 96),			"translated IPv4" }, /* RFC 2765 */
	{ V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0, 48),		"local NAT64" }, /* RFC 8215 */
	{ V6(0x2001, 0, 0, 0, 0, 0, 0, 0, 32),			"Teredo" },	 /* RFC 4380 */
	{ V6(0xfc00, 0, 0, 0, 0, 0, 0, 0, 7),			"unique-local" },
	{ V6(0xfe80, 0, 0, 0, 0, 0, 0, 0, 10),			"link-local" },
	{ V6(0xfec0, 0, 0, 0, 0, 0, 0, 0, 10),			"site-local" },	 /* RFC 3879 */
	{ V6(0xff00, 0, 0, 0, 0, 0, 0, 0, 8),			"multicast" },
};

/* The IPv6 ranges that hold an IPv4 address, and at which byte. */
static const struct {
	struct prefix range;
	uint8_t at;
} embeddings[] = {
	{ V6(0, 0, 0, 0, 0, 0xffff, 0, 0, 96),	   12 }, /* v4-mapped */
	{ V6(0x64, 0xff9b, 0, 0, 0, 0, 0, 0, 96),  12 }, /* NAT64 */
	{ V6(0x2002, 0, 0, 0, 0, 0, 0, 0, 16),	   2 },	 /* 6to4 */
	{ V6(0, 0, 0, 0, 0, 0, 0, 0, 96),	   12 }, /* v4-compatible */
};

/* clang-format on */

/* The longest address, in bits. */
static uint8_t bits(const struct addr *a)
{
	return (uint8_t)(addr_size(a) * 8);
}

/* Says why s is no address, and what another program would have made of it. */
static bool refuse(struct span s, const char *text, struct err *e)
{
	char shown[64], other[INET_ADDRSTRLEN];
	struct in_addr in;

	span_show(s, shown, sizeof(shown));
	if (span_find(s, '%') >= 0 && span_find(s, ':') >= 0)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not an IP address here: expected one without \"%%zone\"",
			       shown);
	if (text && inet_aton(text, &in))
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not an IP address: expected four decimal numbers without "
			       "leading zeros (some programs read it as %s)",
			       shown, inet_ntop(AF_INET, &in, other, sizeof(other)));
	return err_set(e, ERR_INVALID,
		       "\"%s\" is not an IP address: expected one like 203.0.113.5 or 2001:db8::5",
		       shown);
}

bool addr_parse(struct span s, struct addr *out, struct err *e)
{
	struct addr a = { .family = span_find(s, ':') >= 0 ? AF_INET6 : AF_INET };
	char text[ADDR_STR_MAX];

	if (s.n == 0 || s.n >= sizeof(text) || span_find(s, '\0') >= 0)
		return refuse(s, NULL, e);
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(a.family, text, a.bytes) != 1)
		return refuse(s, text, e);
	*out = a;
	return true;
}

const char *addr_str(const struct addr *a, char out[static ADDR_STR_MAX])
{
	if (!inet_ntop(a->family, a->bytes, out, ADDR_STR_MAX))
		(void)snprintf(out, ADDR_STR_MAX, "none");
	return out;
}

struct addr addr_from_v4(const void *bytes)
{
	struct addr a = { .family = AF_INET };

	memcpy(a.bytes, bytes, 4);
	return a;
}

struct addr addr_from_v6(const void *bytes)
{
	struct addr a = { .family = AF_INET6 };

	memcpy(a.bytes, bytes, 16);
	return a;
}

struct addr addr_clean(const struct addr *a, int family)
{
	struct addr none = { 0 };

	if (a->family != family)
		return none;
	return family == AF_INET ? addr_from_v4(a->bytes) : addr_from_v6(a->bytes);
}

bool addr_valid(const struct addr *a)
{
	struct addr clean = addr_clean(a, a->family);

	return (a->family == AF_INET || a->family == AF_INET6) && addr_eq(&clean, a);
}

bool addr_from_sockaddr(const union sockaddr_any *sa, struct addr *out, uint16_t *port)
{
	uint16_t port_be;

	if (sa->sa.sa_family == AF_INET) {
		*out = addr_from_v4(&sa->in.sin_addr);
		port_be = sa->in.sin_port;
	} else if (sa->sa.sa_family == AF_INET6) {
		const struct in6_addr *in6 = &sa->in6.sin6_addr;

		*out = IN6_IS_ADDR_V4MAPPED(in6) ? addr_from_v4(in6->s6_addr + 12) :
						   addr_from_v6(in6);
		port_be = sa->in6.sin6_port;
	} else {
		return false;
	}
	if (port)
		*port = ntohs(port_be);
	return true;
}

socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, union sockaddr_any *out)
{
	*out = (union sockaddr_any){ 0 };
	if (a->family == AF_INET) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		memcpy(&out->in.sin_addr, a->bytes, 4);
		return sizeof(out->in);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(port);
	memcpy(&out->in6.sin6_addr, a->bytes, 16);
	return sizeof(out->in6);
}

struct prefix prefix_canonical(const struct prefix *p)
{
	static const uint8_t zeros[15];

	/* :: and ::1 are addresses in their own right, not 0.0.0.0 and 0.0.0.1. */
	if (p->addr.family != AF_INET6 ||
	    (memcmp(p->addr.bytes, zeros, sizeof(zeros)) == 0 && p->addr.bytes[15] <= 1))
		return *p;
	for (size_t i = 0; i < ARRAY_LEN(embeddings); i++) {
		unsigned before = embeddings[i].at * 8U;

		if (!prefix_covers(&embeddings[i].range, p))
			continue;
		return (struct prefix){ .addr = addr_from_v4(p->addr.bytes + embeddings[i].at),
					.len = (uint8_t)MIN(p->len - before, 32U) };
	}
	return *p;
}

struct addr addr_canonical(const struct addr *a)
{
	struct prefix whole = { .addr = *a, .len = bits(a) };

	return prefix_canonical(&whole).addr;
}

const char *addr_forbidden(const struct addr *a)
{
	struct addr c = addr_canonical(a);

	if (c.family != AF_INET && c.family != AF_INET6)
		return "unspecified";
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
		if (prefix_contains(&forbidden[i].prefix, &c))
			return forbidden[i].reason;
	return NULL;
}

const struct addr_range *addr_forbidden_ranges(size_t *n)
{
	*n = ARRAY_LEN(forbidden);
	return forbidden;
}

bool addr_is_private(const struct addr *a)
{
	static const char *const own[] = { "private", "carrier-grade NAT", "unique-local" };
	const char *reason = addr_forbidden(a);

	for (size_t i = 0; reason && i < ARRAY_LEN(own); i++)
		if (strcmp(reason, own[i]) == 0)
			return true;
	return false;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t zero[15];
	struct addr c = addr_canonical(a);

	if (c.family == AF_INET)
		return c.bytes[0] == 127 || c.bytes[0] == 0;
	return memcmp(c.bytes, zero, sizeof(zero)) == 0 && c.bytes[15] <= 1;
}

/* Clears the bits after the first len. */
static void mask(struct addr *a, unsigned len)
{
	for (unsigned i = 0; i < addr_size(a); i++) {
		unsigned keep = len > i * 8 ? MIN(len - i * 8, 8U) : 0;

		a->bytes[i] &= (uint8_t)(0xff00U >> keep);
	}
}

struct prefix addr_prefix(const struct addr *a, uint8_t len)
{
	struct prefix p = { .addr = *a, .len = len };

	mask(&p.addr, len);
	return p;
}

bool prefix_parse(struct span s, struct prefix *out, struct err *e)
{
	ptrdiff_t slash = span_find(s, '/');
	struct prefix p = { 0 };
	struct prefix m;
	uint64_t len;

	if (slash < 0) {
		if (!addr_parse(s, &p.addr, e))
			return false;
		*out = (struct prefix){ p.addr, bits(&p.addr) };
		return true;
	}
	if (!addr_parse(span_first(s, (size_t)slash), &p.addr, e) ||
	    !num_parse(span_from(s, (size_t)slash + 1), "prefix length", 0, bits(&p.addr), &len, e))
		return false;
	p.len = (uint8_t)len;
	m = addr_prefix(&p.addr, p.len);
	if (!addr_eq(&m.addr, &p.addr)) {
		char meant[PREFIX_STR_MAX], one[ADDR_STR_MAX];

		return err_set(e, ERR_INVALID,
			       "\"" SPAN_FMT "\" has bits set after its first %u: write \"%s\", or "
			       "\"%s\" for the one address",
			       SPAN_ARG(s), p.len, prefix_str(&m, meant), addr_str(&p.addr, one));
	}
	*out = p;
	return true;
}

const char *prefix_str(const struct prefix *p, char out[static PREFIX_STR_MAX])
{
	char text[ADDR_STR_MAX];

	addr_str(&p->addr, text);
	if (p->len == bits(&p->addr))
		(void)snprintf(out, PREFIX_STR_MAX, "%s", text);
	else
		(void)snprintf(out, PREFIX_STR_MAX, "%s/%u", text, p->len);
	return out;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	size_t whole = p->len / 8;
	unsigned rest = p->len % 8;

	if (p->addr.family != a->family || memcmp(p->addr.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || (p->addr.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

bool prefix_covers(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len && prefix_contains(a, &b->addr);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Internet addresses and prefixes, as values.
 *
 * One destination can be written in several forms: 10.0.0.1 is also ::ffff:10.0.0.1, 64:ff9b::a00:1
 * and 2002:a00:1::. Parsing keeps what was written; addr_canonical() gives the form that decisions
 * are made on.
 */
#ifndef SALLYPORT_NET_ADDR_H
#define SALLYPORT_NET_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

struct addr {
	uint8_t family;	   /* AF_INET or AF_INET6; 0: none */
	uint8_t bytes[16]; /* network order; the first 4 for AF_INET, the rest zero */
};

struct prefix {
	struct addr addr; /* host bits are zero */
	uint8_t len;	  /* 0-32 or 0-128 */
};

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

#define ADDR_STR_MAX   46 /* INET6_ADDRSTRLEN */
#define PREFIX_STR_MAX 50

/* 4 or 16. */
static inline size_t addr_size(const struct addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* As another process may send it: what is no address of this family becomes none, and bytes behind an IPv4 one,
 * which addr_eq() and memcmp() would compare, become zero. */
struct addr addr_clean(const struct addr *a, int family);

/* It is one, of either family, and addr_clean() would change nothing. */
bool addr_valid(const struct addr *a);

/* fe80::/10: it says nothing about which link. */
static inline bool addr_is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/*
 * Four decimal numbers without leading zeros, or RFC 4291 text without zone. Nothing else: no
 * 127.1, no 0x7f000001, no 017700000001.
 */
bool addr_parse(struct span s, struct addr *out, struct err *e) _must_use_;

/* RFC 5952 text, always terminated. Returns out. */
const char *addr_str(const struct addr *a, char out[static ADDR_STR_MAX]);

/* From four or sixteen bytes in network order. */
struct addr addr_from_v4(const void *bytes);
struct addr addr_from_v6(const void *bytes);

/* An AF_INET6 socket address that is v4-mapped becomes the AF_INET address. port may be NULL. */
bool addr_from_sockaddr(const union sockaddr_any *sa, struct addr *out, uint16_t *port);
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, union sockaddr_any *out);

/*
 * The IPv4 address inside an IPv6 form that embeds one: v4-mapped ::ffff:0:0/96, v4-compatible
 * ::/96, NAT64 64:ff9b::/96 (RFC 6052), 6to4 2002::/16 (RFC 3056). Any other address is returned
 * as it is, and so are :: and ::1. Teredo and local NAT64 prefixes are forbidden ranges of their
 * own, see addr_forbidden().
 */
struct addr addr_canonical(const struct addr *a);

/*
 * Why a name must never open this address: "loopback", "private", "link-local", ... or NULL when
 * it may. The ranges are those of architecture.md section 3; `a` is made canonical first. The
 * virtual pools are among them.
 */
const char *addr_forbidden(const struct addr *a);

/* The *n ranges behind addr_forbidden(). Some lie inside others. */
struct addr_range {
	struct prefix prefix;
	const char *reason;
};
const struct addr_range *addr_forbidden_ranges(size_t *n);
/*
 * Among those, the addresses of somebody's own network: private, carrier-grade NAT, unique-local.
 * Never a cloud's metadata, whatever range it lies in.
 */
bool addr_is_private(const struct addr *a);

/* 127.0.0.0/8, ::1, what is written for one of them, and 0.0.0.0/8 and ::, which mean "this host", too. */
bool addr_is_loopback(const struct addr *a);

/* "192.0.2.0/24", "2001:db8::/32", or an address, which is its own longest prefix. Host bits that
 * are set are an error that names the prefix meant. */
bool prefix_parse(struct span s, struct prefix *out, struct err *e) _must_use_;

/* An address prints without its length. Returns out. */
const char *prefix_str(const struct prefix *p, char out[static PREFIX_STR_MAX]);

/* The first len bits of an address; len is no more than it has. */
struct prefix addr_prefix(const struct addr *a, uint8_t len);

/* Families never mix: 0.0.0.0/0 contains no IPv6 address. */
bool prefix_contains(const struct prefix *p, const struct addr *a);

/*
 * The IPv4 prefix that a prefix inside one of those ranges stands for: ::ffff:10.0.0.0/104 is
 * 10.0.0.0/8, and all of 2002:a00:1::/48 is 10.0.0.1. Any other prefix is returned as it is.
 */
struct prefix prefix_canonical(const struct prefix *p);

/* Every address of b is one of a. */
bool prefix_covers(const struct prefix *a, const struct prefix *b);

#endif

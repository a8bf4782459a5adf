/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Destinations: the one grammar, `[proto/]target[:ports]`, of the policy file, the command line,
 * approvals, the audit log and `suggest`. dest_parse() and dest_str() are inverse to each other:
 * what is printed parses to the same value.
 */
#ifndef SALLYPORT_NET_DEST_H
#define SALLYPORT_NET_DEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "net/addr.h"
#include "net/name.h"

struct port_range {
	uint16_t lo, hi; /* lo <= hi; inclusive */
};

/*
 * Sorted, merged, never adjacent. n == 0: no ports are meant (icmp and other protocols). Nearly all have one
 * range, which lies here; several lie elsewhere, so that this is a value that is good as long as they are.
 */
struct ports {
	uint8_t n; /* at most LIMIT_PORT_RANGES */
	union {
		struct port_range one;	       /* n < 2; zeros for none */
		const struct port_range *more; /* n of them */
	};
};

#define PORTS_ALL ((struct ports){ 1, { .one = { 0, 65535 } } })

static inline struct ports ports_one(uint16_t port)
{
	return (struct ports){ 1, { .one = { port, port } } };
}

/* The range at place i < n; port 0 where there is none at all. */
static inline struct port_range ports_at(const struct ports *p, size_t i)
{
	return p->n > 1 ? p->more[i] : p->one;
}

/* Of n ranges, sorted and merged, which are copied to the arena where they do not fit. */
struct ports ports_of(const struct port_range *r, size_t n, struct arena *a);

/* "443", "8000-8099", "80,443", "*". 0 is not a port a person can write. Several lie in the arena. */
bool ports_parse(struct span s, struct arena *a, struct ports *out, struct err *e) _must_use_;
void ports_str(const struct ports *p, struct buf *out);
bool ports_contain(const struct ports *p, uint16_t port);

enum __attribute__((packed)) dest_target {
	DEST_NAME,     /* api.github.com */
	DEST_WILDCARD, /* *.github.com: any depth below, not the apex itself; name is the apex */
	DEST_ANY_NAME, /* *: any name, no bare address */
	DEST_PREFIX,   /* 10.42.7.11, 192.0.2.0/24, 2001:db8::/32 */
	DEST_ANY,      /* any: any name and any address */
	DEST_GROUP,    /* group/github: only in files and on the command line, gone from a plan */
	DEST_HOST, /* host: the host's own loopback, seen by a jail as host.sallyport.internal */
	DEST_TARGET_COUNT
};

/* The protocol of a destination: an IANA number 0-255, or any. */
#define DEST_PROTO_ANY (-1)

/* The longest name of a group. */
#define DEST_GROUP_MAX 63

/* A value; what it points to is in the memory of who had it made, and has to outlive it. */
struct dest {
	int16_t proto;	   /* IPPROTO_TCP, ..., or DEST_PROTO_ANY */
	int16_t icmp_type; /* with IPPROTO_ICMP and IPPROTO_ICMPV6: 0-255, -1 for every type */
	enum dest_target target;
	struct prefix prefix; /* DEST_PREFIX, as prefix_canonical() has it */
	struct ports ports;   /* n == 0 unless proto is tcp, udp, sctp, udplite, dccp or any */
	union {
		const struct name *name; /* DEST_NAME, DEST_WILDCARD: as name_keep() has it */
		const char *group;	 /* DEST_GROUP */
	};
};

/* There are hundreds of thousands of them. */
_Static_assert(sizeof(struct dest) <= 48, "a destination is small");

/*
 * What stands for parts that are not written:
 *   name or wildcard, nothing else	tcp, port 443   (in a deny: every protocol and port)
 *   ports and no protocol		tcp
 *   address, prefix or `any`, nothing else	an error in an allow; in a deny all of it
 *   protocol with ports and none given	every port ("udp/ntp.example", "any/10.42.7.11")
 *   icmp[/TYPE] without a target	any target
 * Nothing stands for the ports of `host`: they are always written.
 *
 * An IPv6 address has brackets where ports follow ("[2001:db8::/32]:443"), or where its last group
 * could be a port. A host that is called like a protocol is written "tcp/gre:80".
 */
enum dest_use {
	DEST_FOR_ALLOW, /* allow, ask and redirect rules, and what a person asks about */
	DEST_FOR_DENY,
};

/*
 * Errors say what was read, what was expected and, where it can be guessed, what to write
 * instead: "*foo.com", "foo.*", "*.com", "10.42.7.11", "http://x.com/", "[::1", "1.2.3", ports 0 or
 * out of range.
 *
 * Names and lists of ports are kept in the arena; after a failure, too, something may be left in it.
 */
bool dest_parse(struct span s, enum dest_use use, struct arena *a, struct dest *out, struct err *e)
	_must_use_;

/* The same, with all that it points to in the arena. */
struct dest dest_keep(const struct dest *d, struct arena *a);

/* The name it is for, or NULL. */
static inline const struct name *dest_name(const struct dest *d)
{
	return d->target == DEST_NAME || d->target == DEST_WILDCARD ? d->name : NULL;
}

/* The canonical text, the shortest that parses back for `use`. */
void dest_str(const struct dest *d, enum dest_use use, struct buf *out);

/* The same into a fixed buffer, for messages; cut when it does not fit. Returns out. */
#define DEST_STR_MAX 512
const char *dest_show(const struct dest *d, enum dest_use use, char out[static DEST_STR_MAX]);

/* "tcp", "udp", "icmp", or the number: for a protocol number 0-255, or "any". Returns out. */
#define PROTO_STR_MAX 16
const char *proto_str(int proto, char out[static PROTO_STR_MAX]);

/* This protocol has ports in its first four bytes: tcp, udp, sctp, dccp, udplite. */
bool proto_has_ports(int proto);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a denied IP packet wanted: read from the first bytes of it that the kernel's log copies. */
#ifndef SALLYPORT_WIRE_PACKET_H
#define SALLYPORT_WIRE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/span.h"
#include "net/addr.h"

struct packet {
	int proto; /* IPPROTO_*, behind the extension headers of IPv6 */
	struct addr src;
	struct addr dst;
	uint16_t sport; /* 0 where the protocol has no ports or they are not in these bytes */
	uint16_t dport;
	int icmp_type; /* -1 unless ICMP or ICMPv6 */
	bool fragment; /* not the first of a datagram: it has no ports */
};

/*
 * Reads an IPv4 or IPv6 packet, which may be cut anywhere behind its fixed header. False when it
 * is neither or the fixed header is not whole. Checksums are not looked at.
 */
bool packet_read(struct span bytes, struct packet *out) _must_use_;

#endif

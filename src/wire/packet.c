/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/packet.h"

#include <netinet/in.h>

#include "base/cursor.h"
#include "base/limits.h"

#define V4_HEADER 20
#define V6_HEADER 40

/* IPv6 extension headers that <netinet/in.h> does not know. */
#define PROTO_HIP   139
#define PROTO_SHIM6 140

static bool read_v4(struct cursor *c, struct packet *p)
{
	size_t header = (size_t)4 * (cur_u8(c) & 0xfU);
	uint16_t offset;

	if (header < V4_HEADER || cur_left(c) < V4_HEADER - 1)
		return false;
	cur_skip(c, 5); /* type of service, length, identification */
	offset = cur_u16(c) & 0x1fff;
	cur_skip(c, 1);
	p->proto = cur_u8(c);
	cur_skip(c, 2);
	p->src = addr_from_v4(cur_take(c, 4).p);
	p->dst = addr_from_v4(cur_take(c, 4).p);
	p->fragment = offset != 0;
	cur_skip(c, header - V4_HEADER); /* options */
	return true;
}

/*
 * Passes one extension header (RFC 8200 4), if there is one. False when what comes next is not one,
 * or is cut: then p->proto stays what the header before it says.
 */
static bool skip_extension(struct cursor *c, struct packet *p)
{
	struct cursor at = *c;
	uint8_t next = cur_u8(&at);
	size_t len = cur_u8(&at);

	switch (p->proto) {
	case IPPROTO_FRAGMENT:
		len = 8;
		p->fragment = cur_u16(&at) & 0xfff8;
		break;
	case IPPROTO_AH:
		len = (len + 2) * 4; /* RFC 4302 2.2 counts in another unit */
		break;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case PROTO_HIP:
	case PROTO_SHIM6:
		len = (len + 1) * 8;
		break;
	default:
		return false;
	}
	cur_skip(c, len);
	if (!cur_ok(c) || !cur_ok(&at))
		return false;
	p->proto = next;
	return true;
}

static bool read_v6(struct cursor *c, struct packet *p)
{
	if (cur_left(c) < V6_HEADER)
		return false;
	cur_skip(c, 6); /* version, class, flow, length */
	p->proto = cur_u8(c);
	cur_skip(c, 1);
	p->src = addr_from_v6(cur_take(c, 16).p);
	p->dst = addr_from_v6(cur_take(c, 16).p);
	for (unsigned i = 0; i < LIMIT_IP_EXTENSIONS && !p->fragment; i++)
		if (!skip_extension(c, p))
			break;
	return true;
}

/* The first bytes of the transport header, as far as they are there. */
static void read_transport(struct cursor *c, struct packet *p)
{
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (cur_left(c) < 4)
			return;
		p->sport = cur_u16(c);
		p->dport = cur_u16(c);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (cur_left(c) >= 1)
			p->icmp_type = cur_u8(c);
		break;
	default:
		break;
	}
}

bool packet_read(struct span bytes, struct packet *out)
{
	struct cursor c = cursor(bytes.p, bytes.n);
	struct packet p = { .icmp_type = -1 };
	unsigned version = bytes.n ? (uint8_t)bytes.p[0] >> 4 : 0;

	if (version != 4 && version != 6)
		return false;
	if (!(version == 4 ? read_v4(&c, &p) : read_v6(&c, &p)))
		return false;
	if (!p.fragment)
		read_transport(&c, &p);
	*out = p;
	return true;
}

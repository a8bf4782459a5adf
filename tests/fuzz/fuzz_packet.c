/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first bytes of an IP packet. */
#include <assert.h>

#include "wire/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CUTS_MAX 256

/* The places where the fixed headers have the addresses. */
static void check_addresses(const struct packet *p, const uint8_t *data)
{
	struct addr src = addr_from_v4(data + 12), dst = addr_from_v4(data + 16);

	if (data[0] >> 4 == 6) {
		src = addr_from_v6(data + 8);
		dst = addr_from_v6(data + 24);
	}
	assert(addr_eq(&p->src, &src) && addr_eq(&p->dst, &dst));
}

static bool has_ports(const struct packet *p)
{
	return p->sport || p->dport;
}

/* Of fewer bytes less may be known, never something else. */
static void check_cut(const struct packet *cut, const struct packet *whole)
{
	assert(addr_eq(&cut->src, &whole->src) && addr_eq(&cut->dst, &whole->dst));
	assert(!cut->fragment || whole->fragment);
	if (has_ports(cut))
		assert(cut->proto == whole->proto && cut->sport == whole->sport &&
		       cut->dport == whole->dport);
	if (cut->icmp_type >= 0)
		assert(cut->proto == whole->proto && cut->icmp_type == whole->icmp_type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet p, cut;

	if (!packet_read(span_bytes(data, size), &p))
		return 0;
	check_addresses(&p, data);
	assert(!p.fragment || (!has_ports(&p) && p.icmp_type < 0));
	assert(p.proto >= 0 && p.proto <= 255 && p.icmp_type >= -1 && p.icmp_type <= 255);
	for (size_t n = 0; n < size && n < CUTS_MAX; n++)
		if (packet_read(span_bytes(data, n), &cut))
			check_cut(&cut, &p);
	return 0;
}

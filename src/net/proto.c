/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/proto.h"

#include <netinet/in.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/nearest.h"
#include "base/num.h"
#include "net/dest.h"

struct label {
	const char *name;
	int16_t number;
};

static const struct label protocols[] = {
	{ "any", DEST_PROTO_ANY },
	{ "icmp", IPPROTO_ICMP },
	{ "igmp", IPPROTO_IGMP },
	{ "ipip", IPPROTO_IPIP },
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "dccp", IPPROTO_DCCP },
	{ "ipv6", IPPROTO_IPV6 },
	{ "gre", IPPROTO_GRE },
	{ "esp", IPPROTO_ESP },
	{ "ah", IPPROTO_AH },
	{ "icmpv6", IPPROTO_ICMPV6 },
	{ "ospf", 89 },
	{ "pim", IPPROTO_PIM },
	{ "vrrp", 112 },
	{ "sctp", IPPROTO_SCTP },
	{ "udplite", IPPROTO_UDPLITE },
};

/* The IANA registries "ICMP Type Numbers" and "ICMPv6 type Numbers", what is in use of them. */
static const struct label icmp_types[] = {
	{ "echo-reply", 0 },	   { "destination-unreachable", 3 }, { "redirect", 5 },
	{ "echo-request", 8 },	   { "router-advertisement", 9 },    { "router-solicitation", 10 },
	{ "time-exceeded", 11 },   { "parameter-problem", 12 },	     { "timestamp-request", 13 },
	{ "timestamp-reply", 14 },
};

static const struct label icmpv6_types[] = {
	{ "destination-unreachable", 1 }, { "packet-too-big", 2 },
	{ "time-exceeded", 3 },		  { "parameter-problem", 4 },
	{ "echo-request", 128 },	  { "echo-reply", 129 },
	{ "mld-listener-query", 130 },	  { "mld-listener-report", 131 },
	{ "mld-listener-done", 132 },	  { "nd-router-solicit", 133 },
	{ "nd-router-advert", 134 },	  { "nd-neighbor-solicit", 135 },
	{ "nd-neighbor-advert", 136 },	  { "nd-redirect", 137 },
	{ "mld2-listener-report", 143 },
};

static const struct label *by_name(const struct label *table, size_t n, struct span s)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(s, span_of(table[i].name)))
			return &table[i];
	return NULL;
}

static const struct label *by_number(const struct label *table, size_t n, int number)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].number == number)
			return &table[i];
	return NULL;
}

/* A name of the table, or a number of one byte. */
static bool find(const struct label *table, size_t n, struct span s, int16_t *out)
{
	const struct label *l = by_name(table, n, s);
	struct err ignored;
	uint64_t number;

	if (l)
		*out = l->number;
	else if (num_parse(s, "number", 0, 255, &number, &ignored))
		*out = (int16_t)number;
	else
		return false;
	return true;
}

bool proto_find(struct span s, int16_t *proto)
{
	return find(protocols, ARRAY_LEN(protocols), s, proto);
}

bool proto_is_name(struct span s)
{
	return by_name(protocols, ARRAY_LEN(protocols), s) != NULL;
}

const char *proto_nearest(struct span s)
{
	struct nearest near = nearest_to(s);

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		nearest_offer(&near, protocols[i].name);
	nearest_offer(&near, "group");
	return near.best;
}

bool icmp_type_find(int proto, struct span s, int16_t *type)
{
	if (proto == IPPROTO_ICMP)
		return find(icmp_types, ARRAY_LEN(icmp_types), s, type);
	return find(icmpv6_types, ARRAY_LEN(icmpv6_types), s, type);
}

const char *icmp_type_name(int proto, int type)
{
	const struct label *l;

	if (proto == IPPROTO_ICMP)
		l = by_number(icmp_types, ARRAY_LEN(icmp_types), type);
	else
		l = by_number(icmpv6_types, ARRAY_LEN(icmpv6_types), type);
	return l ? l->name : NULL;
}

const char *proto_str(int proto, char out[static PROTO_STR_MAX])
{
	const struct label *l = by_number(protocols, ARRAY_LEN(protocols), proto);

	if (l)
		(void)snprintf(out, PROTO_STR_MAX, "%s", l->name);
	else
		(void)snprintf(out, PROTO_STR_MAX, "%d", proto);
	return out;
}

bool proto_has_ports(int proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

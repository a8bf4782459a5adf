/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of table bridge. No conntrack is used here: it would change what the host's rules see. */
#include <stdio.h>
#include <string.h>

#include "compile/network_internal.h"

#define ETHER_IPV4 0x0800
#define ETHER_ARP  0x0806
#define ETHER_IPV6 0x86dd

#define ARP_REQUEST 1
#define ARP_REPLY   2

#define ND_ROUTER_ADVERTISEMENT	   134
#define ND_NEIGHBOUR_SOLICITATION  135
#define ND_NEIGHBOUR_ADVERTISEMENT 136
#define ND_REDIRECT		   137

#define PORT_DHCP_SERVER   67
#define PORT_DHCPV6_SERVER 547

#define TCP_SYN 0x02
#define TCP_ACK 0x10

/* An answer can be sent where a frame arrives, not where it is forwarded. */
static const struct denial denials[] = {
	{ "spoof", "denied.spoof", false, true },
	{ "lateral", "denied.lateral", true, false },
	{ "lateral", "denied.bridged", false, false },
};

static struct rs_rule *rule_ether(struct rs_chain *c, uint16_t type)
{
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_u16(r, RS_ETHER_TYPE, type);
	return r;
}

static struct rs_rule *rule_icmpv6(struct rs_chain *c)
{
	struct rs_rule *r = rule_ether(c, ETHER_IPV6);

	match_u8(r, RS_L4PROTO, IPPROTO_ICMPV6);
	return r;
}

/* ---- Where a frame arrives ---- */

static void arp_chain(const struct network *n)
{
	static const enum rs_field sender[] = { RS_IIFNAME, RS_ARP_SADDR_ETHER };
	struct rs_chain *c = network_chain(n, n->bridge, "arp");
	static const uint8_t nobody[4];
	struct rs_rule *r = rule_ether(c, ETHER_ARP);

	rs_lookup_by(r, rs_set_find(n->bridge, n->ports->macs), sender, true);
	go_to(n, r, "denied.spoof");
	r = rule_ether(c, ETHER_ARP);
	match_u16(r, RS_ARP_OPERATION, ARP_REQUEST);
	rs_compare(r, RS_ARP_SADDR_IP, RS_EQ, nobody);
	rs_verdict(r, RS_ACCEPT, NULL);
	for (uint16_t op = ARP_REQUEST; op <= ARP_REPLY; op++) {
		r = rule_ether(c, ETHER_ARP);
		match_u16(r, RS_ARP_OPERATION, op);
		match_in(r, n->bridge, n->ports->arp, false);
		rs_verdict(r, RS_ACCEPT, NULL);
	}
	end_in(n, c, "denied.spoof");
}

/* Nobody here hands out addresses. */
static void deny_dhcp(const struct network *n, struct rs_chain *c, uint16_t ether, uint16_t port)
{
	struct rs_rule *r = rule_ether(c, ether);

	match_u8(r, RS_L4PROTO, IPPROTO_UDP);
	match_u16(r, RS_TH_SPORT, port);
	go_to(n, r, "denied.spoof");
}

static void pass_on(const struct network *n, struct rs_chain *c)
{
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_in(r, n->bridge, n->ports->peers, false);
	go_to(n, r, "lateral");
	rs_verdict(rs_rule_add(c, NULL), RS_ACCEPT, NULL);
}

static void ip4_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->bridge, "ip4");
	struct rs_rule *r = rule_ether(c, ETHER_IPV4);

	match_in(r, n->bridge, n->ports->ip4, true);
	go_to(n, r, "denied.spoof");
	deny_dhcp(n, c, ETHER_IPV4, PORT_DHCP_SERVER);
	pass_on(n, c);
}

/* From the unspecified address: the question whether an address is free, and what hosts say to
 * their link before they have one. */
static void accept_unspecified(const struct network *n, struct rs_chain *c)
{
	static const uint8_t nobody[16];
	struct rs_rule *r = rule_icmpv6(c);

	rs_compare(r, RS_IP6_SADDR, RS_EQ, nobody);
	match_u8(r, RS_ICMPV6_TYPE, ND_NEIGHBOUR_SOLICITATION);
	match_in(r, n->bridge, n->ports->nd, false);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rule_icmpv6(c);
	rs_compare(r, RS_IP6_SADDR, RS_EQ, nobody);
	match_in(r, n->bridge, SET_CHATTER, false);
	drop_quietly(n, r);
}

static void ip6_chain(const struct network *n)
{
	static const uint8_t routers[] = { ND_ROUTER_ADVERTISEMENT, ND_REDIRECT };
	struct rs_chain *c = network_chain(n, n->bridge, "ip6");
	struct rs_rule *r;

	accept_unspecified(n, c);
	r = rule_ether(c, ETHER_IPV6);
	match_in(r, n->bridge, n->ports->ip6, true);
	go_to(n, r, "denied.spoof");
	for (size_t i = 0; i < ARRAY_LEN(routers); i++) {
		r = rule_icmpv6(c);
		match_u8(r, RS_ICMPV6_TYPE, routers[i]);
		go_to(n, r, "denied.spoof");
	}
	r = rule_icmpv6(c);
	match_u8(r, RS_ICMPV6_TYPE, ND_NEIGHBOUR_ADVERTISEMENT);
	match_in(r, n->bridge, n->ports->nd, true);
	go_to(n, r, "denied.spoof");
	deny_dhcp(n, c, ETHER_IPV6, PORT_DHCPV6_SERVER);
	pass_on(n, c);
}

/* A frame of another type, or a tagged one, is as little known here as another port's. */
static void port_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->bridge, "port");
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_in(r, n->bridge, n->ports->macs, true);
	go_to(n, r, "denied.spoof");
	go_to(n, rule_ether(c, ETHER_ARP), "arp");
	go_to(n, rule_ether(c, ETHER_IPV4), "ip4");
	go_to(n, rule_ether(c, ETHER_IPV6), "ip6");
	end_in(n, c, "denied.spoof");
}

/* ---- From port to port ---- */

static void match_end(const struct network *n, struct rs_rule *r, bool from)
{
	const struct plan_controller *c = &n->net->controller;
	bool v4 = c->addr.family == AF_INET;

	if (c->has_mac)
		rs_compare(r, from ? RS_ETHER_SADDR : RS_ETHER_DADDR, RS_EQ, c->mac);
	if (!c->addr.family)
		return;
	match_u16(r, RS_ETHER_TYPE, v4 ? ETHER_IPV4 : ETHER_IPV6);
	if (v4)
		rs_compare(r, from ? RS_IP_SADDR : RS_IP_DADDR, RS_EQ, c->addr.bytes);
	else
		rs_compare(r, from ? RS_IP6_SADDR : RS_IP6_DADDR, RS_EQ, c->addr.bytes);
}

/* The controller opens connections; to it, only what belongs to one passes. */
static void accept_controller(const struct network *n, struct rs_chain *c)
{
	static const uint8_t opening = TCP_SYN | TCP_ACK, syn = TCP_SYN;
	struct rs_rule *r = rs_rule_add(c, "from the controller");

	match_end(n, r, true);
	match_u8(r, RS_L4PROTO, IPPROTO_TCP);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rs_rule_add(c, "to the controller");
	match_end(n, r, false);
	match_u8(r, RS_L4PROTO, IPPROTO_TCP);
	rs_compare_masked(r, RS_TCP_FLAGS, RS_MASKED_NE, &opening, &syn);
	rs_verdict(r, RS_ACCEPT, NULL);
}

static void accept_peers(const struct network *n, struct rs_chain *c)
{
	struct rs_rule *r;

	if (n->net->lateral) {
		rs_verdict(rs_rule_add(c, NULL), RS_ACCEPT, NULL);
		return;
	}
	if (has_controller(n))
		accept_controller(n, c);
	r = rule_icmpv6(c);
	match_in(r, n->bridge, SET_NEIGHBOURS, false);
	rs_verdict(r, RS_ACCEPT, NULL);
}

static void lateral_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->bridge, "lateral");

	accept_peers(n, c);
	if (!n->net->lateral)
		end_in(n, c, "denied.lateral");
}

static void bridged_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->bridge, "bridged");
	struct rs_rule *r;

	if (n->options->by_port) {
		r = rs_rule_add(c, NULL);
		match_in(r, n->bridge, n->ports->macs, true);
		go_to(n, r, "denied.bridged");
	}
	rs_verdict(rule_ether(c, ETHER_ARP), RS_ACCEPT, NULL);
	accept_peers(n, c);
	if (n->net->lateral)
		return;
	r = rule_icmpv6(c);
	match_in(r, n->bridge, SET_CHATTER, false);
	drop_quietly(n, r);
	end_in(n, c, "denied.bridged");
}

/* ---- The sets ---- */

static void learned_set(const struct network *n, const char *suffix, enum rs_field second,
			char out[static RULESET_NAME_MAX])
{
	enum rs_field fields[] = { RS_IIFNAME, second };

	(void)rs_set_add(n->bridge, network_name(n, suffix, out), RS_SET_LEARNED, fields,
			 ARRAY_LEN(fields));
}

static void learned_sets(const struct network *n)
{
	static const enum rs_field peer = RS_ETHER_DADDR;
	struct network_ports *p = n->ports;

	learned_set(n, "macs", RS_ETHER_SADDR, p->macs);
	learned_set(n, "arp", RS_ARP_SADDR_IP, p->arp);
	learned_set(n, "4", RS_IP_SADDR, p->ip4);
	learned_set(n, "6", RS_IP6_SADDR, p->ip6);
	learned_set(n, "nd", RS_ND_TARGET, p->nd);
	(void)rs_set_add(n->bridge, network_name(n, "peers", p->peers), RS_SET_LEARNED, &peer, 1);
}

void network_bridge(struct network *n)
{
	learned_sets(n);
	(void)network_name(n, "denied", n->ports->denied_bridge);
	network_denials(n, n->bridge, denials, ARRAY_LEN(denials), !n->options->no_bridge_reject);
	arp_chain(n);
	ip4_chain(n);
	ip6_chain(n);
	port_chain(n);
	lateral_chain(n);
	bridged_chain(n);
	(void)network_name(n, "port", n->ports->port_chain);
	(void)network_name(n, "bridged", n->ports->bridged_chain);
	if (n->options->by_port)
		return;
	if (!n->options->unpinned)
		add_to_map(n, n->bridge, NETWORK_MAP_PORTS, RS_IBRNAME, RS_GOTO, "port");
	add_to_map(n, n->bridge, NETWORK_MAP_LATERAL, RS_IBRNAME, RS_GOTO, "bridged");
}

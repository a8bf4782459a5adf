/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of table inet. */
#include <stdio.h>
#include <string.h>

#include "compile/network_internal.h"

#define RTN_LOCAL 2 /* linux/rtnetlink.h */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define RATE_BURST_MIN 65536U /* a few frames as large as segmentation offload makes them */

static const struct denial denials[] = {
	{ "rule", "denied.rule", true, false },
	{ "options", "denied.options", true, false },
	{ "no-syn", "denied.no_syn", true, false },
	{ "embedded", "denied.embedded", true, false },
	{ "lateral", "denied.lateral", true, false },
	{ "dnat", "denied.dnat", true, false },
	{ "host", "denied.host", true, false },
	{ "limit", "denied.limit", true, false },
	{ "inbound", "denied.inbound", true, false },
	/* A reset for a packet that came late or twice would end the connection it is not of. */
	{ "invalid", "denied.invalid", false, false },
	{ "spoof", "denied.spoof", false, true },
};

static void match_family(struct rs_rule *r, uint8_t family)
{
	match_u8(r, RS_NFPROTO, family);
}

static void match_ct(struct rs_rule *r, enum rs_field f, uint32_t bits)
{
	static const uint32_t none;

	rs_compare_masked(r, f, RS_MASKED_NE, &bits, &none);
}

static void match_ether(struct rs_rule *r)
{
	uint16_t type = ARPHRD_ETHER;

	rs_compare(r, RS_IIFTYPE, RS_EQ, &type);
}

/* From the controller, by all that it is known by. */
static void match_controller(const struct network *n, struct rs_rule *r)
{
	const struct plan_controller *c = &n->net->controller;

	if (c->has_mac) {
		match_ether(r);
		rs_compare(r, RS_ETHER_SADDR, RS_EQ, c->mac);
	}
	if (c->addr.family) {
		match_family(r, c->addr.family);
		rs_compare(r, c->addr.family == AF_INET ? RS_IP_SADDR : RS_IP6_SADDR, RS_EQ,
			   c->addr.bytes);
	}
}

static void accept_controller(const struct network *n, struct rs_chain *c)
{
	struct rs_rule *r = rs_rule_add(c, "the controller");

	match_controller(n, r);
	rs_verdict(r, RS_ACCEPT, NULL);
}

/* ---- What every chain begins with ---- */

static void accept_errors(const struct network *n, struct rs_chain *c, bool v6)
{
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_ct(r, RS_CT_STATE, RS_CT_RELATED);
	match_family(r, v6 ? AF_INET6 : AF_INET);
	match_u8(r, RS_L4PROTO, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	match_in(r, n->inet, v6 ? SET_ICMPV6_ERRORS : SET_ICMP_ERRORS, false);
	rs_verdict(r, RS_ACCEPT, NULL);
}

/* What is not known yet is nobody's. */
static void deny_unknown(const struct network *n, struct rs_chain *c, bool v6)
{
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_family(r, v6 ? AF_INET6 : AF_INET);
	match_ether(r);
	match_in(r, n->inet, v6 ? n->ports->known6 : n->ports->known4, true);
	go_to(n, r, "denied.spoof");
}

static void begin(const struct network *n, struct rs_chain *c)
{
	struct rs_rule *r;

	if (n->options->by_port && !n->options->unpinned) {
		deny_unknown(n, c, false);
		deny_unknown(n, c, true);
	}
	r = rs_rule_add(c, NULL);
	match_ct(r, RS_CT_STATE, RS_CT_INVALID);
	go_to(n, r, "denied.invalid");
	r = rs_rule_add(c, NULL);
	match_ct(r, RS_CT_STATE, RS_CT_ESTABLISHED);
	rs_verdict(r, RS_ACCEPT, NULL);
	accept_errors(n, c, false);
	accept_errors(n, c, true);
}

/* What follows goes by sets, of which the kernel takes some over later than the rules that ask them. */
static void hold(const struct network *n, struct rs_chain *c)
{
	struct rs_rule *r = rs_rule_add(c, "while it changes");

	match_in(r, n->inet, NETWORK_SET_HELD, false);
	drop_quietly(n, r);
}

/* ---- Segments ---- */

static uint8_t icmp_of(enum scope scope)
{
	return scope == SCOPE_4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* "agent:3", "agent:3 to agent:9" */
static void segment_comment(const struct segment *s, char out[static RULESET_COMMENT_MAX])
{
	char last[RULESET_COMMENT_MAX], more[RULESET_COMMENT_MAX + 3];

	rule_comment(s->last, NULL, last);
	(void)snprintf(more, sizeof(more), "to %s", last);
	rule_comment(s->first, s->last == s->first ? NULL : more, out);
}

/* Begins a rule about what is in the set. */
static struct rs_rule *rule_for(struct rs_chain *c, const struct segment *s,
				const struct segment_set *set)
{
	static const uint32_t local = RTN_LOCAL;
	char comment[RULESET_COMMENT_MAX];
	struct rs_rule *r;

	segment_comment(s, comment);
	r = rs_rule_add(c, comment);
	if (set->scope == SCOPE_HOST)
		rs_compare(r, RS_DADDR_TYPE, RS_EQ, &local);
	else
		match_family(r, set->scope == SCOPE_4 ? AF_INET : AF_INET6);
	if (set->kind == KIND_ICMP)
		match_u8(r, RS_L4PROTO, icmp_of(set->scope));
	return r;
}

/* host: only what is about the host itself, else only what is not. */
static void judge(const struct network *n, struct rs_chain *c, const struct segment *s, bool host)
{
	for (size_t i = 0; i < s->n_sets; i++) {
		struct rs_rule *r;

		if ((s->sets[i].scope == SCOPE_HOST) != host)
			continue;
		r = rule_for(c, s, &s->sets[i]);
		rs_lookup(r, s->sets[i].set, false);
		if (s->kind == SEGMENT_ALLOW)
			rs_verdict(r, RS_ACCEPT, NULL);
		else if (s->kind == SEGMENT_ANY)
			go_to(n, r, "any");
		else /* what a redirect matches has been redirected, where that was possible */
			go_to(n, r, host ? "denied.host" : "denied.rule");
	}
}

/* What an allow of `any` matched: a range that no name opens has to be allowed by itself. */
static void any_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->inet, "any");
	struct rs_rule *r;

	judge(n, c, &n->ranges, false);
	r = rs_rule_add(c, NULL);
	match_family(r, AF_INET);
	match_in(r, n->inet, SET_FORBIDDEN4, false);
	go_to(n, r, "denied.rule");
	r = rs_rule_add(c, NULL);
	match_family(r, AF_INET6);
	match_in(r, n->inet, SET_FORBIDDEN6, false);
	go_to(n, r, "denied.rule");
	rs_verdict(rs_rule_add(c, NULL), RS_ACCEPT, NULL);
}

/* ---- To elsewhere ---- */

/* Both directions of all that is forwarded come by here. */
static void rate_chain(const struct network *n)
{
	uint64_t bytes_s = MAX(n->policy->limits.rate_bits_s / 8, 1);
	uint64_t burst = MIN(MAX(bytes_s / 4, RATE_BURST_MIN), UINT32_MAX);
	struct rs_chain *c = network_chain(n, n->inet, "rate");
	struct rs_rule *r;

	if (has_exempt(n)) {
		r = rs_rule_add(c, "the controller");
		match_interface(r, RS_IIFNAME, n->net->bridge);
		match_controller(n, r);
		rs_verdict(r, RS_RETURN, NULL);
	}
	r = rs_rule_add(c, NULL);
	rs_limit_bytes_over(r, bytes_s, (uint32_t)burst);
	go_to(n, r, "dropped");
	add_to_map(n, n->inet, MAP_RATE_FROM, RS_IIFNAME, RS_JUMP, "rate");
	add_to_map(n, n->inet, MAP_RATE_TO, RS_OIFNAME, RS_JUMP, "rate");
}

static void lateral_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->inet, "lateral");

	if (n->net->lateral) {
		rs_verdict(rs_rule_add(c, NULL), RS_ACCEPT, NULL);
		return;
	}
	if (has_controller(n))
		accept_controller(n, c);
	end_in(n, c, "denied.lateral");
}

/* Of what goes on, too: an option can lead an allowed packet to another place. */
static void deny_options(const struct network *n, struct rs_chain *c)
{
	static const uint8_t low_half = 0x0f, plain = 5;
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_family(r, AF_INET);
	rs_compare_masked(r, RS_IP_HEADER, RS_MASKED_NE, &low_half, &plain);
	go_to(n, r, "denied.options");
	r = rs_rule_add(c, NULL);
	match_family(r, AF_INET6);
	rs_compare(r, RS_IP6_ROUTING, RS_EXISTS, NULL);
	go_to(n, r, "denied.options");
}

static void deny_odd(const struct network *n, struct rs_chain *c)
{
	static const uint8_t flags = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK, syn = TCP_SYN;
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_u8(r, RS_L4PROTO, IPPROTO_TCP);
	rs_compare_masked(r, RS_TCP_FLAGS, RS_MASKED_NE, &flags, &syn);
	go_to(n, r, "denied.no_syn");
	r = rs_rule_add(c, NULL);
	match_family(r, AF_INET6);
	match_in(r, n->inet, SET_EMBEDDED, false);
	go_to(n, r, "denied.embedded");
}

/* What redirects lead to; host: at the host itself. */
static void accept_redirected(const struct network *n, struct rs_chain *c, bool host)
{
	const struct segment *s = &n->redirected;

	for (size_t i = 0; i < s->n_sets; i++) {
		struct rs_rule *r;

		if (s->sets[i].scope == SCOPE_HOST && !host)
			continue;
		r = rule_for(c, s, &s->sets[i]);
		match_ct(r, RS_CT_STATUS, RS_CT_DNAT);
		rs_lookup(r, s->sets[i].set, false);
		rs_verdict(r, RS_ACCEPT, NULL);
	}
}

static void forward_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->inet, "forward");
	struct rs_rule *r;

	deny_options(n, c);
	begin(n, c);
	deny_odd(n, c);
	r = rs_rule_add(c, NULL);
	match_interface(r, RS_OIFNAME, n->net->bridge);
	go_to(n, r, "lateral");
	if (has_exempt(n))
		accept_controller(n, c);
	hold(n, c);
	accept_redirected(n, c, false);
	r = rs_rule_add(c, NULL);
	match_ct(r, RS_CT_STATUS, RS_CT_DNAT);
	go_to(n, r, "denied.dnat");
	if (n->policy->limits.connections) {
		r = rs_rule_add(c, NULL);
		rs_ct_count_over(r, n->policy->limits.connections);
		go_to(n, r, "denied.limit");
	}
	for (size_t i = 0; i < n->n_segments; i++)
		judge(n, c, &n->segments[i], false);
	end_in(n, c, "denied.rule");
}

/* ---- To and from the host ---- */

static void icmpv6(const struct network *n, struct rs_chain *c, const char *set, bool pass)
{
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_family(r, AF_INET6);
	match_u8(r, RS_L4PROTO, IPPROTO_ICMPV6);
	match_in(r, n->inet, set, false);
	if (pass)
		rs_verdict(r, RS_ACCEPT, NULL);
	else
		drop_quietly(n, r);
}

static void accept_dns(const struct network *n, struct rs_chain *c)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP };

	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		struct rs_rule *r = rs_rule_add(c, "DNS to the gate");

		match_u8(r, RS_L4PROTO, protos[i]);
		match_u16(r, RS_TH_DPORT, n->dns_port);
		rs_verdict(r, RS_ACCEPT, NULL);
	}
}

static void host_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->inet, "host");

	begin(n, c);
	icmpv6(n, c, SET_NEIGHBOURS, true);
	icmpv6(n, c, SET_CHATTER, false);
	if (n->dns_port)
		accept_dns(n, c);
	if (has_exempt(n))
		accept_controller(n, c);
	hold(n, c);
	accept_redirected(n, c, true);
	for (size_t i = 0; i < n->n_segments; i++)
		judge(n, c, &n->segments[i], true);
	end_in(n, c, "denied.host");
}

/* The host would send containers past the bridge: they have no other router. */
static void from_host_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->inet, "fromhost");
	struct rs_rule *r = rs_rule_add(c, "redirects");

	match_family(r, AF_INET);
	match_u8(r, RS_L4PROTO, IPPROTO_ICMP);
	match_u8(r, RS_ICMP_TYPE, 5);
	rs_verdict(r, RS_DROP, NULL);
	r = rs_rule_add(c, "redirects");
	match_family(r, AF_INET6);
	match_u8(r, RS_L4PROTO, IPPROTO_ICMPV6);
	match_u8(r, RS_ICMPV6_TYPE, 137);
	rs_verdict(r, RS_DROP, NULL);
	rs_verdict(rs_rule_add(c, NULL), RS_ACCEPT, NULL);
}

/*
 * From elsewhere into the network: what was published, and answers. Anything else that comes in, a late
 * packet of a flow that was ended among it, would open a way out for the reply.
 */
static void inbound_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->inet, "inbound");
	struct rs_rule *r = rs_rule_add(c, NULL);

	match_ct(r, RS_CT_STATE, RS_CT_ESTABLISHED);
	rs_verdict(r, RS_ACCEPT, NULL);
	accept_errors(n, c, false);
	accept_errors(n, c, true);
	r = rs_rule_add(c, "published");
	match_ct(r, RS_CT_STATUS, RS_CT_DNAT);
	rs_verdict(r, RS_ACCEPT, NULL);
	end_in(n, c, "denied.inbound");
}

/* ---- Redirects ---- */

static void redirect_dns(const struct network *n, struct rs_chain *c)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP };

	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		struct rs_rule *r = rs_rule_add(c, "DNS to the gate");

		match_u8(r, RS_L4PROTO, protos[i]);
		match_u16(r, RS_TH_DPORT, 53);
		rs_redirect(r, n->dns_port);
	}
}

static void translate(const struct segment *s, struct rs_rule *r, enum scope scope)
{
	uint16_t port = ports_at(&s->to->ports, 0).lo;
	bool first_v6 = scope == SCOPE_6 || (scope == SCOPE_HOST && !s->v4.family);
	const struct addr *a = first_v6 ? &s->v6 : &s->v4;

	if (s->to->target == DEST_HOST) {
		rs_redirect(r, port);
	} else if (a->family) {
		if (scope == SCOPE_HOST)
			match_family(r, a->family);
		rs_dnat(r, a, port);
	} else { /* there is no way: denied later */
		rs_verdict(r, RS_ACCEPT, NULL);
	}
}

static void nat_segment(struct rs_chain *c, const struct segment *s)
{
	for (size_t i = 0; i < s->n_sets; i++) {
		struct rs_rule *r = rule_for(c, s, &s->sets[i]);

		/* A port can be translated only where the protocol is known. */
		if (s->kind == SEGMENT_REDIRECT)
			match_u8(r, RS_L4PROTO, (uint8_t)s->to->proto);
		rs_lookup(r, s->sets[i].set, false);
		if (s->kind == SEGMENT_REDIRECT)
			translate(s, r, s->sets[i].scope);
		else
			rs_verdict(r, RS_ACCEPT, NULL);
	}
}

static void nat_chain(const struct network *n)
{
	struct rs_chain *c = network_chain(n, n->inet, "nat");
	size_t last = n->n_segments;

	if (has_exempt(n))
		accept_controller(n, c);
	if (n->dns_port)
		redirect_dns(n, c);
	while (last > 0 && n->segments[last - 1].kind != SEGMENT_REDIRECT)
		last--;
	for (size_t i = 0; i < last; i++)
		nat_segment(c, &n->segments[i]);
	add_to_map(n, n->inet, MAP_NAT, RS_IIFNAME, RS_GOTO, "nat");
}

/* Which MAC has which address, where the bridge's table cannot close a port that is not known. */
static void known_sets(const struct network *n)
{
	static const enum rs_field pair4[] = { RS_ETHER_SADDR, RS_IP_SADDR };
	static const enum rs_field pair6[] = { RS_ETHER_SADDR, RS_IP6_SADDR };
	struct network_ports *p = n->ports;

	(void)rs_set_add(n->inet, network_name(n, "known-4", p->known4), RS_SET_LEARNED, pair4, 2);
	(void)rs_set_add(n->inet, network_name(n, "known-6", p->known6), RS_SET_LEARNED, pair6, 2);
}

void network_chains(struct network *n)
{
	if (n->options->by_port)
		known_sets(n);
	(void)network_name(n, "denied", n->ports->denied_inet);
	network_denials(n, n->inet, denials, ARRAY_LEN(denials), true);
	if (n->policy->limits.rate_bits_s)
		rate_chain(n);
	lateral_chain(n);
	if (n->has_any)
		any_chain(n);
	forward_chain(n);
	host_chain(n);
	from_host_chain(n);
	inbound_chain(n);
	if (n->has_redirect || n->dns_port)
		nat_chain(n);
	add_to_map(n, n->inet, MAP_FORWARD, RS_IIFNAME, RS_GOTO, "forward");
	add_to_map(n, n->inet, MAP_INBOUND, RS_OIFNAME, RS_GOTO, "inbound");
	add_to_map(n, n->inet, MAP_INPUT, RS_IIFNAME, RS_GOTO, "host");
	add_to_map(n, n->inet, MAP_OUTPUT, RS_OIFNAME, RS_GOTO, "fromhost");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rulesets for the tests of kernel/tables.h, and network namespaces to load them in. */
#ifndef SALLYPORT_TESTS_KERNEL_TABLES_CASES_H
#define SALLYPORT_TESTS_KERNEL_TABLES_CASES_H

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "../unit/t.h"
#include "kernel/tables_internal.h"

/* A network namespace of its own, which goes with the last socket in it. */
static inline bool fresh(void)
{
	return unshare(CLONE_NEWNET) == 0;
}

/* As root, or as whoever may make user namespaces. */
static inline bool namespaces(void)
{
	return fresh() || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static const enum rs_field case_key4[] = { RS_IP_DADDR, RS_L4PROTO, RS_TH_DPORT };
static const enum rs_field case_key6[] = { RS_IP6_DADDR, RS_L4PROTO, RS_TH_DPORT };
static const enum rs_field case_if[] = { RS_IIFNAME };

static inline void case_key(uint8_t key[static RULESET_KEY_MAX], uint32_t addr, uint16_t port)
{
	uint32_t be = htonl(addr);
	uint8_t proto = 6;
	size_t n = 0;

	port = htons(port);
	rs_key_append(key, &n, RS_IP_DADDR, &be);
	rs_key_append(key, &n, RS_L4PROTO, &proto);
	rs_key_append(key, &n, RS_TH_DPORT, &port);
}

static inline struct rs_element *case_add4(struct rs_set *s, uint32_t addr, uint16_t port,
					   const char *comment)
{
	uint8_t key[RULESET_KEY_MAX];

	case_key(key, addr, port);
	return rs_element_add(s, key, NULL, comment);
}

/* All ports of n addresses from addr on. */
static inline struct rs_element *case_range4(struct rs_set *s, uint32_t addr, uint32_t n_addr,
					     const char *comment)
{
	uint8_t key[RULESET_KEY_MAX], end[RULESET_KEY_MAX];

	case_key(key, addr, 0);
	case_key(end, addr + n_addr - 1, 0xffff);
	return rs_element_add(s, key, end, comment);
}

static inline struct rs_element *case_lead(struct rs_set *map, const char *ifname,
					   enum rs_verdict_kind kind, const char *chain)
{
	char key[16] = "";
	struct rs_element *el;

	(void)snprintf(key, sizeof(key), "%s", ifname);
	el = rs_element_add(map, (const uint8_t *)key, NULL, "");
	rs_element_leads(map, el, kind, chain);
	return el;
}

/* A network: its chain, the sets that it asks, and the way there from `forward`. */
static inline void case_network(struct ruleset *r, unsigned id, size_t n_elements)
{
	struct rs_table *t = &r->tables[RS_INET];
	const uint8_t ipv4 = NFPROTO_IPV4;
	const uint32_t established = RS_CT_ESTABLISHED, zero = 0;
	char name[32], chain[32], counter[32], bridge[16];
	struct rs_chain *c;
	struct rs_rule *rule;
	struct rs_set *s;

	(void)snprintf(chain, sizeof(chain), "net%u", id);
	(void)snprintf(bridge, sizeof(bridge), "br%u", id);
	(void)snprintf(counter, sizeof(counter), "net%u-denied", id);
	rs_counter_add(t, counter);
	c = rs_chain_add(t, chain);
	rs_compare_masked(rs_rule_add(c, ""), RS_CT_STATE, RS_MASKED_NE, &established, &zero);
	rs_verdict(&c->rules[0], RS_ACCEPT, NULL);

	(void)snprintf(name, sizeof(name), "net%u-1-4", id);
	s = rs_set_add(t, name, 0, case_key4, 3);
	for (size_t i = 0; i < n_elements; i++)
		case_add4(s, (uint32_t)(0xcb007100U + i * 7), (uint16_t)(443 + i % 3),
			  "agent:1 web");
	rule = rs_rule_add(c, "agent:1");
	rs_compare(rule, RS_NFPROTO, RS_EQ, &ipv4);
	rs_lookup(rule, s, false);
	rs_verdict(rule, RS_ACCEPT, NULL);

	(void)snprintf(name, sizeof(name), "net%u-1-4r", id);
	s = rs_set_add(t, name, RS_SET_INTERVAL, case_key4, 3);
	case_range4(s, 0xc6336400U, 256, "agent:2 range");
	rule = rs_rule_add(c, "");
	rs_compare(rule, RS_NFPROTO, RS_EQ, &ipv4);
	rs_lookup(rule, s, false);
	rs_verdict(rule, RS_ACCEPT, NULL);

	(void)snprintf(name, sizeof(name), "net%u-1-4n", id);
	s = rs_set_add(t, name, RS_SET_TIMEOUT | RS_SET_LEARNED, case_key4, 3);
	s->size = 1000;
	rule = rs_rule_add(c, "");
	rs_compare(rule, RS_NFPROTO, RS_EQ, &ipv4);
	rs_lookup(rule, s, false);
	rs_verdict(rule, RS_ACCEPT, NULL);

	rule = rs_rule_add(c, "");
	rs_counter(rule, counter);
	rule = rs_rule_add(c, "");
	rs_reject_admin(rule);
	case_lead(rs_set_find(t, "forward"), bridge, RS_GOTO, chain);
}

/* n networks with as many elements each; two rules of base chains besides. */
static inline struct ruleset *case_ruleset(unsigned n, size_t n_elements)
{
	struct ruleset *r = ruleset_new();
	struct rs_table *t = &r->tables[RS_INET], *b = &r->tables[RS_BRIDGE];
	const uint16_t vlan = htons(0x8100);
	struct rs_chain *c;
	struct rs_rule *rule;

	rs_set_add(t, "forward", RS_SET_VMAP, case_if, 1);
	for (unsigned i = 0; i < n; i++)
		case_network(r, i, n_elements);
	c = rs_base_chain_add(t, "forward", RS_FORWARD, -10);
	rs_vmap(rs_rule_add(c, ""), rs_set_find(t, "forward"));
	c = rs_base_chain_add(b, "prerouting", RS_PREROUTING, -300);
	rule = rs_rule_add(c, "no tags");
	rs_compare(rule, RS_ETHER_TYPE, RS_EQ, &vlan);
	rs_verdict(rule, RS_DROP, NULL);
	return r;
}

static inline struct rs_rule *case_rule(struct rs_chain *c, uint8_t nfproto, uint8_t l4proto)
{
	struct rs_rule *r = rs_rule_add(c, "");

	if (nfproto)
		rs_compare(r, RS_NFPROTO, RS_EQ, &nfproto);
	if (l4proto)
		rs_compare(r, RS_L4PROTO, RS_EQ, &l4proto);
	return r;
}

/* A rule of the bridge's, for frames of one type. */
static inline struct rs_rule *case_frame(struct rs_chain *c, uint16_t type)
{
	struct rs_rule *r = rs_rule_add(c, "");

	type = htons(type);
	rs_compare(r, RS_ETHER_TYPE, RS_EQ, &type);
	return r;
}

static inline void case_every_inet(struct rs_table *t)
{
	static const uint8_t mac[6] = { 0, 17, 34, 51, 68, 85 }, ones[16] = { [0 ... 15] = 255 };
	static const uint8_t v4[4] = { 203, 0, 113, 1 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	static const uint8_t net4[4] = { 203, 0, 112, 0 }, mask4[4] = { 255, 255, 254, 0 };
	static const uint8_t net6[16] = { 0x20, 1, 0xd, 0xb8 }, mapped[16] = { [10] = 255, 255 };
	static const enum rs_field icmp_key[] = { RS_IP_DADDR, RS_ICMP_TYPE };
	static const enum rs_field mac_key[] = { RS_IIFNAME, RS_ETHER_SADDR };
	static const enum rs_field proto_key[] = { RS_IP_DADDR, RS_L4PROTO };
	static const enum rs_field one6[] = { RS_IP6_DADDR }, one_mac[] = { RS_ETHER_SADDR };
	const uint8_t header = 5, low = 15, syn = 2, flags = 0x17, type = 3, mask3 = 0xe0,
		      bits3 = 0x20;
	const uint16_t port = htons(53), arphrd = 1;
	const uint32_t state = RS_CT_NEW, dnat = RS_CT_DNAT, zero = 0, local = 2;
	const struct addr to4 = addr_from_v4(v4), to6 = addr_from_v6(v6);
	struct rs_chain *c, *nat;
	struct rs_set *s4, *s4r, *s6n, *sp, *si, *sm, *one, *mac1, *map;
	struct rs_rule *r;
	uint8_t key[RULESET_KEY_MAX];
	size_t n = 0;

	rs_counter_add(t, "denied");
	s4 = rs_set_add(t, "s4", 0, case_key4, 3);
	s4->comment = "of agent";
	case_add4(s4, 0xcb007101U, 443, "agent:1 ping for \303\244");
	s4r = rs_set_add(t, "s4r", RS_SET_INTERVAL, case_key4, 3);
	s4r->size = 70;
	case_range4(s4r, 0xc6336400U, 200, "");
	case_add4(s4r, 0xcb007101U, 443, "agent:2");
	s6n = rs_set_add(t, "s6n", RS_SET_TIMEOUT | RS_SET_LEARNED | RS_SET_INTERVAL, case_key6, 3);
	sp = rs_set_add(t, "sp", RS_SET_INTERVAL, proto_key, 2);
	rs_key_append(key, &n, RS_IP_DADDR, v4);
	rs_key_append(key, &n, RS_L4PROTO, &type);
	rs_element_add(sp, key, NULL, "");
	si = rs_set_add(t, "si", RS_SET_INTERVAL, icmp_key, 2);
	rs_element_add(si, key, NULL, "");
	sm = rs_set_add(t, "sm", 0, mac_key, 2);
	one = rs_set_add(t, "one", RS_SET_TIMEOUT, one6, 1);
	rs_element_add(one, v6, NULL, "");
	mac1 = rs_set_add(t, "mac1", 0, one_mac, 1);
	n = 0;
	rs_key_append(key, &n, RS_ETHER_SADDR, mac);
	rs_element_add(mac1, key, NULL, "");
	map = rs_set_add(t, "leads", RS_SET_VMAP, case_if, 1);
	case_lead(map, "br-a", RS_JUMP, "every");
	case_lead(map, "br-b", RS_GOTO, "every");
	case_lead(map, "br-c", RS_DROP, "");
	case_lead(map, "br-d", RS_RETURN, "");
	case_lead(map, "br-e", RS_ACCEPT, "");

	c = rs_chain_add(t, "every");
	r = rs_rule_add(c, "of \303\244, and so on");
	rs_compare(r, RS_IIFNAME, RS_EQ, "br-a\0\0\0\0\0\0\0\0\0\0\0");
	rs_compare(r, RS_OIFNAME, RS_NE, "br-a\0\0\0\0\0\0\0\0\0\0\0");
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_rule(c, NFPROTO_IPV4, 0);
	rs_compare(r, RS_IP_SADDR, RS_EQ, v4);
	rs_compare_masked(r, RS_IP_DADDR, RS_MASKED_NE, mask4, net4);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, NFPROTO_IPV4, 0);
	rs_compare_masked(r, RS_IP_HEADER, RS_MASKED_NE, &low, &header);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, NFPROTO_IPV6, 0);
	rs_compare(r, RS_IP6_SADDR, RS_EQ, v6);
	rs_compare_masked(r, RS_IP6_DADDR, RS_MASKED_EQ, "\377\377\377\377\0\0\0\0\0\0\0\0\0\0\0",
			  net6);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, NFPROTO_IPV6, 0);
	rs_compare_masked(r, RS_IP6_DADDR, RS_MASKED_EQ,
			  "\377\377\377\377\377\377\377\377\377\377\377\377\0\0\0", mapped);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, NFPROTO_IPV6, 0);
	rs_compare_masked(r, RS_IP6_DADDR, RS_MASKED_EQ, ones, v6);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, NFPROTO_IPV6, 0);
	rs_compare(r, RS_IP6_ROUTING, RS_EXISTS, NULL);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, 0, IPPROTO_TCP);
	rs_compare_masked(r, RS_TCP_FLAGS, RS_MASKED_NE, &flags, &syn);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, 0, IPPROTO_UDP);
	rs_compare(r, RS_TH_SPORT, RS_EQ, &port);
	rs_compare(r, RS_TH_DPORT, RS_NE, &port);
	rs_verdict(r, RS_RETURN, NULL);
	r = case_rule(c, NFPROTO_IPV4, IPPROTO_ICMP);
	rs_compare(r, RS_ICMP_TYPE, RS_EQ, &type);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_rule(c, NFPROTO_IPV6, IPPROTO_ICMPV6);
	rs_compare_masked(r, RS_ICMPV6_TYPE, RS_MASKED_EQ, &mask3, &bits3);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rs_rule_add(c, "");
	rs_compare(r, RS_CT_STATE, RS_EQ, &state);
	rs_compare_masked(r, RS_CT_STATUS, RS_MASKED_NE, &dnat, &zero);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rs_rule_add(c, "");
	rs_compare_masked(r, RS_CT_STATUS, RS_MASKED_EQ, &dnat, &zero);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rs_rule_add(c, "");
	rs_compare(r, RS_DADDR_TYPE, RS_EQ, &local);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rs_rule_add(c, "");
	rs_compare(r, RS_IIFTYPE, RS_EQ, &arphrd);
	rs_compare(r, RS_ETHER_SADDR, RS_EQ, mac);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rs_rule_add(c, "");
	rs_compare(r, RS_IIFTYPE, RS_EQ, &arphrd);
	rs_lookup(r, sm, true);
	rs_verdict(r, RS_DROP, NULL);
	r = rs_rule_add(c, "");
	rs_compare(r, RS_IIFTYPE, RS_EQ, &arphrd);
	rs_lookup(r, mac1, false);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_rule(c, NFPROTO_IPV4, 0);
	rs_lookup(r, s4, false);
	rs_lookup(r, s4r, true);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_rule(c, NFPROTO_IPV6, 0);
	rs_lookup(r, s6n, false);
	rs_lookup(r, one, false);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_rule(c, NFPROTO_IPV4, 0);
	rs_lookup(r, sp, false);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_rule(c, NFPROTO_IPV4, IPPROTO_ICMP);
	rs_lookup(r, si, false);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = rs_rule_add(c, "");
	rs_counter(r, "denied");
	rs_limit(r, 50, 100);
	rs_log(r, 0x5a11, 128, "sallyport:rule:agent");
	r = rs_rule_add(c, "");
	rs_limit_bytes_over(r, 1000000, 5000);
	rs_verdict(r, RS_DROP, NULL);
	r = rs_rule_add(c, "");
	rs_ct_count_over(r, 100);
	rs_verdict(r, RS_DROP, NULL);
	r = case_rule(c, 0, IPPROTO_TCP);
	rs_reject_tcp(r);
	rs_reject_admin(rs_rule_add(c, ""));

	rs_vmap(rs_rule_add(rs_base_chain_add(t, "forward", RS_FORWARD, -10), ""),
		rs_set_find(t, "leads"));
	rs_base_chain_add(t, "input", RS_INPUT, 0);
	rs_base_chain_add(t, "output", RS_OUTPUT, 7);
	nat = rs_base_chain_add(t, "nat", RS_PREROUTING, -110);
	nat->nat = true;
	rs_dnat(case_rule(nat, NFPROTO_IPV4, IPPROTO_TCP), &to4, 80);
	rs_dnat(case_rule(nat, NFPROTO_IPV6, IPPROTO_TCP), &to6, 80);
	rs_redirect(case_rule(nat, 0, IPPROTO_TCP), 3128);
}

/* Without what kernels may lack: the bridge's own keys and rejects. */
static inline void case_every_bridge(struct rs_table *t)
{
	static const uint8_t mac[6] = { 0, 17, 34, 51, 68, 85 }, v4[4] = { 10, 77, 0, 1 };
	static const enum rs_field arp_key[] = { RS_IIFNAME, RS_ARP_SADDR_IP };
	static const enum rs_field ip_key[] = { RS_IIFNAME, RS_IP_SADDR };
	const uint16_t request = htons(1), arp = htons(0x806), ip = htons(0x800);
	struct rs_chain *c = rs_base_chain_add(t, "prerouting", RS_PREROUTING, -300);
	uint8_t key[RULESET_KEY_MAX];
	struct rs_set *s;
	struct rs_rule *r;
	size_t n = 0;

	rs_key_append(key, &n, RS_IIFNAME, "veth1\0\0\0\0\0\0\0\0\0\0");
	rs_key_append(key, &n, RS_IP_SADDR, v4);
	rs_element_add(rs_set_add(t, "ports-arp", RS_SET_LEARNED, arp_key, 2), key, NULL, "");
	rs_set_add(t, "ip4", RS_SET_LEARNED, ip_key, 2);
	r = rs_rule_add(c, "");
	rs_compare(r, RS_ETHER_TYPE, RS_NE, &arp);
	rs_compare(r, RS_ETHER_TYPE, RS_NE, &ip);
	rs_verdict(r, RS_DROP, NULL);
	r = rs_rule_add(c, "");
	rs_compare(r, RS_ETHER_SADDR, RS_NE, mac);
	rs_compare(r, RS_ETHER_DADDR, RS_EQ, mac);
	rs_verdict(r, RS_DROP, NULL);
	r = case_frame(c, 0x806);
	rs_compare(r, RS_ARP_OPERATION, RS_EQ, &request);
	rs_compare(r, RS_ARP_SADDR_ETHER, RS_EQ, mac);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_frame(c, 0x806);
	rs_compare(r, RS_ARP_SADDR_IP, RS_EQ, v4);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_frame(c, 0x806);
	s = rs_set_find(t, "ports-arp");
	rs_lookup(r, s, false);
	rs_verdict(r, RS_ACCEPT, NULL);
	r = case_frame(c, 0x800);
	rs_lookup(r, rs_set_find(t, "ip4"), false);
	rs_verdict(r, RS_ACCEPT, NULL);
}

/* Every expression, and every field that this kernel surely has. */
static inline struct ruleset *case_every(void)
{
	struct ruleset *r = ruleset_new();

	case_every_inet(&r->tables[RS_INET]);
	case_every_bridge(&r->tables[RS_BRIDGE]);
	return r;
}

static inline double case_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static inline void case_close(struct tables **t)
{
	tables_close(*t);
}

#endif

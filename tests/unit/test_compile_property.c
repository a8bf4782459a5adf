/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel is given for a network says the same as decide(), over random small policies and
 * packets. A packet has no name, so names are only in the way here.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "compile/network.h"
#include "net/proto.h"
#include "policy/decide.h"
#include "ruleset_walk.h"

#define PLANS	   3000
#define FLOWS	   60
#define RULES_MAX  12
#define DESTS_MAX  3
#define PORTS_LAST 14

static const char *const prefixes[] = {
	"0.0.0.0/0",   "128.0.0.0/1", "203.0.0.0/8",   "203.0.113.0/24",  "203.0.113.5",
	"203.0.113.6", "10.0.0.0/8",  "10.1.0.0/16",   "10.1.2.3",	  "169.254.169.254",
	"8.0.0.0/5",   "::/0",	      "2001:db8::/32", "2001:db8:1::/48", "2001:db8::5",
	"fd00::/8",    "fd77::1",     "fd77::/16",     "2000::/3",	  "224.0.0.0/4",
	"ff00::/8",    "224.0.0.251", "ff02::fb",      "203.0.113.4/31",  "255.255.255.255",
};

static const char *const points[] = {
	"203.0.113.5", "203.0.113.6",	"203.0.113.7",	   "203.9.9.9",	    "10.1.2.3",
	"10.1.9.9",    "10.200.0.1",	"9.9.9.9",	   "168.63.129.16", "198.51.100.1",
	"2001:db8::5", "2001:db8:1::7", "2001:db8:9::7",   "2400::1",	    "fd77::1",
	"fd77::2",     "fdff::1",	"169.254.169.254", "224.0.0.251",   "ff02::fb",
	"ff05::1:3",   "239.1.2.3",	"255.255.255.255",
};

/* decide() takes them for the address that they are about, or for ranges of their own; a network never
 * forwards to one. */
static const char *const embedded[] = {
	"::203.0.113.5",     "::ffff:203.0.113.5", "64:ff9b::cb00:7105", "64:ff9b:1::cb00:7105",
	"2002:cb00:7105::1", "2001:0:4136::1",	   "::ffff:10.1.2.3",
};

static const int16_t protos[] = { IPPROTO_TCP,	 IPPROTO_TCP,  IPPROTO_TCP,	IPPROTO_UDP,
				  IPPROTO_UDP,	 IPPROTO_SCTP, IPPROTO_ICMP,	IPPROTO_ICMPV6,
				  IPPROTO_GRE,	 IPPROTO_DCCP, IPPROTO_UDPLITE, DEST_PROTO_ANY,
				  DEST_PROTO_ANY };

static uint32_t seed = 88172645;

static uint32_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % (uint32_t)n;
}

static struct addr address(const char *text)
{
	struct addr a;
	struct err e = { 0 };

	t_good(addr_parse(span_of(text), &a, &e), e);
	return a;
}

/* ---- A random plan ---- */

static void random_ports(struct dest *d, struct arena *a)
{
	struct port_range ranges[LIMIT_PORT_RANGES];
	uint16_t next = (uint16_t)below(4);
	size_t n = 0;

	if (below(5) == 0) {
		d->ports = PORTS_ALL;
		return;
	}
	while (n == 0 || (next < PORTS_LAST && below(3) == 0)) {
		struct port_range *r = &ranges[n++];

		r->lo = next;
		r->hi = (uint16_t)(next + (below(2) ? below(5) : 0));
		next = (uint16_t)(r->hi + 2 + below(3));
	}
	if (below(20) == 0)
		ranges[n - 1].hi = UINT16_MAX;
	d->ports = ports_of(ranges, n, a);
}

static void set_name(struct dest *d, struct arena *a, const char *text)
{
	struct name name = { .len = (uint8_t)strlen(text) };

	memcpy(name.s, text, name.len + 1U);
	d->name = name_keep(&name, a);
}

static void random_target(struct dest *d, struct arena *a)
{
	struct err e = { 0 };
	uint32_t dice = below(20);

	if (dice < 12) {
		const char *text = prefixes[below(ARRAY_LEN(prefixes))];

		d->target = DEST_PREFIX;
		t_good(prefix_parse(span_of(text), &d->prefix, &e), e);
	} else if (dice < 16) {
		d->target = DEST_ANY;
	} else if (dice < 17) {
		d->target = DEST_NAME;
		set_name(d, a, below(5) ? "a.test" : HOST_LOOPBACK_NAME);
	} else if (dice < 18) {
		d->target = below(2) ? DEST_ANY_NAME : DEST_WILDCARD;
		set_name(d, a, below(2) ? "b.test" : "sallyport.internal");
	} else {
		d->target = DEST_HOST;
	}
}

static void random_dest(struct dest *d, struct arena *a, int proto)
{
	*d = (struct dest){ .icmp_type = -1 };
	random_target(d, a);
	d->proto = (int16_t)proto;
	if (d->target == DEST_HOST && proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		d->proto = IPPROTO_TCP;
	if (d->target == DEST_PREFIX && proto_is_icmp(d->proto))
		d->proto = d->prefix.addr.family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	if (proto_is_icmp(d->proto) && below(3))
		d->icmp_type = (int16_t)below(4);
	if (d->proto == DEST_PROTO_ANY || proto_has_ports(d->proto))
		random_ports(d, a);
}

static void random_rule(struct plan_rule *r, struct arena *a, unsigned index)
{
	static const enum rule_action actions[] = { RULE_ALLOW, RULE_ALLOW, RULE_ALLOW,
						    RULE_DENY,	RULE_DENY,  RULE_REDIRECT,
						    RULE_ASK };
	static const char *const to[] = { "203.0.113.99", "2001:db8::99", "10.9.9.9" };
	int proto;

	*r = (struct plan_rule){ .action = actions[below(ARRAY_LEN(actions))], .index = index };
	r->policy = "p";
	r->n_dests = 1 + below(DESTS_MAX);
	r->dests = arena_array(a, r->n_dests, struct dest);
	proto = r->action == RULE_REDIRECT ? (below(2) ? IPPROTO_TCP : IPPROTO_UDP) : -2;
	for (size_t i = 0; i < r->n_dests; i++)
		random_dest(&r->dests[i], a,
			    proto == -2 ? protos[below(ARRAY_LEN(protos))] : proto);
	if (r->action != RULE_REDIRECT)
		return;
	r->to = arena_array(a, 1, struct dest);
	*r->to = (struct dest){ .proto = (int16_t)proto, .icmp_type = -1, .target = DEST_PREFIX };
	r->to->prefix.addr = address(to[below(ARRAY_LEN(to))]);
	r->to->prefix.len = (uint8_t)(addr_size(&r->to->prefix.addr) * 8);
	r->to->ports = ports_one(7777);
}

static struct plan *random_plan(void)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));
	struct plan_policy *p = plan_policy_new("p");
	struct plan_subject *s = xcalloc(1, sizeof(*s));

	p->n_rules = 1 + below(RULES_MAX);
	plan_policy_reserve(p, p->n_rules);
	for (size_t i = 0; i < p->n_rules; i++)
		random_rule(&p->rules[i], &p->arena, (unsigned)i + 1);
	s->kind = SUBJECT_NETWORK;
	s->id = xstrdup("net");
	s->policy = p;
	memcpy(s->network.bridge, "br0", 4);
	(void)plan_policy_add(plan, p, 0);
	plan->subjects = s;
	plan->n_subjects = 1;
	return plan;
}

/* ---- A random packet ---- */

static void random_flow(struct flow *f, const struct addr *to)
{
	static const int flow_protos[] = { IPPROTO_TCP,	 IPPROTO_TCP,	  IPPROTO_TCP,
					   IPPROTO_UDP,	 IPPROTO_SCTP,	  IPPROTO_GRE,
					   IPPROTO_ICMP, IPPROTO_UDPLITE, IPPROTO_DCCP };

	*f = (struct flow){ .icmp_type = -1, .addr = to };
	f->proto = flow_protos[below(ARRAY_LEN(flow_protos))];
	if (f->proto == IPPROTO_ICMP) {
		f->proto = to->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		f->icmp_type = (int)below(5);
	}
	if (proto_has_ports(f->proto))
		f->port = (uint16_t)(below(30) ? below(PORTS_LAST + 2) : UINT16_MAX);
}

static void packet_of(const struct flow *f, struct walk_packet *out)
{
	*out = (struct walk_packet){
		.daddr = *f->addr,
		.proto = (uint8_t)f->proto,
		.type = (uint8_t)f->icmp_type,
		/* Where there is no port there are other bytes: they must not count. */
		.dport = proto_has_ports(f->proto) ? f->port : (uint16_t)below(PORTS_LAST),
		.tcp_flags = 2,
		.ct_state = RS_CT_NEW,
		.iif = "br0",
		.oif = "eth0",
	};
}

/* ---- Agreement ---- */

static const char *describe(const struct plan_policy *p, const struct flow *f)
{
	static char text[8192];
	char dest[DEST_STR_MAX];
	struct dest d;
	size_t n;

	flow_dest(f, &d);
	n = (size_t)snprintf(text, sizeof(text), "flow %s type %d\n",
			     dest_show(&d, DEST_FOR_ALLOW, dest), f->icmp_type);
	for (size_t i = 0; i < p->n_rules && n < sizeof(text); i++)
		for (size_t k = 0; k < p->rules[i].n_dests && n < sizeof(text); k++)
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, "%u %s %s\n", p->rules[i].index,
				rule_action_str(p->rules[i].action),
				dest_show(&p->rules[i].dests[k], DEST_FOR_DENY, dest));
	return text;
}

static bool denied_for(const struct walk_result *r, const char *reason)
{
	char prefix[64];

	(void)snprintf(prefix, sizeof(prefix), "sallyport:%s:net", reason);
	return r->kind == WALK_DROP && strcmp(r->logged, prefix) == 0;
}

static void check_flow(const struct plan_policy *p, const struct ruleset *r, const struct flow *f)
{
	const struct rs_table *t = &r->tables[RS_INET];
	struct verdict v = decide(p, f);
	struct walk_packet packet;
	struct walk_result nat, judged;
	bool possible;

	packet_of(f, &packet);
	nat = walk(t, "nat", &packet);
	if (nat.kind == WALK_DNAT) {
		packet.daddr = nat.addr;
		packet.dport = nat.port;
		packet.ct_status = RS_CT_DNAT;
	}
	judged = walk(t, "forward", &packet);
	possible = v.kind == VERDICT_REDIRECT && v.rule->to->prefix.addr.family == f->addr->family;
	if (v.kind == VERDICT_ALLOW) {
		if (nat.kind != WALK_ACCEPT || judged.kind != WALK_ACCEPT)
			t_fail("to be allowed: nat %u, forward %u\n%s", nat.kind, judged.kind,
			       describe(p, f));
	} else if (possible) {
		if (nat.kind != WALK_DNAT || !addr_eq(&nat.addr, &v.rule->to->prefix.addr) ||
		    nat.port != 7777 || judged.kind != WALK_ACCEPT)
			t_fail("to be redirected: nat %u, forward %u\n%s", nat.kind, judged.kind,
			       describe(p, f));
	} else if (nat.kind != WALK_ACCEPT || !denied_for(&judged, "rule")) {
		t_fail("to be denied: nat %u, forward %u %s\n%s", nat.kind, judged.kind,
		       judged.logged, describe(p, f));
	}
}

/* It may be led to where a redirect leads, and nowhere else. */
static void check_embedded(const struct plan_policy *p, const struct ruleset *r)
{
	const struct rs_table *t = &r->tables[RS_INET];
	struct addr to = address(embedded[below(ARRAY_LEN(embedded))]);
	struct walk_packet packet;
	struct walk_result judged;
	struct flow f;

	random_flow(&f, &to);
	packet_of(&f, &packet);
	if (walk(t, "nat", &packet).kind == WALK_DNAT)
		return;
	judged = walk(t, "forward", &packet);
	if (!denied_for(&judged, "embedded"))
		t_fail("embedded: forward %u %s\n%s", judged.kind, judged.logged, describe(p, &f));
}

/* A packet to the bridge's own address is judged as one to `host`. */
static void check_host(const struct plan_policy *p, const struct ruleset *r)
{
	static const struct name host = { sizeof(HOST_LOOPBACK_NAME) - 1, HOST_LOOPBACK_NAME };
	const struct rs_table *t = &r->tables[RS_INET];
	struct addr gateway = address(below(2) ? "10.77.0.1" : "fd99::1");
	struct walk_packet packet;
	struct walk_result nat, judged;
	struct verdict v;
	struct flow f;

	random_flow(&f, &gateway);
	packet_of(&f, &packet);
	packet.to_host = true;
	nat = walk(t, "nat", &packet);
	judged = walk(t, "input", &packet);
	f.addr = NULL;
	f.name = &host;
	v = decide(p, &f);
	/* By its address it may be redirected as well. */
	if (nat.kind == WALK_DNAT)
		return;
	if (v.kind == VERDICT_ALLOW ? judged.kind != WALK_ACCEPT : !denied_for(&judged, "host"))
		t_fail("host: verdict %d, input %u %s\n%s", (int)v.kind, judged.kind, judged.logged,
		       describe(p, &f));
}

/* No element of a set overlaps another one of it: the kernel would refuse them. */
static void check_set(const struct rs_set *s)
{
	for (size_t i = 0; i < s->elements.n; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct rs_element *a = &s->elements.items[i],
						*b = &s->elements.items[k];
			bool apart = false;
			size_t at = 0;

			for (size_t n = 0; n < s->n_fields; n++) {
				size_t len = rs_field_of(s->fields[n])->len;

				apart = apart || memcmp(a->key + at, b->end + at, len) > 0 ||
					memcmp(b->key + at, a->end + at, len) > 0;
				at += (len + 3) & ~(size_t)3;
			}
			if (!apart)
				t_fail("set %s: elements %zu and %zu overlap", s->name, i, k);
		}
	}
}

T(agrees_with_decide)
{
	static const struct network_options none;

	for (int i = 0; i < PLANS; i++) {
		_cleanup_(plan_freep) struct plan *plan = random_plan();
		_cleanup_(ruleset_freep) struct ruleset *r = NULL;
		_cleanup_(network_map_done) struct network_map map = { 0 };
		struct err e = { 0 };

		t_good(compile_networks(plan, &none, NULL, &r, &map, &e), e);
		for (size_t k = 0; k < r->tables[RS_INET].n_sets; k++)
			check_set(r->tables[RS_INET].sets[k]);
		for (int k = 0; k < FLOWS; k++) {
			struct addr to = address(points[below(ARRAY_LEN(points))]);
			struct flow f;

			random_flow(&f, &to);
			check_flow(plan->policies[0], r, &f);
		}
		for (int k = 0; k < FLOWS / 10; k++) {
			check_host(plan->policies[0], r);
			check_embedded(plan->policies[0], r);
		}
	}
}

T_MAIN(T_TEST(agrees_with_decide))

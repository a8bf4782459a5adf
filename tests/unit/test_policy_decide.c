/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "policy/decide.h"
#include "policy_help.h"

/* A flow as a test row writes it: "tcp a.example 203.0.113.5 443", "-" for what it has not. */
struct parsed {
	struct flow flow;
	struct name name;
	struct addr addr;
};

static struct span take_word(struct span *rest)
{
	struct span word = { "", 0 };

	t_ok(span_next(rest, ' ', &word));
	return word;
}

static uint16_t small_number(struct span s)
{
	uint16_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = (uint16_t)(v * 10 + (s.p[i] - '0'));
	return v;
}

static void parse_flow(const char *text, struct parsed *out)
{
	struct span rest = span_of(text), proto = take_word(&rest), name = take_word(&rest),
		    addr = take_word(&rest);
	struct err e = { 0 };
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest d;
	char any[64];

	*out = (struct parsed){ .flow = { .icmp_type = -1 } };
	(void)snprintf(any, sizeof(any), SPAN_FMT "/any", SPAN_ARG(proto));
	t_good(dest_parse(span_of(any), DEST_FOR_DENY, &arena, &d, &e), e);
	out->flow.proto = d.proto;
	if (d.proto == IPPROTO_ICMP || d.proto == IPPROTO_ICMPV6)
		out->flow.icmp_type = small_number(rest);
	else
		out->flow.port = small_number(rest);
	if (!span_eq(name, SPAN_LIT("-"))) {
		t_good(name_parse(name, &out->name, &e), e);
		out->flow.name = &out->name;
	}
	if (!span_eq(addr, SPAN_LIT("-"))) {
		t_good(addr_parse(addr, &out->addr, &e), e);
		out->flow.addr = &out->addr;
	}
}

/* Rules in flow style; the flow; the verdict as "KIND REASON RULE", with 0 for no rule. */
static const struct {
	const char *name;
	const char *rules;
	const char *flow;
	const char *verdict;
} rows[] = {
	{ "no rules", "", "tcp a.example 203.0.113.5 443", "deny none 0" },
	{ "a name", "{allow: a.example}", "tcp a.example 203.0.113.5 443", "allow rule 1" },
	{ "not yet resolved", "{allow: a.example}", "tcp a.example - 443", "allow rule 1" },
	{ "another port", "{allow: a.example}", "tcp a.example 203.0.113.5 80", "deny none 0" },
	{ "another protocol", "{allow: a.example}", "udp a.example 203.0.113.5 443",
	  "deny none 0" },
	{ "the address alone", "{allow: a.example}", "tcp - 203.0.113.5 443", "deny none 0" },
	{ "a name below", "{allow: a.example}", "tcp b.a.example - 443", "deny none 0" },
	{ "a name that ends so", "{allow: a.example}", "tcp ba.example - 443", "deny none 0" },
	{ "wildcard", "{allow: '*.a.example'}", "tcp b.a.example - 443", "allow rule 1" },
	{ "wildcard, deeper", "{allow: '*.a.example'}", "tcp c.b.a.example - 443", "allow rule 1" },
	{ "wildcard, apex", "{allow: '*.a.example'}", "tcp a.example - 443", "deny none 0" },
	{ "wildcard, label", "{allow: '*.a.example'}", "tcp ba.example - 443", "deny none 0" },
	{ "any name", "{allow: '*:443'}", "tcp a.example - 443", "allow rule 1" },
	{ "any name, no name", "{allow: '*:443'}", "tcp - 203.0.113.5 443", "deny none 0" },
	{ "any, a name", "{allow: 'any:443'}", "tcp a.example - 443", "allow rule 1" },
	{ "any, an address", "{allow: 'any:443'}", "tcp - 203.0.113.5 443", "allow rule 1" },
	{ "first match", "{deny: a.example}, {allow: a.example}", "tcp a.example - 443",
	  "deny rule 1" },
	{ "first match, other way", "{allow: a.example}, {deny: a.example}", "tcp a.example - 443",
	  "allow rule 1" },
	{ "second destination", "{allow: [b.example, a.example]}", "tcp a.example - 443",
	  "allow rule 1" },
	{ "redirect", "{redirect: 'any:3306', to: 'b.example:1'}", "tcp a.example - 3306",
	  "redirect rule 1" },
	{ "ask", "{ask: '*:443'}", "tcp a.example - 443", "ask rule 1" },

	{ "prefix", "{allow: '203.0.113.0/24:22'}", "tcp - 203.0.113.5 22", "allow rule 1" },
	{ "prefix, outside", "{allow: '203.0.113.0/24:22'}", "tcp - 203.0.112.5 22",
	  "deny none 0" },
	{ "prefix, with a name", "{allow: '203.0.113.0/24:22'}", "tcp x.example 203.0.113.5 22",
	  "allow rule 1" },
	{ "prefix, unresolved", "{allow: '203.0.113.0/24:22'}", "tcp x.example - 22",
	  "deny none 0" },
	{ "families do not mix", "{allow: '0.0.0.0/0:22'}", "tcp - 2001:db8::1 22", "deny none 0" },
	{ "v4-mapped", "{allow: '203.0.113.5:22'}", "tcp - ::ffff:203.0.113.5 22", "allow rule 1" },
	{ "NAT64", "{deny: 203.0.113.5}, {allow: 'any:*'}", "tcp - 64:ff9b::203.0.113.5 22",
	  "deny rule 1" },
	{ "6to4", "{deny: 203.0.113.5}, {allow: 'any:*'}", "tcp - 2002:cb00:7105::1 22",
	  "deny rule 1" },
	{ "deny of the form that came", "{deny: '2002::/15'}, {allow: 'any:*'}",
	  "tcp - 2002:cb00:7105::1 22", "deny rule 1" },
	{ "allow of all IPv6 is none of IPv4", "{allow: '[::/0]:22'}",
	  "tcp - ::ffff:203.0.113.5 22", "deny none 0" },

	{ "bare deny is every port", "{deny: 203.0.113.5}, {allow: 'any:*'}",
	  "tcp - 203.0.113.5 22", "deny rule 1" },
	{ "bare deny is every protocol", "{deny: 203.0.113.5}, {allow: any/any}",
	  "icmp - 203.0.113.5 8", "deny rule 1" },
	{ "any protocol, one port", "{allow: 'any/203.0.113.5:53'}", "udp - 203.0.113.5 53",
	  "allow rule 1" },
	{ "any protocol, one port, none there", "{allow: 'any/203.0.113.5:53'}",
	  "icmp - 203.0.113.5 8", "deny none 0" },
	{ "any protocol, nearly every port", "{allow: 'any/203.0.113.5:2-65535'}",
	  "icmp - 203.0.113.5 8", "deny none 0" },
	{ "icmp type", "{allow: icmp/echo-request}", "icmp - 203.0.113.5 8", "allow rule 1" },
	{ "icmp other type", "{allow: icmp/echo-request}", "icmp - 203.0.113.5 13", "deny none 0" },
	{ "icmp is not icmpv6", "{allow: icmp}", "icmpv6 - 2001:db8::1 128", "deny none 0" },
	{ "protocol without ports", "{allow: gre/203.0.113.5}", "gre - 203.0.113.5 0",
	  "allow rule 1" },

	{ "name to private", "{allow: a.example}", "tcp a.example 10.1.2.3 443",
	  "deny forbidden 1" },
	{ "name to loopback", "{allow: a.example}", "tcp a.example ::1 443", "deny forbidden 1" },
	{ "name to mapped metadata", "{allow: a.example}",
	  "tcp a.example ::ffff:169.254.169.254 443", "deny forbidden 1" },
	{ "wildcard to private", "{allow: '*.example.org'}", "tcp a.example.org fc00::1 443",
	  "deny forbidden 1" },
	{ "any to private", "{allow: 'any:443'}", "tcp - 10.1.2.3 443", "deny forbidden 1" },
	{ "ask to private", "{ask: '*:443'}", "tcp a.example 10.1.2.3 443", "deny forbidden 1" },
	{ "the range is named", "{allow: a.example}, {allow: '10.0.0.0/8:443'}",
	  "tcp a.example 10.1.2.3 443", "allow rule 1" },
	{ "the range, another port", "{allow: a.example}, {allow: '10.0.0.0/8:80'}",
	  "tcp a.example 10.1.2.3 443", "deny forbidden 1" },
	{ "the range, denied", "{allow: a.example}, {deny: 10.0.0.0/8}",
	  "tcp a.example 10.1.2.3 443", "deny forbidden 1" },
	{ "the range, denied before", "{deny: 10.0.0.0/8}, {allow: [a.example, '10.0.0.0/8:443']}",
	  "tcp a.example 10.1.2.3 443", "deny rule 1" },
	{ "an address is not by name", "{allow: '10.1.2.3:443'}", "tcp - 10.1.2.3 443",
	  "allow rule 1" },
	{ "redirected wherever it was going", "{redirect: 'any:443', to: 'b.example:1'}",
	  "tcp a.example 10.1.2.3 443", "redirect rule 1" },

	{ "host", "{allow: 'host:5432'}", "tcp host.sallyport.internal - 5432", "allow rule 1" },
	{ "host, other port", "{allow: 'host:5432'}", "tcp host.sallyport.internal - 5433",
	  "deny none 0" },
	{ "host by any", "{allow: 'any:*'}", "tcp host.sallyport.internal - 5432", "deny none 0" },
	{ "host by *", "{allow: '*:*'}", "tcp host.sallyport.internal - 5432", "deny none 0" },
	{ "host by wildcard", "{allow: '*.sallyport.internal:*'}",
	  "tcp host.sallyport.internal - 5432", "deny none 0" },
	{ "host, redirect any", "{redirect: 'any:5432', to: 'b.example:1'}",
	  "tcp host.sallyport.internal - 5432", "deny none 0" },
	{ "host, denied by any", "{deny: any}, {allow: 'host:5432'}",
	  "tcp host.sallyport.internal - 5432", "deny rule 1" },
	{ "host, denied by wildcard", "{deny: '*.sallyport.internal'}, {allow: 'host:5432'}",
	  "tcp host.sallyport.internal - 5432", "deny rule 1" },
	{ "host is nothing else", "{allow: 'host:5432'}", "tcp a.example - 5432", "deny none 0" },
};

T(decide)
{
	static const char *const kinds[] = { "deny", "allow", "redirect", "ask" };
	static const char *const reasons[] = { "rule", "none", "forbidden" };

	T_EACH(row, rows)
	{
		struct plan *plan = load_rules(row->rules);
		struct verdict v;
		struct parsed p;
		char got[64];

		parse_flow(row->flow, &p);
		v = decide(plan->policies[0], &p.flow);
		(void)snprintf(got, sizeof(got), "%s %s %u", kinds[v.kind], reasons[v.reason],
			       v.rule ? v.rule->index : 0);
		t_eq_str(got, row->verdict);
		t_ok((v.rule == NULL) == (v.reason == REASON_NO_RULE));
		t_ok((v.dest == NULL) == (v.rule == NULL));
		plan_free(plan);
	}
}

/* The rule that opens or denies, 0 for none. */
static const struct {
	const char *name;
	const char *rules;
	const char *asked;
	uint16_t qtype;
	bool allowed;
	unsigned rule;
} names[] = {
	{ "no rules", "", "a.example", 0, false, 0 },
	{ "a name", "{allow: a.example}", "a.example", 0, true, 1 },
	{ "AAAA", "{allow: a.example}", "a.example", 28, true, 1 },
	{ "another", "{allow: a.example}", "b.example", 0, false, 0 },
	{ "an address", "{allow: '203.0.113.5:443'}", "a.example", 0, false, 0 },
	{ "denied", "{deny: a.example}, {allow: '*:443'}", "a.example", 0, false, 1 },
	{ "denied on one port", "{deny: 'a.example:443'}, {allow: '*:443'}", "a.example", 0, false,
	  1 },
	{ "open on another port", "{deny: 'tcp/a.example:443'}, {allow: 'a.example:443-444'}",
	  "a.example", 0, true, 2 },
	{ "open between", "{deny: 'a.example:1-79'}, {deny: 'a.example:81-65535'}, {allow: '*:*'}",
	  "a.example", 0, true, 3 },
	{ "nothing between",
	  "{deny: 'a.example:1-80'}, {deny: 'a.example:81-65535'}, {allow: '*:*'}", "a.example", 0,
	  false, 2 },
	{ "open for udp", "{deny: 'tcp/a.example:*'}, {allow: any/any}", "a.example", 0, true, 2 },
	{ "open for the last port", "{deny: 'a.example:1-65534'}, {allow: 'a.example:*'}",
	  "a.example", 0, true, 2 },
	{ "redirect", "{redirect: 'any:3306', to: 'b.example:1'}", "a.example", 0, true, 1 },
	{ "redirect and allow", "{redirect: 'any:3306', to: 'b.example:1'}, {allow: a.example}",
	  "a.example", 0, true, 2 },
	{ "ask", "{ask: '*:443'}", "a.example", 0, false, 0 },
	{ "ask and allow", "{ask: '*:443'}, {allow: 'a.example:80'}", "a.example", 0, true, 2 },
	{ "ping to anyone", "{allow: icmp/echo-request}", "a.example", 0, false, 0 },
	{ "every protocol without ports", "{allow: gre/any}", "a.example", 0, false, 0 },
	{ "ping to the name", "{allow: icmp/echo-request/a.example}", "a.example", 0, true, 1 },
	{ "ping denied", "{deny: icmp/a.example}, {allow: icmp/a.example}", "a.example", 0, false,
	  0 },
	{ "ping, one type left", "{deny: icmp/0/a.example}, {allow: icmp/a.example}", "a.example",
	  0, true, 2 },
	{ "ping to anyone, another name", "{allow: icmp}, {allow: any/b.example}", "a.example", 0,
	  false, 0 },
	{ "ping to anyone, the name denied", "{allow: icmp}, {deny: a.example}", "a.example", 0,
	  false, 2 },
	{ "a type that is listed", "{allow: a.example, types: [TXT]}", "a.example", 16, true, 1 },
	{ "a type that is not", "{allow: a.example, types: [TXT]}", "a.example", 15, false, 0 },
	{ "a type in a later rule", "{allow: '*:443'}, {allow: 'a.example:25', types: [MX]}",
	  "a.example", 15, true, 2 },
	{ "a type in a rule with nothing left", "{allow: '*:443'}, {allow: a.example, types: [MX]}",
	  "a.example", 15, false, 0 },
	{ "a type behind another's ports",
	  "{allow: 'a.example:80-100'}, {allow: 'a.example:80-200', types: [MX]}", "a.example", 15,
	  true, 2 },
	{ "host", "{allow: 'host:5432'}", "host.sallyport.internal", 0, true, 1 },
	{ "host by any", "{allow: 'any:*'}", "host.sallyport.internal", 0, false, 0 },
};

T(decide_name)
{
	T_EACH(row, names)
	{
		struct plan *plan = load_rules(row->rules);
		const struct plan_rule *rule;
		struct err e = { 0 };
		struct name n;

		t_good(name_parse(span_of(row->asked), &n, &e), e);
		t_eq_int(decide_name(plan->policies[0], &n, row->qtype, &rule), row->allowed);
		t_eq_int(rule ? rule->index : 0, row->rule);
		plan_free(plan);
	}
}

T(dns_off)
{
	struct plan *plan =
		load_text("version: 1\npolicies: {p: {dns: 'off', rules: [{allow: a.example}]}}");
	const struct plan_rule *rule;
	struct err e = { 0 };
	struct name n;

	t_good(name_parse(SPAN_LIT("a.example"), &n, &e), e);
	t_ok(!decide_name(plan->policies[0], &n, 0, &rule));
	t_ok(!rule);
	plan_free(plan);
}

static const struct {
	const char *name;
	const char *flow;
	const char *why;
	const char *dest;
} whys[] = {
	{ "no rule", "tcp x.example - 443", "no rule allows it", "x.example" },
	{ "allowed", "tcp a.example - 443", "allowed by p:2 (p.yaml:2:45)", "a.example" },
	{ "denied", "tcp bad.example - 8443", "denied by p:1 (p.yaml:2:24)", "bad.example:8443" },
	{ "redirected", "tcp - 203.0.113.7 3306", "redirected by p:3 (p.yaml:2:65) to b.example:1",
	  "203.0.113.7:3306" },
	{ "asked", "udp q.example - 123", "to be asked for by p:4 (p.yaml:2:108)",
	  "udp/q.example:123" },
	{ "forbidden", "tcp a.example ::ffff:10.0.0.1 443",
	  "p:2 (p.yaml:2:45) would allow it, but 10.0.0.1 is in a range (private) that only a rule "
	  "for the range opens",
	  "a.example" },
	{ "ping", "icmp - 203.0.113.7 8", "no rule allows it", "icmp/echo-request/203.0.113.7" },
	{ "host", "tcp host.sallyport.internal - 22", "no rule allows it", "host:22" },
	{ "IPv6", "tcp - 2001:db8::1 22", "no rule allows it", "[2001:db8::1]:22" },
};

T(why)
{
	struct plan *plan =
		load_rules("{deny: bad.example}, {allow: a.example}, "
			   "{redirect: 'any:3306', to: 'b.example:1'}, {ask: 'udp/*:123'}");

	T_EACH(row, whys)
	{
		char dest[DEST_STR_MAX];
		struct verdict v;
		struct parsed p;
		struct dest d;
		struct buf b;

		buf_init(&b, 1024);
		parse_flow(row->flow, &p);
		v = decide(plan->policies[0], &p.flow);
		verdict_why(plan, plan->policies[0], &p.flow, &v, &b);
		t_eq_str(buf_cstr(&b), row->why);
		flow_dest(&p.flow, &d);
		t_eq_str(dest_show(&d, DEST_FOR_ALLOW, dest), row->dest);
		buf_done(&b);
	}
	plan_free(plan);
}

T_MAIN(T_TEST(decide), T_TEST(decide_name), T_TEST(dns_off), T_TEST(why))

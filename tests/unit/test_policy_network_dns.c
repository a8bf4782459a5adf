/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/network_dns.h"
#include "policy_help.h"

#define NAME "{allow: good.test}"

static const struct {
	const char *name;
	const char *keys; /* of the policy, besides its rules */
	const char *rules;
	bool captured;
} policies[] = {
	{ "no rules", "", "", false },
	{ "a name", "", NAME, true },
	{ "a name with ports", "", "{allow: 'good.test:80,443'}", true },
	{ "a name that is redirected", "", "{redirect: old.test, to: '10.77.0.9:80'}", true },
	{ "an address that leads to a name", "", "{redirect: '10.77.0.9:80', to: 'new.test:80'}",
	  false },
	{ "a name that is denied", "", "{deny: bad.test}", false },
	{ "a name to ask about", "", "{ask: good.test}", false },
	{ "a wildcard, any name", "", "{allow: ['*.wild.test', '*']}", false },
	{ "an address", "", "{allow: '203.0.113.5:443'}", false },
	{ "a port of the host", "", "{allow: 'host:80'}", false },
	{ "dns: off", "dns: off, ", NAME, false },
	{ "dns: real", "dns: real, ", NAME, true },
	{ "dns: virtual", "dns: virtual, ", NAME, true },
	{ "audit", "mode: audit, ", NAME, true },
	{ "a server, by UDP", "", NAME ", {allow: 'udp/203.0.113.53:53'}", false },
	{ "a server, by TCP", "", NAME ", {allow: '203.0.113.53:53'}", false },
	{ "a server, by either", "", NAME ", {allow: 'any/203.0.113.53:53'}", false },
	{ "every server", "", NAME ", {allow: 'udp/any:53'}", false },
	{ "a server with its name", "", NAME ", {allow: 'udp/ns.test:53'}", false },
	{ "a name with a range of ports", "", NAME ", {deny: 'ads.test:1-1024'}", true },
	{ "a wildcard with port 53", "", NAME ", {allow: 'udp/*.ns.test:53'}", true },
	{ "the host as server", "", NAME ", {allow: 'udp/host:53'}", false },
	{ "a server among ports", "", NAME ", {allow: 'udp/203.0.113.53:53,853'}", false },
	{ "a range of ports", "", NAME ", {allow: 'udp/203.0.113.53:1-1023'}", false },
	{ "a server that is denied", "", NAME ", {deny: 'udp/any:53'}", false },
	{ "a server that is redirected", "",
	  NAME ", {redirect: 'udp/any:53', to: 'udp/203.0.113.53:53'}", false },
	{ "before the name", "", "{allow: 'udp/203.0.113.53:53'}, " NAME, false },
	{ "another protocol's port 53", "", NAME ", {allow: 'sctp/203.0.113.53:53'}", true },
	{ "ports around it", "", NAME ", {allow: 'udp/203.0.113.53:52,54'}", true },
	{ "every port of an address", "", NAME ", {allow: 'any/203.0.113.53'}", true },
	{ "written as a range", "", NAME ", {allow: 'udp/203.0.113.53:1-65535'}", true },
	{ "every port denied", "", NAME ", {deny: 203.0.113.53}", true },
	{ "everything denied", "", NAME ", {deny: any}", true },
	{ "everything allowed", "", NAME ", {allow: any/any}", false },
	{ "all UDP allowed", "", NAME ", {allow: udp/any}", false },
	{ "all TCP allowed", "", NAME ", {allow: tcp/any}", true },
	{ "port 443 of every address", "", NAME ", {allow: 'any:443'}", true },
};

T(captures)
{
	T_EACH(row, policies)
	{
		_cleanup_(plan_freep) struct plan *p = NULL;
		char text[1024];

		(void)snprintf(text, sizeof(text), "version: 1\npolicies: {p: {%srules: [%s]}}\n",
			       row->keys, row->rules);
		p = load_text(text);
		t_ok(policy_captures_dns(p->policies[0]) == row->captured);
		p->policies[0]->dns_by_rules = true;
		t_ok(!policy_captures_dns(p->policies[0]));
	}
}

T_MAIN(T_TEST(captures))

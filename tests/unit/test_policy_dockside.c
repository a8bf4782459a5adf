/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Dockside's two files mean. */
#include <stdio.h>

#include "base/alloc.h"
#include "dockside_help.h"
#include "policy/decide.h"

/* ---- a whole pair, with everything in it ---- */

#define NETWORKS                                                                             \
	"// The networks of this host.\n"                                                    \
	"{\n"                                                                                \
	"  \"networks\": [ // in the order they are made\n"                                  \
	"    { \"name\": \"dockside\", \"subnet\": \"172.31.0.0/24\",\n"                     \
	"      \"dockside_mac\": \"02:00:00:00:00:02\", \"comment\": \"http://x // y\" },\n" \
	"    { \"name\": \"DS-Clone\", \"subnet\": \"172.31.1.7/24\",\n"                     \
	"      \"gateway_ip\": \"172.31.1.254\", \"dockside_ip\": \"172.31.1.2\",\n"         \
	"      \"dockside_egress\": \"policed\", \"future\": {\"key\": 1} },\n"              \
	"    { \"name\": \"a-name-longer-than-15\", \"subnet\": \"172.31.2.128/25\" },\n"    \
	"    { \"name\": \"former\", \"subnet\": \"172.31.3.0/24\",\n"                       \
	"      \"gateway_ip\": \"172.31.3.2\", \"gateway_mac\": \"02:00:00:00:00:03\" }\n"   \
	"  ]\n"                                                                              \
	"}\n"

#define FIREWALL                                                                              \
	"{\n"                                                                                 \
	"  \"ipsets\": {\n"                                                                   \
	"    \"hosts\": [\"github.com\", \"203.0.113.9\", \"198.51.100.7/24\"],\n"            \
	"    \"tuned\": {\"hostnames\": [\"cdn.example.com\"], \"stale_ttl\": 600}\n"         \
	"  },\n"                                                                              \
	"  \"networks\": {\n"                                                                 \
	"    \"DS-Clone\": {\n"                                                               \
	"      \"nat\": [\n"                                                                  \
	"        {\"match_dport\": 3306, \"to_host\": \"db.internal\", \"to_port\": 13306,\n" \
	"         \"comment\": \"the clone\"}\n"                                              \
	"      ],\n"                                                                          \
	"      \"egress\": [\n"                                                               \
	"        {\"action\": \"drop\", \"cidr\": \"192.168.0.0/16\"},\n"                     \
	"        {\"proto\": \"udp\", \"ports\": [53]},\n"                                    \
	"        {\"proto\": \"tcp\", \"ports\": [443, 80], \"to\": \"all\"},\n"              \
	"        {\"proto\": \"tcp\", \"ports\": [22], \"to\": \"ipset\", \"ipset\": "        \
	"\"hosts\"},\n"                                                                       \
	"        {\"proto\": \"tcp\", \"ports\": [13306], \"to\": \"host\", \"host\": "       \
	"\"db.internal\"},\n"                                                                 \
	"        {\"proto\": \"tcp\", \"ports\": [25], \"to\": \"ip\", \"ip\": "              \
	"\"203.0.113.1\",\n"                                                                  \
	"         \"comment\": \"mail \\\"out\\\"\"}, // the relay\n"                         \
	"        {\"proto\": \"icmp\", \"to\": \"cidr\", \"cidr\": \"203.0.113.0/24\"},\n"    \
	"        {\"action\": \"drop\"}\n"                                                    \
	"      ]\n"                                                                           \
	"    }\n"                                                                             \
	"  }\n"                                                                               \
	"}\n"

static struct dockside *pair(void)
{
	struct dockside *d = NULL;
	struct err e = { 0 };

	t_good(read_pair(NETWORKS, FIREWALL, &d, &e), e);
	return d;
}

T(networks)
{
	_cleanup_(dockside_freep) struct dockside *d = pair();
	const struct plan_network *n;
	char text[ADDR_STR_MAX], prefix[PREFIX_STR_MAX];

	t_eq_int(d->n_networks, 4);
	t_eq_int(d->plan->n_subjects, 3);
	n = &d->networks[0].network;
	t_ok(d->networks[0].managed && n->create && !n->lateral && !n->bridge_written);
	t_eq_str(addr_str(&n->v4.gateway, text), "172.31.0.1");
	t_ok(n->has_controller && n->controller.has_mac && !n->controller.addr.family);
	t_eq_int(n->controller.egress, CONTROLLER_EXEMPT);
	n = &d->networks[1].network;
	t_eq_str(n->bridge, "ds-clone");
	t_eq_str(prefix_str(&n->v4.prefix, prefix), "172.31.1.0/24");
	t_eq_str(addr_str(&n->v4.gateway, text), "172.31.1.254");
	t_eq_str(addr_str(&n->controller.addr, text), "172.31.1.2");
	t_eq_int(n->controller.egress, CONTROLLER_POLICED);
	n = &d->networks[2].network;
	t_ok(!d->networks[2].managed && strncmp(n->bridge, "sp-", 3) == 0);
	t_eq_str(addr_str(&n->v4.gateway, text), "172.31.2.129");
	n = &d->networks[3].network;
	t_ok(d->networks[3].managed && n->controller.has_mac);
	t_eq_str(addr_str(&n->v4.gateway, text), "172.31.3.1");
	t_eq_str(addr_str(&n->controller.addr, text), "172.31.3.2");
}

T(ipsets)
{
	_cleanup_(dockside_freep) struct dockside *d = pair();
	const struct dockside_ipset *hosts = dockside_ipset_find(d, "hosts");
	const struct dockside_ipset *tuned = dockside_ipset_find(d, "tuned");

	t_eq_int(hosts->n, 3);
	t_eq_str(hosts->hostnames[2], "198.51.100.7/24");
	t_eq_int(hosts->tuning.stale_ttl, 300);
	t_eq_int(tuned->tuning.stale_ttl, 600);
	t_eq_int(tuned->tuning.refresh_interval, 60);
	t_ok(!dockside_ipset_find(d, "other"));
}

/* What is printed of each rule of the policy of DS-Clone. */
static const struct {
	const char *name;
	const char *id;
	enum rule_action action;
	const char *dests;
	unsigned line;
	const char *comment;
} rules[] = {
	{ "nat", "DS-Clone.nat:1", RULE_REDIRECT, "any:3306 -> db.internal:13306", 9, "the clone" },
	{ "drop of a cidr without to", "DS-Clone:1", RULE_DENY, "192.168.0.0/16", 13, NULL },
	{ "no to", "DS-Clone:2", RULE_ALLOW, "udp/any:53 udp/0.0.0.0/0:53", 14, NULL },
	{ "to all", "DS-Clone:3", RULE_ALLOW, "any:80,443 0.0.0.0/0:80,443", 15, NULL },
	{ "to a set", "DS-Clone:4", RULE_ALLOW, "github.com:22 203.0.113.9:22 198.51.100.0/24:22",
	  16, NULL },
	{ "to a host", "DS-Clone:5", RULE_ALLOW, "db.internal:13306", 17, NULL },
	{ "to an address", "DS-Clone:6", RULE_ALLOW, "203.0.113.1:25", 18, "mail \"out\"" },
	{ "icmp to a cidr", "DS-Clone:7", RULE_ALLOW, "icmp/echo-request/203.0.113.0/24", 20,
	  NULL },
	{ "drop", "DS-Clone:8", RULE_DENY, "any", 21, NULL },
};

static void show_dests(const struct plan_rule *r, struct buf *out)
{
	char text[DEST_STR_MAX];
	enum dest_use use = r->action == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW;

	for (size_t i = 0; i < r->n_dests; i++)
		buf_fmt(out, "%s%s", i ? " " : "", dest_show(&r->dests[i], use, text));
	if (r->action == RULE_REDIRECT)
		buf_fmt(out, " -> %s", dest_show(r->to, use, text));
}

T(rules)
{
	_cleanup_(dockside_freep) struct dockside *d = pair();
	const struct plan_policy *p = plan_policy_find(d->plan, SPAN_LIT("DS-Clone"));
	size_t i = 0;

	t_eq_int(p->n_rules, ARRAY_LEN(rules));
	T_EACH(row, rules)
	{
		const struct plan_rule *r = &p->rules[i++];
		_cleanup_(buf_done) struct buf dests = { 0 };
		char id[128], where[128], want[128];

		buf_init(&dests, 4096);
		show_dests(r, &dests);
		(void)snprintf(id, sizeof(id), "%s:%u", r->policy, r->index);
		t_eq_str(id, row->id);
		t_eq_int(r->action, row->action);
		t_eq_str(buf_cstr(&dests), row->dests);
		(void)snprintf(want, sizeof(want), "f.json:%u:9", row->line);
		t_eq_str(plan_rule_where(d->plan, r, where, sizeof(where)), want);
		t_ok(row->comment ? r->comment && strcmp(r->comment, row->comment) == 0 :
				    !r->comment);
	}
}

/* ---- one rule at a time ---- */

/* What one rule becomes, and what is said about it. */
static const struct {
	const char *name;
	const char *rule;
	enum rule_action action;
	const char *dests;
	const char *lint; /* NULL: none about the rule */
} single[] = {
	{ "drop of everything", "{\"action\": \"drop\"}", RULE_DENY, "any", NULL },
	{ "drop to all", "{\"action\": \"drop\", \"to\": \"all\"}", RULE_DENY, "any", NULL },
	{ "drop to all with a cidr",
	  "{\"action\": \"drop\", \"to\": \"all\", \"cidr\": \"10.0.0.0/8\"}", RULE_DENY,
	  "10.0.0.0/8", NULL },
	{ "drop with an address and no to", "{\"action\": \"drop\", \"ip\": \"10.0.0.1\"}",
	  RULE_DENY, "any",
	  "egress[0].ip: not looked at beside \"to\": \"all\": everything is dropped" },
	{ "drop to nothing", "{\"action\": \"drop\", \"to\": \"host\"}", RULE_DENY, "any",
	  "\"to\" is \"host\" and nothing says which: everything is dropped" },
	/* Closed: it was skipped when its host could not be resolved. */
	{ "drop to a host", "{\"action\": \"drop\", \"to\": \"host\", \"host\": \"a.example\"}",
	  RULE_DENY, "a.example", NULL },
	{ "drop to a set", "{\"action\": \"drop\", \"to\": \"ipset\", \"ipset\": \"set\"}",
	  RULE_DENY, "a.example b.example", NULL },
	{ "drop with ports", "{\"action\": \"drop\", \"proto\": \"tcp\", \"ports\": [25]}",
	  RULE_DENY, "any", "a drop is for every protocol and port" },
	{ "drop with a mask", "{\"action\": \"drop\", \"cidr\": \"10.1.2.3/255.0.0.0\"}", RULE_DENY,
	  "10.0.0.0/8", NULL },
	{ "allow without a protocol", "{\"to\": \"all\"}", RULE_ALLOW, "",
	  "an allow without \"proto\" opens nothing" },
	{ "allow of tcp without ports", "{\"proto\": \"tcp\"}", RULE_ALLOW, "",
	  "an allow of tcp without \"ports\" opens nothing" },
	{ "allow of udp with no ports", "{\"proto\": \"udp\", \"ports\": []}", RULE_ALLOW, "",
	  "an allow of udp without \"ports\" opens nothing" },
	{ "allow to an empty set",
	  "{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"ipset\", \"ipset\": \"none\"}",
	  RULE_ALLOW, "", "the set \"none\" is empty" },
	{ "ping", "{\"proto\": \"icmp\"}", RULE_ALLOW,
	  "icmp/echo-request icmp/echo-request/0.0.0.0/0", NULL },
	{ "icmp by number",
	  "{\"proto\": \"icmp\", \"type\": \"13\", \"to\": \"ip\", \"ip\": \"10.0.0.1\"}",
	  RULE_ALLOW, "icmp/timestamp-request/10.0.0.1", NULL },
	{ "icmp of any type",
	  "{\"proto\": \"icmp\", \"type\": \"any\", \"to\": \"ip\", \"ip\": \"10.0.0.1\"}",
	  RULE_ALLOW, "icmp/10.0.0.1", NULL },
	/* Closed: an icmp rule was for every destination. */
	{ "icmp to a host", "{\"proto\": \"icmp\", \"to\": \"host\", \"host\": \"a.example\"}",
	  RULE_ALLOW, "icmp/echo-request/a.example", NULL },
	{ "a host that is an address",
	  "{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"host\", \"host\": \"10.0.0.1\"}",
	  RULE_ALLOW, "10.0.0.1:1", NULL },
	{ "ports in disorder and twice",
	  "{\"proto\": \"tcp\", \"ports\": [81, 80, 80, 443], \"to\": \"ip\", \"ip\": \"10.0.0.1\"}",
	  RULE_ALLOW, "10.0.0.1:80-81,443", NULL },
	/* Closed: a multiport match takes 15. */
	{ "sixteen ports",
	  "{\"proto\": \"tcp\", \"ports\": [1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31],"
	  " \"to\": \"ip\", \"ip\": \"10.0.0.1\"}",
	  RULE_ALLOW, "10.0.0.1:1,3,5,7,9,11,13,15,17,19,21,23,25,27,29 10.0.0.1:31", NULL },
	{ "unknown keys",
	  "{\"proto\": \"udp\", \"ports\": [53], \"to\": \"ip\", \"ip\": \"10.0.0.1\","
	  " \"later\": [1]}",
	  RULE_ALLOW, "udp/10.0.0.1:53", NULL },
	{ "keys that are null",
	  "{\"proto\": \"udp\", \"ports\": [53], \"to\": \"ip\", \"ip\": \"10.0.0.1\","
	  " \"cidr\": null, \"comment\": null}",
	  RULE_ALLOW, "udp/10.0.0.1:53", NULL },
};

static bool has_lint(const struct plan *p, const char *text)
{
	for (size_t i = 0; i < p->n_lints; i++)
		if (strstr(p->lints[i].text, text))
			return true;
	return false;
}

T(single_rules)
{
	T_EACH(row, single)
	{
		_cleanup_(freep) char *text = xasprintf(RULES("%s"), row->rule);
		_cleanup_(dockside_freep) struct dockside *d = NULL;
		_cleanup_(buf_done) struct buf dests = { 0 };
		const struct plan_rule *r;
		struct err e = { 0 };

		t_good(read_pair(NET(""), text, &d, &e), e);
		r = &d->plan->policies[0]->rules[0];
		buf_init(&dests, 4096);
		show_dests(r, &dests);
		t_eq_int(r->action, row->action);
		t_eq_str(buf_cstr(&dests), row->dests);
		t_ok(row->lint ? has_lint(d->plan, row->lint) : !has_lint(d->plan, "egress[0]"));
	}
}

/* ---- what a network allows in the end ---- */

static bool allowed(const struct plan *p, const char *name, const char *addr, uint16_t port)
{
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1, .port = port };
	struct err e = { 0 };
	struct addr a;
	struct name n;
	enum verdict_kind k;

	if (name) {
		t_good(name_parse(span_of(name), &n, &e), e);
		f.name = &n;
	}
	if (addr) {
		t_good(addr_parse(span_of(addr), &a, &e), e);
		f.addr = &a;
	}
	k = decide(p->policies[0], &f).kind;
	return k == VERDICT_ALLOW || k == VERDICT_REDIRECT;
}

static const struct {
	const char *name;
	const char *firewall;
	const char *host, *addr;
	uint16_t port;
	bool allowed;
} flows[] = {
	/* Closed: every managed network ends in a deny. */
	{ "no drop at the end",
	  RULES("{\"proto\": \"tcp\", \"ports\": [443], \"to\": \"host\", \"host\": \"a.example\"}"),
	  NULL, "203.0.113.1", 443, false },
	{ "nat alone", NAT("{\"match_dport\": 1, \"to_port\": 2, \"to_ip\": \"10.0.0.1\"}"), NULL,
	  "203.0.113.1", 443, false },
	{ "nat leads there", NAT("{\"match_dport\": 1, \"to_port\": 2, \"to_ip\": \"10.0.0.1\"}"),
	  NULL, "203.0.113.1", 1, true },
	{ "all is private addresses too", RULES("{\"proto\": \"tcp\", \"ports\": [443]}"), NULL,
	  "10.1.2.3", 443, true },
	{ "all is IPv6", RULES("{\"proto\": \"tcp\", \"ports\": [443]}"), NULL, "2001:db8::1", 443,
	  true },
	{ "all is names", RULES("{\"proto\": \"tcp\", \"ports\": [443]}"), "www.example.com", NULL,
	  443, true },
	{ "all is that port alone", RULES("{\"proto\": \"tcp\", \"ports\": [443]}"), NULL,
	  "10.1.2.3", 80, false },
	{ "a drop comes first",
	  RULES("{\"action\": \"drop\", \"cidr\": \"10.0.0.0/8\"},"
		"{\"proto\": \"tcp\", \"ports\": [443]}"),
	  NULL, "10.1.2.3", 443, false },
	{ "a local name has a private address",
	  RULES("{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"host\", \"host\": \"db.internal\"}"),
	  "db.internal", "10.1.2.3", 1, true },
	{ "but not the cloud's metadata",
	  RULES("{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"host\", \"host\": \"db.internal\"}"),
	  "db.internal", "169.254.169.254", 1, false },
	{ "nor loopback",
	  RULES("{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"host\", \"host\": \"db.internal\"}"),
	  "db.internal", "127.0.0.1", 1, false },
	{ "a name of anybody opens none",
	  RULES("{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"host\", \"host\": \"db.example.com\"}"),
	  "db.example.com", "10.1.2.3", 1, false },
	{ "unless its cidr is allowed",
	  RULES("{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"host\", \"host\": \"db.example.com\"},"
		"{\"proto\": \"tcp\", \"ports\": [1], \"to\": \"cidr\", \"cidr\": \"10.1.0.0/16\"}"),
	  "db.example.com", "10.1.2.3", 1, true },
};

T(verdicts)
{
	T_EACH(row, flows)
	{
		_cleanup_(dockside_freep) struct dockside *d = NULL;
		struct err e = { 0 };

		t_good(read_pair(NET(""), row->firewall, &d, &e), e);
		t_ok(allowed(d->plan, row->host, row->addr, row->port) == row->allowed);
	}
}

T(managed)
{
	static const struct {
		const char *name;
		const char *network, *firewall;
		bool managed;
	} cases[] = {
		{ "nothing", NET(""), "{}", false },
		{ "an entry without rules", NET(""),
		  "{\"networks\": {\"ds-priv\": {\"egress\": []}}}", false },
		{ "an address", NET(", \"dockside_ip\": \"10.77.0.2\""), "{}", true },
		{ "a MAC", NET(", \"dockside_mac\": \"02:00:00:00:00:02\""), "{}", true },
		{ "a rule", NET(""), RULES("{\"action\": \"drop\"}"), true },
		{ "nat", NET(""),
		  NAT("{\"match_dport\": 1, \"to_port\": 2, \"to_ip\": \"10.0.0.1\"}"), true },
		{ "a gateway alone", NET(", \"gateway_ip\": \"10.77.0.9\""), "{}", false },
	};

	T_EACH(row, cases)
	{
		_cleanup_(dockside_freep) struct dockside *d = NULL;
		struct err e = { 0 };

		t_good(read_pair(row->network, row->firewall, &d, &e), e);
		t_ok(d->networks[0].managed == row->managed);
		t_eq_int(d->plan->n_subjects, row->managed);
		t_eq_int(d->plan->n_policies, row->managed);
	}
}

/* Closed: what kernels cannot name is named otherwise, never met when rules are loaded. */
T(long_names)
{
	_cleanup_(dockside_freep) struct dockside *d = NULL;
	struct err e = { 0 };

	t_good(read_pair(
		       "{\"networks\": [{\"name\": \"a-network-of-more-than-fifteen\","
		       " \"subnet\": \"10.77.0.0/24\", \"dockside_ip\": \"10.77.0.2\"}]}",
		       "{\"ipsets\": {\"a-set-of-more-than-twenty-five-bytes\": [\"a.example\"]},"
		       " \"networks\": {\"a-network-of-more-than-fifteen\": {\"egress\": [{\"proto\": "
		       "\"tcp\", \"ports\": [1], \"to\": \"ipset\", \"ipset\": "
		       "\"a-set-of-more-than-twenty-five-bytes\"}]}}}",
		       &d, &e),
	       e);
	t_eq_str(d->networks[0].network.bridge, "sp-c0d43bcd");
}

/* ---- the environment ---- */

struct variable {
	const char *name, *value;
};

static const char *get(void *ctx, const char *name)
{
	const struct variable *v = ctx;

	return strcmp(v->name, name) == 0 ? v->value : NULL;
}

static const struct {
	const char *name;
	struct variable v;
	unsigned stale, interval, queries, hostnames, entries, backoff, jitter;
	bool bad;
} environments[] = {
	{ "nothing", { "OTHER", "1" }, 300, 60, 1, 0, 4096, 300, 10, false },
	{ "stale", { "IPSET_STALE_TTL", "86400" }, 86400, 60, 1, 0, 4096, 300, 10, false },
	{ "stale too large", { "IPSET_STALE_TTL", "86401" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "stale zero", { "IPSET_STALE_TTL", "0" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "interval", { "IPSET_REFRESH_INTERVAL", "5" }, 300, 5, 1, 0, 4096, 300, 10, false },
	{ "interval too large", { "IPSET_REFRESH_INTERVAL", "86401" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "queries", { "IPSET_DNS_QUERIES", "50" }, 300, 60, 50, 0, 4096, 300, 10, false },
	{ "queries too many", { "IPSET_DNS_QUERIES", "51" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "hosts", { "IPSET_MAX_HOSTNAMES", "1000" }, 300, 60, 1, 1000, 4096, 300, 10, false },
	{ "hosts too many", { "IPSET_MAX_HOSTNAMES", "1001" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "entries", { "IPSET_MAX_ENTRIES", "65536" }, 300, 60, 1, 0, 65536, 300, 10, false },
	{ "entries too many", { "IPSET_MAX_ENTRIES", "65537" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "back-off",
	  { "IPSET_FAILURE_BACKOFF_MAX", "3600" },
	  300,
	  60,
	  1,
	  0,
	  4096,
	  3600,
	  10,
	  false },
	{ "back-off too long", { "IPSET_FAILURE_BACKOFF_MAX", "3601" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "no jitter", { "IPSET_REFRESH_JITTER_PCT", "0" }, 300, 60, 1, 0, 4096, 300, 0, false },
	{ "too much jitter", { "IPSET_REFRESH_JITTER_PCT", "101" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "empty", { "IPSET_STALE_TTL", "" }, 0, 0, 0, 0, 0, 0, 0, true },
	{ "a word", { "IPSET_STALE_TTL", "long" }, 0, 0, 0, 0, 0, 0, 0, true },
};

T(environment)
{
	T_EACH(row, environments)
	{
		struct dockside_env env = { 0 };
		struct err e = { 0 };
		struct variable v = row->v;

		if (row->bad) {
			t_ok(!dockside_env_parse(get, &v, &env, &e));
			t_err(e, ERR_INVALID, v.name);
			continue;
		}
		t_good(dockside_env_parse(get, &v, &env, &e), e);
		t_eq_int(env.tuning.stale_ttl, row->stale);
		t_eq_int(env.tuning.refresh_interval, row->interval);
		t_eq_int(env.tuning.dns_queries, row->queries);
		t_eq_int(env.max_hostnames, row->hostnames);
		t_eq_int(env.tuning.max_entries, row->entries);
		t_eq_int(env.failure_backoff_max, row->backoff);
		t_eq_int(env.refresh_jitter_pct, row->jitter);
	}
}

T(environment_bounds_sets)
{
	const struct dockside_env env = { .tuning = { 3, 4, 5, 6 }, .max_hostnames = 1 };
	struct span n = SPAN_LIT("{}");
	struct dockside *d = NULL;
	struct err e = { 0 };

	t_good(dockside_read("n", n, "f", SPAN_LIT("{\"ipsets\": {\"s\": [\"a\"]}}"), &env, &d, &e),
	       e);
	t_eq_int(d->ipsets[0].tuning.dns_queries, 3);
	t_eq_int(d->ipsets[0].tuning.max_entries, 6);
	dockside_freep(&d);
	t_ok(!dockside_read("n", n, "f", SPAN_LIT("{\"ipsets\": {\"s\": [\"a\", \"b\"]}}"), &env,
			    &d, &e));
	t_err(e, ERR_INVALID, "ipsets.s: 2 hosts, expected at most 1");
}

T_MAIN(T_TEST(networks), T_TEST(ipsets), T_TEST(rules), T_TEST(single_rules), T_TEST(verdicts),
       T_TEST(managed), T_TEST(long_names), T_TEST(environment), T_TEST(environment_bounds_sets))

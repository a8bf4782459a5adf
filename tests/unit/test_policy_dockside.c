/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Dockside's two files mean. */
#include <stdio.h>

#include "base/alloc.h"
#include "policy/decide.h"
#include "policy/dockside.h"
#include "t.h"

static const struct dockside_env defaults = DOCKSIDE_ENV_DEFAULT;

static bool read_pair(const char *network, const char *firewall, struct dockside **out,
		      struct err *e)
{
	return dockside_read("n.json", span_of(network), "f.json", span_of(firewall), &defaults,
			     out, e);
}

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
		buf_fmt(out, " -> %s", dest_show(&r->to, use, text));
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

T(lints)
{
	_cleanup_(dockside_freep) struct dockside *d = pair();

	for (size_t i = 0; i < d->plan->n_lints; i++)
		printf("%s:%u:%u: %s\n", d->plan->lints[i].file, d->plan->lints[i].at.line,
		       d->plan->lints[i].at.column, d->plan->lints[i].text);
}

T_MAIN(T_TEST(networks), T_TEST(ipsets), T_TEST(rules), T_TEST(lints))

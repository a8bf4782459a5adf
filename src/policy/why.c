/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts in words, for people: why, and what would have to be allowed. */
#include <string.h>

#include "policy/decide.h"

/* "agent:2 (policy.yaml:14:9)" */
static void add_rule(const struct plan *p, const struct plan_rule *r, struct buf *out)
{
	char where[512];

	buf_fmt(out, "%s:%u (%s)", r->policy, r->index,
		plan_rule_where(p, r, where, sizeof(where)));
}

static void add_forbidden(const struct plan *p, const struct flow *f, const struct verdict *v,
			  struct buf *out)
{
	struct addr canonical = addr_canonical(f->addr);
	char text[ADDR_STR_MAX];

	add_rule(p, v->rule, out);
	buf_fmt(out,
		" would allow it, but %s is in a range (%s) that only a rule for the range opens",
		addr_str(&canonical, text), addr_forbidden(&canonical));
}

void verdict_why(const struct plan *p, const struct plan_policy *policy, const struct flow *f,
		 const struct verdict *v, struct buf *out)
{
	static const char *const by[] = {
		[VERDICT_DENY] = "denied by",
		[VERDICT_ALLOW] = "allowed by",
		[VERDICT_REDIRECT] = "redirected by",
		[VERDICT_ASK] = "to be asked for by",
	};
	char to[DEST_STR_MAX];

	switch (v->reason) {
	case REASON_NO_RULE:
		buf_fmt(out, policy->n_rules ? "no rule allows it" : "policy %s has no rules",
			policy->name);
		return;
	case REASON_FORBIDDEN:
		add_forbidden(p, f, v, out);
		return;
	case REASON_RULE:
	case REASON_COUNT:
		break;
	}
	buf_fmt(out, "%s ", by[v->kind]);
	add_rule(p, v->rule, out);
	if (v->kind == VERDICT_REDIRECT)
		buf_fmt(out, " to %s", dest_show(v->rule->to, DEST_FOR_ALLOW, to));
}

void flow_dest(const struct flow *f, struct dest *out)
{
	struct dest d = { .proto = (int16_t)f->proto, .icmp_type = -1, .target = DEST_ANY };

	if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6)
		d.icmp_type = (int16_t)f->icmp_type;
	if (proto_has_ports(f->proto))
		d.ports = ports_one(f->port);
	if (is_host_loopback(f->name)) {
		d.target = DEST_HOST;
	} else if (f->name) {
		d.target = DEST_NAME;
		d.name = f->name;
	} else if (f->addr) {
		d.target = DEST_PREFIX;
		d.prefix.addr = addr_canonical(f->addr);
		d.prefix.len = (uint8_t)(addr_size(&d.prefix.addr) * 8);
	}
	*out = d;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/decide.h"

#include "base/macros.h"

/* A flow, and what about it every destination asks for, worked out once. */
struct question {
	const struct flow *flow;
	struct addr canonical; /* of flow->addr; family 0: it has none */
	bool host;	       /* flow->name is HOST_LOOPBACK_NAME */
	bool has_ports;
};

static struct question ask(const struct flow *f)
{
	struct question q = { .flow = f, .has_ports = proto_has_ports(f->proto) };

	if (f->addr)
		q.canonical = addr_canonical(f->addr);
	q.host = is_host_loopback(f->name);
	return q;
}

/* "any/10.42.7.11" is for protocols without ports too, "any/10.42.7.11:53" is not. */
static bool every_port(const struct ports *p)
{
	return p->n == 0 || (ports_at(p, 0).lo == 0 && ports_at(p, 0).hi == UINT16_MAX);
}

static bool proto_matches(const struct dest *d, const struct question *q)
{
	const struct flow *f = q->flow;

	if (d->proto != DEST_PROTO_ANY && d->proto != f->proto)
		return false;
	if (d->icmp_type >= 0 && d->icmp_type != f->icmp_type)
		return false;
	if (!q->has_ports)
		return every_port(&d->ports);
	return d->ports.n == 0 || ports_contain(&d->ports, f->port);
}

static bool target_matches(const struct dest *d, bool deny, const struct question *q)
{
	const struct flow *f = q->flow;

	/* A deny may hit the host's loopback by any of its names; only `host` opens it. */
	if (q->host && !deny)
		return d->target == DEST_HOST;
	switch (d->target) {
	case DEST_NAME:
		return f->name && name_eq(f->name, d->name);
	case DEST_WILDCARD:
		return f->name && name_below(f->name, d->name);
	case DEST_ANY_NAME:
		return f->name;
	case DEST_PREFIX:
		/* A deny of 2002::/15 also means the form that came, whatever IPv4 it embeds. */
		return f->addr && (prefix_contains(&d->prefix, &q->canonical) ||
				   (deny && prefix_contains(&d->prefix, f->addr)));
	case DEST_ANY:
		return true;
	case DEST_HOST:
		return q->host;
	case DEST_GROUP:
	case DEST_TARGET_COUNT:
		break; /* never in a plan */
	}
	return false;
}

/* The first destination of the rule that matches, or NULL. */
static const struct dest *rule_matches(const struct plan_rule *r, const struct question *q)
{
	for (size_t i = 0; i < r->n_dests; i++)
		if (proto_matches(&r->dests[i], q) &&
		    target_matches(&r->dests[i], r->action == RULE_DENY, q))
			return &r->dests[i];
	return NULL;
}

/* Some allow rule names a range that the address is in, for this protocol and port. */
static bool range_allowed(const struct plan_policy *p, const struct question *q)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];

		if (r->action != RULE_ALLOW)
			continue;
		for (size_t j = 0; j < r->n_dests; j++)
			if (r->dests[j].target == DEST_PREFIX && proto_matches(&r->dests[j], q) &&
			    target_matches(&r->dests[j], false, q))
				return true;
	}
	return false;
}

bool rule_opens_private(const struct plan_rule *r, const struct name *n, const struct addr *a)
{
	return r->private_names && name_is_local(n) && addr_is_private(a);
}

/* The match opens by name, `*` or `any` what none of these ever opens. */
static bool is_forbidden(const struct plan_policy *p, const struct plan_rule *r,
			 const struct dest *d, const struct question *q)
{
	if (r->action != RULE_ALLOW && r->action != RULE_ASK)
		return false;
	if (d->target == DEST_PREFIX || !q->flow->addr || !addr_forbidden(&q->canonical))
		return false;
	if (d->target == DEST_NAME && rule_opens_private(r, d->name, &q->canonical))
		return false;
	return !range_allowed(p, q);
}

static enum verdict_kind kind_of(enum rule_action a)
{
	static const enum verdict_kind kinds[RULE_ACTION_COUNT] = {
		[RULE_ALLOW] = VERDICT_ALLOW,
		[RULE_DENY] = VERDICT_DENY,
		[RULE_REDIRECT] = VERDICT_REDIRECT,
		[RULE_ASK] = VERDICT_ASK,
	};

	return kinds[a];
}

struct verdict decide(const struct plan_policy *p, const struct flow *f)
{
	struct question q = ask(f);

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];
		const struct dest *d = rule_matches(r, &q);

		if (!d)
			continue;
		if (is_forbidden(p, r, d, &q))
			return (struct verdict){ VERDICT_DENY, REASON_FORBIDDEN, r, d };
		return (struct verdict){ kind_of(r->action), REASON_RULE, r, d };
	}
	return (struct verdict){ VERDICT_DENY, REASON_NO_RULE, NULL, NULL };
}

/*
 * decide_name() tries protocols and ports. Within one protocol the verdict on a name can only
 * change where a range of ports begins or just behind where one ends. So whatever an opening
 * destination still opens after the rules before it, it opens at the beginning of one of its ranges
 * or just behind the end of another's.
 */
struct search {
	const struct plan_policy *policy;
	struct question q; /* with the name alone, and `flow` below */
	struct flow flow;
	uint16_t qtype;
	enum rule_action action; /* of the rules that count as opening */
	const struct plan_rule *opener;
};

static bool lists_type(const struct plan_rule *r, uint16_t qtype)
{
	if (qtype == 0 || plan_qtype_is_address(qtype))
		return true;
	for (size_t i = 0; i < r->n_qtypes; i++)
		if (r->qtypes[i] == qtype)
			return true;
	return false;
}

static bool opens_at(struct search *s, int proto, uint16_t port)
{
	struct verdict v;

	s->flow.proto = proto;
	s->flow.port = port;
	v = decide(s->policy, &s->flow);
	if (v.kind == VERDICT_DENY || v.rule->action != s->action || !lists_type(v.rule, s->qtype))
		return false;
	s->opener = v.rule;
	return true;
}

/* Tries the port behind each range of all that matches the name, where d has it. */
static bool opens_behind_ranges(struct search *s, const struct dest *d, int proto)
{
	for (size_t i = 0; i < s->policy->n_rules; i++) {
		const struct plan_rule *r = &s->policy->rules[i];

		for (size_t j = 0; j < r->n_dests; j++) {
			const struct ports *other = &r->dests[j].ports;

			if (!target_matches(&r->dests[j], r->action == RULE_DENY, &s->q))
				continue;
			for (size_t k = 0; k < other->n; k++) {
				uint16_t next = (uint16_t)(ports_at(other, k).hi + 1);

				if (next && (d->ports.n == 0 || ports_contain(&d->ports, next)) &&
				    opens_at(s, proto, next))
					return true;
			}
		}
	}
	return false;
}

static bool opens_with_ports(struct search *s, const struct dest *d, int proto)
{
	if (d->ports.n == 0 && opens_at(s, proto, 1))
		return true;
	/* Port 0 stands in "every port" but no connection goes there. */
	for (size_t i = 0; i < d->ports.n; i++)
		if (opens_at(s, proto, MAX(ports_at(&d->ports, i).lo, 1)))
			return true;
	return opens_behind_ranges(s, d, proto);
}

static bool opens_without_ports(struct search *s, const struct dest *d, int proto)
{
	int first = -1, last = -1;

	if (d->target != DEST_NAME && d->target != DEST_WILDCARD)
		return false;
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		first = MAX(d->icmp_type, 0);
		last = d->icmp_type >= 0 ? d->icmp_type : 255;
	}
	for (s->flow.icmp_type = first; s->flow.icmp_type <= last; s->flow.icmp_type++)
		if (opens_at(s, proto, 0))
			return true;
	s->flow.icmp_type = -1;
	return false;
}

static bool opens_with(struct search *s, const struct dest *d, int proto)
{
	if (proto_has_ports(proto))
		return opens_with_ports(s, d, proto);
	return opens_without_ports(s, d, proto);
}

/* The destination opens the name for some protocol and port. */
static bool opens(struct search *s, const struct dest *d)
{
	if (d->proto != DEST_PROTO_ANY)
		return opens_with(s, d, d->proto);
	for (int proto = 0; proto <= UINT8_MAX; proto++)
		if (opens_with(s, d, proto))
			return true;
	return false;
}

/* Some rule of the action opens the name. */
static bool opened_by(struct search *s, enum rule_action action)
{
	s->action = action;
	for (size_t i = 0; i < s->policy->n_rules; i++) {
		const struct plan_rule *r = &s->policy->rules[i];

		if (r->action != action || !lists_type(r, s->qtype))
			continue;
		for (size_t j = 0; j < r->n_dests; j++)
			if (target_matches(&r->dests[j], false, &s->q) && opens(s, &r->dests[j]))
				return true;
	}
	return false;
}

bool decide_name(const struct plan_policy *p, const struct name *n, uint16_t qtype,
		 const struct plan_rule **rule)
{
	struct flow https = { .proto = IPPROTO_TCP, .icmp_type = -1, .port = 443, .name = n };
	struct search s = { .policy = p, .flow = https, .qtype = qtype };
	struct verdict v;

	*rule = NULL;
	if (p->dns == DNS_OFF)
		return false;
	s.q = ask(&s.flow);
	if (opened_by(&s, RULE_ALLOW) || opened_by(&s, RULE_REDIRECT)) {
		*rule = s.opener;
		return true;
	}
	v = decide(p, &https);
	if (v.kind == VERDICT_DENY)
		*rule = v.rule;
	return false;
}

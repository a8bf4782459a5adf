/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of our networks, and what the policy in force says about them. */
#include <string.h>

#include "base/alloc.h"
#include "daemon/enforcer.h"
#include "policy/network_dns.h"

/* ---- verdicts */

static size_t index_of(const struct plan_policy *p, const struct verdict *v)
{
	return v->rule ? (size_t)(v->rule - p->rules) : p->n_rules;
}

struct verdict flows_judge(struct enforcer *f, const struct plan_subject *s,
			   const struct flow *flow)
{
	const struct plan_policy *p = s->policy;
	struct verdict best = decide(p, flow), v;
	const struct name *named[LOOKUPS_SHARING_MAX];
	size_t n = flow->addr ? lookups_names_of(f, flow->addr, named, ARRAY_LEN(named)) : 0;

	for (size_t i = 0; i < n; i++) {
		struct flow by_name = *flow;

		by_name.name = named[i];
		v = decide(p, &by_name);
		if (index_of(p, &v) < index_of(p, &best))
			best = v;
	}
	return best;
}

/* ---- whose they are */

static bool within(const struct links_bridge *b, const struct addr *a)
{
	for (size_t i = 0; i < b->n_addrs; i++)
		if (prefix_contains(&b->subnets[i], a))
			return true;
	return false;
}

const struct plan_subject *flows_subject(const struct enforcer *f, const struct addr *src)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports_of[i].there && within(&f->ports_of[i].bridge, src))
			return &f->now.plan->subjects[f->ports_of[i].subject];
	return NULL;
}

/* ---- ending them */

static bool is_local(const struct enforcer *f, const struct addr *a)
{
	for (size_t i = 0; i < f->n_ports; i++)
		for (size_t j = 0; j < f->ports_of[i].bridge.n_addrs; j++)
			if (addr_eq(&f->ports_of[i].bridge.addrs[j], a))
				return true;
	return false;
}

/* A question that the gate answers. */
static bool is_question(const struct enforcer *f, const struct plan_subject *s,
			const struct conntrack_flow *c)
{
	return f->dns_port && c->real_dport == f->dns_port && is_local(f, &c->real_dst) &&
	       policy_captures_dns(s->policy);
}

/* From the controller, and the policy is not for it. */
static bool is_exempt(const struct plan_subject *s, const struct addr *src)
{
	const struct plan_network *n = &s->network;

	return n->has_controller && n->controller.egress == CONTROLLER_EXEMPT &&
	       addr_eq(&n->controller.addr, src);
}

static bool is_redirect(const struct plan_policy *p, const struct conntrack_flow *c)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];

		if (r->action == RULE_REDIRECT && r->to.ports.n &&
		    r->to.ports.r[0].lo == c->real_dport)
			return true;
	}
	return false;
}

static bool keep(void *ctx, const struct conntrack_flow *c)
{
	static const struct name host = { sizeof(HOST_LOOPBACK_NAME) - 1, HOST_LOOPBACK_NAME };
	struct enforcer *f = ctx;
	const struct plan_subject *s = flows_subject(f, &c->src), *to;
	struct flow flow = {
		.proto = c->proto, .icmp_type = c->icmp_type, .port = c->dport, .addr = &c->dst
	};
	struct verdict v;

	/* The host's own are nobody's to judge: what it opens to its containers is accepted. */
	if (!s || is_local(f, &c->src) || s->policy->mode == MODE_AUDIT || is_exempt(s, &c->src) ||
	    is_question(f, s, c))
		return true;
	to = flows_subject(f, &c->real_dst);
	if (is_local(f, &c->dst))
		return decide(s->policy, &(struct flow){ .proto = c->proto,
							 .icmp_type = c->icmp_type,
							 .port = c->dport,
							 .name = &host })
			       .kind == VERDICT_ALLOW;
	if (to == s)
		return s->network.lateral;
	v = flows_judge(f, s, &flow);
	if (c->dnat)
		return v.kind == VERDICT_REDIRECT && is_redirect(s->policy, c);
	return v.kind == VERDICT_ALLOW;
}

bool flows_sweep(struct enforcer *f, uint64_t *ended, struct err *e)
{
	return conntrack_sweep(f->flows, keep, f, ended, e) || err_wrap(e, "open connections");
}

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

static bool has_address(const struct enforcer *f, const struct name *n, const struct addr *a)
{
	const struct names_address *known;
	size_t count = lookups_addresses(f, n, &known);

	for (size_t i = 0; i < count; i++)
		if (addr_eq(&known[i].addr, a))
			return true;
	return false;
}

/* The flow goes where a redirect leads. */
static bool is_target(const struct enforcer *f, const struct dest *to,
		      const struct conntrack_flow *c)
{
	if (to->ports.n == 0 || ports_at(&to->ports, 0).lo != c->real_dport)
		return false;
	if (to->target == DEST_NAME)
		return has_address(f, to->name, &c->real_dst);
	return to->target == DEST_HOST ? is_local(f, &c->real_dst) :
					 addr_eq(&to->prefix.addr, &c->real_dst);
}

static bool is_redirect(const struct enforcer *f, const struct plan_policy *p,
			const struct conntrack_flow *c)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].action == RULE_REDIRECT && is_target(f, p->rules[i].to, c))
			return true;
	return false;
}

/*
 * From outside into a network: only what was published. A flow of the network's own looks like one, too,
 * where the answer was the first packet of it that was tracked.
 */
static bool keep_inbound(const struct enforcer *f, const struct conntrack_flow *c)
{
	const struct plan_subject *to = flows_subject(f, &c->real_dst);

	return !to || c->dnat || to->policy->mode == MODE_AUDIT || is_local(f, &c->real_dst);
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
	if (is_local(f, &c->src))
		return true;
	if (!s)
		return keep_inbound(f, c);
	if (s->policy->mode == MODE_AUDIT || is_exempt(s, &c->src) || is_question(f, s, c))
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
		return v.kind == VERDICT_REDIRECT && is_redirect(f, s->policy, c);
	return v.kind == VERDICT_ALLOW;
}

bool flows_sweep(struct enforcer *f, uint64_t *ended, struct err *e)
{
	f->unswept = !conntrack_sweep(f->flows, keep, f, ended, e);
	return !f->unswept || err_wrap(e, "open connections cannot be judged anew");
}

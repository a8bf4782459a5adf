/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of our networks, and what the policy in force says about them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/enforcer.h"
#include "policy/network_dns.h"

/*
 * A table of flows may be large. What is ended at once is told in the answer to a change; the rest
 * is looked through in slices, between which everything else has its turn.
 */
#define FIRST_MS   50
#define SLICE_MS   20
#define BETWEEN_MS 1
#define ONCE_MS	   60000
#define FINISH_MS  5000

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

static const struct plan_subject *subject_of(const struct enforcer *f, const struct port_state *st)
{
	return &f->now.plan->subjects[st->subject];
}

static const struct plan_subject *subject_within(const struct enforcer *f, const struct addr *a)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports_of[i].there && within(&f->ports_of[i].bridge, a))
			return subject_of(f, &f->ports_of[i]);
	return NULL;
}

static bool is_pinned(const struct pins *p, const struct addr *a)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->items[i].n_addrs; j++)
			if (addr_eq(&p->items[i].addrs[j], a))
				return true;
	return false;
}

static bool anybody_has(const struct enforcer *f, const struct addr *a)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (is_pinned(&f->ports_of[i].pins, a))
			return true;
	return false;
}

/* ---- ending them */

static int by_addr(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

static bool is_local(const struct enforcer *f, const struct addr *a)
{
	return bsearch(a, f->own, f->n_own, sizeof(*f->own), by_addr) ||
	       (a->family == AF_INET && a->bytes[0] == 127);
}

/* The host answers at it to who is on the bridge: other addresses of its own are not for host rules. */
static bool is_bridges(const struct port_state *st, const struct addr *a)
{
	for (size_t i = 0; i < st->bridge.n_addrs; i++)
		if (addr_eq(&st->bridge.addrs[i], a))
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
	const struct plan_subject *to = subject_within(f, &c->real_dst);

	return !to || c->dnat || to->policy->mode == MODE_AUDIT || is_local(f, &c->real_dst);
}

static bool host_allows(const struct plan_subject *s, const struct conntrack_flow *c)
{
	static const struct name host = { sizeof(HOST_LOOPBACK_NAME) - 1, HOST_LOOPBACK_NAME };
	struct flow flow = {
		.proto = c->proto, .icmp_type = c->icmp_type, .port = c->real_dport, .name = &host
	};

	return decide(s->policy, &flow).kind == VERDICT_ALLOW;
}

/* What the rules say of the first packet of the flow, when it comes from this network. */
static bool allows(struct enforcer *f, const struct port_state *st, const struct conntrack_flow *c)
{
	const struct plan_subject *s = subject_of(f, st);
	struct flow flow = {
		.proto = c->proto, .icmp_type = c->icmp_type, .port = c->dport, .addr = &c->dst
	};
	bool to_host = is_local(f, &c->real_dst);
	struct verdict v;

	if (s->policy->mode == MODE_AUDIT || is_exempt(s, &c->src) || is_question(f, s, c))
		return true;
	if (to_host && (!is_bridges(st, &c->real_dst) || host_allows(s, c)))
		return is_bridges(st, &c->real_dst);
	if (!to_host && within(&st->bridge, &c->real_dst))
		return s->network.lateral;
	v = flows_judge(f, s, &flow);
	if (c->dnat)
		return v.kind == VERDICT_REDIRECT && is_redirect(f, s->policy, c);
	return v.kind == VERDICT_ALLOW && !to_host;
}

/* A link-local address can be at every link, and is where a port has it; where none has, it may be anywhere. */
static bool may_be_of(const struct port_state *st, const struct addr *src, bool pinned)
{
	if (pinned)
		return is_pinned(&st->pins, src);
	return st->there && within(&st->bridge, src);
}

/* Who cannot be told apart has what all of them have. */
static bool keep(void *ctx, const struct conntrack_flow *c)
{
	struct enforcer *f = ctx;
	bool pinned = addr_is_link_local(&c->src) && anybody_has(f, &c->src), found = false;

	/* The host's own are nobody's to judge: what it opens to its containers is accepted. */
	if (!pinned && is_local(f, &c->src))
		return true;
	for (size_t i = 0; i < f->n_ports; i++) {
		const struct port_state *st = &f->ports_of[i];

		if (!may_be_of(st, &c->src, pinned))
			continue;
		if (!allows(f, st, c))
			return false;
		found = true;
	}
	return found || keep_inbound(f, c);
}

/* ---- the sweep */

static bool read_own(struct enforcer *f, struct err *e)
{
	struct addr *own;
	size_t n;

	if (!links_own(f->links, &own, &n, e))
		return false;
	qsort(own, n, sizeof(*own), by_addr);
	free(f->own);
	f->own = own;
	f->n_own = n;
	return true;
}

/* One slice. What cannot be ended is tried again later. */
static bool sweep_some(struct enforcer *f, unsigned ms, uint64_t *ended, struct err *e)
{
	f->sweeping = false;
	f->unswept = !conntrack_sweep_some(f->flows, ms, &f->sweeping, ended, e);
	if (f->sweeping)
		timer_restart(f->sweep, BETWEEN_MS);
	return !f->unswept || err_wrap(e, "open connections cannot be judged anew");
}

bool flows_finish(struct enforcer *f, struct err *e)
{
	uint64_t ended;

	if (f->sweeping && !sweep_some(f, FINISH_MS, &ended, e))
		return false;
	return !f->sweeping || err_set(e, ERR_SYSTEM, "not all connections were judged anew");
}

static void on_sweep(void *ctx)
{
	struct enforcer *f = ctx;
	uint64_t ended;
	struct err e;

	if (!f->now.plan)
		f->sweeping = false;
	if (!f->sweeping || sweep_some(f, SLICE_MS, &ended, &e))
		return;
	enforcer_story("%s: tried again soon", e.msg);
	drift_soon(f);
}

bool flows_sweep(struct enforcer *f, uint64_t *ended, struct err *e)
{
	if (!f->sweep)
		f->sweep = timer_new(&f->loop, 0, 0, on_sweep, f);
	*ended = 0;
	f->sweeping = false;
	f->unswept = !read_own(f, e) || !conntrack_sweep_begin(f->flows, keep, f, e);
	if (f->unswept)
		return err_wrap(e, "open connections cannot be judged anew");
	return sweep_some(f, f->o->once ? ONCE_MS : FIRST_MS, ended, e);
}

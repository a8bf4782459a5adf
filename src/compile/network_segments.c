/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy's rules as segments: what decide() finds for a flow without a name. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "compile/network_internal.h"
#include "policy/decide.h"

const uint8_t protos_with_ports[PROTOS_WITH_PORTS] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP,
						       IPPROTO_DCCP, IPPROTO_UDPLITE };

void segment_done(struct segment *s)
{
	for (int i = 0; i < SCOPE_COUNT; i++)
		for (int k = 0; k < KIND_COUNT; k++)
			free(s->boxes[i][k].items);
	free(s->learned);
	free(s->sets);
}

static void note_rule(struct segment *s, const struct plan_rule *r)
{
	if (!s->first)
		s->first = r;
	s->last = r;
}

static void add_box(struct segment *s, enum scope scope, enum set_kind kind, const struct box *b)
{
	struct boxes *to = &s->boxes[scope][kind];

	vec_push(to->items, to->n, to->cap, *b);
	note_rule(s, b->rule);
}

static bool is_address(const struct prefix *p)
{
	return p->len == addr_size(&p->addr) * 8;
}

static void add_ports(struct segment *s, enum scope scope, struct box b, uint8_t proto,
		      const struct ports *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		struct port_range r = ports_at(ports, i);
		bool exact = scope != SCOPE_HOST && r.lo == r.hi && is_address(&b.prefix);

		b.lo = box_port(proto, r.lo);
		b.hi = box_port(proto, r.hi);
		add_box(s, scope, exact ? KIND_EXACT : KIND_RANGE, &b);
	}
}

bool ports_every(const struct ports *p)
{
	return p->n == 0 || (ports_at(p, 0).lo == 0 && ports_at(p, 0).hi == UINT16_MAX);
}

/* What of the protocol never goes to the addresses of the scope. */
static bool out_of_scope(const struct dest *d, enum scope scope)
{
	return (d->proto == IPPROTO_ICMP && scope == SCOPE_6) ||
	       (d->proto == IPPROTO_ICMPV6 && scope == SCOPE_4);
}

static void add_protocol(struct segment *s, enum scope scope, struct box b, int16_t proto)
{
	uint8_t lo = proto == DEST_PROTO_ANY ? 0 : (uint8_t)proto;
	uint8_t hi = proto == DEST_PROTO_ANY ? UINT8_MAX : (uint8_t)proto;
	bool host = scope == SCOPE_HOST;

	/* An interval has two fields: where there is no address, every port stands for itself. */
	b.lo = host ? box_port(lo, 0) : lo;
	b.hi = host ? box_port(hi, UINT16_MAX) : hi;
	add_box(s, scope, host ? KIND_RANGE : KIND_PROTO, &b);
}

static void add_dest(struct segment *s, enum scope scope, const struct prefix *p,
		     const struct plan_rule *r, const struct dest *d)
{
	struct box b = { .prefix = *p, .rule = r };

	if (out_of_scope(d, scope))
		return;
	if (d->icmp_type >= 0) {
		b.lo = b.hi = (uint32_t)d->icmp_type;
		add_box(s, scope, KIND_ICMP, &b);
	} else if (ports_every(&d->ports)) {
		add_protocol(s, scope, b, d->proto);
	} else if (d->proto == DEST_PROTO_ANY) {
		for (size_t i = 0; i < ARRAY_LEN(protos_with_ports); i++)
			add_ports(s, scope, b, protos_with_ports[i], &d->ports);
	} else {
		add_ports(s, scope, b, (uint8_t)d->proto, &d->ports);
	}
}

static enum scope scope_of(const struct prefix *p)
{
	return p->addr.family == AF_INET ? SCOPE_4 : SCOPE_6;
}

static void add_prefix(struct segment *s, const struct plan_rule *r, const struct dest *d)
{
	add_dest(s, scope_of(&d->prefix), &d->prefix, r, d);
}

static void add_any(struct segment *s, const struct plan_rule *r, const struct dest *d)
{
	static const struct prefix all4 = { .addr = { .family = AF_INET } };
	static const struct prefix all6 = { .addr = { .family = AF_INET6 } };

	add_dest(s, SCOPE_4, &all4, r, d);
	add_dest(s, SCOPE_6, &all6, r, d);
}

/* ---- The host ---- */

/* The destination is about the host's own loopback, as a network has it: the bridge's addresses. */
static bool means_host(const struct plan_rule *r, const struct dest *d)
{
	static const struct name host = { sizeof(HOST_LOOPBACK_NAME) - 1, HOST_LOOPBACK_NAME };

	if (d->target == DEST_HOST)
		return true;
	if (r->action != RULE_DENY)
		return false;
	return d->target == DEST_ANY || d->target == DEST_ANY_NAME ||
	       (d->target == DEST_NAME && name_eq(d->name, &host)) ||
	       (d->target == DEST_WILDCARD && name_below(&host, d->name));
}

/* How many rules there are up to the last that opens the host: what is behind it need not deny. */
static size_t rules_to_host(const struct plan_policy *p)
{
	for (size_t i = p->n_rules; i > 0; i--) {
		const struct plan_rule *r = &p->rules[i - 1];

		if (r->action != RULE_ALLOW && r->action != RULE_REDIRECT)
			continue;
		for (size_t k = 0; k < r->n_dests; k++)
			if (r->dests[k].target == DEST_HOST)
				return i;
	}
	return 0;
}

static void add_host(struct segment *s, const struct plan_rule *r, const struct dest *d)
{
	static const struct prefix none;

	if (means_host(r, d) && d->icmp_type < 0)
		add_dest(s, SCOPE_HOST, &none, r, d);
}

/* ---- Rules ---- */

static enum segment_kind kind_of(const struct plan_rule *r)
{
	if (r->action == RULE_ALLOW)
		return SEGMENT_ALLOW;
	return r->action == RULE_REDIRECT ? SEGMENT_REDIRECT : SEGMENT_DENY;
}

static bool same_dest(const struct dest *a, const struct dest *b)
{
	const struct name *x = dest_name(a), *y = dest_name(b);

	return a->proto == b->proto && a->target == b->target && (!x || name_eq(x, y)) &&
	       addr_eq(&a->prefix.addr, &b->prefix.addr) &&
	       ports_at(&a->ports, 0).lo == ports_at(&b->ports, 0).lo;
}

static struct segment *add_segment(struct network *n, enum segment_kind kind, const struct dest *to)
{
	struct segment s = { .kind = kind, .to = to };

	vec_push(n->segments, n->n_segments, n->cap_segments, s);
	return &n->segments[n->n_segments - 1];
}

/*
 * Of the run of rules that r stands in: the segment for `any` of an allow, or the other one. All of a
 * run of allow rules says the same, so that the two can be asked one after the other: what a prefix
 * allows is never forbidden to `any`.
 */
static struct segment *segment_for(struct network *n, const struct plan_rule *r, bool any)
{
	enum segment_kind kind = kind_of(r);
	struct segment *last = n->n_segments ? &n->segments[n->n_segments - 1] : NULL;
	bool open;

	if (kind == SEGMENT_ALLOW) {
		if (!last || last->kind != SEGMENT_ANY) {
			(void)add_segment(n, SEGMENT_ALLOW, NULL);
			(void)add_segment(n, SEGMENT_ANY, NULL);
		}
		return &n->segments[n->n_segments - (any ? 1 : 2)];
	}
	open = last && last->kind == kind &&
	       (kind != SEGMENT_REDIRECT || same_dest(last->to, r->to));
	return open ? last : add_segment(n, kind, kind == SEGMENT_REDIRECT ? r->to : NULL);
}

static void add_rule(struct network *n, const struct plan_rule *r, bool host)
{
	for (size_t i = 0; i < r->n_dests; i++) {
		const struct dest *d = &r->dests[i];
		struct segment *s =
			segment_for(n, r, r->action == RULE_ALLOW && d->target == DEST_ANY);

		if (host)
			add_host(s, r, d);
		if (d->target == DEST_PREFIX) {
			add_prefix(s, r, d);
		} else if (d->target == DEST_ANY) {
			add_any(s, r, d);
		} else if (d->target == DEST_NAME && !is_host_loopback(d->name)) {
			vec_push(s->learned, s->n_learned, s->cap_learned,
				 ((struct learned){ r, d }));
			note_rule(s, r);
		}
	}
}

/* Takes the empty ones out and numbers the others. */
static void number(struct network *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n_segments; i++) {
		struct segment *s = &n->segments[i];

		if (!s->first)
			continue;
		n->has_any = n->has_any || s->kind == SEGMENT_ANY;
		n->has_redirect = n->has_redirect || s->kind == SEGMENT_REDIRECT;
		(void)snprintf(s->label, sizeof(s->label), "%zu", kept + 1);
		n->segments[kept++] = *s;
	}
	n->n_segments = kept;
}

/* ---- Besides the rules ---- */

/* Some of what no name opens is in the prefix. */
static bool touches_forbidden(const struct prefix *p)
{
	size_t n;
	const struct addr_range *ranges = addr_forbidden_ranges(&n);

	for (size_t i = 0; i < n; i++)
		if (prefix_covers(p, &ranges[i].prefix) || prefix_covers(&ranges[i].prefix, p))
			return true;
	return false;
}

static void add_ranges(struct network *n)
{
	(void)snprintf(n->ranges.label, sizeof(n->ranges.label), "ranges");
	for (size_t i = 0; i < n->policy->n_rules; i++) {
		const struct plan_rule *r = &n->policy->rules[i];

		for (size_t k = 0; r->action == RULE_ALLOW && k < r->n_dests; k++)
			if (r->dests[k].target == DEST_PREFIX &&
			    touches_forbidden(&r->dests[k].prefix))
				add_prefix(&n->ranges, r, &r->dests[k]);
	}
}

static struct addr redirect_address(const struct network *n, const struct dest *to, int family)
{
	if (to->target == DEST_PREFIX && to->prefix.addr.family == family)
		return to->prefix.addr;
	if (to->target == DEST_NAME && n->options->address)
		return n->options->address(n->options->ctx, to->name, family);
	return (struct addr){ 0 };
}

static void add_place(struct network *n, const struct segment *s, const struct addr *a)
{
	struct dest to = *s->to;

	if (!a->family)
		return;
	to.prefix = (struct prefix){ *a, (uint8_t)(addr_size(a) * 8) };
	add_prefix(&n->redirected, s->first, &to);
}

static void follow(struct network_part *p, const struct name *name)
{
	p->follows_names = true;
	vec_push(p->targets, p->n_targets, p->cap_targets, name);
}

static void add_redirected(struct network *n)
{
	(void)snprintf(n->redirected.label, sizeof(n->redirected.label), "redirected");
	for (size_t i = 0; i < n->n_segments; i++) {
		struct segment *s = &n->segments[i];

		if (s->kind != SEGMENT_REDIRECT)
			continue;
		if (s->to->target == DEST_NAME)
			follow(n->part, s->to->name);
		s->v4 = redirect_address(n, s->to, AF_INET);
		s->v6 = redirect_address(n, s->to, AF_INET6);
		if (s->to->target == DEST_HOST)
			add_dest(&n->redirected, SCOPE_HOST, &(struct prefix){ 0 }, s->first,
				 s->to);
		add_place(n, s, &s->v4);
		add_place(n, s, &s->v6);
	}
}

void network_segments(struct network *n)
{
	size_t host = rules_to_host(n->policy);

	for (size_t i = 0; i < n->policy->n_rules; i++)
		add_rule(n, &n->policy->rules[i], i < host);
	number(n);
	if (n->has_any)
		add_ranges(n);
	add_redirected(n);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each structure is described once, field by field, for both directions (as XDR does it, RFC 4506):
 * a field is appended when the plan is written, and set when it is read.
 */
#include "policy/flat.h"

#include <string.h>

#include "base/alloc.h"
#include "base/cursor.h"
#include "policy/bridge.h"
#include "policy/network.h"

/* Changes with what is written. */
#define FLAT_MAGIC 0x53504c34 /* "SPL4" */

/* A text longer than any in a plan, which come from a file of LIMIT_POLICY_BYTES. */
#define TEXT_MAX LIMIT_POLICY_BYTES

struct flat {
	struct buf *out; /* NULL: reading */
	struct cursor in;
	const struct plan_policy *policies; /* that subjects are under */
	size_t n_policies;
};

static void flat_u32(struct flat *f, uint32_t *v)
{
	if (f->out)
		buf_u32(f->out, *v);
	else
		*v = cur_u32(&f->in);
}

static void flat_u64(struct flat *f, uint64_t *v)
{
	uint32_t high = (uint32_t)(*v >> 32), low = (uint32_t)*v;

	flat_u32(f, &high);
	flat_u32(f, &low);
	*v = ((uint64_t)high << 32) | low;
}

/* A number below `end`, in 32 bits. */
static uint32_t flat_below(struct flat *f, uint32_t v, uint32_t end)
{
	flat_u32(f, &v);
	if (v < end)
		return v;
	f->in.failed = true;
	return 0;
}

static void flat_bool(struct flat *f, bool *v)
{
	*v = flat_below(f, *v, 2);
}

static void flat_bytes(struct flat *f, void *p, size_t n)
{
	struct span s;

	if (f->out) {
		buf_add(f->out, p, n);
		return;
	}
	s = cur_take(&f->in, n);
	memcpy(p, s.p, s.n);
}

/* A string or NULL. */
static void flat_text(struct flat *f, char **s)
{
	uint32_t n = f->out && *s ? (uint32_t)strlen(*s) + 1 : 0;
	struct span bytes;

	n = flat_below(f, n, TEXT_MAX);
	if (f->out) {
		buf_add(f->out, *s, n ? n - 1 : 0);
		return;
	}
	bytes = cur_take(&f->in, n ? n - 1 : 0);
	*s = n && cur_ok(&f->in) ? xstrndup(bytes.p, bytes.n) : NULL;
}

/* The length of an array whose elements take `least` bytes or more: what is left bounds it. */
static size_t flat_count(struct flat *f, size_t n, size_t least)
{
	uint32_t v = (uint32_t)n;

	flat_u32(f, &v);
	if (!f->out && v > cur_left(&f->in) / least)
		f->in.failed = true;
	return cur_ok(&f->in) ? v : 0;
}

/* Calls one(f, &items[i]) for each element; when reading, items is allocated first. */
#define flat_array(f, items, n, least, one)                             \
	do {                                                            \
		(n) = flat_count((f), (n), (least));                    \
		if (!(f)->out)                                          \
			(items) = xcalloc((n), sizeof((items)[0]));     \
		for (size_t i_ = 0; i_ < (n) && cur_ok(&(f)->in); i_++) \
			one((f), &(items)[i_]);                         \
	} while (0)

static void flat_name(struct flat *f, struct name *n)
{
	n->len = (uint8_t)flat_below(f, n->len, LIMIT_NAME + 1);
	flat_bytes(f, n->s, n->len);
}

static void flat_addr(struct flat *f, struct addr *a)
{
	a->family = (uint8_t)flat_below(f, a->family, AF_INET6 + 1);
	if (a->family != 0 && a->family != AF_INET && a->family != AF_INET6)
		f->in.failed = true;
	flat_bytes(f, a->bytes, sizeof(a->bytes));
}

static void flat_ports(struct flat *f, struct ports *p)
{
	p->n = (uint8_t)flat_below(f, p->n, LIMIT_PORT_RANGES + 1);
	for (size_t i = 0; i < p->n; i++) {
		p->r[i].lo = (uint16_t)flat_below(f, p->r[i].lo, UINT16_MAX + 1);
		p->r[i].hi = (uint16_t)flat_below(f, p->r[i].hi, UINT16_MAX + 1);
	}
}

/* proto and icmp_type are -1 or a byte. */
static void flat_dest(struct flat *f, struct dest *d)
{
	d->proto = (int16_t)(flat_below(f, (uint32_t)(d->proto + 1), 257) - 1);
	d->icmp_type = (int16_t)(flat_below(f, (uint32_t)(d->icmp_type + 1), 257) - 1);
	d->target = flat_below(f, d->target, DEST_TARGET_COUNT);
	if (d->target == DEST_GROUP) /* its name is not written: it is gone from a plan */
		f->in.failed = true;
	flat_ports(f, &d->ports);
	flat_name(f, &d->name);
	flat_addr(f, &d->prefix.addr);
	d->prefix.len =
		(uint8_t)flat_below(f, d->prefix.len, (uint32_t)addr_size(&d->prefix.addr) * 8 + 1);
}

static void flat_qtype(struct flat *f, uint16_t *v)
{
	*v = (uint16_t)flat_below(f, *v, UINT16_MAX + 1);
}

static void flat_to(struct flat *f, struct plan_rule *r)
{
	if (!f->out)
		r->to = xcalloc(1, sizeof(*r->to));
	flat_dest(f, r->to);
}

static void flat_rule(struct flat *f, struct plan_rule *r)
{
	r->action = flat_below(f, r->action, RULE_ACTION_COUNT);
	flat_array(f, r->dests, r->n_dests, 16, flat_dest);
	if (r->action == RULE_REDIRECT)
		flat_to(f, r);
	flat_text(f, &r->policy);
	flat_u32(f, &r->index);
	flat_text(f, &r->file);
	flat_u32(f, &r->at.line);
	flat_u32(f, &r->at.column);
	flat_text(f, &r->comment);
	flat_bool(f, &r->private_names);
	flat_array(f, r->qtypes, r->n_qtypes, 4, flat_qtype);
}

static void flat_limits(struct flat *f, struct plan_limits *l)
{
	flat_u32(f, &l->connections);
	flat_u64(f, &l->rate_bits_s);
	flat_u64(f, &l->quota_bytes);
	flat_u32(f, &l->quota_period_s);
}

static void flat_policy(struct flat *f, struct plan_policy *p)
{
	flat_text(f, &p->name);
	p->mode = flat_below(f, p->mode, MODE_COUNT);
	p->dns = flat_below(f, p->dns, DNS_MODE_COUNT);
	flat_bool(f, &p->dns_by_rules);
	p->ech = flat_below(f, p->ech, ECH_MODE_COUNT);
	p->extended = flat_below(f, p->extended, 2);
	flat_limits(f, &p->limits);
	flat_array(f, p->rules, p->n_rules, 40, flat_rule);
}

static void flat_prefix(struct flat *f, struct prefix *p)
{
	flat_addr(f, &p->addr);
	p->len = (uint8_t)flat_below(f, p->len, (uint32_t)addr_size(&p->addr) * 8 + 1);
}

static void flat_network(struct flat *f, struct plan_network *n)
{
	struct plan_controller *c = &n->controller;

	flat_bytes(f, n->bridge, sizeof(n->bridge));
	flat_bool(f, &n->bridge_written);
	flat_prefix(f, &n->v4.prefix);
	flat_addr(f, &n->v4.gateway);
	flat_prefix(f, &n->v6.prefix);
	flat_addr(f, &n->v6.gateway);
	flat_bool(f, &n->lateral);
	flat_bool(f, &n->create);
	flat_bool(f, &n->has_controller);
	flat_bool(f, &c->has_mac);
	flat_bytes(f, c->mac, sizeof(c->mac));
	flat_addr(f, &c->addr);
	c->egress = flat_below(f, c->egress, CONTROLLER_EGRESS_COUNT);
}

static void flat_subject(struct flat *f, struct plan_subject *s)
{
	uint32_t policy = f->out ? (uint32_t)(s->policy - f->policies) : 0;

	s->kind = flat_below(f, s->kind, SUBJECT_KIND_COUNT);
	flat_text(f, &s->id);
	flat_text(f, &s->user);
	policy = flat_below(f, policy, (uint32_t)f->n_policies);
	s->policy = f->n_policies ? &f->policies[policy] : NULL;
	flat_u32(f, &s->at.line);
	flat_u32(f, &s->at.column);
	if (s->kind == SUBJECT_NETWORK)
		flat_network(f, &s->network);
}

/* A name that ends, with nothing behind its end. */
static bool bridge_ok(const char bridge[PLAN_BRIDGE_MAX])
{
	size_t len = strnlen(bridge, PLAN_BRIDGE_MAX);

	for (size_t i = len; i < PLAN_BRIDGE_MAX; i++)
		if (bridge[i])
			return false;
	return bridge_name_valid((struct span){ bridge, len });
}

static bool network_ok(const struct plan *p, const struct plan_subject *s)
{
	if (!bridge_ok(s->network.bridge) || s->id[0] == '\0' ||
	    strlen(s->id) > LIMIT_NETWORK_NAME || !network_addresses_ok(&s->network))
		return false;
	for (const struct plan_subject *o = p->subjects; o < s; o++)
		if (o->kind == SUBJECT_NETWORK &&
		    (strcmp(o->id, s->id) == 0 ||
		     strcmp(o->network.bridge, s->network.bridge) == 0))
			return false;
	return true;
}

/* Everything that a subject has to have, and of networks no more than a plan has. */
static bool subjects_ok(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_subjects; i++) {
		const struct plan_subject *s = &p->subjects[i];

		if (!s->id ||
		    (s->kind == SUBJECT_NETWORK && (++n > LIMIT_NETWORKS || !network_ok(p, s))))
			return false;
	}
	return true;
}

static bool texts_there(const struct plan *p)
{
	for (size_t i = 0; i < p->n_policies; i++) {
		if (!p->policies[i].name)
			return false;
		for (size_t k = 0; k < p->policies[i].n_rules; k++) {
			const struct plan_rule *r = &p->policies[i].rules[k];

			if (!r->policy || (r->at.line && !r->file && !p->file))
				return false;
		}
	}
	return true;
}

static void flat_plan(struct flat *f, struct plan *p)
{
	uint32_t magic = FLAT_MAGIC;

	flat_u32(f, &magic);
	if (magic != FLAT_MAGIC)
		f->in.failed = true;
	flat_text(f, &p->file);
	flat_array(f, p->policies, p->n_policies, 52, flat_policy);
	f->policies = p->policies;
	f->n_policies = p->n_policies;
	flat_array(f, p->subjects, p->n_subjects, 24, flat_subject);
}

void plan_encode(const struct plan *p, struct buf *out)
{
	struct flat f = { .out = out };
	struct plan copy = *p; /* shallow; writing changes nothing in it */

	flat_plan(&f, &copy);
}

bool plan_decode(struct span bytes, struct plan **out, struct err *e)
{
	_cleanup_(plan_freep) struct plan *p = xcalloc(1, sizeof(*p));
	struct flat f = { .in = cursor(bytes.p, bytes.n) };

	flat_plan(&f, p);
	if (!cur_ok(&f.in) || cur_left(&f.in) || !texts_there(p) || !subjects_ok(p))
		return err_set(e, ERR_INVALID, "the plan is cut or damaged at byte %zu", f.in.at);
	*out = steal(&p);
	return true;
}

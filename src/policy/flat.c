/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each structure is described once, field by field, for both directions (as XDR does it, RFC 4506):
 * a field is appended when the plan is written, and set when it is read.
 *
 * A policy stands behind the number of its bytes, which hold all of it and nothing that moves while it stays
 * the same. A plan that is read keeps them: equal bytes are the same policy, and its names and texts lie in
 * them.
 */
#include "policy/flat.h"

#include <string.h>

#include "base/alloc.h"
#include "base/cursor.h"
#include "policy/bridge.h"
#include "policy/network.h"

/* Changes with what is written. */
#define FLAT_MAGIC 0x53504c35 /* "SPL5" */

/* A text longer than any in a plan, which come from a file of LIMIT_POLICY_BYTES. */
#define TEXT_MAX LIMIT_POLICY_BYTES

/* Instead of a text's length: it is that of the rule before. */
#define TEXT_AGAIN UINT32_MAX

/* What all rules of a policy have, of which each takes its share when they are read. */
struct share {
	struct dest *dests;
	struct port_range *ranges;
	uint16_t *qtypes;
	size_t n_dests, n_ranges, n_qtypes; /* that are left */
};

struct flat {
	struct buf *out; /* NULL: reading */
	struct cursor in;
	struct share share;
};

static void flat_u8(struct flat *f, uint8_t *v)
{
	uint8_t *to;

	if (!f->out) {
		*v = cur_u8(&f->in);
		return;
	}
	to = buf_extend(f->out, 1);
	if (to)
		*to = *v;
}

static void flat_u16(struct flat *f, uint16_t *v)
{
	if (f->out)
		buf_u16(f->out, *v);
	else
		*v = cur_u16(&f->in);
}

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

/* Numbers below `end`, in 8 and in 16 bits. */
static uint8_t flat_below(struct flat *f, uint8_t v, uint8_t end)
{
	flat_u8(f, &v);
	if (v < end)
		return v;
	f->in.failed = true;
	return 0;
}

static uint16_t flat_below16(struct flat *f, uint16_t v, uint16_t end)
{
	flat_u16(f, &v);
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

/* ---- texts: NULL, or a string with its NUL, behind the number of its bytes ---- */

static void write_text(struct flat *f, const char *s)
{
	uint32_t n = s ? (uint32_t)strlen(s) + 1 : 0;

	buf_u32(f->out, n);
	buf_add(f->out, s, n);
}

/* The bytes that are read, or NULL. */
static const char *read_text(struct flat *f, uint32_t n)
{
	struct span bytes = cur_take(&f->in, n);

	if (n == 0 || !cur_ok(&f->in))
		return NULL;
	if (n <= TEXT_MAX && memchr(bytes.p, '\0', n) == bytes.p + n - 1)
		return bytes.p;
	f->in.failed = true;
	return NULL;
}

/* One of a policy's, which keeps the bytes. */
static void flat_text(struct flat *f, const char **s)
{
	if (f->out)
		write_text(f, *s);
	else
		*s = read_text(f, cur_u32(&f->in));
}

/* The same, for what mostly is the same as in the rule before, of which it is `last`. */
static void flat_text_again(struct flat *f, const char **s, const char *last)
{
	uint32_t n;

	if (f->out) {
		if (*s && last && (*s == last || strcmp(*s, last) == 0))
			buf_u32(f->out, TEXT_AGAIN);
		else
			write_text(f, *s);
		return;
	}
	n = cur_u32(&f->in);
	*s = n == TEXT_AGAIN ? last : read_text(f, n);
	if (n == TEXT_AGAIN && !last)
		f->in.failed = true;
}

/* One of the plan's own. */
static void flat_owned_text(struct flat *f, char **s)
{
	const char *text = *s;

	flat_text(f, &text);
	if (!f->out)
		*s = text ? xstrdup(text) : NULL;
}

/* ---- arrays ---- */

/* The length of an array whose elements take `least` bytes or more: what is left bounds it. */
static size_t flat_count(struct flat *f, size_t n, size_t least)
{
	uint32_t v = (uint32_t)n;

	flat_u32(f, &v);
	if (!f->out && v > cur_left(&f->in) / least)
		f->in.failed = true;
	return cur_ok(&f->in) ? v : 0;
}

/* How many of the share the rule has. */
static uint32_t flat_part(struct flat *f, uint32_t n, size_t *left)
{
	flat_u32(f, &n);
	if (f->out)
		return n;
	if (n > *left)
		f->in.failed = true;
	if (!cur_ok(&f->in))
		return 0;
	*left -= n;
	return n;
}

/* ---- destinations ---- */

/* Names are written as they lie in memory, so that they can be read where they are. */
static void flat_name(struct flat *f, const struct name **n)
{
	struct span rest, s;
	uint8_t len;

	if (f->out) {
		buf_add(f->out, *n, NAME_SIZE((*n)->len));
		return;
	}
	rest = cur_take(&f->in, 1);
	len = rest.n ? (uint8_t)rest.p[0] : 0;
	s = cur_take(&f->in, len + 1U);
	if (cur_ok(&f->in) && len > 0 && len <= LIMIT_NAME && s.p[len] == '\0')
		*n = (const struct name *)rest.p;
	else
		f->in.failed = true;
}

static void flat_addr(struct flat *f, struct addr *a)
{
	flat_u8(f, &a->family);
	if (a->family == AF_INET || a->family == AF_INET6)
		flat_bytes(f, a->bytes, addr_size(a));
	else if (a->family != 0)
		f->in.failed = true;
}

static void flat_prefix(struct flat *f, struct prefix *p)
{
	flat_addr(f, &p->addr);
	p->len = flat_below(f, p->len, (uint8_t)(addr_size(&p->addr) * 8 + 1));
}

static void flat_range(struct flat *f, struct port_range *r)
{
	flat_u16(f, &r->lo);
	flat_u16(f, &r->hi);
	if (r->lo > r->hi)
		f->in.failed = true;
}

static void read_ranges(struct flat *f, struct ports *p)
{
	struct port_range *r = f->share.ranges;

	if (p->n > f->share.n_ranges) {
		f->in.failed = true;
		return;
	}
	p->more = r;
	f->share.ranges += p->n;
	f->share.n_ranges -= p->n;
	for (size_t i = 0; i < p->n; i++) {
		flat_range(f, &r[i]);
		if (i > 0 && r[i - 1].hi + 1 >= r[i].lo)
			f->in.failed = true;
	}
}

static void flat_ports(struct flat *f, struct ports *p)
{
	p->n = flat_below(f, p->n, LIMIT_PORT_RANGES + 1);
	if (p->n == 1)
		flat_range(f, &p->one);
	else if (p->n > 1 && !f->out)
		read_ranges(f, p);
	for (size_t i = 0; f->out && p->n > 1 && i < p->n; i++) {
		struct port_range r = p->more[i];

		flat_range(f, &r);
	}
}

/* proto and icmp_type are -1 or a byte. */
static void flat_dest(struct flat *f, struct dest *d)
{
	d->proto = (int16_t)(flat_below16(f, (uint16_t)(d->proto + 1), 257) - 1);
	d->icmp_type = (int16_t)(flat_below16(f, (uint16_t)(d->icmp_type + 1), 257) - 1);
	d->target = flat_below(f, d->target, DEST_TARGET_COUNT);
	if (d->target == DEST_GROUP) /* it is gone from a plan */
		f->in.failed = true;
	flat_ports(f, &d->ports);
	if (d->target == DEST_NAME || d->target == DEST_WILDCARD)
		flat_name(f, &d->name);
	if (d->target == DEST_PREFIX)
		flat_prefix(f, &d->prefix);
	if (d->target == DEST_PREFIX && !d->prefix.addr.family)
		f->in.failed = true;
}

/* What a redirect leads to. */
static bool leads_to_one(const struct dest *to)
{
	return (to->target == DEST_NAME || to->target == DEST_PREFIX || to->target == DEST_HOST) &&
	       to->ports.n == 1;
}

/* ---- rules ---- */

static void flat_dests(struct flat *f, struct plan_rule *r)
{
	r->n_dests = flat_part(f, r->n_dests, &f->share.n_dests);
	if (!f->out) {
		r->dests = f->share.dests;
		f->share.dests += r->n_dests;
	}
	for (size_t i = 0; i < r->n_dests && cur_ok(&f->in); i++)
		flat_dest(f, &r->dests[i]);
}

static void flat_to(struct flat *f, struct plan_rule *r)
{
	if (!f->out) {
		if (f->share.n_dests == 0) {
			f->in.failed = true;
			return;
		}
		f->share.n_dests--;
		r->to = f->share.dests++;
	}
	flat_dest(f, r->to);
	if (!f->out && !leads_to_one(r->to))
		f->in.failed = true;
}

static void flat_qtypes(struct flat *f, struct plan_rule *r)
{
	r->n_qtypes = flat_part(f, r->n_qtypes, &f->share.n_qtypes);
	if (!f->out) {
		r->qtypes = f->share.qtypes;
		f->share.qtypes += r->n_qtypes;
	}
	for (size_t i = 0; i < r->n_qtypes && cur_ok(&f->in); i++)
		flat_u16(f, &r->qtypes[i]);
}

/* last: the rule before it, or NULL. */
static void flat_rule(struct flat *f, struct plan_rule *r, const struct plan_rule *last)
{
	r->action = flat_below(f, r->action, RULE_ACTION_COUNT);
	flat_bool(f, &r->private_names);
	flat_u32(f, &r->index);
	flat_text_again(f, &r->policy, last ? last->policy : NULL);
	flat_text_again(f, &r->file, last ? last->file : NULL);
	flat_text(f, &r->comment);
	flat_dests(f, r);
	flat_qtypes(f, r);
	if (r->action == RULE_REDIRECT)
		flat_to(f, r);
	if (!f->out && !r->policy)
		f->in.failed = true;
}

static void flat_limits(struct flat *f, struct plan_limits *l)
{
	flat_u32(f, &l->connections);
	flat_u64(f, &l->rate_bits_s);
	flat_u64(f, &l->quota_bytes);
	flat_u32(f, &l->quota_period_s);
}

/* ---- policies ---- */

static void count_ranges(const struct dest *d, struct share *s)
{
	s->n_ranges += d->ports.n > 1 ? d->ports.n : 0;
}

/* What all rules have together. */
static struct share count_share(const struct plan_policy *p)
{
	struct share s = { 0 };

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];

		s.n_dests += r->n_dests;
		s.n_qtypes += r->n_qtypes;
		for (size_t k = 0; k < r->n_dests; k++)
			count_ranges(&r->dests[k], &s);
		if (r->action == RULE_REDIRECT) {
			s.n_dests++;
			count_ranges(r->to, &s);
		}
	}
	return s;
}

/* Memory for all rules and what they have, in one piece. */
static void make_share(struct plan_policy *p, size_t n_rules, struct share *s)
{
	struct arena *a = &p->arena;

	arena_reserve(a, n_rules * sizeof(struct plan_rule) + s->n_dests * sizeof(struct dest) +
				 s->n_ranges * sizeof(struct port_range) +
				 s->n_qtypes * sizeof(uint16_t) + alignof(max_align_t));
	plan_policy_reserve(p, n_rules);
	s->dests = arena_array(a, s->n_dests, struct dest);
	s->ranges = arena_array(a, s->n_ranges, struct port_range);
	s->qtypes = arena_array(a, s->n_qtypes, uint16_t);
}

static void flat_policy(struct flat *f, struct plan_policy *p)
{
	const struct plan_rule *last = NULL;
	size_t n_rules;

	flat_text(f, &p->name);
	p->mode = flat_below(f, (uint8_t)p->mode, MODE_COUNT);
	p->dns = flat_below(f, (uint8_t)p->dns, DNS_MODE_COUNT);
	flat_bool(f, &p->dns_by_rules);
	p->ech = flat_below(f, (uint8_t)p->ech, ECH_MODE_COUNT);
	flat_bool(f, &p->extended);
	flat_limits(f, &p->limits);
	n_rules = flat_count(f, p->n_rules, 26);
	f->share.n_dests = flat_count(f, f->share.n_dests, 6);
	f->share.n_ranges = flat_count(f, f->share.n_ranges, 4);
	f->share.n_qtypes = flat_count(f, f->share.n_qtypes, 2);
	if (!f->out && cur_ok(&f->in)) {
		make_share(p, n_rules, &f->share);
		p->n_rules = n_rules;
	}
	for (size_t i = 0; i < p->n_rules && cur_ok(&f->in); i++) {
		flat_rule(f, &p->rules[i], last);
		last = &p->rules[i];
	}
}

static void write_policy(struct flat *f, struct plan_policy *p)
{
	struct buf *out = f->out;
	size_t at = out->n;

	buf_u32(out, (uint32_t)p->flat.n);
	if (p->flat.n) {
		buf_span(out, p->flat);
		return;
	}
	f->share = count_share(p);
	flat_policy(f, p);
	buf_put_u32(out, at, (uint32_t)(out->n - at - sizeof(uint32_t)));
}

/* Of the policies that there were, the one of these bytes; it mostly has the place that it had. */
static struct plan_policy *find_same(const struct plan *was, size_t place, struct span bytes)
{
	size_t n = was ? was->n_policies : 0;

	for (size_t i = 0; i < n && bytes.n; i++) {
		struct plan_policy *p = was->policies[(place + i) % n];

		if (span_eq(p->flat, bytes))
			return p;
	}
	return NULL;
}

/* The policy of these bytes; NULL: they are none. */
static struct plan_policy *read_policy(struct span bytes)
{
	struct plan_policy *p = plan_policy_new(NULL);
	char *kept = arena_strndup(&p->arena, bytes.p, bytes.n);
	struct flat f = { .in = cursor(kept, bytes.n) };

	p->flat = (struct span){ kept, bytes.n };
	flat_policy(&f, p);
	if (cur_ok(&f.in) && !cur_left(&f.in) && p->name && !f.share.n_dests && !f.share.n_ranges &&
	    !f.share.n_qtypes)
		return p;
	plan_policy_unref(p);
	return NULL;
}

/* Where the rules stand, if anywhere. */
static void flat_places(struct flat *f, struct pos **places, size_t n)
{
	bool there = *places;

	flat_bool(f, &there);
	if (!there)
		return;
	if (!f->out) {
		if (n > cur_left(&f->in) / (2 * sizeof(uint32_t))) {
			f->in.failed = true;
			return;
		}
		*places = xcalloc(n, sizeof(**places));
	}
	for (size_t i = 0; i < n; i++) {
		flat_u32(f, &(*places)[i].line);
		flat_u32(f, &(*places)[i].column);
	}
}

static void flat_policies(struct flat *f, struct plan *p, const struct plan *was)
{
	size_t n = flat_count(f, p->n_policies, 51);

	if (!f->out) {
		p->policies = xcalloc(n, sizeof(*p->policies));
		p->places = xcalloc(n, sizeof(*p->places));
		p->n_policies = n;
	}
	for (size_t i = 0; i < n && cur_ok(&f->in); i++) {
		if (f->out) {
			write_policy(f, p->policies[i]);
		} else {
			struct span bytes = cur_take(&f->in, cur_u32(&f->in));
			struct plan_policy *same = find_same(was, i, bytes);

			p->policies[i] = same ? plan_policy_ref(same) : read_policy(bytes);
			if (!p->policies[i]) {
				f->in.failed = true;
				return;
			}
		}
		flat_places(f, &p->places[i], p->policies[i]->n_rules);
	}
}

/* ---- subjects ---- */

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
	c->egress = flat_below(f, (uint8_t)c->egress, CONTROLLER_EGRESS_COUNT);
}

static void flat_subject(struct flat *f, const struct plan *p, struct plan_subject *s)
{
	uint32_t policy = f->out ? (uint32_t)plan_policy_number(p, s->policy) : 0;

	s->kind = flat_below(f, (uint8_t)s->kind, SUBJECT_KIND_COUNT);
	flat_owned_text(f, &s->id);
	flat_owned_text(f, &s->user);
	flat_u32(f, &policy);
	flat_u32(f, &s->at.line);
	flat_u32(f, &s->at.column);
	if (s->kind == SUBJECT_NETWORK)
		flat_network(f, &s->network);
	if (f->out)
		return;
	if (policy < p->n_policies)
		s->policy = p->policies[policy];
	else
		f->in.failed = true;
}

static void flat_subjects(struct flat *f, struct plan *p)
{
	size_t n = flat_count(f, p->n_subjects, 21);

	if (!f->out) {
		p->subjects = xcalloc(n, sizeof(*p->subjects));
		p->n_subjects = n;
	}
	for (size_t i = 0; i < n && cur_ok(&f->in); i++)
		flat_subject(f, p, &p->subjects[i]);
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

/* Each rule that stands somewhere has a file to stand in. */
static bool files_there(const struct plan *p)
{
	for (size_t i = 0; i < p->n_policies && !p->file; i++) {
		const struct plan_policy *policy = p->policies[i];

		for (size_t k = 0; p->places[i] && k < policy->n_rules; k++)
			if (p->places[i][k].line && !policy->rules[k].file)
				return false;
	}
	return true;
}

static void flat_plan(struct flat *f, struct plan *p, const struct plan *was)
{
	uint32_t magic = FLAT_MAGIC;

	flat_u32(f, &magic);
	if (magic != FLAT_MAGIC)
		f->in.failed = true;
	flat_owned_text(f, &p->file);
	flat_policies(f, p, was);
	flat_subjects(f, p);
}

void plan_encode(const struct plan *p, struct buf *out)
{
	struct flat f = { .out = out };
	struct plan copy = *p; /* shallow; writing changes nothing in it */

	flat_plan(&f, &copy, NULL);
}

bool plan_decode(struct span bytes, const struct plan *was, struct plan **out, struct err *e)
{
	_cleanup_(plan_freep) struct plan *p = xcalloc(1, sizeof(*p));
	struct flat f = { .in = cursor(bytes.p, bytes.n) };

	flat_plan(&f, p, was);
	if (!cur_ok(&f.in) || cur_left(&f.in) || !files_there(p) || !subjects_ok(p))
		return err_set(e, ERR_INVALID, "the plan is cut or damaged at byte %zu", f.in.at);
	*out = steal(&p);
	return true;
}

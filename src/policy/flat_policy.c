/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy's bytes hold all of it and nothing that moves while it stays the same. Whoever reads one keeps them:
 * its names and texts lie in them.
 */
#include "policy/flat_impl.h"

/* Instead of a text's length: it is that of the rule before. */
#define TEXT_AGAIN UINT32_MAX

/* A text that mostly is that of the rule before, which is `last`. */
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

/* A number below `end`, in 16 bits. */
static uint16_t flat_below16(struct flat *f, uint16_t v, uint16_t end)
{
	flat_u16(f, &v);
	if (v < end)
		return v;
	f->in.failed = true;
	return 0;
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
	flat_bool(f, &r->added);
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

void flat_policy_write(struct buf *out, struct plan_policy *p)
{
	struct flat f = { .out = out, .share = count_share(p) };

	flat_policy(&f, p);
}

struct plan_policy *flat_policy_read(struct span bytes)
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

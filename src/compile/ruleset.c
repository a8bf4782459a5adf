/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/ruleset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/macros.h"

const struct rs_field_info *rs_field_of(enum rs_field f)
{
	static const struct rs_field_info fields[RS_FIELD_COUNT] = {
		[RS_IIFNAME] = { "iifname", "ifname", 16 },
		[RS_OIFNAME] = { "oifname", "ifname", 16 },
		[RS_IBRNAME] = { "meta ibrname", "ifname", 16 },
		[RS_NFPROTO] = { "meta nfproto", "nf_proto", 1 },
		[RS_L4PROTO] = { "meta l4proto", "inet_proto", 1 },
		[RS_ETHER_TYPE] = { "ether type", "ether_type", 2 },
		[RS_ETHER_SADDR] = { "ether saddr", "ether_addr", 6 },
		[RS_ETHER_DADDR] = { "ether daddr", "ether_addr", 6 },
		[RS_ARP_OPERATION] = { "arp operation", "arp_op", 2 },
		[RS_ARP_SADDR_ETHER] = { "arp saddr ether", "ether_addr", 6 },
		[RS_ARP_SADDR_IP] = { "arp saddr ip", "ipv4_addr", 4 },
		[RS_IP_SADDR] = { "ip saddr", "ipv4_addr", 4 },
		[RS_IP_DADDR] = { "ip daddr", "ipv4_addr", 4 },
		[RS_IP_HEADER] = { "ip hdrlength", NULL, 1 },
		[RS_IP6_SADDR] = { "ip6 saddr", "ipv6_addr", 16 },
		[RS_IP6_DADDR] = { "ip6 daddr", "ipv6_addr", 16 },
		[RS_IP6_ROUTING] = { "exthdr rt", NULL, 1 },
		[RS_TH_SPORT] = { "th sport", "inet_service", 2 },
		[RS_TH_DPORT] = { "th dport", "inet_service", 2 },
		[RS_TCP_FLAGS] = { "tcp flags", NULL, 1 },
		[RS_ICMP_TYPE] = { "icmp type", "icmp_type", 1 },
		[RS_ICMPV6_TYPE] = { "icmpv6 type", "icmpv6_type", 1 },
		[RS_ND_TARGET] = { "@th,64,128", NULL, 16 },
		[RS_CT_STATE] = { "ct state", NULL, 4 },
		[RS_CT_STATUS] = { "ct status", NULL, 4 },
		[RS_IIFTYPE] = { "meta iiftype", NULL, 2 },
		[RS_DADDR_TYPE] = { "fib daddr . iif type", NULL, 4 },
	};

	return &fields[f];
}

/* ---- Texts ---- */

/* What fits of a name. */
static const char *name_in(struct rs_part *p, const char *s, size_t size)
{
	return arena_strndup(&p->arena, s, MIN(strlen(s), size - 1));
}

/* How many bytes of s are whole characters. Bytes that are no UTF-8 count as one each. */
static size_t whole_characters(const char *s, size_t n)
{
	size_t back = 0;

	while (back < 4 && back < n && ((uint8_t)s[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < n && span_not_utf8((struct span){ s + n - 1 - back, back + 1 }) >= 0 &&
	    ((uint8_t)s[n - 1 - back] & 0xc0) == 0xc0)
		return n - 1 - back;
	return n;
}

/* What nft takes between quotes: there is no way to write '"' or a line's end in it. Who made s may have cut it, too. */
static const char *comment_in(struct arena *a, const char *s)
{
	char out[RULESET_COMMENT_MAX];
	size_t n = 0;

	for (; s && *s && n < sizeof(out) - 1; s++)
		if ((uint8_t)*s >= 0x20 && *s != 0x7f && *s != '"')
			out[n++] = *s;
	n = whole_characters(out, n);
	return n ? arena_strndup(a, out, n) : "";
}

/* ---- Building ---- */

struct rs_chain *rs_chain_add(struct rs_table *t, const char *name)
{
	struct rs_part *p = t->part;
	struct rs_table *own = &p->tables[t->family];
	struct rs_chain *c = arena_array(&p->arena, 1, struct rs_chain);

	c->name = name_in(p, name, RULESET_NAME_MAX);
	c->part = p;
	vec_push(t->chains, t->n_chains, t->cap_chains, c);
	vec_push(own->chains, own->n_chains, own->cap_chains, c);
	return c;
}

struct rs_chain *rs_base_chain_add(struct rs_table *t, const char *name, enum rs_hook hook,
				   int32_t priority)
{
	struct rs_chain *c = rs_chain_add(t, name);

	c->hook = hook;
	c->priority = priority;
	return c;
}

struct rs_set *rs_set_add(struct rs_table *t, const char *name, unsigned flags,
			  const enum rs_field *fields, size_t n)
{
	struct rs_part *p = t->part;
	struct rs_table *own = &p->tables[t->family];
	struct rs_set *s = arena_array(&p->arena, 1, struct rs_set);

	assert(n > 0 && n <= RULESET_FIELDS_MAX);
	*s = (struct rs_set){ .name = name_in(p, name, RULESET_NAME_MAX),
			      .flags = flags,
			      .n_fields = (uint8_t)n,
			      .comment = "",
			      .part = p };
	memcpy(s->fields, fields, n * sizeof(*fields));
	vec_push(t->sets, t->n_sets, t->cap_sets, s);
	vec_push(own->sets, own->n_sets, own->cap_sets, s);
	return s;
}

void rs_counter_add(struct rs_table *t, const char *name)
{
	struct rs_table *own = &t->part->tables[t->family];
	const char *copy = name_in(t->part, name, RULESET_NAME_MAX);

	vec_push(t->counters, t->n_counters, t->cap_counters, copy);
	vec_push(own->counters, own->n_counters, own->cap_counters, copy);
}

struct rs_rule *rs_rule_add(struct rs_chain *c, const char *comment)
{
	struct rs_rule r = { .comment = comment_in(&c->part->arena, comment), .part = c->part };

	vec_push(c->rules, c->n_rules, c->cap_rules, r);
	return &c->rules[c->n_rules - 1];
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

size_t rs_set_key_len(const struct rs_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_fields; i++)
		n += padded(rs_field_of(s->fields[i])->len);
	return n;
}

void rs_key_append(uint8_t *key, size_t *n, enum rs_field f, const void *value)
{
	size_t len = rs_field_of(f)->len;

	assert(*n + padded(len) <= RULESET_KEY_MAX);
	memcpy(key + *n, value, len);
	memset(key + *n + len, 0, padded(len) - len);
	*n += padded(len);
}

void rs_set_reserve(struct rs_set *s, size_t n)
{
	struct rs_elements *l = &s->elements;

	if (l->n + n <= l->cap)
		return;
	l->cap = l->n + n;
	l->items = xrealloc(l->items, l->cap, sizeof(l->items[0]));
}

void rs_elements_done(struct rs_elements *l)
{
	free(l->items);
	arena_done(&l->arena);
	*l = (struct rs_elements){ 0 };
}

void rs_set_clear(struct rs_set *s)
{
	rs_elements_done(&s->elements);
}

struct rs_element *rs_elements_add(struct rs_elements *l, size_t len, const uint8_t *key,
				   const uint8_t *end, const char *comment)
{
	uint8_t *bytes = arena_alloc(&l->arena, end ? 2 * len : len, 1);
	struct rs_element el = { .key = bytes,
				 .end = end ? bytes + len : bytes,
				 .comment = comment,
				 .verdict.chain = "" };

	memcpy(bytes, key, len);
	if (end)
		memcpy(bytes + len, end, len);
	vec_push(l->items, l->n, l->cap, el);
	return &l->items[l->n - 1];
}

struct rs_element *rs_element_add(struct rs_set *s, const uint8_t *key, const uint8_t *end,
				  const char *comment)
{
	struct rs_elements *l = &s->elements;
	const char *last = l->n ? l->items[l->n - 1].comment : "";

	if (!comment || strcmp(comment, last) != 0)
		last = comment_in(&l->arena, comment);
	return rs_elements_add(l, rs_set_key_len(s), key, s->flags & RS_SET_INTERVAL ? end : NULL,
			       last);
}

void rs_element_leads(struct rs_set *s, struct rs_element *el, enum rs_verdict_kind kind,
		      const char *chain)
{
	el->verdict = (struct rs_verdict){ kind, arena_strdup(&s->elements.arena, chain) };
}

/* ---- What a rule is made of ---- */

static struct rs_expr *add_expr(struct rs_rule *r, enum rs_expr_kind kind)
{
	struct rs_expr e = { .kind = kind };

	vec_push(r->exprs, r->n_exprs, r->cap_exprs, e);
	return &r->exprs[r->n_exprs - 1];
}

void rs_compare(struct rs_rule *r, enum rs_field f, enum rs_compare op, const void *value)
{
	struct rs_expr *e = add_expr(r, RS_COMPARE);

	e->compare.field = f;
	e->compare.op = op;
	if (op != RS_EXISTS)
		memcpy(e->compare.value, value, rs_field_of(f)->len);
}

void rs_compare_masked(struct rs_rule *r, enum rs_field f, enum rs_compare op, const void *mask,
		       const void *value)
{
	struct rs_expr *e = add_expr(r, RS_COMPARE);
	size_t len = rs_field_of(f)->len;

	e->compare.field = f;
	e->compare.op = op;
	memcpy(e->compare.mask, mask, len);
	memcpy(e->compare.value, value, len);
}

static void add_lookup(struct rs_rule *r, enum rs_expr_kind kind, const struct rs_set *s,
		       const enum rs_field *fields, bool not )
{
	struct rs_expr *e = add_expr(r, kind);

	for (size_t i = 0; i < s->n_fields; i++)
		assert(rs_field_of(fields[i])->len == rs_field_of(s->fields[i])->len);
	memcpy(e->lookup.fields, fields, s->n_fields * sizeof(*fields));
	e->lookup.n_fields = s->n_fields;
	e->lookup.not = not ;
	e->lookup.set = name_in(r->part, s->name, RULESET_NAME_MAX);
}

void rs_lookup(struct rs_rule *r, const struct rs_set *s, bool not )
{
	add_lookup(r, RS_LOOKUP, s, s->fields, not );
}

void rs_lookup_by(struct rs_rule *r, const struct rs_set *s, const enum rs_field *fields, bool not )
{
	add_lookup(r, RS_LOOKUP, s, fields, not );
}

void rs_vmap(struct rs_rule *r, const struct rs_set *s)
{
	add_lookup(r, RS_VMAP, s, s->fields, false);
}

void rs_vmap_by(struct rs_rule *r, const struct rs_set *s, const enum rs_field *fields)
{
	add_lookup(r, RS_VMAP, s, fields, false);
}

void rs_counter(struct rs_rule *r, const char *name)
{
	add_expr(r, RS_COUNTER)->counter = name_in(r->part, name, RULESET_NAME_MAX);
}

void rs_limit(struct rs_rule *r, uint64_t packets_s, uint32_t burst)
{
	struct rs_expr *e = add_expr(r, RS_LIMIT);

	e->limit.rate = packets_s;
	e->limit.burst = burst;
}

void rs_limit_bytes_over(struct rs_rule *r, uint64_t bytes_s, uint32_t burst)
{
	struct rs_expr *e = add_expr(r, RS_LIMIT);

	e->limit.rate = bytes_s;
	e->limit.burst = burst;
	e->limit.bytes = true;
	e->limit.over = true;
}

void rs_ct_count_over(struct rs_rule *r, uint32_t n)
{
	add_expr(r, RS_CT_COUNT)->ct_count = n;
}

void rs_log(struct rs_rule *r, uint16_t group, uint32_t snaplen, const char *prefix)
{
	struct rs_expr *e = add_expr(r, RS_LOG);

	e->log.prefix = name_in(r->part, prefix, RULESET_PREFIX_MAX);
	e->log.group = group;
	e->log.snaplen = snaplen;
}

void rs_reject_tcp(struct rs_rule *r)
{
	(void)add_expr(r, RS_REJECT_TCP);
}

void rs_reject_admin(struct rs_rule *r)
{
	(void)add_expr(r, RS_REJECT_ADMIN);
}

void rs_dnat(struct rs_rule *r, const struct addr *a, uint16_t port)
{
	struct rs_expr *e = add_expr(r, RS_DNAT);

	e->dnat.addr = *a;
	e->dnat.port = port;
}

void rs_redirect(struct rs_rule *r, uint16_t port)
{
	add_expr(r, RS_REDIRECT)->redirect_port = port;
}

void rs_verdict(struct rs_rule *r, enum rs_verdict_kind kind, const char *chain)
{
	struct rs_expr *e = add_expr(r, RS_VERDICT);

	e->verdict.kind = kind;
	e->verdict.chain = chain ? name_in(r->part, chain, RULESET_NAME_MAX) : "";
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel does with a packet and a ruleset, in a few lines: the chains are walked rule by rule
 * and the sets are searched one element after the other. */
#ifndef SALLYPORT_TESTS_UNIT_RULESET_WALK_H
#define SALLYPORT_TESTS_UNIT_RULESET_WALK_H

#include <string.h>

#include "compile/ruleset.h"
#include "t.h"

struct walk_packet {
	struct addr daddr, saddr;
	uint8_t proto, type; /* type: of ICMP */
	uint16_t dport;
	uint8_t tcp_flags;
	uint32_t ct_state, ct_status;
	bool to_host;
	bool routing_header;
	const char *iif, *oif;
	uint8_t mac[6];
};

struct walk_result {
	enum { WALK_ACCEPT, WALK_DROP, WALK_DNAT, WALK_REDIRECT } kind;
	struct addr addr; /* WALK_DNAT */
	uint16_t port;	  /* and WALK_REDIRECT */
	char logged[RULESET_PREFIX_MAX];
};

#define WALK_DEPTH 8

/* The bytes of a field; false where the packet has none, and a rule about it does not match. */
static bool walk_load(const struct walk_packet *p, enum rs_field f, uint8_t out[static 16])
{
	uint8_t port[2] = { (uint8_t)(p->dport >> 8), (uint8_t)p->dport };
	static const uint16_t ether = 1;
	uint32_t local = p->to_host ? 2 : 1;
	bool v4 = p->daddr.family == AF_INET;

	memset(out, 0, 16);
	switch (f) {
	case RS_IIFNAME:
		memcpy(out, p->iif, strlen(p->iif));
		return true;
	case RS_OIFNAME:
		memcpy(out, p->oif, strlen(p->oif));
		return true;
	case RS_NFPROTO:
		out[0] = v4 ? 2 : 10;
		return true;
	case RS_L4PROTO:
		out[0] = p->proto;
		return true;
	case RS_IP_HEADER:
		out[0] = 0x45;
		return v4;
	case RS_IP_DADDR:
	case RS_IP6_DADDR:
		memcpy(out, p->daddr.bytes, 16);
		return v4 == (f == RS_IP_DADDR);
	case RS_IP_SADDR:
	case RS_IP6_SADDR:
		memcpy(out, p->saddr.bytes, 16);
		return v4 == (f == RS_IP_SADDR);
	case RS_TH_DPORT:
		memcpy(out, port, 2);
		return true;
	case RS_TCP_FLAGS:
		out[0] = p->tcp_flags;
		return true;
	case RS_ICMP_TYPE:
	case RS_ICMPV6_TYPE:
		out[0] = p->type;
		return true;
	case RS_CT_STATE:
		memcpy(out, &p->ct_state, 4);
		return true;
	case RS_CT_STATUS:
		memcpy(out, &p->ct_status, 4);
		return true;
	case RS_ETHER_SADDR:
		memcpy(out, p->mac, 6);
		return true;
	case RS_IIFTYPE:
		memcpy(out, &ether, 2);
		return true;
	case RS_ETHER_DADDR: /* the bridge's */
		memcpy(out, "\x02\x42\x0a\x4d\x00\x01", 6);
		return true;
	case RS_DADDR_TYPE:
		memcpy(out, &local, 4);
		return true;
	case RS_IBRNAME:
	case RS_ETHER_TYPE:
	case RS_ARP_OPERATION:
	case RS_ARP_SADDR_ETHER:
	case RS_ARP_SADDR_IP:
	case RS_IP6_ROUTING:
	case RS_TH_SPORT:
	case RS_ND_TARGET:
	case RS_FIELD_COUNT:
		break;
	}
	t_fail("field %d is not for this test", (int)f);
	return false;
}

static bool walk_compare(const struct walk_packet *p, const struct rs_expr *e)
{
	size_t len = rs_field_of(e->compare.field)->len;
	uint8_t value[16];
	bool same;

	if (e->compare.op == RS_EXISTS)
		return e->compare.field == RS_IP6_ROUTING && p->routing_header;
	if (!walk_load(p, e->compare.field, value))
		return false;
	for (size_t i = 0; i < len; i++)
		if (e->compare.op == RS_MASKED_EQ || e->compare.op == RS_MASKED_NE)
			value[i] &= e->compare.mask[i];
	same = memcmp(value, e->compare.value, len) == 0;
	return same == (e->compare.op == RS_EQ || e->compare.op == RS_MASKED_EQ);
}

/* Field by field between the ends. */
static bool walk_in_element(const struct rs_set *s, const struct rs_element *e, const uint8_t *key)
{
	size_t at = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		size_t len = rs_field_of(s->fields[i])->len;

		if (memcmp(key + at, e->key + at, len) < 0 ||
		    memcmp(key + at, e->end + at, len) > 0)
			return false;
		at += (len + 3) & ~(size_t)3;
	}
	return true;
}

static const struct rs_element *walk_search(const struct rs_table *t, const struct walk_packet *p,
					    const struct rs_expr *e, bool *loaded)
{
	const struct rs_set *s = rs_set_find(t, e->lookup.set);
	uint8_t key[RULESET_KEY_MAX], value[16];
	size_t n = 0;

	t_ok(s != NULL);
	*loaded = true;
	for (size_t i = 0; i < e->lookup.n_fields; i++) {
		if (!walk_load(p, e->lookup.fields[i], value)) {
			*loaded = false;
			return NULL;
		}
		rs_key_append(key, &n, e->lookup.fields[i], value);
	}
	for (size_t i = 0; i < s->elements.n; i++)
		if (walk_in_element(s, &s->elements.items[i], key))
			return &s->elements.items[i];
	return NULL;
}

static bool walk_nat(const struct rs_expr *e, struct walk_result *out)
{
	if (e->kind == RS_DNAT) {
		out->kind = WALK_DNAT;
		out->addr = e->dnat.addr;
		out->port = e->dnat.port;
		return true;
	}
	if (e->kind != RS_REDIRECT)
		return false;
	out->kind = WALK_REDIRECT;
	out->port = e->redirect_port;
	return true;
}

/* What one rule says: a verdict into *v; false: nothing. */
static bool walk_rule(const struct rs_table *t, const struct rs_rule *r,
		      const struct walk_packet *p, struct walk_result *out, struct rs_verdict *v)
{
	const struct rs_element *found;
	bool loaded;

	for (size_t i = 0; i < r->n_exprs; i++) {
		const struct rs_expr *e = &r->exprs[i];

		switch (e->kind) {
		case RS_COMPARE:
			if (!walk_compare(p, e))
				return false;
			break;
		case RS_LOOKUP:
			found = walk_search(t, p, e, &loaded);
			if (!loaded || !found == !e->lookup.not )
				return false;
			break;
		case RS_VMAP:
			found = walk_search(t, p, e, &loaded);
			if (!found)
				return false;
			*v = found->verdict;
			return true;
		case RS_LOG:
			(void)snprintf(out->logged, sizeof(out->logged), "%s", e->log.prefix);
			break;
		case RS_COUNTER:
			break;
		case RS_LIMIT:
			if (e->limit.over)
				return false;
			break;
		case RS_CT_COUNT:
			return false;
		case RS_REJECT_TCP:
		case RS_REJECT_ADMIN:
			v->kind = RS_DROP;
			return true;
		case RS_DNAT:
		case RS_REDIRECT:
			v->kind = RS_ACCEPT;
			return walk_nat(e, out);
		case RS_VERDICT:
			*v = e->verdict;
			return true;
		case RS_EXPR_COUNT:
			break;
		}
	}
	return false;
}

/* From a base chain on; what no rule ends is accepted. */
static struct walk_result walk(const struct rs_table *t, const char *base,
			       const struct walk_packet *p)
{
	struct walk_result out = { .kind = WALK_ACCEPT };
	struct {
		const struct rs_chain *chain;
		size_t next;
	} stack[WALK_DEPTH];
	size_t depth = 0;

	stack[0].chain = rs_chain_find(t, base);
	stack[0].next = 0;
	while (stack[depth].chain) {
		struct rs_verdict v = { 0 };

		if (stack[depth].next == stack[depth].chain->n_rules) {
			if (depth-- == 0)
				break;
			continue;
		}
		if (!walk_rule(t, &stack[depth].chain->rules[stack[depth].next++], p, &out, &v))
			continue;
		if (v.kind == RS_ACCEPT || v.kind == RS_DROP) {
			out.kind = v.kind == RS_DROP ? WALK_DROP : out.kind;
			return out;
		}
		if (v.kind == RS_RETURN) {
			if (depth-- == 0)
				break;
			continue;
		}
		depth += v.kind == RS_JUMP;
		t_ok(depth < WALK_DEPTH);
		stack[depth].chain = rs_chain_find(t, v.chain);
		stack[depth].next = 0;
		t_ok(stack[depth].chain != NULL);
	}
	return out;
}

#endif

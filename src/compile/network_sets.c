/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/network_internal.h"

/* What stands in the names of sets. */
static const char *const scopes[SCOPE_COUNT] = { "4", "6", "host" };
static const char *const kinds[KIND_COUNT] = { "", "r", "p", "i" };

size_t set_fields(enum scope scope, enum set_kind kind,
		  enum rs_field out[static RULESET_FIELDS_MAX])
{
	size_t n = 0;

	if (scope != SCOPE_HOST)
		out[n++] = scope == SCOPE_4 ? RS_IP_DADDR : RS_IP6_DADDR;
	if (kind == KIND_ICMP) {
		out[n++] = scope == SCOPE_4 ? RS_ICMP_TYPE : RS_ICMPV6_TYPE;
		return n;
	}
	out[n++] = RS_L4PROTO;
	if (kind != KIND_PROTO)
		out[n++] = RS_TH_DPORT;
	return n;
}

void rule_comment(const struct plan_rule *r, const char *more, char out[static RULESET_COMMENT_MAX])
{
	(void)snprintf(out, RULESET_COMMENT_MAX, "%s:%u%s%s", r->policy, r->index, more ? " " : "",
		       more ? more : "");
}

/* The first or the last address of a prefix. */
static void address_end(const struct prefix *p, bool last, uint8_t out[static 16])
{
	size_t size = addr_size(&p->addr);

	memcpy(out, p->addr.bytes, 16);
	for (size_t i = p->len / 8; last && i < size; i++)
		out[i] |= (uint8_t)(i == p->len / 8 ? 0xff >> p->len % 8 : 0xff);
}

static void add_key(uint8_t *key, size_t *n, enum set_kind kind, const struct rs_set *s,
		    uint32_t value)
{
	uint8_t small = (uint8_t)value, proto = (uint8_t)(value >> 16);
	uint8_t port[2] = { (uint8_t)(value >> 8), (uint8_t)value };
	enum rs_field last = s->fields[s->n_fields - 1];

	if (kind == KIND_PROTO || kind == KIND_ICMP) {
		rs_key_append(key, n, last, &small);
		return;
	}
	rs_key_append(key, n, RS_L4PROTO, &proto);
	rs_key_append(key, n, last, port);
}

static void add_element(struct rs_set *s, enum scope scope, enum set_kind kind, const struct box *b,
			const char *comment)
{
	uint8_t key[RULESET_KEY_MAX], end[RULESET_KEY_MAX], address[16];
	size_t n = 0, n_end = 0;

	if (scope != SCOPE_HOST) {
		address_end(&b->prefix, false, address);
		rs_key_append(key, &n, s->fields[0], address);
		address_end(&b->prefix, true, address);
		rs_key_append(end, &n_end, s->fields[0], address);
	}
	add_key(key, &n, kind, s, b->lo);
	add_key(end, &n_end, kind, s, b->hi);
	(void)rs_element_add(s, key, end, comment);
}

void segment_set_name(const struct network *n, const struct segment *s, enum scope scope,
		      const char *suffix, size_t layer, char out[static RULESET_NAME_MAX])
{
	char number[24] = "";
	int len;

	if (layer > 0)
		(void)snprintf(number, sizeof(number), "%zu", layer + 1);
	len = snprintf(out, RULESET_NAME_MAX, "%s-%s-%s%s%s", n->prefix, s->label, scopes[scope],
		       suffix, number);
	assert(len < RULESET_NAME_MAX);
}

static void add_layers(struct network *n, struct segment *s, enum scope scope, enum set_kind kind,
		       size_t layers)
{
	enum rs_field fields[RULESET_FIELDS_MAX];
	size_t n_fields = set_fields(scope, kind, fields);

	for (size_t i = 0; i < layers; i++) {
		struct segment_set set = { .scope = scope, .kind = kind };
		char name[RULESET_NAME_MAX];

		segment_set_name(n, s, scope, kinds[kind], i, name);
		set.set = rs_set_add(n->inet, name, kind == KIND_EXACT ? 0 : RS_SET_INTERVAL,
				     fields, n_fields);
		vec_push(s->sets, s->n_sets, s->cap_sets, set);
	}
}

/* Room in each layer's set. */
static void reserve(struct network *n, const struct boxes *b, size_t first, size_t layers)
{
	_cleanup_(freep) size_t *counts = xcalloc(layers, sizeof(*counts));

	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].layer != BOX_COVERED)
			counts[b->items[i].layer]++;
	for (size_t i = 0; i < layers; i++)
		rs_set_reserve(n->inet->sets[first + i], counts[i]);
}

static void add_boxes(struct network *n, struct segment *s, enum scope scope, enum set_kind kind)
{
	struct boxes *b = &s->boxes[scope][kind];
	size_t layers = kind == KIND_EXACT ? boxes_unique(b) : boxes_layer(b, false);
	const struct plan_rule *of = NULL;
	char comment[RULESET_COMMENT_MAX];
	size_t first = n->inet->n_sets;

	add_layers(n, s, scope, kind, layers);
	reserve(n, b, first, layers);
	for (size_t i = 0; i < b->n; i++) {
		if (b->items[i].layer == BOX_COVERED)
			continue;
		if (b->items[i].rule != of) {
			of = b->items[i].rule;
			rule_comment(of, of->comment, comment);
		}
		add_element(n->inet->sets[first + b->items[i].layer], scope, kind, &b->items[i],
			    comment);
	}
}

void segment_sets(struct network *n, struct segment *s)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		for (int kind = 0; kind < KIND_COUNT; kind++)
			if (s->boxes[scope][kind].n > 0)
				add_boxes(n, s, (enum scope)scope, (enum set_kind)kind);
}

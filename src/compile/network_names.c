/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets for the addresses of names. Two names may have the same address, so what overlaps in protocol
 * and ports is kept in different sets whatever the names are.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/network_internal.h"

enum name_kind { NAME_PORT, NAME_RANGE, NAME_PROTO, NAME_ICMP, NAME_ICMPV6, NAME_KIND_COUNT };

static const struct {
	const char *suffix;
	enum set_kind key;
	bool interval, v4, v6;
} name_kinds[NAME_KIND_COUNT] = {
	[NAME_PORT] = { "n", KIND_EXACT, false, true, true },
	[NAME_RANGE] = { "nr", KIND_RANGE, true, true, true },
	[NAME_PROTO] = { "np", KIND_PROTO, true, true, true },
	[NAME_ICMP] = { "ni", KIND_ICMP, false, true, false },
	[NAME_ICMPV6] = { "ni", KIND_ICMP, false, false, true },
};

/* One thing that is asked of a name. */
struct wish {
	const struct learned *learned;
	struct network_name_use use; /* without name, sets and comment */
};

struct wishes {
	struct wish *items;
	size_t n, cap;
	struct boxes boxes; /* one each, to be layered */
};

static void wish(struct wishes *w, const struct learned *l, uint32_t lo, uint32_t hi,
		 const struct network_name_use *use)
{
	struct box b = { .lo = lo, .hi = hi, .rule = l->rule };
	struct wish new = { .learned = l, .use = *use };

	vec_push(w->items, w->n, w->cap, new);
	vec_push(w->boxes.items, w->boxes.n, w->boxes.cap, b);
}

static void wish_ports(struct wishes kinds[static NAME_KIND_COUNT], const struct learned *l,
		       uint8_t proto, struct network_name_use *use)
{
	const struct ports *p = &l->dest->ports;

	use->proto_lo = use->proto_hi = proto;
	for (size_t i = 0; i < p->n; i++) {
		struct port_range r = ports_at(p, i);
		bool one = r.lo == r.hi;

		use->port_lo = r.lo;
		use->port_hi = r.hi;
		wish(&kinds[one ? NAME_PORT : NAME_RANGE], l, box_port(proto, use->port_lo),
		     box_port(proto, use->port_hi), use);
	}
}

static void wish_all(struct wishes kinds[static NAME_KIND_COUNT], const struct segment *s,
		     const struct learned *l)
{
	const struct dest *d = l->dest;
	struct network_name_use use = { .icmp_type = -1, .port_hi = UINT16_MAX };

	use.opens = s->kind == SEGMENT_ALLOW || s->kind == SEGMENT_REDIRECT;
	if (d->icmp_type >= 0) {
		use.icmp_type = d->icmp_type;
		use.proto_lo = use.proto_hi = (uint8_t)d->proto;
		wish(&kinds[d->proto == IPPROTO_ICMP ? NAME_ICMP : NAME_ICMPV6], l,
		     (uint32_t)d->icmp_type, (uint32_t)d->icmp_type, &use);
		return;
	}
	if (ports_every(&d->ports)) {
		bool any = d->proto == DEST_PROTO_ANY;

		use.every_port = true;
		use.proto_lo = any ? 0 : (uint8_t)d->proto;
		use.proto_hi = any ? UINT8_MAX : (uint8_t)d->proto;
		wish(&kinds[NAME_PROTO], l, use.proto_lo, use.proto_hi, &use);
		return;
	}
	if (d->proto != DEST_PROTO_ANY)
		wish_ports(kinds, l, (uint8_t)d->proto, &use);
	for (size_t i = 0; d->proto == DEST_PROTO_ANY && i < PROTOS_WITH_PORTS; i++)
		wish_ports(kinds, l, protos_with_ports[i], &use);
}

/* A set for one layer. */
static struct rs_set *add_set(struct network *n, struct segment *s, enum name_kind kind,
			      enum scope scope, size_t layer)
{
	char name[RULESET_NAME_MAX];
	enum rs_field fields[RULESET_FIELDS_MAX];
	size_t n_fields = set_fields(scope, name_kinds[kind].key, fields);
	struct segment_set set = { .scope = scope, .kind = name_kinds[kind].key };

	segment_set_name(n, s, scope, name_kinds[kind].suffix, layer, name);
	set.set = rs_set_add(n->inet, name,
			     RS_SET_LEARNED | RS_SET_TIMEOUT |
				     (name_kinds[kind].interval ? RS_SET_INTERVAL : 0),
			     fields, n_fields);
	vec_push(s->sets, s->n_sets, s->cap_sets, set);
	return set.set;
}

static void add_use(struct network *n, const struct wish *w, struct rs_set *v4, struct rs_set *v6)
{
	struct network_part *p = n->part;
	struct network_name_use use = w->use;
	char comment[RULESET_COMMENT_MAX];

	use.name = w->learned->dest->name;
	use.set_v4 = v4;
	use.set_v6 = v6;
	rule_comment(w->learned->rule, use.name->s, comment);
	use.comment = arena_strdup(&p->rules->arena, comment);
	vec_push(p->uses, p->n_uses, p->cap_uses, use);
}

static void add_kind(struct network *n, struct segment *s, enum name_kind kind, struct wishes *w)
{
	size_t layers = name_kinds[kind].interval ? boxes_layer(&w->boxes, true) : 1;

	for (size_t layer = 0; layer < layers; layer++) {
		struct rs_set *v4 = NULL, *v6 = NULL;

		if (name_kinds[kind].v4)
			v4 = add_set(n, s, kind, SCOPE_4, layer);
		if (name_kinds[kind].v6)
			v6 = add_set(n, s, kind, SCOPE_6, layer);
		for (size_t i = 0; i < w->n; i++)
			if (w->boxes.items[i].layer == layer)
				add_use(n, &w->items[i], v4, v6);
	}
}

void segment_names(struct network *n, struct segment *s)
{
	struct wishes kinds[NAME_KIND_COUNT] = { 0 };

	for (size_t i = 0; i < s->n_learned; i++)
		wish_all(kinds, s, &s->learned[i]);
	for (int k = 0; k < NAME_KIND_COUNT; k++) {
		if (kinds[k].n > 0)
			add_kind(n, s, (enum name_kind)k, &kinds[k]);
		free(kinds[k].items);
		free(kinds[k].boxes.items);
	}
}

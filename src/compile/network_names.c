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
	struct network_name_use use; /* without name and sets */
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
		bool one = p->r[i].lo == p->r[i].hi;

		use->port_lo = p->r[i].lo;
		use->port_hi = p->r[i].hi;
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

/* A set for one layer; its name into out. */
static void add_set(struct network *n, struct segment *s, enum name_kind kind, enum scope scope,
		    size_t layer, char out[static RULESET_NAME_MAX])
{
	enum rs_field fields[RULESET_FIELDS_MAX];
	size_t n_fields = set_fields(scope, name_kinds[kind].key, fields);
	struct segment_set set = { scope, name_kinds[kind].key, n->inet->n_sets };

	segment_set_name(n, s, scope, name_kinds[kind].suffix, layer, out);
	(void)rs_set_add(n->inet, out,
			 RS_SET_LEARNED | RS_SET_TIMEOUT |
				 (name_kinds[kind].interval ? RS_SET_INTERVAL : 0),
			 fields, n_fields);
	vec_push(s->sets, s->n_sets, s->cap_sets, set);
}

static void add_use(struct network *n, const struct wish *w, const char *set_v4, const char *set_v6)
{
	struct map_builder *m = n->map;
	struct network_name_use use = w->use;

	use.name = map_add_name(m, &w->learned->dest->name);
	use.subject = n->index;
	use.family = RS_INET;
	memcpy(use.set_v4, set_v4, sizeof(use.set_v4));
	memcpy(use.set_v6, set_v6, sizeof(use.set_v6));
	rule_comment(w->learned->rule, w->learned->dest->name.s, use.comment);
	vec_push(m->map.uses, m->map.n_uses, m->cap_uses, use);
}

static void add_kind(struct network *n, struct segment *s, enum name_kind kind, struct wishes *w)
{
	size_t layers = name_kinds[kind].interval ? boxes_layer(&w->boxes, true) : 1;

	for (size_t layer = 0; layer < layers; layer++) {
		char v4[RULESET_NAME_MAX] = "", v6[RULESET_NAME_MAX] = "";

		if (name_kinds[kind].v4)
			add_set(n, s, kind, SCOPE_4, layer, v4);
		if (name_kinds[kind].v6)
			add_set(n, s, kind, SCOPE_6, layer, v6);
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

/* ---- The map ---- */

size_t map_add_name(struct map_builder *m, const struct name *name)
{
	vec_push(m->map.names, m->map.n_names, m->cap_names, *name);
	return m->map.n_names - 1;
}

static int compare_names(const void *x, const void *y, void *names)
{
	const struct name *of = names;
	const struct name *a = &of[*(const size_t *)x], *b = &of[*(const size_t *)y];
	int order = strcmp(a->s, b->s);

	if (order)
		return order;
	return *(const size_t *)x < *(const size_t *)y ? -1 :
							 *(const size_t *)x > *(const size_t *)y;
}

static int compare_uses(const void *x, const void *y)
{
	const struct network_name_use *a = x, *b = y;
	int order;

	if (a->name != b->name)
		return a->name < b->name ? -1 : 1;
	if (a->subject != b->subject)
		return a->subject < b->subject ? -1 : 1;
	order = strcmp(a->set_v4[0] ? a->set_v4 : a->set_v6, b->set_v4[0] ? b->set_v4 : b->set_v6);
	if (order)
		return order;
	if (a->proto_lo != b->proto_lo)
		return a->proto_lo < b->proto_lo ? -1 : 1;
	if (a->port_lo != b->port_lo)
		return a->port_lo < b->port_lo ? -1 : 1;
	if (a->icmp_type != b->icmp_type)
		return a->icmp_type < b->icmp_type ? -1 : 1;
	return strcmp(a->comment, b->comment);
}

void map_finish(struct map_builder *m)
{
	size_t n = m->map.n_names, kept = 0;
	_cleanup_(freep) size_t *order = NULL, *place = NULL;
	struct name *names;

	if (n == 0)
		return;
	order = xcalloc(n, sizeof(*order));
	place = xcalloc(n, sizeof(*place));
	names = xcalloc(n, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), compare_names, m->map.names);
	for (size_t i = 0; i < n; i++) {
		const struct name *name = &m->map.names[order[i]];

		if (kept == 0 || !name_eq(name, &names[kept - 1]))
			names[kept++] = *name;
		place[order[i]] = kept - 1;
	}
	for (size_t i = 0; i < m->map.n_uses; i++)
		m->map.uses[i].name = place[m->map.uses[i].name];
	if (m->map.uses)
		qsort(m->map.uses, m->map.n_uses, sizeof(m->map.uses[0]), compare_uses);
	free(m->map.names);
	m->map.names = names;
	m->map.n_names = kept;
}

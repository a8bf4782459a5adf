/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of one network, and the map of all of them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/network_internal.h"
#include "policy/network.h"

struct network_part *network_part_new(const struct plan_subject *s, uint16_t dns_port,
				      struct rs_part *rules)
{
	struct network_part *p = xcalloc(1, sizeof(*p));

	*p = (struct network_part){ .refs = 1,
				    .rules = rs_part_ref(rules),
				    .policy = plan_policy_ref(s->policy),
				    .subject = *s,
				    .dns_port = dns_port };
	p->subject.id = xstrdup(s->id);
	return p;
}

struct network_part *network_part_ref(struct network_part *p)
{
	p->refs++;
	return p;
}

void network_part_unref(struct network_part *p)
{
	if (--p->refs > 0)
		return;
	rs_part_unref(p->rules);
	plan_policy_unref(p->policy);
	free(p->subject.id);
	free(p->uses);
	free(p->targets);
	free(p->entries);
	free(p);
}

struct network_part *network_part_find(const struct network_map *was, const struct plan_subject *s,
				       uint16_t dns_port)
{
	for (size_t i = 0; i < was->n_ports; i++) {
		struct network_part *p = was->parts[i];

		if (p->dns_port == dns_port && !p->follows_names &&
		    plan_subject_same(&p->subject, s))
			return p;
	}
	return NULL;
}

void network_map_done(struct network_map *m)
{
	for (size_t i = 0; i < m->n_ports; i++)
		network_part_unref(m->parts[i]);
	if (m->constants)
		rs_part_unref(m->constants);
	free(m->parts);
	free(m->names);
	free(m->uses);
	free(m->ports);
	*m = (struct network_map){ 0 };
}

/* ---- The names of all ---- */

static int compare_names(const void *x, const void *y)
{
	const struct name *const *a = x, *const *b = y;

	return strcmp((*a)->s, (*b)->s);
}

static int compare_uses(const void *x, const void *y)
{
	const struct network_map_use *m = x, *n = y;
	const struct network_name_use *a = m->use, *b = n->use;
	int order;

	if (m->name != n->name)
		return m->name < n->name ? -1 : 1;
	if (m->subject != n->subject)
		return m->subject < n->subject ? -1 : 1;
	order = strcmp((a->set_v4 ? a->set_v4 : a->set_v6)->name,
		       (b->set_v4 ? b->set_v4 : b->set_v6)->name);
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

/* All that there are, more than once where they are in more than one place. */
static size_t gather_names(const struct network_map *m, const struct network_options *o,
			   const struct name **out)
{
	size_t n = 0;

	while (n < o->n_names) {
		out[n] = o->names[n];
		n++;
	}
	for (size_t i = 0; i < m->n_ports; i++) {
		const struct network_part *p = m->parts[i];

		for (size_t k = 0; k < p->n_uses; k++)
			out[n++] = p->uses[k].name;
		for (size_t k = 0; k < p->n_targets; k++)
			out[n++] = p->targets[k];
	}
	return n;
}

static void sort_names(struct network_map *m, const struct network_options *o, size_t room)
{
	size_t n, kept = 0;

	m->names = xcalloc(room, sizeof(m->names[0]));
	n = gather_names(m, o, m->names);
	qsort(m->names, n, sizeof(m->names[0]), compare_names);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !name_eq(m->names[i], m->names[kept - 1]))
			m->names[kept++] = m->names[i];
	m->n_names = kept;
}

static uint32_t place_of(const struct network_map *m, const struct name *name)
{
	const struct name **found =
		bsearch(&name, m->names, m->n_names, sizeof(m->names[0]), compare_names);

	return (uint32_t)(found - m->names);
}

static void add_uses(struct network_map *m, size_t i)
{
	const struct network_part *p = m->parts[i];

	for (size_t k = 0; k < p->n_uses; k++)
		m->uses[m->n_uses++] = (struct network_map_use){ &p->uses[k],
								 place_of(m, p->uses[k].name),
								 (uint32_t)m->ports[i].subject };
}

void map_finish(struct network_map *m, const struct network_options *o)
{
	size_t uses = 0, names = o->n_names;

	for (size_t i = 0; i < m->n_ports; i++) {
		uses += m->parts[i]->n_uses;
		names += m->parts[i]->n_uses + m->parts[i]->n_targets;
	}
	if (names == 0)
		return;
	sort_names(m, o, names);
	m->uses = xcalloc(uses, sizeof(m->uses[0]));
	for (size_t i = 0; i < m->n_ports; i++)
		add_uses(m, i);
	qsort(m->uses, m->n_uses, sizeof(m->uses[0]), compare_uses);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum family { V4, V6, V6_LINK };

static enum family family_of(const struct addr *a)
{
	if (a->family == AF_INET)
		return V4;
	return addr_is_link_local(a) ? V6_LINK : V6;
}

static bool has_family(const struct pin *p, enum family f)
{
	for (size_t i = 0; i < p->n_addrs; i++)
		if (family_of(&p->addrs[i]) == f)
			return true;
	return false;
}

static bool has_addr(const struct pin *p, const struct addr *a)
{
	for (size_t i = 0; i < p->n_addrs; i++)
		if (addr_eq(&p->addrs[i], a))
			return true;
	return false;
}

static bool mac_eq(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 6) == 0;
}

static struct pin *find(const struct pins *p, const struct links_port *port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].index == port->index && strcmp(p->items[i].port, port->name) == 0)
			return &p->items[i];
	return NULL;
}

static const struct ctl_fact *fact_of(const struct pins_seen *s, const uint8_t *mac)
{
	for (size_t i = 0; i < s->n_facts; i++)
		if (s->facts[i].has_mac && mac_eq(s->facts[i].mac, mac) &&
		    strcmp(s->facts[i].bridge, s->bridge->name) == 0)
			return &s->facts[i];
	return NULL;
}

/* ---- what a port may have */

static bool is_bridges_own(const struct links_bridge *b, const struct addr *a)
{
	for (size_t i = 0; i < b->n_addrs; i++)
		if (addr_eq(&b->addrs[i], a))
			return true;
	return false;
}

/* The engine has it for another container; its word counts before the far end's. */
static const struct ctl_fact *named_for_another(const struct pins_seen *s, const struct pin *p,
						const struct addr *a)
{
	for (size_t i = 0; i < s->n_facts; i++) {
		const struct ctl_fact *f = &s->facts[i];

		if (f->has_mac && !mac_eq(f->mac, p->mac) &&
		    (addr_eq(&f->v4, a) || addr_eq(&f->v6, a)) &&
		    strcmp(f->bridge, s->bridge->name) == 0)
			return f;
	}
	return NULL;
}

/* The engine has others of its family for this one. */
static bool named_otherwise(const struct ctl_fact *f, const struct addr *a)
{
	const struct addr *named = !f		      ? NULL :
				   family_of(a) == V4 ? &f->v4 :
				   family_of(a) == V6 ? &f->v6 :
							NULL;

	return named && named->family && !addr_eq(named, a);
}

static bool in_network(const struct links_bridge *b, const struct addr *a)
{
	if (family_of(a) == V6_LINK)
		return true;
	for (size_t i = 0; i < b->n_addrs; i++)
		if (prefix_contains(&b->subnets[i], a))
			return true;
	return false;
}

static const struct pin *holder_of_addr(const struct pins *p, const struct pin *but,
					const struct addr *a)
{
	for (size_t i = 0; i < p->n; i++)
		if (&p->items[i] != but && has_addr(&p->items[i], a))
			return &p->items[i];
	return NULL;
}

static const struct pin *holder_of_mac(const struct pins *p, const struct pin *but,
				       const uint8_t *mac)
{
	for (size_t i = 0; i < p->n; i++)
		if (&p->items[i] != but && p->items[i].open && mac_eq(p->items[i].mac, mac))
			return &p->items[i];
	return NULL;
}

/* The far end as the kernel and the engine have it. */
static bool claims(const struct links_port *port, const struct ctl_fact *f, const struct addr *a)
{
	if (named_otherwise(f, a))
		return false;
	for (size_t i = 0; i < port->n_addrs; i++)
		if (addr_eq(&port->addrs[i], a))
			return true;
	return f && (addr_eq(&f->v4, a) || addr_eq(&f->v6, a));
}

static void set_problem(struct pin *p, const char *what, const char *why)
{
	if (!p->problem[0])
		(void)snprintf(p->problem, sizeof(p->problem), "%s %s", what, why);
}

static bool is_controllers_mac(const struct pins_seen *s, const uint8_t *mac)
{
	const struct plan_controller *c = &s->network->controller;

	return s->network->has_controller && c->has_mac && mac_eq(c->mac, mac);
}

/* Its address, at a port that has not its MAC. */
static bool is_controllers_alone(const struct pins_seen *s, const struct pin *p,
				 const struct addr *a)
{
	const struct plan_controller *c = &s->network->controller;

	return s->network->has_controller && c->has_mac && addr_eq(&c->addr, a) &&
	       !mac_eq(c->mac, p->mac);
}

/* Its address, by which alone it is known, at a port that the engine does not have it for. */
static bool is_controllers_unproven(const struct pins_seen *s, const struct pin *p,
				    const struct addr *a)
{
	const struct plan_controller *c = &s->network->controller;
	const struct ctl_fact *f = fact_of(s, p->mac);

	return s->network->has_controller && !c->has_mac && s->engine && addr_eq(&c->addr, a) &&
	       !(f && (addr_eq(&f->v4, a) || addr_eq(&f->v6, a)));
}

/* Why the port may not have it, whoever else has what; NULL: it may. */
static const char *why_not(const struct pins_seen *s, const struct pin *p, const struct addr *a)
{
	if (is_bridges_own(s->bridge, a))
		return "is the bridge's own address";
	if (addr_eq(&s->network->v4.gateway, a) || addr_eq(&s->network->v6.gateway, a))
		return "is the network's gateway";
	if (is_controllers_alone(s, p, a))
		return "is the controller's, and the MAC is not";
	if (named_for_another(s, p, a))
		return "is another container's, as the engine has it";
	if (is_controllers_unproven(s, p, a))
		return "is the controller's, and the engine does not have it for this one";
	return NULL;
}

static void add_addr(const struct pins *all, const struct pins_seen *s, struct pin *p,
		     const struct addr *a)
{
	char text[ADDR_STR_MAX];
	const char *why;

	if (!a->family || has_addr(p, a) || p->n_addrs == PIN_ADDRS_MAX)
		return;
	why = why_not(s, p, a);
	if (!why && !in_network(s->bridge, a))
		why = "is in none of the bridge's networks";
	if (!why && holder_of_addr(all, p, a))
		why = "is another port's address";
	if (why)
		set_problem(p, addr_str(a, text), why);
	else
		p->addrs[p->n_addrs++] = *a;
}

/* The controller's MAC where its address is configured too, which the far end has not. */
static bool lacks_controllers_address(const struct pins_seen *s, const struct links_port *port,
				      const struct ctl_fact *f, const uint8_t *mac)
{
	const struct addr *a = &s->network->controller.addr;

	return is_controllers_mac(s, mac) && a->family && !claims(port, f, a);
}

static void open_port(const struct pins *all, const struct pins_seen *s,
		      const struct links_port *port, const struct ctl_fact *f, struct pin *p)
{
	if (mac_eq(port->mac, s->bridge->mac))
		set_problem(p, port->name, "has the bridge's own MAC");
	else if (holder_of_mac(all, p, port->mac))
		set_problem(p, port->name, "has another port's MAC");
	else if (lacks_controllers_address(s, port, f, port->mac))
		set_problem(p, port->name, "has the controller's MAC without its address");
	else {
		memcpy(p->mac, port->mac, sizeof(p->mac));
		p->open = true;
	}
}

/* The policy, the bridge or the engine may have changed since it was given what it has. */
static void take_back(const struct pins_seen *s, const struct links_port *port, struct pin *p)
{
	const struct ctl_fact *f = fact_of(s, p->mac);
	const struct addr *controllers = &s->network->controller.addr;
	size_t n = 0;

	if (mac_eq(p->mac, s->bridge->mac) ||
	    (lacks_controllers_address(s, port, f, p->mac) && !has_addr(p, controllers))) {
		p->open = false;
		p->n_addrs = 0;
		return;
	}
	for (size_t i = 0; i < p->n_addrs; i++)
		if (!why_not(s, p, &p->addrs[i]) && !named_otherwise(f, &p->addrs[i]))
			p->addrs[n++] = p->addrs[i];
	p->n_addrs = n;
}

/* Families that it has none of yet; what the engine says counts in any case. */
static void add_addrs(const struct pins *all, const struct pins_seen *s,
		      const struct links_port *port, const struct ctl_fact *f, struct pin *p)
{
	bool had[] = { [V4] = has_family(p, V4) || (f && f->v4.family),
		       [V6] = has_family(p, V6) || (f && f->v6.family),
		       [V6_LINK] = has_family(p, V6_LINK) };

	if (f) {
		add_addr(all, s, p, &f->v4);
		add_addr(all, s, p, &f->v6);
	}
	if (port->veth && !mac_eq(port->mac, p->mac)) {
		set_problem(p, port->name, "has another MAC than when it came");
		return;
	}
	for (size_t i = 0; i < port->n_addrs; i++)
		if (!had[family_of(&port->addrs[i])])
			add_addr(all, s, p, &port->addrs[i]);
}

static void look_at(struct pins *all, const struct pins_seen *s, const struct links_port *port,
		    struct pin *p)
{
	const struct ctl_fact *f = port->veth ? fact_of(s, p->open ? p->mac : port->mac) : NULL;

	p->problem[0] = '\0';
	if (f)
		(void)snprintf(p->container, sizeof(p->container), "%s", f->container);
	if (!p->open && port->veth && port->running)
		open_port(all, s, port, f, p);
	else if (!p->open && !port->veth)
		set_problem(p, port->name, "is no veth: nothing is known of its far end");
	if (p->open)
		add_addrs(all, s, port, f, p);
}

/* It comes before whatever others claim by now. */
static void begin_as_before(const struct pins_seen *s, const struct links_port *port, struct pin *p)
{
	for (size_t i = 0; i < s->n_seeds && port->veth; i++) {
		const struct pins_seed *seed = &s->seeds[i];

		if (strncmp(seed->port, port->name, LINKS_NAME_MAX) != 0 ||
		    !mac_eq(seed->mac, port->mac))
			continue;
		p->open = true;
		memcpy(p->mac, seed->mac, sizeof(p->mac));
		for (size_t j = 0; j < seed->n_addrs; j++)
			if (in_network(s->bridge, &seed->addrs[j]))
				p->addrs[p->n_addrs++] = seed->addrs[j];
		return;
	}
}

void pins_update(struct pins *p, const struct pins_seen *s)
{
	struct pins next = { .items = xcalloc(s->n_ports + 1, sizeof(*next.items)) };

	/* Those that were there first, so that they keep what they have. */
	for (size_t i = 0; s->bridge && i < s->n_ports; i++) {
		const struct pin *old = find(p, &s->ports[i]);

		next.items[next.n] = old ? *old : (struct pin){ .index = s->ports[i].index };
		memcpy(next.items[next.n].port, s->ports[i].name, LINKS_NAME_MAX);
		if (!old)
			begin_as_before(s, &s->ports[i], &next.items[next.n]);
		next.n++;
	}
	for (size_t i = 0; i < next.n; i++)
		if (next.items[i].open)
			take_back(s, &s->ports[i], &next.items[i]);
	for (size_t i = 0; i < next.n; i++)
		look_at(&next, s, &s->ports[i], &next.items[i]);
	free(p->items);
	*p = next;
}

void pins_done(struct pins *p)
{
	free(p->items);
	*p = (struct pins){ 0 };
}

bool pins_unfinished(const struct pins *p, const struct pins_seen *s)
{
	for (size_t i = 0; s->bridge && i < s->n_ports && i < p->n; i++)
		if (s->ports[i].veth &&
		    (!s->ports[i].running || !p->items[i].open || !has_family(&p->items[i], V4)))
			return true;
	return false;
}

/* ---- elements */

struct list {
	struct pins_element *items;
	size_t n, cap;
};

static struct pins_element *begin(struct list *l, const struct pin *p, enum pins_set set)
{
	struct pins_element el = { .set = set };

	(void)snprintf(el.comment, sizeof(el.comment), "%s", p->container);
	vec_push(l->items, l->n, l->cap, el);
	return &l->items[l->n - 1];
}

/* Keyed by the port's name. */
static void add_port(struct list *l, const struct pin *p, enum pins_set set, enum rs_field field,
		     const void *value)
{
	struct pins_element *el = begin(l, p, set);
	char name[LINKS_NAME_MAX] = { 0 };
	size_t n = 0;

	memcpy(name, p->port, strnlen(p->port, LINKS_NAME_MAX - 1));
	rs_key_append(el->key, &n, RS_IIFNAME, name);
	if (value)
		rs_key_append(el->key, &n, field, value);
}

/* Keyed by the MAC. */
static void add_mac(struct list *l, const struct pin *p, enum pins_set set, enum rs_field field,
		    const void *value)
{
	struct pins_element *el = begin(l, p, set);
	size_t n = 0;

	rs_key_append(el->key, &n, RS_ETHER_SADDR, p->mac);
	if (value)
		rs_key_append(el->key, &n, field, value);
}

int pins_element_compare(const void *a, const void *b)
{
	const struct pins_element *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return memcmp(x->key, y->key, sizeof(x->key));
}

static void add_address(struct list *l, const struct pin *p, const struct addr *a, bool by_port)
{
	if (a->family == AF_INET) {
		add_port(l, p, PINS_ARP, RS_ARP_SADDR_IP, a->bytes);
		add_port(l, p, PINS_IP4, RS_IP_SADDR, a->bytes);
		if (by_port)
			add_mac(l, p, PINS_KNOWN4, RS_IP_SADDR, a->bytes);
	} else {
		add_port(l, p, PINS_IP6, RS_IP6_SADDR, a->bytes);
		add_port(l, p, PINS_ND, RS_ND_TARGET, a->bytes);
		if (by_port)
			add_mac(l, p, PINS_KNOWN6, RS_IP6_SADDR, a->bytes);
	}
}

void pins_elements(const struct pins *p, bool by_port, struct pins_element **out, size_t *n)
{
	struct list l = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		const struct pin *pin = &p->items[i];

		if (by_port) {
			add_port(&l, pin, PINS_MAP_PORTS, RS_IIFNAME, NULL);
			add_port(&l, pin, PINS_MAP_LATERAL, RS_IIFNAME, NULL);
		}
		if (!pin->open)
			continue;
		add_port(&l, pin, PINS_MACS, RS_ETHER_SADDR, pin->mac);
		add_mac(&l, pin, PINS_PEERS, RS_ETHER_DADDR, NULL);
		for (size_t j = 0; j < pin->n_addrs; j++)
			add_address(&l, pin, &pin->addrs[j], by_port);
	}
	if (l.n > 1)
		qsort(l.items, l.n, sizeof(*l.items), pins_element_compare);
	*out = l.items;
	*n = l.n;
}

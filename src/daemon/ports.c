/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges of the policy, their ports, and the sets of the kernel that say who may send what at each. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/enforcer.h"
#include "kernel/talk.h"
#include "net/mac.h"

/* While a port has not all it could have, it is looked at again, so often and so long. */
#define AGAIN_MS   50
#define AGAIN_MOST 200

/* After a look, which costs what there are bridges and ports, this many times as long goes to other things: a
 * container can change its addresses all the time. */
#define REST	    3
#define REST_MAX_MS 100U

static enum rs_family family_of(enum pins_set set)
{
	return set == PINS_KNOWN4 || set == PINS_KNOWN6 ? RS_INET : RS_BRIDGE;
}

static const char *set_name(const struct network_ports *p, enum pins_set set)
{
	switch (set) {
	case PINS_MACS:
		return p->macs;
	case PINS_ARP:
		return p->arp;
	case PINS_IP4:
		return p->ip4;
	case PINS_IP6:
		return p->ip6;
	case PINS_ND:
		return p->nd;
	case PINS_PEERS:
		return p->peers;
	case PINS_KNOWN4:
		return p->known4;
	case PINS_KNOWN6:
		return p->known6;
	case PINS_MAP_PORTS:
		return NETWORK_MAP_PORTS;
	case PINS_MAP_LATERAL:
		return NETWORK_MAP_LATERAL;
	case PINS_SET_COUNT:
		break;
	}
	return "";
}

/* The maps lead to the network's chains. */
static struct rs_verdict verdict_of(const struct network_ports *p, enum pins_set set)
{
	struct rs_verdict v = { .kind = RS_GOTO, .chain = "" };

	if (set == PINS_MAP_PORTS)
		v.chain = p->port_chain;
	else if (set == PINS_MAP_LATERAL)
		v.chain = p->bridged_chain;
	return v;
}

/* ---- looking */

struct seen {
	struct pins_seen s;
	struct links_port *ports; /* owned */
};

/* False: the kernel could not be asked; what was known stays. */
static bool look_at(struct enforcer *f, const struct plan_subject *sub, struct port_state *st,
		    struct seen *out)
{
	struct err e;

	*out = (struct seen){ .s = { .network = &sub->network,
				     .facts = f->facts,
				     .n_facts = f->n_facts,
				     .seeds = f->seeds,
				     .n_seeds = f->n_seeds,
				     .engine = f->o->control.engine } };
	if (!links_bridge(f->links, sub->network.bridge, &st->there, &st->bridge, &e) ||
	    (st->there &&
	     !links_ports(f->links, st->bridge.index, &out->ports, &out->s.n_ports, &e))) {
		enforcer_story("the ports of %s cannot be read: %s", sub->network.bridge, e.msg);
		return false;
	}
	if (st->there && st->bridge.learns_groups &&
	    !links_ignore_groups(f->links, st->bridge.index, &e))
		enforcer_story("a container can take the place of another: %s", e.msg);
	out->s.bridge = st->there ? &st->bridge : NULL;
	out->s.ports = out->ports;
	return true;
}

static void add_change(const struct inforce *p, const struct network_ports *np,
		       const struct pins_element *el, bool add, struct changes *out)
{
	enum rs_family family = family_of(el->set);
	struct rs_set *set = rs_set_find(&p->rules->tables[family], set_name(np, el->set));

	if (set)
		changes_add(out, add, family, set, el->key, NULL, el->comment)->verdict =
			verdict_of(np, el->set);
}

/* Both are sorted: what is only in the one goes, what is only in the other comes. */
static void differ(const struct inforce *p, const struct network_ports *np,
		   const struct port_state *was, const struct pins_element *next, size_t n_next,
		   struct changes *out)
{
	size_t i = 0, j = 0;

	while (i < was->n_elements || j < n_next) {
		int order = i == was->n_elements ? 1 :
			    j == n_next		 ? -1 :
						   pins_element_compare(&was->elements[i], &next[j]);

		if (order < 0) {
			add_change(p, np, &was->elements[i++], false, out);
		} else if (order > 0) {
			add_change(p, np, &next[j++], true, out);
		} else {
			i++;
			j++;
		}
	}
}

/* Brings what is known of one network up to date. out: what changes by it in the kernel. */
static void look_one(struct enforcer *f, const struct inforce *p, size_t place,
		     struct port_state *st, struct changes *out)
{
	const struct network_ports *np = &p->map.ports[place];
	struct pins_element *next;
	struct seen seen;
	size_t n;

	st->read = look_at(f, &p->plan->subjects[np->subject], st, &seen);
	if (!st->read)
		return;
	pins_update(&st->pins, &seen.s);
	st->unfinished = pins_unfinished(&st->pins, &seen.s);
	pins_elements(&st->pins, p->map.by_port, &next, &n);
	differ(p, np, st, next, n, out);
	free(st->elements);
	free(seen.ports);
	st->elements = next;
	st->n_elements = n;
}

static void state_done(struct port_state *st)
{
	pins_done(&st->pins);
	free(st->elements);
}

/* The states of the networks of p, those of bridges that were there before going on. */
static void follow(struct enforcer *f, const struct inforce *p)
{
	struct port_state *next = xcalloc(p->map.n_ports + 1, sizeof(*next));

	for (size_t i = 0; i < p->map.n_ports; i++) {
		const char *bridge = p->plan->subjects[p->map.ports[i].subject].network.bridge;

		memcpy(next[i].name, bridge, sizeof(next[i].name));
		next[i].subject = p->map.ports[i].subject;
		for (size_t j = 0; j < f->n_ports; j++)
			if (strcmp(f->ports_of[j].name, bridge) == 0) {
				size_t subject = next[i].subject;

				next[i] = f->ports_of[j];
				next[i].subject = subject;
				f->ports_of[j] = (struct port_state){ 0 };
			}
	}
	for (size_t j = 0; j < f->n_ports; j++)
		state_done(&f->ports_of[j]);
	free(f->ports_of);
	f->ports_of = next;
	f->n_ports = p->map.n_ports;
}

static struct port_state *find(const struct enforcer *f, const char *bridge)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (strcmp(f->ports_of[i].name, bridge) == 0)
			return &f->ports_of[i];
	return NULL;
}

static size_t count_ports(const struct enforcer *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_ports; i++)
		n += f->ports_of[i].pins.n;
	return n;
}

/* A network that has left the policy and that everybody has left is forgotten. */
static void forget_emptied(struct enforcer *f)
{
	for (size_t i = 0; i < f->n_ports; i++) {
		const struct port_state *st = &f->ports_of[i];

		if (f->now.plan->subjects[st->subject].network.left && st->read && st->pins.n == 0)
			timer_restart(f->again, 0);
	}
}

/* ---- in force */

/* Without who is at their ports. */
static void find_bridges(struct enforcer *f)
{
	struct err e;

	for (size_t i = 0; i < f->n_ports; i++) {
		struct port_state *st = &f->ports_of[i];

		if (!links_bridge(f->links, st->name, &st->there, &st->bridge, &e))
			enforcer_story("%s cannot be read: %s", st->name, e.msg);
	}
}

void ports_look(struct enforcer *f)
{
	size_t before = count_ports(f);
	uint64_t began = clock_ms(), ended;
	struct changes out = { 0 };
	bool unfinished = false;
	struct err e;

	follow(f, &f->now);
	if (f->o->once) {
		find_bridges(f);
		return;
	}
	for (size_t i = 0; i < f->n_ports; i++) {
		look_one(f, &f->now, i, &f->ports_of[i], &out);
		unfinished = unfinished || f->ports_of[i].unfinished;
	}
	if (out.n && !tables_change(f->tables, out.items, out.n, &e)) {
		enforcer_story("who is at which port could not be put into the tables: %s", e.msg);
		f->unfilled = true;
		drift_soon(f);
	}
	changes_done(&out);
	if (f->now.rules)
		seeds_forget(f);
	if (count_ports(f) != before) {
		f->looks = 0;
		orders_tell(f, CTL_PORTS);
	}
	if (unfinished && f->ports_again && f->looks++ < AGAIN_MOST)
		timer_restart(f->ports_again, AGAIN_MS);
	ended = clock_ms();
	f->rest_until_ms = ended + MIN(REST * (ended - began), REST_MAX_MS);
	answers_follow(f);
	forget_emptied(f);
}

void ports_fill(struct enforcer *f, struct inforce *p)
{
	struct changes all = { 0 };

	if (f->o->once)
		return;
	if (!f->now.rules && !f->seeds)
		seeds_read(f, p);
	for (size_t i = 0; i < p->map.n_ports; i++) {
		const char *bridge = p->plan->subjects[p->map.ports[i].subject].network.bridge;
		struct port_state *known = find(f, bridge), fresh = { 0 };
		struct port_state *st = known ? known : &fresh;

		if (!known)
			look_one(f, p, i, st, &all);
		else
			for (size_t j = 0; j < st->n_elements; j++)
				add_change(p, &p->map.ports[i], &st->elements[j], true, &all);
		state_done(&fresh);
	}
	for (size_t i = 0; i < all.n; i++) {
		const struct tables_change *c = &all.items[i];
		struct rs_element *el =
			rs_element_add(c->set, c->element.key, NULL, c->element.comment);

		el->verdict = c->element.verdict;
	}
	changes_done(&all);
}

/* Its bridge leads to the sets of that name. */
static bool has_sets(const struct inforce *p, const char *bridge, const char *macs)
{
	for (size_t i = 0; i < p->map.n_ports; i++)
		if (strcmp(p->plan->subjects[p->map.ports[i].subject].network.bridge, bridge) == 0)
			return strcmp(p->map.ports[i].macs, macs) == 0;
	return false;
}

bool ports_move(const struct enforcer *f, const struct inforce *p)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports_of[i].n_elements &&
		    !has_sets(p, f->ports_of[i].name, f->now.map.ports[i].macs))
			return true;
	return false;
}

/* ---- what the engine says, and what happens at the bridges */

void ports_facts(struct enforcer *f, const void *facts, size_t n)
{
	free(f->facts);
	f->facts = xcalloc(n + 1, sizeof(*f->facts));
	if (n)
		memcpy(f->facts, facts, n * sizeof(*f->facts));
	f->n_facts = n;
	for (size_t i = 0; i < n; i++) {
		f->facts[i].bridge[sizeof(f->facts[i].bridge) - 1] = '\0';
		f->facts[i].container[sizeof(f->facts[i].container) - 1] = '\0';
		f->facts[i].v4 = addr_clean(&f->facts[i].v4, AF_INET);
		f->facts[i].v6 = addr_clean(&f->facts[i].v6, AF_INET6);
	}
	f->looks = 0;
	ports_look(f);
}

static void on_links(void *ctx, int events)
{
	struct enforcer *f = ctx;
	uint64_t now;
	bool changed;
	struct err e;

	(void)events;
	if (!links_monitor_read(watch_fd(f->ports), &changed, &e)) {
		enforcer_story("bridges can no longer be watched: %s", e.msg);
		watch_close(f->ports);
		f->ports = NULL;
		drift_soon(f);
		return;
	}
	now = clock_ms();
	if (changed && now >= f->rest_until_ms)
		ports_look(f);
	else if (changed)
		timer_restart(f->ports_again, f->rest_until_ms - now);
}

static void on_again(void *ctx)
{
	ports_look(ctx);
}

bool ports_hear(const struct enforcer *f)
{
	return f->ports && talk_is_of(watch_fd(f->ports), NETLINK_ROUTE);
}

bool ports_listen(struct enforcer *f, struct err *e)
{
	int fd;

	if (f->ports)
		watch_close(f->ports);
	f->ports = NULL;
	if (!links_monitor_open(&fd, e))
		return false;
	f->ports = watch_readable(&f->loop, fd, on_links, f, "the bridges", e);
	return f->ports;
}

bool ports_start(struct enforcer *f, struct err *e)
{
	f->ports_again = timer_new(&f->loop, AGAIN_MS, 0, on_again, f);
	return ports_listen(f, e);
}

void ports_stop(struct enforcer *f)
{
	for (size_t i = 0; i < f->n_ports; i++)
		state_done(&f->ports_of[i]);
	free(f->ports_of);
	free(f->facts);
	seeds_forget(f);
}

bool ports_bridge_there(const struct enforcer *f, size_t i)
{
	return i < f->n_ports && f->ports_of[i].there;
}

static json_t *port_json(const struct pin *p)
{
	json_t *addresses = json_array();
	char text[ADDR_STR_MAX], mac[MAC_STR_MAX];

	for (size_t i = 0; i < p->n_addrs; i++)
		json_array_append_new(addresses, json_string(addr_str(&p->addrs[i], text)));
	return json_pack("{s:s, s:s?, s:s?, s:o, s:s?}", "name", p->port, "container",
			 p->container[0] ? p->container : NULL, "mac",
			 p->open ? mac_str(p->mac, mac) : NULL, "addresses", addresses, "problem",
			 p->problem[0] ? p->problem : NULL);
}

json_t *ports_json(const struct enforcer *f, size_t i)
{
	json_t *list = json_array();

	for (size_t j = 0; i < f->n_ports && j < f->ports_of[i].pins.n; j++)
		json_array_append_new(list, port_json(&f->ports_of[i].pins.items[j]));
	return list;
}

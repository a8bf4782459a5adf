/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/network_internal.h"
#include "policy/network_dns.h"

#define PREFIX_MAX 40 /* bytes of it; what follows has to fit too */
#define PREFIX_CUT 31 /* where a hash follows */

#define PRIORITY_FILTER (-10)  /* before filter: before the rules of Docker and of the host */
#define PRIORITY_DSTNAT (-110) /* before dstnat */
#define PRIORITY_BRIDGE (-300) /* before all, as brfilter knows it */

/* ---- Names ---- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_plain(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* FNV-1a */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261U;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619U;
	return h;
}

void network_prefix(const struct plan_subject *s, char out[static RULESET_NAME_MAX])
{
	size_t n = 0;
	bool plain = is_letter(s->id[0]) && strlen(s->id) <= PREFIX_MAX;

	for (const char *c = s->id; *c; c++)
		plain = plain && is_plain(*c);
	if (plain) {
		(void)snprintf(out, RULESET_NAME_MAX, "%s", s->id);
		return;
	}
	/* nft takes no name that begins with a digit. */
	if (!is_letter(s->id[0]))
		out[n++] = 'n';
	for (const char *c = s->id; *c && n < PREFIX_CUT; c++)
		if (is_plain(*c))
			out[n++] = *c;
	(void)snprintf(out + n, RULESET_NAME_MAX - n, "_%08" PRIx32, hash(s->id));
}

/* ---- What networks share ---- */

static struct rs_set *constant_set(struct rs_table *t, const char *name, enum rs_field f)
{
	return rs_set_add(t, name, 0, &f, 1);
}

static void add_bytes(struct rs_set *s, const uint8_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t key[RULESET_KEY_MAX] = { values[i] };

		(void)rs_element_add(s, key, NULL, NULL);
	}
}

/*
 * Ranges of addresses, each with every protocol behind it: sets of one field that hold ranges are of another
 * kind to the kernel, whose elements come in halves.
 */
static struct rs_set *range_set(struct rs_table *t, const char *name, enum rs_field f)
{
	const enum rs_field fields[] = { f, RS_L4PROTO };

	return rs_set_add(t, name, RS_SET_INTERVAL, fields, ARRAY_LEN(fields));
}

static void add_range(struct rs_set *s, const struct prefix *p, const char *comment)
{
	static const uint8_t lowest = 0, highest = UINT8_MAX;
	uint8_t key[RULESET_KEY_MAX] = { 0 }, end[RULESET_KEY_MAX] = { 0 }, last[16];
	size_t size = addr_size(&p->addr), n = 0, n_end = 0;

	memcpy(last, p->addr.bytes, size);
	for (size_t bit = p->len; bit < size * 8; bit++)
		last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	rs_key_append(key, &n, s->fields[0], p->addr.bytes);
	rs_key_append(key, &n, RS_L4PROTO, &lowest);
	rs_key_append(end, &n_end, s->fields[0], last);
	rs_key_append(end, &n_end, RS_L4PROTO, &highest);
	(void)rs_element_add(s, key, end, comment);
}

static bool inside_another(const struct addr_range *ranges, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (k != i && prefix_covers(&ranges[k].prefix, &ranges[i].prefix))
			return true;
	return false;
}

static void forbidden_set(struct rs_table *t, const char *name, enum rs_field f, uint8_t family)
{
	struct rs_set *s = range_set(t, name, f);
	size_t n;
	const struct addr_range *ranges = addr_forbidden_ranges(&n);

	for (size_t i = 0; i < n; i++)
		if (ranges[i].prefix.addr.family == family && !inside_another(ranges, n, i))
			add_range(s, &ranges[i].prefix, ranges[i].reason);
}

/* Forms of IPv6 in which an IPv4 address hides: no sandbox needs to send there. */
static void embedded_set(struct rs_table *t)
{
	static const struct {
		uint8_t bytes[12], len;
		const char *what;
	} forms[] = {
		{ { 0 }, 96, "v4-compatible" },
		{ { [10] = 0xff, [11] = 0xff }, 96, "v4-mapped" },
		{ { 0x00, 0x64, 0xff, 0x9b }, 96, "NAT64" },
		{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, "local NAT64" },
		{ { 0x20, 0x02 }, 16, "6to4" },
		{ { 0x20, 0x01 }, 32, "Teredo" },
	};
	struct rs_set *s = range_set(t, SET_EMBEDDED, RS_IP6_DADDR);

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct prefix p = { .addr.family = AF_INET6, .len = forms[i].len };

		memcpy(p.addr.bytes, forms[i].bytes, sizeof(forms[i].bytes));
		add_range(s, &p, forms[i].what);
	}
}

static void error_sets(struct rs_table *t)
{
	/* Unreachable, too big (in IPv4 a code of unreachable), time exceeded, parameter problem. */
	static const uint8_t errors4[] = { 3, 11, 12 }, errors6[] = { 1, 2, 3, 4 };

	add_bytes(constant_set(t, SET_ICMP_ERRORS, RS_ICMP_TYPE), errors4, sizeof(errors4));
	add_bytes(constant_set(t, SET_ICMPV6_ERRORS, RS_ICMPV6_TYPE), errors6, sizeof(errors6));
}

static void link_sets(struct rs_table *t)
{
	/* Solicitations and advertisements of neighbours; of routers the solicitations, and reports
	 * of multicast listeners (RFC 2710, RFC 3810). */
	static const uint8_t neighbours[] = { 135, 136 }, chatter[] = { 131, 132, 133, 143 };

	add_bytes(constant_set(t, SET_NEIGHBOURS, RS_ICMPV6_TYPE), neighbours, sizeof(neighbours));
	add_bytes(constant_set(t, SET_CHATTER, RS_ICMPV6_TYPE), chatter, sizeof(chatter));
}

static void held_set(struct rs_table *t)
{
	static const enum rs_field in = RS_IIFNAME;

	(void)rs_set_add(t, NETWORK_SET_HELD, RS_SET_LEARNED | RS_SET_TIMEOUT, &in, 1);
}

static void shared_sets(struct ruleset *r)
{
	struct rs_table *inet = &r->tables[RS_INET], *bridge = &r->tables[RS_BRIDGE];

	held_set(inet);
	embedded_set(inet);
	forbidden_set(inet, SET_FORBIDDEN4, RS_IP_DADDR, AF_INET);
	forbidden_set(inet, SET_FORBIDDEN6, RS_IP6_DADDR, AF_INET6);
	error_sets(inet);
	link_sets(inet);
	link_sets(bridge);
}

/* ---- Base chains ---- */

struct base {
	enum rs_family family;
	const char *name;
	enum rs_hook hook;
	int32_t priority;
	bool nat;
	const char *maps[4]; /* that are asked, in this order */
};

static const struct base bases[] = {
	{ RS_INET,
	  "forward",
	  RS_FORWARD,
	  PRIORITY_FILTER,
	  false,
	  { MAP_RATE_FROM, MAP_RATE_TO, MAP_FORWARD, MAP_INBOUND } },
	{ RS_INET, "input", RS_INPUT, PRIORITY_FILTER, false, { MAP_INPUT } },
	{ RS_INET, "output", RS_OUTPUT, PRIORITY_FILTER, false, { MAP_OUTPUT } },
	{ RS_INET, "nat", RS_PREROUTING, PRIORITY_DSTNAT, true, { MAP_NAT } },
	{ RS_BRIDGE, "prerouting", RS_PREROUTING, PRIORITY_BRIDGE, false, { NETWORK_MAP_PORTS } },
	{ RS_BRIDGE, "forward", RS_FORWARD, PRIORITY_BRIDGE, false, { NETWORK_MAP_LATERAL } },
};

/*
 * A frame to one of the groups that no bridge forwards (IEEE 802.1Q 8.6.3) comes to the host by the port
 * itself, past the bridge's name and hooks (net/bridge/br_input.c). No IP packet belongs in one.
 */
static void drop_link_groups(struct rs_chain *c)
{
	static const uint8_t mask[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0 };
	static const uint8_t group[6] = { 0x01, 0x80, 0xc2 };
	struct rs_rule *r = rs_rule_add(c, "past the bridge");
	uint16_t type = ARPHRD_ETHER;

	rs_compare(r, RS_IIFTYPE, RS_EQ, &type);
	rs_compare_masked(r, RS_ETHER_DADDR, RS_MASKED_EQ, mask, group);
	rs_verdict(r, RS_DROP, NULL);
}

/* Of the maps that there are: networks make those that they put something into. */
static void add_base(struct ruleset *r, const struct base *b)
{
	struct rs_table *t = &r->tables[b->family];
	struct rs_chain *c = NULL;

	for (size_t i = 0; i < ARRAY_LEN(b->maps) && b->maps[i]; i++) {
		const struct rs_set *map = rs_set_find(t, b->maps[i]);

		if (!map)
			continue;
		if (!c) {
			c = rs_base_chain_add(t, b->name, b->hook, b->priority);
			c->nat = b->nat;
			if (b->hook == RS_INPUT)
				drop_link_groups(c);
		}
		rs_vmap(rs_rule_add(c, NULL), map);
	}
}

/* What networks have put into the maps; each map is made where it is the first. */
static void add_entries(struct ruleset *r, const struct network_part *p)
{
	for (size_t i = 0; i < p->n_entries; i++) {
		const struct map_entry *x = &p->entries[i];
		struct rs_table *t = &r->tables[x->family];
		struct rs_set *s = rs_set_find(t, x->map);
		uint8_t key[RULESET_KEY_MAX] = { 0 };

		if (!s)
			s = rs_set_add(t, x->map, RS_SET_VMAP, &x->field, 1);
		memcpy(key, p->subject.network.bridge, strlen(p->subject.network.bridge));
		rs_element_leads(s, rs_element_add(s, key, NULL, NULL), x->kind, x->chain);
	}
}

/* The ports' maps, without the bridge's name: a frame is judged by the port that it comes from, and by
 * the one that it goes to where it comes from one that is not known. */
static void add_port_maps(struct rs_table *t)
{
	static const enum rs_field in = RS_IIFNAME;

	(void)rs_set_add(t, NETWORK_MAP_PORTS, RS_SET_VMAP | RS_SET_LEARNED, &in, 1);
	(void)rs_set_add(t, NETWORK_MAP_LATERAL, RS_SET_VMAP | RS_SET_LEARNED, &in, 1);
}

static void ask_by_outgoing(struct rs_table *t)
{
	static const enum rs_field out = RS_OIFNAME;

	rs_vmap_by(rs_rule_add(rs_chain_find(t, "forward"), NULL),
		   rs_set_find(t, NETWORK_MAP_LATERAL), &out);
}

/* ---- The whole ---- */

/* What nft would read as something else than the name of an interface. */
static bool is_interface(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!is_plain(*c) && *c != ':' && *c != '@')
			return false;
	return name[0] != '\0';
}

static bool check_network(const struct plan *p, size_t index, struct err *e)
{
	const struct plan_subject *s = &p->subjects[index];
	char shown[64];

	if (!is_interface(s->network.bridge))
		return err_set_at(
			e, ERR_INVALID, s->at,
			"network %s: \"%s\" is not the name of a bridge: expected letters, "
			"digits and any of -_.:@",
			s->id, span_show(span_of(s->network.bridge), shown, sizeof(shown)));
	if (s->policy->limits.quota_bytes)
		return err_set_at(
			e, ERR_UNSUPPORTED, s->at,
			"network %s: policy %s has a quota, which a network cannot enforce", s->id,
			s->policy->name);
	return true;
}

/* What two networks cannot have in common. */
static bool check_pair(const struct plan_subject *a, const struct plan_subject *b, struct err *e)
{
	char prefix_a[RULESET_NAME_MAX], prefix_b[RULESET_NAME_MAX];

	network_prefix(a, prefix_a);
	network_prefix(b, prefix_b);
	if (strcmp(a->network.bridge, b->network.bridge) == 0)
		return err_set_at(e, ERR_INVALID, b->at,
				  "networks %s and %s have the same bridge, %s", a->id, b->id,
				  b->network.bridge);
	if (strcmp(prefix_a, prefix_b) == 0)
		return err_set_at(e, ERR_INVALID, b->at,
				  "networks %s and %s would have the same name in the kernel, %s",
				  a->id, b->id, prefix_b);
	return true;
}

static bool check_all(const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n_subjects; i++) {
		if (p->subjects[i].kind != SUBJECT_NETWORK)
			continue;
		if (!check_network(p, i, e))
			return false;
		for (size_t k = 0; k < i; k++)
			if (p->subjects[k].kind == SUBJECT_NETWORK &&
			    !check_pair(&p->subjects[k], &p->subjects[i], e))
				return false;
	}
	return true;
}

static void network_done(struct network *n)
{
	for (size_t i = 0; i < n->n_segments; i++)
		segment_done(&n->segments[i]);
	free(n->segments);
	segment_done(&n->ranges);
	segment_done(&n->redirected);
}

static void compile(struct network *n)
{
	network_prefix(n->subject, n->prefix);
	network_segments(n);
	segment_sets(n, &n->ranges);
	segment_sets(n, &n->redirected);
	for (size_t i = 0; i < n->n_segments; i++) {
		segment_sets(n, &n->segments[i]);
		segment_names(n, &n->segments[i]);
	}
	network_chains(n);
	network_bridge(n);
}

static struct network_part *compile_one(const struct plan_subject *s,
					const struct network_options *o, uint16_t dns_port,
					struct ruleset *r)
{
	struct network_part *p = network_part_new(s, dns_port, ruleset_begin(r));
	_cleanup_(network_done) struct network n = {
		.subject = s,
		.net = &s->network,
		.policy = s->policy,
		.options = o,
		.dns_port = dns_port,
		.inet = &r->tables[RS_INET],
		.bridge = &r->tables[RS_BRIDGE],
		.part = p,
		.ports = &p->ports,
	};

	compile(&n);
	rs_part_fit(p->rules);
	vec_fit(p->uses, p->n_uses, p->cap_uses);
	return p;
}

/* The network as it is in `was`, or compiled. */
static struct network_part *part_of(const struct plan_subject *s, const struct network_options *o,
				    const struct network_map *was, struct ruleset *r)
{
	uint16_t dns_port = policy_captures_dns(s->policy) ? o->dns_port : 0;
	struct network_part *p = was ? network_part_find(was, s, dns_port) : NULL;

	if (!p)
		return compile_one(s, o, dns_port, r);
	ruleset_take(r, p->rules);
	return network_part_ref(p);
}

static void compile_all(const struct plan *p, const struct network_options *o,
			const struct network_map *was, struct ruleset *r, struct network_map *m)
{
	for (size_t i = 0; i < p->n_subjects; i++) {
		if (p->subjects[i].kind != SUBJECT_NETWORK)
			continue;
		m->parts[m->n_ports] = part_of(&p->subjects[i], o, was, r);
		m->ports[m->n_ports] = m->parts[m->n_ports]->ports;
		m->ports[m->n_ports++].subject = i;
	}
}

/* What networks refer to: in a part of its own, which comes first. */
static struct rs_part *constants(const struct network_map *was, struct ruleset *r)
{
	if (was && was->constants) {
		ruleset_take(r, was->constants);
		return rs_part_ref(was->constants);
	}
	shared_sets(r);
	return rs_part_ref(r->parts[0]);
}

/* What refers to networks: in a part of its own, the last one. */
static void join(const struct network_map *m, struct ruleset *r)
{
	(void)ruleset_begin(r);
	if (m->by_port)
		add_port_maps(&r->tables[RS_BRIDGE]);
	for (size_t i = 0; i < m->n_ports; i++)
		add_entries(r, m->parts[i]);
	for (size_t i = 0; i < ARRAY_LEN(bases); i++)
		add_base(r, &bases[i]);
	if (m->by_port)
		ask_by_outgoing(&r->tables[RS_BRIDGE]);
}

bool compile_networks(const struct plan *p, const struct network_options *o,
		      const struct network_map *was, struct ruleset **out, struct network_map *map,
		      struct err *e)
{
	struct network_map m = { .by_port = o->by_port };
	struct ruleset *r;

	if (!check_all(p, e))
		return false;
	r = ruleset_new();
	m.ports = xcalloc(p->n_subjects + 1, sizeof(m.ports[0]));
	m.parts = xcalloc(p->n_subjects + 1, sizeof(struct network_part *));
	m.constants = constants(was, r);
	compile_all(p, o, was, r, &m);
	join(&m, r);
	map_finish(&m, o);
	ruleset_seal(r);
	*map = m;
	*out = r;
	return true;
}

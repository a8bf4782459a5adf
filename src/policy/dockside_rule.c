/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Egress and nat rules of firewall-config.json. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/proto.h"
#include "policy/dockside_impl.h"

/* ---- where to ---- */

enum selector { TO_ALL, TO_CIDR, TO_IP, TO_HOST, TO_IPSET, TO_COUNT };

static const char *const selector_names[TO_COUNT] = { "all", "cidr", "ip", "host", "ipset" };

/* The targets of one rule: everything of a destination but protocol and ports. */
struct targets {
	struct dest *items; /* owned */
	size_t n, cap;
	struct arena *arena; /* has what they point to */
};

static void add_target(struct targets *t, const struct dest *d)
{
	vec_push(t->items, t->n, t->cap, *d);
}

/* In an allow, `any` opens names and public addresses; the prefix opens the private ones as well. */
static void add_all(struct targets *t, bool allow)
{
	const struct dest any = { .target = DEST_ANY };
	struct dest v4 = { .target = DEST_PREFIX, .prefix = { { .family = AF_INET }, 0 } };

	add_target(t, &any);
	if (allow)
		add_target(t, &v4);
}

static bool add_ipset(struct dockside_reader *r, const struct jsonc_at *at, struct targets *t,
		      struct err *e)
{
	const struct dockside_ipset *set;
	const char *name;

	if (!dockside_string(at, &name, e))
		return false;
	set = name ? dockside_ipset_find(r->d, name) : NULL;
	if (!set)
		return jsonc_err(at, e, "the name of one of the ipsets");
	if (set->n == 0)
		dockside_note(r, at, "the set \"%s\" is empty: the rule has no effect", name);
	/* Each was read as one when the set was. */
	for (size_t i = 0; i < set->n; i++) {
		json_t *text = json_string(set->hostnames[i]);
		const struct jsonc_at entry = { .doc = at->doc, .up = at, .v = text, .index = i };
		struct dest d = { 0 };
		bool ok = dockside_host(&entry, t->arena, &d, e);

		json_decref(text);
		if (!ok)
			return false;
		add_target(t, &d);
	}
	return true;
}

static bool add_selected(struct dockside_reader *r, const struct jsonc_at *rule, enum selector to,
			 bool allow, struct targets *t, struct err *e)
{
	const struct jsonc_at at = jsonc_key(rule, selector_names[to]);
	struct dest d = { .target = DEST_PREFIX };

	switch (to) {
	case TO_ALL:
		add_all(t, allow);
		return true;
	case TO_CIDR:
		if (!dockside_cidr(&at, &d.prefix, e))
			return false;
		break;
	case TO_IP:
		if (!dockside_cidr(&at, &d.prefix, e) || d.prefix.len != 32)
			return jsonc_err(&at, e, "an IPv4 address");
		break;
	case TO_HOST:
		if (!dockside_host(&at, t->arena, &d, e))
			return false;
		break;
	case TO_IPSET:
		return add_ipset(r, &at, t, e);
	case TO_COUNT:
		break;
	}
	add_target(t, &d);
	return true;
}

/* The selectors that are written must be the one that `to` names: an allow is never for more. */
static bool check_allow(const struct jsonc_at *rule, enum selector to, struct err *e)
{
	for (size_t i = TO_CIDR; i < TO_COUNT; i++) {
		const struct jsonc_at at = jsonc_key(rule, selector_names[i]);

		if (i == to && !at.v)
			return jsonc_err_text(&at, e,
					      "not there: expected it beside \"to\": \"%s\"",
					      selector_names[to]);
		if (i != to && at.v)
			return jsonc_err_text(&at, e,
					      "beside \"to\": \"%s\": expected \"to\": \"%s\", or "
					      "no such key",
					      selector_names[to], selector_names[i]);
	}
	return true;
}

/*
 * A drop is for its cidr, whatever `to` says, or for what `to` says, or, where that is not written,
 * for everything: it is never for less than it was.
 */
static enum selector drop_selector(struct dockside_reader *r, const struct jsonc_at *rule,
				   enum selector to)
{
	if (jsonc_key(rule, "cidr").v)
		return TO_CIDR;
	if (to != TO_ALL && jsonc_key(rule, selector_names[to]).v)
		return to;
	for (size_t i = TO_IP; i < TO_COUNT; i++) {
		const struct jsonc_at at = jsonc_key(rule, selector_names[i]);

		if (at.v)
			dockside_note(r, &at,
				      "not looked at beside \"to\": \"%s\": everything is dropped",
				      selector_names[to]);
	}
	if (to != TO_ALL)
		dockside_note(r, rule,
			      "\"to\" is \"%s\" and nothing says which: everything is "
			      "dropped",
			      selector_names[to]);
	return TO_ALL;
}

static bool read_targets(struct dockside_reader *r, const struct jsonc_at *rule, bool allow,
			 struct targets *out, struct err *e)
{
	const struct jsonc_at at = jsonc_key(rule, "to");
	size_t to = TO_ALL;

	if (!dockside_choice(&at, selector_names, TO_COUNT, &to, e))
		return false;
	if (allow && !check_allow(rule, (enum selector)to, e))
		return false;
	if (!allow)
		to = drop_selector(r, rule, (enum selector)to);
	return add_selected(r, rule, (enum selector)to, allow, out, e);
}

/* ---- protocol and ports ---- */

static const char *const proto_names[] = { "tcp", "udp", "icmp" };
static const int16_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

struct service {
	bool written; /* there is a protocol */
	int16_t proto;
	int16_t icmp_type;
	uint16_t *ports; /* owned; sorted */
	size_t n_ports;
};

static int compare_ports(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static bool read_ports(const struct jsonc_at *list, struct service *s, struct err *e)
{
	size_t n = json_array_size(list->v);

	if (!dockside_is_list(list, e))
		return false;
	s->ports = xcalloc(n, sizeof(*s->ports));
	for (size_t i = 0; i < n; i++) {
		const struct jsonc_at at = jsonc_element(list, i);
		unsigned port;

		if (!at.v || json_is_null(at.v) || !dockside_number(&at, 1, UINT16_MAX, &port, e))
			return jsonc_err(&at, e, "a port, 1 to 65535");
		s->ports[s->n_ports++] = (uint16_t)port;
	}
	if (n)
		qsort(s->ports, n, sizeof(*s->ports), compare_ports);
	return true;
}

static bool read_type(const struct jsonc_at *at, struct service *s, struct err *e)
{
	const char *text;

	s->icmp_type = 8; /* echo-request */
	if (!dockside_string(at, &text, e))
		return false;
	if (!text)
		return true;
	s->icmp_type = -1;
	if (strcmp(text, "any") != 0 && !icmp_type_find(IPPROTO_ICMP, span_of(text), &s->icmp_type))
		return jsonc_err(at, e,
				 "a type of ICMP: echo-request, another one by name or number, or "
				 "any");
	return true;
}

static bool read_service(const struct jsonc_at *rule, struct service *out, struct err *e)
{
	const struct jsonc_at proto = jsonc_key(rule, "proto");
	const struct jsonc_at ports = jsonc_key(rule, "ports");
	const struct jsonc_at type = jsonc_key(rule, "type");
	size_t i = 0;

	*out = (struct service){ .written = proto.v, .proto = DEST_PROTO_ANY, .icmp_type = -1 };
	if (!dockside_choice(&proto, proto_names, ARRAY_LEN(proto_names), &i, e) ||
	    !read_ports(&ports, out, e))
		return false;
	if (proto.v)
		out->proto = protos[i];
	return out->proto != IPPROTO_ICMP || read_type(&type, out, e);
}

/* ---- destinations ---- */

/* So many more in all rules. */
static bool count_dests(struct dockside_reader *r, const struct jsonc_at *at, size_t n,
			struct err *e)
{
	r->n_dests += n;
	return r->n_dests <= LIMIT_POLICY_DESTS ||
	       jsonc_err_text(at, e, "more than %u destinations in all rules", LIMIT_POLICY_DESTS);
}

/* The next ports of the service from *at on, as many as one destination holds. */
static struct ports take_ports(const struct service *s, size_t *at, struct arena *a)
{
	struct port_range r[LIMIT_PORT_RANGES];
	size_t n = 0;

	for (; *at < s->n_ports; ++*at) {
		uint16_t port = s->ports[*at];

		if (n && port <= r[n - 1].hi + 1)
			r[n - 1].hi = port;
		else if (n == LIMIT_PORT_RANGES)
			break;
		else
			r[n++] = (struct port_range){ port, port };
	}
	return ports_of(r, n, a);
}

/* Each target with each group of ports. */
static bool combine(struct dockside_reader *r, const struct jsonc_at *at, const struct targets *t,
		    const struct service *s, struct plan_rule *rule, struct err *e)
{
	size_t port = 0, cap = 0;
	struct dest *dests = NULL;
	bool ok;

	do {
		struct ports ports = take_ports(s, &port, t->arena);

		if (s->proto == DEST_PROTO_ANY)
			ports = PORTS_ALL;
		ok = count_dests(r, at, t->n, e);
		for (size_t i = 0; ok && i < t->n; i++) {
			struct dest d = t->items[i];

			d.proto = s->proto;
			d.icmp_type = s->icmp_type;
			d.ports = ports;
			vec_push(dests, rule->n_dests, cap, d);
		}
	} while (ok && port < s->n_ports);
	rule->dests = arena_array(t->arena, rule->n_dests, struct dest);
	if (rule->n_dests)
		memcpy(rule->dests, dests, rule->n_dests * sizeof(*dests));
	free(dests);
	return ok;
}

/* ---- egress ---- */

/* What opened nothing still does: the rule stays without destinations. */
static bool is_passed_over(struct dockside_reader *r, const struct jsonc_at *at,
			   const struct service *s)
{
	if (!s->written)
		dockside_note(r, at,
			      "an allow without \"proto\" opens nothing: write tcp, udp or icmp");
	else if (s->proto != IPPROTO_ICMP && s->n_ports == 0)
		dockside_note(r, at, "an allow of %s without \"ports\" opens nothing",
			      s->proto == IPPROTO_TCP ? "tcp" : "udp");
	else
		return false;
	return true;
}

/* A drop is for every protocol and port of its destination. */
static void widen(struct dockside_reader *r, const struct jsonc_at *at, struct service *s)
{
	if (s->written)
		dockside_note(r, at, "a drop is for every protocol and port of its destination");
	s->proto = DEST_PROTO_ANY;
	s->icmp_type = -1;
	s->n_ports = 0;
}

static bool fill_egress(struct dockside_reader *r, const struct jsonc_at *at, struct service *s,
			struct targets *t, struct plan_rule *rule, struct err *e)
{
	static const char *const actions[] = { "allow", "drop" };
	const struct jsonc_at action = jsonc_key(at, "action"), comment = jsonc_key(at, "comment");
	size_t drop = 0;

	if (!dockside_choice(&action, actions, ARRAY_LEN(actions), &drop, e) ||
	    !dockside_comment(&comment, t->arena, &rule->comment, e) || !read_service(at, s, e) ||
	    !read_targets(r, at, !drop, t, e))
		return false;
	rule->action = drop ? RULE_DENY : RULE_ALLOW;
	if (drop)
		widen(r, at, s);
	else if (is_passed_over(r, at, s))
		return true;
	return combine(r, at, t, s, rule, e);
}

static bool read_egress(struct dockside_reader *r, const struct jsonc_at *at, struct arena *a,
			struct plan_rule *rule, struct err *e)
{
	struct service s = { 0 };
	struct targets t = { .arena = a };
	bool ok = fill_egress(r, at, &s, &t, rule, e);

	free(s.ports);
	free(t.items);
	return ok;
}

/* ---- nat ---- */

static bool read_port(const struct jsonc_at *rule, const char *key, struct ports *out,
		      struct err *e)
{
	const struct jsonc_at at = jsonc_key(rule, key);
	unsigned port = 0;

	if (!dockside_number(&at, 1, UINT16_MAX, &port, e))
		return false;
	if (!port)
		return jsonc_err(&at, e, "a port, 1 to 65535");
	*out = ports_one((uint16_t)port);
	return true;
}

/* One of to_host and to_ip: one name, or one address. */
static bool read_to(const struct jsonc_at *rule, struct arena *a, struct dest *out, struct err *e)
{
	const struct jsonc_at host = jsonc_key(rule, "to_host"), ip = jsonc_key(rule, "to_ip");
	const struct jsonc_at *at = ip.v ? &ip : &host;

	if (host.v && ip.v)
		return jsonc_err_text(&ip, e, "beside to_host: expected one of the two");
	if (!host.v && !ip.v)
		return jsonc_err_text(&host, e, "not there, and no to_ip: expected one of the two");
	if (!dockside_host(at, a, out, e))
		return false;
	if (out->target == DEST_PREFIX &&
	    (out->prefix.addr.family != AF_INET || out->prefix.len != 32))
		return jsonc_err(at, e, "an IPv4 address%s", ip.v ? "" : " or a host name");
	return out->target == DEST_PREFIX || !ip.v || jsonc_err(at, e, "an IPv4 address");
}

static bool read_nat(struct dockside_reader *r, const struct jsonc_at *at, struct arena *a,
		     struct plan_rule *rule, struct err *e)
{
	const struct jsonc_at proto = jsonc_key(at, "proto"), comment = jsonc_key(at, "comment");
	struct dest from = { .target = DEST_ANY, .icmp_type = -1 };
	size_t i = 0;

	rule->action = RULE_REDIRECT;
	rule->to = arena_array(a, 1, struct dest);
	rule->to->icmp_type = -1;
	if (!dockside_choice(&proto, proto_names, 2, &i, e) ||
	    !dockside_comment(&comment, a, &rule->comment, e) ||
	    !read_port(at, "match_dport", &from.ports, e) ||
	    !read_port(at, "to_port", &rule->to->ports, e) || !read_to(at, a, rule->to, e))
		return false;
	from.proto = rule->to->proto = protos[i];
	rule->dests = arena_array(a, 1, struct dest);
	rule->dests[rule->n_dests++] = from;
	return count_dests(r, at, 1, e);
}

/* ---- the rules of a network ---- */

typedef bool read_rule_fn(struct dockside_reader *r, const struct jsonc_at *at, struct arena *a,
			  struct plan_rule *rule, struct err *e);

static bool read_list(struct dockside_reader *r, const struct jsonc_at *list, const char *suffix,
		      read_rule_fn *read, struct err *e)
{
	const struct dockside_rules *rules = r->entry->rules;
	struct plan_policy *p = rules->policy;
	const char *source = arena_fmt(&p->arena, "%s%s", p->name, suffix);

	for (size_t i = 0; i < json_array_size(list->v); i++) {
		const struct jsonc_at at = jsonc_element(list, i);
		struct plan_rule *rule = &p->rules[p->n_rules];

		rules->places[p->n_rules++] = dockside_pos_within(r->entry, &at);
		*rule = (struct plan_rule){ .policy = source,
					    .index = (uint32_t)i + 1,
					    .private_names = true };
		if (!json_is_object(at.v))
			return jsonc_err(&at, e, "an object");
		if (!read(r, &at, &p->arena, rule, e))
			return false;
	}
	return true;
}

/* What is new to those who come from a chain that ended with a return. */
static void note_end(struct dockside_reader *r, const struct jsonc_at *at,
		     const struct plan_policy *p, size_t n_egress)
{
	const struct plan_rule *last = p->n_rules ? &p->rules[p->n_rules - 1] : NULL;

	if (n_egress == 0)
		dockside_note(r, at,
			      "no egress rules: everything is denied, but for what is exempt");
	else if (last->action != RULE_DENY || last->n_dests != 1 ||
		 last->dests[0].target != DEST_ANY)
		dockside_note(r, at,
			      "no drop at the end: what no rule allows is denied all the same");
}

bool dockside_read_rules(struct dockside_reader *r, const struct jsonc_at *at, struct err *e)
{
	struct plan_policy *p = r->entry->rules->policy;
	const struct jsonc_at egress = jsonc_key(at, "egress"), nat = jsonc_key(at, "nat");
	size_t n_egress = json_array_size(egress.v), n = n_egress + json_array_size(nat.v);

	p->dns = DNS_REAL;
	p->dns_by_rules = true;
	if (n > LIMIT_POLICY_RULES)
		return jsonc_err_text(at, e, "%zu rules, expected at most %u", n,
				      LIMIT_POLICY_RULES);
	plan_policy_reserve(p, n);
	if (!read_list(r, &nat, ".nat", read_nat, e) || !read_list(r, &egress, "", read_egress, e))
		return false;
	note_end(r, at, p, n_egress);
	return true;
}
